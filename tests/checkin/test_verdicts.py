"""The door's decisions without a database."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alumni_desk.checkin.verdicts import (
    Fact,
    Outcome,
    Reason,
    decide,
    has_left,
    objection,
    open_ins,
)


@st.composite
def facts(draw: st.DrawFn) -> list[Fact]:
    """Facts whose closing ones name earlier and unknown ones, with clocks that say anything."""
    made: list[Fact] = []
    for number in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(["in", "out", "void"]))
        names = [f.id for f in made if f.kind == "in"] + ["never-arrived"]
        closes = frozenset(draw(st.lists(st.sampled_from(names), max_size=3))) if kind != "in" else frozenset()
        made.append(Fact(f"f{number}", kind, closes, draw(st.sampled_from([None, "2026-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z"]))))
    return made


@given(facts(), st.randoms(use_true_random=False))
def test_presence_depends_on_neither_order_nor_clocks_nor_duplicates(made: list[Fact], random: object) -> None:
    shuffled = made + made[:2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    clockless = [Fact(f.id, f.kind, f.closes) for f in shuffled]
    assert {f.id for f in open_ins(made)} == {f.id for f in open_ins(shuffled)} == {f.id for f in open_ins(clockless)}
    assert has_left(made) == has_left(clockless)


def test_coming_back_is_a_new_in() -> None:
    made = [Fact("a", "in"), Fact("b", "out", frozenset({"a"}))]
    assert not open_ins(made) and has_left(made)
    made.append(Fact("c", "in"))
    assert [f.id for f in open_ins(made)] == ["c"] and not has_left(made)


def test_an_undone_check_in_has_not_left() -> None:
    assert not has_left([Fact("a", "in"), Fact("v", "void", frozenset({"a"}))])


def test_what_speaks_against_letting_in() -> None:
    assert objection("yes", on_the_list=True, door_note=False) is None
    assert objection("invited", on_the_list=True, door_note=False) is None
    assert objection("cancelled", on_the_list=True, door_note=True) is Reason.CANCELLED
    assert objection("yes", on_the_list=True, door_note=True) is Reason.DOOR_NOTE
    assert objection("yes", on_the_list=False, door_note=False) is Reason.NOT_ON_THE_LIST
    assert decide(True, Reason.CANCELLED, let_in=False) is Outcome.ALREADY_IN
    assert decide(False, Reason.CANCELLED, let_in=False) is Outcome.NEEDS_A_WORD
    assert decide(False, Reason.CANCELLED, let_in=True) is Outcome.ADMITTED
