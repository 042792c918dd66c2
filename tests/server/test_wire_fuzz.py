"""The wire under hostile hands: frames, parcels, operations, signatures and proofs made by hypothesis. No 5xx, and no effect.

``ALUMNI_DESK_FUZZ`` sets how many examples each property tries.
"""

from __future__ import annotations

import os
import zlib
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from alumni_desk.errors import Refused
from alumni_desk.protocol.canonical import body_hash, body_of
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    ACCEPTED,
    ChallengeReply,
    ChallengeRequest,
    Cursor,
    DecideRequest,
    Decision,
    EnrolRequest,
    HelloReply,
    HelloRequest,
    InviteRequest,
    Operation,
    PullRequest,
    PushReply,
    PushRequest,
    ScopeRequest,
    SessionRequest,
    Trouble,
    pack,
    unpack,
)
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.protocol.proofs import enrol_proof

EXAMPLES = int(os.environ.get("ALUMNI_DESK_FUZZ", "40"))
fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES <= 40)

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=30) | st.binary(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4), max_leaves=12)
texts = st.text(max_size=40) | st.sampled_from(["", "chapter", "\0", "a\0b", "person", "fact", "registration", "id", "scope", "clocks", "gone", "'; --"])
values = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | texts


def state_of(office: Any) -> Any:
    """What a call without effect leaves as it is."""
    tables = office.server.tables.tables
    with office.server.database.reading() as connection:
        counts = {name: connection.execute(sa.select(sa.func.count()).select_from(tables[name])).scalar_one()
                  for name in ("device", "grant", "account", "operation_result", "person", "fact", "chapter", "audit", "feed", "conflict")}
        heads = connection.execute(sa.select(tables["feed_head"]).order_by(tables["feed_head"].c.scope)).all()
        used = connection.execute(sa.select(sa.func.count()).where(tables["invitation"].c.used_at.is_not(None))).scalar_one()
        removed = connection.execute(sa.select(sa.func.count()).where(tables["device"].c.revoked_at.is_not(None))).scalar_one()
    return counts, [tuple(head) for head in heads], used, removed


def test_any_structure_at_any_door(office: Any) -> None:
    laptop = office.laptop()
    before = state_of(office)

    @fuzz
    @given(name=st.sampled_from(["enrol", "challenge", "session", "push", "pull", "devices/x/revoke", "devices/%00/revoke"]), content=anything,
           packing=st.sampled_from(["", "gzip", "zstd", "br", "deflate"]), raw=st.none() | st.binary(max_size=60))
    def tried(name: str, content: Any, packing: str, raw: bytes | None) -> None:
        office.time.now += 61_000  # wrong codes are counted by the minute
        body = msgspec.msgpack.encode(content) if raw is None else raw
        if raw is None and packing == "zstd":
            body = zstandard.ZstdCompressor().compress(body)
        elif raw is None and packing == "gzip":
            body = zlib.compress(body, wbits=31)
        answer = office.ask(name, body, laptop.token, **{"content-encoding": packing})
        # A challenge is for whoever asks, and a pull of nothing is empty.
        assert answer.status < 500 and (answer.status != 200 or name in ("challenge", "pull")), (answer.status, answer.body)

    laptop.token = _lasting(office, laptop)
    before = state_of(office)
    tried()
    assert state_of(office) == before


def _lasting(office: Any, laptop: Any) -> str:
    """A token that lasts as long as the test turns the clock."""
    now = office.time.now
    office.time.now += (EXAMPLES + 100) * 61_000
    laptop.begin()
    office.time.now = now
    return str(laptop.token)


def test_a_push_with_flipped_bytes_is_refused_or_the_same(office: Any) -> None:
    laptop = office.laptop()
    whole = pack(laptop.parcels(laptop.operation(last_name="Lovelace", class_year=1998)))
    before = state_of(office)

    @fuzz
    @given(at=st.integers(0, len(whole) - 1), bit=st.integers(0, 7), cut=st.integers(0, len(whole)))
    def tried(at: int, bit: int, cut: int) -> None:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << bit
        for body in (bytes(flipped), whole[:cut] if cut < len(whole) else whole[:-1], whole + bytes(flipped[:1])):
            answer = office.ask("push", body, laptop.token)
            if answer.status == 200:  # the flipped bit was the name of a field with a default: it says what it said before
                assert unpack(body, PushRequest) == unpack(whole, PushRequest)
            else:
                assert 400 <= answer.status < 500 and answer.code

    tried()
    if state_of(office) != before:
        with office.server.database.reading() as connection:
            person = office.server.tables.tables["person"]
            assert connection.execute(sa.select(person.c.last_name)).scalars().all() == ["Lovelace"]


