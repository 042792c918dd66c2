"""Erase everything here: what waits is sent first, and it is asked twice, the second time by typing the chapter's name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Field, FormRow, Label
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.errors import KnownError
from alumni_desk.store.backup import MEMBERS
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number


@dataclass(frozen=True)
class Stake:
    """What an erasure is about: the chapter, its members here, whether a server has it, and what that lacks still."""

    chapter: str
    members: int
    joined: bool
    waiting: int


def stake_of(desk: Desk) -> Stake:
    """Read it."""
    from alumni_desk.sync import engine

    with desk.reading() as connection:
        name = connection.exec_driver_sql("SELECT name FROM chapter LIMIT 1").scalar()
        members = int(connection.exec_driver_sql(f"SELECT count(*) FROM {MEMBERS}").scalar() or 0)
        standing = engine.standing(connection)
    return Stake(str(name or ""), members, standing.state != "alone", standing.waiting)


def erase_everything(window: QWidget, desk: Desk, lanes: Lanes, bridge: SyncBridge, back_up: Callable[[], None] | None) -> None:
    """Ask, ask again, and do it. ``back_up`` is offered where nobody else has the chapter."""
    lanes.read(lambda: stake_of(desk), lambda stake: FirstAsk(window, stake, bridge, back_up).open())


class FirstAsk(Sheet):
    """What goes, and who else has it."""

    def __init__(self, parent: QWidget, stake: Stake, bridge: SyncBridge, back_up: Callable[[], None] | None, *, last: bool = False) -> None:
        super().__init__(parent, _("Erase everything here?"), _("Go on"), kind="danger")
        self._stake, self._bridge, self._last = stake, bridge, last
        members = ngettext("{n} member", "{n} members", stake.members).format(n=number(stake.members))
        self.column.addWidget(Label(_("{members} of {chapter}, their gatherings, the backups on this laptop and the key go, for good.").format(
            members=members, chapter=isolated(stake.chapter)), wrap=True))
        self.column.addWidget(Label(self._who_else(), wrap=True, tone="warn" if last or not stake.joined else "text"))
        self.column.addWidget(Label(_("Files that you exported and pages that you printed stay where they are."), tone="muted", wrap=True))
        self.back_up: Button | None = None
        if back_up is not None and (last or not stake.joined):
            self.back_up = Button(_("Back up first"), "primary", "floppy-disk")
            self.back_up.clicked.connect(self.reject)
            self.back_up.clicked.connect(lambda: back_up())
            self.foot.insertWidget(self.foot.indexOf(self.cancel), self.back_up)
        self._back_up = back_up
        self.done_clicked.connect(self._go_on)

    def _who_else(self) -> str:
        stake = self._stake
        if self._last:
            return _("Nobody else looks after this chapter. The server keeps all of it, but only the network’s admin can let somebody in again: invite a "
                     "successor first, on the Sync page, or back up.")
        if not stake.joined:
            return _("This laptop works alone: nobody else has a copy. Without a backup elsewhere the chapter is lost.")
        if stake.waiting:
            return ngettext("{n} change is sent to the server first. The chapter stays there and on the other laptops.",
                            "{n} changes are sent to the server first. The chapter stays there and on the other laptops.", stake.waiting).format(
                                n=number(stake.waiting))
        return _("The server has everything of it. The chapter stays there and on the other laptops.")

    def _go_on(self) -> None:
        window = cast("QWidget", self.parentWidget())
        self.accept()
        SecondAsk(window, self._stake, self._bridge, self._back_up, last=self._last).open()


class SecondAsk(Sheet):
    """The chapter's name is typed, so that nobody does it by a stray key."""

    def __init__(self, parent: QWidget, stake: Stake, bridge: SyncBridge, back_up: Callable[[], None] | None, *, last: bool) -> None:
        super().__init__(parent, _("Erase everything here"), _("Erase everything"), kind="danger")
        self._stake, self._bridge, self._back_up, self._last = stake, bridge, back_up, last
        self.column.addWidget(Label(_("Type the name of the chapter, {chapter}, if you are sure. There is no undo.").format(chapter=isolated(stake.chapter)),
                                    wrap=True))  # fmt: skip
        self.typed = Field(_("Name of the chapter"))
        self.column.addWidget(FormRow(_("Name of the chapter"), self.typed))
        self.typed.textChanged.connect(lambda text: self._look())
        self.done_clicked.connect(self._erase)
        self._look()

    def _look(self) -> None:
        same = _plain(self.typed.text()) == _plain(self._stake.chapter)
        self.set_reason("" if same else _("The name is not typed yet") if not self.typed.text() else _("That is another name"))

    def _erase(self) -> None:
        from alumni_desk.sync import leaving

        self.typed.setEnabled(False)
        self.set_busy(_("Sending what waits …") if self._stake.joined else _("Erasing …"))
        self._bridge.end_here(partial(leaving.erase, last=self._last), self._failed)

    def _failed(self, error: KnownError) -> None:
        self.typed.setEnabled(True)
        if error.code == "last_leader" and not self._last:
            window = cast("QWidget", self.parentWidget())
            self.accept()
            FirstAsk(window, self._stake, self._bridge, self._back_up, last=True).open()
            return
        self.complain(error)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
