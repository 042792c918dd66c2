"""Makes the sample chapter on an empty desk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from alumni_desk.errors import Refused
from alumni_desk.resources import resource
from alumni_desk.sample.gatherings import Held, make_gatherings
from alumni_desk.sample.people import Maker, make_people
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed, Writing
from alumni_desk.words import _

MEMBERS = 2_000


@dataclass(frozen=True)
class Made:
    """What the sample holds."""

    members: int
    gatherings: int
    check_ins: int
    changed: Changed


def make_sample(desk: Desk, members: int = MEMBERS, seed: int = 1, today: date | None = None, *, progress: Callable[[int, int], None] | None = None) -> Made:
    """Fill an empty desk with made-up people and a year of gatherings round ``today``: the same rows, to the byte, for the same seed and day.

    Raises Refused ``sample_not_empty`` if somebody is here already: made-up people never mix with real ones.
    """
    if desk.scope is not None:
        raise Refused("sample_not_empty", _("This desk has a chapter already, so the sample was not made. Choose an empty folder with --profile."))
    lists: dict[str, Any] = json.loads(resource("sample", "chapter.json").read_text("utf-8"))
    maker = Maker(seed, Random(seed), lists, today or date.today())
    people = make_people(maker, members)
    held = make_gatherings(maker, people.persons)
    desk.make_chapter(lists["chapter"], lists["university"], lists["time_zone"], sample=True, chapter_id=maker.id("chapter"))
    with desk.writing("sample_made", queue="load") as writing:
        for start in range(0, len(people.persons), 5_000):
            writing.add_many("person", people.persons[start:start + 5_000])
            if progress is not None:
                progress(min(start + 5_000, len(people.persons)), len(people.persons))
        writing.add_many("education", people.educations)
        writing.add_many("household", people.households)
        writing.add_many("gathering", [one.gathering for one in held])
        for one in held:
            _fill(writing, one)
    if desk.setting("person_name") is None:
        desk.set_setting("person_name", "Priya Raman")
    check_ins = sum(fact["kind"] == "in" for one in held for fact in one.facts)
    return Made(members, len(held), check_ins, writing.changed)


def _fill(writing: Writing, held: Held) -> None:
    writing.add_many("person", held.guests)
    writing.add_many("registration", held.registrations)
    writing.add_many("fact", held.facts)
