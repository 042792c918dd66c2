"""The server tells another role, or a leader's laptop was without contact for too long, while a door is open: it survives, or ends in words."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog
from tests.desktop.conftest import Hands
from tests.desktop.test_at_door import at_door
from tests.desktop.test_sync_page import words

from alumni_desk.checkin.actions import walk_in
from alumni_desk.desktop.app import build
from alumni_desk.desktop.at_door import LOCKED, PAGES
from alumni_desk.desktop.door import DoorWindow
from alumni_desk.desktop.door_pin import DOOR_PIN
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.quitting_sheets import FormsSheet, SendingSheet
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.sound import Sounds
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.store import pin
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state

LATER = "2999-01-01T00:00:00+00:00"
PAST = "2026-01-01T00:00:00+00:00"


class Leading:
    """A leader's window with an open door, where a walk-in is half typed and somebody was let in."""

    def __init__(self, hands: Hands, door: DoorWindow, member: state.Membership, gatherings: tuple[str, str]) -> None:
        self.hands, self.door, self.member, self.gatherings = hands, door, member, gatherings
        self.wanted: list[int] = []
        hands.room.another_wanted.connect(lambda: self.wanted.append(1))

    def told(self, **what: Any) -> None:
        """What the server, or the clock, says of this laptop from now on."""
        with self.hands.desk.applying() as applying:
            state.keep(applying.connection, replace(self.member, **what))
        self.hands.room.bridge.look()
        self.hands.rest()

    def shown(self) -> set[str]:
        """The pages that the sidebar offers."""
        nav = self.hands.shell.nav
        return {entry.key for n, entry in enumerate(nav.rows.entries) if not nav.isRowHidden(n)}

    def front(self) -> None:
        """The window has the keyboard, and its keys are heard."""
        self.hands.shell.activateWindow()
        self.hands.until(self.hands.shell.isActiveWindow)

    def came(self) -> int:
        with self.hands.desk.reading() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM fact WHERE kind = 'in'").scalar_one())


@pytest.fixture
def leading(desk: Desk, hands_of: Callable[[Any], Hands]) -> Iterator[Leading]:
    gathering = new_gathering(desk, name="Winter Reception", start="2026-11-19T18:00").id
    other = new_gathering(desk, name="Spring Concert", start="2027-04-01T18:00").id
    add_guests(desk, gathering, [add_member(desk, first_name="Quirin", last_name="Abendroth").id])
    walk_in(desk, gathering, "Xaver Zwiebel", although_cancelled=True)
    member = replace(at_door(desk, "leader"), until=LATER)
    with desk.applying() as applying:
        state.keep(applying.connection, member)
    room = build(desk, theme="light")
    room.bridge.stop()  # it has nobody to sync with
    room.shell.resize(1280, 800)
    room.shell.show()
    hands = hands_of(room)
    hands.rest()
    hands.page("members")
    page = room.shell.page("checkin")
    page.sounds = Sounds(on=False)
    page.open(gathering=gathering)
    hands.until(lambda: page.door is not None and page.door.reading.column is not None)
    hands.rest()
    door = page.door
    QTest.keyClick(door.field, Qt.Key.Key_F2)
    door.form.name.setText("Greta Midway")
    door.form.contact.setText("greta@example.org")
    hands.rest()
    yield Leading(hands, door, member, (gathering, other))
    hands.rest()
    if page.door is not None:
        page.door.leaving.free = True
        page.door.close()
    hands.rest()
    room.close()
    room.shell.close()
    room.shell.deleteLater()


def code_of(leading: Leading) -> str:
    with leading.hands.desk.reading() as connection:
        return str(connection.exec_driver_sql("SELECT code FROM registration WHERE walk_in IS NOT 1 AND code IS NOT NULL LIMIT 1").scalar_one())


