"""What a grant may see of the rows: the one place where snapshot and digest ask the policy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.messages import Grant
from alumni_desk.protocol.policy import projected, readable, rules
from alumni_desk.server.audiences import CHAPTER
from alumni_desk.sync.shapes import Shape

AT_ONCE = 256
"""Rows that are held at once while a table goes by: more do not stay in the processor's caches."""


@dataclass(frozen=True)
class Projection:
    """A role, and for the door the one gathering that it sees."""

    role: str
    gathering: str | None = None

    @property
    def audience(self) -> str:
        """Whose feed it reads."""
        return self.gathering or CHAPTER

    @property
    def sees_authors(self) -> bool:
        """Whether it is told who wrote under which clocks."""
        return self.role in ("admin", "leader")


def projection_of(grant: Grant) -> Projection:
    """What a grant lets see."""
    return Projection(grant.role, grant.gathering)


def columns_for(role: str, shape: Shape) -> tuple[str, ...]:
    """The columns of a table that a role is given, in the order of its shape; those left out are empty for it. None at all: not even the ids."""
    names = readable(role, shape)
    return ("id", "clock", "clocks", *names) if names else ()


def sees_all(role: str, shape: Shape) -> bool:
    """Whether a role reads every column as it is."""
    return columns_for(role, shape) == shape.columns and all(one.read == "yes" for one in rules(role, shape).values())


def columns_in_use(connection: sa.Connection, tables: sa.MetaData, shape: Shape, scope: str) -> tuple[str, ...]:
    """The columns of a table that hold anything at all in a scope: handing over nothing, for each of many rows, costs as much as handing over something."""
    table = tables.tables[shape.name]
    found = connection.execute(sa.select(*(sa.func.count(table.c[name]) for name in shape.columns)).where(table.c.scope == scope)).one()
    return tuple(name for name, count in zip(shape.columns, found, strict=True) if count or name in ("id", "gone"))


def rows_in(connection: sa.Connection, tables: sa.MetaData, shape: Shape, scope: str, seen: Projection, *,
            tails: Sequence[str] | None = None, only: Sequence[str] | None = None) -> Iterator[Sequence[tuple[Any, ...]]]:
    """A table's rows as a projection shows them, by id, some hundred at a time: values of ``columns_for``, flags as 0 and 1.

    ``tails``: only rows whose id ends in one of these. ``only``: ``columns_in_use``. ``connection`` is a snapshot.
    """
    names = columns_for(seen.role, shape)
    if not names:
        return
    wanted = shape.columns if only is None else only
    table, entries = tables.tables[shape.name], tables.tables["feed"]
    columns = [sa.cast(table.c[name], sa.Integer).label(name) if shape.types.get(name) == "boolean" else table.c[name] for name in wanted]
    query = sa.select(*columns).where(table.c.scope == scope).order_by(table.c.id)
    if seen.gathering is not None:
        query = query.join_from(table, entries, (entries.c.scope == table.c.scope) & (entries.c.row_id == table.c.id)).where(
            entries.c.table_name == shape.name, entries.c.audience == seen.gathering, entries.c.gone.is_(False))
    if tails is not None:
        query = query.where(sa.func.substr(table.c.id, 35, 2).in_(list(tails)))
    whole = sees_all(seen.role, shape)
    for part in _raw(connection, query, by_key=seen.gathering is None and tails is None):
        yield part if whole else _narrowed(seen.role, shape, names, part)


def _narrowed(role: str, shape: Shape, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    whole = [dict(zip(shape.columns, row, strict=True)) for row in rows]
    return [tuple(row[name] for name in names) for row in projected(role, shape, whole) if row is not None]


def _raw(connection: sa.Connection, query: sa.Select[Any], *, by_key: bool) -> Iterator[Sequence[tuple[Any, ...]]]:
    """A query's rows as the driver gives them, some hundred at a time; until the last one the connection does nothing else. ``by_key``: all of a scope's."""
    dialect = connection.dialect
    statement = query.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    raw: Any = connection.connection.dbapi_connection
    if dialect.name == "postgresql":
        with raw.cursor() as cursor:  # PostgreSQL goes on while what came is worked on, and no thread of ours need ask it to
            if by_key:  # it has that order; of rows that came a moment ago PostgreSQL knows nothing yet, and would sort them in a file of its own first
                cursor.execute("SET LOCAL enable_sort = off")
            with closing(cursor.stream(str(statement), statement.params, size=AT_ONCE)) as rows:
                while part := list(islice(rows, AT_ONCE)):
                    yield part
        return
    cursor = raw.cursor()
    try:
        cursor.execute(str(statement), tuple(statement.params[name] for name in statement.positiontup or ()))
        while part := cursor.fetchmany(AT_ONCE):
            yield part
    finally:
        cursor.close()
