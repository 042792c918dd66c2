"""The recovery key: it opens the data here and a backup elsewhere, names the group that is mistyped, and lies nowhere in plain text."""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from pathlib import Path

import pytest
from tests.store.test_keyring import Shelf

from alumni_desk.cli.main import run
from alumni_desk.errors import KnownError, Refused, StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.protocol.codes import new_recovery_key
from alumni_desk.schema import open_desk
from alumni_desk.store import keys, recovery
from alumni_desk.store.backup import back_up
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync.restoring import restore

WRONG = "no such words at all"


@pytest.fixture
def paper(desk: Desk) -> str:
    """A desk with one member, closed; what stands on its paper."""
    add_member(desk, first_name="Ada")
    key = recovery.recovery_key(desk)
    assert recovery.recovery_key(desk) == key
    desk.close()
    return key


def mistyped(key: str, group: int) -> str:
    """The key with the last letter of a group wrong."""
    groups = key.split("-")
    groups[group - 1] = groups[group - 1][:4] + ("Z" if groups[group - 1][4] != "Z" else "Y")
    return " ".join(groups).lower()


def test_it_opens_what_the_password_does_not(profile: Profile, paper: str) -> None:
    for typed in (paper, paper.replace("-", " ").lower(), paper.replace("-", "")):
        with open_desk(profile, passphrase=typed) as desk:
            assert count_members(desk) == 1
    with pytest.raises(StoreProblem) as wrong:
        open_desk(profile, passphrase=WRONG)
    assert wrong.value.code == "passphrase_wrong"


@pytest.mark.parametrize("group", [1, 4, 7, 8])
def test_the_mistyped_group_is_named(profile: Profile, paper: str, group: int) -> None:
    with pytest.raises(StoreProblem, match=f"Group {group} has a typing error") as typo:
        open_desk(profile, passphrase=mistyped(paper, group))
    assert typo.value.code == "recovery_typo"


@pytest.mark.parametrize("groups", [7, 9])
def test_too_few_groups_and_too_many_are_told_as_such(profile: Profile, paper: str, groups: int) -> None:
    typed = "-".join([*paper.split("-"), "ABCDE"][:groups])
    with pytest.raises(StoreProblem, match=f"eight groups of five letters or digits, and these are {groups}") as typo:
        open_desk(profile, passphrase=typed)
    assert typo.value.code == "recovery_typo"


def test_another_chapters_key_is_refused_in_words(profile: Profile, paper: str) -> None:
    with pytest.raises(StoreProblem, match="another chapter") as wrong:
        open_desk(profile, passphrase=new_recovery_key())
    assert wrong.value.code == "recovery_wrong"


