"""Sees what people do on this desk, in whichever program, and seals it for the others at once."""

from __future__ import annotations

import logging
import threading

from alumni_desk.errors import KnownError
from alumni_desk.store import removal
from alumni_desk.store.desk import Desk
from alumni_desk.sync.venue.credentials import me
from alumni_desk.sync.venue.holding import seal_own

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
"""How often the database is asked whether anything changed: microseconds each time."""


class Watch:
    """A thread that looks; ``changes`` counts what it saw. ``stop`` ends it and wakes whoever waits."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self.changes = 0
        self.trouble: KnownError | None = None
        self._seen = -1
        self._look()
        self._thread = threading.Thread(target=self._run, name="venue watching", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        with self._news:
            self._news.notify_all()
        self._thread.join()

    def wait(self, changes: int, seconds: float) -> None:
        """Wait until there was a change after that many, or for so long, or until ``stop``."""
        with self._news:
            self._news.wait_for(lambda: self.changes != changes or self._stopping.is_set(), seconds)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        if (gone := removal.removed(self._desk.profile)) is not None:  # by a command beside this program, which has the deleted files open still
            self._desk.shut(gone.error)
            self.trouble = gone.error
            self._tell()
            return
        try:
            version = self._desk.version()
            if version == self._seen:
                return
            with self._desk.reading() as connection:
                mine = me(connection)
            seal_own(self._desk, mine)
            self._seen, self.trouble = version, None
        except KnownError as problem:  # the disk is full, another program writes for long: looked at again at once
            if self.trouble is None or self.trouble.code != problem.code:
                log.warning("nothing was sealed: %s", problem.code)
            self.trouble = problem
            return
        self._tell()

    def _tell(self) -> None:
        with self._news:
            self.changes += 1
            self._news.notify_all()
