"""Identifiers that sort by the time they were made and never meet: UUID version 7."""

from __future__ import annotations

import secrets
import time


def uuid7() -> str:
    """A random UUIDv7 (RFC 9562) in canonical text: 48 bits of milliseconds, 74 random bits.

    Never a counter: a restored laptop would give out the same ones again.
    """
    random = secrets.randbits(74)
    text = f"{time.time_ns() // 1_000_000:012x}7{random >> 62:03x}{8 | (random >> 60) & 3:x}{random & 0xFFFFFFFFFFFFFFF:015x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
