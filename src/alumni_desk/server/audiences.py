"""Whom a row is for. Everything is for the chapter; some of it is for the door of a gathering, too.

The audience of gathering G: the chapter's row and G's; its registrations, without those that are gone, and without the cancelled ones unless
somebody came all the same; the people on them and everybody those were merged into; all facts of G. A row is meant by its id: where an
operation names a row that has not come yet, its entry in the feed waits for it.

``members`` says this in one question to the tables; ``moves`` says what a push changes of it, by looking at what the push touched alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from alumni_desk.gatherings.records import registration_id
from alumni_desk.server.bulk import chunks, one_of

CHAPTER = "chapter"
"""The audience that reads everything of a scope."""

NAMING = frozenset({"gathering", "registration", "fact"})
"""The tables whose rows are a gathering or name one."""

Name = tuple[str, str]
"""A row: table and id."""

ALONE = ("chapter", "gathering", "person")
"""Tables whose rows do not say whose door they are for: their places in the feeds do."""

NOT_THE_CHAPTERS = "AND audience <> 'chapter'"
"""In the statement itself, so that the index without the chapter's entries serves."""


class Entry(NamedTuple):
    """A row in the feed of a gathering. ``gone``: it is in that audience no more."""

    audience: str
    table: str
    row: str
    gone: bool


class Touched(NamedTuple):
    """A row that a push changed: its columns before (None: there was none) and after."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any]


Concerned = dict[str, dict[Name, None]]
"""Gathering -> rows of which it may be another matter now."""


def concerned_by(scope: str, changed: Mapping[Name, Touched], held: Mapping[Name, Iterable[str]]) -> Concerned:
    """The gatherings that these changes may mean something to. ``held``: in which gatherings' feeds those of ``ALONE`` are, whether in or gone from them."""
    concerned: Concerned = defaultdict(dict)
    for name in changed:
        for audience in held.get(name, ()):
            concerned[audience][name] = None
    for (table, row_id), one in changed.items():
        for gathering in _named_in(table, row_id, one) if table in NAMING else ():
            concerned[gathering][table, row_id] = None
            if table == "gathering":
                concerned[gathering]["chapter", scope] = None
    return concerned


def moves(connection: sa.Connection, tables: sa.MetaData, scope: str, changed: Mapping[Name, Touched], concerned: Concerned) -> list[Entry]:
    """What these changes mean to the gatherings' feeds: rows that changed in them, entered or left. The changes are in the tables already."""
    asked = _Asked(connection, tables, scope)
    asked.know_registrations(_registrations(changed))
    asked.know_people(_people(asked, concerned))
    for rows in concerned.values():
        _around(asked, rows, changed)
    asked.know_people({row_id for rows in concerned.values() for table, row_id in rows if table == "person"})
    asked.know_registrations(registration_id(gathering, row_id) for gathering, rows in concerned.items() for table, row_id in rows if table == "person")
    there = _there(connection, tables, scope, concerned)
    found = []
    for gathering, rows in concerned.items():
        for name in rows:
            belongs, was = asked.belongs(gathering, *name), there.get((gathering, *name))
            if belongs and (name in changed or was is not True):
                found.append(Entry(gathering, *name, gone=False))
            elif not belongs and was:
                found.append(Entry(gathering, *name, gone=True))
    return found


def _named_in(table: str, row_id: str, one: Touched) -> set[str]:
    """The gatherings that a changed row names."""
    if table == "gathering":
        return {row_id}
    return {str(row["gathering"]) for row in (one.before, one.after) if row is not None and row["gathering"] is not None}


def _registrations(changed: Mapping[Name, Touched]) -> set[str]:
    """The registrations that may have entered or left: those that changed, and those that a fact names."""
    found = {row_id for table, row_id in changed if table == "registration"}
    return found | {str(one.after["registration"]) for (table, _id), one in changed.items() if table == "fact" and one.after["registration"] is not None}


def _people(asked: _Asked, concerned: Mapping[str, Mapping[Name, None]]) -> set[str]:
    """The people among these rows, and those on the registrations among them."""
    found = set()
    for rows in concerned.values():
        for table, row_id in rows:
            if table == "person":
                found.add(row_id)
            elif table == "registration" and (registration := asked.registration(row_id)) and registration["person"] is not None:
                found.add(str(registration["person"]))
    return found


def _around(asked: _Asked, rows: dict[Name, None], changed: Mapping[Name, Touched]) -> None:
    """Add the rows that come or go with these: a fact's cancelled registration, a registration's person, whom somebody was merged into."""
    for table, row_id in list(rows):
        named = changed[table, row_id].after["registration"] if table == "fact" else None
        if named is not None and (registration := asked.registration(str(named))) and registration["status"] == "cancelled":
            rows["registration", str(named)] = None  # of any other a fact changes nothing, and a check-in shall cost little
    people = _people(asked, {"": rows})
    for person in list(people):
        one = changed.get(("person", person))
        if one is not None and one.before is not None and one.before["merged_into"] is not None:
            people.add(str(one.before["merged_into"]))
    for person in people:
        rows.update(dict.fromkeys(("person", each) for each in asked.merged_into(person)))


def _there(connection: sa.Connection, tables: sa.MetaData, scope: str, concerned: Mapping[str, Iterable[Name]]) -> dict[tuple[str, str, str], bool]:
    """Which of these rows have an entry: True where it is in the audience, False where it has left."""
    feed = tables.tables["feed"]
    found: dict[tuple[str, str, str], bool] = {}
    for gathering, rows in concerned.items():
        names = sorted({table for table, _row in rows})
        for part in chunks({row_id for _table, row_id in rows}):
            query = sa.select(feed.c.table_name, feed.c.row_id, feed.c.gone).where(
                feed.c.scope == scope, feed.c.audience == gathering, feed.c.table_name.in_(names), one_of(connection, feed.c.row_id, part))
            found.update(((gathering, row.table_name, row.row_id), not row.gone) for row in connection.execute(query))
    return found


