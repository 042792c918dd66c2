"""What lies on this laptop unlocked, and what a backup holds that the present has not: said, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alumni_desk.desktop.compared_sheet import ComparedSheet
from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.erasing_sheets import stake_of
from alumni_desk.desktop.laptop_part import ExportedSheet, what_is_here
from alumni_desk.exchange.exporting import members_csv
from alumni_desk.gatherings.actions import add_guests, new_gathering, set_rsvp
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.segments.comparing import compare
from alumni_desk.store import backup, exports


def test_the_members_added_since_and_removed_since_are_named(hands: Any) -> None:
    desk = hands.desk
    gone = add_member(desk, first_name="Noor", last_name="Haddad")
    backup.by_itself(desk.profile, desk.key, "daily")
    add_member(desk, first_name="Eve", last_name="Later")
    with desk.writing("member_removed") as writing:
        writing.change("person", gone.id, gone=True)
    page = hands.page("restore")
    page.detail._see.click()
    sheet = hands.dialog(ComparedSheet)
    said = [label.text() for label in sheet.findChildren(Label)]
    then = next(words for words in said if words.startswith("Only at "))
    assert said.index("Only now") < said.index("Eve Later") < said.index(then) < said.index("Noor Haddad")
    assert not list(desk.profile.path.glob("compare-*"))
    sheet.reject()


def test_a_backup_compared_with_itself_differs_in_nothing(hands: Any) -> None:
    file = backup.by_itself(hands.desk.profile, hands.desk.key, "daily")
    found = compare(hands.desk, file)
    assert [one.count for side in (found.only_now, found.only_then, found.changed) for one in side.values()] == [0] * 12


def test_entries_that_were_merged_are_one_member(hands: Any) -> None:
    desk = hands.desk
    entry = add_member(desk, first_name="Li", last_name="Chen").id
    backup.by_itself(desk.profile, desk.key, "daily")
    kept = next(row.id for row in member_rows(desk, "Li Chen") if row.id != entry)
    merge_people(desk, entry, kept)
    assert what_is_here(desk).members == stake_of(desk).members == 3
    page = hands.page("restore")
    words = [label.text() for label in page.detail.findChildren(Label)]
    assert words[words.index("Members"):][:4] == ["Members", "4", "3", "1 more"]
    page.detail._see.click()
    sheet = hands.dialog(ComparedSheet)
    said = [label.text() for label in sheet.findChildren(Label)]
    assert said.count("1 member") == 1 and said[said.index("1 member") + 1] == "Li Chen"
    assert next(words for words in said if words.startswith("Only at ")) and "Only now" not in said and "Changed since" not in said
    sheet.reject()


def test_what_was_changed_since_is_not_called_the_same(hands: Any) -> None:
    desk = hands.desk
    noor = add_member(desk, first_name="Noor", last_name="Haddad", city="Porto").id
    dinner = new_gathering(desk, name="Dinner", start="2030-11-12T18:30").id
    add_guests(desk, dinner, [noor])
    backup.by_itself(desk.profile, desk.key, "daily")
    change_member(desk, noor, city="Lisbon", notes="moved")
    set_rsvp(desk, dinner, [registration_id(dinner, noor)], "no")
    page = hands.page("restore")
    words = [label.text() for label in page.detail.findChildren(Label)]
    assert "as many" in words and "the same" not in words
    page.detail._see.click()
    sheet = hands.dialog(ComparedSheet)
    said = [label.text() for label in sheet.findChildren(Label)]
    assert "Changed since" in said and "Only now" not in said
    assert said[said.index("1 member") + 1] == "Noor Haddad" and said[said.index("1 entry of a guest list") + 1] == "Noor Haddad at Dinner"
    sheet.reject()


def test_exported_files_are_said_to_be_unlocked_and_can_be_deleted(hands: Any, tmp_path: Path) -> None:
    desk = hands.desk
    page = hands.page("settings", section="security")
    assert page.security.laptop.loose.isHidden()
    out = tmp_path / "members.csv"
    exports.note(desk, members_csv(desk, out).path)
    page.refresh()
    hands.until(lambda: not page.security.laptop.loose.isHidden())
    assert page.security.laptop.see.text() == "See the 1 file"
    hands.click(page.security.laptop.see)
    sheet = hands.dialog(ExportedSheet)
    hands.click(sheet.done_button)
    hands.until(lambda: not out.exists() and page.security.laptop.loose.isHidden())
