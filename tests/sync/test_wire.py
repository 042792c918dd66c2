"""A line that breaks: whatever a server sends before it dies, the desk says one sentence."""

from __future__ import annotations

import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.protocol.messages import Trouble, pack
from alumni_desk.sync import wire as lines
from alumni_desk.sync.address import read_address
from alumni_desk.sync.wire import Wire

Dying = Callable[[bytes], str]


@pytest.fixture
def dying_server() -> Iterator[Dying]:
    """Starts a server that answers the first call with the given bytes and closes. Gives its address."""
    threads = []

    def start(answer: bytes) -> str:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.settimeout(20)

        def serve() -> None:
            with listening:
                line, _peer = listening.accept()
                with line:
                    line.settimeout(20)
                    line.recv(1 << 16)
                    line.sendall(answer)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for thread in threads:
        thread.join(20)


def test_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    wire = Wire(read_address(url))
    with pytest.raises(NetworkProblem) as raised:
        wire.call("hello", Trouble(code=""), Trouble)
    wire.close()
    assert raised.value.code == "sync_unreachable"


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    b"HTTP/1.1 two hundred\r\n\r\n",
    b"",
], ids=["short", "chunk cut", "chunk broken", "head broken", "nothing"])
def test_a_server_that_dies_in_mid_answer(dying_server: Dying, answer: bytes) -> None:
    wire = Wire(read_address(dying_server(answer)))
    with pytest.raises(NetworkProblem) as raised:
        wire.call("hello", Trouble(code=""), Trouble)
    wire.close()
    assert raised.value.code == "sync_unreachable" and "cannot be reached" in str(raised.value)


def test_over_a_slow_line_a_call_takes_as_long_as_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(lines, "READ_SECONDS", 0.3)
    monkeypatch.setattr(lines, "SLOW", 1 << 21)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    said = random.Random(7).randbytes(1 << 22).hex()  # what no packing makes small
    answer = pack(Trouble(code="heard"))

    def serve() -> None:
        with listening, listening.accept()[0] as line:
            line.settimeout(20)
            head = line.recv(1 << 14)
            length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
            left = length - len(head.partition(b"\r\n\r\n")[2])
            begun = time.monotonic()
            while left > 0:
                left -= len(line.recv(1 << 16))
                time.sleep(max(0.0, begun + 1.5 * (length - left) / length - time.monotonic()))  # as the line has it: five times as long as one piece may take
            line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(answer), answer))

    server = threading.Thread(target=serve)
    server.start()
    wire = Wire(read_address(f"http://127.0.0.1:{listening.getsockname()[1]}"))
    assert wire.call("push", Trouble(code=said), Trouble).code == "heard"
    wire.close()
    server.join(20)


def test_an_answer_may_take_longer_than_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CONNECT_SECONDS", 0.1)
    listening = socket.create_server(("127.0.0.1", 0))
    answer = pack(Trouble(code="heard"))

    def serve() -> None:
        with listening, listening.accept()[0] as line:
            line.settimeout(20)
            for _call in range(2):  # the second on the same connection
                line.recv(1 << 14)
                time.sleep(0.3)
                line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(answer), answer))

    server = threading.Thread(target=serve)
    server.start()
    wire = Wire(read_address(f"http://127.0.0.1:{listening.getsockname()[1]}"))
    for _call in range(2):
        assert wire.call("pull", Trouble(code=""), Trouble).code == "heard"
    wire.close()
    server.join(20)


def test_a_second_line_ends_with_the_first() -> None:
    wire = Wire(read_address("http://127.0.0.1:9"))
    other = wire.beside()
    wire.stop()
    with pytest.raises(KnownError) as raised:
        other.call("push", Trouble(code=""), Trouble)
    assert raised.value.code == "sync_stopped"
    late = wire.beside()
    with pytest.raises(KnownError) as raised:
        late.call("push", Trouble(code=""), Trouble)
    assert raised.value.code == "sync_stopped"
    for line in (wire, other, late):
        line.close()
