"""One of the chapters of the network, to be chosen: few stand there at once, of many those are shown whose names fit what is typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Field, Label, Radio, hairline, shortcut
from alumni_desk.desktop.fonts import font_of, metrics_of, px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import breakable, isolated, paint_ground, paint_ring
from alumni_desk.desktop.tokens import CARD_RADIUS
from alumni_desk.store.search import words
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.switching import Chapter

AT_ONCE = 6
"""So many chapters stand there at once; of more, a few letters find the one."""


class ChapterChoice(QWidget):
    """``chosen(chapter)`` with each choice, and None when the one that was chosen is not shown any more."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._all: Sequence[Chapter] = ()
        self._alike: set[str] = set()
        self._wanted: Chapter | None = None
        self.radios: list[_ChapterRadio] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self.field = Field(_("Find a chapter"), _("Find a chapter by its name"), icon="magnifying-glass")
        self.field.textChanged.connect(lambda text: self._show())
        shortcut(Qt.Key.Key_Down, self.field, self._to_list)
        column.addWidget(self.field)
        self._box: QWidget = QWidget()
        column.addWidget(self._box)
        self.note = Label("", "small", "muted", wrap=True)
        column.addWidget(self.note)
        for one in (self.field, self.note):
            one.hide()

    def set_chapters(self, found: Sequence[Chapter]) -> None:
        """These there are; the one that is shown on this laptop, if it is among them, is chosen to begin with."""
        self._all = found
        self._wanted = next((one for one in found if one.here), None)
        counted = Counter(one.name for one in found)
        self._alike = {name for name, count in counted.items() if count > 1}
        self.field.setVisible(len(found) > AT_ONCE)
        self._show()

    def first(self) -> QWidget:
        """Where the keyboard begins."""
        return self.radios[0] if self.field.isHidden() and self.radios else self.field

    def _to_list(self) -> None:
        if self.radios:
            self.radios[0].setFocus(Qt.FocusReason.TabFocusReason)

    def _show(self) -> None:
        asked = words(self.field.text())
        fits = [one for one in self._all if all(any(word.startswith(each) for word in words(one.name)) for each in asked)]
        shown = fits[:AT_ONCE]
        box = _Outline() if shown else QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.radios = []
        for one in shown:
            if self.radios:
                column.addWidget(hairline())
            radio = _ChapterRadio(self._called(one))
            radio.setChecked(self._wanted is not None and one.id == self._wanted.id)
            radio.toggled.connect(lambda on, one=one: self._choose(one) if on else None)
            self.radios.append(radio)
            column.addWidget(radio)
        self.layout().replaceWidget(self._box, box)
        self._box.hide()
        self._box.deleteLater()
        self._box = box
        left = len(fits) - len(shown)
        self.note.setText(_("No chapter is called “{text}”. Try fewer letters.").format(text=self.field.text().strip()) if not fits else
                          ngettext("{n} more: type how its name begins", "{n} more: type how its name begins", left).format(n=number(left)))
        self.note.setVisible(bool(self._all) and (left > 0 or not fits))
        if self._wanted is not None and self._wanted not in shown:
            self._choose(None)

    def _called(self, one: Chapter) -> str:
        name = f"{one.name} · {one.id[:8]}" if one.name in self._alike else one.name
        return _("{chapter}, shown now").format(chapter=isolated(name)) if one.here else name

    def _choose(self, one: Chapter | None) -> None:
        self._wanted = one
        self.chosen.emit(one)


class _Outline(QWidget):
    def paintEvent(self, event: QPaintEvent) -> None:
        paint_ring(QPainter(self), self.rect(), look(self).line, CARD_RADIUS, 1)


class _ChapterRadio(Radio):
    """A line of the outline; a long name takes more lines, and is never cut."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._lines = isolated(breakable(name))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        room = QRect(0, 0, max(1, width - self._left() - px(16)), 10_000)
        return max(px(40), metrics_of("strong").boundingRect(QRectF(room), int(Qt.TextFlag.TextWordWrap), self._lines).toAlignedRect().height() + px(18))

    def sizeHint(self) -> QSize:
        return QSize(px(240), px(40))

    def _left(self) -> int:
        return px(16 + 18 + 11)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, on, size = look(self), self.isChecked(), px(18)
        painter = QPainter(self)
        if on:
            paint_ground(painter, self.rect().adjusted(1, 1, -1, -1), colours.selected, CARD_RADIUS - 1)
        dot = QRectF(px(16), (self.height() - size) / 2, size, size)
        if on:
            paint_ground(painter, dot, colours.accent, size / 2)
            paint_ground(painter, dot.adjusted(px(5), px(5), -px(5), -px(5)), colours.on_accent, size / 2)
        else:
            paint_ring(painter, dot, colours.border, size / 2, 1.5)
        painter.setFont(font_of("strong" if on else "body"))
        painter.setPen(QColor(colours.selected_text if on else colours.text if self.isEnabled() else colours.muted))
        room = QRectF(self._left(), 0, self.width() - self._left() - px(16), self.height())
        painter.drawText(room, int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignVCenter), self._lines)
        if self.hasFocus():
            paint_ring(painter, QRectF(self.rect()).adjusted(3, 3, -3, -3), colours.accent, CARD_RADIUS - 3)
