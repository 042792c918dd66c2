"""Details of the sync: what only few look at, below everything else, and where a leader's term ends."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QApplication, QVBoxLayout

from alumni_desk import __version__
from alumni_desk.desktop.controls import Button, Link
from alumni_desk.desktop.dates import ago, moment
from alumni_desk.desktop.end_term import EndTerm
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.kept_part import KeptPart
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.people_part import PeoplePart
from alumni_desk.desktop.place import Place
from alumni_desk.desktop.setting_rows import SettingRow, section
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.desktop.sync_facts import Facts
from alumni_desk.desktop.widgets import padded
from alumni_desk.protocol.messages import PROTOCOL
from alumni_desk.words import _, ngettext, number


class SyncDetails(Place):
    """A link, and below it the details while they are wanted. ``said(sentence)`` for a toast; ``moved``: the server has; ``switched``: to another chapter."""

    said = Signal(str)
    moved = Signal()
    switched = Signal()

    def __init__(self, bridge: SyncBridge, people: PeoplePart, kept: KeptPart) -> None:
        super().__init__()
        self._bridge, self._people, self._kept = bridge, people, kept
        self._facts: Facts | None = None
        self.is_open = False
        people.told.connect(self._told)

    def show_facts(self, facts: Facts) -> None:
        """Show what is known now."""
        self._facts = facts
        focus = QApplication.focusWidget()
        held = focus.text() if isinstance(focus, QAbstractButton) and self.isAncestorOf(focus) else None
        details, column = padded((0, 0, 0, 0))
        column.setSpacing(0)
        if facts.state != "alone":
            self._fill(column, facts)
        self.put(details)
        for button in self.findChildren(QAbstractButton) if held is not None else ():
            if button.text() == held and details.isAncestorOf(button):
                button.setFocus()
                break

    def _told(self) -> None:
        if self.is_open and self._facts is not None:
            self.show_facts(self._facts)

    def turn(self) -> None:
        """Show them, or hide them."""
        self.is_open = not self.is_open
        if self._facts is not None:
            self.show_facts(self._facts)
            self._link.setFocus()

    def unfold(self) -> None:
        """Show them, if they are not shown already."""
        if not self.is_open:
            self.turn()

    def to_end(self) -> None:
        """To where a leader's term ends."""
        self.unfold()
        self.term.over.setFocus()

    def to_leave(self) -> None:
        """Ask whether this laptop is to leave the chapter."""
        self.unfold()
        self.term.ask_leave()

    def to_switch(self) -> None:
        """Ask for another chapter of the network."""
        self.unfold()
        self.term.ask_chapter()

    def _switched(self, name: str) -> None:
        self.said.emit(_("This laptop shows {chapter} now").format(chapter=isolated(name)))
        self.switched.emit()

    def _fill(self, column: QVBoxLayout, facts: Facts) -> None:
        column.addSpacing(px(12))
        self._link = Link(_("Hide the details") if self.is_open else _("Details"))
        self._link.clicked.connect(self.turn)
        column.addWidget(self._link, 0, Qt.AlignmentFlag.AlignLeft)
        if not self.is_open:
            return
        now = datetime.now(UTC)
        column.addWidget(section(_("This laptop")))
        last = _("Not yet") if facts.last_sync is None else f"{moment(facts.last_sync)} · {ago(facts.last_sync, now)}"
        column.addWidget(SettingRow(_("Last sync"), last))
        column.addWidget(SettingRow(_("To send"), _still(facts, now)))
        moved = Button(_("It has moved"))
        moved.setAccessibleName(_("The server has moved: join again with a new invitation"))
        moved.clicked.connect(self.moved)
        column.addWidget(SettingRow(_("Server"), facts.address or facts.server, moved))
        if facts.takes_over and facts.state != "invitation" and not self._kept.not_kept:
            self._kept.add_taking_over(column, facts)
        column.addWidget(SettingRow(_("You are"), facts.role))
        if facts.pin:
            column.addWidget(SettingRow(_("The server’s certificate"), " ".join(facts.pin[at:at + 4] for at in range(0, len(facts.pin), 4))))
        if facts.checked is not None:
            column.addWidget(SettingRow(_("Checked"), f"{moment(datetime.fromisoformat(facts.checked))} · {_found(facts)}"))
        column.addWidget(SettingRow(_("Version"), _("Alumni Desk {version}, protocol {protocol}").format(version=__version__, protocol=PROTOCOL)))
        if facts.leads:
            self._versions(column)
        if facts.leads and facts.state not in ("ended", "invitation"):
            self.term = EndTerm(self._bridge, facts.chapter, admin=facts.admin, hand_over=self._people.hand_over, switched=self._switched)
            column.addWidget(self.term)

    def _versions(self, column: QVBoxLayout) -> None:
        """Which laptops of the chapter have which version: who of them should update."""
        found = self._people.versions()
        if not found:
            return
        column.addWidget(section(_("Versions on the chapter’s laptops")))
        for version, laptops in found:
            title = _("Alumni Desk {version}").format(version=version) if version else _("Not said yet")
            column.addWidget(SettingRow(title, ", ".join(laptops)))


def _still(facts: Facts, now: datetime) -> str:
    """What waits here to be sent."""
    if not facts.waiting:
        return _("Nothing")
    still = ngettext("{n} change", "{n} changes", facts.waiting).format(n=number(facts.waiting))
    return still if facts.oldest is None else _("{changes}, the oldest made {age}").format(changes=still, age=ago(facts.oldest, now))


def _found(facts: Facts) -> str:
    """What the last look said at whether all is here."""
    if not facts.identical:
        return _("something differs; the next sync fetches it again")
    return facts.mended or _("nothing missing")
