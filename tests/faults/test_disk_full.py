"""The disk is full at any write of any main flow: a plain sentence, nothing half, and with room it goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.errors import StoreProblem
from alumni_desk.exchange.importing import run_import
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store.checking import verify
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import undo

SOAK = "ALUMNI_DESK_SOAK" in os.environ
FLOWS = ("check-in", "edit", "import", "undo", "redo", "checkpoint", "setting", "backup", "export", "members as csv", "badges", "roster", "password")
STRIDE = {"": 1, "import": 60, "backup": 30} if SOAK else {"": 12, "import": 250, "backup": 150, "checkpoint": 40}
FULL, BROKEN = 1, 3
CODES = {FULL: ("", "disk_full"),
         # A backup is read back before it counts: a disk that fails makes a damaged one, which is refused.
         BROKEN: ("", "disk_trouble", "disk_full", "file_not_written", "backup_file", "backup_damaged", "read_only")}


def starved(words: list[str], shim: Path, wish: dict[str, Any]) -> list[dict[str, Any]]:
    """Run child.py under the shim; what it said."""
    child = Path(__file__).parent / "child.py"
    done = subprocess.run([sys.executable, str(child), *words], input=json.dumps(wish) + "\n", capture_output=True, text=True, encoding="utf-8",
                          env={**os.environ, "LD_PRELOAD": str(shim)}, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told.pop() == {"end": 0}
    return told


@pytest.mark.parametrize("what", [FULL, BROKEN], ids=["full", "broken"])
def test_at_every_write_of_every_flow(what: int, base: Any, fresh: Callable[[str], Profile], shim: Path, tmp_path: Path,
                                  tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    out = tmp_path / "out"
    out.mkdir()
    files = tmp_path_factory.mktemp("files")  # not on the disk that is full
    only = [] if what == FULL or SOAK else ["check-in", "import", "backup", "badges"]
    told = starved(["full"], shim, {"profile": str(fresh("désk").path), "out": str(out), "files": str(files), "seed": seed, "rows": 150, "people": base.people,
                                    "gathering": base.gathering, "what": what, "stride": STRIDE, "only": only})
    flows = {one["flow"] for one in told}
    assert flows == set(only or FLOWS)
    assert all(one["verified"] for one in told if "verified" in one)
    tried = [one for one in told if "nth" in one]
    for one in tried:
        # An automatic checkpoint after the commit may find no room without harm: then the action was done. Else nothing was.
        assert one["same"] if one["code"] else True, one
        assert one["struck"] or not one["code"], one
        assert one["code"] in CODES[what], one
        assert not one["code"] or (one["sentence"].endswith(".") and "Errno" not in one["sentence"]), one
    refused = Counter(one["flow"] for one in tried if one["code"])
    assert set(refused) == flows
    print(f"\nseed {seed}: {sum(refused.values())} times {'full' if what == FULL else 'broken'}: {dict(refused)}")


@pytest.mark.parametrize("first", [True, False], ids=["first time", "again"])
def test_at_every_write_of_the_opening(first: bool, base: Any, shim: Path, tmp_path: Path) -> None:
    told = starved(["opening"], shim, {"folder": str(tmp_path), "profile": "" if first else str(base.folder), "stride": (3 if SOAK else 40) if first else 1})
    assert all(one["verified"] for one in told), [one["found"] for one in told if not one["verified"]]
    codes = Counter(one["code"] for one in told if one["struck"])
    assert set(codes) <= {"disk_full", ""} and codes["disk_full"] >= 1, codes


def test_at_every_page_that_the_database_may_grow_by(fresh: Callable[[str], Profile], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The same on every system, by SQLite's own limit of pages."""
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name,Email\n" + "".join(f"G{n},Tester{n},t{n}@example.org\n" for n in range(400)), encoding="utf-8")
    with open_desk(fresh("désk")) as desk:
        before = count_members(desk)

        def limited(more: int) -> None:
            with desk.checking() as connection:
                pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar() or 0)
                free = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar() or 0)
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages - free + more if more < 1_000_000 else 4_000_000_000}")

        refused = 0
        for more in range(0, 1_000, 1 if SOAK else 9):
            limited(more)
            try:
                run_import(desk, file)
            except StoreProblem as problem:
                assert problem.code == "disk_full" and "Make room" in str(problem)
                refused += 1
                assert count_members(desk) == before
                continue
            break
        limited(1_000_000)
        assert refused >= 3 and count_members(desk) == before + 400 and verify(desk).ok
        undo(desk)
        ana = add_member(desk, first_name="Ana", last_name="Lima").id
        change_member(desk, ana, city="Porto")
        assert count_members(desk) == before + 1 and verify(desk).ok


