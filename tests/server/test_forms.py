"""What has not the form of its field is refused by itself, whoever sends it and by whichever way, and never a trouble of the server's."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alumni_desk.checkin.lists import DoorList, headcount
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.forms import misfit
from alumni_desk.protocol.ids import uuid7
from alumni_desk.sample.chapter import make_sample
from alumni_desk.segments.activity import deeds
from alumni_desk.store.desk import Desk
from alumni_desk.sync.engine import sync_once
from alumni_desk.sync.join import join
from alumni_desk.sync.refused import why
from alumni_desk.sync.shapes import shapes

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


@pytest.fixture
def reader(office: Any, evening: Evening, make_desk: Callable[[str], Desk]) -> Desk:
    """Another leader's laptop."""
    desk = make_desk("reader")
    join(desk, "http://127.0.0.1:9", office.invite(), wire=office.wire())
    return desk


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


ANYTHING = st.recursive(st.none() | st.booleans() | st.integers(-2**63, 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=20) | st.sampled_from(
    [*NO_LISTS, "x" * 60_000, "9999-12-31T23:59:59.999Z", "9999-99-99T99:99:99Z", "0001-01-01T00:00:00+14:00", "banana", "\u202e", "2026-09-21T18:00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=5)
PLACES = [(table, name) for table in ("fact", "registration", "person") for name in shapes()[table].fields]
ANSWERED = {"ok", "stale", "clamped", "denied", "invalid"}


@pytest.mark.parametrize("who", ["door", "leader"])
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(said=st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=12))
def test_no_value_is_a_trouble_of_the_servers_or_of_another_laptop(office: Any, evening: Evening, reader: Desk, who: str,
                                                                   said: list[tuple[tuple[str, str], Any]]) -> None:
    laptop = evening.door if who == "door" else evening.leader
    row = {"registration": evening.registration, "person": evening.guest}
    about = {"gathering": evening.gathering, "registration": evening.registration, "person": evening.guest, "kind": "out"}
    sent = [laptop.operation(table, row.get(table), **{**(about if table == "fact" else {}), name: value}) for (table, name), value in said]
    good = laptop.operation("fact", **{**about, "kind": "in"})
    results = laptop.push(*sent, good, audience=evening.gathering).results
    assert {one.status for one in results} <= ANSWERED and results[-1].status == "ok"
    sync_once(reader, wire=office.wire())
    guest_rows(reader, evening.gathering)
    headcount(reader, evening.gathering)
    DoorList(reader, evening.gathering).find("Guest")
    deeds(reader, look=True)


SENSELESS = [("status", "banana"), ("code", ""), ("code", "B" * 60_000), ("code", "BBBB-BBBB"), ("host", "garbage"), ("answered_at", "9999-99-99T99:99:99Z"),
             ("answered_at", "9999-12-31T23:59:59.999Z"), ("answered_at", "soon")]
FACTS = [("at", "garbage"), ("at", "2026-02-30T18:00:00.000Z"), ("at", "2026-09-21T18:00:00"), ("station", "x" * 60_000), ("by", "x" * 60_000),
         ("kind", "x" * 60_000),
         ("registration", "garbage"), ("person", "garbage")]


@pytest.mark.parametrize("who", ["door", "leader"])
def test_what_is_senseless_is_refused_and_nothing_beside_it(evening: Evening, who: str) -> None:
    laptop, here, row = (evening.door if who == "door" else evening.leader), evening.gathering, evening.registration
    about = {"gathering": here, "registration": row, "person": evening.guest, "kind": "in"}
    sent = [laptop.operation("registration", row, **{name: value}) for name, value in [*SENSELESS, ("host", row)]]
    sent += [laptop.operation("fact", **{**about, name: value}) for name, value in FACTS]
    good = [laptop.operation("registration", row, status="maybe", answered_at="2026-09-21T18:00:00.000Z"),
            laptop.operation("registration", row, table_name="7"),
            laptop.operation("fact", at="2026-09-21T18:00:00.000Z", station="Main door", **about), laptop.operation("fact", **about)]
    results = laptop.push(*sent, *good, audience=here).results
    assert [(one.status, one.reason) for one in results] == [("invalid", "form")] * len(sent) + [("ok", None)] * len(good)


def test_whatever_the_sample_holds_fits(make_desk: Callable[[str], Desk]) -> None:
    desk = make_desk("sample")
    make_sample(desk, 200, today=date(2026, 11, 1))
    with desk.reading() as connection:
        for name, shape in shapes().items():
            for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"').mappings():
                assert misfit(shape.forms, row) is None
