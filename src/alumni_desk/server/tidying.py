"""What is kept for a time only: what removed rows say, 30 days; marks of what has gone, 400 days, after which a feed is no longer than its rows and
the younger marks; values that lost a conflict, 90 days.

One of the processes does it, once a day, chapter by chapter and some hundred rows at a time, so that no push waits for long.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from alumni_desk.logs import note_bug
from alumni_desk.server import feed, removing
from alumni_desk.server.audiences import CHAPTER
from alumni_desk.server.bulk import put_rows
from alumni_desk.server.conflicts import forget_old
from alumni_desk.server.erasures import make_up
from alumni_desk.server.state import Server, now_ms

LOG = logging.getLogger("alumni_desk.server")
LOOK_SECONDS = 3_600
"""How often a process looks whether it is time; whichever comes first does it."""

A_DAY = 24 * 3600 * 1000
NEARLY_A_DAY = A_DAY - LOOK_SECONDS * 1000

MARKS_LAST = 400 * A_DAY
"""How long (milliseconds) a feed tells that a row has gone. A laptop that was away for longer begins again from zero."""

_CLAIM = ("INSERT INTO server_state (key, value) VALUES ('tidied', {now}) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
          " WHERE CAST(server_state.value AS BIGINT) <= {since} OR CAST(server_state.value AS BIGINT) > {later}")


@contextmanager
def tidying(server: Server) -> Iterator[None]:
    """Tidy when it is time, while the server serves; erasures that were cut off are made up for at once."""
    ended = threading.Event()

    def work() -> None:
        begins = True
        while True:
            try:
                now = now_ms()
                if claim(server, now):
                    tidy_all(server, now, ended)
                elif begins:
                    make_up(server, now)
                begins = False
            except Exception as error:  # the database is away, or the disk is full: later, then
                note_bug(LOG, error, "tidying the feeds")
            if ended.wait(LOOK_SECONDS):
                return

    worker = threading.Thread(target=work, name="tidying", daemon=True)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join(10)


def claim(server: Server, now: int) -> bool:
    """Whether it is time, and this process is the one that does it: no other hears yes within a day. A clock that was ahead stops nobody for ever."""
    sql = _CLAIM.format(now=f"'{now}'", since=now - NEARLY_A_DAY, later=now + A_DAY)
    with server.database.writing() as connection:
        return connection.exec_driver_sql(sql).rowcount > 0


def tidy_all(server: Server, now: int, ended: threading.Event | None = None) -> int:
    """Every chapter that has something to tidy, in small transactions. Returns how many rows and marks went. ``ended``: stop at the next transaction."""
    count = 0
    for scope in _scopes(server):
        for work in (tidy, removing.clear, forget_old):
            while ended is None or not ended.is_set():
                with server.database.writing() as connection:
                    went = work(connection, server.tables, scope, now)
                count += went
                if went < removing.AT_ONCE:
                    break
    return count + make_up(server, now)


def _scopes(server: Server) -> list[str]:
    """The chapters in which something has gone, or somebody lost, or will have."""
    feeds, conflict, overtaken = (server.tables.tables[name] for name in ("feed", "conflict", "overtaken"))
    with server.database.reading() as connection:
        gone = connection.execute(sa.select(feeds.c.scope).where(feeds.c.gone).distinct()).scalars()
        lost = connection.execute(sa.select(conflict.c.scope).distinct()).scalars()
        heard = connection.execute(sa.select(overtaken.c.scope).distinct()).scalars()
        return sorted({*gone, *lost, *heard})


def tidy(connection: sa.Connection, tables: sa.MetaData, scope: str, now: int) -> int:
    """Take some of the old marks out of a chapter's feeds, and remember up to where each does not tell any more. Returns how many went."""
    if feed.lock_head(connection, tables, scope) is None:
        return 0
    entries, erased = tables.tables["feed"], tables.tables["erased"]
    place = feed.place_before(connection, tables, scope, now - MARKS_LAST)
    # In the chapter's feed those alone of whose rows nothing is kept: they were removed 30 days before their marks were made.
    bare = sa.exists().where(erased.c.scope == scope, erased.c.table_name == entries.c.table_name, erased.c.row_id == entries.c.row_id,
                             erased.c.kept.is_not(None), erased.c.moved_to.is_(None), erased.c.erased_at < now - MARKS_LAST + removing.BODIES_LAST)
    lists = tables.tables["registration"]  # a place on a list comes back, the mark of its first removal stays, and it may be removed once more
    back = sa.exists().where(lists.c.scope == scope, lists.c.id == entries.c.row_id)
    at_doors = sa.and_(entries.c.audience != CHAPTER, entries.c.sequence <= (-1 if place is None else place))
    old = connection.execute(sa.select(entries.c.audience, entries.c.table_name, entries.c.row_id, entries.c.sequence)
                             .where(entries.c.scope == scope, entries.c.gone, sa.or_(at_doors, sa.and_(entries.c.audience == CHAPTER, bare, ~back)))
                             .limit(removing.AT_ONCE)).all()
    floors: dict[str, int] = {}
    for row in old:
        connection.execute(sa.delete(entries).where(entries.c.scope == scope, entries.c.audience == row.audience,
                                                    entries.c.table_name == row.table_name, entries.c.row_id == row.row_id))
        floors[row.audience] = max(floors.get(row.audience, feed.floor_of(connection, tables, scope, row.audience)), row.sequence)
    put_rows(connection, tables.tables["server_state"], [{"key": feed.floor_key(scope, audience), "value": str(last)} for audience, last in floors.items()])
    return len(old)
