"""A desk's encrypted database: opening it, reading one moment, and writing one action at a time."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from alumni_desk.errors import BadInput, KnownError, NotFound, Refused, StoreProblem
from alumni_desk.protocol.clock import Clock, wall_ms
from alumni_desk.protocol.ids import uuid7, uuid7s
from alumni_desk.store import disk, driver, keys, recovery
from alumni_desk.store.mark import Mark
from alumni_desk.store.profile import Profile, alone, computer_name
from alumni_desk.store.synced import TOO_LARGE, fingerprint
from alumni_desk.words import _, ngettext

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.store.capture import Capture
    from alumni_desk.store.driver import Connection, Raw
    from alumni_desk.store.finding import Vocabulary
    from alumni_desk.store.outbox import Outbox, Record
    from alumni_desk.store.search import News

log = logging.getLogger(__name__)

REVISION = "0005"
"""The newest of ``store/migrations``. Alembic is imported only when a database is not there yet (0.4 s)."""

TRANSACTION = 400
"""Operations after which an action goes on in a new transaction: at most 500 of one must lie in a parcel, and a row may make two."""

AT_ONCE = 50
"""Rows of an action up to which its copy in the outbox is made with it; larger ones are copied when there is time (``outbox.catch_up``)."""

TEXT_LIMIT = 65_536
BUSY_SECONDS = 30.0
WRITER_CACHE, READER_CACHE = 65_536, 32_768
"""KB of decrypted pages that a connection keeps. Several read at a time, and one look at every member fills it."""

OPERATION = ("id", "action", "event", "transaction_id", "scope", "audience", "kind", "table_name", "row_id", "fields", "clock", "schema", "queue", "made_at")
ALWAYS = {"before": "{}", "values_before": "{}", "fate": "waiting"}
INSERT_OPERATION = (f"INSERT INTO operation ({', '.join((*OPERATION, *ALWAYS))}) VALUES ({', '.join('?' * len(OPERATION))}, "
                    + ", ".join(f"'{value}'" for value in ALWAYS.values()) + ")")
"""An operation that is a new row."""
CHANGE_OPERATION = f"INSERT INTO operation ({', '.join((*OPERATION, *ALWAYS))}) VALUES ({', '.join('?' * (len(OPERATION) + len(ALWAYS)))})"
"""One that changes a row."""


@dataclass(frozen=True)
class Changed:
    """Which rows an action changed, by table: what screens draw anew. ``action``: what Undo takes back."""

    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    action: str | None = None

    def __or__(self, other: Changed) -> Changed:
        return Changed({name: self.tables.get(name, frozenset()) | other.tables.get(name, frozenset()) for name in {*self.tables, *other.tables}})

    def __bool__(self) -> bool:
        return any(self.tables.values())


class Writing:
    """One action under way. Rows go in through it; triggers make operations of them; all of it commits together, or nothing."""

    def __init__(self, desk: Desk, connection: sa.Connection, scope: str, *, event: str, gathering: str | None = None, undoes: str | None = None) -> None:
        self.event, self.gathering, self.undoes = event, gathering, undoes
        self._connection: sa.Connection | None = connection
        self.tables = desk.tables
        self.scope = scope
        self.now = desk.now()
        self.at = _moment(self.now)
        self.action_id, self.transaction_id = uuid7s(2)
        self.queue: str = "live"
        self._capture, self._schema = desk.capture, desk.schema
        assert desk.news is not None  # a transaction is under way
        self._news = desk.news
        self._operations: list[tuple[Any, ...]] = []  # those made here, as long as they are few
        self._changed: dict[str, set[str]] = {}
        self._rows = 0

    @property
    def connection(self) -> sa.Connection:
        """What the action is written by, until it ends."""
        if self._connection is None:
            import sqlalchemy as sa

            raise sa.exc.ResourceClosedError("the action is over")
        return self._connection

    def end(self) -> None:
        """Nothing more is written by this action."""
        self._connection = None

    @property
    def changed(self) -> Changed:
        """What this action changed so far."""
        return Changed({name: frozenset(ids) for name, ids in self._changed.items()}, self.action_id if any(self._changed.values()) else None)

    def add(self, table: str, /, **fields: Any) -> str:
        """A new row; returns its id (a UUIDv7 unless given)."""
        row_id = str(fields.pop("id", None) or uuid7())
        self.add_many(table, [{**fields, "id": row_id}])
        return row_id

    def add_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """New rows, all of the same fields; ``id`` is made where it is missing."""
        target, table = self.tables[table], str(table)  # a table's own name is a kind of text that only SQLAlchemy knows
        given = set().union(*rows)
        _refuse_unknown(target, given)
        names = [column.name for column in target.columns if column.name in given and column.name not in _STAMPED]
        for start in range(0, len(rows), TRANSACTION // 2):
            part = rows[start:start + TRANSACTION // 2]
            ids = [row.get("id") or uuid7() for row in part]
            self._count(len(part))
            self._insert(table, names, ids, part)
            self._changed.setdefault(table, set()).update(ids)

    def _insert(self, table: str, names: Sequence[str], ids: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows with the operations that they are; the triggers check that none comes without."""
        made = self._capture.prepare(table, ids, rows, self.gathering)
        if made is None and (listed := [_listed(row) for row in rows]) != list(rows):
            rows, made = listed, self._capture.prepare(table, ids, listed, self.gathering)
        if made is None:
            import sqlalchemy as sa

            _check_many(self.tables[table], rows)
            self.connection.execute(sa.insert(self.tables[table]), [{**row, "id": one, "scope": self.scope} for one, row in zip(ids, rows, strict=True)])
            return
        stamps, parts = made
        kind, at, scope = self.tables[table].info["kind"], self.at, self.scope
        operations = [
            (one, self.action_id, self.event, self.transaction_id, scope, audience, kind, table, row_id, fields, stamp, self._schema, self.queue, at)
            for one, (row_id, audience, fields, stamp) in zip(uuid7s(len(parts)), parts, strict=True)]
        if len(self._operations) <= AT_ONCE:
            self._operations += operations
        driver.run_many(self.connection, INSERT_OPERATION, operations)
        self._capture.awaited = {one: stamp for one, (stamp, _clocks) in zip(ids, stamps, strict=True)}
        try:
            driver.run_many(self.connection, _insert_into(table, tuple(names)),
                            [(one, scope, *stamped, *values) for one, stamped, values in zip(ids, stamps, _values(rows, names), strict=True)])
        finally:
            self._capture.awaited = {}
        self._news.take(self.connection, table, ids, rows)

    def change(self, table: str, row_id: str, /, **fields: Any) -> None:
        """Write fields of a row; what is the same already is left alone. Raises NotFound if there is no such row."""
        import sqlalchemy as sa

        target = self.tables[table]
        fields = dict(_listed(fields))
        _check(target, fields)
        names = [target.c[name] for name in fields]
        row = self.connection.execute(sa.select(target.c.id, *names).where(target.c.id == row_id)).mappings().first()
        if row is None:
            raise NotFound("no_such_row", _("It is not here any more: somebody took it away meanwhile. Look it up again."))
        news = {name: value for name, value in fields.items() if row[name] != value}
        if news:
            self._count(1)
            self.connection.execute(sa.update(target).where(target.c.id == row_id).values(**news))
            self._changed.setdefault(table, set()).add(row_id)

    def settle(self, table: str, row_id: str, /, **fields: Any) -> None:
        """Write fields of a row also where they say this already: somebody has seen what else they might say, and decided. Raises NotFound."""

        target = self.tables[table]
        fields = dict(_listed(fields))
        _check(target, fields)
        if driver.row(self.connection, f'SELECT 1 FROM "{target.name}" WHERE id = ?', (row_id,)) is None:
            raise NotFound("no_such_row", _("It is not here any more: somebody took it away meanwhile. Look it up again."))
        self.change_many(table, tuple(fields), [(*fields.values(), row_id)], anew=True)

    def change_many(self, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]], *, anew: bool = False) -> None:
        """Write the same fields of many rows: each row is its values in the order of ``names``, then its id. What PostgreSQL could not hold is not asked.

        ``anew``: also where a row says this already.
        """
        for start in range(0, len(rows), TRANSACTION // 2):
            part = rows[start:start + TRANSACTION // 2]
            self._count(len(part))
            self._capture.anew = frozenset(names if anew else ())
            try:
                if not self._change_prepared(table, names, part):
                    sets = ", ".join(f'"{self.tables[table].c[name].name}" = ?' for name in names)
                    self.connection.exec_driver_sql(f'UPDATE "{table}" SET {sets} WHERE id = ?', [tuple(row) for row in part])
            finally:
                self._capture.anew = frozenset()
        self.touched(table, [str(row[-1]) for row in rows])

    def _change_prepared(self, table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> bool:
        """Change rows with the operations that it is. Returns False, with nothing done, if the triggers have to see the rows."""
        columns = self._capture.seen_before(table, names)
        if columns is None:
            return False
        wanted = json.dumps([row[-1] for row in rows])
        named = ", ".join(f'"{name}"' for name in columns)
        there = {found[0]: dict(zip(columns, found[1:], strict=True)) for found in driver.rows(
            self.connection, f'SELECT id, {named} FROM "{table}" WHERE id IN (SELECT value FROM json_each(?))', (wanted,))}
        changes: list[tuple[Any, ...]] = []
        parts: list[tuple[str, str, tuple[str, str, str, str]]] = []
        for *values, row_id in rows:
            before = there.pop(row_id, None)
            if before is None:  # it is not here, or comes twice
                return False
            made = self._capture.prepare_change(table, before, dict(zip(names, values, strict=True)), self.gathering)
            if made is None:
                return False
            stamp, clocks, found = made
            if found:
                changes.append((*values, stamp, clocks, row_id))
                parts += [(row_id, stamp, one) for one in found]
        kind, at = self.tables[table].info["kind"], self.at
        driver.run_many(self.connection, CHANGE_OPERATION, [
            (one, self.action_id, self.event, self.transaction_id, self.scope, audience, kind, table, row_id, fields, stamp, self._schema, self.queue, at,
             before, values_before, "waiting")
            for one, (row_id, stamp, (audience, fields, before, values_before)) in zip(uuid7s(len(parts)), parts, strict=True)])
        self._capture.awaited = {row_id: stamp for row_id, stamp, _part in parts}
        try:
            sets = ", ".join(f'"{name}" = ?' for name in (*names, "clock", "clocks"))
            driver.run_many(self.connection, f'UPDATE "{table}" SET {sets} WHERE id = ?', changes)
        finally:
            self._capture.awaited = {}
        return True

    def touched(self, table: str, ids: Sequence[str]) -> None:
        """Say which rows a statement of one's own changed, so that screens draw them anew."""
        self._changed.setdefault(table, set()).update(ids)

    def next_transaction(self) -> None:
        """What follows is a transaction of its own in the sync (never more than 500 operations), of the same action."""
        self.transaction_id = uuid7()
        self.connection.exec_driver_sql("UPDATE capture SET transaction_id = ?", (self.transaction_id,))
        self._rows = 0

    def note(self) -> Record | None:
        """Write down what was done, for Activity and Undo; what changed nothing is no action. Returns what the outbox is to hold of it, if it is small."""
        counts = {table: len(ids) for table, ids in self._changed.items()}
        done = (self.action_id, self.event, self.at, self.gathering, json.dumps(counts, separators=(",", ":")), self.undoes)
        said = driver.row(self.connection, _ACTION, done)
        if said is None or sum(counts.values()) > AT_ONCE:
            return None
        *said, operations = said
        if operations != len(self._operations):  # some were made by triggers, or by hand
            from alumni_desk.store.outbox import of_small_action

            return of_small_action(self.connection, self.action_id)
        action = dict(zip(("id", "event", "at", "gathering", "counts", "undoes", "who", "device"), (*done, *said), strict=True))
        from alumni_desk.store.outbox import Record

        return Record(operations=[dict(zip(OPERATION, one, strict=True)) | ALWAYS for one in self._operations],
                      actions=[{name: value for name, value in action.items() if value is not None}])

    def _count(self, rows: int) -> None:
        if self._rows and (self._rows + rows) * 2 > TRANSACTION:
            self.next_transaction()
        self._rows += rows


_ACTION = """
    INSERT INTO action (id, event, at, gathering, counts, undoes, who, device) SELECT ?1, ?2, ?3, ?4, ?5, ?6,
        (SELECT json_extract(value, '$') FROM setting WHERE key = 'person_name'), (SELECT json_extract(value, '$') FROM setting WHERE key = 'device_name')
    WHERE EXISTS (SELECT 1 FROM operation WHERE action = ?1) RETURNING who, device, (SELECT count(*) FROM operation WHERE action = ?1)"""


@dataclass(frozen=True)
class Applying:
    """A transaction in which what came from elsewhere is written, without being captured as somebody's edit."""

    connection: sa.Connection
    tables: Mapping[str, sa.Table]
    now: datetime


@dataclass(frozen=True)
class Beside:
    """An SQLCipher file under a key of its own that is read, and never written, as another schema of the desk's connection."""

    name: str
    file: Path
    key: bytes


class Desk:
    """An open desk. Safe to use from several threads: one writes at a time, many read.

    SQLAlchemy and the tables (``metadata`` gives them) are there from the first ``reading`` or ``writing`` on: the window's first page only asks.
    ``triggers``: the fingerprint of the triggers that the database was found to have, where they were not compared with the tables. ``first``: a
    connection that reads.
    """

    def __init__(self, profile: Profile, key: bytes, metadata: Callable[[], sa.MetaData], schema: int, *, triggers: str | None = None,
                 first: Raw | None = None) -> None:  # fmt: skip
        self.profile, self.schema = profile, schema
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
        self._written_by: sa.Engine | None = None
        self._idle: list[Raw] = [] if first is None else [first]  # the driver's connections that ask, until there is an engine
        self._shut: KnownError | None = None
        self._closed = False
        self._commit = 0
        self._of: str | None = None  # of the transaction under way: the chapter's id, and above its number
        self._writer: sa.Connection | None = None  # stays open: checking one out of the pool costs as much as a small action
        self._version_lock = threading.Lock()
        self._versions: Raw | None = None
        self._mark = Mark(profile.path, key)
        self._outbox: Outbox | None = None
        self.unkept: list[str] = []  # actions that are not in the outbox yet
        self.was_killed = False  # whoever had it open before did not close it, or has it open still

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; the last one folds the write-ahead log back into the file."""
        self._closed = True
        with self._version_lock:
            if self._versions is not None:
                self._versions.close()
                self._versions = None
        self._close_idle()
        if self._read_by is not None:
            self._read_by.dispose()
        with self._one_writer:
            self._let_go()
        if self._written_by is not None:
            self._written_by.dispose()
        self._close_files()

    def shut(self, why: KnownError) -> None:
        """Close it for good: whatever is asked of it from now on raises ``why``. Its files can be deleted, and nobody makes them anew."""
        with self._making:
            readers, writers, self._shut = self._read_by, self._written_by, why
            self._read_by = self._written_by = cast("sa.Engine", _Shut(why))
        with self._version_lock:
            if self._versions is not None:
                self._versions.close()
                self._versions = None
        self._close_idle()
        if readers is not None:
            readers.dispose()
        with self._one_writer:
            self._let_go()
        if writers is not None:
            writers.dispose()
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
                self._read_by = _engine(self.profile.database, self._key, None, None)
                self._close_idle()
            return self._read_by

    @property
    def _writers(self) -> sa.Engine:
        with self._making:
            if self._written_by is None:
                if self._triggers is not None and self._triggers != fingerprint(_wanted(self.metadata, self.schema)):
                    raise RuntimeError("the triggers are not those of the tables: schema.TRIGGERS lags behind them")
                self._written_by = _engine(self.profile.database, self._key, self.metadata, self.capture)
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
        with self._version_lock, _translated(self.profile.path):
            if self._shut is not None:
                raise self._shut
            if self._versions is None:
                self._versions = _reader(self.profile.database, self._key)
            return int(driver.row(self._versions, "PRAGMA data_version")[0])

    @contextmanager
    def asking(self) -> Iterator[Connection]:
        """As ``reading``, for ``driver.row`` and ``driver.rows`` alone: what the first page asks must not wait for SQLAlchemy to be imported."""
        if self._read_by is not None:
            with self.reading() as connection:
                yield connection
            return
        with _translated(self.profile.path):
            try:
                raw = self._idle.pop()
            except IndexError:
                raw = _reader(self.profile.database, self._key)
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
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that cannot write and sees one moment, however long it is held."""
        with _translated(self.profile.path), self._readers.connect() as connection:
            driver.run(connection, "BEGIN")
            try:
                yield connection
            finally:
                _roll_back(connection)

    @contextmanager
    def writing(self, event: str, *, gathering: str | None = None, queue: Literal["live", "load"] = "live", undoes: str | None = None) -> Iterator[Writing]:
        """One action of a person: everything inside commits together, durably, or nothing does.

        ``gathering``: the operations belong to its door where the field may be seen there. ``queue='load'``: an import, which never
        holds up the rest. ``undoes``: the action that this one takes back. A desk without a chapter gets one. Raises StoreProblem for
        what the disk or another program does.
        """
        with self._transaction() as connection:
            scope = self._of
            fresh = scope or uuid7()
            founding = None
            if scope is None:
                founding = self._found(connection, fresh, name=_("My chapter"), university=None, time_zone=None, sample=False)
            writing = Writing(self, connection, fresh, event=event, gathering=gathering, undoes=undoes)
            _set_mode(connection, writing, queue)
            try:
                yield writing
                record = writing.note()
            finally:
                writing.end()
            self._rest(connection)
        if founding is not None:
            self.outbox.append(founding)
        if record is not None:
            self.outbox.append(record)
        elif sum(map(len, writing.changed.tables.values())) > AT_ONCE:
            self.unkept.append(writing.action_id)

    @contextmanager
    def applying(self, beside: Beside | None = None) -> Iterator[Applying]:
        """A transaction for what a server, a peer or a restore says: captured as nobody's edit. ``beside``: a file that is read in it."""
        with self._transaction(beside=beside) as connection:
            connection.exec_driver_sql("UPDATE capture SET mode = 'applying', rest = 0")
            yield Applying(connection, self.tables, self.now())
            self._rest(connection)

    @contextmanager
    def checking(self) -> Iterator[sa.Connection]:
        """A transaction that is always taken back, for checks that SQLite counts as writing: they work on a full disk too."""
        with self._transaction(keep=False) as connection:
            yield connection

    @contextmanager
    def _transaction(self, *, keep: bool = True, beside: Beside | None = None) -> Iterator[sa.Connection]:
        from alumni_desk.store import search

        if not self._one_writer.acquire(timeout=BUSY_SECONDS * 10):
            raise _busy()
        self.news = search.News()
        try:
            with _translated(self.profile.path), _attached(self._opened, beside) as connection:
                driver.run(connection, "BEGIN IMMEDIATE")
                try:
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
            _roll_back(connection)
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
        _set_mode(connection, writing, "live")
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


class _Shut:
    """In the place of a database's connections, once there is none any more."""

    def __init__(self, why: KnownError) -> None:
        self._why = why

    def connect(self) -> sa.Connection:
        raise self._why

    def dispose(self) -> None:
        """Nothing is open."""


def open_with(profile: Profile, metadata: Callable[[], sa.MetaData], version: int, *, passphrase: str | None = None, create: bool = True,
              known: str | None = None) -> Desk:
    """Open a profile's desk with this schema and version of it; make it the first time unless ``create`` is false.

    ``known``: the fingerprint of the schema's triggers; a database that has them needs no look at the schema.
    ``alumni_desk.schema.open_desk`` is what the program calls. Raises StoreProblem: what ``keys.database_key`` raises, ``no_desk``,
    ``database_damaged``, ``database_newer`` or what the disk does.
    """
    if not create and not profile.exists and not (profile.path / "removed.json").exists():
        raise StoreProblem("no_desk", _("There is no desk in {folder}."), folder=profile.path)
    disk.refuse_bad_places(profile.path)
    profile.create()
    if (profile.path / "removed.json").exists():
        _refuse_removed(profile)
    with disk.chapters_files(profile.path), _translated(profile.path):
        key = keys.database_key(profile.path, "desk", passphrase=passphrase)
        with alone(profile.path / "desk.lock"):
            if (profile.path / "restoring" / "ready").exists():
                from alumni_desk.store import backup

                backup.take_place(profile)  # the program ended in the middle of it
            was_killed = _has_log(profile)
            last = Mark(profile.path, key).read()  # before the database is looked at: another program may be writing
            first = _as_known(profile, key, known, last) if known is not None else None
            if first is None:
                known = None
                _prepare_here(profile, key, _wanted(metadata(), version), last)
    desk = Desk(profile, key, metadata, version, triggers=known, first=first)
    desk.was_killed = was_killed
    _correct_clock(desk)
    recovery.keep_in_step(desk)
    return desk


def _wanted(metadata: sa.MetaData, version: int) -> dict[str, str]:
    """The triggers of a schema."""
    from alumni_desk.store import capture, search

    return capture.triggers(metadata, version, search.SEARCHED)


def _has_log(profile: Profile) -> bool:
    """Whether there is a write-ahead log: the last one who closes the database folds it back."""
    log = profile.database.with_name(profile.database.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _refuse_removed(profile: Profile) -> None:
    """This laptop's access ended: finish emptying it, and say so."""
    from alumni_desk.store import removal

    if (found := removal.finish(profile)) is not None:
        raise found.error


def _correct_clock(desk: Desk) -> None:
    """Go by the server's time as it was last seen to differ from this computer's, unless that would be before it was seen: somebody set the clock since."""
    with desk.asking() as connection:
        found = driver.row(connection, "SELECT value FROM sync_state WHERE key = 'skew'")
    skew = json.loads(found[0]) if found else {}
    if skew and wall_ms() - skew["ahead_ms"] >= skew.get("seen_ms", 0):
        desk.clock.correct(-skew["ahead_ms"])


def open_staged(profile: Profile, key: bytes, metadata: Callable[[], sa.MetaData], version: int) -> Desk:
    """Open a database that lies in a folder without its key file: one on its way to be restored."""
    _prepare(profile, key, _wanted(metadata(), version), None)
    return Desk(profile, key, metadata, version)


def trouble_of(profile: Profile, key: bytes) -> KnownError | None:
    """Why a database cannot be trusted: ``database_damaged`` or ``changes_lost``; None if every page is whole and no commit is missing. Changes nothing."""
    import sqlcipher3.dbapi2 as sqlcipher

    last = Mark(profile.path, key).read()
    try:
        connection = connect(profile.database, key)
        try:
            whole = not connection.execute("PRAGMA cipher_integrity_check").fetchall() and connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            there = connection.execute("SELECT transaction_id FROM capture").fetchone()[0]
        finally:
            connection.close()
    except (sqlcipher.DatabaseError, TypeError) as error:  # no row where there always is one
        known = store_problem(str(error), profile.path)
        if known is not None and known.code in ("disk_full", "database_busy", "read_only"):
            raise known from None
        return database_damaged()
    if not whole:
        return database_damaged()
    return changes_lost(last - int(there)) if last is not None and there is not None and int(there) < last else None


def connect(path: Path, key: bytes, *, cache: int = WRITER_CACHE) -> Any:
    """A raw SQLCipher connection with this key, as every connection of a desk is set up."""
    if not path.exists():  # SQLite would let others read it; its log gets the database's mode
        with disk.chapters_files(path.parent):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = driver.sqlcipher().connect(str(path), check_same_thread=False, isolation_level=None, timeout=BUSY_SECONDS)
    connection.execute("PRAGMA cipher_log_level = NONE")
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON", "checkpoint_fullfsync = ON", "foreign_keys = ON",
                   "recursive_triggers = ON", f"cache_size = -{cache}", "temp_store = MEMORY", "trusted_schema = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _reader(path: Path, key: bytes) -> Raw:
    connection = connect(path, key, cache=READER_CACHE)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _engine(path: Path, key: bytes, metadata: sa.MetaData | None, capture: Capture | None) -> sa.Engine:
    import sqlalchemy as sa
    from sqlalchemy.pool import QueuePool

    def creator() -> Any:
        if metadata is None or capture is None:
            return _reader(path, key)
        connection = connect(path, key)
        capture.register(connection, metadata)
        return connection

    size, more = (1, 0) if metadata is not None else (4, 28)
    return sa.create_engine("sqlite+pysqlite:///named-so-that-a-queue-pool-is-used", module=driver.sqlcipher(), creator=creator, poolclass=QueuePool,
                            pool_size=size, max_overflow=more, isolation_level="AUTOCOMMIT", hide_parameters=True)


def _as_known(profile: Profile, key: bytes, known: str, last: int | None) -> Raw | None:
    """A connection to a database that has this program's form and the triggers that are known, and lacks no commit; None if it has to be looked at closely."""
    if not profile.database.exists():
        return None
    connection: Raw | None = None
    good = False
    try:
        connection = _reader(profile.database, key)
        [count] = driver.row(connection, "SELECT transaction_id FROM capture")
        there = dict(driver.rows(connection, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        good = (driver.row(connection, "SELECT version_num FROM alembic_version")[0] == REVISION and fingerprint(there) == known
                and count is not None and int(count) >= (last or 0))
    except (driver.sqlcipher().Error, TypeError, ValueError):  # a table that is not there, a row that is missing: the close look says what it means
        pass
    finally:
        if connection is not None and not good:
            connection.close()
    return connection if good else None


def _prepare_here(profile: Profile, key: bytes, wanted: Mapping[str, str], last: int | None) -> None:
    import sqlalchemy as sa

    try:
        _prepare(profile, key, wanted, last)
    except sa.exc.OperationalError:
        if not disk.is_full(profile.path) and not disk.can_share(profile.path):
            raise disk.network_drive(profile.path) from None
        raise


def _prepare(profile: Profile, key: bytes, wanted: Mapping[str, str], last: int | None) -> None:
    """Bring a database to this program's form: migrations if it is older, triggers as the schema says. ``last``: the commit that must be there."""
    from alumni_desk.store import capture

    engine = _engine(profile.database, key, None, None)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only = OFF")
            found = _revision(connection)
            if found is None and last:
                raise database_damaged()  # an empty file where a chapter was
            if found is not None:
                _refuse_loss(connection, last)
            if found != REVISION:
                _refuse_newer(found)
                if found is not None:
                    from alumni_desk.store import backup

                    backup.before_update(profile, key)
                _migrate(connection)
            names = {row.name: row.sql for row in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")}
            if names != dict(wanted):
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    capture.set_triggers(connection, wanted)
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    _roll_back(connection)
                    raise
            if connection.exec_driver_sql("SELECT 1 FROM capture WHERE transaction_id IS NULL").first():
                connection.exec_driver_sql("UPDATE capture SET transaction_id = ?", (str(last or 0),))
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")  # so that a log lost from now on is seen to be lost
            connection.invalidate()  # it may write: not one for the pool
    finally:
        engine.dispose()


def _revision(connection: sa.Connection) -> str | None:
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").first() is None:
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _refuse_loss(connection: sa.Connection, last: int | None) -> None:
    there = connection.exec_driver_sql("SELECT transaction_id FROM capture").scalar()
    if last is not None and there is not None and int(there) < last:
        raise changes_lost(last - int(there))


def changes_lost(count: int) -> StoreProblem:
    """The database opens, and what was saved last is not in it."""
    return StoreProblem("changes_lost", ngettext(
        "The last thing that was saved is missing from the chapter's database: its log was damaged or taken away. Nothing was opened. "
        "Restore with what was kept beside it (in the window, or: restore --salvage).",
        "The last {count} things that were saved are missing from the chapter's database: its log was damaged or taken away. Nothing was opened. "
        "Restore with what was kept beside it (in the window, or: restore --salvage).", count), count=count)


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > REVISION:
        raise StoreProblem("database_newer", _("This chapter was opened with a newer Alumni Desk. Install the newest version to work with it."))


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    from alumni_desk.store import capture, search

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        capture.set_triggers(connection, {})  # migrations are nobody's edits
        command.upgrade(config, "head")
        search.refresh(connection)
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _set_mode(connection: sa.Connection, writing: Writing, queue: str) -> None:
    driver.run(connection, "UPDATE capture SET mode = 'action', action = ?, event = ?, transaction_id = ?, gathering = ?, queue = ?, at = ?, rest = 0",
               (writing.action_id, writing.event, writing.transaction_id, writing.gathering, queue, writing.at))
    writing.queue = queue


def _values(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterable[tuple[Any, ...]]:
    if len(names) > 1:
        try:
            return list(map(itemgetter(*names), rows))
        except KeyError:  # not all of them have the same fields
            pass
    return [tuple(map(row.get, names)) for row in rows]


_STAMPED = ("id", "scope", "clock", "clocks")


@lru_cache(maxsize=256)
def _insert_into(table: str, names: tuple[str, ...]) -> str:
    """The statement for rows with these fields, behind what every row is given."""
    quoted = ", ".join(f'"{name}"' for name in (*_STAMPED, *names))
    return f'INSERT INTO "{table}" ({quoted}) VALUES ({", ".join("?" * (len(_STAMPED) + len(names)))})'


def _moment(now: datetime) -> str:
    return f"{now.isoformat(timespec='milliseconds')[:23]}Z"


def _scope(connection: Connection) -> str | None:
    found = driver.row(connection, "SELECT id FROM scope ORDER BY rowid LIMIT 1")
    return found[0] if found is not None else None


def _listed(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lists of a many-valued field as it keeps them."""
    if _LISTS.isdisjoint(map(type, fields.values())):
        return fields
    return {name: json.dumps(list(value), ensure_ascii=False, separators=(",", ":")) if isinstance(value, (list, tuple)) else value
            for name, value in fields.items()}


_LISTS = frozenset({list, tuple})


_UNREADABLE = re.compile("[\0\ud800-\udfff]")


def _check(table: sa.Table, fields: Mapping[str, Any]) -> None:
    _check_many(table, (fields,))


def _refuse_unknown(table: sa.Table, names: Collection[str]) -> None:
    for name in names:
        if name not in table.c:
            raise KeyError(f"{table.name} has no {name}")


def _check_many(table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """What PostgreSQL or the sync could not carry is refused where it is typed."""
    _refuse_unknown(table, set().union(*rows))
    for row in rows:
        together = "".join([value for value in row.values() if type(value) is str])
        if len(together) <= TEXT_LIMIT // 4 and "\0" not in together and (together.isascii() or not _UNREADABLE.search(together)):
            continue
        for value in row.values():
            if type(value) is not str:
                continue
            if len(value) > TEXT_LIMIT // 4 and len(value.encode("utf-8", "surrogatepass")) > TEXT_LIMIT:
                raise BadInput("text_too_long", _("A text is longer than 64 KB. Keep the file elsewhere and write down where."))
            if _UNREADABLE.search(value):
                raise BadInput("text_unreadable", _("A text holds signs that are no letters and cannot be kept. Type it again instead of pasting it."))


def _roll_back(connection: sa.Connection) -> None:
    if connection.closed or connection.invalidated:
        return
    raw = connection.connection.dbapi_connection
    if raw is not None and raw.in_transaction:  # after a full disk SQLite has rolled back by itself
        driver.run(connection, "ROLLBACK")


@contextmanager
def _attached(opened: Callable[[], sa.Connection], beside: Beside | None) -> Iterator[sa.Connection]:
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


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """What SQLite says of disk and file, as a sentence; everything else is a fault of the program and stays one."""
    try:
        yield
    except Exception as error:
        said = driver.said(error)
        known = store_problem(said, folder) if said is not None else None
        if known is None:
            raise
        if not isinstance(known, BadInput):
            log.warning("the database said: %s", known.code)
        raise known from None


def store_problem(said: str, folder: Path | None = None) -> KnownError | None:
    """The sentence for what SQLite or SQLCipher said of a database in a folder; None if it is not about the world."""
    text = said.lower()
    return next((problem(folder) for words_of_it, problem in _PROBLEMS if any(one in text for one in words_of_it)), None)


def database_damaged(folder: Path | None = None) -> StoreProblem:
    """The sentence for a database that cannot be trusted."""
    return StoreProblem("database_damaged", _(
        "The chapter's database is damaged or belongs to another key, so it was not opened. Restore a backup; leave the file where it is."))


def _busy(folder: Path | None = None) -> StoreProblem:
    return StoreProblem("database_busy", _(
        "Another program has been writing to this chapter for a long time, so nothing of this was saved. Wait for it to end, then do it again."))


def _failed(folder: Path | None) -> StoreProblem:
    """Of some calls that find no room SQLite says only that they failed."""
    return disk.disk_full() if folder is not None and disk.is_full(folder) else disk.disk_trouble()


def _too_large(folder: Path | None) -> KnownError:
    return BadInput("row_too_large", _(
        "The texts of one record are longer than 256 KB together, so nothing of this was saved. Shorten the longest, or keep it in a file elsewhere "
        "and write down where."))


_PROBLEMS: Sequence[tuple[tuple[str, ...], Callable[[Path | None], KnownError]]] = (
    ((TOO_LARGE,), _too_large),
    (("locking protocol",), lambda folder: disk.network_drive(folder or Path())),
    (("locked", "busy"), _busy),
    (("disk is full",), lambda folder: disk.disk_full()),
    (("readonly", "read-only"), lambda folder: disk.read_only()),
    (("file is not a database", "malformed", "hmac check", "vtable constructor failed"), database_damaged),
    (("disk i/o", "unable to open"), _failed),
)


__all__ = ["Applying", "Beside", "Changed", "Desk", "Writing", "connect", "open_with", "store_problem"]
