"""Backup and restore from the window: what is asked, then the work off the screen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.password_sheet import PasswordSheet
from alumni_desk.desktop.settings_page import ask_backup_file, ask_backup_place
from alumni_desk.store import backup, keys
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

Say = Callable[[str], None]


def back_up_now(window: QWidget, desk: Desk, lanes: Lanes, say: Say) -> None:
    """Ask where to (and, if the computer keeps the key, for a password that opens the copy), write it, and say what is in it."""
    place = ask_backup_place(window, Path.home() / f"alumni-desk-{date.today().isoformat()}.alumnidesk")
    if place is None:
        return
    if "passphrase" in keys.keepers(desk.profile.path, "desk"):
        lanes.send(lambda: backup.back_up(desk, place), lambda held: say(_held(held, place)))
        return
    sheet = PasswordSheet(window, _("Back up everything"), _("Back up"), _("The copy opens on another laptop with this password."))
    sheet.done_clicked.connect(lambda: sheet.run(lanes, lambda typed: backup.back_up(desk, place, passphrase=typed), lambda held: say(_held(held, place))))
    sheet.show()


def ask_restore(window: QWidget, desk: Desk, lanes: Lanes, restored: Callable[[Path, str], None]) -> None:
    """Ask for a backup and its password, show what it holds, and hand both on once the user says yes."""
    file = ask_backup_file(window, Path.home())
    if file is None:
        return
    sheet = PasswordSheet(window, _("Restore a backup"), _("Look inside"), _("The password that was given when the copy was made, or the recovery key."),
                          choose=False)  # fmt: skip
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
        lanes.send(lambda: backup.restore(desk.profile, file, passphrase=typed, dry_run=True), looked, sheet.failed)

    sheet.done_clicked.connect(go)
    sheet.show()


def _held(held: backup.Held, place: Path) -> str:
    return _("Backed up to {file}: {what}.").format(file=place.name, what=_what(held))


def _what(held: backup.Held) -> str:
    members = ngettext("{n} member", "{n} members", held.members).format(n=number(held.members))
    gatherings = ngettext("{n} gathering", "{n} gatherings", held.gatherings).format(n=number(held.gatherings))
    return f"{members}, {gatherings}"
