"""The server's identity and the keys that it gives with grants: all derived from its secret, so that every process and every restore has the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import msgspec
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.protocol.certificates import LEADING, certify
from alumni_desk.protocol.messages import Certificate, EnrolReply, Grant
from alumni_desk.protocol.venue_keys import Keys, gathering_key
from alumni_desk.server.state import Server

LEADER_LASTS = 60 * 24 * 3600 * 1000
"""How long a leader's certificate holds from its issue (milliseconds): every contact brings a new one."""


def identity(server: Server) -> SigningKey:
    """The key that the server signs certificates with."""
    return _identity(server.secret)


@lru_cache(maxsize=8)
def _identity(secret: bytes) -> SigningKey:
    return SigningKey(hashlib.blake2b(key=secret, person=b"identity", digest_size=32).digest())


def public_key(server: Server) -> bytes:
    """What its certificates are verified with."""
    return bytes(identity(server).verify_key)


def chapter_key(server: Server, scope: str) -> bytes:
    """The private key (X25519) of a chapter: its leaders' and the server's."""
    return hashlib.blake2b(scope.encode(), key=server.secret, person=b"chapter", digest_size=32).digest()


def keys_for(server: Server, scope: str) -> Keys:
    """What opens everything of a chapter."""
    return Keys(chapter=chapter_key(server, scope))


def with_keys(server: Server, grant: Grant) -> Grant:
    """A grant with the keys that go with its role."""
    chapter = chapter_key(server, grant.scope)
    if grant.role in LEADING:
        return msgspec.structs.replace(grant, keys={"chapter": chapter})
    keys = {"chapter_public": Keys(chapter=chapter).public()}
    if grant.gathering is not None:
        keys["gathering"] = gathering_key(chapter, grant.gathering)
    return msgspec.structs.replace(grant, keys=keys)


def certificates_of(server: Server, connection: sa.Connection, device_id: str, grants: Sequence[Grant], now: int) -> list[Certificate]:
    """A certificate for each of a device's grants, for those whom it meets where there is no internet."""
    device, account = server.tables.tables["device"], server.tables.tables["account"]
    row = connection.execute(sa.select(device.c.public_key, device.c.name, account.c.name.label("who"))
                             .join_from(device, account, account.c.id == device.c.account).where(device.c.id == device_id)).one()
    key = identity(server)
    return [certify(key, server=server.id, device=device_id, public_key=bytes(row.public_key), who=row.who or "", name=row.name or "", scope=one.scope,
                    role=one.role, gathering=one.gathering, until=_until(one, now), issued=now) for one in grants]


def _until(grant: Grant, now: int) -> int | None:
    if grant.until is not None:
        return int(datetime.fromisoformat(grant.until).timestamp() * 1000)
    return now + LEADER_LASTS


def enrolled(server: Server, reply: EnrolReply, now: int, *, kept: bool = False) -> EnrolReply:
    """The answer to a new device, with everything that it meets others with, and finds this server by if it is ``kept`` on a laptop; whoever only looks
    gets nothing of it."""
    if not reply.device:
        return reply
    with server.database.reading() as connection:
        certificates = certificates_of(server, connection, reply.device, reply.grants, now)
    return msgspec.structs.replace(reply, server_key=public_key(server), certificates=certificates, grants=[with_keys(server, one) for one in reply.grants],
                                   kept=kept)
