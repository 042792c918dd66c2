"""The part of the Sync page about the laptops in the room: sharing, joining one that shares, files where nothing else helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.carrying import ask_brought, ask_transfer_place, save_transfer
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.join_laptop_sheet import JoinLaptopSheet, NotFoundSheet
from alumni_desk.desktop.laptops_here import LaptopsHere, Letting
from alumni_desk.desktop.venue_bridge import AtVenue, VenueBridge
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.venue.visiting import Met


class HerePart(QWidget):
    """``said(sentence)`` for a toast; ``brought(file)``: somebody chose a file from another laptop; ``invited(Way)``: the code of an invitation came where a
    laptop's was asked for."""

    said = Signal(str)
    brought = Signal(object)
    invited = Signal(object)

    def __init__(self, desk: Desk, lanes: Lanes, venue: VenueBridge) -> None:
        super().__init__()
        self._desk, self._lanes, self._venue = desk, lanes, venue
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, px(24))
        self.here = LaptopsHere()
        column.addWidget(self.here)
        self.here.turned.connect(self._turn)
        self.here.chosen.connect(lambda gathering: venue.share(gathering or None, self._not_shared))
        self.here.join.connect(lambda: self.join())
        self.here.new_code.connect(lambda: venue.share(venue.standing.gathering, self._not_shared, new_code=True))
        self.here.retype.connect(lambda: self.join(venue.standing.visiting))
        self.here.left.connect(venue.leave)
        self.here.not_found.connect(self.not_found)
        venue.changed.connect(self._show)
        self._show(venue.standing)

    def _show(self, standing: AtVenue) -> None:
        self.here.show_standing(standing)

    def offer(self, lets: tuple[Letting, ...]) -> None:
        """Gatherings at whose doors new laptops may be let in."""
        self.here.offer(lets)

    def _turn(self, on: bool) -> None:
        if on:
            self._venue.share(None, self._not_shared)
        else:
            self._venue.share_no_more()

    def _not_shared(self, error: KnownError) -> None:
        self.here.show_standing(self._venue.standing, str(error))

    def share(self) -> None:
        """Share with the laptops in this room, as its switch does."""
        self._turn(True)

    def join(self, address: str = "", scanned: str = "") -> None:
        """Join a laptop that shares; the one at ``address``, where that is known, or whose QR code says ``scanned``."""
        sheet = JoinLaptopSheet(self.window(), self._venue.find, self._lanes)

        def invited(url: str, code: str) -> None:
            from alumni_desk.sync.inviting import Way

            sheet.reject()
            self.invited.emit(Way(url, code))

        def met(what: Met) -> None:
            sheet.accept()
            self.said.emit(met_words(what))

        sheet.wanted.connect(lambda address, code: self._venue.join(address, code, met, sheet.refuse))
        sheet.form.not_found.connect(self.not_found)
        sheet.form.invited.connect(invited)
        sheet.open()
        sheet.form.address.setText(address)
        if scanned:
            sheet.form.paste(scanned)
        (sheet.done_button if scanned and sheet.done_button.isEnabled() else sheet.form.first_focus()).setFocus()

    def not_found(self) -> None:
        """Say why no laptop is found, and offer the next way."""
        sheet = NotFoundSheet(self.window(), self._venue.find, shares=self._venue.standing.sharing == "on")

        def save() -> None:
            place = ask_transfer_place(sheet)
            if place is not None:
                save_transfer(self._desk, self._lanes, place, sheet.say, sheet.complain)

        def load() -> None:
            file = ask_brought(sheet)
            if file is not None:
                sheet.accept()
                self.brought.emit(file)

        sheet.save.connect(save)
        sheet.load.connect(load)
        sheet.open()


def met_words(met: Met) -> str:
    """What came of joining a laptop, in a toast."""
    if not met.given and not met.taken:
        return _("Together now. Both have the same already.")
    given = ngettext("{n} bundle of changes given", "{n} bundles of changes given", met.given).format(n=number(met.given))
    taken = ngettext("{n} taken", "{n} taken", met.taken).format(n=number(met.taken))
    return _("Together now: {given}, {taken}").format(given=given, taken=taken)
