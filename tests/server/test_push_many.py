"""Many operations at once take shorter ways: what comes of them is what comes of each judged and put by itself, to the last byte."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import Operation, PushReply
from alumni_desk.protocol.parcels import Piece, in_parcels, sign_parcel
from alumni_desk.server import anew, bulk, judging
from alumni_desk.server.bulk import add_rows, copy_text, put_rows
from alumni_desk.server.database import Database, postgresql_database, sqlcipher_database
from alumni_desk.server.feed import begin_feed
from alumni_desk.server.push import Sent, push_together
from alumni_desk.server.tables import all_tables
from alumni_desk.sync.shapes import shapes

NOW = 1_790_000_000_000
REPLICAS = [f"{n:016x}" for n in (1, 2)]
ROWS = [f"0190a0c4-0000-7000-8000-{n:012x}" for n in range(6)]
TABLES = all_tables()
KEPT = ["person", "education", "household", "registration", "fact", "feed", "operation_result", "conflict", "clamped", "replica", "audit"]


@pytest.fixture
def postgresql(migrated_url: str) -> Iterator[Database]:
    """A server's PostgreSQL."""
    made = postgresql_database(migrated_url)
    yield made
    made.close()


@pytest.fixture
def sqlcipher(tmp_path: Path) -> Iterator[Database]:
    """A server's own file."""
    made = sqlcipher_database(tmp_path / "server.db", secrets.token_bytes(32))
    yield made
    made.close()


texts = st.one_of(st.text(max_size=6), st.sampled_from(["\\N", "\\", "\\\\", "a\tb", "a\nb", "\r", "\\x41", "", "Łoś"]))
values = {"text": texts, "integer": st.integers(-2**63, 2**63 - 1), "boolean": st.booleans()}
odd = st.one_of(texts, st.booleans(), st.none(), st.integers(-5, 5), st.sampled_from([2**63, 2**64 - 1, "a\0b", "y" * 70_000]))
"""A field may hold it, or not."""


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    """Mostly well formed, about a few rows."""
    table = draw(st.sampled_from(["person", "person", "person", "education", "household", "registration", "fact", "unheard_of"]))
    shape = shapes().get(table)
    names = draw(st.lists(st.sampled_from(sorted(shape.types) if shape else ["name"]), max_size=20, unique=True))
    fields: dict[str, Any] = {name: draw(odd if draw(st.integers(0, 29)) == 0 else values[shape.types[name]] if shape else texts) for name in names}
    if draw(st.integers(0, 19)) == 0:
        fields["unheard_of"] = "x"
    if table == "fact" and draw(st.integers(0, 9)):
        fields["kind"] = "in"
    moment = draw(st.integers(NOW - 50, NOW + 50) | st.integers(NOW + 290_000, NOW + 400_000))
    clock = f"{moment:012x}-{draw(st.integers(0, 3)):04x}-{draw(st.sampled_from(REPLICAS))}"
    return Operation(id=draw(st.sampled_from([*ROWS, "no id"])) if draw(st.integers(0, 19)) == 0 else str(draw(st.uuids(version=4))), action=uuid7(),
                     transaction=draw(st.sampled_from(ROWS)) if draw(st.integers(0, 9)) == 0 else uuid7(),
                     kind=shape.kind if shape and draw(st.integers(0, 19)) else "put", table=table,
                     row=draw(st.sampled_from(ROWS)) if draw(st.booleans()) else str(draw(st.uuids(version=4))), fields=fields,
                     before={"city": f"{NOW - 20:012x}-0000-{REPLICAS[0]}"} if draw(st.booleans()) else {},
                     clock=clock if draw(st.integers(0, 29)) else "no clock", schema=1)


def pushed(database: Database, scope: str, pushes: list[list[Operation]], key: SigningKey) -> list[PushReply]:
    """The answers to these, one after the other."""
    replies = []
    with database.writing() as connection:
        begin_feed(connection, TABLES, scope)
    for number, mine in enumerate(pushes):
        parcels = [sign_parcel(key, server="s", device="d", scope=scope, audience="chapter", pieces=pieces)
                   for pieces in in_parcels([Piece(one.id, one.transaction, body_of(one)) for one in mine])]
        with database.writing() as connection:
            replies += push_together(connection, TABLES, [Sent(parcels, "leader", "d")], scope=scope, now=NOW + number)
    return replies


def pushed_anew(database: Database, scope: str, pushes: list[list[Operation]], key: SigningKey) -> tuple[list[PushReply], list[bool]]:
    """The same with the way of an import, where it is open; and where it was."""
    replies, ways = [], []
    with database.writing() as connection:
        begin_feed(connection, TABLES, scope)
    for number, mine in enumerate(pushes):
        parcels = [sign_parcel(key, server="s", device="d", scope=scope, audience="chapter", pieces=pieces)
                   for pieces in in_parcels([Piece(one.id, one.transaction, body_of(one)) for one in mine])]
        fresh, sent = anew.fresh_of(parcels), Sent(parcels, "leader", "d")
        with database.writing() as connection:
            there = anew.glance(connection, TABLES, scope, fresh, devices=[], now=NOW + number) if fresh is not None else None
            reply = None if fresh is None or there is None else anew.push_anew(
                connection, TABLES, fresh, sent, there, NOW + number, prove=lambda: True)
            ways.append(reply is not None)
            replies.append(reply or push_together(connection, TABLES, [sent], scope=scope, now=NOW + number)[0])
    return replies, ways


