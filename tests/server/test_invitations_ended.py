"""Whoever loses access comes back with no invitation of their own making, on both kinds of database."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.protocol.certificates import certify
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    ChallengeReply,
    ChallengeRequest,
    Done,
    EnrolReply,
    EnrolRequest,
    HelloReply,
    HelloRequest,
    InvitationsReply,
    InviteReply,
    InviteRequest,
    LaptopRow,
    LaptopsReply,
    PullRequest,
    ScopeRequest,
    SessionReply,
    SessionRequest,
)
from alumni_desk.protocol.proofs import enrol_proof, session_proof
from alumni_desk.server import accounts, audit, inviting
from alumni_desk.server.accounts import caller
from alumni_desk.server.refusals import Refusal


def invited(laptop: Any, **more: Any) -> InviteReply:
    """An invitation that this laptop makes, to lead unless it is said otherwise."""
    request = InviteRequest(**{"scope": laptop.scope, "role": "leader", **more})
    made: InviteReply = laptop.office.call("invite", request, InviteReply, laptop.token)
    return made


def asking(code: str, key: SigningKey | None = None, **more: Any) -> EnrolRequest:
    """A call with this code."""
    key = key or SigningKey.generate()
    return EnrolRequest(code=code, public_key=bytes(key.verify_key), name="laptop", proof=enrol_proof(key, code), **more)


def states(laptop: Any) -> dict[str, bool]:
    """Which invitations there are, and whether each is open, as this laptop is told."""
    listed = laptop.office.call("invitations", ScopeRequest(laptop.scope), InvitationsReply, laptop.token).invitations
    return {one.id: one.cancelled is None and one.used is None for one in listed}


def row_of(laptop: Any, device: str) -> LaptopRow:
    """A laptop of the chapter as this one is told of it."""
    listed = laptop.office.call("laptops", ScopeRequest(laptop.scope), LaptopsReply, laptop.token).laptops
    return next(one for one in listed if one.device == device)


def last_note(office: Any, event: str) -> dict[str, Any]:
    """What the audit, which must be whole, says of this."""
    with office.server.database.reading() as connection:
        assert not audit.check(connection, office.server.tables).broken
        found = [row.details for row in audit.newest(connection, office.server.tables, None, 500) if row.event == event]
    return dict(json.loads(found[0]))


def remove(leader: Any, other: Any) -> None:
    """As a leader does."""
    leader.office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)


def remove_at_the_server(leader: Any, other: Any) -> None:
    """As whoever looks after the server does."""
    server = leader.office.server
    with server.database.writing() as connection:
        assert accounts.remove(server, connection, other.device, leader.office.time(), by=None) == 3


def leave(leader: Any, other: Any) -> None:
    """The laptop leaves by itself."""
    leader.office.call("leave", ScopeRequest(other.scope), Done, other.token)


def hand_over(leader: Any, other: Any) -> None:
    """Its successor joins."""
    made = invited(other, hand_over=True)
    successor = leader.office.call("enrol", asking(made.code), EnrolReply)
    assert successor.device, "the successor’s own invitation is good until then"


def become_a_door(leader: Any, other: Any) -> None:
    """The same device is let in at a door, and leads no more."""
    made = invited(leader, role="door", gathering=planned(leader))
    leader.office.call("enrol", asking(made.code, other.key), EnrolReply)


def planned(laptop: Any) -> str:
    """A gathering."""
    gathering = laptop.operation("gathering", name="Dinner", status="planned")
    laptop.push(gathering)
    return str(gathering.row)


@pytest.mark.parametrize(("end", "event"), [(remove, "revoke"), (remove_at_the_server, "revoke"), (leave, "leave"), (hand_over, "handed_over"),
                                            (become_a_door, "enrol")])
def test_the_open_invitations_of_a_laptop_end_with_its_access(office: Any, end: Callable[[Any, Any], None], event: str) -> None:
    leader, other = office.laptop(), office.laptop()
    evil, door, over = invited(other), invited(other, role="door", gathering=planned(other)), invited(other, hand_over=True)
    kept, at_the_server = invited(leader), office.invite()
    used = invited(other)
    friend = office.call("enrol", asking(used.code), EnrolReply)
    assert row_of(leader, other.device).invitations == 3 and row_of(leader, friend.device).invitations == 0
    end(leader, other)
    for code in (evil.code, evil.long, door.code, over.long):
        assert office.ask("enrol", asking(code)).code == "invitation_cancelled"
        assert office.ask("enrol", asking(code, look=True)).code == "invitation_cancelled"
    assert sorted(last_note(office, event)["invitations"]) == sorted([evil.id, door.id, over.id])
    there = states(leader)
    assert {one for one, is_open in there.items() if is_open} >= {kept.id} and not any(there[one.id] for one in (evil, door, over))
    if event != "enrol":
        assert row_of(leader, other.device).invitations == 3, "as many as ended with it"
    for code in (kept.code, at_the_server):
        assert office.call("enrol", asking(code), EnrolReply).device


def test_what_ended_or_was_used_before_is_not_counted(office: Any) -> None:
    leader, other = office.laptop(), office.laptop()
    first, late = invited(other), invited(other, hours=1)
    office.call(f"invitations/{first.id}/cancel", ScopeRequest(other.scope), InvitationsReply, other.token)
    office.time.now += 2 * 3_600_000
    other.begin()
    leader.begin()
    assert row_of(leader, other.device).invitations == 0
    remove(leader, other)
    assert "invitations" not in last_note(office, "revoke") and row_of(leader, other.device).invitations == 0
    assert office.ask("enrol", asking(first.code)).code == "invitation_cancelled"
    assert office.ask("enrol", asking(late.code)).code == "invitation_expired"


def test_a_network_admins_invitations_end_in_every_chapter(office: Any) -> None:
    leader, elsewhere = office.laptop(), office.laptop("Zürich")
    admin, second = office.laptop(role="admin"), office.laptop(role="admin")
    made = [invited(admin, scope=scope, role=role) for scope in (leader.scope, elsewhere.scope) for role in ("admin", "leader")]
    remove(second, admin)
    assert [office.ask("enrol", asking(one.code)).code for one in made] == ["invitation_cancelled"] * 4


def test_whoever_is_removed_while_inviting_has_made_none(office: Any) -> None:
    leader, other = office.laptop(), office.laptop()
    with office.server.database.reading() as connection:
        who = caller(office.server, connection, other.device, office.time())
    remove(leader, other)
    with pytest.raises(Refusal) as refused:
        inviting.invite(office.server, who, InviteRequest(other.scope, "leader"), office.time())
    assert refused.value.code == "no_grant"


def test_what_a_laptop_made_before_an_older_server_removed_it_lets_nobody_in(office: Any) -> None:
    leader, other = office.laptop(), office.laptop()
    made = invited(other)
    device = office.server.tables.tables["device"]
    with office.server.database.writing() as connection:  # that one ended nothing with it
        connection.execute(sa.update(device).where(device.c.id == other.device).values(revoked_at=office.time()))
    assert office.ask("enrol", asking(made.code)).code == "invitation_cancelled"
    assert states(leader)[made.id] is False


def test_what_a_laptop_made_before_it_joined_anew_ends_with_what_it_is_now(office: Any) -> None:
    leader, other = office.laptop(), office.laptop()
    made, again = invited(other), SigningKey.generate()
    code = office.invite()
    proof = enrol_proof(other.key, code)
    anew = office.call("enrol", asking(code, again, former=other.device, former_proof=proof), EnrolReply)
    assert (row_of(leader, other.device).invitations, row_of(leader, anew.device).invitations) == (0, 1)
    office.call(f"devices/{anew.device}/revoke", HelloRequest(), HelloReply, leader.token)
    assert office.ask("enrol", asking(made.code)).code == "invitation_cancelled"


def test_whoever_hands_over_and_joins_anew_before_the_successor_comes_hands_over_all_the_same(office: Any) -> None:
    other = office.laptop()
    made, again, code = invited(other, hand_over=True), SigningKey.generate(), office.invite()
    anew = office.call("enrol", asking(code, again, former=other.device, former_proof=enrol_proof(other.key, code)), EnrolReply)
    successor = office.call("enrol", asking(made.code), EnrolReply)
    with office.server.database.reading() as connection:
        there = {one: caller(office.server, connection, one, office.time()) for one in (anew.device, successor.device)}
    assert other.scope in there[successor.device].grants
    assert other.scope in there[anew.device].gone and not there[anew.device].grants


def test_removing_and_joining_at_once_wait_for_each_other(office: Any) -> None:
    leader, other = office.laptop(), office.laptop()
    for _turn in range(5):
        made, code = [invited(other) for _n in range(4)], office.invite()
        together = threading.Barrier(5)
        outcomes: list[str] = []

        def join(code: str, together: threading.Barrier = together, outcomes: list[str] = outcomes) -> None:
            from alumni_desk.server.invitations import enrol

            together.wait()
            try:
                enrol(office.server, asking(code), office.time())
            except Refusal as refusal:
                outcomes.append(refusal.code)
            else:
                outcomes.append("joined")

        threads = [threading.Thread(target=join, args=(one.long,)) for one in made]
        for thread in threads:
            thread.start()
        together.wait()
        with office.server.database.writing() as connection:
            ended = accounts.remove(office.server, connection, other.device, office.time(), by=leader.device)
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == sorted(["invitation_cancelled"] * ended + ["joined"] * (4 - ended))
        other = office.laptop()
        assert office.call("enrol", asking(code), EnrolReply).device


def test_whom_a_removed_leaders_laptop_lets_in_at_a_venue_gets_nothing(office: Any) -> None:
    leader, other = office.laptop(), office.laptop()
    gathering = planned(leader)
    mine = office.call("hello", HelloRequest(), HelloReply, other.token).certificates[0]
    remove(leader, other)
    key, device = SigningKey.generate(), uuid7()
    one = certify(other.key, server=other.server, device=device, public_key=bytes(key.verify_key), who="Evil", name="laptop", scope=other.scope, role="door",
                  gathering=gathering, until=office.time() + 3_600_000, issued=office.time() - 3_600_000, issuer=other.device)
    challenge = office.call("challenge", ChallengeRequest(device=device), ChallengeReply).challenge
    proof = session_proof(key, server=other.server, device=device, challenge=challenge)
    token = office.call("session", SessionRequest(device, challenge, proof, [one, mine]), SessionReply).token
    said = office.call("hello", HelloRequest(), HelloReply, token)
    assert said.commands == ["wipe"] and not said.grants and not said.heads
    assert office.ask("pull", PullRequest({}), token).code == "revoked"
    assert row_of(leader, device).revoked is not None
