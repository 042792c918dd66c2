"""How much, how deep, how often and how slowly: each has an end, and a sentence's code."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvicorn
import zstandard

from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.messages import BODY_LIMIT, HelloRequest, PushReply, PushRequest
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.server.app import make_app
from alumni_desk.server.bodies import STRANGERS_LIMIT
from alumni_desk.server.certificates import own_certificate
from alumni_desk.server.connections import Patient, PatientServer
from alumni_desk.server.limits import Limiter
from alumni_desk.server.refusals import Refusal


def bomb(encoding: str) -> bytes:
    """64 MiB of nothing in a small body."""
    if encoding == "gzip":
        return gzip.compress(bytes(64 << 20), 9)
    return zstandard.ZstdCompressor(level=19).compress(bytes(64 << 20))


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_refused_before_it_goes_off(office: Any, encoding: str) -> None:
    laptop = office.laptop()
    packed = bomb(encoding)
    assert len(packed) < 100_000
    for name in ("push", "hello"):
        assert office.ask(name, packed, laptop.token, **{"content-encoding": encoding}).code == "too_large"
    assert office.ask("enrol", packed[:STRANGERS_LIMIT], None, **{"content-encoding": encoding}).code in ("too_large", "unreadable")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_that_was_cut_off_is_unreadable(office: Any, encoding: str) -> None:
    laptop = office.laptop()
    whole = msgspec.msgpack.encode(laptop.parcels(*(laptop.operation(last_name=f"Name {n}") for n in range(50))))
    packed = gzip.compress(whole) if encoding == "gzip" else zstandard.ZstdCompressor().compress(whole)
    for length in (0, 1, 10, len(packed) // 2, len(packed) - 1):
        assert office.ask("push", packed[:length], laptop.token, **{"content-encoding": encoding}).code == "unreadable"


@pytest.mark.parametrize("body", [b"\x91" * 2_000_000, b"\x81\xa4more" + b"\x91" * 2_000_000, b"\x81\xa7parcels" + b"\x91" * 2_000_000,
                                  b"\x81" * 2_000_000, b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\x81\xa7parcels\xdd\x7f\xff\xff\xff"])
def test_depth_and_lengths_that_lie_are_unreadable(office: Any, body: bytes) -> None:
    laptop = office.laptop()
    for name in ("push", "pull", "hello"):
        assert office.ask(name, body, laptop.token).code == "unreadable"


def test_whoever_has_no_session_may_send_little(office: Any) -> None:
    for name in ("enrol", "challenge", "session"):
        assert office.ask(name, b"x" * (STRANGERS_LIMIT + 1)).code == "too_large"
    assert office.ask("push", b"x" * (BODY_LIMIT + 1), "no token").code == "no_session"


def test_operations_and_parcels_are_counted(office: Any) -> None:
    laptop = office.laptop()

    def parcel(count: int) -> Any:
        pieces = [Piece(one.id, one.transaction, body_of(one)) for one in (laptop.operation(last_name="A") for _ in range(count))]
        return sign_parcel(laptop.key, server=laptop.server, device=laptop.device, scope=laptop.scope, audience="chapter", pieces=pieces)

    assert office.ask("push", PushRequest([parcel(501)]), laptop.token).code == "too_many"
    assert office.ask("push", PushRequest([parcel(500)] * 9), laptop.token).code == "too_many"
    assert office.ask("push", PushRequest([parcel(0)]), laptop.token).code == "empty"
    assert office.ask("push", PushRequest([]), laptop.token).code == "scopes"
    assert len(laptop.rows()) == 1


def test_long_names_and_ids_are_cut_or_refused(office: Any) -> None:
    laptop = office.laptop()
    long = "Ł" * 5_000 + "\0"
    office.call("hello", HelloRequest(version=long, who=long, device=long, waiting=2**63 - 1), msgspec.Raw, laptop.token)
    assert office.client.request("POST", "/sync/v1/devices/a\0b/revoke", msgspec.msgpack.encode(HelloRequest()),
                                 {"authorization": f"Bearer {laptop.token}"})[0] == 403
    huge = laptop.operation(**{f"field{n}": "x" * 60_000 for n in range(5)})
    assert office.call("push", laptop.parcels(huge), PushReply, laptop.token).results[0].reason == "too_large"


def test_a_bucket_empties_fills_and_says_when() -> None:
    now = [0.0]
    limiter = Limiter(2.0, clock=lambda: now[0])
    for _ in range(10):
        limiter.take("one")
    with pytest.raises(Refusal) as refused:
        limiter.take("one")
    assert (refused.value.status, refused.value.retry_after) == (429, 1)
    limiter.take("another")
    now[0] += 1.0
    limiter.take("one")
    limiter.take("one")
    with pytest.raises(Refusal):
        limiter.take("one")


def test_a_laptop_that_calls_too_often_waits_and_others_do_not(office: Any) -> None:
    one, other = office.laptop(), office.laptop()
    office.client.app = make_app(office.server, office.time, rate=0.2, strangers_rate=0.2)
    assert office.ask("hello", HelloRequest(), one.token).status == 200
    answer = office.ask("hello", HelloRequest(), one.token)
    assert (answer.status, answer.code) == (429, "too_often") and int(answer.retry_after) in range(1, 6)
    assert office.ask("hello", HelloRequest(), other.token).status == 200
    assert office.ask("hello", HelloRequest(), "no token").status == 401
    for name in ("hello", "enrol", "challenge"):
        answer = office.ask(name, HelloRequest(), "no token")
        assert (answer.status, answer.code) == (429, "too_often")
    assert office.ask("hello", HelloRequest(), one.token).status == 429


class Impatient(Patient):
    """Half a second for everything."""

    head_seconds = 0.5
    fetch_seconds = 0.5


class ImpatientServer(PatientServer):
    """For the handshake, too."""

    handshake_seconds = 0.5


@contextlib.contextmanager
def listening(app: Any, folder: Path | None = None) -> Iterator[int]:
    """An application behind real sockets; gives its port. ``folder``: encrypted, with its own certificate there."""
    certificate, key = own_certificate(folder, "127.0.0.1") if folder else (None, None)
    server = ImpatientServer(uvicorn.Config(app, http=Impatient, ws="none", log_config=None, lifespan="off", access_log=False,
                                            ssl_certfile=certificate, ssl_keyfile=key))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def impatient(office: Any) -> Iterator[int]:
    """The real application with little patience."""
    with listening(make_app(office.server)) as port:
        yield port


def test_an_answer_that_nobody_fetches_is_cut() -> None:
    size = 64 << 20

    async def much(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(size).encode())]})
        await send({"type": "http.response.body", "body": bytes(size)})

    with listening(much) as port, socket.create_connection(("127.0.0.1", port)) as connection:
        connection.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert connection.recv(1).startswith(b"H")
        threading.Event().wait(2.0)  # this is what the test is about: a client that does nothing
        fetched, connection_ended = 1, False
        connection.settimeout(5)
        while fetched < size and not connection_ended:
            try:
                part = connection.recv(1 << 20)
                fetched, connection_ended = fetched + len(part), not part
            except ConnectionError:
                connection_ended = True
        assert connection_ended and fetched < size


def cut_after(connection: socket.socket, trickle: bytes) -> float:
    """Send a byte now and then until the other side hangs up; how long that took."""
    began = time.monotonic()
    connection.settimeout(0.1)
    for n in range(100):
        try:
            connection.send(trickle[n % len(trickle):][:1])
            if not connection.recv(1):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        pytest.fail("never cut")
    return time.monotonic() - began


def hung_up(connection: socket.socket) -> bool:
    """Whether the other side ended it, in whatever way a system tells."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("database", ["sqlcipher"], indirect=True)
