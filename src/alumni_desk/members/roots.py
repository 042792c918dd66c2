"""Which entries are one person: what became part of another entry counts, and is listed, as that one. Nothing is rewritten, so it can be taken apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from alumni_desk.store import driver


def merged_on(connection: Any) -> dict[str, str]:
    """Every entry that is part of another, with the one that it was merged into."""
    return dict(driver.rows(connection, "SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL"))


def merged_among(connection: Any, people: Iterable[str]) -> dict[str, str]:
    """Those of some entries that are part of another, with the one that each was merged into."""
    return dict(driver.rows(connection, "SELECT id, merged_into FROM person WHERE id IN (SELECT value FROM json_each(?)) AND merged_into IS NOT NULL",
                            (json.dumps(list(people)),)))


def root_of(merged: Mapping[str, str], person: str) -> str:
    """The person that this one was merged into in the end; themselves if never merged.

    Two laptops may merge A into B and B into A: all of such a circle are one person, under the smallest id.
    """
    path = [person]
    while (onward := merged.get(path[-1])) is not None:
        if onward in path:
            return min(path[path.index(onward):])
        path.append(onward)
    return path[-1]


def stand_in(connection: Any) -> dict[str, str | None]:
    """Every entry that is part of another, with the one that stands in the list for it in the end; None where that one was removed."""
    merged = merged_on(connection)
    roots = {one: root_of(merged, one) for one in merged}
    gone = {one for (one,) in driver.rows(connection, "SELECT id FROM person WHERE gone AND id IN (SELECT value FROM json_each(?))",
                                          (json.dumps(sorted(set(roots.values()))),))}
    return {one: None if root in gone else root for one, root in roots.items()}
