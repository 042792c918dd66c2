"""The window on a real X server, beside the offscreen one of all other tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="no Xvfb on this system")


@pytest.fixture
def display() -> Iterator[str]:
    """An X server on a free number."""
    reading, writing = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"], pass_fds=[writing],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as said:
        number = said.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    server.terminate()
    server.wait(20)


def test_the_window_opens_on_a_display(display: str, tmp_path: Path) -> None:
    spec = spec_from_file_location("startup", Path(__file__).with_name("test_startup.py"))
    assert spec is not None and spec.loader is not None
    startup = module_from_spec(spec)
    spec.loader.exec_module(startup)
    from alumni_desk.schema import open_desk
    from alumni_desk.store.profile import Profile

    with open_desk(Profile(tmp_path / "desk")) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
    told = json.loads(startup.python("-c", startup.WINDOW, str(tmp_path / "desk"), QT_QPA_PLATFORM="xcb", DISPLAY=display))
    assert told["shown"] and told["platform"] == "xcb"
