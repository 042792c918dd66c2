"""Moving a chapter to another server: everything that is here is offered there as this laptop's, every value under the clock that it has.

The clocks stay what they were, so that a laptop that moves later loses nothing that is newer there, and wins with what is newer here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.errors import BadInput, KnownError, Refused
from alumni_desk.protocol.canonical import json_text
from alumni_desk.protocol.clock import Clock
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.codes import read_invitation, short_invitation, wrong_group
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import ChallengeReply, ChallengeRequest, ConflictRow, Grant, Offer
from alumni_desk.schema import SCHEMA_VERSION
from alumni_desk.store import fates
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import ERASE
from alumni_desk.store.tables import CHAPTER_MOVED
from alumni_desk.store.writing import TRANSACTION
from alumni_desk.sync import engine, join, moving_cards, operations, others_there, set_aside, state
from alumni_desk.sync.address import read_address
from alumni_desk.sync.carried_clocks import own_replicas, plain, seen
from alumni_desk.sync.conflicts_kept import keep_moved
from alumni_desk.sync.conflicts_open import open_rows
from alumni_desk.sync.door import DOOR
from alumni_desk.sync.hello import reach_of
from alumni_desk.sync.shapes import Shape, shapes
from alumni_desk.sync.venue import holding
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _, ngettext, number

_AT_ONCE = 2_000

_INSERT = ("INSERT INTO operation (id, action, event, transaction_id, scope, audience, kind, table_name, row_id, fields, before, values_before, clock, schema,"
           " queue, made_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")


def move(desk: Desk, url: str, code: str, *, anyway: bool = False, merge: bool = False, device_name: str | None = None, wire: Wire | None = None,
         settled: Callable[[], object] | None = None) -> state.Membership:
    """Leave this desk's server for another one, with everything; what waited for the former server is sent there first.

    ``anyway``: though the former server cannot be reached; what waits is then offered to the new one alone. ``merge``: though the chapter there
    has people who are none of ours. ``settled``: called when nothing is owed to the former one any more. Killed anywhere, the same call finishes.
    Raises Refused ``sync_alone``, ``move_same_server``, ``move_unsent``, ``move_waiting``, ``move_set_aside``, ``move_role``, ``move_others``, and what a
    join raises.
    """
    there = _membership(desk)
    address = read_address(url)
    invitation = read_invitation(code)
    if invitation is None:
        raise BadInput("sync_code", _("Group {group} of the code is not right. Compare it with the invitation."), group=wrong_group(code) or 4)
    if there.role == DOOR:  # with its own doings alone, which go to the new server only: that the former one has them is of use to nobody
        followed = join.join(desk, url, code, device_name=device_name, wire=wire)
        desk.outbox.make_anew(desk)
        return followed
    _send_what_waits(desk, anyway)
    if settled is not None:
        settled()
    key = _key(desk, address.url, invitation)
    line = wire or Wire(address)
    try:
        if line.call("challenge", ChallengeRequest(device=there.device), ChallengeReply).server == there.server:
            raise Refused("move_same_server", _("This invitation is of the server that the chapter is at already. To come back to it, use Join again."))
        reply, grant = join.enrol(line, key, invitation, device_name or desk.device_name or "", _leads,
                                  sees=None if merge else partial(_refuse_others, desk, invitation))
    finally:
        if wire is None:
            line.close()
    membership = state.Membership(url=address.url, fingerprint=address.fingerprint, server=reply.server, device=reply.device, key=bytes(key),
                                  scope=grant.scope, scope_name=grant.scope_name, role=grant.role)
    cards = moving_cards.taken_along(open_rows(desk), there, membership)
    with desk.applying() as applying:
        take_along(applying.connection, membership, cards)
        state.keep(applying.connection, reach_of(grant.scope, reply.grants, kept=reply.kept))
        keep_moved(applying.connection, cards)
    join.take_name(desk, reply)
    if device_name:
        desk.set_setting("device_name", device_name)  # every hello says it again
    desk.outbox.make_anew(desk)
    return membership


def _refuse_others(desk: Desk, code: str, grant: Grant, offer: Offer) -> None:
    with desk.reading() as connection:
        here = join.here(connection)
        if here and others_there.are_others(connection, offer, code):
            raise others_there.refusal(grant.scope_name, offer.people, here)


def _leads(grant: Grant) -> None:
    if grant.role not in ("leader", "admin"):
        raise Refused("move_role", _("This invitation is not for a leader, so the chapter cannot be moved with it. Ask for a leader’s invitation."))


def take_along(connection: sa.Connection, membership: state.Membership, cards: Sequence[ConflictRow] = ()) -> int:
    """Make everything here the chapter of this membership, and offer it there. Returns how many operations that is. The caller commits.

    ``cards``: what is still to be decided on.
    """
    for kind in (state.Session, state.LastSync, state.Timeline, state.Places, state.Rebuilding, state.Told, state.Checked, state.Fetching, state.Reach,
                 state.Elsewhere):
        state.drop(connection, kind)
    unseen = moving_cards.fetched_unseen(connection)
    state.keep(connection, state.Carrying(own_replicas(connection), [*cards, *unseen], seen(connection)))
    holding.leave(connection)
    former = [str(one) for one in connection.exec_driver_sql("SELECT id FROM scope").scalars()]
    before = state.read(connection, state.Former) or state.Former([])
    state.keep(connection, state.Former(sorted({*before.scopes, *former} - {membership.scope})))
    join.move_in(connection, membership)
    connection.exec_driver_sql("UPDATE scope SET cursor = 0, chain = '' WHERE id = ?", (membership.scope,))
    connection.exec_driver_sql("DELETE FROM shadow")
    # What the former server answered counts for nothing there; what it refused stays refused.
    connection.exec_driver_sql("UPDATE waiting SET sequence = NULL WHERE sequence IS NOT NULL")
    connection.exec_driver_sql("UPDATE accepted SET sequence = ? WHERE operation IN (SELECT rowid FROM operation WHERE kind = 'put')",
                               (operations.BEFORE_THE_MOVE,))
    offered = sum(_offer(connection, shape, membership.scope) for shape in shapes().values() if shape.name != "chapter" or membership.scope in former)
    return offered + _tell_erased(connection, membership.scope)


def _offer(connection: sa.Connection, shape: Shape, scope: str) -> int:
    """Every row of a table as operations, but for what waits to be sent already."""
    names = ", ".join(f'"{name}"' for name in shape.columns)
    at, action, transaction, in_it, count = _at(), uuid7(), uuid7(), 0, 0
    last = ""
    while True:
        rows = connection.exec_driver_sql(f'SELECT {names} FROM "{shape.name}" WHERE id > ? ORDER BY id LIMIT {_AT_ONCE}', (last,)).mappings().all()
        if not rows:
            return count
        last = rows[-1]["id"]
        waiting = _clocks_waiting(connection, shape.name, rows[0]["id"], last)
        made: list[tuple[Any, ...]] = []
        for row in rows:
            parts = [(clock, fields) for clock, fields in _parts(shape, row) if clock not in waiting[row["id"]]]
            if in_it + len(parts) > TRANSACTION:
                transaction, in_it = uuid7(), 0
            in_it += len(parts)
            audience = row["gathering"] if shape.by_row and row["gathering"] else "chapter"
            made += [(uuid7(), action, CHAPTER_MOVED, transaction, scope, audience, shape.kind, shape.name, row["id"], json_text(fields), "{}", "{}", clock,
                      SCHEMA_VERSION, "load", at) for clock, fields in parts]
        if made:
            connection.exec_driver_sql(_INSERT, made)
        count += len(made)


def _tell_erased(connection: sa.Connection, scope: str) -> int:
    """Who was erased, after all that there is about them: the new server keeps out what a laptop says of them that has not heard of it yet."""
    wanted = connection.exec_driver_sql(
        "SELECT id FROM erased AS e WHERE NOT EXISTS (SELECT 1 FROM operation AS o INDEXED BY operation_row WHERE o.table_name = 'person' AND o.row_id = e.id"
        f" AND o.kind = 'command' AND {fates.WAITS}) ORDER BY id").scalars().all()
    at, action, clock = _at(), uuid7(), Clock()
    made = [(uuid7(), action, CHAPTER_MOVED, uuid7(), scope, "chapter", "command", "person", one, ERASE, "{}", "{}", clock.tick(), SCHEMA_VERSION, "load",
             at) for one in wanted]
    if made:
        connection.exec_driver_sql(_INSERT, made)
    return len(made)


def _parts(shape: Shape, row: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """A row cut by clocks: what was written at one moment is one operation."""
    values = {name: bool(row[name]) if kind == "boolean" and row[name] is not None else row[name] for name, kind in shape.types.items()}
    if shape.kind == "fact":
        if row["clock"]:
            yield plain(row["clock"]), {name: value for name, value in values.items() if value is not None and (name != "gone" or value)}
        return
    clocks = {key: plain(clock) for key, clock in unpack(row["clocks"]).items()}
    together: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, value in values.items():
        clock = clocks.get(shape.clock_keys[name])
        if clock:
            together[clock][name] = value
    if together and values.get("gone") and shape.clock_keys["gone"] not in clocks:  # nobody wrote that: they were erased, and nobody sees them meanwhile
        together[max(together)]["gone"] = True
    yield from sorted(together.items())


def _at() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _clocks_waiting(connection: sa.Connection, table: str, first: str, last: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in connection.exec_driver_sql(f"SELECT row_id, clock FROM operation AS o WHERE table_name = ? AND {fates.WAITS} AND row_id BETWEEN ? AND ?",
                                          (table, first, last)):
        found[row.row_id].add(row.clock)
    return found


def _membership(desk: Desk) -> state.Membership:
    with desk.reading() as connection:
        there = state.read(connection, state.Membership)
    if there is None:
        raise Refused("sync_alone", _("This desk works alone. Join a server with an invitation first."))
    return there


def _send_what_waits(desk: Desk, anyway: bool) -> None:
    with desk.reading() as connection:
        if state.read(connection, state.Elsewhere) is not None:
            return  # another computer's, by a backup: this one is nobody to that server, and goes on from what it has
    try:
        waiting = engine.sync_once(desk).waiting
    except KnownError as problem:
        if not anyway and problem.code != "sync_moved":  # gone before, and all that this server had went with it
            raise Refused("move_unsent", _("The present server does not answer ({reason}), so what other laptops sent it and this one has not "
                                           "fetched cannot go along. Try again when it does, or move anyway with “alumni-desk move URL CODE --anyway”: it "
                                           "is lost then, unless another laptop that has it moves, too."),
                          reason=str(problem).rstrip(".")) from None
        return
    if waiting and not anyway:
        raise Refused("move_waiting", _("The present server has not taken everything yet, so nothing was moved. Sync, then move again."))
    _refuse_set_aside(desk, anyway)


def _refuse_set_aside(desk: Desk, anyway: bool) -> None:
    """What was set aside lies at the present server alone, check-ins among it, and goes when that one goes."""
    try:
        count = sum(one.count for one in set_aside.set_aside(desk))
    except KnownError:
        if anyway:
            return
        raise
    if count:
        raise Refused("move_set_aside", ngettext(
            "{n} change was set aside at the present server and would not go along, so nothing was moved. Look at it first: release it or throw it away, on "
            "the Sync page under Details, or with “alumni-desk set-aside”. Then move again.",
            "{n} changes were set aside at the present server and would not go along, so nothing was moved. Look at them first: release them or throw them "
            "away, on the Sync page under Details, or with “alumni-desk set-aside”. Then move again.", count), n=number(count))


def _key(desk: Desk, url: str, code: str) -> SigningKey:
    """This device's new key, kept before the invitation is used."""
    with desk.applying() as applying:
        joining = state.read(applying.connection, state.Joining)
        if joining is None or short_invitation(joining.code) != short_invitation(code):
            joining = state.Joining(url=url, code=code, key=bytes(SigningKey.generate()))
            state.keep(applying.connection, joining)
    return SigningKey(joining.key)
