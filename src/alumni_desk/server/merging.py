"""Laying an operation over a row: greatest clock wins, field by field or group by group. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import Operation, Value
from alumni_desk.server.carried import Carried
from alumni_desk.server.clamping import replica
from alumni_desk.sync.shapes import Shape

GONE = "gone"


@dataclass(frozen=True)
class Clash:
    """A field that two people changed without seeing each other, and the value that lost. ``key``: the group that is decided on with it, or itself."""

    field: str
    key: str
    winner_clock: str
    loser_clock: str
    loser_value: Value


@dataclass(slots=True)
class Row:
    """A row being changed: its columns, and the clocks of its fields unpacked."""

    values: dict[str, Any]
    clocks: dict[str, str]
    existed: bool
    changed: bool = False


def row_from(columns: dict[str, Any] | None, *, shape: Shape, scope: str, row_id: str) -> Row:
    """A row as it is in the database, or a new empty one."""
    if columns is None:
        blank = shape.blank.copy()
        blank["id"], blank["scope"] = row_id, scope
        return Row(blank, {}, False)
    return Row(values=columns, clocks=unpack(columns["clocks"]), existed=True)


def lay_put(row: Row, operation: Operation, clock: str, shape: Shape, counts: Mapping[str, str],
            carried: Carried | None = None, own: Collection[str] = ()) -> tuple[bool, list[Clash]]:
    """Apply a put under the clock that counts. Returns whether any field won, and the clashes.

    ``counts``: what clocks that ran ahead count as, for those that the editor saw: a laptop sees its own until it has pulled.
    ``carried``: of what comes from a former server, which values met there.
    ``own``: replicas of the laptop that wrote it, where it says that it went back to a backup: what it writes now replaces what it wrote before, as if it
    had seen it. Two copies of one laptop's disk have its name as well, so that is not taken for granted.
    """
    if not row.clocks and row.values["clock"] is None:  # a new row: nothing to compare with
        row.values.update(operation.fields, clock=clock)
        row.clocks = dict.fromkeys(map(shape.clock_keys.__getitem__, operation.fields), clock)
        row.changed = True
        return True, []
    won = new = False
    clashes: list[Clash] = []
    clashing: set[str] = set()  # groups that do: all of one is kept, so that it can be decided on as a whole
    mine = replica(clock)
    for name, value in operation.fields.items():
        key = shape.clock_keys[name]
        there = row.clocks.get(key)
        wins = there is None or clock >= there
        if there is not None and replica(there) != mine and replica(there) not in own and there > _seen(operation, name, key, counts) and (
                key in clashing or _says_else(row, operation, key, shape)) and not (carried and carried.judged(operation.clock, there, key)):
            clashing.add(key)
            if wins:
                clashes.append(Clash(name, key, clock, there, row.values[name]))
            else:
                clashes.append(Clash(name, key, there, clock, value))
        if wins:
            new = new or there != clock or row.values[name] != value
            row.values[name] = value
            won = True
    if new and GONE in shape.clock_keys and (clash := _removed_meanwhile(row, operation, clock, shape)) is not None:
        clashes.append(clash)
    if won:
        for key in {shape.clock_keys[name] for name in operation.fields}:
            if row.clocks.get(key, "") < clock:
                row.clocks[key] = clock
        greatest = max(row.values["clock"] or "", clock)
        # What is carried here a second time, under the clocks that it has here, is nothing that anybody has to fetch again.
        row.changed = row.changed or new or not row.existed or greatest != row.values["clock"]
        row.values["clock"] = greatest
    return won, clashes


def _says_else(row: Row, operation: Operation, key: str, shape: Shape) -> bool:
    """Whether an operation has another value for a field, or for any field of a group, than the row."""
    return any(not shape.say_the_same(name, row.values[name], value) for name, value in operation.fields.items() if shape.clock_keys[name] == key)


def _removed_meanwhile(row: Row, operation: Operation, clock: str, shape: Shape) -> Clash | None:
    """Somebody removes a row while another changes it, later and without knowing: it is gone, and somebody is to decide whether it shall be."""
    if not row.values.get(GONE):
        return None
    key = shape.clock_keys[GONE]
    if operation.fields.get(GONE):
        newest = max((one for name, one in row.clocks.items() if name != key), default="")
        return Clash(GONE, GONE, clock, newest, False) if newest > clock and replica(newest) != replica(clock) else None
    removed = row.clocks.get(key, "")
    unseen = max((one or "" for one in operation.before.values()), default="") < removed < clock
    return Clash(GONE, GONE, removed, clock, False) if unseen and GONE not in operation.fields and replica(removed) != replica(clock) else None


def _seen(operation: Operation, name: str, key: str, counts: Mapping[str, str]) -> str:
    clock = operation.before.get(name) or operation.before.get(key) or ""
    return counts.get(clock, clock)


def lay_fact(row: Row, operation: Operation, clock: str) -> bool:
    """Record a fact; False if the row is there already and says something else."""
    if row.existed:
        return all(row.values.get(name) == value for name, value in operation.fields.items())
    row.values.update(operation.fields)
    row.values["clock"] = clock
    row.existed = row.changed = True
    return True
