"""Finds how a table is laid out in its text: delimiter, lines before the headings, the headings themselves."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from alumni_desk.exchange.headings import is_known, key_of

_DELIMITERS = ",;\t|"
_LOOK_AT = 200  # rows
_API_NAME = re.compile(r"^\w+__c$", re.IGNORECASE)
_NUMBER = re.compile(r"^\+?[\d ()/.-]{4,}$")
_SECTION = "attendeedetails"  # a webinar report has its people below this line


@dataclass(frozen=True)
class Layout:
    """``skip``: rows (as the csv module counts them) up to and with the headings; ``api_names``: a second such row.

    ``named``: whether there is a line of headings; if not, ``headers`` are numbers.
    """

    delimiter: str
    headers: tuple[str, ...]
    skip: int
    api_names: bool = False
    named: bool = True


def find_layout(text: str, *, whole: bool) -> Layout | None:
    """The layout of a table from the start of its text; None when there is nothing but white space.

    ``whole``: the text is all of the file, so that its last line is complete.
    """
    if not text.strip("\ufeff\0 \t\r\n"):
        return None
    told = re.match(r"\ufeff?\"?sep=([^\r\n\"])\"?\r?\n?", text, re.IGNORECASE)
    delimiter = told.group(1) if told else _delimiter(text, whole)
    rows = _parsed(text, delimiter, whole)
    first = 1 if told else 0
    at = _heading_row(rows, first)
    if at is None:
        width = len(rows[first]) if len(rows) > first else 1
        return Layout(delimiter, tuple(f"Column {i + 1}" for i in range(width)), first, named=False)
    following = next((row for row in rows[at + 1:] if any(cell.strip() for cell in row)), [])
    filled = [cell for cell in following if cell.strip()]
    api_names = len(filled) > 1 and all(_API_NAME.match(cell.strip()) for cell in filled)
    return Layout(delimiter, distinct(rows[at]), at + 1, api_names)


def distinct(headings: list[str]) -> tuple[str, ...]:
    """Headings that differ from each other: a second "E-mail" becomes "E-mail (2)", an empty one "Column 4"."""
    cells = [" ".join(cell.replace("\0", "").strip("\ufeff").split()) for cell in headings]
    while len(cells) > 1 and not cells[-1] and len(cells) > 256:
        cells.pop()
    taken: set[str] = set()
    named = []
    for at, cell in enumerate(cells):
        name = wanted = cell or f"Column {at + 1}"
        number = 1
        while name in taken:
            number += 1
            name = f"{wanted} ({number})"
        taken.add(name)
        named.append(name)
    return tuple(named)


def _parsed(text: str, delimiter: str, whole: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while len(rows) < _LOOK_AT:
        try:
            rows.append(next(reader))
        except StopIteration:
            if not whole and len(rows) > 1:
                rows.pop()  # cut in the middle
            break
        except csv.Error:
            rows.append([])
    return rows


def _delimiter(text: str, whole: bool) -> str:
    best, chosen = (0.0, 0), ","
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in islice(_parsed(text, delimiter, whole), 100) if any(row)]
        wide = [width for width in widths if width > 1]
        if not wide:
            continue
        width, times = Counter(wide).most_common(1)[0]
        score = (round(times / len(widths), 1), width)
        if score > best:
            best, chosen = score, delimiter
    return chosen


def _heading_row(rows: list[list[str]], first: int) -> int | None:
    """Which row holds the headings; None when the rows begin at once with people."""
    section = next((at for at, row in enumerate(rows) if key_of("".join(row)) == _SECTION), None)
    if section is not None and section + 1 < len(rows):
        return section + 1
    best, chosen = 0, None
    for at, row in enumerate(rows[first:], first):
        if any("@" in cell for cell in row):
            continue
        known = sum(1 for cell in row if cell.strip() and len(cell) < 80 and is_known(cell))
        if known > best:
            best, chosen = known, at
    filled = [at for at, row in enumerate(rows[first:], first) if any(cell.strip() for cell in row)]
    if chosen is not None and (best > 1 or not any(_like_a_person(rows[at]) for at in filled if at < chosen)):
        return chosen
    if not filled or _like_a_person(rows[filled[0]]) or any("@" in cell for cell in rows[filled[0]]):
        return None
    return filled[0]


def _like_a_person(row: list[str]) -> bool:
    """Whether a row that holds no known heading is somebody's: a cell is an address, a year or a number."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return len(cells) > 1 and any("@" in cell or _NUMBER.match(cell) for cell in cells)
