"""Sync: one sentence of status and one button. Joining a server begins here too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk import __version__
from alumni_desk.desktop import move_anyway
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import WINDOW, Button, Label, Link, shortcut
from alumni_desk.desktop.dates import ago, day_short
from alumni_desk.desktop.decide_part import DecidePart
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.end_term import EndTerm
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.here_part import HerePart
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.laptops_here import Letting
from alumni_desk.desktop.pages import Go, Page
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.people_part import PeoplePart
from alumni_desk.desktop.refused_sheet import REFUSED_SHOWN, RefusedSheet
from alumni_desk.desktop.setting_rows import SettingRow, section
from alumni_desk.desktop.sheet import PlainSheet, Sheet
from alumni_desk.desktop.sync_bridge import SyncBridge
from alumni_desk.desktop.syncchip import State
from alumni_desk.desktop.tokens import Tone
from alumni_desk.desktop.venue_bridge import VenueBridge
from alumni_desk.desktop.widgets import Glyph, IconLine, MainAndSide, heading, in_page_order, padded
from alumni_desk.errors import KnownError
from alumni_desk.protocol.clock import AHEAD_MS
from alumni_desk.protocol.messages import PROTOCOL
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.conflicts import Conflict
    from alumni_desk.sync.lately import Did
    from alumni_desk.sync.refused import RefusedChange
    from alumni_desk.sync.venue.files import Brought


@dataclass(frozen=True)
class Facts:
    """All that the page shows. ``oldest`` is when the oldest change still to send was made."""

    state: State
    sentence: str
    waiting: int
    last_sync: datetime | None
    oldest: datetime | None
    server: str
    chapter: str
    role: str
    sample: bool
    clock: str = ""  # that this laptop's clock is wrong
    access: str = ""  # that what it may see ends soon
    refused: int = 0  # changes that the server did not take and nobody here has seen yet
    refusals: tuple[RefusedChange, ...] = ()  # the newest of them
    pin: str = ""  # of the server's own certificate
    leads: bool = False  # looks after the chapter and its laptops
    lately: tuple[Did, ...] = ()  # what the last syncs did, the newest first
    admin: bool = False
    door: bool = False
    takes_over: bool = False  # may keep the chapter itself, because nobody can say that its server is still there
    locked: bool = False  # a leader's laptop that was without contact for too long
    checked: str | None = None  # when all that is here was compared with the server
    identical: bool | None = None
    mended: str = ""  # that some of it was put right then
    carrying: bool = False  # what other laptops did, to the server
    members: int | None = None  # as many as there were when it was compared
    conflicts: tuple[Conflict, ...] = ()
    lets: tuple[Letting, ...] = ()  # gatherings at whose doors new laptops may be let in


_MANY = 1_000
_SHOWN = 5
_SEEN = "refused_seen"


PASSING = frozenset({"sync_unreachable", "sync_slow", "sync_busy", "sync_server_trouble", "sync_sign_in"})
"""Troubles that go by themselves: no new invitation mends them, and to offer one would only unsettle."""

_NOT_MENDED = PASSING | {"sync_version", "sync_server_old", "term_ended"}
"""And others that no invitation mends: a newer program does, or the form that is open is closed."""


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
        self._busy = False
        self._trouble = self._code = ""
        self._far = ""  # how far a long sync is
        self._under_way: SettingRow | None = None
        self._first: QWidget | None = None
        self._whole_past = self._detailed = False
        self._kept_at, self._not_kept = bridge.kept_at, bridge.not_kept
        self.decide = DecidePart(desk, lanes)
        self.decide.done.connect(self.done)
        self.decide.said.connect(lambda words: self.said.emit(words, None))
        self.decide.asked_again.connect(self.refresh)
        self.here = HerePart(desk, lanes, venue)
        self.here.said.connect(lambda words: self.said.emit(words, None))
        self.here.brought.connect(self.brought)
        self.people = PeoplePart(desk, lanes)
        self.people.said.connect(lambda words: self.said.emit(words, None))
        self.people.told.connect(lambda: self._draw() if self._detailed else None)
        self._build()
        bridge.begun.connect(self._begun)
        bridge.ended.connect(self._ended)
        bridge.failed.connect(self._failed)
        bridge.moved.connect(self._moved)
        bridge.kept.connect(self._kept)
        shortcut(Qt.Key.Key_F5, self, self._now, WINDOW)
        # Ages in words grow old while the page is looked at.
        self._aging = QTimer(self, interval=60_000)
        self._aging.timeout.connect(lambda: self.refresh() if self.isVisible() else None)
        self._aging.start()

    def _build(self) -> None:
        """The page's places; what stands in them changes with the facts."""
        main, column = padded()
        column.setSpacing(0)
        self._status_place, self._below_place, self._details_place = Place(), Place(), Place()
        column.addWidget(self._status_place)
        column.addWidget(self.decide)
        column.addWidget(self.people)
        self.people.hide()
        column.addWidget(self._below_place)
        between = QVBoxLayout()  # where this laptop meets others, in a window too narrow for a side column: before what only few look at
        between.setContentsMargins(0, 0, 0, 0)
        column.addLayout(between)
        column.addWidget(self._details_place)
        column.addStretch(1)
        side, aside = padded()
        self._past_place = Place()
        aside.addWidget(self.here)
        self.here.hide()
        aside.addWidget(self._past_place)
        aside.addStretch(1)
        self._main, self._side = main, side
        self._both = MainAndSide(main, side)

        def turn(wide: bool) -> None:
            aside.insertWidget(0, self.here) if wide else between.addWidget(self.here)
            between.setContentsMargins(0, 0 if wide else px(24), 0, 0)

        self._both.turned.connect(turn)
        self.stack.set_content(self._both)

    def deeds(self) -> list[Deed]:
        def joined() -> bool:
            return self._facts is not None and self._facts.state != "alone"

        return [Deed("now", "arrows-clockwise", _("Sync now"), self._now, _("F5"), can=lambda: joined() and not self._busy,
                     also=_("send receive fetch refresh update")),
                Deed("join", "key", _("Join with an invitation"), self._ask_join, can=lambda: not joined()),
                Deed("again", "key", _("Join again with a new invitation"), self._ask_again, can=joined, also=_("server moved new address")),
                Deed("keep", "laptop", _("Keep the chapter on this laptop, for the others"), self._keep_here, can=self._may_keep,
                     also=_("server serve host share")),
                Deed("move", "arrow-right", _("Move the chapter to an office’s server"), self._ask_move, can=self._may_move, also=_("server hand over")),
                Deed("details", "info", _("Details of the sync"), self._to_details, can=joined,
                     also=_("server certificate versions last")),
                Deed("end", "x-circle", _("End this laptop’s term"), self._to_end, can=self._may_end, also=_("leave hand over successor stop")),
                Deed("invite", "envelope-simple", _("Invite someone"), self.people.invite, can=lambda: joined() and self._leads(),
                     also=_("invitation leader volunteer access add laptop")),
                Deed("share", "laptop", _("Share with laptops here"), self.here.share, can=joined, also=_("venue nearby offline room")),
                Deed("here", "laptop", _("Join a laptop that shares"), self.here.join, can=joined, also=_("venue share nearby offline")),
                Deed("lost", "floppy-disk", _("Carry changes to another laptop in a file"), self.here.not_found, can=joined, also=_("transfer usb stick"))]

    def _may_keep(self) -> bool:
        return self._facts is not None and self._facts.state == "alone" and not self._facts.sample

    def _may_move(self) -> bool:
        return self._facts is not None and self._facts.state != "alone" and bool(self._kept_at or self._not_kept) and not self._facts.takes_over

    def _to_details(self) -> None:
        if not self._detailed:
            self._turn_details()

    def _may_end(self) -> bool:
        return self._leads() and self._facts is not None and self._facts.state not in ("alone", "ended")

    def _to_end(self) -> None:
        """Where a leader's term ends stands under Details."""
        self._to_details()
        self.term.over.setFocus()

    def _leads(self) -> bool:
        return self._facts is not None and self._facts.leads and self._facts.state != "invitation"

    def order_focus(self) -> None:
        in_page_order(self._main, self._side)

    def first_focus(self) -> QWidget | None:
        return self._first

    def regions(self) -> list[QWidget]:
        parts: tuple[QWidget, ...] = (self._status_place, self.decide, self.people, self._below_place, self._details_place, self.here, self._past_place)
        there = [one for one in parts if one.isVisible()]
        if self.here in there and self._main.isAncestorOf(self.here):
            there.sort(key=lambda one: (one is self._past_place, one is self._details_place))  # it stands before the details there
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
        self._busy, self._trouble, self._code = False, str(error), error.code
        self.refresh()

    def _moved(self, step: str, count: int) -> None:
        """Say how far a sync is that takes a while: the first, or one of many changes."""
        if not self._busy or self._facts is None or not count or (self._facts.last_sync is not None and count < _MANY):
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
        self._draw()
        self.decide.show_cards(facts.conflicts)
        self.here.setVisible(facts.state not in ("alone", "ended"))
        self._both.show_side(facts.state != "alone")
        self.here.offer(facts.lets)
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
        focused = self._first is not None and self._first.hasFocus()
        self._under_way = None
        top, inside = padded((0, 0, 0, 0))
        inside.setSpacing(0)
        inside.addLayout(self._status(facts))
        if self._busy and self._far:
            inside.addSpacing(px(12))
            self._progress(inside)
        inside.addSpacing(px(24))
        self._status_place.put(top)
        below, inside = padded((0, 0, 0, 0))
        inside.setSpacing(0)
        if facts.state != "alone":
            if facts.refusals:
                self._not_taken(inside, facts)
            self._keeping(inside, facts)
        elif not facts.sample:
            self._alone(inside, facts)
        self._below_place.put(below)
        details, inside = padded((0, 0, 0, 0))
        inside.setSpacing(0)
        if facts.state != "alone":
            self._details(inside, facts)
        self._details_place.put(details)
        self._past_place.put(self._past(facts))
        self.people.setVisible(facts.leads and facts.state != "invitation")  # the server would not answer this laptop
        self.stack.show_content()
        if focused and self._first is not None:
            self._first.setFocus()

    def _past(self, facts: Facts) -> QWidget:
        """What the last syncs did."""
        box, column = padded((0, 0, 0, 0))
        if facts.state == "alone":
            return box
        if facts.door:  # whoever checks in has no use for it
            return box
        lines = past_lines(facts, self.desk.now())
        more = None
        if len(lines) > _SHOWN and not self._whole_past:
            more = Link(_("Show all"))
            more.setAccessibleName(_("Show the whole history"))
            more.clicked.connect(self._show_past)
        column.addWidget(heading(_("History"), right=more))
        for line in lines[:_SHOWN if not self._whole_past else None]:
            column.addWidget(_past_line(line))
        if not lines:
            column.addWidget(Label(_("What syncs do stands here."), tone="muted", wrap=True))
        return box

    def _show_past(self) -> None:
        self._whole_past = True
        self._draw()

    def _status(self, facts: Facts) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(px(24))
        words = QVBoxLayout()
        words.setSpacing(px(4))
        for sentence in self._sentences(facts):
            words.addWidget(Label(sentence, "title", wrap=True))
        words.addWidget(Label(self._below(facts), tone="muted", wrap=True))
        away = self._code in PASSING  # work goes on without the server: that is no warning
        told = away or self._trouble == facts.sentence  # that one stands as the title
        for warning in filter(None, ("" if told else self._trouble, facts.access, facts.clock)):
            words.addSpacing(px(8))
            words.addWidget(Label(warning, tone="warn", wrap=True))
        over, asked = facts.state == "ended", facts.state in ("alone", "invitation")  # those are led there by the button already
        if (over and facts.waiting) or (not over and not asked and self._trouble and self._code not in _NOT_MENDED):
            self._offer_again(words, _("Join with another invitation") if over else _("Join again with a new invitation"))
        row.addLayout(words, 1)
        button = self._button(facts)
        if button is not None:
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self._first = button
        return row

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
        if facts.state == "invitation" or (facts.state == "ended" and not facts.waiting):  # nothing else can be done here
            button = Button(_("Join again with a new invitation") if facts.state == "invitation" else _("Join with another invitation"), "primary",
                            "envelope-simple")
            button.clicked.connect(self._ask_again)
            return button
        button = Button(_("Syncing …") if self._busy else _("Sync now"), "primary", "arrows-clockwise")
        button.setEnabled(not self._busy)
        button.clicked.connect(self._now)
        return button

    def _sentences(self, facts: Facts) -> list[str]:
        if facts.state == "alone":
            return [_("Everything is saved on this laptop.")]
        if facts.state in ("ended", "invitation"):
            return [facts.sentence]
        first = _("Nothing has been fetched yet.")
        if facts.last_sync is not None:
            first = _("Everything up to {time} is with {server}.").format(time=_moment(facts.last_sync), server=facts.server)
        if not facts.waiting:
            return [first]
        still = ngettext("{n} change on this laptop is still to send.", "{n} changes on this laptop are still to send.", facts.waiting)
        return [first, still.format(n=number(facts.waiting))]

    def _below(self, facts: Facts) -> str:
        if facts.sample:
            return _("This is the sample chapter. It never joins a server, so nobody made up gets among real people.")
        if facts.state == "alone":
            return _("It is shared with nobody. With an invitation from your chapter lead or alumni office it keeps in step with other laptops.")
        if facts.state == "invitation":
            return _("Work goes on meanwhile; nothing that you change is lost.")
        if facts.locked and not facts.waiting:
            return _("Nothing of the chapter is shown until then.")
        if facts.state == "ended" and not facts.waiting:
            return _("Its list is gone from this laptop, and all that was done here is at the server. Another invitation opens another door.")
        if self._trouble and self._code in PASSING:
            next_try = self._bridge.next_try()
            if next_try is None:
                return self._trouble
            return _("{trouble} The next try is at {time}, by itself.").format(trouble=self._trouble, time=_moment(next_try))
        if facts.waiting:
            safe = ngettext("It is saved here in any case", "They are saved here in any case", facts.waiting)
            next_try = self._bridge.next_try()
            if self._busy or next_try is None:
                return _("{safe}.").format(safe=safe)
            return _("{safe}; the next try is at {time}, by itself.").format(safe=safe, time=_moment(next_try))
        if facts.carrying:
            return _("It carries what other laptops did, which the server may not have yet: the next sync gives it to the server.")
        return _("Work goes on without the internet; what you change meanwhile is sent at the next sync.")

    def _progress(self, column: QVBoxLayout) -> None:
        cancel = Button(_("Cancel"))
        cancel.setAccessibleName(_("Cancel the sync"))
        cancel.clicked.connect(self._bridge.cancel)
        self._under_way = SettingRow(self._far, _("You can go on working meanwhile. If you cancel, the next sync goes on where this one ended."), cancel)
        column.addWidget(section(_("Under way")))
        column.addWidget(self._under_way)
        column.addSpacing(px(12))

    def _not_taken(self, column: QVBoxLayout, facts: Facts) -> None:
        title = ngettext("{n} change was not taken", "{n} changes were not taken", facts.refused).format(n=number(facts.refused))
        column.addWidget(section(title))
        alike = len({one.why for one in facts.refusals}) == 1  # then it is said once, below them
        for one in facts.refusals:
            column.addWidget(SettingRow(one.what, "" if alike else one.why))
        below = ngettext("The server has not got it, and it was taken back here.", "The server has not got them, and they were taken back here.", facts.refused)
        rest = facts.refused - len(facts.refusals)
        if rest:
            more = ngettext("{n} more is not shown.", "{n} more are not shown.", rest).format(n=number(rest))
            below = _("{first} {more}").format(first=below, more=more)
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        if rest:
            every = Button(_("Show all"))
            every.setAccessibleName(_("Show all changes that were not taken"))
            every.clicked.connect(self._show_refused)
            row.addWidget(every)
        seen = Button(_("Seen"))
        seen.setAccessibleName(_("Seen: take the changes that were not taken off this page"))
        newest = facts.refusals[0].at
        seen.clicked.connect(lambda: self.lanes.write(lambda: self.desk.set_setting(_SEEN, newest), lambda done: self.refresh()))
        row.addWidget(seen)
        column.addWidget(SettingRow(below, facts.refusals[0].why if alike else "", buttons, width=224 if rest else 144))
        column.addSpacing(px(12))

    def _show_refused(self) -> None:
        """All that was not taken and nobody here has seen yet, in a sheet."""

        def ask() -> tuple[list[RefusedChange], int]:
            from alumni_desk.sync.refused import count_refused, refused

            seen = str(self.desk.setting(_SEEN) or "")
            with self.desk.reading() as connection:
                count = count_refused(connection, seen)
            return refused(self.desk, REFUSED_SHOWN, seen), count

        self.lanes.read(ask, lambda found: RefusedSheet(self.window(), *found).open())

    # -- this laptop keeps the chapter

    def _kept(self, address: str, trouble: str) -> None:
        self._kept_at, self._not_kept = address, trouble
        self._draw()

    def _alone(self, column: QVBoxLayout, facts: Facts) -> None:
        column.addWidget(section(_("Without an office’s server")))
        self.keep = Button(_("Keep it here"))
        self.keep.setAccessibleName(_("Keep the chapter on this laptop, for the others"))
        self.keep.clicked.connect(self._keep_here)
        self.keep_row = SettingRow(_("This laptop keeps the chapter"), _("Other laptops of the chapter join this one and keep in step with it. They reach it "
                                   "while this window is open and both are on one network. It can move to an office’s server later, with everything."),
                                   self.keep)  # fmt: skip
        column.addWidget(self.keep_row)

    def _keep_here(self) -> None:
        self.keep.setEnabled(False)
        self.keep_row.say(_("The server is being made …"))

        def failed(error: KnownError) -> None:
            self.keep.setEnabled(True)
            self.keep_row.say(str(error))

        def done() -> None:
            self.joined.emit()
            self.said.emit(_("This laptop keeps the chapter. Now invite the others."), None)
            self.refresh()

        self._bridge.keep_here(done, failed)

    def _keeping(self, column: QVBoxLayout, facts: Facts) -> None:
        if facts.takes_over and facts.state == "invitation":
            column.addWidget(section(_("Without an office’s server")))
            self._taking_over(column, facts)
        if not self._kept_at and not self._not_kept:
            return
        column.addWidget(section(_("This laptop keeps the chapter")))
        address = self._kept_at.partition("#")[0]
        said = _("The others reach it at {address} while this window is open.").format(address=address) if address else self._not_kept
        column.addWidget(SettingRow(_("For the others") if address else _("It is not kept now"), said, tone="text" if address else "warn"))
        if facts.takes_over:  # its own server is gone: it cannot be moved
            self._taking_over(column, facts)
            return
        moves = Button(_("Move"))
        moves.setAccessibleName(_("Move to an office’s server"))
        moves.clicked.connect(self._ask_move)
        column.addWidget(SettingRow(_("Move to an office’s server"), _("Everything goes along; the other laptops then join there, each with an invitation."),
                                    moves))  # fmt: skip

    def _taking_over(self, column: QVBoxLayout, facts: Facts) -> None:
        self.takes = Button(_("Keep it here"))
        self.takes.setAccessibleName(_("Keep the chapter on this laptop, in place of the one that is gone"))
        self.takes.clicked.connect(lambda: self._ask_take_over(facts))
        column.addWidget(SettingRow(_("This laptop keeps the chapter"), _("Only if the laptop or the server that kept it until now is gone for good: this one "
                                    "takes its place with everything that is here, and the others follow with a new invitation each."),
                                    self.takes))  # fmt: skip

    def _ask_take_over(self, facts: Facts) -> None:
        sheet = Sheet(self.window(), _("Keep {chapter} on this laptop?").format(chapter=isolated(facts.chapter)), _("Keep it here"))
        for words in (_("Do this only if the laptop or the server that kept the chapter until now is gone for good. If it is merely switched off, or this "
                        "laptop is in another network, there would be two chapters that know nothing of each other."),
                      _("Everything on this laptop stays and goes along. What only the other one had, because it was never fetched here, is lost."),
                      _("Then invite the others: each follows with a new invitation under Sync, Details, “It has moved”, and brings what it had not sent. "
                        "Until then they work on for themselves.")):
            sheet.column.addWidget(Label(words, wrap=True))

        def done() -> None:
            sheet.accept()
            self._trouble = ""
            self.joined.emit()
            self.said.emit(_("This laptop keeps the chapter. Now invite the others."), None)
            self.refresh()

        def take() -> None:
            sheet.set_busy(_("The server is being made …"))
            self._bridge.take_over(done, sheet.complain)

        sheet.done_clicked.connect(take)
        sheet.open()

    def _ask_move(self) -> None:
        sheet = PlainSheet(self.window(), _("Move to an office’s server"), width=720)
        form = JoinForm(self.desk.device_name, lanes=self.lanes, look=self._bridge.look_at)
        sheet.column.addWidget(form)
        sheet.set_foot(form.foot)
        form.cancel.show()
        form.cancel.clicked.connect(sheet.reject)

        def move(url: str, code: str, laptop: str, carry: bool) -> None:
            move_anyway.move(self._bridge, form, move_anyway.Way(url, code, laptop, self._server()), done)

        def done(membership: Any) -> None:
            sheet.accept()
            self.said.emit(_("The chapter is at {chapter}’s new server").format(chapter=membership.scope_name), None)
            self.refresh()

        form.joined.connect(move)
        sheet.open()
        form.first_focus().setFocus()

    def _server(self) -> str:
        return self._facts.server if self._facts is not None else ""

    # -- details

    def _details(self, column: QVBoxLayout, facts: Facts) -> None:
        column.addSpacing(px(12))
        shown = Link(_("Hide the details") if self._detailed else _("Details"))
        shown.clicked.connect(self._turn_details)
        column.addWidget(shown, 0, Qt.AlignmentFlag.AlignLeft)
        self._details_link = shown
        if not self._detailed:
            return
        now = datetime.now(UTC)
        column.addWidget(section(_("This laptop")))
        last = _("Not yet") if facts.last_sync is None else f"{_moment(facts.last_sync)} · {ago(facts.last_sync, now)}"
        column.addWidget(SettingRow(_("Last sync"), last))
        if facts.waiting:
            still = ngettext("{n} change", "{n} changes", facts.waiting).format(n=number(facts.waiting))
            if facts.oldest is not None:
                still = _("{changes}, the oldest made {age}").format(changes=still, age=ago(facts.oldest, now))
        else:
            still = _("Nothing")
        column.addWidget(SettingRow(_("To send"), still))
        moved = Button(_("It has moved"))
        moved.setAccessibleName(_("The server has moved: join again with a new invitation"))
        moved.clicked.connect(self._ask_again)
        column.addWidget(SettingRow(_("Server"), facts.server, moved))
        if facts.takes_over and facts.state != "invitation" and not self._not_kept:
            self._taking_over(column, facts)
        column.addWidget(SettingRow(_("You are"), facts.role))
        if facts.pin:
            column.addWidget(SettingRow(_("The server’s certificate"), " ".join(facts.pin[at:at + 4] for at in range(0, len(facts.pin), 4))))
        if facts.checked is not None:
            found = _("nothing missing") if facts.identical else _("something differs; the next sync fetches it again")
            if facts.identical and facts.mended:
                found = facts.mended
            column.addWidget(SettingRow(_("Checked"), f"{_moment(datetime.fromisoformat(facts.checked))} · {found}"))
        column.addWidget(SettingRow(_("Version"), _("Alumni Desk {version}, protocol {protocol}").format(version=__version__, protocol=PROTOCOL)))
        if facts.leads:
            self._versions(column)
        if facts.leads and facts.state not in ("ended", "invitation"):
            self.term = EndTerm(self._bridge, facts.chapter, admin=facts.admin, hand_over=self.people.hand_over)
            self.term.said.connect(lambda words: self.said.emit(words, None))
            self.term.switched.connect(self.refresh)
            column.addWidget(self.term)

    def _versions(self, column: QVBoxLayout) -> None:
        """Which laptops of the chapter have which version: who of them should update."""
        found = self.people.versions()
        if not found:
            return
        column.addWidget(section(_("Versions on the chapter’s laptops")))
        for version, laptops in found:
            title = _("Alumni Desk {version}").format(version=version) if version else _("Not said yet")
            column.addWidget(SettingRow(title, ", ".join(laptops)))

    def _turn_details(self) -> None:
        self._detailed = not self._detailed
        self._draw()
        self._details_link.setFocus()

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

    def _open_join(self, here: str, invitation: Brought | None = None) -> None:
        chapter = isolated(invitation.chapter) if invitation is not None and invitation.chapter else ""
        title = _("Invitation to {chapter}").format(chapter=chapter) if chapter else _("Join with an invitation")
        sheet = PlainSheet(self.window(), title, width=720)
        form = JoinForm(self.desk.device_name, here, lanes=self.lanes, look=self._bridge.look_at)
        if invitation is not None:
            form.fill(invitation.url, invitation.code)
        sheet.column.addWidget(form)
        sheet.set_foot(form.foot)
        form.cancel.show()
        form.cancel.clicked.connect(sheet.reject)
        form.joined.connect(lambda url, code, laptop, carry: self._join(form, sheet, url, code, laptop, carry))
        sheet.open()
        form.first_focus().setFocus()

    def _join(self, form: JoinForm, sheet: PlainSheet, url: str, code: str, laptop: str, carry: bool) -> None:
        if form.moves:
            way = move_anyway.Way(url, code, laptop, self._server())
            move_anyway.move(self._bridge, form, way, lambda membership: self._has_joined(sheet))
            return
        form.busy(_("Joining …"))
        self._bridge.join(url, code, laptop, carry, lambda result: self._has_joined(sheet), lambda error: form.refused(error.code, str(error)))

    def _has_joined(self, sheet: PlainSheet) -> None:
        sheet.accept()
        self.joined.emit()
        self.said.emit(_("This laptop has joined"), None)
        self.refresh()


