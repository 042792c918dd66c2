"""Who gets in, with what, and what strangers are told: a code and nothing else."""

from __future__ import annotations

import gzip
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from alumni_desk.protocol.codes import new_invitation
from alumni_desk.protocol.messages import (
    BODY_LIMIT,
    ChallengeReply,
    ChallengeRequest,
    Cursor,
    EnrolReply,
    EnrolRequest,
    HelloReply,
    HelloRequest,
    PullRequest,
    PushReply,
    SessionRequest,
    pack,
)
from alumni_desk.protocol.proofs import enrol_proof, session_proof
from alumni_desk.server.accounts import CHALLENGE_LASTS, TOKEN_LASTS
from alumni_desk.server.bulk import MANY
from alumni_desk.server.invitations import FAILURES_A_MINUTE, VALID


def asking(code: str, key: SigningKey | None = None) -> EnrolRequest:
    """A request to enrol with a code."""
    key = key or SigningKey.generate()
    return EnrolRequest(code=code, public_key=bytes(key.verify_key), name="laptop", proof=enrol_proof(key, code))


def test_the_same_code_with_the_same_key_repeats_its_answer_and_with_another_it_is_used(office: Any) -> None:
    code, key = office.invite(), SigningKey.generate()
    first = office.call("enrol", asking(code, key), EnrolReply)
    again = office.call("enrol", asking(code, key), EnrolReply)
    assert (again.device, again.grants) == (first.device, first.grants)
    assert [grant.role for grant in first.grants] == ["leader"] and first.grants[0].scope_name == "Boston"
    assert office.ask("enrol", asking(code)).code == "invitation_used"


def test_a_wrong_code_an_ended_one_and_a_stolen_proof(office: Any) -> None:
    assert office.ask("enrol", asking(new_invitation())).code == "invitation_wrong"
    assert office.ask("enrol", asking("hello")).code == "invitation_wrong"
    code = office.invite()
    stolen = msgspec.structs.replace(asking(code), public_key=bytes(SigningKey.generate().verify_key))
    assert office.ask("enrol", stolen).code == "forged"
    office.time.now += VALID + 1
    assert office.ask("enrol", asking(code)).code == "invitation_expired"


def test_whoever_the_server_does_not_know_any_more_is_not_called_removed(office: Any) -> None:
    laptop = office.laptop()
    with office.server.database.writing() as connection:  # as if a backup of the day before had been put back
        connection.execute(sa.delete(office.server.tables.tables["device"]))
    for name, message in (("hello", HelloRequest()), ("pull", PullRequest({laptop.scope: Cursor()})),
                          ("push", laptop.parcels(laptop.operation(last_name="Silva")))):
        answer = office.ask(name, message, laptop.token)
        assert (answer.status, answer.code) == (401, "no_session"), name


def test_ten_wrong_codes_a_minute_are_enough_for_all(office: Any) -> None:
    good = office.invite()
    for _ in range(FAILURES_A_MINUTE):
        assert office.ask("enrol", asking(new_invitation())).status == 403
    answer = office.ask("enrol", asking(good))
    assert (answer.status, answer.code, answer.retry_after) == (429, "too_many_tries", "60")
    office.time.now += 61_000
    assert office.ask("enrol", asking(good)).status == 200


def test_the_chapter_is_found_by_name_or_made(office: Any) -> None:
    scopes = {office.laptop(chapter).scope for chapter in ("Boston", "  boston ", "Zürich")}
    assert len(scopes) == 2


def test_a_session_wants_the_devices_own_signature_in_time(office: Any) -> None:
    laptop, other = office.laptop(), office.laptop()
    challenge = office.call("challenge", ChallengeRequest(device=laptop.device), ChallengeReply).challenge
    theirs = session_proof(other.key, server=laptop.server, device=laptop.device, challenge=challenge)
    own = session_proof(laptop.key, server=laptop.server, device=laptop.device, challenge=challenge)
    assert office.ask("session", SessionRequest(laptop.device, challenge, theirs)).code == "forged"
    assert office.ask("session", SessionRequest(laptop.device, b"x" * len(challenge), own)).code == "forged"
    assert office.ask("session", SessionRequest(other.device, challenge, own)).code == "forged"
    assert office.ask("session", SessionRequest("nobody", challenge, own)).code == "forged"
    office.time.now += CHALLENGE_LASTS + 1
    assert office.ask("session", SessionRequest(laptop.device, challenge, own)).code == "challenge_expired"


@pytest.mark.parametrize("token", ["", "x", "Ärger".encode().hex(), "AAAA" * 30])
def test_without_a_token_there_is_nothing(office: Any, token: str) -> None:
    for name in ("hello", "pull", "push"):
        message = {"hello": HelloRequest(), "pull": PullRequest({}), "push": office.laptop().parcels()}[name]
        assert office.ask(name, message, token).status == 401


def test_a_token_ends_and_a_removed_laptop_is_out_at_once(office: Any) -> None:
    laptop, leader = office.laptop(), office.laptop()
    stranger = office.laptop("Zürich")
    assert office.call("hello", HelloRequest(), HelloReply, laptop.token).heads.keys() == {laptop.scope}
    assert office.ask(f"devices/{laptop.device}/revoke", HelloRequest(), stranger.token).code == "no_grant"
    assert office.ask(f"devices/{laptop.device}/revoke", HelloRequest(), leader.token).status == 200
    assert office.ask("pull", PullRequest({}), laptop.token).code == "revoked"
    said = office.call("hello", HelloRequest(), HelloReply, laptop.token)
    assert said.commands == ["wipe"] and not said.grants and not said.heads
    assert [one.status for one in laptop.push(laptop.operation(last_name="A")).results] == ["quarantined"]
    assert "A" not in [row.get("last_name") for row in leader.rows().values()]
    office.time.now += TOKEN_LASTS + 1
    assert office.ask("hello", HelloRequest(), leader.token).status == 401


