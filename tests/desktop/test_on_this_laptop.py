"""What lies on this laptop unlocked, and what a backup holds that the present has not: said, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alumni_desk.desktop.compared_sheet import ComparedSheet
from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.laptop_part import ExportedSheet
from alumni_desk.exchange.exporting import members_csv
from alumni_desk.members.actions import add_member
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
    then = next(words for words in said if words.startswith("Only on "))
    assert said.index("Only today") < said.index("Eve Later") < said.index(then) < said.index("Noor Haddad")
    assert not list(desk.profile.path.glob("compare-*"))
    sheet.reject()


def test_a_backup_compared_with_itself_differs_in_nothing(hands: Any) -> None:
    file = backup.by_itself(hands.desk.profile, hands.desk.key, "daily")
    found = compare(hands.desk, file)
    assert [one.count for side in (found.only_now, found.only_then) for one in side.values()] == [0] * 6


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
