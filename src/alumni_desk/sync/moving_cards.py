"""Cards that nobody has decided on go along when a chapter moves: the value that lost is offered to the new server, which finds the same two values there.

So are values that were fetched under a change which has not been sent yet, and was made without them: nothing else here would bring them there.

That is done once all else is there, so that it meets the value that won; and under an id that follows from the card's, so that a second leader's laptop
that brings it, too, brings the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.canonical import json_text
from alumni_desk.protocol.messages import Author, ConflictRow
from alumni_desk.schema import SCHEMA_VERSION
from alumni_desk.store.desk import Desk
from alumni_desk.store.tables import CARD_MOVED
from alumni_desk.sync import operations, state
from alumni_desk.sync.carried_clocks import plain
from alumni_desk.sync.conflicts_kept import GONE
from alumni_desk.sync.shapes import Shape, shapes
from alumni_desk.sync.state import Membership
from alumni_desk.sync.views import Base, bases_of, settle


def taken_along(rows: Sequence[ConflictRow], former: Membership, now: Membership) -> list[ConflictRow]:
    """The cards as they are at the new server: there an operation of ours made them, and this laptop is another device."""
    def device(name: str | None) -> str | None:
        return now.device if name == former.device else name

    return [msgspec.structs.replace(row, operation=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{row.operation}:{row.field}:{SCHEMA_VERSION}")),
                                    winner_device=device(row.winner_device), loser_device=device(row.loser_device)) for row in rows]


def fetched_unseen(connection: sa.Connection) -> list[ConflictRow]:
    """What was fetched from the former server under changes that wait here and did not see it, as cards to be offered."""
    found: list[ConflictRow] = []
    for shape in shapes().values():
        rows = connection.exec_driver_sql("SELECT row_id FROM shadow WHERE table_name = ?", (shape.name,)).scalars().all()
        if shape.kind == "put" and rows:
            lying = operations.lying_over(connection, shape.name, rows)
            for row_id, base in bases_of(connection, shape, lying).items():
                found += _unseen(shape, row_id, base, lying[row_id])
    return found


def _unseen(shape: Shape, row_id: str, base: Base, lying: Sequence[operations.Overlay]) -> Iterator[ConflictRow]:
    told: set[str] = set()
    for one in lying:
        for field, value in one.fields.items():
            key = shape.clock_keys.get(field)
            there = base["clocks"].get(key, "")
            if key is None or field in told or field == GONE:
                continue
            told.add(field)  # what was done after it on this laptop saw it no more than that
            before = one.before.get(key) or one.before.get(field) or ""
            if there > before and there[-16:] != one.clock[-16:] and base[field] != value:
                yield ConflictRow(operation=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{one.id}:{field}:{there}")), field=field, table=shape.name, row=row_id,
                                  made=0, winner_clock=one.clock, loser_clock=there, value=base[field], winner=Author(), loser=Author())


def carry_on(desk: Desk, membership: Membership) -> bool:
    """All else of a chapter that moved is at its new server: offer what lost; True if there is any. Without, the move has ended."""
    with desk.reading() as connection:
        carrying = state.read(connection, state.Carrying)
    if carrying is None:
        return False
    with desk.applying() as applying:
        if not carrying.cards:
            state.drop(applying.connection, state.Carrying)
            return False
        for row in carrying.cards:
            _offer(applying.connection, membership.scope, row)
        state.keep(applying.connection, state.Carrying(carrying.own))
    return True


def _offer(connection: sa.Connection, scope: str, row: ConflictRow) -> None:
    shape = shapes().get(row.table)
    known = connection.exec_driver_sql("SELECT 1 FROM operation WHERE id = ?", (row.operation,)).first()
    if shape is None or row.field not in shape.types or row.field == GONE or known is not None:
        return  # that a row is gone, and was changed later, the server sees by the row itself
    lying = operations.lying_over(connection, shape.name, [row.row])
    bases = bases_of(connection, shape, {row.row: lying.get(row.row, [])})
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    connection.exec_driver_sql(
        "INSERT INTO operation (id, action, event, transaction_id, scope, audience, kind, table_name, row_id, fields, before, values_before, clock, schema,"
        " queue, made_at) VALUES (?, ?, ?, ?, ?, 'chapter', ?, ?, ?, ?, '{}', '{}', ?, ?, 'load', ?)",
        (row.operation, row.operation, CARD_MOVED, row.operation, scope, shape.kind, row.table, row.row, json_text({row.field: row.value}),
         plain(row.loser_clock), SCHEMA_VERSION, at))
    settle(connection, shape, scope, operations.lying_over(connection, shape.name, [row.row]), frozenset(), bases)
