"""The people whom the typed letters may mean: rows that can be told apart from two steps away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from alumni_desk.checkin.lists import DoorHit, DoorHits, DoorStatus
from alumni_desk.desktop.dates import day_short, parse_wall
from alumni_desk.desktop.door_panel import fit_name
from alumni_desk.desktop.door_words import said_time, table_words
from alumni_desk.desktop.fonts import drawable, font_of, metrics_of, px, text_size
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import (
    isolated,
    paint_disc,
    paint_ground,
    paint_ring,
    paint_text,
)
from alumni_desk.desktop.tokens import Colours
from alumni_desk.words import _, ngettext

Index = QModelIndex | QPersistentModelIndex
ROW = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class Band:
    """The line above namesakes that says what to ask."""

    sentence: str


@dataclass(frozen=True)
class WalkInRow:
    """The last row; ``alone`` when nobody was found."""

    alone: bool = False


@dataclass(frozen=True)
class HitRow:
    """One person; ``namesake`` marks those under a band."""

    hit: DoorHit
    namesake: bool = False


Row = Band | WalkInRow | HitRow

STATUS_AT = 0.61
"""Where in the width of a row the status begins."""
NAME_SIZES = ((1, 20), (1, 18), (2, 20), (2, 18), (2, 16), (3, 16))
"""How many lines at which size, as on the verdict (``door_panel``)."""
NAME_BY_LETTERS = (16,)

STATUS: dict[DoorStatus, tuple[str, str]] = {
    DoorStatus.EXPECTED: ("hourglass", "text"),
    DoorStatus.IN: ("clock", "warn"),
    DoorStatus.LEFT: ("arrow-right", "text"),
    DoorStatus.WAITLISTED: ("hand-palm", "muted"),
    DoorStatus.DECLINED: ("x-circle", "danger"),
    DoorStatus.CANCELLED: ("x-circle", "danger"),
    DoorStatus.NOT_ON_THE_LIST: ("prohibit", "muted"),
}


def status_words(hit: DoorHit) -> tuple[str, str]:
    """A hit's standing in a word, and what is known more."""
    answered = ""
    try:
        moment = parse_wall(hit.answered_at[:16]) if hit.answered_at else None
        answered = _("on {day}").format(day=day_short(moment.date())) if isinstance(moment, datetime) else ""
    except ValueError:
        pass
    return {
        DoorStatus.EXPECTED: (_("Expected"), ""),
        DoorStatus.IN: (_("Already in"), ", ".join(p for p in (said_time(hit.at), isolated(hit.station or "")) if p)),
        DoorStatus.LEFT: (_("Went out"), _("may come back")),
        DoorStatus.WAITLISTED: (_("Waiting list"), ""),
        DoorStatus.DECLINED: (_("Said no"), answered),
        DoorStatus.CANCELLED: (_("Cancelled"), answered),
        DoorStatus.NOT_ON_THE_LIST: (_("Not on the list"), _("did not sign up")),
    }[hit.status]


def second_line(hit: DoorHit, brings: str = "") -> str:
    """What tells somebody from their namesakes: other script, host, city, table."""
    parts = [isolated(hit.other_script_name or "")]
    if hit.host_name:
        parts.append(_("guest of {host}").format(host=isolated(hit.host_name)))
    parts.append(isolated(hit.city or ""))
    if hit.table_name:
        parts.append(table_words(hit.table_name))
    if hit.status is DoorStatus.NOT_ON_THE_LIST:
        parts.append(_("member"))
    if hit.walk_in:
        parts.append(_("walk-in"))
    if brings:
        parts.append(brings)
    return " · ".join(part for part in parts if part)


def rows_of(found: DoorHits) -> list[Row]:
    """Hits with a band above each group of namesakes, and the walk-in row below."""
    group_of = {key: number for number, group in enumerate(found.namesakes) for key in group}
    rows: list[Row] = []
    said: set[int] = set()
    for hit in found.hits:
        number = group_of.get(hit.key)
        if number is not None and number not in said:
            said.add(number)
            size = len(found.namesakes[number])
            rows.append(Band(ngettext("{n} person is called {name}: ask for the class year or the host",
                                      "{n} people are called {name}: ask for the class year or the host", size).format(
                                          n=size, name=isolated(hit.name))))  # fmt: skip
        rows.append(HitRow(hit, number is not None))
    rows.append(WalkInRow(alone=not found.hits))
    return rows


