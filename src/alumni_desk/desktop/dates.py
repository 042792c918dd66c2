"""Dates as the window says them: "Tuesday 10 November", "in two days", "18:30 to 21:00"."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from PySide6.QtCore import QDate, QLocale

from alumni_desk.words import _, ngettext


def _locale() -> QLocale:
    # Translators: the language of these words as a code, so that months and weekdays are in the same language.
    return QLocale(_("en"))


def _said(day: date, form: str) -> str:
    return _locale().toString(QDate(day.year, day.month, day.day), form)


def weekday_short(day: date) -> str:
    """Thu"""
    return _said(day, "ddd")


def weekday_long(day: date) -> str:
    """Friday"""
    return _said(day, "dddd")


def month_short(day: date) -> str:
    """Nov"""
    return _said(day, "MMM")


def month_long(day: date) -> str:
    """November"""
    return _said(day, "MMMM")


def day_long(day: date) -> str:
    """Tuesday 10 November"""
    return _said(day, "dddd d MMMM")


def day_full(day: date) -> str:
    """4 March 1976"""
    return _said(day, "d MMMM yyyy")


def day_middle(day: date) -> str:
    """Sat 5 December"""
    return _said(day, "ddd d MMMM")


def day_short(day: date) -> str:
    """8 Nov"""
    return _said(day, "d MMM")


def parse_wall(text: str | None) -> datetime | None:
    """A gathering's local wall time, YYYY-MM-DDTHH:MM."""
    return datetime.fromisoformat(text) if text else None


def span(starts: datetime, ends: datetime | None) -> str:
    """18:30 to 21:00; with its day when it ends on another one."""
    first = starts.strftime("%H:%M")
    if ends is None or ends < starts:  # two people may have set one of them each: what is said of that stands elsewhere
        return first
    last = ends.strftime("%H:%M") if ends.date() == starts.date() else f"{day_short(ends.date())}, {ends:%H:%M}"
    return _("{first} to {last}").format(first=first, last=last)


def distance(day: date, today: date) -> str:
    """In two days; yesterday; 3 weeks ago."""
    days = (day - today).days
    words = {
        0: _("today"), 1: _("tomorrow"), 2: _("in two days"), 3: _("in three days"), 4: _("in four days"),
        5: _("in five days"), 6: _("in six days"), -1: _("yesterday"),
    }  # fmt: skip
    if days in words:
        return words[days]
    if days > 0:
        return ngettext("in {n} day", "in {n} days", days).format(n=days)
    return ngettext("{n} day ago", "{n} days ago", -days).format(n=-days)


def ago(then: datetime, now: datetime) -> str:
    """How long ago something happened: just now, 5 minutes ago, 3 hours ago, 2 days ago."""
    passed = max(timedelta(0), now - then)
    if passed < timedelta(minutes=1):
        return _("just now")
    minutes = int(passed.total_seconds() // 60)
    if minutes < 60:
        return ngettext("{n} minute ago", "{n} minutes ago", minutes).format(n=minutes)
    if minutes < 48 * 60:
        return ngettext("{n} hour ago", "{n} hours ago", minutes // 60).format(n=minutes // 60)
    return ngettext("{n} day ago", "{n} days ago", minutes // 1440).format(n=minutes // 1440)


def first_upper(text: str) -> str:
    """A sentence's first letter large, the rest as it is."""
    return text[:1].upper() + text[1:]


def local(at: str) -> datetime:
    """A moment (UTC, ISO 8601) by this computer's clock."""
    return datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone()


def moment(then: datetime) -> str:
    """18:40, or 9 Nov, 18:40 on another day."""
    here = then.astimezone()
    clock = here.strftime("%H:%M")
    return clock if here.date() == datetime.now().date() else f"{day_short(here.date())}, {clock}"
