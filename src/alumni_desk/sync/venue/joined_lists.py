"""Two lists of one gathering: a leader's hand-out is laid into the list of a door that has heard of the server since.

Who is on the hand-out and not on the door's list was either put there by the leader, of which the server had not heard, or taken off at the server of
which the leader had not. The maker tells them apart: each row says since when the server has it on the list, as far as its own desk knows. What the
server had by the time of the door's last sync, and the door has not, was taken away, and an older hand-out brings nobody back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.handout import NOT_YET, Handout
from alumni_desk.protocol.messages import Block
from alumni_desk.store.erasing import rows_erased
from alumni_desk.sync import operations
from alumni_desk.sync.away import rows_away
from alumni_desk.sync.shapes import Shape, shapes
from alumni_desk.sync.views import Base, bases_of, no_base, settle

Row = dict[str, Any]


def since(connection: sa.Connection, shape: Shape, rows: Sequence[Row], came: Mapping[str, int] | None = None) -> dict[str, int]:
    """Since which sequence the server has these rows on the list, as far as is known here: 0 where they came from there, ``NOT_YET`` where it has not
    answered. ``came``: the same of the check-ins of a registration, which keep on the list who has cancelled."""
    over = operations.lying_over(connection, shape.name, [str(row["id"]) for row in rows])
    bases = bases_of(connection, shape, over)
    found: dict[str, int] = {}
    for row in rows:
        row_id = str(row["id"])
        there = bases.get(row_id, row)
        if there["clock"] is not None and not there["gone"] and there.get("status") != "cancelled":
            found[row_id] = 0
            continue
        laid = [NOT_YET if one.sequence is None else one.sequence for one in over.get(row_id, ())]
        if there["clock"] is not None and not there["gone"] and came is not None and row_id in came:
            laid.append(came[row_id])
        found[row_id] = min(laid, default=0)
    return found


def lay(connection: sa.Connection, scope: str, inside: Handout, reached: int) -> None:
    """Lay an older hand-out into a door's list: field by field the later one counts, and who is new comes. ``reached``: how far this desk has pulled."""
    rows = {block.table: list(rows_of(block)) for block in inside.blocks}
    nowhere = rows_erased(connection) | rows_away(connection, lists=True)  # of them nothing is written down that an older list says
    people = {row_id for table, row_id in nowhere if table == "person"}

    def is_new(row: Row) -> bool:
        return bool(row.get("sequence", 0) > reached) and row.get("person") not in people

    def put(table: str, some: Sequence[Row], comes: Callable[[Row], bool]) -> None:
        _put(connection, shapes()[table], scope, [row for row in some if (table, str(row["id"])) not in nowhere], comes)

    for table in ("chapter", "gathering", "registration", "fact"):
        put(table, rows.get(table, []), is_new)
    for block in inside.off:
        if block.table == "registration":
            put(block.table, list(rows_of(block)), lambda _row: False)
    named = _named(connection, inside.gathering, {str(row["id"]): row["merged_into"] for row in rows.get("person", []) if row.get("merged_into")})
    put("person", rows.get("person", []), lambda row: row["id"] in named)


def rows_of(block: Block) -> Iterator[Row]:
    """A block's rows with their columns' names."""
    return (dict(zip(block.columns, values, strict=True)) for values in block.rows)


def base(shape: Shape, row: Row) -> Base:
    """A row as it travels, as a base."""
    found = no_base(shape)
    found.update({name: value for name, value in row.items() if name in found and name != "clocks"})
    found["clocks"] = unpack(row.get("clocks"))
    return found


def _put(connection: sa.Connection, shape: Shape, scope: str, rows: Sequence[Row], comes: Callable[[Row], bool]) -> None:
    over: dict[str, Sequence[operations.Overlay]] = dict.fromkeys((str(row["id"]) for row in rows), ())
    over.update(operations.lying_over(connection, shape.name, over))
    bases, newer = bases_of(connection, shape, over), dict[str, Base]()
    for row in rows:
        there = bases[str(row["id"])]
        if there["clock"] is not None:
            newer[str(row["id"])] = _later_of(shape, there, row)
        elif comes(row):
            newer[str(row["id"])] = base(shape, row)
    if shape.name == "person":
        _open_circles(connection, shape, bases, newer)
    changed = {row_id: one for row_id, one in newer.items() if one != bases[row_id]}
    settle(connection, shape, scope, {row_id: over[row_id] for row_id in changed}, frozenset(), changed)


def _later_of(shape: Shape, there: Base, row: Row) -> Base:
    """What is here, with those fields of the other that were written later."""
    found = {**there, "clocks": dict(there["clocks"])}
    if shape.kind == "fact":
        return found
    for key, clock in unpack(row.get("clocks")).items():
        if clock <= there["clocks"].get(key, "") or ((shape.name, key) == ("registration", "code") and there["code"]):
            continue  # badges are printed with the code that is here
        found.update({name: row[name] for name in shape.types if name in row and shape.clock_keys[name] == key})
        found["clocks"][key] = clock
    found["clock"] = max(found["clocks"].values(), default=there["clock"])
    return found


def _open_circles(connection: sa.Connection, shape: Shape, bases: Mapping[str, Base], newer: dict[str, Base]) -> None:
    """The server merged two entries one way, and the leader the other: what the server did stands, or each would be part of the other."""
    into = {row.id: row.merged_into for row in connection.exec_driver_sql("SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL")}
    key = shape.clock_keys["merged_into"]
    for row_id, one in newer.items():
        there, whom, seen = bases[row_id], one["merged_into"], {row_id}
        if whom == there["merged_into"]:
            continue
        onward = whom
        while onward is not None and onward not in seen:
            seen.add(onward)
            onward = into.get(onward)
        if onward is None:
            into[row_id] = whom
            continue
        clocks = {name: clock for name, clock in one["clocks"].items() if name != key} | {name: clock for name, clock in there["clocks"].items() if name == key}
        newer[row_id] = {**one, "merged_into": there["merged_into"], "clocks": clocks, "clock": max(clocks.values(), default=one["clock"])}


def _named(connection: sa.Connection, gathering: str, merged: Mapping[str, str]) -> set[str]:
    """The people on the list as it is now, and whom they were merged into."""
    found: set[str] = set()
    onward = {str(one) for one in connection.exec_driver_sql(
        "SELECT person FROM registration WHERE gathering = ? AND NOT gone AND person IS NOT NULL", (gathering,)).scalars()}
    into = {row.id: row.merged_into for row in connection.exec_driver_sql("SELECT id, merged_into FROM person WHERE merged_into IS NOT NULL")}
    into.update(merged)
    while onward:
        found |= onward
        onward = {str(into[one]) for one in onward if one in into} - found
    return found
