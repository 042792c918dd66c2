"""What we ask of Qt itself: references are kept, and letters can be drawn without a screen."""

from __future__ import annotations

import sys

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QFontDatabase, QGuiApplication
from pytestqt.qtbot import QtBot

from alumni_desk.desktop.theme import Appearance

CALLS = 2_000


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_no_reference_to_none_is_lost() -> None:
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        thing.blockSignals(False)
        thing.setObjectName("x")
    lost = before - sys.getrefcount(None)
    assert lost < CALLS / 10, "this PySide6 kills the process after some thousand calls; see the pin in pyproject.toml"


def test_there_are_fonts_without_a_screen(qtbot: QtBot) -> None:
    app = QGuiApplication.instance()
    assert isinstance(app, QGuiApplication)
    Appearance(app, "light", 100)  # type: ignore[arg-type]
    families = QFontDatabase.families()
    assert any(family.startswith("Inter") for family in families), families
    assert app.font().family().startswith("Inter")
    assert any("Arabic" in family for family in families) and any("Devanagari" in family for family in families)
