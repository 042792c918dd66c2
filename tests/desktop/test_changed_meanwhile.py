"""A form is open while somebody else's change arrives: it says so at the field, and keeps yours or takes theirs as it is told."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from tests.desktop.test_recovery_page import read_back
from tests.desktop.test_sync_together import Window, laptop, make_server, office, window

from alumni_desk.desktop.app import build
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.recovery_page import RecoveryPage
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import change_gathering, new_gathering
from alumni_desk.gatherings.lists import gathering_rows
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.members.chapter import change_chapter, chapter
from alumni_desk.members.lists import member, member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.segments.activity import deeds
from alumni_desk.store import recovery
from alumni_desk.store.writing import Changed
from alumni_desk.sync.engine import sync_once

__all__ = ["laptop", "make_server", "office", "window"]


def open_form(hands: Any, person: str) -> MemberForm:
    """The form of a member."""
    page = hands.page("members", member=person)
    hands.until(lambda: page._chosen == person)
    recovery.note_read_back(hands.desk)
    page.edit()
    form = hands.dialog(MemberForm)
    assert isinstance(form, MemberForm)
    return form


def test_a_members_form_says_what_another_laptop_changed_meanwhile(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("one", office), laptop("two", office)
    ana = add_member(one, first_name="Ana", street="1 Main St", city="c55", email="ana@example.org").id
    sync_once(one)
    sync_once(two)
    hands = window(one)
    form = open_form(hands, ana)
    change_member(two, ana, city="CarlTown", employer="Mill", email="carl@example.org")
    sync_once(two)
    hands.until(lambda: member(one, ana).fields["city"] == "CarlTown")
    form._fields["city"].setText("PriyaTown")
    form._fields["email"].setText("priya@example.org")
    hands.click(form.done_button)
    hands.until(lambda: form._rows["city"].way_out is not None)
    said = form._rows["city"].below.text()
    assert "CarlTown" in said and "two" in said and "To save again keeps yours" in form.reason.text()
    assert member(one, ana).fields["city"] == "CarlTown", "nothing was saved"
    link = form._rows["email"].way_out
    assert link is not None and link.text() == "Take theirs" and link.accessibleName() == "E-mail: Take theirs"
    link.setFocus()
    QTest.keyClick(link, Qt.Key.Key_Space)
    assert form._fields["email"].text() == "carl@example.org" and form._rows["email"].way_out is None
    hands.click(form.done_button)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    fields = member(one, ana).fields
    assert (fields["city"], fields["email"], fields["employer"]) == ("PriyaTown", "carl@example.org", "Mill")


def test_theirs_of_an_address_is_taken_as_a_whole(hands: Any) -> None:
    ana = add_member(hands.desk, first_name="Ana", street="1 Main St", city="Chicago", country="USA", solicit_codes=["do_not_email"]).id
    form = open_form(hands, ana)
    change_member(hands.desk, ana, street="Rue X", city="Paris", country="France", solicit_codes=[])
    form._fields["city"].setText("Evanston")
    form.rule.set_key("do_not_call")
    hands.click(form.done_button)
    hands.until(lambda: form._rows["city"].way_out is not None or form._rows["street"].way_out is not None)
    assert "Emptied on this laptop" in form._rows["solicit_codes"].below.text()
    row = next(form._rows[name] for name in ("street", "city", "country") if form._rows[name].way_out is not None)
    hands.rest()
    assert row.way_out is not None
    hands.click(row.way_out)
    hands.click(form.done_button)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    fields = member(hands.desk, ana).fields
    assert (fields["street"], fields["city"], fields["country"], fields["solicit_codes"]) == ("Rue X", "Paris", "France", ["do_not_call"])


def test_a_form_on_somebody_who_was_removed_says_so_and_to_save_again_brings_them_back(hands: Any) -> None:
    ana = add_member(hands.desk, first_name="Ana", last_name="Lima").id
    form = open_form(hands, ana)
    remove_members(hands.desk, [ana])
    form._fields["city"].setText("Porto")
    hands.click(form.done_button)
    hands.until(lambda: "Ana Lima was removed meanwhile" in form.reason.text())
    hands.click(form.cancel)
    hands.until(lambda: "What was typed is not saved" in hands.shell.toast.words.text())
    hands.click(hands.shell.toast.link)
    again = hands.dialog(MemberForm)
    assert again is not form and again._fields["city"].text() == "Porto" and again._fields["last_name"].text() == "Lima"
    hands.click(again.done_button)
    hands.until(lambda: "To save again brings them back" in again.reason.text())
    with pytest.raises(KnownError):
        member(hands.desk, ana)
    hands.click(again.done_button)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    assert member(hands.desk, ana).fields["city"] == "Porto"
    assert "Ana Lima was brought back, with what was typed" in hands.shell.toast.words.text()
    [deed] = deeds(hands.desk, 1)
    assert deed.what == "Brought back Ana Lima and changed the address"
    hands.click(hands.shell.toast.link)
    hands.until(lambda: hands.shell.toast.words.text() == "Undone: Brought back Ana Lima and changed the address. Ana Lima is off the list again.")
    with pytest.raises(KnownError):
        member(hands.desk, ana)
    hands.rest()
    hands.click(hands.shell.toast.link)
    hands.until(lambda: hands.shell.toast.words.text() == "Done again: Brought back Ana Lima and changed the address.")
    assert member(hands.desk, ana).fields["city"] == "Porto"


def test_what_was_changed_meanwhile_comes_into_view_after_the_recovery_key_too(hands: Any, tmp_path: Path) -> None:
    ana = add_member(hands.desk, first_name="Ana", last_name="Lima").id
    hands.shell.resize(1024, 640)
    form = open_form(hands, ana)
    hands.desk.set_setting(recovery.READ_BACK, None)
    change_member(hands.desk, ana, employer="Mill")
    form._fields["employer"].setText("Bakery")
    hands.until(form.isActiveWindow)
    hands.click(form.done_button)
    read_back(hands, hands.dialog(RecoveryPage), tmp_path / "key.txt")
    row = form._rows["employer"]
    hands.until(lambda: row.way_out is not None)
    hands.rest()

    def in_view() -> bool:
        at = row.below.mapTo(form._middle.viewport(), QPoint(0, row.below.height()))
        return bool(0 < at.y() <= form._middle.viewport().height())

    hands.until(in_view)
    assert form.focusWidget() is row.control
    form.reject()


def test_what_is_saved_on_an_entry_that_was_merged_meanwhile_goes_to_the_one_in_the_list(hands: Any) -> None:
    whole = member_rows(hands.desk, "chen")[0].id
    part = add_member(hands.desk, first_name="Li", last_name="Chen", city="Boston").id
    form = open_form(hands, part)
    merge_people(hands.desk, part, whole)
    change_member(hands.desk, whole, employer="Mill")
    form._fields["job_title"].setText("Miller")
    form._fields["employer"].setText("Bakery")
    hands.click(form.done_button)
    hands.until(lambda: form._rows["employer"].way_out is not None)
    assert "Mill" in form._rows["employer"].below.text() and form._rows["job_title"].way_out is None
    hands.rest()
    hands.click(form.done_button)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    fields = member(hands.desk, whole).fields
    assert (fields["employer"], fields["job_title"], fields["city"]) == ("Bakery", "Miller", "Boston")
    assert "Saved with Li Chen" in hands.shell.toast.words.text()
    page = hands.page("members")
    hands.until(lambda: page.panel.shown_for() == whole)
    hands.click(hands.shell.toast.link)
    hands.until(lambda: member(hands.desk, whole).fields["job_title"] is None)


def test_a_gatherings_form_writes_only_what_was_changed_in_it(hands: Any) -> None:
    dinner = new_gathering(hands.desk, name="Dinner", start="2027-05-12 18:30", end="2027-05-12 21:30", place="Harbor Hall", capacity="40").id
    [row] = gathering_rows(hands.desk)
    page = hands.page("gatherings", gathering=dinner)
    page.edit(row)
    form = hands.dialog(GatheringForm)
    change_gathering(hands.desk, dinner, place="Mill", start="2027-05-12 19:00", capacity="60")
    form.name.setText("Spring Dinner")
    form.start.setDateTime(form.start.dateTime().addSecs(7200))
    form.capacity.setText("50")
    hands.click(form.done_button)
    hands.until(lambda: form._rows["start"].way_out is not None)
    assert "60" in form._rows["capacity"].below.text() and form._rows["place"].way_out is None
    hands.rest()
    hands.click(form._rows["start"].way_out)
    assert form.start.dateTime().toPython() == datetime(2027, 5, 12, 19, 0)
    hands.click(form.done_button)
    hands.until(lambda: not hands.open_dialogs(GatheringForm))
    [row] = gathering_rows(hands.desk)
    assert (row.name, row.place, row.starts, row.capacity) == ("Spring Dinner", "Mill", "2027-05-12T19:00", 50)


def test_the_chapters_name_says_what_another_laptop_called_it_meanwhile(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("one", office), laptop("two", office)
    hands = window(one)
    page = hands.page("settings")
    page.chapter.setFocus()
    page.chapter.selectAll()
    QTest.keyClicks(page.chapter, "Boston & Providence")
    page.university.setFocus()  # so is this: written, and nobody touched it meanwhile
    hands.until(lambda: chapter(one).name == "Boston & Providence")
    page.chapter.setFocus()
    page.chapter.selectAll()
    QTest.keyClicks(page.chapter, "New England")
    sync_once(one)
    sync_once(two)
    change_chapter(two, name="Massachusetts", university="Northgate University")
    sync_once(two)
    sync_once(one)
    hands.room.changes.tell(Changed({"chapter": frozenset()}))
    hands.rest()
    assert page.chapter.text() == "New England" and page.university.text() == "Northgate University"
    QTest.keyClick(page.chapter, Qt.Key.Key_Return)
    row = page._chapter_lines["name"][1]
    hands.until(lambda: row.way_out is not None)
    assert "Massachusetts" in row.second.text() and "two" in row.second.text() and "Nothing is saved" in row.second.text()
    assert chapter(one).name == "Massachusetts" and row.way_out.accessibleName() == "Name: Take theirs"
    row.way_out.setFocus()
    hands.rest()
    assert page.chapter.text() == "New England"
    QTest.keyClick(row.way_out, Qt.Key.Key_Space)
    assert page.chapter.text() == "Massachusetts" and row.way_out is None and not page.chapter.property("wrong") and page.chapter.hasFocus()
    hands.rest()
    page.chapter.selectAll()
    QTest.keyClicks(page.chapter, "New England")
    change_chapter(one, name="Maine")
    QTest.keyClick(page.chapter, Qt.Key.Key_Return)
    hands.until(lambda: row.way_out is not None)
    assert row.second.text().startswith("Changed on this laptop to") and chapter(one).name == "Maine"
    QTest.keyClick(page.chapter, Qt.Key.Key_Return)  # ours, all the same
    hands.until(lambda: chapter(one).name == "New England")
    hands.rest()
    assert row.way_out is None and row.second.text().startswith("Stands at the head")


def test_what_is_being_typed_into_settings_is_kept_when_the_window_is_closed(desk: Any, hands_of: Any) -> None:
    room = build(desk, theme="light")
    room.bridge.stop()
    room.shell.show()
    hands = hands_of(room)
    page = hands.page("settings")
    hands.until(lambda: page.chapter.text() == chapter(desk).name)
    page.chapter.setFocus()
    page.chapter.selectAll()
    QTest.keyClicks(page.chapter, "New England")
    room.shell.close()
    room.close()
    assert chapter(desk).name == "New England"
    room.shell.deleteLater()
