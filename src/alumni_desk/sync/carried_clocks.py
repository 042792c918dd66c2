"""Clocks that a server made to count as others, because they ran ahead: what they are at another server.

Such a clock keeps the original between milliseconds and replica, and no laptop writes under one of that form.
"""

from __future__ import annotations

_COUNTER = 4


def plain(clock: str) -> str:
    """The clock in the form that laptops write, at the moment that it counts as."""
    moment, between, replica = clock.split("-")
    return f"{moment}-{between[-_COUNTER:]}-{replica}"


def counts_as(clock: str, original: str) -> bool:
    """Whether a clock is this one of a laptop, or what a server made it count as."""
    moment, counter, replica = original.split("-")
    return clock == original or clock.partition("-")[2] == f"{moment}{counter}-{replica}"
