"""The desk's operation table as sync reads it: what waits, what was sent, and what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.messages import Operation, Value
from alumni_desk.store import driver, fates
from alumni_desk.store.tables import CARD_MOVED, CARRIED, CHAPTER_MOVED
from alumni_desk.sync.shapes import Shape, shapes

CHUNK = 5_000
_LAST = 2**63 - 1

BEFORE_THE_MOVE = -1
"""In the place of a sequence: a former server took it in, and what came of it went along with the rows. Offered once more on its own, it would meet there what
was written over it since, by whoever had seen it at that server."""

_JSON_MAP = msgspec.json.Decoder(dict[str, Any])


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """An operation ready to be sent."""

    id: str
    transaction: str
    body: bytes
    rowid: int
    audience: str
    table: str
    row: str
    kind: str
    load: bool = False
    new: bool = False  # it made its row: nothing was seen before


class Overlay(NamedTuple):
    """An operation that lies over a row's base. ``sequence`` is None until the server has answered."""

    rowid: int
    id: str
    fields: Mapping[str, Value]
    before: Mapping[str, str | None]
    values_before: Mapping[str, Value]
    clock: str
    sequence: int | None
    peer: bool = False  # another laptop's, met at a venue; or of a card that moves to another server


def typed(shape: Shape | None, values: Mapping[str, Any]) -> dict[str, Value]:
    """Values with booleans as booleans: SQLite's JSON holds them as 0 and 1."""
    found = dict(values)
    if shape is not None and not shape.booleans.isdisjoint(found):
        for name in shape.booleans & found.keys():
            if found[name] in (0, 1):
                found[name] = bool(found[name])
    return found


def outgoing(connection: sa.Connection, scope: str, limit: int, newest: int | None = None, after: int | None = None, *,
             most_of_files: int | None = None) -> list[Outgoing]:
    """The next operations to send, what people did before what files brought, none after ``newest``; a transaction is not cut if it can be helped.

    ``after``: only of what files brought, and only what comes after this one (its rowid). ``most_of_files``: with so many none of that is added.
    """
    last = _LAST if newest is None else newest
    found: list[Outgoing] = []
    if after is None:
        found = _read(connection, f"{_READY} AND w.queue = 'live' AND o.scope = ? AND w.operation <= ? ORDER BY w.operation LIMIT ?", (scope, last, limit + 1))
    limit = limit if most_of_files is None else min(limit, max(most_of_files, len(found)))
    if len(found) < limit:
        found += _read(connection, f"{_READY} AND w.queue = 'load' AND o.scope = ? AND w.operation > ? AND w.operation <= ? ORDER BY w.operation LIMIT ?",
                       (scope, after or 0, last, limit + 1 - len(found)))
    if len(found) > limit:  # the one too many tells whether a transaction ends before it
        cut = found[-1].transaction
        found = [one for one in found if one.transaction != cut] or found[:limit]
    return found


_COLUMNS = ("SELECT o.rowid, o.id, o.action, o.transaction_id, o.audience, o.kind, o.table_name, o.row_id, o.fields, o.before, o.clock, o.schema,"
            " o.queue = 'load'")
_READY = f"{_COLUMNS} {fates.FROM_WAITING} WHERE w.sequence IS NULL"


def unsealed(connection: sa.Connection, scope: str, limit: int) -> list[Outgoing]:
    """Operations still to send that lie in no sealed parcel yet."""
    return _read(
        connection, f"{_READY} AND w.queue <> 'peer' AND o.scope = ? AND NOT EXISTS (SELECT 1 FROM parcel_operation AS p WHERE p.operation = o.id)"
        " ORDER BY w.queue = 'load', w.operation LIMIT ?", (scope, limit))


