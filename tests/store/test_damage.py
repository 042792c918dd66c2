"""Flipped bits and cut files, of database, log and backup: every one is noticed, none is opened or kept as good."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event, Thread, current_thread
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.cli.main import run as main
from alumni_desk.errors import KnownError
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, backup_head, keys, outbox
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import GONE_BACK, actions
from alumni_desk.store.opening import trouble_of
from alumni_desk.store.outbox import Outbox
from alumni_desk.store.profile import Profile, alone
from alumni_desk.store.recovery import recovery_key
from alumni_desk.store.undo import redo, undo
from alumni_desk.sync.restoring import restore, salvage

SEED = int(os.environ.get("ALUMNI_DESK_FAULT_SEED", "20261125"))
PASSPHRASE = "three words to remember"
ROUNDS = -(-int(os.environ.get("ALUMNI_DESK_SOAK_DAMAGE", "60")) // 3)  # of each of three files


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, bytes, Path]]:
    """A desk as a killed program leaves it, its newest commits only in the log; its key; and a backup of it."""
    folder = tmp_path_factory.mktemp("killed")
    with open_desk(Profile(folder / "live"), passphrase=PASSPHRASE) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        with desk.writing("import", queue="load") as writing:
            writing.add_many("person", [{"standing": "member", "first_name": f"First {n}", "last_name": f"Last {n}"} for n in range(300)])
        saved = backup.by_itself(desk.profile, desk.key, "daily")
        raw = desk.raw()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
        ada = add_member(desk, first_name="Ada", last_name="Lovelace").id
        for n in range(12):
            change_member(desk, ada, city=f"City {n}")
        shutil.copytree(folder / "live", folder / "killed")
        yield folder / "killed", desk.key, folder / "killed" / "backups" / saved.name


def harmed(content: bytes, random: Random) -> bytes:
    """Some bits flipped, or the end cut off, or both."""
    kind = random.choice(("flip", "flip", "flips", "cut", "zeroes"))
    if kind == "cut":
        return content[: random.randrange(len(content))]
    changed = bytearray(content)
    if kind == "zeroes":
        start = random.randrange(len(content))
        for place in range(start, min(len(content), start + random.randrange(1, 8192))):
            changed[place] ^= 0xA5
        return bytes(changed)
    for _time in range(1 if kind == "flip" else random.randrange(2, 9)):
        changed[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return bytes(changed)


@pytest.fixture
def copy_of(killed: tuple[Path, bytes, Path], tmp_path: Path) -> Iterator[Profile]:
    profile = Profile(tmp_path / "desk")
    shutil.copytree(killed[0], profile.path)
    yield profile


def test_unharmed_it_opens_with_everything(killed: tuple[Path, bytes, Path], copy_of: Profile) -> None:
    assert trouble_of(copy_of, killed[1]) is None
    with open_desk(copy_of) as desk:
        assert count_members(desk) == 301
        assert [row.city for row in member_rows(desk, "lovelace")] == ["City 11"]


@pytest.mark.parametrize("name", ["desk.db", "desk.db-wal"])
def test_a_harmed_database_or_log_is_noticed(killed: tuple[Path, bytes, Path], tmp_path: Path, name: str) -> None:
    random = Random(f"{SEED} {name}")
    for turn in range(ROUNDS):
        profile = Profile(tmp_path / f"{turn}")
        shutil.copytree(killed[0], profile.path)
        content = (profile.path / name).read_bytes()
        worse = harmed(content, random)
        if worse == content:
            continue
        (profile.path / name).write_bytes(worse)
        if turn % 7 == 0 and name == "desk.db-wal":
            with pytest.raises(KnownError) as raised:
                open_desk(profile)
            assert raised.value.code in ("changes_lost", "database_damaged"), f"seed {SEED}, turn {turn}"
        trouble = trouble_of(profile, killed[1])
        assert trouble is not None and trouble.code in ("changes_lost", "database_damaged"), f"seed {SEED}, turn {turn}"
        if name == "desk.db":
            made = _backed_up(profile, killed[1])
            assert made is None or made.members == 301, f"seed {SEED}, turn {turn}"
        shutil.rmtree(profile.path, ignore_errors=True)  # what a try that failed had open may let go of its log meanwhile


def _backed_up(profile: Profile, key: bytes) -> backup.Held | None:
    """What a backup of a damaged database holds: nothing is made of it, unless the log has a whole copy of the damaged part."""
    try:
        file = backup.by_itself(profile, key, "daily")
    except KnownError as problem:
        assert problem.code == "database_damaged"
        return None
    out = profile.path / "unpacked.db"
    header, start = backup_head.read_head(file)
    backup.unpack(file, header, start, out)
    return backup.look(out, key)


def test_a_harmed_backup_is_noticed(killed: tuple[Path, bytes, Path], tmp_path: Path) -> None:
    random = Random(f"{SEED} backup")
    content = killed[2].read_bytes()
    file = tmp_path / "harmed.alumnidesk"
    for turn in range(ROUNDS):
        # Half of the flips into its head, which is small.
        worse = harmed(content, random) if turn % 2 else harmed(content[:1200], random) + content[1200:]
        if worse == content:
            continue
        file.write_bytes(worse)
        assert not backup.is_whole(file), f"seed {SEED}, turn {turn}"
        with pytest.raises(KnownError) as raised:
            restore(Profile(tmp_path / "new"), file, desk_key=killed[1])
        assert raised.value.code in ("backup_damaged", "backup_unknown"), f"seed {SEED}, turn {turn}"
    assert not (tmp_path / "new" / "desk.db").exists()


def test_an_older_copy_of_the_database_is_noticed(killed: tuple[Path, bytes, Path], copy_of: Profile) -> None:
    (copy_of.path / "desk.db-wal").unlink()
    with pytest.raises(KnownError) as raised:
        open_desk(copy_of)
    assert raised.value.code == "changes_lost"
    assert raised.value.facts["count"] == 13


@pytest.mark.parametrize("place", [0, 4, 7, 8, 15, 16, 31])
def test_a_bit_of_the_mark_is_missed(copy_of: Profile, place: int) -> None:
    mark = copy_of.path / "desk.mark"
    content = bytearray(mark.read_bytes())
    content[place] ^= 4
    with open_desk(copy_of, passphrase=PASSPHRASE) as desk:
        mark.write_bytes(content)
        found = verify(desk)
        assert found.beside == ("mark",)
        assert verify(desk).beside == ()  # written anew


@pytest.mark.parametrize("harm", ["gone", "damaged"])
def test_an_older_copy_is_noticed_by_the_outbox_where_the_mark_is_gone_too(killed: tuple[Path, bytes, Path], copy_of: Profile, harm: str) -> None:
    (copy_of.path / "desk.db-wal").unlink()
    mark = copy_of.path / "desk.mark"
    mark.unlink() if harm == "gone" else mark.write_bytes(b"?" * 32)
    with pytest.raises(KnownError) as raised:
        open_desk(copy_of)
    assert raised.value.code == "changes_lost" and raised.value.facts["count"] == 13
    assert salvage(copy_of).carried == 13
    with open_desk(copy_of) as desk:
        assert [row.city for row in member_rows(desk, "lovelace")] == ["City 11"]


def test_a_whole_database_opens_without_its_mark(killed: tuple[Path, bytes, Path], copy_of: Profile) -> None:
    (copy_of.path / "desk.mark").unlink()
    assert trouble_of(copy_of, killed[1]) is None
    with open_desk(copy_of) as desk:
        assert count_members(desk) == 301
        add_member(desk, first_name="Bo")
    open_desk(copy_of).close()
    assert (copy_of.path / "desk.mark").exists()


@pytest.mark.parametrize("emptied", [False, True], ids=["gone", "emptied"])
@pytest.mark.parametrize("left", ["outbox and backups", "outbox", "backups", "outbox without the key"])
def test_no_chapter_is_made_over_one_whose_database_is_gone(killed: tuple[Path, bytes, Path], copy_of: Profile, left: str, emptied: bool) -> None:
    for end in ("db", "db-wal", "db-shm", "mark"):
        (copy_of.path / f"desk.{end}").unlink(missing_ok=True)
    if emptied:
        copy_of.database.touch()
    if left == "backups":
        (copy_of.path / "desk.outbox").unlink()
    elif left == "outbox":
        shutil.rmtree(copy_of.path / "backups")
    elif left == "outbox without the key":
        (copy_of.path / "desk.key").unlink()
    before = {file: file.read_bytes() for file in copy_of.path.rglob("*") if file.is_file() and file.suffix != ".lock"}
    for create in (True, False):
        with pytest.raises(KnownError) as raised:
            open_desk(copy_of, create=create)
        assert raised.value.code == ("key_lost" if "without" in left else "database_damaged" if emptied else "database_gone")
    assert {file: file.read_bytes() for file in copy_of.path.rglob("*") if file.is_file() and file.suffix != ".lock"} == before
    done = salvage(copy_of, passphrase=PASSPHRASE)
    assert done.replaced is None and not list(copy_of.path.glob("desk-damaged-*.db*")), "of a file that held nothing, nothing is kept or said to be"
    with open_desk(copy_of) as desk:
        cities = [row.city for row in member_rows(desk, "lovelace")]
    assert (done.carried, cities) == {"backups": (0, []), "outbox": (14, ["City 11"])}.get(left, (13, ["City 11"]))


def test_where_nobody_had_begun_nothing_was_there_before(killed: tuple[Path, bytes, Path], profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    open_desk(profile).close()
    assert main(["--profile", str(profile.path), "restore", str(killed[2])]) == 0
    said = capsys.readouterr().out
    assert "300 members" in said and "before" not in said
    assert main(["--profile", str(profile.path), "restore", str(killed[2])]) == 0
    assert "What was there before is in" in capsys.readouterr().out


@pytest.mark.parametrize("left", ["the key alone", "the key and its mark", "the key and backups of another desk"])
def test_no_chapter_is_made_where_a_key_says_that_there_was_one(killed: tuple[Path, bytes, Path], tmp_path: Path, left: str,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    profile = Profile(tmp_path / "desk")
    profile.path.mkdir()
    shutil.copy(killed[0] / "desk.key", profile.path)
    if left == "the key and its mark":
        shutil.copy(killed[0] / "desk.mark", profile.path)
    elif left == "the key and backups of another desk":
        with open_desk(Profile(tmp_path / "other")) as other:
            other.make_chapter("Lagos", "Northgate", "Africa/Lagos")
            file = backup.by_itself(other.profile, other.key, "daily")
        shutil.copytree(file.parent, profile.path / "backups")
    before = {file: file.read_bytes() for file in profile.path.rglob("*") if file.is_file()}
    for create in (True, False):
        with pytest.raises(KnownError, match="restore a backup") as raised:
            open_desk(profile, create=create)
        assert raised.value.code == "database_gone"
    assert main(["--profile", str(profile.path), "members"]) == 1
    assert "is no longer in" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in profile.path.rglob("*") if file.is_file() and file.suffix != ".lock"} == before
    with pytest.raises(KnownError) as raised:
        salvage(profile, passphrase=PASSPHRASE)
    assert raised.value.code == "no_backup"
    assert restore(profile, killed[2]).held.members == 300
    with open_desk(profile) as desk:
        assert count_members(desk) == 300


def test_a_first_start_that_was_killed_begins_again(profile: Profile) -> None:
    profile.create()
    keys.database_key(profile.path, "desk")
    open_desk(profile).close()
    assert {file.name for file in profile.path.iterdir()} >= {"desk.key", "desk.db"} and not (profile.path / keys.BEGUN).exists()


def test_putting_right_what_was_never_there_leaves_a_folder_to_begin_in(profile: Profile) -> None:
    profile.create()
    with pytest.raises(KnownError) as raised:
        salvage(profile)
    assert raised.value.code == "no_backup"
    open_desk(profile).close()


def test_lost_commits_come_back_from_the_outbox(killed: tuple[Path, bytes, Path], copy_of: Profile) -> None:
    log = copy_of.path / "desk.db-wal"
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    done = salvage(copy_of)
    assert 1 <= done.carried <= 13 and done.from_outbox
    assert done.replaced is not None and done.replaced.exists()
    with open_desk(copy_of) as desk:
        assert count_members(desk) == 301
        assert [row.city for row in member_rows(desk, "lovelace")] == ["City 11"]
    with pytest.raises(KnownError) as raised:
        salvage(copy_of)
    assert raised.value.code == "nothing_to_salvage"


def test_a_folder_where_a_lock_should_be_is_named(killed: tuple[Path, bytes, Path], copy_of: Profile) -> None:
    log = copy_of.path / "desk.db-wal"
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    for name in ("desk.lock", "restore.lock"):
        lock = copy_of.path / name
        lock.unlink(missing_ok=True)
        lock.mkdir()
        for act in (open_desk, salvage) if name == "desk.lock" else (salvage,):
            with pytest.raises(KnownError, match=f"{name} is a folder") as raised:
                act(copy_of)
            assert raised.value.code == "lock_is_folder"
        lock.rmdir()
    assert 1 <= salvage(copy_of).carried <= 13


def test_a_destroyed_database_comes_back_from_backup_and_outbox(
        killed: tuple[Path, bytes, Path], copy_of: Profile, caplog: pytest.LogCaptureFixture) -> None:
    copy_of.database.write_bytes(os.urandom(copy_of.database.stat().st_size))
    with pytest.raises(KnownError) as raised:
        open_desk(copy_of)
    assert raised.value.code == "database_damaged"
    assert salvage(copy_of).carried == 13
    with open_desk(copy_of) as desk:
        assert count_members(desk) == 301
        assert [row.city for row in member_rows(desk, "lovelace")] == ["City 11"]


@pytest.mark.parametrize("with_a_backup", [True, False])
def test_what_was_put_right_without_a_database_is_undone_at_once(killed: tuple[Path, bytes, Path], copy_of: Profile, with_a_backup: bool) -> None:
    for end in ("", "-wal", "-shm"):
        (copy_of.path / f"desk.db{end}").unlink(missing_ok=True)
    if not with_a_backup:
        shutil.rmtree(copy_of.path / "backups")
    salvage(copy_of)
    with open_desk(copy_of) as desk:
        assert undo(desk).count == 1, "all that was done is there still"


def test_that_a_chapter_was_put_right_before_stays_known_when_it_is_again(killed: tuple[Path, bytes, Path], copy_of: Profile) -> None:
    for times in (1, 2):
        for end in ("", "-wal", "-shm"):
            (copy_of.path / f"desk.db{end}").unlink(missing_ok=True)
        salvage(copy_of)
        with open_desk(copy_of) as desk:
            assert [one.event for one in actions(desk)].count(GONE_BACK) == times


@pytest.mark.parametrize("forth", [False, True])
def test_what_somebody_went_back_from_does_not_come_back_with_what_was_done_since(profile: Profile, forth: bool) -> None:
    def then(name: str) -> list[str]:
        with open_desk(profile) as desk:
            add_member(desk, first_name=name)
            return [row.name for row in member_rows(desk)]

    then("Ada")
    with open_desk(profile) as desk:
        key = desk.key
        early = backup.by_itself(profile, key, "daily")
    then("Bo")
    late = restore(profile, early).replaced
    assert then("Cy") == ["Ada", "Cy"]
    if forth:
        assert late is not None
        restore(profile, late)
        assert then("Di") == ["Ada", "Bo", "Di"]
    for end in ("", "-wal", "-shm"):
        (profile.path / f"desk.db{end}").unlink(missing_ok=True)
    salvage(profile, desk_key=key)
    with open_desk(profile) as desk:
        assert [row.name for row in member_rows(desk)] == (["Ada", "Bo", "Di"] if forth else ["Ada", "Cy"]) and verify(desk).ok


def test_without_any_backup_the_outbox_alone_makes_a_desk(killed: tuple[Path, bytes, Path], copy_of: Profile) -> None:
    shutil.rmtree(copy_of.path / "backups")
    copy_of.database.write_bytes(b"")
    with pytest.raises(KnownError):
        open_desk(copy_of)
    salvage(copy_of)
    with open_desk(copy_of) as desk:
        assert [row.city for row in member_rows(desk, "lovelace")] == ["City 11"]
        add_member(desk, first_name="Bo")


def test_the_outbox_alone_keeps_the_recovery_key_and_what_was_undone(desk: Desk) -> None:
    paper = recovery_key(desk)
    add_member(desk, first_name="Ada", last_name="Obi")
    bo = add_member(desk, first_name="Bo", last_name="Vega").id
    undo(desk)
    change_member(desk, member_rows(desk, "obi")[0].id, city="Rome")
    undo(desk)
    redo(desk)
    before = [(one.id, one.state) for one in actions(desk)]
    desk.set_setting("forgotten", 1)
    desk.set_setting("forgotten", None)
    desk.close()
    desk.profile.database.write_bytes(b"")
    salvage(desk.profile)
    with open_desk(desk.profile, passphrase=paper) as saved:
        assert recovery_key(saved) == paper and saved.setting("forgotten", "nothing") == "nothing"
        assert [(one.id, one.state) for one in actions(saved)][1:] == before and actions(saved)[0].event == "backup_restored"
        assert [(row.name, row.city) for row in member_rows(saved)] == [("Ada Obi", "Rome")]
        undo(saved)
        assert [(row.name, row.city) for row in member_rows(saved)] == [("Ada Obi", None)] and redo(saved).count == 1
        assert redo(saved, next(one.id for one in actions(saved) if one.event == "member_added" and one.state == "undone")).count == 1
        assert bo in {row.id for row in member_rows(saved)}


@pytest.mark.parametrize("founded", [True, False], ids=["founded", "founded by what was saved first"])
def test_the_outbox_alone_keeps_the_chapter_itself(profile: Profile, founded: bool) -> None:
    with open_desk(profile, passphrase=PASSPHRASE) as desk:
        if founded:
            desk.make_chapter("Boston", "Northgate", "America/New_York")
        add_member(desk, first_name="Ada", last_name="Obi")
        before = chapter_of(desk)
    assert before["name"] == ("Boston" if founded else "My chapter")
    profile.database.write_bytes(b"")
    salvage(profile)
    with open_desk(profile, passphrase=PASSPHRASE) as saved:
        assert chapter_of(saved) == before and saved.scope == before["id"] and count_members(saved) == 1
        assert [one.event for one in actions(saved)] == ["backup_restored", "member_added", "chapter_founded"] and verify(saved).ok


def chapter_of(desk: Desk) -> dict[str, object]:
    with desk.reading() as connection:
        return dict(connection.exec_driver_sql("SELECT id, name, university, time_zone, gone, clock FROM chapter").mappings().one())


def test_an_outbox_that_two_write_anew_at_once_is_whole(copy_of: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = Event(), Event()
    waiting = outbox._waiting

    def slowly(connection: Any, after: int) -> Iterator[outbox.Record]:
        records = waiting(connection, after)
        yield next(records)
        if current_thread() is sync:
            begun.set()
            assert go_on.wait(60)
        yield from records

    @contextmanager
    def told(path: Path) -> Iterator[None]:
        if current_thread() is not sync:
            go_on.set()  # the other one waits for its turn
        with alone(path):
            yield

    monkeypatch.setattr(outbox, "_waiting", slowly)
    monkeypatch.setattr(outbox, "alone", told, raising=False)
    with open_desk(copy_of, passphrase=PASSPHRASE) as window, open_desk(copy_of, passphrase=PASSPHRASE) as command:
        sync = Thread(target=window.outbox.make_anew, args=(window,))
        sync.start()
        assert begun.wait(60)
        command.outbox.make_anew(command)
        go_on.set()
        sync.join()
        add_member(command, first_name="Bo")
        damaged, named = command.outbox.look()
        with command.reading() as connection:
            wanted = set(connection.exec_driver_sql("SELECT id FROM operation").scalars())
    assert damaged == 0 and {one[0] for one in named} == wanted


def test_what_a_large_action_adds_to_the_outbox_is_looked_for_in_that_action_alone(desk: Desk) -> None:
    """Without a server all that was ever done here waits."""
    action, asked = add_member(desk, first_name="Bo").changed.action, []
    with desk.reading() as connection:
        sa.event.listen(connection, "before_cursor_execute", lambda _connection, _cursor, *said: asked.append(said[:2]))
        [of_it, _action] = outbox.of_actions(connection, [action])
        plans = [row[-1] for statement, parameters in list(asked) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert of_it.operations and not [one for one in plans if one.startswith("SCAN")]


def test_a_harmed_outbox_gives_what_it_can(killed: tuple[Path, bytes, Path], copy_of: Profile) -> None:
    file = copy_of.path / "desk.outbox"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    copy_of.database.write_bytes(b"not a database")
    done = salvage(copy_of)
    assert done.unread >= 1 and done.carried < 13
    with open_desk(copy_of) as desk:
        assert count_members(desk) >= 300


def test_a_harmed_outbox_loses_the_harmed_records_alone(killed: tuple[Path, bytes, Path], copy_of: Profile) -> None:
    box = Outbox(copy_of.path, killed[1])
    content = box.file.read_bytes()
    whole = [one["id"] for one in box.read().operations]
    assert len(whole) == 14  # the founding too
    random = Random(f"{SEED} outbox")
    for turn in range(ROUNDS):
        worse = bytearray(content)
        worse[random.randrange(len(worse))] ^= 1 << random.randrange(8)
        box.file.write_bytes(worse)
        found = box.read()
        assert found.damaged == 1 and len(found.operations) >= 13, f"seed {SEED}, turn {turn}"
        assert {one["id"] for one in found.operations} <= set(whole)
        cut = random.randrange(len(content))
        box.file.write_bytes(content[:cut] + content[-400:])  # torn, and then written on
        assert {one["id"] for one in box.read().operations} <= set(whole)
