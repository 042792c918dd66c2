"""Leaving a chapter, and handing it over: what was made before is still taken, and nothing is given any more."""

from __future__ import annotations

import sqlalchemy as sa

from alumni_desk.protocol.messages import Done
from alumni_desk.server import audit, feed, journal, open_invitations
from alumni_desk.server.accounts import Caller, chapters_of
from alumni_desk.server.devices import is_there
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server
from alumni_desk.server.tables import EVERY


def end_grant(server: Server, connection: sa.Connection, device_id: str, scope: str, now: int, *, event: str, by: str | None) -> None:
    """End a device's access to a chapter, in the journal first: no restore gives it back. The open invitations that it made end, too.

    An admin's ends in every chapter, for whoever leaves or hands over empties the laptop. The caller holds the heads of ``concerned``.
    """
    device, grant = server.tables.tables["device"], server.tables.tables["grant"]
    account = connection.execute(sa.select(device.c.account).where(device.c.id == device_id)).scalar()
    mine = (grant.c.account == account, grant.c.scope.in_((scope, EVERY)), grant.c.ended_at.is_(None))
    ending = connection.execute(sa.select(grant.c.scope).where(*mine).order_by(grant.c.scope)).scalars().all()
    if not ending:
        return  # it has ended already
    for one in ending:
        journal.write(server.journal, server.id, "leave", at=now, account=account, scope=one)
    connection.execute(sa.update(grant).where(*mine).values(ended_at=now))
    for one in concerned(connection, server.tables, scope, device_id) if EVERY in ending else [scope]:
        ended = open_invitations.end_made_by(connection, server.tables, one, device_id, now)
        audit.note(connection, server.tables, one, event, at=now, device=by, details={"device": device_id, **({"invitations": ended} if ended else {})})


def concerned(connection: sa.Connection, tables: sa.MetaData, scope: str, device_id: str | None) -> list[str]:
    """The chapters of a device that leaves this one or hands it over, in the order in which their heads are locked."""
    return sorted({scope, *(chapters_of(connection, tables, device_id) if device_id else ())})


def leave(server: Server, who: Caller, scope: str, now: int) -> Done:
    """The calling laptop leaves. The last one that looks after a chapter, a leader's or an admin's, hands it over instead."""
    if scope in who.left:
        return Done(now)
    if scope not in who.grants:
        raise Refusal(403, "no_grant")
    with server.database.writing() as connection:
        for one in concerned(connection, server.tables, scope, who.device):
            feed.lock_head(connection, server.tables, one)
        if who.grants[scope].role in open_invitations.INVITERS and not _others_lead(connection, server.tables, scope, who.device):
            raise Refusal(409, "last_leader")
        end_grant(server, connection, who.device, scope, now, event="leave", by=who.device)
    return Done(now)


def _others_lead(connection: sa.Connection, tables: sa.MetaData, scope: str, but: str) -> bool:
    device, grant = tables.tables["device"], tables.tables["grant"]
    query = (sa.select(device.c.id).join_from(grant, device, device.c.account == grant.c.account)
             .where(grant.c.scope.in_((scope, EVERY)), grant.c.role.in_(open_invitations.INVITERS), is_there(tables), device.c.id != but).limit(1))
    return connection.execute(query).first() is not None