def noted(connection: sa.Connection, scope: str, since: str) -> list[Outgoing]:
    """What was noted here at doors since a moment and lies in no sealed parcel yet, whether or not the server has it; and who was put on the list by it.
    What was refused is not among it: no row says it. Nor what others had written, which this laptop carried to another server, or what was erased."""
    carried = ", ".join(f"'{event}'" for event in CARRIED)
    return _read(
        connection, "WITH told AS MATERIALIZED (SELECT o.rowid AS n, o.action FROM fact AS f CROSS JOIN operation AS o INDEXED BY operation_row"
        " ON o.table_name = 'fact' AND o.row_id = f.id WHERE f.scope = ? AND f.at > ? AND o.kind = 'fact' AND o.queue <> 'peer'"
        f" AND o.event NOT IN ({carried})),"
        " beside AS MATERIALIZED (SELECT o.rowid AS n FROM (SELECT DISTINCT action FROM told) AS t CROSS JOIN operation AS o INDEXED BY operation_action"
        " ON o.action = t.action WHERE o.kind = 'put' AND o.audience <> 'chapter' AND o.before IN ('{}', '') AND o.fields <> '{}' AND o.queue <> 'peer' AND"
        " (o.table_name = 'person' AND EXISTS (SELECT 1 FROM person AS p WHERE p.id = o.row_id AND NOT p.gone)"
        " OR o.table_name = 'registration' AND EXISTS (SELECT 1 FROM registration AS r WHERE r.id = o.row_id AND NOT r.gone)))"
        f" {_COLUMNS} FROM operation AS o WHERE o.rowid IN (SELECT n FROM told UNION SELECT n FROM beside)"
        " AND NOT EXISTS (SELECT 1 FROM parcel_operation AS p WHERE p.operation = o.id)"
        " AND coalesce(json_extract(o.fields, '$.person'), o.row_id) NOT IN (SELECT id FROM erased) ORDER BY o.rowid", (scope, since))


def _read(connection: sa.Connection, question: str, parameters: Sequence[Any]) -> list[Outgoing]:
    """A portion at a time: of thousands of rows held at once the garbage collector would go through each."""
    return [one for rows in driver.portions(connection, question, parameters, _PORTION) for one in _ready(rows)]


_PORTION = 250


def _ready(rows: Sequence[Any]) -> list[Outgoing]:
    known = shapes()
    flags = {name: shape.booleans for name, shape in known.items()}
    none: frozenset[str] = frozenset()
    found = []
    for rowid, name, action, transaction, audience, kind, table, row, fields, before, clock, schema, load in rows:
        said = _JSON_MAP.decode(fields)
        if not said.keys().isdisjoint(flags.get(table, none)):  # this way round: there are few flags, and many fields
            said = typed(known[table], said)
        new = before == "{}" or before == ""
        operation = Operation(name, action, transaction, kind, table, row, said, {} if new else _JSON_MAP.decode(before), clock, schema)
        found.append(Outgoing(name, transaction, body_of(operation), rowid, audience, table, row, kind, bool(load), new))
    return found


def newest(connection: sa.Connection) -> int:
    """The rowid of the operation made last."""
    return int(connection.exec_driver_sql("SELECT max(rowid) FROM operation").scalar() or 0)


def name_of(connection: sa.Connection, rowid: int) -> str | None:
    """The id of the operation with a rowid."""
    row = driver.row(connection, "SELECT id FROM operation WHERE rowid = ?", (rowid,))
    return None if row is None else str(row[0])


def lying_over(connection: sa.Connection, table: str, ids: Iterable[str]) -> dict[str, list[Overlay]]:
    """The operations still waiting on these rows of a table, oldest first."""
    found: dict[str, list[Overlay]] = defaultdict(list)
    shape = shapes().get(table)
    wanted = list(ids) if driver.row(connection, "SELECT 1 FROM waiting LIMIT 1") else []
    for start in range(0, len(wanted), CHUNK):
        part = msgspec.json.encode(wanted[start:start + CHUNK]).decode()
        rows = driver.rows(
            connection, "SELECT o.rowid, o.id, o.row_id, o.fields, o.before, o.values_before, o.clock, w.sequence, o.queue, o.event FROM json_each(?) AS j"
            " CROSS JOIN operation AS o INDEXED BY operation_row ON o.table_name = ? AND o.row_id = j.value JOIN waiting AS w ON w.operation = o.rowid"
            " WHERE o.kind <> 'command' ORDER BY o.rowid", (part, table))
        for rowid, name, row_id, fields, before, values_before, clock, sequence, queue, event in rows:
            found[row_id].append(Overlay(
                rowid, name, typed(shape, _JSON_MAP.decode(fields)), _JSON_MAP.decode(before) if before else {},
                typed(shape, _JSON_MAP.decode(values_before)) if values_before else {}, clock, sequence, queue == "peer" or event == CARD_MOVED))
    return found


def mark_sent(connection: sa.Connection, answered: Sequence[tuple[int, int]]) -> None:
    """Keep the sequence that the server gave: pairs of sequence and rowid. They wait on until the cursor has passed it."""
    if answered:
        driver.run_many(connection, "UPDATE waiting SET sequence = ? WHERE operation = ?", answered)


def mark_base(connection: sa.Connection, sequences: Sequence[int], rowids: Sequence[int], at: str | None) -> None:
    """These are part of the base now, each under the sequence that the server gave. ``at``: when, of what people did; of what files brought nobody asks."""
    for sequence, first, count in _run_of(sequences, rowids) or _runs(list(zip(sequences, rowids, strict=True))):
        these = (first, first + count - 1)
        driver.run(connection, "INSERT INTO accepted (operation, sequence, at) SELECT operation, operation + ?, ? FROM waiting WHERE operation BETWEEN ? AND ?",
                   (sequence - first, at, *these))
        driver.run(connection, "DELETE FROM waiting WHERE operation BETWEEN ? AND ?", these)


