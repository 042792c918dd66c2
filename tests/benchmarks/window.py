"""From a key pressed in the member list of 100,000 to the list painted with the new answer, in the real window; and the first look at every page."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random

import harness
from harness import SEED, TODAY, Row, at_most, big_chapter, median_of, no_collector, percentile
from PySide6.QtCore import QAbstractEventDispatcher, QEvent, QEventLoop, QObject, Qt, QTimer
from PySide6.QtGui import QWindow
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from alumni_desk.desktop.app import Room, build
from alumni_desk.desktop.members_page import MembersPage
from alumni_desk.store.desk import Desk
from alumni_desk.store.search import fold

FRAME_MS = 16
NAMES = 12
"""So many names are typed in a round, up to eight letters each."""
PATIENCE_S = 20
WORST = 10
PAUSE_MS = (122, 150)
"""From one key to the next of somebody who thinks: the rest of a list begins to come after 120."""
STEPS, REPEAT_MS = 100, 33
VISIT_MS = 300


def measure(folder: Path) -> list[Row]:
    """The lines of the window."""
    app = QApplication.instance() or QApplication(["bench", "-platform", "offscreen"])
    assert isinstance(app, QApplication)
    with big_chapter(folder) as desk:
        with desk.reading() as connection:
            names = [fold(row[0]) for row in connection.exec_driver_sql("SELECT last_name FROM person WHERE length(last_name) > 3 ORDER BY id")]
            names = [name for name in names if name.isascii() and name.isalpha()]
        pages = _pages(app, desk)
        room = build(desk, theme="light", today=lambda: TODAY)
        room.shell.resize(1280, 800)
        room.shell.show()
        room.shell.show_page("members")
        try:
            return [*pages, *_typed(app, room, names)]
        finally:
            room.close()
            room.shell.close()


def _pages(app: QApplication, desk: Desk) -> list[Row]:
    """Every page is built while nobody types, then visited for the first time."""
    gc.collect()
    gc.freeze()  # as the program does when its first page stands; what this bench made before is not the window's
    room = build(desk, theme="light", today=lambda: TODAY)
    room.shell.resize(1280, 800)
    try:
        stands: list[bool] = []
        room.stands.connect(lambda: stands.append(True))
        room.shell.show()
        until(app, lambda: bool(stands), "the first page")
        with _computing() as ahead:
            until(app, lambda: room.shell.next_to_build() is None and room.shell.next_part() is None, "all pages")
        visits: dict[str, float] = {}
        for name in room.shell.plan:
            with _computing() as times:
                QTimer.singleShot(0, partial(room.shell.show_page, name))
                let_pass(app, VISIT_MS)
                until(app, room.lanes.idle, name)
            visits[name] = max(times, default=0.0)
    finally:
        room.close()
        room.shell.close()
    each = ", ".join(f"{name} {took:.1f}" for name, took in sorted(visits.items(), key=lambda one: -one[1]))
    return [at_most("pages built while nobody types: window computes at a stretch, longest", "one frame", max(ahead), FRAME_MS, "ms",
                    f"{len(ahead)} stretches, p99 {percentile(ahead, 0.99):.1f} ms"),
            at_most("first visit of a page: window computes at a stretch, longest", "one frame", max(visits.values()), FRAME_MS, "ms", each)]


@contextmanager
def _computing() -> Iterator[list[float]]:
    """Milliseconds that the window's thread computes between two waits; what else the computer does is not in it."""
    times: list[float] = []
    begun = time.thread_time()

    def waits() -> None:
        nonlocal begun
        now = time.thread_time()
        times.append((now - begun) * 1000)
        begun = now

    dispatcher = QAbstractEventDispatcher.instance()
    dispatcher.aboutToBlock.connect(waits, Qt.ConnectionType.DirectConnection)
    try:
        yield times
    finally:
        dispatcher.aboutToBlock.disconnect(waits)


def _typed(app: QApplication, room: Room, names: Sequence[str]) -> list[Row]:
    page = room.shell.page("members")
    assert isinstance(page, MembersPage)
    watch = _Painted(page)
    busy = _Busy(app)
    chance = Random(SEED)
    until(app, lambda: page._counted, "the whole list")
    page._to_find()
    rounds: list[list[float]] = []
    computing: list[float] = []
    blocked: list[list[float]] = []
    for _turn in range(harness.ROUNDS):
        keys: list[float] = []
        with no_collector(), busy.counting() as times:
            for _name in range(NAMES):
                for letter in chance.choice(names)[:8]:
                    begun = time.process_time()
                    keys.append(_press(app, page, watch, letter))
                    computing.append((time.process_time() - begun) * 1000)
                # Somebody reads: the rest and the number of all who fit come.
                until(app, room.lanes.idle, "the rest")
                until(app, lambda: page._counted, "the rest")
                page.search.clear()
                until(app, lambda: page._counted and not page._asked, "everybody")
        rounds.append(keys)
        blocked.append(times)
    pausing = _pausing(app, page, watch, [chance.choice(names)[:8] for _name in range(NAMES * 2)], chance)
    with busy.counting() as walking:
        _walk(app, room, page)
    note = (f"{_spread(rounds)} of {sum(map(len, rounds))} keys; "
            f"all threads compute {percentile(computing, 0.5):.1f} ms for one (p99 {percentile(computing, 0.99):.1f})")
    worst = ", ".join(f"{took:.1f} {cause}" for took, cause in busy.worst)
    return [at_most("key to repainted list, p99", "one frame", median_of(rounds, 0.99), FRAME_MS, "ms", note),
            at_most("the same while the rest of a list is read, p99", "one frame", percentile(pausing, 0.99), FRAME_MS, "ms",
                    f"{_spread([pausing])} of {len(pausing)} keys, {PAUSE_MS[0]} to {PAUSE_MS[1]} ms apart"),
            at_most("window busy at a stretch, p99.9", "one frame", median_of(blocked, 0.999), FRAME_MS, "ms",
                    f"{_spread(blocked)}, longest {max(map(max, blocked)):.1f} ms, the rest of every list coming in included; the worst of it all: {worst}"),
            at_most("window busy while Down is held, p99", "one frame", percentile(walking, 0.99), FRAME_MS, "ms", _spread([walking]))]