def test_without_contact_for_too_long_the_door_goes_on_without_names_and_the_next_contact_brings_all_back(leading: Leading) -> None:
    door, shell, hands = leading.door, leading.hands.shell, leading.hands
    everything, before = leading.shown(), leading.came()
    leading.told(until=PAST)
    assert leading.shown() == LOCKED and shell.current().name == "sync" and not shell.palette_button.isVisible() and hands.room.show_palette() is None
    QTest.keyClick(shell, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    hands.rest()
    assert shell.current().name == "sync" and "without contact" in words(shell)
    assert hands.room._door() is door and door.isVisible() and not leading.wanted
    assert "Zwiebel" not in words(door) and "Greta" not in words(door)
    assert "hidden until it has synced. Ctrl+L leads there." in words(door)
    if shots := os.environ.get("SHOTS"):
        for theme in ("light", "dark"):
            hands.room.appearance.set_theme(theme)
            hands.rest()
            shell.grab().save(f"{shots}/locked-{theme}.png")
            door.resize(1280, 800)
            door.grab().save(f"{shots}/door-locked-{theme}.png")
        hands.room.appearance.set_theme("light")
    QTest.keyClicks(door.field, code_of(leading))
    QTest.keyClick(door.field, Qt.Key.Key_Return)
    hands.until(lambda: leading.came() == before + 1)
    hands.until(lambda: door.state() == "verdict")
    assert not any(part in words(door) for part in ("Quirin", "Abendroth"))
    hands.room.lock.lock()  # and the lock of the window on top of that
    QTest.keyClick(door.field, Qt.Key.Key_Escape)
    assert "until somebody unlocks this laptop" in words(door)
    hands.room.lock.unlock()
    assert door.is_locked() and "until it has synced" in words(door)
    shell.close()
    asks = hands.dialog(FormsSheet)
    assert "Greta" not in words(asks)
    asks.reject()
    hands.until(lambda: not hands.open_dialogs(FormsSheet))
    leading.told(until=LATER)
    assert leading.shown() == everything and shell.palette_button.isVisible() and not leading.wanted
    hands.until(lambda: not door.is_locked())
    assert door.isVisible() and door.newcomer.typed() == ["Greta Midway, greta@example.org"]
    shell.show_page("members")
    assert shell.current().name == "members"


def test_a_locked_chapter_lets_the_window_close_over_the_door_when_somebody_says_so(leading: Leading) -> None:
    hands = leading.hands
    leading.told(until=PAST)
    hands.shell.close()
    hands.click(hands.dialog(FormsSheet).quit)
    hands.until(lambda: not hands.shell.isVisible())
    assert hands.room._door() is None


@pytest.mark.parametrize("locked", [False, True])
def test_a_form_over_the_window_is_put_away_when_the_chapter_is_locked_under_an_open_door(leading: Leading, locked: bool) -> None:
    hands = leading.hands
    hands.shell.current().add()
    form = hands.dialog(MemberForm)
    form._fields["first_name"].setText("Half a na")
    if locked:
        hands.room.lock.lock()
    leading.told(until=PAST)
    hands.room.lock.unlock()
    hands.rest()
    assert not hands.open_dialogs(QDialog)
    leading.told(until=LATER)
    assert hands.room.undoing.has_put_away(), "and can be brought back"
    hands.room.undoing.take_put_away()


def test_who_comes_to_the_door_of_the_same_gathering_goes_on_there_and_gets_the_other_window_after_it(leading: Leading) -> None:
    door = leading.door
    leading.told(role="door", gathering=leading.gatherings[0])
    assert leading.shown() == PAGES and leading.hands.shell.current().name in PAGES
    assert door.isVisible() and door.state() == "walk_in" and not door.is_locked() and not leading.wanted
    door.leaving.free = True
    door.close()
    leading.hands.until(lambda: leading.wanted)


def test_who_comes_to_another_door_is_told_so_and_can_copy_what_was_typed(leading: Leading) -> None:
    door = leading.door
    leading.told(role="door", gathering=leading.gatherings[1])
    assert door.isVisible() and door.state() == "over" and not leading.wanted
    said = words(door)
    assert "has the door of another gathering now" in said and "Greta Midway, greta@example.org" in said
    assert not any(part in said for part in ("Quirin", "Abendroth", "Xaver", "Zwiebel"))
    if shots := os.environ.get("SHOTS"):
        door.resize(1280, 800)
        door.grab().save(f"{shots}/door-elsewhere.png")
        leading.hands.shell.grab().save(f"{shots}/door-elsewhere-shell.png")
    leading.hands.click(door.over.copy)
    assert QApplication.clipboard().text() == "Greta Midway, greta@example.org"
    door.leaving.free = True
    door.close()
    leading.hands.until(lambda: leading.wanted)


def test_without_an_open_door_another_role_is_another_window_at_once(leading: Leading) -> None:
    leading.door.leaving.free = True
    leading.door.close()
    leading.hands.rest()
    leading.told(role="door", gathering=leading.gatherings[0])
    assert leading.wanted


def test_under_the_lock_of_the_chapter_nothing_brings_back_or_says_who_was_being_edited(leading: Leading) -> None:
    hands, shell = leading.hands, leading.hands.shell
    page = shell.current()
    with hands.desk.reading() as connection:
        member = str(connection.exec_driver_sql("SELECT id FROM person WHERE last_name = 'Abendroth'").scalar_one())
    page.done(change_member(hands.desk, member, city="Ypsilanti").changed, "Quirin Abendroth was saved")
    page.open(member=member)
    hands.rest()
    page.edit()
    hands.dialog(MemberForm)._fields["employer"].setText("Half an emp")
    leading.told(until=PAST)
    assert not hands.open_dialogs(QDialog) and not shell.toast.isVisible()
    leading.front()
    QTest.keyClick(shell, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    hands.rest()
    assert not hands.open_dialogs(MemberForm) and hands.room.undoing.has_put_away()
    page.said.emit("Quirin Abendroth was saved", None)  # it was under way when the chapter was locked
    hands.room.lock.lock()
    hands.room.lock.unlock()
    assert not shell.toast.isVisible() and "Abendroth" not in words(shell.toast)
    leading.told(until=LATER)
    assert shell.toast.isVisible() and "What was typed is not saved" in words(shell.toast)
    QTest.keyClick(shell, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    form = hands.dialog(MemberForm)
    assert form._fields["employer"].text() == "Half an emp"
    form.accept()


def test_in_a_locked_chapter_nothing_is_undone_and_no_name_is_said(leading: Leading) -> None:
    hands, shell = leading.hands, leading.hands.shell
    with hands.desk.reading() as connection:
        member = str(connection.exec_driver_sql("SELECT id FROM person WHERE last_name = 'Abendroth'").scalar_one())
    change_member(hands.desk, member, city="Ypsilanti")
    leading.told(until=PAST)
    leading.front()
    for keys in (Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier):
        QTest.keyClick(shell, Qt.Key.Key_Z, keys)
        hands.rest()
        assert not shell.toast.isVisible()
    with hands.desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT city FROM person WHERE id = ?", (member,)).scalar_one() == "Ypsilanti"


def test_the_palette_closes_when_the_chapter_is_locked_under_an_open_door(leading: Leading) -> None:
    hands = leading.hands
    palette = hands.room.show_palette()
    palette.field.setText("Abendroth")
    hands.rest()
    leading.told(until=PAST)
    assert not hands.open_dialogs(QDialog)


def test_a_form_that_is_being_saved_when_the_chapter_is_locked_goes_when_that_has_failed(leading: Leading) -> None:
    hands = leading.hands
    hands.shell.current().add()
    form = hands.dialog(MemberForm)
    form._fields["first_name"].setText("Half a na")
    form.set_busy("Saving …")
    leading.told(until=PAST)
    form.complain(ValueError("not now"))
    hands.until(lambda: not hands.open_dialogs(QDialog))
    hands.room.undoing.take_put_away()


def test_a_list_that_is_dropped_on_the_window_under_the_lock_of_the_chapter_is_answered(leading: Leading, tmp_path: Path) -> None:
    hands = leading.hands
    leading.told(until=PAST)
    file = tmp_path / "members.csv"
    file.write_text("First name,Last name\nAda,Obi\n", encoding="utf-8")
    hands.room.take_files([file])
    hands.rest()
    assert hands.shell.toast.isVisible()


@pytest.mark.parametrize("kept", ["", "2468"])
def test_the_way_from_a_locked_door_to_the_sync_leads_no_guest_past_the_pin(leading: Leading, kept: str) -> None:
    hands, door = leading.hands, leading.door
    if kept:
        hands.desk.set_setting(DOOR_PIN, pin.made(kept))
        door.leaving.read_pin()
        hands.until(lambda: door.leaving.pin)
    leading.told(until=PAST)
    door.activateWindow()
    hands.until(door.isActiveWindow)
    QTest.keyClick(door.field, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    hands.until(hands.shell.isActiveWindow)
    assert hands.room.lock.locked is bool(kept)
    hands.room.lock.unlock()
    assert door.is_locked() and hands.shell.current().name == "sync"
    leading.told(until=LATER)


def test_who_leads_again_while_a_door_is_open_finds_nobody_in_a_window_that_cannot_show_them(desk: Desk, hands_of: Callable[[Any], Hands]) -> None:
    gathering = new_gathering(desk, name="Winter Reception", start="2026-11-19T18:00").id
    member = replace(at_door(desk, "door"), until=LATER)
    with desk.applying() as applying:
        state.keep(applying.connection, member)
    room = build(desk, theme="light")
    room.bridge.stop()
    room.shell.show()
    hands = hands_of(room)
    hands.rest()
    page = room.shell.page("checkin")
    page.sounds = Sounds(on=False)
    page.open(gathering=gathering)
    hands.until(lambda: page.door is not None and page.door.reading.column is not None)
    hands.rest()
    leading = Leading(hands, page.door, member, (gathering, gathering))
    leading.told(role="leader", gathering=None)
    assert set(room.shell.plan) == PAGES and not leading.wanted
    assert not room.shell.palette_button.isVisible() and room.show_palette() is None
    page.door.close()
    hands.until(lambda: leading.wanted)
    hands.rest()
    room.close()
    room.shell.close()
    room.shell.deleteLater()


def test_the_question_before_closing_promises_no_key_under_the_lock_of_the_chapter(leading: Leading) -> None:
    hands = leading.hands
    leading.door.form.clear()
    hands.shell.current().add()
    hands.dialog(MemberForm)._fields["first_name"].setText("Half a na")
    leading.told(until=PAST)
    hands.shell.close()
    asks = hands.dialog(FormsSheet)
    assert "was closed without saving" in words(asks) and "Ctrl+Z" not in words(asks)
    asks.reject()
    leading.told(until=LATER)
    hands.room.undoing.take_put_away()


def test_who_is_closing_the_window_goes_on_with_that_when_the_chapter_is_locked(leading: Leading) -> None:
    hands = leading.hands
    leading.door.form.clear()
    add_member(hands.desk, first_name="Ada", last_name="Obi")
    hands.room.bridge.look()
    hands.rest()
    hands.shell.close()
    hands.dialog(SendingSheet)
    leading.told(until=PAST)
    left = [one for one in hands.open_dialogs(PlainSheet) if one.names_nobody]
    assert left, "it names nobody"
    left[0].reject()
