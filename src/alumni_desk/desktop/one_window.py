"""Two starts on one profile make one window: the second one hands its files to the first, which comes to the front.

The lock of ``store.holding`` decides who is first; what is here only carries the call. QtNetwork is imported late: the first window does not need it
to open.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QDeadlineTimer, QObject, QThread, Signal

from alumni_desk.store.holding import Hold

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer, QLocalSocket

log = logging.getLogger(__name__)

ANSWER_MS = 5_000
"""How long a second start waits for the first window, which may still be on its way, before it says who holds the profile."""
_LONGEST = 1 << 20
_FULL_ADDRESS = 100  # bytes of a socket's path that every system takes


class Doorbell(QObject):
    """The first window's end: ``rung(files)`` when a second start calls."""

    rung = Signal(list)

    def __init__(self, hold: Hold, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hold = hold
        self._server: QLocalServer | None = None

    def hang(self) -> bool:
        """Listen from now on. Returns whether that works; without it the second start says who holds the profile."""
        if self._server is not None:
            return self._server.isListening()
        try:
            from PySide6.QtNetwork import QLocalServer
        except ImportError as error:  # a Linux without the libraries that QtNetwork needs
            log.warning("no listening for a second start: %s", type(error).__name__)
            return False
        address = address_of(self._hold)
        QLocalServer.removeServer(address)  # left by a program that was killed: the lock is ours, so nobody listens there
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._answer)
        self._server = server
        return server.listen(address)

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _answer(self) -> None:
        while self._server is not None and self._server.hasPendingConnections():
            caller = self._server.nextPendingConnection()
            caller.readyRead.connect(lambda caller=caller: self._read(caller))
            caller.disconnected.connect(caller.deleteLater)
            self._read(caller)

    def _read(self, caller: QLocalSocket) -> None:
        if caller.bytesAvailable() > _LONGEST:
            caller.abort()
        if not caller.canReadLine():
            return
        try:
            said = json.loads(bytes(caller.readLine().data()))
            files = [Path(one) for one in said["files"] if isinstance(one, str)]
        except (ValueError, KeyError, TypeError):
            caller.abort()
            return
        caller.write(b'{"shown": true}\n')
        caller.flush()
        self.rung.emit(files)


def ring(hold: Hold, files: Sequence[Path], wait_ms: int = ANSWER_MS) -> bool:
    """Ask the window that holds a profile to come to the front and take these files. Returns whether it answered."""
    try:
        from PySide6.QtNetwork import QLocalSocket
    except ImportError:
        return False
    _may_come_forward(hold.holder().pid)
    deadline = QDeadlineTimer(wait_ms)
    while not deadline.hasExpired():
        socket = QLocalSocket()
        socket.connectToServer(address_of(hold))
        if not socket.waitForConnected(min(200, max(1, deadline.remainingTime()))):
            socket.abort()
            if hold.take():  # it has just ended: the place is ours
                return False
            QThread.msleep(50)  # it may be about to listen
            continue
        socket.write(json.dumps({"files": [str(one.absolute()) for one in files]}).encode() + b"\n")
        socket.flush()
        while not socket.canReadLine():
            if deadline.hasExpired() or not socket.waitForReadyRead(max(1, deadline.remainingTime())):
                return False
        return True
    return False


def address_of(hold: Hold) -> str:
    """Where the first window listens: in the user's own runtime folder where there is one, else by name alone."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.name == "nt" or not os.access(folder, os.W_OK):
        return hold.address
    whole = str(Path(folder) / hold.address)
    return whole if len(os.fsencode(whole)) <= _FULL_ADDRESS else hold.address


def _may_come_forward(pid: int) -> None:
    """Windows lets a window come to the front only if the program in front allows it."""
    if sys.platform == "win32" and pid:
        import ctypes

        ctypes.windll.user32.AllowSetForegroundWindow(pid)
