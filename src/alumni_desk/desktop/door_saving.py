"""What the door writes: check-ins, walk-ins, and what is taken back. An answer comes when it is on disk, never before; no scan is lost that was not saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from alumni_desk.checkin.actions import Undone, check_in, undo_check_in, walk_in
from alumni_desk.checkin.lists import Arrival, DoorHit
from alumni_desk.checkin.taking_back import DOOR_TAKES_BACK_S
from alumni_desk.checkin.verdicts import Outcome, Verdict
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.door_walkin import WalkIn
from alumni_desk.errors import KnownError
from alumni_desk.protocol.codes import read_badge_code
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

RESCAN_S = 2
"""Within this time the same code again is the scanner's own repeat, not a second guest with the same badge."""
SAVING_MS = 300


@dataclass(frozen=True)
class Own:
    """A check-in that this window made: it may take it back for two minutes."""

    fact: str
    registration: str
    verdict: Verdict
    at: float  # monotonic seconds

    def fresh(self) -> bool:
        return time.monotonic() - self.at < DOOR_TAKES_BACK_S


def unnamed(verdict: Verdict) -> Verdict:
    """The same answer about somebody who was erased since."""
    return replace(verdict, name=_("Erased"), class_tail="", candidates=())


class Saving(QObject):
    """Writes for one door. ``answered(verdict, quiet)``; ``not_saved(error, name, person, again)``; ``undone(Undone, person)``,
    ``not_undone(error, person)``; ``undone_elsewhere(error, person)``: another laptop did it before;
    ``slow(on)`` while it takes longer than a moment, and when nothing is being saved any more.
    """

    answered = Signal(object, bool)
    not_saved = Signal(object, str, object, object)
    undone = Signal(object, object)
    not_undone = Signal(object, object)
    undone_elsewhere = Signal(object, object)
    slow = Signal(bool)

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, gathering_id: str, station: str, by: str, parent: QObject) -> None:
        super().__init__(parent)
        self._desk, self._lanes, self._changes, self._gathering = desk, lanes, changes, gathering_id
        self._station, self._by = station, by or None
        self.own: list[Own] = []
        self.scanned: tuple[str, float] = ("", float("-inf"))
        self._unsaved: list[Callable[[], Verdict]] = []  # scans, which the next one took from the screen
        self._saving = 0
        self._slow = QTimer(self, interval=SAVING_MS, singleShot=True)
        self._slow.timeout.connect(lambda: self.slow.emit(True) if self._saving else None)

    def scan(self, code: str) -> None:
        """Check in whose badge it is."""
        before, at = self.scanned
        self.scanned = (read_badge_code(code) or code, time.monotonic())
        repeated = before == self.scanned[0] and self.scanned[1] - at < RESCAN_S
        self._save(partial(check_in, self._desk, self._gathering, code=code, station=self._station, by=self._by, let_in=False, although_cancelled=True), "",
                   repeated=repeated, scan=True)  # fmt: skip

    def check_in(self, hit: DoorHit) -> None:
        """Check in somebody who was chosen."""
        self._save(partial(check_in, self._desk, self._gathering, hit.registration, person_id=hit.person, station=self._station, method="name",
                           by=self._by, let_in=False, although_cancelled=True), hit.name, hit.person)  # fmt: skip

    def check_in_whom(self, verdict: Verdict, *, let_in: bool) -> None:
        """Check in whom an answer is about; ``let_in`` all the same."""
        self._save(partial(check_in, self._desk, self._gathering, verdict.registration, person_id=verdict.person, station=self._station,
                           by=self._by, let_in=let_in, although_cancelled=True), verdict.name, verdict.person)  # fmt: skip

    def add(self, typed: WalkIn, then: Callable[[], None]) -> None:
        """Add a walk-in; ``then``: once it is saved, before the answer is shown."""
        self._save(partial(walk_in, self._desk, self._gathering, typed.name, person_id=typed.person, consent=typed.consent, host=typed.host,
                           station=self._station, by=self._by, although_cancelled=True, **typed.fields), typed.name, typed.person, before=then)  # fmt: skip

    def _save(self, action: Callable[[], Verdict], name: str, person: str | None = None, *, before: Callable[[], None] = lambda: None, repeated: bool = False,
              scan: bool = False) -> None:  # fmt: skip
        """Run an action on the writing lane; its verdict is told when it is on disk, never before."""
        self._saving += 1
        self._slow.start()

        def then(verdict: Verdict) -> None:
            self._saved()
            before()
            self._on_verdict(verdict, repeated=repeated)
            self._save_unsaved(quiet=True)

        def failed(error: KnownError) -> None:
            self._saved()
            if scan:
                self._unsaved.append(action)
            again = self._save_unsaved if scan else lambda: self._save(action, name, person, before=before)
            self.not_saved.emit(error, name, person, again)

        self._lanes.write(action, then, failed)

    def _saved(self) -> None:
        self._saving -= 1
        if self._saving == 0:
            self._slow.stop()
            self.slow.emit(False)

    def _on_verdict(self, verdict: Verdict, *, repeated: bool) -> None:
        quiet = False
        if verdict.fact is not None and verdict.registration is not None:
            self.own.append(Own(verdict.fact, verdict.registration, verdict, time.monotonic()))
        elif repeated and verdict.outcome is Outcome.ALREADY_IN and (own := self.newest()) is not None and own.registration == verdict.registration:
            verdict, quiet = replace(own.verdict, changed=verdict.changed), True
        if verdict.changed.tables:
            self._changes.tell(verdict.changed)
        self.answered.emit(verdict, quiet)

    # -- scans that could not be saved

    def forget(self) -> None:
        """Keep nothing of whom it was about."""
        self.own.clear()
        self._unsaved.clear()

    def forget_names(self, erased: Set[str]) -> None:
        """Whoever was erased is named no more. Their check-in stays to be taken back: else Undo would mean somebody else."""
        self.own = [replace(own, verdict=unnamed(own.verdict)) if own.verdict.person in erased else own for own in self.own]

    def forget_unsaved(self) -> None:
        """Somebody has said that nothing is to change."""
        self._unsaved.clear()

    def _save_unsaved(self, *, quiet: bool = False) -> None:
        """Every scan that could not be saved, once more. ``quiet``: somebody else stands there by now; only what needs a word is told."""
        unsaved, self._unsaved = self._unsaved, []
        for action in unsaved:
            if quiet:
                self._lanes.write(action, self._on_late, partial(self._on_still_unsaved, action))
            else:
                self._save(action, "", scan=True)

    def _on_late(self, verdict: Verdict) -> None:
        if verdict.fact is not None and verdict.registration is not None:
            # Not as the newest: to undo means who is shown.
            self.own.insert(-1, Own(verdict.fact, verdict.registration, verdict, time.monotonic()))
            self._changes.tell(verdict.changed)
        elif verdict.outcome is not Outcome.ALREADY_IN:
            self._on_verdict(verdict, repeated=False)

    def _on_still_unsaved(self, action: Callable[[], Verdict], error: KnownError) -> None:
        self._unsaved.append(action)
        self.not_saved.emit(error, "", None, self._save_unsaved)

    # -- taking back

    def newest(self) -> Own | None:
        """The check-in that Undo means, if it is not too late."""
        return self.own[-1] if self.own and self.own[-1].fresh() else None

    def may_undo(self, arrival: Arrival) -> bool:
        """Whether this window may take it back."""
        return any(own.fact == arrival.fact and own.fresh() for own in self.own)

    def forget_old(self) -> bool:
        """Forget what may not be taken back any more; whether there was any."""
        before, self.own = len(self.own), [own for own in self.own if own.fresh()]
        return len(self.own) != before

    def undo_newest(self) -> None:
        """Take back what Undo means."""
        own = self.newest()
        if own is not None:
            self.undo(own.fact, own.registration)

    def undo(self, fact: str, registration: str) -> None:
        """Take one check-in back."""
        action = partial(undo_check_in, self._desk, self._gathering, registration, facts=(fact,), station=self._station, by=self._by)
        person = next((own.verdict.person for own in self.own if own.fact == fact), None)

        def then(undone: Undone) -> None:
            self.own = [own for own in self.own if own.fact != fact]
            self._changes.tell(undone.changed)
            self.undone.emit(undone, person)

        def failed(error: KnownError) -> None:
            if error.code != "closed_already":
                self.not_undone.emit(error, person)
                return
            self.own = [own for own in self.own if own.fact != fact]
            self.undone_elsewhere.emit(error, person)

        self._lanes.write(action, then, failed)
