"""Keeps the list of a door's gathering new while a leader's laptop shares: made anew soon after it changed, and not at all while nothing does."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass

from alumni_desk.store.desk import Desk
from alumni_desk.sync.venue.credentials import Me
from alumni_desk.sync.venue.handouts import list_marks, make_handout

SECONDS = 0.5
"""How soon after one list the next is made: what changes meanwhile goes with it."""

CHECKINS_SECONDS = 20.0
"""How soon one is made in which check-ins alone are new: most come as parcels, and these are those that the server brought."""


@dataclass(frozen=True)
class _Made:
    """The last look at a gathering: how the desk stood, what the list was like, when it was looked at and when one was made (``time.monotonic``).
    ``owed``: something changed since then, check-ins perhaps."""

    version: int
    marks: bytes
    looked: float
    made: float
    owed: bool


class Renewing:
    """The lists of the doors that ask; safe to use from several threads."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._made: dict[str, _Made] = {}
        self._lock = threading.Lock()

    def look(self, mine: Me, gathering: str, *, at_once: bool = False) -> float | None:
        """Make the list anew if it changed. In how many seconds it is to be looked at again, though nothing more changes; None: it need not be.
        ``at_once``: for somebody who does not wait for the next."""
        if not mine.leads:
            return None
        with self._lock:
            version, before, now = self._desk.version(), self._made.get(gathering), time.monotonic()
            changed = before is None or before.version != version
            if before is not None and not changed and not before.owed:
                return None
            if before is not None and changed and not at_once and now - before.looked < SECONDS:
                return SECONDS - (now - before.looked)
            marks = self._marks(mine, gathering) if changed or before is None else before.marks
            due = before is None or at_once or before.marks != marks or now - before.made >= CHECKINS_SECONDS
            if due:
                make_handout(self._desk, mine, gathering)
            made = now if due or before is None else before.made
            self._made[gathering] = _Made(version, marks, now, made, not due)
            return None if due else CHECKINS_SECONDS - (now - made)

    def _marks(self, mine: Me, gathering: str) -> bytes:
        """What tells whether a list is another now, at a small part of the cost of making it. Check-ins go by themselves, and one at a door makes no list."""
        told = hashlib.blake2b(digest_size=16)
        with self._desk.reading() as connection:
            for row in list_marks(connection, mine.membership.scope, gathering):
                told.update(repr(tuple(row)).encode())
        return told.digest()
