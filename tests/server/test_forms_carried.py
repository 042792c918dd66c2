"""What has not the form of its field, where another laptop carries it or it is set aside: refused by itself, believed by nobody, and in nobody's way."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alumni_desk.checkin.lists import DoorList, headcount, last_in
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.lists import member, member_rows
from alumni_desk.protocol.codes import badge_code
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    Certificate,
    HelloReply,
    HelloRequest,
    Operation,
    PushReply,
    PushRequest,
    Sealed,
)
from alumni_desk.protocol.sealing import seal
from alumni_desk.protocol.venue_keys import keys_of
from alumni_desk.segments.activity import deeds
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.sync import set_aside
from alumni_desk.sync.engine import sync_once
from alumni_desk.sync.join import join
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.credentials import me

NO_LISTS = ("garbage", "5", "null", '"text"', "{}", "[", "[" * 30_000, "[1]", '["\\ud800"]', "NaN")
REGISTRATIONS = [("status", "banana"), ("code", ""), ("code", "BBBB-BBBB"), ("host", "garbage"), ("answered_at", "9999-99-99T99:99:99Z"),
                 ("answered_at", "soon"), ("badge_name", "x" * 40_000), ("table_name", "x" * 5_000), ("door_note", "x" * 5_000)]
FACTS = [("at", "garbage"), ("at", "2026-02-30T18:00:00.000Z"), ("registration", "garbage"), ("person", "garbage"), ("kind", "handed_out"),
         ("kind", "x" * 60_000), *(("closes", one) for one in NO_LISTS)]
PEOPLE = [("standing", "banana"), ("class_year", 99_999), ("merged_into", "garbage")]

ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(-2**63, 2**63 - 1), st.text(max_size=20), st.sampled_from(
    [*NO_LISTS, "x" * 60_000, "9999-12-31T23:59:59.999Z", "9999-99-99T99:99:99Z", "0001-01-01T00:00:00+14:00", "banana", "\u202e", "2026-09-21T18:00"]))
PLACES = [*((name, field) for name, shape in shapes().items() for field in shape.fields if field != "gone"),
          ("person", "of_a_newer_desk"), ("of_a_newer_desk", "name")]
SEVERAL = settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
AT_DESKS = pytest.mark.parametrize("database", ["sqlcipher"], indirect=True)
"""Between desks the server's kind of database does not matter."""


class Evening(NamedTuple):
    """A gathering with one guest, a leader, a laptop at the door, and the desk of another leader."""

    office: Any
    leader: Any
    door: Any
    desk: Desk
    gathering: str
    guest: str
    registration: str
    code: str

    def laptop(self, who: str) -> Any:
        """The laptop that writes what is not sensible."""
        return self.door if who == "door" else self.leader

    def bad(self, laptop: Any) -> list[Operation]:
        """One of everything that has no form, as somebody of this role may write it."""
        found = [laptop.operation("registration", self.registration, **{name: value}) for name, value in (*REGISTRATIONS, ("host", self.registration))]
        about = {"kind": "out", "gathering": self.gathering, "registration": self.registration, "person": self.guest}
        return [*found, *(laptop.operation("fact", **{**about, name: value}) for name, value in FACTS)]

    def good(self, laptop: Any) -> list[Operation]:
        """A change and a check-in beside them."""
        return [laptop.operation("registration", self.registration, table_name="7"),
                laptop.operation("fact", kind="in", gathering=self.gathering, registration=self.registration, person=self.guest,
                                 at="2026-09-21T18:00:00.000Z", station="x" * 60_000)]


@pytest.fixture
def evening(office: Any, make_desk: Any) -> Evening:
    """Everybody is there, and has synced."""
    leader, code = office.laptop(), badge_code()
    gathering, guest = uuid7(), uuid7()
    registration = registration_id(gathering, guest)
    leader.push(leader.operation("gathering", gathering, name="Dinner", starts="2026-09-21T18:00", ends="2026-09-21T22:00", time_zone="UTC"),
                leader.operation("person", guest, first_name="Ana", last_name="Guest", standing="member"),
                leader.operation("registration", registration, gathering=gathering, person=guest, status="yes", code=code))
    office.time.now += 1_000
    desk = make_desk("desk")
    join(desk, "http://127.0.0.1:9", office.invite(), wire=office.wire())
    sync_once(desk, wire=office.wire())
    return Evening(office, leader, office.laptop(role="door", gathering=gathering), desk, gathering, guest, registration, code)


