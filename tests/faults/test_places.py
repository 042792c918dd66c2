"""Where a profile may lie: read-only folders, network drives, names in every script, paths of any length."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store import disk
from alumni_desk.store.backup import back_up
from alumni_desk.store.checking import verify
from alumni_desk.store.profile import Profile
from alumni_desk.sync.restoring import restore

posix = pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")

AS_NOBODY = """
import json, os, sys
from pathlib import Path
from alumni_desk.errors import StoreProblem
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync.restoring import restore
import alembic.command, alembic.config  # while the program's own files can be read
folder, other = Path(sys.argv[1]), Path(sys.argv[2])
open_desk(Profile(other)).close()
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with open_desk(Profile(folder)) as desk:
        with desk.writing("tried") as writing:
            writing.add("person", first_name="Bo")
    print(json.dumps(["", ""]))
except StoreProblem as problem:
    print(json.dumps([problem.code, str(problem)]))
"""


def as_nobody(folder: Path, other: Path) -> list[str]:
    """What opening and writing comes to for somebody without rights; root gives its own up first."""
    done = subprocess.run([sys.executable, "-c", AS_NOBODY, str(folder), str(other)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    return list(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that everybody may pass through."""
    folder = tmp_path_factory.mktemp("public")
    for one in (folder, *folder.parents):
        if one == Path(one.anchor) or one.stat().st_mode & 0o001:
            continue
        one.chmod(one.stat().st_mode | 0o055)
    return folder


@posix
def test_a_folder_that_cannot_be_written(public: Path, tmp_path: Path) -> None:
    public.chmod(0o555)
    code, sentence = as_nobody(public / "desk", tmp_path / "other")
    assert code == "profile_folder" and str(public) in sentence and "--profile" in sentence and sentence.endswith(".")


