"""Closing the window while changes wait: a sync is tried; where none can send them, it is said how many wait and that they are safe."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.store.desk import Desk

if TYPE_CHECKING:
    from alumni_desk.desktop.quitting_sheets import SendingSheet, WaitingSheet


class Quitting(QObject):
    """``may_close`` is what the window asks. ``free``: somebody has decided, or the program closes the window itself."""

    def __init__(self, window: QWidget, desk: Desk, lanes: Lanes, bridge: SyncBridge, say: Callable[[str], None]) -> None:
        super().__init__(window)
        self._window, self._desk, self._lanes, self._bridge, self._say = window, desk, lanes, bridge, say
        self.free = self._sends = False
        self.sheet: SendingSheet | WaitingSheet | None = None
        bridge.ended.connect(lambda result: self._tried())
        bridge.failed.connect(lambda error: self._tried())

    def may_close(self) -> bool:
        """Whether the window may close at once; if not, it is tried to send, or asked, and then the window is closed."""
        if self.free or not self._bridge.joined or not self._bridge.waiting or _logging_out():
            return True
        if self.sheet is None:
            from alumni_desk.desktop.quitting_sheets import SendingSheet

            sheet = self.sheet = SendingSheet(self._window, self._bridge.waiting)
            sheet.late.connect(self._ask)
            sheet.stays.connect(self._stay)
            sheet.open()
            self._sends = True
            self._bridge.sync_now()
        else:
            self.sheet.raise_()
        return False

    def _tried(self) -> None:
        if self._sends:
            self._lanes.read(self._waiting, self._looked)

    def _waiting(self) -> int:
        from alumni_desk.sync import engine

        return engine.status(self._desk).waiting

    def _looked(self, waiting: int) -> None:
        if self._sends:
            if waiting:
                self._ask(waiting)
            else:
                self._quit()

    def _ask(self, waiting: int = 0) -> None:
        from alumni_desk.desktop.quitting_sheets import WaitingSheet

        before, self.sheet, self._sends = self.sheet, None, False
        if before is not None:
            before.accept()
        self._bridge.cancel()
        sheet = self.sheet = WaitingSheet(self._window, waiting or self._bridge.waiting)
        sheet.quits.connect(self._quit)
        sheet.saves.connect(lambda: self._save(sheet))
        sheet.stays.connect(self._stay)
        sheet.open()

    def _save(self, sheet: WaitingSheet) -> None:
        from alumni_desk.desktop.carrying import ask_transfer_place, save_transfer

        place = ask_transfer_place(sheet)
        if place is not None:
            sheet.saving()
            save_transfer(self._desk, self._lanes, place, lambda words: self._saved(sheet, words), lambda error: self._saved(sheet, str(error)))

    def _saved(self, sheet: WaitingSheet, words: str) -> None:
        if self.sheet is sheet:
            sheet.saved(words)
        else:
            self._say(words)

    def _stay(self) -> None:
        self.sheet, self._sends = None, False

    def _quit(self) -> None:
        self.free = True
        if self.sheet is not None:
            sheet, self.sheet = self.sheet, None
            sheet.stays.disconnect()
            sheet.accept()
        # Not inside the answer that led here.
        QTimer.singleShot(0, self._window, self._window.close)


def _logging_out() -> bool:
    """Whether the whole session ends: then nobody is asked, for everything is saved."""
    app = QApplication.instance()
    return isinstance(app, QGuiApplication) and app.isSavingSession()
