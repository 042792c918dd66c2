"""Devices and what they may do: sessions, grants, removal. Tokens are sealed, so any process can read them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid
from collections import namedtuple
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.messages import (
    ChallengeReply,
    ChallengeRequest,
    EnrolRequest,
    Grant,
    SessionReply,
    SessionRequest,
)
from alumni_desk.protocol.proofs import is_session_proof
from alumni_desk.protocol.values import is_id
from alumni_desk.server import admitting, audit, feed, journal, open_invitations
from alumni_desk.server.asking import rows_of
from alumni_desk.server.lasting import end_of_door, is_over
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server
from alumni_desk.server.tables import EVERY

CHALLENGE_LASTS = 60 * 1000
TOKEN_LASTS = 60 * 60 * 1000
_MOMENT, _SEAL = 6, 17
_LETTERS = (16 + _MOMENT + _SEAL) // 3 * 4
"""Bytes of a token beside the device: when it ends, and its seal; in all a multiple of three, so that nothing is filled up. It goes with every call."""


@dataclass(frozen=True)
class Caller:
    """The device behind a request, with its grants by scope."""

    device: str
    public_key: bytes
    grants: dict[str, Grant]
    waiting: int = 0  # operations that it said it had still to send
    revoked: bool = False  # it was removed: what it sends is set aside, and it is told to empty itself
    left: dict[str, Grant] = field(default_factory=dict)  # what has ended: what it made there is taken, nothing is given
    gone: frozenset[str] = frozenset()  # of those the chapters that it left or handed over: it is told to empty itself


def new_device(connection: sa.Connection, tables: sa.MetaData, request: EnrolRequest, now: int) -> tuple[str, str]:
    """A device of a new account; returns both ids."""
    device_id, account = str(uuid.uuid4()), str(uuid.uuid4())
    connection.execute(sa.insert(tables.tables["account"]).values(id=account, created_at=now))  # hello says who
    connection.execute(sa.insert(tables.tables["device"]).values(id=device_id, account=account, public_key=request.public_key, name=as_name(request.name),
                                                                 created_at=now, last_seen=now))
    return device_id, account


def as_name(text: str) -> str:
    """A name as it is kept: one line of at most 200 letters that every database takes."""
    return " ".join(text.replace("\0", " ").split())[:200]


def grants_of(connection: sa.Connection, tables: sa.MetaData, account: str, *, ended: bool = False) -> list[Grant]:
    """What an account may do, chapter by chapter; ``ended``: what it might do before it left or handed over instead."""
    grant, chapter, gathering = (tables.tables[name] for name in ("grant", "chapter", "gathering"))
    query = (sa.select(grant, chapter.c.name, chapter.c.scope.label("of"), gathering.c.starts, gathering.c.ends, gathering.c.time_zone)
             .join_from(grant, chapter, _its_chapter(grant, chapter), isouter=True)
             .join(gathering, (gathering.c.scope == grant.c.scope) & (gathering.c.id == grant.c.gathering), isouter=True)
             .where(grant.c.account == account, grant.c.ended_at.is_not(None) if ended else grant.c.ended_at.is_(None)))
    return list(_by_scope(sorted(connection.execute(query).all(), key=lambda one: bool(one.scope != EVERY))).values())


def _its_chapter(grant: sa.Table, chapter: sa.Table) -> sa.ColumnElement[bool]:
    """The chapter's own row; of a grant for all, those that are still there."""
    return (chapter.c.id == chapter.c.scope) & _reached(chapter.c.scope, grant) & sa.or_(grant.c.scope != EVERY, ~chapter.c.gone)


def _reached(scope: sa.ColumnElement[str], grant: sa.Table) -> sa.ColumnElement[bool]:
    """The scopes that a grant is for, as a stretch of their index: its own, or from the first to the last. A plain “or” would go through every chapter."""
    first, last = (sa.case((grant.c.scope == EVERY, sa.literal_column(f"'{end}'")), else_=grant.c.scope) for end in ("", "z"))
    return (scope >= first) & (scope <= last)


