"""A desk that does not open: why, and every way on. Putting it right with what was kept, another backup, a file from elsewhere, trying again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Label, hairline
from alumni_desk.desktop.dates import day_short, weekday_short
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.front import WayIn, fill_front, front_head
from alumni_desk.desktop.widgets import IconLine
from alumni_desk.errors import KnownError
from alumni_desk.words import _, clock_time, ngettext, number, with_year

LISTED = 5
"""So many of the newest backups are offered; older ones are found as files."""


@dataclass(frozen=True)
class Kept:
    """A whole backup that may be restored. ``members`` and ``gatherings``: what its head says it holds; ``why``: for what it was made, in words."""

    file: Path
    at: datetime
    members: int
    gatherings: int
    why: str


class StuckPage(QWidget):
    """``error``: why it does not open; ``note``: why the last way did not lead on; ``salvage``: whether it can be put right with what was kept;
    ``keyless``: it lacks nothing but its key, as far as anybody can tell.
    """

    salvage = Signal()
    restore = Signal(object)  # a Path
    other = Signal()
    again = Signal()

    def __init__(self, error: KnownError, kept: Sequence[Kept], damaged: int, *, salvage: bool, keyless: bool = False, note: str = "") -> None:
        super().__init__()
        column = fill_front(self, 600)
        head = QVBoxLayout()
        head.setContentsMargins(px(16), 0, px(16), 0)
        head.addLayout(front_head(_("The chapter does not open"), str(error)))
        if note:
            head.addSpacing(px(8))
            self.note = IconLine("warning", note, tone="warn")
            head.addWidget(self.note)
        column.addLayout(head)
        column.addSpacing(px(16))
        self.ways: list[WayIn] = []
        rows = QVBoxLayout()
        rows.setSpacing(0)
        column.addLayout(rows)
        if salvage:
            self._way(rows, "first-aid-kit", _("Put it right with what was kept"), _("The newest whole backup, with what waited to be sent laid over it"),
                      self.salvage.emit)
        for one in kept[:LISTED]:
            self._way(rows, "clock-counter-clockwise", _("Restore the backup of {when}").format(when=_when(one.at)), f"{one.why} · {_holds(one)}",
                      lambda file=one.file: self.restore.emit(file))
        self._way(rows, "folder-open", _("Choose a backup file …"), _("One that lies elsewhere: on a stick, on another disk"), self.other.emit)
        self._way(rows, "arrow-clockwise", _("Try again"), _("After the cause is gone: the password store unlocked, the file put back"), self.again.emit)
        column.addSpacing(px(16))
        column.addWidget(hairline())
        column.addSpacing(px(4))
        foot = QVBoxLayout()
        foot.setContentsMargins(px(16), 0, px(16), 0)
        foot.addWidget(Label(_foot(bool(kept), damaged, keyless, gone=error.code == "database_gone"), "small", "muted", wrap=True))
        column.addLayout(foot)

    def first_focus(self) -> QWidget:
        return self.ways[0]

    def _way(self, rows: QVBoxLayout, icon: str, title: str, second: str, go: object) -> None:
        first = not self.ways
        way = WayIn(icon, title, second, filled=first)
        way.clicked.connect(lambda checked=False: go())  # type: ignore[operator]
        rows.addWidget(way)
        if first:
            rows.addSpacing(px(16))
        self.ways.append(way)


def _when(at: datetime) -> str:
    local = at.astimezone()
    day = with_year(f"{weekday_short(local.date())} {day_short(local.date())}", local)
    return _("{day}, {time}").format(day=day, time=clock_time(local))


def _holds(one: Kept) -> str:
    return _("{members}, {gatherings}").format(
        members=ngettext("{n} member", "{n} members", one.members).format(n=number(one.members)),
        gatherings=ngettext("{n} gathering", "{n} gatherings", one.gatherings).format(n=number(one.gatherings)))


def _foot(kept: bool, damaged: int, keyless: bool, *, gone: bool) -> str:
    said = [_("A backup holds the key, too. It is tried on what is here first: if that opens, nothing is replaced. If not, it stays beside the new one.")
            if keyless else _("What is restored takes the empty place: nothing is replaced.") if gone
            else _("Nothing is thrown away: the file that does not open stays beside the new one.")]
    if kept:
        said.append(_("What is offered was read through just now and is whole."))
    if damaged:
        said.append(ngettext("{n} backup that is damaged too is not offered.", "{n} backups that are damaged too are not offered.", damaged).format(
            n=number(damaged)))
    return " ".join(said)
