"""Who was heard last and when: each station says so itself, signed, and laptops pass it on."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

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


@dataclass(frozen=True)
class Station:
    """A laptop at the venue. ``heard``: when it last said that it is there; ``here``: it spoke to this laptop itself."""

    device: str
    who: str
    name: str
    role: str
    heard: datetime
    here: bool


def announce(me: Me, who: str, name: str, at: int) -> Announcement:
    """This laptop says that it is there."""
    bare = Announcement(me.membership.device, who[:200], name[:200], me.certificate.role, at)
    return msgspec.structs.replace(bare, signature=me.key.sign(_signed_bytes(bare)).signature)


def _signed_bytes(one: Announcement) -> bytes:
    return _PURPOSE + msgspec.msgpack.encode(msgspec.structs.astuple(one)[:-1])


class Stations:
    """The stations that were heard of; safe to use from several threads."""

    def __init__(self) -> None:
        self._heard: dict[str, Announcement] = {}
        self._here: set[str] = set()
        self._lock = threading.Lock()

    def hear(self, me: Me, said: Iterable[Announcement], chains: Iterable[list[Certificate]], now: int, *, partner: str | None = None) -> None:
        """Take announcements whose station is known by its certificate. ``partner``: whoever speaks."""
        keys = {chain[0].device: chain[0].public_key for chain in chains if chain and me.trouble(chain, None) is None}
        with self._lock:
            for one in list(said)[:MOST]:
                before = self._heard.get(one.device)
                newer = before is None or one.at > before.at
                if newer and one.at <= now + _AHEAD_MS and one.device in keys and _signed(one, keys[one.device]) and one.device != me.membership.device:
                    self._heard[one.device] = one
            if partner is not None:
                self._here.add(partner)

    def all(self) -> list[Station]:
        """Them, the last heard first."""
        with self._lock:
            found = sorted(self._heard.values(), key=lambda one: -one.at)
            return [Station(one.device, one.who, one.name, one.role, datetime.fromtimestamp(one.at / 1000, UTC), one.device in self._here) for one in found]

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
