"""The door, full screen: one field that never loses a scan, one answer at a time, shown only after it is on disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QCloseEvent,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from alumni_desk.checkin.actions import Undone, check_in, undo_check_in, walk_in
from alumni_desk.checkin.lists import (
    Arrival,
    DoorHit,
    DoorHits,
    DoorList,
    DoorStatus,
    local_time,
)
from alumni_desk.checkin.taking_back import DOOR_TAKES_BACK_S
from alumni_desk.checkin.verdicts import Outcome, Reason, Verdict
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import hairline
from alumni_desk.desktop.dates import parse_wall
from alumni_desk.desktop.door_bars import DoorField, KeyBar, NetworkBar, WhoseDoor
from alumni_desk.desktop.door_column import ColumnData, DoorColumn
from alumni_desk.desktop.door_hits import HitRow, HitsView, WalkInRow
from alumni_desk.desktop.door_idle import Idle, Last
from alumni_desk.desktop.door_network import network_words, waiting_facts
from alumni_desk.desktop.door_panel import VerdictPanel
from alumni_desk.desktop.door_pin import DOOR_PIN, PinSheet
from alumni_desk.desktop.door_scan import Scans, is_letter, is_line_feed
from alumni_desk.desktop.door_walkin import WalkIn, WalkInForm
from alumni_desk.desktop.door_words import (
    Act,
    Showing,
    brings_words,
    covered,
    first_name,
    full_name,
    not_read,
    not_saved,
    not_taken_back,
    said_time,
    short_name,
    showing,
)
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.sound import Sounds
from alumni_desk.desktop.venue_bridge import AtVenue
from alumni_desk.errors import KnownError
from alumni_desk.protocol.codes import read_badge_code
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed
from alumni_desk.words import _, clock_time, ngettext

GREEN_MS = 8_000
NOTE_MS = 20_000
RESCAN_S = 2
"""Within this time the same code again is the scanner's own repeat, not a second guest with the same badge."""
SAVING_MS = 300
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_TABLES = frozenset({"gathering", "person", "registration", "fact"})


@dataclass(frozen=True)
class Own:
    """A check-in that this window made: it may take it back for two minutes."""

    fact: str
    registration: str
    verdict: Verdict
    at: float  # monotonic seconds

    def fresh(self) -> bool:
        return time.monotonic() - self.at < DOOR_TAKES_BACK_S


