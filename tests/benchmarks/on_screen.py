"""From a change saved in one window until another laptop's window has painted it: through a server, then without one, between laptops here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from harness import Row, at_most, many_people, percentile
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication
from sync_parts import Place
from window import let_pass, until

from alumni_desk.desktop.app import Room, build
from alumni_desk.desktop.members_page import MembersPage
from alumni_desk.members.actions import Saved, change_member
from alumni_desk.store.desk import Desk
from alumni_desk.sync.engine import join, sync_once

MEMBERS = 2_000
CHANGES = 40
APART_MS = (400, 1_900)
"""From one change seen to the next saved, in turn: somebody who works, and somebody who works fast."""
GOAL_MS = 1_000


def measure(folder: Path) -> list[Row]:
    """The lines of what is seen on screen."""
    app = QApplication.instance() or QApplication(["bench", "-platform", "offscreen"])
    assert isinstance(app, QApplication)
    with ExitStack() as stack:
        place = Place(folder / "place")
        closing = stack.enter_context(ExitStack())
        closing.callback(place.close)
        one, two = (stack.enter_context(_joined(place, name)) for name in ("one", "two"))
        with one.writing("import", queue="load") as writing:
            writing.add_many("person", many_people(MEMBERS).persons)
        for desk in (one, two):
            sync_once(desk)
        writes, looks = (stack.enter_context(_window(desk)) for desk in (one, two))
        watch = _Painted(app, looks)
        until(app, lambda: all(room.bridge.joined and not room.bridge.busy for room in (writes, looks)), "both to have synced")
        by_server = _changes(app, writes, watch, "Place")
        closing.close()
        met: list[object] = []
        writes.venue.share()
        until(app, lambda: writes.venue.standing.sharing == "on", "sharing")
        looks.venue.join(writes.venue.standing.address, writes.venue.standing.code, met.append, _fail)
        until(app, lambda: bool(met), "the laptops to meet")
        here = _changes(app, writes, watch, "Here")
    return [at_most("one change on the other laptop's screen, by the server, p95", "", percentile(by_server, 0.95), GOAL_MS, "ms", _spread(by_server)),
            at_most("the same between laptops here, no server, p95", "", percentile(here, 0.95), GOAL_MS, "ms", _spread(here))]


def _spread(values: list[float]) -> str:
    return f"p50 {percentile(values, 0.5):.0f} ms, longest {max(values):.0f} ms of {len(values)}, both windows in one process"


def _fail(error: Exception) -> None:
    raise error


@contextmanager
def _joined(place: Place, name: str) -> Iterator[Desk]:
    desk = place.desk(name)
    try:
        join(desk, place.url, place.invite())
        yield desk
    finally:
        desk.close()


@contextmanager
def _window(desk: Desk) -> Iterator[Room]:
    room = build(desk, theme="light")
    room.shell.resize(1280, 800)
    room.shell.show()
    room.shell.show_page("members")
    try:
        yield room
    finally:
        room.close()
        room.shell.close()


def _changes(app: QApplication, writes: Room, watch: _Painted, word: str) -> list[float]:
    taken = []
    for number in range(CHANGES):
        city = f"{word} {number}"
        watch.wait_for(city)
        begun: list[float] = []

        def saved(what: Saved, begun: list[float] = begun) -> None:
            begun.append(time.perf_counter())
            writes.changes.tell(what.changed)  # as the form does

        writes.lanes.write(lambda city=city: change_member(writes.desk, watch.member, city=city), saved, _fail)
        until(app, lambda: watch.seen > 0, f"“{city}” to be painted")
        taken.append((watch.seen - begun[0]) * 1000)
        let_pass(app, APART_MS[number % 2])
    return taken


class _Painted(QObject):
    """Notices when the first row of the list has been painted with a city."""

    def __init__(self, app: QApplication, room: Room) -> None:
        super().__init__()
        page: Any = room.shell.page("members")
        assert isinstance(page, MembersPage)
        self._page, self._city, self.seen = page, "", 0.0
        until(app, lambda: page._counted, "the list")
        self.member = str(page.table_model.id_at(0))
        page.list.viewport().installEventFilter(self)

    def wait_for(self, city: str) -> None:
        self._city, self.seen = city, 0.0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and not self.seen and _city(self._page) == self._city:
            self.seen = time.perf_counter()
        return False


def _city(page: MembersPage) -> object:
    return page.table_model.index(0, 2).data()
