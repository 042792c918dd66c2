"""The window on a real X server, beside the offscreen one of all other tests."""

from __future__ import annotations

import ctypes.util
import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="no Xvfb on this system")


@pytest.fixture
def display() -> Iterator[str]:
    """An X server of its own. Left to choose a number by itself it may take away the socket of one that another run has just started."""
    for number in random.sample(range(100, 1000), 10):
        reading, writing = os.pipe()
        # Without -noreset it begins anew when its last client has gone, and turns away whoever comes in that moment.
        command = ["Xvfb", f":{number}", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]
        server = subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading) as said:
            runs = said.readline().strip() == str(number)
        if runs:
            yield f":{number}"
        server.terminate()
        server.wait(60)
        if runs:
            return
    pytest.fail("Xvfb did not start")


@pytest.fixture
def startup() -> Any:
    """The helpers of the tests of starting."""
    spec = spec_from_file_location("startup", Path(__file__).with_name("test_startup.py"))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    """The folder of a desk with a chapter."""
    from alumni_desk.schema import open_desk
    from alumni_desk.store.profile import Profile

    with open_desk(Profile(tmp_path / "desk")) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
    return tmp_path / "desk"


def test_the_window_opens_on_a_display(display: str, startup: Any, chapter: Path) -> None:
    told = json.loads(startup.python("-c", startup.WINDOW, str(chapter), QT_QPA_PLATFORM="xcb", DISPLAY=display))
    assert told["shown"] and told["platform"] == "xcb"


LOCKED = """
import ctypes, ctypes.util, json, sys
from pathlib import Path
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from alumni_desk.cli.main import open_window
from alumni_desk.store.profile import Profile

def cross(window):
    # What a window manager sends when its cross is clicked.
    x = ctypes.CDLL(ctypes.util.find_library("X11"))
    x.XOpenDisplay.restype = ctypes.c_void_p
    x.XInternAtom.argtypes, x.XInternAtom.restype = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int], ctypes.c_ulong
    display = ctypes.c_void_p(x.XOpenDisplay(None))
    protocols, delete = (x.XInternAtom(display, name, 0) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))

    class Message(ctypes.Structure):
        _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
                    ("window", ctypes.c_ulong), ("kind", ctypes.c_ulong), ("format", ctypes.c_int), ("data", ctypes.c_long * 5), ("rest", ctypes.c_long * 12)]

    message = Message(33, 0, 1, display, int(window.winId()), protocols, 32, (ctypes.c_long * 5)(delete))
    x.XSendEvent(display, ctypes.c_ulong(int(window.winId())), 0, ctypes.c_long(0), ctypes.byref(message))
    x.XFlush(display)

def shown(kind):
    return [one for one in QApplication.topLevelWidgets() if type(one).__name__ == kind and one.isVisible()]

def usable(sitting):
    told, room = {}, sitting.room

    def form():
        if not shown("MemberForm"):
            return False
        shown("MemberForm")[0]._fields["first_name"].setText("Halfway")
        room.lock.lock()
        cross(room.shell)
        return True

    def question():
        if not shown("FormsSheet"):
            return False
        [sheet] = shown("FormsSheet")
        told["asked"], told["there"] = [one.text() for one in sheet.findChildren(type(room.shell.person))], room.shell.isVisible()
        QTest.keyClick(sheet.quit, Qt.Key.Key_Return)
        print(json.dumps(told))
        return True

    steps = [lambda: room.shell.current().name == "members" and room.shell.current().isVisible() and (room.shell.current().add(), True)[1], form, question]

    def on():
        if steps and steps[0]():
            del steps[0]
        if not steps:
            timer.stop()

    timer = QTimer(sitting, interval=20)
    timer.timeout.connect(on)
    timer.start()
    room.shell.show_page("members")

sys.exit(open_window(Profile(Path(sys.argv[1])), usable=usable))
"""


@pytest.mark.skipif(ctypes.util.find_library("X11") is None, reason="no X11 library to send what a window manager sends")
def test_the_cross_of_a_locked_window_asks_before_a_form_is_lost(display: str, startup: Any, chapter: Path) -> None:
    told = json.loads(startup.python("-c", LOCKED, str(chapter), QT_QPA_PLATFORM="xcb", DISPLAY=display))
    assert told["there"] and any("what was typed into it is lost" in one for one in told["asked"])
