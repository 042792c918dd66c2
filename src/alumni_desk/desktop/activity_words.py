"""Activity in words: the sign of an action, why it cannot be undone, and the day it was on."""

from __future__ import annotations

from datetime import date

from alumni_desk.desktop.dates import day_long
from alumni_desk.segments.activity import CHECK_INS, Deed
from alumni_desk.store.done import GONE_BACK
from alumni_desk.words import _

FIELD_ICONS = {"mobile": "phone", "phone": "phone", "email": "envelope-simple", "other_emails": "envelope-simple", "street": "map-pin", "city": "map-pin",
               "region": "map-pin", "postal_code": "map-pin", "country": "map-pin", "class_year": "graduation-cap", "employer": "briefcase",
               "job_title": "briefcase", "birth_date": "cake", "household": "house", "consent": "prohibit", "solicit_codes": "prohibit", "status": "check"}
ICONS = {"answers_noted": "check", "answers_taken_back": "check", "guests_removed": "user-minus", "guests_brought_back": "user-plus",
         "guests_came_anyhow": "user-plus", "gathering_came_anyhow": "calendar-plus",
         "guest_of_added": "user-plus", "guest_named": "user", "members_brought_back": "user-plus", "conflict_decided": "git-merge",
         "people_merged": "git-merge", "people_unmerged": "git-merge",
         "gathering_changed": "calendar-blank", "gathering_replanned": "calendar-check", "chapter_founded": "flag", "chapter_changed": "flag",
         "chapter_completed": "flag", "sample_made": "flag",
         "import": "upload-simple", "member_added": "user-plus", "members_removed": "user-minus", "badges_printed": "printer", "checked_in": "door",
         "walked_in": "user-plus", "check_in_undone": "door", "checked_out": "sign-out", "gathering_planned": "calendar-plus",
         "gathering_cancelled": "calendar-x", "guests_added": "user-plus", "value_restored": "clock-counter-clockwise",
         GONE_BACK: "clock-counter-clockwise"}


def icon_of(deed: Deed) -> str:
    """The sign of a kind of change: of the field if it is one, else of the event."""
    return FIELD_ICONS.get(deed.field, "") if deed.event == "member_changed" and deed.field in FIELD_ICONS else ICONS.get(deed.event, "note-pencil")


def reason_of(deed: Deed) -> tuple[str, str]:
    """Why an action cannot be undone here, and where it is corrected instead; empty if it can."""
    if deed.rows:
        way = "" if deed.person is None and deed.gathering is None else _("Change it yourself") if deed.count == 1 else _("Change them yourself")
        return deed.reason or "", way
    if deed.event in CHECK_INS:
        return _("Corrected in the gathering"), _("Open the gathering") if deed.gathering is not None else ""
    if deed.event == GONE_BACK:
        return deed.reason or "", _("Backups")
    if deed.state == "undone":
        return deed.stays, ""
    return deed.reason or "", ""


def day_words(day: date) -> str:
    """Today, Tuesday 10 November; with its year if it is not this one."""
    words = day_long(day) if day.year == date.today().year else f"{day_long(day)} {day.year}"
    distance = (date.today() - day).days
    if distance == 0:
        return _("Today, {day}").format(day=words)
    if distance == 1:
        return _("Yesterday, {day}").format(day=words)
    return words
