"""Changes that come again in another order, as after a server's restore: who wrote over a value and had seen it meets it in no conflict, in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from tests.sync.test_conflicts import change, value

from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import Operation
from alumni_desk.server.conflicts import KEPT
from alumni_desk.server.tidying import tidy_all
from alumni_desk.store.desk import Desk

from .test_conflicts_before import Chapter


@pytest.fixture
def chapter(office: Any, make_desk: Callable[[str], Desk], tmp_path: Path) -> Chapter:
    return Chapter(office, make_desk, tmp_path / "server.backup")


@pytest.mark.parametrize(("order", "knows"), [("tph", True), ("tph", False), ("hpt", True), ("pth", False)])
def test_what_one_changed_after_the_other_is_no_card_when_the_server_goes_back(chapter: Chapter, order: str, knows: bool) -> None:
    change(chapter.priya, chapter.selam, city="One", email="one@example.org")
    chapter.rest()
    change(chapter.tomas, chapter.selam, city="Two", email="two@example.org")
    chapter.rest(*(chapter.desks if knows else (chapter.tomas, chapter.hana)))
    chapter.go_back()
    desks = {"t": chapter.tomas, "p": chapter.priya, "h": chapter.hana}
    chapter.rest(*(desks[one] for one in order))
    assert chapter.open() == [[]] * 3
    assert [(value(desk, chapter.selam, "city"), value(desk, chapter.selam, "email")) for desk in chapter.desks] == [("Two", "two@example.org")] * 3
    chapter.same()


def _chain(office: Any, field: str) -> tuple[list[Any], list[Operation], str]:
    """Three laptops that wrote one field after the other, each having seen what was there, in a record that the server has as it was before."""
    laptops = [office.laptop() for _n in range(4)]
    first = laptops[3].operation(**{field: "was"})
    laptops[3].push(first)
    before, made = first.clock, []
    for number, laptop in enumerate(laptops[:3]):
        office.time.now += 1000
        one = msgspec.structs.replace(laptop.operation(row=first.row, **{field: f"value {number}"}), before={field: before})
        made.append(one)
        before = one.clock
    return laptops, made, first.clock


def _cards(office: Any, row: str) -> list[tuple[str, str]]:
    table = office.server.tables.tables["conflict"]
    with office.server.database.reading() as connection:
        found = connection.execute(sa.select(table.c.winner_clock, table.c.loser_clock).where(table.c.row_id == row, table.c.decided_at.is_(None)))
        return [tuple(one) for one in found]


def test_a_chain_in_whatever_order(office: Any) -> None:
    for order in permutations(range(3)):
        laptops, made, _was = _chain(office, "email")
        for number in order:
            laptops[number].push(made[number])
        assert laptops[3].rows()["person", made[0].row]["email"] == "value 2"
        assert _cards(office, made[0].row) == [], order


@pytest.mark.parametrize("later", range(3))
def test_whoever_had_seen_none_of_it_still_is_to_be_decided_on(office: Any, later: int) -> None:
    """``later``: after which of them somebody wrote apart. What is older than a value that was seen counts as seen, so of the first nothing may be asked."""
    for order in permutations(range(4)):
        laptops, made, was = _chain(office, "email")
        clock = int(made[later].clock.partition("-")[0], 16) + 500
        other = msgspec.structs.replace(laptops[3].operation(row=made[0].row, email="apart"), before={"email": was})
        other = msgspec.structs.replace(other, clock=f"{clock:012x}-0000-{uuid7()[-12:]}0000")
        for number in order:
            laptops[number].push([*made, other][number])
        cards = _cards(office, made[0].row)
        assert all(other.clock in card for card in cards) and (cards or later == 0), (order, cards)


@pytest.mark.parametrize("taken", [True, False])
def test_what_was_refused_has_replaced_nothing(office: Any, taken: bool) -> None:
    """Who lost and wrote again, all in one push: the second is to be decided on, and if it was not taken, the first."""
    laptop, other = office.laptop(), office.laptop()
    first = laptop.operation(email="was@example.org")
    laptop.push(first)
    office.time.now += 1000
    one = msgspec.structs.replace(laptop.operation(row=first.row, email="one@example.org"), before={"email": first.clock})
    two = msgspec.structs.replace(laptop.operation(row=first.row, email="two@example.org"), before={"email": one.clock})
    if not taken:
        two = msgspec.structs.replace(two, fields={**two.fields, "shoe_size": 44})
    office.time.now += 1000
    theirs = msgspec.structs.replace(other.operation(row=first.row, email="theirs@example.org"), before={"email": first.clock})
    other.push(theirs)
    laptop.push(one, two)
    assert _cards(office, first.row) == [(theirs.clock, (two if taken else one).clock)]


def test_it_is_forgotten_like_what_lost(office: Any) -> None:
    laptops, made, _was = _chain(office, "email")
    laptops[2].push(made[2])
    table = office.server.tables.tables["overtaken"]

    def noted() -> list[str]:
        with office.server.database.reading() as connection:
            return list(connection.execute(sa.select(table.c.clock)).scalars())

    assert noted() == [made[1].clock]
    tidy_all(office.server, office.time() + KEPT - 1000)
    assert noted() == [made[1].clock]
    tidy_all(office.server, office.time() + KEPT + 1000)
    assert noted() == []


def test_what_is_no_clock_is_not_kept(office: Any) -> None:
    laptop = office.laptop()
    first = laptop.operation(email="was@example.org")
    laptop.push(first)
    laptop.push(msgspec.structs.replace(laptop.operation(row=first.row, email="next@example.org"), before={"email": "zzz" * 1000}))
    with office.server.database.reading() as connection:
        assert connection.execute(sa.select(office.server.tables.tables["overtaken"])).all() == []
