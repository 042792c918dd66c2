"""A laptop at the door: it holds what its grant lets it see, forgets for good what is no longer for it, and still sends what was done on it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import PLACES, Cursor, Grant, HelloReply
from alumni_desk.store import fates
from alumni_desk.store.desk import Desk
from alumni_desk.sync import erasing, operations, session, state
from alumni_desk.sync.shapes import Shape, shapes
from alumni_desk.sync.state import Membership
from alumni_desk.sync.venue import holding
from alumni_desk.sync.views import no_base, settle

CHUNK = 5_000

_WORTH_KEEPING_MS = 60_000
_LEADERS_WORTH_MS = 3_600_000
_running: WeakKeyDictionary[Desk, float] = WeakKeyDictionary()
"""Since when, on a clock that nobody can set, the time of each open desk has to be counted."""

DOOR = "door"

ENDED = "ended"
"""The server's word for a grant that is over."""


def follow_grant(desk: Desk, membership: Membership, server: HelloReply) -> Membership:
    """What this laptop may do as the server says now; another role or another gathering begins again from zero."""
    grant = next((one for one in server.grants if one.scope == membership.scope), None)
    if grant is None:
        return membership
    now = membership_under(membership, grant)
    ended = has_ended(membership, server)
    with desk.reading() as connection:
        before = state.read(connection, state.Ended)
    if (now.role, now.gathering) != (membership.role, membership.gathering) or (before is not None and not ended):
        begin_anew(desk, now, facts=now.gathering == membership.gathering, asked=membership)
    elif now != membership:
        with desk.applying() as applying:
            session.refuse_another(applying.connection, membership)
            state.keep(applying.connection, now)
    return now


def membership_under(membership: Membership, grant: Grant) -> Membership:
    """The membership with what a grant says."""
    return msgspec.structs.replace(membership, role=grant.role, gathering=grant.gathering, until=grant.until, scope_name=grant.scope_name or
                                   membership.scope_name)


def has_ended(membership: Membership, server: HelloReply) -> bool:
    """Whether the server says that this laptop's access is over."""
    return ENDED in server.commands and membership.scope not in server.heads


def note_contact(desk: Desk, membership: Membership, server_ms: int) -> None:
    """Remember when the server was heard: from then on the time runs that no clock here can change. A leader has 60 days, so once an hour will do."""
    if membership.role != DOOR:
        if membership.until is None:
            return
        with desk.reading() as connection:
            contact = state.read(connection, state.Contact)
        if contact is not None and 0 <= server_ms - contact.server_ms - contact.ran_ms < _LEADERS_WORTH_MS and not contact.ran_ms:
            return
    _running[desk] = time.monotonic()
    with desk.applying() as applying:
        state.keep(applying.connection, state.Contact(server_ms))


def pass_time(desk: Desk, membership: Membership) -> bool:
    """Count how long this program has run since the server was heard. Once that is beyond a door's time, it is over without being told; then True.

    A leader's laptop only locks, see ``access``.
    """
    if membership.until is None:
        return False
    if membership.role != DOOR and desk in _running and (time.monotonic() - _running[desk]) * 1000 < _LEADERS_WORTH_MS:
        return False  # nothing is to be written down yet, and it is not for this clock to end a leader's time
    with desk.reading() as connection:
        contact, ended = state.read(connection, state.Contact), state.read(connection, state.Ended)
    if contact is None or ended is not None:
        return False
    now = time.monotonic()
    ran = contact.ran_ms + round((now - _running.get(desk, now)) * 1000)
    begun = desk in _running
    if not begun and membership.role != DOOR:
        _running[desk] = now
    elif not begun or ran - contact.ran_ms >= (_WORTH_KEEPING_MS if membership.role == DOOR else _LEADERS_WORTH_MS):
        _running[desk] = now
        with desk.applying() as applying:
            state.keep(applying.connection, state.Contact(contact.server_ms, ran))
    if membership.role != DOOR or contact.server_ms + ran < _milliseconds(membership.until):
        return False
    end(desk, membership)
    return True


