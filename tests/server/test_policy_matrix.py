"""Every cell of role × table × field, by every way that data takes, against a table that a person can read.

``policy_matrix.txt`` is what was decided: for each field what each role reads (no, tail, yes) and writes (no, new, yes). The fields come from
the schema, so a new column without a line in the table fails here. A way of reading is a function that gives all that a laptop gets by it,
by table and id; a way of writing is one that sends operations and gives their results. A new way is added to ``READING`` or ``WRITING``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import Operation, Result
from alumni_desk.protocol.policy import ROLES, rule
from alumni_desk.sync.shapes import Shape, shapes

TABLE = Path(__file__).parent / "policy_matrix.txt"
PHONE = "+1 617 555 0143"

Seen = Mapping[tuple[str, str], Mapping[str, Any]]


def decided() -> dict[tuple[str, str, str], tuple[str, str]]:
    """The table: (role, table, field) -> (read, write)."""
    lines = [line.split() for line in TABLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    roles = lines[0][1:]
    found = {}
    for name, *cells in lines[1:]:
        table, _dot, field = name.partition(".")
        for role, cell in zip(roles, cells, strict=True):
            read, _slash, write = cell.partition("/")
            found[role, table, field] = (read, write)
    return found


DECIDED = decided()
CELLS = [(role, name, field) for role in ROLES for name, shape in shapes().items() for field in shape.fields]


def test_the_table_has_every_field_and_no_other() -> None:
    assert sorted(DECIDED) == sorted(CELLS)


@pytest.mark.parametrize("role", ROLES)
def test_the_policy_says_what_was_decided(role: str) -> None:
    for name, shape in shapes().items():
        for field in shape.fields:
            assert tuple(rule(role, name, field, door=field in shape.door)) == DECIDED[role, name, field], (role, name, field)


class House(NamedTuple):
    """A server with one row of every table, every field filled, written by a leader."""

    office: Any
    leader: Any
    gathering: str
    rows: dict[str, tuple[str, dict[str, Any]]]

    def laptop(self, role: str) -> Any:
        """A laptop of this role."""
        return self.office.laptop(role=role, gathering=self.gathering if role == "door" else None)


def filled(shape: Shape, gathering: str, person: str, registration: str) -> dict[str, Any]:
    """A value for every field that says which field it is."""
    values: dict[str, Any] = {}
    for field, kind in shape.types.items():
        values[field] = 1987 if kind == "integer" else True if kind == "boolean" else f"canary {shape.name} {field}"
    values.update({name: False for name in ("gone", "sample") if name in values})
    values.update({name: PHONE for name in ("mobile", "phone") if name in values})
    values.update({name: value for name, value in (("gathering", gathering), ("person", person), ("registration", registration), ("status", "yes"),
                                                   ("merged_into", None), ("starts", "2027-01-01T18:00"), ("ends", "2027-01-01T22:00"),
                                                   ("time_zone", "UTC"), ("standing", "member")) if name in values})
    if shape.name == "chapter":
        values["name"] = "Boston"  # by which the server finds it
    return values


@pytest.fixture
def house(office: Any) -> House:
    """One row of every table."""
    leader = office.laptop()
    gathering, person = uuid7(), uuid7()
    ids = {"chapter": leader.scope, "gathering": gathering, "person": person, "registration": registration_id(gathering, person)}
    rows = {}
    for name, shape in shapes().items():
        fields = filled(shape, gathering, person, ids["registration"])
        rows[name] = (ids.get(name) or uuid7(), fields)
        sent = {field: value for field, value in fields.items() if value is not None and DECIDED["leader", name, field][1] == "yes"}
        assert leader.push(leader.operation(name, rows[name][0], **sent)).results[0].status == "ok"
    return House(office, leader, gathering, rows)


def pulled(house: House, laptop: Any) -> Seen:
    """By pull."""
    return dict(laptop.rows())


READING: list[Callable[[House, Any], Seen]] = [pulled]


@pytest.mark.parametrize("way", READING, ids=lambda way: way.__name__)
@pytest.mark.parametrize("role", ROLES)
def test_what_is_read(house: House, role: str, way: Callable[[House, Any], Seen]) -> None:
    seen = way(house, house.laptop(role))
    for name, shape in shapes().items():
        row_id, values = house.rows[name]
        row = seen.get((name, row_id))
        reads = {field: DECIDED[role, name, field][0] for field in shape.fields}
        if set(reads.values()) == {"no"}:
            assert row is None, (role, name)
            continue
        assert row is not None, (role, name)
        for field, read in reads.items():
            value = row.get(field)
            if (name, field) == ("chapter", "sample"):
                continue  # nobody could write it
            wanted = values[field] if read == "yes" else PHONE[-4:] if read == "tail" else None
            assert value == wanted, (role, name, field)
        assert not [value for value in row.values() if isinstance(value, str) and any(
            f"canary {name} {field}" in value for field, read in reads.items() if read == "no")], (role, name)
        keys = {shape.clock_keys[field] for field, read in reads.items() if read != "no"}
        assert all(key in keys for key in clocks_of(row)), (role, name)


def clocks_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The clocks of a row as it came."""

    return unpack(row["clocks"])


Way = Callable[[House, Any, list[tuple[str, Operation]]], list[Result]]


def pushed(house: House, laptop: Any, sent: list[tuple[str, Operation]]) -> list[Result]:
    """By push: each operation in a parcel of its audience."""
    return [laptop.push(operation, audience=audience).results[0] for audience, operation in sent]


WRITING: list[Way] = [pushed]


@pytest.mark.parametrize("way", WRITING, ids=lambda way: way.__name__)
@pytest.mark.parametrize("role", ROLES)
def test_what_is_written(house: House, role: str, way: Way) -> None:
    laptop = house.laptop(role)
    house.office.time.now += 1_000  # later than what the leader wrote
    asked: list[tuple[str, str, bool]] = []
    sent: list[tuple[str, Operation]] = []
    for name, shape in shapes().items():
        for field in shape.fields:
            for own in (False, True):
                if name == "chapter" and own:
                    continue  # there is one
                asked.append((name, field, own))
                sent.append(one_field(house, laptop, role, shape, field, own=own))
    for (name, field, own), result in zip(asked, way(house, laptop, sent), strict=True):
        write = DECIDED[role, name, field][1]
        good = write == "yes" or (write == "new" and own)
        assert result.status == ("ok" if good else "denied"), (role, name, field, "own" if own else "others'", result)


def one_field(house: House, laptop: Any, role: str, shape: Shape, field: str, *, own: bool) -> tuple[str, Operation]:
    """An operation that writes a field of a row that others made, or of a new one; and its audience."""
    person = uuid7()
    fields = filled(shape, house.gathering, person, registration_id(house.gathering, person))
    value = "guest" if field == "standing" else fields[field] if fields[field] is not None else uuid7()
    row = uuid7() if own or shape.kind == "fact" else house.rows[shape.name][0]
    said = {field: value}
    if shape.kind == "fact":
        said = {"kind": "in", "gathering": house.gathering, field: value}
    elif shape.name == "registration":
        row = registration_id(house.gathering, person) if own else row
        said = {"gathering": house.gathering, field: house.rows["registration"][1]["person"] if field == "person" and not own else value}
    audience = "chapter"
    if role == "door" and shape.door and (shape.name != "person" or field in shape.door):
        audience = house.gathering if field in shape.door else "chapter"
    return audience, laptop.operation(shape.name, row, **said)