def _spread(rounds: Sequence[Sequence[float]]) -> str:
    every = [one for each in rounds for one in each]
    return ", ".join(f"p{100 * share:g} {percentile(every, share):.1f} ms" for share in (0.5, 0.95, 0.99, 0.999))


def _pausing(app: QApplication, page: MembersPage, watch: _Painted, typed: Sequence[str], chance: Random) -> list[float]:
    """Somebody who types so slowly that the rest of each list has just begun to be looked up when the next key comes."""
    keys: list[float] = []
    for name in typed:
        for letter in name:
            keys.append(_press(app, page, watch, letter))
            let_pass(app, chance.randint(*PAUSE_MS))
        page.search.clear()
        until(app, lambda: page._counted and not page._asked, "everybody")
    return keys


def _walk(app: QApplication, room: Room, page: MembersPage) -> None:
    """Down, held for some seconds: the detail beside the list follows at its end."""
    page._to_list()
    until(app, room.lanes.idle, "the first")
    for _step in range(STEPS):
        QTest.keyPress(page.window().windowHandle(), Qt.Key.Key_Down)
        let_pass(app, REPEAT_MS)
    until(app, lambda: page.panel.shown_for() == page.selected()[0], "the detail of the last")


def let_pass(app: QApplication, milliseconds: int) -> None:
    """Let time pass while the window works."""
    over: list[bool] = []
    QTimer.singleShot(milliseconds, lambda: over.append(True))
    until(app, lambda: bool(over), "time to pass")


def _press(app: QApplication, page: MembersPage, watch: _Painted, letter: str) -> float:
    wanted = page.search.text() + letter
    watch.wait_for(wanted)
    begun = time.perf_counter()
    QTest.keyClick(page.window().windowHandle(), Qt.Key(ord(letter.upper())))  # by the window, as a hand does: it is seen there that somebody types
    until(app, lambda: watch.seen, f"“{wanted}” to be painted")  # asked when Qt has painted and waits again
    return (time.perf_counter() - begun) * 1000


def until(app: QApplication, there: Callable[[], bool], what: str) -> None:
    """Let the window work until something is so; raises TimeoutError with ``what``."""
    end = time.monotonic() + PATIENCE_S
    while not there():
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        if time.monotonic() > end:
            raise TimeoutError(what)


class _Painted(QObject):
    """Notices when the list has been painted with the answer to a text."""

    def __init__(self, page: MembersPage) -> None:
        super().__init__()
        self._page, self._text = page, ""
        self.seen = False
        page.list.viewport().installEventFilter(self)

    def wait_for(self, text: str) -> None:
        self._text, self.seen = text, False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.seen = self.seen or (event.type() == QEvent.Type.Paint and self._page._asked == self._text)
        return False


class _Busy(QObject):
    """How long the window's thread works before it waits again: from the first event that it hears until it has none left.

    What the loop itself says (``awake``) does not tell: some dispatchers handle their events before they say it.
    """

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._times: list[float] | None = None
        self._begun = self._heard = self._longest = 0.0
        self._cause = self._last = ""
        self.worst: list[tuple[float, str]] = []
        app.installEventFilter(self)
        QAbstractEventDispatcher.instance().aboutToBlock.connect(self._waits, Qt.ConnectionType.DirectConnection)

    @contextmanager
    def counting(self) -> Iterator[list[float]]:
        self._times, self._begun = [], 0.0
        yield self._times
        self._times = None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._times is not None:
            if event.type() == QEvent.Type.KeyPress and isinstance(watched, QWindow):
                self._waits()  # the bench presses it as soon as it has seen the last one painted; nobody's hand is there so soon
            now = time.perf_counter()
            if self._begun:
                self._blame(now)
            else:
                self._begun, self._longest = now, 0.0
            self._heard, self._last = now, f"{event.type().name} of {type(watched).__name__}"
        return False

    def _blame(self, now: float) -> None:
        """What lies between two events is the work of the one before."""
        if now - self._heard > self._longest:
            self._longest, self._cause = now - self._heard, self._last

    def _waits(self) -> None:
        if self._times is None or not self._begun:
            return
        now = time.perf_counter()
        self._blame(now)
        took = (now - self._begun) * 1000
        self._times.append(took)
        self.worst = sorted([*self.worst, (took, self._cause)], reverse=True)[:WORST]
        self._begun = 0.0
