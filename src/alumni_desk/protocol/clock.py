"""The hybrid logical clock that orders operations: ``milliseconds-counter-replica`` in hex, sortable as text.

A replica is 64 random bits per start of the program, so clones and restored laptops need no detection.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable

AHEAD_MS = 5 * 60 * 1000
"""How far clocks of others may move ours beyond our own time."""

PATTERN = re.compile(r"[0-9a-f]{12}-[0-9a-f]{4}-[0-9a-f]{16}")

_LAST_COUNTER = 0xFFFF
_GOOD_MS = 500
"""How far computers that set their clocks by the network are apart."""


def wall_ms() -> int:
    """Milliseconds since 1970 by this computer."""
    return time.time_ns() // 1_000_000


class Clock:
    """Gives out clocks, each greater than every one before. Safe to use from several threads."""

    def __init__(self, *, replica: str | None = None, now_ms: Callable[[], int] = wall_ms) -> None:
        self.replica = replica or secrets.token_hex(8)
        self._now = now_ms
        self._offset = 0
        self.told = 0
        """The server's time when this clock was last known to agree with it, 0: not known. What others have from it counts by that, see ``venue.timing``."""
        self._ms, self._counter = 0, 0
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """Calibrated time: this computer's, corrected by what the server said last."""
        return self._now() + self._offset

    @property
    def offset(self) -> int:
        """The correction of this computer's clock, in milliseconds."""
        return self._offset

    def calibrate(self, server_ms: int, asked_ms: int, answered_ms: int) -> int:
        """Take the server's time, read between asking and answering. Returns the correction in milliseconds.

        A correction that fits stays: a slow answer would only make a good clock worse.
        """
        self.told = server_ms
        if asked_ms + self._offset - _GOOD_MS <= server_ms <= answered_ms + self._offset + _GOOD_MS:
            return self._offset
        return self.correct(server_ms - (asked_ms + answered_ms) // 2)

    def correct(self, offset: int) -> int:
        """Correct this computer's clock by so many milliseconds. What was far ahead goes on as another replica, at the true time."""
        with self._lock:
            self._offset = offset
            if self._ms > self.now_ms() + AHEAD_MS:
                self.replica, self._ms, self._counter = secrets.token_hex(8), 0, 0
            return self._offset

    def tick(self, before: Iterable[str | None] = ()) -> str:
        """A new clock, greater than every earlier one and than all in ``before``."""
        with self._lock:
            now = self.now_ms()
            ms, counter = (now, 0) if now > self._ms else _next(self._ms, self._counter)
            self._ms, self._counter = ms, counter
            for seen in before:
                if seen is None:
                    continue
                there = (int(seen[:12], 16), int(seen[13:17], 16))
                if there >= (ms, counter):
                    ms, counter = _next(*there)
                    # A clock far ahead is exceeded by this one operation, but does not carry us along.
                    if ms <= now + AHEAD_MS:
                        self._ms, self._counter = ms, counter
            return f"{ms:012x}-{counter:04x}-{self.replica}"

    def ticks(self, count: int) -> list[str]:
        """So many new clocks, each greater than every earlier one."""
        with self._lock:
            now = self.now_ms()
            ms, counter = (now, -1) if now > self._ms else (self._ms, self._counter)
            found = []
            head, tail = f"{ms:012x}-", f"-{self.replica}"
            for _n in range(count):
                ms, counter = _next(ms, counter)
                if not counter:
                    head = f"{ms:012x}-"
                found.append(f"{head}{counter:04x}{tail}")
            self._ms, self._counter = ms, counter
            return found

    def observe(self, clock: str) -> None:
        """Move past a clock of another, at most five minutes beyond our own calibrated time."""
        with self._lock:
            there = (int(clock[:12], 16), int(clock[13:17], 16))
            if there > (self._ms, self._counter) and there[0] <= self.now_ms() + AHEAD_MS:
                self._ms, self._counter = there


def _next(ms: int, counter: int) -> tuple[int, int]:
    return (ms, counter + 1) if counter < _LAST_COUNTER else (ms + 1, 0)


def milliseconds(clock: str) -> int:
    """When a clock says it was, in milliseconds since 1970."""
    return int(clock[:12], 16)
