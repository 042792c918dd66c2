"""Whoever moved to another chapter and was erased there is erased in the chapters before it, too: what their laptops keep of words that came too late goes.

Done right after the erasure, each chapter in a transaction of its own, since no two heads may be held but in the order of their ids; and once a day, so
that a process which died between the two is made up for.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from alumni_desk.server import erasing, feed
from alumni_desk.server.asking import ask
from alumni_desk.server.state import Server

_ELSEWHERE = ("SELECT DISTINCT old.scope, old.row_id FROM erased AS old JOIN erased AS new"
              " ON new.scope = old.moved_to AND new.table_name = old.table_name AND new.row_id = old.row_id"
              " WHERE old.table_name = 'person' AND old.moved_to IS NOT NULL AND new.kept IS NULL AND new.moved_to IS NULL")


def follow(server: Server, now: int, journal: erasing.Journal | None, people: Collection[str] | None = None) -> int:
    """Erase in their former chapters those of these people (anybody, without) who were erased where they are; returns how many, each chapter's counted."""
    count = 0
    while found := _left(server, people):  # somebody may have moved on more than once: from the last chapter back to the first
        for scope in sorted({scope for scope, _person in found}):
            with server.database.writing() as connection:
                locked = feed.lock_head(connection, server.tables, scope)
                still = sorted({person for there, person in _asked(connection, people) if there == scope}) if locked is not None else []
                if locked is None or not still:
                    return count  # somebody else does it, or the chapter is gone
                erasing.erase(connection, server.tables, locked, still, now, journal)
                feed.move_head(connection, server.tables, locked)
                count += len(still)
    return count


def _left(server: Server, people: Collection[str] | None) -> list[tuple[str, str]]:
    with server.database.reading() as connection:
        return _asked(connection, people)


def _asked(connection: sa.Connection, people: Collection[str] | None) -> list[tuple[str, str]]:
    """Former chapter and person."""
    rows = ask(connection, _ELSEWHERE)() if people is None else ask(connection, f"{_ELSEWHERE} AND old.row_id IN ?", sorted(people))()
    return [(str(scope), str(person)) for scope, person in rows]
