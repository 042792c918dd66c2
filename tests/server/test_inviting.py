"""Which chapter an invitation is for: found by name or id, made once, and never guessed."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.errors import Ambiguous, KnownError, Refused
from alumni_desk.protocol.codes import long_invitation, new_invitation
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    EnrolReply,
    EnrolRequest,
    HelloReply,
    HelloRequest,
    InviteReply,
    InviteRequest,
    LaptopsReply,
    Offer,
    ScopeRequest,
    Trouble,
    unpack,
)
from alumni_desk.protocol.proofs import enrol_proof
from alumni_desk.server.devices import device_rows
from alumni_desk.server.invitations import FAILURES_A_MINUTE, enrol, invite, make_chapter
from alumni_desk.server.refusals import Refusal


def chapters(office: Any) -> list[tuple[str, str]]:
    """Id and name of every chapter."""
    chapter = office.server.tables.tables["chapter"]
    with office.server.database.reading() as connection:
        return [(row.id, row.name) for row in connection.execute(sa.select(chapter.c.id, chapter.c.name))]


def refused(office: Any, name: str) -> str:
    """The code with which an invitation for this chapter is refused."""
    before = chapters(office)
    with pytest.raises(KnownError) as raised:
        office.invite(name)
    assert str(raised.value).endswith(".") and chapters(office) == before
    return raised.value.code


def test_a_chapter_is_found_by_its_id_and_by_its_name_however_it_is_written(office: Any) -> None:
    office.invite("Great  Lakes")
    [(scope, name)] = chapters(office)
    assert name == "Great Lakes"
    for text in (" great lakes ", "GREAT LAKES", scope):
        assert invite(office.server, chapter=text, role="leader", now=office.time()).scope == scope
    assert len(chapters(office)) == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\0b", "a\udcff"])
def test_a_name_that_is_none_is_refused(office: Any, name: str) -> None:
    assert refused(office, name) == "chapter_name"


def test_of_two_chapters_of_one_name_none_is_guessed(office: Any) -> None:
    with office.server.database.writing() as connection:
        ids = [make_chapter(connection, office.server.tables, name, office.time()) for name in ("Boston", "boston")]
    with pytest.raises(Ambiguous) as raised:
        office.invite("Boston")
    assert all(one in str(raised.value) for one in ids)
    assert invite(office.server, chapter=ids[1], role="leader", now=office.time()).scope == ids[1]


def test_a_chapter_that_is_gone_or_unknown_by_id_is_refused(office: Any) -> None:
    office.invite("Boston")
    [(scope, _name)] = chapters(office)
    chapter = office.server.tables.tables["chapter"]
    with office.server.database.writing() as connection:
        connection.execute(sa.update(chapter).values(gone=True))
    assert refused(office, scope) == "chapter_gone"
    assert refused(office, "0190a6a2-7b1c-7def-8123-456789abcdef") == "no_such_chapter"


def test_six_who_invite_at_once_make_one_chapter(office: Any) -> None:
    together, scopes = threading.Barrier(6), []

    def one() -> None:
        together.wait()
        scopes.append(invite(office.server, chapter="Boston", role="leader", now=office.time()).scope)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(scopes) == 6 and len(set(scopes)) == len(chapters(office)) == 1


def test_of_many_wrong_codes_at_once_no_more_are_tried_than_one_by_one(office: Any) -> None:
    good, together, codes = office.invite(), threading.Barrier(24), []

    def one() -> None:
        key, code = SigningKey.generate(), new_invitation()
        request = EnrolRequest(code=code, public_key=bytes(key.verify_key), name="", proof=enrol_proof(key, code))
        together.wait()
        try:
            enrol(office.server, request, office.time())
        except Refusal as refusal:
            codes.append(refusal.code)

    threads = [threading.Thread(target=one) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(codes) == {"invitation_wrong": FAILURES_A_MINUTE, "too_many_tries": 24 - FAILURES_A_MINUTE}
    office.time.now += 61_000
    key = SigningKey.generate()
    assert enrol(office.server, EnrolRequest(good, bytes(key.verify_key), "", enrol_proof(key, good)), office.time()).grants


def asking(code: str, key: SigningKey, **more: Any) -> EnrolRequest:
    """A call with this code."""
    return EnrolRequest(code=code, public_key=bytes(key.verify_key), name="laptop", proof=enrol_proof(key, code), **more)


def test_a_scanned_code_is_not_held_up_by_those_who_guess_and_a_forged_one_opens_nothing(office: Any) -> None:
    made = invite(office.server, chapter="Boston", role="leader", now=office.time())
    forged = long_invitation(made.code, bytes(10))
    assert forged != made.long and office.ask("enrol", asking(forged, SigningKey.generate())).code == "invitation_wrong"
    for _try in range(10):
        office.ask("enrol", asking(new_invitation(), SigningKey.generate()))
    key = SigningKey.generate()
    assert office.ask("enrol", asking(made.code, key)).code == "too_many_tries"
    assert office.call("enrol", asking(made.long, key), EnrolReply).grants[0].role == "leader"
    assert office.ask("enrol", asking(made.long, SigningKey.generate())).code == "invitation_used"


def test_to_look_at_an_invitation_uses_nothing_and_tells_nothing_else(office: Any) -> None:
    leader = office.laptop()
    gathering = uuid7()
    leader.push(leader.operation("gathering", gathering, name="Dinner"))
    code, key = office.invite(role="door", gathering=gathering), SigningKey.generate()
    seen = office.call("enrol", asking(code, key, look=True), EnrolReply)
    assert (seen.device, seen.certificates, seen.server_key) == ("", [], b"")
    assert [(one.role, one.gathering, one.scope_name, one.keys) for one in seen.grants] == [("door", gathering, "Boston", {})]
    other = SigningKey.generate()
    assert office.call("enrol", asking(code, other), EnrolReply).device
    assert office.ask("enrol", asking(code, key, look=True)).code == "invitation_used"
    assert office.ask("enrol", asking(new_invitation(), key, look=True)).code == "invitation_wrong"


def test_whoever_looks_hears_who_invites_to_what_and_until_when(office: Any) -> None:
    leader = office.laptop()
    gathering = uuid7()
    leader.push(leader.operation("gathering", gathering, name="Dinner", starts="2027-02-01T18:00", ends="2027-02-01T21:00", time_zone="UTC"))
    office.call("hello", HelloRequest(who="Priya Raman"), HelloReply, leader.token)
    made = office.call("invite", InviteRequest(scope=leader.scope, role="door", gathering=gathering), InviteReply, leader.token)
    key = SigningKey.generate()
    seen = office.call("enrol", asking(made.code, key, look=True), EnrolReply)
    assert seen.offer == Offer(by="Priya Raman", expires=made.expires, gathering="Dinner", guests=0)
    assert seen.grants[0].until == "2027-02-02T21:00:00+00:00"
    assert office.call("enrol", asking(made.code, SigningKey.generate()), EnrolReply).offer is None
    used = office.ask("enrol", asking(made.code, key, look=True))
    assert unpack(used.body, Trouble) == Trouble("invitation_used", at=office.time())
    assert unpack(office.ask("enrol", asking(new_invitation(), key)).body, Trouble).at is None


@pytest.mark.parametrize(("ends_in", "lasts"), [(3, 3), (24 * 30, 7 * 24), (-3, 21), (-30, 7 * 24)])
def test_an_invitation_to_a_door_ends_with_its_gathering(office: Any, ends_in: int, lasts: int) -> None:
    """Hours from now: of a gathering that is over it ends with the access to its door, and one that is far away is not waited for. None is made where
    that access has ended, too, neither from a laptop nor by the command."""
    leader = office.laptop()
    gathering, hour = uuid7(), 3_600_000
    office.time.now -= office.time.now % hour  # a wall time has whole minutes
    end = datetime.fromtimestamp(office.time() / 1000, UTC) + timedelta(hours=ends_in)
    leader.push(leader.operation("gathering", gathering, name="Dinner", starts=f"{end - timedelta(hours=4):%Y-%m-%dT%H:%M}", ends=f"{end:%Y-%m-%dT%H:%M}",
                                 time_zone="UTC"))
    wish = InviteRequest(scope=leader.scope, role="door", gathering=gathering)
    made = []
    if ends_in > -24:
        made = [invite(office.server, chapter="Boston", role="door", gathering=gathering, now=office.time()),
                office.call("invite", wish, InviteReply, leader.token)]
    else:
        with pytest.raises(Refused, match="over already") as said:
            invite(office.server, chapter="Boston", role="door", gathering=gathering, now=office.time())
        assert said.value.code == "gathering_over"
        refused = office.ask("invite", wish, leader.token)
        assert (refused.status, unpack(refused.body, Trouble).code) == (400, "gathering_over")
    for one in made:
        assert round((one.expires - office.time()) / hour) == lasts


def test_access_to_a_door_can_be_shortened_and_never_lasts_longer_than_the_gathering_lets_it(office: Any) -> None:
    leader = office.laptop()
    gathering, hour = uuid7(), 3_600_000
    office.time.now -= office.time.now % hour
    end = office.time() + 48 * hour
    wall = f"{datetime.fromtimestamp(end / 1000, UTC):%Y-%m-%dT%H:%M}"
    leader.push(leader.operation("gathering", gathering, name="Dinner", starts=wall, ends=wall, time_zone="UTC"))

    def until(wanted: int | None) -> int:
        made = office.call("invite", InviteRequest(scope=leader.scope, role="door", gathering=gathering, until=wanted), InviteReply, leader.token)
        key = SigningKey.generate()
        seen = office.call("enrol", asking(made.code, key, look=True), EnrolReply).grants[0].until
        device = office.call("enrol", asking(made.code, key), EnrolReply)
        assert seen is not None and device.grants[0].until == seen
        at = round(datetime.fromisoformat(seen).timestamp() * 1000)
        assert made.access == at, "whoever invites is told what the moment became"
        listed = office.call("laptops", ScopeRequest(leader.scope), LaptopsReply, leader.token)
        assert [row.until for row in listed.laptops if row.device == device.device] == [at]
        return at

    assert until(None) == end + 24 * hour and until(end + hour) == end + hour and until(end + 90 * hour) == end + 24 * hour
    assert office.call("invite", InviteRequest(scope=leader.scope, role="leader"), InviteReply, leader.token).access is None
    for role, wanted in (("door", office.time() - 1), ("leader", end)):
        asked = InviteRequest(scope=leader.scope, role=role, gathering=gathering if role == "door" else None, until=wanted)
        assert office.ask("invite", asked, leader.token).code == "until"


@pytest.mark.parametrize("never", ["9999-12-31T23:59:00-05:00", None])
def test_whoever_is_let_in_for_ever_while_nobody_has_said_when_the_gathering_is_comes_in(office: Any, never: str | None) -> None:
    """A day of the year 10000 is a moment as any other, and no calendar has it."""
    leader, gathering, key = office.laptop(), uuid7(), SigningKey.generate()
    leader.push(leader.operation("gathering", gathering, name="Dinner"))
    until = 2**64 - 1 if never is None else round(datetime.fromisoformat(never).timestamp() * 1000)
    made = office.call("invite", InviteRequest(scope=leader.scope, role="door", gathering=gathering, until=until), InviteReply, leader.token)
    [grant] = office.call("enrol", asking(made.code, key), EnrolReply).grants
    assert grant.until is not None and grant.until.startswith("9999-12-31")


def test_whom_an_invitation_is_for_is_said_until_they_say_it_themselves(office: Any) -> None:
    code, key = invite(office.server, chapter="Boston", role="leader", now=office.time(), name="  Priya   Nair ").code, SigningKey.generate()
    device = office.call("enrol", asking(code, key), EnrolReply).device
    assert [row.who for row in device_rows(office.server) if row.id == device] == ["Priya Nair"]
    laptop = type(office.laptop())(office, key, office.server.id, device, "")
    laptop.begin()
    office.call("hello", HelloRequest(), HelloReply, laptop.token)
    assert [row.who for row in device_rows(office.server) if row.id == device] == ["Priya Nair"]
    office.call("hello", HelloRequest(who="Dr. Nair"), HelloReply, laptop.token)
    assert [row.who for row in device_rows(office.server) if row.id == device] == ["Dr. Nair"]
