"""How an invariant that does not hold is told."""

from __future__ import annotations


class Violation(AssertionError):
    """An invariant does not hold."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"invariant {number}: {what}")
        self.number = number


def hold(number: int, holds: bool, what: str) -> None:
    """Say so where an invariant does not hold."""
    if not holds:
        raise Violation(number, what)
