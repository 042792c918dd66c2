"""Undo and redo by key, toast and the Activity page."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from datetime import date, timedelta
from pathlib import Path
from time import time, tzset
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from alumni_desk.cli.main import run
from alumni_desk.desktop.activity_detail import SHOWN
from alumni_desk.desktop.activity_list import DEED
from alumni_desk.desktop.activity_page import AT_ONCE
from alumni_desk.desktop.activity_rows import lines_of, places, wrapped
from alumni_desk.desktop.activity_words import day_words, reason_of
from alumni_desk.desktop.app import build
from alumni_desk.desktop.deeds import second_line
from alumni_desk.desktop.fonts import metrics_of, px
from alumni_desk.desktop.widgets import Scroll
from alumni_desk.exchange.importing import run_import
from alumni_desk.gatherings.actions import add_guests, change_gathering, new_gathering, set_rsvp
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.members.lists import count_members, member, member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.values import is_id
from alumni_desk.segments.activity import Deed, deeds, grouped, past_values, written
from alumni_desk.segments.values import value_words
from alumni_desk.store import gone_back
from alumni_desk.store import undo as store_undo
from alumni_desk.store.writing import Changed


def press(hands: Any, keys: str) -> None:
    modifier = Qt.KeyboardModifier.ControlModifier
    if keys == "redo":
        modifier |= Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(hands.shell.current().first_focus() if hands.shell.current().name == "activity" else hands.shell, Qt.Key.Key_Z, modifier)


def test_ctrl_z_takes_the_newest_back_and_ctrl_shift_z_brings_it_again(hands: Any) -> None:
    page = hands.page("members")
    ana = member_rows(hands.desk)[0].id
    change_member(hands.desk, ana, city="Porto")
    page.list.setFocus()
    press(hands, "undo")
    hands.until(lambda: member(hands.desk, ana).fields["city"] is None)
    hands.until(lambda: "Undone" in hands.shell.toast.words.text())
    assert hands.shell.toast.keys.text() == "Ctrl Shift Z" and hands.shell.toast.keys.isVisible()
    press(hands, "redo")
    hands.until(lambda: member(hands.desk, ana).fields["city"] == "Porto")
    hands.until(lambda: "Done again" in hands.shell.toast.words.text())
    assert hands.shell.toast.keys.text() == "Ctrl Z"
    page.done(change_member(hands.desk, ana, city="Faro").changed, "Ana was changed")
    assert hands.shell.toast.keys.text() == "Ctrl Z" and hands.shell.toast.keys.isVisible()
    page.said.emit("Saved", None)
    assert not hands.shell.toast.keys.isVisible()


def test_ctrl_z_after_a_restore_says_that_it_stays_and_the_next_one_goes_on(hands: Any) -> None:
    page = hands.page("members")
    ana = member_rows(hands.desk)[0].id
    change_member(hands.desk, ana, city="Porto")
    with hands.desk.applying() as applying:
        gone_back.note(applying.connection, applying.now, gone_back.GoneBack("2026-11-01T09:00:00Z", "before.alumnidesk"))
    page.list.setFocus()
    press(hands, "undo")
    hands.until(lambda: "going back to a backup, which Undo does not take back" in hands.shell.toast.words.text())
    assert "Activity says where what was here before is kept. To undo what was done before that, choose it in Activity." in hands.shell.toast.words.text()
    assert member(hands.desk, ana).fields["city"] == "Porto"
    hands.rest()
    press(hands, "undo")
    hands.until(lambda: member(hands.desk, ana).fields["city"] is None)


def test_what_a_command_did_again_meanwhile_is_passed_over_by_ctrl_shift_z(hands: Any) -> None:
    page = hands.page("members")
    ana = member_rows(hands.desk)[0].id
    for city in ("Porto", "Faro", "Braga"):
        change_member(hands.desk, ana, city=city)
    page.list.setFocus()
    for city in ("Faro", "Porto", None):
        press(hands, "undo")
        hands.until(lambda city=city: member(hands.desk, ana).fields["city"] == city and not hands.room.undoing._busy)
    subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(hands.desk.profile.path), "redo"], check=True, capture_output=True)
    assert member(hands.desk, ana).fields["city"] == "Porto" and hands.shell.toast.keys.text() == "Ctrl Shift Z"
    press(hands, "redo")
    hands.until(lambda: "Done again" in hands.shell.toast.words.text())
    assert member(hands.desk, ana).fields["city"] == "Faro"
    hands.rest()
    # The link means this one action, and says so.
    newest = deeds(hands.desk)[1].id
    hands.room.undoing.redo(newest)
    hands.until(lambda: "was not undone" in hands.shell.toast.words.text())
    assert member(hands.desk, ana).fields["city"] == "Faro"


def test_what_others_changed_since_is_passed_over_by_the_next_ctrl_z(hands: Any) -> None:
    page = hands.page("members")
    ana, other = (row.id for row in member_rows(hands.desk)[:2])
    change_member(hands.desk, other, city="Oslo")
    change_member(hands.desk, ana, city="Porto")
    newest = deeds(hands.desk)[0]
    with hands.desk.applying() as applying:  # what a leader wrote elsewhere
        clocks = applying.connection.exec_driver_sql("SELECT clocks FROM person WHERE id = ?", (ana,)).scalar_one()
        later = {**unpack(clocks), "address": f"{round(time() * 1000) + 60_000:012x}-0000-aaaaaaaaaaaaaaaa"}
        applying.connection.exec_driver_sql("UPDATE person SET city = 'Faro', clocks = ? WHERE id = ?", (json.dumps(later), ana))
    page.list.setFocus()
    press(hands, "undo")
    hands.until(lambda: hands.shell.toast.isVisible() and "Not undone" in hands.shell.toast.words.text())
    assert newest.what in hands.shell.toast.words.text() and hands.shell.toast.keys.text() == "Ctrl Z"
    hands.rest()
    press(hands, "undo")
    hands.until(lambda: member(hands.desk, other).fields["city"] is None)
    assert member(hands.desk, ana).fields["city"] == "Faro"


def test_what_others_changed_since_is_passed_over_by_the_next_ctrl_shift_z(hands: Any) -> None:
    page = hands.page("members")
    ana = member_rows(hands.desk)[0].id
    for fields in ({"employer": "Acme"}, {"employer": "Hooli"}, {"notes": "Sings"}):
        change_member(hands.desk, ana, **fields)
    page.list.setFocus()
    for _turn in range(3):
        press(hands, "undo")
        hands.rest()
    hands.until(lambda: [one.state for one in deeds(hands.desk)[:3]] == ["undone"] * 3)
    with hands.desk.applying() as applying:  # what a leader wrote elsewhere
        clocks = applying.connection.exec_driver_sql("SELECT clocks FROM person WHERE id = ?", (ana,)).scalar_one()
        later = {**unpack(clocks), "employer": f"{round(time() * 1000) + 60_000:012x}-0000-aaaaaaaaaaaaaaaa"}
        applying.connection.exec_driver_sql("UPDATE person SET employer = 'Globex', clocks = ? WHERE id = ?", (json.dumps(later), ana))
    for action in (deeds(hands.desk)[2], deeds(hands.desk)[1]):
        hands.shell.toast.hide()  # nobody had looked at it for long
        press(hands, "redo")
        hands.until(lambda: hands.shell.toast.isVisible() and "Not done again" in hands.shell.toast.words.text())
        assert action.what in hands.shell.toast.words.text() and hands.shell.toast.keys.text() == "Ctrl Shift Z"
        hands.rest()
    assert hands.room.undoing.redoable()
    press(hands, "redo")
    hands.until(lambda: member(hands.desk, ana).fields["notes"] == "Sings")
    hands.until(lambda: hands.shell.toast.isVisible() and "Done again" in hands.shell.toast.words.text())
    assert member(hands.desk, ana).fields["employer"] == "Globex"


def test_a_long_undo_says_that_it_is_under_way(hands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    real = store_undo.undo

    def slow(*arguments: Any, **more: Any) -> Any:
        assert ended.wait(20)
        return real(*arguments, **more)

    monkeypatch.setattr(store_undo, "undo", slow)
    hands.page("members").list.setFocus()
    press(hands, "undo")
    hands.until(lambda: hands.shell.toast.isVisible() and hands.shell.toast.words.text() == "Undoing …")
    assert not hands.shell.toast.link.isVisible()
    ended.set()
    hands.until(lambda: "Undone" in hands.shell.toast.words.text())


def test_what_an_undo_left_stands_in_its_detail(hands: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the toast said it, and as long as it is so; and all that the action wrote can be read there."""
    known = {row.id for row in member_rows(hands.desk)}
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name\n" + "".join(f"P{n},Tester{n}\n" for n in range(50)))
    run_import(hands.desk, file)
    action = deeds(hands.desk)[0].id
    first = next(row for row in member_rows(hands.desk) if row.id not in known)
    change_member(hands.desk, first.id, city="Porto")
    hands.room.undoing.undo(action)
    hands.until(lambda: "Undone in part" in hands.shell.toast.words.text())
    sentence = f"{first.name} was left: the address changed here since."
    assert sentence in hands.shell.toast.words.text()
    page = hands.page("activity")
    page.list.setCurrentIndex(page.lines.index(page.lines.row_of(action), 0))
    hands.until(lambda: page.detail.seen is not None and page.detail.seen.id == action)
    hands.rest()
    words = [label.text() for label in page.detail.findChildren(QLabel)]
    assert any("Undone in part" in said and sentence in said for said in words)
    said = []
    while page.detail.rest is not None:
        said.append(page.detail.rest.text())
        rest = page.detail.rest
        rest.click()
        hands.until(lambda rest=rest: page.detail.rest is not rest)
    assert said == ["and 38 more", "and 14 more"]
    everybody = {f"\u2068P{n} Tester{n}\u2069" for n in range(50)}
    hands.until(lambda: everybody <= {label.text() for label in page.detail.findChildren(QLabel) if label.isVisibleTo(page.detail)})
    assert run(["--profile", str(hands.desk.profile.path), "activity", "--json"]) == 0
    told = next(one for one in json.loads(capsys.readouterr().out) if one["id"] == action)
    assert told["state"] == "undone" and [one["name"] for one in told["left"]] == [first.name]


