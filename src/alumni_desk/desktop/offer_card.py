"""What an invitation is for, before it is used: who invites, which server, as what, and what will be kept on this laptop."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Field, Label, hairline
from alumni_desk.desktop.dates import day_middle
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import isolated, paint_ring
from alumni_desk.desktop.tokens import CARD_RADIUS, Tone
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.words import _, clock_time, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.join import Shown

NAMES = 112
"""So wide is the column of names."""


class OfferCard(QWidget):
    """Empty and hidden until ``show_offer``; ``laptop`` is the field for what this laptop is called."""

    def __init__(self, laptop: Field) -> None:
        super().__init__()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(px(16), px(8), px(16), px(8))
        whole.setSpacing(px(8))
        self._rows = QWidget()
        whole.addWidget(self._rows)
        last = QHBoxLayout()
        last.setSpacing(px(12))
        last.addWidget(_name(_("Call this laptop"), laptop))
        laptop.setMaximumWidth(px(260))
        last.addWidget(laptop, 2)
        last.addWidget(Label(_("so that others know it"), "small", "muted", wrap=True), 1)
        whole.addLayout(last)
        self._whole = whole

    def show_offer(self, shown: Shown) -> None:
        """Say what it is for."""
        rows = QWidget()
        column = QVBoxLayout(rows)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        for name, lines in offer_lines(shown):
            row = QHBoxLayout()
            row.setSpacing(px(12))
            row.addWidget(_name(name), 0, Qt.AlignmentFlag.AlignTop)
            words = QVBoxLayout()
            words.setSpacing(px(2))
            for text, kind, tone in lines:
                words.addLayout(_line(text, kind, tone))
            row.addLayout(words, 1)
            column.addLayout(row)
            column.addWidget(hairline())
        self._whole.replaceWidget(self._rows, rows)
        self._rows.hide()
        self._rows.deleteLater()
        self._rows = rows

    def paintEvent(self, event: QPaintEvent) -> None:
        paint_ring(QPainter(self), self.rect(), look(self).line, CARD_RADIUS, 1)


Line = tuple[str, str, Tone]


def offer_lines(shown: Shown) -> list[tuple[str, list[Line]]]:
    """The card in words: a name, and what is to be said there, each with its kind of letters and its colour."""
    chapter = isolated(shown.chapter)
    by = _("{who}, for {chapter}").format(who=isolated(shown.by), chapter=chapter) if shown.by else chapter
    server: list[Line] = [(shown.server, "body", "text")]
    if shown.confirmed:
        server.append((_("Confirmed: this is really their server"), "small", "ok"))
    kept, ends = kept_words(shown.role, shown.guests)
    there = [(_("There already"), [people_words(shown)])] if shown.moves else []
    return [(_("From"), [(by, "body", "text")]), (_("Server"), server), *there,
            (_("You will be"), [(_role(shown), "strong", "text"), (_until(shown), "small", "muted")]),
            (_("On this laptop"), [(kept, "body", "text"), (ends, "small", "muted")])]


def people_words(shown: Shown) -> Line:
    """Who is in the chapter to which this laptop's own would move."""
    if shown.people is None:
        return _("The server does not say"), "body", "warn" if shown.others else "text"
    if not shown.people:
        return _("Nobody yet"), "body", "text"
    count = ngettext("{n} person", "{n} people", shown.people).format(n=number(shown.people))
    return (_("{count}, none of them on this laptop").format(count=count), "body", "warn") if shown.others else (count, "body", "text")


def kept_words(role: str, guests: int) -> tuple[str, str]:
    """What is kept on a laptop of this role, and what becomes of it."""
    if role == "door":
        return door_list(guests), _("When access ends the list goes from this laptop; what was done here and not yet sent stays, locked, until it is sent.")
    kept = _("Every chapter of the network, one at a time, encrypted") if role == "admin" else _("All members and gatherings of the chapter, encrypted")
    return kept, _("A leader can remove this laptop at any time; it then erases the chapter from itself.")


def door_list(guests: int) -> str:
    """What a laptop at the door holds, as the policy has it for ``door``."""
    return ngettext("{n} guest: name, class year, city, answer, host, table, meal, code, notes for the door, last four digits of phones; no e-mail or street.",
                    "{n} guests: name, class year, city, answer, host, table, meal, code, notes for the door, last four digits of phones; no e-mail or street.",
                    guests).format(n=number(guests))


def moment_words(text: str) -> str:
    """Fri 13 November, 21:00, of an ISO 8601 moment."""
    at = datetime.fromisoformat(text).astimezone()
    return _("{day}, {time}").format(day=day_middle(at.date()), time=clock_time(at))


def _role(shown: Shown) -> str:
    if shown.role == "door":
        return _("Check-in volunteer for {gathering}").format(gathering=isolated(shown.gathering)) if shown.gathering else _("Check-in volunteer")
    return _("Admin of the alumni network") if shown.role == "admin" else _("Leader of {chapter}").format(chapter=isolated(shown.chapter))


def _until(shown: Shown) -> str:
    if shown.until is not None:
        return _("until {moment}").format(moment=moment_words(shown.until))
    return {"leader": _("until 60 days after the last contact with the server"), "admin": _("without an end")}.get(
        shown.role, _("until a day after the gathering"))


def _name(text: str, field: Field | None = None) -> Label:
    label = Label(text, "body", "muted")
    label.setMinimumWidth(px(NAMES))
    if field is not None:
        label.setBuddy(field)
    return label


def _line(text: str, kind: str, tone: Tone) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(px(6))
    if tone == "ok":
        row.addWidget(Glyph("check-circle", "ok", 16))
    row.addWidget(Label(text, kind, tone, wrap=True), 1)  # type: ignore[arg-type]
    return row
