"""The member list on screen. It paints its lines as a whole: to be asked for every cell, as Qt asks, costs more than the painting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPixmap, QStaticText, QTransform
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

K = TypeVar("K")
V = TypeVar("V")
COMMONLY = 24
"""So many lines a window of common size shows."""
TEXTS, PICTURES = 2_000, 300
"""So many are kept: some 6 MB together."""
KEPT = 8 << 20
"""So many bytes of painted lines are kept, on a screen of finer dots so much more: three times what a common window shows."""
SPARE = 32
"""So much wider than the list is the sheet they are painted on."""
OTHERS = re.compile("[^\u0020-\u02ff\u1e00-\u1eff\u2010-\u201d]")
"""Marks, and letters of scripts that take more than one font."""
ONE_LINE = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
WIDE = 10_000
"""The box of a text that is known to fit."""
PLACE = QTransform()
LETTERS = "etaoinshrdlucmfwypvbgkqjxzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789áéíóúüöäñçšžčłńřøåßëè.-'’ "
"""Most names, cities and degrees are written in these."""
PARTS, BETWEEN = 6, 4
"""In so many steps all that is got ready; in so many places between two dots a letter is drawn."""
EDGE = 1
"""Round edges may reach so far out of their box."""


class MembersList(QTableView):
    """A table view of ``MembersTable``: whole rows chosen, several with Shift and Ctrl."""

    def __init__(self, table: MembersTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table, self._words = table, _Words()
        self._unready = [(LETTERS[part::PARTS], range(part, 100, PARTS)) for part in range(PARTS)]
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
        return self.viewport().height() // self.verticalHeader().defaultSectionSize() + 2 if self.isVisible() else COMMONLY

    def next_part(self) -> Callable[[], object] | None:
        """What gets some of what most lists show ready while nobody types; None when all of it is."""
        return partial(self._get_ready, *self._unready[0]) if self._unready else None

    def _get_ready(self, letters: str, years: Sequence[int]) -> None:
        del self._unready[0]
        self._set_look()
        self._words.get_ready(letters, [f"’{year:02}" for year in years])

    def lay_out(self, lines: Sequence[Shown]) -> None:
        """Get lines ready that may be wanted at the next key."""
        self._set_look()
        self._words.lay_out(lines)

    def _set_look(self) -> None:
        self._words.set_look(self.verticalHeader().defaultSectionSize(), look(self), self.devicePixelRatioF())

    def paintEvent(self, event: QPaintEvent) -> None:
        with QPainter(self.viewport()) as painter:
            self._paint(painter, event.rect(), look(self))

    def _paint(self, painter: QPainter, area: QRect, colours: Colours) -> None:
        row, height = self.rowAt(area.top()), self.verticalHeader().defaultSectionSize()
        if row < 0:
            painter.fillRect(area, QColor(colours.bg))
            return
        columns = [(self.columnViewportPosition(one), self.columnWidth(one) - px(8)) for one in range(self._table.columnCount())]
        self._words.begin(columns, self.viewport().width(), height, colours, self.devicePixelRatioF())
        focus = self.currentIndex().row() if self.hasFocus() or self.viewport().hasFocus() else -1
        chosen = self.selectionModel()
        some = chosen.hasSelection()
        top = self.rowViewportPosition(row)
        end = min(self._table.rowCount(), row + (area.bottom() - top) // height + 1)
        lines = [(self._table.shown_at(one), some and chosen.isSelected(self._table.index(one, 0))) for one in range(row, end)]
        self._words.paint(painter, top, lines)
        below = top + height * len(lines)
        if below <= area.bottom():
            painter.fillRect(area.left(), below, area.width(), area.bottom() + 1 - below, QColor(colours.bg))
        if row <= focus < end:  # where the keyboard stands: a bar at the left edge, visible on the selection too
            painter.fillRect(0, top + height * (focus - row), 2, height, QColor(colours.accent))


Line = tuple[Shown | None, bool]
"""What stands in a line, if it has come, and whether it is chosen."""
Key = tuple[str, bool]
"""Whose line, and whether it is chosen: quicker to look for than all that the line says."""


class _Text(NamedTuple):
    """A text, laid out if it is kept so, its width, and how far below the line's top it stands."""

    words: str
    laid_out: QStaticText | None
    width: float
    below: float


