"""The window on a disk without any room: what it says of its own accord, and when that is over."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WINDOW = """
import sys, time
from pathlib import Path
from PySide6.QtWidgets import QApplication
from alumni_desk.desktop.app import build
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
app = QApplication([])


def waits(for_it):
    end = time.monotonic() + 60
    while not for_it():
        assert time.monotonic() < end
        app.processEvents()
    return True


disk = Path(sys.argv[1])
with open_desk(Profile(disk / "desk")) as desk:
    desk.make_chapter("Boston", "Northgate", "America/New_York")
    add_member(desk, first_name="Ana", last_name="Lima")
with open_desk(Profile(disk / "desk")) as desk:
    room = build(desk, theme="light")
    room.keeping._soon.stop()
    room.shell.show()
    try:
        with open(disk / "ballast", "wb", buffering=0) as stream:
            while True:
                stream.write(bytes(4096))
    except OSError:
        pass
    toast, made = room.shell.toast, []
    room.keeping.made.connect(made.append)
    room.shell.show_page("restore")
    assert waits(lambda: room.lanes.idle() and room.shell.current().name == "restore")
    assert not toast.isVisible(), toast.words.text()
    room.keeping.look()
    assert waits(toast.isVisible)
    words = toast.words.text()
    assert "backup of the day could not be made" in words and "nothing of this" not in words, words
    (disk / "ballast").unlink()
    room.keeping.look()
    assert waits(lambda: bool(made))
    room.close()
print("well")
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or not sys.platform.startswith("linux") or os.geteuid() != 0, reason="mounts a small file system: needs root")
def test_a_full_disk_is_said_to_hinder_the_backup_of_the_day_and_nothing_that_somebody_did(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    code = f"mount -t tmpfs -o size=12m tmpfs '{tmp_path / 'disk'}' || exit 77; exec '{sys.executable}' -c \"$0\" '{tmp_path / 'disk'}'"
    done = subprocess.run(["unshare", "-m", "sh", "-c", code, WINDOW], capture_output=True, text=True, check=False,
                          env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "ALUMNI_DESK_PASSPHRASE": "three words to remember"})
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("this computer lets nobody mount")
    assert done.returncode == 0 and done.stdout.strip() == "well", done.stdout[-500:] + done.stderr[-2_000:]
