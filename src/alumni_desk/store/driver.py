"""The driver itself, and short statements by it: composing one through SQLAlchemy and reading its rows costs five times as much as SQLite takes to answer.

Each takes a connection of either kind: SQLAlchemy's (``Desk.reading``), or the driver's own (``Desk.asking``), for which SQLAlchemy, a fifth of what
starting may cost, need not be there. What goes wrong on one of SQLAlchemy's is raised as SQLAlchemy raises it, so that nobody has to know which way
a statement went.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

if TYPE_CHECKING:
    import sqlalchemy as sa

    Raw: TypeAlias = Any
    """A connection of the driver, which has no types."""
    Connection: TypeAlias = sa.Connection | Raw


@lru_cache(maxsize=1)
def sqlcipher() -> Any:
    """The driver. What is not exactly a text or a number it looks up in vain at every value, an exception each; nothing and flags it is told once."""
    import sqlcipher3.dbapi2 as module

    module.register_adapter(type(None), {None: None}.get)
    module.register_adapter(bool, int)
    return module


def run(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> int:
    """Carry out a statement that answers nothing. Returns how many rows it wrote."""
    try:
        return int(_raw(connection).execute(sql, parameters).rowcount)
    except sqlcipher().Error as error:
        _tell(connection, sql, error)


def run_many(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Carry out a statement once for each of these rows."""
    try:
        _raw(connection).executemany(sql, rows)
    except sqlcipher().Error as error:
        _tell(connection, sql, error)


def rows(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """All rows that a question has, as tuples."""
    try:
        found: list[Any] = _raw(connection).execute(sql, parameters).fetchall()
    except sqlcipher().Error as error:
        _tell(connection, sql, error)
    return found


def portions(connection: Connection, sql: str, parameters: Sequence[Any], size: int) -> Iterator[list[Any]]:
    """All rows that a question has, so many at a time."""
    try:
        cursor = _raw(connection).execute(sql, parameters)
        try:
            while portion := cursor.fetchmany(size):
                yield portion
        finally:
            cursor.close()
    except sqlcipher().Error as error:
        _tell(connection, sql, error)


def each(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
    """All rows that a question has, one after the other."""
    return chain.from_iterable(portions(connection, sql, parameters, 10_000))


def row(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> Any:
    """The first row, as a tuple; None if there is none."""
    try:
        return _raw(connection).execute(sql, parameters).fetchone()
    except sqlcipher().Error as error:
        _tell(connection, sql, error)


def is_writing(connection: Connection) -> bool:
    """Whether a transaction is under way."""
    return bool(_raw(connection).in_transaction)


def said(error: BaseException) -> str | None:
    """What the database said, if the error is its own, however it was raised; else None."""
    own = getattr(error, "orig", error)
    return str(own) if isinstance(own, sqlcipher().Error) else None


def kind_of(error: BaseException) -> str:
    """SQLite's own name for what went wrong, as in SQLITE_READONLY_DBMOVED; it tells more than the sentence and holds nothing of anybody."""
    return str(getattr(getattr(error, "orig", error), "sqlite_errorname", "unnamed"))


def _raw(connection: Connection) -> Raw:
    return connection if isinstance(connection, sqlcipher().Connection) else connection.connection.dbapi_connection


def _tell(connection: Connection, sql: str, error: Exception) -> NoReturn:
    if isinstance(connection, sqlcipher().Connection):
        raise error
    import sqlalchemy as sa

    raise sa.exc.DBAPIError.instance(sql, None, error, sqlcipher().Error, hide_parameters=True, dialect=connection.dialect) from error
