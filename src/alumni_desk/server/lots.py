"""What was set aside, in lots: parcels of one laptop that speak of somebody new are looked at together.

A walk-in's name and how they are reached come in parcels of their own, for the door and for the chapter. Decided on one by one, they would leave an
e-mail of a person without a name, which is in no list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.canonical import operation_of
from alumni_desk.protocol.messages import Operation, Parcel, unpack
from alumni_desk.protocol.values import is_id
from alumni_desk.server.bulk import chunks

_NAMES = ("first_name", "last_name", "preferred_name", "other_script_name")


class Lying(NamedTuple):
    """A parcel that waits for a leader."""

    id: str
    device: str
    received: int
    changes: int


def operations_of(parcel: Parcel) -> Iterator[Operation | None]:
    """The changes in a parcel; None for one that is gone or cannot be read."""
    for body in parcel.bodies:
        try:
            found = operation_of(body) if body is not None else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = None
        yield found if found is not None and is_id(found.id) else None


def waits(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a parcel waits for a leader, as part of a question: of some nothing is left, since whom they were about was erased."""
    return table.c.released_at.is_(None) & (table.c.operations > 0)


def lots(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str | None = None) -> list[list[Lying]]:
    """All that waits in a chapter, or of one laptop: the lot last come to first, what came first in it first."""
    table = tables.tables["quarantine"]
    query = sa.select(table.c.id, table.c.device, table.c.received_at, table.c.operations, table.c.parcel).where(
        table.c.scope == scope, waits(table)).order_by(table.c.received_at, table.c.id)
    lying: list[Lying] = []
    about: dict[str, set[tuple[str, str]]] = {}
    for row in connection.execute(query if device is None else query.where(table.c.device == device)):
        lying.append(Lying(row.id, row.device, row.received_at, row.operations))
        about[row.id] = {(row.device, person) for person in _people(unpack(bytes(row.parcel), Parcel))}
    named = _named(connection, tables, scope, {person for those in about.values() for _device, person in those})
    found = _joined(lying, {name: {one for one in those if one[1] not in named} for name, those in about.items()})
    return sorted(found, key=lambda lot: (-lot[-1].received, lot[0].id))


def _people(parcel: Parcel) -> set[str]:
    """Whom its changes are about."""
    return {who for one in operations_of(parcel) if one is not None and one.kind == "put"
            and isinstance(who := one.row if one.table == "person" else one.fields.get("person"), str)}


def _named(connection: sa.Connection, tables: sa.MetaData, scope: str, people: set[str]) -> set[str]:
    """Those of them whom the chapter knows by a name."""
    person, found = tables.tables["person"], set[str]()
    for part in chunks(sorted(people)):
        found.update(connection.execute(sa.select(person.c.id).where(
            person.c.scope == scope, person.c.id.in_(part), sa.or_(*(person.c[name].is_not(None) for name in _NAMES)))).scalars())
    return found


def _joined(lying: Sequence[Lying], about: dict[str, set[tuple[str, str]]]) -> list[list[Lying]]:
    """Parcels, those together that have somebody in common, or are joined by others that have."""
    within: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in lying:
        for who in about[one.id]:
            within[who].append(one.id)
    lot_of: dict[str, int] = {}
    for number, one in enumerate(lying):
        ahead = [one.id]
        while ahead:
            name = ahead.pop()
            if name not in lot_of:
                lot_of[name] = number
                ahead += [other for who in about[name] for other in within.pop(who, ())]
    found: dict[int, list[Lying]] = defaultdict(list)
    for one in lying:
        found[lot_of[one.id]].append(one)
    return list(found.values())
