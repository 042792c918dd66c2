"""A page of the feed after a cursor: rows as they are now, of one moment, in the order in which they changed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.messages import PAGE_BYTES, PAGE_ROWS, Block, Cursor, Page, pack
from alumni_desk.protocol.policy import rule
from alumni_desk.server import feed
from alumni_desk.server.replicas import authors
from alumni_desk.sync.shapes import Shape, shapes

_SMALLEST = 64 * 1024


def pull_page(connection: sa.Connection, tables: sa.MetaData, *, scope: str, role: str, cursor: Cursor, max_bytes: int) -> Page:
    """The next page for a role. ``connection`` is a snapshot. Pages keep to ``max_bytes`` as packed, but hold a row at least."""
    if not feed.is_known(connection, tables, scope, cursor):
        return Page(blocks=[], cursor=Cursor(), more=True, reset=True)
    limit = min(max(max_bytes, _SMALLEST), PAGE_BYTES)
    count = PAGE_ROWS
    while True:
        page = _page(connection, tables, scope, role, cursor, count)
        size = sum(len(pack(block)) for block in page.blocks)
        if size <= limit or count == 1:
            return page
        count = max(1, min(count // 2, count * limit // (2 * size)))


def _page(connection: sa.Connection, tables: sa.MetaData, scope: str, role: str, cursor: Cursor, count: int) -> Page:
    entries = tables.tables["feed"]
    head = feed.head_of(connection, tables, scope)
    after = (entries.c.scope == scope, entries.c.audience == feed.CHAPTER, entries.c.sequence > cursor.sequence)
    part = sa.select(entries.c.table_name, entries.c.sequence).where(*after).order_by(entries.c.sequence).limit(count + 1)
    found = connection.execute(part).all()
    more = len(found) > count
    last = found[count - 1].sequence if more else head.sequence
    present = {row.table_name for row in found[:count]}
    blocks = [_block(connection, tables, shape, scope, role, cursor.sequence, last) for name, shape in shapes().items() if name in present]
    named = authors(connection, tables, scope, cursor.sequence, last) if role in ("admin", "leader") else {}
    return Page(blocks=blocks, cursor=Cursor(last, feed.chain_at(connection, tables, scope, last)), more=more, replicas=named)


def _block(connection: sa.Connection, tables: sa.MetaData, shape: Shape, scope: str, role: str, after: int, last: int) -> Block:
    entries, table = tables.tables["feed"], tables.tables[shape.name]
    readable = [name for name in shape.fields if rule(role, shape.name, name).read]
    columns = ["id", "clock", "clocks", *readable]
    chosen: list[sa.ColumnElement[Any]] = [entries.c.sequence, *(table.c[name] for name in columns)]
    query = (
        sa.select(*chosen)
        .join_from(entries, table, (table.c.scope == entries.c.scope) & (table.c.id == entries.c.row_id))
        .where(entries.c.scope == scope, entries.c.audience == feed.CHAPTER, entries.c.table_name == shape.name,
               entries.c.sequence > after, entries.c.sequence <= last)
        .order_by(entries.c.sequence)
    )
    return Block(table=shape.name, columns=["sequence", *columns], rows=[list(row) for row in connection.execute(query)])
