"""Who was removed from a chapter, said by the server and carried by anybody: laptops that meet believe its signature, never whoever brings it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from alumni_desk.protocol.messages import Removals

_PURPOSE = b"alumni-desk removals\0"


def _signed_bytes(one: Removals) -> bytes:
    return _PURPOSE + msgspec.msgpack.encode(msgspec.structs.astuple(one)[:-1])


def sign_removals(key: SigningKey, *, server: str, scope: str, issued: int, devices: Sequence[str]) -> Removals:
    """The list of a chapter's removed laptops, signed with the server's key. ``issued``: milliseconds since 1970."""
    bare = Removals(server, scope, issued, sorted(devices), b"")
    return msgspec.structs.replace(bare, signature=key.sign(_signed_bytes(bare)).signature)


def removals_hold(one: Removals, *, server: str, scope: str, server_key: bytes) -> bool:
    """Whether this server said this list of this chapter."""
    if (one.server, one.scope) != (server, scope):
        return False
    try:
        VerifyKey(server_key).verify(_signed_bytes(one), one.signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True
