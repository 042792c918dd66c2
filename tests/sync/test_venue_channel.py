"""What laptops say to each other: nobody without the code reads it, changes it, or says it again later."""

from __future__ import annotations

import secrets

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alumni_desk.protocol.codes import new_venue_code, read_venue_code
from alumni_desk.sync.venue.channel import Nay, Newcomer, Traded, WrongKey, key_of, open_reply, open_request, seal_reply, seal_request
from alumni_desk.sync.venue.places import read_place, read_qr

KEY = secrets.token_bytes(32)
ASKED = Newcomer(b"k" * 32, "Tom", "Door laptop")


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_byte_changed_is_no_request_of_ours(data: st.DataObject) -> None:
    box, _nonce = seal_request(KEY, ASKED)
    changed = bytearray(box)
    changed[data.draw(st.integers(0, len(box) - 1))] ^= data.draw(st.integers(1, 255))
    assert open_request(KEY, box)[1] == ASKED and b"Tom" not in box
    with pytest.raises(WrongKey):
        open_request(KEY, bytes(changed))


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_nothing_that_anybody_sends_is_one(garbage: bytes) -> None:
    with pytest.raises(WrongKey):
        open_request(KEY, garbage)


def test_an_old_answer_is_none_and_a_request_is_none_either() -> None:
    box, nonce = seal_request(KEY, ASKED)
    answer = seal_reply(KEY, nonce, Traded(3, False, []))
    assert open_reply(KEY, nonce, answer) == Traded(3, False, [])
    _other, later = seal_request(KEY, ASKED)
    with pytest.raises(WrongKey):
        open_reply(KEY, later, answer)
    with pytest.raises(msgspec.DecodeError):
        open_reply(KEY, nonce, box)
    with pytest.raises(msgspec.DecodeError):
        open_request(KEY, seal_reply(KEY, nonce, Nay("chapter")))


def test_the_code_makes_the_key() -> None:
    code, salt = new_venue_code(), secrets.token_bytes(16)
    assert key_of(code, salt) == key_of(code, salt) != key_of(code, secrets.token_bytes(16))
    assert key_of(new_venue_code(), salt) != key_of(code, salt)
    assert read_venue_code(f" {code.lower().replace('-', ' ')} ") == code and len({new_venue_code() for _n in range(200)}) == 200
    assert read_venue_code("o0i1l-ABCDE") == "00111-ABCDE" and read_venue_code("ABCDE-ABCD") is None and read_venue_code("ABCDE-ABCD!") is None


def test_addresses_and_codes_that_are_scanned() -> None:
    assert str(read_place(" http://192.168.1.7:99/ ")) == "192.168.1.7:99" and str(read_place("[fe80::1]:5")) == "[fe80::1]:5"
    assert read_place("laptop.local").port == 7807 and read_place("fe80::1").host == "fe80::1"
    assert read_qr("alumnidesk://laptop?at=192.168.1.7:99&code=ABCDE-FGHJK") == ("192.168.1.7:99", "ABCDE-FGHJK") and read_qr("192.168.1.7:99") is None
