"""The clock of a desk: corrected by the server, never going back within a replica."""

from __future__ import annotations

from alumni_desk.protocol.clock import AHEAD_MS, Clock, milliseconds

NOW = 1_790_000_000_000


def test_a_slow_answer_does_not_make_a_good_clock_worse() -> None:
    clock = Clock(now_ms=lambda: NOW)
    assert clock.calibrate(NOW + 1_900, NOW, NOW + 2_000) == 0
    assert clock.calibrate(NOW - 400, NOW, NOW + 10) == 0
    assert clock.calibrate(NOW - 60_000, NOW, NOW) == -60_000
    assert clock.calibrate(NOW - 59_000, NOW, NOW + 2_000) == -60_000


def test_what_was_far_ahead_goes_on_as_another_replica_at_the_true_time() -> None:
    clock = Clock(now_ms=lambda: NOW)
    first, replica = clock.tick(), clock.replica
    clock.calibrate(NOW - AHEAD_MS, NOW, NOW)
    assert clock.replica == replica and clock.tick() > first  # near enough: it waits for the time to come
    clock.calibrate(NOW - 3_600_000, NOW, NOW)
    second = clock.tick()
    assert clock.replica != replica and milliseconds(second) == NOW - 3_600_000
    assert clock.tick() > second and clock.tick([first]) > first
