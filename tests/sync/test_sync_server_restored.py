"""A server that was put back to an older day: desks notice, take everything anew and offer again what they hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.errors import KnownError
from alumni_desk.protocol.messages import Cursor, PullReply, PullRequest
from alumni_desk.server.backups import begin_timeline
from alumni_desk.server.database import postgresql_database
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.sync import keeping, laptops, moving, pull, push, session, set_aside, snapshot
from alumni_desk.sync.address import Address
from alumni_desk.sync.conflicts import conflicts
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.state import Joining, Membership, Rebuilding, Session, Told, drop, keep, read
from alumni_desk.sync.wire import Wire

from .test_keeping import free_port

MakeDesk = Callable[[str], Desk]


def names(desk: Desk) -> dict[str, str]:
    """Everybody's last name and city."""
    with desk.reading() as connection:
        person = desk.tables["person"]
        return {row.last_name: row.city for row in connection.execute(sa.select(person.c.last_name, person.c.city).where(~person.c.gone))}


def rows_of(desk: Desk) -> dict[str, Any]:
    """Everything synced, with its clocks."""
    with desk.reading() as connection:
        return {name: sorted((tuple(row) for row in connection.execute(sa.select(desk.tables[name]))), key=repr) for name in shapes()}


def add(desk: Desk, name: str, **fields: Any) -> str:
    """A new member."""
    with desk.writing("member_added") as writing:
        return writing.add("person", standing="member", last_name=name, **fields)


def change(desk: Desk, who: str, **fields: Any) -> None:
    """One edit."""
    with desk.writing("changed") as writing:
        writing.change("person", who, **fields)


def push_only(desk: Desk) -> None:
    """The first half of a sync, as if the laptop were shut then."""
    with desk.reading() as connection:
        membership = read(connection, Membership)
    assert membership is not None
    wire = Wire(Address(membership.url, membership.fingerprint))
    session.resume(desk, wire)
    push.push(desk, wire, membership, push.Pushed())
    wire.close()


def move_all(desks: Sequence[Desk], server: Any) -> None:
    """The chapter goes to another server, laptop after laptop, until all hear of all."""
    for desk in desks:
        moving.move(desk, server.url, server.invite())
    for desk in (*desks, *desks):
        sync_once(desk)


