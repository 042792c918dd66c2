"""The folder chosen for backups is full, can only be read, or is none any more: nothing else waits for it, and it is said what is so and what is owed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.errors import KnownError
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, backup_folders, erasing
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

HEAD = """
import os, shutil, subprocess, sys
from pathlib import Path
from alumni_desk.cli.main import run
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, backup_folders, erasing
from alumni_desk.store.profile import Profile
stick, profile, file = Path(sys.argv[1]), Profile(Path(sys.argv[2])), Path(sys.argv[3])
def fill(folder):
    try:
        with open(folder / "ballast", "ab", buffering=0) as stream:
            while True:
                stream.write(bytes(4096))
    except OSError:
        pass
def names(folder):
    return sorted(one.name for one in folder.iterdir() if one.name not in ("ballast", "desk.db", "mine.alumnidesk"))
def do(*words):
    print("$", words[0], flush=True)
    code = run(["--profile", str(profile.path), *map(str, words)])
    print("=", code, flush=True)
"""

FULL = HEAD + """
with open_desk(profile) as desk:
    who = add_member(desk, first_name="Zorah", last_name="Quibble").id
    backup_folders.choose_folder(profile, stick)
    fill(stick)
    before = count_members(desk)
do("import", file)
assert names(stick) == [], names(stick)
do("member", "erase", who, "--yes")
assert names(stick) == [], names(stick)
for words in (["members"], ["backups"]):
    do(*words)
with open_desk(profile) as desk:
    assert count_members(desk) == before  # one came, one went
    erasing.catch_up(desk)
    assert backup_folders.unlisted(profile) == [stick] and backup_folders.owed(profile) == []
    assert backup.daily(desk) is None, "there is one of today"
    (stick / "ballast").unlink()
    erasing.catch_up(desk)
    assert backup_folders.unlisted(profile) == [] and names(stick) == ["erased.json"]
    assert backup.by_itself(profile, desk.key, "daily").parent == stick
do("backups")
do("backups", "--folder", "default")
fill(stick)
do("backups", "--folder", stick)
"""

BOTH = HEAD + """
profile = Profile(shutil.copytree(profile.path, stick / "disk" / "desk"))
chosen = stick / "chosen"
chosen.mkdir()
with open_desk(profile) as desk:
    backup_folders.choose_folder(profile, chosen)
    fill(stick)
do("import", file)
do("backups", "--now")
assert names(chosen) == [], names(chosen)
"""

READ_ONLY = HEAD + """
with open_desk(profile) as desk:
    who = add_member(desk, first_name="Zorah", last_name="Quibble").id
    backup_folders.choose_folder(profile, stick)
    old = backup.by_itself(profile, desk.key, "daily")
subprocess.run(["mount", "-o", "remount,ro", stick], check=True)
do("member", "erase", who, "--yes")
for words in (["import", file], ["members"], ["backups"]):
    do(*words)
assert old.exists()
subprocess.run(["mount", "-o", "remount,rw", stick], check=True)
do("backups")
assert not old.exists() and "erased.json" in names(stick)
"""

PULLED = HEAD + """
other = stick.with_name("elsewhere")
other.mkdir()
subprocess.run(["mount", "--bind", stick, other], check=True)  # keeps what is on it
with open_desk(profile) as desk:
    backup_folders.choose_folder(profile, stick)
    def pull(done, total):
        if os.path.ismount(stick):
            subprocess.run(["umount", "-l", stick], check=True)
    made = backup.by_itself(profile, desk.key, "daily", progress=pull)
    assert made.parent == backup_folders.own_folder(profile), made
    assert names(stick) == [] and names(made.parent) == [made.name], "no trace where it was mounted, nor here"
    assert any(".copy" in one for one in names(other)), names(other)
    subprocess.run(["mount", "--bind", other, stick], check=True)
    made = backup.by_itself(profile, desk.key, "daily")
    assert names(stick) == [made.name] and made.parent == stick, names(stick)
do("backups")
"""

TAKEN_OUT = HEAD + """
other = stick.with_name("elsewhere")
other.mkdir()
subprocess.run(["mount", "--bind", stick, other], check=True)  # keeps what is on it
with open_desk(profile) as desk:
    who = add_member(desk, first_name="Zorah", last_name="Quibble").id
    backup_folders.choose_folder(profile, stick)
    old = backup.by_itself(profile, desk.key, "daily")
subprocess.run(["umount", stick], check=True)
assert stick.is_dir() and names(stick) == [], "the system keeps an empty folder where it was"
do("backups")
do("member", "erase", who, "--yes")
do("backups", "--now")
assert names(stick) == [] and old.name in names(other), (names(stick), names(other))
subprocess.run(["mount", "--bind", other, stick], check=True)
do("backups")
assert not old.exists() and "erased.json" in names(stick), names(stick)
do("backups", "--now")
assert any(one.endswith(".alumnidesk") for one in names(stick))
"""

NARROW = HEAD + """
with open_desk(profile) as desk:
    raw = desk.raw()
    raw.execute("CREATE TABLE ballast AS SELECT randomblob(9000000) AS made")
    raw.close()
