"""Rows of the Sync page about who keeps the chapter: this laptop may, may take the place of one that is gone, and hands it to an office's server."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Label
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.joining_sheet import ask_move
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.setting_rows import SettingRow, section
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.desktop.sync_facts import Facts
from alumni_desk.errors import KnownError
from alumni_desk.words import _


class KeptPart(QObject):
    """Puts its rows where it is told to. ``said(sentence)`` for a toast; ``keeps``: this laptop keeps the chapter from now on; ``moved``: it no longer does;
    ``told``: whether the others reach it is known anew; ``invites``: a laptop is to be invited anew."""

    said = Signal(str)
    keeps = Signal()
    moved = Signal()
    told = Signal()
    invites = Signal()

    def __init__(self, page: QWidget, bridge: SyncBridge, lanes: Lanes, laptop: Callable[[], str]) -> None:
        super().__init__(page)
        self._page, self._bridge, self._lanes, self._laptop = page, bridge, lanes, laptop
        self._facts: Facts | None = None
        self._kept_at, self.not_kept = bridge.kept_at, bridge.not_kept
        self._making, self._unmade = False, ""  # the server; and why it was not made
        bridge.kept.connect(self._kept)

    def know(self, facts: Facts) -> None:
        """What the rows to come are about."""
        self._facts = facts

    def may_keep(self) -> bool:
        """Whether this laptop can begin to keep the chapter."""
        return self._facts is not None and self._facts.state == "alone" and not self._facts.sample

    def may_move(self) -> bool:
        """Whether the chapter can go from here to an office's server."""
        return self._facts is not None and self._facts.state != "alone" and bool(self._kept_at or self.not_kept) and not self._facts.takes_over

    def _kept(self, address: str, trouble: str) -> None:
        self._kept_at, self.not_kept = address, trouble
        self.told.emit()

    def add_beginning(self, column: QVBoxLayout) -> None:
        """Where this laptop works alone."""
        column.addWidget(section(_("Without an office’s server")))
        self.keep = Button(_("Keep it here"))
        self.keep.setAccessibleName(_("Keep the chapter on this laptop, for the others"))
        self.keep.clicked.connect(self.keep_here)
        self.keep_row = SettingRow(_("Keep the chapter on this laptop"), _("Other laptops of the chapter join this one and keep in step with it. They reach it "
                                   "while this window is open and both are on one network. It can move to an office’s server later, with everything."),
                                   self.keep)  # fmt: skip
        column.addWidget(self.keep_row)
        self._say_making()

    def _say_making(self) -> None:
        """Also where the rows were drawn anew meanwhile."""
        self.keep.setEnabled(not self._making)
        if self._making or self._unmade:
            self.keep_row.say(_("The server is being made …") if self._making else self._unmade)

    def keep_here(self) -> None:
        """Keep the chapter here, for the others."""
        if self._making:
            return
        self._making, self._unmade = True, ""
        self._say_making()

        def done() -> None:
            self._making = False
            self._begun()

        def failed(error: KnownError) -> None:
            self._making = False
            if self.may_keep():
                self._unmade = str(error)
                self._say_making()
            else:  # a command has joined a server, and the rows about that are gone
                self.said.emit(str(error))

        self._bridge.keep_here(done, failed)

    def _begun(self) -> None:
        self.keeps.emit()
        self.said.emit(_("This laptop keeps the chapter. Now invite the others."))

    def add_rows(self, column: QVBoxLayout, facts: Facts) -> None:
        """Where it belongs to a chapter that several work on."""
        if facts.takes_over and facts.state == "invitation":
            column.addWidget(section(_("Without an office’s server")))
            self.add_taking_over(column, facts)
        if not self._kept_at and not self.not_kept:
            return
        column.addSpacing(px(12))
        column.addWidget(section(_("This laptop keeps the chapter")))
        address = (self._bridge.kept_at or self._kept_at).partition("#")[0]  # the network may have given it another one since
        said = _("The others reach it at {address} while this window is open.").format(address=address) if address else self.not_kept
        column.addWidget(SettingRow(_("For the others") if address else _("It is not kept now"), said, tone="text" if address else "warn"))
        if facts.takes_over:  # its own server is gone: it cannot be moved
            self.add_taking_over(column, facts)
            return
        if facts.ports is not None:
            former, port = facts.ports
            invite = Button(_("Invite"))
            invite.setAccessibleName(_("Invite a laptop anew"))
            invite.clicked.connect(self.invites)
            column.addWidget(SettingRow(_("Others look for it at another port"), _(
                "It is at port {port} now; laptops that joined before look for this one at port {former}. In the same network they find it by themselves; "
                "give a new invitation to one that does not. What they have to send stays with them until then.").format(port=port, former=former),
                invite, tone="warn"))  # fmt: skip
        moves = Button(_("Move"))
        moves.setAccessibleName(_("Move to an office’s server"))
        moves.clicked.connect(self.ask_move)
        column.addWidget(SettingRow(_("Move to an office’s server"), _("Everything goes along; the other laptops then join there, each with an invitation."),
                                    moves))  # fmt: skip

    def add_taking_over(self, column: QVBoxLayout, facts: Facts) -> None:
        """The way on where what kept the chapter is gone for good."""
        takes = Button(_("Keep it here"))
        takes.setAccessibleName(_("Keep the chapter on this laptop, in place of the one that is gone"))
        takes.clicked.connect(lambda: self._ask_take_over(facts))
        column.addWidget(SettingRow(_("Keep the chapter on this laptop"), _("Only if the laptop or the server that kept it until now is gone for good: this "
                                    "one takes its place with everything that is here, and the others follow with a new invitation each."),
                                    takes))  # fmt: skip

    def _ask_take_over(self, facts: Facts) -> None:
        sheet = Sheet(self._page.window(), _("Keep {chapter} on this laptop?").format(chapter=isolated(facts.chapter)), _("Keep it here"))
        for words in (_("Do this only if the laptop or the server that kept the chapter until now is gone for good. If it is merely switched off, or this "
                        "laptop is in another network, there would be two chapters that know nothing of each other."),
                      _("Everything on this laptop stays and goes along. What only the other one had, because it was never fetched here, is lost."),
                      _("Then invite the others: each follows with a new invitation under Sync, Details, “It has moved”, and brings what it had not sent. "
                        "Until then they work on for themselves.")):
            sheet.column.addWidget(Label(words, wrap=True))

        def done() -> None:
            sheet.accept()
            self._begun()

        def take() -> None:
            sheet.set_busy(_("The server is being made …"))
            self._bridge.take_over(done, sheet.complain)

        sheet.done_clicked.connect(take)
        sheet.open()

    def ask_move(self) -> None:
        """The form for the invitation of an office's server."""

        def moved(chapter: str) -> None:
            self.said.emit(_("The chapter is at {chapter}’s new server").format(chapter=chapter))
            self.moved.emit()

        ask_move(self._page.window(), self._bridge, self._lanes, self._laptop(), lambda: self._facts.server if self._facts is not None else "", moved)
