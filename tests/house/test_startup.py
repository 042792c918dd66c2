"""What starting may cost: heavy packages are imported when they are used, not before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LATE = ("reportlab", "requests", "keyring", "alembic", "uharfbuzz", "fontTools", "xlsxwriter", "pypdfium2", "zxingcpp", "uvicorn", "starlette", "miniaudio",
        "cryptography", "PySide6.QtMultimedia", "PySide6.QtNetwork", "qtawesome", "psycopg")  # fmt: skip
"""Neither a command nor the opening window needs these."""

WINDOW = """
import json, sys, time
from pathlib import Path
import sqlalchemy
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from alumni_desk.desktop.app import Sitting
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.store.profile import Profile

profile = Profile(Path(sys.argv[1]))
app = QApplication([sys.argv[0]])
sitting = Sitting(app, profile, ways_of(profile), room_in)
until = time.monotonic() + 60

def look():
    if sitting.room is not None and sitting.room.shell.isVisible() and sitting.room.lanes.idle():
        print(json.dumps({"shown": app.platformName(), "modules": sorted(sys.modules)}))
        app.quit()
    elif time.monotonic() > until:
        app.exit(3)

timer = QTimer()
timer.timeout.connect(look)
timer.start(20)
QTimer.singleShot(0, sitting.begin)
code = app.exec()
sitting.close()
sys.exit(code)
"""
"""Opens the window as the program does, waits until it shows a desk, and tells what was imported until then."""


def python(*words: str, **environment: str) -> str:
    """Run a fresh Python and give what it prints."""
    done = subprocess.run([sys.executable, *words], env={**os.environ, **environment}, capture_output=True, text=True, encoding="utf-8", timeout=120,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded_late(modules: list[str]) -> list[str]:
    """Which of the heavy packages are among the modules."""
    return [one for one in LATE if one in modules]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A profile with a chapter that is up to date."""
    from alumni_desk.schema import open_desk
    from alumni_desk.store.profile import Profile

    with open_desk(Profile(tmp_path / "desk")) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
    return tmp_path / "desk"


def test_the_command_line_starts_without_database_and_window() -> None:
    told = python("-c", "import json, sys, alumni_desk.cli.main; print(json.dumps(sorted(sys.modules)))")
    modules = json.loads(told)
    assert loaded_late(modules) == []
    assert [one for one in ("sqlalchemy", "PySide6", "nacl") if one in modules] == []


def test_a_command_imports_no_window_and_nothing_heavy(made: Path) -> None:
    told = python("-c", "import json, sys; from alumni_desk.__main__ import main\n"
                        "code = main(['--profile', sys.argv[1], 'members', '--json'])\nprint(json.dumps([code, *sorted(sys.modules)]))", str(made))
    code, *modules = json.loads(told.splitlines()[-1])
    assert code == 0
    assert loaded_late(modules) == []
    assert "PySide6" not in modules


def test_the_window_opens_with_nothing_heavy(made: Path) -> None:
    told = json.loads(python("-c", WINDOW, str(made)))
    assert loaded_late(told["modules"]) == []


def test_version_names_the_log_file() -> None:
    told = python("-m", "alumni_desk", "--version")
    assert "desk.log" in told
