"""What a field's text has to look like where more hangs on it than its words: each form is a function that judges one value.

A field says its form where it is declared (``store.synced.field``); the server judges by it once, when an operation arrives. Nothing, and an empty text
where it stands for nothing, fit every form. Whatever a desk of any version writes fits: strict about what programs read, lenient about what people do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from alumni_desk.protocol.values import is_id

Form = Callable[[Any], bool]

CLOSED = 1_000
"""Facts that one may close: a person's check-ins at one gathering that are open."""


def misfit(forms: Mapping[str, Form], fields: Mapping[str, Any]) -> str | None:
    """The first of these fields that does not have its form."""
    return next((name for name, form in forms.items() if (value := fields.get(name)) is not None and not form(value)), None)


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