def kept(database: Database, scope: str) -> dict[str, list[dict[str, Any]]]:
    """Everything of a scope."""
    found = {}
    with database.reading() as connection:
        for name in KEPT:
            table = TABLES.tables[name]
            rows = [{key: bytes(value) if isinstance(value, memoryview) else value for key, value in row.items()}
                    for row in connection.execute(sa.select(table).where(table.c.scope == scope)).mappings()]
            found[name] = sorted(rows, key=repr)
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pushes=st.lists(st.lists(operations(), min_size=1, max_size=12), min_size=1, max_size=3))
def test_the_shorter_ways_lead_to_the_same(postgresql: Database, sqlcipher: Database, pushes: list[list[Operation]]) -> None:
    scope, key = uuid7(), SigningKey.generate()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "MANY", 1)
        short = pushed(postgresql, scope, pushes, key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "_is_plain", lambda *_arguments: False)
        long = pushed(sqlcipher, scope, pushes, key)
    assert short == long
    assert kept(postgresql, scope) == kept(sqlcipher, scope)


@st.composite
def new_rows(draw: st.DrawFn) -> Operation:
    """A plain operation that makes a row, mostly one that nobody knows."""
    table = draw(st.sampled_from(["person", "person", "education", "household"]))
    types = shapes()[table].types
    names = draw(st.lists(st.sampled_from(sorted(types.keys() - {"gone", "merged_into"})), min_size=1, max_size=6, unique=True))
    return Operation(id=str(draw(st.uuids(version=4))), action=uuid7(), transaction=uuid7(), kind="put", table=table,
                     row=draw(st.sampled_from(ROWS)) if draw(st.integers(0, 19)) == 0 else str(draw(st.uuids(version=4))),
                     fields={name: draw(values[types[name]]) for name in names}, before={},
                     clock=f"{NOW + draw(st.integers(-50, 50)):012x}-0000-{draw(st.sampled_from(REPLICAS))}", schema=1)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pushes=st.lists(st.lists(st.one_of(*[new_rows()] * 12, operations()), min_size=1, max_size=12), min_size=1, max_size=3), again=st.booleans())
def test_the_way_of_an_import_leads_to_the_same(postgresql: Database, sqlcipher: Database, pushes: list[list[Operation]], again: bool) -> None:
    scope, key = uuid7(), SigningKey.generate()
    pushes = [*pushes, pushes[0]] if again else pushes
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anew, "MANY", 1)
        short, _ways = pushed_anew(postgresql, scope, pushes, key)
    assert short == pushed(sqlcipher, scope, pushes, key)
    assert kept(postgresql, scope) == kept(sqlcipher, scope)


SIXTEEN = {name: "x" for name, kind in shapes()["person"].types.items() if kind == "text" and name not in shapes()["person"].forms}


def some(count: int, **fields: Any) -> list[Operation]:
    """New people."""
    return [Operation(uuid7(), uuid7(), uuid7(), "put", "person", uuid7(), {"last_name": f"Name {n}", **fields}, {}, f"{NOW:012x}-{n:04x}-{REPLICAS[0]}", 1)
            for n in range(count)]


def test_an_import_goes_the_way_of_an_import(postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anew, "MANY", 3)
    first, more = some(3, city="a\\b"), some(4)
    scope, key = uuid7(), SigningKey.generate()
    changed = [msgspec.structs.replace(one, id=uuid7(), fields={"city": "Paris"}) for one in first]
    late = [msgspec.structs.replace(one, clock=f"{NOW + 400_000:012x}-0000-{REPLICAS[0]}") for one in some(3)]
    replies, ways = pushed_anew(postgresql, scope, [first, more, first, some(2), changed, some(3, gone=True), some(3), late, some(3)], key)
    assert ways == [True, True, False, False, False, False, True, False, False], "what is known, few, changes something, removes, or was ahead once"
    assert [one.status for one in replies[2].results] == ["duplicate"] * 3 and [one.sequence for one in replies[1].results] == [4, 5, 6, 7]


