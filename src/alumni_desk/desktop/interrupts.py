"""Ctrl+C and the system's own wish to end: the window closes in good order, as by its cross."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QSocketNotifier
from PySide6.QtGui import QGuiApplication


class Interrupts(QObject):
    """While it stands, an interrupt calls ``end``. Python hears signals only between two of its own steps, so a socket wakes Qt."""

    def __init__(self, parent: QObject, end: Callable[[], None]) -> None:
        super().__init__(parent)
        self._end = end
        self._heard, self._told = socket.socketpair()
        for one in (self._heard, self._told):
            one.setblocking(False)
        self._wake_before = signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        self._before: dict[int, Any] = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGINT, signal.SIGTERM)}
        self._notifier = QSocketNotifier(self._heard.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._woken)

    def close(self) -> None:
        """Give the signals back to whoever had them."""
        self._notifier.setEnabled(False)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wake_before)
        self._heard.close()
        self._told.close()

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            heard = self._heard.recv(64)
            if {signal.SIGINT, signal.SIGTERM} & set(heard):
                self._end()


def logging_out() -> bool:
    """Whether the whole session ends: then nobody is asked, for everything is saved."""
    app = QGuiApplication.instance()
    return isinstance(app, QGuiApplication) and app.isSavingSession()
