"""Making a text fit its place: one line as big as it may be, else several, else smaller; cut only where nothing readable would be left."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alumni_desk.paper.fonts import Faces, Weight
from alumni_desk.paper.text import Line, set_line

LEADING = 1.15
SMALLEST = 6.0
"""Points; nothing is set smaller than this, or than the smallest size that was asked for."""

WHOLE_WORDS = 0.8
"""Of the smallest size that was asked for: below it long words are broken anywhere, where there are lines for them."""


FEW = 12
"""Words up to which every way to break them is tried, as names have; of more there are too many ways."""

EVENING = 8
"""So often the lines of a longer text are tried in less width."""


@dataclass(frozen=True)
class Fitted:
    """Lines that fit. ``shrunk``: smaller than wished; ``cut``: it ends in an ellipsis; ``lost``: signs that could not be printed."""

    lines: tuple[Line, ...]
    size: float
    shrunk: bool
    cut: bool = False

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
    """The biggest of ``sizes`` (descending, points) at which the text fits in at most ``max_lines`` lines; below the last, it shrinks until it does.

    Words stay whole as long as they are readable, then they are broken anywhere. What does not fit even so ends in an ellipsis.
    """
    last = sizes[-1]
    smallest = min(SMALLEST, last, height / LEADING)
    steps = [last * 0.92**step for step in range(1, 40)]
    smaller = [*(size for size in steps if size > smallest), smallest]
    anywhere = max_lines > 1
    for size in (*sizes, *(size for size in smaller if size >= last * WHOLE_WORDS or not anywhere)):
        for count in range(1, max_lines + 1):
            lines = _broken(faces, text, width, size, weight, count)
            if lines is not None and len(lines) * size * LEADING <= height + 0.001:
                return Fitted(tuple(lines), size, size < sizes[0])
    for size in (*sizes, *smaller) if anywhere else ():
        lines = _cut_up(faces, text, width, size, weight, _most(max_lines, size, height))
        if lines is not None:
            return Fitted(tuple(lines), size, size < sizes[0])
    most = max(1, _most(max_lines, smallest, height))
    return Fitted(tuple(_shortened(faces, text, width, smallest, weight, most)), smallest, True, cut=True)


def _most(max_lines: int, size: float, height: float) -> int:
    """How many lines the height has room for."""
    return max_lines if max_lines * size * LEADING <= height else int(height / LEADING / size)


def _cut_up(faces: Faces, text: str, width: float, size: float, weight: Weight, most: int) -> list[Line] | None:
    """The text in at most so many full lines, broken within words that are longer than a line, if need be within others; None if it does not fit."""
    for at_spaces in (True, False):
        lines: list[Line] = []
        rest = _clusters(text)
        while rest and len(lines) < most:
            taken = _room_for(faces, rest, width, size, weight)
            if not taken:
                break
            space = max((n for n, one in enumerate(rest[:taken + 1]) if one == " "), default=0) if at_spaces and taken < len(rest) else 0
            lines.append(set_line(faces, "".join(rest[:space or taken]), size, weight))
            rest = rest[(space or taken):]
            while rest and rest[0] == " ":
                rest = rest[1:]
        if not rest and lines:
            return lines
    return None


def _shortened(faces: Faces, text: str, width: float, size: float, weight: Weight, most: int) -> list[Line]:
    """As much of the text as fits in so many lines, with an ellipsis at the end."""
    clusters = _clusters(text)
    fits, beyond = 0, len(clusters)
    lines = [set_line(faces, "…", size, weight)]
    while beyond - fits > 1:
        middle = (fits + beyond) // 2
        found = _cut_up(faces, f"{''.join(clusters[:middle]).rstrip()}…", width, size, weight, most)
        if found is None:
            beyond = middle
        else:
            fits, lines = middle, found
    return lines


def _clusters(text: str) -> list[str]:
    """What belongs together: each sign with the marks on it. Single spaces."""
    parts: list[str] = []
    for char in unicodedata.normalize("NFC", " ".join(text.split())):
        joins = unicodedata.category(char) in ("Mn", "Mc", "Me", "Cf") or (parts and parts[-1][-1] == "\u200d")
        if parts and joins and parts[-1] != " ":
            parts[-1] += char
        else:
            parts.append(char)
    return parts


def _room_for(faces: Faces, clusters: Sequence[str], width: float, size: float, weight: Weight) -> int:
    """How many of them fit in a line. Few are tried first: a line holds few, and to shape all the rest of a long text takes its time."""
    fits, beyond, step = 0, len(clusters) + 1, 16
    while beyond - fits > 1:
        middle = min(fits + step, (fits + beyond) // 2)
        if set_line(faces, "".join(clusters[:middle]), size, weight).width <= width:
            fits, step = middle, 2 * step
        else:
            beyond = middle
    return fits


def _broken(faces: Faces, text: str, width: float, size: float, weight: Weight, count: int) -> list[Line] | None:
    """The text in exactly so many lines, as even as can be; None if it does not fit."""
    parts = _parts(text)
    if len(parts) > FEW:
        return _packed(faces, parts, width, size, weight, count)
    best: list[Line] | None = None
    for texts in _ways(parts, count):
        lines = [set_line(faces, one, size, weight) for one in texts]
        if all(line.width <= width for line in lines) and (best is None or max(line.width for line in lines) < max(line.width for line in best)):
            best = lines
    return best


def _packed(faces: Faces, parts: Sequence[str], width: float, size: float, weight: Weight, count: int) -> list[Line] | None:
    """The words in at most so many lines, about as even as can be: each takes what fits, in less and less width; None if they do not fit."""
    def within(limit: float) -> list[Line] | None:
        lines: list[Line] = []
        rest = parts
        while rest and len(lines) < count:
            taken, line = _words_for(faces, rest, limit, size, weight)
            if line is None:
                return None
            lines.append(line)
            rest = rest[taken:]
        return None if rest else lines

    best, least = within(width), 0.0
    for _try in range(EVENING if best is not None else 0):
        most = max(line.width for line in best or ())
        if (found := within((least + most) / 2)) is not None:
            best = found
        else:
            least = (least + most) / 2
    return best


def _words_for(faces: Faces, parts: Sequence[str], width: float, size: float, weight: Weight) -> tuple[int, Line | None]:
    """How many of them fit in a line, and that line; None if not even the first does. Few are tried first: a line holds few."""
    fits, beyond, line, step = 0, len(parts) + 1, None, 4
    while beyond - fits > 1:
        middle = min(fits + step, (fits + beyond) // 2)
        tried = set_line(faces, _joined(parts[:middle]), size, weight)
        if tried.width <= width:
            fits, line, step = middle, tried, 2 * step
        else:
            beyond = middle
    return fits, line


def _parts(text: str) -> list[str]:
    """Where a name may be broken: at spaces, and after hyphens."""
    return [part for part in re.split(r"(?<=[-‐–])(?=\w)|\s+", text.strip()) if part] or [""]


def _ways(parts: Sequence[str], count: int) -> Iterator[list[str]]:
    if count == 1:
        yield [_joined(parts)]
        return
    if len(parts) < count:
        return
    for place in range(1, len(parts) - count + 2):
        for rest in _ways(parts[place:], count - 1):
            yield [_joined(parts[:place]), *rest]


def _joined(parts: Sequence[str]) -> str:
    text = ""
    for part in parts:
        text += part if not text or text[-1] in "-‐–" else f" {part}"
    return text
