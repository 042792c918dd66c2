"""Today: of a gathering ahead how many of its places are taken; and what was done lately."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from alumni_desk.checkin.actions import check_in
from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.today_page import coming_bar, lately
from alumni_desk.desktop.widgets import Bar
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.store.desk import Desk


@pytest.mark.parametrize(("coming", "silent", "places", "shares"), [
    (118, 67, 120, (118 / 120, 2 / 120)), (30, 20, 120, (0.25, 20 / 120)), (130, 5, 120, (1.0, 0.0)), (6, 4, None, (0.6, 0.4)), (0, 0, None, (0.0, 0.0))])
def test_the_bar_is_of_the_places(coming: int, silent: int, places: int | None, shares: tuple[float, float]) -> None:
    parts, total = coming_bar(coming, silent, places)
    assert tuple(part / total for part, _tone in parts) == pytest.approx(shares)


def test_more_than_there_is_room_for_is_said(hands: Any) -> None:
    people = [add_member(hands.desk, last_name=f"Guest {n}").id for n in range(4)]
    for after in (3, 9):
        day = (hands.desk.now() + timedelta(days=after)).date()
        dinner = new_gathering(hands.desk, name=f"Dinner {after}", start=f"{day}T18:00", capacity="2")
        add_guests(hands.desk, dinner.id, people)
    page = hands.page("today")
    page.refresh()
    hands.until(lambda: any(one.text() == "2 more than there is room for" for one in page.findChildren(Label)))
    [said] = [one for one in page.findChildren(Label) if one.text() == "2 more than there is room for"]
    assert said.property("tone") == "warn"
    assert "4 coming, 2 more than there is room for" in {one.text() for one in page.findChildren(Label)}, "of the one after the next"
    [bar] = [one for one in page.findChildren(Bar) if "coming" in one.accessibleName()]
    assert bar.accessibleName() == "4 coming, 2 more than there is room for" and bar._parts[0][1] == "warn"


@pytest.mark.parametrize("status", ["no", "maybe", "waitlisted"])
def test_nobody_is_said_to_be_invited_only_where_nobody_is_on_the_list(hands: Any, status: str) -> None:
    day = (hands.desk.now() + timedelta(days=3)).date()
    dinner = new_gathering(hands.desk, name="Dinner", start=f"{day}T18:00").id
    for name, not_yet in (("today", "Nobody is invited yet"), ("gatherings", "Nobody invited yet")):
        page = hands.page(name)
        page.refresh()
        hands.until(lambda page=page, not_yet=not_yet: any(one.text() == not_yet for one in page.findChildren(Label)))
    add_guests(hands.desk, dinner, [add_member(hands.desk, last_name="Guest").id], status=status)
    for name in ("today", "gatherings"):
        page = hands.page(name)
        page.refresh()
        hands.rest()
        hands.until(lambda page=page: not any("invited yet" in one.text() for one in page.findChildren(Label)))


def test_all_check_ins_of_an_evening_are_counted_in_what_was_done_lately(desk: Desk) -> None:
    dinner = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    with desk.writing("import") as writing:
        people = [writing.add("person", standing="member", first_name="Ana", last_name=f"Lima{number}") for number in range(75)]
    add_guests(desk, dinner, people)
    for person in people:
        check_in(desk, dinner, person_id=person)
    first, *_others = lately(desk, datetime.now().date())
    assert (first.what, first.count) == ("Checked in 75 guests at Dinner", 75)
