"""A laptop at the door of one gathering: what it sees, what it forgets, and what it may still send when its time is over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.store.test_erasing import findings

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.desktop.sync_facts import look_up
from alumni_desk.desktop.sync_words import sentences
from alumni_desk.errors import KnownError, Refused
from alumni_desk.exchange.exporting import export_ndjson, members_csv
from alumni_desk.gatherings.actions import add_guest_of, add_guests, change_gathering, new_gathering, remove_guests, set_rsvp
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member as member_of
from alumni_desk.protocol.policy import project
from alumni_desk.store import backup
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.store.finding import find_people
from alumni_desk.store.history import history
from alumni_desk.store.undo import undo
from alumni_desk.sync import snapshot
from alumni_desk.sync.conflicts import conflicts
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.pull import begin_again
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.venue.files import open_file, write_handout

MakeDesk = Callable[[str], Desk]

SOON = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%d")
LONG_AGO = (datetime.now(UTC) - timedelta(days=5)).strftime("%Y-%m-%d")


def evening(desk: Desk, name: str = "Autumn Dinner", day: str = SOON) -> str:
    """A gathering."""
    return new_gathering(desk, name=name, start=f"{day}T18:00", end=f"{day}T22:00", time_zone="UTC", place="Pier 6").id


def rows(desk: Desk, table: str) -> dict[str, dict[str, Any]]:
    """A table's rows by id, as the desk has them."""
    with desk.reading() as connection:
        return {row["id"]: dict(row) for row in connection.execute(sa.select(desk.tables[table])).mappings()}


def facts_of(desk: Desk, registration: str) -> list[str]:
    """The kinds of a guest's facts, in order."""
    found = [row for row in rows(desk, "fact").values() if row["registration"] == registration]
    return [row["kind"] for row in sorted(found, key=lambda row: row["clock"])]


def refused(desk: Desk) -> list[tuple[str, str, str]]:
    """What the server did not take."""
    with desk.reading() as connection:
        return [(row.table_name, row.fields, row.reason) for row in
                connection.exec_driver_sql("SELECT table_name, fields, reason FROM operation_now WHERE fate = 'refused'")]


@pytest.fixture
def leader(office: Any, make_desk: MakeDesk) -> Desk:
    """A leader's desk, joined and synced."""
    desk = make_desk("leader")
    join(desk, office.url, office.invite())
    sync_once(desk)
    return desk


@pytest.fixture
def at_door(office: Any, make_desk: MakeDesk) -> Callable[..., Desk]:
    """Makes desks that joined the door of a gathering, and synced."""

    def make(gathering: str, name: str = "door") -> Desk:
        desk = make_desk(name)
        join(desk, office.url, office.invite("door", gathering))
        sync_once(desk)
        return desk

    return make


def member(desk: Desk, last_name: str, **fields: Any) -> str:
    """A member."""
    return add_member(desk, first_name="Ana", last_name=last_name, **fields).id


def test_it_sees_its_gathering_as_the_door_may_and_nothing_else(leader: Desk, at_door: Callable[..., Desk]) -> None:
    dinner, other = evening(leader), evening(leader, "Board Meeting")
    guest = member(leader, "Guest", email="ana@example.org", mobile="+1 617 555 0143", employer="Acme", city="Boston", street="1 Main St")
    elsewhere, nowhere = member(leader, "Elsewhere"), member(leader, "Nowhere")
    add_guests(leader, dinner, [guest])
    add_guests(leader, other, [elsewhere])
    sync_once(leader)
    door = at_door(dinner)
    assert rows(door, "gathering").keys() == {dinner}
    assert rows(door, "person").keys() == {guest} and nowhere not in rows(door, "person")
    assert rows(door, "registration").keys() == {registration_id(dinner, guest)}
    seen = rows(door, "person")[guest]
    assert (seen["last_name"], seen["city"], seen["mobile"]) == ("Guest", "Boston", "0143")
    assert [seen[name] for name in ("email", "employer", "street", "phone")] == [None] * 4
    for table in ("chapter", "gathering", "person", "registration", "fact"):
        there = rows(leader, table)
        for row_id, row in rows(door, table).items():
            wanted = project("door", shapes()[table], there[row_id])
            assert {name: row[name] for name in wanted or {}} == wanted, (table, row_id)
            assert all(value is None for name, value in row.items() if name not in (wanted or {}) and name not in ("scope", "gone"))
    assert (status(door).role, status(door).gathering) == ("door", dinner)
    with door.applying() as applying:  # as if an older policy had let it see more
        applying.connection.exec_driver_sql("UPDATE person SET email = 'ana@example.org'")
    change_member(leader, guest, city="Lynn")
    sync_once(leader)
    sync_once(door)
    assert (rows(door, "person")[guest]["city"], rows(door, "person")[guest]["email"]) == ("Lynn", None)


