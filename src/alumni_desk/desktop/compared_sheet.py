"""Who and which: what going back to a backup would bring back, and what it would take away."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Label, hairline
from alumni_desk.desktop.dates import day_short
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.segments.comparing import Compared, Difference
from alumni_desk.words import _, ngettext, number, with_year


class ComparedSheet(PlainSheet):
    """Three parts: only today, only then, changed since; each by members, check-ins, guests and gatherings."""

    is_form = False

    def __init__(self, parent: QWidget, at: datetime, found: Compared) -> None:
        super().__init__(parent, _("Who and which"))
        of_today = at.date() == datetime.now(at.tzinfo).date()
        then = f"{at:%H:%M}" if of_today else with_year(day_short(at.date()), at)
        for title, second, side in (
            (_("Only now") if of_today else _("Only today"), _("These are not in the backup of {day}.").format(day=then), found.only_now),
            (_("Only at {time}").format(time=then) if of_today else _("Only on {day}").format(day=then),
             _("These are in the backup and not here now.") if of_today else _("These are in the backup and not here today."), found.only_then),
            (_("Changed since"), _("These are in both. Of the fields that were changed since, the backup of {day} has the older values.").format(day=then),
             found.changed),
        ):
            if not any(one.count for one in side.values()):
                continue
            self._group(Label(title, "heading"), Label(second, "small", "muted", wrap=True))
            for table, difference in side.items():
                self._list(table, difference)
            self.column.addSpacing(px(8))
        if not any(one.count for side in (found.only_now, found.only_then, found.changed) for one in side.values()):
            self.column.addWidget(Label(_("The same people, check-ins, guests and gatherings are in both, and nothing of them was changed."), wrap=True))
        self.column.addStretch(1)
        shut = Button(_("Close"), "primary")
        shut.clicked.connect(self.accept)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.addStretch(1)
        row.addWidget(shut)
        self.set_foot(foot)
        shut.setFocus()

    def _group(self, *labels: Label) -> None:
        """What belongs together stands closer than what does not."""
        group = QVBoxLayout()
        group.setSpacing(px(4))
        for label in labels:
            group.addWidget(label)
        self.column.addLayout(group)

    def _list(self, table: str, difference: Difference) -> None:
        if not difference.count:
            return
        count = difference.count
        words = {"person": ngettext("{n} member", "{n} members", count), "fact": ngettext("{n} check-in", "{n} check-ins", count),
                 "registration": ngettext("{n} entry of a guest list", "{n} entries of guest lists", count),
                 "gathering": ngettext("{n} gathering", "{n} gatherings", count)}[table]
        self.column.addWidget(hairline())
        rest = count - len(difference.lines)
        more = [Label(ngettext("and {n} more", "and {n} more", rest).format(n=number(rest)), tone="muted")] if rest else []
        self._group(Label(words.format(n=number(count)), "strong"), Label("\n".join(difference.lines), wrap=True), *more)
