"""What a field's text has to look like where more hangs on it than its words: each form is a function that judges one value.

A field says its form where it is declared (``store.synced.field``); the server judges by it once, when an operation arrives. Nothing, and an empty text
where it stands for nothing, fit every form. Whatever a desk of any version writes fits: strict about what programs read, lenient about what people do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from alumni_desk.protocol.codes import read_badge_code
from alumni_desk.protocol.values import is_id

Form = Callable[[Any], bool]

SHORT = 4_000
"""The longest text of one line, in characters: far more than any desk lets be typed there."""

LINE = 32_767
"""What fits into a line of a window that sets no limit of its own, in characters."""

CLOSED = 1_000
"""Facts that one may close: a person's check-ins at one gathering that are open."""


def misfit(forms: Mapping[str, Form], fields: Mapping[str, Any]) -> str | None:
    """The first of these fields that does not have its form."""
    return next((name for name, form in forms.items() if (value := fields.get(name)) is not None and not form(value)), None)


def cut(forms: Mapping[str, Form], fields: Mapping[str, Any]) -> dict[str, Any]:
    """These fields with the beginning of each text that is too long for its line. So nothing is lost for a long text beside it: for facts, which happened."""
    return {name: f"{value[:SHORT - 1]}…" if forms.get(name) is short and isinstance(value, str) and len(value) > SHORT else value
            for name, value in fields.items()}


_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_WALL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", re.ASCII)
_YEARS = range(1900, 9000)


def one_of(*words: str) -> Form:
    """One of these words, or none."""
    return frozenset(("", *words)).__contains__


def short(value: Any) -> bool:
    """A text of one line."""
    return len(value) <= SHORT


def line(value: Any) -> bool:
    """A text of one line that a window lets be as long as it may be."""
    return len(value) <= LINE


def moment(value: Any) -> bool:
    """A moment in ISO 8601, with its zone."""
    return value == "" or (_MOMENT.fullmatch(value) is not None and _is_time(value))


def wall_time(value: Any) -> bool:
    """A day and a time as the clocks on the wall show it."""
    return value == "" or (_WALL.fullmatch(value) is not None and _is_time(value))


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).year in _YEARS
    except ValueError:
        return False


def badge(value: Any) -> bool:
    """A badge's code."""
    return bool(read_badge_code(value) == value)


def year(value: Any) -> bool:
    """A year of four digits, or fewer."""
    return isinstance(value, int) and 0 <= value < 10_000


def texts(value: Any) -> bool:
    """A JSON list of texts."""
    found = [] if value == "" else _list_of(value)
    return found is not None and all(isinstance(one, str) for one in found)


def ids(value: Any) -> bool:
    """A JSON list of ids."""
    found = _list_of(value)
    return found is not None and len(found) <= CLOSED and all(map(is_id, found))


def _list_of(value: Any) -> list[Any] | None:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None
