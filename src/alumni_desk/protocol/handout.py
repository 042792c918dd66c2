"""Hand-outs: a gathering's whole list as its door may see it, numbered, signed by who made it, sealed with the gathering's key."""

from __future__ import annotations

import hashlib

import msgspec
import zstandard
from nacl.exceptions import BadSignatureError, CryptoError
from nacl.secret import SecretBox
from nacl.signing import SigningKey, VerifyKey

from alumni_desk.protocol.messages import BODY_LIMIT, Block, Certificate
from alumni_desk.protocol.venue_keys import Keys

_PURPOSE = b"alumni-desk hand-out\0"


NOT_YET = 2**63 - 1
"""In the place of a row's sequence: the server has not answered for it, as far as the maker knows."""


class Handout(msgspec.Struct, frozen=True):
    """What is inside: the rows, with the clocks that the door may see. ``sequence``: how far its maker had pulled; that of a row: since when the server
    has it on the list, as far as the maker knows; 0 if it came from there. ``off``: what the maker took off the list and the server may not know of.
    ``erased``: the people whom the server has erased, by their ids, so that nobody who has not heard of it brings them."""

    gathering: str
    number: int
    blocks: list[Block]
    sequence: int = 0
    off: list[Block] = []
    erased: list[str] = []


class SealedHandout(msgspec.Struct, frozen=True):
    """A hand-out as it travels. ``number``: milliseconds since 1970 when it was made; a greater one replaces it."""

    server: str
    scope: str
    gathering: str
    number: int
    device: str
    box: bytes
    signature: bytes
    chain: list[Certificate] = []


def _signed_bytes(one: SealedHandout) -> bytes:
    digest = hashlib.blake2b(one.box, digest_size=32).digest()
    return _PURPOSE + msgspec.msgpack.encode([one.server, one.scope, one.gathering, one.number, one.device, digest])


def close_handout(handout: Handout, keys: Keys, key: SigningKey, *, server: str, scope: str, device: str, chain: list[Certificate]) -> SealedHandout:
    """Seal and sign a hand-out as this device."""
    content = zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(handout))
    box = bytes(SecretBox(keys.of_gathering(handout.gathering)).encrypt(content))
    bare = SealedHandout(server, scope, handout.gathering, handout.number, device, box, b"", chain)
    return msgspec.structs.replace(bare, signature=key.sign(_signed_bytes(bare)).signature)


def verify_handout(one: SealedHandout) -> bool:
    """Whether the first device of its chain signed it, and leads the scope. Whether the chain counts is for the reader to ask."""
    if not one.chain or one.chain[0].device != one.device or one.chain[0].scope != one.scope or one.chain[0].role not in ("leader", "admin"):
        return False
    try:
        VerifyKey(one.chain[0].public_key).verify(_signed_bytes(one), one.signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def open_handout(one: SealedHandout, keys: Keys) -> Handout | None:
    """What is inside; None if it is not for us or not what was signed."""
    secret = keys.of_gathering(one.gathering)
    if not secret:
        return None
    try:
        with zstandard.ZstdDecompressor(max_window_size=BODY_LIMIT * 8).stream_reader(SecretBox(secret).decrypt(one.box)) as reader:
            plain = reader.read(BODY_LIMIT * 8)
        handout = msgspec.msgpack.decode(plain, type=Handout)
    except (CryptoError, zstandard.ZstdError, msgspec.DecodeError, ValueError):
        return None
    return handout if (handout.gathering, handout.number) == (one.gathering, one.number) else None
