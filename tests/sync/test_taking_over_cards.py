"""Whoever kept the chapter is gone, another laptop keeps it, and the others follow: what was written in turn is no card, what was written apart is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alumni_desk.members.actions import add_member, change_member
from alumni_desk.store.desk import Desk
from alumni_desk.sync import conflicts, inviting, keeping, moving, state, taking_over
from alumni_desk.sync.engine import join, sync_once, wire_of
from alumni_desk.sync.pull import pull

from .test_keeping import MakeDesk, alone, free_port


class Chapter:
    """One laptop keeps it, which is lost, and two have joined; three members were imported there, all of Boston."""

    def __init__(self, make_desk: MakeDesk) -> None:
        self.keeper, self.second, self.third = alone(make_desk, "keeper"), make_desk("second"), make_desk("third")
        self.ids = {name: add_member(self.keeper, first_name=name, last_name="Li", city="Boston").id for name in ("Kwame", "Luis", "Priya")}
        self.serving = keeping.begin(self.keeper, port=free_port(), host="127.0.0.1")
        sync_once(self.keeper)
        for desk in (self.second, self.third):
            join(desk, self.serving.url, inviting.invite(self.keeper, "leader").code)
            sync_once(desk)

    def city(self, desk: Desk, name: str, city: str) -> None:
        change_member(desk, self.ids[name], city=city)

    def cities(self, desk: Desk) -> dict[str, str]:
        person = desk.tables["person"]
        with desk.reading() as connection:
            return {name: connection.exec_driver_sql(f"SELECT city FROM {person.name} WHERE id = ?", (one,)).scalar_one() for name, one in self.ids.items()}

    def lose(self) -> None:
        self.serving.stop()

    def take_over(self, desk: Desk) -> None:
        self.serving = taking_over.take_over(desk, port=free_port(), host="127.0.0.1")
        self.kept_by = desk
        sync_once(desk)

    def follow(self, desk: Desk) -> None:
        moving.move(desk, self.serving.url, inviting.invite(self.kept_by, "leader").code, anyway=True)
        assert sync_once(desk).refused == 0

    def all_sync(self) -> None:
        for desk in (self.second, self.keeper, self.third, self.second, self.keeper, self.third):
            assert sync_once(desk).refused == 0


def cards(desk: Desk) -> list[tuple[str, set[str]]]:
    return sorted((one.name, {side.value["city"] for side in (one.yours, one.theirs)}) for one in conflicts.conflicts(desk))


@pytest.fixture
def chapter(make_desk: MakeDesk) -> Iterator[Chapter]:
    made = Chapter(make_desk)
    yield made
    if made.serving.running:
        made.serving.stop()


@pytest.mark.parametrize("order", ["third first", "keeper first"])
@pytest.mark.parametrize("who", ["second", "third"])
def test_what_was_written_in_turn_is_no_card(chapter: Chapter, who: str, order: str) -> None:
    chapter.city(chapter.second, "Kwame", "Salem")
    sync_once(chapter.second)
    chapter.city(chapter.keeper, "Luis", "Lowell")
    sync_once(chapter.keeper)
    chapter.lose()
    chapter.city(chapter.third, "Priya", "Lynn")  # not sent to anybody yet
    first, last = (chapter.second, chapter.third) if who == "second" else (chapter.third, chapter.second)
    chapter.take_over(first)
    for desk in (last, chapter.keeper) if order == "third first" else (chapter.keeper, last):
        chapter.follow(desk)
        assert cards(desk) == []
    chapter.all_sync()
    for desk in (chapter.second, chapter.third, chapter.keeper):
        assert cards(desk) == [] and chapter.cities(desk) == {"Kwame": "Salem", "Luis": "Lowell", "Priya": "Lynn"}
        assert sync_once(desk, check=True).identical


@pytest.mark.parametrize("who", ["second", "third"])
def test_what_was_written_at_the_new_one_meanwhile_is_no_card_for_whoever_comes_late(chapter: Chapter, who: str) -> None:
    chapter.city(chapter.keeper, "Luis", "Lowell")
    sync_once(chapter.keeper)
    for desk in (chapter.second, chapter.third):
        sync_once(desk)
    chapter.lose()
    first, last = (chapter.second, chapter.third) if who == "second" else (chapter.third, chapter.second)
    chapter.take_over(first)
    for city in ("Lynn", "Quincy"):
        for name in chapter.ids:
            chapter.city(first, name, city)
        sync_once(first)
    for desk in (last, chapter.keeper):
        chapter.follow(desk)
    chapter.all_sync()
    for desk in (chapter.second, chapter.third, chapter.keeper):
        assert cards(desk) == [] and set(chapter.cities(desk).values()) == {"Quincy"}


@pytest.mark.parametrize("late", [False, True], ids=["seen by the new one", "unseen by the new one"])
@pytest.mark.parametrize("sent_first", [False, True])
def test_what_was_written_apart_is_one_card(chapter: Chapter, late: bool, sent_first: bool) -> None:
    """The second laptop sent Luis' city to the keeper, the third wrote another one without seeing that, and neither order of coming hides it."""
    if sent_first:
        chapter.city(chapter.second, "Luis", "Salem")
        sync_once(chapter.second)
        chapter.lose()
        chapter.city(chapter.third, "Luis", "Lynn")
    else:
        chapter.city(chapter.third, "Luis", "Lynn")
        chapter.city(chapter.second, "Luis", "Salem")
        sync_once(chapter.second)
        chapter.lose()
    first, last = (chapter.third, chapter.second) if late else (chapter.second, chapter.third)
    chapter.take_over(first)
    for desk in (last, chapter.keeper):
        chapter.follow(desk)
        assert cards(desk) == [("Luis Li", {"Salem", "Lynn"})]
    chapter.all_sync()
    for desk in (chapter.second, chapter.third, chapter.keeper):
        assert cards(desk) == [("Luis Li", {"Salem", "Lynn"})]
        assert set(chapter.cities(desk).values()) == {"Boston", "Lynn" if sent_first else "Salem"}
        (one,) = conflicts.conflicts(desk)
        assert not (one.yours.here and one.theirs.here)
    (one,) = conflicts.conflicts(first)
    conflicts.decide(first, one.id, "yours")
    chapter.all_sync()
    assert all(cards(desk) == [] for desk in (chapter.second, chapter.third, chapter.keeper))


