"""A member moves to another chapter: with the whole merge group, what was learnt where, and the household if nobody else of it stays.

Decided so: the rows go to the new chapter as they are, every field under its clock. In the old chapter an empty row stays (``gone``, standing
``moved``, ``merged_into``) and a mark of where it went. What happened there stays a fact of the old chapter: check-ins are untouched, and
registrations stay without what they say about the person, so that no headcount changes; for gatherings to come they are cancelled, and whoever
is let in all the same counts. A late operation that says something about the person is answered ``moved``, also if it is an erasure; late
check-ins and places on lists are taken as ever. Both chapters' heads are held meanwhile, always in the order of their ids, so that two opposite
moves never wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from alumni_desk.errors import NotFound, Refused
from alumni_desk.protocol.canonical import chained
from alumni_desk.protocol.clocks import pack, unpack
from alumni_desk.protocol.ids import uuid7
from alumni_desk.server import audit, erasing, feed, journal
from alumni_desk.server.asking import ask
from alumni_desk.server.audiences import ALONE, CHAPTER, Name, Touched, concerned_by, moves
from alumni_desk.server.bulk import chunks, put_rows, rows_by_id
from alumni_desk.server.clamping import replica, stamp
from alumni_desk.server.replicas import keep_replicas
from alumni_desk.server.sealed_moves import Sealed
from alumni_desk.server.state import Server
from alumni_desk.sync.shapes import shapes
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.server.beforehand import Beforehand
    from alumni_desk.server.merging import Row
    from alumni_desk.server.push import Item

MOVED = "moved"
"""The standing of an empty row that stays in the old chapter; and the status of an operation that comes too late there."""

STAYS: Mapping[str, Sequence[str]] = {"person": ("merged_into",), "education": ("person",), "household": ()}
"""The tables that go along, and what of a row stays in the old chapter."""

ABOUT = frozenset({"badge_name", "badge_tail", "meal", "door_note"})
"""What a registration says about the person."""

_FAR = 100
"""So often somebody may have moved on, to say where they are now."""

Rows = dict[Name, dict[str, Any]]


@dataclass(frozen=True)
class Moved:
    """Who moved, the whole group, from which chapter to which; and how many places on lists of gatherings to come ended by it."""

    people: tuple[str, ...]
    scope: str
    to: str
    lists: int


@dataclass
class _Both:
    """A move under way, both heads held."""

    connection: sa.Connection
    tables: sa.MetaData
    old: feed.LockedHead
    new: feed.LockedHead
    now: int
    stamp: str = field(init=False)

    def __post_init__(self) -> None:
        self.stamp = stamp(self.now, self.old.scope.replace("-", "")[:16])


def move(server: Server, person: str, to: str, now: int, *, scope: str | None = None, by: str | None = None,
         seen: frozenset[str] | None = None) -> Moved:
    """Move somebody to another chapter. ``scope``: the chapter they are in, if it is known. Raises NotFound or Refused.

    ``seen``: whom somebody takes to be this one person: if it is others by now, nobody moves (Refused ``group_changed``).
    The journal has it first, with the rows sealed beside it: no restore brings anybody back, nor loses what the old chapter had written last.
    """
    with server.database.writing() as connection:
        scope = scope or _chapter_of(connection, server.tables, person)
        done = carry_out(connection, server.tables, scope, to, [person], now, by=by, seen=seen,
                         sealed=Sealed(server.journal, server.secret), write=partial(journal.write, server.journal, server.id))
    server.database.scrub()
    return done


def _chapter_of(connection: sa.Connection, tables: sa.MetaData, person: str) -> str:
    table = tables.tables["person"]
    found = connection.execute(sa.select(table.c.scope).where(table.c.id == person, ~table.c.gone)).scalars().all()
    if not found:
        raise _nobody()
    return str(found[0])


def _nobody() -> NotFound:
    return NotFound("no_such_person", _("There is nobody with this id in any chapter. Look them up again; whoever was removed or erased does not move."))


def carry_out(connection: sa.Connection, tables: sa.MetaData, scope: str, to: str, people: Sequence[str], now: int, *, by: str | None = None,
              sealed: Sealed | None = None, write: Any = None, name: str | None = None, given: Rows | None = None,
              seen: frozenset[str] | None = None) -> Moved:
    """The same in a transaction that the caller commits. ``name``, ``given``: a move that the journal tells of, and the rows as they were."""
    if scope == to:
        raise Refused("moved_already", _("They belong to that chapter already."))
    both = _hold(connection, tables, scope, to, now)
    if given is None and not _is_live(connection, tables, scope, people):
        raise _nobody()  # somebody else moved, removed or erased them a moment ago
    group = erasing.merge_group(connection, tables, scope, people) if given is None else set(people)
    rows = _as_given(both, given) if given else _going(both, group)
    if seen is not None and seen != {row for (table, row), one in rows.items() if table == "person" and not one["gone"]}:
        raise Refused("group_changed", _("Meanwhile this entry was merged with another one, or taken apart, so nobody was moved. Sync, then move them."))
    if erasing.people_erased(connection, tables, to, group) or erasing.people_erased(connection, tables, scope, group):
        raise _nobody()
    name = name or uuid7()
    if sealed is not None and write is not None:
        sealed.keep(name, rows)
        write("move", at=now, id=name, scope=scope, to=to, people=sorted(group))
    lists = _leave(both, group, rows)
    _arrive(both, rows)
    _take_along(both, rows)
    for head, other in ((both.old, {"to": to}), (both.new, {"from": scope})):
        head.chain = chained(head.chain, [name.encode()])
        note = audit.Note("move", now, by, {**other, "what": [{"table": table, "each": sorted(row for one, row in rows if one == table)}
                                                               for table in STAYS if any(one == table for one, _row in rows)]})
        head.audited, head.audit_hash = audit.note_after(connection, tables, head.scope, head.audited, head.audit_hash, [note])
        feed.move_head(connection, tables, head)
    put_rows(connection, tables.tables["server_state"], [{"key": f"moved:{name}", "value": str(now)}])
    return Moved(tuple(sorted(group)), scope, to, lists)


def _hold(connection: sa.Connection, tables: sa.MetaData, scope: str, to: str, now: int) -> _Both:
    held = {one: feed.lock_head(connection, tables, one) for one in sorted((scope, to))}
    old, new = held[scope], held[to]
    if old is None or new is None:
        raise NotFound("no_such_chapter", _("This server has no such chapter. server stats lists them."))
    return _Both(connection, tables, old, new, now)


def _is_live(connection: sa.Connection, tables: sa.MetaData, scope: str, people: Sequence[str]) -> bool:
    found = rows_by_id(connection, tables.tables["person"], scope, people)
    return len(found) == len(set(people)) and not any(row["gone"] for row in found.values())


def _going(both: _Both, group: set[str]) -> Rows:
    """The rows that go, as the old chapter has them."""
    connection, scope = both.connection, both.old.scope
    person, education = both.tables.tables["person"], both.tables.tables["education"]
    found: Rows = {("person", row): one for row, one in rows_by_id(connection, person, scope, sorted(group)).items()}
    for part in chunks(sorted(group)):
        query = sa.select(education).where(education.c.scope == scope, education.c.person.in_(part))
        found.update((("education", row["id"]), dict(row)) for row in connection.execute(query).mappings())
    homes = {one["household"] for one in found.values() if one.get("household")}
    for part in chunks(sorted(homes)):
        others = sa.select(person.c.household).where(person.c.scope == scope, person.c.household.in_(part), ~person.c.gone, person.c.id.not_in(sorted(group)))
        homes -= set(connection.execute(others).scalars())
    found.update((("household", row), one) for row, one in rows_by_id(connection, both.tables.tables["household"], scope, sorted(homes)).items())
    for one in found.values():
        if one.get("household") and ("household", one["household"]) not in found:  # it stays with those who stay
            one.update(household=None, clocks=pack({**unpack(one["clocks"]), "household": both.stamp}), clock=max(one["clock"] or "", both.stamp))
    return found


def _as_given(both: _Both, given: Rows) -> Rows:
    """The rows as they were at a move that the journal tells of, and what was written in the old chapter since: it may never have been committed."""
    found: Rows = {}
    for table in STAYS:
        there = rows_by_id(both.connection, both.tables.tables[table], both.old.scope, [row for one, row in given if one == table])
        for name in [one for one in given if one[0] == table]:
            row = {**shapes()[table].blank, **given[name]}
            found[name] = _laid(table, row, there[name[1]]) if name[1] in there else row
    return found


def _leave(both: _Both, group: set[str], rows: Rows) -> int:
    """Empty the rows in the old chapter and mark them. Returns how many places on lists of gatherings to come ended."""
    connection, tables, scope = both.connection, both.tables, both.old.scope
    there: dict[Name, dict[str, Any]] = {}
    for table in STAYS:
        found = rows_by_id(connection, tables.tables[table], scope, [row for one, row in rows if one == table])
        there.update(((table, row), one) for row, one in found.items())
    changed = {name: Touched(there.get(name), _stub(both, name, row)) for name, row in rows.items()}
    places, ended = _places(both, group)
    changed.update(places)
    _write(connection, tables, both.old, changed)
    put_rows(connection, tables.tables["erased"], [{"scope": scope, "table_name": table, "row_id": row, "erased_at": both.now, "kept": "{}",
                                                    "moved_to": both.new.scope} for table, row in sorted(rows)])
    return ended


def _stub(both: _Both, name: Name, row: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of a row in the old chapter."""
    table, row_id = name
    clocks = unpack(row["clocks"])
    kept = {one: row[one] for one in STAYS[table]}
    new = {"gone": both.stamp, **({"standing": both.stamp} if table == "person" else {})}
    return {**shapes()[table].blank, **kept, "id": row_id, "scope": both.old.scope, "gone": True, **({"standing": MOVED} if table == "person" else {}),
            "clock": both.stamp, "clocks": pack({**{one: clocks[one] for one in kept if one in clocks}, **new})}


