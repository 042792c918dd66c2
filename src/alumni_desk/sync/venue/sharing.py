"""Share with laptops here: a small service that offers the sealed parcels this laptop holds. Never base rows."""

from __future__ import annotations

import json
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.logs import note_bug
from alumni_desk.protocol.codes import new_venue_code
from alumni_desk.protocol.handout import SealedHandout
from alumni_desk.protocol.sealing import name_of
from alumni_desk.store.desk import Desk
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.channel import (
    LONGEST_WAIT,
    MESSAGE_LIMIT,
    NAMES,
    PATH,
    SALT,
    VERSION,
    Nay,
    Newcomer,
    Reply,
    Request,
    Trade,
    Traded,
    WrongKey,
    key_of,
    open_request,
    seal_reply,
)
from alumni_desk.sync.venue.credentials import Me, hear_removals, me
from alumni_desk.sync.venue.finding import Announcer, mark_of
from alumni_desk.sync.venue.handouts import make_handout, newest
from alumni_desk.sync.venue.holding import seal_own
from alumni_desk.sync.venue.places import PORT, SCHEME, Place, own_address
from alumni_desk.sync.venue.stations import Station, Stations, announce
from alumni_desk.sync.venue.timing import now_ms
from alumni_desk.sync.venue.watching import Watch
from alumni_desk.sync.venue.welcoming import may_welcome, welcome
from alumni_desk.words import _

log = logging.getLogger(__name__)

WRONG_CODE_SECONDS = 1.0
"""What a wrong code costs; one at a time, so that nobody tries more than one a second."""

VISITORS = 64
"""Connections at once."""

HANDOUT_SECONDS = 20.0
"""How often a hand-out is looked at again at most."""


