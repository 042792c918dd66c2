"""A window and a command of one laptop at once: what one has still on its way when the other switches, moves or joins is not taken for the new place's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from alumni_desk.checkin.actions import walk_in
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.lists import member_rows
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.sync import door, laptops, operations, session, state, switching
from alumni_desk.sync.engine import join, status, sync_once, wire_of
from alumni_desk.sync.pull import pull
from alumni_desk.sync.refused import refused
from alumni_desk.sync.venue.line import Line
from alumni_desk.sync.venue.sharing import Sharing
from alumni_desk.sync.venue.visiting import Visit
from alumni_desk.sync.wire import Wire

MakeDesk = Callable[[str], Desk]


def names(desk: Desk) -> list[str]:
    """Who is on the list."""
    with desk.reading() as connection:
        return sorted(connection.execute(sa.select(desk.tables["person"].c.last_name)).scalars())


def add(desk: Desk, name: str) -> str:
    """A new member."""
    with desk.writing("new") as writing:
        return writing.add("person", standing="member", last_name=name)


def membership_of(desk: Desk) -> state.Membership:
    """Which place at a server it has."""
    with desk.reading() as connection:
        found = state.read(connection, state.Membership)
    assert found is not None
    return found


def scopes_of(desk: Desk) -> list[str]:
    """Which chapters anything here is of."""
    with desk.reading() as connection:
        return sorted({*connection.exec_driver_sql("SELECT id FROM scope").scalars(), *connection.exec_driver_sql("SELECT scope FROM person").scalars()})


def stopped(call: Callable[[], object]) -> str | None:
    """The code of the error that a call raises, if it raises any."""
    try:
        call()
    except KnownError as problem:
        return problem.code
    return None


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], None]:
    """Does something once when the server has answered the next call of a name, before that answer is kept."""

    def then(name: str, work: Callable[[], object]) -> None:
        real, left = session.call, [work]

        def call(desk: Desk, wire: Any, membership: Any, called: str, *rest: Any) -> Any:
            reply = real(desk, wire, membership, called, *rest)
            if called == name and left:
                left.pop()()
            return reply

        monkeypatch.setattr(session, "call", call)

    return then


@pytest.fixture
def network(make_server: Any, make_desk: MakeDesk) -> tuple[Desk, Desk]:
    """An admin's desk in the first of two chapters, and the first one's leader."""
    server = make_server()
    for chapter in ("Boston", "Lowell"):
        leader = make_desk(chapter)
        join(leader, server.url, server.invite(chapter))
        add(leader, f"{chapter}ian")
        sync_once(leader)
    admin = make_desk("admin")
    join(admin, server.url, str(server.run("server", "invite", "--role", "admin")["code"]))
    sync_once(admin)
    return admin, make_desk("Boston")


def test_what_was_asked_of_one_chapter_does_not_come_into_another(network: tuple[Desk, Desk], make_desk: MakeDesk, answered: Any) -> None:
    window, boston = network
    add(boston, "Bostonian who came meanwhile")
    sync_once(boston)
    command = make_desk("admin")
    answered("pull", lambda: switching.switch(command, "Lowell"))
    wire = wire_of(window)
    stopped(lambda: pull(window, wire, membership_of(window)))
    wire.close()
    assert names(window) == ["Lowellian"] and scopes_of(window) == [membership_of(window).scope]


def test_a_hello_of_before_does_not_take_a_switch_back(network: tuple[Desk, Desk], make_desk: MakeDesk, answered: Any) -> None:
    window, _boston = network
    with window.applying() as applying:  # as each contact says anew
        state.keep(applying.connection, msgspec.structs.replace(membership_of(window), until="2026-01-01T00:00:00+00:00"))
    command = make_desk("admin")
    answered("hello", lambda: switching.switch(command, "Lowell"))
    assert stopped(lambda: sync_once(window)) == "sync_stopped"
    assert membership_of(window).scope_name == "Lowell" and status(window).state == "synced"
    sync_once(window)
    assert names(window) == ["Lowellian"] and scopes_of(window) == [membership_of(window).scope]


def test_a_laptop_that_was_removed_by_mistake_and_let_in_again_stays(make_server: Any, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    server, leader, window = make_server(), make_desk("leader"), make_desk("other")
    for desk in (leader, window):
        join(desk, server.url, server.invite(), device_name=desk.profile.path.name)
        sync_once(desk)
    laptops.remove(leader, "desk-other")
    with window.applying() as applying:  # it lasts for an hour
        state.drop(applying.connection, state.Session)
    command, real, before = make_desk("other"), Wire.call, membership_of(window)

    def call(self: Any, name: str, *rest: Any) -> Any:
        reply = real(self, name, *rest)
        if name == "session":
            monkeypatch.setattr(Wire, "call", real)
            join(command, server.url, server.invite())
        return reply

    monkeypatch.setattr(Wire, "call", call)
    stopped(lambda: sync_once(window))
    assert membership_of(window).device != before.device
    add(window, "Written as the new one")
    assert sync_once(window).waiting == 0
    sync_once(leader)
    assert names(leader) == ["Written as the new one"]


def test_what_a_laptop_at_a_venue_answers_does_not_come_into_another_chapter(network: tuple[Desk, Desk], make_desk: MakeDesk,
                                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    window, boston = network
    command, real = make_desk("admin"), Line.ask
    add(boston, "Bostonian at the venue")

    def ask(self: Any, request: Any, *rest: Any) -> Any:
        reply = real(self, request, *rest)
        monkeypatch.setattr(Line, "ask", real)
        switching.switch(command, "Lowell")
        return reply

    monkeypatch.setattr(Line, "ask", ask)
    sharing = Sharing(boston, host="127.0.0.1", port=0)
    visit = Visit(window, sharing.address, sharing.code)
    try:
        stopped(visit.once)
    finally:
        visit.close()
        sharing.stop()
    assert names(window) == ["Lowellian"] and scopes_of(window) == [membership_of(window).scope]


def test_a_list_that_comes_as_the_time_at_a_door_ends_is_not_opened(office: Any, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, volunteer, real = make_desk("leader"), make_desk("door"), Line.ask
    join(leader, office.url, office.invite())
    dinner = new_gathering(leader, name="Dinner", start="2099-11-12T18:00", end="2099-11-12T22:00", time_zone="UTC").id
    add_guests(leader, dinner, [add(leader, "Guest")])
    sync_once(leader)
    join(volunteer, office.url, office.invite("door", dinner))
    sync_once(volunteer)
    walk_in(leader, dinner, "Walter Walkin")

    def ask(self: Any, request: Any, *rest: Any) -> Any:
        reply = real(self, request, *rest)
        monkeypatch.setattr(Line, "ask", real)
        assert reply.handout is not None and reply.parcels
        door.end(volunteer, membership_of(volunteer))  # as the window does by itself
        return reply

    monkeypatch.setattr(Line, "ask", ask)
    sharing = Sharing(leader, host="127.0.0.1", port=0)
    visit = Visit(volunteer, sharing.address, sharing.code)
    try:
        stopped(visit.once)
    finally:
        visit.close()
        sharing.stop()
    assert names(volunteer) == []


def test_what_one_chapter_answers_to_a_push_is_not_said_of_what_waits_in_another(network: tuple[Desk, Desk], make_desk: MakeDesk, answered: Any) -> None:
    window, _boston = network
    add(window, "Written in Boston")
    command = make_desk("admin")

    def switch() -> None:
        switching.switch(command, "Lowell")
        add(command, "Written in Lowell")

    answered("push", switch)
    assert stopped(lambda: sync_once(window)) == "sync_stopped"
    with window.reading() as connection:
        assert operations.count_waiting(connection) == 1
    sync_once(window)
    lowell = make_desk("Lowell")
    sync_once(lowell)
    assert names(lowell) == ["Lowellian", "Written in Lowell"]


def test_what_one_chapter_answers_of_others_changes_is_no_place_in_another(network: tuple[Desk, Desk], make_desk: MakeDesk, answered: Any) -> None:
    window, boston = network
    command = make_desk("admin")
    add(boston, "Bostonian at the venue")
    sharing = Sharing(boston, host="127.0.0.1", port=0)
    visit = Visit(window, sharing.address, sharing.code)
    try:
        visit.once()
    finally:
        visit.close()
        sharing.stop()
    answered("push", lambda: switching.switch(command, "Lowell"))
    stopped(lambda: sync_once(window))
    with window.reading() as connection:
        assert (state.read(connection, state.Places) or state.Places([])).places == []


def test_a_check_of_one_chapter_is_not_said_of_another(network: tuple[Desk, Desk], make_desk: MakeDesk, answered: Any) -> None:
    window, _boston = network
    command = make_desk("admin")
    answered("digest", lambda: switching.switch(command, "Lowell"))
    stopped(lambda: sync_once(window, check=True))
    assert membership_of(window).scope_name == "Lowell" and status(window).same_now is True


def test_what_the_server_does_not_take_of_two_programs_at_once_is_told_once(office: Any, make_desk: MakeDesk, answered: Any) -> None:
    window, command = make_desk("one"), make_desk("one")
    join(window, office.url, office.invite())
    sync_once(window)
    with window.writing("new") as writing:
        gathering = writing.add("gathering", name="Dinner")
        writing.add("registration", gathering=gathering, person=writing.add("person", standing="member", last_name="Lima"), status="yes")  # of another id
    answered("push", lambda: sync_once(command))
    sync_once(window)
    assert [one.reason for one in refused(window)] == ["registration"] and status(window).state == "synced"


def test_what_is_written_in_the_place_of_what_went_while_it_was_sent_is_sent_itself(office: Any, make_desk: MakeDesk, answered: Any) -> None:
    """The database gives the number of the newest change again, once that went with somebody who was erased."""
    window, beside, other = make_desk("one"), make_desk("one"), make_desk("two")
    join(window, office.url, office.invite())
    person = add(window, "Lima")
    sync_once(window)
    join(other, office.url, office.invite())
    sync_once(other)
    erasing.erase(other, [person])
    with window.writing("changed") as writing:
        writing.change("person", person, city="Salem")

    def hear() -> None:
        sync_once(other)
        wire = wire_of(beside)
        pull(beside, wire, membership_of(beside))
        wire.close()
        add(beside, "Written meanwhile")

    answered("push", hear)
    for desk in (window, window, other):
        sync_once(desk)
    assert [row.name for row in member_rows(other)] == ["Written meanwhile"] and refused(window) == []