def test_after_a_restore_the_desks_bring_back_what_they_hold(postgres_url: str, make_server: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    server = make_server(postgres_url)
    one, two, lost = make_desk("one"), make_desk("two"), make_desk("lost")
    for desk in (one, two, lost):
        join(desk, server.url, server.invite())
        sync_once(desk)
    ana = add(one, "Ana", city="Porto")
    for desk in (one, two, lost):
        sync_once(desk)
    file = str(tmp_path / "yesterday.backup")
    assert server.run("server", "backup", file)["people"] == 1
    # Today: both work on; the server answers a push of "two", which has pulled nothing since the backup: its cursor will still be known.
    change(one, ana, city="Lisbon")
    add(one, "Bo")
    sync_once(one)
    add(two, "Cy")
    change(two, ana, employer="Initech")
    push_only(two)
    add(lost, "Only on a laptop that burns")
    sync_once(lost)
    sync_once(one)
    assert "Only on a laptop that burns" in names(one)

    assert server.stop() == 0
    restored = server.run("server", "restore", file, "--replace")
    assert Path(restored["replaced"]).exists()
    server.start()

    for _turn in range(3):
        for desk in (one, two):
            assert sync_once(desk).waiting == 0
    assert names(one) == {"Ana": "Lisbon", "Bo": None, "Cy": None}
    assert rows_of(one) == rows_of(two)
    fresh = make_desk("fresh")
    join(fresh, server.url, server.invite())
    sync_once(fresh)
    assert rows_of(fresh) == rows_of(one)
    for desk in (one, two):
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM shadow").scalar() == 0
            assert connection.exec_driver_sql("SELECT DISTINCT fate FROM operation_now").scalars().all() == ["accepted"]
            assert read(connection, Rebuilding) is None
    # And the laptop that was thought lost turns up after all.
    for desk in (lost, one, two):
        sync_once(desk)
    assert "Only on a laptop that burns" in names(two) and rows_of(one) == rows_of(two) == rows_of(lost)


def test_a_chapter_that_was_made_after_the_backup_comes_back_from_its_laptops(postgres_url: str, make_server: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    server = make_server(postgres_url)
    join(make_desk("other"), server.url, server.invite())
    file = str(tmp_path / "yesterday.backup")
    server.run("server", "backup", file)
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, server.url, server.run("server", "invite", "--chapter", "Lowell", "--role", "leader")["code"])
        sync_once(desk)
    add(one, "Ana", city="Porto")
    sync_once(one)
    sync_once(two)
    add(two, "Bo")
    assert server.stop() == 0
    server.run("server", "restore", file, "--replace")
    server.start()
    for _turn in range(3):
        for desk in (one, two):
            assert sync_once(desk).waiting == 0
    assert names(one) == {"Ana": "Porto", "Bo": None} and rows_of(one) == rows_of(two)
    assert {chapter["name"] for chapter in server.run("server", "stats")["chapters"]} == {"Boston", "Lowell"}
    fresh = make_desk("fresh")
    join(fresh, server.url, server.run("server", "invite", "--chapter", "Lowell", "--role", "leader")["code"])
    sync_once(fresh)
    assert rows_of(fresh) == rows_of(one)


def test_an_invitation_that_was_made_after_the_backup(make_server: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    server, file = make_server(), str(tmp_path / "yesterday.backup")
    join(make_desk("first"), server.url, server.invite())
    server.run("server", "backup", file)
    used, unused, key, one = server.invite(), server.invite(), SigningKey.generate(), make_desk("one")
    for desk in (one, twin := make_desk("twin")):  # which answers as "one" would, had it not heard the answer
        with desk.applying() as applying:
            keep(applying.connection, Joining(url=server.url, code=used, key=bytes(key)))
    joined = join(one, server.url, used)
    assert server.stop() == 0
    server.run("server", "restore", file, "--replace")
    server.start()
    other = make_desk("other")
    with pytest.raises(KnownError, match=r"was used on .* Ask whoever gave it to you for a new one[.]"):
        join(other, server.url, used)
    with pytest.raises(KnownError, match=r"knows no such invitation.*restored.*new invitation"):
        join(other, server.url, unused)
    assert join(twin, server.url, used) == joined and sync_once(twin).waiting == 0
    assert sync_once(one).waiting == 0


def put_back(server: Any, day: Path) -> None:
    """The server's whole folder as it was, by no command of ours: a virtual machine's snapshot."""
    assert server.stop() == 0
    shutil.rmtree(server.profile)
    shutil.copytree(day, server.profile)
    server.start()


def test_what_was_answered_and_then_lost_at_the_server_is_offered_again(make_server: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    server = make_server()
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, server.url, server.invite())
        sync_once(desk)
    assert server.stop() == 0
    shutil.copytree(server.profile, tmp_path / "snapshot")
    server.start()
    # The server answers a push of "one", and the network goes before the pull: the cursor is of a day that the snapshot knows.
    add(one, "Answered")
    push_only(one)
    put_back(server, tmp_path / "snapshot")
    add(two, "Meanwhile")
    sync_once(two)
    sync_once(one)
    sync_once(two)
    assert names(one).keys() == names(two).keys() == {"Answered", "Meanwhile"} and rows_of(one) == rows_of(two)


def test_a_cursor_inside_a_lost_push_is_not_known(make_server: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    server = make_server()
    one, two, lost = make_desk("one"), make_desk("two"), make_desk("lost")
    for desk in (one, two, lost):
        join(desk, server.url, server.invite())
    add(lost, "First")
    sync_once(lost)
    assert server.stop() == 0
    shutil.copytree(server.profile, tmp_path / "snapshot")
    server.start()
    with lost.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Lost {n}", "city": "Somewhere"} for n in range(1_500)])
    sync_once(lost)
    with two.reading() as connection:
        membership = read(connection, Membership)
    assert membership is not None
    wire = Wire(Address(membership.url, membership.fingerprint))
    session.resume(two, wire)
    reply = session.call(two, wire, membership, "pull", PullRequest({membership.scope: Cursor()}, 1), PullReply)
    wire.close()
    page = reply.pages[membership.scope]
    assert page.more and len(names(two)) == 0
    with two.applying() as applying:
        pull.apply_page(applying.connection, membership.scope, page)
    assert len(names(two)) > 1, "it ends inside the import"
    put_back(server, tmp_path / "snapshot")
    with one.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"New {n}"} for n in range(1_500)])
    sync_once(one)
    sync_once(two)
    assert rows_of(one) == rows_of(two) and "Lost 0" not in names(two) and len(names(two)) == 1_501