do("backups", "--folder", stick)
do("backups", "--now")
made, = names(stick)
assert made.endswith(".alumnidesk") and backup.is_whole(stick / made)
(stick / made).unlink()
(stick / "ballast").write_bytes(bytes(8_000_000))
do("backups", "--folder", stick)
"""


def mounted(code: str, base: Any, tmp_path: Path) -> list[tuple[int, str]]:
    """Run a script with a tmpfs of its own at the stick; of each command how it ended and what it said. Nothing stays mounted."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounts a small file system: needs root on Linux")
    stick, profile, file = tmp_path / "stick", tmp_path / "profile", tmp_path / "one.csv"
    stick.mkdir()
    file.write_text("First Name,Last Name\nNewly,Imported\n", encoding="utf-8")
    subprocess.run(["cp", "-r", str(base.folder), str(profile)], check=True)
    shell = "mount -t tmpfs -o size=16m tmpfs \"$1\" || exit 77; exec \"$0\" -c \"$4\" \"$1\" \"$2\" \"$3\" 2>&1"
    done = subprocess.run(["unshare", "-m", "sh", "-c", shell, sys.executable, str(stick), str(profile), str(file), code],
                          capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("this computer lets nobody mount")
    assert done.returncode == 0, done.stdout[-3_000:]
    assert "Traceback" not in done.stdout and "inside the program" not in done.stdout, done.stdout
    told = []
    for part in done.stdout.split("\n$ " if not done.stdout.startswith("$ ") else "$ ")[1:]:
        said, _mark, code_said = part.rpartition("\n= ")
        told.append((int(code_said.split()[0]), said))
    return told


def test_full_it_stops_neither_an_import_nor_an_erasure_nor_anything_after(base: Any, tmp_path: Path) -> None:
    imported, erased, members, listed, again, _own, chosen = mounted(FULL, base, tmp_path)
    stick, own = tmp_path / "stick", tmp_path / "profile" / "backups"
    assert [one[0] for one in (imported, erased, members, listed, again)] == [0] * 5, (imported, erased, members, listed, again)
    assert "Erased." in erased[1] and "Imported" in members[1]
    assert f"{stick}, which was chosen for them, was full; until there is room, they go to {own}." in listed[1]
    assert f"In {stick} it could not be noted who was erased" in listed[1]
    assert "was full" not in again[1] and "noted" not in again[1]
    assert chosen[0] == 1 and f"There is no room for a backup in {stick}" in chosen[1]


def test_one_with_room_for_one_backup_takes_it_and_one_with_less_says_how_much_is_wanted(base: Any, tmp_path: Path) -> None:
    chosen, made, refused = mounted(NARROW, base, tmp_path)
    assert (chosen[0], made[0], refused[0]) == (0, 0, 1), (chosen, made, refused)
    said = re.search(r"There is no room for a backup in .*/stick: it needs (\d+) MB, and (\d+) MB are free there", refused[1])
    assert said is not None and 10 <= int(said[1]) <= 16 and int(said[2]) == 8, refused[1]


def test_what_was_left_on_one_that_was_pulled_out_goes_once_it_is_back(base: Any, tmp_path: Path) -> None:
    (code, said), = mounted(PULLED, base, tmp_path)
    assert code == 0 and "which was chosen for them" not in said


def test_the_empty_folder_in_the_place_of_one_that_was_taken_out_is_not_taken_for_it(base: Any, tmp_path: Path) -> None:
    listed, erased, _made, again, _last = mounted(TAKEN_OUT, base, tmp_path)
    stick = tmp_path / "stick"
    assert f"{stick}, which was chosen for them, is not there or cannot be written" in listed[1]
    assert erased[0] == 0 and str(stick) in erased[1], erased
    assert "is not there" not in again[1] and "may still hold" not in again[1]


def test_where_the_disk_of_the_chapter_is_full_too_the_sentence_names_both(base: Any, tmp_path: Path) -> None:
    for code, said in mounted(BOTH, base, tmp_path):
        assert code == 1 and f"{tmp_path / 'stick' / 'chosen'}, the folder for backups, is full, and so is the disk of this computer" in said


def test_one_that_can_only_be_read_keeps_what_it_owes_until_it_can_be_written(base: Any, tmp_path: Path) -> None:
    *before, listed, again = mounted(READ_ONLY, base, tmp_path)
    assert [code for code, _said in before] == [0, 0, 0] and (listed[0], again[0]) == (0, 0)
    assert f"Backups in {tmp_path / 'stick'} may still hold somebody who was erased" in listed[1]
    assert f" backups in {tmp_path / 'profile' / 'backups'}, {tmp_path / 'stick'}\n" in listed[1]
    assert "may still hold" not in again[1]


def test_a_file_in_its_place(fresh: Any, tmp_path: Path) -> None:
    profile: Profile = fresh("désk")
    with open_desk(profile) as desk:
        who = add_member(desk, first_name="Zorah").id
        backup_folders.choose_folder(profile, tmp_path / "stick")
        backup.by_itself(profile, desk.key, "daily")
        (tmp_path / "stick").rename(tmp_path / "away")
        (tmp_path / "stick").write_text("a file")
        assert erasing.erase(desk, [who]).unreached == (tmp_path / "stick",)
        assert backup.before(desk, "before_import") is not None
        assert any(str(tmp_path / "stick") in one for one in backup_folders.trouble_words(profile))
        _refused(desk, tmp_path / "stick")
        (tmp_path / "stick").unlink()
        (tmp_path / "away").rename(tmp_path / "stick")
        assert erasing.catch_up(desk) == 1 and backup_folders.trouble_words(profile) == []


def _refused(desk: Desk, file: Path) -> None:
    with pytest.raises(KnownError) as refused:
        backup_folders.choose_folder(desk.profile, file)
    assert refused.value.code == "not_a_folder" and str(file) in str(refused.value)
