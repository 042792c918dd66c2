"""Listening: a pull that waits at the server, again and again, so that what others change is here a moment later. No Qt; it runs in a thread of its own."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.store.desk import Desk
from alumni_desk.sync import conflicts_told, lately, session, state
from alumni_desk.sync.pull import cursor_of, pull
from alumni_desk.sync.wire import Wire

WAIT_SECONDS = 25.0
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
PATIENCE = 2.0
"""Seconds without a page after which nobody waits for what the listening brings: its line may be dead, and nobody knows yet."""


class Listening:
    """Pulls as the server's feed moves, until it is stopped.

    ``came``: told how many rows each pull brought, after they are committed, and 0 where the cards to decide on are others by them. ``trouble``:
    told what keeps it from listening, once until it goes well again; ``well``: that it does again. All three are called in the thread that runs ``run``.
    """

    def __init__(self, desk: Desk, wire: Wire, membership: state.Membership, came: Callable[[int], None],
                 trouble: Callable[[KnownError], None] = lambda _: None, well: Callable[[], None] = lambda: None) -> None:
        self._desk, self._wire, self._membership = desk, wire, membership
        self._came, self._trouble, self._well = came, trouble, well
        self._news = threading.Condition()
        self._hears, self._brought = False, 0  # rows so far
        self._told, self._awaited = 0, 0  # rows of them that stand in the history; syncs that count what comes just now as theirs
        self._aside = 0  # syncs that fetch by themselves just now

    @property
    def hears(self) -> bool:
        """Whether the server answered it when it last asked, or is being asked for the first time."""
        with self._news:
            return self._hears

    def bring(self, all_of_it: Callable[[], bool], progress: Callable[[int], None] = lambda _: None) -> int:
        """Wait, in another thread, until ``all_of_it`` is here, as long as this brings what is new: a sync need not fetch the same once more.

        Returns how many rows came meanwhile, told to ``progress`` as they come. They are not all where it hears nothing now, or brought nothing for a
        while: whoever waits then fetches the rest.
        """
        with self._news:
            before = brought = self._brought
            self._awaited += 1
        try:
            while not all_of_it():
                with self._news:
                    if not self._hears or (self._brought == brought and not self._news.wait(PATIENCE)):
                        break
                    brought = self._brought
                progress(brought - before)
        finally:
            with self._news:
                self._awaited -= 1
                self._told += brought - before
        return brought - before

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Ask for nothing more while a sync fetches by itself: over a slow line the same pages would come twice, each at half the speed."""
        with self._news:
            self._aside += 1
        try:
            yield
        finally:
            with self._news:
                self._aside -= 1
                self._news.notify_all()

    def _note(self, hears: bool, brought: int | None = None) -> None:
        with self._news:
            self._hears, self._brought = hears, self._brought if brought is None else brought
            self._news.notify_all()

    def _note_history(self) -> None:
        with self._news:
            rows = 0 if self._awaited else self._brought - self._told
            self._told += rows
        if rows > 0:
            with self._desk.applying() as applying:
                session.refuse_another(applying.connection, self._membership)
                lately.note_came(applying.connection, applying.now, rows)

    def run(self) -> None:
        """Listen until ``stop``, until the server does not let this laptop in any more, or is silent because its address is another now."""
        try:
            self._listen()
        finally:
            self._note(False)

    def _listen(self) -> None:
        session.resume(self._desk, self._wire)
        pause, silent = FIRST_PAUSE, False
        while not self._wire.pause(0):
            try:
                self._once(0.0 if silent else WAIT_SECONDS)  # a line that was silent is asked for an answer at once
            except NetworkProblem as problem:
                self._note(False)
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
            self._note(False)
            self._wire.pause(FIRST_PAUSE)
            return
        with self._news:
            if self._aside:
                self._hears = False
                self._news.wait_for(lambda: not self._aside, FIRST_PAUSE)  # then at once: what others change is to be here a moment later
                return
        if wait:
            self._note(True)
        before = self._brought
        count = pull(self._desk, self._wire, self._membership, lambda count: self._note(True, before + count), wait=wait)
        self._note(True)
        if not count:
            return
        try:
            self._note_history()  # first: who is told looks at once
        finally:
            self._came(count)
        if conflicts_told.look_again(self._desk, self._wire, self._membership):  # who decided has told the server before the row came
            self._came(0)
