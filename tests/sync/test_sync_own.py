"""One's own push is not fetched again where nothing else came between; and wherever anything did, it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.protocol.clocks import unpack
from alumni_desk.store.desk import Desk
from alumni_desk.sync import push, session, state
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.wire import Wire

MakeDesk = Callable[[str], Desk]


@pytest.fixture
def pair(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk]:
    """Two desks of one chapter, caught up."""
    desks = make_desk("one"), make_desk("two")
    for desk in (*desks, *desks):
        if desk.scope is None:
            join(desk, office.url, office.invite())
        sync_once(desk)
    return desks


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What servers are asked."""
    made: list[str] = []
    right = Wire.call

    def call(self: Wire, name: str, *rest: Any) -> Any:
        made.append(name)
        return right(self, name, *rest)

    monkeypatch.setattr(Wire, "call", call)
    return made


def person(desk: Desk, **fields: Any) -> str:
    with desk.writing("member_added") as writing:
        return writing.add("person", **fields)


def change(desk: Desk, row: str, **fields: Any) -> None:
    with desk.writing("changed") as writing:
        writing.change("person", row, **fields)


def fates(desk: Desk) -> set[str]:
    with desk.reading() as connection:
        return set(connection.exec_driver_sql("SELECT fate FROM operation_now").scalars())


def is_whole(desk: Desk) -> bool:
    """Whether the check finds all as the server has it, without mending anything."""
    assert sync_once(desk, check=True).identical is True
    with desk.reading() as connection:
        checked = state.read(connection, state.Checked)
        assert connection.exec_driver_sql("SELECT count(*) FROM shadow").scalar() == 0
    return checked is not None and checked.mended == 0


def test_what_nothing_came_before_is_not_fetched(pair: tuple[Desk, Desk], calls: list[str]) -> None:
    one, two = pair
    ada = person(one, last_name="Lovelace", deceased=True)
    calls.clear()
    assert sync_once(one).pushed == 1
    change(one, ada, city="London")
    with one.writing("checked_in") as writing:
        writing.add("fact", kind="in", person=ada)
    assert sync_once(one).pushed == 2
    assert "pull" not in calls and calls.count("push") == 2
    assert fates(one) == {"accepted"}
    assert is_whole(one)
    assert sync_once(two).pulled == 2 and is_whole(two)


def test_what_another_did_meanwhile_comes_down(pair: tuple[Desk, Desk], calls: list[str]) -> None:
    one, two = pair
    person(two, last_name="Byron")
    sync_once(two)
    person(one, last_name="Lovelace")
    calls.clear()
    assert sync_once(one).pulled == 1 and calls.index("pull") < calls.index("push"), "what is one's own does not come down again"
    assert fates(one) == {"accepted"} and is_whole(one)


def test_a_clock_that_runs_ahead_in_another_field_stays_the_row_s(pair: tuple[Desk, Desk], calls: list[str]) -> None:
    one, two = pair
    ada = person(two, last_name="Lovelace")
    sync_once(two)
    two.clock.correct(two.clock.offset + 120_000)  # not so far that the server minds
    change(two, ada, employer="Analytical Engines")
    sync_once(two)
    sync_once(one)
    change(one, ada, city="London")
    calls.clear()
    assert sync_once(one).pushed == 1 and "pull" not in calls
    with one.reading() as connection:
        row = connection.exec_driver_sql("SELECT clock, clocks FROM person WHERE id = ?", (ada,)).one()
    assert row.clock == max(unpack(row.clocks).values()) == unpack(row.clocks)["employer"]
    assert is_whole(one)


def test_where_something_lies_over_a_row_still_all_of_it_comes_down(pair: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    one, _two = pair
    ada = person(one, last_name="Lovelace")
    sync_once(one)
    with one.writing("import", queue="load") as writing:
        writing.change("person", ada, city="Paris")
    change(one, ada, city="London")  # goes first
    monkeypatch.setattr(push, "PUSH_OPERATIONS", 1)
    calls.clear()
    sync_once(one)
    assert "pull" in calls and fates(one) == {"accepted"}
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT city FROM person WHERE id = ?", (ada,)).scalar() == "London"
    assert is_whole(one)


@pytest.mark.parametrize("meanwhile", [False, True])
def test_what_an_import_made_is_not_fetched_unless_somebody_changed_some_of_it_meanwhile(pair: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch,
                                                                                          calls: list[str], meanwhile: bool) -> None:
    one, two = pair
    with one.writing("import", queue="load") as writing:
        people = [writing.add("person", last_name=f"Name {n}") for n in range(20)]
    right = session.call

    def call(*arguments: Any) -> Any:
        reply = right(*arguments)
        if meanwhile and arguments[3] == "push" and operations_on(one, people[7]) == 1:
            change(one, people[7], city="London")
        return reply

    monkeypatch.setattr(session, "call", call)
    calls.clear()
    assert sync_once(one).pushed == 20 + meanwhile
    assert ("pull" in calls) is meanwhile and fates(one) == {"accepted"}
    monkeypatch.undo()
    assert is_whole(one)
    sync_once(two)
    with two.reading() as connection:
        assert connection.exec_driver_sql("SELECT city FROM person WHERE id = ?", (people[7],)).scalar() == ("London" if meanwhile else None)


def operations_on(desk: Desk, row: str) -> int:
    with desk.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM operation WHERE row_id = ?", (row,)).scalar() or 0)


def test_what_lay_over_another_s_change_of_the_same_person_becomes_the_row_that_came(pair: tuple[Desk, Desk], calls: list[str]) -> None:
    one, two = pair
    ada = person(two, last_name="Lovelace", employer="Court")
    for desk in (two, one):
        sync_once(desk)
    change(two, ada, employer="Analytical Engines")
    sync_once(two)
    change(one, ada, city="London")
    calls.clear()
    sync_once(one)  # the other's row comes under one's own change, then one's own comes down with it
    assert calls.count("pull") == 2 and fates(one) == {"accepted"}
    with one.reading() as connection:
        row = connection.exec_driver_sql("SELECT city, employer FROM person WHERE id = ?", (ada,)).one()
    assert tuple(row) == ("London", "Analytical Engines") and is_whole(one)