def moment_of(milliseconds: int | None) -> str | None:
    """When a grant ends: as the server's table says, at a door when the gathering does, for leaders as each contact says anew (``lasting``)."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def removed_from(tables: sa.MetaData, scope: sa.ColumnElement[str]) -> sa.ScalarSelect[str]:
    """The removed devices of a chapter, joined by commas, as part of a question about scopes: laptops that meet refuse them."""
    device, grant = tables.tables["device"], tables.tables["grant"]
    return (sa.select(sa.func.aggregate_strings(device.c.id, ",")).join_from(device, grant, grant.c.account == device.c.account)
            .where(grant.c.scope == scope, device.c.revoked_at.is_not(None)).scalar_subquery())


def _seal(server: Server, purpose: bytes, data: bytes) -> bytes:
    return hmac.digest(server.secret, purpose + b"\0" + data, hashlib.sha256)


def challenge(server: Server, request: ChallengeRequest, now: int) -> ChallengeReply:
    """Something for a device to sign. It says nothing about whether the device exists."""
    data = secrets.token_bytes(16) + (now + CHALLENGE_LASTS).to_bytes(8, "big")
    return ChallengeReply(challenge=data + _seal(server, b"challenge", data + request.device.encode()), server=server.id, time=now)


def begin_session(server: Server, request: SessionRequest, now: int) -> SessionReply:
    """A token for an hour, for a device that signed a challenge of ours."""
    data, seal = request.challenge[:24], request.challenge[24:]
    if len(data) != 24 or not hmac.compare_digest(seal, _seal(server, b"challenge", data + request.device.encode())):
        raise Refusal(403, "forged")
    if int.from_bytes(data[16:], "big") < now:
        raise Refusal(403, "challenge_expired")
    device = server.tables.tables["device"]
    with server.database.writing() as connection:
        row = connection.execute(sa.select(device).where(device.c.id == request.device)).first() if is_id(request.device) else None
        if row is None and request.chain and _proves(request, server.id, request.chain[0].public_key):
            admitting.signer_of(server, connection, request.device, request.chain, now)
            row = connection.execute(sa.select(device).where(device.c.id == request.device)).first()
        if row is None or not is_session_proof(request.signature, bytes(row.public_key), server=server.id, device=request.device,
                                               challenge=request.challenge):
            raise Refusal(403, "forged")
        connection.execute(sa.update(device).where(device.c.id == request.device).values(last_seen=now))
    expires = now + TOKEN_LASTS
    content = uuid.UUID(request.device).bytes + expires.to_bytes(_MOMENT, "big")
    token = base64.urlsafe_b64encode(content + _seal(server, b"token", content)[:_SEAL]).decode()
    return SessionReply(token=token, expires=expires, time=now)


def _proves(request: SessionRequest, server: str, public_key: bytes) -> bool:
    return is_session_proof(request.signature, public_key, server=server, device=request.device, challenge=request.challenge)


def token_device(server: Server, token: str, now: int) -> str:
    """Whose token this is, by its seal alone: costs nothing, and says nothing about whether the device was removed."""
    found = _opened(server, token) if len(token) == _LETTERS else None
    if found is None or found[1] < now:
        raise Refusal(401, "no_session")
    return found[0]


@lru_cache(maxsize=10_000)
def _opened(server: Server, token: str) -> tuple[str, int] | None:
    """The device in a token and when it ends; None if it is none of ours. A laptop shows the same one for an hour."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii"))
    except (ValueError, UnicodeError):
        return None
    content, seal = raw[:-_SEAL], raw[-_SEAL:]
    if len(content) != 16 + _MOMENT or base64.urlsafe_b64encode(raw).decode() != token:  # decoding passes over letters that do not belong
        return None
    if not hmac.compare_digest(seal, _seal(server, b"token", content)[:_SEAL]):
        return None
    return str(uuid.UUID(bytes=content[:16])), int.from_bytes(content[16:], "big")


def caller(server: Server, connection: sa.Connection, device_id: str, now: int, *, removed_too: bool = False) -> Caller:
    """The device of a token with its grants; asks at every call whether it was removed. ``removed_too``: the call is open to those."""
    return caller_in(rows_of(connection, of_device(server.tables), device=device_id), device_id, now, removed_too=removed_too)


def caller_in(rows: Sequence[sa.Row[Any]], device_id: str, now: int, *, removed_too: bool = False) -> Caller:
    """The same from what ``of_device`` found."""
    if not rows:  # the server was put back to a day before it came, whoever gave it this token: nobody has removed it
        raise Refusal(401, "no_session")
    found = _caller(device_id, rows, now)
    if found.revoked and not removed_too:
        raise Refusal(403, "revoked")
    return found


