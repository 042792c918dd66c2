"""The member list on screen. It paints its lines as a whole: to be asked for every cell, as Qt asks, costs more than the painting."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QTableView, QWidget

from alumni_desk.desktop.dates import day_short
from alumni_desk.desktop.delegates import dress_table, paint_person
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.members_table import MembersTable, Shown, status_pill
from alumni_desk.desktop.paint import paint_pill, paint_text
from alumni_desk.desktop.tokens import Colours
from alumni_desk.words import _


class MembersList(QTableView):
    """A table view of ``MembersTable``: whole rows chosen, several with Shift and Ctrl."""

    def __init__(self, table: MembersTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = table
        self.setModel(table)
        self.setProperty("people", "true")
        dress_table(self, _("Members"))
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        # It fills its whole ground itself: nothing that lies behind it has to be painted with it.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def reset(self) -> None:
        super().reset()
        self.executeDelayedItemsLayout()  # Qt would lay it out after it is painted, and then paint it once more

    def lines_seen(self) -> int:
        """How many lines there is room for, those that are cut at either end included."""
        return self.viewport().height() // self.verticalHeader().defaultSectionSize() + 2

    def paintEvent(self, event: QPaintEvent) -> None:
        area, colours = event.rect(), look(self)
        painter = QPainter(self.viewport())
        painter.fillRect(area, QColor(colours.bg))
        row = self.rowAt(area.top())
        if row < 0:
            return
        columns = [(self.columnViewportPosition(one), self.columnWidth(one) - px(8)) for one in range(self._table.columnCount())]
        width, height = columns[-1][0] + columns[-1][1] + px(8), self.verticalHeader().defaultSectionSize()
        focus = self.currentIndex().row() if self.hasFocus() or self.viewport().hasFocus() else -1
        chosen, index = self.selectionModel(), self._table.index
        some = chosen.hasSelection()
        for top in range(self.rowViewportPosition(row), area.bottom() + 1, height):
            if row >= self._table.rowCount():
                break
            selected = some and chosen.isSelected(index(row, 0))
            if selected:
                painter.fillRect(QRectF(0, top, width, height), QColor(colours.selected))
            else:
                painter.fillRect(QRectF(0, top + height - 1, width, 1), QColor(colours.line))
            shown = self._table.shown_at(row)
            if shown is not None:
                _paint_line(painter, [QRectF(left, top, wide, height) for left, wide in columns], shown, colours, selected=selected)
            if row == focus:  # where the keyboard stands: a bar at the left edge, visible on the selection too
                painter.fillRect(QRectF(0, top, 2, height), QColor(colours.accent))
            row += 1


def _paint_line(painter: QPainter, boxes: list[QRectF], shown: Shown, colours: Colours, *, selected: bool) -> None:
    row, (name, klass, city, seen, status) = shown.row, boxes
    paint_person(painter, name.adjusted(px(24), 0, 0, 0), (row.disc or " ", row.name, row.other_script_name or ""), colours, selected=selected)
    if row.class_label:
        paint_text(painter, klass, row.class_label, colours.text)
    if row.city:
        paint_text(painter, city, row.city, colours.text)
    if shown.seen is not None:
        paint_text(painter, seen, day_short(shown.seen.day), colours.muted)
    pill = status_pill(shown)
    if pill is not None:
        paint_pill(painter, status, pill, colours)
