"""What a hurried user does at the real window, in any order, while others change the chapter; at rest what must always be true of it is looked at.

ALUMNI_DESK_HURRIED: how many runs, ALUMNI_DESK_HURRIED_STEPS: of how many steps, ALUMNI_DESK_HURRIED_FIRST: the first seed.

Where it is asked for in that way, each page is also looked up anew at rest, and must say what it said before, and the keyboard must be somewhere. What that
finds somebody has to look at: a minute, a retry or a page that is still made may have come between. Each fault found so has a test of its own.
"""

from __future__ import annotations

import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QDesktopServices, QInputMethodEvent, QKeyEvent
from PySide6.QtPrintSupport import QPrintDialog
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollArea,
    QTabBar,
    QTableView,
    QWidget,
)
from shiboken6 import isValid
from tests.conftest import PASSPHRASE
from tests.store.test_keyring import Shelf
from tests.sync.conftest import RunningServer, make_server

from alumni_desk.badges.actions import note_printed, use_badge_name
from alumni_desk.badges.people import badge_people
from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.desktop.app import Sitting
from alumni_desk.desktop.background import Bug
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.errors import KnownError, Refused
from alumni_desk.exchange.guests import import_guests
from alumni_desk.exchange.importing import run_import
from alumni_desk.gatherings.actions import (
    add_guest_of,
    add_guests,
    cancel_gathering,
    change_gathering,
    name_guest,
    new_gathering,
    remove_guests,
    replan_gathering,
    set_rsvp,
)
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.actions import add_member, bring_back, change_member, remove_members
from alumni_desk.members.chapter import change_chapter
from alumni_desk.members.lists import count_members
from alumni_desk.members.merging import merge_people
from alumni_desk.schema import open_desk
from alumni_desk.store import keys, recovery
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.store.erasing import erase
from alumni_desk.store.history import history
from alumni_desk.store.history import restore as restore_value
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import redo, undo
from alumni_desk.store.writing import Changed
from alumni_desk.sync import engine
from alumni_desk.words import number

__all__ = ["make_server"]

SEEDS = int(os.environ.get("ALUMNI_DESK_HURRIED", "2"))
FIRST = int(os.environ.get("ALUMNI_DESK_HURRIED_FIRST", "0"))
CLOSELY = "ALUMNI_DESK_HURRIED" in os.environ
STEPS = int(os.environ.get("ALUMNI_DESK_HURRIED_STEPS", "50"))

TEXTS = ("<b>bold</b> & co", "Łukasz", "محمد بن علي", "x" * 200, "🎉 Ada 👩‍👩‍👧", "=1+1", "an", "li", "a", "1998", "o", "2026-12-24", "18:30",
         "ada@example.org", "Dinner", "  ", "%_'\"", "Ada Obi", PASSPHRASE)
LETTERS = "abolz123 "
PLAIN = (Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Delete, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Tab,
         Qt.Key.Key_Space, Qt.Key.Key_F6, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Backspace, Qt.Key.Key_PageDown, Qt.Key.Key_F1)
HELD = ("1", "2", "3", "4", "5", "6", "7", "K", "K", "N", "F", "Z", "Z", "A", "P", "S", "E", "L")
CLOCK = re.compile(r"\b\d\d?:\d\d\b")
"""What may say the time of now."""
NEVER = ("Keep this chapter", "Keep the chapter", "Share", "On", "Use a camera", "Show the log")
"""What would start a process, speak with the room, or with a camera."""


def columns(view: QAbstractItemView) -> int:
    """How many columns it has; a list’s model tells nobody."""
    return max(1, view.model().columnCount()) if isinstance(view, QTableView) else 1


class Fault(AssertionError):
    """Something that must never be."""


