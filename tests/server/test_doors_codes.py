"""A badge's code that stands is never changed by a laptop at a door, nor given to a second guest: what is printed goes on being found, as one guest's."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import msgspec
import pytest
import sqlalchemy as sa

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.codes import badge_code
from alumni_desk.protocol.ids import uuid7
from alumni_desk.server import doors_codes
from alumni_desk.server.database import Database
from alumni_desk.server.push import Sent, push_together
from alumni_desk.server.state import open_server

STANDS, OTHER = badge_code(), badge_code()


class Evening(NamedTuple):
    """A gathering with a guest whose badge is printed, one without a code, a guest of another gathering, a leader and a laptop at the door."""

    office: Any
    leader: Any
    door: Any
    gathering: str
    printed: str
    bare: str


@pytest.fixture
def evening(office: Any) -> Evening:
    """Everybody is there."""
    leader = office.laptop()
    gathering, elsewhere, people = uuid7(), uuid7(), [uuid7(), uuid7()]
    printed, bare = (registration_id(gathering, one) for one in people)
    leader.push(*(leader.operation("gathering", one, name="Dinner", starts="2026-09-21T18:00", time_zone="UTC") for one in (gathering, elsewhere)),
                *(leader.operation("person", one, last_name="Guest") for one in people),
                leader.operation("registration", printed, gathering=gathering, person=people[0], status="yes", code=STANDS),
                leader.operation("registration", bare, gathering=gathering, person=people[1], status="yes"),
                leader.operation("registration", registration_id(elsewhere, people[0]), gathering=elsewhere, person=people[0], status="yes", code=OTHER))
    office.time.now += 1_000
    return Evening(office, leader, office.laptop(role="door", gathering=gathering), gathering, printed, bare)


def answers(laptop: Any, gathering: str, *operations: Any) -> list[tuple[str, str | None]]:
    """Status and reason of each."""
    return [(one.status, one.reason) for one in laptop.push(*operations, audience=gathering).results]


def code(laptop: Any, row: str) -> Any:
    """A guest's code, as a laptop sees it."""
    return laptop.rows()["registration", row]["code"]


@pytest.mark.parametrize("said", [badge_code(), None, OTHER], ids=["another", "none", "anothers"])
def test_a_code_that_stands_is_not_changed_by_a_door_and_the_rest_is_taken(evening: Evening, said: str | None) -> None:
    door, here, row = evening.door, evening.gathering, evening.printed
    whole = door.operation("registration", row, status="maybe", table_name="7", code=said)
    assert answers(door, here, whole, door.operation("registration", row, code=said)) == [("ok", None), ("denied", "code")]
    for laptop in (door, evening.leader):
        there = laptop.rows()["registration", row]
        assert (there["code"], there["status"], there["table_name"]) == (STANDS, "maybe", "7")
    assert door.push(whole, audience=here).results[0].first == "ok", "the same again"
    assert answers(door, here, door.operation("registration", row, code=STANDS)) == [("ok", None)], "the one that stands"


def test_a_door_gives_a_walk_in_a_code_once(evening: Evening) -> None:
    door, here = evening.door, evening.gathering
    person, first, second = uuid7(), badge_code(), badge_code()
    row = registration_id(here, person)
    walked = door.operation("registration", row, gathering=here, person=person, status="yes", walk_in=True, code=first)
    assert answers(door, here, walked, door.operation("registration", row, code=second, table_name="1")) == [("ok", None)] * 2
    assert answers(door, here, door.operation("registration", row, code=second)) == [("denied", "code")]
    other = evening.office.laptop(role="door", gathering=here)
    evening.office.time.now += 1_000
    again = other.operation("registration", row, gathering=here, person=person, status="yes", walk_in=True, code=badge_code(), table_name="2")
    assert answers(other, here, again) == [("ok", None)], "the same walk-in, made at another door"
    for laptop in (door, other, evening.leader):
        assert (code(laptop, row), laptop.rows()["registration", row]["table_name"]) == (first, "2")


@pytest.mark.parametrize("taken", [STANDS, OTHER], ids=["here", "elsewhere"])
def test_a_door_gives_no_guest_the_code_of_another(evening: Evening, taken: str) -> None:
    door, here, person = evening.door, evening.gathering, uuid7()
    row = registration_id(here, person)
    walked = door.operation("registration", row, gathering=here, person=person, status="yes", walk_in=True, code=taken)
    assert answers(door, here, walked, door.operation("registration", evening.bare, code=taken)) == [("ok", None), ("denied", "code")]
    assert (code(evening.leader, row), code(evening.leader, evening.bare)) == (None, None)
    mine = badge_code()
    assert answers(door, here, door.operation("registration", row, code=mine)) == [("ok", None)]
    assert answers(door, here, door.operation("registration", evening.bare, code=mine)) == [("denied", "code")]


