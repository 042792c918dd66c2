"""Locking the window: when nobody is there, before a sleep, or by hand. What was open comes back as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QShortcut, QWindow
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from alumni_desk.desktop.away import Away
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import WINDOW, shortcut
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.shell import Shell
from alumni_desk.errors import KnownError
from alumni_desk.protocol.codes import badge_behind, read_recovery_key
from alumni_desk.store import driver, keys
from alumni_desk.store.desk import Desk
from alumni_desk.store.patience import Patience
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.desktop.lock_page import Locked, LockPage, Why

LOCK_AFTER, LOCK_SLEEP, LOCK_DOOR, FOUND_MAIL = "lock_after", "lock_sleep", "lock_door", "found_mail"
KEYS = frozenset({QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.ShortcutOverride, QEvent.Type.Shortcut, QEvent.Type.InputMethod})
MINUTES = (1, 2, 5, 10, 15, 30, 60, 0)
USUAL = 5


class Rules(NamedTuple):
    """When the window locks (``minutes`` 0: not by itself), and whether check-in goes on."""

    minutes: int
    on_sleep: bool
    door_goes_on: bool


def rules_of(desk: Desk) -> Rules:
    """The settings of locking. Made-up people are locked only by hand."""
    with desk.asking() as connection:
        sample = any(flag for [flag] in driver.rows(connection, "SELECT sample FROM chapter LIMIT 1"))
    minutes = desk.setting(LOCK_AFTER, 0 if sample else USUAL)
    return Rules(minutes if minutes in MINUTES else USUAL, bool(desk.setting(LOCK_SLEEP, not sample)), bool(desk.setting(LOCK_DOOR, True)))


class Names(NamedTuple):
    """Whose chapter and whose laptop it is, and what keeps the key."""

    chapter: str = ""
    university: str = ""
    owner: str = ""
    write_to: str = ""
    keepers: frozenset[str] = frozenset()


def names_of(desk: Desk) -> Names:
    """What the locked page may say of the chapter and the laptop."""
    with desk.asking() as connection:
        chapter, university = driver.row(connection, "SELECT name, university FROM chapter LIMIT 1") or ("", "")
    return Names(chapter or "", university or "", desk.setting("person_name") or "", desk.setting(FOUND_MAIL) or "", keepers_of(desk))


def keepers_of(desk: Desk) -> frozenset[str]:
    """What opens the desk; a key file that somebody took away is put back first."""
    desk.key_file.look()
    return keys.keepers(desk.profile.path, "desk")


class Lock(QObject):
    """The lock of one window. ``changed(locked)`` when it closes and opens; ``recovered(key)`` when the recovery key opened it though there is a password;
    ``backups_wanted`` when nothing but a backup may open it."""

    changed = Signal(bool)
    recovered = Signal(str)
    backups_wanted = Signal()

    def __init__(self, desk: Desk, shell: Shell, *, door: Callable[[], Any], standing: Callable[[], str] = lambda: "", away: Away | None = None,
                 now: Callable[[], datetime] = datetime.now) -> None:  # fmt: skip
        super().__init__(shell)
        self._desk, self._shell, self._door, self._standing, self._now = desk, shell, door, standing, now
        # Lanes of its own: a sync that hangs must not keep anybody locked out.
        self._lanes = Lanes(self)
        self.rules, self._names = Rules(USUAL, True, True), Names()
        self.away = away or Away(0)
        self.away.idle.connect(self._rested)
        self.away.slept.connect(self._slept)
        self.page: LockPage | None = None
        self._patience: Patience | None = None  # with the password store, which is being asked
        self._try_under_way: object | None = None  # of a password, which may still open it
        self._closed = False
        self._hidden: list[QWidget] = []
        self._keys: list[QShortcut | QAction] = []
        self._focus: QWidget | None = None
        self._left: dict[QWidget, QWidget] = {}  # where the focus was in each hidden window
        self._with_key: list[QWidget] = []
        self._give_key(shell)
        # Sheets, palette and Door are windows of their own, out of reach for a key of this one.
        QApplication.instance().focusWindowChanged.connect(self._reached)
        self.read_rules()

    def _reached(self, window: QWindow | None) -> None:
        """A window of ours has the keyboard now: Ctrl+L locks from there, too; while it is locked it goes to the locked page."""
        for widget in QApplication.topLevelWidgets() if window is not None and not self._closed else ():
            if widget.windowHandle() is window and widget.windowType() in (Qt.WindowType.Window, Qt.WindowType.Dialog, Qt.WindowType.Sheet):
                self._give_key(widget)
        if self.page is not None and window is not None and window is self._shell.windowHandle():
            self._focus_page()

    def _give_key(self, window: QWidget) -> None:
        self._with_key = [one for one in self._with_key if shiboken6.isValid(one)]
        if window not in self._with_key:
            self._with_key.append(window)
            shortcut("Ctrl+L", window, self._by_key, WINDOW)

    def _by_key(self) -> None:
        door = self._door()
        at_locked_door = door is not None and door.isActiveWindow() and door.is_locked()  # by the chapter, it may be: then the way to the sync is wanted
        self.ask() if self.locked or at_locked_door else self.lock()

    @property
    def locked(self) -> bool:
        """Whether the window is locked."""
        return self.page is not None

    def read_rules(self) -> None:
        """The settings of locking, or the names on the locked page, may be others now."""
        self._lanes.read(lambda: (rules_of(self._desk), names_of(self._desk)), self._set_rules, key="rules")

    def _set_rules(self, both: tuple[Rules, Names]) -> None:
        self.rules, self._names = both
        self.away.after = self.rules.minutes * 60

    def _rested(self) -> None:
        self._forget_typed()
        self.lock("idle")

    def _slept(self) -> None:
        if not self.rules.on_sleep:
            return
        if self.page is not None:  # what was to open it a moment ago opens it for nobody who comes later
            self._try_under_way = None
            if self._patience is not None:
                self._ask_store_no_longer()
                self.page.store_no_longer_asked()
        self._forget_typed()
        self.lock("sleep")

    def _forget_typed(self) -> None:
        """Whoever began to type a password has left: the next one finds nothing of it."""
        if self.page is not None and self.page.entry is not None:
            self.page.entry.forget_typed()

    def lock(self, why: Why = "asked", said: Locked | None = None) -> None:
        """Cover everything that shows a member, at once: what the page says was read before. ``said``: what the window before this one said of it."""
        if self.locked:
            return
        self._focus = QApplication.focusWidget()
        ours = QApplication.activeWindow()
        shortcuts: list[QShortcut | QAction] = [*self._shell.findChildren(QShortcut), *self._shell.findChildren(QAction)]
        self._keys = [one for one in shortcuts if one.isEnabled()]
        for one in self._keys:
            one.setEnabled(False)
        self._hide_windows()
        self._show_page(said or self._said(why))
        self._lanes.read(lambda: keepers_of(self._desk), self._know_keepers)
        QApplication.instance().installEventFilter(self)
        if ours is not None and not self._may_stay(ours):
            # It had the keyboard: the window that is left takes it, the one that it lay over first. Another program that has it keeps it.
            below = ours.parentWidget().window() if ours.parentWidget() is not None else None
            window = below if below is not None and self._may_stay(below) and below.isVisible() else self._shell
            window.raise_()
            window.activateWindow()
        self.changed.emit(True)

    def _show_page(self, said: Locked) -> None:
        from alumni_desk.desktop.lock_page import LockPage

        before, self.page = self.page, LockPage(said, self._shell)
        self.page.given.connect(self._try)
        self.page.by_store.connect(self._try_store)
        self.page.otherwise.connect(self._ask_store_no_longer)
        self.page.backups.connect(self.backups_wanted)
        self.page.door.connect(self._to_door)
        # Not inside the click that asked for it.
        self.page.sized.connect(lambda percent: QTimer.singleShot(0, self, lambda: self._set_size(percent)))
        if before is not None:
            self.page.take_over(before)
        if said.door and (door := self._door()) is not None:
            self.page.read_badges(door.scans)
            door.answered.connect(self.page.say_badge)
        self._shell.cover(self.page)
        self._focus_page()

    def _know_keepers(self, keepers: frozenset[str]) -> None:
        """A command may have changed meanwhile what opens it."""
        if self.page is not None:
            now = replace(self.page.locked, password="passphrase" in keepers, keyring="keyring" in keepers, recovery="recovery" in keepers)
            if now != self.page.locked:
                self._show_page(now)

    def _set_size(self, percent: int) -> None:
        """Another text size: the locked page is drawn anew at once; what it covers follows when somebody may see it."""
        if self.page is not None:
            self._shell.size_wanted.emit(percent)
            self._show_page(self.page.locked)

    def _focus_page(self) -> None:
        page = self.page
        focus = QApplication.focusWidget()
        if page is not None and (focus is None or not (focus is page or page.isAncestorOf(focus))):
            page.first_focus().setFocus(Qt.FocusReason.OtherFocusReason)

    def close(self) -> None:
        """End what runs; a second time it is done already."""
        if self._closed:
            return
        self._closed = True
        self._ask_store_no_longer()
        QApplication.instance().focusWindowChanged.disconnect(self._reached)
        self.away.stop()
        if self.locked:
            QApplication.instance().removeEventFilter(self)
        self._lanes.close()

    # -- what is covered

    def _hide_windows(self) -> None:
        popup = QApplication.activePopupWidget()
        while popup is not None:
            popup.close()
            following = QApplication.activePopupWidget()
            popup = following if following is not popup else None
        self._hidden = []
        for window in QApplication.topLevelWidgets():
            if window.isVisible() and not self._may_stay(window):
                self._hide(window)
        door = self._door()
        if door is not None:
            door.set_locked(True)

    def _may_stay(self, window: QWidget) -> bool:
        from alumni_desk.desktop.help_window import HelpWindow

        door = self._door()
        within = door is not None and self.rules.door_goes_on and window is door
        return window is self._shell or within or isinstance(window, HelpWindow) or (isinstance(window, PlainSheet) and window.names_nobody)

    def _hide(self, window: QWidget) -> None:
        focus = window.focusWidget()
        if focus is not None:
            self._left[window] = focus
            focus.clearFocus()  # not every system takes the keyboard from a window that is hidden
        if isinstance(window, QDialog) and not isinstance(window, PlainSheet):
            window.reject()  # the system's own dialogs: they would keep the keyboard from the locked page
        else:
            window.hide()
            self._hidden.append(window)
            if isinstance(window, QDialog):
                window.finished.connect(lambda result: self._ended(window))
            if isinstance(window, PlainSheet):
                window.turned.connect(self._say_open)

    def _ended(self, window: QWidget) -> None:
        """A dialog whose work ended while it was hidden (an import), or whose person was erased, does not come back, and the page promises no form of it."""
        if window in self._hidden:
            self._hidden.remove(window)
        self._say_open()

    def _say_open(self) -> None:
        """What the page says of windows that are open under it."""
        if self.page is not None and (self.page.locked.drafts, self.page.locked.saving) != (self._unsaved(), self._saving()):
            self._show_page(replace(self.page.locked, drafts=self._unsaved(), saving=self._saving()))

    def say_standing(self) -> None:
        """What the page says of the sync, which goes on under it."""
        if self.page is None or self.page.locked.standing == self._standing():
            return
        if not self.page.say_standing(self._standing()):
            self._show_page(replace(self.page.locked, standing=self._standing()))

    def say_files(self, count: int) -> None:
        """What the page says of files that were handed to the program meanwhile, and are opened after it."""
        if self.page is not None and self.page.locked.files != count:
            self._show_page(replace(self.page.locked, files=count))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in KEYS and isinstance(watched, QWidget) and not self._takes_keys(watched):
            self._focus_page()
            return True
        # Work that ends while it is locked may open a window: it waits with the others.
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow() and not self._may_stay(watched):
            QTimer.singleShot(0, self, lambda: self._hide_late(watched))
        return False

    def _takes_keys(self, widget: QWidget) -> bool:
        """Whether a key may come to a widget now: those of the locked page, and of windows that stay."""
        window = widget.window()
        if window is self._shell:
            return self.page is not None and (widget is self.page or self.page.isAncestorOf(widget))
        # A list or a menu that the locked page opened is a window of its own.
        above: QWidget | None = widget
        while above is not None and above is not self.page:
            above = above.parentWidget()
        return above is not None or (window.isVisible() and self._may_stay(window))

    def _hide_late(self, window: QWidget) -> None:
        if self.locked and shiboken6.isValid(window) and window.isVisible():
            self._hide(window)

    def _said(self, why: Why) -> Locked:
        from alumni_desk.desktop.lock_page import Locked

        keepers = self._names.keepers or keys.keepers(self._desk.profile.path, "desk")  # a disk may be slow, and it is to lock at once
        names, door = self._names, self._door()
        return Locked(names.chapter, names.university, why, self.rules.minutes, self._now(), password="passphrase" in keepers,
                      keyring="keyring" in keepers, recovery="recovery" in keepers, owner=names.owner, write_to=names.write_to,
                      door=door is not None and self.rules.door_goes_on, drafts=self._unsaved(), saving=self._saving(), standing=self._standing(),
                      folder=self._desk.profile.path)  # fmt: skip

    def hides(self, window: QWidget) -> bool:
        """Whether a window is hidden now, and comes back."""
        return window in self._hidden

    def drafts(self) -> int:
        """How many open forms are hidden in which somebody typed or chose something, which is lost if the window closes."""
        return sum(isinstance(window, PlainSheet) and window.touched() for window in self._hidden)

    def _unsaved(self) -> int:
        return sum(isinstance(window, PlainSheet) and window.is_form and not window.at_work for window in self._hidden)

    def _saving(self) -> tuple[str, ...]:
        return tuple(window.at_work for window in self._hidden if isinstance(window, PlainSheet) and window.at_work)

    # -- opening it again

    def _try(self, typed: str) -> None:
        page = self.page
        if page is None:
            return
        if page.entry is not None:
            page.entry.set_busy(_("Opening …"))

        under_way = self._try_under_way = object()

        def work() -> None:
            self._desk.key_file.look()
            keys.opens(self._desk.profile.path, "desk", self._desk.key, typed)

        def opened(done: object) -> None:
            self.away.tick()
            if self._try_under_way is not under_way:  # the laptop slept meanwhile
                if self.page is not None:
                    self.page.was_none()
                return
            lost = page.locked.password and read_recovery_key(typed) is not None
            self.unlock()
            if lost:
                self.recovered.emit(typed)

        self._lanes.write(work, opened, lambda error: self._refused(error, typed))

    def _refused(self, error: KnownError, typed: str) -> None:
        if self.page is None:
            return
        wrong = error.code in ("passphrase_wrong", "recovery_wrong")
        behind = badge_behind(typed) if wrong else None
        if behind is None:
            self.page.complain(str(error), counts=wrong)
            return
        # Whole and with its check letter. It was tried before, because a password may look like one; a wrong one it is not.
        before, badge = behind
        door = self._door()
        self.page.was_badge(before, hidden=door is not None)
        if self.page.locked.door and door is not None:
            door.read_badge(badge)

    def _try_store(self) -> None:
        if self.page is None:
            return
        self._ask_store_no_longer()
        self.page.store_asked()
        patience = self._patience = Patience()

        def refused(error: KnownError) -> None:
            if self._patience is patience and self.page is not None:
                self._patience = None
                self.page.store_failed(str(error), gone=bool(error.facts.get("gone")))

        def opened(done: object) -> None:
            self.away.tick()
            if self._patience is patience:
                self.unlock()

        self._lanes.send(lambda: keys.keyring_opens(self._desk.profile.path, "desk", self._desk.key, patience), opened, refused)

    def _ask_store_no_longer(self) -> None:
        """What the password store says from now on is too late."""
        patience, self._patience = self._patience, None
        if patience is not None:
            patience.give_up()

    def _to_door(self) -> None:
        door = self._door()
        if door is not None:
            door.show()
            door.raise_()
            door.activateWindow()

    def ask(self) -> None:
        """Bring the locked page to the front, to unlock it there; the window itself, where the chapter alone is locked. A door's PIN keeps guests from that."""
        if not self.locked and (door := self._door()) is not None and door.leaving.pin:
            self.lock()
        self._shell.show()
        self._shell.raise_()
        self._shell.activateWindow()
        if self.page is not None:
            self.page.first_focus().setFocus(Qt.FocusReason.OtherFocusReason)

    def unlock(self) -> None:
        """Show everything again, as it was."""
        if self.page is None:
            return
        self._ask_store_no_longer()
        QApplication.instance().removeEventFilter(self)
        self.page = None
        self._shell.uncover()
        for one in self._keys:
            if shiboken6.isValid(one):
                one.setEnabled(True)
        door = self._door()
        if door is not None:
            door.set_locked(False)
        # Oldest first: a dialog over another one must end on top, and Qt hands windows out in no order.
        for window in sorted(self._hidden, key=lambda one: one.shown_at if isinstance(one, PlainSheet) else 0):
            if shiboken6.isValid(window):
                window.show()
        for window, inside in self._left.items():
            if shiboken6.isValid(window) and shiboken6.isValid(inside):
                inside.setFocus(Qt.FocusReason.OtherFocusReason)
        self._hidden, self._keys, self._left = [], [], {}
        self._focus_again()
        self.away.touched()
        self.changed.emit(False)

    def _focus_again(self) -> None:
        """The keyboard goes back to where it was, or to the page if that is no more (the palette)."""
        focus = self._focus if self._focus is not None and shiboken6.isValid(self._focus) and self._focus.isVisible() else None
        self._focus = None
        modal = QApplication.activeModalWidget()
        if focus is None and modal is None:
            focus = self._shell.current().first_focus()
        if focus is not None:
            focus.window().activateWindow()
            focus.setFocus(Qt.FocusReason.OtherFocusReason)
        elif modal is not None:
            modal.activateWindow()


def standing_words(waiting: int, joined: bool) -> str:
    """What the sync does while it is locked."""
    if not joined:
        return ""
    if not waiting:
        return _("Sync goes on")
    return ngettext("Sync goes on, {n} change to send", "Sync goes on, {n} changes to send", waiting).format(n=number(waiting))
