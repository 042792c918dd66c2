"""Moments as the venue's tables and messages keep them; and how a laptop whose clock is wrong hears the time where there is no server.

The leader's laptop that shares tells it, if the server found its clock right when they last spoke. Whoever visits goes by it if no server has told the
time there, or not as lately: so what is done at all doors is noted by one clock. The server has the last word at the next contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from alumni_desk.protocol.certificates import LEADING
from alumni_desk.protocol.clock import AHEAD_MS
from alumni_desk.protocol.messages import Certificate
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.venue.channel import TimeTold
from alumni_desk.sync.venue.credentials import Me

CHALLENGE = 16
PROMPT_SECONDS = 5.0
"""An answer that took longer does not tell the time."""

SAME_MS = 10_000
"""Differences up to which the clock here stays as it is."""

_PURPOSE = b"alumni-desk time\0"


def moment(at: datetime | None = None) -> str:
    """UTC, ISO 8601 with milliseconds and Z."""
    return (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now_ms(desk: Desk) -> int:
    """Milliseconds since 1970, by this laptop's corrected clock."""
    return desk.clock.now_ms()


def tell_time(desk: Desk, mine: Me, challenge: bytes) -> TimeTold | None:
    """How late it is, if this laptop is one to say so: a leader's, with a clock that was right when the server last spoke to it."""
    clock = desk.clock
    if not mine.leads or len(challenge) != CHALLENGE or not clock.told or abs(clock.offset) > AHEAD_MS or clock.now_ms() < clock.told:
        return None
    at = clock.now_ms()
    return TimeTold(at, clock.told, mine.key.sign(_signed_bytes(challenge, at, clock.told)).signature)


def hear_time(desk: Desk, mine: Me, chain: Sequence[Certificate], challenge: bytes, said: TimeTold | None, seconds: float) -> None:
    """Go by what the laptop with this chain answered after so many seconds, where it knows better than this one."""
    clock = desk.clock
    known = clock.told if clock.now_ms() >= clock.told else 0  # set back since then: it is wrong for sure
    if said is None or seconds > PROMPT_SECONDS or not known < said.told <= said.at or not chain or chain[0].role not in LEADING:
        return
    if mine.trouble(chain, said.at) is not None or not _signed(chain[0].public_key, challenge, said):
        return
    wrong_by = clock.now_ms() - said.at
    if abs(wrong_by) > SAME_MS:
        clock.correct(clock.offset - wrong_by)
        with desk.applying() as applying:
            state.keep(applying.connection, state.Skew(-clock.offset, said.at))  # for the next start, and so that it can be said
    clock.told = said.told


def _signed_bytes(challenge: bytes, at: int, told: int) -> bytes:
    return _PURPOSE + msgspec.msgpack.encode([challenge, at, told])


def _signed(public_key: bytes, challenge: bytes, said: TimeTold) -> bool:
    try:
        VerifyKey(public_key).verify(_signed_bytes(challenge, said.at, said.told), said.signature)
    except (BadSignatureError, ValueError, TypeError, OverflowError):
        return False
    return True
