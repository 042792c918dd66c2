"""Moving a member to another chapter from the window, with a real server: the menu, the dialog, what it says, and what is left afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from tests.desktop.conftest import Hands
from tests.desktop.test_sync_together import all_words, button, laptop, make_server, office, said, window

from alumni_desk.desktop.chapter_choice import AT_ONCE
from alumni_desk.desktop.move_member_sheet import MoveMemberSheet
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.laptops import laptops

__all__ = ["laptop", "make_server", "office", "window"]

Window = Callable[[Desk], Hands]
LONG = "Northgate University Alumni Association of the Greater Rhine-Neckar Metropolitan Region and the Palatinate, Section of Engineers"


def admins(office: Any, laptop: Any, *chapters: str) -> Desk:
    """The laptop of the network's admin on Boston; the other chapters there are."""
    for one in chapters:
        office.invite(one)
    desk: Desk = laptop("admin", office, role="admin")
    return desk


def chosen(hands: Hands, name: str) -> Any:
    """The members page with somebody chosen."""
    page = hands.page("members")
    hands.until(lambda: page.table_model.rowCount())
    person = next(row.id for row in member_rows(hands.desk) if row.name == name)
    page._select(page.table_model.row_of(person))
    if not page._beside():
        page._enter()
    hands.until(lambda: page.panel.shown_for() == person and page._known.detail.id == person)
    return page


def menu_of(page: Any) -> list[tuple[str, bool]]:
    """What the “…” of the member offers, and whether it can be chosen."""
    page.panel._show_more()
    [menu] = page.panel.findChildren(QMenu)
    found = [(action.text(), action.isEnabled()) for action in menu.actions() if not action.isSeparator()]
    menu.close()
    return found


def asked(hands: Hands, name: str) -> MoveMemberSheet:
    """The dialog about somebody, with the chapters there."""
    page = chosen(hands, name)
    page.move_away()
    sheet: MoveMemberSheet = hands.dialog(MoveMemberSheet)
    hands.until(lambda: sheet.choice.radios and sheet.focusWidget() is sheet.choice.first())
    return sheet


def take(sheet: MoveMemberSheet, name: str) -> None:
    """Choose a chapter."""
    next(one for one in sheet.choice.radios if one.accessibleName() == name).click()


