"""Whoever is erased by another program or another laptop while the door is open is not named there any more; what was done there stays and can be undone."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QLabel, QLineEdit, QWidget
from tests.desktop.test_door import Door, door

from alumni_desk.checkin.actions import undo_check_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.store.erasing import erase
from alumni_desk.store.writing import Changed

__all__ = ["door"]

UNDO = (Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)


def whose(door: Door, key: str) -> str:
    """The person who is on the list so."""
    with door.desk.reading() as connection:
        return str(connection.exec_driver_sql("SELECT person FROM registration WHERE id = ?", (door.registrations[key],)).scalar_one())


def erased_elsewhere(door: Door, *people: str) -> None:
    """Another program erases them, and this one hears of a change."""
    erase(door.desk, people, remake_backups=False)
    door.changes.tell(Changed({}))
    QApplication.processEvents()
    door.settled()
    door.settled()  # what was looked up anew after the list was read


def words(window: QWidget) -> str:
    """All that stands there to be read or heard."""
    found = [window.windowTitle()]
    for part in [window, *window.findChildren(QWidget)]:
        if not part.isVisible():
            continue
        found += [part.accessibleName(), part.accessibleDescription(), part.toolTip()]
        if isinstance(part, QLabel | QLineEdit | QAbstractButton):
            found.append(part.text())
        if isinstance(part, QAbstractItemView) and part.model() is not None:
            rows = [part.model().index(row, 0) for row in range(part.model().rowCount())]
            found += [str(row.data(role)) for row in rows for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole)]
    showing = getattr(window, "panel", None) and window.panel.showing
    if showing and window.state() == "verdict":
        found += [repr(showing)]
    return "\n".join(found)


def checked_in(door: Door, key: str) -> None:
    door.scan(door.codes[key])
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()


def test_the_strip_of_the_last_answer_names_nobody_who_was_erased_and_undo_means_the_same_one(door: Door) -> None:
    checked_in(door, "Ada Obi 2012")
    checked_in(door, "Li Chen 2004")
    door.window.answer.green.timeout.emit()
    strip = door.window.idle.strip
    assert strip.isVisible() and "Li Chen" in strip.name.text() and "Li Chen" in strip.button.text()
    erased_elsewhere(door, whose(door, "Li Chen 2004"))
    assert "Li Chen" not in words(door.window)
    assert strip.isVisible() and "Erased" in strip.name.text() and "Welcomed at" in strip.sentence.text(), "the check-in is not shown as lost"
    assert strip.button.text() == "Undo · Ctrl Z"
    assert headcount(door.desk, door.gathering).present == 2
    door.press(*UNDO)
    door.wait(lambda: door.window.idle.strip.sentence.text().startswith("Taken back"))
    door.settled()
    assert headcount(door.desk, door.gathering).present == 1, "not Ada’s, who came before"
    assert "Ada Obi" in door.window._undo_words()
    door.press(*UNDO)
    door.wait(lambda: not door.window.saving.own)
    door.settled()
    assert headcount(door.desk, door.gathering).present == 0


def test_whom_undo_means_is_still_named_where_somebody_before_them_was_erased(door: Door) -> None:
    checked_in(door, "Ada Obi 2012")
    checked_in(door, "Li Chen 2004")
    door.window.answer.green.timeout.emit()
    erased_elsewhere(door, whose(door, "Ada Obi 2012"))
    assert "Ada" not in words(door.window)
    assert "Li Chen" in door.window.idle.strip.name.text() and "Li Chen" in door.window.idle.strip.button.text()
    door.press(*UNDO)
    door.wait(lambda: "Taken back" in door.window.idle.strip.sentence.text())
    door.settled()
    assert headcount(door.desk, door.gathering).present == 1 and door.window._undo_words() == "Undo"


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_says_that_a_check_in_was_taken_back_names_nobody_who_was_erased(door: Door, elsewhere: bool) -> None:
    checked_in(door, "Ada Obi 2012")
    if elsewhere:
        undo_check_in(door.desk, door.gathering, door.registrations["Ada Obi 2012"], station="Garden door", by="Priya")
    door.press(*UNDO)
    door.wait(lambda: door.window.state() == "idle" and "Ada" in door.window.idle.strip.name.text())
    door.settled()
    erased_elsewhere(door, whose(door, "Ada Obi 2012"))
    assert "Ada" not in words(door.window) and "aken back" in door.window.idle.strip.sentence.text()
    assert door.window.idle.strip.button.isHidden()


@pytest.mark.parametrize("key", ["Ada Obi 2012", "Lina Chowdhury 2011"])
def test_an_answer_that_is_still_shown_names_nobody_who_was_erased(door: Door, key: str) -> None:
    checked_in(door, key)
    word = door.window.panel.showing.word
    assert key.split(" ")[0] in words(door.window)
    erased_elsewhere(door, whose(door, key))
    assert key.split(" ")[0] not in words(door.window)
    assert door.window.state() == "verdict" and door.window.panel.showing.word == word, "the answer stands"
    assert door.window.answer.green.isActive() is (key == "Ada Obi 2012")
    door.press(Qt.Key.Key_Escape)
    door.wait(lambda: True)
    assert key.split(" ")[0] not in words(door.window)
    door.window.leaving.stop()


def test_the_answer_about_a_guest_names_no_host_who_was_erased(door: Door) -> None:
    door.type("leo")
    door.found()
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    assert "Chen" in words(door.window)
    erased_elsewhere(door, whose(door, "Mei-Ling Chen 1998"))
    assert "Mei" not in words(door.window) and "Leo" in door.window.panel.showing.name


@pytest.mark.parametrize("saved", [False, True])
def test_an_answer_that_something_could_not_be_done_names_nobody_who_was_erased(door: Door, saved: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise StoreProblem("disk_full", "{name} is not saved: the disk is full.", name="Ada Obi")

    if saved:
        checked_in(door, "Ada Obi 2012")
        monkeypatch.setattr("alumni_desk.desktop.door_saving.undo_check_in", full)
        door.press(*UNDO)
    else:
        monkeypatch.setattr("alumni_desk.desktop.door_saving.check_in", full)
        door.type("ada")
        door.found()
        door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict" and door.window.panel.showing.trouble)
    door.settled()
    assert "Ada" in words(door.window)
    erased_elsewhere(door, whose(door, "Ada Obi 2012"))
    assert "Ada" not in words(door.window) and door.window.panel.showing.word == "Not saved" and "the disk is full" in words(door.window)


def test_whoever_was_found_and_is_erased_is_not_among_them_any_more_and_the_choice_stays(door: Door) -> None:
    door.type("ch")
    door.found()
    hits = door.window.hits
    while not (choice := hits.choice()) or getattr(choice, "hit", None) is None or choice.hit.registration != door.registrations["Li Chen 2019"]:
        door.press(Qt.Key.Key_Down)
    assert "Mei-Ling" in words(door.window) and "Leo Park" in words(door.window)
    erased_elsewhere(door, whose(door, "Mei-Ling Chen 1998"))
    assert "Mei" not in words(door.window)
    assert hits.choice() is not None and hits.choice().hit.registration == door.registrations["Li Chen 2019"]  # type: ignore[union-attr]
    assert door.window.state() == "find" and door.window.field.text() == "ch"
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict")
    assert "Li Chen" in door.window.panel.showing.name
    door.settled()


def test_nobody_is_chosen_where_the_chosen_one_was_erased(door: Door) -> None:
    door.type("ada")
    door.found()
    assert door.window.hits.choice() is not None
    erased_elsewhere(door, whose(door, "Ada Obi 2012"))
    assert "Ada" not in words(door.window) and door.window.state() == "find"
    door.press(Qt.Key.Key_Return)
    door.settled()
    assert not door.facts() and "Ada" not in words(door.window)


def test_a_member_who_was_found_and_is_erased_is_not_among_them_any_more(door: Door) -> None:
    tom = add_member(door.desk, first_name="Tom", last_name="Quill", class_year="1990").id
    door.type("qui")
    door.found()
    assert "Tom Quill" in words(door.window)
    erased_elsewhere(door, tom)
    assert "Quill" not in words(door.window)


def test_a_walk_in_that_is_typed_goes_to_no_host_and_is_like_nobody_who_was_erased(door: Door) -> None:
    door.press(Qt.Key.Key_F2)
    form = door.window.form
    form.name.setText("Ada Ob")
    form.host.setText("mei")
    door.settled()
    assert form.offered() is not None and "Mei-Ling" in form.host_note.text()
    erased_elsewhere(door, whose(door, "Ada Obi 2012"), whose(door, "Mei-Ling Chen 1998"))
    assert form.offered() is None and "Ada Obi" not in words(door.window)
    assert "Mei-Ling" not in words(door.window) and form.host_note.text() == "Nobody on the list fits"
    assert [form.name.text(), form.host.text()] == ["Ada Ob", "mei"], "what was typed stays"
    form.clear()


def test_a_walk_in_that_was_just_saved_stays_with_its_undo_while_somebody_is_erased(door: Door) -> None:
    door.press(Qt.Key.Key_F2)
    door.window.form.name.setText("Wanda Walker")
    door.window.form.contact.setText("wanda@example.org")
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict")
    erased_elsewhere(door, whose(door, "Ada Obi 2012"))
    assert "Wanda Walker" in door.window.panel.showing.name
    door.window.answer.green.timeout.emit()
    assert "Wanda Walker" in door.window.idle.strip.name.text() and door.window.idle.strip.button.isVisible()
    door.press(*UNDO)
    door.wait(lambda: "Taken back" in door.window.idle.strip.sentence.text())
    door.settled()


@pytest.mark.parametrize("badge", ["", "Li Chen 2004"])
def test_a_locked_door_names_nobody_in_the_strip_and_takes_nothing_back(door: Door, badge: str) -> None:
    checked_in(door, "Ada Obi 2012")
    door.window.answer.green.timeout.emit()
    assert "Ada" in words(door.window)
    door.window.set_locked(True)
    assert "Ada" not in words(door.window) and not door.window.idle.strip.button.isVisible()
    if badge:
        checked_in(door, badge)
        door.window.answer.green.timeout.emit()
        assert door.window.state() == "idle" and "Chen" not in words(door.window)
    door.window.set_locked(False)
    strip = door.window.idle.strip
    name = "Li Chen" if badge else "Ada Obi"
    assert strip.isVisible() and name in strip.name.text() and name in strip.button.text()
    door.settled()


def test_what_is_taken_back_as_the_laptop_is_locked_is_not_shown_as_welcomed_afterwards(door: Door) -> None:
    checked_in(door, "Ada Obi 2012")
    door.window.answer.green.timeout.emit()
    door.window.saving.undo_newest()
    door.window.set_locked(True)
    door.wait(lambda: not door.window.saving.own)
    door.settled()
    assert "Ada" not in words(door.window)
    door.window.set_locked(False)
    assert "Taken back" in door.window.idle.strip.sentence.text() and door.window.idle.strip.isVisible()
    door.settled()
