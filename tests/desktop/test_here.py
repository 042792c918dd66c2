"""Who is checked in is “Here” on the lists of a gathering, and Today and the gathering's card say how many are in while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from PySide6.QtCore import Qt

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.desktop.app import Room, build
from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.delegates import PILL
from alumni_desk.desktop.today_page import to_come_words
from alumni_desk.desktop.widgets import Bar
from alumni_desk.gatherings.actions import add_guests, new_gathering, set_rsvp
from alumni_desk.gatherings.counts import Inside
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member
from alumni_desk.protocol.clock import wall_ms
from alumni_desk.store import recovery
from alumni_desk.store.desk import Desk

NAMES = ("Ada", "Ben", "Cy", "Dot")


def tell_time(desk: Desk, hour: int) -> None:
    """The server told what time it is."""
    desk.clock.correct(round(datetime(2031, 5, 14, hour, tzinfo=UTC).timestamp() * 1000) - wall_ms())


@pytest.fixture
def dinner(desk: Desk) -> tuple[str, list[str]]:
    """A dinner that goes on, and the places of four people on its list; the last said no."""
    tell_time(desk, 19)
    recovery.recovery_key(desk)
    recovery.note_read_back(desk)
    dinner = new_gathering(desk, name="Dinner", start="2031-05-14T18:00", end="2031-05-14T21:00", time_zone="UTC").id
    people = [add_member(desk, first_name=name, last_name="Obi").id for name in NAMES]
    add_guests(desk, dinner, people, status="yes")
    places = [registration_id(dinner, one) for one in people]
    set_rsvp(desk, dinner, places[3:], "no")
    return dinner, places


@pytest.fixture
def hands(desk: Desk, dinner: tuple[str, list[str]], hands_of: Callable[[Room], Any]) -> Iterator[Any]:
    room = build(desk, theme="light")
    room.shell.resize(1280, 800)
    room.shell.show()
    made = hands_of(room)
    made.rest()
    yield made
    made.rest()
    room.close()
    room.shell.close()
    room.shell.deleteLater()


def pills(page: Any) -> dict[str, str]:
    model = page.view.model
    shown = [(model.index(row, 0).data(), model.index(row, 2)) for row in range(model.rowCount())]
    assert all(cell.data(PILL).word == cell.data(Qt.ItemDataRole.AccessibleTextRole) for _name, cell in shown), "a reader says what is painted"
    return {name.split()[0]: cell.data(PILL).word for name, cell in shown}


def words(page: Any) -> set[str]:
    return {one.text() for one in page.findChildren(Label) if one.isVisible()}


def test_the_list_says_who_is_here(hands: Any, dinner: tuple[str, list[str]]) -> None:
    desk, (which, places) = hands.desk, dinner
    page = hands.page("gatherings", gathering=which)
    hands.until(lambda: pills(page) == {"Ada": "Coming", "Ben": "Coming", "Cy": "Coming", "Dot": "Not coming"})
    check_in(desk, which, places[0], station="Main door")
    check_in(desk, which, places[3], station="Main door", let_in=True)
    hands.until(lambda: pills(page) == {"Ada": "Here", "Ben": "Coming", "Cy": "Coming", "Dot": "Here"})
    assert page.view.model.index(0, 2).data(PILL).icon != page.view.model.index(1, 2).data(PILL).icon, "not by the word alone"
    hands.until(lambda: {"2", "here, of 4"} <= words(page))
    undo_check_in(desk, which, places[0], station="Main door")
    check_out(desk, which, places[3], station="Main door")
    hands.until(lambda: pills(page) == {"Ada": "Coming", "Ben": "Coming", "Cy": "Coming", "Dot": "Went out"})
    tell_time(desk, 22)
    page.refresh()
    hands.until(lambda: pills(page)["Dot"] == "Came")
    hands.until(lambda: "came" in words(page))


@pytest.mark.parametrize("name", ["today", "gatherings"])
def test_how_many_are_in_while_it_goes_on(hands: Any, dinner: tuple[str, list[str]], name: str) -> None:
    desk, (which, places) = hands.desk, dinner
    page = hands.page(name)

    def said() -> set[str]:
        return words(page) | {one.accessibleName() for one in page.findChildren(Bar)}

    assert not any("here" in one for one in said())
    check_in(desk, which, places[0], station="Main door")
    hands.until(lambda: "1 of 3 here" in said())
    hands.until(lambda: "2 to come" in said() and (name == "gatherings" or {"1", "of 3 here"} <= said()))
    check_in(desk, which, places[3], station="Main door", let_in=True)  # who had said no
    walk_in(desk, which, name="Zed Walker", station="Main door")
    hands.until(lambda: "3 of 5 here" in said())
    undo_check_in(desk, which, places[0], station="Main door")
    check_out(desk, which, places[3], station="Main door")
    hands.until(lambda: "1 of 5 here" in said())
    hands.until(lambda: "3 to come · 1 went out" in said())
    for place in places[:3]:
        check_in(desk, which, place, station="Main door")
    hands.until(lambda: "Everyone who said yes has come · 1 went out" in said())
    assert to_come_words(3, Inside(3, 3, 3)) == "Nobody had said yes", "who has not answered may still come"
    tell_time(desk, 22)
    page.refresh()
    hands.until(lambda: not any("here" in one for one in said()))