class Place(QWidget):
    """A place of a page that holds one thing, in turn for another."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._held: QWidget | None = None

    def put(self, widget: QWidget) -> None:
        """Hold this instead."""
        if self._held is not None:
            self._column.removeWidget(self._held)
            self._held.hide()
            self._held.deleteLater()
        self._held = widget
        self._column.addWidget(widget)


@dataclass(frozen=True)
class PastLine:
    """A line of the history. ``at`` None: this laptop's clock was wrong then."""

    at: datetime | None
    icon: str
    words: str
    second: str = ""
    tone: Tone = "muted"


def past_lines(facts: Facts, now: datetime) -> list[PastLine]:
    """What the last syncs did, and when it was last checked that nothing is missing; the newest first. ``now``: the corrected time.

    Syncs stand in the order in which they were, whatever the clock said; a moment that is still to come was a wrong clock's, and is not shown.
    """
    found: list[tuple[datetime, PastLine]] = []
    last = datetime.min.replace(tzinfo=UTC)
    for did in reversed(facts.lately):
        moment = _believed(did.at, now)
        last = max(last, moment or last)
        found.append((last, _did_line(did, moment, elsewhere=facts.state == "invitation")))
    found.reverse()
    if facts.checked is not None:
        moment = _believed(facts.checked, now)
        if facts.identical and facts.mended:
            line = PastLine(moment, "warning", _("Checked: something was put right"), facts.mended, "warn")
        elif facts.identical:
            members = "" if facts.members is None else ngettext("{n} member", "{n} members", facts.members).format(n=number(facts.members))
            line = PastLine(moment, "check", _("Checked: nothing missing"), members)
        else:
            line = PastLine(moment, "warning", _("Checked: something differs"), _("the next sync fetches it again"), "warn")
        found.append((moment or last, line))
    return [line for _at, line in sorted(found, key=lambda one: one[0], reverse=True)]


