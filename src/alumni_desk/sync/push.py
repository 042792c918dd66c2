"""Push: what waits here goes up in signed parcels; what the server refuses falls away again, visibly."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from operator import attrgetter

import msgspec
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.protocol.messages import ACCEPTED, PLACES, PUSH_BYTES, PUSH_OPERATIONS, Cursor, PushReply, PushRequest, Result
from alumni_desk.protocol.parcels import in_parcels, sign_parcel
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.sync import operations, own, session, state
from alumni_desk.sync.away import rows_away
from alumni_desk.sync.circles import open_circles
from alumni_desk.sync.erasing import after_push, forget_order
from alumni_desk.sync.operations import Outgoing
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.state import Membership
from alumni_desk.sync.views import no_base, settle
from alumni_desk.sync.wire import Wire

log = logging.getLogger(__name__)

STREAMED = 500
"""Operations from which it is worth the thread to have a request on its way while the next is read."""

QUICK = 5.0
"""Seconds between answers up to which two requests of what files brought are on their way at once: the server takes the one apart while its database
takes the other in. A slow line is not shared by two, and who has much to do is not given more."""

BESIDE = 200
"""Operations from which it is worth the thread to send them while the rows that came are applied."""

FIRST = 1_000
"""Operations of the first request of what files brought: the sooner the server has something to do while the next is read. Each further one holds
up to twice as many as the one before, and the last ones fewer again: what is still on its way when all is sent is waited for."""

FEWER = 500
"""Operations of a request after one that the server did not answer in time: an old or a busy one does a part of it sooner."""

_BODY = attrgetter("body")

Progress = Callable[[int], None]
"""Told how many operations the server has taken so far."""


@dataclass
class Pushed:
    """Counts of a push: operations that the server has now, those it refused, clashes it saw; and how many a request may hold (None: as many as may).

    ``head``: where the feed was after the last; ``to_fetch``: nothing but that lay between, and yet the rows are to be fetched.
    """

    sent: int = 0
    refused: int = 0
    conflicts: int = 0
    most: int | None = None
    head: int = 0
    to_fetch: bool = False


def push(desk: Desk, wire: Wire, membership: Membership, count: Pushed, newest: int | None = None, progress: Progress | None = None) -> bool:
    """Send one request of what waits, adding to ``count``; False if nothing does. Safe to repeat: the server knows what it has seen.

    Of what files brought, several requests: while the server works on some the next is read and the answer to the last is kept.
    ``newest``: the last operation (its rowid) that is sent now, so that whoever goes on working does not keep a sync from ending.
    """
    waiting = _waiting(desk, membership, newest, count.most or PUSH_OPERATIONS)
    if not waiting:
        return False
    parcels = _request(waiting)
    try:
        if len(waiting) < STREAMED or _sent_up_to(parcels) is None:
            _keep(desk, membership, parcels, _send(desk, wire, membership, parcels), count)
        else:
            _stream(desk, wire, membership, parcels, count, newest, progress)
    except NetworkProblem as problem:
        if problem.code != "sync_slow" or count.most is not None or len(waiting) <= FEWER:
            raise
        count.most = FEWER  # what the server has of it by now it knows
    return True


@contextmanager
def pushing(desk: Desk, wire: Wire, membership: Membership, count: Pushed, newest: int | None = None) -> Iterator[None]:
    """One request of what waits is with the server while the caller applies what came; then what became of it is kept.

    Nothing is sent of what is little, or is better streamed. What could not be sent is left to ``push``, which comes next and says why.
    """
    waiting = _waiting(desk, membership, newest, count.most or PUSH_OPERATIONS, most_of_files=0)
    if len(waiting) < BESIDE:
        yield
        return
    parcels = _request(waiting)
    with ThreadPoolExecutor(1, "sending") as sender:
        asked = sender.submit(_send, desk, wire, membership, parcels)
        yield
    try:
        reply = asked.result()
    except KnownError as problem:
        log.info("what waits was not taken while rows were applied, and is sent again: %s", problem.code)
        return
    _keep(desk, membership, parcels, reply, count)


def _waiting(desk: Desk, membership: Membership, newest: int | None, most: int, most_of_files: int = FIRST) -> list[Outgoing]:
    with desk.reading() as connection:
        found = operations.outgoing(connection, membership.scope, most, newest, most_of_files=most_of_files)
        if len(found) < most or most >= PUSH_OPERATIONS or found[0].load or found[0].transaction != found[-1].transaction:
            return found
        return operations.outgoing(connection, membership.scope, PUSH_OPERATIONS, newest)  # what somebody did at once is judged at once


def _stream(desk: Desk, wire: Wire, membership: Membership, parcels: list[list[Outgoing]], count: Pushed, newest: int | None,
            progress: Progress | None) -> None:
    """One request read while others are on their way, until all is sent or something of others has to come down first."""
    with closing(wire.beside()) as other, ThreadPoolExecutor(2, "sending") as sender:
        lines = cycle((wire, other))  # in turns: the one whose answer is waited for is the next that is free
        under_way: deque[tuple[list[list[Outgoing]], Future[PushReply]]] = deque()
        ready: list[list[Outgoing]] | None = parcels
        alone, quick, begun = True, False, time.monotonic()
        size, left = sum(map(len, parcels)), -1  # not counted yet: the first is on its way before
        while ready is not None or under_way:
            if ready is not None and len(under_way) < (2 if quick else 1):
                under_way.append((ready, sender.submit(_send, desk, next(lines), membership, ready)))
            else:
                sent, asked = under_way.popleft()
                reply = asked.result()
                quick, begun = time.monotonic() - begun < QUICK, time.monotonic()
                if ready is not None:
                    under_way.append((ready, sender.submit(_send, desk, next(lines), membership, ready)))
                alone = _keep(desk, membership, sent, reply, count) and alone
                if progress is not None:
                    progress(count.sent)
            after = _sent_up_to(under_way[-1][0]) if under_way else None
            following: list[list[Outgoing]] = []
            if alone and after is not None:
                left = _left(desk, after, newest) if left < 0 else left
                size = min(count.most or PUSH_OPERATIONS, 2 * size, max(FIRST, left // 2))
                following = _following(desk, membership, after, newest, size)
                left = max(0, left - sum(map(len, following)))
            ready = following or None


def _left(desk: Desk, after: int, newest: int | None) -> int:
    with desk.reading() as connection:
        return operations.count_of_files(connection, after, newest)


def _following(desk: Desk, membership: Membership, after: int, newest: int | None, size: int) -> list[list[Outgoing]]:
    with desk.reading() as connection:
        return _request(operations.outgoing(connection, membership.scope, size, newest, after))


def _sent_up_to(parcels: Sequence[Sequence[Outgoing]]) -> int | None:
    """The last of what files brought, if there is nothing else here and nothing left out before it."""
    if not parcels[0][0].load or len({parcel[0].audience for parcel in parcels}) != 1:  # all else comes before what files brought
        return None
    return parcels[-1][-1].rowid


def _request(waiting: Sequence[Outgoing]) -> list[list[Outgoing]]:
    """Parcels of one audience each, as many as one request may carry."""
    audiences: dict[str, list[Outgoing]] = {}
    for one in waiting:
        audiences.setdefault(one.audience, []).append(one)
    request: list[list[Outgoing]] = []
    size = 0
    for group in audiences.values():
        for parcel in in_parcels(group):
            weight = sum(map(len, map(_BODY, parcel))) + 64 * len(parcel)
            if request and size + weight > PUSH_BYTES:
                return request
            request.append(parcel)
            size += weight
    return request


def _send(desk: Desk, wire: Wire, membership: Membership, parcels: Sequence[Sequence[Outgoing]]) -> PushReply:
    """Sign a request, send it and wait for the answer: in a thread of its own, all of it beside what is read and kept meanwhile."""
    key = SigningKey(membership.key)
    own_there, seen, restored = _carried(desk)
    message = PushRequest([sign_parcel(key, server=membership.server, device=membership.device, scope=membership.scope, audience=parcel[0].audience,
                                       pieces=parcel) for parcel in parcels], own=own_there, seen=seen, restored=restored)
    return session.call(desk, wire, membership, "push", message, PushReply)


def _carried(desk: Desk) -> tuple[list[str] | None, dict[str, str] | None, bool]:
    """Under which replicas this laptop writes, while it carries what others wrote to another server; else all is its own, and it need not say. And, until
    all of that is there, what it knows of the former one; and whether it went back to a backup since it last fetched."""
    with desk.reading() as connection:
        carrying = state.read(connection, state.Carrying)
        restored = state.read(connection, state.WentBack) is not None
    return (None, None, restored) if carrying is None else (sorted({*carrying.own, desk.clock.replica}), carrying.seen, restored)


def _keep(desk: Desk, membership: Membership, parcels: Sequence[Sequence[Outgoing]], reply: PushReply, count: Pushed) -> bool:
    """Keep what became of it. Returns whether all of that is part of the base now: nothing else lay between."""
    sent = [one for parcel in parcels for one in parcel]
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    answered: list[tuple[int, int]] = []
    refused: list[tuple[int, str, int]] = []
    fallen: dict[str, set[str]] = {}
    plain = own.are_plain(reply.results)
    emptied = set() if plain else _emptied(desk, sent, reply.results)
    for one, result in () if plain else zip(sent, reply.results, strict=True):
        if result.status == "ok":
            answered.append((result.sequence, one.rowid))
            count.conflicts += result.conflicts
            continue
        count.conflicts += result.conflicts if result.status != "duplicate" else 0
        if result.settled in ACCEPTED or one.rowid in emptied:
            answered.append((result.sequence, one.rowid))
        else:
            refused.append((result.sequence, result.reason or result.settled, one.rowid))
            fallen.setdefault(one.table, set()).add(one.row)
            count.refused += 1
    count.sent += len(sent) if plain else len(answered)
    there = Cursor(reply.head, reply.chain)
    with desk.applying() as applying:
        connection = applying.connection
        session.refuse_another(connection, membership)
        lost = _lost(connection, sent)
        count.refused -= sum(one[-1] in lost for one in refused)
        refused = [one for one in refused if one[-1] not in lost]
        lying = {table: operations.lying_over(connection, table, rows) for table, rows in fallen.items()}
        alone = not lost and own.pass_over(connection, membership, sent, reply, at)
        if not alone:
            answered = [(result.sequence, one.rowid) for one, result in zip(sent, reply.results, strict=True)] if plain else answered
            operations.mark_sent(connection, [one for one in answered if one[-1] not in lost])
        if there.chain:
            places = state.read(connection, state.Places) or state.Places([])
            state.keep(connection, state.Places([*places.places, there][1 - PLACES:]))
        operations.mark_refused(connection, refused, at)
        count.refused -= operations.drop_carried(connection, [rowid for _sequence, reason, rowid in refused if reason == "erased"])
        done = {rowid for _sequence, _reason, rowid in refused}
        for table, over in lying.items():
            shape = shapes().get(table)
            if shape is not None:
                nothing = _made_here(connection, table, [rowid for _sequence, reason, rowid in refused if reason == "erased"])
                settle(connection, shape, membership.scope, over, done, {row_id: no_base(shape) for row_id in nothing if row_id in over})
        gone = [] if plain else [(one.table, one.row) for one, result in zip(sent, reply.results, strict=True) if result.settled == "erased"]
        if gone:
            after_push(connection, gone)
        if not plain and (late := [one.row for one, result in zip(sent, reply.results, strict=True) if one.kind == "command" and result.settled == "moved"]):
            forget_order(connection, late)
        open_circles(connection)
    count.head, count.to_fetch = reply.head, count.to_fetch or (reply.before is not None and not alone)
    return alone


def _lost(connection: sa.Connection, sent: Sequence[Outgoing]) -> set[int]:
    """Those (by rowid) that are not here any more: somebody was erased while they were with the server, say. Another operation may have the rowid by now."""
    newest = max(sent, key=attrgetter("rowid"))
    if operations.name_of(connection, newest.rowid) == newest.id:
        return set()  # a rowid is given again only where all that came after it is gone, too
    return {one.rowid for one in sent if operations.name_of(connection, one.rowid) != one.id}


def _made_here(connection: sa.Connection, table: str, rowids: Sequence[int]) -> list[str]:
    """The rows that these operations made, and that the server never had. What an erasure left of them does not tell any more what was theirs."""
    return list(connection.exec_driver_sql(
        "SELECT DISTINCT row_id FROM operation AS o WHERE o.rowid IN (SELECT value FROM json_each(?)) AND table_name = ? AND kind = 'put'"
        " AND before IN ('', '{}') AND NOT EXISTS (SELECT 1 FROM shadow AS s WHERE s.table_name = o.table_name AND s.row_id = o.row_id)",
        (msgspec.json.encode(list(rowids)).decode(), table)).scalars())


def _emptied(desk: Desk, sent: Sequence[Outgoing], results: Sequence[Result]) -> set[int]:
    """Operations that the server has as they once were: the answer was lost, then an erasure, or a move, took out of them here what they said."""
    other = [one for one, result in zip(sent, results, strict=True) if result.reason == "other_content"]
    if not other:
        return set()
    with desk.reading() as connection:
        emptied = erasing.rows_erased(connection) | rows_away(connection, lists=True)
    return {one.rowid for one in other if (one.table, one.row) in emptied}
