"""Every cell of role × table × field, by every way that data takes, against a table that a person can read.

``policy_matrix.txt`` is what was decided: for each field what each role reads (no, tail, yes) and writes (no, new, yes). After a change of the
policy or the schema ``packaging/dev.py policy`` writes it anew, to be read before it is committed: this test cannot know what should have been decided.
The fields come from the schema, so a new column without a line in the table fails here. A way of reading is a function that gives all that a laptop
gets by it, by table and id; a way of writing is one that sends operations and says of each whether it was taken. A new way is added to ``READING``
or ``WRITING``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.codes import badge_code
from alumni_desk.protocol.digest import PARTS, Sums
from alumni_desk.protocol.forms import texts
from alumni_desk.protocol.handout import open_handout
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    Certificate,
    Cursor,
    DigestReply,
    DigestRequest,
    HelloReply,
    HelloRequest,
    Operation,
    PushReply,
    PushRequest,
    Sealed,
    SnapshotReply,
    SnapshotRequest,
)
from alumni_desk.protocol.policy import ROLES, rule
from alumni_desk.protocol.sealing import seal
from alumni_desk.protocol.venue_keys import keys_of
from alumni_desk.server.state import now_ms
from alumni_desk.store.desk import Desk
from alumni_desk.store.driver import sqlcipher
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.shapes import Shape, shapes
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.credentials import me
from alumni_desk.sync.venue.handouts import make_handout, take_handout

ADDRESS = "http://127.0.0.1:9"
TABLE = Path(__file__).parent / "policy_matrix.txt"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()
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


def test_a_command_writes_the_table() -> None:
    sys.path.insert(0, str(TABLE.parents[2] / "packaging"))
    try:
        import policy_table
    finally:
        sys.path.pop(0)
    assert policy_table.text(TABLE.read_text("utf-8")) == TABLE.read_text("utf-8")


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
    make_desk: Callable[[str], Desk]

    def laptop(self, role: str) -> Any:
        """A laptop of this role."""
        return self.office.laptop(role=role, gathering=self.gathering if role == "door" else None)

    def desk(self, name: str, role: str) -> Desk:
        """A whole desk of this role, that has joined and not synced."""
        desk = self.make_desk(name)
        join(desk, ADDRESS, self.office.invite(role=role, gathering=self.gathering if role == "door" else None), wire=self.office.wire())
        return desk


FORMED = (("at", "2026-09-21T18:00:00.000Z"), ("answered_at", "2026-09-21T18:00:00.000Z"), ("consent", "contact"), ("host", uuid7()))
"""Values of fields that hold nothing else than what has their form."""


def filled(shape: Shape, gathering: str, person: str, registration: str) -> dict[str, Any]:
    """A value for every field that says which field it is."""
    values: dict[str, Any] = {}
    for field, kind in shape.types.items():
        values[field] = 1987 if kind == "integer" else True if kind == "boolean" else f"canary {shape.name} {field}"
        if shape.forms.get(field) is texts:
            values[field] = f'["{values[field]}"]'
    values.update({name: False for name in ("gone", "sample") if name in values})
    values.update({name: PHONE for name in ("mobile", "phone") if name in values})
    if shape.name == "fact":
        values["kind"] = "badge"
    if "code" in values:
        values["code"] = badge_code()  # everybody's own
    values.update({name: value for name, value in (("gathering", gathering), ("person", person), ("registration", registration),
                                                   ("status", "planned" if shape.name == "gathering" else "yes"),
                                                   ("merged_into", None), ("starts", f"{TOMORROW}T18:00"), ("ends", f"{TOMORROW}T22:00"),
                                                   ("time_zone", "UTC"), ("standing", "member"), ("closes", "[]"), *FORMED) if name in values})
    if shape.name == "chapter":
        values["name"] = "Boston"  # by which the server finds it
    return values


@pytest.fixture
def house(office: Any, make_desk: Callable[[str], Desk]) -> House:
    """One row of every table."""
    office.time.now = now_ms()  # desks that have joined and not synced go by their own clock
    leader = office.laptop()
    gathering, person = uuid7(), uuid7()
    ids = {"chapter": leader.scope, "gathering": gathering, "person": person, "registration": registration_id(gathering, person)}
    rows = {}
    for name, shape in shapes().items():
        fields = filled(shape, gathering, person, ids["registration"])
        rows[name] = (ids.get(name) or uuid7(), fields)
        sent = {field: value for field, value in fields.items() if value is not None and DECIDED["leader", name, field][1] == "yes"}
        assert leader.push(leader.operation(name, rows[name][0], **sent)).results[0].status == "ok"
    return House(office, leader, gathering, rows, make_desk)


def pulled(house: House, role: str, where: Path) -> Seen:
    """By pull."""
    return dict(house.laptop(role).rows())


def snapshotted(house: House, role: str, where: Path) -> Seen:
    """By the file that a first sync begins with."""
    laptop = house.laptop(role)
    while (reply := house.office.call(f"snapshot/{laptop.scope}", SnapshotRequest(), SnapshotReply, laptop.token)).state == "making":
        pass
    assert reply.state == "ready"
    headers = {"authorization": f"Bearer {laptop.token}"}
    status, _headers, content = house.office.client.request("GET", f"/sync/v1/snapshot/{laptop.scope}/{reply.name}", headers=headers)
    assert status == 200
    file = where / "snapshot.db"
    file.write_bytes(content)
    with closing(sqlcipher().connect(str(file))) as opened:
        opened.execute(f"PRAGMA key = \"x'{reply.key.hex()}'\"")
        return rows_of(opened)


def rows_of(opened: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The rows of a desk's tables, or of a snapshot's."""
    found = {}
    for name, shape in shapes().items():
        columns = ", ".join(f'"{column}"' for column in shape.columns)
        for values in opened.execute(f'SELECT {columns} FROM "{name}"'):
            row = dict(zip(shape.columns, values, strict=True))
            row.update({one: bool(row[one]) for one in shape.booleans if row[one] is not None})
            found[name, row["id"]] = row
    return found


