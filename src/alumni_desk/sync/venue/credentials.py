"""What this laptop shows to others, knows them by, and opens with: brought by the server's hello, or by a leader's laptop at the venue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.errors import Refused
from alumni_desk.protocol.certificates import LEADING, chain_trouble
from alumni_desk.protocol.messages import Certificate, Grant, Removals
from alumni_desk.protocol.removals import removals_hold
from alumni_desk.protocol.venue_keys import Keys, keys_of
from alumni_desk.store.desk import Desk
from alumni_desk.sync.session import refuse_another
from alumni_desk.sync.state import Credentials, Membership, read
from alumni_desk.sync.state import keep as keep_state
from alumni_desk.words import _

STALE_MS = 3_600_000
"""A certificate like the one that is here is kept anew when it is so much younger."""


@dataclass(frozen=True)
class Me:
    """This laptop among others."""

    membership: Membership
    credentials: Credentials

    @property
    def key(self) -> SigningKey:
        """What it signs with."""
        return SigningKey(self.membership.key)

    @property
    def keys(self) -> Keys:
        """What it opens with."""
        return self.credentials.keys

    @property
    def certificate(self) -> Certificate:
        """Its own certificate."""
        return self.credentials.chain[0]

    @property
    def leads(self) -> bool:
        """Whether it is a leader's, which may let others in."""
        return self.certificate.role in LEADING

    def trouble(self, chain: Sequence[Certificate], now: int | None) -> str | None:
        """Why another's chain does not count here; None if it does."""
        if chain and chain[0].scope != self.membership.scope:
            return "scope"
        return chain_trouble(chain, server=self.membership.server, server_key=self.credentials.server_key, revoked=self.credentials.revoked, now=now)


def keep(desk: Desk, scope: str, server_key: bytes, certificates: Sequence[Certificate], grants: Sequence[Grant], revoked: Collection[str] = (),
         removals: Sequence[Removals] = ()) -> None:
    """Keep what the server said, unless it is what is here already."""
    chain = [one for one in certificates if one.scope == scope]
    grant = next((one for one in grants if one.scope == scope), None)
    if not server_key or not chain or grant is None:
        return
    new = Credentials(server_key, chain[:1], keys_of(grant.keys, grant.gathering), sorted(revoked),
                      next((one for one in removals if one.scope == scope), None))
    with desk.reading() as connection:
        there = read(connection, Credentials)
    if there is None or _differ(there, new):
        with desk.applying() as applying:
            keep_state(applying.connection, new)


def _differ(there: Credentials, new: Credentials) -> bool:
    old, young = there.chain[0], new.chain[0]
    said = [(one.device, one.public_key, one.who, one.name, one.role, one.gathering, one.issuer) for one in (old, young)]
    rest = [(one.server_key, one.keys, one.revoked, one.removals and one.removals.devices) for one in (there, new)]
    return said[0] != said[1] or young.issued > old.issued + STALE_MS or rest[0] != rest[1]


def hear_removals(desk: Desk, mine: Me, removals: Removals | None) -> Me:
    """Believe the server's own list of who was removed, whoever carried it here, if it names more; its next hello says it anew. Gives how we stand then."""
    if removals is None or set(removals.devices) <= set(mine.credentials.revoked):
        return mine
    membership = mine.membership
    if not removals_hold(removals, server=membership.server, scope=membership.scope, server_key=mine.credentials.server_key):
        return mine
    with desk.applying() as applying:
        known = read(applying.connection, Credentials) or mine.credentials
        older = known.removals is not None and removals.issued <= known.removals.issued
        known = msgspec.structs.replace(known, revoked=sorted({*known.revoked, *removals.devices}), removals=known.removals if older else removals)
        keep_state(applying.connection, known)
    return Me(membership, known)


def as_now(connection: sa.Connection, mine: Me) -> Me:
    """This laptop as it stands by the time an answer has come: what its access has ended for it opens no more. Raises Refused ``sync_stopped`` where it has
    another place by now."""
    refuse_another(connection, mine.membership)
    known = read(connection, Credentials)
    return mine if known is None else Me(mine.membership, known)


def me(connection: sa.Connection) -> Me:
    """This laptop, or why it cannot meet others. Raises Refused."""
    membership, known = read(connection, Membership), read(connection, Credentials)
    if membership is None:
        raise Refused("venue_alone", _("This desk works alone, so it has nobody to share with. Join a server, or join a leader’s laptop with its code."))
    if known is None or not known.chain:
        raise Refused("venue_no_certificate", _("This laptop has no certificate yet that others could know it by. Sync once with the server, then share."))
    return Me(membership, known)
