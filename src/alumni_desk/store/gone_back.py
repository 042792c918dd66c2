"""That somebody went back to a backup, as Activity tells it: an action that wrote nothing. Of which day it is and where what was there before is kept
stands among the settings of this laptop, which no restore takes away."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from alumni_desk.protocol.ids import uuid7
from alumni_desk.store import driver
from alumni_desk.store.done import GONE_BACK

if TYPE_CHECKING:
    import sqlalchemy as sa

KEY = "gone_back"
_KEEP = "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


class GoneBack(NamedTuple):
    """``made_at``: when the backup was made (UTC, ISO 8601), empty if there was none and what was left was put right; ``kept``: the name of the file with
    what was there before, if there was anything; ``onto_nothing``: a backup was restored where nothing was, and nothing was left of anything.
    ``number``: of the backup, if it is this desk's own, else 0; ``newest``: of the newest one that there was by then."""

    made_at: str
    kept: str
    onto_nothing: bool = False
    number: int = 0
    newest: int = 0


def note(connection: sa.Connection, at: datetime, back: GoneBack) -> None:
    """Note it in the database that takes the place of the other one."""
    action = uuid7()
    connection.exec_driver_sql(
        "INSERT INTO action (id, event, at, who, device, counts) VALUES (?, ?, ?, (SELECT json_extract(value, '$') FROM setting WHERE key = 'person_name'),"
        " (SELECT json_extract(value, '$') FROM setting WHERE key = 'device_name'), '{}')",
        (action, GONE_BACK, f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"))
    connection.exec_driver_sql(_KEEP, (KEY, json.dumps({**_noted(connection), action: back})))


def actions_of(connection: sa.Connection) -> list[dict[str, Any]]:
    """The actions that went back, which stay known although those beside them are taken back."""
    return [dict(row) for row in connection.exec_driver_sql("SELECT * FROM action WHERE event = ? ORDER BY rowid", (GONE_BACK,)).mappings()]


def told(connection: driver.Connection) -> dict[str, GoneBack]:
    """What is known of each, by its action."""
    return {action: GoneBack(*said) for action, said in _noted(connection).items()}


def is_past(number: int, said: str | None) -> bool:
    """Whether what a backup of this number holds is of the past of the desk, and was not left behind when somebody went back to an older one. ``said``: what
    is kept of that among the settings."""
    last: float = inf
    backs = [GoneBack(*one) for one in json.loads(said or "{}").values()]
    for back in sorted(backs, key=lambda one: one.newest, reverse=True):
        if back.newest < last:
            if number > back.newest:
                break
            last = min(last, back.number)
    return number <= last


def _noted(connection: driver.Connection) -> Mapping[str, list[Any]]:
    found = driver.row(connection, "SELECT value FROM setting WHERE key = ?", (KEY,))
    return json.loads(found[0]) if found is not None else {}
