"""The sheet that names a guest, or corrects their name, in one field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.controls import Field, FormRow
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.members.naming import last_name_at
from alumni_desk.store.meanwhile import ChangedMeanwhile
from alumni_desk.words import _


class NameSheet(Sheet):
    """Ask for a guest's name. ``opened``: first and last name as they were when it was opened, or were told since."""

    def __init__(self, parent: QWidget, title: str, done: str, note: str) -> None:
        super().__init__(parent, title, done)
        self.opened: dict[str, str] = {}
        self.typed = Field(_("Name"), _("First and last name"), height=40)
        row = FormRow(_("Name"), self.typed, note)
        self.watch("name", row)
        self.column.addWidget(row)
        self.typed.setFocus()

    def shown_name(self) -> str:
        """The name that it was opened with, or that was told since."""
        return " ".join(filter(None, self.opened.values()))

    def put_in(self, name: str, value: Any) -> None:
        self.typed.setText(value)

    def complain(self, error: Exception) -> None:
        if isinstance(error, ChangedMeanwhile):  # two fields of the member, in one here
            self.opened |= {part: one.value or "" for part, one in error.newer.items()}
            error = ChangedMeanwhile({"name": replace(next(iter(error.newer.values())), value=self.shown_name())})
        super().complain(error)


def taken_apart(typed: str, first: str | None, last: str | None) -> tuple[str, str]:
    """First and last name of a name that was typed as one; where what was known before tells it, divided as that was."""
    words, given, family = typed.split(), (first or "").split(), (last or "").split()
    if len(words) == len(given) + len(family):
        at = len(given)
    elif family and words[-len(family):] == family:
        at = len(words) - len(family)
    elif family and words[:len(given) + len(family)] == given + family:
        at = len(given)
    elif not family and len(words) > 1:
        at = last_name_at(words)
    else:
        at = max(len(words) - max(len(family), 1), min(len(words), 1))
    return " ".join(words[:at]), " ".join(words[at:])
