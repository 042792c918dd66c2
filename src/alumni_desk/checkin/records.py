"""Facts of the door: append-only, never corrected, only closed by later facts that name them."""

from __future__ import annotations

from alumni_desk.checkin.taking_back import facts_back
from alumni_desk.protocol import forms
from alumni_desk.store.synced import field, synced

fact = synced(
    "fact",
    field("kind", door=True),  # in | out | void | badge
    field("gathering", door=True),
    field("registration", door=True),
    field("person", door=True),
    field("closes", door=True, many=True, form=forms.ids),  # ids of the facts that an out or void closes
    field("at", door=True),  # when, by this laptop's calibrated clock: UTC, ISO 8601 with milliseconds and Z
    field("station", door=True),
    field("method", door=True),  # name | code | walk_in | command | undo
    field("reason", door=True),
    field("by", door=True),  # the volunteer's name as the station knows it
    kind="fact",
    audience="row",
    takes_back=facts_back,
)

TABLES = (fact,)
