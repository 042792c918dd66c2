"""What a server holds, in numbers, and what it has set aside, for those who look after it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from alumni_desk.server.conflicts import KEPT
from alumni_desk.server.database import REVISION
from alumni_desk.server.devices import is_there, laptops_there
from alumni_desk.server.lots import waits
from alumni_desk.server.state import Server
from alumni_desk.sync.shapes import ALONG, shapes


@dataclass(frozen=True)
class ChapterFigures:
    """One chapter. ``head``: changes so far; ``backed_up``: how many of them a backup holds; ``people``: entries that were merged are one;
    ``conflicts``: what somebody can decide on, an address once.
    """

    id: str
    name: str | None
    people: int
    gatherings: int
    facts: int
    head: int
    backed_up: int
    laptops: int
    audit: int
    conflicts: int


@dataclass(frozen=True)
class Figures:
    """A whole server."""

    server: str
    database: str
    revision: str
    accounts: int
    laptops: int
    removed: int
    open_invitations: int
    set_aside: int
    chapters: list[ChapterFigures]


@dataclass(frozen=True)
class SetAside:
    """A parcel that waits for a leader's look. ``received_at``: milliseconds since 1970."""

    id: str
    chapter: str | None
    device: str
    name: str | None
    reason: str
    operations: int
    received_at: int


def figures(server: Server, now: int) -> Figures:
    """Count everything, of one moment."""
    t = server.tables.tables
    with server.database.reading() as connection:

        def count(name: str, *where: sa.ColumnElement[bool]) -> int:
            return int(connection.execute(sa.select(sa.func.count()).select_from(t[name]).where(*where)).scalar_one())

        def by_scope(name: str, *where: sa.ColumnElement[bool]) -> dict[str, int]:
            rows = connection.execute(sa.select(t[name].c.scope, sa.func.count().label("n")).where(*where).group_by(t[name].c.scope))
            return {row.scope: row.n for row in rows}

        names = {row.scope: row.name for row in connection.execute(sa.select(t["chapter"].c.scope, t["chapter"].c.name)
                                                                   .where(t["chapter"].c.id == t["chapter"].c.scope))}
        people = by_scope("person", ~t["person"].c.gone, t["person"].c.merged_into.is_(None))
        gatherings, facts = by_scope("gathering", ~t["gathering"].c.gone), by_scope("fact")
        clashes = _open_conflicts(connection, t["conflict"], now)
        members = sa.select(t["grant"].c.scope, sa.func.count().label("n")).join_from(t["grant"], t["device"], t["device"].c.account == t["grant"].c.account)
        laptops = {row.scope: row.n for row in connection.execute(members.where(is_there(server.tables)).group_by(t["grant"].c.scope))}
        chapters = [ChapterFigures(row.scope, names.get(row.scope), people.get(row.scope, 0), gatherings.get(row.scope, 0), facts.get(row.scope, 0),
                                   row.head, row.backed_up, laptops.get(row.scope, 0), row.audited, clashes.get(row.scope, 0))
                    for row in connection.execute(sa.select(t["feed_head"]).order_by(t["feed_head"].c.scope))]
        return Figures(
            server=server.id, database="postgresql" if server.database.postgresql else "sqlcipher", revision=REVISION,
            accounts=count("account"), laptops=laptops_there(connection, server.tables),
            removed=count("device", t["device"].c.revoked_at.is_not(None)),
            open_invitations=count("invitation", t["invitation"].c.used_at.is_(None), t["invitation"].c.cancelled_at.is_(None),
                                   t["invitation"].c.expires_at > now),
            set_aside=count("quarantine", waits(t["quarantine"])), chapters=chapters)


def _open_conflicts(connection: sa.Connection, table: sa.Table, now: int) -> Counter[str]:
    """How much there is to decide on, by chapter: lines of one address that met at once are one, and an answer with when it was given."""
    query = sa.select(table.c.scope, table.c.table_name, table.c.row_id, table.c.field, table.c.winner_clock, table.c.loser_clock)
    rows = connection.execute(query.where(table.c.decided_at.is_(None), table.c.made_at > now - KEPT))
    return Counter(scope for scope, *_which in {(scope, name, row, shapes()[name].clock_keys[field], won, lost)
                                                for scope, name, row, field, won, lost in rows if (name, field) not in ALONG})


def set_aside(server: Server) -> list[SetAside]:
    """Parcels in quarantine, the newest first."""
    table, device, chapter = (server.tables.tables[name] for name in ("quarantine", "device", "chapter"))
    query = (
        sa.select(table.c.id, chapter.c.name.label("chapter"), table.c.device, device.c.name, table.c.reason, table.c.operations, table.c.received_at)
        .join_from(table, device, device.c.id == table.c.device, isouter=True)
        .join(chapter, (chapter.c.scope == table.c.scope) & (chapter.c.id == table.c.scope), isouter=True)
        .where(waits(table))
        .order_by(table.c.received_at.desc(), table.c.id)
    )
    with server.database.reading() as connection:
        return [SetAside(*row) for row in connection.execute(query)]
