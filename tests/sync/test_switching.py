"""A network admin's desk goes from one chapter to another and leaves nothing of the first behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from tests.sync.test_venue import meet, shared

from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.protocol.messages import Cursor
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.sync import erasing, inviting, state, switching
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.lately import lately
from alumni_desk.sync.venue.credentials import me
from alumni_desk.sync.venue.handouts import make_handout
from alumni_desk.sync.venue.holding import counts

MakeDesk = Callable[[str], Desk]


def code_of(call: Callable[[], object]) -> str:
    """The code of the error that a call raises."""
    with pytest.raises(KnownError) as raised:
        call()
    return raised.value.code


def names(desk: Desk) -> list[str]:
    """Who is on the list."""
    with desk.reading() as connection:
        return sorted(connection.execute(sa.select(desk.tables["person"].c.last_name)).scalars())


def add(desk: Desk, name: str) -> None:
    """A new member."""
    with desk.writing("new") as writing:
        writing.add("person", standing="member", last_name=name)


@pytest.fixture
def network(make_server: Any, make_desk: MakeDesk) -> tuple[Any, Desk]:
    """A server with two chapters and an admin's desk in the first."""
    server = make_server()
    for chapter, name in (("Boston", "Bostonian"), ("Lowell", "Lowellian")):
        leader = make_desk(chapter)
        join(leader, server.url, server.invite(chapter))
        add(leader, name)
        sync_once(leader)
    admin = make_desk("admin")
    admin.set_setting("person_name", "Network")
    join(admin, server.url, str(server.run("server", "invite", "--role", "admin")["code"]))
    sync_once(admin)
    return server, admin


def test_from_one_chapter_to_another_and_back(network: tuple[Any, Desk], make_desk: MakeDesk) -> None:
    _server, admin = network
    assert [(one.name, one.here) for one in switching.chapters(admin)] == [("Boston", True), ("Lowell", False)]
    add(admin, "Added by the admin")
    with admin.applying() as applying:
        state.keep(applying.connection, state.Checked(at="2026-01-01T00:00:00.000Z", identical=True, cursor=Cursor(1, ""), mended=0, members=2))
        state.keep(applying.connection, state.Former(["an id that Boston had at another server"]))
    assert status(admin).checked
    assert switching.switch(admin, " lowell ").name == "Lowell"
    assert status(admin).checked != "2026-01-01T00:00:00.000Z"  # that was said of Boston
    with admin.reading() as connection:
        assert [one.sent for one in lately(connection)] == [0]  # no sync of the chapter before
        assert state.read(connection, state.Former) is None
    assert names(admin) == ["Lowellian"] and status(admin).waiting == 0 and admin.setting("person_name") == "Network"
    database = connect(admin.profile.database, admin.key)
    left = [str(row) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
            for row in database.execute(f'SELECT * FROM "{name}"')]
    database.close()
    assert not any("Bostonian" in row for row in left)
    add(admin, "Added in Lowell")
    assert switching.switch(admin, "Boston").here
    assert names(admin) == ["Added by the admin", "Bostonian"]
    lowell = make_desk("Lowell")
    sync_once(lowell)
    assert names(lowell) == ["Added in Lowell", "Lowellian"]
    assert switching.switch(admin, "Boston").here  # it is there already


def test_what_cannot_be_sent_keeps_the_desk_where_it_is(network: tuple[Any, Desk]) -> None:
    server, admin = network
    add(admin, "Unsent")
    server.kill()
    assert code_of(lambda: switching.switch(admin, "Lowell")) == "sync_unreachable"
    assert names(admin) == ["Bostonian", "Unsent"] and status(admin).waiting == 1
    server.start()
    assert code_of(lambda: switching.switch(admin, "Nowhere")) == "no_such_chapter"
    assert switching.switch(admin, "Lowell").here and names(admin) == ["Lowellian"]


def test_killed_after_it_was_emptied_the_next_sync_goes_on(network: tuple[Any, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    _server, admin = network
    real = erasing.finish

    def killed(desk: Desk) -> None:
        if names(desk) == []:
            raise KeyboardInterrupt
        real(desk)

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            switching.switch(admin, "Lowell")
    sync_once(admin)
    assert names(admin) == ["Lowellian"]


def test_a_leader_has_one_chapter_and_an_admin_invites_one_where_none_is_left(network: tuple[Any, Desk], make_desk: MakeDesk) -> None:
    _server, admin = network
    lowell = make_desk("Lowell")
    assert [one.name for one in switching.chapters(lowell)] == ["Lowell"]
    assert code_of(lambda: switching.switch(lowell, "Boston")) == "no_such_chapter"
    switching.switch(admin, "Lowell")
    made = inviting.invite(admin, "leader")
    fresh = make_desk("fresh")
    assert join(fresh, made.url, made.code).chapter == "Lowell"
    sync_once(fresh)
    assert names(fresh) == ["Lowellian"]


def test_what_was_sealed_for_laptops_of_the_former_chapter_goes_with_it(network: tuple[Any, Desk], make_desk: MakeDesk,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    server, admin = network
    boston = make_desk("Boston")
    gathering = new_gathering(boston, name="Spring Dinner", start="2099-05-02T12:00", end="2099-05-02T16:00").id
    sync_once(boston)
    sync_once(admin)
    add_guests(boston, gathering, [add_member(boston, first_name="Ana", last_name="Lima").id])
    with admin.reading() as connection:
        before = me(connection)
        make_handout(admin, before, gathering)
    with shared(boston) as sharing:
        add(admin, "Added by the admin")
        meet(admin, sharing)
    with monkeypatch.context() as patched:  # it came while the last sync was under way
        patched.setattr("alumni_desk.sync.engine.relay", lambda *_args: 0)
        assert code_of(lambda: switching.switch(admin, "Lowell")) == "switch_carrying"
        assert names(admin) == ["Added by the admin", "Bostonian", "Lima"]
    switching.switch(admin, "Lowell")
    assert code_of(lambda: make_handout(admin, before, gathering)) == "sync_stopped"  # the window shares there, and a command has switched
    with admin.reading() as connection:
        assert counts(connection) == {"open": 0, "carried": 0} and names(admin) == ["Lowellian"]
        left = {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() for name in ("parcel", "parcel_operation", "handout", "chain")}
        assert left == dict.fromkeys(left, 0)
        assert {one.scope for one in me(connection).credentials.chain} == {me(connection).membership.scope}
    switching.switch(admin, "Boston")
    assert "Lima" in names(admin)  # it was brought to the server before
    assert server.run("server", "quarantine") == []


def test_what_a_switch_of_an_earlier_program_left_behind_holds_up_no_other(network: tuple[Any, Desk]) -> None:
    """Sealed parcels of the chapter before, which no sync of this one brings anywhere."""
    _server, admin = network
    switching.switch(admin, "Lowell")
    with admin.applying() as applying:
        applying.connection.exec_driver_sql("INSERT INTO parcel (name, device, scope, audience, content, state, received) VALUES (x'01', 'a', 'b', 'chapter',"
                                            " x'', 'carried', '2026-01-01T00:00:00.000Z')")
    assert not status(admin).carrying, "nothing of this chapter"
    switching.switch(admin, "Boston")
    with admin.reading() as connection:
        assert counts(connection) == {"open": 0, "carried": 0} and "Bostonian" in names(admin)
