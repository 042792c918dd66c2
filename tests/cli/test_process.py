"""The program as a process: how it ends when the world breaks off, stops it or has no screen."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.cli.main import run

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="made with parts of Linux")


def start(folder: Path, *words: str | Path, **changes: Any) -> subprocess.Popen[str]:
    """The program with a profile in a folder; ``env`` is laid over this process's own, None takes a name out."""
    wanted = {**os.environ, **changes.pop("env", {})}
    environment = {name: value for name, value in wanted.items() if value is not None}
    settings = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **changes}
    return subprocess.Popen([sys.executable, "-m", "alumni_desk", "--profile", str(folder / "profile"), *map(str, words)],
                            text=True, encoding="utf-8", env=environment, **settings)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit code and what it said on stderr."""
    _out, err = process.communicate(timeout=60)
    return process.returncode, err.strip()


@linux
@pytest.mark.parametrize("words", [["members", "--json"], ["members"], ["--version"], ["--help"], ["serve", "--port", "0"]], ids=" ".join)
def test_an_output_that_takes_nothing(tmp_path: Path, words: list[str]) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        code, err = ended(start(tmp_path, *words, stdout=full))
    assert (code, err) == (1, "The output could not be written (No space left on device). Make room, or send it elsewhere.")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal for a pipe that nobody reads")
def test_a_server_ends_with_the_window_that_was_killed_as_the_chapter_moved_away(tmp_path: Path) -> None:
    serving = start(tmp_path, "serve", "--port", "0", "--key-stdin", "--json", stdin=subprocess.PIPE)
    assert serving.stdin is not None and serving.stdout is not None
    serving.stdin.write(f"{'ab' * 32}\n")
    serving.stdin.flush()
    assert "url" in serving.stdout.readline()
    serving.stdout.close()
    serving.stdin.write("parted\n")
    serving.stdin.close()
    serving.stdin = None
    try:
        assert serving.wait(20) == 0
    finally:
        serving.kill()
        ended(serving)


@linux
def test_what_is_asked_does_not_stand_in_the_answer(tmp_path: Path) -> None:
    assert ended(start(tmp_path, "demo", "--members", "20", "--no-window"))[0] == 0
    listed, _err = start(tmp_path, "members", "--json", "--limit", "1").communicate(timeout=60)
    terminal, theirs = os.openpty()
    try:
        os.write(terminal, b"erase\n")
        process = start(tmp_path, "member", "erase", json.loads(listed)[0]["id"], "--json", stdin=theirs)
        out, err = process.communicate(timeout=60)
    finally:
        os.close(terminal)
        os.close(theirs)
    assert process.returncode == 0 and "Type “erase”: " in err, err
    json.loads(out)


@linux
def test_an_input_that_is_closed_is_an_empty_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "alumni_desk", "--profile", str(tmp_path / "profile")]
    assert ended(start(tmp_path, "demo", "--members", "20", "--no-window"))[0] == 0
    for words, said in (("members --json", "This chapter is locked with a password."), ("passphrase", "A password needs ten letters")):
        secret = {} if words == "passphrase" else {"ALUMNI_DESK_PASSPHRASE": ""}
        done = subprocess.run(["sh", "-c", f'exec "$@" {words} <&-', "sh", *command], capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, **secret})
        assert done.returncode == 1 and done.stderr.startswith(said), done.stderr


@pytest.mark.parametrize("words", [["NAME"], ["backup", "NAME"], ["restore", "NAME"], ["server", "backup", "NAME"], ["import", "NAME"]], ids=lambda one: one[0])
def test_a_name_longer_than_any_file_has(tmp_path: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    profile = ["--profile", str(tmp_path / "profile")]
    assert run([*profile, "server", "init"]) == 0
    capsys.readouterr()
    assert run([*profile, *(str(tmp_path / ("x" * 300)) if one == "NAME" else one for one in words)]) == 1
    said = capsys.readouterr().err
    assert "Something went wrong" not in said and len(said.strip().splitlines()) == 1, said


@linux
@pytest.mark.parametrize("display", [
    {"DISPLAY": None, "WAYLAND_DISPLAY": None}, {"DISPLAY": ":4711", "WAYLAND_DISPLAY": None}, {"DISPLAY": None, "WAYLAND_DISPLAY": "wayland-4711"}],
    ids=["none", "x that is gone", "wayland that is gone"])
@pytest.mark.parametrize("words", [[], ["demo", "--members", "20"]], ids=["window", "demo"])
def test_no_display(tmp_path: Path, display: dict[str, str | None], words: list[str]) -> None:
    code, err = ended(start(tmp_path, *words, env={**display, "QT_QPA_PLATFORM": None}))
    assert code == 1 and err.startswith("There is no display here") and len(err.splitlines()) == 1, err


WINDOW = """
import os, sys, threading
from pathlib import Path
from alumni_desk.desktop import app, wiring
from alumni_desk.store.profile import Profile

work_at = app.Sitting.work_at

def then_interrupted(self, *what):
    work_at(self, *what)
    threading.Timer(0.3, os.kill, (os.getpid(), int(sys.argv[2]))).start()  # from outside the event loop, which is idle by then

app.Sitting.work_at = then_interrupted
sys.exit(wiring.run_window(Profile(Path(sys.argv[1]))))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that a process can be sent")
@pytest.mark.parametrize("wish", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_window_closes_in_good_order(tmp_path: Path, wish: signal.Signals) -> None:
    assert ended(start(tmp_path, "demo", "--members", "20", "--no-window"))[0] == 0
    done = subprocess.run([sys.executable, "-c", WINDOW, str(tmp_path / "profile"), str(int(wish))], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "profile" / "desk.db-wal").exists()  # the desk was closed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that a process can be sent")
def test_an_interrupted_import_changes_nothing(tmp_path: Path) -> None:
    people = tmp_path / "people.csv"
    people.write_text("First Name,Last Name\n" + "".join(f"Ana{n},Bo{n}\n" for n in range(200_000)), "utf-8")  # more than the cache holds
    assert ended(start(tmp_path, "members"))[0] == 0
    process = start(tmp_path, "import", people)
    log = tmp_path / "profile" / "desk.db-wal"
    while process.poll() is None and not (log.exists() and log.stat().st_size > 500_000):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, "Stopped.")
    assert subprocess.check_output([sys.executable, "-m", "alumni_desk", "--profile", str(tmp_path / "profile"), "members", "--json"]) == b"[]\n"


def test_an_interrupt_that_sqlite_swallows(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def in_sqlite(_args: object) -> int:
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.create_function("f", 0, lambda: signal.raise_signal(signal.SIGINT))
            connection.execute("SELECT f()")
        return 0

    monkeypatch.setattr("alumni_desk.cli.members.run_members", in_sqlite)
    before = signal.getsignal(signal.SIGINT)
    assert run(["members"]) == 130
    assert capsys.readouterr().err.strip() == "Stopped."
    assert signal.getsignal(signal.SIGINT) is before
