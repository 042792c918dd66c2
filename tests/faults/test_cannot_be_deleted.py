"""A file in a folder for backups that nobody can delete, though the folder may be written: it is said, and no backup is made because of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from alumni_desk.cli.main import run as main
from alumni_desk.members.actions import add_member
from alumni_desk.store import backup, backup_folders, erasing
from alumni_desk.store.desk import Desk
from alumni_desk.store.rotation import DAILY, MONTHLY, WEEKLY


@pytest.fixture
def fixed() -> Iterator[Callable[[Path], None]]:
    """Makes that a file cannot be deleted, until the end of the test."""
    files: list[Path] = []

    def fix(file: Path) -> None:
        if not sys.platform.startswith("linux") or subprocess.run(["chattr", "+i", file], capture_output=True, check=False).returncode:
            pytest.skip("nobody here can make a file that stays")
        files.append(file)

    yield fix
    for file in filter(Path.exists, files):
        subprocess.run(["chattr", "-i", file], check=True)


def names(folder: Path) -> list[str]:
    """What is in a folder for backups."""
    return sorted(one.name for one in folder.iterdir() if one.name.endswith(".alumnidesk"))


def test_a_backup_of_somebody_erased_that_stays_makes_no_new_one_at_every_look(
        desk: Desk, tmp_path: Path, fixed: Callable[[Path], None], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    who, stick = add_member(desk, first_name="Zorah").id, tmp_path / "stick"
    backup_folders.choose_folder(desk.profile, stick)
    old = backup.by_itself(desk.profile, desk.key, "daily", now=datetime.now() - timedelta(days=3))
    fixed(old)
    with caplog.at_level("WARNING"):
        done = erasing.erase(desk, [who])
    assert (done.backups_deleted, done.unreached) == (0, (stick,))
    assert [one.message for one in caplog.records] == ["an old backup stays: Operation not permitted"]
    caplog.clear()
    there = names(stick)
    assert len(there) == 2 and old.name in there
    for _look in range(3):
        assert erasing.catch_up(desk) == 0 and names(stick) == there
        assert not backup.is_due(desk.profile, desk.key, backup_folders.backups(desk.profile, desk.key)[0].at)
    made = backup.by_itself(desk.profile, desk.key, "before_import")
    assert erasing.catch_up(desk) == 0 and names(stick) == sorted([*there, made.name]), "what was made since holds nobody who was erased"
    assert main(["--profile", str(desk.profile.path), "backups"]) == 0
    assert capsys.readouterr().out.count(f"{old} may still hold somebody who was erased, and could not be deleted") == 1
    subprocess.run(["chattr", "-i", old], check=True)
    assert erasing.catch_up(desk) == 1 and names(stick) == sorted({*there, made.name} - {old.name})
    assert backup_folders.trouble_words(desk.profile) == [] and not caplog.records


def test_a_folder_that_cannot_be_looked_into_makes_no_new_one_either(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    who, stick = add_member(desk, first_name="Zorah").id, tmp_path / "stick"
    backup_folders.choose_folder(desk.profile, stick)
    backup.by_itself(desk.profile, desk.key, "daily")
    backup_folders.choose_folder(desk.profile, None)
    with monkeypatch.context() as closed:  # for root no folder is closed
        closed.setattr(backup_folders, "can_be_listed", lambda folder, _disk="": folder != stick)
        assert erasing.erase(desk, [who]).unreached == (stick,)
        there = names(backup_folders.own_folder(desk.profile))
        for _look in range(2):
            assert erasing.catch_up(desk) == 0 and names(backup_folders.own_folder(desk.profile)) == there
    assert erasing.catch_up(desk) == 1 and backup_folders.owed(desk.profile) == [] and names(stick) == []


def test_one_whose_time_is_over_and_that_stays_is_said_and_stops_nothing(
        desk: Desk, fixed: Callable[[Path], None], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    add_member(desk, first_name="Ada")
    noon = datetime.now().astimezone().replace(hour=12)
    oldest, again, newest = (backup.by_itself(desk.profile, desk.key, "daily", now=noon - timedelta(days=days, minutes=minutes))
                             for days, minutes in ((3, 9), (3, 0), (0, 0)))
    assert not oldest.exists() and again.exists(), "of a day the newest stays"
    fixed(again)
    with caplog.at_level("WARNING"):
        later = backup.by_itself(desk.profile, desk.key, "daily", now=noon - timedelta(days=3) + timedelta(minutes=9))
        assert [one.message for one in caplog.records] == ["an old backup stays: Operation not permitted"]
        caplog.clear()
        backup.by_itself(desk.profile, desk.key, "daily", now=noon + timedelta(minutes=1))
    assert not caplog.records, "said once"
    assert not newest.exists() and later.exists() and again.exists(), "the others go as ever"
    there = names(backup_folders.own_folder(desk.profile))
    for _look in range(3):
        assert not backup.is_due(desk.profile, desk.key, noon) and erasing.catch_up(desk) == 0
    assert names(backup_folders.own_folder(desk.profile)) == there and len(there) <= DAILY + WEEKLY + MONTHLY
    assert main(["--profile", str(desk.profile.path), "backups"]) == 0
    assert capsys.readouterr().out.count(f"{again}, which is no longer needed, could not be deleted") == 1
    subprocess.run(["chattr", "-i", again], check=True)
    again.unlink()
    assert backup_folders.trouble_words(desk.profile) == []
