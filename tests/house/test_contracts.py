"""Who may import whom: the contracts hold, and each of them catches a violation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = "from importlinter.cli import lint_imports_command as check; check()"


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of pyproject.toml over the program in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONUTF8": "1"}
    return subprocess.run([sys.executable, "-c", CHECK, "--no-logo", "--no-cache", "--config", str(ROOT / "pyproject.toml")], cwd=folder, env=environment,
                          capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)


def test_the_contracts_hold() -> None:
    done = linted(ROOT / "src")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("module", "line", "contract"), [
    ("members/lists.py", "import PySide6.QtCore", "Qt stays in desktop"),
    ("store/desk.py", "import alumni_desk.members.records", "Who may import whom"),
    ("checkin/lists.py", "import alumni_desk.badges", "Who may import whom"),
    ("server/app.py", "import alumni_desk.members.actions", "The server knows the nouns, not the verbs"),
    ("desktop/shell.py", "import reportlab", "Paper is drawn in paper and badges"),
    ("desktop/fonts.py", "import alumni_desk.desktop.shell", "No two files of the window take from each other"),
])  # fmt: skip
def test_a_violation_is_caught(tmp_path: Path, module: str, line: str, contract: str) -> None:
    shutil.copytree(ROOT / "src" / "alumni_desk", tmp_path / "alumni_desk", ignore=shutil.ignore_patterns("__pycache__"))
    planted = tmp_path / "alumni_desk" / module
    planted.write_text(planted.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    done = linted(tmp_path)
    assert done.returncode != 0
    assert f"{contract} BROKEN" in " ".join(done.stdout.split()), done.stdout
