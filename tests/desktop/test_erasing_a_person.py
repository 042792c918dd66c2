"""Somebody is erased for good in the window: asked by a word that is typed, then gone from every screen and every backup made by itself."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from alumni_desk.desktop.erase_person_sheet import ErasePersonSheet
from alumni_desk.members.actions import change_member
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.segments.activity import deeds
from alumni_desk.store import backup


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


def test_erasing_is_found_by_the_palette_only_while_somebody_is_chosen(hands: Any) -> None:
    page = hands.page("members")
    page._chosen = None
    assert not next(deed for deed in page.deeds() if deed.key == "erase").can()
    hands.page("members", member=member_rows(hands.desk, "obi")[0].id)
    assert next(deed for deed in page.deeds() if deed.key == "erase").can()
