"""Settings: the chapter is called something else, everywhere at once, with Undo; what does not fit is said beside it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from alumni_desk.members.chapter import chapter


def typed(hands: Any, field: Any, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)
    hands.rest()


def test_the_chapter_is_called_something_else_and_the_window_says_so(hands: Any) -> None:
    page = hands.page("settings")
    assert (page.chapter.text(), page.university.text(), page.zone.text()) == ("Boston", "Northgate", "America/New_York")
    typed(hands, page.chapter, "Boston & Providence")
    assert chapter(hands.desk).name == "Boston & Providence" == hands.shell.chapter.text()
    hands.until(hands.shell.toast.isVisible)
    assert "Boston & Providence" in hands.shell.toast.words.text()
    hands.click(hands.shell.toast.link)
    hands.until(lambda: chapter(hands.desk).name == "Boston")
    page.sections.setFocus()
    hands.rest()
    assert hands.shell.chapter.text() == "Boston" == page.chapter.text()


def test_what_does_not_fit_is_said_beside_it_and_stays_as_typed(hands: Any) -> None:
    page = hands.page("settings")
    typed(hands, page.zone, "Boston time")
    row = page._chapter_lines["time_zone"][1]
    assert "not a time zone" in row.second.text() and page.zone.property("wrong") and page.zone.text() == "Boston time"
    typed(hands, page.zone, "America/Chicago")
    assert chapter(hands.desk).time_zone == "America/Chicago" and row.second.text().startswith("Of new gatherings") and not page.zone.property("wrong")

