"""Many rows in one statement: ``unnest`` on PostgreSQL, ``executemany`` on SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

_CHUNK = 1_000
T = TypeVar("T")


def chunks(items: Iterable[T], size: int = _CHUNK) -> Iterator[list[T]]:
    """The items in lists of at most ``size``."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _array(column: sa.Column[Any]) -> str:
    if isinstance(column.type, sa.Boolean):
        return "boolean[]"
    if isinstance(column.type, sa.Integer):
        return "bigint[]"
    return "bytea[]" if isinstance(column.type, sa.LargeBinary) else "text[]"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def put_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] | None = None) -> None:
    """Insert whole rows, or replace those whose key is there. Each row has all the named columns."""
    if not rows:
        return
    names = list(columns or [column.name for column in table.columns])
    keys = [column.name for column in table.primary_key.columns]
    rest = [name for name in names if name not in keys]
    into = f"INSERT INTO {_quoted(table.name)} ({', '.join(map(_quoted, names))})"
    then = f"DO UPDATE SET {', '.join(f'{_quoted(n)} = excluded.{_quoted(n)}' for n in rest)}" if rest else "DO NOTHING"
    conflict = f"ON CONFLICT ({', '.join(map(_quoted, keys))}) {then}"
    if connection.dialect.name == "postgresql":
        arrays = ", ".join(f"%s::{_array(table.c[name])}" for name in names)
        statement = f"{into} SELECT * FROM unnest({arrays}) {conflict}"
        connection.exec_driver_sql(statement, tuple([row[name] for row in rows] for name in names))
    else:
        marks = ", ".join("?" * len(names))
        connection.exec_driver_sql(f"{into} VALUES ({marks}) {conflict}", [tuple(row[name] for name in names) for row in rows])


def rows_by_id(connection: sa.Connection, table: sa.Table, scope: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Rows of a scope by id; ids that are not there are left out."""
    found: dict[str, dict[str, Any]] = {}
    for part in chunks(ids):
        query = sa.select(table).where(table.c.scope == scope, table.c.id.in_(part))
        for row in connection.execute(query).mappings():
            found[row["id"]] = dict(row)
    return found
