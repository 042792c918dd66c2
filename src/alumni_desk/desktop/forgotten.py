"""What remains where the password is forgotten and nobody made a recovery key."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Label
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paint import breakable
from alumni_desk.desktop.widgets import IconLine
from alumni_desk.words import _


class Remains(QWidget):
    """Nothing opens what is here; where else the members are, and how this laptop begins anew. ``folder``: where what is locked lies.

    ``paper``: there is a recovery key, which may be lost as well.
    """

    def __init__(self, folder: Path, *, paper: bool = False) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, px(4), 0, px(4))
        column.setSpacing(px(10))
        column.addWidget(Label(
            _("Without the password and the recovery key nobody can open what lies on this laptop, not even we. Its eight groups of five letters are on the "
              "paper that was printed, or in a file on a stick. What remains if both are lost:") if paper else
            _("Without the password nobody can open what lies on this laptop, not even we: there is no recovery key for it. Trying harms "
              "nothing; perhaps it comes back to you. What remains:"), wrap=True))
        for icon, words, second in (
            ("floppy-disk", _("A backup that was given a password of its own"), _("It opens with that one, also on another laptop.")),
            ("laptop", _("Another laptop of the chapter"), _("If there is one, it has the same members, but for what this one had not sent yet.")),
            ("paper-plane-tilt", _("A new invitation"), _("Whoever leads the chapter, or the network’s admin, can send one. To use it on this laptop, close "
                                                          "Alumni Desk, move the folder {folder} away, and open it again.").format(
                                                              folder=breakable(str(folder)))),
        ):  # fmt: skip
            column.addWidget(IconLine(icon, words, second))
