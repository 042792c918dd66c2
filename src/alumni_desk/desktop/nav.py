"""The list at the left of the window (and of Settings): icon, word, number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QFrame, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground, paint_ring, paint_text
from alumni_desk.desktop.tokens import SIDEBAR, SIDEBAR_FOLDED, Colours

Index = QModelIndex | QPersistentModelIndex
ICON = Qt.ItemDataRole.UserRole
COUNT = Qt.ItemDataRole.UserRole + 1
DUE = Qt.ItemDataRole.UserRole + 2
"""Whether its number is of what waits for somebody, and not of what there is."""


class Entry(NamedTuple):
    """One line: its key for the program, icon, word, and the keys that lead there."""

    key: str
    icon: str
    words: str
    keys: str = ""


class _Rows(QAbstractListModel):
    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__()
        self.entries = list(entries)
        self.counts: dict[str, str] = {}
        self.due: set[str] = set()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.entries)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entries[index.row()]
        count = self.counts.get(entry.key, "")
        answers = {
            Qt.ItemDataRole.DisplayRole: entry.words,
            ICON: entry.icon,
            COUNT: count,
            DUE: entry.key in self.due,
            Qt.ItemDataRole.ToolTipRole: f"{entry.words}{f' {count}' if entry.key in self.due and count else ''}  {entry.keys}".strip(),
            Qt.ItemDataRole.AccessibleTextRole: f"{entry.words} {count}".strip(),
        }
        return answers.get(Qt.ItemDataRole(role))


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(px(40), px(38))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        view = option.widget
        colours = look(view)
        box = QRectF(option.rect).adjusted(px(8), 1, -px(8), -1)
        on = bool(option.state & QStyle.StateFlag.State_Selected)
        if on:
            paint_ground(painter, box, colours.selected, 6)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            paint_ground(painter, box, colours.fill, 6)
        if on and isinstance(view, NavList) and view.hasFocus() and view.by_keyboard:
            paint_ring(painter, box, colours.accent, 6)
        folded = view.width() < px(100)
        size = px(18)
        left = box.center().x() - size / 2 if folded else box.left() + px(10)
        ink = colours.selected_text if on else colours.text
        mark = QRectF(left, box.center().y() - size / 2, size, size)
        paint_icon(painter, mark, index.data(ICON), colours.selected_text if on else colours.muted)
        count = index.data(COUNT)
        if folded:
            if count and index.data(DUE):
                _paint_due(painter, mark, colours, colours.selected if on else colours.side)
            return
        words = box.adjusted(px(38), 0, -px(10), 0)
        if count:
            paint_text(painter, words, count, ink if on else colours.muted, "small", Qt.AlignmentFlag.AlignRight)
        paint_text(painter, words, index.data(), ink, "strong" if on else "body")


def _paint_due(painter: QPainter, mark: QRectF, colours: Colours, ground: str) -> None:
    """Where there is no room for the number: a dot at the icon's corner."""
    size = px(8)
    dot = QRectF(mark.right() - size * 0.7, mark.top() - size * 0.3, size, size)
    paint_ground(painter, dot.adjusted(-2, -2, 2, 2), ground, size / 2 + 2)
    paint_ground(painter, dot, colours.accent, size / 2)


class NavList(QListView):
    """One entry is always chosen; ``chosen(key)`` when it is another one."""

    chosen = Signal(str)

    def __init__(self, name: str, entries: Sequence[Entry]) -> None:
        super().__init__()
        self.setObjectName("nav")
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.by_keyboard = False
        self.rows = _Rows(entries)
        self.setModel(self.rows)
        self.setItemDelegate(_Delegate(self))
        if entries:
            self.setCurrentIndex(self.rows.index(0))
        self.selectionModel().currentChanged.connect(lambda now, before: self.chosen.emit(self.rows.entries[now.row()].key))

    def choose(self, key: str) -> None:
        """Choose an entry by its key."""
        number = next((n for n, entry in enumerate(self.rows.entries) if entry.key == key), None)
        if number is not None:
            self.setCurrentIndex(self.rows.index(number))

    def set_count(self, key: str, count: str, *, due: bool = False) -> None:
        """The number beside an entry; empty for none. ``due``: of what waits for somebody, so that a folded list shows that there is something."""
        if due:
            self.rows.due.add(key)
        if self.rows.counts.get(key, "") != count:
            self.rows.counts[key] = count
            self.rows.dataChanged.emit(self.rows.index(0), self.rows.index(len(self.rows.entries) - 1))

    def focusInEvent(self, event: Any) -> None:
        self.by_keyboard = event.reason() not in (Qt.FocusReason.MouseFocusReason, Qt.FocusReason.ActiveWindowFocusReason,
                                                  Qt.FocusReason.OtherFocusReason)  # fmt: skip
        super().focusInEvent(event)

    def keyPressEvent(self, event: Any) -> None:
        self.by_keyboard = True
        super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(px(SIDEBAR), len(self.rows.entries) * px(38) + px(4))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(SIDEBAR_FOLDED), self.sizeHint().height())
