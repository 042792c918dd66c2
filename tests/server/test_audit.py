"""The audit: every accepted operation is in it, and no entry can be changed, taken out or moved unseen."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.protocol.ids import uuid7
from alumni_desk.server import audit
from alumni_desk.server.database import Database
from alumni_desk.server.state import open_server

ENTRIES = 10_000


class Undo(Exception):
    """Takes a tampering back."""


def test_every_operation_is_in_the_audit_with_its_hash_and_without_its_values(office: Any) -> None:
    laptop = office.laptop()
    good, fact = laptop.operation(last_name="Lovelace", city="London"), laptop.operation("fact", kind="in")
    bad = laptop.operation("chapter", laptop.scope, sample=True)
    laptop.push(good, fact, bad)
    with office.server.database.reading() as connection:
        newest = audit.newest(connection, office.server.tables, laptop.scope, 1)[0]
        result = office.server.tables.tables["operation_result"]
        hashes = {row.id: bytes(row.hash).hex() for row in connection.execute(sa.select(result))}
        assert audit.check(connection, office.server.tables).broken == []
    what = {tuple(one["each"][0]): (one["status"], one["kind"], one["table"], sorted(one["fields"])) for one in json.loads(newest.details)["what"]}
    assert what == {
        (good.id, good.row, hashes[good.id]): ("ok", "put", "person", ["city", "last_name"]),
        (fact.id, fact.row, hashes[fact.id]): ("ok", "fact", "fact", ["kind"]),
        (bad.id, bad.row, hashes[bad.id]): ("denied", "put", "chapter", ["sample"]),
    }
    assert "Lovelace" not in newest.details and "London" not in newest.details
    assert newest.device == laptop.device


@pytest.fixture(scope="module")
def long_audit(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A chapter with ten thousand entries."""
    from alumni_desk.server.database import sqlcipher_database
    from alumni_desk.server.invitations import make_chapter

    database = sqlcipher_database(tmp_path_factory.mktemp("audit") / "server.db", bytes(32))
    server = open_server(database)
    with database.writing() as connection:
        scope = make_chapter(connection, server.tables, "Boston", 1)
        for number in range(ENTRIES):
            audit.note(connection, server.tables, scope, "push", at=1_000 + number, device=f"d{number % 7}", details={"operations": number})
    yield database, server.tables
    database.close()


def checked_after(database: Database, tables: sa.MetaData, *statements: str) -> audit.Checked:
    """What a check finds after these statements; they are taken back."""
    found: list[audit.Checked] = []
    with pytest.raises(Undo), database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        found.append(audit.check(connection, tables))
        raise Undo
    return found[0]


NUMBERS = [1, 2, ENTRIES - 1, ENTRIES, *Random(11).sample(range(3, ENTRIES - 1), 4)]


def test_ten_thousand_entries_are_whole(long_audit: Any) -> None:
    found = checked_after(*long_audit)
    assert (found.entries, found.broken) == (ENTRIES, [])


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("change", ["made_at = made_at + 1", "device = 'another'", "event = 'revoke'", "details = '{\"operations\":1000000}'", "details = NULL",
                                    "hash = 'f' || substr(hash, 2)"])
def test_a_changed_entry_is_found(long_audit: Any, number: int, change: str) -> None:
    if change.startswith("hash"):
        change = "hash = CASE substr(hash, 1, 1) WHEN 'f' THEN '0' ELSE 'f' END || substr(hash, 2)"
    found = checked_after(*long_audit, f"UPDATE audit SET {change} WHERE number = {number}")
    assert [one.number for one in found.broken] == [number]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_removed_entry_is_found_the_last_one_too(long_audit: Any, number: int) -> None:
    found = checked_after(*long_audit, f"DELETE FROM audit WHERE number = {number}")
    assert [one.number for one in found.broken] == [number]
    closed_up = checked_after(*long_audit, f"DELETE FROM audit WHERE number = {number}", f"UPDATE audit SET number = -(number - 1) WHERE number > {number}",
                              "UPDATE audit SET number = -number WHERE number < 0")
    assert [one.number for one in closed_up.broken] == [number]


@pytest.mark.parametrize("number", [1, 5_000, ENTRIES - 1])
def test_two_entries_in_each_others_place_are_found(long_audit: Any, number: int) -> None:
    found = checked_after(*long_audit, f"UPDATE audit SET number = -1 WHERE number = {number}",
                          f"UPDATE audit SET number = {number} WHERE number = {number + 1}",
                          f"UPDATE audit SET number = {number + 1} WHERE number = -1")
    assert [one.number for one in found.broken] == [number]


def test_an_added_entry_and_a_whole_chapter_gone_are_found(long_audit: Any) -> None:
    added = checked_after(*long_audit, "INSERT INTO audit SELECT scope, number + 1, made_at, device, event, details, hash FROM audit"
                                       f" WHERE number = {ENTRIES}")
    assert [one.number for one in added.broken] == [ENTRIES + 1]
    assert [one.number for one in checked_after(*long_audit, "DELETE FROM audit").broken] == [1]
    assert [one.number for one in checked_after(*long_audit, "UPDATE audit SET scope = 'elsewhere'").broken] == [1, 1]


def test_an_entry_in_one_line_says_whom_and_which_fields_and_no_hash(office: Any) -> None:
    laptop = office.laptop()
    row = uuid7()
    laptop.push(laptop.operation("person", row, first_name="Zoë", last_name="Müller"))
    laptop.push(*(laptop.operation("person", city="Łódź") for _one in range(3)), laptop.operation("\x1b[2Jtable", row, **{f"field_{n}": 1 for n in range(9)}))
    with office.server.database.reading() as connection:
        pushes = [json.loads(one.details) for one in audit.newest(connection, office.server.tables, None, 9) if one.event == "push"]
    second, first = map(audit.in_short, pushes)
    assert first == f"accepted 1; operations 1; person {row}: first_name, last_name"
    assert second.startswith("accepted 3; operations 4; person ×3: city; ") and second.endswith(" …") and "\x1b" not in second
    assert "Zo" not in first and pushes[1]["what"][0]["each"][0][2] not in first
