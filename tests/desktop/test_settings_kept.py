"""What the settings show is what is kept: also where a line was emptied, or a switch could not be saved."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from tests.desktop.conftest import Hands

from alumni_desk.desktop.locking import LOCK_SLEEP
from alumni_desk.store.disk import disk_full


def test_a_name_that_is_emptied_comes_back_for_it_is_still_the_one_that_stands(hands: Hands) -> None:
    hands.desk.set_setting("person_name", "Priya Raman")
    page = hands.page("settings")
    hands.until(lambda: page.you.text() == "Priya Raman")
    page.you.setFocus()
    page.you.clear()
    QTest.keyClick(page.you, Qt.Key.Key_Return)
    hands.until(lambda: page.you.text() == "Priya Raman")
    page.laptop.setFocus()
    page.laptop.setText("  ")
    QTest.keyClick(page.laptop, Qt.Key.Key_Return)
    hands.until(lambda: page.laptop.text() == hands.desk.device_name)
    hands.rest()
    assert hands.desk.setting("person_name") == "Priya Raman" and hands.desk.setting("device_name") is None


def test_a_switch_that_could_not_be_saved_goes_back(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    hands.desk.set_setting(LOCK_SLEEP, True)
    page = hands.page("settings", section="security")
    hands.until(lambda: page.security._shown is not None and page.security.sleep.on() == "on")

    def full(*said: Any) -> None:
        raise disk_full()

    monkeypatch.setattr(hands.desk, "set_setting", full)
    page.security.sleep._buttons["off"].click()
    hands.rest()
    assert "nothing of this was saved" in hands.shell.toast.words.text()
    assert page.security.sleep.on() == "on"
