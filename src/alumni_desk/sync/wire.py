"""Calls to the server: one message out, one back, with time limits, and a word for everything that can go wrong on the way."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec
import zstandard

from alumni_desk import __version__
from alumni_desk.errors import KnownError, NetworkProblem, Refused
from alumni_desk.protocol.messages import BODY_LIMIT, Trouble, pack, unpack
from alumni_desk.sync.address import Address
from alumni_desk.words import _, day, day_full

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
SLOW = 16 * 1024
"""Bytes a second of a line on which an answer is waited for longer, by what the call needs to get there: the system takes it at once, and sends it on."""

TRIES = 4
LONGEST_WAIT = 20.0
_WORTH_PACKING = 512
_PIECE = 1 << 16
"""Bytes of a call that must leave within ``READ_SECONDS``; over a line that is slower than that a server hangs up, too."""

T = TypeVar("T")
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")
"""What OpenSSL, by its version, says of an answer that is not encrypted."""
_OUT_OF_DATE = ("certificate has expired", "certificate is not yet valid")
"""What it says where nothing is wrong with a certificate but the day."""


class ChallengeEnded(NetworkProblem):
    """The proof came after the server's challenge had ended: ask for another one. Its sentence is for a line that is too slow each time."""

    def __init__(self) -> None:
        super().__init__("sync_slow", _("The server did not answer in time. Everything is saved here; the next sync tries again."))


class NoSession(NetworkProblem):
    """The token is not valid any more: begin a new session. Its sentence is for a server that does not take a new one either."""

    def __init__(self) -> None:
        super().__init__("no_session", _("The server does not let this laptop in. Everything is saved here; tell whoever runs the server."))


_FOR_GOOD = ("moving", "not_here")
"""What a server says that has not just much to do."""