def test_the_environment_gives_it_when_the_password_fails(profile: Profile, paper: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", WRONG)
    monkeypatch.setenv("ALUMNI_DESK_RECOVERY", paper)
    with open_desk(profile) as desk:
        keys.keep_under(profile.path, "desk", desk.key, "words for a new start")
    monkeypatch.setenv("ALUMNI_DESK_RECOVERY", mistyped(paper, 3))
    with pytest.raises(StoreProblem, match="Group 3"):
        open_desk(profile)
    monkeypatch.delenv("ALUMNI_DESK_RECOVERY")
    open_desk(profile, passphrase="words for a new start").close()


def test_a_lost_password_store_leads_to_it(profile: Profile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        key = recovery.recovery_key(desk)
    shelf.silent = True
    with pytest.raises(StoreProblem, match=r"it is locked.* or type the recovery key") as needed:
        open_desk(profile)
    assert needed.value.code == "recovery_needed"
    with open_desk(profile, passphrase=key) as desk:
        keys.keep_under(profile.path, "desk", desk.key, "words for a new start")
    open_desk(profile, passphrase="words for a new start").close()
    with pytest.raises(StoreProblem, match="Type the chapter’s password") as needed:
        open_desk(profile)
    assert needed.value.code == "passphrase_needed"


def test_several_keep_it_and_each_can_change(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    with open_desk(profile) as desk:
        key = desk.key
        with pytest.raises(Refused):
            keys.keep_in_keyring(profile.path, "desk", key, on=False)
        paper = recovery.recovery_key(desk)
    keys.keep_under(profile.path, "desk", key, "three words here")
    assert keys.keepers(profile.path, "desk") == {"keyring", "passphrase", "recovery"}
    for typed in (None, "three words here", paper):
        with open_desk(profile, passphrase=typed) as desk:
            assert desk.key == key
    keys.opens(profile.path, "desk", key, "three words here")
    keys.keyring_opens(profile.path, "desk", key)
    with pytest.raises(StoreProblem):
        keys.opens(profile.path, "desk", key, "three words there")
    keys.keep_in_keyring(profile.path, "desk", key, on=False)
    assert shelf.kept == {} and keys.keepers(profile.path, "desk") == {"passphrase", "recovery"}
    keys.keep_in_keyring(profile.path, "desk", key, on=True)
    keys.keep_in_keyring(profile.path, "desk", key, on=True)
    assert len(shelf.kept) == 1
    keys.keep_anew(profile.path, "desk", key, "other words now")
    assert shelf.kept == {} and keys.keepers(profile.path, "desk") == {"passphrase", "recovery"}


def test_a_key_file_of_before_still_opens(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_desk(profile, passphrase="three words here") as desk:
        key = desk.key
    file = profile.path / "desk.key"
    file.write_text(json.dumps({"kept": "passphrase", **keys.seal(key, "three words here").as_json()}))
    with open_desk(profile, passphrase="three words here") as desk:
        assert desk.kept_by == "passphrase" and desk.key == key
        paper = recovery.recovery_key(desk)
    open_desk(profile, passphrase=paper).close()
    shelf = Shelf()
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    shelf.set_password(keys.SERVICE, "of old", base64.b64encode(key).decode())
    file.write_text(json.dumps({"kept": "keyring", "id": "of old"}))
    with open_desk(profile) as desk:
        assert desk.kept_by == "keyring" and desk.key == key


def test_a_backup_opens_on_another_machine_and_enrols_anew(profile: Profile, paper: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "backup.alumnidesk"
    with open_desk(profile) as desk:
        back_up(desk, out)
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    monkeypatch.setattr(keys, "_keyring", lambda: None)
    elsewhere = Profile(tmp_path / "elsewhere")
    with pytest.raises(StoreProblem, match="Group 2"):
        restore(elsewhere, out, passphrase=mistyped(paper, 2))
    with pytest.raises(StoreProblem) as wanted:
        restore(elsewhere, out, passphrase=paper)
    assert wanted.value.code == "passphrase_wanted" and not elsewhere.exists
    assert restore(elsewhere, out, passphrase=paper, own="words of this machine").held.members == 1
    for typed in ("words of this machine", paper):
        with open_desk(elsewhere, passphrase=typed) as desk:
            assert count_members(desk) == 1 and recovery.recovery_key(desk) == paper
    with pytest.raises(StoreProblem):
        open_desk(elsewhere, passphrase=os.environ.get("NOTHING", WRONG))
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    third = Profile(tmp_path / "third")
    restore(third, out, passphrase=paper)
    assert len(shelf.kept) == 1
    with open_desk(third) as desk:
        assert desk.kept_by == "keyring" and count_members(desk) == 1


def test_a_new_one_makes_the_old_one_useless(profile: Profile, paper: str) -> None:
    with open_desk(profile) as desk:
        recovery.note_read_back(desk)
        newer = recovery.make_anew(desk)
        assert newer != paper and recovery.standing(desk) == recovery.Standing(True, None)
    open_desk(profile, passphrase=newer).close()
    with pytest.raises(StoreProblem) as wrong:
        open_desk(profile, passphrase=paper)
    assert wrong.value.code == "recovery_wrong"


def test_the_paper_that_was_read_back_holds_until_the_new_one_is(profile: Profile, paper: str) -> None:
    with open_desk(profile) as desk:
        recovery.note_read_back(desk)
        newer = recovery.next_key(desk)
        assert newer != paper == recovery.recovery_key(desk) and recovery.next_key(desk) == newer
        assert recovery.standing(desk).replacing and recovery.standing(desk).read_back is not None
    with open_desk(profile, passphrase=paper) as desk:
        recovery.note_read_back(desk, paper)  # the old one, looked up in the meantime
        assert recovery.standing(desk).replacing
        recovery.note_read_back(desk, newer)
        assert recovery.recovery_key(desk) == newer and not recovery.standing(desk).replacing and recovery.standing(desk).read_back is not None
    open_desk(profile, passphrase=newer).close()
    with pytest.raises(StoreProblem) as wrong:
        open_desk(profile, passphrase=paper)
    assert wrong.value.code == "recovery_wrong"


def test_a_paper_whose_key_was_replaced_meanwhile_counts_for_none(profile: Profile, paper: str) -> None:
    with open_desk(profile) as desk:
        recovery.make_anew(desk)
        with pytest.raises(Refused, match="another key took its place") as refused:
            recovery.note_read_back(desk, paper)
        assert refused.value.code == "recovery_replaced" and recovery.standing(desk) == recovery.Standing(True, None)


def test_without_a_paper_a_new_one_holds_at_once(profile: Profile, paper: str) -> None:
    with open_desk(profile) as desk:
        newer = recovery.next_key(desk)
        assert newer == recovery.recovery_key(desk) != paper and not recovery.standing(desk).replacing


def test_the_command_prints_it_and_asks_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(tmp_path / "profile")
    assert run(["--profile", folder, "member", "add", "first_name=Ada", "--json"]) == 0
    capsys.readouterr()
    assert run(["--profile", folder, "recovery-key", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert list(said) == ["key"] and len(said["key"]) == 47
    assert run(["--profile", folder, "recovery-key"]) == 0
    assert said["key"] in capsys.readouterr().out
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", WRONG)
    assert run(["--profile", folder, "members", "--json"]) == 1
    assert "password" in capsys.readouterr().err
    monkeypatch.setenv("ALUMNI_DESK_RECOVERY", said["key"])
    assert run(["--profile", folder, "members", "--json"]) == 0


def test_at_a_terminal_the_password_may_be_wrong_twice_and_the_recovery_key_opens(profile: Profile, paper: str, monkeypatch: pytest.MonkeyPatch,
                                                                                 capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    from alumni_desk.cli.output import open_asking

    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    typed = iter([WRONG, mistyped(paper, 5), paper])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    open_asking(profile).close()
    said = capsys.readouterr().err
    assert "Group 5 has a typing error" in said and "Choose a new password next" in said


def test_it_lies_nowhere_in_plain_text(profile: Profile, paper: str, tmp_path: Path) -> None:
    with open_desk(profile) as desk:
        back_up(desk, tmp_path / "backup.alumnidesk")
    looked_for = [paper.encode(), paper.replace("-", "").encode(), *[group.encode() for group in paper.split("-")]]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(one in content for one in looked_for), file


def test_ten_thousand_wrong_raw_keys_open_nothing(profile: Profile, paper: str) -> None:
    """Random ones, and every one that differs from the right key by a single bit."""
    import sqlcipher3.dbapi2 as sqlcipher

    right = keys.database_key(profile.path, "desk", passphrase=paper)
    near = [(int.from_bytes(right) ^ (1 << bit)).to_bytes(32) for bit in range(256)]
    begun = time.monotonic()
    opened = 0
    for key in [*near, *(secrets.token_bytes(32) for _ in range(10_000 - len(near)))]:
        connection = sqlcipher.connect(str(profile.database), isolation_level=None)
        try:
            connection.execute("PRAGMA cipher_log_level = NONE")
            connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
            connection.execute("SELECT count(*) FROM sqlite_master")
            opened += 1
        except sqlcipher.DatabaseError:
            pass
        finally:
            connection.close()
    took = time.monotonic() - begun
    assert opened == 0
    assert took < 60
    connection = connect(profile.database, right)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 10
    connection.close()


def test_a_box_that_was_changed_opens_nothing(profile: Profile, paper: str) -> None:
    box = keys.recovery_box(profile.path, "desk")
    assert box is not None
    whole = base64.b64decode(box["box"])
    for place in range(len(whole)):
        harmed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:]
        with pytest.raises(KnownError):
            keys.unseal_with_recovery({**box, "box": base64.b64encode(harmed).decode()}, paper)
