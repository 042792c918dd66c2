"""What changed, told to whoever shows it: by our own actions, by a sync, or by the command line beside the window."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QTimer, Signal

from alumni_desk.desktop.background import Lanes
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed

POLL_MS = 500
STILL = 6
"""So many looks without anything new, and nobody waits for a saved change."""

EMPTIED = "removed.json"
"""``removal.FILE``, and that without the modules of emptying a desk, which the start has no use for."""

log = logging.getLogger(__name__)


class ChangeBus(QObject):
    """``changed(Changed)`` after every saved change. A ``Changed`` without tables means: look everything up anew."""

    changed = Signal(object)

    def tell(self, changed: Changed) -> None:
        """Announce what an action of this window changed."""
        self.changed.emit(changed)


class Watch(QObject):
    """Notices that another program (the command line) wrote to the desk's database; ``emptied(error)``: or that it emptied this laptop.

    Asks SQLite twice a second on the reading lane; the answer costs a few microseconds. What this window wrote itself
    is told a second time by it: SQLite does not say who wrote. Once nothing has been written for a while, what was is folded into the database.
    """

    emptied = Signal(object)

    def __init__(self, desk: Desk, lanes: Lanes, bus: ChangeBus) -> None:
        super().__init__(bus)
        self._desk, self._lanes, self._bus = desk, lanes, bus
        self._seen: object = None
        self._waiting = False
        self._still: int | None = None  # looks since something new; None: nothing is to be folded
        self._timer = QTimer(self, interval=POLL_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()
        self.look()  # before any page reads: what is written from then on is news

    def stop(self) -> None:
        """Ask no more."""
        self._timer.stop()

    def look(self) -> None:
        """Ask now: somebody says that there may be news."""
        if not self._waiting:
            self._waiting = True
            self._lanes.read(self._version, self._answer, self._failed)

    def _version(self) -> int:
        """A desk that was emptied is shut: its deleted files are open here still."""
        if (self._desk.profile.path / EMPTIED).exists():
            from alumni_desk.store import removal

            if (gone := removal.removed(self._desk.profile)) is not None:
                self._desk.shut(gone.error)
                raise gone.error
        return self._desk.version()

    def _answer(self, version: object) -> None:
        self._waiting = False
        if self._seen is not None and version != self._seen:
            self._bus.tell(Changed({}))
            self._still = 0
        elif self._still is not None:
            self._still += 1
            if self._still >= STILL:
                self._still = None
                self._lanes.read_long(lambda job: self._desk.fold(), failed=self._not_folded)
        self._seen = version

    def _failed(self, error: KnownError) -> None:
        self._waiting = False
        if error.code == "access_removed":
            self.stop()
            self.emptied.emit(error)

    def _not_folded(self, error: KnownError) -> None:
        log.info("the log was not folded into the database, and is later: %s", error.code)
