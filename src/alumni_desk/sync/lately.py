"""What the last syncs did, for the Sync page: kept in the desk's own database, newest first, those that did nothing left out."""

from __future__ import annotations

from datetime import datetime

import msgspec
import sqlalchemy as sa

from alumni_desk.sync import state
from alumni_desk.sync.kept import kept_here

KEPT = 50
_KEY = "lately"


class Did(msgspec.Struct, frozen=True, omit_defaults=True):
    """One sync. ``at``: ISO 8601 UTC; how many changes were sent, rows fetched, changes refused, fields that clashed, unsent changes that went
    with somebody who was erased. ``server``: the address of the server, which may be a former one by now (empty: a former version noted none); ``own``:
    it was this laptop's own, with which it kept the chapter."""

    at: str
    sent: int = 0
    fetched: int = 0
    refused: int = 0
    conflicts: int = 0
    dropped: int = 0
    server: str = ""
    own: bool = False


def note(connection: sa.Connection, now: datetime, *, sent: int, fetched: int, refused: int, conflicts: int, dropped: int = 0) -> None:
    """Keep what a sync did, if it did anything. ``now``: the corrected time, as the server told it. The caller commits."""
    if sent or fetched or refused or conflicts or dropped:
        at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
        there = state.read(connection, state.Membership)
        did = Did(at, sent, fetched, refused, conflicts, dropped, there.url if there is not None else "", kept_here(connection) is not None)
        found = [did, *lately(connection)][:KEPT]
        connection.exec_driver_sql("INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                                   (_KEY, msgspec.json.encode(found).decode()))


def lately(connection: sa.Connection) -> list[Did]:
    """The last syncs that did something, the newest first."""
    text = connection.exec_driver_sql("SELECT value FROM sync_state WHERE key = ?", (_KEY,)).scalar()
    return [] if text is None else msgspec.json.decode(text, type=list[Did])
