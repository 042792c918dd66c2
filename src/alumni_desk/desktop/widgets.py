"""Small painted widgets: disc, pill, bars, date block, card, the mark of the desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QBoxLayout, QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Label, hairline
from alumni_desk.desktop.dates import month_short, weekday_short
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import (
    Pill,
    paint_bar,
    paint_columns,
    paint_disc,
    paint_ground,
    paint_meter,
    paint_pill,
    paint_text,
    pill_width,
)
from alumni_desk.desktop.tokens import CARD_RADIUS, SIDE_COLUMN, Colours, Tone


class Glyph(QWidget):
    """An icon on its own; decoration unless it is given a name."""

    def __init__(self, icon: str, tone: Tone = "muted", size: int = 18, name: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon, self._tone = icon, tone
        self.setAccessibleName(name)
        self.setFixedSize(px(size), px(size))

    def set_icon(self, icon: str, tone: Tone) -> None:
        self._icon, self._tone = icon, tone
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_icon(QPainter(self), self.rect(), self._icon, getattr(look(self), self._tone))


class YearDisc(QWidget):
    """A class year as the face of a person."""

    def __init__(self, text: str, size: int = 56, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(px(size), px(size))
        self.set_text(text)

    def set_text(self, text: str) -> None:
        self._text = text
        self.setAccessibleName(text)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_disc(QPainter(self), self.rect(), self._text, look(self))


class StatusPill(QWidget):
    """A status pill in a page; in tables use ``delegates.PillDelegate``."""

    def __init__(self, pill: Pill, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_pill(pill)

    def set_pill(self, pill: Pill) -> None:
        self._pill = pill
        self.setAccessibleName(pill.word)
        self.setFixedSize(pill_width(pill), px(24))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_pill(QPainter(self), self.rect(), self._pill, look(self))


class Bar(QWidget):
    """A bar of 8 px: parts are (number, tone), ``total`` the whole; its sentence is spoken."""

    def __init__(self, sentence: str, parts: Sequence[tuple[float, Tone]], total: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(px(8))
        self.set_parts(sentence, parts, total)

    def set_parts(self, sentence: str, parts: Sequence[tuple[float, Tone]], total: float) -> None:
        self.setAccessibleName(sentence)
        self._parts, self._total = list(parts), max(total, 1e-9)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        parts = [(number / self._total, getattr(colours, tone)) for number, tone in self._parts]
        paint_bar(QPainter(self), self.rect(), parts, colours.track)


class Meter(QWidget):
    """Equal segments, so many of so many done."""

    def __init__(self, sentence: str, done: int, total: int, tone: Tone = "ok", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._done, self._total, self._tone = done, total, tone
        self.setAccessibleName(sentence)
        self.setFixedHeight(px(8))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        paint_meter(QPainter(self), self.rect(), self._done, self._total, getattr(colours, self._tone), colours.track)


class Columns(QWidget):
    """Small columns over a base line, the last in the accent."""

    def __init__(self, sentence: str, values: Sequence[int], height: int = 80, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values = list(values)
        self.setAccessibleName(sentence)
        self.setFixedHeight(px(height))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        paint_columns(QPainter(self), self.rect(), self._values, colours, colours.accent)


class DateBlock(QWidget):
    """A date as a leaf of a calendar; ``large`` has the weekday above."""

    def __init__(self, day: date, *, large: bool = False, near: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._day, self._large, self._near = day, large, near
        self.setFixedSize(px(64 if large else 48), px(80 if large else 56))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        painter = QPainter(self)
        ground, ink = (colours.selected, colours.selected_text) if self._near else (colours.fill, colours.text)
        paint_ground(painter, self.rect(), ground, CARD_RADIUS)
        middle = Qt.AlignmentFlag.AlignHCenter
        width = self.width()
        if self._large:
            paint_text(painter, QRectF(0, px(7), width, px(16)), weekday_short(self._day), ink, "strong", middle)
            paint_text(painter, QRectF(0, px(23), width, px(34)), str(self._day.day), ink, "number", middle)
            paint_text(painter, QRectF(0, px(56), width, px(16)), month_short(self._day), ink, "small", middle)
        else:
            paint_text(painter, QRectF(0, px(6), width, px(26)), str(self._day.day), ink, "title", middle)
            paint_text(painter, QRectF(0, px(32), width, px(18)), month_short(self._day), ink, "small", middle)


class Mark(QWidget):
    """The sign of the desk: a house with an open door."""

    def __init__(self, size: int = 32, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(px(size), px(size))

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_mark(QPainter(self), QRectF(self.rect()), look(self))


def paint_mark(painter: QPainter, box: QRectF, colours: Colours) -> None:
    """The sign of the desk in ``box``."""
    paint_ground(painter, box, colours.accent, box.width() * 0.22)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(box.topLeft())
    painter.scale(box.width() / 32, box.height() / 32)
    pen = QPen(QColor(colours.on_accent), 2.2)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.drawPolyline([QPointF(9, 23.5), QPointF(9, 13), QPointF(16, 8), QPointF(23, 13), QPointF(23, 23.5)])
    painter.drawPolyline([QPointF(13.5, 23.5), QPointF(13.5, 17), QPointF(18.5, 17), QPointF(18.5, 23.5)])
    painter.restore()


class Card(QFrame):
    """The one card that a page may have."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", "true")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(px(20), px(20), px(20), px(20))
        self.column.setSpacing(px(8))


