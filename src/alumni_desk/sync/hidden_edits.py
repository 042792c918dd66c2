"""What was noted here on an entry that is part of another one by now, through a merge that did not know of it: offered to the entry that stayed.

Two laptops merge the same two entries while apart, and one merge gives way; or one laptop changes an entry that another has merged meanwhile. Nothing is
lost, but it stands on an entry that no list shows. So this laptop, whose value it is, has a card like those of two values for one field: to
decide is an action like any other. Worked out anew from what is here each time; nothing of it is sent, and other laptops have no such card.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from alumni_desk.protocol.clock import milliseconds
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import Author, ConflictRow
from alumni_desk.store import fates
from alumni_desk.store.listed import texts
from alumni_desk.store.synced import clock_key
from alumni_desk.store.undo import origin
from alumni_desk.sync.operations import typed
from alumni_desk.sync.reach import LED
from alumni_desk.sync.shapes import shapes

if TYPE_CHECKING:
    from alumni_desk.sync.state import Membership

MARK = "@"
"""At the end of the operation's id in the name of such a card: the server knows none of them."""

_APART = frozenset({"gone", "standing", "merged_into", "network_person_id", "household"})
"""Fields that say what the entry is, not what is known of the person."""

_OWN = ("SELECT p.id AS person, p.clocks, o.id, o.fields, o.values_before, o.clock, t.at AS resolved_at, a.who"
        " FROM person AS p INDEXED BY person_merged_into CROSS JOIN operation AS o INDEXED BY operation_row ON o.table_name = 'person' AND o.row_id = p.id"
        " LEFT JOIN action AS a ON a.id = o.action LEFT JOIN accepted AS t ON t.operation = o.rowid"
        f" WHERE p.merged_into IS NOT NULL AND NOT p.gone AND o.kind = 'put' AND o.queue = 'live' AND {fates.NOT_REFUSED}"
        " ORDER BY p.id, o.rowid DESC")


def is_of_here(card: str) -> bool:
    """Whether a card's name is of one of these."""
    return card.partition(":")[0].endswith(MARK)


def hidden_edits(connection: sa.Connection, person: sa.Table, membership: Membership) -> list[ConflictRow]:
    """Them, as conflicts of the entry that stayed: its value has won so far, this laptop's has lost."""
    if membership.role not in LED:
        return []
    found = []
    for part, rows in groupby(connection.exec_driver_sql(_OWN).all(), attrgetter("person")):
        edits = list(_unseen(connection, person, part, list(rows)))
        whole = _whole(connection, person, part) if edits else None
        if whole is not None:
            more = {(row.id, clock_key(person.c[field])) for field, value, before, row in edits
                    if value != before and _says_more(person.c[field], value, before, whole[field])}
            found += [_offered(connection, whole, person.c[field], value, row, membership) for field, value, _before, row in edits
                      if (row.id, clock_key(person.c[field])) in more]
    return found


def _unseen(connection: sa.Connection, person: sa.Table, part: str, rows: Sequence[Any]) -> Iterator[tuple[str, Any, Any, Any]]:
    """What this laptop wrote into the entry, and the entry says still, that whoever merged it cannot have seen: field, value, value before, operation."""
    clocks, shape = unpack(rows[0].clocks), shapes()["person"]
    merged = clocks.get("merged_into", "")
    if not merged or any(row.clock == merged for row in rows):
        return  # this laptop merged it, and saw what it had written
    told: set[str] = set()
    for row in rows:
        fields, before = (typed(shape, json.loads(text) if text else {}) for text in (row.fields, row.values_before))
        names = sorted((fields.keys() & set(person.c.keys())) - _APART - told)
        changed = {clock_key(person.c[field]) for field in names if fields[field] != before.get(field)}  # an address as a whole
        for field in names:
            key = str(clock_key(person.c[field]))
            if row.clock != (origin(connection, "person", part, key, clocks.get(key)) or clocks.get(key)):
                continue
            told.add(field)
            if key in changed and (row.resolved_at is None or _ms(row.resolved_at) > milliseconds(merged)):
                yield field, fields[field], before.get(field), row


def _ms(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp() * 1000


def _whole(connection: sa.Connection, person: sa.Table, part: str) -> Mapping[str, Any] | None:
    """The entry that stands in the list for this one."""
    seen = {part}
    while True:
        row = connection.execute(sa.select(person).where(person.c.id == part)).mappings().first()
        if row is None or row["merged_into"] is None:
            return None if row is None or row["gone"] else dict(row)
        part = row["merged_into"]
        if part in seen:
            return None
        seen.add(part)


def _says_more(column: sa.Column[Any], value: Any, before: Any, there: Any) -> bool:
    """Whether the entry that stayed lacks this. What was emptied is offered only where it says just that still."""
    if column.info.get("many"):
        mine, theirs, once = (set(texts(text)) for text in (value, there, before))
        return not mine <= theirs or bool((once - mine) & theirs)
    if value is None or value == "":
        return bool(there == before)
    return bool(value != there)


def _offered(connection: sa.Connection, whole: Mapping[str, Any], column: sa.Column[Any], value: Any, row: Any, membership: Membership) -> ConflictRow:
    clocks = unpack(whole["clocks"])
    # Whoever wrote the value there is looked up by its clock; where nobody ever wrote any, it is as old as the entry.
    winner = "" if str(clock_key(column)) in clocks else min(clocks.values(), default=row.clock)
    return ConflictRow(operation=f"{row.id}{MARK}", field=column.name, table="person", row=whole["id"], made=milliseconds(row.clock), winner_clock=winner,
                       loser_clock=row.clock, value=value, winner=Author(), loser=Author(who=row.who), loser_device=membership.device)
