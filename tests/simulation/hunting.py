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
    "no dedupe": 124,
    "dedupe by id alone": 71,
    "arrival order decides": 368,
    "the row wins as a whole": 124,
    "an edit brings back what was removed": 71,
    "clamped clocks tie": 200,
    "clamped clocks swap": 200,
    "clocks of the future are taken as they are": 200,
    "the cursor is a plain sequence, handed out before the commit": 200,
    "a fact is refused before its row": 373,
    "a restored server uses its sequences again": 316,
    "the answer is kept in a transaction of its own": 124,
    "what the policy denies is applied": 71,
    "a denied field leaves the rest of its transaction standing": 71,
    "a page passes over its last row": 200,
    "the row that enters an audience is not put into its feed": 316,
    "who leaves an audience stays in its feed": 316,
    "the cursor moves outside the page's transaction": 245,
    "ids are counted": 205,
    "a new clock does not exceed what its editor saw": 394,
    "half an address travels": 149,
    "a pull writes over what waits": 245,
    "an answer to a push counts as pulled": 200,
    "one refused operation blocks the queue": 394,
    "after a restore of the server nothing is offered again": 124,
    "after a restore of the server what it lost stays on the screen": 373,
    "a purge takes facts that were not sent": 354,
    "a migration is captured as edits": 368,
    "undo writes over a later edit": 71,
    "the clock decides who is here": 395,
    "a peer's acknowledgement deletes what it has": 15,
    "a relayed parcel is judged by who relays it": 129,
    "a hand-out moves the server's cursor": 21,
    "the check against the server counts otherwise than the server": 395,
    "a file's cursor is the head, though the file is older": 58,
    "what waits does not lie over the file": 395,
    "a file does not say who was erased": 91,
    "what was erased on a laptop stays in free pages and the log": 204,
    "what was erased stays in the server's log": 149,
    "what was erased stays in a laptop's backups": 281,
    "old marks of what has gone stay in the feeds": 13,
    "what was removed keeps what it says": 13,
    "who was away for longer than marks are kept pulls on": 13,
    "an edit brings back what was removed long ago": 13,
    "two merges the opposite ways hide both": 397,
    "the server takes both of two merges the opposite ways": 352,
    "tidying throws old facts away": 13,
    "a commit is marked as safe before it is": 325,
    "a late operation on who moved is applied in the old chapter": 394,
    "the old chapter keeps who moved": 316,
    "a laptop keeps what it knew of who moved": 316,
    "whoever is erased in the new chapter is not in the one before": 394,
    "a server that goes back takes moves back": 298,
    "a restore leaves behind what waits": 281,
    "a restore brings back who was erased": 281,
    "a restored server does not hear its journal": 199,
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
