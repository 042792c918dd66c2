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
from alumni_desk.checkin.records import KINDS
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.forms import misfit
from alumni_desk.protocol.ids import uuid7
from alumni_desk.sample.chapter import make_sample
from alumni_desk.segments.activity import deeds
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.digest import check
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


@pytest.mark.parametrize("kind", ["void", "out", "in", "badge"])
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


@pytest.mark.parametrize("who", ["door", "leader"])
def test_a_fact_of_a_kind_that_nobody_knows_is_refused_by_itself(evening: Evening, who: str) -> None:
    laptop, row = (evening.door if who == "door" else evening.leader), {"registration": evening.registration, "person": evening.guest}
    sent = [laptop.operation("fact", kind=kind, gathering=evening.gathering, **row) for kind in (*KINDS, "handed_out", "IN", "x" * 60_000, *KINDS)]
    results = laptop.push(*sent, audience=evening.gathering).results
    assert [(one.status, one.reason) for one in results] == [*[("ok", None)] * 4, *[("invalid", "fact_kind")] * 3, *[("ok", None)] * 4]


@pytest.mark.parametrize("who", ["door", "leader"])
@pytest.mark.parametrize("letters", [4_000, 4_001, 60_000, 120_000])
def test_a_fact_with_a_text_that_no_line_holds_counts_and_of_the_text_its_beginning_is_kept(evening: Evening, who: str, letters: int) -> None:
    laptop, here = (evening.door if who == "door" else evening.leader), evening.gathering
    about = {"gathering": here, "registration": evening.registration, "person": evening.guest}
    sent = laptop.operation("fact", kind="in", station="s" * letters, by="b" * letters, reason="r", method="name", **about)
    reply = laptop.push(sent, audience=here)
    assert (reply.results[0].status, reply.before is None) == ("ok", who == "door" or letters > 4_000), "whoever sent it pulls it, then"
    there = evening.leader.rows()["fact", sent.row]
    kept = "s" * letters if letters == 4_000 else "s" * 3_999 + "…"
    assert (there["station"], there["by"], there["reason"], there["method"]) == (kept, kept.replace("s", "b"), "r", "name")
    assert laptop.push(sent, audience=here).results[0].first == "ok"
    longer = laptop.operation("fact", sent.row, kind="in", station="s" * letters, by="b" * letters, reason="r", method="name", **about)
    assert laptop.push(longer, audience=here).results[0].status == "ok", "the same fact once more"


def test_a_check_in_at_a_desk_of_an_older_program_counts_and_is_alike_everywhere(office: Any, evening: Evening, reader: Desk) -> None:
    sync_once(reader, wire=office.wire())
    with reader.writing("checked_in", gathering=evening.gathering) as writing:  # as it was before a line had its limit
        writing.add("fact", kind="in", gathering=evening.gathering, registration=evening.registration, person=evening.guest, station="x" * 60_000)
    done = sync_once(reader, wire=office.wire())
    assert (done.waiting, done.refused) == (0, 0)
    assert headcount(reader, evening.gathering).present == 1
    [there] = [row for (table, _id), row in evening.leader.rows().items() if table == "fact"]
    with reader.reading() as connection:
        assert connection.exec_driver_sql("SELECT station FROM fact").scalar_one() == there["station"] == "x" * 3_999 + "…"
        assert "x" * 60_000 in connection.exec_driver_sql("SELECT fields FROM operation WHERE table_name = 'fact'").scalar_one(), "the whole stays here"
        membership = state.read(connection, state.Membership)
    assert membership is not None and verify(reader).ok
    assert check(reader, office.wire(), membership)
    with reader.reading() as connection:
        checked = state.read(connection, state.Checked)
    assert checked is not None and checked.mended == 0


def test_the_texts_of_a_place_on_a_list(evening: Evening) -> None:
    limits = {"badge_name": 32_767, "badge_tail": 4_000, "table_name": 4_000, "meal": 4_000, "door_note": 4_000}
    row, leader = evening.registration, evening.leader
    longest = [leader.operation("registration", row, **{name: "x" * limit}) for name, limit in limits.items()]
    longer = [leader.operation("registration", row, **{name: "x" * (limit + 1)}) for name, limit in limits.items()]
    results = leader.push(*longest, *longer, audience=evening.gathering).results
    assert [(one.status, one.reason) for one in results] == [("ok", None)] * 5 + [("invalid", "form")] * 5


def test_a_reason_is_said_in_words() -> None:
    assert "cannot be" in why("form") and "older than this program" in why("fact_kind") and "code" in why("code")


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
FACTS = [("at", "garbage"), ("at", "2026-02-30T18:00:00.000Z"), ("at", "2026-09-21T18:00:00"), ("registration", "garbage"), ("person", "garbage")]


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