@lru_cache(maxsize=8)
def question_of(tables: sa.MetaData, dialect: sa.Dialect) -> str:
    """The same of many devices, as ``asking`` has it. Its parameter: their ids."""
    text = str(_with_grants(tables).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    return f"{text} WHERE device.id IN ?"


def callers_from(tables: sa.MetaData, found: Iterable[Sequence[Any]], now: int) -> dict[str, Caller]:
    """Whom it found; those that are not known are left out, those that were removed say so."""
    form = _form(tables)
    rows: dict[str, list[Any]] = {}
    for each in found:
        row = form(*each)
        rows.setdefault(row.device, []).append(row)
    return {name: _caller(name, its, now) for name, its in rows.items()}


@lru_cache(maxsize=8)
def _form(tables: sa.MetaData) -> Any:
    return namedtuple("DeviceWithGrant", _with_grants(tables).selected_columns.keys())


@lru_cache(maxsize=8)
def of_device(tables: sa.MetaData) -> sa.Select[Any]:
    """A device with each of its grants and whatever says how long those last: one question, put together once. Its parameter: ``device``."""
    return _with_grants(tables).where(tables.tables["device"].c.id == sa.bindparam("device"))


@lru_cache(maxsize=8)
def _with_grants(tables: sa.MetaData) -> sa.Select[Any]:
    device, grant, chapter, gathering = (tables.tables[name] for name in ("device", "grant", "chapter", "gathering"))
    return (sa.select(device.c.id.label("device"), device.c.public_key, device.c.waiting, device.c.revoked_at, grant.c.scope, grant.c.role,
                      grant.c.gathering, grant.c.until, grant.c.ended_at, chapter.c.name, chapter.c.scope.label("of"),
                      gathering.c.starts, gathering.c.ends, gathering.c.time_zone)
            .join_from(device, grant, grant.c.account == device.c.account, isouter=True).join(chapter, _its_chapter(grant, chapter), isouter=True)
            .join(gathering, (gathering.c.scope == grant.c.scope) & (gathering.c.id == grant.c.gathering), isouter=True))


def _caller(device_id: str, rows: Sequence[Any], now: int) -> Caller:
    first = rows[0]
    if first.revoked_at is not None:
        return Caller(device=device_id, public_key=bytes(first.public_key), grants={}, waiting=first.waiting or 0, revoked=True)
    grants, gone = _granted(tuple(row for row in rows if row.scope is not None))
    over = {scope: grant for scope, grant in grants.items() if is_over(grant, now)}
    return Caller(device=device_id, public_key=bytes(first.public_key), grants={scope: grant for scope, grant in grants.items() if scope not in over},
                  waiting=first.waiting or 0, left={**gone, **over}, gone=frozenset(gone))


@lru_cache(maxsize=5_000)
def _granted(rows: Sequence[Any]) -> tuple[dict[str, Grant], dict[str, Grant]]:
    """The grants in these rows, and those that had ended before. Put together once, until a row says something else: nobody may change them."""
    rows = sorted(rows, key=lambda one: bool(one.scope != EVERY))
    grants, gone = (_by_scope(row for row in rows if (row.ended_at is not None) is ended) for ended in (False, True))
    return grants, {scope: grant for scope, grant in gone.items() if scope not in grants}


def _by_scope(rows: Iterable[Any]) -> dict[str, Grant]:
    """Grants chapter by chapter; a chapter's own comes after the one for all, and counts."""
    found = {}
    for row in rows:
        scope = row.of or row.scope
        if scope != EVERY:
            until = row.until if row.gathering is None else end_of_door(row, row.until)
            found[scope] = Grant(scope=scope, scope_name=row.name or "", role=row.role, gathering=row.gathering, until=moment_of(until))
    return {scope: found[scope] for scope in sorted(found)}


def chapters_of(connection: sa.Connection, tables: sa.MetaData, device_id: str) -> list[str]:
    """The chapters that a device belongs to, an admin's every one."""
    device, grant, head = tables.tables["device"], tables.tables["grant"], tables.tables["feed_head"]
    query = (sa.select(head.c.scope).join_from(grant, device, device.c.account == grant.c.account)
             .join(head, _reached(head.c.scope, grant)).where(device.c.id == device_id).distinct().order_by(head.c.scope))
    return [str(scope) for scope in connection.execute(query).scalars()]


def remove(server: Server, connection: sa.Connection, device_id: str, now: int, *, by: str | None) -> int:
    """Remove a device, in the journal first: what a restore brings back is removed again. Each of its chapters' audits says so.

    The open invitations that it made end with it, else it would come back with one; returns how many there were.
    """
    device, count = server.tables.tables["device"], 0
    for scope in chapters_of(connection, server.tables, device_id):
        feed.lock_head(connection, server.tables, scope)
        ended = open_invitations.end_made_by(connection, server.tables, scope, device_id, now)
        count += len(ended)
        audit.note(connection, server.tables, scope, "revoke", at=now, device=by,
                   details={"device": device_id, **({"invitations": ended} if ended else {})})
    journal.write(server.journal, server.id, "revoke", at=now, device=device_id)
    connection.execute(sa.update(device).where(device.c.id == device_id, device.c.revoked_at.is_(None)).values(revoked_at=now))
    return count


def revoke(server: Server, by: Caller, device_id: str, now: int) -> None:
    """Remove a device for another one, which must be an admin's or leader's of a chapter that it belongs to. An admin's is removed by admins alone, and
    one that left or handed over by the office alone: what it has still to send counts without a look."""
    device, grant = server.tables.tables["device"], server.tables.tables["grant"]
    with server.database.writing() as connection:
        if not is_id(device_id):
            raise Refusal(403, "no_grant")
        belongs = chapters_of(connection, server.tables, device_id)
        for scope in belongs:
            feed.lock_head(connection, server.tables, scope)
        by = caller(server, connection, by.device, now)  # it may have been removed a moment ago, by the very one that it removes
        roles = {by.grants[scope].role for scope in belongs if scope in by.grants}
        query = (sa.select(grant.c.scope, grant.c.role, grant.c.ended_at, device.c.revoked_at)
                 .join_from(grant, device, device.c.account == grant.c.account).where(device.c.id == device_id))
        granted = connection.execute(query).all()
        admins = any(row.role == "admin" for row in granted)
        if not roles & ({"admin"} if admins else {"admin", "leader"}):
            raise Refusal(403, "no_grant")
        if granted[0].revoked_at is None:
            if not any(row.ended_at is None and (row.scope == EVERY or row.scope in by.grants) for row in granted):
                raise Refusal(409, "left_already")
            remove(server, connection, device_id, now, by=by.device)