def read_all(evening: Evening) -> None:
    """Everything that shows anything of the guest."""
    desk, here = evening.desk, evening.gathering
    guest_rows(desk, here)
    headcount(desk, here)
    last_in(desk, here)
    DoorList(desk, here).find("Guest")
    member_rows(desk)
    member(desk, evening.guest)
    deeds(desk, look=True)


def sealed(evening: Evening, laptop: Any, *operations: Operation, audience: str | None = None) -> tuple[list[Sealed], list[Certificate]]:
    """Operations in sealed parcels, as a laptop gives them to others; and what it is known by."""
    reply = evening.office.call("hello", HelloRequest(), HelloReply, laptop.token)
    keys = keys_of(reply.grants[0].keys, reply.grants[0].gathering)
    parcels = laptop.parcels(*operations, audience=audience or evening.gathering).parcels
    return [seal(one, keys, laptop.key) for one in parcels], reply.certificates


def take_in(evening: Evening, parcels: list[Sealed], chain: list[Certificate]) -> holding.TakenIn:
    """What a desk makes of others' parcels."""
    with evening.desk.reading() as connection:
        mine = me(connection)
    return holding.take_in(evening.desk, mine, parcels, [chain])


def laid(desk: Desk) -> set[str]:
    """The operations of others that a desk shows."""
    with desk.reading() as connection:
        return set(connection.exec_driver_sql("SELECT id FROM operation WHERE queue = 'peer'").scalars())


@pytest.mark.parametrize("who", ["door", "leader"])
def test_relayed_it_is_refused_and_nothing_beside_it(evening: Evening, who: str) -> None:
    laptop = evening.laptop(who)
    bad, good = evening.bad(laptop), evening.good(laptop)
    parcels, _chain = sealed(evening, laptop, *bad, *good)
    carrier = evening.office.laptop()
    reply = evening.office.call("push", PushRequest([], relayed=parcels), PushReply, carrier.token)
    results = {one.id: one for answer in reply.relayed for one in answer.results}
    assert {answer.status for answer in reply.relayed} == {"taken"}
    assert {(results[one.id].status, results[one.id].reason) for one in bad} == {("invalid", "form"), ("invalid", "fact_kind")}
    assert {results[one.id].status for one in good} == {"ok"}
    again = laptop.push(*bad, *good, audience=evening.gathering).results
    assert {one.first for one in again} == {"invalid", "ok"}, "and by itself it hears the same"
    sync_once(evening.desk, wire=evening.office.wire())
    assert headcount(evening.desk, evening.gathering).present == 1
    read_all(evening)


@pytest.mark.parametrize("who", ["door", "leader"])
def test_set_aside_it_is_looked_at_released_and_refused_and_nothing_beside_it(evening: Evening, who: str) -> None:
    laptop, wire = evening.laptop(who), evening.office.wire()
    bad, good = evening.bad(laptop), evening.good(laptop)
    admin = evening.office.laptop(role="admin")
    evening.office.call(f"devices/{laptop.device}/revoke", HelloRequest(), HelloReply, admin.token)
    assert {one.status for one in laptop.push(*bad, *good, audience=evening.gathering).results} == {"quarantined"}
    [aside] = set_aside.set_aside(evening.desk, wire=wire)
    assert aside.count == len(bad) + len(good) and aside.what
    done = set_aside.release(evening.desk, aside.id, wire=wire)
    assert (done.taken, done.refused) == (len(good), len(bad))
    sync_once(evening.desk, wire=wire)
    assert headcount(evening.desk, evening.gathering).present == 1
    read_all(evening)


