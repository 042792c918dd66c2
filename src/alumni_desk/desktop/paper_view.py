"""A page of paper on the desk: always white, in true proportions, its labels dashed; a click says which is the first free one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground, paint_ring, paint_text
from alumni_desk.desktop.tokens import LIGHT
from alumni_desk.words import _

_WRAPPED = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter)


@dataclass(frozen=True)
class LabelMark:
    """A label on the page: its place as part of the page from 0 to 1, its number from 1, and what is known of it."""

    box: QRectF
    number: int
    kind: Literal["free", "start", "used", "skipped"] = "free"
    words: str = ""


class PaperView(QWidget):
    """Shows one page's picture, as large as fits. ``clicked(number, skip)`` for a label; ``skip`` with Ctrl."""

    clicked = Signal(int, bool)

    def __init__(self) -> None:
        super().__init__()
        self._image: QImage | None = None
        self._marks: list[LabelMark] = []
        self._hint = ""
        self.setAccessibleName(_("Preview"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(px(200), px(200))

    def sizeHint(self) -> QSize:
        return QSize(px(560), px(640))

    def show_picture(self, png: bytes | None, marks: Sequence[LabelMark], words: str, hint: str = "") -> None:
        """A page as PNG (None: an empty desk) with its labels; ``hint`` below it says what a click does, without it labels are not clicked."""
        self._image = QImage.fromData(png) if png else None
        self._marks, self._hint = list(marks), hint
        self.setCursor(Qt.CursorShape.PointingHandCursor if hint else Qt.CursorShape.ArrowCursor)
        self.setAccessibleDescription(words)
        self.update()

    def page(self) -> QRectF:
        """Where the page lies on the desk."""
        if self._image is None or self._image.isNull():
            return QRectF()
        room = QRectF(self.rect()).adjusted(px(24), px(24), -px(24), -px(24) - self._hint_height())
        scale = min(room.width() / self._image.width(), room.height() / self._image.height())
        width, height = self._image.width() * scale, self._image.height() * scale
        return QRectF(room.center().x() - width / 2, room.top() + (room.height() - height) / 2, width, height)

    def _hint_height(self) -> float:
        room = QRectF(0, 0, self.width() - px(24), 1000)
        return QFontMetricsF(font_of("small")).boundingRect(room, _WRAPPED, self._hint).height() if self._hint else 0.0

    def place_of(self, mark: LabelMark) -> QRectF:
        """Where a label lies on the desk."""
        page, part = self.page(), mark.box
        return QRectF(page.left() + part.left() * page.width(), page.top() + part.top() * page.height(), part.width() * page.width(),
                      part.height() * page.height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._hint and event.button() == Qt.MouseButton.LeftButton:
            for mark in self._marks:
                if self.place_of(mark).contains(event.position()):
                    self.clicked.emit(mark.number, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))
                    return
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colours = look(self)
        painter.fillRect(self.rect(), QColor(colours.fill))
        if self._image is None or self._image.isNull():
            return
        page = self.page()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(page, self._image)
        painter.setPen(QPen(QColor(colours.border), 1))
        painter.drawRect(page)
        # Marks on paper are in light colours whatever the theme: the paper is white. The start lies over its neighbours.
        for mark in sorted(self._marks, key=lambda mark: mark.kind == "start"):
            self._paint_mark(painter, self.place_of(mark), mark)
        if self._hint:
            painter.setFont(font_of("small"))
            painter.setPen(QColor(colours.muted))
            painter.drawText(QRectF(px(12), page.bottom() + px(10), self.width() - px(24), self._hint_height() + 2), _WRAPPED, self._hint)

    @staticmethod
    def _paint_mark(painter: QPainter, box: QRectF, mark: LabelMark) -> None:
        if mark.kind == "start":
            paint_ring(painter, box, LIGHT.accent, 1, 2)
            words = QFontMetricsF(font_of("label")).horizontalAdvance(mark.words)
            tab = QRectF(box.left(), box.top() - px(24) + 1, words + px(20), px(24))
            paint_ground(painter, tab, LIGHT.selected, 4)
            paint_ring(painter, tab, LIGHT.accent, 4, 1.5)
            paint_text(painter, tab, mark.words, LIGHT.selected_text, "label", Qt.AlignmentFlag.AlignHCenter, elide=False)
            return
        if mark.kind != "free":
            painter.fillRect(box, QColor(LIGHT.side))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor("#9AA3AD"), 1, Qt.PenStyle.DashLine))
        painter.drawRect(box)
        if mark.kind == "free":
            return
        painter.setPen(QPen(QColor("#9AA3AD"), 1))
        painter.drawLine(box.topLeft(), box.bottomRight())
        painter.drawLine(box.bottomLeft(), box.topRight())
        font = font_of("label")
        metrics = QFontMetricsF(font)
        said = mark.words if metrics.horizontalAdvance(mark.words) + px(12) <= box.width() else str(mark.number)
        width, height = metrics.horizontalAdvance(said) + px(12), px(22)
        plate = QRectF(box.center() - QPointF(width / 2, height / 2), box.center() + QPointF(width / 2, height / 2))
        painter.fillRect(plate, QColor(LIGHT.side))
        paint_text(painter, plate, said, LIGHT.muted, "label", Qt.AlignmentFlag.AlignHCenter, elide=False)
