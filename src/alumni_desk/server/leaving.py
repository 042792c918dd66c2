"""Leaving a chapter, and handing it over: what was made before is still taken, and nothing is given any more."""

from __future__ import annotations

import sqlalchemy as sa

from alumni_desk.protocol.messages import Done
from alumni_desk.server import audit, feed, journal, open_invitations
from alumni_desk.server.accounts import Caller
from alumni_desk.server.devices import is_there
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server
from alumni_desk.server.tables import EVERY


def end_grant(server: Server, connection: sa.Connection, device_id: str, scope: str, now: int, *, event: str, by: str | None) -> None:
    """End a device's access to a chapter, in the journal first: no restore gives it back. The open invitations that it made end, too.

    The caller holds the chapter's head.
    """
    device, grant = server.tables.tables["device"], server.tables.tables["grant"]
    account = connection.execute(sa.select(device.c.account).where(device.c.id == device_id)).scalar()
    mine = (grant.c.account == account, grant.c.scope == scope, grant.c.ended_at.is_(None))
    if account is None or connection.execute(sa.select(grant.c.role).where(*mine)).first() is None:
        return  # it has ended already, or it is an admin's, which is not one chapter's to end
    journal.write(server.journal, server.id, "leave", at=now, account=account, scope=scope)
    connection.execute(sa.update(grant).where(*mine).values(ended_at=now))
    ended = open_invitations.end_made_by(connection, server.tables, scope, device_id, now)
    audit.note(connection, server.tables, scope, event, at=now, device=by, details={"device": device_id, **({"invitations": ended} if ended else {})})


def leave(server: Server, who: Caller, scope: str, now: int) -> Done:
    """The calling laptop leaves. The last one that looks after a chapter, a leader's or an admin's, hands it over instead."""
    if scope in who.left:
        return Done(now)
    if scope not in who.grants:
        raise Refusal(403, "no_grant")
    with server.database.writing() as connection:
        feed.lock_head(connection, server.tables, scope)
        if who.grants[scope].role in open_invitations.INVITERS and not _others_lead(connection, server.tables, scope, who.device):
            raise Refusal(409, "last_leader")
        end_grant(server, connection, who.device, scope, now, event="leave", by=who.device)
    return Done(now)


def _others_lead(connection: sa.Connection, tables: sa.MetaData, scope: str, but: str) -> bool:
    device, grant = tables.tables["device"], tables.tables["grant"]
    query = (sa.select(device.c.id).join_from(grant, device, device.c.account == grant.c.account)
             .where(grant.c.scope.in_((scope, EVERY)), grant.c.role.in_(open_invitations.INVITERS), is_there(tables), device.c.id != but).limit(1))
    return connection.execute(query).first() is not None
