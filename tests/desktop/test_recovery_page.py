"""The recovery key comes before the first real member is saved in the window; what was typed is kept until then."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtPrintSupport import QPrintDialog
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from tests.desktop.conftest import Hands

from alumni_desk.desktop.controls import Radio
from alumni_desk.desktop.fonts import text_size
from alumni_desk.desktop.guest_file_sheet import GuestFileSheet
from alumni_desk.desktop.history_sheet import HistorySheet
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.members_sheets import ask_merge, show_history
from alumni_desk.desktop.merge_sheet import MergeSheet
from alumni_desk.desktop.recovery_page import Paper, RecoveryPage, wanted, write_paper
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.paper.preview import page_count
from alumni_desk.protocol.codes import new_recovery_key
from alumni_desk.resources import resource
from alumni_desk.schema import open_desk
from alumni_desk.segments.activity import past_values
from alumni_desk.store import recovery
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import undo
from alumni_desk.sync import state


@pytest.fixture
def fresh(hands: Hands) -> Hands:
    """A window on a chapter whose key was never read back from paper."""
    hands.desk.set_setting(recovery.READ_BACK, None)
    return hands


def read_back(hands: Hands, page: RecoveryPage, file: Path) -> None:
    """Save the paper and type the two groups, as they stand in the file."""
    page.save_to(file)
    hands.until(file.exists)
    hands.rest()
    groups = page._paper.key.split("-")
    for number, line in page.lines.items():
        QTest.keyClicks(line.field, groups[number - 1].lower())
    QTest.mouseClick(page.done_button, Qt.MouseButton.LeftButton)


def test_adding_the_first_member_asks_and_cancelling_keeps_the_draft(fresh: Hands, tmp_path: Path) -> None:
    fresh.page("members").add()
    form = fresh.dialog(MemberForm)
    form._fields["first_name"].setText("Grace")
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    page = fresh.dialog(RecoveryPage)
    assert page.size() == fresh.shell.size()
    QTest.keyClick(page, Qt.Key.Key_Escape)
    fresh.rest()
    assert not fresh.open_dialogs(RecoveryPage) and count_members(fresh.desk) == 3
    assert form.isVisible() and form.values() == {"first_name": "Grace"} and "recovery key comes first" in form.reason.text()
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    page = fresh.dialog(RecoveryPage)
    read_back(fresh, page, tmp_path / "key.txt")
    fresh.until(lambda: count_members(fresh.desk) == 4)
    fresh.rest()
    assert not fresh.open_dialogs(MemberForm)
    fresh.page("members").add()  # from now on nothing is asked
    form = fresh.dialog(MemberForm)
    form._fields["first_name"].setText("Alan")
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    fresh.until(lambda: count_members(fresh.desk) == 5)
    fresh.rest()
    assert not fresh.open_dialogs(RecoveryPage)


def people(desk: Desk) -> list[tuple[object, ...]]:
    """Everybody, as they stand in the database."""
    with desk.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM person ORDER BY id")]


def of_sheet(hands: Hands, kind: type[Sheet], typed: Callable[[Any], None] = lambda sheet: None) -> Callable[[], Sheet]:
    """What saves: the deed of the sheet that is open, after typing into it."""

    def save() -> Sheet:
        sheet = hands.dialog(kind)
        hands.until(lambda: sheet.done_button.isEnabled())
        typed(sheet)
        QTest.mouseClick(sheet.done_button, Qt.MouseButton.LeftButton)
        return sheet  # type: ignore[no-any-return]

    return save


def editing(hands: Hands, tmp_path: Path) -> Callable[[], Any]:
    page = hands.page("members")
    page.open(member=member_rows(hands.desk)[0].id)
    hands.rest()
    page.edit()
    return of_sheet(hands, MemberForm, lambda form: form._fields["first_name"].setText("Grace"))


def merging(hands: Hands, tmp_path: Path) -> Callable[[], Any]:
    ask_merge(hands.page("members"), [row.id for row in member_rows(hands.desk)[:2]], lambda merged: None)
    return of_sheet(hands, MergeSheet)


def putting_back(hands: Hands, tmp_path: Path) -> Callable[[], Any]:
    one = member_rows(hands.desk)[0].id
    change_member(hands.desk, one, city="Porto")
    change_member(hands.desk, one, city="Faro")
    page = hands.page("members")
    page.open(member=one)
    hands.rest()
    version = next(value.version for value in past_values(hands.desk, "person", one) if value.text == "Porto")
    return lambda: page._restore(version)


def putting_back_in_a_dialog(hands: Hands, tmp_path: Path) -> Callable[[], Any]:
    one = member_rows(hands.desk)[0].id
    change_member(hands.desk, one, city="Porto")
    change_member(hands.desk, one, city="Faro")
    show_history(hands.page("members"), one)
    sheet = hands.dialog(HistorySheet)
    version = next(value.version for value in past_values(hands.desk, "person", one) if value.text == "Porto")
    return lambda: sheet._restore(version)


def with_guests(hands: Hands) -> Any:
    """The page of a gathering with one guest, who is chosen."""
    dinner = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    add_guests(hands.desk, dinner, [member_rows(hands.desk)[0].id])
    view = hands.page("gatherings", gathering=dinner).view
    hands.until(lambda: view.it is not None and view.model.rowCount())
    view.list.selectRow(0)
    hands.until(lambda: len(view.chosen()) == 1)
    return view


def bringing(hands: Hands, tmp_path: Path) -> Callable[[], Any]:
    with_guests(hands).bring()
    return of_sheet(hands, Sheet, lambda sheet: sheet.typed.setText("Grace Hopper"))


def naming(hands: Hands, tmp_path: Path) -> Callable[[], Any]:
    with_guests(hands).name_one()
    return of_sheet(hands, Sheet, lambda sheet: sheet.typed.setText("Grace Hopper"))


def guests_of_a_file(hands: Hands, tmp_path: Path) -> Callable[[], Any]:
    file = tmp_path / "guests.csv"
    file.write_text("First name,Last name\nGrace,Hopper\n")
    with_guests(hands).take_file(file)
    return of_sheet(hands, GuestFileSheet)


@pytest.mark.parametrize("way", [editing, merging, putting_back, putting_back_in_a_dialog, bringing, naming, guests_of_a_file])
def test_whatever_saves_somebody_first_asks_for_the_paper(fresh: Hands, tmp_path: Path, way: Callable[[Hands, Path], Callable[[], Any]]) -> None:
    save = way(fresh, tmp_path)
    before = people(fresh.desk)
    save()
    fresh.dialog(RecoveryPage).reject()
    fresh.rest()
    assert people(fresh.desk) == before and not fresh.open_dialogs(RecoveryPage)
    said = [label.text() for window in QApplication.topLevelWidgets() for label in window.findChildren(QLabel) if label.isVisible()]
    assert any("Nothing is saved yet: the recovery key comes first." in one for one in said)
    save()
    read_back(fresh, fresh.dialog(RecoveryPage), tmp_path / "key.txt")
    fresh.until(lambda: people(fresh.desk) != before)
    fresh.rest()
    assert recovery.standing(fresh.desk).read_back is not None
    for sheet in fresh.open_dialogs(HistorySheet):
        sheet.reject()
    fresh.rest()


def test_at_the_door_nobody_waits_for_the_paper(fresh: Hands) -> None:
    with_guests(fresh)
    page = fresh.page("checkin")
    fresh.until(lambda: page.gathering.count())
    page.open_chosen()
    fresh.until(lambda: page.door is not None and page.door.reading.column is not None)
    before = people(fresh.desk)
    page.door._open_form()
    page.door.form.name.setText("Grace Hopper")
    page.door.form.contact.setText("grace@example.org")
    page.door.form.submitted.emit()
    fresh.until(lambda: people(fresh.desk) != before)
    assert not fresh.open_dialogs(RecoveryPage), "a queue stands there, and whoever stands first reads the screen"
    page.door.close()
    fresh.rest()


def asked_for(hands: Hands, first_name: str = "Grace") -> tuple[MemberForm, RecoveryPage]:
    """Add a member, which asks for the paper first."""
    hands.page("members").add()
    form = hands.dialog(MemberForm)
    form._fields["first_name"].setText(first_name)
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    return form, hands.dialog(RecoveryPage)


def test_after_back_it_goes_on_where_it_was(fresh: Hands, tmp_path: Path) -> None:
    form, page = asked_for(fresh)
    groups = recovery.recovery_key(fresh.desk).split("-")
    first, second = page.asked
    page.save_to(tmp_path / "key.txt")
    fresh.until(lambda: page._kept)
    kept = page._kept
    QTest.keyClicks(page.lines[first].field, groups[first - 1])
    QTest.keyClicks(page.lines[second].field, groups[second - 1][:3])
    QTest.mouseClick(page.back, Qt.MouseButton.LeftButton)
    fresh.rest()
    form.reject()
    fresh.rest()
    form, page = asked_for(fresh)
    assert page.asked == (first, second) and page._done_words.text() == kept and page.reason.text() == f"Group {second} is missing"
    assert page.groups.shown() == ["•••••" if n + 1 in (first, second) else group for n, group in enumerate(groups)]
    assert page.lines[first].right() and page.lines[second].field.text() == "" and page._advice.text().startswith("Whoever has key.txt")
    fresh.until(page.lines[second].field.hasFocus)
    QTest.keyClicks(page.lines[second].field, groups[second - 1])
    page.back.click()  # both were right: only Continue is left to press
    fresh.rest()
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    page = fresh.dialog(RecoveryPage)
    assert page.done_button.isEnabled()
    fresh.until(page.done_button.hasFocus)
    QTest.mouseClick(page.done_button, Qt.MouseButton.LeftButton)
    fresh.until(lambda: count_members(fresh.desk) == 4)
    fresh.rest()
    assert recovery.begun(fresh.desk) is None


def test_another_key_and_a_later_check_begin_anew(fresh: Hands, tmp_path: Path) -> None:
    form, page = asked_for(fresh)
    page.save_to(tmp_path / "key.txt")
    fresh.until(lambda: page._kept)
    page.reject()
    fresh.rest()
    assert recovery.begun(fresh.desk) is not None
    recovery.make_anew(fresh.desk)
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    page = fresh.dialog(RecoveryPage)
    assert page.reason.text() == "Print or save it first" and page.groups.shown() == recovery.recovery_key(fresh.desk).split("-")
    read_back(fresh, page, tmp_path / "other.txt")
    fresh.until(lambda: count_members(fresh.desk) == 4)
    fresh.rest()
    settings = fresh.page("settings")
    settings.security.check_paper()
    page = fresh.dialog(RecoveryPage)
    page.save_to(tmp_path / "third.txt")
    fresh.until(lambda: page._kept)
    page.reject()
    fresh.rest()
    assert recovery.begun(fresh.desk) is None


def test_a_new_key_takes_the_old_ones_place_once_it_is_read_back(hands: Hands, tmp_path: Path) -> None:
    old = recovery.recovery_key(hands.desk)
    settings = hands.page("settings")
    settings.security.paper.click()
    page = hands.dialog(RecoveryPage)
    newer = page._paper.key
    assert newer != old
    said = [label.text() for label in page.findChildren(QLabel) if label.isVisible()]
    assert page.windowTitle() in said and page.windowTitle().startswith("A new key") and any(text.startswith("The printed one opens") for text in said)
    page.reject()
    hands.rest()
    assert recovery.recovery_key(hands.desk) == old and recovery.standing(hands.desk).read_back is not None
    hands.until(lambda: settings.security.paper.text() == "Go on with the new one")
    settings.security.paper.click()
    page = hands.dialog(RecoveryPage)
    assert page._paper.key == newer, "what was printed meanwhile is worth something"
    read_back(hands, page, tmp_path / "new.txt")
    hands.until(lambda: recovery.recovery_key(hands.desk) == newer)
    hands.until(lambda: settings.security.paper.text() == "Make a new one")
    hands.rest()


@pytest.mark.parametrize("twice", ["paper", "check"])
def test_a_key_is_shown_once_also_after_a_double_click(fresh: Hands, twice: str) -> None:
    """Of two pages the lower one would show a key that opens nothing any more."""
    settings = fresh.page("settings", section="security")
    fresh.until(lambda: settings.security._shown is not None and settings.security.check.isVisible())
    getattr(settings.security, twice).click()
    settings.security.paper.click()
    fresh.rest()
    assert len(fresh.open_dialogs(RecoveryPage)) == 1
    page = fresh.dialog(RecoveryPage)
    assert page._paper.key == recovery.recovery_key(fresh.desk)
    page.reject()
    fresh.rest()
    settings.security.check.click()
    fresh.rest()
    fresh.dialog(RecoveryPage).reject()
    fresh.rest()


def test_it_was_kept_on_another_day(fresh: Hands) -> None:
    recovery.recovery_key(fresh.desk)
    recovery.note_begun(fresh.desk, recovery.Begun((2, 7), (), "printed", "2026-03-04T12:00:00+00:00"))
    _form, page = asked_for(fresh)
    assert page.asked == (2, 7) and page._done_words.text().startswith("Sent to the printer at 4 March 2026, ")
    page.reject()
    fresh.rest()


def test_an_import_asks_before_it_saves(fresh: Hands, tmp_path: Path) -> None:
    sheet = fresh.page("members").import_from(resource("sample", "newcomers.csv"))
    fresh.until(lambda: sheet.next.isVisible())
    sheet.findChildren(Radio)[0].setChecked(True)
    QTest.mouseClick(sheet.next, Qt.MouseButton.LeftButton)
    fresh.until(lambda: sheet._at == 2 and sheet.next.isVisible() and fresh.room.lanes.idle())
    QTest.mouseClick(sheet.next, Qt.MouseButton.LeftButton)
    fresh.dialog(RecoveryPage).reject()
    fresh.rest()
    assert count_members(fresh.desk) == 3 and sheet.isVisible() and "recovery key comes first" in sheet.said.text()
    QTest.mouseClick(sheet.next, Qt.MouseButton.LeftButton)
    read_back(fresh, fresh.dialog(RecoveryPage), tmp_path / "key.pdf")
    fresh.until(lambda: not fresh.open_dialogs(ImportSheet))
    fresh.rest()
    assert count_members(fresh.desk) > 3


def test_it_is_printed_or_saved_first_and_groups_are_covered_while_typed(fresh: Hands, tmp_path: Path) -> None:
    fresh.page("members").add()
    form = fresh.dialog(MemberForm)
    form._fields["first_name"].setText("Grace")
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    page = fresh.dialog(RecoveryPage)
    groups = recovery.recovery_key(fresh.desk).split("-")
    assert page.groups.shown() == groups and page.reason.text() == "Print or save it first"
    first, second = page.asked
    QTest.keyClicks(page.lines[first].field, groups[first - 1][:2])
    assert page.groups.shown() == ["•••••" if n + 1 in (first, second) else group for n, group in enumerate(groups)]
    assert " ".join(groups[first - 1]) not in page.groups.accessibleDescription()
    page.save_to(tmp_path / "key.pdf")
    fresh.until(lambda: page._kept)
    wrong = groups[first - 1][:4] + ("Z" if groups[first - 1][4] != "Z" else "Y")
    page.lines[first].field.clear()
    QTest.keyClicks(page.lines[first].field, wrong)
    assert page.lines[first].below.text() == "Not as on the paper" and page.reason.text() == f"Group {first} is not right"
    assert not page.done_button.isEnabled()
    page.lines[first].field.clear()
    QTest.keyClicks(page.lines[first].field, groups[first - 1].lower())
    assert page.lines[first].below.text() == "Right" and page.reason.text() == f"Group {second} is missing"
    assert recovery.standing(fresh.desk).read_back is None
    QTest.keyClicks(page.lines[second].field, groups[second - 1])
    QTest.keyClick(page.lines[second].field, Qt.Key.Key_Return)
    fresh.until(lambda: count_members(fresh.desk) == 4)
    fresh.rest()
    assert recovery.standing(fresh.desk).read_back is not None
    clipboard = QApplication.clipboard().text()
    assert not any(group in clipboard for group in groups)


def test_a_file_that_cannot_be_written_is_said_and_nothing_goes_on(fresh: Hands, tmp_path: Path) -> None:
    page = RecoveryPage(fresh.shell, fresh.desk, fresh.room.lanes, Paper("Boston", new_recovery_key()))
    page.open()
    page.save_to(tmp_path / "nowhere" / "key.pdf")
    fresh.until(lambda: "cannot be written" in page.said.text())
    assert page.reason.text() == "Print or save it first"
    page.reject()
    fresh.rest()


def test_the_paper_holds_the_key_and_belongs_to_its_user(tmp_path: Path) -> None:
    key = new_recovery_key()
    for name in ("key.txt", "key.pdf"):
        write_paper(Paper("Łódź Alumni 東京", key), tmp_path / name)
        if sys.platform != "win32":
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    text = (tmp_path / "key.txt").read_text("utf-8")
    assert "Saved on" in text and "Printed" not in text
    assert all(f"{number} {group}" in text for number, group in enumerate(key.split("-"), 1)) and "Łódź" in text
    pdf = (tmp_path / "key.pdf").read_bytes()
    assert page_count(pdf) == 1 and key.encode() not in pdf


@pytest.mark.skipif(sys.platform != "linux", reason="the other systems' dialogs are not Qt's")
def test_printed_into_a_file_it_says_so_and_the_file_is_its_users_alone(fresh: Hands, tmp_path: Path) -> None:
    page = RecoveryPage(fresh.shell, fresh.desk, fresh.room.lanes, Paper("Boston", new_recovery_key()))
    page.open()
    out = tmp_path / "key.pdf"
    out.write_bytes(b"an older one, which all may read")
    out.chmod(0o644)
    print_into(out, page)
    fresh.until(lambda: page._kept)
    assert "Saved as PDF at" in page._done_words.text() and "printer" not in page._done_words.text()
    assert page._advice.text() == "Whoever has key.pdf can open the chapter. Take it on a stick to the chapter’s papers, then delete it here."
    assert page_count(out.read_bytes()) == 1 and stat.S_IMODE(out.stat().st_mode) == 0o600
    page._kept = ""
    print_into(tmp_path / "nowhere" / "key.pdf", page)
    fresh.until(lambda: "cannot be written" in page.said.text())
    database = fresh.desk.profile.database
    print_into(database, page)
    fresh.until(lambda: "chapter’s own files" in page.said.text())
    assert not page._kept and database.stat().st_size > 0
    page.reject()
    fresh.rest()


def print_into(out: Path, page: RecoveryPage) -> None:
    """Print, and choose a file in the system's dialog."""
    def choose() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QPrintDialog)
        dialog.printer().setOutputFileName(str(out))
        dialog.done(QPrintDialog.DialogCode.Accepted)

    QTimer.singleShot(0, choose)
    QTest.mouseClick(page.print_button, Qt.MouseButton.LeftButton)


