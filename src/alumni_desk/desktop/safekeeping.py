"""Backup and restore from the window: what is asked, then the work off the screen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.paint import breakable, isolated
from alumni_desk.desktop.password_sheet import PasswordSheet
from alumni_desk.desktop.settings_page import ask_backup_place
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.errors import KnownError
from alumni_desk.store import backup, backup_head, keys
from alumni_desk.store.desk import Desk
from alumni_desk.sync import restoring
from alumni_desk.sync.restoring import Restored
from alumni_desk.words import _, clock_time, day, ngettext, number, with_year

Say = Callable[[str], None]


def back_up_now(window: QWidget, desk: Desk, lanes: Lanes, say: Say) -> None:
    """Ask where to (and, if the computer keeps the key, for a password that opens the copy), write it, and say what is in it."""
    place = ask_backup_place(window, Path.home() / f"alumni-desk-{date.today().isoformat()}.alumnidesk")
    if place is None:
        return
    if "passphrase" in keys.keepers(desk.profile.path, "desk"):
        lanes.read_long(lambda job: backup.back_up(desk, place), lambda held: say(_held(held, place)))
        return
    sheet = PasswordSheet(window, _("Back up everything"), _("Back up"), _("The copy opens on another laptop with this password."))
    sheet.done_clicked.connect(lambda: sheet.run(lanes, lambda typed: backup.back_up(desk, place, passphrase=typed), lambda held: say(_held(held, place))))
    sheet.show()


def ask_password(window: QWidget, desk: Desk, lanes: Lanes, file: Path, then: Callable[[str], None], say: Say) -> None:
    """Ask for the password of a backup that another laptop made, try it, and hand it on; "" for one that the password store alone may open."""
    def attempt(typed: str) -> tuple[str, Restored]:
        return typed, restoring.restore(desk.profile, file, passphrase=typed, desk_key=desk.key, dry_run=True)

    def tried(done: tuple[str, Restored]) -> None:
        typed, would = done
        if would.instead_of is None and not would.leaves:
            then(typed)
            return
        ask = OtherChapterSheet(window, would)
        ask.done_clicked.connect(ask.accept)
        ask.accepted.connect(lambda: then(typed))
        ask.open()

    if not _is_typed_for(file):
        say(_("This computer’s password store is asked for the key of the backup."))
        lanes.work(lambda: attempt(""), tried, lambda error: say(str(error)))
        return
    sheet = PasswordSheet(window, _("Restore a backup"), _("Restore"), locked_words(file), choose=False)
    sheet.done_clicked.connect(lambda: sheet.run(lanes, attempt, tried))
    sheet.show()


def _is_typed_for(file: Path) -> bool:
    """Whether there is anything to type that opens a backup; one that cannot be read says so when it is tried."""
    try:
        return bool(backup_head.opened_by(backup_head.read_head(file)[0]))
    except KnownError:
        return True


class OtherChapterSheet(Sheet):
    """Asked before another chapter takes the place of the one that is here, or the laptop is joined no longer."""

    def __init__(self, parent: QWidget, would: Restored) -> None:
        other = would.instead_of is not None
        super().__init__(parent, _("Put another chapter in the place of this one?") if other else _("Leave the server?"), _("Restore"), kind="danger")
        if other:
            words = _("The backup is of another chapter, {name}, and takes the place of {here}: {what}.")
            if would.instead_of == would.held.chapter:
                words = _("The backup is of another chapter that is called {name}, too, and takes the place of the one that is here: {what}.")
            self.column.addWidget(Label(words.format(name=isolated(would.held.chapter), here=isolated(would.instead_of or ""), what=_what(would.held)),
                                        wrap=True))
        if would.leaves:
            self.column.addWidget(Label(_("This laptop is then no longer joined to a server; to come back it needs a new invitation."), wrap=True, tone="warn"))
        self.column.addWidget(Label(_("What is here now is kept as a backup first; going back to that brings it back."), tone="muted", wrap=True))
        self.cancel.setFocus()


def locked_words(file: Path) -> str:
    """Which backup is locked and what opens it, in a sentence; a file that is none says so when it is tried."""
    try:
        by = backup_head.opened_by(backup_head.read_head(file)[0])
    except KnownError:
        by = frozenset()
    if by == {"password"}:
        words = _("{file} is locked. The password that the laptop which made it had on that day opens it.")
    elif by == {"recovery"}:
        words = _("{file} is locked. The recovery key of its chapter opens it.")
    else:
        words = _("{file} is locked. The password that the laptop which made it had on that day opens it, or the recovery key of its chapter.")
    return words.format(file=breakable(isolated(file.name)))


def restored_words(done: Restored) -> str:
    """What a restore did, in a toast."""
    if done.reopened:
        return _("Nothing was lost and nothing replaced: the backup held the key of what is here, {what}.").format(what=_what(done.held))
    if done.held.made_at:
        when = datetime.fromisoformat(done.held.made_at).astimezone()
        words = [_("Back at {day}: {what}.").format(day=f"{with_year(day(when.date()), when)}, {clock_time(when)}", what=_what(done.held))]
    else:
        words = [_("Put right: {what}.").format(what=_what(done.held))]
    if done.instead_of is not None:
        again = done.held.chapter == done.instead_of
        words.append((_("It is another chapter that is called {name}, too.") if again else _("It is another chapter, {name}, in place of {here}.")).format(
            name=isolated(done.held.chapter), here=isolated(done.instead_of)))
    if done.leaves:
        words.append(_("This laptop is no longer joined to a server."))
    if done.carried:
        words.append(ngettext("{n} change was carried over.", "{n} changes were carried over.", done.carried).format(n=number(done.carried)))
    if done.replaced is not None and done.replaced.suffix == ".db":
        words.append(_("The file that did not open is kept as {file}.").format(file=done.replaced.name))
    if done.unread:
        words.append(_("A few of the last changes may be missing."))
    return " ".join(words)


def _held(held: backup.Held, place: Path) -> str:
    return _("Backed up to {file}: {what}.").format(file=place.name, what=_what(held))


def _what(held: backup.Held) -> str:
    members = ngettext("{n} member", "{n} members", held.members).format(n=number(held.members))
    gatherings = ngettext("{n} gathering", "{n} gatherings", held.gatherings).format(n=number(held.gatherings))
    return f"{members}, {gatherings}"
