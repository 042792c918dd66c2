"""Hello: how far each chapter of a laptop has come, what it may do there and what is wanted of it; a few bytes where that is what it knows already.

``same`` stands for everything that an answer says but the time, for what the laptop said of itself, and for the day, so that certificates stay young.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import PLACES, PROTOCOL, Head, HelloReply, HelloRequest, pack
from alumni_desk.protocol.policy import POLICY_VERSION
from alumni_desk.schema import SCHEMA_VERSION
from alumni_desk.server import accounts, conflicts, feed, set_aside
from alumni_desk.server.bulk import one_of
from alumni_desk.server.devices import keep_news, news_in
from alumni_desk.server.identity import certificates_of, public_key, with_keys
from alumni_desk.server.lasting import lasting
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server

_DAY = 24 * 3600 * 1000
_LOOKED_AFTER = ("admin", "leader")


@dataclass(frozen=True)
class _Scope:
    """Where a chapter stands. ``conflicts``, ``set_aside``: how many wait for somebody who looks after it."""

    head: Head
    backed_up: int
    conflicts: int
    set_aside: int
    removed: Sequence[str] = ()


def greet(server: Server, device: str, message: HelloRequest, now: int) -> HelloReply:
    """Answer a hello."""
    if message.protocol != PROTOCOL:
        raise Refusal(426, "protocol")
    tables = server.tables
    with server.database.reading() as connection:
        who = accounts.caller(server, connection, device, now, removed_too=True)
        scopes = _scopes(connection, tables, who, now)
        grants = [lasting(connection, tables, grant, now) for grant in (*who.grants.values(), *who.left.values())]
        known, news = news_in(connection, tables, device, message, now)
        led = [scope for scope, grant in who.grants.items() if grant.role in _LOOKED_AFTER]
        reply = HelloReply(
            server=server.id, protocols=(PROTOCOL, PROTOCOL), schemas=(1, SCHEMA_VERSION), time=0, policy=POLICY_VERSION,
            grants=[with_keys(server, one) for one in grants], heads={scope: one.head for scope, one in scopes.items()},
            backed_up={scope: one.backed_up for scope, one in scopes.items()}, revoked=sorted({device for one in scopes.values() for device in one.removed}),
            commands=_commands(who), conflicts={scope: count for scope in led if (count := scopes[scope].conflicts)},
            set_aside={scope: count for scope in led if (count := scopes[scope].set_aside)}, server_key=public_key(server))
        same = _name(server, reply, known, now)
        if not message.same:
            unknown = _unknown_places(connection, server, who, message)
            certificates = certificates_of(server, connection, device, [one for one in grants if one.scope in who.grants], now)
            reply = msgspec.structs.replace(reply, time=now, unknown=unknown, certificates=certificates, same=b"" if unknown else same)
    if news is not None:
        keep_news(server, device, news)
    if message.same:
        return HelloReply(time=now, same=same if message.same == same else b"")
    return reply


def _name(server: Server, reply: HelloReply, known: Sequence[Any], now: int) -> bytes:
    said = pack(reply) + msgspec.msgpack.encode([*known, now // _DAY])
    return hashlib.blake2b(said, key=server.secret, person=b"hello", digest_size=12).digest()


def _scopes(connection: sa.Connection, tables: sa.MetaData, who: accounts.Caller, now: int) -> dict[str, _Scope]:
    """Where the caller's chapters stand, in one question."""
    found = {scope: _Scope(Head(sequence=0, chain=""), 0, 0, 0) for scope in who.grants}
    if not found:
        return found
    head = tables.tables["feed_head"]
    query = sa.select(head.c.scope, head.c.head, head.c.chain, head.c.timeline, head.c.backed_up,
                      conflicts.counting(tables, head.c.scope, now).label("conflicts"), set_aside.counting(tables, head.c.scope).label("set_aside"),
                      accounts.removed_from(tables, head.c.scope).label("removed")).where(one_of(connection, head.c.scope, list(found)))
    for row in connection.execute(query):
        found[row.scope] = _Scope(Head(sequence=row.head, chain=row.chain, timeline=row.timeline), row.backed_up or 0, int(row.conflicts),
                                  int(row.set_aside), row.removed.split(",") if row.removed else ())
    return found


def _unknown_places(connection: sa.Connection, server: Server, who: accounts.Caller, message: HelloRequest) -> list[str]:
    """The scopes in which a desk has been where this server never was."""
    if sum(map(len, message.places.values())) > PLACES:
        raise Refusal(413, "too_many")
    return [scope for scope, places in message.places.items()
            if scope in who.grants and not all(feed.is_known(connection, server.tables, scope, place) for place in places)]


def _commands(who: accounts.Caller) -> list[str]:
    """What the laptop is to do: ``wipe`` (it was removed) or ``leave`` (it left, or handed over): send everything, then empty itself. ``ended``: it is over."""
    if who.revoked:
        return ["wipe"]
    if who.gone and not who.grants:
        return ["leave"]
    return ["ended"] if who.left.keys() - who.gone else []
