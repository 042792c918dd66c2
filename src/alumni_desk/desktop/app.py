"""Everything of the window is wired here, and only here."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QKeySequence, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QWidget

from alumni_desk import __version__
from alumni_desk.desktop.at_door import allowed_pages, for_whom, is_at_door, is_locked
from alumni_desk.desktop.background import Job, Lanes
from alumni_desk.desktop.changes import ChangeBus, Watch
from alumni_desk.desktop.controls import WINDOW, shortcut
from alumni_desk.desktop.deeds import About, Deed, Deeds
from alumni_desk.desktop.front import Front
from alumni_desk.desktop.keeping import Keeping
from alumni_desk.desktop.later import Later
from alumni_desk.desktop.locking import Lock, standing_words
from alumni_desk.desktop.look import look
from alumni_desk.desktop.opening import Opening, Ways
from alumni_desk.desktop.pages import Page, Planned
from alumni_desk.desktop.preferences import Preferences
from alumni_desk.desktop.quitting import Quitting
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.shell import Shell, Whose
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.desktop.theme import Appearance, Theme
from alumni_desk.desktop.today_lists import FrameFacts, frame_facts
from alumni_desk.desktop.undoing import Undoing
from alumni_desk.desktop.venue_bridge import GoesOn, VenueBridge
from alumni_desk.desktop.widgets import paint_mark
from alumni_desk.errors import KnownError
from alumni_desk.logs import log_file
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.words import _, number

if TYPE_CHECKING:
    from alumni_desk.desktop.door import DoorWindow
    from alumni_desk.desktop.door_page import CheckInPage
    from alumni_desk.desktop.help_window import HelpWindow
    from alumni_desk.desktop.keys_ahead import KeysAhead
    from alumni_desk.desktop.lock_page import Locked
    from alumni_desk.desktop.palette import Palette
    from alumni_desk.desktop.settings_page import SettingsPage
    from alumni_desk.desktop.sync_page import SyncPage
    from alumni_desk.sync.engine import Standing

log = logging.getLogger(__name__)

ALSO = {"activity": _("history undo log who changed"), "settings": _("preferences options theme text size password"), "badges": _("print labels name tags"),
        "sync": _("server laptops share send receive"), "checkin": _("door scan guests"), "restore": _("backup go back")}
"""Other words that people type when they mean a page."""

PAINT_MS = 2
"""Long enough for Qt to lay out and paint first what a page has just been given."""
FOLLOW_MS = 300
"""Between two looks whether a form that was begun for another chapter is still open."""
CALM_MS = 400
"""After which opening a profile shows that it is under way: mostly its window is there by then."""


class Room(QObject):
    """A window on an open desk with all that works for it: lanes, news of changes, sync. ``close`` ends every thread.

    ``stands``: its first page is filled and painted. ``another_wanted``: the laptop came to a door, or from one to the office, or is locked or free
    again: it has a use for other pages than this window has. An open door is left first: until then the window shows fewer pages.
    """

    stands = Signal()
    another_wanted = Signal()

    def __init__(self, desk: Desk, appearance: Appearance, *, about: About, deeds: Deeds | None = None,
                 help_files: Sequence[Path] = (), today: Callable[[], date] = date.today) -> None:  # fmt: skip
        super().__init__()
        self.desk, self.appearance, self._today = desk, appearance, today
        self.lanes = Lanes(self)
        self.changes = ChangeBus(self)
        self.bridge = SyncBridge(desk, self.lanes, self.changes)
        self.venue = VenueBridge(desk, self.lanes)
        self.undoing = Undoing(desk, self.lanes, self.changes)
        self.watch = Watch(desk, self.lanes, self.changes)
        self.watch.emptied.connect(self.bridge.emptied)
        self.keeping = Keeping(desk, self.lanes)
        self._help_files = list(help_files)
        self._help: HelpWindow | None = None
        deeds = deeds or Deeds(None, None, self._help_wanted if help_files else None)
        self._at_door = is_at_door(desk)
        self._locked = is_locked(desk)
        self._made_for = (self._at_door, self._locked)
        plan = for_whom(self._plan(about, deeds), at_door=self._at_door, locked=self._locked)
        self.shell = Shell(plan, Whose(device=desk.device_name), self.undoing, on_close=self.close)
        self.shell.hush(self._locked)
        self._keys_ahead: KeysAhead | None = None
        self.lanes.trouble.connect(self._say_trouble)
        self.lanes.trouble.connect(lambda error: self._give_keys(None))
        self.keeping.said.connect(self.shell.say)
        self.keeping.trouble.connect(lambda error: self.shell.say(str(error)))
        self.keeping.damaged.connect(self._say_damage)
        self._standing = ""
        self._wanted = ""
        self._last_standing: Standing | None = None
        self.lock = Lock(desk, self.shell, door=self._door, standing=lambda: self._standing)
        self.lock.changed.connect(lambda locked: self._give_keys(None))  # what is typed is the password now
        self.undoing.first = self._before_saving
        self.lock.recovered.connect(self._choose_password)
        self.quitting = Quitting(self.shell, desk, self.lanes, self.bridge, self.shell.say, self.lock, self.undoing, self._door)
        self.shell.may_close = self.quitting.may_close
        self.shell.dropped.connect(lambda files: QTimer.singleShot(0, self.shell, lambda: self.take_files(files)))
        self.venue.news.connect(self.watch.look)
        self.venue.changed.connect(lambda standing: self._tell_door())
        self.bridge.reached.connect(self._tell_door)
        self.bridge.ending.connect(self.venue.leave)
        self.bridge.ending.connect(self.venue.share_no_more)
        self.bridge.half_typed = self._half_typed
        self.bridge.over.connect(self.shell.say_over)
        self.bridge.standing.connect(self._stands)
        self.bridge.begun.connect(self._say_standing)
        self.bridge.to_decide.connect(lambda count: self.shell.nav.set_count("sync", number(count) if count else "", due=True))
        self.shell.current().stack.settled.connect(lambda: QTimer.singleShot(PAINT_MS, self, self.stands.emit), Qt.ConnectionType.SingleShotConnection)
        self.stands.connect(lambda: QTimer.singleShot(10 * PAINT_MS, self.bridge, self.bridge.first_look))
        self.later = Later(self.shell, self.lanes, self.lock.away.resting)
        self.changes.changed.connect(self._frame)
        self.shell.palette_wanted.connect(self._palette_wanted)
        self.shell.size_wanted.connect(appearance.set_percent)
        self.shell.go = self._go
        self.shell.palette_button.setVisible(self._may_find())
        if help_files:
            shortcut(QKeySequence.StandardKey.HelpContents, self.shell, self._help_wanted, WINDOW)
        self._look_at_frame()

    def _plan(self, about: About, deeds: Deeds) -> list[Planned]:
        """Every page of the window. None but the first is built, or even imported, before somebody wants it or nobody wants anything."""
        clock: dict[str, Any] = {"clock": self._day}
        now: dict[str, Any] = {**clock, "now": self._now}
        settings: dict[str, Any] = {"appearance": self.appearance, "deeds": deeds, "about": about}
        return [
            self._planned("today", "sun-horizon", _("Today"), "today_page.TodayPage", **clock),
            self._planned("members", "users", _("Members"), "members_page.MembersPage", **clock),
            self._planned("gatherings", "calendar-blank", _("Gatherings"), "gatherings_page.GatheringsPage", **now),
            self._planned("checkin", "door", _("Check-in"), "door_page.CheckInPage", wire=self._wire_door),
            self._planned("badges", "identification-badge", _("Badges"), "badges_page.BadgesPage", **now),
            self._planned("sync", "arrows-clockwise", _("Sync"), "sync_page.SyncPage", bridge=self.bridge, venue=self.venue,
                          wire=self._wire_sync),
            self._planned("settings", "gear-six", _("Settings"), "settings_page.SettingsPage", wire=self._wire_settings, **settings),
            self._planned("activity", "clock-counter-clockwise", _("Activity"), "activity_page.ActivityPage", apart=True, undoing=self.undoing),
            self._planned("restore", "clock-counter-clockwise", _("Restore a backup"), "restore_page.RestorePage", apart=True, restore_it=deeds.restore_it,
                          is_damaged=lambda: self.keeping.is_damaged),
        ]

    def _planned(self, name: str, icon: str, title: str, where: str, *, apart: bool = False, wire: Callable[[Any], None] | None = None,
                 **more: Any) -> Planned:  # fmt: skip
        module, kind = where.split(".")
        module = f"alumni_desk.desktop.{module}"

        def make() -> Page:
            page: Page = getattr(import_module(module), kind)(self.desk, self.lanes, self.changes, self._go, **more)
            if wire is not None:
                wire(page)
            return page

        return Planned(name, icon, title, module, make, apart)

    def _wire_sync(self, page: SyncPage) -> None:
        page.brought.connect(self.take_file)

    def take_file(self, file: Path) -> None:
        """Open a file that another laptop made: it is said what it is before anything is done."""
        from alumni_desk.desktop.carrying import open_brought

        open_brought(self.shell, self.desk, self.lanes, file, done=self.changes.tell, say=self.shell.say,
                     invited=lambda brought: self._go("sync", invitation=brought), backup=lambda backup: self._go("restore", file=backup))

    def _ask_file(self) -> None:
        """Ask for a file of any kind, and do with it what would be done if it were dropped on the window."""
        chosen, _kind = QFileDialog.getOpenFileName(self.shell, _("Open a file"), str(Path.home()), _("All files (*)"))
        if chosen:
            self.take_files([Path(chosen)])

    def take_files(self, files: Sequence[Path]) -> None:
        """Open what was dropped or handed to the program, by what is in it: lists lead to their import, files of another laptop and backups say what
        they are, and of everything else it is said why it is not opened.
        """
        from alumni_desk.desktop.carrying import sort_files

        lists = self.shell.may_see("members")

        def sorted_out(found: tuple[Path, bool]) -> None:
            file, ours = found
            if ours:
                self.take_file(file)
            else:
                self._go("members", import_file=file)
            if others := [one.name for one in files if one != file]:
                self.shell.say(_("One file at a time: open {files} after this.").format(files=", ".join(others)))

        self.lanes.work(lambda: sort_files(files, lists=lists), sorted_out, lambda error: self.shell.say(str(error)))

    def _before_saving(self, *parts: Any) -> None:
        """The recovery key comes first, whatever page asks to save somebody."""
        from alumni_desk.desktop.recovery_page import before_saving

        before_saving(QApplication.activeModalWidget() or self.shell, self.desk, self.lanes, *parts)

    def _choose_password(self, opened: str) -> None:
        """The recovery key unlocked the window, so the password may be lost: a new one is asked for, as where the key opens the program."""
        from alumni_desk.desktop.password_sheet import choose_password

        choose_password(QApplication.activeModalWidget() or self.shell, self.desk, self.lanes, self.shell.say,
                        _("The recovery key opened it. Choose a new password in place of the one that is lost; Cancel keeps the old one."), known=opened)

    def _wire_door(self, page: CheckInPage) -> None:
        page.lock_wanted.connect(lambda: self.lock.lock())
        page.opened.connect(self._tell_door)
        page.left.connect(self._door_left)
        page.look_wanted.connect(self.bridge.look)
        page.sync_wanted.connect(self.bridge.sync_now)
        page.code_typed.connect(self._retype)
        page.unlock_wanted.connect(lambda: self.lock.ask())  # a laptop at a door has this page before it has a lock

    def _wire_settings(self, page: SettingsPage) -> None:
        page.named.connect(self._frame)
        page.lock_now.connect(lambda: self.lock.lock())
        page.ruled.connect(self._read_rules)
        page.set_damage(self._damage_words())

    def _read_rules(self) -> None:
        self.lock.read_rules()
        if (door := self._door()) is not None:
            door.leaving.read_pin()

    def _go(self, name: str, **what: Any) -> None:
        self._wanted = name

        def show() -> None:
            if self._wanted == name:  # and nobody has thought better of it meanwhile
                self.shell.show_page(name, **what)

        self._with_modules([name], show)

    def _with_modules(self, pages: Iterable[str], then: Callable[[], object]) -> None:
        """Import on a lane what these pages come from, if it is not there yet, and make them one by one: the window answers meanwhile."""
        plan = [self.shell.plan[name] for name in pages if name in self.shell.plan and not self.shell.is_made(name)]
        missing = [page.module for page in plan if page.module not in sys.modules]
        names = [page.name for page in plan]
        if missing:
            self.later.know_types(lambda: self.lanes.read(lambda: [import_module(module) for module in missing], lambda done: self._make(names, then)))
        elif len(names) > 1:
            self._make(names, then)
        else:
            then()

    def _make(self, pages: list[str], then: Callable[[], object]) -> None:
        step = next((step for step in map(self.shell.next_step, pages) if step is not None), None)
        if step is None:
            then()
            return
        step()
        QTimer.singleShot(0, self.shell, lambda: self._make(pages, then))

    def _palette_wanted(self) -> None:
        """Pages that are not there yet have something to offer, too; what is typed meanwhile is meant for the palette."""
        from alumni_desk.desktop.keys_ahead import KeysAhead

        def stands() -> None:
            palette = self.show_palette()
            self._give_keys(palette.field if palette is not None else None)

        if self._keys_ahead is None:
            self._keys_ahead = KeysAhead(self)
            self._with_modules(self.shell.plan, stands)

    def _give_keys(self, field: QWidget | None) -> None:
        if self._keys_ahead is not None:
            keys, self._keys_ahead = self._keys_ahead, None
            keys.give(field)

    def _tell_door(self) -> None:
        """The door says where the data stands, and which laptops are heard here."""
        door, standing = self._door(), self._last_standing
        if door is None or standing is None:
            return
        from alumni_desk.desktop.door_over import elsewhere_words, time_of

        door.set_standing(standing.state, standing.short, damaged=self.keeping.is_damaged)
        last = datetime.fromisoformat(standing.last_sync) if standing.last_sync else None
        door.set_venue(self.venue.standing, self.bridge.silent_since, last, heard=self.bridge.heard)
        until, over = time_of(standing)
        if not over and standing.role == "door" and standing.gathering != door.gathering_id:
            over = elsewhere_words()
        door.set_access(until, over)

    def _retype(self, code: str) -> None:
        """At the door somebody typed the other laptop's new code; once it is met the door is told so."""

        def refused(error: KnownError) -> None:
            if (door := self._door()) is not None:
                door.code.refuse(error)

        self.venue.retype(code, lambda met: None, refused)

    def _stands(self, standing: Standing) -> None:
        before, self._last_standing = self._last_standing, standing
        restoring = self.shell.built("restore")
        if restoring is not None and before is not None and before.waiting != standing.waiting:
            restoring.out_of_date()  # it says how much a restore would carry over
        self._tell_door()
        self._say_standing()
        self._standing = standing_words(standing.waiting, standing.state not in ("alone", "invitation"))
        self.lock.say_standing()
        stands = (standing.role == "door", standing.locked)
        if stands != (self._at_door, self._locked):
            self._at_door, self._locked = stands
            self._follow_role()

    def _follow_role(self) -> None:
        """Another role has a window of its own: at once, or once the door is left that is open under this one."""
        door = self._door()
        if door is None:
            self.another_wanted.emit()
            return
        self._shut_dialogs()
        self.shell.hush(self._locked)
        door.set_locked(self._locked, "chapter")
        self.shell.allow(allowed_pages(at_door=self._at_door, locked=self._locked))
        self.shell.palette_button.setVisible(self._may_find())

    def _shut_dialogs(self) -> None:
        """They may name members; what was typed into them can be brought back. One that works just now goes when that has ended."""
        if not self._is_another():
            return
        for one in self.shell.findChildren(QDialog):
            if (not one.isVisible() and not self.lock.hides(one)) or (isinstance(one, PlainSheet) and one.names_nobody):
                continue
            if isinstance(one, PlainSheet) and (one.at_work or not one.shut.isEnabled()):
                QTimer.singleShot(FOLLOW_MS, one, self._shut_dialogs)
            else:
                one.reject()

    def _is_another(self) -> bool:
        """Whether this laptop has a use for other pages than this window was made for."""
        return (self._at_door, self._locked) != self._made_for

    def _may_find(self) -> bool:
        """Whether anybody may be looked for, and this window has a page that shows them."""
        return not self._at_door and not self._locked and self.shell.may_see("members")

    def _door_left(self) -> None:
        if self._is_another():
            self.another_wanted.emit()

    def _say_standing(self) -> None:
        standing = self._last_standing
        if standing is not None and self.bridge.busy and standing.last_sync is None and standing.state in ("waiting", "trouble"):
            self.shell.chip.set_standing("syncing", _("Fetching the chapter"))
        elif standing is not None:
            self.shell.chip.set_standing(standing.state, standing.short)

    def _door(self) -> DoorWindow | None:
        page = self.shell.built("checkin")
        return cast("CheckInPage", page).door if page is not None else None

    def half_typed_at_door(self) -> int:
        """How many walk-ins are begun at the door and saved by nobody."""
        door = self._door()
        return len(door.newcomer.typed()) if door is not None else 0

    def _half_typed(self) -> int:
        """How many forms are open that somebody wants to end before this laptop is emptied."""
        from alumni_desk.desktop.sheet import half_typed

        return half_typed(self.shell) + self.half_typed_at_door()

    def _frame(self, changed: object = None) -> None:
        self.lock.read_rules()
        self._look_at_frame()

    def _day(self) -> date:
        """Which day it is, as the server corrected this computer's clock when they last spoke."""
        return self.desk.now().astimezone().date() if self._today == date.today else self._today()

    def _now(self) -> datetime:
        """The moment that gatherings are judged by; noon of a day that was set for a picture or a test."""
        return self.desk.now() if self._today == date.today else datetime.combine(self._today(), time(12), UTC)

    def _look_at_frame(self) -> None:
        self.lanes.read(self._read_frame, self._show_frame, key="frame")

    def _read_frame(self) -> tuple[FrameFacts, str, str]:
        return frame_facts(self.desk, self._day()), self.desk.setting("person_name") or "", self.desk.device_name

    def _show_frame(self, found: tuple[FrameFacts, str, str]) -> None:
        facts, person, device = found
        whose = Whose(facts.chapter, facts.university, person, device, facts.sample)
        self.shell.set_whose(whose)
        self._follow(facts)
        self.shell.nav.set_count("members", number(facts.members) if facts.members else "")
        self.shell.nav.set_count("gatherings", number(facts.ahead) if facts.ahead else "")

    def _follow(self, facts: FrameFacts) -> None:
        """From now on actions are for the chapter that is here. Where a command has switched it under open forms, they were for the one before: that
        refuses to be saved, and the window waits until they are closed."""
        if facts.scope == self.desk.shows:
            return
        if self.desk.shows is not None and self._half_typed():
            QTimer.singleShot(FOLLOW_MS, self.shell, self._look_at_frame)
            return
        if (before := self.desk.shows) is not None:
            self.lanes.read(lambda: _followed(self.desk, before, facts.chapter), self.shell.say)
        self.desk.shows = facts.scope

    def show_palette(self) -> Palette | None:
        """Everybody and everything by a few letters; not while the window or the chapter is locked, and not at a door, where one list is all there is."""
        if self.shell.covered() or not self._may_find():
            return None
        from alumni_desk.desktop.palette import Palette

        palette = Palette(self.shell, self.desk, self.lanes, self._go, self._everything())
        self.changes.changed.connect(palette.look_anew)
        palette.open()
        return palette

    def _everything(self) -> list[Deed]:
        """Every page, and what can be done on each."""
        plan = self.shell.plan.values()
        built = [page for page in (self.shell.page(name) for name in self.shell.plan) if page is not None]
        numbers = {page.name: f"Ctrl {number}" for number, page in enumerate((page for page in plan if not page.apart), 1)}
        pages = [Deed(f"page:{page.name}", page.icon, page.title, partial(self._go, page.name), numbers.get(page.name, ""),
                      also=ALSO.get(page.name, "")) for page in plan]
        here = self.shell.current()  # a page's keys do what they say on that page alone
        deeds = [deed._replace(key=f"{page.name}:{deed.key}" if deed.key else "", act=partial(self._do, page.name, deed),
                         keys=deed.keys if page is here or deed.apart else here.keyed.get(f"{page.name}:{deed.key}", ""))
                 for page in built for deed in page.deeds()]
        deeds += [Deed("undo", "arrow-counter-clockwise", _("Undo the last change"), self.undoing.undo, _("Ctrl Z"), also=_("back mistake")),
                  Deed("redo", "arrows-clockwise", _("Redo what was undone"), self.undoing.redo, _("Ctrl Shift Z"), asks=self.undoing.redoable)]
        doable = {deed.words for deed in deeds if deed.can()}
        pages = [page for page in pages if page.words not in doable]  # a page that is there for one thing is not offered twice
        deeds.append(Deed("open_file", "folder", _("Open a file"), self._ask_file,
                          also=_("hand-out invitation transfer changes list import stick brought")))
        if self._help_files:
            deeds.append(Deed("help", "info", _("Open the handbook"), self.show_help, "F1", also=_("help manual guide how to")))
        return [*pages, *deeds]

    def _do(self, page: str, deed: Deed) -> None:
        if not deed.apart:
            self._go(page)
        deed.act()

    def _help_wanted(self) -> None:
        self.show_help()

    def show_help(self) -> HelpWindow:
        """The handbook, in its own window."""
        if self._help is None:
            from alumni_desk.desktop.help_window import HelpWindow

            self._help = HelpWindow(self._help_files, self.shell)
        self._help.show()
        self._help.raise_()
        return self._help

    def _say_trouble(self, error: KnownError) -> None:
        """A toast; what the line on every page says already is not said twice."""
        if not (error.code == "database_damaged" and self.keeping.is_damaged):
            self.shell.say(str(error))

    def _damage_words(self) -> str:
        if not self.keeping.is_damaged:
            return ""
        from alumni_desk.store.troubles import part_damaged

        return str(part_damaged())

    def _say_damage(self, damaged: bool) -> None:
        """Damage is said on every page until it is mended: a volunteer who works on would work on in a database that loses more."""
        self.shell.set_damage(self._damage_words())
        self._tell_door()
        settings = self.shell.built("settings")
        if settings is not None:
            cast("SettingsPage", settings).set_damage(self._damage_words())
        restore = self.shell.built("restore")
        if restore is not None and restore.isVisible():  # what going back does is another thing then
            restore.refresh()

    def holds_work(self) -> bool:
        """Whether the window may not be made anew now: it is locked, a dialog is open, or a door is."""
        door = self._door()
        return self.lock.locked or bool(open_dialogs()) or (door is not None and door.isVisible())

    def close(self) -> None:
        """End what runs, wait for it, and leave the desk to its owner."""
        self.later.stop()
        self._give_keys(None)
        self.lock.close()
        self.watch.stop()
        self.keeping.stop()
        self.quitting.free = True
        if (page := self.shell.built("checkin")) is not None:
            cast("CheckInPage", page).close_door()
        self.venue.stop()
        self.bridge.stop()
        self.lanes.close()