def test_not_for_made_up_people_nor_under_a_door_grant(desk: Desk, tmp_path: Path) -> None:
    assert wanted(desk)
    with desk.applying() as applying:
        grant = state.Membership("http://127.0.0.1:1", None, "server", "device", b"k" * 32, "scope", "Boston", "door")
        state.keep(applying.connection, grant)
    assert not wanted(desk)
    with desk.applying() as applying:
        state.keep(applying.connection, state.Membership(**{name: getattr(grant, name) for name in grant.__struct_fields__} | {"role": "leader"}))
    assert wanted(desk)
    with open_desk(Profile(tmp_path / "sample")) as sample:
        sample.make_chapter("Sample", sample=True)
        assert not wanted(sample)


def test_another_text_size_keeps_the_key_and_what_was_typed(fresh: Hands, tmp_path: Path) -> None:
    fresh.page("members").add()
    form = fresh.dialog(MemberForm)
    form._fields["first_name"].setText("Grace")
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    page = fresh.dialog(RecoveryPage)
    page.save_to(tmp_path / "key.txt")
    fresh.until(lambda: "Saved at" in page._done_words.text())
    groups, first = recovery.recovery_key(fresh.desk).split("-"), page.asked[0]
    QTest.keyClicks(page.lines[first].field, groups[first - 1])
    before = page.print_button
    page.size_choice.set_key("125")
    page.size_choice.activated.emit(page.size_choice.currentIndex())
    try:
        fresh.until(lambda: page.print_button is not before)
        assert text_size() == 125 and page.size() == fresh.shell.size() and "Saved at" in page._done_words.text()
        assert page.lines[first].field.text() == groups[first - 1] and page.lines[first].right() and not page.done_button.isEnabled()
        QTest.keyClicks(page.lines[page.asked[1]].field, groups[page.asked[1] - 1])
        QTest.mouseClick(page.done_button, Qt.MouseButton.LeftButton)
        fresh.until(lambda: count_members(fresh.desk) == 4)
    finally:
        fresh.room.appearance.set_percent(100)


