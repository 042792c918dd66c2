"""The program as a process: how it ends when the world breaks off, stops it or has no screen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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
@pytest.mark.parametrize("words", [["members", "--json"], ["members"], ["--version"], ["--help"]], ids=" ".join)
def test_an_output_that_takes_nothing(tmp_path: Path, words: list[str]) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        code, err = ended(start(tmp_path, *words, stdout=full))
    assert (code, err) == (1, "The output could not be written (No space left on device). Make room, or send it elsewhere.")
