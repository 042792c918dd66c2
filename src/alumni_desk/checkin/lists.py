"""What the door shows: who is meant, who is here, how they arrive. Everything is read from one gathering's rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from alumni_desk.checkin.former_codes import formerly
from alumni_desk.checkin.ranking import Findable, findable, rank, written_as_one
from alumni_desk.checkin.verdicts import Fact, has_left, open_ins
from alumni_desk.errors import NotFound
from alumni_desk.gatherings.counts import answer_of
from alumni_desk.members import naming
from alumni_desk.members.roots import merged_on, root_of
from alumni_desk.protocol.codes import read_badge_code
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk
from alumni_desk.store.finding import find_people
from alumni_desk.store.listed import texts
from alumni_desk.store.search import words
from alumni_desk.store.writing import Changed
from alumni_desk.words import _

FIVE_MINUTES = timedelta(minutes=5)
MEMBERS_NOT_ON_THE_LIST = 25
"""How many members who did not sign up a search offers at most; more only hide the guests."""


class DoorStatus(Enum):
    """How somebody stands at this door. The order is the order of likelihood in a search."""

    EXPECTED = "expected"
    IN = "in"
    LEFT = "left"
    WAITLISTED = "waitlisted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    NOT_ON_THE_LIST = "not_on_the_list"


_ORDER = {status: place for place, status in enumerate(DoorStatus)}
_ORDER[DoorStatus.LEFT] = 0  # who went out is the likeliest to come back in


@dataclass(frozen=True, slots=True)
class DoorHit:
    """One person at the door, on the list or not. ``at`` is local to the gathering, ``key`` unique in a search."""

    key: str  # the registration, or the person if not on the list
    registration: str | None
    person: str
    name: str
    other_script_name: str | None
    class_tail: str
    disc: str
    city: str | None
    table_name: str | None
    host: str | None  # the host's registration
    host_name: str | None
    status: DoorStatus
    rsvp: str | None
    answered_at: str | None
    walk_in: bool
    door_note: str | None
    pronunciation: str | None
    code: str | None
    ins: tuple[Fact, ...] = ()  # open "in" facts, earliest first; two if two stations admitted
    at: datetime | None = None
    station: str | None = None
    by: str | None = None

    @property
    def here(self) -> bool:
        """Whether they are in."""
        return bool(self.ins)


@dataclass(frozen=True, slots=True)
class DoorHits:
    """What a text at the door found: best first; the one plausible person if there is one; namesakes by key."""

    text: str
    hits: tuple[DoorHit, ...]
    certain: DoorHit | None
    namesakes: tuple[tuple[str, ...], ...] = ()
    code: str | None = None  # the text was a badge's code


@dataclass(frozen=True, slots=True)
class Headcount:
    """Distinct people. ``registered`` leaves out walk-ins and those who said no and stayed away.

    ``expected`` said yes or came anyhow; ``come`` of them have come, ``present`` of all are here now.
    """

    registered: int
    present: int
    out: int
    walk_ins: int
    expected: int
    come: int
    capacity: int | None

    @property
    def to_come(self) -> int:
        """How many of the expected have not come yet."""
        return self.expected - self.come

    @property
    def free(self) -> int | None:
        """Places left beside those here and those still expected; None without a capacity."""
        return None if self.capacity is None else self.capacity - self.present - self.to_come


@dataclass(frozen=True, slots=True)
class Arrival:
    """An ``in`` fact that counts, for the list of the last ones in. ``at`` is local to the gathering."""

    fact: str
    registration: str
    person: str
    name: str
    other_script_name: str | None
    class_tail: str
    at: datetime | None
    station: str | None


@dataclass(frozen=True, slots=True)
class DoorGathering:
    """What the door needs to know of its gathering; times are local wall time."""

    id: str
    name: str
    place: str | None
    starts: str | None
    ends: str | None
    zone: str | None
    capacity: int | None
    cancelled: bool


def local_time(at: str | None, zone: str | None) -> datetime | None:
    """The moment of a fact (UTC, ISO 8601) as the clocks at the gathering showed it; UTC for an unknown zone."""
    if not at:
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    try:
        return moment.astimezone(ZoneInfo(zone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return moment
    except OverflowError:  # in another zone it would lie before the first year, or after the last
        return None


def fact_of(row: sa.Row[Any]) -> Fact:
    """A row of the fact table as presence needs it."""
    return Fact(row.id, row.kind, frozenset(texts(row.closes)), row.at, row.station, row.by)


def door_gathering(connection: sa.Connection, tables: Mapping[str, sa.Table], gathering_id: str) -> DoorGathering:
    """The gathering whose door this is. NotFound if it is not here."""
    row = driver.row(connection, "SELECT name, place, starts, ends, time_zone, capacity, status IS 'cancelled' FROM gathering WHERE id = ? AND NOT gone",
                     (gathering_id,))
    if row is None:
        raise NotFound("gathering_not_found", _("There is no such gathering here. It may have been removed meanwhile."))
    name, place, starts, ends, zone, capacity, cancelled = row
    return DoorGathering(gathering_id, name or _("Gathering"), place, starts, ends, zone, capacity, bool(cancelled))


class DoorList:
    """One gathering's people and facts in memory, so that the door answers while somebody types.

    ``refresh`` takes what changed and reads again only what that touches. Made for one thread at a time (the reading
    lane); what it returns never changes afterwards.
    """

    def __init__(self, desk: Desk, gathering_id: str) -> None:
        self._desk = desk
        self._id = gathering_id
        self.refresh()

    def refresh(self, changed: Changed | None = None) -> bool:
        """Read again what ``changed`` touches (everything without it); whether anything was read."""
        touched = None if changed is None else set(changed.tables)
        if touched is not None and not touched & {"gathering", "person", "registration", "fact"}:
            return False
        with self._desk.reading() as connection:
            if touched is None or touched & {"gathering", "person", "registration"}:
                self._read_people(connection)
            self._read_facts(connection)
        self._derive()
        return True

    def _read_people(self, connection: sa.Connection) -> None:
        tables = self._desk.tables
        registration, person = tables["registration"], tables["person"]
        self.gathering = door_gathering(connection, tables, self._id)
        here = sa.select(registration.c.person).where(registration.c.gathering == self._id, ~registration.c.gone)
        rows = connection.execute(sa.select(person).where(person.c.id.in_(here)))
        self._persons = {row.id: row for row in rows}
        self._merged = merged_on(connection)
        if roots := {self.root(one) for one in self._persons if one in self._merged} - self._persons.keys():
            self._persons.update((row.id, row) for row in connection.execute(sa.select(person).where(person.c.id.in_(roots))))
        self._registrations = {row.id: row for row in connection.execute(
            sa.select(registration).where(registration.c.gathering == self._id, ~registration.c.gone))}

    def _read_facts(self, connection: sa.Connection) -> None:
        table = self._desk.tables["fact"]
        chosen = sa.select(table).where(table.c.gathering == self._id, ~table.c.gone, table.c.kind != "badge")
        facts: dict[str, list[Fact]] = defaultdict(list)
        for row in connection.execute(chosen):
            facts[row.registration].append(fact_of(row))
        self._facts = facts

    def root(self, person: str) -> str:
        """The person that this one was merged into in the end; themselves if never merged."""
        return root_of(self._merged, person)

    def _derive(self) -> None:
        by_root: dict[str, list[Fact]] = defaultdict(list)
        for registration, facts in self._facts.items():
            row = self._registrations.get(registration)
            if row is not None:  # a fact counts once its registration has arrived
                by_root[self.root(row.person)].extend(facts)
        self._by_root = by_root
        together: dict[str, list[sa.Row[Any]]] = defaultdict(list)
        for row in self._registrations.values():
            together[self.root(row.person) if row.person else row.id].append(row)
        for root, rows in together.items():
            rows.sort(key=lambda row: (row.person != root, row.id))
        self._entries = {row.id: rows for rows in together.values() for row in rows}
        self._answers = {root: _answered(root, rows) for root, rows in together.items() if len(rows) > 1}
        self.hits = {row.id: self._on_the_list(row) for row in self._registrations.values()}
        # Of each human the one that stands for them: somebody may be on the list under several entries that were merged.
        self._lines = {rows[0].id: self.hits[rows[0].id] for rows in together.values()}
        self._findables = [self._findable(hit) for hit in self._lines.values()]

    def _shown(self, row: sa.Row[Any]) -> sa.Row[Any] | None:
        """The person as whom somebody on the list is known: the entry that stands for them, or their own where that is not here (any more)."""
        root = self.root(row.person)
        person = self._persons.get(root)
        return self._persons.get(row.person) if person is None or (person.gone and root != row.person) else person

    def _on_the_list(self, row: sa.Row[Any]) -> DoorHit:
        person, entries = self._shown(row), self._entries[row.id]

        def said(name: str) -> Any:
            return getattr(row, name) if len(entries) == 1 else next((value for one in entries if (value := getattr(one, name))), None)

        hosts = self._entries.get(said("host"), entries)
        host = hosts[0] if hosts is not entries else None  # a guest and their host may be one by now
        host_person = self._shown(host) if host is not None else None
        facts = self._by_root.get(self.root(row.person), [])
        ins = tuple(open_ins(facts))
        answer, answered_at = self._answers.get(self.root(row.person), (row.status, row.answered_at))
        if ins:
            status = DoorStatus.IN
        elif has_left(facts):
            status = DoorStatus.LEFT
        else:
            status = {"cancelled": DoorStatus.CANCELLED, "no": DoorStatus.DECLINED,
                      "waitlisted": DoorStatus.WAITLISTED}.get(answer or "", DoorStatus.EXPECTED)  # fmt: skip
        hit = _hit(person, row.id, row.person, status)
        first = ins[0] if ins else None
        return replace(
            hit, registration=row.id, name=said("badge_name") or hit.name, table_name=said("table_name"),
            class_tail=said("badge_tail") or hit.class_tail, host=host.id if host is not None else None,
            host_name=_name_and_tail(host_person) if host_person is not None else None,
            rsvp=answer, answered_at=answered_at, walk_in=bool(row.walk_in), code=row.code,
            door_note=said("door_note") or hit.door_note, ins=ins,
            at=local_time(first.at, self.gathering.zone) if first else None,
            station=first.station if first else None, by=first.by if first else None)  # fmt: skip

    def _findable(self, hit: DoorHit) -> Findable:
        entries = self._entries[hit.key]
        people = [one for one in (self._shown(entries[0]), *(self._persons.get(row.person) for row in entries)) if one is not None]
        host = self._entries[hit.host][0] if hit.host else None
        return _findable(hit, list({one.id: one for one in people}.values()), self._shown(host) if host is not None else None)

    def find(self, text: str, limit: int = 50) -> DoorHits:
        """Whom a typed text or a scanned code means: guests, then members who did not sign up."""
        code = read_badge_code(text)
        if code is not None:
            found = tuple(hit for hit in self.hits.values() if hit.code == code) or self._formerly(code)
            return DoorHits(text, found, found[0] if len(found) == 1 else None, code=code)
        meant = self._meant(text, limit)
        if not meant.hits and (plain := naming.without_titles(text)) != text:  # “Dr. Anna Weber”: nobody is looked up by a title
            meant = replace(self._meant(plain, limit), text=text)
        return meant

    def _meant(self, text: str, limit: int) -> DoorHits:
        members = self._members_not_on_the_list(text)
        everyone = self.hits | {hit.key: hit for hit, _row in members}
        ranked = rank([*self._findables, *(_findable(hit, [row], None) for hit, row in members)], text, limit)
        return DoorHits(text, tuple(everyone[key] for key in ranked.keys),
                        everyone[ranked.certain] if ranked.certain else None, ranked.namesakes)  # fmt: skip

    def _formerly(self, code: str) -> tuple[DoorHit, ...]:
        with self._desk.reading() as connection:
            return tuple(self.hits[one] for one in formerly(connection, self._id, code) if one in self.hits)

    def _members_not_on_the_list(self, text: str) -> list[tuple[DoorHit, sa.Row[Any]]]:
        if not words(text):
            return []
        listed = {self.root(row.person) for row in self._registrations.values()} | {r.person for r in self._registrations.values()}
        table = self._desk.tables["person"]
        with self._desk.reading() as connection:
            found = find_people(connection, text, MEMBERS_NOT_ON_THE_LIST + 50, standing="member").ids
            ids = [i for i in found if i not in listed][:MEMBERS_NOT_ON_THE_LIST]
            rows = connection.execute(sa.select(table).where(
                table.c.id.in_(ids), ~table.c.gone, table.c.merged_into.is_(None))).all() if ids else []
        return [(_hit(row, row.id, row.id, DoorStatus.NOT_ON_THE_LIST), row) for row in rows]

    def present(self) -> list[DoorHit]:
        """Everybody who is here, one row a registration."""
        return [hit for hit in self.hits.values() if hit.here]

    def guests_of(self, registration: str) -> list[DoorHit]:
        """Who comes with this guest, by name."""
        host = next((row.id for row in self._entries.get(registration, ())), registration)
        return sorted((hit for hit in self._lines.values() if hit.host == host), key=lambda hit: (hit.name, hit.key))

    def parties(self) -> dict[str, list[DoorHit]]:
        """Who comes with whom: guests by the registration of their host, each party by name."""
        found: dict[str, list[DoorHit]] = defaultdict(list)
        for hit in self._lines.values():
            if hit.host:
                found[hit.host].append(hit)
        return {host: sorted(party, key=lambda hit: (hit.name, hit.key)) for host, party in found.items()}

    def namesakes_of(self, hit: DoorHit) -> list[DoorHit]:
        """The others on the list who are called the same."""
        name = rank_name(hit.name)
        return [other for other in self._lines.values()
                if self.root(other.person) != self.root(hit.person) and name and rank_name(other.name) == name]  # fmt: skip

    def headcount(self) -> Headcount:
        """How many distinct people are registered, here, out and to come."""
        people: dict[str, list[DoorHit]] = defaultdict(list)
        for hit in self.hits.values():
            people[self.root(hit.person)].append(hit)
        counts: Counter[str] = Counter()
        for hits in people.values():
            here = any(h.status is DoorStatus.IN for h in hits)
            left = not here and any(h.status is DoorStatus.LEFT for h in hits)
            walk_in = all(h.walk_in for h in hits)
            counts["present"] += here
            counts["out"] += left
            if walk_in:
                counts["walk_ins"] += here or left
                continue
            counts["registered"] += here or left or any(h.rsvp not in ("no", "cancelled") for h in hits)
            counts["come"] += here or left
            counts["expected"] += here or left or any(h.rsvp == "yes" for h in hits)
        return Headcount(counts["registered"], counts["present"], counts["out"], counts["walk_ins"], counts["expected"],
                         counts["come"], self.gathering.capacity)  # fmt: skip

    def last_in(self, limit: int = 5) -> list[Arrival]:
        """The newest arrivals that count, newest first, each person once."""
        newest = [(hit.ins[-1], hit) for hit in self._one_each() if hit.here]
        newest.sort(key=lambda pair: (pair[0].at or "", pair[0].id), reverse=True)
        return [Arrival(fact.id, hit.registration or "", hit.person, hit.name, hit.other_script_name, hit.class_tail,
                        local_time(fact.at, self.gathering.zone), fact.station) for fact, hit in newest[:limit]]  # fmt: skip

    def arrivals(self) -> list[tuple[datetime, int]]:
        """How many people came in each five minutes, from the first to the last that had any."""
        counts: Counter[datetime] = Counter()
        for hit in self._one_each():
            if hit.at is not None:
                counts[hit.at.replace(minute=hit.at.minute - hit.at.minute % 5, second=0, microsecond=0)] += 1
        if not counts:
            return []
        start, end = min(counts), max(counts)
        steps = min(int((end - start) / FIVE_MINUTES), 12 * 24)
        return [(start + i * FIVE_MINUTES, counts[start + i * FIVE_MINUTES]) for i in range(steps + 1)]

    def stations(self) -> list[tuple[str, int]]:
        """How many of the people here each station let in; whom two let in counts at the first."""
        counts = Counter(hit.station or "" for hit in self._one_each() if hit.here)
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))

    def _one_each(self) -> Iterable[DoorHit]:
        return {self.root(hit.person): hit for hit in self.hits.values()}.values()


def rank_name(name: str) -> tuple[str, ...]:
    """What two people must share to be namesakes."""
    return findable("", name).name


def _name_and_tail(person: Any) -> str:
    return " ".join(part for part in (naming.display_name(person), naming.class_tail(person)) if part)


def _is_named(person: sa.Row[Any] | None) -> bool:
    return person is not None and any((person.preferred_name, person.first_name, person.last_name, person.other_script_name))


def _hit(person: sa.Row[Any] | None, key: str, person_id: str, status: DoorStatus) -> DoorHit:
    return DoorHit(
        key=key, registration=None, person=person_id,
        name=naming.display_name(person) if _is_named(person) else naming.no_name(person),
        other_script_name=person.other_script_name if person is not None else None,
        class_tail=naming.class_tail(person) if person is not None else "",
        disc=naming.disc(person) if person is not None else "", city=person.city if person is not None else None,
        table_name=None, host=None, host_name=None, status=status, rsvp=None, answered_at=None, walk_in=False,
        door_note=person.door_note if person is not None else None,
        pronunciation=person.pronunciation if person is not None else None, code=None)  # fmt: skip


def _findable(hit: DoorHit, people: Sequence[sa.Row[Any]], host: sa.Row[Any] | None) -> Findable:
    """``people``: as whom somebody is known; first the entry that stands for them, whose name is shown."""
    order = _ORDER[hit.status]
    if not people:
        return findable(hit.key, "", [hit.name], order=order)
    return findable(hit.key, hit.name if _is_named(people[0]) else "", [name for one in people for name in _all_names(one)],
                    host_names=_all_names(host) if host is not None else (), class_years=[one.class_year for one in people],
                    phones=[number for one in people for number in (one.mobile, one.phone)], order=order)  # fmt: skip


def _all_names(person: sa.Row[Any]) -> list[str | None]:
    return [person.first_name, person.middle_name, person.last_name, person.preferred_name, person.other_script_name,
            *texts(person.former_names), *written_as_one(person.first_name, person.last_name),
            *written_as_one(person.preferred_name, person.last_name)]  # fmt: skip


def _answered(root: str, rows: Iterable[sa.Row[Any]]) -> tuple[str, str | None]:
    """What somebody who is on the list under several entries answered, and when."""
    said = sorted(((row.person == root, row.status or "invited", row.answered_at) for row in rows), key=lambda one: not one[0])
    answer = answer_of([(own, status) for own, status, _at in said])
    return answer, next(at for _own, status, at in said if status == answer)


def find_at_door(desk: Desk, gathering_id: str, text: str, limit: int = 50) -> DoorHits:
    """Whom a typed text or a scanned code means at this gathering's door; a page keeps a ``DoorList`` instead."""
    return DoorList(desk, gathering_id).find(text, limit)


def headcount(desk: Desk, gathering_id: str) -> Headcount:
    """How many distinct people are registered, here, out and to come."""
    return DoorList(desk, gathering_id).headcount()


def last_in(desk: Desk, gathering_id: str, limit: int = 5) -> list[Arrival]:
    """The newest arrivals that count, newest first."""
    return DoorList(desk, gathering_id).last_in(limit)


def arrivals(desk: Desk, gathering_id: str) -> list[tuple[datetime, int]]:
    """How many people came in each five minutes (local time)."""
    return DoorList(desk, gathering_id).arrivals()


def stations(desk: Desk, gathering_id: str) -> list[tuple[str, int]]:
    """How many of the people here each station let in."""
    return DoorList(desk, gathering_id).stations()