class HitsModel(QAbstractListModel):
    """The rows that are shown now."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.brings: dict[str, str] = {}

    def show(self, rows: Sequence[Row], brings: dict[str, str]) -> None:
        """Other rows."""
        self.beginResetModel()
        self.rows, self.brings = list(rows), brings
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid() or isinstance(self.rows[index.row()], Band):
            return Qt.ItemFlag.ItemIsEnabled
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role == ROW:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if isinstance(row, Band):
                return row.sentence
            if isinstance(row, WalkInRow):
                return _("Add a walk-in") if row.alone else _("None of these? Add a walk-in")
            word, more = status_words(row.hit)
            parts = (f"{row.hit.name} {row.hit.class_tail}".strip(), second_line(row.hit), word, more)
            return ", ".join(part for part in parts if part)
        return None


class HitDelegate(QStyledItemDelegate):
    """Paints a band, a person or the walk-in row."""

    def __init__(self, view: HitsView) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        row: Row = index.data(ROW)
        if isinstance(row, Band):
            return QSize(px(320), px(32))
        more = 0
        if isinstance(row, HitRow):
            name = fitted(row.hit.name, name_room(self._view.viewport().width()))
            more = max(0, len(name.lines) * px(name.line) - px(28))
        return QSize(px(320), px(64) + more)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours = look(option.widget)
        row: Row = index.data(ROW)
        box = QRectF(option.rect)
        if isinstance(row, Band):
            painter.fillRect(box, QColor(colours.warn_soft))
            painter.fillRect(QRectF(box.left(), box.top(), px(4), box.height()), QColor(colours.warn))
            paint_icon(painter, QRectF(px(39), box.center().y() - px(9), px(18), px(18)), "users-three", colours.warn)
            paint_text(painter, box.adjusted(px(88), 0, -px(24), 0), row.sentence, colours.warn, "strong")
            return
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(box, QColor(colours.selected))
        painter.fillRect(QRectF(box.left(), box.bottom() - 1, box.width(), 1), QColor(colours.line))
        disc = QRectF(px(24), box.center().y() - px(24), px(48), px(48))
        if isinstance(row, WalkInRow):
            self._paint_walk_in(painter, box, disc, colours, chosen, alone=row.alone)
            return
        if row.namesake:
            painter.fillRect(QRectF(box.left(), box.top(), px(4), box.height()), QColor(colours.warn))
        self._paint_person(painter, box, disc, row.hit, colours, chosen, index)

    @staticmethod
    def _paint_walk_in(painter: QPainter, box: QRectF, disc: QRectF, colours: Colours, chosen: bool, *, alone: bool) -> None:
        paint_disc(painter, disc, "", colours, selected=chosen)
        paint_icon(painter, disc.adjusted(*(px(14) * k for k in (1, 1, -1, -1))), "user-plus", colours.text)
        words = box.adjusted(px(88), 0, 0, 0)
        width = 0.0 if alone else paint_text(painter, words, _("None of these?") + " ", colours.text, "title") + px(4)
        paint_text(painter, words.adjusted(width, 0, 0, 0), _("Add a walk-in"), colours.accent, "title")
        key = QRectF(box.right() - px(24 + 32), box.center().y() - px(12), px(32), px(24))
        paint_ring(painter, key, colours.text, 4, 1)
        paint_text(painter, key, "F2", colours.text, "label", Qt.AlignmentFlag.AlignHCenter)

    @staticmethod
    def _paint_person(painter: QPainter, box: QRectF, disc: QRectF, hit: DoorHit, colours: Colours, chosen: bool,
                      index: Index) -> None:  # fmt: skip
        if hit.host or not hit.disc:
            paint_disc(painter, disc, "", colours, selected=chosen)
            mark = "users" if hit.host else "user"
            paint_icon(painter, disc.adjusted(*(px(14) * k for k in (1, 1, -1, -1))), mark, colours.text)
        else:
            paint_disc(painter, disc, hit.disc, colours, selected=chosen)
        status_left = box.left() + box.width() * STATUS_AT
        name = fitted(hit.name, name_room(box.width()))
        room = QRectF(px(88), box.top() + px(6), name_room(box.width()), max(px(28), len(name.lines) * px(name.line)))
        second = second_line(hit, index.model().brings.get(hit.key, ""))  # type: ignore[attr-defined]
        below = QRectF(room.left(), room.bottom(), room.width(), px(22))
        paint_text(painter, below, second, colours.muted)
        if not second:
            room.moveTop(box.center().y() - room.height() / 2)
        _paint_name(painter, room, name, colours.selected_text if chosen else colours.text)
        mark, tone = STATUS[hit.status]
        ink = getattr(colours, tone)
        word, more = status_words(hit)
        paint_icon(painter, QRectF(status_left, box.center().y() - px(9), px(18), px(18)), mark, ink)
        left = status_left + px(28)
        middle = box.center().y()
        width = max(0.0, box.right() - px(24) - left)
        enter = _("Show · Enter") if hit.here else _("Check in · Enter")
        if chosen and not standing_beside(word, enter, width):  # in large letters: one below the other
            paint_text(painter, QRectF(left, middle - px(30), width, px(24)), word, ink, "heading")
            _paint_enter(painter, QRectF(box.left(), middle - px(4), box.width(), px(32)), colours, enter, left)
            return
        if chosen:
            width = _paint_enter(painter, box, colours, enter) - left - px(8)
        if more:
            paint_text(painter, QRectF(left, middle - px(22), width, px(22)), word, ink, "heading")
            paint_text(painter, QRectF(left, middle, width, px(20)), more, colours.muted)
        else:
            paint_text(painter, QRectF(left, middle - px(12), width, px(24)), word, ink, "heading")


@dataclass(frozen=True)
class Fitted:
    """A name in its lines, and how large they are, in px at 100 %."""

    size: int
    lines: tuple[str, ...]

    @property
    def line(self) -> int:
        """How high a line is."""
        return 28 if len(self.lines) == 1 else self.size + 5


def name_room(width: float) -> float:
    """How wide a name may be in a row: as far as the status."""
    return width * STATUS_AT - px(88 + 16)


def fitted(name: str, width: float) -> Fitted:
    """A name on one line, else on two or more, only a little smaller: read from two steps away, never cut."""
    return _fitted(drawable(name), round(width), text_size())


@lru_cache(maxsize=512)  # a row is measured, painted and measured again
def _fitted(name: str, width: int, percent: int) -> Fitted:
    if metrics_of("title").horizontalAdvance(name) <= width:
        return Fitted(NAME_SIZES[0][1], (name,))
    size, lines = fit_name(name, width, lambda text, size: QFontMetricsF(name_font(size)).horizontalAdvance(text), sizes=NAME_SIZES,
                           by_letters=NAME_BY_LETTERS)  # fmt: skip
    return Fitted(size, tuple(lines))


def name_font(size: int) -> QFont:
    """A name's font at a size in px at 100 %."""
    font = font_of("title")
    font.setPixelSize(px(size))
    return font