def test_two_doors_that_send_one_code_at_the_same_time(evening: Evening) -> None:
    here, given, office = evening.gathering, badge_code(), evening.office
    doors = [evening.door, office.laptop(role="door", gathering=here)]
    people = [uuid7(), uuid7()]
    sent = [Sent(door.parcels(door.operation("registration", registration_id(here, person), gathering=here, person=person, status="yes", code=given),
                              audience=here).parcels, "door", door.device, here) for door, person in zip(doors, people, strict=True)]
    with office.server.database.writing() as connection:
        replies = push_together(connection, office.server.tables, sent, scope=evening.leader.scope, now=office.time())
    assert [one.results[0].status for one in replies] == ["ok", "ok"]
    assert [code(evening.leader, registration_id(here, person)) for person in people] == [given, None]


def test_a_leaders_code_wins(evening: Evening) -> None:
    leader, here, fresh = evening.leader, evening.gathering, badge_code()
    assert answers(leader, here, leader.operation("registration", evening.printed, code=fresh)) == [("ok", None)]
    assert code(evening.door, evening.printed) == fresh
    assert answers(leader, here, leader.operation("registration", evening.bare, code=fresh)) == [("ok", None)], "whoever reads it asks for the name"


def test_what_stands_is_asked_of_a_guest_off_the_list_too(evening: Evening) -> None:
    leader, door, here = evening.leader, evening.door, evening.gathering
    leader.push(leader.operation("registration", evening.printed, gone=True))
    evening.office.time.now += 1_000
    assert answers(door, here, door.operation("registration", evening.bare, code=STANDS, table_name="3")) == [("ok", None)]
    leader.push(leader.operation("registration", evening.printed, gone=False))
    assert (code(door, evening.printed), code(door, evening.bare)) == (STANDS, None)


def test_a_door_that_writes_nothing_else_takes_the_rest_of_its_change_with_it(evening: Evening) -> None:
    door, here = evening.door, evening.gathering
    bad = door.operation("registration", evening.printed, code=badge_code())
    good = msgspec.structs.replace(door.operation("registration", evening.bare, table_name="9"), transaction=bad.transaction)
    fact = door.operation("fact", kind="in", gathering=here, registration=evening.bare)
    assert answers(door, here, bad, good, fact) == [("denied", "code"), ("denied", "transaction"), ("ok", None)]


def test_whose_a_code_is_is_found_by_its_index(database: Database) -> None:
    """As the program asks: never by going through every list of the chapter."""
    tables = open_server(database).tables
    table = tables.tables["registration"]
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        asked.append((statement, parameters))

    scope, codes = uuid7(), [badge_code() for _n in range(400)]
    with database.writing() as connection:
        connection.execute(sa.insert(table), [{"scope": scope, "id": uuid7(), "code": one, **_nothing(table)} for one in codes])
    with database.writing() as connection:
        connection.exec_driver_sql("ANALYZE registration")
    with database.reading() as connection:
        if database.postgresql:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # a table as small as this one is read whole
        sa.event.listen(connection, "before_cursor_execute", note)
        assert set(doors_codes._whose(connection, tables, scope, codes[:2])) == set(codes[:2])
        sa.event.remove(connection, "before_cursor_execute", note)
        [(statement, parameters)] = asked
        how = "EXPLAIN" if database.postgresql else "EXPLAIN QUERY PLAN"
        plan = "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{how} {statement}", parameters))
    by = r"registration_code[\s\S]*Index Cond: .*scope = .*code = ANY|registration_code[\s\S]*Index Cond: .*code = ANY.*scope = " if database.postgresql \
        else r"SEARCH registration USING INDEX registration_code \(scope=\? AND code=\?\)"
    assert re.search(by, plan), plan


def _nothing(table: sa.Table) -> dict[str, Any]:
    """What a row has to have besides."""
    return {column.name: "{}" if isinstance(column.type, sa.Text | sa.String) else 0 for column in table.columns
            if not column.nullable and column.name not in ("scope", "id", "code")}
