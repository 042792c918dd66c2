"""A gathering at an hour that daylight saving leaves out: the form keeps what was typed and says so there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QDate, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDateTimeEdit

from alumni_desk.desktop.controls import When
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.gatherings.lists import gathering_rows


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def type_hour(field: When, hour: str, minute: str) -> None:
    field.setFocus()
    for section, typed in ((QDateTimeEdit.Section.HourSection, hour), (QDateTimeEdit.Section.MinuteSection, minute)):
        field.setSelectedSection(section)
        QTest.keyClicks(field, typed)
    QTest.keyClick(field, Qt.Key.Key_Tab)


@pytest.mark.skipif(os.name != "posix", reason="a system where a program cannot choose its time zone")
def test_the_form_keeps_it_and_says_what_to_type(in_berlin: None, hands: Any) -> None:
    page = hands.page("gatherings")
    page.plan()
    plan = hands.dialog(GatheringForm)
    plan.name.setText("Night Walk")
    plan.zone.setText("Europe/Berlin")
    plan.start.setDate(QDate(2027, 3, 28))
    type_hour(plan.start, "02", "30")
    assert plan.values()["start"] == "2027-03-28T02:30" and plan.values()["end"] == "2027-03-28T05:30"
    hands.click(plan.done_button)
    hands.until(lambda: plan.start.property("wrong"))
    QApplication.processEvents()
    assert "There is no 2027-03-28 02:30 in Europe/Berlin" in plan.start.accessibleDescription()
    assert plan.values()["start"] == "2027-03-28T02:30" and gathering_rows(hands.desk) == []
    type_hour(plan.start, "03", "30")
    assert not plan.start.property("wrong")
    hands.click(plan.done_button)
    hands.until(lambda: not hands.open_dialogs(GatheringForm))
    hands.rest()
    assert [(row.starts, row.ends) for row in gathering_rows(hands.desk)] == [("2027-03-28T03:30", "2027-03-28T06:30")]
