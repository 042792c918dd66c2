"""Every write to a synced table becomes an operation, or fails."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite
from tests.conftest import new_desk_schema

from alumni_desk.errors import BadInput, NotFound
from alumni_desk.protocol.clocks import unpack
from alumni_desk.schema import SCHEMA_VERSION, desk_schema, open_desk
from alumni_desk.store import keys
from alumni_desk.store.capture import synced_of
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.opening import open_with
from alumni_desk.store.outbox import of_small_action
from alumni_desk.store.profile import Profile
from alumni_desk.store.synced import data_columns, field, synced
from alumni_desk.store.undo import undo
from alumni_desk.store.writing import VERY_MANY, Writing


def operations(desk: Desk) -> list[dict[str, Any]]:
    """Everything captured so far, oldest first, the founding of the chapter left out."""
    with desk.reading() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM operation_now WHERE table_name <> 'chapter' ORDER BY rowid").mappings().all()
    return [{**row, "fields": json.loads(row["fields"]), "before": json.loads(row["before"]), "values_before": json.loads(row["values_before"])}
            for row in rows]


def test_a_new_row_is_one_operation_of_what_it_holds(desk: Desk) -> None:
    with desk.writing("member_added") as writing:
        person = writing.add("person", standing="member", first_name="Łukasz", class_year=1998, deceased=False)
    [one] = operations(desk)
    assert (one["kind"], one["audience"], one["row_id"], one["event"], one["fate"], one["queue"]) == (
        "put", "chapter", person, "member_added", "waiting", "live")
    assert one["fields"] == {"standing": "member", "first_name": "Łukasz", "class_year": 1998, "deceased": False}
    assert one["before"] == {} and one["action"] == writing.action_id


def test_a_change_holds_only_what_changed_and_what_its_editor_saw(desk: Desk) -> None:
    with desk.writing("member_added") as writing:
        person = writing.add("person", first_name="Ana", last_name="Lima")
    with desk.writing("member_changed") as writing:
        writing.change("person", person, first_name="Ana", last_name="Lima Costa")
    first, second = operations(desk)
    assert second["fields"] == {"last_name": "Lima Costa"} and second["values_before"] == {"last_name": "Lima"}
    assert second["before"] == {"last_name": first["clock"]} and second["clock"] > first["clock"]


def test_an_address_is_written_as_a_whole(desk: Desk) -> None:
    with desk.writing("member_added") as writing:
        person = writing.add("person", street="Elm Street 1", city="Boston", postal_code="02116")
    with desk.writing("member_changed") as writing:
        writing.change("person", person, city="Salem")
    *_, last = operations(desk)
    assert last["fields"] == {"street": "Elm Street 1", "city": "Salem", "region": None, "postal_code": "02116", "country": None}
    assert list(last["before"]) == ["address"]


def test_nothing_is_captured_where_nothing_changes(desk: Desk) -> None:
    with desk.writing("member_added") as writing:
        person = writing.add("person", first_name="Ana")
    with desk.writing("member_changed") as writing:
        writing.change("person", person, first_name="Ana")
        writing.connection.exec_driver_sql("UPDATE person SET first_name = first_name")
    assert len(operations(desk)) == 1 and not writing.changed


def test_at_a_gathering_the_door_gets_its_fields_and_the_chapter_the_rest(desk: Desk) -> None:
    with desk.writing("walked_in", gathering="g-1") as writing:
        person = writing.add("person", standing="guest", first_name="Ana", email="ana@example.org")
        writing.add("registration", gathering="g-1", person=person, status="yes")
        writing.add("fact", kind="in", gathering="g-1", person=person, at="2026-11-12T18:42:00.000Z")
    seen = [(one["table_name"], one["kind"], one["audience"], sorted(one["fields"])) for one in operations(desk)]
    assert seen == [
        ("person", "put", "g-1", ["first_name", "standing"]),
        ("person", "put", "chapter", ["email"]),
        ("registration", "put", "g-1", ["gathering", "person", "status"]),
        ("fact", "fact", "g-1", ["at", "gathering", "kind", "person"]),
    ]


@pytest.mark.parametrize("statement", [
    "INSERT INTO person (id, scope) VALUES ('x', 's')",
    "UPDATE person SET city = 'Salem'",
])
def test_a_connection_of_somebody_else_cannot_write(desk: Desk, statement: str) -> None:
    with desk.writing("member_added") as writing:
        writing.add("person", city="Boston")
    raw = desk.raw()
    try:
        with pytest.raises(Exception, match=r"no such function|no action"):
            raw.execute(statement)
    finally:
        raw.close()


@pytest.mark.parametrize("statement", [
    "DELETE FROM person",
    "UPDATE person SET id = 'another'",
    "UPDATE person SET scope = 'another'",
    "INSERT OR REPLACE INTO person (id, scope, city) SELECT id, scope, 'Salem' FROM person",
    "UPDATE fact SET reason = 'because'",
])
def test_what_would_escape_the_history_is_refused(desk: Desk, statement: str) -> None:
    with desk.writing("member_added") as writing:
        writing.add("person", city="Boston")
        writing.add("fact", kind="in")
    with pytest.raises(sa.exc.IntegrityError), desk.writing("member_changed") as writing:
        writing.connection.exec_driver_sql(statement)
    assert len(operations(desk)) == 2


def test_upserts_and_bulk_updates_are_captured(desk: Desk) -> None:
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", [{"first_name": f"Ana {n}", "city": "Boston"} for n in range(1_000)])
    with desk.writing("members_changed") as writing:
        writing.connection.exec_driver_sql("UPDATE person SET employer = 'City'")
        writing.connection.exec_driver_sql(
            "INSERT INTO person (id, scope, employer) SELECT id, scope, 'Port' FROM person WHERE true ON CONFLICT (id) DO UPDATE SET employer = 'Port'")
    seen = operations(desk)
    assert len(seen) == 3_000 and {one["queue"] for one in seen[:1_000]} == {"load"}
    with desk.reading() as connection:
        counts = connection.exec_driver_sql("SELECT count(*) FROM operation WHERE queue = 'load' GROUP BY transaction_id").scalars().all()
    assert max(counts) <= 500 and len({one["action"] for one in seen[:1_000]}) == 1


@pytest.mark.parametrize("kind", ["added", "changed", "both", "door"])
def test_the_outbox_copy_is_what_the_database_has(desk: Desk, kind: str) -> None:
    """Of new rows it is made in memory, of what triggers captured it is read."""
    with desk.writing("first") as writing:
        there = writing.add("person", first_name="Bo")
    desk.set_setting("person_name", "Zoë")
    with desk.writing(kind, gathering="dinner" if kind == "door" else None) as writing:
        if kind != "changed":
            writing.add("person", first_name="Ana", email="ana@example.org", class_year=1999, deceased=True)
            writing.add("fact", kind="in", gathering="dinner", person=there)
        if kind in ("changed", "both"):
            writing.change("person", there, first_name="Bob")
    action = writing.action_id
    with desk.reading() as connection:
        wanted = of_small_action(connection, action)
    assert wanted is not None and wanted.actions[0]["who"] == "Zoë" and wanted.operations
    held = desk.outbox.read()
    assert [one for one in held.operations if one["action"] == action] == wanted.operations
    assert [one for one in held.actions if one["id"] == action] == wanted.actions


def test_an_action_that_forgets_to_end_cannot_commit(desk: Desk) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="FOREIGN KEY"), desk._transaction() as connection:
        connection.exec_driver_sql("UPDATE capture SET mode = 'applying', rest = 0")
    with desk.writing("member_added") as writing:  # and the next one is not harmed
        writing.add("person", first_name="Ana")


def test_what_fails_leaves_nothing_behind(desk: Desk) -> None:
    with pytest.raises(NotFound), desk.writing("member_changed") as writing:
        writing.add("person", first_name="Ana")
        writing.change("person", "nobody", first_name="Bo")
    assert operations(desk) == []
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM person").scalar() == 0


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 70_000])
def test_texts_that_could_not_travel_are_refused_in_a_sentence(desk: Desk, text: str) -> None:
    with pytest.raises(BadInput) as caught, desk.writing("member_added") as writing:
        writing.add("person", notes=text)
    assert str(caught.value).endswith(".")


def test_applying_is_nobodys_edit(desk: Desk) -> None:
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("INSERT INTO person (id, scope, first_name, clock) VALUES ('p', 's', 'Ana', 'c')")
        applying.connection.exec_driver_sql("DELETE FROM person")
    assert operations(desk) == []


def test_triggers_that_somebody_took_away_come_back(desk: Desk) -> None:
    raw = desk.raw()
    raw.execute("DROP TRIGGER capture_person_insert")
    raw.close()
    desk.close()
    with open_desk(desk.profile) as again:
        with again.writing("member_added") as writing:
            writing.add("person", first_name="Ana")
        assert len(operations(again)) == 1


def test_every_field_of_every_synced_table_is_captured(desk: Desk) -> None:
    for table in synced_of(desk.metadata):
        if table.name == "chapter":
            continue
        for column in data_columns(table):
            value: object = True if isinstance(column.type, sa.Boolean) else 7 if isinstance(column.type, sa.Integer) else "text"
            with desk.writing("tried") as writing:
                writing.add(table.name, **({column.name: value} if table.info["audience"] == "field" else {"gathering": "g", column.name: value}))
            assert operations(desk)[-1]["fields"][column.name] == value


_TEXTS = st.one_of(st.none(), st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.fixed_dictionaries({}, optional={
    "first_name": _TEXTS, "city": _TEXTS, "street": _TEXTS, "class_year": st.one_of(st.none(), st.integers(-2**63, 2**63 - 1)),
    "deceased": st.one_of(st.none(), st.booleans()), "email": _TEXTS, "gone": st.booleans()}), max_size=8), gathering=st.sampled_from([None, "g"]))
def test_the_operations_of_a_row_add_up_to_the_row(desk: Desk, steps: list[dict[str, Any]], gathering: str | None) -> None:
    """Laid over nothing in order, they give the row, and its clocks are theirs."""
    with desk.writing("member_added") as writing:
        person = writing.add("person", standing="member")
    for step in steps:
        with desk.writing("member_changed", gathering=gathering) as writing:
            writing.change("person", person, **step)
    built: dict[str, Any] = {}
    clocks: dict[str, str] = {}
    for one in operations(desk):
        if one["row_id"] == person:
            built.update(one["fields"])
            for name in one["fields"]:
                key = "address" if name in ("street", "city", "region", "postal_code", "country") else name
                assert clocks.get(key, "") <= one["clock"]
                clocks[key] = one["clock"]
    with desk.reading() as connection:
        row = connection.execute(sa.select(desk.tables["person"]).where(desk.tables["person"].c.id == person)).mappings().one()
    names = [column.name for column in data_columns(desk.tables["person"])]
    assert {name: row[name] for name in names} == {**dict.fromkeys(names), "gone": False, **built}
    assert unpack(row["clocks"]) == clocks and row["clock"] == max(clocks.values())


def test_a_writing_outside_the_with_is_over(desk: Desk) -> None:
    with desk.writing("member_added") as writing:
        writing.add("person", first_name="Ana")
    kept: Writing = writing
    assert set(kept.changed.tables) == {"person"}
    with pytest.raises(sa.exc.ResourceClosedError):
        kept.add("person", first_name="Bo")


def test_a_new_table_and_a_new_column_are_captured_without_a_word_about_them(profile: Profile) -> None:
    """A noun declares them; a migration makes them; nothing else has to know."""
    open_with(profile, desk_schema, SCHEMA_VERSION).close()
    grown = new_desk_schema()
    declared = synced("scholarship", field("name"), field("amount", sa.BigInteger, group="money"), field("currency", group="money"), field("paid", sa.Boolean))
    grown.tables["person"].append_column(field("nickname", door=True))
    sa.Table(declared.name, grown, *[column._copy() for column in declared.columns], info=dict(declared.info))
    raw = connect(profile.database, keys.database_key(profile.path, "desk"))
    raw.execute("ALTER TABLE person ADD COLUMN nickname TEXT")
    raw.execute(str(sa.schema.CreateTable(grown.tables["scholarship"]).compile(dialect=sqlite.dialect())))
    raw.close()
    with open_with(profile, lambda: grown, SCHEMA_VERSION + 1) as desk:
        with desk.writing("tried", gathering="g-1") as writing:
            person = writing.add("person", nickname="Annie", notes="plays the cello")
        with desk.writing("tried") as writing:
            row = writing.add("scholarship", name="Travel", amount=500, paid=False)
        with desk.writing("tried") as writing:
            writing.change("person", person, nickname="Ann")
            writing.change("scholarship", row, currency="EUR", paid=True)
        seen = [(one["table_name"], one["audience"], one["fields"], one["schema"]) for one in operations(desk)]
        assert seen == [
            ("person", "g-1", {"nickname": "Annie"}, 2), ("person", "chapter", {"notes": "plays the cello"}, 2),
            ("scholarship", "chapter", {"name": "Travel", "amount": 500, "paid": False}, 2),
            ("person", "chapter", {"nickname": "Ann"}, 2),
            ("scholarship", "chapter", {"amount": 500, "currency": "EUR", "paid": True}, 2),
        ]
        undo(desk)
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT nickname FROM person").scalar() == "Annie"
            assert connection.exec_driver_sql("SELECT amount, currency, paid FROM scholarship").one() == (500, None, 0)
        for statement in ("INSERT INTO scholarship (id, scope) VALUES ('x', 's')", "UPDATE person SET nickname = 'Nan'", "DELETE FROM scholarship"):
            raw = desk.raw()
            with pytest.raises(Exception, match=r"no such function|no action|never deleted"):
                raw.execute(statement)
            raw.close()


def _triggers(connection: sa.Connection) -> dict[str, str]:
    return {name: sql for name, sql in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")}


@pytest.mark.parametrize("code", [60_601, "60601"])
def test_of_very_many_rows_each_has_its_operation_and_the_trigger_is_back(desk: Desk, code: int | str) -> None:
    """Also where one in the midst is of a kind that only the trigger can take in: a number in the place of a text."""
    rows: list[dict[str, Any]] = [{"last_name": f"Lima {number}", "postal_code": f"{number:05}", "class_year": None, "city": None}
                                  for number in range(2 * VERY_MANY + 1)]
    rows[VERY_MANY] = {"last_name": "Obi", "postal_code": code, "class_year": 1998, "city": "Łódź"}
    with desk.reading() as connection:
        before = _triggers(connection)
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", rows)
        assert _triggers(writing.connection) == before
        writing.connection.exec_driver_sql("INSERT INTO person (id, scope, last_name) VALUES ('by-hand', ?, 'Hand')", (writing.scope,))
    found = operations(desk)
    with desk.reading() as connection:
        there = {row.id: row for row in connection.exec_driver_sql("SELECT * FROM person")}
        assert _triggers(connection) == before
        assert connection.exec_driver_sql("SELECT count(*) FROM search_person").scalar() == len(rows) + 1
    assert len(found) == len(there) == len(rows) + 1 and writing.changed.tables["person"] == there.keys() - {"by-hand"}
    for one in found:
        row = there[one["row_id"]]
        assert (one["fate"], one["queue"]) == ("waiting", "load")
        assert one["fields"] == {name: value for name in ("last_name", "postal_code", "class_year", "city") if (value := getattr(row, name)) is not None}
        assert one["clock"] == row.clock and unpack(row.clocks).keys() == {"last_name", *({"address"} if row.postal_code else ()),
                                                                         *({"class_year"} if row.class_year else ())}
    assert found[VERY_MANY]["fields"]["postal_code"] == "60601"
    assert max(Counter(one["transaction_id"] for one in found).values()) <= 500


def test_very_many_rows_that_fail_leave_no_table_unwatched(desk: Desk) -> None:
    """Whoever catches what is said of one of them goes on under the triggers' eyes, with the rows that were written until then."""
    rows = [{"last_name": f"Lima {number}"} for number in range(VERY_MANY)]
    with desk.reading() as connection:
        before = _triggers(connection)
    with desk.writing("import") as writing:
        with pytest.raises(BadInput):
            writing.add_many("person", [*rows, {"last_name": "Not\0read"}])
        assert _triggers(writing.connection) == before
        writing.connection.exec_driver_sql("INSERT INTO person (id, scope, last_name) VALUES ('by-hand', ?, 'Hand')", (writing.scope,))
    with desk.reading() as connection:
        there = set(connection.exec_driver_sql("SELECT id FROM person").scalars())
        assert _triggers(connection) == before
    assert {one["row_id"] for one in operations(desk)} == there == writing.changed.tables["person"] | {"by-hand"}
    assert {one["fate"] for one in operations(desk)} == {"waiting"}
    with pytest.raises(sa.exc.IntegrityError), desk.writing("import") as writing:
        writing.add_many("person", [{"id": f"p{number % VERY_MANY}", **row} for number, row in enumerate([*rows, rows[0]])])
    with desk.reading() as connection:
        assert _triggers(connection) == before and set(connection.exec_driver_sql("SELECT id FROM person").scalars()) == there


