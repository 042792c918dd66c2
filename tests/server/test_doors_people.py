"""A laptop at a door puts nobody on its list whom it has not met there: it would come to read members whom nobody invited."""

from __future__ import annotations

from typing import Any

import pytest

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.ids import uuid7

Answer = tuple[str, str | None]
NO: Answer = ("denied", "not_on_its_list")


@pytest.fixture
def evening(office: Any) -> tuple[Any, Any, str, list[str]]:
    """A leader, a laptop at the door of a gathering, and members, of whom the first alone is on the list; the second was, and the third is the first, too."""
    leader = office.laptop()
    gathering, people = uuid7(), [uuid7() for _n in range(4)]
    leader.push(leader.operation("gathering", gathering, name="Dinner", starts="2026-09-21T18:00", time_zone="UTC"),
                *(leader.operation("person", one, last_name="Member", notes="Secret") for one in people),
                *(leader.operation("registration", registration_id(gathering, one), gathering=gathering, person=one, status="yes") for one in people[:2]))
    leader.push(leader.operation("registration", registration_id(gathering, people[1]), gone=True),
                leader.operation("person", people[2], merged_into=people[0]))
    office.time.now += 1_000
    return leader, office.laptop(role="door", gathering=gathering), gathering, people


def put(door: Any, gathering: str, person: str, *more: Any) -> list[Answer]:
    """What becomes of a walk-in."""
    walked = door.operation("registration", registration_id(gathering, person), gathering=gathering, person=person, status="yes", walk_in=True)
    return [(one.status, one.reason) for one in door.push(*more, walked, audience=gathering).results]


def test_a_member_whom_nobody_invited_is_not_put_on_the_list_by_a_door_nor_read(evening: tuple[Any, Any, str, list[str]]) -> None:
    leader, door, gathering, people = evening
    stranger = people[3]
    assert put(door, gathering, stranger) == [NO]
    assert ("person", stranger) not in door.rows() and ("registration", registration_id(gathering, stranger)) not in leader.rows()
    written = door.operation("person", stranger, last_name="Mine")
    assert put(door, gathering, stranger, written)[1][0] == "denied" and ("person", stranger) not in door.rows(), "as if it had met them"
    assert leader.rows()["person", stranger]["last_name"] == "Member"


def test_a_place_that_says_later_whose_it_is_is_no_way_around(evening: tuple[Any, Any, str, list[str]]) -> None:
    _leader, door, gathering, people = evening
    stranger = people[3]
    door.push(door.operation("registration", registration_id(gathering, stranger), gathering=gathering, status="yes"), audience=gathering)
    assert put(door, gathering, stranger) == [NO] and ("person", stranger) not in door.rows()


def test_who_is_new_who_was_on_the_list_and_who_is_somebody_on_it_are_put_on_it(evening: tuple[Any, Any, str, list[str]]) -> None:
    leader, door, gathering, people = evening
    new = uuid7()
    assert put(door, gathering, new, door.operation("person", new, standing="guest", last_name="New")) == [("ok", None)] * 2
    assert put(door, gathering, people[1]) == [("ok", None)], "taken off the list before"
    assert put(door, gathering, people[2]) == [("ok", None)], "another entry of somebody who is on it"
    assert put(door, gathering, uuid7()) == [("ok", None)], "whose entry has not come yet"
    assert ("registration", registration_id(gathering, new)) in leader.rows()


def test_whom_the_same_laptop_met_at_another_door_it_may_put_on_the_list(evening: tuple[Any, Any, str, list[str]]) -> None:
    _leader, door, gathering, _people = evening
    new = uuid7()
    met = door.operation("person", new, standing="guest", last_name="New")
    assert [one.status for one in door.push(met, audience=gathering).results] == ["ok"]
    assert put(door, gathering, new) == [("ok", None)]
