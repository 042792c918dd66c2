"""A laptop: the real desk on a disk that the simulator can copy at any statement, which is what a kill leaves behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alumni_desk.errors import KnownError
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync.address import read_address
from alumni_desk.sync.engine import SyncResult, join, sync_once
from alumni_desk.sync.restoring import restore
from alumni_desk.sync.wire import Wire
from simulation.asking import asked
from simulation.holding import Violation
from simulation.network import Line, Request
from simulation.office import Office
from simulation.world import Killed, World, listen

ADDRESS = "http://127.0.0.1:9"


class _Patience:
    """Stands where a ``Wire`` waits for a busy server: virtual time goes by."""

    def __init__(self, world: World) -> None:
        self.world = world

    def is_set(self) -> bool:
        return False

    def set(self) -> None:
        return None

    def wait(self, seconds: float) -> bool:
        self.world.now += int(seconds * 1000)
        return False


class Laptop:
    """One of them, switched on."""

    def __init__(self, world: World, office: Office, name: str, folder: Path, skew: int = 0) -> None:
        self.world, self.office, self.name, self.folder, self.skew = world, office, name, folder, skew
        self.number = int(folder.name.rpartition("-")[2])
        self.late: list[Request] = []
        self.away = False  # no network
        self.removed = False  # at the server, by a leader
        self.let_in_by: Laptop | None = None  # at a venue
        self._kill_after: int | None = None
        self._killed_at: Path | None = None
        self._copies = 0
        self.open()

    def open(self) -> None:
        """Start the program: a new replica, the real opening."""
        self.world.acting = self
        with self.world.at(self.skew):
            self.desk: Desk = open_desk(Profile(self.folder), create=False)
        listen(self.desk._writers, self._statement)
        self._own = self.desk.raw()
        self.counted = self.rows("SELECT count(*) AS n FROM operation")[0]["n"]  # for a planted bug

    def close(self) -> None:
        """End the program."""
        self._own.close()
        self.desk.close()

    def _statement(self, sql: str) -> None:
        if self._kill_after is None:
            return
        if self._kill_after > 0:
            self._kill_after -= 1
        if self._kill_after == 0:
            self._die()
        if self._kill_after < 0 and sql == "COMMIT":
            self._kill_after += 1

    def _die(self) -> None:
        self._kill_after = None
        self._killed_at = self.copy()
        raise Killed

    def speaks(self) -> None:
        """It is about to say something to others: one that is due to die says nothing more."""
        if self._kill_after == 0:
            self._die()

    def copy(self, to: Path | None = None) -> Path:
        """The files of the profile as they are on the disk now."""
        self._copies += 1
        to = to or self.folder.with_name(f"{self.name}-{self._copies}-{len(list(self.folder.parent.iterdir()))}")
        shutil.copytree(self.folder, to, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
        return to

    def move(self, folder: Path) -> None:
        """Go on with another copy of the profile."""
        self.close()
        shutil.rmtree(self.folder)
        self.folder = folder
        self.open()

    def restore(self, file: Path) -> None:
        """Go back to one of its backups."""
        self.close()
        self.world.acting = self
        try:
            with self.world.at(self.skew):
                restore(Profile(self.folder), file)
        finally:
            self.open()

    def do(self, work: Callable[[], Any], kill_after: int | None = None) -> Any:
        """Let the laptop do something, and perhaps be killed in it; then it is started again. ``kill_after``: at that statement; below zero, after so
        many commits, before it does or says anything else."""
        self._kill_after = kill_after
        self.world.acting = self
        try:
            with self.world.at(self.skew):
                return work()
        except (Killed, Exception):
            if self._killed_at is None:
                raise  # else whatever was said by what tidies up behind it was said by nobody: it is dead
            try:
                self.move(self._killed_at)
            except KnownError as error:
                raise Violation(12, f"{self.name} was killed and does not open: {error.code}: {error}") from error
            return None
        finally:
            self._kill_after, self._killed_at = None, None

    def wire(self, faults: dict[int, str]) -> Wire:
        """A real wire over the simulated line."""
        found = Wire(read_address(ADDRESS), session=Line(self.world, self.office, {0: "lost"} if self.away else faults, self.late, self.speaks))  # type: ignore[arg-type]
        found._stopping = _Patience(self.world)  # type: ignore[assignment]
        return found

    def join(self, code: str) -> None:
        """Become a laptop of the chapter."""
        with self.world.at(self.skew):
            join(self.desk, ADDRESS, code, device_name=self.name, wire=self.wire({}))

    def sync(self, faults: dict[int, str] | None = None) -> SyncResult:
        """One sync."""
        return sync_once(self.desk, wire=self.wire(faults or {}))

    @property
    def gathering(self) -> str | None:
        """The gathering at whose door this laptop is; None for a leader's."""
        found = self.rows("SELECT json_extract(value, '$.gathering') AS gathering FROM sync_state WHERE key = 'membership'")
        return found[0]["gathering"] if found else None

    @property
    def device(self) -> str:
        """What the server calls it."""
        return str(self.rows("SELECT json_extract(value, '$.device') AS device FROM sync_state WHERE key = 'membership'")[0]["device"])

    @property
    def ended(self) -> bool:
        """Whether its time at the door is over."""
        return bool(self.rows("SELECT 1 FROM sync_state WHERE key = 'ended'"))

    def rows(self, question: str, *values: Any) -> list[Any]:
        """What its database says."""
        return asked(self._own, question, values)
