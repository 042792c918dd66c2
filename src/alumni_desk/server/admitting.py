"""Laptops that were let in at a venue by a leader's: the server learns of them by their chain of certificates."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from alumni_desk.protocol.certificates import CHAIN, LEADING, chain_trouble
from alumni_desk.protocol.messages import Certificate
from alumni_desk.protocol.values import fits, is_id
from alumni_desk.server import audit, feed, journal
from alumni_desk.server.identity import public_key
from alumni_desk.server.state import Server
from alumni_desk.server.tables import EVERY

STILL = 24 * 60 * 60 * 1_000
"""Milliseconds after a leader left or handed over in which those count whom their laptop let in: it may have been on that very evening."""


@dataclass(frozen=True)
class Signer:
    """A device whose signature is to be believed; whether it may say anything is another matter: it may have been removed."""

    device: str
    account: str
    public_key: bytes


def signer_of(server: Server, connection: sa.Connection, device_id: str, chain: Sequence[Certificate], now: int) -> Signer | None:
    """The device that signed: the one that is known, or a new one whose chain holds. The caller commits."""
    if not is_id(device_id):
        return None
    known = _known(server, connection, device_id)
    return _admit(server, connection, chain, now) if known is None and len(chain) == CHAIN and chain[0].device == device_id else known


def _known(server: Server, connection: sa.Connection, device_id: str) -> Signer | None:
    device = server.tables.tables["device"]
    row = connection.execute(sa.select(device).where(device.c.id == device_id)).first()
    return None if row is None else Signer(row.id, row.account, bytes(row.public_key))


def _admit(server: Server, connection: sa.Connection, chain: Sequence[Certificate], now: int) -> Signer | None:
    """Make a device of a chain of two, whose second one is of a leader's laptop that is known here."""
    tables = server.tables.tables
    device, account, grant = tables["device"], tables["account"], tables["grant"]
    one, leader = chain
    if chain_trouble(chain, server=server.id, server_key=public_key(server)) is not None or not is_id(one.gathering) or not is_id(one.scope):
        return None
    if feed.lock_head(connection, server.tables, one.scope) is None:  # before the look: whoever removes the leader's laptop holds it, too
        return None
    if (come := _known(server, connection, one.device)) is not None:  # it came itself, or with another, while we waited
        return come
    known = connection.execute(sa.select(device).where(device.c.id == leader.device)).first()
    taken = connection.execute(sa.select(device.c.id).where(device.c.public_key == one.public_key)).first()
    if known is None or bytes(known.public_key) != leader.public_key or taken is not None or len(one.public_key) != 32:
        return None
    owner = str(uuid.uuid4())
    revoked = known.revoked_at is not None or not _leads(connection, tables, known.account, one.scope, now)
    connection.execute(sa.insert(account).values(id=owner, name=_named(one.who), created_at=now))
    connection.execute(sa.insert(device).values(id=one.device, account=owner, public_key=one.public_key, name=_named(one.name), created_at=now,
                                                revoked_at=now if revoked else None))
    connection.execute(sa.insert(grant).values(scope=one.scope, account=owner, role="door", gathering=one.gathering, created_at=now))
    journal.write(server.journal, server.id, "enrol", at=now, code_hash=f"venue {one.device}", device=one.device, account=owner,
                  public_key=one.public_key.hex(), scope=one.scope, role="door", gathering=one.gathering)
    audit.note(connection, server.tables, one.scope, "let_in", at=now, device=leader.device, details={"device": one.device, "gathering": one.gathering})
    return Signer(one.device, owner, one.public_key)


def _leads(connection: sa.Connection, tables: Mapping[str, sa.Table], account: str, scope: str, now: int) -> bool:
    """Whether somebody leads a chapter, or did a day ago. Their certificate says only that they did when the server last gave them one."""
    grant = tables["grant"]
    return connection.execute(sa.select(grant.c.role).where(
        grant.c.account == account, grant.c.scope.in_((scope, EVERY)), grant.c.role.in_(LEADING),
        *(sa.or_(end.is_(None), end > now - STILL) for end in (grant.c.ended_at, grant.c.until)))).first() is not None


def _named(text: str) -> str | None:
    name = " ".join(text.split())[:200]
    return name if name and fits(name, "text") else None
