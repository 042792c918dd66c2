"""The detail of one action: what it changed, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.activity_words import day_words, reason_of
from alumni_desk.desktop.controls import Button, Label, Link, hairline
from alumni_desk.desktop.dates import local
from alumni_desk.desktop.fonts import metrics_of, px
from alumni_desk.desktop.paint import breakable, isolated
from alumni_desk.desktop.widgets import IconLine, Scroll, keyboard_of
from alumni_desk.segments.activity import Deed, Written, all_changed, left_words, standing, staying, written
from alumni_desk.segments.others import others_written
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import GONE_BACK
from alumni_desk.store.undo import ahead, left_by_undo, why_stays
from alumni_desk.words import _, ngettext, number

SHOWN = 12
MORE = 24
"""So many more values are shown with each click."""
MOST_CHECKED = 5_000
"""Above so many rows nobody waits for the answer whether all of them are as they were; Undo itself finds out."""


@dataclass(frozen=True)
class Seen:
    """What the detail shows of one action."""

    deed: Deed
    values: tuple[Written, ...]
    sums: dict[str, int]
    total: int
    left: tuple[str, ...] | None  # None: not looked at
    behind: tuple[str, ...] = ()  # what its undo left


def look_at(desk: Desk, deed: Deed, most: int = SHOWN) -> Seen:
    """Read it; so many values at most."""
    if deed.rows:
        return Seen(deed, tuple(others_written(desk, deed, most)), {}, deed.count, None)
    if deed.event == GONE_BACK:
        return Seen(deed, (), {}, 0, (_("Kept as {file}").format(file=deed.kept),) if deed.kept else None)
    values, sums, total = written(desk, deed.id, most)
    if deed.state == "undone":
        values = [one._replace(stands=False) for one in values]
    left = None
    if deed.count <= MOST_CHECKED and (deed.undoable or deed.state == "undone" or deed.reason == all_changed()):
        goes, would_stay = ahead(desk, deed.id)
        left = tuple(left_words(desk, would_stay, ahead=True))
        if not goes and ((would_stay and deed.undoable) or (deed.state == "undone" and not deed.stays)):  # of a large one the list has not looked at that
            deed = staying(deed, why_stays(would_stay))
        values = standing(values, would_stay) if deed.state == "done" else values
    behind = left_words(desk, left_by_undo(desk, deed.id), SHOWN) if deed.state == "undone" else ()
    return Seen(deed, tuple(values), sums, total, left, tuple(behind))


class Detail(Scroll):
    """Width 360: the sentence, who and when, the way back, and what was written. ``more(deed, most)``: so many values of it are wished for."""

    turn = Signal(object)
    member = Signal(str)
    gathering = Signal(str)
    more = Signal(object, int)

    def __init__(self) -> None:
        super().__init__(margins=(24, 24, 24, 24))
        self.setAccessibleName(_("What an action changed"))
        self.setFixedWidth(min(px(360), 440))
        self._inside: QWidget | None = None
        self.button: Button | None = None
        self.seen: Deed | None = None
        self.rest: Link | None = None  # leads to the values that are not shown
        self.shown = 0

    def show_nothing(self, words: str) -> None:
        """No action is chosen."""
        column = self._anew()
        if words:
            column.addWidget(Label(words, tone="muted", wrap=True))
        column.addStretch(1)

    def show_seen(self, seen: Seen) -> None:
        """Show an action."""
        deed = seen.deed
        same, at = self.seen is not None and self.seen.id == deed.id, self.verticalScrollBar().value()
        again = keyboard_of(self, self)
        column = self._anew()
        self.seen = deed
        head = QVBoxLayout()
        head.setSpacing(px(2))
        head.addWidget(Label(breakable(deed.what), "title", wrap=True))
        who = ", ".join(part for part in (deed.who, deed.device) if part)
        if who:
            head.addWidget(Label(breakable(who), tone="muted", wrap=True))
        head.addWidget(Label(f"{day_words(local(deed.at).date())}, {local(deed.at):%H:%M}", tone="muted", wrap=True))
        column.addLayout(head)
        column.addSpacing(px(8))
        column.addLayout(self._deeds(deed))
        column.addSpacing(px(8))
        why, _way = reason_of(deed)
        if seen.behind:
            column.addWidget(IconLine("warning", breakable("\n".join([_("Undone in part"), *seen.behind])), tone="warn"))
        if why:
            column.addWidget(IconLine("prohibit", why))
            if seen.left:
                column.addWidget(Label(breakable("\n".join(seen.left)), tone="muted", wrap=True))
        elif seen.left is not None and (seen.left or deed.state != "undone"):  # of what is undone some may have been left: then somebody had changed it
            column.addWidget(IconLine("warning", breakable("\n".join(seen.left)), tone="warn") if seen.left else
                             IconLine("check-circle", _("Nobody has changed this since"), tone="ok"))
        if seen.values:
            self._values(column, seen)
        column.addStretch(1)
        if not why and deed.state != "undone":
            column.addWidget(Label(_("Undoing puts the old values back here and, with the next sync, on the other laptops. "
                                     "Ctrl+Shift+Z brings the new ones back."), "small", "muted", wrap=True))
        if same and self._inside is not None:  # something of it was changed meanwhile
            self._inside.show()
            again(self._inside)
            self.column.activate()
            self.verticalScrollBar().setValue(at)

    def _anew(self) -> QVBoxLayout:
        if self._inside is not None:
            self.column.removeWidget(self._inside)
            self._inside.hide()
            self._inside.deleteLater()
        self._inside, self.button, self.seen, self.rest, self.shown = QWidget(), None, None, None, 0
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self.column.addWidget(self._inside)
        self.verticalScrollBar().setValue(0)
        return column

    def _deeds(self, deed: Deed) -> QBoxLayout:
        buttons: list[QWidget] = []
        why, way = reason_of(deed)
        if not why:
            undone = deed.state == "undone"
            words = _("Redo") if undone else _("Undo all {n}").format(n=number(deed.count)) if deed.count > 1 else _("Undo")
            self.button = Button(words, "primary", "arrow-clockwise" if undone else "arrow-counter-clockwise")
            self.button.clicked.connect(lambda: self.turn.emit(deed))
            buttons.append(self.button)
        if deed.event == GONE_BACK:
            show = Button(_("Backups"), "primary")
            show.clicked.connect(partial(self.turn.emit, deed))
            buttons.append(show)
        elif deed.person is not None:
            show = Button(_("Show the member"))
            show.clicked.connect(partial(self.member.emit, deed.person))
            buttons.append(show)
        elif deed.gathering is not None:
            show = Button(_("Open the gathering"), "primary" if way else "secondary")
            show.clicked.connect(partial(self.gathering.emit, deed.gathering))
            buttons.append(show)
        return self._beside(buttons, sum(button.sizeHint().width() for button in buttons))

    def _beside(self, parts: Sequence[QWidget], width: float) -> QBoxLayout:
        """Parts in a row, or one below the other where there is no room for so much ``width`` and the gaps between."""
        fits = width + px(8) * (len(parts) - 1) <= self._room()
        box = QBoxLayout(QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom)
        box.setSpacing(px(8) if fits else px(4))
        for part in parts:
            box.addWidget(part, 0, Qt.AlignmentFlag.AlignLeft) if isinstance(part, Button) else box.addWidget(part)
        if fits:
            box.addStretch(1)
        return box

    def _room(self) -> int:
        """How wide what is shown may be."""
        return self.maximumWidth() - 2 * px(24) - self.verticalScrollBar().sizeHint().width()

    def _whose(self, one: Written) -> QBoxLayout:
        """Whose value it is, and at the right edge which; below, where both are too long for that."""
        name, its_field = Label(isolated(breakable(one.name)), "strong", wrap=True), metrics_of("body").horizontalAdvance(one.field)
        beside = its_field <= self._room() * 0.4 or metrics_of("strong").horizontalAdvance(one.name) + px(8) + its_field <= self._room()
        if not beside:
            box = QVBoxLayout()
            box.setSpacing(0)
            box.addWidget(name)
            box.addWidget(Label(breakable(one.field), tone="muted", wrap=True))
            return box
        row = QHBoxLayout()
        row.addWidget(name, 1)
        row.addWidget(Label(one.field, tone="muted"), 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _values(self, column: QVBoxLayout, seen: Seen) -> None:
        column.addSpacing(px(8))
        head = QHBoxLayout()
        head.addWidget(Label(_("What changed"), "heading"))
        head.addStretch(1)
        values = sum(seen.sums.values())
        if values:
            head.addWidget(Label(ngettext("{n} value", "{n} values", values).format(n=number(values)), "small", "muted"))
        column.addLayout(head)
        if len(seen.sums) > 1 and values > 6:
            sums = ", ".join(f"{number(count)} × {word}" for word, count in list(seen.sums.items())[:6])
            column.addWidget(Label(sums, "small", "muted", wrap=True))
        self._box = QVBoxLayout()
        self._box.setSpacing(column.spacing())
        column.addLayout(self._box)
        self._show_values(seen)

    def show_more(self, seen: Seen) -> None:
        """More of its values, below those that are shown."""
        if self.seen is None or self.seen.id != seen.deed.id or self.rest is None:
            return
        rest, self.rest = self.rest, None
        had_keyboard = rest.hasFocus()
        for part in rest, self._line:
            self._box.removeWidget(part)
            part.hide()
            part.deleteLater()
        self._show_values(seen)
        if had_keyboard:
            (self.rest or self).setFocus(Qt.FocusReason.OtherFocusReason)

    def _show_values(self, seen: Seen) -> None:
        """Those of its values that are not shown yet, and how many there are besides."""
        for one in seen.values[self.shown:]:
            self._box.addWidget(hairline())
            self._box.addLayout(self._value(one))
        self.shown = len(seen.values)
        more = seen.total - self.shown
        if more > 0:
            self._line = hairline()
            self._box.addWidget(self._line)
            self.rest = Link(ngettext("and {n} more", "and {n} more", more).format(n=number(more)))
            self.rest.clicked.connect(partial(self.more.emit, seen.deed, self.shown + MORE))
            self._box.addWidget(self.rest, 0, Qt.AlignmentFlag.AlignLeft)

    def _value(self, one: Written) -> QVBoxLayout:
        """One value: whose, which, what was and what came."""
        said = QVBoxLayout()
        said.setSpacing(px(2))
        said.addLayout(self._whose(one))
        came = _("now") if one.stands else _("then")
        for word, value in ((_("was"), one.was), (came, one.now)) if not one.new else ():
            row = QHBoxLayout()
            row.setSpacing(px(8))
            word_label = Label(word, tone="muted")
            word_label.setFixedWidth(px(36))
            row.addWidget(word_label, 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(Label(isolated(breakable(value)) if value else _("nothing"), tone="text" if value and word == came else "muted", wrap=True), 1)
            said.addLayout(row)
        return said
