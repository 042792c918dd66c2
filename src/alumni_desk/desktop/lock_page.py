"""What stands in the window's place while it is locked. It names no member."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QFocusEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import WINDOW, Button, Label, Link, hairline, shortcut
from alumni_desk.desktop.fonts import px, text_size
from alumni_desk.desktop.forgotten import Remains
from alumni_desk.desktop.front import text_size_choice
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import breakable
from alumni_desk.desktop.unlock import CentredColumn, SecretEntry, badge_words, head_row
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.words import _, clock_time, ngettext, number

Why = Literal["idle", "sleep", "asked"]


@dataclass(frozen=True)
class Locked:
    """What the locked page may say: whose chapter, why and when, what may open it, what goes on meanwhile."""

    chapter: str
    university: str
    why: Why
    minutes: int
    at: datetime
    password: bool
    keyring: bool
    recovery: bool
    owner: str = ""
    write_to: str = ""
    door: bool = False
    drafts: int = 0
    saving: tuple[str, ...] = ()  # what is being saved while it is locked
    files: int = 0  # so many were handed to the program, and wait
    standing: str = ""
    folder: Path | None = None  # where what is locked lies


class LockPage(QWidget):
    """Column 440. ``given(typed)``: a password or recovery key to try; ``by_store``: the password store is to open it; ``otherwise``: it is waited for no
    longer; ``backups``: the chapter is
    to be closed, for the way to a backup; ``door``: back to check-in; ``sized(percent)``: another text size is wanted.
    """

    given = Signal(str)
    by_store = Signal()
    otherwise = Signal()
    backups = Signal()
    door = Signal()
    sized = Signal(int)

    def __init__(self, locked: Locked, parent: QWidget) -> None:
        super().__init__(parent)
        self.locked = locked
        self._standing: Label | None = None
        self._door: Label | None = None
        self._badge = ""
        self.setAccessibleName(_("Locked"))
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # a click on it takes the caret from nobody, and Shift+Tab goes past it
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        self.middle = CentredColumn(above=1)
        whole.addWidget(self.middle)
        column = self.middle.parts
        column.addLayout(head_row(locked.chapter or "Alumni Desk", locked.university))
        column.addSpacing(px(12))
        column.addLayout(_line("lock-simple", Label(why_words(locked), tone="muted", wrap=True)))
        column.addSpacing(px(4))
        self.entry: SecretEntry | None = None
        if locked.password or locked.recovery:
            remains = Remains(locked.folder, paper=locked.recovery) if locked.folder is not None else None
            self.entry = SecretEntry(_("Unlock"), password=locked.password, recovery=locked.recovery, remains=remains)
            self.entry.offer_remains(not locked.keyring)
            self.entry.given.connect(self.given)
        self.store = Button(_("Unlock with this computer’s password store"), "secondary" if locked.password else "primary", "key", height=40)
        self.store.clicked.connect(self.by_store)
        self.store_said = Label("", "small", "danger", wrap=True)
        self.store_said.hide()
        self.waiting = self._waiting_part()
        # Somebody who knows the password hardly wants one: there it is a quiet way, as on the first page.
        self.restore: Button = Link(_("Restore a backup …"), role="small") if locked.password else Button(
            _("Restore a backup …"), "secondary" if self.entry is not None else "primary", "clock-counter-clockwise", height=40)
        self.restore.clicked.connect(self.backups)
        self.restore_said = Label(_("For that the chapter is closed first; what you had not saved is lost."), "small", "muted", wrap=True)
        for part in (self.restore, self.restore_said):
            part.hide()
        if self.entry is not None and locked.keyring and not locked.password:
            self.entry.button.kind = "secondary"  # one thing matters most: the store
        store: list[QWidget | None] = [self.store if locked.keyring else None, self.waiting, self.store_said]
        # Where there is no password the password store comes first, and the recovery key is what remains.
        for one in [self.entry, *store] if locked.password else [*store, self.entry]:
            if one is not None:
                column.addWidget(one)
        column.addWidget(self.restore)
        column.addWidget(self.restore_said)
        if not locked.keyring:
            self.store.hide()
        column.addSpacing(px(8))
        self._meanwhile(column, locked)
        if not locked.door:  # its text is measured for the guests who look at it
            bar = QHBoxLayout()
            bar.setContentsMargins(px(24), px(12), px(24), 0)
            bar.addStretch(1)
            self.size_choice = text_size_choice(text_size(), self.sized.emit)
            bar.addWidget(self.size_choice)
            whole.insertLayout(0, bar)
        self.middle.column.addStretch(2)
        foot = Label(breakable(foot_words(locked)), "small", "muted", wrap=True)
        foot.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.middle.column.addWidget(foot)
        self.middle.follow_keyboard()
        shortcut("Ctrl+Q", self, lambda: self.window().close(), WINDOW).setAutoRepeat(False)  # the window's own keys are off while it is locked

    def _waiting_part(self) -> QWidget:
        """What is said while the password store is asked: it may have its question elsewhere on the screen, or not answer at all."""
        part = QWidget()
        column = QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        asked = _("This computer’s password store is asked for the key. If it is locked, it asks for its password in a window of its own.")
        column.addLayout(_line("hourglass", Label(asked, "small", wrap=True)))
        words = _("Use the password instead") if self.locked.password else _("Use the recovery key instead") if self.locked.recovery else _("Wait no longer")
        self.other_way = Button(words)
        self.other_way.clicked.connect(self._wait_no_longer)
        column.addWidget(self.other_way, 0, Qt.AlignmentFlag.AlignLeft)
        part.hide()
        return part

    def say_standing(self, words: str) -> bool:
        """What the sync does now; whether that has its place on the page already."""
        if self._standing is None or not words:
            return False
        self._standing.setText(words)
        self.locked = replace(self.locked, standing=words)
        return True

    def read_badges(self, scans: QObject) -> None:
        """Badges are read here, too, wherever the keyboard is, and what was typed of a password stays: ``scans`` catches them."""
        for part in self.findChildren(QWidget):
            if part.focusPolicy() != Qt.FocusPolicy.NoFocus:
                part.installEventFilter(scans)

    def say_badge(self, answer: str) -> None:
        """What check-in answered to a badge that was read."""
        self._badge = answer
        if self.entry is not None:
            self.entry.forget_caps()
        if self._door is not None:
            self._door.setText(_door_words(answer))

    def was_badge(self, before: str = "", *, hidden: bool = False) -> None:
        """A badge stood where a password is typed, perhaps behind the beginning of one: that is no try. Where no check-in goes on it is said that nobody was
        checked in; ``hidden``: it is open under the lock.
        """
        if self.entry is not None:
            self.entry.was_none("" if self.locked.door else badge_words(before, hidden=hidden), before)

    def _meanwhile(self, column: QVBoxLayout, locked: Locked) -> None:
        lines = []
        if locked.drafts:
            lines.append(("note-pencil", ngettext(
                "An open form comes back as it was; nothing of it is saved yet",
                "{n} open forms come back as they were; nothing of them is saved yet", locked.drafts).format(n=locked.drafts)))
        if locked.files:
            lines.append(("file-text", ngettext("A file that was opened waits until you unlock", "{n} files that were opened wait until you unlock",
                                                locked.files).format(n=number(locked.files))))
        lines += [("download-simple", words) for words in locked.saving]
        if not lines and not locked.standing and not locked.door:
            return
        column.addWidget(hairline())
        column.addWidget(Label(_("Meanwhile"), "strong", "muted"))
        if locked.door:
            link = Link(_("Open check-in"))
            link.clicked.connect(self.door)
            self._door = Label(_door_words(""), wrap=True)
            row = _line("door", self._door)
            row.addWidget(link)
            column.addLayout(row)
        for icon, words in lines:
            column.addLayout(_line(icon, Label(words, wrap=True)))
        if locked.standing:
            self._standing = Label(locked.standing, wrap=True)
            column.addLayout(_line("arrows-clockwise", self._standing))

    def take_over(self, before: LockPage) -> None:
        """Stand as the page before it did: what was typed, and how long the next try waits."""
        if self.entry is not None and before.entry is not None:
            self.entry.take_over(before.entry)
        self.say_badge(before._badge)
        if not before.store_said.isHidden():
            self.store_failed(before.store_said.text(), gone=before.store.isHidden())
        if not before.waiting.isHidden():
            self.store_asked()

    def first_focus(self) -> QWidget:
        """Where the keyboard begins."""
        if self.entry is not None and (self.store.isHidden() or not self.entry.password.isHidden()):
            return self.entry.field()
        return self.restore if self.store.isHidden() else self.store

    def complain(self, sentence: str, *, counts: bool = True) -> None:
        """Say why what was typed did not open it."""
        if self.entry is not None:
            self.entry.complain(sentence, counts=counts)

    def store_asked(self) -> None:
        """The password store is asked, which may take a while: the keyboard goes to the other way meanwhile, not to whatever comes next on the page."""
        self.store_said.hide()
        self.waiting.show()
        if self.focusWidget() is self.store:  # also while the question of the store has the keyboard
            self.other_way.setFocus(Qt.FocusReason.OtherFocusReason)
        self.store.setEnabled(False)

    def was_none(self) -> None:
        """What was tried opens nothing, and was no wrong one either."""
        if self.entry is not None:
            self.entry.was_none("")

    def _wait_no_longer(self) -> None:
        self.otherwise.emit()
        self.store_no_longer_asked()

    def store_no_longer_asked(self) -> None:
        """As if the password store had not been asked."""
        self._waited()
        self.first_focus().setFocus(Qt.FocusReason.OtherFocusReason)

    def _waited(self) -> None:
        """The password store is not waited for any more; whoever is typing goes on."""
        self.store.setEnabled(True)
        if self.focusWidget() is self.other_way:
            self.store.setFocus(Qt.FocusReason.OtherFocusReason)
        self.waiting.hide()

    def store_failed(self, sentence: str, *, gone: bool = False) -> None:
        """Say why the password store did not open it. ``gone``: it has lost the key, so the other ways are what is left."""
        self._waited()
        self.store_said.setText(sentence)
        self.store_said.show()
        if not gone:
            return
        self.restore.show()
        self.restore_said.setVisible(self.locked.drafts > 0 or bool(self.locked.saving))
        if self.entry is not None:
            self.entry.button.kind = "primary"
            self.entry.button.update()
            self.entry.offer_remains(True)
        self.store.hide()
        self.first_focus().setFocus(Qt.FocusReason.OtherFocusReason)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Whoever clicks beside the field may type all the same: where they typed before, never into a button. A field's name leads to its field."""
        entry, there = self.entry, self.focusWidget()
        if entry is not None and self.childAt(event.position().toPoint()) is entry.label:
            there = entry.field()
        (there if there is not None and there is not self and there.isVisible() else self.first_focus()).setFocus(Qt.FocusReason.OtherFocusReason)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.first_focus().setFocus(Qt.FocusReason.OtherFocusReason)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), look(self).bg)


