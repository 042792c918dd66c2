"""The PIN that leads out of check-in: the screen is in front of guests. The chapter's password does too, for a PIN that was forgotten."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import FormRow, Label
from alumni_desk.desktop.door_scan import Scans
from alumni_desk.desktop.sheet import PlainSheet, Sheet
from alumni_desk.desktop.unlock import PasswordField, SecretEntry, eyes_last, still_empty
from alumni_desk.errors import BadInput, KnownError
from alumni_desk.protocol.codes import read_badge_code
from alumni_desk.store import keys, pin
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

DOOR_PIN = "door_pin"
DIGITS = (4, 12)


class PinSheet(PlainSheet):
    """Asks for the PIN or the chapter's password. ``accepted`` if it is right. ``scans`` catches badges here, too, also while a try waits;
    ``scanned(code)`` for one that was pasted or typed. ``closing``: the whole program is to close, and check-in with it.
    """

    is_form = False
    scanned = Signal(str)

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, kept: str, scans: Scans, *, closing: bool = False) -> None:
        super().__init__(parent, _("Close Alumni Desk?") if closing else _("Leave check-in"), width=440)
        self._desk, self._lanes, self._kept = desk, lanes, kept
        if closing:
            self.names_nobody = True  # and a locked window may be closed, too
            self.column.addWidget(Label(_("Check-in is open, and closes with it. That needs its PIN."), wrap=True))
        self.entry = SecretEntry(_("Close") if closing else _("Leave"))
        self.entry.label.setText(_("PIN"))
        self.entry.password.setAccessibleName(_("PIN"))
        self.entry.other.hide()
        self.entry.given.connect(self._try)
        self.entry.password.textChanged.connect(self._look_for_badge)
        self.column.addWidget(self.entry)
        self.column.addWidget(Label(_("Forgotten? The chapter’s password or the recovery key does it too."), "small", "muted", wrap=True))
        for part in self.findChildren(QWidget):
            if part.focusPolicy() != Qt.FocusPolicy.NoFocus:
                part.installEventFilter(scans)
        self.entry.password.setFocus()

    def _try(self, typed: str) -> None:
        self.entry.set_busy(_("Looking …"))
        self._lanes.work(lambda: self._check(typed), lambda done: self.accept(), self._refused)

    def _check(self, typed: str) -> None:
        if pin.fits(self._kept, typed):
            return
        try:
            keys.opens(self._desk.profile.path, "desk", self._desk.key, typed)
        except KnownError:
            raise BadInput("pin_wrong", _("That is neither the PIN nor the chapter’s password.")) from None

    def _refused(self, error: KnownError) -> None:
        self.entry.complain(str(error))

    def _look_for_badge(self, text: str) -> None:
        code = read_badge_code(text)
        if code is not None:
            self.entry.password.clear()
            self.scanned.emit(code)


class NewPinSheet(Sheet):
    """A new PIN, typed twice; empty removes it. ``kept`` when it is kept."""

    kept = Signal(bool)

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes) -> None:
        super().__init__(parent, _("PIN for check-in"), _("Keep it"), width=440)
        self._desk, self._lanes = desk, lanes
        self.first, self.again = PasswordField(_("PIN")), PasswordField(_("The same again"))
        self.column.addWidget(FormRow(_("PIN"), self.first, _("Four digits or more. Asked when somebody leaves check-in. Empty: none is asked.")))
        self.column.addWidget(FormRow(_("The same again"), self.again))
        self.done_clicked.connect(self._keep)
        eyes_last(self.done_button, self.first, self.again)
        self.first.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        following = still_empty(self.first, self.again) if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) else None
        if following is not None:
            following.setFocus()
        else:
            super().keyPressEvent(event)

    def _keep(self) -> None:
        typed = self.first.text().strip()
        if typed and not (typed.isdecimal() and DIGITS[0] <= len(typed) <= DIGITS[1]):
            self.tell(_("Four to twelve digits, please."), "danger")
        elif typed != self.again.text().strip():
            self.tell(_("The two are not the same."), "danger")
        else:
            self.set_busy(_("One moment …"))
            self._lanes.write(lambda: self._desk.set_setting(DOOR_PIN, pin.made(typed) if typed else None), lambda done: self._done(bool(typed)),
                              self.complain)  # fmt: skip

    def _done(self, there: bool) -> None:
        self.accept()
        self.kept.emit(there)
