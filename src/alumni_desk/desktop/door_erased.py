"""Who was erased by others while the door is open."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QObject, Signal

from alumni_desk.desktop.background import Lanes
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erased_of


class Erasures(QObject):
    """``found(people)``: those of whom it was asked who are erased; ``more``: others were erased since it was looked last, perhaps."""

    found = Signal(object)
    more = Signal()

    def __init__(self, desk: Desk, lanes: Lanes, parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._lanes = desk, lanes
        self._known: int | None = None

    def look(self, named: Collection[str]) -> None:
        """Ask about these people, whom the screen names beside its list."""

        def read() -> tuple[int, frozenset[str]]:
            with self._desk.asking() as connection:
                row = driver.row(connection, "SELECT count(*) FROM erased")
                return (row[0] if row else 0), frozenset(erased_of(connection, list(named)) if named else ())

        self._lanes.read(read, self._on_read, lambda error: None, key="door-erased")  # what cannot be read is said with the list

    def _on_read(self, answer: tuple[int, frozenset[str]]) -> None:
        before, (self._known, erased) = self._known, answer
        if erased:
            self.found.emit(erased)
        if before not in (None, self._known):
            self.more.emit()
