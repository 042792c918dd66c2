"""What screens say of members that crosses nouns: when somebody was last seen, where they are expected next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from alumni_desk.store.desk import Desk


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
    fact, gathering = desk.tables["fact"], desk.tables["gathering"]
    found: dict[str, Seen] = {}
    with desk.reading() as connection:
        rows = connection.execute(
            sa.select(fact.c.id, fact.c.kind, fact.c.person, fact.c.closes, gathering.c.id.label("gathering"), gathering.c.name, gathering.c.starts)
            .join(gathering, gathering.c.id == fact.c.gathering).where(fact.c.person.in_(people), fact.c.kind.in_(("in", "void")), ~fact.c.gone)
            .order_by(gathering.c.starts)).all()
    taken_back = {one for row in rows if row.kind == "void" and row.closes for one in json.loads(row.closes)}
    for row in rows:
        if row.kind == "in" and row.id not in taken_back and row.starts:
            found[row.person] = Seen(row.gathering, row.name or "", date.fromisoformat(row.starts[:10]))
    return found


def expected_next(desk: Desk, people: Sequence[str], today: date) -> dict[str, Expected]:
    """The next gathering each of these people is on the list of, from today on; cancelled ones left out."""
    registration, gathering = desk.tables["registration"], desk.tables["gathering"]
    with desk.reading() as connection:
        rows = connection.execute(
            sa.select(registration.c.person, registration.c.status, gathering.c.id, gathering.c.name, gathering.c.starts)
            .join(gathering, gathering.c.id == registration.c.gathering)
            .where(registration.c.person.in_(people), ~registration.c.gone, ~gathering.c.gone, registration.c.status != "cancelled",
                   sa.func.coalesce(gathering.c.status, "planned") != "cancelled", gathering.c.starts >= today.isoformat())
            .order_by(gathering.c.starts.desc())).all()
    return {row.person: Expected(row.id, row.name or "", date.fromisoformat(row.starts[:10]), row.status or "invited") for row in rows}


def visits(desk: Desk, person_id: str) -> list[Visit]:
    """Every gathering that somebody was on the list of, the newest first."""
    registration, gathering, fact = desk.tables["registration"], desk.tables["gathering"], desk.tables["fact"]
    with desk.reading() as connection:
        rows = connection.execute(
            sa.select(registration.c.id.label("registration"), registration.c.status, registration.c.walk_in,
                      gathering.c.id, gathering.c.name, gathering.c.starts)
            .join(gathering, gathering.c.id == registration.c.gathering)
            .where(registration.c.person == person_id, ~registration.c.gone, ~gathering.c.gone, gathering.c.starts.is_not(None))
            .order_by(gathering.c.starts.desc())).all()
        facts = connection.execute(sa.select(fact.c.id, fact.c.kind, fact.c.registration, fact.c.closes).where(
            fact.c.registration.in_([row.registration for row in rows]), ~fact.c.gone)).all()
    taken_back = {one for row in facts if row.kind == "void" and row.closes for one in json.loads(row.closes)}
    came = {row.registration for row in facts if row.kind == "in" and row.id not in taken_back}
    return [Visit(row.id, row.name or "", date.fromisoformat(row.starts[:10]), row.status or "invited", row.registration in came, bool(row.walk_in))
            for row in rows]
