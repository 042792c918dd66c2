"""Somebody is let in whom another laptop has taken off the list meanwhile: they are on it again, and count, on every laptop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.sync.test_doors_together import give
from tests.sync.test_venue import MakeDesk, leaders

from alumni_desk.checkin.actions import check_in, undo_check_in, walk_in
from alumni_desk.checkin.lists import DoorList, headcount
from alumni_desk.errors import Refused
from alumni_desk.gatherings.actions import add_guest_of, new_gathering, remove_guests
from alumni_desk.gatherings.lists import gathering_rows, guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import remove_members
from alumni_desk.segments.activity import deeds
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import undo
from alumni_desk.sync import conflicts
from alumni_desk.sync.engine import join, sync_once

__all__ = ["leaders"]
"""A fixture of another file."""


def counted(desk: Desk, gathering: str) -> tuple[int, int, int]:
    """Who is here by the door's head count and its list, and how many stand on the list of guests."""
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM registration WHERE gone").scalar() == 0
    return headcount(desk, gathering).present, DoorList(desk, gathering).headcount().present, sum(row.checked_in for row in guest_rows(desk, gathering))


@pytest.mark.parametrize("first", ["taken off", "let in"])
def test_whoever_was_let_in_is_on_the_list_again(leaders: Any, first: str) -> None:
    one, other, evening, people = leaders
    place = registration_id(evening, people[0])
    remove_guests(one, evening, [place])
    check_in(other, evening, place, station="Main door", let_in=True)
    for desk in (one, other, one) if first == "taken off" else (other, one, other):
        result = sync_once(desk)
        assert result.conflicts == 0 and result.refused == 0
    for desk in (one, other):
        sync_once(desk)
        assert counted(desk, evening) == (1, 1, 1) and conflicts.count(desk) == 0
        with pytest.raises(Refused, match="checked in already"):
            remove_guests(desk, evening, [place])
    said = [deed for desk in (one, other) for deed in deeds(desk) if deed.event == "guests_came_anyhow"]
    assert said and all("Founders’ Dinner" in deed.what and "let in" in deed.what and not deed.undoable for deed in said)


def test_both_put_them_back_at_once(leaders: Any) -> None:
    one, other, evening, people = leaders
    place = registration_id(evening, people[0])
    remove_guests(one, evening, [place])
    sync_once(one)
    check_in(other, evening, place, station="Main door", let_in=True)
    give(other, one)
    give(one, other)
    assert counted(one, evening) == counted(other, evening) == (1, 1, 1)
    for desk in (one, other, one, other):
        result = sync_once(desk)
    assert result.conflicts == 0 and counted(one, evening) == counted(other, evening) == (1, 1, 1)


def test_whose_check_in_was_taken_back_stays_off_the_list(leaders: Any) -> None:
    one, other, evening, people = leaders
    place = registration_id(evening, people[0])
    check_in(other, evening, place, station="Main door", let_in=True)
    undo_check_in(other, evening, place)
    remove_guests(one, evening, [place])
    for desk in (one, other, one):
        sync_once(desk)
    for desk in (one, other):
        assert place not in {row.registration for row in guest_rows(desk, evening)} and not [deed for deed in deeds(desk) if deed.event == "guests_came_anyhow"]


def test_a_guest_s_guest_whose_addition_was_undone_counts_where_another_laptop_let_them_in(leaders: Any) -> None:
    one, other, evening, people = leaders
    (added,) = add_guest_of(one, evening, registration_id(evening, people[0]), "Zora Guest").registrations
    for desk in (one, other):
        sync_once(desk)
    undo(one)
    check_in(other, evening, added, station="Main door", let_in=True)
    for desk in (one, other, one, other):
        result = sync_once(desk)
        assert result.conflicts == 0 and result.refused == 0
    for desk in (one, other):
        assert counted(desk, evening) == (1, 1, 1)
        assert [(row.registration, row.name) for row in guest_rows(desk, evening) if row.checked_in] == [(added, "Zora Guest")]
        assert [hit.name for hit in DoorList(desk, evening).find("Zora").hits] == ["Zora Guest"]


def test_of_a_member_who_was_removed_too_the_check_in_counts_and_they_stay_off_the_list_of_members(leaders: Any) -> None:
    one, other, evening, people = leaders
    place = registration_id(evening, people[0])
    remove_guests(one, evening, [place])
    remove_members(one, [people[0]])
    check_in(other, evening, place, station="Main door", let_in=True)
    for desk in (one, other, one, other):
        sync_once(desk)
    for desk in (one, other):
        assert counted(desk, evening) == (1, 1, 1)
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT gone FROM person WHERE id = ?", (people[0],)).scalar()


def test_a_gathering_whose_planning_was_undone_is_there_again_where_somebody_was_let_in(leaders: Any) -> None:
    one, other, _evening, _people = leaders
    now = datetime.now(UTC)
    brunch = new_gathering(one, name="Brunch", start=now.strftime("%Y-%m-%dT%H:%M"), end=(now + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M"),
                           time_zone="UTC").id
    for desk in (one, other):
        sync_once(desk)
    undo(one)
    assert brunch not in {row.id for row in gathering_rows(one)}
    walk_in(other, brunch, "Zora Guest")
    for desk in (one, other, one, other):
        result = sync_once(desk)
        assert result.conflicts == 0 and result.refused == 0
    for desk in (one, other):
        assert brunch in {row.id for row in gathering_rows(desk)} and counted(desk, brunch) == (1, 1, 1)
    said = [deed for desk in (one, other) for deed in deeds(desk) if deed.event == "gathering_came_anyhow"]
    assert said and all(deed.what == "Brunch is there again, for somebody was let in" and not deed.undoable for deed in said)


def test_a_door_counts_them_too(make_desk: MakeDesk, leaders: Any, office: Any) -> None:
    """The door was not told in time; the leader, who took them off, hears of the check-in from the server."""
    priya, _other, evening, people = leaders
    door = make_desk("door")
    join(door, office.url, office.invite(role="door", gathering=evening))
    sync_once(door)
    place = registration_id(evening, people[0])
    remove_guests(priya, evening, [place])
    sync_once(priya)
    check_in(door, evening, place, station="Main door", let_in=True)
    sync_once(door)
    sync_once(priya)
    sync_once(door)
    assert headcount(priya, evening).present == headcount(door, evening).present == 1


@pytest.mark.parametrize("told", [False, True], ids=["the door was not told in time", "the door heard of it"])
def test_a_door_counts_them_too_where_the_planning_was_undone(make_desk: MakeDesk, leaders: Any, office: Any, told: bool) -> None:
    priya, other, _evening, _people = leaders
    now = datetime.now(UTC)
    brunch = new_gathering(priya, name="Brunch", start=now.strftime("%Y-%m-%dT%H:%M"), end=(now + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M"),
                           time_zone="UTC").id
    sync_once(priya)
    door = make_desk("door")
    join(door, office.url, office.invite(role="door", gathering=brunch))
    sync_once(door)
    undo(priya)
    sync_once(priya)
    walk_in(door, brunch, "Zora Guest")
    if told:
        sync_once(door)
    for desk in (door, priya, other, door, priya):
        sync_once(desk)
    for desk in (priya, other, door):
        assert headcount(desk, brunch).present == 1
