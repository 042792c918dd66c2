"""Two laptops merge the same two entries, the one this way and the other that way round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import member_rows
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.refused import refused

Twins = tuple[Desk, Desk, str, str]


@pytest.fixture
def twins(office: Any, make_desk: Callable[[str], Desk]) -> Twins:
    """Two laptops that both have two entries of somebody, and the ids of these."""
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
    ana, anna = (add_member(one, first_name=name, last_name="Lima", email=f"{name}@example.org").id for name in ("Ana", "Anna"))
    sync_once(one)
    sync_once(two)
    return one, two, ana, anna


def test_the_second_does_nothing_and_the_laptops_agree(twins: Twins) -> None:
    one, two, ana, anna = twins
    merge_people(one, anna, ana)
    merge_people(two, ana, anna)
    for desk in (one, two, one):
        sync_once(desk)
    for desk in (one, two):
        assert [(row.id, row.name) for row in member_rows(desk)] == [(ana, "Ana Lima")]
        assert sync_once(desk, check=True).identical
    assert refused(one, 10) == [] and {change.reason for change in refused(two, 10)} <= {"merged_already"}
    assert "one already" in " ".join(change.why for change in refused(two, 10))
    unmerge(two, anna)  # of a merge that another laptop made
    for desk in (two, one):
        sync_once(desk)
    assert [sorted(row.name for row in member_rows(desk)) for desk in (one, two)] == [["Ana Lima", "Anna Lima"]] * 2


@pytest.mark.parametrize("first", ["erasure", "merge"])
def test_whoever_is_merged_with_somebody_who_is_erased_meanwhile_is_on_no_list_less(twins: Twins, first: str) -> None:
    one, two, ana, anna = twins
    merge_people(two, anna, ana)
    erasing.erase(one, [ana])
    for desk in (one, two, one, two) if first == "erasure" else (two, one, two):
        sync_once(desk)
    left = ["Anna Lima"] if first == "erasure" else []  # what the server knew to be one person was erased as one
    for desk in (one, two):
        assert [row.name for row in member_rows(desk)] == left
        assert sync_once(desk, check=True).identical
    assert any("erased for good meanwhile" in change.why for change in refused(two, 10)) == (first == "erasure")
