"""The driver itself, and short statements by it: composing one through SQLAlchemy and reading its rows costs five times as much as SQLite takes to answer.

What goes wrong is raised as SQLAlchemy raises it, so that nobody has to know which way a statement went.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa


@lru_cache(maxsize=1)
def sqlcipher() -> Any:
    """The driver. What is not exactly a text or a number it looks up in vain at every value, an exception each; nothing and flags it is told once."""
    import sqlcipher3.dbapi2 as module

    module.register_adapter(type(None), {None: None}.get)
    module.register_adapter(bool, int)
    return module


def run(connection: sa.Connection, sql: str, parameters: Sequence[Any] = ()) -> int:
    """Carry out a statement that answers nothing. Returns how many rows it wrote."""
    try:
        return int(_raw(connection).execute(sql, parameters).rowcount)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _known(connection, sql, error) from error


def run_many(connection: sa.Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Carry out a statement once for each of these rows."""
    try:
        _raw(connection).executemany(sql, rows)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _known(connection, sql, error) from error


def rows(connection: sa.Connection, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """All rows that a question has, as tuples."""
    try:
        found: list[Any] = _raw(connection).execute(sql, parameters).fetchall()
    except connection.dialect.loaded_dbapi.Error as error:
        raise _known(connection, sql, error) from error
    return found


def row(connection: sa.Connection, sql: str, parameters: Sequence[Any] = ()) -> Any:
    """The first row, as a tuple; None if there is none."""
    try:
        return _raw(connection).execute(sql, parameters).fetchone()
    except connection.dialect.loaded_dbapi.Error as error:
        raise _known(connection, sql, error) from error


def _raw(connection: sa.Connection) -> Any:
    return connection.connection.dbapi_connection


def _known(connection: sa.Connection, sql: str, error: Exception) -> BaseException:
    return sa.exc.DBAPIError.instance(sql, None, error, connection.dialect.loaded_dbapi.Error, hide_parameters=True, dialect=connection.dialect)
