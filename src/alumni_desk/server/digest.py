"""The server's side of a check that nothing is missing: sums of what a grant may see, and the rows of the parts that differ."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.digest import PARTS, Sums, tail_of
from alumni_desk.protocol.messages import PAGE_BYTES, PAGE_ROWS, Block, Cursor, DigestReply, DigestRequest, pack
from alumni_desk.server import feed
from alumni_desk.server.projection import Projection, columns_for, rows_in
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server
from alumni_desk.sync.shapes import Shape, shapes

_KEPT = 64
"""Sums that are remembered by a process: all laptops of a chapter that are caught up ask for the same."""


class Digests:
    """Answers to digests. The sums at a place in a feed do not change, so they are made once; who has somebody wait for it asks for them anew, and hears
    also of what was changed in the database itself."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._sums: OrderedDict[tuple[Any, ...], tuple[list[int], list[bytes]]] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, message: DigestRequest, seen: Projection, *, now: int) -> DigestReply:
        """Sums, or rows, if the desk stands where the feed ends."""
        if len(message.want) > PARTS or not all(0 <= part < PARTS for part in message.want):
            raise Refusal(400, "parts")
        tables, scope = self._server.tables, message.scope
        with self._server.database.reading() as connection:
            head = feed.head_of(connection, tables, scope)
            cursor = Cursor(head.sequence, head.chain)
            if cursor != message.cursor:
                return DigestReply(cursor=cursor, time=now)
            asked = {shape.name: _asked(shape, message.columns.get(shape.name, ())) for shape in shapes().values()}
            if message.want:
                return _rows(connection, tables, message, seen, asked, DigestReply(cursor=cursor, time=now))
            key = (scope, head.timeline, cursor.sequence, cursor.chain, seen, tuple(asked.items()))
            with self._lock:
                found = None if message.anew else self._sums.get(key)
            if found is None:
                sums = Sums()
                for shape in shapes().values():
                    at = asked[shape.name].index("clocks") if "clocks" in asked[shape.name] else None
                    for part in rows_in(connection, tables, shape, scope, seen):
                        sums.add(shape.name, _in_order(seen.role, shape, asked[shape.name], part), at)
                found = sums.counts, sums.sums
                with self._lock:
                    self._sums[key] = found
                    while len(self._sums) > _KEPT:
                        self._sums.popitem(last=False)
        return DigestReply(cursor=cursor, time=now, counts=found[0], sums=found[1])


def _asked(shape: Shape, names: Sequence[str]) -> tuple[str, ...]:
    """The columns that count: those that the desk keeps, as it orders them. The id is always the first."""
    if len(names) > 200:
        raise Refusal(400, "columns")
    return ("id", *(name for name in names if name != "id"))


def _in_order(role: str, shape: Shape, asked: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[Any]] | Sequence[tuple[Any, ...]]:
    names = columns_for(role, shape)
    if tuple(asked) == names:
        return rows
    at = {name: place for place, name in enumerate(names)}
    places = [at.get(name) for name in asked]
    return ([None if place is None else row[place] for place in places] for row in rows)


def _rows(connection: sa.Connection, tables: sa.MetaData, message: DigestRequest, seen: Projection, asked: Mapping[str, Sequence[str]],
          reply: DigestReply) -> DigestReply:
    """The rows of as many of the wanted parts as a page holds; one at least."""
    wanted = sorted(set(message.want))
    while True:
        blocks, count = [], 0
        for shape in shapes().values():
            names = columns_for(seen.role, shape)
            rows = [[0, *row] for part in rows_in(connection, tables, shape, message.scope, seen, tails=[tail_of(one) for one in wanted]) for row in part]
            count += len(rows)
            if rows:
                blocks.append(Block(table=shape.name, columns=["sequence", *names], rows=rows))
        size = sum(len(pack(block)) for block in blocks) if count <= PAGE_ROWS else 0
        if (count <= PAGE_ROWS and size <= PAGE_BYTES) or len(wanted) == 1:
            return DigestReply(cursor=reply.cursor, time=reply.time, given=wanted, blocks=blocks)
        wanted = wanted[:max(1, min(len(wanted) // 2, len(wanted) * PAGE_ROWS // count))]
