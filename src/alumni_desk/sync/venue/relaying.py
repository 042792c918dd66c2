"""To the server with what others did: whoever gets a network first brings everybody's parcels, and settles here what it says of them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from alumni_desk.protocol.messages import ACCEPTED, PLACES, PUSH_OPERATIONS, Cursor, PushReply, PushRequest, Relayed, Sealed
from alumni_desk.store import fates
from alumni_desk.store.desk import Desk
from alumni_desk.sync import operations, session, state
from alumni_desk.sync.erasing import after_push
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.state import Membership
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.timing import moment
from alumni_desk.sync.views import settle
from alumni_desk.sync.wire import Wire

ROOM = 3 * 1024 * 1024


def relay(desk: Desk, wire: Wire, membership: Membership, backed_up: int = 0, until: int | None = None) -> int:
    """Bring every parcel of others that the server has not answered for; returns how many. The same again is harmless.

    ``backed_up``: up to where the server's backups hold the scope. ``until``: only what stands in the list before this place.
    """
    scope, count = membership.scope, 0
    if not _anything_held(desk):
        return 0
    while True:
        with desk.reading() as connection:
            parcels = _next(connection, scope, until)
            chains = holding.chains_for(connection, [one.device for one in parcels])
        if parcels:
            message = PushRequest(parcels=[], relayed=parcels, chains=chains)
            reply = session.call(desk, wire, membership, "push", message, PushReply)
            with desk.applying() as applying:
                session.refuse_another(applying.connection, membership)
                _keep(applying.connection, scope, reply)
            count += len(parcels)
            continue
        if until is not None:
            return count
        with desk.applying() as applying:
            holding.settle_own(applying.connection, scope)
            holding.forget_settled(applying.connection, scope, backed_up)
        return count


def forget_settled_operations(desk: Desk) -> None:
    """Operations of others that are part of the base now are known by it."""
    if not _anything_held(desk):
        return
    settled = "queue = 'peer' AND rowid NOT IN (SELECT operation FROM waiting)"
    with desk.reading() as connection:
        if connection.exec_driver_sql(f"SELECT 1 FROM operation WHERE {settled} LIMIT 1").first() is None:
            return
    with desk.applying() as applying:
        applying.connection.exec_driver_sql(f"DELETE FROM operation WHERE {settled}")


def _anything_held(desk: Desk) -> bool:
    with desk.reading() as connection:
        return connection.exec_driver_sql("SELECT 1 FROM parcel LIMIT 1").first() is not None


def _next(connection: sa.Connection, scope: str, until: int | None) -> list[Sealed]:
    found: list[Sealed] = []
    room, count = ROOM, 0
    rows = connection.exec_driver_sql("SELECT content FROM parcel WHERE scope = ? AND resolved IS NULL AND state <> 'own' AND (? IS NULL OR rowid < ?)"
                                      " ORDER BY rowid", (scope, until, until))
    for row in rows:
        sealed = holding.opened_parcel(row.content)
        room -= len(row.content)
        count += len(sealed.hashes)
        if found and (room < 0 or count > PUSH_OPERATIONS):
            break
        found.append(sealed)
    rows.close()
    return found


def _keep(connection: sa.Connection, scope: str, reply: PushReply) -> None:
    at = moment()
    for one in reply.relayed:
        connection.exec_driver_sql("UPDATE parcel SET resolved = ?, sequence = ?, reason = ? WHERE name = ?", (at, reply.head, _reason(one), one.name))
        _settle(connection, scope, one)
    if reply.chain:
        places = state.read(connection, state.Places) or state.Places([])
        state.keep(connection, state.Places([*places.places, Cursor(reply.head, reply.chain)][1 - PLACES:]))


def _reason(one: Relayed) -> str | None:
    if any(result.settled == "erased" for result in one.results):
        return holding.ERASED
    return None if one.status == "taken" else one.reason or one.status


def _settle(connection: sa.Connection, scope: str, one: Relayed) -> None:
    """What was accepted waits for the pull that brings it; all else falls away."""
    laid = connection.exec_driver_sql(
        "SELECT o.rowid, o.id, o.table_name, o.row_id, o.fields ->> '$.person' AS person FROM parcel_operation AS p JOIN operation AS o ON o.id = p.operation"
        f" WHERE p.parcel = ? AND o.queue = 'peer' AND {fates.WAITS}", (one.name,)).all()
    results = {result.id: result for result in one.results}
    fallen: dict[str, set[str]] = {}
    gone: set[int] = set()
    moved = False
    answered: list[tuple[int, int]] = []
    erased: list[tuple[str, str]] = []
    for row in laid:
        result = results.get(row.id)
        if result is not None and result.settled == "erased":
            erased.append((row.table_name, row.row_id))
            if row.person is not None:  # the row itself goes with what falls away
                erased.append(("person", row.person))
        moved = moved or (result is not None and result.settled == "moved")
        if result is not None and result.settled in ACCEPTED:
            answered.append((result.sequence, row.rowid))
        else:
            fallen.setdefault(row.table_name, set()).add(row.row_id)
            gone.add(row.rowid)
    operations.mark_sent(connection, answered)
    lying = {table: operations.lying_over(connection, table, rows) for table, rows in fallen.items()}
    drop(connection, gone)
    for table, over in lying.items():
        shape = shapes().get(table)
        if shape is not None:
            settle(connection, shape, scope, over, gone)
    if erased:
        after_push(connection, erased)
    if erased or moved:  # what fell away lies in free pages and in the log still, though no page may ever tell of them
        state.keep(connection, state.Scrubbing())


def drop(connection: sa.Connection, rowids: Sequence[int] | set[int]) -> None:
    """Forget operations of others."""
    if rowids:
        connection.exec_driver_sql("DELETE FROM operation WHERE rowid = ? AND queue = 'peer'", [(rowid,) for rowid in rowids])

