"""Looks for planted bugs with the simulation: the seeds to try, and what came of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cache, lru_cache
from multiprocessing.connection import Connection

from simulation.bugs import BUGS, Bug
from simulation.holding import Violation
from simulation.running import Failure, try_seed
from simulation.steps import plan
from simulation.world import simulated

LOOK_AT = 400
"""Seeds after which a planted bug counts as not found."""

ENOUGH = 60
"""Short seeds among which a better one than the known is looked for."""

ANEW = "python3 packaging/dev.py simulation --bugs --look-up"

BEGIN_AT = {
    "no dedupe": 3,
    "dedupe by id alone": 31,
    "arrival order decides": 43,
    "the row wins as a whole": 3,
    "an edit brings back what was removed": 53,
    "clamped clocks tie": 13,
    "clamped clocks swap": 13,
    "a fact is refused before its row": 15,
    "a restored server uses its sequences again": 11,
    "what the policy denies is applied": 3,
    "a denied field leaves the rest of its transaction standing": 3,
    "a page passes over its last row": 1,
    "who leaves an audience stays in its feed": 1,
    "the cursor moves outside the page's transaction": 13,
    "ids are counted": 99,
    "half an address travels": 3,
    "a pull writes over what waits": 35,
    "one refused operation blocks the queue": 3,
    "after a restore of the server nothing is offered again": 5,
    "after a restore of the server what it lost stays on the screen": 25,
    "a purge takes facts that were not sent": 11,
    "a migration is captured as edits": 3,
    "undo writes over a later edit": 13,
    "the clock decides who is here": 9,
    "clocks of the future are taken as they are": 9,
    "the cursor is a plain sequence, handed out before the commit": 1,
    "the answer is kept in a transaction of its own": 9,
    "the row that enters an audience is not put into its feed": 3,
    "a peer's acknowledgement deletes what it has": 3,
    "a relayed parcel is judged by who relays it": 129,
    "a hand-out moves the server's cursor": 21,
    "the check against the server counts otherwise than the server": 33,
    "a new clock does not exceed what its editor saw": 37,
    "an answer to a push counts as pulled": 1,
    "old marks of what has gone stay in the feeds": 13,
    "what was removed keeps what it says": 13,
    "tidying throws old facts away": 13,
    "a commit is marked as safe before it is": 15,
    "who was away for longer than marks are kept pulls on": 13,
    "a late operation on who moved is applied in the old chapter": 10,
    "the old chapter keeps who moved": 4,
    "a laptop keeps what it knew of who moved": 4,
    "a server that goes back takes moves back": 22,
    "whoever is erased in the new chapter is not in the one before": 16,
}
"""Where each is found soonest, as ``look_up`` tells it; any other seed would do as well, and takes longer."""


def length(seed: int) -> int:
    """About how long a seed's run is: its steps, and each laptop, which has to be opened and to sync to the end."""
    wanted = plan(seed)
    return len(wanted.steps) + 5 * (wanted.laptops + wanted.doors)


@lru_cache(maxsize=1)
def shortest_first() -> tuple[int, ...]:
    """All seeds that are looked at."""
    return tuple(sorted(range(LOOK_AT), key=lambda seed: (length(seed), seed)))


def found_at(bug: Bug, seed: int) -> Failure | None:
    """How a planted bug breaks at a seed what it must break; None if it does not."""
    with bug.plant():
        failure = try_seed(seed)
    return failure if failure is not None and isinstance(failure.trouble, Violation) and failure.number in bug.breaks else None


@dataclass(frozen=True)
class Found:
    """Where a planted bug was found, by which sentence, what fails there without it (nothing), and what is to be said if the looking was long."""

    seed: int
    sentence: str
    without: str | None
    stale: str | None


def hunt(bug: Bug) -> Found | None:
    """Look for a bug at the seed that is known, or else at all others, the shortest first."""
    known = BEGIN_AT.get(bug.name)
    for seed in dict.fromkeys((*(() if known is None else (known,)), *shortest_first())):
        if (failure := found_at(bug, seed)) is not None:
            where = "is not in BEGIN_AT yet" if known is None else f"is found at seed {known} no more"
            stale = None if seed == known else f"the planted bug “{bug.name}” {where}, but at {seed}. To look up all anew: {ANEW}"
            clean = without(seed)
            return Found(seed, str(failure.trouble), None if clean is None else str(clean.trouble), stale)
    return None


def hunter(line: Connection) -> None:
    """In a process of its own: says of each bug whose name comes over this line where it was found, until there is nobody at the other end."""
    bugs = {bug.name: bug for bug in BUGS}
    with simulated(), contextlib.suppress(EOFError):
        while True:
            line.send(hunt(bugs[line.recv()]))


@cache
def without(seed: int) -> Failure | None:
    """What fails at a seed without any bug: nothing. Tried once in a process, however many bugs are found there."""
    return try_seed(seed)


def look_up(bugs: Sequence[Bug], told: Callable[[str], object]) -> int:
    """Tell what belongs into BEGIN_AT: where each bug is found soonest, at one seed for many bugs where that is shorter. Returns how many are not found."""
    taken: set[int] = set()
    missed = 0
    for bug in bugs:
        seed = _soonest(bug, taken)
        missed += seed is None
        taken |= set() if seed is None else {seed}
        told(f'    # not found in {LOOK_AT} seeds: "{bug.name}"' if seed is None else f'    "{bug.name}": {seed},')
    return missed


def _soonest(bug: Bug, taken: Set[int]) -> int | None:
    """A short seed at which a bug is found; those that are taken need not be tried without it once more. What is seldom found stays where it is known."""
    seeds = sorted(range(LOOK_AT), key=lambda seed: (length(seed) * (1 if seed in taken else 2), seed))
    known = (BEGIN_AT[bug.name],) if bug.name in BEGIN_AT else ()
    tried = dict.fromkeys((*seeds[:ENOUGH], *known, *seeds))
    return next((seed for seed in tried if found_at(bug, seed) is not None and without(seed) is None), None)