class Scroll(QScrollArea):
    """A page's column that scrolls when it must. ``column`` is where its parts go."""

    def __init__(self, *, margins: tuple[int, int, int, int] = (24, 24, 24, 24), width: int | None = None,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # Not the one that Qt made: to wrap a widget of Qt's own, PySide6 first makes every type of widget that there is, for 15 ms.
        ground = QWidget()
        self.setViewport(ground)
        inside = QWidget()
        inside.setAutoFillBackground(False)
        self.column = QVBoxLayout(inside)
        self.column.setContentsMargins(*(px(m) for m in margins))
        self.column.setSpacing(px(8))
        self.setWidget(inside)
        ground.setAutoFillBackground(False)
        if width is not None:
            self.setFixedWidth(px(width))

    def go_on_from(self, before: QWidget) -> None:
        """Stand where the page stood in whose place this one has come."""
        at = before.verticalScrollBar().value() if isinstance(before, Scroll) else 0
        if at:
            self.column.activate()
            self.widget().resize(self.viewport().width(), max(self.viewport().height(), self.widget().sizeHint().height()))
            self.verticalScrollBar().setValue(at)
            QTimer.singleShot(0, self, lambda: self.verticalScrollBar().setValue(at))  # once more when all of it has its place

    def sizeHint(self) -> QSize:
        return self.widget().sizeHint()

    def minimumSizeHint(self) -> QSize:
        return QSize(self.widget().minimumSizeHint().width(), px(120))


class MainAndSide(Scroll):
    """A page's main column with a side column of 304 at its right; below it where the window is too narrow for both. ``turned(wide)``: it is so now.

    ``at_most``: wider than that the main column does not grow, so that a button stays beside its words.
    """

    turned = Signal(bool)

    def __init__(self, main: QWidget, side: QWidget | None, *, width: int = SIDE_COLUMN, together: int = 960, at_most: int = 0) -> None:
        super().__init__(margins=(0, 0, 0, 0))
        self._side, self._width, self._together = side, px(width), px(together)
        self._wide = True
        self._with_side = side is not None
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.setSpacing(0)
        self._row.addWidget(main, 1)
        if at_most:
            main.setMaximumWidth(px(at_most))
            self._row.addStretch()
        self._line = hairline("v")
        if side is not None:
            self._row.addWidget(self._line)
            self._row.addWidget(side, 0, Qt.AlignmentFlag.AlignTop)
        self.column.addLayout(self._row, 1)

    def show_side(self, on: bool) -> None:
        """Whether there is anything in the side column; without it the main column has the room."""
        if self._side is not None:
            self._with_side = on
            self._side.setVisible(on)
            self._line.setVisible(on and self.width() >= self._together)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._side is None:
            return
        wide = self.width() >= self._together
        if wide != self._wide:
            self._wide = wide
            self.turned.emit(wide)
        self._row.setDirection(QBoxLayout.Direction.LeftToRight if wide else QBoxLayout.Direction.TopToBottom)
        self._line.setVisible(wide and self._with_side)
        self._side.setMinimumWidth(self._width)
        self._side.setMaximumWidth(self._width if wide else 16_777_215)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(320), px(120))


