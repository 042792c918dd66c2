"""Nothing that a person changes escapes: triggers, generated from the schema, turn each write into an operation.

The triggers call functions that only a desk's own writing connection has (``Capture.register``): any other connection
that writes to a synced table fails. What happens, per row written: the trigger hands the row's old and new values to
``capture_TABLE``, which compares them, ticks the clock and keeps the parts; the trigger then inserts one operation per
part (the door's fields and the chapter's, inside a gathering) and sets the row's ``clock`` and ``clocks``.

What ``Writing`` adds or changes by the many is prepared before (``Capture.prepare``, ``Capture.prepare_change``): its operations are made of the same
values by the same code, and the trigger then asks whether this very row, under this very clock, is one of them. Whatever is not, the trigger captures;
a new row with a clock of its own that is not, fails. Being asked costs a row a third of what writing it does, most of it for a copy of every page that
SQLite keeps in case the answer is no: where a call adds or changes very many rows (``Writing.add_many``, ``Writing.change_many``), the trigger is put
aside for as long as nothing but those rows and their operations is written, and is there again before anything else can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, repeat, starmap
from types import NoneType
from typing import TYPE_CHECKING, Any

import msgspec

from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.clock import Clock
from alumni_desk.protocol.clocks import pack, packed_names, unpack
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import OPERATION_LIMIT, Operation
from alumni_desk.store import fates
from alumni_desk.store.synced import TOO_LARGE, clock_key, data_columns

if TYPE_CHECKING:
    import sqlalchemy as sa

PREFIX = "capture_"

CHAPTER = "chapter"
"""The audience of what no gathering's door is told."""

_SOME_ID = "0" * 36
_WORTH_A_LOOK = 48 * 1024
"""Characters of an operation's fields up to which it cannot be too large, whatever the letters and whatever else it holds."""

_WORTH_A_LOOK_HERE = 16 * 1024
"""Characters of a new row's fields up to which none of its texts can be too long: a character has four bytes at most."""

_encode, _lines = msgspec.json.Encoder().encode, msgspec.json.Encoder().encode_lines

_FIELDS = ("id, action, event, transaction_id, scope, audience, kind, table_name, row_id, fields, before, values_before, clock, schema, "
           "queue, made_at")


@dataclass(frozen=True, slots=True)
class _Form:
    """What new rows with values for the same columns have in common."""

    fields: Callable[..., Any]  # makes of a row's values what is encoded as its fields: those that say something
    gone: int | None  # where it says whether the row is gone
    gathering: int | None  # where it says of which gathering it is
    clocks: dict[tuple[type, ...], str]  # by the kinds of the values: the clocks, with a question mark for the stamp; nothing if only the triggers may


@dataclass(frozen=True)
class _Plan:
    """What the capture needs to know of a table, in the order in which the trigger hands values over."""

    columns: tuple[str, ...]
    names: tuple[str, ...]
    key_of: Mapping[str, str]
    booleans: frozenset[str]
    door: frozenset[str]
    groups: Mapping[str, tuple[str, ...]]
    grouped: frozenset[str]  # the members of all groups
    fact: bool
    by_row: bool
    kinds: Mapping[str, type]
    forms: dict[tuple[str, ...], _Form] = field(default_factory=dict)  # of prepared rows


@dataclass
class _Part:
    audience: str
    fields: dict[str, Any]
    before: dict[str, str | None]
    values_before: dict[str, Any]


