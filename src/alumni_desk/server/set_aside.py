"""What was set aside: the last parcels of removed laptops, kept until a leader has looked, then judged as of now or thrown away."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import (
    ACCEPTED,
    PAGE_BYTES,
    PARCEL_OPERATIONS,
    PUSH_OPERATIONS,
    Grant,
    Operation,
    Parcel,
    PushReply,
    PushRequest,
    Released,
    Result,
    SetAsideChange,
    SetAsideReply,
    SetAsideRow,
    pack,
    unpack,
)
from alumni_desk.protocol.parcels import verify_parcel
from alumni_desk.protocol.values import is_id
from alumni_desk.server import audit, feed
from alumni_desk.server.accounts import Caller, chapters_of, grants_of
from alumni_desk.server.bulk import chunks, put_rows
from alumni_desk.server.devices import has_sent
from alumni_desk.server.fitting import that_fit
from alumni_desk.server.inviting import look_after
from alumni_desk.server.lots import Lying, lots, operations_of
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server

if TYPE_CHECKING:
    from alumni_desk.server.erasing import Journal
    from alumni_desk.server.push import Item

SHOWN = 20
"""Of so many changes of a lot the list says what they are, and of every one that erases somebody; of all of them ``whole`` does."""

LISTED = 200

_ANSWERED = ("duplicate", "erased")
"""What is not set aside: there is nothing for a leader to decide."""


def take(server: Server, who: Caller, message: PushRequest, now: int) -> PushReply:
    """Keep the parcels of a removed laptop, unjudged. The same parcel again is kept once."""
    scopes = {parcel.scope for parcel in message.parcels}
    if len(scopes) != 1:
        raise Refusal(400, "scopes")
    if sum(len(parcel.bodies) for parcel in message.parcels) > PUSH_OPERATIONS or any(len(one.bodies) > PARCEL_OPERATIONS for one in message.parcels):
        raise Refusal(413, "too_many")
    if any(parcel.server != server.id or parcel.device != who.device or not verify_parcel(parcel, who.public_key) for parcel in message.parcels):
        raise Refusal(403, "forged")
    scope = scopes.pop()
    with server.database.writing() as connection:
        if scope not in chapters_of(connection, server.tables, who.device):
            raise Refusal(403, "no_grant")
        reply = keep(connection, server.tables, message.parcels, scope=scope, by=who.device, reason="revoked", now=now)
        has_sent(connection, server.tables, who.device, len(reply.results))
        return reply


def keep(connection: sa.Connection, tables: sa.MetaData, parcels: Sequence[Parcel], *, scope: str, by: str, reason: str, now: int) -> PushReply:
    """Set verified parcels of one scope aside, but for what the server has (answered ``duplicate``) or is about somebody erased (``erased``).

    A change that came before in another parcel of its laptop, carried by others perhaps, is set aside once, and what was thrown away never again.
    ``by``: the device that brought them; ``reason``: ``revoked`` or ``unknown``, of who signed them.
    """
    from alumni_desk.server.push import drop_known, items_of, known_among, operations_in, result_of  # which itself takes what is erased out of here

    if feed.lock_head(connection, tables, scope) is None:
        raise Refusal(403, "no_grant")
    items = items_of(parcels)
    drop_known(items, known_among(connection, tables, scope, [one.id for one in operations_in([items])]))
    _end_erased(connection, tables, scope, items)
    came = _came_before(connection, tables, scope, {parcel.device for parcel in parcels})
    left: list[Parcel] = []
    place = 0
    for parcel in parcels:
        those = items[place:place + len(parcel.bodies)]
        place += len(those)
        left.append(msgspec.structs.replace(parcel, bodies=[
            None if item.status in _ANSWERED or (item.operation is not None and (parcel.device, item.operation.id) in came) else body
            for item, body in zip(those, parcel.bodies, strict=True)]))
    table = tables.tables["quarantine"]
    named = {parcel_id(parcel): parcel for parcel in left if _still_there(parcel)}
    known = set(connection.execute(sa.select(table.c.id).where(table.c.scope == scope, table.c.id.in_(list(named)))).scalars())
    fresh = {name: parcel for name, parcel in named.items() if name not in known}
    put_rows(connection, table, [{"scope": scope, "id": name, "device": parcel.device, "received_at": now, "reason": reason,
                                  "operations": _still_there(parcel), "parcel": pack(parcel), "released_at": None} for name, parcel in fresh.items()])
    if fresh:
        audit.note(connection, tables, scope, "set_aside", at=now, device=by, details={
            "reason": reason, "operations": sum(map(_still_there, fresh.values())), "parcels": sorted(fresh)})
    head = feed.head_of(connection, tables, scope)
    return PushReply(results=[result_of(item) if item.status in _ANSWERED else
                              Result(id=item.operation.id if item.operation else "", status="quarantined", sequence=head.sequence, reason=reason)
                              for item in items], head=head.sequence, time=now)


def _came_before(connection: sa.Connection, tables: sa.MetaData, scope: str, devices: Collection[str]) -> set[tuple[str, str]]:
    """What of these laptops lies here already or was thrown away: device and operation."""
    table = tables.tables["quarantine"]
    rows = connection.execute(sa.select(table.c.device, table.c.parcel, table.c.released_at).where(table.c.scope == scope, table.c.device.in_(devices)))
    return {(row.device, one) for row in rows for one in (
        _ids(unpack(bytes(row.parcel), Parcel)) if row.released_at is None else msgspec.msgpack.decode(row.parcel, type=list[str]) if row.parcel else ())}


def _ids(parcel: Parcel) -> list[str]:
    return [one.id for one in operations_of(parcel) if one is not None]


def _still_there(parcel: Parcel) -> int:
    """How many of a parcel's changes are still in it: others the server had already, or they were erased."""
    return sum(body is not None for body in parcel.bodies)


