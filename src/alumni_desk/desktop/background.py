"""The one door to work off the screen: lanes, so that no kind of work waits for another kind.

``writing`` changes rows, ``reading`` looks them up, ``reading on`` the many behind the first of a list, ``reading long``
what takes its time (a PDF, an export, a backup), ``working`` does what somebody stands and waits for, with a printer, a
password or a file; ``sending`` speaks with a server, ``listening`` waits for news, ``meeting`` speaks with laptops in the
room. One job of a lane runs at a time, in order; only meetings run together. Results come back on the screen's own thread.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from alumni_desk.errors import KnownError
from alumni_desk.words import _

log = logging.getLogger(__name__)
T = TypeVar("T")
TURN_S = 0.0005
"""How long one thread computes before another may: a tenth of what Python has."""
BEGIN_S = 0.001
"""How long the screen's thread makes way for what somebody waits for."""
MEETINGS = 4
"""Visits, searches and sharing at once: a visit lasts as long as the laptops are together."""
SETTLED_MS = 3_000
"""So long after the lanes are made the program is taken to have begun."""
Failed = Callable[[KnownError], None]


class Bug(KnownError):
    """Something nobody foresaw. It is in the log; the user gets clear words."""

    def __init__(self) -> None:
        super().__init__("bug", _("Alumni Desk made a mistake and wrote it to its log. What was saved before is safe. "
                                  "Try again; if it comes back, send the log, it holds no names."))