class Turning(QWidget):
    """Parts side by side in ``row``; one below the other where the window is too narrow for all. Of hairlines between them those are seen that lie across."""

    def __init__(self) -> None:
        super().__init__()
        self.row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)

    def turn(self) -> None:
        """Look anew which way they go: something in it has another width."""
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        parts = [item for n in range(self.row.count()) if (item := self.row.itemAt(n)) is not None and item.spacerItem() is None]
        margins = self.row.contentsMargins()
        lines = [line for item in parts if (line := item.widget()) is not None and line.property("hairline")]
        parts = [item for item in parts if item.widget() not in lines]
        wanted = sum(item.sizeHint().width() for item in parts) + self.row.spacing() * (len(parts) - 1) + len(lines) + margins.left() + margins.right()
        way = across if self.width() >= wanted else down
        self.row.setDirection(way)
        for line in lines:
            line.setVisible(line.property("hairline") == ("v" if way == across else "h"))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.turn()

    def minimumSizeHint(self) -> QSize:
        return QSize(px(320), super().minimumSizeHint().height())


def padded(margins: tuple[int, int, int, int] = (24, 24, 24, 24)) -> tuple[QWidget, QVBoxLayout]:
    """A plain widget and its column, with a page's margins."""
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(*(px(m) for m in margins))
    column.setSpacing(px(8))
    return box, column


class _LineGlyph(Glyph):
    """A glyph beside the first line of a label: a single line stands in the middle of its label, the first of several at its top."""

    def __init__(self, icon: str, tone: Tone, beside: Label) -> None:
        super().__init__(icon, tone, 16)
        self._beside = beside
        self.setFixedSize(px(16), beside.minimumHeight())

    def paintEvent(self, event: QPaintEvent) -> None:
        line = self._beside.fontMetrics().height()
        height = line if self._beside.height() >= 2 * line else self._beside.height()
        box = QRectF(0, (height - self.width()) / 2, self.width(), self.width())
        paint_icon(QPainter(self), box, self._icon, getattr(look(self), self._tone))


class IconLine(QWidget):
    """An icon, a sentence, and below it a muted second one."""

    def __init__(self, icon: str, sentence: str, second: str = "", tone: Tone = "muted", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(10))
        self.words = QVBoxLayout()
        self.words.setSpacing(0)
        self.first = Label(sentence, wrap=True, tone=tone if tone not in ("muted", "text") else "text")
        self.glyph = _LineGlyph(icon, tone, self.first)
        row.addWidget(self.glyph, 0, Qt.AlignmentFlag.AlignTop)
        self.words.addWidget(self.first)
        if second:
            self.words.addWidget(Label(second, "small", "muted", wrap=True))
        row.addLayout(self.words, 1)


def heading(text: str, count: str = "", *, right: QWidget | None = None) -> QWidget:
    """A section's heading with its number in muted and, at the right edge, a link or button."""
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(8))
    row.addWidget(Label(text, "heading"))
    if count:
        row.addWidget(Label(count, tone="muted"))
    row.addStretch(1)
    if right is not None:
        row.addWidget(right)
    return box


def small_heading(text: str) -> Label:
    """The quiet heading of a side column."""
    return Label(text, "strong", "muted")


