"""The verdict, read from two metres: one colour, one of four outlines, one word, the name as large as it goes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
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
from alumni_desk.desktop.fonts import drawable, face, text_size
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.paint import paint_ground, paint_ring
from alumni_desk.desktop.tokens import DoorColours, Role
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


def fit_name(name: str, width: float, measure: Measure, room: Callable[[int, int], bool] = lambda lines, size: True,
             sizes: Sequence[tuple[int, int]] = (*NAME_SIZES, *LAST_SIZES), by_letters: Sequence[int] = (32, 24, 16)
             ) -> tuple[int, list[str]]:  # fmt: skip
    """Size in px at 100 % and lines of a name: one line at 64, else two at 64, 56, 48, 40, then three at 40.

    Breaks stand at spaces and after hyphens. ``room(lines, size)`` says whether the height allows it. ``sizes``: other (lines, size) than these, then
    those at which a word may be broken anywhere.
    """
    pieces = _pieces(name)
    for most, size in sizes:
        lines = _lines(pieces, width, size, measure)
        if lines is not None and len(lines) <= most and room(len(lines), size):
            return size, lines
    for size in by_letters:
        lines = _lines(list(name), width, size, measure)
        if lines is not None and room(len(lines), size):
            return size, lines
    return by_letters[-1], _lines(list(name), width, by_letters[-1], measure) or [name]


def name_font(size: int, percent: int) -> QFont:
    """The font of the name on a verdict at a size in px at 100 %, drawn at a text size."""
    font = face("door_name", QApplication.font().families(), percent)
    font.setPixelSize(_at(size, percent))
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


def _percents() -> list[int]:
    """Text sizes that an answer may be drawn at, the chosen one first: what does not fit the screen at 150 % is drawn smaller, never cut."""
    most = text_size()
    return [most, *(percent for percent in range(most - most % 10, 49, -10) if percent < most)]


def _at(measure: float, percent: int) -> int:
    return round(measure * percent / 100)


def _role(role: Role, percent: int, size: int | None = None) -> QFont:
    font = face(role, QApplication.font().families(), percent)
    if size is not None:
        font.setPixelSize(_at(size, percent))
        font.setVariableAxis(QFont.Tag("opsz"), min(32, max(14, size)))
    return font


class DoorButton(Button):
    """A button 64 high on a verdict. Enter is not its business: a scanner sends it; Space and the mouse press it."""

    def __init__(self, offer: Offer, colours: DoorColours, *, primary: bool, parent: QWidget) -> None:
        self.offer, self._door, self._primary, self._percent = offer, colours, primary, text_size()
        super().__init__(offer.words, "primary" if primary else "secondary", offer.icon, height=64, parent=parent)
        spoken = " ".join(part for part in (offer.words, offer.hint, offer.key) if part)
        self.setAccessibleName(spoken)

    def set_percent(self, percent: int) -> None:
        """The text size at which the whole answer fits."""
        self._percent = percent
        self.update()

    def sizeHint(self) -> QSize:
        return self.size_at(self._percent)

    def size_at(self, percent: int) -> QSize:
        """How large the button is at a text size."""
        width = _at(24, percent) * 2 + QFontMetricsF(self._words_font(percent)).horizontalAdvance(self.offer.words)
        if self.offer.icon:
            width += _at(20 + 14, percent)
        if self.offer.hint:
            width += _at(16, percent) + QFontMetricsF(self._hint_font(percent)).horizontalAdvance(self.offer.hint)
        if self.offer.key:
            width += _at(16, percent) + self._key_width(percent)
        return QSize(math.ceil(width), _at(64, percent))

    @staticmethod
    def _words_font(percent: int) -> QFont:
        return _role("heading", percent, 18)

    @staticmethod
    def _hint_font(percent: int) -> QFont:
        return _role("body", percent, 18)

    def _key_width(self, percent: int) -> float:
        return QFontMetricsF(_role("label", percent)).horizontalAdvance(self.offer.key) + _at(16, percent)

    def paintEvent(self, event: QPaintEvent) -> None:
        percent = self._percent
        ground, ink = (self._door.ink, self._door.ground) if self._primary else (self._door.button, self._door.ink)
        if self._primary and self._door.ink == "#1B1F24":
            ink = "#FFFFFF"  # ink and ground reversed would be yellow on black; white on black reads better: 16.6
        painter = QPainter(self)
        box = QRectF(self.rect())
        if self.hasFocus():
            paint_ring(painter, box, self._door.ink, 8, 2)
            box = box.adjusted(4, 4, -4, -4)
        paint_ground(painter, box, ground, 6)
        painter.setPen(QColor(ink))
        left = float(_at(24, percent))
        middle = box.center().y()
        if self.offer.icon:
            half = _at(10, percent)
            paint_icon(painter, QRectF(left, middle - half, 2 * half, 2 * half), self.offer.icon, ink)
            left += _at(20 + 14, percent)
        left = self._write(painter, left, self.offer.words, self._words_font(percent))
        if self.offer.hint:
            left = self._write(painter, left + _at(16, percent), self.offer.hint, self._hint_font(percent))
        if self.offer.key:
            frame = QRectF(left + _at(16, percent), middle - _at(12, percent), self._key_width(percent), _at(24, percent))
            paint_ring(painter, frame, ink, 4, 1)
            painter.setFont(_role("label", percent))
            painter.drawText(frame, int(Qt.AlignmentFlag.AlignCenter), self.offer.key)

    def _write(self, painter: QPainter, left: float, words: str, font: QFont) -> float:
        """Words from ``left``; returns where they end."""
        painter.setFont(font)
        width = QFontMetricsF(font).horizontalAdvance(words)
        painter.drawText(QRectF(left, 0, width + 2, self.height()), int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip), words)
        return left + width

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
        else:
            super().keyPressEvent(event)


_WRAPPED = int(Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextDontClip | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)


@dataclass
class _Piece:
    """Wrapped words and their place."""

    box: QRectF
    text: str
    font: QFont
    icon: str = ""
    mark: QRectF = field(default_factory=QRectF)


@dataclass
class _Laid:
    """An answer laid out at a text size: what stands where. ``fits``: nothing lies on anything else and nothing is cut."""

    percent: int
    shape: QRectF
    word: _Piece
    name_font: QFont
    name: list[tuple[QRectF, str]]
    pieces: list[_Piece]
    foot: _Piece | None
    buttons: list[QRect]
    fits: bool


class VerdictPanel(QWidget):
    """Shows one verdict until it is given another. ``asked`` carries the act of the button that was pressed."""

    asked = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.showing: Showing | None = None
        self.buttons: list[DoorButton] = []
        self.lines: list[str] = []
        self.laid: _Laid | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(_("Answer"))

    def forget(self) -> None:
        """Nothing is shown, and nobody is named."""
        self.showing = self.laid = None
        self.lines = []
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons = []
        self.setAccessibleName("")

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

    def _place(self) -> None:
        """Lay the answer out at the largest text size at which the whole of it fits."""
        if self.showing is None:
            return
        for percent in _percents():
            self.laid = self._lay_out(self.showing, percent)
            if self.laid.fits:
                break
        self.lines = [line for _box, line in self.laid.name] if self.laid else []
        for button, box in zip(self.buttons, self.laid.buttons if self.laid else (), strict=True):
            button.set_percent(self.laid.percent if self.laid else 100)
            button.setGeometry(box)

    def _lay_out(self, showing: Showing, percent: int) -> _Laid:
        def m(measure: float) -> int:
            return _at(measure, percent)

        margin = m(64) if self.width() >= m(800) else m(32)
        width = self.width() - 2 * margin
        buttons, foot_top, fits = self._lay_buttons(percent, margin)
        foot = None
        if showing.foot:
            foot = _fitted(showing.foot, QRectF(margin, foot_top, width, m(36)), percent, 24, 14)
            fits = fits and QFontMetricsF(foot.font).horizontalAdvance(foot.text) <= width
        left = margin + m(56 + 16)
        word_room = self.width() - left - margin
        word = _fitted(showing.word, QRectF(left, 0, word_room, m(56)), percent, 40, 28, "door_word")
        fits = fits and QFontMetricsF(word.font).horizontalAdvance(word.text) <= word_room
        pieces, rest = self._lay_details(showing, percent, margin, width)

        def measure(text: str, size: int) -> float:
            return QFontMetricsF(name_font(size, percent)).horizontalAdvance(text)

        def room(lines: int, size: int) -> bool:
            return m(24 + 56 + 20) + lines * m(size * 1.125) + rest <= foot_top

        # A name that fits by no size of the rule makes the whole answer smaller, as far down as 100 %; only then itself.
        size, lines = fit_name(drawable(showing.name), width, measure, room) if showing.name else (64, [])
        fits = fits and room(len(lines), size) and (percent <= 100 or not lines or size >= NAME_SIZES[-1][1])
        needed = m(56 + 20) + len(lines) * m(size * 1.125) + rest
        top = max(m(24), min(m(64), foot_top - needed))
        shape = QRectF(margin, top, m(56), m(56))
        word.box.moveTop(top)
        top += m(56 + 20)
        name = []
        for line in lines:
            name.append((QRectF(margin - m(2), top, width + m(4), m(size * 1.125)), line))
            top += m(size * 1.125)
        for piece in pieces:
            piece.box.translate(0, top)
            piece.mark.translate(0, top)
        return _Laid(percent, shape, word, name_font(size, percent), name, pieces, foot, buttons, fits)

    def _lay_details(self, showing: Showing, percent: int, margin: int, width: int) -> tuple[list[_Piece], float]:
        """What stands below the name, from 0, and how high it is."""
        def m(measure: float) -> int:
            return _at(measure, percent)

        pieces: list[_Piece] = []
        top = float(m(8))
        for detail in showing.details:
            font = _role("body", percent, 24)
            height = max(m(36), _height(detail, font, width))
            pieces.append(_Piece(QRectF(margin, top, width, height), detail, font))
            top += height
        text, mark, size, aside = (showing.status, showing.status_icon, 20, 36) if showing.status else (showing.note, showing.note_icon, 14, 30)
        if text:
            top += m(14)
            side = m(22 if size == 20 else 18)
            font = _role("body", percent, size)
            inside = width - m(aside)
            height = max(m(28), _height(text, font, inside))
            line = QFontMetricsF(font).height()
            pieces.append(_Piece(QRectF(margin + m(aside), top, inside, height), text, font, mark,
                                 QRectF(margin, top + (max(line, m(28) if height == m(28) else line) - side) / 2, side, side)))
            top += height
        return pieces, top

    def _lay_buttons(self, percent: int, margin: int) -> tuple[list[QRect], int, bool]:
        """Buttons at the foot, in rows that wrap; where the sentence above them begins; whether they fit."""
        gap, height = _at(16, percent), _at(64, percent)
        room = self.width() - 2 * margin
        places: list[tuple[int, int, int]] = []
        left, row, fits = 0, 0, True
        for button in self.buttons:
            width = button.size_at(percent).width()
            fits = fits and width <= room
            if left and left + width > room:
                left, row = 0, row + 1
            places.append((left, row, min(width, room)))
            left += width + gap
        if not places:
            return [], self.height() - _at(96, percent), fits
        step = height + _at(12, percent)
        top = self.height() - _at(48 if self.height() >= _at(560, percent) else 24, percent) - row * step - height
        boxes = [QRect(margin + x, top + number * step, width, height) for x, number, width in places]
        return boxes, top - _at(52, percent), fits

    def paintEvent(self, event: QPaintEvent) -> None:
        showing, laid = self.showing, self.laid
        if showing is None or laid is None:
            return
        painter = QPainter(self)
        colours = showing.colours
        painter.fillRect(self.rect(), QColor(colours.ground))
        paint_shape(painter, laid.shape, showing.shape, colours.ink, colours.ground)
        painter.setPen(QColor(colours.ink))
        painter.setFont(laid.word.font)
        painter.drawText(laid.word.box, _ONE_LINE, laid.word.text)
        painter.setFont(laid.name_font)
        for box, line in laid.name:
            painter.drawText(box, _ONE_LINE | int(Qt.TextFlag.TextForceLeftToRight), line)
        for piece in laid.pieces:
            if piece.icon:
                paint_icon(painter, piece.mark, piece.icon, colours.ink)
            painter.setPen(QColor(colours.ink))
            painter.setFont(piece.font)
            spare = max(0.0, piece.box.height() - _height(piece.text, piece.font, piece.box.width()))
            painter.drawText(piece.box.adjusted(0, spare / 2, 0, 0), _WRAPPED, piece.text)
        if laid.foot is not None:
            painter.setFont(laid.foot.font)
            painter.drawText(laid.foot.box, _ONE_LINE, laid.foot.text)


_ONE_LINE = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip)


def _height(text: str, font: QFont, width: float) -> int:
    return math.ceil(QFontMetricsF(font).boundingRect(QRectF(0, 0, width, 10000), _WRAPPED, text).height())


def _fitted(text: str, box: QRectF, percent: int, size: int, least: int, role: Role = "body") -> _Piece:
    """One line, a little smaller if it must be."""
    font = _role(role, percent, size)
    while QFontMetricsF(font).horizontalAdvance(text) > box.width() and font.pixelSize() > _at(least, percent):
        font.setPixelSize(font.pixelSize() - 1)
    return _Piece(box, text, font)
