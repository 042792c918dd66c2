"""A command makes the chapter while the window asks which password is to lock it: the window goes on with that chapter."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from tests.conftest import PASSPHRASE
from tests.desktop.test_lock import words_of
from tests.store.test_keyring import Shelf

from alumni_desk.desktop.front import Front
from alumni_desk.desktop.opening import AGAIN_MS, Opening
from alumni_desk.desktop.unlock import UnlockPage
from alumni_desk.desktop.wiring import ways_of
from alumni_desk.schema import open_desk
from alumni_desk.store import keys
from alumni_desk.store.profile import Profile


@pytest.fixture
def beginning(qapp: QApplication, profile: Profile, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> Iterator[Any]:
    """The page that asks for a chapter password, before anything is there; and whom it led to."""
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    monkeypatch.setattr(keys, "_keyring", lambda: None)
    window, ready = Front(100, lambda percent: None), []
    opening = Opening(window, ways_of(profile), lambda desk, page, what: ready.append(desk))
    window.show()
    opening.begin()

    def shown() -> Any:
        return next((one for one in window.findChildren(UnlockPage) if one.isVisible()), None)

    def until(condition: Any) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=15_000)

    until(lambda: shown() is not None and shown().choose)
    yield SimpleNamespace(shown=shown, until=until, ready=ready, opening=opening, profile=profile)
    opening.close()
    for desk in ready:
        desk.close()
    window.close()
    window.deleteLater()


def made_by_a_command(profile: Profile) -> None:
    with open_desk(profile, passphrase=PASSPHRASE) as desk:
        desk.make_chapter("Boston")


def test_a_chapter_that_a_command_makes_is_seen_where_a_password_was_to_be_chosen(beginning: Any) -> None:
    beginning.shown().password.setText("words of this window")
    made_by_a_command(beginning.profile)
    beginning.until(lambda: not beginning.shown().choose)
    page = beginning.shown()
    assert "A command has made a chapter here meanwhile" in words_of(page)
    page.entry.password.setText(PASSPHRASE)
    QTest.mouseClick(page.entry.button, Qt.MouseButton.LeftButton)
    beginning.until(lambda: beginning.ready)
    assert beginning.ready[0].scope is not None


def test_a_password_chosen_a_moment_too_late_is_not_called_wrong(beginning: Any) -> None:
    page = beginning.shown()
    next(one for one in page.findChildren(QTimer) if one.isActive() and one.interval() == AGAIN_MS).stop()
    made_by_a_command(beginning.profile)
    for field in (page.password, page.again):
        field.setText("words of this window")
    QTest.mouseClick(page.button, Qt.MouseButton.LeftButton)
    beginning.until(lambda: not beginning.shown().choose)
    assert "A command has made a chapter here meanwhile" in words_of(beginning.shown())


def test_a_chapter_whose_key_the_password_store_got_meanwhile_opens_by_itself(beginning: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    with open_desk(beginning.profile) as desk:
        desk.make_chapter("Boston")
    beginning.until(lambda: beginning.ready)
    assert beginning.ready[0].scope is not None
