"""Undo and redo where other laptops change the same: what somebody else wants since is left, also where it says the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.exchange.importing import run_import
from alumni_desk.members.actions import bring_back, remove_members
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import redo, undo
from alumni_desk.sync.conflicts import conflicts, decide
from alumni_desk.sync.engine import join, sync_once

MakeDesk = Callable[[str], Desk]


def names(desk: Desk) -> list[str]:
    """Who is on the list."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        return sorted(connection.execute(sa.select(person.c.first_name).where(~person.c.gone)).scalars())


def imported(office: Any, make_desk: MakeDesk, tmp_path: Path, count: int) -> tuple[Desk, Desk]:
    """Two laptops that have a list which the first has imported."""
    desks = make_desk("one"), make_desk("other")
    for desk, who in zip(desks, ("Lea", "Ana"), strict=True):
        join(desk, office.url, office.invite())
        desk.set_setting("person_name", who)
        sync_once(desk)
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name\n" + "".join(f"Due{n},Tester{n}\n" for n in range(count)))
    run_import(desks[0], file)
    for desk in desks:
        sync_once(desk)
    return desks


def id_of(desk: Desk, name: str) -> str:
    """Somebody's id."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        return str(connection.execute(sa.select(person.c.id).where(person.c.first_name == name)).scalar_one())


def test_whom_another_removed_first_and_sent_later_a_redo_asks_about(office: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    """The undo is at the server when the other removal comes: nothing changes there, and no laptop hears of it."""
    one, other = imported(office, make_desk, tmp_path, 3)
    due = id_of(other, "Due0")
    remove_members(other, [due])
    undo(one)
    for desk in (one, other, one):
        sync_once(desk)
    redo(one)
    assert sync_once(one).conflicts == 1
    [card] = conflicts(one)
    assert (card.row, card.field, card.theirs.value, card.theirs.who) == (due, "gone", True, "Ana")
    sync_once(other)
    assert [(card.row, card.field, card.yours.value, card.theirs.who) for card in conflicts(other)] == [(due, "gone", True, "Lea")]
    decide(one, card.id, "theirs")
    for desk in (one, other, one):
        sync_once(desk)
        assert conflicts(desk) == []
    assert names(one) == names(other) == ["Due1", "Due2"]


@pytest.mark.parametrize("started_anew", [False, True])
def test_whoever_brings_back_whom_they_removed_themselves_twice_is_asked_nothing(office: Any, make_desk: MakeDesk, tmp_path: Path, started_anew: bool) -> None:
    one, other = imported(office, make_desk, tmp_path, 2)
    due = id_of(other, "Due0")
    remove_members(other, [due])
    undo(one)
    for desk in (one, other, other):
        sync_once(desk)
    if started_anew:  # it writes under another replica
        other.close()
        other = make_desk("other")
    bring_back(other, [due])  # who has seen both removals
    for desk in (other, one):
        sync_once(desk)
        assert conflicts(desk) == []
    assert names(one) == names(other) == ["Due0"]


@pytest.mark.parametrize("first", ["one", "other"])
def test_whom_another_removed_meanwhile_a_redo_leaves_and_names(office: Any, make_desk: MakeDesk, tmp_path: Path, first: str) -> None:
    one, other = imported(office, make_desk, tmp_path, 3)
    due = id_of(other, "Due0")
    if first == "one":
        undo(one)
        remove_members(other, [due])
    else:
        remove_members(other, [due])
        undo(one)
    for desk in (other, one):
        sync_once(desk)
    assert names(one) == []
    again = redo(one)
    assert [(left.row, left.why, left.who) for left in again.left] == [(due, "changed", "Ana")]
    for desk in (one, other, one):
        sync_once(desk)
    assert names(one) == names(other) == ["Due1", "Due2"]
