"""The verdict, read from two metres: one colour, one of four outlines, one word, the name as large as it goes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.door_words import Offer, Shape, Showing
from alumni_desk.desktop.fonts import face, font_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.paint import paint_ground, paint_ring, paint_text
from alumni_desk.desktop.tokens import DoorColours
from alumni_desk.words import _

Measure = Callable[[str, int], float]
NAME_SIZES = ((1, 64), (2, 64), (2, 56), (2, 48), (2, 40), (3, 40))
LAST_SIZES = ((4, 40), (4, 32), (6, 32), (12, 24))
"""For names longer than any we know of: smaller and on more lines, and inside a word only here. Never cut."""
_PIECE = re.compile(r"[^ \-‐‑–]*[\-‐‑–]+|[^ \-‐‑–]+ ?| ")


_TICK = (((0.29, 0.53), (0.43, 0.66), (0.71, 0.37)),)
_CROSS = (((0.36, 0.36), (0.64, 0.64)), ((0.64, 0.36), (0.36, 0.64)))


def _pieces(name: str) -> list[str]:
    """A name in the pieces between which a line may break: after spaces and hyphens."""
    return _PIECE.findall(name)


def _lines(pieces: Sequence[str], width: float, size: int, measure: Measure) -> list[str] | None:
    """The pieces set as full as they go; None if one of them is wider than a line."""
    lines: list[str] = []
    line = ""
    for piece in pieces:
        if line and measure((line + piece).rstrip(" "), size) > width:
            lines.append(line.rstrip(" "))
            line = ""
        line += piece
        if measure(line.rstrip(" "), size) > width:
            return None
    return [*lines, line.rstrip(" ")] if line.strip() else lines


def fit_name(name: str, width: float, measure: Measure, room: Callable[[int, int], bool] = lambda lines, size: True
             ) -> tuple[int, list[str]]:  # fmt: skip
    """Size in px at 100 % and lines of a name: one line at 64, else two at 64, 56, 48, 40, then three at 40.

    Breaks stand at spaces and after hyphens. ``room(lines, size)`` says whether the height allows it.
    """
    pieces = _pieces(name)
    for most, size in (*NAME_SIZES, *LAST_SIZES):
        lines = _lines(pieces, width, size, measure)
        if lines is not None and len(lines) <= most and room(len(lines), size):
            return size, lines
    for size in (32, 24, 16):
        lines = _lines(list(name), width, size, measure)
        if lines is not None and room(len(lines), size):
            return size, lines
    return 16, _lines(list(name), width, 16, measure) or [name]


def name_font(size: int) -> QFont:
    """The font of the name on a verdict at a size in px at 100 %."""
    base = QApplication.font()
    font = face("door_name", base.families(), round(base.pixelSize() * 100 / 14))
    font.setPixelSize(px(size))
    font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 99)
    return font


def paint_shape(painter: QPainter, box: QRectF, shape: Shape, ink: str, ground: str) -> None:
    """Four outlines that differ without colour: filled disc, thick ring, filled octagon, open hand."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    side = box.width()
    if shape == "hand":
        paint_icon(painter, box.adjusted(-side * 0.08, -side * 0.08, side * 0.08, side * 0.08), "hand-palm-bold", ink)
    elif shape == "clock":
        pen = QPen(QColor(ink), side * 0.11)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        half = side * 0.055
        painter.drawEllipse(box.adjusted(half, half, -half, -half))
        middle = box.center()
        painter.drawPolyline([QPointF(middle.x(), middle.y() - side * 0.27), middle,
                              QPointF(middle.x() + side * 0.17, middle.y() + side * 0.13)])  # fmt: skip
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(ink))
        if shape == "tick":
            painter.drawEllipse(box)
        else:
            corners = [math.radians(22.5 + 45 * n) for n in range(8)]
            radius = side / 2 / math.cos(math.radians(22.5))
            painter.drawPolygon(QPolygonF([box.center() + QPointF(radius * math.cos(a), radius * math.sin(a)) for a in corners]))
        pen = QPen(QColor(ground), side * 0.1)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        strokes = _TICK if shape == "tick" else _CROSS
        for stroke in strokes:
            painter.drawPolyline([box.topLeft() + QPointF(x * side, y * side) for x, y in stroke])
    painter.restore()


