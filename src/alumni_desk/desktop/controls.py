"""Buttons, fields and labels of the desk: Qt's own, with our look, sizes and accessible names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QResizeEvent, QShortcut, QTextCharFormat
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QCalendarWidget,
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QSizePolicy,
    QSpinBox,
    QStyleOptionComboBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.icons import icon, paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground, paint_ring, paint_text, tip
from alumni_desk.desktop.tokens import CONTROL, FACES, FOCUS, RADIUS, Colours, Role, Tone

Kind = Literal["primary", "secondary", "danger", "quiet"]

ITSELF = Qt.ShortcutContext.WidgetShortcut
INSIDE = Qt.ShortcutContext.WidgetWithChildrenShortcut
WINDOW = Qt.ShortcutContext.WindowShortcut


def shortcut(keys: str | Qt.Key | QKeySequence.StandardKey, widget: QWidget, act: Callable[[], object], context: Qt.ShortcutContext = ITSELF) -> QShortcut:
    """A key of one widget: while it has the focus itself, while the focus is ``INSIDE`` it, or while it is shown in the active ``WINDOW``."""
    made = QShortcut(QKeySequence(keys), widget)
    made.setContext(context)  # PySide takes the constructor's ``context`` argument and drops it
    made.activated.connect(lambda: act())
    return made


class Label(QLabel):
    """Plain text in one of the roles; it never reads its text as markup. Wrapped text is never cut."""

    def __init__(self, text: str = "", role: Role = "body", tone: Tone = "text", *, wrap: bool = False,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFont(font_of(role))
        self.setWordWrap(wrap)
        self.setMinimumHeight(px(FACES[role].line))
        if wrap:
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        if tone != "text":
            self.setProperty("tone", tone)
        self.setText(text)

    def set_tone(self, tone: Tone) -> None:
        """Another colour for the same words."""
        if self.property("tone") != tone:
            self.setProperty("tone", tone)
            self.style().unpolish(self)
            self.style().polish(self)


class Held(QWidget):
    """A place that a label fills whatever it says: words that change at every key must not have the whole window laid out anew."""

    def __init__(self, label: Label, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._label = label
        label.setParent(self)
        self.setFixedHeight(label.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._label.setFixedSize(event.size())


class Elided(Label):
    """One line that gives way: what does not fit is cut with an ellipsis, and the whole is its tool tip."""

    cut_at = Qt.TextElideMode.ElideRight

    def setText(self, text: str) -> None:
        super().setText(text)
        self._tip()

    def minimumSizeHint(self) -> QSize:
        few = self.text()[:6]
        return QSize(round(QFontMetricsF(self.font()).horizontalAdvance(f"{few}…")) if few else 0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tip()

    def is_cut(self) -> bool:
        """Whether there is more than is shown."""
        return QFontMetricsF(self.font()).horizontalAdvance(self.text()) > self.width() + 0.5

    def _tip(self) -> None:
        self.setToolTip(tip(self.text()) if self.is_cut() else "")

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.is_cut():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setFont(self.font())
        # Not this widget's own palette: the style sheet gives a label a ground that cannot be told from a dark one.
        painter.setPen(QColor(getattr(look(), self.property("tone") or "text")))
        shown = QFontMetricsF(self.font()).elidedText(self.text(), self.cut_at, self.width())
        painter.drawText(QRectF(self.rect()), int(Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine), shown)


class _Words:
    """For controls whose words we paint ourselves: what is painted, what is spoken and what Qt knows are always the same."""

    _shown = ""

    def set_words(self, text: str) -> None:
        """Other words, e.g. with the number of what is chosen."""
        self._shown = text
        super().setText(text.replace("&", "&&"))  # type: ignore[misc]
        self.setAccessibleName(text)  # type: ignore[attr-defined]
        self.updateGeometry()  # type: ignore[attr-defined]
        self.update()  # type: ignore[attr-defined]

    def setText(self, text: str) -> None:
        self.set_words(text)


class Button(_Words, QAbstractButton):
    """A push button: primary is the page's one accent, secondary a soft fill, quiet only words."""

    def __init__(self, text: str, kind: Kind = "secondary", icon: str | None = None, *, height: int = CONTROL,
                 after: str | None = None, parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.kind = kind
        self._icon, self._after, self._height = icon, after, height
        self.set_words(text)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def set_icon(self, icon: str | None) -> None:
        self._icon = icon
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        words = QFontMetricsF(font_of("label")).horizontalAdvance(self._shown) if self._shown else 0
        pad = 0 if self.kind == "quiet" and not self._icon and not self._after else px(12) * 2
        marks = sum(px(16) + (px(8) if self._shown else 0) for mark in (self._icon, self._after) if mark)
        width = max(round(words + 0.5) + pad + marks, px(self._height) if not self._shown else 0)
        return QSize(width, px(self._height))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _paint_colours(self, colours: Colours) -> tuple[str | None, str]:
        if not self.isEnabled():
            return (None if self.kind == "quiet" else colours.fill), colours.muted
        down = self.isDown() or self.underMouse()
        if self.kind == "primary":
            return (colours.accent_down if down else colours.accent), colours.on_accent
        if self.kind == "quiet":
            return (colours.fill if down else None), colours.muted
        ink = colours.danger if self.kind == "danger" else colours.text
        return (colours.fill_down if down else colours.fill), ink

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        ground, ink = self._paint_colours(colours)
        painter = QPainter(self)
        box = QRectF(self.rect())
        if self.hasFocus():
            # The ring stands off the fill by a gap in the page's colour, so that it shows on the accent too.
            paint_ring(painter, box, colours.accent, RADIUS + 1)
            box = box.adjusted(3, 3, -3, -3)
        if ground is not None:
            paint_ground(painter, box, ground, RADIUS)
        self.paint_inside(painter, QRectF(self.rect()), ink)

    def paint_inside(self, painter: QPainter, box: QRectF, ink: str) -> None:
        """Icon and words, centred together."""
        size, gap = px(16), px(8)
        metrics = QFontMetricsF(font_of("label"))
        words = metrics.horizontalAdvance(self._shown) if self._shown else 0
        total = words + sum(size + (gap if self._shown else 0) for mark in (self._icon, self._after) if mark)
        left = box.center().x() - total / 2
        if self._icon:
            paint_icon(painter, QRectF(left, box.center().y() - size / 2, size, size), self._icon, ink)
            left += size + gap
        if self._shown:
            paint_text(painter, QRectF(left, box.top(), words + 2, box.height()), self._shown, ink, "label", elide=False)
            left += words + gap
        if self._after:
            paint_icon(painter, QRectF(left, box.center().y() - size / 2, size, size), self._after, ink)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class IconButton(Button):
    """A square button with an icon alone; its name is spoken and shown as a tool tip."""

    def __init__(self, name: str, icon: str, kind: Kind = "secondary", *, parent: QWidget | None = None) -> None:
        super().__init__("", kind, icon, parent=parent)
        self.setAccessibleName(name)
        self.setToolTip(tip(name))
        self.setFixedSize(px(CONTROL), px(CONTROL))


class Link(Button):
    """A link: words in the accent without padding, so that it ends on the edge of its column."""

    def __init__(self, text: str, *, role: Role = "label", tone: Tone = "accent", parent: QWidget | None = None) -> None:
        self._role: Role = role
        self._tone: Tone = tone
        super().__init__(text, "quiet", parent=parent)
        # Not Fixed: one fixed widget in a column would hold the whole column to its width.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def hitButton(self, pos: QPoint) -> bool:
        return pos.x() <= self.sizeHint().width()

    def sizeHint(self) -> QSize:
        words = QFontMetricsF(font_of(self._role)).horizontalAdvance(self._shown)
        return QSize(round(words + 1), px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        painter = QPainter(self)
        ink = getattr(colours, self._tone) if self.isEnabled() else colours.muted
        width = self.sizeHint().width()
        if self.hasFocus():
            paint_link_focus(painter, QRectF(0, 0, width, self.height()), colours)
        paint_text(painter, QRectF(self.rect()), self._shown, ink, self._role, elide=False)
        if self.underMouse() and self.isEnabled() and not self.hasFocus():
            painter.setPen(QColor(ink))
            painter.drawLine(0, self.height() - px(3), width, self.height() - px(3))


def paint_link_focus(painter: QPainter, box: QRectF, colours: Colours) -> None:
    """A link ends on the edge of its column and so has no room for a ring: it gets a soft ground and a thick line below."""
    painter.fillRect(box, QColor(colours.selected))
    painter.fillRect(QRectF(box.left(), box.bottom() - FOCUS, box.width(), FOCUS), QColor(colours.accent))


class Segments(QWidget):
    """A row of choices of which one is on (Off | On, All | Coming …). ``chosen`` gives the key."""

    chosen = Signal(str)

    def __init__(self, name: str, choices: Sequence[tuple[str, str]], on: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._group = QButtonGroup(self)
        self._buttons: dict[str, _Segment] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(0)
        for key, words in choices:
            button = _Segment(name, words)
            self._buttons[key] = button
            self._group.addButton(button)
            row.addWidget(button)
            button.clicked.connect(lambda checked=False, key=key: self.chosen.emit(key))
        self._buttons[on].setChecked(True)

    def set_on(self, key: str) -> None:
        """Choose without telling anybody."""
        self._buttons[key].setChecked(True)

    def on(self) -> str:
        """The key of the choice that is on."""
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def set_words(self, key: str, words: str) -> None:
        """Other words on one choice, e.g. with its number."""
        self._buttons[key].set_words(words)

    def set_shown(self, key: str, shown: bool) -> None:
        """Leave one choice out while there is nothing of it, unless it is the one that is on."""
        self._buttons[key].setVisible(shown or self._buttons[key].isChecked())
        self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_ground(QPainter(self), self.rect(), look(self).fill, RADIUS)


class _Segment(QRadioButton):
    def __init__(self, group: str, words: str) -> None:
        super().__init__()
        self._group_name = group
        self.set_words(words)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_words(self, words: str) -> None:
        self._shown = words
        self.setText(words.replace("&", "&&"))
        self.setAccessibleName(f"{self._group_name}: {words}")
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        words = QFontMetricsF(font_of("strong")).horizontalAdvance(self._shown)
        return QSize(round(words) + px(12) * 2, px(CONTROL) - 4)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def hitButton(self, pos: object) -> bool:
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        painter = QPainter(self)
        if self.isChecked():
            paint_ground(painter, self.rect(), colours.bg, RADIUS - 1)
        if self.hasFocus():
            paint_ring(painter, self.rect(), colours.accent, RADIUS - 1)
        ink = colours.text if self.isChecked() else colours.muted
        paint_text(painter, self.rect(), self._shown, ink, "strong" if self.isChecked() else "body",
                   Qt.AlignmentFlag.AlignHCenter, elide=False)  # fmt: skip


class Choice(QComboBox):
    """A drop-down box with our caret. ``by_hand``: somebody has chosen something in it."""

    by_hand = False

    def __init__(self, name: str, choices: Sequence[tuple[str, str]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.activated.connect(self._chosen)
        self.setAccessibleName(name)
        self.setFixedHeight(px(CONTROL))
        self.view().setAccessibleName(name)
        self.fill(choices)

    def fill(self, choices: Sequence[tuple[str, str]]) -> None:
        """Offer these instead, as (key, words). A list that somebody has open stays open where they are the same; otherwise it goes from under the hand."""
        if [(self.itemData(n), self.itemText(n)) for n in range(self.count())] == list(choices):
            return
        if self.view().isVisible():
            self.hidePopup()
        self.clear()
        for key, words in choices:
            self.addItem(words, key)

    def _chosen(self, index: int) -> None:
        self.by_hand = True

    def key(self) -> str | None:
        """The key of what is chosen."""
        key: str | None = self.currentData()
        return key

    def set_key(self, key: str | None) -> None:
        """Choose by key; an unknown one leaves the box as it is."""
        number = self.findData(key)
        if number >= 0:
            self.setCurrentIndex(number)

    def initStyleOption(self, option: QStyleOptionComboBox) -> None:
        super().initStyleOption(option)
        room = self.width() - px(12 + 28 + 4)
        option.currentText = self.fontMetrics().elidedText(self.currentText() or self.placeholderText(), Qt.TextElideMode.ElideRight, room)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip:
            room = self.width() - px(12 + 28 + 4)
            self.setToolTip(tip(self.currentText()) if self.fontMetrics().horizontalAdvance(self.currentText()) > room else "")
        return super().event(event)

    def wheelEvent(self, event: object) -> None:
        event.ignore()  # type: ignore[attr-defined]  # a wheel over a form must scroll the form, not change a value

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        colours = look(self)
        mark = QRectF(self.width() - px(28), (self.height() - px(16)) / 2, px(16), px(16))
        paint_icon(QPainter(self), mark, "caret-down", colours.text if self.isEnabled() else colours.muted)


class QuietChoice(Choice):
    """A choice that is hardly ever changed: words and a caret; its border comes with the focus or the pointer."""

    def __init__(self, name: str, choices: Sequence[tuple[str, str]] = (), parent: QWidget | None = None) -> None:
        super().__init__(name, choices, parent)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        for key in (Qt.Key.Key_F2, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            shortcut(key, self, self.showPopup)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.hasFocus() or self.underMouse() or self.view().isVisible():
            super().paintEvent(event)
            return
        colours, painter = look(self), QPainter(self)
        paint_text(painter, QRectF(px(12), 0, self.width() - px(44), self.height()), self.currentText(), colours.text if self.currentData() else colours.muted)
        paint_icon(painter, QRectF(self.width() - px(28), (self.height() - px(16)) / 2, px(16), px(16)), "caret-down", colours.muted)


class Number(QSpinBox):
    """A field for a whole number, with our carets."""

    def __init__(self, name: str, low: int, high: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFixedHeight(px(CONTROL))
        self.setRange(low, high)
        self.setGroupSeparatorShown(True)
        self.lineEdit().setTextMargins(px(10), 0, 0, 0)

    def wheelEvent(self, event: object) -> None:
        event.ignore()  # type: ignore[attr-defined]

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        colours = look(self)
        painter = QPainter(self)
        left, size = self.width() - px(22), px(12)
        paint_icon(painter, QRectF(left, self.height() / 2 - size, size, size), "caret-up", colours.muted)
        paint_icon(painter, QRectF(left, self.height() / 2, size, size), "caret-down", colours.muted)


class When(QDateTimeEdit):
    """A field for a day and a time of the wall clock, with a calendar."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFixedHeight(px(CONTROL))
        self.setCalendarPopup(True)
        self.setDisplayFormat("ddd d MMM yyyy, HH:mm")
        self.lineEdit().setTextMargins(px(10), 0, 0, 0)
        calendar = self.calendarWidget()
        calendar.setAccessibleName(name)
        calendar.setVerticalHeaderFormat(QCalendarWidget.VerticalHeaderFormat.NoVerticalHeader)
        for day in (Qt.DayOfWeek.Saturday, Qt.DayOfWeek.Sunday):
            # Qt writes week-ends in a red that cannot be read on a dark ground.
            calendar.setWeekdayTextFormat(day, QTextCharFormat())
        for button, caret in (("qt_calendar_prevmonth", "caret-left"), ("qt_calendar_nextmonth", "caret-right")):
            calendar.findChild(QToolButton, button).setIcon(icon(caret))

    def wheelEvent(self, event: object) -> None:
        event.ignore()  # type: ignore[attr-defined]

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        size = px(16)
        paint_icon(QPainter(self), QRectF(self.width() - px(26), (self.height() - size) / 2, size, size), "calendar-blank", look(self).muted)


class Tick(_Words, QCheckBox):
    """A check box whose tick we paint; Space ticks. ``by_hand``: somebody did."""

    by_hand = False

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.clicked.connect(self._clicked)
        self.set_words(text)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)

    def _clicked(self, checked: bool) -> None:
        self.by_hand = True

    def sizeHint(self) -> QSize:
        words = QFontMetricsF(font_of("body")).horizontalAdvance(self._shown)
        return QSize(math.ceil(words) + px(18 + 8 + 5) + 2, px(28))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def hitButton(self, pos: object) -> bool:
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        painter = QPainter(self)
        size = px(18)
        box = QRectF(1, (self.height() - size) / 2, size, size)
        self._paint_mark(painter, box, colours)
        rest = QRectF(box.right() + px(8), 0, self.width() - box.right() - px(8), self.height())
        used = paint_text(painter, rest, self._shown, colours.text if self.isEnabled() else colours.muted, elide=False)
        if self.hasFocus():
            paint_ring(painter, ring_round_words(rest, used), colours.accent, 4)

    def _paint_mark(self, painter: QPainter, box: QRectF, colours: Colours) -> None:
        paint_tick(painter, box, self.isChecked(), colours)


def paint_tick(painter: QPainter, box: QRectF, ticked: bool, colours: Colours) -> None:
    """The square of a tick box."""
    if ticked:
        paint_ground(painter, box, colours.accent, 4)
        paint_icon(painter, box.adjusted(2, 2, -2, -2), "check-bold", colours.on_accent)
    else:
        paint_ring(painter, box, colours.border, 4, 1.25)


class Radio(_Words, QRadioButton):
    """A radio button in our look; arrows move between those of one parent. ``set_count`` puts a number at its right edge. ``by_hand``: somebody chose it."""

    _words, _count = "", ""
    by_hand = False

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.clicked.connect(self._clicked)
        self.set_words(text)

    def _clicked(self, checked: bool) -> None:
        self.by_hand = True

    def set_count(self, count: str) -> None:
        """How many it stands for; spoken behind the words, painted at the right edge."""
        if not self._words:
            self._words = self._shown
        self.set_words(f"{self._words} · {count}" if count else self._words)
        self._count = count

    def sizeHint(self) -> QSize:
        words = QFontMetricsF(font_of("body")).horizontalAdvance(self._shown)
        return QSize(math.ceil(words) + px(18 + 8 + 5) + 2, px(30))

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def hitButton(self, pos: object) -> bool:
        return True

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        painter = QPainter(self)
        size = px(18)
        box = QRectF(1, (self.height() - size) / 2, size, size)
        if self.isChecked():
            paint_ground(painter, box, colours.accent, size / 2)
            paint_ground(painter, box.adjusted(*(size * k for k in (0.3, 0.3, -0.3, -0.3))), colours.on_accent, size / 2)
        else:
            paint_ring(painter, box, colours.border, size / 2, 1.25)
        ink = colours.text if self.isEnabled() else colours.muted
        rest = QRectF(box.right() + px(8), 0, self.width() - box.right() - px(8), self.height())
        words = self._shown
        if self._count:
            words = self._words
            paint_text(painter, rest, self._count, ink, "strong", Qt.AlignmentFlag.AlignRight)
        used = paint_text(painter, rest, words, ink, elide=False)
        if self.hasFocus():
            paint_ring(painter, ring_round_words(rest, used), colours.accent, 4)


def ring_round_words(rest: QRectF, used: float) -> QRectF:
    """Where the focus ring of a radio or tick goes: round its words, clear of them and of the mark."""
    return QRectF(rest.left() - px(5), rest.center().y() - px(13), min(used + px(10), rest.width() + px(5)), px(26))


class Field(QLineEdit):
    """A line to type in, 32 high; ``icon`` stands at its left, ``hint`` (a key) muted at its right."""

    def __init__(self, name: str, placeholder: str = "", *, icon: str | None = None, hint: str = "", height: int = CONTROL,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setPlaceholderText(placeholder)
        self._icon, self._hint = icon, hint
        self.setFixedHeight(px(height))
        left = px(24) if icon else 0
        right = round(QFontMetricsF(font_of("caption")).horizontalAdvance(hint)) + px(4) if hint else 0
        self.setTextMargins(left, 0, right, 0)

    @property
    def finds(self) -> bool:
        """Whether something is only looked for with what is typed: none of it is saved."""
        return self._icon == "magnifying-glass"

    def set_wrong(self, wrong: bool) -> None:
        """Mark what was typed as not fitting; say why beside it."""
        mark_wrong(self, wrong)

    def fill(self, text: str) -> None:
        """Show what is saved, from its beginning where it is longer than the line."""
        self.setText(text)
        self.setCursorPosition(0)

    def event(self, event: QEvent) -> bool:
        """Undo and redo are the window's where the line has nothing of its own to take back."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and (
                (event.matches(QKeySequence.StandardKey.Undo) and not self.isUndoAvailable())
                or (event.matches(QKeySequence.StandardKey.Redo) and not self.isRedoAvailable())):
            event.ignore()
            return False
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        colours = look(self)
        painter = QPainter(self)
        if self._icon:
            size = px(18)
            paint_icon(painter, QRectF(px(11), (self.height() - size) / 2, size, size), self._icon, colours.muted)
        if self._hint and not self.text():
            box = QRectF(0, 0, self.width() - px(12), self.height())
            paint_text(painter, box, self._hint, colours.muted, "caption", Qt.AlignmentFlag.AlignRight)


def mark_wrong(control: QWidget, wrong: bool) -> None:
    """Give a control the border of a value that does not fit, or take it away."""
    if bool(control.property("wrong")) != wrong:
        control.setProperty("wrong", wrong)
        control.style().unpolish(control)
        control.style().polish(control)


class FormRow(QWidget):
    """A label above its control, and below it room for what is wrong with the value."""

    def __init__(self, name: str, control: QWidget, note: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.control = control
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        label = Label(name, "label")
        label.setBuddy(control)
        if not control.accessibleName():
            control.setAccessibleName(name)
        self.name = name
        self._note = note
        self.below = Label(note, "small", "muted", wrap=True)
        column.addWidget(label)
        column.addWidget(control)
        column.addWidget(self.below)
        self.below.setVisible(bool(note))  # once it has its place: before, it would be a window of its own
        self.way_out: Link | None = None

    def offer(self, words: str, deed: Callable[[], None]) -> None:
        """A link under what is wrong that mends it; it goes with it."""
        self.way_out = Link(words)
        self.way_out.setAccessibleName(f"{self.name}: {words}")
        self.way_out.clicked.connect(deed)
        self._column.addWidget(self.way_out, 0, Qt.AlignmentFlag.AlignLeft)

    def set_wrong(self, sentence: str) -> None:
        """Say what is wrong (empty: nothing is)."""
        if self.way_out is not None:
            self.way_out.hide()
            self.way_out.deleteLater()
            self.way_out = None
        self.below.setText(sentence or self._note)
        self.below.set_tone("danger" if sentence else "muted")
        self.below.setVisible(bool(sentence or self._note))
        self.control.setAccessibleDescription(sentence)
        mark_wrong(self.control, bool(sentence))


def hairline(way: Literal["h", "v"] = "h") -> QWidget:
    """A decorative line of 1 px."""
    from PySide6.QtWidgets import QFrame

    line = QFrame()
    line.setProperty("hairline", way)
    line.setFixedHeight(1) if way == "h" else line.setFixedWidth(1)
    return line