def test_a_head_that_trickles_in_is_cut_and_others_are_served_meanwhile(impatient: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", impatient)) for _ in range(20)]
    for one in slow:
        one.send(b"POST /sync/v1/hello HTTP/1.1\r\nx: ")
    with socket.create_connection(("127.0.0.1", impatient)) as quick:
        quick.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert quick.recv(100).startswith(b"HTTP/1.1 200")
    assert cut_after(slow[0], b"x") < 3
    for one in slow:
        one.settimeout(5)
        assert hung_up(one)
        one.close()


@pytest.mark.parametrize("database", ["sqlcipher"], indirect=True)
@pytest.mark.parametrize("begun", [b"", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_a_handshake_that_does_not_begin_or_end_is_cut_and_others_are_served_meanwhile(office: Any, tmp_path: Path, begun: bytes) -> None:
    with listening(make_app(office.server), tmp_path) as port:
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        for one in slow:
            one.sendall(begun)
        trusting = ssl.create_default_context(cafile=tmp_path / "server-cert.pem")
        with socket.create_connection(("127.0.0.1", port)) as bare, trusting.wrap_socket(bare, server_hostname="localhost") as quick:
            quick.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert quick.recv(100).startswith(b"HTTP/1.1 200")
        for one in slow:
            one.settimeout(5)
            assert hung_up(one)
            one.close()


@pytest.mark.parametrize("database", ["sqlcipher"], indirect=True)
def test_a_second_request_that_trickles_in_is_cut_too(impatient: int) -> None:
    with socket.create_connection(("127.0.0.1", impatient)) as connection:
        connection.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert cut_after(connection, b"GET /" + b"a" * 95) < 3


@pytest.mark.parametrize("database", ["sqlcipher"], indirect=True)
def test_a_head_without_an_end_is_cut_and_a_body_is_not_taken_for_one(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Impatient, "head_seconds", 30.0)
    with listening(make_app(office.server)) as port:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(10)
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"GET /healthz HTTP/1.1\r\n")
                for n in range(64):
                    connection.sendall(f"x-{n}: ".encode() + b"x" * 1_000 + b"\r\n")
            assert hung_up(connection)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.settimeout(10)
            connection.sendall(b"POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 65536\r\n\r\n")
            answer = b""
            while b"no_such_call" not in answer:
                part = connection.recv(1000)
                assert part, answer
                answer += part
            for _n in range(64):
                connection.sendall(bytes(1024))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("database", ["sqlcipher"], indirect=True)
def test_a_body_that_trickles_in_is_cut(impatient: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from alumni_desk.server import bodies

    monkeypatch.setattr(bodies.read_body, "__kwdefaults__", {"grace": 0.5})
    with socket.create_connection(("127.0.0.1", impatient)) as connection:
        connection.send(b"POST /sync/v1/challenge HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n")
        connection.settimeout(0.1)
        answer = b""
        for _ in range(100):
            try:
                connection.send(b"x")
                part = connection.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                break
            answer += part
            if not part:
                break
        assert answer.startswith(b"HTTP/1.1 408"), answer

