"""A member is moved to another chapter from a laptop: by whom, with what, and what the laptop has left of them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.sync.test_member_moved import says

from alumni_desk.checkin.actions import check_in
from alumni_desk.cli.main import run
from alumni_desk.errors import Ambiguous, KnownError, NetworkProblem, NotFound, Refused
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.protocol.messages import MoveMemberReply, MoveMemberRequest
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import undo
from alumni_desk.sync import operations
from alumni_desk.sync.asking import line_of, membership_of
from alumni_desk.sync.engine import join, sync_once, wire_of
from alumni_desk.sync.member_moving import LETTING_GO, MOVING, SENDING, going, move_member, place_called, places
from alumni_desk.sync.reach import right
from alumni_desk.sync.refused import refused
from alumni_desk.sync.switching import Chapter

MakeDesk = Callable[[str], Desk]
SECRET = "Zaphodbeeblebrox"
Network = tuple[Any, Desk, Desk, Desk, Chapter]


@pytest.fixture
def network(lasting_server: Any, make_desk: MakeDesk) -> Network:
    """A server with Berlin and Munich: an admin's laptop that shows Berlin, a leader's of Berlin, a leader's of Munich."""
    return network_at(lasting_server, make_desk)


def network_at(server: Any, make_desk: MakeDesk) -> Network:
    """The same at any server: chapters of its own there."""
    admin, berlin, munich = make_desk("admin"), make_desk("berlin"), make_desk("munich")
    names = tuple(f"{name} {secrets.token_hex(4)}" for name in ("Berlin", "Munich"))
    join(berlin, server.url, server.invite(names[0]))
    join(munich, server.url, server.invite(names[1]))
    join(admin, server.url, server.invite(names[0], role="admin"))
    for desk in (berlin, munich, admin):
        sync_once(desk)
    return server, admin, berlin, munich, place_called(places(admin), names[1])


def somebody(desk: Desk) -> tuple[str, str]:
    """A member with a degree, one merged entry, a household of their own; who came to a gathering, and is on the list of one to come. Also one who stays."""
    now = datetime.now(UTC)
    past, ahead = (new_gathering(desk, name=name, start=f"{day:%Y-%m-%dT19:00}", end=f"{day:%Y-%m-%dT21:00}", time_zone="UTC").id
                   for name, day in (("Past", now - timedelta(days=30)), ("Ahead", now + timedelta(days=30))))
    person = add_member(desk, first_name="Anna", last_name=SECRET, class_year="2004", email="anna@example.org").id
    twin = add_member(desk, first_name="Ana", last_name=SECRET).id
    merge_people(desk, twin, person)
    with desk.writing("made") as writing:
        home = writing.add("household", name=f"The {SECRET}s")
        writing.change("person", person, household=home)
        writing.add("education", person=person, school="Northgate")
    add_guests(desk, past, [person])
    add_guests(desk, ahead, [person])
    check_in(desk, past, person_id=person, station="one")
    add_member(desk, first_name="Stays")
    return person, ahead


def test_an_admin_moves_a_member_and_every_laptop_follows(network: Network) -> None:
    _server, admin, berlin, munich, to = network
    person, _ahead = somebody(admin)
    sync_once(admin)
    who = going(admin, person)
    assert (who.name, who.chapter, len(who.entries), who.degrees, who.household_goes, who.came, who.ahead, who.undecided) == (
        f"Anna {SECRET}", membership_of(admin).scope_name, 2, 1, True, 1, 1, 0)
    steps: list[int] = []
    done = move_member(admin, who, to, step=steps.append)
    assert steps == [SENDING, MOVING, LETTING_GO] and done.let_go and set(done.people) == set(who.entries)
    assert done.sentence == f"Anna {SECRET} belongs to {to.name} now. 1 place at a gathering to come ended."
    assert [row.name for row in member_rows(admin)] == ["Stays"] and not says(admin)
    for desk in (berlin, munich, admin):
        assert sync_once(desk, check=True).identical
    assert [row.name for row in member_rows(berlin)] == ["Stays"] and [row.name for row in member_rows(munich)] == [f"Anna {SECRET}"]


