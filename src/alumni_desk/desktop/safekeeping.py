"""Backup, restore and password from the window: what is asked, then the work off the screen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from PySide6.QtWidgets import QLineEdit, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Field, FormRow
from alumni_desk.desktop.settings_page import ask_backup_file, ask_backup_place
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.errors import KnownError
from alumni_desk.store import backup, keys
from alumni_desk.store.desk import Desk
from alumni_desk.sync import restoring
from alumni_desk.words import _, ngettext, number

LETTERS = 10

Say = Callable[[str], None]


def back_up_now(window: QWidget, desk: Desk, lanes: Lanes, say: Say) -> None:
    """Ask where to (and, if the computer keeps the key, for a password that opens the copy), write it, and say what is in it."""
    place = ask_backup_place(window, Path.home() / f"alumni-desk-{date.today().isoformat()}.alumnidesk")
    if place is None:
        return
    if desk.kept_by == "passphrase":
        lanes.send(lambda: backup.back_up(desk, place), lambda held: say(_held(held, place)))
        return
    sheet = PasswordSheet(window, _("Back up everything"), _("Back up"), _("The copy opens on another laptop with this password."))
    sheet.done_clicked.connect(lambda: sheet.run(lanes, lambda typed: backup.back_up(desk, place, passphrase=typed), lambda held: say(_held(held, place))))
    sheet.show()


def change_password(window: QWidget, desk: Desk, lanes: Lanes, say: Say) -> None:
    """Choose the password that opens this desk."""
    sheet = PasswordSheet(window, _("Choose the chapter's password"), _("Lock with it"), _("From now on this password opens the members on this laptop."))
    sheet.done_clicked.connect(lambda: sheet.run(
        lanes, lambda typed: keys.keep_anew(desk.profile.path, "desk", desk.key, typed), lambda kept: say(_("The new password locks this desk from now on."))))
    sheet.show()


def ask_restore(window: QWidget, desk: Desk, lanes: Lanes, restored: Callable[[Path, str], None]) -> None:
    """Ask for a backup and its password, show what it holds, and hand both on once the user says yes."""
    file = ask_backup_file(window, Path.home())
    if file is None:
        return
    sheet = PasswordSheet(window, _("Restore a backup"), _("Look inside"), _("The password that was given when the copy was made."), choose=False)
    seen: list[str] = []

    def looked(held: backup.Held) -> None:
        when = held.made_at[:16].replace("T", " ")
        sheet.tell(_("It holds {what}, as of {when} UTC. What is here now is kept beside it.").format(what=_what(held), when=when))
        sheet.done_button.set_words(_("Restore it"))

    def go() -> None:
        typed = sheet.password.text()
        if seen and seen[0] == typed:
            sheet.accept()
            restored(file, typed)
            return
        seen[:] = [typed]
        sheet.set_busy(_("Looking …"))
        lanes.send(lambda: restoring.restore(desk.profile, file, passphrase=typed, dry_run=True).held, looked, sheet.failed)

    sheet.done_clicked.connect(go)
    sheet.show()


def _held(held: backup.Held, place: Path) -> str:
    return _("Backed up to {file}: {what}.").format(file=place.name, what=_what(held))


def _what(held: backup.Held) -> str:
    members = ngettext("{n} member", "{n} members", held.members).format(n=number(held.members))
    gatherings = ngettext("{n} gathering", "{n} gatherings", held.gatherings).format(n=number(held.gatherings))
    return f"{members}, {gatherings}"


class PasswordSheet(Sheet):
    """A password, typed twice when it is a new one."""

    def __init__(self, parent: QWidget, title: str, done: str, note: str, *, choose: bool = True) -> None:
        super().__init__(parent, title, done)
        self._choose = choose
        self.password = Field(_("Password"), height=40)
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.column.addWidget(FormRow(_("Password"), self.password, note))
        self.again = Field(_("The same again"), height=40)
        self.again.setEchoMode(QLineEdit.EchoMode.Password)
        if choose:
            self.column.addWidget(FormRow(_("The same again"), self.again))
        self.password.setFocus()

    def run(self, lanes: Lanes, work: Callable[[str], object], then: Callable[..., None]) -> None:
        """Check what was typed, do the work, close, and say so."""
        typed = self.password.text()
        if self._choose and len(typed) < LETTERS:
            self.tell(_("Ten letters or more, please: three words you will remember do well."), "danger")
        elif self._choose and typed != self.again.text():
            self.tell(_("The two are not the same."), "danger")
        else:
            self.set_busy(_("One moment …"))

            def done(result: object) -> None:
                self.accept()
                then(result)

            lanes.send(lambda: work(typed), done, self.failed)

    def failed(self, error: KnownError) -> None:
        """Say why not; it can be tried again."""
        self.complain(error)
