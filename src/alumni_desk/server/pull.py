"""A page of the feed after a cursor: rows as they are now, of one moment, in the order in which they changed."""

from __future__ import annotations

import sqlalchemy as sa

from alumni_desk.protocol.messages import PAGE_BYTES, PAGE_ROWS, Block, Cursor, Head, Page, Value, pack
from alumni_desk.protocol.policy import projected, readable
from alumni_desk.server import erasing, feed
from alumni_desk.server.audiences import CHAPTER
from alumni_desk.server.replicas import authors
from alumni_desk.sync.shapes import Shape, shapes

_SMALLEST = 64 * 1024


def pull_page(connection: sa.Connection, tables: sa.MetaData, *, scope: str, role: str, cursor: Cursor, max_bytes: int,
              gathering: str | None = None) -> Page:
    """The next page for a role. ``connection`` is a snapshot. Pages keep to ``max_bytes`` as packed, but hold a row at least.

    ``gathering``: whose feed it is; None: the chapter's.
    """
    audience = gathering or CHAPTER
    head = feed.head_of(connection, tables, scope)
    if not feed.is_known(connection, tables, scope, cursor, head) or feed.is_too_old(connection, tables, scope, audience, cursor):
        return Page(blocks=[], cursor=Cursor(), more=True, reset=True)
    limit = min(max(max_bytes, _SMALLEST), PAGE_BYTES)
    count = PAGE_ROWS
    while True:
        page = _page(connection, tables, scope, role, audience, cursor, count, head)
        size = sum(len(pack(block)) for block in page.blocks)
        if size <= limit or count == 1:
            return page
        count = max(1, min(count // 2, count * limit // (2 * size)))


def _page(connection: sa.Connection, tables: sa.MetaData, scope: str, role: str, audience: str, cursor: Cursor, count: int,
          head: Head) -> Page:
    entries = tables.tables["feed"]
    after = (entries.c.scope == scope, entries.c.audience == audience, entries.c.sequence > cursor.sequence)
    part = sa.select(entries.c.table_name, entries.c.row_id, entries.c.sequence, entries.c.gone).where(*after).order_by(entries.c.sequence).limit(count + 1)
    found = connection.execute(part).all()
    more = len(found) > count
    last = found[count - 1].sequence if more else head.sequence
    present = {row.table_name for row in found[:count]}
    blocks = [block for name, shape in shapes().items() if name in present
              and (block := _block(connection, tables, shape, scope, role, audience, cursor.sequence, last)) is not None]
    left: dict[str, list[str]] = {}
    if audience != CHAPTER and cursor.sequence:  # whoever begins has nothing that could leave
        for row in found[:count]:
            if row.gone:
                left.setdefault(row.table_name, []).append(row.row_id)
    named = authors(connection, tables, scope, cursor.sequence, last) if role in ("admin", "leader") else {}
    return Page(blocks=blocks, cursor=Cursor(last, feed.chain_at(connection, tables, scope, last, head)), more=more, replicas=named, left=left,
                erased=erasing.erased_in(connection, tables, scope, audience, cursor.sequence, last))


def _block(connection: sa.Connection, tables: sa.MetaData, shape: Shape, scope: str, role: str, audience: str, after: int, last: int) -> Block | None:
    entries, table = tables.tables["feed"], tables.tables[shape.name]
    if not readable(role, shape):
        return None
    in_it = () if audience == CHAPTER else (~entries.c.gone,)
    query = (
        sa.select(entries.c.sequence, *(table.c[name] for name in shape.columns))
        .join_from(entries, table, (table.c.scope == entries.c.scope) & (table.c.id == entries.c.row_id))
        .where(entries.c.scope == scope, entries.c.audience == audience, entries.c.table_name == shape.name,
               entries.c.sequence > after, entries.c.sequence <= last, *in_it)
        .order_by(entries.c.sequence)
    )
    columns = ["id", "clock", "clocks", *readable(role, shape)]
    if len(columns) == len(shape.columns):
        return Block(table=shape.name, columns=["sequence", *columns], rows=[list(row) for row in connection.execute(query)])
    found = [dict(row) for row in connection.execute(query).mappings()]
    rows: list[list[Value]] = [[row["sequence"], *(seen[name] for name in columns)]
                               for row, seen in zip(found, projected(role, shape, found), strict=True) if seen is not None]
    return Block(table=shape.name, columns=["sequence", *columns], rows=rows)