def note_bug(where: str, error: BaseException) -> Bug:
    """Log an unforeseen error without its text (it may hold a person's data) and return what to show."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("bug in %s: %s\n%s", where, type(error).__name__, frames)
    return Bug()


class Job:
    """One piece of work on its way: how far it is, and whether it is still wanted. Its work may ask it anywhere."""

    def __init__(self, report: Callable[[int, int], None] | None = None) -> None:
        self._stop = threading.Event()
        self._report = report
        self._ends: list[Callable[[], object]] = []
        self._one_at_a_time = threading.Lock()
        self.begun = threading.Event()

    def cancel(self) -> None:
        """Ask the work to end; what it saved in whole steps stays, or nothing, as the work promises."""
        self._stop.set()
        with self._one_at_a_time:
            for end in self._ends:
                end()

    @contextmanager
    def ended_by(self, end: Callable[[], object]) -> Iterator[None]:
        """Whoever cancels the job calls ``end``, too, as long as this lasts: it breaks off a wait."""
        with self._one_at_a_time:
            self._ends.append(end)
        try:
            yield
        finally:
            with self._one_at_a_time:
                self._ends.remove(end)

    def cancelled(self) -> bool:
        """Whether the work should end at its next good moment."""
        return self._stop.is_set()

    def progress(self, done: int, total: int = 0) -> None:
        """Called by the work: so much of so much (0 = unknown) is done."""
        if self._report is not None:
            self._report(done, total)


class _Post(QObject):
    """Carries a call from a lane to the thread of the screen."""

    call = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.call.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def _run(self, call: Callable[[], None]) -> None:
        call()


def _still_there(slot: Callable[..., Any]) -> bool:
    """False when the widget whose method this is, or in whose method it was written (a lambda), has been destroyed meanwhile."""
    owner = getattr(slot, "__self__", None)
    code = getattr(slot, "__code__", None)
    if owner is None and code is not None and "self" in code.co_freevars:
        owner = slot.__closure__[code.co_freevars.index("self")].cell_contents  # type: ignore[index]
    return not isinstance(owner, QObject) or shiboken6.isValid(owner)


class Lanes(QObject):
    """The lanes of background work. ``trouble`` tells of an error that no caller took, ``damage`` that something could not be read."""

    trouble = Signal(object)
    damage = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # Each time Qt calls Python while a lane computes, the screen's thread waits so long for its turn; painting a list calls a hundred times.
        sys.setswitchinterval(TURN_S)
        names = {"writing": 1, "reading": 1, "reading on": 1, "reading long": 1, "working": 1, "sending": 1, "listening": 1, "meeting": MEETINGS}
        self._lanes = {name: ThreadPoolExecutor(max_workers=at_once, thread_name_prefix=name) for name, at_once in names.items()}
        self._post = _Post(self)
        self._jobs: set[Job] = set()
        self._lasting: set[Job] = set()
        self._newest: dict[str, Job] = {}
        self._closed = False
        # The collector stops every thread to look at all there is, for some 50 ms; what the program began with it need not look at each time.
        QTimer.singleShot(SETTLED_MS, self, gc.freeze)

    def write(self, fn: Callable[[], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None) -> Job:
        """Run an action; ``then`` gets what it returns."""
        return self._start("writing", lambda job: fn(), then, failed)

    def read(self, fn: Callable[[], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None, *,
             key: str | None = None) -> Job:  # fmt: skip
        """Look something up. Of several lookups with one ``key`` only the newest answers (search as you type)."""
        return self._start("reading", lambda job: fn(), then, failed, key=key)

    def read_first(self, fn: Callable[[], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None, *, key: str) -> Job:
        """As ``read``, for what somebody waits for: it begins before the screen is painted, which hardly lets another thread begin."""
        job = self.read(fn, then, failed, key=key)
        job.begun.wait(BEGIN_S)
        return job

    def read_on(self, fn: Callable[[Job], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None, *, key: str) -> Job:
        """A longer lookup that asks its job often whether it is still wanted: a newer one with its key ends it, and does not wait for that."""
        return self._start("reading on", fn, then, failed, key=key)

    def work(self, fn: Callable[[], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None) -> Job:
        """Do something on this computer that somebody waits for: print, try a password, save a file. Never behind a server that does not answer."""
        return self._start("working", lambda job: fn(), then, failed)

    def send(self, fn: Callable[[], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None) -> Job:
        """Speak with a server."""
        return self._start("sending", lambda job: fn(), then, failed)

    def send_long(self, fn: Callable[[Job], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None,
                  *, progress: Callable[[int, int], None] | None = None) -> Job:  # fmt: skip
        """Speak with a server for longer: ``fn(job)`` calls ``job.progress(done, total)`` and asks ``job.cancelled()``."""
        return self._start("sending", fn, then, failed, progress=progress)

    def listen(self, fn: Callable[[Job], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None) -> Job:
        """Wait for news; ``fn`` asks its job often whether it is still wanted."""
        return self._start("listening", fn, then, failed, lasting=True)

    def meet(self, fn: Callable[[], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None) -> Job:
        """Speak with laptops in the room; never behind a server that does not answer."""
        return self._start("meeting", lambda job: fn(), then, failed)

    def stay(self, fn: Callable[[], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None) -> Job:
        """Stay with a laptop in the room, until somebody ends it; whoever does must do so before the lanes are closed."""
        return self._start("meeting", lambda job: fn(), then, failed, lasting=True)

    def write_long(self, fn: Callable[[Job], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None,
                   *, progress: Callable[[int, int], None] | None = None) -> Job:  # fmt: skip
        """A long action: ``fn(job)`` calls ``job.progress(done, total)`` and asks ``job.cancelled()``."""
        return self._start("writing", fn, then, failed, progress=progress)

    def read_long(self, fn: Callable[[Job], T], then: Callable[[T], Any] | None = None, failed: Failed | None = None,
                  *, progress: Callable[[int, int], None] | None = None) -> Job:  # fmt: skip
        """A long lookup, or what is done to files of this computer (a PDF, an export, a backup): search goes on meanwhile, and so does the sync."""
        return self._start("reading long", fn, then, failed, progress=progress)

    def close(self) -> None:
        """Cancel what runs, drop what waits but for what was to be saved (a scan behind another one), and wait for the threads to end."""
        self._closed = True
        gc.unfreeze()  # what belonged to this window may go now
        for job in list(self._jobs):
            job.cancel()
        for name, lane in self._lanes.items():
            lane.shutdown(wait=False, cancel_futures=name != "writing")
        for lane in self._lanes.values():
            lane.shutdown(wait=True)
        self._jobs.clear()  # the answers that were still on their way go to nobody
        self._lasting.clear()

    def idle(self) -> bool:
        """Whether nothing is under way, but for what waits for news, and every answer has been delivered."""
        return not self._jobs - self._lasting

    def _start(self, lane: str, fn: Callable[[Job], T], then: Callable[[T], Any] | None, failed: Failed | None, *,
               key: str | None = None, progress: Callable[[int, int], None] | None = None, lasting: bool = False) -> Job:  # fmt: skip
        def report(done: int, total: int) -> None:
            if progress is not None:
                self._deliver(lambda: progress(done, total) if _still_there(progress) else None)

        job = Job(report)
        if self._closed:
            job.cancel()
            return job
        if key is not None:
            if key in self._newest:
                self._newest[key].cancel()
            self._newest[key] = job
        self._jobs.add(job)
        if lasting:
            self._lasting.add(job)
        future = self._lanes[lane].submit(self._work, lane, fn, job, key)
        future.add_done_callback(lambda done: self._deliver(lambda: self._finish(job, key, done, then, failed)))
        return job

    @staticmethod
    def _work(lane: str, fn: Callable[[Job], T], job: Job, key: str | None) -> T | None:
        job.begun.set()
        if key is not None and job.cancelled():
            return None
        try:
            return fn(job)
        except KnownError:
            raise
        except Exception as error:
            raise note_bug(lane, error) from None

    def _deliver(self, call: Callable[[], None]) -> None:
        if not self._closed:
            self._post.call.emit(call)

    def _finish(self, job: Job, key: str | None, done: Future[Any], then: Callable[[Any], Any] | None,
                failed: Failed | None) -> None:  # fmt: skip
        self._jobs.discard(job)
        self._lasting.discard(job)
        if key is not None and self._newest.get(key) is job:
            del self._newest[key]
        if done.cancelled() or (key is not None and job.cancelled()):
            return
        error = done.exception()
        if isinstance(error, KnownError):
            if error.code == "database_damaged":
                self.damage.emit()
            if failed is None:
                self.trouble.emit(error)
            elif _still_there(failed):
                failed(error)
        elif then is not None and _still_there(then):
            then(done.result())
