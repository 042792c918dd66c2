"""Two laptops that gave one guest a badge's code each: all come to show one, and both badges that were printed are found, as that guest's and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from alumni_desk.checkin.actions import check_in, walk_in
from alumni_desk.checkin.lists import DoorList
from alumni_desk.checkin.verdicts import Outcome, Reason
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member
from alumni_desk.protocol.codes import badge_code
from alumni_desk.protocol.ids import uuid7
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.sync import conflicts
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.refused import refused, why
from alumni_desk.sync.venue.sharing import Sharing
from alumni_desk.sync.venue.visiting import Visit

SOON = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%d")


class Evening(NamedTuple):
    """A leader's laptop and two at the door of a gathering, with a guest."""

    leader: Desk
    doors: tuple[Desk, Desk]
    gathering: str
    guest: str


@pytest.fixture
def evening(office: Any, make_desk: Callable[[str], Desk]) -> Evening:
    """Everybody is there, and has synced."""
    leader = make_desk("leader")
    join(leader, office.url, office.invite())
    sync_once(leader)
    gathering = new_gathering(leader, name="Dinner", start=f"{SOON}T18:00", end=f"{SOON}T22:00", time_zone="UTC").id
    person = add_member(leader, first_name="Ana", last_name="Guest").id
    add_guests(leader, gathering, [person])
    sync_once(leader)
    doors = (make_desk("north"), make_desk("south"))
    for door in doors:
        join(door, office.url, office.invite("door", gathering))
        sync_once(door)
    return Evening(leader, doors, gathering, registration_id(gathering, person))


def code(desk: Desk, registration: str) -> str | None:
    """A guest's code as a desk has it."""
    with desk.reading() as connection:
        return connection.exec_driver_sql("SELECT code FROM registration WHERE id = ?", (registration,)).scalar_one()


def put_on_the_list(desk: Desk, gathering: str, person: str) -> str:
    """A walk-in of whom two doors have heard; returns the code that is on the badge."""
    made = badge_code()
    with desk.writing("walk_in", gathering=gathering) as writing:
        writing.add("registration", id=registration_id(gathering, person), gathering=gathering, person=person, status="yes", walk_in=True, code=made)
    return made


def test_two_doors_give_one_guest_a_code_each(evening: Evening) -> None:
    north, south = evening.doors
    person = uuid7()
    guest = registration_id(evening.gathering, person)
    first = put_on_the_list(north, evening.gathering, person)
    second = put_on_the_list(south, evening.gathering, person)
    for desk in (north, south, evening.leader, north):
        done = sync_once(desk)
        assert (done.waiting, done.refused) == (0, 0)
    assert {code(desk, guest) for desk in (north, south, evening.leader)} == {first}
    for desk, printed in ((north, first), (south, first), (south, second), (evening.leader, first)):
        found = DoorList(desk, evening.gathering).find(printed).certain
        assert found is not None and found.registration == guest
    assert check_in(south, evening.gathering, code=second).registration == guest
    assert check_in(north, evening.gathering, code=second).reason is Reason.UNKNOWN_CODE, "of an older version, which made codes up: it never heard of that one"
    assert all(verify(desk).ok for desk in (north, south, evening.leader))


def test_two_laptops_that_put_one_guest_on_the_list_apart_print_one_code(evening: Evening, office: Any, make_desk: Callable[[str], Desk]) -> None:
    one, two, door = evening.leader, make_desk("second"), evening.doors[0]
    join(two, office.url, office.invite())
    person = add_member(one, first_name="Bo", last_name="Late").id
    for desk in (one, two):
        sync_once(desk)
    add_guests(one, evening.gathering, [person])
    guest = registration_id(evening.gathering, person)
    assert check_in(two, evening.gathering, person_id=person, let_in=True).registration == guest
    printed = [code(desk, guest) for desk in (one, two)]
    for desk in (one, two, door, one):
        sync_once(desk)
    assert printed[0] is not None and {code(desk, guest) for desk in (one, two, door)} == {*printed} == {printed[0]}
    for each in printed:
        verdict = check_in(door, evening.gathering, code=each)
        assert (verdict.outcome, verdict.registration) == (Outcome.ALREADY_IN, guest)
    with one.writing("away") as writing:
        writing.change("registration", guest, gone=True)
    add_guests(one, evening.gathering, [person])
    assert code(one, guest) == printed[0] and "code" not in {card.field for card in conflicts.conflicts(one)}


@pytest.mark.parametrize("said", [badge_code(), None], ids=["another", "none"])
def test_a_door_does_not_change_a_printed_code(evening: Evening, said: str | None) -> None:
    door, other = evening.doors
    printed = code(evening.leader, evening.guest)
    assert printed is not None
    with door.writing("tampered", gathering=evening.gathering) as writing:
        writing.change("registration", evening.guest, code=said)
    with door.writing("tampered", gathering=evening.gathering) as writing:
        writing.change("registration", evening.guest, code=badge_code(), table_name="7")
    assert sync_once(door).refused == 1
    for desk in (door, other, evening.leader):
        sync_once(desk)
        assert code(desk, evening.guest) == printed
        assert DoorList(desk, evening.gathering).hits[evening.guest].table_name == "7"
    assert [(one.reason, one.why) for one in refused(door)] == [("code", why("code"))]
    assert check_in(other, evening.gathering, code=printed).outcome is Outcome.ADMITTED
    assert verify(door).ok


def test_a_door_gives_another_guest_a_printed_code(evening: Evening) -> None:
    door, other = evening.doors
    printed = code(evening.leader, evening.guest)
    assert printed is not None
    walk_in(door, evening.gathering, "Bo Walker")
    [bo] = [hit.registration for hit in DoorList(door, evening.gathering).find("Bo Walker").hits]
    assert bo is not None
    with door.writing("tampered", gathering=evening.gathering) as writing:
        writing.change("registration", bo, code=printed)
    verdict = check_in(door, evening.gathering, code=printed)  # as long as the server has not said
    assert (verdict.outcome, verdict.reason) == (Outcome.CHOOSE, Reason.SEVERAL)
    assert {one.id for one in verdict.candidates} == {evening.guest, bo}
    assert sync_once(door).refused == 1
    sync_once(door)
    for desk in (other, door):
        sync_once(desk)
        assert code(desk, bo) not in (None, printed) and code(desk, evening.guest) == printed
    assert check_in(other, evening.gathering, code=printed).registration == evening.guest


def test_at_a_venue_nobody_believes_a_door_another_code(evening: Evening) -> None:
    door, leader = evening.doors[0], evening.leader
    printed = code(leader, evening.guest)
    assert printed is not None
    with door.writing("tampered", gathering=evening.gathering) as writing:
        writing.change("registration", evening.guest, code=badge_code(), table_name="7")
    sharing = Sharing(leader, host="127.0.0.1", port=0)
    try:
        visit = Visit(door, sharing.address, sharing.code)
        try:
            assert visit.once().given == 1
        finally:
            visit.close()
    finally:
        sharing.stop()
    assert (code(leader, evening.guest), DoorList(leader, evening.gathering).hits[evening.guest].table_name) == (printed, "7")
    sync_once(leader)
    assert code(leader, evening.guest) == printed and verify(leader).ok
    assert check_in(leader, evening.gathering, code=printed).registration == evening.guest
