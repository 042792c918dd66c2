"""Leaving the door: at once, or with the PIN, so that a guest at the laptop gets no further. What is half typed is asked about first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.door_pin import DOOR_PIN, PinSheet
from alumni_desk.desktop.door_scan import Scans
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.desktop.door_half_typed import HalfTypedSheet


class Leaving(QObject):
    """``left`` when somebody may leave; ``stays`` when the PIN is asked for no longer; ``goes_on`` with what is half typed; ``scanned(code)`` for a badge in
    the PIN's line. ``half_typed()``: what walk-ins are called that nobody has saved; ``over()``: whether this laptop's time here is.
    """

    left = Signal()
    stays = Signal()
    goes_on = Signal()
    scanned = Signal(str)

    def __init__(self, door: QWidget, desk: Desk, lanes: Lanes, scans: Scans, half_typed: Callable[[], list[str]],
                 over: Callable[[], bool]) -> None:  # fmt: skip
        super().__init__(door)
        self._door, self._desk, self._lanes, self._scans = door, desk, lanes, scans
        self._half_typed, self._over = half_typed, over
        self.sheet: PinSheet | None = None
        self.question: HalfTypedSheet | None = None
        self.pin: str | None = None
        """What is kept of the PIN, as it was last read."""
        self.free = False
        self.read_pin()

    def read_pin(self) -> None:
        """It may be another one by now."""
        self._lanes.read(lambda: self._desk.setting(DOOR_PIN), self._set_pin)

    def _set_pin(self, kept: str | None) -> None:
        self.pin = kept

    def ask(self) -> None:
        """Somebody wants to leave."""
        if self.question is not None:
            return
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
        """Ask no longer."""
        if self.sheet is not None:
            self.sheet.reject()
        if self.question is not None:
            self.question.stays.disconnect()
            self.question.reject()

    def _closed(self) -> None:
        self.sheet = None
        if self.question is None:
            self.stays.emit()

    def _go(self) -> None:
        names = self._half_typed()
        if not names:
            self._leave()
        elif self.question is None:
            from alumni_desk.desktop.door_half_typed import HalfTypedSheet

            self.question = HalfTypedSheet(self._door, _("Leave check-in?"), names, self._scans, over=self._over())
            self.question.leaves.connect(self._leave)
            self.question.stays.connect(self.goes_on)
            self.question.finished.connect(lambda result: self._answered())
            self.question.open()

    def _answered(self) -> None:
        self.question = None

    def _leave(self) -> None:
        self.free = True
        self.left.emit()
