"""What can happen in a run: steps with numbers for their choices, so that any of them can be dropped and the rest still has a meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation.network import FAULTS

VENUE_FAULTS = ("lost", "unheard", "twice", "cut", "fewer", "turned", "doubled", "altered")
"""A call lost, its answer lost, the call heard twice, the answer broken off; and of the parcels in it: one is missing, their order is turned round,
each comes twice, one was altered on its way."""

DAY = 24 * 3_600_000
YEAR = 365 * DAY

FIELDS = ("first_name", "last_name", "city", "email", "employer", "notes", "mobile", "class_year", "street", "postal_code", "solicit_codes", "deceased")
WORDS = ("Ana", "Bo", "Zoë", "Łódź", "", "أحمد", "x" * 40)
ANSWERS = ("invited", "yes", "maybe", "no", "cancelled", "waitlisted")

SKEWS = (0, 0, 0, 40_000, -40_000, 4 * 60_000, 6 * 60_000, -3_600_000, 3_600_000, DAY, -DAY, 10 * YEAR, -10 * YEAR)


@dataclass(frozen=True)
class Step:
    """One of them. ``who``: a laptop, counted round; ``a``, ``b``, ``c``: its choices; ``faults``: what befalls the calls of a sync by their number;
    ``kill``: the statement at which the laptop's program is killed; below zero: so many commits after which it is."""

    kind: str
    who: int = 0
    a: int = 0
    b: int = 0
    c: int = 0
    faults: tuple[tuple[int, str], ...] = ()
    kill: int | None = None

    def said(self) -> str:
        """The step in words."""
        parts = [f"laptop {self.who}: {SAID[self.kind]}" if self.kind in OF_LAPTOPS else SAID[self.kind], f"[{self.a} {self.b} {self.c}]"]
        parts += [f"call {number} {fault}" for number, fault in self.faults]
        if self.kill is not None:
            parts.append(f"killed at statement {self.kill}" if self.kill > 0 else f"killed after commit {-self.kill}")
        return " · ".join(parts)


SAID = {
    "merge": "merges two members", "unmerge": "takes a merged entry apart",
    "add": "adds a member", "edit": "edits a field", "many": "edits several fields", "remove": "removes a member",
    "back": "brings a removed member back", "school": "adds an education", "plan": "plans a gathering", "replan": "changes a gathering",
    "guests": "puts people on a list", "answer": "notes an answer", "off": "takes a guest off the list", "in": "checks a guest in",
    "void": "takes a check-in back", "out": "checks a guest out", "walk": "lets a walk-in in", "guest": "adds somebody's guest",
    "import": "imports people", "undo": "undoes", "redo": "redoes", "forbidden": "writes what the policy denies, with an edit", "sync": "syncs",
    "restart": "restarts", "jump": "its clock is set", "copy": "its disk is copied", "older": "an older copy of its disk is put in place",
    "clone": "its disk goes into another laptop", "away": "loses the network", "here": "has the network again", "wait": "time goes by",
    "moved": "a member moves to the other chapter, or back, or is erased there",
    "server tidies": "the server tidies, long after", "server backup": "the server is backed up", "server restored": "the server is restored from its backup",
    "server rolled back": "the server's machine is rolled back", "server restarts": "the server restarts", "late": "a delayed request arrives",
    "meet": "joins a laptop that shares", "let in": "lets a volunteer in at the door", "destroyed": "is destroyed; its owner begins with an old disk",
    "removed": "is removed by a leader",
    "backup": "makes a backup", "restore": "goes back to one of its backups", "join": "is a new laptop that joins",
    "impostor": "pushes another operation under an id that is known", "erase": "erases somebody for good", "update": "is updated, which migrates its database",
}
OF_LAPTOPS = frozenset({
    "merge", "unmerge",
    "add", "edit", "many", "remove", "back", "school", "plan", "replan", "guests", "answer", "off", "in", "void", "out", "walk", "guest", "import",
    "undo", "redo", "forbidden", "sync", "restart", "jump", "copy", "older", "clone", "away", "here", "impostor", "erase", "update",
    "meet", "let in", "destroyed", "removed", "backup", "restore",
})

WEIGHTS = {
    "add": 4, "edit": 12, "many": 3, "remove": 2, "back": 1, "school": 1, "plan": 1, "replan": 2, "guests": 3, "answer": 4, "off": 2, "in": 8,
    "void": 3, "out": 2, "walk": 3, "guest": 1, "import": 1, "undo": 4, "redo": 2, "forbidden": 1, "sync": 30, "restart": 1, "jump": 2, "copy": 1,
    "older": 1, "impostor": 1, "erase": 1, "update": 1, "clone": 1, "away": 1, "here": 1, "wait": 3, "server backup": 1, "server restored": 1,
    "server rolled back": 1, "server restarts": 1, "late": 3,
    "backup": 2, "restore": 1, "join": 1,
}

