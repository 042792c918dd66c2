"""History on the Sync page: what the last syncs did, and when it was last checked that nothing is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from alumni_desk.desktop.controls import Label, Link
from alumni_desk.desktop.dates import moment
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.place import Place
from alumni_desk.desktop.sync_facts import Facts, server_words
from alumni_desk.desktop.tokens import Tone
from alumni_desk.desktop.widgets import Glyph, IconLine, heading, padded
from alumni_desk.protocol.clock import AHEAD_MS
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.lately import Did

SHOWN = 5


class SyncHistory(Place):
    """The newest lines, or all of them once somebody wants them."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._facts: Facts | None = None
        self._whole = False

    def show_facts(self, facts: Facts) -> None:
        """Show what is known now."""
        self._facts = facts
        self.put(self._lines(facts))

    def _lines(self, facts: Facts) -> QWidget:
        box, column = padded((0, 0, 0, 0))
        if facts.state == "alone":
            return box
        if facts.door:  # whoever checks in has no use for it
            return box
        lines = past_lines(facts, self._desk.now())
        more = None
        if len(lines) > SHOWN and not self._whole:
            more = Link(_("Show all"))
            more.setAccessibleName(_("Show the whole history"))
            more.clicked.connect(self._show_whole)
        column.addWidget(heading(_("History"), right=more))
        for line in lines[:SHOWN if not self._whole else None]:
            column.addWidget(_past_line(line))
        if not lines:
            column.addWidget(Label(_("What syncs do stands here."), tone="muted", wrap=True))
        return box

    def _show_whole(self) -> None:
        self._whole = True
        if self._facts is not None:
            self.show_facts(self._facts)


@dataclass(frozen=True)
class PastLine:
    """A line of the history. ``at`` None: this laptop's clock was wrong then."""

    at: datetime | None
    icon: str
    words: str
    second: str = ""
    tone: Tone = "muted"


def past_lines(facts: Facts, now: datetime) -> list[PastLine]:
    """What the last syncs did, and when it was last checked that nothing is missing; the newest first. ``now``: the corrected time.

    Syncs stand in the order in which they were, whatever the clock said; a moment that is still to come was a wrong clock's, and is not shown.
    """
    found: list[tuple[datetime, PastLine]] = []
    last = datetime.min.replace(tzinfo=UTC)
    for did in reversed(facts.lately):
        moment = _believed(did.at, now)
        last = max(last, moment or last)
        found.append((last, _did_line(did, moment, elsewhere=facts.state == "invitation")))
    found.reverse()
    if facts.checked is not None:
        moment = _believed(facts.checked, now)
        if facts.identical and facts.mended:
            line = PastLine(moment, "warning", _("Checked: something was put right"), facts.mended, "warn")
        elif facts.identical:
            members = "" if facts.members is None else ngettext("{n} member", "{n} members", facts.members).format(n=number(facts.members))
            line = PastLine(moment, "check", _("Checked: nothing missing"), members)
        else:
            line = PastLine(moment, "warning", _("Checked: something differs"), _("the next sync fetches it again"), "warn")
        found.append((moment or last, line))
    return [line for _at, line in sorted(found, key=lambda one: one[0], reverse=True)]


def _believed(text: str, now: datetime) -> datetime | None:
    """A kept moment; None if it lies further ahead than two good clocks differ."""
    at = datetime.fromisoformat(text)
    return at if at <= now + timedelta(milliseconds=AHEAD_MS) else None


def _did_line(did: Did, at: datetime | None, *, elsewhere: bool) -> PastLine:
    """One sync in words, with the server that it was with, which may be a former one. ``elsewhere``: this laptop has another computer's desk."""
    sent = ngettext("{n} change sent", "{n} changes sent", did.sent).format(n=number(did.sent))
    fetched = ngettext("{n} change fetched", "{n} changes fetched", did.fetched).format(n=number(did.fetched))
    words = _("{sent}, {n} fetched").format(sent=sent, n=number(did.fetched)) if did.sent and did.fetched else sent if did.sent else fetched
    icon, second = ("check-circle", _taken_words(did, elsewhere=elsewhere)) if did.sent else ("download-simple", "")
    tone: Tone = "muted"
    if did.refused:
        icon, tone = "x-circle", "danger"
        second = ngettext("{n} was not taken", "{n} were not taken", did.refused).format(n=number(did.refused))
        second += f" · {_erased_words(did)}" if did.dropped else ""
        words = words if did.sent or did.fetched else _("Changes were refused")
    elif did.dropped:
        icon = "user-minus"
        second = _erased_words(did)
        words = words if did.sent or did.fetched else _("Somebody was erased")
    elif did.conflicts:
        icon = "git-merge"
        second = ngettext("{n} to decide", "{n} to decide", did.conflicts).format(n=number(did.conflicts))
    return PastLine(at, icon, words, second, tone)


def _taken_words(did: Did, *, elsewhere: bool) -> str:
    if not did.server:
        return _("all taken")
    return _("all taken by {server}").format(server=server_words(did.server, kept=did.own, elsewhere=did.own and elsewhere))


def _erased_words(did: Did) -> str:
    return ngettext("{n} unsent change went with somebody erased", "{n} unsent changes went with people erased", did.dropped).format(n=number(did.dropped))


def _past_line(line: PastLine) -> QWidget:
    """A line with its time at the right edge."""
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, px(4), 0, px(4))
    row.setSpacing(px(8))
    doubt = "" if line.at is not None else _("the clock was wrong then")
    words = IconLine(line.icon, line.words, " · ".join(filter(None, (line.second, doubt))))
    words.findChildren(Glyph)[0].set_icon(line.icon, line.tone)
    row.addWidget(words, 1)
    if line.at is not None:
        row.addWidget(Label(moment(line.at), "small", "muted"), 0, Qt.AlignmentFlag.AlignTop)
    return box
