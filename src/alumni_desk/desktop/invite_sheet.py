"""Inviting somebody: whom, what they may do and until when; then the code as QR, letters, file, e-mail or paper. A change makes a new code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from PySide6.QtCore import QDate, QDateTime, QPoint, QRectF, QSize, Qt, QTime, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Choice, Field, FormRow, Label, When, hairline
from alumni_desk.desktop.fonts import metrics_of, px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground, paint_ring, paint_text
from alumni_desk.desktop.qr_view import QrView
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.tokens import CARD_RADIUS, Tone
from alumni_desk.desktop.widgets import IconLine
from alumni_desk.errors import BadInput
from alumni_desk.members.fields import read_fields
from alumni_desk.words import _

SETTLED_MS = 700
"""So long after the last letter a changed name or address makes a new code."""


@dataclass(frozen=True)
class Wish:
    """What the inviter asks for. ``gathering``: its id, for check-in; ``until``: when access to it ends, where that is not left to the gathering."""

    name: str
    email: str
    role: Literal["door", "leader"]
    gathering: str | None
    until: datetime | None = None


@dataclass(frozen=True)
class Made:
    """An invitation that stands: its id, code, QR text, the server's address, until when, in words, and the whole of it as text to be sent.

    ``typed``: whether somebody can join by typing the code; else ``server`` is the whole address, which only a copy brings.
    """

    id: str
    code: str
    qr: str
    server: str
    until: str
    text: str = ""
    typed: bool = True


@dataclass(frozen=True)
class Evening:
    """A gathering that somebody may be invited to check guests in at. ``sees``: what they will see, in words; ``until``: when access ends
    at the latest; None while nobody has said when it is."""

    id: str
    words: str
    sees: str
    until: datetime | None


class InviteSheet(PlainSheet):
    """``wished(Wish)`` for a new code, in place of the one that stands; ``cancelled(id)``; ``another``: the one that stands was used, and the next is to be
    one of its own; ``save``, ``copy``, ``mail`` and ``print`` with what stands."""

    wished = Signal(object)
    of_the_term = True  # once it has ended nobody can be invited
    cancelled = Signal(str)
    another = Signal()
    save = Signal(object)
    copy = Signal(object)
    mail = Signal(object)
    print = Signal(object)

    def __init__(self, parent: QWidget, evenings: Sequence[Evening], leader_until: str, *, leader_alone: bool = False) -> None:
        super().__init__(parent, _("Invite someone"), width=608)
        if leader_alone:
            self.column.addWidget(IconLine("warning", _("This laptop is emptied when your successor has joined"), _(
                "It sends everything first; then its members, backups and keys are erased from it."), tone="warn"))
        self._evenings = {one.id: one for one in evenings}
        self._made: Made | None = None
        self._asked: Wish | None = None
        self._leader_until, self._leader_alone = leader_until, leader_alone
        self.name = Field(_("Who"))
        self.email = Field(_("E-mail"))
        both = QHBoxLayout()
        both.setSpacing(px(16))
        self._email_row = FormRow(_("E-mail (optional)"), self.email)
        for one in (FormRow(_("Who"), self.name), self._email_row):
            both.addWidget(one, 1)
            both.setAlignment(one, Qt.AlignmentFlag.AlignTop)
        self.column.addLayout(both)
        may_do = QVBoxLayout()
        may_do.setSpacing(px(4))
        may_do.addWidget(Label(_("May do"), "label"))
        self.evening = Choice(_("Gathering"), [(one.id, one.words) for one in evenings])
        self.door = _Way(_("Check-in for one gathering"), "", self.evening)
        self.leader = _Way(_("Everything in the chapter"),
                           _("Members, gatherings, badges and inviting others. For leaders; ends 60 days after their last contact."))
        ways = self._ways = _Ways((self.door, self.leader))
        may_do.addWidget(ways)
        if leader_alone:  # a choice of one is none
            ways.hide()
            may_do.addWidget(Label(_("Everything in the chapter: members, gatherings, badges and inviting others."), tone="muted", wrap=True))
        self.column.addLayout(may_do)
        ends = QVBoxLayout()
        ends.setSpacing(px(4))
        ends.addWidget(Label(_("Until"), "label"))
        line = QHBoxLayout()
        line.setSpacing(px(12))
        self.until = When(_("Until"))
        self.until.setMinimumWidth(px(270))
        line.addWidget(self.until)
        self.until_note = Label("", tone="muted", wrap=True)
        line.addWidget(self.until_note, 1)
        ends.addLayout(line)
        self.column.addLayout(ends)
        self.column.addWidget(hairline())
        self._code(self.column)
        first = self.leader if leader_alone or not evenings else self.door
        first.button.setChecked(True)
        self.door.setEnabled(bool(evenings) and not leader_alone)
        if not evenings:
            self.door.say(_("There is no gathering ahead yet. Plan one, then invite its volunteers."))
        self._settle = QTimer(self, interval=SETTLED_MS, singleShot=True)
        self._settle.timeout.connect(self._wish)
        self.name.textEdited.connect(self._settle.start)
        self.email.textEdited.connect(self._settle.start)
        self.email.textEdited.connect(lambda text: self._email_row.set_wrong("") if not _trouble(text) else None)
        self.evening.activated.connect(lambda: self._turn())
        self.until.dateTimeChanged.connect(lambda at: self._settle.start())
        for way in (self.door, self.leader):
            way.button.toggled.connect(lambda on: self._turn() if on else None)
        self._show_until()
        self._foot()
        self.name.setFocus()

    def showEvent(self, event: object) -> None:
        super().showEvent(event)
        if self._asked is None:
            self._wish()

    def changed_by_hand(self) -> bool:
        """What was typed, and no invitation says yet."""
        return self._asked is not None and self.wish() != self._asked

    # -- parts

    def _code(self, column: QVBoxLayout) -> None:
        across = QHBoxLayout()
        across.setSpacing(px(24))
        self.picture = QrView(_("Code to scan"), 160)
        across.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(px(2))
        self.code_name = Label(_("Code"), "small", "muted")
        words.addWidget(self.code_name)
        self.first_half, self.second_half = Label("", "number"), Label("", "number")
        words.addWidget(self.first_half)
        words.addWidget(self.second_half)
        self.address = Field(_("The server’s whole address"))
        self.address.setReadOnly(True)
        self.address.hide()
        words.addWidget(self.address)
        self.server = Label("", "small", "muted", wrap=True)
        self.server.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        words.addWidget(self.server)
        self.valid = IconLine("clock", "")
        words.addWidget(self.valid)
        words.addStretch(1)
        across.addLayout(words, 1)
        column.addLayout(across)
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        self.deeds = []
        for text, icon, signal in ((_("Save as file"), "floppy-disk", self.save), (_("Copy as text"), "clipboard-text", self.copy),
                                   (_("E-mail"), "envelope-simple", self.mail), (_("Print"), "printer", self.print)):
            button = Button(text, icon=icon)
            button.clicked.connect(lambda checked=False, signal=signal: signal.emit(self._made))
            buttons.addWidget(button)
            self.deeds.append(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        self.note = Label("", "small", "muted", wrap=True)
        column.addWidget(self.note)

    def _foot(self) -> None:
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setSpacing(px(12))
        self.cancel = Button(_("Cancel the invitation"))
        self.cancel.clicked.connect(self._cancel)
        row.addWidget(self.cancel)
        self.next = Button(_("Invite another"))
        self.next.clicked.connect(self._another)
        self.next.hide()
        row.addWidget(self.next)
        row.addStretch(1)
        self.state = IconLine("hourglass", _("Not used yet"))
        row.addWidget(self.state, 0, Qt.AlignmentFlag.AlignVCenter)
        self.done_button = Button(_("Done"), "primary")
        self.done_button.clicked.connect(self.accept)
        row.addWidget(self.done_button)
        self.set_foot(foot)

    # -- what is wished, and what stands

    def wish(self) -> Wish:
        """What the form says now."""
        name, email = self.name.text().strip(), self.email.text().strip()
        if _trouble(email):
            email = ""  # nothing is sent there; the code is good without
        evening = self._evening()
        if evening is None:
            return Wish(name, email, "leader", None)
        until = None if evening.until is None or self.until.dateTime() >= self.until.maximumDateTime() else _moment(self.until)
        return Wish(name, email, "door", evening.id, until)

    def _evening(self) -> Evening | None:
        """The gathering that is chosen; None for everything in the chapter."""
        return self._evenings.get(self.evening.key() or "") if self.door.button.isChecked() else None

    def _turn(self) -> None:
        """Another gathering, or another way."""
        self._show_until()
        self._wish()

    def _show_until(self) -> None:
        """The field for when access ends: at first the latest moment that there is."""
        evening = self._evening()
        latest = evening.until if evening is not None else None
        self.until.setVisible(latest is not None)
        if latest is not None:
            blocked = self.until.blockSignals(True)
            wall = latest.astimezone()
            self.until.setMaximumDateTime(QDateTime(QDate(wall.year, wall.month, wall.day), QTime(wall.hour, wall.minute)))
            self.until.setDateTime(self.until.maximumDateTime())
            self.until.blockSignals(blocked)
        self.until_note.setText(self._leader_until if evening is None else _("At most 24 hours after it ends") + _zone_words(evening) if latest is not None else
                                _("24 hours after it ends; when that is nobody has said yet"))

    @property
    def standing(self) -> Made | None:
        """The invitation that stands."""
        return self._made

    def _wish(self) -> None:
        self._settle.stop()
        self._email_row.set_wrong(_trouble(self.email.text()))
        wish = self.wish()
        evening = self._evenings.get(wish.gathering or "")
        self.evening.setEnabled(wish.role == "door")
        if evening is not None:
            self.door.say(evening.sees)
        if wish == self._asked:
            return
        self._asked = wish
        self._blank(_("Making the code …"))
        self.wished.emit(wish)

    def _blank(self, words: str, tone: Tone = "muted") -> None:
        self.picture.show_text("")
        self.address.clear()
        for label in (self.first_half, self.second_half, self.server):
            label.setText("")
        self.valid.hide()
        self.say(words, tone)
        self.state.hide()
        for button in (*self.deeds, self.cancel):
            button.setEnabled(False)

    def show_made(self, made: Made) -> None:
        """The code that stands now."""
        self._made = made
        letters = made.code.replace("-", " ")
        self.picture.show_text(made.qr)
        for label, half in ((self.first_half, letters[:9]), (self.second_half, letters[10:])):
            label.setText(half)
            label.setAccessibleName(" ".join(half.replace(" ", "")))
            label.setVisible(made.typed)
        self.code_name.setText(_("Code") if made.typed else _("The server’s whole address"))
        self.address.setText("" if made.typed else made.server)
        self.address.setCursorPosition(0)
        self.address.setVisible(not made.typed)
        self.server.setText(_("Server {address}").format(address=made.server) if made.typed else _(
            "Laptops know this server by its own certificate, so a code that is typed does not find it."))
        self.deeds[-1].setVisible(made.typed)
        self.valid.first.setText(_("Valid until {until}, once").format(until=made.until) + _zone_words(self._evening()))
        self.valid.show()
        who = self.name.text().strip() or _("Whoever joins")
        if made.typed:
            self.say(_("{name} types the code with the server’s address, pastes the text or opens the file. A change above makes a new code and ends this "
                       "one.").format(name=who))
        else:
            self.say(_("{name} opens the file, or copies the text and chooses Paste in “Join with an invitation”. A change above makes a new invitation and "
                       "ends this one.").format(name=who))
        self.state.show()
        for button in (*self.deeds, self.cancel):
            button.setEnabled(True)

    def say(self, sentence: str, tone: Tone = "muted") -> None:
        """Say what became of the code: saved, printed, or why not."""
        self.note.setText(sentence)
        self.note.set_tone(tone)

    def show_used(self, words: str) -> None:
        """Somebody has joined with it."""
        self.state.glyph.set_icon("check-circle", "ok")
        self.state.first.setText(words)
        self.valid.first.setText(_("Used: this code opens nothing any more"))
        self.say("")
        self._hold(True)

    def _hold(self, on: bool) -> None:
        """Somebody has joined with it: nothing more is done to that one. The next is another."""
        if on:
            self.done_button.setFocus()
        self.cancel.setVisible(not on)
        for part in (self.name, self.email, self._ways, self.until, *self.deeds):
            part.setEnabled(not on)
        self.next.setVisible(on and not self._leader_alone)

    def _another(self) -> None:
        """A new invitation, for somebody else; what they may do is as before."""
        self.another.emit()
        self.state.glyph.set_icon("hourglass", "muted")
        self.state.first.setText(_("Not used yet"))
        self._made = self._asked = None
        self.name.clear()
        self.email.clear()
        self._hold(False)
        self.name.setFocus()
        self._wish()

    def complain(self, sentence: str) -> None:
        """Why there is no code."""
        self._asked = None
        self._blank(sentence, "danger")
        self.cancel.setEnabled(self._made is not None)  # the code before is still good

    def _cancel(self) -> None:
        if self._made is not None:
            self.cancelled.emit(self._made.id)
        self.reject()


def _trouble(email: str) -> str:
    """Why that cannot be an e-mail address; empty if it can, or if there is none."""
    try:
        read_fields({"email": email})
    except BadInput as error:
        return str(error)
    return ""


def _zone_words(evening: Evening | None) -> str:
    """By which clock the times are, after them, where a gathering's is another than this laptop's."""
    until = evening.until if evening is not None else None
    here = until.astimezone() if until is not None else None
    if until is None or here is None or until.utcoffset() == here.utcoffset():
        return ""
    return _(", by this laptop’s clock ({zone})").format(zone=here.tzname())


def _moment(field: When) -> datetime:
    """What the field says, in this computer's time zone."""
    at = field.dateTime()
    day, time = at.date(), at.time()
    return datetime(day.year(), day.month(), day.day(), time.hour(), time.minute()).astimezone()


