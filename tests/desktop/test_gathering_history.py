"""A gathering's History: every value it had, put back one by one, and told as what it is."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from tests.desktop.conftest import Hands

from alumni_desk.desktop.controls import Button, Link
from alumni_desk.desktop.history_sheet import HistorySheet
from alumni_desk.gatherings.actions import change_gathering, new_gathering
from alumni_desk.gatherings.lists import gathering
from alumni_desk.segments.activity import deeds
from alumni_desk.store.undo import undo


def words_of(sheet: Any) -> str:
    """Everything that can be read in it."""
    return "\n".join(one.text() for one in sheet.findChildren(QLabel) if one.isVisible())


def place(hands: Hands, dinner: str) -> Any:
    """Where it is held, as it stands now."""
    from alumni_desk.store.history import history

    return next(one.value for one in history(hands.desk, "gathering", dinner) if one.field == "place" and one.now)


def test_an_older_value_is_put_back_and_that_undone(hands: Hands) -> None:
    dinner = new_gathering(hands.desk, name="Winter Dinner", start="2026-12-12T18:30", place="The Hall").id
    change_gathering(hands.desk, dinner, place="The Club")
    page = hands.page("gatherings", gathering=dinner)
    hands.until(lambda: page.view.it is not None)
    button = next(one for one in page.view.findChildren(Button) if one.accessibleName() == "History")
    hands.click(button)
    sheet = hands.dialog(HistorySheet)
    hands.until(lambda: sheet.part is not None and "The Hall" in words_of(sheet))
    assert "History of Winter Dinner" in words_of(sheet) and "Status" in words_of(sheet) and "Answer" not in words_of(sheet)
    hands.until(sheet.close_button.hasFocus)
    link = next(one for one in sheet.findChildren(Link) if one.accessibleName() == "Restore The Hall")
    link.setFocus()
    QTest.keyClick(link, Qt.Key.Key_Space)
    hands.until(lambda: place(hands, dinner) == "The Hall")
    hands.until(lambda: any(one.accessibleName() == "Restore The Club" for one in sheet.findChildren(Link) if one.isVisible()))
    change_gathering(hands.desk, dinner, place="The Boat")  # the command line, or another laptop
    hands.until(lambda: "The Boat" in words_of(sheet))
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    hands.until(lambda: not hands.open_dialogs(HistorySheet))
    hands.rest()
    assert deeds(hands.desk, 2)[1].what == "Put back the place of Winter Dinner"
    undo(hands.desk)
    assert place(hands, dinner) == "The Hall" and gathering(hands.desk, dinner).name == "Winter Dinner"
    hands.rest()


def test_the_palette_leads_to_it(hands: Hands) -> None:
    dinner = new_gathering(hands.desk, name="Winter Dinner", start="2026-12-12T18:30").id
    page = hands.page("gatherings", gathering=dinner)
    hands.until(lambda: page.view.it is not None)
    deed = next(one for one in hands.room._everything() if one.words == "History of this gathering")
    assert deed.can()
    deed.act()
    hands.dialog(HistorySheet).reject()
    hands.rest()