class DoorWindow(QWidget):
    """The door of one gathering. ``left`` when somebody leaves it; ``lock_wanted`` and ``unlock_wanted`` by Ctrl+L."""

    left = Signal()
    lock_wanted = Signal()
    unlock_wanted = Signal()

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, gathering_id: str, *, station: str, by: str = "",
                 sounds: Sounds | None = None) -> None:  # fmt: skip
        super().__init__()
        self._desk, self._lanes, self._changes, self._gathering = desk, lanes, changes, gathering_id
        self.station, self.by = station, by
        self._sounds = sounds if sounds is not None else Sounds()
        self.door: DoorList | None = None
        self._column: ColumnData | None = None
        self._found: DoorHits | None = None
        self._enter_waits: str | None = None
        self._verdict: Verdict | None = None
        self._retry: Callable[[], None] | None = None
        self._unsaved: list[Callable[[], Verdict]] = []  # scans, which the next one took from the screen
        self._note_open = False
        self._own: list[Own] = []
        self._scanned: tuple[str, float] = ("", float("-inf"))
        self._saving = 0
        self._reading = False
        self._due: Changed | None = Changed({})
        self._locked = self._leaving = False
        self._pane_before: QWidget | None = None
        self._pin: PinSheet | None = None
        self._pin_kept: str | None = None
        self._venue = AtVenue()
        self._silent_since: datetime | None = None
        self._last_sync: datetime | None = None
        self.setWindowTitle(_("Check-in"))
        self.setAutoFillBackground(True)
        self._build()
        self._green = self._timer(GREEN_MS, self._to_idle)
        self._note = self._timer(NOTE_MS, self._close_note)
        self._slow = self._timer(SAVING_MS, self._say_saving)
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self._each_second)
        self._tick.start()
        changes.changed.connect(self._on_changed)
        lanes.read(lambda: desk.setting(DOOR_PIN), self._set_pin)
        self._refresh()
        self._to_idle()

    def _timer(self, ms: int, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self, interval=ms, singleShot=True)
        timer.timeout.connect(slot)
        return timer

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(px(24), px(16), px(24), px(16))
        top.setSpacing(px(48))
        self.field = DoorField()
        self.field.textChanged.connect(self._typed)
        self.field.cleared.connect(self._clear_field)
        self.scans = Scans(self.field)
        self.scans.scanned.connect(self._scan)
        top.addWidget(self.field, 1)
        self.whose = WhoseDoor()
        self.whose.setFixedHeight(px(64))
        self.whose.layout().setContentsMargins(0, 0, 0, 0)
        top.addWidget(self.whose)
        column.addLayout(top)
        column.addWidget(hairline())
        across = QHBoxLayout()
        across.setSpacing(0)
        self.panes = QStackedWidget()
        self.idle, self.hits, self.panel, self.form = Idle(), HitsView(), VerdictPanel(), WalkInForm()
        for pane in (self.idle, self.hits, self.panel, self.form):
            self.panes.addWidget(pane)
        across.addWidget(self.panes, 1)
        across.addWidget(hairline("v"))
        self.column = DoorColumn()
        across.addWidget(self.column)
        column.addLayout(across, 1)
        column.addWidget(hairline())
        self.network = NetworkBar()
        column.addWidget(self.network)
        self.keys = KeyBar()
        column.addWidget(self.keys)
        self.idle.undo.connect(self._undo_last)
        self.idle.walk_in.connect(self._open_form)
        self.hits.chosen.connect(self._check_in_hit)
        self.hits.walk_in.connect(self._open_form)
        self.panel.asked.connect(self._act)
        self.form.submitted.connect(self._submit_form)
        self.form.use.connect(self._use_match)
        self.form.name_changed.connect(self._look_for_match)
        self.form.host_changed.connect(self._look_for_host)
        self.column.undo.connect(self._undo_fact)
        self.keys.pressed.connect(self._key_clicked)
        for line in (self.field, *self.form.fields()):
            line.installEventFilter(self)
        self.whose.show_door("", self.station, self.by)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.column.set_room(self.width())
        self.whose.setFixedWidth(self.column.minimumWidth() - px(48))

    def set_standing(self, state: str, sentence: str, *, damaged: bool = False) -> None:
        """What the sync engine says, in the corner; or that a part of the database cannot be read."""
        self.whose.set_standing(state, sentence, damaged=damaged)

    def set_venue(self, venue: AtVenue, silent_since: datetime | None, last_sync: datetime | None) -> None:
        """Which laptops are heard here, since when the server does not answer, and when it last did."""
        self._venue, self._silent_since, self._last_sync = venue, silent_since, last_sync
        self._show_network()
        self._show_column()

    def _show_network(self) -> None:
        waiting = self._column.waiting if self._column is not None else 0
        self.network.show_network(network_words(self._venue, self._silent_since, self._last_sync, waiting, datetime.now(UTC), self._zone()))

    def set_locked(self, locked: bool) -> None:
        """While the laptop is locked badges are read and answered, and no member is shown. What was half typed comes back after it."""
        if locked == self._locked:
            return
        self._locked = locked
        self.field.clear()
        for part in (self.field, self.idle):
            part.set_locked(locked)
        if locked:
            if self._pin is not None:
                self._pin.reject()
            self._close_note()
            self._pane_before = self.panes.currentWidget()
            self._to_idle()
        else:
            self._back_after_lock()
        self._show_column()
        self._show_keys()

    def _back_after_lock(self) -> None:
        before, self._pane_before = self._pane_before, None
        if self.state() == "verdict" and self._verdict is not None:
            self._show(self._showing(self._verdict), quiet=True)
        elif before is self.form:
            self.panes.setCurrentWidget(self.form)
            self.field.set_waiting(True)
        else:
            self._to_idle()

    def state(self) -> str:
        """What is shown: idle, find, verdict or walk_in."""
        shown = self.panes.currentWidget()
        return "idle" if shown is self.idle else "find" if shown is self.hits else "verdict" if shown is self.panel else "walk_in"

    # -- keys

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Every key typed into a line passes here first, so that a scan is caught wherever the cursor stands."""
        if event.type() == QEvent.Type.KeyPress and isinstance(watched, QLineEdit):
            return self._key(event, watched)  # type: ignore[arg-type]
        empty = watched is self.field and not self.field.text()
        if event.type() == QEvent.Type.ShortcutOverride and empty and _is_undo(event):  # type: ignore[arg-type]
            event.accept()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no line took: letters go to the field all the same."""
        if self._key(event, None):
            return
        if is_letter(event):
            self.field.setFocus(Qt.FocusReason.OtherFocusReason)
            self.field.insert(event.text())
            return
        super().keyPressEvent(event)

    def _key(self, event: QKeyEvent, line: QLineEdit | None) -> bool:
        if self.scans.take(event, line):
            return True
        if event.key() in _ENTER:
            self._enter()
            return True
        return not is_letter(event) and self._special(event, line)

    def _special(self, event: QKeyEvent, line: QLineEdit | None) -> bool:
        names = {Qt.Key.Key_F2: "F2", Qt.Key.Key_F3: "F3", Qt.Key.Key_F5: "F5", Qt.Key.Key_F7: "F7", Qt.Key.Key_Escape: "Esc"}
        name = names.get(Qt.Key(event.key()))
        if name is not None:
            self._press(name)
            return True
        if event.key() == Qt.Key.Key_L and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            self._press("Ctrl L")
            return True
        if _is_undo(event) and (line is None or (line is self.field and not self.field.text())):
            self._press("Ctrl Z")
            return True
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and self.state() == "find":
            self.hits.move_choice(1 if event.key() == Qt.Key.Key_Down else -1)
            self._show_keys()
            return True
        return is_line_feed(event)

    def _enter(self) -> None:
        if self._locked:
            self.field.clear()
            self._to_idle()
            return
        state = self.state()
        if state == "walk_in":
            self._submit_form()
        elif state == "verdict" and not self.field.text():
            if self._verdict is not None and self._verdict.outcome is Outcome.ALREADY_IN:
                self._act(Act.LET_PASS)
        elif self.field.text().strip():
            if self._found is None or self._found.text != self.field.text():
                self._enter_waits = self.field.text()
            else:
                self._enter_on_choice()

    def _enter_on_choice(self) -> None:
        row = self.hits.choice()
        if isinstance(row, HitRow):
            self._check_in_hit(row.hit)
        elif isinstance(row, WalkInRow):
            self._open_form()

    def _key_clicked(self, key: str) -> None:
        if key == "Enter":
            if not self.scans.muted():
                self._enter()
        elif key == "↓":
            self.hits.move_choice(1)
            self._show_keys()
        elif key == "Tab":
            self.focusNextChild()
        else:
            self._press(key)

    def _press(self, key: str) -> None:
        """A key that means the same everywhere, as far as it means anything now."""
        if key == "Ctrl L":
            (self.unlock_wanted if self._locked else self.lock_wanted).emit()
            return
        if self._locked:
            if key == "Esc":
                self._to_idle() if self.state() == "verdict" else self.unlock_wanted.emit()
            return
        if self.state() == "verdict" and self.panel.showing is not None:
            for offer in self.panel.showing.offers:
                if offer.key == key:
                    self._act(offer.act)
                    return
        if key == "F2":
            self._open_form()
        elif key == "F3" and self.state() == "walk_in" and (match := self.form.offered()) is not None:
            self._use_match(match)
        elif key == "F7" and self._note_open:
            self._close_note()
        elif key == "Ctrl Z":
            self._undo_last()
        elif key == "Esc":
            self._escape()

    def _escape(self) -> None:
        if self.field.text():
            self._clear_field()
        elif self.state() == "walk_in" or (self.state() == "verdict" and self.panel.showing is not None and self.panel.showing.stays):
            self._unsaved.clear()  # nothing is to change
            self._to_idle()
        else:
            self._leave()

    # -- leaving

    def _set_pin(self, kept: str | None) -> None:
        self._pin_kept = kept

    def _leave(self) -> None:
        """Leave the door: at once, or with the PIN, so that a guest at the laptop gets no further."""
        self._lanes.read(lambda: self._desk.setting(DOOR_PIN), self._leave_with, self._leave_unread)

    def _leave_unread(self, error: KnownError) -> None:
        """The PIN cannot be read any more: the one that was known, so that nobody is shut in here, away from the backups."""
        self._leave_with(self._pin_kept)

    def _leave_with(self, kept: str | None) -> None:
        self._pin_kept = kept
        if not kept:
            self._go()
        elif self._pin is None:
            self._pin = PinSheet(self, self._desk, self._lanes, kept, self.scans)
            self._pin.accepted.connect(self._go)
            self._pin.scanned.connect(self._scan)
            self._pin.finished.connect(lambda result: self._pin_closed())
            self._pin.open()

    def _pin_closed(self) -> None:
        self._pin = None
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _go(self) -> None:
        self._leaving = True
        self.close()

    # -- finding

    def _typed(self, text: str) -> None:
        self._found = None
        self._enter_waits = None
        if read_badge_code(text) is not None:
            self.field.clear()
            self._scan(text)
            return
        if self._locked:
            self.field.set_note(_("Locked: only badges are read") if text.strip() else "")
            return
        if not text.strip():
            self._lanes.read(lambda: None, key="door-find")  # whatever is being looked for is not wanted any more
            self.field.set_note("")
            if self.state() == "find":
                self._to_idle()
            return
        self._lanes.read(lambda: self._look_up(text), self._on_found, lambda error: self._on_not_found(text, error), key="door-find")

    def _look_up(self, text: str) -> tuple[DoorHits, dict[str, str]]:
        door = self._the_list()
        found = door.find(text)
        parties = door.parties()
        brings = {hit.key: brings_words([guest.name for guest in parties.get(hit.registration, ())])
                  for hit in found.hits if hit.registration and not hit.here}  # fmt: skip
        return found, brings

    def _the_list(self) -> DoorList:
        """The list of the door, made on the reading lane at first need."""
        if self.door is None:
            self.door = DoorList(self._desk, self._gathering)
        return self.door

    def _on_found(self, answer: tuple[DoorHits, dict[str, str]]) -> None:
        found, brings = answer
        if found.text != self.field.text() or self._locked:
            return
        self._found = found
        self._green.stop()
        self.hits.show_found(found, brings)
        self.panes.setCurrentWidget(self.hits)
        number = len(found.hits)
        self.field.set_note(ngettext("{n} person", "{n} people", number).format(n=number) if number else _("Nobody is called that"))
        self._show_keys()
        if self._enter_waits == found.text:
            self._enter_waits = None
            self._enter_on_choice()

    def _on_not_found(self, text: str, error: KnownError) -> None:
        if text == self.field.text() and not self._locked:
            self._say_unread(error, partial(self._typed, text))

    def _clear_field(self) -> None:
        self.field.clear()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    # -- checking in

    def _scan(self, code: str) -> None:
        self.scans.read()
        self.field.clear()
        before, at = self._scanned
        self._scanned = (read_badge_code(code) or code, time.monotonic())
        repeated = before == self._scanned[0] and self._scanned[1] - at < RESCAN_S
        self._save(partial(check_in, self._desk, self._gathering, code=code, station=self.station, by=self.by or None, let_in=False), "",
                   repeated=repeated, scan=True)  # fmt: skip

    def _check_in_hit(self, hit: DoorHit, *, let_in: bool = False, method: str = "name") -> None:
        self.field.clear()
        self._save(partial(check_in, self._desk, self._gathering, hit.registration, person_id=hit.person, station=self.station, method=method,
                           by=self.by or None, let_in=let_in), hit.name)

    def _check_in_ids(self, registration: str | None, person: str | None, name: str, *, let_in: bool) -> None:
        self._save(lambda: check_in(
            self._desk, self._gathering, registration, person_id=person, station=self.station, by=self.by or None,
            let_in=let_in), name)  # fmt: skip

    def _save(self, action: Callable[[], Verdict], name: str, *, from_form: bool = False, repeated: bool = False, scan: bool = False) -> None:
        """Run an action on the writing lane; its verdict is shown when it is on disk, never before."""
        self._saving += 1
        self._slow.start()

        def then(verdict: Verdict) -> None:
            self._saved()
            if from_form:
                self.form.clear()
            self._on_verdict(verdict, repeated=repeated)
            self._save_unsaved(quiet=True)

        def failed(error: KnownError) -> None:
            self._saved()
            if scan:
                self._unsaved.append(action)
            self._retry = self._save_unsaved if scan else lambda: self._save(action, name, from_form=from_form)
            self._verdict = None
            self._show(not_saved(error, name))

        self._lanes.write(action, then, failed)

    def _save_unsaved(self, *, quiet: bool = False) -> None:
        """Every scan that could not be saved, once more. ``quiet``: somebody else stands there by now; only what needs a word is shown."""
        unsaved, self._unsaved = self._unsaved, []
        for action in unsaved:
            if quiet:
                self._lanes.write(action, self._on_late, partial(self._on_still_unsaved, action))
            else:
                self._save(action, "", scan=True)

    def _on_late(self, verdict: Verdict) -> None:
        if verdict.fact is not None and verdict.registration is not None:
            # Not as the newest: to undo means who is shown.
            self._own.insert(-1, Own(verdict.fact, verdict.registration, verdict, time.monotonic()))
            self._changes.tell(verdict.changed)
        elif verdict.outcome is not Outcome.ALREADY_IN:
            self._on_verdict(verdict, repeated=False)

    def _on_still_unsaved(self, action: Callable[[], Verdict], error: KnownError) -> None:
        self._unsaved.append(action)
        self._verdict, self._retry = None, self._save_unsaved
        self._show(not_saved(error, ""))

    def _saved(self) -> None:
        self._saving -= 1
        if self._saving == 0:
            self._slow.stop()
            if not self.field.text():
                self.field.set_note("")

    def _say_saving(self) -> None:
        if self._saving:
            self.field.set_note(_("Saving …"))

    def _on_verdict(self, verdict: Verdict, *, repeated: bool) -> None:
        quiet = False
        if verdict.fact is not None and verdict.registration is not None:
            self._own.append(Own(verdict.fact, verdict.registration, verdict, time.monotonic()))
        elif repeated and verdict.outcome is Outcome.ALREADY_IN and (own := self._newest_own()) is not None and own.registration == verdict.registration:
            verdict, quiet = replace(own.verdict, changed=verdict.changed), True
        if verdict.changed.tables:
            self._changes.tell(verdict.changed)
        self._verdict, self._retry, self._note_open = verdict, None, False
        self._show(self._showing(verdict), quiet=quiet)

    def _showing(self, verdict: Verdict) -> Showing:
        door = self.door
        hit = door.hits.get(verdict.registration) if door is not None and verdict.registration else None
        guests = door.guests_of(verdict.registration) if door is not None and verdict.registration else []
        namesakes = door.namesakes_of(hit) if door is not None and hit is not None else []
        return showing(verdict, hit, zone=door.gathering.zone if door else None, count=self._column.count if self._column else None,
                       guests=guests, namesakes=namesakes, note_open=self._note_open)  # fmt: skip

    def _show(self, shown: Showing, *, quiet: bool = False) -> None:
        shown = self._covered(shown)
        self.panel.show_verdict(shown)
        self.panes.setCurrentWidget(self.panel)
        self._green.stop()
        if not shown.stays:
            self._green.start()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self.field.set_waiting(False)
        self._show_keys()
        if not quiet:
            self._sounds.play(shown.sound)
            self._announce(shown.spoken)

    def _covered(self, shown: Showing) -> Showing:
        return covered(shown) if self._locked else shown

    def _announce(self, sentence: str) -> None:
        event = QAccessibleAnnouncementEvent(self.panel, sentence)
        event.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
        QAccessible.updateAccessibility(event)

    def _act(self, act: Act) -> None:
        """What a button or key of the shown verdict does."""
        verdict = self._verdict
        if act is Act.AGAIN and self._retry is not None:
            self._retry()
        elif act is Act.WALK_IN:
            self._open_form()
        elif act in (Act.SOMEONE_ELSE, Act.LET_PASS):
            self._unsaved.clear()
            self._to_idle()
        elif act is Act.UNDO:
            self._undo_last()
        elif act is Act.NOTE:
            self._open_note()
        elif verdict is None:
            return
        elif act in (Act.LET_IN, Act.ADD):
            self._check_in_ids(verdict.registration, verdict.person, verdict.name, let_in=True)
        elif act is Act.OTHER_REGISTRATION:
            self._check_in_ids(verdict.registration, verdict.person, verdict.name, let_in=False)
        elif act is Act.PARTY and self.door is not None and verdict.registration is not None:
            coming = [g for g in self.door.guests_of(verdict.registration) if g.status is DoorStatus.EXPECTED]
            if coming:
                self._check_in_hit(coming[0])

    def _open_note(self) -> None:
        if self._verdict is not None:
            self._note_open = True
            self._note.start()
            self._show(self._showing(self._verdict), quiet=True)

    def _close_note(self) -> None:
        self._note.stop()
        if self._note_open and self._verdict is not None and self.state() == "verdict":
            self._note_open = False
            if self._verdict.reason is Reason.DOOR_NOTE and self._verdict.outcome is Outcome.NEEDS_A_WORD:
                self._show(self._showing(self._verdict), quiet=True)

    # -- taking back

    def _newest_own(self) -> Own | None:
        return self._own[-1] if self._own and self._own[-1].fresh() else None

    def _may_undo(self, arrival: Arrival) -> bool:
        return any(own.fact == arrival.fact and own.fresh() for own in self._own)

    def _undo_last(self) -> None:
        own = self._newest_own()
        if own is not None:
            self._undo_fact(own.fact, own.registration)

    def _undo_fact(self, fact: str, registration: str) -> None:
        action = lambda: undo_check_in(
            self._desk, self._gathering, registration, facts=(fact,), station=self.station, by=self.by or None)
        self._lanes.write(action, lambda undone: self._on_undone(undone, fact), self._on_not_undone)

    def _on_undone(self, undone: Undone, fact: str) -> None:
        self._own = [own for own in self._own if own.fact != fact]
        self._changes.tell(undone.changed)
        if self._verdict is not None and self._verdict.registration == undone.registration:
            self._verdict = None
        if self._locked:
            self._to_idle()
            return
        self._announce(_("Taken back: {name}").format(name=undone.name))
        self._to_idle()
        from alumni_desk.desktop.tokens import DOOR_NEEDS_A_WORD

        self.idle.show_last(Last(DOOR_NEEDS_A_WORD, "hand", full_name(undone.name, ""),
                                 _("Taken back at {time}, not checked in").format(time=clock_time(self._now()))))  # fmt: skip

    def _on_not_undone(self, error: KnownError) -> None:
        self._verdict = self._retry = None
        self._show(not_taken_back(error))

    # -- walk-ins

    def _open_form(self) -> None:
        text = self.field.text().strip()
        if text and not any(c.isdigit() for c in text):
            self.form.name.setText(text)
        self.field.clear()
        self.form.show_count(self._column.count if self._column else None)
        self.panes.setCurrentWidget(self.form)
        self._green.stop()
        self.field.set_waiting(True)
        (self.form.contact if self.form.name.text() else self.form.name).setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_keys()

    def _look_for_match(self, text: str) -> None:
        if len(text.strip()) < 3:
            self._lanes.read(lambda: None, key="door-match")
            self.form.offer(None)
            return
        self._lanes.read(lambda: self._find_match(text), self._on_match, key="door-match")

    def _find_match(self, text: str) -> DoorHits:
        """Who may be meant, also when a name is written in one word or in parts (Al-Amin, Alamin)."""
        found = self._the_list().find(text, 8)
        joined = "".join(c for c in text if c.isalnum() or c.isspace() or not c.isascii())
        if not found.hits and joined != text:
            found = replace(self._the_list().find(joined, 8), text=text)
        return found

    def _on_match(self, found: DoorHits) -> None:
        if found.text == self.form.name.text():
            self.form.offer(found.hits[0] if found.hits else None)
            self._show_keys()

    def _look_for_host(self, text: str) -> None:
        self._lanes.read(lambda: self._the_list().find(text, 8), self._on_host, key="door-host")

    def _on_host(self, found: DoorHits) -> None:
        if found.text == self.form.host.text():
            hosts = [hit for hit in found.hits if hit.registration]
            certain = found.certain if found.certain is not None and found.certain.registration else None
            self.form.set_host(certain or (hosts[0] if len(hosts) == 1 else None), len(hosts) > 1)

    def _use_match(self, hit: DoorHit) -> None:
        if hit.registration is not None:
            self._check_in_hit(hit)
            self.form.clear()
            return
        typed = self.form.read(contact_asked=True)
        fields = typed.fields if typed else {}
        self._add(WalkIn(hit.name, hit.person, typed.host if typed else None, typed.consent if typed else False, fields))

    def _submit_form(self) -> None:
        typed = self.form.read()
        if typed is not None:
            self._add(typed)

    def _add(self, typed: WalkIn) -> None:
        self._save(lambda: walk_in(
            self._desk, self._gathering, typed.name, person_id=typed.person, consent=typed.consent, host=typed.host,
            station=self.station, by=self.by or None, **typed.fields), typed.name, from_form=True)  # fmt: skip

    # -- what is shown beside the answer

    def _to_idle(self) -> None:
        self._green.stop()
        self._note.stop()
        self._note_open = False
        shown = self.panel.showing if self.state() == "verdict" else None
        if shown is not None and self._verdict is not None and self._verdict.outcome is Outcome.ADMITTED:
            at = said_time(local_time(self._verdict.at, self._zone()))
            self.idle.show_last(Last(shown.colours, shown.shape, shown.name, _("Welcomed at {time}").format(time=at),
                                     self._undo_words() if self._newest_own() else ""))  # fmt: skip
        self.panes.setCurrentWidget(self.idle)
        self.field.set_waiting(False)
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_keys()

    def _undo_words(self) -> str:
        own = self._newest_own()
        return _("Undo {name}").format(name=short_name(own.verdict.name)) if own else ""

    def _show_keys(self) -> None:
        state = self.state()
        keys: list[tuple[str, str]] = []
        last = ("Esc", _("Leave"))
        if self._locked:
            self.keys.show_keys([("Ctrl L", _("Unlock"))], ("Esc", _("Close") if state == "verdict" else _("Unlock")))
            return
        if state == "find":
            keys, last = self._find_keys(), ("Esc", _("Clear the field"))
        elif state == "walk_in":
            keys = [("Enter", _("Check in")), ("Tab", _("Next line"))]
            if (match := self.form.offered()) is not None:
                keys.append(("F3", _("Use {name}").format(name=f"{match.name} {match.class_tail}".strip())))
            last = ("Esc", _("Back, what is typed stays"))
        elif state == "verdict" and self.panel.showing is not None:
            keys = [(offer.key, offer.words) for offer in self.panel.showing.offers if offer.key]
            if self._note_open:
                keys.append(("F7", _("Close the note")))
            if not any(key == "F2" for key, _words in keys):
                keys.append(("F2", _("Walk-in")))
            if self.panel.showing.stays:
                last = ("Esc", _("Close, nothing changes"))
        else:
            keys = [("F2", _("Walk-in"))]
            if self._newest_own() is not None:
                keys.append(("Ctrl Z", self._undo_words()))
        self.keys.show_keys(keys, last)

    def _find_keys(self) -> list[tuple[str, str]]:
        row = self.hits.choice()
        keys = []
        if self._found is not None and self._found.hits:
            keys.append(("↓", _("Choose another") if row is not None else _("Choose one")))
        if isinstance(row, HitRow):
            # Whoever is in already is not checked in again: their answer says since when, and what else can be done.
            words = _("Show {name}") if row.hit.here else _("Check in {name}")
            keys.append(("Enter", words.format(name=first_name(row.hit.name))))
        return [*keys, ("F2", _("Add a walk-in"))]

    def _zone(self) -> str | None:
        return self.door.gathering.zone if self.door is not None else None

    def _now(self) -> datetime:
        return local_time(datetime.now(UTC).isoformat(), self._zone()) or datetime.now(UTC)

    def _each_second(self) -> None:
        self.whose.time.setText(clock_time(self._now()))
        fresh = [own for own in self._own if own.fresh()]
        if len(fresh) != len(self._own):
            self._own = fresh
            self._show_column()
            self._show_keys()
            if not fresh:
                self.idle.strip.button.hide()

    def _on_changed(self, changed: Changed) -> None:
        if not changed.tables or _TABLES & changed.tables.keys():
            self._due = changed if self._due is None else (Changed({}) if not (changed.tables and self._due.tables) else self._due | changed)
            self._refresh()

    def _refresh(self) -> None:
        """Read what changed on the reading lane; changes that come meanwhile are read afterwards, together."""
        if self._reading or self._due is None:
            return
        due, self._due, self._reading = self._due, None, True

        def read() -> ColumnData:
            fresh = self.door is None
            door = self._the_list()
            if not fresh:
                door.refresh(due if due.tables else None)
            gathering = door.gathering
            return ColumnData(door.headcount(), door.arrivals(), door.stations(), door.last_in(), self._now(),
                              parse_wall(gathering.starts), self.station, waiting_facts(self._desk))  # fmt: skip

        self._lanes.read(read, self._on_read, self._on_read_failed)

    def _on_read(self, data: ColumnData) -> None:
        self._reading = False
        self._column = data
        self._show_column()
        self._show_network()
        if self.door is not None:
            gathering = self.door.gathering
            self.whose.show_door(gathering.name, self.station, self.by)
            self.setWindowTitle(_("Check-in · {gathering}").format(gathering=gathering.name))
            self.idle.show_list(data.count.registered + data.count.walk_ins, "cancelled" if gathering.cancelled else "")
        if self._verdict is not None and self.state() == "verdict":
            self._refresh_panel(self._verdict)
        self.form.show_count(data.count)
        self._each_second()
        self._refresh()

    def _refresh_panel(self, verdict: Verdict) -> None:
        """The answer stays; what the list has learnt meanwhile (guests to come, places) is set right."""
        shown = self._covered(self._showing(verdict))
        if shown != self.panel.showing:
            self.panel.show_verdict(shown)
            self._show_keys()

    def _on_read_failed(self, error: KnownError) -> None:
        """Only where nothing else is shown: an answer is as true as before, and nobody's typing is interrupted."""
        self._reading = False
        self._due = Changed({})
        if self.state() == "idle":
            self._say_unread(error, self._read_anew)
        else:
            self.field.set_note(_("The list cannot be read"))

    def _read_anew(self) -> None:
        self._to_idle()
        self._refresh()

    def _say_unread(self, error: KnownError, again: Callable[[], None]) -> None:
        self._verdict, self._retry = None, again
        self._show(not_read(error))

    def _show_column(self) -> None:
        if self._column is not None:
            last = () if self._locked else self._column.last
            data = replace(self._column, now=self._now(), last=last, others=self._venue.others, together=self._venue.together)
            self.column.show_data(data, self._may_undo)

    def closeEvent(self, event: QCloseEvent) -> None:
        if event.spontaneous() and not self._leaving and (self._locked or self._pin_kept):
            event.ignore()  # the window's own cross must not lead past the PIN
            self._press("Esc")
            return
        self._tick.stop()
        self._green.stop()
        self._note.stop()
        self._changes.changed.disconnect(self._on_changed)
        self._sounds.close()
        self.left.emit()
        super().closeEvent(event)


def _is_undo(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_Z and event.modifiers() == Qt.KeyboardModifier.ControlModifier


def open_door(desk: Desk, lanes: Lanes, changes: ChangeBus, gathering_id: str, *, station: str, by: str = "",
              sounds: Sounds | None = None) -> DoorWindow:  # fmt: skip
    """Open the door of a gathering full screen."""
    window = DoorWindow(desk, lanes, changes, gathering_id, station=station, by=by, sounds=sounds)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    screen = QApplication.primaryScreen()
    if screen is not None:
        window.resize(screen.availableSize())
    window.showFullScreen()
    return window
