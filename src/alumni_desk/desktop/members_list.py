"""The member list on screen. It paints its lines as a whole: to be asked for every cell, as Qt asks, costs more than the painting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap, QStaticText, QTransform
from PySide6.QtWidgets import QTableView, QWidget

from alumni_desk.desktop.dates import day_short
from alumni_desk.desktop.delegates import dress_table, paint_name
from alumni_desk.desktop.fonts import font_of, metrics_of, px, text_size
from alumni_desk.desktop.look import look
from alumni_desk.desktop.members_table import MembersTable, Shown, status_pill
from alumni_desk.desktop.paint import Pill, isolated, paint_disc, paint_pill, paint_text, pill_width
from alumni_desk.desktop.tokens import Colours, Role
from alumni_desk.members.lists import MemberRow
from alumni_desk.words import _

COMMONLY = 24
"""So many lines a window of common size shows."""
TEXTS, PICTURES = 1_000, 300
"""So many are kept: some 5 MB together."""
FIRST_MARK = "\u0300"
"""From here on Unicode has marks, and letters of scripts that take more than one font."""
ONE_LINE = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
WIDE = 10_000
"""The box of a text that is known to fit."""
EDGE = 1
"""Round edges may reach so far out of their box."""


class MembersList(QTableView):
    """A table view of ``MembersTable``: whole rows chosen, several with Shift and Ctrl."""

    def __init__(self, table: MembersTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table, self._words = table, _Words()
        self.setModel(table)
        self.setProperty("people", "true")
        dress_table(self, _("Members"))
        self.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        # Qt would lay it out after it is painted, and then paint it once more. Connected after the headers, which ask for it.
        table.modelReset.connect(self.executeDelayedItemsLayout)
        # It fills its whole ground itself: nothing that lies behind it has to be painted with it.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def lines_seen(self) -> int:
        """How many lines there is room for, those that are cut at either end included; before it is shown, as many as in a common window."""
        return max(COMMONLY, self.viewport().height() // self.verticalHeader().defaultSectionSize() + 2)

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self.viewport()) as painter:
            self._paint(painter, event.rect(), look(self))

    def _paint(self, painter: QPainter, area: QRect, colours: Colours) -> None:
        painter.fillRect(area, QColor(colours.bg))
        row, height = self.rowAt(area.top()), self.verticalHeader().defaultSectionSize()
        if row < 0:
            return
        columns = [(self.columnViewportPosition(one), self.columnWidth(one) - px(8)) for one in range(self._table.columnCount())]
        width = self.viewport().width()
        self._words.begin(columns, height, colours, self.devicePixelRatioF())
        focus = self.currentIndex().row() if self.hasFocus() or self.viewport().hasFocus() else -1
        chosen = self.selectionModel()
        some, last = chosen.hasSelection(), self._table.rowCount() - 1
        for top in range(self.rowViewportPosition(row), area.bottom() + 1, height):
            selected = some and chosen.isSelected(self._table.index(row, 0))
            if selected:
                painter.fillRect(0, top, width, height, QColor(colours.selected))
            else:
                painter.fillRect(0, top + height - 1, width, 1, QColor(colours.line))
            shown = self._table.shown_at(row)
            if shown is not None:
                self._words.paint(painter, top, shown, selected=selected)
            if row == focus:  # where the keyboard stands: a bar at the left edge, visible on the selection too
                painter.fillRect(0, top, 2, height, QColor(colours.accent))
            if row == last:
                break
            row += 1


class _Words:
    """What lines say, as it was last laid out: while somebody types most of it is wanted again."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, Role], tuple[QStaticText | None, float]] = {}
        self._pictures: dict[tuple[object, bool], QPixmap] = {}
        self._set: tuple[Any, ...] = ()
        self._columns: Sequence[tuple[int, int]] = ()

    def begin(self, columns: Sequence[tuple[int, int]], height: int, colours: Colours, dots: float) -> None:
        """``columns``: left edge and width of each. ``dots``: of the screen to a measured one."""
        self._columns, self._height, self._colours, self._dots = columns, height, colours, dots
        now = (height, text_size(), colours, dots)
        if now != self._set or len(self._texts) > TEXTS or len(self._pictures) > PICTURES:
            self._texts.clear()
            self._pictures.clear()
            self._set = now

    def paint(self, painter: QPainter, top: int, shown: Shown, *, selected: bool) -> None:
        row, colours = shown.row, self._colours
        (left, width), klass, city, seen, status = self._columns
        self._disc(painter, left + px(24), top, row.disc or " ", selected)
        self._name(painter, left + px(24 + 38), top, width - px(24 + 38), row, selected)
        self._text(painter, top, klass, row.class_label, colours.text)
        self._text(painter, top, city, row.city or "", colours.text)
        self._text(painter, top, seen, day_short(shown.seen.day) if shown.seen is not None else "", colours.muted)
        pill = status_pill(shown)
        if pill is not None:
            self._pill(painter, top, status, pill, selected)

    def _name(self, painter: QPainter, left: int, top: int, room: int, row: MemberRow, selected: bool) -> None:
        """As ``delegates.paint_name``, which is asked where one line is too short."""
        role: Role = "strong" if selected else "body"
        name, width = self._laid_out(row.name, role)
        if width > room:
            paint_name(painter, QRectF(left, top, room, self._height), row.name, row.other_script_name or "", self._colours, strong=selected)
            return
        self._draw(painter, left, top, row.name, name, role, self._colours.text)
        if row.other_script_name:
            other, needed = self._laid_out(row.other_script_name, "body")
            if needed <= room - width - px(8):
                self._draw(painter, left + width + px(8), top, row.other_script_name, other, "body", self._colours.muted)

    def _text(self, painter: QPainter, top: int, column: tuple[int, int], words: str, ink: str) -> None:
        if not words:
            return
        text, width = self._laid_out(words, "body")
        if width > column[1]:
            paint_text(painter, QRectF(column[0], top, column[1], self._height), words, ink)
        else:
            self._draw(painter, column[0], top, words, text, "body", ink)

    def _laid_out(self, words: str, role: Role) -> tuple[QStaticText | None, float]:
        """The text, and its width. Only Latin letters are kept laid out: of others Qt would not put every mark where it does else."""
        found = self._texts.get((words, role))
        if found is None:
            if max(words) < FIRST_MARK:
                text = QStaticText(words)
                text.setTextFormat(Qt.TextFormat.PlainText)
                text.prepare(QTransform(), font_of(role))
                found = (text, text.size().width())
            else:
                found = (None, metrics_of(role).horizontalAdvance(words))
            self._texts[words, role] = found
        return found

    def _draw(self, painter: QPainter, left: float, top: int, words: str, text: QStaticText | None, role: Role, ink: str) -> None:
        painter.setFont(font_of(role))
        painter.setPen(QColor(ink))
        if text is not None:
            painter.drawStaticText(QPointF(left, top + (self._height - text.size().height()) / 2), text)
        else:
            painter.drawText(QRectF(left, top, WIDE, self._height), ONE_LINE, isolated(words))

    def _disc(self, painter: QPainter, left: int, top: int, disc: str, selected: bool) -> None:
        self._copy(painter, left, top, px(28), (disc, selected), lambda on, box: paint_disc(on, box, disc, self._colours, selected=selected))

    def _pill(self, painter: QPainter, top: int, column: tuple[int, int], pill: Pill, selected: bool) -> None:
        width = pill_width(pill)
        if width > column[1]:
            paint_pill(painter, QRectF(column[0], top, column[1], self._height), pill, self._colours)
        else:
            self._copy(painter, column[0], top, width, (pill, selected), lambda on, box: paint_pill(on, box, pill, self._colours))

    def _copy(self, painter: QPainter, left: int, top: int, width: int, what: tuple[object, bool], paint: Callable[[QPainter, QRectF], object]) -> None:
        """Discs and pills are painted once and then copied."""
        if self._dots % 1:  # dots of the picture would not meet those of the screen
            paint(painter, QRectF(left, top, width, self._height))
            return
        picture = self._pictures.get(what)
        if picture is None:
            picture = self._pictures[what] = self._painted(width, self._colours.selected if what[1] else self._colours.bg, paint)
        painter.drawPixmap(left - EDGE, top, picture)

    def _painted(self, width: int, ground: str, paint: Callable[[QPainter, QRectF], object]) -> QPixmap:
        wide, high = width + 2 * EDGE, self._height - 1  # the hairline is not in it
        picture = QPixmap(round(wide * self._dots), round(high * self._dots))
        picture.setDevicePixelRatio(self._dots)
        picture.fill(QColor(ground))
        painter = QPainter(picture)
        paint(painter, QRectF(EDGE, 0, width, self._height))
        painter.end()
        return picture