@dataclass
class Capture:
    """The state of one writing connection between a row's values arriving and its operations being inserted."""

    clock: Clock
    parts: list[_Part] = field(default_factory=list)
    stamp: str = ""
    too_large: bool = False
    clocks: str | None = None
    plans: dict[str, _Plan] = field(default_factory=dict)
    awaited: dict[str, str] = field(default_factory=dict)  # prepared rows that have still to arrive, and their clocks
    anew: frozenset[str] = frozenset()  # fields that are written though they say what they said: somebody has decided that they shall

    def register(self, connection: Any, metadata: sa.MetaData) -> None:
        """Give a raw connection the functions that the triggers call."""
        for table in synced_of(metadata):
            plan = self.plans[table.name] = _plan(table)
            connection.create_function(f"{PREFIX}{table.name}", -1, partial(self._take, plan))
        parts = self.parts
        connection.create_function("capture_awaited", 2, lambda row_id, clock: self.awaited.pop(row_id, None) == clock)
        for name, count, function in (
            ("capture_id", 0, uuid7),
            ("capture_parts", 0, lambda: len(parts)),
            ("capture_clock", 0, lambda: self.stamp),
            ("capture_clocks", 0, lambda: self.clocks),
            ("capture_audience", 1, lambda n: parts[n].audience),
            ("capture_fields", 1, self._fields),
            ("capture_too_large", 0, lambda: self.too_large),
            ("capture_before", 1, lambda n: _encode(parts[n].before).decode()),
            ("capture_values", 1, lambda n: _encode(parts[n].values_before).decode()),
        ):
            connection.create_function(name, count, function)

    def prepare(self, table: str, names: tuple[str, ...], ids: Sequence[str], rows: Sequence[Sequence[Any]],
                gathering: str | None) -> tuple[list[tuple[str, str | None]], list[tuple[str, str, str, str]]] | None:
        """Stamp new rows, each its values in the order of ``names``: clock and clocks of each; and say their operations: row, audience, fields, clock.
        None if the triggers have to see the rows, because the database would store a value otherwise than it is given (a number as text); or somebody,
        because of what a text holds. Many rows come at once, so that each step is taken for all of them."""
        plan = self.plans[table]
        form = plan.forms.get(names) or _form(plan, names)
        kinds = [tuple(map(type, row)) for row in rows]
        for unknown in set(kinds).difference(form.clocks):
            form.clocks[unknown] = _clocks(plan, names, unknown)
        clocks = list(map(form.clocks.__getitem__, kinds))
        if "" in clocks or (form.gone is not None and any(row[form.gone] for row in rows)):
            return None
        doors = gathering is not None and not plan.by_row
        try:
            texts = [] if doors else _texts(starmap(form.fields, rows))
            split = [[(audience, *_texts([mine])) for audience, mine in _audiences(plan, _said(names, row), gathering)] for row in rows] if doors else []
        except _ToBeSeenError:
            return None
        stamps = self.clock.ticks(len(rows))
        if doors:
            found = [(row_id, audience, text, stamp) for row_id, parts, stamp in zip(ids, split, stamps, strict=True) for audience, text in parts]
        else:
            audiences = repeat(CHAPTER) if not plan.by_row or form.gathering is None else (row[form.gathering] or CHAPTER for row in rows)
            found = list(zip(ids, audiences, texts, stamps, strict=False))
        if plan.fact:
            return [(stamp, None) for stamp in stamps], found
        return [(stamp, text.replace("?", stamp)) for stamp, text in zip(stamps, clocks, strict=True)], found

    def seen_before(self, table: str, names: Sequence[str]) -> tuple[str, ...] | None:
        """Which columns of a row have to be known before these fields of it are changed; None if only the triggers may do it."""
        plan = self.plans[table]
        if plan.fact:
            return None
        whole = {one for members in plan.groups.values() if not set(members).isdisjoint(names) for one in members}
        return ("clocks", *dict.fromkeys((*names, *sorted(whole), *(("gathering",) if plan.by_row else ()))))

    def prepare_change(self, table: str, before: Mapping[str, Any], news: Mapping[str, Any],
                       gathering: str | None) -> tuple[str, str | None, list[tuple[str, str, str, str]]] | None:
        """What a change of one row makes of it, given what ``seen_before`` named: clock, clocks, and its operations: audience, fields, before, values before.
        There are none if nothing changes. None if the triggers have to see it, as with ``prepare``."""
        plan = self.plans[table]
        if any(value is not None and type(value) is not plan.kinds[name] for name, value in news.items()):
            return None
        changed = {name: value for name, value in news.items() if value != before[name] or name in self.anew}
        if not plan.grouped.isdisjoint(changed):
            self._whole_groups(plan, changed, {**before, **news})
        self.parts.clear()
        self.too_large = False
        if changed:
            self._compare(plan, changed, {name: before[name] for name in changed}, before["clocks"], before["gathering"] if plan.by_row else gathering)
        found = [(part.audience, self._fields(n), _encode(part.before).decode(), _encode(part.values_before).decode()) for n, part in enumerate(self.parts)]
        return None if self.too_large else (self.stamp, self.clocks, found)

    def _take(self, plan: _Plan, inserting: int, gathering: str | None, clocks: str | None, *values: Any) -> int:
        count = len(plan.names)
        new = values[:count]
        parts = self.parts
        parts.clear()
        self.too_large = False
        if inserting:
            changed = {name: value for name, value in zip(plan.names, new, strict=True) if value is not None}
            if not changed.get("gone"):
                changed.pop("gone", None)
            old: dict[str, Any] = {}
        else:
            before = dict(zip(plan.names, values[count:], strict=True))
            changed = {name: value for name, value in zip(plan.names, new, strict=True) if value != before[name] or name in self.anew}
            if not plan.grouped.isdisjoint(changed):
                self._whole_groups(plan, changed, dict(zip(plan.names, new, strict=True)))
            old = {name: before[name] for name in changed}
        if not changed and not (inserting and plan.fact):
            return 0
        return self._compare(plan, changed, old, clocks, gathering)

    def _compare(self, plan: _Plan, changed: dict[str, Any], old: dict[str, Any], clocks: str | None, gathering: str | None) -> int:
        """Make the parts of what changed, with the values that it had. Returns how many there are."""
        for name in plan.booleans & changed.keys():  # both have the same fields, or there is nothing old
            changed[name] = None if changed[name] is None else bool(changed[name])
            if old:
                old[name] = None if old[name] is None else bool(old[name])
        return self._split(plan, changed, old, unpack(clocks), gathering)

    def _fields(self, n: int) -> str:
        part = self.parts[n]
        fields = _encode(part.fields).decode()
        self.too_large |= len(fields) > _WORTH_A_LOOK and _size(part, self.stamp) > OPERATION_LIMIT
        return fields

    @staticmethod
    def _whole_groups(plan: _Plan, changed: dict[str, Any], new: dict[str, Any]) -> None:
        """An address wins or loses as a whole, so an operation carries the whole of it."""
        for members in plan.groups.values():
            if not changed.keys().isdisjoint(members):
                changed.update((name, new[name]) for name in members)

    def _split(self, plan: _Plan, changed: dict[str, Any], old: dict[str, Any], there: dict[str, str], gathering: str | None) -> int:
        keys = plan.key_of
        touched = {keys[name]: None for name in changed}
        self.stamp = self.clock.tick([there.get(key) for key in touched] if there else ())
        parts = self.parts
        for audience, mine in _audiences(plan, changed, gathering):
            before = {keys[name]: there.get(keys[name]) for name in mine} if old else {}
            parts.append(_Part(audience, mine, before, {name: old[name] for name in mine} if old else {}))
        if plan.fact:
            self.clocks = None
        else:
            self.clocks = pack({**there, **dict.fromkeys(touched, self.stamp)})
        return len(parts)


