"""Kinds of gatherings, modes and answers, and what they are called."""

from __future__ import annotations

from alumni_desk.words import _

KINDS = ("reception", "dinner", "lunch", "networking", "talk", "tour", "sports", "family", "volunteering", "holiday", "workshop", "webinar", "other")
MODES = ("in_person", "online", "hybrid")
ANSWERS = ("invited", "yes", "maybe", "no", "waitlisted", "cancelled")
COMING = ("yes",)


def kind_word(kind: str | None) -> str:
    """A kind of gathering as people say it."""
    return {
        "reception": _("Reception"), "dinner": _("Dinner"), "lunch": _("Lunch"), "networking": _("Networking"), "talk": _("Talk"), "tour": _("Tour"),
        "sports": _("Sports"), "family": _("Family day"), "volunteering": _("Volunteering"), "holiday": _("Holiday party"), "workshop": _("Workshop"),
        "webinar": _("Webinar"), "other": _("Gathering"),
    }.get(kind or "other", kind or "")


def mode_word(mode: str | None) -> str:
    """How a gathering is held, as people say it."""
    return {"in_person": _("In person"), "online": _("Online"), "hybrid": _("In person and online")}.get(mode or "in_person", mode or "")


def answer_word(status: str | None) -> str:
    """An answer to an invitation as people say it."""
    return {"invited": _("Not answered"), "yes": _("Coming"), "maybe": _("Maybe"), "no": _("Not coming"), "waitlisted": _("Waiting list"),
            "cancelled": _("Cancelled")}.get(status or "invited", status or "")
