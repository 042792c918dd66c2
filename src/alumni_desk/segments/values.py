"""A field's value as people read it: days and moments, codes and answers in words, whatever kind of record it is of."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from alumni_desk.gatherings.kinds import answer_word, kind_word, mode_word
from alumni_desk.words import _, clock_time, day_full

_DAYS = frozenset({"birth_date", "deceased_date"})
_WALL_TIMES = frozenset({"starts", "ends"})
_MOMENTS = frozenset({"answered_at", "started_at", "finished_at"})


def value_words(table: str, field: str, value: Any) -> str:
    """A value of a field as people read it; empty if there is none."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    listed = _listed(value)
    if listed is not None:
        return ", ".join(_one(table, field, one) for one in listed)
    return _one(table, field, value)


def _listed(value: Any) -> list[Any] | None:
    if isinstance(value, list):
        return value
    if not isinstance(value, str) or not value.startswith("["):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _one(table: str, field: str, value: Any) -> str:
    text = str(value)
    if field in _DAYS or field in _WALL_TIMES or field in _MOMENTS:
        return _when(field, text)
    return _coded(table, field, text)


def _when(field: str, text: str) -> str:
    """A day, a wall time or a moment; what is none (a year alone) as it is."""
    try:
        if field in _DAYS:
            return day_full(date.fromisoformat(text))
        at = datetime.fromisoformat(text)
        at = at.astimezone() if field in _MOMENTS else at
    except (ValueError, OverflowError):
        return text
    return _("{day}, {time}").format(day=day_full(at.date()), time=clock_time(at))


def _coded(table: str, field: str, text: str) -> str:
    """What is kept as a code, in words."""
    if table == "registration" and field == "status":
        return answer_word(text)
    if table == "gathering" and field == "kind":
        return kind_word(text)
    if table == "gathering" and field == "mode":
        return mode_word(text)
    words = {
        "status": {"planned": _("Planned"), "cancelled": _("Cancelled")},
        "solicit_codes": {"do_not_contact": _("Do not contact at all"), "do_not_email": _("No e-mail"), "do_not_call": _("No calls"),
                          "do_not_mail": _("No letters"), "do_not_solicit": _("Do not ask for money")},
        "constituent_codes": {"alumnus": _("Alumnus"), "parent": _("Parent"), "friend": _("Friend"), "student": _("Student"), "faculty": _("Faculty"),
                              "trustee": _("Trustee")},
        "consent": {"contact": _("May be contacted"), "gathering_only": _("For this gathering only")},
        "email_status": {"bounced": _("E-mail fails")},
        "standing": {"member": _("Member"), "guest": _("Guest"), "moved": _("Moved to another chapter")},
    }.get(field, {})
    return words.get(text, text)
