"""An erasure to its end: beside the rows it reaches the chapters that somebody was in before, the files for first syncs, and the database's own log.

A process that died in the middle of one is made up for when the server starts, and once a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alumni_desk.server import erasing, journal, moved_erased
from alumni_desk.server.snapshot import Snapshots
from alumni_desk.server.state import Server


@contextmanager
def erasures(server: Server, now: int, snapshots: Snapshots) -> Iterator[erasing.Journal]:
    """What is erased meanwhile stands in the journal before anything else, and is nowhere afterwards. The transactions inside commit."""
    erased: set[str] = set()
    people: set[str] = set()

    def note(event: str, *, scope: str, **details: Any) -> None:
        erased.add(scope)
        if details.get("table") == "person":
            people.add(str(details["row"]))
        journal.write(server.journal, server.id, event, scope=scope, **details)

    yield note
    if people:
        moved_erased.follow(server, now, note, frozenset(people))
    for scope in erased:
        snapshots.forget(scope)
    if erased:
        server.database.scrub()


def make_up(server: Server, now: int) -> int:
    """Bring to their end the erasures that were cut off; returns how many people were still somewhere."""
    snapshots = Snapshots(server)
    with erasures(server, now, snapshots) as note:
        count = moved_erased.follow(server, now, note)
    snapshots.tidy()
    server.database.scrub()
    return count
