"""Lists as a column holds them: a JSON list of texts. Whatever else stands there, written by whichever laptop, names nothing."""

from __future__ import annotations

import json
from typing import Any


def texts(value: Any) -> list[str]:
    """The texts of a list; none of what is no list, and of a list those that are texts."""
    if not value or not isinstance(value, str):
        return []
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def each(column: str) -> str:
    """The same in SQL: a table of one row for each, its text in ``value``. SQLite would end a whole question over a column that holds none."""
    return f"json_each(CASE WHEN json_valid({column}) THEN CASE json_type({column}) WHEN 'array' THEN {column} END END)"
