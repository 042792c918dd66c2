"""Twelve months round today: who came to each gathering, who comes to the next ones, and where a month is free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QToolTip, QWidget

from alumni_desk.desktop.controls import IconButton
from alumni_desk.desktop.dates import day_short, month_long, month_short
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground, paint_text, tip
from alumni_desk.desktop.tokens import Colours
from alumni_desk.words import _, number

MONTHS = 12
BEFORE = 8
"""So many months stand before this one."""
COLUMN = 18
FOOT = 28
HEIGHT = 132


@dataclass(frozen=True)
class Bar:
    """A gathering in the chart; ``held``: ``count`` came, else so many said that they come."""

    id: str
    name: str
    day: date
    count: int
    held: bool
    next: bool = False


def month_of(day: date, step: int = 0) -> date:
    """The first of the month so many months later."""
    months = day.year * 12 + day.month - 1 + step
    return date(months // 12, months % 12 + 1, 1)


class YearChart(QWidget):
    """Solid columns for those held, dashed ones for those ahead, the next in the accent, "+" where a month ahead is free."""

    open_gathering = Signal(str)
    plan_in = Signal(object)  # date: the first of a free month

    def __init__(self, bars: Sequence[Bar], today: date, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._today = today
        self.first = month_of(today, -BEFORE)
        self.bars = sorted((bar for bar in bars if self.first <= bar.day < month_of(self.first, MONTHS)), key=lambda bar: bar.day)
        self.setFixedHeight(px(HEIGHT))
        self.setMouseTracking(True)
        self.setAccessibleName("; ".join(self._words(bar) for bar in self.bars) or _("No gathering in these twelve months"))
        self.plus: dict[date, IconButton] = {}
        for month in self.free():
            button = IconButton(_("Plan a gathering in {month}").format(month=month_long(month)), "plus", "quiet", parent=self)
            button.clicked.connect(lambda checked=False, month=month: self.plan_in.emit(month))
            self.plus[month] = button

    def free(self) -> list[date]:
        """The months ahead without a gathering."""
        taken = {(bar.day.year, bar.day.month) for bar in self.bars}
        months = [month_of(self.first, step) for step in range(BEFORE + 1, MONTHS)]
        return [month for month in months if (month.year, month.month) not in taken]

    def _words(self, bar: Bar) -> str:
        words = _("{name}, {day}: {n} came") if bar.held else _("{name}, {day}: {n} said yes")
        return words.format(name=bar.name, day=day_short(bar.day), n=number(bar.count))

    def sizeHint(self) -> QSize:
        return QSize(px(600), px(HEIGHT))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(320), px(HEIGHT))

    def _month_left(self, step: int) -> float:
        return self.width() * step / MONTHS

    def boxes(self) -> list[tuple[Bar, QRectF]]:
        """Where each column stands: by its day; those of one week move apart."""
        most = max((bar.count for bar in self.bars), default=0) or 1
        base, room, wide = self.height() - px(FOOT), self.height() - px(FOOT) - px(24), self.width() / MONTHS
        column = min(px(COLUMN), wide / 3)
        found, taken = [], -1.0
        for bar in self.bars:
            step = (bar.day.year - self.first.year) * 12 + bar.day.month - self.first.month
            left = max(self._month_left(step) + (bar.day.day - 1) / 31 * (wide - column), taken)
            taken = left + column + 2
            height = max(2.0, room * bar.count / most)
            found.append((bar, QRectF(left, base - height, column, height)))
        return found

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for month, button in self.plus.items():
            step = (month.year - self.first.year) * 12 + month.month - self.first.month
            middle = (self._month_left(step) + self._month_left(step + 1)) / 2
            button.move(round(middle - button.width() / 2), self.height() - px(FOOT) - button.height() - px(2))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, painter = look(self), QPainter(self)
        base = self.height() - px(FOOT)
        painter.setPen(QPen(QColor(colours.border), 1))
        painter.drawLine(QPointF(0, base + 0.5), QPointF(self.width(), base + 0.5))
        for step in range(MONTHS):
            month, left = month_of(self.first, step), self._month_left(step)
            if step:
                painter.setPen(QPen(QColor(colours.border), 1))
                painter.drawLine(QPointF(left, base), QPointF(left, base + px(5)))
            now = step == BEFORE
            box = QRectF(left, base + px(6), self.width() / MONTHS, px(FOOT) - px(6))
            paint_text(painter, box, month_short(month), colours.text if now else colours.muted, "strong" if now else "small", Qt.AlignmentFlag.AlignHCenter)
        last = -100.0
        for bar, box in self.boxes():
            self._paint_bar(painter, bar, box, colours)
            words = number(bar.count)
            half = QFontMetricsF(font_of("small")).horizontalAdvance(words) / 2
            if box.center().x() - half >= last + 2:
                ink = colours.accent if bar.next else colours.text if bar.held else colours.muted
                paint_text(painter, QRectF(box.center().x() - 40, box.top() - px(20), 80, px(20)), words, ink, "strong" if bar.next else "small",
                           Qt.AlignmentFlag.AlignHCenter, elide=False)  # fmt: skip
                last = box.center().x() + half

    def _paint_bar(self, painter: QPainter, bar: Bar, box: QRectF, colours: Colours) -> None:
        if bar.held:
            paint_ground(painter, box, colours.track, 2)
            return
        if bar.next:
            painter.fillRect(box, QColor(colours.selected))
        pen = QPen(QColor(colours.accent if bar.next else colours.border), 1.5 if bar.next else 1)
        pen.setDashPattern([3, 2])
        painter.setPen(pen)
        inner = box.adjusted(0.5, 0.5, -0.5, 0)
        painter.drawPolyline([inner.bottomLeft(), inner.topLeft(), inner.topRight(), inner.bottomRight()])

    def _at(self, place: QPointF) -> Bar | None:
        return next((bar for bar, box in self.boxes() if box.left() - 2 <= place.x() <= box.right() + 2 and place.y() <= self.height() - px(FOOT)), None)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        bar = self._at(event.position())
        self.setCursor(Qt.CursorShape.PointingHandCursor if bar else Qt.CursorShape.ArrowCursor)
        QToolTip.showText(event.globalPosition().toPoint(), tip(self._words(bar)) if bar else "", self)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        bar = self._at(event.position())
        if bar is not None and event.button() == Qt.MouseButton.LeftButton:
            self.open_gathering.emit(bar.id)
