"""A backup opens elsewhere, a damaged one says so and changes nothing, and the desk that was there is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from alumni_desk.errors import BadInput, StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.schema import open_desk
from alumni_desk.store.backup import back_up
from alumni_desk.store.checking import rebuild_search, verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync.restoring import restore


@pytest.fixture
def backup(desk: Desk, tmp_path: Path) -> Path:
    add_member(desk, first_name="Ada", last_name="Lovelace", email="ada@example.org")
    out = tmp_path / "saved.desk"
    held = back_up(desk, out, passphrase="another three words")
    assert held.members == 1
    return out


def test_it_opens_in_another_profile_with_its_own_password(backup: Path, tmp_path: Path) -> None:
    content = backup.read_bytes()
    assert b"Lovelace" not in content and b"example.org" not in content
    other = Profile(tmp_path / "other computer")
    with pytest.raises(StoreProblem):
        restore(other, backup, passphrase="a wrong guess")
    assert restore(other, backup, passphrase="another three words").held.members == 1
    with open_desk(other) as opened:
        assert [row.name for row in member_rows(opened, "lovelace")] == ["Ada Lovelace"]
        assert verify(opened).ok


@pytest.mark.parametrize("harm", ["cut", "flip", "other", "empty"])
def test_a_damaged_one_changes_nothing(backup: Path, profile: Profile, desk: Desk, harm: str) -> None:
    content = bytearray(backup.read_bytes())
    if harm == "cut":
        content = content[: len(content) // 2]
    elif harm == "flip":
        content[len(content) // 2] ^= 1
    else:
        content = bytearray(b"" if harm == "empty" else b"%PDF-1.7")
    backup.write_bytes(content)
    desk.close()
    with pytest.raises((BadInput, StoreProblem)) as refused:
        restore(profile, backup, passphrase="another three words")
    assert str(refused.value).endswith(".")
    with open_desk(profile) as opened:
        assert count_members(opened) == 1


def test_a_trial_says_what_is_in_it(backup: Path, profile: Profile, desk: Desk) -> None:
    add_member(desk, first_name="Bo")
    desk.close()
    assert restore(profile, backup, passphrase="another three words", dry_run=True).held.members == 1
    with open_desk(profile) as opened:
        assert count_members(opened) == 2


def test_a_search_index_that_went_wrong_is_found_and_mended(desk: Desk) -> None:
    ada = add_member(desk, first_name="Ada").id
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("UPDATE search_person SET names = 'wrong'")
    assert not verify(desk).ok
    rebuild_search(desk)
    assert verify(desk).ok and [row.id for row in member_rows(desk, "ada")] == [ada]