def _milliseconds(until: str) -> int:
    return round(datetime.fromisoformat(until).timestamp() * 1000)


def begin_anew(desk: Desk, membership: Membership, *, facts: bool = False, asked: Membership | None = None) -> None:
    """Forget everything that was read and pull from zero; what waits to be sent stays, and is seen. ``facts``: so do those of its own, see ``end``.
    ``asked``: as whom the server was asked."""
    with desk.applying() as applying:
        if asked is not None:
            session.refuse_another(applying.connection, asked)
        forget_what_was_read(applying.connection, membership, facts=facts)
        for kind in (state.LastSync, state.Checked):  # what was last fetched and compared was the former grant's
            state.drop(applying.connection, kind)
    erasing.finish(desk)


def forget_what_was_read(connection: sa.Connection, membership: Membership, *, facts: bool = False) -> None:
    """The same in a transaction that applies; ``erasing.finish``, or the next opening, takes it out of pages, index and log."""
    _forget_all(connection, membership.scope, facts=facts)
    state.drop(connection, state.Places)
    show_what_waits(connection, membership.scope)
    for kind in (state.Ended, state.Session):  # the session may be another device's
        state.drop(connection, kind)
    state.keep(connection, membership)


def end(desk: Desk, membership: Membership) -> None:
    """The grant is over: nothing that was read stays on this laptop. What waits is kept for the sync alone, and what the server has is gone, too,
    but for check-ins of its own (ids and moments, nobody's name) until a backup of the server has them: see ``offer_again``."""
    with desk.applying() as applying:
        connection = applying.connection
        if state.read(connection, state.Ended) is None:
            name = connection.exec_driver_sql("SELECT name FROM gathering WHERE id = ?", (membership.gathering or "",)).scalar()
            state.keep(connection, state.Ended(name=name or "", until=membership.until))
        _forget_all(connection, membership.scope, facts=True)
        state.drop(connection, state.Here)
    erasing.finish(desk)


_OWN_FACTS = "kind = 'fact' AND queue <> 'peer'"


def offer_again(desk: Desk, scope: str, server: HelloReply) -> None:
    """After the end: where the server was put back to an older day, what was done here is offered again; what a backup of it has is kept no longer."""
    saved = server.backed_up.get(scope, 0)
    accepted = f"fate = 'accepted' AND {_OWN_FACTS}"
    with desk.reading() as connection:
        first = connection.exec_driver_sql(f"SELECT min(sequence) FROM {fates.VIEW} WHERE {accepted}").scalar()
    if first is None or (scope not in server.unknown and first > saved):
        return
    with desk.applying() as applying:
        connection = applying.connection
        if scope in server.unknown:
            fates.wait_again(connection, accepted)
            state.drop(connection, state.Places)
        else:
            connection.exec_driver_sql(
                f"DELETE FROM operation WHERE {_OWN_FACTS} AND rowid IN (SELECT operation FROM accepted WHERE sequence <= ?)", (saved,))


def forget_rows(connection: sa.Connection, scope: str, left: Mapping[str, Sequence[str]]) -> int:
    """Rows that are not for this laptop any more: nothing of them stays but what it wrote itself and has still to send. Returns how many there were.

    ``erasing.finish`` has to follow the commit: it takes them out of pages, index, log and backups, too.
    """
    if not left:
        return 0
    state.keep(connection, state.Scrubbing())
    connection.exec_driver_sql("UPDATE handout SET content = x''")  # it names them; by its number nobody brings it a second time
    count = 0
    for table, ids in left.items():
        shape = shapes().get(table)
        if shape is None:
            continue
        for start in range(0, len(ids), CHUNK):
            part = list(ids[start:start + CHUNK])
            wanted = (table, msgspec.json.encode(part).decode())
            named = "table_name = ? AND row_id IN (SELECT value FROM json_each(?))"
            count += connection.exec_driver_sql(f'DELETE FROM "{table}" WHERE id IN (SELECT value FROM json_each(?))', wanted[1:]).rowcount
            for own in ("shadow", "past"):
                connection.exec_driver_sql(f"DELETE FROM {own} WHERE {named}", wanted)
            connection.exec_driver_sql(f"DELETE FROM operation AS o WHERE {named} AND ({fates.ACCEPTED} OR queue = 'peer')", wanted)
            connection.exec_driver_sql(f"UPDATE operation SET values_before = '{{}}' WHERE {named}", wanted)
            _show(connection, shape, scope, part)
    return count


