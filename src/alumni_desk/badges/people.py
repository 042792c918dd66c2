"""Who gets a badge, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alumni_desk.gatherings.lists import GuestRow, guest_rows
from alumni_desk.store.desk import Desk
from alumni_desk.store.search import fold

BADGED = ("yes", "maybe", "invited")
"""Answers with which somebody may well stand at the door."""


@dataclass(frozen=True)
class BadgePerson:
    """What one badge says. ``big`` is the name to be called by; ``name`` the whole one, empty if it is the same."""

    registration: str
    person: str
    big: str
    name: str
    other_script_name: str
    class_tail: str
    class_year: int | None
    city: str
    code: str
    host_name: str
    first_name: str = ""
    last_name: str = ""


def badge_people(desk: Desk, gathering_id: str, *, only_new: bool = False, registrations: Sequence[str] | None = None,
                 statuses: Sequence[str] = ("yes",)) -> list[BadgePerson]:
    """Everybody coming to a gathering, as badges, by last name with guests under their host.

    ``only_new``: without those whose badge was printed. ``registrations``: just these, whatever their answer. Guests without a name get
    none: blanks are for them.
    """
    wanted = None if registrations is None else set(registrations)
    rows = [row for row in guest_rows(desk, gathering_id) if row.named]
    if wanted is None:
        rows = [row for row in rows if row.status in statuses or row.checked_in]
    else:
        rows = [row for row in rows if not wanted.isdisjoint((row.registration, *row.others))]
    return [badge_of(row) for row in rows if not (only_new and row.badge_printed)]


def badge_of(row: GuestRow) -> BadgePerson:
    """A guest as their badge says it."""
    big, whole = _big(row), _whole(row)
    other = row.other_script_name if row.other_script_name and row.other_script_name != whole else ""
    return BadgePerson(row.registration, row.person, big, "" if whole == big else whole, other,
                       row.class_tail, row.class_year, row.city or "", row.code or "", row.host_name or "", row.first_name or "", row.last_name or "")


def _whole(row: GuestRow) -> str:
    """The whole name. A preferred name of several words ("Mary Jo") stands for all of it on screen; on a badge the last name is never missing.

    A name that was typed for this badge is whole as it is: it may have another last name.
    """
    last = row.last_name or ""
    said = fold(row.name).split()
    if row.named and last and not row.typed and not all(word in said for word in fold(last).split()):
        return f"{row.name} {last}"
    return row.name


def _big(row: GuestRow) -> str:
    """What people call somebody: the preferred or first name; the whole name where there is no part to choose."""
    last = row.last_name or ""
    if last and row.name.endswith(f" {last}") and len(row.name) > len(last) + 1:
        return row.name[: -len(last) - 1]
    return row.name
