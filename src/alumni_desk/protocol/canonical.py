"""One form of bytes for an operation and for a row, so that two machines hash alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from alumni_desk.protocol.messages import Operation, Value

_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_JSON = msgspec.json.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(Operation)


def body_of(operation: Operation) -> bytes:
    """An operation's only encoding: an array, its maps sorted by key."""
    return _ENCODER.encode(operation)


def operation_of(body: bytes) -> Operation:
    """The operation in a body; raises ``msgspec.DecodeError``."""
    return _DECODER.decode(body)


def body_hash(salt: bytes, body: bytes) -> bytes:
    """32 bytes that name a body without giving it away: the salt keeps short values from being guessed."""
    return hashlib.blake2b(body, key=salt, digest_size=32).digest()


def row_hash(table: str, row: Mapping[str, Value]) -> bytes:
    """32 bytes over a row's columns by name; empty columns do not count, so a new column changes nothing."""
    kept = {name: value for name, value in row.items() if value is not None}
    return hashlib.blake2b(_ENCODER.encode([table, kept]), digest_size=32).digest()


def json_text(value: object) -> str:
    """JSON with sorted keys and no blanks: how ``clocks`` and shadows are kept."""
    return _JSON.encode(value).decode()


def chained(chain: str, hashes: list[bytes]) -> str:
    """The next hash of a scope's chain, after accepting operations with these body hashes. Hexadecimal, and short: each answer holds two."""
    return hashlib.blake2b(chain.encode() + b"".join(hashes), digest_size=16).hexdigest()
