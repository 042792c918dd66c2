"""What was removed and not brought back: with a server it goes when the server says so, on a desk alone after 30 days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from alumni_desk.errors import KnownError
from alumni_desk.members.actions import add_member, bring_back, change_member, remove_members
from alumni_desk.members.lists import member_rows
from alumni_desk.schema import open_desk
from alumni_desk.segments.activity import deeds
from alumni_desk.store import undo
from alumni_desk.store.desk import Desk
from alumni_desk.sync import removing
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.removing import DAY_MS


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
    for days in (29, 31):  # the second sees that it is due, and might be wrong
        assert removing.clear_own(desk, desk.now() + timedelta(days=days)) == 0
    assert removing.clear_own(desk, desk.now() + timedelta(days=33)) == 1
    assert said_of(desk, away) == [] and [row.id for row in member_rows(desk)] == [stays]
    with pytest.raises(KnownError):
        undo.undo(desk)  # there is nothing of it any more
    assert removing.clear_own(desk, desk.now() + timedelta(days=33)) == 0
    with pytest.raises(KnownError, match="not here any more"):
        bring_back(desk, [away])
    assert [row.id for row in member_rows(desk)] == [stays]


def test_a_clock_that_was_far_ahead_for_a_moment_destroys_nothing(make_desk: Callable[[str], Desk]) -> None:
    desk = make_desk("alone")
    away = add_member(desk, first_name="Ana", last_name="Lima").id
    remove_members(desk, [away])
    now = desk.now()
    assert removing.clear_own(desk, now + timedelta(days=40)) == 0 and removing.is_waiting(desk)
    assert removing.clear_own(desk, now + timedelta(days=40, hours=23)) == 0
    assert removing.clear_own(desk, now) == 0 and not removing.is_waiting(desk)  # the clock is right again
    assert removing.clear_own(desk, now + timedelta(days=42)) == 0  # and wrong once more
    assert removing.clear_own(desk, now + timedelta(days=41)) == 0  # it went back, so that counts anew
    assert removing.clear_own(desk, now + timedelta(days=41, hours=23)) == 0
    undo.undo(desk)
    assert [row.id for row in member_rows(desk)] == [away]
    assert removing.clear_own(desk, now + timedelta(days=50)) == 0


def test_what_was_removed_while_the_clock_was_behind_has_its_thirty_days(make_desk: Callable[[str], Desk]) -> None:
    desk = make_desk("alone")
    stays = add_member(desk, first_name="Bo", last_name="Lima").id
    desk.close()
    with open_desk(desk.profile) as desk:
        desk.clock.correct(-60 * DAY_MS)
        away = add_member(desk, first_name="Ana", last_name="Lima").id
        remove_members(desk, [away])
        desk.clock.correct(0)
        for days in (0, 2, 29):
            assert removing.clear_own(desk, desk.now() + timedelta(days=days)) == 0
        undo.undo(desk)
        assert {row.id for row in member_rows(desk)} == {away, stays}


def test_what_went_by_its_age_is_not_called_erased(make_desk: Callable[[str], Desk]) -> None:
    desk = make_desk("alone")
    away = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, away, notes="secret")
    remove_members(desk, [away])
    for days in (31, 33):
        removing.clear_own(desk, desk.now() + timedelta(days=days))
    found = deeds(desk, look=True)
    assert [one.what for one in found][:3] == ["Removed somebody", "Changed somebody who was removed", "Added somebody who was removed"]
    assert {(one.state, one.reason) for one in found[:3]} == {("never", "Went for good 30 days after it was removed")} and deeds(desk) == found
    for one in found[:3]:
        with pytest.raises(KnownError, match="went for good 30 days after it was removed") as refused:
            undo.undo(desk, one.id)
        assert refused.value.code == "went_for_good"


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