class _Asked:
    """Questions about single rows, each asked once."""

    def __init__(self, connection: sa.Connection, tables: sa.MetaData, scope: str) -> None:
        self._connection, self._scope = connection, scope
        self._tables = tables.tables
        self._registrations: dict[str, Mapping[str, Any] | None] = {}
        self._into: dict[str, str | None] = {}
        self._from: dict[str, list[str]] = {}
        self._came: dict[str, bool] = {}

    def know_registrations(self, ids: Iterable[str]) -> None:
        """Ask about many at once."""
        table = self._tables["registration"]
        for part in chunks(set(ids) - self._registrations.keys()):
            self._registrations.update(dict.fromkeys(part))
            query = sa.select(table.c.id, table.c.gathering, table.c.person, table.c.status, table.c.gone).where(
                table.c.scope == self._scope, one_of(self._connection, table.c.id, part))
            self._registrations.update((row["id"], dict(row)) for row in self._connection.execute(query).mappings())

    def know_people(self, ids: Iterable[str]) -> None:
        """Ask into whom many were merged, and who into them."""
        table = self._tables["person"]
        for part in chunks(set(ids) - self._into.keys()):
            self._into.update(dict.fromkeys(part))
            self._from.update((one, []) for one in part)
            mine, theirs = (sa.select(table.c.id, table.c.merged_into).where(table.c.scope == self._scope, table.c.merged_into.is_not(None),
                                                                                            one_of(self._connection, column, part))
                            for column in (table.c.id, table.c.merged_into))
            self._into.update((row.id, row.merged_into) for row in self._connection.execute(mine))
            for row in self._connection.execute(theirs):
                self._from[row.merged_into].append(row.id)

    def registration(self, row_id: str) -> Mapping[str, Any] | None:
        """A registration, or None."""
        self.know_registrations([row_id])
        return self._registrations[row_id]

    def merged_into(self, person: str) -> list[str]:
        """This person and whom they were merged into, one after the other."""
        chain = [person]
        while True:
            self.know_people([chain[-1]])
            after = self._into[chain[-1]]
            if after is None or after in chain:
                return chain
            chain.append(after)

    def belongs(self, gathering: str, table: str, row_id: str) -> bool:
        """Whether a row is in a gathering's audience, of those that may be."""
        if table == "registration":
            return self._is_on_the_list(gathering, row_id)
        if table == "person":
            return any(self._is_on_the_list(gathering, registration_id(gathering, one), person=one) for one in self._whole_group(row_id))
        return True  # the chapter, the gathering itself, its facts

    def _whole_group(self, person: str) -> Iterator[str]:
        """This person and everybody who was merged into them."""
        seen, onward = {person}, [person]
        while onward:
            one = onward.pop()
            yield one
            self.know_people([one])
            fresh = [other for other in self._from[one] if other not in seen]
            seen.update(fresh)
            onward.extend(fresh)

    def _is_on_the_list(self, gathering: str, row_id: str, person: str | None = None) -> bool:
        row = self.registration(row_id)
        if row is None or row["gathering"] != gathering or row["gone"] or (person is not None and row["person"] != person):
            return False
        return row["status"] != "cancelled" or self._somebody_came(gathering, row_id)

    def _somebody_came(self, gathering: str, registration: str) -> bool:
        if registration not in self._came:
            fact = self._tables["fact"]
            query = sa.select(sa.literal(1)).where(fact.c.scope == self._scope, fact.c.registration == registration, fact.c.gathering == gathering).limit(1)
            self._came[registration] = self._connection.execute(query).first() is not None
        return self._came[registration]


def members(connection: sa.Connection, tables: sa.MetaData, scope: str, gathering: str) -> dict[str, set[str]]:
    """A gathering's whole audience by table, from the tables alone; rows that are named but not there yet are left out."""
    t = tables.tables
    registration, fact, person = t["registration"], t["fact"], t["person"]

    def ids(query: sa.Select[Any]) -> set[str]:
        return {str(one) for one in connection.execute(query).scalars() if one is not None}

    came = sa.select(fact.c.registration).where(fact.c.scope == scope, fact.c.gathering == gathering, fact.c.registration.is_not(None))
    listed = ((registration.c.scope == scope), (registration.c.gathering == gathering), ~registration.c.gone,
              sa.or_(registration.c.status.is_(None), registration.c.status != "cancelled", registration.c.id.in_(came)))
    into = {row.id: row.merged_into for row in connection.execute(
        sa.select(person.c.id, person.c.merged_into).where(person.c.scope == scope, person.c.merged_into.is_not(None)))}
    named = ids(sa.select(registration.c.person).where(*listed))
    for one in list(named):
        after = into.get(one)
        while after is not None and after not in named:
            named.add(after)
            after = into.get(after)
    there: set[str] = set()
    for part in chunks(named):
        there |= ids(sa.select(person.c.id).where(person.c.scope == scope, person.c.id.in_(part)))
    return {"chapter": ids(sa.select(t["chapter"].c.id).where(t["chapter"].c.scope == scope)),
            "gathering": ids(sa.select(t["gathering"].c.id).where(t["gathering"].c.scope == scope, t["gathering"].c.id == gathering)),
            "registration": ids(sa.select(registration.c.id).where(*listed)), "person": there,
            "fact": ids(sa.select(fact.c.id).where(fact.c.scope == scope, fact.c.gathering == gathering))}