TITLE_BAR = 40
"""So high is a window's own title bar at most, before it is shown and can be measured."""


def on_screen(window: QWidget, width: int = 1280, height: int = 800) -> None:
    """Give a window its first size: that wished for, or what the screen has room for, in its middle."""
    room = window.screen().availableGeometry()
    size = QSize(min(width, room.width()), min(height, room.height() - TITLE_BAR))
    window.setMinimumSize(window.minimumSize().boundedTo(size))
    window.resize(size)
    window.move(room.x() + (room.width() - size.width()) // 2, room.y() + (room.height() - TITLE_BAR - size.height()) // 2)


def way_in(place: QWidget) -> QWidget | None:
    """Where the keyboard enters a part of a page: itself, or the first inside it that takes the focus."""
    if place.focusPolicy() & Qt.FocusPolicy.TabFocus:
        return place
    inside = place.nextInFocusChain()
    while inside is not None and inside is not place:
        if place.isAncestorOf(inside) and inside.isVisible() and inside.isEnabled() and inside.focusPolicy() & Qt.FocusPolicy.TabFocus:
            return inside
        inside = inside.nextInFocusChain()
    return None


def keyboard_of(place: QWidget, otherwise: QWidget | None = None) -> Callable[[QWidget], object]:
    """Remember which part of a place has the keyboard: what is returned gives it to the part so called of what comes instead.

    ``otherwise`` gets it where there is none, else the part that stands where it stood.
    """
    focused = QApplication.focusWidget()
    parts = _parts(place) if focused is not None and place.isAncestorOf(focused) else []
    if focused is None or focused not in parts:
        return lambda instead: None
    called, at = _called(focused), parts.index(focused)

    def give(instead: QWidget) -> None:
        there = [(abs(n - at), one) for n, one in enumerate(_parts(instead)) if one.isEnabled()]
        same = [both for both in there if type(both[1]) is type(focused) and _called(both[1]) == called]
        if same or (there and otherwise is None):
            min(same or there, key=lambda both: both[0])[1].setFocus(Qt.FocusReason.OtherFocusReason)
        elif otherwise is not None:
            otherwise.setFocus(Qt.FocusReason.OtherFocusReason)

    return give


def _parts(place: QWidget) -> list[QWidget]:
    return [one for one in place.findChildren(QWidget) if one.focusPolicy() & Qt.FocusPolicy.TabFocus and one.isVisibleTo(place)]


def _called(part: QWidget) -> str:
    return part.accessibleName() or (part.text() if isinstance(part, QAbstractButton) else "")


def into_view(one: QWidget) -> None:
    """Scroll what it stands in until all of it is seen; of what is too high, its head."""

    def scroll() -> None:
        holder = one.parentWidget()
        while holder is not None:
            if isinstance(holder, QScrollArea) and (inside := holder.widget()) is not None:
                for corner in (one.rect().bottomLeft(), one.rect().topLeft()):
                    at = one.mapTo(inside, corner)
                    holder.ensureVisible(at.x(), at.y(), 0, px(12))
            holder = holder.parentWidget()

    scroll()
    QTimer.singleShot(0, one, scroll)  # once more when what was made anew has its place


def in_page_order(*columns: QWidget) -> None:
    """Let Tab go down the columns, one after the other, whichever of their parts was made anew last; from a part that was given the focus, into it."""

    def place(one: QWidget, column: QWidget) -> tuple[int, int]:
        at = one.mapTo(column, QPoint())
        return at.y(), at.x()

    found: list[QWidget] = []
    for column in columns:
        inside = [one for one in column.findChildren(QWidget) if one.isVisible() and (one.focusPolicy() & Qt.FocusPolicy.TabFocus or one.hasFocus())]
        found += sorted(inside, key=lambda one, column=column: place(one, column))  # type: ignore[misc]
    for before, after in pairwise(found):
        QWidget.setTabOrder(before, after)
