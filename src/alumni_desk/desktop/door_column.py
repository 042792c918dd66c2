"""The column beside the verdict: how many are here, how they arrived, which door, the last five."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from alumni_desk.checkin.lists import Arrival, Headcount
from alumni_desk.desktop.controls import Button, Elided, Label, paint_link_focus
from alumni_desk.desktop.door_words import said_time
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import isolated, paint_text, tip
from alumni_desk.desktop.venue_bridge import Nearby
from alumni_desk.desktop.widgets import Bar, Glyph
from alumni_desk.words import _, ngettext, number

FIVE = timedelta(minutes=5)


@dataclass(frozen=True)
class ColumnData:
    """What the column shows at one moment."""

    count: Headcount
    arrivals: Sequence[tuple[datetime, int]]
    stations: Sequence[tuple[str, int]]
    last: Sequence[Arrival]
    now: datetime  # local to the gathering
    starts: datetime | None  # local, when the gathering begins
    this_station: str
    waiting: int = 0  # changes of this laptop that the server has not got yet
    others: Sequence[Nearby] = ()  # laptops that are heard here without a server
    together: bool = False  # whether any are to be heard


class Arrivals(QWidget):
    """Columns by five minutes, an hour or more; the peak and the present one carry their number."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(px(106))
        self._bars: list[tuple[datetime, int]] = []
        self._now: datetime | None = None

    def show_arrivals(self, arrivals: Sequence[tuple[datetime, int]], now: datetime) -> None:
        """Other numbers."""
        self._now = now.replace(minute=now.minute - now.minute % 5, second=0, microsecond=0)
        self._bars = _an_hour(arrivals, self._now)
        total = sum(n for _start, n in arrivals)
        self.setAccessibleName(ngettext("{n} arrival by five minutes", "{n} arrivals by five minutes", total).format(n=number(total)))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._bars:
            return
        colours = look(self)
        painter = QPainter(self)
        top, foot = px(18), self.height() - px(18)
        most = max(1, *(n for _start, n in self._bars))
        peak = next(i for i, (_start, n) in enumerate(self._bars) if n == max(n for _start, n in self._bars))
        step = (self.width() + px(3)) / len(self._bars)
        painter.setPen(QPen(QColor(colours.border), 1))
        painter.drawLine(QPointF(0, foot - 0.5), QPointF(self.width(), foot - 0.5))
        middle = Qt.AlignmentFlag.AlignHCenter
        for at, (start, n) in enumerate(self._bars):
            current = start == self._now
            height = (foot - top) * n / most
            piece = QRectF(at * step, foot - height, max(2.0, step - px(5)), height)
            painter.fillRect(piece, QColor(colours.accent if current else colours.border))
            if n and (at == peak or current):
                place = QRectF(piece.center().x() - px(30), piece.top() - px(17), px(60), px(16))
                paint_text(painter, place, number(n), colours.text, "caption", middle)
            if start.minute % 30 == 0 or at == 0:
                left = min(max(0.0, at * step), self.width() - px(36))
                if at == 0 or at * step > px(60):
                    paint_text(painter, QRectF(left, foot + px(1), px(60), px(16)), f"{start:%H:%M}", colours.muted, "caption")


def _an_hour(arrivals: Sequence[tuple[datetime, int]], now: datetime) -> list[tuple[datetime, int]]:
    """At least an hour of five minutes, up to three, ending no earlier than the last arrival."""
    if not arrivals:
        return []
    counts = {start: n for start, n in arrivals}
    last = max(counts)
    if timedelta(0) <= now - last < timedelta(hours=1):
        last = now
    first = max(min(counts), last - 35 * FIVE)
    first = first.replace(minute=first.minute - first.minute % 30)
    steps = max(12, int((last - first) / FIVE) + 1)
    return [(first + i * FIVE, counts.get(first + i * FIVE, 0)) for i in range(steps)]