def _believed(text: str, now: datetime) -> datetime | None:
    """A kept moment; None if it lies further ahead than two good clocks differ."""
    at = datetime.fromisoformat(text)
    return at if at <= now + timedelta(milliseconds=AHEAD_MS) else None


def _did_line(did: Did, at: datetime | None, *, elsewhere: bool) -> PastLine:
    """One sync in words, with the server that it was with, which may be a former one. ``elsewhere``: this laptop has another computer's desk."""
    sent = ngettext("{n} change sent", "{n} changes sent", did.sent).format(n=number(did.sent))
    fetched = ngettext("{n} change fetched", "{n} changes fetched", did.fetched).format(n=number(did.fetched))
    words = _("{sent}, {n} fetched").format(sent=sent, n=number(did.fetched)) if did.sent and did.fetched else sent if did.sent else fetched
    icon, second = ("check-circle", _taken_words(did, elsewhere=elsewhere)) if did.sent else ("download-simple", "")
    tone: Tone = "muted"
    if did.refused:
        icon, tone = "x-circle", "danger"
        second = ngettext("{n} was not taken", "{n} were not taken", did.refused).format(n=number(did.refused))
        second += f" · {_erased_words(did)}" if did.dropped else ""
        words = words if did.sent or did.fetched else _("Changes were refused")
    elif did.dropped:
        icon = "user-minus"
        second = _erased_words(did)
        words = words if did.sent or did.fetched else _("Somebody was erased")
    elif did.conflicts:
        icon = "git-merge"
        second = ngettext("{n} to decide", "{n} to decide", did.conflicts).format(n=number(did.conflicts))
    return PastLine(at, icon, words, second, tone)


