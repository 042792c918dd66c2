"""Without the internet at the door: how many laptops are here, what waits on this one, how old the list is."""

from __future__ import annotations

from datetime import datetime, timedelta

from alumni_desk.checkin.lists import local_time
from alumni_desk.desktop.door_bars import Network
from alumni_desk.desktop.venue_bridge import AtVenue
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, clock_time, ngettext


def waiting_changes(desk: Desk) -> int:
    """How many changes of this laptop the server has not got yet, as the Sync page counts them: a check-in that is taken back is two."""
    from alumni_desk.sync import operations

    with desk.reading() as connection:
        return operations.count_waiting(connection)


OLD_LIST = timedelta(minutes=10)


def network_words(venue: AtVenue, silent_since: datetime | None, last_sync: datetime | None, waiting: int, now: datetime,
                  zone: str | None) -> Network:
    """What the line above the keys says, by the clocks of the gathering's time zone; nothing while the server answers."""
    if silent_since is None:
        return Network()
    laptops = venue.connected + 1
    since = clock_time(local_time(silent_since.isoformat(), zone) or silent_since)
    if venue.together:
        first = ngettext("{n} laptop here, no internet since {time}", "{n} laptops here, no internet since {time}", laptops).format(n=laptops, time=since)
    else:
        first = _("No internet since {time}").format(time=since)
    wait = ngettext("{n} change waits on this laptop, nothing is lost", "{n} changes wait on this laptop, nothing is lost", waiting).format(n=waiting)
    old = now - last_sync if last_sync is not None else timedelta(0)
    age = _("The guest list is {age} old").format(age=_long(old)) if old >= OLD_LIST else ""
    return Network(first, wait if waiting else _("Check-in goes on"), age)


def _long(much: timedelta) -> str:
    """40 minutes; 3 hours; 2 days."""
    minutes = int(much.total_seconds() // 60)
    if minutes < 120:
        return ngettext("{n} minute", "{n} minutes", minutes).format(n=minutes)
    if minutes < 48 * 60:
        return ngettext("{n} hour", "{n} hours", minutes // 60).format(n=minutes // 60)
    return ngettext("{n} day", "{n} days", minutes // 1440).format(n=minutes // 1440)
