"""An erased person's data is in no file any more, and no backup brings it back."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread, current_thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from alumni_desk.badges.actions import use_badge_name
from alumni_desk.checkin.actions import check_in
from alumni_desk.errors import KnownError, Refused
from alumni_desk.gatherings.actions import add_guests, name_guest, new_gathering
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, bring_back, change_member, remove_members
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, backup_folders, backup_head, connecting, disk, driver, erasing
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.store.history import history, keep, under
from alumni_desk.store.history import restore as restore_value
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import redo, undo
from alumni_desk.sync.erasing import after_list
from alumni_desk.sync.restoring import restore

CANARY = "Quetzalcoatlus"
PAGE, RESERVE = 4096, 80


def pages(file: Path, key: bytes, salt: bytes) -> Iterator[bytes]:
    """Every page of a SQLCipher database or log, in plain text: what the file still holds, in use or not."""
    content = file.read_bytes()
    log = file.name.endswith("-wal")
    start, step, skip = (32, PAGE + 24, 24) if log else (0, PAGE, 0)
    mac_key = hashlib.pbkdf2_hmac("sha512", key, bytes(one ^ 0x3A for one in salt), 2, 32)
    for place in range(start, len(content) - step + 1, step):
        page = content[place + skip:place + step]
        number = int.from_bytes(content[place:place + 4], "big") if log else place // PAGE + 1
        body = page[16 if number == 1 else 0:PAGE - RESERVE]
        vector, mac = page[PAGE - RESERVE:PAGE - 64], page[PAGE - 64:]
        assert hmac.new(mac_key, body + vector + number.to_bytes(4, "little"), "sha512").digest() == mac, (file, number)
        decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
        yield decryptor.update(body) + decryptor.finalize()


def findings(profile: Profile, key: bytes, text: str) -> list[str]:
    """The files of a profile that hold a text, looked at with the key in hand."""
    wanted = (text.encode(), text.lower().encode())
    found = []
    for file in sorted(one for one in profile.path.rglob("*") if one.is_file()):
        content = file.read_bytes()
        if any(one in content for one in wanted):
            found.append(file.name)
        if file.name in ("desk.db", "desk.db-wal") and content:
            salt = profile.database.read_bytes()[:16]
            if any(one in page for page in pages(file, key, salt) for one in wanted):
                found.append(f"{file.name} (opened)")
        if file.suffix == backup_head.ENDING:
            _header, start = backup_head.read_head(file)
            out = profile.path / "look.tmp"
            out.write_bytes(content[start:])
            if any(one in page for page in pages(out, key, content[start:start + 16]) for one in wanted):
                found.append(f"{file.name} (opened)")
            out.unlink()
    from alumni_desk.store.outbox import Outbox

    box = Outbox(profile.path, key)
    if any(text in str(one) for one in box.read().operations):
        found.append("desk.outbox (opened)")
    return found


@pytest.fixture
def canary(desk: Desk) -> str:
    """Somebody whose name stands wherever a name can stand."""
    who = add_member(desk, first_name=CANARY, last_name="Lovelace", email=f"{CANARY}@example.org").id
    for n in range(200):
        add_member(desk, first_name=f"Other {n}")
    change_member(desk, who, notes=f"{CANARY} likes tea", employer=f"{CANARY} Inc")
    change_member(desk, who, employer="Acme")
    with desk.writing("guests_added") as writing:
        dinner = writing.add("gathering", name="Dinner", status="planned")
        writing.add("registration", id=registration_id(dinner, who), gathering=dinner, person=who, status="yes", badge_name=CANARY, code="XYZ")
        writing.add("education", person=who, school=f"{CANARY} College")
        home = writing.add("household", name=f"The {CANARY}s")
        writing.change("person", who, household=home)
    with desk.applying() as applying:
        keep(applying.connection, "person", [(who, "email", under("email", {"email": f"{CANARY}@old.example.org"}), "c"),
                                             (who, "address", under("address", {"street": f"{CANARY} Lane", "city": "Rome"}), "c")])
    return who


def test_it_is_in_no_file_any_more(desk: Desk, canary: str) -> None:
    backup.by_itself(desk.profile, desk.key, "daily")
    there = findings(desk.profile, desk.key, CANARY)
    assert {"desk.outbox (opened)", "desk.db-wal (opened)"} <= set(there) and any(one.endswith(".alumnidesk (opened)") for one in there)
    done = erasing.erase(desk, [canary])
    assert done.ids == (canary,) and done.backups_deleted == 1
    assert findings(desk.profile, desk.key, CANARY) == []
    assert verify(desk).ok
    assert count_members(desk) == 200 and not member_rows(desk, CANARY)
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT person, code, badge_name FROM registration").all() == [(canary, "XYZ", None)]
        assert connection.exec_driver_sql("SELECT id FROM erased").scalars().all() == [canary]
    desk.close()
    assert findings(desk.profile, desk.key, CANARY) == []


def test_backups_in_a_folder_that_was_used_before_are_reached(desk: Desk, canary: str, tmp_path: Path) -> None:
    first, stick = backup.by_itself(desk.profile, desk.key, "daily"), tmp_path / "stick"
    backup_folders.choose_folder(desk.profile, stick)
    second = backup.by_itself(desk.profile, desk.key, "daily")
    backup_folders.choose_folder(desk.profile, tmp_path / "other")
    kept = stick / f"mine{backup_head.ENDING}"
    backup.back_up(desk, kept)
    done = erasing.erase(desk, [canary])
    assert (done.backups_deleted, done.unreached) == (2, ())
    assert not first.exists() and not second.exists() and kept.exists()  # made by hand: theirs to delete
    assert len(backup_folders.listed_in(tmp_path / "other", desk.key)) == 1
    assert findings(desk.profile, desk.key, CANARY) == []
    # And what they made by hand brings nobody back, not even elsewhere: the list lies beside it.
    new = Profile(tmp_path / "new")
    restore(new, kept, passphrase="three words to remember")
    with open_desk(new) as again:
        assert not member_rows(again, CANARY)


def test_a_folder_that_is_not_there_is_named_and_done_when_it_is_seen_again(desk: Desk, canary: str, tmp_path: Path) -> None:
    stick, away = tmp_path / "stick", tmp_path / "taken out"
    backup_folders.choose_folder(desk.profile, stick)
    made = backup.by_itself(desk.profile, desk.key, "daily")
    backup_folders.choose_folder(desk.profile, None)
    stick.rename(away)
    assert erasing.erase(desk, [canary]).unreached == (stick,)
    assert erasing.catch_up(desk) == 0
    away.rename(stick)
    assert erasing.catch_up(desk) == 1
    assert not made.exists() and backup_folders.owed(desk.profile) == []
    assert erasing.catch_up(desk) == 0 and stick not in backup_folders.folders(desk.profile)  # nothing of ours is there any more


def test_it_cannot_be_undone_and_undoing_older_actions_brings_nothing_back(desk: Desk, canary: str) -> None:
    erasing.erase(desk, [canary])
    newest = actions(desk, 10)
    assert newest[0].event == "person_erased" and newest[0].state == "never"
    with pytest.raises(KnownError):
        undo(desk, newest[0].id)
    for one in newest[1:4]:
        try:
            undo(desk, one.id)
        except KnownError as problem:
            assert problem.code in ("all_changed_since", "erased_since")  # the first also touched what is not about them
    assert findings(desk.profile, desk.key, CANARY) == []


def test_whoever_was_merged_with_them_goes_too(desk: Desk, canary: str) -> None:
    twin = add_member(desk, first_name=CANARY).id
    with desk.writing("merged") as writing:
        writing.change("person", twin, merged_into=canary)
    assert set(erasing.erase(desk, [twin]).ids) == {canary, twin}
    assert findings(desk.profile, desk.key, CANARY) == []


@pytest.mark.parametrize("how", ["undone", "unmerged"])
def test_of_a_merge_that_was_taken_apart_nothing_stays_with_the_other_entry(desk: Desk, how: str) -> None:
    other = add_member(desk, first_name="Bea", last_name="Stone", city="Rome").id
    who = add_member(desk, first_name=CANARY, email=f"{CANARY}@example.org", notes=f"{CANARY} likes tea").id
    merge_people(desk, who, other)
    apart = undo(desk).of if how == "undone" else unmerge(desk, who).changed.action
    change_member(desk, other, notes="Plays chess")
    erasing.erase(desk, [who])
    assert findings(desk.profile, desk.key, CANARY) == []
    assert [one.value for one in history(desk, "person", other) if one.value and one.field in ("email", "notes", "city")] == ["Rome", "Plays chess"]
    assert verify(desk).ok
    with pytest.raises(KnownError) as refused:  # and nothing writes it there again
        redo(desk, apart) if how == "undone" else undo(desk, apart)
    assert refused.value.code == "erased_since"
    assert [row.name for row in member_rows(desk)] == ["Bea Stone"]


@pytest.mark.parametrize("mails", ["none of its own", "of its own"])
@pytest.mark.parametrize("how", ["undone", "unmerged", "unmerged, the first one first"])
def test_of_merges_one_after_the_other_that_were_taken_apart_nothing_stays_at_the_end_of_them(desk: Desk, how: str, mails: str) -> None:
    """What the first entry knew came into the second, and with that into the third."""
    last = add_member(desk, first_name="Cleo", last_name="Stone", city="Rome", email="cleo@stone.example" if mails == "of its own" else "").id
    middle = add_member(desk, first_name="Bea", last_name="Stone", employer="Acme").id
    who = add_member(desk, first_name=CANARY, email=f"{CANARY}@example.org", notes=f"{CANARY} likes tea").id
    merge_people(desk, who, middle)
    merge_people(desk, middle, last)
    if how == "undone":
        parted = undo(desk).of
        undo(desk)
    elif how == "unmerged":
        parted = unmerge(desk, middle).changed.action
        unmerge(desk, who)
    else:
        unmerge(desk, who)
        parted = unmerge(desk, middle).changed.action
    change_member(desk, last, notes="Plays chess")
    erasing.erase(desk, [who])
    assert findings(desk.profile, desk.key, CANARY) == []
    assert [one.value for one in history(desk, "person", last) if one.value and one.field in ("notes", "city")] == ["Rome", "Plays chess"]
    assert "Acme" in [one.value for one in history(desk, "person", last) if one.field == "employer"]  # that is of the second one
    assert verify(desk).ok
    redo(desk, parted) if how == "undone" else undo(desk, parted)  # the second and the third may be one again
    assert [row.name for row in member_rows(desk)] == ["Cleo Stone"] and findings(desk.profile, desk.key, CANARY) == []


def test_what_came_along_on_two_ways_into_one_entry_goes_from_both(desk: Desk) -> None:
    last = add_member(desk, first_name="Cleo", last_name="Stone").id
    who = add_member(desk, first_name=CANARY, email=f"{CANARY}@example.org", notes=f"{CANARY} likes tea").id
    for name in ("Bea", "Dora"):
        middle = add_member(desk, first_name=name, last_name="Stone").id
        merge_people(desk, who, middle)
        merge_people(desk, middle, last)
        unmerge(desk, middle)
        unmerge(desk, who)
    erasing.erase(desk, [who])
    assert findings(desk.profile, desk.key, CANARY) == [] and verify(desk).ok


@pytest.mark.parametrize("onward", ["a merge", "out of the history"])
def test_what_came_along_and_was_written_on_goes_from_the_past_of_the_other_entry(desk: Desk, onward: str) -> None:
    other = add_member(desk, first_name="Bea", last_name="Stone", email="bea@stone.example").id
    who = add_member(desk, first_name=CANARY, email=f"{CANARY}@example.org", notes=f"{CANARY} likes tea").id
    merge_people(desk, who, other)
    if onward == "a merge":
        merge_people(desk, add_member(desk, first_name="Dora", last_name="Stone", email="dora@stone.example").id, other)
        change_member(desk, other, other_emails="", notes="Plays chess")
        unmerge(desk, who)
    else:
        unmerge(desk, who)
        for field in ("other_emails", "notes"):
            restore_value(desk, "person", other, next(one.id for one in history(desk, "person", other) if one.field == field and one.value))
            change_member(desk, other, **{field: ""})
    erasing.erase(desk, [who])
    assert findings(desk.profile, desk.key, CANARY) == [] and verify(desk).ok
    assert ("dora@stone.example" in str([one.value for one in history(desk, "person", other) if one.field == "other_emails"])) is (onward == "a merge")


@pytest.mark.parametrize("into", ["here", "an empty profile with these backups"])
def test_a_backup_from_before_does_not_bring_them_back(desk: Desk, canary: str, tmp_path: Path, into: str) -> None:
    folder = tmp_path / "stick"
    backup_folders.choose_folder(desk.profile, folder)
    saved = backup.by_itself(desk.profile, desk.key, "daily")
    erasing.erase(desk, [canary], remake_backups=False)
    desk.close()
    profile = desk.profile
    if into != "here":
        profile = Profile(tmp_path / "new")
        profile.create()
        backup_folders.choose_folder(profile, folder)
    done = restore(profile, saved)
    assert done.erased == 1 and done.held.members == 200
    with open_desk(profile) as opened:
        assert count_members(opened) == 200
        assert verify(opened).ok
        for file in profile.path.rglob("*.alumnidesk"):
            file.unlink()
        assert findings(profile, opened.key, CANARY) == []


def test_whoever_was_brought_back_before_stays_erased_and_nothing_is_wrong(profile: Profile, tmp_path: Path) -> None:
    with open_desk(profile) as desk:
        ada = add_member(desk, first_name="Ada").id
        remove_members(desk, [ada])
        bring_back(desk, [ada])
        backup.back_up(desk, tmp_path / "then.alumnidesk")
        erasing.erase(desk, [ada])
    restore(profile, tmp_path / "then.alumnidesk")
    with open_desk(profile) as desk:
        assert member_rows(desk) == [] and verify(desk).ok


def test_nobody_by_that_id(desk: Desk) -> None:
    with pytest.raises(KnownError) as raised:
        erasing.erase(desk, ["nobody"])
    assert raised.value.code == "no_such_person"


@pytest.mark.parametrize("ended_in", ["scrub", "_remake", "_keep_list"])
def test_ended_in_the_middle_it_goes_on_at_the_next_opening(profile: Profile, desk: Desk, canary: str, ended_in: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the one transaction on they are erased; what pages, copies and backups still hold goes as soon as it can."""
    backup.by_itself(desk.profile, desk.key, "daily")

    def killed(*_arguments: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erasing, ended_in, killed)
        with pytest.raises(KeyboardInterrupt):
            erasing.erase(desk, [canary])
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT id FROM erased").scalars().all() == [canary]
        assert connection.exec_driver_sql("SELECT count(*) FROM operation WHERE fields || values_before LIKE ?", (f"%{CANARY}%",)).scalar() == 0
    assert actions(desk)[0].event == "person_erased"
    erasing.catch_up(desk)
    assert findings(desk.profile, desk.key, CANARY) == [] and verify(desk).ok
    assert canary in erasing.known_erased(desk.profile)


