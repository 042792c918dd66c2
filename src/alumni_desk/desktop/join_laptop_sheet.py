"""Join a laptop that shares: chosen from those that are heard, or typed, or its QR code in a picture or as text; and why there is none, with the next way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.code_ways import CodeWays, WaysWords
from alumni_desk.desktop.controls import Button, Field, FormRow, Label, Link, Radio
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import PlainSheet, Sheet
from alumni_desk.desktop.widgets import IconLine
from alumni_desk.errors import KnownError
from alumni_desk.protocol.codes import read_venue_code
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.sync.venue.finding import Search

Find = Callable[[Callable[["Search"], None], Callable[[KnownError], None]], object]
"""Looks for laptops; calls back with what was found, or why it could not look."""


class JoinLaptopForm(QWidget):
    """The laptops that are heard, the address, the code. ``changed`` whenever ``missing`` may be another; ``not_found`` by its link;
    ``invited(url, code)`` where somebody wants to join with the invitation whose code came here."""

    changed = Signal()
    not_found = Signal()
    invited = Signal(str, str)

    def __init__(self, find: Find, lanes: Lanes) -> None:
        super().__init__()
        self._find = find
        self._looking = False
        self.search: Search | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        column.addWidget(Label(_("On the other laptop, on its Sync page, “Laptops here” is switched on. It shows a square code, an address and a code of ten "
                                 "letters and figures."),
                               tone="muted", wrap=True))  # fmt: skip
        self._found_place = QVBoxLayout()
        self._found_place.setSpacing(px(4))
        column.addLayout(self._found_place)
        self._found: QWidget | None = None
        self.address = Field(_("Address"), "192.168.1.7:7807")
        self.address.textEdited.connect(self._typed)
        self.address.textChanged.connect(lambda text: self._tick())
        self.address_row = FormRow(_("Address"), self.address)
        column.addWidget(self.address_row)
        self.code = Field(_("Code"), _("ten letters and figures"))
        self.code.textEdited.connect(self._typed)
        self.code_row = FormRow(_("Code"), self.code)
        column.addWidget(self.code_row)
        tools = QHBoxLayout()
        tools.setSpacing(px(16))
        self.ways = CodeWays(lanes, _ways_words(), self._take_square)
        self.ways.text.connect(self.paste)
        self.ways.file.connect(self._take_other_file)
        self.ways.trouble.connect(self._complain)
        tools.addWidget(self.ways)
        tools.addStretch(1)
        lost = Link(_("Not found?"))
        lost.clicked.connect(self.not_found)
        tools.addWidget(lost)
        column.addLayout(tools)
        self.radios: dict[str, Radio] = {}  # by the address
        self.ways.serve(self)
        self.look()

    def first_focus(self) -> QWidget:
        return self.code

    def look(self) -> None:
        """Look for laptops that share, anew."""
        if self._looking:
            return
        self._looking = True
        self._put(IconLine("hourglass", _("Listening for laptops that share …")))
        self._find(self._came, self._failed)

    def _came(self, search: Search) -> None:
        self._looking, self.search = False, search
        near = [one for one in search.found if one.reachable and one.ours is not False]
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        self.radios = {}
        for one in near:
            radio = Radio(_("A laptop of this chapter at {address}").format(address=one.place) if one.ours else
                          _("A laptop that shares at {address}").format(address=one.place))  # fmt: skip
            radio.clicked.connect(lambda on, one=one: self._choose(str(one.place)))
            self.radios[str(one.place)] = radio
            column.addWidget(radio)
        if not near:
            nobody = _("No laptop that shares was heard. Type the address that the other laptop shows.")
            column.addWidget(IconLine("wifi-slash", nobody if search.why == "nobody" else reason_words(search, shares=False)))
        again = Link(_("Listen again"))
        again.clicked.connect(self.look)
        column.addWidget(again, 0, Qt.AlignmentFlag.AlignLeft)
        self._put(box)
        if self.radios and not self.address.text().strip():
            self._choose(next(iter(self.radios)))
        self._tick()

    def _failed(self, error: KnownError) -> None:
        self._looking = False
        self._put(IconLine("wifi-slash", str(error)))

    def _put(self, widget: QWidget) -> None:
        if self._found is not None:
            self._found_place.removeWidget(self._found)
            self._found.hide()
            self._found.deleteLater()
        self._found = widget
        self._found_place.addWidget(widget)

    def _choose(self, address: str) -> None:
        self.address.setText(address)
        self._tick()
        self._typed()

    def _tick(self) -> None:
        """Ticked is the laptop whose address stands in the field, or none. Qt unticks none of those of which one is always on, so it is not told of that."""
        for address, radio in self.radios.items():
            radio.setAutoExclusive(False)
            radio.setChecked(address == self.address.text().strip())
        for radio in self.radios.values():
            radio.setAutoExclusive(True)

    def paste(self, text: str) -> None:
        """Take the text of a QR code, or a code alone."""
        from alumni_desk.sync.venue.places import read_qr

        scanned = read_qr(text)
        code = read_venue_code(scanned[1] if scanned else text)
        if scanned:
            self.address.setText(scanned[0])
            self.address_row.set_wrong("")
        if code:
            self.code.setText(code)
            self.code_row.set_wrong("")
        elif scanned is not None or not self._is_invitation(text):
            self._complain(_("What you copied is neither the text of a laptop’s QR code nor a code of ten letters and figures."))
        self.changed.emit()

    def _complain(self, sentence: str) -> None:
        self.code_row.set_wrong(sentence)

    def _is_invitation(self, text: str) -> bool:
        """Where what came is an invitation: say so, and lead to where it belongs."""
        from alumni_desk.desktop.join_form import invitation_in

        found = invitation_in(text)
        if found is None:
            return False
        self._lead_to(*found)
        return True

    def _lead_to(self, url: str, code: str) -> None:
        self._complain(_("That is an invitation, not a laptop’s code. It is for “Join with an invitation”."))
        self.code_row.offer(_("Join with that invitation"), lambda: self.invited.emit(url, code))
        if self.code_row.way_out is not None:
            self.setTabOrder(self.code, self.code_row.way_out)

    def _take_square(self, text: str) -> bool:
        """Take what a QR code says; False if it is neither a laptop's nor an invitation."""
        from alumni_desk.sync.venue.places import read_qr

        if not text.isprintable() or (read_qr(text) is None and not self._is_invitation(text)):
            return False
        if read_qr(text) is not None:
            self.paste(text)
        return True

    def _take_other_file(self, file: Path) -> None:
        from alumni_desk.sync import inviting

        if inviting.is_invitation(file):
            try:
                way = inviting.read(file)
            except KnownError as error:
                self._complain(str(error))
            else:
                self._lead_to(way.url, way.code)
        else:
            self._complain(_("{file} is no picture of a laptop’s square code. Take a picture of it, or type the code.").format(file=isolated(file.name)))

    def _typed(self) -> None:
        for row in (self.address_row, self.code_row):
            row.set_wrong("")
        self.changed.emit()

    @property
    def missing(self) -> str:
        """What is not there yet, in a sentence; empty when it can be tried."""
        if not self.address.text().strip():
            return _("The address is missing")
        if not self.code.text().strip():
            return _("The code is missing")
        if read_venue_code(self.code.text()) is None:
            return _("The code has ten letters and figures")
        return ""

    def refused(self, error: KnownError) -> bool:
        """Say at its field what is wrong with it; False where it is about neither."""
        if error.code in ("venue_code", "venue_code_form"):
            self.code_row.set_wrong(str(error))
            self.code.setFocus()
        elif error.code in ("venue_address", "venue_no_such_name", "venue_not_sharing", "venue_other_network", "venue_closed", "venue_no_laptop"):
            self.address_row.set_wrong(plain(str(error)))
            self.address.setFocus()
        else:
            return False
        return True