@pytest.mark.parametrize("count", [2, 60])
def test_an_import_whose_members_are_all_invited_is_not_called_undone(hands: Any, tmp_path: Path, count: int) -> None:
    """Neither by Ctrl+Z nor in Activity, where a button that does nothing is not offered; said is who stays, and why."""
    known = {row.id for row in member_rows(hands.desk)}
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name\n" + "".join(f"P{n},Tester{n}\n" for n in range(count)))
    run_import(hands.desk, file)
    action = deeds(hands.desk)[0].id
    dinner = new_gathering(hands.desk, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00").id
    add_guests(hands.desk, dinner, [row.id for row in member_rows(hands.desk) if row.id not in known])
    page = hands.page("activity")
    page.list.setCurrentIndex(page.lines.index(page.lines.row_of(action), 0))
    hands.until(lambda: any("on the guest list of a gathering" in label.text() for label in page.detail.findChildren(QLabel)))
    assert page.detail.button is None and reason_of(page.lines.index(page.lines.row_of(action), 0).data(DEED))[0] == "Changed or in use since, so it stays"
    hands.room.undoing.undo(action)
    hands.until(lambda: hands.shell.toast.isVisible() and "Not undone" in hands.shell.toast.words.text())
    said = hands.shell.toast.words.text()
    assert "P0 Tester0" in said and "on the guest list of a gathering" in said and not said.startswith("Undone")


def test_redo_is_offered_only_where_something_comes_back(hands: Any) -> None:
    """In Activity and in the palette; where it is not, the row says why."""
    desk = hands.desk
    ana, other = (row.id for row in member_rows(desk)[:2])
    change_member(desk, ana, city="Porto")
    change_member(desk, other, city="Oslo")
    page = hands.page("activity")
    porto, oslo = deeds(desk)[1].id, deeds(desk)[0].id
    palette = hands.room.show_palette()
    hands.rest()
    offered = {deed.key for deed in palette._deeds}
    assert "undo" in offered and "redo" not in offered  # nothing was undone
    palette.reject()
    hands.room.undoing.undo(oslo)
    hands.room.undoing.undo(porto)
    hands.until(lambda: [one.state for one in deeds(desk)[:2]] == ["undone", "undone"])
    hands.rest()
    palette = hands.room.show_palette()
    hands.until(lambda: "redo" in {deed.key for deed in palette._deeds})
    palette.reject()
    change_member(desk, ana, city="Faro")
    remove_members(desk, [other])
    hands.room.changes.tell(Changed())
    why = {porto: "Changed or in use since, so it stays", oslo: "Off the list; bring that back first"}

    def said(action: str) -> str:
        row = page.lines.row_of(action)
        return reason_of(page.lines.index(row, 0).data(DEED))[0] if row >= 0 else ""

    hands.until(lambda: all(said(action) == words for action, words in why.items()))
    for action in why:
        page.list.setCurrentIndex(page.lines.index(page.lines.row_of(action), 0))
        hands.until(lambda action=action: any(label.text() == why[action] for label in page.detail.findChildren(QLabel) if label.isVisible()))
        hands.rest()
        assert page.detail.button is None
        page._turn(page.lines.index(page.lines.row_of(action), 0).data(DEED))
        hands.rest()
        assert [one.state for one in deeds(desk) if one.id == action] == ["undone"]
    palette = hands.room.show_palette()
    hands.rest()
    assert "redo" not in {deed.key for deed in palette._deeds}  # something was done after it
    palette.reject()


def test_nothing_to_undo_is_said(hands: Any) -> None:
    hands.page("gatherings")
    for _turn in range(3):
        press(hands, "undo")
        hands.rest()
    hands.until(lambda: count_members(hands.desk) == 0)
    press(hands, "undo")
    hands.until(lambda: "nothing to undo" in hands.shell.toast.words.text())


def test_the_list_says_what_was_done_and_undoes_from_there(hands: Any) -> None:
    ana = member_rows(hands.desk)[0]
    change_member(hands.desk, ana.id, email="ana@example.org")
    page = hands.page("activity")
    texts = [page.lines.index(row, 0).data() for row in range(page.lines.rowCount())]
    assert any("Changed the e-mail of" in text for text in texts) and any("Added" in text for text in texts)
    hands.until(lambda: page.detail.button is not None)
    hands.click(page.detail.button)
    hands.until(lambda: member(hands.desk, ana.id).fields["email"] is None)
    hands.until(lambda: deeds(hands.desk)[0].state == "undone" and page.lines.index(1, 0).data(DEED).state == "undone")
    row = page.list.visualRect(page.lines.index(1, 0))
    QTest.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=places(row.toRectF(), page.lines.index(1, 0).data(DEED)).button.center().toPoint())
    hands.until(lambda: member(hands.desk, ana.id).fields["email"] == "ana@example.org")


