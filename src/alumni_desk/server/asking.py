"""Many questions and rows in one way to the database and back: PostgreSQL is sent them without a wait for each answer, SQLite does one after the other.

Statements are text, with ``?`` for a value and ``IN ?`` for a list of texts. They go past SQLAlchemy, which would need longer for each than the database.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa

Answer = Callable[[], Sequence[Sequence[Any]]]
"""Waits for the rows of one question."""

Parameter = str | int | None | Sequence[str]


@contextmanager
def in_one_go(connection: sa.Connection) -> Iterator[None]:
    """What ``ask`` and ``tell`` say in here is on its way at once; at the end all of it is done. Nothing else may use the connection meanwhile.

    One inside another goes with it.
    """
    if connection.dialect.name != "postgresql" or _driver(connection).pgconn.pipeline_status:
        yield
        return
    with _in_our_words(connection), _driver(connection).pipeline():
        yield


def ask(connection: sa.Connection, statement: str, *parameters: Parameter) -> Answer:
    """Ask a question; its rows are to be had once, from the answer. In SQLite flags are numbers."""
    if connection.dialect.name != "postgresql":
        rows = connection.exec_driver_sql(_for_sqlite(statement), _values(parameters, _json_list)).all()
        return lambda: rows
    with _in_our_words(connection):
        cursor = _driver(connection).execute(_for_postgresql(statement), _values(parameters, _array))

    def answer() -> Sequence[Sequence[Any]]:
        with _in_our_words(connection):
            return cursor.fetchall()  # type: ignore[no-any-return]

    return answer


def rows_of(connection: sa.Connection, query: sa.Select[Any], **parameters: Parameter) -> Sequence[Any]:
    """The rows of a question that is put together once and kept: the same object each time."""
    if connection.dialect.name != "postgresql":
        return connection.execute(query, parameters).all()
    text, constants, row = _compiled(query, connection.dialect, tuple(parameters))
    with _in_our_words(connection):
        return list(map(row._make, _driver(connection).execute(text, {**constants, **parameters}).fetchall()))


@lru_cache(maxsize=32)
def _compiled(query: sa.Select[Any], dialect: sa.Dialect, names: Sequence[str]) -> tuple[str, dict[str, Any], Any]:
    whole = query.compile(dialect=dialect).construct_expanded_state(dict.fromkeys(names))
    return whole.statement, dict(whole.parameters), namedtuple("Row", query.selected_columns.keys(), rename=True)


def find(connection: sa.Connection, columns: str, table: str, by: str, among: Sequence[str], *, also: str = "", first: bool = False,
         **equal: str) -> Answer:
    """Ask for the rows of a table whose column ``by`` holds one of these texts, and other columns what is said of them by name.

    ``also``: a condition in SQL; ``first``: one row for each text is enough.
    """
    if connection.dialect.name == "postgresql":
        return ask(connection, _one_after_the_other(columns, table, by, also, first, tuple(equal)), among, *equal.values())
    where = " AND ".join([*(f"{name} = ?" for name in equal), f"{by} IN ?"])
    return ask(connection, f'SELECT {"DISTINCT " if first else ""}{columns} FROM "{table}" WHERE {where} {also}', *equal.values(), among)


@lru_cache(maxsize=256)
def _one_after_the_other(columns: str, table: str, by: str, also: str, first: bool, equal: Sequence[str]) -> str:
    """A look-up for each text. A plan is made once, mostly while the table is all but empty, and a list in the condition would be no way in for it then."""
    where = " AND ".join([*(f"{name} = ?" for name in equal), f"{by} = given.one"])
    inner = f'SELECT {columns} FROM "{table}" WHERE {where} {also} {"LIMIT 1" if first else "OFFSET 0"}'
    return f"SELECT found.* FROM unnest(?::text[]) AS given (one), LATERAL ({inner}) AS found"


def by_index(connection: sa.Connection) -> None:
    """Until the transaction ends PostgreSQL looks things up, even where going through all of a small table would do today; so one plan is good for all."""
    if connection.dialect.name == "postgresql":
        tell(connection, "SELECT set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)")


def tell(connection: sa.Connection, statement: str, *parameters: Parameter) -> None:
    """Have something written, of which nothing is to be heard again."""
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql(_for_sqlite(statement), _values(parameters, _json_list))
        return
    with _in_our_words(connection):
        _driver(connection).execute(_for_postgresql(statement), _values(parameters, _array))


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


@contextmanager
def _in_our_words(connection: sa.Connection) -> Iterator[None]:
    """The driver's errors as SQLAlchemy's, as if it had asked."""
    errors: Any = connection.dialect.loaded_dbapi
    try:
        yield
    except errors.Error as error:
        raise sa.exc.DBAPIError.instance(None, None, error, errors.Error, hide_parameters=True, dialect=connection.dialect) from None


def _values(parameters: Sequence[Parameter], as_list: Callable[[Sequence[str]], str]) -> tuple[str | int | None, ...]:
    return tuple(one if one is None or isinstance(one, str | int) else as_list(one) for one in parameters)


@lru_cache(maxsize=512)
def _for_postgresql(statement: str) -> str:
    return statement.replace("IN ?", "= ANY(%s)").replace("?", "%s")


@lru_cache(maxsize=512)
def _for_sqlite(statement: str) -> str:
    return statement.replace("IN ?", "IN (SELECT value FROM json_each(?))")


def _array(texts: Sequence[str]) -> str:
    """PostgreSQL's own form of a list: the driver would write it value by value."""
    plain = '","'.join(texts)
    if "\\" in plain or plain.count('"') != 2 * max(0, len(texts) - 1):
        plain = '","'.join(one.replace("\\", "\\\\").replace('"', '\\"') for one in texts)
    return f'{{"{plain}"}}' if texts else "{}"


def _json_list(texts: Sequence[str]) -> str:
    return msgspec.json.encode(list(texts)).decode()
