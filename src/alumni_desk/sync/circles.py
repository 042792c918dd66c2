"""Two laptops merge the same two entries the opposite ways round: until the server has refused the second, one of the two is shown as if it were not.

Else each would be part of the other, and no list would show either. Which one gives way is the same on every laptop that knows both: the later.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from alumni_desk.protocol.clocks import unpack
from alumni_desk.store import driver

KEY = "circles"
"""In ``sync_state``: the merges that give way, as id -> [into whom, clock]."""

_WAITING = ("SELECT o.row_id, max(o.clock) FROM operation AS o WHERE o.table_name = 'person' AND +o.rowid IN (SELECT operation FROM waiting)"
            " AND o.row_id IN (SELECT value FROM json_each(?)) AND json_type(o.fields, '$.merged_into') = 'text' GROUP BY o.row_id")


def open_circles(connection: sa.Connection) -> None:
    """See that nobody is part of themselves in what is shown. For a transaction that applies, after people were written in it."""
    into = {row[0]: row[1] for row in driver.rows(connection, "SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL")}
    held = _held(connection)
    if not into and not held:
        return
    back = {row_id: whom for row_id, (whom, clock) in held.items() if row_id not in into and _clock_of(connection, row_id) == clock}
    whole = {**into, **back}
    way: dict[str, tuple[str, str]] = {}
    for circle in list(_circles(whole)):
        waiting = {row[0]: row[1] for row in driver.rows(connection, _WAITING, (json.dumps(sorted(circle)),))}
        if waiting:
            later = max(waiting, key=lambda one: (waiting[one], one))
            way[later] = (whole[later], _clock_of(connection, later))
    _write(connection, [(None, row_id) for row_id in way if row_id in into] + [(whom, row_id) for row_id, whom in back.items() if row_id not in way])
    if way != held:
        connection.exec_driver_sql("INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                                   (KEY, json.dumps(way, sort_keys=True)))


def _held(connection: sa.Connection) -> dict[str, tuple[str, str]]:
    found = driver.row(connection, "SELECT value FROM sync_state WHERE key = ?", (KEY,))
    return {} if found is None else {row_id: (whom, clock) for row_id, (whom, clock) in json.loads(found[0]).items()}


def _clock_of(connection: sa.Connection, person: str) -> str:
    """Under which clock this entry was last merged or taken apart; empty: never, or it is not here."""
    found = driver.row(connection, "SELECT clocks FROM person WHERE id = ?", (person,))
    return "" if found is None else unpack(found[0]).get("merged_into", "")


def _circles(into: Mapping[str, str]) -> Iterator[set[str]]:
    """Each ring of entries that are part of one another."""
    done: set[str] = set()
    for start in into:
        path: list[str] = []
        one: str | None = start
        while one is not None and one not in done and one not in path:
            path.append(one)
            one = into.get(one)
        if one in path:
            yield set(path[path.index(one):])
        done.update(path)


def _write(connection: sa.Connection, rows: list[tuple[str | None, str]]) -> None:
    if rows:
        connection.exec_driver_sql("UPDATE person SET merged_into = ? WHERE id = ?", rows)