def test_what_waits_is_sent_first_and_goes_along(network: Network) -> None:
    _server, admin, _berlin, munich, to = network
    person = add_member(admin, first_name="Anna", last_name=SECRET).id
    sync_once(admin)
    change_member(admin, person, city="Ulm")
    who = going(admin, person)
    assert who.waiting == 1
    move_member(admin, who, to)
    sync_once(munich)
    assert member_rows(munich)[0].city == "Ulm" and refused(admin) == []


def test_a_leader_of_one_chapter_may_not(network: Network) -> None:
    _server, admin, berlin, _munich, to = network
    person = add_member(berlin, first_name="Anna").id
    sync_once(berlin)
    assert places(berlin) == []
    with pytest.raises(Refused) as refusal:
        move_member(berlin, going(berlin, person), to)
    assert refusal.value.code == "no_grant_there" and "network’s admin" in str(refusal.value)
    assert [row.id for row in member_rows(berlin)] == [person]
    with berlin.reading() as connection:
        assert not right(connection).may and "looks after both" in right(connection).why
    with admin.reading() as connection:
        assert right(connection).may


def test_a_desk_that_works_alone_says_nothing_of_it(desk: Desk) -> None:
    with desk.reading() as connection:
        assert not right(connection).may and right(connection).why == ""


def test_an_admin_of_a_single_chapter_is_told_so(make_server: Any, make_desk: MakeDesk) -> None:
    server, admin = make_server(), make_desk("admin")
    join(admin, server.url, server.invite("Berlin", role="admin"))
    sync_once(admin)
    with admin.reading() as connection:
        assert right(connection).why == "There is no other chapter at this server."
    server.invite("Munich")
    sync_once(admin)
    with admin.reading() as connection:
        assert right(connection).may


def test_without_the_server_nobody_moves(make_server: Any, make_desk: MakeDesk) -> None:
    server, admin, _berlin, _munich, to = network_at(make_server(), make_desk)
    person = add_member(admin, first_name="Anna").id
    sync_once(admin)
    server.kill()
    with pytest.raises(NetworkProblem, match="cannot be reached"):
        move_member(admin, going(admin, person), to)
    assert [row.id for row in member_rows(admin)] == [person]


def test_an_answer_that_was_lost_is_given_again(network: Network) -> None:
    """The server moved them; the laptop heard nothing and asks again, before or after it has let go of them."""
    server, admin, _berlin, munich, to = network
    first, second = (add_member(admin, first_name=name, last_name=SECRET).id for name in ("Anna", "Berta"))
    sync_once(admin)
    for person, synced in ((first, False), (second, True)):
        who = going(admin, person)
        server.run("server", "move-member", person, "--to", to.id)
        if synced:
            sync_once(admin)
        assert move_member(admin, who, to).people == (person,)
    assert member_rows(admin) == []
    sync_once(munich)
    assert len(member_rows(munich)) == 2


def test_whoever_is_merged_with_them_meanwhile_does_not_go_unseen(network: Network) -> None:
    _server, admin, berlin, _munich, to = network
    person, other = (add_member(admin, first_name=name).id for name in ("Anna", "Ana"))
    sync_once(admin)
    sync_once(berlin)
    who = going(admin, person)
    merge_people(berlin, other, person)
    sync_once(berlin)
    with pytest.raises(Refused) as at_home:
        move_member(admin, who, to)
    assert at_home.value.code == "group_changed"
    with pytest.raises(Refused) as at_the_server:  # it came between the sync and the call
        _ask(admin, who, to)
    assert at_the_server.value.code == "group_changed" and "merged" in str(at_the_server.value)
    assert [row.id for row in member_rows(admin)] == [person]
    assert len(move_member(admin, going(admin, person), to).people) == 2


def _ask(desk: Desk, who: Any, to: Any) -> None:
    with line_of(desk) as line:
        line.call("move-member", MoveMemberRequest(line.scope, to.id, list(who.entries)), MoveMemberReply)