def digested(house: House, role: str, where: Path) -> Seen:
    """By the check that nothing is missing: the rows of every part; and its sums say of no other field what is in it."""
    laptop = house.laptop(role)
    head = house.office.call("hello", HelloRequest(), HelloReply, laptop.token).heads[laptop.scope]
    columns = {name: list(shape.columns) for name, shape in shapes().items()}
    asked = DigestRequest(laptop.scope, Cursor(head.sequence, head.chain), columns)
    summed = house.office.call("digest", asked, DigestReply, laptop.token)
    reply = house.office.call("digest", msgspec.structs.replace(asked, want=list(range(PARTS))), DigestReply, laptop.token)
    assert reply.given == list(range(PARTS))
    found, sums = {}, Sums()
    for block in reply.blocks:
        shape = shapes()[block.table]
        for values in block.rows:
            row = dict(zip(block.columns, values, strict=True))
            sums.add(block.table, [[row.get(name) for name in shape.columns]], shape.columns.index("clocks"))
            found[block.table, str(row["id"])] = {name: bool(value) if name in shape.booleans and value is not None else value for name, value in row.items()}
    assert (summed.counts, summed.sums) == (sums.counts, sums.sums)
    return found


def handed_out(house: House, role: str, where: Path) -> Seen:
    """By the list that a leader's laptop makes for a door: what is in it for whoever opens it, and what is on the door's desk then."""
    leader, taker = house.desk("leader", "leader"), house.desk("taker", role)
    sync_once(leader, wire=house.office.wire())
    with leader.reading() as connection:
        sealed = make_handout(leader, me(connection), house.gathering)
    with taker.reading() as connection:
        mine = me(connection)
    assert take_handout(taker, mine, sealed).taken
    opened = open_handout(sealed, mine.keys)
    assert opened is not None
    found = {(block.table, str(values[1])): dict(zip(block.columns[1:], values[1:], strict=True)) for block in opened.blocks for values in block.rows}
    with closing(taker.raw()) as raw:
        here = rows_of(raw)
    for name, row in here.items():  # of a leader's laptop, which does not work from it, nothing
        assert row == {**dict.fromkeys(row), **found[name]}, name
    assert bool(here) == (role == "door")
    return found


