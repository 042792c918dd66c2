"""What was done at this desk: the list of actions. How one is taken back is in ``undo``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from alumni_desk.store import driver
from alumni_desk.store.desk import Desk

DAYS = 30
"""How long one's own actions can be undone."""

GONE_BACK = "backup_restored"
"""The event of going back to a backup, see ``gone_back``."""

NEVER = frozenset({"chapter_founded", "chapter_completed", "sample_made", "person_erased", GONE_BACK})
"""Events that stand: a chapter is founded once."""


class Done(NamedTuple):
    """An action in the list. ``state``: done, undone, or never (it cannot be undone)."""

    id: str
    event: str
    at: str
    who: str | None
    device: str | None
    gathering: str | None
    counts: Mapping[str, int]
    state: str
    undone_at: str | None
    reason: str | None  # why it cannot be undone: a code


def actions(desk: Desk, limit: int = 100, *, only: str | None = None) -> list[Done]:
    """What was done at this desk, the newest first; undoing and redoing are told by the action they are about. ``only``: just this one."""
    with desk.asking() as connection:
        rows = driver.rows(
            connection, "SELECT a.id, a.event, a.at, a.who, a.device, a.gathering, a.counts, a.undone_by, u.at FROM action AS a"
            " LEFT JOIN action AS u ON u.id = a.undone_by WHERE a.undoes IS NULL"
            " AND (? IS NULL OR a.id = ?) ORDER BY a.rowid DESC LIMIT ?", (only, only, limit))
    return [Done(action, event, at, who, device, gathering, json.loads(counts),
                 "undone" if undone_by else "never" if event in NEVER else "done", undone_at, why_not(event, at))
            for action, event, at, who, device, gathering, counts, undone_by, undone_at in rows]


def since() -> str:
    """The moment before which nothing can be undone any more."""
    return (datetime.now(UTC) - timedelta(days=DAYS)).strftime("%Y-%m-%dT%H:%M:%S")


def why_not(event: str, at: str) -> str | None:
    """Why an action cannot be undone, as a code; None if it can."""
    if event in NEVER:
        return "stands"
    return "too_old" if at < since() else None
