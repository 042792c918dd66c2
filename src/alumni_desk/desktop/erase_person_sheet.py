"""Erase one person for good, as the law lets them ask for: what goes, what does not, and a word to type, since there is no undo."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Field, FormRow, Label
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import Erased, erase, erased_words
from alumni_desk.words import _


class ErasePersonSheet(Sheet):
    """``erased(what, sentence)`` when it is done."""

    erased = Signal(object, str)

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, person: str, name: str) -> None:
        super().__init__(parent, _("Erase {name} for good?").format(name=isolated(name)), _("Erase for good"), kind="danger")
        self._desk, self._lanes, self._person = desk, lanes, person
        self.column.addWidget(Label(_("Names, contacts, degrees and all that was ever noted of this person, or of an entry that was merged with theirs, go: "
                                      "from the list, its history and what waits to be sent. What is counted of gatherings stays, without a name."), wrap=True))
        self.column.addWidget(Label(_("The backups that were made by themselves are deleted and a new one is made: there is no going back to an earlier day."),
                                    wrap=True))  # fmt: skip
        self.column.addWidget(Label(_("The server and the other laptops follow at their next sync. Backups that you made by hand and files that you exported "
                                      "are yours to delete."), tone="muted", wrap=True))
        self.typed = Field(_("Type “{word}”").format(word=_("erase")))
        self.column.addWidget(FormRow(_("Type “{word}”").format(word=_("erase")), self.typed,
                                      _("There is no undo. Whoever is only to leave the list is removed instead.")))
        self.typed.textChanged.connect(lambda text: self._look())
        self.done_clicked.connect(self._erase)
        self.typed.setFocus()
        self._look()

    def _look(self) -> None:
        said = self.typed.text().strip().casefold() == _("erase").casefold()
        self.set_reason("" if said else _("The word is not typed yet"))

    def _erase(self) -> None:
        self.set_busy(_("Erasing …"))

        def done(what: Erased) -> None:
            self.accept()
            self.erased.emit(what, erased_words(what))

        self._lanes.write(lambda: erase(self._desk, [self._person]), done, self.complain)