@pytest.mark.parametrize("sent_before", [False, True])
def test_a_parcel_with_any_part_forged_has_no_effect(office: Any, sent_before: bool) -> None:
    laptop, other = office.laptop(), office.laptop()
    stranger = office.laptop("Zürich")
    for one in (laptop, other, stranger) if sent_before else ():  # its key is known where parcels come in
        one.push(one.operation(last_name="Before"))
    parcel = laptop.parcels(laptop.operation(last_name="A"), laptop.operation(last_name="B")).parcels[0]
    theirs = other.parcels(other.operation(last_name="C"), other.operation(last_name="D")).parcels[0]
    before = state_of(office)
    parts = st.fixed_dictionaries({}, optional={
        "server": texts, "device": texts | st.just(other.device), "scope": texts | st.just(stranger.scope), "audience": texts | st.just(uuid7()),
        "hashes": st.lists(st.binary(max_size=40), max_size=3) | st.just(theirs.hashes),
        "salts": st.lists(st.binary(max_size=40), max_size=3) | st.just(theirs.salts),
        "bodies": st.lists(st.none() | st.binary(max_size=40), max_size=3) | st.just(theirs.bodies),
        "signature": st.binary(max_size=80) | st.just(theirs.signature), "protocol": st.integers(-1, 3)})

    @fuzz
    @given(changes=parts.filter(bool), sender=st.sampled_from(["laptop", "other", "stranger"]))
    def tried(changes: dict[str, Any], sender: str) -> None:
        forged = msgspec.structs.replace(parcel, **changes)
        if forged == parcel:
            return
        token = {"laptop": laptop, "other": other, "stranger": stranger}[sender].token
        answer = office.ask("push", PushRequest([forged]), token)
        assert 400 <= answer.status < 500 and answer.code

    tried()
    assert state_of(office) == before


def test_signed_nonsense_is_answered_operation_by_operation(office: Any) -> None:
    laptop = office.laptop()

    @fuzz
    @given(data=st.data(), count=st.integers(1, 4))
    def tried(data: st.DataObject, count: int) -> None:
        pieces = []
        for _ in range(count):
            good = laptop.operation(last_name="A")
            operation = msgspec.structs.replace(good, **data.draw(st.fixed_dictionaries({}, optional={
                "id": texts, "action": texts, "transaction": texts, "kind": st.sampled_from(["put", "fact", "command"]), "table": texts, "row": texts,
                "fields": st.dictionaries(texts, values, max_size=4), "before": st.dictionaries(texts, st.none() | texts, max_size=3), "clock": texts,
                "schema": st.integers(-5, 2**63)})))
            body = body_of(operation) if data.draw(st.booleans()) else data.draw(st.binary(max_size=50))
            pieces.append(Piece(operation.id, operation.transaction, body))
        salted = [(bytes(16), body_hash(bytes(16), piece.body)) for piece in pieces]
        parcel = sign_parcel(laptop.key, server=laptop.server, device=laptop.device, scope=laptop.scope,
                             audience=data.draw(st.sampled_from(["chapter", uuid7(), "x", "\0"])), pieces=pieces)
        answer = office.ask("push", PushRequest([parcel]), laptop.token)
        assert answer.status == 200, answer.body
        results = unpack(answer.body, PushReply).results
        assert len(results) == len(pieces) == len(salted)
        for result, piece in zip(results, pieces, strict=True):
            if result.status in ACCEPTED:  # only what is a whole operation of a known table took effect
                operation = msgspec.msgpack.decode(piece.body, type=Operation)
                assert operation.table in office.server.tables.tables and operation.kind != "command"

    tried()
    with office.server.database.reading() as connection:
        from alumni_desk.server import audit

        assert audit.check(connection, office.server.tables).broken == []


def test_cursors_of_any_kind(office: Any) -> None:
    laptop = office.laptop()

    @fuzz
    @given(scope=st.just(laptop.scope) | texts, sequence=st.integers(-(2**63), 2**64 - 1), chain=texts, room=st.integers(-(2**63), 2**64 - 1))
    def tried(scope: str, sequence: int, chain: str, room: int) -> None:
        answer = office.ask("pull", PullRequest({scope: Cursor(sequence, chain)}, max_bytes=room), laptop.token)
        assert answer.status == (200 if scope == laptop.scope else 403), answer.body

    tried()


