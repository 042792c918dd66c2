"""Gatherings and their lists: answers, guests of guests, capacity, what is cancelled, times at the place."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alumni_desk.badges.rosters import awaited
from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.errors import Ambiguous, BadInput, KnownError, NotFound, Refused
from alumni_desk.gatherings.actions import (
    add_guest_of,
    add_guests,
    cancel_gathering,
    change_gathering,
    name_guest,
    new_gathering,
    remove_guests,
    replan_gathering,
    restore_guests,
    set_rsvp,
    take_back_rsvp,
)
from alumni_desk.gatherings.lists import gathering, gathering_rows, guest_rows, resolve
from alumni_desk.members.actions import add_member
from alumni_desk.segments.lists import expected_next, last_seen, visits
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.store.undo import redo, undo


@pytest.fixture
def dinner(desk: Desk) -> str:
    return new_gathering(desk, name="Dinner", start="2030-11-12T18:30", end="2030-11-12T21:00", capacity="4").id


@pytest.fixture
def people(desk: Desk) -> list[str]:
    return [add_member(desk, first_name=name, last_name="Obi").id for name in ("Ada", "Bo", "Cy")]


def test_the_chapters_time_zone_is_taken_unless_said(desk: Desk, dinner: str) -> None:
    assert gathering(desk, dinner).time_zone == "America/New_York"
    assert change_gathering(desk, dinner, time_zone="Asia/Kolkata").id == dinner
    assert gathering(desk, dinner).time_zone == "Asia/Kolkata"


@pytest.mark.parametrize("typed", [{"name": ""}, {"start": "soon"}, {"start": "2030-11-12T18:30", "end": "2030-11-12T17:00"}, {"capacity": "-3"},
                                   {"time_zone": "Mars/Olympus"}, {"kind": "riot"}, {"mode": "telepathy"}, {"capacity": "many"}])
def test_refused(desk: Desk, typed: dict[str, str]) -> None:
    with pytest.raises(BadInput) as refused:
        new_gathering(desk, **{"name": "Dinner", "start": "2030-11-12T18:30", **typed})
    assert str(refused.value).endswith(".") and gathering_rows(desk) == []


@pytest.mark.parametrize(("zone", "typed", "after"), [
    ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 03:30"), ("America/New_York", "2030-03-10 02:00", "2030-03-10 03:00"),
    ("Africa/Cairo", "2026-04-24 00:15", "2026-04-24 01:15"), ("Australia/Lord_Howe", "2026-10-04 02:10", "2026-10-04 02:40")])
def test_an_hour_that_daylight_saving_leaves_out(desk: Desk, zone: str, typed: str, after: str) -> None:
    with pytest.raises(BadInput, match=f"There is no {typed} in {zone}: .* Choose {after} or another time") as refused:
        new_gathering(desk, name="Night Walk", start=typed, time_zone=zone)
    assert refused.value.about == "start" and gathering_rows(desk) == []
    walk = new_gathering(desk, name="Night Walk", start=after, time_zone=zone).id
    with pytest.raises(BadInput, match="There is no"):
        change_gathering(desk, walk, start=typed)
    change_gathering(desk, walk, start=typed, time_zone="UTC")
    with pytest.raises(BadInput, match="There is no"):
        change_gathering(desk, walk, time_zone=zone)
    change_gathering(desk, walk, time_zone="UTC", end=f"{typed[:10]} 23:00")
    assert gathering(desk, walk).starts == typed.replace(" ", "T")


def test_the_chapters_zone_counts_where_none_is_said_and_of_an_hour_that_comes_twice_nothing(desk: Desk) -> None:
    with pytest.raises(BadInput, match="America/New_York"):
        new_gathering(desk, name="Night Walk", start="2030-03-10 00:30", end="2030-03-10 02:30")
    assert new_gathering(desk, name="Night Walk", start="2030-11-03 01:30").id


def test_an_hour_that_was_let_through_before_hinders_no_other_change(desk: Desk, dinner: str) -> None:
    with desk.writing("gathering_changed") as writing:
        writing.change("gathering", dinner, starts="2030-03-10T02:30")
    assert change_gathering(desk, dinner, name="Supper").name == "Supper"


def test_guests_are_on_the_list_once(desk: Desk, dinner: str, people: list[str]) -> None:
    assert len(add_guests(desk, dinner, people[:2]).registrations) == 2
    again = add_guests(desk, dinner, people)
    assert len(again.registrations) == 1
    assert [row.name for row in guest_rows(desk, dinner)] == ["Ada Obi", "Bo Obi", "Cy Obi"]
    assert gathering(desk, dinner).coming == 3


def test_a_guest_of_a_guest_has_a_row_of_their_own(desk: Desk, dinner: str, people: list[str]) -> None:
    [ada] = add_guests(desk, dinner, people[:1]).registrations
    [other] = add_guest_of(desk, dinner, ada).registrations
    rows = {row.registration: row for row in guest_rows(desk, dinner)}
    assert rows[other].host == ada and rows[other].host_name == "Ada Obi" and not rows[other].named
    name_guest(desk, other, first_name="Samuel", last_name="Parker")
    row = next(row for row in guest_rows(desk, dinner) if row.registration == other)
    assert (row.name, row.named, row.standing) == ("Samuel Parker", True, "guest")


def test_answers_and_back(desk: Desk, dinner: str, people: list[str]) -> None:
    ids = add_guests(desk, dinner, people, status="invited").registrations
    answered = set_rsvp(desk, dinner, ids, "yes")
    assert gathering(desk, dinner).coming == 3
    take_back_rsvp(desk, dinner, answered.before)
    assert gathering(desk, dinner).coming == 0 and gathering(desk, dinner).not_answered == 3
    with pytest.raises(BadInput):
        set_rsvp(desk, dinner, ids, "perhaps")


def test_taken_off_and_put_back(desk: Desk, dinner: str, people: list[str]) -> None:
    ids = add_guests(desk, dinner, people).registrations
    remove_guests(desk, dinner, ids[:2])
    assert [row.name for row in guest_rows(desk, dinner)] == ["Cy Obi"]
    restore_guests(desk, dinner, ids[:2])
    assert len(guest_rows(desk, dinner)) == 3


def test_whoever_is_in_is_not_taken_off_the_list(desk: Desk, dinner: str, people: list[str]) -> None:
    ids = add_guests(desk, dinner, people).registrations
    check_in(desk, dinner, ids[0], station="Door")
    with pytest.raises(KnownError, match=r"\.$"):
        remove_guests(desk, dinner, ids)
    assert len(guest_rows(desk, dinner)) == 3
    undo_check_in(desk, dinner, ids[0], "another one was meant")  # as the sentence says
    remove_guests(desk, dinner, ids[:1])
    assert len(guest_rows(desk, dinner)) == 2
    check_in(desk, dinner, ids[1], station="Door")
    check_out(desk, dinner, ids[1], station="Door")
    with pytest.raises(KnownError):  # they came
        remove_guests(desk, dinner, ids[1:])


def test_cancelled_and_planned_again(desk: Desk, dinner: str, people: list[str]) -> None:
    cancel_gathering(desk, dinner, "The hall is closed")
    assert gathering(desk, dinner).cancelled and gathering(desk, dinner).cancelled_reason == "The hall is closed"
    with pytest.raises(KnownError):
        add_guests(desk, dinner, people)
    replan_gathering(desk, dinner)
    assert not gathering(desk, dinner).cancelled and len(add_guests(desk, dinner, people).registrations) == 3


def test_next_is_the_one_that_is_not_over_at_its_place(desk: Desk) -> None:
    early = new_gathering(desk, name="Breakfast Delhi", start="2030-05-01T08:00", end="2030-05-01T09:00", time_zone="Asia/Kolkata").id
    late = new_gathering(desk, name="Breakfast Boston", start="2030-05-01T08:00", end="2030-05-01T09:00", time_zone="America/New_York").id
    assert resolve(desk, "next", now=datetime(2030, 5, 1, 3, 0, tzinfo=UTC)) == early  # half past eight in Delhi
    assert resolve(desk, "next", now=datetime(2030, 5, 1, 5, 0, tzinfo=UTC)) == early  # half past ten: it may run late
    assert resolve(desk, "next", now=datetime(2030, 5, 1, 6, 0, tzinfo=UTC)) == late
    assert resolve(desk, "delhi") == early
    with pytest.raises(Ambiguous):
        resolve(desk, "breakfast")
    with pytest.raises(NotFound):
        resolve(desk, "supper")


def test_what_a_member_was_at(desk: Desk, dinner: str, people: list[str]) -> None:
    from datetime import date

    [ada, bo] = add_guests(desk, dinner, people[:2]).registrations
    assert expected_next(desk, people, date(2030, 1, 1))[people[0]].name == "Dinner"
    assert expected_next(desk, people, date(2031, 1, 1)) == {}
    check_in(desk, dinner, ada, station="Door")
    assert set(last_seen(desk, people)) == {people[0]}
    assert [visit.came for visit in visits(desk, people[0])] == [True] and [visit.came for visit in visits(desk, people[1])] == [False]
    assert bo
    cancel_gathering(desk, dinner)
    assert [visit.came for visit in visits(desk, people[0])] == [True] and visits(desk, people[1]) == [], "nobody missed what did not take place"


@pytest.fixture
def crossed(desk: Desk, dinner: str) -> str:
    """A gathering of which one laptop set the start and another the end: after the sync it ends before it starts."""
    with desk.writing("gathering_changed") as writing:
        writing.change("gathering", dinner, starts="2030-11-12T22:30", ends="2030-11-12T21:00")
    return dinner


def test_hours_that_crossed_hinder_no_other_change(desk: Desk, crossed: str) -> None:
    """Any change had been refused: it would end before it starts."""
    change_gathering(desk, crossed, place="Harbor Hall", name="Feast")
    row = gathering(desk, crossed)
    assert (row.place, row.name, row.crossed) == ("Harbor Hall", "Feast", True)
    with pytest.raises(BadInput, match="before it starts"):
        change_gathering(desk, crossed, start="2030-11-12T22:00")
    change_gathering(desk, crossed, end="2030-11-12T23:30")
    assert not gathering(desk, crossed).crossed


def test_a_gathering_whose_hours_crossed_goes_on_after_its_start(desk: Desk, crossed: str) -> None:
    row = gathering(desk, crossed)
    during = datetime(2030, 11, 13, 4, 30, tzinfo=UTC)  # 23:30 in New York
    assert not row.is_over(during) and row.is_over(during.replace(hour=18))
    assert resolve(desk, "next", now=during) == crossed


def test_nobody_is_checked_in_again_who_was_taken_off_the_list(desk: Desk, dinner: str, people: list[str]) -> None:
    place = add_guests(desk, dinner, people).registrations[0]
    check_in(desk, dinner, place, station="Door")
    done = undo(desk)
    removed = remove_guests(desk, dinner, [place])
    with pytest.raises(Refused, match="nothing was put back"):
        redo(desk, done.of)
    assert gathering(desk, dinner).came == 0
    undo(desk, removed.action)
    redo(desk, done.of)
    assert gathering(desk, dinner).came == 1 and headcount(desk, dinner).present == 1


@pytest.mark.parametrize("year", ["0001", "1899", "3000", "9999"])
def test_a_year_that_no_server_takes_cannot_be(desk: Desk, dinner: str, year: str) -> None:
    with pytest.raises(BadInput, match=f"The year {int(year)} cannot be"):
        new_gathering(desk, name="Far away", start=f"{year}-12-31T18:30")
    with pytest.raises(BadInput, match="Type one between 1900 and 2999"):
        change_gathering(desk, dinner, end=f"{year}-12-31T23:00")


def test_who_once_walked_in_and_is_put_on_the_list_is_expected(desk: Desk, dinner: str) -> None:
    came = walk_in(desk, dinner, "New One")
    undo_check_in(desk, dinner, came.registration or "")
    remove_guests(desk, dinner, [came.registration or ""])
    add_guests(desk, dinner, [came.person or ""])
    count = headcount(desk, dinner)
    assert (count.registered, count.expected, count.walk_ins) == (1, 1, 0) and not guest_rows(desk, dinner)[0].walk_in


def test_a_guest_of_a_guest_has_no_longer_name_than_a_member(desk: Desk, dinner: str, people: list[str]) -> None:
    host = add_guests(desk, dinner, people[:1]).registrations[0]
    with pytest.raises(BadInput, match="holds 300 letters at most"):
        add_guest_of(desk, dinner, host, "a" * 40_000)


def test_who_said_no_and_came_nevertheless_is_on_the_roster_also_when_they_went_out(desk: Desk, dinner: str, people: list[str]) -> None:
    guest = add_guests(desk, dinner, people[:1], status="no").registrations[0]
    check_in(desk, dinner, guest, let_in=True)
    check_out(desk, dinner, guest)
    assert [row.registration for row in awaited(guest_rows(desk, dinner))] == [guest]


def test_whoever_was_erased_is_given_no_name_again(desk: Desk, dinner: str, people: list[str]) -> None:
    [registration] = add_guests(desk, dinner, people[:1]).registrations
    erase(desk, people[:1], remake_backups=False)
    with pytest.raises(Refused, match="no name is kept"):
        name_guest(desk, registration, first_name="Samuel", last_name="Parker")
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT first_name, last_name FROM person WHERE id = ?", (people[0],)).all() == [(None, None)]


def test_a_members_name_is_not_emptied_in_a_list_of_guests(desk: Desk, dinner: str, people: list[str]) -> None:
    [registration] = add_guests(desk, dinner, people[:1]).registrations
    before = [guest.name for guest in guest_rows(desk, dinner)]
    with pytest.raises(BadInput, match="needs a name"):
        name_guest(desk, registration, first_name="", last_name="")
    assert [guest.name for guest in guest_rows(desk, dinner)] == before
