"""A page that is shown anew, as something comes in, stays where it was scrolled."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alumni_desk.desktop.widgets import MainAndSide
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member_rows


@pytest.mark.parametrize(("name", "width"), [("gatherings", 1280), ("today", 800)])
def test_a_page_stays_where_it_was_scrolled(hands: Any, name: str, width: int) -> None:
    for days in (*range(-60, 0, 3), *range(1, 36, 3)):
        day = (hands.desk.now() + timedelta(days=days)).date()
        new_gathering(hands.desk, name=f"Dinner {days}", start=f"{day}T18:00")
    hands.shell.resize(width, 640)
    page = hands.page(name)
    page.refresh()
    hands.rest()

    def bar() -> Any:
        return next(one for one in page.findChildren(MainAndSide) if one.isVisible()).verticalScrollBar()

    hands.until(lambda: bar().maximum() > 30)
    before = bar()
    before.setValue(30)
    page.changes.tell(change_member(hands.desk, member_rows(hands.desk)[0].id, city="Porto").changed)
    page.refresh()
    hands.until(lambda: bar() is not before)
    hands.rest()
    assert bar().value() == 30


def test_activity_stays_where_it_was_scrolled(hands: Any) -> None:
    ada = member_rows(hands.desk)[0].id
    for number in range(60):
        change_member(hands.desk, ada, city=f"City {number}")
    page = hands.page("activity")
    hands.rest()
    bar = page.list.verticalScrollBar()
    hands.until(lambda: bar.maximum() > 300)
    bar.setValue(300)
    page.refresh()
    hands.rest()
    assert bar.value() == 300
    page.search.setText("city")
    hands.rest()
    assert bar.value() < 100, "another list begins at its head"


def test_the_members_stay_where_they_were_scrolled_while_somebody_else_is_chosen(hands: Any) -> None:
    people = [add_member(hands.desk, first_name=f"Guest{number:03}", last_name="Same").id for number in range(200)]
    page = hands.page("members")
    page.refresh()
    hands.until(lambda: page.table_model.rowCount() == 203)
    page.list.selectRow(page.table_model.row_of(people[2]))
    hands.until(lambda: page.panel.isVisible() and page.panel.shown_for() == people[2])
    hands.rest()
    bar = page.list.verticalScrollBar()
    bar.setValue(bar.maximum() - 20)
    at = bar.value()
    page.changes.tell(add_member(hands.desk, first_name="Aaron", last_name="Aardvark").changed)
    hands.until(lambda: page.table_model.rowCount() == 204)
    hands.rest()
    assert page.selected() == [people[2]] and bar.value() == at
    bar.setValue(0)
    page.changes.tell(change_member(hands.desk, people[2], last_name="Zulu").changed)
    page.refresh()
    hands.until(lambda: page.table_model.row_of(people[2]) == 203)
    hands.rest()
    assert page.selected() == [people[2]] and bar.value() > at - 200, "who is chosen and in view stays so"
