"""The end of a laptop's access: what it had not sent is handed over, it empties itself whenever it is killed, and leaders look at what came."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.checkin.actions import check_in, walk_in
from alumni_desk.cli.main import run
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.protocol.codes import new_invitation
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, backup_folders, removal
from alumni_desk.store.desk import Desk
from alumni_desk.store.driver import sqlcipher
from alumni_desk.store.erasing import erase
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import redo, undo
from alumni_desk.sync import laptops, leaving, moving, set_aside
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.venue.files import read_parcels, write_parcels

MakeDesk = Callable[[str], Desk]


def code_of(call: Callable[[], object]) -> str:
    """The code of the error that a call raises."""
    with pytest.raises(KnownError) as raised:
        call()
    return raised.value.code


def add(desk: Desk, *names: str, event: str = "new") -> None:
    """New members."""
    with desk.writing(event) as writing:
        for name in names:
            writing.add("person", standing="member", last_name=name)


def names(desk: Desk) -> list[str]:
    """Who is on the list."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        return sorted(connection.execute(sa.select(person.c.last_name).where(~person.c.gone)).scalars())


def what_is_left(profile: Profile) -> list[str]:
    """The files of a profile that hold anything of the chapter."""
    return sorted(str(one.relative_to(profile.path)) for one in profile.path.rglob("*") if one.is_file()
                  and one.name not in (removal.FILE, "desk.lock", "outbox.lock"))


@pytest.fixture
def pair(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk]:
    """A leader's desk and another one, caught up."""
    desks = make_desk("leader"), make_desk("other")
    for desk in desks:
        join(desk, office.url, office.invite(), device_name=f"{desk.profile.path.name} laptop")
    add(desks[0], "Lovelace")
    for desk in (*desks, desks[0]):
        sync_once(desk)
    return desks


def remove_other(leader: Desk) -> None:
    """Remove the other laptop from the leader's."""
    laptops.remove(leader, "desk-other laptop")


def test_what_is_set_aside_says_into_whom_somebody_was_merged_and_that_they_were_taken_apart(pair: tuple[Desk, Desk]) -> None:
    """A leader who releases a merge would not have seen whose entries become one; of the other way an id had stood there."""
    leader, other = pair
    ann, anna, ada, lia = (add_member(leader, first_name=name, last_name="Berg").id for name in ("Ann", "Anna", "Ada", "Lia"))
    merge_people(leader, ada, lia)
    for desk in (leader, other):
        sync_once(desk)
    merge_people(other, ann, anna)
    unmerge(other, ada)
    merge_people(other, add_member(other, first_name="Old", last_name="Berg").id, add_member(other, first_name="New", last_name="Berg").id)
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    lines = [line for one in set_aside.set_aside(leader) for line in one.what]
    assert "Ann Berg: Merged into “Anna Berg”" in lines and "Ada Berg: Taken apart again" in lines
    assert any("Merged into “New Berg”" in line for line in lines)


def test_a_removed_laptop_hands_over_what_it_had_and_empties_itself(pair: tuple[Desk, Desk], make_desk: MakeDesk) -> None:
    leader, other = pair
    profile = other.profile
    backup.by_itself(profile, other.key, "daily")
    add(other, "Unsent", "Unsent too")
    remove_other(leader)
    with pytest.raises(KnownError, match=r"removed on .*; what it had not sent was handed to the chapter’s leaders[.]") as raised:
        sync_once(other)
    assert raised.value.code == "access_removed"
    assert what_is_left(profile) == []
    assert code_of(lambda: names(other)) == "access_removed" and not profile.database.exists()  # nobody makes it anew
    for _start in range(2):
        assert code_of(lambda: open_desk(profile)) == "access_removed"
    assert b"Unsent" not in (profile.path / removal.FILE).read_bytes()
    result = sync_once(leader)
    assert result.quarantined == 2 and names(leader) == ["Lovelace"]
    [aside] = set_aside.set_aside(leader)
    assert (aside.laptop, aside.reason, aside.count) == ("desk-other laptop", "revoked", 2) and any("Unsent too" in line for line in aside.what)
    assert [one.set_aside for one in laptops.laptops(leader) if one.name == "desk-other laptop"] == [2]
    assert set_aside.release(leader, aside.id[:8]).taken == 2
    assert code_of(lambda: set_aside.release(leader, aside.id)) == "no_such_parcel"
    assert sync_once(leader).quarantined == 0 and names(leader) == ["Lovelace", "Unsent", "Unsent too"]