@AT_DESKS
@pytest.mark.parametrize("who", ["door", "leader"])
def test_at_a_venue_it_is_carried_and_not_believed(evening: Evening, who: str) -> None:
    laptop, wire = evening.laptop(who), evening.office.wire()
    bad, good = evening.bad(laptop), evening.good(laptop)
    taken = take_in(evening, *sealed(evening, laptop, *bad, *good))
    assert (taken.refused, taken.opened) == (0, taken.new)
    assert laid(evening.desk) == {one.id for one in good}
    hit = DoorList(evening.desk, evening.gathering).hits[evening.registration]
    assert (hit.here, hit.table_name, hit.code, len(hit.station or "")) == (True, "7", evening.code, 4_000)
    read_all(evening)
    done = sync_once(evening.desk, wire=wire)  # it brings the server what it carries
    assert (done.waiting, done.refused) == (0, 0)
    again = laptop.push(*bad, *good, audience=evening.gathering).results
    assert {one.first for one in again} == {"invalid", "ok"}
    sync_once(evening.desk, wire=wire)
    assert headcount(evening.desk, evening.gathering).present == 1
    assert verify(evening.desk).ok
    read_all(evening)


@AT_DESKS
def test_at_a_venue_a_leader_is_not_believed_what_is_for_the_chapter_either(evening: Evening) -> None:
    leader = evening.leader
    bad = [leader.operation("person", evening.guest, **{name: value}) for name, value in PEOPLE]
    good = leader.operation("person", evening.guest, city="Faro")
    take_in(evening, *sealed(evening, leader, *bad, good, audience="chapter"))
    read_all(evening)
    assert laid(evening.desk) == {good.id}
    sync_once(evening.desk, wire=evening.office.wire())
    assert {one.first for one in leader.push(*bad).results} == {"invalid"}


def anything(laptop: Any, evening: Evening, said: list[tuple[tuple[str, str], Any]]) -> list[Operation]:
    """Operations with any value in any field."""
    row = {"registration": evening.registration, "person": evening.guest, "gathering": evening.gathering}
    about = {"gathering": evening.gathering, "registration": evening.registration, "person": evening.guest, "kind": "out"}
    return [laptop.operation(table, row.get(table), **{**(about if table == "fact" else {}), name: value}) for (table, name), value in said]


SAID = st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=12)


@AT_DESKS
@pytest.mark.parametrize("who", ["door", "leader"])
@SEVERAL
@given(said=SAID)
def test_no_value_at_a_venue_is_a_trouble_of_who_carries_it(evening: Evening, who: str, said: list[tuple[tuple[str, str], Any]]) -> None:
    laptop = evening.laptop(who)
    audience = evening.gathering if who == "door" else "chapter"
    taken = take_in(evening, *sealed(evening, laptop, *anything(laptop, evening, said), audience=audience))
    assert taken.refused == 0
    read_all(evening)
    assert sync_once(evening.desk, wire=evening.office.wire()).waiting == 0
    read_all(evening)


@AT_DESKS
@pytest.mark.parametrize("who", ["door", "leader"])
@SEVERAL
@given(said=SAID)
def test_no_value_that_is_set_aside_is_a_trouble_of_who_looks_at_it(evening: Evening, who: str, said: list[tuple[tuple[str, str], Any]]) -> None:
    wire = evening.office.wire()
    laptop = evening.office.laptop(role="door", gathering=evening.gathering) if who == "door" else evening.office.laptop()
    admin = evening.office.laptop(role="admin")
    evening.office.call(f"devices/{laptop.device}/revoke", HelloRequest(), HelloReply, admin.token)
    sent = anything(laptop, evening, said)
    assert {one.status for one in laptop.push(*sent, audience=evening.gathering if who == "door" else "chapter").results} == {"quarantined"}
    [aside] = [one for one in set_aside.set_aside(evening.desk, wire=wire) if one.device == laptop.device]
    done = set_aside.release(evening.desk, aside.id, wire=wire)
    assert done.taken + done.refused == len(sent)
    sync_once(evening.desk, wire=wire)
    read_all(evening)
