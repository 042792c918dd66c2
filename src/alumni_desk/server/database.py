"""The server's database: PostgreSQL in earnest, or an SQLCipher file in the profile's folder for one process."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from alumni_desk.errors import StoreProblem
from alumni_desk.store import disk, driver
from alumni_desk.words import _

REVISION = "0014"
"""The newest of ``server/migrations``; Alembic is imported only when the database is not there yet."""


IDLE_SECONDS = 1.0

_KEPT = 4
"""Connections that are kept ready between two questions, as many between two looks and two transactions, of the pool's."""

_LAY_SINCE = "lay_since"
"""In what is noted of such a connection when it goes back to the pool: since when nobody has used it."""

_BUSY_SECONDS = 30
_SCRUB_MS = 100
"""How long the server waits for whoever reads before it puts off to shorten the log."""


class _Ready:
    """Connections to PostgreSQL that stay as they are from one use to the next: to get one from the pool and ready costs as much as many a question."""

    def __init__(self, engine: sa.Engine, isolation: str | None = None) -> None:
        self._engine, self._isolation = engine, isolation
        self._kept: deque[tuple[sa.Connection, float]] = deque()  # and since when each lies idle
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def one(self) -> Iterator[sa.Connection]:
        """A connection for one use; the one that was used last."""
        connection = self._taken()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if connection.in_transaction():  # somebody asked by SQLAlchemy, which begins one in name
            connection.rollback()
        with self._lock:
            keep = not self._closed and len(self._kept) < _KEPT
            if keep:
                self._kept.append((connection, time.monotonic()))
        if not keep:
            connection.close()

    def close(self) -> None:
        """Keep none any more."""
        with self._lock:
            self._closed = True
        while self._kept:
            self._kept.pop()[0].close()

    def _taken(self) -> sa.Connection:
        with suppress(IndexError):
            connection, since = self._kept.pop()
            if time.monotonic() - since < IDLE_SECONDS:
                return connection
            connection.info[_LAY_SINCE] = since
            connection.close()  # the pool sees whether it still stands
        connection = self._engine.connect()
        return connection if self._isolation is None else connection.execution_options(isolation_level=self._isolation)


