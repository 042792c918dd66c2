"""A record's History in a dialog, for pages that have no tab for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import shiboken6
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import Button, Label
from alumni_desk.desktop.history_part import HistoryPart
from alumni_desk.desktop.recovery_page import before_saving, not_yet
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.errors import KnownError, NotFound
from alumni_desk.segments.activity import PastValue, past_values
from alumni_desk.store.desk import Desk
from alumni_desk.store.history import restore
from alumni_desk.store.writing import Changed
from alumni_desk.words import _


class HistorySheet(PlainSheet):
    """Reads anew whenever the record changes, and what it is called (``called``). ``restored(Changed)``: an older value was put back."""

    is_form = False
    restored = Signal(object)

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, changes: ChangeBus, table: str, row_id: str, name: str,
                 called: Callable[[], str]) -> None:  # fmt: skip
        super().__init__(parent, _("History of {name}").format(name=name))
        self._desk, self._lanes, self._table, self._row, self._name, self._called = desk, lanes, table, row_id, name, called
        self._past: Sequence[PastValue] = ()
        self._all_of: set[str] = set()
        self.part: HistoryPart | None = None
        self.wrong = Label("", "small", "danger", wrap=True)
        self.wrong.hide()
        self.column.addWidget(self.wrong)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.addStretch(1)
        self.close_button = Button(_("Close"))
        self.close_button.clicked.connect(self.reject)
        row.addWidget(self.close_button)
        self.set_foot(foot)
        self.close_button.setFocus()
        changes.changed.connect(self._changed)
        self.read()

    def read(self) -> None:
        """Look at what there is now."""
        self._lanes.read(self._look, lambda read: self._take(*read), self._say, key="history.sheet")

    def _look(self) -> tuple[Sequence[PastValue], str]:
        past = past_values(self._desk, self._table, self._row)
        with suppress(NotFound):  # taken back meanwhile: its history stays under the name that it had
            self._name = self._called()
        return past, self._name

    def _changed(self, changed: Changed) -> None:
        about = {self._table, "person", "gathering"} if self._table == "registration" else {self._table}  # a place on a list is called by both
        if not changed.tables or about & changed.tables.keys():
            self.read()

    def _take(self, past: Sequence[PastValue], name: str) -> None:
        if shiboken6.isValid(self):
            self.retitle(_("History of {name}").format(name=name))
            self._show(past)

    def _show(self, past: Sequence[PastValue]) -> None:
        self._past = past
        before, self.part = self.part, HistoryPart(past, self._all_of)
        self.part.restore.connect(self._restore)
        self.part.all_wanted.connect(self._show_all_of)
        if before is None:
            self.column.insertWidget(0, self.part)
        else:
            self.column.replaceWidget(before, self.part)
            before.hide()
            before.deleteLater()
        self.fit()

    def _show_all_of(self, field: str) -> None:
        self._all_of.add(field)
        self._show(self._past)

    def _restore(self, version: str) -> None:
        self.wrong.hide()
        save: Callable[[], object] = lambda: self._lanes.write(lambda: restore(self._desk, self._table, self._row, version), self._is_back, self._say)
        if self._table == "person":
            before_saving(self, self._desk, self._lanes, save, lambda: self._tell(not_yet()), self._say)
        else:
            save()

    def _is_back(self, changed: Changed) -> None:
        if shiboken6.isValid(self):
            self.restored.emit(changed)
            self.close_button.setFocus()

    def _say(self, error: KnownError) -> None:
        self._tell(str(error))

    def _tell(self, words: str) -> None:
        if shiboken6.isValid(self):
            self.wrong.setText(words)
            self.wrong.show()
