"""Killed at any moment of a check-in, an edit, an import or an undo: nothing acknowledged is lost, nothing doubled, nothing half.

Every run its own seed, printed; ``packaging/dev.py soak`` kills a thousand times and more.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from alumni_desk.checkin.lists import fact_of
from alumni_desk.checkin.verdicts import Fact, open_ins
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks; tests/store/test_desk.py ends a process on Windows")

KILLS = int(os.environ.get("ALUMNI_DESK_SOAK_KILLS", "50"))
IN_ONE_CHAPTER = 25
ROWS = 120
State = tuple[Mapping[str, str], frozenset[str], frozenset[int]]
"""Cities that people have, who is here, which imports are in."""


@dataclass(frozen=True)
class Known:
    """What must be in the chapter: after each acknowledged action, and what undo and redo would come to."""

    state: State
    back: tuple[tuple[State, int], ...] = ()  # the view before each action that stands, and how many facts taking it back makes
    forth: tuple[tuple[State, int], ...] = ()
    actions: int = 0
    facts: int = 0

    def after(self, kind: str, number: int, person: str) -> Known:
        """What is known once this action is done."""
        cities, here, imports = self.state
        if kind in ("undo", "redo"):
            taken, given = (self.back, self.forth) if kind == "undo" else (self.forth, self.back)
            if not taken:
                return self
            there, facts = taken[-1]
            given = (*given, (self.state, facts))
            back, forth = (taken[:-1], given) if kind == "undo" else (given, taken[:-1])
            return Known(there, back, forth, self.actions + 1, self.facts + facts)
        new = {"edit": ({**cities, person: f"City {number}"}, here, imports), "check-in": (cities, here | {person}, imports),
               "import": (cities, here, imports | {number})}[kind]
        facts = int(kind == "check-in")
        return replace(self, state=new, back=(*self.back, (self.state, facts)), forth=(), actions=self.actions + 1, facts=self.facts + facts)


@dataclass
class Tally:
    """What became of all the kills."""

    kills: int = 0
    acknowledged: int = 0
    went_in: int = 0  # not acknowledged, but committed
    during: Counter[str] = field(default_factory=Counter)


def seen(desk: Desk, base: Any, known_actions: int) -> tuple[State, int, int]:
    """What is in the chapter, read from its rows: the view, how many actions, how many facts."""
    with desk.reading() as connection:
        cities = {row.id: row.city for row in connection.exec_driver_sql("SELECT id, city FROM person WHERE NOT gone AND last_name = 'Müller'")}
        imported = Counter(int(name.removeprefix("Imported").partition("x")[0]) for name in connection.exec_driver_sql(
            "SELECT last_name FROM person WHERE NOT gone AND last_name LIKE 'Imported%'").scalars())
        facts: dict[str, list[Fact]] = {}
        count = 0
        for row in connection.execute(desk.tables["fact"].select()):
            facts.setdefault(row.person, []).append(fact_of(row))
            count += 1
        actions = int(connection.exec_driver_sql("SELECT count(*) FROM action WHERE at > '2002'").scalar() or 0)
        loose = connection.exec_driver_sql("SELECT count(*) FROM operation WHERE action NOT IN (SELECT id FROM action)").scalar()
        rest = connection.exec_driver_sql("SELECT mode, rest FROM capture").one()
        halves = connection.exec_driver_sql("SELECT count(*) FROM import_run WHERE NOT gone AND complete IS NOT 1").scalar()
    assert set(imported.values()) <= {ROWS}, f"half an import: {imported}"
    assert (loose, tuple(rest), halves) == (0, ("rest", 1), 0)
    assert all(len(open_ins(of_one)) <= 1 for of_one in facts.values()), "somebody is in twice"
    here = frozenset(person for person, of_one in facts.items() if open_ins(of_one))
    return (cities, here, frozenset(imported)), actions, count


def settled(profile: Profile, base: Any, known: Known, begun: tuple[str, int, str] | None, tally: Tally) -> Known:
    """Open what was left behind, unaided; it is as the last acknowledged action left it, or as the one after that would have."""
    with open_desk(profile) as desk:
        found = seen(desk, base, known.actions)
        ways = [known] if begun is None else [known, known.after(*begun)]
        fits = [way for way in ways if (way.state, way.actions, way.facts) == found]
        assert fits, f"after {begun}: found {found[1:]} actions and facts, wanted one of {[(way.actions, way.facts) for way in ways]}"
        tally.went_in += begun is not None and fits[-1] is not known
        check = verify(desk)
        assert check.ok and check.missing == {}, check
        for number in fits[-1].state[2]:
            assert count_members(desk, f"imported{number}x7") >= 1
    return fits[-1]


def beginning(base: Any) -> Known:
    """The chapter as it was made."""
    return Known((dict.fromkeys(base.people, "Boston"), frozenset(), frozenset()))


def listened(child: Any, known: Known, tally: Tally, kill: Callable[[int, int], None]) -> tuple[Known, tuple[str, int, str] | None]:
    """Follow a fork to its end; ``kill`` is told its process and how many actions it has begun."""
    begun: tuple[str, int, str] | None = None
    pid = count = 0
    for told in child.lines():
        if "pid" in told:
            pid = told["pid"]
            kill(pid, 0)
        elif "begin" in told:
            count += 1
            begun = (told["kind"], told["begin"], told["person"])
            kill(pid, count)
        elif "done" in told:
            assert begun is not None and begun[1] == told["done"]
            known = known.after(*begun)
            begun = None
            tally.acknowledged += 1
        elif "end" in told:
            tally.kills += told["end"] == -signal.SIGKILL
            assert told["end"] in (0, -signal.SIGKILL), told
    tally.during[begun[0] if begun else "between"] += 1
    return known, begun


@pytest.mark.long
def test_at_any_time(base: Any, fresh: Callable[[str], Profile], child_of: Callable[..., Any], tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    child, tally = child_of("acting"), Tally()
    began = time.monotonic()
    turn = 0
    while tally.kills < KILLS:
        if turn % IN_ONE_CHAPTER == 0:
            profile, known = fresh(f"désk {turn}"), beginning(base)
        early = random.random() < 0.1  # while it opens
        # So long after it started, or began its nth action. The only wait of this test: the moment of the kill is what is tried.
        place, delay = (0, random.uniform(0, 0.15)) if early else (random.randrange(1, 9), random.choice([random.uniform(0, 0.02), random.uniform(0, 0.2)]))

        def kill(pid: int, begun: int, place: int = place, delay: float = delay) -> None:
            if begun == place:
                time.sleep(delay)
                os.kill(pid, signal.SIGKILL)

        child.ask(profile=str(profile.path), seed=seed + turn, first=turn * 1_000, count=1_000, people=base.people, gathering=base.gathering,
                  files=str(tmp_path), rows=ROWS)
        known, begun = listened(child, known, tally, kill)
        known = settled(profile, base, known, begun, tally)
        turn += 1
    assert tally.acknowledged > tally.kills  # it was working, not starting
    print(f"\nseed {seed}: {tally.kills} kills in {time.monotonic() - began:.0f} s, {tally.acknowledged} actions acknowledged, "
          f"{tally.went_in} committed unacknowledged, killed during {dict(tally.during)}")


@pytest.mark.parametrize("kind", ["check-in", "edit", "import", "undo", "redo"])
def test_at_each_change_to_a_file(kind: str, base: Any, fresh: Callable[[str], Profile], child_of: Callable[..., Any], shim: Path, tmp_path: Path,
                                  seed: int) -> None:
    """Not when chance has it: right before the nth write, sync, rename or removal of one action, until one gets through."""
    profile, known = fresh("désk"), beginning(base)
    child, tally = child_of("acting", preload=shim), Tally()
    places = 0
    before = {"undo": ["check-in"], "redo": ["check-in", "undo"]}.get(kind, [])
    random = Random(seed)
    at = 1
    while True:
        number = at * 100
        for n, first in enumerate(before):
            known = done(child, profile, base, known, tally, tmp_path, seed + at, number + n, only=first)
        child.ask(profile=str(profile.path), seed=seed + at, first=number + 10, count=1, people=base.people, gathering=base.gathering, files=str(tmp_path),
                  rows=ROWS, only=kind, kill_at=at)
        ended = tally.kills
        known, begun = listened(child, known, tally, lambda pid, begun: None)
        known = settled(profile, base, known, begun, tally)
        places += 1
        if tally.kills == ended:
            break
        # An import has hundreds of places, the others some forty: in every run a few by chance, in a soak all (of an import a tenth).
        widest = (60 if kind == "import" else 16) if KILLS <= 50 else (12 if kind == "import" else 2)
        at += random.randrange(1, widest)
    assert tally.kills >= 2
    print(f"\nseed {seed}: {kind} killed at {tally.kills} places")


def done(child: Any, profile: Profile, base: Any, known: Known, tally: Tally, files: Path, seed: int, number: int, *, only: str) -> Known:
    """One action without any harm."""
    child.ask(profile=str(profile.path), seed=seed, first=number, count=1, people=base.people, gathering=base.gathering, files=str(files), rows=ROWS, only=only)
    known, begun = listened(child, known, tally, lambda pid, begun: None)
    assert begun is None
    return known
