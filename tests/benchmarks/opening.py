"""Opening the desk on 100,000 members to its first usable page, against a window with nothing in it; each a process of its own."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from harness import PASSPHRASE, Row, at_most, big_chapter, in_turns, median_of, median_ratio

from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.lists import gathering_rows
from alumni_desk.store.desk import Desk

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
from alumni_desk.cli.main import open_window
from alumni_desk.store.profile import Profile

def usable(sitting):
    from PySide6.QtCore import QTimer
    timer = QTimer(sitting)

    def look():
        shell = sitting.room.shell
        if shell.next_to_build() is None and shell.next_part() is None and sitting.room.lanes.idle():
            timer.stop()
            told()
            shell.close()

    told()
    timer.timeout.connect(look)
    timer.start(200)

open_window(Profile(Path(sys.argv[1])), usable=usable)
"""
"""As the program does it, until Today is filled and painted, then until every page is built and nothing is under way."""

TOLD = """
import sys
def told():
    import resource
    used = resource.getrusage(resource.RUSAGE_SELF)
    try:  # what getrusage says of memory may be the parent's, from before the exec
        peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
    except OSError:
        peak = used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    print((used.ru_utime + used.ru_stime) * 1000, peak, flush=True)
"""

KEEP = """
import sys
from pathlib import Path
from alumni_desk.store import keys
keys.keep_in_keyring(Path(sys.argv[1]), "desk", bytes.fromhex(sys.argv[2]), on=True)
"""

SIGNED_IN = """set -e
printf pass | gnome-keyring-daemon --unlock --components=secrets >/dev/null
exec "$@"
"""
"""A login of its own with a Secret Service that holds the key, as most people start the desk: no password is stretched for it."""


class Starts:
    """Starts the program, and a window with nothing in it, each as a process of its own."""

    def __init__(self, folder: Path, profile: Path, key: bytes) -> None:
        self._folder, self._profile, self._kept = folder, profile, profile / "desk.key"
        self.at_first: list[float] = []
        self.at_rest: list[float] = []
        self.rest_cpu: list[float] = []
        self.has_keyring = sys.platform == "linux" and all(map(shutil.which, ("dbus-run-session", "gnome-keyring-daemon")))
        if self.has_keyring:
            (folder / "login" / "runtime").mkdir(parents=True, exist_ok=True, mode=0o700)
            self._alone = self._kept.read_bytes()
            self._run(KEEP, str(profile), key.hex(), login=True)
            self._both = self._kept.read_bytes()

    def desk(self) -> Sequence[float]:
        """Opened with the password."""
        return self._opened()

    def keyring(self) -> Sequence[float]:
        """Opened with the computer's password store."""
        return self._opened(login=True)

    def empty(self) -> Sequence[float]:
        """The floor."""
        return [self._run(EMPTY + TOLD + "told()")[0][0]]

    def _opened(self, *, login: bool = False) -> Sequence[float]:
        if self.has_keyring:
            self._kept.write_bytes(self._both if login else self._alone)
        first, rest = self._run(TOLD + DESK, str(self._profile), login=login)
        if not login:
            self.at_first.append(first[1])
            self.at_rest.append(rest[1])
            self.rest_cpu.append(rest[0])
        return [first[0]]

    def _run(self, code: str, *words: str, login: bool = False) -> list[list[float]]:
        """Milliseconds of CPU in all threads, and megabytes of memory at the highest, each time that a process of its own told them."""
        compiled = str(self._folder / "compiled")
        environment = {**os.environ, "ALUMNI_DESK_PASSPHRASE": PASSPHRASE, "QT_QPA_PLATFORM": "offscreen", "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-c", code, *words]
        if login:
            home = self._folder / "login"
            for name in ("ALUMNI_DESK_PASSPHRASE", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"):
                environment.pop(name, None)
            environment |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "runtime"), "XDG_DATA_HOME": str(home / "data")}
            command = ["dbus-run-session", "--", "sh", "-c", SIGNED_IN, "sh", *command]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def measure(folder: Path) -> list[Row]:
    """The lines of opening."""
    with big_chapter(folder) as desk:
        _with_gatherings(desk)
        starts = Starts(folder, desk.profile.path, desk.key)
    contenders = {"desk": starts.desk, "empty": starts.empty, **({"keyring": starts.keyring} if starts.has_keyring else {})}
    for one in contenders.values():
        one()  # once before, so that Python has compiled everything, as an installed program is
    rounds = in_turns(contenders)
    name, floor = f"open the desk on {MEMBERS:,} members", f"empty QMainWindow: {median_of(rounds['empty']):.0f} ms"
    rows = [at_most(f"{name}, key in the keyring: CPU", floor, median_ratio(rounds, "keyring", "empty"), 4, "×",
                    f"{median_of(rounds['keyring']):.0f} ms of CPU")] if starts.has_keyring else []  # fmt: skip
    return [
        *rows,
        at_most(f"{name}, key under a password: CPU", floor, median_ratio(rounds, "desk", "empty"), 4, "×",
                f"{median_of(rounds['desk']):.0f} ms of CPU, argon2id among it; {statistics.median(starts.rest_cpu):.0f} ms until every page is built"),
        at_most(f"{name}: memory at its highest", "-", statistics.median(starts.at_first), 180, "MB", "64 MB of it for a moment, by argon2id"),
        at_most(f"{name}, every page built: memory at its highest", "-", statistics.median(starts.at_rest), 180, "MB"),
    ]


def _with_gatherings(desk: Desk) -> None:
    """One gathering to come and one that was, so that Today has something to show."""
    if gathering_rows(desk):
        return
    with desk.reading() as connection:
        guests = list(connection.exec_driver_sql("SELECT id FROM person LIMIT 60").scalars())
    for days, name in ((-30, "Autumn Dinner"), (20, "Winter Reception")):
        day = date.today() + timedelta(days=days)
        add_guests(desk, new_gathering(desk, name=name, start=f"{day}T18:30", end=f"{day}T21:00", place="Boat House", capacity="80").id, guests)
