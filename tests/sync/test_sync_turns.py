"""Up and down in turns: neither an import nor a busy door keeps a laptop from what the others did."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.errors import NetworkProblem
from alumni_desk.store.desk import Desk
from alumni_desk.sync import engine, operations, push, session
from alumni_desk.sync.engine import join, sync_once

MakeDesk = Callable[[str], Desk]


def stations(desk: Desk) -> list[str]:
    """Where people were checked in."""
    with desk.reading() as connection:
        return list(connection.exec_driver_sql("SELECT station FROM fact ORDER BY id").scalars())


def check_in(desk: Desk, station: str) -> None:
    """Somebody came."""
    with desk.writing("checked_in") as writing:
        writing.add("fact", kind="in", station=station)


@pytest.fixture
def pair(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk]:
    """Two desks of one chapter, caught up."""
    desks = make_desk("one"), make_desk("two")
    for desk in (*desks, *desks):
        if desk.scope is None:
            join(desk, office.url, office.invite())
        sync_once(desk)
    return desks


def test_a_busy_door_receives_and_its_sync_ends(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    check_in(two, "two")
    sync_once(two)
    check_in(one, "one")
    turns = []

    def meanwhile(step: str, count: int) -> None:
        turns.append(step)
        assert len(turns) < 40, "the sync goes on as long as people come"
        if step == "push":
            check_in(one, "one")

    result = sync_once(one, meanwhile)
    assert "two" in stations(one) and result.pushed >= 1
    sync_once(one)
    sync_once(two)
    assert stations(one) == stations(two)


def test_an_import_goes_up_in_parts_and_what_is_new_comes_down_between(pair: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = pair
    check_in(two, "two")
    sync_once(two)
    monkeypatch.setattr(push, "PUSH_OPERATIONS", 450)
    with one.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}"} for n in range(1_000)])
    seen: list[tuple[str, bool]] = []
    result = sync_once(one, lambda step, count: seen.append((step, "two" in stations(one))))
    assert result.pushed == 1_000 and result.waiting == 0
    pushes = [here for step, here in seen if step == "push"]
    assert len(pushes) >= 3 and all(pushes), "what is new comes before the first part, not after the whole import"


def test_where_little_can_be_fetched_it_is_sent_all_the_same(pair: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = pair
    check_in(two, "two")
    sync_once(two)
    check_in(one, "one")

    def trouble(*_arguments: object, **_named: object) -> int:
        raise NetworkProblem("sync_server_trouble", "The server is in trouble.")

    monkeypatch.setattr(engine, "pull", trouble)
    with pytest.raises(NetworkProblem):
        sync_once(one)
    assert operations_waiting(one) == 0


def test_a_large_import_goes_up_as_a_stream(pair: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = pair
    sync_once(one)
    monkeypatch.setattr(push, "PUSH_OPERATIONS", 100)
    monkeypatch.setattr(push, "STREAMED", 100)
    order: list[str] = []
    right, keep = session.call, push._keep

    def call(*arguments: Any) -> Any:
        if arguments[3] != "push":
            return right(*arguments)
        order.append("sent")
        reply = right(*arguments)
        order.append("answered")
        return reply

    def slowly(*arguments: Any) -> bool:
        alone = keep(*arguments)
        if arguments[0] is two:
            return alone
        order.append("kept" if alone else "kept, not alone")
        if order[-1] == "kept" and order.count("kept") == 3:
            check_in(two, "two")
            sync_once(two)
        return alone

    monkeypatch.setattr(session, "call", call)
    monkeypatch.setattr(push, "_keep", slowly)
    with one.writing("import", queue="load") as writing:
        for part in range(10):
            writing.add_many("person", [{"standing": "member", "last_name": f"Name {part}-{n}"} for n in range(100)])
    seen: list[int] = []
    result = sync_once(one, lambda step, count: seen.append(count) if step == "push" else None)
    assert (result.pushed, result.waiting) == (1_000, 0) and "two" in stations(one)
    assert seen[:3] == [100, 200, 300] and seen[-1] == 1_000
    assert order.count("sent") == order.count("answered") == 11, "each once, and the check-in of the other laptop"
    # Some may have been on their way, or ready, when something else came between; and a busy server takes two that are on their way together.
    assert order.count("kept, not alone") >= 1 and order.count("kept") >= 3 and order.count("kept") + order.count("kept, not alone") == 10
    monkeypatch.undo()
    sync_once(two)
    for desk in pair:
        assert sync_once(desk, check=True).identical is True


@pytest.mark.parametrize("quick", [True, False])
def test_two_requests_of_a_stream_are_on_their_way_at_once_unless_it_is_slow(pair: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch, *, quick: bool) -> None:
    one, two = pair
    sync_once(one)
    monkeypatch.setattr(push, "PUSH_OPERATIONS", 100)
    monkeypatch.setattr(push, "STREAMED", 100)
    monkeypatch.setattr(push, "QUICK", 600.0 if quick else 0.0)
    both, right, under_way, counts = threading.Barrier(2), session.call, [], []

    def call(*arguments: Any) -> Any:
        if arguments[3] != "push":
            return right(*arguments)
        under_way.append(1)
        counts.append(len(under_way))
        if quick and len(counts) in (2, 3):
            both.wait(20)  # it breaks if one waits for the other's answer; and now the later one may be there first
        reply = right(*arguments)
        under_way.pop()
        return reply

    monkeypatch.setattr(session, "call", call)
    with one.writing("import", queue="load") as writing:
        for part in range(7):
            writing.add_many("person", [{"standing": "member", "last_name": f"Name {part}-{n}"} for n in range(100)])
    assert sync_once(one).waiting == 0
    assert len(counts) == 7 and (max(counts) > 1) is quick
    monkeypatch.undo()
    sync_once(two)
    for desk in pair:
        assert sync_once(desk, check=True).identical is True


def test_a_stream_that_breaks_goes_on_where_it_was(pair: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    one, _two = pair
    sync_once(one)
    monkeypatch.setattr(push, "PUSH_OPERATIONS", 100)
    monkeypatch.setattr(push, "STREAMED", 100)
    right, count = session.call, []

    def call(*arguments: Any) -> Any:
        reply = right(*arguments)
        if arguments[3] == "push":
            count.append(1)
            if len(count) == 3:
                raise NetworkProblem("sync_unreachable", "The answer was lost.")
        return reply

    monkeypatch.setattr(session, "call", call)
    with one.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}"} for n in range(450)])
    with pytest.raises(NetworkProblem):
        sync_once(one)
    assert 0 < operations_waiting(one) < 450
    assert sync_once(one).waiting == 0
    assert sync_once(one, check=True).identical is True


def test_what_is_too_much_for_a_slow_server_goes_up_in_smaller_parts(pair: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    one, _two = pair
    sync_once(one)
    monkeypatch.setattr(push, "FEWER", 50)
    monkeypatch.setattr(push, "STREAMED", 100)
    right, tried = session.call, []

    def call(*arguments: Any) -> Any:
        if arguments[3] != "push":
            return right(*arguments)
        count = sum(len(parcel.bodies) for parcel in arguments[4].parcels)
        tried.append(count)
        reply = right(*arguments)  # it does the work, though nobody waits for the answer any more
        if count > 50:
            raise NetworkProblem("sync_slow", "The server did not answer in time.")
        return reply

    monkeypatch.setattr(session, "call", call)
    with one.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}"} for n in range(450)])
    result = sync_once(one)
    assert result.waiting == 0 and tried[0] == 450 and max(tried[1:]) == 50 and len(tried) == 10
    assert sync_once(one, check=True).identical is True


def test_what_somebody_did_at_once_is_not_cut_for_a_slow_server(pair: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    one, _two = pair
    sync_once(one)
    monkeypatch.setattr(push, "FEWER", 50)
    right, tried = session.call, []

    def call(*arguments: Any) -> Any:
        if arguments[3] == "push":
            tried.append(sum(len(parcel.bodies) for parcel in arguments[4].parcels))
            if len(tried) == 1:
                raise NetworkProblem("sync_slow", "The server did not answer in time.")
        return right(*arguments)

    monkeypatch.setattr(session, "call", call)
    with one.writing("added") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}"} for n in range(120)])
    assert sync_once(one).waiting == 0 and tried == [120, 120]


def test_a_request_ends_where_a_transaction_does(make_desk: MakeDesk) -> None:
    desk = make_desk("one")
    for part in range(4):
        with desk.writing("import", queue="load") as writing:
            writing.add_many("person", [{"standing": "member", "last_name": f"Name {part} {n}"} for n in range(10)])
    with desk.reading() as connection:
        def taken(limit: int, **more: int) -> list[operations.Outgoing]:
            return operations.outgoing(connection, str(desk.scope), limit, **more)

        assert [len(taken(limit, after=0)) for limit in (40, 39, 20, 19, 5)] == [40, 30, 20, 10, 5]
        assert {one.load for one in taken(40, most_of_files=0)} == {False}
        assert [one.load for one in taken(40, most_of_files=11)] == [False, *[True] * 10]


def operations_waiting(desk: Desk) -> int:
    with desk.reading() as connection:
        return operations.count_waiting(connection)
