"""A command switches the laptop to another chapter while the window is open: nothing that was typed for the one before lands in the other."""

from __future__ import annotations

import pytest
from tests.conftest import PASSPHRASE
from tests.desktop.conftest import Hands
from tests.desktop.test_lock import words_of

from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.errors import Refused
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk

BOSTON = "01900000-0000-7000-8000-00000000b057"


def switch_by_another_program(desk: Desk) -> None:
    """What ``switch`` leaves in the database, from the window's point of view."""
    with open_desk(desk.profile, passphrase=PASSPHRASE) as other, other.applying() as applying:
        for table in ("person", "chapter", "operation", "action", "search_person", "search_stale", "scope"):
            applying.connection.exec_driver_sql(f"DELETE FROM {table}")
        applying.connection.exec_driver_sql("INSERT INTO scope (id, cursor, chain) VALUES (?, 0, '')", (BOSTON,))
        applying.connection.exec_driver_sql("INSERT INTO chapter (id, scope, name, gone) VALUES (?, ?, 'Boston', 0)", (BOSTON, BOSTON))


def half_typed(hands: Hands) -> MemberForm:
    """A form with something in it, for the chapter that is shown."""
    hands.page("members").add()
    form = hands.dialog(MemberForm)
    assert isinstance(form, MemberForm)
    form._fields["first_name"].setText("Meant for the first")
    hands.until(lambda: hands.desk.shows is not None)
    return form


def test_a_form_begun_for_one_chapter_is_not_saved_into_another(hands: Hands) -> None:
    form = half_typed(hands)
    switch_by_another_program(hands.desk)
    form.done_clicked.emit()
    hands.until(lambda: "switched this laptop to another chapter" in words_of(form))
    assert form.values()["first_name"] == "Meant for the first" and count_members(hands.desk) == 0
    form.reject()
    hands.until(lambda: hands.desk.shows == BOSTON)
    hands.until(lambda: "Boston" in hands.shell.toast.words.text())
    add_member(hands.desk, first_name="New", last_name="Bostonian")
    assert count_members(hands.desk) == 1
    hands.rest()


def test_what_a_sync_brings_meanwhile_does_not_take_the_form_into_the_other_chapter(hands: Hands) -> None:
    form = half_typed(hands)
    switch_by_another_program(hands.desk)
    with hands.desk.applying():  # the window's own sync, before anybody has looked
        pass
    form.done_clicked.emit()
    hands.until(lambda: "switched this laptop to another chapter" in words_of(form))
    assert count_members(hands.desk) == 0
    form.reject()
    hands.until(lambda: "Boston" in hands.shell.toast.words.text())
    hands.rest()


def test_the_windows_own_change_of_chapter_is_seen_there(hands: Hands) -> None:
    hands.rest()
    hands.until(lambda: hands.desk.shows is not None)
    with hands.desk.applying() as applying:
        applying.connection.exec_driver_sql("UPDATE scope SET id = ?", (BOSTON,))
    assert hands.desk.shows == BOSTON
    with hands.desk.writing("new") as writing:
        writing.add("person", standing="member", last_name="New")


def test_a_desk_without_a_window_works_on_whichever_chapter_is_here(desk: Desk) -> None:
    add_member(desk, first_name="One", last_name="Here")
    switch_by_another_program(desk)
    add_member(desk, first_name="Two", last_name="There")
    assert count_members(desk) == 1
    desk.shows = "01900000-0000-7000-8000-00000000cafe"
    with pytest.raises(Refused, match="another chapter"):
        add_member(desk, first_name="Three", last_name="Nowhere")
    assert count_members(desk) == 1
