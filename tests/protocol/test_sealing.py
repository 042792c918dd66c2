"""Sealed parcels and certificates: whatever byte is changed, whatever is forged, nothing of it counts."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey
from nacl.signing import SigningKey

from alumni_desk.protocol.certificates import certify, chain_trouble
from alumni_desk.protocol.handout import Handout, SealedHandout, close_handout, open_handout, verify_handout
from alumni_desk.protocol.messages import Block, Certificate, Sealed
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.protocol.sealing import name_of, seal, unseal, verify_sealed
from alumni_desk.protocol.venue_keys import Keys, gathering_key

SERVER, LEADER, DOOR, OTHER = (SigningKey(bytes([n]) * 32) for n in range(1, 5))
CHAPTER = bytes(PrivateKey(b"\x07" * 32))
LEADERS = Keys(chapter=CHAPTER)
DOORS = Keys(chapter_public=LEADERS.public(), gathering=gathering_key(CHAPTER, "g"), gathering_id="g")


def parcel(audience: str, bodies: list[bytes]) -> Sealed:
    pieces = [Piece(str(n), "t", body) for n, body in enumerate(bodies)]
    return seal(sign_parcel(DOOR, server="s", device="d", scope="c", audience=audience, pieces=pieces), DOORS, DOOR)


def leader(until: int | None = 1_000) -> Certificate:
    return certify(SERVER, server="s", device="l", public_key=bytes(LEADER.verify_key), who="Priya", name="Desk", scope="c", role="leader", gathering=None,
                   until=until, issued=1)


def door(**over: object) -> Certificate:
    fields = {"server": "s", "device": "d", "public_key": bytes(DOOR.verify_key), "who": "Tom", "name": "Door", "scope": "c", "role": "door",
              "gathering": "g", "until": 900, "issued": 2, "issuer": "l", **over}
    return certify(LEADER, **fields)  # type: ignore[arg-type]


def trouble(*chain: Certificate, **more: object) -> str | None:
    return chain_trouble(chain, server="s", server_key=bytes(SERVER.verify_key), **more)  # type: ignore[arg-type]


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4), st.sampled_from(["chapter", "g"]))
@settings(max_examples=40, deadline=None)
def test_its_audience_reads_it_and_nobody_else(bodies: list[bytes], audience: str) -> None:
    sealed = parcel(audience, bodies)
    key = bytes(DOOR.verify_key)
    opened = unseal(sealed, LEADERS, key)
    assert opened is not None and opened.bodies == bodies and name_of(opened) == name_of(sealed) == name_of(parcel(audience, bodies))
    at_the_door = unseal(sealed, DOORS, key)
    assert (at_the_door is None) == (audience == "chapter")
    assert unseal(sealed, Keys(), key) is None and unseal(sealed, Keys(gathering=b"\1" * 32, gathering_id="g"), key) is None
    assert all(body not in msgspec.msgpack.encode(sealed) for body in bodies if len(body) > 8)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_byte_changed_is_refused(data: st.DataObject) -> None:
    original = parcel(data.draw(st.sampled_from(["chapter", "g"])), [b"one body", b"another"])
    packed = bytearray(msgspec.msgpack.encode(original))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        changed = msgspec.msgpack.decode(bytes(packed), type=Sealed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    assert changed == original or not verify_sealed(changed, bytes(DOOR.verify_key))


@pytest.mark.parametrize("forged", [{"scope": "x"}, {"audience": "h"}, {"device": "l"}, {"server": "x"}, {"box": b"x" * 60}, {"hashes": []},
                                    {"signature": b"0" * 64}, {"seal": b"0" * 64}, {"seal": b""}, {"protocol": 2}])
def test_a_forged_part_is_refused(forged: dict[str, object]) -> None:
    sealed = parcel("g", [b"a body"])
    assert verify_sealed(sealed, bytes(DOOR.verify_key)) and not verify_sealed(sealed, bytes(OTHER.verify_key))
    assert not verify_sealed(msgspec.structs.replace(sealed, **forged), bytes(DOOR.verify_key))


def test_a_chain_of_one_and_of_two_counts() -> None:
    assert trouble(leader()) is None and trouble(door(), leader()) is None and trouble(leader(), now=999) is None


@pytest.mark.parametrize(("chain", "why"), [
    ((), "chain"), ((door(), leader(), leader()), "chain"), ((door(),), "signature"), ((door(server="x"), leader()), "server"),
    ((door(role="leader", gathering=None), leader()), "role"), ((door(gathering=None), leader()), "role"), ((door(scope="x"), leader()), "role"),
    ((door(issuer="x"), leader()), "signature"), ((door(until=None), leader()), "until"),
    ((door(), msgspec.structs.replace(leader(), role="admin")), "signature"),
    ((door(), certify(SERVER, server="s", device="l", public_key=bytes(LEADER.verify_key), who="", name="", scope="c", role="door", gathering="g", until=900,
                      issued=1)), "role")])
def test_a_chain_that_nobody_may_sign_does_not(chain: tuple[Certificate, ...], why: str) -> None:
    assert trouble(*chain) == why


def test_revoked_and_ended_chains_do_not() -> None:
    assert trouble(door(), leader(), revoked={"l"}) == "revoked" == trouble(door(), leader(), revoked={"d"})
    assert trouble(door(), leader(), now=900) == "ended" and trouble(door(), leader(), now=899) is None


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_byte_of_a_certificate_changed_is_refused(data: st.DataObject) -> None:
    packed = bytearray(msgspec.msgpack.encode(door()))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        changed = msgspec.msgpack.decode(bytes(packed), type=Certificate)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    assert changed == door() or trouble(changed, leader()) is not None


def handout() -> SealedHandout:
    inside = Handout("g", 5, [Block("person", ["sequence", "id"], [[0, "p"]])])
    return close_handout(inside, LEADERS, LEADER, server="s", scope="c", device="l", chain=[leader()])


def test_a_hand_out_is_read_by_its_door_alone() -> None:
    assert verify_handout(handout())
    opened = open_handout(handout(), DOORS)
    assert opened is not None and opened.blocks[0].rows == [[0, "p"]]
    assert open_handout(handout(), Keys(gathering=b"\1" * 32, gathering_id="g")) is None and open_handout(handout(), Keys()) is None


@pytest.mark.parametrize("forged", [{"number": 6}, {"gathering": "h"}, {"scope": "x"}, {"server": "x"}, {"device": "d"}, {"box": b"x" * 50}, {"chain": []}])
def test_a_forged_hand_out_is_refused(forged: dict[str, object]) -> None:
    assert not verify_handout(msgspec.structs.replace(handout(), **forged))


def test_no_door_makes_hand_outs() -> None:
    made = close_handout(Handout("g", 5, []), DOORS, DOOR, server="s", scope="c", device="d", chain=[door(), leader()])
    assert not verify_handout(made)
