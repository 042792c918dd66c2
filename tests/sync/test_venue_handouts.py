"""A leader's hand-out at a door whose list is newer than the leader's, or older: what each of them has that the other has not, and what neither brings back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.store.test_erasing import CANARY, findings
from tests.sync.hosts import soon
from tests.sync.test_venue import meet, shared

from alumni_desk.checkin.actions import check_in
from alumni_desk.checkin.lists import DoorList
from alumni_desk.errors import NetworkProblem
from alumni_desk.gatherings.actions import add_guests, new_gathering, remove_guests
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.protocol.handout import open_handout
from alumni_desk.store import backup
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.sync import session
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.venue import handouts
from alumni_desk.sync.venue.credentials import me
from alumni_desk.sync.venue.files import open_file, write_handout
from alumni_desk.sync.venue.handouts import HandedOut, newest, newest_number
from alumni_desk.sync.venue.sharing import Sharing
from alumni_desk.sync.venue.visiting import Visit

MakeDesk = Callable[[str], Desk]


@pytest.fixture
def venue(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk, Desk, str, list[str]]:
    """Two leaders' laptops and one at the door of a gathering with three guests; the door's has synced later than the first leader's."""
    one, two, door = make_desk("one"), make_desk("two"), make_desk("door")
    join(one, office.url, office.invite())
    sync_once(one)
    gathering = new_gathering(one, name="Spring Dinner", start="2099-05-02T12:00", end="2099-05-02T16:00").id
    people = [add_member(one, first_name=f"Guest{n}", last_name="Nguyễn", city="Lynn").id for n in range(3)]
    add_guests(one, gathering, people)
    sync_once(one)
    join(two, office.url, office.invite())
    sync_once(two)
    join(door, office.url, office.invite("door", gathering))
    sync_once(door)
    return one, two, door, gathering, people


def syncs(*desks: Desk) -> None:
    """One after the other."""
    for desk in desks:
        sync_once(desk)


def listed(desk: Desk, gathering: str) -> list[str]:
    """The names on a list."""
    return sorted(row.name for row in guest_rows(desk, gathering))


def sealed(desk: Desk, gathering: str) -> str:
    """What the sealed list says that is on a laptop, which has its key."""
    with desk.reading() as connection:
        one = newest(connection, gathering)
        return str(open_handout(one, me(connection).keys)) if one is not None else ""


def answer(desk: Desk, gathering: str, person: str, status: str) -> None:
    """Somebody's answer is another now."""
    with desk.writing("answered") as writing:
        writing.change("registration", registration_id(gathering, person), status=status)


def hand_over(leader: Desk, door: Desk, gathering: str, where: Path) -> HandedOut:
    """Bring the door the leader's list by file."""
    file = where / "list.alumni"
    write_handout(leader, gathering, file)
    done = open_file(door, file)
    assert isinstance(done, HandedOut)
    return done


def test_whom_a_leader_adds_reaches_a_door_whose_list_is_newer(venue: Any, tmp_path: Path) -> None:
    one, two, door, gathering, people = venue
    change_member(two, people[0], city="Boston")
    new = add_member(two, first_name="Only", last_name="There").id
    add_guests(two, gathering, [new])
    syncs(two, door)
    late, old = add_member(one, first_name="After", last_name="Snap").id, add_member(one, first_name="Not", last_name="Coming").id
    add_guests(one, gathering, [late])
    answer(one, gathering, people[1], "maybe")
    remove_guests(one, gathering, [registration_id(gathering, people[2])])
    assert hand_over(one, door, gathering, tmp_path).taken
    assert listed(door, gathering) == ["After Snap", "Guest0 Nguyễn", "Guest1 Nguyễn", "Only There"]
    with door.reading() as connection:
        assert connection.exec_driver_sql("SELECT city FROM person WHERE id = ?", (people[0],)).scalar() == "Boston"
        assert connection.exec_driver_sql("SELECT status FROM registration WHERE person = ?", (people[1],)).scalar() == "maybe"
        assert connection.exec_driver_sql("SELECT 1 FROM person WHERE id = ?", (old,)).first() is None
    assert check_in(door, gathering, registration_id(gathering, late)).fact
    assert verify(door).ok
    syncs(one, door)
    assert listed(door, gathering) == ["After Snap", "Guest0 Nguyễn", "Guest1 Nguyễn", "Only There"] and verify(door).ok
    sync_once(one)
    assert DoorList(one, gathering).headcount().present == 1


