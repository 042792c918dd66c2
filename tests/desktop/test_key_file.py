"""The key file is taken away while the window is open: it is put back, and that is said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import PASSPHRASE

from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store import removal
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile


def test_a_key_file_that_was_taken_away_is_put_back_and_that_is_said_once(hands: Any) -> None:
    hands.rest()
    file = hands.desk.profile.path / "desk.key"
    said = file.read_bytes()
    file.unlink()
    hands.room.keeping.look_at_key()
    hands.until(lambda: "was put back" in hands.shell.toast.words.text())
    assert file.read_bytes() == said and (os.name != "posix" or file.stat().st_mode & 0o077 == 0)
    hands.shell.toast.words.setText("")
    hands.room.keeping.look_at_key()
    hands.rest()
    assert not hands.shell.toast.words.text()


def test_the_locked_page_opens_though_the_key_file_was_taken_away(hands: Any) -> None:
    hands.rest()
    file = hands.desk.profile.path / "desk.key"
    hands.room.lock.lock()
    hands.rest()
    file.unlink()
    hands.room.lock.page.entry.given.emit(PASSPHRASE)
    hands.until(lambda: not hands.room.lock.locked)
    assert file.exists()
    hands.room.keeping.look_at_key()
    hands.until(lambda: "was put back" in hands.shell.toast.words.text())


def test_the_key_is_kept_as_the_last_command_left_it(desk: Desk) -> None:
    file = desk.profile.path / "desk.key"
    desk.key_file.look()
    newer = file.read_bytes().replace(b"{", b"{ ", 1)
    file.write_bytes(newer)
    desk.key_file.look()
    file.unlink()
    desk.key_file.look()
    assert file.exists() and desk.key_file.was_put_back() and not desk.key_file.was_put_back()


def test_it_is_put_back_as_the_desk_is_closed(profile: Profile) -> None:
    with open_desk(profile) as desk:
        add_member(desk, first_name="Ana", last_name="Lima")
        desk.key_file.look()
        (profile.path / "desk.key").unlink()
    with open_desk(profile) as desk:
        assert count_members(desk) == 1


def test_a_key_that_is_to_be_gone_stays_gone(profile: Profile) -> None:
    with open_desk(profile) as desk:
        desk.key_file.look()
        removal.begin(desk, "erased")
        (profile.path / "desk.key").unlink()
        desk.key_file.look()
        assert not (profile.path / "desk.key").exists() and not desk.key_file.was_put_back()
    assert not (profile.path / "desk.key").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no file that is always full")
def test_where_it_cannot_be_put_back_yet_that_is_said(hands: Any) -> None:
    hands.rest()
    file = hands.desk.profile.path / "desk.key"
    file.with_suffix(".key.part").symlink_to("/dev/full")
    file.unlink()
    hands.room.keeping.look_at_key()
    hands.until(lambda: "could not be put back" in hands.shell.toast.words.text())
    assert not file.exists()
    hands.room.keeping.look_at_key()  # there is room again
    hands.until(lambda: "was put back" in hands.shell.toast.words.text())
    assert file.exists()
