"""Clocks that run ahead: what an operation from the future counts as, so that it blocks nobody.

A clock is text that sorts as it orders: milliseconds in 12 hexadecimal digits, a counter, the replica, joined by
hyphens. An assigned clock keeps the original between milliseconds and replica; so two assigned ones of a replica stay
in the order of their originals.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from alumni_desk.protocol.clock import PATTERN

REPLICA = re.compile("[0-9a-f]{16}")

AHEAD = 5 * 60 * 1000
"""How far (milliseconds) a clock may run ahead of the server's."""


def milliseconds(clock: str) -> int:
    """When a clock says that it is, in milliseconds since 1970."""
    return int(clock.split("-", 1)[0], 16)


def replica(clock: str) -> str:
    """Whose clock it is."""
    return clock.rpartition("-")[2]


def is_clock(text: str) -> bool:
    """Whether the text is a clock as replicas write them."""
    return PATTERN.fullmatch(text) is not None


def stamp(now: int, who: str) -> str:
    """A clock of the server itself, for what it writes without a desk. ``who``: 16 hexadecimal digits."""
    return f"{now:012x}-0000-{who}"


@dataclass
class Assigned:
    """What one replica's clocks were made to count as: pairs of original and assigned."""

    pairs: dict[str, str] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)
    _order: list[str] = field(default_factory=list)  # the originals, sorted; what they count as is sorted alike

    def know(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Pairs assigned before: those between the clocks that will be asked about, and the next on either side."""
        self.pairs.update(pairs)
        self._order = sorted(self.pairs)

    def clock(self, original: str, now: int) -> str:
        """The clock that counts: the original, unless it is too far ahead or would overtake one assigned before.

        Monotone in the original, whatever order operations arrive in.
        """
        if original in self.pairs:
            return self.pairs[original]
        counts = original if milliseconds(original) <= now + AHEAD else _at(now + AHEAD, original)
        place = bisect_left(self._order, original)
        lower = self.pairs[self._order[place - 1]] if place else None
        upper = self.pairs[self._order[place]] if place < len(self._order) else None
        if lower is not None and counts <= lower:
            counts = _at(milliseconds(lower), original)
        if upper is not None and counts >= upper:
            counts = _at(milliseconds(upper), original)
        if counts != original:
            self.pairs[original] = self.new[original] = counts
            self._order.insert(place, original)
        return counts


def _at(moment: int, original: str) -> str:
    stamp, counter, who = original.split("-")
    return f"{moment:012x}-{stamp}{counter}-{who}"
