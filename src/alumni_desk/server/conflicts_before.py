"""Conflicts of before the server went back to a backup, as laptops still know them: taken up again, so that no value that lost goes unseen.

What comes again makes the same card as a rule. But where somebody had decided and then undone it, both values have one writer by now who saw them both, and
nothing meets any more. So whoever looks after the chapter tells what was to be decided.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.canonical import body_of, json_text
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import ConflictRow, Operation
from alumni_desk.schema import SCHEMA_VERSION
from alumni_desk.server.bulk import chunks, put_rows, rows_by_id
from alumni_desk.server.clamping import AHEAD, milliseconds, replica
from alumni_desk.server.erasing import SHARED
from alumni_desk.server.judging import refusal
from alumni_desk.server.merging import GONE
from alumni_desk.sync.carried_clocks import plain
from alumni_desk.sync.shapes import shapes

_CLOCK = re.compile(r"[0-9a-f]{12}-[0-9a-f]{4}(?:[0-9a-f]{12})?-[0-9a-f]{16}")
"""As laptops write them, and as one counts that ran ahead."""


def take_up(connection: sa.Connection, tables: sa.MetaData, scope: str, told: Sequence[ConflictRow], *, role: str, device: str, since: int,
            now: int) -> list[tuple[str, str]]:
    """Keep those that are not known, and whose winner, or what was written over it, is there; gives their names. The caller holds the head, and commits.

    ``since``: (milliseconds) what lost before that is kept no longer. Whoever was erased, removed long ago or moved has none.
    """
    told = [row for row in told if since < row.made and _is_one(row, role, scope, now)]
    by_table: dict[str, list[ConflictRow]] = defaultdict(list)
    for row in told:
        by_table[row.table].append(row)
    known = _known(connection, tables, scope, told)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for table, rows in by_table.items():
        there = rows_by_id(connection, tables.tables[table], scope, {row.row for row in rows})
        marked = _marked(connection, tables, scope, there)
        erased = _last_erasure(connection, tables, scope) if table in SHARED else 0
        for row in rows:
            name, record = (row.operation, row.field), there.get(row.row)
            if record is not None and name not in known and row.row not in marked and row.made > erased and _stands(row, record):
                found[name] = {"scope": scope, "operation": row.operation, "field": row.field, "table_name": row.table, "row_id": row.row,
                               "winner_clock": row.winner_clock, "loser_clock": row.loser_clock, "loser_value": json_text(row.value),
                               "device": device, "made_at": min(row.made, now), "decided_at": None}
    put_rows(connection, tables.tables["conflict"], list(found.values()))
    return list(found)


def _is_one(row: ConflictRow, role: str, scope: str, now: int) -> bool:
    """Whether it can be a conflict at all: its form, a value that this role may write, and clocks of two who wrote apart."""
    shape = shapes().get(row.table)
    clocks = (row.winner_clock, row.loser_clock)
    if shape is None or shape.kind != "put" or not all(map(_CLOCK.fullmatch, clocks)) or len(set(map(replica, clocks))) != 2:
        return False
    if milliseconds(row.loser_clock) > now + AHEAD or (row.loser_clock < row.winner_clock) == (row.field == GONE) or (row.field == GONE and row.value):
        return False
    said = Operation(id=row.operation, action=row.operation, transaction=row.operation, kind="put", table=row.table, row=row.row,
                     fields={row.field: row.value}, before={}, clock=plain(row.loser_clock), schema=SCHEMA_VERSION)
    return refusal(said, body_of(said), role=role, scope=scope, audience="chapter", shapes=shapes()) is None


def _stands(row: ConflictRow, record: dict[str, Any]) -> bool:
    """Whether the record is there, with what won or something newer, and is not gone unless that is the question."""
    written = unpack(record["clocks"]).get(shapes()[row.table].clock_keys[row.field], "")
    return (row.field == GONE or not record["gone"]) and written >= row.winner_clock


def _known(connection: sa.Connection, tables: sa.MetaData, scope: str, told: Sequence[ConflictRow]) -> set[tuple[str, str]]:
    """Those that the server has, decided or not."""
    table = tables.tables["conflict"]
    known: set[tuple[str, str]] = set()
    for part in chunks(sorted({row.operation for row in told})):
        query = sa.select(table.c.operation, table.c.field).where(table.c.scope == scope, table.c.operation.in_(part))
        known.update((one.operation, one.field) for one in connection.execute(query))
    return known


def _marked(connection: sa.Connection, tables: sa.MetaData, scope: str, there: dict[str, dict[str, Any]]) -> set[str]:
    """Rows that were erased, removed long ago or moved, or are about somebody who was."""
    erased = tables.tables["erased"]
    marks: set[str] = set()
    about = {row: {row, str(record.get("person") or row)} for row, record in there.items()}
    for part in chunks(sorted(set().union(*about.values()))):
        marks.update(connection.execute(sa.select(erased.c.row_id).where(erased.c.scope == scope, erased.c.row_id.in_(part))).scalars())
    return {row for row, names in about.items() if names & marks}


def _last_erasure(connection: sa.Connection, tables: sa.MetaData, scope: str) -> int:
    """When somebody was erased last, or moved: a household stays, and does not say whose it was."""
    erased = tables.tables["erased"]
    return connection.execute(sa.select(sa.func.max(erased.c.erased_at)).where(erased.c.scope == scope, erased.c.table_name == "person")).scalar() or 0