def _paint_name(painter: QPainter, box: QRectF, name: Fitted, ink: str) -> None:
    painter.setFont(name_font(name.size))
    painter.setPen(QColor(ink))
    high = box.height() / len(name.lines)
    for number, line in enumerate(name.lines):
        painter.drawText(QRectF(box.left(), box.top() + number * high, box.width() + 2, high), _ONE_LINE, isolated(line))


_ONE_LINE = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


def standing_beside(word: str, enter: str, width: float) -> bool:
    """Whether somebody's standing is read whole where the button of the chosen row stands beside it."""
    return metrics_of("heading").horizontalAdvance(word) + px(8) + _enter_width(enter) <= width


def _enter_width(words: str) -> float:
    return metrics_of("label").horizontalAdvance(words) + px(28)


def _paint_enter(painter: QPainter, box: QRectF, colours: Colours, words: str, left: float | None = None) -> float:
    """The button on the chosen row that says what Enter does, at the right edge if not from ``left``; returns its left edge."""
    width, high = _enter_width(words), min(float(px(36)), box.height())
    button = QRectF(box.right() - px(24) - width if left is None else left, box.center().y() - high / 2, width, high)
    paint_ground(painter, button, colours.accent, 6)
    paint_text(painter, button, words, colours.on_accent, "label", Qt.AlignmentFlag.AlignHCenter, elide=False)
    return button.left()


class HitsView(QListView):
    """The list. ``chosen(hit)`` when a row is clicked, ``walk_in()`` for the last row."""

    chosen = Signal(object)
    walk_in = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(_("People found"))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keyboard stays in the field; the field moves the choice
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setMouseTracking(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)  # a narrower list may need higher rows
        self.hits = HitsModel()
        self.setModel(self.hits)
        self.setItemDelegate(HitDelegate(self))
        self.clicked.connect(self._clicked)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(320), px(128))

    def forget(self) -> None:
        """Nobody is shown."""
        self.hits.show([], {})

    def show_found(self, found: DoorHits, brings: dict[str, str]) -> None:
        """Show what was found; the one plausible person is chosen, else nobody."""
        self.hits.show(rows_of(found), brings)
        self.scrollToTop()
        if found.certain is not None:
            for number, row in enumerate(self.hits.rows):
                if isinstance(row, HitRow) and row.hit.key == found.certain.key:
                    self.setCurrentIndex(self.hits.index(number))

    def show_anew(self, found: DoorHits, brings: dict[str, str]) -> None:
        """Show what is found by now: the choice stays as long as it is there, and nobody else comes in its place."""
        choice, scrolled = self.choice(), self.verticalScrollBar().value()
        before = choice.hit.key if isinstance(choice, HitRow) else choice
        self.hits.show(rows_of(found), brings)
        for number, row in enumerate(self.hits.rows):
            if before is not None and (row.hit.key if isinstance(row, HitRow) else row) == before:
                self.setCurrentIndex(self.hits.index(number))
        self.verticalScrollBar().setValue(scrolled)

    def choice(self) -> Row | None:
        """The chosen row."""
        index = self.currentIndex()
        return self.hits.rows[index.row()] if index.isValid() else None

    def move_choice(self, step: int) -> None:
        """The next or previous row that can be chosen."""
        index = self.currentIndex()
        at = index.row() if index.isValid() else (-1 if step > 0 else len(self.hits.rows))
        while 0 <= at + step < len(self.hits.rows):
            at += step
            if not isinstance(self.hits.rows[at], Band):
                self.setCurrentIndex(self.hits.index(at))
                self.scrollTo(self.hits.index(at))
                return

    def _clicked(self, index: Index) -> None:
        row = self.hits.rows[index.row()]
        if isinstance(row, WalkInRow):
            self.walk_in.emit()
        elif isinstance(row, HitRow):
            self.chosen.emit(row.hit)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()