def test_the_details_say_days_answers_and_codes_in_words(hands: Any) -> None:
    """No day as a machine writes it, no code, no id, in Activity and in a member's History."""
    desk = hands.desk
    ana, other, *_rest = (row.id for row in member_rows(desk))
    change_member(desk, ana, birth_date="1976-03-04", solicit_codes="do_not_call", deceased="no")
    dinner = new_gathering(desk, name="Dinner", start="2030-01-12T19:00", end="2030-01-14T22:00", kind="talk").id
    change_gathering(desk, dinner, start="2030-01-13T18:30", kind="dinner", mode="online")
    add_guests(desk, dinner, [ana])
    set_rsvp(desk, dinner, [registration_id(dinner, ana)], "maybe")
    merge_people(desk, other, ana)
    found = {one.event: written(desk, one.id)[0] for one in reversed(deeds(desk, 20))}

    def now(event: str) -> dict[str, str]:
        return {one.field: one.now for one in found[event]}

    assert now("member_changed") == {"Date of birth": "4 March 1976", "Asked us": "No calls", "Deceased": "no"}
    assert now("gathering_changed") == {"Start": "13 January 2030, 18:30", "Kind": "Dinner", "In person or online": "Online"}
    assert {one.was for one in found["gathering_changed"] if one.field == "Start"} == {"12 January 2030, 19:00"}
    assert now("answers_noted")["Answer"] == "Maybe"
    assert re.fullmatch(r"1[12] November 2026, \d\d:30", value_words("registration", "answered_at", "2026-11-12T00:30:05.123Z"))  # by the clock here
    assert now("people_merged")["Merged into"].startswith("Li Chen")
    assert not any(is_id(one.was) or is_id(one.now) for values in found.values() for one in values)
    assert {"4 March 1976", "No calls"} <= {one.text for one in past_values(desk, "person", ana)}
    page = hands.page("activity")
    page.list.setCurrentIndex(page.lines.index(page.lines.row_of(next(one.id for one in deeds(desk) if one.event == "gathering_changed")), 0))
    hands.until(lambda: any("13 January 2030, 18:30" in label.text() for label in page.detail.findChildren(QLabel)))


