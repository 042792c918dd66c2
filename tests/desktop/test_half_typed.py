"""Walk-ins that are half typed at the door are asked about before they are lost, however check-in is left; never while the laptop is locked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.door import DoorWindow
from alumni_desk.desktop.door_half_typed import HalfTypedSheet, half_typed_words
from alumni_desk.desktop.door_pin import DOOR_PIN, NewPinSheet, PinSheet
from alumni_desk.desktop.quitting_sheets import FormsSheet
from alumni_desk.desktop.sound import Sounds
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.lists import member_rows
from alumni_desk.store import pin


@pytest.fixture
def door(hands: Any) -> Iterator[DoorWindow]:
    """The door of a gathering with three guests, where two walk-ins are half typed."""
    gathering = new_gathering(hands.desk, name="Reception", start="2030-11-12T18:30").id
    add_guests(hands.desk, gathering, [row.id for row in member_rows(hands.desk)])
    page = hands.page("checkin")
    page.sounds = Sounds(on=False)
    page.open(gathering=gathering)
    hands.until(lambda: page.door is not None)
    hands.rest()
    door = page.door
    door.activateWindow()
    hands.until(door.isActiveWindow)
    for name in ("Ann Lee", "Zed Walker"):
        QTest.keyClicks(door.field, name)
        QTest.keyClick(door.field, Qt.Key.Key_F2)
        QTest.keyClick(door.form.contact, Qt.Key.Key_Escape)
    hands.rest()
    assert door.state() == "idle"
    yield door
    if page.door is not None:
        door.leaving.free = True
        door.close()


def words_of(sheet: Any) -> str:
    return " ".join(label.text() for label in sheet.findChildren(Label))


def key(pressed: Qt.Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(QApplication.focusWidget(), pressed, held)


@pytest.mark.parametrize("way", ["esc", "cross"])
def test_leaving_asks_once_and_goes_on_with_them_by_enter(hands: Any, door: DoorWindow, way: str) -> None:
    def leave() -> HalfTypedSheet:
        key(Qt.Key.Key_Escape) if way == "esc" else QApplication.sendEvent(door.windowHandle(), QCloseEvent())  # as a window manager asks
        sheet = hands.dialog(HalfTypedSheet)
        assert door.isVisible() and len(hands.open_dialogs(HalfTypedSheet)) == 1
        hands.until(lambda: sheet.isActiveWindow() and sheet.stay.hasFocus())
        return sheet

    assert "2 walk-ins are half typed: \u2068Zed Walker\u2069, \u2068Ann Lee\u2069." in words_of(leave())
    key(Qt.Key.Key_Return)
    hands.until(lambda: not hands.open_dialogs(HalfTypedSheet))
    door.activateWindow()
    hands.until(door.isActiveWindow)
    assert door.isVisible() and door.state() == "walk_in" and door.form.name.text() == "Zed Walker" and door.newcomer.titles() == ["Zed Walker", "Ann Lee"]
    QTest.keyClick(door.form.name, Qt.Key.Key_Escape)
    hands.until(lambda: door.state() == "idle" and door.field.hasFocus())
    sheet = leave()
    key(Qt.Key.Key_Tab) if sheet.leave.hasFocus() else sheet.leave.setFocus()
    QTest.keyClick(sheet.leave, Qt.Key.Key_Space)
    hands.until(lambda: hands.shell.built("checkin").door is None)
    assert not hands.open_dialogs(HalfTypedSheet)


def test_the_pin_comes_first_and_a_badge_is_read_meanwhile(hands: Any, door: DoorWindow) -> None:
    hands.desk.set_setting(DOOR_PIN, pin.made("2468"))
    key(Qt.Key.Key_Escape)
    entry = hands.dialog(PinSheet).entry
    QTest.keyClicks(entry.password, "2468")
    QTest.keyClick(entry.password, Qt.Key.Key_Return)
    sheet = hands.dialog(HalfTypedSheet)
    hands.until(lambda: sheet.isActiveWindow() and sheet.stay.hasFocus())
    with hands.desk.reading() as connection:
        code = connection.exec_driver_sql("SELECT code FROM registration LIMIT 1").scalar_one()
    QTest.keyClicks(sheet.stay, code)
    QTest.keyClick(sheet.stay, Qt.Key.Key_Return)
    hands.until(lambda: door.state() == "verdict")
    assert sheet.isVisible(), "the scanner's Enter is no answer"
    QTest.keyClick(sheet.stay, Qt.Key.Key_Escape)
    hands.until(lambda: not hands.open_dialogs(HalfTypedSheet))
    assert door.isVisible()


def test_locking_takes_the_question_away_and_names_nobody(hands: Any, door: DoorWindow) -> None:
    key(Qt.Key.Key_Escape)
    hands.dialog(HalfTypedSheet)
    hands.room.lock.lock()
    hands.until(lambda: not hands.open_dialogs(HalfTypedSheet))
    hands.shell.close()
    sheet = hands.dialog(FormsSheet)
    assert "2 open forms are not saved yet" in words_of(sheet) and "Zed" not in words_of(sheet) and "Unlock" in sheet.stay.text()
    assert not hands.open_dialogs(HalfTypedSheet) and hands.shell.isVisible()
    hands.click(sheet.quit)
    hands.until(lambda: not hands.shell.isVisible())
    assert hands.room._door() is None, "the door closes with the window under it"


def test_ctrl_q_asks_and_closes_the_door_as_well(hands: Any, door: DoorWindow) -> None:
    def quit_it() -> HalfTypedSheet:
        hands.shell.activateWindow()
        hands.until(hands.shell.isActiveWindow)
        QTest.keyClick(hands.shell, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
        return hands.dialog(HalfTypedSheet)  # type: ignore[no-any-return]

    sheet = quit_it()
    assert "Zed Walker" in words_of(sheet) and "Close Alumni Desk?" in words_of(sheet)
    hands.click(sheet.stay)
    hands.until(lambda: not hands.open_dialogs(HalfTypedSheet) and door.state() == "walk_in")
    assert hands.shell.isVisible() and door.isVisible() and door.form.name.text() == "Zed Walker"
    hands.click(quit_it().leave)
    hands.until(lambda: not hands.shell.isVisible())
    assert hands.room._door() is None


def test_a_door_without_anything_typed_closes_with_the_window(hands: Any, door: DoorWindow) -> None:
    door.newcomer.aside.clear()
    door.form.clear()
    hands.shell.close()
    assert not hands.shell.isVisible() and hands.room._door() is None


def test_few_are_named() -> None:
    assert half_typed_words(["Zed"]) == "A walk-in is half typed: \u2068Zed\u2069."
    assert half_typed_words(["A", "B", "C", "D", "E"]).endswith("\u2068C\u2069, 2 more.")


def ask_pin(hands: Any) -> PinSheet:
    """Close the main window by its cross."""
    hands.shell.close()
    sheet = hands.dialog(PinSheet)
    assert hands.shell.isVisible()
    hands.until(lambda: sheet.isActiveWindow() and sheet.entry.password.hasFocus())
    return sheet  # type: ignore[no-any-return]


@pytest.mark.parametrize("locked", [False, True])
def test_the_main_window_does_not_close_over_a_door_with_a_pin_that_nobody_gives(hands: Any, door: DoorWindow, locked: bool) -> None:
    hands.page("settings", section="security").security.new_pin()
    new = hands.dialog(NewPinSheet)
    for field in (new.first, new.again):
        field.setText("2468")
    hands.click(new.done_button)  # while the door is open already
    hands.until(lambda: not hands.open_dialogs(NewPinSheet) and door.leaving.pin)
    door.newcomer.aside.clear()
    door.form.clear()
    if locked:
        hands.room.lock.lock()
    sheet = ask_pin(hands)
    hands.shell.close()
    assert hands.open_dialogs(PinSheet) == [sheet], "it is asked once"
    key(Qt.Key.Key_Escape)
    hands.until(lambda: not hands.open_dialogs(PinSheet))
    assert hands.shell.isVisible() and door.isVisible()
    sheet = ask_pin(hands)
    QTest.keyClicks(sheet.entry.password, "1357")
    key(Qt.Key.Key_Return)
    hands.until(lambda: "neither the PIN" in words_of(sheet))
    with hands.desk.reading() as connection:
        code = connection.exec_driver_sql("SELECT code FROM registration LIMIT 1").scalar_one()
    QTest.keyClicks(sheet.entry.password, code)
    key(Qt.Key.Key_Return)
    hands.until(lambda: door.state() == "verdict")
    sheet.entry.password.setText("2468")
    hands.until(lambda: not door.scans.muted())
    hands.rest()
    QTest.keyClick(sheet.entry.password, Qt.Key.Key_Return)
    hands.until(lambda: not hands.shell.isVisible())
    assert hands.room._door() is None


def test_the_pin_comes_before_the_question_about_walk_ins_when_the_main_window_closes(hands: Any, door: DoorWindow) -> None:
    hands.desk.set_setting(DOOR_PIN, pin.made("2468"))
    door.leaving.read_pin()
    hands.until(lambda: door.leaving.pin)
    sheet = ask_pin(hands)
    QTest.keyClicks(sheet.entry.password, "2468")
    key(Qt.Key.Key_Return)
    question = hands.dialog(HalfTypedSheet)
    hands.click(question.stay)
    hands.until(lambda: not hands.open_dialogs(HalfTypedSheet) and door.state() == "walk_in")
    ask_pin(hands).reject()  # whoever stayed is asked anew
    hands.until(lambda: not hands.open_dialogs(PinSheet))
