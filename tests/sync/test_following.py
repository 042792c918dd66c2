"""A laptop at a door goes along when its chapter moves: what was done on it, and nowhere else, is at the new server afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from tests.sync.test_venue import meet, shared

from alumni_desk.checkin.actions import check_in, undo_check_in, walk_in
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import add_guests, new_gathering, set_rsvp
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.store import fates
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.store.undo import undo
from alumni_desk.sync import moving
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.join import look

MakeDesk = Callable[[str], Desk]


def rows(desk: Desk, table: str) -> dict[str, dict[str, Any]]:
    """A table's rows by id, as the desk has them."""
    with desk.reading() as connection:
        return {row["id"]: dict(row) for row in connection.execute(sa.select(desk.tables[table])).mappings()}


def moments(desk: Desk) -> dict[str, str]:
    """The clock of each fact."""
    return {one: row["clock"] for one, row in rows(desk, "fact").items()}


def own(desk: Desk, table: str = "fact") -> dict[str, tuple[str, str]]:
    """Row and clock of each operation on a table by its id, as this laptop holds them."""
    with desk.reading() as connection:
        found = connection.exec_driver_sql("SELECT id, row_id, clock FROM operation WHERE table_name = ?", (table,))
        return {row.id: (row.row_id, row.clock) for row in found}


def refused(desk: Desk) -> list[tuple[str, str]]:
    """What a server did not take."""
    with desk.reading() as connection:
        return [(row.table_name, row.reason) for row in connection.exec_driver_sql("SELECT table_name, reason FROM operation_now WHERE fate = 'refused'")]


def names(desk: Desk) -> set[str]:
    return {row["last_name"] for row in rows(desk, "person").values() if not row["gone"]}


@dataclass
class Evening:
    """A chapter at a server of its own: its leader, two laptops at the door of a gathering, three guests."""

    server: Any
    leader: Desk
    door: Desk
    other_door: Desk
    id: str
    guests: list[str]

    def seat(self, number: int) -> str:
        """A guest's registration."""
        return registration_id(self.id, self.guests[number])

    def sync(self) -> None:
        """Everybody, until all know all."""
        for desk in (self.leader, self.door, self.other_door, self.leader, self.door):
            sync_once(desk)


@pytest.fixture
def evening(make_server: Any, make_desk: MakeDesk) -> Evening:
    server, leader = make_server(), make_desk("leader")
    join(leader, server.url, server.invite("Pub"))
    dinner = new_gathering(leader, name="Pub Night", start="2027-06-01T19:00", end="2027-06-01T23:00").id
    guests = [add_member(leader, first_name="Pat", last_name=name).id for name in ("One", "Two", "Three")]
    add_guests(leader, dinner, guests)
    sync_once(leader)
    doors = []
    for name in ("door", "other-door"):
        doors.append(make_desk(name))
        join(doors[-1], server.url, server.invite("Pub", "door", dinner))
        sync_once(doors[-1])
    return Evening(server, leader, *doors, dinner, guests)


def moved(evening: Evening, office: Any) -> None:
    """The leader moves the chapter, and the former server is gone."""
    moving.move(evening.leader, office.url, office.invite())
    assert sync_once(evening.leader).refused == 0
    evening.server.kill()