def _ways_words() -> WaysWords:
    return WaysWords(paste=_("Paste the text or a picture of the QR code, or the code"), from_file=_("Take the code from a picture of the QR code"),
                     choose=_("Take the code from a picture"), kinds=_("Pictures ({endings})"),
                     other=_("That is a code, but not one of a laptop that shares."))


class JoinLaptopSheet(Sheet):
    """Over a page. ``wanted(address, code)`` by its button; whoever carries it out calls ``accept`` or ``refuse``."""

    wanted = Signal(str, str)

    def __init__(self, parent: QWidget, find: Find, lanes: Lanes) -> None:
        super().__init__(parent, _("Join a laptop that shares"), _("Join it"))
        self.form = JoinLaptopForm(find, lanes)
        self.column.addWidget(self.form)
        self.form.changed.connect(lambda: self.set_reason(self.form.missing))
        self.done_clicked.connect(self._join)
        self.set_reason(self.form.missing)

    def _join(self) -> None:
        self.set_busy(_("Joining …"))
        self.wanted.emit(self.form.address.text().strip(), self.form.code.text().strip())

    def refuse(self, error: KnownError) -> None:
        """It did not work: say why; what was typed stays."""
        self.set_busy("")  # what is off takes no keyboard
        self.tell(_("Not joined") if self.form.refused(error) else plain(str(error)), "danger")


