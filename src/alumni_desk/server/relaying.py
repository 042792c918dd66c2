"""Relayed parcels: made by one laptop, sealed, carried here by another. Judged by who signed them, never by who brought them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import sqlalchemy as sa

from alumni_desk.protocol.messages import (
    PARCEL_OPERATIONS,
    PROTOCOL,
    PUSH_OPERATIONS,
    Certificate,
    Grant,
    Parcel,
    PushReply,
    PushRequest,
    Relayed,
    Result,
    Sealed,
)
from alumni_desk.protocol.sealing import name_of, unseal, verify_sealed
from alumni_desk.server import feed, set_aside
from alumni_desk.server.accounts import Caller, chapters_of, grants_of
from alumni_desk.server.admitting import Signer, signer_of
from alumni_desk.server.erasing import Journal
from alumni_desk.server.identity import keys_for
from alumni_desk.server.push import push
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server


@dataclass(frozen=True)
class _Opened:
    sealed: Sealed
    parcel: Parcel
    signer: Signer


def take_relayed(server: Server, connection: sa.Connection, who: Caller, message: PushRequest, now: int, journal: Journal | None = None) -> PushReply:
    """Judge what a laptop carried here; an answer for each parcel. One that cannot be taken keeps none of the others. The caller commits.

    ``journal``: where what no restore may bring back is written before that.
    """
    if sum(len(one.hashes) for one in message.relayed) > PUSH_OPERATIONS:
        raise Refusal(413, "too_many")
    scopes = {one.scope for one in message.relayed}
    if len(scopes) != 1 or not scopes <= {*who.grants, *who.left, *(chapters_of(connection, server.tables, who.device) if who.revoked else ())}:
        raise Refusal(403, "no_grant")
    scope = scopes.pop()
    chains = {chain[0].device: chain for chain in message.chains if chain}
    signers: dict[str, Signer | None] = {}
    answers: dict[bytes, Relayed] = {}
    found: list[_Opened] = []
    for sealed in message.relayed:
        opened = _open(server, connection, sealed, chains, signers, now)
        if isinstance(opened, _Opened):
            found.append(opened)
        else:
            answers[name_of(sealed)] = Relayed(name_of(sealed), "refused", reason=opened)
    feed.lock_head(connection, server.tables, scope)
    removed = _removed(connection, server.tables, {one.signer.device for one in found})  # whoever removes a laptop holds the head, too
    for device, group in groupby(found, lambda one: one.sealed.device):  # in the order in which they were heard: what one noted of another's guest comes after
        for answer in _judge(server, connection, scope, list(group), who, now, journal, trusted=device not in removed):
            answers[answer.name] = answer
    head = feed.head_of(connection, server.tables, scope)
    return PushReply(results=[], head=head.sequence, time=now, chain=head.chain, relayed=[answers[name_of(one)] for one in message.relayed])


def _removed(connection: sa.Connection, tables: sa.MetaData, devices: Collection[str]) -> set[str]:
    """Those of these laptops that were removed."""
    device = tables.tables["device"]
    return set(connection.execute(sa.select(device.c.id).where(device.c.id.in_(devices), device.c.revoked_at.is_not(None))).scalars())


def _open(server: Server, connection: sa.Connection, sealed: Sealed, chains: dict[str, list[Certificate]], signers: dict[str, Signer | None],
          now: int) -> _Opened | str:
    if sealed.protocol != PROTOCOL or sealed.server != server.id or not 0 < len(sealed.hashes) <= PARCEL_OPERATIONS:
        return "forged"
    if sealed.device not in signers:
        signers[sealed.device] = signer_of(server, connection, sealed.device, chains.get(sealed.device, []), now)
    signer = signers[sealed.device]
    if signer is None:
        return "unknown"
    if not verify_sealed(sealed, signer.public_key):
        return "forged"
    parcel = unseal(sealed, keys_for(server, sealed.scope), signer.public_key)
    if parcel is None or any(body is None for body in parcel.bodies):
        return "unreadable"
    return _Opened(sealed, parcel, signer)


def _judge(server: Server, connection: sa.Connection, scope: str, group: Sequence[_Opened], who: Caller, now: int,
           journal: Journal | None, *, trusted: bool) -> list[Relayed]:
    """One signer's parcels that came one after the other, together. ``trusted``: it was not removed."""
    signer = group[0].signer
    grant = next((one for one in grants_of(connection, server.tables, signer.account) if one.scope == scope), None)
    if not trusted or grant is None:
        reason = "unknown" if trusted else "revoked"
        reply = set_aside.keep(connection, server.tables, [one.parcel for one in group], scope=scope, by=who.device, reason=reason, now=now)
        return [Relayed(name_of(one.sealed), "quarantined", results, reason) if any(result.status == "quarantined" for result in results) else
                Relayed(name_of(one.sealed), "taken", results) for one, results in _each(group, reply)]
    return _pushed(connection, scope, grant, group, now, server.tables, journal)


def _pushed(connection: sa.Connection, scope: str, grant: Grant, group: Sequence[_Opened], now: int, tables: sa.MetaData,
            journal: Journal | None) -> list[Relayed]:
    reply = push(connection, tables, [one.parcel for one in group], scope=scope, role=grant.role, gathering=grant.gathering,
                 device=group[0].signer.device, now=now, journal=journal)
    return [Relayed(name_of(one.sealed), "taken", results=results) for one, results in _each(group, reply)]


def _each(group: Sequence[_Opened], reply: PushReply) -> Iterator[tuple[_Opened, list[Result]]]:
    """Each parcel with what became of its operations."""
    place = 0
    for one in group:
        count = len(one.parcel.bodies)
        yield one, list(reply.results[place:place + count])
        place += count
