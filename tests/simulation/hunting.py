"""Looks for a planted bug with the simulation: the seeds to try, and what came of it."""

from __future__ import annotations

from simulation.bugs import Bug
from simulation.holding import Violation
from simulation.running import Failure, try_seed

LOOK_AT = 400
"""Seeds after which a planted bug counts as not found."""

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
"""Where each was found when it was planted, so that the looking is short; any other seed would do as well."""


def hunt(bug: Bug) -> Failure | None:
    """The first seed at which a bug breaks what it must break."""
    begin = BEGIN_AT.get(bug.name, 0)
    for seed in dict.fromkeys((begin, *range(1, LOOK_AT, 2), *range(0, LOOK_AT, 2))):  # the odd ones have stories
        with bug.plant():
            failure = try_seed(seed)
        if failure is not None and isinstance(failure.trouble, Violation) and failure.number in bug.breaks:
            return failure
    return None
