"""The end of a laptop's time with a chapter: hand over, leave; and for the network's admins another chapter in place of this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from alumni_desk.desktop.chapter_choice import ChapterChoice
from alumni_desk.desktop.controls import Button, Label
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.setting_rows import SettingRow, section
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.sync.switching import Chapter


class EndTerm(QWidget):
    """Rows for the details. ``switched(name)`` when the desk shows another chapter: the details are drawn anew meanwhile, and these rows with them."""

    def __init__(self, bridge: SyncBridge, chapter: str, *, admin: bool, hand_over: Callable[[], None], switched: Callable[[str], None]) -> None:
        super().__init__()
        self._bridge, self._chapter, self._admin, self._switched = bridge, chapter, admin, switched
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        if admin:
            column.addWidget(section(_("Chapters")))
            self.switch = _named(Button(_("Choose")), _("Choose another chapter"))
            self.switch.clicked.connect(self.ask_chapter)
            column.addWidget(SettingRow(_("This laptop shows {chapter}").format(chapter=isolated(chapter)), _(
                "You may work on every chapter of the network, one at a time. What waits is sent first."), self.switch))
        column.addWidget(section(_("End of term")))
        self.over = _named(Button(_("Hand over")), _("Hand over the chapter"))
        self.over.clicked.connect(hand_over)
        column.addWidget(SettingRow(_("Hand over the chapter"), _("You invite your successor. When they have joined, this laptop sends everything and is "
                                    "emptied; its other open invitations end."), self.over))  # fmt: skip
        if admin:
            column.addWidget(Label(_for_every_chapter(), tone="muted", wrap=True))
        self.leaves = _named(Button(_("Leave"), "danger"), _("Leave the chapter"))
        self.leaves.clicked.connect(self.ask_leave)
        column.addWidget(SettingRow(_("Leave the chapter"), _("Where others look after it, too. This laptop sends everything and is emptied."), self.leaves))

    def ask_leave(self) -> None:
        """Leave, after a question."""
        sheet = Sheet(self.window(), _("Leave {chapter}?").format(chapter=isolated(self._chapter)), _("Send everything and leave"), kind="danger")
        sheet.column.addWidget(Label(_("What this laptop has still to send goes to the server first. Then its members, backups and keys are erased from it. "
                                       "Open invitations made on it end. The chapter and the other laptops keep everything; to come back you need an "
                                       "invitation."), wrap=True))  # fmt: skip
        if self._admin:
            sheet.column.addWidget(Label(_for_every_chapter(), wrap=True, tone="warn"))

        def leave() -> None:
            from alumni_desk.sync import leaving

            sheet.set_busy(_("Sending what waits …"))
            self._bridge.end_here(leaving.leave, sheet.complain)

        sheet.done_clicked.connect(leave)
        sheet.open()

    def ask_chapter(self) -> None:
        """Choose another chapter."""
        sheet = ChaptersSheet(self.window(), self._bridge)
        sheet.switched.connect(self._switched)
        sheet.open()


class ChaptersSheet(Sheet):
    """The chapters of the network, to choose one from. ``switched(name)`` when the desk shows it."""

    switched = Signal(str)

    def __init__(self, parent: QWidget, bridge: SyncBridge) -> None:
        super().__init__(parent, _("Chapters"), _("Switch"))
        self._bridge = bridge
        self._wanted: Chapter | None = None
        self._words = Label(_("Asking the server …"), tone="muted", wrap=True)
        self.column.addWidget(self._words)
        self.choice = ChapterChoice()
        self.choice.chosen.connect(self._choose)
        self.column.addWidget(self.choice)
        self.done_clicked.connect(self._switch)
        self.set_reason(_("Asking the server …"))
        bridge.chapters(self._came, self._failed)

    def _came(self, found: list[Chapter]) -> None:
        self._words.setText(_("What waits is sent first; then this laptop is emptied of the present chapter and fetches the other one."))
        self.choice.set_chapters(found)
        self.choice.first().setFocus(Qt.FocusReason.OtherFocusReason)
        self.set_reason(_("Choose another one") if len(found) > 1 else _("There is no other one"))

    def _failed(self, error: Exception) -> None:
        self._words.setText(str(error))
        self.set_reason(_("The server cannot be asked now"))

    def _choose(self, one: Chapter | None) -> None:
        self._wanted = one
        self.set_reason(_("Choose another one") if one is None else _("It is shown already") if one.here else "")

    def _switch(self) -> None:
        wanted = self._wanted
        if wanted is None:
            return
        self.set_busy(_("Switching …"))

        def done(chapter: Chapter) -> None:
            self.accept()
            self.switched.emit(chapter.name)

        self._bridge.switch(wanted.id, done, self.complain)


def _for_every_chapter() -> str:
    return _("This laptop is a network admin’s: leaving or handing over ends its access to every chapter of the network. To go on as admin, choose another "
             "chapter, or invite a leader for this one.")


def _named(button: Button, name: str) -> Button:
    button.setAccessibleName(name)
    return button