class Sharing:
    """A running service; ``address`` and ``code`` are what the others type. ``stop`` ends it."""

    def __init__(self, desk: Desk, *, host: str = "", port: int | None = None, gathering: str | None = None,
                 on: Sequence[str] | None = None, told: Callable[[list[Station]], None] | None = None) -> None:
        """``gathering``: laptops of no chapter are let in at its door. ``on``: addresses of the interfaces on which the
        network is told of it. ``told``: hears who is there, in a thread of the service. Raises KnownError.
        """
        with desk.reading() as connection:
            mine = me(connection)
        if gathering is not None:
            may_welcome(desk, mine, gathering)
        self._desk, self._gathering, self._told = desk, gathering, told
        self.code = new_venue_code()
        self._salt = secrets.token_bytes(SALT)
        self._key = key_of(self.code, self._salt)
        self._stations = Stations()
        self._stopping = threading.Event()
        self._wrong = threading.Lock()
        self._handout_at = 0.0
        self._handouts = threading.Lock()
        self._server = _listen(host, port, self)
        self.place = Place(host or own_address(), int(self._server.server_address[1]))
        self._watch = Watch(desk)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="venue sharing", daemon=True)
        self._thread.start()
        self._announcer = Announcer(self.place, mark_of(mine.membership), on=on or ([host] if host else None))

    @property
    def address(self) -> str:
        """Where the others find this laptop."""
        return str(self.place)

    @property
    def qr(self) -> str:
        """What the others scan instead of typing: it carries the code."""
        return f"{SCHEME}://laptop?at={self.address}&code={self.code}"

    def tell(self, told: Callable[[list[Station]], None] | None) -> None:
        """Let somebody else hear who is there; None: nobody."""
        self._told = told

    @property
    def announced_as(self) -> str:
        """The name under which the network is told of it, which says nothing of whose it is."""
        return self._announcer.name

    def stations(self) -> list[Station]:
        """Who was heard, the last first."""
        return self._stations.all()

    def stop(self) -> None:
        """End the service; whoever waits for an answer gets none."""
        self._stopping.set()
        self._announcer.stop()
        self._watch.stop()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def hello(self) -> bytes:
        """What everybody may know."""
        return json.dumps({"alumni_desk": VERSION, "salt": self._salt.hex()}).encode()

    def answer(self, box: bytes) -> bytes | None:
        """The answer to a sealed request; None for one that was sealed with another code, after a while."""
        try:
            nonce, request = open_request(self._key, box)
        except WrongKey:
            with self._wrong:
                self._stopping.wait(WRONG_CODE_SECONDS)
            return None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return seal_reply(self._key, b"", Nay("unreadable"))
        return seal_reply(self._key, nonce, self._reply(request))

    def _reply(self, request: Request) -> Reply:
        with self._desk.reading() as connection:
            mine = me(connection)
        if isinstance(request, Newcomer):
            return welcome(self._desk, mine, request, self._gathering) if self._gathering is not None else Nay("door_closed")
        return self._trade(mine, request)

    def _trade(self, mine: Me, request: Trade) -> Reply:
        if (request.server, request.scope) != (mine.membership.server, mine.membership.scope) or not request.chain:
            return Nay("chapter")
        mine = hear_removals(self._desk, mine, request.removals)
        trouble = mine.trouble(request.chain, None)
        if trouble is not None:
            return Nay("revoked" if trouble == "revoked" else "certificate")
        partner = request.chain[0].device
        desk, scope = self._desk, mine.membership.scope
        holding.take_in(desk, mine, request.parcels, [request.chain, *request.chains])
        now = now_ms(desk)
        self._stations.hear(mine, request.heard, [request.chain, *request.chains], now, partner=partner)
        if (told := self._told) is not None:
            told(self.stations())
        given = {name_of(one) for one in request.parcels}
        want: list[bytes] = []
        if request.have is not None:
            seal_own(desk, mine)  # a moment ago something may have been done here
            with desk.reading() as connection:
                here = holding.names(connection, scope)
            want = [name for name in request.have[:NAMES] if name not in here]
            given.update(request.have)
        if mine.trouble(request.chain, now) is not None:  # its access has passed: what it has is taken, and nothing is given before the server heard of it
            if not want:
                self._stopping.wait(min(request.wait, LONGEST_WAIT))
            return Traded(place=request.after, more=False, chain=mine.credentials.chain, want=want, removals=mine.credentials.removals)
        handout = self._handout_for(mine, request)
        with desk.reading() as connection:  # a list that ends before the place that the asker saw was put back by a restore
            after = request.after if request.after <= holding.last_place(connection) else 0
        until = time.monotonic() + min(request.wait, LONGEST_WAIT)
        while True:
            changes = self._watch.changes
            with desk.reading() as connection:
                found, place = holding.offered(connection, scope, after, but=given)
                last = holding.last_place(connection)
                parcels = [one for one in found if request.have is not None or one.device != partner]
                chains = holding.chains_for(connection, [one.device for one in parcels])
            left = until - time.monotonic()
            if parcels or want or handout or left <= 0 or self._stopping.is_set():
                break
            self._watch.wait(changes, left)
        heard = [announce(mine, str(desk.setting("person_name") or ""), desk.device_name, now_ms(desk)), *self._stations.said()]
        return Traded(place=place, more=place < last, chain=mine.credentials.chain, want=want, parcels=[holding.opened_parcel(one.content) for one in parcels],
                      chains=chains, removals=mine.credentials.removals, handout=handout, heard=heard)

    def _handout_for(self, mine: Me, request: Trade) -> SealedHandout | None:
        """The newest hand-out of the asker's door, if it is newer than the asker's."""
        gathering = request.chain[0].gathering
        if gathering is None:
            return None
        with self._handouts:
            if mine.leads and time.monotonic() - self._handout_at > HANDOUT_SECONDS:
                self._handout_at = time.monotonic()
                make_handout(self._desk, mine, gathering)
        with self._desk.reading() as connection:
            one = newest(connection, gathering)
        return one if one is not None and one.number > request.handout and len(one.box) < MESSAGE_LIMIT // 2 else None


def _listen(host: str, port: int | None, sharing: Sharing) -> _Service:
    wanted = [PORT, 0] if port is None else [port]
    for place, one in enumerate(wanted):
        try:
            return _Service((host, one), sharing)
        except (OSError, OverflowError):
            if place == len(wanted) - 1:
                break
    raise NetworkProblem("venue_port", _("Port {port} is taken or not allowed here, so nothing is shared. Choose another one, or leave it to the program."),
                         port=wanted[-1])


class _Service(ThreadingHTTPServer):
    daemon_threads = False  # server_close waits for them
    request_queue_size = 64

    def __init__(self, where: tuple[str, int], sharing: Sharing) -> None:
        self.sharing = sharing
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
    server: _Service

    def do_GET(self) -> None:
        """Say how to seal what is to be said."""
        if self.path == PATH:
            self._send(200, self.server.sharing.hello(), "application/json")
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
            answer = self.server.sharing.answer(box)
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
