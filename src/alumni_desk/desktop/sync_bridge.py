"""The sync engine speaks in calls; this makes them signals, on the sending lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from alumni_desk.desktop.background import Job, Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed

if TYPE_CHECKING:
    from alumni_desk.sync.engine import Standing
    from alumni_desk.sync.join import Shown
    from alumni_desk.sync.keeping import Keeping
    from alumni_desk.sync.listening import Listening
    from alumni_desk.sync.switching import Chapter
    from alumni_desk.sync.wire import Wire

EVERY_MS = 60_000
"""How often a laptop that has joined syncs by itself while the window is open."""
SOON_MS = 200
"""How long after a change it syncs: what belongs together goes together, and a colleague sees it in less than a second."""

LOOK_AFTER_MS = 1_000

STAYS = timedelta(hours=1)
"""How long a laptop whose term was handed over waits for a form that is open: long enough for whoever types, not for whoever has gone home."""
FORMS_MS = 1_000
"""How often it looks meanwhile whether one still is."""


class SyncBridge(QObject):
    """``standing`` whenever the chip should say something else; ``begun``, ``ended`` and ``failed`` around each sync.

    ``moved`` tells the step (push or pull) and how many changes went up, or rows came down, so far. ``removed``: this laptop's access ended and
    the desk was emptied, in a sentence. ``kept``: at which address this laptop keeps the chapter for the others, and what is wrong if it should
    and cannot; both empty where it does not. ``to_decide``: how many fields two people changed. ``reached``: whether the server answers is
    otherwise than before, see ``silent_since``. ``ending``: the chapter may be gone from this laptop in a moment. ``over``: this laptop's term has ended
    and it waits for what is being typed, see ``half_typed``, in a sentence.
    """

    standing = Signal(object)
    begun = Signal()
    ended = Signal(object)
    failed = Signal(object)
    moved = Signal(str, int)
    removed = Signal(str)
    kept = Signal(str, str)
    to_decide = Signal(int)
    reached = Signal()
    ending = Signal()
    over = Signal(str)
    _came, _silent, _moved_away = Signal(), Signal(object), Signal(object)

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus) -> None:
        super().__init__(changes)
        self._desk, self._lanes, self._changes = desk, lanes, changes
        self._busy = False
        self._joined = False
        self._waiting = 0
        self._wire: Wire | None = None
        self._stopped = False
        self._serving: Keeping | None = None
        self._parted: Keeping | None = None  # the chapter has moved from there, which it says to the others as long as this window is open
        self.not_kept = ""
        """Why this laptop does not keep the chapter now, though it should."""
        self._fetched = False  # at the beginning, what a laptop that has just joined has never had
        self._listening: Listening | None = None
        self._listens = False
        self._refused = False  # by the server, as of the last sync: who is not let in does not ask again and again
        self.silent_since: datetime | None = None
        """Since when the server has not answered; None while it does."""
        self.heard = False
        """Whether it has answered since the program began: else when it went silent is not known, only when it was last heard."""
        self.half_typed: Callable[[], int] = lambda: 0
        """How many forms are open in the window."""
        self._stays: datetime | None = None  # until when an end of term waits for them, once it has come
        self._forms = QTimer(self, interval=FORMS_MS)
        self._forms.timeout.connect(self._look_at_forms)
        self._came.connect(lambda: changes.tell(Changed({})))
        self._silent.connect(self._hears)
        self._moved_away.connect(self._part)
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self._by_itself)
        self._timer.start()
        self._soon = QTimer(self, interval=SOON_MS, singleShot=True)
        self._soon.timeout.connect(self._soon_by_itself)
        changes.changed.connect(lambda changed: self.look())
        self._looked = False
        QTimer.singleShot(LOOK_AFTER_MS, self, self.first_look)

    @property
    def busy(self) -> bool:
        """Whether a sync is under way."""
        return self._busy

    @property
    def joined(self) -> bool:
        """Whether this laptop has a server, as far as was looked."""
        return self._joined

    @property
    def waiting(self) -> int:
        """How many changes wait to be sent, as far as was looked."""
        return self._waiting

    def next_try(self) -> datetime | None:
        """When it syncs by itself the next time; None where it does not."""
        left = (self._soon if self._soon.isActive() else self._timer).remainingTime()
        return datetime.now(UTC) + timedelta(milliseconds=left) if self._joined and left >= 0 else None

    def first_look(self) -> None:
        """The look at the beginning: when the first page stands, because it needs the sync's modules; after a second in any case."""
        if not self._looked:
            self.look()
            self._lanes.send(self._keep_on, self._keeps, self._cannot_keep)

    def look(self) -> None:
        """Find out where the data stands; cheap, without asking the server."""
        self._looked = True
        self._lanes.read(self._status, self._seen, self._not_seen, key="standing")

    def sync_now(self) -> None:
        """Sync once; a second wish meanwhile is the same wish."""
        if self._busy or self._stopped:
            return
        self._busy = True
        self.begun.emit()
        stays = self._may_stay()
        self._lanes.send(lambda: self._sync(stays), self._done, self._trouble)

    def join(self, url: str, code: str, laptop: str, carry: bool, then: Callable[[Any], None],
             failed: Callable[[KnownError], None]) -> None:  # fmt: skip
        """Join a server, then fetch what it holds."""

        def work() -> Any:
            from alumni_desk.sync import engine
            from alumni_desk.sync.address import read_address
            from alumni_desk.sync.wire import Wire

            with self._holding(Wire(read_address(url))) as wire:
                return engine.join(self._desk, url, code, merge=carry, device_name=laptop, wire=wire)

        def joined(result: Any) -> None:
            self._unlisten()
            self._changes.tell(Changed({}))
            then(result)
            self.sync_now()

        self._lanes.send(work, joined, failed)

    def look_at(self, url: str, code: str, then: Callable[[Shown], None], failed: Callable[[KnownError], None]) -> None:
        """Ask a server what an invitation is for; nothing is used."""

        def work() -> Shown:
            from alumni_desk.sync.address import read_address
            from alumni_desk.sync.join import look
            from alumni_desk.sync.wire import Wire

            with self._holding(Wire(read_address(url))) as wire:
                return look(self._desk, url, code, wire=wire)

        self._lanes.send(work, then, failed)

    # -- this laptop keeps the chapter

    @property
    def kept_at(self) -> str:
        """The address under which this laptop keeps the chapter; empty if it does not."""
        return self._serving.url if self._serving is not None and self._serving.running else ""

    def keep_here(self, then: Callable[[], None], failed: Callable[[KnownError], None]) -> None:
        """Keep the chapter on this laptop from now on, for the others."""

        def work() -> Keeping:
            from alumni_desk.sync import keeping

            return keeping.begin(self._desk)

        def done(serving: Keeping) -> None:
            self._keeps(serving)
            then()
            self.sync_now()

        self._lanes.send(work, done, failed)

    def take_over(self, then: Callable[[], None], failed: Callable[[KnownError], None]) -> None:
        """Keep the chapter on this laptop from now on, in the place of whoever kept it and is gone for good."""

        def work() -> Keeping:
            from alumni_desk.sync import taking_over

            return taking_over.take_over(self._desk)

        def done(serving: Keeping) -> None:
            self._unlisten()
            self._keeps(serving)
            self._changes.tell(Changed({}))
            then()
            self.sync_now()

        self._lanes.send(work, done, failed)

    def move_away(self, url: str, code: str, laptop: str, then: Callable[[Any], None], failed: Callable[[KnownError], None], *, anyway: bool = False,
                  merge: bool = False) -> None:  # fmt: skip
        """Move the chapter to an office's server, with everything; this laptop keeps it no more. ``anyway``: though the present server does not
        answer; ``merge``: beside whoever is in the chapter there."""

        def work() -> Any:
            from alumni_desk.sync import keeping

            return keeping.move_away(self._desk, self._serving, url, code, anyway=anyway, merge=merge, device_name=laptop)

        def done(membership: Any) -> None:
            self._unlisten()
            self._part(self._serving)
            self._changes.tell(Changed({}))
            then(membership)
            self.sync_now()

        self._lanes.send(work, done, failed)

    # -- the end of this laptop's time, and another chapter

    def end_here(self, work: Callable[[Desk], str], failed: Callable[[KnownError], None]) -> None:
        """Leave the chapter, or erase everything here; ``work`` gives the sentence about it. Then there is no desk to show any more."""
        self._unlisten()
        self.ending.emit()

        def done(said: str) -> None:
            self.stop()
            self.removed.emit(said)

        self._lanes.send(lambda: work(self._desk), done, failed)

    def chapters(self, then: Callable[[list[Chapter]], None], failed: Callable[[KnownError], None]) -> None:
        """Ask the server for the chapters that this laptop may work on."""

        def work() -> list[Chapter]:
            from alumni_desk.sync.switching import chapters

            return chapters(self._desk)

        self._lanes.send(work, then, failed)

    def switch(self, chapter: str, then: Callable[[Chapter], None], failed: Callable[[KnownError], None]) -> None:
        """Show another chapter."""
        self._unlisten()
        self.ending.emit()

        def work() -> Chapter:
            from alumni_desk.sync import switching

            return switching.switch(self._desk, chapter)

        def done(switched: Chapter) -> None:
            self._changes.tell(Changed({}))
            then(switched)
            self.sync_now()

        self._lanes.send(work, done, failed)

    def _keep_on(self) -> Keeping | None:
        if self._desk.setting("keeps_chapter") is None or self._stopped:  # before anything of the sync is loaded
            return None
        from alumni_desk.sync import keeping

        if keeping.keeps(self._desk):
            return keeping.start(self._desk)
        keeping.forget_former(self._desk)
        return None

    def _part(self, serving: Keeping | None) -> None:
        """The chapter has moved away from here: what served says so to the others from now on."""
        if serving is not None and serving is self._serving:
            self._parted, self._serving = serving, None
            if self._stopped:
                serving.stop()
        if self._serving is None:
            self._keeps(None)

    def _keeps(self, serving: Keeping | None) -> None:
        self._serving = serving
        if self._stopped and serving is not None:
            serving.stop()
        self.not_kept = ""
        self.kept.emit(self.kept_at, "")

    def _cannot_keep(self, error: KnownError) -> None:
        self.not_kept = str(error)
        self.kept.emit("", self.not_kept)

    def cancel(self) -> None:
        """End the sync that is under way; what it has saved stays. None follows at once."""
        self._soon.stop()
        if (wire := self._wire) is not None:
            wire.stop()

    def stop(self) -> None:
        """No further sync, and the one under way ends now."""
        self._stopped = True
        for timer in (self._timer, self._soon, self._forms):
            timer.stop()
        self.cancel()
        if self._listening is not None:
            self._listening.stop()
        for serving in (self._serving, self._parted):
            if serving is not None:
                serving.stop()

    @contextmanager
    def _holding(self, wire: Wire) -> Iterator[Wire]:
        """Have a line in hand while it is used, so that it can be cut from the screen's thread."""
        self._wire = wire
        if self._stopped:
            wire.stop()
        try:
            yield wire
        finally:
            self._wire = None
            wire.close()

    def _status(self) -> tuple[Standing, int]:
        from alumni_desk.sync import conflicts, engine

        standing = engine.status(self._desk)
        return standing, conflicts.count(self._desk) if standing.role in ("leader", "admin") else 0

    def _may_stay(self) -> datetime | None:
        """Until when an end of this laptop's term waits for the forms that are open; None: for none, or no longer."""
        now = datetime.now(UTC)
        until = self._stays or now + STAYS
        return until if self.half_typed() and now < until else None

    def _look_at_forms(self) -> None:
        if not self._busy and self._may_stay() is None:
            self._forms.stop()
            self.sync_now()

    def _sync(self, stays: datetime | None) -> Any:
        from alumni_desk.sync import engine

        if (serving := self._serving) is not None:
            from alumni_desk.sync import keeping

            if not keeping.keeps(self._desk):  # a command has moved the chapter away
                serving.part()
                self._moved_away.emit(serving)
            keeping.look_after(self._desk)
        with self._holding(engine.wire_of(self._desk)) as wire:
            return engine.sync_once(self._desk, self.moved.emit, wire=wire, stays=stays, listening=self._listening)

    def _seen(self, both: tuple[Standing, int]) -> None:
        standing, undecided = both
        self._joined = standing.state != "alone"
        if standing.state in ("alone", "invitation"):  # there is no server that could be silent
            self._has_reached(True)
        # Only something new to send is a reason: a sync changes the database too, and must not call for the next one.
        if self._joined and standing.waiting > self._waiting and not self._soon.isActive():
            self._soon.start()
        self._waiting = standing.waiting
        if standing.state in ("alone", "ended") or self._refused:
            self._unlisten()
        else:
            self._listen()
        self.standing.emit(standing)
        self.to_decide.emit(undecided)
        if standing.state == "waiting" and standing.last_sync is None and not self._fetched:
            self._fetched = True
            self.sync_now()

    def _not_seen(self, error: KnownError) -> None:
        """The next look will tell."""

    def _done(self, result: Any) -> None:
        self._busy = self._refused = False
        if self._serving is not None and not self._serving.running:
            self._serving.stop()
            self._keeps(None)
        self.heard = True
        self._waiting = result.waiting  # what was saved since then is news
        if result.waiting and (result.pushed or result.refused) and not self._stopped:
            self._soon.start()
        if result.pulled:
            self._changes.tell(Changed({}))
        self._has_reached(True)
        self.ended.emit(result)
        self.look()

    def emptied(self, error: KnownError) -> None:
        """This laptop's access ended and the desk was emptied, by its own sync or a command beside the window: that is said once."""
        if not self._stopped:
            self.stop()
            self.removed.emit(str(error))

    def _trouble(self, error: KnownError) -> None:
        self._busy = False
        if error.code == "access_removed":
            self.emptied(error)
            return
        if error.code == "term_ended":
            self._stays = self._stays or datetime.now(UTC) + STAYS
            self._forms.start()
            self.over.emit(str(error))
        self._refused = not isinstance(error, NetworkProblem)
        if not self._refused:
            self._has_reached(False)
        self.failed.emit(error)
        self.look()

    # -- listening: what another laptop changes is here a moment later

    def _listen(self) -> None:
        """Listen from now on, if that is not under way."""
        if self._listens or self._stopped:
            return
        self._listens = True
        self._lanes.listen(self._run_listening, lambda nothing: self._listened(), lambda error: self._listened())

    def _run_listening(self, job: Job) -> None:
        from alumni_desk.sync import engine, state
        from alumni_desk.sync.listening import Listening

        with self._desk.reading() as connection:
            membership = state.read(connection, state.Membership)
        if membership is None:
            return
        wire = engine.wire_of(self._desk)
        try:
            self._listening = Listening(self._desk, wire, membership, lambda count: self._came.emit(), self._silent.emit, lambda: self._silent.emit(None))
            if self._stopped:  # it may have been ended before there was anything to end
                self._listening.stop()
            self._listening.run()
        finally:
            self._listening = None
            wire.close()

    def _listened(self) -> None:
        """It ended by itself: another chapter or server, or an access that is over. The next look or sync begins it anew."""
        self._listens = False

    def _unlisten(self) -> None:
        if (listening := self._listening) is not None:
            listening.stop()

    def _hears(self, error: KnownError | None) -> None:
        """The line went silent, or speaks again: a sync finds out what that means, and sends what waits."""
        self.heard = self.heard or error is None
        if error is None or isinstance(error, NetworkProblem):
            self._has_reached(error is None)
        self._by_itself()

    def _has_reached(self, answers: bool) -> None:
        before, self.silent_since = self.silent_since, None if answers else self.silent_since or datetime.now(UTC)
        if (before is None) is not answers:
            self.reached.emit()

    def _by_itself(self) -> None:
        if self._joined:
            self.sync_now()

    def _soon_by_itself(self) -> None:
        """The sync that is under way may have passed over what was saved since it began."""
        if self._busy and not self._stopped:
            self._soon.start()
        else:
            self._by_itself()