class Database:
    """An open server database. Writing on SQLite goes one at a time, and a reader sees one moment."""

    def __init__(self, engine: sa.Engine, path: Path | None = None) -> None:
        self.engine = engine
        self.path = path  # of a file
        self._file = _file(path)
        self.parted = False
        """Its chapter is at another server: nobody asks it any more."""
        self.postgresql = engine.dialect.name == "postgresql"
        self._one_writer = threading.Lock()
        self._to_scrub = False
        self._asking, self._reading, self._writing = _Ready(engine, "AUTOCOMMIT"), _Ready(engine, "REPEATABLE READ"), _Ready(engine)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that commits at the end, or not at all."""
        if self.postgresql:
            with self._writing.one() as connection, connection.begin():
                yield connection
            return
        with self._one_writer, self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")
            if self._to_scrub:
                self._scrub(connection)

    def scrub(self) -> None:
        """Something was taken out for good: SQLite's log must not hold it either. While somebody reads what was there, it is done after a later commit."""
        if self.postgresql:
            return
        with self._one_writer, self.engine.connect() as connection:
            self._scrub(connection)

    def scrub_later(self) -> None:
        """The same after a later commit: just now there is no room for it."""
        self._to_scrub = True

    def _scrub(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_SCRUB_MS}")
        busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
        self._to_scrub = bool(busy)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A snapshot: everything read inside is of one moment."""
        if self.postgresql:
            with self._reading.one() as connection, connection.begin():
                yield connection
            return
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    @contextmanager
    def asking(self) -> Iterator[sa.Connection]:
        """For one question, or several that need not be of one moment: no transaction is begun for them, and so none is ended."""
        if not self.postgresql:
            with self.engine.connect() as connection:
                yield connection
            return
        with self._asking.one() as connection:
            yield connection

    @contextmanager
    def telling(self) -> Iterator[sa.Connection]:
        """For one statement that writes: it is a transaction of its own."""
        with self.asking() if self.postgresql else self.writing() as connection:
            yield connection

    def is_there(self) -> bool:
        """Whether the file that was opened is still what its name stands for: one that was deleted, or replaced, can be written and is kept by nobody."""
        return self.path is None or _file(self.path) == self._file

    def takes_changes(self) -> bool:
        """Whether it can be written: a standby of PostgreSQL, or one that is set so, can only be read."""
        if not self.postgresql:
            return True
        with self.asking() as connection:
            return not connection.exec_driver_sql("SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean").scalar_one()

    def part(self) -> None:
        """Its chapter moved away: let go of the file, so that it can be deleted everywhere."""
        self.parted = True
        self.close()

    def close(self) -> None:
        """Close every connection."""
        for ready in (self._asking, self._reading, self._writing):
            ready.close()
        self.engine.dispose()


def _file(path: Path | None) -> tuple[int, int] | None:
    """What names a file, whatever it is called; None if there is none."""
    try:
        return None if path is None else ((found := path.stat()).st_dev, found.st_ino)
    except OSError:
        return None


def _sqlcipher(path: Path, key: bytes) -> sa.Engine:
    def connect() -> Any:
        if not path.exists():  # never a new, empty one in its place
            raise driver.sqlcipher().OperationalError("unable to open database file")
        connection = driver.sqlcipher().connect(str(path), check_same_thread=False, isolation_level=None, timeout=_BUSY_SECONDS)
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = 1")
        connection.execute("PRAGMA secure_delete = ON")  # what an erasure takes out is nowhere in the file
        return connection

    return sa.create_engine(f"sqlite+pysqlite:///{path}", module=driver.sqlcipher(), creator=connect, poolclass=QueuePool, hide_parameters=True,
                            isolation_level="AUTOCOMMIT", pool_size=8, max_overflow=8)


def sqlcipher_database(path: Path, key: bytes) -> Database:
    """The server's database in an encrypted file under this key (32 bytes)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    logged = path.with_name(f"{path.name}-wal").exists()
    database = _in_form(Database(_sqlcipher(path, key), path), upgrade=True)
    if logged:  # the program may have ended in the middle of an erasure
        try:
            database.scrub()
        except sa.exc.OperationalError:
            if not disk.is_full(path.parent):
                raise
            database.scrub_later()  # it can be read, and copied elsewhere
    return database


def postgresql_database(url: str, *, upgrade: bool = False) -> Database:
    """The server's database on PostgreSQL, reached by ``postgresql+psycopg://…``. An empty one is filled; ``upgrade``: an older one is migrated."""
    database = Database(_postgresql(url))
    try:
        with _in_words(url):
            return _in_form(database, upgrade=upgrade)
    except StoreProblem:
        database.close()
        raise


def _postgresql(url: str) -> sa.Engine:
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise StoreProblem("server_database_address", _(
            "The database address cannot be read. It looks like postgresql+psycopg://user@host/name.")) from None
    except ValueError:  # what stands where a port would, maybe a part of the password: it is not quoted
        raise _not_encoded() from None
    if "@" in f"{address.host}{address.database}":
        raise _not_encoded()
    if address.drivername in ("postgresql", "postgres"):
        address = address.set(drivername="postgresql+psycopg")
    if address.drivername != "postgresql+psycopg":
        raise StoreProblem("server_database_kind", _(
            "The server keeps its data in PostgreSQL or in its own file. The address must begin with postgresql+psycopg://."))
    try:
        engine = sa.create_engine(address, pool_size=16, max_overflow=16, pool_use_lifo=True, hide_parameters=True,
                                  connect_args={"connect_timeout": 10, "client_encoding": "utf8"})
    except ModuleNotFoundError:
        raise StoreProblem("server_database_driver", _(
            "The driver for PostgreSQL is not installed. Install Alumni Desk with the extra “server”.")) from None
    _ask_the_idle(engine)
    _see_that_it_holds_every_name(engine)
    return engine


def _not_encoded() -> StoreProblem:
    return StoreProblem("server_database_signs", _(
        "The database address cannot be read: its port must be a number, and signs such as @ : / % in its password must be percent-encoded "
        "(%40 %3A %2F %25)."))


