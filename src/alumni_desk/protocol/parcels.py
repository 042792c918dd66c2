"""Parcels: the signed unit of every exchange. What is signed is the list of salted hashes, not the bodies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from alumni_desk.protocol.canonical import body_hash
from alumni_desk.protocol.messages import PARCEL_BYTES, PARCEL_OPERATIONS, PROTOCOL, Parcel

_PURPOSE = b"alumni-desk parcel\0"
_HASH = 32
_HASH_LENGTH = _HASH.to_bytes(4, "big")


class Packable(Protocol):
    """An operation ready to be packed: its transaction (kept together) and its body."""

    @property
    def id(self) -> str: ...

    @property
    def transaction(self) -> str: ...

    @property
    def body(self) -> bytes: ...


class Piece(NamedTuple):
    """The least that can be packed."""

    id: str
    transaction: str
    body: bytes


def signed_bytes(protocol: int, server: str, device: str, scope: str, audience: str, hashes: Sequence[bytes]) -> bytes:
    """What the device signs of a parcel."""
    state = hashlib.blake2b(_PURPOSE, digest_size=32)
    for part in (str(protocol), server, device, scope, audience):
        data = part.encode()
        state.update(len(data).to_bytes(4, "big") + data)
    state.update(len(hashes).to_bytes(4, "big"))
    if set(map(len, hashes)) == {_HASH}:  # as they are, and so in one piece
        state.update(_HASH_LENGTH + _HASH_LENGTH.join(hashes))
    else:
        for one in hashes:
            state.update(len(one).to_bytes(4, "big") + one)
    return _PURPOSE + state.digest()


def salts_of(key: SigningKey, operations: Iterable[str]) -> list[bytes]:
    """The salts that this device gives operations (their ids), each time the same, so that a repeated parcel is the same parcel."""
    begun = hashlib.blake2b(key=bytes(key), person=b"salt", digest_size=16)
    found = []
    for one in operations:
        state = begun.copy()
        state.update(one.encode())
        found.append(state.digest())
    return found


def sign_parcel(key: SigningKey, *, server: str, device: str, scope: str, audience: str, pieces: Sequence[Packable]) -> Parcel:
    """The pieces as one parcel signed by this device."""
    salts = salts_of(key, [piece.id for piece in pieces])
    bodies: list[bytes | None] = [piece.body for piece in pieces]
    hashes = [body_hash(salt, piece.body) for salt, piece in zip(salts, pieces, strict=True)]
    signature = key.sign(signed_bytes(PROTOCOL, server, device, scope, audience, hashes)).signature
    return Parcel(server=server, device=device, scope=scope, audience=audience, hashes=hashes, salts=salts,
                  bodies=bodies, signature=signature)


def verify_parcel(parcel: Parcel, public_key: bytes) -> bool:
    """Whether the device with this key signed the parcel and every body in it is the one it signed."""
    if not len(parcel.hashes) == len(parcel.salts) == len(parcel.bodies):
        return False
    signed = signed_bytes(parcel.protocol, parcel.server, parcel.device, parcel.scope, parcel.audience, parcel.hashes)
    try:
        VerifyKey(public_key).verify(signed, parcel.signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    for expected, salt, body in zip(parcel.hashes, parcel.salts, parcel.bodies, strict=True):
        if body is not None and (len(salt) != 16 or body_hash(salt, body) != expected):
            return False
    return True


T = TypeVar("T", bound=Packable)
_BODY = attrgetter("body")


def in_parcels(pieces: Iterable[T]) -> Iterator[list[T]]:
    """Pieces of one scope and audience cut into parcels: a transaction stays whole where it fits into one at all."""
    parcel: list[T] = []
    size = 0
    for _transaction, pieces_of_it in groupby(pieces, attrgetter("transaction")):
        group = list(pieces_of_it)
        sizes = list(map(len, map(_BODY, group)))
        weight = sum(sizes)
        if parcel and (len(parcel) + len(group) > PARCEL_OPERATIONS or size + weight > PARCEL_BYTES):
            yield parcel
            parcel, size = [], 0
        if len(parcel) + len(group) <= PARCEL_OPERATIONS and size + weight <= PARCEL_BYTES:
            parcel += group
            size += weight
            continue
        for piece, one in zip(group, sizes, strict=True):
            if parcel and (len(parcel) >= PARCEL_OPERATIONS or size + one > PARCEL_BYTES):
                yield parcel
                parcel, size = [], 0
            parcel.append(piece)
            size += one
    if parcel:
        yield parcel