class NotFoundSheet(PlainSheet):
    """Why no laptop is found, and the next ways. ``save`` and ``load``: a transfer file, each way."""

    is_form = False
    save = Signal()
    load = Signal()

    def __init__(self, parent: QWidget, find: Find, *, shares: bool, may_carry: bool = True) -> None:
        super().__init__(parent, _("Not found?"))
        self._find, self._shares = find, shares
        self.reason = Label(_("Listening …"), wrap=True)
        self.column.addWidget(self.reason)
        again = Link(_("Look again"))
        again.clicked.connect(self.look)
        self.column.addWidget(again, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addSpacing(px(4))
        self.column.addWidget(Label(_("With a file on a USB stick"), "heading"))
        self.column.addWidget(Label(_("Save a transfer file on one laptop, carry it over, open it on the other, and the same the other way round. It is "
                                      "sealed: only laptops of this chapter read it. Everything also stays here until the server has it."),
                                    tone="muted", wrap=True))  # fmt: skip
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.save_button, self.load_button = Button(_("Save a transfer file"), icon="floppy-disk"), Button(_("Open one"), icon="folder")
        self.load_button.setAccessibleName(_("Open a transfer file"))
        self.save_button.clicked.connect(self.save)
        self.load_button.clicked.connect(self.load)
        for button in (self.save_button, self.load_button):
            button.setEnabled(may_carry)
            row.addWidget(button)
        row.addStretch(1)
        self.column.addLayout(row)
        self.said = Label("", "small", wrap=True)
        self.said.hide()
        self.column.addWidget(self.said)
        foot = QWidget()
        across = QHBoxLayout(foot)
        across.addStretch(1)
        done = Button(_("Done"), "primary")
        done.clicked.connect(self.accept)
        across.addWidget(done)
        self.set_foot(foot)
        done.setFocus()
        self.look()

    def look(self) -> None:
        """Find out the reason, anew."""
        self.reason.setText(_("Listening …"))
        self._find(self._came, lambda error: self.reason.setText(str(error)))

    def _came(self, search: Search) -> None:
        self.reason.setText(reason_words(search, shares=self._shares))

    def say(self, sentence: str) -> None:
        """What came of a file."""
        self.said.setText(sentence)
        self.said.show()

    def complain(self, error: KnownError) -> None:
        """A file could not be saved."""
        self.say(str(error))


def reason_words(search: Search, *, shares: bool) -> str:
    """Why nobody is found, for somebody at a window."""
    if search.why is None:
        return _("A laptop that shares answers here. Type its code under “Join a laptop that shares”.")
    if search.why == "no_network":
        return _("This laptop is in no network. Join the Wi-Fi that the others are in, or open a phone’s hotspot for all.")
    if search.why == "nobody" and shares:
        return _("This laptop shares, and no other one that does was heard. If the others do not see it, let them type the address; if that does not answer "
                 "either, this Wi-Fi keeps its guests apart or a firewall is closed for Alumni Desk: open a phone’s hotspot for all.")  # fmt: skip
    return plain(search.sentence)


def plain(sentence: str) -> str:
    """A sentence of the command line for somebody at a window, where a file is saved by a button."""
    return sentence.replace(": parcel write.", ".").replace("carry a file", _("carry a transfer file"))
