"""Invitations made from a laptop: by a leader for volunteers and leaders, by an admin for anybody."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.codes import new_invitation
from alumni_desk.protocol.messages import InvitationsReply, Invited, InviteReply, InviteRequest
from alumni_desk.protocol.values import fits, is_id
from alumni_desk.server import audit, feed
from alumni_desk.server.accounts import Caller, as_name
from alumni_desk.server.invitations import invitation_hash, sealed
from alumni_desk.server.lasting import end_of_door, end_of_invitation
from alumni_desk.server.open_invitations import INVITERS, is_open, may_invite
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server, address_for_laptops, read_state

LONGEST_HOURS = 60 * 24
KEPT = 30 * 24 * 3600 * 1000
"""How long (milliseconds) an invitation that ended is still listed."""

OPEN_AT_ONCE = 500
"""How many of a chapter's invitations may be open; more is a program that runs wild."""

LAST = 253_402_214_400_000
"""The latest moment at which access to a door ends, 31 December 9999: nothing that is later has a date, here or at a desk."""

_MAY_INVITE = {"admin": ("admin", "leader", "door"), "leader": ("leader", "door")}


def look_after(who: Caller, scope: str) -> str:
    """The caller's role in a chapter, if it looks after its people: a leader's or an admin's. Raises Refusal."""
    grant = who.grants.get(scope)
    if grant is None or grant.role not in INVITERS:
        raise Refusal(403, "no_grant")
    return grant.role


def invite(server: Server, who: Caller, message: InviteRequest, now: int) -> InviteReply:
    """Make an invitation; the one that it replaces ends in the same moment."""
    role = look_after(who, message.scope)
    if message.role not in _MAY_INVITE[role]:
        raise Refusal(403, "role")
    if not 1 <= message.hours <= LONGEST_HOURS:
        raise Refusal(400, "hours")
    if message.hand_over and message.role != "leader":
        raise Refusal(400, "role")
    if message.until is not None and (message.role != "door" or message.until <= now):
        raise Refusal(400, "until")
    until = None if message.until is None else min(message.until, LAST)
    code, tables = new_invitation(), server.tables
    table, expires = tables.tables["invitation"], now + message.hours * 3_600_000
    with server.database.writing() as connection:
        feed.lock_head(connection, tables, message.scope)
        if not may_invite(connection, tables, message.scope, who.device):  # it was removed a moment ago
            raise Refusal(403, "no_grant")
        gathering = _see_gathering(connection, tables, message)
        if gathering is not None:
            ends = end_of_door(gathering, until)
            if ends is not None and ends <= now:
                raise Refusal(400, "gathering_over")
            expires = min(end_of_invitation(gathering, expires, now), until or expires)
        if message.replaces is not None:
            _end(connection, tables, message.scope, message.replaces, now, who, must=False)
        there = sa.select(sa.func.count()).select_from(table).where(table.c.scope == message.scope, is_open(table, now))
        if (connection.execute(there).scalar() or 0) >= OPEN_AT_ONCE:
            raise Refusal(429, "too_many_invitations")
        made = invitation_hash(server, code)
        connection.execute(sa.insert(table).values(
            code_hash=made, scope=message.scope, role=message.role, gathering=message.gathering, created_at=now, expires_at=expires,
            name=as_name(message.name) or None, email=as_name(message.email) or None, created_by=who.device,
            succeeds=who.device if message.hand_over else None, until=until))
        details = {"role": message.role, "gathering": message.gathering, "invitation": made, "replaces": message.replaces, "hand_over": message.hand_over}
        audit.note(connection, tables, message.scope, "invite", at=now, device=who.device,
                   details={name: value for name, value in details.items() if value})
        url, _pin = address_for_laptops(read_state(connection, tables))
    return InviteReply(id=made, code=code, url=url, expires=expires, time=now, long=sealed(server, code),
                       access=None if gathering is None else end_of_door(gathering, until))


def _see_gathering(connection: sa.Connection, tables: sa.MetaData, message: InviteRequest) -> sa.Row[Any] | None:
    """A door volunteer is one of a gathering that there is; anybody else is of none. Returns when it is."""
    if (message.role == "door") != (message.gathering is not None):
        raise Refusal(400, "gathering")
    if message.gathering is None:
        return None
    gathering = tables.tables["gathering"]
    found = connection.execute(sa.select(gathering).where(gathering.c.scope == message.scope, gathering.c.id == message.gathering,
                                                          ~gathering.c.gone)).first() if is_id(message.gathering) else None
    if found is None:
        raise Refusal(404, "no_such_gathering")
    return found


def invitations(server: Server, who: Caller, scope: str, now: int) -> InvitationsReply:
    """A chapter's invitations that are open or ended a short while ago."""
    look_after(who, scope)
    table, device, account = (server.tables.tables[name] for name in ("invitation", "device", "account"))
    query = (
        sa.select(table, account.c.name.label("by_who"), device.c.name.label("by_device"))
        .join_from(table, device, device.c.id == table.c.created_by, isouter=True)
        .join(account, account.c.id == device.c.account, isouter=True)
        .where(table.c.scope == scope, sa.or_(table.c.expires_at > now - KEPT, table.c.used_at > now - KEPT))
        .order_by(table.c.created_at.desc(), table.c.code_hash)
    )
    with server.database.reading() as connection:
        rows = connection.execute(query).all()
        makers = {row.created_by for row in rows if row.created_by and row.used_at is None and row.cancelled_at is None}
        gone = {maker for maker in makers if not may_invite(connection, server.tables, scope, maker)}  # by an older server, which ended nothing with them
    found = [Invited(id=row.code_hash, role=row.role, gathering=row.gathering, name=row.name, email=row.email, by=row.by_who or row.by_device,
                     created=row.created_at, expires=row.expires_at, used=row.used_at,
                     cancelled=now if row.cancelled_at is None and row.used_at is None and row.created_by in gone else row.cancelled_at,
                     device=row.device, hand_over=row.succeeds is not None) for row in rows]
    return InvitationsReply(found, now)


def cancel(server: Server, who: Caller, scope: str, invitation: str, now: int) -> InvitationsReply:
    """End an invitation that nobody has used."""
    look_after(who, scope)
    with server.database.writing() as connection:
        feed.lock_head(connection, server.tables, scope)
        if _end(connection, server.tables, scope, invitation, now, who, must=True):
            audit.note(connection, server.tables, scope, "cancel_invitation", at=now, device=who.device, details={"invitation": invitation})
    return invitations(server, who, scope, now)


def _end(connection: sa.Connection, tables: sa.MetaData, scope: str, invitation: str, now: int, who: Caller, *, must: bool) -> bool:
    """End an invitation; False if it had ended. One that the caller might not make is ended by whoever made it, or may. ``must``: it is an error if
    somebody has used it."""
    table = tables.tables["invitation"]
    query = (sa.select(table.c.used_at, table.c.cancelled_at, table.c.role, table.c.created_by)
             .where(table.c.scope == scope, table.c.code_hash == invitation).with_for_update())
    found = connection.execute(query).first() if fits(invitation, "text") else None
    if found is None:
        raise Refusal(404, "no_such_invitation")
    if found.role not in _MAY_INVITE[look_after(who, scope)] and found.created_by != who.device:
        raise Refusal(403, "admin_invitation")
    if found.used_at is not None:
        if must:
            raise Refusal(409, "invitation_used")
        return False
    if found.cancelled_at is not None:
        return False
    connection.execute(sa.update(table).where(table.c.code_hash == invitation).values(cancelled_at=now))
    return True