@pytest.mark.parametrize("code", ["60601", 60_601])
def test_of_very_many_changes_each_has_its_operation_and_the_trigger_is_back(desk: Desk, code: int | str) -> None:
    """Also where one is of a kind that only the trigger can take in, one changes nothing, and one is not here."""
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", [{"id": f"p{number:04}", "last_name": f"Lima {number}", "postal_code": "00000"} for number in range(VERY_MANY + 500)])
    with desk.reading() as connection:
        before = _triggers(connection)
        clocks = dict(tuple(row) for row in connection.exec_driver_sql("SELECT id, clock FROM person"))
        newest = connection.exec_driver_sql("SELECT max(rowid) FROM operation").scalar()
    changes: list[tuple[Any, ...]] = [(f"{number:05}", f"p{number:04}") for number in range(VERY_MANY + 500)]
    changes[700] = (code, "p0700")
    with desk.writing("changed") as writing:
        writing.change_many("person", ("postal_code",), [*changes, ("1", "nobody")])
        assert _triggers(writing.connection) == before
        writing.connection.exec_driver_sql("UPDATE person SET city = 'Hand' WHERE id = 'p0000'")
    with desk.reading() as connection:
        assert _triggers(connection) == before
        there = {row.id: row for row in connection.exec_driver_sql("SELECT * FROM person")}
        marks = "SELECT row_id, clock, json_extract(fields, '$.postal_code') AS code, values_before, before FROM operation WHERE rowid > ? ORDER BY rowid"
        found = connection.exec_driver_sql(marks, (newest,)).all()
    *found, by_hand = found
    assert by_hand.row_id == "p0000" and by_hand.clock == there["p0000"].clock
    assert [one.row_id for one in found] == [one for code, one in changes if code != "00000"]  # the first says what it said
    assert {one["fate"] for one in operations(desk)} == {"waiting"}
    for one in found:
        row = there[one.row_id]
        assert one.code == row.postal_code and '"00000"' in one.values_before and clocks[one.row_id] in one.before and one.clock == row.clock


