"""Changes that the server did not take and nobody here has seen yet: the newest as rows of the Sync page, all of them in a sheet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.refused_sheet import REFUSED_SHOWN, RefusedSheet
from alumni_desk.desktop.setting_rows import SettingRow, section
from alumni_desk.desktop.sync_facts import REFUSED_SEEN, Facts
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.refused import RefusedChange


def add_refused(column: QVBoxLayout, facts: Facts, see: Callable[[str], None], show_all: Callable[[], None]) -> None:
    """``see(newest)``: that somebody has seen them, up to this one."""
    title = ngettext("{n} change was not taken", "{n} changes were not taken", facts.refused).format(n=number(facts.refused))
    column.addSpacing(px(12))
    column.addWidget(section(title))
    alike = len({one.why for one in facts.refusals}) == 1  # then it is said once, below them
    for one in facts.refusals:
        column.addWidget(SettingRow(one.what, "" if alike else one.why))
    below = ngettext("The server has not got it, and it was taken back here.", "The server has not got them, and they were taken back here.", facts.refused)
    rest = facts.refused - len(facts.refusals)
    if rest:
        more = ngettext("{n} more is not shown.", "{n} more are not shown.", rest).format(n=number(rest))
        below = _("{first} {more}").format(first=below, more=more)
    buttons = QWidget()
    row = QHBoxLayout(buttons)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(px(8))
    if rest:
        every = Button(_("Show all"))
        every.setAccessibleName(_("Show all changes that were not taken"))
        every.clicked.connect(show_all)
        row.addWidget(every)
    seen = Button(_("Seen"))
    seen.setAccessibleName(_("Seen: take the changes that were not taken off this page"))
    newest = facts.refusals[0].at
    seen.clicked.connect(lambda: see(newest))
    for button in buttons.findChildren(Button):
        button.setProperty("row", True)
    row.addWidget(seen)
    column.addWidget(SettingRow(below, facts.refusals[0].why if alike else "", buttons, width=224 if rest else 144))
    column.addSpacing(px(12))


def show_refused(window: QWidget, desk: Desk, lanes: Lanes) -> None:
    """All of them, in a sheet."""

    def ask() -> tuple[list[RefusedChange], int]:
        from alumni_desk.sync.refused import count_refused, refused

        seen = str(desk.setting(REFUSED_SEEN) or "")
        with desk.reading() as connection:
            count = count_refused(connection, seen)
        return refused(desk, REFUSED_SHOWN, seen), count

    lanes.read(ask, lambda found: RefusedSheet(window, *found).open())