def test_a_chapter_does_not_move_before_what_was_set_aside_was_looked_at(pair: tuple[Desk, Desk], make_server: Any) -> None:
    """It lies at the present server alone; where a laptop keeps the chapter that goes with the move."""
    leader, other = pair
    add(other, "Unsent", "Unsent too")
    remove_other(leader)
    with pytest.raises(KnownError):
        sync_once(other)
    server = make_server()
    for anyway in (False, True):
        with pytest.raises(KnownError, match="2 changes were set aside") as raised:
            moving.move(leader, server.url, server.invite(), anyway=anyway)
        assert raised.value.code == "move_set_aside"
    [aside] = set_aside.set_aside(leader)
    set_aside.release(leader, aside.id)
    moving.move(leader, server.url, server.invite())
    sync_once(leader)
    assert names(leader) == ["Lovelace", "Unsent", "Unsent too"]


def test_what_is_set_aside_names_whom_it_brings_itself(pair: tuple[Desk, Desk]) -> None:
    leader, other = pair
    with leader.writing("gathering_planned") as writing:
        gathering = writing.add("gathering", name="Autumn Dinner", starts="2027-10-10T18:00", time_zone="UTC")
    sync_once(leader)
    sync_once(other)
    late = walk_in(other, gathering, "Late Dora")
    with other.writing("answers_noted") as writing:
        writing.change("registration", str(late.registration), door_note="Vegan")
    with other.reading() as connection:
        [code] = connection.exec_driver_sql("SELECT code FROM registration WHERE id = ?", (str(late.registration),)).scalars()
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    found = set_aside.set_aside(leader)
    assert len([line for one in found for line in one.what if line.startswith("Late Dora: ")]) >= 4
    assert not any("Somebody" in line for one in found for line in one.what)
    lines = [line for one in found for line in one.what]
    assert any(re.fullmatch(r"Late Dora: checked in at Autumn Dinner, \d?\d:\d\d( [AP]M)?", line) for line in lines), lines
    assert any("Gathering “Autumn Dinner”" in line and "Answered “" in line for line in lines)
    for line in lines:
        assert str(code) not in line and not re.search(r"\d{4}-\d\d-\d\dT|\b(Person|Gathering)(,|$)", line), line
    assert {one.why for one in found} == {"The laptop that this comes from is removed, so a leader looks at it first."}


@pytest.mark.parametrize("deed", ["discard", "release"])
def test_what_a_removed_door_gave_in_a_file_and_hands_over_again_is_set_aside_once(pair: tuple[Desk, Desk], office: Any, make_desk: MakeDesk,
                                                                                 tmp_path: Path, deed: str) -> None:
    leader, other = pair
    gathering = new_gathering(leader, name="Autumn Dinner", start="2099-10-10T18:00").id
    guest = add_member(leader, last_name="Guest").id
    add_guests(leader, gathering, [guest])
    sync_once(leader)
    sync_once(other)
    door = make_desk("dora")
    join(door, office.url, office.invite(role="door", gathering=gathering), device_name="Dora")
    sync_once(door)
    walk_in(door, gathering, "Late Dora")
    write_parcels(door, tmp_path / "dora.alumni")
    read_parcels(other, tmp_path / "dora.alumni")
    with door.reading() as connection:
        given = connection.exec_driver_sql("SELECT count(*) FROM operation_now WHERE fate = 'waiting'").scalar_one()
    laptops.remove(leader, "Dora")
    sync_once(other)  # carries it to the server
    check_in(door, gathering, person_id=guest)
    with door.reading() as connection:
        in_all = connection.exec_driver_sql("SELECT count(*) FROM operation_now WHERE fate = 'waiting'").scalar_one()
    assert code_of(lambda: sync_once(door)) == "access_removed"
    assert sync_once(leader).quarantined == in_all > given
    found = {one.count: one for one in set_aside.set_aside(leader)}
    assert sum(found) == in_all and len(found) == 2
    getattr(set_aside, deed)(leader, found[given].id)
    assert sync_once(leader).quarantined == in_all - given
    set_aside.release(leader, found[in_all - given].id)
    assert sync_once(leader).quarantined == 0 and set_aside.set_aside(leader) == []
    assert ("Dora" in names(leader)) == (deed == "release")