def test_find_and_kind_narrow_the_list(hands: Any) -> None:
    page = hands.page("activity")
    QTest.keyClicks(page.search, "chen")
    hands.until(lambda: page.lines.rowCount() == 2)
    page.search.clear()
    page.kind.set_key("gatherings")
    page.kind.activated.emit(0)
    hands.until(lambda: page.lines.rowCount() == 0)


def test_find_looks_through_all_that_was_done(hands: Any, tmp_path: Path) -> None:
    """Not only through the lines that are loaded: an import behind more actions than those, by its file, by its kind, and not by what nothing holds."""
    ana = member_rows(hands.desk)[0].id
    file = tmp_path / "s.csv"
    file.write_text("First Name,Last Name\nPia,Tester\n")
    run_import(hands.desk, file)
    for n in range(AT_ONCE + 10):
        change_member(hands.desk, ana, city=f"Place {n}")
    page = hands.page("activity")
    hands.until(lambda: page.lines.rowCount() > AT_ONCE)
    QTest.keyClicks(page.search, "s.csv")
    hands.until(lambda: page.lines.rowCount() == 2)
    assert "s.csv" in page.lines.index(1, 0).data() and page.older.isHidden()
    QTest.keyClicks(page.search, "x")
    hands.until(lambda: any("Nothing here is like that" in label.text() for label in page.detail.findChildren(QLabel) if label.isVisible()))
    page.search.clear()
    hands.until(lambda: page.lines.rowCount() > AT_ONCE and page.older.isVisible())
    page.kind.set_key("import")
    page.kind.activated.emit(0)
    hands.until(lambda: page.lines.rowCount() == 2)
    page.kind.set_key("members")
    page.kind.activated.emit(0)
    hands.until(page.older.isVisible)
    lines = page.lines.rowCount()
    hands.click(page.older)
    hands.until(lambda: page.lines.rowCount() > lines)


