"""The door's last pane: this laptop's time here is over, or nearly so. What was done is kept, and no guest is named any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.checkin.lists import local_time
from alumni_desk.desktop.controls import Button, Label
from alumni_desk.desktop.door_bars import Ending
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.widgets import Scroll
from alumni_desk.words import _, clock_time, ngettext

if TYPE_CHECKING:
    from alumni_desk.sync.engine import Standing

WARNED = timedelta(minutes=10)
"""So long before its end it is said that the time will be over."""


def time_of(standing: Standing) -> tuple[datetime | None, str]:
    """Until when a laptop may be at its door; and once that is over a sentence about it, else nothing."""
    if standing.role != "door":
        return None, ""
    until = datetime.fromisoformat(standing.until) if standing.until else None
    if standing.state != "ended":
        return until, ""
    if standing.late:
        return until, _("{sentence} What was done here is kept.").format(sentence=standing.sentence)
    return until, _("What was done here is kept, and is sent as soon as there is a network. To go on, ask a leader for more time; a sync then brings it.")


def elsewhere_words() -> str:
    """What to say where the laptop has another gathering's door now."""
    return _("This laptop has the door of another gathering now, and this one’s list is not on it any more. What was done here is kept, and is sent as soon as "
             "there is a network.")


def ending_words(until: datetime | None, now: datetime, zone: str | None) -> Ending | None:
    """What to say shortly before the end, by the clocks of the gathering's time zone; None while there is time, or no end."""
    if until is None or not timedelta(0) < until - now <= WARNED:
        return None
    at = clock_time(local_time(until.astimezone(UTC).isoformat(), zone) or until)
    return Ending(_("This laptop’s time at the door ends at {time}").format(time=at), _("More time, if a leader gives it, comes by a sync"))


class Over(QWidget):
    """``sync``: somebody wants to ask the server; ``leave``: to leave the door."""

    sync = Signal()
    leave = Signal()

    def __init__(self) -> None:
        super().__init__()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        scroller = Scroll(margins=(64, 48, 64, 24))  # so that it is never what makes the door higher than its screen
        whole.addWidget(scroller)
        column = scroller.column
        column.setSpacing(px(16))
        column.addWidget(Label(_("This laptop’s time at the door is over"), "door_word", wrap=True))
        self.words = Label("", wrap=True)
        column.addWidget(self.words)
        self._typed = QWidget()
        inside = QVBoxLayout(self._typed)
        inside.setContentsMargins(0, px(16), 0, px(8))
        inside.setSpacing(px(8))
        self._lost = Label("", "strong", wrap=True)
        inside.addWidget(self._lost)
        self.typed = Label("", wrap=True)
        self.typed.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard)
        inside.addWidget(self.typed)
        self.copy = Button(_("Copy what was typed"), height=40)
        self.copy.clicked.connect(self._copy)
        inside.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._typed)
        row = QHBoxLayout()
        row.setSpacing(px(16))
        self.again = Button(_("Sync now"), "primary", "arrows-clockwise", height=40)
        self.again.clicked.connect(self.sync)
        away = Button(_("Leave check-in"), height=40)
        away.clicked.connect(self.leave)
        for button in (self.again, away):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        column.addStretch(1)

    def say(self, sentence: str, typed: Sequence[str]) -> None:
        """Why it is over, what to do, and what somebody was typing, a line for each walk-in."""
        self.words.setText(sentence)
        self.setAccessibleName(sentence)
        self._lost.setText(ngettext("This walk-in was not saved: write it down, or copy it, and tell a leader.",
                                    "These walk-ins were not saved: write them down, or copy them, and tell a leader.", len(typed)))
        self.typed.setText("\n".join(typed))
        self._typed.setVisible(bool(typed))

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.typed.text())
