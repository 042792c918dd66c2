"""What the door shows between guests: that it is ready, what may be typed, and the last answer with its Undo."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QSizePolicy,
    QSpacerItem,
    QVBoxLayout,
    QWidget,
)

from alumni_desk.checkin.lists import local_time
from alumni_desk.desktop.controls import Button, Label
from alumni_desk.desktop.door_panel import paint_shape
from alumni_desk.desktop.door_words import Shape, full_name
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import isolated, paint_ground, paint_ring, tip
from alumni_desk.desktop.tokens import DOOR_NEEDS_A_WORD, DoorColours
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.errors import KnownError
from alumni_desk.words import _, clock_time, ngettext, number


@dataclass(frozen=True)
class Last:
    """The last answer, shrunk to a strip."""

    colours: DoorColours
    shape: Shape
    name: str
    sentence: str
    undo: str = ""  # what the Undo button says; empty when there is nothing to undo
    person: str | None = None


def taken_back(name: str, at: datetime, person: str | None = None) -> Last:
    """What stays to be read of a check-in that was taken back."""
    return Last(DOOR_NEEDS_A_WORD, "hand", full_name(name, ""), _("Taken back at {time}, not checked in").format(time=clock_time(at)), person=person)


def closed_already(error: KnownError, zone: str | None, person: str | None = None) -> Last:
    """What stays to be read of a check-in that was taken back, or ended, elsewhere before it was here: when and by whom."""
    facts = {name: str(value or "") for name, value in error.facts.items()}
    at = local_time(facts["at"], zone)
    said = _("Left already at {time}") if facts["kind"] == "out" else _("Taken back already at {time}")
    where = [said.format(time=clock_time(at)) if at else _("Taken back already"), isolated(facts["station"]), isolated(facts["by"])]
    return Last(DOOR_NEEDS_A_WORD, "hand", full_name(facts["name"], ""), ", ".join(part for part in where if part), person=person)


class Strip(QWidget):
    """The last answer, 72 high: its colour and shape at the left, Undo at the right."""

    undo = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._last: Last | None = None
        self.setFixedHeight(px(72))
        row = QHBoxLayout(self)
        row.setContentsMargins(px(72 + 20), px(8), px(16), px(8))
        row.setSpacing(px(16))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        self.name, self.sentence = Label("", "title"), Label("", tone="muted")
        for label in (self.name, self.sentence):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            words.addWidget(label)
        words.addStretch(1)
        row.addLayout(words, 1)
        self.button = Button("", icon="arrow-counter-clockwise", height=40)
        self.button.clicked.connect(self.undo)
        row.addWidget(self.button)

    def show_last(self, last: Last) -> None:
        """Show an answer."""
        self._last = last
        self.name.setText(last.name)
        self.name.setToolTip(tip(last.name))
        self.sentence.setText(last.sentence)
        self.button.setVisible(bool(last.undo))
        if last.undo:
            self.button.set_words(f"{last.undo} · Ctrl Z")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._last is None:
            return
        colours, painter = look(self), QPainter(self)
        box = QRectF(self.rect())
        paint_ground(painter, box, colours.raised, 8)
        paint_ground(painter, QRectF(0, 0, px(72), box.height()), self._last.colours.ground, 8)
        paint_ring(painter, box, colours.line, 8, 1)
        disc = QRectF(px(18), px(18), px(36), px(36))
        paint_shape(painter, disc, self._last.shape, self._last.colours.ink, self._last.colours.ground)


class EdgeGlyph(Glyph):
    """A large icon whose ink, not its box, begins on the edge of the text below it."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.translate(-self.width() / 7, 0)
        paint_icon(painter, self.rect(), self._icon, getattr(look(self), self._tone))


