"""What screens and papers show of gatherings and their guests: small frozen rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, NotFound
from alumni_desk.gatherings.counts import Inside, answer_of, answers_once, inside
from alumni_desk.gatherings.fields import counted_end, is_crossed
from alumni_desk.members import naming
from alumni_desk.members.roots import merged_on, root_of
from alumni_desk.protocol.wall_times import local_now
from alumni_desk.store.at_door import awaits_first_sync, is_at_door, nothing_fetched
from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import texts
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
    inside: Inside | None = None  # while it goes on and anybody has come
    listed: bool = False  # somebody is on the list, whatever they answered

    @property
    def last_minute(self) -> str:
        """When it is over, as far as is known: its end, else the end of its day."""
        return counted_end(self.starts, self.ends) or f"{self.starts[:10]}T23:59"

    @property
    def crossed(self) -> bool:
        """Whether it ends before it starts."""
        return is_crossed(self.starts, self.ends)

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
    gone: bool = False  # the person was erased or moved away: no name is to come
    came: bool = False  # they were checked in, and may have gone out again
    others: tuple[str, ...] = ()  # registrations of entries that were merged: this line stands for them, too
    typed: bool = False  # the name was typed for this gathering's badge, and is not the member's own


def gathering_rows(desk: Desk) -> list[GatheringRow]:
    """Every gathering, the soonest first."""
    table = desk.tables["gathering"]
    with desk.reading() as connection:
        rows = connection.execute(sa.select(table).where(~table.c.gone).order_by(table.c.starts, table.c.name, table.c.id)).all()
        answers, came = _answers(connection, desk, None), _came(connection, desk, None)
        listed = [_row(row, answers.get(row.id, Counter()), came.get(row.id, 0)) for row in rows]
        now = desk.now()
        within = inside(connection, [row.id for row in listed if row.came and not row.cancelled and not row.is_over(now)])
    return [replace(row, inside=within[row.id]) if row.id in within else row for row in listed]


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
    asked, sign = words(query), query.strip()  # a sign that is no word is looked for as it is
    found = []
    for row in rows:
        there = words(" ".join(part for part in (row.name, row.place, row.city, (row.starts or "")[:4]) if part))
        if all(any(word.startswith(one) for word in there) for one in asked) if asked else sign in f"{row.name} {row.place} {row.city}":
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
    """Everybody on a list by name, each guest of somebody directly under their host; entries that were merged are one line."""
    registration, person = desk.tables["registration"], desk.tables["person"]
    chosen = sa.select(registration).where(registration.c.gathering == gathering_id, ~registration.c.gone)
    with desk.reading() as connection:
        rows = connection.execute(chosen).all()
        merged = merged_on(connection)
        listed = sa.select(registration.c.person).where(registration.c.gathering == gathering_id, ~registration.c.gone)
        shown = sa.select(*(person.c[name] for name in _SHOWN))
        people = {row.id: row for row in connection.execute(shown.where(person.c.id.in_(listed)))}
        roots = {root_of(merged, one) for one in people if one in merged} - people.keys()
        if roots:
            people.update((row.id, row) for row in connection.execute(shown.where(person.c.id.in_(roots))))
        facts = _facts(connection, desk, gathering_id)
    together: dict[str, list[sa.Row[Any]]] = {}
    for row in rows:
        together.setdefault(root_of(merged, row.person or row.id), []).append(row)
    guests: dict[str, GuestRow] = {}
    line: dict[str, str] = {}  # of each registration: the one whose line it is
    for root, entries in together.items():
        entries.sort(key=lambda row: (row.person != root, row.id))
        guest = _guest(entries, people, root, facts)
        guests[guest.registration] = guest
        line.update(dict.fromkeys((row.id for row in entries), guest.registration))
    whole = [_hosted(guest, guests, line) for guest in guests.values()]
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
        unfetched, door = not rows and awaits_first_sync(connection), is_at_door(connection)
    if unfetched:
        raise NotFound("gathering_not_fetched", nothing_fetched())
    if any(row.id == wanted for row in rows):
        return wanted
    if wanted.casefold() in ("next", _("next")):
        moment = now or desk.now().astimezone()
        for row in rows:
            if row.status != "cancelled" and row.starts and _over_at(row) >= local_now(moment, row.time_zone):
                return str(row.id)
        raise NotFound("no_next_gathering", _("No gathering is ahead. Say which by its name.") if door else
                       _("No gathering is ahead. Plan one, or say which by its name."))
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


def _over_at(row: Any) -> str:
    if ends := counted_end(row.starts, row.ends):
        # A party that runs late is still the one at whose door they stand.
        return (datetime.fromisoformat(ends) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    return f"{row.starts[:10]}T23:59"


def _row(row: Any, answers: Counter[str], came: int) -> GatheringRow:
    return GatheringRow(
        id=row.id, name=row.name or _("Gathering"), kind=row.kind or "other", mode=row.mode or "in_person", place=row.place, address=row.address,
        city=row.city, online_link=row.online_link, starts=row.starts or "", ends=row.ends, time_zone=row.time_zone or "UTC", capacity=row.capacity,
        cancelled=row.status == "cancelled", cancelled_reason=row.cancelled_reason, description=row.description, coming=answers["yes"],
        maybe=answers["maybe"], not_answered=answers["invited"], not_coming=answers["no"] + answers["cancelled"], came=came,
        listed=any(answers.values()))


def _answers(connection: sa.Connection, desk: Desk, gathering_id: str | None) -> dict[str, Counter[str]]:
    table = desk.tables["registration"]
    chosen = sa.select(table.c.gathering, table.c.status, sa.func.count()).where(~table.c.gone).group_by(table.c.gathering, table.c.status)
    if gathering_id is not None:
        chosen = chosen.where(table.c.gathering == gathering_id)
    found: dict[str, Counter[str]] = {}
    for where, status, count in connection.execute(chosen):
        found.setdefault(where, Counter())[status or "invited"] += count
    answers_once(connection, found)
    return found


def _came(connection: sa.Connection, desk: Desk, gathering_id: str | None) -> dict[str, int]:
    fact = desk.tables["fact"]
    chosen = sa.select(fact.c.id, fact.c.gathering, fact.c.kind, fact.c.registration, fact.c.person, fact.c.closes).where(
        fact.c.kind.in_(("in", "void")), ~fact.c.gone)
    if gathering_id is not None:
        chosen = chosen.where(fact.c.gathering == gathering_id)
    rows = connection.execute(chosen).all()
    taken_back = {one for row in rows if row.kind == "void" for one in texts(row.closes)}
    people: dict[str, set[str]] = {}
    merged = merged_on(connection)
    for row in rows:
        if row.kind == "in" and row.id not in taken_back:
            people.setdefault(row.gathering, set()).add(root_of(merged, row.person or row.registration))
    return {where: len(who) for where, who in people.items()}


class _Facts(NamedTuple):
    """Registrations: of who is in now, of who has come, and those whose badge was printed."""

    inside: set[str]
    came: set[str]
    printed: set[str]


def _facts(connection: sa.Connection, desk: Desk, gathering_id: str) -> _Facts:
    fact = desk.tables["fact"]
    rows = connection.execute(sa.select(fact.c.id, fact.c.kind, fact.c.registration, fact.c.closes).where(fact.c.gathering == gathering_id, ~fact.c.gone)).all()
    void = {one for row in rows if row.kind == "void" for one in texts(row.closes)}
    closed = void | {one for row in rows if row.kind == "out" for one in texts(row.closes)}
    return _Facts({row.registration for row in rows if row.kind == "in" and row.id not in closed},
                  {row.registration for row in rows if row.kind == "in" and row.id not in void},
                  {row.registration for row in rows if row.kind == "badge" and row.id not in closed})


_SHOWN = ("id", "first_name", "last_name", "preferred_name", "other_script_name", "class_year", "badge_tail", "constituent_codes", "city", "email", "standing",
          "door_note", "gone")
"""What a list shows of a person."""
_NOBODY = naming.Called("", None, None, None, None, None)


def _guest(entries: Sequence[sa.Row[Any]], people: Mapping[str, Any], root: str, facts: _Facts) -> GuestRow:
    """One line of a list. ``entries``: the registrations of one person, that of the entry which stands for them first."""
    row = entries[0]
    person = people.get(root)
    if person is None or (person.gone and root != row.person):
        person = people.get(row.person)  # who stands for them is not here (any more): what the list itself has

    def said(name: str) -> Any:
        return next((value for one in entries if (value := getattr(one, name))), None)

    status = answer_of([(one.person == root, one.status) for one in entries])
    typed = said("badge_name")
    name = typed or (naming.display_name(person) if person is not None else "")
    tail = " ".join(part for part in (naming.short_year(person.class_year if person is not None else None),
                                      (said("badge_tail") or (person.badge_tail if person is not None else None) or "").replace("'", "’")) if part)
    it = person if person is not None else _NOBODY
    return GuestRow(
        registration=row.id, person=(person.id if person is not None else row.person) or "", name=name or naming.no_name(person), named=bool(name),
        other_script_name=it.other_script_name, first_name=it.first_name, last_name=it.last_name, class_tail=tail, class_year=it.class_year,
        disc=naming.disc(it), city=person.city if person is not None else None, email=person.email if person is not None else None,
        standing=(person.standing if person is not None else None) or "guest", status=status,
        answered_at=next(one.answered_at for one in entries if (one.status or "invited") == status), host=said("host"), host_name=None,
        table_name=said("table_name"), meal=said("meal"), code=row.code, walk_in=all(one.walk_in for one in entries),
        door_note=said("door_note") or (person.door_note if person is not None else None), checked_in=any(one.id in facts.inside for one in entries),
        badge_printed=any(one.id in facts.printed for one in entries), sort=naming.sort_key(it),
        gone=person is not None and (bool(person.gone) or person.standing == "moved"), came=any(one.id in facts.came for one in entries),
        others=tuple(one.id for one in entries[1:]), typed=bool(typed))


def _hosted(guest: GuestRow, guests: Mapping[str, GuestRow], line: Mapping[str, str]) -> GuestRow:
    if not guest.host:
        return guest
    host = line.get(guest.host, guest.host)
    if host == guest.registration:  # the guest and the host were one person
        return replace(guest, host=None)
    return replace(guest, host=host, host_name=guests[host].name if host in guests else None)
