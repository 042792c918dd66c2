"""The lines of Activity: every action under its day."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.activity_words import day_words, reason_of
from alumni_desk.desktop.dates import local
from alumni_desk.desktop.deeds import second_line
from alumni_desk.desktop.paint import tip
from alumni_desk.segments.activity import Deed

Index = QModelIndex | QPersistentModelIndex
DEED = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class Line:
    """A line of the list: a day, or an action."""

    day: str = ""
    deed: Deed | None = None


class Lines(QAbstractListModel):
    """The actions under their days."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._lines: list[Line] = []

    def take(self, found: list[Deed]) -> None:
        """Show these."""
        self.beginResetModel()
        self._lines = []
        day = None
        for one in found:
            its_day = local(one.at).date()
            if its_day != day:
                day = its_day
                self._lines.append(Line(day=day_words(day)))
            self._lines.append(Line(deed=one))
        self.endResetModel()

    def put(self, deed: Deed) -> bool:
        """An action as it is known now; whether that is news."""
        row = self.row_of(deed.id)
        if row < 0 or self._lines[row].deed == deed:
            return False
        self._lines[row] = Line(deed=deed)
        self.dataChanged.emit(self.index(row, 0), self.index(row, 0))
        return True

    def row_of(self, action: str | None) -> int:
        """Where an action stands; -1 if it is not shown."""
        return next((n for n, line in enumerate(self._lines) if line.deed is not None and line.deed.id == action), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        line = self._lines[index.row()]
        if role == DEED:
            return line.deed
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if line.deed is None:
                return line.day
            return " · ".join(part for part in (f"{local(line.deed.at):%H:%M}", line.deed.what, second_line(line.deed), reason_of(line.deed)[0]) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(line.deed.what) if line.deed is not None else None
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if self._lines[index.row()].deed is None:
            return Qt.ItemFlag.NoItemFlags  # a day is no action: neither a click nor an arrow key stops there
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
