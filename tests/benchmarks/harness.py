"""What every benchmark stands on: rounds that take turns, medians and percentiles, goals, and a chapter of made-up people.

A goal is a ratio to a floor: the least that the same machine needs for the same thing, measured in the same run, so that a slow or a
busy computer changes both. A script in this folder has ``measure(folder) -> list[Row]``; ``packaging/dev.py bench`` finds it by its name.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from alumni_desk.resources import resource
from alumni_desk.sample.people import Maker, People, make_people
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

ROUNDS = 7
MEMBERS = 100_000
SEED = 2026
TODAY = date(2026, 11, 10)
PASSPHRASE = "bench on made-up people"


@dataclass(frozen=True)
class Row:
    """A line of the table: ``measured`` against ``goal``, both in ``unit``; ``ratio`` where the goal is one to the floor."""

    name: str
    floor: str  # what the floor is, in words with its figure
    measured: float
    goal: float
    unit: str  # ms, s, MB, %, × (of the floor)
    met: bool
    note: str = ""


def at_most(name: str, floor: str, measured: float, goal: float, unit: str, note: str = "") -> Row:
    """A line whose figure must not be greater than its goal."""
    return Row(name, floor, measured, goal, unit, measured <= goal, note)


def at_least(name: str, floor: str, measured: float, goal: float, unit: str, note: str = "") -> Row:
    """A line whose figure must not be smaller than its goal."""
    return Row(name, floor, measured, goal, unit, measured >= goal, note)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of computing that some work takes in this thread: what else the computer does is not in it. For work that waits use ``waited``."""
    begun = time.thread_time()
    work()
    return (time.thread_time() - begun) * 1000


def waited(work: Callable[[], object]) -> float:
    """Milliseconds that pass while some work is done."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def in_turns(contenders: Mapping[str, Callable[[], Sequence[float]]], rounds: int | None = None) -> dict[str, list[list[float]]]:
    """Run every contender once a round, in a turning order, so that what slows the computer slows all. Returns name -> rounds -> values."""
    found: dict[str, list[list[float]]] = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(rounds or ROUNDS):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            with no_collector():
                found[name].append(list(contenders[name]()))
    return found


def median_of(rounds: Sequence[Sequence[float]], share: float | None = None) -> float:
    """The median over the rounds of each round's percentile (or of its sum, without one)."""
    return statistics.median(percentile(one, share) if share is not None else sum(one) for one in rounds)


def median_ratio(rounds: Mapping[str, Sequence[Sequence[float]]], what: str, floor: str, share: float | None = None) -> float:
    """The median over the rounds of what something took as a multiple of what its floor took in the same round."""
    def of(values: Sequence[float]) -> float:
        return percentile(values, share) if share is not None else sum(values)

    return statistics.median(of(one) / of(other) for one, other in zip(rounds[what], rounds[floor], strict=True))


@contextmanager
def no_collector() -> Iterator[None]:
    """Without Python's garbage collector: a round is not to pay for the garbage of the one before."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def maker(seed: int = SEED) -> Maker:
    """The sample's names and places, with chance from a seed."""
    return Maker(seed, Random(seed), json.loads(resource("sample", "chapter.json").read_text("utf-8")), TODAY)


def many_people(count: int, seed: int = SEED) -> People:
    """So many members; unlike in the sample most last names are rare: grown from the ends and beginnings of two of the sample's."""
    made = maker(seed)
    people = make_people(made, count)
    chance = Random(seed + 1)
    # A name is a text, or a list that begins with it.
    named = [one if isinstance(one, str) else one[0] for kind in made.lists["peoples"] for one in kind.get("last", [])]
    lasts = sorted({one for one in named if one.isalpha() and len(one) > 3})
    for row in people.persons:
        if row["last_name"] and row["last_name"].isalpha() and chance.random() < 0.7:
            row["last_name"] = _grown(chance, lasts)
    return people


def _grown(chance: Random, lasts: Sequence[str]) -> str:
    one, other, third = chance.choice(lasts), chance.choice(lasts), chance.choice(lasts)
    name = one[:chance.randint(2, 4)] + other[1:chance.randint(2, 4)].lower() + third[-chance.randint(2, 4):].lower()
    return "".join(letter for letter, after in pairwise(name + " ") if letter != after)


def desk_of(folder: Path, people: People, name: str = "desk") -> Desk:
    """An open desk with these people. The caller closes it."""
    desk = open_desk(Profile(folder / name), passphrase=PASSPHRASE)
    desk.make_chapter("Great Lakes", "Aldermoor", "America/Chicago", sample=True)
    with desk.writing("import", queue="load") as writing:
        add_people(writing, people)
    return desk


def big_chapter(folder: Path) -> Desk:
    """A chapter of 100,000 members; made by the first script of a run that wants it. The caller closes it."""
    name = "chapter"
    if (folder / name).exists():
        return open_desk(Profile(folder / name), passphrase=PASSPHRASE)
    return desk_of(folder, many_people(MEMBERS), name)


def add_people(writing: Any, people: People) -> None:
    """Save people with what belongs to them."""
    writing.add_many("person", people.persons)
    writing.add_many("education", people.educations)
    writing.add_many("household", people.households)


def table(rows: Sequence[Row]) -> str:
    """The lines as text."""
    head = ("what", "floor", "measured", "goal", "")
    lines = [(row.name, row.floor, f"{row.measured:.3g} {row.unit}", f"{row.goal:g} {row.unit}", "met" if row.met else "NOT MET") for row in rows]
    widths = [max(len(line[place]) for line in [head, *lines]) for place in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in [head, *lines]]
    notes = [f"{row.name}: {row.note}" for row in rows if row.note]
    return "\n".join([*text, *([""] if notes else []), *notes])
