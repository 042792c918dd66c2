"""Opening the desk on 100,000 members to its first usable page, against a window with nothing in it; each a process of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness import PASSPHRASE, Row, at_most, big_chapter, in_turns, median_of, median_ratio

MEMBERS = 100_000

EMPTY = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication(sys.argv[:1])
window = QMainWindow()
window.resize(1280, 800)
window.show()
QTimer.singleShot(0, app.quit)
app.exec()
"""

DESK = """
import sys
from pathlib import Path
import sqlalchemy
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from alumni_desk.desktop.app import Sitting
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.store.profile import Profile
profile = Profile(Path(sys.argv[1]))
app = QApplication(sys.argv[:1])
sitting = Sitting(app, profile, ways_of(profile), room_in)

def look():
    if sitting.room is not None and sitting.room.shell.isVisible() and sitting.room.lanes.idle():
        app.quit()

timer = QTimer()
timer.timeout.connect(look)
timer.start(20)
QTimer.singleShot(0, sitting.begin)
app.exec()
sitting.close()
"""
"""As the program does it, until Today is filled and nothing is under way."""


TOLD = """
import resource
used = resource.getrusage(resource.RUSAGE_SELF)
try:  # what getrusage says of memory may be the parent's, from before the exec
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
except OSError:
    peak = used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
print((used.ru_utime + used.ru_stime) * 1000, peak, flush=True)
"""


def measure(folder: Path) -> list[Row]:
    """The lines of opening."""
    with big_chapter(folder) as desk:
        path = desk.profile.path
    peaks: list[float] = []

    def desk_opened() -> Sequence[float]:
        cpu, peak = _cost(folder, DESK, str(path))
        peaks.append(peak)
        return [cpu]

    def empty() -> Sequence[float]:
        return [_cost(folder, EMPTY)[0]]

    desk_opened(), empty()  # once before, so that Python has compiled everything, as an installed program is
    rounds = in_turns({"desk": desk_opened, "empty": empty})
    name = f"open the desk on {MEMBERS:,} members"
    return [
        at_most(f"{name}: CPU", f"empty QMainWindow: {median_of(rounds['empty']):.0f} ms", median_ratio(rounds, "desk", "empty"), 4, "×",
                f"{median_of(rounds['desk']):.0f} ms of CPU"),
        at_most(f"{name}: memory at its highest", "-", statistics.median(peaks), 180, "MB"),
    ]


def _cost(folder: Path, code: str, *words: str) -> tuple[float, float]:
    """Milliseconds of CPU in all threads, and megabytes of memory at the highest, of a process of its own."""
    environment = {**os.environ, "ALUMNI_DESK_PASSPHRASE": PASSPHRASE, "QT_QPA_PLATFORM": "offscreen", "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run([sys.executable, "-c", code + TOLD, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    cpu, peak = done.stdout.split()[-2:]
    return float(cpu), float(peak)
