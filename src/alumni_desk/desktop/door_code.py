"""At the door, the new code of the laptop that this one was together with: one line to type it in, while badges go on being read."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Field, Label
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.join_laptop_sheet import plain
from alumni_desk.desktop.look import look
from alumni_desk.desktop.tokens import Tone
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.errors import KnownError
from alumni_desk.words import _


class _CodeField(Field):
    back = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:  # it leads out of this line, not out of check-in
            self.back.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.returnPressed.emit()
        else:
            super().keyPressEvent(event)


class CodeBar(QFrame):
    """Shown while it is wanted. ``typed(code)``: somebody has typed it; whoever tries it calls ``refuse``. ``back``: the door's own line goes on."""

    typed = Signal(str)
    back = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumHeight(px(72))
        row = QHBoxLayout(self)
        row.setContentsMargins(px(24), px(12), px(24), px(12))
        row.setSpacing(px(10))
        row.addWidget(Glyph("laptop", "muted", 16), 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(Label(_("The other laptop has a new code"), "label"))
        self.said = Label("", "small", wrap=True)
        words.addWidget(self.said)
        words.addStretch(1)
        row.addLayout(words, 1)
        self.field = _CodeField(_("New code of the other laptop"), _("ten letters and figures"), height=40)
        self.field.setFixedWidth(px(200))
        self.field.setMaxLength(200)
        self.button = Button(_("Join it"), height=40)
        for part in (self.field, self.button):
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        self.field.textEdited.connect(lambda text: self._rest())
        self.field.returnPressed.connect(self._type)
        self.field.back.connect(self._leave)
        self.button.clicked.connect(self._type)
        self._wanted = False
        self._rest()
        self.hide()

    def parts(self) -> tuple[QWidget, ...]:
        """What keys fall into."""
        return self.field, self.button

    def set_wanted(self, wanted: bool, *, shown: bool = True) -> None:
        """Whether a code is wanted; what was typed stays while it is not shown."""
        if not wanted and self._wanted:
            self.field.clear()
            self._rest()
        self._wanted = wanted
        leaves = any(part.hasFocus() for part in self.parts())
        self.setVisible(wanted and shown)
        if leaves and not self.isVisible():
            self.back.emit()

    def refuse(self, error: KnownError) -> None:
        """It did not work: say why; what was typed stays."""
        self.button.set_words(_("Join it"))
        self.button.setEnabled(True)
        self._say(plain(str(error)), "danger")
        self.field.set_wrong(True)

    def _rest(self) -> None:
        self.button.set_words(_("Join it"))
        self.button.setEnabled(True)
        self.field.set_wrong(False)
        self._say(_("It stands on that laptop’s Sync page. Scanning goes on."), "muted")

    def _say(self, sentence: str, tone: Tone) -> None:
        self.said.setText(sentence)
        self.said.set_tone(tone)
        self.field.setAccessibleDescription(sentence)

    def _type(self) -> None:
        code = self.field.text().strip()
        if code and self.button.isEnabled():
            self.button.setEnabled(False)
            self.button.set_words(_("Joining …"))
            self.typed.emit(code)

    def _leave(self) -> None:
        self.field.clear()
        self._rest()
        self.back.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), QColor(look(self).side))
