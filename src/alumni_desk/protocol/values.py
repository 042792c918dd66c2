"""What a synced value may be: text, a 64-bit integer, a boolean or nothing; and ids that are canonical UUID text."""

from __future__ import annotations

import re
from typing import Literal

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID = re.compile(UUID)

Type = Literal["text", "integer", "boolean"]

TEXT_LIMIT = 64 * 1024
"""Bytes of UTF-8."""

NAME_LETTERS = 200
"""The longest name of a chapter or a university, in characters."""


def is_id(text: object) -> bool:
    """Whether this is a UUID in its one written form."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def fits(value: object, kind: Type) -> bool:
    """Whether a column of this type can hold the value on every desk and server."""
    if value is None:
        return True
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    if not isinstance(value, str) or "\0" in value:
        return False
    if len(value) * 4 <= TEXT_LIMIT and value.isascii():
        return True
    try:
        return len(value.encode()) <= TEXT_LIMIT
    except UnicodeEncodeError:  # a lone surrogate, which PostgreSQL refuses
        return False
