"""The sync engine speaks in calls; this makes them signals, on the sending lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Changed, Desk

if TYPE_CHECKING:
    from alumni_desk.sync.keeping import Keeping
    from alumni_desk.sync.wire import Wire

EVERY_MS = 60_000
"""How often a laptop that has joined syncs by itself while the window is open."""
SOON_MS = 3_000
"""How long after a change it syncs: long enough for a few keystrokes, short for a colleague who waits."""

LOOK_AFTER_MS = 1_000


class SyncBridge(QObject):
    """``standing`` whenever the chip should say something else; ``begun``, ``ended`` and ``failed`` around each sync.

    ``moved`` tells the step (push or pull) and how many changes went up, or rows came down, so far. ``removed``: this laptop's access ended and
    the desk was emptied, in a sentence. ``kept``: at which address this laptop keeps the chapter for the others, and what is wrong if it should
    and cannot; both empty where it does not.
    """

    standing = Signal(object)
    begun = Signal()
    ended = Signal(object)
    failed = Signal(object)
    moved = Signal(str, int)
    removed = Signal(str)
    kept = Signal(str, str)

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus) -> None:
        super().__init__(changes)
        self._desk, self._lanes, self._changes = desk, lanes, changes
        self._busy = False
        self._joined = False
        self._waiting = 0
        self._wire: Wire | None = None
        self._stopped = False
        self._serving: Keeping | None = None
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self._by_itself)
        self._timer.start()
        self._soon = QTimer(self, interval=SOON_MS, singleShot=True)
        self._soon.timeout.connect(self._by_itself)
        changes.changed.connect(lambda changed: self.look())
        self._looked = False
        QTimer.singleShot(LOOK_AFTER_MS, self, self.first_look)

    @property
    def busy(self) -> bool:
        """Whether a sync is under way."""
        return self._busy

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
        if self._busy:
            return
        self._busy = True
        self.begun.emit()
        self._lanes.send(self._sync, self._done, self._trouble)

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
            self._changes.tell(Changed({}))
            then(result)
            self.sync_now()

        self._lanes.send(work, joined, failed)

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

    def move_away(self, url: str, code: str, then: Callable[[Any], None], failed: Callable[[KnownError], None]) -> None:
        """Move the chapter to an office's server, with everything; this laptop keeps it no more."""

        def work() -> Any:
            from alumni_desk.sync import keeping, moving

            return keeping.move_away(self._desk, self._serving, url, code) if self._serving is not None else moving.move(self._desk, url, code)

        def done(membership: Any) -> None:
            self._keeps(None)
            self._changes.tell(Changed({}))
            then(membership)
            self.sync_now()

        self._lanes.send(work, done, failed)

    def _keep_on(self) -> Keeping | None:
        if self._desk.setting("keeps_chapter") is None or self._stopped:  # before anything of the sync is loaded
            return None
        from alumni_desk.sync import keeping

        return keeping.start(self._desk) if keeping.keeps(self._desk) else None

    def _keeps(self, serving: Keeping | None) -> None:
        self._serving = serving
        if self._stopped and serving is not None:
            serving.stop()
        self.kept.emit(self.kept_at, "")

    def _cannot_keep(self, error: KnownError) -> None:
        self.kept.emit("", str(error))

    def cancel(self) -> None:
        """End the sync that is under way; what it has saved stays."""
        if (wire := self._wire) is not None:
            wire.stop()

    def stop(self) -> None:
        """No further sync, and the one under way ends now."""
        self._stopped = True
        self._timer.stop()
        self._soon.stop()
        self.cancel()
        if self._serving is not None:
            self._serving.stop()

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

    def _status(self) -> Any:
        from alumni_desk.sync import engine

        return engine.status(self._desk)

    def _sync(self) -> Any:
        from alumni_desk.sync import engine

        with self._holding(engine.wire_of(self._desk)) as wire:
            return engine.sync_once(self._desk, self.moved.emit, wire=wire)

    def _seen(self, standing: Any) -> None:
        self._joined = standing.state != "alone"
        # Only something new to send is a reason: a sync changes the database too, and must not call for the next one.
        if self._joined and standing.waiting > self._waiting and not self._soon.isActive():
            self._soon.start()
        self._waiting = standing.waiting
        self.standing.emit(standing)

    def _not_seen(self, error: KnownError) -> None:
        """The next look will tell."""

    def _done(self, result: Any) -> None:
        self._busy = False
        if result.pulled:
            self._changes.tell(Changed({}))
        self.ended.emit(result)
        self.look()

    def _trouble(self, error: KnownError) -> None:
        self._busy = False
        if error.code == "access_removed":
            self.stop()
            self.removed.emit(str(error))
            return
        self.failed.emit(error)
        self.look()

    def _by_itself(self) -> None:
        if self._joined:
            self.sync_now()
