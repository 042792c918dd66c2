"""From a profile to a desk one can work at: opening, the password, first run. One window at a time is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Job, Lanes
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.front import Front, front_column, front_head
from alumni_desk.desktop.pages import ErrorPage
from alumni_desk.desktop.paint import isolated
from alumni_desk.errors import BadInput, KnownError
from alumni_desk.protocol.codes import read_recovery_key
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.desktop.first_run import StartEmpty
    from alumni_desk.desktop.join_form import JoinForm
    from alumni_desk.desktop.unlock import UnlockPage
    from alumni_desk.sync.inviting import Way
    from alumni_desk.sync.venue.finding import Search

DAMAGED = ("database_damaged", "changes_lost")


@dataclass(frozen=True)
class Ways:
    """What opening needs done; each runs off the screen. Wired in ``app``.

    ``open(password)`` gives the desk, by its password or its recovery key; ``wants(error)`` says whether an error asks for a password:
    "typed", "chosen" or "". ``keepers()``: of "keyring", "passphrase" and "recovery" those that keep the key. ``enrol(desk, password)``
    keeps it anew after a recovery, in the password store where no password is given. ``restore(file, password, own)``: ``own`` locks it here.
    """

    open: Callable[[str | None], Desk]
    wants: Callable[[KnownError], str]
    start: Callable[[Desk, str, str, str], None]
    sample: Callable[[Desk], None]
    join: Callable[[Desk, str, str, str], None]
    restore: Callable[[str, str, str | None], None] | None
    key_holder: Callable[[], str]
    where: str
    keepers: Callable[[], frozenset[str]] = frozenset
    enrol: Callable[[Desk, str | None], None] | None = None
    salvage: Callable[[Job, str | None], str] | None = None  # what to do about a damaged desk; gives what to say of it
    find: Callable[[], Search] | None = None  # laptops that share in this room
    meet: Callable[[Desk, str, str], None] | None = None  # be let in at the door by one of them: its address, its code
    start_again: Callable[[], None] | None = None  # after this laptop's access ended: an empty desk in the same folder


class Opening(QObject):
    """Leads to ``ready(desk, page, what)`` once there is a chapter to work on."""

    def __init__(self, front: Front, ways: Ways, ready: Callable[[Desk, str, dict[str, Any]], None]) -> None:
        super().__init__()
        self._front, self._ways, self._ready = front, ways, ready
        self.lanes = Lanes(self)
        self._desk: Desk | None = None
        self._unlock: UnlockPage | None = None
        self._password: str | None = None
        self.news = ""  # what to say once the window is there
        self._recovered = False
        self._file: Path | None = None  # with which to begin, once there is a place for it
        self.lanes.trouble.connect(self.stuck)

    def begin(self) -> None:
        """Open with what the password store has."""
        self.lanes.write(lambda: self._ways.open(self._password), self._opened, self._not_opened)

    def move_to(self, front: Front) -> None:
        """Go on in another window, after the text size changed: where one stands is asked anew."""
        self._front = front
        if self._unlock is not None:
            self._ask_password(choose=self._unlock.choose, why=self._unlock.why)
        elif self._desk is not None:
            self.first_run()

    def close(self) -> None:
        """End the background work; a desk that was opened and not handed on is closed."""
        self.lanes.close()
        if self._desk is not None:
            self._desk.close()
            self._desk = None

    def _opened(self, desk: Desk) -> None:
        self._desk = desk
        if self._recovered and self._ways.enrol is not None:
            self._enrol(desk, None)
        elif desk.scope is None:
            self.first_run()
        else:
            self._hand_on("today")

    def _enrol(self, desk: Desk, password: str | None) -> None:
        """After the recovery key opened it: let the password store keep the key again, or ask for a new password."""
        enrol = self._ways.enrol
        if enrol is not None:
            self.lanes.write(lambda: enrol(desk, password), lambda done: self._enrolled(desk), lambda error: self._not_enrolled(desk, error))

    def _enrolled(self, desk: Desk) -> None:
        self._recovered = False
        self._opened(desk)

    def _not_enrolled(self, desk: Desk, error: KnownError) -> None:
        from alumni_desk.desktop.unlock import UnlockPage

        if error.code != "passphrase_wanted":
            self.stuck(error)
            return
        why = _("The recovery key opened it. Choose a new password in place of the one that is lost.")
        self._unlock = UnlockPage(lambda password: self._enrol(desk, password), choose=True, why=why)
        self._front.show_view(self._unlock)

    def _hand_on(self, page: str, **what: Any) -> None:
        desk, self._desk = self._desk, None
        self.lanes.close()
        if desk is not None:
            self._ready(desk, page, what)

    def _not_opened(self, error: KnownError) -> None:
        wanted = self._ways.wants(error)
        if self._unlock is not None and wanted:
            self._unlock.complain(str(error), counts=error.code in ("passphrase_wrong", "recovery_wrong"))
        elif wanted:
            # That it is locked with a password needs no words; that the password store is silent does.
            self._ask_password(choose=wanted == "chosen", why=str(error) if "keyring" in self._ways.keepers() else "")
        else:
            self.stuck(error)

    def _ask_password(self, *, choose: bool, why: str) -> None:
        from alumni_desk.desktop.unlock import UnlockPage

        keepers = self._ways.keepers()
        self._unlock = UnlockPage(self._with_password, choose=choose, why=why, password="passphrase" in keepers or "recovery" not in keepers,
                                  recovery="recovery" in keepers)  # fmt: skip
        self._front.show_view(self._unlock)

    def _with_password(self, password: str) -> None:
        self._password = password
        self._recovered = read_recovery_key(password) is not None
        self.lanes.write(lambda: self._ways.open(password), self._opened, self._not_opened)

    def stuck(self, error: KnownError) -> None:
        """Show why it could not be opened, and a way on."""
        self._unlock = None
        if error.code in DAMAGED and self._ways.salvage is not None:
            self._front.show_view(ErrorPage(error, _("Put it right with what was kept"), self._salvage))
        elif error.code == "access_removed" and self._ways.start_again is not None:
            self._front.show_view(ErrorPage(error, _("Begin anew"), self._start_again))
        else:
            self._front.show_view(ErrorPage(error, _("Try again"), self.begin))

    def _start_again(self) -> None:
        if (start_again := self._ways.start_again) is not None:
            self.lanes.write(start_again, lambda done: self.begin(), self.stuck)

    def _salvage(self) -> None:
        from alumni_desk.desktop.first_run import Working

        salvage, password = self._ways.salvage, self._password
        if salvage is None:
            return
        view = Working(_("Putting the chapter right"), _("From the newest whole backup, with what waited to be sent laid over it."), cancel=True)
        self._front.show_view(view)

        def saved(said: str) -> None:
            self.news = said
            self.begin()

        job = self.lanes.write_long(lambda job: salvage(job, password), saved, self._not_saved, progress=view.progress)
        view.cancelled.connect(job.cancel)

    def _not_saved(self, error: KnownError) -> None:
        if error.code == "no_backup":
            self._front.show_view(ErrorPage(error, _("Restore a backup"), self._ask_backup))
        else:
            self._front.show_view(ErrorPage(error, _("Try again"), self.begin))

    def first_run(self) -> None:
        """Four ways to begin."""
        from alumni_desk.desktop.first_run import FirstRun

        self._unlock = None
        view = FirstRun(self._ways.where, self._ways.key_holder(), restore=self._ways.restore is not None, laptops=self._ways.meet is not None)
        view.invitation.connect(lambda: self._ask_join())
        view.laptop.connect(self._ask_laptop)
        view.spreadsheet.connect(lambda: self._ask_chapter("members", import_file=True))
        view.empty.connect(lambda: self._ask_chapter("members"))
        view.sample.connect(self._make_sample)
        view.backup.connect(self._ask_backup)
        self._front.show_view(view)
        file, self._file = self._file, None
        if file is not None:
            self.take_file(file)

    def take_file(self, file: Path) -> bool:
        """Begin with a file that somebody was given: an invitation fills the form, a backup is restored. False: it is for a chapter that is here."""
        if self._desk is None or self._desk.scope is not None:
            self._file = file
            return False
        from alumni_desk.sync import inviting

        if not inviting.is_invitation(file):
            self._front.show_view(ErrorPage(_for_later(file), _("Back"), self.first_run))
            return True
        try:
            way = inviting.read(file)
        except KnownError as error:
            self._front.show_view(ErrorPage(error, _("Back"), self.first_run))
        else:
            self._ask_join(way)
        return True

    def _ask_chapter(self, page: str, **what: Any) -> None:
        from alumni_desk.desktop.first_run import StartEmpty

        view = StartEmpty()
        view.started.connect(lambda chapter, university, you: self._start(view, (chapter, university, you), page, what))
        self._front.show_view(view, self.first_run)

    def _start(self, view: StartEmpty, words: tuple[str, str, str], page: str, what: dict[str, Any]) -> None:
        desk = self._desk
        if desk is not None:
            self.lanes.write(lambda: self._ways.start(desk, *words), lambda done: self._hand_on(page, **what),
                             lambda error: view.complain(str(error)))  # fmt: skip

    def _make_sample(self) -> None:
        from alumni_desk.desktop.first_run import Working

        desk = self._desk
        if desk is not None:
            self._front.show_view(Working(_("Making the sample chapter"), _("2,000 made-up people and a year of gatherings.")))
            self.lanes.write(lambda: self._ways.sample(desk), lambda done: self._hand_on("today"), self._back_with)

    def _ask_join(self, way: Way | None = None) -> None:
        from alumni_desk.desktop.join_form import JoinForm

        desk = self._desk
        if desk is None:
            return
        form = JoinForm(desk.device_name)
        form.joined.connect(lambda url, code, laptop, carry: self._join(form, url, code, laptop))
        title = _("Invitation to {chapter}").format(chapter=isolated(way.chapter)) if way is not None and way.chapter else _("Join with an invitation")
        second = _("It is filled in. Look at it, then join.") if way is not None else _("Type the code you were given, or paste it.")
        self._front.show_view(_framed(form, title, second), self.first_run)
        form.first_focus().setFocus()
        if way is not None:
            form.fill(way.url, way.code)

    def _join(self, form: JoinForm, url: str, code: str, laptop: str) -> None:
        desk = self._desk
        if desk is not None:
            form.busy(_("Joining …"))
            self.lanes.send(lambda: self._ways.join(desk, url, code, laptop), lambda done: self._hand_on("sync"),
                            lambda error: form.refused(error.code, str(error)))  # fmt: skip

    def _ask_laptop(self) -> None:
        """Be let in at the door of a gathering by a laptop in this room."""
        from alumni_desk.desktop.join_laptop_sheet import JoinLaptopSheet, NotFoundSheet

        desk, ways = self._desk, self._ways
        if desk is None or ways.find is None or ways.meet is None:
            return
        find, meet = ways.find, ways.meet
        sheet = JoinLaptopSheet(self._front, lambda then, failed: self.lanes.meet(find, then, failed))

        def met(nothing: None) -> None:
            sheet.accept()
            self._hand_on("checkin")

        def not_found() -> None:
            NotFoundSheet(self._front, lambda then, failed: self.lanes.meet(find, then, failed), shares=False, may_carry=False).open()

        sheet.wanted.connect(lambda address, code: self.lanes.meet(lambda: meet(desk, address, code), met, sheet.refuse))
        sheet.form.not_found.connect(not_found)
        sheet.open()
        sheet.form.first_focus().setFocus()

    def _ask_backup(self) -> None:
        from alumni_desk.desktop.unlock import UnlockPage

        chosen, _kind = QFileDialog.getOpenFileName(self._front, _("Restore a backup"))
        if not chosen:
            return
        why = _("The backup is locked. Its password opens it, or the recovery key of its chapter.")
        unlock = UnlockPage(lambda password: self._restore(chosen, password, None, unlock), why=why)
        self._front.show_view(unlock, self.first_run if self._desk is not None else self.begin)

    def _restore(self, file: str, password: str, own: str | None, unlock: UnlockPage) -> None:
        restore = self._ways.restore
        if restore is None:
            return
        if self._desk is not None:
            self._desk.close()
            self._desk = None
        self.lanes.write(lambda: restore(file, password, own), lambda done: self._restored(own),
                         lambda error: self._not_restored(error, file, password, unlock))  # fmt: skip

    def _restored(self, own: str | None) -> None:
        if own is None:
            self.begin()
        else:
            self._with_password(own)

    def _not_restored(self, error: KnownError, file: str, password: str, unlock: UnlockPage) -> None:
        from alumni_desk.desktop.unlock import UnlockPage

        if error.code == "passphrase_wanted":
            why = _("The recovery key opens the backup. Choose the password that locks it on this laptop.")
            chooses = UnlockPage(lambda own: self._restore(file, password, own, chooses), choose=True, why=why)
            self._front.show_view(chooses, self.first_run)
        else:
            unlock.complain(str(error), counts=error.code in ("passphrase_wrong", "recovery_wrong"))

    def _back_with(self, error: KnownError) -> None:
        self._front.show_view(ErrorPage(error, _("Back"), self.first_run))


def _for_later(file: Path) -> KnownError:
    return BadInput("file_no_chapter", _("{file} is no invitation, and there is no chapter on this laptop yet. Join one, or restore the backup if it is one; "
                                         "then open the file again."), file=file.name)  # fmt: skip


def _framed(form: JoinForm, title: str, second: str) -> QWidget:
    scroll, column = front_column(688)
    column.addLayout(front_head(title, second))
    column.addSpacing(px(12))
    inset = QWidget()
    inside = QVBoxLayout(inset)
    inside.setContentsMargins(px(56), 0, 0, 0)
    inside.addWidget(form)
    column.addWidget(inset)
    return scroll
