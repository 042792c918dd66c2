"""At the door, with real laptops: where the one that shared has a new code it is typed there, and no scan is lost to it; connected is who is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication
from tests.desktop.conftest import Hands
from tests.desktop.test_sync_together import Window, dinner, laptop, make_server, office, window, words

from alumni_desk.checkin.lists import headcount
from alumni_desk.desktop.door import DoorWindow
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.protocol.codes import badge_code
from alumni_desk.store.desk import Desk
from alumni_desk.sync.engine import sync_once
from alumni_desk.sync.venue.sharing import Sharing

__all__ = ["laptop", "make_server", "office", "window"]


class Doors:
    """A leader's laptop that shares, and a window on another one at the same door."""

    def __init__(self, office: Any, laptop: Callable[..., Desk], window: Window) -> None:
        self.leader = laptop("Priya’s laptop", office)
        self.gathering, self.people = dinner(self.leader)
        self.codes = [badge_code() for _one in self.people]
        with self.leader.writing("badges", gathering=self.gathering) as writing:
            for row, code in zip(guest_rows(self.leader, self.gathering), self.codes, strict=True):
                writing.change("registration", row.registration, code=code)
        sync_once(self.leader)
        self.other = laptop("Tomás’s laptop", office)
        office.kill()
        self.sharing = Sharing(self.leader, host="127.0.0.1", port=0)
        self.hands: Hands = window(self.other)
        self.hands.room.venue.join(self.sharing.address, self.sharing.code, lambda met: None, lambda error: None)
        self.page = self.hands.page("checkin")
        self.page.open(gathering=self.gathering)
        self.hands.until(lambda: self.page.door is not None and self.page.door.reading.column is not None)
        self.door: DoorWindow = self.page.door
        self.door.activateWindow()
        self.hands.until(self.door.isActiveWindow)
        self.hands.room.bridge.sync_now()

    def share_again(self, *, new_code: bool = False) -> None:
        """Begin anew after it was ended."""
        self.sharing = Sharing(self.leader, host="127.0.0.1", port=self.sharing.place.port, new_code=new_code)

    def type(self, text: str) -> None:
        """Into whatever has the keyboard, as fast as a scanner does."""
        QTest.keyClicks(QApplication.focusWidget() or self.door, text)
        QTest.keyClick(QApplication.focusWidget() or self.door, Qt.Key.Key_Return)

    def says(self, text: str) -> Callable[[], bool]:
        """Whether the door says so."""
        return lambda: text in words(self.door)

    def close(self) -> None:
        """End it."""
        if self.page.door is not None:
            self.door.close()
        self.hands.room.venue.leave()
        self.hands.rest()
        self.sharing.stop()


@pytest.fixture
def doors(office: Any, laptop: Any, window: Window) -> Any:
    """Two laptops at a door."""
    made = Doors(office, laptop, window)
    yield made
    made.close()


def test_the_column_counts_whom_it_has_contact_with(doors: Doors) -> None:
    doors.hands.until(doors.says("2 of 2 laptops connected"))
    doors.hands.until(doors.says("2 laptops here, no internet, last sync "))
    doors.sharing.stop()
    doors.hands.until(doors.says("1 of 2 laptops connected"))
    doors.hands.until(doors.says("heard "))
    doors.share_again()
    doors.hands.until(doors.says("2 of 2 laptops connected"))
    assert not doors.door.code.isVisible()


def test_a_new_code_is_typed_at_the_door_and_badges_are_read_meanwhile(doors: Doors) -> None:
    door, bar, until = doors.door, doors.door.code, doors.hands.until
    until(doors.says("2 of 2 laptops connected"))
    doors.sharing.stop()
    doors.share_again(new_code=True)
    until(bar.isVisible)
    assert doors.says("1 of 2 laptops connected")() and door.field.hasFocus(), "whoever types at the door is not interrupted"
    bar.field.setFocus()
    QTest.keyClicks(bar.field, "ABC", Qt.KeyboardModifier.NoModifier, 80)  # by hand
    doors.type(doors.codes[0])  # a badge, while the cursor stands there
    until(lambda: headcount(doors.other, doors.gathering).present == 1)
    until(lambda: door.field.hasFocus() and door.state() == "verdict")  # the check-in is saved a moment before the screen says so
    assert bar.field.text() == "ABC"
    bar.field.setFocus()
    until(lambda: not door.scans.muted())
    QTest.keyClick(bar.field, Qt.Key.Key_Escape)
    assert door.field.hasFocus() and not bar.field.text() and door.isVisible(), "out of the line, not out of check-in"
    bar.field.setFocus()
    doors.type("ABCDEFGHJK")
    assert not bar.button.isEnabled()
    until(lambda: "letter by letter" in bar.said.text())
    assert bar.button.isEnabled() and bar.field.text() == "ABCDEFGHJK"
    door.set_locked(True)
    assert not bar.isVisible() and door.field.hasFocus()
    door.set_locked(False)
    assert bar.isVisible() and bar.field.text() == "ABCDEFGHJK"
    bar.field.setFocus()
    bar.field.selectAll()
    doors.type(doors.sharing.code)
    until(lambda: not bar.isVisible() and doors.says("2 of 2 laptops connected")())
    assert door.field.hasFocus() and not bar.field.text()
    until(lambda: headcount(doors.leader, doors.gathering).present == 1)


def test_the_sync_page_makes_a_new_code_and_takes_one(doors: Doors) -> None:
    hands = doors.hands
    doors.door.close()
    page = hands.page("sync")
    hands.until(lambda: "connected" in words(page))
    doors.sharing.stop()
    doors.share_again(new_code=True)
    hands.until(lambda: any(one.isVisible() and one.text() == "Type the new code" for one in page.findChildren(QAbstractButton)))
    assert "last heard" in words(page)
    hands.room.venue.retype(doors.sharing.qr, lambda met: None, lambda error: None)
    hands.until(lambda: "Priya’s laptop\u2069, connected" in words(page))
    hands.room.venue.share(None)
    hands.until(lambda: hands.room.venue.standing.sharing == "on")
    before = hands.room.venue.standing.code
    page.here.here.new_code.emit()
    hands.until(lambda: hands.room.venue.standing.code not in ("", before))
