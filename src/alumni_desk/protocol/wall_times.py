"""Moments as gatherings keep them: by the clocks where they are held."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def local_now(moment: datetime, zone: str | None) -> str:
    """A moment (aware) by the clocks of a zone, as wall times are kept."""
    try:
        there = ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        there = ZoneInfo("UTC")
    return moment.astimezone(there).strftime("%Y-%m-%dT%H:%M")
