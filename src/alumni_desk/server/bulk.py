"""Many rows in one statement: one JSON text on PostgreSQL, ``executemany`` on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from alumni_desk.server.asking import tell

_CHUNK = 1_000
_FEW = 50
T = TypeVar("T")


def chunks(items: Iterable[T], size: int = _CHUNK) -> Iterator[list[T]]:
    """The items in lists of at most ``size``."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


def _type(column: sa.Column[Any]) -> str:
    if isinstance(column.type, sa.Boolean):
        return "boolean"
    if isinstance(column.type, sa.Integer):
        return "bigint"
    return "bytea" if isinstance(column.type, sa.LargeBinary) else "text"


def _json(table: sa.Table, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as one text that PostgreSQL takes apart: an array for each column would be written value by value in Python."""
    binary = [name for name in names if isinstance(table.c[name].type, sa.LargeBinary)]
    if binary:
        rows = [{**row, **{name: "\\x" + bytes(row[name]).hex() for name in binary if row[name] is not None}} for row in rows]
    elif type(rows[0]) is not dict:
        rows = [dict(row) for row in rows]
    return msgspec.json.encode(rows).decode()  # what else is in a row is not looked at there


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def put_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] | None = None) -> None:
    """Insert whole rows, or replace those whose key is there. Each row has all the named columns."""
    if not rows:
        return
    names = tuple(columns or [column.name for column in table.columns])
    statement = _putting(table, names, connection.dialect.name)
    if connection.dialect.name == "postgresql":
        tell(connection, statement, _json(table, names, rows))
    else:
        connection.exec_driver_sql(statement, [tuple(row[name] for name in names) for row in rows])


@lru_cache(maxsize=256)
def _putting(table: sa.Table, names: tuple[str, ...], dialect: str) -> str:
    keys = [column.name for column in table.primary_key.columns]
    rest = [name for name in names if name not in keys]
    into = f"INSERT INTO {_quoted(table.name)} ({', '.join(map(_quoted, names))})"
    then = f"DO UPDATE SET {', '.join(f'{_quoted(n)} = excluded.{_quoted(n)}' for n in rest)}" if rest else "DO NOTHING"
    conflict = f"ON CONFLICT ({', '.join(map(_quoted, keys))}) {then}"
    if dialect != "postgresql":
        return f"{into} VALUES ({', '.join('?' * len(names))}) {conflict}"
    typed = ", ".join(f"{_quoted(name)} {_type(table.c[name])}" for name in names)
    return f"{into} SELECT {', '.join(map(_quoted, names))} FROM json_to_recordset(?::json) AS given ({typed}) {conflict}"


def flags(table: sa.Table) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What makes flags of the numbers that SQLite's driver gives for them; a row of PostgreSQL's stays as it is."""
    names = [column.name for column in table.columns if isinstance(column.type, sa.Boolean)]

    def with_flags(row: dict[str, Any]) -> dict[str, Any]:
        for name in names:
            if row[name] is not None:
                row[name] = bool(row[name])
        return row

    return with_flags


def rows_by_id(connection: sa.Connection, table: sa.Table, scope: str, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Rows of a scope by id; ids that are not there are left out."""
    found: dict[str, dict[str, Any]] = {}
    for part in chunks(ids):
        for row in connection.execute(sa.select(table).where(table.c.scope == scope, one_of(connection, table.c.id, part))).mappings():
            found[row["id"]] = dict(row)
    return found


def one_of(connection: sa.Connection, column: sa.Column[Any], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether a column of texts holds one of many values, which go to PostgreSQL as one: a statement with thousands is slow to put together."""
    if connection.dialect.name != "postgresql" or len(values) < _FEW:
        return column.in_(values)
    given = sa.cast(sa.bindparam(None, msgspec.json.encode(list(values)).decode(), sa.Text), sa.JSON)
    return column == sa.any_(sa.func.array(sa.select(sa.func.json_array_elements_text(given)).scalar_subquery()))