def test_a_desk_that_ended_while_it_took_everything_anew_goes_on(office: Any, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
    with one.writing("import", queue="load") as writing:
        for n in range(60):
            writing.add("person", standing="member", last_name=f"Name {n:02}")
    lost = add(one, "Lost")
    for desk in (one, two):
        sync_once(desk)
    # The server goes back to a day without that row, by other means than ours.
    database = postgresql_database(office.server.database)
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM feed WHERE row_id = %s", (lost,))
        connection.exec_driver_sql("DELETE FROM person WHERE id = %s", (lost,))
        begin_timeline(connection, None, now=1)
    database.close()

    class PulledThePlug(Exception):
        """The process ends here."""

    def ends(*arguments: Any) -> int:
        raise PulledThePlug

    with monkeypatch.context() as patched:
        patched.setattr(pull, "apply_page", ends)
        with pytest.raises(PulledThePlug):
            sync_once(two)
    with two.reading() as connection:
        assert read(connection, Rebuilding) is not None
    with two.applying() as applying:  # as if a page had come before the end
        applying.connection.exec_driver_sql("UPDATE scope SET cursor = 3")
    sync_once(two)
    assert "Lost" not in names(two) and len(names(two)) == 60
    with two.reading() as connection:
        assert read(connection, Rebuilding) is None


def test_what_a_removed_laptop_had_sent_before_the_restore_is_set_aside_and_nothing_else(make_server: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    """Nobody else may have it any more, and soon this laptop has not either."""
    server = make_server()
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, server.url, server.invite())
    add(one, "Ana")
    sync_once(one)
    server.run("server", "backup", str(tmp_path / "kept"))
    add(one, "Bo")
    sync_once(one)
    with one.reading() as connection:
        membership = read(connection, Membership)
    assert membership is not None
    server.run("server", "revoke", membership.device)
    server.stop()
    server.run("server", "restore", str(tmp_path / "kept"), "--replace")
    server.start()
    with pytest.raises(KnownError) as removed:
        sync_once(one)
    assert removed.value.code == "access_removed"
    sync_once(two)
    (aside,) = set_aside.set_aside(two)
    assert aside.count == 1 and "Bo" in aside.what[0]
    set_aside.release(two, aside.id)
    sync_once(two)
    assert set(names(two)) == {"Ana", "Bo"}


@pytest.mark.parametrize("orderer_first", [True, False])  # else the server refuses them first, and never has a row of theirs
@pytest.mark.parametrize("worth", [1, 4_000])  # all comes anew by a file, or by pages
def test_who_was_erased_where_the_server_has_lost_them_is_no_row_any_more(make_server: Any, make_desk: MakeDesk, tmp_path: Path, worth: int,
                                                                          orderer_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "WORTH", worth)
    server = make_server()
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, server.url, server.invite())
    add(one, "Ana")
    sync_once(one)
    server.run("server", "backup", str(tmp_path / "kept"))
    lost = add(one, "Bo")
    for desk in (one, two):
        sync_once(desk)
    erasing.erase(two, [lost])
    if not orderer_first:  # the order itself was accepted, and then lost
        sync_once(two)
    server.stop()
    server.run("server", "restore", str(tmp_path / "kept"), "--replace")
    server.start()
    for desk in (two, one, two) if orderer_first else (one, two, one):
        sync_once(desk)
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM person WHERE id = ?", (lost,)).scalar() == 0
            assert connection.exec_driver_sql("SELECT count(*) FROM shadow").scalar() == 0


@pytest.mark.parametrize("journal", ["there", "lost"])
def test_who_joined_after_the_backup_is_called_as_before(make_server: Any, make_desk: MakeDesk, tmp_path: Path, journal: str) -> None:
    server = make_server()
    one, two, late = make_desk("one"), make_desk("two"), make_desk("late")
    before = server.run("server", "invite", "--chapter", "Boston", "--role", "leader", "--name", "Lea")["code"]
    for desk, who in ((one, "Olga"), (two, "Sam")):
        desk.set_setting("person_name", who)
        desk.set_setting("device_name", f"{who}’s laptop")
    join(one, server.url, server.invite())
    sync_once(one)
    file = str(tmp_path / "yesterday.backup")
    server.run("server", "backup", file)
    join(two, server.url, server.invite())
    join(late, server.url, before)
    add(two, "Ana")
    sync_once(two)
    sync_once(late)
    told = {row.id: (row.name, row.who) for row in laptops.laptops(one)}
    assert sorted(who or "" for _name, who in told.values()) == ["Lea", "Olga", "Sam"]
    assert server.stop() == 0
    if journal == "lost":
        for kept in server.profile.glob("server-journal*"):
            kept.unlink() if kept.is_file() else shutil.rmtree(kept)
    server.run("server", "restore", file, "--replace")
    server.start()
    sync_once(one)
    if journal == "there":
        assert {row.id: (row.name, row.who) for row in laptops.laptops(one)} == told
        with one.applying() as applying:
            drop(applying.connection, Told)
        anew = {row.id: (row.name, row.who) for row in laptops.laptops(one)}
        nameless = "A laptop that has not come since the restore"
        assert sorted(anew.values(), key=str) == sorted([(nameless, None), (nameless, "Lea"), ("Olga’s laptop", "Olga")], key=str)
    else:
        for token in ("of before", "none any more"):
            if token != "of before":
                with two.applying() as applying:
                    drop(applying.connection, Session)
            with pytest.raises(KnownError, match="new invitation") as raised:
                sync_once(two)
            assert raised.value.code == "laptop_unknown", "nobody removed it"
        join(two, server.url, server.invite())
    sync_once(two)
    assert ("Sam’s laptop", "Sam") in {(row.name, row.who) for row in laptops.laptops(one)}
    sync_once(one)
    assert "Ana" in names(one)


