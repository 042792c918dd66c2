"""Closing the window while changes wait: a sync is tried; where none can send them, it is said how many wait and that they are safe.

A form in which something was typed is asked about before that, also one that was put away, or lies under the lock; and walk-ins that are half typed at
the door. Before all that the PIN of an open door is asked for, as where somebody leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QDialog, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.interrupts import logging_out
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.desktop.undoing import Undoing
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.desktop.door import DoorWindow
    from alumni_desk.desktop.door_half_typed import HalfTypedSheet
    from alumni_desk.desktop.door_pin import PinSheet
    from alumni_desk.desktop.locking import Lock
    from alumni_desk.desktop.quitting_sheets import FormsSheet, SendingSheet, WaitingSheet


class Quitting(QObject):
    """``may_close`` is what the window asks. ``free``: somebody has decided, or the program closes the window itself."""

    def __init__(self, window: QWidget, desk: Desk, lanes: Lanes, bridge: SyncBridge, say: Callable[[str], None], lock: Lock,
                 undoing: Undoing, door: Callable[[], DoorWindow | None] = lambda: None) -> None:  # fmt: skip
        super().__init__(window)
        self._window, self._desk, self._lanes, self._bridge, self._say, self._lock = window, desk, lanes, bridge, say, lock
        self._undoing, self._door = undoing, door
        self._once_more = False  # the sync under way had begun before somebody closed the window, and may have passed over what was saved last
        self.free = self._sends = self._asks_of_forms = self._lets_go = self._without_walk_ins = self._has_pin = False
        self.sheet: PinSheet | FormsSheet | HalfTypedSheet | SendingSheet | WaitingSheet | None = None
        lock.changed.connect(lambda locked: self._unlocked())
        bridge.ended.connect(lambda result: self._tried())
        bridge.failed.connect(lambda error: self._failed())
        bridge.standing.connect(lambda standing: self._now_wait())

    def may_close(self) -> bool:
        """Whether the window may close at once; if not, it is tried to send, or asked, and then the window is closed."""
        closes = self.free or logging_out() or self._nothing_waits()
        if closes:
            for one in self._window.findChildren(QDialog):  # windows of their own, which would stay
                one.hide()
        return closes

    def _sheets(self) -> list[PlainSheet]:
        """The dialogs that lie over the window."""
        return [one for one in self._window.findChildren(PlainSheet) if one.isVisible()]

    def _nothing_waits(self) -> bool:
        door = self._door()
        if door is not None and door.leaving.pin and not self._has_pin:
            self._ask_pin(door, door.leaving.pin)
            return False
        walk_ins = door.newcomer.titles() if not self._without_walk_ins and door is not None else []
        forms = 0 if self._lets_go else self._lock.drafts() + len(walk_ins) if self._lock.locked else sum(one.touched() for one in self._sheets())
        put_away = not self._lets_go and self._undoing.has_put_away()
        unnamed = door is not None and door.is_locked()
        if walk_ins and unnamed and not self._lock.locked and not self._lets_go:  # the chapter is, after too long without contact
            forms += len(walk_ins)
        if forms or put_away:
            self._ask_of_forms(forms, back=not unnamed)
            return False
        if walk_ins and not unnamed:
            self._ask_of_walk_ins(walk_ins, over=door is not None and door.is_over())
            return False
        if not self._bridge.joined or not self._bridge.waiting:
            return True
        if self.sheet is None:
            from alumni_desk.desktop.quitting_sheets import SendingSheet

            sheet = self.sheet = SendingSheet(self._window, self._bridge.waiting)
            sheet.late.connect(self._ask)
            sheet.stays.connect(self._stay)
            sheet.open()
            self._sends, self._once_more = True, self._bridge.busy
            self._bridge.sync_now()
        else:
            self.sheet.raise_()
        return False

    def _ask_pin(self, door: DoorWindow, kept: str) -> None:
        from alumni_desk.desktop.door_pin import PinSheet

        if self.sheet is None:
            sheet = self.sheet = PinSheet(self._window, self._desk, self._lanes, kept, door.scans, closing=True)
            sheet.accepted.connect(self._pin_given)
            sheet.rejected.connect(self._stay)
            sheet.scanned.connect(door.read_badge)
            sheet.open()
        else:
            self.sheet.raise_()

    def _pin_given(self) -> None:
        self.sheet, self._has_pin = None, True
        self._close()

    def _ask_of_forms(self, forms: int, *, back: bool) -> None:
        from alumni_desk.desktop.quitting_sheets import FormsSheet

        if self.sheet is None:
            sheet = self.sheet = FormsSheet(self._window, forms, locked=self._lock.locked, back=back)
            sheet.quits.connect(self._let_go)
            sheet.stays.connect(self._unlock_first)
            sheet.open()
            self._asks_of_forms = True
        else:
            self.sheet.raise_()

    def _ask_of_walk_ins(self, names: list[str], *, over: bool) -> None:
        from alumni_desk.desktop.door_half_typed import HalfTypedSheet

        if self.sheet is None:
            sheet = self.sheet = HalfTypedSheet(self._window, _("Close Alumni Desk?"), names, over=over)
            sheet.leaves.connect(self._leave_walk_ins)
            sheet.stays.connect(self._to_walk_ins)
            sheet.open()
            self._asks_of_forms = True
        else:
            self.sheet.raise_()

    def _leave_walk_ins(self) -> None:
        self._asks_of_forms, self._without_walk_ins = False, True
        self._close()

    def _to_walk_ins(self) -> None:
        self._stay()
        if (door := self._door()) is not None and not self._lock.locked:
            door.activateWindow()
            door.go_on_typing()

    def _let_go(self) -> None:
        self._asks_of_forms, self._lets_go = False, True
        self._close()

    def _unlock_first(self) -> None:
        self._stay()
        if self._lock.locked:
            self._lock.ask()

    def _unlocked(self) -> None:
        """The forms are there again or others are, or nobody sees them any more."""
        self._lets_go = self._without_walk_ins = self._has_pin = False
        if self._asks_of_forms and self.sheet is not None:
            sheet, self.sheet, self._asks_of_forms = self.sheet, None, False
            sheet.stays.disconnect()
            sheet.accept()

    def _failed(self) -> None:
        self._once_more = False
        self._tried()

    def _tried(self) -> None:
        if self._sends:
            self._lanes.read(self._waiting, self._looked)

    def _waiting(self) -> int:
        from alumni_desk.sync import engine

        return engine.status(self._desk).waiting

    def _looked(self, waiting: int) -> None:
        if self._sends:
            if not waiting:
                self._quit()
            elif self._once_more:
                self._once_more = False
                self._bridge.sync_now()
            else:
                self._ask(waiting)

    def _ask(self, waiting: int = 0) -> None:
        from alumni_desk.desktop.quitting_sheets import WaitingSheet

        before, self.sheet, self._sends = self.sheet, None, False
        if before is not None:
            before.accept()
        self._bridge.cancel()
        sheet = self.sheet = WaitingSheet(self._window, waiting or self._bridge.waiting)
        sheet.quits.connect(self._quit)
        sheet.saves.connect(lambda: self._save(sheet))
        sheet.stays.connect(self._stay)
        sheet.open()

    def _now_wait(self) -> None:
        """While somebody reads how many could not be sent, the server may be back."""
        if self.sheet is not None:
            from alumni_desk.desktop.quitting_sheets import WaitingSheet

            if isinstance(self.sheet, WaitingSheet):
                self.sheet.now_wait(self._bridge.waiting)

    def _save(self, sheet: WaitingSheet) -> None:
        from alumni_desk.desktop.carrying import ask_transfer_place, save_transfer

        if self._lock.locked:
            sheet.saved(_("The window is locked: choose Stay, and unlock it first."))
            return
        place = ask_transfer_place(sheet)
        if place is not None:
            sheet.saving()
            save_transfer(self._desk, self._lanes, place, lambda words: self._saved(sheet, words), lambda error: self._saved(sheet, str(error)))

    def _saved(self, sheet: WaitingSheet, words: str) -> None:
        if self.sheet is sheet:
            sheet.saved(words)
        else:
            self._say(words)

    def _stay(self) -> None:
        self.sheet, self._sends, self._asks_of_forms, self._lets_go, self._without_walk_ins, self._has_pin = None, False, False, False, False, False
        last = max(self._sheets(), key=lambda one: one.shown_at, default=None)
        if last is not None and not self._lock.locked:
            last.activateWindow()  # to go on typing

    def _quit(self) -> None:
        self.free = True
        self._close()

    def _close(self) -> None:
        if self.sheet is not None:
            sheet, self.sheet = self.sheet, None
            sheet.stays.disconnect()
            sheet.accept()
        # Not inside the answer that led here.
        QTimer.singleShot(0, self._window, self._window.close)