THEMES: tuple[dict[str, int], ...] = (
    {},
    {"server backup": 4, "server restored": 4, "server rolled back": 4, "in": 16, "guests": 10, "walk": 8, "sync": 50, "edit": 6},  # a server that goes back
    {"copy": 8, "older": 8, "clone": 3, "restart": 3, "impostor": 3},  # disks that go back, and twins
    {"edit": 30, "undo": 14, "redo": 6, "many": 10, "jump": 8, "remove": 6},  # people who get in each other's way
    {"add": 12, "erase": 7, "backup": 6, "restore": 5, "join": 6, "server backup": 4, "server restored": 3, "removed": 2, "sync": 40},  # gone is gone
)
"""What some runs are about: steps that are likelier in them."""


def _stories(p: int, q: int, a: int, b: int, kill: int) -> tuple[tuple[Step, ...], ...]:
    """Orders of events that chance alone seldom hits, of two laptops; a run may have one among its other steps."""
    lost = ((1, "lost"),)  # the push; what is new comes down all the same
    return (
        # A fact comes back before the row that it is about.
        (Step("server backup"), Step("walk", p, a), Step("sync", p), Step("sync", q), *(Step("out", q, n) for n in range(6)), Step("sync", q),
         Step("server restored"), Step("sync", q), Step("sync", p)),
        # Killed in the middle of a pull.
        (Step("many", p, a, b), Step("add", p), Step("in", p, a), Step("sync", p), Step("sync", q, kill=kill), Step("sync", q)),
        # News come down while one's own change of the same cannot go up.
        (Step("sync", q), Step("many", p, a, b, 1), Step("sync", p), Step("many", q, a, b + 1, 2), Step("sync", q, faults=lost), Step("sync", q)),
        # A disk goes back, and work goes on.
        (Step("copy", p), Step("edit", p, a, b, 1), Step("sync", p), Step("older", p), Step("edit", p, a + 1, b, 2), Step("sync", p)),
        # Somebody takes back what another has changed since.
        (Step("sync", q), Step("edit", p, a, 2, 1), Step("sync", p), Step("sync", q), Step("edit", q, a, 2, 2), Step("sync", q), Step("sync", p),
         *(Step("undo", p, n) for n in range(4))),
        # What only the lost part of a server knew.
        (Step("server backup"), Step("copy", p), Step("add", p, a), Step("edit", p, a, b), Step("sync", p), Step("sync", q), Step("older", p),
         Step("server restored"), Step("sync", q)),
        # Somebody is erased, and whoever wrote of that one takes the whole chapter anew before having heard of it.
        (Step("sync", q), Step("edit", p, a, 5, b), Step("sync", p), Step("sync", q), Step("erase", q, a), Step("sync", q), Step("server backup"),
         Step("server restored"), Step("sync", p)),
        # Somebody is erased whom backups hold, one that the program made and one on a stick; then it goes back to the one on the stick.
        (Step("edit", p, a % 3, FIELDS.index("notes"), 1), Step("backup", p, a, 1), Step("backup", p, a, 0), Step("sync", p), Step("erase", p, a % 3),
         Step("restore", p, -1), Step("sync", p)),
    )


@dataclass(frozen=True)
class Plan:
    """A whole run before it begins."""

    seed: int
    laptops: int
    skews: tuple[int, ...]
    doors: int = 0
    steps: tuple[Step, ...] = field(default=())

    @property
    def meets(self) -> bool:
        """Whether laptops meet in it."""
        return any(step.kind in ("meet", "let in") for step in self.steps)


def plan(seed: int) -> Plan:
    """The run of a seed."""
    chance = Random(seed)
    laptops = chance.choice((3, 3, 3, 4, 4, 5, 6))
    doors = chance.choice((0, 0, 1, 2))
    rough = chance.choice((0.0, 0.2, 0.4))  # how often a call meets with something
    likely = {**WEIGHTS, **THEMES[seed % len(THEMES)]}
    kinds, weights = list(likely), list(likely.values())
    steps = [_step(chance, chance.choices(kinds, weights)[0], laptops + doors, rough) for _n in range(chance.choice((6, 10, 16, 24, 36)))]
    if seed % 2:
        story = chance.choice(_stories(0, 1, chance.randrange(1_000), chance.randrange(1_000), chance.randrange(10, 90)))
        places = sorted(chance.randrange(len(steps) + 1) for _n in story)
        for at, step in reversed(list(zip(places, story, strict=True))):
            steps.insert(at, step)
    if seed % 3 == 0:
        steps = _at_the_venue(Random(-seed), steps, laptops + doors)
    if seed % 5 == 2:
        steps = _with_merges(Random(-seed - 1), steps, laptops + doors)
    if seed % 6 == 4:
        steps = _with_moves(Random(-seed - 2), steps)
    if seed % 7 == 6:
        steps = _over_the_years(Random(-seed), steps, laptops + doors)
    return Plan(seed, laptops, tuple(chance.choice(SKEWS) for _n in range(laptops + doors)), doors, tuple(steps))


