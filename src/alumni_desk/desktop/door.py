"""The door, full screen: one field that never loses a scan, one answer at a time, shown only after it is on disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QWidget

from alumni_desk.checkin.actions import Undone
from alumni_desk.checkin.lists import DoorHit, DoorHits, DoorList
from alumni_desk.checkin.verdicts import Outcome
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.door_answer import Answer
from alumni_desk.desktop.door_column import ColumnData
from alumni_desk.desktop.door_erased import Erasures
from alumni_desk.desktop.door_finding import Finding
from alumni_desk.desktop.door_frame import DoorFrame
from alumni_desk.desktop.door_hits import HitRow, WalkInRow
from alumni_desk.desktop.door_idle import closed_already, taken_back
from alumni_desk.desktop.door_keys import (
    DoorKeys,
    go_on_words,
    keys_among_hits,
    keys_in_form,
    keys_of_answer,
    keys_when_idle,
    keys_when_over,
    keys_while_locked,
    locked_until_words,
)
from alumni_desk.desktop.door_leaving import Leaving
from alumni_desk.desktop.door_network import network_words
from alumni_desk.desktop.door_newcomer import Newcomer
from alumni_desk.desktop.door_over import ending_words
from alumni_desk.desktop.door_reading import Reading
from alumni_desk.desktop.door_saving import Saving
from alumni_desk.desktop.door_scan import Scans, is_letter
from alumni_desk.desktop.door_words import Act, not_read, not_saved, not_taken_back, only_badges, undo_words
from alumni_desk.desktop.interrupts import logging_out
from alumni_desk.desktop.sound import Sounds
from alumni_desk.desktop.venue_bridge import AtVenue
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, clock_time


class DoorWindow(DoorFrame):
    """The door of one gathering. ``left`` when somebody leaves it; ``look_wanted``: whether its time is over; ``sync_wanted``; ``lock_wanted`` and
    ``unlock_wanted`` by Ctrl+L; ``code_typed(code)``: the new one of the laptop that this one was together with; ``answered(words)`` while it is locked,
    naming nobody.
    """

    left = Signal()
    look_wanted = Signal()
    sync_wanted = Signal()
    lock_wanted = Signal()
    unlock_wanted = Signal()
    code_typed = Signal(str)
    answered = Signal(str)

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, gathering_id: str, *, station: str, by: str = "",
                 sounds: Sounds | None = None) -> None:  # fmt: skip
        super().__init__()
        self._lanes, self._changes = lanes, changes
        self.gathering_id, self.station, self.by = gathering_id, station, by
        self._sounds = sounds if sounds is not None else Sounds()
        self._locked = False
        self._locked_by: frozenset[str] = frozenset()
        self._pane_before: QWidget | None = None
        self._venue = AtVenue()
        self._silent_since: datetime | None = None
        self._last_sync: datetime | None = None
        self._heard = True
        self._until: datetime | None = None  # when this laptop's time at the door ends
        self._asked: datetime | None = None  # for which end it was asked whether it has come
        self.reading = Reading(desk, lanes, gathering_id, station, self)
        self.saving = Saving(desk, lanes, changes, gathering_id, station, by, self)
        self.answer = Answer(self.panel, self.reading, self._sounds, lambda: self.state() == "verdict", self)
        self.finding = Finding(self.field, self.reading, lanes, self)
        self.scans = Scans(self.field)
        self.typing = DoorKeys(self.scans, self.field, lambda: self.state() == "find", self)
        self.newcomer = Newcomer(self.form, self.reading, lanes, self)
        self.leaving = Leaving(self, desk, lanes, self.scans, lambda: self.newcomer.titles(), self.is_over)
        self.erasures = Erasures(desk, lanes, self)
        self._connect()
        self.whose.show_door("", station, by)
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self._each_second)
        self._tick.start()
        changes.changed.connect(self.reading.on_changed)
        self.reading.refresh()
        self._to_idle()

    def _connect(self) -> None:
        self.field.cleared.connect(self._clear_field)
        self.idle.undo.connect(self.saving.undo_newest)
        self.idle.walk_in.connect(self._open_form)
        self.over.sync.connect(self.sync_wanted)
        self.over.leave.connect(self.leaving.ask)
        self.hits.chosen.connect(self._check_in_hit)
        self.hits.walk_in.connect(self._open_form)
        self.panel.asked.connect(self._act)
        self.column.undo.connect(self.saving.undo)
        self.keys.pressed.connect(self._key_clicked)
        for line in (self.field, *self.form.fields()):
            line.installEventFilter(self.typing)
        for line in self.form.fields():
            line.textChanged.connect(lambda text: self._show_keys())
        for part in self.code.parts():
            part.installEventFilter(self.scans)
        self.code.typed.connect(self.code_typed)
        self.code.back.connect(lambda: self.field.setFocus(Qt.FocusReason.OtherFocusReason))
        self.typing.pressed.connect(self._press)
        self.typing.entered.connect(self._enter)
        self.typing.moved.connect(self._move_choice)
        self.scans.scanned.connect(self._scan)
        self.reading.read.connect(self._on_read)
        self.reading.failed.connect(self._on_read_failed)
        self.finding.code.connect(self._scan)
        self.finding.shows.connect(self._show_found)
        self.finding.shows_anew.connect(self._show_found_anew)
        self.finding.chosen.connect(self._enter_on_choice)
        self.finding.emptied.connect(self._on_emptied)
        self.finding.failed.connect(lambda error, again: self.answer.trouble(not_read(error), again))
        self.saving.answered.connect(self.answer.give)
        self.saving.not_saved.connect(lambda error, name, person, again: self.answer.trouble(not_saved(error, name), again, person, name))
        self.saving.slow.connect(self._say_saving)
        self.saving.undone.connect(self._on_undone)
        self.saving.undone_elsewhere.connect(self._on_undone_elsewhere)
        self.saving.not_undone.connect(
            lambda error, person: self.answer.trouble(not_taken_back(error), person=person, name=str(error.facts.get("name", ""))))
        self.erasures.found.connect(self._forget_names)
        self.erasures.more.connect(self.finding.look_anew)
        self.erasures.more.connect(self.newcomer.look_anew)
        self.answer.shown.connect(self._show_answer)
        self.answer.over.connect(self._to_idle)
        self.newcomer.matched.connect(self._show_keys)
        self.newcomer.known.connect(self._check_in_hit)
        self.newcomer.adds.connect(lambda typed: self.saving.add(typed, self.newcomer.closing()))
        self.leaving.left.connect(self.close)
        self.leaving.stays.connect(lambda: self.field.setFocus(Qt.FocusReason.OtherFocusReason))
        self.leaving.goes_on.connect(self.go_on_typing)
        self.leaving.scanned.connect(self._scan)

    @property
    def door(self) -> DoorList | None:
        """The list of the door, once it was read."""
        return self.reading.door

    def set_venue(self, venue: AtVenue, silent_since: datetime | None, last_sync: datetime | None, *, heard: bool = True) -> None:
        """Which laptops are heard here, since when the server does not answer, when it last did, and whether it has since the program began."""
        self._venue, self._silent_since, self._last_sync, self._heard = venue, silent_since, last_sync, heard
        self._show_network()
        self._show_column()

    def set_access(self, until: datetime | None, over: str) -> None:
        """Until when this laptop may be at the door, and that it may no longer, in a sentence: then no guest is named any more."""
        self._until = until
        if over:
            if self.state() != "over":
                self._end()
            self.over.say(over, [] if self._locked else self.newcomer.typed())
        elif self.state() == "over":
            self._go_on()
        self._show_network()

    def _end(self) -> None:
        self.leaving.stop()
        self._pane_before = None
        self.reading.forget()
        self.saving.forget()
        self.answer.forget()
        self.finding.found = None
        self.field.clear()
        self.field.setEnabled(False)
        self.form.offer(None)
        self.form.set_host(None, False)
        self.hits.forget()
        self.idle.show_last(None)
        self.column.forget()
        self.show_column(False)
        self.code.hide()
        self.panes.setCurrentWidget(self.over)
        self.over.again.setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_keys()

    def _go_on(self) -> None:
        self.field.setEnabled(True)
        self.show_column(True)
        if self.form.is_begun() and not self._locked:
            self._open_form()
        else:
            self._to_idle()
        self.reading.begin_anew()

    def is_locked(self) -> bool:
        """Whether nobody is named just now."""
        return self._locked

    def set_locked(self, locked: bool, by: str = "window") -> None:
        """While the laptop is locked badges are read and answered, and no member is shown. What was half typed comes back after it.

        ``by``: what locks it, for there may be two: the window, and the chapter itself after too long without contact.
        """
        self._locked_by = self._locked_by | {by} if locked else self._locked_by - {by}
        locked = bool(self._locked_by)
        self.idle.set_locked(locked, locked_until_words(chapter="window" not in self._locked_by))
        if locked == self._locked:
            self._show_keys()
            return
        self._locked = self.answer.locked = self.finding.locked = self.scans.only_badges = locked
        self.field.clear()
        self.field.set_locked(locked)
        if self.state() == "over":
            self.over.say(self.over.words.text(), [] if locked else self.newcomer.typed())
        elif locked:
            self.leaving.stop()
            self.answer.close_note()
            self._pane_before = self.panes.currentWidget()
            self._to_idle()
        else:
            self._back_after_lock()
        self._show_column()
        self._show_network()
        self._show_keys()

    def _back_after_lock(self) -> None:
        before, self._pane_before = self._pane_before, None
        if self.state() == "verdict" and self.answer.show_again():
            return
        if before is self.form:
            self.panes.setCurrentWidget(self.form)
            self.field.set_waiting(True)
        else:
            self._to_idle()

    # -- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that no line took: letters go to the field all the same."""
        if self.typing.take(event, None):
            return
        if is_letter(event) and self.state() != "over":
            self.field.setFocus(Qt.FocusReason.OtherFocusReason)
            self.field.insert(event.text())
            return
        super().keyPressEvent(event)

    def _enter(self) -> None:
        if self.state() == "over":
            return
        if self._locked:
            if self.field.text().strip():  # whatever was meant: the answer to the guest before is not one to this
                self.field.clear()
                self.answer.trouble(only_badges())
            return
        state = self.state()
        if state == "walk_in":
            self.newcomer.submit()
        elif state == "verdict" and not self.field.text():
            if self.answer.verdict is not None and self.answer.verdict.outcome is Outcome.ALREADY_IN:
                self._act(Act.LET_PASS)
        elif self.field.text().strip():
            self.finding.enter()

    def _move_choice(self, step: int) -> None:
        self.hits.move_choice(step)
        self._show_keys()

    def _key_clicked(self, key: str) -> None:
        if key == "Enter":
            if not self.scans.muted():
                self._enter()
        elif key == "↓":
            self._move_choice(1)
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
        if self.state() == "over":
            if key == "F5":
                self.sync_wanted.emit()
            elif key == "Esc":
                self.leaving.ask()
            return
        if self.state() == "verdict" and self.panel.showing is not None:
            for offer in self.panel.showing.offers:
                if offer.key == key:
                    self._act(offer.act)
                    return
        if key == "F2":
            self._open_form()
        elif key == "F3" and self.state() == "walk_in" and (match := self.form.offered()) is not None:
            self.newcomer.use(match)
        elif key == "F7" and self.answer.note_open:
            self.answer.close_note()
        elif key == "Ctrl Z":
            self.saving.undo_newest()
        elif key == "Esc":
            self._escape()

    def _escape(self) -> None:
        if self.field.text():
            self._clear_field()
        elif self.state() == "walk_in" or (self.state() == "verdict" and self.panel.showing is not None and self.panel.showing.stays):
            self.saving.forget_unsaved()  # nothing is to change
            self._to_idle()
        else:
            self.leaving.ask()

    def _show_keys(self) -> None:
        state, waits = self.state(), "" if self._locked else self.newcomer.waits()
        self.idle.show_waiting(go_on_words(waits) if waits else "")
        if self._locked:
            shown = keys_while_locked(state == "verdict", chapter="window" not in self._locked_by)
        elif state == "over":
            shown = keys_when_over()
        elif state == "find":
            shown = keys_among_hits(self.finding.found, self.hits.choice())
        elif state == "walk_in":
            shown = keys_in_form(self.form.offered(), begun=self.form.is_begun(), waits=waits)
        elif state == "verdict" and self.panel.showing is not None:
            shown = keys_of_answer(self.panel.showing, self.answer.note_open, waits)
        else:
            shown = keys_when_idle(self._undo_words(), waits)
        self.keys.show_keys(*shown)

    # -- finding

    def _show_found(self, found: DoorHits, brings: dict[str, str]) -> None:
        self.answer.green.stop()
        self.hits.show_found(found, brings)
        self.panes.setCurrentWidget(self.hits)
        self._show_keys()

    def _show_found_anew(self, found: DoorHits, brings: dict[str, str]) -> None:
        self.hits.show_anew(found, brings)
        self._show_keys()

    def _on_emptied(self) -> None:
        if self.state() == "find":
            self._to_idle()

    def _clear_field(self) -> None:
        self.field.clear()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def _enter_on_choice(self) -> None:
        row = self.hits.choice()
        if isinstance(row, HitRow):
            self._check_in_hit(row.hit)
        elif isinstance(row, WalkInRow):
            self._open_form()

    # -- checking in

    def read_badge(self, code: str) -> None:
        """A badge that was read elsewhere, as if it had been read here."""
        self._scan(code)

    def _scan(self, code: str) -> None:
        self.scans.read()
        self.field.clear()
        if self.state() != "over":
            self.saving.scan(code)
        elif self._locked:
            self.answered.emit(_("This laptop’s time at the door is over, nobody was checked in"))

    def _check_in_hit(self, hit: DoorHit) -> None:
        self.field.clear()
        self.saving.check_in(hit)

    def _open_form(self, *, anew: bool = False) -> None:
        """The form: an empty one for whoever was typed into the field, or is there ``anew``, else the one that waits."""
        text = self.field.text().strip()
        if text or anew:
            self.newcomer.begin("" if any(c.isdigit() for c in text) else text)
        elif self.state() == "walk_in":
            self.newcomer.turn()
        else:
            self.newcomer.go_on()
        self._show_form()

    def go_on_typing(self) -> None:
        """The walk-in that is half typed, to be ended; once the time here is over, to be copied."""
        if self.is_over():
            self.over.copy.setFocus(Qt.FocusReason.OtherFocusReason)
        elif not self._locked:
            self.newcomer.go_on()
            self._show_form()

    def is_over(self) -> bool:
        """Whether this laptop's time here is over."""
        return self.state() == "over"

    def _show_form(self) -> None:
        self.field.clear()
        self.form.show_count(self.reading.count())
        self.panes.setCurrentWidget(self.form)
        self.answer.green.stop()
        self.field.set_waiting(True)
        (self.form.contact if self.form.name.text() else self.form.name).setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_keys()

    def _say_saving(self, on: bool) -> None:
        if on:
            self.field.set_note(_("Saving …"))
        elif not self.field.text():
            self.field.set_note("")

    # -- what is shown

    def _show_answer(self) -> None:
        if self.state() == "over":
            self.answer.forget()
            return
        self.panes.setCurrentWidget(self.panel)
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self.field.set_waiting(False)
        self._show_keys()
        if self._locked and (shown := self.panel.showing) is not None:
            inside = self.answer.verdict is not None and self.answer.verdict.outcome in (Outcome.ADMITTED, Outcome.ALREADY_IN)
            self.answered.emit(shown.word if inside else _("{answer}, nobody was checked in").format(answer=shown.word))

    def _act(self, act: Act) -> None:
        """What a button or key of the shown answer does."""
        verdict = self.answer.verdict
        if act is Act.AGAIN and self.answer.again is not None:
            self.answer.again()
        elif act is Act.WALK_IN:
            self._open_form(anew=True)
        elif act in (Act.SOMEONE_ELSE, Act.LET_PASS):
            self.saving.forget_unsaved()
            self._to_idle()
        elif act is Act.UNDO:
            self.saving.undo_newest()
        elif act is Act.NOTE:
            self.answer.open_note()
        elif verdict is None:
            return
        elif act in (Act.LET_IN, Act.ADD, Act.OTHER_REGISTRATION):
            self.saving.check_in_whom(verdict, let_in=act is not Act.OTHER_REGISTRATION)
        elif act is Act.PARTY and (coming := self.answer.next_of_party()) is not None:
            self._check_in_hit(coming)

    def _to_idle(self) -> None:
        self.answer.rest()
        if not self.field.isEnabled():  # its time is over
            return
        if (last := self.answer.last(self._undo_words())) is not None:
            self.idle.show_last(last)
        self.panes.setCurrentWidget(self.idle)
        self.field.set_waiting(False)
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self._show_keys()

    def _undo_words(self) -> str:
        own = self.saving.newest()
        return undo_words(own.verdict.name) if own else ""

    def _on_undone(self, undone: Undone, person: str | None) -> None:
        if self.answer.verdict is not None and self.answer.verdict.registration == undone.registration:
            self.answer.verdict = None
        if not self._locked:
            self.answer.announce(_("Taken back: {name}").format(name=undone.name))
        self._to_idle()
        self.idle.show_last(taken_back(undone.name, self.reading.now(), person))

    def _on_undone_elsewhere(self, error: KnownError, person: str | None) -> None:
        self.answer.verdict = None
        if not self._locked:
            self.answer.announce(str(error))
        self._to_idle()
        self.idle.show_last(closed_already(error, self.reading.zone(), person))

    def _each_second(self) -> None:
        self.whose.time.setText(clock_time(self.reading.now()))
        if self._until is not None and self.state() != "over":
            self._show_network()
            if self._until <= self.reading.utc_now():
                self.look_wanted.emit()
                if self._asked != self._until:  # a sync counts the time that no clock can set back, with a network or without
                    self._asked = self._until
                    self.sync_wanted.emit()
        if self.saving.forget_old():
            self._show_column()
            self._show_keys()
            if not self.saving.own:
                self.idle.strip.button.hide()

    def _on_read(self, data: ColumnData) -> None:
        self._show_column()
        self._show_network()
        if self.door is not None:
            gathering = self.door.gathering
            self.whose.show_door(gathering.name, self.station, self.by)
            self.setWindowTitle(_("Check-in · {gathering}").format(gathering=gathering.name))
            self.idle.show_list(data.count.registered + data.count.walk_ins, "cancelled" if gathering.cancelled else "")
        if self.answer.set_right():
            self._show_keys()
        self.form.show_count(data.count)
        self._each_second()
        self.erasures.look({one for one in (self.answer.named(), self.idle.named(), *(own.verdict.person for own in self.saving.own)) if one})

    def _forget_names(self, erased: frozenset[str]) -> None:
        """Others erased them: what was done at this door stands, and is still to be taken back, without their names."""
        self.saving.forget_names(erased)
        self.answer.forget_names(erased)
        self.idle.forget_names(erased, self._undo_words())
        self._show_keys()

    def _on_read_failed(self, error: KnownError) -> None:
        """Only where nothing else is shown: an answer is as true as before, and nobody's typing is interrupted."""
        if self.state() == "idle":
            self.answer.trouble(not_read(error), self._read_anew)
        else:
            self.field.set_note(_("The list cannot be read"))

    def _read_anew(self) -> None:
        self._to_idle()
        self.reading.refresh()

    def _show_column(self) -> None:
        column = self.reading.column
        if column is not None:
            last = () if self._locked else column.last
            data = replace(column, now=self.reading.now(), last=last, others=self._venue.others, together=self._venue.together)
            self.column.show_data(data, self.saving.may_undo)

    def _show_network(self) -> None:
        said = network_words(self._venue, self._silent_since, self._last_sync, self.reading.waiting(), datetime.now(UTC), self.reading.zone(),
                             heard=self._heard)
        said = replace(said, ending=ending_words(self._until, self.reading.utc_now(), self.reading.zone()))
        if self.state() == "over":  # which says all there is to say
            self.network.hide()
            return
        wanted = self._venue.code_changed
        self.network.show_network(replace(said, age="") if wanted and not self._locked else said)
        self.code.set_wanted(wanted, shown=not self._locked)

    def closeEvent(self, event: QCloseEvent) -> None:
        if event.spontaneous() and not self.leaving.free and (self._locked or self.leaving.pin):
            event.ignore()  # the window's own cross must not lead past the PIN
            self._press("Esc")
            return
        if event.spontaneous() and not self.leaving.free and self.newcomer.titles() and not logging_out():
            event.ignore()
            self.leaving.ask()
            return
        self._tick.stop()
        self.answer.rest()
        self._changes.changed.disconnect(self.reading.on_changed)
        self._sounds.close()
        self.left.emit()
        super().closeEvent(event)
