"""Rows of a settings page: a label, one line about it, and its control at the right edge."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Label, Link, hairline
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.tokens import Tone
from alumni_desk.desktop.widgets import Glyph


class SettingRow(QWidget):
    """52 high at 100 %; grows with its words."""

    def __init__(self, title: str, second: str, control: QWidget | None = None, *, width: int = 144, tone: Tone = "text",
                 icon: str = "") -> None:  # fmt: skip
        super().__init__()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        row = QHBoxLayout()
        row.setContentsMargins(0, px(5), 0, px(5))
        row.setSpacing(px(24))
        words = self._words = QVBoxLayout()
        words.setSpacing(0)
        self._title = title
        self.way_out: Link | None = None
        self.first = Label(title, tone=tone, wrap=True)
        self._second = second
        self.second = Label(second, "small", "muted", wrap=True)
        self.second.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if not second:
            self.second.hide()  # never shown here: without its place yet, it would be a window of its own
        if icon:
            first = QHBoxLayout()
            first.setSpacing(px(8))
            first.addWidget(Glyph(icon, tone, 16))
            first.addWidget(self.first, 1)
            words.addLayout(first)
        else:
            words.addWidget(self.first)
        words.addWidget(self.second)
        row.addLayout(words, 1)
        if control is not None:
            if width:
                control.setMinimumWidth(px(width))
            row.addWidget(control, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        whole.addLayout(row)
        whole.addWidget(hairline())

    def say(self, second: str) -> None:
        """Another line below the label."""
        self.second.setText(second)
        self.second.setVisible(bool(second))

    def offer(self, words: str, deed: Callable[[], None]) -> None:
        """A link below what is wrong that mends it; it goes with it."""
        self.way_out = Link(words, role="small")
        self.way_out.setAccessibleName(f"{self._title}: {words}")
        self.way_out.clicked.connect(deed)
        self._words.addWidget(self.way_out, 0, Qt.AlignmentFlag.AlignLeft)

    def say_wrong(self, sentence: str) -> None:
        """Say below the label why what was typed does not fit; empty: the first line again."""
        if self.way_out is not None:
            self.way_out.hide()
            self.way_out.deleteLater()
            self.way_out = None
        self.say(sentence or self._second)
        self.second.set_tone("danger" if sentence else "muted")


def section(title: str) -> QWidget:
    """A section's heading with its hairline."""
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, px(12), 0, 0)
    column.setSpacing(px(8))
    column.addWidget(Label(title, "heading"))
    column.addWidget(hairline())
    return box
