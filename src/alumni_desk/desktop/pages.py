"""What every page is, and the states it may stand in: content, empty, loading, error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QCursor, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import Button, Label, shortcut
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground, paint_ring, paint_text, pill_colours
from alumni_desk.desktop.tokens import DARK, LIGHT
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed
from alumni_desk.words import _

Go = Callable[..., None]
"""``go("gatherings", gathering=id)``: show a page and hand it what it should open."""


class PutAway(NamedTuple):
    """A form that was closed with something in it that nobody saved. ``back`` brings it back; ``lasting``: until something else is done, and not only while
    the toast is there."""

    back: Callable[[], None]
    lasting: bool


class Page(QWidget):
    """A page of the window. Subclasses fill ``self.stack`` and override what they need.

    ``said(sentence, action)`` asks the window for a toast, with Undo for that action (or for a form ``PutAway``) if there is one; ``titled`` tells it that
    ``title``, ``note``, ``back`` or ``header`` are others now. ``apart``: not in the sidebar, reached from other pages.
    """

    name = ""
    icon = ""
    apart = False
    belongs = ""  # the page of the sidebar that an apart one stands under; else the one it was reached from
    title = ""
    note = ""  # muted, beside the title: a number, a date
    said = Signal(str, object)
    titled = Signal()

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go) -> None:
        super().__init__()
        self.desk, self.lanes, self.changes, self.go = desk, lanes, changes, go
        self.header: QWidget | None = None
        self.back: Callable[[], None] | None = None
        self.stack = PageStack(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)
        changes.changed.connect(self._on_changed)
        self._stale = True
        self.steps: list[Callable[[], object]] = []
        """What is still to be built before the page can be shown: a page of many widgets takes longer than nobody would notice."""

    def take_step(self) -> None:
        """Build the next piece of it."""
        self.steps.pop(0)()

    def make_whole(self) -> None:
        """Build what is missing: it is shown now."""
        while self.steps:
            self.take_step()

    watches: frozenset[str] = frozenset()
    """Tables whose changes make this page refresh; empty means any."""

    def done(self, changed: Changed, words: str) -> None:
        """An action of this page is saved: every screen that shows its rows is told, and a toast says so, with Undo."""
        self.changes.tell(changed)
        if words:
            self.said.emit(words, changed.action)

    def redraw(self, changed: Changed) -> None:
        """Rows that this page shows have changed; pages of long lists override it, to look up just those."""
        self.refresh()

    def refresh(self) -> None:
        """Look everything up anew; called when the page is shown or its rows have changed."""

    def open(self, **what: Any) -> None:
        """Show one thing of the page, as asked by ``go(name, **what)``."""

    def order_focus(self) -> None:
        """Called before Tab goes on: a page whose parts are made anew puts them in their order."""

    def first_focus(self) -> QWidget | None:
        """Where the keyboard begins."""
        return None

    def regions(self) -> list[QWidget]:
        """Where F6 stops inside this page."""
        first = self.first_focus()
        return [first] if first else []

    keyed: Mapping[str, str] = {}
    """Which deeds of other pages (``page:deed``) have keys here, too, and which."""

    finds = False
    """Whether the page has a find field of its own: the palette's button is small there."""

    def next_part(self) -> Callable[[], object] | None:
        """What builds the next part of the page that nobody has wanted yet; None when it is whole."""
        return None

    def deeds(self) -> list[Deed]:
        """What can be done on this page, for the palette; the page is shown first."""
        return []

    def out_of_date(self) -> None:
        """What it shows may be so no longer: it is looked up anew, now or when it is shown next."""
        if self.isVisible():
            self.refresh()
        else:
            self._stale = True

    def _on_changed(self, changed: Any) -> None:
        touched = not changed.tables or not self.watches or bool(self.watches & changed.tables.keys())
        if not touched:
            return
        if self.isVisible():
            self.redraw(changed)
        else:
            self._stale = True

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if self._stale:
            self._stale = False
            self.refresh()


class Planned(NamedTuple):
    """A page before it is built: what the sidebar and the palette say of it, the module it comes from, and how it is made."""

    name: str
    icon: str
    title: str
    module: str
    make: Callable[[], Page]
    apart: bool = False


class PageStack(QWidget):
    """One of four states of a page. Loading shows nothing for a second, then a thin bar above the old content."""

    settled = Signal()  # it stands in one of the other three now

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers = QStackedLayout(self)
        self._content = QWidget()
        self._layers.addWidget(self._content)
        self._other: QWidget | None = None
        self._bar = LoadingBar(self)
        self._bar.hide()

    def set_content(self, content: QWidget) -> None:
        """The page as it is when all is well."""
        self._layers.removeWidget(self._content)
        self._content.deleteLater()
        self._content = content
        self._layers.insertWidget(0, content)

    def show_content(self) -> None:
        self._show(None)

    def show_empty(self, empty: QWidget) -> None:
        """Nothing here yet: say so, and offer the first step (see ``EmptyPage``)."""
        self._show(empty)

    def show_error(self, error: KnownError, mend: str = "", act: Callable[[], None] | None = None) -> None:
        """What, why, what next, and its button."""
        self._show(ErrorPage(error, mend, act))

    def loading(self, on: bool) -> None:
        """Begin or end waiting."""
        self._bar.wait(on)

    def _show(self, other: QWidget | None) -> None:
        self.loading(False)
        if self._other is not None and self._other is not other:
            self._layers.removeWidget(self._other)
            self._other.deleteLater()
        self._other = other
        if other is None:
            self._layers.setCurrentWidget(self._content)
        else:
            if self._layers.indexOf(other) < 0:
                self._layers.addWidget(other)
            self._layers.setCurrentWidget(other)
        self.settled.emit()

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._bar.setGeometry(0, 0, self.width(), 2)
        self._bar.raise_()