def test_another_chapters_rows_are_out_of_reach(office: Any) -> None:
    boston, zurich = office.laptop("Boston"), office.laptop("Zürich")
    secret = boston.operation(last_name="Secret")
    boston.push(secret)
    assert office.ask("pull", PullRequest({boston.scope: Cursor()}), zurich.token).code == "no_grant"
    assert ("person", secret.row) not in zurich.rows()
    forged = zurich.parcels(zurich.operation(row=secret.row, last_name="Mine"))
    moved = msgspec.structs.replace(forged.parcels[0], scope=boston.scope)
    assert office.ask("push", msgspec.structs.replace(forged, parcels=[moved]), zurich.token).code == "no_grant"
    zurich.push(zurich.operation(row=secret.row, last_name="Mine"))
    assert boston.rows()["person", secret.row]["last_name"] == "Secret"


def test_a_forged_parcel_has_no_effect(office: Any) -> None:
    laptop, other = office.laptop(), office.laptop()
    parcel = laptop.parcels(laptop.operation(last_name="A")).parcels[0]
    theirs = other.parcels(other.operation(last_name="B")).parcels[0]
    rows = laptop.rows()
    for forged in (
        msgspec.structs.replace(parcel, signature=bytes(64)),
        msgspec.structs.replace(parcel, audience="0190a6a2-7b1c-7def-8123-456789abcdef"),
        msgspec.structs.replace(parcel, server="another"),
        msgspec.structs.replace(parcel, bodies=theirs.bodies),
        theirs,
    ):
        answer = office.ask("push", msgspec.structs.replace(laptop.parcels(), parcels=[forged]), laptop.token)
        assert (answer.status, answer.code) == (403, "forged")
    assert laptop.rows() == rows


def test_of_an_import_with_one_forged_body_nothing_is_kept(office: Any) -> None:
    laptop = office.laptop()
    laptop.push(laptop.operation(last_name="A"))
    rows, many = laptop.rows(), [laptop.operation(last_name=f"Name {n}") for n in range(MANY + 10)]
    honest = laptop.parcels(*many)
    other = laptop.parcels(laptop.operation(last_name="B")).parcels[0]
    parcel = honest.parcels[0]
    for forged in (msgspec.structs.replace(parcel, signature=bytes(64)), msgspec.structs.replace(parcel, bodies=[*parcel.bodies[:-1], *other.bodies])):
        answer = office.ask("push", msgspec.structs.replace(honest, parcels=[forged, *honest.parcels[1:]]), laptop.token)
        assert (answer.status, answer.code) == (403, "forged")
        assert laptop.rows() == rows
    reply = office.call("push", honest, PushReply, laptop.token)
    assert {one.status for one in reply.results} == {"ok"} and len(laptop.rows()) == len(rows) + len(many)


def test_bodies_are_capped_packed_and_unpacked(office: Any) -> None:
    laptop = office.laptop()
    assert office.ask("hello", b"x" * (BODY_LIMIT + 1), laptop.token).status == 413
    assert office.ask("hello", gzip.compress(bytes(BODY_LIMIT + 1)), laptop.token, **{"content-encoding": "gzip"}).status == 413
    bomb = zstandard.ZstdCompressor().compress(bytes(200 * 1024 * 1024))
    assert office.ask("hello", bomb, laptop.token, **{"content-encoding": "zstd"}).status == 413
    assert office.ask("hello", gzip.compress(pack(HelloRequest()))[:-9], laptop.token, **{"content-encoding": "gzip"}).status in (200, 400)
    assert office.ask("hello", b"nonsense", laptop.token, **{"content-encoding": "zstd"}).status == 400
    assert office.ask("hello", b"nonsense", laptop.token, **{"content-encoding": "br"}).status == 415


def test_an_older_protocol_is_told_to_update(office: Any) -> None:
    assert office.ask("hello", HelloRequest(protocol=99), office.laptop().token).status == 426


@pytest.mark.parametrize("cursor", [Cursor(-5, ""), Cursor(2**62, ""), Cursor(2**64 - 1, "x"), Cursor(1, "not the chain")])
def test_a_cursor_that_the_server_does_not_know_begins_again(office: Any, cursor: Cursor) -> None:
    from alumni_desk.protocol.messages import PullReply

    laptop = office.laptop()
    page = office.call("pull", PullRequest({laptop.scope: cursor}), PullReply, laptop.token).pages[laptop.scope]
    assert page.reset and page.blocks == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["enrol", "challenge", "session", "hello", "push", "pull"]), body=st.binary(max_size=200),
       encoding=st.sampled_from(["", "gzip", "zstd"]))
def test_noise_is_answered_with_a_code(office: Any, name: str, body: bytes, encoding: str) -> None:
    answer = office.ask(name, body, "token", **{"content-encoding": encoding})
    assert 400 <= answer.status < 500
    assert answer.code


def test_it_says_when_it_is_alive(office: Any) -> None:
    assert office.client.request("GET", "/healthz")[0] == 200
