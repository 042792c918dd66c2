"""The window is made anew while it is locked: for another text size, or another role. It stays locked, and what waits behind it is not lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from tests.conftest import PASSPHRASE
from tests.desktop.test_at_door import at_door
from tests.desktop.test_lock import words_of
from tests.store.test_keyring import Shelf

from alumni_desk.desktop.app import Sitting
from alumni_desk.desktop.fonts import px, text_size
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.stuck_page import StuckPage
from alumni_desk.desktop.unlock import UnlockPage
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store import keys, recovery
from alumni_desk.store.backup import back_up
from alumni_desk.store.profile import Profile
from alumni_desk.sync import state

Until = Callable[[Callable[[], Any]], None]


@pytest.fixture
def until(qtbot: Any) -> Until:
    """Lets the window work until something is so."""
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=15_000)


@pytest.fixture
def sitting(qapp: QApplication, profile: Profile, until: Until) -> Iterator[Sitting]:
    """The whole program on a chapter of one, its list open."""
    with open_desk(profile) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        add_member(desk, first_name="Zsófia", last_name="Obi")
        recovery.recovery_key(desk)
        recovery.note_read_back(desk)
    qapp.setQuitOnLastWindowClosed(False)
    sitting = Sitting(qapp, profile, ways_of(profile), room_in)
    sitting.begin()
    until(lambda: sitting.room is not None and sitting.room.lanes.idle())
    assert sitting.room is not None
    sitting.room.shell.show_page("members")
    until(sitting.room.lanes.idle)
    yield sitting
    until(lambda: sitting.room is None or sitting.room.lanes.idle())
    sitting.appearance.set_percent(100)
    until(lambda: not sitting._size_waits)
    sitting.close()
    qapp.setQuitOnLastWindowClosed(True)


def choose_size(sitting: Sitting, percent: int, until: Until) -> None:
    """As somebody does at the top right of the locked page."""
    assert sitting.room is not None and sitting.room.lock.page is not None
    before = sitting.room.lock.page
    before.size_choice.set_key(str(percent))
    before.size_choice.activated.emit(before.size_choice.currentIndex())
    until(lambda: sitting.room is not None and sitting.room.lock.page is not before)


def unlock(sitting: Sitting, until: Until) -> None:
    assert sitting.room is not None and sitting.room.lock.page is not None and sitting.room.lock.page.entry is not None
    sitting.room.lock.page.entry.given.emit(PASSPHRASE)
    until(lambda: sitting.room is not None and not sitting.room.lock.locked)


def test_the_locked_page_takes_another_text_size_and_keeps_what_was_typed(sitting: Sitting, until: Until) -> None:
    assert sitting.room is not None
    room, lock = sitting.room, sitting.room.lock
    lock.lock()
    assert lock.page is not None and lock.page.entry is not None
    for _turn in range(3):
        lock.page.complain("That is not it.")
    QTest.keyClicks(lock.page.entry.password, "abc")
    lock.page.entry.password.setText("abc")
    waits = lock.page.entry.waits()
    choose_size(sitting, 150, until)
    assert text_size() == 150 and lock.page.entry.password.text() == "abc" and lock.page.entry.password.height() == px(40)
    assert lock.page.entry.waits() >= waits - 1 > 0 and not lock.page.entry.button.isEnabled()
    assert sitting.room is room and lock.locked and "Zsófia" not in words_of(room.shell)
    unlock(sitting, until)
    until(lambda: sitting.room is not None and sitting.room is not room)
    assert sitting.room is not None and sitting.room.shell.current().name == "members" and not sitting.room.lock.locked


def test_a_draft_is_not_lost_to_another_text_size(sitting: Sitting, until: Until) -> None:
    assert sitting.room is not None
    room = sitting.room
    page: Any = room.shell.current()
    page.add()
    until(lambda: any(isinstance(one, MemberForm) and one.isVisible() for one in QApplication.allWidgets()))
    form = next(one for one in QApplication.allWidgets() if isinstance(one, MemberForm) and one.isVisible())
    field: Any = form._fields["first_name"]
    field.setText("Half a na")
    room.lock.lock()
    choose_size(sitting, 125, until)
    unlock(sitting, until)
    until(form.isVisible)
    until(room.lanes.idle)
    assert field.text() == "Half a na" and sitting.room is room
    form.reject()
    until(lambda: sitting.room is not None and sitting.room is not room)


def test_a_window_that_is_made_anew_for_another_role_stays_locked(sitting: Sitting, until: Until) -> None:
    assert sitting.room is not None
    room = sitting.room
    room.lock.lock("idle")
    assert room.lock.page is not None
    said = room.lock.page.locked
    room.another_wanted.emit()
    until(lambda: sitting.room is not None and sitting.room is not room)
    assert sitting.room.lock.locked and sitting.room.lock.page is not None and sitting.room.lock.page.locked == said
    until(sitting.room.lanes.idle)
    assert "Zsófia" not in words_of(sitting.room.shell) and sitting.room.shell.windowTitle() == "Locked · Alumni Desk"
    unlock(sitting, until)
    assert sitting.room is not None and sitting.room.shell.current().isVisible()


def test_a_chapter_with_a_password_whose_store_has_lost_the_key_leads_from_the_locked_page_to_the_backups(
        sitting: Sitting, profile: Profile, until: Until, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    assert sitting.room is not None
    room, lock = sitting.room, sitting.room.lock
    (profile.path / "backups").mkdir(exist_ok=True)
    back_up(room.desk, profile.path / "backups" / "whole.alumnidesk")
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    keys.keep_in_keyring(profile.path, "desk", room.desk.key, on=True)
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    shelf.kept.clear()
    lock.lock()
    until(lambda: lock.page is not None and lock.page.locked.keyring and lock.page.locked.password)
    assert lock.page is not None
    lock.page.store.click()
    until(lambda: lock.page is not None and lock.page.restore.isVisible())
    lock.page.restore.click()

    def shown(kind: type[Any]) -> Any:
        return next((one for one in QApplication.allWidgets() if isinstance(one, kind) and one.isVisible()), None)

    until(lambda: shown(UnlockPage))
    page = shown(UnlockPage)
    assert page.backup is not None and "Zsófia" not in words_of(page.window())
    page.backup.click()
    until(lambda: shown(StuckPage))
    assert any(way.text().startswith("Restore the backup of") for way in shown(StuckPage).ways)
    next(way for way in shown(StuckPage).ways if way.text() == "Try again").click()
    until(lambda: shown(UnlockPage) not in (None, page))
    page = shown(UnlockPage)
    QTest.keyClicks(page.entry.password, PASSPHRASE)
    page.entry.button.click()
    until(lambda: sitting.room not in (None, room))
    assert sitting.room is not None and not sitting.room.lock.locked


@pytest.mark.parametrize("size", [100, 150])
def test_what_ended_while_it_was_locked_is_said_afterwards_with_its_undo_also_in_a_window_made_anew(sitting: Sitting, until: Until, size: int) -> None:
    room = sitting.room
    assert room is not None
    page: Any = room.shell.current()
    room.lock.lock()
    if size != 100:
        choose_size(sitting, size, until)
    done = add_member(room.desk, first_name="Zsa", last_name="Late")
    page.done(done.changed, "1 member added")
    room.shell.say("No backup could be made.")
    assert "Late" not in words_of(room.shell) and "1 member added" not in words_of(room.shell)
    unlock(sitting, until)
    until(lambda: not sitting._size_waits)
    shell = sitting.room.shell if sitting.room is not None else room.shell
    assert (shell is room.shell) == (size == 100)
    until(lambda: shell.toast.isVisible())
    assert shell.toast.words.text() == "1 member added. No backup could be made." and shell.toast.link.text() == "Undo"
    shell.toast.link.click()
    until(lambda: count_members(sitting.room.desk) == 1 if sitting.room is not None else False)


def test_since_when_there_is_no_internet_goes_on_in_the_window_made_anew(sitting: Sitting, until: Until) -> None:
    """At the door the line said that the internet had gone when the text size was changed."""
    before = sitting.room
    assert before is not None
    member = replace(at_door(before.desk, role="leader"), until=None)  # with a server that does not answer
    with before.desk.applying() as applying:
        state.keep(applying.connection, member)
    before.bridge.look()
    until(lambda: before.bridge.joined)
    before.bridge.sync_now()
    until(lambda: before.bridge.silent_since is not None and not before.bridge.busy)
    since = datetime.now(UTC) - timedelta(hours=2)
    before.bridge.silent_since = since
    sitting.appearance.set_percent(125)
    until(lambda: sitting.room is not None and sitting.room is not before and sitting.room.bridge.joined)
    room = sitting.room
    assert room is not None and room.bridge.silent_since == since
    room.bridge.sync_now()
    until(lambda: not room.bridge.busy)
    assert room.bridge.silent_since == since
    with room.desk.applying() as applying:  # a backup of before it had a server
        applying.connection.exec_driver_sql("DELETE FROM sync_state")
    room.bridge.look()
    until(lambda: not room.bridge.joined)
    assert room.bridge.silent_since is None