def _places(both: _Both, group: set[str]) -> tuple[dict[Name, Touched], int]:
    """The registrations of the old chapter that change: without what is about the person, and cancelled where the gathering is to come."""
    connection, scope = both.connection, both.old.scope
    registration = both.tables.tables["registration"]
    changed: dict[Name, Touched] = {}
    ended: set[str] = set()  # by gathering: on a list under two entries somebody has one place
    for part in chunks(sorted(group)):
        mine = sa.select(registration).where(registration.c.scope == scope, registration.c.person.in_(part))
        those = [dict(row) for row in connection.execute(mine).mappings()]
        over = erasing.ended_places(connection, both.tables, scope, those, both.stamp, both.now)
        ended.update(row["gathering"] for row in those if row["id"] in over)
        for row in those:
            after = {**row, **over.get(row["id"], {}), **dict.fromkeys(ABOUT)}
            if after != row:
                changed["registration", row["id"]] = Touched(row, after)
    when = rows_by_id(connection, both.tables.tables["gathering"], scope, sorted(ended))
    return changed, sum(not one["gone"] for one in when.values())


def _arrive(both: _Both, rows: Rows) -> None:
    """Write the rows into the new chapter: over an empty one that they left there once, or field by field over what came before them."""
    connection, tables, scope = both.connection, both.tables, both.new.scope
    erased = tables.tables["erased"]
    changed: dict[Name, Touched] = {}
    for table in STAYS:
        ids = sorted(row for one, row in rows if one == table)
        here = rows_by_id(connection, tables.tables[table], scope, ids)
        back: set[str] = set()
        for part in chunks(ids):
            mine = (erased.c.scope == scope, erased.c.table_name == table, erased.c.row_id.in_(part), erased.c.kept.is_not(None))
            back.update(connection.execute(sa.select(erased.c.row_id).where(*mine)).scalars())
            connection.execute(sa.delete(erased).where(*mine))
        for row_id in ids:
            coming, there = {**rows[table, row_id], "scope": scope}, here.get(row_id)
            changed[table, row_id] = Touched(there, coming if there is None or row_id in back else _laid(table, there, coming))
    _write(connection, tables, both.new, changed)


