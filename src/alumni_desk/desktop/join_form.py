"""Joining a server: four groups of four, the server's address, and who this laptop is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QRegularExpression, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QRegularExpressionValidator
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.code_ways import CodeWays, WaysWords
from alumni_desk.desktop.controls import Button, Field, Label, Link, Tick, hairline
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.offer_card import OfferCard, moment_words
from alumni_desk.desktop.widgets import Glyph, IconLine
from alumni_desk.errors import KnownError
from alumni_desk.protocol.codes import read_invitation, short_invitation, wrong_group
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.sync.join import Shown

Look = Callable[[str, str, Callable[["Shown"], None], Callable[[KnownError], None]], None]

CODE_TROUBLE = frozenset({"invitation_wrong", "invitation_used", "invitation_expired", "invitation_cancelled", "sync_code"})
"""Refusals that are about the code itself."""

ADDRESS_TROUBLE = frozenset({"sync_address", "sync_fingerprint", "sync_unreachable", "sync_slow", "sync_no_server", "sync_not_encrypted"})
"""Refusals that are about the address."""


class CodeField(QWidget):
    """Four boxes of four letters; ``changed`` after every letter, ``pasted`` when somebody pastes into any of them."""

    changed = Signal()
    pasted = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self.groups: list[Field] = []
        font = font_of("number")
        for place in range(4):
            field = Field(_("Code, group {n} of 4").format(n=place + 1), height=56)
            field.setFont(font)
            field.setAlignment(Qt.AlignmentFlag.AlignCenter)
            field.setValidator(QRegularExpressionValidator(QRegularExpression("[A-Za-z0-9]{0,4}"), field))
            field.textEdited.connect(lambda text, at=place: self._typed(at, text))
            field.installEventFilter(self)
            self.groups.append(field)
            if place:
                row.addWidget(Label("–", "title", "muted"))
            row.addWidget(field, 1)

    def text(self) -> str:
        """What is typed, groups joined by hyphens."""
        return "-".join(field.text() for field in self.groups)

    def fill(self, text: str) -> bool:
        """Put a whole code into the boxes; False if the text holds none."""
        letters = "".join(c for c in text.upper() if c.isascii() and c.isalnum())
        if len(letters) != 16:
            return False
        for place, field in enumerate(self.groups):
            field.setText(letters[4 * place : 4 * place + 4])
        self.groups[-1].setFocus()
        self.changed.emit()
        return True

    def mark(self, wrong: set[int]) -> None:
        """Show groups (1 to 4) as wrong."""
        for place, field in enumerate(self.groups, 1):
            field.set_wrong(place in wrong)

    def _typed(self, at: int, text: str) -> None:
        field = self.groups[at]
        place = field.cursorPosition()
        field.setText(text.upper())
        field.setModified(True)  # by hand all the same
        field.setCursorPosition(place)
        if len(text) == 4 and place == 4 and at < 3:
            self.groups[at + 1].setFocus()
            self.groups[at + 1].selectAll()
        self.changed.emit()

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.matches(QKeySequence.StandardKey.Paste):
                self.pasted.emit()
                return True
            if event.key() == Qt.Key.Key_Backspace:
                at = next((n for n, field in enumerate(self.groups) if field is watched), 0)
                if at and not self.groups[at].text():
                    self.groups[at - 1].setFocus()
            return self._flows_on(watched, event)
        return False

    def _flows_on(self, watched: object, event: QKeyEvent) -> bool:
        """A letter behind a full box belongs into the next one, unless that is full as well."""
        at = next((n for n, field in enumerate(self.groups) if field is watched), 3)
        held = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier)
        letter = event.text()
        if at == 3 or held or not (len(letter) == 1 and letter.isascii() and letter.isalnum()):
            return False
        field, following = self.groups[at], self.groups[at + 1]
        if len(field.text()) < 4 or field.cursorPosition() < 4 or field.hasSelectedText() or len(following.text()) == 4:
            return False
        following.setFocus()
        following.setCursorPosition(0)
        QCoreApplication.sendEvent(following, event)
        return True


class JoinForm(QWidget):
    """Asks for everything a join needs. ``joined(url, code, laptop, carry)`` when the person presses the button.

    ``look(url, code, then, failed)`` asks the server what the invitation is for: that is shown before anything can be joined. Without it nothing is asked.
    ``to_laptop(text)``: joins the laptop whose QR code says that, where this one may.
    """

    joined = Signal(str, str, str, bool)

    def __init__(self, laptop: str, here: str = "", parent: QWidget | None = None, *, lanes: Lanes, look: Look | None = None,
                 to_laptop: Callable[[str], None] | None = None) -> None:
        super().__init__(parent)
        self._to_laptop = to_laptop
        self._ask, self._asking = look, False
        self._shown: Shown | None = None
        self._tried: tuple[str, str] | None = None  # what was asked about last
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self.ways = CodeWays(lanes, _ways_words(), self._take_square)
        self.ways.text.connect(self.take_text)
        self.ways.file.connect(self._take_invitation)
        self.ways.trouble.connect(self._complain)
        column.addWidget(Label(_("Code"), "label"))
        self.code = CodeField()
        self.code.changed.connect(self._changed)
        self.code.pasted.connect(self.ways.paste)
        column.addWidget(self.code)
        self.verdict = _Verdict()
        column.addWidget(self.verdict)
        column.addSpacing(px(4))
        self.server = Field(_("Server"), _("desk.university.example"))
        self.server.textEdited.connect(self._changed)
        self.server.editingFinished.connect(self._leave_address)
        column.addLayout(_row(_("Server"), self.server, _("written below the code")))
        self.laptop = Field(_("Call this laptop"))
        self.laptop.fill(laptop)
        self.laptop.textEdited.connect(self._look)
        self.card = OfferCard(self.laptop)
        self.another = Button(_("Type another code"), "primary")
        self.another.clicked.connect(self._begin_anew)
        self.another.hide()
        tools = QHBoxLayout()
        tools.setSpacing(px(8))
        tools.addWidget(self.another)
        tools.addWidget(self.ways)
        tools.addStretch(1)
        column.addSpacing(px(4))
        column.addLayout(tools)
        column.addSpacing(px(8))
        self.carry = Tick(_("Take along what is on this laptop: {what}").format(what=here))
        self.carry.setVisible(bool(here))
        self.carry.toggled.connect(self._look)
        column.addWidget(self.carry, 0, Qt.AlignmentFlag.AlignLeft)
        self._here = here
        self._scanned = ""  # the code of a QR code or a file
        self.line = hairline()
        column.addWidget(self.line)
        column.addWidget(self.card)
        column.addSpacing(px(8))
        self.note = IconLine("lock-simple", "", tone="muted")
        column.addWidget(self.note)
        column.addSpacing(px(16))
        self.foot = QWidget()
        self._above = QVBoxLayout(self.foot)
        self._above.setContentsMargins(0, 0, 0, 0)
        self._above.setSpacing(px(8))
        row = self._beside = QHBoxLayout()
        row.setSpacing(px(16))
        row.addStretch(1)
        self._above.addLayout(row)
        self.reason = Label("", tone="muted", wrap=True)
        self._seat_reason(above=False)
        self.cancel = Button(_("Cancel"), height=40)
        self.cancel.hide()
        row.addWidget(self.cancel)
        self.button = Button(_("Join"), "primary", height=40)
        self.button.clicked.connect(self._press)
        row.addWidget(self.button)
        column.addWidget(self.foot)
        self.ways.serve(self)
        self._offer(None)

    def first_focus(self) -> QWidget:
        return self.code.groups[0]

    @property
    def shown(self) -> Shown | None:
        """What the server said of the invitation."""
        return self._shown

    @property
    def moves(self) -> bool:
        """Whether the invitation is of another server, to which a leader's laptop goes with everything."""
        return self._shown is not None and self._shown.moves

    def busy(self, words: str) -> None:
        """The join is under way."""
        self.setEnabled(False)
        self.foot.setEnabled(False)
        self._seat_reason(above=False)
        self.reason.set_tone("muted")
        self.reason.setText(words)

    def refused(self, code: str, sentence: str) -> None:
        """The join did not happen: say why; what was typed stays."""
        self.setEnabled(True)
        self.foot.setEnabled(True)
        if code in CODE_TROUBLE:
            self._offer(None)
            self.code.mark({1, 2, 3, 4})
            self.verdict.say("x-circle", "danger", sentence)
            self._set_reason(_("The code is used up") if code == "invitation_used" else _("The code does not work"))
            self.another.show()
            if code == "invitation_used":
                self.note.first.setText(_("You did not use it? Tell whoever gave it to you: they can remove that laptop. Nothing was changed here."))
        else:
            self._look()
            self._seat_reason(above=True)
            self.reason.set_tone("danger")
            self.reason.setText(sentence)
            self.server.set_wrong(code in ADDRESS_TROUBLE)
            if code in ADDRESS_TROUBLE:
                self.server.setFocus()

    def look_again(self) -> None:
        """What the server said counts no more: ask anew."""
        self.setEnabled(True)
        self.foot.setEnabled(True)
        self._changed()
        self._ask_by_itself()

    def fill(self, url: str, code: str) -> None:
        """Show an invitation that came some other way; the server is asked what it is for, and nothing else before the button is pressed."""
        self._show_address(url)
        self.code.fill(short_invitation(code))
        self._scanned = code
        self._changed()
        (self.button if self.button.isEnabled() else self.laptop).setFocus()
        self._ask_by_itself()

    def _show_address(self, url: str) -> None:
        self.server.setText(url)
        self.server.setCursorPosition(0)  # its beginning says whose it is

    def take_text(self, text: str) -> None:
        """Take what somebody was sent: a code, the text of a QR code, or a whole letter with both in it."""
        from alumni_desk.sync.venue.places import read_qr

        found = invitation_in(text)
        if found is None:
            if read_qr(text) is not None:
                self._is_laptops(text)
            elif not self.code.fill(text):
                self._complain(_("There is no invitation code in what you copied."))
            return
        url, code = found
        if url:
            self._show_address(url)
        self.code.fill(short_invitation(code))
        self._scanned = code
        self._changed()
        self._ask_by_itself()

    def _complain(self, sentence: str) -> None:
        self.verdict.say("x-circle", "danger", sentence)

    def _is_laptops(self, text: str) -> None:
        """What came is another kind of code: say which, and lead to where it belongs."""
        if self._to_laptop is None:
            self._complain(_("That is the code of a laptop that shares with others in its room, not an invitation. Ask a leader of the chapter for one."))
            return
        to_laptop = self._to_laptop
        self._complain(_("That is a laptop’s code, not an invitation. It is for “Join a laptop that shares”."))
        QWidget.setTabOrder(self.code.groups[-1], self.verdict.offer(_("Join that laptop"), lambda: to_laptop(text)))

    def take_file(self, file: Path) -> None:
        """Take an invitation that was saved to a file, or a picture with its square code."""
        self.ways.take_file(file)

    def _take_invitation(self, file: Path) -> None:
        from alumni_desk.sync import inviting

        try:
            way = inviting.read(file)
        except KnownError as error:
            self._complain(str(error))
            return
        self.fill(way.url, way.code)

    def _take_square(self, text: str) -> bool:
        """Take what a QR code says; False if it is neither an invitation nor a laptop's."""
        from alumni_desk.sync.venue.places import read_qr

        if not text.isprintable() or (invitation_in(text) is None and read_qr(text) is None):
            return False
        self.take_text(text)
        return True

    def _leave_address(self) -> None:
        self.server.setCursorPosition(0)  # its beginning says whose it is
        self._ask_by_itself()

    # -- what the invitation is for

    def _changed(self) -> None:
        """Another code or server: what was said of the one before counts no more."""
        self._tried = None
        self._offer(None)

    def _begin_anew(self) -> None:
        for field in self.code.groups:
            field.clear()
        self._scanned = ""
        self._changed()
        self.code.groups[0].setFocus()

    def _offer(self, shown: Shown | None) -> None:
        """Show what the invitation is for, or nothing yet."""
        self._shown, self._asking = shown, False
        if shown is not None:
            self.card.show_offer(shown)
        self.card.setVisible(shown is not None or self._ask is None)
        self.line.setVisible(shown is None)
        self.another.hide()
        if self._ask is None:
            self.note.first.setText(_("The server is asked only when you join. Until then nothing is changed."))
        elif shown is None:
            self.button.set_words(_("Next"))
            self.note.first.setText(_("Once the code fits you see here who invites you, what you may do and what is kept on this laptop. Nothing was changed "
                                      "so far."))
        elif shown.moves:
            self.button.set_words(_("Move to {chapter} there").format(chapter=shown.chapter))
            self.note.first.setText(_("This is another server. Everything that is on this laptop goes along to it; do this only if the chapter moves there."))
        else:
            self.button.set_words(_("Join {chapter}").format(chapter=shown.chapter))
            self.note.first.setText(_("Nothing is fetched before you join."))
        self._look()

    def _ask_by_itself(self) -> None:
        """Ask once the code and the server are there, and not twice about the same."""
        if self._ask is not None and self._shown is None and self.button.isEnabled() and self._tried != (self.server.text().strip(), self.code.text()):
            self._ask_server()

    def _ask_server(self) -> None:
        code, url = self._whole_code(), self.server.text().strip()
        if self._ask is None or self._asking or code is None:
            return
        asked = self._tried = (url, self.code.text())

        def answered(shown: Shown) -> None:
            if self._tried == asked:
                self._offer(shown)
                self.button.setFocus()

        def failed(error: KnownError) -> None:
            if self._tried == asked:
                self._asking = False
                self.refused(error.code, str(error))

        self._asking = True
        self._set_reason(_("Asking the server …"))
        self._ask(url, code, answered, failed)

    def _press(self) -> None:
        if self._ask is not None and self._shown is None:
            self._ask_server()
        else:
            self._join()

    def _whole_code(self) -> str | None:
        """The code as the QR code or the file had it, with the server's seal, or as it was typed."""
        code = read_invitation(self.code.text())
        return self._scanned if code is not None and code == short_invitation(self._scanned) else code

    def _look(self) -> None:
        self.server.set_wrong(False)
        groups = [field.text() for field in self.code.groups]
        wrong = wrong_group(self.code.text())
        full_wrong = wrong if wrong is not None and len(groups[wrong - 1]) == 4 else None
        self.code.mark({full_wrong} if full_wrong else set())
        ordinal = (_("first"), _("second"), _("third"), _("fourth"))
        if full_wrong:
            self.verdict.say("x-circle", "danger", _("Look again at the {which} group: one letter is wrong").format(which=ordinal[full_wrong - 1]))
            self._set_reason(_("The {which} group does not fit yet").format(which=ordinal[full_wrong - 1]))
        elif wrong is not None:
            self.verdict.say("", "muted", "")
            self._set_reason(_("The {which} group is missing").format(which=ordinal[wrong - 1]) if any(groups) else _("Type the code you were given"))
        else:
            if self._shown is not None and self._shown.expires:
                self.verdict.say("check-circle", "ok", _("The code is right. It works once, until {moment}.").format(moment=moment_words(self._shown.expires)))
            else:
                self.verdict.say("check-circle", "ok", _("The code is typed right."))
            if not self.server.text().strip():
                self._set_reason(_("The server’s address is missing"))
            elif self._asking:
                self._set_reason(_("Asking the server …"))
            elif self._ask is not None and self._shown is None:
                self._set_reason("")
            elif not self.laptop.text().strip():
                self._set_reason(_("Give this laptop a name"))
            elif self._here and not self.carry.isChecked():
                self._set_reason(_("There is something on this laptop already: tick that it comes along"))
            else:
                self._set_reason("")

    def _seat_reason(self, *, above: bool) -> None:
        """A few words stand beside the buttons; a refusal is whole sentences, which a long name on the button would leave no room."""
        sides = Qt.AlignmentFlag.AlignLeft if above else Qt.AlignmentFlag.AlignRight
        self.reason.setAlignment(sides | Qt.AlignmentFlag.AlignVCenter)
        if above:
            self._above.insertWidget(0, self.reason)
        else:
            self._beside.insertWidget(1, self.reason, 1_000)

    def _set_reason(self, words: str) -> None:
        self._seat_reason(above=False)
        self.reason.set_tone("muted")
        self.reason.setText(words)
        self.button.setEnabled(not words)

    def _join(self) -> None:
        code = self._whole_code()
        if code is not None:
            self.joined.emit(self.server.text().strip(), code, self.laptop.text().strip(), self.carry.isChecked())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.button.isEnabled():
            self._press()
        else:
            super().keyPressEvent(event)


