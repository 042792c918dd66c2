"""The answer at the door: what is shown, heard and read out for a verdict, how long it stays, and its note."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent

from alumni_desk.checkin.lists import DoorHit, DoorStatus, local_time
from alumni_desk.checkin.verdicts import Outcome, Reason, Verdict
from alumni_desk.desktop.door_idle import Last
from alumni_desk.desktop.door_panel import VerdictPanel
from alumni_desk.desktop.door_reading import Reading
from alumni_desk.desktop.door_saving import unnamed
from alumni_desk.desktop.door_words import Showing, covered, full_name, said_time, showing
from alumni_desk.desktop.sound import Sounds
from alumni_desk.words import _

GREEN_MS = 8_000
NOTE_MS = 20_000


class Answer(QObject):
    """The one answer of a door. ``shown`` when there is one to be seen, before it is heard; ``over`` when green had its time.

    ``seen()``: whether it is what the window shows; ``locked``: no member is named.
    """

    shown = Signal()
    over = Signal()

    def __init__(self, panel: VerdictPanel, reading: Reading, sounds: Sounds, seen: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._panel, self._reading, self._sounds, self._seen = panel, reading, sounds, seen
        self.verdict: Verdict | None = None
        self.again: Callable[[], None] | None = None
        """What Try again does."""
        self._trouble: tuple[Showing, str | None, str] | None = None  # what is no verdict, and whom it names: the person and the name
        self.locked = self.note_open = False
        self.green = QTimer(self, interval=GREEN_MS, singleShot=True)
        self.green.timeout.connect(self.over)
        self.note = QTimer(self, interval=NOTE_MS, singleShot=True)
        self.note.timeout.connect(self.close_note)

    def give(self, verdict: Verdict, quiet: bool = False) -> None:
        """Show a verdict, and let it be heard unless ``quiet``."""
        self.verdict, self.again, self.note_open, self._trouble = verdict, None, False, None
        self.show(self.showing(verdict), quiet=quiet)

    def trouble(self, shown: Showing, again: Callable[[], None] | None = None, person: str | None = None, name: str = "") -> None:
        """Show what is no verdict: something went wrong, with ``person``, who is called so, if it is about anybody."""
        self.verdict, self.again, self._trouble = None, again, (shown, person, name)
        self.show(shown)

    def showing(self, verdict: Verdict) -> Showing:
        """A verdict with what the list knows of it."""
        door = self._reading.door
        hit = door.hits.get(verdict.registration) if door is not None and verdict.registration else None
        guests = door.guests_of(verdict.registration) if door is not None and verdict.registration else []
        namesakes = door.namesakes_of(hit) if door is not None and hit is not None else []
        return showing(verdict, hit, zone=self._reading.zone(), count=self._reading.count(), guests=guests, namesakes=namesakes, note_open=self.note_open)

    def show(self, shown: Showing, *, quiet: bool = False) -> None:
        """Show anything in its place; green goes by itself, everything else stays."""
        shown = covered(shown) if self.locked else shown
        self._panel.show_verdict(shown)
        self.green.stop()
        if not shown.stays:
            self.green.start()
        self.shown.emit()
        if not quiet:
            self._sounds.play(shown.sound)
            self.announce(shown.spoken)

    def show_again(self) -> bool:
        """Show the last verdict once more, if there is one."""
        if self.verdict is None:
            return False
        self.show(self.showing(self.verdict), quiet=True)
        return True

    def set_right(self) -> bool:
        """The answer stays; what the list has learnt meanwhile (guests to come, places) is set right. Whether anything was."""
        if self.verdict is None or not self._seen():
            return False
        shown = self.showing(self.verdict)
        shown = covered(shown) if self.locked else shown
        if shown == self._panel.showing:
            return False
        self._panel.show_verdict(shown)
        return True

    def named(self) -> str | None:
        """The person whom it is about."""
        return self.verdict.person if self.verdict is not None else self._trouble[1] if self._trouble is not None else None

    def forget_names(self, erased: Set[str]) -> None:
        """The answer stands, without the name of who was erased since."""
        if self.named() not in erased:
            return
        if self.verdict is not None:
            self.verdict = unnamed(self.verdict)
            self.set_right()
        elif self._trouble is not None:
            shown, _person, name = self._trouble
            shown = _without(shown, name)
            self._trouble = (shown, None, "")
            self._panel.show_verdict(covered(shown) if self.locked else shown)

    def announce(self, sentence: str) -> None:
        """Let a screen reader say it at once."""
        event = QAccessibleAnnouncementEvent(self._panel, sentence)
        event.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
        QAccessible.updateAccessibility(event)

    def next_of_party(self) -> DoorHit | None:
        """A guest of whom it is about who is still to come."""
        door, verdict = self._reading.door, self.verdict
        if door is None or verdict is None or verdict.registration is None:
            return None
        return next((guest for guest in door.guests_of(verdict.registration) if guest.status is DoorStatus.EXPECTED), None)

    def last(self, undo: str) -> Last | None:
        """What stays to be read of it when nothing is shown any more, if somebody was just welcomed; ``undo``: whom Undo means, in words."""
        shown, verdict = self._panel.showing, self.verdict
        if shown is None or verdict is None or verdict.outcome is not Outcome.ADMITTED or not self._seen():
            return None
        at = said_time(local_time(verdict.at, self._reading.zone()))
        return Last(shown.colours, shown.shape, full_name(verdict.name, verdict.class_tail), _("Welcomed at {time}").format(time=at), undo, verdict.person)

    def open_note(self) -> None:
        """Show the note for a while."""
        if self.verdict is not None:
            self.note_open = True
            self.note.start()
            self.show_again()

    def close_note(self) -> None:
        """Guests read it, too."""
        self.note.stop()
        if self.note_open and self.verdict is not None and self._seen():
            self.note_open = False
            if self.verdict.reason is Reason.DOOR_NOTE and self.verdict.outcome is Outcome.NEEDS_A_WORD:
                self.show_again()

    def forget(self) -> None:
        """Keep nothing of whom it was about."""
        self.rest()
        self.verdict = self.again = self._trouble = None
        self._panel.forget()

    def rest(self) -> None:
        """Something else is shown now."""
        self.green.stop()
        self.note.stop()
        self.note_open = False


def _without(shown: Showing, name: str) -> Showing:
    """The same without this name, which may stand in any of its sentences."""

    def put(text: str) -> str:
        return text.replace(name, _("Erased")) if name else text

    return replace(shown, name=put(shown.name), details=tuple(put(one) for one in shown.details), spoken=put(shown.spoken))