def test_what_the_doors_newer_sync_took_away_comes_back_by_no_older_hand_out(venue: Any, tmp_path: Path) -> None:
    one, two, door, gathering, people = venue
    coming = add_member(two, first_name="Came", last_name="Early").id
    add_guests(two, gathering, [coming])
    check_in(two, gathering, registration_id(gathering, coming))
    syncs(two, one)
    remove_guests(two, gathering, [registration_id(gathering, people[0])])
    erase(two, [people[1], coming], remake_backups=False)
    syncs(two, door)
    assert listed(door, gathering) == ["Erased", "Guest2 Nguyễn"]
    answer(one, gathering, people[0], "maybe")  # of somebody who is not on the list any more, as the server knows
    for one_of_them in (people[1], coming):
        change_member(one, one_of_them, city="Boston")
    add_guests(one, gathering, [add_member(one, first_name="After", last_name="Snap").id])
    hand_over(one, door, gathering, tmp_path)
    assert listed(door, gathering) == ["After Snap", "Erased", "Guest2 Nguyễn"] and verify(door).ok
    with door.reading() as connection:
        told = connection.exec_driver_sql("SELECT coalesce(first_name, ''), coalesce(city, '') FROM person ORDER BY 1").all()
    assert [tuple(row) for row in told] == [("", ""), ("After", ""), ("Guest2", "Lynn")]


def test_a_member_of_long_ago_whom_a_leader_puts_on_the_list_comes_with_their_name(venue: Any, office: Any, tmp_path: Path) -> None:
    one, two, door, gathering, people = venue
    known = add_member(two, first_name="Long", last_name="Known").id
    syncs(two, one)
    change_member(two, people[0], city="Boston")
    syncs(two, door)
    add_guests(one, gathering, [known])
    hand_over(one, door, gathering, tmp_path)
    assert "Long Known" in listed(door, gathering)