def _taken_words(did: Did, *, elsewhere: bool) -> str:
    if not did.server:
        return _("all taken")
    return _("all taken by {server}").format(server=_server_words(did.server, kept=did.own, elsewhere=did.own and elsewhere))


def _erased_words(did: Did) -> str:
    return ngettext("{n} unsent change went with somebody erased", "{n} unsent changes went with people erased", did.dropped).format(n=number(did.dropped))


def _past_line(line: PastLine) -> QWidget:
    """A line with its time at the right edge."""
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, px(4), 0, px(4))
    row.setSpacing(px(8))
    doubt = "" if line.at is not None else _("the clock was wrong then")
    words = IconLine(line.icon, line.words, " · ".join(filter(None, (line.second, doubt))))
    words.findChildren(Glyph)[0].set_icon(line.icon, line.tone)
    row.addWidget(words, 1)
    if line.at is not None:
        row.addWidget(Label(_moment(line.at), "small", "muted"), 0, Qt.AlignmentFlag.AlignTop)
    return box


def _moment(then: datetime) -> str:
    """18:40, or 9 Nov, 18:40 on another day."""
    local = then.astimezone()
    clock = local.strftime("%H:%M")
    return clock if local.date() == datetime.now().date() else f"{day_short(local.date())}, {clock}"


