"""Two processes of one server that do something with the same laptop in the same moment: what the one commits while the other waits counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from nacl.signing import SigningKey

from alumni_desk.protocol.certificates import certify
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    Certificate,
    ChallengeRequest,
    HelloReply,
    HelloRequest,
    PushReply,
    PushRequest,
    SessionRequest,
)
from alumni_desk.protocol.proofs import session_proof
from alumni_desk.protocol.sealing import seal, unseal
from alumni_desk.protocol.venue_keys import gathering_key, keys_of
from alumni_desk.server import accounts, feed
from alumni_desk.server.accounts import begin_session
from alumni_desk.server.identity import chapter_key

from .conftest import Laptop

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""A server on a file is one process, and writes one thing after the other."""


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Any]) -> None:
    """Whoever holds a chapter's head next has to wait for it until this is done and committed."""
    hold = feed.lock_head

    def wait(*asked: Any) -> Any:
        monkeypatch.setattr(feed, "lock_head", hold)
        work()
        return hold(*asked)

    monkeypatch.setattr(feed, "lock_head", wait)


def let_in(office: Any) -> tuple[Any, Laptop, list[Certificate]]:
    """A leader's laptop, and one that it let in at the door of a gathering, with its chain of certificates: the server has not heard of it."""
    leader, gathering = office.laptop(), uuid7()
    leader.push(leader.operation("gathering", gathering, name="Dinner", starts="2026-11-12T18:30", ends="2026-11-12T21:00", time_zone="UTC"))
    [own] = office.call("hello", HelloRequest(), HelloReply, leader.token).certificates
    door = Laptop(office, SigningKey.generate(), leader.server, uuid7(), leader.scope)
    told = certify(leader.key, server=leader.server, device=door.device, public_key=bytes(door.key.verify_key), who="Tom", name="Tom’s laptop",
                   scope=leader.scope, role="door", gathering=gathering, until=office.time() + 3_600_000, issued=own.issued, issuer=leader.device)
    return leader, door, [told, own]


def test_what_is_brought_of_whoever_was_let_in_at_a_venue_counts_though_they_come_in_that_moment(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, door, chain = let_in(office)
    gathering = str(chain[0].gathering)
    came = door.operation("fact", kind="in", gathering=gathering, at="2026-11-12T18:30:00Z")
    keys = keys_of({"gathering": gathering_key(chapter_key(office.server, leader.scope), gathering)}, gathering)
    parcels = [seal(one, keys, door.key) for one in door.parcels(came, audience=gathering).parcels]

    def comes() -> None:
        challenge = accounts.challenge(office.server, ChallengeRequest(device=door.device), office.time()).challenge
        proof = session_proof(door.key, server=door.server, device=door.device, challenge=challenge)
        begin_session(office.server, SessionRequest(door.device, challenge, proof, chain), office.time())

    meanwhile(monkeypatch, comes)
    [answer] = office.call("push", PushRequest([], relayed=parcels, chains=[chain]), PushReply, leader.token).relayed
    assert (answer.status, [one.status for one in answer.results]) == ("taken", ["ok"])


def test_what_is_brought_of_a_laptop_that_is_removed_in_that_moment_is_set_aside(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, other = office.laptop(), office.laptop()
    guest = other.operation(last_name="Ray")
    keys = keys_of(office.call("hello", HelloRequest(), HelloReply, other.token).grants[0].keys, None)
    parcels = [seal(one, keys, other.key) for one in other.parcels(guest).parcels]

    def removed(*asked: Any) -> Any:
        with office.server.database.writing() as connection:
            accounts.remove(office.server, connection, other.device, office.time(), by=leader.device)
        return unseal(*asked)

    monkeypatch.setattr("alumni_desk.server.relaying.unseal", removed)
    [answer] = office.call("push", PushRequest([], relayed=parcels), PushReply, leader.token).relayed
    assert (answer.status, answer.reason) == ("quarantined", "revoked") and ("person", guest.row) not in leader.rows()


def test_of_two_leaders_who_remove_each_other_one_stays(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nobody would look after the chapter any more."""
    one, two = office.laptop(), office.laptop()

    def removed() -> None:
        with office.server.database.writing() as connection:
            accounts.remove(office.server, connection, one.device, office.time(), by=two.device)

    meanwhile(monkeypatch, removed)
    assert office.ask(f"devices/{two.device}/revoke", HelloRequest(), one.token).code == "revoked"
    assert office.call("hello", HelloRequest(), HelloReply, two.token).commands == []