def _at_the_venue(chance: Random, steps: list[Step], laptops: int) -> list[Step]:
    """The same, and between the steps laptops meet."""
    found: list[Step] = []
    for step in steps:
        found.append(step)
        if chance.random() < 0.4:
            kind = chance.choices(("meet", "let in", "destroyed"), (20, 1, 1))[0]
            faults = tuple((number, chance.choice(VENUE_FAULTS)) for number in range(3) if chance.random() < 0.2)
            kill = _kill(chance, 60, 5) if chance.random() < 0.1 else None
            found.append(Step(kind, chance.randrange(laptops), chance.randrange(1_000), chance.randrange(1_000), chance.randrange(1_000), faults, kill))
    if chance.random() < 0.3:
        found.insert(chance.randrange(len(found) + 1), Step("removed", chance.randrange(1, laptops)))
    return found


def _with_merges(chance: Random, steps: list[Step], laptops: int) -> list[Step]:
    """The same, and between the steps people are merged, often the same two the opposite ways, and taken apart."""
    found: list[Step] = []
    for step in steps:
        found.append(step)
        if chance.random() < 0.35:
            who, a, b = chance.randrange(laptops), chance.randrange(4), chance.randrange(4)
            found.append(Step("merge", who, a, b))
            if chance.random() < 0.5:
                found.append(Step("merge", who + 1, b, a))
        if chance.random() < 0.1:
            found.append(Step("unmerge", chance.randrange(laptops), chance.randrange(1_000)))
    return found


def _with_moves(chance: Random, steps: list[Step]) -> list[Step]:
    """The same, and between the steps members move to the other chapter, and some of them back. From a chance of its own: no other seed changes."""
    found: list[Step] = []
    for step in steps:
        found.append(step)
        if chance.random() < 0.25:
            kill = chance.randrange(1, 60) if chance.random() < 0.3 else None
            found.append(Step("moved", a=chance.randrange(6), b=chance.randrange(4), kill=kill))
    if chance.random() < 0.5:  # and the server goes back to before some of it
        begin = chance.randrange(len(found))
        found.insert(chance.randrange(begin, len(found)) + 1, Step(chance.choice(("server restored", "server rolled back"))))
        found.insert(begin, Step("server backup"))
    if chance.random() < 0.4:  # what a laptop wrote too late about somebody, who is erased where they are afterwards
        who = chance.randrange(3)
        found += [Step("sync", who), *(Step("edit", who, n, FIELDS.index("notes"), n) for n in range(8)), *(Step("moved", a=n) for n in range(3)),
                  Step("sync", who), *(Step("moved", a=n, b=2) for n in range(4)), Step("sync", who)]
    return found


def _over_the_years(chance: Random, steps: list[Step], laptops: int) -> list[Step]:
    """The same, and between the steps a month goes by, or a year, and the server tidies; people are removed, and somebody writes of them late."""
    found: list[Step] = []
    for step in steps:
        found.append(step)
        a, who = chance.randrange(1_000), chance.randrange(laptops)
        if chance.random() < 0.25:
            found.append(Step(chance.choice(("remove", "remove", "off", "edit", "back", "guests")), who, a, chance.randrange(1_000), chance.randrange(1_000)))
        if chance.random() < 0.2:
            found.append(Step("sync", who))
        if chance.random() < 0.2:
            found.append(Step("server tidies", a=chance.choice((0, 0, 0, 1))))
    return [*found, Step("server tidies", a=chance.choice((0, 1)))]


def _step(chance: Random, kind: str, laptops: int, rough: float) -> Step:
    faults: tuple[tuple[int, str], ...] = ()
    kill = None
    if kind in ("sync", "join"):
        faults = tuple((number, chance.choice(FAULTS)) for number in range(6) if chance.random() < rough)
        kill = _kill(chance, 80, 9) if chance.random() < rough / 2 + 0.05 else None
    elif kind in ("edit", "in", "walk", "add", "import", "undo", "erase") and chance.random() < 0.08:
        kill = _kill(chance, 30, 3)
    return Step(kind, chance.randrange(laptops), chance.randrange(1_000), chance.randrange(1_000), chance.randrange(1_000), faults, kill)


def _kill(chance: Random, statements: int, commits: int) -> int:
    """At some statement; or after some commit, where a state may be torn that belongs together."""
    return chance.randrange(1, statements) if chance.random() < 0.5 else -chance.randrange(1, commits)


AT_A_DOOR = ("in", "in", "in", "walk", "walk", "void", "out", "guest", "answer")
"""What people do at a door, whatever else a step may say."""


def pick(items: list[Any], number: int) -> Any:
    """One of them, counted round; None of nothing."""
    return items[number % len(items)] if items else None
