"""Questions that the simulator asks the databases for itself, past everything under test."""

from __future__ import annotations

from typing import Any


def asked(connection: Any, question: str, values: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Rows as a raw connection gives them."""
    cursor = connection.execute(question, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
