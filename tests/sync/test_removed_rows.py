"""What was removed and not brought back: with a server it goes when the server says so, on a desk alone after 30 days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from alumni_desk.errors import KnownError
from alumni_desk.members.actions import add_member, bring_back, change_member, remove_members
from alumni_desk.members.lists import member_rows
from alumni_desk.store import undo
from alumni_desk.store.desk import Desk
from alumni_desk.sync import removing
from alumni_desk.sync.engine import join, sync_once


def said_of(desk: Desk, person: str) -> list[str]:
    """Everything that the database says of somebody, of a kind that holds values."""
    with desk.reading() as connection:
        found = [str(tuple(row)) for name in ("person", "education") for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"')]
        found += [str(tuple(row)) for name in ("operation", "past", "shadow") for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]
    return [one for one in found if person in one]


def test_a_desk_alone_lets_go_of_what_was_removed_thirty_days_ago(make_desk: Callable[[str], Desk]) -> None:
    desk = make_desk("alone")
    away, stays = (add_member(desk, first_name=name, last_name="Lima").id for name in ("Ana", "Bo"))
    change_member(desk, away, notes="secret")
    remove_members(desk, [away])
    assert removing.clear_own(desk, desk.now() + timedelta(days=29)) == 0
    assert removing.clear_own(desk, desk.now() + timedelta(days=31)) == 1
    assert said_of(desk, away) == [] and [row.id for row in member_rows(desk)] == [stays]
    with pytest.raises(KnownError):
        undo.undo(desk)  # there is nothing of it any more
    assert removing.clear_own(desk, desk.now() + timedelta(days=31)) == 0
    with pytest.raises(KnownError, match="not here any more"):
        bring_back(desk, [away])
    assert [row.id for row in member_rows(desk)] == [stays]


def test_a_desk_with_a_server_leaves_that_to_the_server(office: Any, make_desk: Callable[[str], Desk]) -> None:
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
    away = add_member(one, first_name="Ana", last_name="Lima", notes="secret").id
    sync_once(one)
    sync_once(two)
    remove_members(one, [away])
    sync_once(one)
    assert removing.clear_own(one, one.now() + timedelta(days=31)) == 0 and said_of(one, away)
    with two.applying() as applying:  # as a page says it
        removing.forget_removed(applying.connection, two.scope or "", {"person": [away]})
    assert said_of(two, away) == []
    change_member(two, add_member(two, first_name="Bo", last_name="Lima").id, notes="n")
    with one.applying() as applying:
        removing.forget_removed(applying.connection, one.scope or "", {"person": [away]})
    [kept] = said_of(one, away)  # that it was removed, for a server that was restored from before
    assert "secret" not in kept and "Lima" not in kept
