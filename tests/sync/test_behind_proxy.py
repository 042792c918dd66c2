"""A server behind a proxy that is not on its computer, as in another container: that alone may speak to it."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.cli.main import run
from alumni_desk.server.hosts import is_loopback, may_speak, peer_address, read_networks
from alumni_desk.sync.venue.places import address_for_others


@pytest.mark.parametrize(("proxies", "said"), [
    (["8.8.8.8"], "private network alone"), (["0.0.0.0/0"], "private network alone"), (["10.89.0.5", "::/0"], "private network alone"),
    (["10.89.0.5/24"], "no address that --proxy-from takes"), (["proxy"], "no address that --proxy-from takes")])
def test_only_a_private_network_is_taken_for_a_proxy_that_is_spoken_to_in_the_clear(proxies: list[str], said: str, tmp_path: Path,
                                                                                    capsys: pytest.CaptureFixture[str]) -> None:
    words = [word for one in proxies for word in ("--proxy-from", one)]
    assert run(["--profile", str(tmp_path / "office"), "serve", "--host", "0.0.0.0", "--port", "0", *words]) == 1
    told = capsys.readouterr().err.strip()
    assert said in told and len(told.splitlines()) == 1


def test_the_proxy_alone_may_speak_to_a_server_behind_it(make_server: Any) -> None:
    """From this computer's own address on its network, as a proxy in another container comes; what a proxy says of whom it speaks for counts."""
    own = address_for_others()
    if peer_address(own) is None or is_loopback(own) or not read_networks([own])[0].is_private:
        pytest.skip("this computer is in no private network")
    server = make_server(None, ["--host", "0.0.0.0", "--proxy-from", "10.255.255.254", "--proxy-from", own])
    made = server.run("server", "invite", "--chapter", "Boston", "--role", "leader")
    assert made["url"] is None and made["fingerprint"] is None
    assert status(own, server.port, "/healthz") == status("127.0.0.1", server.port, "/healthz") == 200
    assert status(own, server.port, "/metrics") == 403 and status(own, server.port, "/metrics", {"X-Forwarded-For": "127.0.0.1"}) == 200
    server.stop()
    server.extra = ["--host", "0.0.0.0", "--proxy-from", "10.255.255.254"]
    server.start()
    assert status(own, server.port, "/healthz") is None, "cut, and not answered"
    assert status(own, server.port, "/healthz", {"X-Forwarded-For": "10.255.255.254"}) is None
    assert status("127.0.0.1", server.port, "/healthz") == 200  # what looks after it on its own computer
    assert server.stop() == 0


def status(host: str, port: int, path: str, headers: dict[str, str] | None = None) -> int | None:
    """What is answered; None where the connection is cut."""
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    except (ConnectionError, http.client.RemoteDisconnected):
        return None
    finally:
        connection.close()


@pytest.mark.parametrize(("peer", "lets_in"), [("10.89.0.7", True), ("::ffff:10.89.0.7", True), ("10.89.1.7", False), ("::ffff:10.89.1.7", False),
                                               ("127.0.0.1", True), ("::ffff:127.0.0.1", True), ("::1", True), ("fd00::2", True),
                                               ("fd00::3", False), ("", False)])
def test_whom_a_server_behind_proxies_listens_to(peer: str, lets_in: bool) -> None:
    assert may_speak(peer_address(peer), read_networks(["10.89.0.0/24", "[fd00::2]"])) == lets_in
