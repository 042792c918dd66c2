"""The key file is lost or leads nowhere: the key that lies in a backup is tried on what is here, and nothing goes that it opens."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.conftest import PASSPHRASE
from tests.store.test_keyring import Shelf

from alumni_desk.cli.main import run as main
from alumni_desk.errors import KnownError, StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, keys
from alumni_desk.store.outbox import NAME, Outbox
from alumni_desk.store.profile import Profile
from alumni_desk.store.recovery import recovery_key
from alumni_desk.sync.restoring import restore, salvage


@pytest.fixture
def saved(profile: Profile) -> Path:
    """A desk with a backup of when it had one member; a second one came since."""
    with open_desk(profile) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        add_member(desk, first_name="Ada", last_name="Obi")
        file = backup.by_itself(profile, desk.key, "daily")
        add_member(desk, first_name="Zed", last_name="Late")
    return file


def spoil(profile: Profile, how: str) -> None:
    """Let the key file lead nowhere."""
    file = profile.path / "desk.key"
    if how == "lost":
        file.unlink()
    elif how == "damaged":
        file.write_text("{")
    elif how == "of another desk":
        keys.database_key(profile.path, "other", passphrase=PASSPHRASE)
        (profile.path / "other.key").replace(file)
    else:
        file.write_text(json.dumps({"keyring": {"id": "nobody knows it"}}))


def names(profile: Profile) -> list[str]:
    with open_desk(profile) as desk:
        return sorted(row.name for row in member_rows(desk))


@pytest.mark.parametrize("how", ["lost", "damaged", "of another desk", "silent"])
def test_where_only_the_key_is_lost_everything_opens_again(
        profile: Profile, saved: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    before = profile.database.read_bytes(), (profile.path / NAME).read_bytes()
    spoil(profile, how)
    tried = restore(profile, saved, dry_run=True)
    assert tried.reopened and tried.held.members == 2
    with pytest.raises(KnownError):
        open_desk(profile)
    done = restore(profile, saved)
    assert done.reopened and done.held.members == 2 and done.replaced is None and not done.from_outbox
    assert (profile.database.read_bytes(), (profile.path / NAME).read_bytes()) == before
    assert names(profile) == ["Ada Obi", "Zed Late"]
    assert len(list(profile.path.glob("desk-damaged-*"))) == (how != "lost")  # the key file that led nowhere
    assert restore(profile, saved).held.members == 1  # now it is a step back like any other


@pytest.mark.parametrize("begun", [False, True])
def test_a_restored_profile_has_a_copy_of_its_new_key_at_once(profile: Profile, saved: Path, tmp_path: Path, *, begun: bool) -> None:
    stick, new = tmp_path / "stick.alumnidesk", Profile(tmp_path / "new")
    shutil.copyfile(saved, stick)
    if begun:  # the program was opened there, and nobody began a chapter
        with open_desk(new):
            pass
    restore(new, stick, passphrase=PASSPHRASE)
    with open_desk(new) as desk:
        add_member(desk, first_name="Bo", last_name="Here")
        [made] = backup.backups(new, desk.key)
        assert made.ours and made.why == "daily" and not backup.is_due(new, desk.key)
    (new.path / "desk.key").unlink()
    with pytest.raises(KnownError):
        open_desk(new)
    assert salvage(new, passphrase=PASSPHRASE).reopened
    assert names(new) == ["Ada Obi", "Bo Here"]
    restore(profile, saved, passphrase=PASSPHRASE)
    with open_desk(profile) as desk:
        assert sorted(one.why for one in backup.backups(profile, desk.key)) == ["before_restore", "daily"], "its key lies in copies already"


def test_a_restore_is_done_though_its_copy_cannot_be_made(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                          caplog: pytest.LogCaptureFixture) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreProblem("disk_full", "No room.")

    new = Profile(tmp_path / "new")
    monkeypatch.setattr(backup, "by_itself", full)
    restore(new, saved, passphrase=PASSPHRASE)
    assert "the first backup after a restore was not made: disk_full" in caplog.text
    caplog.clear()
    assert names(new) == ["Ada Obi"]


@pytest.mark.parametrize("whole", ["outbox alone", "both in part"])
def test_what_waited_is_carried_over_if_the_key_opens_no_more_than_that(profile: Profile, saved: Path, whole: str) -> None:
    content = bytearray(profile.database.read_bytes())
    content[100 if whole == "outbox alone" else -100] ^= 1
    profile.database.write_bytes(content)
    spoil(profile, "lost")
    assert restore(profile, saved, dry_run=True).carried > 0
    done = restore(profile, saved)
    assert not done.reopened and done.from_outbox and done.carried > 0 and not done.unread
    assert done.replaced is not None and done.replaced.read_bytes() == bytes(content)
    assert names(profile) == ["Ada Obi", "Zed Late"]


def test_what_waited_is_carried_over_though_the_database_is_gone_too(profile: Profile, saved: Path) -> None:
    profile.database.unlink()
    spoil(profile, "lost")
    done = restore(profile, saved)
    assert done.from_outbox and done.replaced is None
    assert names(profile) == ["Ada Obi", "Zed Late"]


def test_what_another_key_locks_is_kept_with_its_copy_and_its_place_is_said(profile: Profile, saved: Path, tmp_path: Path) -> None:
    with open_desk(Profile(tmp_path / "other")) as desk:
        desk.make_chapter("Lagos", "Northgate", "Africa/Lagos")
        add_member(desk, first_name="Obi")
        file = backup.by_itself(desk.profile, desk.key, "daily")
    kept = profile.database.read_bytes(), (profile.path / NAME).read_bytes()
    key = shutil.copy(profile.path / "desk.key", tmp_path / "kept.key")
    spoil(profile, "damaged")
    done = restore(profile, file)
    assert not done.reopened and not done.carried and not done.from_outbox and done.unread
    assert done.replaced is not None and (done.replaced.read_bytes(), done.replaced.with_suffix(".outbox").read_bytes()) == kept
    assert names(profile) == ["Obi"]
    # Whoever finds the key again has all of it.
    found = Profile(tmp_path / "found")
    found.create()
    for source, name in ((done.replaced, "desk.db"), (done.replaced.with_suffix(".outbox"), NAME), (Path(key), "desk.key")):
        shutil.copy(source, found.path / name)
    assert names(found) == ["Ada Obi", "Zed Late"]


def test_a_restore_that_fails_leaves_a_desk_without_a_key_as_it_was(profile: Profile, saved: Path, tmp_path: Path) -> None:
    with open_desk(Profile(tmp_path / "other")) as desk:
        desk.make_chapter("Lagos", "Northgate", "Africa/Lagos")
        file = backup.by_itself(desk.profile, desk.key, "daily")
    spoil(profile, "lost")
    before = {one.name: one.read_bytes() for one in profile.path.iterdir() if one.is_file()}
    with pytest.raises(KnownError):
        restore(profile, file, cancelled=lambda: True)
    after = {one.name: one.read_bytes() for one in profile.path.iterdir() if one.is_file()}
    assert {name: content for name, content in after.items() if not name.endswith(".lock")} == \
        {name: content for name, content in before.items() if not name.endswith(".lock")}


def test_one_that_ended_while_it_took_the_place_is_ended_before_another_begins(
        profile: Profile, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_desk(Profile(tmp_path / "other")) as desk:
        desk.make_chapter("Lagos", "Northgate", "Africa/Lagos")
        file = backup.by_itself(desk.profile, desk.key, "daily")
    spoil(profile, "lost")

    def killed(profile: Profile) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(backup, "take_place", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(profile, file)
    restore(profile, saved)
    assert names(profile) == ["Ada Obi"]
    assert len(list(profile.path.glob("desk-damaged-*.db"))) == 1


def test_a_key_that_the_store_has_lost_comes_back_out_of_a_backup_though_there_is_a_recovery_key(
        profile: Profile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The paper is lost, too: a copy that was made with a password opens all that is here."""
    monkeypatch.delenv(keys.PASSPHRASE)
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        recovery_key(desk)
        file = tmp_path / "stick.alumnidesk"
        backup.back_up(desk, file, passphrase=PASSPHRASE)
        add_member(desk, first_name="Zed", last_name="Late")
    shelf.kept.clear()
    done = restore(profile, file, passphrase=PASSPHRASE)
    assert done.reopened and done.replaced is None and done.held.members == 1
    monkeypatch.setenv(keys.PASSPHRASE, PASSPHRASE)
    assert names(profile) == ["Zed Late"]


