"""A few people of a chapter, marked so that whoever holds an invitation to it can tell whether they are the same as here, and nothing else about them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from alumni_desk.protocol.codes import short_invitation

MARKED = 64
"""So many are enough: where one in ten is the same, all of them miss it once in a thousand times."""


def marks(code: str, ids: Iterable[str]) -> list[bytes]:
    """The marks of these people for whoever holds this invitation; for another invitation they are others."""
    key = short_invitation(code).encode()
    return [hashlib.blake2b(one.encode(), key=key, person=b"people there", digest_size=8).digest() for one in ids]
