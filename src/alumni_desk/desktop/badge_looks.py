"""Names on paper that need a look: why; on badges with the button that mends it, beside a roster in a dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.badges.sheets import Look
from alumni_desk.desktop.controls import Button, Label, hairline
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import breakable, isolated
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.widgets import IconLine
from alumni_desk.words import _, ngettext, number

MOST_LOOKS = 30


class LooksSheet(PlainSheet):
    """Who is not on a list that was saved as they are called."""

    is_form = False

    def __init__(self, parent: QWidget | None, saved: str, looks: Sequence[Look]) -> None:
        super().__init__(parent, saved)
        if any(look.by_hand for look in looks):
            self.column.addWidget(Label(_("Where no font has the letters there is a line on the paper to write them on, with a pen."), wrap=True))
        column = QVBoxLayout()
        column.setSpacing(px(8))
        add_looks(column, looks)
        self.column.addLayout(column)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.addStretch(1)
        self.close_button = Button(_("Close"))
        self.close_button.clicked.connect(self.reject)
        row.addWidget(self.close_button)
        self.set_foot(foot)
        self.close_button.setFocus()


def add_looks(column: QVBoxLayout, looks: Sequence[Look], mend: Callable[[Look], None] | None = None) -> None:
    """Rows for them."""
    title = ngettext("{n} name needs a look", "{n} names need a look", len(looks)).format(n=number(len(looks)))
    column.addWidget(IconLine("warning", title, tone="warn"))
    for look in looks[:MOST_LOOKS]:
        column.addWidget(hairline())
        column.addWidget(_row(look, mend))
    if more := len(looks[MOST_LOOKS:]):
        column.addWidget(Label(ngettext("and {n} more", "and {n} more", more).format(n=number(more)), "small", "muted"))


def _row(look: Look, mend: Callable[[Look], None] | None) -> QWidget:
    line = QWidget()
    row = QHBoxLayout(line)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(8))
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(Label(breakable(isolated(look.name)), "label", wrap=True))
    column.addWidget(Label(look.reason, "small", "muted", wrap=True))
    row.addLayout(column, 1)
    if mend is None or look.elsewhere:
        return line
    if look.leaves_out:
        words = _("Leave it out")
    else:
        words = _("Use {name}").format(name=look.instead.split(" ")[0]) if look.instead else _("Change it")
    button = Button(words)
    button.setAccessibleName(f"{words}: {look.name}")
    button.clicked.connect(lambda: mend(look))
    row.addWidget(button)
    return line
