"""Every sentence a user reads comes through here: translation, and how days, times and numbers are written."""

from __future__ import annotations

import gettext
import os
from datetime import date, datetime
from functools import lru_cache

from alumni_desk.errors import KnownError
from alumni_desk.resources import resource


@lru_cache(maxsize=1)
def _translation() -> gettext.NullTranslations:
    # The language of the system, as gettext itself reads it; English where there is no catalogue.
    languages = [one for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG") for one in os.environ.get(name, "").split(":") if one]
    return gettext.translation("alumni-desk", str(resource("i18n")), languages=languages or ["en"], fallback=True)


def _(text: str) -> str:
    """The sentence in the user's language."""
    return _translation().gettext(text)


def ngettext(one: str, many: str, n: int) -> str:
    """The sentence for a count, in the user's language."""
    return _translation().ngettext(one, many, n)


def number(n: int) -> str:
    """A count as people read it: 2,014."""
    return f"{n:,}"


def day(when: date) -> str:
    """A day as people say it: Thu 12 Nov."""
    weekdays = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    months = (_("Jan"), _("Feb"), _("Mar"), _("Apr"), _("May"), _("Jun"), _("Jul"), _("Aug"), _("Sep"), _("Oct"), _("Nov"), _("Dec"))
    return _("{weekday} {day} {month}").format(weekday=weekdays[when.weekday()], day=when.day, month=months[when.month - 1])


def with_year(words: str, when: date, today: date | None = None) -> str:
    """A day's words, with its year if it is another one than today's."""
    return words if when.year == (today or date.today()).year else _("{day} {year}").format(day=words, year=when.year)


def day_full(when: date) -> str:
    """A day of any year: 4 March 1976."""
    months = (_("January"), _("February"), _("March"), _("April"), _("May"), _("June"), _("July"), _("August"), _("September"), _("October"), _("November"),
              _("December"))
    return _("{day} {month} {year}").format(day=when.day, month=months[when.month - 1], year=when.year)


def clock_time(when: datetime) -> str:
    """A time of day: 18:42. Convert to the zone that the reader lives in first."""
    return f"{when.hour:02d}:{when.minute:02d}"


def sentence(error: BaseException) -> str:
    """What to tell a user about an error: its own sentence, or that it is a fault of the program."""
    if isinstance(error, KnownError):
        return str(error)
    return _("Something went wrong inside the program. What was saved is safe; the log says where it happened.")
