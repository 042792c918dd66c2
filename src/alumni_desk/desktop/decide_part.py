"""To decide: fields that two people changed without seeing each other, as cards. Read offline; a decision is an action with its Undo."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMoveEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.conflict_card import ConflictCard, Side
from alumni_desk.desktop.controls import Link
from alumni_desk.desktop.dates import day_short, weekday_short
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.widgets import heading
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, number

if TYPE_CHECKING:
    from alumni_desk.sync.conflicts import Choice, Conflict, Decided
    from alumni_desk.sync.conflicts import Side as Known

SHOWN = 3
"""Cards that are shown at first."""

DOUBLE_S = 0.6
"""So long after a card went the others are not decided: a second click was meant for it."""


class DecidePart(QWidget):
    """``done(changed, words)``: a decision was saved, an action like any other; ``said(sentence)``: it was not.

    ``asked_again``: the cards are to be looked up anew; ``moved(by)``: what stands above them is higher now by so much.
    """

    done = Signal(object, str)
    said = Signal(str)
    asked_again = Signal()
    moved = Signal(int)

    def __init__(self, desk: Desk, lanes: Lanes) -> None:
        super().__init__()
        self._desk, self._lanes = desk, lanes
        self._found: tuple[Conflict, ...] = ()
        self._later: dict[str, int] = {}  # for this session: those that were put off, in the order in which they were
        self._all = False
        self._focus_at: int | None = None
        self._went = 0.0  # when a card last went, by the monotonic clock
        self.cards: list[ConflictCard] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._body = QWidget()
        self._column.addWidget(self._body)
        self.hide()

    def show_cards(self, found: Sequence[Conflict]) -> None:
        """Show other cards; those that were put off come last."""
        ordered = tuple(sorted(found, key=lambda one: self._later.get(one.id, 0)))
        if ordered != self._found or not self.cards:
            if {one.id for one in self._found} - {one.id for one in ordered}:
                self._went = time.monotonic()
            self._found = ordered
            self._draw()
        self.setVisible(bool(ordered))

    @property
    def heeds(self) -> bool:
        """Whether cards are decided now."""
        return time.monotonic() - self._went > DOUBLE_S

    def first_focus(self) -> QWidget | None:
        """The first button of the first card."""
        return self.cards[0].buttons[0] if self.cards else None

    def moveEvent(self, event: QMoveEvent) -> None:
        self.moved.emit(event.pos().y() - event.oldPos().y())

    def has_focus(self) -> bool:
        """Whether the keyboard is in one of the cards."""
        return self._focused() is not None

    def _draw(self) -> None:
        place = self._focus_at if self._focus_at is not None else self._focused()
        self._focus_at = None
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, px(24))
        column.setSpacing(px(12))
        column.addWidget(heading(_("To decide"), number(len(self._found))))
        shown = self._found if self._all else self._found[:SHOWN]
        self.cards = []
        for one in shown:
            card = ConflictCard(isolated(one.name), what_words(one), sides_of(one))
            card.decided.connect(lambda key, one=one, card=card: self._decide(one, key, card))
            card.later.connect(lambda one=one: self._put_off(one))
            self.cards.append(card)
            column.addWidget(card)
        if len(self._found) > len(shown):
            more = Link(_("Show all {n}").format(n=number(len(self._found))))
            more.clicked.connect(self._show_all)
            column.addWidget(more, 0, Qt.AlignmentFlag.AlignLeft)
        self._column.replaceWidget(self._body, body)
        body.show()
        if place is not None and self.cards and self.isVisible():
            # Itself, so that a key pressed twice decides nothing more; and before the old ones go, whose focus the page would follow elsewhere.
            self.cards[min(place, len(self.cards) - 1)].setFocus()
        self._body.hide()
        self._body.deleteLater()
        self._body = body

    def _focused(self) -> int | None:
        """Which card the keyboard is in."""
        focused = QApplication.focusWidget()
        return next((place for place, card in enumerate(self.cards) if focused is not None and (card is focused or card.isAncestorOf(focused))), None)

    def _show_all(self) -> None:
        self._all = True
        self._focus_at = len(self.cards)
        self._draw()

    def _put_off(self, one: Conflict) -> None:
        self._later[one.id] = max(self._later.values(), default=0) + 1
        self._focus_at = 0
        self.show_cards(self._found)

    def _decide(self, one: Conflict, key: Choice, card: ConflictCard) -> None:
        if not self.heeds:
            return
        card.busy()
        self._focus_at = self.cards.index(card) if card in self.cards else 0

        def work() -> Decided:
            from alumni_desk.sync.conflicts import decide

            return decide(self._desk, one.id, key, one)

        self._lanes.write(work, lambda decided: self._decided(one, key, decided), self._failed)

    def _decided(self, one: Conflict, key: Choice, decided: Decided) -> None:
        self._later.pop(one.id, None)
        from alumni_desk.sync.conflicts import between

        words = {"yours": _("{name}: yours is kept"), "theirs": _("{name}: theirs is kept"), "both": _("{name}: both are kept")}[key]
        if key != "both" and between(one) != "us":
            words = _("{name}: one of the two is kept")
        self.done.emit(decided.changed, words.format(name=isolated(one.name)))
        self.asked_again.emit()

    def _failed(self, error: KnownError) -> None:
        self.said.emit(str(error))
        self.asked_again.emit()
        self._draw()


def what_words(one: Conflict) -> str:
    """What the two disagree on, after the name."""
    from alumni_desk.sync.conflicts import between

    if between(one) == "entries":
        return _("{what}: noted here on an entry that was merged into this one meanwhile").format(what=one.what)
    return _("{what}: two people changed it without seeing each other").format(what=one.what)


def sides_of(one: Conflict) -> list[Side]:
    """A card's columns."""
    from alumni_desk.sync.conflicts import between, said

    merged = between(one) == "entries"
    first, second, deed = {"us": ("", "", ""), "others": (_("One of two"), _("The other"), _("Keep this")),
                           "entries": (_("On the merged entry"), _("On this entry"), _("Keep this"))}[between(one)]
    sides = [Side("yours", value_words(said(one, one.yours)), _who(one.yours), one.yours.shown, first, deed),
             Side("theirs", value_words(said(one, one.theirs)), "" if merged and not one.theirs.value else _who(one.theirs),
                  one.theirs.shown, second, deed)]  # whoever left it empty is nobody
    if one.both:
        many = isinstance(one.yours.value, list)
        sides.append(Side("both", _("all of them, the first first") if many else _("the first, and the other as second") if deed
                          else _("yours first, theirs as second"), _("nothing is lost")))
    return sides


def value_words(value: Any) -> str:
    """A value as people read it."""
    if value is None or value == "" or value == []:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(_item(one) for one in value)
    return isolated(str(value)) if isinstance(value, str) else number(value)


def _item(one: Any) -> str:
    return " ".join(str(part) for part in one.values() if part not in (None, "")) if isinstance(one, dict) else str(one)


def _who(side: Known) -> str:
    at = datetime.fromisoformat(side.at).astimezone()
    when = f"{weekday_short(at.date())} {day_short(at.date())} {at:%H:%M}"
    where = _("this laptop") if side.here else isolated(side.device or "")
    return ", ".join(part for part in (isolated(side.who or ""), where, when) if part)


