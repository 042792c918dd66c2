"""What laptops say to each other, sealed by the key that the code makes: nobody else on the network reads or writes it.

A request is a box of ``[nonce, message]``, its answer a box of ``[the same nonce, message]``: an old answer is none. The salt is told in the open; the
code's 50 bits through argon2id keep whoever listens from trying them all.
"""

from __future__ import annotations

import secrets
from functools import lru_cache

import msgspec
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from alumni_desk.protocol.handout import SealedHandout
from alumni_desk.protocol.messages import BODY_LIMIT, Certificate, Removals, Sealed
from alumni_desk.protocol.venue_keys import Keys

VERSION = 1
PATH = "/venue/1"
SALT = 16
LONGEST_WAIT = 25.0
MESSAGE_LIMIT = BODY_LIMIT
NAMES = 50_000
"""Parcels whose names one message may list."""

_MEMORY, _PASSES = 64 * 1024 * 1024, 3


class Announcement(msgspec.Struct, array_like=True, frozen=True):
    """A station says that it is there, signed. ``at``: milliseconds since 1970 by its clock."""

    device: str
    who: str
    name: str
    role: str
    at: int
    signature: bytes = b""


class TimeTold(msgspec.Struct, array_like=True, frozen=True):
    """A leader's laptop says how late it is: ``at`` by its clock, which the server last set at ``told``, both in milliseconds since 1970. Signed over the
    asker's ``challenge``, so that it is said just now, by nobody else."""

    at: int
    told: int
    signature: bytes


class Trade(msgspec.Struct, tag="trade", frozen=True):
    """One laptop to another: what it holds (``have``, None: as before), what it gives, and what it has seen of the other's list (``after``)."""

    server: str
    scope: str
    chain: list[Certificate]
    after: int = 0
    wait: float = 0.0
    have: list[bytes] | None = None
    parcels: list[Sealed] = []
    chains: list[list[Certificate]] = []
    handout: int = 0  # the number of the newest that it has
    heard: list[Announcement] = []
    removals: Removals | None = None
    challenge: bytes = b""


class Traded(msgspec.Struct, tag="traded", frozen=True):
    """The answer: what the asker lacks, up to ``place`` of the list; ``want``: what the asker has and may give."""

    place: int
    more: bool
    chain: list[Certificate]
    want: list[bytes] = []
    parcels: list[Sealed] = []
    chains: list[list[Certificate]] = []
    removals: Removals | None = None
    handout: SealedHandout | None = None
    heard: list[Announcement] = []
    time: TimeTold | None = None


class Newcomer(msgspec.Struct, tag="newcomer", frozen=True):
    """A laptop of no chapter asks to be let in at the door."""

    public_key: bytes
    who: str
    name: str
    challenge: bytes = b""


class Welcome(msgspec.Struct, tag="welcome", frozen=True):
    """It is: what it needs to work at once, and to be known by the server later."""

    url: str
    fingerprint: str | None
    server: str
    server_key: bytes
    device: str
    scope: str
    scope_name: str
    gathering_name: str
    chain: list[Certificate]
    keys: Keys
    handout: SealedHandout | None = None
    time: TimeTold | None = None


class Nay(msgspec.Struct, tag="nay", frozen=True):
    """It is not done; why, as a stable word: chapter, revoked, certificate, door_closed, not_a_leader, unreadable."""

    code: str


Request = Trade | Newcomer
Reply = Traded | Welcome | Nay


class WrongKey(Exception):
    """What came was not sealed with our code."""


@lru_cache(maxsize=8)
def key_of(code: str, salt: bytes) -> bytes:
    """The key that a code makes with a salt; costs a tenth of a second."""
    from nacl.pwhash import argon2id

    return argon2id.kdf(SecretBox.KEY_SIZE, code.encode(), salt, opslimit=_PASSES, memlimit=_MEMORY)


def seal_request(key: bytes, request: Request) -> tuple[bytes, bytes]:
    """A request as it travels, and the nonce that its answer must have."""
    nonce = secrets.token_bytes(16)
    return bytes(SecretBox(key).encrypt(msgspec.msgpack.encode([nonce, request]))), nonce


def open_request(key: bytes, box: bytes) -> tuple[bytes, Request]:
    """The request inside. Raises WrongKey, or msgspec.DecodeError for what a newer version says."""
    return msgspec.msgpack.decode(_opened(key, box), type=tuple[bytes, Request])


def seal_reply(key: bytes, nonce: bytes, reply: Reply) -> bytes:
    """An answer as it travels."""
    return bytes(SecretBox(key).encrypt(msgspec.msgpack.encode([nonce, reply])))


def open_reply(key: bytes, nonce: bytes, box: bytes) -> Reply:
    """The answer to the request with this nonce. Raises WrongKey, or msgspec.DecodeError."""
    there, reply = msgspec.msgpack.decode(_opened(key, box), type=tuple[bytes, Reply])
    if there != nonce:
        raise WrongKey
    return reply


def _opened(key: bytes, box: bytes) -> bytes:
    try:
        return SecretBox(key).decrypt(box)
    except (CryptoError, ValueError, TypeError):
        raise WrongKey from None
