"""A backup that was cut off leaves nothing for long, and one that is being made loses nothing to another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.store import backup, backup_folders, cut_off
from alumni_desk.store.desk import Desk

MAKING = """
import sys
from pathlib import Path
from alumni_desk.schema import open_desk
from alumni_desk.store import backup
from alumni_desk.store.profile import Profile

def stop(done, total):
    print("in the middle", flush=True)
    sys.stdin.readline()

with open_desk(Profile(Path(sys.argv[1]))) as desk:
    if len(sys.argv) > 2:
        backup.back_up(desk, Path(sys.argv[2]), progress=stop)
    else:
        backup.by_itself(desk.profile, desk.key, "daily", progress=stop)
    print("made", flush=True)
"""


@contextmanager
def making(desk: Desk, *out: Path) -> Iterator[subprocess.Popen[str]]:
    """A backup that another program makes, in the middle of it; killed at the end unless it is done."""
    with subprocess.Popen([sys.executable, "-c", MAKING, str(desk.profile.path), *map(str, out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True, encoding="utf-8") as process:
        assert process.stdout is not None and process.stdout.readline().strip() == "in the middle"
        try:
            yield process
        finally:
            process.kill()


def beside(folder: Path) -> list[str]:
    """What is in a folder that is no backup."""
    return sorted(one.name for one in folder.iterdir() if not one.name.endswith((".alumnidesk", ".saved")))


@pytest.fixture
def stick(desk: Desk, tmp_path: Path) -> Path:
    add_member(desk, first_name="Ada")
    backup_folders.choose_folder(desk.profile, tmp_path / "stick")
    return tmp_path / "stick"


def test_what_a_killed_one_left_goes_before_the_next(desk: Desk, stick: Path) -> None:
    with making(desk):
        pass
    assert beside(stick)
    made = backup.by_itself(desk.profile, desk.key, "daily")
    assert made.parent == stick and backup.is_whole(made) and beside(stick) == []
    with making(desk):
        pass
    backup_folders.choose_folder(desk.profile, None)
    with making(desk):
        assert beside(stick) == [], "from where they went before, too"
    assert beside(desk.profile.path / "backups")
    backup.by_itself(desk.profile, desk.key, "daily")
    assert beside(desk.profile.path / "backups") == []


def test_it_goes_when_the_folder_is_chosen_and_whatever_the_backup_was_to_be_called(desk: Desk, stick: Path) -> None:
    with making(desk, stick / "mine.saved"):
        pass
    assert any(one.startswith("mine.saved.copy") for one in beside(stick))
    backup_folders.choose_folder(desk.profile, stick)
    assert beside(stick) == []
    with making(desk, stick / "mine.saved"):
        pass
    backup.back_up(desk, stick / "other.saved")
    assert beside(stick) == []
    for end in (".part", ".copy", ".copy-wal", ".copy-shm"):  # a program of before there were locks
        (stick / f"alumni-desk-20261101-120000-daily.alumnidesk{end}").write_bytes(b"x")
    (stick / "thesis.copy").write_bytes(b"mine")
    (stick / "thesis.part").write_bytes(b"mine")
    backup.by_itself(desk.profile, desk.key, "daily")
    assert beside(stick) == ["thesis.copy", "thesis.part"]


def test_one_that_is_being_made_keeps_its_own(desk: Desk, stick: Path) -> None:
    with making(desk) as process:
        before = beside(stick)
        made = backup.by_itself(desk.profile, desk.key, "daily")
        backup_folders.choose_folder(desk.profile, stick)
        assert backup.is_whole(made) and beside(stick) == before != []
        done, _err = process.communicate("\n" * 1_000, timeout=300)
        assert done.strip().endswith("made") and process.returncode == 0
    assert beside(stick) == []
    found = backup_folders.backups(desk.profile, desk.key)  # of one day the last one stays
    assert found and all(backup.is_whole(one.file) for one in found)


def test_two_write_no_file_at_once(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "mine.saved"
    with making(desk, out) as process:
        with pytest.raises(StoreProblem, match="just being written by another program") as refused:
            backup.back_up(desk, out)
        assert refused.value.code == "backup_under_way"
        process.communicate("\n" * 1_000, timeout=300)
    assert backup.is_whole(out) and not list(tmp_path.glob("mine.saved?*"))


def test_on_a_network_drive_nothing_goes_that_was_changed_within_the_hour(desk: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with making(desk):
        pass
    left = beside(stick)
    monkeypatch.setattr(cut_off, "on_network", lambda folder: folder == stick)
    backup.by_itself(desk.profile, desk.key, "daily")
    assert beside(stick) == left
    for name in left:
        os.utime(stick / name, (time.time() - 2 * cut_off.NETWORK_WAIT,) * 2)
    backup.by_itself(desk.profile, desk.key, "daily")
    assert beside(stick) == []


def test_what_is_left_does_not_make_a_folder_full(desk: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for one backup, and what is left takes it."""
    with making(desk):
        pass
    usage = shutil.disk_usage(stick)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=0 if beside(Path(folder)) else usage.free))
    backup_folders.choose_folder(desk.profile, stick)
