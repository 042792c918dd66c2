"""Activity looked through to its end: all that was done of one kind, or that holds some words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from alumni_desk.segments.activity import Deed, looked_at, told
from alumni_desk.segments.others import others_so_far
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import Done, actions
from alumni_desk.words import _, ngettext

STEP = 400
"""So many actions are looked through between two looks whether the answer is still wanted."""
FURTHER = 4
"""So many times as many of others' are looked through each time too few were found."""


@dataclass(frozen=True)
class Asked:
    """What is looked for. ``begins``: with one of these its event begins; ``words``: all stand in its line, in lower case."""

    whose: str  # mine, everyone
    begins: tuple[str, ...] = ("",)
    words: tuple[str, ...] = ()

    def fits(self, deed: Deed) -> bool:
        """Whether an action is like that; a check-in also if the line of many is."""
        text = deed.what.casefold()
        if deed.event == "checked_in":
            guests = ngettext("{n} guest", "{n} guests", 2).format(n="")
            text += " " + _("Checked in {guests} at {gathering}").format(guests=guests, gathering=deed.where).casefold()
        return deed.event.startswith(self.begins) and all(word in text for word in self.words)


@dataclass(frozen=True)
class Found:
    """The newest that are like that. ``whole``: there are no others."""

    asked: Asked
    deeds: list[Deed]
    whole: bool


def find(desk: Desk, asked: Asked, limit: int, given_up: Callable[[], bool] = lambda: False) -> Found:
    """The newest ``limit`` actions that are like that, however far back they are, newest first. ``given_up`` is asked on the way."""
    own, whole = _own(desk, asked, limit, given_up)
    if asked.whose != "everyone":
        return Found(asked, own, whole)
    theirs, all_of_theirs = _of_others(desk, asked, limit, given_up)
    both = sorted([*own, *theirs], key=lambda one: one.at, reverse=True)
    return Found(asked, both[:limit], whole and all_of_theirs and len(both) <= limit)


def _own(desk: Desk, asked: Asked, limit: int, given_up: Callable[[], bool]) -> tuple[list[Deed], bool]:
    found: dict[str, tuple[Done, Deed]] = {}
    skip, whole = 0, False
    while len(found) < limit and not whole and not given_up():
        part = actions(desk, STEP, skip=skip)
        skip, whole = skip + STEP, len(part) < STEP
        alike = [one for one in part if one.event.startswith(asked.begins)]
        found |= {deed.id: (one, deed) for one, deed in zip(alike, told(desk, alike), strict=True) if asked.fits(deed)}
    newest = list(found.values())[:limit]
    return looked_at(desk, [one for one, _deed in newest], [deed for _one, deed in newest]), whole and len(found) <= limit


def _of_others(desk: Desk, asked: Asked, limit: int, given_up: Callable[[], bool]) -> tuple[list[Deed], bool]:
    found: list[Deed] = []
    far, whole = limit, False
    while len(found) < limit and not whole and not given_up():
        seen, whole = others_so_far(desk, far, given_up)
        found = [one for one in seen if asked.fits(one)]
        far *= FURTHER
    return found, whole