def test_what_two_that_each_took_over_wrote_apart_is_one_card(chapter: Chapter) -> None:
    chapter.lose()
    other = taking_over.take_over(chapter.third, port=free_port(), host="127.0.0.1")
    chapter.city(chapter.third, "Luis", "Lynn")
    sync_once(chapter.third)
    chapter.take_over(chapter.second)
    chapter.city(chapter.second, "Luis", "Salem")
    sync_once(chapter.second)
    keeping.move_away(chapter.third, other, chapter.serving.url, inviting.invite(chapter.second, "leader").code)
    other.stop()
    assert sync_once(chapter.third).refused == 0
    chapter.follow(chapter.keeper)
    chapter.all_sync()
    for desk in (chapter.second, chapter.third, chapter.keeper):
        assert cards(desk) == [("Luis Li", {"Salem", "Lynn"})]


@pytest.mark.parametrize("third_wins", [False, True])
@pytest.mark.parametrize("others_come", [False, True])
def test_what_was_fetched_under_a_change_that_did_not_see_it_is_one_card(chapter: Chapter, third_wins: bool, others_come: bool) -> None:
    """The keeper went between the third laptop's fetching and its sending."""
    for desk, city in [(chapter.second, "Salem"), (chapter.third, "Lynn")][::1 if third_wins else -1]:
        chapter.city(desk, "Luis", city)
    sync_once(chapter.second)
    with chapter.third.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    wire = wire_of(chapter.third)
    try:
        assert pull(chapter.third, wire, membership)
    finally:
        wire.close()
    chapter.lose()
    chapter.take_over(chapter.third)
    come = [chapter.second, chapter.keeper] if others_come else []
    for desk in come:
        chapter.follow(desk)
    for desk in (chapter.third, *come):
        assert sync_once(desk, check=True).identical
        assert cards(desk) == [("Luis Li", {"Salem", "Lynn"})]
        assert chapter.cities(desk)["Luis"] == ("Lynn" if third_wins else "Salem")
