"""A gathering that is cancelled or removed while its door is about to be opened: no other one's door is opened for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from tests.desktop.test_over_by_its_end import tell_time

from alumni_desk.desktop.app import Room, build
from alumni_desk.gatherings.actions import cancel_gathering, new_gathering
from alumni_desk.store import recovery
from alumni_desk.store.desk import Desk


@pytest.fixture
def hands(desk: Desk, hands_of: Callable[[Room], Any]) -> Iterator[Any]:
    """A window on the morning of a day with a lunch and a dinner."""
    tell_time(desk, datetime(2031, 5, 14, 8, tzinfo=UTC))
    recovery.recovery_key(desk)
    recovery.note_read_back(desk)
    for name, start in (("Lunch", "2031-05-14T12:00"), ("Dinner", "2031-05-14T18:00")):
        new_gathering(desk, name=name, start=start, time_zone="UTC")
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


@pytest.mark.parametrize("how", ["chosen in the list", "asked for by its id"])
def test_no_other_door_is_opened_for_one_that_is_cancelled(hands: Any, how: str) -> None:
    page = hands.page("checkin")
    hands.until(lambda: page.gathering.count() == 2)
    assert page.gathering.currentText().startswith("Lunch") and page.button.isEnabled()  # the next one at first
    dinner = page.gathering.itemData(1)
    if how == "chosen in the list":
        page.gathering.set_key(dinner)
    cancel_gathering(hands.desk, dinner, "storm")
    if how == "chosen in the list":
        page.refresh()
    else:
        page.open(gathering=dinner)
    for _time in range(2):  # and none is chosen by the next look, either
        hands.until(lambda: page.gathering.count() == 1 and page.lanes.idle())
        page.open_chosen()
        assert page.door is None and page.gathering.key() is None and not page.button.isEnabled()
        assert page.when.text() == "\u2068Dinner\u2069 was cancelled or removed. Choose the one to check in for."
        page.refresh()
        hands.rest()
    page.gathering.setFocus()
    QTest.keyClick(page.gathering, Qt.Key.Key_Down)
    hands.until(lambda: page.gathering.currentText().startswith("Lunch") and page.button.isEnabled() and "cancelled" not in page.when.text())
    page.refresh()
    hands.rest()
    assert page.gathering.currentText().startswith("Lunch") and page.button.isEnabled()
