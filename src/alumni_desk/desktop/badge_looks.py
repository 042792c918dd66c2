"""Names on the badges that need a look: why, and the button that mends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.badges.sheets import Look
from alumni_desk.desktop.controls import Button, Label, hairline
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.widgets import IconLine
from alumni_desk.words import _, ngettext, number

MOST_LOOKS = 30


def add_looks(column: QVBoxLayout, looks: Sequence[Look], mend: Callable[[Look], None]) -> None:
    """Rows for them."""
    title = ngettext("{n} name needs a look", "{n} names need a look", len(looks)).format(n=number(len(looks)))
    column.addWidget(IconLine("warning", title, tone="warn"))
    for look in looks[:MOST_LOOKS]:
        column.addWidget(hairline())
        column.addWidget(_row(look, mend))


def _row(look: Look, mend: Callable[[Look], None]) -> QWidget:
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(8))
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(Label(isolated(look.name), "label", wrap=True))
    column.addWidget(Label(look.reason, "small", "muted", wrap=True))
    row.addLayout(column, 1)
    if look.leaves_out:
        words = _("Leave it out")
    else:
        words = _("Use {name}").format(name=look.instead.split(" ")[0]) if look.instead else _("Change it")
    button = Button(words)
    button.setAccessibleName(f"{words}: {look.name}")
    button.clicked.connect(lambda: mend(look))
    row.addWidget(button)
    return line