def _run_of(sequences: Sequence[int], rowids: Sequence[int]) -> list[tuple[int, int, int]]:
    """All of them as one run, as they mostly are; nothing where they are not."""
    if not rowids or any(list(those) != list(range(those[0], those[0] + len(those))) for those in (sequences, rowids)):
        return []
    return [(sequences[0], rowids[0], len(rowids))]


def _runs(answered: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Where sequences and rowids rise together: the first of each, and how many there are."""
    begun = before = (0, 0)
    for one in answered:
        if before == (0, 0) or one != (before[0] + 1, before[1] + 1):
            if before != (0, 0):
                yield *begun, before[1] - begun[1] + 1
            begun = one
        before = one
    if before != (0, 0):
        yield *begun, before[1] - begun[1] + 1


def mark_accepted(connection: sa.Connection, rowids: Sequence[int], at: str) -> None:
    """These are part of the base now."""
    if rowids:
        driver.run_many(connection, "INSERT INTO accepted (operation, sequence, at) SELECT operation, sequence, ? FROM waiting WHERE operation = ?",
                        [(at, rowid) for rowid in rowids])
        driver.run_many(connection, "DELETE FROM waiting WHERE operation = ?", [(rowid,) for rowid in rowids])


def mark_refused(connection: sa.Connection, refused: Sequence[tuple[int, str, int]], at: str) -> None:
    """The server said no, for good: sequence, reason and rowid of each."""
    if refused:
        # Of what waits still: another program of this desk may have sent it, too, and heard the same.
        driver.run_many(connection, "INSERT INTO refused (operation, sequence, reason, at) SELECT operation, ?, ?, ? FROM waiting WHERE operation = ?",
                        [(sequence, reason, at, rowid) for sequence, reason, rowid in refused])
        driver.run_many(connection, "DELETE FROM waiting WHERE operation = ?", [(rowid,) for _sequence, _reason, rowid in refused])


def drop_carried(connection: sa.Connection, rowids: Sequence[int]) -> int:
    """What was carried here about somebody who was erased is nobody's change that did not count, and is told to nobody. Returns how many."""
    return sum(connection.exec_driver_sql("DELETE FROM operation WHERE rowid = ? AND event = ?", (rowid, CHAPTER_MOVED)).rowcount for rowid in rowids)


def passed(connection: sa.Connection, scope: str, cursor: int) -> list[tuple[int, str, str]]:
    """Operations that the server has resolved at or before the cursor and that still lie over their rows: rowid, table, row."""
    return driver.rows(
        connection, f"SELECT o.rowid, o.table_name, o.row_id {fates.FROM_WAITING} WHERE w.sequence <= ? AND o.scope = ?", (cursor, scope))


def is_waiting(connection: sa.Connection) -> bool:
    """Whether there is anything that the server has not answered yet."""
    mine = " AND queue <> 'peer'" if others(connection) else ""
    return driver.row(connection, f"SELECT 1 FROM waiting WHERE sequence IS NULL{mine} LIMIT 1") is not None


def count_waiting(connection: sa.Connection) -> int:
    """How many operations the server has not answered yet."""
    return int(driver.row(connection, "SELECT count(*) FROM waiting WHERE sequence IS NULL AND queue <> 'peer'")[0])


def count_of_files(connection: sa.Connection, after: int, newest: int | None) -> int:
    """How many of these files brought, of any chapter, from one rowid on up to another."""
    return int(driver.row(connection, "SELECT count(*) FROM waiting WHERE sequence IS NULL AND queue = 'load' AND operation > ? AND operation <= ?",
                          (after, _LAST if newest is None else newest))[0])


def others(connection: sa.Connection) -> bool:
    """Whether parcels of other laptops were ever brought here: only then may their operations lie here, unanswered."""
    return driver.row(connection, "SELECT 1 FROM parcel WHERE state <> 'own' LIMIT 1") is not None


def is_unsettled(connection: sa.Connection, scope: str) -> bool:
    """Whether the server has resolved operations that still lie over their rows."""
    return driver.row(
        connection, "SELECT 1 FROM waiting AS w INDEXED BY waiting_answered CROSS JOIN operation AS o ON o.rowid = w.operation"
                    " WHERE w.sequence IS NOT NULL AND o.scope = ? LIMIT 1", (scope,)) is not None
