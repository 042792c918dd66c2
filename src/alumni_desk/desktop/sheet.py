"""A dialog over a page: flat, 560 wide, its words at the top, its one deed at the foot."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractSpinBox, QDialog, QHBoxLayout, QLayoutItem, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from alumni_desk.desktop.controls import WINDOW, Button, Choice, Field, FormRow, IconButton, Kind, Label, Radio, Tick, When, hairline, shortcut
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.tokens import Tone
from alumni_desk.desktop.widgets import Scroll
from alumni_desk.errors import KnownError
from alumni_desk.store.listed import texts
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.store.meanwhile import Newer

EDGE = 16
"""So much of the window stays to be seen on each side of a dialog."""

class PlainSheet(QDialog):
    """Title bar 40 and ``column``, over a dimmed window; its content brings its own buttons. Esc closes it.

    It is never larger than the window under it: what does not fit scrolls between title bar and foot. ``is_form``: what is typed or chosen in it
    waits to be saved; ``of_the_term``: and cannot be any more once this laptop's term has ended. ``names_nobody``: it may be seen over the locked
    page. ``turned``: it has begun to save, or ended.
    """

    turned = Signal()
    is_form = True
    of_the_term = False
    names_nobody = False
    shown_at = 0
    """When it came up last, in nanoseconds of a clock that only goes on: of two sheets the later lies on top."""

    at_work = ""
    """What it is saving just now, in words for the locked page; empty: nothing of it is saved yet."""

    def __init__(self, parent: QWidget | None, title: str, *, width: int = 560) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("sheet")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._width = px(width)
        self._watched: QWidget | None = None
        self._began: dict[QWidget, str | bool] | None = None  # what stood in it when it came up
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dim = Dim(parent.window()) if parent is not None else None
        self.whole = QVBoxLayout(self)
        self.whole.setContentsMargins(1, 1, 1, 1)
        self.whole.setSpacing(0)
        bar = QHBoxLayout()
        bar.setContentsMargins(px(24), px(4), px(8), px(4))
        self.heading = Label(title, "heading", wrap=True)
        self.heading.setContentsMargins(0, px(4), 0, px(4))  # a title of several lines needs air as well
        bar.addWidget(self.heading, 1)
        self.shut = IconButton(_("Close"), "x", "quiet")
        self.shut.clicked.connect(self.reject)
        bar.addWidget(self.shut, 0, Qt.AlignmentFlag.AlignTop)
        self.whole.addLayout(bar)
        self.whole.addWidget(hairline())
        scroll = Scroll(margins=(24, 20, 24, 20))
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.column = scroll.column
        self.column.setSpacing(px(12))
        self._middle: QWidget = scroll
        self.whole.addWidget(scroll)
        shortcut("Ctrl+Q", self, self._quit, WINDOW).setAutoRepeat(False)

    def _quit(self) -> None:
        """The key closes the window under it, which asks about the form, where that window has the key: not in check-in."""
        ground = self._ground()
        if ground is not None and ground.property("quits"):
            ground.close()

    def touched(self) -> bool:
        """Whether something would be lost if it went now: it is being saved, or somebody typed or chose something since it came up that is still so."""
        return self.is_form and (bool(self.at_work) or self.changed_by_hand())

    def changed_by_hand(self) -> bool:
        """Whether somebody changed a value that would be saved; what it fills in by itself, and what is typed to find something, is none."""
        # A tick that came later, once a file was read, has changed by the hand alone: how it stood first is not known.
        return self._began is not None and any(value != self._began.get(part, "" if isinstance(value, str) else None)
                                               for part, value in self._stands().items() if _by_hand(part))

    def _stands(self) -> dict[QWidget, str | bool]:
        """What is typed and chosen in it."""
        return {**{line: line.text() for line in self.findChildren(QLineEdit)}, **{text: text.toPlainText() for text in self.findChildren(QPlainTextEdit)},
                **{choice: choice.currentText() for choice in self.findChildren(Choice)},
                **{one: one.isChecked() for kind in (Tick, Radio) for one in self.findChildren(kind)}}

    def retitle(self, title: str) -> None:
        """Say something else in the title bar, as what it is about is called otherwise by now."""
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.heading.setText(title)

    def set_middle(self, middle: QWidget) -> None:
        """Another part between title bar and foot, which scrolls by itself. It wants the height of its size hint."""
        self.whole.replaceWidget(self._middle, middle)
        self._middle.deleteLater()
        self._middle = middle

    def set_foot(self, foot: QWidget) -> None:
        """The buttons of the content at the foot, where they stay while it scrolls."""
        self.whole.addWidget(hairline())
        foot.layout().setContentsMargins(px(24), px(8), px(24), px(8))
        self.whole.addWidget(foot)

    def bring_into_view(self, control: QWidget) -> None:
        """Scroll to one control and put the focus there."""
        control.setFocus(Qt.FocusReason.OtherFocusReason)
        self._scroll_to(control)
        # Once more when what is said has its place: under a page that has just gone nothing is laid out yet.
        QTimer.singleShot(0, control, lambda: self._scroll_to(control))

    def _scroll_to(self, control: QWidget) -> None:
        inside = self._middle.widget() if isinstance(self._middle, Scroll) else None
        if isinstance(self._middle, Scroll) and inside is not None:
            self.column.activate()
            row = control.parentWidget()
            whole = row if isinstance(row, FormRow) else control  # what is said of it stands below
            for corner in (whole.rect().bottomLeft(), whole.rect().topLeft()):
                at = whole.mapTo(inside, corner)
                self._middle.ensureVisible(at.x(), at.y(), 0, px(24))

    def room(self) -> QSize:
        """How large it may be: the window under it (which is no larger than the screen), less an edge."""
        ground = self._ground()
        return (ground.size() if ground is not None else self.screen().availableSize()) - QSize(2 * EDGE, 2 * EDGE)

    def _ground(self) -> QWidget | None:
        """The window under it, and under the dialogs it came from."""
        ground: QWidget | None = None
        owner = self.parentWidget()
        while owner is not None:
            ground = owner.window()
            owner = ground.parentWidget()
        return ground

    def fit(self) -> None:
        """Take the size that the content wants, or that there is room for, in the middle of the window."""
        room = self.room()
        width = min(self._width, room.width())
        items = [item for n in range(self.whole.count()) if (item := self.whole.itemAt(n)) is not None]
        rest = 2 + sum(_height(item, width - 2) for item in items if item.widget() is not self._middle)
        wanted = self._wanted_height(width - 2)
        middle = max(px(40), min(wanted, room.height() - rest))
        if isinstance(self._middle, Scroll):
            # A bar that is there makes the words narrower and so higher, and would stay for that.
            bar = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if wanted <= middle else Qt.ScrollBarPolicy.ScrollBarAsNeeded
            self._middle.setVerticalScrollBarPolicy(bar)
        if (self.width(), self.height(), self._middle.height()) != (width, rest + middle, middle):
            self._middle.setFixedHeight(middle)
            self.setFixedSize(width, rest + middle)
            ground = self._ground()
            if ground is not None:
                self.move(ground.geometry().center() - self.rect().center())

    def _wanted_height(self, width: int) -> int:
        inside = self._middle.widget() if isinstance(self._middle, Scroll) else self._middle
        layout = inside.layout() if isinstance(self._middle, Scroll) else None
        if layout is not None:
            layout.activate()
            return layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
        return inside.sizeHint().height()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.shown_at = time.perf_counter_ns()
        if self._began is None:
            self._began = self._stands()
        if self._dim is not None:
            self._dim.cover()
        if self._watched is None and (ground := self._ground()) is not None:
            self._watched = ground
            ground.installEventFilter(self)
        inside = self._middle.widget() if isinstance(self._middle, Scroll) else self._middle
        inside.installEventFilter(self)
        self.fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kinds = (QEvent.Type.Resize,) if watched is self._watched else (QEvent.Type.LayoutRequest,)
        if event.type() in kinds and self.isVisible():
            self.fit()
        return False

    def event(self, event: QEvent) -> bool:
        done = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest and self.isVisible():
            self.fit()
        return done

    def done(self, result: int) -> None:
        if self._dim is not None:
            self._dim.hide()
            self._dim.deleteLater()
            self._dim = None
        super().done(result)


class Sheet(PlainSheet):
    """With a foot 56: the reason, Cancel and the deed.

    ``done_clicked`` is the deed; the dialog stays open until somebody calls ``accept``.
    """

    done_clicked = Signal()
    free = Signal()  # the deed is not under way any more, and came to nothing

    def __init__(self, parent: QWidget | None, title: str, done: str, *, kind: Kind = "primary", width: int = 560,
                 cancel: str | None = None) -> None:  # fmt: skip
        super().__init__(parent, title, width=width)
        self._rows: dict[str, FormRow] = {}
        self._left: QWidget | None = None  # where the keyboard was when the deed began
        self.whole.addWidget(hairline())
        self.foot = QHBoxLayout()
        self.foot.setContentsMargins(px(24), px(12), px(24), px(12))
        self.foot.setSpacing(px(12))
        self.reason = Label("", "small", "muted", wrap=True)
        self.foot.addWidget(self.reason, 1)
        self.cancel = Button(cancel or _("Cancel"))
        self.cancel.clicked.connect(self.reject)
        self.foot.addWidget(self.cancel)
        self.done_button = Button(done, kind)
        self.done_button.clicked.connect(self.done_clicked)
        self.foot.addWidget(self.done_button)
        self.whole.addLayout(self.foot)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if self.focusWidget() in (None, self.shut):  # a question has no field: the way out that does no harm
            self.cancel.setFocus()

    def set_reason(self, text: str, tone: str = "muted") -> None:
        """Why the deed cannot be done yet (it is then off), or empty when it can."""
        self.reason.setText(text)
        self.reason.set_tone(tone)  # type: ignore[arg-type]
        self.done_button.setEnabled(not text)

    def set_busy(self, words: str) -> None:
        """The deed is under way (words), or over (empty). What would be typed meanwhile is not in it, so nothing can be."""
        self.set_reason(words)
        self.cancel.setEnabled(not words)
        self.shut.setEnabled(not words)
        if words and self._middle.isEnabled():
            self._left = self.focusWidget()
        self._middle.setEnabled(not words)
        if not words:
            self.free.emit()
        if not words and self._left is not None:
            left, self._left = self._left, None
            if isValid(left) and left.isVisible() and self.focusWidget() in (None, self, self.shut, self.cancel):
                left.setFocus(Qt.FocusReason.OtherFocusReason)

    def busy(self) -> bool:
        """Whether the deed is under way."""
        return not self.cancel.isEnabled()

    def watch(self, name: str, row: FormRow) -> None:
        """A row of the form: what is wrong with the field of that name is said there, until something else is typed."""
        self._rows[name] = row
        control = row.control
        typed = getattr(control, "textChanged", None) or getattr(control, "dateTimeChanged", None) or getattr(control, "currentIndexChanged", None)
        if typed is not None:
            typed.connect(lambda *now: row.set_wrong(""))

    def complain(self, error: Exception) -> None:
        """Say what went wrong, at its field or beside the deed; it can be tried again."""
        for other in self._rows.values():
            other.set_wrong("")
        from alumni_desk.store.meanwhile import ChangedMeanwhile

        if isinstance(error, ChangedMeanwhile):
            self._say_newer(error.newer)
            return
        row = self._rows.get(error.about) if isinstance(error, KnownError) else None
        if row is None:
            self.tell(str(error), "danger")
            return
        row.set_wrong(str(error))
        self.tell(_("Look at “{field}” again").format(field=row.name), "danger")
        self.bring_into_view(row.control)

    def _say_newer(self, newer: Mapping[str, Newer]) -> None:
        """Somebody changed fields of the form meanwhile: it says so at each, and can be saved again, with yours or with theirs."""
        self.take_in({name: one.value for name, one in newer.items()})
        for other in self._rows.values():
            other.set_wrong("")
        offered: dict[str, FormRow] = {}
        for name, one in newer.items():
            row = self._rows[name]
            row.set_wrong(newer_words(one))
            if one.group not in offered:
                offered[one.group] = row
                row.offer(_("Take that") if one.here else _("Take theirs"), partial(self._take_theirs, newer, one.group))
        self.tell(_("Nothing is saved yet. To save again keeps yours."), "danger")
        self.bring_into_view(next(iter(offered.values())).control)

    def _take_theirs(self, newer: Mapping[str, Newer], group: str) -> None:
        """Put what others wrote into the fields, to be saved with the rest; an address as a whole."""
        names = [name for name, one in newer.items() if one.group == group]
        for name in names:
            self.put_in(name, newer[name].value)
            self._rows[name].set_wrong("")
        self.tell("")
        self._rows[names[0]].control.setFocus()

    def take_in(self, newer: Mapping[str, Any]) -> None:
        """These fields say this by now, and the user was told."""

    def put_in(self, name: str, value: Any) -> None:
        """Put another value into a field."""

    def tell(self, sentence: str, tone: Tone = "muted") -> None:
        """Say something beside the deed, which can be done (again)."""
        self.set_busy("")
        self.reason.setText(sentence)
        self.reason.set_tone(tone)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.done_button.isEnabled():
                self.done_clicked.emit()
        elif event.key() != Qt.Key.Key_Escape or self.cancel.isEnabled():
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.cancel.isEnabled():
            super().closeEvent(event)
        else:
            event.ignore()  # what came of the deed is said here


def _by_hand(part: QWidget) -> bool:
    """Whether what stands in it now somebody may have typed or chosen there. Qt says so of a line, but for one that completes or has arrows."""
    if isinstance(part, QLineEdit):
        owner = part.parentWidget()
        if part.isReadOnly() or (isinstance(part, Field) and part.finds):
            return False
        if isinstance(owner, QAbstractSpinBox):
            return isinstance(owner, When)  # the others are of its calendar
        return part.isModified() or part.completer() is not None
    if isinstance(part, QPlainTextEdit):
        return part.document().isModified()
    return bool(getattr(part, "by_hand", False))


def newer_words(one: Newer) -> str:
    """Who wrote what into a field while it was being edited."""
    value = ", ".join(listed) if isinstance(one.value, str) and one.value.startswith("[") and (listed := texts(one.value)) else one.value
    if one.here:
        words = _("Changed on this laptop to “{value}” while you were editing.") if value else _("Emptied on this laptop while you were editing.")
    elif one.who:
        words = _("{who} changed this to “{value}” while you were editing.") if value else _("{who} emptied this while you were editing.")
    else:
        words = _("Changed on another laptop to “{value}” while you were editing.") if value else _("Emptied on another laptop while you were editing.")
    return words.format(who=isolated(one.who or ""), value=isolated(str(value)))


def _height(item: QLayoutItem, width: int) -> int:
    return item.heightForWidth(width) if item.hasHeightForWidth() else item.sizeHint().height()


class Dim(QWidget):
    """Forty per cent of the text's colour over the window behind a dialog."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.hide()
        window.installEventFilter(self)

    def cover(self) -> None:
        self.setGeometry(self.parentWidget().rect())
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self.parentWidget().rect())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = look(self)
        shade = QColor("#000000" if colours.dark else colours.text)
        shade.setAlphaF(0.4)
        QPainter(self).fillRect(self.rect(), shade)


def half_typed(window: QWidget) -> int:
    """How many forms are open, or save just now, that somebody wants to end before this laptop is emptied."""
    return sum(sheet.is_form and not sheet.of_the_term for sheet in window.findChildren(PlainSheet))


def lost_words(window: QWidget, more: int = 0) -> str:
    """What to say of the forms that are open, and of ``more`` elsewhere, where the window closes for good; empty where none is."""
    lost = sum(sheet.is_form and not sheet.at_work and not sheet.of_the_term for sheet in window.findChildren(PlainSheet)) + more
    return ngettext("A form was open: what was typed into it was not saved, and is gone.",
                    "{n} forms were open: what was typed into them was not saved, and is gone.", lost).format(n=number(lost)) if lost else ""