class _Words:
    """What lines say, as it was last laid out, and the lines themselves as they were painted: while somebody types most of it is wanted again."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, Role], _Text] = {}
        self._pictures: dict[tuple[object, bool], QPixmap] = {}
        self._sheet: QPixmap | None = None  # painted lines, one below the other
        self._room = 0  # so many lines fit on it
        self._places: dict[Key, tuple[int, Shown | None]] = {}  # where on the sheet and what, what was wanted last at the end
        self._free: list[int] = []  # places of what stands on the sheet in vain
        self._written: tuple[Role, str] | None = None  # the letters and the ink that the painter has
        self._set: tuple[Any, ...] = ()
        self._columns: Sequence[tuple[int, int]] = ()
        self._across: tuple[Sequence[tuple[int, int]], int] = ((), 0)

    def begin(self, columns: Sequence[tuple[int, int]], width: int, height: int, colours: Colours, dots: float) -> None:
        """``columns``: left edge and width of each. ``dots``: of the screen to a measured one."""
        self._columns, self._width = columns, width
        self.set_look(height, colours, dots)
        if self._sheet is None or self._across != (columns, width):
            self._across = (columns, width)
            self._places.clear()
            self._free.clear()
            self._sheet = self._sheet_for(width)

    def set_look(self, height: int, colours: Colours, dots: float) -> None:
        """What is kept of another look is forgotten."""
        self._height, self._colours, self._dots = height, colours, dots
        now = (height, text_size(), colours, dots)
        if now != self._set:
            self._set = now
            self._texts.clear()
            self._pictures.clear()
            self._inks = {ink: QColor(ink) for ink in (colours.text, colours.muted, colours.bg, colours.selected, colours.line)}
            self._left, self._after_disc, self._gap, self._disc_side = px(24), px(24 + 38), px(8), px(28)
            self._fonts: dict[Role, QFont] = {"body": font_of("body"), "strong": font_of("strong")}
            self._sheet = None

    def get_ready(self, letters: str, discs: Sequence[str]) -> None:
        """Draw letters and discs that nobody has seen yet: the first list would wait for each of them."""
        for letter in letters:
            text = self._laid_out(letter, "body")
            picture = QPixmap(round((text.width + 2) * self._dots), round(self._height * self._dots))
            picture.setDevicePixelRatio(self._dots)
            with QPainter(picture) as painter:
                self._begin_line()
                for part in range(BETWEEN):  # a letter is another picture where it stands between two dots
                    self._draw(painter, part / BETWEEN, 0, text, "body", self._colours.text)
        for disc in discs:
            self._disc_picture(disc, False)

    def lay_out(self, lines: Sequence[Shown]) -> None:
        """What lines say."""
        for shown in lines:
            row = shown.row
            for words in (row.name, row.other_script_name, row.class_label, row.city, day_short(shown.seen.day) if shown.seen is not None else ""):
                if words:
                    self._laid_out(words, "body")

    def _sheet_for(self, width: int) -> QPixmap | None:
        """The sheet there is, if it is wide enough: the scroll bar comes and goes, and to have new memory takes 2 ms."""
        if self._dots % 1:  # dots of a picture would not meet those of the screen
            return None
        if self._sheet is not None and self._sheet.width() >= width * self._dots:
            return self._sheet
        width += SPARE
        self._room = KEPT // (width * self._height * 4)
        if not self._room:
            return None
        sheet = QPixmap(round(width * self._dots), round(self._height * self._room * self._dots))
        sheet.setDevicePixelRatio(self._dots)
        return sheet

    def paint(self, painter: QPainter, top: int, lines: Sequence[Line]) -> None:
        """Lines, the first at ``top``: those that were painted before are copied."""
        keys = [(shown.row.id if shown is not None else "", chosen) for shown, chosen in lines]
        if self._sheet is None or len(set(keys)) > self._room:
            for number, line in enumerate(lines):
                self._begin_line()
                self._line(painter, top + number * self._height, line)
            return
        new: dict[Key, Line] = {}
        for key, line in zip(keys, lines, strict=True):
            kept = self._places.pop(key, None)
            if kept is not None and kept[1] == line[0]:
                self._places[key] = kept
            else:
                new[key] = line
                if kept is not None:  # it says something else now
                    self._free.append(kept[0])
        if new:
            self._paint_new(self._sheet, new)
        self._copy_lines(painter, self._sheet, top, [self._places[key][0] for key in keys])

    def _paint_new(self, sheet: QPixmap, new: Mapping[Key, Line]) -> None:
        with QPainter(sheet) as on_sheet:
            self._begin_line()
            for key, line in new.items():
                if self._free:
                    place = self._free.pop()
                else:
                    place = len(self._places) if len(self._places) < self._room else self._places.pop(next(iter(self._places)))[0]
                self._places[key] = place, line[0]
                on_sheet.setClipRect(0, place * self._height, self._width, self._height)
                self._line(on_sheet, place * self._height, line)

    def _copy_lines(self, painter: QPainter, sheet: QPixmap, top: int, places: Sequence[int]) -> None:
        """From the sheet to the screen; those that follow each other there as well in one go."""
        start = 0
        for end in range(1, len(places) + 1):
            if end == len(places) or places[end] != places[end - 1] + 1:
                painter.drawPixmap(QPointF(0, top + start * self._height), sheet, QRectF(
                    0, places[start] * self._height * self._dots, self._width * self._dots, (end - start) * self._height * self._dots))
                start = end

    def _begin_line(self) -> None:
        """The painter's letters and ink are not those of a text of ours."""
        self._written = None

    def _line(self, painter: QPainter, top: int, line: Line) -> None:
        shown, selected = line
        colours = self._colours
        painter.fillRect(0, top, self._width, self._height, self._inks[colours.selected if selected else colours.bg])
        if not selected:
            painter.fillRect(0, top + self._height - 1, self._width, 1, self._inks[colours.line])
        if shown is None:
            return
        row = shown.row
        (left, width), klass, city, seen, status = self._columns
        self._disc(painter, left + self._left, top, row.disc or " ", selected)
        self._name(painter, left + self._after_disc, top, width - self._after_disc, row, selected)
        self._text(painter, top, klass, row.class_label, colours.text)
        self._text(painter, top, city, row.city or "", colours.text)
        if shown.seen is not None:
            self._text(painter, top, seen, day_short(shown.seen.day), colours.muted)
        pill = status_pill(shown)
        if pill is not None:
            self._pill(painter, top, status, pill, selected)

    def _name(self, painter: QPainter, left: int, top: int, room: int, row: MemberRow, selected: bool) -> None:
        """As ``delegates.paint_name``, which is asked where one line is too short."""
        role: Role = "strong" if selected else "body"
        name = self._laid_out(row.name, role)
        if name.width > room:
            paint_name(painter, QRectF(left, top, room, self._height), row.name, row.other_script_name or "", self._colours, strong=selected)
            self._begin_line()
            return
        self._draw(painter, left, top, name, role, self._colours.text)
        if row.other_script_name:
            other = self._laid_out(row.other_script_name, "body")
            if other.width <= room - name.width - self._gap:
                self._draw(painter, left + name.width + self._gap, top, other, "body", self._colours.muted)

    def _text(self, painter: QPainter, top: int, column: tuple[int, int], words: str, ink: str) -> None:
        if not words:
            return
        text = self._laid_out(words, "body")
        if text.width > column[1]:
            paint_text(painter, QRectF(column[0], top, column[1], self._height), words, ink)
            self._begin_line()
        else:
            self._draw(painter, column[0], top, text, "body", ink)

    def _laid_out(self, words: str, role: Role) -> _Text:
        """Only Latin letters are kept laid out: of others Qt would not put every mark where it does else."""
        found = self._texts.pop((words, role), None)
        if found is None:
            if OTHERS.search(words) is None:
                text = QStaticText(words)
                text.setTextFormat(Qt.TextFormat.PlainText)
                text.prepare(PLACE, self._fonts[role])
                size = text.size()
                found = _Text(words, text, size.width(), (self._height - size.height()) / 2)
            else:
                found = _Text(words, None, metrics_of(role).horizontalAdvance(words), 0)
        _keep(self._texts, (words, role), found, TEXTS)  # what was wanted last stays longest
        return found

    def _draw(self, painter: QPainter, left: float, top: int, text: _Text, role: Role, ink: str) -> None:
        if self._written != (role, ink):
            self._written = role, ink
            painter.setFont(self._fonts[role])
            painter.setPen(self._inks[ink])
        if text.laid_out is not None:
            painter.drawStaticText(QPointF(left, top + text.below), text.laid_out)
        else:
            painter.drawText(QRectF(left, top, WIDE, self._height), ONE_LINE, isolated(text.words))

    def _disc(self, painter: QPainter, left: int, top: int, disc: str, selected: bool) -> None:
        self._copy(painter, left, top, self._disc_side, (disc, selected), partial(self._paint_disc, disc, selected))

    def _disc_picture(self, disc: str, selected: bool) -> None:
        if not self._dots % 1:
            self._picture(self._disc_side, (disc, selected), partial(self._paint_disc, disc, selected))

    def _paint_disc(self, disc: str, selected: bool, painter: QPainter, box: QRectF) -> None:
        paint_disc(painter, box, disc, self._colours, selected=selected)

    def _pill(self, painter: QPainter, top: int, column: tuple[int, int], pill: Pill, selected: bool) -> None:
        width = pill_width(pill)
        if width > column[1]:
            paint_pill(painter, QRectF(column[0], top, column[1], self._height), pill, self._colours)
            self._begin_line()
        else:
            self._copy(painter, column[0], top, width, (pill, selected), lambda on, box: paint_pill(on, box, pill, self._colours))

    def _copy(self, painter: QPainter, left: int, top: int, width: int, what: tuple[object, bool], paint: Callable[[QPainter, QRectF], object]) -> None:
        """Discs and pills are painted once and then copied."""
        if self._dots % 1:  # dots of the picture would not meet those of the screen
            paint(painter, QRectF(left, top, width, self._height))
            self._begin_line()
            return
        painter.drawPixmap(left - EDGE, top, self._picture(width, what, paint))

    def _picture(self, width: int, what: tuple[object, bool], paint: Callable[[QPainter, QRectF], object]) -> QPixmap:
        picture = self._pictures.get(what)
        if picture is None:
            picture = self._painted(width, self._colours.selected if what[1] else self._colours.bg, paint)
            _keep(self._pictures, what, picture, PICTURES)
        return picture

    def _painted(self, width: int, ground: str, paint: Callable[[QPainter, QRectF], object]) -> QPixmap:
        wide, high = width + 2 * EDGE, self._height - 1  # the hairline is not in it
        picture = QPixmap(round(wide * self._dots), round(high * self._dots))
        picture.setDevicePixelRatio(self._dots)
        picture.fill(QColor(ground))
        painter = QPainter(picture)
        paint(painter, QRectF(EDGE, 0, width, self._height))
        painter.end()
        return picture


def _keep(kept: dict[K, V], key: K, value: V, most: int) -> None:
    """Put something where at most so many are kept; what came first makes room. One at a time: to forget all takes 2 ms, and all would be wanted again."""
    if len(kept) >= most:
        del kept[next(iter(kept))]
    kept[key] = value
