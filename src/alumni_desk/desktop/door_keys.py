"""The keys of the door: what each means wherever the cursor stands, and what the bar below says of them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from alumni_desk.checkin.lists import DoorHit, DoorHits
from alumni_desk.desktop.door_hits import HitRow
from alumni_desk.desktop.door_scan import Scans, is_letter, is_line_feed
from alumni_desk.desktop.door_words import Showing, first_name
from alumni_desk.words import _

Keys = tuple[list[tuple[str, str]], tuple[str, str]]
"""Key and words, and then the last one at the right."""
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_NAMES = {Qt.Key.Key_F2: "F2", Qt.Key.Key_F3: "F3", Qt.Key.Key_F5: "F5", Qt.Key.Key_F7: "F7", Qt.Key.Key_Escape: "Esc"}


class DoorKeys(QObject):
    """Every key typed into a line passes here first, so that a scan is caught wherever the cursor stands.

    ``pressed(name)``: a key that means the same everywhere; ``entered``; ``moved(step)`` through the people that ``finds()`` says are shown.
    """

    pressed = Signal(str)
    entered = Signal()
    moved = Signal(int)

    def __init__(self, scans: Scans, field: QLineEdit, finds: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._scans, self._field, self._finds = scans, field, finds

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(watched, QLineEdit):
            return self.take(event, watched)  # type: ignore[arg-type]
        empty = watched is self._field and not self._field.text()
        if event.type() == QEvent.Type.ShortcutOverride and empty and _is_undo(event):  # type: ignore[arg-type]
            event.accept()
        return False

    def take(self, event: QKeyEvent, line: QLineEdit | None) -> bool:
        """Whether a key means something here; if not, it goes on to the line that it was typed into."""
        if self._scans.take(event, line):
            return True
        if event.key() in _ENTER:
            self.entered.emit()
            return True
        return not is_letter(event) and self._special(event, line)

    def _special(self, event: QKeyEvent, line: QLineEdit | None) -> bool:
        name = _NAMES.get(Qt.Key(event.key()))
        if name is None and event.key() == Qt.Key.Key_L and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            name = "Ctrl L"
        if name is None and _is_undo(event) and (line is None or (line is self._field and not self._field.text())):
            name = "Ctrl Z"
        if name is not None:
            self.pressed.emit(name)
            return True
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self._finds():
            self.moved.emit(1 if event.key() == Qt.Key.Key_Down else -1)
            return True
        return is_line_feed(event)


def _is_undo(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_Z and event.modifiers() == Qt.KeyboardModifier.ControlModifier


def keys_while_locked(answer: bool, *, chapter: bool) -> Keys:
    """``answer``: one is shown; ``chapter``: what is locked is the chapter, until the server was heard."""
    unlock = _("To the sync") if chapter else _("Unlock")
    return [("Ctrl L", unlock)], ("Esc", _("Close") if answer else unlock)


def locked_until_words(*, chapter: bool) -> str:
    """How long names are hidden, and what to do about it."""
    if chapter:
        return _("This laptop was without contact with the server for too long: names, lists and notes are hidden until it has synced. Ctrl+L leads there.")
    return _("Names, lists and notes are hidden until somebody unlocks this laptop: Ctrl+L.")


def keys_when_over() -> Keys:
    """When this laptop's time at the door is over."""
    return [("F5", _("Sync now"))], ("Esc", _("Leave"))


def keys_among_hits(found: DoorHits | None, chosen: object) -> Keys:
    """While people are listed; ``chosen``: the row that Enter means."""
    keys = []
    if found is not None and found.hits:
        keys.append(("↓", _("Choose another") if chosen is not None else _("Choose one")))
    if isinstance(chosen, HitRow):
        # Whoever is in already is not checked in again: their answer says since when, and what else can be done.
        words = _("Show {name}") if chosen.hit.here else _("Check in {name}")
        keys.append(("Enter", words.format(name=first_name(chosen.hit.name))))
    return [*keys, ("F2", _("Add a walk-in"))], ("Esc", _("Clear the field"))


def keys_in_form(match: DoorHit | None, *, begun: bool, waits: str) -> Keys:
    """While the form is filled in. ``begun``: something is typed in it; ``waits``: what the form is called that was begun before."""
    keys = [("Enter", _("Check in")), ("Tab", _("Next line"))]
    if match is not None:
        keys.append(("F3", _("Use {name}").format(name=f"{match.name} {match.class_tail}".strip())))
    if begun:
        keys.append(("F2", _("Somebody else, this one waits")))
    elif waits:
        keys.append(("F2", go_on_words(waits)))
    return keys, ("Esc", _("Back, what is typed stays"))


def go_on_words(waits: str) -> str:
    """What F2 does while somebody's form waits."""
    return _("Go on with {name}").format(name=waits)


def keys_of_answer(shown: Showing, note_open: bool, waits: str) -> Keys:
    """While an answer is shown; ``waits``: what the walk-in's form is called that was begun before."""
    keys = [(offer.key, offer.words) for offer in shown.offers if offer.key]
    if note_open:
        keys.append(("F7", _("Close the note")))
    if not any(key == "F2" for key, _words in keys):
        keys.append(("F2", go_on_words(waits) if waits else _("Walk-in")))
    return keys, ("Esc", _("Close, nothing changes") if shown.stays else _("Leave"))


def keys_when_idle(undo: str, waits: str) -> Keys:
    """While nothing is shown; ``undo``: whom Undo means, in words; ``waits``: what the walk-in's form is called that was begun before."""
    return [("F2", go_on_words(waits) if waits else _("Walk-in")), *([("Ctrl Z", undo)] if undo else [])], ("Esc", _("Leave"))
