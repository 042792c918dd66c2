"""A connection to a laptop that shares: sealed questions and their answers, and in words why there is none."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from contextlib import suppress

import msgspec

from alumni_desk.errors import KnownError, NetworkProblem, Refused
from alumni_desk.protocol.messages import BODY_LIMIT
from alumni_desk.sync.venue.channel import PATH, VERSION, Nay, Request, Traded, Welcome, WrongKey, key_of, open_reply, seal_request
from alumni_desk.sync.venue.places import Place, interfaces, same_network
from alumni_desk.words import _

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 10.0


class Line:
    """A connection to a laptop that shares. ``stop`` ends a call that is under way, from another thread."""

    def __init__(self, place: Place, code: str) -> None:
        self.place, self._code = place, code
        self._key = b""
        self._mixed_with = b""
        self._no_use = b""  # with this salt our code is not theirs
        self.salt = b""
        """What tells the laptop that was met from others, wherever it is: it is mixed with its code alone."""
        self._http: http.client.HTTPConnection | None = None
        self._stopping = threading.Event()

    def close(self) -> None:
        """Hang up, in the thread that asks."""
        self._stopping.set()
        self._drop()

    def stop(self) -> None:
        """End it; every later call ends at once with ``venue_stopped``."""
        self._stopping.set()
        connection = self._http
        if connection is not None and connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def ask(self, request: Request, wait: float = 0.0) -> Traded | Welcome:
        """Ask it something. Raises NetworkProblem or Refused, in words."""
        if not self._key:
            said = self.hear_salt()
            if said == self._no_use:
                raise _wrong_code()
            self._key, self._mixed_with = key_of(self._code, said), said
        box, nonce = seal_request(self._key, request)
        status, body = self._call("POST", box, ANSWER_SECONDS + wait)
        if status == 403:
            self._key, self._no_use = b"", self._mixed_with
            raise _wrong_code()
        if status != 200:
            raise NetworkProblem("venue_trouble", _("The other laptop has trouble of its own. Nothing is lost; look at its screen, then try again."))
        try:
            reply = open_reply(self._key, nonce, body)
        except (WrongKey, msgspec.DecodeError):
            raise _no_laptop() from None
        if isinstance(reply, Nay):
            raise _in_words(reply.code)
        self.salt = self._mixed_with
        return reply

    def hear_salt(self) -> bytes:
        """What the laptop there says in the open. Raises NetworkProblem."""
        status, body = self._call("GET", b"", ANSWER_SECONDS)
        try:
            said = json.loads(body) if status == 200 else {}
            if said.get("alumni_desk") != VERSION:
                raise _no_laptop()
            return bytes.fromhex(said["salt"])
        except (ValueError, KeyError, AttributeError):
            raise _no_laptop() from None

    def _call(self, method: str, body: bytes, seconds: float) -> tuple[int, bytes]:
        for attempt in (1, 2):  # a kept connection may have ended meanwhile
            if self._stopping.is_set():
                raise _stopped()
            fresh = self._http is None
            try:
                if self._http is None:
                    self._http = http.client.HTTPConnection(self.place.host, self.place.port, timeout=CONNECT_SECONDS)
                    self._http.connect()
                self._http.sock.settimeout(seconds)
                self._http.request(method, PATH, body=body, headers={"content-type": "application/octet-stream"})
                answer = self._http.getresponse()
                read = answer.read(BODY_LIMIT * 2 + 1)
                if answer.will_close:
                    self._drop()
                return answer.status, read
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                if self._stopping.is_set():
                    raise _stopped() from None
                if fresh or attempt == 2 or isinstance(error, TimeoutError):
                    raise unreachable(self.place, error) from None
        raise AssertionError("unreachable")

    def _drop(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None


def unreachable(place: Place, error: BaseException) -> NetworkProblem:
    """Why a laptop cannot be reached, as far as can be told from here, and the next way."""
    here = interfaces()
    facts = {"address": place}
    if not here and not place.host.startswith("127.") and place.host != "localhost":
        return NetworkProblem("venue_no_network", _("This laptop is in no network. Join the Wi-Fi that the other laptop is in, or carry a file: parcel write."))
    if isinstance(error, socket.gaierror):
        return NetworkProblem("venue_no_such_name", _(
            "There is no laptop called {address} in this network. Type the numbers that the other laptop shows."), **facts)
    if isinstance(error, ConnectionRefusedError):
        return NetworkProblem("venue_not_sharing", _(
            "The laptop at {address} is there and shares nothing. Start sharing on it, and compare the address with its screen."), **facts)
    if not same_network(place.host, here):
        return NetworkProblem("venue_other_network", _(
            "{address} is in another network than this laptop. Bring both into the same Wi-Fi, or carry a file: parcel write."), **facts)
    return NetworkProblem("venue_closed", _(
        "{address} does not answer. Compare the address with the one on the other laptop’s screen. If it is the same, the other laptop’s firewall may be "
        "closed for Alumni Desk, or this Wi-Fi keeps its guests apart: try a phone’s hotspot, or carry a file: parcel write."), **facts)


def _wrong_code() -> KnownError:
    return Refused("venue_code", _("The code is not the one that the other laptop shows. Compare it letter by letter, and try again."))


def _no_laptop() -> KnownError:
    return NetworkProblem("venue_no_laptop", _("What answers at that address is not a laptop that shares with this version. Compare the address."))


def _stopped() -> KnownError:
    return Refused("venue_stopped", _("Meeting the other laptops was stopped. Everything is saved here."))


def code_changed() -> KnownError:
    return Refused("venue_code_changed", _("The other laptop shares with another code now. Join it again, with the code that it shows."))


def _in_words(code: str) -> KnownError:
    if code == "chapter":
        return Refused("venue_chapter", _("The other laptop is of another chapter or server, so nothing was exchanged."))
    if code == "revoked":
        return Refused("venue_revoked", _("This laptop’s access was removed, so the others do not exchange with it. Ask the chapter’s leader."))
    if code == "door_closed":
        return Refused("venue_door_closed", _(
            "The other laptop lets no new laptops in. On a leader’s laptop share with the gathering that is held, then try again."))
    if code == "code_over":
        return Refused("venue_code_over", _(
            "A laptop was removed since the other one made this code, so it lets nobody new in with it. Make a new code there, and type that."))
    if code == "not_a_leader":
        return Refused("venue_leader", _("Only a leader’s laptop lets others in at the door. Share without a gathering, or ask the chapter’s leader."))
    if code == "certificate":
        return Refused("venue_certificate", _("The other laptop does not know this one. Sync both once with the server, or join from a leader’s laptop."))
    return Refused("venue_version", _("The other laptop runs another version, which this one does not understand. Update both."))
