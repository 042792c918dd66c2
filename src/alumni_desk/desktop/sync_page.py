"""Sync: one sentence of status and one button. Joining a server begins here too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import WINDOW, Button, Label, shortcut
from alumni_desk.desktop.decide_part import DecidePart
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.here_part import HerePart
from alumni_desk.desktop.joining_sheet import ask_join
from alumni_desk.desktop.kept_part import KeptPart
from alumni_desk.desktop.pages import Go, Page
from alumni_desk.desktop.people_part import PeoplePart
from alumni_desk.desktop.place import Place
from alumni_desk.desktop.refused_rows import add_refused, show_refused
from alumni_desk.desktop.setting_rows import SettingRow, section
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.desktop.sync_details import SyncDetails
from alumni_desk.desktop.sync_facts import REFUSED_SEEN, Facts, look_up
from alumni_desk.desktop.sync_history import SyncHistory
from alumni_desk.desktop.sync_rows import row_deeds
from alumni_desk.desktop.sync_words import NOT_MENDED, PASSING, below, sentences
from alumni_desk.desktop.venue_bridge import VenueBridge
from alumni_desk.desktop.widgets import MainAndSide, in_page_order, padded
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.inviting import Way
    from alumni_desk.sync.venue.files import Brought

WIDEST = 1088
MANY = 1_000
"""Of so many changes it is said how far they are."""


class SyncPage(Page):
    """``bridge`` does the work: ``sync_now()``, and tells ``begun``, ``ended`` and ``failed``. ``brought(file)``: from another laptop."""

    name = "sync"
    icon = "arrows-clockwise"
    title = _("Sync")
    joined = Signal()
    brought = Signal(object)

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go, *, bridge: SyncBridge, venue: VenueBridge) -> None:
        super().__init__(desk, lanes, changes, go)
        self._bridge = bridge
        self._facts: Facts | None = None
        self._busy = bridge.busy  # one may be under way that began before this page was made
        self._trouble = self._code = ""
        self._failed_at: datetime | None = None
        self._far = ""  # how far a long sync is
        self._under_way: SettingRow | None = None
        self._first: QWidget | None = None
        self._instead: QWidget | None = None  # has the keyboard while the button that had it is not enabled
        self._scrolls_to: int | None = None  # where the page is to stand as soon as it is long enough
        self.decide = DecidePart(desk, lanes)
        self.decide.done.connect(self.done)
        self.decide.said.connect(lambda words: self.said.emit(words, None))
        self.decide.asked_again.connect(self.refresh)
        self.decide.moved.connect(self._stay_at_card)
        self.here = HerePart(desk, lanes, venue)
        self.here.said.connect(lambda words: self.said.emit(words, None))
        self.here.brought.connect(self.brought)
        self.here.invited.connect(lambda way: self.open(invitation=way))
        self.people = PeoplePart(desk, lanes)
        self.people.said.connect(lambda words: self.said.emit(words, None))
        self.kept = KeptPart(self, bridge, lanes, lambda: desk.device_name)  # asked for when it is wanted: a disk may be slow
        self.kept.invites.connect(self.people.invite)
        self.kept.said.connect(lambda words: self.said.emit(words, None))
        self.kept.keeps.connect(self._keeps_it)
        self.kept.moved.connect(self.refresh)
        self.kept.told.connect(self._draw)
        self.history = SyncHistory(desk)
        self.details = SyncDetails(bridge, self.people, self.kept)
        self.details.said.connect(lambda words: self.said.emit(words, None))
        self.details.moved.connect(self._ask_again)
        self.details.switched.connect(self.refresh)
        self._build()
        bridge.begun.connect(self._begun)
        bridge.ended.connect(self._ended)
        bridge.failed.connect(self._failed)
        bridge.moved.connect(self._moved)
        shortcut(Qt.Key.Key_F5, self, self._now, WINDOW)
        # Ages in words grow old while the page is looked at.
        self._aging = QTimer(self, interval=60_000)
        self._aging.timeout.connect(lambda: self.refresh() if self.isVisible() else None)
        self._aging.start()

    def _build(self) -> None:
        """The page's places; what stands in them changes with the facts."""
        main, column = padded()
        column.setSpacing(0)
        self._status_place, self._below_place = Place(), Place()
        column.addWidget(self._status_place)
        column.addWidget(self.decide)
        column.addWidget(self.people)
        self.people.hide()
        column.addWidget(self._below_place)
        between = QVBoxLayout()  # where this laptop meets others, in a window too narrow for a side column: before what only few look at
        between.setContentsMargins(0, 0, 0, 0)
        column.addLayout(between)
        column.addWidget(self.details)
        column.addStretch(1)
        side, aside = padded()
        aside.addWidget(self.here)
        self.here.hide()
        aside.addWidget(self.history)
        aside.addStretch(1)
        self._main, self._side = main, side
        self._both = MainAndSide(main, side, at_most=WIDEST)

        def turn(wide: bool) -> None:
            aside.insertWidget(0, self.here) if wide else between.addWidget(self.here)
            between.setContentsMargins(0, 0 if wide else px(24), 0, 0)

        self._both.turned.connect(turn)
        self.stack.set_content(self._both)
        self._bar = self._both.verticalScrollBar()
        self._bar.rangeChanged.connect(self._stand)
        self._bar.valueChanged.connect(self._scrolled)

    def deeds(self) -> list[Deed]:
        def joined() -> bool:
            return self._facts is not None and self._facts.state != "alone"

        return [Deed("now", "arrows-clockwise", _("Sync now"), self._now, _("F5"), can=lambda: joined() and not self._busy,
                     also=_("send receive fetch refresh update")),
                Deed("join", "key", _("Join with an invitation"), self._ask_join, can=lambda: not joined()),
                Deed("again", "key", _("Join again with a new invitation"), self._ask_again, can=joined, also=_("server moved new address")),
                Deed("keep", "laptop", _("Keep the chapter on this laptop, for the others"), self.kept.keep_here, can=self.kept.may_keep,
                     also=_("server serve host share")),
                Deed("move", "arrow-right", _("Move the chapter to an office’s server"), self.kept.ask_move, can=self.kept.may_move,
                     also=_("server hand over")),
                Deed("details", "info", _("Details of the sync"), self.details.unfold, can=joined,
                     also=_("server certificate versions last")),
                Deed("end", "x-circle", _("End this laptop’s term"), self.details.to_end, can=self._may_end, also=_("leave hand over successor stop")),
                Deed("invite", "envelope-simple", _("Invite someone"), self.people.invite, can=lambda: joined() and self._leads(),
                     also=_("invitation leader volunteer access add laptop")),
                Deed("share", "laptop", _("Share with laptops here"), self.here.share, can=joined, also=_("venue nearby offline room")),
                Deed("here", "laptop", _("Join a laptop that shares"), self.here.join, can=joined, also=_("venue share nearby offline")),
                Deed("lost", "floppy-disk", _("Carry changes to another laptop in a file"), self.here.not_found, can=joined, also=_("transfer usb stick")),
                Deed("switch", "flag", _("Work on another chapter"), self.details.to_switch,
                     can=lambda: self._may_end() and self._facts is not None and self._facts.admin, also=_("switch choose network")),
                Deed("leave", "x-circle", _("Leave the chapter"), self.details.to_leave, can=self._may_end, also=_("end term stop")),
                *(row_deeds(self.decide, self.people, self._below_place) if self.isVisible() else ())]

    def _may_end(self) -> bool:
        return self._leads() and self._facts is not None and self._facts.state not in ("alone", "ended")

    def _leads(self) -> bool:
        return self._facts is not None and self._facts.leads and self._facts.state != "invitation"

    def order_focus(self) -> None:
        in_page_order(self._main, self._side)

    def first_focus(self) -> QWidget | None:
        return self._first

    def regions(self) -> list[QWidget]:
        parts: tuple[QWidget, ...] = (self._status_place, self.decide, self.people, self._below_place, self.details, self.here, self.history)
        there = [one for one in parts if one.isVisible()]
        if self.here in there and self._main.isAncestorOf(self.here):
            there.sort(key=lambda one: (one is self.history, one is self.details))  # it stands before the details there
        return there

    def refresh(self) -> None:
        self.lanes.read(lambda: look_up(self.desk), self._show, key="sync")

    def _begun(self) -> None:
        self._busy, self._trouble, self._far = True, "", ""
        self._draw()

    def _ended(self, result: Any) -> None:
        self._busy = False
        self.refresh()

    def _failed(self, error: KnownError) -> None:
        self._busy, self._trouble, self._code, self._failed_at = False, str(error), error.code, datetime.now(UTC)
        self.refresh()

    def _moved(self, step: str, count: int) -> None:
        """Say how far a sync is that takes a while: the first, or one of many changes."""
        if not self._busy or self._facts is None or not count or (self._facts.last_sync is not None and count < MANY):
            return
        if step == "push":
            self._far = ngettext("{n} change sent so far", "{n} changes sent so far", count).format(n=number(count))
        else:
            self._far = ngettext("{n} change fetched so far", "{n} changes fetched so far", count).format(n=number(count))
        if self._under_way is None:
            self._draw()
        else:
            self._under_way.first.setText(self._far)

    def _now(self) -> None:
        if self._facts is not None and self._facts.state != "alone" and not self._busy:
            self._bridge.sync_now()

    def _show(self, facts: Facts) -> None:
        self._facts = facts
        if self._failed_at is not None and facts.last_sync is not None and facts.last_sync > self._failed_at:  # by a command beside this window
            self._trouble, self._code, self._failed_at = "", "", None
        self.kept.know(facts)
        self._draw()
        self.decide.show_cards(facts.conflicts)
        self.here.setVisible(self._meets())
        self._both.show_side(facts.state != "alone" and not (facts.door and facts.state == "ended"))  # nothing stands there then
        self.here.offer(facts.lets)
        if facts.leads and not self.isVisible():
            self.out_of_date()  # so that the laptops are asked for when it is seen again
        # Only where the server answered last: a silent one would keep the next sync waiting.
        if facts.leads and self.isVisible() and not self._busy and facts.state in ("synced", "waiting") and facts.last_sync is not None:
            self.people.refresh(facts.waiting)
        elif facts.leads and self.isVisible() and not self._busy and facts.state == "trouble":
            self.people.show_kept(facts.waiting)
        elif facts.leads and self.isVisible():  # a sync under way may have to wait long
            self.people.show_meanwhile(facts.waiting)

    def _draw(self) -> None:
        facts = self._facts
        if facts is None:
            return
        held = QApplication.focusWidget()
        focused = held is not None and held in (self._first, self._instead)
        self._under_way = None
        top, inside = padded((0, 0, 0, 0))
        inside.setSpacing(0)
        inside.addLayout(self._status(facts))
        if self._busy and (self._far or (facts.last_sync is None and facts.state == "waiting")):
            inside.addSpacing(px(12))
            self._progress(inside)
        inside.addSpacing(px(24))
        self._status_place.put(top)
        under, inside = padded((0, 0, 0, 0))
        inside.setSpacing(0)
        if facts.state != "alone":
            if facts.refusals:
                add_refused(inside, facts, self._see_refused, lambda: show_refused(self.window(), self.desk, self.lanes))
            self.kept.add_rows(inside, facts)
        elif not facts.sample:
            self.kept.add_beginning(inside)
        self._below_place.put(under)
        self.details.show_facts(facts)
        self.history.show_facts(facts)
        self.people.setVisible(facts.leads and facts.state != "invitation")  # the server would not answer this laptop
        self.stack.show_content()
        if focused and self._first is not None:
            self._first.setFocus()
            self._instead = None if self._first.isEnabled() else QApplication.focusWidget()

    def _stay_at_card(self, by: int) -> None:
        """Whoever decides keeps the card where it stands, when the words above it are more or fewer."""
        if self._scrolls_to is None:
            if not self._bar.value() or not self.decide.has_focus():
                return
            self._scrolls_to = self._bar.value()
        self._scrolls_to += by
        QTimer.singleShot(0, self, self._stand)  # this is in the midst of a layout

    def _stand(self) -> None:
        """Stand where the card stands as before; again when the page, long enough at last, lets it."""
        to = self._scrolls_to
        if to is not None:
            self._bar.setValue(to)
            if self._bar.value() == to or not self.decide.has_focus():
                self._scrolls_to = None

    def _scrolled(self, at: int) -> None:
        if self._scrolls_to is not None and at != max(0, min(self._scrolls_to, self._bar.maximum())):
            self._scrolls_to = None  # somebody else did

    def _status(self, facts: Facts) -> QVBoxLayout:
        words = QVBoxLayout()
        words.setSpacing(px(4))
        row = QHBoxLayout()
        row.setSpacing(px(24))
        first = QVBoxLayout()
        first.setSpacing(px(4))
        for sentence in sentences(facts, busy=self._busy):
            first.addWidget(Label(sentence, "title", wrap=True))
        row.addLayout(first, 1)
        button = self._first = self._button(facts)
        if button is not None:
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        if facts.door and facts.begun and facts.state not in ("alone", "invitation", "ended"):  # that is what whoever has joined a door came for
            door = self._first = Button(_("Go to check-in"), "primary", "door")
            door.clicked.connect(lambda: self.go("checkin"))
            row.addWidget(door, 0, Qt.AlignmentFlag.AlignTop)
            if button is not None:
                button.kind = "secondary"
        words.addLayout(row)
        words.addWidget(Label(below(facts, self._trouble, self._code, busy=self._busy, next_try=self._bridge.next_try()), tone="muted", wrap=True))
        away = self._code in PASSING  # work goes on without the server: that is no warning
        told = away or self._trouble == facts.sentence  # that one stands as the title
        for warning in filter(None, ("" if told else self._trouble, facts.access, facts.clock)):
            words.addSpacing(px(8))
            words.addWidget(Label(warning, tone="warn", wrap=True))
        over, asked = facts.state == "ended", facts.state in ("alone", "invitation")  # those are led there by the button already
        if (over and (facts.waiting or facts.locked)) or (not over and not asked and self._trouble and self._code not in NOT_MENDED):
            self._offer_again(words, _("Join with another invitation") if over else _("Join again with a new invitation"))
        return words

    def _offer_again(self, words: QVBoxLayout, says: str) -> None:
        """A new invitation of the same chapter mends an address, a certificate or an access that ended."""
        again = Button(says, icon="envelope-simple")
        again.clicked.connect(self._ask_again)
        words.addSpacing(px(8))
        words.addWidget(again, 0, Qt.AlignmentFlag.AlignLeft)

    def _button(self, facts: Facts) -> Button | None:
        if facts.state == "alone":
            if facts.sample:
                return None
            button = Button(_("Join with an invitation"), "primary", "envelope-simple")
            button.clicked.connect(self._ask_join)
            return button
        if facts.state == "invitation" or (facts.state == "ended" and not facts.waiting and not facts.locked):  # nothing else can be done here
            button = Button(_("Join again with a new invitation") if facts.state == "invitation" else _("Join with another invitation"), "primary",
                            "envelope-simple")
            button.clicked.connect(self._ask_again)
            return button
        button = Button(_("Syncing …") if self._busy else _("Sync now"), "primary", "arrows-clockwise")
        button.setEnabled(not self._busy)
        button.clicked.connect(self._now)
        return button

    def _progress(self, column: QVBoxLayout) -> None:
        cancel = Button(_("Cancel"))
        cancel.setAccessibleName(_("Cancel the sync"))
        cancel.clicked.connect(self._bridge.cancel)
        far = self._far or _("The first part is on its way")
        self._under_way = SettingRow(far, _("You can go on working. If you cancel, the next sync goes on from there."), cancel)
        column.addWidget(section(_("Under way")))
        column.addWidget(self._under_way)
        column.addSpacing(px(12))

    def _see_refused(self, newest: str) -> None:
        self.lanes.write(lambda: self.desk.set_setting(REFUSED_SEEN, newest), lambda done: self.refresh())

    def _ask_join(self) -> None:
        self.lanes.read(self._here, self._open_join)

    def _ask_again(self) -> None:
        self._open_join("")  # whoever is here belongs to that chapter already

    def _here(self) -> str:
        from alumni_desk.sync.join import here

        with self.desk.reading() as connection:
            return here(connection)

    def open(self, **what: Any) -> None:
        """``invitation``: an invitation that was brought in a file; the form is filled, and nothing happens before its button."""
        invitation = what.get("invitation")
        if invitation is not None:
            self.lanes.read(self._here, lambda here: self._open_join(here, invitation))

    def _open_join(self, here: str, invitation: Brought | Way | None = None) -> None:
        ask_join(self.window(), self._bridge, self.lanes, self.desk.device_name, here, self._server, self._welcomed, invitation,
                 to_laptop=(lambda scanned: self.here.join(scanned=scanned)) if self._meets() else None)

    def _meets(self) -> bool:
        """Whether this laptop may be together with others in its room."""
        return self._facts is not None and self._facts.state not in ("alone", "ended")

    def _server(self) -> str:
        return self._facts.server if self._facts is not None else ""

    def _welcomed(self) -> None:
        self.joined.emit()
        self.said.emit(_("This laptop has joined"), None)
        self.refresh()

    def _keeps_it(self) -> None:
        """This laptop keeps the chapter: what the former server did not answer is the past."""
        self._trouble = ""
        self.joined.emit()
        self.refresh()
