"""Moments as the venue's tables and messages keep them."""

from __future__ import annotations

from datetime import UTC, datetime

from alumni_desk.store.desk import Desk


def moment(at: datetime | None = None) -> str:
    """UTC, ISO 8601 with milliseconds and Z."""
    return (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now_ms(desk: Desk) -> int:
    """Milliseconds since 1970, by this laptop's corrected clock."""
    return desk.clock.now_ms()