def test_what_fails_in_the_midst_leaves_nothing_erased(desk: Desk, canary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def trouble(*_arguments: object) -> int:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(erasing, "forget", trouble)
        with pytest.raises(RuntimeError):
            erasing.erase(desk, [canary])
    assert actions(desk)[0].event != "person_erased"
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT first_name FROM person WHERE id = ?", (canary,)).scalar() == CANARY
        assert connection.exec_driver_sql("SELECT count(*) FROM erased").scalar() == 0
        assert connection.exec_driver_sql("SELECT mode FROM capture").scalar() == "rest"


def test_on_a_full_disk_it_is_said_what_is_still_to_go(desk: Desk, canary: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def full(*_arguments: object) -> None:
        raise disk.disk_full()

    with monkeypatch.context() as patched, caplog.at_level("WARNING", "alumni_desk.store.erasing"):
        patched.setattr(erasing, "scrub", full)
        done = erasing.erase(desk, [canary])
    assert done.unfinished is not None and done.unfinished.code == "disk_full" and done.ids == (canary,)
    assert "make room" in erasing.erased_words(done)
    caplog.clear()
    erasing.catch_up(desk)
    assert findings(desk.profile, desk.key, CANARY) == []


def test_while_something_reads_it_is_said_that_traces_are_left_and_they_go_afterwards(desk: Desk, canary: str, monkeypatch: pytest.MonkeyPatch,
                                                                                     caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(connecting, "BUSY_SECONDS", 0.2)
    with desk.reading() as connection:  # as a backup does, or an export
        connection.exec_driver_sql("SELECT count(*) FROM person").scalar()
        done = erasing.erase(desk, [canary])
        assert done.unfinished is not None and "is reading the chapter" in erasing.erased_words(done)
        assert not member_rows(desk, CANARY)
        erasing.catch_up(desk)  # nothing else is hindered by it
    assert caplog.record_tuples and findings(desk.profile, desk.key, CANARY)
    caplog.clear()
    erasing.catch_up(desk)
    assert findings(desk.profile, desk.key, CANARY) == []


def test_while_something_writes_it_is_said_so_and_not_that_the_disk_is_full(desk: Desk, canary: str, monkeypatch: pytest.MonkeyPatch,
                                                                            caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(connecting, "BUSY_SECONDS", 0.2)
    other, raw = connecting.connect(desk.profile.database, desk.key), desk.raw

    def behind_another() -> Any:
        other.execute("BEGIN IMMEDIATE")
        return raw()

    with monkeypatch.context() as patched:
        patched.setattr(desk, "raw", behind_another)
        done = erasing.erase(desk, [canary])
        other.execute("ROLLBACK")
        said = erasing.erased_words(done)
        assert done.unfinished is not None and "writing to the chapter" in said and "disk" not in said
        erasing.catch_up(desk)  # nothing else is hindered by it
        other.execute("ROLLBACK")
    other.close()
    assert caplog.record_tuples and findings(desk.profile, desk.key, CANARY)
    caplog.clear()
    erasing.catch_up(desk)
    assert findings(desk.profile, desk.key, CANARY) == []


def test_where_the_copy_of_what_waits_is_not_written_anew_it_is_not_called_done(desk: Desk, canary: str, monkeypatch: pytest.MonkeyPatch,
                                                                                caplog: pytest.LogCaptureFixture) -> None:
    right = os.replace

    def full(this: Any, there: Any) -> None:
        if str(there).endswith("desk.outbox"):
            raise OSError(errno.ENOSPC, "No space left on device")
        right(this, there)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        assert erasing.erase(desk, [canary]).unfinished is not None
    caplog.clear()
    erasing.catch_up(desk)
    assert findings(desk.profile, desk.key, CANARY) == []


def test_a_backup_that_ends_just_then_does_not_outlast_it(desk: Desk, canary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    copied, go_on = Event(), Event()
    put_before, listed_in = backup._put_before, backup_folders.listed_in

    def pause(file: Path, head: bytes) -> None:
        if current_thread() is running:
            copied.set()
            assert go_on.wait(60)
        put_before(file, head)

    def back_up() -> None:
        with suppress(KnownError, OSError):  # it is taken out of its hands
            backup.by_itself(desk.profile, desk.key, "before_import")

    def then_it_ends(folder: Path, key: bytes | None) -> list[backup_head.Backup]:
        found = listed_in(folder, key)
        if current_thread() is not running:
            go_on.set()
            running.join()
        return found

    monkeypatch.setattr(backup, "_put_before", pause)
    running = Thread(target=back_up)
    running.start()
    assert copied.wait(60)
    monkeypatch.setattr(backup_folders, "listed_in", then_it_ends)
    erasing.erase(desk, [canary])
    assert findings(desk.profile, desk.key, CANARY) == []


def test_what_a_killed_backup_left_goes_too(desk: Desk, canary: str) -> None:
    made = backup.by_itself(desk.profile, desk.key, "daily")
    left = [made.with_name(f"alumni-desk-20261101-120000-daily{backup_head.ENDING}{end}") for end in (".part", ".copy", ".copy-journal")]
    for one in left:
        one.write_bytes(made.read_bytes())
    erasing.erase(desk, [canary])
    assert not any(one.exists() for one in left)


RESTORING = """
import sys
from pathlib import Path
from alumni_desk.store.profile import Profile
from alumni_desk.sync.erasing import after_list
from alumni_desk.sync.restoring import restore

def stop(done, total):
    if done == 3:
        print("in the middle", flush=True)
        sys.stdin.read()

restore(Profile(Path(sys.argv[1])), Path(sys.argv[2]), progress=stop)
"""


@contextmanager
def restoring(profile: Profile, file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A restore of a program of its own, in the middle of its work; killed at the end."""
    with subprocess.Popen([sys.executable, "-c", RESTORING, str(profile.path), str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"in the middle"
        assert (profile.path / backup.STAGE / "desk.db").exists()
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("remake_backups", [True, False])
def test_what_a_killed_restore_left_goes_with_whoever_is_erased(desk: Desk, canary: str, remake_backups: bool) -> None:
    with restoring(desk.profile, backup.by_itself(desk.profile, desk.key, "daily")):
        pass
    left = desk.profile.path / backup.STAGE
    assert left.exists()
    assert erasing.erase(desk, [canary], remake_backups=remake_backups).unfinished is None
    assert not left.exists()


def test_what_a_killed_restore_left_goes_at_the_next_opening_and_one_that_works_keeps_its_own(profile: Profile, desk: Desk, canary: str) -> None:
    file = backup.by_itself(profile, desk.key, "daily")
    desk.close()
    left = profile.path / backup.STAGE
    with restoring(profile, file):
        open_desk(profile).close()
        assert (left / "desk.db").exists()
    open_desk(profile).close()
    assert not left.exists()
    assert findings(profile, desk.key, CANARY)  # nobody was erased: it is all where it belongs


def test_no_name_is_noted_any_more_of_whoever_was_erased_and_nobody_brings_them_back(desk: Desk) -> None:
    """Their place on the list of what they came to stays, without a name."""
    dinner = new_gathering(desk, name="Dinner", start="2020-01-12T19:00", end="2020-01-12T22:00").id
    person = add_member(desk, first_name="Ana", last_name="Lima").id
    place = add_guests(desk, dinner, [person]).registrations[0]
    remove_members(desk, [person])
    erasing.erase(desk, [person])
    for act in (lambda: name_guest(desk, place, last_name="Lima"), lambda: use_badge_name(desk, place, "Ana Lima")):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "guest_has_left"
    assert not bring_back(desk, [person]) and count_members(desk) == 0
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT p.last_name, r.badge_name, p.gone FROM person AS p JOIN registration AS r ON r.person = p.id").one() == (
            None, None, 1)


COMPARING = """
import sys
from pathlib import Path
from alumni_desk.schema import open_desk
from alumni_desk.segments import comparing
from alumni_desk.store.profile import Profile

def stop(*_given):
    print("in the middle", flush=True)
    sys.stdin.read()

comparing._rows = stop
comparing.compare(open_desk(Profile(Path(sys.argv[1]))), Path(sys.argv[2]))
"""


@contextmanager
def comparing(profile: Profile, file: Path) -> Iterator[None]:
    """A look into a backup by a program of its own, in the middle of its work; killed at the end."""
    with subprocess.Popen([sys.executable, "-c", COMPARING, str(profile.path), str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"in the middle"
        try:
            yield
        finally:
            process.kill()


def test_what_a_killed_look_into_a_backup_left_goes_and_one_that_works_keeps_its_own(profile: Profile, desk: Desk, canary: str) -> None:
    file = backup.by_itself(profile, desk.key, "daily")
    with comparing(profile, file):
        [left] = profile.path.glob("compare-*")
        open_desk(profile).close()
        assert (left / "desk.db").exists()
    assert left.exists() and erasing.erase(desk, [canary]).unfinished is None
    assert not left.exists()
    with comparing(profile, backup.by_itself(profile, desk.key, "daily")):
        [left] = profile.path.glob("compare-*")
    open_desk(profile).close()
    assert not left.exists()


def test_backups_that_hold_somebody_go_though_the_next_who_is_erased_keeps_theirs(
        desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    ana, bo = (add_member(desk, first_name=name, last_name="Obi").id for name in ("Ana", "Bo"))
    held = backup.by_itself(desk.profile, desk.key, "daily")

    def full(desk: Desk) -> None:
        raise disk.disk_full()

    with monkeypatch.context() as broken:
        broken.setattr(erasing, "scrub", full)
        assert erasing.erase(desk, [ana]).unfinished is not None
        assert erasing.erase(desk, [bo], remake_backups=False).unfinished is not None
    assert held.exists()
    erasing.finish_begun(desk)
    assert not held.exists()


def test_backups_that_hold_somebody_go_though_another_ones_are_done_with_meanwhile(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    bo = add_member(desk, first_name="Bo", last_name="Obi").id
    held, scrub = backup.by_itself(desk.profile, desk.key, "daily"), erasing.scrub  # as the new one that is made after somebody else was erased

    def meanwhile(desk: Desk) -> None:
        scrub(desk)
        backup_folders.owe(desk.profile, [])  # a sync that erased them is at its end

    monkeypatch.setattr(erasing, "scrub", meanwhile)
    assert erasing.erase(desk, [bo]).backups_deleted == 1
    assert not held.exists()


def test_that_traces_of_somebody_are_to_go_stays_where_they_were_erased_while_those_of_another_went(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bo = (add_member(desk, first_name=name, last_name="Obi").id for name in ("Ana", "Bo"))
    remake = erasing._remake

    def meanwhile(desk: Desk) -> int:
        count = remake(desk)
        monkeypatch.setattr(erasing, "_remake", remake)
        with desk.applying() as applying:  # a sync hears of it in this very moment
            after_list(applying.connection, [bo])
        return count

    def to_go() -> bool:
        with desk.asking() as asked:
            return driver.row(asked, "SELECT 1 FROM sync_state WHERE key = ?", (erasing.UNFINISHED,)) is not None

    monkeypatch.setattr(erasing, "_remake", meanwhile)
    erasing.erase(desk, [ana])
    assert count_members(desk) == 0 and to_go()
    erasing.finish_begun(desk)
    assert not to_go()


def test_they_come_to_no_gathering_any_more_and_still_came_to_those_before(desk: Desk) -> None:
    person = add_member(desk, first_name="Xaver", last_name="Zyx").id
    said = {}
    for name, year in (("Held", 2001), ("To come", 2101), ("Came early", 2101), ("Badge printed", 2101), ("Printing undone", 2101)):
        said[name] = new_gathering(desk, name=name, start=f"{year}-05-12T18:30", end=f"{year}-05-12T21:00").id
        add_guests(desk, said[name], [person])
    with desk.writing("answered") as writing:
        for (one,) in writing.connection.exec_driver_sql("SELECT id FROM registration").all():
            writing.change("registration", one, status="yes")
    check_in(desk, said["Came early"], person_id=person)
    with desk.writing("badges_printed", gathering=said["Badge printed"]) as writing:
        writing.add("fact", kind="badge", gathering=said["Badge printed"], registration=registration_id(said["Badge printed"], person), person=person)
    with desk.writing("badges_printed", gathering=said["Printing undone"]) as writing:
        writing.add("fact", kind="badge", gathering=said["Printing undone"], registration=registration_id(said["Printing undone"], person), person=person)
    assert undo(desk).count
    erasing.erase(desk, [person])
    with desk.reading() as connection:
        found = dict(connection.exec_driver_sql("SELECT g.name, r.status FROM registration AS r JOIN gathering AS g ON g.id = r.gathering").all())
    assert found == {"Held": "yes", "To come": "cancelled", "Came early": "yes", "Badge printed": "cancelled", "Printing undone": "cancelled"}