@pytest.mark.parametrize("deed", ["discard", "release"])
def test_of_somebody_new_everything_is_one_lot(pair: tuple[Desk, Desk], office: Any, make_desk: MakeDesk, deed: str) -> None:
    leader, _other = pair
    gathering = new_gathering(leader, name="Autumn Dinner", start="2099-10-10T18:00").id
    guest = add_member(leader, last_name="Guest").id
    add_guests(leader, gathering, [guest])
    sync_once(leader)
    door = make_desk("dora")
    join(door, office.url, office.invite(role="door", gathering=gathering), device_name="Dora")
    sync_once(door)
    walk_in(door, gathering, "Late Dora", email="dora@example.org", consent=True)
    walk_in(door, gathering, "Late Eve", email="eve@example.org")
    check_in(door, gathering, person_id=guest)
    laptops.remove(leader, "Dora")
    assert code_of(lambda: sync_once(door)) == "access_removed"
    [aside] = set_aside.set_aside(leader)
    assert aside.count == sync_once(leader).quarantined and any("dora@example.org" in line for line in aside.what)
    assert set_aside.whole(leader, aside.id) == aside
    done = getattr(set_aside, deed)(leader, aside.id)
    assert (done.taken, done.refused) == ((aside.count, 0) if deed == "release" else (0, aside.count))
    assert set_aside.set_aside(leader) == [] and sync_once(leader).quarantined == 0
    with leader.reading() as connection:
        found = connection.exec_driver_sql("SELECT last_name, email FROM person WHERE email IS NOT NULL ORDER BY email").all()
    assert [tuple(one) for one in found] == ([("Dora", "dora@example.org"), ("Eve", "eve@example.org")] if deed == "release" else [])


def test_what_is_set_aside_says_what_was_written_and_what_is_here_now(pair: tuple[Desk, Desk], capsys: Any) -> None:
    leader, other = pair
    with other.reading() as connection:
        person = str(connection.exec_driver_sql("SELECT id FROM person").scalar_one())
    with other.writing("member_changed") as writing:
        writing.change("person", person, employer="Acme & Sons", city="Boston")
    with leader.writing("member_changed") as writing:
        writing.change("person", person, employer="Initech")
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    [aside] = set_aside.set_aside(leader)
    [line] = aside.what
    assert "Employer “Acme & Sons” (now “Initech”)" in line and "Address “Boston”" in line
    assert run(["--profile", str(leader.profile.path), "set-aside"]) == 0
    assert line in capsys.readouterr().out


def test_what_is_set_aside_tells_each_change_and_ends_as_a_release_does(pair: tuple[Desk, Desk]) -> None:
    leader, other = pair
    add_member(other, first_name="Late", last_name="One")
    for _time in range(2):
        undo(other)
        redo(other)
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    sync_once(leader)
    [aside] = set_aside.set_aside(leader)
    assert aside.count == 5 and aside.more == 0, "nobody has to wonder where the others are"
    assert aside.what[0].startswith("Late One: ") and "First name “Late”" in aside.what[0]
    assert aside.what[1:] == ("Late One: Taken off the list", "Late One: Back on the list") * 2
    assert set_aside.release(leader, aside.id).refused == 0
    sync_once(leader)
    assert names(leader) == ["Lovelace", "One"]


