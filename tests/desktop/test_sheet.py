"""A sheet while its deed is under way."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from alumni_desk.desktop.sheet import Sheet


def test_what_is_under_way_is_not_left_by_escape_or_the_windows_cross(qtbot) -> None:
    sheet = Sheet(None, "Remove it?", "Remove")
    qtbot.addWidget(sheet)
    sheet.open()
    sheet.set_busy("Removing …")
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    sheet.close()
    assert sheet.isVisible()
    sheet.set_busy("")
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()