def _see_that_it_holds_every_name(engine: sa.Engine) -> None:
    """PostgreSQL's own choice is by the system's language and may hold Western letters alone: of any other name a laptop could send nothing any more."""

    @sa.event.listens_for(engine, "connect")
    def see(connection: Any, _record: Any) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding not in (None, "UTF8"):
            raise StoreProblem("server_database_encoding", _(
                "This PostgreSQL database keeps its text as {encoding}, which does not hold every name. Make one with: createdb --encoding UTF8 "
                "--template template0, and give its address."), encoding=encoding)


def _ask_the_idle(engine: sa.Engine) -> None:
    """See whether a connection still stands before it is used, if it lay idle: asking each time would cost as much as many an answer."""

    @sa.event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = record.info.pop(_LAY_SINCE, None) or time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def ask(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("idle_since", time.monotonic()) > IDLE_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error:
                raise sa.exc.DisconnectionError from None  # the pool makes a new one


def postgresql_revision(url: str) -> str | None:
    """How far a PostgreSQL database was migrated, without touching it; None if it is empty."""
    database = Database(_postgresql(url))
    try:
        with _in_words(url):
            return revision(database)
    finally:
        database.close()


@contextmanager
def _in_words(url: str) -> Iterator[None]:
    """What an IT person can do about a database that cannot be opened."""
    try:
        yield
    except sa.exc.OperationalError:
        raise _unreachable(url) from None
    except sa.exc.InternalError as error:
        if getattr(error.orig, "sqlstate", None) != _ONLY_READ:
            raise
        raise StoreProblem("server_database_only_read", _(
            "This PostgreSQL database can only be read: it is a standby, or set so. Give the address of the one that can be written.")) from None
    except sa.exc.ProgrammingError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state is None:  # the driver has not got as far as the database
            raise StoreProblem("server_database_option", _(
                "The database address has an option that PostgreSQL does not know. Those after the ? are its own: for an encrypted connection "
                "sslmode=require.")) from None
        if state not in _MAY_NOT:
            raise
        raise StoreProblem("server_database_rights", _(
            "The database’s user may make no tables in it. Let it own the database, as by: ALTER DATABASE name OWNER TO user.")) from None


_ONLY_READ = "25006"
"""PostgreSQL's code for a change in a transaction that may only read."""

_MAY_NOT = ("42501", "3F000")
"""PostgreSQL's codes for a lack of rights, and for a schema that is not there or may not be used."""

_ENCODED = re.compile(r"://[^/@:]*:[^@]*%[0-9A-Fa-f]{2}[^@]*@")


def _unreachable(url: str) -> StoreProblem:
    return StoreProblem("server_database_unreachable", _(
        "The PostgreSQL database does not answer. Check that it runs and that its address, name and password are right. A % with two signs after it stands "
        "for another sign in the password of the address: if it is one of the password itself, write %25.") if _ENCODED.search(url) else _(
        "The PostgreSQL database does not answer. Check that it runs and that its address, name and password are right."))


def _in_form(database: Database, *, upgrade: bool) -> Database:
    """See that a database has this program's form; closes it and says so where that may not be made."""
    found = revision(database)
    if found == REVISION:
        return database
    if found is not None and (found > REVISION or not upgrade):
        database.close()
        if found > REVISION:
            raise StoreProblem("server_database_newer", _(
                "The database was migrated by a newer Alumni Desk server, and this one would not understand it. Install that version here."))
        raise StoreProblem("server_database_old", _(
            "The database is of an older Alumni Desk server. Back it up with that version, stop every server process, then run: alumni-desk server migrate"))
    migrate(database)
    return database


def revision(database: Database) -> str | None:
    """Which of the migrations the database has reached; None if it is empty."""
    with database.engine.connect() as connection:
        there = sa.inspect(connection).has_table("alembic_version")
        return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() if there else None


def migrate(database: Database) -> None:
    """Bring the database to the newest revision, in one transaction; several processes may try at once."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    with database.writing() as connection:
        if database.postgresql:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7403521)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
