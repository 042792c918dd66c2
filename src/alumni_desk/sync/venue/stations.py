"""Who was heard last and when: each station says so itself, signed, and laptops pass it on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from alumni_desk.protocol.messages import Certificate
from alumni_desk.sync.venue.channel import Announcement
from alumni_desk.sync.venue.credentials import Me

_PURPOSE = b"alumni-desk station\0"
MOST = 200
"""Stations that are remembered."""

_AHEAD_MS = 5 * 60 * 1000

DIRECT_SECONDS = 40.0
"""A laptop that speaks to this one itself is gone after so long without a word: a line that has nothing to say speaks every 25 seconds."""

PASSED_ON_SECONDS = 75.0
"""One of whom another laptop tells: its word takes two lines."""


@dataclass(frozen=True)
class Station:
    """A laptop at the venue. ``heard``: when it last had a word for this one, by this one's clock; ``here``: it spoke to this laptop itself;
    ``connected``: it has not hung up, nor been silent for too long."""

    device: str
    who: str
    name: str
    role: str
    heard: datetime
    here: bool
    connected: bool = True


def announce(me: Me, who: str, name: str, at: int) -> Announcement:
    """This laptop says that it is there."""
    bare = Announcement(me.membership.device, who[:200], name[:200], me.certificate.role, at)
    return msgspec.structs.replace(bare, signature=me.key.sign(_signed_bytes(bare)).signature)


def _signed_bytes(one: Announcement) -> bytes:
    return _PURPOSE + msgspec.msgpack.encode(msgspec.structs.astuple(one)[:-1])


class Stations:
    """The stations that were heard of; safe to use from several threads. How long ago is measured here: others' clocks may be wrong."""

    def __init__(self) -> None:
        self._heard: dict[str, Announcement] = {}
        self._word: dict[str, tuple[float, datetime]] = {}  # when there was the last one: ``time.monotonic``, and what the clock said
        self._here: set[str] = set()
        self._left: set[str] = set()
        self._lock = threading.Lock()

    def hear(self, me: Me, said: Iterable[Announcement], chains: Iterable[list[Certificate]], now: int, *, partner: str | None = None) -> None:
        """Take announcements whose station is known by its certificate. ``partner``: whoever speaks."""
        keys = {chain[0].device: chain[0].public_key for chain in chains if chain and me.trouble(chain, None) is None}
        moment, clock = time.monotonic(), datetime.now(UTC)
        with self._lock:
            for one in list(said)[:MOST]:
                before = self._heard.get(one.device)
                newer = before is None or one.at > before.at
                if newer and one.at <= now + _AHEAD_MS and one.device in keys and _signed(one, keys[one.device]) and one.device != me.membership.device:
                    self._heard[one.device] = one
                    self._left.discard(one.device)
                    old = max(0, now - one.at) / 1000 if before is None else 0  # what is passed on for the first time may have been said hours ago
                    self._word[one.device] = moment - old, clock - timedelta(seconds=old)
            if partner is not None:
                self._here.add(partner)
                self._left.discard(partner)
                self._word[partner] = moment, clock

    def leave(self, device: str) -> None:
        """It has hung up."""
        with self._lock:
            self._left.add(device)

    def all(self) -> list[Station]:
        """Them, the last heard first."""
        moment = time.monotonic()
        with self._lock:
            return [self._station(one, moment) for one in sorted(self._heard.values(), key=lambda one: -self._word[one.device][0])]

    def _station(self, one: Announcement, moment: float) -> Station:
        direct, (last, heard) = one.device in self._here, self._word[one.device]
        connected = one.device not in self._left and moment - last < (DIRECT_SECONDS if direct else PASSED_ON_SECONDS)
        return Station(one.device, one.who, one.name, one.role, heard, direct, connected)

    def said(self) -> list[Announcement]:
        """The announcements, to be passed on."""
        with self._lock:
            return list(self._heard.values())[-MOST:]


def _signed(one: Announcement, public_key: bytes) -> bool:
    try:
        VerifyKey(public_key).verify(_signed_bytes(one), one.signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True