class Idle(QWidget):
    """The pane between guests."""

    undo = Signal()
    walk_in = Signal()

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setSpacing(px(16))
        self.glyph = EdgeGlyph("qr-code", "text", 56)
        head.addWidget(self.glyph)
        self.title = Label("", "door_word", wrap=True)
        head.addWidget(self.title, 1)
        column.addLayout(head)
        self._below_title = QSpacerItem(0, px(20))
        column.addItem(self._below_title)
        ready = QHBoxLayout()
        ready.setSpacing(px(10))
        self.mark = Glyph("check-circle", "ok", 18)
        ready.addWidget(self.mark)
        self.ready = Label("", tone="muted", wrap=True)
        self.ready.setFont(_sized(16))
        ready.addWidget(self.ready, 1)
        column.addLayout(ready)
        self._gap = QSpacerItem(0, px(40))
        column.addItem(self._gap)
        self.samples = QWidget()
        self._samples: list[tuple[Label, Label]] = []
        grid = QGridLayout(self.samples)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(px(24))
        grid.setVerticalSpacing(px(16))
        lead = Label(_("No code? Type any of these:"))
        lead.setFont(_sized(20))
        grid.addWidget(lead, 0, 0, 1, 2)
        lines = (
            ("li ch", _("first letters of names, in any order")), ("98", _("class year, alone or with a name")),
            ("4417", _("end of the phone number")), ("rivera", _("host’s name, to find a guest")),
        )  # fmt: skip
        for at, (typed, what) in enumerate(lines, 1):
            left, right = Label(typed), Label(what, tone="muted")
            left.setFont(_sized(20, 600))
            right.setFont(_sized(20))
            left.setMinimumWidth(px(88))
            grid.addWidget(left, at, 0)
            grid.addWidget(right, at, 1)
            self._samples.append((left, right))
        grid.setColumnStretch(1, 1)
        column.addWidget(self.samples)
        self.add = Button(_("Add a walk-in · F2"), "primary", "user-plus", height=40)
        self.add.clicked.connect(self.walk_in)
        column.addWidget(self.add, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self.strip = Strip()
        self.strip.undo.connect(self.undo)
        self.strip.hide()
        column.addWidget(self.strip)
        self._locked = self._may_be_typed = False
        self._last: Last | None = None
        self._until = ""
        self._list: tuple[int | None, str] = (None, "")
        self.show_list(None, "")

    def set_locked(self, locked: bool, until: str = "") -> None:
        """Say that badges are read and names are hidden ``until`` when, in a sentence; or be as usual again."""
        self._locked, self._until = locked, until
        self.strip.setVisible(self._last is not None and not locked)
        self.show_list(*self._list)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(320), px(200))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """On a low screen less air, and then fewer samples of what may be typed, and then hardly any air and no second line.

        What is ready and the last answer with its Undo stay whole: lines above the keys that wrap take more than was reckoned with.
        """
        if self.height() < px(600):
            self._give_air(24, 24, 20, 20)
        else:
            self._give_air(64, 48, 20, 40)
        self.ready.show()
        self.mark.setVisible(self._marked)
        for shown in range(len(self._samples), -1, -1):
            self.samples.setVisible(self._may_be_typed and shown > 0)  # what leads to them stands alone no more than they do
            for at, pair in enumerate(self._samples):
                for label in pair:
                    label.setVisible(at < shown)
            if self._needed() <= self.height():
                return
        self._give_air(8, 8, 4, 0)
        if self._needed() > self.height():
            self.ready.hide()
            self.mark.hide()

    def _give_air(self, above: int, below: int, below_title: int, between: int) -> None:
        side = px(64 if self.width() >= px(800) else 32)
        self.layout().setContentsMargins(side, px(above), side, px(below))
        self._below_title.changeSize(0, px(below_title))
        self._gap.changeSize(0, px(between))

    def _needed(self) -> int:
        """How high all that is shown wants to be, as the layout itself will have it."""
        self.samples.updateGeometry()  # else the layout takes them to be as high as they last were
        self.layout().invalidate()
        return self.layout().totalHeightForWidth(self.width())

    def show_list(self, guests: int | None, cancelled: str) -> None:
        """How many guests the list has; None while it is being read; ``cancelled``: the gathering is."""
        self._list = (guests, cancelled)
        empty = guests == 0
        self.glyph.set_icon("lock-simple" if self._locked else "calendar-x" if cancelled else "qr-code", "text")
        if self._locked:
            self.title.setText(_("Locked, badges are still read"))
            self.ready.setText(self._until)
        elif cancelled:
            self.title.setText(_("This gathering is cancelled"))
            self.ready.setText(_("Check-in still works, if guests come nevertheless."))
        elif guests is None:
            self.title.setText(_("Reading the guest list"))
            self.ready.setText("")
        elif empty:
            self.title.setText(_("Nobody is on the list yet"))
            self.ready.setText(_("Members can be found by name and let in; anybody else is added as a walk-in. "
                                 "Guests are added under Gatherings."))  # fmt: skip
        else:
            self.title.setText(_("Ready for the next guest"))
            self.ready.setText(ngettext("{n} guest on the list of this laptop", "{n} guests on the list of this laptop", guests).format(n=number(guests)))
        self._marked = bool(guests) and not cancelled and not self._locked
        self._may_be_typed = bool(guests) and not self._locked
        self.add.setVisible(empty and not self._locked)
        self._fit()

    def show_waiting(self, words: str) -> None:
        """What the button for a walk-in does: add one, or go on with the one that waits (``words``)."""
        self.add.set_words(f"{words or _('Add a walk-in')} · F2")

    def show_last(self, last: Last | None) -> None:
        """The last answer, or none."""
        self._last = last
        self.strip.setVisible(last is not None and not self._locked)
        if last is not None:
            self.strip.show_last(last)
        self._fit()

    def named(self) -> str | None:
        """The person whom the last answer is about."""
        return self._last.person if self._last is not None else None

    def forget_names(self, erased: Set[str], undo: str) -> None:
        """The last answer stands, without the name of who was erased since; ``undo``: whom Undo means, in words."""
        last = self._last
        if last is not None:
            name = _("Erased") if last.person in erased else last.name
            self.show_last(replace(last, name=name, undo=undo if last.undo and not self.strip.button.isHidden() else ""))


def _sized(size: int, weight: int = 400) -> QFont:
    font = font_of("body")
    font.setPixelSize(px(size))
    font.setWeight(QFont.Weight(weight))
    font.setVariableAxis(QFont.Tag("wght"), weight)
    font.setVariableAxis(QFont.Tag("opsz"), min(32, size))
    return font