def test_from_today_and_back(hands: Any) -> None:
    hands.page("gatherings")
    page = hands.page("activity")
    assert hands.shell.back.isVisible() and page.apart
    hands.click(hands.shell.back)
    hands.until(lambda: hands.shell.current().name == "gatherings")


@pytest.mark.parametrize("field", ["email", "city"])
def test_what_somebody_changed_since_is_named_before_undoing(hands: Any, field: str) -> None:
    ana = member_rows(hands.desk)[0].id
    change_member(hands.desk, ana, **{field: "one@example.org"})
    change_member(hands.desk, ana, **{field: "two@example.org"})
    page = hands.page("activity")
    older = next(row for row in range(page.lines.rowCount()) if (deed := page.lines.index(row, 0).data(DEED)) and deed.id == deeds(hands.desk)[1].id)
    page.list.setCurrentIndex(page.lines.index(older, 0))
    from alumni_desk.desktop.controls import Label

    def said() -> list[str]:
        return [label.text() for label in page.detail.findChildren(Label) if label.isVisible()]

    hands.until(lambda: any("would be left" in words for words in said()))
    assert "then" in said() and "now" not in said()  # what came then is not what is there now
    page.list.setCurrentIndex(page.lines.index(1, 0))
    hands.until(lambda: "now" in [label.text() for label in page.detail.findChildren(Label)])
    hands.room.undoing.undo(deeds(hands.desk)[0].id)
    hands.until(lambda: "then" in [label.text() for label in page.detail.findChildren(Label)])


