"""What somebody took out of a database, or wrote into it, by another program than this one, as far as the rest of it tells."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.clocks import is_packed, unpack
from alumni_desk.protocol.forms import cut
from alumni_desk.store import driver, fates
from alumni_desk.store.at_door import is_at_door
from alumni_desk.store.done import NEVER
from alumni_desk.store.erasing import rows_erased
from alumni_desk.store.synced import clock_key, data_columns
from alumni_desk.store.tables import CARD_MOVED, CARRIED

Row = tuple[str, str]
"""A row of any table: the table and its id."""
Made = tuple[str, str, str, str]
"""An operation as the copy of what waits names it: its id, table, row and clock."""

COMPARED = 20_000
"""So many of the newest operations that the server has are compared with their rows: all of them would take as long as all the rest of the check."""

_json = msgspec.json.Decoder(dict[str, Any])
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Tampered:
    """``lost``: rows that hold what was written here, though the operation that says so is gone; ``actions``: those that lack their entry in the list, or of
    which nothing but the entry is left; ``changed``: rows that hold what nobody wrote to them; ``rowless``: facts that are gone."""

    lost: frozenset[Row]
    actions: int
    changed: int
    rowless: int


def look(connection: sa.Connection, tables: Mapping[str, sa.Table], copy: Iterable[Made], not_under: Set[Row]) -> Tampered:
    """Look at all of it. ``copy``: the operations in the copy of what waits, which was read before; ``not_under``: rows of which something waits, but not
    all that they say. What cannot be known is said at ``checking.verify``."""
    synced = {name: table for name, table in tables.items() if table.info.get("synced")}
    erased = rows_erased(connection)
    some_erased = bool(erased)
    lost = set(_of_copy(connection, synced, copy))
    actions = _without_entry(connection)
    if _all_made_here(connection):
        for table in synced.values():
            lost |= _without_operation(connection, table)
        lost |= not_under
        if some_erased:  # whose a household was is not known any more
            lost = {one for one in lost if one[0] != "household"}
        actions += 0 if some_erased else _without_operations(connection)
    gone = changed = 0
    if not _narrow(connection):
        some_accepted = driver.row(connection, "SELECT 1 FROM accepted LIMIT 1") is not None
        for table in synced.values():
            fact = table.info["kind"] == "fact"
            ids = set() if fact else _said_by_nobody(connection, table)
            if fact or some_accepted:
                ids |= _said_otherwise(connection, table)
            changed += len([one for one in ids if (table.name, one) not in erased])
        gone = _rowless(connection, [name for name, table in synced.items() if table.info["kind"] == "fact"]) if some_accepted else 0
    return Tampered(frozenset(lost - erased), actions, changed, gone)


def _narrow(connection: sa.Connection) -> bool:
    """Whether this laptop holds the list of one gathering, or what is left of it: it forgets rows, and what it may not read."""
    return is_at_door(connection) or driver.row(connection, "SELECT 1 FROM sync_state WHERE key = 'ended'") is not None


def _all_made_here(connection: sa.Connection) -> bool:
    """Whether there never was a server: every value was written on this laptop, and its operation stays."""
    return driver.row(
        connection, "SELECT 1 WHERE EXISTS (SELECT 1 FROM sync_state WHERE key IN ('membership', 'elsewhere', 'ended') OR key LIKE 'replica:%')"
        " OR EXISTS (SELECT 1 FROM accepted) OR EXISTS (SELECT 1 FROM scope WHERE cursor > 0)") is None


def _without_entry(connection: sa.Connection) -> int:
    """Actions that operations name and the list of actions does not. At a door a fact that the server has outlives its action."""
    absent = [one for (one,) in driver.rows(
        connection, "SELECT DISTINCT o.action FROM operation AS o INDEXED BY operation_action WHERE o.action NOT IN (SELECT id FROM action)")]
    return len(driver.rows(
        connection, "SELECT DISTINCT o.action FROM json_each(?) AS j CROSS JOIN operation AS o INDEXED BY operation_action ON o.action = j.value"
        " WHERE o.queue <> 'peer' AND o.event NOT IN (?, ?) AND NOT (o.kind = 'fact' AND o.rowid IN (SELECT operation FROM accepted))",
        (json.dumps(absent), *CARRIED)))


def _without_operations(connection: sa.Connection) -> int:
    """Actions of which nothing but the entry is left, though nothing took it away."""
    lapsed = "SELECT value FROM json_each((SELECT value FROM sync_state WHERE key = 'lapsed'))"
    found = driver.row(
        connection, "SELECT count(*) FROM action WHERE NOT EXISTS (SELECT 1 FROM operation AS o INDEXED BY operation_action WHERE o.action = action.id)"
        f" AND event NOT IN (SELECT value FROM json_each(?)) AND id NOT IN ({lapsed})", (json.dumps(sorted(NEVER)),))
    return int(found[0])


def is_under(clocks: str, newest: str | None, said: str | None) -> bool:
    """Whether all that a row says was written under one of these clocks. ``newest``: its newest; ``said``: all of its clocks."""
    if newest is not None and newest not in clocks:
        return False
    return said is None or said.find("-", _SECOND) < 0 or all(one in clocks for one in {*unpack(said).values()})


_SECOND = 37
"""After the first clock of a row's; see ``tables.CHANGED``."""


def _without_operation(connection: sa.Connection, table: sa.Table) -> set[Row]:
    """Rows of which there is no operation at all; and facts without their own."""
    own = "" if table.info["kind"] == "put" else " AND o.clock = t.clock"
    return {(table.name, row_id) for (row_id,) in driver.rows(
        connection, f'SELECT t.id FROM "{table.name}" AS t WHERE t.clock IS NOT NULL AND NOT EXISTS'
                    f" (SELECT 1 FROM operation AS o INDEXED BY operation_row WHERE o.table_name = ? AND o.row_id = t.id{own})", (table.name,))}