READING: list[Callable[[House, str, Path], Seen]] = [pulled, snapshotted, digested]
AT_DESKS = pytest.mark.parametrize("database", ["sqlcipher"], indirect=True)
"""Between desks the server's kind of database does not matter."""


@pytest.mark.parametrize("way", READING, ids=lambda way: way.__name__)
@pytest.mark.parametrize("role", ROLES)
def test_what_is_read(house: House, role: str, way: Callable[[House, str, Path], Seen], tmp_path: Path) -> None:
    shows_what_was_decided(house, role, way(house, role, tmp_path))


@AT_DESKS
@pytest.mark.parametrize("role", ROLES)
def test_what_a_hand_out_tells(house: House, role: str, tmp_path: Path) -> None:
    shows_what_was_decided(house, "door", handed_out(house, role, tmp_path))  # whoever opens it: it is made for the door


def shows_what_was_decided(house: House, role: str, seen: Seen) -> None:
    """Every field that the role reads, and no other."""
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
        keys = {shape.clock_keys[field] for field, read in reads.items() if read != "no"}
        assert all(key in keys for key in clocks_of(row)), (role, name)
    assert not hidden_in(repr(seen), role)


def hidden_in(text: str, role: str) -> list[str]:
    """The fields that a role may not read whole, and that this tells all the same."""
    found = [f"{name}.{field}" for name, shape in shapes().items() for field in shape.fields
             if DECIDED[role, name, field][0] != "yes" and f"canary {name} {field}\"" in text.replace("'", '"')]
    return [*found, *(["a phone"] if role == "door" and PHONE in text else [])]


@AT_DESKS
@pytest.mark.parametrize("role", ROLES)
def test_what_a_leaders_laptop_tells_another_at_the_venue(house: House, role: str) -> None:
    leader, other = house.desk("leader", "leader"), house.desk("other", role)
    for desk in (leader, other):
        sync_once(desk, wire=house.office.wire())
    wanted = {}
    house.office.time.now += 1_000
    with leader.writing("edited", gathering=house.gathering) as writing:
        for name, shape in shapes().items():
            news = {field: fresh for field, value in house.rows[name][1].items() if (fresh := renewed(field, value)) != value}
            if shape.kind == "fact":
                wanted[name] = (writing.add(name, **{**house.rows[name][1], **news}), news)
            else:
                writing.change(name, house.rows[name][0], **news)
                wanted[name] = (house.rows[name][0], news)
    parcels, chain = sealed_by(leader)
    with other.reading() as connection:
        mine = me(connection)
    taken = holding.take_in(other, mine, parcels, [chain])
    assert (taken.new, taken.refused) == (len(parcels), 0)
    with closing(other.raw()) as raw:
        here, everything = rows_of(raw), whole(raw)
    for name, (row_id, news) in wanted.items():
        shape = shapes()[name]
        for field, value in news.items():
            told = (here.get((name, row_id)) or {}).get(field) == value
            # What is not the door's travels to the chapter's leaders alone: of a phone not even its end, until the server tells it.
            assert told == (role != "door" or DECIDED[role, name, field][0] == "yes"), (role, name, field)
    assert not [name for name in hidden_in(everything, role)]
    assert role != "door" or "anew household" not in everything


def renewed(field: str, value: Any) -> Any:
    """Another value of the same kind; the same where another row would be meant, or the row would be gone."""
    if field in ("gone", "sample", "gathering", "person", "registration", "starts", "ends", "time_zone", "merged_into"):
        return value
    return 1955 if isinstance(value, int) and not isinstance(value, bool) else not value if isinstance(value, bool) else value.replace("canary", "anew")


def sealed_by(desk: Desk) -> tuple[list[Sealed], list[Certificate]]:
    """Everything that a desk would give others at a venue."""
    with desk.reading() as connection:
        mine = me(connection)
    holding.seal_own(desk, mine)
    with desk.reading() as connection:
        found, _place = holding.offered(connection, mine.membership.scope)
    return [holding.opened_parcel(one.content) for one in found], mine.credentials.chain


