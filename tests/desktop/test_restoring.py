"""Backups in the window: made by themselves, looked at, gone back to; and a chapter that does not open is put right."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget
from tests.conftest import PASSPHRASE
from tests.store.test_keyring import Shelf

from alumni_desk.desktop import laptop_part, opening
from alumni_desk.desktop.activity_list import DEED
from alumni_desk.desktop.activity_words import reason_of
from alumni_desk.desktop.app import Room, Sitting, build
from alumni_desk.desktop.compared_sheet import ComparedSheet
from alumni_desk.desktop.deeds import Deeds
from alumni_desk.desktop.first_run import FirstRun
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.front import Front, WayIn
from alumni_desk.desktop.keeping import Keeping
from alumni_desk.desktop.pages import ErrorPage
from alumni_desk.desktop.password_sheet import PasswordSheet
from alumni_desk.desktop.restore_page import MEMBERS, WHEN, WHY, RestorePage, when_words
from alumni_desk.desktop.safekeeping import OtherChapterSheet
from alumni_desk.desktop.stuck_page import StuckPage
from alumni_desk.desktop.unlock import UnlockPage
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, backup_folders, erasing, keys, outbox
from alumni_desk.store.backup_head import Backup
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.recovery import recovery_key
from alumni_desk.store.troubles import database_damaged
from alumni_desk.sync.engine import Standing

NOW = datetime.now().astimezone()


def texts(widget: QWidget) -> str:
    """Everything that a part of the window says."""
    return " | ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


@pytest.fixture
def asked() -> list[Backup]:
    """Which backups the window was asked to go back to."""
    return []


@pytest.fixture
def room(desk: Desk, qtbot: Any, asked: list[Backup]) -> Iterator[Room]:
    """The window of a chapter with a member and three backups, the newest of them damaged."""
    add_member(desk, first_name="Ada", last_name="Obi")
    backup.by_itself(desk.profile, desk.key, "daily", now=NOW - timedelta(days=40))
    add_member(desk, first_name="Li", last_name="Chen")
    backup.by_itself(desk.profile, desk.key, "before_import", "people.csv", now=NOW - timedelta(days=2))
    harmed = backup.by_itself(desk.profile, desk.key, "daily", now=NOW - timedelta(days=1))
    content = bytearray(harmed.read_bytes())
    content[-5] ^= 1
    harmed.write_bytes(content)
    room = build(desk, theme="light", deeds=Deeds(restore=lambda: None, restore_it=asked.append))
    room.shell.show()
    yield room
    room.shell.close()
    room.shell.deleteLater()


@pytest.fixture
def until(qtbot: Any) -> Callable[[Callable[[], Any]], None]:
    """Lets the window work until something is so."""
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=15_000)


def test_the_page_tells_what_each_holds_and_which_is_damaged(room: Room, asked: list[Backup], until: Any) -> None:
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    until(lambda: page.table.rowCount() == 3)
    until(lambda: page.table.is_damaged(0))
    table = page.table
    assert [table.index(row, MEMBERS).data() for row in range(3)] == ["Damaged, cannot be used", "2", "1"]
    assert [table.index(row, WHY).data() for row in range(3)] == ["Daily", "Before import · people.csv", "Daily"]
    until(lambda: "Damaged" in texts(page.detail))
    assert not page.detail.button.isEnabled()
    page.list.setFocus()
    QTest.keyClick(page.list, Qt.Key.Key_Down)
    QTest.keyClick(page.list, Qt.Key.Key_Down)
    until(page.detail.button.isEnabled)
    said = texts(page.detail)
    assert "1 fewer" in said and "whole and readable" in said and "kept as a backup first" in said
    assert "is taken back" in said  # this laptop is alone
    QTest.mouseClick(page.detail.button, Qt.MouseButton.LeftButton)
    assert [one.members for one in asked] == [1]
    assert table.index(2, WHEN).data() == when_words(asked[0].at, NOW)


def test_a_backup_of_today_is_compared_with_now_by_its_time(room: Room, until: Any) -> None:
    at = datetime.now().astimezone()
    backup.by_itself(room.desk.profile, room.desk.key, "daily", now=at)
    add_member(room.desk, first_name="Tomás")
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    until(lambda: "Compared with now" in texts(page.detail))
    said = texts(page.detail).split(" | ")
    assert f"{at:%H:%M}" in said and "now" in said and "today" not in said
    page.detail.which.emit()
    until(lambda: any(one.isVisible() for one in page.findChildren(ComparedSheet)))
    sheet = next(one for one in page.findChildren(ComparedSheet) if one.isVisible())
    assert "Only now" in texts(sheet) and f"backup of {at:%H:%M}" in texts(sheet)
    sheet.accept()


@pytest.mark.parametrize("years", [-1, 5])
def test_a_backup_of_another_year_says_so_wherever_its_day_is_said(room: Room, until: Any, years: int) -> None:
    other = NOW.replace(month=6, day=15, year=NOW.year + years)
    backup.by_itself(room.desk.profile, room.desk.key, "before_import", "old.csv", now=other)
    add_member(room.desk, first_name="Bea", last_name="Blum")
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    until(lambda: page.table.rowCount() == 4)
    row = next(n for n, one in enumerate(page.table.rows) if one.note == "old.csv")
    page.list.selectRow(row)
    until(page.detail.button.isEnabled)
    year = str(other.year)
    assert f"15 June {year}" in page.detail.title.text() and page.detail.button.text() == f"Restore 15 June {year}"
    assert f"15 Jun {year}" in texts(page.detail) and year in page.table.index(row, WHEN).data()
    words = QFontMetricsF(font_of("strong")).horizontalAdvance(page.table.index(row, WHEN).data())
    assert words <= page.list.columnWidth(WHEN) - px(24), "it is not cut"
    page._compare()
    until(lambda: room.shell.findChildren(ComparedSheet))
    assert f"of 15 Jun {year}" in texts(room.shell.findChildren(ComparedSheet)[0])
    room.shell.findChildren(ComparedSheet)[0].accept()


@pytest.fixture
def beside(desk: Desk, tmp_path: Path) -> Path:
    """A folder into which two chapters put their backups: the other one, of two members, is there already."""
    folder = tmp_path / "both"
    with open_desk(Profile(tmp_path / "other")) as other:
        other.make_chapter("Lowell", "Northgate", "America/New_York")
        add_member(other, first_name="Eve", last_name="Elsewhere")
        backup_folders.choose_folder(other.profile, folder)
        backup.by_itself(other.profile, other.key, "daily")
    return folder


def test_backups_of_another_chapter_in_the_same_folder_are_told_apart_and_not_counted(desk: Desk, beside: Path, qtbot: Any, until: Any) -> None:
    erased = add_member(desk, first_name="Zed", last_name="Gone").id
    backup_folders.choose_folder(desk.profile, beside)
    room = build(desk, theme="light", deeds=Deeds(restore=lambda: None, restore_it=lambda one: None))
    room.shell.show()
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    words = "1 more there is of another chapter, or was made under a former key of this one."
    until(lambda: page.count.text() == "No backups yet")
    assert words in texts(page)
    backup.by_itself(desk.profile, desk.key, "daily")
    erasing.erase(desk, [erased], remake_backups=False)
    backup.by_itself(desk.profile, desk.key, "daily")
    page.refresh()
    until(lambda: page.count.text() == "1 backup")
    assert words in texts(page) and page.table.rowCount() == 2
    row = next(n for n, one in enumerate(page.table.rows) if not one.ours)
    assert page.table.index(row, WHY).data() == "Daily · of another chapter or key" and page.table.index(1 - row, WHY).data() == "Daily"
    page.list.selectRow(row)
    until(page.detail.button.isEnabled)
    said = texts(page.detail)
    assert "of another chapter, or made under a former key of this one" in said and "which chapter it is of" in said
    assert not [untrue for untrue in ("made elsewhere", "is taken back", "erased since", "Compared with today", "as many", "today |") if untrue in said]
    room.shell.show_page("settings", section="backup")
    page = room.shell.current()
    until(lambda: "1 is there, the newest" in page.backups.newest.second.text())
    assert words in page.backups.newest.second.text()
    assert laptop_part.what_is_here(desk).backups == 1
    room.shell.close()
    room.shell.deleteLater()


def test_a_backup_opened_from_elsewhere_and_deleted_since_is_off_the_list(room: Room, until: Any, tmp_path: Path) -> None:
    elsewhere = tmp_path / "stick.alumnidesk"
    backup.back_up(room.desk, elsewhere, passphrase="another three words")
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    page.open_file(elsewhere)
    until(lambda: page.count.text() == "3 backups" and page.table.rows[0].file == elsewhere)
    elsewhere.unlink()
    room.shell.show_page("settings")
    room.shell.show_page("restore")
    until(lambda: elsewhere not in {one.file for one in page.table.rows})
    assert page.count.text() == "3 backups"


def test_what_a_restore_would_carry_over_is_looked_up_anew_as_it_is_sent(room: Room, until: Any) -> None:
    room.shell.show_page("restore")
    until(lambda: room._last_standing is not None and room.lanes.idle())
    standing = room._last_standing
    assert standing is not None
    for waiting in (3, 0):
        room._stands(replace(standing, waiting=waiting))
        assert not room.lanes.idle()
        until(room.lanes.idle)
    room._stands(replace(standing, waiting=0))
    assert room.lanes.idle()


def test_one_that_lies_elsewhere_is_shown_first(room: Room, until: Any, tmp_path: Path) -> None:
    elsewhere = tmp_path / "stick.alumnidesk"
    backup.back_up(room.desk, elsewhere, passphrase="another three words")
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    until(lambda: page.table.rowCount() == 3)
    page.open_file(elsewhere)
    until(lambda: page.table.rowCount() == 4)
    assert page.table.rows[0].file == elsewhere and page.list.currentIndex().row() == 0
    page.open_file(Path(__file__))
    until(lambda: "not a backup" in room.shell.toast.accessibleName())


def test_the_backup_of_the_day_is_made_once(room: Room, until: Any) -> None:
    made: list[Path] = []
    room.keeping.made.connect(made.append)
    room.keeping.look()
    until(lambda: made)
    room.keeping.look()
    until(room.lanes.idle)
    assert len(made) == 1 and backup.is_whole(made[0])
    assert not backup.is_due(room.desk.profile, room.desk.key)


def test_every_page_is_read_after_each_opening_though_there_is_a_backup_of_today(
        room: Room, until: Any, caplog: pytest.LogCaptureFixture) -> None:
    room.later.stop()  # a page that is made meanwhile would read the database, too
    room.keeping.look()
    until(room.lanes.idle)
    raw = room.desk.raw()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    whole = room.desk.profile.database.read_bytes()
    worse = bytearray(whole)
    worse[-2_000] ^= 4
    room.desk.profile.database.write_bytes(worse)
    try:
        room.keeping.look()  # all of them were read since it was opened
        until(room.lanes.idle)
        assert not room.keeping.is_damaged and "cannot be read" not in texts(room.shell)
        again = Keeping(room.desk, room.lanes)
        again.look()
        until(lambda: again.is_damaged)
        again.stop()
    finally:
        room.desk.profile.database.write_bytes(whole)


@contextmanager
def harmed(desk: Desk) -> Iterator[None]:
    """One bit of the database is another one."""
    with closing(desk.raw()) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = desk.profile.database.read_bytes()
    worse = bytearray(whole)
    worse[-2_000] ^= 4
    desk.profile.database.write_bytes(worse)
    try:
        yield
    finally:
        desk.profile.database.write_bytes(whole)


def test_damage_stays_said_on_every_page_until_it_is_mended(room: Room, until: Any, caplog: pytest.LogCaptureFixture) -> None:
    room.keeping.look()
    until(room.lanes.idle)
    with harmed(room.desk):
        room.keeping._unsure = True
        room.keeping.look()
        until(lambda: "cannot be read" in texts(room.shell))
        for page in ("members", "today", "settings"):
            room.shell.show_page(page)
            until(room.lanes.idle)
            assert room.shell.damage.isVisible() and "Go back to a backup now" in room.shell.damage.words.text()
            assert room.shell.chip.accessibleName() == "Partly damaged"
        room.shell.show_page("settings", section="backup")
        assert texts(room.shell.current()).count("cannot be read") == 1
        room.bridge.standing.emit(Standing("synced", 0, None, "Saved here"))  # what the sync says of itself does not hide it
        assert room.shell.chip.accessibleName() == "Partly damaged"
        room.keeping.look()
        until(room.lanes.idle)
        assert room.shell.damage.isVisible()
    room.shell.damage.button.click()
    until(lambda: isinstance(room.shell.current(), RestorePage))
    room.keeping.look()
    until(lambda: not room.shell.damage.isVisible())
    until(lambda: "cannot be read" not in texts(room.shell))  # the page of the backups says anew what going back does
    assert room.shell.chip.accessibleName() == "Saved here"


def test_a_damaged_part_that_a_page_comes_upon_is_said_once_it_is_sure(room: Room, until: Any, caplog: pytest.LogCaptureFixture) -> None:
    def unreadable() -> None:
        raise database_damaged()

    room.keeping.look()
    until(room.lanes.idle)
    room.lanes.read(unreadable, failed=lambda error: None)
    until(room.lanes.idle)
    assert not room.keeping._unsure and not room.shell.damage.isVisible()  # it was another file's: all of the database can be read
    with harmed(room.desk):
        room.lanes.read(unreadable, failed=lambda error: None)
        until(room.shell.damage.isVisible)


@contextmanager
def unreadable(desk: Desk) -> Iterator[None]:
    """A bit of every page but the first is another one, and none of them is in memory any more."""
    with closing(desk.raw()) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = desk.profile.database.read_bytes()
    worse = bytearray(whole)
    for page in range(4096, len(worse), 4096):
        worse[page + 100] ^= 1
    desk.profile.database.write_bytes(worse)
    desk._readers.dispose()
    try:
        yield
    finally:
        desk.profile.database.write_bytes(whole)


def test_the_backups_are_listed_though_what_is_here_cannot_be_read(room: Room, asked: list[Backup], until: Any, caplog: pytest.LogCaptureFixture) -> None:
    room.keeping.look()
    until(room.lanes.idle)
    with unreadable(room.desk):
        room.shell.show_page("restore")
        page: Any = room.shell.current()
        until(lambda: page.table.rowCount() == 4)
        page.list.selectRow(next(n for n, one in enumerate(page.table.rows) if one.why == "before_import"))
        until(page.detail.button.isEnabled)
        until(room.shell.damage.isVisible)
        said = texts(page)
        assert "cannot be read any more" in said and "not opened" not in texts(room.shell)
        assert "today" not in said.lower() and "kept as a backup first" not in said and "is taken back" not in said and "stays beside" in said
        assert not page.now.isVisible() and "See who" not in said
        page.detail.button.click()
        assert [one.members for one in asked] == [2]
        assert "not opened" not in room.shell.toast.accessibleName()


def test_nothing_is_offered_while_the_list_is_read(room: Room, until: Any) -> None:
    free = Event()
    room.lanes.read(free.wait)  # the reading lane has something to do
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    QApplication.processEvents()
    try:
        assert not page.detail.button.isVisible() and not page.detail.activity.isVisible() and not texts(page.detail).strip(" |")
    finally:
        free.set()
    until(lambda: page.detail.button.isVisible() and page.detail.button.text().startswith("Restore"))


def test_another_folder_for_backups_and_one_that_was_taken_out(room: Room, until: Any, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    room.shell.show_page("settings", section="backup")
    page: Any = room.shell.current()
    page.backups.choose(stick)
    until(lambda: list(stick.glob("*.alumnidesk")))
    until(lambda: "Stick" in page.backups.place.second.text() or "stick" in page.backups.place.second.text())
    shutil.rmtree(stick)
    page.refresh()
    until(lambda: "is not there" in page.backups.place.second.text())
    assert backup.by_itself(room.desk.profile, room.desk.key, "daily").parent == backup_folders.own_folder(room.desk.profile)


def test_a_folder_that_takes_none_and_what_is_owed_there_stand_on_the_page(room: Room, until: Any, tmp_path: Path) -> None:
    stick, away = tmp_path / "stick", tmp_path / "away"
    profile = room.desk.profile
    backup_folders.choose_folder(profile, stick)
    backup.by_itself(profile, room.desk.key, "daily")
    stick.rename(away)
    stick.write_text("a file in its place")
    erasing.erase(room.desk, [add_member(room.desk, first_name="Zorah").id])
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    until(lambda: page.troubles.isVisible())
    assert f"{stick}, which was chosen for them, is not there or cannot be written" in texts(page.troubles)
    assert f"Backups in {stick} may still hold somebody who was erased" in texts(page.troubles)
    for label in page.troubles.findChildren(QLabel):
        assert not label.text() or label.height() >= label.heightForWidth(label.width())
    stick.unlink()
    away.rename(stick)
    erasing.catch_up(room.desk)
    page.refresh()
    until(lambda: not page.troubles.isVisible())


@pytest.fixture
def sitting(qapp: QApplication, profile: Profile) -> Iterator[Sitting]:
    """The whole program on a profile with a chapter of two, and a backup from when there was one."""
    with open_desk(profile) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        add_member(desk, first_name="Ada")
        backup.by_itself(profile, desk.key, "daily", now=NOW - timedelta(days=3))
        add_member(desk, first_name="Li")
    sitting = Sitting(qapp, profile, ways_of(profile), room_in)
    yield sitting
    sitting.close()
    qapp.setQuitOnLastWindowClosed(True)


def test_going_back_by_hand_and_forth_again(sitting: Sitting, profile: Profile, until: Any) -> None:
    sitting.begin()
    until(lambda: sitting.room is not None)
    for members in (1, 2):
        room = sitting.room
        assert room is not None
        room.shell.show_page("restore")
        page: Any = room.shell.current()
        until(lambda page=page: page.table.rowCount() > 0)
        row = next(n for n, one in enumerate(page.table.rows) if one.members == members)
        page.list.selectRow(row)
        until(page.detail.button.isEnabled)
        page.detail.button.click()
        until(lambda room=room: sitting.room is not None and sitting.room is not room)
        assert sitting.room is not None
        assert count_members(sitting.room.desk) == members
        assert "Back at" in sitting.room.shell.toast.accessibleName()
    shell = sitting.room.shell
    shell.show_page("activity")
    activity: Any = shell.current()
    until(lambda: activity.lines.rowCount() > 1 and activity.detail.findChildren(QLabel))
    deed = activity.lines.index(1, 0).data(DEED)
    assert deed.what.startswith("Went back to the backup of ") and reason_of(deed) == ("What was there is among the backups", "Backups")
    until(lambda: any(deed.kept in label.text().replace(chr(0x200B), "") for label in activity.detail.findChildren(QLabel)))
    button = next(one for one in activity.detail.findChildren(QAbstractButton) if one.text() == "Backups")
    button.click()
    assert shell.current().name == "restore"


def test_after_going_back_the_page_that_asks_for_the_password_says_what_was_done(sitting: Sitting, profile: Profile, until: Any,
                                                                                 monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    sitting.begin()
    until(lambda: sitting.room is not None)
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    sitting.leave_for(("Going back", "Kept first"), lambda job: "Back at Thu 26 Nov.")

    def pages() -> list[UnlockPage]:
        return [one for one in sitting.front.findChildren(UnlockPage) if one.isVisible()] if sitting.front is not None else []

    until(pages)
    assert "Back at Thu 26 Nov. Type this laptop’s own password to go on: the same as before" in texts(pages()[0])
    pages()[0]._given(PASSPHRASE)
    until(lambda: sitting.room is not None)
    assert sitting.room is not None and sitting.room.shell.toast.accessibleName() == "Back at Thu 26 Nov."


def test_damage_that_comes_while_it_is_open_is_left_by_the_line_that_says_it(
        sitting: Sitting, profile: Profile, until: Any, caplog: pytest.LogCaptureFixture) -> None:
    sitting.begin()
    until(lambda: sitting.room is not None)
    room = sitting.room
    assert room is not None
    until(room.lanes.idle)
    with unreadable(room.desk):
        room.keeping._unsure = True
        room.keeping.look()
        until(room.shell.damage.isVisible)
        room.shell.damage.button.click()
        page: Any = room.shell.current()
        until(lambda: isinstance(page, RestorePage) and page.table.rowCount() and page.detail.button.isEnabled())
        page.detail.button.click()
        until(lambda: sitting.room is not None and sitting.room is not room)
        assert sitting.room is not None and count_members(sitting.room.desk) == 2
        said = sitting.room.shell.toast.accessibleName()
        assert "carried over" in said and "desk-damaged-" in said
        damaged = next(profile.path.glob("desk-damaged-*.db"))
        new = profile.database.read_bytes()
    profile.database.write_bytes(new)
    assert damaged.stat().st_size


def stuck(sitting: Sitting, until: Any, without: object = None) -> StuckPage:
    """The page of a desk that does not open, another one than ``without``."""
    def pages() -> list[StuckPage]:
        front = sitting.front
        return [one for one in front.findChildren(StuckPage) if one.isVisible() and one is not without] if front is not None else []

    until(pages)
    return pages()[0]


def way(page: StuckPage, words: str) -> WayIn:
    """The way on that says so."""
    return next(one for one in page.ways if words in one.text())


def test_a_damaged_chapter_is_put_right_by_one_button(sitting: Sitting, profile: Profile, until: Any, caplog: pytest.LogCaptureFixture) -> None:
    profile.database.write_bytes(os.urandom(100_000))
    sitting.begin()
    page = stuck(sitting, until)
    assert "damaged" in texts(page) and page.first_focus() is way(page, "Put it right")
    assert way(page, "Restore the backup of").accessibleDescription() == "Daily · 1 member, 0 gatherings"
    way(page, "Put it right").click()
    until(lambda: sitting.room is not None)
    assert sitting.room is not None
    assert count_members(sitting.room.desk) == 2  # the second one from the outbox copy
    assert "carried over" in sitting.room.shell.toast.accessibleName()


@pytest.mark.parametrize("left", ["the key alone", "backups too"])
def test_where_the_key_alone_is_left_the_window_begins_nothing_anew_and_restores(left: str, sitting: Sitting, profile: Profile, until: Any, tmp_path: Path,
                                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    with open_desk(profile) as desk:
        stick = tmp_path / "stick.alumnidesk"
        backup.back_up(desk, stick)
    for file in profile.path.glob("desk.[!k]*"):
        file.unlink()
    if left == "the key alone":
        shutil.rmtree(profile.path / "backups")
    sitting.begin()
    page = stuck(sitting, until)
    assert "No new chapter was begun" in texts(page) and "nothing is replaced" in texts(page) and "stays beside" not in texts(page)
    if left == "the key alone":
        monkeypatch.setattr(opening.QFileDialog, "getOpenFileName", lambda *asked: (str(stick), ""))
        way(page, "Choose a backup file").click()
    else:
        way(page, "Restore the backup of").click()
    until(lambda: sitting.room is not None)
    assert sitting.room is not None and count_members(sitting.room.desk) == (2 if left == "the key alone" else 1)
    assert not list(profile.path.glob("desk-damaged-*"))


def harm(file: Path) -> None:
    """Change a byte in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_what_cannot_be_put_right_says_why_and_offers_a_file(sitting: Sitting, profile: Profile, until: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                             caplog: pytest.LogCaptureFixture) -> None:
    stick = tmp_path / "stick.alumnidesk"
    with open_desk(profile) as desk:
        backup.back_up(desk, stick)
        for one in backup_folders.everywhere(profile, desk.key):
            harm(one.file)
    (profile.path / outbox.NAME).unlink()
    profile.database.write_bytes(profile.database.read_bytes()[:9_000])
    sitting.begin()
    page = stuck(sitting, until)
    assert "that is damaged too is not offered" in texts(page) or "that are damaged too are not offered" in texts(page)
    way(page, "Put it right").click()
    page = stuck(sitting, until, page)
    assert "no whole backup" in texts(page) and not any("Put it right" in one.text() for one in page.ways)
    monkeypatch.setattr(opening.QFileDialog, "getOpenFileName", lambda *asked: (str(Path(__file__)), ""))
    way(page, "Choose a backup file").click()
    page = stuck(sitting, until, page)
    assert "not a backup" in texts(page)
    monkeypatch.setattr(opening.QFileDialog, "getOpenFileName", lambda *asked: (str(stick), ""))
    way(page, "Choose a backup file").click()
    until(lambda: sitting.room is not None)
    assert sitting.room is not None and count_members(sitting.room.desk) == 2


