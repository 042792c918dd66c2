"""Leaving the door: at once, or with the PIN, so that a guest at the laptop gets no further."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.door_pin import DOOR_PIN, PinSheet
from alumni_desk.desktop.door_scan import Scans
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk


class Leaving(QObject):
    """``left`` when somebody may leave; ``stays`` when the PIN is asked for no longer; ``scanned(code)`` for a badge in its line."""

    left = Signal()
    stays = Signal()
    scanned = Signal(str)

    def __init__(self, door: QWidget, desk: Desk, lanes: Lanes, scans: Scans) -> None:
        super().__init__(door)
        self._door, self._desk, self._lanes, self._scans = door, desk, lanes, scans
        self.sheet: PinSheet | None = None
        self.pin: str | None = None
        """What is kept of the PIN, as it was last read."""
        self.free = False
        lanes.read(lambda: desk.setting(DOOR_PIN), self._set_pin)

    def _set_pin(self, kept: str | None) -> None:
        self.pin = kept

    def ask(self) -> None:
        """Somebody wants to leave."""
        self._lanes.read(lambda: self._desk.setting(DOOR_PIN), self._leave_with, self._leave_unread)

    def _leave_unread(self, error: KnownError) -> None:
        """The PIN cannot be read any more: the one that was known, so that nobody is shut in here, away from the backups."""
        self._leave_with(self.pin)

    def _leave_with(self, kept: str | None) -> None:
        self.pin = kept
        if not kept:
            self._go()
        elif self.sheet is None:
            self.sheet = PinSheet(self._door, self._desk, self._lanes, kept, self._scans)
            self.sheet.accepted.connect(self._go)
            self.sheet.scanned.connect(self.scanned)
            self.sheet.finished.connect(lambda result: self._closed())
            self.sheet.open()

    def stop(self) -> None:
        """Ask for the PIN no longer."""
        if self.sheet is not None:
            self.sheet.reject()

    def _closed(self) -> None:
        self.sheet = None
        self.stays.emit()

    def _go(self) -> None:
        self.free = True
        self.left.emit()