def days_left(until: str | None, now: datetime) -> float | None:
    """How many days a grant lasts still; None: it has no end."""
    return None if until is None else (datetime.fromisoformat(until) - now).total_seconds() / 86_400


def _forget_all(connection: sa.Connection, scope: str, *, facts: bool) -> None:
    state.keep(connection, state.Scrubbing())
    if facts:
        fates.accept(connection, f"fate = 'waiting' AND sequence IS NOT NULL AND {_OWN_FACTS}",
                     at=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        _keep_place(connection, scope)
    else:
        state.drop(connection, state.Places)
    for name in shapes():
        connection.exec_driver_sql(f'DELETE FROM "{name}"')
    for name in ("shadow", "past"):
        connection.exec_driver_sql(f"DELETE FROM {name}")
    holding.close(connection)
    kept = f" WHERE NOT (fate = 'accepted' AND {_OWN_FACTS})" if facts else ""
    connection.exec_driver_sql("DELETE FROM operation WHERE rowid IN (SELECT rowid FROM (SELECT rowid, fate, kind, queue FROM operation_now"
                               f" WHERE fate = 'accepted' OR (fate = 'waiting' AND sequence IS NOT NULL)){kept})")
    connection.exec_driver_sql("UPDATE operation SET values_before = '{}'")
    connection.exec_driver_sql("DELETE FROM action WHERE id NOT IN (SELECT action FROM operation WHERE rowid NOT IN (SELECT operation FROM accepted))")
    # A card holds what two people wrote. Whoever leads here again is told by the server what is to be decided, and who is in another chapter.
    connection.exec_driver_sql("DELETE FROM sync_state WHERE key IN ('conflicts', 'decisions', 'circles') OR key LIKE ?", (f"{state.REPLICA}%",))
    for kind in (state.Rebuilding, state.Told, state.Away, state.Carrying, state.Fetching):  # without its key nobody reads what a first sync has fetched
        state.drop(connection, kind)
    connection.exec_driver_sql("UPDATE scope SET cursor = 0, chain = '' WHERE id = ?", (scope,))


def _keep_place(connection: sa.Connection, scope: str) -> None:
    """How far this laptop had come: by that a server that was put back is known."""
    row = connection.exec_driver_sql("SELECT cursor, chain FROM scope WHERE id = ?", (scope,)).first()
    if row is not None and row.cursor:
        places = state.read(connection, state.Places) or state.Places([])
        state.keep(connection, state.Places([*places.places, Cursor(row.cursor, row.chain or "")][1 - PLACES:]))


def show_what_waits(connection: sa.Connection, scope: str) -> None:
    """Where no row is left: of each what was done here and waits to be sent."""
    for name, shape in shapes().items():
        rows = connection.exec_driver_sql(f"SELECT DISTINCT o.row_id {fates.FROM_WAITING} WHERE o.table_name = ?", (name,)).scalars().all()
        _show(connection, shape, scope, rows)


def _show(connection: sa.Connection, shape: Shape, scope: str, ids: Sequence[str]) -> None:
    """Of rows without a base, what waits."""
    lying = operations.lying_over(connection, shape.name, ids)
    if lying:
        settle(connection, shape, scope, lying, set(), {row_id: no_base(shape) for row_id in lying})
