"""A laptop at a door takes back what it recorded itself, and nothing that another one did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alumni_desk.server.bulk import chunks
from alumni_desk.server.clamping import replica
from alumni_desk.server.replicas import replicas_of
from alumni_desk.store.listed import texts

if TYPE_CHECKING:
    from alumni_desk.server.push import Item


def refuse(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, items: Sequence[Item]) -> None:
    """Refuse, of what a laptop at a door sent, every ``void`` that names a fact which is not its own."""
    facts = [(item, item.operation) for item in items if item.open and item.operation is not None and item.operation.kind == "fact"]
    voids = [(item, set(texts(operation.fields.get("closes")))) for item, operation in facts if operation.fields.get("kind") == "void"]
    named = set().union(*(closed for _item, closed in voids))
    if not named:
        return
    fact, clocks = tables.tables["fact"], dict[str, str]()
    for part in chunks(sorted(named)):
        clocks.update(connection.execute(sa.select(fact.c.id, fact.c.clock).where(fact.c.scope == scope, fact.c.id.in_(part))).all())
    mine = replicas_of(connection, tables, scope, device, {replica(clock) for clock in clocks.values()},
                       {replica(operation.clock) for _item, operation in facts})
    own = {operation.row for _item, operation in facts} - clocks.keys() | {one for one, clock in clocks.items() if replica(clock) in mine}
    for item, closed in voids:
        if not closed <= own:
            item.end("denied", "not_its_own")

