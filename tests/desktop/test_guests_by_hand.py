"""Guests of a gathering by hand: who is named, ticked, chosen and taken off is whoever was meant, while rows change under the hand."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from alumni_desk.desktop import guest_picker
from alumni_desk.desktop.guest_name_sheet import NameSheet
from alumni_desk.desktop.guest_picker import GuestPicker
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.members.lists import member, member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.store.erasing import erase
from alumni_desk.store.writing import Changed


def dinner(hands: Any, people: list[str]) -> Any:
    """The page of a dinner with these on its list."""
    held = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    if people:
        add_guests(hands.desk, held, people)
    page = hands.page("gatherings", gathering=held)
    hands.rest()
    return page


def naming(hands: Any, person: str) -> NameSheet:
    """The sheet that names the one guest of a dinner."""
    page = dinner(hands, [person])
    page.view.list.selectRow(0)
    page.view.name_one()
    sheet = hands.dialog(NameSheet)
    assert isinstance(sheet, NameSheet)
    return sheet


def saved(hands: Any, sheet: NameSheet, person: str) -> tuple[str | None, str | None]:
    """Save it; what the guest is called then."""
    hands.click(sheet.done_button)
    hands.until(lambda: not hands.open_dialogs(NameSheet))
    hands.rest()
    fields = member(hands.desk, person).fields
    return fields["first_name"], fields["last_name"]


@pytest.mark.parametrize(("first", "last", "typed", "becomes"), [
    ("María José", "García López", None, ("María José", "García López")),
    (None, "Madonna", None, (None, "Madonna")),
    ("Jon", "van der Berg", "John van der Berg", ("John", "van der Berg")),
    ("Maria", "de la Crux", "Maria de la Cruz", ("Maria", "de la Cruz")),
    ("Ada", "Obi", "Ada Nwosu", ("Ada", "Nwosu")),
    ("Ada", None, "Ada Maria Obi", ("Ada Maria", "Obi")),
    ("Ada", None, "Ada van der Berg", ("Ada", "van der Berg"))])
def test_a_guests_name_is_taken_apart_as_it_was_before(hands: Any, first: str | None, last: str | None, typed: str | None, becomes: tuple[str, str]) -> None:
    person = add_member(hands.desk, **{name: value for name, value in (("first_name", first), ("last_name", last)) if value}).id
    sheet = naming(hands, person)
    if typed is not None:
        sheet.typed.setText(typed)
    assert saved(hands, sheet, person) == becomes


@pytest.mark.parametrize(("typed", "becomes"), [("Dr. Anna Weber", ("Dr.", "Anna", "Weber")), ("Anna van der Berg", (None, "Anna", "van der Berg"))])
def test_a_guest_who_is_named_later_is_taken_apart_like_one_named_at_once(hands: Any, typed: str, becomes: tuple[str | None, str, str]) -> None:
    guest = add_member(hands.desk, first_name="Anna").id
    with hands.desk.writing("x") as writing:
        writing.change("person", guest, first_name=None, standing="guest")  # whose name is to come
    sheet = naming(hands, guest)
    sheet.typed.setText(typed)
    assert saved(hands, sheet, guest) == becomes[1:] and member(hands.desk, guest).fields["title"] == becomes[0]


@pytest.mark.parametrize("theirs", [False, True])
def test_a_name_that_was_changed_while_the_sheet_was_open_is_said_before_it_is_written_over(hands: Any, theirs: bool) -> None:
    person = add_member(hands.desk, first_name="Jon", last_name="Obi").id
    sheet = naming(hands, person)
    change_member(hands.desk, person, first_name="Jonas")
    sheet.typed.setText("John Obi")
    hands.click(sheet.done_button)
    hands.until(lambda: "To save again keeps yours" in sheet.reason.text())
    row = sheet._rows["name"]
    assert "Jonas Obi" in row.below.text() and member(hands.desk, person).fields["first_name"] == "Jonas"
    if theirs:
        hands.rest()
        hands.click(row.way_out)
        assert sheet.typed.text() == "Jonas Obi"
    assert saved(hands, sheet, person) == ("Jonas" if theirs else "John", "Obi")


@pytest.mark.parametrize(("typed", "becomes"), [(None, ("Jonas", "Obi")), ("Jon Nwosu", ("Jonas", "Nwosu"))])
def test_of_a_guests_name_only_what_was_typed_is_written(hands: Any, typed: str | None, becomes: tuple[str, str]) -> None:
    person = add_member(hands.desk, first_name="Jon", last_name="Obi").id
    sheet = naming(hands, person)
    change_member(hands.desk, person, first_name="Jonas")
    if typed is not None:
        sheet.typed.setText(typed)
    assert saved(hands, sheet, person) == becomes


def test_enter_ticks_the_first_of_what_was_typed_last(hands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    page = dinner(hands, [])
    page.view.add()
    picker = hands.dialog(GuestPicker)
    hands.rest()
    go, real = threading.Event(), guest_picker.member_rows

    def slow(*what: Any, **more: Any) -> Any:
        go.wait(30)
        return real(*what, **more)

    monkeypatch.setattr(guest_picker, "member_rows", slow)
    QTest.keyClicks(picker.search, "zolc")
    QTest.keyClick(picker.search, Qt.Key.Key_Return)
    go.set()
    hands.rest()
    assert list(picker.model.ticked.values()) == ["Łukasz Żółć"]
    picker.model.ticked.clear()
    picker.reject()


@pytest.mark.parametrize("typed", ["", "obi"])
def test_whoever_is_erased_while_guests_are_chosen_is_not_among_them_any_more(hands: Any, typed: str) -> None:
    page = dinner(hands, [])
    page.view.add()
    picker = hands.dialog(GuestPicker)
    picker.search.setText(typed)
    hands.rest()
    for row in range(picker.model.rowCount()):
        picker.model.turn(picker.model.index(row))
    [ada] = [row.id for row in member_rows(hands.desk) if row.name == "Ada Obi"]
    assert ada in picker.chosen() and "Ada Obi" in picker.picked.text()
    erase(hands.desk, [ada], remake_backups=False)
    hands.until(lambda: ada not in picker.chosen() and "Ada Obi" not in picker.picked.text())
    hands.until(lambda: "Ada Obi" not in [picker.model.row(picker.model.index(row)).name for row in range(picker.model.rowCount())])
    picker.model.ticked.clear()
    picker.reject()


def test_whoever_was_removed_since_they_were_ticked_hinders_nobody_else(hands: Any) -> None:
    page = dinner(hands, [])
    page.view.add()
    picker = hands.dialog(GuestPicker)
    hands.rest()
    for row in range(3):
        picker.model.turn(picker.model.index(row))
    [ada] = [row.id for row in member_rows(hands.desk) if row.name == "Ada Obi"]
    remove_members(hands.desk, [ada])
    hands.click(picker.done_button)
    hands.until(lambda: "1 of those ticked" in picker.reason.text())
    assert sorted(picker.model.ticked.values()) == ["Li Chen", "Łukasz Żółć"] and picker.done_button.isEnabled()
    hands.click(picker.done_button)
    hands.until(lambda: not hands.open_dialogs(GuestPicker))
    hands.rest()
    assert {guest.name for guest in guest_rows(hands.desk, page.view.it.row.id)} == {"Li Chen", "Łukasz Żółć"}


def test_the_keyboard_stays_where_it_was_when_the_list_is_shown_anew(hands: Any) -> None:
    people = [add_member(hands.desk, first_name=f"Guest{number:03}", last_name="Same").id for number in range(120)]
    page = dinner(hands, people)
    view = page.view
    view.list.setFocus()
    view.list.selectRow(80)
    hands.rest()
    at, name = view.list.verticalScrollBar().value(), view.chosen()[0].name
    assert at > 0
    change_member(hands.desk, people[5], city="Oak Park")
    hands.shell.current().changes.tell(Changed({}))
    hands.rest()
    assert [guest.name for guest in view.chosen()] == [name]
    assert view.list.verticalScrollBar().value() == at
    assert view.list.currentIndex().row() == 80
    QTest.keyClick(view.list, Qt.Key.Key_Down)
    assert [guest.name for guest in view.chosen()] == ["Guest081 Same"]


def test_so_many_guests_are_said_to_be_taken_off_as_there_were_people(hands: Any) -> None:
    one, other = (add_member(hands.desk, first_name="Ada", last_name=last).id for last in ("Nwosu", "Nwosu-Obi"))
    page = dinner(hands, [one, other])
    merge_people(hands.desk, other, one)
    page.refresh()
    hands.rest()
    page.view.list.selectRow(0)
    page.view.remove()
    hands.until(lambda: "taken off" in hands.shell.toast.words.text())
    assert hands.shell.toast.words.text() == "1 guest taken off the list"


def test_enter_held_cancels_a_gathering_once(hands: Any) -> None:
    page = dinner(hands, [])
    page.ask_cancel(page.view.it.row)
    sheet = hands.dialog(Sheet)
    for _turn in range(3):
        QTest.keyClick(sheet, Qt.Key.Key_Return)
    hands.until(lambda: not hands.open_dialogs(Sheet))
    hands.rest()
    with hands.desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM action WHERE event = 'gathering_cancelled'").scalar() == 1


def test_nobody_is_ticked_while_those_who_are_are_added(hands: Any) -> None:
    page = dinner(hands, [])
    page.view.add()
    picker = hands.dialog(GuestPicker)
    hands.rest()
    picker.model.turn(picker.model.index(0))
    go = threading.Event()
    hands.room.lanes.write(lambda: go.wait(60))  # as an import that takes its time
    hands.click(picker.done_button)
    picker.model.turn(picker.model.index(1))
    ticked = list(picker.model.ticked.values())
    hands.click(picker.done_button)
    go.set()
    hands.until(lambda: not hands.open_dialogs(GuestPicker))
    hands.rest()
    assert [guest.name for guest in guest_rows(hands.desk, page.view.it.row.id)] == ticked


@pytest.mark.parametrize(("twice", "said"), [("remove", "1 guest taken off the list"), ("answer", "1 answer noted")])
def test_what_is_done_twice_by_one_hand_is_said_once_with_its_undo(hands: Any, twice: str, said: str) -> None:
    page = dinner(hands, [row.id for row in member_rows(hands.desk)])
    page.view.list.selectRow(0)
    go, before = threading.Event(), guest_rows(hands.desk, page.view.it.row.id)
    hands.room.lanes.write(lambda: go.wait(60))
    for _turn in range(2):
        page.view.remove() if twice == "remove" else page.view.answer("no")
    go.set()
    hands.until(lambda: guest_rows(hands.desk, page.view.it.row.id) != before)
    hands.rest()
    assert hands.shell.toast.words.text() == said
    hands.click(hands.shell.toast.link)
    hands.until(lambda: guest_rows(hands.desk, page.view.it.row.id) == before)
    hands.rest()


def test_the_arrow_goes_on_after_a_guest_who_left_the_answers_that_are_shown(hands: Any) -> None:
    people = [add_member(hands.desk, first_name=f"Guest{number:03}", last_name="Same").id for number in range(60)]
    page = dinner(hands, [])
    add_guests(hands.desk, page.view.it.row.id, people, status="invited")
    page.refresh()
    hands.until(lambda: len(page.view.model.rows) == 60)
    view = page.view
    view.segments._buttons["invited"].click()
    view.list.setFocus()
    view.list.selectRow(40)
    view.answer("yes")
    hands.until(lambda: len(view.model.rows) == 59)
    hands.rest()
    assert not view.chosen()
    QTest.keyClick(view.list, Qt.Key.Key_Down)
    assert [one.name for one in view.chosen()] == ["Guest041 Same"]


def test_who_is_chosen_stays_so_as_their_entry_becomes_part_of_another(hands: Any) -> None:
    one, other = (add_member(hands.desk, first_name="Zed", last_name=last).id for last in ("One", "Two"))
    page = dinner(hands, [one, other])
    view = page.view
    view.list.selectRow(next(n for n, guest in enumerate(view.model.rows) if guest.person == one))
    merge_people(hands.desk, one, other)
    hands.until(lambda: len(view.model.rows) == 1)
    hands.rest()
    assert [guest.person for guest in view.chosen()] == [other]
