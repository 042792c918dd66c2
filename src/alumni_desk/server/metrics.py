"""Figures for Prometheus, in its text format: calls, times, operations. Counts only: no name, no chapter, no device."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

from alumni_desk import __version__

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What one process has done since it started. Safe to use from several threads."""

    def __init__(self) -> None:
        self.started = time.time()
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._times: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()
        self._operations: Counter[str] = Counter()
        self._rows = 0
        self._bytes: Counter[str] = Counter()
        self.under_way = 0

    def begin(self) -> None:
        """A request came in."""
        with self._lock:
            self.under_way += 1

    def end(self, call: str, status: int, seconds: float, received: int, sent: int) -> None:
        """It was answered."""
        with self._lock:
            self.under_way -= 1
            self._requests[call, status] += 1
            self._seconds[call] += seconds  # type: ignore[assignment]
            times = self._times.setdefault(call, [0] * (len(BUCKETS) + 1))
            times[bisect_left(BUCKETS, seconds)] += 1
            self._bytes["received"] += received
            self._bytes["sent"] += sent

    def pushed(self, statuses: Iterable[str]) -> None:
        """Operations were judged."""
        with self._lock:
            self._operations.update(statuses)

    def pulled(self, rows: int) -> None:
        """Rows were handed out."""
        with self._lock:
            self._rows += rows

    def text(self, gauges: Mapping[str, int]) -> str:
        """Everything as Prometheus reads it; ``gauges`` are counts of the database, by name."""
        with self._lock:
            return "\n".join([
                *_family("alumni_desk_build_info", "gauge", "The version that runs.", {f'version="{__version__}"': 1}),
                *_family("alumni_desk_start_time_seconds", "gauge", "When this process started.", {"": round(self.started, 3)}),
                *_family("alumni_desk_requests_under_way", "gauge", "Requests being answered.", {"": self.under_way}),
                *_family("alumni_desk_requests_total", "counter", "Requests answered.",
                         {f'call="{call}",status="{status}"': count for (call, status), count in sorted(self._requests.items())}),
                *self._histogram(),
                *_family("alumni_desk_operations_total", "counter", "Operations pushed, by what became of them.",
                         {f'status="{status}"': count for status, count in sorted(self._operations.items())}),
                *_family("alumni_desk_rows_pulled_total", "counter", "Rows handed out.", {"": self._rows}),
                *_family("alumni_desk_body_bytes_total", "counter", "Bytes of bodies, as they travelled.",
                         {f'way="{way}"': count for way, count in sorted(self._bytes.items())}),
                *(line for name, value in gauges.items() for line in _family(f"alumni_desk_{name}", "gauge", f"Number of {name} at this server.", {"": value})),
                "",
            ])

    def _histogram(self) -> list[str]:
        name = "alumni_desk_request_seconds"
        lines = [f"# HELP {name} Time to answer.", f"# TYPE {name} histogram"]
        for call, times in sorted(self._times.items()):
            count = sum(n for (one, _status), n in self._requests.items() if one == call)
            lines += [f'{name}_bucket{{call="{call}",le="{bound:g}"}} {so_far}' for bound, so_far in zip(BUCKETS, accumulate(times), strict=False)]
            lines += [f'{name}_bucket{{call="{call}",le="+Inf"}} {count}', f'{name}_sum{{call="{call}"}} {self._seconds[call]:.6f}',
                      f'{name}_count{{call="{call}"}} {count}']
        return lines


def _family(name: str, kind: str, about: str, values: Mapping[str, float]) -> list[str]:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    return lines + [f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in values.items()]