def test_the_table_of_members_from_a_door_has_no_contact_that_was_typed_there(leader: Desk, at_door: Callable[..., Desk], tmp_path: Path) -> None:
    dinner = evening(leader)
    person = member(leader, "First")
    add_guests(leader, dinner, [person])
    sync_once(leader)
    door = at_door(dinner)
    walk_in(door, dinner, "Ana First", person_id=person, email="new@example.org", mobile="+1 617 555 0188")
    members_csv(door, tmp_path / "door.csv")
    table = (tmp_path / "door.csv").read_text("utf-8-sig")
    assert "Ana" in table and "new@example.org" not in table and "555" not in table and ",0188," in table


def test_what_is_done_at_the_door_reaches_the_leader(leader: Desk, at_door: Callable[..., Desk], tmp_path: Path) -> None:
    dinner = evening(leader)
    first, second = member(leader, "First"), member(leader, "Second")
    add_guests(leader, dinner, [first, second])
    sync_once(leader)
    door = at_door(dinner)
    assert check_in(door, dinner, registration_id(dinner, first)).fact
    check_in(door, dinner, registration_id(dinner, second))
    check_out(door, dinner, registration_id(dinner, second))
    undo_check_in(door, dinner, registration_id(dinner, first), reason="wrong name")
    verdict = walk_in(door, dinner, "Bo Walker", consent=True, email="bo@example.org", mobile="+1 617 555 0188", class_year=1999, city="Lynn")
    with_guest = add_guest_of(door, dinner, registration_id(dinner, second), "Her Brother")
    exports = set()
    for _turn in range(2):  # before the server has it, and after
        assert "email" not in {one.field for one in history(door, "person", verdict.person)}
        assert not {"bo@example.org", "+1 617 555 0188"} & set(map(str, member_of(door, verdict.person).fields.values()))
        assert member_of(door, verdict.person).fields["mobile"] == "0188"
        export_ndjson(door, tmp_path / "door.ndjson")
        exported = (tmp_path / "door.ndjson").read_text()
        assert '"last_name":"Walker"' in exported and '"mobile":"0188"' in exported
        assert "bo@example.org" not in exported and "555 0188" not in exported
        exports.add(exported)
        sync_once(door)
    assert len(exports) == 1
    assert undo_check_in(door, dinner, verdict.registration).closed and check_in(door, dinner, verdict.registration).fact
    mistaken = walk_in(door, dinner, "Not Really", email="not@example.org")
    undo(door, next(one.id for one in actions(door, limit=1)))
    result = sync_once(door)
    assert (result.refused, result.waiting, refused(door)) == (0, 0, [])
    sync_once(leader)
    assert facts_of(leader, registration_id(dinner, first)) == ["in", "void"]
    assert facts_of(leader, registration_id(dinner, second)) == ["in", "out"]
    assert facts_of(leader, verdict.registration) == ["in", "void", "in"]
    bo = rows(leader, "person")[verdict.person]
    assert (bo["last_name"], bo["email"], bo["mobile"], bo["consent"], bo["standing"], bo["city"], bo["class_year"]) == (
        "Walker", "bo@example.org", "+1 617 555 0188", "contact", "guest", "Lynn", 1999)
    assert rows(leader, "registration")[verdict.registration]["walk_in"]
    assert {rows(leader, "registration")[one]["host"] for one in with_guest.registrations} == {registration_id(dinner, second)}
    assert rows(leader, "person")[mistaken.person]["gone"] and rows(leader, "registration")[mistaken.registration]["gone"]
    sync_once(door)
    assert rows(door, "person")[verdict.person]["email"] is None and rows(door, "person")[verdict.person]["mobile"] == "0188"
    assert mistaken.person not in rows(door, "person")