class Somebody:
    """Hands at the window of a whole program, and another program beside it."""

    def __init__(self, sitting: Sitting, profile: Profile, seed: int, wait: Callable[..., None], folder: Path) -> None:
        self.sitting, self.profile, self.chance, self._wait, self.folder = sitting, profile, Random(seed), wait, folder
        self.other: Desk = open_desk(profile, passphrase=PASSPHRASE)
        self.peer: Desk | None = None  # another laptop, and the server between
        self.office: RunningServer | None = None
        self.erased: list[str] = []
        self.made = 0
        self.step = 0
        self.said: list[str] = []
        self._last_said = ""

    # What there is

    @property
    def room(self) -> Any:
        assert self.sitting.room is not None
        return self.sitting.room

    def door(self) -> Any:
        door = self.room._door()
        return door if door is not None and isValid(door) and door.isVisible() else None

    def window(self) -> QWidget:
        """Where the next click or key goes."""
        for one in (QApplication.activePopupWidget(), QApplication.activeModalWidget(), self.door()):
            if one is not None and one.isVisible():
                return one
        if self.sitting.room is None:
            return self.sitting.front or QApplication.topLevelWidgets()[0]
        helps = self.room._help
        if helps is not None and helps.isVisible() and self.chance.random() < 0.5:
            return helps
        return self.room.shell

    def tell(self, deed: str) -> None:
        """Note what is done, for whoever reads why it failed."""
        print(f"{self.step:3} {deed}", flush=True)

    def come_to_front(self) -> None:
        """The window is the active one, as a window manager sees to where a dialog closes."""
        window = self.window().window()
        if QApplication.activePopupWidget() is None and not window.isActiveWindow():
            window.activateWindow()
            QApplication.processEvents()

    # Resting

    def turn(self, times: int = 1) -> None:
        """Let the window work."""
        for _time in range(times):
            QApplication.processEvents()
        self.listen()

    def listen(self) -> None:
        """What the toast says."""
        if self.sitting.room is None:
            return
        toast = self.room.shell.toast
        now = toast.words.text() if toast.isVisible() else ""
        if now and now != self._last_said:
            print(f"      says: {now[:200]!r} [{toast.link.text() if toast.link.isVisible() else ''}]", flush=True)
            self.said.append(now)
            if now == str(Bug()):
                raise Fault("a bug was said")
        self._last_said = now

    def rest(self) -> None:
        """Nothing is under way."""
        def quiet() -> bool:
            self.listen()
            return self.sitting.room is not None and self.sitting.room.lanes.idle()

        for _turn in range(3):
            try:
                self._wait(quiet, timeout=30_000)
            except Exception:
                raise Fault(f"the window does not come to rest: {self._busy()}") from None
            QApplication.processEvents()

    def _busy(self) -> str:
        return f"room {self.sitting.room is not None}, jobs {len(self.room.lanes._jobs - self.room.lanes._lasting) if self.sitting.room else '?'}"

    # What somebody does

    def click(self) -> None:
        """Anything that can be clicked."""
        window = self.window()
        if isinstance(window, QMenu):
            self.choose(window)
            return
        kinds = (QAbstractButton, QAbstractItemView, QComboBox, QLineEdit, QPlainTextEdit, QTabBar)
        found = [one for one in window.findChildren(QWidget) if isinstance(one, kinds) and one.isVisible() and one.isEnabled() and one.width() > 2
                 and one.window() is window]
        found = [one for one in found if not (isinstance(one, QAbstractButton) and self.name(one).startswith(NEVER))]
        if isinstance(window, QAbstractItemView) or not found:
            self.key()
            return
        if window is self.room.shell and not window.covered() and self.chance.random() < 0.9:
            page = window.current()
            found = [one for one in found if page.isAncestorOf(one) or (page.header is not None and page.header.isAncestorOf(one))] or found
        views = [one for one in found if isinstance(one, QAbstractItemView)]
        one = self.chance.choice(views) if views and self.chance.random() < 0.25 else self.chance.choice(found)
        self.bring(one)
        target: QWidget = one
        at = one.rect().center()
        held = Qt.KeyboardModifier.NoModifier
        name = self.name(one)
        if isinstance(one, QAbstractItemView):
            target = one.viewport()
            model = one.model()
            rows = model.rowCount(one.rootIndex()) if model is not None else 0
            if not rows:
                return
            index = model.index(self.chance.randrange(rows), self.chance.randrange(columns(one)), one.rootIndex())
            one.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)
            at = one.visualRect(index).center()
            name += f" row {index.row()}"
            held = self.chance.choice((held, held, held, Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier))
        elif isinstance(one, QTabBar):
            at = one.tabRect(self.chance.randrange(max(1, one.count()))).center()
        if not target.rect().contains(at):
            return
        top = window.childAt(target.mapTo(window, at))
        if top is None or not (top is target or target.isAncestorOf(top)):
            return
        twice = self.chance.random()
        how = ("" if held == Qt.KeyboardModifier.NoModifier else f" with {held.name}") + (" twice" if twice < 0.15 else "")
        self.tell(f"click {name}{how} in {self.place(window)}")
        QTest.mouseClick(target, Qt.MouseButton.LeftButton, held, at)
        if twice < 0.08 and isValid(target) and target.isVisible() and target.isEnabled():
            QTest.mouseClick(target, Qt.MouseButton.LeftButton, held, at)
        elif twice < 0.15 and isValid(target) and target.isVisible() and target.isEnabled():
            QTest.mouseDClick(target, Qt.MouseButton.LeftButton, held, at)
        if isinstance(one, QAbstractItemView) and isValid(one) and one.isVisible() and self.chance.random() < 0.35:
            key = self.chance.choice((Qt.Key.Key_Return, Qt.Key.Key_Delete, Qt.Key.Key_Space, Qt.Key.Key_Y, Qt.Key.Key_N, Qt.Key.Key_M, Qt.Key.Key_Down))
            self.tell(f"and {key.name} there")
            QTest.keyClick(QApplication.focusWidget() or one, key)

    def bring(self, one: QWidget) -> None:
        """Scroll to it."""
        above = one.parentWidget()
        while above is not None:
            if isinstance(above, QScrollArea) and above.widget() is not None and above.widget().isAncestorOf(one):
                above.ensureWidgetVisible(one)
            above = above.parentWidget()

    def choose(self, menu: QMenu) -> None:
        """One line of a menu."""
        lines = [one for one in menu.actions() if one.isEnabled() and one.isVisible() and not one.isSeparator()]
        if not lines or self.chance.random() < 0.2:
            self.tell("Escape in a menu")
            QTest.keyClick(menu, Qt.Key.Key_Escape)
            return
        line = self.chance.choice(lines)
        self.tell(f"menu {line.text()!r}")
        QTest.mouseClick(menu, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, menu.actionGeometry(line).center())

    def toast(self) -> None:
        """What it offers."""
        link = self.room.shell.toast.link
        if self.window() is self.room.shell and link.isVisible():
            self.tell(f"the toast’s {link.text()!r}")
            QTest.mouseClick(link, Qt.MouseButton.LeftButton)

    def key(self) -> None:
        """One key, or a few of the same."""
        at = QApplication.focusWidget() or self.window()
        if QApplication.activePopupWidget() is not None:
            at = self.window()
        times = self.chance.choice((1, 1, 1, 2, 3))
        if self.chance.random() < 0.4:
            letter = self.chance.choice(HELD)
            held = Qt.KeyboardModifier.ControlModifier
            if self.chance.random() < 0.3:
                held |= Qt.KeyboardModifier.ShiftModifier
            if letter == "L" and self.chance.random() < 0.8:
                return
            self.tell(f"keys {held.name}+{letter} in {self.place(self.window())}, {self.name(at)}")
            QTest.keyClick(at, getattr(Qt.Key, f"Key_{letter}"), held)
            return
        key = self.chance.choice(PLAIN)
        held = self.chance.choice((Qt.KeyboardModifier.NoModifier,) * 5 + (Qt.KeyboardModifier.ShiftModifier,))
        self.tell(f"key {key.name} x{times} in {self.place(self.window())}, {self.name(at)}")
        for _time in range(times):
            if isValid(at) and at.isVisible():
                QTest.keyClick(at, key, held)

    def type(self) -> None:
        """A short text into whatever has the keyboard."""
        if QApplication.activePopupWidget() is not None:
            self.key()
            return
        at = QApplication.focusWidget() or self.window()
        text = self.chance.choice(TEXTS) if isinstance(at, QLineEdit | QPlainTextEdit | QAbstractSpinBox) else self.chance.choice(LETTERS)
        if text == PASSPHRASE and not self.room.lock.locked:
            text = "an"
        self.tell(f"type {text[:30]!r} in {self.place(self.window())}, {self.name(at)}")
        for letter in text:
            at = QApplication.focusWidget() or self.window()
            if letter.isascii():
                QTest.keyClick(at, letter)
            else:
                for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
                    QApplication.sendEvent(at, QKeyEvent(kind, 0, Qt.KeyboardModifier.NoModifier, letter))
        if self.chance.random() < 0.4:
            QTest.keyClick(QApplication.focusWidget() or self.window(), Qt.Key.Key_Return)

    def fill(self) -> None:
        """Several fields of a form, as somebody does who means it, and perhaps its deed."""
        window = self.window()
        fields = [one for one in window.findChildren(QLineEdit) if one.isVisible() and one.isEnabled() and not one.isReadOnly() and one.window() is window]
        for one in self.chance.sample(fields, min(len(fields), 2)):
            if isinstance(one.parentWidget(), QAbstractSpinBox):
                continue
            text = self.chance.choice(TEXTS[:15])
            self.tell(f"fill {self.name(one)} with {text[:30]!r} in {self.place(window)}")
            one.setFocus()
            one.selectAll()
            typed = QInputMethodEvent()
            typed.setCommitString(text)
            QApplication.sendEvent(one, typed)
        if isinstance(window, QDialog) and self.chance.random() < 0.7:
            done = getattr(window, "done_button", None)
            if done is not None and done.isVisible() and done.isEnabled() and not self.name(done).startswith(NEVER):
                self.tell(f"click {self.name(done)}")
                QTest.mouseClick(done, Qt.MouseButton.LeftButton)

    def palette(self) -> None:
        """A deed of the palette by its words."""
        if self.window() is not self.room.shell:
            self.key()
            return
        QTest.keyClick(self.room.shell, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
        if self.chance.random() < 0.7:
            self.rest()
        text = self.chance.choice(("add", "new", "und", "redo", "import", "check", "ada", "li", "dinner", "back", "print", "merge", "remove", "lock", "cancel",
                                   "export", "erase", "zq", "guest", "roster", "history", "open", "key", "text", "theme"))
        self.tell(f"palette {text}")
        for letter in text:
            QTest.keyClick(QApplication.focusWidget() or self.room.shell, letter)
        for _down in range(self.chance.choice((0, 0, 1, 2))):
            QTest.keyClick(QApplication.focusWidget() or self.room.shell, Qt.Key.Key_Down)
        if self.chance.random() < 0.5:
            self.rest()
        QTest.keyClick(QApplication.focusWidget() or self.room.shell, Qt.Key.Key_Return)

    def go(self) -> None:
        """To another page, as by its key."""
        page = self.chance.choice(("today", "members", "members", "gatherings", "gatherings", "checkin", "badges", "sync", "settings", "activity", "restore"))
        if self.window() is not self.room.shell or self.room.shell.covered():
            return
        what: dict[str, Any] = {}
        if page in ("gatherings", "badges", "checkin") and self.chance.random() < 0.7:
            what = {"gathering": self.chance.choice(self.ids("gathering"))}
        if page == "members" and self.chance.random() < 0.4:
            what = {"person": self.chance.choice(self.ids("person"))}
        self.tell(f"go {page} {list(what)}")
        self.room._go(page, **what)

    def with_rows(self) -> None:
        """Choose lines of a long list, and do something with them."""
        if self.window() is not self.room.shell or self.room.shell.covered():
            self.key()
            return
        page = self.chance.choice(("members", "gatherings", "gatherings", "badges", "activity"))
        self.room._go(page, **({"gathering": self.chance.choice(self.ids("gathering"))} if page in ("gatherings", "badges") else {}))
        if self.chance.random() < 0.8:
            self.rest()
        shell = self.room.shell
        views = [one for one in shell.current().findChildren(QAbstractItemView) if one.isVisible() and one.isEnabled() and one.model() is not None]
        if shell.covered() or QApplication.activeModalWidget() is not None or not views:
            return
        view = self.chance.choice(views)
        chosen = [self.chance.randrange(view.model().rowCount()) for _row in range(self.chance.choice((1, 1, 2, 3)))] if view.model().rowCount() else []
        for n, row in enumerate(chosen):
            index = view.model().index(row, 0)
            view.scrollTo(index, QAbstractItemView.ScrollHint.EnsureVisible)
            QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier if n else Qt.KeyboardModifier.NoModifier,
                             view.visualRect(index).center())
        self.tell(f"choose {chosen} in {self.place(shell)}")
        if self.chance.random() < 0.7:
            self.rest()
        if self.window() is not shell or not isValid(view):
            return
        if self.chance.random() < 0.3:
            key = self.chance.choice((Qt.Key.Key_Delete, Qt.Key.Key_Return, Qt.Key.Key_Y, Qt.Key.Key_N, Qt.Key.Key_M, Qt.Key.Key_W, Qt.Key.Key_F2))
            self.tell(f"key {key.name}")
            for _time in range(self.chance.choice((1, 1, 2))):
                QTest.keyClick(QApplication.focusWidget() or view, key)
            return
        buttons = [one for one in shell.current().findChildren(QAbstractButton) if one.isVisible() and one.isEnabled() and not self.name(one).startswith(NEVER)]
        if buttons:
            one = self.chance.choice(buttons)
            self.bring(one)
            times = self.chance.choice((1, 1, 1, 2))
            self.tell(f"click {self.name(one)} x{times} in {self.place(shell)}")
            for _time in range(times):
                if isValid(one) and one.isVisible() and one.isEnabled() and QApplication.activeModalWidget() is None:
                    QTest.mouseClick(one, Qt.MouseButton.LeftButton)

    def leave_door(self) -> None:
        """Leave it, as somebody at it does; or go there."""
        if (door := self.door()) is None:
            page = self.room.shell.current()
            if self.window() is self.room.shell and not self.room.shell.covered() and page.name == "checkin" and page.first_focus() is not None:
                self.tell("open the door")
                page.open_chosen()
            else:
                self.click()
            return
        self.tell("leave the door")
        for _time in range(4):
            if self.door() is not None and QApplication.activeModalWidget() is None:
                QTest.keyClick(QApplication.focusWidget() or door, Qt.Key.Key_Escape)
                self.turn(5)

    def lock(self) -> None:
        """Lock, or unlock with the password."""
        lock = self.room.lock
        if not lock.locked:
            self.tell("lock")
            lock.lock(self.chance.choice(("asked", "idle")))
            return
        entry = lock.page.entry
        if entry is None:
            return
        self.tell("unlock")
        entry.given.emit(PASSPHRASE)
        if self.chance.random() < 0.8 and not entry.waits():
            try:
                self._wait(lambda: not lock.locked, timeout=20_000)
            except Exception:
                raise Fault("the right password does not unlock") from None

    def look(self) -> None:
        """Another text size or theme; an open door has another size from what is read next."""
        if self.chance.random() < 0.5 and self.door() is None:
            percent = self.chance.choice((90, 100, 110, 125, 150))
            self.tell(f"text size {percent}")
            self.sitting.appearance.set_percent(percent)
        else:
            theme = self.chance.choice(("light", "dark", "system"))
            self.tell(f"theme {theme}")
            self.sitting.appearance.set_theme(theme)

    def resize(self) -> None:
        """Another size of the window."""
        size = self.chance.choice(((1024, 640), (1280, 800), (1600, 900)))
        self.tell(f"size {size}")
        self.room.shell.resize(*size)

    # What another program does

    def ids(self, table: str, desk: Desk | None = None) -> list[str]:
        with (desk or self.other).reading() as connection:
            found = list(connection.exec_driver_sql(f'SELECT id FROM "{table}" WHERE NOT gone ORDER BY rowid').scalars())
        return found or ["00000000-0000-0000-0000-000000000000"]

    def another(self) -> None:
        """What a command or another window does meanwhile."""
        self.beside(self.other, "another program")

    def at_peer(self) -> None:
        """What another laptop does, and syncs, or the server does."""
        assert self.peer is not None and self.office is not None
        what = self.chance.random()
        if what < 0.55:
            self.beside(self.peer, "another laptop")
        if what < 0.8:
            self.sync_peer()
        elif what < 0.9:
            if self.office.process is not None:
                self.tell("the server is killed")
                self.office.kill()
            else:
                self.tell("the server starts")
                self.office.start()
        else:
            self.tell("sync now")
            self.room.bridge.sync_now()

    def sync_peer(self) -> None:
        """If the server is there."""
        assert self.peer is not None
        try:
            engine.sync_once(self.peer)
            self.tell("another laptop syncs")
        except KnownError as error:
            self.tell(f"another laptop syncs: {error.code}")

    def beside(self, desk: Desk, who: str) -> None:
        """Something that anybody may do who has the chapter."""
        try:
            self._beside(desk, who)
        except Refused as error:
            if desk is not self.peer or error.code != "access_removed":
                raise
            self.tell(f"{who} has no access any more")  # it was removed from this window, and heard of it at a sync

    def _beside(self, desk: Desk, who: str) -> None:
        chance = self.chance
        person, gathering = chance.choice(self.ids("person", desk)), chance.choice(self.ids("gathering", desk))
        places = self.ids("registration", desk)
        place = chance.choice(places)
        with desk.reading() as connection:
            of = connection.exec_driver_sql("SELECT gathering FROM registration WHERE id = ?", (place,)).scalar() or gathering

        def new() -> None:
            self.made += 1
            saved = add_member(desk, first_name=chance.choice(("Ana", "Lio", "Łuka")), last_name=f"Zq{self.made:03}q", class_year="1998",
                               email=f"zq{self.made:03}q@example.org")
            if chance.random() < 0.6:
                add_guests(desk, gathering, [saved.id], status=chance.choice(("yes", "maybe", "waitlisted")))

        def erased() -> None:
            with desk.reading() as connection:
                name = connection.exec_driver_sql("SELECT last_name FROM person WHERE id = ?", (person,)).scalar()
            if name and name.startswith("Zq"):
                erase(desk, [person])
                self.erased.append(name)

        def imported() -> None:
            self.made += 1
            file = self.folder / "beside.csv"
            file.write_text(f"First name,Last name,E-mail\nIva,Zq{self.made:03}q,zq{self.made:03}q@example.org\nAda,Obi,obi@example.org\n", "utf-8")
            if chance.random() < 0.5:
                run_import(desk, file)
            else:
                import_guests(desk, gathering, file)

        def put_back() -> None:
            table, row = chance.choice((("person", person), ("gathering", gathering), ("registration", place)))
            if versions := history(desk, table, row):
                restore_value(desk, table, row, chance.choice(versions).id)

        deeds: dict[str, Callable[[], Any]] = {
            "adds a member": new,
            "changes a member": lambda: change_member(desk, person, city=chance.choice(("", "Bern", "<i>Oslo</i>")),
                                                      first_name=chance.choice(("Ana", "Bea", "Ida"))),
            "removes a member": lambda: remove_members(desk, [person]),
            "brings back": lambda: bring_back(desk, [person]),
            "merges": lambda: merge_people(desk, person, chance.choice(self.ids("person", desk))),
            "erases": erased,
            "cancels a gathering": lambda: cancel_gathering(desk, gathering, "Snow"),
            "plans it again": lambda: replan_gathering(desk, gathering),
            "takes off the list": lambda: remove_guests(desk, of, [place]),
            "answers": lambda: set_rsvp(desk, of, [place], chance.choice(("yes", "no", "maybe", "waitlisted"))),
            "adds guests": lambda: add_guests(desk, gathering, chance.choices(self.ids("person", desk), k=2)),
            "checks in": lambda: check_in(desk, of, place),
            "checks out": lambda: check_out(desk, of, place),
            "takes a check-in back": lambda: undo_check_in(desk, of, place, "by mistake"),
            "lets somebody in": lambda: walk_in(desk, gathering, f"Wanda Walk{self.made}"),
            "undoes": lambda: undo(desk),
            "redoes": lambda: redo(desk),
            "takes something back": lambda: undo(desk, chance.choice([one.id for one in actions(desk, limit=12)] or [""])),
            "imports": imported,
            "adds a plus-one": lambda: add_guest_of(desk, of, place, chance.choice((None, "Gus Guest", f"Zq{self.made:03}q Plus"))),
            "names a guest": lambda: name_guest(desk, place, first_name="Nina", last_name=chance.choice(("Named", "<b>N</b>"))),
            "prints a badge": lambda: note_printed(desk, of, badge_people(desk, of, registrations=[place])),
            "writes another name on a badge": lambda: use_badge_name(desk, place, chance.choice(("Annie", "Łu"))),
            "changes a gathering": lambda: change_gathering(desk, gathering, name=chance.choice(("Supper", "<i>Tea</i>")), capacity=chance.choice(("", "2"))),
            "puts an older value back": put_back,
            "renames the chapter": lambda: change_chapter(desk, name=chance.choice(("Boston", "Great Lakes & co"))),
            "makes a gathering": lambda: new_gathering(desk, name=chance.choice(("Picnic", "<b>Gala</b>")), start="2031-06-01T18:00"),
        }
        name = chance.choice(list(deeds))
        try:
            deeds[name]()
            self.tell(f"{who} {name}")
        except KnownError as error:
            self.tell(f"{who} {name}: {error.code}")

    # What must be

    def name(self, one: QWidget) -> str:
        words = one.accessibleName() or (one.text() if isinstance(one, QAbstractButton | QLabel) else "") or one.objectName()
        return str(words)[:60] or type(one).__name__

    def place(self, window: QWidget) -> str:
        if self.sitting.room is not None and window is self.room.shell:
            return f"{'locked ' if self.room.shell.covered() else ''}{self.room.shell.current().name}"
        return f"{type(window).__name__} {window.windowTitle()[:40]!r}"

    def texts(self) -> list[str]:
        """All that stands to be read or heard in windows that are seen."""
        return [text for window in QApplication.topLevelWidgets() if window.isVisible() for text in (window.windowTitle(), *self.texts_in(window)) if text]

    def texts_in(self, window: QWidget) -> list[str]:
        """All that stands to be read or heard there."""
        found = []
        for part in window.findChildren(QWidget):
            if not part.isVisible():
                continue
            found += [part.accessibleName(), part.accessibleDescription(), part.toolTip()]
            if isinstance(part, QLabel | QLineEdit | QAbstractButton):
                found.append(part.text())
            if isinstance(part, QPlainTextEdit):
                found.append(part.toPlainText())
            if isinstance(part, QComboBox):
                found += [part.itemText(n) for n in range(part.count())]
            if isinstance(part, QAbstractItemView) and part.model() is not None:
                model = part.model()
                for row in range(min(model.rowCount(), 200)):
                    for column in range(columns(part)):
                        index = model.index(row, column)
                        found += [str(model.data(index, role)) for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole,
                                                                           Qt.ItemDataRole.ToolTipRole)]
        return [one for one in found if one]

    def wrong(self) -> list[str]:
        """What is not as it must be."""
        shell, found = self.room.shell, []
        if self.room.lock.locked or shell.covered():
            return found
        members = count_members(self.other)
        listed = shell.nav.rows.counts.get("members", "")
        if listed != (number(members) if members else ""):
            found.append(f"the sidebar says {listed} members, there are {members}")
        page = shell.current()
        if page.name == "members" and page.isVisible() and page.left.isVisible():
            query = page.search.text()
            want = count_members(self.other, query or None)
            if page.table_model.rowCount() != want and (want or not query.strip()):  # where nobody fits, whoever nearly does is listed
                found.append(f"{page.table_model.rowCount()} members in the list for {query!r}, there are {want}")
            if page.note not in ("", number(members)):
                found.append(f"the head says {page.note} members, there are {members}")
        if page.name == "gatherings":
            view = getattr(page, "view", None)
            if view is not None and view.isVisible() and view.it is not None:
                rows = guest_rows(self.other, view.it.row.id)
                if [one.registration for one in rows] != [one.registration for one in view.it.guests]:
                    found.append(f"{len(view.it.guests)} guests shown, {len(rows)} are on the list")
                elif rows != list(view.it.guests):
                    found.append("a guest is shown otherwise than they are")
        door = self.door()
        if door is not None and not door.is_locked() and door.reading.column is not None:
            counted = headcount(self.other, door.gathering_id)
            if door.reading.column.count != counted:
                found.append(f"the door says {door.reading.column.count}, it is {counted}")
        short = engine.status(self.other).short
        if self.room._last_standing is not None and not self.room.bridge.busy and shell.chip.text() != short and self.room._last_standing.short != short:
            found.append(f"the chip says {shell.chip.text()!r}, it is {short!r}")
        with self.other.reading() as connection:
            known = set(connection.exec_driver_sql("SELECT last_name FROM person").scalars())
        if erased := [name for name in self.erased if name not in known]:
            for text in self.texts():
                for name in erased:
                    if name.casefold() in text.casefold():
                        found.append(f"{name} was erased, and is in {text[:120]!r}")
        return found

    def counted(self, page: QWidget) -> Counter[str]:
        """How often each thing is said there, whatever the clock says."""
        return Counter(CLOCK.sub("0:00", text) for text in self.texts_in(page))

    def stale(self) -> list[str]:
        """What the page in front, or the door, shows otherwise as soon as it is looked up anew."""
        shell, door = self.room.shell, self.door()
        if self.room.lock.locked or shell.covered() or QApplication.activeModalWidget() is not None or QApplication.activePopupWidget() is not None:
            return []
        while self.room.later._types:  # what is made piece by piece, as a page that a command leads to
            self.room.later._types.pop(0)()
        self.turn(25)
        self.rest()
        page = shell.current() if door is None else door
        before, standing = self.counted(page), engine.status(self.other)
        page.refresh() if door is None else door.reading.on_changed(Changed({}))
        self.rest()
        if not page.isVisible() or engine.status(self.other) != standing:
            return []  # it was left meanwhile, or a sync has come between
        after = self.counted(page)
        name = page.name if door is None else "door"
        return [f"{name} {said} {text[:150]!r}" for said, texts in (("still said", before - after), ("did not say", after - before)) for text in texts]

    def look_at_all(self) -> None:
        """At rest."""
        if self.sitting.room is None:
            self._wait(lambda: self.sitting.room is not None, timeout=30_000)
        self.rest()
        last: list[str] = []
        self.room.watch.look()
        self.rest()

        def fine() -> bool:
            self.listen()
            if self.sitting.room is None or not self.room.lanes.idle():
                return False
            last[:] = self.wrong()
            return not last

        try:
            self._wait(fine, timeout=8_000)
        except Exception:
            if last:
                raise Fault("; ".join(last)) from None
            raise
        if not CLOSELY:
            return
        self.come_to_front()
        focus = QApplication.focusWidget()
        if QApplication.activePopupWidget() is None and (focus is None or not focus.isVisible() or not focus.isEnabled()):
            raise Fault(f"the keyboard is {'nowhere' if focus is None else 'at ' + self.name(focus) + ', which cannot be used'}")
        if stale := self.stale():
            raise Fault("; ".join(stale[:12]))

    def leave_all(self) -> None:
        """Escape leads out of whatever is open."""
        for _turn in range(12):
            window = QApplication.activePopupWidget() or QApplication.activeModalWidget()
            if window is None:
                return
            self.tell(f"Escape in {self.place(window)}")
            QTest.keyClick(QApplication.focusWidget() if QApplication.focusWidget() is not None and QApplication.focusWidget().window() is window else window,
                           Qt.Key.Key_Escape)
            self.turn(5)
            self.rest()
        raise Fault(f"Escape leads not out of {self.place(self.window())}: {[one.text() for one in self.window().findChildren(QLabel) if one.isVisible()]}")

    # All of it

    def live(self, steps: int) -> None:
        deeds = {self.click: 34, self.key: 8, self.type: 8, self.fill: 8, self.palette: 3, self.go: 8, self.toast: 5, self.lock: 2, self.look: 1,
                 self.resize: 1, self.another: 14, self.with_rows: 18, self.leave_door: 4, self.at_peer: 18 if self.peer is not None else 0}
        for self.step in range(steps):
            if self.sitting.room is None:
                self._wait(lambda: self.sitting.room is not None, timeout=30_000)
            self.come_to_front()
            if self.room.lock.locked and self.door() is None and self.chance.random() < 0.6:
                self.lock()
            else:
                self.chance.choices([*deeds], [*deeds.values()])[0]()
            self.turn(self.chance.choice((1, 1, 5, 25)))
            if self.chance.random() < 0.35:
                self.look_at_all()
            if self.chance.random() < 0.06:
                self.leave_all()
        self.look_at_all()
        self.leave_all()
        self.look_at_all()


