"""The chip in the header that says in words where data stands."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QFontMetricsF, QPainter

from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_text
from alumni_desk.desktop.tokens import Tone
from alumni_desk.words import _

State = Literal["alone", "synced", "waiting", "syncing", "trouble", "ended", "invitation"]

ICONS: dict[State, tuple[str, Tone]] = {
    "alone": ("check-circle", "ok"), "synced": ("check-circle", "ok"), "waiting": ("check-circle", "ok"),
    # No contact is muted, not red: work goes on.
    "syncing": ("arrows-clockwise", "muted"), "trouble": ("wifi-slash", "muted"),
    "ended": ("lock-simple", "muted"), "invitation": ("wifi-slash", "muted"),
}  # fmt: skip


class SyncChip(Button):
    """Icon and sentence; a click shows the Sync page."""

    def __init__(self) -> None:
        super().__init__(_("Saved here"), "quiet", "check-circle")
        self._state: State = "alone"

    def set_standing(self, state: State, sentence: str) -> None:
        """What the engine says: its state and its sentence."""
        self._state = state if state in ICONS else "alone"
        self.set_icon(ICONS[self._state][0])
        self.set_words(sentence)

    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(font_of("body")).horizontalAdvance(self._shown)) + px(18 + 8 + 16), px(32))

    def paint_inside(self, painter: QPainter, box: QRectF, ink: str) -> None:
        colours = look(self)
        size = px(18)
        left = px(8)
        paint_icon(painter, QRectF(left, (self.height() - size) / 2, size, size), ICONS[self._state][0],
                   getattr(colours, ICONS[self._state][1]))  # fmt: skip
        words = QRectF(left + size + px(8), 0, self.width(), self.height())
        paint_text(painter, words, self._shown, colours.muted, elide=False)
