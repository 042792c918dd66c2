"""Noticing that nobody is at the laptop: no key or mouse for a while, the lid closed, the screen locked."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import SLOT, QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QWindow

log = logging.getLogger(__name__)

TICK_MS = 1000
LISTEN_AFTER_MS = 5_000
"""When it begins to hear what the system says if nobody told it to before: when the first page stands, because that needs one more library."""
JUMP = 30.0
"""Seconds by which a clock must run ahead of the ticks to mean that the laptop slept."""

# The press of a shortcut does not reach the window; its release does.
_TOUCHES = frozenset({QEvent.Type.KeyPress, QEvent.Type.KeyRelease, QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.Wheel,
                      QEvent.Type.TouchBegin, QEvent.Type.TouchUpdate, QEvent.Type.TabletPress, QEvent.Type.TabletMove})  # fmt: skip


class Away(QObject):
    """``idle`` after ``after`` seconds without a key or mouse (0: never); ``slept`` when the laptop slept or its screen was locked."""

    idle = Signal()
    slept = Signal()

    def __init__(self, after: float, *, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.after = after
        self._monotonic, self._wall = monotonic, wall
        self._touched = self._ticked = monotonic()
        self._wall_ticked = wall()
        self._window: QWindow | None = None
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.focusWindowChanged.connect(self._watch)
            self._watch(app.focusWindow())
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self.tick)
        self._timer.start()
        self._listens = False
        QTimer.singleShot(LISTEN_AFTER_MS, self, self.listen)

    def listen(self) -> None:
        """Hear what the system says from now on."""
        if self._timer.isActive() and not self._listens:
            self._listens = True
            _listen(self)

    def touched(self) -> None:
        """Somebody is here."""
        self._touched = self._monotonic()

    def resting(self) -> float:
        """For how many seconds nobody has touched anything."""
        return self._monotonic() - self._touched

    def tick(self) -> None:
        """Look at the clocks; once a second."""
        now, wall = self._monotonic(), self._wall()
        # While a laptop sleeps no tick comes. Some systems' monotonic clock goes on meanwhile, others' stands still; the wall clock goes on on all.
        gap = max(now - self._ticked, wall - self._wall_ticked)
        self._ticked, self._wall_ticked = now, wall
        if gap > JUMP:
            self.slept.emit()
        elif self.after and now - self._touched >= self.after:
            self.idle.emit()

    def stop(self) -> None:
        """Notice nothing more."""
        self._timer.stop()
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.focusWindowChanged.disconnect(self._watch)
        self._watch(None)
        if self._listens:
            self._listens = False
            _listen(self, on=False)

    def _watch(self, window: QWindow | None) -> None:
        # The window that has the keyboard gets every key and mouse move first. A filter on the whole application would see every repaint too.
        # The one before may be no more: a list that opened over a box or a file dialog, a dialog of the system.
        if self._window is not None and shiboken6.isValid(self._window):
            self._window.removeEventFilter(self)
        # Where Qt freed something behind Python's back a window at that address may be taken for it: without a filter there, no worse comes of it.
        self._window = window = window if isinstance(window, QWindow) else None
        if window is not None:
            window.installEventFilter(self)
            self.touched()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _TOUCHES:
            self.touched()
        return False

    @Slot(bool)
    def goes_to_sleep(self, on: bool) -> None:
        """What logind and the screen savers say: before the sleep, and once more after it."""
        if on:
            self.slept.emit()

    @Slot()
    def locks(self) -> None:
        """What logind says when the session is locked."""
        self.slept.emit()


SESSION = "session"
"""In the place of a path: that of this session."""

_SIGNALS = (
    ("system", "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager", "PrepareForSleep", "goes_to_sleep(bool)"),
    ("system", "org.freedesktop.login1", SESSION, "org.freedesktop.login1.Session", "Lock", "locks()"),
    ("session", "org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver", "ActiveChanged", "goes_to_sleep(bool)"),
    *(("session", f"org.{desktop}.ScreenSaver", f"/org/{desktop}/ScreenSaver", f"org.{desktop}.ScreenSaver", "ActiveChanged", "goes_to_sleep(bool)")
      for desktop in ("gnome", "cinnamon", "mate", "xfce")),
)


def _session() -> str:
    """Where logind speaks of this session: it never does so under the path that everybody may ask by, ``session/auto``. Nothing, which is any session's, if
    the session is not told."""
    name = os.environ.get("XDG_SESSION_ID", "")
    # As systemd's bus_label_escape: letters stay, and digits but for the first sign.
    escaped = "".join(one if one.isascii() and (one.isalpha() or (one.isdigit() and place)) else f"_{ord(one):02x}" for place, one in enumerate(name))
    return f"/org/freedesktop/login1/session/{escaped}" if name else ""


def _listen(away: Away, *, on: bool = True) -> None:
    """Hear what a Linux desktop says of sleep and screen lock. Elsewhere, and without a message bus, the clocks alone tell."""
    if not sys.platform.startswith("linux"):
        return
    try:
        from PySide6.QtDBus import QDBusConnection
    except ImportError as error:
        log.info("no message bus: %s", type(error).__name__)
        return
    buses = {"system": QDBusConnection.systemBus(), "session": QDBusConnection.sessionBus()}
    for name, service, path, interface, signal, slot in _SIGNALS:
        bus = buses[name]
        if bus.isConnected():
            (bus.connect if on else bus.disconnect)(service, _session() if path == SESSION else path, interface, signal, away, SLOT(slot))  # type: ignore[call-overload]  # takes no bytes
