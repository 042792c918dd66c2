"""What screens and papers show of gatherings and their guests: small frozen rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, NotFound
from alumni_desk.members import naming
from alumni_desk.store.desk import Desk
from alumni_desk.store.search import fold, words
from alumni_desk.words import _


@dataclass(frozen=True, slots=True)
class GatheringRow:
    """A gathering in a list. Times are local wall time at it, ``YYYY-MM-DDTHH:MM``."""

    id: str
    name: str
    kind: str
    mode: str
    place: str | None
    address: str | None
    city: str | None
    online_link: str | None
    starts: str
    ends: str | None
    time_zone: str
    capacity: int | None
    cancelled: bool
    cancelled_reason: str | None
    description: str | None
    coming: int
    maybe: int
    not_answered: int
    not_coming: int
    came: int  # distinct people who were checked in and not taken back

    @property
    def last_minute(self) -> str:
        """When it is over, as far as is known: its end, else the end of its day."""
        return self.ends or f"{self.starts[:10]}T23:59"

    def is_over(self, now: datetime) -> bool:
        """Whether it is over at a moment (aware), by the clocks at the gathering."""
        return self.last_minute < local_now(now, self.time_zone)


@dataclass(frozen=True, slots=True)
class GuestRow:
    """Somebody on a gathering's list."""

    registration: str
    person: str
    name: str
    named: bool
    other_script_name: str | None
    first_name: str | None
    last_name: str | None
    class_tail: str
    class_year: int | None
    disc: str
    city: str | None
    email: str | None
    standing: str
    status: str
    answered_at: str | None
    host: str | None
    host_name: str | None
    table_name: str | None
    meal: str | None
    code: str | None
    walk_in: bool
    door_note: str | None
    checked_in: bool
    badge_printed: bool
    sort: tuple[str, str]


def gathering_rows(desk: Desk) -> list[GatheringRow]:
    """Every gathering, the soonest first."""
    table = desk.tables["gathering"]
    with desk.reading() as connection:
        rows = connection.execute(sa.select(table).where(~table.c.gone).order_by(table.c.starts, table.c.name, table.c.id)).all()
        answers, came = _answers(connection, desk, None), _came(connection, desk, None)
    return [_row(row, answers.get(row.id, Counter()), came.get(row.id, 0)) for row in rows]


@dataclass(frozen=True, slots=True)
class FoundGathering:
    """A gathering that somebody looks for."""

    id: str
    name: str
    starts: str
    cancelled: bool


def find_gatherings(desk: Desk, query: str) -> list[FoundGathering]:
    """Gatherings whose name or place has words that begin as typed, in any order; the newest first."""
    table = desk.tables["gathering"]
    with desk.reading() as connection:
        rows = connection.execute(sa.select(table.c.id, table.c.name, table.c.starts, table.c.status, table.c.place, table.c.city).where(
            ~table.c.gone).order_by(table.c.starts.desc(), table.c.id)).all()
    asked = words(query)
    found = []
    for row in rows:
        there = words(" ".join(part for part in (row.name, row.place, row.city, (row.starts or "")[:4]) if part))
        if all(any(word.startswith(one) for word in there) for one in asked):
            found.append(FoundGathering(row.id, row.name or "", row.starts or "", row.status == "cancelled"))
    return found


def gathering(desk: Desk, gathering_id: str) -> GatheringRow:
    """One gathering. Raises NotFound."""
    table = desk.tables["gathering"]
    with desk.reading() as connection:
        row = connection.execute(sa.select(table).where(table.c.id == gathering_id, ~table.c.gone)).first()
        if row is None:
            raise NotFound("gathering_not_found", _("There is no such gathering here. It may have been removed meanwhile."))
        return _row(row, _answers(connection, desk, gathering_id).get(gathering_id, Counter()), _came(connection, desk, gathering_id).get(gathering_id, 0))


