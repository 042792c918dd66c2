"""A field that two people changed without seeing each other, as a card: yours, theirs and, where a field has many values, both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QFocusEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import INSIDE, Button, Label, Link, hairline, shortcut
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import Pill, breakable
from alumni_desk.desktop.widgets import Glyph, StatusPill, Turning, into_view
from alumni_desk.words import _


@dataclass(frozen=True)
class Side:
    """One way to decide. ``key``: yours, theirs or both; ``second``: who and when; ``shown``: the value in force; ``title`` and ``deed``: other words, where
    neither value is this laptop's."""

    key: str
    value: str
    second: str
    shown: bool = False
    title: str = ""
    deed: str = ""


class ConflictCard(QFrame):
    """``decided(key)`` and ``later``. The keys 1, 2 and 3 decide while the focus is on one of its controls; with the card itself in focus they do nothing."""

    decided = Signal(str)
    later = Signal()

    def __init__(self, name: str, what: str, sides: Sequence[Side]) -> None:
        super().__init__()
        self.setProperty("card", "true")
        self.setAccessibleName(f"{name} {what}")
        self.name = name
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(px(20), px(12), px(20), px(12))
        head.setSpacing(px(12))
        head.addWidget(Glyph("git-merge", "muted", 18))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(Label(breakable(name), "strong", wrap=True))
        words.addWidget(Label(breakable(what), wrap=True))
        head.addLayout(words, 1)
        later = Link(_("Decide later"))
        later.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        later.setAccessibleName(_("Decide later on {name}").format(name=name))
        later.clicked.connect(self.later)
        head.addWidget(later)
        column.addLayout(head)
        column.addWidget(hairline())
        across = Turning()
        across.row.setContentsMargins(0, 0, 0, 0)
        across.row.setSpacing(0)
        self.buttons: list[Button] = []
        for place, side in enumerate(sides):
            if place:
                across.row.addWidget(hairline("v"))
                across.row.addWidget(hairline("h"))
            across.row.addWidget(self._side(side, place, name), 1)
        column.addWidget(across)
        for control in (self, later, *self.buttons):
            control.installEventFilter(self)

    def _side(self, side: Side, place: int, name: str) -> QWidget:
        titles = {"yours": (_("Yours"), _("Keep yours")), "theirs": (_("Theirs"), _("Keep theirs")), "both": (_("Both"), _("Keep both"))}
        title, deed = side.title or titles[side.key][0], side.deed or titles[side.key][1]
        box = QWidget()
        box.setMinimumWidth(px(200))
        column = QVBoxLayout(box)
        column.setContentsMargins(px(20), px(16), px(20), px(20))
        column.setSpacing(px(2))
        top = QHBoxLayout()
        said = Label(title, tone="muted")
        said.setMinimumHeight(px(24))
        top.addWidget(said)
        top.addStretch(1)
        if side.shown:
            top.addWidget(StatusPill(Pill("eye", _("shown now"), "accent")))
        column.addLayout(top)
        column.addWidget(Label(breakable(side.value) or _("(empty)"), "strong", "text" if side.value else "muted", wrap=True))
        column.addWidget(Label(breakable(side.second), "small", "muted", wrap=True))
        column.addStretch(1)
        column.addSpacing(px(10))
        button = Button(deed)
        button.setAccessibleName(_("{deed}: {value}").format(deed=deed, value=side.value or _("(empty)")))
        button.setToolTip(str(place + 1))
        button.clicked.connect(lambda: self.decided.emit(side.key))
        shortcut(str(place + 1), self, lambda: None if self.hasFocus() else button.click(), INSIDE).setAutoRepeat(False)
        column.addWidget(button)
        self.buttons.append(button)
        return box

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click anywhere in it leads the keys here."""
        if self.buttons and not any(button.hasFocus() for button in self.buttons):
            self.buttons[0].setFocus(Qt.FocusReason.MouseFocusReason)
        event.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The keyboard comes to it or one of its controls: whoever decides sees whose card it is. Nothing moves under a pointer that presses."""
        by_hand = (Qt.FocusReason.MouseFocusReason, Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
        if isinstance(event, QFocusEvent) and event.type() == QEvent.Type.FocusIn and event.reason() not in by_hand:
            into_view(self)
        return False

    def busy(self) -> None:
        """It is being decided. It keeps the focus itself: a button that is disabled would give it to the next card, and the page follow."""
        if any(button.hasFocus() for button in self.buttons):
            self.setFocus()
        for button in self.buttons:
            button.setEnabled(False)
