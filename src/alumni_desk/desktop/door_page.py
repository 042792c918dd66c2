"""The Check-in page of the window: which gathering, which station, and the way to the door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.checkin.lists import headcount, local_time
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import Button, Choice, Field, FormRow, Label
from alumni_desk.desktop.dates import day_middle, parse_wall, span
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.door import DoorWindow
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.pages import EmptyPage, Go, Page
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sound import Sounds
from alumni_desk.desktop.widgets import Scroll
from alumni_desk.store.at_door import is_at_door
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.engine import Standing


@dataclass(frozen=True)
class Choosable:
    """A gathering whose door may be opened; ``when`` is local wall time."""

    id: str
    name: str
    place: str
    starts: datetime | None
    ends: datetime | None
    over: bool
    cancelled: bool


def choosable(desk: Desk) -> list[Choosable]:
    """Gatherings to choose from: those that run or come, soonest first, then those that are over, newest first. One that is cancelled is none of them, but
    for a door's laptop: it has no other, and guests may come nevertheless."""
    table = desk.tables["gathering"]
    with desk.reading() as connection:
        rows = connection.execute(sa.select(table).where(~table.c.gone)).all()
        at_door = is_at_door(connection)
    coming: list[Choosable] = []
    over: list[Choosable] = []
    for row in rows:
        if row.status == "cancelled" and not at_door:
            continue
        starts, ends = parse_wall(row.starts), parse_wall(row.ends)
        now = local_time(desk.now().isoformat(), row.time_zone)
        if starts is not None and ends is not None and ends < starts:
            ends = None
        end = ends or (starts + timedelta(hours=6) if starts else None)
        # Guests linger and lists are tidied: a gathering stays on top until half a day after its end.
        gone = end is not None and now is not None and end + timedelta(hours=12) < now.replace(tzinfo=None)
        (over if gone else coming).append(Choosable(row.id, row.name or _("Gathering"), row.place or "", starts, ends, gone, row.status == "cancelled"))
    coming.sort(key=lambda g: (g.starts is None, g.starts or datetime.max, g.name))
    over.sort(key=lambda g: (g.starts or datetime.min, g.name), reverse=True)
    return [*coming, *over]


def where_it_stands(desk: Desk) -> Standing:
    """What this laptop may see, and whether it still may."""
    from alumni_desk.sync import engine

    return engine.status(desk)


@dataclass(frozen=True)
class LastTime:
    """What was given at the door last time; the name is else the one in Settings."""

    station: str
    by: str
    device: str


def last_time(desk: Desk) -> LastTime:
    """Read it."""
    return LastTime(desk.setting("door_station") or _("Main door"), desk.setting("door_by") or desk.setting("person_name") or "", desk.device_name)


def keep(desk: Desk, station: str, by: str) -> None:
    """For the next time. Whoever sits at a door's laptop is whose it is, as the leader's list has it."""
    with desk.reading() as connection:
        at_door = is_at_door(connection)
    if by and at_door:
        desk.set_setting("person_name", by)
    desk.set_setting("door_station", station)
    desk.set_setting("door_by", by if by != desk.setting("person_name") else "")


