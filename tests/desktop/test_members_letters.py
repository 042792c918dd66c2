"""What fits each first letter is looked up before it is typed: it is there with the key, and never what was right before somebody wrote."""

from __future__ import annotations

from typing import Any

import pytest

from alumni_desk.desktop import members_page
from alumni_desk.desktop.members_letters import OFTEN
from alumni_desk.members.actions import add_member, remove_members


@pytest.fixture
def page(hands: Any) -> Any:
    for number in range(5):
        add_member(hands.desk, first_name="Zoe", last_name=f"Vega{chr(97 + number)}")
    page = hands.page("members")
    hands.until(lambda: page._counted)
    hands.until(lambda: page._letters.answer("v") is not None and page._letters.answer(OFTEN[-1]) is not None)
    return page


def names(page: Any) -> list[str]:
    return [page.table_model.line(one).row.name for one in page.table_model.ids() if page.table_model.line(one) is not None]


def test_the_answer_is_there_with_the_key(hands: Any, page: Any) -> None:
    page.search.setText("v")
    assert page._asked == "v" and len(page.table_model.ids()) == 5  # nothing was waited for
    assert names(page) == [f"Zoe Vega{letter}" for letter in "abcde"]
    page.search.setText("V")
    assert page._asked == "V" and len(page.table_model.ids()) == 5
    assert page.foot.text() == "5 members fit “V”"


def test_what_another_program_wrote_is_in_it_a_moment_later(hands: Any, page: Any) -> None:
    add_member(hands.desk, first_name="Zoe", last_name="Vegaz")  # and nobody tells the page
    page.search.setText("v")
    assert page._asked == "v"
    hands.until(lambda: len(page.table_model.ids()) == 6)
    assert names(page)[-1] == "Zoe Vegaz"
    assert page._letters.answer("v") is None


def test_what_was_changed_here_is_looked_up_anew(hands: Any, page: Any) -> None:
    gone = page._letters.answer("v").found.ids[0]
    page.done(remove_members(hands.desk, [gone]).changed, "")
    assert page._letters.answer("v") is None
    hands.until(lambda: page._letters.answer("v") is not None)
    assert gone not in page._letters.answer("v").found.ids


def test_a_higher_list_is_answered_in_full(hands: Any, page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.list, "lines_seen", lambda: 500)
    assert page._letters.answer("v") is None


def test_nothing_is_looked_up_while_somebody_types(hands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    first_of = members_page.first_of
    page = hands.page("members")
    hands.until(lambda: page._counted)
    monkeypatch.setattr("alumni_desk.desktop.members_letters.first_of", lambda *args: asked.append(args[1]) or first_of(*args))
    page.search.setText("q w")
    page._look_up_letters_anew()
    hands.rest()
    page._letters._next()
    assert asked == []
