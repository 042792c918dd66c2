"""A line that breaks: whatever a server sends before it dies, the desk says one sentence."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from alumni_desk.errors import NetworkProblem
from alumni_desk.protocol.messages import Trouble
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
