"""What a person is called: on screen, on a badge, in a list."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from alumni_desk.words import _


class Named(Protocol):
    """Any row with a person's name fields."""

    @property
    def first_name(self) -> str | None: ...
    @property
    def last_name(self) -> str | None: ...
    @property
    def preferred_name(self) -> str | None: ...


class Called(NamedTuple):
    """The columns of a person that a list needs to name them."""

    id: str
    first_name: str | None
    last_name: str | None
    preferred_name: str | None
    other_script_name: str | None
    class_year: int | None


def display_name(person: Any) -> str:
    """The name people know somebody by; empty if there is none.

    A preferred name of one word stands for the first name ("Beth" of Elizabeth Ortega: "Beth Ortega"); of several, for all of it.
    """
    preferred, first, last = person.preferred_name or "", person.first_name or "", person.last_name or ""
    if preferred and (" " in preferred.strip() or not last or preferred == last):
        return str(preferred)
    if preferred:
        return " ".join(part for part in (preferred, last) if part)
    return " ".join(part for part in (first, last) if part) or getattr(person, "other_script_name", None) or ""


def no_name(person: Any) -> str:
    """What stands where a name would: somebody was erased, moved to another chapter, or is only announced (``person`` may be None)."""
    if person is not None and getattr(person, "standing", None) == "moved":
        return _("Moved to another chapter")
    return _("Erased") if person is not None and person.gone else _("Name to come")


PARTICLES = frozenset("de da di du del della der den van von la le las los dos das ter ten af av zu zum bin ibn al el "
                      "ní ni nic ó o mac mc st st. y e".split())
"""What begins a last name of several words, or joins two (y, e)."""


def last_name_at(words: Sequence[str]) -> int:
    """Where the last name begins in a name of two words or more; the first of them is never part of it."""
    at = len(words) - 1
    while at > 1 and (particle := words[at - 1].lower()) in PARTICLES:
        at -= 2 if particle in ("y", "e") and at > 2 else 1  # it joins the last name with the one before
    return at


TITLES = frozenset("mr mrs ms mx dr prof professor rev herr frau sr sra srta mme mlle".split())
"""What may stand before a name and is nobody's own. “M.” may be an initial, and Lady somebody's first name."""


def _titles_before(words: Sequence[str]) -> int:
    return next((at for at, word in enumerate(words) if word.lower().rstrip(".") not in TITLES), len(words))


def without_titles(name: str) -> str:
    """A name without the titles before it; as it is if it has none, or nothing else."""
    words = name.split()
    count = _titles_before(words)
    return " ".join(words[count:]) if 0 < count < len(words) else name


def first_and_last(name: str, *, titled: bool = True) -> dict[str, str | None]:
    """A name that was typed in one line as first_name and last_name, of which nothing is left out; empty for none.

    ``titled``: titles that stand before both are the title.
    """
    words = name.split()
    count = _titles_before(words) if titled else 0
    if count and len(words) - count > 1:
        return {"title": " ".join(words[:count]), **first_and_last(" ".join(words[count:]), titled=False)}
    if len(words) < 2:
        return {"first_name": words[0], "last_name": None} if words else {}
    at = last_name_at(words)
    return {"first_name": " ".join(words[:at]), "last_name": " ".join(words[at:])}


def set_apart(name: str) -> str:
    """A name that is to stand in a sentence: one that is written from right to left does not turn what stands beside it around."""
    turns = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"\u2068{name}\u2069" if turns else name


def full_name(person: Any) -> str:
    """The whole name with title, middle name and suffix, for letters and the detail of a member."""
    first = " ".join(part for part in (person.title, person.first_name, person.middle_name, person.last_name) if part)
    return ", ".join(part for part in (first, person.suffix) if part) or display_name(person)


def class_tail(person: Any) -> str:
    """The tail after a name: class year and family ties, as in ``’99 P’28``. Apostrophes are typographic."""
    return " ".join(part for part in (short_year(person.class_year), _curly(person.badge_tail)) if part)


def short_year(year: int | None) -> str:
    """A class year as it is said: ’04."""
    return f"’{year % 100:02d}" if year else ""


def disc(person: Any) -> str:
    """What the disc beside a name says: the class year, else the letter of what ties somebody to the school; empty for neither."""
    if person.class_year:
        return short_year(person.class_year)
    codes = str(getattr(person, "constituent_codes", None) or "")
    for code, letter in (("parent", _("P")), ("friend", _("F")), ("student", _("S")), ("faculty", _("T")), ("trustee", _("B"))):
        if f'"{code}"' in codes:
            return letter
    return ""


def face(person: Any) -> str:
    """What the disc of a member says: as ``disc``, else the first letter of the name, whole in any script; empty where there is no name yet."""
    letter = disc(person)
    name = "" if letter else display_name(person)
    at = next((place for place, sign in enumerate(name) if sign.isalpha()), None)
    if at is None:
        return letter
    end = at + 1
    while end < len(name) and unicodedata.category(name[end]).startswith("M"):
        end += 1
    letter = name[at:end]
    return letter.upper() if len(letter.upper()) == len(letter) else letter


def sort_key(person: Any) -> tuple[str, str]:
    """How a list is ordered by name: folded last name, then first."""
    from alumni_desk.store.search import fold

    last, first = fold(person.last_name or ""), fold(person.preferred_name or person.first_name or "")
    return (last or first or fold(getattr(person, "other_script_name", None) or ""), first)


def _curly(text: str | None) -> str:
    return (text or "").replace("'", "’")
