"""A laptop at a door against the server: what it may send, what it is refused, and how its time ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from alumni_desk.errors import KnownError
from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import Cursor, HelloReply, HelloRequest, PullRequest

HOUR = 3600 * 1000
DAY = 24 * HOUR


def wall(ms: int) -> str:
    """A moment as gatherings keep it, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M")


class Evening(NamedTuple):
    """A gathering with one guest, another gathering, a leader and a laptop at the door."""

    office: Any
    leader: Any
    door: Any
    gathering: str
    other: str
    guest: str


@pytest.fixture
def evening(office: Any) -> Evening:
    """Everybody is there."""
    leader = office.laptop()
    gathering, other, guest = uuid7(), uuid7(), uuid7()
    now = office.time()
    leader.push(*(leader.operation("gathering", one, name="Dinner", starts=wall(now + HOUR), ends=wall(now + 4 * HOUR), time_zone="UTC")
                  for one in (gathering, other)),
                leader.operation("person", guest, last_name="Guest", email="guest@example.org"),
                leader.operation("registration", registration_id(gathering, guest), gathering=gathering, person=guest, status="yes"),
                leader.operation("registration", registration_id(other, guest), gathering=other, person=guest, status="yes"))
    return Evening(office, leader, office.laptop(role="door", gathering=gathering), gathering, other, guest)


def answer(laptop: Any, audience: str, table: str, row: str | None = None, **fields: Any) -> tuple[str, str | None]:
    """Status and reason of one operation."""
    result = laptop.push(laptop.operation(table, row, **fields), audience=audience).results[0]
    return result.status, result.reason


def test_it_writes_nowhere_but_in_its_gathering(evening: Evening) -> None:
    door, here, there = evening.door, evening.gathering, evening.other
    elsewhere = registration_id(there, evening.guest)
    fact = {"kind": "in", "registration": registration_id(here, evening.guest), "person": evening.guest}
    assert answer(door, here, "fact", gathering=here, **fact) == ("ok", None)
    assert answer(door, there, "fact", gathering=there, **fact) == ("denied", "audience")
    assert answer(door, "chapter", "fact", gathering=here, **fact) == ("denied", "audience")
    assert answer(door, here, "fact", gathering=there, **fact) == ("invalid", "audience")
    assert answer(door, here, "fact", **fact) == ("denied", "audience")
    assert answer(door, here, "registration", elsewhere, status="cancelled") == ("denied", "audience")
    assert answer(door, there, "registration", elsewhere, status="cancelled") == ("denied", "audience")
    assert answer(door, "chapter", "registration", elsewhere, status="cancelled") == ("denied", "audience")
    assert answer(door, here, "registration", uuid7(), status="yes") == ("denied", "audience")
    assert answer(door, "chapter", "education", school="X") == ("denied", "field")
    assert answer(door, here, "gathering", here, name="Mine") == ("denied", "field")
    assert evening.leader.rows()["registration", elsewhere]["status"] == "yes"


def test_it_takes_back_what_it_recorded_itself_and_nothing_else(evening: Evening) -> None:
    here, other = evening.gathering, evening.office.laptop(role="door", gathering=evening.gathering)
    about = {"registration": registration_id(here, evening.guest), "person": evening.guest, "gathering": here}
    mine, others, leaders = uuid7(), uuid7(), uuid7()
    assert answer(evening.door, here, "fact", mine, kind="in", **about) == ("ok", None)
    assert answer(other, here, "fact", others, kind="in", **about) == ("ok", None)
    assert answer(evening.leader, here, "fact", leaders, kind="in", **about) == ("ok", None)
    for named in ([others], [leaders], [mine, others], [uuid7()]):
        assert answer(evening.door, here, "fact", kind="void", closes=json.dumps(named), **about) == ("denied", "not_its_own")
    assert answer(evening.door, here, "fact", kind="out", closes=json.dumps([others]), **about) == ("ok", None), "whoever leaves does so by any door"
    assert answer(evening.door, here, "fact", kind="void", closes=json.dumps([mine]), **about) == ("ok", None)
    again = uuid7()
    both = evening.door.push(evening.door.operation("fact", again, kind="in", **about),
                             evening.door.operation("fact", kind="void", closes=json.dumps([again]), **about), audience=here)
    assert [one.status for one in both.results] == ["ok", "ok"]
    assert answer(evening.leader, here, "fact", kind="void", closes=json.dumps([others, leaders]), **about) == ("ok", None)


def test_it_tells_of_people_whom_it_met_and_of_nobody_else(evening: Evening) -> None:
    door, here, new = evening.door, evening.gathering, uuid7()
    assert answer(door, here, "person", evening.guest, last_name="Changed") == ("denied", "field")
    assert answer(door, "chapter", "person", evening.guest, email="mine@example.org") == ("denied", "field")
    assert answer(door, here, "person", new, last_name="Walker", standing="member") == ("denied", "value")
    assert answer(door, "chapter", "person", new, email="w@example.org", consent="contact") == ("ok", None), "the chapter's part may come first"
    assert answer(door, here, "person", new, last_name="Walker", standing="guest", class_year=1999) == ("ok", None)
    assert answer(door, here, "person", new, last_name="Walkers") == ("ok", None)
    assert answer(evening.leader, "chapter", "person", new, notes="a friend of Bo") == ("ok", None)
    assert answer(door, here, "person", new, last_name="Walker") == ("denied", "field"), "somebody else has written there"
    assert answer(door, "chapter", "person", new, notes="x") == ("denied", "field")
    other = evening.office.laptop(role="door", gathering=here)
    assert answer(other, here, "person", new, last_name="Walker") == ("denied", "field")


