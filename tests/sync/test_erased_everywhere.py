"""A person who is erased at one laptop is nowhere any more: not at the server, not at the others, not in what is set aside or comes later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.checkin.actions import walk_in
from alumni_desk.cli.main import run
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, remove_members
from alumni_desk.protocol.ids import uuid7
from alumni_desk.server.database import sqlcipher_database
from alumni_desk.server.state import now_ms, open_server
from alumni_desk.server.tidying import A_DAY, tidy_all
from alumni_desk.store import backup, backup_folders, erasing, keys
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.sync import conflicts, laptops, lately, session, set_aside, state
from alumni_desk.sync.engine import join, sync_once, wire_of
from alumni_desk.sync.pull import pull
from alumni_desk.sync.refused import refused

MakeDesk = Callable[[str], Desk]
SECRET = "Zaphodbeeblebrox"


def rest(*desks: Desk) -> None:
    """Everybody knows everything."""
    for _turn in range(2):
        for desk in desks:
            sync_once(desk)


def change(desk: Desk, row: str, **fields: Any) -> None:
    """One edit of a person."""
    with desk.writing("member_changed") as writing:
        writing.change("person", row, **fields)


def dump(path: Path, key: bytes) -> str:
    """Everything that a database holds, as text: every table, every column."""
    database = connect(path, key)
    try:
        return "\n".join(str(row) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
                         for row in database.execute(f'SELECT * FROM "{name}"'))
    finally:
        database.close()


def holds(desk: Desk) -> bool:
    """Whether anything of a desk, its outbox or its backups' newest database says the name."""
    said = dump(desk.profile.database, desk.key)
    outbox = str(desk.outbox.read())
    return SECRET.lower() in (said + outbox).lower()


@pytest.fixture
def chapter(make_server: Any, make_desk: MakeDesk) -> tuple[Any, Desk, Desk, str, str]:
    """Two leaders' desks and a person who was merged, is registered, has a degree and a household, was edited, and clashed."""
    server = make_server()
    desks = make_desk("one"), make_desk("two")
    for desk in desks:
        join(desk, server.url, server.invite(), device_name=desk.profile.path.name)
    one, two = desks
    with one.writing("made") as writing:
        gathering = writing.add("gathering", name="Reception", status="planned")
        home = writing.add("household", name=f"The {SECRET}s")
        root = writing.add("person", standing="member", last_name=SECRET, household=home, email="first@example.org")
        double = writing.add("person", standing="member", last_name=f"{SECRET} too", merged_into=root)
        writing.add("education", person=root, school=f"{SECRET} College")
        writing.add("registration", id=registration_id(gathering, root), gathering=gathering, person=root, badge_name=SECRET, status="yes")
    rest(*desks)
    change(two, root, notes=f"{SECRET} called")
    change(two, root, notes=f"{SECRET} called again")
    change(one, root, email=f"{SECRET}@one.example")
    change(two, root, email=f"{SECRET}@two.example")
    rest(*desks)
    assert len(conflicts.conflicts(two)) == 1 and holds(two)
    return server, one, two, root, double


def server_dump(server: Any) -> str:
    """Everything that the server's database says."""
    return dump(server.profile / "server.db", keys.database_key(server.profile, "server"))


def test_everywhere_at_once(chapter: tuple[Any, Desk, Desk, str, str]) -> None:
    server, one, two, _root, double = chapter
    backup.by_itself(two.profile, two.key, "daily")
    before = {one.file for one in backup_folders.backups(two.profile, two.key)}
    erasing.erase(one, [double])  # whoever they were merged with, too
    assert not holds(one)
    rest(one, two)
    server.stop()
    assert SECRET not in server_dump(server)
    assert not holds(two)
    assert not before & {one.file for one in backup_folders.backups(two.profile, two.key)}
    assert conflicts.conflicts(two) == conflicts.conflicts(one) == []
    for desk in (one, two):
        assert set(erasing.known_erased(desk.profile)) == {double, _root}
        assert refused(desk) == []
        with desk.reading() as connection:  # whoever was registered is still counted
            table = desk.tables["registration"]
            assert connection.execute(sa.select(sa.func.count()).select_from(table).where(~table.c.gone)).scalar() == 1
    server.start()
    assert server.run("server", "audit", "--check")["ok"]


def test_what_others_write_meanwhile_is_answered_erased_and_stays_away(chapter: tuple[Any, Desk, Desk, str, str]) -> None:
    server, one, two, root, _double = chapter
    with two.writing("made") as writing:
        late = writing.add("gathering", name="Late", status="planned")
        writing.add("registration", id=registration_id(late, root), gathering=late, person=root, badge_name=SECRET, status="yes")
    change(two, root, city=f"{SECRET} City")
    erasing.erase(one, [root])
    sync_once(two)  # before the server has heard of it
    rest(one, two)
    change_after = make_change_after(two, root)
    rest(one, two)
    assert not holds(one) and not holds(two)
    assert change_after
    server.stop()
    assert SECRET not in server_dump(server)


