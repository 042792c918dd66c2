"""The window of a laptop at the door of one gathering: what it shows, and what it says when its time is over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from tests.desktop.conftest import Hands
from tests.desktop.test_sync_page import words

from alumni_desk.desktop.app import build
from alumni_desk.desktop.at_door import LOCKED, PAGES
from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.door_page import choosable
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.gatherings.actions import cancel_gathering, new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.store import fates
from alumni_desk.sync import door, state

UNTIL = "2026-11-21T03:00:00+00:00"


def at_door(desk: Any, role: str = "door", waiting: int = 0) -> state.Membership:
    """As if this desk had joined the door of its first gathering."""
    with desk.reading() as connection:
        gathering = connection.exec_driver_sql("SELECT id FROM gathering ORDER BY starts LIMIT 1").scalar()
        scope = connection.exec_driver_sql("SELECT id FROM scope").scalar()
    member = state.Membership("http://127.0.0.1:9", None, "server", "device", bytes(32), str(scope), "Boston", role,
                              gathering if role == "door" else None, UNTIL)
    with desk.applying() as applying:
        state.keep(applying.connection, member)
        applying.connection.exec_driver_sql("DELETE FROM operation WHERE rowid NOT IN (SELECT rowid FROM operation ORDER BY rowid LIMIT ?)", (waiting,))
    return member


def buttons(page: Any) -> dict[str, Button]:
    """What can be pressed on a page, by its words."""
    return {one.text(): one for one in page.findChildren(Button) if one.isVisible()}


@pytest.fixture
def at_the_door(desk: Any, qtbot: Any, hands_of: Callable[[Any], Hands]) -> Iterator[Hands]:
    """The window of a volunteer's laptop."""
    for number in range(4):
        add_member(desk, first_name="Ana", last_name=str(number))
    new_gathering(desk, name="Autumn Dinner with the Class of 1998", start="2026-11-19T18:00")
    at_door(desk, waiting=3)
    room = build(desk, theme="light")
    room.bridge.stop()  # it has nobody to sync with
    room.shell.resize(1280, 800)
    room.shell.show()
    made = hands_of(room)
    made.rest()
    yield made
    made.rest()
    room.close()
    room.shell.close()
    room.shell.deleteLater()


def test_there_is_the_door_the_sync_and_the_settings_and_no_way_to_anything_else(at_the_door: Hands) -> None:
    shell = at_the_door.room.shell
    assert set(shell.plan) == PAGES
    assert shell.current().name == "checkin"
    assert not shell.palette_button.isVisible() and at_the_door.room.show_palette() is None
    shell.show_page("members")
    assert shell.current().name == "checkin"


def test_from_the_sync_page_where_whoever_joined_lands_a_button_leads_to_check_in(at_the_door: Hands) -> None:
    with at_the_door.desk.applying() as applying:
        member = state.read(applying.connection, state.Membership)
        assert member is not None
        until = (at_the_door.desk.now() + timedelta(hours=6)).isoformat()
        state.keep(applying.connection, replace(member, until=until))
    page = at_the_door.page("sync")
    at_the_door.until(lambda: "Go to check-in" in buttons(page))
    assert [text for text, button in buttons(page).items() if button.kind == "primary"] == ["Go to check-in"]
    if os.environ.get("SHOTS"):
        at_the_door.shell.grab().save(f"{os.environ['SHOTS']}/sync-door.png")
    at_the_door.click(buttons(page)["Go to check-in"])
    at_the_door.until(lambda: at_the_door.shell.current().name == "checkin")


def test_what_the_chapter_is_called_is_not_its_to_change(at_the_door: Hands) -> None:
    page = at_the_door.page("settings")
    assert page._chapter_rows.isHidden() and page.you.isVisible()


def test_when_its_time_is_over_it_says_so_and_what_is_still_to_send(at_the_door: Hands) -> None:
    hands = at_the_door
    with hands.desk.reading() as connection:
        member = state.read(connection, state.Membership)
    assert member is not None
    door.end(hands.desk, member)
    page = hands.page("checkin")
    page.refresh()
    hands.rest()
    day = datetime.fromisoformat(UNTIL).astimezone()
    said = words(page)
    assert "no longer on this laptop" in said and f"ended on {day.day} November 2026; 3 changes are still to send." in said
    assert "3 changes are still to send" in words(hands.page("sync"))
    assert {"Sync now", "Join with another invitation"} <= buttons(hands.page("sync")).keys()
    hands.room.bridge.look()
    hands.rest()
    assert hands.shell.chip.text() == "Access ended · 3 to send"


def test_whose_time_is_over_joins_the_next_door_from_the_sync_page(at_the_door: Hands) -> None:
    hands = at_the_door
    with hands.desk.applying() as applying:
        member = state.read(applying.connection, state.Membership)
        fates.accept(applying.connection, "fate = 'waiting'")
    assert member is not None
    door.end(hands.desk, member)
    page = hands.page("sync")
    page.refresh()
    hands.rest()
    assert "Another invitation opens another door" in words(page) and "Sync now" not in buttons(page)
    assert not page._side.isVisible(), "nothing stands in the side column"
    hands.click(buttons(page)["Join with another invitation"])
    sheet = hands.dialog(PlainSheet)
    assert sheet.findChildren(JoinForm)
    sheet.reject()


def test_a_gathering_that_was_cancelled_can_be_checked_in_for_at_its_own_door(desk: Any) -> None:
    gathering = new_gathering(desk, name="Autumn Dinner", start="2026-11-19T18:00").id
    cancel_gathering(desk, gathering, "snow")
    assert choosable(desk) == []
    at_door(desk)
    assert [(one.id, one.cancelled) for one in choosable(desk)] == [(gathering, True)]


def test_a_laptop_that_comes_to_a_door_gets_another_window(hands: Hands) -> None:
    wanted: list[int] = []
    hands.room.another_wanted.connect(lambda: wanted.append(1))
    at_door(hands.desk)
    hands.room.bridge.look()
    hands.until(lambda: wanted)
    at_door(hands.desk, "leader")
    hands.room.bridge.look()
    hands.until(lambda: len(wanted) == 2)


def test_a_leaders_window_without_contact_for_too_long_has_the_sync_alone_and_the_next_contact_opens_it(desk: Any, qtbot: Any,
                                                                                                       hands_of: Callable[[Any], Hands]) -> None:
    add_member(desk, first_name="Ana", last_name="Quetzalcoatlus")
    new_gathering(desk, name="Dinner", start="2026-11-19T18:00")
    member = at_door(desk, "leader")
    room = build(desk, theme="light")
    room.bridge.stop()
    room.shell.show()
    hands = hands_of(room)
    try:
        hands.rest()
        assert set(room.shell.plan) == LOCKED and room.show_palette() is None and not room.shell.palette_button.isVisible()
        said = words(hands.page("sync"))
        assert "was without contact with the server for so long" in said and "Quetzalcoatlus" not in said
        assert {"Sync now", "Join with another invitation"} <= buttons(hands.page("sync")).keys(), "what the sentence asks for can be done"
        wanted: list[int] = []
        room.another_wanted.connect(lambda: wanted.append(1))
        with desk.applying() as applying:
            state.keep(applying.connection, replace(member, until="2999-01-01T00:00:00+00:00"))
        room.bridge.look()
        hands.until(lambda: wanted)
    finally:
        hands.rest()
        room.close()
        room.shell.close()
        room.shell.deleteLater()