def test_everything_of_a_long_lot_can_be_seen(pair: tuple[Desk, Desk], capsys: Any) -> None:
    leader, other = pair
    add(other, *(f"Late{n:02}" for n in range(30)))
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    [aside] = set_aside.set_aside(leader)
    assert (aside.count, len(aside.what), aside.more) == (30, 20, 10)
    whole = set_aside.whole(leader, aside.id[:8])
    assert (whole.count, whole.more, whole.what[:20]) == (30, 0, aside.what) and all(f"Late{n:02}" in whole.what[n] for n in range(30))
    command = ["--profile", str(leader.profile.path), "set-aside"]
    assert run(command) == 0
    said = capsys.readouterr().out
    assert "Late29" not in said and f"and 10 more: set-aside show {aside.id[:8]}" in said
    assert run([*command, "show", aside.id[:8]]) == 0
    said = capsys.readouterr().out
    assert all(f"Late{n:02}" in said for n in range(30)) and "more" not in said
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["more"] == 10


def test_what_is_discarded_never_counts(pair: tuple[Desk, Desk]) -> None:
    leader, other = pair
    add(other, "Unwanted")
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    [aside] = set_aside.set_aside(leader)
    assert set_aside.discard(leader, aside.id).refused == 1
    assert set_aside.set_aside(leader) == [] and sync_once(leader).quarantined == 0
    assert names(leader) == ["Lovelace"]


def test_the_command_asks_before_what_was_set_aside_is_thrown_away(pair: tuple[Desk, Desk], capsys: Any) -> None:
    leader, other = pair
    add(other, "Unwanted")
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    [aside] = set_aside.set_aside(leader)
    discard = ["--profile", str(leader.profile.path), "set-aside", "discard", aside.id[:8]]
    for words in (discard, [*discard, "--json"]):  # nobody sits at a terminal
        assert run(words) == 1
        assert tuple(capsys.readouterr()) == ("", "Nothing was thrown away. Say --yes, or type “discard” when asked.\n")
    if sys.platform != "win32":
        said = at_a_terminal(discard, "yes")
        assert "Throw 1 change of desk-other laptop away for good? There is no undo. Type “discard”: " in said and "Nothing was thrown away." in said
        assert "Nothing was thrown away." in at_a_terminal(discard, "\x04")  # Ctrl+D
        assert set_aside.set_aside(leader) == [aside]
        assert "Thrown away: 1." in at_a_terminal(discard, "discard")
    else:
        assert run([*discard, "--yes"]) == 0
    assert set_aside.set_aside(leader) == []
    assert run([*discard, "--yes"]) == 1 and "Nothing is set aside under" in capsys.readouterr().err


def test_what_would_erase_somebody_says_so_first_and_is_released_only_as_a_whole(pair: tuple[Desk, Desk], capsys: Any) -> None:
    leader, other = pair
    person = add_member(leader, first_name="Ada", last_name="Obi").id
    sync_once(leader)
    sync_once(other)
    add(other, *(f"Unsent {number}" for number in range(25)))
    erase(other, [person])
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    found = set_aside.set_aside(leader)
    [aside] = [one for one in found if one.erases]
    assert aside.erases == 1 and aside.what[0] == "Ada Obi: to be erased for good"
    words = ["--profile", str(leader.profile.path), "set-aside", "release", aside.id]
    assert run(words) == 1
    assert "Nothing was released. Say --yes, or type “release” when asked." in capsys.readouterr().err
    assert sync_once(leader).quarantined == 26 and "Obi" in names(leader) and set_aside.set_aside(leader) == found
    if sys.platform != "win32":
        said = at_a_terminal(words, "no")
        assert ("Releasing this erases 1 person for good, on every laptop, and there is no undo. Its changes count together; to keep the person, throw it "
                "away. Type “release”: ") in said and "Nothing was released." in said
    assert run([*words, "--yes"]) == 0
    sync_once(leader)
    assert "Obi" not in names(leader) and not any(one.erases for one in set_aside.set_aside(leader))
    assert run(["--profile", str(leader.profile.path), "set-aside", "release", "ffffffff"]) == 1, "nothing to ask about"