def make_change_after(desk: Desk, root: str) -> bool:
    """Somebody who does not look types it once more."""
    change(desk, root, last_name=SECRET)
    sync_once(desk)
    return [one.reason for one in refused(desk)] == ["erased"] and erasing.erase(desk, [root]) is not None


def test_changes_that_were_not_sent_and_fall_with_whom_they_were_about_are_counted(chapter: tuple[Any, Desk, Desk, str, str], capsys: Any) -> None:
    """The server never hears of them, so that no answer of it tells of them."""
    _server, one, two, root, _double = chapter
    with one.writing("made") as writing:
        other = writing.add("person", standing="member", last_name="Stays")
    rest(one, two)
    erasing.erase(one, [root], remake_backups=False)
    sync_once(one)
    change(two, root, city=f"{SECRET} City")
    change(two, root, employer="Acme")
    change(two, other, city="Boston")
    _pull_alone(two)  # killed before it has told: the next one does
    result = sync_once(two)
    assert (result.pushed, result.refused, result.dropped, result.waiting) == (1, 0, 2, 0)
    with two.reading() as connection:
        assert [did.dropped for did in lately.lately(connection)][:1] == [2]
    assert sync_once(two).dropped == 0 and refused(two) == []
    with one.writing("made") as writing:
        third = writing.add("person", standing="member", last_name="Third")
    rest(one, two)
    erasing.erase(one, [third], remake_backups=False)
    sync_once(one)
    change(two, third, city="Lagos")
    assert run(["--profile", str(two.profile.path), "sync"]) == 0
    assert "1 change that was not sent yet was of somebody whom others erased, and went with them." in capsys.readouterr().out


def test_what_is_set_aside_forgets_too(chapter: tuple[Any, Desk, Desk, str, str]) -> None:
    server, one, two, root, _double = chapter
    change(two, root, city=f"{SECRET} City")
    with two.writing("new") as writing:
        writing.add("person", standing="member", last_name="Stays")
    laptops.remove(one, "desk-two")
    with pytest.raises(Exception, match="was removed"):
        sync_once(two)
    erasing.erase(one, [root])
    rest(one)
    [aside] = set_aside.set_aside(one)
    assert not any(SECRET in line for line in aside.what) and any("Stays" in line for line in aside.what)
    assert set_aside.release(one, aside.id).taken == 1
    rest(one)
    server.stop()
    assert SECRET not in server_dump(server) and not holds(one)


def test_what_comes_to_be_set_aside_after_the_erasure_is_not_kept(chapter: tuple[Any, Desk, Desk, str, str]) -> None:
    server, one, two, root, _double = chapter
    laptops.remove(one, "desk-two")
    change(two, root, city=f"{SECRET} City")
    with two.writing("new") as writing:
        writing.add("person", standing="member", last_name="Stays")
        writing.add("education", person=root, school=f"{SECRET} High")
    erasing.erase(one, [root])
    rest(one)
    with pytest.raises(Exception, match="was removed"):
        sync_once(two)
    server.stop()
    assert SECRET not in server_dump(server)
    server.start()
    [aside] = set_aside.set_aside(one)
    assert any("Stays" in line for line in aside.what)
    assert set_aside.release(one, aside.id).taken == 1


def test_what_was_written_too_late_of_somebody_removed_long_ago_goes_when_they_are_erased(make_server: Any, make_desk: MakeDesk) -> None:
    """The server keeps no row of theirs any more, which could tell of it, and whoever wrote it sees none either."""
    server = make_server()
    one, two, three = desks = make_desk("one"), make_desk("two"), make_desk("three")
    for desk in desks:
        join(desk, server.url, server.invite())
    person = add_member(one, last_name="Gone").id
    rest(*desks)
    change(one, person, notes=f"{SECRET} called")
    remove_members(two, [person])
    sync_once(two)
    server.stop()
    database = sqlcipher_database(server.profile / "server.db", keys.database_key(server.profile, "server"))
    assert tidy_all(open_server(database), now_ms() + 31 * A_DAY) == 1
    database.close()
    server.start()
    sync_once(one)
    erasing.erase(three, [person])
    rest(three, one)
    assert not holds(one)


