"""Closing the window while changes wait: a sync is tried; where none can send them, it is said how many wait and that they are safe."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QHBoxLayout, QProgressBar, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.carrying import ask_transfer_place, save_transfer
from alumni_desk.desktop.controls import Button, Label
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

TRY_MS = 5_000
"""How long a sync is tried before the window closes."""


class Quitting(QObject):
    """``may_close`` is what the window asks. ``free``: somebody has decided, or the program closes the window itself."""

    def __init__(self, window: QWidget, desk: Desk, lanes: Lanes, bridge: SyncBridge) -> None:
        super().__init__(window)
        self._window, self._desk, self._lanes, self._bridge = window, desk, lanes, bridge
        self.free = False
        self.sheet: SendingSheet | WaitingSheet | None = None
        bridge.ended.connect(lambda result: self._tried())
        bridge.failed.connect(lambda error: self._tried())

    def may_close(self) -> bool:
        """Whether the window may close at once; if not, it is tried to send, or asked, and then the window is closed."""
        if self.free or not self._bridge.joined or not self._bridge.waiting or _logging_out():
            return True
        if self.sheet is None:
            self.sheet = SendingSheet(self._window, self._bridge.waiting)
            self.sheet.late.connect(self._ask)
            self.sheet.stays.connect(self._stay)
            self.sheet.open()
            self._bridge.sync_now()
        else:
            self.sheet.raise_()
        return False

    def _tried(self) -> None:
        if isinstance(self.sheet, SendingSheet):
            self._lanes.read(self._waiting, self._looked)

    def _waiting(self) -> int:
        from alumni_desk.sync import engine

        return engine.status(self._desk).waiting

    def _looked(self, waiting: int) -> None:
        if isinstance(self.sheet, SendingSheet):
            if waiting:
                self._ask(waiting)
            else:
                self._quit()

    def _ask(self, waiting: int = 0) -> None:
        before, self.sheet = self.sheet, None
        if before is not None:
            before.accept()
        self._bridge.cancel()
        sheet = self.sheet = WaitingSheet(self._window, waiting or self._bridge.waiting)
        sheet.quits.connect(self._quit)
        sheet.saves.connect(self._save)
        sheet.stays.connect(self._stay)
        sheet.open()

    def _save(self) -> None:
        sheet = self.sheet
        if not isinstance(sheet, WaitingSheet):
            return
        place = ask_transfer_place(sheet)
        if place is not None:
            save_transfer(self._desk, self._lanes, place, sheet.saved, lambda error: sheet.saved(str(error)))

    def _stay(self) -> None:
        self.sheet = None

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


class SendingSheet(PlainSheet):
    """What waits is being sent. ``late``: it has taken too long; ``stays``: the person would rather not close."""

    late = Signal()
    stays = Signal()

    def __init__(self, parent: QWidget, waiting: int) -> None:
        super().__init__(parent, _("Before the window closes"), width=480)
        words = ngettext("{n} change is being sent …", "{n} changes are being sent …", waiting).format(n=number(waiting))
        self.column.addWidget(Label(words, wrap=True))
        bar = QProgressBar()
        bar.setAccessibleName(words)
        bar.setTextVisible(False)
        bar.setRange(0, 0)
        self.column.addWidget(bar)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.addStretch(1)
        self.stay, self.skip = Button(_("Stay")), Button(_("Do not wait"))
        self.stay.clicked.connect(self.reject)
        self.skip.clicked.connect(self.late)
        for button in (self.stay, self.skip):
            row.addWidget(button)
        self.set_foot(foot)
        self.rejected.connect(self.stays)
        self._timer = QTimer(self, interval=TRY_MS, singleShot=True)
        self._timer.timeout.connect(self.late)
        self._timer.start()

    def done(self, result: int) -> None:
        self._timer.stop()
        super().done(result)


class WaitingSheet(PlainSheet):
    """How many wait, that they are safe, and what can be done: ``quits``, ``saves`` (a transfer file) or ``stays``."""

    quits = Signal()
    saves = Signal()
    stays = Signal()

    def __init__(self, parent: QWidget, waiting: int) -> None:
        super().__init__(parent, _("Quit Alumni Desk?"))
        words = ngettext("{n} change could not be sent to the server now.", "{n} changes could not be sent to the server now.", waiting)
        self.column.addWidget(Label(words.format(n=number(waiting)), "strong", wrap=True))
        self.column.addWidget(Label(ngettext("It is safe on this laptop, and goes up by itself when the program is open and the server can be reached.",
                                             "They are safe on this laptop, and go up by themselves when the program is open and the server can be reached.",
                                             waiting), wrap=True))  # fmt: skip
        self.column.addWidget(Label(_("Will this laptop not be opened for a while? A transfer file takes them along: any laptop of the chapter can bring it to "
                                      "the server."), tone="muted", wrap=True))  # fmt: skip
        self.said = Label("", "small", "ok", wrap=True)
        self.said.hide()
        self.column.addWidget(self.said)
        foot = QWidget()
        row = QHBoxLayout(foot)
        self.stay, self.save, self.quit = Button(_("Stay")), Button(_("Save a transfer file"), icon="floppy-disk"), Button(_("Quit"), "primary")
        self.stay.clicked.connect(self.reject)
        self.save.clicked.connect(self.saves)
        self.quit.clicked.connect(self.quits)
        row.addWidget(self.save)
        row.addStretch(1)
        row.addWidget(self.stay)
        row.addWidget(self.quit)
        self.set_foot(foot)
        self.rejected.connect(self.stays)
        self.quit.setFocus()

    def saved(self, sentence: str) -> None:
        """What came of the transfer file."""
        self.said.setText(sentence)
        self.said.show()
