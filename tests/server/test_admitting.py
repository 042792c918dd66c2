"""Who is let in by a leader's laptop without internet, and by whose the server takes nobody any more."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from nacl.signing import SigningKey

from alumni_desk.protocol.certificates import certify
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import ChallengeReply, ChallengeRequest, Done, HelloReply, HelloRequest, ScopeRequest, SessionReply, SessionRequest
from alumni_desk.protocol.proofs import session_proof
from alumni_desk.server.admitting import STILL

from .conftest import Laptop


@pytest.mark.parametrize("when", ["leads", "that_evening", "long_after", "removed"])
def test_who_is_let_in_by_a_leader(office: Any, when: str) -> None:
    """A leader who left could otherwise let in whom they like, with a certificate that holds for weeks."""
    leader, other = office.laptop(), office.laptop()
    gathering = uuid7()
    other.push(other.operation("gathering", gathering, name="Dinner", starts="2026-11-12T18:30", ends="2026-11-12T21:00", time_zone="UTC"), audience=gathering)
    [own] = office.call("hello", HelloRequest(), HelloReply, leader.token).certificates
    if when == "removed":
        office.call(f"devices/{leader.device}/revoke", HelloRequest(), msgspec.Raw, other.token)
    elif when != "leads":
        office.call("leave", ScopeRequest(leader.scope), Done, leader.token)
        office.time.now += STILL - 1_000 if when == "that_evening" else STILL + 1_000
    door = Laptop(office, SigningKey.generate(), leader.server, uuid7(), leader.scope)
    told = certify(leader.key, server=leader.server, device=door.device, public_key=bytes(door.key.verify_key), who="Tom", name="Tom’s laptop",
                   scope=leader.scope, role="door", gathering=gathering, until=office.time() + STILL, issued=own.issued, issuer=leader.device)
    challenge = office.call("challenge", ChallengeRequest(device=door.device), ChallengeReply).challenge
    proof = session_proof(door.key, server=door.server, device=door.device, challenge=challenge)
    door.token = office.call("session", SessionRequest(door.device, challenge, proof, [told, own]), SessionReply).token
    said = office.call("hello", HelloRequest(), HelloReply, door.token)
    if when in ("leads", "that_evening"):
        assert [(one.role, one.gathering) for one in said.grants] == [("door", gathering)] and not said.commands
    else:
        assert not said.grants and said.commands == ["wipe"]