def guest_rows(desk: Desk, gathering_id: str, *, statuses: Iterable[str] | None = None) -> list[GuestRow]:
    """Everybody on a list by name, each guest of somebody directly under their host."""
    registration, person = desk.tables["registration"], desk.tables["person"]
    people = [person.c[name].label(f"person_{name}") for name in ("first_name", "last_name", "preferred_name", "other_script_name", "class_year", "badge_tail",
                                                                 "constituent_codes", "city", "email", "standing", "door_note", "gone")]
    chosen = sa.select(registration, *people).join(person, person.c.id == registration.c.person, isouter=True)
    with desk.reading() as connection:
        rows = connection.execute(chosen.where(registration.c.gathering == gathering_id, ~registration.c.gone)).all()
        inside, printed = _facts(connection, desk, gathering_id)
    guests = {row.id: _guest(row, row.id in inside, row.id in printed) for row in rows}
    named = {one: guest.name for one, guest in guests.items()}
    whole = [_hosted(guest, named) for guest in guests.values()]
    wanted = None if statuses is None else set(statuses)
    whole = [guest for guest in whole if wanted is None or guest.status in wanted]
    by_id = {guest.registration: guest for guest in whole}

    def place(guest: GuestRow) -> tuple[Any, ...]:
        host = by_id.get(guest.host or "")
        return (*(host or guest).sort, (host or guest).registration, host is not None, not guest.named, *guest.sort, guest.registration)

    return sorted(whole, key=place)


def resolve(desk: Desk, text: str, *, now: datetime | None = None) -> str:
    """The id of the gathering that a text means: an id, a unique name or its beginning, or ``next``. Raises NotFound or Ambiguous.

    ``next``: the one that runs now or comes soonest and was not cancelled.
    """
    wanted = text.strip()
    table = desk.tables["gathering"]
    with desk.reading() as connection:
        rows = connection.execute(sa.select(table.c.id, table.c.name, table.c.starts, table.c.ends, table.c.time_zone, table.c.status).where(
            ~table.c.gone).order_by(table.c.starts)).all()
    if any(row.id == wanted for row in rows):
        return wanted
    if wanted.casefold() in ("next", _("next")):
        moment = now or datetime.now().astimezone()
        for row in rows:
            if row.status != "cancelled" and row.starts and _over_at(row) >= local_now(moment, row.time_zone):
                return str(row.id)
        raise NotFound("no_next_gathering", _("No gathering is ahead. Plan one, or say which by its name."))
    asked = fold(wanted)
    exact = [row for row in rows if fold(row.name or "") == asked]
    begins = [row for row in rows if asked and fold(row.name or "").startswith(asked)]
    found = exact or begins or [row for row in rows if asked and asked in fold(row.name or "")]
    if len(found) == 1:
        return str(found[0].id)
    if not found:
        raise NotFound("gathering_not_found", _("No gathering is called “{text}”."), text=wanted)
    names = ", ".join(f"{row.name} ({(row.starts or '')[:10]}, {row.id})" for row in found[:5])
    raise Ambiguous("several_gatherings", _("“{text}” may be {names}. Use the id."), text=wanted, names=names, candidates=[row.id for row in found])


def chapter_zone(desk: Desk) -> str | None:
    """The chapter's own time zone, if it is known."""
    chapter = desk.tables["chapter"]
    with desk.reading() as connection:
        return connection.execute(sa.select(chapter.c.time_zone).where(~chapter.c.gone).limit(1)).scalar()


def local_now(moment: datetime, zone: str | None) -> str:
    """A moment (aware) by the clocks of a zone, as wall times are kept."""
    try:
        there = ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        there = ZoneInfo("UTC")
    return moment.astimezone(there).strftime("%Y-%m-%dT%H:%M")