class UndoLink(Button):
    """The small Undo of a row."""

    def __init__(self, name: str) -> None:
        super().__init__(_("Undo"), "quiet", "arrow-counter-clockwise", height=28)
        self.setAccessibleName(_("Undo {name}").format(name=name))

        self._whole = QSize(round(QFontMetricsF(font_of("label")).horizontalAdvance(self._shown)) + px(14 + 5) + 2, px(28))

    def set_room(self, room: float) -> None:
        """Only the arrow where the words would cost a name its letters."""
        self.setFixedWidth(self._whole.width() if room >= self._whole.width() else px(20))

    def sizeHint(self) -> QSize:
        return self._whole

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, ink = QPainter(self), look(self).accent
        if self.hasFocus():
            paint_link_focus(painter, QRectF(self.rect()), look(self))
        paint_icon(painter, QRectF(0, (self.height() - px(14)) / 2, px(14), px(14)), "arrow-counter-clockwise", ink)
        if self.width() >= self._whole.width():
            paint_text(painter, QRectF(px(19), 0, self.width(), self.height()), self._shown, ink, "label", elide=False)


class LastRow(QWidget):
    """One of the last five: time, name, and Undo or the station."""

    def __init__(self, arrival: Arrival, undo: Callable[[], None] | None) -> None:
        super().__init__()
        self._arrival = arrival
        self.setFixedHeight(px(32))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        self.undo: UndoLink | None = None
        if undo is not None:
            self.undo = UndoLink(arrival.name)
            self.undo.clicked.connect(lambda: undo())
            row.addWidget(self.undo)
        name = f"{arrival.name} {arrival.class_tail}".strip()
        self.setAccessibleName(f"{said_time(arrival.at)} {name}")
        self.setToolTip(tip(f"{name} · {arrival.station}" if arrival.station else name))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, painter = look(self), QPainter(self)
        arrival = self._arrival
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), QColor(colours.line))
        paint_text(painter, QRectF(0, 0, px(40), self.height()), said_time(arrival.at), colours.muted, "small", tabular=True)
        tail = f" {isolated(arrival.class_tail)}" if arrival.class_tail else ""
        metrics = QFontMetricsF(font_of("body"))
        tail_width = metrics.horizontalAdvance(tail)
        name, other = isolated(arrival.name), isolated(arrival.other_script_name or "")
        right = self.undo.geometry().left() - px(8) if self.undo is not None else self._paint_station(painter, metrics.horizontalAdvance(name) + tail_width)
        room = right - px(44)
        whole = f"{name} {other}" if other else name
        if metrics.horizontalAdvance(whole) + tail_width > room:
            whole = name
        used = paint_text(painter, QRectF(px(44), 0, max(0.0, room - tail_width), self.height()), whole, colours.text)
        paint_text(painter, QRectF(px(44) + used, 0, tail_width + 2, self.height()), tail, colours.text, elide=False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.undo is not None:
            name = f"{isolated(self._arrival.name)} {isolated(self._arrival.class_tail)}"
            self.undo.set_room(self.width() - px(44 + 8) - QFontMetricsF(font_of("body")).horizontalAdvance(name))

    def _paint_station(self, painter: QPainter, name_width: float) -> float:
        """The station at the right edge, if the name is whole beside it; returns where the name must end."""
        station = isolated(self._arrival.station or "")
        width = min(QFontMetricsF(font_of("small")).horizontalAdvance(station) + 2, px(90))
        if not station or px(44) + name_width > self.width() - width - px(8):
            return self.width()
        paint_text(painter, QRectF(self.width() - width, 0, width, self.height()), station, look(self).muted, "small", Qt.AlignmentFlag.AlignRight)
        return self.width() - width - px(8)


class _Part(QWidget):
    """A part of the column: the gap above it, a quiet heading, and below it what ``rows`` is given. It is hidden as a whole."""

    def __init__(self, title: str, gap: int = 22) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, px(gap), 0, 0)
        column.setSpacing(0)
        self.head = Label(title, "caption", "muted")
        self.head.setFont(_semibold())
        column.addWidget(self.head)
        self._gap = px(gap)
        self.rows = column
        self.widgets: list[QWidget] = []

    def show_rows(self, rows: Sequence[QWidget]) -> None:
        """Other rows, all equally high."""
        for widget in self.widgets:
            self.rows.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self.widgets = list(rows)
        for widget in rows:
            self.rows.addWidget(widget)

    def height_of(self, rows: int) -> int:
        """How high it is with so many rows."""
        return self._gap + self.head.sizeHint().height() + sum(widget.height() for widget in self.widgets[:rows])

    def show_some(self, rows: int) -> None:
        """Show the first rows; with none of them the part is gone."""
        for at, widget in enumerate(self.widgets):
            widget.setVisible(at < rows)
        self.setVisible(rows > 0)