def test_what_was_not_sent_and_what_the_former_server_took_with_it_goes_along(evening: Evening, office: Any) -> None:
    check_in(evening.door, evening.id, evening.seat(0))
    evening.sync()
    moving.move(evening.leader, office.url, office.invite())
    sync_once(evening.leader)
    check_in(evening.door, evening.id, evening.seat(1))
    assert sync_once(evening.door).waiting == 0, "the former server has it, and nobody will hear of it"
    evening.server.kill()
    check_in(evening.door, evening.id, evening.seat(2))
    walk_in(evening.door, evening.id, "Walter Inn", email="walter@example.org", consent=True)
    before, made = moments(evening.door), own(evening.door)
    join(evening.door, office.url, office.invite("door", evening.id))
    assert own(evening.door) == made, "under the ids and clocks that they have"
    assert names(evening.door) == {"One", "Two", "Three", "Inn"}, "the list stays while it is fetched anew"
    assert sync_once(evening.door).refused == 0 and refused(evening.door) == []
    sync_once(evening.leader)
    assert moments(evening.leader) == before == moments(evening.door) and len(before) == 4
    walter = next(row for row in rows(evening.leader, "person").values() if row["last_name"] == "Inn")
    assert walter["email"] == "walter@example.org"
    assert status(evening.door).state == "synced" and (status(evening.door).role, status(evening.door).gathering) == ("door", evening.id)
    assert sync_once(evening.door, check=True).identical and sync_once(evening.leader, check=True).identical


def seated(desk: Desk, seat: str, table: str) -> None:
    """A guest is given a table."""
    with desk.writing("guest_changed") as writing:
        writing.change("registration", seat, table_name=table)


def test_what_a_leader_told_it_in_the_room_leaves_nothing_behind_that_comes_back(evening: Evening, office: Any) -> None:
    leader, door, seat = evening.leader, evening.door, evening.seat(0)
    seated(leader, seat, "1")
    with shared(leader) as sharing:
        meet(door, sharing)
    assert rows(door, "registration")[seat]["table_name"] == "1"
    moving.move(leader, office.url, office.invite())
    sync_once(leader)
    join(door, office.url, office.invite("door", evening.id))
    assert verify(door).ok
    sync_once(door)
    seated(leader, seat, "2")
    for desk in (leader, door):
        sync_once(desk)
    set_rsvp(door, evening.id, [seat], "maybe")
    assert rows(door, "registration")[seat]["table_name"] == "2"
    for desk in (door, leader, door):
        sync_once(desk)
    for desk in (door, leader):
        assert [rows(desk, "registration")[seat][name] for name in ("table_name", "status")] == ["2", "maybe"] and verify(desk).ok


def test_move_does_the_same_and_neither_server_need_be_asked_twice(evening: Evening, office: Any) -> None:
    moved(evening, office)
    check_in(evening.door, evening.id, evening.seat(1))
    code = office.invite("door", evening.id)
    assert look(evening.door, office.url, code).role == "door"
    membership = moving.move(evening.door, office.url, code)
    assert (membership.role, membership.gathering) == ("door", evening.id)
    assert moving.move(evening.door, office.url, code) == membership, "the same call again finds it done"
    assert sync_once(evening.door).refused == 0
    sync_once(evening.leader)
    assert moments(evening.leader) == moments(evening.door) and len(moments(evening.leader)) == 1


def test_nothing_else_of_the_former_chapter_is_offered(evening: Evening, office: Any, make_server: Any, make_desk: MakeDesk) -> None:
    """Though the list here is older than the chapter's: whoever was taken off meanwhile does not come back by a laptop at the door."""
    check_in(evening.other_door, evening.id, evening.seat(0))
    evening.sync()
    moving.move(evening.leader, office.url, office.invite())
    change_member(evening.leader, evening.guests[1], last_name="Twofold")
    sync_once(evening.leader)
    join(evening.door, office.url, office.invite("door", evening.id))
    with evening.door.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM operation_now WHERE fate = 'waiting'").scalar() == 0
    assert sync_once(evening.door).pushed == 0 and names(evening.door) == {"One", "Twofold", "Three"}