def test_it_takes_back_its_own_check_ins_for_two_minutes_and_no_others(leader: Desk, at_door: Callable[..., Desk],
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    dinner = evening(leader)
    people = [member(leader, name) for name in ("First", "Second", "Third")]
    first, second, third = (registration_id(dinner, person) for person in people)
    add_guests(leader, dinner, people)
    check_in(leader, dinner, second)
    sync_once(leader)
    door = at_door(dinner)
    with pytest.raises(Refused, match="Second was checked in on another laptop") as caught:
        undo_check_in(door, dinner, second)
    assert caught.value.code == "not_its_own"
    check_in(door, dinner, first)
    check_in(door, dinner, third)
    assert undo_check_in(door, dinner, first).closed
    now = Desk.now
    monkeypatch.setattr(Desk, "now", lambda desk: now(desk) + timedelta(minutes=3))
    for take_back in (lambda: undo_check_in(door, dinner, third), lambda: undo(door, next(
            one.id for one in actions(door) if one.event == "checked_in" and one.state == "done"))):
        with pytest.raises(Refused, match="more than two minutes ago") as caught:
            take_back()
        assert caught.value.code == "too_long_ago"
    sync_once(door)
    sync_once(leader)
    assert (facts_of(leader, first), facts_of(leader, second), facts_of(leader, third)) == (["in", "void"], ["in"], ["in"])
    assert undo_check_in(leader, dinner, third).closed, "a leader takes any back, whenever"


def test_a_leaders_work_inside_a_gathering_is_taken_whole(leader: Desk) -> None:
    dinner = evening(leader)
    guest = member(leader, "Guest")
    add_guests(leader, dinner, [guest])
    one = registration_id(dinner, guest)
    add_guest_of(leader, dinner, one, "Some Body", email="some@example.org")
    set_rsvp(leader, dinner, [one], "maybe")
    check_in(leader, dinner, one)
    walk_in(leader, dinner, "Wal Kin", email="w@example.org")
    remove_guests(leader, dinner, [registration_id(dinner, row) for row in rows(leader, "person") if row != guest][:1])
    result = sync_once(leader)
    assert (result.refused, result.waiting) == (0, 0)


def test_who_comes_and_goes_comes_and_goes_here_for_good(leader: Desk, at_door: Callable[..., Desk]) -> None:
    dinner = evening(leader)
    stays, leaves = member(leader, "Stayer"), member(leader, "Quetzalcoatlus", pronunciation="quetzalcoatlus ket-sal")
    add_guests(leader, dinner, [stays, leaves])
    sync_once(leader)
    door = at_door(dinner)
    change_member(leader, leaves, preferred_name="Quetzalcoatlus the Second", city="Quetzalcoatlus")
    sync_once(leader)
    sync_once(door)
    backup.by_itself(door.profile, door.key, "daily")
    with door.reading() as connection:
        assert find_people(connection, "quetzalcoatlus", 10).ids
    assert findings(door.profile, door.key, "Quetzalcoatlus"), "the look itself must be able to find it"
    late = member(leader, "Latecomer")
    add_guests(leader, dinner, [late])
    set_rsvp(leader, dinner, [registration_id(dinner, leaves)], "cancelled")
    sync_once(leader)
    sync_once(door)
    assert rows(door, "person").keys() == {stays, late}
    assert rows(door, "registration").keys() == {registration_id(dinner, stays), registration_id(dinner, late)}
    with door.reading() as connection:
        assert not find_people(connection, "quetzalcoatlus", 10).ids
    assert findings(door.profile, door.key, "Quetzalcoatlus") == []
    set_rsvp(leader, dinner, [registration_id(dinner, leaves)], "yes")
    sync_once(leader)
    sync_once(door)
    assert rows(door, "person")[leaves]["last_name"] == "Quetzalcoatlus"


@pytest.mark.parametrize("way", ["hand-out", "anew", "file"])
def test_who_went_while_the_list_came_as_a_whole_is_here_no_more(leader: Desk, at_door: Callable[..., Desk], way: str, tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    dinner = evening(leader)
    stays, leaves = member(leader, "Stayer"), member(leader, "Quetzalcoatlus")
    add_guests(leader, dinner, [stays, leaves])
    sync_once(leader)
    door = at_door(dinner)
    change_member(leader, leaves, preferred_name="Quetzalcoatlus the Second", city="Quetzalcoatlus")
    for desk in (leader, door):
        sync_once(desk)
    backup.by_itself(door.profile, door.key, "daily")
    assert findings(door.profile, door.key, "Quetzalcoatlus"), "the look itself must be able to find it"
    set_rsvp(leader, dinner, [registration_id(dinner, leaves)], "cancelled")
    sync_once(leader)
    if way == "hand-out":
        write_handout(leader, dinner, tmp_path / "list.alumnidesk")
        open_file(door, tmp_path / "list.alumnidesk")
        assert rows(door, "person").keys() == {stays}
        assert findings(door.profile, door.key, "Quetzalcoatlus") == []
    else:  # the server was restored
        monkeypatch.setattr(snapshot, "WORTH", 1 if way == "file" else 1_000_000)
        with door.applying() as applying:
            begin_again(applying.connection, str(door.scope))
    sync_once(door)
    assert rows(door, "person").keys() == {stays}
    assert findings(door.profile, door.key, "Quetzalcoatlus") == []


def test_what_a_leader_had_to_decide_does_not_go_along_to_a_door(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    dinner, other = evening(leader), make_desk("other")
    join(other, office.url, office.invite())
    who = member(leader, "Guest")
    for desk in (leader, other):
        sync_once(desk)
    for desk, said in ((leader, "Quetzalcoatlus"), (other, "Archaeopteryx")):
        change_member(desk, who, notes=said)
    for desk in (leader, other, leader):
        sync_once(desk)
    assert len(conflicts(leader)) == 1
    join(leader, office.url, office.invite("door", dinner))
    sync_once(leader)
    for said in ("Quetzalcoatlus", "Archaeopteryx"):
        assert findings(leader.profile, leader.key, said) == []
    join(leader, office.url, office.invite())
    sync_once(leader)
    assert len(conflicts(leader)) == 1, "it is told again"


def test_who_leaves_while_something_is_to_send_is_sent_all_the_same(leader: Desk, at_door: Callable[..., Desk]) -> None:
    dinner = evening(leader)
    guest = member(leader, "Guest")
    add_guests(leader, dinner, [guest])
    sync_once(leader)
    door = at_door(dinner)
    one = registration_id(dinner, guest)
    set_rsvp(leader, dinner, [one], "cancelled")
    sync_once(leader)
    check_in(door, dinner, one)
    assert sync_once(door).refused == 0
    sync_once(door)
    sync_once(leader)
    assert facts_of(leader, one) == ["in"]
    assert one in rows(door, "registration") and guest in rows(door, "person"), "somebody who came stays on the door's list"


def test_after_the_end_it_reads_nothing_and_still_sends(leader: Desk, at_door: Callable[..., Desk]) -> None:
    dinner = evening(leader, "Autumn Dinner")
    guest = member(leader, "Quetzalcoatlus", pronunciation="quetzalcoatlus")
    add_guests(leader, dinner, [guest])
    sync_once(leader)
    door = at_door(dinner)
    backup.by_itself(door.profile, door.key, "daily")
    check_in(door, dinner, registration_id(dinner, guest))
    walked = walk_in(door, dinner, "Bo Walker", email="bo@example.org")
    change_gathering(leader, dinner, start=f"{LONG_AGO}T18:00", end=f"{LONG_AGO}T22:00")
    sync_once(leader)
    result = sync_once(door)
    assert (result.waiting, result.refused, result.pulled) == (0, 0, 0) and result.pushed >= 5
    standing = status(door)
    assert standing.state == "ended"
    assert standing.sentence.startswith("This laptop’s access to the door of Autumn Dinner ended on ")
    assert standing.sentence.endswith("nothing is left to send.")
    assert all(not rows(door, name) for name in shapes())
    assert findings(door.profile, door.key, "Quetzalcoatlus") == []
    assert findings(door.profile, door.key, "Walker") == []
    sync_once(leader)
    assert facts_of(leader, registration_id(dinner, guest)) == ["in"]
    assert rows(leader, "person")[walked.person]["email"] == "bo@example.org"
    assert sync_once(door).pulled == 0
    change_gathering(leader, dinner, start=f"{SOON}T18:00", end=f"{SOON}T22:00")
    sync_once(leader)
    sync_once(door)
    assert status(door).state == "synced" and guest in rows(door, "person"), "the grant follows the gathering"


def test_after_the_end_it_offers_its_check_ins_again_to_a_server_that_lost_them(make_server: Any, make_desk: MakeDesk, tmp_path: Path,
                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "three words to remember")
    server, leader, door = make_server(), make_desk("leads"), make_desk("at the door")
    join(leader, server.url, server.invite())
    dinner, guest = evening(leader, "Autumn Dinner"), member(leader, "Quetzalcoatlus")
    add_guests(leader, dinner, [guest])
    sync_once(leader)
    join(door, server.url, server.invite(role="door", gathering=dinner))
    sync_once(door)
    check_in(door, dinner, registration_id(dinner, guest))
    change_gathering(leader, dinner, start=f"{LONG_AGO}T18:00", end=f"{LONG_AGO}T22:00")
    sync_once(leader)
    server.run("server", "backup", str(tmp_path / "b.backup"))
    assert sync_once(door).pushed == 1 and status(door).state == "ended"
    server.stop()
    server.run("server", "restore", str(tmp_path / "b.backup"), "--replace")
    server.start()
    assert sync_once(door).pushed == 1, "it is not there any more"
    sync_once(leader)
    assert facts_of(leader, registration_id(dinner, guest)) == ["in"]
    assert all(not rows(door, name) for name in shapes()) and findings(door.profile, door.key, "Quetzalcoatlus") == []
    server.run("server", "backup", str(tmp_path / "c.backup"))
    sync_once(door)
    with door.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM operation").scalar() == 0, "a backup has it"


def test_what_waits_stays_when_the_push_does_not_get_through(leader: Desk, at_door: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    from alumni_desk.sync import engine

    dinner = evening(leader)
    guest = member(leader, "Quetzalcoatlus")
    add_guests(leader, dinner, [guest])
    sync_once(leader)
    door = at_door(dinner)
    check_in(door, dinner, registration_id(dinner, guest))
    change_gathering(leader, dinner, start=f"{LONG_AGO}T18:00", end=f"{LONG_AGO}T22:00")
    sync_once(leader)
    with monkeypatch.context() as cut:
        cut.setattr(engine, "push", lambda *_, **__: (_ for _ in ()).throw(KnownError("sync_unreachable", "cut")))
        with pytest.raises(KnownError):
            sync_once(door)
    assert "1 change is still to send" in status(door).sentence
    assert findings(door.profile, door.key, "Quetzalcoatlus") == []
    assert all(not rows(door, name) for name in shapes())
    assert sync_once(door).pushed == 1
    sync_once(leader)
    assert facts_of(leader, registration_id(dinner, guest)) == ["in"]


def test_without_the_server_its_time_ends_too_but_a_clock_that_jumps_only_locks(leader: Desk, at_door: Callable[..., Desk],
                                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    from alumni_desk.sync import access, engine
    from alumni_desk.sync import door as doors

    dinner = evening(leader)
    guest = member(leader, "Quetzalcoatlus")
    add_guests(leader, dinner, [guest])
    sync_once(leader)
    door = at_door(dinner)
    check_in(door, dinner, registration_id(dinner, guest))
    gone = time.monotonic()

    def cut(*_words: Any, **_more: Any) -> Any:
        raise KnownError("sync_unreachable", "cut")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "hello", cut)
        patch.setattr(access, "wall_ms", lambda: 4_000_000_000_000)
        with pytest.raises(KnownError):
            sync_once(door)
        assert status(door).state == "ended" and "By this laptop’s clock" in status(door).sentence
        with door.asking() as connection, pytest.raises(KnownError, match="By this laptop’s clock"):
            access.refuse_locked(connection)
        assert guest in rows(door, "person"), "a clock alone takes nothing away"
        patch.setattr(doors.time, "monotonic", lambda: gone + 3 * 86_400)
        with pytest.raises(KnownError):
            sync_once(door)
        assert guest in rows(door, "person")
        patch.setattr(doors.time, "monotonic", lambda: gone + 6 * 86_400)
        with pytest.raises(KnownError):
            sync_once(door)
        assert "1 change is still to send" in status(door).sentence
        assert findings(door.profile, door.key, "Quetzalcoatlus") == []
    sync_once(door)
    assert status(door).state == "synced" and guest in rows(door, "person"), "the server knows better"
    sync_once(leader)
    assert facts_of(leader, registration_id(dinner, guest)) == ["in"]


def test_another_invitation_begins_again_from_zero(leader: Desk, at_door: Callable[..., Desk], office: Any) -> None:
    dinner, lunch = evening(leader), evening(leader, "Spring Lunch")
    diner, luncher = member(leader, "Quetzalcoatlus"), member(leader, "Luncher")
    add_guests(leader, dinner, [diner])
    add_guests(leader, lunch, [luncher])
    sync_once(leader)
    door = at_door(dinner)
    check_in(door, dinner, registration_id(dinner, diner))
    code = office.invite("door", lunch)
    with pytest.raises(KnownError) as problem:
        join(door, office.url, code)
    assert problem.value.code == "sync_unsent_first"
    sync_once(door)
    join(door, office.url, code)
    sync_once(door)
    assert rows(door, "person").keys() == {luncher} and rows(door, "gathering").keys() == {lunch}
    assert findings(door.profile, door.key, "Quetzalcoatlus") == []
    sync_once(door, check=True)
    assert status(door).checked_sentence
    join(door, office.url, office.invite("leader"))
    stands, facts = status(door), look_up(door)
    assert (stands.state, stands.sentence, stands.last_sync) == ("waiting", "Joined · not synced yet", None)
    assert (stands.checked, stands.identical, stands.same_now, stands.checked_sentence) == (None, None, None, "")
    assert sentences(facts) == ["Nothing has been fetched yet."] and facts.checked is None and facts.sentence == stands.sentence
    sync_once(door)
    assert status(door).role == "leader" and rows(door, "person").keys() == rows(leader, "person").keys()


def test_a_desk_with_members_of_its_own_does_not_go_to_a_door(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    dinner = evening(leader)
    sync_once(leader)
    other = make_desk("other")
    other.make_chapter("Other")
    member(other, "Own")
    code = office.invite("door", dinner)
    with pytest.raises(KnownError) as problem:
        join(other, office.url, code, merge=True)
    assert problem.value.code == "sync_door_profile"
    assert join(make_desk("new"), office.url, code).role == "door", "the code was not used up by it"


def test_an_invitation_of_another_chapter_is_not_used_up_by_asking(leader: Desk, office: Any, lasting_server: Any, make_desk: MakeDesk) -> None:
    code = lasting_server.invite(f"Other {office.chapter}")
    with pytest.raises(KnownError) as problem:
        join(leader, office.url, code)
    assert problem.value.code == "sync_joined"
    assert join(make_desk("new"), office.url, code).role == "leader"


def command(profile: Path, *words: str) -> Any:
    """A command of a process of its own, and its JSON."""
    done = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(profile), *words, "--json"], capture_output=True, text=True, check=False,
                          timeout=60, env=os.environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def no_of(profile: Path, *words: str) -> str:
    """What a command says no with."""
    done = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(profile), *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stdout
    return done.stderr


def test_after_the_end_every_command_that_would_show_its_list_says_so(leader: Desk, at_door: Callable[..., Desk], tmp_path: Path) -> None:
    dinner = evening(leader, "Autumn Dinner")
    sync_once(leader)
    door = at_door(dinner)
    change_gathering(leader, dinner, start=f"{LONG_AGO}T18:00", end=f"{LONG_AGO}T22:00")
    sync_once(leader)
    sync_once(door)
    sentence = status(door).sentence
    assert sentence.startswith("This laptop’s access to the door of Autumn Dinner ended on ")
    for words in (["members"], ["members", "Ana"], ["guests", "next"], ["gatherings"], ["headcount", "next"], ["check-in", "next", "Ana"],
                  ["export", "-o", str(tmp_path / "all.ndjson")], ["laptops"], ["chapters"], ["activity"]):
        assert no_of(door.profile.path, *words).strip() == sentence, words
    assert command(door.profile.path, "status")["state"] == "ended" and command(door.profile.path, "sync")["waiting"] == 0
    assert command(door.profile.path, "refused") is not None and command(door.profile.path, "verify")


@pytest.mark.long
def test_the_story_of_an_evening_in_processes(make_server: Callable[..., Any], tmp_path: Path) -> None:
    server = make_server()
    leader, door = tmp_path / "the-leader", tmp_path / "the-door"
    command(leader, "join", server.url, server.invite())
    command(leader, "sync")
    guest = command(leader, "member", "add", "first_name=Ana", "last_name=Guest", "email=ana@example.org")["id"]
    dinner = command(leader, "gathering", "new", "Dinner", "--start", f"{SOON}T18:00", "--end", f"{SOON}T22:00", "--time-zone", "UTC")["id"]
    command(leader, "guests", dinner, "--add", "Ana Guest")
    command(leader, "sync")
    joined = command(door, "join", server.url, server.invite("Boston", "door", dinner))
    assert joined["role"] == "door"
    command(door, "sync")
    assert command(door, "status")["gathering"] == dinner
    for words in (["member", "add", "first_name=A"], ["laptops"], ["invite"], ["set-aside"], ["chapters"], ["gathering", "cancel", dinner], ["import", "x.csv"],
                  ["guests", dinner, "--import", "x.csv"]):
        assert "has the door of Dinner and no more" in no_of(door, *words), words
    assert command(door, "check-in", dinner, "Ana Guest")["person"]["id"] == guest
    command(door, "walk-in", dinner, "Bo Walker", "email=bo@example.org", "consent=yes")
    assert command(door, "sync")["refused"] == 0
    command(leader, "sync")
    assert command(leader, "headcount", dinner)["in"] == 2
    command(leader, "gathering", "set", dinner, "--start", f"{LONG_AGO}T18:00", "--end", f"{LONG_AGO}T22:00")
    command(door, "undo-check-in", dinner, "Ana Guest", "--reason", "wrong name")
    command(leader, "sync")
    ended = command(door, "sync")
    assert (ended["pushed"], ended["pulled"], ended["waiting"]) == (1, 0, 0)
    assert command(door, "status")["state"] == "ended" and "access to the door of Dinner ended on" in no_of(door, "gatherings")
    command(leader, "sync")
    assert command(leader, "headcount", dinner)["in"] == 1


def test_a_laptop_that_has_not_synced_yet_is_told_to(office: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    lead = make_desk("lead")
    join(lead, office.url, office.invite())
    gathering = evening(lead)
    sync_once(lead)
    for role, code in (("door", office.invite("door", gathering)), ("leader", office.invite())):
        desk = make_desk(role)
        join(desk, office.url, code)
        desk.close()

        def said(*words: str, role: str = role) -> str:
            done = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(tmp_path / f"desk-{role}"), *words], capture_output=True, text=True,
                                  check=False, timeout=60)
            return done.stdout + done.stderr

        for words in (("headcount", "next"), ("guests", "Dinner"), ("members",), ("gatherings",)):
            assert "Nothing has been fetched from the server yet. Sync first" in said(*words), (role, words)
        said("sync")
        assert "fetched from the server yet" not in said("headcount", "next") + said("members") + said("gatherings")
