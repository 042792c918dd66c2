"""Somebody has a form open while another laptop's change arrives: it is said before it is written over, and nothing is lost unseen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.gatherings.actions import change_gathering, new_gathering
from alumni_desk.gatherings.lists import gathering_rows
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member
from alumni_desk.store.desk import Desk
from alumni_desk.store.meanwhile import ChangedMeanwhile
from alumni_desk.store.undo import undo
from alumni_desk.sync.engine import join, sync_once


@pytest.fixture
def desks(office: Any, make_desk: Callable[[str], Desk]) -> tuple[Desk, Desk]:
    """Priya's and Carl's."""
    found = make_desk("priya"), make_desk("carl")
    for desk, who in zip(found, ("Priya", "Carl"), strict=True):
        desk.set_setting("person_name", who)
        join(desk, office.url, office.invite(), device_name=f"{who}’s laptop")
    return found


def rest(*desks: Desk) -> None:
    """Everybody knows everything."""
    for _turn in range(2):
        for desk in desks:
            sync_once(desk)


def test_what_arrived_while_a_form_was_open_is_not_written_over_unseen(desks: tuple[Desk, Desk]) -> None:
    priya, carl = desks
    ana = add_member(priya, first_name="Ana", city="c55", email="ana@example.org", former_names=["Silva"]).id
    rest(priya, carl)
    opened = member(priya, ana).fields
    change_member(carl, ana, city="CarlTown", employer="Mill", former_names=["Silva", "Costa"])
    rest(carl, priya)
    with pytest.raises(ChangedMeanwhile) as told:
        change_member(priya, ana, opened, city="PriyaTown")
    [(name, newer)] = told.value.newer.items()
    assert (name, newer.value, newer.who, newer.here) == ("city", "CarlTown", "Carl", False)
    assert member(priya, ana).fields["city"] == "CarlTown"
    with pytest.raises(ChangedMeanwhile):
        change_member(priya, ana, opened, former_names="Silva; Lima")
    change_member(priya, ana, opened, notes="Fields that others did not touch are saved")
    change_member(priya, ana, opened, employer="Mill", former_names="Silva; Costa")
    change_member(priya, ana, {**opened, "city": "CarlTown"}, city="PriyaTown")
    rest(priya, carl)
    assert member(carl, ana).fields["city"] == "PriyaTown" and member(carl, ana).fields["employer"] == "Mill"
    undo(priya)
    assert member(priya, ana).fields["city"] == "CarlTown"


def test_an_address_is_looked_at_as_a_whole(desks: tuple[Desk, Desk]) -> None:
    priya, carl = desks
    ana = add_member(priya, first_name="Ana", street="1 Main St", city="Chicago", postal_code="60601").id
    rest(priya, carl)
    opened = member(priya, ana).fields
    change_member(carl, ana, street="2 Main St")
    rest(carl, priya)
    with pytest.raises(ChangedMeanwhile) as told:
        change_member(priya, ana, opened, city="Evanston")
    assert {name: one.value for name, one in told.value.newer.items()} == {"street": "2 Main St"}


def test_a_change_of_this_laptop_is_told_too(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", city="Boston").id
    opened = member(desk, ana).fields
    change_member(desk, ana, city="Salem")
    with pytest.raises(ChangedMeanwhile) as told:
        change_member(desk, ana, opened, city="Lowell")
    assert told.value.newer["city"].here


def test_a_gathering_is_not_written_over_either(desks: tuple[Desk, Desk]) -> None:
    priya, carl = desks
    dinner = new_gathering(priya, name="Dinner", start="2027-05-12 18:30", place="Harbor Hall").id
    rest(priya, carl)
    [row] = gathering_rows(priya)
    change_gathering(carl, dinner, start="2027-05-12 19:00", place="Mill")
    rest(carl, priya)
    with pytest.raises(ChangedMeanwhile) as told:
        change_gathering(priya, dinner, {"starts": row.starts, "place": row.place}, start="2027-05-12 20:00", name="Late dinner")
    assert (told.value.newer["starts"].value, list(told.value.newer)) == ("2027-05-12T19:00", ["starts"])
