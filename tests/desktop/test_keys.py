"""Keys do what the widget that has the focus says, and nothing that another widget would do."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.front import Front
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.guest_picker import GuestPicker
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.widgets import TITLE_BAR
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.store import backup
from alumni_desk.store.writing import Changed


def press(widget: QWidget, key: Qt.Key) -> None:
    """As a keyboard does it: the focus, then the key through the window."""
    widget.window().activateWindow()
    widget.setFocus()
    assert QApplication.focusWidget() is widget
    QTest.keyClick(widget, key)
    QApplication.processEvents()


def chosen(hands: Any) -> Any:
    page = hands.page("members")
    page.list.setFocus()
    page._select(0)
    hands.rest()
    hands.until(page.panel.isVisible)
    return page


def button_of(page: QWidget, words: str) -> Button:
    return next(button for button in page.findChildren(Button) if button.accessibleName().startswith(words) and button.isVisible())


def test_a_page_opened_by_its_key_has_the_focus_where_one_types_or_moves(hands: Any) -> None:
    for number, name in ((2, "members"), (7, "settings"), (2, "members")):
        hands.shell.nav.setFocus()
        hands.until(lambda: hands.shell.nav.hasFocus())
        QTest.keyClick(hands.shell.nav, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.ControlModifier)
        hands.until(lambda name=name: hands.shell.current().name == name)
        hands.until(lambda: hands.shell.current().first_focus().hasFocus())
    QTest.keyClicks(QApplication.focusWidget(), "chen")
    assert hands.shell.current().search.text() == "chen"
    hands.shell.nav.setFocus()
    QTest.keyClick(hands.shell.nav, Qt.Key.Key_Down)  # who goes through the sidebar stays in it
    hands.until(lambda: hands.shell.current().name == "gatherings")
    assert hands.shell.nav.hasFocus()


def test_enter_on_a_button_presses_that_button(hands: Any) -> None:
    page = chosen(hands)
    for words in ("Import", "Add member", "Remove", "Edit"):
        button = button_of(page, words)
        pressed: list[str] = []
        button.clicked.disconnect()
        button.clicked.connect(lambda checked=False, words=words, pressed=pressed: pressed.append(words))
        for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            press(button, key)
        hands.rest()
        assert pressed == [words, words]
        assert hands.open_dialogs(MemberForm) == []


def test_enter_in_the_list_edits_and_in_the_find_field_goes_to_the_list(hands: Any) -> None:
    page = chosen(hands)
    press(page.search, Qt.Key.Key_Return)
    hands.rest()
    assert page.list.hasFocus() and hands.open_dialogs(MemberForm) == []
    press(page.list, Qt.Key.Key_Return)
    hands.dialog(MemberForm).reject()


def test_delete_removes_only_from_the_list(hands: Any) -> None:
    page = chosen(hands)
    press(hands.shell.nav, Qt.Key.Key_Delete)
    hands.rest()
    assert count_members(hands.desk) == 3
    page.search.setText("a")
    press(page.search, Qt.Key.Key_Delete)
    hands.rest()
    assert count_members(hands.desk) == 3
    hands.rest()
    page._select(0)
    hands.rest()
    press(page.list, Qt.Key.Key_Delete)
    hands.until(lambda: count_members(hands.desk) == 2)


def test_escape_clears_the_field_that_has_the_focus(hands: Any) -> None:
    page = chosen(hands)
    page.search.setText("li")
    press(hands.shell.nav, Qt.Key.Key_Escape)
    assert page.search.text() == "li"
    press(page.search, Qt.Key.Key_Escape)
    assert page.search.text() == ""


def test_ctrl_n_inside_a_gathering_adds_guests(hands: Any) -> None:
    which = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    hands.page("gatherings", gathering=which)
    hands.shell.activateWindow()
    QTest.keyClick(hands.shell, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    hands.dialog(GuestPicker).reject()


def test_f6_reaches_the_toast_which_waits_while_it_has_the_focus(hands: Any) -> None:
    page = chosen(hands)
    press(page.list, Qt.Key.Key_Delete)
    toast = hands.shell.toast
    hands.until(toast.isVisible)
    hands.rest()
    page.list.setFocus()
    reached = []
    for _turn in range(6):
        QTest.keyClick(hands.shell, Qt.Key.Key_F6)
        reached.append(QApplication.focusWidget())
        if toast.link.hasFocus():
            break
    assert toast.link.hasFocus() and not toast._timer.isActive()
    QTest.keyClick(toast.link, Qt.Key.Key_Escape)
    assert not toast.isVisible() and (len(reached) < 2 or QApplication.focusWidget() is reached[-2])
    hands.shell.say("Again", "Undo", lambda: None)
    assert toast.isVisible() and toast._timer.isActive()
    toast.take_focus()
    assert not toast._timer.isActive()
    page.list.setFocus()
    assert toast._timer.isActive()


def test_f6_in_settings_stops_where_something_can_be_done(hands: Any) -> None:
    page = hands.page("settings")
    hands.shell.activateWindow()
    page.sections.setFocus()
    QTest.keyClick(hands.shell, Qt.Key.Key_F6)
    assert QApplication.focusWidget() is page.you


def test_alt_n_and_alt_b_lead_through_an_import(hands: Any, tmp_path: Path) -> None:
    page = hands.page("members")
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name\nMei,Wong\n")
    sheet = page.import_from(file)
    hands.until(lambda: sheet._at == 1 and sheet.next.isVisible())
    sheet.activateWindow()
    QTest.keyClick(sheet, Qt.Key.Key_N, Qt.KeyboardModifier.AltModifier)
    hands.until(lambda: sheet._at == 2 and sheet.back.isVisible())
    QTest.keyClick(sheet, Qt.Key.Key_B, Qt.KeyboardModifier.AltModifier)
    hands.until(lambda: sheet._at == 1)
    sheet.reject()


def test_the_first_window_is_no_larger_than_the_screen(hands: Any) -> None:
    front = Front(100, lambda percent: None)
    room = front.screen().availableGeometry()
    assert room.width() < 1280 or room.height() < 840, "the screen of the tests is a small one"
    assert room.contains(front.geometry()) and front.height() + TITLE_BAR <= room.height()
    front.deleteLater()


def test_a_bare_key_never_belongs_to_the_whole_window(hands: Any) -> None:
    bare = {"Return", "Enter", "Del", "Esc", "Space"}
    wide = [short.key().toString() for short in hands.shell.findChildren(QShortcut) if short.context() == Qt.ShortcutContext.WindowShortcut]
    assert wide and not bare & set(wide)


def test_ctrl_n_makes_what_the_page_is_about(hands: Any) -> None:
    """A gathering on Today, also with another one open on Gatherings; the palette says so."""
    dinner = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    for opened in (None, dinner):
        if opened is not None:
            hands.page("gatherings", gathering=opened)
        hands.page("today")
        hands.shell.activateWindow()
        hands.until(hands.shell.isActiveWindow)
        offered = {deed.key: deed.keys for deed in hands.room._everything()}
        assert offered.get("gatherings:plan", "Ctrl N") == "Ctrl N" and offered.get("members:add", "") == ""
        QTest.keyClick(hands.shell, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
        form = hands.dialog(GatheringForm)
        assert form.windowTitle() == "Plan a gathering" and hands.shell.current().name == "gatherings"
        form.reject()
        hands.until(lambda: not hands.open_dialogs(GatheringForm))


def test_alt_left_leads_back_where_an_arrow_does(hands: Any) -> None:
    dinner = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id

    def back() -> None:
        hands.shell.activateWindow()
        hands.until(hands.shell.isActiveWindow)
        QTest.keyClick(QApplication.focusWidget() or hands.shell, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
        hands.rest()

    def has_the_keyboard(page: QWidget) -> bool:
        focused = QApplication.focusWidget()
        return focused is not None and focused.isVisible() and page.isAncestorOf(focused)

    page = hands.page("gatherings", gathering=dinner)
    hands.until(hands.shell.back.isVisible)
    page.view.list.setFocus()
    back()
    assert page.title == "Gatherings" and not hands.shell.back.isVisible() and has_the_keyboard(page)
    back()  # there is no way back from here
    assert hands.shell.current() is page and page.title == "Gatherings"
    hands.page("activity")
    back()
    assert hands.shell.current() is page and has_the_keyboard(page)


def test_alt_left_out_of_a_member_in_a_narrow_window_leads_into_the_list(hands: Any) -> None:
    hands.shell.resize(800, 640)
    page = hands.page("members")
    page.list.selectRow(0)
    hands.shell.activateWindow()
    hands.until(hands.shell.isActiveWindow)
    page.list.setFocus()
    QTest.keyClick(page.list, Qt.Key.Key_Return)
    hands.until(hands.shell.back.isVisible)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    hands.until(page.left.isVisible)
    assert page.list.hasFocus() and not hands.shell.back.isVisible()


def parts_of(page: QWidget) -> list[QWidget]:
    """What the keyboard may be in."""
    return [one for one in page.findChildren(QWidget) if one.focusPolicy() & Qt.FocusPolicy.TabFocus and one.isVisible() and one.isEnabled()]


def called(part: QWidget | None) -> tuple[str, str]:
    """What somebody who hears the window is told of a part."""
    return type(part).__name__, (part.accessibleName() or getattr(part, "text", str)()) if part is not None else ""


def keeps_the_keyboard(hands: Any, page: QWidget) -> int:
    """How many parts of a page keep the keyboard while others change something: all of them."""
    hands.shell.activateWindow()
    hands.until(hands.shell.isActiveWindow)
    at = 0
    while at < len(parts_of(page)):
        part = parts_of(page)[at]
        part.setFocus()
        if QApplication.focusWidget() is part:
            before = called(part)
            hands.room.changes.changed.emit(Changed({}))
            hands.rest()
            hands.rest()
            assert called(QApplication.focusWidget()) == before
        at += 1
    return at


@pytest.mark.parametrize("name", ["today", "gatherings", "gathering", "member", "checkin", "badges", "activity", "restore", "settings"])
def test_the_keyboard_stays_where_it_is_when_others_change_something(hands: Any, name: str) -> None:
    dinner = new_gathering(hands.desk, name="Reception", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    add_guests(hands.desk, dinner, [row.id for row in member_rows(hands.desk)])
    backup.by_itself(hands.desk.profile, hands.desk.key, "daily", now=datetime.now().astimezone())
    page = hands.page({"gathering": "gatherings", "member": "members"}.get(name, name), **({"gathering": dinner} if name in ("gathering", "badges") else {}))
    page.refresh()
    hands.rest()
    if name == "member":
        page._select(0)
    elif name in ("activity", "restore"):
        page.list.setCurrentIndex(page.list.model().index(0, 0))
    hands.rest()
    assert keeps_the_keyboard(hands, page) > 3


@pytest.mark.parametrize("name", ["checkin", "badges"])
def test_a_list_that_is_open_stays_where_it_is_when_others_change_something(hands: Any, name: str) -> None:
    days = [new_gathering(hands.desk, name=f"Reception {n}", start=f"2031-12-1{n}T18:30", end=f"2031-12-1{n}T21:00").id for n in range(4)]
    hands.shell.activateWindow()
    hands.until(hands.shell.isActiveWindow)
    page = hands.page(name)
    page.refresh()
    hands.until(lambda: page.gathering.count() == 4)
    box = page.gathering
    assert box.key() == days[0]
    box.setFocus()
    box.showPopup()
    for _time in range(2):
        QTest.keyClick(box.view(), Qt.Key.Key_Down)
    page.refresh()
    hands.rest()
    QTest.keyClick(box.view(), Qt.Key.Key_Return)
    assert box.key() == days[2]
    box.showPopup()
    for _time in range(2):
        QTest.keyClick(box.view(), Qt.Key.Key_Up)
    new_gathering(hands.desk, name="Reception 9", start="2031-12-09T18:30", end="2031-12-09T21:00")
    page.refresh()
    hands.until(lambda: box.count() == 5)
    hands.rest()
    assert not box.view().isVisible() and box.key() == days[2]  # others are in it now: whoever goes on sees so first