_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{4}(?:[\s\-–]?[A-Za-z0-9]{4}){3}(?![A-Za-z0-9])")
_SERVER = re.compile(r"https?://[^\s<>\"“”]+")
_QR = re.compile(r"alumnidesk://join\?[^\s<>\"“”]+", re.IGNORECASE)


def invitation_in(text: str) -> tuple[str, str] | None:
    """Address (empty where there is none) and code in a text: of a QR code, of a letter, or the code alone; None if there is no code that is right."""
    from alumni_desk.sync.inviting import read_text

    for one in _QR.findall(text):
        if (way := read_text(one)) is not None:
            return way.url, way.code
    codes = (read_invitation(one) for one in _CODE.findall(text))
    code = next((one for one in codes if one is not None), None)
    if code is None:
        return None
    address = _SERVER.search(text)
    return (address.group().rstrip(".,;)") if address else ""), code


class _Verdict(QWidget):
    """One line under the code: right, or where to look again. It keeps its height."""

    def __init__(self) -> None:
        super().__init__()
        row = self._row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        self._mark = Glyph("check-circle", "ok", 16)
        self._words = Label("", "small", wrap=True)
        self.way_out: Link | None = None
        row.addWidget(self._mark)
        row.addWidget(self._words, 1)

    def say(self, icon: str, tone: str, sentence: str) -> None:
        self._mark.setVisible(bool(icon))
        if icon:
            self._mark.set_icon(icon, tone)  # type: ignore[arg-type]
        self._words.setText(sentence)
        self._words.set_tone(tone)  # type: ignore[arg-type]
        if self.way_out is not None:
            self.way_out.hide()
            self.way_out.deleteLater()
            self.way_out = None

    def offer(self, words: str, deed: Callable[[], None]) -> Link:
        """A link behind the sentence that mends it; it goes with it."""
        self.way_out = link = Link(words)
        link.clicked.connect(deed)
        self._row.addWidget(link)
        return link


def _ways_words() -> WaysWords:
    return WaysWords(paste=_("Paste the code, the text of a QR code, a letter or a picture"), from_file=_("Take the invitation from a file or a picture"),
                     choose=_("Take the invitation from a file"), kinds=_("Invitations and pictures of them ({endings})"), ending="*.alumnidesk",
                     other=_("That is a code, but not an invitation of Alumni Desk."))


def _row(name: str, field: Field, note: str) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(px(12))
    label = Label(name, "label")
    label.setBuddy(field)
    row.addWidget(label)
    row.addWidget(field, 1)
    row.addWidget(Label(note, "small", "muted"))
    return row