def at_a_terminal(words: list[str], typed: str) -> str:
    """What the program says to somebody who types this at a terminal."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "alumni_desk", *words], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        os.close(theirs)
        os.write(ours, f"{typed}\n".encode())
        said, _nothing = process.communicate(timeout=60)
    os.close(ours)
    return said


def test_a_removed_laptop_gets_nothing_more(pair: tuple[Desk, Desk]) -> None:
    from alumni_desk.protocol.messages import InvitationsReply, PullReply, PullRequest, ScopeRequest
    from alumni_desk.sync.asking import line_of
    from alumni_desk.sync.pull import cursor_of

    leader, other = pair
    with line_of(other) as line:
        with other.reading() as connection:
            cursor = cursor_of(connection, line.scope)
        line.call("pull", PullRequest({line.scope: cursor}), PullReply)
        remove_other(leader)
        assert code_of(lambda: line.call("pull", PullRequest({line.scope: cursor}), PullReply)) == "revoked"
        assert code_of(lambda: line.call("invitations", ScopeRequest(line.scope), InvitationsReply)) == "revoked"
        line.wire.token = None  # a new session is good for no more
        assert code_of(lambda: line.call("pull", PullRequest({line.scope: cursor}), PullReply)) == "revoked"
    assert code_of(lambda: laptops.laptops(other)) == "revoked"


def test_backups_in_a_folder_of_ones_own(pair: tuple[Desk, Desk], tmp_path: Path) -> None:
    leader, other = pair
    stick = tmp_path / "stick"
    backup_folders.choose_folder(other.profile, stick)
    made = backup.by_itself(other.profile, other.key, "daily")
    others = backup.by_itself(leader.profile, leader.key, "daily")
    foreign = stick / others.name.replace("daily", "daily-9")
    others.rename(foreign)
    assert made.parent == stick
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    assert not made.exists() and foreign.exists()  # another desk's is not ours to delete


def test_a_folder_with_backups_that_is_not_there_is_named_and_emptied_later(pair: tuple[Desk, Desk], tmp_path: Path) -> None:
    leader, other = pair
    stick = tmp_path / "stick"
    backup_folders.choose_folder(other.profile, stick)
    made = backup.by_itself(other.profile, other.key, "daily")
    begun = removal.begin(other, "revoked")
    assert begun.left == (stick,)
    stick.rename(tmp_path / "taken out")
    other.shut(begun.error)
    with pytest.raises(KnownError, match="could not be reached") as raised:
        open_desk(other.profile)
    assert str(stick) in str(raised.value)
    (tmp_path / "taken out").rename(stick)
    with pytest.raises(KnownError) as raised:
        open_desk(other.profile)
    assert not made.exists() and "could not be reached" not in str(raised.value)
    assert removal.removed(leader.profile) is None


def test_folders_used_before_are_emptied_too_even_if_nobody_saw_what_is_in_them(pair: tuple[Desk, Desk], tmp_path: Path) -> None:
    leader, other = pair
    gone, here, away = tmp_path / "gone", tmp_path / "here", tmp_path / "taken out"
    made = []
    for folder in (gone, here):
        backup_folders.choose_folder(other.profile, folder)
        made.append(backup.by_itself(other.profile, other.key, "daily"))
    backup_folders.choose_folder(other.profile, None)
    others = backup.by_itself(leader.profile, leader.key, "daily")
    foreign = gone / others.name.replace("daily", "daily-9")
    others.rename(foreign)
    gone.rename(away)
    begun = removal.begin(other, "revoked")
    assert begun.left == (gone, here)
    other.shut(begun.error)
    with pytest.raises(KnownError, match="could not be reached"):
        open_desk(other.profile)
    assert not made[1].exists()
    away.rename(gone)
    with pytest.raises(KnownError) as raised:
        open_desk(other.profile)
    assert "could not be reached" not in str(raised.value)
    assert not made[0].exists() and foreign.exists()
    assert '"seal": ""' in (other.profile.path / removal.FILE).read_text()


def test_a_new_invitation_begins_anew(pair: tuple[Desk, Desk], office: Any) -> None:
    leader, other = pair
    profile = other.profile
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    removal.start_again(profile)
    with open_desk(profile, anew=True) as desk:
        join(desk, office.url, office.invite())
        removal.begun_again(profile)
        sync_once(desk)
        assert names(desk) == ["Lovelace"]


@pytest.mark.parametrize("wrong", ["typing", "unknown", "silent"])
def test_a_join_that_fails_does_not_take_away_that_the_laptop_was_removed(pair: tuple[Desk, Desk], office: Any, capsys: Any, wrong: str) -> None:
    leader, other = pair
    here = ["--profile", str(other.profile.path)]
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    url = "http://127.0.0.1:9" if wrong == "silent" else office.url
    code = "ABCD-EFGH-JKMN-PQRS" if wrong == "typing" else new_invitation()
    assert run([*here, "join", url, code]) == 1
    assert removal.removed(other.profile) is not None
    if wrong != "silent":  # that server may have said yes
        assert what_is_left(other.profile) == []
    capsys.readouterr()
    assert run([*here, "status"]) == 0 and "access was removed" in capsys.readouterr().out
    assert code_of(lambda: open_desk(other.profile)) == "access_removed"
    assert run([*here, "join", office.url, office.invite()]) == 0
    assert removal.removed(other.profile) is None
    with open_desk(other.profile) as desk:
        sync_once(desk)
        assert names(desk) == ["Lovelace"]


def test_killed_after_the_server_said_yes_the_same_join_takes_the_mark_away(pair: tuple[Desk, Desk], office: Any) -> None:
    leader, other = pair
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    code = office.invite()
    with open_desk(other.profile, anew=True) as desk:
        join(desk, office.url, code)
    assert code_of(lambda: open_desk(other.profile)) == "access_removed"
    assert run(["--profile", str(other.profile.path), "join", office.url, code]) == 0
    with open_desk(other.profile) as desk:
        sync_once(desk)
        assert names(desk) == ["Lovelace"]


def test_a_removed_laptop_restores_no_backup(pair: tuple[Desk, Desk], office: Any, capsys: Any, tmp_path: Path) -> None:
    leader, other = pair
    here = ["--profile", str(other.profile.path)]
    backup.back_up(other, tmp_path / "b.bak", passphrase=os.environ["ALUMNI_DESK_PASSPHRASE"])
    remove_other(leader)
    assert code_of(lambda: sync_once(other)) == "access_removed"
    capsys.readouterr()
    for words in (["restore", str(tmp_path / "b.bak")], ["restore", "--dry-run", str(tmp_path / "b.bak")], ["restore", "--salvage"]):
        assert run([*here, *words]) == 1
        assert "access was removed" in (said := capsys.readouterr().err) and "ask a leader for a new invitation, join with it, then restore" in said
        assert what_is_left(other.profile) == []
    assert run([*here, "join", office.url, office.invite()]) == 0
    assert run([*here, "restore", str(tmp_path / "b.bak")]) == 0
    with open_desk(other.profile) as desk:
        assert names(desk) == ["Lovelace"]


def test_whoever_erased_everything_may_go_back_to_a_backup(desk: Desk, tmp_path: Path) -> None:
    add(desk, "Lovelace")
    backup.back_up(desk, tmp_path / "b.bak", passphrase=os.environ["ALUMNI_DESK_PASSPHRASE"])
    desk.shut(removal.begin(desk, "erased").error)
    removal.finish(desk.profile)
    assert run(["--profile", str(desk.profile.path), "restore", str(tmp_path / "b.bak")]) == 0
    with open_desk(desk.profile) as again:
        assert names(again) == ["Lovelace"]


def test_killed_after_it_was_begun_the_next_start_finishes(pair: tuple[Desk, Desk]) -> None:
    _leader, other = pair
    for harm in (lambda: None, lambda: (other.profile.path / "desk.key").unlink(), lambda: other.profile.database.unlink()):
        if not (other.profile.path / removal.FILE).exists():
            other.shut(removal.begin(other, "revoked").error)
        harm()
        assert code_of(lambda: open_desk(other.profile)) == "access_removed"
        assert what_is_left(other.profile) == []
        assert removal.removed(other.profile).finished  # type: ignore[union-attr]
        (other.profile.path / "desk.key").touch(), other.profile.database.touch()
        (other.profile.path / removal.FILE).write_bytes((other.profile.path / removal.FILE).read_bytes().replace(b'"finished": true', b'"finished": false'))


def test_leaving_sends_everything_first(pair: tuple[Desk, Desk], office: Any) -> None:
    leader, other = pair
    add(other, "Sent at last")
    assert "everything" not in leaving.leave(other)
    assert what_is_left(other.profile) == [] and removal.removed(other.profile).why == "left"  # type: ignore[union-attr]
    sync_once(leader)
    assert names(leader) == ["Lovelace", "Sent at last"]
    assert [bool(one.left) for one in laptops.laptops(leader) if one.name == "desk-other laptop"] == [True]
    chapter_of_one = office.server.invite(f"{office.chapter} alone")
    assert chapter_of_one


def test_a_laptop_leaves_by_command_though_a_large_action_was_never_copied(pair: tuple[Desk, Desk], capsys: Any) -> None:
    _leader, other = pair
    with other.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}"} for n in range(60)])
    other.close()  # the program ended before there was time
    assert run(["--profile", str(other.profile.path), "leave", "--yes"]) == 0, capsys.readouterr().err
    assert what_is_left(other.profile) == []


def test_nothing_is_saved_that_would_go_as_the_laptop_is_emptied(pair: tuple[Desk, Desk], make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    leader, other = pair
    window, begin, shut = make_desk("other"), removal.begin, other.shut

    def beginning(*arguments: Any) -> Any:
        with closing(window.raw()) as raw, pytest.raises(sqlcipher().OperationalError, match="locked"):
            raw.execute("PRAGMA busy_timeout = 0")
            raw.execute("BEGIN IMMEDIATE")
        return begin(*arguments)

    def shutting(why: KnownError) -> None:
        assert code_of(lambda: add(window, "Saved in that moment")) == "access_removed"
        shut(why)

    monkeypatch.setattr(removal, "begin", beginning)
    monkeypatch.setattr(other, "shut", shutting)
    add(other, "Sent at last")
    leaving.leave(other)
    sync_once(leader)
    assert names(leader) == ["Lovelace", "Sent at last"]


def test_who_handed_over_is_not_hurried_and_who_was_removed_is(make_server: Any, make_desk: MakeDesk) -> None:
    """A form may be open."""
    server, leader, other = make_server(), make_desk("leader"), make_desk("other")
    for desk in (leader, other):
        join(desk, server.url, server.invite(), device_name=desk.profile.path.name)
        sync_once(desk)
    laptops.remove(leader, "desk-other")
    assert code_of(lambda: sync_once(other, stays=datetime.now(UTC) + timedelta(hours=1))) == "access_removed"
    made = leaving.hand_over(leader)
    successor = make_desk("successor")
    join(successor, made.url, made.code)
    with pytest.raises(KnownError, match=r"Your term has ended: .* A form is open here: save or close it") as raised:
        sync_once(leader, stays=datetime.now(UTC) + timedelta(hours=1))
    assert raised.value.code == leaving.PUT_OFF
    add(leader, "Typed")
    assert names(leader) == ["Typed"] and "no contact" not in status(leader).sentence
    assert code_of(lambda: sync_once(leader)) == "access_removed" and what_is_left(leader.profile) == []
    sync_once(successor)
    assert names(successor) == ["Typed"]


def test_the_last_leader_hands_over_instead(make_server: Any, make_desk: MakeDesk) -> None:
    server, leader = make_server(), make_desk("leader")
    join(leader, server.url, server.invite())
    sync_once(leader)
    assert code_of(lambda: leaving.leave(leader)) == "last_leader"
    made = leaving.hand_over(leader, name="Successor")
    successor = make_desk("successor")
    join(successor, made.url, made.code)
    add(leader, "Unsent")
    assert names(leader) == ["Unsent"]
    for deed in (lambda: leaving.hand_over(leader), lambda: laptops.laptops(leader)):  # before the contact that empties it
        with pytest.raises(KnownError, match="handed over: your successor has joined") as raised:
            deed()
        assert raised.value.code == "handed_over" and names(leader) == ["Unsent"]
    with pytest.raises(KnownError, match="handed over") as raised:
        sync_once(leader)
    assert raised.value.code == "access_removed" and what_is_left(leader.profile) == []
    sync_once(successor)
    assert names(successor) == ["Unsent"]  # as a leader's change: not set aside
    server.stop()
    assert server.run("server", "audit", "--check")["ok"]
    assert {"handed_over", "invite", "enrol"} <= {one["event"] for one in server.run("server", "audit")}


def test_a_predecessor_is_not_removed_and_what_it_had_not_sent_arrives(pair: tuple[Desk, Desk], make_desk: MakeDesk) -> None:
    leader, other = pair
    made = leaving.hand_over(other, name="Successor")
    add(other, "Unsent")
    join(make_desk("successor"), made.url, made.code)
    with pytest.raises(KnownError, match=r"desk-other laptop has left already: .* is taken in[.] Nothing was changed[.]") as raised:
        remove_other(leader)
    assert raised.value.code == "left_already"
    assert code_of(lambda: sync_once(other)) == "access_removed"
    assert sync_once(leader).quarantined == 0 and names(leader) == ["Lovelace", "Unsent"]


def test_a_laptop_that_keeps_the_chapter_is_not_emptied_with_it(pair: tuple[Desk, Desk], office: Any) -> None:
    from alumni_desk.sync import keeping, state

    leader, other = pair
    with other.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    other.set_setting(keeping.NAME, {"port": int(membership.url.rpartition(":")[2]), "key": "00" * 32})
    remove_other(leader)
    for deed in (lambda: leaving.leave(other), lambda: leaving.hand_over(other), lambda: sync_once(other)):
        assert code_of(deed) == "keeps_chapter"
    assert names(other) == ["Lovelace"]


@pytest.mark.long
def test_killed_anywhere_it_is_emptied_in_the_end_and_nothing_is_lost(make_server: Any, make_desk: MakeDesk) -> None:
    server, leader = make_server(), make_desk("leader")
    join(leader, server.url, server.invite(), device_name="leader laptop")
    sync_once(leader)
    for number, delay in enumerate((0.5, 0.7, 0.9, 1.1)):
        other = make_desk(f"other{number}")
        join(other, server.url, server.invite(), device_name=f"other{number}")
        sync_once(other)
        add(other, *(f"Unsent {number} {n}" for n in range(300)))
        profile = other.profile
        other.close()
        laptops.remove(leader, f"other{number}")
        command = [sys.executable, "-m", "alumni_desk", "--profile", str(profile.path), "sync", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
        time.sleep(delay)
        process.kill()
        process.communicate()
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1 and "was removed on" in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert what_is_left(profile) == []
        said = subprocess.run([*command[:-2], "status", "--json"], capture_output=True, text=True, check=True, timeout=60).stdout
        assert json.loads(said)["state"] == "removed"
    for aside in set_aside.set_aside(leader):
        set_aside.release(leader, aside.id)
    sync_once(leader)
    assert len(names(leader)) == len(set(names(leader))) == 1_200
