"""A record's History: every value that its fields have had, by field, newest first, each older one with its Restore."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Label, Link, hairline
from alumni_desk.desktop.dates import day_short, local
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import Pill, breakable, isolated
from alumni_desk.desktop.widgets import IconLine, StatusPill
from alumni_desk.segments.activity import PastValue
from alumni_desk.words import _, ngettext, number

NEWEST = 5
"""So many values of a field are shown at first."""


class HistoryPart(QWidget):
    """The lines. ``restore(version)`` is for the page to do; ``all_wanted(field)``: the older values of a field, too.

    Made anew for other values: an old one's size is not asked anew where only its layout is another one.
    """

    restore = Signal(str)
    all_wanted = Signal(str)

    def __init__(self, past: Sequence[PastValue] = (), all_of: Collection[str] = ()) -> None:
        super().__init__()
        self._all_of = all_of
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        column.addWidget(Label(ngettext("{n} value in all", "{n} values in all", len(past)).format(n=number(len(past))), tone="muted"))
        for n, (field, values) in enumerate(groupby(past, key=lambda one: one.field)):
            column.addSpacing(px(8))
            if n:
                column.addWidget(hairline())
                column.addSpacing(px(4))
            column.addWidget(Label(field, "label", "muted"))
            self._past_lines(column, field, list(values))

    def _past_lines(self, column: QVBoxLayout, field: str, values: Sequence[PastValue]) -> None:
        """The newest values of a field, and the way to the others."""
        newest = values if field in self._all_of or len(values) <= NEWEST + 1 else values[:NEWEST]
        for one in newest:
            column.addWidget(self._past_line(one))
        if len(newest) < len(values):
            n = len(values) - len(newest)
            more = Link(ngettext("Show {n} older value", "Show {n} older values", n).format(n=number(n)))
            more.setAccessibleName(_("{more}: {field}").format(more=more.text(), field=field))
            more.clicked.connect(lambda: self.all_wanted.emit(field))
            column.addWidget(more, 0, Qt.AlignmentFlag.AlignLeft)

    def _past_line(self, one: PastValue) -> QWidget:
        line = QWidget()  # of its own: it keeps how high its wrapped words are, so that long histories are laid out quickly
        box = QVBoxLayout(line)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        top = QHBoxLayout()
        top.setSpacing(px(8))
        top.addStrut(px(24))  # as high as the link that the older ones have
        value = Label(isolated(breakable(one.text)) if one.text else _("nothing"), "strong" if one.now else "body", "text" if one.text else "muted", wrap=True)
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        top.addWidget(value, 1)
        if one.now:
            top.addWidget(StatusPill(Pill("eye", _("now"), "accent")), 0, Qt.AlignmentFlag.AlignTop)
        elif one.restorable:
            link = Link(_("Restore"))
            link.setAccessibleName(_("Restore {what}").format(what=one.text or _("nothing")))
            link.clicked.connect(lambda checked=False, version=one.version: self.restore.emit(version))
            top.addWidget(link, 0, Qt.AlignmentFlag.AlignTop)
        box.addLayout(top)
        whose = one.who or ("" if one.here or one.device else _("another laptop"))
        where = one.device or (_("this laptop") if one.here else "")
        source = _("from a file") if one.event == "import" else ""
        when = f"{day_short(local(one.at).date())} {local(one.at):%Y, %H:%M}"
        second = " · ".join(part for part in (", ".join(part for part in (whose, where, source) if part), when) if part)
        box.addWidget(Label(second, "caption", "muted", wrap=True))
        if one.refused:
            box.addWidget(IconLine("prohibit", _("The office did not take this value")))
        if one.by_hand and not one.now:
            box.addWidget(IconLine("prohibit", _("A wish is not put back: note it anew with Edit")))
        return line
