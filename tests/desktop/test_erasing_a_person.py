"""Somebody is erased for good in the window: asked by a word that is typed, then gone from every screen and every backup made by itself."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMenu

from alumni_desk.badges.sheets import Look
from alumni_desk.badges.stocks import stocks
from alumni_desk.desktop.badge_laying import Wanted, lay_out
from alumni_desk.desktop.badge_parts import BadgeNameSheet, NamesSheet
from alumni_desk.desktop.erase_person_sheet import ErasePersonSheet
from alumni_desk.desktop.guest_name_sheet import NameSheet
from alumni_desk.desktop.history_sheet import HistorySheet
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.members_sheets import ask_erase, ask_merge, show_history
from alumni_desk.desktop.merge_sheet import MergeSheet
from alumni_desk.desktop.palette import Palette
from alumni_desk.gatherings.actions import add_guest_of, add_guests, new_gathering, remove_guests
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.segments.activity import deeds
from alumni_desk.store import backup
from alumni_desk.store.erasing import erase


def test_a_member_is_erased_for_good_after_a_word_was_typed(hands: Any) -> None:
    ana = member_rows(hands.desk, "obi")[0].id
    change_member(hands.desk, ana, email="ada@example.org")
    before = backup.before(hands.desk, "import")
    assert before is not None
    page = hands.page("members", member=ana)
    hands.until(lambda: page.panel.isVisible() and page.panel.shown_for() == ana)
    hands.click(page.panel.more_button)
    menu = next(one for one in page.panel.findChildren(QMenu) if one.isVisible())
    menu.actions()[0].trigger()
    menu.close()
    sheet = hands.dialog(ErasePersonSheet)
    QTest.keyClick(sheet, Qt.Key.Key_Return)  # a stray key erases nobody
    hands.rest()
    assert sheet.isVisible() and not sheet.done_button.isEnabled() and count_members(hands.desk) == 3
    QTest.keyClicks(sheet.typed, "Erase")
    hands.click(sheet.done_button)
    hands.until(lambda: not hands.open_dialogs(ErasePersonSheet))
    hands.until(lambda: count_members(hands.desk) == 2)
    hands.until(lambda: page.table_model.rowCount() == 2)
    assert "Erased." in hands.shell.toast.words.text() and not hands.shell.toast.link.isVisible()
    assert not page.panel.isVisible()
    assert not member_rows(hands.desk, "obi") and deeds(hands.desk)[0].reason == "Erasing cannot be undone"
    assert not before.exists()
    of_them = [deed for deed in deeds(hands.desk) if "erased" in deed.what and deed.event != "person_erased"]
    assert [deed.what for deed in of_them] == ["Changed somebody who was erased", "Added somebody who was erased"]
    assert not any(deed.undoable for deed in of_them) and {deed.reason for deed in of_them} == {"Erased since"}


def test_the_sheet_that_asks_closes_and_says_so_where_they_are_erased_elsewhere_meanwhile(hands: Any) -> None:
    ada = member_rows(hands.desk, "obi")[0].id
    ask_erase(hands.page("members", member=ada), ada, lambda what, words: None)
    sheet = hands.dialog(ErasePersonSheet)
    QTest.keyClicks(sheet.typed, "erase")
    erase(hands.desk, [ada], remake_backups=False)
    hands.until(lambda: not hands.open_dialogs(ErasePersonSheet))
    assert "was erased meanwhile" in hands.shell.toast.words.text() and "Ada" not in hands.shell.toast.words.text()


def test_a_form_that_is_open_on_somebody_who_is_erased_elsewhere_closes_and_says_so(hands: Any) -> None:
    ana, bo = (row.id for row in member_rows(hands.desk)[:2])
    change_member(hands.desk, ana, email="ada@example.org")
    page = hands.page("members", member=ana)
    hands.until(lambda: page.panel.isVisible() and page.panel.shown_for() == ana)
    page.edit()
    form = hands.dialog(MemberForm)
    form._fields["city"].setText("Porto")  # what was typed is no reason to keep it
    change_member(hands.desk, bo, city="Faro")
    hands.rest()
    assert form.isVisible()
    erase(hands.desk, [ana], remake_backups=False)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    assert "was erased meanwhile" in hands.shell.toast.words.text() and not hands.shell.toast.link.isVisible()


def test_a_change_that_waits_behind_other_work_ends_with_the_form_of_whoever_was_erased(hands: Any) -> None:
    ada = member_rows(hands.desk, "obi")[0].id
    page = hands.page("members", member=ada)
    hands.until(lambda: page.panel.isVisible() and page.panel.shown_for() == ada)
    page.edit()
    form, go = hands.dialog(MemberForm), threading.Event()
    form._fields["city"].setText("Porto")
    hands.room.lanes.write(lambda: go.wait(60))
    hands.click(form.done_button)
    erase(hands.desk, [ada], remake_backups=False)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    go.set()
    hands.rest()
    assert "was erased meanwhile" in hands.shell.toast.words.text()


def test_a_history_that_is_open_on_somebody_who_is_erased_names_them_no_longer(hands: Any) -> None:
    ada = member_rows(hands.desk, "obi")[0].id
    show_history(hands.page("members"), ada)
    sheet = hands.dialog(HistorySheet)
    hands.until(lambda: "Ada Obi" in sheet.windowTitle())
    erase(hands.desk, [ada], remake_backups=False)
    hands.until(lambda: sheet.windowTitle() == "History of somebody who was erased")
    hands.rest()
    assert not any("Ada" in one.text() for one in sheet.findChildren(QLabel))


@pytest.mark.parametrize("deed", ["name_one", "bring"])
def test_a_sheet_that_names_a_guest_who_is_erased_closes_and_says_so(hands: Any, deed: str) -> None:
    ada = member_rows(hands.desk, "obi")[0].id
    held = new_gathering(hands.desk, name="Supper", start="2030-11-12T18:30", end="2030-11-12T21:00").id
    add_guests(hands.desk, held, [ada])
    view = hands.page("gatherings", gathering=held).view
    hands.until(lambda: view.model.rows)
    view.list.selectRow(0)
    getattr(view, deed)()
    hands.dialog(NameSheet)
    erase(hands.desk, [ada], remake_backups=False)
    hands.until(lambda: not hands.open_dialogs(NameSheet))
    hands.rest()
    assert "erased or moved away meanwhile" in hands.shell.toast.words.text()


def test_an_erased_guest_is_not_waited_for_by_the_badges(hands: Any) -> None:
    ana = member_rows(hands.desk, "obi")[0].id
    which = new_gathering(hands.desk, name="Supper", start="2030-11-12T18:30", end="2030-11-12T21:00").id
    added = add_guests(hands.desk, which, [ana])
    add_guest_of(hands.desk, which, added.registrations[0])
    assert lay_out(hands.desk, Wanted(which, stocks()[0], False, 1, 0)).unnamed == 1
    erase(hands.desk, [ana], remake_backups=False)
    assert lay_out(hands.desk, Wanted(which, stocks()[0], False, 1, 0)).unnamed == 1, "the guest’s own name is still to come; the other’s is not"
    assert sorted(row.name for row in guest_rows(hands.desk, which)) == ["Erased", "Name to come"]


def test_erasing_is_found_by_the_palette_only_while_somebody_is_chosen(hands: Any) -> None:
    page = hands.page("members")
    page._chosen = None
    assert not next(deed for deed in page.deeds() if deed.key == "erase").can()
    hands.page("members", member=member_rows(hands.desk, "obi")[0].id)
    assert next(deed for deed in page.deeds() if deed.key == "erase").can()


@pytest.mark.parametrize("meanwhile", ["merged", "taken off"])
def test_a_sheet_that_names_a_guest_who_is_erased_closes_also_where_their_place_is_another_by_then(hands: Any, meanwhile: str) -> None:
    one, other = (add_member(hands.desk, first_name="Zed", last_name=last).id for last in ("One", "Two"))
    held = new_gathering(hands.desk, name="Supper", start="2030-11-12T18:30", end="2030-11-12T21:00").id
    place = add_guests(hands.desk, held, [one, other]).registrations[0]
    view = hands.page("gatherings", gathering=held).view
    hands.until(lambda: len(view.model.rows) == 2)
    view.list.selectRow(next(n for n, guest in enumerate(view.model.rows) if guest.person == one))
    view.name_one()
    hands.dialog(NameSheet)
    if meanwhile == "merged":
        merge_people(hands.desk, one, other)
    else:
        remove_guests(hands.desk, held, [place])
    hands.until(lambda: len(view.model.rows) == 1)
    erase(hands.desk, [one], remake_backups=False)
    hands.until(lambda: not hands.open_dialogs(NameSheet))
    hands.rest()


@pytest.mark.parametrize("meanwhile", ["merged", "taken off"])
def test_the_history_of_a_guest_names_nobody_who_was_erased_where_their_place_is_another_by_then(hands: Any, meanwhile: str) -> None:
    one, other = (add_member(hands.desk, first_name="Zed", last_name=last).id for last in ("One", "Two"))
    held = new_gathering(hands.desk, name="Supper", start="2030-11-12T18:30", end="2030-11-12T21:00").id
    place = add_guests(hands.desk, held, [one, other]).registrations[0]
    view = hands.page("gatherings", gathering=held).view
    hands.until(lambda: len(view.model.rows) == 2)
    view.list.selectRow(next(n for n, guest in enumerate(view.model.rows) if guest.person == one))
    view.history()
    sheet = hands.dialog(HistorySheet)
    hands.until(lambda: "Zed One" in sheet.windowTitle())
    if meanwhile == "merged":
        merge_people(hands.desk, one, other)
    else:
        remove_guests(hands.desk, held, [place])
    hands.until(lambda: len(view.model.rows) == 1)
    erase(hands.desk, [one], remake_backups=False)
    hands.until(lambda: "Zed One" not in sheet.windowTitle())
    hands.rest()
    assert not any("Zed One" in label.text() for label in sheet.findChildren(QLabel))


@pytest.mark.parametrize("which", [0, 1])
def test_the_sheet_that_merges_two_closes_and_says_so_where_one_is_erased_elsewhere_meanwhile(hands: Any, which: int) -> None:
    both = [row.id for row in member_rows(hands.desk)[:2]]
    names = [row.name for row in member_rows(hands.desk)[:2]]
    ask_merge(hands.page("members"), both, lambda what: None)
    sheet = hands.dialog(MergeSheet)
    assert all(any(name in one.text() for one in sheet.choices) for name in names)
    erase(hands.desk, [both[which]], remake_backups=False)
    hands.until(lambda: not hands.open_dialogs(MergeSheet))
    said = hands.shell.toast.words.text()
    assert "was erased meanwhile" in said and not any(name in said for name in names)


def test_a_merge_that_waits_behind_other_work_ends_with_the_sheet_where_one_is_erased_elsewhere(hands: Any) -> None:
    both = [row.id for row in member_rows(hands.desk)[:2]]
    ask_merge(hands.page("members"), both, lambda what: None)
    sheet, go = hands.dialog(MergeSheet), threading.Event()
    hands.room.lanes.write(lambda: go.wait(60))
    hands.click(sheet.done_button)
    erase(hands.desk, [both[1]], remake_backups=False)
    hands.until(lambda: count_members(hands.desk) == 2)
    go.set()
    hands.until(lambda: not hands.open_dialogs(MergeSheet))
    hands.rest()
    assert "was erased meanwhile" in hands.shell.toast.words.text()


def test_whoever_is_erased_while_names_are_chosen_for_badges_is_not_among_them_any_more(hands: Any) -> None:
    held = new_gathering(hands.desk, name="Supper", start="2030-11-12T18:30", end="2030-11-12T21:00").id
    added = add_guests(hands.desk, held, [row.id for row in member_rows(hands.desk)])
    ada = member_rows(hands.desk, "obi")[0].id
    page = hands.page("badges", gathering=held)
    hands.click(page.some)
    sheet = hands.dialog(NamesSheet)
    for row in range(3):
        sheet.list.item(row).setCheckState(Qt.CheckState.Checked)
    erase(hands.desk, [ada], remake_backups=False)
    hands.until(lambda: sheet.list.count() == 2)
    assert not any("Ada" in sheet.list.item(row).text() for row in range(2))
    assert len(sheet.chosen()) == 2 and set(sheet.chosen()) < set(added.registrations) and "2" in sheet.done_button.text()
    sheet.reject()
    hands.rest()


def test_a_badge_s_other_name_is_not_asked_for_of_whoever_is_erased_meanwhile(hands: Any) -> None:
    held = new_gathering(hands.desk, name="Supper", start="2030-11-12T18:30", end="2030-11-12T21:00").id
    ada = member_rows(hands.desk, "obi")[0].id
    place = add_guests(hands.desk, held, [ada]).registrations[0]
    page = hands.page("badges", gathering=held)
    page._ask_name(Look(place, "Ada Obi", "The name shrank"))
    assert hands.dialog(BadgeNameSheet).name.text() == "Ada Obi"
    erase(hands.desk, [ada], remake_backups=False)
    hands.until(lambda: not hands.open_dialogs(BadgeNameSheet))
    assert "erased or moved away meanwhile" in hands.shell.toast.words.text()


@pytest.mark.parametrize("chosen", [0, 1])
def test_whoever_is_erased_while_the_palette_is_open_stands_there_no_longer(hands: Any, chosen: int) -> None:
    ids = [add_member(hands.desk, first_name=first, last_name="Quillon").id for first in ("Tom", "Uma")]
    hands.shell.palette_wanted.emit()
    palette = hands.dialog(Palette)
    QTest.keyClicks(palette.field, "quillon")
    hands.until(lambda: palette._known is not None and palette._known.query == "quillon")
    hands.rest()

    def there() -> list[str]:
        return [one.words for row in range(palette.lines.rowCount()) if (one := palette.lines.choice(row)) is not None and "Quillon" in one.words]

    assert there() == ["Tom Quillon", "Uma Quillon"]
    if chosen:
        QTest.keyClick(palette.field, Qt.Key.Key_Down)
    erase(hands.desk, ids[:1], remake_backups=False)
    hands.until(lambda: there() == ["Uma Quillon"])
    at = palette.lines.choice(palette.list.currentIndex().row())
    assert at.words == "Uma Quillon" if chosen else at is None, "nobody comes in the place of whom Enter meant"
    palette.reject()
