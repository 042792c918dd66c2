"""All changes that the server did not take, under the reason that they have: what each was, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Label, hairline
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.refused import RefusedChange

REFUSED_SHOWN = 2_000
"""So many are listed; nobody reads on after that."""


class RefusedSheet(PlainSheet):
    """``count``: how many there are in all, also those that are not listed."""

    is_form = False

    def __init__(self, parent: QWidget, changes: Sequence[RefusedChange], count: int) -> None:
        from alumni_desk.sync.refused import by_reason

        super().__init__(parent, ngettext("{n} change was not taken", "{n} changes were not taken", count).format(n=number(count)), width=640)
        for place, (why, those) in enumerate(by_reason(changes)):
            if place:
                self.column.addWidget(hairline())
            group = QVBoxLayout()
            group.setSpacing(px(4))
            self.column.addLayout(group)
            group.addWidget(Label(why, "strong", wrap=True))
            group.addWidget(Label(ngettext("{n} change:", "{n} changes:", len(those)).format(n=number(len(those))), "small", "muted"))
            lines = Label("\n".join(one.what for one in those), wrap=True)
            lines.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            group.addWidget(lines)
        if count > len(changes):
            rest = count - len(changes)
            self.column.addWidget(Label(ngettext("and {n} more", "and {n} more", rest).format(n=number(rest)), tone="muted"))
        self.column.addStretch(1)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setSpacing(px(12))
        row.addStretch(1)
        done = Button(_("Done"), "primary")
        done.clicked.connect(self.accept)
        row.addWidget(done)
        self.set_foot(foot)
        done.setFocus()
