"""Hello: how far each chapter of a laptop has come, what it may do there and what is wanted of it; a few bytes where that is what it knows already.

``same`` stands for everything that an answer says but the time, for what the laptop said of itself, and for the day, so that certificates stay young.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import PLACES, PROTOCOL, Grant, Head, HelloReply, HelloRequest, pack
from alumni_desk.protocol.policy import POLICY_VERSION
from alumni_desk.protocol.removals import sign_removals
from alumni_desk.schema import SCHEMA_VERSION
from alumni_desk.server import accounts, conflicts, feed, set_aside
from alumni_desk.server.asking import rows_of
from alumni_desk.server.devices import News, keep_news, news_in
from alumni_desk.server.identity import certificates_of, identity, public_key, with_keys
from alumni_desk.server.lasting import lasting
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server

_DAY = 24 * 3600 * 1000
_LOOKED_AFTER = ("admin", "leader")


_KEPT = 1_000
_NAMES: WeakKeyDictionary[Server, OrderedDict[str, tuple[int, Sequence[Any], bytes]]] = WeakKeyDictionary()
_ENDS: WeakKeyDictionary[Server, OrderedDict[tuple[Any, ...], str | None]] = WeakKeyDictionary()


def greet(server: Server, device: str, message: HelloRequest, now: int, *, kept: bool = False) -> HelloReply:
    """Answer a hello. ``kept``: by the laptop that keeps the chapter."""
    if message.protocol != PROTOCOL:
        raise Refusal(426, "protocol")
    question = _question(server.tables)
    if message.same:
        with server.database.asking() as connection:
            rows = rows_of(connection, question, device=device, since=now - conflicts.KEPT)
            same, news = _named_as(server, connection, rows, device, message, now)
        reply = HelloReply(time=now, same=same if message.same == same else b"")
    else:
        with server.database.reading() as connection:
            rows = rows_of(connection, question, device=device, since=now - conflicts.KEPT)
            reply, same, news = _said(server, connection, rows, device, message, now)
            had = accounts.chapters_of(connection, server.tables, device) if "wipe" in reply.commands else frozenset()
            unknown = _unknown_places(connection, server, {*(one.scope for one in reply.grants), *had}, message)
            if had:  # a removed laptop offers again what a restored server has lost, and only that
                reply.backed_up.update((scope, feed.backed_up(connection, server.tables, scope)) for scope in had)
            certificates = certificates_of(server, connection, device, [one for one in reply.grants if one.scope in reply.heads], now)
            removals = [sign_removals(identity(server), server=server.id, scope=scope, issued=now, devices=gone) for scope, gone in _removed(rows).items()
                        if scope in reply.heads]
        reply = msgspec.structs.replace(reply, time=now, unknown=unknown, certificates=certificates, removals=removals, same=b"" if unknown else same,
                                        kept=kept)
    if news is not None:
        keep_news(server, device, news)
    return reply


def _named_as(server: Server, connection: sa.Connection, rows: Sequence[Any], device: str, message: HelloRequest, now: int) -> tuple[bytes, News | None]:
    """What the whole answer would be named by, and the laptop's news. Worked out once, as long as the database says the same and it is the same day."""
    if message != HelloRequest(same=message.same) or any(row.revoked_at is not None or row.until is not None or row.gathering is not None for row in rows):
        _reply, same, news = _said(server, connection, rows, device, message, now)
        return same, news
    names = _NAMES.setdefault(server, OrderedDict())
    kept = names.get(device)
    if kept is not None and kept[:2] == (now // _DAY, rows):
        return kept[2], news_in(rows[0], message, now)[1]
    _reply, same, news = _said(server, connection, rows, device, message, now)
    names[device] = (now // _DAY, rows, same)
    if len(names) > _KEPT:
        names.popitem(last=False)
    return same, news


def _said(server: Server, connection: sa.Connection, rows: Sequence[Any], device: str, message: HelloRequest,
          now: int) -> tuple[HelloReply, bytes, News | None]:
    """The answer but for what is of this moment, its name, and what the laptop said that is new."""
    who = accounts.caller_in(rows, device, now, removed_too=True)
    scopes = {row.of or row.scope: row for row in rows if (row.of or row.scope) in who.grants}
    heads = {scope: Head(row.head or 0, row.chain or "", row.timeline or "") for scope, row in scopes.items()}
    led = [scope for scope, grant in who.grants.items() if grant.role in _LOOKED_AFTER]
    told = who.grants.keys() | who.left.keys()
    grants = [_lasting(server, connection, grant, heads.get(grant.scope), now) for grant in (*who.grants.values(), *who.left.values())]
    reply = HelloReply(
        server=server.id, protocols=(PROTOCOL, PROTOCOL), schemas=(1, SCHEMA_VERSION), time=0, policy=POLICY_VERSION,
        grants=[with_keys(server, one) for one in grants], heads=heads, backed_up={row.of or row.scope: row.backed_up or 0 for row in rows
                                                                                    if (row.of or row.scope) in told},
        revoked=sorted({one for gone in _removed(scopes.values()).values() for one in gone}), commands=_commands(who),
        conflicts={scope: int(scopes[scope].conflicts) for scope in led if scopes[scope].conflicts},
        set_aside={scope: int(scopes[scope].set_aside) for scope in led if scopes[scope].set_aside}, server_key=public_key(server))
    known, news = news_in(rows[0], message, now)
    return reply, _name(server, reply, known, now), news


def _removed(rows: Iterable[Any]) -> dict[str, list[str]]:
    """The removed laptops of each chapter that has any."""
    return {row.of or row.scope: row.removed.split(",") for row in rows if row.removed}


def _lasting(server: Server, connection: sa.Connection, grant: Grant, head: Head | None, now: int) -> Grant:
    """The grant with its end as of this contact; worked out once a day as long as the chapter's feed, and with it every gathering, stands still."""
    if head is None:
        return lasting(connection, server.tables, grant, now)
    key = (grant.scope, grant.role, grant.until, head, now // _DAY)
    ends = _ENDS.setdefault(server, OrderedDict())
    if key not in ends:
        ends[key] = lasting(connection, server.tables, grant, now).until
        while len(ends) > _KEPT:
            ends.popitem(last=False)
    return msgspec.structs.replace(grant, until=ends[key])


def _name(server: Server, reply: HelloReply, known: Sequence[Any], now: int) -> bytes:
    said = pack(reply) + msgspec.msgpack.encode([*known, now // _DAY])
    return hashlib.blake2b(said, key=server.secret, person=b"hello", digest_size=12).digest()


@lru_cache(maxsize=8)
def _question(tables: sa.MetaData) -> sa.Select[Any]:
    """All that a hello asks the database, put together once. Its parameters: ``device``, and ``since`` when conflicts count."""
    device, account, grant, chapter, head = (tables.tables[name] for name in ("device", "account", "grant", "chapter", "feed_head"))
    return (accounts.of_device(tables)
            .add_columns(device.c.version, device.c.name.label("device_name"), device.c.last_seen, account.c.name.label("who"),
                         head.c.head, head.c.chain, head.c.timeline, head.c.backed_up,
                         conflicts.counting(tables, head.c.scope).label("conflicts"), set_aside.counting(tables, head.c.scope).label("set_aside"),
                         accounts.removed_from(tables, head.c.scope).label("removed"))
            .join(account, account.c.id == device.c.account, isouter=True)
            .join(head, head.c.scope == sa.func.coalesce(chapter.c.scope, grant.c.scope), isouter=True))


def _unknown_places(connection: sa.Connection, server: Server, scopes: Collection[str], message: HelloRequest) -> list[str]:
    """The scopes in which a desk has been where this server never was."""
    if sum(map(len, message.places.values())) > PLACES:
        raise Refusal(413, "too_many")
    return [scope for scope, places in message.places.items()
            if scope in scopes and not all(feed.is_known(connection, server.tables, scope, place) for place in places)]


def _commands(who: accounts.Caller) -> list[str]:
    """What the laptop is to do: ``wipe`` (it was removed) or ``leave`` (it left, or handed over): send everything, then empty itself. ``ended``: it is over."""
    if who.revoked:
        return ["wipe"]
    if who.gone and not who.grants:
        return ["leave"]
    return ["ended"] if who.left.keys() - who.gone else []
