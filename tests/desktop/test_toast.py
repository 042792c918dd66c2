"""Toasts: they say what happened, and go by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QCursor

from alumni_desk.desktop.fonts import px
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.store.erasing import erase


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


def test_a_long_sentence_stays_as_long_as_it_takes_to_read(hands: Any) -> None:
    hands.shell.say("Saved")
    short = hands.shell.toast._timer.interval()
    hands.shell.say("word " * 40)
    assert short == 8_000 and hands.shell.toast._timer.interval() == 14_000


@pytest.mark.parametrize("deed", ["saved", "undone", "done again"])
def test_a_toast_goes_where_somebody_whom_it_names_is_erased_elsewhere(hands: Any, deed: str) -> None:
    ada, other = member_rows(hands.desk, "obi")[0].id, next(row.id for row in member_rows(hands.desk) if "Obi" not in row.name)
    page, toast = hands.page("members"), hands.shell.toast
    done = merge_people(hands.desk, other, ada)
    page._merged(done)
    hands.rest()
    if deed != "saved":
        hands.room.undoing.undo(done.changed.action)
        hands.rest()
    if deed == "done again":
        hands.room.undoing.redo(done.changed.action)
        hands.rest()
    assert toast.isVisible() and "Obi" in toast.words.text()
    add_member(hands.desk, first_name="Wanda")
    hands.room.watch.look()
    hands.rest()
    assert toast.isVisible(), "nobody was erased"
    toast._timer.stop()  # it does not go by itself
    erase(hands.desk, [ada], remake_backups=False)
    hands.room.watch.look()
    hands.rest()
    hands.rest()
    assert not toast.isVisible()


def test_a_toast_that_names_somebody_else_stays_and_one_that_waits_while_it_is_locked_is_not_said(hands: Any) -> None:
    ada, other = member_rows(hands.desk, "obi")[0].id, next(row.id for row in member_rows(hands.desk) if "Obi" not in row.name)
    page, toast = hands.page("members"), hands.shell.toast
    page.done(change_member(hands.desk, ada, city="Porto").changed, "Ada Obi was saved")
    hands.rest()
    erase(hands.desk, [other], remake_backups=False)
    hands.room.watch.look()
    hands.rest()
    assert toast.isVisible() and "Ada Obi" in toast.words.text()
    hands.shell._wait_with(hands.shell._said)
    toast.hide()
    hands.rest()
    erase(hands.desk, [ada], remake_backups=False)
    hands.until(lambda: hands.shell.unsaid() is None)


def test_what_says_that_somebody_is_erased_stays(hands: Any) -> None:
    ada = member_rows(hands.desk, "obi")[0].id
    page, toast = hands.page("members"), hands.shell.toast
    page._erased(erase(hands.desk, [ada], remake_backups=False), "Erased.")
    hands.room.watch.look()
    hands.rest()
    assert toast.isVisible() and toast.words.text() == "Erased."
