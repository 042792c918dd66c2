"""A QR code on the screen: always dark on white, whatever the theme, with the quiet zone that scanners want."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground, paint_ring
from alumni_desk.desktop.tokens import CARD_RADIUS
from alumni_desk.paper.qr import modules

_QUIET = 3.5
"""Light squares around the code at least; most codes get the four of ISO/IEC 18004, for only whole pixels are used."""


class QrView(QWidget):
    """``side`` px at 100 %. ``name`` says what a scanner gets from it."""

    def __init__(self, name: str, side: int) -> None:
        super().__init__()
        self._text = ""
        self.setAccessibleName(name)
        self.setFixedSize(px(side), px(side))

    def show_text(self, text: str) -> None:
        """What it says; empty leaves a blank card."""
        self._text = text
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_ground(painter, self.rect(), "#FFFFFF", CARD_RADIUS)
        paint_ring(painter, self.rect(), look(self).line, CARD_RADIUS, 1)
        if not self._text:
            return
        rows = modules(self._text)
        # Whole pixels: squares of unequal width are what cheap cameras stumble over.
        scale = self.devicePixelRatioF()
        unit = max(1, int(self.width() * scale / (len(rows) + 2 * _QUIET) + 1e-6)) / scale
        left = (self.width() - unit * len(rows)) / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#000000"))
        for down, row in enumerate(rows):
            for across, dark in enumerate(row):
                if dark:
                    painter.drawRect(QRectF(left + across * unit, left + down * unit, unit, unit))