def whole(raw: Any) -> str:
    """Everything that stands in a desk's database, the search index too."""
    names = [row[0] for row in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return repr([list(raw.execute(f'SELECT * FROM "{name}"')) for name in names])


def clocks_of(row: Mapping[str, Any]) -> dict[str, str]:
    """The clocks of a row as it came."""

    return unpack(row["clocks"])


Way = Callable[[House, Any, str, list[tuple[str, Operation]]], list[str]]


def pushed(house: House, laptop: Any, role: str, sent: list[tuple[str, Operation]]) -> list[str]:
    """By push: each operation in a parcel of its audience."""
    parcels = [laptop.parcels(operation, audience=audience).parcels[0] for audience, operation in sent]
    return [one.status for one in house.office.call("push", PushRequest(parcels), PushReply, laptop.token).results]


def in_sealed_parcels(house: House, laptop: Any, sent: list[tuple[str, Operation]]) -> tuple[list[Sealed], list[Certificate]]:
    """Each operation in a sealed parcel of its audience, as a laptop gives them to others; and what it is known by."""
    reply = house.office.call("hello", HelloRequest(), HelloReply, laptop.token)
    keys = keys_of(reply.grants[0].keys, reply.grants[0].gathering)
    return [seal(laptop.parcels(operation, audience=audience).parcels[0], keys, laptop.key) for audience, operation in sent], reply.certificates


def relayed(house: House, laptop: Any, role: str, sent: list[tuple[str, Operation]]) -> list[str]:
    """By another laptop, a leader's, which carries the sealed parcels to the server: who signed them is judged."""
    message = PushRequest(parcels=[], relayed=in_sealed_parcels(house, laptop, sent)[0])
    return [one.results[0].status for one in house.office.call("push", message, PushReply, house.office.laptop().token).relayed]


def laid(house: House, laptop: Any, role: str, sent: list[tuple[str, Operation]]) -> list[str]:
    """By a leader's laptop at the venue, which takes the sealed parcels and believes what the server would."""
    desk = house.desk("leader", "leader")
    sync_once(desk, wire=house.office.wire())
    parcels, chain = in_sealed_parcels(house, laptop, sent)
    with desk.reading() as connection:
        mine = me(connection)
    assert holding.take_in(desk, mine, parcels, [chain]).opened == len(parcels)
    with closing(desk.raw()) as raw:
        there = {row[0] for row in raw.execute("SELECT id FROM operation WHERE queue = 'peer'")}
    return ["ok" if operation.id in there else "denied" for _audience, operation in sent]


WRITING: list[Way] = [pushed, relayed]


@pytest.mark.parametrize("way", WRITING, ids=lambda way: way.__name__)
@pytest.mark.parametrize("role", ROLES)
def test_what_is_written(house: House, role: str, way: Way) -> None:
    takes_what_was_decided(house, role, way)


@AT_DESKS
@pytest.mark.parametrize("role", ROLES)
def test_what_a_laptop_believes(house: House, role: str) -> None:
    takes_what_was_decided(house, role, laid)


def takes_what_was_decided(house: House, role: str, way: Way) -> None:
    """Every field that the role writes, in others' rows and in its own, and no other."""
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
    for (name, field, own), status in zip(asked, way(house, laptop, role, sent), strict=True):
        write = DECIDED[role, name, field][1]
        good = write == "yes" or (write == "new" and own)
        assert status == ("ok" if good else "denied"), (role, name, field, "own" if own else "others'", status)


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


def test_no_leader_closes_a_chapter(house: House) -> None:
    result = house.leader.push(house.leader.operation("chapter", house.leader.scope, gone=True)).results[0]
    assert (result.status, result.reason) == ("denied", "value")
    admin = house.office.laptop(role="admin")
    house.office.time.now += 1_000
    assert admin.push(admin.operation("chapter", admin.scope, gone=True)).results[0].status == "ok"
