"""An answer holds as much as a laptop takes: of very much the first is told, and the rest when that is done with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from alumni_desk.protocol.messages import PAGE_BYTES, pack

T = TypeVar("T", bound=msgspec.Struct)


def that_fit(rows: Sequence[T], room: int = PAGE_BYTES) -> Sequence[T]:
    """The first of these rows, as many as there is room for (in bytes, packed)."""
    for place, row in enumerate(rows):
        room -= len(pack(row))
        if room < 0:
            return rows[:place]
    return rows
