"""Marks of what has left leave the gatherings' feeds after a time: such a feed is no longer than its rows and the marks of the last 400 days.
Values that lost a conflict go after 90.

In the chapter's feed a row that was removed keeps its one entry as long as the row is kept.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from alumni_desk.logs import note_bug
from alumni_desk.server import feed
from alumni_desk.server.audiences import CHAPTER
from alumni_desk.server.bulk import put_rows
from alumni_desk.server.conflicts import forget_old
from alumni_desk.server.state import Server, now_ms

LOG = logging.getLogger("alumni_desk.server")
A_DAY = 24 * 3600

MARKS_LAST = 400 * 24 * 3600 * 1000
"""How long (milliseconds) a feed tells that a row has gone. A laptop that was away for longer begins again from zero."""


@contextmanager
def tidying(server: Server) -> Iterator[None]:
    """Tidy now, and once a day while the server serves."""
    ended = threading.Event()

    def work() -> None:
        while True:
            try:
                tidy_all(server, now_ms())
            except sa.exc.SQLAlchemyError as error:  # the database is away: tomorrow is another day
                note_bug(LOG, error, "tidying the feeds")
            if ended.wait(A_DAY):
                return

    worker = threading.Thread(target=work, name="tidying", daemon=True)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join(10)


def tidy_all(server: Server, now: int) -> int:
    """Every chapter's feeds, each in a transaction of its own. Returns how many marks went."""
    head = server.tables.tables["feed_head"]
    with server.database.reading() as connection:
        scopes = connection.execute(sa.select(head.c.scope).order_by(head.c.scope)).scalars().all()
    count = 0
    for scope in scopes:
        with server.database.writing() as connection:
            count += tidy(connection, server.tables, scope, now)
            forget_old(connection, server.tables, scope, now)
    return count


def tidy(connection: sa.Connection, tables: sa.MetaData, scope: str, now: int) -> int:
    """Take the old marks out of a chapter's feeds, and remember up to where each does not tell any more. Returns how many went."""
    feed.lock_head(connection, tables, scope)
    result, entries = tables.tables["operation_result"], tables.tables["feed"]
    query = sa.select(sa.func.max(result.c.sequence)).where(result.c.scope == scope, result.c.received_at < now - MARKS_LAST)
    last = connection.execute(query).scalar()
    if last is None:
        return 0
    # What lies between two results was entered with the later one, or came without any.
    newer = sa.select(sa.func.min(result.c.sequence)).where(result.c.scope == scope, result.c.sequence > last)
    until = connection.execute(newer).scalar()
    old = (entries.c.scope == scope, entries.c.audience != CHAPTER, entries.c.gone,
           entries.c.sequence <= last if until is None else entries.c.sequence < until)
    audiences = connection.execute(sa.select(entries.c.audience, sa.func.max(entries.c.sequence).label("last"), sa.func.count().label("marks"))
                                   .where(*old).group_by(entries.c.audience)).all()
    connection.execute(sa.delete(entries).where(*old))
    put_rows(connection, tables.tables["server_state"], [{"key": feed.floor_key(scope, row.audience), "value": str(row.last)} for row in audiences])
    return sum(int(row.marks) for row in audiences)