class Wire:
    """A kept connection to one server."""

    def __init__(self, address: Address, session: requests.Session | None = None) -> None:
        self.address = address
        self.token: str | None = None
        self._stopping = threading.Event()
        self._held: socket.socket | None = None
        self._holding = threading.Lock()
        self._given = session
        self._session = session if session is not None else _session(address, self._hold)
        self._beside: Wire | None = None

    def beside(self) -> Wire:
        """A second line to the same server, in the same session, for a call while one is under way here. It stops with this one; the caller closes it."""
        other = Wire(self.address, self._given)
        other.token = self.token
        with self._holding:
            self._beside = other
            if self._stopping.is_set():
                other.stop()
        return other

    def go_to(self, address: Address) -> None:
        """Reach the same server at another address from now on."""
        if address.fingerprint is None or address.fingerprint != self.address.fingerprint:
            raise AssertionError("another server")
        self.address = address

    def stop(self) -> None:
        """End a call that is under way, from another thread; every later one ends at once with ``sync_stopped``."""
        with self._holding:
            self._stopping.set()
            self._let_go()
            if self._beside is not None:
                self._beside.stop()

    def close(self) -> None:
        """Hang up, and wake a wait for a busy server."""
        self.stop()
        self._session.close()

    def _hold(self, connected: socket.socket) -> None:
        """Keep a hand on a new connection, so that ``stop`` can end it whatever waits for it then."""
        with self._holding:
            self._let_go()
            self._held = connected.dup()
            if self._stopping.is_set():
                self._let_go()

    def _let_go(self) -> None:
        if self._held is None:
            return
        with suppress(OSError):  # it has ended by itself
            self._held.shutdown(socket.SHUT_RDWR)
        self._held.close()
        self._held = None

    def call(self, name: str, message: msgspec.Struct, reply: type[T]) -> T:
        """Send a message and wait for the answer. A busy server is asked again when it said; all else is raised in words."""
        for attempt in range(1, TRIES + 1):
            status, headers, body = self._post(name, message)
            if status == 200:
                try:
                    return unpack(body, reply)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    raise _no_desk_server() from None
            trouble = _trouble(body)
            if status in (429, 503) and trouble.code not in _FOR_GOOD and attempt < TRIES:
                wait = _seconds(headers.get("retry-after"), attempt)
                if wait <= LONGEST_WAIT and not self._stopping.wait(wait):
                    continue
            if status == 401 and trouble.code:
                raise NoSession
            if trouble.code == "challenge_expired":
                raise ChallengeEnded
            raise _in_words(status, trouble)
        raise AssertionError("unreachable")

    def pause(self, seconds: float) -> bool:
        """Wait; True if the sync was stopped meanwhile."""
        return self._stopping.wait(seconds)

    def fetch(self, path: str, start: int, tag: str, take: Callable[[bytes], object]) -> int:
        """What a file holds from a byte on, a piece at a time; returns the status: 200 all of it, 206 the rest, 404 not there, 416 nothing is left."""
        headers = {"user-agent": f"AlumniDesk/{__version__}", "accept-encoding": "identity"}
        if start:
            headers.update({"range": f"bytes={start}-", "if-range": tag})
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        with self._spoken(), self._session.get(f"{self.address.url}/sync/v1/{path}", headers=headers, stream=True,
                                                 timeout=(CONNECT_SECONDS, READ_SECONDS), allow_redirects=False) as response:
            if response.status_code in (404, 416):
                return response.status_code
            if response.status_code not in (200, 206):
                trouble = _trouble(_received(response))
                if response.status_code == 401 and trouble.code:
                    raise NoSession
                raise _in_words(response.status_code, trouble)
            if response.status_code == 200 and start:
                return 404  # another file than the one that we have a part of
            while part := response.raw.read(1 << 18, decode_content=False):
                take(part)
            return response.status_code

    def _post(self, name: str, message: msgspec.Struct) -> tuple[int, dict[str, str], bytes]:
        if self._stopping.is_set():
            raise stopped()
        body, encoding = _packed(message)
        headers = {"accept-encoding": "zstd", "user-agent": f"AlumniDesk/{__version__}"}  # each byte goes with every call: the path says what it is
        if encoding:
            headers["content-encoding"] = encoding
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        with self._spoken(), self._session.post(f"{self.address.url}/sync/v1/{name}", data=body, headers=headers, stream=True,
                                                  timeout=(CONNECT_SECONDS, READ_SECONDS + len(body) / SLOW), allow_redirects=False) as response:
            received = _received(response)
            return response.status_code, {key.lower(): value for key, value in response.headers.items()}, received

    @contextmanager
    def _spoken(self) -> Iterator[None]:
        """Whatever can go wrong on the way, in words."""
        import requests
        import urllib3

        if self._stopping.is_set():
            raise stopped()
        try:
            yield
        except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
            if self._stopping.is_set():
                raise stopped() from None
            if any(word in str(error) for word in _NO_TLS):
                raise NetworkProblem("sync_not_encrypted", _(
                    "At that address something answers without encryption, so nothing was sent. Ask whoever runs the server for its right address.")) from None
            if any(word in str(error) for word in _OUT_OF_DATE):
                raise NetworkProblem("sync_certificate_date", _(
                    "The server’s certificate is not good on {day}, which is the date on this laptop, so nothing was sent. If the date is wrong, set it, then "
                    "sync again. If it is right, whoever runs the server has to renew the certificate: tell them. Everything is saved here."),
                    day=day_full(date.today())) from None
            raise NetworkProblem("sync_certificate", _(
                "The server’s certificate is not the one that was expected, so nothing was sent. "
                "Ask whoever runs the server for a new invitation, with its whole address. What waits here stays.")) from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if _took_too_long(error):
                raise NetworkProblem("sync_slow", _("The server did not answer in time. Everything is saved here; the next sync tries again.")) from None
            if self._stopping.is_set():
                raise stopped() from None
            raise NetworkProblem("sync_unreachable", _(
                "The server cannot be reached. Everything is saved here; check the network, then sync again.")) from None


def _packed(message: msgspec.Struct) -> tuple[bytes, str]:
    """What is sent, and how it is packed; empty: it is not."""
    body = pack(message)
    return (body, "") if len(body) < _WORTH_PACKING else (zstandard.ZstdCompressor(level=1).compress(body), "zstd")


def _took_too_long(error: Exception) -> bool:
    import requests
    import urllib3

    # Nobody listens there, or nobody has the name: urllib3 counts it among what takes too long.
    return (isinstance(error, requests.exceptions.Timeout | urllib3.exceptions.TimeoutError) and not isinstance(error, urllib3.exceptions.NewConnectionError))