def test_what_was_written_before_a_move_makes_no_cards_when_it_is_offered_again(make_server: Any, make_desk: MakeDesk) -> None:
    """What the former server had judged the new one knows by what the laptop carried; it never gave a result of its own for it."""
    desk = make_desk("keeper")
    desk.make_chapter("Great Lakes", "Aldermoor", "America/Chicago")
    vera = add(desk, "Vera", city="One")
    serving = keeping.begin(desk, port=free_port(), host="127.0.0.1")
    sync_once(desk)
    change(desk, vera, city="Two")
    sync_once(desk)
    serving.stop()
    server = make_server()
    keeping.move_away(desk, None, server.url, server.invite("Great Lakes Office"))
    sync_once(desk)
    desk.close()
    desk = make_desk("keeper")  # it goes on under another replica
    change(desk, vera, city="Three")
    sync_once(desk)
    assert conflicts(desk) == []
    server.stop()
    server.run("server", "restore")
    server.start()
    sync_once(desk)
    sync_once(desk)
    assert names(desk) == {"Vera": "Three"} and conflicts(desk) == []


@pytest.mark.parametrize("first", ["one", "two"])
def test_what_another_changed_after_a_move_makes_no_card_either(make_server: Any, make_desk: MakeDesk, first: str) -> None:
    former, (one, two) = make_server(), (desks := [make_desk("one"), make_desk("two")])
    for desk in desks:
        join(desk, former.url, former.invite())
    vera = add(one, "Vera")
    change(one, vera, city="One", email="one@example.org")
    for desk in (*desks, *desks):
        sync_once(desk)
    server = make_server()
    move_all(desks, server)
    change(two, vera, city="Two", email="two@example.org")
    for desk in (two, one):
        sync_once(desk)
    assert [conflicts(desk) for desk in desks] == [[], []]
    server.stop()
    server.run("server", "restore")
    server.start()
    for desk in [*(desks if first == "one" else reversed(desks)), *desks]:
        sync_once(desk)
    assert [conflicts(desk) for desk in desks] == [[], []]
    assert [names(desk) for desk in desks] == [{"Vera": "Two"}] * 2
    assert rows_of(one) == rows_of(two)


@pytest.mark.parametrize("first", ["one", "two"])
def test_a_server_from_before_the_chapter_moved_there_asks_only_what_is_to_be_asked(make_server: Any, make_desk: MakeDesk, tmp_path: Path, first: str) -> None:
    former, (one, two) = make_server(), (desks := [make_desk("one"), make_desk("two")])
    for desk in desks:
        join(desk, former.url, former.invite())
    vera = add(one, "Vera", employer="Then")
    change(one, vera, city="One", email="one@example.org")
    for desk in (*desks, *desks):
        sync_once(desk)
    change(one, vera, email="newer@example.org")
    for desk in (*desks, *desks):
        sync_once(desk)
    server, file = make_server(), str(tmp_path / "yesterday.backup")
    server.run("server", "backup", file)
    move_all(desks, server)
    change(two, vera, city="Two", email="two@example.org")
    for desk in (two, one):
        sync_once(desk)
    change(one, vera, employer="Now, says one")  # apart, and so there is a card
    change(two, vera, employer="Now, says two")
    for desk in (one, two, one):
        sync_once(desk)
    asked = [[(card.what, card.yours.value, card.theirs.value) for card in conflicts(desk)] for desk in desks]
    assert [len(cards) for cards in asked] == [1, 1]
    change(one, vera, city="Three")
    sync_once(one)
    server.stop()
    server.run("server", "restore", file, "--replace")
    server.start()
    for desk in [*(desks if first == "one" else reversed(desks)), *desks, *desks]:
        assert sync_once(desk).waiting == 0
    assert [[(card.what, card.yours.value, card.theirs.value) for card in conflicts(desk)] for desk in desks] == asked
    assert [names(desk) for desk in desks] == [{"Vera": "Three"}] * 2
    assert rows_of(one) == rows_of(two)
