"""A sheet while its deed is under way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Field, Label
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.join_laptop_sheet import JoinLaptopSheet
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.sheet import PlainSheet, Sheet
from alumni_desk.errors import BadInput
from alumni_desk.members.lists import member, member_rows
from alumni_desk.protocol.codes import new_venue_code


def test_what_is_under_way_is_not_left_by_escape_or_the_windows_cross(qtbot: Any) -> None:
    sheet = Sheet(None, "Remove it?", "Remove")
    qtbot.addWidget(sheet)
    sheet.open()
    sheet.set_busy("Removing …")
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    QTest.mouseClick(sheet.shut, Qt.MouseButton.LeftButton)
    sheet.close()
    assert sheet.isVisible()
    sheet.set_busy("")
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()


def test_a_question_begins_on_cancel_and_a_form_on_its_field(qtbot: Any) -> None:
    question, form = Sheet(None, "Remove it?", "Remove", kind="danger"), Sheet(None, "Rename it", "Rename")
    field = Field("Name")
    form.column.addWidget(field)
    field.setFocus()
    for sheet in (question, form):
        qtbot.addWidget(sheet)
        sheet.open()
    assert question.focusWidget() is question.cancel and form.focusWidget() is field


@pytest.fixture
def window(qtbot: Any) -> Iterator[QWidget]:
    """Held until its children are painted no more."""
    made = QWidget()
    made.resize(1000, 700)
    yield made
    made.close()
    made.deleteLater()


def test_a_long_title_has_air_above_and_below_and_a_short_one_the_usual_bar(window: QWidget) -> None:
    for title, lines in (("Short", 1), ("Roster saved as " + "a very long name " * 6, 2)):
        sheet = PlainSheet(window, title)
        sheet.open()
        text = sheet.heading.heightForWidth(sheet.heading.width())
        bar = next(item for n in range(sheet.whole.count()) if (item := sheet.whole.itemAt(n).widget()) is not None).y()
        assert (bar == px(40) + 1) is (lines == 1) and sheet.heading.height() >= text
        lowest = sheet.heading.fontMetrics().boundingRect(sheet.heading.contentsRect(), Qt.TextFlag.TextWordWrap, title).height()
        assert bar - 1 - lowest >= 2 * px(8) - 2
        sheet.reject()


def test_a_sheet_over_a_small_sheet_has_the_room_of_the_window(window: QWidget) -> None:
    first = PlainSheet(window, "First")
    first.open()
    second = PlainSheet(first, "Second")
    tall = QWidget()
    tall.setFixedHeight(500)
    second.column.addWidget(tall)
    second.open()
    assert first.height() < 300 and second.height() > 500
    assert second.geometry().center().x() == window.geometry().center().x()


def test_a_bar_goes_when_everything_fits_though_the_words_were_higher_beside_it(window: QWidget) -> None:
    sheet = PlainSheet(window, "Remove it?")
    label = Label("", wrap=True)
    sheet.column.addWidget(label)
    scroll = sheet._middle
    inside = 558 - 48  # the sheet's width without its edge and margins, at 100 %

    def just_fits(text: str) -> bool:
        label.setText(text)
        return label.heightForWidth(inside) < label.heightForWidth(inside - 12)

    assert any(just_fits(f"{'word ' * 40}{'s' * more}") for more in range(200))
    window.resize(1000, 170)
    sheet.open()
    assert scroll.verticalScrollBar().maximum() > 0
    window.resize(1000, 700)
    sheet.fit()
    assert scroll.verticalScrollBar().maximum() == 0 and not scroll.verticalScrollBar().isVisible()
    sheet.reject()


def test_nothing_is_typed_into_a_form_that_is_being_saved(hands: Any) -> None:
    ada = member_rows(hands.desk, "obi")[0].id
    page = hands.page("members", member=ada)
    hands.until(lambda: page.panel.isVisible() and page.panel.shown_for() == ada)
    page.edit()
    form, go = hands.dialog(MemberForm), threading.Event()
    QTest.keyClicks(form._fields["email"], "none")
    form._fields["email"].setFocus()
    hands.room.lanes.write(lambda: go.wait(60))  # as an import that takes its time
    hands.click(form.done_button)
    QTest.keyClicks(form._fields["employer"], "Works")
    assert form._fields["employer"].text() == ""
    go.set()
    hands.until(lambda: "is not an e-mail address" in form._rows["email"].below.text())
    assert form._fields["email"].hasFocus()
    form._fields["email"].setText("ada@example.org")
    QTest.keyClicks(form._fields["employer"], "Works")
    hands.click(form.done_button)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    hands.rest()
    assert member(hands.desk, ada).fields["employer"] == "Works"


def test_the_keyboard_is_in_the_field_that_a_laptop_that_shares_refused(window: QWidget, lanes: Lanes) -> None:
    sheet = JoinLaptopSheet(window, lambda then, failed: None, lanes)
    sheet.open()
    sheet.form.address.setText("192.168.1.7:7807")
    sheet.form.code.setText(new_venue_code())
    for code, began, wrong in (("venue_code", sheet.form.address, sheet.form.code), ("venue_not_sharing", sheet.form.code, sheet.form.address)):
        began.setFocus()
        sheet._join()
        sheet.refuse(BadInput(code, "That is not it."))
        assert sheet.focusWidget() is wrong
    sheet.reject()