def test_very_many_changes_that_fail_leave_no_table_unwatched(desk: Desk) -> None:
    with desk.writing("import") as writing:
        writing.add_many("person", [{"id": f"p{number:04}", "last_name": f"Lima {number}"} for number in range(VERY_MANY)])
    with desk.reading() as connection:
        before = _triggers(connection)
    with desk.writing("changed") as writing:
        names = ["Obi"] * (VERY_MANY - 1) + ["x" * 300_000]
        with pytest.raises(sa.exc.DBAPIError):
            writing.change_many("person", ("last_name",), [(name, f"p{number:04}") for number, name in enumerate(names)])
        assert _triggers(writing.connection) == before
        writing.connection.exec_driver_sql("UPDATE person SET city = 'Hand' WHERE id = 'p0000'")
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM operation WHERE row_id = 'p0000'").scalar() == 3
        assert connection.exec_driver_sql("SELECT DISTINCT fate FROM operation_now").scalars().all() == ["waiting"]
        assert _triggers(connection) == before


@pytest.mark.parametrize("table", [table.name for table in synced_of(desk_schema())])
def test_without_the_clock_nothing_can_be_written_even_with_an_action_named(desk: Desk, table: str) -> None:
    """A connection that knows about the capture row, and lacks only the functions of a desk, writes nothing to any table."""
    raw = desk.raw()
    try:
        for statement in (f"INSERT INTO {table} (id, scope) VALUES ('x', 's')", f"UPDATE {table} SET gone = 1"):
            if statement.startswith("UPDATE") and desk.tables[table].info["kind"] == "fact":
                continue  # they never change anyway
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("UPDATE capture SET mode = 'action', action = 'a', event = 'e', transaction_id = 't', queue = 'live', at = 'now', rest = 0")
            with pytest.raises(Exception, match="no such function: capture_"):
                raw.execute(statement)
            raw.execute("ROLLBACK")
        assert raw.execute("SELECT count(*) FROM operation WHERE table_name <> 'chapter'").fetchone() == (0,)
    finally:
        raw.close()
def test_a_record_too_large_for_the_sync_is_refused_where_it_is_typed(desk: Desk) -> None:
    big = "x" * 60_000
    with desk.writing("member_added") as writing:
        person = writing.add("person", last_name="Lee", notes=big, street=big, door_note=big, city=big)  # 240 KB: it fits
    before = operations(desk)
    for fields in ({"postal_code": "é" * 30_000, "region": big, "country": big}, dict.fromkeys(("employer", "email", "phone", "title", "suffix"), big)):
        with pytest.raises(BadInput) as refused, desk.writing("member_changed") as writing:
            writing.change("person", person, **fields)
        assert refused.value.code == "row_too_large"
    with pytest.raises(BadInput), desk.writing("import") as writing:
        writing.add_many("person", [{"last_name": "Small"} | dict.fromkeys(("notes", "street", "city", "region", "country"), None),
                                    {"last_name": "Big", "notes": big, "street": big, "city": big, "region": big, "country": big}])
    assert operations(desk) == before
    with desk.writing("member_changed") as writing:
        writing.change("person", person, first_name="Ann")
    assert len(operations(desk)) == len(before) + 1