@pytest.mark.parametrize("content", [None, "{"])
def test_without_its_key_a_backup_from_the_list_opens_all_of_it(content: str | None, sitting: Sitting, profile: Profile, until: Any,
                                                                caplog: pytest.LogCaptureFixture) -> None:
    kept = (profile.path / "desk.key").read_bytes()
    (profile.path / "desk.key").unlink() if content is None else (profile.path / "desk.key").write_text(content)
    sitting.begin()
    page = stuck(sitting, until)
    assert "Restore a backup" in texts(page) and "if that opens, nothing is replaced" in texts(page)
    (profile.path / "desk.key").write_bytes(kept)
    (profile.path / "desk.key").rename(profile.path / "taken.key")
    way(page, "Try again").click()
    page = stuck(sitting, until, page)
    way(page, "Restore the backup of").click()
    until(lambda: sitting.room is not None)
    assert sitting.room is not None and count_members(sitting.room.desk) == 2
    assert "Nothing was lost" in sitting.room.shell.toast.accessibleName()
    assert not list(profile.path.glob("desk-damaged-*.db"))


def test_from_the_locked_page_to_a_backup_where_the_password_store_has_lost_the_key(
        sitting: Sitting, profile: Profile, until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    keys.keep_anew(profile.path, "desk", keys.database_key(profile.path, "desk", passphrase=PASSPHRASE), None)
    sitting.begin()
    until(lambda: sitting.room is not None)
    room = sitting.room
    assert room is not None
    shelf.kept.clear()
    room.lock.lock()
    until(lambda: not room.lock.page.locked.password)
    room.lock.page.store.click()
    until(lambda: room.lock.page.restore.isVisible())
    room.lock.page.restore.click()
    page = stuck(sitting, until)
    assert "does not have the key of the chapter any more" in texts(page)
    way(page, "Restore the backup of").click()

    def asks() -> list[UnlockPage]:
        return [one for one in sitting.front.findChildren(UnlockPage) if one.isVisible()] if sitting.front is not None else []

    until(asks)
    asks()[0]._given(PASSPHRASE)  # of the day when it was made
    until(lambda: sitting.room is not None)
    assert sitting.room is not None and count_members(sitting.room.desk) == 2
    assert "Nothing was lost" in sitting.room.shell.toast.accessibleName()


def test_what_is_typed_for_the_backup_opens_the_chapter_without_being_asked_again(sitting: Sitting, profile: Profile, until: Any,
                                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    (profile.path / "desk.key").unlink()
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    sitting.begin()
    way(stuck(sitting, until), "Restore the backup of").click()

    def pages() -> list[UnlockPage]:
        return [one for one in sitting.front.findChildren(UnlockPage) if one.isVisible()] if sitting.front is not None else []

    until(pages)
    assert "The password that the laptop which made it had on that day opens it." in texts(pages()[0])
    pages()[0]._given(PASSPHRASE)
    until(lambda: sitting.room is not None)
    assert sitting.room is not None and count_members(sitting.room.desk) == 2
    assert "Nothing was lost" in sitting.room.shell.toast.accessibleName()


@pytest.mark.parametrize("by", ["recovery key", "password"])
def test_on_another_computer_a_backup_is_locked_with_the_password_that_was_just_chosen_there(
        by: str, qapp: QApplication, desk: Desk, profile: Profile, until: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_member(desk, first_name="Ada")
    typed = recovery_key(desk) if by == "recovery key" else "the password of the copy"
    backup.back_up(desk, tmp_path / "away.alumnidesk", passphrase="the password of the copy")
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    new = Profile(tmp_path / "new")
    sitting = Sitting(qapp, new, ways_of(new), room_in)
    try:
        sitting.begin()

        def page(kind: type[QWidget], choose: bool = False) -> Any:
            found = sitting.front.findChildren(kind) if sitting.front is not None else []
            return next((one for one in found if one.isVisible() and getattr(one, "choose", False) == choose), None)

        until(lambda: page(UnlockPage, choose=True))
        page(UnlockPage, choose=True)._on_password("new machine 22")
        until(lambda: page(FirstRun))
        monkeypatch.setattr(opening.QFileDialog, "getOpenFileName", lambda *asked: (str(tmp_path / "away.alumnidesk"), ""))
        page(FirstRun).backup.emit()
        until(lambda: page(UnlockPage))
        page(UnlockPage)._given("not that one")
        until(lambda: "not the password of this backup" in texts(page(UnlockPage)))
        page(UnlockPage)._given(typed)
        until(lambda: sitting.room is not None)
        assert sitting.room is not None and count_members(sitting.room.desk) == 1
        assert "1 member" in sitting.room.shell.toast.accessibleName()
    finally:
        sitting.close()
        qapp.setQuitOnLastWindowClosed(True)
    with open_desk(new, passphrase="new machine 22") as opened:
        assert count_members(opened) == 1


@pytest.fixture
def by_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Shelf]:
    """A backup that the password store alone opens, of a chapter whose folder is lost; and the store."""
    shelf, lost = Shelf(), Profile(tmp_path / "lost")
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    with open_desk(lost) as desk:
        desk.make_chapter("Lagos", "Northgate", "Africa/Lagos")
        add_member(desk, first_name="Obi")
        made = backup.by_itself(lost, desk.key, "daily")
    made.replace(tmp_path / "stick.alumnidesk")
    shutil.rmtree(lost.path)
    return tmp_path / "stick.alumnidesk", shelf


def page_of(sitting: Sitting, kind: type[QWidget]) -> Any:
    """The page of this kind that is shown before there is a room, or None."""
    return next((one for one in sitting.front.findChildren(kind) if one.isVisible()), None) if sitting.front is not None else None


@pytest.mark.parametrize("has_it", [True, False])
def test_on_the_first_page_no_password_is_asked_for_where_there_is_none(
        has_it: bool, by_store: tuple[Path, Shelf], qapp: QApplication, until: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stick, shelf = by_store
    if not has_it:
        shelf.kept.clear()
    new = Profile(tmp_path / "new")
    sitting = Sitting(qapp, new, ways_of(new), room_in)

    page = partial(page_of, sitting)
    try:
        sitting.begin()
        until(lambda: page(FirstRun))
        monkeypatch.setattr(opening.QFileDialog, "getOpenFileName", lambda *asked: (str(stick), ""))
        page(FirstRun).backup.emit()
        until(lambda: sitting.room is not None or page(ErrorPage) or page(UnlockPage))
        if has_it:
            assert sitting.room is not None and count_members(sitting.room.desk) == 1
        else:
            assert "does not have its key" in texts(page(ErrorPage))
            page(ErrorPage).button.click()
            until(lambda: page(FirstRun))
    finally:
        sitting.close()
        qapp.setQuitOnLastWindowClosed(True)


@pytest.mark.parametrize("has_it", [True, False])
def test_beside_another_chapter_no_password_is_asked_for_where_there_is_none(
        has_it: bool, sitting: Sitting, by_store: tuple[Path, Shelf], until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stick, shelf = by_store
    if not has_it:
        shelf.kept.clear()
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", PASSPHRASE)
    sitting.begin()
    until(lambda: sitting.room is not None)
    room: Any = sitting.room
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    until(lambda: page.table.rowCount())
    page.open_file(stick)
    until(lambda: page.table.rows[0].file == stick and page.detail.button.isEnabled())
    assert "The password store of the computer that made it opens it" in texts(page.detail)
    page.detail.button.click()
    if has_it:
        until(lambda: [one for one in room.shell.findChildren(OtherChapterSheet) if one.isVisible()])
        next(one for one in room.shell.findChildren(OtherChapterSheet) if one.isVisible()).done_button.click()
        until(lambda: sitting.room is not None and sitting.room is not room)
        assert sitting.room is not None and "in place of" in sitting.room.shell.toast.accessibleName()
    else:
        until(lambda: "does not have its key" in room.shell.toast.accessibleName())
        assert not room.shell.findChildren(PasswordSheet)


def test_a_file_that_is_no_backup_is_not_asked_a_password_for(qapp: QApplication, until: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Profile(tmp_path / "new")
    picture = tmp_path / "a1.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    sitting = Sitting(qapp, new, ways_of(new), room_in)

    page = partial(page_of, sitting)
    try:
        sitting.begin()
        until(lambda: page(FirstRun))
        monkeypatch.setattr(opening.QFileDialog, "getOpenFileName", lambda *asked: (str(picture), ""))
        page(FirstRun).backup.emit()
        until(lambda: page(ErrorPage) or page(UnlockPage))
        assert page(UnlockPage) is None and "a1.png is not a backup of Alumni Desk" in texts(page(ErrorPage))
        page(ErrorPage).button.click()
        until(lambda: page(FirstRun))
    finally:
        sitting.close()
        qapp.setQuitOnLastWindowClosed(True)


def test_a_backup_of_another_chapter_is_asked_about_first(sitting: Sitting, profile: Profile, until: Any, tmp_path: Path) -> None:
    with open_desk(Profile(tmp_path / "other")) as other:
        other.make_chapter("Lagos", "Northgate", "Africa/Lagos")
        add_member(other, first_name="Obi")
        backup.back_up(other, tmp_path / "stick.alumnidesk", passphrase="another three words")
    sitting.begin()
    until(lambda: sitting.room is not None)
    room = sitting.room
    assert room is not None
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    until(lambda: page.table.rowCount())
    page.open_file(tmp_path / "stick.alumnidesk")
    until(lambda: page.table.rows[0].file == tmp_path / "stick.alumnidesk" and page.detail.button.isEnabled())
    for go_on in (False, True):
        page.detail.button.click()
        until(lambda: room.shell.findChildren(PasswordSheet))
        password = room.shell.findChildren(PasswordSheet)[-1]
        password.password.setText("another three words")
        password.done_clicked.emit()
        until(lambda: [one for one in room.shell.findChildren(OtherChapterSheet) if one.isVisible()])
        ask = next(one for one in room.shell.findChildren(OtherChapterSheet) if one.isVisible())
        assert "Lagos" in texts(ask) and "Boston" in texts(ask)
        if go_on:
            ask.done_button.click()
        else:
            ask.cancel.click()
            until(lambda: room.lanes.idle())
            assert sitting.room is room
    until(lambda: sitting.room is not None and sitting.room is not room)
    assert "in place of" in sitting.room.shell.toast.accessibleName()


def test_it_is_said_whose_password_is_asked_for_before_and_after_another_chapters_backup_is_restored(
        sitting: Sitting, profile: Profile, until: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_desk(Profile(tmp_path / "other")) as other:
        other.make_chapter("Lagos", "Northgate", "Africa/Lagos")
        backup.back_up(other, tmp_path / "stick.alumnidesk", passphrase="another three words")
    sitting.begin()
    until(lambda: sitting.room is not None)
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    room: Any = sitting.room
    room.shell.show_page("restore")
    page: Any = room.shell.current()
    until(lambda: page.table.rowCount())
    page.open_file(tmp_path / "stick.alumnidesk")
    until(lambda: page.table.rows[0].file == tmp_path / "stick.alumnidesk" and page.detail.button.isEnabled())
    page.detail.button.click()
    until(lambda: room.shell.findChildren(PasswordSheet))
    asks = room.shell.findChildren(PasswordSheet)[-1]
    assert "stick.alumnidesk\u2069 is locked. The password that the laptop which made it had on that day opens it" in texts(asks)
    asks.password.setText("another three words")
    asks.done_clicked.emit()
    until(lambda: [one for one in room.shell.findChildren(OtherChapterSheet) if one.isVisible()])
    next(one for one in room.shell.findChildren(OtherChapterSheet) if one.isVisible()).done_button.click()
    until(lambda: page_of(sitting, UnlockPage))
    said = texts(page_of(sitting, UnlockPage))
    assert "It is another chapter, \u2068Lagos\u2069, in place of \u2068Boston\u2069." in said
    assert "Type this laptop’s own password to go on: the same as before, whatever opened the backup." in said
    page_of(sitting, UnlockPage)._given(PASSPHRASE)
    until(lambda: sitting.room is not None and sitting.room is not room)


def test_while_it_is_being_opened_the_window_says_so(sitting: Sitting, profile: Profile, until: Any) -> None:
    free = Event()
    opened = sitting._ways.open

    def slowly(password: str | None) -> Desk:
        free.wait(15)
        return opened(password)

    sitting._ways = replace(sitting._ways, open=slowly)
    sitting.begin()
    try:
        until(lambda: sitting.front is not None and sitting.front.isVisible())
        assert sitting.front is not None and "Opening the chapter" in texts(sitting.front)
    finally:
        free.set()
    until(lambda: sitting.room is not None)


def test_the_password_field_has_the_keyboard_though_the_window_is_active_again_only_later(qtbot: Any, until: Any) -> None:
    """The dialog that asked for the file is still going when the page comes: the window is active again at any moment after that."""
    front, dialog = Front(100, lambda percent: None), QWidget()
    qtbot.addWidget(front)
    qtbot.addWidget(dialog)
    front.show_view(FirstRun("In your own folder", "You hold the key."))
    front.activateWindow()
    until(front.isActiveWindow)
    dialog.show()
    dialog.activateWindow()
    until(dialog.isActiveWindow)
    page = UnlockPage(lambda typed: None, why="The backup is locked.")
    front.show_view(page, lambda: None)
    assert page.isVisible() and front.focusWidget() is page.password, "at once: nothing has happened in between"
    dialog.close()
    front.activateWindow()
    until(front.isActiveWindow)
    assert QApplication.focusWidget() is page.password


def test_settings_say_which_password_opens_a_copy_of_everything(desk: Desk, qtbot: Any, until: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    room = build(desk, theme="light", deeds=Deeds(back_up=lambda: None))
    room.shell.show()
    for keeper, words in (("keyring", "a password that you choose for it"), ("passphrase", "the password that opens this chapter")):
        monkeypatch.setattr(keys, "keepers", lambda *args, keeper=keeper: frozenset({keeper}))
        room.shell.show_page("settings", section="backup")
        page: Any = room.shell.current()
        page.refresh()
        until(lambda page=page, words=words: words in texts(page))
    room.close()
    room.shell.close()
    room.shell.deleteLater()
