"""Dialogs fit their window at every text size: title bar and foot stay, what lies between scrolls."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from alumni_desk.desktop.app import build
from alumni_desk.desktop.controls import Button, Choice, Elided, IconButton, Link, QuietChoice, Radio
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.guest_file_sheet import GuestFileSheet
from alumni_desk.desktop.guest_picker import GuestPicker
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.sheet import PlainSheet, Sheet
from alumni_desk.desktop.tokens import LIGHT
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.exchange.recognise import labels
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.kinds import answer_word
from alumni_desk.gatherings.lists import gathering_rows, guest_rows
from alumni_desk.members.actions import add_member
from alumni_desk.members.fields import FIELDS, label
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.protocol.codes import new_invitation
from alumni_desk.schema import open_desk
from alumni_desk.store import backup_folders, recovery
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


GUESTS = "First name,Last name,Email\nAda,Obi,\nMei,Wong,mei@example.org\n,,not an address\n"


def guests_sheet(hands: Any, file: Path) -> GuestFileSheet:
    which = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    hands.page("gatherings", gathering=which).view.take_file(file)
    sheet = hands.dialog(GuestFileSheet)
    hands.until(lambda: sheet._job is None)
    return sheet


def test_guests_from_a_file_are_told_before_they_are_saved(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "guests.csv"
    file.write_text(GUESTS)
    sheet = guests_sheet(hands, file)
    which = gathering_rows(hands.desk)[0].id
    assert guest_rows(hands.desk, which) == []
    assert [tick.text() for tick, _key, _member in sheet._ticks] == ["Ada Obi ’12"]
    assert sheet._lines["members"].first.text() == "1 is known here" and sheet._lines["rejected"].isVisible()
    rejects = tmp_path / "left out.csv"
    keep = next(button for button in sheet.findChildren(Button) if "left out" in button.accessibleName())
    sheet.keep_rejects(rejects, keep)
    hands.until(lambda: "Saved as" in keep.accessibleName())
    assert "not an address" in rejects.read_text(encoding="utf-8-sig") and guest_rows(hands.desk, which) == []
    hands.click(sheet.done_button)
    hands.until(lambda: len(guest_rows(hands.desk, which)) == 2)
    assert {(row.name, row.standing) for row in guest_rows(hands.desk, which)} == {("Ada Obi", "member"), ("Mei Wong", "guest")}
    hands.rest()
    hands.click(hands.shell.toast.link)
    hands.until(lambda: guest_rows(hands.desk, which) == [])


def test_an_answer_in_a_file_that_says_nothing_known_is_told(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "guests.csv"
    file.write_text("First name,Last name,RSVP\nMei,Wong,Ask me in May\n")
    sheet = guests_sheet(hands, file)
    told = next(label for label in sheet.findChildren(QLabel) if label.text() == "1 value in “RSVP” is left out")
    hands.until(told.isVisible)


def in_the_way(hands: Any) -> Path:
    """A real trouble of the disk, not of the file: a file stands where the folder for backups is to be."""
    there = backup_folders.own_folder(hands.desk.profile)
    shutil.rmtree(there, ignore_errors=True)
    there.write_text("")
    return there


@pytest.mark.parametrize("width", [1280, 480])
def test_an_import_that_the_disk_holds_up_stays_where_it_is_and_says_all_of_it(hands: Any, tmp_path: Path, width: int) -> None:
    file = tmp_path / "new people.csv"
    file.write_text("First name,Last name\nZoë,Quick\n", "utf-8")
    hands.shell.resize(width, 800)
    sheet = hands.page("members").import_from(file)
    hands.until(lambda: sheet.next.isVisible())
    hands.click(sheet.next)
    hands.until(lambda: sheet.next.isVisible() and hands.room.lanes.idle())
    there = in_the_way(hands)
    hands.click(sheet.next)
    hands.until(lambda: sheet.next.text() == "Try again")
    assert (sheet._at, count_members(hands.desk)) == (2, 3) and sheet.next.isVisible() and sheet.back.isVisible()
    words = next(label for label in sheet.pages.currentWidget().findChildren(QLabel) if "cannot be written" in label.text())
    words.setText(f"{words.text()} " * 5)  # the longest that there is
    hands.until(lambda: words.height() >= words.heightForWidth(words.width()))
    assert inside(words, words.parentWidget()) and words.parentWidget().width() <= sheet.pages.width()
    there.unlink()
    hands.click(sheet.next)
    hands.until(lambda: not hands.open_dialogs(ImportSheet))
    assert count_members(hands.desk) == 4


def test_guests_whom_the_disk_holds_up_are_read_again(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "guests.csv"
    file.write_text(GUESTS)
    sheet = guests_sheet(hands, file)
    there = in_the_way(hands)
    hands.click(sheet.done_button)
    hands.until(lambda: any(button.text() == "Try again" and button.isVisible() for button in sheet.findChildren(Button)))
    again = next(button for button in sheet.findChildren(Button) if button.text() == "Try again")
    there.unlink()
    again.click()  # by itself: where it lies is not sure before the sheet has been laid out
    hands.until(lambda: sheet.done_button.isEnabled())
    hands.click(sheet.done_button)
    hands.until(lambda: not hands.open_dialogs(GuestFileSheet))
    assert len(guest_rows(hands.desk, gathering_rows(hands.desk)[0].id)) == 2


def test_a_likely_name_may_be_another_person(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "guests.csv"
    file.write_text("First name,Last name\nAda,Obi\n")
    sheet = guests_sheet(hands, file)
    which = gathering_rows(hands.desk)[0].id
    assert not sheet.touched()
    hands.click(sheet._ticks[0][0])
    assert sheet.touched() and "guest, not a member" in sheet._lines["guests"].first.text()
    hands.click(sheet.done_button)
    hands.until(lambda: len(guest_rows(hands.desk, which)) == 1)
    assert guest_rows(hands.desk, which)[0].standing == "guest"


def test_a_file_that_is_no_list_is_said_in_the_sheet(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "guests.csv"
    file.write_bytes(b"%PDF-1.7\n\x00\x01")
    sheet = guests_sheet(hands, file)
    assert any("guests.csv" in label.text() for label in sheet.findChildren(QLabel)) and not sheet.done_button.isEnabled()
    sheet.reject()


def test_unusable_rows_are_written_though_nothing_is_imported(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name,Email\n,,bad\n")
    sheet = hands.page("members").import_from(file)
    hands.until(lambda: sheet._at == 1)
    sheet._next()
    hands.until(lambda: sheet._at == 2 and sheet.next.isVisible())
    out = tmp_path / "rejected.csv"
    sheet.keep_rejects(out)
    hands.until(lambda: out.exists() and "Saved as" in sheet._keep_button.accessibleName())
    assert "bad" in out.read_text(encoding="utf-8-sig")
    hands.rest()
    hands.click(sheet.next)
    hands.until(lambda: not hands.open_dialogs(ImportSheet))


def test_every_answer_can_be_noted_and_the_segments_sum_up(hands: Any) -> None:
    which = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    people = [row.id for row in member_rows(hands.desk)]
    add_guests(hands.desk, which, people, status="invited")
    view = hands.page("gatherings", gathering=which).view
    for row, status in enumerate(("maybe", "waitlisted")):
        view.list.selectRow(row)
        view._ask_answer()
        menu = QApplication.activePopupWidget()
        next(action for action in menu.actions() if action.text() == answer_word(status)).trigger()
        menu.close()
        hands.until(lambda status=status: status in {guest.status for guest in guest_rows(hands.desk, which)})
        hands.rest()
    assert [view.segments._buttons[key]._shown for key in ("all", "yes", "maybe", "invited", "waitlisted", "no")] == [
        "All 3", "Coming 0", "Maybe 1", "Not answered 1", "Waiting list 1", "Not coming 0"]
    view.segments._buttons["maybe"].click()
    assert [guest.status for guest in view.model.rows] == ["maybe"]


def test_joining_says_what_is_wrong_with_the_address(hands: Any) -> None:
    page = hands.page("sync")
    page._open_join("1 member")
    sheet = hands.dialog(PlainSheet)
    form = sheet.findChild(JoinForm)
    assert form.carry.text() == "Take along what is on this laptop: 1 member" and form.cancel.isVisible() and inside(form.cancel, sheet)
    form.code.fill(new_invitation())
    form.carry.setChecked(True)
    for typed, said in (("not a url", "is not a server’s address"), ("127.0.0.1:9", "Nothing answers at 127.0.0.1:9")):
        form.server.setText(typed)
        form.server.textEdited.emit(typed)
        hands.click(form.button)
        hands.until(lambda said=said: said in form.reason.text())
        assert form.server.property("wrong")
    hands.click(form.cancel)
    hands.until(lambda: not hands.open_dialogs(PlainSheet))


OFFICE = """ConsID,FirstName,LastName,NickName,BDay,SSN,ORFullName,PrefClassOf,Email,City,ZIP
00018842,Aoife,Ní Bhriain,Effie,03/04/1976,123-45-6789,Northlake Clinic,1998,aoife@example.org,Evanston,60202
00020117,François,Lefèvre,,11/12/1988,123-45-6780,Volta Foods,2010,fr@example.org,Chicago,60601
,,,,,,,,bad,,
"""


def words_in(widget: QWidget) -> list[str]:
    return [label.text().strip("\u2068\u2069") for label in widget.findChildren(QLabel) if label.isVisible()]


def test_the_columns_say_what_is_sure_and_the_preview_what_comes(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text(OFFICE)
    sheet = hands.page("members").import_from(file)
    hands.until(lambda: sheet._at == 1)
    page = sheet.pages.currentWidget()
    choices = page.findChildren(Choice)
    assert {type(choice) for choice in choices} == {Choice, QuietChoice}
    assert all(choice.key() not in ("birth_date", "employer") for choice in choices if isinstance(choice, QuietChoice))
    more = next(link for link in page.findChildren(Link) if "all sure" in link.accessibleName())
    assert sum(isinstance(choice, QuietChoice) and bool(choice.key()) for choice in choices) == 4
    radios = [radio.accessibleName() for radio in page.findChildren(Radio)]
    assert radios == ["Month, 4 March 1976", "Day, 3 April 1976"]
    page.findChildren(Radio)[0].setChecked(True)
    hands.rest()
    said = words_in(sheet._preview_inside)
    assert said[said.index("Office ID") + 1] == "00018842" and "4 March 1976" in said and "1 of 3" in said
    assert "Effie Ní Bhriain" in said and "Aoife Ní Bhriain" in said and "Comes from a guess" in said and "“SSN” is left out" in said
    guesses = [glyph for glyph in sheet._preview_inside.findChildren(Glyph) if glyph.accessibleName() == "Comes from a guess"]
    assert len(guesses) == 2
    more.click()
    hands.rest()
    assert sum(isinstance(choice, QuietChoice) and bool(choice.key()) for choice in sheet.pages.currentWidget().findChildren(Choice)) > 4


def test_the_preview_of_many_people_does_not_scroll_sideways(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    long = "Wolfeschlegelsteinhausenbergerdorff"
    file.write_text("First Name,Last Name,Employer\n" + "".join(f"Mei{n},{long},{long}{long}\n" for n in range(60)))
    sheet = hands.page("members").import_from(file)
    hands.until(lambda: sheet._at == 1)
    hands.rest()
    assert "1 of the first 50" in words_in(sheet._preview_inside)
    assert sheet.preview.widget().width() <= sheet.preview.viewport().width()
    sheet.reject()


def test_the_check_says_its_sums_and_why_rows_are_left_out(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    file.write_text("First Name,Last Name,Email\nMei,Wong,\n,,bad\n")
    sheet = hands.page("members").import_from(file)
    hands.until(lambda: sheet._at == 1)
    sheet._next()
    hands.until(lambda: sheet._at == 2 and sheet.next.isVisible())
    said = words_in(sheet.pages.currentWidget())
    assert [said[said.index(words) - 1] for words in ("new member", "members get something new", "are here already, just the same", "row cannot be used")] == [
        "1", "0", "0", "1"]
    assert "Rows that cannot be used" in said and any(words.startswith("Row 2:") for words in said)
    sheet.reject()


def test_one_field_has_one_name() -> None:
    names = labels()
    assert [name for name in FIELDS if name in names and name != "other_emails" and names[name] != label(name)] == ["solicit_codes", "constituent_codes"]


def test_what_gives_way_keeps_its_colour(hands: Any) -> None:
    label = Elided("A long line that will not fit here", "small", "muted", parent=hands.shell)
    label.setGeometry(600, 400, 120, 20)
    label.show()
    label.raise_()
    assert label.is_cut()
    image = hands.shell.grab(label.geometry()).toImage()
    darkest = min(image.pixelColor(x, y).lightness() for x in range(image.width()) for y in range(image.height()))
    assert abs(darkest - QColor(LIGHT.muted).lightness()) < 12
    label.deleteLater()
