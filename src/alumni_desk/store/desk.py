"""A desk's encrypted database: reading one moment, and writing one action at a time."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, cast

from alumni_desk.errors import KnownError, Refused
from alumni_desk.protocol.clock import Clock
from alumni_desk.protocol.ids import uuid7
from alumni_desk.store import driver, keys
from alumni_desk.store.connecting import BUSY_SECONDS, Beside, attached, connect, engine_of, reader, roll_back
from alumni_desk.store.key_file import KeyFile
from alumni_desk.store.mark import Mark
from alumni_desk.store.profile import Profile, computer_name
from alumni_desk.store.synced import fingerprint
from alumni_desk.store.troubles import busy, emptied, translated
from alumni_desk.store.writing import AT_ONCE, Writing, set_mode
from alumni_desk.words import _

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.store.capture import Capture
    from alumni_desk.store.driver import Connection, Raw
    from alumni_desk.store.finding import Vocabulary
    from alumni_desk.store.outbox import Outbox, Record
    from alumni_desk.store.search import News

log = logging.getLogger(__name__)


class Applying(NamedTuple):
    """A transaction in which what came from elsewhere is written, without being captured as somebody's edit."""

    connection: sa.Connection
    tables: Mapping[str, sa.Table]
    now: datetime


class Desk:
    """An open desk. Safe to use from several threads: one writes at a time, many read.

    SQLAlchemy and the tables (``metadata`` gives them) are there from the first ``reading`` or ``writing`` on: the window's first page only asks.
    ``triggers``: the fingerprint of the triggers that the database was found to have, where they were not compared with the tables. ``first``: a
    connection that reads. ``sole``: one that stays open as long as the desk, for it was opened on a full disk (``connecting.alone_with``).
    """

    def __init__(self, profile: Profile, key: bytes, metadata: Callable[[], sa.MetaData], schema: int, *, triggers: str | None = None,
                 first: Raw | None = None, sole: Raw | None = None) -> None:  # fmt: skip
        self.profile, self.schema = profile, schema
        self._removed = profile.path / "removed.json"
        self._begins_anew = self._removed.exists()  # as long as that goes on being said
        self.clock = Clock()
        self._capture: Capture | None = None
        self._vocabulary: Vocabulary | None = None
        self.news: News | None = None  # of the transaction under way
        self._key = key
        self._one_writer = threading.Lock()
        self._making = threading.RLock()
        self._make_metadata, self._triggers = metadata, triggers
        self._metadata: sa.MetaData | None = None
        self._tables: Mapping[str, sa.Table] = {}
        self._read_by: sa.Engine | None = None
        self._walk_by: sa.Engine | None = None
        self._written_by: sa.Engine | None = None
        self._idle: list[Raw] = [] if first is None else [first]  # the driver's connections that ask, until there is an engine
        self._sole = sole
        self._shut: KnownError | None = None
        self._closed = False
        self._commit = 0
        self._of: str | None = None  # of the transaction under way: the chapter's id, and above its number
        self._writer: sa.Connection | None = None  # stays open: checking one out of the pool costs as much as a small action
        self._version_lock = threading.Lock()
        self._versions: Raw | None = None
        self._mark = Mark(profile.path, key)
        self._outbox: Outbox | None = None
        self.key_file = KeyFile(profile.path)
        self.unkept: list[str] = []  # actions that are not in the outbox yet
        self.shows: str | None = None  # the chapter that somebody has before them, by a window; else an action is for whichever is here
        self.remade: tuple[str, ...] = ()  # triggers that were not there when it was opened

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; the last one folds the write-ahead log back into the file."""
        self._closed = True
        self.key_file.look_last()
        with self._version_lock:
            if self._versions is not None:
                self._versions.close()
                self._versions = None
        self._close_idle()
        for readers in (self._read_by, self._walk_by):
            if readers is not None:
                readers.dispose()
        with self._one_writer:
            self._let_go()
        if self._written_by is not None:
            self._written_by.dispose()
        self._close_files()

    def shut(self, why: KnownError) -> None:
        """Close it for good: whatever is asked of it from now on raises ``why``. Its files can be deleted, and nobody makes them anew."""
        with self._making:
            if self._shut is not None:
                return
            engines, self._shut = (self._read_by, self._walk_by, self._written_by), why
            self._read_by = self._walk_by = self._written_by = cast("sa.Engine", _Shut(why))
        with self._version_lock:
            if self._versions is not None:
                self._versions.close()
                self._versions = None
        self._close_idle()
        self.unkept.clear()  # what is not copied yet goes with all the rest
        with self._one_writer:
            self._let_go()
        for engine in engines:
            if engine is not None:
                engine.dispose()
        self._close_files()

    @property
    def metadata(self) -> sa.MetaData:
        """The desk's schema."""
        with self._making:
            if self._metadata is None:
                self._metadata = self._make_metadata()
            return self._metadata

    @property
    def tables(self) -> Mapping[str, sa.Table]:
        """The desk's tables by name."""
        if not self._tables:
            self._tables = dict(self.metadata.tables)
        return self._tables

    @property
    def _readers(self) -> sa.Engine:
        with self._making:
            if self._read_by is None:
                self._read_by = engine_of(self.profile.database, self._key, None, None)
                self._close_idle()
            return self._read_by

    @property
    def _walkers(self) -> sa.Engine:
        with self._making:
            if self._walk_by is None:
                self._walk_by = engine_of(self.profile.database, self._key, None, None)
            return self._walk_by

    @property
    def _writers(self) -> sa.Engine:
        with self._making:
            if self._written_by is None:
                if self._triggers is not None and self._triggers != fingerprint(wanted_triggers(self.metadata, self.schema)):
                    raise RuntimeError("the triggers are not those of the tables: schema.TRIGGERS lags behind them")
                self._written_by = engine_of(self.profile.database, self._key, self.metadata, self.capture)
            return self._written_by

    @property
    def capture(self) -> Capture:
        """What the triggers call."""
        with self._making:
            if self._capture is None:
                from alumni_desk.store.capture import Capture

                self._capture = Capture(self.clock)
            return self._capture

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that are searched, for typing errors."""
        with self._making:
            if self._vocabulary is None:
                from alumni_desk.store.finding import Vocabulary

                self._vocabulary = Vocabulary()
            return self._vocabulary

    @property
    def outbox(self) -> Outbox:
        """The second copy of what waits to be sent."""
        with self._making:
            if self._outbox is None:
                from alumni_desk.store.outbox import Outbox

                self._outbox = Outbox(self.profile.path, self._key)
            return self._outbox

    def _close_files(self) -> None:
        self._mark.close()
        if self._outbox is not None:
            self._outbox.close()
        if self._sole is not None:
            self._sole.close()
            self._sole = None

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @property
    def scope(self) -> str | None:
        """The chapter's id; None before there is a chapter."""
        with self.asking() as connection:
            return _scope(connection)

    @property
    def device_name(self) -> str:
        """What this laptop is called at the door and at the server."""
        return str(self.setting("device_name") or computer_name().split(".")[0] or _("This laptop"))

    @property
    def kept_by(self) -> keys.Keeper:
        """Who keeps the key: the computer's keyring or a passphrase."""
        return keys.keeper(self.profile.path, "desk")

    def now(self) -> datetime:
        """The time, as the server corrected this computer's clock when they last spoke."""
        return datetime.fromtimestamp(self.clock.now_ms() / 1_000, UTC)

    def version(self) -> int:
        """A number that changes whenever somebody wrote to the database: this program, or another one beside it."""
        with self._version_lock, translated(self.profile.path, opened=True):
            if self._shut is not None:
                raise self._shut
            if self._versions is None:
                self._versions = reader(self.profile.database, self._key)
            return int(driver.row(self._versions, "PRAGMA data_version")[0])

    def fold(self) -> None:
        """Fold the log back into the database, as far as nobody reads in it, so that no commit has to do that while somebody waits for it."""
        with translated(self.profile.path, opened=True), closing(reader(self.profile.database, self._key)) as raw:
            driver.rows(raw, "PRAGMA wal_checkpoint(PASSIVE)")

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """As ``reading``, for ``driver.row`` and ``driver.rows`` alone: what the first page asks must not wait for SQLAlchemy to be imported."""
        if self._read_by is not None:
            with self.reading() as connection:
                yield connection
            return
        with translated(self.profile.path, opened=True):
            try:
                raw = self._idle.pop()
            except IndexError:
                raw = reader(self.profile.database, self._key)
            try:
                raw.execute("BEGIN")
                yield raw
            finally:
                if raw.in_transaction:
                    raw.execute("ROLLBACK")
                self._put_back(raw)

    def _put_back(self, raw: Raw) -> None:
        with self._making:
            if self._read_by is None and not self._closed:
                self._idle.append(raw)
                return
        raw.close()

    @contextmanager
    def reading(self, *, everybody: bool = False) -> Iterator[sa.Connection]:
        """A connection that cannot write and sees one moment, however long it is held.

        ``everybody``: one of those that look at all there is: the others keep in memory what is asked for with every key.
        """
        with translated(self.profile.path, opened=True), (self._walkers if everybody else self._readers).connect() as connection:
            driver.run(connection, "BEGIN")
            try:
                yield connection
            finally:
                roll_back(connection)

    @contextmanager
    def writing(self, event: str, *, gathering: str | None = None, queue: Literal["live", "load"] = "live", undoes: str | None = None) -> Iterator[Writing]:
        """One action of a person: everything inside commits together, durably, or nothing does.

        ``gathering``: the operations belong to its door where the field may be seen there. ``queue='load'``: an import, which never
        holds up the rest. ``undoes``: the action that this one takes back. A desk without a chapter gets one. Raises StoreProblem for
        what the disk or another program does, and Refused ``chapter_switched`` where that is another chapter than the one that is shown.
        """
        with self._transaction() as connection:
            scope = self._of
            if self.shows is not None and scope != self.shows:
                raise Refused("chapter_switched", _(
                    "Nothing was saved: a command has switched this laptop to another chapter meanwhile, and what you are doing is for the one before. "
                    "Switch back to save it, or close this."))
            fresh = scope or uuid7()
            founding = None
            if scope is None:
                founding = self._found(connection, fresh, name=unnamed(), university=None, time_zone=None, sample=False)
            writing = Writing(self, connection, fresh, event=event, gathering=gathering, undoes=undoes)
            set_mode(connection, writing, queue)
            try:
                yield writing
                record = writing.note()
                if large := sum(map(len, writing.changed.tables.values())) > AT_ONCE:
                    from alumni_desk.store.outbox import note_unkept

                    note_unkept(connection, writing.action_id)
            finally:
                writing.end()
            self._rest(connection)
        if founding is not None:
            self.outbox.append(founding)
        if record is not None:
            self.outbox.append(record)
        elif large:
            self.unkept.append(writing.action_id)

    def note_kept(self, action: str) -> None:
        """A large action is in the outbox, too."""
        from alumni_desk.store.outbox import note_kept

        with self._transaction() as connection:
            note_kept(connection, action)

    @contextmanager
    def applying(self, beside: Beside | None = None) -> Iterator[Applying]:
        """A transaction for what a server, a peer or a restore says: captured as nobody's edit. ``beside``: a file that is read in it."""
        with self._transaction(beside=beside) as connection:
            before = self._of
            driver.run(connection, "UPDATE capture SET mode = 'applying', rest = 0")
            yield Applying(connection, self.tables, self.now())
            [scope] = driver.row(connection, "SELECT (SELECT id FROM scope ORDER BY rowid LIMIT 1)")
            self._rest(connection)
        if self.shows is not None and self.shows == before:  # who joins, or switches, by the window itself sees it there; a command's is not said yet
            self.shows = scope

    @contextmanager
    def checking(self) -> Iterator[sa.Connection]:
        """A transaction that is always taken back, for checks that SQLite counts as writing: they work on a full disk too."""
        with self._transaction(keep=False) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, keep: bool = True, beside: Beside | None = None) -> Iterator[sa.Connection]:
        from alumni_desk.store import search

        if not self._one_writer.acquire(timeout=BUSY_SECONDS * 10):
            raise busy()
        self.news = search.News()
        try:
            with translated(self.profile.path, opened=True), attached(self._opened, beside) as connection:
                driver.run(connection, "BEGIN IMMEDIATE")
                try:
                    self._refuse_emptied()
                    # How many were committed: at rest the capture row's transaction is the number of the last one.
                    count, self._of = driver.row(connection, "SELECT transaction_id, (SELECT id FROM scope ORDER BY rowid LIMIT 1) FROM capture")
                    self._commit = int(count or 0) + 1
                    yield connection
                    if keep:
                        search.refresh(connection, self.news)
                        driver.run(connection, "UPDATE capture SET transaction_id = ?1 WHERE transaction_id IS NOT ?1", (str(self._commit),))
                    driver.run(connection, "COMMIT" if keep else "ROLLBACK")
                except BaseException:
                    self._take_back(connection)
                    raise
            if keep:
                self._note_commit(self._commit)
        finally:
            self.news = None
            self._one_writer.release()

    def _refuse_emptied(self) -> None:
        """What is saved after this laptop's access ended, by a command beside this program perhaps, would go with all the rest."""
        if not self._removed.exists():
            self._begins_anew = False
        elif (gone := self.emptied()) is not None:
            raise gone

    def emptied(self) -> KnownError | None:
        """That this laptop's access ended and its files are deleted, though some may be open here still; None where it did not."""
        return None if self._begins_anew or not self._removed.exists() else emptied(self.profile.path)

    def _rest(self, connection: sa.Connection) -> None:
        """The action is at its end."""
        driver.run(connection, "UPDATE capture SET mode = 'rest', action = NULL, event = NULL, transaction_id = ?, gathering = NULL, queue = NULL, at = NULL,"
                               " rest = 1", (str(self._commit),))

    def _opened(self) -> sa.Connection:
        """The connection that writes. Whoever asks is the one writer."""
        if self._writer is None:
            self._writer = self._writers.connect()
        return self._writer

    def _take_back(self, connection: sa.Connection) -> None:
        try:
            roll_back(connection)
        finally:
            self._let_go()  # the next one begins with a connection that nothing has happened to

    def _let_go(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _note_commit(self, count: int) -> None:
        try:
            self._mark.write(count)
        except OSError as error:  # it is saved all the same
            log.warning("the mark of the last commit was not written: %s", error.strerror)

    def mark_is_damaged(self) -> bool:
        """Whether the mark of the last commit is there and cannot be read."""
        with self.checking():  # nobody writes it meanwhile
            return self._mark.is_damaged()

    def mark_is_gone(self) -> bool:
        """Whether there is no mark, though something was saved."""
        with self.checking():  # as above; it counts what was
            return self._commit > 1 and not self._mark.exists()

    def mend_mark(self) -> None:
        """Write it anew. Whether the database lacks a commit was looked at as it was opened: without the mark, by the copy of what waits."""
        with self.checking():  # nobody commits meanwhile
            self._mark.close()
            self._note_commit(self._commit - 1)

    def make_chapter(self, name: str, university: str | None = None, time_zone: str | None = None, *, sample: bool = False,
                     chapter_id: str | None = None) -> str:
        """Found the chapter that this desk is for; returns its id. Raises Refused if there is one already."""
        with self._transaction() as connection:
            if self._of is not None:
                raise Refused("chapter_there", _("There is a chapter on this desk already. Use another profile for another chapter."))
            scope = chapter_id or uuid7()
            founding = self._found(connection, scope, name=name, university=university, time_zone=time_zone, sample=sample)
        if founding is not None:
            self.outbox.append(founding)
        return scope

    def _found(self, connection: sa.Connection, scope: str, *, name: str, university: str | None, time_zone: str | None, sample: bool) -> Record | None:
        """Found the chapter in the transaction under way. Returns what the outbox is to hold of it."""
        writing = Writing(self, connection, scope, event="chapter_founded")
        set_mode(connection, writing, "live")
        connection.exec_driver_sql("INSERT INTO scope (id, cursor, chain) VALUES (?, 0, '')", (scope,))
        writing.add("chapter", id=scope, name=name, university=university, time_zone=time_zone, sample=sample or None)
        record = writing.note()
        self._rest(connection)
        return record

    def setting(self, key: str, default: Any = None) -> Any:
        """A setting of this laptop (any JSON value); never synced."""
        with self.asking() as connection:
            found = driver.row(connection, "SELECT value FROM setting WHERE key = ?", (key,))
        return default if found is None else json.loads(found[0])

    def set_setting(self, key: str, value: Any) -> None:
        """Keep a setting of this laptop; None forgets it."""
        text = None if value is None else json.dumps(value, ensure_ascii=False)
        with self._transaction() as connection:
            if text is None:
                connection.exec_driver_sql("DELETE FROM setting WHERE key = ?", (key,))
            else:
                connection.exec_driver_sql("INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, text))
        from alumni_desk.store.outbox import Record

        self.outbox.append(Record(settings={key: text}))

    def raw(self) -> Any:
        """A raw connection to the database, for backup and checks. The caller closes it."""
        return connect(self.profile.database, self._key)

    @property
    def key(self) -> bytes:
        """The database's key, for backup and change of passphrase."""
        return self._key


def unnamed() -> str:
    """What a chapter is called that began with something else than its name."""
    return _("My chapter")


class _Shut:
    """In the place of a database's connections, once there is none any more."""

    def __init__(self, why: KnownError) -> None:
        self._why = why

    def connect(self) -> sa.Connection:
        raise self._why

    def dispose(self) -> None:
        """Nothing is open."""


def wanted_triggers(metadata: sa.MetaData, version: int) -> dict[str, str]:
    """The triggers of a schema."""
    from alumni_desk.store import capture, search

    return capture.triggers(metadata, version, search.SEARCHED)


def _scope(connection: Connection) -> str | None:
    found = driver.row(connection, "SELECT id FROM scope ORDER BY rowid LIMIT 1")
    return found[0] if found is not None else None
