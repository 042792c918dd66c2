"""What the member list says to each first letter, looked up before it is typed: a single letter fits the most people, and nothing on screen is theirs yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from PySide6.QtCore import QObject, QTimer

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.members_table import First, Shown, first_of
from alumni_desk.store.desk import Desk

EVERY_MS = 25
"""Between two letters: who types meanwhile waits for one at most."""
OFTEN = "smbkgcprldhtafwvnojezyiuqx"
"""Letters that names begin with, the commonest first."""


class FirstLetters(QObject):
    """Answers to single letters.

    ``calm()``: nobody types, and no lookup is under way; ``seen()``: how many lines are seen at once; ``lay_out(lines)``: gets them ready to be painted.
    """

    def __init__(self, desk: Desk, lanes: Lanes, clock: Callable[[], date], seen: Callable[[], int], calm: Callable[[], bool],
                 lay_out: Callable[[Sequence[Shown]], object], parent: QObject) -> None:  # fmt: skip
        super().__init__(parent)
        self._desk, self._lanes, self._clock, self._seen, self._calm, self._lay_out = desk, lanes, clock, seen, calm, lay_out
        self._answers: dict[str, First] = {}
        self._of: tuple[int, date, int] | None = None  # the database's version, the day and the lines seen that they were looked up for
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self._next)

    def answer(self, query: str) -> First | None:
        """The answer to what was typed, if it is a letter that was looked up: as good as the database was then, see ``still_right``."""
        found = self._answers.get(query.lower())
        if found is None or self._of is None or self._of[1:] != (self._clock(), self._seen()):
            return None
        return replace(found, query=query)

    def still_right(self) -> Callable[[], bool]:
        """Asked on a lane: whether nobody has written to the database since the answers were looked up."""
        of = self._of
        return lambda: of is not None and self._desk.version() == of[0]

    def look_up(self) -> None:
        """Go on looking them up, as soon as it is calm."""
        self._timer.start()

    def forget(self) -> None:
        """Something has changed."""
        self._answers.clear()
        self._of = None

    def _next(self) -> None:
        today, seen = self._clock(), self._seen()
        if self._of is not None and self._of[1:] != (today, seen):
            self.forget()
        letter = next((letter for letter in OFTEN if letter not in self._answers), None)
        if letter is None:
            self._timer.stop()
        elif self._calm():
            # The version first: what is written after it was asked makes the answer count as old.
            self._lanes.read(lambda: ((self._desk.version(), today, seen), first_of(self._desk, letter, today, seen)), self._came, key="members.letters")

    def _came(self, both: tuple[tuple[int, date, int], First]) -> None:
        of, first = both
        if of != self._of:
            self.forget()
            self._of = of
        self._answers[first.query] = first
        self._lay_out(first.lines)
