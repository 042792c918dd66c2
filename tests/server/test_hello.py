"""A hello that would say nothing new is a few bytes, and never hides anything that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.protocol.messages import HelloReply, HelloRequest, ScopeRequest, pack

ABOUT = HelloRequest(version="1", who="Ada Ray", device="Door laptop", waiting=0)
DAY = 24 * 3600 * 1000


def said(laptop: Any) -> HelloReply:
    """The whole answer."""
    return laptop.office.call("hello", ABOUT, HelloReply, laptop.token)


def again(laptop: Any, same: bytes) -> HelloReply:
    """The answer to whoever says which one it has."""
    return laptop.office.call("hello", HelloRequest(same=same), HelloReply, laptop.token)


def test_what_still_holds_is_a_few_bytes(office: Any) -> None:
    laptop = office.laptop()
    whole = said(laptop)
    assert whole.heads and whole.certificates and whole.same
    office.time.now += 30_000
    reply = again(laptop, whole.same)
    assert reply == HelloReply(time=office.time(), same=whole.same)
    assert len(pack(reply)) < 40 and len(pack(HelloRequest(same=whole.same))) < 24
    assert said(laptop).same == whole.same, "the name does not depend on when it is asked for"
    assert again(laptop, b"another").same == b""
    assert again(office.laptop(), whole.same).same == b"", "it is one laptop's own"


@pytest.mark.parametrize("what", [
    lambda one, two: two.push(two.operation(last_name="Ray")),
    lambda one, two: one.office.ask(f"devices/{two.device}/revoke", HelloRequest(), one.token),
    lambda one, two: one.office.call("hello", HelloRequest(who="Ada Lovelace"), HelloReply, one.token),
    lambda one, two: one.office.call("hello", HelloRequest(waiting=3), HelloReply, one.token),
    lambda one, two: setattr(one.office.time, "now", one.office.time.now + DAY) or one.begin(),
], ids=["a change", "a removal", "another name", "something to send", "another day"])
def test_whatever_is_new_is_another_answer(office: Any, what: Callable[[Any, Any], object]) -> None:
    one, two = office.laptop(), office.laptop()
    whole = said(one)
    assert again(one, whole.same).same == whole.same
    what(one, two)
    assert again(one, whole.same).same == b""
    if two.device in said(one).revoked:
        assert said(one).same != whole.same


def test_a_removed_laptop_is_told_so_whatever_it_says_that_it_knows(office: Any) -> None:
    one, two = office.laptop(), office.laptop()
    whole = said(two)
    office.ask(f"devices/{two.device}/revoke", HelloRequest(), one.token)
    assert again(two, whole.same).same == b""
    assert said(two).commands == ["wipe"]
    assert office.ask("laptops", ScopeRequest(two.scope), two.token).code == "revoked"
