"""Choosing a password by the keyboard alone: Tab and Enter go to the next field, and nothing that is typed goes astray or is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from tests.desktop.conftest import Hands

from alumni_desk.desktop.door_pin import NewPinSheet
from alumni_desk.desktop.first_run import StartEmpty
from alumni_desk.desktop.password_sheet import PasswordSheet
from alumni_desk.desktop.unlock import PasswordField, SecretEntry, UnlockPage

WORDS = "words of tomorrow"


def press(key: Qt.Key) -> None:
    QTest.keyClick(QApplication.focusWidget(), key)


def type_in(words: str) -> None:
    QTest.keyClicks(QApplication.focusWidget(), words)


@pytest.fixture
def given() -> list[str]:
    return []


@pytest.fixture
def choosing(qtbot: Any, given: list[str]) -> Iterator[UnlockPage]:
    """The page that asks for a new password, shown and in front."""
    page = UnlockPage(given.append, choose=True)
    shown(page, qtbot)
    yield page
    page.close()
    page.deleteLater()


def shown(page: QWidget, qtbot: Any) -> None:
    page.resize(800, 600)
    page.show()
    page.activateWindow()
    qtbot.waitUntil(lambda: QApplication.activeWindow() is page)


def dots(*fields: PasswordField) -> bool:
    return all(field.echoMode() == QLineEdit.EchoMode.Password for field in fields)


def test_tab_goes_to_the_second_field(choosing: UnlockPage, given: list[str]) -> None:
    choosing.password.setFocus()
    type_in("short")
    press(Qt.Key.Key_Tab)
    type_in("short")
    press(Qt.Key.Key_Return)
    assert (choosing.password.text(), choosing.again.text()) == ("short", "short")
    assert "Ten letters" in choosing.said.text() and dots(choosing.password, choosing.again) and given == []


def test_the_eyes_are_not_among_the_tabs_of_a_choice_that_has_a_tick_for_both(choosing: UnlockPage) -> None:
    choosing.password.setFocus()
    passed = []
    for _turn in range(4):
        press(Qt.Key.Key_Tab)
        passed.append(QApplication.focusWidget())
    assert passed == [choosing.again, choosing.button, choosing.show_it, choosing.password]


def test_enter_goes_on_to_the_second_field_and_from_there_tries(choosing: UnlockPage, given: list[str]) -> None:
    choosing.password.setFocus()
    type_in("short")
    press(Qt.Key.Key_Return)
    assert choosing.again.hasFocus() and choosing.said.text() == ""
    choosing.password.setText(WORDS)
    type_in(WORDS)
    press(Qt.Key.Key_Return)
    assert given == [WORDS]


def test_a_password_that_opens_has_its_eye_after_everything_else(qtbot: Any) -> None:
    entry = SecretEntry("Unlock")
    shown(entry, qtbot)
    entry.password.setFocus()
    passed = []
    for _turn in range(3):
        press(Qt.Key.Key_Tab)
        passed.append(QApplication.focusWidget())
    assert passed == [entry.button, entry.other, entry.password.eye]
    entry.close()
    entry.deleteLater()


def test_what_is_typed_on_an_eye_goes_nowhere(qtbot: Any) -> None:
    page = QWidget()
    field = PasswordField("Password")
    QVBoxLayout(page).addWidget(field)
    shown(page, qtbot)
    field.setText(WORDS)
    field.eye.setFocus()
    for key in (Qt.Key.Key_X, Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
        press(key)
        assert field.text() == WORDS and dots(field)
    press(Qt.Key.Key_Space)
    assert not dots(field)
    field.setFocus()
    QTest.mouseClick(field.eye, Qt.MouseButton.LeftButton)
    assert dots(field) and field.hasFocus()  # a click leaves the keyboard in the field
    page.close()
    page.deleteLater()


@pytest.mark.parametrize("present", [False, True])
def test_a_new_password_in_a_dialog_goes_from_field_to_field(hands: Hands, present: bool) -> None:
    sheet = PasswordSheet(hands.shell, "Password", "Change it", "", present=present)
    tried: list[str] = []
    sheet.done_clicked.connect(lambda: tried.append(sheet.password.text()))
    sheet.show()
    hands.until(lambda: QApplication.activeWindow() is sheet)
    fields = [sheet.present] * present + [sheet.password, sheet.again]
    for field in fields:
        assert field.hasFocus()
        type_in(WORDS)
        press(Qt.Key.Key_Return)
    assert tried == [WORDS] and dots(*fields)
    fields[0].setFocus()
    passed = []
    for _turn in range(len(fields) + 2):
        press(Qt.Key.Key_Tab)
        passed.append(QApplication.focusWidget())
    assert passed == [*fields[1:], sheet.shut, sheet.cancel, sheet.done_button]
    sheet.reject()


def test_a_new_pin_goes_from_field_to_field(hands: Hands) -> None:
    sheet = NewPinSheet(hands.shell, hands.desk, hands.room.lanes)
    sheet.show()
    hands.until(lambda: QApplication.activeWindow() is sheet)
    type_in("1234")
    press(Qt.Key.Key_Return)
    assert sheet.again.hasFocus()
    press(Qt.Key.Key_Backtab)
    press(Qt.Key.Key_Tab)
    assert sheet.again.hasFocus() and sheet.isVisible()
    sheet.reject()


def test_what_is_missing_is_said_until_it_is_typed(qtbot: Any) -> None:
    page = StartEmpty()
    shown(page, qtbot)
    QTest.mouseClick(page.button, Qt.MouseButton.LeftButton)
    assert all(row.control.property("wrong") for row in page.rows)
    page.university.setFocus()
    type_in("A")
    assert [bool(row.control.property("wrong")) for row in page.rows] == [True, False, True]
    page.close()
    page.deleteLater()
