"""A member who moved to another chapter: the laptops of the old one let go of them, those of the new one have all, and what comes too late is told."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from tests.store.test_erasing import findings
from tests.sync.test_venue import meet, shared

from alumni_desk.checkin.actions import check_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.segments.activity import deeds
from alumni_desk.segments.others import others
from alumni_desk.store import backup, backup_folders, erasing
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import undo
from alumni_desk.sync import snapshot, state
from alumni_desk.sync.away import away
from alumni_desk.sync.engine import join, sync_once, wire_of
from alumni_desk.sync.pull import pull
from alumni_desk.sync.refused import refused
from alumni_desk.sync.venue.relaying import relay

MakeDesk = Callable[[str], Desk]
SECRET = "Zaphodbeeblebrox"


def dump(desk: Desk) -> str:
    """Everything that a desk's database holds, as text: every table, every column."""
    database = connect(desk.profile.database, desk.key)
    try:
        return "\n".join(str(row) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'")
                         for row in database.execute(f'SELECT * FROM "{name}"'))
    finally:
        database.close()


def says(desk: Desk, word: str = SECRET) -> bool:
    """Whether anything of a desk, its outbox or its newest backups holds a word."""
    return word.lower() in (dump(desk) + str(desk.outbox.read())).lower()


@pytest.fixture
def chapters(make_server: Any, make_desk: MakeDesk) -> tuple[Any, Desk, Desk, Desk, str, str]:
    """Two desks in Berlin and one in Munich; a member who was merged and came to a gathering, with a badge name."""
    server = make_server()
    one, two, three = make_desk("one"), make_desk("two"), make_desk("three")
    for desk, chapter in ((one, "Berlin"), (two, "Berlin"), (three, "Munich")):
        join(desk, server.url, server.invite(chapter))
    with one.writing("made") as writing:
        gathering = writing.add("gathering", name="Reception", status="planned", starts="2020-01-01T19:00", ends="2020-01-01T21:00", time_zone="UTC")
        home = writing.add("household", name=f"The {SECRET}s")
        root = writing.add("person", standing="member", last_name=SECRET, household=home, email="first@example.org")
        writing.add("person", standing="member", last_name=f"{SECRET} too", merged_into=root)
        writing.add("education", person=root, school=f"{SECRET} College")
        writing.add("registration", id=registration_id(gathering, root), gathering=gathering, person=root, badge_name=SECRET, status="yes")
        writing.add("person", standing="member", last_name="Stays")
    check_in(one, gathering, registration_id(gathering, root), station="one")
    change_member(one, root, notes=f"{SECRET} called")
    for _turn in range(2):
        for desk in (one, two, three):
            sync_once(desk)
    return server, one, two, three, root, gathering


def test_the_old_chapter_lets_go_and_the_new_one_has_all(chapters: Any) -> None:
    server, one, two, three, root, gathering = chapters
    backup.by_itself(two.profile, two.key, "daily")
    assert says(one) and says(two) and not says(three)
    said = server.run("server", "move-member", SECRET, "--to", "Munich")
    assert root in said["people"] and len(said["people"]) == 2
    for desk in (one, two, three):
        assert sync_once(desk, check=True).identical
    for desk in (one, two):
        assert not says(desk), "nothing of them stays: rows, history, operations, outbox"
        assert [row.name for row in member_rows(desk)] == ["Stays"]
        assert headcount(desk, gathering).present == 1, "whoever came still came"
        assert [row.name for row in guest_rows(desk, gathering)] == ["Moved to another chapter"]
        assert refused(desk) == []
    told = [deed for deed in deeds(one) if deed.event == "member_changed"]
    assert [(deed.what, deed.reason) for deed in told] == [("Changed somebody who was erased or has moved", "Erased or moved since")]
    assert [deed.what for deed in others(one) if deed.what.startswith("Added")] == [], "what a move leaves was added by nobody"
    assert [row.name for row in member_rows(three)] == [SECRET]
    with three.reading() as connection:
        row = connection.exec_driver_sql("SELECT * FROM person WHERE id = ?", (root,)).mappings().one()
        assert row["notes"] == f"{SECRET} called" and connection.exec_driver_sql("SELECT school FROM education").scalar() == f"{SECRET} College"
    assert len(backup_folders.backups(two.profile, two.key)) == 1, "the backup that held them was made anew"
    change_member(three, root, city="Munich")
    sync_once(three)
    server.run("server", "move-member", root, "--to", "Berlin")
    for desk in (one, two, three):
        assert sync_once(desk, check=True).identical
    assert {row.name for row in member_rows(two)} == {SECRET, "Stays"} and member_rows(three) == [] and not says(three, "Munich called")
    change_member(two, root, city="Bonn")
    assert sync_once(two).refused == 0