class DoorButton(Button):
    """A button 64 high on a verdict. Enter is not its business: a scanner sends it; Space and the mouse press it."""

    def __init__(self, offer: Offer, colours: DoorColours, *, primary: bool, parent: QWidget) -> None:
        self.offer, self._door, self._primary = offer, colours, primary
        super().__init__(offer.words, "primary" if primary else "secondary", offer.icon, height=64, parent=parent)
        spoken = " ".join(part for part in (offer.words, offer.hint, offer.key) if part)
        self.setAccessibleName(spoken)

    def sizeHint(self) -> QSize:
        width = px(24) * 2 + QFontMetricsF(self._words_font()).horizontalAdvance(self.offer.words) + 2
        if self.offer.icon:
            width += px(20 + 14)
        if self.offer.hint:
            width += px(16) + QFontMetricsF(font_of("heading")).horizontalAdvance(self.offer.hint)
        if self.offer.key:
            width += px(16) + self._key_width()
        return QSize(round(width), px(64))

    @staticmethod
    def _words_font() -> QFont:
        font = font_of("heading")
        font.setPixelSize(px(18))
        return font

    def _key_width(self) -> float:
        return QFontMetricsF(font_of("label")).horizontalAdvance(self.offer.key) + px(16)

    def paintEvent(self, event: QPaintEvent) -> None:
        ground, ink = (self._door.ink, self._door.ground) if self._primary else (self._door.button, self._door.ink)
        if self._primary and self._door.ink == "#1B1F24":
            ink = "#FFFFFF"  # ink and ground reversed would be yellow on black; white on black reads better: 16.6
        painter = QPainter(self)
        box = QRectF(self.rect())
        if self.hasFocus():
            paint_ring(painter, box, self._door.ink, 8, 2)
            box = box.adjusted(4, 4, -4, -4)
        paint_ground(painter, box, ground, 6)
        left = float(px(24))
        middle = box.center().y()
        if self.offer.icon:
            paint_icon(painter, QRectF(left, middle - px(10), px(20), px(20)), self.offer.icon, ink)
            left += px(20 + 14)
        painter.setFont(self._words_font())
        painter.setPen(QColor(ink))
        width = QFontMetricsF(self._words_font()).horizontalAdvance(self.offer.words) + 2
        painter.drawText(QRectF(left, 0, width, self.height()), int(Qt.AlignmentFlag.AlignVCenter), self.offer.words)
        left += width + px(16)
        if self.offer.hint:
            font = self._words_font()
            font.setWeight(QFont.Weight.Normal)
            font.setVariableAxis(QFont.Tag("wght"), 400)
            painter.setFont(font)
            painter.drawText(QRectF(left, 0, self.width(), self.height()), int(Qt.AlignmentFlag.AlignVCenter), self.offer.hint)
        if self.offer.key:
            frame = QRectF(left, middle - px(12), self._key_width(), px(24))
            paint_ring(painter, frame, ink, 4, 1)
            paint_text(painter, frame, self.offer.key, ink, "label", Qt.AlignmentFlag.AlignHCenter, elide=False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
        else:
            super().keyPressEvent(event)


class VerdictPanel(QWidget):
    """Shows one verdict until it is given another. ``asked`` carries the act of the button that was pressed."""

    asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.showing: Showing | None = None
        self.buttons: list[DoorButton] = []
        self.lines: list[str] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(_("Answer"))

    def show_verdict(self, showing: Showing) -> None:
        """Replace what is shown."""
        self.showing = showing
        self.setAccessibleName(showing.spoken)
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons = []
        for number, offer in enumerate(showing.offers):
            # The first answer is the primary one; undoing a welcome never is.
            primary = number == 0 and (showing.stays or offer.act.value != "undo")
            button = DoorButton(offer, showing.colours, primary=primary, parent=self)
            button.clicked.connect(lambda checked=False, act=offer.act: self.asked.emit(act))
            button.show()
            self.buttons.append(button)
        self._place()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _margin(self) -> int:
        return px(64) if self.width() >= px(800) else px(32)

    def _place(self) -> None:
        """Buttons at the foot, in rows that wrap."""
        margin, gap = self._margin(), px(16)
        rows: list[list[DoorButton]] = [[]]
        left = margin
        for button in self.buttons:
            width = button.sizeHint().width()
            if rows[-1] and left + width > self.width() - margin:
                rows.append([])
                left = margin
            rows[-1].append(button)
            left += width + gap
        top = self.height() - px(48) - len(rows) * px(64) - (len(rows) - 1) * px(12)
        self._foot_top = top - px(52) if self.buttons else self.height() - px(96)
        for row in rows:
            left = margin
            for button in row:
                size = button.sizeHint()
                button.setGeometry(left, top, min(size.width(), self.width() - 2 * margin), size.height())
                left += size.width() + gap
            top += px(76)

    def paintEvent(self, event: QPaintEvent) -> None:
        showing = self.showing
        if showing is None:
            return
        painter = QPainter(self)
        colours = showing.colours
        painter.fillRect(self.rect(), QColor(colours.ground))
        margin = self._margin()
        width = self.width() - 2 * margin
        rest = px(8) + len(showing.details) * px(36) + (px(48) if showing.status or showing.note else 0)

        def room(lines: int, size: int) -> bool:
            return px(24 + 56 + 20) + lines * px(size * 1.125) + rest <= self._foot_top

        def measure(text: str, size: int) -> float:
            return QFontMetricsF(name_font(size)).horizontalAdvance(text)

        size, self.lines = fit_name(showing.name, width, measure, room) if showing.name else (64, [])
        needed = px(56 + 20) + len(self.lines) * px(size * 1.125) + rest
        top = max(px(24), min(px(64), self._foot_top - needed))
        paint_shape(painter, QRectF(margin, top, px(56), px(56)), showing.shape, colours.ink, colours.ground)
        left = margin + px(56 + 16)
        paint_text(painter, QRectF(left, top + px(4), self.width() - left - margin, px(48)), showing.word, colours.ink, "door_word")
        top += px(56 + 20)
        painter.setPen(QColor(colours.ink))
        painter.setFont(name_font(size))
        for line in self.lines:
            painter.drawText(QRectF(margin - px(2), top, width + px(40), px(size * 1.125)),
                             int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextForceLeftToRight
                                 | Qt.TextFlag.TextDontClip), line)  # fmt: skip
            top += px(size * 1.125)
        top += px(8)
        for detail in showing.details:
            top += self._paint_wrapped(painter, QPoint(margin, top), width, detail, 24)
        if showing.status:
            top += px(14)
            if showing.status_icon:
                paint_icon(painter, QRectF(margin, top + px(3), px(22), px(22)), showing.status_icon, colours.ink)
            self._line(painter, QRectF(margin + px(36), top, width - px(36), px(28)), showing.status, 20)
        elif showing.note:
            top += px(14)
            paint_icon(painter, QRectF(margin, top + px(4), px(18), px(18)), showing.note_icon, colours.ink)
            painter.setFont(font_of("body"))
            painter.drawText(QRectF(margin + px(30), top + px(3), width - px(30), px(80)),
                             int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop), showing.note)  # fmt: skip
        if showing.foot:
            self._line(painter, QRectF(margin, self._foot_top, width, px(36)), showing.foot, 24)

    @staticmethod
    def _sized(size: int) -> QFont:
        font = font_of("body")
        font.setPixelSize(px(size))
        font.setVariableAxis(QFont.Tag("opsz"), size)
        return font

    def _line(self, painter: QPainter, box: QRectF, text: str, size: int) -> None:
        """One line, a little smaller if it must be, never cut."""
        font = self._sized(size)
        while QFontMetricsF(font).horizontalAdvance(text) > box.width() and font.pixelSize() > px(13):
            font.setPixelSize(font.pixelSize() - 1)
        painter.setFont(font)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip), text)

    def _paint_wrapped(self, painter: QPainter, at: QPoint, width: int, text: str, size: int) -> int:
        font = self._sized(size)
        metrics = QFontMetricsF(font)
        flags = int(Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextDontClip | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        height = max(px(36), round(metrics.boundingRect(QRectF(0, 0, width, 10000), flags, text).height()))
        painter.setFont(font)
        painter.drawText(QRectF(at.x(), at.y(), width, height), flags, text)
        return height
