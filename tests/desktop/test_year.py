"""The year of gatherings, and what Today knows of this week and of last year."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

from PySide6.QtWidgets import QLabel

from alumni_desk.checkin.actions import check_in
from alumni_desk.desktop.controls import Link
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.today_lists import week_facts
from alumni_desk.desktop.year_chart import Bar, YearChart
from alumni_desk.gatherings.actions import add_guests, cancel_gathering, new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import member_rows

TODAY = date(2026, 11, 10)


def texts(page: Any) -> list[str]:
    return [label.text() for label in page.findChildren(QLabel) if label.isVisible()]


def test_the_year_shows_who_came_and_where_a_month_is_free(hands: Any) -> None:
    people = [row.id for row in member_rows(hands.desk)]
    held = new_gathering(hands.desk, name="Picnic", start="2026-07-12T12:00", end="2026-07-12T15:00").id
    for registration in add_guests(hands.desk, held, people).registrations[:2]:
        check_in(hands.desk, held, registration)
    dinner = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    add_guests(hands.desk, dinner, people)
    gone = new_gathering(hands.desk, name="Hike", start="2026-12-05T10:00", end="2026-12-05T12:00").id
    cancel_gathering(hands.desk, gone, "snow")
    page = hands.page("gatherings")
    chart = next(chart for chart in page.findChildren(YearChart) if chart.isVisible())
    assert [(bar.name, bar.count, bar.held, bar.next) for bar in chart.bars] == [("Picnic", 2, True, False), ("Dinner", 3, False, True)]
    assert list(chart.plus) == [date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)]
    shown = texts(page)
    assert "2 came to 1 gathering · dashed said yes · December is free" in shown and "Thu 18:30 · in two days" in shown and "Sun 12 Jul" in shown
    assert shown[shown.index("Ahead") + 1] == "1"  # as in the sidebar: what is cancelled does not count
    hands.click(chart.plus[date(2027, 2, 1)])
    form = hands.dialog(GatheringForm)
    assert form.values()["start"].startswith("2027-02")
    form.reject()


def test_columns_of_one_week_stand_apart(qapp: Any) -> None:
    chart = YearChart([Bar(str(day), "x", date(2026, 11, day), 5, True) for day in (1, 2, 3)], TODAY)
    chart.resize(720, chart.height())
    boxes = [box for _bar, box in chart.boxes()]
    assert all(one.right() < other.left() for one, other in itertools.pairwise(boxes))
    chart.deleteLater()


def test_today_has_last_years_idea_and_this_week(hands: Any) -> None:
    add_member(hands.desk, first_name="Kenta", last_name="Sato", class_year="1976", birth_date="1954-11-13")
    add_member(hands.desk, first_name="Late", last_name="Friend", class_year="1976", birth_date="1954-11-12", deceased="yes")
    new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00")
    last = new_gathering(hands.desk, name="Winter Feast", start="2025-12-06T18:00", end="2025-12-06T22:00", place="Boat House", capacity="40").id
    page = hands.page("today")
    page.refresh()
    hands.until(lambda: "Class of 1976" in texts(page))
    shown = texts(page)
    assert "December is free" in shown and "Winter Feast" in shown and "0 came in December 2025" in shown
    assert [one.name for one in week_facts(hands.desk, TODAY).birthdays] == ["Kenta Sato"]
    assert "birthday on Friday" in shown and "Class of 1976" in shown and "50 years; 1 member" in shown
    again = next(link for link in page.findChildren(Link) if link.isVisible() and link.accessibleName() == "Plan it again: Winter Feast")
    again.click()
    form = hands.dialog(GatheringForm)
    values = form.values()
    assert (values["name"], values["place"], values["capacity"], values["start"]) == ("Winter Feast", "Boat House", "40", "2026-12-05T18:00")
    form.reject()
    assert last


def test_who_was_born_on_29_february_has_a_birthday_every_year(desk: Any) -> None:
    add_member(desk, first_name="Leap", last_name="Day", birth_date="1996-02-29")
    for today, day in ((date(2027, 2, 25), date(2027, 2, 28)), (date(2028, 2, 25), date(2028, 2, 29))):
        assert [one.day for one in week_facts(desk, today).birthdays] == [day]


def test_an_empty_list_has_one_accent_and_a_cancelled_one_can_be_planned_again(hands: Any) -> None:
    which = new_gathering(hands.desk, name="Dinner", start="2026-11-12T18:30", end="2026-11-12T21:00").id
    page = hands.page("gatherings", gathering=which)
    assert page.view.door.kind == "secondary"
    people = [row.id for row in member_rows(hands.desk)]
    add_guests(hands.desk, which, people[:1], status="no")
    add_guests(hands.desk, which, people[1:])
    cancel_gathering(hands.desk, which, "")
    page.refresh()
    hands.rest()
    assert page.view.door.kind == "primary"
    badges = {row.status: page.view.model.index(n, 3).data() for n, row in enumerate(page.view.model.rows)}
    assert badges == {"no": "", "yes": "Not yet"}
    page.view.list.selectRow(0)
    assert page.view.always[1].isVisible() and page.view.always[1].accessibleName() == "Plan it again"
