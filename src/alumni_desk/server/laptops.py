"""The laptops of a chapter, as its leaders see them."""

from __future__ import annotations

import sqlalchemy as sa

from alumni_desk.protocol.messages import LaptopRow, LaptopsReply
from alumni_desk.server.accounts import Caller
from alumni_desk.server.inviting import look_after
from alumni_desk.server.lasting import end_of
from alumni_desk.server.open_invitations import made_by
from alumni_desk.server.state import Server


def laptops(server: Server, who: Caller, scope: str, now: int) -> LaptopsReply:
    """Every laptop of a chapter, an admin's among them, those seen last first."""
    look_after(who, scope)
    device, account, grant, quarantine = (server.tables.tables[name] for name in ("device", "account", "grant", "quarantine"))
    aside = (sa.select(quarantine.c.device, sa.func.sum(quarantine.c.operations).label("n"))
             .where(quarantine.c.scope == scope, quarantine.c.released_at.is_(None)).group_by(quarantine.c.device).subquery())
    query = (
        sa.select(device, account.c.name.label("who"), grant.c.role, grant.c.gathering, grant.c.until, grant.c.ended_at, aside.c.n.label("set_aside"),
                  made_by(server.tables, scope, device, grant, now).label("invitations"))
        .join_from(device, grant, grant.c.account == device.c.account)
        .join(account, account.c.id == device.c.account)
        .join(aside, aside.c.device == device.c.id, isouter=True)
        .where(grant.c.scope.in_((scope, "*")))
        .order_by(sa.func.coalesce(device.c.last_seen, device.c.created_at).desc(), device.c.id)
    )
    with server.database.reading() as connection:
        return LaptopsReply([LaptopRow(
            device=row.id, name=row.name, who=row.who, role=row.role, gathering=row.gathering, last_seen=row.last_seen,
            waiting=row.waiting, until=end_of(connection, server.tables, row, scope, row.last_seen or row.created_at), version=row.version,
            revoked=row.revoked_at, ended=row.ended_at, set_aside=int(row.set_aside or 0), invitations=row.invitations,
            replaced=row.replaced_at if (row.last_seen or 0) <= (row.replaced_at or 0) else None) for row in connection.execute(query).all()], now)