def test_whoever_was_removed_or_erased_meanwhile_is_not_moved(network: Network) -> None:
    _server, admin, berlin, munich, to = network
    person = add_member(admin, first_name="Anna", last_name=SECRET).id
    sync_once(admin)
    sync_once(berlin)
    who = going(admin, person)
    erasing.erase(berlin, [person])
    sync_once(berlin)
    with pytest.raises(Refused) as refusal:
        move_member(admin, who, to)
    assert refusal.value.code == "no_such_person" and "Nobody was moved" in str(refusal.value)
    sync_once(munich)
    assert member_rows(munich) == []


def test_what_was_saved_meanwhile_and_not_sent_keeps_them_here(network: Network) -> None:
    _server, admin, _berlin, _munich, to = network
    person = add_member(admin, first_name="Anna").id
    sync_once(admin)
    who = going(admin, person)
    wire = wire_of(admin)
    real, saved = wire.call, []

    def call(name: str, message: Any, reply: Any) -> Any:  # somebody types during each round of the sync
        answer = real(name, message, reply)
        if name in ("push", "pull", "hello"):
            saved.append(change_member(admin, person, city=f"Town {len(saved)}"))
        return answer

    wire.call = call  # type: ignore[method-assign]
    try:
        with pytest.raises(Refused) as refusal:
            move_member(admin, who, to, wire=wire)
    finally:
        wire.close()
    assert refusal.value.code == "move_member_waiting" and "so Anna stays" in str(refusal.value)
    with admin.reading() as connection:
        assert operations.count_waiting(connection) > 0
    sync_once(admin)
    assert [row.id for row in member_rows(admin)] == [person]


def test_chapters_are_named_and_told_apart(network: Network) -> None:
    _server, admin, _berlin, _munich, to = network
    assert not any(one.here for one in places(admin))
    assert place_called([to], f" {to.name.upper()} ") == to == place_called([to], to.id)
    with pytest.raises(NotFound, match=f"Those they can: {to.name}"):
        place_called([to], "Atlantis")
    with pytest.raises(Ambiguous):
        place_called([to, replace(to, id="another")], to.name)


@pytest.mark.parametrize("people", [[], ["no id"], ["00000000-0000-4000-8000-000000000000"] * 201])
def test_a_call_that_makes_no_sense_moves_nobody(network: Network, people: list[str]) -> None:
    _server, admin, _berlin, _munich, to = network
    who = replace(going(admin, add_member(admin, first_name="Anna").id), entries=tuple(people))
    with pytest.raises(KnownError):
        _ask(admin, who, to)


def test_the_command_moves_them_and_says_so(network: Network, capsys: pytest.CaptureFixture[str]) -> None:
    _server, admin, _berlin, munich, to = network
    person = add_member(admin, first_name="Anna", last_name=SECRET).id
    words = ["--profile", str(admin.profile.path), "member", "move", SECRET, "--to"]
    assert run([*words, "Atlantis"]) == 1 and "cannot be moved from here to a chapter called “Atlantis”" in capsys.readouterr().err
    assert run([*words, to.name.upper(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"people": [person], "name": f"Anna {SECRET}", "chapter": to.name, "places": 0, "let_go": True}
    sync_once(munich)
    assert [row.id for row in member_rows(munich)] == [person] and member_rows(admin) == []


def test_undo_does_not_bring_back_whoever_moved(network: Network) -> None:
    _server, admin, _berlin, _munich, to = network
    other, person = (add_member(admin, first_name=name, last_name=SECRET).id for name in ("Berta", "Anna"))
    change_member(admin, other, city="Bonn")
    change_member(admin, person, city="Ulm")
    move_member(admin, going(admin, person), to)
    while True:
        try:
            undo(admin)
        except KnownError as error:
            assert SECRET not in str(error)
            break
    assert sync_once(admin, check=True).identical and refused(admin) == []
    assert person not in {row.id for row in member_rows(admin)} and not says(admin, "Anna")
