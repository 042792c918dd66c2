"""Finding in the window: the list while somebody types, and Ctrl+K, by real keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from tests.conftest import PASSPHRASE

from alumni_desk.desktop.app import Room, build
from alumni_desk.desktop.controls import Field
from alumni_desk.desktop.deeds import Deeds
from alumni_desk.desktop.keys_ahead import KeysAhead
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.members_page import MembersPage
from alumni_desk.desktop.members_table import FIRST
from alumni_desk.desktop.palette import RECENT, Choice, Palette
from alumni_desk.desktop.wiring import help_files
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed

Wait = Callable[..., None]


@pytest.fixture
def room(desk: Desk, qtbot: Any) -> Iterator[Room]:
    """The window on a chapter with two hundred of one beginning, and a few others."""
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", [
            {"id": f"00000000-0000-7000-8000-{number:012d}", "standing": "member", "first_name": "Zoe", "last_name": f"Kowal{number:03d}"}
            for number in range(200)])
    for first, last in (("Jan", "Kowalski"), ("Łukasz", "Żółć"), ("Kow", "Li")):
        add_member(desk, first_name=first, last_name=last)
    new_gathering(desk, name="Winter Dinner", start="2026-12-12T18:30")
    made = build(desk, theme="light", deeds=Deeds(restore=lambda: None), help_files=help_files(), today=lambda: date(2026, 11, 10))
    made.shell.resize(1280, 800)
    made.shell.show()
    settle(made, qtbot.waitUntil)
    yield made
    settle(made, qtbot.waitUntil)
    made.close()
    made.shell.close()
    made.shell.deleteLater()


def settle(room: Room, wait: Wait) -> None:
    for _turn in range(3):
        wait(room.lanes.idle, timeout=15_000)
        QApplication.processEvents()


def members(room: Room, wait: Wait) -> MembersPage:
    room.shell.show_page("members")
    page = room.shell.page("members")
    assert isinstance(page, MembersPage)
    wait(lambda: page._counted, timeout=15_000)
    return page


def palette(room: Room, wait: Wait) -> Palette:
    room.shell.activateWindow()  # as a window manager does when a dialog has gone
    wait(room.shell.isActiveWindow, timeout=15_000)
    QTest.keyClick(room.shell, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    wait(lambda: any(isinstance(one, Palette) and one.isVisible() for one in QApplication.topLevelWidgets()), timeout=15_000)
    found = next(one for one in QApplication.topLevelWidgets() if isinstance(one, Palette) and one.isVisible())
    settle(room, wait)
    return found


def offered(it: Palette) -> list[str]:
    return [line if isinstance(line, str) else line.words for line in (it.lines.line(row) for row in range(it.lines.rowCount()))]


def typed(room: Room, it: Palette, text: str, wait: Wait) -> list[str]:
    it.field.clear()
    QTest.keyClicks(it.field, text)
    wait(lambda: it._known is not None and it._known.query == text, timeout=15_000)
    return offered(it)


def test_the_best_at_once_and_the_rest_behind_them(room: Room, qtbot: Any) -> None:
    page = members(room, qtbot.waitUntil)
    assert page.table_model.rowCount() == 203 and page.foot.text() == "203 members" and page.note == "203"
    QTest.keyClicks(page.search, "kow")
    qtbot.waitUntil(lambda: page._asked == "kow")
    first = page.table_model.ids()[:FIRST]
    assert page.table_model.rowCount() == FIRST and page.foot.text() == "The best 64 of those who fit “kow”"
    qtbot.waitUntil(lambda: page._counted)
    assert page.table_model.ids()[:FIRST] == first and page.table_model.rowCount() == 202 and page.foot.text() == "202 members fit “kow”"
    assert page.table_model.line(first[0]).row.name == "Kow Li"  # type: ignore[union-attr]  # the whole word
    assert len(set(page.table_model.ids())) == 202


def test_of_several_questions_the_last_is_answered(room: Room, qtbot: Any) -> None:
    page = members(room, qtbot.waitUntil)
    QTest.keyClicks(page.search, "kowalski")
    for _letter in "kowalski":
        QTest.keyClick(page.search, Qt.Key.Key_Backspace)
    QTest.keyClicks(page.search, "lukasz")
    qtbot.waitUntil(lambda: page._asked == "lukasz" and page._counted)
    settle(room, qtbot.waitUntil)
    assert page.table_model.rowCount() == 1 and page.foot.text() == "1 member fits “lukasz”"


def test_a_slip_is_forgiven_and_said(room: Room, qtbot: Any) -> None:
    page = members(room, qtbot.waitUntil)
    QTest.keyClicks(page.search, "jan kowlaski")
    qtbot.waitUntil(lambda: page._asked == "jan kowlaski" and page._counted)
    assert page.table_model.rowCount() == 1
    assert page.foot.text() == "Nobody fits “jan kowlaski” as it is spelled; 1 member comes close"


def test_a_change_elsewhere_moves_nothing_that_is_looked_at(room: Room, qtbot: Any) -> None:
    page = members(room, qtbot.waitUntil)
    page.list.verticalScrollBar().setValue(900)
    member = page.table_model.ids()[40]
    resets: list[int] = []
    page.table_model.modelReset.connect(lambda: resets.append(1))
    saved = change_member(room.desk, member, city="Oak Park")
    room.changes.tell(saved.changed)
    qtbot.waitUntil(lambda: page.table_model.line(member) is not None and page.table_model.line(member).row.city == "Oak Park")  # type: ignore[union-attr]
    settle(room, qtbot.waitUntil)
    assert resets == [] and page.list.verticalScrollBar().value() == 900


def test_somebody_far_down_the_list_is_shown_when_asked_for(room: Room, qtbot: Any) -> None:
    page = members(room, qtbot.waitUntil)
    last = page.table_model.ids()[-1]
    room.shell.show_page("members", member=last)
    qtbot.waitUntil(lambda: page.selected() == [last])
    settle(room, qtbot.waitUntil)
    assert page.panel.isVisible() and page.selected() == [last]


def test_everybody_removed_shows_the_empty_page(room: Room, qtbot: Any) -> None:
    page = members(room, qtbot.waitUntil)
    with room.desk.applying() as applying:
        applying.connection.exec_driver_sql("UPDATE person SET gone = 1")
    room.changes.tell(Changed({}))
    qtbot.waitUntil(lambda: not page.list.isVisible())


def test_ctrl_k_opens_a_person_by_keys_alone(room: Room, qtbot: Any) -> None:
    it = palette(room, qtbot.waitUntil)
    assert it.field.hasFocus() or it.focusWidget() is it.field
    lines = typed(room, it, "jan kow", qtbot.waitUntil)
    assert lines[:2] == ["People", "Jan Kowalski"]
    QTest.keyClick(it.field, Qt.Key.Key_Return)
    page = room.shell.page("members")
    assert isinstance(page, MembersPage)
    qtbot.waitUntil(lambda: room.shell.current() is page and len(page.selected()) == 1)
    settle(room, qtbot.waitUntil)
    assert page.table_model.line(page.selected()[0]).row.name == "Jan Kowalski"  # type: ignore[union-attr]


def test_enter_waits_for_what_was_typed_last(room: Room, qtbot: Any) -> None:
    it = palette(room, qtbot.waitUntil)
    QTest.keyClicks(it.field, "winter")
    QTest.keyClick(it.field, Qt.Key.Key_Return)  # nothing has been looked up yet
    qtbot.waitUntil(lambda: room.shell.current().name == "gatherings" and room.shell.current().title == "Winter Dinner")


def press(key: Qt.Key | str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """A key, to whatever has the keyboard."""
    window = QApplication.focusWindow()
    assert window is not None
    QTest.keyClick(window, key, modifier)  # type: ignore[call-overload]


@pytest.mark.parametrize("late", [True, False])
def test_what_is_typed_before_the_palette_stands_is_typed_into_it(room: Room, qtbot: Any, late: bool) -> None:
    room.later.stop()
    room.desk.set_setting(RECENT, ["page:restore", "settings:light"])
    room.shell.activateWindow()
    qtbot.waitUntil(room.shell.isActiveWindow, timeout=15_000)
    if not late:
        room._with_modules(room.shell.plan, lambda: None)
        qtbot.waitUntil(lambda: all(room.shell.is_made(name) for name in room.shell.plan), timeout=15_000)
    press(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    for letter in "dark":
        press(letter)
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: room.appearance.theme == "dark", timeout=15_000)
    settle(room, qtbot.waitUntil)
    assert room.shell.current().name == "settings" and not any(isinstance(one, Palette) and one.isVisible() for one in QApplication.topLevelWidgets())
    assert room.desk.setting(RECENT) == ["settings:dark", "page:restore", "settings:light"]
    room.shell.activateWindow()
    qtbot.waitUntil(room.shell.isActiveWindow, timeout=15_000)
    press(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)  # and the keys are free again
    qtbot.waitUntil(lambda: any(isinstance(one, Palette) and one.isVisible() for one in QApplication.topLevelWidgets()), timeout=15_000)
    press(Qt.Key.Key_Escape)
    room.appearance.set_theme("light")


def test_what_is_typed_before_the_palette_is_the_active_window_is_typed_into_it(qtbot: Any) -> None:
    """A system makes a window the active one in its own time; until then the keys still come to the one below it."""
    below, above = Field("Below", ""), Field("Above", "")
    for one in (above, below):
        qtbot.addWidget(one)
        one.show()
    below.activateWindow()
    qtbot.waitUntil(below.isActiveWindow, timeout=15_000)
    keys = KeysAhead(below)
    QTest.keyClick(below.windowHandle(), "a")
    keys.give(above)
    QTest.keyClick(below.windowHandle(), "b")
    assert above.text() == "ab"
    above.activateWindow()
    qtbot.waitUntil(above.isActiveWindow, timeout=15_000)
    above.setFocus()
    press("c")
    below.activateWindow()
    qtbot.waitUntil(below.isActiveWindow, timeout=15_000)
    below.setFocus()
    press("d")  # and the keys are free again
    assert above.text() == "abc" and below.text() == "d"


def test_a_lock_before_the_palette_stands_gets_the_keys(room: Room, qtbot: Any) -> None:
    room.later.stop()
    room.shell.activateWindow()
    qtbot.waitUntil(room.shell.isActiveWindow, timeout=15_000)
    press(Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    press("x")
    press(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert room.lock.locked and room.lock.page is not None and room.lock.page.entry is not None
    for letter in PASSPHRASE:
        press(letter)
    assert room.lock.page.entry.password.text() == PASSPHRASE
    press(Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not room.lock.locked, timeout=15_000)
    settle(room, qtbot.waitUntil)
    for one in QApplication.topLevelWidgets():
        if isinstance(one, Palette):
            one.reject()


def test_a_deed_is_done_on_its_page_and_remembered_without_a_name(room: Room, qtbot: Any) -> None:
    it = palette(room, qtbot.waitUntil)
    assert typed(room, it, "add a mem", qtbot.waitUntil)[:2] == ["Just so", "Add a member"]
    QTest.keyClick(it.field, Qt.Key.Key_Return)
    form = next(one for one in QApplication.topLevelWidgets() if isinstance(one, MemberForm) and one.isVisible())
    form.reject()
    settle(room, qtbot.waitUntil)
    assert room.shell.current().name == "members" and room.desk.setting(RECENT) == ["members:add"]
    it = palette(room, qtbot.waitUntil)
    assert offered(it)[:3] == ["Lately", "Add a member", "Go to"]
    typed(room, it, "lukasz", qtbot.waitUntil)
    QTest.keyClick(it.field, Qt.Key.Key_Return)
    settle(room, qtbot.waitUntil)
    kept = room.desk.setting(RECENT)
    assert kept[0].startswith("member:") and kept[1] == "members:add" and "ukasz" not in repr(kept)
    it = palette(room, qtbot.waitUntil)
    assert offered(it)[:3] == ["Lately", "Łukasz Żółć", "Add a member"]
    it.reject()


def test_to_lock_leaves_one_where_one_is(room: Room, qtbot: Any) -> None:
    members(room, qtbot.waitUntil)
    it = palette(room, qtbot.waitUntil)
    typed(room, it, "lock now", qtbot.waitUntil)
    QTest.keyClick(it.field, Qt.Key.Key_Return)
    settle(room, qtbot.waitUntil)
    assert room.lock.locked and room.shell.current().name == "members"
    assert [deed.keys for deed in room._everything() if deed.key == "settings:lock"] == ["Ctrl L"]


def test_what_cannot_be_done_now_is_not_offered(room: Room, qtbot: Any) -> None:
    it = palette(room, qtbot.waitUntil)
    lines = offered(it)
    it.reject()
    assert "Edit the chosen member" not in lines and "Sync now" not in lines and "Light colours" not in lines and "Back up now" not in lines
    assert {"Today", "Settings", "Add a member", "Plan a gathering", "Join with an invitation", "Dark colours", "Open the handbook"} <= set(lines)
    page = members(room, qtbot.waitUntil)
    page._to_list()
    settle(room, qtbot.waitUntil)
    it = palette(room, qtbot.waitUntil)
    assert "Edit the chosen member" in offered(it)
    it.reject()


def test_the_arrows_pass_over_headings_and_go_round(room: Room, qtbot: Any) -> None:
    it = palette(room, qtbot.waitUntil)
    rows = [row for row in range(it.lines.rowCount()) if isinstance(it.lines.line(row), Choice)]
    assert it.list.currentIndex().row() == rows[0]
    seen = []
    for _row in rows:
        QTest.keyClick(it.field, Qt.Key.Key_Down)
        seen.append(it.list.currentIndex().row())
    assert seen == [*rows[1:], rows[0]]
    QTest.keyClick(it.field, Qt.Key.Key_Up)
    assert it.list.currentIndex().row() == rows[-1]
    QTest.keyClick(it.field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not any(isinstance(one, Palette) and one.isVisible() for one in QApplication.topLevelWidgets()))


def test_people_spelled_nearly_so_come_last_and_nothing_says_so(room: Room, qtbot: Any) -> None:
    it = palette(room, qtbot.waitUntil)
    assert typed(room, it, "kowlaski", qtbot.waitUntil) == ["People spelled nearly so", "Jan Kowalski"]
    assert typed(room, it, "qqqqq", qtbot.waitUntil) == []
    assert it.nothing.isVisible() and "qqqqq" in it.nothing.text()
    QTest.keyClick(it.field, Qt.Key.Key_Return)
    assert it.isVisible()
    it.reject()


def test_the_button_in_the_header_opens_it_and_is_small_beside_a_find_field(room: Room, qtbot: Any) -> None:
    button: QWidget = room.shell.palette_button
    wide = button.width()
    members(room, qtbot.waitUntil)
    qtbot.waitUntil(lambda: button.width() < wide / 2)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: any(isinstance(one, Palette) and one.isVisible() for one in QApplication.topLevelWidgets()))
    settle(room, qtbot.waitUntil)
    next(one for one in QApplication.topLevelWidgets() if isinstance(one, Palette) and one.isVisible()).reject()


@pytest.mark.parametrize(("typed", "found"), [
    ("text size", "Text size"), ("bigger", "Text size"), ("theme", "Dark colours"), ("verify", "Check the whole database"),
    ("backup", "Choose the folder for backups"), ("checks database", "Check the whole database"),
    ("delete person", "Remove the chosen members"), ("print", "Badges"), ("lock", "Lock now"), ("undo", "Undo the last change"),
    ("csv", "Import members from a file"), ("password", "Password, recovery key and lock"), ("server", "Sync"), ("log", "Activity")])
def test_every_deed_is_found_by_the_words_people_type(room: Room, qtbot: Any, typed: str, found: str) -> None:
    page = members(room, qtbot.waitUntil)
    page._chosen = page._chosen or "somebody"
    from alumni_desk.desktop.palette import _fits, words
    assert found in [deed.words for deed in room._everything() if deed.can() and _fits(words(typed), f"{deed.words} {deed.also}")]
    page._chosen = None


@pytest.mark.parametrize(("typed_in", "found"), [("help", ["Open the handbook"]), ("back up", ["Back up now"]), ("Back up now", ["Back up now"]),
                                                 ("backup", ["Back up now", "Restore a backup"]),
                                                 ("backups", ["Back up now", "Restore a backup"])])
def test_help_is_the_handbook_and_to_back_up_is_offered_in_the_programs_own_window(desk: Desk, qtbot: Any, typed_in: str, found: list[str]) -> None:
    deeds = Deeds(back_up=lambda: None, restore=lambda: None)
    own = build(desk, theme="light", help_files=help_files(), deeds=deeds)
    own.shell.show()
    settle(own, qtbot.waitUntil)
    it = palette(own, qtbot.waitUntil)
    lines = typed(own, it, typed_in, qtbot.waitUntil)
    it.reject()
    settle(own, qtbot.waitUntil)
    own.close()
    own.shell.close()
    assert [one for one in lines if one not in ("Just so", "Do", "Choose the folder for backups", "Open a backup that lies elsewhere")] == found


def test_the_database_is_checked_from_settings(room: Room, qtbot: Any) -> None:
    deed = next(one for one in room._everything() if one.words == "Check the whole database")
    deed.act()
    page: Any = room.shell.current()
    assert page.name == "settings"
    qtbot.waitUntil(lambda: page._check_row.second.text().startswith("Everything is as it should be: 203 members"), timeout=15_000)
    assert page._check_button.isEnabled()


def test_restore_stands_under_settings(room: Room) -> None:
    room.shell.show_page("restore")
    assert room.shell.nav.currentIndex().data() == "Settings"


def test_sharing_is_found_once_there_is_a_chapter_to_share(room: Room) -> None:
    from alumni_desk.desktop.palette import _fits, words

    room._everything()
    page: Any = room.shell.page("sync")
    found = [deed for deed in page.deeds() if _fits(words("share laptops"), f"{deed.words} {deed.also}")]
    assert [deed.can() for deed in found if deed.words == "Share with laptops here"] == [False]


def test_how_many_there_are_follows_while_something_is_being_looked_for(room: Room, qtbot: Any) -> None:
    page = members(room, qtbot.waitUntil)
    QTest.keyClicks(page.search, "kowal00")
    qtbot.waitUntil(lambda: page._asked == "kowal00" and page._counted)
    assert page.table_model.rowCount() == 10 and page.note == "203"
    page.list.selectAll()
    page.remove()
    qtbot.waitUntil(lambda: page.note == "193", timeout=15_000)
    assert page.search.text() == "kowal00"
    room.undoing.undo()
    qtbot.waitUntil(lambda: page.note == "203", timeout=15_000)


def test_everything_is_offered_once_and_before_its_page_was_opened(room: Room, qtbot: Any) -> None:
    it = palette(room, qtbot.waitUntil)
    assert "Export members as a table" in typed(room, it, "export", qtbot.waitUntil)
    assert typed(room, it, "restore", qtbot.waitUntil).count("Restore a backup") == 1


def test_people_come_before_what_is_meant_by_a_word_that_nobody_sees(room: Room, qtbot: Any) -> None:
    add_member(room.desk, first_name="Zoë", last_name="Ng")
    it = palette(room, qtbot.waitUntil)
    found = typed(room, it, "zoo", qtbot.waitUntil)
    assert found[0].startswith("People") and found.index("Text size") > 1
    assert typed(room, it, "dark", qtbot.waitUntil)[1] == "Dark colours"
