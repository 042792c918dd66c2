"""Tells a scanner from a typing hand: a scanner types like a keyboard, only much faster, wherever the cursor stands."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit

from alumni_desk.protocol.codes import read_badge_code

FASTER_THAN_A_HAND_MS = 60
"""Scanners send a letter every 1 to 30 ms; hands rarely need less than 80."""
PAUSE_MS = 1_000
"""So long a scanner may pause within a code: by radio, or while the computer is busy."""
PAUSES = 4
"""So often within one code."""
CODE_LENGTH = 16
FOREIGN_CODE = 8
"""A burst of this many letters that ends in Enter came from a scanner, even if it is no badge of ours."""
HELD = 4 * CODE_LENGTH
MUTE_MS = 400
"""So long after a scan Enter and Tab are the scanner's own."""
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


@dataclass
class _Letter:
    text: str
    at: float
    place: Any
    read: bool = False  # it was part of a code


@dataclass(frozen=True)
class Caught:
    """A scan, and where its letters fell, in order."""

    code: str
    places: tuple[Any, ...]


class ScanCatcher:
    """Collects letters that follow each other too fast for a hand.

    No code is lost for what stood before it, nor for a pause within it: letters that read as a code by chance (one in nineteen of any sixteen does)
    stay for the code that follows. ``place``: where a letter falls, for whoever takes it out again.
    """

    def __init__(self) -> None:
        self._held: list[_Letter] = []

    def letter(self, text: str, at: float, place: Any = None) -> Caught | None:
        """Take one typed letter at a time in ms; a scan if its code has just become complete."""
        if self._held and not 0 <= at - self._held[-1].at <= PAUSE_MS:
            self._held.clear()
        self._held = [*self._held[-HELD:], *(_Letter(one, at, place) for one in text)]
        steps = list(pairwise(self._held[-CODE_LENGTH:]))
        # What stands before a pause may be a hand's, or the end of the scan before: whether it belongs to the code is known at its end.
        if not steps or _paused(*steps[0]) or any(early.read and not late.read and _paused(early, late) for early, late in steps):
            return None
        return self._code()

    def end(self, at: float, *, foreign: bool = True, words: bool = False) -> Caught | None:
        """At Enter: a scan that paused, or, where ``foreign`` ones count, one that is no badge of ours, if the last letters were one.

        ``words``: also without a digit, where no name is typed.
        """
        found = self._code() if self._held and not self._held[-1].read else None
        if found is None and foreign and self._held and at - self._held[-1].at <= 2 * FASTER_THAN_A_HAND_MS:
            burst = self._burst(len(self._held))
            text = "".join(one.text for one in burst)
            if len(text) >= FOREIGN_CODE and (words or any(c.isdigit() for c in text)) and not any(one.read for one in burst):
                found = Caught(text, _places(burst))
        self._held.clear()
        return found

    def read(self) -> None:
        """What was typed so far was read as a code already."""
        for one in self._held:
            one.read = True

    def _code(self) -> Caught | None:
        last = self._held[-CODE_LENGTH:]
        code = read_badge_code("".join(one.text for one in last)) if len(last) == CODE_LENGTH else None
        if code is None or sum(_paused(early, late) for early, late in pairwise(last)) > PAUSES:
            return None
        before = self._burst(len(self._held) - CODE_LENGTH + 1)[:-1]  # what the scanner sends before each code
        self.read()
        return Caught(code, _places([*before, *last]))

    def _burst(self, end: int) -> list[_Letter]:
        """The letters up to one that follow each other too fast for a hand."""
        start = end - 1
        while start > 0 and not _paused(self._held[start - 1], self._held[start]):
            start -= 1
        return self._held[start:end]


def _paused(early: _Letter, late: _Letter) -> bool:
    return late.at - early.at > FASTER_THAN_A_HAND_MS


def _places(letters: Iterable[_Letter]) -> tuple[Any, ...]:
    return tuple(one.place for one in letters if one.place is not None)


class Scans(QObject):
    """Catches the scans of a window in whatever line their letters fall, and takes them out of it again: ``scanned(code)``.

    What a hand had typed in a line stays, but for the door's own ``field``. As an event filter it looks for badges
    alone, in what is not the door's own.
    """

    scanned = Signal(str)

    def __init__(self, field: QLineEdit) -> None:
        super().__init__(field)
        self._field = field
        self._catcher = ScanCatcher()
        self.muted_until = 0.0
        self.only_badges = False
        """No name is typed: whatever comes fast and ends in Enter is a scan."""

    def take(self, event: QKeyEvent, line: QLineEdit | None, *, foreign: bool = True) -> bool:
        """A key before anybody else: whether it was the scanner's own and means nothing else. ``line``: where it falls, the field if nowhere;
        ``foreign``: whether a scan that is no badge of ours counts, too.
        """
        now = float(event.timestamp()) or time.monotonic() * 1000
        if is_letter(event):
            where = line if line is not None else self._field
            return self._caught(self._catcher.letter(event.text(), now, (where, where.text(), where.cursorPosition())))
        tab = event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        if event.key() in _ENTER or tab or is_line_feed(event):
            return self._caught(self._catcher.end(now, foreign=foreign and not tab, words=self.only_badges)) or (self.muted() and not is_line_feed(event))
        return False

    def muted(self) -> bool:
        """Whether Enter and Tab are still the scanner's own."""
        return time.monotonic() * 1000 < self.muted_until

    def read(self) -> None:
        """A code was read, here or elsewhere: what follows at once is its end."""
        self.muted_until = time.monotonic() * 1000 + MUTE_MS
        self._catcher.read()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            return self.take(event, watched if isinstance(watched, QLineEdit) else None, foreign=False)
        return False

    def _caught(self, caught: Caught | None) -> bool:
        if caught is None:
            return False
        first: dict[QLineEdit, tuple[str, int]] = {}
        for line, text, cursor in caught.places:
            first.setdefault(line, (text, cursor))
        for line, (text, cursor) in first.items():
            if line is not self._field and shiboken6.isValid(line):
                line.setText(text)
                line.setCursorPosition(cursor)
        self._field.clear()
        self.scanned.emit(caught.code)
        return True


def is_letter(event: QKeyEvent) -> bool:
    """Whether a key types something: no control, no command."""
    held = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.MetaModifier)
    alt_graph = event.modifiers() & Qt.KeyboardModifier.AltModifier and held
    return bool(event.text()) and event.text().isprintable() and (not held or bool(alt_graph))


def is_line_feed(event: QKeyEvent) -> bool:
    """Ctrl+J is the line feed that some scanners send after the Enter."""
    return event.key() == Qt.Key.Key_J and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
