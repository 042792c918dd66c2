"""The laptop that keeps the chapter has no address for good: another network, or the same one another day, gives it another one."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace
from tests.sync.hosts import Laptop, Venue, ip, soon

from alumni_desk.protocol.messages import ChallengeReply, ChallengeRequest
from alumni_desk.sync.address import read_address
from alumni_desk.sync.keeper_finding import MARK, SERVICE, look_for, mark_of
from alumni_desk.sync.state import Membership
from alumni_desk.sync.venue.announcing import Announcer
from alumni_desk.sync.venue.places import Place
from alumni_desk.sync.wire import Wire

MakeLaptop = Callable[..., Laptop]
DEVICE = "0197b3a0-0000-7000-8000-000000000001"


def keeper_of(make_laptop: MakeLaptop, venue: Venue) -> Laptop:
    """A laptop with one member, on the venue's first host."""
    keeper = make_laptop("keeper", venue.hosts[0])
    keeper.run("member", "add", "first_name=Kay")
    return keeper


def test_in_a_network_without_a_way_out_the_invitation_carries_the_address_all_the_same(venue: Venue, make_laptop: MakeLaptop) -> None:
    keeper, other = keeper_of(make_laptop, venue), make_laptop("other", venue.host())
    assert urlsplit(keeper.start("keep", "--chapter", "Great Lakes")["url"]).hostname == "10.77.0.1"
    made = keeper.run("invite", "--name", "Sam")
    other.run("join", made["url"], made["code"])
    assert other.run("sync")["waiting"] == 0 and len(other.run("members")) == 1
    keeper.kill(signal.SIGTERM)


def moves(host: str, address: str) -> None:
    """Give a host another address, as a router does another day."""
    for words in (("addr", "flush", "dev", "eth0"), ("addr", "add", f"{address}/24", "dev", "eth0")):
        ip("-n", host, *words)


def test_who_has_joined_finds_the_keeper_at_another_address(venue: Venue, make_laptop: MakeLaptop) -> None:
    keeper, other = keeper_of(make_laptop, venue), make_laptop("other", venue.host())
    keeper.start("keep", "--chapter", "Great Lakes")
    made = keeper.run("invite", "--name", "Sam")
    other.run("join", made["url"], made["code"])
    other.run("sync")
    keeper.kill(signal.SIGTERM)
    moves(venue.hosts[0], "10.77.0.99")
    said = other.run("sync", code=1)
    assert "cannot be reached" in said and "new invitation" in said, said
    keeper.start("keep")
    for address in ("10.77.0.99", "10.77.0.77"):  # started there; and moved while it runs
        moves(venue.hosts[0], address)
        soon(lambda address=address: urlsplit(keeper.run("invite", "--name", "Kim")["url"]).hostname == address)
        keeper.run("member", "add", f"first_name={address}")
        keeper.run("sync")
        other.run("member", "add", "first_name=Ada", f"last_name={address}")
        soon(lambda: subprocess.run(other.words("sync"), capture_output=True, timeout=90, check=False).returncode == 0)
        assert other.run("status")["waiting"] == 0
    assert len(other.run("members")) == 5
    keeper.kill(signal.SIGTERM)


def test_who_has_joined_and_never_synced_finds_the_keeper_at_another_address(venue: Venue, make_laptop: MakeLaptop) -> None:
    keeper, other = keeper_of(make_laptop, venue), make_laptop("other", venue.host())
    keeper.start("keep", "--chapter", "Great Lakes")
    made = keeper.run("invite", "--name", "Sam")
    other.run("join", made["url"], made["code"])
    keeper.kill(signal.SIGTERM)
    assert "The laptop that keeps the chapter cannot be reached" in other.run("sync", code=1)
    moves(venue.hosts[0], "10.77.0.99")
    keeper.start("keep")
    soon(lambda: subprocess.run(other.words("sync"), capture_output=True, timeout=90, check=False).returncode == 0)
    assert len(other.run("members")) == 1
    keeper.kill(signal.SIGTERM)


def test_only_the_certificate_proves_who_is_found(make_server: Any, make_certificate: Any) -> None:
    server = make_server(extra=make_certificate("own"))
    url, _hash, pin = server.url.partition("#sha256=")
    port = urlsplit(url).port
    line = Wire(read_address(server.url))
    answer = line.call("challenge", ChallengeRequest(device=DEVICE), ChallengeReply)
    line.close()
    there = Membership(url="https://10.77.0.1:8413", fingerprint=pin, server=answer.server, device=DEVICE, key=b"", scope="", scope_name="", role="leader")
    announcer = Announcer(SERVICE, Place("127.0.0.1", port), {MARK: mark_of(answer.server)}, on=["127.0.0.1"])
    never = threading.Event().wait
    try:
        found = look_for(there, never, seconds=30, on=["127.0.0.1"])
        assert found is not None and (found.url, found.fingerprint) == (f"https://127.0.0.1:{port}", pin)
        for other in (replace(there, fingerprint="0" * 64), replace(there, server="another"), replace(there, url=found.url)):
            assert look_for(other, never, on=["127.0.0.1"]) is None
    finally:
        announcer.stop()