def test_invitations_and_sessions_cannot_be_forged(office: Any) -> None:
    laptop = office.laptop()
    code = office.invite()
    challenge = office.call("challenge", ChallengeRequest(laptop.device), ChallengeReply).challenge
    before = state_of(office)

    @fuzz
    @given(code_shown=texts | st.just(code), key=st.binary(max_size=40) | st.just(bytes(32)), proof=st.binary(max_size=70), name=texts,
           device=texts | st.just(laptop.device), answer_to=st.binary(max_size=70) | st.just(challenge), at=st.integers(0, 63))
    def tried(code_shown: str, key: bytes, proof: bytes, name: str, device: str, answer_to: bytes, at: int) -> None:
        office.time.now += 61_000
        own = SigningKey.generate()
        flipped = bytearray(enrol_proof(own, code))
        flipped[at] ^= 1
        for request in (EnrolRequest(code_shown, key, name, proof), EnrolRequest(code, bytes(own.verify_key), name, bytes(flipped))):
            answer = office.ask("enrol", request)
            assert answer.status == 403 and answer.code in ("invitation_wrong", "forged")
        assert office.ask("session", SessionRequest(device, answer_to, proof)).status == 403

    now = office.time.now
    tried()
    office.time.now = now
    assert state_of(office) == before


def test_a_header_of_any_kind(office: Any) -> None:
    laptop = office.laptop()

    @fuzz
    @given(scheme=st.sampled_from(["Bearer ", "bearer ", "Basic ", ""]), token=st.text(max_size=80) | st.just(laptop.token[:-1]) | st.just(laptop.token + "x"))
    def tried(scheme: str, token: str) -> None:
        status, _headers, _body = office.client.request("POST", "/sync/v1/hello", pack(HelloRequest()), {"authorization": scheme + token})
        assert status == 401

    tried()


def test_parcel_fields_of_wrong_types_are_unreadable(office: Any) -> None:
    laptop = office.laptop()
    good = msgspec.to_builtins(laptop.parcels(laptop.operation(last_name="A")).parcels[0], builtin_types=(bytes,))

    @fuzz
    @given(name=st.sampled_from(sorted(good)),
           value=st.lists(st.integers(0, 300), max_size=2) | st.floats(allow_nan=False) | st.dictionaries(texts, texts, max_size=1))
    def tried(name: str, value: Any) -> None:
        body = msgspec.msgpack.encode({"parcels": [{**good, name: value}]})
        answer = office.ask("push", body, laptop.token)
        assert 400 <= answer.status < 500 and answer.code

    tried()


@pytest.mark.parametrize(("name", "message", "code"), [
    ("invite", lambda scope: InviteRequest(scope, "leader", replaces="a\0b"), "no_such_invitation"),
    ("invite", lambda scope: InviteRequest(scope, "door", gathering="a\0b"), "no_such_gathering"),
    ("invitations/a\0b/cancel", ScopeRequest, "no_such_invitation"),
    ("set-aside/a\0b/changes", ScopeRequest, "no_such_parcel"),
    ("set-aside/a\0b/release", ScopeRequest, "no_such_parcel"),
    ("set-aside/a\0b/discard", ScopeRequest, "no_such_parcel"),
    ("conflicts/decide", lambda scope: DecideRequest(scope, [Decision("a\0b", "city", True), Decision(uuid7(), "a\0b", True)]), None),
])
def test_what_no_database_takes_names_nothing(office: Any, name: str, message: Any, code: str | None) -> None:
    laptop = office.laptop()
    answer = office.ask(name, message(laptop.scope), laptop.token)
    assert (answer.status, answer.code) == (404, code) if code else answer.status == 200


@pytest.mark.parametrize(("method", "path", "status", "code"), [
    ("POST", "/sync/v1/nothing", 404, "no_such_call"), ("POST", "/sync/v2/push", 404, "no_such_call"), ("POST", "/", 404, "no_such_call"),
    ("POST", "/sync/v1/devices//revoke", 404, "no_such_call"), ("GET", "/sync/v1/push", 405, "method"), ("DELETE", "/sync/v1/hello", 405, "method"),
])
def test_what_the_server_does_not_know_is_said_as_every_other_no(office: Any, method: str, path: str, status: int, code: str) -> None:
    answered, headers, body = office.client.request(method, path, b"x")
    assert (answered, unpack(body, Trouble).code) == (status, code)
    assert (status == 405) == ("allow" in headers)


def test_a_desk_that_is_newer_than_its_server_says_so(office: Any) -> None:
    with pytest.raises(Refused) as raised:
        office.wire().call("nothing", HelloRequest(), HelloReply)
    assert raised.value.code == "sync_server_old" and "older than this program" in str(raised.value)
