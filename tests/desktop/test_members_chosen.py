"""Members who are chosen in the list: they stay so while the list changes, and a button stands only for those who are."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from alumni_desk.desktop import members_page
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.members.merging import merge_people


def choose(page: Any, *names: str) -> list[str]:
    """Choose these by name, with Ctrl as it were."""
    members = [one for one in page.table_model.ids() if page.table_model.line(one).row.name in names]
    page.list.clearSelection()
    for one in members:
        flags = page.list.selectionModel().SelectionFlag
        page.list.selectionModel().select(page.table_model.index(page.table_model.row_of(one), 0), flags.Select | flags.Rows)
    return members


@pytest.fixture
def page(hands: Any) -> Any:
    shown = hands.page("members")
    hands.until(lambda: shown.table_model.rowCount() == 3)
    hands.rest()
    return shown


def test_a_list_that_is_found_anew_has_no_button_for_those_chosen_before(hands: Any, page: Any) -> None:
    choose(page, "Ada Obi", "Li Chen")
    assert page.remove_button.isVisible() and page.merge_button.isVisible()
    page.search.setText("zolc")
    hands.rest()
    hands.until(lambda: page.table_model.rowCount() == 1)
    assert not page.selected() and not page.remove_button.isVisible() and not page.merge_button.isVisible()


def test_who_is_chosen_stays_so_while_others_come_and_go(hands: Any, page: Any) -> None:
    both = choose(page, "Ada Obi", "Łukasz Żółć")
    added = add_member(hands.desk, first_name="Aaron", last_name="Aardvark")
    page.changes.tell(added.changed)
    hands.until(lambda: page.table_model.rowCount() == 4)
    hands.rest()
    assert page.selected() == both and page.remove_button.isVisible() and page.foot.text() == "2 members chosen"
    page.changes.tell(remove_members(hands.desk, both[:1]).changed)
    hands.until(lambda: page.table_model.rowCount() == 3)
    hands.rest()
    assert page.selected() == both[1:] and not page.remove_button.isVisible()
    hands.until(lambda: page.panel.isVisible() and page.panel.shown_for() == both[1])


def test_in_a_narrow_window_nobody_is_opened_by_what_others_change(hands: Any, page: Any) -> None:
    hands.shell.resize(1024, 640)
    hands.until(lambda: not page._beside())
    page.list.setFocus()
    page._select(1)
    [chosen] = page.selected()
    hands.rest()
    assert page.list.isVisible() and not page.panel.isVisible()
    page.changes.tell(change_member(hands.desk, chosen, city="Bern").changed)
    hands.rest()
    page.changes.tell(new_gathering(hands.desk, name="Dinner", start="2031-06-01T18:00").changed)
    hands.rest()
    assert page.list.isVisible() and not page.panel.isVisible() and page.selected() == [chosen]
    page._enter()
    hands.until(page.panel.isVisible)
    page.changes.tell(change_member(hands.desk, chosen, first_name="Adele").changed)
    hands.until(lambda: any("Adele" in label.text() for label in page.panel.findChildren(QLabel)))


def test_a_member_who_comes_while_another_page_is_shown_has_their_place_in_a_narrow_window(hands: Any, page: Any) -> None:
    hands.shell.resize(1024, 640)
    hands.until(lambda: not page._beside())
    page.open(member=page.table_model.id_at(1))
    hands.page("gatherings")
    hands.rest()
    hands.page("members")
    hands.until(page.panel.isVisible)
    assert not page.left.isVisible() and page.back is not None
    assert page.first_focus().isVisible()  # where the keyboard begins, as after the window was unlocked
    page._to_find()
    assert page.left.isVisible() and not page.panel.isVisible() and page.search.hasFocus()


def test_enter_goes_to_the_first_of_what_was_typed_last(hands: Any, page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    go, real = threading.Event(), members_page.first_of

    def slow(*what: Any, **more: Any) -> Any:
        go.wait(30)
        return real(*what, **more)

    monkeypatch.setattr(members_page, "first_of", slow)
    QTest.keyClicks(page.search, "zolc")
    QTest.keyClick(page.search, Qt.Key.Key_Return)
    go.set()
    hands.rest()
    assert [page.table_model.line(one).row.name for one in page.selected()] == ["Łukasz Żółć"]
    assert page.list.hasFocus()


def test_the_arrow_goes_on_after_somebody_who_was_removed(hands: Any, page: Any) -> None:
    page.list.setFocus()
    page.list.selectRow(1)
    hands.rest()
    after = page.table_model.id_at(2)
    QTest.keyClick(page.list, Qt.Key.Key_Delete)
    hands.until(lambda: page.table_model.rowCount() == 2)
    hands.rest()
    assert not page.selected()
    QTest.keyClick(page.list, Qt.Key.Key_Down)
    assert page.selected() == [after]
    hands.rest()


def test_a_letter_typed_in_a_long_list_asks_for_no_lines(hands: Any, page: Any) -> None:
    page.table_model.set_ids([*page.table_model.ids(), *(f"x{number}" for number in range(20_000))])
    page.list.setFocus()
    hands.rest()
    asked: list[int] = []
    page.table_model.wanted.connect(asked.append)
    QTest.keyClick(page.list, Qt.Key.Key_L)
    assert [page.table_model.line(one).row.name for one in page.selected()] == ["Li Chen"]
    QTest.keyClick(page.list, Qt.Key.Key_Q)
    assert len(asked) < 3
    hands.rest()


def test_whoever_is_asked_for_by_an_entry_that_was_merged_is_shown_by_the_one_in_the_list(hands: Any, page: Any) -> None:
    one, other = (add_member(hands.desk, first_name="Zed", last_name=last).id for last in ("One", "Two"))
    merge_people(hands.desk, one, other)
    hands.until(lambda: page.table_model.rowCount() == 4)
    hands.rest()
    page.open(member=one)
    hands.until(lambda: page.panel.isVisible() and page.panel.shown_for() == other)
    hands.rest()
    assert page.selected() == [other] and page._chosen == other


def test_of_somebody_who_was_removed_and_is_asked_for_it_is_said(hands: Any, page: Any) -> None:
    [ada] = [one for one in page.table_model.ids() if page.table_model.line(one).row.name == "Ada Obi"]
    remove_members(hands.desk, [ada])
    page.open(member=ada)
    hands.until(lambda: "may have been removed" in hands.shell.toast.words.text())
    hands.rest()
    assert not page.selected() and not page.panel.isVisible()


def test_whoever_is_chosen_in_a_narrow_window_is_shown_once_there_is_room(hands: Any) -> None:
    hands.shell.resize(800, 640)
    page = hands.page("members")
    hands.until(lambda: not page._beside())
    page.list.selectRow(0)
    hands.rest()
    assert page.panel.isHidden() and page.left.isVisible()
    hands.shell.resize(1600, 900)
    hands.until(page.panel.isVisible)
    assert page.left.isVisible() and page.panel.shown_for() == page.selected()[0]