def test_the_group_to_be_read_back_is_seen_in_the_largest_text(fresh: Hands, tmp_path: Path) -> None:
    """It had the keyboard, and lay half below the screen."""
    fresh.room.appearance.set_percent(150)
    try:
        fresh.page("members").add()
        form = fresh.dialog(MemberForm)
        QTest.keyClicks(form._fields["first_name"], "Grace")
        QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
        page = fresh.dialog(RecoveryPage)
        page.save_to(tmp_path / "key.txt")
        for number in page.asked:
            line = page.lines[number]
            fresh.until(lambda line=line: line.field.hasFocus() and line.visibleRegion().boundingRect().height() >= line.height())
            QTest.keyClicks(line.field, recovery.recovery_key(fresh.desk).split("-")[number - 1])
            QTest.keyClick(line.field, Qt.Key.Key_Return)
        fresh.until(lambda: count_members(fresh.desk) == 4)
    finally:
        fresh.room.appearance.set_percent(100)


def test_what_is_done_again_and_saves_somebody_asks_first_and_what_only_removes_does_not(fresh: Hands, tmp_path: Path) -> None:
    added = add_member(fresh.desk, first_name="Grace", last_name="Hopper")
    undo(fresh.desk)
    fresh.page("members")

    def press() -> None:
        fresh.shell.activateWindow()
        fresh.until(fresh.shell.isActiveWindow)
        QTest.keyClick(fresh.shell, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)

    press()
    page = fresh.dialog(RecoveryPage)
    assert page.parent() is fresh.shell and count_members(fresh.desk) == 3
    QTest.keyClick(page, Qt.Key.Key_Escape)
    fresh.until(lambda: "recovery key comes first" in fresh.shell.toast.words.text())
    fresh.rest()
    assert count_members(fresh.desk) == 3 and not fresh.open_dialogs(RecoveryPage)
    press()
    read_back(fresh, fresh.dialog(RecoveryPage), tmp_path / "key.pdf")
    fresh.until(lambda: count_members(fresh.desk) == 4)
    fresh.desk.set_setting(recovery.READ_BACK, None)
    remove_members(fresh.desk, [added.id])
    undo(fresh.desk)
    fresh.rest()
    press()
    fresh.until(lambda: count_members(fresh.desk) == 3)
    assert not fresh.open_dialogs(RecoveryPage)
