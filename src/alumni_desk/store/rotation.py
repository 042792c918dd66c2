"""Which of the backups that were made by themselves stay: 12 daily, 10 weekly, 9 monthly, and the newest made before something large."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

Rule = Literal["daily", "weekly", "monthly", "before", "ahead"]

DAILY, WEEKLY, MONTHLY, BEFORE = 12, 10, 9, 10


class Made(NamedTuple):
    """A backup to judge: its name, when it was made (to the second, by the clocks of the place), whether before an import, an update or a restore, and its
    number."""

    name: str
    at: datetime
    before: bool = False
    number: int = 0  # rises with each of a desk's; 0: nobody knows


def kept(backups: Iterable[Made], now: datetime) -> dict[str, Rule]:
    """The backups to keep, each with the rule that keeps it; all others may go. Days, weeks and months are those of ``at``'s own zone.

    Of each day, week and month the newest stays; what a shorter rule keeps is not counted by a longer one. Those made before an
    import, an update or a restore are counted apart: going back and forth must not push out what one goes back to. A backup from
    the future tells that a clock is wrong, this one or an earlier one: it stays and takes nobody's place.
    """
    newest_first = sorted(backups, key=lambda one: (one.at, one.number, len(one.name), one.name), reverse=True)  # of one second: …-daily-2 after …-daily
    found: dict[str, Rule] = {one.name: "ahead" for one in newest_first if one.at > now + timedelta(days=1)}
    past = [one for one in newest_first if one.name not in found and not one.before]
    rules: tuple[tuple[Rule, int, Callable[[datetime], object]], ...] = (
        ("daily", DAILY, lambda at: at.date()), ("weekly", WEEKLY, lambda at: at.isocalendar()[:2]), ("monthly", MONTHLY, lambda at: (at.year, at.month)))
    for rule, count, period_of in rules:
        periods: set[object] = set()
        for one in past:
            if count == 0:
                break
            period = period_of(one.at)  # not by the hour of now: summer time would make an evening the next day
            if period not in periods and one.name not in found:
                found[one.name] = rule
                count -= 1
            periods.add(period)
    found.update({one.name: "before" for one in [one for one in newest_first if one.before and one.name not in found][:BEFORE]})
    return found
