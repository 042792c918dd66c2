"""Listening: a pull that waits at the server, again and again, so that what others change is here a moment later. No Qt; it runs in a thread of its own."""

from __future__ import annotations

import random
from collections.abc import Callable

from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.store.desk import Desk
from alumni_desk.sync import conflicts_told, session, state
from alumni_desk.sync.pull import cursor_of, pull
from alumni_desk.sync.wire import Wire

WAIT_SECONDS = 25.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0


class Listening:
    """Pulls as the server's feed moves, until it is stopped.

    ``came``: told how many rows each pull brought, after they are committed, and 0 where the cards to decide on are others by them. ``trouble``:
    told what keeps it from listening, once until it goes well again; ``well``: that it does again. All three are called in the thread that runs ``run``.
    """

    def __init__(self, desk: Desk, wire: Wire, membership: state.Membership, came: Callable[[int], None],
                 trouble: Callable[[KnownError], None] = lambda _: None, well: Callable[[], None] = lambda: None) -> None:
        self._desk, self._wire, self._membership = desk, wire, membership
        self._came, self._trouble, self._well = came, trouble, well

    def run(self) -> None:
        """Listen until ``stop``, until the server does not let this laptop in any more, or is silent because its address is another now."""
        session.resume(self._desk, self._wire)
        pause, silent = FIRST_PAUSE, False
        while not self._wire.pause(0):
            try:
                self._once(0.0 if silent else WAIT_SECONDS)  # a line that was silent is asked for an answer at once
            except NetworkProblem as problem:
                if not silent:
                    self._trouble(problem)
                silent = True
                if self._is_elsewhere() or self._wire.pause(pause * (0.5 + random.random())):
                    return
                pause = min(LONGEST_PAUSE, pause * 2)
                continue
            except KnownError as problem:
                if problem.code != "sync_stopped":
                    self._trouble(problem)
                return
            if silent:
                self._well()
            pause, silent = FIRST_PAUSE, False

    def stop(self) -> None:
        """End it from another thread, a wait at the server included."""
        self._wire.stop()

    def _is_elsewhere(self) -> bool:
        with self._desk.reading() as connection:
            now = state.read(connection, state.Membership)
        return now is None or (now.url, now.fingerprint) != (self._membership.url, self._membership.fingerprint)

    def _once(self, wait: float) -> None:
        with self._desk.reading() as connection:
            begun = cursor_of(connection, self._membership.scope).sequence > 0 and state.read(connection, state.Rebuilding) is None
        if not begun:  # the first rows are for a sync to bring: it may have a better way
            self._wire.pause(FIRST_PAUSE)
            return
        count = pull(self._desk, self._wire, self._membership, wait=wait)
        if not count:
            return
        self._came(count)
        if conflicts_told.look_again(self._desk, self._wire, self._membership):  # who decided has told the server before the row came
            self._came(0)