def test_the_recovery_key_opens_it_as_well_and_stays_good(profile: Profile, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_desk(profile) as desk:
        paper = recovery_key(desk)
        file = backup.by_itself(profile, desk.key, "daily")
        add_member(desk, first_name="Newest")
    spoil(profile, "lost")
    monkeypatch.delenv(keys.PASSPHRASE)
    assert restore(profile, file, passphrase=paper).reopened
    for typed in (paper, PASSPHRASE):
        with open_desk(profile, passphrase=typed) as desk:
            assert count_members(desk) == 3


def test_putting_right_begins_with_the_key_out_of_the_newest_backup(profile: Profile, saved: Path) -> None:
    spoil(profile, "lost")
    assert salvage(profile).reopened
    assert names(profile) == ["Ada Obi", "Zed Late"]


def test_the_command_says_it(profile: Profile, saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(profile, "lost")
    assert main(["--profile", str(profile.path), "restore", str(saved), "--dry-run"]) == 0
    assert "Nothing was changed" in capsys.readouterr().out
    assert main(["--profile", str(profile.path), "restore", str(saved), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["restored"], said["reopened"], said["members"], said["replaced"], said["from_outbox"]) == (False, True, 2, None, False)
    spoil(profile, "lost")
    content = bytearray(profile.database.read_bytes())
    content[100] ^= 1
    profile.database.write_bytes(content)
    assert main(["--profile", str(profile.path), "restore", str(saved)]) == 0
    said = capsys.readouterr().out
    assert "carried over" in said and "desk-damaged-" in said


def test_a_key_that_opens_no_copy_is_told_from_one_that_does(profile: Profile, saved: Path) -> None:
    key = keys.database_key(profile.path, "desk")
    assert Outbox(profile.path, key).opens() and not Outbox(profile.path, bytes(32)).opens()
