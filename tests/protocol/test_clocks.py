"""The column of clocks: one encoding, read in the former form too, and no difference to the check between desk and server."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alumni_desk.protocol.clocks import is_packed, pack, pack_one, repacked, replaced, unpack
from alumni_desk.protocol.digest import Sums
from alumni_desk.schema import synced_tables
from alumni_desk.store.synced import clock_key, data_columns

KEYS = sorted({clock_key(column) for table in synced_tables() for column in data_columns(table)})

stamps = st.builds("{:012x}-{:04x}{}-{:016x}".format, st.integers(0, 2**48 - 1), st.integers(0, 2**16 - 1), st.sampled_from(["", "01900000c0de"]),
                   st.integers(0, 2**64 - 1))
maps = st.dictionaries(st.sampled_from(KEYS), stamps | st.sampled_from(["01900000c0de-0001-00000000000000aa", "01900000c0de-0002-00000000000000aa"]))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(maps)
def test_it_says_the_same_in_either_form_and_is_told_from_the_former(clocks: dict[str, str]) -> None:
    text, former = pack(clocks), json.dumps(clocks, separators=(",", ":")) if clocks else None
    assert unpack(text) == unpack(former) == clocks
    assert (text is None) == (former is None) == (clocks == {})
    assert repacked(former) == repacked(text) == text
    if text is not None and former is not None:
        assert is_packed(text) and not is_packed(former)
        assert list(json.loads(text)) == sorted(set(clocks.values())) and all(one.split() == sorted(one.split()) for one in json.loads(text).values())


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(maps, maps, st.booleans(), st.booleans())
def test_what_was_replaced_is_what_has_another_clock_in_either_form(before: dict[str, str], more: dict[str, str], former: bool, kept: bool) -> None:
    after = {**before, **more} if kept else more

    def text(clocks: dict[str, str]) -> str | None:
        return json.dumps(clocks) if former and clocks else pack(clocks)

    expected = {key: clock for key, clock in before.items() if after.get(key, clock) != clock}
    assert replaced(text(before), pack(after)) == replaced(text(before), text(after)) == expected


def test_it_has_one_encoding_whatever_was_written_first() -> None:
    clocks = {"city": "01900000c0de-0002-00000000000000aa", "email": "01900000c0de-0001-00000000000000aa", "address": "01900000c0de-0002-00000000000000aa"}
    assert {pack(dict(order)) for order in permutations(clocks.items())} == {
        '{"01900000c0de-0001-00000000000000aa":"email","01900000c0de-0002-00000000000000aa":"address city"}'}
    assert pack_one(["city", "address", "city"], "01900000c0de-0002-00000000000000aa") == '{"01900000c0de-0002-00000000000000aa":"address city"}'


def test_no_key_could_be_taken_for_a_clock_or_for_two_keys() -> None:
    assert not [key for key in KEYS if set(key) & set("- \"\\") or not key]


@pytest.mark.parametrize("text", ["", None, "{}"])
def test_nothing_is_no_clocks(text: str | None) -> None:
    assert unpack(text) == {}


def test_the_check_sees_a_difference_and_none_between_the_forms() -> None:
    clocks = {"city": "01900000c0de-0001-00000000000000aa", "email": "01900000c0de-0002-00000000000000aa"}

    def sums(text: str | None) -> list[bytes]:
        found = Sums()
        found.add("person", [("0190a0c4-0000-7000-8000-000000000001", "x", text, "Toledo")], 2)
        return found.sums

    assert sums(json.dumps(clocks)) == sums(pack(clocks))
    assert sums(pack(clocks)) != sums(pack({**clocks, "city": clocks["email"]})) and sums(pack(clocks)) != sums(None)
