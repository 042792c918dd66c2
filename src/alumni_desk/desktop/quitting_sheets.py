"""What is asked when the window closes while changes wait, or what was typed into a form is not saved. It names nobody: anybody may close a locked window."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from alumni_desk.desktop.controls import Button, Label
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.words import _, ngettext, number

TRY_MS = 5_000
"""How long a sync is tried before the window closes."""


class SendingSheet(PlainSheet):
    """What waits is being sent. ``late``: it has taken too long; ``stays``: the person would rather not close."""

    is_form = False
    names_nobody = True
    late = Signal()
    stays = Signal()

    def __init__(self, parent: QWidget, waiting: int) -> None:
        super().__init__(parent, _("Before the window closes"), width=480)
        words = ngettext("{n} change is being sent …", "{n} changes are being sent …", waiting).format(n=number(waiting))
        self.column.addWidget(Label(words, wrap=True))
        bar = QProgressBar()
        bar.setAccessibleName(words)
        bar.setTextVisible(False)
        bar.setRange(0, 0)
        self.column.addWidget(bar)
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.addStretch(1)
        self.stay, self.skip = Button(_("Stay")), Button(_("Do not wait"))
        self.stay.clicked.connect(self.reject)
        self.skip.clicked.connect(self.late)
        for button in (self.stay, self.skip):
            row.addWidget(button)
        self.set_foot(foot)
        self.rejected.connect(self.stays)
        self._timer = QTimer(self, interval=TRY_MS, singleShot=True)
        self._timer.timeout.connect(self.late)
        self._timer.start()

    def done(self, result: int) -> None:
        self._timer.stop()
        super().done(result)


class WaitingSheet(PlainSheet):
    """How many wait, that they are safe, and what can be done: ``quits``, ``saves`` (a transfer file) or ``stays``."""

    is_form = False
    names_nobody = True
    quits = Signal()
    saves = Signal()
    stays = Signal()

    def __init__(self, parent: QWidget, waiting: int) -> None:
        super().__init__(parent, _("Quit Alumni Desk?"))
        self.first = Label(_not_sent(waiting), "strong", wrap=True)
        self.column.addWidget(self.first)
        self._rest = [Label(ngettext("It is safe on this laptop, and goes up by itself when the program is open and the server can be reached.",
                                             "They are safe on this laptop, and go up by themselves when the program is open and the server can be reached.",
                                             waiting), wrap=True),
                      Label(ngettext("Will this laptop not be opened for a while? A transfer file takes it along: any laptop of the chapter can bring "
                                             "that file to the server.", "Will this laptop not be opened for a while? A transfer file takes them along: any "
                                             "laptop of the chapter can bring that file to the server.", waiting), tone="muted", wrap=True)]  # fmt: skip
        for label in self._rest:
            self.column.addWidget(label)
        self.said = Label("", "small", "ok", wrap=True)
        self.said.hide()
        self.column.addWidget(self.said)
        foot = QWidget()
        row = QHBoxLayout(foot)
        self.stay, self.save, self.quit = Button(_("Stay")), Button(_("Save a transfer file"), icon="floppy-disk"), Button(_("Quit"), "primary")
        self.stay.clicked.connect(self.reject)
        self.save.clicked.connect(self.saves)
        self.quit.clicked.connect(self.quits)
        row.addWidget(self.save)
        row.addStretch(1)
        row.addWidget(self.stay)
        row.addWidget(self.quit)
        self.set_foot(foot)
        self.rejected.connect(self.stays)
        self.quit.setFocus()

    def now_wait(self, waiting: int) -> None:
        """So many wait by now: the server may be back while this is read."""
        self.first.setText(_not_sent(waiting) if waiting else _("Everything is at the server now."))
        for part in (*self._rest, self.save):
            part.setVisible(waiting > 0)

    def saving(self) -> None:
        """The file is being written; quitting waits for what comes of it."""
        self.save.setEnabled(False)
        self.quit.setEnabled(False)

    def saved(self, sentence: str) -> None:
        """What came of the transfer file."""
        self.save.setEnabled(True)
        self.quit.setEnabled(True)
        self.said.setText(sentence)
        self.said.show()
        self.quit.setFocus()  # switched off meanwhile, it lost it


def _not_sent(waiting: int) -> str:
    return ngettext("{n} change could not be sent to the server now.", "{n} changes could not be sent to the server now.", waiting).format(n=number(waiting))


class FormsSheet(PlainSheet):
    """What is lost if the window closes now: ``quits``, or ``stays``, to unlock first if it is locked. ``forms``: 0 for one that was put away.

    ``back``: a key brings that one back.
    """

    is_form = False
    names_nobody = True
    quits = Signal()
    stays = Signal()

    def __init__(self, parent: QWidget, forms: int, *, locked: bool, back: bool = True) -> None:
        super().__init__(parent, _("Close Alumni Desk?"), width=480)
        words = ngettext("An open form is not saved yet: if the window closes now, what was typed into it is lost.",
                         "{n} open forms are not saved yet: if the window closes now, what was typed into them is lost.",
                         forms).format(n=number(forms))  # fmt: skip
        if not forms:
            words = _("A form was closed without saving it: if the window closes now, what was typed into it is lost.")
            if not locked and back:
                words += " " + _("Ctrl+Z brings it back.")
        self.column.addWidget(Label(words, wrap=True))
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.addStretch(1)
        self.quit, self.stay = Button(_("Close anyway")), Button(_("Unlock first") if locked else _("Go back"), "primary")
        self.quit.clicked.connect(self.quits)
        self.stay.clicked.connect(self.reject)
        for button in (self.quit, self.stay):
            row.addWidget(button)
        self.set_foot(foot)
        self.rejected.connect(self.stays)
        self.stay.setFocus()