def parcel_id(parcel: Parcel) -> str:
    """A parcel's name: of what was signed, so that it is the same whenever it comes."""
    return str(uuid.UUID(bytes=hashlib.blake2b(parcel.signature, digest_size=16, person=b"parcel").digest()))


def counting(tables: sa.MetaData, scope: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    """How many changes wait for a leader's look, as part of a question about scopes."""
    table = tables.tables["quarantine"]
    return (sa.select(sa.func.coalesce(sa.func.sum(table.c.operations), 0)).where(table.c.scope == scope, table.c.released_at.is_(None))
            .scalar_subquery())


def listed(server: Server, who: Caller, scope: str, now: int) -> SetAsideReply:
    """What a chapter has set aside, with the first changes of each lot, commands before all others."""
    look_after(who, scope)
    with server.database.reading() as connection:
        found = lots(connection, server.tables, scope)[:LISTED]
        return SetAsideReply([_told(connection, server.tables, scope, lot, SHOWN, PAGE_BYTES // len(found)) for lot in found], now)


def whole(server: Server, who: Caller, scope: str, parcel: str, now: int) -> SetAsideReply:
    """One lot with all its changes: whoever decides on it must be able to see them."""
    look_after(who, scope)
    with server.database.reading() as connection:
        lot = next((lot for lot in lots(connection, server.tables, scope) if any(one.id == parcel for one in lot)), None)
        if lot is None:
            raise Refusal(404, "no_such_parcel")
        return SetAsideReply([_told(connection, server.tables, scope, lot, sum(one.changes for one in lot))], now)


def _told(connection: sa.Connection, tables: sa.MetaData, scope: str, lot: Sequence[Lying], most: int, room: int = PAGE_BYTES) -> SetAsideRow:
    """A lot, by the name of what came first of it, with its laptop's name and whose that is. ``most``: changes; ``room``: bytes for those."""
    table, device, account = (tables.tables[name] for name in ("quarantine", "device", "account"))
    query = (sa.select(table, device.c.name.label("name"), account.c.name.label("who"))
             .join_from(table, device, device.c.id == table.c.device, isouter=True)
             .join(account, account.c.id == device.c.account, isouter=True).where(table.c.scope == scope))
    rows = [connection.execute(query.where(table.c.id == one.id)).one() for one in lot]
    inside = [one for row in rows for one in operations_of(unpack(bytes(row.parcel), Parcel)) if one is not None]
    inside.sort(key=lambda one: not _erases(one))  # whoever decides must see first what has no undo
    commands = sum(map(_erases, inside))
    changes = [SetAsideChange(one.kind, one.table, one.row, one.fields) for one in inside[:max(most, commands)]]
    return SetAsideRow(id=rows[0].id, device=rows[0].device, name=rows[0].name, who=rows[0].who, received=rows[-1].received_at, reason=rows[0].reason,
                       operations=sum(row.operations for row in rows),
                       changes=[*changes[:commands], *that_fit(changes[commands:], room)])


def _erases(one: Operation) -> bool:
    """Whether it is what erases somebody, as it would be taken. What only calls itself a command is as long as whoever sent it likes."""
    return one.kind == "command" and is_id(one.row) and one.table == "person" and one.fields == {"command": "erase"}


def release(server: Server, who: Caller, scope: str, parcel: str, now: int, journal: Journal) -> Released:
    """Judge a lot as of now, by the role that its signer had; then it is gone from here. ``parcel``: one that is in it; ``journal``: where what no
    restore may bring back is written before that."""
    from alumni_desk.server.push import push  # which itself takes what is erased out of here

    look_after(who, scope)
    with server.database.writing() as connection:
        feed.lock_head(connection, server.tables, scope)
        found, device = _waiting(connection, server.tables, scope, parcel)
        whole, had = [left for one in found.values() if (left := _without_gaps(one)).bodies], _grant_of(connection, server.tables, device, scope)
        results = push(connection, server.tables, whole, scope=scope, role=had.role, device=device, now=now, gathering=had.gathering,
                       journal=journal).results if whole else []
        taken = sum(one.settled in ACCEPTED for one in results)
        for name in found:
            _close(connection, server.tables, scope, name, now)
        _take_out(connection, server.tables, scope, device, [one for each in found.values() for one in _ids(each)], now)
        audit.note(connection, server.tables, scope, "release", at=now, device=who.device,
                   details={"parcel": parcel, **_others(found), "taken": taken, "refused": len(results) - taken})
    return Released(taken, len(results) - taken, now)


def discard(server: Server, who: Caller, scope: str, parcel: str, now: int) -> Released:
    """Throw a lot away: what was in it, wherever it lies, and however it comes again. ``parcel``: one that is in it."""
    look_after(who, scope)
    with server.database.writing() as connection:
        feed.lock_head(connection, server.tables, scope)
        found, device = _waiting(connection, server.tables, scope, parcel)
        count = sum(map(_still_there, found.values()))
        for name, one in found.items():
            _close(connection, server.tables, scope, name, now, thrown_away=_ids(one))
        _take_out(connection, server.tables, scope, device, [one for each in found.values() for one in _ids(each)], now)
        audit.note(connection, server.tables, scope, "discard", at=now, device=who.device,
                   details={"parcel": parcel, **_others(found), "operations": count})
    return Released(0, count, now)


def _waiting(connection: sa.Connection, tables: sa.MetaData, scope: str, parcel: str) -> tuple[dict[str, Parcel], str]:
    """The parcels of the lot that this one is in, by name, and whose they are."""
    table = tables.tables["quarantine"]
    query = sa.select(table.c.device, table.c.released_at).where(table.c.scope == scope, table.c.id == parcel).with_for_update()
    row = connection.execute(query).first() if is_id(parcel) else None
    if row is None:
        raise Refusal(404, "no_such_parcel")
    if row.released_at is not None:
        raise Refusal(409, "looked_at")
    lot = next((lot for lot in lots(connection, tables, scope, row.device) if any(one.id == parcel for one in lot)), None)
    names = [parcel] if lot is None else [one.id for one in lot]  # one that erasures emptied is in none
    return {name: unpack(bytes(connection.execute(sa.select(table.c.parcel).where(table.c.scope == scope, table.c.id == name)).scalar_one()), Parcel)
            for name in names}, row.device


def _others(found: Collection[str]) -> dict[str, list[str]]:
    """For the audit: what else a lot is made of."""
    return {"parcels": sorted(found)} if len(found) > 1 else {}


def _without_gaps(parcel: Parcel) -> Parcel:
    """The bodies that are still there: others were erased."""
    there = [place for place, body in enumerate(parcel.bodies) if body is not None]
    return msgspec.structs.replace(parcel, hashes=[parcel.hashes[one] for one in there], salts=[parcel.salts[one] for one in there],
                                   bodies=[parcel.bodies[one] for one in there])


def _grant_of(connection: sa.Connection, tables: sa.MetaData, device_id: str, scope: str) -> Grant:
    """What a device might do. Whoever releases a parcel of one that nobody knows answers for it: it counts as a leader's."""
    device = tables.tables["device"]
    account = connection.execute(sa.select(device.c.account).where(device.c.id == device_id)).scalar()
    had = {} if account is None else {one.scope: one for ended in (True, False) for one in grants_of(connection, tables, account, ended=ended)}
    return had.get(scope, Grant(scope=scope, scope_name="", role="leader"))


def _close(connection: sa.Connection, tables: sa.MetaData, scope: str, parcel: str, now: int, *, thrown_away: Sequence[str] = ()) -> None:
    """Looked at: that it came stays known, so that it is not set aside once more; what was in it goes, but for the ids of what nobody judged."""
    table = tables.tables["quarantine"]
    left = msgspec.msgpack.encode(thrown_away) if thrown_away else b""
    connection.execute(sa.update(table).where(table.c.scope == scope, table.c.id == parcel).values(released_at=now, parcel=left))


def _take_out(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, ids: Collection[str], now: int) -> None:
    """What was decided about lies in no other parcel of that laptop any more: an older server set it aside as often as it came."""
    table, gone = tables.tables["quarantine"], set(ids)
    others = sa.select(table.c.id, table.c.parcel).where(table.c.scope == scope, table.c.device == device, table.c.released_at.is_(None))
    for row in connection.execute(others).all():
        parcel = unpack(bytes(row.parcel), Parcel)
        left = msgspec.structs.replace(parcel, bodies=[None if one is not None and one.id in gone else body
                                                       for one, body in zip(operations_of(parcel), parcel.bodies, strict=True)])
        if not _still_there(left):
            _close(connection, tables, scope, row.id, now)
        elif left.bodies != parcel.bodies:
            connection.execute(sa.update(table).where(table.c.scope == scope, table.c.id == row.id).values(parcel=pack(left), operations=_still_there(left)))


def forget(connection: sa.Connection, tables: sa.MetaData, scope: str, rows: set[tuple[str, str]]) -> int:
    """Take what is about these rows (table, id) out of what is set aside; the rest of a parcel still verifies. Returns out of how many parcels."""
    table = tables.tables["quarantine"]
    count = 0
    people = {row for name, row in rows if name == "person"}
    for row in connection.execute(sa.select(table.c.id, table.c.parcel).where(table.c.scope == scope, table.c.released_at.is_(None))).all():
        parcel = unpack(bytes(row.parcel), Parcel)
        left = _without(parcel, rows, people)
        if left.bodies != parcel.bodies:
            count += 1
            connection.execute(sa.update(table).where(table.c.scope == scope, table.c.id == row.id).values(parcel=pack(left), operations=_still_there(left)))
    return count


def _without(parcel: Parcel, rows: Collection[tuple[str, str]], people: Collection[str]) -> Parcel:
    """A parcel with gaps for what is about these rows, or names these people."""
    return msgspec.structs.replace(parcel, bodies=[None if one is not None and _is_about(one, rows, people) else body
                                                   for one, body in zip(operations_of(parcel), parcel.bodies, strict=True)])


def _is_about(one: Operation, rows: Collection[tuple[str, str]], people: Collection[str]) -> bool:
    """Facts say nothing of anybody."""
    return one.kind != "fact" and ((one.table, one.row) in rows or one.fields.get("person") in people)


def _end_erased(connection: sa.Connection, tables: sa.MetaData, scope: str, items: Sequence[Item]) -> None:
    """What is about somebody who was erased before, of which whoever wrote it had not heard, is never kept: nothing would take it out any more."""
    said = [item.operation for item in items if item.operation]
    named = {one.row for one in said} | {person for one in said if isinstance(person := one.fields.get("person"), str)}
    table = tables.tables["erased"]
    rows = {(row.table_name, row.row_id) for part in chunks(named) for row in connection.execute(
        sa.select(table.c.table_name, table.c.row_id).where(table.c.scope == scope, table.c.kept.is_(None), table.c.row_id.in_(part)))}
    people = {row for name, row in rows if name == "person"}
    for item in items:
        if item.open and item.operation and item.operation.kind != "command" and _is_about(item.operation, rows, people):
            item.end("erased", "erased")
