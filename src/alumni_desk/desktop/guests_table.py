"""A gathering's list as a table: guests of somebody indented under their host."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from alumni_desk.desktop.delegates import MUTED, PERSON, PILL, NameDelegate
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import Pill, tip
from alumni_desk.desktop.tokens import Colours
from alumni_desk.gatherings.kinds import answer_word
from alumni_desk.gatherings.lists import GuestRow
from alumni_desk.words import _

Index = QModelIndex | QPersistentModelIndex
PILLS = {"yes": ("check-circle", "ok"), "maybe": ("clock", "muted"), "no": ("x-circle", "muted"), "cancelled": ("x-circle", "muted"),
         "waitlisted": ("hourglass", "warn"), "invited": ("clock", "muted")}


AWAY = ("no", "cancelled")
"""Answers of people who need no badge."""


def standing(row: GuestRow, *, over: bool) -> Pill:
    """How a guest stands: whether they are here, else what they answered. ``over``: the gathering is; nobody is here any more."""
    if row.came and over:
        return Pill("door", _("Came"), "ok")
    if row.checked_in:
        return Pill("door", _("Here"), "ok")
    if row.came:
        return Pill("sign-out", _("Went out"), "muted")
    icon, tone = PILLS.get(row.status, ("clock", "muted"))
    return Pill(icon, answer_word(row.status), tone)  # type: ignore[arg-type]


class GuestsTable(QAbstractTableModel):
    """The rows that a segment shows."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[GuestRow] = []
        self.over = False

    def set_rows(self, rows: list[GuestRow]) -> None:
        """Show these."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 5

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (_("Name"), _("Class"), _("Answer"), _("Badge"), _("At the door"))[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[index.row()], index.column()
        if role == PERSON and column == 0:
            return ("", row.name, row.other_script_name or "")
        if role == PILL and column == 2:
            return standing(row, over=self.over)
        if role == MUTED:
            return (column == 3 and row.badge_printed) or (column == 1 and bool(row.host))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            door = _("walk-in") if row.walk_in else ""
            answer = standing(row, over=self.over).word if role == Qt.ItemDataRole.AccessibleTextRole else None
            return (row.name, row.class_tail or (_("guest") if row.host or row.standing == "guest" else ""), answer,
                    _("Printed") if row.badge_printed else "" if row.status in AWAY else _("Not yet"), door)[column]
        if role == Qt.ItemDataRole.ToolTipRole and column == 0 and row.host_name:
            return tip(_("Guest of {host}").format(host=row.host_name))
        return None


class GuestDelegate(NameDelegate):
    """A name; an elbow leads from the host to their guest."""

    def paint_cell(self, painter: QPainter, box: QRectF, index: Index, colours: Colours, selected: bool) -> None:
        row: GuestRow = index.model().rows[index.row()]  # type: ignore[attr-defined]
        if row.host:
            painter.setPen(QPen(QColor(colours.border), 1))
            left, middle = box.left() + px(33), box.center().y()
            painter.drawLine(int(left), int(box.top()), int(left), int(middle))
            painter.drawLine(int(left), int(middle), int(left + px(9)), int(middle))
            box = box.adjusted(px(24), 0, 0, 0)
        super().paint_cell(painter, box, index, colours, selected)
