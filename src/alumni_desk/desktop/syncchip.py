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
        self._sentence = _("Saved here")
        self.damaged = False

    def set_damaged(self, damaged: bool) -> None:
        """A part of the database cannot be read: that is said in place of where data stands, until it is mended."""
        self.damaged = damaged
        self.set_standing(self._state, self._sentence)

    def set_standing(self, state: State, sentence: str) -> None:
        """What the engine says: its state and its sentence."""
        self._state = state if state in ICONS else "alone"
        self._sentence = sentence
        self.set_icon(self._sign()[0])
        self.set_words(_("Partly damaged") if self.damaged else sentence)

    def _sign(self) -> tuple[str, Tone]:
        return ("warning", "danger") if self.damaged else ICONS[self._state]

    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(font_of("body")).horizontalAdvance(self._shown)) + px(18 + 8 + 16), px(32))

    def paint_inside(self, painter: QPainter, box: QRectF, ink: str) -> None:
        colours = look(self)
        size = px(18)
        left = px(8)
        icon, tone = self._sign()
        paint_icon(painter, QRectF(left, (self.height() - size) / 2, size, size), icon, getattr(colours, tone))
        words = QRectF(left + size + px(8), 0, self.width(), self.height())
        paint_text(painter, words, self._shown, colours.danger if self.damaged else colours.muted, elide=False)