def look_up(desk: Desk) -> Facts:
    """What the page shows, read in one snapshot."""
    from alumni_desk.sync import conflicts, engine, keeping, kept, lately, state, taking_over
    from alumni_desk.sync.refused import count_refused, refused

    seen = str(desk.setting(_SEEN) or "")
    refusals = tuple(refused(desk, _SHOWN, seen))
    with desk.reading() as connection:
        standing = engine.standing(connection)
        membership = state.read(connection, state.Membership)
        keeps_it, elsewhere = kept.kept_here(connection) is not None, kept.kept_elsewhere(connection)
        trouble = (state.read(connection, state.LastSync) or state.LastSync()).trouble
        not_taken = count_refused(connection, seen) if refusals else 0
        past = tuple(lately.lately(connection))
        sample = connection.exec_driver_sql("SELECT 1 FROM chapter WHERE sample LIMIT 1").first() is not None
        checked = state.read(connection, state.Checked)
        oldest = connection.exec_driver_sql("SELECT min(id) FROM operation WHERE fate = 'waiting' AND sequence IS NULL AND queue <> 'peer'").scalar()
    leads = membership is not None and membership.role in ("leader", "admin") and not standing.locked
    return Facts(
        state=standing.state,
        sentence=standing.sentence,
        waiting=standing.waiting,
        last_sync=datetime.fromisoformat(standing.last_sync) if standing.last_sync else None,
        oldest=_made_at(oldest) if oldest and standing.waiting else None,
        server=_server_words(membership.url, kept=keeps_it, elsewhere=elsewhere) if membership else "",
        chapter=membership.scope_name if membership else "",
        role=_role(membership.role) if membership else "",
        sample=sample,
        clock=standing.clock,
        access=standing.access if standing.state not in ("ended", "invitation") else "",
        refused=not_taken,
        refusals=() if standing.locked else refusals,
        pin=(membership.fingerprint or "") if membership else "",
        leads=leads,
        lately=past,
        admin=membership is not None and membership.role == "admin",
        door=membership is not None and membership.role == "door",
        takes_over=leads and (elsewhere or (trouble in taking_over.SILENT and not (keeps_it and keeping.has_server(desk)))),
        locked=standing.locked or standing.late,
        checked=standing.checked,
        identical=standing.identical,
        mended=engine.mended_words(standing.mended) if standing.mended else "",
        carrying=standing.carrying,
        members=checked.members if checked is not None else None,
        conflicts=tuple(conflicts.conflicts(desk)) if leads else (),
        lets=tuple(_doors(desk)) if leads else (),
    )


_DOORS = 20


def _doors(desk: Desk) -> list[Letting]:
    """Gatherings that run or come, the soonest first."""
    from alumni_desk.desktop.door_page import choosable

    return [Letting(one.id, one.name) for one in choosable(desk) if not one.over][:_DOORS]


def _server_words(url: str, *, kept: bool, elsewhere: bool) -> str:
    """The server as people know it: by its name, or that it is on this laptop, or was on the one whose backup this is."""
    if elsewhere:
        return _("the computer that kept the chapter")
    return _("this laptop’s own server") if kept else urlsplit(url).hostname or url


def _made_at(operation: str) -> datetime:
    """When an operation was made: its UUIDv7 begins with the milliseconds since 1970."""
    return datetime.fromtimestamp(int(operation.replace("-", "")[:12], 16) / 1000, UTC)


def _role(role: str) -> str:
    """A role in words."""
    words = {"admin": _("Admin of the alumni network"), "leader": _("Leader of the chapter"), "door": _("Check-in volunteer")}
    return words.get(role, role)
