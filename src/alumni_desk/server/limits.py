"""How often one laptop, or one address without a session, may call. Kept by each process for itself: it guards a process, not a quota."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from alumni_desk.server.refusals import Refusal

CALLS_A_SECOND = 100.0
STRANGERS_A_SECOND = 50.0
BURST_SECONDS = 5.0
_KEPT = 20_000


class Limiter:
    """A bucket for each name: it fills at ``rate`` a second and holds five seconds' worth; a call takes one."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = rate
        self._most = max(1.0, rate * BURST_SECONDS)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, name: str) -> None:
        """One call of this name; raises a Refusal 429 with the seconds to wait if it calls too often."""
        now = self._clock()
        with self._lock:
            level, at = self._buckets.get(name, (self._most, now))
            level = min(self._most, level + (now - at) * self.rate)
            if level < 1:
                self._buckets[name] = (level, now)
                raise Refusal(429, "too_often", retry_after=math.ceil((1 - level) / self.rate))
            self._buckets[name] = (level - 1, now)
            if len(self._buckets) > _KEPT:
                self._forget_the_full(now)

    def _forget_the_full(self, now: float) -> None:
        self._buckets = {name: (level, at) for name, (level, at) in self._buckets.items() if level + (now - at) * self.rate < self._most}
