"""What a push has to know of the database, asked in one go once the scope's head is held: who sends, what is known, what the rows were."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from alumni_desk.protocol.messages import Operation, Status
from alumni_desk.protocol.values import is_id
from alumni_desk.server import accounts
from alumni_desk.server.asking import Answer, ask, by_index, find, in_one_go
from alumni_desk.server.audiences import ALONE, NOT_THE_CHAPTERS, Name
from alumni_desk.server.bulk import chunks, flags
from alumni_desk.server.clamping import is_clock, replica
from alumni_desk.server.feed import LOCK, LockedHead, locked_from
from alumni_desk.sync.shapes import shapes


class Known(NamedTuple):
    """What became of an operation when it first came."""

    id: str
    salt: bytes
    hash: bytes
    status: Status
    reason: str | None
    sequence: int
    clock: str | None
    conflicts: int


@dataclass
class Beforehand:
    """The database as a push finds it, of all that its operations name; ``head`` is held until the transaction ends, None where there is no such scope."""

    head: LockedHead | None
    callers: dict[str, accounts.Caller] = field(default_factory=dict)
    results: list[Known] = field(default_factory=list)
    erased: set[Name] = field(default_factory=set)
    removed: dict[Name, str] = field(default_factory=dict)  # long ago, with what is kept of them
    moved: dict[Name, str] = field(default_factory=dict)  # to other chapters
    rows: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    held: dict[Name, list[str]] = field(default_factory=dict)  # in which gatherings' feeds they are
    ahead: set[str] = field(default_factory=set)  # replicas whose clocks ran ahead
    replicas: set[str] = field(default_factory=set)  # those that are known


def look(connection: sa.Connection, tables: sa.MetaData, scope: str, operations: Iterable[Operation], *, devices: Collection[str] = (),
         now: int = 0) -> Beforehand:
    """Hold the scope's head and ask. ``devices``: whose grants are asked for, as of ``now``."""
    ids, rows, people, replicas = _named(operations)
    with in_one_go(connection):
        by_index(connection)
        head = ask(connection, LOCK[connection.dialect.name], scope)
        whose = [ask(connection, accounts.question_of(tables, connection.dialect), part) for part in chunks(devices)]

        def those(columns: str, table: str, by: str, among: Iterable[str], **more: Any) -> list[Answer]:
            return [find(connection, columns, table, by, part, scope=scope, **more) for part in chunks(among)]

        results = those(", ".join(Known._fields), "operation_result", "id", ids)
        erased = [answer for name in {*rows, *(("person",) if people else ())}
                  for answer in those("table_name, row_id, kept, moved_to", "erased", "row_id", {*rows.get(name, ()), *(people if name == "person" else ())},
                                      table_name=name)]
        there = {name: those(_columns(tables.tables[name])[1], name, "id", each) for name, each in rows.items()}
        held = [answer for name in ALONE if name in rows
                for answer in those("table_name, row_id, audience", "feed", "row_id", rows[name], table_name=name, also=NOT_THE_CHAPTERS)]
        ahead, known = replicas_among(connection, scope, replicas)
        first, marked = head(), [row for one in erased for row in one()]
        return Beforehand(
            head=locked_from(scope, first), callers=accounts.callers_from(tables, (row for one in whose for row in one()), now),
            results=[Known(*row) for one in results for row in one()], erased={(row[0], row[1]) for row in marked if row[2] is None},
            removed={(row[0], row[1]): row[2] for row in marked if row[2] is not None and row[3] is None},
            moved={(row[0], row[1]): row[3] for row in marked if row[3] is not None},
            rows={name: _rows(tables.tables[name], (row for one in each for row in one())) for name, each in there.items()},
            held=_by_name(held), ahead={row[0] for one in ahead for row in one()}, replicas={row[0] for one in known for row in one()})


def replicas_among(connection: sa.Connection, scope: str, replicas: Collection[str]) -> tuple[list[Answer], list[Answer]]:
    """Which of these replicas have had clocks that ran ahead, and which of them are known."""
    return ([find(connection, "replica", "clamped", "replica", part, scope=scope, first=True) for part in chunks(replicas)],
            [find(connection, "replica", "replica", "replica", part, scope=scope) for part in chunks(replicas)])


def _named(operations: Iterable[Operation]) -> tuple[set[str], dict[str, dict[str, None]], set[str], set[str]]:
    """The ids of operations, the rows by table, the people and the replicas that are named, as far as they can be any."""
    ids: set[str] = set()
    people: set[str] = set()
    replicas: set[str] = set()
    rows: dict[str, dict[str, None]] = defaultdict(dict)
    known = shapes()
    for one in operations:
        ids.add(one.id)
        if is_id(one.row) and one.kind != "command" and one.table in known:
            rows[one.table][one.row] = None
        if one.kind == "put":
            people.update(str(one.fields[name]) for name in ("person", "merged_into") if is_id(one.fields.get(name)))
        elif one.kind == "command" and is_id(one.row):
            people.add(one.row)
        replicas.update(replica(clock) for clock in (one.clock, *one.before.values()) if clock and is_clock(clock))
    return ids, dict(rows), people, replicas


@lru_cache(maxsize=64)
def _columns(table: sa.Table) -> tuple[list[str], str, Callable[[Any], Any]]:
    """The names of a table's columns, as a list and as SQL has them, and what makes flags of SQLite's numbers."""
    names = [column.name for column in table.columns]
    return names, ", ".join(f'"{name}"' for name in names), flags(table)


def _rows(table: sa.Table, found: Iterable[Sequence[Any]]) -> dict[str, dict[str, Any]]:
    names, _listed, with_flags = _columns(table)
    at_id = names.index("id")
    return {row[at_id]: with_flags(dict(zip(names, row, strict=True))) for row in found}


def _by_name(answers: Iterable[Answer]) -> dict[Name, list[str]]:
    held: dict[Name, list[str]] = defaultdict(list)
    for table, row_id, audience in (row for one in answers for row in one()):
        held[table, row_id].append(audience)
    return held
