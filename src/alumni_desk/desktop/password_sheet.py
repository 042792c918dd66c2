"""A dialog that asks for a password."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import FormRow
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.unlock import PasswordField, eyes_last, password_faults, still_empty
from alumni_desk.errors import KnownError
from alumni_desk.store import keys
from alumni_desk.store.backup import former_words
from alumni_desk.store.desk import Desk
from alumni_desk.words import _


class PasswordSheet(Sheet):
    """A password, typed twice when it is a new one; ``present``: the one of now is asked for as well."""

    def __init__(self, parent: QWidget, title: str, done: str, note: str, *, choose: bool = True, present: bool = False) -> None:
        super().__init__(parent, title, done)
        self._choose = choose
        self.present = PasswordField(_("Present password"))
        self.typed_present = ""
        self.present.textEdited.connect(lambda text: self.present.set_wrong(False))
        if present:
            self.column.addWidget(FormRow(_("Present password"), self.present, _("Or the recovery key, if the password is forgotten.")))
        self.password = PasswordField(_("Password"))
        self.column.addWidget(FormRow(_("New password") if present else _("Password"), self.password, note))
        self.again = PasswordField(_("The same again"))
        if choose:
            self.column.addWidget(FormRow(_("The same again"), self.again))
        self._fields = [self.present] * present + [self.password] + [self.again] * choose
        eyes_last(self.done_button, *self._fields)
        self._fields[0].setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        following = still_empty(*self._fields) if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) else None
        if following is not None:
            following.setFocus()
        else:
            super().keyPressEvent(event)

    def run(self, lanes: Lanes, work: Callable[[str], object], then: Callable[..., None]) -> None:
        """Check what was typed, do the work, close, and say so."""
        typed = self.password.text()
        self.typed_present = self.present.text()
        fault = password_faults(typed, self.again.text()) if self._choose else ""
        if fault:
            self.tell(fault, "danger")
            return
        self.set_busy(_("One moment …"))

        def done(result: object) -> None:
            self.accept()
            then(result)

        lanes.work(lambda: work(typed), done, self.failed)

    def failed(self, error: KnownError) -> None:
        """Say why not; it can be tried again. A present password that is wrong is chosen, so that typing replaces it."""
        self.complain(error)
        if self.typed_present and error.code in ("passphrase_wrong", "recovery_wrong", "recovery_typo"):
            self.present.set_wrong(True)
            self.present.selectAll()
            self.present.setFocus()


def choose_password(parent: QWidget, desk: Desk, lanes: Lanes, said: Callable[[str], None], note: str, *, present: bool = False,
                    known: str | None = None) -> None:  # fmt: skip
    """Ask for the password that opens this desk from now on; Cancel leaves the one of now. ``present``: that one, or the recovery key, is asked for first;
    ``known``: what opened it just now."""
    sheet = PasswordSheet(parent, _("Choose the chapter’s password"), _("Lock with it"), note, present=present)

    def work(typed: str) -> bool | None:
        folder, opened = desk.profile.path, known or sheet.typed_present
        if opened:
            keys.opens(folder, "desk", desk.key, opened)
        keys.keep_under(folder, "desk", desk.key, typed)
        return keys.follow(folder, "server", opened or None, lambda where, name, key: keys.keep_under(where, name, key, typed))

    def done(server: bool | None) -> None:
        words = [_("The new password locks this desk from now on.")]
        if server is False:
            words.append(_("The server’s database on this laptop has another password, and keeps it."))
        told = " ".join(words)
        said(told)
        # When it is known; a folder of backups may be on a disk that takes long to answer.
        lanes.read_long(lambda job: former_words(desk.profile, desk.key), lambda former: said(f"{told} {former}") if former else None)

    sheet.done_clicked.connect(lambda: sheet.run(lanes, work, done))
    sheet.open()
