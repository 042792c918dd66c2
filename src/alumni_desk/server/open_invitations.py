"""Invitations that nobody has used: whether they are open, and how they end with the access of the laptop that made them."""

from __future__ import annotations

import sqlalchemy as sa

INVITERS = ("admin", "leader")
"""The roles that invite."""


def is_open(table: sa.FromClause, now: int) -> sa.ColumnElement[bool]:
    """Whether an invitation can be used at this moment (milliseconds since 1970), as part of a question."""
    return table.c.used_at.is_(None) & table.c.cancelled_at.is_(None) & (table.c.expires_at >= now)


def end_made_by(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, now: int) -> list[str]:
    """End what a laptop has made and nobody has used yet, its access ends; returns the ids, for the audit. The caller holds the chapter's head."""
    table = tables.tables["invitation"]
    mine = (table.c.scope == scope, table.c.created_by == device, is_open(table, now))
    ended = [str(one) for one in connection.execute(sa.select(table.c.code_hash).where(*mine).order_by(table.c.code_hash).with_for_update()).scalars()]
    if ended:
        connection.execute(sa.update(table).where(*mine).values(cancelled_at=now))
    return ended


def may_invite(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str) -> bool:
    """Whether a laptop looks after a chapter at this moment: what it has made lets nobody in otherwise. Sure only under the chapter's head."""
    there, grant = tables.tables["device"], tables.tables["grant"]
    query = (sa.select(grant.c.scope, grant.c.role).join_from(there, grant, grant.c.account == there.c.account)
             .where(there.c.id == device, there.c.revoked_at.is_(None), grant.c.scope.in_((scope, "*")), grant.c.ended_at.is_(None)))
    roles = {row.scope: row.role for row in connection.execute(query)}
    return roles.get(scope, roles.get("*")) in INVITERS


def hand_to(connection: sa.Connection, tables: sa.MetaData, former: str, device: str, now: int) -> None:
    """What a laptop made before it joined anew is its own still, so that it ends with what it is now; and so is its term, which it hands over by one."""
    table = tables.tables["invitation"]
    for column in (table.c.created_by, table.c.succeeds):
        connection.execute(sa.update(table).where(column == former, is_open(table, now)).values({column: device}))


def made_by(tables: sa.MetaData, scope: str, device: sa.FromClause, grant: sa.FromClause, now: int) -> sa.ScalarSelect[int]:
    """How many open invitations each laptop has made, or how many ended with its access, as part of a question about laptops."""
    table = tables.tables["invitation"]
    here = device.c.revoked_at.is_(None) & grant.c.ended_at.is_(None)
    with_it = table.c.used_at.is_(None) & ((table.c.cancelled_at == device.c.revoked_at) | (table.c.cancelled_at == grant.c.ended_at))
    return (sa.select(sa.func.count()).select_from(table)
            .where(table.c.scope == scope, table.c.created_by == device.c.id, (here & is_open(table, now)) | with_it).scalar_subquery())
