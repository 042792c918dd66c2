"""Where a profile's server keeps its data: PostgreSQL if it is told so, else an encrypted file of the profile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from alumni_desk.errors import Refused
from alumni_desk.server.database import Database, postgresql_database, sqlcipher_database
from alumni_desk.words import _

FILE = "server.db"
_SERVING = 7403522  # the number of the lock that serving processes share on PostgreSQL


def open_in_profile(folder: Path, url: str | None, *, upgrade: bool = False, key: bytes | None = None) -> Database:
    """The server's database for a profile's folder. The file's key is kept as the desk's own is, unless it is given."""
    if url is not None:
        return postgresql_database(url, upgrade=upgrade)
    from alumni_desk.store import keys

    return sqlcipher_database(folder / FILE, key if key is not None else keys.database_key(folder, "server"))


@contextmanager
def held(database: Database, folder: Path, *, alone: bool) -> Iterator[None]:
    """While a process serves (on PostgreSQL with others), nobody restores; and the other way round. Raises Refused ``server_running``."""
    if database.postgresql:
        with database.engine.connect() as connection:
            asked = "pg_try_advisory_lock" if alone else "pg_try_advisory_lock_shared"
            if not connection.execute(sa.text(f"SELECT {asked}({_SERVING})")).scalar():
                raise _running()
            connection.commit()  # the lock is the session's; no transaction stays open
            try:
                yield
            finally:
                _let_go(connection)
        return
    with open(folder / "serving.lock", "a+b") as handle:
        try:
            _lock(handle.fileno())
        except OSError:
            raise _running() from None
        yield  # closing the file ends the lock


def _let_go(connection: sa.Connection) -> None:
    try:
        connection.execute(sa.text("SELECT pg_advisory_unlock_all()"))
        connection.commit()
    except sa.exc.DBAPIError:
        connection.invalidate()  # the database went away meanwhile, and the lock with it


def _running() -> Refused:
    return Refused("server_running", _("A server process uses this database, or it is being restored. Stop it, then try again."))


if sys.platform == "win32":
    def _lock(file: int) -> None:
        import msvcrt
        import os

        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    def _lock(file: int) -> None:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
