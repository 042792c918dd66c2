"""Connections to an SQLCipher database, each set up the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from alumni_desk.store import disk, driver

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.store.capture import Capture
    from alumni_desk.store.driver import Raw

BUSY_SECONDS = 30.0

WRITER_CACHE, READER_CACHE = 65_536, 32_768
"""KB of decrypted pages that a connection keeps. Several read at a time, and one look at every member fills it."""


LOG_PAGES = 16_000
"""Pages of the log (64 MB) from which a commit folds it back into the database. What many commits write, the same pages again and again, is folded once; and
where a window is open mostly by ``Desk.fold``, while nobody waits."""


class Beside(NamedTuple):
    """An SQLCipher file under a key of its own that is read, and never written, as another schema of the desk's connection."""

    name: str
    file: Path
    key: bytes


def connect(path: Path, key: bytes, *, cache: int = WRITER_CACHE, makes: bool = True) -> Any:
    """A raw SQLCipher connection with this key, as every connection of a desk is set up; unless it ``makes`` the file, that has to be there."""
    if not path.exists():  # SQLite would make it, and let others read it; its log gets the database's mode
        if not makes:
            raise driver.sqlcipher().OperationalError("unable to open database file")
        with disk.chapters_files(path.parent):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = driver.sqlcipher().connect(str(path), check_same_thread=False, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        _set_up(connection, key, cache)
    except BaseException:
        connection.close()  # else whoever keeps the error keeps its files, half opened
        raise
    return connection


def _set_up(connection: Raw, key: bytes, cache: int) -> None:
    connection.execute("PRAGMA cipher_log_level = NONE")
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON", "foreign_keys = ON",
                   "recursive_triggers = ON", f"cache_size = -{cache}", f"wal_autocheckpoint = {LOG_PAGES}", "temp_store = MEMORY", "trusted_schema = ON"):
        connection.execute(f"PRAGMA {pragma}")


def alone_with(path: Path, key: bytes) -> Raw | None:
    """A connection through which this program alone has a database, and needs no room on the disk for it: SQLite keeps in memory what programs share else.

    As long as it is open all of this program's connections do without that file, too. None where SQLite cannot do so (Windows), or another program has the
    database open.
    """
    sqlcipher = driver.sqlcipher()
    connection: Raw | None = None
    try:
        connection = sqlcipher.connect(f"{path.absolute().as_uri()}?mode=rw&vfs=unix-excl", uri=True, check_same_thread=False, isolation_level=None, timeout=0)
        _set_up(connection, key, READER_CACHE)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlcipher.Error:
        if connection is not None:
            connection.close()
        return None
    return connection


def reader(path: Path, key: bytes, *, makes: bool = False) -> Raw:
    connection = connect(path, key, cache=READER_CACHE, makes=makes)
    connection.execute("PRAGMA query_only = ON")
    return connection


def engine_of(path: Path, key: bytes, metadata: sa.MetaData | None, capture: Capture | None, *, makes: bool = False) -> sa.Engine:
    """``makes``: the database may be new; else a desk that was emptied meanwhile would be followed by an empty file."""
    import sqlalchemy as sa
    from sqlalchemy.pool import QueuePool

    def creator() -> Any:
        if metadata is None or capture is None:
            return reader(path, key, makes=makes)
        connection = connect(path, key, makes=makes)
        capture.register(connection, metadata)
        return connection

    size, more = (1, 0) if metadata is not None else (4, 28)
    return sa.create_engine("sqlite+pysqlite:///named-so-that-a-queue-pool-is-used", module=driver.sqlcipher(), creator=creator, poolclass=QueuePool,
                            pool_size=size, max_overflow=more, pool_use_lifo=True, isolation_level="AUTOCOMMIT", hide_parameters=True)


def roll_back(connection: sa.Connection) -> None:
    if connection.closed or connection.invalidated:
        return
    raw = connection.connection.dbapi_connection
    if raw is not None and raw.in_transaction:  # after a full disk SQLite has rolled back by itself
        driver.run(connection, "ROLLBACK")


@contextmanager
def attached(opened: Callable[[], sa.Connection], beside: Beside | None) -> Iterator[sa.Connection]:
    connection = opened()
    if beside is None:
        yield connection
        return
    address = f"{beside.file.absolute().as_uri()}?mode=ro&immutable=1"
    connection.exec_driver_sql(f"ATTACH DATABASE ? AS \"{beside.name}\" KEY \"x'{beside.key.hex()}'\"", (address,))
    raw: Any = connection.connection.dbapi_connection
    try:
        yield connection
    finally:
        raw.execute(f'DETACH DATABASE "{beside.name}"')  # rolled back or not: the connection lives on in its pool
