"""Without the internet at the door: how many laptops are here, what waits on this one, how old the list is."""

from __future__ import annotations

from datetime import datetime, timedelta

from alumni_desk.checkin.lists import local_time
from alumni_desk.desktop.dates import day_short
from alumni_desk.desktop.door_bars import Network
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.venue_bridge import AtVenue
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, clock_time, ngettext, number


def waiting_changes(desk: Desk) -> int:
    """How many changes of this laptop the server has not got yet, as the Sync page counts them: a check-in that is taken back is two."""
    from alumni_desk.sync import operations

    with desk.reading() as connection:
        return operations.count_waiting(connection)


OLD_LIST = timedelta(minutes=10)


def network_words(venue: AtVenue, silent_since: datetime | None, last_sync: datetime | None, waiting: int, now: datetime,
                  zone: str | None, *, heard: bool = True) -> Network:
    """What the line above the keys says, by the clocks of the gathering's time zone; nothing while the server answers.

    ``heard``: the server has answered since the program began. If not, nobody knows when it went silent, only when the last sync with it ended.
    """
    if silent_since is None:
        return Network()
    laptops = venue.connected + 1
    since = last_sync if not heard else silent_since
    if since is None:
        first = ngettext("{n} laptop here, no internet, no sync with the server yet", "{n} laptops here, no internet, no sync with the server yet", laptops) \
            if venue.together else _("No internet, no sync with the server yet")
    elif not heard:
        first = ngettext("{n} laptop here, no internet, last sync {time}", "{n} laptops here, no internet, last sync {time}", laptops) \
            if venue.together else _("No internet, last sync {time}")
    else:
        first = ngettext("{n} laptop here, no internet since {time}", "{n} laptops here, no internet since {time}", laptops) \
            if venue.together else _("No internet since {time}")
    first = first.format(n=laptops, time=_at(since, now, zone) if since is not None else "")
    wait = ngettext("{n} change waits on this laptop, nothing is lost", "{n} changes wait on this laptop, nothing is lost", waiting).format(n=number(waiting))
    old = now - last_sync if last_sync is not None else timedelta(0)
    age = _("The guest list is {age} old").format(age=_long(old)) if old >= OLD_LIST else ""
    second = wait if waiting else _("Check-in goes on")
    if gone := _silent_words(venue, now, zone):
        second = _("{gone} · {second}").format(gone=gone, second=second)
    return Network(first, second, age)


def _silent_words(venue: AtVenue, now: datetime, zone: str | None) -> str:
    """Which laptop here went silent last, and how many more have."""
    silent = [one for one in venue.others if not one.now] if venue.together else []
    if not silent:
        return ""
    last, more = max(silent, key=lambda one: one.heard), len(silent) - 1
    name, since = isolated(last.name or last.who) or _("A laptop"), _at(last.heard, now, zone)
    if not more:
        return _("{laptop} has not answered since {time}").format(laptop=name, time=since)
    return ngettext("{laptop} has not answered since {time}, nor has {n} other", "{laptop} has not answered since {time}, nor have {n} others", more).format(
        laptop=name, time=since, n=number(more))


def _at(moment: datetime, now: datetime, zone: str | None) -> str:
    """18:02; with its day, if that is not today."""
    at, today = (local_time(one.isoformat(), zone) or one for one in (moment, now))
    return clock_time(at) if at.date() == today.date() else _("{day}, {time}").format(day=day_short(at.date()), time=clock_time(at))


def _long(much: timedelta) -> str:
    """40 minutes; 3 hours; 2 days."""
    minutes = int(much.total_seconds() // 60)
    if minutes < 120:
        return ngettext("{n} minute", "{n} minutes", minutes).format(n=minutes)
    if minutes < 48 * 60:
        return ngettext("{n} hour", "{n} hours", minutes // 60).format(n=minutes // 60)
    return ngettext("{n} day", "{n} days", minutes // 1440).format(n=minutes // 1440)
