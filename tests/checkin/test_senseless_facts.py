"""Facts that say nothing sensible, stored by whichever laptop: every list and every deed bears them, and those that make sense count."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in
from alumni_desk.checkin.lists import DoorList, arrivals, headcount, last_in, stations
from alumni_desk.checkin.verdicts import Outcome
from alumni_desk.desktop.today_lists import today_facts
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.lists import gathering, gathering_rows, guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.merging import merge_people
from alumni_desk.segments.activity import deeds
from alumni_desk.segments.lists import last_seen, visits
from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import texts
from alumni_desk.store.undo import undo

SENSELESS = ("garbage", "5", "", " ", "null", '"text"', "{}", '{"a": "b"}', "[", "[" * 30_000, "[" * 900 + "]" * 900, "[1, null, [], {}]", "9" * 5_000,
             "[" + "9" * 5_000 + "]", '["\\ud800"]', "NaN", "[NaN]", "\u202e")
MOMENTS = ("garbage", "", None, "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00+14:00", "9999-99-99T99:99:99Z")


def store(desk: Desk, kind: str, held: str, person: str, closes: str | None, at: str | None = "2030-11-12T18:40:00.000Z") -> None:
    """A fact that came from another laptop."""
    clock = "0190000000000-0000-aaaaaaaaaaaaaaaa"[1:]
    with desk.applying() as applying:
        applying.connection.exec_driver_sql(
            "INSERT INTO fact (id, scope, gone, clock, clocks, kind, gathering, registration, person, closes, at) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)",
            (str(uuid4()), desk.scope, clock, clock, kind, held, registration_id(held, person), person, closes, at))


def read_all(desk: Desk, held: str, people: list[str]) -> None:
    """Everything that shows anything of facts."""
    for day in (date(2030, 11, 1), date(2030, 12, 1)):
        today_facts(desk, day)
    gathering_rows(desk)
    gathering(desk, held)
    guest_rows(desk, held)
    last_seen(desk, people)
    for person in people:
        visits(desk, person)
    door = DoorList(desk, held)
    door.find("Ada")
    headcount(desk, held)
    last_in(desk, held)
    arrivals(desk, held)
    stations(desk, held)
    deeds(desk, look=True)


@pytest.mark.parametrize("kind", ["out", "void", "zzz"])
def test_what_is_no_list_closes_nothing(desk: Desk, kind: str) -> None:
    held = new_gathering(desk, name="Dinner", start="2030-11-12T18:30", end="2030-11-12T21:00").id
    people = [add_member(desk, first_name=name, last_name="Obi").id for name in ("Ada", "Cy", "Adaeze")]
    add_guests(desk, held, people)
    check_in(desk, held, registration_id(held, people[0]), station="Main door")
    merge_people(desk, people[2], people[0])
    for closes in SENSELESS:
        store(desk, kind, held, people[0], closes)
    for at in MOMENTS:
        store(desk, "in", held, people[1], None, at)
    read_all(desk, held, people)
    assert [(row.name, row.checked_in) for row in guest_rows(desk, held)] == [("Ada Obi", True), ("Cy Obi", True)]
    assert (headcount(desk, held).present, gathering(desk, held).came) == (2, 2)
    assert check_in(desk, held, registration_id(held, people[0])).outcome is Outcome.ALREADY_IN
    undo_check_in(desk, held, registration_id(held, people[0]), reason="wrong person")
    check_out(desk, held, registration_id(held, people[1]))
    assert headcount(desk, held).present == 0
    undo(desk)
    read_all(desk, held, people)


def test_a_member_whose_lists_are_none(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Obi").id
    for value in SENSELESS:
        with desk.applying() as applying:
            applying.connection.exec_driver_sql("UPDATE person SET former_names = ?1, solicit_codes = ?1, other_emails = ?1, external_ids = ?1 WHERE id = ?2",
                                                (value, ana))
        change_member(desk, ana, city=value[:5] or "Faro")
        deeds(desk, look=True)


@pytest.mark.parametrize("value", SENSELESS)
def test_what_is_no_list_of_texts_has_none(value: str) -> None:
    assert texts(value) in ([], ["\ud800"])


def test_a_list_has_its_texts() -> None:
    assert texts('["a", 5, "b"]') == ["a", "b"]
    assert texts(None) == texts(5) == texts("") == []