class CheckInPage(Page):
    """Chooses the gathering, the next one at first, and opens its door."""

    name = "checkin"
    icon = "door"
    title = _("Check-in")
    watches = frozenset({"gathering", "registration", "fact"})
    lock_wanted = Signal()
    unlock_wanted = Signal()
    code_typed = Signal(str)
    opened = Signal()  # its door
    left = Signal()  # the door was, by somebody
    look_wanted = Signal()
    sync_wanted = Signal()

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go) -> None:
        super().__init__(desk, lanes, changes, go)
        self.door: DoorWindow | None = None
        self.sounds: Sounds | None = None
        """What the door plays on; its own if None."""
        self._wanted: str | None = None
        self._opens = False
        self._lost = ""
        """What is said while none is chosen, for the one that was is no longer to be checked in for."""
        content = Scroll(margins=(24, 48, 24, 24))
        box = QWidget()
        box.setMaximumWidth(px(560))
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(16))
        column.addWidget(Label(_("Who comes in tonight?"), "number"))
        self.gathering = Choice(_("Gathering"))
        self.gathering.setMinimumWidth(px(200))  # a long name gives way, not the page
        self.gathering.setPlaceholderText(_("Choose a gathering"))
        self.gathering.currentIndexChanged.connect(lambda index: self._say_who())
        column.addWidget(FormRow(_("Gathering"), self.gathering))
        self.when = Label("", tone="muted", wrap=True)
        column.addWidget(self.when)
        self.station = Field(_("Station"))
        self._station_filled = ""
        column.addWidget(FormRow(_("Station"), self.station, _("The name of this door, shown with every check-in")))
        self.by = Field(_("Your name"))
        self._by_filled = ""
        column.addWidget(FormRow(_("Your name"), self.by, _("Kept with every check-in, so that others know whom to ask")))
        self.button = Button(_("Open check-in, full screen"), "primary", "door", height=40)
        self.button.clicked.connect(self.open_chosen)
        column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignLeft)
        # Between stretches, not aligned: an aligned widget is not asked how high its wrapped lines are.
        centred = QHBoxLayout()
        centred.addStretch(1)
        centred.addWidget(box, 1_000)
        centred.addStretch(1)
        content.column.addLayout(centred)
        content.column.addStretch(1)
        self.stack.set_content(content)
        self._found: dict[str, Choosable] = {}

    def deeds(self) -> list[Deed]:
        return [Deed("open", "door", _("Start check-in at the door"), self.open_chosen, can=lambda: self.gathering.key() is not None)]

    def first_focus(self) -> QWidget | None:
        return self.button if self._found else None

    def refresh(self) -> None:
        self.stack.loading(True)
        self.lanes.read(lambda: (choosable(self.desk), where_it_stands(self.desk), last_time(self.desk)), lambda found: self._on_read(*found),
                        self.stack.show_error, key="checkin-page")  # fmt: skip

    def _fill(self, last: LastTime) -> None:
        """Unless somebody has typed something else."""
        self.station.setPlaceholderText(last.device)
        if self.station.text() == self._station_filled:
            self._station_filled = last.station
            self.station.fill(last.station)
        if self.by.text() == self._by_filled:
            self._by_filled = last.by
            self.by.fill(last.by)

    def open(self, **what: Any) -> None:
        """``gathering=id`` opens that gathering's door at once."""
        self._wanted = what.get("gathering")
        self._opens = self._wanted is not None
        self.refresh()

    def _on_read(self, found: list[Choosable], standing: Standing, last: LastTime) -> None:
        self._fill(last)
        before = self._wanted or self.gathering.key()
        if before is not None and before not in {g.id for g in found}:
            self._lost, self._wanted = _is_lost(self._found.get(before)), None
        self._found = {g.id: g for g in found}
        self.gathering.blockSignals(True)
        self.gathering.fill([(one.id, f"{one.name} · {day_middle(one.starts.date()) if one.starts else _('no date yet')}") for one in found])
        # None where one is lost: never another one's door, because a list became shorter under a hand.
        self.gathering.setCurrentIndex(-1 if self._lost else 0)
        if before in self._found:
            self.gathering.set_key(before)
        self.gathering.blockSignals(False)
        if standing.role == "door" and (not found or standing.state == "ended"):
            gone = standing.state == "ended"
            words = _("The list of this gathering is not here yet")
            if gone:
                words = _("The list of this gathering is closed") if found else _("The list of this gathering is no longer on this laptop")
            promise = standing.sentence if gone else _("A sync brings it; after that it is here without internet, too")
            self.stack.show_empty(EmptyPage("lock-simple" if gone else "door", words, _("To the sync"), lambda: self.go("sync"), promise))
            return
        if not found:
            self._lost = ""
            self.stack.show_empty(EmptyPage("door", _("There is no gathering to check in for"), _("Plan a gathering"),
                                            lambda: self.go("gatherings", plan=True),
                                            _("Guests are let in at its door, with or without internet")))  # fmt: skip
            return
        self.stack.show_content()
        self._say_who()
        if self._opens and self._wanted in self._found:
            self._opens = False
            self.open_chosen()

    def _say_who(self) -> None:
        chosen = self._found.get(self.gathering.key() or "")
        self.button.setEnabled(chosen is not None)
        if chosen is None:
            self.when.setText(self._lost)
            return
        self._lost = ""
        when = [day_middle(chosen.starts.date()), span(chosen.starts, chosen.ends)] if chosen.starts else []
        cancelled = _("cancelled") if chosen.cancelled else ""
        self.when.setText(" · ".join(part for part in (cancelled, *when, chosen.place) if part))
        self.lanes.read(lambda: headcount(self.desk, chosen.id), lambda count: self._say_count(chosen, count.registered, count.present),
                        key="checkin-count")  # fmt: skip

    def _say_count(self, chosen: Choosable, registered: int, present: int) -> None:
        if self.gathering.key() != chosen.id:
            return
        when = [day_middle(chosen.starts.date()), span(chosen.starts, chosen.ends)] if chosen.starts else []
        guests = ngettext("{n} guest on the list", "{n} guests on the list", registered).format(n=number(registered))
        here = _("{n} here now").format(n=number(present)) if present else ""
        over = _("over") if chosen.over else ""
        cancelled = _("cancelled") if chosen.cancelled else ""
        self.when.setText(" · ".join(part for part in (cancelled, *when, chosen.place, guests, here, over) if part))

    def open_chosen(self) -> None:
        """Open the door of the chosen gathering."""
        gathering = self.gathering.key()
        if gathering is None:
            return
        if self.door is not None:
            self.door.activateWindow()
            return
        station, by = self.station.text().strip() or _("Main door"), self.by.text().strip()
        self.lanes.write(lambda: keep(self.desk, station, by))
        self._wanted = None
        self.door = open_door(self.desk, self.lanes, self.changes, gathering, station=station, by=by, sounds=self.sounds)
        self.door.left.connect(self._left)
        self.door.look_wanted.connect(self.look_wanted)
        self.door.sync_wanted.connect(self.sync_wanted)
        self.door.lock_wanted.connect(self.lock_wanted)
        self.door.unlock_wanted.connect(self.unlock_wanted)
        self.door.code_typed.connect(self.code_typed)
        self.opened.emit()

    def close_door(self) -> None:
        """The program's window closes: its door, a window of its own, would stay and save nothing any more."""
        door, self.door = self.door, None
        if door is not None:
            door.left.disconnect(self._left)
            door.close()

    def _left(self) -> None:
        self.door = None
        self.refresh()
        self.left.emit()


def _is_lost(it: Choosable | None) -> str:
    if it is None:
        return _("That gathering was cancelled or removed. Choose the one to check in for.")
    return _("{gathering} was cancelled or removed. Choose the one to check in for.").format(gathering=isolated(it.name))


def open_door(desk: Desk, lanes: Lanes, changes: ChangeBus, gathering_id: str, *, station: str, by: str = "",
              sounds: Sounds | None = None) -> DoorWindow:  # fmt: skip
    """Open the door of a gathering full screen."""
    window = DoorWindow(desk, lanes, changes, gathering_id, station=station, by=by, sounds=sounds)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    screen = QApplication.primaryScreen()
    if screen is not None:
        window.resize(screen.availableSize())
    window.showFullScreen()
    return window
