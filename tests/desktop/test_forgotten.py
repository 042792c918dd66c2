"""A forgotten password where there is no recovery key: what remains is said in words, before the window and on the locked page."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from tests.conftest import PASSPHRASE
from tests.desktop.test_lock import words_of

from alumni_desk.desktop.front import Front
from alumni_desk.desktop.lock_page import Locked, LockPage
from alumni_desk.desktop.opening import Opening
from alumni_desk.desktop.unlock import UnlockPage
from alumni_desk.desktop.wiring import ways_of
from alumni_desk.schema import open_desk
from alumni_desk.store import keys
from alumni_desk.store.profile import Profile

REMAINS = ("nobody can open", "password of its own", "Another laptop of the chapter", "new invitation")


@pytest.fixture
def ground(qtbot: Any) -> QWidget:
    """A window for it to stand in."""
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    return made


def locked(ground: QWidget, **ways: bool) -> LockPage:
    """The locked page of a chapter that these open."""
    page = LockPage(Locked("Boston", "Northgate", "asked", 5, datetime(2026, 11, 10, 9), **{"password": True, "keyring": False, "recovery": False, **ways},
                           folder=Path("/somewhere/alumni-desk")), ground)
    page.resize(ground.size())
    page.show()
    return page


def test_the_locked_page_says_what_remains_without_a_recovery_key(ground: QWidget) -> None:
    page = locked(ground)
    assert page.entry is not None and page.entry.other.isVisible() and page.entry.other.text() == "Forgot it?"
    assert REMAINS[0] not in words_of(page)
    page.entry.password.setFocus()
    QTest.keyClick(page.entry.password, Qt.Key.Key_Tab)
    QTest.keyClick(page.entry.button, Qt.Key.Key_Tab)
    assert page.entry.other.hasFocus()
    QTest.keyClick(page.entry.other, Qt.Key.Key_Space)
    said = words_of(page)
    assert all(words in said for words in REMAINS) and "alumni-desk" in said and "recovery key" not in page.entry.other.text()
    assert page.entry.password.isVisible() and page.entry.recovery.isHidden()
    QTest.keyClick(page.entry.other, Qt.Key.Key_Space)
    assert REMAINS[0] not in words_of(page)


def test_where_the_password_store_or_a_paper_opens_it_those_are_named(ground: QWidget) -> None:
    page = locked(ground, keyring=True)
    assert page.entry is not None and page.entry.other.isHidden() and page.store.isVisible()
    page.store_failed("The password store has lost the key.", gone=True)
    assert page.entry.other.text() == "Forgot it?" and page.entry.other.isVisible()
    paper = locked(ground, recovery=True)
    assert paper.entry is not None and paper.entry.other.text() == "Forgot it? Use the recovery key"
    paper.entry.other.click()
    assert paper.entry.recovery.isVisible() and REMAINS[0] not in words_of(paper)
    assert paper.entry.neither.isVisible() and paper.entry.neither.text() == "Not at hand, or lost?"
    paper.entry.neither.click()
    assert all(words in words_of(paper) for words in REMAINS) and "if both are lost" in words_of(paper)
    paper.entry.other.click()
    assert paper.entry.password.isVisible() and paper.entry.neither.isHidden() and REMAINS[0] not in words_of(paper)
    store = locked(ground, recovery=True, keyring=True)
    assert store.entry is not None
    store.entry.other.click()
    assert store.entry.neither.isHidden()


def test_before_the_window_it_is_said_too(qapp: QApplication, profile: Profile, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> None:
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    with open_desk(profile, passphrase=PASSPHRASE) as desk:
        desk.make_chapter("Boston")
    monkeypatch.setattr(keys, "_keyring", lambda: None)
    window, ready = Front(100, lambda percent: None), []
    opening = Opening(window, ways_of(profile), lambda desk, page, what: ready.append(desk))
    window.show()
    try:
        opening.begin()
        qtbot.waitUntil(lambda: any(one.isVisible() for one in window.findChildren(UnlockPage)), timeout=10_000)
        page = next(one for one in window.findChildren(UnlockPage) if one.isVisible())
        page.entry.other.click()
        assert all(words in words_of(page) for words in REMAINS) and profile.path.name in words_of(page)
        page.entry.password.setText(PASSPHRASE)  # it comes back to them
        QTest.keyClick(page.entry.password, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: bool(ready), timeout=10_000)
    finally:
        opening.close()
        for desk in ready:
            desk.close()
        window.close()
        window.deleteLater()
