"""Asking for the chapter's password when this computer's password store cannot open the desk."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Field, Label, Tick
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.widgets import IconLine, Mark
from alumni_desk.words import _


class UnlockPage(QWidget):
    """Column 440: the mark, why it is locked, the password, Unlock. ``choose`` asks for a new password, twice."""

    def __init__(self, on_password: Callable[[str], None], *, choose: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._on_password, self.choose = on_password, choose
        whole = QVBoxLayout(self)
        whole.addStretch(2)
        middle = QWidget()
        middle.setFixedWidth(px(440))
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(12))
        # Between stretches, not aligned: an aligned widget is not asked how high its wrapped lines are.
        centred = QHBoxLayout()
        centred.addStretch(1)
        centred.addWidget(middle)
        centred.addStretch(1)
        whole.addLayout(centred)
        whole.addStretch(3)
        column.addLayout(self._head())
        column.addSpacing(px(16))
        why = _("This computer has no password store that works, so a password of your own locks the members.") if choose \
            else _("The members on this laptop are locked.")  # fmt: skip
        column.addWidget(IconLine("lock-simple", why))
        column.addSpacing(px(8))
        column.addWidget(Label(_("Choose a chapter password") if choose else _("Password"), "label"))
        self.password = self._password_field(_("Password"))
        self.again = self._password_field(_("The same password again"))
        self.button = Button(_("Lock with it") if choose else _("Unlock"), "primary", height=40)
        self.button.clicked.connect(self._try)
        row = QHBoxLayout()
        row.setSpacing(px(8))
        row.addWidget(self.password, 1)
        if not choose:
            row.addWidget(self.button)
        column.addLayout(row)
        if choose:
            column.addWidget(Label(_("The same again"), "label"))
            row = QHBoxLayout()
            row.setSpacing(px(8))
            row.addWidget(self.again, 1)
            row.addWidget(self.button)
            column.addLayout(row)
        self.said = Label("", "small", "muted", wrap=True)
        column.addWidget(self.said)
        self.show_it = Tick(_("Show what I type"))
        self.show_it.toggled.connect(self._show_typed)
        column.addWidget(self.show_it, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(Label(_("Nobody can open the members without this password, not even we. Write it down and keep it "
                                 "away from the laptop.") if choose else "", "small", "muted", wrap=True))  # fmt: skip
        self._say_keyboard()

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(16))
        row.addWidget(Mark(56))
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(Label("Alumni Desk", "number"))
        words.addWidget(Label(_("Your chapter, on this laptop"), tone="muted"))
        row.addLayout(words, 1)
        return row

    def _password_field(self, name: str) -> Field:
        field = Field(name, height=40)
        field.setEchoMode(QLineEdit.EchoMode.Password)
        field.returnPressed.connect(self._try)
        field.installEventFilter(self)
        return field

    def first_focus(self) -> QWidget:
        return self.password

    def complain(self, sentence: str) -> None:
        """Say why it did not open; what was typed is chosen, so that typing replaces it."""
        self.setEnabled(True)
        self.said.setText(sentence)
        self.said.set_tone("danger")
        self.password.set_wrong(True)
        self.password.selectAll()
        self.password.setFocus()

    def _try(self) -> None:
        typed = self.password.text()
        if not typed:
            self.password.setFocus()
            return
        if self.choose and len(typed) < 10:
            self.complain(_("Ten letters or more, please: three words you will remember do well."))
        elif self.choose and typed != self.again.text():
            if self.again.text():
                self.complain(_("The two are not the same."))
            else:
                self.again.setFocus()
        else:
            self.said.set_tone("muted")
            self.said.setText(_("Opening …"))
            self.setEnabled(False)
            self._on_password(typed)

    def _show_typed(self, on: bool) -> None:
        for field in (self.password, self.again):
            field.setEchoMode(QLineEdit.EchoMode.Normal if on else QLineEdit.EchoMode.Password)

    def _say_keyboard(self) -> None:
        language = QGuiApplication.inputMethod().locale().nativeLanguageName()
        if language and not self.choose:
            self.said.setText(_("Keyboard: {language}").format(language=language))

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        # Qt cannot ask whether Caps Lock is on, but a letter whose case disagrees with Shift tells it.
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress and event.text().isalpha():
            shift = bool(QApplication.keyboardModifiers() & Qt.KeyboardModifier.ShiftModifier)
            if event.text().isupper() and not shift:
                self.said.set_tone("warn")
                self.said.setText(_("Caps Lock seems to be on."))
        return False
