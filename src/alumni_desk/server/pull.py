"""A page of the feed after a cursor: rows as they are now, of one moment, in the order in which they changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.messages import PAGE_BYTES, PAGE_ROWS, Author, Block, Cursor, Head, Page, Value, pack
from alumni_desk.protocol.policy import projected, readable
from alumni_desk.server import erasing, feed
from alumni_desk.server.asking import ask, in_one_go, rows_of
from alumni_desk.server.audiences import CHAPTER
from alumni_desk.server.replicas import asked_authors, authors
from alumni_desk.sync.shapes import Shape, shapes

SEE_AUTHORS = ("admin", "leader")
_LAST = 2**63 - 1
_SMALLEST = 64 * 1024
_PART = ("SELECT table_name, row_id, sequence, gone FROM feed WHERE scope = ? AND audience = ? AND sequence > ? ORDER BY sequence LIMIT ?")


def pull_page(connection: sa.Connection, tables: sa.MetaData, *, scope: str, role: str, cursor: Cursor, max_bytes: int,
              gathering: str | None = None, anew: bool = False) -> Page:
    """The next page for a role. ``connection`` is a snapshot. Pages keep to ``max_bytes`` as packed, but hold a row at least.

    ``gathering``: whose feed it is; None: the chapter's. ``anew``: the desk has just begun from zero, and lets go of what does not come.
    """
    audience = gathering or CHAPTER
    there = _look(connection, scope, role, audience, cursor)
    if not there.knows(cursor) or (not anew and feed.is_below(cursor, there.floor)):
        return Page(blocks=[], cursor=Cursor(), more=True, reset=True)
    limit = min(max(max_bytes, _SMALLEST), PAGE_BYTES)
    count = PAGE_ROWS
    while True:
        page = _page(connection, tables, scope, role, audience, cursor, count, there)
        size = sum(len(pack(block)) for block in page.blocks)
        if size <= limit or count == 1:
            return page
        count = max(1, min(count // 2, count * limit // (2 * size)))


@dataclass(frozen=True)
class _Beforehand:
    """What a pull asks in one go. ``chain``: at the cursor; ``found``: the feed's next entries; of all after the cursor: who wrote, what was taken out."""

    head: Head
    chain: str
    floor: int
    found: Sequence[Sequence[Any]]
    authors: dict[str, Author]
    marked: erasing.Marked

    def knows(self, cursor: Cursor) -> bool:
        """Whether a cursor is a place in this feed, see ``feed.is_known``."""
        return feed.is_place(cursor, self.head, lambda: self.head.chain if cursor.sequence == self.head.sequence else self.chain)


def _look(connection: sa.Connection, scope: str, role: str, audience: str, cursor: Cursor) -> _Beforehand:
    after = max(0, min(cursor.sequence, _LAST))
    with in_one_go(connection):
        head = ask(connection, feed.HEAD, scope)
        chain = ask(connection, feed.CHAIN_AT, scope, after)
        floor = ask(connection, feed.FLOOR, feed.floor_key(scope, audience))
        found = ask(connection, _PART, scope, audience, after, PAGE_ROWS + 1)
        named = asked_authors(connection, scope, after, _LAST) if role in SEE_AUTHORS else dict
        marked = erasing.asked_marked(connection, scope, audience, after, _LAST)
        return _Beforehand(feed.head_from(head()), feed.value_from(chain()), int(feed.value_from(floor()) or 0), found(), named(), marked())


def _page(connection: sa.Connection, tables: sa.MetaData, scope: str, role: str, audience: str, cursor: Cursor, count: int,
          there: _Beforehand) -> Page:
    found, head = there.found[:count + 1], there.head
    more = len(found) > count
    last = found[count - 1][2] if more else head.sequence
    present = {table for table, _row, _sequence, _gone in found[:count]}
    blocks = [block for name, shape in shapes().items() if name in present
              and (block := _block(connection, tables, shape, scope, role, audience, cursor.sequence, last)) is not None]
    left: dict[str, list[str]] = {}
    if audience != CHAPTER and cursor.sequence:  # whoever begins has nothing that could leave
        for table, row_id, _sequence, gone in found[:count]:
            if gone:
                left.setdefault(table, []).append(row_id)
    removed = _removed(found[:count], blocks) if audience == CHAPTER and cursor.sequence else {}
    named, (erased, moved) = there.authors, there.marked
    if more:  # of this part alone
        named = authors(connection, tables, scope, cursor.sequence, last) if role in SEE_AUTHORS else {}
        erased, moved = erasing.marked_in(connection, scope, audience, cursor.sequence, last)
    return Page(blocks=blocks, cursor=Cursor(last, feed.chain_at(connection, tables, scope, last, head)), more=more, replicas=named, left=left, removed=removed,
                erased=erased, moved=moved)


def _removed(found: Sequence[Sequence[Any]], blocks: Sequence[Block]) -> dict[str, list[str]]:
    """Of this part of the chapter's feed the rows that were removed so long ago that they are there no more."""
    gone = [(table, row_id) for table, row_id, _sequence, is_gone in found if is_gone]
    if not gone:
        return {}
    there = {(block.table, row[block.columns.index("id")]) for block in blocks for row in block.rows}
    removed: dict[str, list[str]] = {}
    for table, row_id in gone:
        if (table, row_id) not in there:
            removed.setdefault(table, []).append(row_id)
    return removed


def _block(connection: sa.Connection, tables: sa.MetaData, shape: Shape, scope: str, role: str, audience: str, after: int, last: int) -> Block | None:
    if not readable(role, shape):
        return None
    query = _rows_in(tables, shape.name, shape.columns, audience == CHAPTER)
    found = rows_of(connection, query, scope=scope, audience=audience, after=after, last=last)
    columns = ["id", "clock", "clocks", *readable(role, shape)]
    if len(columns) == len(shape.columns):
        return Block(table=shape.name, columns=["sequence", *columns], rows=[list(row) for row in found])
    seen_from = [dict(zip(("sequence", *shape.columns), row, strict=True)) for row in found]
    rows: list[list[Value]] = [[row["sequence"], *(seen[name] for name in columns)]
                               for row, seen in zip(seen_from, projected(role, shape, seen_from), strict=True) if seen is not None]
    return Block(table=shape.name, columns=["sequence", *columns], rows=rows)


@lru_cache(maxsize=256)
def _rows_in(tables: sa.MetaData, name: str, columns: Sequence[str], every: bool) -> sa.Select[Any]:
    """The rows of a table in a part of a feed; of the chapter's ``every`` one, of others those that are still in it."""
    entries, table = tables.tables["feed"], tables.tables[name]
    scope, audience, after, last = (sa.bindparam(one, type_=kind) for one, kind in (
        ("scope", sa.Text), ("audience", sa.Text), ("after", sa.BigInteger), ("last", sa.BigInteger)))
    return (
        sa.select(entries.c.sequence, *(table.c[one] for one in columns))
        .join_from(entries, table, (table.c.scope == entries.c.scope) & (table.c.id == entries.c.row_id))
        .where(entries.c.scope == scope, entries.c.audience == audience, entries.c.table_name == sa.literal_column(f"'{name}'"),
               entries.c.sequence > after, entries.c.sequence <= last, *(() if every else (~entries.c.gone,)))
        .order_by(entries.c.sequence)
    )
