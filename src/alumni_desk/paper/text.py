"""A line of text in any script: split by direction and font, shaped, measured, drawn.

Bidi levels by python-bidi (UAX #9), shaping by HarfBuzz through reportlab's ``shapeStr`` run by run: given a whole line with
two directions, that function puts numbers the wrong way round.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alumni_desk.paper.fonts import INVISIBLE, Faces, Source, Weight, language_of, reach, source_for
from alumni_desk.words import _

RULE = "_"
SHORTEST_RULE, LONGEST_RULE = 4, 12


@dataclass(frozen=True)
class Line:
    """A shaped line. ``width`` in points at ``size``; ``lost`` are the signs that no font has: a rule to write on stands for letters among them."""

    text: str
    size: float
    width: float
    rtl: bool
    lost: tuple[str, ...]
    pieces: tuple[tuple[str, Any, float], ...]  # font name, shaped text, width; from left to right


def set_line(faces: Faces, text: str, size: float, weight: Weight = "regular") -> Line:
    """Shape a text for one line at a size in points."""
    text, lost = _sifted(text, RULE)
    levels, base = _levels(text)
    runs: list[tuple[int, Source, str]] = []
    language, before = language_of(text), None
    for char, level in zip(text, levels, strict=True):
        source = source_for(char, language, before)
        if source is None:
            continue
        before = source
        if runs and runs[-1][0] == level and runs[-1][1] == source:
            runs[-1] = (level, source, runs[-1][2] + char)
        else:
            runs.append((level, source, char))
    pieces = []
    for level, source, part in _visual(runs):
        name = faces.name(source, weight, _with_mirrors(part))
        shaped, width = _shape(part, name, size, rtl=bool(level % 2))
        pieces.append((name, shaped, width))
    return Line(text, size, sum(width for _name, _shaped, width in pieces), base % 2 == 1, lost, tuple(pieces))


def ink_of(line: Line, weight: Weight) -> tuple[float, float]:
    """How far a line goes above its baseline and below it, in points: in some scripts further than a line is high."""
    language, before = language_of(line.text), None
    parts: list[tuple[Source, str]] = []
    for char in line.text:
        source = source_for(char, language, before)
        if source is None:
            continue
        before = source
        if parts and parts[-1][0] == source:
            parts[-1] = (source, parts[-1][1] + char)
        else:
            parts.append((source, char))
    reaches = [reach(source, weight, part) for source, part in parts]
    return max((above for above, _below in reaches), default=0.0) * line.size, max((below for _above, below in reaches), default=0.0) * line.size


def printable(text: str) -> tuple[str, tuple[str, ...]]:
    """A text with single spaces and without the signs that no font has; and those signs."""
    return _sifted(text, "")


def has_gaps(text: str) -> bool:
    """Whether letters of it cannot be printed, so that a pen has to put them in."""
    return _sifted(text, RULE)[0] != printable(text)[0]


def cannot_words(lost: Sequence[str]) -> str:
    """Which signs no font has, as words; empty if there are none."""
    return _("{signs} cannot be printed").format(signs=" ".join(dict.fromkeys(lost))) if lost else ""


def _sifted(text: str, rule: str) -> tuple[str, tuple[str, ...]]:
    """A text with ``rule`` in the place of letters that no font has; and all such signs. Pictures and marks just go."""
    text = unicodedata.normalize("NFC", text)
    language, before = language_of(text), None
    kept: list[str] = []
    lost: list[str] = []
    gap = 0
    for char in text:
        if char.isspace():
            kept.append(" ")
            gap = 0
            continue
        if char in INVISIBLE:
            if char in "\u200c\u200d":  # they join and part letters
                kept.append(char)
            continue
        source = source_for(char, language, before)
        before = source or before
        if source is not None:
            kept.append(char)
            gap = 0
            continue
        # A sign that asks for another shape of the letter before it shows nothing by itself: that letter in that shape is what cannot be printed.
        lost.append(kept[-1] + char if kept and "\U000e0100" <= char <= "\U000e01ef" else char)
        if gap or unicodedata.category(char)[0] in "LN" or unicodedata.category(char) in ("Co", "Cn"):
            wide = 0 if gap == LONGEST_RULE else 1 if gap else SHORTEST_RULE
            kept.append(rule * wide)
            gap += wide
    shown = " ".join("".join(kept).split())
    if lost and not shown:
        shown = rule * LONGEST_RULE  # of pictures alone: nothing at all would be nobody
    return shown, tuple(dict.fromkeys(lost))


def draw_line(canvas: Any, line: Line, x: float, y: float) -> None:
    """Draw a line with its left end at ``x`` and its baseline at ``y``, in points."""
    for name, shaped, width in line.pieces:
        canvas.setFont(name, line.size)
        canvas.drawString(x, y, shaped)
        x += width


def _levels(text: str) -> tuple[list[int], int]:
    from bidi import algorithm as bidi

    if text.isascii():
        return [0] * len(text), 0
    storage = bidi.get_empty_storage()
    base = bidi.get_base_level(text)
    storage["base_level"] = base
    storage["base_dir"] = ("L", "R")[base]
    bidi.get_embedding_levels(text, storage)
    # Explicit marks are dropped by the algorithm; keep the places of the others.
    kept = [n for n, char in enumerate(text) if char not in "\u202a\u202b\u202c\u202d\u202e"]
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage)
    _resolve_brackets(storage["chars"], "LR"[base])
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    levels = [base] * len(text)
    for place, one in zip(kept, storage["chars"], strict=False):
        levels[place] = one["level"]
    return levels, base


def _resolve_brackets(chars: Sequence[dict[str, Any]], base: str) -> None:
    """Rule N0, which python-bidi lacks: both brackets of a pair go the same way, else "שרה (Sara) Katz" would have them both behind a name."""
    sides = [{"L": "L", "R": "R", "AL": "R", "EN": "R", "AN": "R"}.get(one["type"]) for one in chars]
    waiting: list[int] = []
    pairs = []
    for place, one in enumerate(chars):
        if one["ch"] in "([{":
            waiting.append(place)
        elif one["ch"] in ")]}" and (opened := [n for n in waiting if _MIRRORED[chars[n]["ch"]] == one["ch"]]):
            pairs.append((opened[-1], place))
            del waiting[waiting.index(opened[-1]):]
    for first, last in sorted(pairs):
        inside = {side for side in sides[first + 1:last] if side}
        before = next((side for side in reversed(sides[:first]) if side), base)
        if inside:
            sides[first] = sides[last] = chars[first]["type"] = chars[last]["type"] = base if base in inside else before


def _visual(runs: Sequence[tuple[int, Source, str]]) -> list[tuple[int, Source, str]]:
    """Rule L2: from the highest level down, turn every stretch of at least that level round."""
    order = list(runs)
    for level in range(max((run[0] for run in order), default=0), 0, -1):
        start = 0
        while start < len(order):
            if order[start][0] < level:
                start += 1
                continue
            end = start
            while end < len(order) and order[end][0] >= level:
                end += 1
            order[start:end] = reversed(order[start:end])
            start = end
    return order


def _with_mirrors(text: str) -> str:
    return text + "".join(_MIRRORED.get(char, "") for char in text)


_MIRRORED = {pair[0]: pair[1] for pair in ("()", ")(", "[]", "][", "{}", "}{", "<>", "><", "«»", "»«", "‹›", "›‹")}


def _shape(text: str, name: str, size: float, *, rtl: bool) -> tuple[Any, float]:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import shapeStr

    if text.isascii() and not rtl:
        return text, float(pdfmetrics.stringWidth(text, name, size))
    if rtl and not any(unicodedata.bidirectional(char) in ("R", "AL") for char in text):
        # HarfBuzz guesses the direction from the letters, and here are none: turn it round ourselves.
        text = "".join(_MIRRORED.get(char, char) for char in reversed(text))
        return text, float(pdfmetrics.stringWidth(text, name, size))
    shaped = shapeStr(text, name, size)
    data = getattr(shaped, "__shapeData__", None)
    width = sum(one.x_advance for one in data) * size / 1000 if data else pdfmetrics.stringWidth(shaped, name, size)
    return shaped, float(width)
