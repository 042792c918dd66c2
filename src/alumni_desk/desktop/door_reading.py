"""What the door reads: its list, made once and kept up with what changes, and what is asked of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from PySide6.QtCore import QObject, Signal

from alumni_desk.checkin.lists import DoorHits, DoorList, Headcount, local_time
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.dates import parse_wall
from alumni_desk.desktop.door_column import ColumnData
from alumni_desk.desktop.door_network import waiting_changes
from alumni_desk.desktop.door_words import brings_words
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed

_TABLES = frozenset({"gathering", "person", "registration", "fact"})


class Reading(QObject):
    """Keeps the list of one door. ``read(ColumnData)`` each time it is up to date again; ``failed(error)`` when it cannot be read."""

    read = Signal(object)
    failed = Signal(object)

    def __init__(self, desk: Desk, lanes: Lanes, gathering_id: str, station: str, parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._lanes, self._gathering, self._station = desk, lanes, gathering_id, station
        self.door: DoorList | None = None
        self.column: ColumnData | None = None
        self.busy = self._over = False
        self._due: Changed | None = Changed({})

    def the_list(self) -> DoorList:
        """The list of the door, made on the reading lane at first need."""
        if self.door is None:
            self.door = DoorList(self._desk, self._gathering)
        return self.door

    def count(self) -> Headcount | None:
        """How many are here, as far as it was read."""
        return self.column.count if self.column is not None else None

    def waiting(self) -> int:
        """How many changes of this laptop the server has not got yet."""
        return self.column.waiting if self.column is not None else 0

    def zone(self) -> str | None:
        """The gathering's time zone."""
        return self.door.gathering.zone if self.door is not None else None

    def now(self) -> datetime:
        """What the clocks at the gathering say."""
        return local_time(self._desk.now().isoformat(), self.zone()) or self._desk.now()

    def utc_now(self) -> datetime:
        """The time, as the server corrected this computer's clock."""
        return self._desk.now()

    def on_changed(self, changed: Changed) -> None:
        """Something was saved, here or by others."""
        if not changed.tables or _TABLES & changed.tables.keys():
            self._due = changed if self._due is None else (Changed({}) if not (changed.tables and self._due.tables) else self._due | changed)
            self.refresh()

    def refresh(self) -> None:
        """Read what changed on the reading lane; changes that come meanwhile are read afterwards, together."""
        if self.busy or self._over or self._due is None:
            return
        due, self._due, self.busy = self._due, None, True

        def read() -> ColumnData:
            fresh = self.door is None
            door = self.the_list()
            if not fresh:
                door.refresh(due if due.tables else None)
            gathering = door.gathering
            return ColumnData(door.headcount(), door.arrivals(), door.stations(), door.last_in(), self.now(),
                              parse_wall(gathering.starts), self._station, waiting_changes(self._desk))  # fmt: skip

        self._lanes.read(read, self._on_read, self._on_failed)

    def forget(self) -> None:
        """Keep nothing of the list, and read it no more."""
        self._over = True
        self.door = self.column = None

    def begin_anew(self) -> None:
        """Read the list as at the beginning."""
        self._over, self._due = False, Changed({})
        self.refresh()

    def _on_read(self, data: ColumnData) -> None:
        self.busy = False
        if self._over:
            self.door = None
            return
        self.column = data
        self.read.emit(data)
        self.refresh()

    def _on_failed(self, error: KnownError) -> None:
        self.busy = False
        self._due = Changed({})
        if not self._over:
            self.failed.emit(error)


def look_up(door: DoorList, text: str) -> tuple[DoorHits, dict[str, str]]:
    """Who is meant by what was typed, and whom each of them brings along."""
    found = door.find(text)
    parties = door.parties()
    brings = {hit.key: brings_words([guest.name for guest in parties.get(hit.registration, ())])
              for hit in found.hits if hit.registration and not hit.here}  # fmt: skip
    return found, brings


def find_match(door: DoorList, text: str) -> DoorHits:
    """Who may be meant, also when a name is written in one word or in parts (Al-Amin, Alamin)."""
    found = door.find(text, 8)
    joined = "".join(c for c in text if c.isalnum() or c.isspace() or not c.isascii())
    if not found.hits and joined != text:
        found = replace(door.find(joined, 8), text=text)
    return found