def _session(address: Address, hold: Callable[[socket.socket], None]) -> requests.Session:
    import warnings

    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Timeout
    from urllib3.exceptions import SystemTimeWarning

    warnings.simplefilter("ignore", SystemTimeWarning)  # a clock that is wrong is said in words, with the sync

    pin: dict[str, Any] = {} if address.fingerprint is None else {"assert_fingerprint": address.fingerprint}
    pools = _pools(hold)

    class Held(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **options: Any) -> None:
            super().init_poolmanager(*args, **{**options, **pin})
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
            manager = super().proxy_manager_for(*args, **options)
            manager.pool_classes_by_scheme = pools
            return manager

    class Short(requests.Session):
        """Posts on the shortest way: what requests works out for each call anew is worked out once for all of them."""

        def __init__(self) -> None:
            super().__init__()
            self._ways: dict[str, tuple[Any, str]] = {}

        def post(self, url: Any, data: Any = None, json: Any = None, **options: Any) -> Any:
            pool, target = self._ways.get(url) or self._way(url)
            connect, read = options["timeout"]
            return _Answer(pool.urlopen("POST", target, body=data, headers=options["headers"], retries=False, redirect=False, assert_same_host=False,
                                        timeout=Timeout(connect=connect, read=read), preload_content=False, decode_content=False))

        def _way(self, url: str) -> tuple[Any, str]:
            """The connections to an address, by way of a proxy perhaps, and how the address is called there."""
            prepared = requests.Request("POST", url).prepare()
            terms = self.merge_environment_settings(url, {}, False, None, None)
            adapter: Any = self.get_adapter(url)
            pool = adapter.get_connection_with_tls_context(prepared, terms["verify"], proxies=terms["proxies"], cert=terms["cert"])
            adapter.cert_verify(pool, url, terms["verify"], terms["cert"])
            self._ways[url] = pool, adapter.request_url(prepared, terms["proxies"])
            return self._ways[url]

    session = Short()
    session.headers.clear()  # each call says its own
    session.mount("http://", Held())
    session.mount("https://", Held())
    if address.fingerprint is not None:
        session.verify = False  # the fingerprint decides, not an authority
        session.trust_env = False
    elif address.loopback:
        session.trust_env = False  # a proxy has no way to this computer
    return session


class _Answer:
    """An answer as requests would give it, as far as it is read here."""

    def __init__(self, raw: Any) -> None:
        self.raw, self.status_code, self.headers = raw, raw.status, raw.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_trouble: object) -> None:
        self.raw.close()  # a connection that was read to the end is back in its pool already
        self.raw.release_conn()


def _pools(hold: Callable[[socket.socket], None]) -> dict[str, Any]:
    """urllib3's connections, but each is told of once it stands."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Whole(HTTPConnection):
        """Head and body of a call leave together, so that whoever answers it has all of it at once."""

        _together: list[bytes] | None = None

        def request(self, *call: Any, **options: Any) -> None:
            self._together = []
            try:
                super().request(*call, **options)
                parts, self._together = self._together, None
                self._leave(memoryview(b"".join(parts)))
            finally:
                self._together = None

        def _leave(self, whole: memoryview) -> None:
            """Piece by piece, each in its own time: a slow line needs minutes for all of it, and moves on all the same."""
            if self.sock is None:
                self.connect()
            self.sock.settimeout(READ_SECONDS)
            for start in range(0, len(whole), _PIECE):
                super().send(whole[start:start + _PIECE])

        def send(self, data: Any) -> None:
            if self._together is None:
                super().send(data)
            else:
                self._together.append(data)

    class Plain(Whole):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            hold(made)
            return made

    class Secure(Whole, HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            hold(made)
            return made

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _received(response: requests.Response) -> bytes:
    data = bytearray()
    while part := response.raw.read(1 << 16, decode_content=False):
        data += part
        if len(data) > BODY_LIMIT:
            raise _no_desk_server()
    if response.headers.get("content-encoding") != "zstd":
        return bytes(data)
    try:
        with zstandard.ZstdDecompressor(max_window_size=BODY_LIMIT).stream_reader(bytes(data)) as reader:
            plain = reader.read(BODY_LIMIT + 1)
    except zstandard.ZstdError:
        raise _no_desk_server() from None
    if len(plain) > BODY_LIMIT:
        raise _no_desk_server()
    return bytes(plain)


def _trouble(body: bytes) -> Trouble:
    try:
        return unpack(body, Trouble)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Trouble(code="")


def _seconds(retry_after: str | None, attempt: int) -> float:
    """When to ask again: when the server said, else a random part of a wait that doubles."""
    if retry_after is not None and retry_after.isdigit():
        return float(retry_after) + random.random()
    return random.random() * min(LONGEST_WAIT, 0.5 * 2.0**attempt)


def stopped() -> KnownError:
    """What to say of a sync that was ended in the middle."""
    return Refused("sync_stopped", _("The sync was stopped. Everything is saved here; the next one goes on where this one ended."))


def has_moved() -> KnownError:
    """The chapter is at another server now."""
    return NetworkProblem("sync_moved", _("The chapter is not at this server any more: it moved to another one. Everything is saved here; ask its leader "
                                          "for a new invitation, and what waits goes along."))


def _no_desk_server() -> KnownError:
    return NetworkProblem("sync_no_server", _("What answers at that address is not an Alumni Desk server. Check the address."))


def in_its_place(problem: KnownError) -> KnownError:
    """What to say where a server was reached before, and now something else answers: mostly a hotel's network that wants its guests to sign in first."""
    if problem.code == "sync_no_server":
        return NetworkProblem("sync_sign_in", _(
            "Something else answers in the server’s place. This network may want you to sign in first: open a web browser, sign in or agree there, then sync "
            "again. Everything is saved here. If it is the same in other networks, ask whoever runs the server."))
    if problem.code == "sync_certificate":
        return NetworkProblem(problem.code, _(
            "Something answers in the server’s place, with another certificate, so nothing was sent. This network may want you to sign in first: open a web "
            "browser, sign in or agree there, then sync again. If it is the same in other networks, ask whoever runs the server for a new invitation, with its "
            "whole address. What waits here stays."))
    return problem