def test_an_older_value_is_restored_from_the_history(hands: Any) -> None:
    ana = member_rows(hands.desk)[0].id
    change_member(hands.desk, ana, email="one@example.org", street="1 Elm Street", city="Boston")
    change_member(hands.desk, ana, email="two@example.org", city="Salem")
    page = hands.page("members", member=ana)
    hands.until(lambda: page.panel.isVisible())
    page.panel.tabs.setCurrentIndex(1)
    from alumni_desk.desktop.controls import Link

    def links() -> list[Any]:
        return [link for link in page.panel.findChildren(Link) if link.isVisible() and link.accessibleName() == "Restore one@example.org"]

    hands.until(links)
    hands.click(links()[0])
    hands.until(lambda: member(hands.desk, ana).fields["email"] == "one@example.org")
    hands.until(lambda: page.panel.tabs.currentIndex() == 1 and hands.shell.toast.isVisible())
    hands.rest()
    hands.click(hands.shell.toast.link)
    hands.until(lambda: member(hands.desk, ana).fields["email"] == "two@example.org")


def test_only_the_rows_that_changed_are_looked_up_again(hands: Any) -> None:
    page = hands.page("members")
    ana, other = (row.id for row in member_rows(hands.desk)[:2])
    hands.until(lambda: page.table_model.line(ana) is not None)
    before, drawn = page.table_model.line(other), []
    page.table_model.dataChanged.connect(lambda first, last: drawn.append((first.row(), last.row())))
    page.done(change_member(hands.desk, ana, city="Porto").changed, "")
    hands.until(lambda: page.table_model.line(ana).row.city == "Porto")
    assert drawn[0] == (page.table_model.row_of(ana),) * 2 and page.table_model.line(other) is not None and before is not None


def test_where_the_detail_takes_the_place_of_the_list_the_arrows_walk_the_list(hands: Any) -> None:
    hands.shell.resize(1024, 768)
    page = hands.page("members")
    page._to_list()
    hands.rest()
    QTest.keyClick(page.list, Qt.Key.Key_Down)
    hands.rest()
    assert page.left.isVisible() and not page.panel.isVisible()
    QTest.keyClick(page.list, Qt.Key.Key_Return)
    hands.until(page.panel.isVisible)
    assert not page.left.isVisible() and page.back is not None


@pytest.mark.parametrize("left", [False, True])
def test_where_the_detail_takes_the_place_of_the_list_keys_lead_back(hands: Any, left: bool) -> None:
    hands.shell.resize(1024, 768)
    hands.shell.activateWindow()
    hands.until(hands.shell.isActiveWindow)
    page = hands.page("members")

    def opened() -> None:
        page._to_list()
        hands.rest()
        QTest.keyClick(page.list, Qt.Key.Key_Return)
        hands.until(page.panel.isVisible)
        if left:
            hands.page("today")
            hands.shell._by_key("members")
            hands.rest()
        hands.until(lambda: page.panel.isVisible() and QApplication.focusWidget() is not None)

    opened()
    if left:
        page.panel.edit_button.setFocus()
        page.changes.tell(change_member(hands.desk, page._chosen, city="Porto").changed)
        hands.rest()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    assert page.list.isVisible() and page.list.hasFocus() and not page.panel.isVisible()
    opened()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.search.isVisible() and page.search.hasFocus() and not page.panel.isVisible()


