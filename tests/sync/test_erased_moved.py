"""Whoever was erased stays so where the chapter moves to another server: that one is told, and nobody comes back without a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.checkin.actions import check_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.store import erasing
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.sync import moving
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.refused import refused

from .test_sync_moving import everything

MakeDesk = Callable[[str], Desk]


def names(desk: Desk) -> list[str]:
    """All members, as the list shows them."""
    return [row.name for row in member_rows(desk)]


@pytest.mark.parametrize("told", ["told", "waiting"])
def test_the_new_server_is_told_who_was_erased(make_server: Any, make_desk: MakeDesk, tmp_path: Path, told: str) -> None:
    former, (one, two, away) = make_server(), (desks := [make_desk(name) for name in ("one", "two", "away")])
    for desk in desks:
        join(desk, former.url, former.invite())
    xaver = add_member(one, first_name="Xaver", last_name="Zyx", email="xaver@example.org", class_year="1998").id
    bo = add_member(one, first_name="Bo", last_name="Li").id
    evening = new_gathering(one, name="Dinner", start="2026-11-12T19:00", end="2026-11-12T22:00").id
    add_guests(one, evening, [xaver, bo])
    check_in(one, evening, person_id=xaver)
    for desk in desks:
        sync_once(desk)
    change_member(away, xaver, city="Lowell")  # and is not seen for a while
    erasing.erase(one, [xaver])
    if told == "told":
        sync_once(one)
        sync_once(two)
    else:
        former.kill()
    server = make_server()
    moving.move(one, server.url, server.invite(), anyway=told == "waiting")
    assert sync_once(one, check=True).identical
    assert (names(one), refused(one), headcount(one, evening).present) == (["Bo Li"], [], 1)
    fresh = make_desk("fresh")
    join(fresh, server.url, server.invite())
    sync_once(fresh)
    assert names(fresh) == ["Bo Li"]
    assert sorted(row.name for row in guest_rows(fresh, evening)) == sorted(row.name for row in guest_rows(one, evening)) == ["Bo Li", "Erased"]
    for late in (two, away):  # the third has not heard of it, and holds them still
        moving.move(late, server.url, server.invite(), anyway=told == "waiting")
        sync_once(late)
    for desk in (*desks, fresh, *desks, fresh):
        assert sync_once(desk, check=True).identical, desk.profile.path.name
        assert (names(desk), headcount(desk, evening).present) == (["Bo Li"], 1)
        assert refused(desk) == [] and verify(desk).ok
    lists = [everything(desk, tmp_path / f"{n}.ndjson") for n, desk in enumerate((*desks, fresh))]
    assert all(one == lists[0] for one in lists)
    assert not any(word in line for line in lists[0] for word in ("Xaver", "xaver", "Zyx", "Lowell"))


def test_who_has_not_heard_of_it_moves_first(make_server: Any, make_desk: MakeDesk) -> None:
    """All that the new server is given is of before the erasure; the laptop that has heard of it brings the order, and shows nobody meanwhile."""
    former, (one, two) = make_server(), (desks := [make_desk(name) for name in ("one", "two")])
    for desk in desks:
        join(desk, former.url, former.invite())
    xaver = add_member(one, first_name="Xaver", last_name="Zyx", email="xaver@example.org").id
    add_member(one, first_name="Bo", last_name="Li")
    for desk in desks:
        sync_once(desk)
    erasing.erase(one, [xaver])
    sync_once(one)
    former.kill()
    server = make_server()
    moving.move(two, server.url, server.invite(), anyway=True)
    sync_once(two)
    assert "Xaver Zyx" in names(two)
    moving.move(one, server.url, server.invite(), anyway=True)
    for desk in (one, two):
        assert sync_once(desk, check=True).identical
        assert (names(desk), refused(desk)) == (["Bo Li"], [])


def test_a_check_brings_nobody_back(make_server: Any, make_desk: MakeDesk) -> None:
    office, desk = make_server(), make_desk("one")
    join(desk, office.url, office.invite())
    xaver = add_member(desk, first_name="Xaver", last_name="Zyx").id
    sync_once(desk)
    with desk.applying() as applying:  # as by a list beside a backup: the server has not heard of it
        erasing.learn(applying.connection, applying.tables, {xaver: "2026-11-12T19:00:00Z"})
    sync_once(desk, check=True)
    assert names(desk) == []
