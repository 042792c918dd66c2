"""A gathering's History: every value it had, put back one by one, and told as what it is."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from tests.desktop.conftest import Hands

from alumni_desk.desktop.controls import Button, Link
from alumni_desk.desktop.history_sheet import HistorySheet
from alumni_desk.gatherings.actions import add_guests, change_gathering, new_gathering
from alumni_desk.gatherings.lists import gathering, gathering_rows
from alumni_desk.members.actions import change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.segments.activity import deeds
from alumni_desk.store.undo import undo


def words_of(sheet: Any) -> str:
    """Everything that can be read in it."""
    return "\n".join(one.text() for one in sheet.findChildren(QLabel) if one.isVisible())


def plain(text: str) -> str:
    """Without what keeps names of other scripts apart."""
    return text.replace("\u2068", "").replace("\u2069", "")


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


def put_back(hands: Hands, sheet: Any, value: str) -> None:
    hands.until(lambda: any(one.accessibleName() == f"Restore {value}" for one in sheet.findChildren(Link) if one.isVisible()))
    hands.click(next(one for one in sheet.findChildren(Link) if one.accessibleName() == f"Restore {value}" and one.isVisible()))


def test_its_title_is_the_name_that_was_put_back(hands: Hands) -> None:
    dinner = new_gathering(hands.desk, name="Winter Dinner", start="2026-12-12T18:30").id
    change_gathering(hands.desk, dinner, name="Spring Supper")
    page = hands.page("gatherings", gathering=dinner)
    hands.until(lambda: page.view.it is not None)
    page.history(page.view.it.row)
    sheet = hands.dialog(HistorySheet)
    assert sheet.heading.text() == "History of Spring Supper"
    put_back(hands, sheet, "Winter Dinner")
    hands.until(lambda: sheet.heading.text() == "History of Winter Dinner")
    assert sheet.windowTitle() == sheet.accessibleName() == "History of Winter Dinner"
    undo(hands.desk)  # the command line
    hands.until(lambda: sheet.heading.text() == "History of Spring Supper")
    undo(hands.desk)
    undo(hands.desk)  # there is no such gathering any more
    hands.until(lambda: hands.room.lanes.idle() and gathering_rows(hands.desk) == [])
    hands.rest()
    assert not sheet.wrong.isVisible() and sheet.heading.text().startswith("History of ")
    sheet.reject()
    hands.rest()


def test_a_guests_follows_both_names(hands: Hands) -> None:
    dinner = new_gathering(hands.desk, name="Winter Dinner", start="2026-12-12T18:30").id
    ada = next(row for row in member_rows(hands.desk) if row.name == "Ada Obi")
    [guest] = add_guests(hands.desk, dinner, [ada.id]).registrations
    page = hands.page("gatherings", gathering=dinner)
    hands.until(lambda: page.view.it is not None)
    page.view.history_wanted.emit(guest, "Ada Obi")
    sheet = hands.dialog(HistorySheet)
    change_member(hands.desk, ada.id, last_name="Okafor")
    hands.until(lambda: plain(sheet.heading.text()) == "History of Ada Okafor at Winter Dinner")
    change_gathering(hands.desk, dinner, name="Spring Supper")
    hands.until(lambda: plain(sheet.heading.text()) == "History of Ada Okafor at Spring Supper")
    sheet.reject()
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