@pytest.mark.skipif(not hasattr(os, "geteuid") or not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts a small file system: needs root")
def test_on_a_real_small_disk(base: Any, tmp_path: Path) -> None:
    """A tmpfs of a few megabytes, filled to the brim by import upon import; then room is made."""
    script = f"""
import os, shutil, sys
from pathlib import Path
from alumni_desk.errors import StoreProblem
from alumni_desk.exchange.importing import run_import
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store.backup import back_up
from alumni_desk.store.checking import verify
from alumni_desk.store.profile import Profile
disk, files = Path(sys.argv[1]), Path(sys.argv[2])
shutil.copytree({str(base.folder)!r}, disk / "désk")
(disk / "ballast").write_bytes(bytes(1_500_000))
codes, saved = [], 40
with open_desk(Profile(disk / "désk")) as desk:
    for turn in range(60):
        file = files / f"{{turn}}.csv"
        file.write_text("First Name,Last Name\\n" + "".join(f"G{{n}},T{{turn}}x{{n}}\\n" for n in range(400)))
        try:
            run_import(desk, file)
            saved += 400
        except StoreProblem as problem:
            codes.append(problem.code)
            assert count_members(desk) == saved
            if len(codes) == 3:
                break
    try:
        back_up(desk, disk / "saved.desk")
    except StoreProblem as problem:
        codes.append(problem.code)
    assert codes == ["disk_full"] * 4, codes
    assert verify(desk).ok
with open_desk(Profile(disk / "désk")) as desk:  # the last close had to fold the log into a full disk
    assert count_members(desk) == saved and verify(desk).ok
    (disk / "ballast").unlink()
    run_import(desk, file)
    assert count_members(desk) == saved + 400 and verify(desk).ok
print("well")
"""
    (tmp_path / "disk").mkdir()
    (tmp_path / "files").mkdir()
    code = f"mount -t tmpfs -o size=8m tmpfs '{tmp_path / 'disk'}' || exit 77; exec '{sys.executable}' -c \"$0\" '{tmp_path / 'disk'}' '{tmp_path / 'files'}'"
    done = subprocess.run(["unshare", "-m", "sh", "-c", code, script], capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("this computer lets nobody mount")
    assert done.returncode == 0 and done.stdout.strip() == "well", done.stderr[-2_000:]


NO_ROOM = """
import os, shutil, sys
from pathlib import Path
from alumni_desk.cli.main import run
from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store.checking import verify
from alumni_desk.store.profile import Profile
disk, files, base, gathering = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
profile = Profile(disk / "désk")
shutil.copytree(base, profile.path)
try:
    with open(disk / "ballast", "wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
except OSError:
    pass
for words in (["members"], ["headcount", gathering], ["verify"], ["activity"], ["roster", gathering, "-o", str(files / "roster.pdf")]):
    assert run(["--profile", str(profile.path), *words]) == 0, words
assert (files / "roster.pdf").stat().st_size > 1_000
assert run(["--profile", str(profile.path), "member", "add", "first_name=No"]) == 1
with open_desk(profile) as desk:
    before = count_members(desk)
    try:
        add_member(desk, first_name="No", last_name="Room")
    except StoreProblem as problem:
        assert problem.code == "disk_full"
    assert count_members(desk) == before
    (disk / "ballast").unlink()
    add_member(desk, first_name="Some", last_name="Room")
    assert count_members(desk) == before + 1 and verify(desk).ok
with open_desk(profile) as desk:
    assert count_members(desk) == before + 1 and verify(desk).ok
print("well")
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts a small file system: needs root")
@pytest.mark.parametrize("log", ["folded", "left by a kill"])
def test_on_a_disk_without_any_room_a_chapter_is_read_all_the_same(log: str, base: Any, fresh: Callable[[str], Profile], tmp_path: Path) -> None:
    """Not a byte is free when it is opened: the list for the door can be printed, and once there is room it is saved to without opening it again."""
    profile = fresh("before")
    if log != "folded":
        with open_desk(profile) as desk:
            add_member(desk, first_name="Only", last_name="In the log")
            shutil.copytree(profile.path, tmp_path / "killed")
        (tmp_path / "killed" / "desk.db-shm").unlink()
        profile = Profile(tmp_path / "killed")
        assert (profile.path / "desk.db-wal").stat().st_size
    for name in ("disk", "files"):
        (tmp_path / name).mkdir()
    code = f"mount -t tmpfs -o size=8m tmpfs '{tmp_path / 'disk'}' || exit 77; exec '{sys.executable}' -c \"$0\" \"$@\""
    done = subprocess.run(["unshare", "-m", "sh", "-c", code, NO_ROOM, *map(str, (tmp_path / "disk", tmp_path / "files", profile.path, base.gathering))],
                          capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("this computer lets nobody mount")
    assert done.returncode == 0 and done.stdout.endswith("well\n"), done.stdout[-1_000:] + done.stderr[-2_000:]
    assert ("In the log" in done.stdout) == (log != "folded")


SERVER = """
import contextlib, io, json, os, sys, urllib.error, urllib.request, subprocess
from pathlib import Path
from alumni_desk.cli.main import run
disk, files = Path(sys.argv[1]), Path(sys.argv[2])
def said(*words):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["--profile", str(disk / "sërver"), "server", *words])
    return code, out.getvalue() + err.getvalue()
def serve():
    serving = subprocess.Popen([sys.executable, "-m", "alumni_desk", "--profile", str(disk / "sërver"), "serve", "--port", "0", "--json"],
                               stdout=subprocess.PIPE, text=True)
    return serving, json.loads(serving.stdout.readline())["url"]
def fill():
    try:
        with open(disk / "ballast", "ab", buffering=0) as stream:
            while True:
                stream.write(bytes(4096))
    except OSError:
        pass
def ready():
    try:
        with urllib.request.urlopen(url + "/readyz", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
assert said("init")[0] == 0
serving, url = serve()
assert ready() == (200, "ready\\n"), ready()
assert said("invite", "--chapter", "Boston", "--role", "leader")[0] == 0, said("invite", "--chapter", "Boston", "--role", "leader")
serving.kill()  # its log is left behind
serving.wait()
fill()
for words in (["stats"], ["devices"], ["audit", "--check"]):
    code, text = said(*words)
    assert code == 0 or "disk is full" in text, (words, text)
for _time in range(100):  # its files may have room in them for some
    fill()
    code, text = said("invite", "--chapter", "Boston", "--role", "leader")
    if code:
        break
assert code == 1 and "disk is full" in text, text
os.truncate(disk / "ballast", (disk / "ballast").stat().st_size - 65536)  # what SQLite shares between programs wants a little
assert said("backup", str(files / "kept"))[0] == 0, said("backup", str(files / "kept2"))
(disk / "ballast").unlink()
serving, url = serve()
fill()
code, text = ready()
assert code == 503 and "disk is full" in text, (code, text)
(disk / "ballast").unlink()
assert ready()[0] == 200
serving.terminate()
assert serving.wait(30) == 0
assert said("invite", "--chapter", "Boston", "--role", "leader")[0] == 0
print("well")
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts a small file system: needs root")
def test_a_servers_full_disk_is_called_that_and_it_is_copied_elsewhere_all_the_same(tmp_path: Path) -> None:
    for name in ("disk", "files"):
        (tmp_path / name).mkdir()
    code = f"mount -t tmpfs -o size=8m tmpfs '{tmp_path / 'disk'}' || exit 77; exec '{sys.executable}' -c \"$0\" \"$@\""
    done = subprocess.run(["unshare", "-m", "sh", "-c", code, SERVER, str(tmp_path / "disk"), str(tmp_path / "files")],
                          capture_output=True, text=True, check=False, env={**os.environ, "ALUMNI_DESK_PASSPHRASE": "three words to remember"})
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("this computer lets nobody mount")
    assert done.returncode == 0 and done.stdout.endswith("well\n"), done.stdout[-1_000:] + done.stderr[-2_000:]
