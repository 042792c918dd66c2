"""The desk's operation table as sync reads it: what waits, what was sent, and what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.messages import Operation, Value
from alumni_desk.sync.shapes import Shape, shapes

CHUNK = 5_000
_LAST = 2**63 - 1

_JSON_MAP = msgspec.json.Decoder(dict[str, Any])


class Outgoing(NamedTuple):
    """An operation ready to be sent."""

    id: str
    transaction: str
    body: bytes
    rowid: int
    audience: str
    table: str
    row: str
    kind: str


class Overlay(NamedTuple):
    """An operation that lies over a row's base. ``sequence`` is None until the server has answered."""

    rowid: int
    id: str
    fields: Mapping[str, Value]
    before: Mapping[str, str | None]
    values_before: Mapping[str, Value]
    clock: str
    sequence: int | None
    peer: bool = False  # another laptop's, met at a venue


def typed(shape: Shape | None, values: Mapping[str, Any]) -> dict[str, Value]:
    """Values with booleans as booleans: SQLite's JSON holds them as 0 and 1."""
    found = dict(values)
    if shape is not None:
        for name in shape.booleans & found.keys():
            if found[name] in (0, 1):
                found[name] = bool(found[name])
    return found


def outgoing(connection: sa.Connection, scope: str, limit: int, newest: int | None = None) -> list[Outgoing]:
    """The next operations to send, what people did before what files brought, none after ``newest``; a transaction is not cut if it can be helped."""
    rows = connection.exec_driver_sql(
        "SELECT rowid, id, action, transaction_id, audience, kind, table_name, row_id, fields, before, clock, schema FROM operation"
        " WHERE fate = 'waiting' AND sequence IS NULL AND queue <> 'peer' AND scope = ? AND rowid <= ? ORDER BY queue = 'load', rowid LIMIT ?",
        (scope, _LAST if newest is None else newest, limit)).all()
    if len(rows) == limit:
        last = rows[-1].transaction_id
        whole = [row for row in rows if row.transaction_id != last]
        rows = whole or rows
    return _ready(rows)


def unsealed(connection: sa.Connection, scope: str, limit: int) -> list[Outgoing]:
    """Operations still to send that lie in no sealed parcel yet."""
    rows = connection.exec_driver_sql(
        "SELECT rowid, id, action, transaction_id, audience, kind, table_name, row_id, fields, before, clock, schema FROM operation AS o"
        " WHERE fate = 'waiting' AND sequence IS NULL AND queue <> 'peer' AND scope = ?"
        " AND NOT EXISTS (SELECT 1 FROM parcel_operation AS p WHERE p.operation = o.id) ORDER BY queue = 'load', rowid LIMIT ?", (scope, limit)).all()
    return _ready(rows)


def _ready(rows: Sequence[sa.Row[Any]]) -> list[Outgoing]:
    known = shapes()
    found = []
    for row in rows:
        operation = Operation(id=row.id, action=row.action, transaction=row.transaction_id, kind=row.kind, table=row.table_name,
                              row=row.row_id, fields=typed(known.get(row.table_name), _JSON_MAP.decode(row.fields)),
                              before=_JSON_MAP.decode(row.before) if row.before else {}, clock=row.clock, schema=row.schema)
        found.append(Outgoing(row.id, row.transaction_id, body_of(operation), row.rowid, row.audience, row.table_name, row.row_id, row.kind))
    return found


def newest(connection: sa.Connection) -> int:
    """The rowid of the operation made last."""
    return int(connection.exec_driver_sql("SELECT max(rowid) FROM operation").scalar() or 0)


def lying_over(connection: sa.Connection, table: str, ids: Iterable[str]) -> dict[str, list[Overlay]]:
    """The operations still waiting on these rows of a table, oldest first."""
    found: dict[str, list[Overlay]] = defaultdict(list)
    shape = shapes().get(table)
    wanted = list(ids)
    for start in range(0, len(wanted), CHUNK):
        part = msgspec.json.encode(wanted[start:start + CHUNK]).decode()
        rows = connection.exec_driver_sql(
            "SELECT o.rowid, o.id, o.row_id, o.fields, o.before, o.values_before, o.clock, o.sequence, o.queue FROM operation AS o"
            " WHERE o.table_name = ? AND o.row_id IN (SELECT value FROM json_each(?)) AND o.fate = 'waiting' AND o.kind <> 'command'"
            " ORDER BY o.rowid", (table, part))
        for row in rows:
            found[row.row_id].append(Overlay(
                row.rowid, row.id, typed(shape, _JSON_MAP.decode(row.fields)), _JSON_MAP.decode(row.before) if row.before else {},
                typed(shape, _JSON_MAP.decode(row.values_before)) if row.values_before else {}, row.clock, row.sequence, row.queue == "peer"))
    return found


def mark_sent(connection: sa.Connection, answered: Sequence[tuple[int, int]]) -> None:
    """Keep the sequence that the server gave: pairs of sequence and rowid. The fate is sealed when the cursor has passed it."""
    if answered:
        connection.exec_driver_sql("UPDATE operation SET sequence = ? WHERE rowid = ?", list(answered))


def mark_accepted(connection: sa.Connection, rowids: Sequence[int], at: str) -> None:
    """These are part of the base now."""
    if rowids:
        connection.exec_driver_sql("UPDATE operation SET fate = 'accepted', resolved_at = ? WHERE rowid = ?", [(at, rowid) for rowid in rowids])


def mark_refused(connection: sa.Connection, refused: Sequence[tuple[int, str, int]], at: str) -> None:
    """The server said no, for good: sequence, reason and rowid of each."""
    if refused:
        connection.exec_driver_sql("UPDATE operation SET fate = 'refused', sequence = ?, reason = ?, resolved_at = ? WHERE rowid = ?",
                                   [(sequence, reason, at, rowid) for sequence, reason, rowid in refused])


def passed(connection: sa.Connection, scope: str, cursor: int) -> list[tuple[int, str, str]]:
    """Operations that the server has resolved at or before the cursor and that still lie over their rows: rowid, table, row."""
    rows = connection.exec_driver_sql(
        "SELECT rowid, table_name, row_id FROM operation WHERE fate = 'waiting' AND sequence <= ? AND scope = ?", (cursor, scope))
    return [(row.rowid, row.table_name, row.row_id) for row in rows]


def count_waiting(connection: sa.Connection) -> int:
    """How many operations the server has not answered yet."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM operation WHERE fate = 'waiting' AND sequence IS NULL AND queue <> 'peer'").scalar() or 0)


def is_unsettled(connection: sa.Connection, scope: str) -> bool:
    """Whether the server has resolved operations that still lie over their rows."""
    return connection.exec_driver_sql(
        "SELECT 1 FROM operation WHERE fate = 'waiting' AND sequence IS NOT NULL AND scope = ? LIMIT 1", (scope,)).first() is not None