class Sitting(QObject):
    """From starting the program to closing its last window: opens the profile, then keeps one room at a time. ``usable``: its first page stands."""

    usable = Signal()

    def __init__(self, app: QApplication, profile: Profile, ways: Ways, room_of: Callable[[Desk, Sitting], Room]) -> None:
        super().__init__(app)
        self._app, self._ways, self._room_of = app, ways, room_of
        self.preferences = Preferences(profile.path)
        self.appearance = Appearance(app, self.preferences.theme, self.preferences.percent)
        app.setWindowIcon(window_icon())
        self.front: Front | None = None
        self.opening: Opening | None = None
        self.room: Room | None = None
        self._desk: Desk | None = None
        self._files: list[Path] = []
        self._silent_since: datetime | None = None  # as the window before this one knew it: a new window is no new silence
        self._heard = False
        self.appearance.repainted.connect(self._keep)
        self.appearance.resized.connect(self._resized)
        self._goes_on = False  # with the laptops in the room, once the first page stands
        self._size_waits = False  # the window still has the measures of another text size
        app.focusWindowChanged.connect(lambda window: self._look_at_size())

    def begin(self, news: str = "") -> None:
        """Open the profile; if that takes a while or asks for something, there is a calm page meanwhile. ``news``: what was done with it just before."""
        self.front = Front(self.appearance.percent, self.appearance.set_percent)
        self.opening = Opening(self.front, self._ways, self.work_at)
        self.opening.news = news
        self.opening.took.connect(self._took)
        QTimer.singleShot(CALM_MS, self.front, partial(self._show_front, self.front))
        self.opening.begin()
        self.take_files(())

    def _took(self, file: Path) -> None:
        """The first page begins with it: it is not opened once more when there is a chapter."""
        self._files = [one for one in self._files if one != file]

    def _show_front(self, front: Front) -> None:
        if self.front is front and self.opening is not None:
            self.opening.calm()
            front.show()

    def work_at(self, desk: Desk, page: str, what: dict[str, Any]) -> None:
        """Show the window of an open desk."""
        self._desk = desk
        stay_with = what.pop("stay_with", None)
        self._show_room(page, what)
        if stay_with is not None and self.room is not None:
            self.room.venue.stay_with(*stay_with)
        self._goes_on = stay_with is None
        news = self.opening.news if self.opening is not None else ""
        if news and self.room is not None:
            self.room.shell.say(news)
        if self.front is not None:
            front, self.front, self.opening = self.front, None, None
            front.close()
            front.deleteLater()
        self.take_files(())

    def come_forward(self, files: Sequence[Path] = ()) -> None:
        """Bring the window to the front, as somebody who starts the program a second time expects, and open their files."""
        window = self.room.shell if self.room is not None else self.front
        if window is not None:
            window.setWindowState((window.windowState() & ~Qt.WindowState.WindowMinimized) | Qt.WindowState.WindowActive)
            window.show()
            window.raise_()
            window.activateWindow()
        self.take_files(files)

    def take_files(self, files: Sequence[Path]) -> None:
        """Open files that were handed to the program, at once or as soon as a chapter is open and unlocked."""
        self._files += files
        if self.room is None and self.opening is not None and self._files:
            from alumni_desk.desktop.carrying import is_ours

            if is_ours(self._files[0]):
                self.opening.take_file(self._files[0])
        if self.room is not None and self.room.lock.locked:
            self.room.lock.say_files(len(self._files))
            return
        if self.room is None or not self._files:
            return
        files, self._files = self._files, []
        self.room.take_files(files)

    def leave_for(self, words: tuple[str, str], work: Callable[[Job], str]) -> None:
        """Close the desk, do something to its profile off the screen (a restore), and open it again; ``work`` gives what to say then."""
        from alumni_desk.desktop.working import Working

        self._app.setQuitOnLastWindowClosed(False)
        front = Front(self.appearance.percent, self.appearance.set_percent)
        view = Working(*words, cancel=True)
        front.show_view(view)
        front.show()
        self._close_room()
        self._close_desk()
        lanes = Lanes(self)

        def go_on(said: str) -> None:
            lanes.close()
            self.begin(said)
            front.close()
            front.deleteLater()
            self._app.setQuitOnLastWindowClosed(True)

        job = lanes.write_long(work, go_on, lambda error: go_on(str(error)), progress=view.progress)
        view.cancelled.connect(job.cancel)

    def close(self) -> None:
        """End the background work and close the desk; its key leaves the memory with it."""
        if self.opening is not None:
            self.opening.close()
        self._close_room()
        self._close_desk()
        self.preferences.keep()

    def _show_room(self, page: str, what: dict[str, Any], locked: Locked | None = None) -> None:
        if self._desk is None:
            return
        room = self._room_of(self._desk, self)
        room.bridge.silent_since, room.bridge.heard = self._silent_since, self._heard
        room.shell.restore_geometry_text(self.preferences.place)
        if locked is not None:
            room.lock.lock(locked.why, locked)
        room.shell.show()
        room.shell.show_page(page, **what)
        self.room = room
        room.another_wanted.connect(lambda: QTimer.singleShot(0, self._rebuild))
        room.stands.connect(self._stands)
        room.lock.changed.connect(lambda locked: self.take_files(()))
        room.lock.changed.connect(lambda locked: self._look_at_size())

    def _stands(self) -> None:
        self.usable.emit()
        if self.room is not None:
            self.room.lock.away.listen()
            if self._goes_on:
                self._goes_on = False
                self.room.venue.go_on_after_restart()

    def _close_room(self) -> None:
        if self.room is not None:
            self.preferences.place = self.room.shell.geometry_text()
            self._silent_since, self._heard = self.room.bridge.silent_since, self.room.bridge.heard
            self.room.close()
            self.room.shell.close()
            self.room.shell.deleteLater()
            self.room = None

    def _close_desk(self) -> None:
        if self._desk is not None:
            self._desk.close()
            self._desk = None

    def _keep(self) -> None:
        self.preferences.theme, self.preferences.percent = self.appearance.theme, self.appearance.percent

    def _resized(self) -> None:
        # Measures are taken when widgets are made, so windows are made anew; not inside the click that asked for it.
        self._keep()
        self._size_waits = True
        self._look_at_size()

    def _look_at_size(self, result: int = 0) -> None:
        """Make the window anew once nothing is open in it that would be lost."""
        if self._size_waits:
            QTimer.singleShot(0, self, self._follow_size)

    def _follow_size(self) -> None:
        if not self._size_waits:
            return
        if self.room is None or not self.room.holds_work():
            self._rebuild()
        for dialog in open_dialogs():  # the last one that is closed makes room
            dialog.finished.connect(self._look_at_size)

    def _room_goes_on(self, at_venue: GoesOn) -> None:
        if self.room is not None:
            self.room.venue.go_on(at_venue)
        elif at_venue.sharing is not None:
            at_venue.sharing.stop()

    def _rebuild(self) -> None:
        self._size_waits = False
        if self.room is not None:
            page = self.room.shell.current().name
            locked = self.room.lock.page.locked if self.room.lock.page is not None else None
            # The new window first: Qt ends the program when the last one closes.
            before, self.room = self.room, None
            self.preferences.place = before.shell.geometry_text()
            at_venue = before.venue.hand_over()
            unsaid = before.shell.unsaid()
            self._silent_since, self._heard = before.bridge.silent_since, before.bridge.heard
            before.close()
            self._show_room(page, {}, locked)
            self._room_goes_on(at_venue)
            if self.room is not None:
                self.room.shell.say_again(unsaid)
            before.shell.close()
            before.shell.deleteLater()
        elif self.front is not None and self.opening is not None:
            old, opening = self.front, self.opening
            self.front = Front(self.appearance.percent, self.appearance.set_percent)
            self.front.setGeometry(old.geometry())
            self.front.show()
            opening.move_to(self.front)
            old.close()
            old.deleteLater()


