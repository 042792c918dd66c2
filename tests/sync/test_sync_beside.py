"""What waits is with the server while the rows that came are applied; and it ends as if one had come after the other, whatever fails on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.errors import NetworkProblem
from alumni_desk.store.desk import Desk
from alumni_desk.sync import digest, pull, push, state
from alumni_desk.sync.engine import join, sync_once, wire_of
from alumni_desk.sync.wire import Wire

MakeDesk = Callable[[str], Desk]
SOON = 20.0


@pytest.fixture
def pair(office: Any, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> tuple[Desk, Desk, list[str]]:
    """Two desks with the same people; the first has sent changes of half of them, those of the second, a quarter the same fields, wait."""
    monkeypatch.setattr(push, "BESIDE", 5)
    one, two = make_desk("one"), make_desk("two")
    join(one, office.url, office.invite())
    with one.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}", "city": "Boston"} for n in range(40)])
    sync_once(one)
    join(two, office.url, office.invite())
    for desk in (two, one):
        sync_once(desk)
    people = list(values(one))
    change(one, people[:20], "Lowell")
    sync_once(one)
    change(two, people[10:30], "Salem")
    return one, two, people


def values(desk: Desk) -> dict[str, str]:
    with desk.reading() as connection:
        return {row.id: row.city for row in connection.exec_driver_sql("SELECT id, city FROM person ORDER BY id")}


def change(desk: Desk, people: list[str], city: str) -> None:
    with desk.writing("changed") as writing:
        writing.change_many("person", ("city",), [(city, one) for one in people])


def agree(one: Desk, two: Desk, people: list[str]) -> None:
    """Both have what the later of two changes said, the server has it too, and nothing waits."""
    for desk in (one, two):
        sync_once(desk)
    assert values(one) == values(two) == {id_: "Lowell" if n < 10 else "Salem" if n < 30 else "Boston" for n, id_ in enumerate(people)}
    for desk in (one, two):
        with desk.reading() as connection:
            membership = state.read(connection, state.Membership)
            assert not connection.exec_driver_sql("SELECT count(*) FROM operation_now WHERE fate = 'waiting'").scalar()
            assert not connection.exec_driver_sql("SELECT count(*) FROM shadow").scalar()
        assert membership is not None
        wire = wire_of(desk)
        try:
            assert digest.check(desk, wire, membership)
        finally:
            wire.close()


def test_the_server_has_what_waits_while_rows_are_applied(pair: tuple[Desk, Desk, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, people = pair
    sent, applied = threading.Event(), []
    right_call, right_apply = Wire.call, pull.apply_page

    def call(self: Wire, name: str, *rest: Any) -> Any:
        if name == "push":
            sent.set()
        return right_call(self, name, *rest)

    def apply_page(*arguments: Any) -> int:
        applied.append(sent.wait(SOON))
        return right_apply(*arguments)

    monkeypatch.setattr(Wire, "call", call)
    monkeypatch.setattr(pull, "apply_page", apply_page)
    result = sync_once(two)
    assert applied[0] and (result.pushed, result.waiting, result.clashes) == (20, 0, 10)
    agree(one, two, people)


def test_rows_that_cannot_be_applied_lose_nothing_that_was_sent(pair: tuple[Desk, Desk, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, people = pair

    def fails(*_arguments: Any) -> int:
        raise RuntimeError("in the middle")

    with monkeypatch.context() as patch:
        patch.setattr(pull, "apply_page", fails)
        with pytest.raises(RuntimeError):
            sync_once(two)
    assert sync_once(two).pushed == 20, "the server had them, and says so"
    agree(one, two, people)


def test_what_the_server_did_not_take_meanwhile_is_sent_after_it(pair: tuple[Desk, Desk, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, people = pair
    right, lost = Wire.call, []

    def call(self: Wire, name: str, *rest: Any) -> Any:
        answer = right(self, name, *rest)
        if name == "push" and not lost:
            lost.append(answer)
            raise NetworkProblem("sync_unreachable", "the answer was lost")
        return answer

    monkeypatch.setattr(Wire, "call", call)
    result = sync_once(two)
    assert lost and (result.pushed, result.waiting) == (20, 0)
    agree(one, two, people)
