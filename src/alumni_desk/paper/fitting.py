"""Making a text fit its place: one line as big as it may be, else several, else smaller; never cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alumni_desk.paper.fonts import Faces, Weight
from alumni_desk.paper.text import Line, set_line

LEADING = 1.15
SMALLEST = 6.0
"""Points; nothing is set smaller as long as it can be broken into lines."""


@dataclass(frozen=True)
class Fitted:
    """Lines that fit. ``shrunk``: smaller than wished; ``lost``: signs that could not be printed."""

    lines: tuple[Line, ...]
    size: float
    shrunk: bool

    @property
    def lost(self) -> tuple[str, ...]:
        """Signs that no font has."""
        return tuple(dict.fromkeys(sign for line in self.lines for sign in line.lost))

    @property
    def height(self) -> float:
        """From the first baseline's top to the last baseline's foot, in points."""
        return len(self.lines) * self.size * LEADING


def fit(faces: Faces, text: str, width: float, sizes: Sequence[float], weight: Weight = "regular", *, max_lines: int = 1,
        height: float = float("inf")) -> Fitted:
    """The biggest of ``sizes`` (descending, points) at which the text fits in at most ``max_lines`` lines; below the last, it shrinks until it does."""
    smaller = [sizes[-1] * 0.92**step for step in range(1, 40) if sizes[-1] * 0.92**step >= SMALLEST]
    for size in (*sizes, *smaller):
        for count in range(1, max_lines + 1):
            lines = _broken(faces, text, width, size, weight, count)
            if lines is not None and len(lines) * size * LEADING <= height:
                return Fitted(tuple(lines), size, size < sizes[0])
    size = min(SMALLEST, height / LEADING)
    whole = set_line(faces, text, size, weight)
    if whole.width > width:  # a name of hundreds of letters: small rather than cut
        whole = set_line(faces, text, size * width / whole.width * 0.995, weight)
    return Fitted((whole,), whole.size, True)


def _broken(faces: Faces, text: str, width: float, size: float, weight: Weight, count: int) -> list[Line] | None:
    """The text in exactly so many lines, as even as can be; None if it does not fit."""
    parts = _parts(text)
    best: list[Line] | None = None
    for texts in _ways(parts, count):
        lines = [set_line(faces, one, size, weight) for one in texts]
        if all(line.width <= width for line in lines) and (best is None or max(line.width for line in lines) < max(line.width for line in best)):
            best = lines
    return best


def _parts(text: str) -> list[str]:
    """Where a name may be broken: at spaces, and after hyphens."""
    return [part for part in re.split(r"(?<=[-‐–])(?=\w)|\s+", text.strip()) if part] or [""]


def _ways(parts: Sequence[str], count: int) -> Iterator[list[str]]:
    if count == 1:
        yield [_joined(parts)]
        return
    if len(parts) < count:
        return
    # Names have few words; of a long text only breaks near the even ones are worth trying.
    places = range(1, len(parts) - count + 2)
    if len(parts) > 12:
        even = len(parts) // count
        places = range(max(1, even - 3), min(len(parts) - count + 2, even + 4))
    for place in places:
        for rest in _ways(parts[place:], count - 1):
            yield [_joined(parts[:place]), *rest]


def _joined(parts: Sequence[str]) -> str:
    text = ""
    for part in parts:
        text += part if not text or text[-1] in "-‐–" else f" {part}"
    return text
