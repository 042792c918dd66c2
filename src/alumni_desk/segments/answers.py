"""What was answered when: the moments of a guest's answers, each with its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alumni_desk.gatherings.kinds import answer_word

if TYPE_CHECKING:
    from alumni_desk.store.history import Version


def answers(versions: Sequence[Version]) -> dict[str, str]:
    """In the history of a place on a list, the answer that stood with each moment of answering: version -> words."""
    said = [one for one in versions if one.field == "status"]
    found = {}
    for one in versions:
        before = [answer for answer in said if _clock(answer) <= _clock(one)]
        if one.field == "answered_at" and before:
            found[one.id] = answer_word(max(before, key=_clock).value)
    return found


def answered_words(answer: str | None, moment: str) -> str:
    """Coming · 12 November 2026, 16:40; where one of both is not known, the other."""
    return " · ".join(filter(None, (answer, moment)))


def _clock(one: Version) -> str:
    return one.id.partition("@")[2]

