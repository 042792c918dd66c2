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

FIRST_PAGE = frozenset("""
alumni_desk __main__ errors words resources logs schema cli cli.main
protocol protocol.clock protocol.codes protocol.ids protocol.values
store store.at_door store.connecting store.desk store.disk store.done store.driver store.holding store.key_file store.keys store.listed store.mark store.opening
store.patience store.profile store.gone_back store.recovery store.synced store.troubles store.writing
members members.counting members.fields members.naming gatherings gatherings.fields gatherings.kinds segments segments.activity
segments.in_sentence segments.values
desktop desktop.app desktop.at_door desktop.away desktop.background desktop.changes desktop.controls desktop.dates desktop.deeds desktop.display desktop.fonts
desktop.front desktop.icons desktop.interrupts desktop.keeping desktop.later desktop.locking desktop.look desktop.nav desktop.one_window
desktop.opening desktop.pages desktop.paint desktop.palette_button desktop.preferences desktop.quitting desktop.sheet desktop.shell desktop.sync_bridge
desktop.syncchip desktop.theme desktop.today_lists desktop.today_page desktop.tokens desktop.undoing desktop.venue_bridge desktop.widgets desktop.wiring
""".split())
"""What of the program may be imported when the first page stands. Every module here costs each start of every laptop some time."""

NOT_YET = ("PySide6.QtDBus", "PySide6.QtNetwork", "PySide6.QtPrintSupport", "PySide6.QtSvg", "PySide6.QtTest", "PIL", "numpy", "rapidfuzz",
           "sqlalchemy", "msgspec", "asyncio", "calendar", "email", "logging.handlers", "platform", "ssl", "subprocess", "uuid", "zoneinfo")  # fmt: skip
"""Nor these, which later pages and the moments after the first page may need."""

WINDOW = """
import builtins, json, sys
from pathlib import Path
from alumni_desk.cli.main import open_window
from alumni_desk.store.profile import Profile

def usable(sitting):
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtWidgets import QWidget

    page = sitting.room.shell.current()
    print(json.dumps({"page": page.name, "shown": page.isVisible(), "platform": QGuiApplication.platformName(), "modules": sorted(sys.modules),
                      "import": builtins.__import__.__name__, "widgets": [one.__name__ for one in QWidget.__subclasses__()]}))
    sitting.room.shell.close()

sys.exit(open_window(Profile(Path(sys.argv[1])), usable=usable))
"""
"""Opens the window as the program does, and tells what was imported until its first page stood."""


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


def test_the_first_page_needs_little(made: Path) -> None:
    told = json.loads(python("-c", WINDOW, str(made)))
    assert told["page"] == "today" and told["shown"]
    modules = told["modules"]
    assert loaded_late(modules) == []
    assert [one for one in NOT_YET if one in modules] == []
    ours = {one.removeprefix("alumni_desk.") for one in modules if one.partition(".")[0] == "alumni_desk"}
    assert sorted(ours - FIRST_PAGE - {"desktop.working"}) == []  # that is shown where the machine is slow
    # PySide6's own import reads the source text of each module that it imports.
    assert told["import"] != "__feature_import__"
    # It makes every type of widget there is, for some 15 ms, when a widget of Qt's own comes to Python.
    assert "QWizard" not in told["widgets"]


def test_version_names_the_log_file() -> None:
    told = python("-m", "alumni_desk", "--version")
    assert "desk.log" in told
