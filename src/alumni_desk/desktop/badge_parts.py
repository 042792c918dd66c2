"""Parts of the badges page: the sheets in small, choosing names, another name for one badge, and whether they came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QVBoxLayout, QWidget

from alumni_desk.badges.people import BadgePerson
from alumni_desk.desktop.controls import Button, Field, Label
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.pages import Notice
from alumni_desk.desktop.paint import isolated, paint_ring, paint_text
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.store.search import fold
from alumni_desk.words import _, ngettext, number

PICTURE = Qt.ItemDataRole.UserRole + 1
LOOK = Qt.ItemDataRole.UserRole + 2
WIDE = 88


class _SheetDelegate(QStyledItemDelegate):
    """A sheet in small, its number below, and a warning where a name on it needs a look."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(px(WIDE), px(112))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        colours = look(option.widget)
        box = QRectF(option.rect)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        picture: QImage | None = index.data(PICTURE)
        room = QRectF(box.left() + px(14), box.top() + px(4), px(60), px(78))
        if picture is not None and not picture.isNull():
            scale = min(room.width() / picture.width(), room.height() / picture.height())
            paper = QRectF(0, 0, picture.width() * scale, picture.height() * scale)
            paper.moveCenter(room.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(paper, picture)
            edge = paper.adjusted(-2, -2, 2, 2) if chosen else paper
            paint_ring(painter, edge, colours.accent if chosen else colours.border, 1, 2 if chosen else 1)
        words = QRectF(box.left(), room.bottom() + px(4), box.width(), px(20))
        paint_text(painter, words, index.data(), colours.accent if chosen else colours.muted, "label", Qt.AlignmentFlag.AlignHCenter)
        if index.data(LOOK):
            paint_icon(painter, QRectF(box.center().x() + px(12), words.top() + px(3), px(14), px(14)), "warning", colours.warn)


class SheetStrip(QListWidget):
    """Every sheet in small. ``turned(n)`` when one is chosen, from 0."""

    turned = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(_("Sheets"))
        self.setFixedWidth(px(WIDE) + 14)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setItemDelegate(_SheetDelegate(self))
        self.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.currentRowChanged.connect(self._chosen)

    def show_sheets(self, pages: int, looks: set[int]) -> None:
        """So many sheets; on those in ``looks`` a name needs a look."""
        self.blockSignals(True)
        self.clear()
        for page in range(pages):
            item = QListWidgetItem(number(page + 1))
            item.setData(LOOK, page in looks)
            spoken = _("Sheet {n}").format(n=number(page + 1))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, _("{sheet}, a name needs a look").format(sheet=spoken) if page in looks else spoken)
            self.addItem(item)
        self.blockSignals(False)

    def set_picture(self, page: int, png: bytes) -> None:
        """The picture of a sheet has come."""
        item = self.item(page)
        if item is not None:
            item.setData(PICTURE, QImage.fromData(png))

    def set_page(self, page: int) -> None:
        """Mark a sheet without telling anybody."""
        self.blockSignals(True)
        self.setCurrentRow(page)
        self.blockSignals(False)
        self.viewport().update()

    def _chosen(self, row: int) -> None:
        if row >= 0:
            self.turned.emit(row)


class NamesSheet(Sheet):
    """Choosing whose badges are printed: find, tick. ``chosen`` has the registrations."""

    def __init__(self, parent: QWidget | None, people: Sequence[BadgePerson], ticked: Sequence[str]) -> None:
        super().__init__(parent, _("Choose names"), _("Choose"))
        self._people = list(people)
        self._ticked = set(ticked) & {one.registration for one in people}
        self._ticked_before = set(self._ticked)
        self.search = Field(_("Find names"), _("Find by name"), icon="magnifying-glass")
        self.search.textChanged.connect(self._look)
        self.column.addWidget(self.search)
        self.list = QListWidget()
        self.list.setAccessibleName(_("Names"))
        self.list.setMinimumHeight(px(300))
        self.list.setFont(font_of("body"))
        self.list.itemChanged.connect(self._changed)
        self.column.addWidget(self.list, 1)
        self._look("")
        self._say()
        self.search.setFocus()

    def chosen(self) -> list[str]:
        """The registrations of those ticked, in the order of the list."""
        return [one.registration for one in self._people if one.registration in self._ticked]

    def show_anew(self, people: Sequence[BadgePerson]) -> None:
        """Others changed something: whoever was erased, or is off the list, stands here no longer, nor stays ticked."""
        if self._people != list(people):
            self._people = list(people)
            self._ticked &= {one.registration for one in people}
            at = self.list.verticalScrollBar().value()
            self._look(self.search.text())
            self.list.verticalScrollBar().setValue(at)
            self._say()

    def changed_by_hand(self) -> bool:
        return self._ticked != self._ticked_before

    def _look(self, text: str) -> None:
        words = fold(text).split()
        self.list.blockSignals(True)
        self.list.clear()
        for one in self._people:
            name = one.name or one.big
            if all(word in fold(f"{name} {one.other_script_name} {one.class_year or ''}") for word in words):
                item = QListWidgetItem("  ·  ".join(part for part in (isolated(name), isolated(one.class_tail), isolated(one.city)) if part))
                item.setData(Qt.ItemDataRole.UserRole, one.registration)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable)
                item.setCheckState(Qt.CheckState.Checked if one.registration in self._ticked else Qt.CheckState.Unchecked)
                item.setSizeHint(QSize(0, px(28)))
                self.list.addItem(item)
        self.list.blockSignals(False)

    def _changed(self, item: QListWidgetItem) -> None:
        which = item.data(Qt.ItemDataRole.UserRole)
        if item.checkState() == Qt.CheckState.Checked:
            self._ticked.add(which)
        else:
            self._ticked.discard(which)
        self._say()

    def _say(self) -> None:
        count = len(self._ticked)
        self.done_button.set_words(ngettext("Choose {n} name", "Choose {n} names", count).format(n=number(count)) if count else _("Choose"))
        self.set_reason("" if count else _("Nobody is ticked yet"))


class BadgeNameSheet(Sheet):
    """Another name for one badge."""

    def __init__(self, parent: QWidget | None, name: str, reason: str) -> None:
        super().__init__(parent, _("Name on the badge"), _("Use this name"))
        self.column.addWidget(Label(reason, tone="muted", wrap=True))
        self.name = Field(_("Name on the badge"))
        self.name.setText(name)
        self.name.textChanged.connect(self._say)
        self.column.addWidget(self.name)
        self.column.addWidget(Label(_("For this gathering only; the member’s own name stays as it is."), "small", "muted", wrap=True))
        self.name.selectAll()
        self.name.setFocus()

    def _say(self, text: str) -> None:
        self.set_reason("" if text.strip() else _("A name is missing"))


class Question(Notice):
    """A question with its two answers below it, so that it is readable in a narrow column."""

    def __init__(self, question: str, yes: Callable[[], None], no: Callable[[], None]) -> None:
        super().__init__("printer", question, "muted")
        row = self.layout()
        for widget in (self.glyph, self.words):
            row.removeWidget(widget)
        column = QVBoxLayout()
        column.setSpacing(px(8))
        said = QHBoxLayout()
        said.setSpacing(px(12))
        said.addWidget(self.glyph, 0, Qt.AlignmentFlag.AlignTop)
        said.addWidget(self.words, 1)
        column.addLayout(said)
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        for button, act in ((Button(_("Yes, they did")), yes), (Button(_("Not yet"), "quiet"), no)):
            button.clicked.connect(lambda checked=False, act=act: act())
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        row.addLayout(column, 1)
