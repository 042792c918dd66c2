"""Settings, Security: when it locks, what opens it, the recovery key, the PIN of check-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Choice, Field, Label, Segments
from alumni_desk.desktop.dates import ago
from alumni_desk.desktop.door_pin import DOOR_PIN, NewPinSheet
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.laptop_part import LaptopPart
from alumni_desk.desktop.locking import FOUND_MAIL, LOCK_AFTER, LOCK_DOOR, LOCK_SLEEP, MINUTES, Rules, rules_of
from alumni_desk.desktop.password_sheet import choose_password
from alumni_desk.desktop.recovery_page import Paper, RecoveryPage, paper_of, wanted
from alumni_desk.desktop.setting_rows import SettingRow, section
from alumni_desk.desktop.widgets import Card, Glyph
from alumni_desk.errors import KnownError
from alumni_desk.store import keys, recovery
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext

CHECK_AFTER = timedelta(days=180)


@dataclass(frozen=True)
class Security:
    """What the rows show."""

    rules: Rules
    keepers: frozenset[str]
    has_keyring: bool
    paper: recovery.Standing
    paper_wanted: bool
    pin: bool
    found_mail: str


def security_of(desk: Desk) -> Security:
    """Read what the rows show."""
    return Security(rules_of(desk), keys.keepers(desk.profile.path, "desk"), keys.has_keyring(), recovery.standing(desk), wanted(desk),
                    bool(desk.setting(DOOR_PIN)), desk.setting(FOUND_MAIL) or "")  # fmt: skip


Due = Literal["never", "old", ""]
"""What is due about the recovery key: it was never read back from paper, or long ago; or nothing."""


def paper_due(paper: recovery.Standing, *, paper_wanted: bool) -> Due:
    """What the card asks for."""
    if paper.read_back is None:
        return "never" if paper_wanted else ""
    return "old" if datetime.now(UTC) - datetime.fromisoformat(paper.read_back) > CHECK_AFTER else ""


def due(desk: Desk) -> Due:
    """What is due here."""
    return paper_due(recovery.standing(desk), paper_wanted=wanted(desk))


class SecurityPart(QWidget):
    """The rows of Security. ``said(sentence)`` for a toast; ``ruled`` when the rules of locking are others; ``lock_now`` by its button;
    ``is_due(what)`` whenever it was looked at. Its first rows stand at once, the others after ``make_whole``.
    """

    said = Signal(str)
    ruled = Signal()
    lock_now = Signal()
    is_due = Signal(str)

    def __init__(self, desk: Desk, lanes: Lanes, folder: str, erase: Callable[[], None] | None = None) -> None:
        super().__init__()
        self._desk, self._lanes, self._folder, self._erase = desk, lanes, folder, erase
        self._shown: Security | None = None
        self._asking_paper = False
        self._wanted: Callable[[], None] | None = None  # what is to be done once it was read how things are
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.card = self._card()
        self.card.hide()
        column.addSpacing(px(8))
        column.addWidget(self.card)
        self._locking(column)

    def make_whole(self) -> None:
        """Build the rows below those of locking."""
        column = self._column
        self._opening(column)
        self.laptop = LaptopPart(self._desk, self._lanes, self._folder, self._erase)
        self.laptop.said.connect(self.said)
        column.addWidget(self.laptop)
        self.mail = Field(_("Where to write if it is found"))
        self.mail.editingFinished.connect(lambda: self._keep(FOUND_MAIL, self.mail.text().strip() or None))
        column.addWidget(SettingRow(_("If somebody finds it"), _("An address that the locked page shows."), self.mail, width=240))

    # -- rows

    def _card(self) -> Card:
        card = Card()
        row = QHBoxLayout()
        row.setSpacing(px(16))
        row.addWidget(Glyph("warning", "warn", 20))
        words = QVBoxLayout()
        words.setSpacing(px(2))
        self.card_title, self.card_words = Label("", "heading", wrap=True), Label("", "small", "muted", wrap=True)
        words.addWidget(self.card_title)
        words.addWidget(self.card_words)
        row.addLayout(words, 1)
        self.check = Button(_("Check the key"), "primary")
        self.check.clicked.connect(self.check_paper)
        row.addWidget(self.check, 0, Qt.AlignmentFlag.AlignVCenter)
        card.column.addLayout(row)
        return card

    def _locking(self, column: QVBoxLayout) -> None:
        column.addWidget(section(_("Locking")))
        choices = [(str(minutes), ngettext("{n} minute", "{n} minutes", minutes).format(n=minutes) if minutes else _("Never")) for minutes in MINUTES]
        self.after = Choice(_("Lock after"), choices)
        self.after.activated.connect(lambda: self._keep(LOCK_AFTER, int(self.after.key() or 0)))
        column.addWidget(SettingRow(_("Lock after"), _("Without a key or mouse. What is open comes back."), self.after))
        self.sleep = _off_on(_("Lock when the laptop sleeps"), lambda on: self._keep(LOCK_SLEEP, on))
        column.addWidget(SettingRow(_("Lock when the laptop sleeps"), _("Also when its screen is locked or its lid closed."), self.sleep, width=0))
        self.door = _off_on(_("Check-in while locked"), lambda on: self._keep(LOCK_DOOR, on))
        column.addWidget(SettingRow(_("Check-in while locked"), _("Keeps scanning, with names hidden."), self.door, width=0))
        now = Button(_("Lock now"), icon="lock-simple")
        now.clicked.connect(self.lock_now)
        column.addWidget(SettingRow(_("Lock this window"), _("Also Ctrl+L, on every page and in check-in."), now))

    def _opening(self, column: QVBoxLayout) -> None:
        column.addWidget(section(_("Opening")))
        self.password = Button(_("Change"))
        self.password.clicked.connect(self.change_password)
        self.password_row = SettingRow(_("Password"), "", self.password)
        column.addWidget(self.password_row)
        self.store = _off_on(_("This computer’s password store"), self._set_store)
        self.store_row = SettingRow(_("This computer’s password store"), "", self.store, width=0)
        column.addWidget(self.store_row)
        self.paper = Button(_("Make a new one"))
        self.paper.clicked.connect(self._new_paper)
        self.paper_row = SettingRow(_("Recovery key"), "", self.paper)
        column.addWidget(self.paper_row)
        self.pin = Button(_("Choose one"))
        self.pin.clicked.connect(self.new_pin)
        self.pin_row = SettingRow(_("PIN for check-in"), "", self.pin)
        column.addWidget(self.pin_row)

    # -- what they show

    def refresh(self) -> None:
        """Read and show everything anew."""
        self._lanes.read(lambda: security_of(self._desk), self._show, key="settings.security")
        self.laptop.refresh()

    def _show(self, it: Security) -> None:
        self._shown = it
        if self._wanted is not None:
            wanted, self._wanted = self._wanted, None
            wanted()
        self.after.set_key(str(it.rules.minutes))
        self.sleep.set_on(_key(it.rules.on_sleep))
        self.door.set_on(_key(it.rules.door_goes_on))
        there = "passphrase" in it.keepers
        self.password.set_words(_("Change") if there else _("Choose one"))
        self.password.setAccessibleName(_("Change the password") if there else _("Choose a password"))
        self.password_row.say(_("Asked after a lock, and when the password store cannot help.") if there
                              else _("Without one, anybody at this signed-in computer can unlock."))  # fmt: skip
        self.store.set_on(_key("keyring" in it.keepers))
        self.store.setEnabled(it.has_keyring or "keyring" in it.keepers)
        self.store_row.say(_("Opens the desk once you are signed in to the computer.") if it.has_keyring
                           else _("None answers on this computer, so the password opens the desk."))  # fmt: skip
        self.paper.set_words(_("Go on with the new one") if it.paper.replacing else _("Make a new one") if it.paper.made else _("Make one"))
        self.paper_row.say(_paper_words(it.paper))
        self.pin.set_words(_("Change") if it.pin else _("Choose one"))
        self.pin.setAccessibleName(_("Change the PIN for check-in") if it.pin else _("Choose a PIN for check-in"))
        self.pin_row.say(_("Asked when somebody leaves check-in. The chapter’s password does it too.") if it.pin
                         else _("None: Esc leaves check-in, and guests can read on."))  # fmt: skip
        if not self.mail.hasFocus():
            self.mail.fill(it.found_mail)
        self._show_card(it)

    def _show_card(self, it: Security) -> None:
        what = paper_due(it.paper, paper_wanted=it.paper_wanted)
        self.is_due.emit(what)
        old = what == "old"
        self.card.setVisible(bool(what))
        self.card_title.setText(_("Is the recovery key still where you think?") if old else _("There is no recovery key on paper yet"))
        self.card_words.setText(_("Last checked {when}. Have the paper at hand.").format(when=_when(it.paper.read_back)) if old
                                else _("Without it a forgotten password cannot be mended, by anybody.") if "passphrase" in it.keepers
                                else _("If the password store loses its key, only that paper opens the members."))  # fmt: skip
        self.check.set_words(_("Check the key") if old else _("Print it now"))

    # -- deeds

    def once_known(self, act: Callable[[], None]) -> None:
        """Do it at once, or as soon as it was read how things are."""
        if self._shown is not None:
            act()
        else:
            self._wanted = act

    def _keep(self, name: str, value: Any) -> None:
        self._lanes.write(lambda: self._desk.set_setting(name, value), lambda done: self.ruled.emit(), self._failed)

    def _set_store(self, on: bool) -> None:
        left: list[str] = []

        def done(nothing: object) -> None:
            self._done(" ".join([_("This computer’s password store keeps the key as well.") if on else _("From now on the password opens this desk."), *left]))

        self._lanes.work(lambda: keys.keep_in_keyring(self._desk.profile.path, "desk", self._desk.key, on=on, left=lambda: left.append(keys.left_words())),
                         done, self._failed)  # fmt: skip

    def change_password(self) -> None:
        """Choose the password that opens this desk; the present one, or the recovery key, is asked for first."""
        there = self._shown is not None and "passphrase" in self._shown.keepers
        choose_password(self, self._desk, self._lanes, self._done, _("From now on this password opens the members on this laptop."), present=there)

    def check_paper(self) -> None:
        """Show the recovery key, to be printed or saved and read back."""
        self._ask_paper(lambda: paper_of(self._desk))

    def _new_paper(self) -> None:
        self._ask_paper(self._made_anew)

    def _ask_paper(self, work: Callable[[], Paper]) -> None:
        """Once, though somebody clicks twice: each new key takes the place of the one before."""
        if self._asking_paper:
            return
        self._asking_paper = True

        def came(paper: Paper) -> None:
            self._asking_paper = False
            self._show_paper(paper)

        def failed(error: KnownError) -> None:
            self._asking_paper = False
            self._failed(error)

        self._lanes.write(work, came, failed)

    def _made_anew(self) -> Paper:
        return paper_of(self._desk, recovery.next_key(self._desk))

    def _show_paper(self, paper: Paper) -> None:
        page = RecoveryPage(self, self._desk, self._lanes, paper, foot=_("It can be done later, from here"))
        page.accepted.connect(lambda: self._done(_("The recovery key is on paper.")))
        page.rejected.connect(self.refresh)
        page.open()

    def new_pin(self) -> None:
        """Choose the PIN that leads out of check-in."""
        sheet = NewPinSheet(self, self._desk, self._lanes)
        sheet.kept.connect(lambda there: self._done(_("The PIN is asked when somebody leaves check-in.") if there else _("No PIN is asked any more.")))
        sheet.open()

    def _done(self, words: str) -> None:
        self.said.emit(words)
        self.ruled.emit()
        self.refresh()

    def _failed(self, error: KnownError) -> None:
        self.said.emit(str(error))
        self.refresh()


def _off_on(name: str, act: Callable[[bool], None]) -> Segments:
    segments = Segments(name, [("off", _("Off")), ("on", _("On"))], "on")
    segments.chosen.connect(lambda key: act(key == "on"))
    return segments


def _key(on: bool) -> str:
    return "on" if on else "off"


def _when(read_back: str | None) -> str:
    return ago(datetime.fromisoformat(read_back), datetime.now(UTC)) if read_back else ""


def _paper_words(paper: recovery.Standing) -> str:
    if not paper.made:
        return _("Opens the members when the password is lost. It is kept on paper.")
    checked = _("Read back from paper {when}.").format(when=_when(paper.read_back)) if paper.read_back else _("Not read back from paper yet.")
    if paper.replacing:
        return checked + " " + _("It holds until the new one that was begun is read back, too.")
    return checked + " " + _("A new one makes the printed one useless, once it is read back itself.")
