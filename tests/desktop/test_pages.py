"""The window's pages with real clicks and keys on a real desk: what is typed is saved, what is undone is undone, nothing lies."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget

from alumni_desk.desktop import members_page
from alumni_desk.desktop.app import build
from alumni_desk.desktop.controls import Button, Radio
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.guest_picker import GuestPicker
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.widgets import IconLine
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.fields import crossed_words
from alumni_desk.gatherings.lists import gathering_rows, guest_rows
from alumni_desk.members.actions import Removed, add_member, change_member, remove_members
from alumni_desk.members.lists import count_members, member, member_rows
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.store.profile import Profile

PAGES = ("today", "members", "gatherings", "checkin", "badges", "sync", "settings", "activity")


def test_ctrl_1_to_7_open_the_pages(hands: Any) -> None:
    for number, name in enumerate(PAGES[:7], 1):
        QTest.keyClick(hands.shell, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        hands.until(lambda name=name: hands.shell.current().name == name)
        hands.rest()


@pytest.mark.parametrize("name", PAGES)
def test_everything_one_can_reach_has_a_name(hands: Any, name: str) -> None:
    gathering = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    hands.page(name)
    if name == "gatherings":
        hands.page(name, gathering=gathering)
    nameless = []
    for widget in hands.shell.findChildren(QWidget):
        if not widget.isVisible() or widget.focusPolicy() == Qt.FocusPolicy.NoFocus or widget.objectName().startswith("qt_"):
            continue
        text = widget.text() if isinstance(widget, (QAbstractButton, QLabel)) else ""  # which is what readers say then
        if not (widget.accessibleName() or text) and type(widget).__name__ not in ("QScrollArea", "Scroll"):
            nameless.append(type(widget).__name__)
    assert nameless == []


def test_find_as_one_types(hands: Any) -> None:
    page = hands.page("members")
    assert page.table_model.rowCount() == 3
    QTest.keyClicks(page.search, "lukasz zo")
    hands.until(lambda: page.table_model.rowCount() == 1)
    QTest.keyClicks(page.search, "xx")
    hands.until(lambda: page.table_model.rowCount() == 0)
    assert "Nobody fits" in page.foot.text()
    hands.shell.activateWindow()
    page.search.setFocus()
    QTest.keyClick(page.search, Qt.Key.Key_Escape)
    hands.until(lambda: page.table_model.rowCount() == 3)


def test_add_a_member_by_hand(hands: Any) -> None:
    page = hands.page("members")
    page.add()
    form = hands.dialog(MemberForm)
    hands.click(form.done_button)
    hands.until(lambda: "name" in form._rows["first_name"].below.text())
    assert count_members(hands.desk) == 3
    QTest.keyClicks(form._fields["first_name"], "Mei-Ling")
    assert not form._rows["first_name"].below.isVisible()
    form._fields["class_year"].setText("19x8")
    hands.click(form.done_button)
    hands.until(lambda: "19x8" in form._rows["class_year"].below.text())
    form._fields["class_year"].setText("1998")
    hands.click(form.done_button)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    hands.rest()
    assert [row.class_year for row in member_rows(hands.desk, "mei-ling")] == [1998]
    assert page.table_model.rowCount() == 4


def test_a_form_that_was_closed_half_typed_comes_back(hands: Any) -> None:
    page = hands.page("members")
    page.add()
    form = hands.dialog(MemberForm)
    form._fields["first_name"].setText("Half a na")
    form._fields["notes"].setPlainText("met her at the dinner")
    form.rule.set_key("do_not_call")
    QTest.keyClick(form, Qt.Key.Key_Escape)
    hands.until(lambda: hands.shell.toast.isVisible() and not hands.open_dialogs(MemberForm))
    hands.click(hands.shell.toast.link)
    form = hands.dialog(MemberForm)
    assert form.values() == {"first_name": "Half a na", "notes": "met her at the dinner", "solicit_codes": ["do_not_call"]}
    hands.click(form.done_button)
    hands.until(lambda: count_members(hands.desk) == 4)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    hands.rest()
    page.edit()
    form = hands.dialog(MemberForm)
    QTest.keyClick(form, Qt.Key.Key_Escape)  # nothing was typed: nothing is said
    hands.rest()
    assert "not saved" not in hands.shell.toast.words.text()


def ctrl_z(hands: Any) -> None:
    """Press it in the window, which has the keyboard again after a dialog."""
    hands.shell.activateWindow()
    hands.until(hands.shell.isActiveWindow)
    hands.shell.current().list.setFocus()
    QTest.keyClick(hands.shell, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)


def half_typed(hands: Any, page: Any) -> None:
    """A form of the chosen member is closed with something in it."""
    page.edit()
    form = hands.dialog(MemberForm)
    form._fields["city"].setText("Porto")
    QTest.keyClick(form, Qt.Key.Key_Escape)
    hands.until(lambda: hands.shell.toast.isVisible() and not hands.open_dialogs(MemberForm))
    assert hands.shell.toast.words.text() == "What was typed is not saved"


def test_ctrl_z_does_what_the_undo_that_is_shown_offers(hands: Any) -> None:
    """A form that was closed half typed comes back; what was done before it is left alone, and is taken back by the next one."""
    page = hands.page("members")
    before, [ana, *_others] = count_members(hands.desk), member_rows(hands.desk)
    change_member(hands.desk, ana.id, employer="Acme")
    page._select(0)
    hands.rest()
    half_typed(hands, page)
    assert hands.shell.toast.keys.text() == "Ctrl Z" and hands.shell.toast.keys.isVisible()
    ctrl_z(hands)
    form = hands.dialog(MemberForm)
    assert form.values() == {"city": "Porto"} and member(hands.desk, ana.id).fields["employer"] == "Acme"
    form._fields["city"].setText("")
    QTest.keyClick(form, Qt.Key.Key_Escape)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    hands.rest()
    ctrl_z(hands)
    hands.until(lambda: member(hands.desk, ana.id).fields["employer"] is None)
    assert count_members(hands.desk) == before


@pytest.mark.parametrize("went", ["by itself", "for another sentence"])
def test_ctrl_z_brings_back_a_form_whose_toast_is_gone(hands: Any, went: str) -> None:
    """What was put away last comes back first, and nothing else is undone in its place; closed again as it came, it is not meant any more."""
    page = hands.page("members")
    [ana, *_others] = member_rows(hands.desk)
    change_member(hands.desk, ana.id, employer="Acme")
    page._select(0)
    hands.rest()
    half_typed(hands, page)
    if went == "by itself":
        hands.shell.toast._timer.setInterval(1)
        hands.until(lambda: not hands.shell.toast.isVisible())
    else:
        hands.shell.say("Everything is sent")
    ctrl_z(hands)
    form = hands.dialog(MemberForm)
    assert form.values() == {"city": "Porto"} and member(hands.desk, ana.id).fields["employer"] == "Acme"
    QTest.keyClick(form, Qt.Key.Key_Escape)
    hands.until(lambda: hands.shell.toast.link.isVisible() and not hands.open_dialogs(MemberForm))
    hands.shell.toast.hide()
    ctrl_z(hands)
    hands.until(lambda: member(hands.desk, ana.id).fields["employer"] is None)
    assert not hands.open_dialogs(MemberForm)


def test_ctrl_z_takes_back_what_was_saved_after_a_form_was_put_away(hands: Any) -> None:
    page = hands.page("members")
    [ana, *_others] = member_rows(hands.desk)
    page._select(0)
    hands.rest()
    half_typed(hands, page)
    hands.room.changes.tell(change_member(hands.desk, ana.id, employer="Acme").changed)
    hands.rest()
    hands.shell.toast.hide()
    for _turn in range(2):
        ctrl_z(hands)
        hands.until(lambda: member(hands.desk, ana.id).fields["employer"] is None)
        hands.rest()
        assert not hands.open_dialogs(MemberForm), "what was put away before that is behind it"
        hands.room.undoing.redo()
        hands.until(lambda: member(hands.desk, ana.id).fields["employer"] == "Acme")
        hands.rest()
        hands.shell.toast.hide()


def test_a_form_that_was_put_away_for_another_chapter_does_not_come_back(hands: Any) -> None:
    page = hands.page("members")
    page._select(0)
    hands.rest()
    half_typed(hands, page)
    assert hands.room.undoing.take_put_away() is not None
    hands.room.undoing.note_put_away(lambda: None)
    hands.desk.shows = "another"
    assert hands.room.undoing.take_put_away() is None


def test_what_is_asked_for_while_an_undo_runs_follows_it(hands: Any) -> None:
    [ana, *_others] = member_rows(hands.desk)
    for city in ("Porto", "Faro", "Braga"):
        change_member(hands.desk, ana.id, city=city)
    hands.page("members")
    for _turn in range(2):
        ctrl_z(hands)
    hands.until(lambda: member(hands.desk, ana.id).fields["city"] == "Porto")
    hands.rest()
    hands.room.undoing.undo()
    hands.room.undoing.redo()
    hands.room.undoing.redo()
    hands.until(lambda: member(hands.desk, ana.id).fields["city"] == "Faro")


def test_ctrl_z_in_an_empty_find_field_undoes_the_last_action(hands: Any) -> None:
    [ana, *_others] = member_rows(hands.desk)
    change_member(hands.desk, ana.id, city="Porto")
    page = hands.page("members")
    page.search.setFocus()
    QTest.keyClick(page.search, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    hands.until(lambda: member(hands.desk, ana.id).fields["city"] is None)
    hands.rest()
    QTest.keyClick(page.search, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    hands.until(lambda: member(hands.desk, ana.id).fields["city"] == "Porto")
    hands.rest()
    QTest.keyClicks(page.search, "zz")
    QTest.keyClick(page.search, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    hands.rest()
    assert not page.search.text() and member(hands.desk, ana.id).fields["city"] == "Porto"


def test_a_form_that_was_closed_half_typed_of_somebody_who_was_erased_since_does_not_come_back(hands: Any) -> None:
    page = hands.page("members")
    page._select(0)
    hands.rest()
    half_typed(hands, page)
    erase(hands.desk, [page._chosen], remake_backups=False)
    ctrl_z(hands)
    hands.until(lambda: "was erased meanwhile" in hands.shell.toast.words.text())
    hands.rest()
    assert not hands.open_dialogs(MemberForm) and not hands.shell.toast.link.isVisible() and count_members(hands.desk) == 2


def test_a_removal_that_takes_long_is_said_and_asked_for_once(hands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page, go = hands.page("members"), threading.Event()
    asked: list[int] = []

    def slow(desk: Desk, members: list[str]) -> Removed:
        asked.append(len(members))
        assert go.wait(30)
        return remove_members(desk, members)

    monkeypatch.setattr(members_page, "remove_members", slow)
    monkeypatch.setattr(members_page, "LONG_MS", 1)
    page.list.selectAll()
    page.remove()
    page.remove()
    assert not page.remove_button.isEnabled()
    hands.until(lambda: hands.shell.toast.words.text() == "Removing …")
    go.set()
    hands.until(lambda: count_members(hands.desk) == 0)
    hands.rest()
    assert asked == [3] and page.remove_button.isEnabled() and "3 members were removed" in hands.shell.toast.words.text()


def test_remove_and_undo(hands: Any) -> None:
    page = hands.page("members")
    page.list.selectAll()
    hands.rest()
    page.remove()
    hands.until(lambda: count_members(hands.desk) == 0)
    hands.until(lambda: hands.shell.toast.isVisible())
    hands.click(hands.shell.toast.link)
    hands.until(lambda: count_members(hands.desk) == 3)
    hands.rest()
    assert page.table_model.rowCount() == 3


def test_the_window_learns_what_another_program_wrote(hands: Any) -> None:
    page = hands.page("members")
    with open_desk(hands.desk.profile) as other:
        add_member(other, first_name="From", last_name="Outside")
    hands.until(lambda: page.table_model.rowCount() == 4)


def test_import_by_hand(hands: Any, tmp_path: Path) -> None:
    file = tmp_path / "new people.csv"
    file.write_text("First name,Last name,Birthday,SSN\nZoë,Quick,03/04/1990,123-45-6789\n,,,\nAda,Obi,05/06/1991,\nNo,Date,31/31/1990,\n", "utf-8")
    page = hands.page("members")
    sheet = page.import_from(file)
    hands.until(lambda: sheet.next.isVisible())
    if not sheet.next.isEnabled():
        sheet.findChildren(Radio)[0].setChecked(True)
    hands.until(lambda: sheet.next.isEnabled())
    hands.click(sheet.next)
    hands.until(lambda: sheet.next.isVisible() and hands.room.lanes.idle())
    assert count_members(hands.desk) == 3
    hands.click(sheet.next)
    hands.until(lambda: not hands.open_dialogs(ImportSheet))
    hands.rest()
    assert [row.name for row in member_rows(hands.desk, "zoe")] == ["Zoë Quick"]
    with hands.desk.reading() as connection:
        everything = "".join(str(tuple(row)) for row in connection.exec_driver_sql("SELECT * FROM person"))
    assert "123-45-6789" not in everything


def checked_list(hands: Any, file: Path, rows: int) -> Any:
    """A list that was checked, and waits to be imported."""
    file.write_text("First name,Last name\n" + "".join(f"{'A' * (1 + n * 40 // rows)},Lima{n}\n" for n in range(rows)), "utf-8")
    sheet = hands.page("members").import_from(file)
    hands.until(lambda: sheet._at == 1 and sheet.next.isEnabled())
    hands.click(sheet.next)
    hands.until(lambda: sheet._checked)
    hands.rest()
    return sheet


def test_an_import_that_is_stopped_says_that_nothing_was_imported(hands: Any, tmp_path: Path) -> None:
    sheet = checked_list(hands, tmp_path / "list.csv", 1_500)
    sheet.turned.connect(sheet.reject, Qt.ConnectionType.SingleShotConnection)  # as soon as it has begun
    hands.click(sheet.next)
    hands.until(lambda: not hands.open_dialogs(ImportSheet))
    assert hands.shell.toast.isVisible() and hands.shell.toast.words.text() == "The import was cancelled. Nothing was changed."
    hands.rest()
    assert count_members(hands.desk) == 3


def test_how_far_an_import_is_goes_by_the_rows_that_were_counted(hands: Any, tmp_path: Path) -> None:
    sheet = checked_list(hands, tmp_path / "list.csv", 1_500)
    said, plain = [], sheet._progress

    def progress(done: int, total: int) -> None:
        plain(done, total)
        said.append(sheet.counted.text())

    sheet._progress = progress
    hands.click(sheet.next)
    hands.until(lambda: not hands.open_dialogs(ImportSheet))
    assert said and all(words.endswith(" of 1,500 rows") for words in said)
    hands.rest()


@pytest.mark.parametrize(("content", "said"), [(b"%PDF-1.7\n1 0 obj", "PDF"), (b"", "empty"), (b"a" * 40, "")])
def test_a_file_that_is_no_list_is_said(hands: Any, tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "members.csv"
    file.write_bytes(content)
    page = hands.page("members")
    sheet = page.import_from(file)
    hands.rest()
    texts = " ".join(label.text() for label in sheet.findChildren(QWidget) if hasattr(label, "text") and callable(label.text))
    assert said in texts
    sheet.reject()
    hands.until(lambda: not hands.open_dialogs(ImportSheet))
    assert count_members(hands.desk) == 3


def test_plan_a_gathering_and_put_guests_on_it(hands: Any) -> None:
    page = hands.page("gatherings")
    page.plan("dinner")
    form = hands.dialog(GatheringForm)
    hands.click(form.done_button)
    hands.until(lambda: "needs a name" in form._rows["name"].below.text())
    assert gathering_rows(hands.desk) == []
    QTest.keyClicks(form.name, "Spring Dinner")
    hands.click(form.done_button)
    hands.until(lambda: not hands.open_dialogs(GatheringForm))
    hands.until(lambda: page.view.it is not None)
    hands.rest()
    page.view.add()
    picker = hands.dialog(GuestPicker)
    for typed in ("lukasz", "ada"):
        picker.search.setText("")
        QTest.keyClicks(picker.search, typed)
        hands.rest()
        QTest.keyClick(picker.search, Qt.Key.Key_Return)
    picker.answer._buttons["yes"].click()
    hands.click(picker.done_button)
    hands.until(lambda: not hands.open_dialogs(GuestPicker))
    hands.rest()
    [row] = gathering_rows(hands.desk)
    assert (row.name, row.kind, row.coming) == ("Spring Dinner", "dinner", 2)
    assert {guest.name for guest in guest_rows(hands.desk, row.id)} == {"Łukasz Żółć", "Ada Obi"}


def test_cancel_a_gathering_and_undo(hands: Any) -> None:
    gathering = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    page = hands.page("gatherings", gathering=gathering)
    page.ask_cancel(page.view.it.row)
    sheet = hands.dialog(Sheet)
    hands.click(sheet.done_button)
    hands.until(lambda: gathering_rows(hands.desk)[0].cancelled)
    hands.until(lambda: hands.shell.toast.link.isVisible())
    hands.click(hands.shell.toast.link)
    hands.until(lambda: not gathering_rows(hands.desk)[0].cancelled)


def test_badges_count_as_printed_only_when_somebody_says_so(hands: Any, tmp_path: Path) -> None:
    gathering = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    add_guests(hands.desk, gathering, [row.id for row in member_rows(hands.desk)])
    page = hands.page("badges", gathering=gathering)
    assert "3" in page.print_button.text() or "3" in page.print_button.accessibleName()
    out = tmp_path / "badges.pdf"
    page.save_as(out)
    hands.rest()
    assert out.read_bytes().startswith(b"%PDF")
    assert not any(guest.badge_printed for guest in guest_rows(hands.desk, gathering))
    page.came_out()
    hands.until(lambda: all(guest.badge_printed for guest in guest_rows(hands.desk, gathering)))
    hands.rest()
    assert not page.print_button.isEnabled()


def test_a_disk_that_does_not_take_the_pdf_is_said(hands: Any, tmp_path: Path) -> None:
    gathering = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    add_guests(hands.desk, gathering, [row.id for row in member_rows(hands.desk)])
    page = hands.page("badges", gathering=gathering)
    page.save_as(tmp_path / "no such folder" / "badges.pdf")
    hands.until(lambda: "cannot be written" in hands.shell.toast.words.text())
    assert not page._unsaid


@pytest.mark.parametrize("percent", [90, 150])
def test_every_page_at_other_text_sizes(tmp_path: Path, hands_of: Any, percent: int) -> None:
    with open_desk(Profile(tmp_path / "sizes")) as desk:
        desk.make_chapter("Boston")
        room = build(desk, theme="dark", percent=percent)
        room.shell.resize(1280, 800)
        room.shell.show()
        made = hands_of(room)
        for name in PAGES:
            made.page(name)
            assert made.shell.minimumSizeHint().width() <= 1280, name
        room.close()
        room.shell.close()
        room.shell.deleteLater()
        build_again = build(desk, theme="light", percent=100)
        build_again.close()
        build_again.shell.deleteLater()


def test_a_gathering_that_ends_before_it_starts_says_so_wherever_it_is_shown(hands: Any) -> None:
    """Two leaders set one hour each, apart: nothing said so, and no form could be saved any more."""
    which = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    with hands.desk.writing("gathering_changed") as writing:
        writing.change("gathering", which, starts="2026-11-12T22:30")

    def said(page: QWidget) -> bool:
        return any("ends before it starts" in label.text() and label.isVisible() for label in page.findChildren(QLabel))

    hands.until(lambda: said(hands.page("today")))
    hands.until(lambda: said(hands.page("gatherings")))
    for name in ("today", "gatherings"):
        assert any(line.first.text() == crossed_words() for line in hands.page(name).findChildren(IconLine)), "an icon, too"
    page = hands.page("gatherings", gathering=which)
    hands.until(lambda: page.view.it is not None and said(page.view))
    page.edit(page.view.it.row)
    form = hands.dialog(GatheringForm)
    QTest.keyClicks(form.place, "Harbor Hall")
    hands.click(form.done_button)
    hands.until(lambda: not hands.open_dialogs(GatheringForm))
    assert gathering_rows(hands.desk)[0].place == "Harbor Hall"

    def mends() -> list[Button]:
        return [button for button in page.view.findChildren(Button) if button.isVisible() and button.text() == "Set the hours"]

    hands.until(lambda: page.view.it is not None and page.view.it.row.place == "Harbor Hall" and len(mends()) == 1)
    hands.click(mends()[0])
    form = hands.dialog(GatheringForm)
    hands.until(form.start.hasFocus)
    form.start.setDateTime(form.start.dateTime().addSecs(-3600))
    assert form.start.dateTime().secsTo(form.end.dateTime()) == 3 * 3600
    hands.click(form.done_button)
    hands.until(lambda: not gathering_rows(hands.desk)[0].crossed)
    hands.until(lambda: not said(page.view))
