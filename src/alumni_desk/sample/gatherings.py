"""The sample's gatherings: who was invited, who answered, who came when, who brought whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.codes import badge_code
from alumni_desk.sample.people import Maker

AT_HOME = ((12, 24), (12, 25), (12, 26), (12, 31), (1, 1))
"""Days on which no chapter meets."""

STATIONS = ("Main door", "Side door")


@dataclass
class Held:
    """Rows of one gathering."""

    gathering: dict[str, Any]
    guests: list[dict[str, Any]] = field(default_factory=list)  # persons that are no members
    registrations: list[dict[str, Any]] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)


def make_gatherings(maker: Maker, members: list[dict[str, Any]]) -> list[Held]:
    """The year round ``today``: what was, and what is ahead."""
    able = [row for row in members if not row["deceased"] and "do_not_contact" not in (row["solicit_codes"] or "")]
    return [_gathering(maker, number, plan, able) for number, plan in enumerate(maker.lists["gatherings"])]


def _gathering(maker: Maker, number: int, plan: list[Any], able: list[dict[str, Any]]) -> Held:
    offset, name, kind, venue, capacity, starts, ends = plan
    day = maker.today + timedelta(days=offset)
    while (day.month, day.day) in AT_HOME:
        day += timedelta(days=1 if offset >= 0 else -1)
    place = maker.lists["venues"][venue] if venue is not None else None
    gathering_id = maker.id("gathering", number)
    held = Held({
        "id": gathering_id, "name": name, "kind": kind, "mode": "in_person" if place else "online", "place": place[0] if place else None,
        "address": place[1] if place else None, "city": place[2] if place else None,
        "online_link": None if place else "https://example.org/webinar", "starts": f"{day}T{starts}", "ends": f"{day}T{ends}",
        "time_zone": maker.lists["time_zone"], "capacity": capacity, "status": "planned", "description": None})
    if offset > 60:
        return held  # invitations have not gone out
    # Of those invited a fifth comes, as chapters find; nearby people sooner than others.
    invited = maker.random.sample(able, min(len(able), int((capacity or 90) * 1.9)))
    door = datetime.combine(day, time.fromisoformat(starts), ZoneInfo(maker.lists["time_zone"]))
    for row in invited:
        _invite(maker, held, row, offset, door)
    if offset < 0:
        for guest in range(maker.random.randint(1, 4)):
            _walk_in(maker, held, guest, door)
    return held


def _invite(maker: Maker, held: Held, row: dict[str, Any], offset: int, door: datetime) -> None:
    random = maker.random
    room = sum(one["status"] == "yes" for one in held.registrations) < (held.gathering["capacity"] or 90)
    ahead = (0.48, 0.08, 0.17, 0.27) if offset < 0 else (0.42, 0.09, 0.14, 0.35) if offset < 14 else (0.2, 0.06, 0.06, 0.68)
    status = random.choices(("yes", "maybe", "no", "invited"), ahead)[0]
    if status == "yes" and not room:
        status = "waitlisted" if offset >= 0 else "no"
    registration = _register(maker, held, row["id"], status, _answered(maker, door))
    if status == "yes" and random.random() < 0.17:
        _bring(maker, held, registration, door, offset)
    if offset < 0 and random.random() < {"yes": 0.8, "maybe": 0.35, "invited": 0.04, "no": 0.02, "waitlisted": 0.1}[status]:
        _come(maker, held, registration, row["id"], door)


def _answered(maker: Maker, door: datetime) -> datetime:
    """When an answer came: some days before the gathering, and not in the future."""
    latest = min(door, datetime.combine(maker.today, time(), door.tzinfo))
    return latest - timedelta(days=maker.random.randint(3, 28), hours=maker.random.randint(0, 20))


def _register(maker: Maker, held: Held, person: str, status: str, answered: datetime, **fields: Any) -> str:
    registration = registration_id(held.gathering["id"], person)
    held.registrations.append({
        "id": registration, "gathering": held.gathering["id"], "person": person, "host": None, "status": status,
        "answered_at": None if status == "invited" else _moment(answered), "code": badge_code(maker.random.choice),
        "table_name": f"{maker.random.randint(1, 12)}" if held.gathering["kind"] == "dinner" else None, "walk_in": False, **fields})
    return registration


def _bring(maker: Maker, held: Held, host: str, door: datetime, offset: int) -> None:
    """Somebody brings a guest, whose name may still be to come."""
    random = maker.random
    person = maker.id("guest", held.gathering["id"], len(held.guests))
    named = offset < 0 or random.random() < 0.7
    names = maker.lists["peoples"][0]
    held.guests.append(_guest(person, random.choice(names["first"]) if named else None, random.choice(names["last"]) if named else None))
    registration = _register(maker, held, person, "yes", _answered(maker, door), host=host)
    if offset < 0 and random.random() < 0.75:
        _come(maker, held, registration, person, door)


def _walk_in(maker: Maker, held: Held, number: int, door: datetime) -> None:
    names = maker.lists["peoples"][0]
    person = maker.id("walk-in", held.gathering["id"], number)
    held.guests.append(_guest(person, maker.random.choice(names["first"]), maker.random.choice(names["last"])))
    _come(maker, held, _register(maker, held, person, "yes", door, walk_in=True), person, door, "walk_in")


def _guest(person: str, first: str | None, last: str | None) -> dict[str, Any]:
    return {"id": person, "standing": "guest", "first_name": first, "last_name": last}


def _come(maker: Maker, held: Held, registration: str, person: str, door: datetime, method: str | None = None) -> None:
    random = maker.random
    at = door + timedelta(minutes=min(100.0, max(-15.0, random.gauss(14, 16))))
    number = len(held.facts)

    def fact(kind: str, when: datetime, **fields: Any) -> str:
        made = maker.id("fact", held.gathering["id"], len(held.facts))
        held.facts.append({"id": made, "kind": kind, "gathering": held.gathering["id"], "registration": registration, "person": person, "closes": None,
                           "at": _moment(when), "station": STATIONS[number % 3 == 2], "method": method or random.choice(("name", "code")), "reason": None,
                           "by": None, **fields})
        return made

    came = fact("in", at)
    if random.random() < 0.01:  # the wrong one of two namesakes, taken back
        fact("void", at + timedelta(seconds=40), closes=[came], reason="wrong person")
    elif random.random() < 0.05:
        fact("out", at + timedelta(minutes=55), closes=[came])


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
