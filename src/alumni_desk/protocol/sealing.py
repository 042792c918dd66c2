"""Sealed parcels: bodies that only their audience reads, in a parcel whose signature and hashes everybody verifies.

``chapter`` is sealed to the chapter's public key: door laptops can write, and not read. A gathering is sealed with its secret key, which all of its
door has, and every leader derives.
"""

from __future__ import annotations

import hashlib

import msgspec
from nacl.exceptions import BadSignatureError, CryptoError
from nacl.public import PrivateKey, SealedBox
from nacl.secret import SecretBox
from nacl.signing import SigningKey, VerifyKey

from alumni_desk.protocol.messages import Parcel, Sealed
from alumni_desk.protocol.parcels import signed_bytes, verify_parcel
from alumni_desk.protocol.venue_keys import Keys

CHAPTER = "chapter"
_PURPOSE = b"alumni-desk sealed\0"


def name_of(parcel: Parcel | Sealed) -> bytes:
    """Sixteen bytes that name a parcel: the same whoever carries it and however often it was sealed."""
    signed = signed_bytes(parcel.protocol, parcel.server, parcel.device, parcel.scope, parcel.audience, parcel.hashes)
    return hashlib.blake2b(signed + parcel.signature, digest_size=16).digest()


def can_seal(keys: Keys, audience: str) -> bool:
    """Whether we know a key to seal something to this audience."""
    return bool(keys.public() if audience == CHAPTER else keys.of_gathering(audience))


def seal(parcel: Parcel, keys: Keys, key: SigningKey) -> Sealed:
    """A parcel of our own, closed to everybody but its audience."""
    content = msgspec.msgpack.encode([parcel.salts, parcel.bodies])
    box = _closed(content, keys, parcel.audience)
    sealed = Sealed(server=parcel.server, device=parcel.device, scope=parcel.scope, audience=parcel.audience, hashes=parcel.hashes, box=box,
                    signature=parcel.signature, seal=b"", protocol=parcel.protocol)
    return msgspec.structs.replace(sealed, seal=key.sign(_sealed_bytes(sealed)).signature)


def _closed(content: bytes, keys: Keys, audience: str) -> bytes:
    if audience == CHAPTER:
        from nacl.public import PublicKey

        return bytes(SealedBox(PublicKey(keys.public())).encrypt(content))
    return bytes(SecretBox(keys.of_gathering(audience)).encrypt(content))


def verify_sealed(sealed: Sealed, public_key: bytes) -> bool:
    """Whether the device with this key made and closed the parcel, to the last byte. Says nothing about what is inside."""
    signed = signed_bytes(sealed.protocol, sealed.server, sealed.device, sealed.scope, sealed.audience, sealed.hashes)
    try:
        VerifyKey(public_key).verify(signed, sealed.signature)
        VerifyKey(public_key).verify(_sealed_bytes(sealed), sealed.seal)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return bool(sealed.hashes)


def unseal(sealed: Sealed, keys: Keys, public_key: bytes) -> Parcel | None:
    """The parcel inside, whole and verified; None if it is not for us or is not what was signed."""
    try:
        if sealed.audience == CHAPTER:
            if not keys.chapter:
                return None
            content = SealedBox(PrivateKey(keys.chapter)).decrypt(sealed.box)
        else:
            secret = keys.of_gathering(sealed.audience)
            if not secret:
                return None
            content = SecretBox(secret).decrypt(sealed.box)
        salts, bodies = msgspec.msgpack.decode(content, type=tuple[list[bytes], list[bytes | None]])
    except (CryptoError, ValueError, TypeError, msgspec.DecodeError):
        return None
    parcel = Parcel(server=sealed.server, device=sealed.device, scope=sealed.scope, audience=sealed.audience, hashes=sealed.hashes, salts=salts,
                    bodies=bodies, signature=sealed.signature, protocol=sealed.protocol)
    return parcel if verify_parcel(parcel, public_key) else None


def _sealed_bytes(sealed: Sealed) -> bytes:
    state = hashlib.blake2b(_PURPOSE, digest_size=32)
    state.update(signed_bytes(sealed.protocol, sealed.server, sealed.device, sealed.scope, sealed.audience, sealed.hashes))
    for part in (sealed.signature, sealed.box):
        state.update(len(part).to_bytes(4, "big") + part)
    return _PURPOSE + state.digest()
