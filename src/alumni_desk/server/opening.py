"""Where a profile's server keeps its data: PostgreSQL if it is told so, else an encrypted file of the profile."""

from __future__ import annotations

import _thread
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from alumni_desk.errors import Refused
from alumni_desk.server.database import Database, postgresql_database, sqlcipher_database
from alumni_desk.words import _

LOG = logging.getLogger("alumni_desk.server")

FILE = "server.db"
LOOK_SECONDS = 2.0
GONE_LOOKS = 3
"""So often a serving process sees whether it still holds its place."""

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
        with _alone(database) if alone else _among_others(database):
            yield
        return
    with open(folder / "serving.lock", "a+b") as handle:
        try:
            _lock(handle.fileno())
        except OSError:
            raise _running() from None
        with _ending_with(database):
            yield  # closing the file ends the lock


@contextmanager
def _ending_with(database: Database) -> Iterator[None]:
    """Serving ends where the file goes: the chapter moved, or somebody took it away. It goes on where it is let go of, to say so."""
    ended = threading.Event()

    def watch() -> None:
        gone = 0
        while not ended.wait(LOOK_SECONDS):
            gone = 0 if database.parted or database.is_there() else gone + 1
            if gone > GONE_LOOKS:  # whoever keeps it has had the time to say that it moved
                LOG.error("the database's file is gone, or another one: this process ends")
                _thread.interrupt_main(signal.SIGINT)
                return

    watching = threading.Thread(target=watch, name="file", daemon=True)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    with database.engine.connect() as connection:
        if not _take(connection, "pg_try_advisory_lock"):
            raise _running()
        try:
            yield
        finally:
            _let_go(connection)


@contextmanager
def _among_others(database: Database) -> Iterator[None]:
    """The lock is the connection's: should the database restart it is taken again, and if somebody restores by then, serving ends."""
    held = [database.engine.connect()]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(LOOK_SECONDS):
            try:
                held[0].execute(sa.text("SELECT 1"))
                held[0].commit()
                continue
            except sa.exc.SQLAlchemyError:
                if not held[0].closed:
                    held[0].invalidate()
            try:
                held[0].close()
                held[0] = database.engine.connect()
                taken = _take(held[0], "pg_try_advisory_lock_shared")
            except sa.exc.SQLAlchemyError:  # it is not back yet
                continue
            if not taken:
                LOG.error("the database is being restored: this process ends")
                _thread.interrupt_main(signal.SIGINT)
                return

    watching = threading.Thread(target=watch, name="lock", daemon=True)
    try:
        if not _take(held[0], "pg_try_advisory_lock_shared"):
            raise _running()
        watching.start()
        try:
            yield
        finally:
            ended.set()
            watching.join()
            _let_go(held[0])
    finally:
        held[0].close()


def _take(connection: sa.Connection, how: str) -> bool:
    taken = bool(connection.execute(sa.text(f"SELECT {how}({_SERVING})")).scalar())
    connection.commit()  # the lock is the session's; no transaction stays open
    return taken


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
