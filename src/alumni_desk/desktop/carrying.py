"""Files between laptops: a transfer file saved, and what somebody brings opened, after saying what it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.dates import day_middle
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.errors import KnownError
from alumni_desk.store.backup_head import ENDING, FORMER, MAGIC
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed
from alumni_desk.words import _, clock_time, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.venue.files import Brought, Written
    from alumni_desk.sync.venue.handouts import HandedOut
    from alumni_desk.sync.venue.holding import TakenIn

Say = Callable[[str], None]
Failed = Callable[[KnownError], None]


def ask_transfer_place(window: QWidget) -> Path | None:
    """Where a transfer file goes; None if it goes nowhere."""
    wanted = str(Path.home() / _("transfer-{day}").format(day=date.today().isoformat())) + ENDING
    chosen, _kind = QFileDialog.getSaveFileName(window, _("Save a transfer file"), wanted, _("Transfer file (*.alumnidesk)"))
    if not chosen:
        return None
    return Path(chosen) if chosen.endswith(ENDING) else Path(chosen + ENDING)


def ask_brought(window: QWidget) -> Path | None:
    """A file that somebody brought; None if none was chosen."""
    chosen, _kind = QFileDialog.getOpenFileName(window, _("Open a file from another laptop"), str(Path.home()),
                                                _("Files of Alumni Desk (*.alumnidesk);;All files (*)"))
    return Path(chosen) if chosen else None


def save_transfer(desk: Desk, lanes: Lanes, place: Path, say: Say, failed: Failed) -> None:
    """Write what this laptop holds for the server to a file, and say so."""

    def work() -> Written:
        from alumni_desk.sync.venue.files import write_parcels

        return write_parcels(desk, place)

    lanes.meet(work, lambda done: say(_("Saved as {file}. Another laptop of the chapter takes it to the server.").format(file=done.file.name)), failed)


def open_brought(window: QWidget, desk: Desk, lanes: Lanes, file: Path, *, done: Callable[[Changed], None], say: Say,
                 invited: Callable[[Brought], None], backup: Callable[[Path], None]) -> None:
    """Say what a file is; when the person agrees, do what it is for. ``invited``: it is an invitation; ``backup``: it is a backup's."""

    def look() -> Brought | None:
        from alumni_desk.sync.venue.files import look_at

        return None if _is_backup(file) else look_at(file, desk)

    def looked(brought: Brought | None) -> None:
        if brought is None:
            backup(file)
        elif brought.what == "invitation":
            invited(brought)
        else:
            BroughtSheet(window, desk, lanes, file, brought, done, say).open()

    lanes.meet(look, looked, lambda error: say(str(error)))


def is_ours(file: Path) -> bool:
    """Whether a file is of another laptop or a backup: by how it begins, or by its ending, so that it is said what is wrong with one that is damaged."""
    from alumni_desk.sync.inviting import is_invitation
    from alumni_desk.sync.venue.files import HANDOUT, PARCELS

    return file.suffix == ENDING or is_invitation(file) or _begins(file, MAGIC, FORMER, HANDOUT, PARCELS)


def sort_files(files: Sequence[Path], *, lists: bool) -> tuple[Path, bool]:
    """Of files that were dropped or handed over the one to open, and whether it is of another laptop or a backup; else it may be a list to be imported.

    Raises BadInput with what it is instead. ``lists``: whether any may be imported here.
    """
    from alumni_desk.exchange.reading import read_table
    from alumni_desk.sync.venue.files import look_at

    ours = [file for file in files if is_ours(file)]
    if not ours and lists:
        read_table(files[0])
    elif not ours:
        look_at(files[0])
    return (ours or files)[0], bool(ours)


def _is_backup(file: Path) -> bool:
    return _begins(file, MAGIC, FORMER)


def _begins(file: Path, *marks: bytes) -> bool:
    try:
        with open(file, "rb") as stream:
            return stream.read(max(map(len, marks))).startswith(marks)
    except OSError:
        return False  # whoever reads it next says why it cannot be


class BroughtSheet(Sheet):
    """What a file is, and the one thing to do with it."""

    is_form = False

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, file: Path, brought: Brought, done: Callable[[Changed], None], say: Say) -> None:
        carries = brought.what == "parcels"
        title, deed = (_("Changes from another laptop"), _("Take them in")) if carries else (_("A guest list for the door"), _("Open it"))
        super().__init__(parent, title, deed)
        self._desk, self._lanes, self._file, self._done, self._say = desk, lanes, file, done, say
        self.column.addWidget(Label(file.name, "strong", wrap=True))
        by = isolated(brought.by) if brought.by else _("somebody of the chapter")
        if carries:
            words = ngettext("{by} carries {n} sealed bundle of changes in it, for this chapter’s server.",
                             "{by} carries {n} sealed bundles of changes in it, for this chapter’s server.", brought.parcels)
            self.column.addWidget(Label(words.format(by=by, n=number(brought.parcels)), wrap=True))
            self.column.addWidget(Label(_("What this laptop may read shows at once; all of it goes up with the next sync. The file can be taken in twice; "
                                          "nothing counts twice."), tone="muted", wrap=True))  # fmt: skip
        else:
            at = datetime.fromtimestamp(brought.number / 1000).astimezone()
            self.column.addWidget(Label(_("{by} made it on {day}, {time}.").format(by=by, day=day_middle(at.date()), time=clock_time(at)), wrap=True))
            words = _("It changes nothing on a leader’s laptop, which gets what is new by a sync, or by a transfer file.") if brought.leads else _(
                "It takes the place of an older list on this laptop. Check-ins made here stay, and the server’s own list replaces it at the next sync.")
            self.column.addWidget(Label(words, tone="muted", wrap=True))
        self.done_clicked.connect(self._open_it)

    def _open_it(self) -> None:
        self.set_busy(_("Opening …"))

        def work() -> TakenIn | HandedOut:
            from alumni_desk.sync.engine import Joined
            from alumni_desk.sync.venue.files import open_file

            result = open_file(self._desk, self._file)
            assert not isinstance(result, Joined)
            return result

        def opened(result: TakenIn | HandedOut) -> None:
            self.accept()
            self._done(Changed({}))
            self._say(brought_words(result))

        self._lanes.meet(work, opened, self.complain)


def brought_words(result: TakenIn | HandedOut) -> str:
    """What came of a file, in a toast."""
    from alumni_desk.sync.venue.handouts import HandedOut, leads_words

    if isinstance(result, HandedOut):
        if result.leads:
            return leads_words()
        if not result.taken:
            return _("A list that is as new or newer is here already; nothing was changed.")
        return ngettext("{gathering}: the list of {n} guest is here", "{gathering}: the list of {n} guests is here", result.guests).format(
            gathering=isolated(result.name), n=number(result.guests))
    if not result.new:
        return _("All of it was here already.")
    words = ngettext("{n} bundle of changes taken in", "{n} bundles of changes taken in", result.new).format(n=number(result.new))
    if result.refused:
        words += "; " + ngettext("{n} was left: its laptop is removed or not known, or it is damaged",
                                 "{n} were left: their laptops are removed or not known, or they are damaged", result.refused).format(n=number(result.refused))
    return words
