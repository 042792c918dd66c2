"""Asking for the chapter's password, or the recovery key: when the password store cannot open the desk, and after a lock."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from alumni_desk.desktop.controls import Button, Field, IconButton, Label, Link, Tick
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.paint import breakable, tip
from alumni_desk.desktop.widgets import Glyph, IconLine, Mark, Scroll
from alumni_desk.errors import KnownError
from alumni_desk.protocol import codes
from alumni_desk.words import _, ngettext

LETTERS = 10
FREE_TRIES = 3
LONGEST_WAIT = 30


class _Eye(IconButton):
    """Shows what was typed. What is typed on it goes nowhere, not to the field it stands in."""

    def __init__(self, field: QWidget) -> None:
        super().__init__(_("Show what I type"), "eye", "quiet", parent=field)
        self.setCursor(Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() != Qt.Key.Key_Escape:
            event.accept()


class PasswordField(Field):
    """A field that shows dots, with an eye at its right that shows what was typed."""

    def __init__(self, name: str) -> None:
        super().__init__(name, height=40)
        self.setTextMargins(0, 0, px(36), 0)
        self.eye = _Eye(self)
        self.eye.clicked.connect(lambda: self.set_shown(self.echoMode() == QLineEdit.EchoMode.Password))
        self.set_shown(False)

    def set_shown(self, shown: bool) -> None:
        """Show letters or dots."""
        self.setEchoMode(QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password)
        self.eye.set_icon("eye-slash" if shown else "eye")
        name = _("Hide what I type") if shown else _("Show what I type")
        self.eye.setAccessibleName(name)
        self.eye.setToolTip(tip(name))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.eye.move(self.width() - self.eye.width() - px(4), (self.height() - self.eye.height()) // 2)


def eyes_last(after: QWidget, *fields: PasswordField) -> None:
    """Let Tab go through the fields of a form first, and to their eyes after this one."""
    for field in fields:
        QWidget.setTabOrder(after, field.eye)
        after = field.eye


def still_empty(*fields: PasswordField) -> PasswordField | None:
    """The empty field that comes after the one that was typed in: Enter goes there."""
    at = next((number for number, field in enumerate(fields) if field.hasFocus()), len(fields))
    following = fields[at + 1] if at + 1 < len(fields) else None
    return following if following is not None and fields[at].text() and not following.text() else None


def badge_words(before: str, *, hidden: bool = False) -> str:
    """What to say of a badge that was scanned where a password is typed and no check-in goes on; ``before``: what was typed of the password till then;
    ``hidden``: check-in is open, and waits until it is unlocked."""
    said = _("That was a badge, not a password. Nobody was checked in: unlock this laptop first.") if hidden else \
        _("That was a badge, not a password. Check-in is not open on this laptop, so nobody was checked in.")
    return f"{said} {_('What you had typed before it is still there.')}" if before else said


def password_faults(typed: str, again: str) -> str:
    """Why a new password cannot be taken, or nothing."""
    if len(typed) < LETTERS:
        return _("Ten letters or more, please: three words you will remember do well.")
    if codes.like_recovery_key(typed):
        return _("That is a recovery key. Choose words that stand on no paper.")
    return "" if typed == again else _("The two are not the same.")


class RecoveryField(Field):
    """A line for the recovery key: capitals, and a space after every fifth letter, as on the paper."""

    def __init__(self) -> None:
        super().__init__(_("Recovery key"), _("Eight groups of five, from the paper"), height=40)
        self.setFont(font_of("small", tabular=True))
        self.textEdited.connect(self._set_in_groups)

    def _set_in_groups(self, text: str) -> None:
        if self.cursorPosition() == len(text):
            plain = codes.read_recovery_group(text)
            self.setText(" ".join(plain[at:at + 5] for at in range(0, len(plain), 5)))

    def typo(self) -> int | None:
        """The first whole group that has a typing error."""
        plain = codes.read_recovery_group(self.text())
        wrong = codes.wrong_recovery_group(plain)
        return wrong if wrong is not None and len(plain) >= 5 * wrong else None


class SecretEntry(QWidget):
    """Password or recovery key, why it did not open, and a pause after several wrong ones. ``given(typed)`` when it is to be tried.

    ``remains``: what is shown to whoever forgot the password where there is no recovery key, or has lost that, too.
    """

    given = Signal(str)

    def __init__(self, words: str, *, password: bool = True, recovery: bool = True, remains: QWidget | None = None) -> None:
        super().__init__()
        self._remains, self._offers_remains = remains, remains is not None
        self._wrong, self._wait = 0, 0
        self._has_password, self._has_recovery = password, recovery
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self.label = Label(_("Password"), "label")
        column.addWidget(self.label)
        self.password = PasswordField(_("Password"))
        self.recovery = RecoveryField()
        self.button = Button(words, "primary", height=40)
        self.button.setMinimumWidth(px(96))
        self._row = QGridLayout()
        self._row.setSpacing(px(8))
        self._row.setColumnStretch(0, 1)
        self._row.addWidget(self.password, 0, 0)
        self._row.addWidget(self.recovery, 0, 0, 1, 2)  # forty letters need the whole width
        column.addLayout(self._row)
        column.addLayout(self._foot())
        self.neither = Link(_("Not at hand, or lost?"), role="small")
        self.neither.clicked.connect(self._show_remains)
        column.addWidget(self.neither, 0, Qt.AlignmentFlag.AlignLeft)
        if remains is not None:
            column.addWidget(remains)
            remains.hide()
        self.button.clicked.connect(self._try)
        for field in (self.password, self.recovery):
            field.returnPressed.connect(self._try)
            field.installEventFilter(self)
        self.password.textEdited.connect(lambda text: self.password.set_wrong(False))
        self.recovery.textEdited.connect(lambda text: self._look_at_recovery())
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self._count_down)
        QGuiApplication.inputMethod().localeChanged.connect(self._say_keyboard)
        self.show_recovery(not password)
        self.setTabOrder(self.recovery, self.button)
        self.setTabOrder(self.button, self.other)
        eyes_last(self.other, self.password)

    def _foot(self) -> QGridLayout:
        self._below = QGridLayout()
        self._below.setSpacing(px(8))
        self._below.setVerticalSpacing(px(4))
        self._below.setColumnStretch(1, 1)
        self._glyph = Glyph("keyboard", "muted", 16)
        self.said = Label("", "small", "muted", wrap=True)
        self.other = Link("", role="small")
        self.other.clicked.connect(self._show_other)
        beside = QVBoxLayout()
        beside.addSpacing(px(4))
        beside.addWidget(self._glyph, 0, Qt.AlignmentFlag.AlignTop)
        beside.addStretch(1)
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeading)
        self.said.setContentsMargins(0, px(3), 0, 0)
        self._below.addLayout(beside, 0, 0)
        self._place(long=False)
        return self._below

    def _place(self, *, long: bool) -> None:
        """What is said beside the other way; a long sentence has the whole width, and the other way stands below it."""
        for part in (self.said, self.other):
            self._below.removeWidget(part)  # as with the button
        self._below.addWidget(self.said, 0, 1, 1, 2 if long else 1)
        self._below.addWidget(self.other, 1 if long else 0, 2, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight)

    def _show_other(self) -> None:
        if self._has_recovery:
            self.show_recovery(self.recovery.isHidden())
        else:
            self._show_remains()

    def _show_remains(self) -> None:
        if self._remains is not None:
            self._remains.setVisible(self._remains.isHidden())

    def offer_remains(self, on: bool) -> None:
        """Whether nothing else opens it for whoever forgot the password."""
        self._offers_remains = on and self._remains is not None
        self.other.setVisible(self._other_way())
        self.neither.setVisible(self._has_recovery and self._offers_remains and not self.recovery.isHidden())

    def show_recovery(self, on: bool) -> None:
        """Ask for the recovery key instead of the password, or the other way round."""
        self.password.setVisible(not on)
        self.recovery.setVisible(on)
        self._row.removeWidget(self.button)  # else Qt frees its old place behind Python’s back, and the next window at that address is taken for it
        self._row.addWidget(self.button, int(on), 1)
        self.label.setText(_("Recovery key") if on else _("Password"))
        self.other.set_words(_("Use the password") if on else _("Forgot it? Use the recovery key") if self._has_recovery else _("Forgot it?"))
        self.other.setVisible(self._other_way())
        self.neither.setVisible(self._has_recovery and self._offers_remains and on)
        if self._remains is not None and self._has_recovery and not on:
            self._remains.hide()
        self._say_keyboard()
        self.field().setFocus()

    def _other_way(self) -> bool:
        return self._has_password if self.password.isHidden() else self._has_recovery or self._offers_remains

    def field(self) -> Field:
        """The line that is asked for now."""
        return self.password if self.recovery.isHidden() else self.recovery

    def complain(self, sentence: str, *, counts: bool = True) -> None:
        """Say why it did not open; what was typed is chosen, so that typing replaces it. After the third time each try waits longer."""
        self.set_busy("")
        self._wrong += counts
        if self._wrong >= FREE_TRIES and counts:
            self._wait = int(min(LONGEST_WAIT, 2 ** (self._wrong - FREE_TRIES + 1)))
            self._sentence = sentence
            self._hold(True)
            self._tick.start()
            self._say_wait()
        else:
            self._say(sentence, "danger")
            self._choose_typed()

    def forget_caps(self) -> None:
        """A scanner types capitals: that says nothing of Caps Lock."""
        if self.said.text() == _("Caps Lock seems to be on."):
            self._say_keyboard()

    def was_none(self, sentence: str, stays: str = "") -> None:
        """What was typed was no try at all, and counts as none: of it stays what somebody had begun to type before."""
        self.set_busy("")
        self.field().setText(stays)
        if sentence:
            self._say(sentence, "warn", long=True)
        self.field().setFocus()

    def forget_typed(self) -> None:
        """Let nothing stand of what was typed; why the last try was wrong, and how long the next one waits, stays."""
        self.password.clear()
        self.recovery.clear()
        self.password.set_shown(False)

    def set_busy(self, words: str) -> None:
        """It is being tried (words), or no longer (empty)."""
        self._hold(bool(words))
        self.other.setEnabled(not words)
        self._say(words, "muted", "hourglass") if words else self._say_keyboard()

    def _hold(self, on: bool) -> None:
        """Take nothing just now. The keyboard stays in the field: if it went on to another button, the next Enter would press that."""
        for field in (self.password, self.recovery):
            field.setReadOnly(on)
        if on and (self.button.hasFocus() or self.other.hasFocus()):
            self.field().setFocus()
        self.button.setEnabled(not on)

    def take_over(self, before: SecretEntry) -> None:
        """Stand as the one before did: what was typed, how often it was wrong, how long the next try waits."""
        by_recovery = not before.recovery.isHidden()
        if self._has_recovery if by_recovery else self._has_password:  # who keeps the key may have changed meanwhile
            self.show_recovery(by_recovery)
        if self._remains is not None and before._remains is not None:
            self._remains.setVisible(not before._remains.isHidden())
        self.password.setText(before.password.text())
        self.recovery.setText(before.recovery.text())
        self._wrong, self._wait = before._wrong, before._wait
        if self._wait:
            self._sentence = before._sentence
            self._hold(True)
            self._tick.start()
            self._say_wait()

    def waits(self) -> int:
        """How many seconds the next try waits."""
        return self._wait

    def _choose_typed(self) -> None:
        field = self.field()
        field.set_wrong(True)
        if field is self.password:
            field.selectAll()
        field.setFocus()

    def _count_down(self) -> None:
        self._wait -= 1
        if self._wait > 0:
            self._say_wait()
            return
        self._tick.stop()
        self._hold(False)
        self._say(self._sentence, "danger")
        self._choose_typed()

    def _say_wait(self) -> None:
        seconds = ngettext("The next try waits {n} second.", "The next try waits {n} seconds.", self._wait).format(n=self._wait)
        self._say(f"{self._sentence} {seconds}", "danger")

    def _try(self) -> None:
        typed = self.field().text()
        if not typed or self.field().isReadOnly():
            self.field().setFocus()
        elif self.field() is self.recovery and (group := codes.wrong_recovery_group(typed)) is not None:
            self._say(_("Group {n} has a typing error, or is not finished.").format(n=group), "danger")
            self.recovery.set_wrong(True)
        else:
            self.given.emit(typed)

    def _look_at_recovery(self) -> None:
        group = self.recovery.typo()
        self.recovery.set_wrong(group is not None)
        if group is not None:
            self._say(_("Group {n} has a typing error.").format(n=group), "danger")
        else:
            self._say("", "muted")

    def _say(self, words: str, tone: str, icon: str = "", *, long: bool = False) -> None:
        self._glyph.setVisible(bool(words))
        self._place(long=long or tone == "danger")
        icons = {"danger": "warning", "warn": "warning", "muted": "keyboard"}
        self._glyph.set_icon(icon or icons[tone], tone)  # type: ignore[arg-type]
        self.said.set_tone(tone)  # type: ignore[arg-type]
        self.said.setText(words)
        self.field().setAccessibleDescription(words)

    def _say_keyboard(self) -> None:
        if self._wait:
            return
        self._say(keyboard_words(), "muted")

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if caps_lock_seems_on(event) and watched is self.password:
            self._say(_("Caps Lock seems to be on."), "warn")
        return False


def keyboard_words() -> str:
    """Which keyboard types: the language, and of which country."""
    locale = QGuiApplication.inputMethod().locale()
    name, country = locale.nativeLanguageName(), locale.nativeTerritoryName()
    if not name:
        return ""
    return _("Keyboard: {language}").format(language=f"{name} ({country})" if country else name)


def caps_lock_seems_on(event: QEvent) -> bool:
    """Qt cannot ask whether Caps Lock is on, but a letter whose case disagrees with Shift tells it."""
    if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress or not event.text().isalpha():
        return False
    shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
    return event.text().isupper() != shift and event.text().upper() != event.text().lower()


class UnlockPage(QWidget):
    """Column 440: the mark, why it is locked, the password, Unlock. ``choose`` asks for a new password, twice.

    ``why``: a sentence in place of the usual one; ``password`` and ``recovery``: whether there is one to ask for; ``again``: what Try again does, where
    the cause may go away by itself; ``backup``: what Restore a backup does, where nothing else may be left; ``remains``: see ``SecretEntry``.
    """

    def __init__(self, on_password: Callable[[str], None], *, choose: bool = False, why: str = "", password: bool = True, recovery: bool = True,
                 again: Callable[[], None] | None = None, backup: Callable[[], None] | None = None, remains: QWidget | None = None,
                 parent: QWidget | None = None) -> None:  # fmt: skip
        super().__init__(parent)
        self._on_password, self.choose, self.why = on_password, choose, why
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        middle = CentredColumn()
        whole.addWidget(middle)
        column = middle.parts
        column.addLayout(_head())
        column.addSpacing(px(16))
        usual = _("This computer has no password store that works, so a password of your own locks the members.") if choose \
            else _("The members on this laptop are locked.")  # fmt: skip
        self._line = IconLine("lock-simple", why or usual)
        column.addWidget(self._line)
        self.try_again: Button | None = None
        if again is not None:
            self.try_again = Button(_("Try again"), icon="arrow-clockwise")
            self.try_again.clicked.connect(lambda: again())
            column.addWidget(self.try_again, 0, Qt.AlignmentFlag.AlignLeft)
        self.backup: Link | None = None
        column.addSpacing(px(8))
        self.entry: SecretEntry | None = None
        if choose:
            self._build_choice(column)
        else:
            self.entry = SecretEntry(_("Unlock"), password=password, recovery=recovery, remains=remains)
            self.entry.given.connect(self._given)
            self.password, self.button, self.said = self.entry.password, self.entry.button, self.entry.said
            column.addWidget(self.entry)
        if backup is not None:
            self.backup = Link(_("Restore a backup …"), role="small")
            self.backup.clicked.connect(lambda: backup())
            column.addWidget(self.backup, 0, Qt.AlignmentFlag.AlignLeading)
        middle.column.addStretch(3)
        middle.follow_keyboard()

    def _build_choice(self, column: QVBoxLayout) -> None:
        self.password, self.again = PasswordField(_("Password")), PasswordField(_("The same password again"))
        self.button = Button(_("Lock with it"), "primary", height=40)
        self.button.clicked.connect(self._try)
        column.addWidget(Label(_("Choose a chapter password"), "label"))
        column.addWidget(self.password)
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
        column.addWidget(Label(_("Nobody can open the members without this password or the recovery key, not even we. Write it down and keep it "
                                 "away from the laptop."), "small", "muted", wrap=True))  # fmt: skip
        for field in (self.password, self.again):
            field.eye.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the tick below is for the keyboard
            field.returnPressed.connect(self._try)
            field.installEventFilter(self)

    def tell(self, why: str) -> None:
        """Another reason, over what is being typed; by now it can be tried again."""
        self.why = why
        self._line.first.setText(why)
        if self.try_again is not None:
            self.try_again.show()

    def first_focus(self) -> QWidget:
        return self.entry.field() if self.entry is not None else self.password

    def complain(self, sentence: str, *, counts: bool = True) -> None:
        """Say why it did not open; what was typed is chosen, so that typing replaces it."""
        if self.entry is not None:
            self.entry.complain(sentence, counts=counts)
            return
        self.setEnabled(True)
        self.said.setText(sentence)
        self.said.set_tone("danger")
        self.password.set_wrong(True)
        self.password.selectAll()
        self.password.setFocus()

    def refuse(self, error: KnownError, typed: str | None) -> None:
        """Say why it did not open. A badge at the end of what was typed is no try."""
        wrong = error.code in ("passphrase_wrong", "recovery_wrong")
        behind = codes.badge_behind(typed) if wrong and typed and self.entry is not None else None
        if behind is not None and self.entry is not None:
            self.entry.was_none(badge_words(behind[0]), behind[0])
        else:
            self.complain(str(error), counts=wrong)

    def _given(self, typed: str) -> None:
        if self.entry is not None:
            self.entry.set_busy(_("Opening …"))
        self._on_password(typed)

    def _try(self) -> None:
        typed, again = self.password.text(), self.again.text()
        if not typed:
            self.password.setFocus()
        elif (following := still_empty(self.password, self.again)) is not None or (len(typed) >= LETTERS and not again):
            (following or self.again).setFocus()
        elif fault := password_faults(typed, again):
            self.complain(fault)
        else:
            self.said.set_tone("muted")
            self.said.setText(_("Opening …"))
            self.setEnabled(False)
            self._on_password(typed)

    def _show_typed(self, on: bool) -> None:
        for field in (self.password, self.again):
            field.set_shown(on)

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        if caps_lock_seems_on(event):
            self.said.set_tone("warn")
            self.said.setText(_("Caps Lock seems to be on."))
        return False


class CentredColumn(Scroll):
    """A centred column of 440 (``parts``), which scrolls when it must. Whatever has the keyboard stays in view, with what is said of it."""

    def __init__(self, above: int = 2) -> None:
        super().__init__(margins=(24, 24, 24, 16))
        self._stood: tuple[QRect, QPoint, int] | None = None
        self.column.setSpacing(0)
        self.column.addStretch(above)
        self._box = QWidget()
        self._box.setFixedWidth(px(440))
        self.parts = QVBoxLayout(self._box)
        self.parts.setContentsMargins(0, 0, 0, 0)
        self.parts.setSpacing(px(12))
        # Between stretches, not aligned: an aligned widget is not asked how high its wrapped lines are.
        centred = QHBoxLayout()
        centred.addStretch(1)
        centred.addWidget(self._box)
        centred.addStretch(1)
        self.column.addLayout(centred)

    def follow_keyboard(self) -> None:
        """Called once its parts are there."""
        for part in self.widget().findChildren(QWidget):
            if part.focusPolicy() != Qt.FocusPolicy.NoFocus:
                part.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        done = super().eventFilter(watched, event)
        if event.type() == QEvent.Type.FocusIn or (isinstance(event, QKeyEvent) and event.text()):
            self._stood = None
            self._follow()
        elif watched is self.widget() and event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize):
            self._follow()
        return done

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._follow()

    def _follow(self) -> None:
        """Scroll to what has the keyboard, unless all of it stands where it stood: somebody may be reading on."""
        part = self._box.focusWidget()
        if part is None or not part.hasFocus():
            return
        whole = part
        while (above := whole.parentWidget()) is not None and above is not self._box:
            whole = above
        stands = (whole.geometry(), part.mapTo(whole, QPoint(0, 0)), self.viewport().height())
        if stands != self._stood:
            self._stood = stands
            for one in (whole, part):
                self.ensureWidgetVisible(one, 0, px(24))


def _head() -> QHBoxLayout:
    return head_row("Alumni Desk", _("Your chapter, on this laptop"))


def head_row(title: str, second: str) -> QHBoxLayout:
    """The mark 56, a title and a muted line."""
    row = QHBoxLayout()
    row.setSpacing(px(16))
    row.addWidget(Mark(56))
    words = QVBoxLayout()
    words.setSpacing(0)
    words.addWidget(Label(breakable(title), "number", wrap=True))
    if second:  # without it the title stands at the middle of the mark
        words.addWidget(Label(breakable(second), tone="muted", wrap=True))
    row.addLayout(words, 1)
    return row
