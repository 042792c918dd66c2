"""Nothing of the database or of the key's file is read or written on the screen's own thread: on a slow disk the window would stand still."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from tests.conftest import PASSPHRASE

from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.store import keys
from alumni_desk.store.desk import Desk


@pytest.fixture
def on_screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Where the screen's thread asked the disk for something."""
    found: list[str] = []

    def noting(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def noted(*given: Any, **named: Any) -> Any:
            if threading.current_thread() is threading.main_thread():
                ours = [one for one in traceback.extract_stack() if "alumni_desk/desktop" in one.filename]
                found.append(" < ".join([name, *(f"{one.filename.rpartition('/')[2]}:{one.name}" for one in reversed(ours[-4:]))]))
            return real(*given, **named)

        monkeypatch.setattr(owner, name, noted)

    for owner, names in ((Desk, ("asking", "reading", "writing", "applying", "setting", "set_setting")), (keys, ("_read",))):
        for name in names:
            noting(owner, name)
    yield found


def test_no_page_and_no_lock_waits_for_the_disk(hands: Any, on_screen: list[str]) -> None:
    ana = member_rows(hands.desk)[0].id
    gathering = new_gathering(hands.desk, name="Reception", start="2099-11-12T18:30").id
    add_guests(hands.desk, gathering, [ana])
    change_member(hands.desk, ana, city="Porto")
    on_screen.clear()
    for name in hands.shell.plan:
        hands.shell.show_page(name)
        hands.rest()
    assert on_screen == []
    for section in ("general", "security", "about"):
        hands.shell.show_page("settings", section=section)
        hands.rest()
    hands.shell.show_page("members", member=ana)
    hands.rest()
    hands.shell.show_page("gatherings", gathering=gathering)
    hands.rest()
    hands.room._palette_wanted()
    hands.rest()
    assert on_screen == []
    hands.room.lock.lock()
    assert on_screen == []
    hands.room.lock.page.entry.given.emit(PASSPHRASE)
    hands.until(lambda: not hands.room.lock.locked)
    hands.room.undoing.undo()
    hands.rest()
    assert on_screen == []
    page = hands.page("checkin")
    page.open(gathering=gathering)
    hands.until(lambda: page.door is not None)
    hands.rest()
    page.door.close()
    hands.rest()
    assert on_screen == []