@pytest.mark.parametrize("what", ["erased", "awaited"])
def test_where_more_is_to_be_known_an_import_is_looked_at(postgresql: Database, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(anew, "MANY", 3)
    scope, key, mine = uuid7(), SigningKey.generate(), some(3)
    with postgresql.writing() as connection:
        if what == "erased":
            add_rows(connection, TABLES.tables["erased"], ("scope", "table_name", "row_id", "erased_at"), [(scope, "person", mine[1].row, 1)])
        else:
            put_rows(connection, TABLES.tables["feed"], [{"scope": scope, "audience": ROWS[0], "table_name": "person", "row_id": mine[1].row, "sequence": 0,
                                                          "gone": False}])
    replies, ways = pushed_anew(postgresql, scope, [mine], key)
    assert ways == [False]
    assert [one.status for one in replies[0].results] == (["ok", "erased", "ok"] if what == "erased" else ["ok"] * 3)


@pytest.mark.parametrize("fields", [{"unheard_of": "x"}, {"city": "a\0b"}, {"class_year": "1999"}, {"class_year": 2**63}, {"standing": "unheard of"}])
def test_a_value_that_cannot_be_taken_is_no_part_of_an_import(postgresql: Database, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]) -> None:
    monkeypatch.setattr(anew, "MANY", 3)
    mine = some(3)
    mine[1] = msgspec.structs.replace(mine[1], fields=dict(sorted({**mine[1].fields, **fields}.items())))
    replies, ways = pushed_anew(postgresql, uuid7(), [mine], SigningKey.generate())
    assert ways == [False]
    assert [one.status for one in replies[0].results] == ["ok", "invalid", "ok"]


@pytest.mark.parametrize("name", ["id", "row"])
def test_what_comes_twice_is_no_import(postgresql: Database, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(anew, "MANY", 3)
    mine = some(3)
    mine[2] = msgspec.structs.replace(mine[2], **{name: getattr(mine[0], name)})
    replies, ways = pushed_anew(postgresql, uuid7(), [mine], SigningKey.generate())
    assert ways == [False]
    assert [one.status for one in replies[0].results] == ["ok", "ok", "invalid" if name == "id" else "ok"]


def test_rows_of_many_fields_are_an_import(postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anew, "MANY", 3)
    mine = some(3, **SIXTEEN, class_year=1999)
    more = [msgspec.structs.replace(one, table="education", fields={"class_year": 1999, "is_primary": False, "school": "Law"}) for one in some(2)]
    scope = uuid7()
    _replies, ways = pushed_anew(postgresql, scope, [[mine[0], more[0], mine[1], more[1], mine[2]]], SigningKey.generate())
    assert ways == [True]
    assert {(row["class_year"], row["is_primary"], row["school"], row["major"]) for row in kept(postgresql, scope)["education"]} == {(1999, False, "Law", None)}


def test_a_row_that_is_there_already_is_replaced_all_the_same(postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MANY", 1)
    table, scope = TABLES.tables["erased"], uuid7()
    names = ("scope", "table_name", "row_id", "erased_at")
    with postgresql.writing() as connection:
        add_rows(connection, table, names, [(scope, "person", ROWS[0], 1)])
        add_rows(connection, table, names, [(scope, "person", ROWS[1], 2), (scope, "person", ROWS[0], 3)])
    with postgresql.reading() as connection:
        there = connection.execute(sa.select(table.c.row_id, table.c.erased_at).where(table.c.scope == scope).order_by(table.c.row_id)).all()
    assert [tuple(row) for row in there] == [(ROWS[0], 3), (ROWS[1], 2)]


def test_what_the_database_cannot_take_is_told_as_its_trouble(postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MANY", 1)
    with pytest.raises(sa.exc.DBAPIError), postgresql.writing() as connection:
        add_rows(connection, TABLES.tables["erased"], ("scope", "table_name", "row_id", "erased_at"), [("s", "person", ROWS[0], "no number")])


def test_letters_that_mean_something_are_written_as_others() -> None:
    assert copy_text([["a", None], ["\\N", "b\tc\nd\re"], [1, True], [b"\x00\xff", None]]) == "a\t\\\\N\t1\t\\\\x00ff\n\\N\tb\\tc\\nd\\re\tTrue\t\\N\n"


@pytest.mark.parametrize(("fields", "reason"), [
    ({"class_year": 2**63}, "value"), ({"class_year": True}, "value"), ({"class_year": "1990"}, "value"), ({"city": 5}, "value"), ({"gone": None}, "value"),
    ({"city": "a\0b"}, "value"), ({**SIXTEEN, "city": "a\0b"}, "value"), ({"city": "y" * 70_000}, "value"),
    ({"unheard_of": "x"}, "unknown_field"), ({}, "empty")])
def test_what_is_not_plain_is_looked_at(fields: dict[str, Any], reason: str) -> None:
    one = Operation(uuid7(), uuid7(), uuid7(), "put", "person", uuid7(), fields, {}, f"{NOW:012x}-0000-{REPLICAS[0]}", 1)
    assert judging.refusal(one, body_of(one), role="leader", scope=ROWS[0], audience="chapter", shapes=shapes()) == ("invalid", reason)


@pytest.mark.parametrize("fields", [{"city": "Paris", "class_year": 1990}, {"city": None}, SIXTEEN])
def test_what_is_plain_is_taken(fields: dict[str, Any]) -> None:
    one = Operation(uuid7(), uuid7(), uuid7(), "put", "person", uuid7(), fields, {}, f"{NOW:012x}-0000-{REPLICAS[0]}", 1)
    assert judging.refusal(one, body_of(one), role="leader", scope=ROWS[0], audience="chapter", shapes=shapes()) is None
    assert judging._is_plain(one, body_of(one), "chapter", shapes()) == (None not in fields.values())
