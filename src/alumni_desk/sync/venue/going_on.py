"""With whom a laptop is together in one room, kept so that it goes on by itself after a crash or a restart of the program, as long as the evening lasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alumni_desk.gatherings.fields import counted_end
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.venue.timing import now_ms

if TYPE_CHECKING:
    from alumni_desk.store.driver import Connection

LONGEST = timedelta(hours=18)
"""So long after it was switched on it goes on at most."""


@dataclass(frozen=True)
class Together:
    """What is on. ``shares`` and ``visits``: since when, in milliseconds since 1970; 0: not. ``address`` and ``code`` of the laptop that is visited."""

    shares: int = 0
    gathering: str = ""
    visits: int = 0
    address: str = ""
    code: str = ""


def remember(desk: Desk, now: Together) -> None:
    """Keep it in the encrypted database; nothing where nothing is on."""
    with desk.applying() as applying:
        membership = state.read(applying.connection, state.Membership)
        if membership is None or not (now.shares or now.visits):
            state.drop(applying.connection, state.Here)
        else:
            state.keep(applying.connection, state.Here(membership.server, membership.scope, now.shares, now.gathering, now.visits, now.address, now.code))


def to_go_on_with(desk: Desk) -> Together:
    """What was on when the program ended, as far as its evening lasts."""
    with desk.reading() as connection:
        here, membership = state.read(connection, state.Here), state.read(connection, state.Membership)
        if here is None or membership is None or (here.server, here.scope) != (membership.server, membership.scope):
            return Together()
        now = now_ms(desk)
        shares, visits = (since if since and since <= now < _until(connection, since) else 0 for since in (here.shares, here.visits))
    return Together(shares, here.gathering if shares else "", visits, here.address if visits else "", here.code if visits else "")


def lasts_until(desk: Desk, since: int) -> datetime:
    """Until when what was switched on then goes on by itself."""
    with desk.reading() as connection:
        return datetime.fromtimestamp(_until(connection, since) / 1000, UTC)


def _until(connection: Connection, since: int) -> int:
    """Until the end of the day of the last gathering that ran on the day when it was switched on."""
    begun = datetime.fromtimestamp(since / 1000, UTC)
    rows = driver.rows(connection, "SELECT starts, ends, time_zone FROM gathering WHERE NOT gone AND starts IS NOT NULL")
    ends = [end for starts, ended, zone in rows if (end := _end_of_day(starts, ended, zone, begun)) is not None]
    return int(min(begun + LONGEST, max(ends, default=begun + LONGEST)).timestamp() * 1000)


def _end_of_day(starts: str, ends: str | None, time_zone: str | None, begun: datetime) -> datetime | None:
    """When a gathering's last day ends, if it ran on the day of ``begun``."""
    try:
        zone = ZoneInfo(time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    try:
        last = datetime.fromisoformat((counted_end(starts, ends) or starts)[:10])
    except ValueError:
        return None
    if not starts[:10] <= f"{begun.astimezone(zone):%Y-%m-%d}" <= f"{last:%Y-%m-%d}":
        return None
    return (last + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)
