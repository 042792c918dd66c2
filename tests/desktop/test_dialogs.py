"""Dialogs fit their window at every text size: title bar and foot stay, what lies between scrolls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QApplication, QWidget

from alumni_desk.desktop.app import build
from alumni_desk.desktop.controls import Button, IconButton
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.guest_picker import GuestPicker
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.sheet import PlainSheet, Sheet
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.gatherings.lists import gathering_rows
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store import recovery
from alumni_desk.store.profile import Profile

WIDE = "An evening of the whole Great Lakes region in honour of those who taught us, with supper, speeches and music until late"
MANY = "First Name,Last Name,Class Year,Email,Mobile,City,State,ZIP,Employer,Job Title,Notes\nAda,Obi,2012,ada@example.org,,Gary,IN,46402,,,\n"


def inside(part: QWidget, whole: QWidget) -> bool:
    return whole.rect().contains(QRect(part.mapTo(whole, QPoint(0, 0)), part.size()))


def fits(hands: Any, sheet: PlainSheet) -> None:
    """All of it lies on the window, and every button of the foot on it."""
    QApplication.processEvents()
    assert hands.shell.geometry().contains(sheet.geometry()), (sheet.geometry(), hands.shell.geometry())
    feet = [button for button in sheet.findChildren(Button) if button.parentWidget() is sheet and button.isVisible()]
    assert len(feet) >= 2
    for button in feet:
        assert inside(button, sheet), button.accessibleName()
        assert button.height() >= button.sizeHint().height() - 1
        assert isinstance(button, IconButton) or button.width() >= button.sizeHint().width() - 1


@pytest.fixture(params=[((1280, 800), 90), ((1280, 800), 150), ((1024, 640), 100), ((1024, 640), 150)], ids=str)
def room_at(request: pytest.FixtureRequest, tmp_path: Path, hands_of: Callable[..., Any]) -> Iterator[Any]:
    (width, height), percent = request.param
    with open_desk(Profile(tmp_path / "fit")) as desk:
        desk.make_chapter("Boston")
        recovery.recovery_key(desk)
        recovery.note_read_back(desk)
        add_member(desk, first_name="Li", last_name="Chen")
        new_gathering(desk, name=WIDE, start="2026-11-12T18:30", end="2026-11-12T21:00")
        room = build(desk, theme="light", percent=percent)
        room.shell.resize(width, height)
        room.shell.show()
        made = hands_of(room)
        yield made
        made.rest()
        room.close()
        room.shell.close()
        room.shell.deleteLater()
        again = build(desk, theme="light", percent=100)
        again.close()
        again.shell.deleteLater()


def test_every_dialog_fits_its_window(room_at: Any, tmp_path: Path) -> None:
    hands = room_at
    page = hands.page("members")
    page.add()
    form = hands.dialog(MemberForm)
    fits(hands, form)
    form.bring_into_view(form._fields["notes"])
    QApplication.processEvents()
    assert inside(form._fields["notes"], form._middle)
    form.reject()
    file = tmp_path / "list.csv"
    file.write_text(MANY)
    sheet = page.import_from(file)
    hands.until(lambda: sheet._at == 1)
    fits(hands, sheet)
    assert sheet.next.isVisible() and sheet._preview_inside.isVisible()
    sheet.reject()
    row = gathering_rows(hands.desk)[0]
    page = hands.page("gatherings", gathering=row.id)
    page.edit(row)
    plan = hands.dialog(GatheringForm)
    fits(hands, plan)
    plan.reject()
    page.ask_cancel(row)
    ask = hands.dialog(Sheet)
    fits(hands, ask)
    assert inside(ask.heading, ask) and ask.heading.height() >= ask.heading.heightForWidth(ask.heading.width())
    ask.reject()
    page.view.add()
    picker = hands.dialog(GuestPicker)
    hands.rest()
    fits(hands, picker)
    assert picker.list.height() >= picker.list.minimumSizeHint().height() and inside(picker.answer, picker)
    picker.reject()


def test_a_dialog_follows_its_window(room_at: Any) -> None:
    hands = room_at
    page = hands.page("members")
    page.add()
    form = hands.dialog(MemberForm)
    hands.shell.resize(hands.shell.minimumSize())
    fits(hands, form)
    form.reject()


def test_what_is_wrong_is_said_at_its_field(room_at: Any) -> None:
    hands = room_at
    page = hands.page("members")
    page.add()
    form = hands.dialog(MemberForm)
    form._fields["first_name"].setText("Mei")
    form._fields["email"].setText("mei at home")
    form.bring_into_view(form._fields["notes"])
    form.done_clicked.emit()
    hands.until(lambda: form._rows["email"].below.isVisible())
    QApplication.processEvents()
    field = form._fields["email"]
    assert field.property("wrong") and "mei at home" in field.accessibleDescription() and QApplication.focusWidget() is field
    assert inside(field, form._middle) and "E-mail" in form.reason.text()
    field.setText("mei@example.org")
    assert not field.property("wrong")
    form.reject()
    page = hands.page("gatherings")
    page.plan()
    plan = hands.dialog(GatheringForm)
    plan.name.setText("Dinner")
    plan.capacity.setText("many")
    plan.done_clicked.emit()
    hands.until(lambda: plan.capacity.property("wrong"))
    plan.capacity.setText("")
    plan.end.setDateTime(plan.start.dateTime().addSecs(-60))
    plan.done_clicked.emit()
    hands.until(lambda: plan.end.property("wrong"))
    plan.reject()


def test_a_long_title_gives_way_and_is_told_whole(room_at: Any) -> None:
    hands = room_at
    page = hands.page("gatherings", gathering=gathering_rows(hands.desk)[0].id)
    hands.until(lambda: page.title == WIDE)
    QApplication.processEvents()
    shell = hands.shell
    assert shell.title.text() == WIDE
    assert shell.title.is_cut() and shell.title.toolTip() == WIDE
    assert inside(shell.chip, shell)