class _Way(QWidget):
    """A radio button with a line below it, and at its right a control of its own."""

    def __init__(self, words: str, second: str, control: QWidget | None = None) -> None:
        super().__init__()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(px(16), px(12), px(16), px(12))
        whole.setSpacing(px(4))
        top = QHBoxLayout()
        top.setSpacing(px(12))
        self.button = _Dot(words)
        top.addWidget(self.button)
        top.addStretch(1)
        if control is not None:
            control.setMinimumWidth(px(240))
            top.addWidget(control)
        whole.addLayout(top)
        self._second = Label(second, "small", "muted", wrap=True)
        self._second.setContentsMargins(px(30), 0, 0, 0)
        whole.addWidget(self._second)
        self.say(second)
        self.button.toggled.connect(lambda on: self.update())

    def say(self, second: str) -> None:
        """Another line below."""
        self._second.setText(second)
        self._second.setVisible(bool(second))
        self.button.setAccessibleDescription(second)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.isEnabled():
            self.button.setChecked(True)
            self.button.setFocus(Qt.FocusReason.MouseFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.button.isChecked():
            paint_ground(QPainter(self), self.rect().adjusted(1, 1, -1, -1), look(self).selected, CARD_RADIUS - 1)


class _Ways(QWidget):
    """The ways in one outline; the arrow keys go between them."""

    def __init__(self, ways: Sequence[_Way]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._group = QButtonGroup(self)
        for place, way in enumerate(ways):
            if place:
                column.addWidget(hairline())
            column.addWidget(way)
            self._group.addButton(way.button)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_ring(QPainter(self), self.rect(), look(self).line, CARD_RADIUS, 1)


class _Dot(QRadioButton):
    """A radio button in our colours."""

    def __init__(self, words: str) -> None:
        super().__init__(words.replace("&", "&&"))
        self.setAccessibleName(words)
        self._words = words
        self.setMinimumHeight(px(28))

    def hitButton(self, pos: QPoint) -> bool:
        return True

    def sizeHint(self) -> QSize:
        return QSize(round(metrics_of("strong").horizontalAdvance(self._words)) + px(30) + 4, px(28))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        painter = QPainter(self)
        on = self.isChecked()
        size = px(18)
        dot = QRectF(1, (self.height() - size) / 2, size, size)
        if on:
            paint_ground(painter, dot, colours.accent, size / 2)
            paint_ground(painter, dot.adjusted(px(5), px(5), -px(5), -px(5)), colours.on_accent, size / 2)
        else:
            paint_ring(painter, dot, colours.border, size / 2, 1.5)
        rest = QRectF(dot.right() + px(11), 0, self.width() - dot.right() - px(11), self.height())
        ink = colours.selected_text if on else colours.text if self.isEnabled() else colours.muted
        used = paint_text(painter, rest, self._words, ink, "strong" if on else "label", elide=False)
        if self.hasFocus():
            paint_ring(painter, QRectF(rest.left() - px(4), rest.center().y() - px(13), used + px(8), px(26)), colours.accent, 4)
