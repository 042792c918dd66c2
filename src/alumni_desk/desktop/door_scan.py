"""Tells a scanner from a typing hand: a scanner types like a keyboard, only much faster, wherever the cursor stands."""

from __future__ import annotations

from alumni_desk.protocol.codes import read_badge_code

FASTER_THAN_A_HAND_MS = 60
"""Scanners send a letter every 1 to 30 ms; hands rarely need less than 80."""
CODE_LENGTH = 16
FOREIGN_CODE = 8
"""A burst of this many letters that ends in Enter came from a scanner, even if it is no badge of ours."""


class ScanCatcher:
    """Collects letters that follow each other too fast for a hand."""

    def __init__(self) -> None:
        self._burst = ""
        self._last = float("-inf")

    def letter(self, text: str, at: float) -> str | None:
        """Take one typed letter at a time in ms; the badge's code if it has just become complete."""
        if at - self._last > FASTER_THAN_A_HAND_MS or at < self._last:
            self._burst = ""
        self._last = at
        self._burst += text
        code = read_badge_code(self._burst[-CODE_LENGTH:]) if len(self._burst) >= CODE_LENGTH else None
        if code is not None:
            self._burst = ""
        return code

    def starts_burst(self, at: float) -> bool:
        """Whether a letter at this time would begin anew, so that the text before it is what a hand typed."""
        return not self._burst or at - self._last > FASTER_THAN_A_HAND_MS

    def foreign(self, at: float) -> str | None:
        """At Enter: the text of a scan that is no badge of ours, if the last letters were one."""
        fast = at - self._last <= 2 * FASTER_THAN_A_HAND_MS and len(self._burst) >= FOREIGN_CODE
        found = self._burst if fast and any(c.isdigit() for c in self._burst) else None
        self._burst = ""
        return found
