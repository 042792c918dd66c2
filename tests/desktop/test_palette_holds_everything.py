"""Whatever a page of the window offers by a button or a menu, the palette offers too; what it leaves out stands here with its reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QMenu, QWidget
from tests.desktop.conftest import Hands

from alumni_desk.desktop.app import build
from alumni_desk.desktop.carrying import BroughtSheet
from alumni_desk.desktop.controls import Button, Link
from alumni_desk.desktop.deeds import Deeds
from alumni_desk.desktop.door_pin import NewPinSheet
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.guest_picker import GuestPicker
from alumni_desk.desktop.history_sheet import HistorySheet
from alumni_desk.desktop.merge_sheet import MergeSheet
from alumni_desk.desktop.password_sheet import PasswordSheet
from alumni_desk.desktop.wiring import help_files
from alumni_desk.gatherings.actions import add_guests, cancel_gathering, new_gathering, set_rsvp
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.chapter import change_chapter, chapter
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.segments.activity import deeds as done_deeds
from alumni_desk.store.undo import undo

OFFERED = {
    # Today
    "today: Print badges": "page:badges", "today: Start check-in": "checkin:open", "today: All activity": "page:activity",
    "today: All gatherings": "page:gatherings", "today: Plan a gathering": "gatherings:plan",
    # Members
    "members: Add member": "members:add", "members: Export": "members:export", "members: Import": "members:import", "members: Remove": "members:remove",
    "members: Merge the two chosen members": "members:merge", "members: Edit": "members:edit",
    "members: Move to another chapter …": "members:move", "members: Erase for good …": "members:erase", "members: History": "members:history",
    # A gathering
    "gatherings: Plan a gathering": "gatherings:plan", "gatherings: Add guests": "gatherings:guests", "gatherings: From a file": "gatherings:guest_file",
    "gatherings: History": "gatherings:history", "gatherings: Edit": "gatherings:edit", "gatherings: Set the hours": "gatherings:edit",
    "gatherings: Cancel gathering": "gatherings:cancel",
    "gatherings: Plan it again": "gatherings:replan", "gatherings: Roster": "gatherings:roster", "gatherings: Badges": "gatherings:badges",
    "gatherings: Start check-in": "gatherings:checkin", "gatherings: Coming": "gatherings:coming", "gatherings: Not coming": "gatherings:not_coming",
    "gatherings: Maybe": "gatherings:maybe", "gatherings: Waiting list": "gatherings:waiting", "gatherings: Not answered": "gatherings:not_answered",
    "gatherings: Brings a guest": "gatherings:bring", "gatherings: Name": "gatherings:name_guest", "gatherings: Take off the list": "gatherings:take_off",
    "gatherings: History of this guest": "gatherings:guest_history",
    # Check-in, badges
    "checkin: Open check-in, full screen": "checkin:open",
    "badges: Print": "badges:print", "badges: Print {n} badges": "badges:print", "badges: Print {n} badge": "badges:print",
    "badges: Save as PDF": "badges:save",
    # Sync
    "sync: Join with an invitation": "sync:join", "sync: Keep the chapter on this laptop, for the others": "sync:keep", "sync: Invite someone": "sync:invite",
    "sync: Join a laptop that shares": "sync:here", "sync: Not found?": "sync:lost", "sync: Share with laptops here": "sync:share",
    # Settings
    "settings: Back up now": "settings:back_up", "settings: Look at the backups": "settings:restore", "settings: Check the whole database": "settings:verify",
    "settings: Choose the folder for backups": "settings:backups", "settings: Erase everything here": "settings:erase_here",
    "settings: Lock now": "settings:lock", "settings: Open the activity": "page:activity", "settings: Open the handbook": "help",
    "settings: Open the folder of the log": "settings:log", "settings: Change the password": "settings:password",
    "settings: Choose a password": "settings:password", "settings: Choose a PIN for check-in": "settings:pin",
    "settings: Change the PIN for check-in": "settings:pin", "settings: Check the key": "settings:paper", "settings: Print it now": "settings:paper",
    "settings: History of the chapter": "settings:chapter_history",
    # Activity, Restore
    "activity: Undo": "activity:chosen", "restore: Open another": "restore:other", "restore: Open one that lies elsewhere": "restore:other",
    "restore: Back up now": "settings:back_up", "restore: To take a change back for all, use Activity": "page:activity",
}
LEFT_OUT = {
    "members: More about this member": "leads to a menu, whose lines are there",
    "gatherings: More for the chosen guests": "leads to a menu, whose lines are there",
    "gatherings: Other answer": "leads to a menu, whose lines are there", "members: Copy": "of the address beside it",
    "gatherings: Show the member": "people are found by their names", "activity: Open the gathering": "gatherings are found by their names",
    "activity: Show the member": "people are found by their names", "activity: Show older": "more of a list that is looked at",
    "gatherings: Show all": "more of a list that is looked at", "badges: Sheet before": "turns what is looked at",
    "badges: Next sheet": "turns what is looked at",
    "settings: Make a new one": "ends the key on paper at once, so it is asked for where that can be read; “Password, recovery key and lock” leads there",
    "settings: See the {n} files": "what was exported, beside its number", "settings: See the {n} file": "what was exported, beside its number",
    "settings: Make one": "the same as “Print or check the recovery key”", "settings: Open the folder": "of what was exported, beside its list",
}
KINDS = ("Dinner", "Family day", "Holiday party", "Networking", "Reception", "Sports", "Talk", "Tour", "Volunteering", "Webinar", "Workshop")
"""A gathering of each kind can be planned from beside the year; by the palette the kind is chosen in the form."""


@pytest.fixture
def full(hands: Hands, hands_of: Any) -> Any:
    """The window with all that Settings can do, on a chapter that has everything once."""
    dinner = new_gathering(hands.desk, name="Winter Dinner", start="2026-12-12T18:30", end="2026-12-12T21:00").id
    add_guests(hands.desk, dinner, [row.id for row in member_rows(hands.desk)])

    def nothing(*given: Any) -> None:
        """What is not tried here."""

    room = build(hands.desk, theme="light", help_files=help_files(), deeds=Deeds(nothing, nothing, nothing, nothing, nothing))
    room.shell.resize(1280, 800)
    room.shell.show()
    made = hands_of(room)
    made.rest()
    made.dinner = dinner
    yield made
    made.rest()
    room.close()
    room.shell.close()
    room.shell.deleteLater()


def choose_guests(hands: Hands, dinner: str, count: int) -> Any:
    page = hands.page("gatherings", gathering=dinner)
    hands.until(lambda: page.view.it is not None and page.view.model.rows)
    selection = page.view.list.selectionModel()
    page.view.list.clearSelection()
    for row in range(count):
        selection.select(page.view.model.index(row, 0), selection.SelectionFlag.Select | selection.SelectionFlag.Rows)
    return page


def choose_members(hands: Hands, count: int) -> Any:
    page = hands.page("members")
    hands.until(lambda: page.table_model.rowCount() >= 3)
    page.list.clearSelection()
    selection = page.list.selectionModel()
    for row in range(count):
        selection.select(page.table_model.index(row, 0), selection.SelectionFlag.Select | selection.SelectionFlag.Rows)
    hands.rest()
    return page


def menu_of(hands: Hands, button: QWidget) -> list[str]:
    """The lines of the menu that a button opens."""
    hands.click(button)
    hands.until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    lines = [one.text() for one in menu.actions() if one.text()]
    menu.close()
    hands.rest()
    return lines


def buttons_of(page: QWidget) -> set[str]:
    """What its buttons and links are called; not those of one line of a list, which are called by what is in it."""
    return {re.sub(r"\d+", "{n}", (one.accessibleName() or one.text()).partition(":")[0]) for one in page.findChildren(Button)} - {""}



def offered(hands: Hands) -> dict[str, str]:
    """What the palette offers now, with its words."""
    hands.shell.palette_wanted.emit()
    from alumni_desk.desktop.palette import Palette

    palette = hands.dialog(Palette)
    hands.until(lambda: palette._known is not None)
    hands.rest()
    found = {deed.key: deed.words for deed in palette._deeds}
    palette.reject()
    hands.rest()
    return found


def test_every_action_of_the_window_is_in_the_palette(full: Any) -> None:
    hands = full
    asked: set[str] = set()
    palette = set(offered(hands))

    def look(name: str, page: QWidget, *more: str) -> None:
        asked.update(f"{name}: {words}" for words in (*buttons_of(page), *more))
        palette.update(offered(hands))

    for name in hands.shell.plan:
        page = hands.page(name)
        while (part := page.next_part()) is not None:
            part()
        hands.rest()
        look(name, page)
    page = choose_members(hands, 1)
    hands.until(lambda: page.panel.isVisible() and page.panel.tabs is not None)
    look("members", page, *menu_of(hands, page.panel.more_button), page.panel.tabs.tabText(1))
    look("members", choose_members(hands, 2))
    page = choose_guests(hands, hands.dinner, 1)
    look("gatherings", page, *menu_of(hands, page.view.bar[2]), *menu_of(hands, page.view.more_button))
    known = {*OFFERED, *LEFT_OUT, *(f"gatherings: {kind}" for kind in KINDS)}
    new = {one for one in asked - known if not one.startswith(("gatherings: Open ", "gatherings: Plan a gathering in ", "activity: Undo all "))}
    assert not new, "buttons that are neither in the palette nor left out of it with a reason"
    assert {one: OFFERED[one] for one in asked & OFFERED.keys() if OFFERED[one] not in palette and not one.startswith("sync:")} == {}


def test_what_a_shared_chapter_offers_is_listed_too(full: Any) -> None:
    """The deeds of the Sync page that wait for a server, and of a gathering that wants one."""
    page = full.page("sync")
    keys = {f"sync:{deed.key}" for deed in page.deeds()}
    more = {"sync:now", "sync:again", "sync:move", "sync:details", "sync:end", "sync:switch", "sync:leave"}
    assert {key for words, key in OFFERED.items() if words.startswith("sync:")} | more == keys
    assert {deed.key for deed in page.deeds() if deed.can()} == {"join", "keep"}


def deed(hands: Hands, key: str) -> None:
    """Do something by the palette."""
    (one,) = [one for one in hands.room._everything() if one.key == key and one.can()]
    one.act()
    hands.rest()


def test_two_entries_are_merged_in_the_window_and_taken_apart_by_undo(full: Any) -> None:
    hands = full
    page = choose_members(hands, 2)
    hands.until(lambda: page.merge_button.isVisible())
    first, second = page.selected()
    hands.click(page.merge_button)
    sheet = hands.dialog(MergeSheet)
    sheet.choices[1].setChecked(True)
    hands.click(sheet.done_button)
    hands.until(lambda: not hands.open_dialogs(MergeSheet) and count_members(hands.desk) == 2)
    hands.rest()
    assert {row.id for row in member_rows(hands.desk)} >= {second} and first not in {row.id for row in member_rows(hands.desk)}
    hands.until(lambda: "one entry now" in hands.shell.toast.words.text())
    hands.room.undoing.undo()
    hands.until(lambda: count_members(hands.desk) == 3)
    choose_members(hands, 3)
    assert not page.merge_button.isVisible()


def test_pin_password_and_the_history_of_a_member_are_a_few_letters_away(full: Any) -> None:
    hands = full
    deed(hands, "settings:pin")
    hands.dialog(NewPinSheet).reject()
    deed(hands, "settings:password")
    assert hands.dialog(PasswordSheet)
    hands.dialog(PasswordSheet).reject()
    page = choose_members(hands, 1)
    hands.until(lambda: page.panel.isVisible() and page.panel.tabs is not None)
    deed(hands, "members:history")
    assert page.panel.tabs.currentIndex() == 1


def test_a_file_is_opened_by_what_is_in_it(full: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hands = full
    file = tmp_path / "readme"
    file.write_bytes(b"\x89PNG\r\n\x1a\n")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *given: (str(file), ""))
    deed(hands, "open_file")
    hands.until(lambda: hands.shell.toast.isVisible() and "readme" in hands.shell.toast.words.text())
    assert not hands.open_dialogs(BroughtSheet)


def past(sheet: Any) -> str:
    return "\n".join(one.text() for one in sheet.findChildren(QLabel) if one.isVisible())


def test_a_guests_answer_is_put_back_from_their_history(full: Any) -> None:
    hands = full
    one = guest_rows(hands.desk, hands.dinner)[0]
    set_rsvp(hands.desk, hands.dinner, [one.registration], "yes")
    set_rsvp(hands.desk, hands.dinner, [one.registration], "no")
    page = choose_guests(hands, hands.dinner, 1)
    row = next(n for n, guest in enumerate(page.view.model.rows) if guest.registration == one.registration)
    page.view.list.selectRow(row)
    assert page.view.more_button.isVisible()
    at = page.view.list.visualRect(page.view.model.index(row, 0)).center()
    page.view.list.customContextMenuRequested.emit(at)
    hands.until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    next(action for action in menu.actions() if action.text() == "History of this guest").trigger()
    menu.close()
    sheet = hands.dialog(HistorySheet)
    hands.until(lambda: sheet.part is not None and "Not coming" in past(sheet))
    assert f"History of \u2068{one.name}\u2069 at \u2068Winter Dinner" in past(sheet)
    assert one.code not in past(sheet) and hands.dinner not in past(sheet) and str(one.person) not in past(sheet)
    link = next(link for link in sheet.findChildren(Link) if link.accessibleName() == "Restore Coming")
    link.setFocus()
    QTest.keyClick(link, Qt.Key.Key_Space)
    hands.until(lambda: next(guest.status for guest in guest_rows(hands.desk, hands.dinner) if guest.registration == one.registration) == "yes")
    sheet.reject()
    hands.rest()
    choose_guests(hands, hands.dinner, 2)
    assert not page.view.more_button.isVisible()


def test_the_chapters_history_stands_in_settings(full: Any) -> None:
    hands = full
    before = chapter(hands.desk).name
    change_chapter(hands.desk, name="Great Lakes")
    page = hands.page("settings")
    button = next(one for one in page.findChildren(Button) if one.accessibleName() == "History of the chapter")
    hands.until(lambda: button.isVisible() and page._chapter is not None and page._chapter.name == "Great Lakes")
    hands.click(button)
    sheet = hands.dialog(HistorySheet)
    hands.until(lambda: sheet.part is not None and before in past(sheet))
    link = next(link for link in sheet.findChildren(Link) if link.accessibleName() == f"Restore {before}")
    link.setFocus()
    QTest.keyClick(link, Qt.Key.Key_Space)
    hands.until(lambda: chapter(hands.desk).name == before)
    assert done_deeds(hands.desk)[0].what == "Put back the name of the chapter"
    sheet.reject()
    hands.rest()
    undo(hands.desk)
    assert chapter(hands.desk).name == "Great Lakes"


def led(desk: Any) -> None:
    """A chapter that others share, on a leader's laptop."""
    from alumni_desk.sync import state

    with desk.applying() as applying:
        state.keep(applying.connection, state.Membership(url="http://127.0.0.1:9", fingerprint=None, server="office", device="laptop", key=bytes(32),
                                                         scope=desk.scope, scope_name="Boston", role="leader"))


