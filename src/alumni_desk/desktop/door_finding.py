"""What is typed into the door's field, and whom it means."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Signal

from alumni_desk.checkin.lists import DoorHits
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.door_bars import DoorField
from alumni_desk.desktop.door_reading import Reading, look_up
from alumni_desk.errors import KnownError
from alumni_desk.protocol.codes import read_badge_code
from alumni_desk.words import _, ngettext, number


class Finding(QObject):
    """Looks up as somebody types. ``code(text)``: it was a badge's; ``shows(DoorHits, brings)``: who may be meant; ``shows_anew``: the same,
    once it is another; ``chosen``: Enter means the one
    that is marked; ``emptied``; ``failed(error, again)``. ``locked``: only badges are read.
    """

    code = Signal(str)
    shows = Signal(object, object)
    shows_anew = Signal(object, object)
    chosen = Signal()
    emptied = Signal()
    failed = Signal(object, object)

    def __init__(self, field: DoorField, reading: Reading, lanes: Lanes, parent: QObject) -> None:
        super().__init__(parent)
        self._field, self._reading, self._lanes = field, reading, lanes
        self.found: DoorHits | None = None
        """Whom the field means, as soon as it is known."""
        self.locked = False
        self._enter_waits: str | None = None
        self._failed: str | None = None
        field.textChanged.connect(self._typed)

    def enter(self) -> None:
        """Enter means the one that is marked, as soon as it is known who that is."""
        text = self._field.text()
        if self.found is not None and self.found.text == text:
            self.chosen.emit()
            return
        if self._failed == text:  # nothing is under way any more that it could wait for
            self._typed(text)
        self._enter_waits = text

    def _typed(self, text: str) -> None:
        self.found = self._failed = None
        self._enter_waits = None
        if read_badge_code(text) is not None:
            self._field.clear()
            self.code.emit(text)
            return
        if self.locked:
            self._field.set_note(_("Locked: only badges are read") if text.strip() else "")
            return
        if not text.strip():
            self._lanes.read(lambda: None, key="door-find")  # whatever is being looked for is not wanted any more
            self._field.set_note("")
            self.emptied.emit()
            return
        self._lanes.read(lambda: look_up(self._reading.the_list(), text), self._on_found, lambda error: self._on_failed(text, error), key="door-find")

    def look_anew(self) -> None:
        """Somebody who was found may have been erased: look up once more what is typed."""
        if self.found is not None:  # else it is being looked up
            text = self.found.text
            self._lanes.read(lambda: look_up(self._reading.the_list(), text), self._on_found_anew, lambda error: self._on_failed(text, error), key="door-find")

    def _on_found_anew(self, answer: tuple[DoorHits, dict[str, str]]) -> None:
        found, brings = answer
        if found.text == self._field.text() and self.found is not None:
            self.found = found
            self._say_how_many(found)
            self.shows_anew.emit(found, brings)

    def _say_how_many(self, found: DoorHits) -> None:
        people = len(found.hits)
        self._field.set_note(ngettext("{n} person", "{n} people", people).format(n=number(people)) if people else _("Nobody is called that"))

    def _on_found(self, answer: tuple[DoorHits, dict[str, str]]) -> None:
        found, brings = answer
        if found.text != self._field.text() or self.locked:
            return
        self.found = found
        self._say_how_many(found)
        self.shows.emit(found, brings)
        if self._enter_waits == found.text:
            self._enter_waits = None
            self.chosen.emit()

    def _on_failed(self, text: str, error: KnownError) -> None:
        if text == self._field.text() and not self.locked:
            self._failed, self._enter_waits = text, None
            self.failed.emit(error, partial(self._typed, text))
