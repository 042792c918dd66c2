"""The laptops of a chapter: whose they are, what they may see, when they were heard last, what they have still to send, until when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Label, hairline
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import breakable
from alumni_desk.desktop.tokens import Tone
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.words import _

NARROW, NARROWEST = 660, 520
"""Below so many px the table leaves out a column, and then two."""


@dataclass(frozen=True)
class LaptopLine:
    """One laptop in words. ``deed``: remove or look; empty: nothing can be done to it here. ``late``: it has not sent for longer than a day."""

    device: str
    name: str
    who: str
    may_see: str
    seen: str
    to_send: str
    until: str
    late: bool = False
    removed: bool = False
    deed: str = ""


class LaptopsTable(QWidget):
    """Rows of 52 in one grid. ``remove(device)`` and ``look(device)`` by their buttons."""

    remove = Signal(str)
    look = Signal(str)

    def __init__(self, lines: Sequence[LaptopLine]) -> None:
        super().__init__()
        self._columns: dict[int, list[QWidget]] = {}
        self.buttons: dict[str, Button] = {}
        """What can be done, by device, in the order of the rows."""
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(px(20))
        grid.setVerticalSpacing(px(6))
        grid.setColumnStretch(0, 1)
        heads = (_("Laptop"), _("May see"), _("Last seen"), _("To send there"), _("Access until"))
        for column, words in enumerate(heads):
            grid.addWidget(self._in(column, Label(words, "small", "muted")), 0, column)
        for number, line in enumerate(lines):
            row = 2 * number + 1
            grid.addWidget(hairline(), row, 0, 1, 6)
            grid.addWidget(_whose(line), row + 1, 0)
            grid.setRowMinimumHeight(row + 1, px(32))  # as high as the button that the others have
            late: Tone = "warn" if line.late else "text"
            cells = ((line.may_see, "", "text"), (line.seen, "", "text"), (line.to_send, "clock" if line.late else "", late),
                     (line.until, "prohibit" if line.removed else "", "danger" if line.removed else "text"))
            for column, (words, icon, tone) in enumerate(cells, 1):
                grid.addWidget(self._in(column, _cell(words, icon, tone)), row + 1, column, Qt.AlignmentFlag.AlignVCenter)  # type: ignore[arg-type]
            if line.deed:
                self.buttons[line.device] = self._button(line)
                grid.addWidget(self.buttons[line.device], row + 1, 5)
        grid.addWidget(hairline(), 2 * len(lines) + 1, 0, 1, 6)

    def _in(self, column: int, widget: QWidget) -> QWidget:
        self._columns.setdefault(column, []).append(widget)
        return widget

    def _button(self, line: LaptopLine) -> Button:
        looks = line.deed == "look"
        button = Button(_("Look") if looks else _("Remove"))
        button.setAccessibleName((_("Look at what {laptop} handed over") if looks else _("Remove {laptop}")).format(laptop=whose(line.name, line.who)))
        signal = self.look if looks else self.remove
        button.clicked.connect(lambda: signal.emit(line.device))
        return button

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for column, needs in ((1, NARROW), (2, NARROWEST)):
            for widget in self._columns.get(column, ()):
                widget.setVisible(self.width() >= px(needs))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(320), super().minimumSizeHint().height())


def whose(laptop: str, who: str) -> str:
    """A laptop with the person who has it: several are called the same."""
    return _("{laptop} ({who})").format(laptop=laptop, who=who) if who else laptop


def _whose(line: LaptopLine) -> QWidget:
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(12))
    row.addWidget(Glyph("laptop", "muted", 18))
    words = QVBoxLayout()
    words.setSpacing(0)
    words.addWidget(Label(breakable(line.name), wrap=True))
    if line.who:
        words.addWidget(Label(breakable(line.who), "small", "muted", wrap=True))
    row.addLayout(words, 1)
    return box


def _cell(words: str, icon: str, tone: Tone) -> QWidget:
    if not icon:
        return Label(words, tone=tone)
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(6))
    row.addWidget(Glyph(icon, tone, 16))
    row.addWidget(Label(words, tone=tone))
    return box
