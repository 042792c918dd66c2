"""What screens say of members that crosses nouns: when somebody was last seen, where they are expected next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from alumni_desk.gatherings.counts import answer_of
from alumni_desk.members.roots import merged_among, root_of
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import texts

_ENTRIES = ("WITH RECURSIVE entry (id, person) AS (SELECT value, value FROM json_each(?)"
            " UNION SELECT p.id, entry.person FROM entry JOIN person AS p ON p.merged_into = entry.id) ")
"""Those who are asked about, each with all entries that became part of theirs."""
_OF_ONE = ("WITH RECURSIVE entry (id) AS (SELECT ? UNION SELECT p.id FROM entry JOIN person AS p ON p.merged_into = entry.id"
           " UNION SELECT p.merged_into FROM entry JOIN person AS p ON p.id = entry.id WHERE p.merged_into IS NOT NULL) SELECT id FROM entry")


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest gathering that somebody was checked in at."""

    gathering: str
    name: str
    day: date


@dataclass(frozen=True, slots=True)
class Expected:
    """The next gathering that somebody is on the list of, and their answer (invited, yes, maybe, no, waitlisted)."""

    gathering: str
    name: str
    day: date
    status: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A gathering in somebody's past or future: their answer, and whether they came."""

    gathering: str
    name: str
    day: date
    status: str
    came: bool
    walk_in: bool


def last_seen(desk: Desk, people: Sequence[str]) -> dict[str, Seen]:
    """When these people were last checked in anywhere; who never was is left out. Ask for the rows that a screen shows."""
    with desk.reading() as connection:
        return seen_on(connection, people)


def seen_on(connection: sa.Connection, people: Sequence[str]) -> dict[str, Seen]:
    """``last_seen`` on a connection that has looked up the people."""
    found: dict[str, Seen] = {}
    rows = driver.rows(
        connection, _ENTRIES + "SELECT f.id, f.kind, entry.person, f.closes, g.id, g.name, g.starts FROM entry"
        " CROSS JOIN registration AS r ON r.person = entry.id CROSS JOIN fact AS f ON f.gathering = r.gathering AND f.registration = r.id"
        " JOIN gathering AS g ON g.id = f.gathering WHERE f.kind IN ('in', 'void') AND NOT f.gone ORDER BY g.starts", (json.dumps(people),))
    taken_back = {one for _id, kind, _person, closes, *_gathering in rows if kind == "void" for one in texts(closes)}
    for fact, kind, person, _closes, gathering, name, starts in rows:
        if kind == "in" and fact not in taken_back and starts:
            found[person] = Seen(gathering, name or "", date.fromisoformat(starts[:10]))
    return found


def expected_next(desk: Desk, people: Sequence[str], today: date) -> dict[str, Expected]:
    """The next gathering each of these people is on the list of, from today on; cancelled ones left out."""
    with desk.reading() as connection:
        return expected_on(connection, people, today)


def expected_on(connection: sa.Connection, people: Sequence[str], today: date) -> dict[str, Expected]:
    """``expected_next`` on a connection that has looked up the people."""
    rows = driver.rows(
        connection, _ENTRIES + "SELECT entry.person, entry.id, r.status, g.id, g.name, g.starts FROM entry CROSS JOIN registration AS r ON r.person = entry.id "
        "CROSS JOIN gathering AS g ON g.id = r.gathering WHERE NOT r.gone AND NOT g.gone "
        "AND coalesce(g.status, 'planned') <> 'cancelled' AND g.starts >= ? ORDER BY g.starts DESC, g.id", (json.dumps(people), today.isoformat()))
    together: dict[tuple[str, str, str, str], list[tuple[bool, str | None]]] = {}
    for person, entry, status, gathering, name, starts in rows:
        together.setdefault((person, gathering, name or "", starts), []).append((entry == person, status))
    found: dict[str, Expected] = {}
    for (person, gathering, name, starts), answers in together.items():
        if (answer := answer_of(answers)) != "cancelled":
            found[person] = Expected(gathering, name, date.fromisoformat(starts[:10]), answer)
    return found


def visits(desk: Desk, person_id: str) -> list[Visit]:
    """Every gathering that somebody was on the list of, under any of their entries, the newest first; of one that was cancelled only where they came."""
    registration, gathering, fact = desk.tables["registration"], desk.tables["gathering"], desk.tables["fact"]
    with desk.reading() as connection:
        entries = [entry for (entry,) in driver.rows(connection, _OF_ONE, (person_id,))]
        root = root_of(merged_among(connection, entries), person_id)
        rows = connection.execute(
            sa.select(registration.c.id.label("registration"), registration.c.person, registration.c.status, registration.c.walk_in,
                      gathering.c.id, gathering.c.name, gathering.c.starts, (gathering.c.status == "cancelled").label("cancelled"))
            .join(gathering, gathering.c.id == registration.c.gathering)
            .where(registration.c.person.in_(entries), ~registration.c.gone, ~gathering.c.gone, gathering.c.starts.is_not(None))
            .order_by(gathering.c.starts.desc(), gathering.c.id)).all()
        facts = connection.execute(
            sa.select(fact.c.id, fact.c.kind, fact.c.registration, fact.c.closes)
            .join(registration, sa.and_(registration.c.gathering == fact.c.gathering, registration.c.id == fact.c.registration))
            .where(registration.c.person.in_(entries), ~fact.c.gone)).all()
    taken_back = {one for row in facts if row.kind == "void" for one in texts(row.closes)}
    came = {row.registration for row in facts if row.kind == "in" and row.id not in taken_back}
    together: dict[str, list[Any]] = {}
    for row in rows:
        together.setdefault(row.id, []).append(row)
    return [Visit(each[0].id, each[0].name or "", date.fromisoformat(each[0].starts[:10]), answer_of([(row.person == root, row.status) for row in each]),
                  any(row.registration in came for row in each), all(row.walk_in for row in each)) for each in together.values()
            if not each[0].cancelled or any(row.registration in came for row in each)]