def _laid(table: str, there: Mapping[str, Any], coming: Mapping[str, Any]) -> dict[str, Any]:
    """A row over another one: of each field the value with the greater clock."""
    clocks, newer, keys = unpack(there["clocks"]), unpack(coming["clocks"]), shapes()[table].clock_keys
    wins = {name for name, key in keys.items() if newer.get(key, "") > clocks.get(key, "")}
    both = {**clocks, **{keys[name]: newer[keys[name]] for name in wins}}
    return {**there, **{name: coming[name] for name in wins}, "clocks": pack(both), "clock": max(both.values(), default=None)}


def _write(connection: sa.Connection, tables: sa.MetaData, locked: feed.LockedHead, changed: Mapping[Name, Touched]) -> None:
    """Write rows and their places in the feeds, the doors' too."""
    by_table: dict[str, list[Mapping[str, Any]]] = {}
    for (table, _row), one in changed.items():
        by_table.setdefault(table, []).append(one.after)
    for table, those in by_table.items():
        put_rows(connection, tables.tables[table], those)
    concerned = concerned_by(locked.scope, changed, _held(connection, tables, locked.scope, changed))
    entries = moves(connection, tables, locked.scope, changed, concerned)
    feed.touch(connection, tables, locked, [(*name, bool(one.after["gone"])) for name, one in sorted(changed.items())], entries)