def _in_words(status: int, trouble: Trouble) -> KnownError:
    code = trouble.code
    if status == 511:  # "network authentication required", RFC 6585: only what stands between says that
        return NetworkProblem("sync_sign_in", _(
            "This network wants you to sign in first: open a web browser, sign in or agree there, then sync again. Everything is saved here."))
    if code == "invitation_wrong":
        return Refused(code, _(
            "This server knows no such invitation. Check the code. If it is right, the server may have been restored from an older backup: ask for a new "
            "invitation."))
    if code == "invitation_used":
        if trouble.at is None:
            return Refused(code, _("This invitation was used already, on another laptop. Ask for a new one."))
        return Refused(code, _("This invitation was used on {day}, on another laptop. Ask whoever gave it to you for a new one."),
                       day=day(datetime.fromtimestamp(trouble.at / 1000).date()))
    if code == "invitation_cancelled":
        return Refused(code, _("This invitation was cancelled, so it lets nobody in any more. Ask a leader of the chapter for a new one."))
    if code == "invitation_expired":
        return Refused(code, _("This invitation has ended. Ask for a new one."))
    if code == "too_many_tries":
        return NetworkProblem(code, _("Too many wrong codes were tried at this server. Wait a minute, then try again."))
    if code == "revoked":
        return Refused(code, _("This laptop’s access was removed at the server. Ask the chapter’s leader for a new invitation."))
    if code == "no_grant":
        return Refused(code, _("This laptop may not see this chapter at the server. Ask the chapter’s leader."))
    if code == "no_such_call":
        return Refused("sync_server_old", _(
            "The server is older than this program and cannot do this yet. Everything is saved here; tell whoever runs the server to update it."))
    if code == "moving":
        return NetworkProblem("sync_moving", _("The chapter is on its way to another server. Everything is saved here; ask its leader for a new invitation."))
    if code == "not_here":
        return has_moved()
    if code in (told := _of_people()):
        return Refused(code, told[code])
    if status == 426:
        return Refused("sync_version", _("This program and the server are of versions too far apart. Update Alumni Desk, then sync again."))
    if status >= 500 and (status != 503 or code == "database"):
        return NetworkProblem("sync_server_trouble", _(
            "The server has trouble of its own. Everything is saved here; the next sync tries again. If it stays so, tell whoever runs the server."))
    if status in (429, 503):
        return NetworkProblem("sync_busy", _("The server is busy. Everything is saved here; the next sync tries again."))
    if not code:
        return _no_desk_server()
    return NetworkProblem("sync_refused", _("The server did not take the call ({code}). Everything is saved here; tell whoever runs the server."), code=code)


def gathering_over_words() -> str:
    """What to say where somebody is invited to a door that is over."""
    return _("Access to this gathering’s door is over already, a day after its end, so nobody was invited. Choose the one that is held; if its date is "
             "another now, sync first.")


def _of_people() -> dict[str, str]:
    """What the server says no to where people and laptops are looked after."""
    return {
        "role": _("This laptop may not invite anybody to that. A leader invites leaders and volunteers at the door, the network’s admin anybody."),
        "hours": _("An invitation is valid for 1 hour to 60 days."),
        "gathering": _("A volunteer at the door is invited to one gathering, anybody else to none."),
        "no_such_gathering": _("The server does not know this gathering yet. Sync first, then invite."),
        "gathering_over": gathering_over_words(),
        "no_such_invitation": _("The server does not know this invitation any more."),
        "admin_invitation": _("Only a network admin, or whoever made it, takes back an invitation to every chapter. It stays as it is."),
        "too_many_invitations": _("This chapter has 500 open invitations. Cancel some first."),
        "no_such_parcel": _("That is not set aside any more."),
        "looked_at": _("Somebody has looked at that already."),
        "no_grant_there": _("This laptop does not look after that chapter, so nobody was moved there. The network’s admin can move them."),
        "no_such_person": _("They are not in this chapter any more: somebody moved, removed or erased them meanwhile. Nobody was moved now."),
        "no_such_chapter": _("The server has no such chapter any more, so nobody was moved. Look at the list of chapters again."),
        "group_changed": _("Meanwhile this entry was merged with another one, or taken apart, so nobody was moved. Look at it again, then move it."),
        "left_already": _("That laptop has left already: it gets nothing more, and what it still has to send is taken in. Nothing was changed."),
        "last_leader": _("Nobody else looks after this chapter. Invite your successor first: hand-over."),
    }


def milliseconds_now() -> int:
    """The time here, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
