"""Two laptops merge the same two entries, the one this way and the other that way round."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.desktop.decide_part import sides_of, what_words
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import undo
from alumni_desk.sync.conflicts import Conflict, conflicts, count, decide
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
    assert "that stands" in " ".join(change.why for change in refused(two, 10))
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


def crossed(twins: Twins) -> Twins:
    """Merged both ways; what laptop two did gives way, and it has not heard of that yet."""
    one, two, ana, anna = twins
    merge_people(one, anna, ana)
    sync_once(one)
    merge_people(two, ana, anna)
    return twins


def said(card: Conflict) -> tuple[str, str, object, object]:
    """Whose, which field, this laptop's value and the other one."""
    return card.row, card.field, card.yours.value, card.theirs.value


def person_row(desk: Desk, person: str) -> Any:
    """All that is known of them."""
    with desk.reading() as connection:
        return connection.exec_driver_sql("SELECT * FROM person WHERE id = ?", (person,)).mappings().one()


def test_what_was_noted_on_the_entry_that_gave_way_is_offered_to_the_one_that_stayed(twins: Twins) -> None:
    one, two, ana, anna = crossed(twins)
    change_member(two, anna, employer="Harbor", solicit_codes=["do_not_call"], email="new@example.org")
    change_member(one, ana, employer="Station", solicit_codes=["do_not_email"])
    for desk in (one, two, one):
        sync_once(desk)
    assert conflicts(one) == [], "it is for whoever noted it to decide"
    cards = {card.field: card for card in conflicts(two)}
    assert {said(card)[0] for card in cards.values()} == {ana} and set(cards) == {"employer", "solicit_codes", "email"}
    assert said(cards["employer"])[2:] == ("Harbor", "Station") and cards["employer"].yours.here and cards["employer"].theirs.shown
    assert not cards["employer"].both and cards["solicit_codes"].both and cards["email"].both and count(two) == 3
    decide(two, cards["employer"].id, "yours")
    decide(two, cards["solicit_codes"].id, "both")
    kept = decide(two, cards["email"].id, "theirs")
    assert conflicts(two) == []
    for desk in (two, one, two):
        assert sync_once(desk, check=True).identical
    for desk in (one, two):
        row = person_row(desk, ana)
        assert (row["employer"], row["email"]) == ("Harbor", "Ana@example.org") and set(json.loads(row["solicit_codes"])) == {"do_not_call", "do_not_email"}
        assert person_row(desk, anna)["employer"] == "Harbor", "nothing was taken from the other one"
    with two.reading() as connection:
        made = json.loads(connection.exec_driver_sql("SELECT value FROM sync_state WHERE key = 'decisions'").scalar())["made"]
    assert len(made) == 3 and not any(told for _action, told in made.values()), "the server has no such cards"
    undo(two, kept.changed.action)
    assert [said(card)[1:3] for card in conflicts(two)] == [("email", "new@example.org")]


def test_a_field_that_is_empty_there_is_offered_too_and_one_that_says_the_same_is_not(twins: Twins) -> None:
    one, two, ana, anna = crossed(twins)
    change_member(two, anna, employer="Harbor", mobile="+49 151 1")
    change_member(one, ana, mobile="+49 151 1")
    for desk in (one, two):
        sync_once(desk)
    [card] = conflicts(two)
    assert said(card) == (ana, "employer", "Harbor", None) and card.theirs.at
    change_member(two, ana, employer="Harbor & Sons")
    assert conflicts(two) == [], "written over by hand: that is a decision, too"


def test_what_was_undone_is_not_offered_nor_anything_once_they_are_two_again(twins: Twins) -> None:
    one, two, _ana, anna = crossed(twins)
    gone = change_member(two, anna, employer="Harbor").changed.action
    change_member(two, anna, city="Ulm")
    undo(two, gone)
    for desk in (one, two):
        sync_once(desk)
    [card] = conflicts(two)
    assert (card.field, card.yours.value["city"]) == ("address", "Ulm")
    unmerge(two, anna)
    assert conflicts(two) == [], "they are two again: what was noted stands where it was noted"


def test_an_edit_that_a_plain_merge_did_not_see_is_offered_by_whoever_made_it(twins: Twins) -> None:
    one, two, ana, anna = twins
    change_member(two, ana, notes="Kept by whoever merges")
    change_member(two, anna, job_title="Known", notes="Seen by them")
    for desk in (two, one):
        sync_once(desk)
    merge_people(one, anna, ana)
    change_member(two, anna, employer="Harbor")
    for desk in (one, two, one, two):
        sync_once(desk)
    assert [said(card) for card in conflicts(two)] == [(ana, "employer", "Harbor", None)] and conflicts(one) == []
    assert person_row(two, ana)["job_title"] == "Known"


def test_the_card_says_where_each_value_stands_even_where_both_are_this_laptops_own(twins: Twins) -> None:
    one, two, ana, anna = twins
    change_member(two, ana, employer="Station")
    sync_once(two)
    sync_once(one)
    crossed(twins)
    change_member(two, anna, employer="Harbor")
    for desk in (one, two):
        sync_once(desk)
    [card] = conflicts(two)
    assert said(card) == (ana, "employer", "Harbor", "Station") and "merged into this one" in what_words(card)
    assert [(side.key, side.title) for side in sides_of(card)] == [("yours", "On the merged entry"), ("theirs", "On this entry")]


def test_whoever_merged_has_seen_what_they_wrote_and_needs_no_card(twins: Twins) -> None:
    one, two, ana, anna = twins
    change_member(one, ana, employer="Station")
    change_member(one, anna, employer="Harbor")
    merge_people(one, anna, ana)
    for desk in (one, two):
        sync_once(desk)
        assert conflicts(desk) == []