def test_what_waits_on_ones_own_is_taken_and_anybody_elses_is_not(evening: Evening, office: Any) -> None:
    """Whose a row is the new server cannot know from whoever brought it there."""
    check_in(evening.door, evening.id, evening.seat(0))
    check_in(evening.other_door, evening.id, evening.seat(1))
    walk_in(evening.door, evening.id, "Walter Inn")
    evening.sync()
    moved(evening, office)
    undo(evening.door, actions(evening.door)[0].id)  # the walk-in
    undo_check_in(evening.door, evening.id, evening.seat(0), reason="mistake")
    for desk in (evening.other_door, evening.door):
        join(desk, office.url, office.invite("door", evening.id))
        assert sync_once(desk).refused == 0, refused(desk)
    sync_once(evening.leader)
    assert "Inn" not in names(evening.leader)
    voids = [row for row in rows(evening.leader, "fact").values() if row["kind"] == "void"]
    assert len(voids) == 2 and rows(evening.leader, "fact") == rows(evening.door, "fact")
    theirs = next(one for one, row in rows(evening.door, "fact").items() if row["registration"] == evening.seat(1))
    with evening.door.writing("check_in_undone", gathering=evening.id) as writing:
        writing.add("fact", kind="void", gathering=evening.id, registration=evening.seat(1), closes=[theirs], reason="mistake")
    assert sync_once(evening.door).refused == 1 and refused(evening.door) == [("fact", "not_its_own")]


def test_an_invitation_that_does_not_fit_is_refused_and_nothing_is_lost(evening: Evening, office: Any, make_desk: MakeDesk) -> None:
    moved(evening, office)
    second = new_gathering(evening.leader, name="Quiz", start="2027-07-01T19:00", end="2027-07-01T23:00").id
    sync_once(evening.leader)
    check_in(evening.door, evening.id, evening.seat(2))
    before = own(evening.door)
    for code in (office.invite("door", second), office.invite()):
        for work in (join, look, moving.move):
            with pytest.raises(KnownError, match="leader for an invitation to the door of the same gathering") as raised:
                work(evening.door, office.url, code)
            assert raised.value.code == "sync_joined" and "profile" not in str(raised.value)
    assert own(evening.door) == before and status(evening.door).waiting == 1
    join(make_desk("another"), office.url, code)  # it was not used up
    join(evening.door, office.url, office.invite("door", evening.id))
    assert sync_once(evening.door).refused == 0


def test_a_leader_is_told_how_to_take_everything_along(evening: Evening, office: Any) -> None:
    code = office.invite()
    with pytest.raises(KnownError, match="alumni-desk move URL CODE") as raised:
        join(evening.leader, office.url, code)
    assert raised.value.code == "sync_joined"
    assert look(evening.leader, office.url, code).moves


def test_whoever_goes_first_each_thing_is_there_once(evening: Evening, office: Any) -> None:
    check_in(evening.door, evening.id, evening.seat(0))
    sync_once(evening.door)
    moving.move(evening.leader, office.url, office.invite())  # brings the door's check-in as its own
    sync_once(evening.leader)
    code = office.invite("door", evening.id)
    join(evening.door, office.url, code)
    sync_once(evening.door)
    again = own(evening.door)
    with evening.door.applying() as applying:  # as if the answer had been lost
        fates.wait_again(applying.connection, "table_name = 'fact'")
    assert sync_once(evening.door).refused == 0 and own(evening.door) == again
    sync_once(evening.leader)
    assert len(moments(evening.leader)) == 1


def test_a_clock_that_the_former_server_set_right_stays_so(evening: Evening, office: Any) -> None:
    evening.door.clock.now_ms = lambda: evening.leader.clock.now_ms() + 30 * 86_400_000  # type: ignore[method-assign]
    walk_in(evening.door, evening.id, "Ahead Ofus")
    check_in(evening.door, evening.id, evening.seat(0))
    evening.sync()
    before = {one: row["clock"] for one, row in rows(evening.leader, "person").items()}
    moved(evening, office)
    assert refused(evening.leader) == []
    join(evening.door, office.url, office.invite("door", evening.id))
    assert sync_once(evening.door).refused == 0
    sync_once(evening.leader)
    after = {one: row["clock"] for one, row in rows(evening.leader, "person").items()}
    assert {one: clock[:12] for one, clock in after.items()} == {one: clock[:12] for one, clock in before.items()}
