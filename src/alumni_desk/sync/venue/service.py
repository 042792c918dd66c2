"""The small HTTP service of a laptop that shares: it hears sealed boxes and gives sealed answers, and knows nothing of what is in them."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.logs import note_bug
from alumni_desk.sync.venue.channel import MESSAGE_LIMIT, PATH
from alumni_desk.words import _

log = logging.getLogger(__name__)

VISITORS = 64
"""Connections at once."""


class Visitor(Protocol):
    """Whoever asks, at the other end of a connection. ``device``: as whom they made themselves known, empty before."""

    device: str

    def hung_up(self) -> bool:
        """Whether nobody waits for the answer any more."""


class Answers(Protocol):
    """What a service asks of whoever it serves."""

    def hello(self) -> bytes:
        """What everybody may know."""

    def answer(self, box: bytes, visitor: Visitor) -> bytes | None:
        """The answer to a sealed request; None for one that was sealed with another code."""

    def left(self, device: str) -> None:
        """A laptop that had made itself known has ended a connection."""


class HungUp(Exception):
    """Nobody waits for the answer any more."""


def listen(host: str, ports: Sequence[int], answers: Answers) -> Service:
    """A service on the first of these ports that is free. Raises NetworkProblem."""
    for place, one in enumerate(ports):
        try:
            return Service((host, one), answers)
        except (OSError, OverflowError, UnicodeError) as error:
            if host and (isinstance(error, socket.gaierror | UnicodeError) or getattr(error, "errno", None) == errno.EADDRNOTAVAIL):
                raise NetworkProblem("venue_host", _("This laptop has no address “{host}”, so nothing is shared. Give one that it has, or leave it to the "
                                                     "program."), host=host[:80]) from None
            if place == len(ports) - 1:
                break
    raise NetworkProblem("venue_port", _("Port {port} is taken or not allowed here, so nothing is shared. Choose another one, or leave it to the program."),
                         port=ports[-1])


class Service(ThreadingHTTPServer):
    """Answers every visitor in a thread of their own."""

    daemon_threads = False  # server_close waits for them
    request_queue_size = 64

    def __init__(self, where: tuple[str, int], answers: Answers) -> None:
        self.answers = answers
        self.places = threading.BoundedSemaphore(VISITORS)
        self.open: set[socket.socket] = set()
        super().__init__(where, _Visitor)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self.places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        self.open.add(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        """End every visitor's connection."""
        for request in list(self.open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.open.discard(request)
            self.places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A visitor who hangs up is none of our business."""
        log.debug("a visitor went away")


class _Visitor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "AlumniDesk", ""
    timeout = 60
    disable_nagle_algorithm = True
    server: Service
    device = ""

    def finish(self) -> None:
        """The connection ends."""
        try:
            super().finish()
        finally:
            if self.device:
                self.server.answers.left(self.device)

    def hung_up(self) -> bool:
        """Whether nobody waits for the answer any more."""
        self.connection.setblocking(False)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            with suppress(OSError):
                self.connection.settimeout(self.timeout)

    def do_GET(self) -> None:
        """Say how to seal what is to be said."""
        if self.path == PATH:
            self._send(200, self.server.answers.hello(), "application/json")
        else:
            self._send(404, b"", "text/plain")

    def do_POST(self) -> None:
        """Answer a sealed request."""
        size = self.headers.get("content-length", "")
        if self.path != PATH or not size.isdigit() or int(size) > MESSAGE_LIMIT * 2:
            self.close_connection = True
            self._send(404 if self.path != PATH else 413, b"", "text/plain")
            return
        box = self.rfile.read(int(size))
        try:
            answer = self.server.answers.answer(box, self)
        except HungUp:
            self.close_connection = True
            return
        except KnownError as problem:
            self._send(503, problem.code.encode(), "text/plain")
            return
        except Exception as error:
            note_bug(log, error, "answering a laptop")
            self._send(500, b"fault", "text/plain")
            return
        if answer is None:
            self.close_connection = True
            self._send(403, b"code", "text/plain")
        else:
            self._send(200, answer, "application/octet-stream")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        head = (f"HTTP/1.1 {status} {self.responses[status][0]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                + ("Connection: close\r\n" if self.close_connection else "") + "\r\n")
        self.wfile.write(head.encode("latin-1") + body)

    def log_message(self, format: str, *args: Any) -> None:
        """Who came is nobody's business."""