@pytest.mark.parametrize("first", ["push", "pull"])
def test_what_is_written_too_late_is_told_and_names_whom(chapters: Any, first: str) -> None:
    """Whether the news comes before the answer or after it."""
    server, one, _two, three, root, gathering = chapters
    change_member(one, root, city="Too late")
    with one.writing("guests_changed") as writing:
        writing.change("registration", registration_id(gathering, root), table_name="7")
    server.run("server", "move-member", root, "--to", "Munich")
    if first == "pull":
        with one.reading() as connection:
            membership = state.read(connection, state.Membership)
        assert membership is not None
        wire = wire_of(one)
        pull(one, wire, membership)
        wire.close()
        assert [row.name for row in member_rows(one)] == ["Stays"]
    done = sync_once(one, check=True)
    assert done.refused == 1 and done.waiting == 0 and sync_once(one, check=True).identical
    [told] = refused(one)
    assert told.name == SECRET and "Address" in told.what and "now belongs to the Munich chapter" in told.why and "Tell them" in told.why
    assert [row.name for row in member_rows(one)] == ["Stays"]
    assert guest_rows(one, gathering)[0].table_name == "7", "places on the old chapter's lists are its own"
    sync_once(three)
    assert member_rows(three)[0].city is None


def test_no_name_stays_of_whom_all_was_taken_that_was_still_to_send(chapters: Any) -> None:
    """It was kept to tell whoever wrote it, should the server refuse it."""
    server, one, _two, _three, root, _gathering = chapters
    with one.writing("made") as writing:
        dinner = writing.add("gathering", name="Dinner", status="planned", starts="2020-02-01T19:00", ends="2020-02-01T21:00", time_zone="UTC")
        writing.add("registration", id=registration_id(dinner, root), gathering=dinner, person=root, status="yes")
    sync_once(one)
    check_in(one, dinner, registration_id(dinner, root), station="one")
    server.run("server", "move-member", root, "--to", "Munich")
    with one.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    wire = wire_of(one)
    pull(one, wire, membership)
    wire.close()
    backup.by_itself(one.profile, one.key, "daily")
    assert sync_once(one).refused == 0
    assert not says(one) and findings(one.profile, one.key, SECRET) == []


def test_an_erasure_that_comes_too_late_is_told_too(chapters: Any) -> None:
    server, one, _two, three, root, _gathering = chapters
    server.run("server", "move-member", root, "--to", "Munich")
    erasing.erase(one, [root])
    assert sync_once(one).refused >= 1
    assert all("now belongs to the Munich chapter" in each.why for each in refused(one))
    sync_once(three)
    assert [row.name for row in member_rows(three)] == [SECRET]
    server.run("server", "move-member", root, "--to", "Berlin")
    assert sync_once(one, check=True).identical and {row.name for row in member_rows(one)} == {SECRET, "Stays"}, "it was not erased"


def test_who_is_erased_in_the_new_chapter_is_in_no_list_of_the_old_one(chapters: Any) -> None:
    server, one, _two, three, root, _gathering = chapters
    change_member(one, root, city="Too late")
    server.run("server", "move-member", root, "--to", "Munich")
    assert sync_once(one).refused == 1 and [told.name for told in refused(one)] == [SECRET]
    sync_once(three)
    erasing.erase(three, [root])
    sync_once(three)
    assert sync_once(one, check=True).identical
    assert [told.name for told in refused(one)] == ["somebody who was erased"]
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM operation WHERE fields LIKE '%Too late%' OR values_before LIKE '%Too late%'").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM erased WHERE id = ?", (root,)).scalar() == 1
        assert root not in state.read(connection, state.Away).names


