"""The door of a laptop whose time there ends while it is open and nothing answers: a word before, and then no guest's name any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from tests.desktop.conftest import Hands
from tests.desktop.test_at_door import at_door
from tests.desktop.test_sync_page import words

from alumni_desk.checkin.actions import walk_in
from alumni_desk.checkin.lists import local_time
from alumni_desk.desktop.app import build
from alumni_desk.desktop.door import DoorWindow
from alumni_desk.desktop.door_half_typed import HalfTypedSheet
from alumni_desk.desktop.sound import Sounds
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.store.desk import Desk
from alumni_desk.sync import door as grants
from alumni_desk.sync import state
from alumni_desk.words import clock_time

GUESTS = ("Quirin Abendroth", "Xaver Zwiebel")


@dataclass
class AtDoor:
    """An open door on a laptop that may do no more."""

    hands: Hands
    window: DoorWindow
    until: datetime
    set_clock: Callable[[datetime], None]

    @property
    def desk(self) -> Desk:
        return self.hands.desk

    def look(self) -> None:
        self.window._each_second()
        self.hands.rest()

    def add_walk_in(self, name: str) -> None:
        """Begin the form, all but Enter."""
        QTest.keyClick(self.window.field, Qt.Key.Key_F2)
        self.window.form.name.setText(name)
        self.window.form.contact.setText("greta@example.org")

    def ends(self) -> None:
        """The time that no clock can set back has come."""
        self.set_clock(self.until + timedelta(seconds=2))
        with self.desk.reading() as connection:
            member = state.read(connection, state.Membership)
        assert member is not None
        grants.end(self.desk, member)
        self.hands.room.watch.look()
        self.hands.until(lambda: self.window.state() == "over")
        self.hands.rest()


@pytest.fixture
def at(desk: Desk, qtbot: Any, hands_of: Callable[[Any], Hands], monkeypatch: pytest.MonkeyPatch) -> Iterator[AtDoor]:
    gathering = new_gathering(desk, name="Winter Reception", start="2026-11-19T18:00").id
    for name in GUESTS:
        walk_in(desk, gathering, name, although_cancelled=True)
    member = at_door(desk, waiting=3)
    until = (desk.now() + timedelta(hours=3)).replace(microsecond=0)
    with desk.applying() as applying:
        state.keep(applying.connection, replace(member, until=until.isoformat()))
    room = build(desk, theme="light")
    room.bridge.stop()  # it has nobody to sync with
    room.shell.show()
    hands = hands_of(room)
    hands.rest()
    page = hands.page("checkin")
    page.sounds = Sounds(on=False)
    hands.shell.show_page("checkin", gathering=gathering)
    hands.until(lambda: page.door is not None and page.door.reading.column is not None)
    hands.rest()
    hands.room.bridge.look()
    hands.rest()

    def set_clock(now: datetime) -> None:
        from alumni_desk.sync import access

        monkeypatch.setattr(Desk, "now", lambda self: now)
        monkeypatch.setattr(access, "wall_ms", lambda: round(now.timestamp() * 1000))

    made = AtDoor(hands, page.door, until, set_clock)
    yield made
    hands.rest()
    if page.door is not None:
        page.door.close()
    hands.rest()
    room.close()
    room.shell.close()
    room.shell.deleteLater()


def test_some_minutes_before_the_end_a_quiet_line_says_when_it_is_and_what_brings_more(at: AtDoor) -> None:
    at.look()
    assert not at.window.network.isVisible()
    at.set_clock(at.until - timedelta(minutes=9))
    at.look()
    assert at.window.network.isVisible()
    said = words(at.window.network)
    there = local_time(at.until.isoformat(), at.window.reading.zone())
    assert there is not None and f"ends at {clock_time(there)}" in said and "comes by a sync" in said
    assert at.window.state() == "idle", "and it goes on"


def test_at_the_end_no_guest_is_named_and_one_sentence_says_what_becomes_of_what_was_done(at: AtDoor) -> None:
    assert all(name in seen(at.window) for name in GUESTS)
    at.ends()
    said = seen(at.window)
    assert not any(part in said for name in GUESTS for part in name.split())
    assert "time at the door is over" in said and "What was done here is kept, and is sent as soon as there is a network" in said
    assert "ask a leader for more time" in said and "cannot be read" not in said and "Add a walk-in" not in said
    assert at.window.keys.shown() == ["F5", "Esc"]
    assert at.window.field.placeholderText() == "Nothing is read here any more"
    at.window.reading.on_changed(_anything())
    at.hands.rest()
    assert at.window.state() == "over" and at.window.field.text() == "" and not at.window.field._note


def test_a_walk_in_that_was_being_typed_is_said_not_to_be_saved_and_can_be_copied(at: AtDoor) -> None:
    at.add_walk_in("Greta Midway")
    at.ends()
    said = seen(at.window)
    assert "was not saved" in said and "Greta Midway, greta@example.org" in said
    assert at.window.field.placeholderText() == "Nothing is read here any more"
    QTest.keyClick(at.window, Qt.Key.Key_Return)
    at.hands.rest()
    assert at.window.state() == "over"
    at.hands.click(at.window.over.copy)
    assert QApplication.clipboard().text() == "Greta Midway, greta@example.org"


def test_every_walk_in_that_waits_can_be_copied_at_the_end(at: AtDoor) -> None:
    at.add_walk_in("Greta Midway")
    QTest.keyClick(at.window, Qt.Key.Key_Escape)
    at.window.field.setText("Nils Later")
    QTest.keyClick(at.window.field, Qt.Key.Key_F2)
    at.ends()
    said = seen(at.window)
    assert "These walk-ins were not saved" in said
    at.hands.click(at.window.over.copy)
    assert QApplication.clipboard().text() == "Nils Later\nGreta Midway, greta@example.org"


def test_by_its_clock_alone_it_is_over_too_and_goes_on_when_the_clock_is_set_right(at: AtDoor) -> None:
    at.set_clock(at.until + timedelta(seconds=2))
    at.look()
    at.hands.until(lambda: at.window.state() == "over")
    said = seen(at.window)
    assert "If the clock is wrong, set it right" in said and "What was done here is kept" in said and GUESTS[0] not in said
    at.set_clock(at.until - timedelta(hours=1))
    at.hands.room.bridge.look()
    at.hands.until(lambda: at.window.state() == "idle" and at.window.reading.column is not None)
    at.hands.rest()
    assert GUESTS[0] in seen(at.window) and at.window.field.isEnabled()


def test_locked_it_names_nobody_either(at: AtDoor) -> None:
    at.add_walk_in("Greta Midway")
    at.window.set_locked(True)
    at.ends()
    assert "Greta" not in seen(at.window)
    at.window.set_locked(False)
    assert "Greta Midway" in seen(at.window) and at.window.state() == "over"


def seen(window: DoorWindow) -> str:
    """All that is to be read, and what a screen reader says of what is painted."""
    return words(window) + "\n".join(one.accessibleName() for one in window.findChildren(QWidget) if one.isVisible())


def _anything() -> Any:
    from alumni_desk.store.writing import Changed

    return Changed({})


@pytest.mark.parametrize("way", ["esc", "quit"])
def test_after_the_end_nobody_is_sent_on_with_a_walk_in_but_back_to_what_can_be_copied(at: AtDoor, way: str) -> None:
    at.add_walk_in("Greta Midway")
    at.ends()
    if way == "esc":
        at.window.activateWindow()
        QTest.keyClick(at.window.over.again, Qt.Key.Key_Escape)
    else:
        at.hands.shell.close()
    sheet = at.hands.dialog(HalfTypedSheet)
    said = words(sheet)
    assert "Greta Midway" in said and "cannot be added here any more" in said and sheet.stay.text() == "Back to what was typed"
    at.hands.click(sheet.stay)
    at.hands.until(lambda: not at.hands.open_dialogs(HalfTypedSheet))
    at.window.activateWindow()
    at.hands.until(lambda: at.window.isActiveWindow() and at.window.over.copy.hasFocus())
    assert at.window.state() == "over" and at.hands.shell.isVisible()
    QTest.keyClick(at.window.over.copy, Qt.Key.Key_Space)
    assert QApplication.clipboard().text() == "Greta Midway, greta@example.org"