def _held(connection: sa.Connection, tables: sa.MetaData, scope: str, changed: Iterable[Name]) -> dict[Name, list[str]]:
    """In which gatherings' feeds those are whose rows do not say it."""
    entries = tables.tables["feed"]
    found: dict[Name, list[str]] = {}
    for part in chunks(sorted(row for table, row in changed if table in ALONE)):
        query = sa.select(entries.c.table_name, entries.c.row_id, entries.c.audience).where(
            entries.c.scope == scope, entries.c.table_name.in_(ALONE), entries.c.row_id.in_(part), entries.c.audience != CHAPTER)
        for row in connection.execute(query):
            found.setdefault((row.table_name, row.row_id), []).append(row.audience)
    return found


def _take_along(both: _Both, rows: Rows) -> None:
    """Who wrote the values, and the values that lost: whoever looks after the new chapter decides now."""
    connection, tables, scope, to = both.connection, both.tables, both.old.scope, both.new.scope
    names = {replica(clock) for row in rows.values() for clock in unpack(row["clocks"]).values()}
    table = tables.tables["replica"]
    theirs: dict[str, str] = {}
    known: set[str] = set()
    for part in chunks(sorted(names)):
        theirs.update((row.replica, row.device) for row in connection.execute(
            sa.select(table.c.replica, table.c.device).where(table.c.scope == scope, table.c.replica.in_(part))))
        known.update(connection.execute(sa.select(table.c.replica).where(table.c.scope == to, table.c.replica.in_(part))).scalars())
    keep_replicas(connection, tables, both.new, theirs, known)
    conflict = tables.tables["conflict"]
    lists = sa.select(tables.tables["registration"].c.id).where(tables.tables["registration"].c.scope == scope,
                                                               tables.tables["registration"].c.person.in_(sorted(row for one, row in rows if one == "person")))
    connection.execute(sa.delete(conflict).where(conflict.c.scope == scope, conflict.c.table_name == "registration", conflict.c.field.in_(ABOUT),
                                                 conflict.c.row_id.in_(lists)))
    for part in chunks(sorted({row for _table, row in rows})):
        mine = (conflict.c.scope == scope, conflict.c.row_id.in_(part))
        those = [dict(row) for row in connection.execute(sa.select(conflict).where(*mine)).mappings()]
        connection.execute(sa.delete(conflict).where(*mine))
        put_rows(connection, conflict, [{**row, "scope": to} for row in those])


# What becomes of operations that come too late in the old chapter.

def refuse(connection: sa.Connection, tables: sa.MetaData, items: Sequence[Item], there: Beforehand, scope: str, rows: Mapping[Name, Row]) -> None:
    """Answer ``moved`` to what says something about somebody who moved; of a place on a list leave out what does."""
    marks = dict(there.moved)
    asked = {str(rows["registration", item.operation.row].values["person"]) for item in items
             if item.open and item.operation and item.operation.table == "registration" and not ABOUT.isdisjoint(item.operation.fields)
             and ("registration", item.operation.row) in rows and rows["registration", item.operation.row].values["person"]}
    if asked:
        marks.update(_marks_of(connection, tables, scope, asked))
    names: dict[str, str] = {}
    for item in items if marks else ():
        name = _about(item, marks, rows) if item.open else None
        if name is None or item.operation is None:
            continue
        if item.operation.table == "registration":
            item.without = ABOUT
            if item.operation.fields.keys() - ABOUT:
                continue
        to = marks[name]
        if to not in names:
            names[to] = _where(connection, tables, name, to)
        item.end("moved", f"{MOVED}:{names[to]}")


