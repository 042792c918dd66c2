"""The laptops that joined, for those who look after the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, NotFound
from alumni_desk.protocol.messages import HelloRequest
from alumni_desk.server.accounts import as_name
from alumni_desk.server.lasting import end_of
from alumni_desk.server.state import Server
from alumni_desk.words import _

SEEN_AGAIN = 60 * 1000
"""A laptop that was seen within this time (milliseconds) is not noted again."""

SHORT = 8
"""So many letters of an id may stand for it, where they are of one alone."""


@dataclass(frozen=True)
class DeviceRow:
    """A laptop in one chapter. ``last_seen``: milliseconds since 1970; ``waiting``: changes it has still to send, as far as it has said."""

    id: str
    name: str | None
    who: str | None
    chapter: str | None
    role: str
    last_seen: int | None
    version: str | None
    waiting: int | None
    revoked: bool
    replaced: bool  # the same laptop joined anew, and was not seen as this one since
    left: bool  # its chapter, or handed it over


@dataclass(frozen=True)
class AccountRow:
    """Somebody who joined, in one chapter; ``until`` and ``created_at``: milliseconds since 1970. ``laptop``: the name of one of theirs."""

    id: str
    who: str | None
    chapter: str | None
    role: str
    gathering: str | None
    until: int | None
    created_at: int
    laptops: int
    laptop: str | None


def is_there(tables: sa.MetaData) -> sa.ColumnElement[bool]:
    """Of ``device`` with ``grant``: a laptop that a chapter has; not one that was removed, left, handed over, or joined anew and is another now."""
    device, grant = tables.tables["device"], tables.tables["grant"]
    as_before = device.c.replaced_at.is_(None) | (sa.func.coalesce(device.c.last_seen, 0) > device.c.replaced_at)
    return device.c.revoked_at.is_(None) & grant.c.ended_at.is_(None) & as_before


def laptops_there(connection: sa.Connection, tables: sa.MetaData) -> int:
    """How many laptops some chapter has."""
    device, grant = tables.tables["device"], tables.tables["grant"]
    return int(connection.execute(sa.select(sa.func.count(device.c.id.distinct())).join_from(device, grant, grant.c.account == device.c.account)
                                  .where(is_there(tables))).scalar_one())


def device_rows(server: Server) -> list[DeviceRow]:
    """Every device with each chapter it belongs to, the newest first."""
    device, account, grant, chapter = (server.tables.tables[name] for name in ("device", "account", "grant", "chapter"))
    query = (
        sa.select(device, account.c.name.label("who"), chapter.c.name.label("chapter"), grant.c.role, grant.c.ended_at)
        .join_from(device, grant, grant.c.account == device.c.account)
        .join(account, account.c.id == device.c.account)
        .join(chapter, (chapter.c.scope == grant.c.scope) & (chapter.c.id == grant.c.scope), isouter=True)
        .order_by(device.c.created_at.desc(), device.c.id)
    )
    with server.database.reading() as connection:
        return [DeviceRow(row.id, row.name, row.who, row.chapter, row.role, row.last_seen, row.version, row.waiting, row.revoked_at is not None,
                          row.replaced_at is not None and (row.last_seen or 0) <= row.replaced_at,
                          row.ended_at is not None)
                for row in connection.execute(query)]


def account_rows(server: Server) -> list[AccountRow]:
    """Everybody who joined, with each chapter, the newest first."""
    device, account, grant, chapter = (server.tables.tables[name] for name in ("device", "account", "grant", "chapter"))
    laptops = sa.select(sa.func.count()).where(device.c.account == account.c.id, is_there(server.tables)).scalar_subquery()
    seen, called = (sa.select(sa.func.max(column)).where(device.c.account == account.c.id).scalar_subquery() for column in (device.c.last_seen, device.c.name))
    query = (
        sa.select(account.c.id, account.c.name.label("who"), chapter.c.name.label("chapter"), grant.c.role, grant.c.gathering, grant.c.until,
                  grant.c.created_at, laptops.label("laptops"), grant.c.scope, seen.label("seen"), called.label("laptop"))
        .join_from(account, grant, grant.c.account == account.c.id)
        .join(chapter, (chapter.c.scope == grant.c.scope) & (chapter.c.id == grant.c.scope), isouter=True)
        .order_by(grant.c.created_at.desc(), account.c.id)
    )
    with server.database.reading() as connection:
        return [AccountRow(row.id, row.who, row.chapter, row.role, row.gathering,
                           end_of(connection, server.tables, row, row.scope, row.seen or row.created_at), row.created_at, row.laptops, row.laptop)
                for row in connection.execute(query).all()]


def find_device(connection: sa.Connection, tables: sa.MetaData, text: str) -> sa.Row[Any]:
    """The device with this id, or of this name if there is one alone, else the one whose id begins so. Raises NotFound or Ambiguous."""
    device = tables.tables["device"]
    rows = connection.execute(sa.select(device).where((device.c.id == text) | (device.c.name == text)).order_by(device.c.id)).all()
    if not rows and len(text) >= SHORT:
        rows = connection.execute(sa.select(device).where(device.c.id.startswith(text.lower(), autoescape=True)).order_by(device.c.id)).all()
    if not rows:
        raise NotFound("no_such_laptop", _("No laptop is called “{text}”. See: server devices."), text=text)
    if len(rows) > 1:
        raise Ambiguous("several_laptops", _("{count} laptops are called “{text}”, or have an id that begins so. Give the id of one; server devices lists "
                                             "them."), candidates=[row.id for row in rows], count=len(rows), text=text)
    return rows[0]


def owner_of(connection: sa.Connection, tables: sa.MetaData, account_id: str) -> str | None:
    """What the owner of an account is called, None where nobody has said it yet."""
    account = tables.tables["account"]
    return connection.execute(sa.select(account.c.name).where(account.c.id == account_id)).scalar() or None


def has_left(connection: sa.Connection, tables: sa.MetaData, device_id: str) -> bool:
    """Whether a device has left every chapter that it was in, or handed it over."""
    device, grant = tables.tables["device"], tables.tables["grant"]
    ends = connection.execute(sa.select(grant.c.ended_at).join_from(grant, device, device.c.account == grant.c.account)
                              .where(device.c.id == device_id)).scalars().all()
    return bool(ends) and None not in ends


@dataclass(frozen=True)
class News:
    """What a laptop says of itself that was not known: columns of ``device`` and of ``account``."""

    device: dict[str, Any]
    account: dict[str, Any]


def news_in(known: Any, message: HelloRequest, now: int) -> tuple[list[Any], News | None]:
    """What a laptop has said of itself, this hello included, and what of it is new; None mostly, for it is the commonest call of all.

    ``known``: a row with the device's ``version``, ``device_name``, ``waiting`` and ``last_seen``, and ``who``, the account's name.
    """
    said = {"version": as_name(message.version)[:40] or None, "name": as_name(message.device) or None,
            "waiting": None if message.waiting is None else min(max(message.waiting, 0), 2**62)}
    who = as_name(message.who)
    there = {"version": known.version, "name": known.device_name, "waiting": known.waiting}
    in_all = [there[name] if value is None else value for name, value in said.items()] + [who or known.who]
    news: dict[str, Any] = {name: value for name, value in said.items() if value is not None and value != there[name]}
    if news or (known.last_seen or 0) < now - SEEN_AGAIN:
        news["last_seen"] = now
    of_account = {"name": who} if who and who != known.who else {}
    return in_all, News(news, of_account) if news or of_account else None


def keep_news(server: Server, device_id: str, news: News) -> None:
    """Keep what a laptop said of itself."""
    device, account = server.tables.tables["device"], server.tables.tables["account"]
    with server.database.writing() as connection:
        if news.device:
            connection.execute(sa.update(device).where(device.c.id == device_id).values(**news.device))
        if news.account:
            whose = sa.select(device.c.account).where(device.c.id == device_id).scalar_subquery()
            connection.execute(sa.update(account).where(account.c.id == whose).values(**news.account))


def has_sent(connection: sa.Connection, tables: sa.MetaData, device_id: str, count: int) -> None:
    """So many of the operations that a laptop had to send have come."""
    device = tables.tables["device"]
    left = sa.case((device.c.waiting > count, device.c.waiting - count), else_=0)
    connection.execute(sa.update(device).where(device.c.id == device_id, device.c.waiting > 0).values(waiting=left))