def test_a_restored_server_has_erased_before_anybody_asks(chapter: tuple[Any, Desk, Desk, str, str], tmp_path: Path) -> None:
    server, one, two, root, _double = chapter
    server.run("server", "backup", str(tmp_path / "kept"))
    erasing.erase(one, [root])
    rest(one, two)
    server.stop()
    server.run("server", "restore", str(tmp_path / "kept"), "--replace")
    for kept in server.profile.glob("server-replaced-*"):
        kept.unlink()
    assert SECRET not in server_dump(server)
    server.start()
    rest(one, two)
    assert not holds(one) and not holds(two)


def test_after_a_restore_of_the_server_who_was_erased_takes_nobody_of_the_same_import_along(chapter: tuple[Any, Desk, Desk, str, str], tmp_path: Path) -> None:
    server, one, two, _root, _double = chapter
    server.run("server", "backup", str(tmp_path / "kept"))
    people = [uuid7() for _n in range(5)]
    with one.writing("import", queue="load") as writing:
        writing.add_many("person", [{"id": person, "standing": "member", "last_name": f"Guest {n}"} for n, person in enumerate(people)])
        gathering = writing.add("gathering", name="Dinner", status="planned")
        for person in people:
            writing.add("registration", id=registration_id(gathering, person), gathering=gathering, person=person, status="yes")
    rest(one, two)
    erasing.erase(one, people[:1])
    rest(one, two)
    server.stop()
    server.run("server", "restore", str(tmp_path / "kept"), "--replace")
    server.start()
    rest(one, two)
    for desk in (one, two):
        with desk.reading() as connection:
            found = connection.exec_driver_sql("SELECT id FROM person WHERE last_name LIKE 'Guest %' AND NOT gone ORDER BY last_name").scalars().all()
            listed = connection.exec_driver_sql("SELECT person FROM registration WHERE gathering = ? AND NOT gone", (gathering,)).scalars().all()
        assert found == people[1:] and set(people[1:]) <= set(listed)
        assert [one.reason for one in refused(desk) if one.reason != "erased"] == []


def test_of_a_walk_in_who_was_erased_nothing_empty_is_offered_to_a_restored_server(chapter: tuple[Any, Desk, Desk, str, str], tmp_path: Path) -> None:
    """A walk-in is two operations of one person, the door's and the chapter's; both were accepted, then lost at the server, and one says nothing any more."""
    server, one, _two, _root, _double = chapter
    sync_once(one)
    server.run("server", "backup", str(tmp_path / "kept"))
    with one.reading() as connection:
        gathering = str(connection.exec_driver_sql("SELECT id FROM gathering").scalar())
    walked = walk_in(one, gathering, "Trillian", email="trillian@example.org")
    sync_once(one)
    with one.reading() as connection:
        person = str(connection.exec_driver_sql("SELECT person FROM registration WHERE id = ?", (walked.registration,)).scalar())
    erasing.erase(one, [person])
    server.stop()
    server.run("server", "restore", str(tmp_path / "kept"), "--replace")
    server.start()
    assert sync_once(one).refused == 0 and refused(one) == []


def test_killed_before_it_was_scrubbed_the_next_sync_does_it(chapter: tuple[Any, Desk, Desk, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from alumni_desk.sync import erasing as learning
    from alumni_desk.sync import state

    _server, one, two, root, _double = chapter
    erasing.erase(one, [root])
    rest(one)

    def killed_if_there_is_something(desk: Desk) -> None:
        with desk.reading() as connection:
            if state.read(connection, state.Scrubbing) is not None:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(learning, "finish", killed_if_there_is_something)
        with pytest.raises(KeyboardInterrupt):
            sync_once(two)
    with two.reading() as connection:
        assert state.read(connection, state.Scrubbing) is not None
    sync_once(two)
    assert not holds(two) and root in erasing.known_erased(two.profile)
    with two.reading() as connection:
        assert state.read(connection, state.Scrubbing) is None


def test_an_edit_that_says_nothing_any_more_leaves_no_base_behind(chapter: tuple[Any, Desk, Desk, str, str]) -> None:
    _server, one, two, root, _double = chapter
    change(two, root, email="waits@example.org")  # not sent, while what the others did comes down
    change(one, root, employer="Acme")
    sync_once(one)
    _pull_alone(two)
    with two.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM shadow").scalar() == 1
    erasing.erase(one, [root], remake_backups=False)
    sync_once(one)
    _pull_alone(two)
    with two.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM operation_now WHERE fate = 'waiting'").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM shadow").scalar() == 0


def _pull_alone(desk: Desk) -> None:
    wire = wire_of(desk)
    try:
        session.resume(desk, wire)
        with desk.reading() as connection:
            membership = state.read(connection, state.Membership)
        assert membership is not None
        pull(desk, wire, membership)
    finally:
        wire.close()