def _about(item: Item, marks: Mapping[Name, str], rows: Mapping[Name, Row]) -> Name | None:
    """Whom of those who moved an operation says something about; a fact says what happened here."""
    one = item.operation
    if one is None or one.kind == "fact":
        return None
    said = ("person", str(one.fields.get("person") or ""))
    if one.table == "registration":
        there = rows.get((one.table, one.row))
        named = said if one.fields.get("person") else ("person", str(there.values["person"] or "") if there is not None else "")
        return named if named in marks else None
    into = ("person", str(one.fields.get("merged_into") or ""))
    return next((name for name in ((one.table, one.row), said, into) if name in marks), None)


def _marks_of(connection: sa.Connection, tables: sa.MetaData, scope: str, people: Iterable[str]) -> dict[Name, str]:
    erased = tables.tables["erased"]
    found: dict[Name, str] = {}
    for part in chunks(sorted(people)):
        query = sa.select(erased.c.row_id, erased.c.moved_to).where(
            erased.c.scope == scope, erased.c.table_name == "person", erased.c.moved_to.is_not(None), erased.c.row_id.in_(part))
        found.update((("person", row.row_id), row.moved_to) for row in connection.execute(query))
    return found


def _where(connection: sa.Connection, tables: sa.MetaData, name: Name, to: str) -> str:
    """What the chapter is called in which somebody is now, who may have moved on."""
    erased, chapter = tables.tables["erased"], tables.tables["chapter"]
    for _time in range(_FAR):
        onward = connection.execute(sa.select(erased.c.moved_to).where(
            erased.c.scope == to, erased.c.table_name == name[0], erased.c.row_id == name[1], erased.c.moved_to.is_not(None))).scalar()
        if onward is None:
            break
        to = str(onward)
    return str(connection.execute(sa.select(chapter.c.name).where(chapter.c.scope == to)).scalar() or "")


def moved_since(connection: sa.Connection, scope: str, sequence: int) -> bool:
    """Whether anybody moved away after a place in the chapter's feed: what was made there shows too much."""
    return bool(ask(connection, _AFTER[connection.dialect.name], scope, sequence)())


_ITS_PLACE = "f.scope = e.scope AND f.audience = 'chapter' AND f.table_name = e.table_name AND f.row_id = e.row_id"
_AFTER = {  # a look-up for each that moved: they are few, and the feed is long
    "postgresql": f"SELECT 1 FROM erased AS e, LATERAL (SELECT f.sequence FROM feed AS f WHERE {_ITS_PLACE} OFFSET 0) AS f"
                  " WHERE e.scope = ? AND e.moved_to IS NOT NULL AND f.sequence > ? LIMIT 1",
    "sqlite": f"SELECT 1 FROM erased AS e CROSS JOIN feed AS f ON {_ITS_PLACE} WHERE e.scope = ? AND e.moved_to IS NOT NULL AND f.sequence > ? LIMIT 1"}


def move_again(connection: sa.Connection, tables: sa.MetaData, line: Mapping[str, Any], path: Path | None, secret: bytes) -> None:
    """Make a line of the journal true: the database went back to before that move. The caller commits."""
    rows = Sealed(path, secret).rows(str(line["id"]))
    there = set(connection.execute(sa.select(tables.tables["feed_head"].c.scope)).scalars())
    if not {line["scope"], line["to"]} <= there:
        return
    here = rows_by_id(connection, tables.tables["person"], line["scope"], line["people"])
    if any(erasing.people_erased(connection, tables, scope, line["people"]) for scope in (line["scope"], line["to"])):
        return  # it was never committed, and they were erased where they were
    if rows or here:
        carry_out(connection, tables, line["scope"], line["to"], line["people"], line["at"], name=line["id"], given=rows)
