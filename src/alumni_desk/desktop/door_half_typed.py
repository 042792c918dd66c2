"""What is asked before walk-ins that are half typed are lost: by leaving check-in, or by closing the window under it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Label
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.words import _, ngettext, number

NAMED = 3
"""So many of them are named."""


class HalfTypedSheet(PlainSheet):
    """``leaves`` without them, or ``stays`` to go on with them. ``scans`` takes badges out of its keys, as everywhere at the door. ``over``: this laptop's
    time there is, so that they can be copied and no more.
    """

    is_form = False
    leaves = Signal()
    stays = Signal()

    def __init__(self, parent: QWidget, title: str, names: Sequence[str], scans: QObject | None = None, *, over: bool = False) -> None:
        super().__init__(parent, title, width=520)
        self.column.addWidget(Label(half_typed_words(names), "strong", wrap=True))
        lost = _("Nothing of that is saved: it is lost when check-in is left.")
        if over:
            lost = _("Nothing of that is saved, and it cannot be added here any more: write it down, or copy it, and tell a leader.")
        self.column.addWidget(Label(lost, wrap=True))
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.addStretch(1)
        self.leave, self.stay = Button(_("Leave without them")), Button(_("Back to what was typed") if over else _("Go on with them"), "primary")
        self.leave.clicked.connect(self.leaves)
        self.leave.clicked.connect(self.accept)
        self.stay.clicked.connect(self.reject)
        for button in (self.leave, self.stay):
            row.addWidget(button)
        self.set_foot(foot)
        self.rejected.connect(self.stays)
        if scans is not None:
            for part in self.findChildren(QWidget):
                if part.focusPolicy() != Qt.FocusPolicy.NoFocus:
                    part.installEventFilter(scans)
        self.stay.setFocus()


def half_typed_words(names: Sequence[str]) -> str:
    """How many walk-ins are half typed, and whose."""
    said = [isolated(name) for name in names[:NAMED]]
    if (more := len(names) - NAMED) > 0:
        said.append(ngettext("{n} more", "{n} more", more).format(n=number(more)))
    words = ngettext("A walk-in is half typed: {names}.", "{n} walk-ins are half typed: {names}.", len(names))
    return words.format(n=number(len(names)), names=", ".join(said))
