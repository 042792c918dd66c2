"""What has not the form of its field is refused by itself, whoever sends it and by whichever way, and never a trouble of the server's."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.ids import uuid7
from alumni_desk.sync.refused import why

HOUR = 3600 * 1000
NO_LISTS = ("garbage", "5", "", "null", '"text"', "{}", "[", "[" * 30_000, "[" * 900 + "]" * 900, "[1]", '["garbage"]', "[null]", "[" + "9" * 5_000 + "]",
            '["\\ud800"]', '["\\u0000"]', "NaN")


class Evening(NamedTuple):
    """A gathering with one guest, a leader and a laptop at the door."""

    leader: Any
    door: Any
    gathering: str
    guest: str
    registration: str


@pytest.fixture
def evening(office: Any) -> Evening:
    """Everybody is there."""
    leader = office.laptop()
    gathering, guest = uuid7(), uuid7()
    leader.push(leader.operation("gathering", gathering, name="Dinner", starts="2026-09-21T18:00", time_zone="UTC"),
                leader.operation("person", guest, last_name="Guest"),
                leader.operation("registration", registration_id(gathering, guest), gathering=gathering, person=guest, status="yes"))
    return Evening(leader, office.laptop(role="door", gathering=gathering), gathering, guest, registration_id(gathering, guest))


@pytest.mark.parametrize("kind", ["void", "out", "in", "later"])
@pytest.mark.parametrize("who", ["door", "leader"])
def test_what_is_no_list_of_ids_closes_nothing(evening: Evening, who: str, kind: str) -> None:
    laptop = evening.door if who == "door" else evening.leader
    about = {"gathering": evening.gathering, "registration": evening.registration, "person": evening.guest}
    facts = [laptop.operation("fact", kind=kind, closes=closes, **about) for closes in NO_LISTS]
    good = [laptop.operation("fact", kind="in", **about), laptop.operation("fact", kind="out", closes=json.dumps([uuid7()]), **about),
            laptop.operation("fact", kind="out", closes="[]", **about)]
    results = laptop.push(*facts, *good, audience=evening.gathering).results
    assert [(one.status, one.reason) for one in results] == [("invalid", "form")] * len(facts) + [("ok", None)] * 3
    again = laptop.push(*facts, audience=evening.gathering).results
    assert {(one.status, one.first) for one in again} == {("duplicate", "invalid")}
    if who == "leader":
        assert laptop.push(laptop.operation("fact", kind=kind, closes="garbage", **about)).results[0].reason == "form", "to the chapter"


def test_a_reason_is_said_in_words() -> None:
    assert "cannot be" in why("form")
