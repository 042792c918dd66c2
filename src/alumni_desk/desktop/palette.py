"""Ctrl+K: anyone and anything by a few letters. A field over a list of people, gatherings, pages and everything that can be done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QObject, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import QDialog, QListView, QSizePolicy, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QVBoxLayout, QWidget
from shiboken6 import isValid

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import WINDOW, Field, Label, hairline, shortcut
from alumni_desk.desktop.dates import day_long, parse_wall
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.delegates import paint_name
from alumni_desk.desktop.fonts import metrics_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_disc, paint_ground, paint_text, tip
from alumni_desk.desktop.sheet import Dim
from alumni_desk.desktop.tokens import Colours
from alumni_desk.gatherings.lists import FoundGathering, find_gatherings
from alumni_desk.members.lists import MemberRow, best_members, rows_of
from alumni_desk.store.desk import Desk
from alumni_desk.store.search import words
from alumni_desk.words import _

Index = QModelIndex | QPersistentModelIndex
RECENT = "palette_recent"
PEOPLE, GATHERINGS, REMEMBERED = 6, 4, 5
WIDTH, ROW, CAPTION = 560, 40, 28


@dataclass(frozen=True)
class Choice:
    """A line that can be chosen. ``key``: what is remembered of it, without a name; empty: nothing is."""

    key: str
    words: str
    act: Callable[[], Any]
    icon: str = ""
    disc: str = ""
    other: str = ""  # the name in another script
    note: str = ""
    keys: str = ""


Line = str | Choice
"""A heading, or something to choose."""


@dataclass(frozen=True)
class Known:
    """What was found in the chapter."""

    query: str
    people: list[MemberRow]
    close: bool
    gatherings: list[FoundGathering]


def look_up(desk: Desk, query: str, recent: Sequence[str]) -> Known:
    """People and gatherings that a text means; without one those that were opened lately."""
    if not query.strip():
        ids = [one.partition(":")[2] for one in recent if one.startswith("member:")]
        held = {one.id: one for one in find_gatherings(desk, "")}
        return Known(query, rows_of(desk, ids), False, [held[one.partition(":")[2]] for one in recent if one.partition(":")[2] in held])
    found = best_members(desk, query, PEOPLE)
    return Known(query, rows_of(desk, found.ids), found.close, find_gatherings(desk, query)[:GATHERINGS])


class Palette(QDialog):
    """The field and the list. Everything by keys: type, arrows, Enter; Esc closes."""

    def __init__(self, window: QWidget, desk: Desk, lanes: Lanes, go: Callable[..., None], deeds: Sequence[Deed]) -> None:
        super().__init__(window, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("sheet")
        self.setWindowTitle(_("Find anyone or anything"))
        self.setAccessibleName(_("Find anyone or anything"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._desk, self._lanes, self._go = desk, lanes, go
        can = [deed for deed in deeds if deed.can()]
        asking = [deed for deed in can if deed.asks is not None]
        self._deeds = [deed for deed in can if deed.asks is None]
        self._recent: list[str] = []
        self._dim = Dim(window)
        shortcut("Ctrl+Q", self, window.close, WINDOW).setAutoRepeat(False)
        self._build()
        self._known: Known | None = None  # the list stands for nothing yet
        self._enter = False
        # By itself: whoever types before it came still has a memory of what was chosen lately.
        self._lanes.read(lambda: (list(desk.setting(RECENT) or []), [one.key for one in asking if one.asks is not None and not one.asks()]),
                         lambda both: self._begun(both[0], [deed for deed in can if deed.key not in both[1]]), key="palette.recent")

    def _build(self) -> None:
        self.setFixedWidth(px(WIDTH))
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.setSpacing(0)
        top = QVBoxLayout()
        top.setContentsMargins(px(12), px(12), px(12), px(12))
        self.field = Field(_("Find anyone or anything"), _("A name, a gathering, a page, or what you want to do"), icon="magnifying-glass", height=40)
        self.field.textChanged.connect(self._typed)
        self.field.installEventFilter(self)
        top.addWidget(self.field)
        column.addLayout(top)
        column.addWidget(hairline())
        self.lines = _Lines()
        self.list = _WholeRows()
        self.list.setObjectName("palette")
        self.list.setAccessibleName(_("What was found"))
        self.list.setFrameShape(QListView.Shape.NoFrame)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setModel(self.lines)
        self.list.setItemDelegate(_Delegate(self.list))
        self.list.clicked.connect(lambda index: self._choose(index.row()))
        column.addWidget(self.list, 1)
        self.nothing = Label("", "body", "muted", wrap=True)
        self.nothing.setContentsMargins(px(24), px(16), px(24), px(16))
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.nothing.hide()
        column.addWidget(self.nothing, 1)
        column.addWidget(hairline())
        foot = Label(_("↑ ↓ to choose · Enter to open · Esc to close"), "caption", "muted")
        foot.setContentsMargins(px(24), px(8), px(24), px(8))
        foot.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        column.addWidget(foot)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._dim.cover()
        owner = self.parentWidget()
        if owner is not None:
            inside = owner.window().geometry()
            self.setFixedHeight(min(px(520), inside.height() - px(80)))
            self.move(inside.center().x() - self.width() // 2, inside.top() + px(64))
        self.field.setFocus()

    def done(self, result: int) -> None:
        self._dim.hide()
        self._dim.deleteLater()
        super().done(result)

    # -- what is offered

    def _begun(self, recent: list[str], deeds: list[Deed]) -> None:
        self._recent, self._deeds = recent, deeds
        if not self.field.text():
            self._typed("")

    def _typed(self, text: str) -> None:
        self._enter = False  # it was meant for what stood there before
        self._lanes.read(lambda: look_up(self._desk, text, self._recent), self._found, key="palette")

    def look_anew(self) -> None:
        """Others changed something: whoever was erased stands here no longer."""
        from alumni_desk.store.erasing import erased_of

        shown = [row.id for row in self._known.people] if isValid(self) and self._known is not None else []

        def read() -> bool:
            with self._desk.asking() as connection:
                return bool(erased_of(connection, shown))

        if shown:
            self._lanes.read(read, lambda erased: self._look_again() if erased and isValid(self) else None)

    def _look_again(self) -> None:
        text, chosen = self.field.text(), self.lines.choice(self.list.currentIndex().row())

        def found(known: Known) -> None:
            self._found(known)
            before = (chosen.key, chosen.words) if chosen else None
            same = (row for row in range(self.lines.rowCount()) if (one := self.lines.choice(row)) and (one.key, one.words) == before)
            self.list.setCurrentIndex(self.lines.index(next(same, -1)))  # whoever was chosen, and nobody else in their place

        self._lanes.read(lambda: look_up(self._desk, text, self._recent), found, key="palette")

    def _found(self, known: Known) -> None:
        self._known = known
        self._show()
        if self._enter:
            self._choose(self.list.currentIndex().row())

    def _show(self) -> None:
        query = self._known.query if self._known is not None else ""
        lines = list(self._of_query(query) if query.strip() else self._of_nothing())
        self.lines.set_lines(lines)
        self.list.fit()
        self.list.setVisible(bool(lines))
        self.nothing.setVisible(not lines)
        self.nothing.setText(_("Nothing is called “{query}”. Try fewer letters.").format(query=query.strip()))
        first = self.lines.next(-1, 1)
        if first >= 0:
            self.list.setCurrentIndex(self.lines.index(first))
            self.list.scrollToTop()

    def _of_nothing(self) -> Iterator[Line]:
        """What was chosen lately, then everything there is to do."""
        by_key = {one.key: one for one in (*self._people(), *self._gatherings(), *self._doable(self._deeds))}
        lately = [by_key[key] for key in self._recent if key in by_key]
        if lately:
            yield _("Lately")
            yield from lately
        pages, rest = self._parted([one for one in self._deeds if one.key])
        yield _("Go to")
        yield from self._doable(pages)
        if rest:
            yield _("Do")
            yield from self._doable(rest)

    def _of_query(self, query: str) -> Iterator[Line]:
        asked = words(query)
        fits = [deed for deed in self._deeds if asked and _fits(asked, f"{deed.words} {deed.also}")]
        # What is called just so comes before people who are called alike.
        meant = [deed for deed in fits if _meant(asked, deed.words)]
        people, gatherings = list(self._people()), list(self._gatherings())
        parts: list[tuple[str, list[Choice]]] = [(_("People"), people), (_("Gatherings"), gatherings)]
        close = self._known is not None and self._known.close
        if close:
            parts = [(_("Gatherings"), gatherings), (_("People spelled nearly so"), people)]
        # People come first; those who are only spelled nearly so come after what says the very word, and before what merely is meant by it.
        named = [deed for deed in fits if close and deed not in meant and _fits(asked, deed.words)]
        parts = [*self._parts_of(named), *parts, *self._parts_of([deed for deed in fits if deed not in meant and deed not in named])]
        for heading, choices in [(_("Just so"), list(self._doable(meant))), *parts]:
            if choices:
                yield heading
                yield from choices

    def _people(self) -> Iterator[Choice]:
        for row in self._known.people if self._known is not None else ():
            note = " · ".join(part for part in (row.class_label, row.city or "") if part)
            yield Choice(f"member:{row.id}", row.name, lambda row=row: self._go("members", member=row.id),  # type: ignore[misc]
                         disc=row.disc or " ", other=row.other_script_name or "", note=note)

    def _gatherings(self) -> Iterator[Choice]:
        for one in self._known.gatherings if self._known is not None else ():
            starts = parse_wall(one.starts)
            yield Choice(f"gathering:{one.id}", one.name, lambda one=one: self._go("gatherings", gathering=one.id),  # type: ignore[misc]
                         icon="calendar-blank", note=_("cancelled") if one.cancelled else day_long(starts.date()) if starts else "")

    @staticmethod
    def _doable(deeds: Sequence[Deed]) -> Iterator[Choice]:
        for deed in deeds:
            yield Choice(deed.key, deed.words, deed.act, icon=deed.icon, keys=deed.keys)

    def _parts_of(self, deeds: Sequence[Deed]) -> list[tuple[str, list[Choice]]]:
        pages, rest = self._parted(deeds)
        return [(_("Go to"), list(self._doable(pages))), (_("Do"), list(self._doable(rest)))]

    @staticmethod
    def _parted(deeds: Sequence[Deed]) -> tuple[list[Deed], list[Deed]]:
        return [one for one in deeds if one.key.startswith("page:")], [one for one in deeds if not one.key.startswith("page:")]

    # -- choosing

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 8, Qt.Key.Key_PageUp: -8, Qt.Key.Key_Tab: 1, Qt.Key.Key_Backtab: -1}
            key = Qt.Key(event.key())
            if key in steps:
                self._step(steps[key])
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._enter = self._known is None or self._known.query != self.field.text()  # what was typed last is still being looked up
                if not self._enter:
                    self._choose(self.list.currentIndex().row())
                return True
        return False

    def _step(self, step: int) -> None:
        row = self.list.currentIndex().row()
        for _turn in range(abs(step)):
            row = self.lines.next(row, 1 if step > 0 else -1)
        self.list.setCurrentIndex(self.lines.index(row))
        if row == self.lines.next(-1, 1):
            self.list.scrollToTop()  # its heading with it

    def _choose(self, row: int) -> None:
        choice = self.lines.choice(row)
        if choice is None:
            return
        if choice.key:
            recent = [choice.key, *(one for one in self._recent if one != choice.key)][:REMEMBERED]
            self._lanes.write(lambda: self._desk.set_setting(RECENT, recent))
        self.accept()
        choice.act()


def _fits(asked: Sequence[str], text: str) -> bool:
    """Whether it is called so, or may be looked for so. A letter more does no harm: “backups” finds what speaks of a backup."""
    there = words(text)
    return all(any(word.startswith(one) or (len(word) >= 4 and word == one[:-1]) for word in there) for one in asked)


def _meant(asked: Sequence[str], text: str) -> bool:
    """Whether it is called just so: by its first word, or by more of them, the last one perhaps begun only."""
    there, last = words(text), len(asked) - 1
    return there[:1] == list(asked) if last == 0 else there[:last] == list(asked[:last]) and len(there) > last and there[last].startswith(asked[last])


class _Lines(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Line] = []

    def set_lines(self, lines: list[Line]) -> None:
        self.beginResetModel()
        self._lines = lines
        self.endResetModel()

    def line(self, row: int) -> Line:
        return self._lines[row]

    def choice(self, row: int) -> Choice | None:
        line = self._lines[row] if 0 <= row < len(self._lines) else ""
        return line if isinstance(line, Choice) else None

    def next(self, row: int, step: int) -> int:
        """The next line that can be chosen, from the last to the first and back; -1 if there is none."""
        for _turn in range(len(self._lines)):
            row = (row + step) % len(self._lines)
            if isinstance(self._lines[row], Choice):
                return row
        return -1

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._lines)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if self.choice(index.row()) is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        line = self._lines[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return line if isinstance(line, str) else line.words
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return line if isinstance(line, str) else ", ".join(part for part in (line.words, line.other, line.note, line.keys) if part)
        if role == Qt.ItemDataRole.ToolTipRole and isinstance(line, Choice):
            return tip(line.words)
        return None


class _WholeRows(QListView):
    """A list whose last row is never cut: what room is left below it stays empty."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """End below the last row that is whole, as the list is seen from its beginning."""
        used, room, lines = 0, self.height(), self.model()
        for row in range(lines.rowCount() if lines is not None else 0):
            height = self.sizeHintForIndex(lines.index(row, 0)).height()
            if used and used + height > room:
                break
            used += height
        else:
            used = room
        if self.viewportMargins().bottom() != (below := max(0, room - used)):
            self.setViewportMargins(0, 0, 0, below)


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        lines = index.model()
        return QSize(px(64), px(CAPTION if isinstance(lines, _Lines) and isinstance(lines.line(index.row()), str) else ROW))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        lines, colours = index.model(), look(option.widget)
        if not isinstance(lines, _Lines):
            return
        line, box = lines.line(index.row()), QRectF(option.rect)
        if isinstance(line, str):
            paint_text(painter, box.adjusted(px(24), px(6), -px(24), 0), line, colours.muted, "caption")
            return
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        ground = box.adjusted(px(12), 0, -px(12), 0)
        if selected:
            paint_ground(painter, ground, colours.selected, 6)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            paint_ground(painter, ground, colours.fill, 6)
        self._paint_choice(painter, ground.adjusted(px(12), 0, -px(12), 0), line, colours, selected)

    @staticmethod
    def _paint_choice(painter: QPainter, box: QRectF, line: Choice, colours: Colours, selected: bool) -> None:
        size = px(28) if line.disc else px(18)
        mark = QRectF(box.left() + (px(28) - size) / 2, box.center().y() - size / 2, size, size)
        if line.disc:
            paint_disc(painter, mark, line.disc, colours, selected=selected)
        else:
            paint_icon(painter, mark, line.icon, colours.selected_text if selected else colours.muted)
        box = box.adjusted(px(38), 0, 0, 0)
        right = line.keys or line.note
        if right:
            room = min(metrics_of("small").horizontalAdvance(right) + 1, box.width() / 2)
            paint_text(painter, QRectF(box.right() - room, box.top(), room, box.height()), right, colours.muted, "small", Qt.AlignmentFlag.AlignRight)
            box = box.adjusted(0, 0, -room - px(12), 0)
        paint_name(painter, box, line.words, line.other, colours, strong=selected)
