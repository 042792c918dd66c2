"""From a profile to a desk one can work at: opening, the password, first run. One window at a time is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Failed, Job, Lanes
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.front import Front, front_column, front_head
from alumni_desk.desktop.pages import ErrorPage
from alumni_desk.desktop.paint import isolated
from alumni_desk.errors import BadInput, KnownError
from alumni_desk.protocol.codes import read_recovery_key
from alumni_desk.store.desk import Desk
from alumni_desk.store.patience import Patience
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.desktop.first_run import StartEmpty
    from alumni_desk.desktop.join_form import JoinForm
    from alumni_desk.desktop.stuck_page import Kept
    from alumni_desk.desktop.unlock import UnlockPage
    from alumni_desk.sync.inviting import Way
    from alumni_desk.sync.join import Shown
    from alumni_desk.sync.venue.finding import Search

DAMAGED = ("database_gone", "database_damaged", "changes_lost")
KEYLESS = ("key_lost", "key_damaged", "keyring_silent")
SHUT = (*DAMAGED, *KEYLESS, "no_backup")
"""What a backup mends."""
ASKS = ("passphrase_needed", "passphrase_wrong", "recovery_wrong", "recovery_typo", "recovery_none")


OTHER_WAY_MS = 3_000
"""So long opening takes before another way than the password store is offered."""
AGAIN_MS = 1_000


@dataclass(frozen=True)
class Ways:
    """What opening needs done; each runs off the screen. Wired in ``app``.

    ``open(password)`` gives the desk, by its password or its recovery key; ``wants(error)`` says whether an error asks for a password:
    "typed", "chosen" or "". ``keepers()``: of "keyring", "passphrase" and "recovery" those that keep the key. ``enrol(desk, password)``
    keeps it anew after a recovery, in the password store where no password is given. ``restore(file, password, own, key)``: ``own`` locks it
    here, ``key`` is that of the desk that was open; it gives what to say then. ``patience``: how long ``open`` waits for the password store.
    ``begins()``: nothing is there yet, so that ``open`` makes a key; ``made()``: a desk is there with its key, by whomever.
    """

    open: Callable[[str | None], Desk]
    wants: Callable[[KnownError], str]
    start: Callable[[Desk, str, str, str], None]
    sample: Callable[[Desk], None]
    look: Callable[[Desk, str, str], Shown]
    join: Callable[[Desk, str, str, str], None]
    restore: Callable[[str, str, str | None, bytes | None], str] | None
    key_holder: Callable[[], str]
    where: str
    folder: Path
    keepers: Callable[[], frozenset[str]] = frozenset
    begins: Callable[[], bool] = lambda: False
    made: Callable[[], bool] = lambda: False
    enrol: Callable[[Desk, str | None], None] | None = None
    salvage: Callable[[Job, str | None], str] | None = None  # what to do about a damaged desk; gives what to say of it
    find: Callable[[], Search] | None = None  # laptops that share in this room
    meet: Callable[[Desk, str, str], None] | None = None  # be let in at the door by one of them: its address, its code
    kept: Callable[[str | None], tuple[list[Kept], int]] = lambda password: ([], 0)  # whole backups to choose from, and how many are damaged
    patience: Patience = field(default_factory=Patience)
    start_again: Callable[[], None] | None = None  # after this laptop's access ended: an empty desk in the same folder


class Opening(QObject):
    """Leads to ``ready(desk, page, what)`` once there is a chapter to work on; ``stay_with`` in ``what``: address and code of the laptop that let it in.
    ``took(file)``: the first page begins with a file that was handed to the program.
    """

    took = Signal(object)

    def __init__(self, front: Front, ways: Ways, ready: Callable[[Desk, str, dict[str, Any]], None]) -> None:
        super().__init__()
        self._front, self._ways, self._ready = front, ways, ready
        self.lanes = Lanes(self)
        self._desk: Desk | None = None
        self._unlock: UnlockPage | None = None
        self._password: str | None = None
        self._key: bytes | None = None  # of the desk of the first page, while a backup is to take its place
        self.news = ""  # what to say once the window is there
        self._recovered = False
        self._why: KnownError | None = None  # it does not open
        self._gone: KnownError | None = None  # the password store has lost its key
        self._mended = False  # and was put right, as it seemed
        self._asking = self._slow = False  # the password store is waited for; and it has not answered in time
        self._next: Callable[[], object] | None = None  # when it is waited for no longer
        self._file: Path | None = None  # with which to begin, once there is a place for it
        self.lanes.trouble.connect(self.stuck)

    def begin(self) -> None:
        """Open with what the password store has."""
        self._ways.patience.renew()
        self._asking, self._slow = True, False
        self.lanes.write(lambda: self._ways.open(self._password), self._opened_by_itself, self._not_by_itself)

    def _opened_by_itself(self, desk: Desk) -> None:
        """Also where somebody was about to type: what opens it counts, and the rest is not wanted any more."""
        self._asking = self._recovered = False
        self._next = None
        self._opened(desk)

    def _not_by_itself(self, error: KnownError) -> None:
        self._asking, self._slow = False, bool(error.facts.get("slow"))
        if self._next is not None:
            following, self._next = self._next, None
            following()
        elif self._unlock is not None and self._ways.wants(error) == "typed" and not error.facts.get("gone"):
            self._unlock.tell(_silent_words(error))
        elif self._unlock is not None and self._unlock.choose and self._ways.wants(error) == "chosen" and error.facts.get("why"):
            self._unlock.tell(_takes_none_words(error))
        else:
            self._unlock = None
            self._not_opened(error)

    def _ask_store_no_longer(self, following: Callable[[], object]) -> None:
        """Go on with something else as soon as the password store is not waited for, nor will be."""
        if self._asking or self._slow:
            self._ways.patience.give_up()
        if self._asking:
            self._next = following
        else:
            following()

    def calm(self) -> None:
        """It takes a while: say that it is being opened, and where somebody may be asked for something."""
        if not self._front.is_empty:
            return
        self._show_opening()

    def _show_opening(self) -> None:
        from alumni_desk.desktop.working import Working

        try:
            keepers = self._ways.keepers()
        except KnownError:
            keepers = frozenset()  # opening will say what is wrong with the file
        if self._ways.begins():
            self._show_beginning()
            return
        view = Working(_("Opening the chapter"), _(
            "This computer’s password store is asked for the key. If it is locked, it asks for its password in a window of its own.")
            if "keyring" in keepers else _("The disk of this computer takes its time."))
        self._front.show_view(view)
        if "keyring" in keepers and len(keepers) > 1:
            words = _("Use the recovery key instead") if "passphrase" not in keepers else _("Use the password or the recovery key instead") \
                if "recovery" in keepers else _("Use the password instead")  # fmt: skip
            QTimer.singleShot(OTHER_WAY_MS, view, lambda: view.offer(words, self._another_way))

    def _show_beginning(self) -> None:
        """The first time: a key is made, and the password store is to keep it."""
        from alumni_desk.desktop.working import Working

        view = Working(_("Getting ready"), _("This computer’s password store is asked to keep the key that locks the members. If it is locked, it asks for its "
                                             "password in a window of its own."))  # fmt: skip
        self._front.show_view(view)
        QTimer.singleShot(OTHER_WAY_MS, view, lambda: view.offer(_("Choose a password instead"), self._own_password))

    def _own_password(self) -> None:
        """The password store goes on being waited for until a password is chosen."""
        why = _("This computer’s password store has not answered yet. As soon as it does, it keeps the members locked, and no password is needed.")
        self._ask_password(choose=True, why=why, again=True, gone=None)

    def _another_way(self) -> None:
        """The password store goes on being waited for until something is typed."""
        why = _("This computer’s password store has not answered yet. As soon as it does, the chapter opens by itself.")
        self._ask_password(choose=False, why=why, again=True, gone=None)

    def move_to(self, front: Front) -> None:
        """Go on in another window, after the text size changed: where one stands is asked anew."""
        self._front = front
        if self._unlock is not None:
            self._ask_password(choose=self._unlock.choose, why=self._unlock.why, again=self._unlock.try_again is not None,
                               gone=self._gone if self._unlock.backup is not None else None)  # fmt: skip
        elif self._desk is not None:
            self.first_run()
        elif self._why is not None:
            self._offer("", salvage=self._why.code in DAMAGED)
        else:
            self.calm()

    def close(self) -> None:
        """End the background work; a desk that was opened and not handed on is closed."""
        self._ways.patience.give_up()
        self.lanes.close()
        if self._desk is not None:
            self._desk.close()
            self._desk = None

    def _opened(self, desk: Desk) -> None:
        self._desk, self._key, self._why, self._mended = desk, None, None, False
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
        if self._unlock is not None and self._unlock.choose and wanted == "typed":
            self._made_elsewhere()
        elif self._unlock is not None and wanted:
            self._unlock.refuse(error, self._password)
        elif wanted:
            # That it is locked with a password needs no words; that the password store is silent does.
            gone = error if error.facts.get("gone") else None
            silent = "keyring" in self._ways.keepers()
            why = _silent_words(error) if silent else _after_news(self.news) if self.news and wanted == "typed" else ""
            if wanted == "chosen" and error.facts.get("why"):  # there is one, and it takes no key
                silent, why = True, _takes_none_words(error)
            self._ask_password(choose=wanted == "chosen", why=why, again=silent and gone is None, gone=gone)
        else:
            self.stuck(error)

    def _ask_password(self, *, choose: bool, why: str, again: bool, gone: KnownError | None) -> None:
        """``again``: it may open by itself by now; ``gone``: the password store has lost the key, so that a backup may be what is left."""
        from alumni_desk.desktop.forgotten import Remains
        from alumni_desk.desktop.unlock import UnlockPage

        self._gone = gone
        keepers = self._ways.keepers()
        remains = Remains(self._ways.folder, paper="recovery" in keepers) if keepers and ("keyring" not in keepers or gone is not None) else None
        self._unlock = UnlockPage(self._with_password, choose=choose, why=why, password="passphrase" in keepers or "recovery" not in keepers,
                                  recovery="recovery" in keepers, again=self._again if again else None,
                                  backup=partial(self._offer_backups, gone) if gone is not None else None, remains=remains)  # fmt: skip
        if self._asking and self._unlock.try_again is not None:
            self._unlock.try_again.hide()  # it is being tried
        self._front.show_view(self._unlock)
        if choose:
            self._look_out(self._unlock)

    def _look_out(self, page: UnlockPage) -> None:
        """While a password is chosen for a desk that is yet to be made: a command may make one."""
        look = QTimer(page, interval=AGAIN_MS)

        def seen(made: bool) -> None:
            if made and page is self._unlock and not self._busy():
                self._made_elsewhere()

        look.timeout.connect(lambda: None if self._busy() else self.lanes.read(self._ways.made, seen, key="made"))
        look.start()

    def _busy(self) -> bool:
        """Whether this window itself is about to open or make it."""
        return self._asking or self._unlock is None or not self._unlock.isEnabled()

    def _made_elsewhere(self) -> None:
        """A command has made the chapter: it opens by itself, or by the password that it was given."""
        if "keyring" in self._ways.keepers():
            self._unlock, self._password = None, None
            self.begin()
        else:
            self._ask_password(choose=False, why=_("A command has made a chapter here meanwhile, with a password of its own. Type that one to open it."),
                               again=False, gone=None)  # fmt: skip

    def _again(self) -> None:
        """The password store may answer by now."""
        self._unlock, self._password = None, None
        self.begin()
        QTimer.singleShot(AGAIN_MS, self._front, self._show_asking)

    def _show_asking(self) -> None:
        if self._asking and self._unlock is None:
            self._show_opening()

    def _offer_backups(self, why: KnownError) -> None:
        self._unlock, self._password, self._why = None, None, why
        self._offer("", salvage=False)

    def _with_password(self, password: str) -> None:
        self._password = password
        # A store that is merely slow has not lost its key: nothing is chosen anew in its place.
        self._recovered = read_recovery_key(password) is not None and not (self._asking or self._slow)
        self._ask_store_no_longer(lambda: self.lanes.write(lambda: self._ways.open(password), self._opened, self._not_opened))

    def stuck(self, error: KnownError) -> None:
        """Show why it could not be opened, and a way on."""
        self._unlock = None
        if error.code in SHUT and self._ways.restore is not None:
            note = _("That was done, and it still does not open. Choose another way.") if self._mended else ""
            self._why, self._mended = error, False
            self._offer(note, salvage=error.code in DAMAGED)
        elif error.code == "access_removed" and self._ways.start_again is not None:
            self._front.show_view(ErrorPage(error, _("Begin anew"), self._start_again, second=self.news))
        else:
            self._front.show_view(ErrorPage(error, _("Try again"), self.begin))

    def _offer(self, note: str, *, salvage: bool) -> None:
        """Every way on from a desk that does not open. ``note``: why the last one led nowhere."""
        def seen(found: tuple[list[Kept], int]) -> None:
            from alumni_desk.desktop.stuck_page import StuckPage

            if self._why is None:
                return
            page = StuckPage(self._why, *found, salvage=salvage and self._ways.salvage is not None, keyless=_lacks_key(self._why), note=note)
            page.salvage.connect(self._salvage)
            page.restore.connect(self._try_backup)
            page.other.connect(self._ask_backup)
            page.again.connect(self.begin)
            self._front.show_view(page)

        password = self._password
        self.lanes.read(lambda: self._ways.kept(password), seen, lambda problem: seen(([], 0)))

    def _start_again(self) -> None:
        if (start_again := self._ways.start_again) is not None:
            self.lanes.write(start_again, lambda done: self.begin(), self.stuck)

    def _salvage(self) -> None:
        from alumni_desk.desktop.working import Working

        salvage, password = self._ways.salvage, self._password
        if salvage is None:
            return
        view = Working(_("Putting the chapter right"), _("From the newest whole backup, with what waited to be sent laid over it."), cancel=True)
        self._front.show_view(view)

        def saved(said: str) -> None:
            self.news, self._mended = said, True
            self.begin()

        job = self.lanes.write_long(lambda job: salvage(job, password), saved, self._not_saved, progress=view.progress)
        view.cancelled.connect(job.cancel)

    def _not_saved(self, error: KnownError) -> None:
        if self._why is None or error.code == "nothing_to_salvage":
            self.begin()
        else:
            self._offer(str(error), salvage=error.code != "no_backup")

    def first_run(self) -> None:
        """Four ways to begin."""
        from alumni_desk.desktop.first_run import FirstRun

        self._unlock = None
        view = FirstRun(self._ways.where, self._ways.key_holder(), restore=self._ways.restore is not None, laptops=self._ways.meet is not None)
        view.invitation.connect(lambda: self._ask_join())
        view.laptop.connect(lambda: self._ask_laptop())
        view.spreadsheet.connect(lambda: self._ask_chapter("members", import_file=True))
        view.empty.connect(lambda: self._ask_chapter("members"))
        view.sample.connect(self._make_sample)
        view.backup.connect(self._ask_backup)
        self._front.show_view(view)
        file, self._file = self._file, None
        if file is not None:
            self.take_file(file)

    def take_file(self, file: Path) -> None:
        """Begin with a file that somebody was given, once there is a first page: an invitation fills the form, of others it is said that they come later."""
        if self._desk is None or self._front.held or self._desk.scope is not None:
            self._file = file
            return
        from alumni_desk.sync import inviting

        self.took.emit(file)
        if not inviting.is_invitation(file):
            self._front.show_view(ErrorPage(_for_later(file), _("Back"), self.first_run))
            return
        try:
            way = inviting.read(file)
        except KnownError as error:
            self._front.show_view(ErrorPage(error, _("Back"), self.first_run))
        else:
            self._ask_join(way)

    def _ask_chapter(self, page: str, **what: Any) -> None:
        from alumni_desk.desktop.first_run import StartEmpty

        view = StartEmpty()
        view.started.connect(lambda chapter, university, you: self._start(view, (chapter, university, you), page, what))
        self._front.show_view(view, self.first_run)

    def _start(self, view: StartEmpty, words: tuple[str, str, str], page: str, what: dict[str, Any]) -> None:
        desk = self._desk
        if desk is not None:
            self.lanes.write(lambda: self._ways.start(desk, *words), lambda done: self._hand_on(page, **what),
                             self._said_by(view, lambda error: view.complain(str(error))))  # fmt: skip

    def _said_by(self, view: QWidget, say: Failed) -> Failed:
        """Whoever says why what a view asked for failed: that view, which is not left until then; where another is shown all the same, a page of its own."""
        self._front.hold(True)

        def failed(error: KnownError) -> None:
            self._front.hold(False)
            if shiboken6.isValid(view):
                say(error)
            else:
                self._front.show_view(ErrorPage(error, _("Back"), self._to_start))

        return failed

    def _make_sample(self) -> None:
        from alumni_desk.desktop.working import Working

        desk = self._desk
        if desk is not None:
            self._front.show_view(Working(_("Making the sample chapter"), _("2,000 made-up people and a year of gatherings.")))
            self.lanes.write(lambda: self._ways.sample(desk), lambda done: self._hand_on("today"), self._back_with)

    def _ask_join(self, way: Way | None = None) -> None:
        from alumni_desk.desktop.join_form import JoinForm

        desk = self._desk
        if desk is None:
            return

        def look_at(url: str, code: str, then: Callable[[Shown], None], failed: Callable[[KnownError], None]) -> None:
            self.lanes.send(lambda: self._ways.look(desk, url, code), then, failed)

        form = JoinForm(desk.device_name, lanes=self.lanes, look=look_at, to_laptop=self._ask_laptop if self._meets() else None)
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
                            self._said_by(form, lambda error: form.refused(error.code, str(error))))  # fmt: skip

    def _meets(self) -> bool:
        return self._ways.find is not None and self._ways.meet is not None

    def _ask_laptop(self, scanned: str = "") -> None:
        """Be let in at the door of a gathering by a laptop in this room; by the one whose QR code says ``scanned``."""
        from alumni_desk.desktop.join_laptop_sheet import JoinLaptopSheet, NotFoundSheet

        desk, ways = self._desk, self._ways
        if desk is None or ways.find is None or ways.meet is None:
            return
        find, meet = ways.find, ways.meet
        sheet = JoinLaptopSheet(self._front, lambda then, failed: self.lanes.meet(find, then, failed), self.lanes)

        def met(both: tuple[str, str]) -> None:
            sheet.accept()
            self._hand_on("checkin", stay_with=both)

        def meeting(address: str, code: str) -> tuple[str, str]:
            meet(desk, address, code)
            return address, code

        def not_found() -> None:
            NotFoundSheet(self._front, lambda then, failed: self.lanes.meet(find, then, failed), shares=False, may_carry=False).open()

        sheet.wanted.connect(lambda address, code: self.lanes.meet(lambda: meeting(address, code), met, sheet.refuse))
        def invited(url: str, code: str) -> None:
            from alumni_desk.sync.inviting import Way

            sheet.reject()
            self._ask_join(Way(url, code))

        sheet.form.not_found.connect(not_found)
        sheet.form.invited.connect(invited)
        sheet.open()
        if scanned:
            sheet.form.paste(scanned)
        (sheet.done_button if scanned and sheet.done_button.isEnabled() else sheet.form.first_focus()).setFocus()

    def _ask_backup(self) -> None:
        from alumni_desk.store.backup_head import opened_by, read_head

        def ask(file: str, head: dict[str, Any]) -> None:
            if opened_by(head):
                self._ask_for_backup(file)
            else:
                self._restore_by_store(file)

        chosen, _kind = QFileDialog.getOpenFileName(self._front, _("Restore a backup"))
        if chosen and self._why is not None:
            self._try_backup(Path(chosen))
        elif chosen:  # a file that is no backup is not asked a password for
            self.lanes.read(lambda: read_head(Path(chosen)), lambda read: ask(chosen, read[0]), self._back_with)

    def _try_backup(self, file: Path) -> None:
        """Restore it with what is known; a password is asked for only if that does not open it."""
        from alumni_desk.desktop.working import Working

        restore, password = self._ways.restore, self._password or ""
        if restore is None:
            return
        lost = self._why is not None and _lacks_key(self._why)
        gone = self._why is not None and self._why.code == "database_gone"
        self._front.show_view(Working(_("Restoring the backup"), _("Its key is tried on what is here first.") if lost
                                      else _("What is restored takes the empty place: nothing is replaced.") if gone
                                      else _("The file that does not open stays beside the new one.")))

        def failed(error: KnownError) -> None:
            if error.code in ASKS:
                self._ask_for_backup(str(file))
            elif error.code == "passphrase_wanted":
                self._ask_own(str(file), password)
            else:
                self._offer(str(error), salvage=self._why is not None and self._why.code in DAMAGED)

        self.lanes.write(lambda: restore(str(file), password, None, None), lambda said: self._restored(said, None), failed)

    def _ask_for_backup(self, file: str) -> None:
        from alumni_desk.desktop.safekeeping import locked_words
        from alumni_desk.desktop.unlock import UnlockPage

        why = locked_words(Path(file))
        unlock = UnlockPage(lambda password: self._restore(file, password, None, unlock), why=why)
        self._front.show_view(unlock, self._to_start)

    def _restore_by_store(self, file: str) -> None:
        """It has nothing that could be typed: the password store may have its key."""
        from alumni_desk.desktop.working import Working

        restore, key = self._ways.restore, self._key_of_first_page()
        if restore is None:
            return
        self._front.show_view(Working(_("Restoring the backup"), _("This computer’s password store is asked for the key. If it is locked, it asks for its "
                                                                   "password in a window of its own.")))  # fmt: skip

        def failed(error: KnownError) -> None:
            if error.code == "passphrase_wanted":
                self._ask_own(file, "")
            else:
                self._front.show_view(ErrorPage(error, _("Back"), self._to_start))

        self.lanes.write(lambda: restore(file, "", None, key), lambda said: self._restored(said, None), failed)

    def _key_of_first_page(self) -> bytes | None:
        """That of the empty desk, which is closed: what locks that locks a restored backup from now on."""
        if self._desk is not None:
            self._key = self._desk.key
            self._desk.close()
            self._desk = None
        return self._key

    def _to_start(self) -> None:
        """Back to the first page; a restore that did not go has closed the desk."""
        if self._desk is not None:
            self.first_run()
        else:
            self.begin()

    def _ask_own(self, file: str, password: str) -> None:
        from alumni_desk.desktop.unlock import UnlockPage

        why = _("The backup opens. Choose the password that locks it on this laptop.")
        chooses = UnlockPage(lambda own: self._restore(file, password, own, chooses), choose=True, why=why)
        self._front.show_view(chooses, self._to_start)

    def _restore(self, file: str, password: str, own: str | None, unlock: UnlockPage) -> None:
        restore = self._ways.restore
        if restore is None:
            return
        key = self._key_of_first_page()
        self.lanes.write(lambda: restore(file, password, own, key), lambda said: self._restored(said, own or (None if key else password)),
                         self._said_by(unlock, lambda error: self._not_restored(error, file, password, unlock)))  # fmt: skip

    def _restored(self, said: str, typed: str | None) -> None:
        """Go on, without asking once more for what was typed for the backup if it opens this, too."""
        self.news, self._mended = said, self._why is not None
        if typed and (read_recovery_key(typed) is None or "recovery" in self._ways.keepers()):
            self._with_password(typed)
        else:
            self.begin()

    def _not_restored(self, error: KnownError, file: str, password: str, unlock: UnlockPage) -> None:
        if error.code == "passphrase_wanted":
            self._ask_own(file, password)
        else:
            unlock.complain(str(error), counts=error.code in ("passphrase_wrong", "recovery_wrong"))

    def _back_with(self, error: KnownError) -> None:
        self._front.show_view(ErrorPage(error, _("Back"), self.first_run))


def _lacks_key(error: KnownError) -> bool:
    return error.code in KEYLESS or bool(error.facts.get("gone"))


def _takes_none_words(error: KnownError) -> str:
    """That there is a password store, and it does not keep a new key."""
    return _("This computer’s password store takes no key: {why}. Unlock it and try again, so that it keeps the members locked; or choose a password of "
             "your own.").format(why=error.facts["why"])  # fmt: skip


def _after_news(news: str) -> str:
    """What was done with the chapter just before, and whose password is asked for now: a backup of another laptop has another one."""
    return _("{news} Type this laptop’s own password to go on: the same as before, whatever opened the backup.").format(news=news)


def _silent_words(error: KnownError) -> str:
    """That the password store does not give out the key, as a window says it."""
    if error.code == "passphrase_needed" and error.facts.get("gone"):
        return _("This computer’s password store does not have the key of the chapter any more. Type the password.")
    if not error.facts.get("why") or error.code not in ("passphrase_needed", "recovery_needed"):
        return str(error)
    if error.code == "recovery_needed":
        return _("This computer’s password store does not give out the key of the chapter: {why}. Unlock it and try again, or type the recovery key.").format(
            why=error.facts["why"])
    return _("This computer’s password store does not give out the key of the chapter: {why}. Unlock it and try again, or type the password.").format(
        why=error.facts["why"])


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
