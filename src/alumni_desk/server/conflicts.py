"""Conflicts: fields that two people changed without seeing each other, until somebody has decided or 90 days have passed."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import Author, ConflictRow, ConflictsReply, DecideRequest
from alumni_desk.protocol.values import fits, is_id
from alumni_desk.server import audit, feed, overtaken
from alumni_desk.server.accounts import Caller
from alumni_desk.server.bulk import chunks
from alumni_desk.server.clamping import replica
from alumni_desk.server.conflicts_before import take_up
from alumni_desk.server.fitting import that_fit
from alumni_desk.server.inviting import look_after
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server

KEPT = 90 * 24 * 3600 * 1000
"""How long (milliseconds) a value that lost is kept."""

LISTED = 5_000
"""So many are told at most: two leaders who brought the same list with other addresses while apart have five for each of its people."""


def _open(tables: sa.MetaData, scope: str | sa.ColumnElement[str], since: int | sa.BindParameter[int]) -> list[sa.ColumnElement[bool]]:
    table = tables.tables["conflict"]
    return [table.c.scope == scope, table.c.decided_at.is_(None), table.c.made_at > since]


def counting(tables: sa.MetaData, scope: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    """How many are open, as part of a question about scopes with the parameter ``since`` (``KEPT`` ago)."""
    return sa.select(sa.func.count()).select_from(tables.tables["conflict"]).where(*_open(tables, scope, sa.bindparam("since", type_=sa.BigInteger))
                                                                                   ).scalar_subquery()


def conflicts(server: Server, who: Caller, scope: str, now: int) -> ConflictsReply:
    """The open conflicts of a chapter, the newest first."""
    look_after(who, scope)
    table = server.tables.tables["conflict"]
    with server.database.reading() as connection:
        rows = connection.execute(sa.select(table).where(*_open(server.tables, scope, now - KEPT))
                                  .order_by(table.c.made_at.desc(), table.c.operation, table.c.field).limit(LISTED + 1)).all()
        if len(rows) > LISTED:  # an address is five of them, and is told as a whole or not yet
            rows = [row for row in rows if row.operation != rows[-1].operation]
        wrote = _writers(connection, server.tables, scope, {replica(clock) for row in rows for clock in (row.winner_clock, row.loser_clock)})
    told = [_told(row, wrote) for row in rows]
    some = that_fit(told)
    if len(some) < len(told):  # notes of pages: the same
        some = [one for one in some if one.operation != told[len(some)].operation]
    return ConflictsReply(list(some), now)


def _told(row: sa.Row[Any], wrote: dict[str, tuple[str, Author]]) -> ConflictRow:
    (winner_device, winner), (loser_device, loser) = (wrote.get(replica(clock), (None, Author())) for clock in (row.winner_clock, row.loser_clock))
    return ConflictRow(operation=row.operation, field=row.field, table=row.table_name, row=row.row_id, made=row.made_at, winner_clock=row.winner_clock,
                       loser_clock=row.loser_clock, value=msgspec.json.decode(row.loser_value) if row.loser_value is not None else None,
                       winner=winner, loser=loser, winner_device=winner_device, loser_device=loser_device)


def _writers(connection: sa.Connection, tables: sa.MetaData, scope: str, replicas: set[str]) -> dict[str, tuple[str, Author]]:
    """Device and author of each replica."""
    table, device, account = (tables.tables[name] for name in ("replica", "device", "account"))
    found: dict[str, tuple[str, Author]] = {}
    for part in chunks(sorted(replicas)):
        query = (sa.select(table.c.replica, table.c.device, account.c.name.label("who"), device.c.name)
                 .join_from(table, device, device.c.id == table.c.device).join(account, account.c.id == device.c.account, isouter=True)
                 .where(table.c.scope == scope, table.c.replica.in_(part)))
        found.update({row.replica: (row.device, Author(row.who, row.name)) for row in connection.execute(query)})
    return found


def decide(server: Server, who: Caller, message: DecideRequest, now: int) -> ConflictsReply:
    """Note that conflicts were decided on, or are open again; answers with those that are open then. What a server of before knew comes first."""
    role = look_after(who, message.scope)
    if max(len(message.decisions), len(message.kept)) > LISTED:
        raise Refusal(413, "too_many")
    table = server.tables.tables["conflict"]
    with server.database.writing() as connection:
        feed.lock_head(connection, server.tables, message.scope)
        taken = take_up(connection, server.tables, message.scope, message.kept, role=role, device=who.device, since=now - KEPT, now=now)
        if taken:
            audit.note_all(connection, server.tables, message.scope, [
                audit.Note("card", now, who.device, {"operation": operation, "field": field}) for operation, field in taken])
        for one in (one for one in message.decisions if is_id(one.operation) and fits(one.field, "text")):
            changed = connection.execute(sa.update(table).where(
                table.c.scope == message.scope, table.c.operation == one.operation, table.c.field == one.field,
                table.c.decided_at.is_(None) if one.decided else table.c.decided_at.is_not(None)).values(decided_at=now if one.decided else None)).rowcount
            if changed:
                audit.note(connection, server.tables, message.scope, "decide" if one.decided else "reopen", at=now, device=who.device,
                           details={"operation": one.operation, "field": one.field})
    return conflicts(server, who, message.scope, now)


def forget_old(connection: sa.Connection, tables: sa.MetaData, scope: str, now: int) -> int:
    """Values that lost more than 90 days ago are kept no longer, whether anybody decided or not; nor what was heard of any. Returns how many went."""
    table = tables.tables["conflict"]
    heard = overtaken.forget_old(connection, tables, scope, now - KEPT)
    return heard + connection.execute(sa.delete(table).where(table.c.scope == scope, table.c.made_at <= now - KEPT)).rowcount
