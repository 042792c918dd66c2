"""The invitations of the chapter that nobody has used yet: for whom, to what, until when, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Label, Link, hairline
from alumni_desk.desktop.dates import day_short
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import breakable, isolated
from alumni_desk.desktop.widgets import Glyph, heading
from alumni_desk.words import _, clock_time, number

if TYPE_CHECKING:
    from alumni_desk.sync.inviting import SentInvitation


SHOWN = 8
"""So many are shown at first."""


class OpenInvitations(QWidget):
    """A row each. Their codes are kept nowhere, so none is shown again. ``take_back(id)`` by its button, an admin's where this laptop is one (``admin``);
    ``show_all`` where there are many, and not ``whole``."""

    def __init__(self, invitations: Sequence[SentInvitation], take_back: Callable[[str], None], show_all: Callable[[], None], *, whole: bool,
                 admin: bool = False) -> None:
        super().__init__()
        shown = invitations if whole or len(invitations) <= SHOWN + 1 else invitations[:SHOWN]
        self.buttons: dict[str, Button] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(6))
        column.addWidget(heading(_("Open invitations"), number(len(invitations))))
        for one in shown:
            column.addWidget(hairline())
            row = QHBoxLayout()
            row.setSpacing(px(20))
            row.addWidget(_words(one), 1)
            if admin or one.role != "admin":
                self.buttons[one.id] = self._button(one, take_back)
                row.addWidget(self.buttons[one.id], 0, Qt.AlignmentFlag.AlignVCenter)
            column.addLayout(row)
        column.addWidget(hairline())
        if len(shown) < len(invitations):
            count = number(len(invitations))
            every = Link(_("Show all {n}").format(n=count))
            every.setAccessibleName(_("Show all {n} invitations").format(n=count))
            every.clicked.connect(show_all)
            column.addWidget(every, 0, Qt.AlignmentFlag.AlignLeft)

    def _button(self, one: SentInvitation, take_back: Callable[[str], None]) -> Button:
        button = Button(_("Take back"))
        button.setAccessibleName(_("Take back the invitation: {who}, {what}").format(who=for_whom(one), what=to_what(one)))

        def pressed() -> None:
            button.setEnabled(False)
            take_back(one.id)

        button.clicked.connect(pressed)
        return button


def _words(one: SentInvitation) -> QWidget:
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(12))
    row.addWidget(Glyph("envelope-simple", "muted", 18))
    words = QVBoxLayout()
    words.setSpacing(0)
    words.addWidget(Label(breakable(for_whom(one)), wrap=True))
    words.addWidget(Label(breakable(to_what(one)), "small", "muted", wrap=True))
    row.addLayout(words, 1)
    return box


def for_whom(one: SentInvitation) -> str:
    """Whom an invitation is for."""
    return isolated(one.name or one.email or "") or _("Without a name")


def to_what(one: SentInvitation) -> str:
    """What it is for, until when it can be used, and who made it."""
    local = datetime.fromisoformat(one.until).astimezone()
    until = _("can be used until {day}, {time}").format(day=day_short(local.date()), time=clock_time(local))
    by = _("by {who}").format(who=isolated(one.by)) if one.by else ""
    return " · ".join(filter(None, (_what(one), until, by)))


def _what(one: SentInvitation) -> str:
    if one.hand_over:
        return _("Takes the chapter over")
    if one.role == "door":
        return _("Check-in for {gathering}").format(gathering=isolated(one.gathering_name)) if one.gathering_name else _("Check-in for one gathering")
    return _("Every chapter") if one.role == "admin" else _("Everything in the chapter")
