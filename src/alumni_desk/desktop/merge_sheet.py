"""Merge two entries of one person: which one stays in the list, said before it is done; Undo takes them apart again."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Label, Radio
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import breakable
from alumni_desk.desktop.recovery_page import before_it_saves
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.members.lists import MemberRow
from alumni_desk.members.merging import Merged, merge_people
from alumni_desk.store.desk import Desk
from alumni_desk.words import _


class MergeSheet(Sheet):
    """``merged(Merged)`` when it is done. Of the two the first stays unless the other is chosen."""

    merged = Signal(object)

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, both: tuple[MemberRow, MemberRow]) -> None:
        super().__init__(parent, _("Merge two entries of one person"), _("Merge"))
        self._desk, self._lanes, self._both = desk, lanes, both
        self.column.addWidget(Label(_("Do this only if both are the same person. Which entry stays in the list?"), wrap=True))
        box = QWidget()
        self.choices = [Radio(one.name, box) for one in both]
        rows = QVBoxLayout(box)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        for choice, one in zip(self.choices, both, strict=True):
            rows.addWidget(choice)
            told = Label(breakable(_told(one)), "small", "muted", wrap=True)
            told.setContentsMargins(px(26), 0, 0, px(8))
            rows.addWidget(told)
            choice.setAccessibleDescription(_told(one))
        self.choices[0].setChecked(True)
        self.column.addWidget(box)
        self.column.addWidget(Label(_("What the other one alone knew comes along, nothing is written over, and what was done under either stays. On a "
                                      "gathering’s list the answer of the one that stays counts, where it has one. Undo takes them apart again."),
                                    tone="muted", wrap=True))  # fmt: skip
        self.done_clicked.connect(self._merge)
        self.choices[0].setFocus()

    def _merge(self) -> None:
        stays = 0 if self.choices[0].isChecked() else 1
        into, other = self._both[stays].id, self._both[1 - stays].id
        self.set_busy(_("Merging …"))

        def done(what: Merged) -> None:
            self.accept()
            self.merged.emit(what)

        before_it_saves(self, self._desk, self._lanes, lambda: self._lanes.write(lambda: merge_people(self._desk, other, into), done, self.complain))


def _told(one: MemberRow) -> str:
    """What tells two of one name apart."""
    return " · ".join(part for part in (one.other_script_name or "", one.class_label, one.city or "", one.email or "") if part) or _("Only the name is known")
