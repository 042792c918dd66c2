"""Ctrl+Q from wherever one is: what was typed and not saved is asked about first."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from alumni_desk.badges.people import BadgePerson
from alumni_desk.desktop.app import Room
from alumni_desk.desktop.badge_parts import NamesSheet
from alumni_desk.desktop.chapter_choice import ChapterChoice
from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.guest_picker import GuestPicker
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.join_laptop_sheet import JoinLaptopSheet
from alumni_desk.desktop.joining_sheet import ask_join
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.palette import Palette
from alumni_desk.desktop.quitting_sheets import FormsSheet
from alumni_desk.desktop.sheet import PlainSheet, Sheet
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.sync.switching import Chapter
from alumni_desk.sync.venue.finding import Found, Search
from alumni_desk.sync.venue.places import Place


def quit_in(hands: Any, widget: QWidget) -> None:
    hands.until(widget.window().isActiveWindow)
    QTest.keyClick(widget, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)


def words_of(sheet: QWidget) -> str:
    return " ".join(label.text() for label in sheet.findChildren(Label))


def closed(hands: Any) -> bool:
    return not hands.shell.isVisible()


def test_a_form_with_something_typed_is_asked_about(hands: Any) -> None:
    hands.page("members").add()
    form = hands.dialog(MemberForm)
    QTest.keyClicks(form._fields["first_name"], "Halfway")
    quit_in(hands, form._fields["first_name"])
    sheet = hands.dialog(FormsSheet)
    assert "An open form is not saved yet" in words_of(sheet) and "Unlock" not in sheet.stay.text()
    quit_in(hands, sheet)  # asked once
    assert hands.open_dialogs(FormsSheet) == [sheet] and not closed(hands)
    hands.click(sheet.stay)
    hands.until(lambda: not hands.open_dialogs(FormsSheet))
    assert form.isVisible() and form.values() == {"first_name": "Halfway"}
    quit_in(hands, form._fields["first_name"])
    hands.click(hands.dialog(FormsSheet).quit)
    hands.until(lambda: closed(hands))
    assert not form.isVisible()


def test_a_form_that_was_put_away_is_asked_about_as_long_as_it_can_be_brought_back(hands: Any) -> None:
    hands.page("members").add()
    form = hands.dialog(MemberForm)
    QTest.keyClicks(form._fields["first_name"], "Halfway")
    QTest.keyClick(form, Qt.Key.Key_Escape)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    quit_in(hands, hands.shell)
    sheet = hands.dialog(FormsSheet)
    assert "A form was closed without saving it" in words_of(sheet) and "Ctrl+Z brings it back" in words_of(sheet)
    QTest.keyClick(sheet.stay, Qt.Key.Key_Escape)
    hands.until(lambda: not hands.open_dialogs(FormsSheet))
    QTest.keyClick(hands.shell, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    again = hands.dialog(MemberForm)
    assert again.values() == {"first_name": "Halfway"}
    QTest.keyClick(again, Qt.Key.Key_Escape)  # a second time, as it came back: it is let go
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    quit_in(hands, hands.shell)
    hands.until(lambda: closed(hands))


def test_an_untouched_form_and_the_palette_are_no_reason_to_ask(hands: Any) -> None:
    hands.page("members").add()
    form = hands.dialog(MemberForm)
    quit_in(hands, form._fields["first_name"])
    hands.until(lambda: closed(hands))
    assert not hands.open_dialogs(FormsSheet)


def test_the_palette_lets_it_through(hands: Any) -> None:
    QTest.keyClick(hands.shell, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    quit_in(hands, hands.dialog(Palette).field)
    hands.until(lambda: closed(hands))


def test_every_form_is_asked_about(hands: Any) -> None:
    page = hands.page("gatherings")
    page.plan()
    form = hands.dialog(GatheringForm)
    assert not form.touched()
    QTest.keyClicks(form.name, "Dinner")
    quit_in(hands, form.name)
    hands.click(hands.dialog(FormsSheet).stay)
    hands.until(lambda: not hands.open_dialogs(FormsSheet))
    form.reject()
    dinner = new_gathering(hands.desk, name="Dinner", start="2027-05-12 18:30", end="2027-05-12 21:30").id
    room: Room = hands.room
    picker = GuestPicker(room.shell, hands.desk, room.lanes, set())
    picker.open()
    hands.until(lambda: picker.model.first_free() is not None)
    assert not picker.touched() and dinner
    picker.model.turn(picker.model.first_free())
    quit_in(hands, picker.search)
    hands.click(hands.dialog(FormsSheet).stay)
    hands.until(lambda: not hands.open_dialogs(FormsSheet))
    picker.reject()


def asks(hands: Any, sheet: Any, at: QWidget) -> bool:
    """Whether Ctrl+Q in a dialog asks; then it is gone back to."""
    quit_in(hands, at)
    hands.until(lambda: hands.open_dialogs(FormsSheet) or closed(hands))
    if closed(hands):
        return False
    hands.click(hands.dialog(FormsSheet).stay)
    hands.until(lambda: not hands.open_dialogs(FormsSheet))
    return True


def test_what_is_only_looked_for_is_no_reason_to_ask(hands: Any) -> None:
    picker = GuestPicker(hands.room.shell, hands.desk, hands.room.lanes, set())
    picker.open()
    hands.until(lambda: picker.model.first_free() is not None)
    QTest.keyClicks(picker.search, "li")
    hands.rest()
    assert not picker.touched() and not asks(hands, picker, picker.search)


def test_names_are_asked_about_when_another_is_ticked(hands: Any) -> None:
    people = [BadgePerson(f"r{n}", f"p{n}", name, "", "", "", None, "", "", "") for n, name in enumerate(("Ada", "Ben"))]
    sheet = NamesSheet(hands.room.shell, people, ["r0"])
    sheet.open()
    QTest.keyClicks(sheet.search, "a")
    assert not sheet.touched()
    sheet.search.clear()
    sheet.list.item(1).setCheckState(Qt.CheckState.Checked)
    assert asks(hands, sheet, sheet.search)
    sheet.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    assert not asks(hands, sheet, sheet.search)


def test_a_dialog_that_fills_its_fields_by_itself_is_no_reason_to_ask(hands: Any) -> None:
    answers: list[Any] = []
    sheet = JoinLaptopSheet(hands.room.shell, lambda then, failed: answers.append(then), hands.room.lanes)
    sheet.open()
    answers[0](Search((Found("one", Place("192.168.1.7", 7807), True, True), Found("two", Place("192.168.1.8", 7807), True, True)), None, ""))
    assert sheet.form.address.text() == "192.168.1.7:7807" and not sheet.touched()
    hands.until(sheet.isActiveWindow)
    hands.click(sheet.form.radios["192.168.1.8:7807"])
    assert sheet.form.address.text() == "192.168.1.8:7807" and sheet.touched()
    hands.click(sheet.form.radios["192.168.1.7:7807"])
    QTest.keyClicks(sheet.form.code, "ABC")
    assert asks(hands, sheet, sheet.form.code)
    sheet.reject()
    sheet = Sheet(hands.room.shell, "Chapters", "Go")
    choice = ChapterChoice()
    sheet.column.addWidget(choice)
    sheet.open()
    choice.set_chapters([Chapter(f"c{n}", f"Chapter {n}", "leader", n == 0) for n in range(3)])
    assert choice.radios[0].isChecked() and not asks(hands, sheet, choice.radios[0])


def test_another_hour_and_another_kind_are_asked_about_until_they_are_put_back(hands: Any) -> None:
    hands.page("gatherings").plan()
    form = hands.dialog(GatheringForm)
    hands.until(form.isActiveWindow)
    form.start.setFocus()
    QTest.keyClick(form.start, Qt.Key.Key_Up)
    assert form.touched()
    QTest.keyClick(form.start, Qt.Key.Key_Down)
    assert not form.touched()
    form.kind.setFocus()
    QTest.keyClick(form.kind, Qt.Key.Key_Down)
    assert form.touched() and asks(hands, form, form.name)
    QTest.keyClick(form.kind, Qt.Key.Key_Up)
    QTest.keyClicks(form.name, "x")
    QTest.keyClick(form.name, Qt.Key.Key_Backspace)
    assert not form.touched() and not asks(hands, form, form.name)


def test_a_locked_window_closes_over_a_form_that_nobody_touched(hands: Any) -> None:
    hands.page("members").add()
    hands.dialog(MemberForm)
    hands.room.lock.lock()
    hands.shell.close()
    assert closed(hands) and not hands.open_dialogs(FormsSheet)


def test_a_code_that_is_half_typed_is_asked_about(hands: Any) -> None:
    ask_join(hands.shell, hands.room.bridge, hands.room.lanes, "Laptop", "", str, lambda: None)
    [sheet] = hands.open_dialogs(PlainSheet)
    form = sheet.findChild(JoinForm)
    hands.until(sheet.isActiveWindow)
    QTest.keyClicks(form.code.groups[0], "abcd")
    assert sheet.touched() and asks(hands, sheet, form.code.groups[1])
    sheet.reject()


def test_a_locked_window_closes_by_the_same_key(hands: Any) -> None:
    hands.room.lock.lock()
    page = hands.room.lock.page
    quit_in(hands, page.first_focus())
    hands.until(lambda: closed(hands))
    assert not hands.open_dialogs(FormsSheet)


def test_the_key_asks_on_the_locked_page_about_a_form_under_it(hands: Any) -> None:
    hands.page("members").add()
    form = hands.dialog(MemberForm)
    QTest.keyClicks(form._fields["first_name"], "Halfway")
    hands.room.lock.lock()
    quit_in(hands, hands.room.lock.page.first_focus())
    sheet = hands.dialog(FormsSheet)
    assert "Unlock" in sheet.stay.text() and not closed(hands)
    hands.click(sheet.stay)
    hands.until(lambda: not hands.open_dialogs(FormsSheet))
    assert hands.room.lock.locked and not closed(hands)
    quit_in(hands, hands.room.lock.page.first_focus())
    hands.click(hands.dialog(FormsSheet).quit)
    hands.until(lambda: closed(hands))