def test_the_columns_are_as_wide_as_the_list(hands: Any) -> None:
    page = hands.page("members")
    width = page.list.viewport().width()
    assert sum(page.list.columnWidth(column) for column in range(4)) >= width - max(160, width // 4) - 8


def rows_of(page: Any) -> list[tuple[Any, Any]]:
    """Each action that is listed, and the height of its row."""
    indexes = [page.lines.index(row, 0) for row in range(page.lines.rowCount())]
    return [(index.data(DEED), page.list.visualRect(index).toRectF()) for index in indexes if index.data(DEED) is not None]


@pytest.mark.parametrize(("percent", "width"), [(100, 1280), (150, 1280), (100, 1024), (150, 1920)])
def test_no_name_and_no_reason_is_cut(desk: Any, hands_of: Any, percent: int, width: int) -> None:
    from alumni_desk.members.actions import add_member

    name = "María de los Ángeles Echeverría de Villanueva y Montemayor-Hohenzollern"
    person = add_member(desk, first_name=name, last_name="Rebecca", class_year="1992").id
    for email in ("one@example.org", "two@example.org"):
        change_member(desk, person, email=email)
    add_member(desk, first_name="Bo", last_name="Li")
    room = build(desk, theme="light", percent=percent)
    room.shell.resize(width, 800)
    room.shell.show()
    hands = hands_of(room)
    try:
        page = hands.page("activity")
        hands.until(lambda: any(reason_of(deed)[0] for deed, _row in rows_of(page)))
        short = next(row for deed, row in rows_of(page) if "Bo Li" in deed.what)
        assert short.height() == px(48)
        for deed, row in rows_of(page):
            at = places(row, deed)
            lines = lines_of(deed, at.sentence.width())
            assert "".join(text for line in lines for text, _role in line).split() == deed.what.split()
            why = wrapped(((reason_of(deed)[0], "small"),), at.why.width()) if reason_of(deed)[0] else []
            for part, its in ((at.sentence, lines), (at.why, why)):
                assert part.bottom() <= row.bottom() and part.height() == px(20) * len(its)
                assert all(sum(metrics_of(role).horizontalAdvance(text.rstrip()) for text, role in line) <= part.width() + 4 for line in its)
            parts = [part for part in (at.sentence, at.second, at.button, at.why, at.way) if not part.isEmpty()]
            assert not any(one.intersects(other) for n, one in enumerate(parts) for other in parts[n + 1:])
            assert all(row.left() <= part.left() and part.right() <= row.right() and part.bottom() <= row.bottom() for part in parts)
    finally:
        hands.rest()
        room.close()
        room.shell.close()
        room.shell.deleteLater()


def test_a_name_from_right_to_left_turns_no_sentence_around(desk: Any) -> None:
    from alumni_desk.members.actions import add_member

    add_member(desk, first_name="يوسف", last_name="كريمي", class_year="2003")
    assert deeds(desk)[0].what == "Added \u2068يوسف كريمي\u2069 ’03"


def test_a_day_of_another_year_has_its_year() -> None:
    today = date.today()
    assert day_words(today).startswith("Today, ") and str(today.year) not in day_words(today)
    assert day_words(date(2023, 11, 27)) == "Monday 27 November 2023"
    assert day_words(today - timedelta(days=1)).startswith("Yesterday, ")


def test_a_day_is_no_action(hands: Any) -> None:
    page = hands.page("activity")
    hands.until(lambda: page.detail.button is not None)
    shown, chosen = page.detail.button, page.list.currentIndex().row()
    assert page.lines.index(0, 0).data(DEED) is None and chosen > 0
    QTest.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=page.list.visualRect(page.lines.index(0, 0)).center())
    QTest.keyClick(page.list, Qt.Key.Key_Up)
    hands.rest()
    assert page.detail.button is shown and page.list.currentIndex().row() == chosen and page.list.selectionModel().selectedIndexes()


def test_an_import_names_everybody_that_there_is_room_for(hands: Any) -> None:
    file = hands.desk.profile.path.parent / "people.csv"
    file.write_text("First name,Last name,Email\n" + "".join(f"Ana{n},Silva,a{n}@example.org\n" for n in range(40)), "utf-8")
    run_import(hands.desk, file)
    page = hands.page("activity")
    hands.until(lambda: page.detail.button is not None)
    said = [label.text() for label in page.detail.findChildren(QLabel) if label.isVisibleTo(page.detail)]
    assert len([words for words in said if "Silva" in words]) == SHOWN and not any("Somebody" in words for words in said)
    assert page.detail.rest is not None and page.detail.rest.text() == f"and {40 - SHOWN} more"


