"""What a peer's operations mean here: laid over the rows as another's, visible at once, until the server has judged them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol import forms
from alumni_desk.protocol.canonical import json_text, operation_of
from alumni_desk.protocol.clock import PATTERN
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import OPERATION_LIMIT, Author, Certificate, Operation, Parcel
from alumni_desk.protocol.policy import may_say, may_send, rules
from alumni_desk.protocol.values import fits, is_id
from alumni_desk.store.desk import Desk
from alumni_desk.sync import operations, state
from alumni_desk.sync.away import rows_away
from alumni_desk.sync.erasing import rows_erased
from alumni_desk.sync.shapes import Shape, shapes
from alumni_desk.sync.venue.timing import moment
from alumni_desk.sync.views import bases_of, settle


def lay(desk: Desk, connection: sa.Connection, parcel: Parcel, signer: Certificate) -> list[str]:
    """Lay a peer's parcel over the rows, as far as its signer may write; returns the ids of its operations. The caller commits."""
    found = [one for one in map(_read, parcel.bodies) if one is not None]
    allowed = {one.id for one in found if _allowed(one, parcel.audience, signer) and _may_change(connection, one, found, signer)}
    bad = {one.transaction for one in found if one.kind != "fact" and one.id not in allowed}
    erased = rows_erased(connection, {parcel.audience} if is_id(parcel.audience) else ())
    nowhere = erased | rows_away(connection)  # what a laptop says of them that has not heard is never written down here
    laid = [one for one in found if one.id in allowed and (one.kind == "fact" or one.transaction not in bad)
            and not (one.kind == "put" and ((one.table, one.row) in nowhere or ("person", one.fields.get("person")) in erased))]
    ids = json_text([one.id for one in laid])
    there = set(connection.exec_driver_sql("SELECT id FROM operation WHERE id IN (SELECT value FROM json_each(?))", (ids,)).scalars())
    by_table: dict[str, list[Operation]] = {}
    for one in laid:
        if one.id not in there:
            by_table.setdefault(one.table, []).append(one)
            desk.clock.observe(one.clock)
    for table, some in by_table.items():
        _lay_table(connection, parcel, shapes()[table], some)
    authors = {one.clock[-16:]: Author(signer.who or None, signer.name or None) for one in laid}
    state.keep_authors(connection, authors)
    return [one.id for one in found]


def _lay_table(connection: sa.Connection, parcel: Parcel, shape: Shape, some: Sequence[Operation]) -> None:
    rows = list(dict.fromkeys(one.row for one in some))
    before = operations.lying_over(connection, shape.name, rows)
    bases = bases_of(connection, shape, {row: before.get(row, []) for row in rows})
    at = moment()
    connection.exec_driver_sql(
        "INSERT INTO operation (id, action, event, transaction_id, scope, audience, kind, table_name, row_id, fields, before, values_before, clock, schema,"
        " queue, made_at) VALUES (?, ?, 'peer', ?, ?, ?, ?, ?, ?, ?, ?, '{}', ?, ?, 'peer', ?)",
        [(one.id, one.action, one.transaction, parcel.scope, parcel.audience, one.kind, one.table, one.row, json_text(one.fields), json_text(one.before),
          one.clock, one.schema, at) for one in some])
    settle(connection, shape, parcel.scope, operations.lying_over(connection, shape.name, rows), frozenset(), bases)


def _read(body: bytes | None) -> Operation | None:
    try:
        found = operation_of(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if found is None or found.kind != "fact" or len(body or b"") <= forms.SHORT or found.table not in shapes():
        return found
    return msgspec.structs.replace(found, fields=forms.cut(shapes()[found.table].forms, found.fields))  # as the server will keep it


def _allowed(one: Operation, audience: str, signer: Certificate) -> bool:
    """Whether the server would take it, as far as can be said here: form and policy. What it is not, the server will say."""
    shape = shapes().get(one.table)
    if shape is None or one.kind != shape.kind or not one.fields or not PATTERN.fullmatch(one.clock):
        return False
    if len(one.fields) > len(shape.types) or not (is_id(one.id) and is_id(one.row)) or sum(map(len, one.fields)) > OPERATION_LIMIT:
        return False
    if any(name not in shape.types or not fits(value, shape.types[name]) or (name == "gone" and value is None) for name, value in one.fields.items()):
        return False
    if (one.kind == "fact" and not one.fields.get("kind")) or forms.misfit(shape.forms, one.fields) is not None or one.fields.get("host") == one.row:
        return False
    if audience != "chapter" and (not shape.door.issuperset(one.fields) or (shape.by_row and one.fields.get("gathering", audience) != audience)):
        return False
    if signer.gathering is not None and audience != signer.gathering and not (audience == "chapter" and one.table == "person"):
        return False
    if signer.gathering is not None and one.kind == "fact" and one.fields.get("gathering") != signer.gathering:
        return False
    written = rules(signer.role, shape)
    return may_send(signer.role, one.kind) and all(
        written[name].write != "no" and may_say(signer.role, one.table, name, value) for name, value in one.fields.items())


def _may_change(connection: sa.Connection, one: Operation, parcel: Sequence[Operation], signer: Certificate) -> bool:
    """A door changes registrations of its gathering; people, and what is on the list at all, where it made the row itself."""
    if signer.gathering is None or one.kind == "fact":
        return True
    row = connection.exec_driver_sql(f'SELECT * FROM "{one.table}" WHERE id = ?', (one.row,)).mappings().first()
    if one.table == "registration":
        said = [dict(row or {}), *(other.fields for other in parcel if other.row == one.row)]
        if {fields.get("gathering") for fields in said} - {None} != {signer.gathering}:
            return False
    written = rules(signer.role, shapes()[one.table])
    if row is None or not row["clocks"] or not any(written[name].write == "new" for name in one.fields):
        return True
    mine = {other.clock[-16:] for other in parcel}
    return all(clock[-16:] in mine for clock in unpack(row["clocks"]).values())
