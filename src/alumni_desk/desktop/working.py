"""What is shown while something takes long and there is no desk yet, or none that can be used."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QProgressBar, QWidget

from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.front import fill_front, front_head
from alumni_desk.words import _


class Working(QWidget):
    """Long work before there is a desk: what is done, how far it is, Cancel where it can be stopped."""

    cancelled = Signal()

    def __init__(self, title: str, second: str, *, cancel: bool = False) -> None:
        super().__init__()
        column = fill_front(self, 560)
        column.addLayout(front_head(title, second))
        column.addSpacing(px(16))
        self.bar = QProgressBar()
        self.bar.setAccessibleName(title)
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        column.addWidget(self.bar)
        self.cancel = Button(_("Cancel"))
        self.cancel.clicked.connect(self._cancel)
        self.cancel.setVisible(cancel)
        column.addSpacing(px(16))
        column.addWidget(self.cancel, 0, Qt.AlignmentFlag.AlignRight)
        self._column = column

    def offer(self, words: str, way: Callable[[], object]) -> None:
        """Offer another way, once it has taken a while."""
        button = Button(words, icon="key")
        button.clicked.connect(lambda: way())
        self._column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        button.setFocus(Qt.FocusReason.OtherFocusReason)

    def first_focus(self) -> QWidget:
        return self.cancel

    def _cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.cancelled.emit()

    def progress(self, done: int, total: int) -> None:
        """So much of so much."""
        self.bar.setRange(0, max(0, total))
        self.bar.setValue(done)
