"""What the door may answer, and how it decides: pure, so that every case can be tried without a database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from alumni_desk.store.writing import Changed


class Outcome(Enum):
    """The six answers of the door. The values are what the command line prints."""

    ADMITTED = "admitted"
    ALREADY_IN = "already_in"
    CHOOSE = "choose"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    NEEDS_A_WORD = "needs_a_word"


class Reason(Enum):
    """Why a verdict is not simply "welcome"; on an admission: what was overlooked on purpose, kept with the fact."""

    CANCELLED = "cancelled"
    DECLINED = "declined"
    WAITLISTED = "waitlisted"
    NOT_ON_THE_LIST = "not_on_the_list"
    DOOR_NOTE = "door_note"
    DECEASED = "deceased"
    OTHER_GATHERING = "other_gathering"
    UNKNOWN_CODE = "unknown_code"
    NO_SUCH_NAME = "no_such_name"
    SEVERAL = "several"
    OVER_CAPACITY = "over_capacity"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the door as presence needs it; ``at`` is for people to read and decides nothing."""

    id: str
    kind: str  # in | out | void | badge
    closes: frozenset[str] = frozenset()
    at: str | None = None
    station: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who might be meant: enough to tell namesakes apart."""

    id: str  # the registration, or the person if not on the list
    person: str
    name: str
    class_tail: str
    host_name: str | None
    status: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The door's answer about one guest. ``at`` is UTC, ISO 8601; ``fact`` is the fact this verdict wrote, if any."""

    outcome: Outcome
    registration: str | None = None
    person: str | None = None
    name: str = ""
    class_tail: str = ""
    at: str | None = None
    station: str | None = None
    by: str | None = None
    reason: Reason | None = None
    fact: str | None = None
    candidates: tuple[Candidate, ...] = ()
    other_gathering: str | None = None  # name of the gathering whose badge this is
    other_day: str | None = None  # and its local start, YYYY-MM-DDTHH:MM
    changed: Changed = field(default_factory=Changed)

    @property
    def may_pass(self) -> bool:
        """Whether the guest may go in."""
        return self.outcome in (Outcome.ADMITTED, Outcome.ALREADY_IN)


def open_ins(facts: Iterable[Fact]) -> list[Fact]:
    """The ``in`` facts that no ``out`` or ``void`` names, earliest first. Somebody is here if there is one.

    Only names close facts: neither the order of arrival nor anybody's clock matters.
    """
    known = list(facts)
    closed = {name for fact in known if fact.kind in ("out", "void") for name in fact.closes}
    return sorted((f for f in known if f.kind == "in" and f.id not in closed), key=lambda f: (f.at or "", f.id))


def has_left(facts: Iterable[Fact]) -> bool:
    """Whether somebody was here and went out: no open ``in``, and an ``in`` that an ``out`` closed and no ``void``."""
    known = list(facts)
    voided = {name for fact in known if fact.kind == "void" for name in fact.closes}
    left = {name for fact in known if fact.kind == "out" and fact.id not in voided for name in fact.closes}
    return not open_ins(known) and any(f.kind == "in" and f.id in left and f.id not in voided for f in known)


def objection(status: str | None, *, on_the_list: bool, door_note: bool, deceased: bool = False) -> Reason | None:
    """What speaks against letting somebody in without a word, or None. Invited and "maybe" are welcome.

    >>> objection("yes", on_the_list=True, door_note=False) is None
    True
    >>> objection("cancelled", on_the_list=True, door_note=False)
    <Reason.CANCELLED: 'cancelled'>
    """
    if deceased:
        return Reason.DECEASED  # a namesake was meant, or the list is wrong
    if not on_the_list:
        return Reason.NOT_ON_THE_LIST
    told = {"cancelled": Reason.CANCELLED, "no": Reason.DECLINED, "waitlisted": Reason.WAITLISTED}.get(status or "")
    if told is not None:
        return told
    return Reason.DOOR_NOTE if door_note else None


def decide(here: bool, against: Reason | None, *, let_in: bool) -> Outcome:
    """The outcome for a guest who was found: already in, a word first, or welcome."""
    if here:
        return Outcome.ALREADY_IN
    if against is not None and not let_in:
        return Outcome.NEEDS_A_WORD
    return Outcome.ADMITTED
