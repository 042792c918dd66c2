"""Move a member to another chapter: which one, what goes along and what stays, said before it is done, since Undo does not bring them back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from alumni_desk.desktop.background import Job, Lanes
from alumni_desk.desktop.chapter_choice import ChapterChoice
from alumni_desk.desktop.controls import Label, hairline
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.pages import Notice
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.widgets import IconLine
from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.member_moving import Going, MovedAway
    from alumni_desk.sync.switching import Chapter


class MoveMemberSheet(Sheet):
    """``moved(MovedAway)`` when it is done. ``tried``: it came to nothing, but what others did meanwhile may be here now."""

    moved = Signal(object)
    tried = Signal()

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, who: Going) -> None:
        super().__init__(parent, _("Move {name} to another chapter").format(name=isolated(who.name)), _("Move"), width=608)
        self._desk, self._lanes, self._who = desk, lanes, who
        self._to: Chapter | None = None
        self.column.addWidget(Label(_("To which chapter"), "label"))
        self.choice = ChapterChoice()
        self.choice.setAccessibleName(_("To which chapter"))
        self.choice.chosen.connect(self._choose)
        self.column.addWidget(self.choice)
        self.choice.hide()  # nothing to choose yet
        self._asking = Label("", tone="muted", wrap=True)
        self.column.addWidget(self._asking)
        self._trouble: Notice | None = None
        self.column.addWidget(hairline())
        self._words = QWidget()
        self.column.addWidget(self._words)
        self._say_what()
        self.done_clicked.connect(self._move)
        self._at = 0
        self._ask()
        self.finished.connect(lambda result: self._job.cancel())

    # -- the chapters

    def _ask(self) -> None:
        self._forget_trouble()
        self._asking.setText(_("Asking the server for its chapters …"))
        self._asking.show()
        self.set_reason(_("The chapters are still to come"))
        self._job = self._lanes.send_long(self._places, self._came, self._not_asked)

    def _places(self, job: Job) -> list[Chapter]:
        from alumni_desk.sync.engine import wire_of
        from alumni_desk.sync.member_moving import places

        wire = wire_of(self._desk)
        try:
            with job.ended_by(wire.stop):
                return places(self._desk, wire=wire)
        finally:
            wire.close()

    def _came(self, found: list[Chapter]) -> None:
        self._asking.setVisible(not found)
        if not found:
            self._asking.setText(_("This laptop looks after no other chapter at this server, so there is none to move them to. The network’s admin can."))
            self.set_reason(_("There is no other chapter"))
            return
        self.choice.set_chapters(found)
        self.choice.show()
        self.set_reason(_("No chapter is chosen yet"))
        if self.focusWidget() in (None, self.shut, self.cancel):
            QTimer.singleShot(0, self.choice, lambda: self.choice.first().setFocus(Qt.FocusReason.OtherFocusReason))

    def _not_asked(self, error: KnownError) -> None:
        self._asking.hide()
        offline = error.code == "sync_unreachable"
        words = _("The server cannot be reached, and only it can move somebody. Check the network, then try again.") if offline else str(error)
        self._trouble = Notice("wifi-slash" if offline else "warning", words, mend=_("Try again"), act=self._ask)
        self.column.insertWidget(self.column.indexOf(self._asking), self._trouble)
        self.set_reason(_("The server cannot be asked now"))
        if self._trouble.button is not None:
            self._trouble.button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _forget_trouble(self) -> None:
        if self._trouble is not None:
            self._trouble.hide()
            self._trouble.deleteLater()
            self._trouble = None

    def _choose(self, one: Chapter | None) -> None:
        self._to = one
        self.set_reason("" if one is not None else _("No chapter is chosen yet"))

    # -- what it means

    def _say_what(self) -> None:
        """What goes along, what stays, and what becomes of it here."""
        who, words = self._who, QWidget()
        column = QVBoxLayout(words)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        for place, (title, lines) in enumerate(((_("Goes along"), _goes(who)), (_("Stays in {chapter}").format(chapter=isolated(who.chapter)), _stays(who)),
                                                (_("On this chapter’s laptops"), _here(who)))):
            if place:
                column.addSpacing(px(4))
            column.addWidget(Label(title, "label", wrap=True))
            for icon, line in lines:
                column.addWidget(IconLine(icon, line))
        column.addSpacing(px(4))
        column.addWidget(Label(_("There is no Undo. To take it back, switch to the other chapter (Sync page, Details) and move them back from there; places "
                                 "that ended are then noted anew."), tone="muted", wrap=True))
        self.column.replaceWidget(self._words, words)
        self._words.hide()
        self._words.deleteLater()
        self._words = words

    # -- the move

    def _move(self) -> None:
        to = self._to
        if to is None:
            return
        self.choice.setEnabled(False)
        self._at = 0
        self.set_busy(_("Sending what waits …"))
        self._job = self._lanes.send_long(partial(self._carry_out, to), self._moved, self._failed, progress=self._step)

    def _carry_out(self, to: Chapter, job: Job) -> MovedAway:
        from alumni_desk.sync.engine import wire_of
        from alumni_desk.sync.member_moving import move_member

        wire = wire_of(self._desk)
        try:
            with job.ended_by(wire.stop):
                return move_member(self._desk, self._who, to, wire=wire, step=job.progress)
        finally:
            wire.close()

    def _step(self, done: int, total: int) -> None:
        from alumni_desk.sync.member_moving import LETTING_GO, MOVING

        words = {MOVING: _("The server moves them …"), LETTING_GO: _("Taking them off this laptop …")}
        self._at = done
        if done in words:
            self.set_busy(words[done])

    def _moved(self, done: MovedAway) -> None:
        self.accept()
        self.moved.emit(done)

    def _failed(self, error: KnownError) -> None:
        from alumni_desk.sync.member_moving import MOVING

        self.choice.setEnabled(True)
        if not isinstance(error, NetworkProblem):
            self.complain(error)
        elif self._at < MOVING:
            self.tell(_("Nobody was moved. {problem}").format(problem=error), "danger")
        else:
            self.tell(_("The server did not answer, so this laptop does not know whether they were moved. Try again: nobody is moved twice."), "danger")
        if error.code == "group_changed":
            self._look_again()
        self.tried.emit()

    def _look_again(self) -> None:
        """They are one with others now than was said here."""
        from alumni_desk.sync.member_moving import going

        def seen(who: Going) -> None:
            self._who = who
            self._say_what()

        self._lanes.read(lambda: going(self._desk, self._who.id), seen, self.complain)


def _goes(who: Going) -> list[tuple[str, str]]:
    known = _("All that is known of them: names, contacts, wishes and notes.")
    if who.degrees:
        known = ngettext("All that is known of them: names, contacts, wishes, notes and {n} degree.",
                         "All that is known of them: names, contacts, wishes, notes and {n} degrees.", who.degrees).format(n=number(who.degrees))
    lines = [("arrow-right", known)]
    if merged := len(who.entries) - 1:
        lines.append(("git-merge", ngettext("{n} entry that was merged with theirs.", "{n} entries that were merged with theirs.", merged).format(
            n=number(merged))))
    if who.household and who.household_goes:
        lines.append(("users-three", _("Their household, {household}: nobody else of it stays.").format(household=isolated(who.household))))
    if who.undecided:
        lines.append(("git-merge", ngettext("{n} field that two people changed: whoever looks after the new chapter decides on it.",
                                            "{n} fields that two people changed: whoever looks after the new chapter decides on them.",
                                            who.undecided).format(n=number(who.undecided))))
    return lines


def _stays(who: Going) -> list[tuple[str, str]]:
    lines = [("calendar-blank", ngettext("That somebody came to {n} gathering, counted without a name.",
                                         "That somebody came to {n} gatherings, counted without a name.", who.came).format(n=number(who.came)) if who.came
              else _("No attendance: they came to no gathering."))]
    if who.ahead:
        lines.append(("x-circle", ngettext("Their place at {n} gathering to come, which ends.", "Their places at {n} gatherings to come, which end.",
                                           who.ahead).format(n=number(who.ahead))))
    if who.household and not who.household_goes:
        lines.append(("users-three", _("Their household, {household}, with those of it who stay.").format(household=isolated(who.household))))
    return lines


def _here(who: Going) -> list[tuple[str, str]]:
    lines = []
    if who.waiting:
        lines.append(("paper-plane-tilt", ngettext("{n} change that waits on this laptop is sent first.",
                                                   "{n} changes that wait on this laptop are sent first.", who.waiting).format(n=number(who.waiting))))
    lines.append(("laptop", _("They go from every list, from history and from the backups made by themselves: here at once, on the other laptops at their next "
                              "sync. Backups that you made by hand and files that you exported keep them.")))
    return lines
