"""Laptops here after a restart of the program or a crash: what was on goes on by itself while the evening lasts, and what was switched off stays off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel
from tests.desktop.test_sync_together import laptop, office
from tests.sync.conftest import make_server

from alumni_desk.desktop.app import Sitting
from alumni_desk.desktop.laptops_here import LaptopsHere
from alumni_desk.desktop.venue_bridge import AtVenue, VenueBridge
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.sync.venue.going_on import LONGEST, Together, remember, to_go_on_with
from alumni_desk.sync.venue.sharing import Sharing

__all__ = ["laptop", "make_server", "office"]

HOUR = 3_600_000


class Program:
    """The window of a profile, which can be closed and started again."""

    def __init__(self, app: QApplication, qtbot: Any, desk: Desk) -> None:
        self._app, self._qtbot, self._profile = app, qtbot, desk.profile
        self.start(desk)

    def start(self, desk: Desk | None = None) -> None:
        self.desk = desk = desk or open_desk(self._profile)
        self._sitting = Sitting(self._app, self._profile, replace(ways_of(self._profile), open=lambda password: desk), room_in)
        self._sitting.begin()
        self.until(lambda: self._sitting.room is not None and self._sitting.room.shell.isVisible())

    def until(self, condition: Callable[[], Any]) -> None:
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=20_000)

    @property
    def venue(self) -> VenueBridge:
        assert self._sitting.room is not None
        return self._sitting.room.venue

    @property
    def standing(self) -> AtVenue:
        return self.venue.standing

    def end(self) -> None:
        self._sitting.close()

    def again(self) -> None:
        self.end()
        self.start()


@pytest.fixture
def program(qapp: QApplication, qtbot: Any) -> Iterator[Callable[[Desk], Program]]:
    qapp.setQuitOnLastWindowClosed(False)
    made: list[Program] = []

    def make(desk: Desk) -> Program:
        made.append(Program(qapp, qtbot, desk))
        return made[-1]

    yield make
    for one in made:
        one.end()
    qapp.setQuitOnLastWindowClosed(True)


def kept(desk: Desk) -> Together:
    """What a program that ended in this moment would go on with."""
    return to_go_on_with(desk)


def test_sharing_goes_on_by_itself_after_a_restart_with_the_same_code(office: Any, laptop: Any, program: Callable[[Desk], Program]) -> None:
    one = program(laptop("one", office))
    office.kill()
    one.venue.share()
    one.until(lambda: one.standing.sharing == "on" and kept(one.desk).shares)
    before = one.standing
    one.again()
    one.until(lambda: one.standing.sharing == "on")
    assert (one.standing.code, one.standing.address) == (before.code, before.address)
    one.venue.share_no_more()
    one.until(lambda: not kept(one.desk).shares)
    one.again()
    one.until(lambda: one._sitting._goes_on is False and one._sitting.room is not None and one._sitting.room.lanes.idle())
    assert one.standing.sharing == "off"


def test_sharing_that_is_ended_before_it_has_begun_does_not_begin(office: Any, laptop: Any, program: Callable[[Desk], Program]) -> None:
    one = program(laptop("one", office))
    one.venue.share()
    assert one.standing.sharing == "begins"
    one.venue.share_no_more()
    assert one.standing.sharing == "off"
    one.until(lambda: one._sitting.room is not None and one._sitting.room.lanes.idle())
    assert one.standing.sharing == "off" and not kept(one.desk).shares
    one.venue.share()
    one.until(lambda: one.standing.sharing == "on")


def test_a_laptop_that_has_joined_goes_on_by_itself_after_a_restart(office: Any, laptop: Any, program: Callable[[Desk], Program]) -> None:
    one, two = program(laptop("one", office)), laptop("two", office)
    office.kill()
    sharing = Sharing(two, host="127.0.0.1", port=0)
    try:
        one.venue.join(sharing.address, sharing.code, lambda met: None, lambda error: None)
        one.until(lambda: one.standing.connected == 1 and kept(one.desk).visits)
        since = kept(one.desk).visits
        one.again()
        one.until(lambda: one.standing.connected == 1)
        assert one.standing.visiting == sharing.address and not one.standing.trouble
        one.until(lambda: one._sitting.room is not None and one._sitting.room.lanes.idle())
        assert kept(one.desk).visits == since, "a restart does not make the evening longer"
    finally:
        sharing.stop()
    one.until(lambda: one.standing.trouble)
    one.again()
    one.until(lambda: one.standing.trouble)
    here = LaptopsHere()
    here.show_standing(one.standing)
    said = " ".join(label.text() for label in here.findChildren(QLabel))
    assert "You were together with the laptop at" in said and one.standing.trouble in said
    assert any(button.text() == "Join a laptop that shares" for button in here.findChildren(QAbstractButton))
    one.venue.leave()
    one.until(lambda: not kept(one.desk).visits)


def test_it_lasts_until_the_end_of_the_last_gatherings_day_and_no_longer_than_eighteen_hours(laptop: Any, office: Any) -> None:
    desk = laptop("one", office)
    now = desk.clock.now_ms()
    remember(desk, Together(shares=now - HOUR, visits=now - int(LONGEST.total_seconds() * 1000) - 1, address="10.0.0.2:7807", code="AAAAA-AAAAA"))
    assert kept(desk) == Together(shares=now - HOUR)
    today = desk.now()
    new_gathering(desk, name="Dinner", start=f"{today:%Y-%m-%d}T00:10", end=f"{today:%Y-%m-%d}T23:00", time_zone="UTC")
    midnight = datetime.combine(today.date() + timedelta(days=1), datetime.min.time(), today.tzinfo)
    since = int((midnight - timedelta(hours=2)).timestamp() * 1000)
    remember(desk, Together(shares=since))
    desk.clock.correct(since + HOUR - now)
    assert kept(desk).shares == since
    desk.clock.correct(since + 3 * HOUR - now)
    assert not kept(desk).shares


def test_with_another_chapter_it_does_not_go_on(laptop: Any) -> None:
    desk = laptop("alone")
    remember(desk, Together(shares=desk.clock.now_ms()))
    assert kept(desk) == Together()
