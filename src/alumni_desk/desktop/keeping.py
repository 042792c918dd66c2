"""What the window does by itself so that nothing is lost: the backup of the day, a look at every page of the database, the outbox copy of large actions, and
the key file put back.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from alumni_desk.desktop.background import Job, Lanes
from alumni_desk.errors import KnownError, StoreProblem
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

FIRST_MS = 20_000
"""After the window has opened: not while somebody waits for the first page."""
EVERY_MS = 10 * 60_000
COPY_MS = 1_000
KEY_MS = 60_000


class Keeping(QObject):
    """``made`` tells of a new backup; ``trouble`` once of each thing that stands in its way; ``damaged`` that a part of the database cannot be read, until
    all of it can be; ``said`` what was done about something else, a sentence.
    """

    made = Signal(object)
    trouble = Signal(object)
    damaged = Signal(bool)
    said = Signal(str)

    def __init__(self, desk: Desk, lanes: Lanes) -> None:
        super().__init__(lanes)
        self._desk, self._lanes = desk, lanes
        self._copying = False
        self._job: Job | None = None
        self._told = self._key_told = ""
        self.is_damaged = False
        self._again = False
        lanes.damage.connect(self._doubt)
        self._unsure = True  # of the database's pages, until all of them were read
        self._soon = QTimer(self, interval=FIRST_MS, singleShot=True)
        self._often = QTimer(self, interval=EVERY_MS)
        self._copies = QTimer(self, interval=COPY_MS)
        self._key = QTimer(self, interval=KEY_MS)
        for timer, work in ((self._soon, self.look), (self._often, self.look), (self._copies, self._copy), (self._key, self.look_at_key)):
            timer.timeout.connect(work)
            timer.start()

    def look(self) -> None:
        """Make the backup of the day if it is due, read what nobody has read since the desk was opened, and reach the backups in a folder that was away."""
        if self._job is None:
            self._job = self._lanes.read_long(self._back_up, self._made, self._failed)

    def look_at_key(self) -> None:
        """Put the key file back if somebody took it away, and say so if that was done since."""
        def work() -> bool:
            self._desk.key_file.look()
            return self._desk.key_file.was_put_back()

        def done(put_back: bool) -> None:
            self._key_told = ""
            if put_back:
                self.said.emit(_("The file that leads to the chapter’s key (desk.key) had gone from its folder and was put back: without it nothing would open "
                                 "the chapter again. See what cleans up there."))

        def failed(error: KnownError) -> None:
            if error.code != self._key_told:
                self.trouble.emit(error)
            self._key_told = error.code

        self._lanes.read(work, done, failed, key="keeping.key")

    def _back_up(self, job: Job) -> Path | None:
        """A backup reads every page. Once after each opening all are read, be there a backup of today or not: no damage stays unsaid."""
        from alumni_desk.store import backup, checking, erasing
        from alumni_desk.store.troubles import part_damaged
        from alumni_desk.sync import removing

        try:
            erasing.catch_up(self._desk)
            made = backup.daily(self._desk, cancelled=job.cancelled)
            if made is not None or removing.is_waiting(self._desk):  # what a wrong clock made look old is found out at the next look by the right one
                removing.clear_own(self._desk)
        except KnownError as error:
            raise (part_damaged() if error.code == "database_damaged" else _no_room() if error.code == "disk_full" else error) from None
        if made is None and self._unsure:
            checking.look_at_pages(self._desk, cancelled=job.cancelled)
        self._unsure = False
        return made

    def stop(self) -> None:
        """Nothing more by itself; a backup under way ends at its next page."""
        for timer in (self._soon, self._often, self._copies, self._key):
            timer.stop()
        if self._job is not None:
            self._job.cancel()

    def _made(self, file: Path | None) -> None:
        self._job = None
        self._told = ""
        if self.is_damaged and not self._unsure:  # every page was read once more
            self.is_damaged = False
            self.damaged.emit(False)
        if file is not None:
            self.made.emit(file)
        self._look_again()

    def _failed(self, error: KnownError) -> None:
        self._job = None
        if error.code != "part_damaged" and error.code != self._told:  # that one is said as long as it is so
            self.trouble.emit(error)
        self._told = error.code
        if error.code == "part_damaged":
            self._unsure = True
            if not self.is_damaged:
                self.is_damaged = True
                self.damaged.emit(True)
        self._look_again()

    def _doubt(self) -> None:
        """Something came upon a part that it could not read; it may have been another file's, so all of this one is looked at."""
        if not self.is_damaged:
            self._again = True
            self._look_again()

    def _look_again(self) -> None:
        if self._again and self._job is None:
            self._again, self._unsure = False, True
            self.look()

    def _copy(self) -> None:
        if self._desk.unkept and not self._copying:
            self._copying = True
            self._lanes.read_long(lambda job: self._catch_up(), self._copied, self._copied)

    def _catch_up(self) -> None:
        from alumni_desk.store import outbox

        outbox.catch_up(self._desk)

    def _copied(self, _done: object) -> None:
        self._copying = False


def _no_room() -> StoreProblem:
    """Nobody asked for anything, so nothing of theirs is unsaved."""
    return StoreProblem("disk_full", _(
        "The disk is full, so the backup of the day could not be made. Make room (a few hundred megabytes), and it is made by itself; all that was saved "
        "is safe."))