def test_a_peer_that_relays_a_late_operation_gets_the_same_answer(chapters: Any) -> None:
    server, one, two, three, root, _gathering = chapters
    change_member(one, root, city="Too late")
    with shared(two) as sharing:
        meet(one, sharing)
    server.run("server", "move-member", root, "--to", "Munich")
    sync_once(two, check=True)
    assert not says(two) and [row.name for row in member_rows(two)] == ["Stays"]
    sync_once(one)
    assert [told.name for told in refused(one)] == [SECRET]
    for desk in (one, two, three):
        assert sync_once(desk, check=True).identical
    assert member_rows(three)[0].city is None


def test_what_a_peer_brought_of_somebody_unheard_of_leaves_no_trace_once_the_server_says_that_they_moved(chapters: Any) -> None:
    server, one, two, three, _root, _gathering = chapters
    late = add_member(three, last_name=f"{SECRET} anew").id
    sync_once(three)
    server.run("server", "move-member", late, "--to", "Berlin")
    sync_once(one)
    change_member(one, late, city=f"{SECRET}ville")
    with shared(two) as sharing:
        meet(one, sharing)
    assert f"{SECRET}ville" in dump(two)
    backup.by_itself(two.profile, two.key, "daily")
    server.run("server", "move-member", late, "--to", "Munich")
    with two.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    wire = wire_of(two)
    relay(two, wire, membership)  # as where the network broke before anything was fetched
    wire.close()
    sync_once(two)
    assert f"{SECRET}ville" not in dump(two) and findings(two.profile, two.key, f"{SECRET}ville") == []


def test_a_server_that_goes_back_to_before_the_move_moves_again(chapters: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, one, two, three, root, gathering = chapters
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "three words to remember")
    server.run("server", "backup", str(tmp_path / "b.backup"))
    change_member(two, root, city="After the backup")
    sync_once(two)
    server.run("server", "move-member", root, "--to", "Munich")
    for desk in (one, two, three):
        sync_once(desk)
    change_member(three, root, job_title="Pilot")
    sync_once(three)
    server.stop()
    server.run("server", "restore", str(tmp_path / "b.backup"), "--replace")
    server.start()
    for _turn in range(2):
        for desk in (one, two, three):
            sync_once(desk)
    for desk in (one, two, three):
        assert sync_once(desk, check=True).identical
    assert not says(one) and not says(two) and refused(one) == [] == refused(two)
    with three.reading() as connection:
        row = connection.exec_driver_sql("SELECT * FROM person WHERE id = ?", (root,)).mappings().one()
    assert (row["city"], row["job_title"], row["last_name"]) == ("After the backup", "Pilot", SECRET)
    assert headcount(two, gathering).present == 1


def test_who_came_back_while_a_laptop_took_the_whole_chapter_anew_is_at_home_there(chapters: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server, one, two, _three, root, _gathering = chapters
    server.run("server", "move-member", root, "--to", "Munich")
    sync_once(one)
    server.run("server", "move-member", root, "--to", "Berlin")
    server.stop()
    server.run("server", "backup", str(tmp_path / "b.backup"))
    server.run("server", "restore", str(tmp_path / "b.backup"), "--replace")
    server.start()
    monkeypatch.setattr(snapshot, "WORTH", 1)
    sync_once(one)
    done = change_member(one, root, city="Bonn").changed.action
    sync_once(one)
    with two.writing("made") as writing:
        writing.add("person", standing="member", last_name="New")
    for desk in (two, one):
        sync_once(desk)
    undo(one, done)  # what was done about them is known here, and would be offered again to a server that lost it
    with one.reading() as connection:
        assert away(connection) == {} and {row.name for row in member_rows(one)} == {SECRET, "Stays", "New"}


def test_the_command_says_who_and_where(chapters: Any) -> None:
    server, *_desks = chapters

    for words in (("move-member", "Nobody", "--to", "Munich"), ("move-member", SECRET, "--to", "Atlantis"), ("move-member", SECRET, "--to", "Berlin")):
        done = subprocess.run(server.command("server", *words), capture_output=True, text=True, check=False)
        assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1, done.stderr
    done = subprocess.run(server.command("server", "move-member", SECRET, "--to", "munich", "--chapter", "berlin"), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{SECRET} belongs to Munich now."
    assert server.run("server", "audit")[0]["event"] == "move"
