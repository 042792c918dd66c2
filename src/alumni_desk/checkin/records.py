"""Facts of the door: append-only, never corrected, only closed by later facts that name them."""

from __future__ import annotations

from alumni_desk.checkin.taking_back import facts_back
from alumni_desk.protocol import forms
from alumni_desk.protocol.values import is_id
from alumni_desk.store.synced import field, synced

KINDS = ("in", "out", "void", "badge")
"""What a fact may be: somebody came, left, or that is taken back; their badge was printed. A desk that writes another has a schema of its own, which an older
server tells it before: what it wrote waits with it."""

fact = synced(
    "fact",
    field("kind", door=True, form=forms.one_of(*KINDS)),
    field("gathering", door=True, form=is_id),
    field("registration", door=True, form=is_id),
    field("person", door=True, form=is_id),
    field("closes", door=True, many=True, form=forms.ids),  # ids of the facts that an out or void closes
    field("at", door=True, form=forms.moment),  # when, by this laptop's calibrated clock: UTC, ISO 8601 with milliseconds and Z
    field("station", door=True, form=forms.short),
    field("method", door=True, form=forms.short),  # name | code | walk_in | command | undo
    field("reason", door=True, form=forms.short),
    field("by", door=True, form=forms.short),  # the volunteer's name as the station knows it
    kind="fact",
    audience="row",
    takes_back=facts_back,
)

TABLES = (fact,)
