"""A merge made apart meets another merge, an erasure or a move of the same person: what came along falls with it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from tests.sync.test_erased_everywhere import dump

from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.store.history import history
from alumni_desk.sync.conflicts import conflicts
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.member_moving import going, move_member, place_called, places
from alumni_desk.sync.refused import refused

MakeDesk = Callable[[str], Desk]
SECRET = "Zaphodbeeblebrox"
NUMBER = "+15035557777"


def two_of(server: Any, make_desk: MakeDesk, chapter: str) -> tuple[Desk, Desk]:
    """An admin's laptop and a leader's, of a chapter of its own."""
    one, two = make_desk("one"), make_desk("two")
    join(one, server.url, server.invite(chapter, role="admin"))
    join(two, server.url, server.invite(chapter))
    return one, two


def three_entries(one: Desk, two: Desk) -> list[str]:
    """Somebody of whom much is known, and two entries of whom nothing is; both laptops have them."""
    full = add_member(one, first_name="Ana", last_name="Lima", mobile=NUMBER, email="ana@example.org").id
    change_member(one, full, notes=SECRET, employer="Harbor")
    ids = [full, *(add_member(one, first_name="Ana", last_name=name).id for name in ("Lime", "Limes"))]
    sync_once(one)
    sync_once(two)
    return ids


def known(desk: Desk, person: str) -> list[Any]:
    """What is known of somebody but the name."""
    with desk.reading() as connection:
        return list(connection.exec_driver_sql("SELECT mobile, email, other_emails, notes, employer FROM person WHERE id = ?", (person,)).one())


NOTHING = [None, None, None, None, None]


@pytest.fixture
def chapter() -> str:
    return f"Berlin {secrets.token_hex(4)}"


@pytest.mark.parametrize("heard", [False, True])
def test_of_somebody_who_was_erased_nothing_lives_on_in_the_other_entry(lasting_server: Any, make_desk: MakeDesk, chapter: str, heard: bool) -> None:
    one, two = two_of(lasting_server, make_desk, chapter)
    gone, stays, _third = three_entries(one, two)
    merge_people(two, gone, stays)
    if heard:  # something small comes down beside what goes up
        for n in range(200):
            change_member(two, stays, job_title=f"Title {n}")
    erasing.erase(one, [gone])
    for desk in (one, two, one, two):
        sync_once(desk)
    for desk in (one, two):
        assert known(desk, stays) == NOTHING
        assert sync_once(desk, check=True).identical
    with two.reading() as connection:
        held = connection.exec_driver_sql("SELECT fields, values_before FROM operation").all()
    assert SECRET not in str(held) and NUMBER not in str(held)
    assert {change.reason for change in refused(two, 10)} == {"erased", "transaction"}


@pytest.mark.parametrize("heard", ["after each step", "in the end"])
def test_of_a_merge_that_was_taken_apart_no_laptop_keeps_what_came_along(lasting_server: Any, make_desk: MakeDesk, chapter: str, heard: str) -> None:
    one, two = two_of(lasting_server, make_desk, chapter)
    gone, stays, _third = three_entries(one, two)
    merge_people(one, gone, stays)
    sync_once(one)
    sync_once(two)
    change_member(two, stays, email="ana@lime.example")  # writes over what came along
    for desk in (two, one):
        sync_once(desk)
    unmerge(one, gone)
    sync_once(one)
    if heard == "after each step":
        sync_once(two)
    erasing.erase(one, [gone])
    for desk in (one, two, one, two):
        sync_once(desk)
    for desk in (one, two):
        assert known(desk, stays) == [None, "ana@lime.example", None, None, None]
        said = dump(desk.profile.database, desk.key) + str(desk.outbox.read())
        assert [text for text in (SECRET, NUMBER, "ana@example.org", "Harbor") if text in said] == []
        assert sync_once(desk, check=True).identical and refused(desk, 10) == []


def test_of_merges_one_after_the_other_no_laptop_keeps_what_came_along(lasting_server: Any, make_desk: MakeDesk, chapter: str) -> None:
    one, two = two_of(lasting_server, make_desk, chapter)
    gone, stays, third = three_entries(one, two)
    for part, into in ((gone, stays), (stays, third)):
        merge_people(one, part, into)
        sync_once(one)
        sync_once(two)
    change_member(two, third, email="ana@lime.example")
    for desk in (two, one):
        sync_once(desk)
    for part in (stays, gone):
        unmerge(one, part)
        sync_once(one)
        sync_once(two)
    erasing.erase(one, [gone])
    for desk in (one, two, one, two):
        sync_once(desk)
    for desk in (one, two):
        assert known(desk, third) == [None, "ana@lime.example", None, None, None] and known(desk, stays) == NOTHING
        said = dump(desk.profile.database, desk.key) + str(desk.outbox.read())
        assert [text for text in (SECRET, NUMBER, "ana@example.org", "Harbor") if text in said] == []
        assert sync_once(desk, check=True).identical and refused(desk, 10) == []


def test_what_the_other_entries_of_a_chain_had_of_their_own_stays_in_the_history_at_its_end(lasting_server: Any, make_desk: MakeDesk, chapter: str) -> None:
    one, two = two_of(lasting_server, make_desk, chapter)
    gone, stays, third = three_entries(one, two)
    change_member(two, stays, job_title="Baker")
    fourth = add_member(one, first_name="Ana", last_name="Limone").id
    for desk in (two, one):
        sync_once(desk)
    for part, into in ((gone, stays), (stays, third), (third, fourth)):
        merge_people(one, part, into)
        sync_once(one)
        sync_once(two)
    for part in (third, stays, gone):
        unmerge(one, part)
        sync_once(one)
        sync_once(two)
    erasing.erase(one, [gone])
    for desk in (one, two, one, two):
        sync_once(desk)
    for desk in (one, two):
        said = {past.value for past in history(desk, "person", fourth)}
        assert "Baker" in said and not said & {SECRET, NUMBER, "Harbor", "ana@example.org"}


def test_of_somebody_who_moved_nothing_stays_in_the_other_entry(lasting_server: Any, make_desk: MakeDesk, chapter: str) -> None:
    one, two = two_of(lasting_server, make_desk, chapter)
    gone, stays, _third = three_entries(one, two)
    join(make_desk("munich"), lasting_server.url, lasting_server.invite(f"Munich {chapter}"))
    merge_people(two, gone, stays)
    move_member(one, going(one, gone), place_called(places(one), f"Munich {chapter}"))
    for desk in (one, two, one, two):
        sync_once(desk)
    for desk in (one, two):
        assert known(desk, stays) == NOTHING
        assert sync_once(desk, check=True).identical
    assert {change.reason.partition(":")[0] for change in refused(two, 10)} == {"moved", "transaction"}


def test_whoever_was_merged_into_another_entry_meanwhile_stays_there_and_is_in_no_second_one(lasting_server: Any, make_desk: MakeDesk, chapter: str) -> None:
    one, two = two_of(lasting_server, make_desk, chapter)
    twice, first, second = three_entries(one, two)
    merge_people(one, twice, first)
    merge_people(two, twice, second)
    for desk in (one, two, one, two):
        sync_once(desk)
    for desk in (one, two):
        assert known(desk, second) == NOTHING and known(desk, first)[:2] == [NUMBER, "ana@example.org"]
        assert conflicts(desk) == [], "nobody has to choose between two ids"
        assert sync_once(desk, check=True).identical
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT merged_into FROM person WHERE id = ?", (twice,)).scalar() == first
    assert {change.reason for change in refused(two, 10)} == {"merged_already"} and refused(one, 10) == []


def test_who_saw_the_other_merge_may_take_it_apart_and_merge_anew(lasting_server: Any, make_desk: MakeDesk, chapter: str) -> None:
    one, two = two_of(lasting_server, make_desk, chapter)
    twice, first, second = three_entries(one, two)
    merge_people(one, twice, first)
    for desk in (one, two):
        sync_once(desk)
    unmerge(two, twice)
    merge_people(two, twice, second)
    for desk in (two, one):
        sync_once(desk)
    for desk in (one, two):
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT merged_into FROM person WHERE id = ?", (twice,)).scalar() == second
        assert refused(desk, 10) == [] and sync_once(desk, check=True).identical
