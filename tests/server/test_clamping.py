"""What clocks that run ahead count as: as the plain rule says, and fast."""

from __future__ import annotations

import time
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from alumni_desk.server.clamping import AHEAD, Assigned, milliseconds

WHO = "a" * 16
NOW = 1_790_000_000_000


def clock(ms: int, counter: int = 0) -> str:
    """A clock of one replica."""
    return f"{ms:012x}-{counter:04x}-{WHO}"


@given(st.lists(st.tuples(st.integers(NOW - 1_000, NOW + 3 * AHEAD), st.integers(0, 3), st.integers(0, 2 * AHEAD)), min_size=1, max_size=60,
                unique_by=lambda one: one[:2]))
def test_the_order_of_the_originals_is_the_order_of_what_counts(some: list[tuple[int, int, int]]) -> None:
    assigned = Assigned()
    counts = {}
    now = NOW
    for ms, counter, later in some:
        now = max(now, NOW + later)
        counts[clock(ms, counter)] = assigned.clock(clock(ms, counter), now)
        assert milliseconds(counts[clock(ms, counter)]) <= now + AHEAD
        ahead = [original for original in sorted(counts) if original in assigned.pairs]
        assert [counts[original] for original in ahead] == sorted(counts[original] for original in ahead)
    again = Assigned()
    again.know(assigned.pairs.items())
    assert all(again.clock(original, now) == counted for original, counted in counts.items() if original in assigned.pairs)


def test_many_are_assigned_in_a_moment() -> None:
    assigned = Assigned()
    assigned.know((clock(NOW + 10 * AHEAD + n), f"{NOW + AHEAD:012x}-{NOW + 10 * AHEAD + n:012x}0000-{WHO}") for n in range(0, 200_000, 2))
    asked = [clock(NOW + 10 * AHEAD + n) for n in range(1, 8_000, 2)]
    Random(1).shuffle(asked)
    began = time.process_time()
    for original in asked:
        assigned.clock(original, NOW)
    assert time.process_time() - began < 5, "4,000 beside 100,000: each looked up by halves, not one by one"