class LoadingBar(QWidget):
    """Two pixels that move: work goes on. It appears after a second, quick work never flickers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(_("Loading"))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._late = QTimer(self, interval=1000, singleShot=True)
        self._late.timeout.connect(self._begin)
        self._tick = QTimer(self, interval=33)
        self._tick.timeout.connect(self._step)
        self._at = 0.0

    def wait(self, on: bool) -> None:
        if on and not self._late.isActive() and not self.isVisible():
            self._late.start()
        elif not on:
            self._late.stop()
            self._tick.stop()
            self.hide()

    def _begin(self) -> None:
        self.show()
        self.raise_()
        self._tick.start()

    def _step(self) -> None:
        self._at = (self._at + 0.02) % 1.3
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        width = self.width()
        painter.fillRect(QRectF((self._at - 0.3) * width, 0, 0.3 * width, 2), look(self).accent)


class EmptyPage(QWidget):
    """An empty page: an icon, one sentence, the first step, and below it whatever else is put in ``below``."""

    def __init__(self, icon: str, sentence: str, step: str = "", act: Callable[[], None] | None = None, promise: str = "",
                 step_icon: str | None = None, parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(24), px(24), px(24))
        column.setSpacing(px(16))
        column.addStretch(1)
        middle = Qt.AlignmentFlag.AlignHCenter
        column.addWidget(Glyph(icon, "muted", 48), 0, middle)
        words = Label(sentence, "title", wrap=False)
        words.setAlignment(middle)
        column.addWidget(words, 0, middle)
        self.button: Button | None = None
        if step and act:
            self.button = Button(step, "primary", step_icon, height=40)
            self.button.clicked.connect(lambda: act())
            column.addWidget(self.button, 0, middle)
        if promise:
            column.addWidget(Label(promise, tone="muted"), 0, middle)
        self.below = QVBoxLayout()
        column.addLayout(self.below)
        column.addStretch(2)


class ErrorPage(QWidget):
    """Something the world did: what, why, what next, with its button. ``second``: what else there is to know."""

    def __init__(self, error: KnownError, mend: str = "", act: Callable[[], None] | None = None,
                 parent: QWidget | None = None, *, second: str = "") -> None:  # fmt: skip
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(px(24), px(24), px(24), px(24))
        column.setSpacing(px(16))
        column.addStretch(1)
        middle = Qt.AlignmentFlag.AlignHCenter
        column.addWidget(Glyph("warning", "warn", 48, name=_("Problem")), 0, middle)
        words = Label(str(error), "heading", wrap=True)
        words.setFixedWidth(px(480))
        words.ensurePolished()
        words.setMinimumHeight(words.heightForWidth(px(480)))  # a layout that centres it asks for no more than two lines
        words.setAlignment(middle)
        column.addWidget(words, 0, middle)
        if second:
            more = Label(second, tone="muted", wrap=True)
            more.setFixedWidth(px(480))
            more.ensurePolished()
            more.setMinimumHeight(more.heightForWidth(px(480)))
            more.setAlignment(middle)
            column.addWidget(more, 0, middle)
        self.button: Button | None = None
        if mend and act:
            self.button = Button(mend, "primary", height=40)
            self.button.clicked.connect(lambda: act())
            column.addWidget(self.button, 0, middle)
        column.addStretch(2)

    def first_focus(self) -> QWidget | None:
        """Where the keyboard is first."""
        return self.button


class Notice(QWidget):
    """A soft band in a page: a problem beside its mend."""

    def __init__(self, icon: str, sentence: str, tone: str = "warn", mend: str = "", act: Callable[[], None] | None = None,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self._tone = tone
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(10), px(12), px(10))
        row.setSpacing(px(12))
        self.glyph = Glyph(icon, tone, 18)  # type: ignore[arg-type]
        row.addWidget(self.glyph)
        self.words = Label(sentence, tone=tone, wrap=True)  # type: ignore[arg-type]
        row.addWidget(self.words, 1)
        self.button: Button | None = None
        if mend and act:
            self.button = Button(mend)
            self.button.clicked.connect(lambda: act())
            row.addWidget(self.button)

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_ground(QPainter(self), self.rect(), pill_colours(self._tone, look(self))[0], 8)  # type: ignore[arg-type]


TOAST_MS, WAITED_MS, WORD_MS = 8_000, 30_000, 350


class Toast(QWidget):
    """A sentence above the foot of the window, with a link (Undo); goes after eight seconds, later where it has many words; what ``waited`` while it was
    locked after thirty: whoever comes back looks about first. It stays while it is pointed at or has the focus.
    A pointer that lay there before it came, and lies still, points at something else.

    F6 reaches it, Esc sends it away; then the focus is again where it was. Screen readers are told what it says.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row = QHBoxLayout(self)
        row.setContentsMargins(px(16), px(8), px(12), px(8))
        row.setSpacing(px(16))
        self.words = _ToastWords()
        row.addWidget(self.words, 1)
        self.link = _ToastLink(_("Undo"))
        row.addWidget(self.link)
        self.keys = _ToastKeys()
        row.addWidget(self.keys)
        self._act: Callable[[], None] | None = None
        self.link.clicked.connect(self._follow)
        self._timer = QTimer(self, interval=TOAST_MS, singleShot=True)
        self._timer.timeout.connect(self._over)
        self._pointer = QPoint()  # where the pointer was when the sentence came
        self._came_from: QWidget | None = None
        self.link.installEventFilter(self)
        shortcut(Qt.Key.Key_Escape, self.link, self.leave)
        parent.installEventFilter(self)
        self.hide()

    def say(self, sentence: str, link: str = "", act: Callable[[], None] | None = None, keys: str = "", *, waited: bool = False) -> None:
        """Show a sentence, with a link that does something about it, and the keys that do the same."""
        self._timer.setInterval(max(WAITED_MS if waited else TOAST_MS, WORD_MS * len(sentence.split())))
        self._act = act
        self._pointer = QCursor.pos()
        self.words.setText(sentence)
        self.setAccessibleName(sentence)
        self.link.setText(link)
        self.link.setVisible(act is not None)
        self.keys.setText(keys)
        self.keys.setVisible(bool(keys) and act is not None)
        self._place()
        self.show()
        self.raise_()
        if not self._held():
            self._timer.start()
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, sentence))

    def _held(self) -> bool:
        return self.link.hasFocus() or self._pointed_at()

    def _pointed_at(self) -> bool:
        return self.underMouse() and QCursor.pos() != self._pointer

    def _over(self) -> None:
        if not self._pointed_at():  # else it stays until the pointer goes
            self.hide()

    def leave(self) -> None:
        """Go, and give the focus back."""
        back = self._came_from if self.link.hasFocus() else None
        if back is not None and isValid(back) and back.isVisible():
            back.setFocus(Qt.FocusReason.OtherFocusReason)
        self.hide()

    def _follow(self) -> None:
        self.leave()
        if self._act is not None:
            self._act()

    def follow(self, keys: str) -> bool:
        """Do what the link does, if it is shown and these are its keys; whether it was."""
        if not self.link.isVisible() or self.keys.text() != keys:
            return False
        self._follow()
        return True

    def _place(self) -> None:
        owner = self.parentWidget()
        width = min(px(456), owner.width() - px(32))
        if self.layout().heightForWidth(width) > px(96):  # a long sentence beside a link is read in few lines, not in many narrow ones
            width = min(px(680), owner.width() - px(32))
        self.setFixedWidth(width)
        height = max(px(40), self.layout().heightForWidth(width) if self.layout().hasHeightForWidth() else px(40))
        self.setFixedHeight(height)
        self.move((owner.width() - width) // 2, owner.height() - height - px(64))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.link:
            if event.type() == QEvent.Type.FocusIn:
                self._timer.stop()
            elif event.type() == QEvent.Type.FocusOut and self.isVisible():
                self._timer.start()
        elif event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return False

    def take_focus(self) -> None:
        """From the keyboard; Esc or the link itself leads back."""
        self._came_from = QApplication.focusWidget()
        self.link.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def enterEvent(self, event: Any) -> None:
        if self._pointed_at():
            self._timer.stop()

    def leaveEvent(self, event: Any) -> None:
        if not self.link.hasFocus():
            self._timer.start()

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_ground(QPainter(self), self.rect(), look(self).text, 6)


class _ToastWords(Label):
    def __init__(self) -> None:
        super().__init__(wrap=True)
        self.setProperty("toast", "words")


class _ToastKeys(Label):
    def __init__(self) -> None:
        super().__init__(role="caption")

    def paintEvent(self, event: QPaintEvent) -> None:
        other = LIGHT if look().dark else DARK  # not by this label's own palette, in which the style sheet has its say
        paint_text(QPainter(self), QRectF(self.rect()), self.text(), other.muted, "caption", elide=False)


class _ToastLink(Button):
    def __init__(self, text: str) -> None:
        super().__init__(text, "quiet", height=24)

    def paintEvent(self, event: QPaintEvent) -> None:
        other = LIGHT if look(self).dark else DARK
        painter = QPainter(self)
        paint_text(painter, QRectF(self.rect()), self.text(), other.accent, "label", elide=False)
        if self.hasFocus():
            paint_ring(painter, self.rect(), other.accent, 3)
