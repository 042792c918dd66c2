"""Two starts on one profile are one window: the second hands its files over and ends; a silent or dead first one is told of, or replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from alumni_desk.desktop.app import Sitting
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.one_window import Doorbell, address_of, ring
from alumni_desk.desktop.pages import ErrorPage
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store.holding import Hold, Holder, told
from alumni_desk.store.profile import Profile

HOLDING = """
import sys
from pathlib import Path
from alumni_desk.store.holding import Hold
from alumni_desk.store.profile import Profile
hold = Hold(Profile(Path(sys.argv[1])))
print(hold.take(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def chapter(profile: Profile) -> Profile:
    """A profile with a chapter, closed."""
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        add_member(desk, first_name="Ana", last_name="Lima")
    return profile


@pytest.fixture
def holding(chapter: Profile) -> Iterator[subprocess.Popen[str]]:
    """Another program that holds the profile and answers nobody."""
    process = subprocess.Popen([sys.executable, "-c", HOLDING, str(chapter.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline().strip() == "True"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


@pytest.fixture
def first(chapter: Profile, qtbot: Any) -> Iterator[Sitting]:
    """The first window, open on its chapter and listening."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    hold = Hold(chapter)
    assert hold.take()
    sitting = Sitting(app, chapter, ways_of(chapter, hold), room_in)
    doorbell = Doorbell(hold)
    doorbell.rung.connect(sitting.come_forward)
    assert doorbell.hang()
    app.setQuitOnLastWindowClosed(False)
    sitting.begin()
    qtbot.waitUntil(lambda: sitting.room is not None and sitting.room.lanes.idle(), timeout=20_000)
    yield sitting
    if sitting.room is not None:
        room = sitting.room
        qtbot.waitUntil(room.lanes.idle, timeout=20_000)
    doorbell.close()
    sitting.close()
    hold.release()
    app.setQuitOnLastWindowClosed(True)


def start(profile: Profile, *files: Path) -> subprocess.Popen[str]:
    """A second start of the program."""
    return subprocess.Popen([sys.executable, "-m", "alumni_desk", "--profile", str(profile.path), *map(str, files)], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended(process: subprocess.Popen[str], until: Callable[..., None]) -> tuple[int, str]:
    """Its exit code and what it said, while the window here goes on working."""
    until(lambda: process.poll() is not None, timeout=30_000)
    out, err = process.communicate()
    return process.returncode, out + err


def test_the_second_start_brings_the_first_window_to_the_front(first: Sitting, chapter: Profile, qtbot: Any) -> None:
    assert first.room is not None
    first.room.shell.showMinimized()
    assert ended(start(chapter), qtbot.waitUntil) == (0, "")
    qtbot.waitUntil(lambda: first.room is not None and not first.room.shell.isMinimized() and first.room.shell.isVisible())
    assert first.room.shell.current().name == "today"


def test_a_list_given_to_the_second_start_is_opened_in_the_first(first: Sitting, chapter: Profile, qtbot: Any, tmp_path: Path) -> None:
    file = tmp_path / "Mitglieder – Köln.csv"
    file.write_text("First Name,Last Name\nBo,Berg\n", encoding="utf-8")
    # By another way to write the same folder, too.
    other = Profile(chapter.path / ".." / chapter.path.name)
    assert ended(start(other, file), qtbot.waitUntil) == (0, "")
    assert first.room is not None
    shell = first.room.shell
    qtbot.waitUntil(lambda: any(one.isVisible() for one in shell.findChildren(ImportSheet)), timeout=20_000)
    assert shell.current().name == "members"
    [sheet] = shell.findChildren(ImportSheet)
    qtbot.waitUntil(first.room.lanes.idle, timeout=20_000)
    sheet.reject()


def test_behind_a_lock_the_list_waits(first: Sitting, chapter: Profile, qtbot: Any, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name\nBo,Berg\n", encoding="utf-8")
    assert first.room is not None
    room = first.room
    room.lock.lock()
    qtbot.waitUntil(lambda: room.lock.locked)
    assert ended(start(chapter, file), qtbot.waitUntil) == (0, "")
    qtbot.waitUntil(lambda: first._files == [file])
    assert not room.shell.findChildren(ImportSheet) and room.lock.locked
    assert room.lock.page is not None
    assert "A file that was opened waits until you unlock" in [label.text() for label in room.lock.page.findChildren(QLabel)]
    assert not any("list.csv" in label.text() for label in room.lock.page.findChildren(QLabel))


def test_the_command_line_works_beside_the_window(first: Sitting, chapter: Profile, qtbot: Any) -> None:
    process = subprocess.Popen([sys.executable, "-m", "alumni_desk", "--profile", str(chapter.path), "member", "add", "last_name=Obi"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    code, said = ended(process, qtbot.waitUntil)
    assert code == 0, said
    process = subprocess.Popen([sys.executable, "-m", "alumni_desk", "--profile", str(chapter.path), "members", "--json"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    code, said = ended(process, qtbot.waitUntil)
    assert code == 0 and "Lima" in said and "Obi" in said


def test_a_window_that_does_not_answer_is_told_of(holding: subprocess.Popen[str], chapter: Profile, qtbot: Any) -> None:
    hold = Hold(chapter)
    assert not hold.take() and not ring(hold, [], 300)
    with pytest.raises(StoreProblem) as refused:
        hold.require()
    assert refused.value.code == "window_elsewhere" and f"process {holding.pid}" in str(refused.value) and str(refused.value).endswith(".")
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    sitting = Sitting(app, chapter, ways_of(chapter, hold), room_in)
    sitting.begin()

    def page() -> ErrorPage | None:
        return next((one for one in sitting.front.findChildren(ErrorPage) if one.isVisible()), None) if sitting.front is not None else None

    qtbot.waitUntil(lambda: page() is not None, timeout=20_000)
    holding.kill()
    holding.wait()
    assert sitting.opening is not None
    sitting.opening.begin()  # what Try again does
    qtbot.waitUntil(lambda: sitting.room is not None and sitting.room.lanes.idle(), timeout=20_000)
    sitting.close()
    hold.release()


def test_the_terminal_is_told_who_does_not_answer(holding: subprocess.Popen[str], chapter: Profile) -> None:
    second = start(chapter)
    try:
        assert second.stderr is not None
        said = second.stderr.readline()
        assert f"process {holding.pid}" in said and "Work there, or end it, then try again." in said
    finally:
        second.kill()
        second.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="kills the way a crash does")
def test_after_a_crash_the_next_start_is_the_first(holding: subprocess.Popen[str], chapter: Profile, qtbot: Any) -> None:
    crashed = Doorbell(Hold(chapter))
    assert crashed.hang()
    os.kill(holding.pid, signal.SIGKILL)
    holding.wait()
    hold = Hold(chapter)
    assert hold.take() and hold.holder().pid == os.getpid()
    doorbell = Doorbell(hold)
    assert doorbell.hang()  # over the socket that the other left behind
    doorbell.close()
    crashed.close()
    hold.release()
    assert hold.holder() == Holder() and not (chapter.path / "window.json").exists()


def test_nonsense_at_the_door_harms_nobody(first: Sitting, chapter: Profile, qtbot: Any) -> None:
    from PySide6.QtNetwork import QLocalSocket

    for words in (b"{}\n", b"\xff\xfe\n", b'{"files": [7, null]}\n', b'{"files": "x"}\n'):
        socket = QLocalSocket()
        socket.connectToServer(address_of(Hold(chapter)))
        assert socket.waitForConnected(2_000)
        socket.write(words)
        socket.flush()
        qtbot.waitUntil(lambda socket=socket: socket.state() == QLocalSocket.LocalSocketState.UnconnectedState or socket.canReadLine())
        socket.abort()
    assert first.room is not None and first.room.shell.isVisible()


def test_the_holder_in_words() -> None:
    assert told(Holder()) == "nobody says whose"
    assert told(Holder(7, "ana", "OFFICE", "nonsense")) == "ana on OFFICE, process 7"
    assert "ana on OFFICE, since" in told(Holder(7, "ana", "OFFICE", "2026-11-12T18:40:00+00:00"))