def _of_copy(connection: sa.Connection, tables: Mapping[str, sa.Table], copy: Iterable[Made]) -> Iterator[Row]:
    """The same by the copy of what waits: it holds an operation that the database has not, and the row has what it wrote."""
    of_rows: dict[str, dict[str, dict[str, str]]] = {}
    for operation, table, row_id, clock in copy:
        if table in tables:
            of_rows.setdefault(table, {}).setdefault(row_id, {})[operation] = clock
    for name, rows in of_rows.items():
        for ids in _parts(rows):
            for row_id, operation in driver.rows(
                    connection, "SELECT o.row_id, o.id FROM json_each(?) AS j CROSS JOIN operation AS o INDEXED BY operation_row ON o.table_name = ?"
                    " AND o.row_id = j.value", (json.dumps(ids), name)):
                rows[row_id].pop(operation, None)
        clocks = {row_id: {*absent.values()} for row_id, absent in rows.items() if absent}
        for ids in _parts(clocks):
            for row_id, clock, said in driver.rows(
                    connection, f'SELECT id, clock, clocks FROM "{name}" WHERE id IN (SELECT value FROM json_each(?))', (json.dumps(ids),)):
                if not clocks[row_id].isdisjoint({clock, *unpack(said).values()}):
                    yield name, row_id


def _said_by_nobody(connection: sa.Connection, table: sa.Table) -> set[str]:
    """Rows with a value in a field that was never written: as bits, one for each field, which have a value and which have a clock."""
    names = [(column.name, clock_key(column)) for column in data_columns(table)]
    if len(names) > _BITS:
        raise RuntimeError(f"{table.name} has more fields than there are bits")
    bits: dict[str, int] = {}
    for place, (_name, key) in enumerate(names):
        bits[key] = bits.get(key, 0) | 1 << place
    filled = " | ".join(f"(({'gone' if name == 'gone' else f'{_quoted(name)} IS NOT NULL'}) << {place})" for place, (name, _key) in enumerate(names))
    known: dict[str, int] = {}
    found = set()
    for portion in driver.portions(connection, f'SELECT id, clocks, {filled} FROM "{table.name}"', (), _AT_ONCE):
        for row_id, clocks, has in portion:
            form = (clocks or "")[_SECOND:]  # of most rows all that differs is the one clock
            one = clocks is not None and is_packed(clocks) and form.find("-") < 0
            may = known.get(form) if one else None
            if may is None:
                may = sum(bits.get(key, 0) for key in unpack(clocks))
                if one:
                    known[form] = may
            if has & ~may:
                found.add(row_id)
    return found


_BITS = 63


def _said_otherwise(connection: sa.Connection, table: sa.Table) -> set[str]:
    """Rows that hold another value than what was written here under the very clock that they say, by the newest operations of each table; of what waits
    ``checking`` looks for itself."""
    fact = table.info["kind"] == "fact"
    keys = {column.name: clock_key(column) for column in data_columns(table)}
    forms = {column.name: form for column in data_columns(table) if (form := column.info.get("form")) is not None}
    newest = driver.row(connection, "SELECT coalesce(max(rowid), 0) FROM operation")[0]
    found: set[str] = set()
    for portion in driver.portions(
            connection, f"SELECT o.row_id, o.clock, o.fields FROM operation AS o INDEXED BY operation_row WHERE {fates.NOT_REFUSED if fact else fates.ACCEPTED}"
            " AND o.table_name = ? AND o.queue <> 'peer' AND o.kind <> 'command' AND o.event <> ? AND o.rowid > ?",
            (table.name, CARD_MOVED, newest - COMPARED), _AT_ONCE):
        ids = json.dumps([row_id for row_id, _clock, _fields in portion])
        rows = {row["id"]: row for row in connection.exec_driver_sql(
            f'SELECT * FROM "{table.name}" WHERE id IN (SELECT value FROM json_each(?))', (ids,)).mappings()}
        for row_id, clock, fields in portion:
            row = rows.get(row_id)
            if row is None or (row["clock"] != clock if fact else clock not in (row["clocks"] or "")):
                continue
            clocks = {} if fact else unpack(row["clocks"])
            said = cut(forms, _json.decode(fields)) if fact else _json.decode(fields)  # of a fact's long texts the server keeps the beginnings
            if any(name in row and row[name] != value and (fact or clocks.get(keys.get(name, name)) == clock) for name, value in said.items()):
                found.add(row_id)
    return found


def _rowless(connection: sa.Connection, facts: Collection[str]) -> int:
    """Facts that the server has, and this laptop from it, and that are gone: no other row stays for ever."""
    count = 0
    for name in facts:
        absent = [one for (one,) in driver.rows(
            connection, "SELECT DISTINCT o.row_id FROM operation AS o INDEXED BY operation_row WHERE o.table_name = ?"
                        f' AND NOT EXISTS (SELECT 1 FROM "{name}" AS t WHERE t.id = o.row_id)', (name,))]
        count += int(driver.row(
            connection, "SELECT count(*) FROM json_each(?) AS j CROSS JOIN operation AS o INDEXED BY operation_row ON o.table_name = ? AND o.row_id = j.value"
            " JOIN accepted AS a ON a.operation = o.rowid WHERE a.sequence <= (SELECT max(cursor) FROM scope) AND o.queue <> 'peer'",
            (json.dumps(absent), name))[0])
    return count


def _quoted(name: str) -> str:
    return f'"{name}"'


def _parts(ids: Iterable[str]) -> Iterator[list[str]]:
    wanted = list(ids)
    yield from (wanted[start:start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE))
