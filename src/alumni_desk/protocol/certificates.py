"""Certificates: what a device may do, said by the server, or by a leader's laptop under its own certificate. A chain has two at most."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from alumni_desk.protocol.messages import Certificate

_PURPOSE = b"alumni-desk certificate\0"
LEADING = ("leader", "admin")
CHAIN = 2
"""How many certificates a chain may have: a door's, and the leader's who let it in."""


def _signed_bytes(one: Certificate) -> bytes:
    return _PURPOSE + msgspec.msgpack.encode(msgspec.structs.astuple(one)[:-1])


def certify(key: SigningKey, *, server: str, device: str, public_key: bytes, who: str, name: str, scope: str, role: str, gathering: str | None,
            until: int | None, issued: int, issuer: str = "") -> Certificate:
    """A certificate signed with this key, the server's or a leader's laptop's (then ``issuer`` is that device)."""
    bare = Certificate(server, device, public_key, who, name, scope, role, gathering, until, issued, issuer, b"")
    return msgspec.structs.replace(bare, signature=key.sign(_signed_bytes(bare)).signature)


def chain_trouble(chain: Sequence[Certificate], *, server: str, server_key: bytes, revoked: Collection[str] = (), now: int | None = None) -> str | None:
    """Why a chain (the device's own certificate first) does not count: a stable word; None if it does. ``now``: None does not ask about its end."""
    if not 1 <= len(chain) <= CHAIN:
        return "chain"
    for place, one in enumerate(chain):
        above = chain[place + 1] if place + 1 < len(chain) else None
        if one.server != server:
            return "server"
        if not _signed(one, above.public_key if above else server_key) or one.issuer != (above.device if above else ""):
            return "signature"
        if above is not None and (one.role != "door" or above.role not in LEADING or above.scope != one.scope or above.gathering is not None):
            return "role"
        if (one.role == "door") != (one.gathering is not None):
            return "role"
        if above is not None and one.until is None:
            return "until"
        if one.device in revoked:
            return "revoked"
        if now is not None and one.until is not None and one.until <= now:
            return "ended"
    return None


def _signed(one: Certificate, public_key: bytes) -> bool:
    try:
        VerifyKey(public_key).verify(_signed_bytes(one), one.signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True
