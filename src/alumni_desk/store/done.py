"""What was done at this desk: the list of actions. How one is taken back is in ``undo``."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from alumni_desk.store import driver
from alumni_desk.store.desk import Desk

if TYPE_CHECKING:
    from alumni_desk.store.driver import Connection

DAYS = 30
"""How long one's own actions can be undone."""

GONE_BACK = "backup_restored"
"""The event of going back to a backup, see ``gone_back``."""

NEVER = frozenset({"chapter_founded", "chapter_completed", "sample_made", "person_erased", "guests_came_anyhow", "gathering_came_anyhow", GONE_BACK})
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


def actions(desk: Desk, limit: int = 100, *, only: str | None = None, skip: int = 0) -> list[Done]:
    """What was done at this desk, the newest first; undoing and redoing are told by the action they are about. ``only``: just this one; ``skip``: not the
    newest so many.
    """
    with desk.asking() as connection:
        rows = driver.rows(
            connection, "SELECT a.id, a.event, a.at, a.who, a.device, a.gathering, a.counts, a.undone_by, u.at, a.rowid FROM action AS a"
            " LEFT JOIN action AS u ON u.id = a.undone_by WHERE a.undoes IS NULL"
            " AND (? IS NULL OR a.id = ?) ORDER BY a.rowid DESC LIMIT ? OFFSET ?", (only, only, limit, skip))
        young = Young.at(connection, desk.now(), min((at for _id, _event, at, *_rest in rows), default=""))
    return [Done(action, event, at, who, device, gathering, json.loads(counts),
                 "undone" if undone_by else "never" if event in NEVER else "done", undone_at, why_not(event, at, place, young))
            for action, event, at, who, device, gathering, counts, undone_by, undone_at, place in rows]


class Young(NamedTuple):
    """Which actions are of the last 30 days: those from ``since`` on (UTC, ISO 8601), and all that were done after one of them, from the place ``first`` in
    the list on. Whatever a clock said that was behind, nothing is older than what was done before it.
    """

    since: str
    first: int

    @classmethod
    def at(cls, connection: Connection, now: datetime, oldest: str = "") -> Young:
        """As it is now. What a clock that was ahead says of the future makes nothing after it young. ``oldest``: of those that will be asked about."""
        since, till = (f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in (now - timedelta(days=DAYS), now + timedelta(seconds=1)))
        if oldest >= since:
            return cls(since, sys.maxsize)
        found = driver.row(connection, "SELECT rowid FROM action WHERE at >= ? AND at <= ? ORDER BY rowid LIMIT 1", (since, till))
        return cls(since, sys.maxsize if found is None else found[0])

    def holds(self, place: int, at: str) -> bool:
        """Whether an action is one of them."""
        return at >= self.since or place >= self.first


def why_not(event: str, at: str, place: int, young: Young) -> str | None:
    """Why an action cannot be undone, as a code; None if it can."""
    if event in NEVER:
        return "stands"
    return None if young.holds(place, at) else "too_old"


_LAPSED = "lapsed"
"""Under this key of ``sync_state`` stand the actions of which nothing is left, because it went for good 30 days after it was removed."""


def lapsed(connection: Connection, wanted: Collection[str]) -> set[str]:
    """Those of these actions of which nothing is left for that reason."""
    return {one for (one,) in driver.rows(
        connection, "SELECT value FROM json_each((SELECT value FROM sync_state WHERE key = ?)) WHERE value IN (SELECT value FROM json_each(?))",
        (_LAPSED, json.dumps(list(wanted))))}


def note_lapsed(connection: Connection, touched: Collection[str]) -> None:
    """Remember those of these actions of which no operation is left."""
    gone = [one for (one,) in driver.rows(
        connection, "SELECT id FROM action WHERE id IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM operation AS o INDEXED BY operation_action WHERE o.action = action.id) ORDER BY rowid", (json.dumps(list(touched)),))]
    if gone:
        there = driver.row(connection, "SELECT value FROM sync_state WHERE key = ?", (_LAPSED,))
        driver.run(connection, "INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                   (_LAPSED, json.dumps(list(dict.fromkeys([*(json.loads(there[0]) if there else []), *gone])))))
