"""One action of a person on its way into the database: rows, and the operations that they are."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from alumni_desk.errors import BadInput, NotFound
from alumni_desk.protocol.ids import uuid7, uuid7s
from alumni_desk.store import driver
from alumni_desk.words import _

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.store.desk import Desk
    from alumni_desk.store.outbox import Record

TRANSACTION = 400
"""Operations after which an action goes on in a new transaction: at most 500 of one must lie in a parcel, and a row may make two."""

AT_ONCE = 50
"""Rows of an action up to which its copy in the outbox is made with it; larger ones are copied when there is time (``outbox.catch_up``)."""

VERY_MANY = 1_000
"""Rows added or changed in one call from which on the trigger that would look at each is put aside: they are all prepared by the same code."""

TOGETHER = 10_000
"""So many rows are written in one go, after their operations: turning from table to table drives what is needed next out of the processor's caches."""

TEXT_LIMIT = 65_536

OPERATION = ("id", "action", "event", "transaction_id", "scope", "audience", "kind", "table_name", "row_id", "fields", "clock", "schema", "queue", "made_at")

ALWAYS = {"before": "{}", "values_before": "{}"}

INSERT_OPERATION = (f"INSERT INTO operation ({', '.join((*OPERATION, *ALWAYS))}) VALUES ({', '.join('?' * len(OPERATION))}, "
                    + ", ".join(f"'{value}'" for value in ALWAYS.values()) + ")")
"""An operation that is a new row."""

CHANGE_OPERATION = f"INSERT INTO operation ({', '.join((*OPERATION, *ALWAYS))}) VALUES ({', '.join('?' * (len(OPERATION) + len(ALWAYS)))})"
"""One that changes a row."""


class Changed(NamedTuple):
    """Which rows an action changed, by table: what screens draw anew. ``action``: what Undo takes back."""

    tables: Mapping[str, frozenset[str]] = {}
    action: str | None = None

    def __or__(self, other: Changed) -> Changed:
        return Changed({name: self.tables.get(name, frozenset()) | other.tables.get(name, frozenset()) for name in {*self.tables, *other.tables}})

    def __bool__(self) -> bool:
        return any(self.tables.values())


