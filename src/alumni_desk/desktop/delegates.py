"""How cells of our tables are painted: hairlines, selection, a person's disc and name, a status pill."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from alumni_desk.desktop.fonts import font_of, metrics_of, px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import Pill, isolated, paint_disc, paint_pill, paint_text
from alumni_desk.desktop.tokens import ROW, Colours

Index = QModelIndex | QPersistentModelIndex

PERSON = Qt.ItemDataRole.UserRole + 1
"""A cell's person: (disc, name, name in the other script)."""
PILL = Qt.ItemDataRole.UserRole + 2
"""A cell's ``paint.Pill``."""
MUTED = Qt.ItemDataRole.UserRole + 3
"""True when a cell's text is second line."""


class RowDelegate(QStyledItemDelegate):
    """A text cell over a hairline; the whole row is filled when selected."""

    def __init__(self, parent: QWidget | None = None, *, row: int = ROW, tabular: bool = False) -> None:
        super().__init__(parent)
        self._row, self._tabular = row, tabular

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(px(64), px(self._row))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours = look(option.widget)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        box = QRectF(option.rect)
        if selected:
            painter.fillRect(option.rect, QColor(colours.selected))
        else:
            painter.fillRect(QRectF(box.left(), box.bottom() - 1, box.width(), 1), QColor(colours.line))
        self.paint_cell(painter, box.adjusted(0, 0, -px(8), 0), index, colours, selected)
        if option.state & QStyle.StateFlag.State_HasFocus and isinstance(option.widget, QTableView):
            self._paint_focus(painter, option, colours)

    def paint_cell(self, painter: QPainter, box: QRectF, index: Index, colours: Colours, selected: bool) -> None:
        """The cell's content; override for others than text."""
        text = index.data(Qt.ItemDataRole.DisplayRole)
        if not text:
            return
        align = index.data(Qt.ItemDataRole.TextAlignmentRole) or Qt.AlignmentFlag.AlignLeft
        ink = colours.muted if index.data(MUTED) else colours.text
        paint_text(painter, box, str(text), ink, "body", Qt.AlignmentFlag(align), tabular=self._tabular)

    @staticmethod
    def _paint_focus(painter: QPainter, option: QStyleOptionViewItem, colours: Colours) -> None:
        # The current row is where the keyboard stands: a bar at its left edge, visible on the selection too.
        painter.fillRect(QRectF(0, option.rect.top(), 2, option.rect.height()), QColor(colours.accent))


class NameDelegate(RowDelegate):
    """A person: disc, name, and the other script after it, dropped before the name is cut. ``inset``: from the table's left edge."""

    def __init__(self, parent: QWidget | None = None, *, row: int = ROW, inset: int = 24) -> None:
        super().__init__(parent, row=row)
        self._inset = inset

    def paint_cell(self, painter: QPainter, box: QRectF, index: Index, colours: Colours, selected: bool) -> None:
        person: tuple[str, str, str] | None = index.data(PERSON)
        if person is None:
            super().paint_cell(painter, box, index, colours, selected)
            return
        paint_person(painter, box.adjusted(px(self._inset), 0, 0, 0), person, colours, selected=selected)



def paint_person(painter: QPainter, box: QRectF, person: tuple[str, str, str], colours: Colours, *, selected: bool = False) -> None:
    """A person's disc (if there is one), name, and name in the other script."""
    disc, name, other = person
    if disc:
        size = px(28)
        paint_disc(painter, QRectF(box.left(), box.center().y() - size / 2, size, size), disc, colours, selected=selected)
        box = box.adjusted(px(38), 0, 0, 0)
    paint_name(painter, box, name, other, colours, strong=selected)


def paint_name(painter: QPainter, box: QRectF, name: str, other: str, colours: Colours, *, strong: bool = False) -> None:
    """A name on one line, or on two of 12/16 if it is long; never cut unless two lines are too few."""
    role = "strong" if strong else "body"
    room = box.width()
    width = metrics_of(role).horizontalAdvance(name)
    if width <= room:
        paint_text(painter, box, isolated(name), colours.text, role, elide=False)  # type: ignore[arg-type]
        rest = room - width - px(8)
        if other and metrics_of("body").horizontalAdvance(other) <= rest:
            paint_text(painter, box.adjusted(width + px(8), 0, 0, 0), isolated(other), colours.muted, elide=False)
        return
    metrics = metrics_of("caption")
    first, second = _two_lines(name, metrics, room)
    if not second:
        paint_text(painter, box, first, colours.text, "caption")
        return
    half = px(16)
    top = box.center().y() - half
    paint_text(painter, QRectF(box.left(), top, room, half), first, colours.text, "caption")
    paint_text(painter, QRectF(box.left(), top + half, room, half), second, colours.text, "caption")


def _two_lines(name: str, metrics: QFontMetricsF, room: float) -> tuple[str, str]:
    words = name.split(" ")
    first = words[0]
    number = 1
    while number < len(words) and metrics.horizontalAdvance(f"{first} {words[number]}") <= room:
        first = f"{first} {words[number]}"
        number += 1
    return first, " ".join(words[number:])


class PillDelegate(RowDelegate):
    """A status pill, or nothing."""

    def paint_cell(self, painter: QPainter, box: QRectF, index: Index, colours: Colours, selected: bool) -> None:
        pill: Pill | None = index.data(PILL)
        if pill is not None:
            paint_pill(painter, box, pill, colours)


def dress_table(view: QTableView, name: str, *, row: int = ROW) -> None:
    """A table in our look: rows of one height, no grid, whole rows chosen, smooth scrolling, named for readers."""
    view.setAccessibleName(name)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    view.setVerticalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setTabKeyNavigation(False)
    view.setItemDelegate(RowDelegate(view, row=row))
    across, down = view.horizontalHeader(), view.verticalHeader()
    down.hide()
    down.setSectionResizeMode(down.ResizeMode.Fixed)
    down.setDefaultSectionSize(px(row))
    down.setMinimumSectionSize(px(28))
    across.setFixedHeight(px(32))
    across.setFont(font_of("label"))
    across.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    across.setHighlightSections(False)
    across.setStretchLastSection(True)
    across.setAccessibleName(name)


