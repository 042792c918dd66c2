"""What was removed and not brought back within 30 days loses what it says: a mark of its id stays, and every laptop hears that the row has gone.

What something that was not removed names keeps what it says: whoever came to a gathering stays on its list. Nothing brings such a row back but
putting a person on a list again, which has the same id whoever does it. Erasing is another matter, see ``erasing``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import Operation
from alumni_desk.server import audit, erasing, feed
from alumni_desk.server.bulk import chunks, put_rows
from alumni_desk.server.merging import Row
from alumni_desk.sync.removing import NAMED, unnamed

A_DAY = 24 * 3600 * 1000

BODIES_LAST = 30 * A_DAY
"""How long (milliseconds) a row that was removed keeps what it says, as Undo goes back no further."""

AT_ONCE = 500
"""Rows in one transaction: a push of the chapter waits no longer than for these."""

_KEPT = ("gathering", "person", "host", "code", "walk_in")
"""Of a registration: what makes it the one that it is, so that whoever puts the person on the list again need not say it."""

_WITH_DOORS = ' AND t.id NOT IN (SELECT gathering FROM "grant" WHERE scope = :scope AND gathering IS NOT NULL)'
"""A door's time ends by its gathering's."""

_OLD = ("SELECT f.row_id FROM feed AS f JOIN \"{table}\" AS t ON t.scope = f.scope AND t.id = f.row_id"
        " WHERE f.scope = :scope AND f.audience = 'chapter' AND f.table_name = '{table}' AND f.gone AND f.sequence <= :place AND t.gone{unnamed}"
        " AND NOT EXISTS (SELECT 1 FROM erased AS e WHERE e.scope = f.scope AND e.table_name = f.table_name AND e.row_id = f.row_id"
        " AND (e.kept IS NULL OR e.moved_to IS NOT NULL))"
        " ORDER BY f.sequence LIMIT {most}")


def clear(connection: sa.Connection, tables: sa.MetaData, scope: str, now: int) -> int:
    """Take what they say out of some of the rows that were removed long enough ago. Returns how many there were; the caller commits, and asks again."""
    locked = feed.lock_head(connection, tables, scope)
    place = feed.place_before(connection, tables, scope, now - BODIES_LAST)
    if locked is None or place is None:
        return 0
    rows = {table: _old(connection, table, scope, place) for table in NAMED}
    rows["education"] += [one for one in _schools(connection, tables, scope, rows["person"]) if one not in rows["education"]]
    names = [(table, one) for table, ids in rows.items() for one in ids]
    if not names:
        return 0
    _mark(connection, tables, scope, rows, now)
    gatherings = erasing.at_doors(connection, tables, scope, rows, gone=True)
    feed.touch(connection, tables, locked, [(*name, True) for name in names], gatherings)
    entry = audit.Note("cleared", now, None, {"what": [{"table": table, "each": ids} for table, ids in rows.items() if ids]})
    locked.audited, locked.audit_hash = audit.note_after(connection, tables, scope, locked.audited, locked.audit_hash, [entry])
    feed.move_head(connection, tables, locked)
    return len(names)


def _old(connection: sa.Connection, table: str, scope: str, place: int) -> list[str]:
    named = unnamed(table, "t", " AND scope = :scope") + (_WITH_DOORS if table == "gathering" else "")
    query = sa.text(_OLD.format(table=table, unnamed=named, most=AT_ONCE))
    return [str(one) for one in connection.execute(query, {"scope": scope, "place": place}).scalars()]


def _schools(connection: sa.Connection, tables: sa.MetaData, scope: str, people: Sequence[str]) -> list[str]:
    """Where these people learnt: it is nothing without them."""
    table = tables.tables["education"]
    found: list[str] = []
    for part in chunks(people):
        found += connection.execute(sa.select(table.c.id).where(table.c.scope == scope, table.c.person.in_(part)).order_by(table.c.id)).scalars()
    return found


def _mark(connection: sa.Connection, tables: sa.MetaData, scope: str, rows: Mapping[str, Sequence[str]], now: int) -> None:
    """The rows go, with the values that had lost in them; of each a mark stays."""
    conflict = tables.tables["conflict"]
    marks: list[dict[str, Any]] = []
    for name, ids in rows.items():
        table = tables.tables[name]
        for part in chunks(ids):
            these = (table.c.scope == scope, table.c.id.in_(part))
            marks += [{"scope": scope, "table_name": name, "row_id": row["id"], "erased_at": now, "kept": _kept(name, dict(row)), "moved_to": None}
                      for row in connection.execute(sa.select(table).where(*these)).mappings()]
            connection.execute(sa.delete(table).where(*these))
            connection.execute(sa.delete(conflict).where(conflict.c.scope == scope, conflict.c.table_name == name, conflict.c.row_id.in_(part)))
    put_rows(connection, tables.tables["erased"], marks)


def _kept(table: str, row: Mapping[str, Any]) -> str:
    if table != "registration":
        return "{}"
    clocks = unpack(row["clocks"])
    values = {name: row[name] for name in _KEPT if row[name] is not None}
    return msgspec.json.encode({"values": values, "clocks": {name: clocks[name] for name in (*values, "gone") if name in clocks}}).decode()


Answer = Literal["lost", "wanted_back", "back"]


def answer(operation: Operation, kept: str) -> Answer | None:
    """What becomes of an operation on a row that was removed long ago; None: it is no edit of the row. Nothing but a place on a list comes back."""
    if operation.kind != "put":
        return None
    gone = operation.fields.get("gone")
    if operation.table != "registration":
        return "wanted_back" if gone is False else "lost"
    newer = operation.clock > msgspec.json.decode(kept)["clocks"].get("gone", "")
    return "back" if newer and (gone is False or _is_whole(operation)) else "lost"


def is_put_again(operation: Operation, clock: str, row: Row) -> bool:
    """Whether a laptop that keeps nothing of a registration any more puts its person on the list again: all of it is new, and says not that it was gone."""
    return _is_whole(operation) and bool(row.values["gone"]) and clock > row.clocks.get("gone", "")


def _is_whole(operation: Operation) -> bool:
    return operation.table == "registration" and {"gathering", "person"} <= operation.fields.keys()


def take_up(row: Row, kept: str) -> None:
    """Make a registration that was removed long ago what is kept of it: somebody writes in it again."""
    said = msgspec.json.decode(kept)
    row.values.update(said["values"], gone=True, clock=max(said["clocks"].values(), default=None))
    row.clocks = dict(said["clocks"])
