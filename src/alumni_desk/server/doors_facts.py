"""A laptop at a door takes back what it recorded itself, and nothing that another one did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alumni_desk.server.bulk import chunks
from alumni_desk.server.clamping import replica

if TYPE_CHECKING:
    from alumni_desk.server.push import Item


def refuse(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, items: Sequence[Item]) -> None:
    """Refuse, of what a laptop at a door sent, every ``void`` that names a fact which is not its own."""
    facts = [(item, item.operation) for item in items if item.open and item.operation is not None and item.operation.kind == "fact"]
    own = {operation.row for _item, operation in facts}
    voids = [(item, _named(operation.fields.get("closes"))) for item, operation in facts if operation.fields.get("kind") == "void"]
    others = set().union(*(named for _item, named in voids)) - own
    if not others:
        return
    fact, of_device = tables.tables["fact"], tables.tables["replica"]
    for part in chunks(sorted(others)):
        clocks = dict(connection.execute(sa.select(fact.c.id, fact.c.clock).where(fact.c.scope == scope, fact.c.id.in_(part))).all())
        mine = set(connection.execute(sa.select(of_device.c.replica).where(
            of_device.c.scope == scope, of_device.c.device == device, of_device.c.replica.in_({replica(clock) for clock in clocks.values()}))).scalars())
        own.update(one for one, clock in clocks.items() if replica(clock) in mine)
    for item, named in voids:
        if not named <= own:
            item.end("denied", "not_its_own")


def _named(closes: object) -> set[str]:
    try:
        found = json.loads(closes) if isinstance(closes, str) else []
    except ValueError:
        return set()
    return {one for one in found if isinstance(one, str)} if isinstance(found, list) else set()