def watched(somebody: Somebody, steps: int) -> None:
    """All of it, while nothing may be logged."""
    noted: list[str] = []

    class Noted(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            noted.append(record.getMessage())

    handler = Noted(logging.WARNING)
    logging.getLogger("alumni_desk").addHandler(handler)
    try:
        somebody.live(steps)
        assert not noted, "\n".join(noted)
        assert verify(somebody.other).ok
    finally:
        logging.getLogger("alumni_desk").removeHandler(handler)
        for one in noted:
            print("LOGGED", one)
        somebody.other.close()


def choose_files(chance: Random, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the system's own dialogs: a file, or none."""
    lists = []
    for name, text in (("people.csv", "First name,Last name,E-mail\nIva,Novak,iva@example.org\n=cmd,Ødegård,x@example.org\n"), ("empty.csv", ""),
                       ("odd.txt", "what is this\x00"), ("one.csv", "Name\nIva Novak\nLi Chen\n")):
        lists.append(folder / name)
        lists[-1].write_text(text, "utf-8")

    def opened(*_arguments: Any, **_named: Any) -> tuple[str, str]:
        return (str(chance.choice(lists)) if chance.random() < 0.7 else ""), ""

    def saved(*arguments: Any, **_named: Any) -> tuple[str, str]:
        return (str(folder / f"saved{chance.randrange(10)}{Path(str(arguments[2])).suffix}") if chance.random() < 0.7 else ""), ""

    def printed(dialog: QPrintDialog) -> int:
        if chance.random() < 0.4:
            return int(QPrintDialog.DialogCode.Rejected)
        dialog.printer().setOutputFileName(str(folder / f"printed{chance.randrange(10)}.pdf"))
        return int(QPrintDialog.DialogCode.Accepted)

    monkeypatch.setattr(QFileDialog, "getOpenFileName", opened)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", saved)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_arguments, **_named: str(folder) if chance.random() < 0.5 else "")
    monkeypatch.setattr(QPrintDialog, "exec", printed)
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: True)


def fill(desk: Desk) -> None:
    """A small chapter with two gatherings."""
    people = [add_member(desk, first_name=first, last_name=last, class_year=year, email=f"{last.casefold()}@example.org").id
              for first, last, year in (("Łukasz", "Żółć", "1998"), ("Li", "Chen", "2004"), ("Ada", "Obi", "2012"), ("Ana", "Zq900q", "1998"),
                                        ("Bo", "Zq901q", "2001"), ("Cy", "Zq902q", "2001"))]
    for name, days in (("Dinner", 1), ("<b>Brunch</b>", -9)):
        day = (desk.now() + timedelta(days=days)).date()
        made = new_gathering(desk, name=name, start=f"{day}T18:00", end=f"{day}T23:00", capacity="4")
        add_guests(desk, made.id, people[:5])
    recovery.recovery_key(desk)
    recovery.note_read_back(desk)


def end(qapp: QApplication, sitting: Sitting) -> None:
    """As quitting does."""
    sitting.close()
    for window in QApplication.topLevelWidgets():
        window.close()
    qapp.setQuitOnLastWindowClosed(True)


@pytest.fixture
def program(qapp: QApplication, profile: Profile, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sitting]:
    """The whole program on a small chapter with two gatherings."""
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    with open_desk(profile) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        fill(desk)
    qapp.setQuitOnLastWindowClosed(False)
    sitting = Sitting(qapp, profile, ways_of(profile), room_in)
    sitting.begin()
    qtbot.waitUntil(lambda: sitting.room is not None and sitting.room.lanes.idle(), timeout=30_000)
    yield sitting
    end(qapp, sitting)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_whatever_a_hurried_user_does_the_window_says_what_is_so(
        program: Sitting, profile: Profile, seed: int, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    somebody = Somebody(program, profile, seed, qtbot.waitUntil, tmp_path)
    choose_files(somebody.chance, tmp_path, monkeypatch)
    watched(somebody, STEPS)


@pytest.fixture
def together(qapp: QApplication, qtbot: Any, make_server: Callable[..., RunningServer], tmp_path: Path,
             monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Sitting, Profile, Desk, RunningServer]]:
    """The whole program on a laptop of a chapter at a server, and another laptop of it."""
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    office = make_server()
    profile = Profile(tmp_path / "one")
    peer = open_desk(Profile(tmp_path / "two"), passphrase=PASSPHRASE)
    with open_desk(profile, passphrase=PASSPHRASE) as desk:
        for one, name in ((desk, "Priya’s"), (peer, "Tomás’s")):
            one.set_setting("device_name", name)
            engine.join(one, office.url, office.invite(), device_name=name)
            engine.sync_once(one)
        fill(desk)
        engine.sync_once(desk)
    engine.sync_once(peer)
    qapp.setQuitOnLastWindowClosed(False)
    sitting = Sitting(qapp, profile, ways_of(profile), room_in)
    sitting.begin()
    qtbot.waitUntil(lambda: sitting.room is not None and sitting.room.lanes.idle(), timeout=30_000)
    yield sitting, profile, peer, office
    end(qapp, sitting)
    peer.close()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(FIRST, FIRST + (SEEDS + 1) // 2))
def test_whatever_a_hurried_user_does_beside_another_laptop_the_window_says_what_is_so(
        together: Any, seed: int, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sitting, profile, peer, office = together
    somebody = Somebody(sitting, profile, seed, qtbot.waitUntil, tmp_path)
    somebody.peer, somebody.office = peer, office
    choose_files(somebody.chance, tmp_path, monkeypatch)
    watched(somebody, STEPS)
