"""A window on a small chapter, and the hands of somebody at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from alumni_desk.desktop.app import Room, build
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.front import Front
from alumni_desk.desktop.shell import Shell
from alumni_desk.desktop.wiring import help_files
from alumni_desk.members.actions import add_member
from alumni_desk.store import recovery
from alumni_desk.store.desk import Desk


class Hands:
    """A window and the hands of somebody at it."""

    def __init__(self, room: Room, wait: Callable[..., None]) -> None:
        self.room, self.desk, self.shell, self._wait = room, room.desk, room.shell, wait

    def until(self, condition: Callable[[], Any]) -> None:
        self._wait(lambda: bool(condition()), timeout=60_000)  # a machine that has much else to do is slow, not wrong

    def rest(self) -> None:
        for _turn in range(3):
            self.until(self.room.lanes.idle)
            QApplication.processEvents()

    def page(self, name: str, **what: Any) -> Any:
        self.shell.show_page(name, **what)
        self.rest()
        assert self.shell.current().name == name
        return self.shell.current()

    def open_dialogs(self, kind: type[QWidget]) -> list[Any]:
        return [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, kind) and widget.isVisible()]

    def dialog(self, kind: type[QWidget]) -> Any:
        self.until(lambda: self.open_dialogs(kind))
        return self.open_dialogs(kind)[-1]

    def click(self, button: QWidget) -> None:
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture(autouse=True)
def _windows_go_with_their_test() -> Iterator[None]:
    """A test's windows are gone before the next begins: one that waits for its end is dressed anew with each text size, for seconds in all, and one that
    is still shown lies over the next one's where the pointer is."""
    yield
    if QApplication.instance() is not None:
        for window in QApplication.topLevelWidgets():
            if isinstance(window, Shell | Front):
                window.hide()
                window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def lanes(qtbot: Any) -> Iterator[Lanes]:
    made = Lanes()
    yield made
    made.close()


@pytest.fixture
def hands(desk: Desk, qtbot: Any) -> Iterator[Hands]:
    """The window on a chapter of three members."""
    for first, last, year in (("Łukasz", "Żółć", "1998"), ("Li", "Chen", "2004"), ("Ada", "Obi", "2012")):
        add_member(desk, first_name=first, last_name=last, class_year=year)
    recovery.recovery_key(desk)
    recovery.note_read_back(desk)
    room = build(desk, theme="light", help_files=help_files(), today=lambda: date(2026, 11, 10))
    room.shell.resize(1280, 800)
    room.shell.show()
    made = Hands(room, qtbot.waitUntil)
    made.rest()
    yield made
    made.rest()
    room.close()
    room.shell.close()
    room.shell.deleteLater()


@pytest.fixture
def hands_of(qtbot: Any) -> Callable[[Room], Hands]:
    """Hands at any window."""
    return lambda room: Hands(room, qtbot.waitUntil)