def test_a_long_name_without_a_break_stays_inside_the_details(hands: Any) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorffwelchevoraltern"
    ana = member_rows(hands.desk)[0].id
    change_member(hands.desk, ana, last_name=f"Jónsdóttir-{long}", former_names=[long], employer=long)
    page = hands.page("activity")
    hands.until(lambda: page.detail.button is not None)
    assert page.detail.widget().width() <= page.detail.viewport().width()
    members = hands.page("members")
    members.open(member=ana)
    hands.rest()
    hands.until(lambda: members.panel.more_button.isVisible())
    for scroll in members.panel.findChildren(Scroll):
        if scroll.isVisible():
            assert scroll.widget().width() <= scroll.viewport().width()
    assert members.panel.more_button.mapTo(members.panel, members.panel.more_button.rect().topRight()).x() < members.panel.width()


def test_of_a_deed_whose_laptop_is_not_known_none_is_named(hands: Any) -> None:
    """What a backup of another laptop brought was done there, whose laptop had no name."""
    add_member(hands.desk, first_name="Ada")
    page = hands.page("activity")
    hands.rest()
    deed = deeds(hands.desk)[0]
    assert "Ada" in deed.what and deed.device is None and "laptop" not in second_line(deed)
    assert "this laptop" not in " ".join(label.text() for label in page.findChildren(QLabel))


def test_check_ins_of_two_laptops_at_one_door_are_a_line_each() -> None:
    found = [Deed(f"{n}", "checked_in", f"2026-11-12T12:0{9 - n}:00Z", who, laptop, "Checked in Ada Obi at Dinner", "", 1, "done", None, None, "dinner",
                  "Dinner", None, rows=(("fact", f"{n}", "", ""),))
             for n, (who, laptop) in enumerate([("Noor", None), ("Hana", "Hana’s laptop"), ("Noor", None), ("Hana", "Hana’s laptop"), ("Noor", None)])]
    assert [(one.id, one.who, one.what, len(one.rows)) for one in grouped(found)] == [
        ("0", "Noor", "Checked in 3 guests at Dinner", 3), ("1", "Hana", "Checked in 2 guests at Dinner", 2)]


@pytest.mark.skipif(os.name != "posix", reason="Windows knows one time zone for a process")
@pytest.mark.parametrize(("zone", "lines"), [("America/New_York", [3]), ("Asia/Tokyo", [3]), ("Europe/Berlin", [2, 1])])
def test_check_ins_of_one_evening_are_one_line_by_the_clock_of_the_place(monkeypatch: pytest.MonkeyPatch, zone: str, lines: list[int]) -> None:
    monkeypatch.setenv("TZ", zone)
    tzset()
    try:
        found = [Deed(at, "checked_in", at, None, None, "Checked in Ada Obi at Dinner", "", 1, "done", None, None, "dinner", "Dinner", None)
                 for at in ("2026-11-13T00:20:00Z", "2026-11-12T23:40:00Z", "2026-11-12T22:50:00Z")]
        assert [one.count for one in grouped(found)] == lines
    finally:
        monkeypatch.delenv("TZ")
        tzset()


def test_undo_that_is_clicked_twice_leaves_what_was_said_of_the_first(hands: Any) -> None:
    ana = member_rows(hands.desk)[0].id
    done = change_member(hands.desk, ana, city="Porto").changed.action
    for again in (False, True):
        turn = hands.room.undoing.redo if again else hands.room.undoing.undo
        for _click in range(3):
            turn(done)
        hands.rest()
        turn(done)
        hands.room.undoing._say_doing()  # it waited long for its turn
        hands.rest()
        assert member(hands.desk, ana).fields["city"] == ("Porto" if again else None)
        assert hands.shell.toast.link.isVisible() and hands.shell.toast.link.text() == ("Undo" if again else "Redo")
