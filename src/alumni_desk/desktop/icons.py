"""Phosphor icons, drawn as outlines from the font file that QtAwesome carries, without importing QtAwesome."""

from __future__ import annotations

import json
from functools import lru_cache

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPainterPath, QPixmap, QRawFont

from alumni_desk.desktop.fonts import package_files
from alumni_desk.desktop.look import look
from alumni_desk.desktop.tokens import Tone

EM = 256.0


@lru_cache(maxsize=1)
def _font() -> tuple[QRawFont, dict[str, str]]:
    file = package_files("qtawesome", "fonts/phosphor-[0-9]*.ttf")[0]
    charmap = package_files("qtawesome", "fonts/phosphor-charmap-*.json")[0]
    return QRawFont(str(file), EM), json.loads(charmap.read_text("utf-8"))


@lru_cache(maxsize=256)
def _outline(name: str) -> QPainterPath:
    font, charmap = _font()
    glyphs = font.glyphIndexesForString(chr(int(charmap[name], 16)))
    path = font.pathForGlyph(glyphs[0])
    # The em box of the font stands on its descent; move it so that it starts at 0, 0.
    return path.translated(0, font.ascent())


def paint_icon(painter: QPainter, rect: QRect | QRectF, name: str, colour: QColor | str) -> None:
    """Draw an icon centred in ``rect``, as large as its shorter side."""
    box = QRectF(rect)
    side = min(box.width(), box.height())
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(box.center() - QPointF(side / 2, side / 2))
    painter.scale(side / EM, side / EM)
    painter.fillPath(_outline(name), QColor(colour))
    painter.restore()


class _Engine(QIconEngine):
    """Paints one icon in a colour of the present theme, so that it follows light and dark by itself."""

    def __init__(self, name: str, tone: Tone) -> None:
        super().__init__()
        self._name, self._tone = name, tone

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        colours = look()
        tone = "muted" if mode == QIcon.Mode.Disabled else self._tone
        paint_icon(painter, rect, self._name, getattr(colours, tone))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._tone)


def icon(name: str, tone: Tone = "muted") -> QIcon:
    """A QIcon for widgets that want one; ``name`` without the ``ph.``: ``icon("users")``."""
    return QIcon(_Engine(name, tone))