NEXT = {"gatherings:next_guests": "Add guests to Winter Dinner", "gatherings:next_guest_file": "Add guests to Winter Dinner from a file",
        "gatherings:next_edit": "Edit Winter Dinner", "gatherings:next_roster": "Save the roster of Winter Dinner",
        "gatherings:next_badges": "Badges of Winter Dinner", "gatherings:next_checkin": "Start check-in for Winter Dinner"}


def test_where_no_gathering_is_open_the_next_ones_buttons_are_offered_by_its_name(full: Any) -> None:
    hands = full
    hands.page("gatherings")
    hands.page("today")
    there = offered(hands)
    assert NEXT.items() <= there.items() and "gatherings:next_hand_out" not in there, "nobody else shares this chapter"
    assert not {"gatherings:guests", "gatherings:edit"} & there.keys()
    deed(hands, "gatherings:next_edit")
    form = hands.dialog(GatheringForm)
    assert form.name.text() == "Winter Dinner" and hands.shell.current().name == "gatherings"
    form.reject()
    hands.rest()
    there = offered(hands)
    assert not NEXT.keys() & there.keys() and there["gatherings:edit"] == "Edit this gathering"
    hands.shell.current().back()
    hands.rest()
    deed(hands, "gatherings:next_guests")
    hands.dialog(GuestPicker).reject()
    hands.rest()


