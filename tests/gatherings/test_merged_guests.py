"""Entries that were merged are one person in every number and on every list and paper of a gathering, and two again when they are taken apart."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from alumni_desk.badges.actions import note_printed
from alumni_desk.badges.people import badge_people
from alumni_desk.badges.rosters import awaited, roster_csv
from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.checkin.lists import DoorList, find_at_door, headcount
from alumni_desk.checkin.verdicts import Outcome, Reason
from alumni_desk.desktop.today_lists import today_facts
from alumni_desk.gatherings.actions import add_guest_of, add_guests, change_gathering, name_guest, new_gathering, remove_guests, set_rsvp
from alumni_desk.gatherings.lists import gathering, gathering_rows, guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.protocol.clock import wall_ms
from alumni_desk.segments.lists import expected_next, last_seen, visits
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import undo

DAY = date(2030, 11, 12)


@pytest.fixture
def dinner(desk: Desk) -> str:
    return new_gathering(desk, name="Dinner", start="2030-11-12T18:30", end="2030-11-12T21:00").id


@pytest.fixture
def people(desk: Desk, dinner: str) -> list[str]:
    """Three entries on the list; the first two are one person, as it turns out."""
    people = [add_member(desk, first_name=name, last_name="Obi").id for name in ("Ada", "Adaeze", "Cy")]
    add_guests(desk, dinner, people)
    return people


def numbers(desk: Desk, dinner: str, today: date = DAY) -> list[tuple[int, int]]:
    """How many come and came, as each place says it."""
    [listed] = gathering_rows(desk)
    one, facts = gathering(desk, dinner), today_facts(desk, today)
    return [(listed.coming, listed.came), (one.coming, one.came)] + [(ahead.coming, one.came) for ahead in facts.ahead] + [
        (one.coming, held.came) for held in facts.held]


def names(desk: Desk, dinner: str) -> list[str]:
    return [row.name for row in guest_rows(desk, dinner)]


def test_whoever_was_merged_counts_once_outside_the_door_too(desk: Desk, dinner: str, people: list[str]) -> None:
    ada, adaeze, _cy = people
    for person in people:
        check_in(desk, dinner, registration_id(dinner, person), station="Main door")
    merge_people(desk, adaeze, ada)
    assert headcount(desk, dinner).present == 2
    for today in (DAY, date(2030, 12, 1)):
        assert numbers(desk, dinner, today) == [(2, 2)] * 3
    assert [(row.name, row.checked_in) for row in guest_rows(desk, dinner)] == [("Ada Obi", True), ("Cy Obi", True)]
    unmerge(desk, adaeze)
    assert numbers(desk, dinner) == [(3, 3)] * 3
    assert names(desk, dinner) == ["Ada Obi", "Adaeze Obi", "Cy Obi"]


def test_on_paper_they_stand_once_with_the_name_that_stays(desk: Desk, dinner: str, people: list[str]) -> None:
    ada, adaeze, _cy = people
    merge_people(desk, adaeze, ada)
    rows = awaited(guest_rows(desk, dinner))
    assert roster_csv(rows).count("Obi") == 2 and "Adaeze" not in roster_csv(rows)
    badges = badge_people(desk, dinner)
    assert [one.big for one in badges] == ["Ada", "Cy"]
    assert [one.big for one in badge_people(desk, dinner, registrations=[registration_id(dinner, adaeze)])] == ["Ada"]
    note_printed(desk, dinner, badges)
    assert badge_people(desk, dinner, only_new=True) == []
    unmerge(desk, adaeze)
    assert [one.big for one in badge_people(desk, dinner)] == ["Ada", "Adaeze", "Cy"]
    assert [one.big for one in badge_people(desk, dinner, only_new=True)] == ["Adaeze"], "the badge was the other entry's"


def test_the_entry_that_stays_needs_not_be_on_the_list(desk: Desk, dinner: str, people: list[str]) -> None:
    _ada, adaeze, _cy = people
    other = add_member(desk, first_name="Adaeze", last_name="Obi Nwosu", class_year="2004").id
    merge_people(desk, adaeze, other)
    [row] = [row for row in guest_rows(desk, dinner) if row.registration == registration_id(dinner, adaeze)]
    assert (row.name, row.class_tail, row.person) == ("Adaeze Obi Nwosu", "’04", other)
    name_guest(desk, row.registration, first_name="Ada", last_name="Nwosu")
    assert "Ada Nwosu" in names(desk, dinner)
    note_printed(desk, dinner, badge_people(desk, dinner))
    with desk.reading() as connection:
        told = connection.exec_driver_sql("SELECT person FROM fact WHERE kind = 'badge' AND registration = ?", (row.registration,)).scalars().all()
    assert told == [adaeze], "a fact names the entry that is on the list"


def test_a_yes_of_either_counts_once_and_an_answer_is_noted_for_both(desk: Desk, dinner: str, people: list[str]) -> None:
    ada, adaeze, cy = people
    set_rsvp(desk, dinner, [registration_id(dinner, ada)], "invited")
    merge_people(desk, adaeze, ada)
    one = gathering(desk, dinner)
    assert (one.coming, one.not_answered) == (2, 0)
    assert [row.status for row in guest_rows(desk, dinner)] == ["yes", "yes"]
    assert set_rsvp(desk, dinner, [registration_id(dinner, ada)], "no").count == 1
    one = gathering(desk, dinner)
    assert (one.coming, one.not_coming) == (1, 1)
    assert [row.status for row in guest_rows(desk, dinner)] == ["no", "yes"]
    remove_guests(desk, dinner, [registration_id(dinner, ada)])
    assert names(desk, dinner) == ["Cy Obi"] and gathering(desk, dinner).coming == 1
    assert guest_rows(desk, dinner)[0].person == cy


def test_what_a_member_was_at_is_told_of_all_their_entries_once(desk: Desk, dinner: str, people: list[str]) -> None:
    ada, adaeze, cy = people
    lunch = new_gathering(desk, name="Lunch", start="2030-11-20T12:00").id
    add_guests(desk, lunch, [adaeze], status="invited")
    add_guests(desk, lunch, [cy])
    check_in(desk, dinner, registration_id(dinner, adaeze), station="Main door")
    set_rsvp(desk, dinner, [registration_id(dinner, ada)], "maybe")
    merge_people(desk, adaeze, ada)
    for entry in (ada, adaeze):
        assert [(one.name, one.status, one.came) for one in visits(desk, entry)] == [("Lunch", "invited", False), ("Dinner", "maybe", True)]
    assert {who: one.name for who, one in last_seen(desk, [ada, cy]).items()} == {ada: "Dinner"}
    ahead = expected_next(desk, [ada, cy], DAY)
    assert {who: (one.name, one.status) for who, one in ahead.items()} == {ada: ("Dinner", "maybe"), cy: ("Dinner", "yes")}
    assert expected_next(desk, [ada], date(2030, 11, 13))[ada].name == "Lunch"


def test_whoever_is_on_the_list_under_another_entry_is_not_put_on_it_again(desk: Desk, people: list[str]) -> None:
    ada, adaeze, cy = people
    lunch = new_gathering(desk, name="Lunch", start="2030-11-20T12:00").id
    add_guests(desk, lunch, [adaeze], status="maybe")
    merge_people(desk, adaeze, ada)
    added = add_guests(desk, lunch, [ada, adaeze, cy])
    assert (len(added.registrations), added.already) == (1, 1)
    assert [(row.name, row.status) for row in guest_rows(desk, lunch)] == [("Ada Obi", "maybe"), ("Cy Obi", "yes")]
    tea = new_gathering(desk, name="Tea", start="2030-11-21T16:00").id
    assert len(add_guests(desk, tea, [adaeze, ada]).registrations) == 1
    remove_guests(desk, lunch, [registration_id(lunch, adaeze)])
    assert len(add_guests(desk, lunch, [ada]).registrations) == 1 and gathering(desk, lunch).coming == 2


def test_guests_stay_under_a_host_who_was_merged(desk: Desk, dinner: str, people: list[str]) -> None:
    ada, adaeze, _cy = people
    add_guest_of(desk, dinner, registration_id(dinner, adaeze), "Zoe Young")
    merge_people(desk, adaeze, ada)
    assert [(row.name, row.host_name) for row in guest_rows(desk, dinner)] == [("Ada Obi", None), ("Zoe Young", "Ada Obi"), ("Cy Obi", None)]
    [zoe] = [row for row in guest_rows(desk, dinner) if row.name == "Zoe Young"]
    merge_people(desk, zoe.person, ada)
    assert [(row.name, row.host) for row in guest_rows(desk, dinner)] == [("Ada Obi", None), ("Cy Obi", None)]


@pytest.mark.parametrize(("into", "other", "shown"), [("no", "yes", "no"), ("yes", "no", "yes"), ("maybe", "waitlisted", "maybe"), ("invited", "no", "no"),
                                                      ("invited", "yes", "yes"), ("cancelled", "yes", "cancelled")])
def test_the_answer_of_the_entry_that_stays_counts_wherever_it_is_told(desk: Desk, dinner: str, people: list[str], into: str, other: str, shown: str) -> None:
    ada, adaeze, cy = people
    remove_guests(desk, dinner, [registration_id(dinner, cy)])
    with desk.writing("answers_noted") as writing:
        for person, status in ((ada, into), (adaeze, other)):
            writing.change("registration", registration_id(dinner, person), status=status)
    merge_people(desk, adaeze, ada)
    assert [row.status for row in guest_rows(desk, dinner)] == [shown]
    one = gathering(desk, dinner)
    assert (one.coming, one.not_coming, one.maybe) == (shown == "yes", shown in ("no", "cancelled"), shown == "maybe")
    assert {ahead.coming for ahead in today_facts(desk, DAY).ahead} == {shown == "yes"}
    assert [one.status for one in visits(desk, ada)] == [one.status for one in visits(desk, adaeze)] == [shown]
    assert [one.status for one in expected_next(desk, [ada], DAY).values()] == ([] if shown == "cancelled" else [shown])
    door = DoorList(desk, dinner)
    assert {hit.rsvp for hit in door.hits.values()} == {shown} and door.headcount().expected == (shown == "yes")
    admits = {"no": False, "cancelled": False}.get(shown, True)
    for person in (adaeze, ada):
        assert (check_in(desk, dinner, registration_id(dinner, person), station="Main door").outcome in (Outcome.ADMITTED, Outcome.ALREADY_IN)) == admits


def test_whoever_is_in_stays_in_whatever_the_entry_answered_that_stays(desk: Desk, dinner: str, people: list[str]) -> None:
    ada, adaeze, _cy = people
    set_rsvp(desk, dinner, [registration_id(dinner, ada)], "no")
    check_in(desk, dinner, registration_id(dinner, adaeze), station="Main door")
    merge_people(desk, adaeze, ada)
    assert [(row.status, row.checked_in) for row in guest_rows(desk, dinner)] == [("no", True), ("yes", False)]
    assert headcount(desk, dinner).present == 1 and gathering(desk, dinner).came == 1
    assert check_in(desk, dinner, registration_id(dinner, ada), station="Main door").outcome is Outcome.ALREADY_IN


def test_at_the_door_they_are_found_and_welcomed_by_the_name_on_their_badge(desk: Desk) -> None:
    liz = add_member(desk, first_name="Liz", last_name="Lima", class_year="1998").id
    elizabeth = add_member(desk, first_name="Elizabeth", last_name="Ortega", class_year="1999", door_note="Bring a chair").id
    gala = new_gathering(desk, name="Gala", start="2030-01-01 18:00").id
    [place] = add_guests(desk, gala, [liz]).registrations
    add_guest_of(desk, gala, place, "Kim Lima")
    merge_people(desk, liz, elizabeth)
    assert [one.name or one.big for one in badge_people(desk, gala)] == ["Elizabeth Ortega", "Kim Lima"]
    for typed in ("ortega", "elizabeth ortega", "liz lima"):
        certain = find_at_door(desk, gala, typed).certain
        assert certain is not None and (certain.registration, certain.name, certain.class_tail) == (place, "Elizabeth Ortega", "’99"), typed
    assert [hit.host_name for hit in find_at_door(desk, gala, "kim").hits] == ["Elizabeth Ortega ’99"]
    asked = check_in(desk, gala, place)
    assert (asked.outcome, asked.reason, asked.name) == (Outcome.NEEDS_A_WORD, Reason.DOOR_NOTE, "Elizabeth Ortega")
    welcome = check_in(desk, gala, place, let_in=True)
    assert (welcome.outcome, welcome.name, welcome.class_tail) == (Outcome.ADMITTED, "Elizabeth Ortega", "’99")


def test_at_the_door_who_is_on_the_list_under_two_entries_is_one(desk: Desk) -> None:
    first, second = (add_member(desk, first_name="Li", last_name="Chen", class_year=year).id for year in ("2004", "2005"))
    gala = new_gathering(desk, name="Gala", start="2030-01-01 18:00").id
    add_guests(desk, gala, [first, second])
    assert find_at_door(desk, gala, "li chen").certain is None, "two namesakes"
    merge_people(desk, first, second)
    found = find_at_door(desk, gala, "li chen")
    assert found.certain is not None and [hit.registration for hit in found.hits] == [registration_id(gala, second)] and found.namesakes == ()
    assert check_in(desk, gala, found.certain.registration).outcome is Outcome.ADMITTED
    assert headcount(desk, gala).present == 1 and find_at_door(desk, gala, "2004").hits[0].here


def test_whoever_was_merged_is_in_once_while_it_goes_on(desk: Desk, dinner: str, people: list[str]) -> None:
    ada, adaeze, _cy = people
    places = [registration_id(dinner, person) for person in people]
    desk.clock.correct(round(datetime(2030, 11, 12, 19, tzinfo=UTC).timestamp() * 1000) - wall_ms())

    def inside() -> tuple[int, int, int] | None:
        [listed], [ahead] = gathering_rows(desk), today_facts(desk, DAY).ahead
        assert listed.inside == ahead.inside
        return listed.inside

    assert inside() is None
    set_rsvp(desk, dinner, [places[0], places[2]], "maybe")
    for place in places:
        check_in(desk, dinner, place, station="Main door")
    assert inside() == (3, 3, 2)  # two had not said yes
    merge_people(desk, adaeze, ada)
    assert inside() == (2, 2, 2)  # the entry that stands for them had said maybe
    check_out(desk, dinner, places[0], station="Main door")
    assert [(row.name, row.checked_in, row.came) for row in guest_rows(desk, dinner)] == [("Ada Obi", False, True), ("Cy Obi", True, True)]
    assert inside() == (1, 2, 2)
    undo_check_in(desk, dinner, places[2], station="Main door")
    assert inside() == (0, 1, 1)
    set_rsvp(desk, dinner, [places[0]], "yes")
    assert inside() == (0, 1, 0)


def test_whoever_comes_with_somebody_by_either_entry_is_of_their_party_at_the_door(desk: Desk) -> None:
    host, known = (add_member(desk, first_name=name, last_name="Lima").id for name in ("Ana", "Kim"))
    gala = new_gathering(desk, name="Gala", start="2030-01-01 18:00").id
    place, _own = add_guests(desk, gala, [host, known]).registrations
    add_guest_of(desk, gala, place, "Kim Lima-Ruiz")
    [brought] = [row for row in guest_rows(desk, gala) if row.host]
    merge_people(desk, brought.person, known)
    [listed] = [row for row in guest_rows(desk, gala) if row.person == known]
    assert listed.host_name and "Ana Lima" in listed.host_name
    door = DoorList(desk, gala)
    assert [hit.name for hit in door.guests_of(place)] == ["Kim Lima"] == [hit.name for hit in door.parties()[place]]
    assert [(hit.name, hit.host_name) for hit in door.find("kim").hits] == [("Kim Lima", listed.host_name)]


def inside(desk: Desk, dinner: str) -> tuple[list[str], list[str], int]:
    """Who is in, as the door, the list, and the number of those who came say it."""
    return ([hit.name for hit in DoorList(desk, dinner).present()], [row.name for row in guest_rows(desk, dinner) if row.checked_in],
            gathering(desk, dinner).came)


@pytest.mark.parametrize("close", [undo_check_in, check_out])
def test_who_went_out_by_one_entry_is_not_in_again_when_they_are_taken_apart(desk: Desk, dinner: str, people: list[str], close: Any) -> None:
    ada, adaeze, _cy = people
    check_in(desk, dinner, registration_id(dinner, adaeze))
    merge_people(desk, adaeze, ada)
    close(desk, dinner, registration_id(dinner, ada))
    came = 0 if close is undo_check_in else 1
    assert inside(desk, dinner) == ([], [], came)
    unmerge(desk, adaeze)
    assert inside(desk, dinner) == ([], [], came)
    assert check_in(desk, dinner, registration_id(dinner, adaeze)).outcome is Outcome.ADMITTED


def test_a_check_in_that_was_taken_back_by_another_entry_is_brought_back_by_undo(desk: Desk, dinner: str, people: list[str]) -> None:
    ada, adaeze, _cy = people
    for person in (ada, adaeze):
        check_in(desk, dinner, registration_id(dinner, person))
    merge_people(desk, adaeze, ada)
    undo_check_in(desk, dinner, registration_id(dinner, ada))
    assert inside(desk, dinner)[2] == 0
    undo(desk)
    assert inside(desk, dinner)[2] == 1 and headcount(desk, dinner).present == 1
    unmerge(desk, adaeze)
    assert inside(desk, dinner)[2] == headcount(desk, dinner).present == 2


@pytest.mark.parametrize("taken_back", [False, True])
def test_a_gathering_is_full_of_people_and_not_of_entries(desk: Desk, dinner: str, people: list[str], taken_back: bool) -> None:
    ada, adaeze, _cy = people
    change_gathering(desk, dinner, capacity=1 if taken_back else 2)
    for person in (ada, adaeze):
        check_in(desk, dinner, registration_id(dinner, person))
    merge_people(desk, adaeze, ada)
    if taken_back:
        undo_check_in(desk, dinner, registration_id(dinner, ada))
    assert walk_in(desk, dinner, "Nobody Known").reason is Reason.NOT_ON_THE_LIST
    assert walk_in(desk, dinner, "One More").reason is Reason.OVER_CAPACITY


def test_a_badge_of_another_gathering_says_that_they_are_on_this_list_under_another_entry(desk: Desk, dinner: str, people: list[str]) -> None:
    lunch, other = new_gathering(desk, name="Lunch", start="2030-11-13T12:00").id, add_member(desk, first_name="A", last_name="Obi").id
    add_guests(desk, lunch, [other])
    merge_people(desk, other, people[0])
    verdict = check_in(desk, dinner, code=guest_rows(desk, lunch)[0].code)
    assert (verdict.reason, verdict.registration) == (Reason.OTHER_GATHERING, registration_id(dinner, people[0]))
