"""Gatherings and Badges judge what is over by its own end, and by the time that the server told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from alumni_desk.desktop.app import Room, build
from alumni_desk.desktop.year_chart import YearChart
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.protocol.clock import wall_ms
from alumni_desk.store import recovery
from alumni_desk.store.desk import Desk


def tell_time(desk: Desk, now: datetime) -> None:
    """The server told what time it is; this computer may say something else."""
    desk.clock.correct(round(now.timestamp() * 1000) - wall_ms())


@pytest.fixture
def hands(desk: Desk, hands_of: Callable[[Room], Any]) -> Iterator[Any]:
    """A window on the afternoon of a day with a breakfast and a dinner."""
    tell_time(desk, datetime(2031, 5, 14, 16, tzinfo=UTC))
    add_member(desk, first_name="Ada", last_name="Obi")
    recovery.recovery_key(desk)
    recovery.note_read_back(desk)
    for name, start, end in (("Yesterday", "2031-05-13T18:00", "2031-05-13T21:00"), ("Breakfast", "2031-05-14T13:00", "2031-05-14T15:00"),
                             ("Tonight", "2031-05-14T18:00", "2031-05-14T21:00")):
        new_gathering(desk, name=name, start=start, end=end, time_zone="UTC")
    room = build(desk, theme="light")
    room.shell.resize(1280, 800)
    room.shell.show()
    made = hands_of(room)
    made.rest()
    yield made
    made.rest()
    room.close()
    room.shell.close()
    room.shell.deleteLater()


def held(hands: Any) -> dict[str, bool]:
    [chart] = [one for one in hands.shell.current().findChildren(YearChart) if one.isVisible()]
    return {bar.name: bar.held for bar in chart.bars}


def test_a_gathering_is_over_after_its_end_and_not_at_noon(hands: Any) -> None:
    page = hands.page("gatherings")
    hands.until(lambda: held(hands) == {"Yesterday": True, "Breakfast": True, "Tonight": False})
    tell_time(hands.desk, datetime(2031, 5, 14, 10, tzinfo=UTC))
    page.refresh()
    hands.until(lambda: held(hands) == {"Yesterday": True, "Breakfast": False, "Tonight": False})
    tell_time(hands.desk, datetime(2031, 5, 14, 22, tzinfo=UTC))
    page.refresh()
    hands.until(lambda: held(hands) == {"Yesterday": True, "Breakfast": True, "Tonight": True})


def test_badges_offer_first_what_is_not_over(hands: Any) -> None:
    page = hands.page("badges")

    def offered() -> list[str]:
        return [page.gathering.itemText(n) for n in range(page.gathering.count())]

    hands.until(lambda: offered() == ["Tonight", "Breakfast", "Yesterday"])
    assert page.gathering.currentText() == "Tonight" and "ago" not in page.when.text()
    tell_time(hands.desk, datetime(2031, 5, 14, 10, tzinfo=UTC))
    page.refresh()
    hands.until(lambda: offered() == ["Breakfast", "Tonight", "Yesterday"])
