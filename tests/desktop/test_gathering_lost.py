"""A gathering that is cancelled or removed while its door is about to be opened: no other one's door is opened for it."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from alumni_desk.gatherings.actions import cancel_gathering, new_gathering


@pytest.mark.parametrize("how", ["chosen in the list", "asked for by its id"])
def test_no_other_door_is_opened_for_one_that_is_cancelled(hands: Any, how: str) -> None:
    for name, start in (("Lunch", "2031-05-14T12:00"), ("Dinner", "2031-05-14T18:00")):
        new_gathering(hands.desk, name=name, start=start, time_zone="UTC")
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
