"""Looking at what a removed laptop handed over: each lot in words, released to count or thrown away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Label, Link, hairline
from alumni_desk.desktop.dates import day_middle
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import breakable
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, clock_time, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.set_aside import Looked, SetAside

HIGH = 280
"""So high is a lot that is shown whole, beside its buttons; it scrolls by itself."""

GONE = "no_such_parcel"
"""What the server says of a lot that somebody released, or threw away."""


class SetAsideSheet(PlainSheet):
    """``looked`` is called whenever something was decided."""

    is_form = False

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, parcels: Sequence[SetAside], looked: Callable[[], None]) -> None:
        super().__init__(parent, _("Set aside"), width=640)
        self._desk, self._lanes, self._looked = desk, lanes, looked
        self._left = len(parcels)
        self.column.addWidget(Label(_("This comes from laptops that are removed, or that the server does not know. It counts only if you release it; then it "
                                      "is judged as any other change. What you throw away is gone."), tone="muted", wrap=True))  # fmt: skip
        for one in parcels:
            self.column.addWidget(self._lot(one))
        if not parcels:
            self.column.addWidget(Label(_("Nothing is set aside any more."), wrap=True))
        self.said = Label("", "small", "muted", wrap=True)
        self.column.addWidget(self.said)
        self.said.hide()  # an empty line has no room
        self.column.addStretch(1)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.addStretch(1)
        done = Button(_("Done"), "primary")
        done.clicked.connect(self.accept)
        row.addWidget(done)
        self.set_foot(foot)
        done.setFocus()

    def _lot(self, one: SetAside) -> QWidget:
        from alumni_desk.sync.set_aside import erases_words

        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        column.addWidget(hairline())
        at = datetime.fromisoformat(one.received).astimezone()
        changes = ngettext("{n} change", "{n} changes", one.count).format(n=number(one.count))
        column.addWidget(Label(_("{changes} from {laptop}").format(changes=changes, laptop=one.laptop), "strong", wrap=True))
        who = _("{who}, handed over on {day}, {time}") if one.who else _("Handed over on {day}, {time}")
        column.addWidget(Label(who.format(who=one.who, day=day_middle(at.date()), time=clock_time(at)), "small", "muted", wrap=True))
        column.addWidget(Label(one.why, "small", "muted", wrap=True))
        column.addSpacing(px(8))
        column.addWidget(Changes(one, self._show_all))
        column.addSpacing(px(8))
        asks = Label(ngettext("Throw {n} change away? There is no undo.", "Throw {n} changes away? There is no undo.", one.count).format(n=number(one.count)),
                     tone="danger", wrap=True)  # fmt: skip
        erases = Label(erases_words(one), tone="danger", wrap=True)
        column.addWidget(asks)
        column.addWidget(erases)
        column.addSpacing(px(4))
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        release, discard = Button(_("Release: let it count")), Button(_("Throw away"))
        keep, away = Button(_("Keep it here")), Button(_("Throw away for good"), "danger")
        erase = Button(_("Release and erase for good"), "danger")
        every = (release, discard, keep, away, erase)
        for button in every:
            button.setAccessibleName(_("{deed}: {changes} from {laptop}").format(deed=button.text(), changes=changes, laptop=one.laptop))
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)

        def turn(question: Label | None = None, answer: Button = discard) -> None:
            for widget in (asks, erases, keep, away, erase):
                widget.setVisible(widget in ((question, keep, answer) if question is not None else ()))
            for button in (release, discard):
                button.setVisible(question is None)
            (keep if question is not None else answer).setFocus()

        for widget in (asks, erases, keep, away, erase):
            widget.hide()  # not shown before the lot has its place in the dialog
        discard.clicked.connect(lambda: turn(asks, away))
        keep.clicked.connect(lambda: turn(answer=release if not erases.isHidden() else discard))
        release.clicked.connect(lambda: turn(erases, erase) if one.erases else self._decide(one, "release", every, box))
        erase.clicked.connect(lambda: self._decide(one, "release", every, box))
        away.clicked.connect(lambda: self._decide(one, "discard", every, box))
        return box

    def _show_all(self, changes: Changes) -> None:
        changes.every.setEnabled(False)

        def work() -> SetAside:
            from alumni_desk.sync.set_aside import whole

            return whole(self._desk, changes.lot.id)

        def came(lot: SetAside) -> None:
            self.bring_into_view(changes.show_whole(lot))

        def failed(error: KnownError) -> None:
            changes.every.setEnabled(True)
            self._say(str(error), "danger")

        self._lanes.send(work, came, failed)

    def _decide(self, one: SetAside, deed: str, buttons: Sequence[Button], box: QWidget) -> None:
        for button in buttons:
            button.setEnabled(False)

        def work() -> Looked:
            from alumni_desk.sync import set_aside

            return (set_aside.release if deed == "release" else set_aside.discard)(self._desk, one.id)

        def failed(error: KnownError) -> None:
            if error.code == GONE:
                box.setEnabled(False)
                self._say(_("This was decided on another laptop meanwhile, by a leader or an admin: nothing is left of it to decide."), "warn")
                self._looked()
                return
            for button in buttons:
                button.setEnabled(True)
            self._say(str(error), "danger")

        self._lanes.send(work, lambda done: self._decided(deed, done, box), failed)

    def _decided(self, deed: str, done: Looked, box: QWidget) -> None:
        box.setEnabled(False)
        if deed == "release":
            taken = ngettext("{n} change counts now.", "{n} changes count now.", done.taken).format(n=number(done.taken))
            refused = ngettext("{n} was not taken.", "{n} were not taken.", done.refused).format(n=number(done.refused)) if done.refused else ""
            self._say(f"{taken} {refused}".strip())
        else:
            self._say(_("Thrown away."))
        self._looked()

    def _say(self, sentence: str, tone: str = "muted") -> None:
        self.said.setText(sentence)
        self.said.setVisible(bool(sentence))
        self.said.set_tone(tone)  # type: ignore[arg-type]


class Changes(QWidget):
    """What is in a lot, a line each and uncut: whoever decides has to see what was written. ``show_all(this)``: the others are asked for, too."""

    def __init__(self, lot: SetAside, show_all: Callable[[Changes], None]) -> None:
        super().__init__()
        self.lot = lot
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        self._first = [Label(breakable(line), wrap=True) for line in lot.what]
        for label in self._first:
            column.addWidget(label)
        changes = ngettext("{n} change", "{n} changes", lot.count).format(n=number(lot.count))
        self._name = _("{changes} from {laptop}").format(changes=changes, laptop=lot.laptop)
        self.every = Link(_("Show all {n}").format(n=number(lot.count)))
        self.every.setAccessibleName(_("{deed}: {changes} from {laptop}").format(deed=_("Show all"), changes=changes, laptop=lot.laptop))
        self.every.clicked.connect(lambda: show_all(self))
        column.addWidget(self.every, 0, Qt.AlignmentFlag.AlignLeft)
        self.every.setVisible(bool(lot.more))
        self._column = column

    def show_whole(self, lot: SetAside) -> QPlainTextEdit:
        """Everything instead of the first ones, in a box that scrolls: hundreds of labels would take seconds."""
        rest = [ngettext("and {n} more", "and {n} more", lot.more).format(n=number(lot.more))] if lot.more else []  # very long ones go into no answer
        text = QPlainTextEdit("\n".join([*(f"• {line}" for line in lot.what), *rest]))
        text.setReadOnly(True)
        text.setTabChangesFocus(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard)
        text.setAccessibleName(self._name)
        text.setFixedHeight(px(HIGH))
        for label in self._first:
            label.hide()
        self.every.hide()
        self._column.addWidget(text)
        text.show()  # so that it can have the focus at once
        return text
