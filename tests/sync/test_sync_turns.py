"""Up and down in turns: neither an import nor a busy door keeps a laptop from what the others did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.store.desk import Desk
from alumni_desk.sync import push
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
    assert len(pushes) >= 3 and not pushes[0] and pushes[1], "what is new comes after the first part, not after the whole import"