def test_a_replica_of_another_laptop_opens_no_row(evening: Evening) -> None:
    evening.door.replica = evening.leader.replica
    assert answer(evening.door, evening.gathering, "person", evening.guest, last_name="Mine") == ("denied", "field")


def test_it_pulls_its_gathering_alone(evening: Evening) -> None:
    rows = evening.door.rows()
    assert rows.keys() == {("chapter", evening.leader.scope), ("gathering", evening.gathering), ("person", evening.guest),
                           ("registration", registration_id(evening.gathering, evening.guest))}
    assert "email" not in rows["person", evening.guest]


def hello(laptop: Any) -> HelloReply:
    """What the server says."""
    said: HelloReply = laptop.office.call("hello", HelloRequest(), HelloReply, laptop.token)
    return said


def until(laptop: Any) -> int:
    """When its access ends, in milliseconds."""
    moment = hello(laptop).grants[0].until
    assert moment is not None
    return round(datetime.fromisoformat(moment).timestamp() * 1000)


def test_its_time_ends_a_day_after_the_gathering_and_what_it_did_is_still_taken(evening: Evening) -> None:
    door, time = evening.door, evening.office.time
    end = until(door)
    assert 0 <= time() + 4 * HOUR + DAY - end < 60_000
    time.now = end
    door.begin()
    said = hello(door)
    assert said.commands == ["ended"] and said.heads == {} and said.grants[0].until is not None
    refused = evening.office.ask("pull", PullRequest({door.scope: Cursor()}), door.token)
    assert (refused.status, refused.code) == (403, "ended")
    assert answer(door, evening.gathering, "fact", gathering=evening.gathering, kind="in", person=evening.guest) == ("ok", None)
    assert answer(door, evening.other, "fact", gathering=evening.other, kind="in", person=evening.guest) == ("denied", "audience")
    evening.leader.begin()
    evening.leader.push(evening.leader.operation("gathering", evening.gathering, starts=wall(end + DAY), ends=wall(end + DAY + HOUR)))
    assert until(door) > end + DAY and hello(door).commands == [], "it follows the gathering"
    assert door.rows()


@pytest.mark.parametrize(("fields", "hours"), [
    ({"ends": None}, 1 + 12 + 24), ({"ends": "2000-01-01T00:00"}, 1 + 12 + 24), ({"time_zone": "Nowhere/Land"}, 4 + 24),
    ({"time_zone": None}, 4 + 24),
])
def test_a_gathering_that_says_too_little_ends_all_the_same(evening: Evening, fields: dict[str, Any], hours: int) -> None:
    evening.leader.push(evening.leader.operation("gathering", evening.gathering, **fields))
    assert 0 <= evening.office.time() + hours * HOUR - until(evening.door) < 60_000


def test_the_gatherings_time_zone_counts(evening: Evening) -> None:
    before = until(evening.door)
    evening.leader.push(evening.leader.operation("gathering", evening.gathering, time_zone="Asia/Tokyo"))
    assert until(evening.door) == before - 9 * HOUR


def test_a_leaders_time_goes_on_with_each_contact_and_never_ends_around_a_gathering(evening: Evening) -> None:
    leader, time = evening.leader, evening.office.time
    first = until(leader)
    assert 60 * DAY <= first - time() <= 61 * DAY
    time.now += 10 * DAY
    leader.begin()
    assert until(leader) == first + 10 * DAY
    start = until(leader) + 3 * DAY
    for way, fields in (("planned", {}), ("cancelled", {"status": "cancelled"})):
        leader.push(leader.operation("gathering", evening.other, starts=wall(start), ends=wall(start + 3 * HOUR), time_zone="UTC", **fields))
        moved = until(leader)
        assert moved == (start + 3 * HOUR + 7 * DAY if way == "planned" else first + 10 * DAY), way
    assert hello(evening.office.laptop(role="admin")).grants[0].until is None


def test_an_invitation_to_a_door_says_which(evening: Evening) -> None:
    gone = uuid7()
    evening.leader.push(evening.leader.operation("gathering", gone, name="Off"), evening.leader.operation("gathering", gone, gone=True))
    for role, gathering, code in (("door", None, "gathering_needed"), ("door", uuid7(), "no_such_gathering"), ("door", "x", "no_such_gathering"),
                                  ("door", gone, "no_such_gathering"), ("leader", evening.gathering, "gathering_not_meant")):
        with pytest.raises(KnownError) as problem:
            evening.office.invite(role=role, gathering=gathering)
        assert problem.value.code == code
    with pytest.raises(KnownError):
        evening.office.invite("Zürich", "door", evening.gathering)
