"""Values that were written over by somebody who had seen them, told by what was written over them: whichever of the two comes first, they meet in no conflict.

A server that went back to a backup hears the same changes again, from one laptop after the other, and the later change of two may come first. It names the
earlier one as what its writer saw. That is kept until the earlier one is here, or 90 days: it then has nothing to be decided on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from alumni_desk.protocol.messages import ACCEPTED, Operation
from alumni_desk.server.bulk import chunks, put_rows
from alumni_desk.server.clamping import is_clock
from alumni_desk.server.merging import GONE
from alumni_desk.sync.carried_clocks import written_as
from alumni_desk.sync.shapes import shapes

if TYPE_CHECKING:
    from alumni_desk.server.push import Item


class Value(NamedTuple):
    """A value that a field, or a group of them, had: by its clock, as its laptop wrote that."""

    table: str
    row: str
    key: str
    clock: str


Replaced = dict[Value, set[str]]
"""Values, and the clocks under which they were written over by somebody who had seen them."""


def named(operation: Operation) -> Iterator[Value]:
    """Which values the writer of a put had seen, and replaced."""
    keys = shapes()[operation.table].clock_keys
    groups: dict[str, str | None] = {}
    for name in operation.fields:
        key = keys.get(name, name)
        groups[key] = groups.get(key) or operation.before.get(name) or operation.before.get(key)
    for key, before in groups.items():
        if before and key != GONE and is_clock(written_as(before)):
            yield Value(operation.table, operation.row, key, written_as(before))


def settle(connection: sa.Connection, tables: sa.MetaData, scope: str, items: Sequence[Item], unheard: Replaced, now: int) -> None:
    """Take out of a push's conflicts those of values that somebody had seen and written over; and keep what this push says of values that are not here.

    ``items``: all of the push, those that were known already among them. ``unheard``: what its operations replaced that was not there.
    """
    lost = {value for item in items for value in _lost(item)}
    if lost:
        rows = {(value.table, value.row) for value in lost}
        over = {value for item in items if item.operation and item.operation.kind == "put" and (item.operation.table, item.operation.row) in rows
                and (item.first or item.status) in ACCEPTED for value in named(item.operation)}
        if lost - over:
            over |= _kept(connection, tables, scope, {value.row for value in lost - over}).keys()
        for item in items:
            if item.clashes and item.operation:
                keys = {value.key for value in _lost(item) & over}
                mine = item.clock or item.operation.clock
                item.clashes = [clash for clash in item.clashes if clash.key not in keys or clash.loser_clock != mine]
    if unheard:
        put_rows(connection, tables.tables["overtaken"], [
            {"scope": scope, "table_name": value.table, "row_id": value.row, "field": value.key, "clock": value.clock, "by": by, "made_at": now}
            for value, those in unheard.items() for by in those], replace=False)
        _withdraw(connection, tables, scope, unheard.keys())


def _lost(item: Item) -> set[Value]:
    """The values of an operation that lost to what is here, and are to be decided on."""
    one = item.operation
    if one is None or not item.clashes:
        return set()
    mine = item.clock or one.clock
    return {Value(one.table, one.row, clash.key, one.clock) for clash in item.clashes if clash.loser_clock == mine and clash.field != GONE}


def _kept(connection: sa.Connection, tables: sa.MetaData, scope: str, rows: Iterable[str]) -> Replaced:
    table = tables.tables["overtaken"]
    columns = [table.c[name] for name in ("table_name", "row_id", "field", "clock", "by")]
    found: Replaced = defaultdict(set)
    for part in chunks(sorted(rows)):
        for *value, by in connection.execute(sa.select(*columns).where(table.c.scope == scope, table.c.row_id.in_(part))):
            found[Value(*value)].add(by)
    return found


def _withdraw(connection: sa.Connection, tables: sa.MetaData, scope: str, values: Collection[Value]) -> None:
    """Cards that nobody has decided on, where what won turns out to have come after what lost, step by step, of people who had seen what they wrote over."""
    table = tables.tables["conflict"]
    keys = {name: shape.clock_keys for name, shape in shapes().items()}
    for part in chunks(sorted({value.row for value in values})):
        cards = connection.execute(sa.select(table).where(table.c.scope == scope, table.c.row_id.in_(part), table.c.decided_at.is_(None),
                                                          table.c.field != GONE)).all()
        replaced = _kept(connection, tables, scope, {card.row_id for card in cards}) if cards else {}
        for card in cards:
            key = keys.get(card.table_name, {}).get(card.field)
            if key is not None and _leads(Value(card.table_name, card.row_id, key, written_as(card.loser_clock)), written_as(card.winner_clock), replaced):
                connection.execute(sa.delete(table).where(table.c.scope == scope, table.c.operation == card.operation, table.c.field == card.field))


def _leads(value: Value, clock: str, replaced: Replaced) -> bool:
    """Whether a value was written over by one under this clock, or by one that was."""
    looked, ahead = set[str](), [value.clock]
    while ahead:
        after = replaced.get(value._replace(clock=ahead.pop()), set())
        if clock in after:
            return True
        ahead += after - looked
        looked |= after
    return False


def forget_old(connection: sa.Connection, tables: sa.MetaData, scope: str, before: int) -> int:
    """What was noted before a moment (milliseconds) is kept no longer. Returns how many went."""
    table = tables.tables["overtaken"]
    return connection.execute(sa.delete(table).where(table.c.scope == scope, table.c.made_at <= before)).rowcount
