"""What the last syncs did, and what came by itself between them, for the Sync page: kept in the desk's own database, newest first."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import sqlalchemy as sa

from alumni_desk.sync import state
from alumni_desk.sync.kept import kept_here

KEPT = 50
TOGETHER = timedelta(minutes=10)
"""What comes by itself so soon after other rows stands in one line with them: an evening brings hundreds."""

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
        _keep(connection, [_did(connection, now, sent, fetched, refused, conflicts, dropped), *lately(connection)])


def note_came(connection: sa.Connection, now: datetime, rows: int) -> None:
    """Keep that rows came by themselves, while this laptop listened. ``now``: the corrected time. The caller commits."""
    did, past = _did(connection, now, fetched=rows), lately(connection)
    last = past[0] if past else None
    if last is not None and last == msgspec.structs.replace(did, at=last.at, fetched=last.fetched) and abs(now - datetime.fromisoformat(last.at)) < TOGETHER:
        did, past = msgspec.structs.replace(did, fetched=last.fetched + rows), past[1:]
    _keep(connection, [did, *past])


def _did(connection: sa.Connection, now: datetime, sent: int = 0, fetched: int = 0, refused: int = 0, conflicts: int = 0, dropped: int = 0) -> Did:
    at = now.isoformat(timespec="seconds").replace("+00:00", "Z")
    there = state.read(connection, state.Membership)
    return Did(at, sent, fetched, refused, conflicts, dropped, there.url if there is not None else "", kept_here(connection) is not None)


def _keep(connection: sa.Connection, found: list[Did]) -> None:
    connection.exec_driver_sql("INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                               (_KEY, msgspec.json.encode(found[:KEPT]).decode()))


def lately(connection: sa.Connection) -> list[Did]:
    """The last syncs that did something, the newest first."""
    text = connection.exec_driver_sql("SELECT value FROM sync_state WHERE key = ?", (_KEY,)).scalar()
    return [] if text is None else msgspec.json.decode(text, type=list[Did])