def _line(icon: str, words: Label) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(px(10))
    row.addWidget(Glyph(icon, "muted", 18))
    row.addWidget(words, 1)
    return row


def _door_words(answer: str) -> str:
    """That check-in goes on, and what it answered to the last badge."""
    goes_on = _("Check-in keeps scanning; names are hidden")
    return _("That was a badge: {answer}. {sentence}").format(answer=answer, sentence=goes_on) if answer else goes_on


def why_words(locked: Locked) -> str:
    """Why and when it was locked."""
    time = clock_time(locked.at)
    if locked.why == "idle":
        return ngettext("Locked at {time}, after {n} minute without a key or mouse", "Locked at {time}, after {n} minutes without a key or mouse",
                        locked.minutes).format(time=time, n=locked.minutes)  # fmt: skip
    return (_("Locked at {time}, because the laptop slept or its screen was locked") if locked.why == "sleep" else _("Locked at {time}")).format(time=time)


def foot_words(locked: Locked) -> str:
    """Whose laptop it is, and where to write if it is found."""
    owner = _("This laptop belongs to {name}.").format(name=locked.owner) if locked.owner else ""
    found = _("Found it? Please write to {address}").format(address=locked.write_to) if locked.write_to else ""
    return " ".join(part for part in (owner, found) if part)