def test_only_where_others_share_the_chapter_a_list_is_handed_out(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hands = full
    hands.page("gatherings")
    led(hands.desk)
    there = offered(hands)
    assert there["gatherings:next_hand_out"] == "Hand out the list of Winter Dinner to its door"
    asked: list[str] = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda parent, words, file, kinds: (asked.append(file), ("", ""))[1])
    deed(hands, "gatherings:next_hand_out")
    hands.until(lambda: asked)
    assert Path(asked[0]).name == "Winter Dinner.alumnidesk"
    assert offered(hands)["gatherings:hand_out"] == "Hand out the list of this gathering to its door"


def test_a_cancelled_or_no_gathering_offers_nothing_of_the_next(full: Any) -> None:
    hands = full
    cancel_gathering(hands.desk, hands.dinner)
    hands.page("gatherings")
    assert not [key for key in offered(hands) if key.startswith("gatherings:next_")]


def test_the_chosen_action_is_undone_and_done_again_by_the_palette(full: Any) -> None:
    hands = full
    page = hands.page("activity")
    hands.until(lambda: page.detail.button is not None)
    there = offered(hands)
    assert there["activity:chosen"] == "Undo the chosen action: Added 3 guests to Winter Dinner" and "redo" not in there
    deed(hands, "activity:chosen")
    hands.until(lambda: guest_rows(hands.desk, hands.dinner) == [])
    hands.until(lambda: page.detail.seen is not None and page.detail.seen.state == "undone" and page.detail.button is not None)
    there = offered(hands)
    assert there["activity:chosen"] == "Redo the chosen action: Added 3 guests to Winter Dinner" and there["redo"] == "Redo what was undone"
    hands.page("today")
    assert "activity:chosen" not in offered(hands)
    deed(hands, "redo")
    hands.until(lambda: len(guest_rows(hands.desk, hands.dinner)) == 3)
