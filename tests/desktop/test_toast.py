"""Toasts: they say what happened, and go by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QCursor

from alumni_desk.desktop.fonts import px


def test_a_long_sentence_beside_a_link_is_no_narrow_column(hands: Any) -> None:
    toast = hands.shell.toast
    hands.shell.say("What came last was going back to a backup, which Undo does not take back. Activity says where what was here before is kept. To undo what "
                    "was done before that, choose it in Activity.", "Undo what was before it", lambda: None, "Ctrl Z")
    hands.rest()
    assert toast.words.height() <= 4.5 * toast.words.fontMetrics().lineSpacing()
    hands.shell.say("Something was saved", "Undo", lambda: None, "Ctrl Z")
    assert toast.width() == px(456)


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
