"""A row that two laptops removed without seeing each other, where the later removal came first: of the earlier one nobody hears, for nothing changes by it.

Whoever brings the row back then, by a redo say, has seen one removal alone. The other one stands against it as a card, as if it had come after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alumni_desk.protocol.messages import ACCEPTED
from alumni_desk.server.bulk import chunks, put_rows
from alumni_desk.server.clamping import replica
from alumni_desk.server.merging import GONE, Clash, Row
from alumni_desk.server.replicas import replicas_of

if TYPE_CHECKING:
    from alumni_desk.server.push import Item


def settle(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, items: Sequence[Item], rows: Mapping[tuple[str, str], Row],
           counts: Mapping[str, str], now: int) -> None:
    """Keep a removal that changed nothing, beside the others' values that were written over (see ``overtaken``); and make cards of those that somebody who
    had not seen them takes back. ``items``: what this device sent, and was applied where it is open."""
    unheard, back = [], list[tuple["Item", str]]()
    for item in items:
        one = item.operation
        if not item.open or one is None or one.kind != "put" or GONE not in one.fields or not one.before:
            continue
        clock, seen = item.clock or one.clock, one.before.get(GONE) or ""
        there = rows[one.table, one.row].clocks.get(GONE, "")
        seen = counts.get(seen, seen)
        if one.fields[GONE] and item.status == "stale" and rows[one.table, one.row].values[GONE] and seen < there and replica(there) != replica(clock):
            unheard.append({"scope": scope, "table_name": one.table, "row_id": one.row, "field": GONE, "clock": clock, "by": there, "made_at": now})
        elif not one.fields[GONE] and seen and item.status in ACCEPTED and item.status != "stale":
            back.append((item, seen))
    put_rows(connection, tables.tables["overtaken"], unheard, replace=False)
    if back:
        _make_cards(connection, tables, scope, device, back)


def _make_cards(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, back: Sequence[tuple[Item, str]]) -> None:
    table = tables.tables["overtaken"]
    earlier: dict[tuple[str, str, str], str] = {}
    for part in chunks({item.operation.row for item, _seen in back if item.operation}):
        for name, row, by, clock in connection.execute(sa.select(table.c.table_name, table.c.row_id, table.c.by, table.c.clock).where(
                table.c.scope == scope, table.c.row_id.in_(part), table.c.field == GONE).order_by(table.c.clock)):
            earlier[name, row, by] = clock
    own = replicas_of(connection, tables, scope, device, {replica(clock) for clock in earlier.values()}, ())  # it was started anew since, perhaps
    for item, seen in back:
        one = item.operation
        other = earlier.get((one.table, one.row, seen)) if one else None
        if one is None or other is None or GONE in {clash.field for clash in item.clashes}:
            continue
        clock = item.clock or one.clock
        if replica(other) not in (replica(clock), *own):
            item.clashes = [*item.clashes, Clash(GONE, GONE, clock, other, True)]
