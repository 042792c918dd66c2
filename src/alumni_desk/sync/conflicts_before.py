"""A server that went back to a backup may have lost cards. What comes again makes the same ones as a rule; where somebody had decided and undone it, it does
not, for both values have one writer by then. So each laptop that knew of them tells them, once what won is at the server again; it takes up what it lacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import ConflictRow
from alumni_desk.store.desk import Desk
from alumni_desk.sync import operations
from alumni_desk.sync.conflicts_kept import KEPT, Kept, card_id, read_kept, records_of, write_kept
from alumni_desk.sync.conflicts_open import STAYS_MS, still_open

if TYPE_CHECKING:
    from alumni_desk.sync.state import Membership

_ROWS, _BYTES = 1_000, 2 << 20
"""So many are told in one message, and so long is it at most."""


def keep(connection: sa.Connection) -> None:
    """The server went back: what it told so far, it may know no more. Those that are decided on, too, for that may be undone."""
    kept = read_kept(connection, KEPT, Kept)
    if kept is not None and kept.rows:
        names = {card_id(row) for row in kept.rows}
        write_kept(connection, KEPT, msgspec.structs.replace(kept, before=[*kept.rows, *(row for row in kept.before if card_id(row) not in names)]))


def to_tell(connection: sa.Connection, desk: Desk, membership: Membership, kept: Kept | None, standing: Mapping[str, bool]) -> list[ConflictRow]:
    """Those that are open or decided on here (``standing``), where what won, or was written over it, is here and at the server."""
    if kept is None or not kept.before or operations.count_waiting(connection):
        return []
    rows = [row for row in kept.before if row.table in desk.tables]
    there = records_of(connection, desk, rows)
    wanted = {card_id(row) for one in still_open(connection, desk, membership, rows)[0] for row in one.twins}
    wanted |= {name for name, stands in standing.items() if stands}
    return [row for row in rows if card_id(row) in wanted and (row.table, row.row) in there
            and (there[row.table, row.row]["written"][row.field] or "") >= row.winner_clock]


def left(desk: Desk, kept: Kept | None, known: set[str]) -> list[ConflictRow]:
    """Those that are to be told yet, without what the server knows, and what lost long ago."""
    since = desk.clock.now_ms() - STAYS_MS
    return [] if kept is None else [row for row in kept.before if card_id(row) not in known and row.made > since]


def parts(rows: Sequence[ConflictRow]) -> Iterator[list[ConflictRow]]:
    """As many as go into one message."""
    part: list[ConflictRow] = []
    size = 0
    for row in rows:
        length = len(msgspec.msgpack.encode(row))
        if part and (len(part) >= _ROWS or size + length > _BYTES):
            yield part
            part, size = [], 0
        part.append(row)
        size += length
    if part:
        yield part