def _over_at(row: Any) -> str:
    if row.ends:
        # A party that runs late is still the one at whose door they stand.
        return (datetime.fromisoformat(row.ends) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    return f"{row.starts[:10]}T23:59"


def _row(row: Any, answers: Counter[str], came: int) -> GatheringRow:
    return GatheringRow(
        id=row.id, name=row.name or _("Gathering"), kind=row.kind or "other", mode=row.mode or "in_person", place=row.place, address=row.address,
        city=row.city, online_link=row.online_link, starts=row.starts or "", ends=row.ends, time_zone=row.time_zone or "UTC", capacity=row.capacity,
        cancelled=row.status == "cancelled", cancelled_reason=row.cancelled_reason, description=row.description, coming=answers["yes"],
        maybe=answers["maybe"], not_answered=answers["invited"], not_coming=answers["no"] + answers["cancelled"], came=came)


def _answers(connection: sa.Connection, desk: Desk, gathering_id: str | None) -> dict[str, Counter[str]]:
    table = desk.tables["registration"]
    chosen = sa.select(table.c.gathering, table.c.status, sa.func.count()).where(~table.c.gone).group_by(table.c.gathering, table.c.status)
    if gathering_id is not None:
        chosen = chosen.where(table.c.gathering == gathering_id)
    found: dict[str, Counter[str]] = {}
    for where, status, count in connection.execute(chosen):
        found.setdefault(where, Counter())[status or "invited"] += count
    return found


def _came(connection: sa.Connection, desk: Desk, gathering_id: str | None) -> dict[str, int]:
    fact = desk.tables["fact"]
    chosen = sa.select(fact.c.id, fact.c.gathering, fact.c.kind, fact.c.registration, fact.c.person, fact.c.closes).where(
        fact.c.kind.in_(("in", "void")), ~fact.c.gone)
    if gathering_id is not None:
        chosen = chosen.where(fact.c.gathering == gathering_id)
    rows = connection.execute(chosen).all()
    taken_back = {one for row in rows if row.kind == "void" and row.closes for one in json.loads(row.closes)}
    people: dict[str, set[str]] = {}
    for row in rows:
        if row.kind == "in" and row.id not in taken_back:
            people.setdefault(row.gathering, set()).add(row.person or row.registration)
    return {where: len(who) for where, who in people.items()}


def _facts(connection: sa.Connection, desk: Desk, gathering_id: str) -> tuple[set[str], set[str]]:
    """The registrations that are in now, and those whose badge was printed."""
    fact = desk.tables["fact"]
    rows = connection.execute(sa.select(fact.c.id, fact.c.kind, fact.c.registration, fact.c.closes).where(fact.c.gathering == gathering_id, ~fact.c.gone)).all()
    closed = {one for row in rows if row.kind in ("out", "void") and row.closes for one in json.loads(row.closes)}
    return ({row.registration for row in rows if row.kind == "in" and row.id not in closed},
            {row.registration for row in rows if row.kind == "badge" and row.id not in closed})


class _Person:
    def __init__(self, row: Any) -> None:
        for name in ("first_name", "last_name", "preferred_name", "other_script_name", "class_year", "badge_tail", "constituent_codes", "standing", "gone"):
            setattr(self, name, getattr(row, f"person_{name}"))


def _guest(row: Any, inside: bool, printed: bool) -> GuestRow:
    person = _Person(row)
    name = row.badge_name or naming.display_name(person)
    tail = " ".join(part for part in (naming.short_year(row.person_class_year), (row.badge_tail or row.person_badge_tail or "").replace("'", "’")) if part)
    return GuestRow(
        registration=row.id, person=row.person or "", name=name or naming.no_name(person), named=bool(name), other_script_name=row.person_other_script_name,
        first_name=row.person_first_name, last_name=row.person_last_name, class_tail=tail, class_year=row.person_class_year, disc=naming.disc(person),
        city=row.person_city, email=row.person_email, standing=row.person_standing or "guest", status=row.status or "invited", answered_at=row.answered_at,
        host=row.host, host_name=None, table_name=row.table_name, meal=row.meal, code=row.code, walk_in=bool(row.walk_in),
        door_note=row.door_note or row.person_door_note, checked_in=inside, badge_printed=printed, sort=naming.sort_key(person))


def _hosted(guest: GuestRow, named: dict[str, str]) -> GuestRow:
    from dataclasses import replace

    return replace(guest, host_name=named.get(guest.host)) if guest.host else guest