LAST = 5


class DoorColumn(QFrame):
    """The column, 320 wide. ``undo(fact, registration)`` asks to take a check-in back.

    Where the screen is too low for all of it, the stations go first, then some of the last five, then the arrivals; the head count stays.
    """

    undo = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(px(320))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(px(24), px(14), px(24), px(16))
        whole.setSpacing(0)
        self._top = QWidget()
        whole.addWidget(self._top)
        column = QVBoxLayout(self._top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._head = QHBoxLayout()
        self.here = Label("", "number")
        font = font_of("number")
        font.setPixelSize(px(48))
        self.here.setFont(font)
        self.here.setMinimumHeight(px(58))
        self.here_words = Label("", "heading")
        words = font_of("body")
        words.setPixelSize(px(16))
        self.here_words.setFont(words)
        self.here_words.setContentsMargins(0, 0, 0, px(9))
        self._head.addWidget(self.here, 0, Qt.AlignmentFlag.AlignBottom)
        self._head.addWidget(self.here_words, 1, Qt.AlignmentFlag.AlignBottom)
        column.addLayout(self._head)
        column.addSpacing(px(8))
        self.bar = Bar("", [], 1)
        column.addWidget(self.bar)
        column.addSpacing(px(6))
        self._expected = QHBoxLayout()
        self.come, self.to_come = Label(), Label()
        self._expected.addWidget(self.come, 1)
        self._expected.addWidget(self.to_come)
        column.addLayout(self._expected)
        self.walk_ins, self.gone, self.as_of = Label(), Label(), Label(role="caption", tone="muted")
        for label in (self.walk_ins, self.gone, self.as_of):
            column.addWidget(label)
        self.arrivals_part = _Part(_("Arrivals by five minutes"))
        self.arrivals = Arrivals()
        self.arrivals_part.show_rows([self.arrivals])
        self.stations_part = _Part(_("Stations"), 20)
        self.last_part = _Part(_("Last five in"))
        for part in (self.arrivals_part, self.stations_part, self.last_part):
            whole.addWidget(part)
        whole.addStretch(1)
        self._data: ColumnData | None = None

    def set_room(self, width: int) -> None:
        """As wide as designed, but no more than a third of a narrow window."""
        self.setFixedWidth(min(px(320), width // 3))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.minimumWidth(), px(200))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def show_data(self, data: ColumnData, may_undo: Callable[[Arrival], bool]) -> None:
        """Show other numbers; rows that ``may_undo`` carry Undo."""
        self._data = data
        count = data.count
        self.here.setText(number(count.present))
        self.here_words.setText(ngettext("person here", "people here", count.present))
        whole = max(count.expected, count.come, 1)
        sentence = _("{come} of {expected} expected").format(come=number(count.come), expected=number(count.expected))
        self.bar.set_parts(sentence, [(count.come, "accent")], whole)
        self.bar.setVisible(count.expected > 0)
        self.come.setText(sentence if count.expected else _("Nobody is on the list yet"))
        self.to_come.setText(_("{n} to come").format(n=number(count.to_come)))
        self.to_come.setVisible(count.expected > 0)
        self.walk_ins.setText(ngettext("and {n} walk-in", "and {n} walk-ins", count.walk_ins).format(n=number(count.walk_ins)))
        self.walk_ins.setVisible(count.walk_ins > 0)
        self.gone.setText(ngettext("{n} has gone again", "{n} have gone again", count.out).format(n=number(count.out)))
        self.gone.setVisible(count.out > 0)
        self.as_of.setText(_as_of(data))
        self.arrivals.show_arrivals(data.arrivals, data.now)
        stations = dict(data.stations)
        stations.setdefault(data.this_station, 0)
        ordered = sorted(stations.items(), key=lambda pair: (pair[0] != data.this_station, pair[0]))
        heard = {one.name.casefold(): one for one in data.others}
        rows = [_station_row(name, number(n), here=name == data.this_station, heard=heard.pop(name.casefold(), None), now=data.now) for name, n in ordered]
        rows += [_station_row(one.name or one.who, "", here=False, heard=one, now=data.now) for one in heard.values()]
        self.stations_part.show_rows(rows)
        self.last_part.show_rows([LastRow(arrival, self._act_of(arrival, may_undo)) for arrival in data.last[:LAST]])
        self._fit()

    def forget(self) -> None:
        """Nobody is named."""
        self._data = None
        self.last_part.show_rows([])

    def _act_of(self, arrival: Arrival, may_undo: Callable[[Arrival], bool]) -> Callable[[], None] | None:
        return (lambda: self.undo.emit(arrival.fact, arrival.registration)) if may_undo(arrival) else None

    def _fit(self) -> None:
        """Show as much as the height has room for, the least important left out first."""
        if self._data is None:
            return
        margins = self.layout().contentsMargins()
        width = self.width() - margins.left() - margins.right()
        _beside(self._head, self.here, self.here_words, width)
        _beside(self._expected, self.come, self.to_come, width)
        room = self.height() - margins.top() - margins.bottom() - self._top.sizeHint().height()
        arrivals, stations = bool(self._data.arrivals), len(self.stations_part.widgets)
        some = len(self.last_part.widgets)
        plans = [(arrivals, stations, some), *((arrivals, 0, n) for n in range(some, 1, -1)), *((False, 0, n) for n in range(some, 0, -1))]
        for columns, places, last in (*plans, (False, 0, 0)):
            parts = ((self.arrivals_part, int(columns)), (self.stations_part, places), (self.last_part, last))
            if sum(part.height_of(rows) for part, rows in parts if rows) <= room:
                break
        for part, rows in parts:
            part.show_some(rows)


def _beside(row: QHBoxLayout, first: QWidget, second: QWidget, width: int) -> None:
    """Two beside each other, or one below the other where the width does not do."""
    there = first.sizeHint().width() + px(8) + second.sizeHint().width() <= width
    row.setDirection(QBoxLayout.Direction.LeftToRight if there else QBoxLayout.Direction.TopToBottom)
    row.setSpacing(px(8) if there else 0)


def _semibold() -> QFont:
    font = font_of("strong")
    font.setPixelSize(px(12))
    return font


def _as_of(data: ColumnData) -> str:
    time = said_time(data.now)
    if not data.together:
        return _("as of {time}, this laptop").format(time=time)
    connected = sum(one.now for one in data.others) + 1
    return ngettext("as of {time}, {n} of {all} laptop connected", "as of {time}, {n} of {all} laptops connected", len(data.others) + 1).format(
        time=time, n=connected, all=len(data.others) + 1)


def _station_row(name: str, count: str, *, here: bool, now: datetime, heard: Nearby | None = None) -> QWidget:
    box = QWidget()
    box.setFixedHeight(px(24))
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(8))
    connected = here or (heard is not None and heard.now)
    row.addWidget(Glyph("check-circle" if connected else "laptop" if heard is None else "clock", "ok" if connected else "muted", 16))
    row.addWidget(Elided(isolated(name) or _("Without a name")))
    second = _("this laptop") if here else "" if heard is None else _("connected") if heard.now else _("heard {time}").format(
        time=said_time(heard.heard.astimezone(now.tzinfo)))
    if second:
        row.addWidget(Label(second, "caption", "muted"))
    row.addStretch(1)
    row.addWidget(Label(count))
    return box
