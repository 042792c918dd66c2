"""The whole of the sync in plain lines: operations, the feed, clocks, one server and its laptops. Pure, and slow where slow is simpler.

It is the specification that ``test_machine.py`` holds the program against.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

AHEAD_MS = 5 * 60_000

Name = tuple[str, str]
"""A row: its table and its id."""


@dataclass(frozen=True)
class Written:
    """One operation: what somebody wrote, under which clock."""

    id: str
    transaction: str
    audience: str
    kind: str
    name: Name
    fields: Mapping[str, Any]
    clock: str


@dataclass
class Value:
    """What a field holds, and the clock and operation that say so."""

    clock: str
    by: str
    value: Any


@dataclass
class Counted:
    """What became of an operation at the server: for good."""

    operation: Written
    status: str
    moment: int


@dataclass
class ReferenceServer:
    """Rows are folded operations; the feed says at which push a row last changed."""

    rows: dict[Name, dict[str, Value]] = field(default_factory=dict)
    feed: dict[Name, int] = field(default_factory=dict)
    results: dict[str, Counted] = field(default_factory=dict)
    counts: dict[str, str] = field(default_factory=dict)  # clocks that ran ahead, and what they count as
    moment: int = 0

    def push(self, operations: Iterable[Written], now: int) -> list[str]:
        """The status of each; what was seen before keeps its first one and does nothing."""
        sent = list(operations)
        new = {one.id: one for one in sent if one.id not in self.results}
        fallen = {(one.transaction, one.audience) for one in new.values() if one.kind == "put" and self.denies(one)}
        taken = [one for one in new.values() if one.kind == "fact" or (one.transaction, one.audience) not in fallen]
        self.moment += bool(new)
        stamped = sorted(((self.stamp(one.clock, now), one) for one in sorted(taken, key=lambda one: one.clock)), key=lambda pair: (pair[0], pair[1].id))
        statuses = {one.id: "denied" for one in new.values()}
        for clock, one in stamped:
            won = self.lay(one, clock)
            statuses[one.id] = "stale" if not won else "clamped" if clock != one.clock else "ok"
            if won:
                self.feed[one.name] = self.moment
        self.results.update({one.id: Counted(one, statuses[one.id], self.moment) for one in new.values()})
        return [self.results[one.id].status for one in sent]

    @staticmethod
    def denies(one: Written) -> bool:
        """Nobody makes a chapter a sample."""
        return one.name[0] == "chapter" and "sample" in one.fields

    def stamp(self, clock: str, now: int) -> str:
        """The clock that counts: never more than five minutes ahead, and in the order in which their replica gave them."""
        if clock in self.counts:
            return self.counts[clock]
        moment, counter, replica = clock.split("-")
        counts = f"{now + AHEAD_MS:012x}-{moment}{counter}-{replica}" if int(moment, 16) > now + AHEAD_MS else clock
        earlier = [mine for original, mine in self.counts.items() if original.endswith(replica) and original < clock]
        if earlier and counts <= max(earlier):
            counts = f"{max(earlier)[:12]}-{moment}{counter}-{replica}"
        if counts != clock:
            self.counts[clock] = counts
        return counts

    def lay(self, one: Written, clock: str) -> bool:
        """Field by field the greatest clock wins; a fact is there or not. Whether anything of it won."""
        if one.kind == "fact" and one.name in self.rows:
            return True
        row, won = self.rows.setdefault(one.name, {}), False
        for name, value in one.fields.items():
            if name not in row or (clock, one.id) > (row[name].clock, row[name].by):
                row[name], won = Value(clock, one.id, value), True
        return won

    def pull(self, moment: int) -> dict[Name, dict[str, Any]]:
        """The rows that changed after a moment."""
        return {name: self.values(name) for name, changed in self.feed.items() if changed > moment}

    def values(self, name: Name) -> dict[str, Any]:
        """A row as it is now."""
        return {one: value.value for one, value in self.rows[name].items()}


@dataclass
class ReferenceLaptop:
    """A screen shows the base with what waits laid over it."""

    base: dict[Name, dict[str, Any]] = field(default_factory=dict)
    waiting: list[Written] = field(default_factory=list)
    answered: dict[str, int] = field(default_factory=dict)  # operations that the server took, and at which moment
    cursor: int = 0
    reached: int = 0  # the moment there

    def write(self, one: Written) -> None:
        """Somebody does something: seen at once."""
        self.waiting.append(one)

    def hear(self, one: str, status: str, moment: int) -> None:
        """The server's answer to an operation: a refused one falls away, an accepted one stays until it is pulled."""
        if status == "denied":
            self.waiting = [other for other in self.waiting if other.id != one]
        else:
            self.answered[one] = moment

    def take(self, rows: Mapping[Name, dict[str, Any]], moment: int) -> None:
        """Rows of a pull up to a moment: they are the base now, and what they include waits no longer."""
        self.base.update(rows)
        self.reached = moment
        self.waiting = [one for one in self.waiting if self.answered.get(one.id, moment + 1) > moment]

    def view(self) -> dict[Name, dict[str, Any]]:
        """What is on the screen."""
        found = {name: dict(row) for name, row in self.base.items()}
        for one in self.waiting:
            found.setdefault(one.name, {}).update(one.fields)
        return found
