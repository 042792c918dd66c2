"""Choosing members for a gathering's list: find, tick, add."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Field, Label, Segments, paint_tick, shortcut
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import isolated, paint_ground, paint_ring, paint_text, tip
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.errors import NotFound
from alumni_desk.members.lists import MemberRow, member_rows, rows_of
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erased_of
from alumni_desk.words import _, ngettext, number

MOST = 300
ROW = 32

Index = QModelIndex | QPersistentModelIndex


class GuestPicker(Sheet):
    """``done_clicked`` when those ticked shall be added; ``chosen`` has their ids, ``status`` what they said."""

    def __init__(self, parent: QWidget | None, desk: Desk, lanes: Lanes, there: set[str]) -> None:
        super().__init__(parent, _("Add guests"), _("Add"))
        self._desk, self._lanes = desk, lanes
        self._answered: str | None = None  # what the list answers
        self._enter = False
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(px(24), px(20), px(24), px(20))
        column.setSpacing(px(12))
        self.search = Field(_("Find members"), _("Find by name, class or city"), icon="magnifying-glass")
        self.search.textChanged.connect(self._look)
        self.search.returnPressed.connect(self._tick_first)
        column.addWidget(self.search)
        self.model = Candidates(there, self)
        self.model.ticked_changed.connect(self._say)
        self.list = _List()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Line(self.list))
        self.list.setAccessibleName(_("Members found"))
        self.list.clicked.connect(self.model.turn)
        for key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            shortcut(key, self.list, lambda: self.model.turn(self.list.currentIndex()))
        column.addWidget(self.list, 1)
        self.picked = Label("", "small", "muted", wrap=True)
        column.addWidget(self.picked)
        self.answer = Segments(_("What they said"), [("invited", _("Invited")), ("yes", _("They said yes"))], "invited")
        column.addWidget(self.answer, 0, Qt.AlignmentFlag.AlignLeft)
        self.set_middle(middle)
        self._say()
        self._look("")
        self.search.setFocus()

    def chosen(self) -> list[str]:
        """Ids of those ticked, in the order of ticking."""
        return list(self.model.ticked)

    def changed_by_hand(self) -> bool:
        return bool(self.chosen())

    def status(self) -> str:
        """invited: nobody has answered yet; yes: they come."""
        return self.answer.on()

    def set_busy(self, words: str) -> None:
        super().set_busy(words)
        self.model.fixed = bool(words)  # a tick that came later would not be added any more

    def complain(self, error: Exception) -> None:
        """Whoever was removed since they were ticked is ticked no longer, so that the others can be added."""
        if not isinstance(error, NotFound) or error.code != "member_not_found":
            super().complain(error)
            return
        chosen = self.chosen()
        self._lanes.read(lambda: rows_of(self._desk, chosen), lambda here: self._let_go({row.id for row in here}, error), super().complain)

    def _let_go(self, here: set[str], error: Exception) -> None:
        gone = [one for one in self.chosen() if one not in here]
        if not gone:
            super().complain(error)
            return
        for one in gone:
            del self.model.ticked[one]
        self.tell(ngettext("{n} of those ticked is not here any more and was let go. Nobody was added yet.",
                           "{n} of those ticked are not here any more and were let go. Nobody was added yet.", len(gone)).format(n=number(len(gone))), "danger")
        self._say()
        self._look(self.search.text())

    def _look(self, text: str) -> None:
        self._enter = False  # it was meant for what stood there before
        self._lanes.read(lambda: (text, member_rows(self._desk, text, MOST, "best" if text.strip() else "name")), self._found, key="picker")

    def look_anew(self) -> None:
        """Others changed something: whoever was erased stands here no longer, nor stays ticked."""
        text, ticked = self.search.text(), self.chosen()

        def read() -> tuple[set[str], tuple[str, list[MemberRow]]]:
            with self._desk.asking() as connection:
                erased = set(erased_of(connection, ticked)) if ticked else set()
            return erased, (text, member_rows(self._desk, text, MOST, "best" if text.strip() else "name"))

        self._lanes.read(read, self._found_anew)

    def _found_anew(self, read: tuple[set[str], tuple[str, list[MemberRow]]]) -> None:
        erased, both = read
        for one in erased:
            self.model.ticked.pop(one, None)
        if erased:
            self._say()
        if both[0] == self.search.text():  # else what was typed since is being looked up
            self._found(both)

    def _found(self, both: tuple[str, list[MemberRow]]) -> None:
        self._answered, rows = both
        self.model.show(rows)
        if self._enter:
            self._tick_first()

    def _tick_first(self) -> None:
        self._enter = self._answered != self.search.text()  # what was typed last is still being looked up
        if self._enter:
            return
        first = self.model.first_free()
        if first is not None and self.search.text().strip():
            self.model.turn(first)
            self.search.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Enter in the find field ticks; only the button adds.
        if self.search.hasFocus() and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return
        super().keyPressEvent(event)

    def _say(self) -> None:
        count = len(self.model.ticked)
        names = ", ".join(list(self.model.ticked.values())[:6])
        self.picked.setText(_("Type a name; Enter ticks the first. Nobody is ticked yet.") if not count else
                            f"{names} …" if count > 6 else names)
        self.done_button.setEnabled(bool(count))
        self.done_button.set_words(ngettext("Add {n} guest", "Add {n} guests", count).format(n=number(count)) if count else _("Add"))


class Candidates(QAbstractListModel):
    """Members who fit, with a tick each; who is on the list already has none."""

    ticked_changed = Signal()

    def __init__(self, there: set[str], parent: QWidget) -> None:
        super().__init__(parent)
        self._there = there
        self._rows: list[MemberRow] = []
        self.ticked: dict[str, str] = {}
        self.fixed = False  # those ticked are being added

    def show(self, rows: list[MemberRow]) -> None:
        """Show these; ticks of others stay."""
        if rows == self._rows:
            return  # it stays where it was scrolled
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def row(self, index: Index) -> MemberRow:
        return self._rows[index.row()]

    def is_there(self, index: Index) -> bool:
        """Whether they are on the list already."""
        return self.row(index).id in self._there

    def first_free(self) -> QModelIndex | None:
        """The first who can be ticked."""
        return next((self.index(n) for n, row in enumerate(self._rows) if row.id not in self._there), None)

    def turn(self, index: Index) -> None:
        """Tick, or take the tick away."""
        if self.fixed or not index.isValid() or self.is_there(index):
            return
        row = self.row(index)
        if self.ticked.pop(row.id, None) is None:
            self.ticked[row.id] = row.name
        self.dataChanged.emit(index, index)
        self.ticked_changed.emit()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row(index)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            words = " · ".join(part for part in (row.name, row.class_label, row.city or "") if part)
            words = _("{member} · on the list").format(member=words) if self.is_there(index) else words
            return tip(words) if role == Qt.ItemDataRole.ToolTipRole else words
        if role == Qt.ItemDataRole.CheckStateRole and not self.is_there(index):
            return Qt.CheckState.Checked if row.id in self.ticked else Qt.CheckState.Unchecked
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if index.isValid() and self.is_there(index):
            return Qt.ItemFlag.ItemIsSelectable
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable


class _List(QListView):
    def __init__(self) -> None:
        super().__init__()
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)

    def sizeHint(self) -> QSize:
        return QSize(px(320), px(ROW * 11))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(160), px(ROW * 2))


class _Line(QStyledItemDelegate):
    """A tick box, the name, and muted the class and the city; everybody in the same columns."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(px(200), px(ROW))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        model: Candidates = index.model()  # type: ignore[assignment]
        view: QListView = self.parent()  # type: ignore[assignment]
        colours = look(view)
        row, there = model.row(index), model.is_there(index)
        box, state = QRectF(option.rect), option.state
        if state & QStyle.StateFlag.State_MouseOver and not there:
            paint_ground(painter, box, colours.fill, 4)
        if view.hasFocus() and view.currentIndex() == index:
            paint_ring(painter, box, colours.accent, 4)
        size = px(18)
        if not there:
            paint_tick(painter, QRectF(box.left() + px(8), box.center().y() - size / 2, size, size), row.id in model.ticked, colours)
        rest = box.adjusted(px(8) + size + px(10), 0, -px(8), 0)
        year, city = px(96), px(120)
        ink = colours.muted if there else colours.text
        paint_text(painter, rest.adjusted(0, 0, -year - city, 0), isolated(row.name), ink)
        paint_text(painter, QRectF(rest.right() - year - city, rest.top(), year - px(8), rest.height()), row.class_label, colours.muted, "small")
        last = _("on the list") if there else isolated(row.city or "")
        paint_text(painter, QRectF(rest.right() - city, rest.top(), city, rest.height()), last, colours.muted, "small")
