"""Parcels: whatever is changed after signing is noticed; what is withheld is not missed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from alumni_desk.protocol.canonical import body_hash, body_of, operation_of
from alumni_desk.protocol.messages import PARCEL_BYTES, PARCEL_OPERATIONS, Operation, Parcel, pack, unpack
from alumni_desk.protocol.parcels import Piece, in_parcels, sign_parcel, verify_parcel

KEY = SigningKey(bytes(range(32)))
PUBLIC = bytes(KEY.verify_key)


def an_operation(number: int, name: str = "Ada") -> Operation:
    return Operation(id=f"op-{number}", action="a", transaction="t", kind="put", table="person", row="r",
                     fields={"last_name": "Lovelace", "first_name": name}, before={}, clock=f"{number:04x}", schema=1)


def a_parcel(count: int = 3) -> Parcel:
    pieces = [Piece(f"op-{n}", "t", body_of(an_operation(n))) for n in range(count)]
    return sign_parcel(KEY, server="s", device="d", scope="c", audience="chapter", pieces=pieces)


def test_a_parcel_survives_the_wire() -> None:
    parcel = unpack(pack(a_parcel()), Parcel)
    assert verify_parcel(parcel, PUBLIC)
    assert operation_of(parcel.bodies[1] or b"") == an_operation(1)


def test_a_repeated_parcel_is_the_same_parcel() -> None:
    assert pack(a_parcel()) == pack(a_parcel())


def test_bodies_may_be_withheld() -> None:
    parcel = a_parcel()
    assert verify_parcel(msgspec.structs.replace(parcel, bodies=[None, parcel.bodies[1], None]), PUBLIC)


@pytest.mark.parametrize("change", [
    {"scope": "other"}, {"audience": "other"}, {"device": "other"}, {"server": "other"}, {"protocol": 2}, {"signature": b"x" * 64},
    {"signature": b""}, {"hashes": []},
])
def test_a_changed_envelope_is_noticed(change: dict[str, object]) -> None:
    assert not verify_parcel(msgspec.structs.replace(a_parcel(), **change), PUBLIC)


@given(index=st.integers(0, 2), data=st.binary(max_size=40))
def test_a_changed_body_is_noticed(index: int, data: bytes) -> None:
    parcel = a_parcel()
    bodies = list(parcel.bodies)
    if bodies[index] == data:
        return
    bodies[index] = data
    assert not verify_parcel(msgspec.structs.replace(parcel, bodies=bodies), PUBLIC)
    salt = parcel.salts[index]
    hashes = list(parcel.hashes)
    hashes[index] = body_hash(salt, data)
    assert not verify_parcel(msgspec.structs.replace(parcel, bodies=bodies, hashes=hashes), PUBLIC)


def test_another_key_is_noticed() -> None:
    assert not verify_parcel(a_parcel(), bytes(SigningKey(b"\1" * 32).verify_key))
    assert not verify_parcel(a_parcel(), b"short")


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([10, 1_000, 200_000])), max_size=60))
def test_parcels_keep_the_limits_the_order_and_whole_transactions(shape: list[tuple[int, int]]) -> None:
    pieces = [Piece(str(number), str(transaction), b"x" * size) for number, (transaction, size) in enumerate(shape)]
    parcels = list(in_parcels(pieces))
    assert [piece for parcel in parcels for piece in parcel] == pieces
    for parcel in parcels:
        assert 0 < len(parcel) <= PARCEL_OPERATIONS
        assert sum(len(piece.body) for piece in parcel) <= PARCEL_BYTES


def test_a_transaction_that_fits_is_not_torn() -> None:
    pieces = [Piece(str(n), str(n // 300), b"x") for n in range(900)]
    for parcel in in_parcels(pieces):
        assert len({piece.transaction for piece in parcel}) == 1 and len(parcel) == 300


def test_the_same_operation_has_the_same_body_whatever_order_its_fields_came_in() -> None:
    one = an_operation(1)
    other = msgspec.structs.replace(one, fields=dict(reversed(list(one.fields.items()))))
    assert body_of(one) == body_of(other)