@dataclass
class _Due:
    """New rows of a table that are ready to be written, and their operations."""

    table: str
    names: tuple[str, ...]  # of the columns behind those that every row has
    operations: list[tuple[Any, ...]] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)  # id, scope, clock, clocks, then these columns


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
        self._aside: dict[str, str] = {}  # triggers that are put aside: table -> what makes it anew

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
        names = tuple(str(column.name) for column in target.columns if column.name in given and column.name not in _STAMPED)
        if len(rows) > 1:  # what none of them says need not be handed over with each
            names = tuple(name for name in names if any(row.get(name) is not None for row in rows))
        if len(rows) >= VERY_MANY:
            self._put_aside(table, "insert")
            self._put_aside("operation", "waits")
        due = _Due(table, names)
        try:
            for start in range(0, len(rows), TRANSACTION // 2):
                part = rows[start:start + TRANSACTION // 2]
                ids = [row.get("id") or uuid7() for row in part]
                self._count(len(part))
                self._insert(due, ids, part)
            self._write(due)
        finally:
            self._put_back()

    def _put_aside(self, table: str, what: Literal["insert", "update", "waits"]) -> None:
        """Take a trigger of new rows, or of changes, away until ``_put_back``: what it would do is done here for many at once, or the trigger is back."""
        from alumni_desk.store.capture import PREFIX

        name = f"{table}_{what}" if what == "waits" else f"{PREFIX}{table}_{what}"
        found = driver.row(self.connection, "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?", (name,))
        if found is not None:
            driver.run(self.connection, f'DROP TRIGGER "{name}"')
            self._aside[table] = found[0]

    def _put_back(self) -> None:
        if self._aside and driver.is_writing(self.connection):  # else SQLite has rolled back by itself, and it is there
            for sql in self._aside.values():
                driver.run(self.connection, sql)
        self._aside = {}

    def _insert(self, due: _Due, ids: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Make rows ready with the operations that they are, to be written soon; or have the triggers do it now."""
        table, names = due.table, due.names
        values = _values(rows, names)
        made = self._capture.prepare(table, names, ids, values, self.gathering)
        if made is None and (listed := [_listed(row) for row in rows]) != list(rows):
            rows, values = listed, _values(listed, names)
            made = self._capture.prepare(table, names, ids, values, self.gathering)
        if made is None:
            import sqlalchemy as sa

            self._write(due)
            self._put_back()
            _check_many(self.tables[table], rows)
            self.connection.execute(sa.insert(self.tables[table]), [{**row, "id": one, "scope": self.scope} for one, row in zip(ids, rows, strict=True)])
            self.touched(table, ids)
            return
        stamps, parts = made
        kind, at, scope = self.tables[table].info["kind"], self.at, self.scope
        operations = [
            (one, self.action_id, self.event, self.transaction_id, scope, audience, kind, table, row_id, fields, stamp, self._schema, self.queue, at)
            for one, (row_id, audience, fields, stamp) in zip(uuid7s(len(parts)), parts, strict=True)]
        if len(self._operations) <= AT_ONCE:
            self._operations += operations
        due.operations += operations
        due.rows += [(one, scope, *stamped, *row) for one, stamped, row in zip(ids, stamps, values, strict=True)]
        if len(due.rows) >= TOGETHER:
            self._write(due)

    def _write(self, due: _Due) -> None:
        """Write rows with the operations that they are; the trigger, where it is not put aside, checks that none comes without."""
        if not due.rows:
            return
        self._write_operations(INSERT_OPERATION, due.operations)
        if due.table not in self._aside:
            self._capture.awaited = {row[0]: row[2] for row in due.rows}
        try:
            driver.run_many(self.connection, _insert_into(due.table, due.names), due.rows)
        finally:
            self._capture.awaited = {}
        self._news.take(self.connection, due.table, (*_STAMPED, *due.names), due.rows)
        self.touched(due.table, [row[0] for row in due.rows])
        due.operations, due.rows = [], []

    def _write_operations(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        last = driver.row(self.connection, "SELECT coalesce(max(rowid), 0) FROM operation")[0] if "operation" in self._aside else None
        try:
            driver.run_many(self.connection, statement, rows)
        finally:
            if last is not None and driver.is_writing(self.connection):  # else SQLite has rolled back by itself
                driver.run(self.connection, "INSERT INTO waiting (operation, queue) SELECT rowid, ? FROM operation WHERE rowid > ?", (self.queue, last))

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
        if len(rows) >= VERY_MANY:
            self._put_aside(str(table), "update")
            self._put_aside("operation", "waits")
        self._capture.anew = frozenset(names if anew else ())
        try:
            for start in range(0, len(rows), TRANSACTION // 2):
                part = rows[start:start + TRANSACTION // 2]
                self._count(len(part))
                if not self._change_prepared(table, names, part):
                    self._put_back()
                    sets = ", ".join(f'"{self.tables[table].c[name].name}" = ?' for name in names)
                    self.connection.exec_driver_sql(f'UPDATE "{table}" SET {sets} WHERE id = ?', [tuple(row) for row in part])
        finally:
            self._capture.anew = frozenset()
            self._put_back()
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
        self._write_operations(CHANGE_OPERATION, [
            (one, self.action_id, self.event, self.transaction_id, self.scope, audience, kind, table, row_id, fields, stamp, self._schema, self.queue, at,
             before, values_before)
            for one, (row_id, stamp, (audience, fields, before, values_before)) in zip(uuid7s(len(parts)), parts, strict=True)])
        if table not in self._aside:
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

    @contextmanager
    def applying(self) -> Iterator[sa.Connection]:
        """What is written in here is nobody's edit, and commits with the action all the same."""
        driver.run(self.connection, "UPDATE capture SET mode = 'applying'")
        try:
            yield self.connection
        finally:
            if driver.is_writing(self.connection):  # else SQLite has rolled back by itself
                driver.run(self.connection, "UPDATE capture SET mode = 'action'")

    def next_transaction(self) -> None:
        """What follows is a transaction of its own in the sync (never more than 500 operations), of the same action."""
        self.transaction_id = uuid7()
        self.connection.exec_driver_sql("UPDATE capture SET transaction_id = ?", (self.transaction_id,))
        self._rows = 0

    def note(self) -> Record | None:
        """Write down what was done, for Activity and Undo; what changed nothing is no action. Returns what the outbox is to hold of it, if it is small."""
        counts = {table: len(ids) for table, ids in self._changed.items()}
        done = (self.action_id, self.event, self.at, self.gathering, _encode(counts), self.undoes)
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


_encode = json.JSONEncoder(separators=(",", ":")).encode

_ACTION = """
    INSERT INTO action (id, event, at, gathering, counts, undoes, who, device) SELECT ?1, ?2, ?3, ?4, ?5, ?6,
        (SELECT json_extract(value, '$') FROM setting WHERE key = 'person_name'), (SELECT json_extract(value, '$') FROM setting WHERE key = 'device_name')
    WHERE EXISTS (SELECT 1 FROM operation WHERE action = ?1) RETURNING who, device, (SELECT count(*) FROM operation WHERE action = ?1)"""


def set_mode(connection: sa.Connection, writing: Writing, queue: str) -> None:
    driver.run(connection, "UPDATE capture SET mode = 'action', action = ?, event = ?, transaction_id = ?, gathering = ?, queue = ?, at = ?, rest = 0",
               (writing.action_id, writing.event, writing.transaction_id, writing.gathering, queue, writing.at))
    writing.queue = queue


def _values(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Sequence[tuple[Any, ...]]:
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


def _listed(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lists of a many-valued field as it keeps them."""
    if _LISTS.isdisjoint(map(type, fields.values())):
        return fields
    return {name: as_kept(value) if isinstance(value, (list, tuple)) else value for name, value in fields.items()}


def as_kept(values: Sequence[Any]) -> str:
    """A list as a many-valued field keeps it."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))


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