@posix
@pytest.mark.parametrize("what", ["folder", "database"])
def test_a_chapter_that_may_only_be_read(what: str, base: Any, public: Path, tmp_path: Path) -> None:
    folder = public / "désk"
    subprocess.run(["cp", "-r", str(base.folder), str(folder)], check=True)
    for one in folder.iterdir():
        one.chmod(0o444 if one.name == "desk.db" else 0o666)
    folder.chmod(0o555 if what == "folder" else 0o777)
    before = (folder / "desk.db").read_bytes()
    if os.geteuid() != 0 and what == "database":
        pytest.skip("its owner may write it")
    code, sentence = as_nobody(folder, tmp_path / "other")
    assert code == ("profile_folder" if what == "folder" else "read_only") and sentence.endswith(".")
    folder.chmod(0o755)
    assert (folder / "desk.db").read_bytes() == before


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts: needs root on Linux")
def test_a_drive_that_is_read_only(base: Any, tmp_path: Path) -> None:
    """A tmpfs remounted read-only, in a name space of its own: it is said, and a backup goes to another disk all the same; then writable again."""
    drive = tmp_path / "drive"
    drive.mkdir()
    code = """
import json, subprocess, sys
from pathlib import Path
from alumni_desk.cli.main import run
from alumni_desk.errors import StoreProblem
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
from alumni_desk.store import backup
from alumni_desk.sync.restoring import restore, salvage
drive = sys.argv[1]
subprocess.run(["cp", "-r", sys.argv[2], drive + "/desk"], check=True)
profile = Profile(Path(drive) / "desk")
with open_desk(profile) as desk:
    file = backup.by_itself(profile, desk.key, "daily")
subprocess.run(["mount", "-o", "remount,ro", drive], check=True)
for work in (lambda: open_desk(profile), lambda: restore(profile, file), lambda: salvage(profile)):
    try:
        work()
    except StoreProblem as problem:
        print(problem.code, problem)
saved = Path(sys.argv[3]) / "saved.alumnidesk"
for out in (saved, Path(drive) / "saved.alumnidesk"):
    run(["--profile", str(profile.path), "backup", str(out)])
print([one.name for one in saved.parent.iterdir()], backup.is_whole(saved))
subprocess.run(["mount", "-o", "remount,rw", drive], check=True)
with open_desk(Profile(Path(drive) / "desk")) as desk:
    print(count_members(desk))
"""
    shell = "mount -t tmpfs -o size=16m tmpfs \"$1\" || exit 77; exec \"$0\" -c \"$3\" \"$1\" \"$2\" \"$4\""
    stick = tmp_path / "stick"
    stick.mkdir()
    done = subprocess.run(["unshare", "-m", "sh", "-c", shell, sys.executable, str(drive), str(base.folder), code, str(stick)],
                          capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("this computer lets nobody mount")
    assert done.returncode == 0, done.stderr[-2_000:]
    *refused, saved, kept, count = done.stdout.splitlines()
    assert [one.split()[0] for one in refused] == ["profile_folder"] * 3 and all(one.endswith(".") for one in refused) and count == "40", done.stderr
    assert "can only be read now" in refused[0] and "another disk" in refused[0]
    assert saved.startswith("Backed up to ") and "40 members" in saved and kept == "['saved.alumnidesk'] True"
    assert done.stderr.strip().endswith("Choose a folder on another disk.")


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts: needs root on Linux")
def test_a_drive_that_is_read_only_is_looked_at(base: Any, tmp_path: Path) -> None:
    """Commands that only read go on, also with what stands in the log alone; nothing is saved, nothing stays elsewhere, and a removed laptop shows nothing."""
    drive, scratch = tmp_path / "drive", tmp_path / "scratch"
    drive.mkdir()
    scratch.mkdir()
    code = """
import os, subprocess, sys
from pathlib import Path
from alumni_desk.cli.main import run
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store import removal
from alumni_desk.store.profile import Profile
drive, scratch = sys.argv[1], Path(sys.argv[3])
subprocess.run(["cp", "-r", sys.argv[2], drive + "/first"], check=True)
with open_desk(Profile(Path(drive) / "first")) as desk:
    add_member(desk, first_name="Ana", last_name="Lima")
    subprocess.run(["cp", "-r", drive + "/first", drive + "/desk"], check=True)  # as after a crash: her row is in the log
assert (Path(drive) / "desk" / "desk.db-wal").stat().st_size
def looked(*words, folder="/desk"):
    print("@", *words, run(["--profile", drive + folder, *words]), flush=True)
    print(flush=True, file=sys.stderr)
def mounted(how):
    subprocess.run(["mount", "-o", "remount," + how, drive], check=True)
mounted("ro")
before = sorted((one.name, one.stat().st_size) for one in Path(drive, "desk").iterdir())
for words in (["members", "ana"], ["member", "show", "Ana Lima"], ["gatherings"], ["gathering", "show", "next"], ["guests", "next"], ["headcount", "next"],
              ["activity", "--limit", "1"], ["history", "Ana Lima"], ["status"], ["backups"]):
    looked(*words)
for words in (["member", "add", "first_name=Bo"], ["guests", "next", "--add", "ana"], ["history", "Ana Lima", "--restore", "x"], ["backups", "--now"], ["undo"],
              ["export", "-o", str(scratch / "x")]):
    looked(*words)
print(before == sorted((one.name, one.stat().st_size) for one in Path(drive, "desk").iterdir()), list(scratch.iterdir()))
mounted("rw")
with open_desk(Profile(Path(drive) / "first")) as desk:
    removal.begin(desk, "revoked")
(Path(drive) / "first" / "removed.json").rename(Path(drive) / "desk" / "removed.json")  # as where emptying it could not begin
mounted("ro")
looked("members", "ana")
looked("backup", str(scratch / "out"))
looked("status")
print(list(scratch.iterdir()))
"""
    shell = "mount -t tmpfs -o size=16m tmpfs \"$1\" || exit 77; exec \"$0\" -c \"$3\" \"$1\" \"$2\" \"$4\""
    done = subprocess.run(["unshare", "-m", "sh", "-c", shell, sys.executable, str(drive), str(base.folder), code, str(scratch)],
                          capture_output=True, text=True, check=False, env={**os.environ, "TMPDIR": str(scratch)})
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("this computer lets nobody mount")
    assert done.returncode == 0, done.stderr[-2_000:]
    said, complained = done.stdout, done.stderr.split("\n\n")
    codes = [line.split()[-1] for line in said.splitlines() if line.startswith("@ ")]
    assert codes == ["0"] * 10 + ["1"] * 8 + ["0"], said + done.stderr
    assert said.count("Ana Lima") > 3 and "True []" in said and "access was removed" in said and said.rstrip().endswith("[]")
    for one in complained[:10]:
        assert one.strip().count("\n") == 0 and "nothing can be saved" in one
    assert all("can only be read now" in one for one in complained[10:16]) and "Ana" not in said.split("True []")[1] and "access" in complained[16]


@pytest.mark.parametrize("fault", [(19, 0), (0, 37), (19, 37)], ids=["no shared memory", "no locks", "neither"])
@pytest.mark.parametrize("first", [True, False], ids=["first time", "again"])
def test_a_drive_without_shared_memory_or_locks(fault: tuple[int, int], first: bool, base: Any, fresh: Callable[[str], Profile], shim: Path,
                                                tmp_path: Path) -> None:
    """What network drives lack: mapping a file for several programs (ENODEV), locking it (ENOLCK)."""
    folder = tmp_path / "new" if first else fresh("désk").path
    code = f"""
import ctypes, os, sys
from pathlib import Path
from alumni_desk.errors import StoreProblem
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync.restoring import restore
library = ctypes.CDLL(None)
library.fault_arm(os.fsencode(sys.argv[1]), 0, 0)
library.fault_filesystem{fault}
try:
    open_desk(Profile(Path(sys.argv[1]))).close()
except StoreProblem as problem:
    print(problem.code, problem)
library.fault_filesystem(0, 0)
open_desk(Profile(Path(sys.argv[1]))).close()
print("opened")
"""
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, env={**os.environ, "LD_PRELOAD": str(shim)}, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    refused, opened = done.stdout.splitlines()
    assert refused.startswith("network_drive ") and "backups may" in refused and opened == "opened"


MOUNTS = """22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:31 / /mnt/chapter rw - nfs4 server:/export rw,vers=4.2
31 22 0:32 / /mnt/my\\040share rw - cifs //server/share rw
32 31 0:33 / /mnt/my\\040share/local rw - ext4 /dev/sdb1 rw
33 22 0:34 / /people/zo\\303\\253 rw - fuse.sshfs zoe@host: rw
34 22 0:35 / /c rw - 9p C:\\134 rw
broken line
"""


@posix
@pytest.mark.parametrize(("folder", "network"), [
    ("/people/ana/desk", False), ("/mnt/chapter/desk", True), ("/mnt/chapter", True), ("/mnt/chapters/desk", False), ("/mnt/my share/desk", True),
    ("/mnt/my share/local/desk", False), ("/people/zoë/desk", True), ("/c/Users/ana", False),
])
def test_network_drives_are_known_by_their_mount(folder: str, network: bool) -> None:
    assert disk.on_network(Path(folder), MOUNTS) is network
    assert disk.network_drive(PurePosixPath(folder)).code == "network_drive"  # type: ignore[arg-type]


NAMES = ["with spaces  and, commas", "Zoë’s désk", "校友会 档案", "جمعية الخريجين", "Ассоциация выпускников", "🎓 desk", "a'b\"c%20#?&", "-rf"]


@pytest.mark.parametrize("name", [one for one in NAMES if sys.platform != "win32" or not set(one) & set('"?')])
def test_names_in_every_script(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile(tmp_path / name / "désk")
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        add_member(desk, first_name="Ana")
        back_up(desk, tmp_path / name / "saved.desk")
    restore(profile, tmp_path / name / "saved.desk")
    with open_desk(profile) as desk:
        assert count_members(desk) == 1 and verify(desk).ok
    if name != "-rf":
        monkeypatch.chdir(tmp_path)
        done = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(Path(name) / "désk"), "members", "--json"], capture_output=True, text=True,
                              check=False, encoding="utf-8")
        assert done.returncode == 0 and "Ana" in done.stdout, done.stderr


