"""A laptop at a door puts on its list whom it met there: somebody new, or who was on it. Of others it would come to read what it may not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.clocks import unpack
from alumni_desk.server.bulk import chunks
from alumni_desk.server.clamping import replica
from alumni_desk.server.merging import Row
from alumni_desk.server.replicas import replicas_of

if TYPE_CHECKING:
    from alumni_desk.server.push import Item

_TURNS = 3
"""How often whom somebody was merged with is asked for: entries are merged in pairs, and those again."""


def refuse(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, gathering: str, items: Sequence[Item],
           rows: Mapping[tuple[str, str], Row], removed: Collection[tuple[str, str]]) -> None:
    """Refuse, of what a laptop at a door sent, every new place on its list for somebody who is in the chapter without its doing, and never was on the list."""
    puts = [(item, str(one.fields["person"])) for item in items if item.open and (one := item.operation) is not None and one.kind == "put"
            and one.table == "registration" and one.fields.get("person") is not None and rows[one.table, one.row].values["person"] is None
            and (one.table, one.row) not in removed]  # a place may have come before without saying whose it is
    if not puts:
        return
    there = _clocks(connection, tables, scope, {person for _item, person in puts})
    mine = replicas_of(connection, tables, scope, device, {replica(clock) for clocks in there.values() for clock in clocks},
                       {replica(item.operation.clock) for item in items if item.operation is not None})
    for item, person in puts:
        if (person in there and not all(replica(clock) in mine for clock in there[person])
                and not _is_on_the_list(connection, tables, scope, gathering, person)):
            item.end("denied", "not_on_its_list")


def _clocks(connection: sa.Connection, tables: sa.MetaData, scope: str, people: Collection[str]) -> dict[str, list[str]]:
    """The clocks of those who are there already."""
    person, found = tables.tables["person"], dict[str, list[str]]()
    for part in chunks(sorted(people)):
        for row in connection.execute(sa.select(person.c.id, person.c.clocks).where(person.c.scope == scope, person.c.id.in_(part))):
            found[row.id] = list(unpack(row.clocks).values())
    return found


def _is_on_the_list(connection: sa.Connection, tables: sa.MetaData, scope: str, gathering: str, one: str) -> bool:
    """Whether they are, or were, on it under another entry that is them, too."""
    person, registration = tables.tables["person"], tables.tables["registration"]
    group = {one}
    for _turn in range(_TURNS):
        names = sorted(group)
        query = sa.select(person.c.id, person.c.merged_into).where(person.c.scope == scope, person.c.id.in_(names) | person.c.merged_into.in_(names))
        group |= {name for row in connection.execute(query) for name in row if name is not None}
    places = [registration_id(gathering, name) for name in sorted(group)]
    there = sa.select(registration.c.id).where(registration.c.scope == scope, registration.c.id.in_(places), registration.c.person.is_not(None))
    return connection.execute(there.limit(1)).first() is not None
