"""The code that a laptop shares with: the same when it shares again, so that whoever has joined goes on unaided. Kept beside its key, in the encrypted
database.
"""

from __future__ import annotations

import secrets

import msgspec

from alumni_desk.protocol.codes import new_venue_code
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.state import VenueCode, VenueCodes
from alumni_desk.sync.venue.channel import SALT
from alumni_desk.sync.venue.credentials import Me
from alumni_desk.sync.venue.timing import now_ms

LASTS_MS = 7 * 86_400_000
"""So long after it was last used."""

MOST = 20


def code_for(desk: Desk, mine: Me, gathering: str | None, *, new: bool = False) -> VenueCode:
    """The code to share with, letting new laptops in at this gathering's door or at none; another one where ``new`` is wanted.

    It is never one that somebody knows who was removed since, nor at a door one from another gathering's.
    """
    now = now_ms(desk)
    last = [one for one in _codes(desk, mine) if abs(now - one.used) < LASTS_MS and not is_over(one, mine)]
    fits = [one for one in last if gathering is None or one.gathering == gathering] or [one for one in last[:1] if not one.gathering]
    if fits and not new:
        return msgspec.structs.replace(fits[0], used=now, gathering=gathering or fits[0].gathering)
    return VenueCode(new_venue_code(), secrets.token_bytes(SALT), now, gathering=gathering or "", removed=mine.credentials.revoked)


def is_over(code: VenueCode, mine: Me) -> bool:
    """Whether a laptop was removed since it was made, which may know it."""
    return not set(mine.credentials.revoked) <= set(code.removed)


def keep(desk: Desk, mine: Me, code: VenueCode, *, alone: bool = False) -> None:
    """Share with it again, too; for a door there is one, and none is kept that is over. ``alone``: none of those before counts any more."""
    others = [one for one in _codes(desk, mine) if one.gathering != code.gathering and one.code != code.code and not is_over(one, mine)]
    others = [] if alone else others
    with desk.applying() as applying:
        state.keep(applying.connection, VenueCodes(mine.membership.server, mine.membership.scope, [code, *others][:MOST]))


def _codes(desk: Desk, mine: Me) -> list[VenueCode]:
    with desk.reading() as connection:
        there = state.read(connection, VenueCodes)
    same = there is not None and (there.server, there.scope) == (mine.membership.server, mine.membership.scope)
    return there.codes if there is not None and same else []
