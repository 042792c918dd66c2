"""Toasts: they say what happened, and go by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QCursor


@pytest.mark.parametrize("moves", [False, True])
def test_a_toast_stays_only_for_a_pointer_that_came_to_it(hands: Any, moves: bool) -> None:
    toast = hands.shell.toast
    hands.shell.say("Something was saved")
    place = toast.mapToGlobal(toast.rect().center())
    toast.hide()
    QCursor.setPos(place)  # somebody clicked there, and then went on with the keyboard
    hands.rest()
    toast._timer.setInterval(60_000)
    hands.shell.say("Something was saved")
    hands.until(toast.underMouse)
    assert toast._timer.isActive(), "nobody points at it"
    if moves:
        QCursor.setPos(place.x() + 5, place.y())
        hands.rest()
        toast._timer.setInterval(10)
        hands.until(lambda: not toast._timer.isActive())
        hands.rest()
        assert toast.isVisible()
        QCursor.setPos(toast.mapToGlobal(toast.rect().topLeft()).x() - 50, place.y())
    toast._timer.setInterval(10)
    hands.until(lambda: not toast.isVisible())
