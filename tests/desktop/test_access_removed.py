"""A window whose laptop lost its access says so, at once and at every later start, and leads to a new beginning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from alumni_desk.desktop.app import Sitting
from alumni_desk.desktop.door_page import CheckInPage
from alumni_desk.desktop.first_run import FirstRun
from alumni_desk.desktop.invite_sheet import InviteSheet
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.members_page import MembersPage
from alumni_desk.desktop.pages import ErrorPage
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store import removal
from alumni_desk.store.backup import back_up
from alumni_desk.store.connecting import reader
from alumni_desk.store.driver import sqlcipher
from alumni_desk.store.profile import Profile

Until = Callable[[Callable[[], Any]], None]


def texts(widget: QWidget) -> str:
    """Everything that a part of the window says."""
    return " | ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


@pytest.fixture
def until(qtbot: Any) -> Until:
    """Lets the window work until something is so."""
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=15_000)


@pytest.fixture
def sitting(qapp: QApplication, profile: Profile) -> Iterator[Sitting]:
    """The whole program on a chapter of one."""
    with open_desk(profile) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        add_member(desk, first_name="Ada")
    sitting = Sitting(qapp, profile, ways_of(profile), room_in)
    yield sitting
    sitting.close()
    qapp.setQuitOnLastWindowClosed(True)


def error_page(sitting: Sitting) -> ErrorPage | None:
    """The page that says why nothing opens."""
    found = sitting.front.findChildren(ErrorPage) if sitting.front is not None else []
    return next((one for one in found if one.isVisible()), None)


def test_it_says_so_at_the_start_and_begins_anew(sitting: Sitting, profile: Profile, until: Until) -> None:
    with open_desk(profile) as desk:
        removal.begin(desk, "revoked")
    sitting.begin()
    until(lambda: error_page(sitting))
    page = error_page(sitting)
    assert page is not None and page.button is not None and "what it had not sent was handed to the chapter’s leaders" in texts(page)
    assert not profile.database.exists()
    page.button.click()
    until(lambda: sitting.front is not None and sitting.front.findChildren(FirstRun))
    assert removal.removed(profile) is not None, "until a beginning has worked"
    with pytest.raises(KnownError):
        open_desk(profile)
    opening = sitting.opening
    assert opening is not None
    opening._ways.start(opening._desk, "Boston", "Northgate", "Ada")  # type: ignore[arg-type]
    assert removal.removed(profile) is None


def test_a_removed_laptop_restores_no_backup_in_the_window(profile: Profile, tmp_path: Path) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        back_up(desk, tmp_path / "b.bak", passphrase="a password of its own")
        removal.begin(desk, "revoked")
    ways = ways_of(profile)
    assert ways.start_again is not None and ways.restore is not None
    ways.start_again()
    with pytest.raises(KnownError, match="join with it, then restore") as raised:
        ways.restore(str(tmp_path / "b.bak"), "a password of its own", None, None)
    assert raised.value.code == "access_removed" and not profile.database.exists()


def half_typed_member(room: Any, until: Until) -> None:
    """A member's form is open, with something typed into it."""
    room.shell.show_page("members")
    members = room.shell.current()
    assert isinstance(members, MembersPage)
    members.add({"first_name": "Half a na"})
    until(lambda: room.shell.findChildren(MemberForm))


@pytest.mark.parametrize("typing", [True, False])
def test_an_open_window_closes_the_chapter_and_says_why(sitting: Sitting, profile: Profile, until: Until, typing: bool) -> None:
    sitting.begin()
    until(lambda: sitting.room is not None)
    room = sitting.room
    assert room is not None
    if typing:
        half_typed_member(room, until)
    begun = removal.begin(room.desk, "handed_over")
    room.desk.shut(begun.error)
    removal.finish(profile)
    room.bridge._trouble(begun.error)
    until(lambda: sitting.room is None and error_page(sitting))
    page = error_page(sitting)
    assert page is not None and "handed over" in texts(page) and not profile.database.exists()
    assert ("what was typed into it was not saved, and is gone" in texts(page)) is typing


def test_after_a_hand_over_its_own_dialog_is_no_form_that_was_lost(sitting: Sitting, profile: Profile, until: Until) -> None:
    sitting.begin()
    until(lambda: sitting.room is not None)
    room = sitting.room
    assert room is not None
    sheet = InviteSheet(room.shell, [], "", leader_alone=True)
    sheet.open()
    until(sheet.isVisible)
    begun = removal.begin(room.desk, "handed_over")
    room.desk.shut(begun.error)
    removal.finish(profile)
    room.bridge._trouble(begun.error)
    until(lambda: sitting.room is None and error_page(sitting))
    page = error_page(sitting)
    assert page is not None and "handed over" in texts(page) and "not saved" not in texts(page)
    until(lambda: page.button is not None and page.button.hasFocus())


def test_a_command_beside_the_window_that_empties_the_laptop_is_noticed_without_a_network(sitting: Sitting, profile: Profile, until: Until) -> None:
    sitting.begin()
    until(lambda: sitting.room is not None)
    key = sitting.room.desk.key if sitting.room is not None else b""
    with open_desk(profile) as beside:
        begun = removal.begin(beside, "left")
        beside.shut(begun.error)
    removal.finish(profile)
    until(lambda: sitting.room is None and error_page(sitting))
    page = error_page(sitting)
    assert page is not None and "left the chapter" in texts(page)
    with pytest.raises(sqlcipher().Error):
        reader(profile.database, key)
    assert not list(profile.path.glob("desk.db*")), "and nobody makes an empty one"


@pytest.mark.parametrize("others", [0, 1])
def test_a_walk_in_that_is_half_typed_at_the_door_is_counted(sitting: Sitting, profile: Profile, until: Until, others: int) -> None:
    with open_desk(profile) as desk:
        dinner = new_gathering(desk, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00").id
    sitting.begin()
    until(lambda: sitting.room is not None)
    room = sitting.room
    assert room is not None
    if others:
        half_typed_member(room, until)
    room.shell.show_page("checkin", gathering=dinner)
    checkin = room.shell.current()
    assert isinstance(checkin, CheckInPage)
    until(lambda: checkin.gathering.key() == dinner)
    checkin.open_chosen()
    until(lambda: checkin.door is not None and checkin.door.reading.column is not None)
    assert checkin.door is not None and room.half_typed_at_door() == 0
    checkin.door.form.name.setText("Half a na")
    checkin.door.newcomer.begin("Another one")
    assert room.half_typed_at_door() == 2, "the one that waits, too"
    checkin.door.form.clear()
    begun = removal.begin(room.desk, "handed_over")
    room.desk.shut(begun.error)
    removal.finish(profile)
    room.bridge._trouble(begun.error)
    until(lambda: sitting.room is None and error_page(sitting))
    page = error_page(sitting)
    assert page is not None and ("2 forms were open" if others else "A form was open: what was typed into it was not saved, and is gone.") in texts(page)
