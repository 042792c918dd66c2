"""Many rows in one statement: a COPY or one JSON text on PostgreSQL, ``executemany`` on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa

from alumni_desk.server.asking import in_one_go, tell

_CHUNK = 1_000
_FEW = 50
MANY = 200
"""New rows from which a COPY costs less than the further words to the database that it takes."""

ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
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


def put_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] | None = None,
             replace: bool = True) -> None:
    """Insert whole rows, or replace those whose key is there, or leave those alone. Each row has all the named columns."""
    if not rows:
        return
    names = tuple(columns or [column.name for column in table.columns])
    statement = _putting(table, names, connection.dialect.name, replace)
    if connection.dialect.name == "postgresql":
        tell(connection, statement, _json(table, names, rows))
    else:
        connection.exec_driver_sql(statement, [tuple(row[name] for name in names) for row in rows])


@lru_cache(maxsize=256)
def _putting(table: sa.Table, names: tuple[str, ...], dialect: str, replace: bool) -> str:
    keys = [column.name for column in table.primary_key.columns]
    rest = [name for name in names if name not in keys and replace]
    into = f"INSERT INTO {_quoted(table.name)} ({', '.join(map(_quoted, names))})"
    then = f"DO UPDATE SET {', '.join(f'{_quoted(n)} = excluded.{_quoted(n)}' for n in rest)}" if rest else "DO NOTHING"
    conflict = f"ON CONFLICT ({', '.join(map(_quoted, keys))}) {then}"
    if dialect != "postgresql":
        return f"{into} VALUES ({', '.join('?' * len(names))}) {conflict}"
    typed = ", ".join(f"{_quoted(name)} {_type(table.c[name])}" for name in names)
    return f"{into} SELECT {', '.join(map(_quoted, names))} FROM json_to_recordset(?::json) AS given ({typed}) {conflict}"


def in_few_words(connection: sa.Connection, rows: int) -> AbstractContextManager[None]:
    """What so many rows are written in: few are on their way at once, many are copied, which is not to be had so."""
    return in_one_go(connection) if rows < MANY else nullcontext()


def add_rows(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """The same as ``put_rows`` for values of the named columns that are probably all new: PostgreSQL takes them in as they come, three times as fast."""
    if connection.dialect.name == "postgresql" and len(rows) >= MANY and _copied(connection, table, names, rows):
        return
    put_rows(connection, table, [dict(zip(names, row, strict=True)) for row in rows], columns=names)


def _copied(connection: sa.Connection, table: sa.Table, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bool:
    """Whether the rows could be copied in; not if one of them is there already, then nothing has changed."""
    columns = {name: column for name, column in zip(names, zip(*rows, strict=True), strict=True)
               if column.count(None) < len(column) or not table.c[name].nullable}
    return copied(connection, [Copy(table.name, tuple(columns), copy_text(list(columns.values())))])


class Copy(NamedTuple):
    """Rows of a table in PostgreSQL's text form of COPY."""

    table: str
    columns: Sequence[str]
    text: str | bytes


def copied(connection: sa.Connection, those: Iterable[Copy]) -> bool:
    """Whether all of these rows could be copied in; not if one of them is there already, then nothing has changed."""
    dialect: Any = connection.dialect
    saved = connection.begin_nested()
    raw: Any = connection.connection.dbapi_connection
    try:
        with raw.cursor() as cursor:
            for one in those:
                with cursor.copy(f"COPY {_quoted(one.table)} ({', '.join(map(_quoted, one.columns))}) FROM STDIN") as copy:
                    copy.write(one.text)
    except dialect.loaded_dbapi.IntegrityError:
        saved.rollback()
        return False
    except dialect.loaded_dbapi.Error as error:
        raise sa.exc.DBAPIError.instance("COPY", None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect) from None
    saved.commit()
    return True


def copy_text(columns: Sequence[Sequence[Any]]) -> str:
    """Values, column by column, in PostgreSQL's text form of COPY."""
    return "".join(["\t".join(row) + "\n" for row in zip(*map(_texts, columns), strict=True)])


def _texts(values: Sequence[Any]) -> Sequence[str]:
    """A column's values as COPY has them, none of the letters that mean something in them."""
    kinds = set(map(type, values))
    if bytes in kinds:
        return ["\\N" if value is None else "\\\\x" + value.hex() for value in values]
    if str not in kinds:
        return ["\\N" if value is None else str(value) for value in values]
    together = "".join(values if len(kinds) == 1 else filter(None, values))
    if "\\" in together or "\t" in together or "\n" in together or "\r" in together:
        return ["\\N" if value is None else value.translate(ESCAPES) for value in values]
    return values if len(kinds) == 1 else ["\\N" if value is None else value for value in values]


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