def open_dialogs() -> list[QDialog]:
    """The dialogs that somebody sees."""
    return [window for window in QApplication.topLevelWidgets() if isinstance(window, QDialog) and window.isVisible()]


def build(desk: Desk, *, theme: Theme = "system", percent: int = 100, about: About | None = None, deeds: Deeds | None = None,
          help_files: Sequence[Path] = (), today: Callable[[], date] = date.today, appearance: Appearance | None = None) -> Room:  # fmt: skip
    """A window on an open desk. The caller keeps the room, shows ``room.shell`` and closes the desk after it."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        raise RuntimeError("a QApplication comes first")
    kept = appearance or Appearance(app, theme, percent)
    return Room(desk, kept, about=about or about_of(desk), deeds=deeds, help_files=help_files, today=today)


def _followed(desk: Desk, before: str, chapter: str) -> str:
    """What to say where a command has put another chapter in place of the one ``before``, or moved that one. ``chapter``: its name in the list, if known."""
    from alumni_desk.sync.switching import now_here

    name, moved = now_here(desk, before)
    if moved:
        return _("The chapter is at {chapter}’s new server").format(chapter=chapter or name)
    return _("This laptop shows another chapter now: {chapter}.").format(chapter=chapter or name or _("it has no name yet"))


def about_of(desk: Desk) -> About:
    """What Settings says about this program and this laptop."""
    return About(__version__, desk.profile.path, log_file())


def window_icon() -> QIcon:
    """The sign of the desk, for the task bar."""
    icon = QIcon()
    for side in (16, 32, 48, 128, 256):
        pixmap = QPixmap(side, side)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        paint_mark(painter, pixmap.rect().toRectF(), look())
        painter.end()
        icon.addPixmap(pixmap)
    return icon
