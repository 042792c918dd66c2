"""Before there is a desk to work at: one calm page with a bar for Back and the text size."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Choice, Label
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground, paint_ring, paint_text
from alumni_desk.desktop.tokens import CARD_RADIUS, TEXT_SIZES
from alumni_desk.desktop.widgets import Mark, Scroll, on_screen
from alumni_desk.words import _


class Front(QWidget):
    """A window's whole content while there is no desk yet. ``show_view`` puts one view in, with or without Back.

    Mostly the desk is there before this window is wanted, so it is empty until it is shown.
    """

    def __init__(self, percent: int, on_percent: Callable[[int], None]) -> None:
        super().__init__()
        self.setWindowTitle("Alumni Desk")
        self.setMinimumSize(800, 600)
        on_screen(self)
        self._percent, self._on_percent = percent, on_percent
        self._place: QVBoxLayout | None = None
        self._view: QWidget | None = None
        self._on_back: Callable[[], None] | None = None
        self.held = False

    def _build(self) -> QVBoxLayout:
        if self._place is not None:
            return self._place
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        bar = QHBoxLayout()
        bar.setContentsMargins(px(24), px(12), px(24), px(12))
        self.back = Button(_("Back"), icon="arrow-left")
        self.back.hide()
        bar.addWidget(self.back)
        bar.addStretch(1)
        self.size_choice = text_size_choice(self._percent, self._on_percent)
        bar.addWidget(self.size_choice)
        whole.addLayout(bar)
        self._place = QVBoxLayout()
        whole.addLayout(self._place, 1)
        self.back.clicked.connect(self._go_back)
        return self._place

    def showEvent(self, event: QShowEvent) -> None:
        self._build()
        super().showEvent(event)

    def show_view(self, view: QWidget, back: Callable[[], None] | None = None) -> None:
        """Show one view; ``back`` is what Back and Esc do."""
        place = self._build()
        if self._view is not None:
            place.removeWidget(self._view)
            self._view.hide()
            self._view.deleteLater()
        self._view = view
        place.addWidget(view)
        view.show()  # at once: a layout does it later, and a window that becomes active in between gives the keyboard to what it shows already
        self._on_back = back
        self.back.setVisible(back is not None)
        self.hold(False)
        first = getattr(view, "first_focus", None)
        self.show()
        if first is not None and first() is not None:
            first().setFocus(Qt.FocusReason.TabFocusReason)

    def hold(self, on: bool) -> None:
        """What this view asked for is under way: it is not left, nor drawn anew, before the answer."""
        self.held = on
        self.back.setEnabled(not on)
        self.size_choice.setEnabled(not on)

    @property
    def is_empty(self) -> bool:
        """Whether no view was shown yet."""
        return self._view is None

    def _go_back(self) -> None:
        if self._on_back is not None:
            self._on_back()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._on_back is not None:
            if not self.held:
                self._on_back()
        else:
            super().keyPressEvent(event)


def text_size_choice(percent: int, on_percent: Callable[[int], None]) -> Choice:
    """The text size, at the top right of pages that fill a window."""
    choice = Choice(_("Text size"), [(str(size), _("Text size {percent} %").format(percent=size)) for size in TEXT_SIZES])
    choice.set_key(str(percent))
    choice.activated.connect(lambda: on_percent(int(choice.key() or 100)))
    return choice


def fill_front(view: QWidget, width: int) -> QVBoxLayout:
    """Give a view of this window one centred column of ``width`` px that scrolls when it must."""
    whole = QVBoxLayout(view)
    whole.setContentsMargins(0, 0, 0, 0)
    scroll, column = front_column(width)
    whole.addWidget(scroll)
    column.addSpacing(px(24))
    return column


def front_column(width: int) -> tuple[Scroll, QVBoxLayout]:
    """A scrolling view with one centred column of ``width`` px, or as wide as the window lets it be."""
    scroll = Scroll(margins=(24, 16, 24, 24))
    middle = QWidget()
    middle.setMaximumWidth(px(width))
    column = QVBoxLayout(middle)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(px(8))
    row = QHBoxLayout()  # not aligned in the column: its height would be reckoned for the column's whole width, and wrapped lines be missing
    row.addStretch(1)
    row.addWidget(middle, 1_000)
    row.addStretch(1)
    scroll.column.addLayout(row)
    scroll.column.addStretch(1)
    return scroll, column


def front_head(title: str, second: str) -> QHBoxLayout:
    """The mark, a large title, and a muted sentence under it."""
    row = QHBoxLayout()
    row.setSpacing(px(16))
    row.addWidget(Mark(40), 0, Qt.AlignmentFlag.AlignTop)
    words = QVBoxLayout()
    words.setSpacing(px(12))
    words.addWidget(Label(title, "number", wrap=True))
    words.addWidget(Label(second, "body", "muted", wrap=True))
    row.addLayout(words, 1)
    return row


class WayIn(QAbstractButton):
    """A row of 64: icon in a tile, what it does, a line about it, an arrow. The filled one is what most people want."""

    def __init__(self, icon: str, title: str, second: str, *, filled: bool = False) -> None:
        super().__init__()
        self._icon, self._title, self._second, self._filled = icon, title, second, filled
        self.setText(title)
        self.setAccessibleName(title)
        self.setAccessibleDescription(second)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        words = QFontMetricsF(font_of("small")).horizontalAdvance(self._second)
        return QSize(max(px(560), round(words) + px(16 + 40 + 16 + 40)), px(72 if self._filled else 64))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        painter = QPainter(self)
        box = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        ink, second = colours.text, colours.muted
        if self.hasFocus():
            paint_ring(painter, self.rect(), colours.accent, CARD_RADIUS + 2)
        if self._filled:
            box.adjust(2, 2, -2, -2)
            paint_ground(painter, box, colours.accent_down if self.underMouse() else colours.accent, CARD_RADIUS)
            ink = second = colours.on_accent
        elif self.underMouse():
            paint_ground(painter, box.adjusted(2, 2, -2, -2), colours.side, CARD_RADIUS)
        tile = QRectF(box.left() + px(14), box.center().y() - px(20), px(40), px(40))
        paint_ground(painter, tile, colours.on_accent if self._filled else colours.fill, CARD_RADIUS)
        mark = tile.adjusted(px(11), px(11), -px(11), -px(11))
        paint_icon(painter, mark, self._icon, colours.accent if self._filled else colours.text)
        words = box.adjusted(px(14 + 40 + 16), 0, -px(40), 0)
        middle = box.center().y()
        paint_text(painter, QRectF(words.left(), middle - px(21), words.width(), px(20)), self._title, ink, "strong")
        paint_text(painter, QRectF(words.left(), middle, words.width(), px(20)), self._second, second, "small")
        arrow = QRectF(box.right() - px(32), middle - px(9), px(18), px(18))
        paint_icon(painter, arrow, "arrow-right", ink if self._filled else colours.muted)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() == Qt.Key.Key_Down:
            self.focusNextChild()
        elif event.key() == Qt.Key.Key_Up:
            self.focusPreviousChild()
        else:
            super().keyPressEvent(event)
