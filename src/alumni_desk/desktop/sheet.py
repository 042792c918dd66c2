"""A dialog over a page: flat, 560 wide, its words at the top, its one deed at the foot."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, IconButton, Kind, Label, hairline
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.tokens import Tone
from alumni_desk.words import _


class PlainSheet(QDialog):
    """Title bar 40 and ``column``, over a dimmed window; its content brings its own buttons. Esc closes it."""

    def __init__(self, parent: QWidget | None, title: str, *, width: int = 560) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("sheet")
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self.setFixedWidth(px(width))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._dim = Dim(parent.window()) if parent is not None else None
        self.whole = QVBoxLayout(self)
        self.whole.setContentsMargins(1, 1, 1, 1)
        self.whole.setSpacing(0)
        bar = QHBoxLayout()
        bar.setContentsMargins(px(24), px(8), px(8), px(8))
        bar.addWidget(Label(title, "heading"))
        bar.addStretch(1)
        shut = IconButton(_("Close"), "x", "quiet")
        shut.clicked.connect(self.reject)
        bar.addWidget(shut)
        self.whole.addLayout(bar)
        self.whole.addWidget(hairline())
        self.column = QVBoxLayout()
        self.column.setContentsMargins(px(24), px(20), px(24), px(20))
        self.column.setSpacing(px(12))
        self.whole.addLayout(self.column)

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if self._dim is not None:
            self._dim.cover()
        owner = self.parentWidget()
        if owner is not None:
            self.adjustSize()
            self.move(owner.window().geometry().center() - self.rect().center())

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

    def __init__(self, parent: QWidget | None, title: str, done: str, *, kind: Kind = "primary", width: int = 560,
                 cancel: str | None = None) -> None:  # fmt: skip
        super().__init__(parent, title, width=width)
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

    def set_reason(self, text: str, tone: str = "muted") -> None:
        """Why the deed cannot be done yet (it is then off), or empty when it can."""
        self.reason.setText(text)
        self.reason.set_tone(tone)  # type: ignore[arg-type]
        self.done_button.setEnabled(not text)

    def set_busy(self, words: str) -> None:
        """The deed is under way (words), or over (empty)."""
        self.set_reason(words)
        self.cancel.setEnabled(not words)

    def complain(self, error: Exception) -> None:
        """Say beside the deed what went wrong; it can be tried again."""
        self.tell(str(error), "danger")

    def tell(self, sentence: str, tone: Tone = "muted") -> None:
        """Say something beside the deed, which can be done (again)."""
        self.set_busy("")
        self.reason.setText(sentence)
        self.reason.set_tone(tone)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.done_button.isEnabled():
                self.done_clicked.emit()
        else:
            super().keyPressEvent(event)


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