def _form(plan: _Plan, names: tuple[str, ...]) -> _Form:
    """What new rows with values for these columns have in common. Many rows have the same columns."""
    if len(plan.forms) > 100:
        plan.forms.clear()
    places = {name: at for at, name in enumerate(names)}
    made = msgspec.defstruct("Fields", [(name, Any, False if name == "gone" else None) for name in names], omit_defaults=True, gc=False)
    found = plan.forms[names] = _Form(made, places.get("gone"), places.get("gathering"), {})
    return found


def _clocks(plan: _Plan, names: tuple[str, ...], kinds: tuple[type, ...]) -> str:
    """The clocks of a row with values of these kinds, a question mark for the stamp. Nothing if only the triggers may take it in."""
    said = [name for name, kind in zip(names, kinds, strict=True) if kind is not NoneType and name != "gone"]
    if any(kind is not plan.kinds[name] and (kind is not NoneType or name == "gone") for name, kind in zip(names, kinds, strict=True)):
        return ""
    if plan.fact:
        return "?"
    return packed_names(plan.key_of[name] for name in said) if said else ""


def _said(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    """What a new row says."""
    return {name: value for name, value in zip(names, row, strict=True) if value is not None and not (name == "gone" and value is False)}


class _ToBeSeenError(Exception):
    """The triggers, or somebody, have to see what a text holds."""


def _texts(fields: Iterable[Any]) -> list[str]:
    """The fields of each row as JSON."""
    try:
        lines = _lines(list(fields))
    except UnicodeEncodeError as error:
        raise _ToBeSeenError from error
    found = lines.decode().split("\n")[:-1]
    if b"\\u0000" in lines or max(map(len, found)) > _WORTH_A_LOOK_HERE:
        raise _ToBeSeenError
    return found


def _audiences(plan: _Plan, changed: dict[str, Any], gathering: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    if gathering is None:
        yield CHAPTER, changed
    elif plan.by_row:
        yield gathering, changed
    else:
        door = {name: value for name, value in changed.items() if name in plan.door}
        rest = {name: value for name, value in changed.items() if name not in plan.door}
        if door:
            yield gathering, door
        if rest:
            yield CHAPTER, rest


def _plan(table: sa.Table) -> _Plan:
    import sqlalchemy as sa

    columns = data_columns(table)
    groups: dict[str, list[str]] = {}
    for column in columns:
        if column.info.get("group"):
            groups.setdefault(column.info["group"], []).append(column.name)
    return _Plan(
        columns=tuple(c.name for c in table.columns),
        names=tuple(c.name for c in columns),
        key_of={c.name: clock_key(c) for c in columns},
        booleans=frozenset(c.name for c in columns if isinstance(c.type, sa.Boolean)),
        door=frozenset(c.name for c in columns if c.name == "gone" or c.info.get("audience") == "door"),
        groups={name: tuple(members) for name, members in groups.items()},
        grouped=frozenset(chain.from_iterable(groups.values())),
        fact=table.info["kind"] == "fact",
        by_row=table.info["audience"] == "row",
        kinds={c.name: bool if isinstance(c.type, sa.Boolean) else int if isinstance(c.type, sa.Integer) else str for c in columns},
    )


def _size(part: _Part, clock: str) -> int:
    """How many bytes an operation of this has when it is sent."""
    return len(body_of(Operation(_SOME_ID, _SOME_ID, _SOME_ID, "put", "registration", _SOME_ID, part.fields, part.before, clock, 1)))


def synced_of(metadata: sa.MetaData) -> list[sa.Table]:
    """The synced tables of a desk's schema."""
    return [table for table in metadata.sorted_tables if table.info.get("synced")]


def triggers(metadata: sa.MetaData, schema: int, searched: Mapping[str, tuple[str, Sequence[str]]]) -> dict[str, str]:
    """Every trigger of a desk by name. ``searched``: table -> (column with the person's id, columns that are searched)."""
    found: dict[str, str] = dict(fates.TRIGGERS)
    marked = {name: f"INSERT INTO search_stale (id) SELECT NEW.{person} WHERE NEW.{person} IS NOT NULL ON CONFLICT DO NOTHING"
              for name, (person, _columns) in searched.items()}
    for table in synced_of(metadata):
        found.update(_table_triggers(table, schema, marked.get(table.name)))
    for name, (person, columns) in searched.items():
        stale = marked[name]
        if person != "id":  # a degree that goes from one to another is neither's as it was
            stale += (f"; INSERT INTO search_stale (id) SELECT OLD.{person} WHERE OLD.{person} IS NOT NEW.{person} AND OLD.{person} IS NOT NULL"
                      " ON CONFLICT DO NOTHING")
        found[f"search_{name}_update"] = (f"CREATE TRIGGER search_{name}_update AFTER UPDATE OF {', '.join(columns)} ON {name} BEGIN {stale}; END")
        gone = f"INSERT INTO search_stale (id) SELECT OLD.{person} WHERE OLD.{person} IS NOT NULL ON CONFLICT DO NOTHING"
        found[f"search_{name}_delete"] = f"CREATE TRIGGER search_{name}_delete AFTER DELETE ON {name} BEGIN {gone}; END"
    return found


def _table_triggers(table: sa.Table, schema: int, marked: str | None) -> dict[str, str]:
    name, columns = table.name, [c.name for c in data_columns(table)]
    mode = "(SELECT mode FROM capture)"
    new, old = ", ".join(f'NEW."{c}"' for c in columns), ", ".join(f'OLD."{c}"' for c in columns)
    kind, by_row = table.info["kind"], table.info["audience"] == "row"
    gathering = "NEW.gathering" if by_row else "c.gathering"

    def operations(take: str, before: str, values: str) -> str:
        # The first operation's WHERE takes the row's values in; the second one is for what the door may not see.
        wheres = [f"CASE c.mode WHEN 'action' THEN {take} > 0 END"]
        if not by_row:
            wheres.append("c.mode = 'action' AND c.gathering IS NOT NULL AND capture_parts() > 1")
        inserts = " ".join(
            f"INSERT INTO operation ({_FIELDS}) SELECT capture_id(), c.action, c.event, c.transaction_id, NEW.scope, capture_audience({n}), "
            f"'{kind}', '{name}', NEW.id, capture_fields({n}), {before.format(n=n)}, {values.format(n=n)}, capture_clock(), {schema}, c.queue, "
            f"c.at FROM capture AS c WHERE {where};" for n, where in enumerate(wheres))
        large = f"SELECT RAISE(ABORT, '{TOO_LARGE}') WHERE {mode} = 'action' AND capture_too_large();"
        return (f'{inserts} {large} UPDATE "{name}" SET clock = capture_clock(), clocks = capture_clocks() '
                f"WHERE id = NEW.id AND {mode} = 'action' AND capture_parts() > 0;")

    # One trigger for every row that comes, since each costs a prepared row as much as all that is asked of it. What is not prepared is marked for the
    # search and, in an action, captured; only what is applied has a clock of its own.
    insert = (f"{f'{marked}; ' if marked else ''}SELECT RAISE(ABORT, 'no action is under way') WHERE {mode} IS NOT 'action' AND {mode} IS NOT 'applying'; "
              f"SELECT RAISE(ABORT, 'a clock of its own') WHERE NEW.clock IS NOT NULL AND {mode} IS NOT 'applying'; "
              + operations(f"{PREFIX}{name}(1, {gathering}, NULL, {new})", "'{{}}'", "'{{}}'"))
    update = (f"SELECT RAISE(ABORT, 'no action is under way') WHERE {mode} IS NOT 'action'; "
              + operations(f"{PREFIX}{name}(0, {gathering}, OLD.clocks, {new}, {old})", "capture_before({n})", "capture_values({n})"))
    if kind == "fact":
        update = "SELECT RAISE(ABORT, 'facts never change');"
    names = ", ".join(f'"{c}"' for c in columns)
    unless = f"WHEN {mode} IS NOT 'applying'"
    unprepared = "(NEW.clock IS OLD.clock OR NOT capture_awaited(NEW.id, NEW.clock))"
    return {
        f"{PREFIX}{name}_insert": f"CREATE TRIGGER {PREFIX}{name}_insert AFTER INSERT ON \"{name}\" WHEN NEW.clock IS NULL "
                                  f"OR NOT capture_awaited(NEW.id, NEW.clock) BEGIN {insert} END",
        f"{PREFIX}{name}_update": f"CREATE TRIGGER {PREFIX}{name}_update AFTER UPDATE OF {names} ON \"{name}\" {unless} "
                                  f"AND {unprepared} BEGIN {update} END",
        f"{PREFIX}{name}_keys": f"CREATE TRIGGER {PREFIX}{name}_keys AFTER UPDATE OF id, scope ON \"{name}\" {unless} "
                                "BEGIN SELECT RAISE(ABORT, 'keys never change'); END",
        f"{PREFIX}{name}_delete": f"CREATE TRIGGER {PREFIX}{name}_delete BEFORE DELETE ON \"{name}\" {unless} "
                                  "BEGIN SELECT RAISE(ABORT, 'rows are marked gone, never deleted'); END",
    }


def set_triggers(connection: sa.Connection, wanted: Mapping[str, str]) -> bool:
    """Compare the database's triggers with the wanted ones, and mend. Returns whether anything had to be changed."""
    there = {row.name: row.sql for row in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")}
    for name in there.keys() - wanted.keys():
        connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
    for name, sql in wanted.items():
        if there.get(name) != sql:
            connection.exec_driver_sql(f'DROP TRIGGER IF EXISTS "{name}"')
            connection.exec_driver_sql(sql)
    return there != dict(wanted)

