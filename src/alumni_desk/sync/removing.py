"""What was removed and not brought back in 30 days: the server says when nothing of it is kept any more; a desk alone sees to its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.clocks import unpack
from alumni_desk.store import fates
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import DAYS, Young, note_lapsed
from alumni_desk.sync import state
from alumni_desk.sync.operations import CHUNK, lying_over
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.views import drop_shadows, no_base, settle

NAMED: Mapping[str, Sequence[tuple[str, str]]] = {
    "person": (("registration", "person"), ("fact", "person"), ("person", "merged_into")),
    "household": (("person", "household"),),
    "gathering": (("registration", "gathering"), ("fact", "gathering")),
    "registration": (("fact", "registration"), ("registration", "host")),
    "education": (),
    "import_run": (),
}
"""The tables whose rows are removed, and where something that was not removed may name one of them: then it keeps what it says."""


DAY_MS = 86_400_000
SURE_MS = DAY_MS
"""So long after it was first seen that something is to go by its age, it is looked at again before it does."""

_ONLY_GONE = "json_type(fields, '$.gone') IS NOT NULL AND (SELECT count(*) FROM json_each(fields)) = 1"
"""Of an operation: it says nothing of anybody. A server that was restored from before it hears of it again."""


def unnamed(table: str, alias: str, more: str = "") -> str:
    """The condition, in SQL, that nothing names a row of a table. ``more``: of those that may name it."""
    return "".join(f' AND {alias}.id NOT IN (SELECT "{column}" FROM "{where}" WHERE NOT gone AND "{column}" IS NOT NULL{more})'
                   for where, column in NAMED[table])


def forget_removed(connection: sa.Connection, scope: str, removed: Mapping[str, Sequence[str]]) -> int:
    """The server keeps nothing of these rows: nor does this laptop, but what waits and that they were removed. Returns how many were here."""
    count = 0
    for table, ids in removed.items():
        shape = shapes().get(table)
        if shape is None or shape.kind == "fact":
            continue
        for start in range(0, len(ids), CHUNK):
            part = list(ids[start:start + CHUNK])
            count += _forget(connection, table, part, f"{fates.ACCEPTED} AND NOT ({_ONLY_GONE})")
            drop_shadows(connection, table, part)
            lying = lying_over(connection, table, part)
            settle(connection, shape, scope, lying, set(), {row_id: no_base(shape) for row_id in lying})
    return count


def clear_own(desk: Desk, now: datetime | None = None) -> int:
    """On a desk that works alone: what was removed more than 30 days ago goes, with its history. Returns how many rows did.

    Not at first sight, for that clock may be wrong: only what a look a day later or more sees to be due still. A clock that went back begins anew.
    """
    now = now or desk.now()
    with desk.reading() as connection:
        known = state.read(connection, state.Due) or state.Due()
        due = _due(connection, now, known)
        if state.read(connection, state.Membership) is not None or (due == known and not any(_sure(due, now).values())):
            return 0
    count = 0
    with desk.applying() as applying:
        connection = applying.connection
        if state.read(connection, state.Membership) is not None:
            return 0  # it has joined meanwhile
        due = _due(connection, now, state.read(connection, state.Due) or state.Due())
        sure = _sure(due, now)
        state.keep(connection, state.Due({table: {row_id: first for row_id, first in seen.items() if row_id not in sure[table]}
                                          for table, seen in due.seen.items() if len(sure[table]) < len(seen)}))
        for table, old in sure.items():
            if table == "person":
                _forget(connection, "education", _schools(connection, list(old)))
            count += _forget(connection, table, list(old))
    return count


def _sure(due: state.Due, now: datetime) -> Mapping[str, set[str]]:
    """By table, the rows that were seen to be due long enough ago."""
    return {table: {row_id for row_id, first in seen.items() if _milliseconds(now) - first >= SURE_MS} for table, seen in due.seen.items()}


def is_waiting(desk: Desk) -> bool:
    """Whether something was seen that is to go by its age, and is to be looked at again before it does."""
    with desk.reading() as connection:
        due = state.read(connection, state.Due)
    return due is not None and bool(due.seen)


def _due(connection: sa.Connection, now: datetime, known: state.Due) -> state.Due:
    """What is to go by its age, with when that was first seen: before by ``known``, or now."""
    at, found = _milliseconds(now), {}
    for table in NAMED:
        before = known.seen.get(table, {})
        found[table] = {row_id: min(before.get(row_id, at), at) for row_id in _old(connection, table, now)}
    return state.Due({table: rows for table, rows in found.items() if rows})


def _old(connection: sa.Connection, table: str, now: datetime) -> list[str]:
    """The rows of a table that were removed more than 30 days ago and that nothing names."""
    before = f"{_milliseconds(now) - DAYS * DAY_MS:012x}"
    rows = connection.exec_driver_sql(f'SELECT t.id, t.clocks FROM "{table}" AS t WHERE t.gone{unnamed(table, "t")}')
    old = [row.id for row in rows if unpack(row.clocks).get("gone", before) < before]
    if not old:
        return []
    # What was removed while the clock was behind is younger than that clock said.
    young = set(connection.exec_driver_sql(
        "SELECT o.row_id FROM json_each(?) AS j CROSS JOIN operation AS o INDEXED BY operation_row ON o.table_name = ? AND o.row_id = j.value"
        " JOIN action AS a ON a.id = o.action WHERE json_type(o.fields, '$.gone') IS NOT NULL AND a.rowid >= ?",
        (msgspec.json.encode(old).decode(), table, Young.at(connection, now).first)).scalars())
    return [row_id for row_id in old if row_id not in young]


def _milliseconds(now: datetime) -> int:
    return round(now.timestamp() * 1000)


def _schools(connection: sa.Connection, people: Sequence[str]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(people), CHUNK):
        part = msgspec.json.encode(people[start:start + CHUNK]).decode()
        found += connection.exec_driver_sql("SELECT id FROM education WHERE person IN (SELECT value FROM json_each(?))", (part,)).scalars()
    return found


def _forget(connection: sa.Connection, table: str, ids: Sequence[str], which: str = "true") -> int:
    """The rows go, with what they were before and the operations that said so."""
    count = 0
    for start in range(0, len(ids), CHUNK):
        part = msgspec.json.encode(list(ids[start:start + CHUNK])).decode()
        count += connection.exec_driver_sql(f'DELETE FROM "{table}" WHERE id IN (SELECT value FROM json_each(?))', (part,)).rowcount
        named = "table_name = ? AND row_id IN (SELECT value FROM json_each(?))"
        connection.exec_driver_sql(f"DELETE FROM past WHERE {named}", (table, part))
        touched = connection.exec_driver_sql(f"SELECT DISTINCT action FROM operation AS o WHERE {named} AND {which}", (table, part)).scalars().all()
        connection.exec_driver_sql(f"DELETE FROM operation AS o WHERE {named} AND {which}", (table, part))
        note_lapsed(connection, touched)
    return count
