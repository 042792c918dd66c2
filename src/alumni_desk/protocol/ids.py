"""Identifiers that sort by the time they were made and never meet: UUID version 7."""

from __future__ import annotations

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


_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
