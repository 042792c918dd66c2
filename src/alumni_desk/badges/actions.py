"""Remembering which badges came out of the printer."""

from __future__ import annotations

from collections.abc import Sequence

from alumni_desk.badges.people import BadgePerson
from alumni_desk.store.desk import Changed, Desk


def note_printed(desk: Desk, gathering_id: str, people: Sequence[BadgePerson], *, station: str | None = None) -> Changed:
    """A fact for each badge that was printed, so that the next print can leave them out. Prints again are facts again."""
    with desk.writing("badges_printed", gathering=gathering_id) as writing:
        at = writing.now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{writing.now.microsecond // 1000:03d}Z"
        if people:
            writing.add_many("fact", [{"kind": "badge", "gathering": gathering_id, "registration": one.registration, "person": one.person, "at": at,
                                       "station": station or desk.device_name, "method": "print"} for one in people])
    return writing.changed