def test_what_a_sync_had_begun_to_fetch_anew_is_newer_all_the_same(venue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, door, gathering, people = venue
    remove_guests(two, gathering, [registration_id(gathering, people[0])])
    syncs(two, door)
    hand_over(one, door, gathering, tmp_path)
    right = session.call

    def broken(desk: Desk, wire: Any, membership: Any, path: str, *more: Any, **others: Any) -> Any:
        if path == "pull":
            raise NetworkProblem("sync_unreachable", "The line broke.")
        return right(desk, wire, membership, path, *more, **others)

    with monkeypatch.context() as line, pytest.raises(NetworkProblem):
        line.setattr(session, "call", broken)
        sync_once(door)
    add_guests(one, gathering, [add_member(one, first_name="After", last_name="Snap").id])
    hand_over(one, door, gathering, tmp_path)
    assert listed(door, gathering) == ["After Snap", "Guest1 Nguyễn", "Guest2 Nguyễn"]
    sync_once(door)
    assert listed(door, gathering) == ["Guest1 Nguyễn", "Guest2 Nguyễn"] and verify(door).ok


def test_two_who_were_merged_there_and_here_the_opposite_ways_are_one_at_the_door(venue: Any, tmp_path: Path) -> None:
    one, two, door, gathering, people = venue
    with two.writing("merged") as writing:
        writing.change("person", people[0], merged_into=people[1])
    syncs(two, door)
    with one.writing("merged") as writing:
        writing.change("person", people[1], merged_into=people[0])
    hand_over(one, door, gathering, tmp_path)
    assert len(listed(door, gathering)) == 2 and verify(door).ok
    with door.reading() as connection:
        into = connection.exec_driver_sql("SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL").all()
    assert [tuple(row) for row in into] == [(people[0], people[1])]


def test_who_was_removed_from_the_members_keeps_the_name_on_the_list(venue: Any, tmp_path: Path) -> None:
    one, _two, door, gathering, people = venue
    with one.writing("removed") as writing:
        writing.change("person", people[0], gone=True)
    with one.writing("moved") as writing:  # as the server leaves somebody whom another chapter has now
        writing.change("person", people[1], gone=True, standing="moved", first_name=None, last_name=None, city=None)
    before = listed(one, gathering)
    assert "Guest0 Nguyễn" in before and "Moved to another chapter" in before
    hand_over(one, door, gathering, tmp_path)
    assert listed(door, gathering) == before


def test_a_hand_out_has_the_rows_and_fields_that_the_server_gives_the_door(venue: Any, tmp_path: Path) -> None:
    one, _two, door, gathering, people = venue
    into = add_member(one, first_name="Twin", last_name="Nguyễn").id
    with one.writing("removed") as writing:
        writing.change("person", people[0], gone=True)
        writing.change("person", people[1], merged_into=into)
        writing.change("registration", registration_id(gathering, people[2]), status="cancelled")
    check_in(one, gathering, registration_id(gathering, people[0]))
    syncs(one, door)

    def rows() -> dict[str, list[Any]]:
        with door.reading() as connection:
            return {table: connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY id").all() for table in ("gathering", "person", "registration", "fact")}

    by_the_server = rows()
    assert len(by_the_server["person"]) == 3
    assert hand_over(one, door, gathering, tmp_path).taken and rows() == by_the_server


def test_whom_a_leader_adds_is_at_a_connected_door_soon_and_a_check_in_makes_no_list(venue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, door, gathering, people = venue
    change_member(two, people[0], city="Boston")
    syncs(two, door)
    sharing = Sharing(one, host="127.0.0.1", port=0)
    visit = Visit(door, sharing.address, sharing.code)
    staying = threading.Thread(target=visit.stay, kwargs={"begin": True})
    staying.start()
    try:
        for name in ("First", "Second", "Third"):
            known = add_member(one, first_name=name, last_name="Late").id
            add_guests(one, gathering, [known])
            soon(lambda: f"{name} Late" in listed(door, gathering), 8)  # noqa: B023 - it is called before the next
        with one.reading() as connection:
            made = newest_number(connection, gathering)
        check_in(one, gathering, registration_id(gathering, people[0]))
        soon(lambda: DoorList(door, gathering).headcount().present == 1, 8)
        with one.reading() as connection:
            assert newest_number(connection, gathering) == made
    finally:
        visit.stop()
        staying.join()
        sharing.stop()


@pytest.mark.parametrize("by", ["file", "network"])
@pytest.mark.parametrize("how", ["erased", "moved"])
def test_whom_a_leader_who_has_not_heard_brings_by_name_leaves_a_door_for_good_at_its_next_contact(venue: Any, office: Any, tmp_path: Path, by: str,
                                                                                                  how: str) -> None:
    """Somebody was erased at the server, or moved, whom the door never had."""
    one, two, door, gathering, _people = venue
    known = add_member(two, first_name=CANARY, last_name="Known").id
    syncs(two, one, door)
    if how == "erased":
        erase(two, [known], remake_backups=False)
        sync_once(two)
    else:
        office.server.invite(f"{office.chapter} Munich")
        office.server.run("server", "move-member", known, "--to", f"{office.chapter} Munich")
    add_guests(one, gathering, [known])
    change_member(one, known, first_name=f"{CANARY}s")
    if by == "file":
        hand_over(one, door, gathering, tmp_path)
    else:
        with shared(one) as sharing:
            meet(door, sharing)
    assert f"{CANARY}s Known" in listed(door, gathering)  # nobody here knows
    check_in(door, gathering, registration_id(gathering, known))
    backup.by_itself(door.profile, door.key, "daily")
    assert findings(door.profile, door.key, CANARY)
    sync_once(door)
    assert CANARY not in str(listed(door, gathering)) and verify(door).ok
    assert findings(door.profile, door.key, CANARY) == []
    with door.reading() as connection:
        assert connection.exec_driver_sql("SELECT max(length(content)) FROM handout").scalar() in (None, 0)
        assert connection.exec_driver_sql("SELECT count(*) FROM erased WHERE id = ?", (known,)).scalar() == ((by, how) == ("network", "erased"))
    if by == "file":
        assert not hand_over(one, door, gathering, tmp_path).taken and CANARY not in str(listed(door, gathering))
    syncs(one, door)
    for desk in (one, door):
        assert sync_once(desk, check=True).identical
        assert (desk, how) == (one, "moved") or findings(desk.profile, desk.key, CANARY) == []  # it says what was not taken, and of whom


@pytest.mark.parametrize("by", ["file", "network"])
@pytest.mark.parametrize("had", [False, True])
def test_a_leader_who_has_heard_of_an_erasure_tells_a_door_without_internet(venue: Any, tmp_path: Path, by: str, had: bool) -> None:
    one, two, door, gathering, people = venue
    known = people[1] if had else add_member(two, first_name="Long", last_name="Known").id
    syncs(two, one, door)
    with one.writing("changed", gathering=gathering) as writing:
        writing.change("person", known, first_name=CANARY)
    if had:
        sync_once(one)
        sync_once(door)
        assert findings(door.profile, door.key, CANARY)
    else:
        add_guests(one, gathering, [known])
    sync_once(two)
    erase(two, [known], remake_backups=False)
    assert hand_over(two, door, gathering, tmp_path).taken
    with door.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM erased WHERE id = ?", (known,)).scalar() == 0, "the server may say no to it"
    sync_once(two)
    assert hand_over(two, door, gathering, tmp_path).taken
    assert findings(door.profile, door.key, CANARY) == []
    if by == "file":
        hand_over(one, door, gathering, tmp_path)
    else:
        with shared(one) as sharing:
            meet(door, sharing)
    assert findings(door.profile, door.key, CANARY) == [] and verify(door).ok
    assert listed(door, gathering) == [f"Guest{n} Nguyễn" for n in range(3) if not had or n != 1]  # no place for a name that is to come, either
    syncs(one, door)
    assert CANARY not in str(listed(door, gathering)) and verify(door).ok and sync_once(door, check=True).identical


@pytest.mark.parametrize("by", ["file", "network"])
def test_whom_a_door_knows_to_be_erased_nobody_brings_back_who_has_not_heard(venue: Any, tmp_path: Path, by: str) -> None:
    """Nothing is left of their rows at that door: only that they were erased."""
    one, two, door, gathering, people = venue
    erase(two, [people[1]], remake_backups=False)
    syncs(two, door)
    with door.reading() as connection:
        known = "SELECT (SELECT count(*) FROM erased WHERE id = ?1), (SELECT count(*) FROM person WHERE id = ?1)"
        assert connection.exec_driver_sql(known, (people[1],)).one() == (1, 0)
    place = registration_id(gathering, people[1])
    with one.writing("changed", gathering=gathering) as writing:
        writing.change("person", people[1], first_name=CANARY)
        writing.change("registration", place, badge_name=CANARY)
    remove_guests(one, gathering, [place])
    add_guests(one, gathering, [people[1]])
    if by == "file":
        hand_over(one, door, gathering, tmp_path)
    else:
        with shared(one) as sharing:
            meet(door, sharing)
    assert findings(door.profile, door.key, CANARY) == [] and listed(door, gathering) == ["Guest0 Nguyễn", "Guest2 Nguyễn"]
    syncs(one, door)
    assert listed(door, gathering) == ["Guest0 Nguyễn", "Guest2 Nguyễn"] and verify(door).ok and sync_once(door, check=True).identical


@pytest.mark.parametrize("how", ["erased", "erased, at another leader's", "taken off"])
def test_a_list_of_somebody_who_has_not_heard_is_not_kept_by_whoever_has(venue: Any, tmp_path: Path, how: str) -> None:
    """It names somebody who is not for this laptop any more, and would be handed on."""
    one, two, door, gathering, people = venue
    if how == "taken off":
        remove_guests(two, gathering, [registration_id(gathering, people[1])])
    else:
        erase(two, [people[1]], remake_backups=False)
    syncs(two, door)
    change_member(one, people[0], first_name="Later")
    to = two if how == "erased, at another leader's" else door
    made = hand_over(one, to, gathering, tmp_path)
    assert made.taken and "Guest1" not in str(listed(to, gathering)) and ("Later Nguyễn" in listed(to, gathering)) == (to is door)
    assert "Guest1" not in sealed(to, gathering)
    with to.reading() as connection:
        assert newest_number(connection, gathering) == made.number
    syncs(one, door)
    assert hand_over(one, door, gathering, tmp_path).taken and "Later" in sealed(door, gathering) and "Guest1" not in sealed(door, gathering)


def test_who_is_erased_while_a_list_is_made_is_in_none_that_stays(venue: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a command beside the window, say."""
    one, _two, _door, gathering, people = venue
    close = handouts.close_handout

    def meanwhile(*given: Any, **named: Any) -> Any:
        erase(one, [people[1]], remake_backups=False)
        return close(*given, **named)

    with one.reading() as connection:
        mine = me(connection)
    with monkeypatch.context() as patched:
        patched.setattr(handouts, "close_handout", meanwhile)
        made = handouts.make_handout(one, mine, gathering)
    assert "Guest0" in str(open_handout(made, mine.keys)) and sealed(one, gathering) == ""
    handouts.make_handout(one, mine, gathering)
    assert "Guest0" in sealed(one, gathering) and "Guest1" not in sealed(one, gathering)