def test_the_row_goes_the_rest_stays_and_the_toast_offers_no_undo(office: Any, laptop: Any, window: Window) -> None:
    desk = admins(office, laptop, "Munich")
    for n in range(60):
        add_member(desk, first_name=f"Member{n:02}", class_year="2004")
    sync_once(desk)
    hands = window(desk)
    sheet = asked(hands, "Member40")
    page = hands.shell.current()
    shown, at = list(page.table_model.ids()), page.list.verticalScrollBar().value()
    assert at > 0 and not sheet.done_button.isEnabled() and sheet.reason.text() == "No chapter is chosen yet"
    assert sheet.focusWidget() is sheet.choice.radios[0] and not sheet.choice.radios[0].isChecked()
    assert "There is no Undo" in all_words(sheet) and "came to no gathering" in all_words(sheet)
    take(sheet, "Munich")
    QTest.keyClick(sheet, Qt.Key.Key_Return)
    hands.until(lambda: not hands.open_dialogs(MoveMemberSheet))
    hands.rest()
    assert said(hands) == "Member40 belongs to Munich now." and not hands.shell.toast.link.isVisible()
    person = shown[40]
    hands.until(lambda: person not in page.table_model.ids())
    assert list(page.table_model.ids()) == [one for one in shown if one != person] and page.list.verticalScrollBar().value() in (at, at - 1)
    assert not page.panel.isVisible()
    there = laptop("munich")
    join(there, office.url, office.invite("Munich"))
    sync_once(there)
    assert [row.name for row in member_rows(there)] == ["Member40"]
    hands.shell.toast.hide()
    QTest.keyClick(hands.shell, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    hands.rest()
    assert person not in {row.id for row in member_rows(desk)}, "an Undo of what was before does not bring them back"


def test_the_menu_and_the_palette_offer_it_to_who_may_and_say_why_not(office: Any, laptop: Any, window: Window, hands: Any) -> None:
    page = chosen(hands, "Ada Obi")
    assert [words for words, _on in menu_of(page)] == ["Erase for good …"], "a desk that works alone knows no other chapter"
    leader = laptop("leader", office)
    add_member(leader, first_name="Anna")
    sync_once(leader)
    page = chosen(window(leader), "Anna")
    assert menu_of(page)[:2] == [("Move to another chapter …", False), ("Only the network’s admin can, or whoever looks after both chapters.", False)]
    assert not next(one for one in page.deeds() if one.key == "move").can()
    admin = admins(office, laptop)
    sync_once(admin)
    page = chosen(window(admin), "Anna")
    assert menu_of(page)[:2] == [("Move to another chapter …", False), ("There is no other chapter at this server.", False)]
    office.invite("Munich")
    page.lanes.send(lambda: sync_once(admin))
    other = window(admin)
    page = chosen(other, "Anna")
    assert menu_of(page)[0] == ("Move to another chapter …", True)
    deed = next(one for one in page.deeds() if one.key == "move")
    assert deed.can()
    deed.act()
    other.dialog(MoveMemberSheet).reject()


def test_without_the_server_it_says_so_and_tries_again(office: Any, laptop: Any, window: Window) -> None:
    desk = admins(office, laptop, "Munich")
    add_member(desk, first_name="Anna")
    sync_once(desk)
    office.kill()
    hands = window(desk)
    page = chosen(hands, "Anna")
    page.move_away()
    sheet = hands.dialog(MoveMemberSheet)
    hands.until(lambda: "The server cannot be reached, and only it can move somebody." in all_words(sheet))
    assert not sheet.done_button.isEnabled() and not sheet.choice.radios and sheet.cancel.isEnabled()
    office.start()
    hands.click(button(sheet, "Try again"))
    hands.until(lambda: sheet.choice.radios)
    assert "cannot be reached" not in all_words(sheet)
    take(sheet, "Munich")
    office.kill()
    hands.click(sheet.done_button)
    hands.until(lambda: "Nobody was moved." in sheet.reason.text())
    assert sheet.done_button.isEnabled() and sheet.choice.isEnabled() and [row.name for row in member_rows(desk)] == ["Anna"]
    office.start()
    hands.click(sheet.done_button)
    hands.until(lambda: not hands.open_dialogs(MoveMemberSheet))
    hands.rest()
    assert member_rows(desk) == [] and "Anna belongs to Munich now." in said(hands)


def test_whoever_was_merged_with_them_meanwhile_is_shown_before_both_move(office: Any, laptop: Any, window: Window) -> None:
    desk, other = admins(office, laptop, "Munich"), laptop("leader", office)
    anna, ana = (add_member(desk, first_name=name).id for name in ("Anna", "Ana"))
    sync_once(desk)
    sync_once(other)
    hands = window(desk)
    sheet = asked(hands, "Anna")
    assert "merged" not in all_words(sheet)
    merge_people(other, ana, anna)
    sync_once(other)
    take(sheet, "Munich")
    hands.click(sheet.done_button)
    hands.until(lambda: "1 entry that was merged with theirs." in all_words(sheet))
    assert "Meanwhile this entry was merged" in sheet.reason.text() and sheet.done_button.isEnabled()
    hands.until(lambda: hands.shell.current().table_model.rowCount() == 1)
    hands.click(sheet.done_button)
    hands.until(lambda: not hands.open_dialogs(MoveMemberSheet))
    hands.rest()
    assert member_rows(desk) == []


def test_escape_moves_nobody_and_enter_waits_for_a_chapter(office: Any, laptop: Any, window: Window) -> None:
    desk = admins(office, laptop, "Munich", "Zürich")
    add_member(desk, first_name="Anna")
    sync_once(desk)
    hands = window(desk)
    sheet = asked(hands, "Anna")
    QTest.keyClick(sheet, Qt.Key.Key_Return)
    assert sheet.isVisible() and sheet.reason.text() == "No chapter is chosen yet"
    QTest.keyClick(sheet.focusWidget(), Qt.Key.Key_Space)
    assert sheet.choice.radios[0].isChecked() and sheet.done_button.isEnabled()
    QTest.keyClick(sheet.focusWidget(), Qt.Key.Key_Down)
    assert [one.isChecked() for one in sheet.choice.radios] == [False, True]
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    hands.until(lambda: not hands.open_dialogs(MoveMemberSheet))
    hands.rest()
    assert [row.name for row in member_rows(desk)] == ["Anna"]
    sheet = asked(hands, "Anna")
    take(sheet, "Zürich")
    sheet.done_clicked.emit()
    assert not sheet.cancel.isEnabled() and not sheet.shut.isEnabled() and sheet.reason.text() == "Sending what waits …"
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    assert sheet.isVisible(), "what becomes of it is said here"
    hands.until(lambda: not hands.open_dialogs(MoveMemberSheet))


def test_many_chapters_are_found_by_letters_and_long_names_are_not_cut(office: Any, laptop: Any, window: Window) -> None:
    desk = admins(office, laptop, LONG, *(f"Chapter {n}" for n in range(AT_ONCE + 1)))
    add_member(desk, first_name="Anna")
    sync_once(desk)
    hands = window(desk)
    hands.room.appearance.set_percent(150)
    sheet = asked(hands, "Anna")
    assert len(sheet.choice.radios) == AT_ONCE and "2 more" in sheet.choice.note.text() and sheet.focusWidget() is sheet.choice.field
    sheet.choice.radios[0].click()
    assert sheet.done_button.isEnabled()
    QTest.keyClicks(sheet.choice.field, "rhine")
    [radio] = sheet.choice.radios
    assert radio.accessibleName() == LONG and not sheet.done_button.isEnabled(), "whoever was chosen is not there any more"
    hands.until(lambda: radio.height() >= radio.heightForWidth(radio.width()) > 100)
    assert radio.width() <= sheet.width() and sheet._middle.horizontalScrollBar().maximum() == 0
    QTest.keyClicks(sheet.choice.field, "zzz")
    assert "No chapter is called" in sheet.choice.note.text() and not sheet.choice.radios
    sheet.choice.field.clear()
    QTest.keyClick(sheet.choice.field, Qt.Key.Key_Down)
    assert sheet.focusWidget() is sheet.choice.radios[0]
    sheet.reject()
    hands.room.appearance.set_percent(100)


def test_a_window_that_closes_meanwhile_lets_go_of_the_server(office: Any, laptop: Any, window: Window) -> None:
    desk = admins(office, laptop, "Munich")
    add_member(desk, first_name="Anna")
    sync_once(desk)
    hands = window(desk)
    sheet = asked(hands, "Anna")
    take(sheet, "Munich")
    sheet.done_clicked.emit()
    hands.room.close()
    assert len(laptops(desk)) >= 1, "the desk is whole; whether they moved, the next sync says"


def test_the_sheet_closes_and_says_so_where_they_are_erased_elsewhere_meanwhile(office: Any, laptop: Any, window: Window) -> None:
    desk = admins(office, laptop, "Munich")
    anna = add_member(desk, first_name="Anna").id
    sync_once(desk)
    hands = window(desk)
    sheet = asked(hands, "Anna")
    take(sheet, "Munich")
    erase(desk, [anna], remake_backups=False)
    hands.until(lambda: not hands.open_dialogs(MoveMemberSheet))
    assert "was erased meanwhile" in said(hands) and "Anna" not in said(hands)
