"""Push: what waits here goes up in signed parcels; what the server refuses falls away again, visibly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from nacl.signing import SigningKey

from alumni_desk.protocol.messages import ACCEPTED, PLACES, PUSH_BYTES, PUSH_OPERATIONS, Cursor, PushReply, PushRequest, Result
from alumni_desk.protocol.parcels import in_parcels, sign_parcel
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.sync import operations, own, session, state
from alumni_desk.sync.erasing import after_push
from alumni_desk.sync.operations import Outgoing
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.state import Membership
from alumni_desk.sync.views import settle
from alumni_desk.sync.wire import Wire


@dataclass
class Pushed:
    """Counts of a push: operations that the server has now, those it refused, clashes it saw."""

    sent: int = 0
    refused: int = 0
    conflicts: int = 0


def push(desk: Desk, wire: Wire, membership: Membership, count: Pushed, newest: int | None = None) -> bool:
    """Send one request of what waits, adding to ``count``; False if nothing does. Safe to repeat: the server knows what it has seen.

    ``newest``: the last operation (its rowid) that is sent now, so that whoever goes on working does not keep a sync from ending.
    """
    with desk.reading() as connection:
        waiting = operations.outgoing(connection, membership.scope, PUSH_OPERATIONS, newest)
    if not waiting:
        return False
    _send(desk, wire, membership, _request(waiting), count)
    return True


def _request(waiting: Sequence[Outgoing]) -> list[list[Outgoing]]:
    """Parcels of one audience each, as many as one request may carry."""
    audiences: dict[str, list[Outgoing]] = {}
    for one in waiting:
        audiences.setdefault(one.audience, []).append(one)
    request: list[list[Outgoing]] = []
    size = 0
    for group in audiences.values():
        for parcel in in_parcels(group):
            weight = sum(len(one.body) + 64 for one in parcel)
            if request and size + weight > PUSH_BYTES:
                return request
            request.append(parcel)
            size += weight
    return request


def _send(desk: Desk, wire: Wire, membership: Membership, parcels: list[list[Outgoing]], count: Pushed) -> None:
    key = SigningKey(membership.key)
    signed = [sign_parcel(key, server=membership.server, device=membership.device, scope=membership.scope, audience=parcel[0].audience,
                          pieces=parcel) for parcel in parcels]
    reply = session.call(desk, wire, membership, "push", PushRequest(parcels=signed), PushReply)
    sent = [one for parcel in parcels for one in parcel]
    _keep(desk, membership, sent, reply, count)


def _keep(desk: Desk, membership: Membership, sent: Sequence[Outgoing], reply: PushReply, count: Pushed) -> None:
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    answered: list[tuple[int, int]] = []
    refused: list[tuple[int, str, int]] = []
    fallen: dict[str, set[str]] = {}
    emptied = _emptied(desk, sent, reply.results)
    for one, result in zip(sent, reply.results, strict=True):
        count.conflicts += result.conflicts if result.status != "duplicate" else 0
        if result.settled in ACCEPTED or one.rowid in emptied:
            answered.append((result.sequence, one.rowid))
            count.sent += 1
        else:
            refused.append((result.sequence, result.reason or result.settled, one.rowid))
            fallen.setdefault(one.table, set()).add(one.row)
            count.refused += 1
    there = Cursor(reply.head, reply.chain)
    done = {rowid for _sequence, _reason, rowid in refused}
    with desk.applying() as applying:
        connection = applying.connection
        lying = {table: operations.lying_over(connection, table, rows) for table, rows in fallen.items()}
        if not own.pass_over(connection, membership, sent, reply, at):
            operations.mark_sent(connection, answered)
        if there.chain:
            places = state.read(connection, state.Places) or state.Places([])
            state.keep(connection, state.Places([*places.places, there][1 - PLACES:]))
        operations.mark_refused(connection, refused, at)
        for table, over in lying.items():
            shape = shapes().get(table)
            if shape is not None:
                settle(connection, shape, membership.scope, over, done)
        gone = [(one.table, one.row) for one, result in zip(sent, reply.results, strict=True) if result.settled == "erased"]
        if gone:
            after_push(connection, gone)


def _emptied(desk: Desk, sent: Sequence[Outgoing], results: Sequence[Result]) -> set[int]:
    """Operations that the server has as they once were: the answer was lost, then an erasure took out of them here what they said."""
    other = [one for one, result in zip(sent, results, strict=True) if result.reason == "other_content"]
    if not other:
        return set()
    with desk.reading() as connection:
        erased = erasing.rows_erased(connection)
    return {one.rowid for one in other if (one.table, one.row) in erased}