@pytest.mark.parametrize("length", [200, 255, 256, 259, 260, 261, 300, 440])
def test_paths_of_260_characters_and_more(length: int, tmp_path: Path) -> None:
    folder = tmp_path
    while (more := length - len(str(folder))) > 1:
        folder = folder / ("x" * min(80, more - 1 if more - 1 <= 80 else 60))
    with open_desk(Profile(folder)) as desk:
        desk.make_chapter("Boston")
        add_member(desk, first_name="Ana")
        assert len(str(folder)) in (length, length - 1) and count_members(desk) == 1 and verify(desk).ok


def test_a_path_that_is_too_long_is_said_in_words(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["校友会" * 10] * 8)
    with pytest.raises(StoreProblem) as refused:
        open_desk(Profile(folder))
    assert refused.value.code == "path_too_long" and "too long" in str(refused.value) and not folder.exists()


@pytest.mark.parametrize(("typed", "reached"), [
    ("C:\\Users\\Zoë\\desk", "\\\\?\\C:\\Users\\Zoë\\desk"),
    ("\\\\server\\share\\desk", "\\\\?\\UNC\\server\\share\\desk"),
    ("\\\\?\\D:\\desk", "\\\\?\\D:\\desk"),
])
def test_long_paths_of_windows(typed: str, reached: str) -> None:
    assert disk.long_path(typed) == reached and disk.long_path(reached) == reached
    assert disk.plain_path(reached) == typed.removeprefix("\\\\?\\")


def test_only_long_paths_of_windows_are_written_so() -> None:
    short, long = "C:\\Users\\Zoë\\desk", "C:\\" + "\\".join(["Zoë" * 20] * 4)
    assert disk.reachable(short) == short and len(long) > 240 and disk.reachable(long) == "\\\\?\\" + long
