"""A backup opens elsewhere, a damaged one says so and changes nothing, and the desk that was there is kept."""

from __future__ import annotations

import json
import threading
import time
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import sqlcipher3.dbapi2 as sqlcipher
from tests.conftest import PASSPHRASE

from alumni_desk import store
from alumni_desk.cli.store import opens_words
from alumni_desk.errors import BadInput, Refused, StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members, member_rows
from alumni_desk.members.merging import merge_people
from alumni_desk.protocol.codes import new_recovery_key
from alumni_desk.schema import open_desk
from alumni_desk.segments.activity import deeds
from alumni_desk.store import keys
from alumni_desk.store.backup import back_up, by_itself, is_due, is_whole, trim_outbox
from alumni_desk.store.backup_folders import backups, choose_folder, chosen_folder, everywhere, folder_in_use, own_folder
from alumni_desk.store.backup_head import ENDING, FORMER, read_head
from alumni_desk.store.checking import rebuild_search, verify
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.store.opening import REVISION
from alumni_desk.store.outbox import catch_up
from alumni_desk.store.profile import Profile
from alumni_desk.store.recovery import recovery_key
from alumni_desk.store.undo import undo
from alumni_desk.sync.restoring import Restored, restore


@pytest.fixture
def backup(desk: Desk, tmp_path: Path) -> Path:
    add_member(desk, first_name="Ada", last_name="Lovelace", email="ada@example.org")
    out = tmp_path / "saved.desk"
    held = back_up(desk, out, passphrase="another three words")
    assert held.members == 1
    return out


def test_an_older_one_is_replaced_and_any_other_file_is_left_as_it_is(backup: Path, desk: Desk, tmp_path: Path) -> None:
    add_member(desk, first_name="Grace", last_name="Hopper")
    assert back_up(desk, backup, passphrase="another three words").members == 2 and is_whole(backup)
    former = tmp_path / "former.desk"
    former.write_bytes(b"ALUMNI DESK BACKUP 1\n{}")
    empty = tmp_path / "empty.desk"
    empty.touch()
    for one in (former, empty):
        back_up(desk, one, passphrase="another three words")
        assert is_whole(one)
    for content in (b"my thesis, the only copy of it\n", b"x"):
        other = tmp_path / "thesis.odt"
        other.write_bytes(content)
        with pytest.raises(BadInput, match="no backup of Alumni Desk") as refused:
            back_up(desk, other, passphrase="another three words")
        assert refused.value.code == "backup_is_other_file" and other.read_bytes() == content
    assert sorted(one.name for one in tmp_path.glob("*.part")) == []


def test_it_opens_in_another_profile_with_its_own_password(backup: Path, tmp_path: Path) -> None:
    content = backup.read_bytes()
    assert b"Lovelace" not in content and b"example.org" not in content
    other = Profile(tmp_path / "other computer")
    with pytest.raises(StoreProblem):
        restore(other, backup, passphrase="a wrong guess")
    assert restore(other, backup, passphrase="another three words").held.members == 1
    with open_desk(other) as opened:
        assert [row.name for row in member_rows(opened, "lovelace")] == ["Ada Lovelace"]
        assert verify(opened).ok


def test_whoever_has_two_entries_that_were_merged_is_one_member(desk: Desk, tmp_path: Path) -> None:
    ada, again = (add_member(desk, first_name="Ada", last_name="Lovelace").id for _entry in range(2))
    out = tmp_path / "saved.desk"
    assert back_up(desk, out, passphrase="another three words").members == 2
    merge_people(desk, again, ada)
    out = tmp_path / "merged.desk"
    assert back_up(desk, out, passphrase="another three words").members == count_members(desk) == 1
    other = Profile(tmp_path / "other computer")
    assert restore(other, out, passphrase="another three words", dry_run=True).held.members == 1
    assert restore(other, out, passphrase="another three words").held.members == 1


@pytest.mark.parametrize("harm", ["cut", "flip", "other", "empty"])
def test_a_damaged_one_changes_nothing(backup: Path, profile: Profile, desk: Desk, harm: str) -> None:
    content = bytearray(backup.read_bytes())
    if harm == "cut":
        content = content[: len(content) // 2]
    elif harm == "flip":
        content[len(content) // 2] ^= 1
    else:
        content = bytearray(b"" if harm == "empty" else b"%PDF-1.7")
    backup.write_bytes(content)
    desk.close()
    with pytest.raises((BadInput, StoreProblem)) as refused:
        restore(profile, backup, passphrase="another three words")
    assert str(refused.value).endswith(".")
    with open_desk(profile) as opened:
        assert count_members(opened) == 1


def test_a_restore_that_is_refused_uses_up_no_way_back(desk: Desk, profile: Profile, tmp_path: Path) -> None:
    add_member(desk, first_name="Ada", last_name="Lovelace")
    raw = desk.raw()
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    back_up(desk, tmp_path / "newer.desk", passphrase="another three words")
    raw.execute("UPDATE alembic_version SET version_num = ?", (REVISION,))
    raw.close()
    desk.close()
    for _time in range(2):
        with pytest.raises(StoreProblem) as refused:
            restore(profile, tmp_path / "newer.desk", passphrase="another three words", desk_key=desk.key)
        assert refused.value.code == "database_newer" and backups(profile, desk.key) == []


def test_what_is_done_here_while_somebody_is_asked_about_a_restore_counts(desk: Desk, profile: Profile, tmp_path: Path) -> None:
    """Whoever is asked may take their time: the chapter may be open by then, or somebody erased."""
    with open_desk(Profile(tmp_path / "other"), passphrase="another three words") as other:
        other.make_chapter("Lisbon", "Northgate", "Europe/Lisbon")
        back_up(other, tmp_path / "other.desk", passphrase="another three words")
    person = add_member(desk, first_name="Ada", last_name="Lovelace").id
    desk.close()
    asked: list[str | None] = []
    with ExitStack() as stack:
        def opens(would: Restored) -> None:
            stack.enter_context(open_desk(profile))

        with pytest.raises(Refused) as refused:
            restore(profile, tmp_path / "other.desk", passphrase="another three words", desk_key=desk.key, another=opens)
        assert refused.value.code == "desk_open"

    def erases(would: Restored) -> None:
        asked.append(would.instead_of)
        with open_desk(profile) as opened:
            erase(opened, [person])

    assert restore(profile, tmp_path / "other.desk", passphrase="another three words", desk_key=desk.key, another=erases).held.chapter == "Lisbon"
    assert asked == ["Boston"]
    with open_desk(profile) as opened, opened.reading() as connection:
        assert connection.exec_driver_sql("SELECT id FROM erased").scalars().all() == [person]


def test_a_trial_refuses_what_the_restore_would_refuse(desk: Desk, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The desk that is here has another password than the backup."""
    with open_desk(Profile(tmp_path / "other"), passphrase="another three words") as other:
        other.make_chapter("Lisbon", "Northgate", "Europe/Lisbon")
        back_up(other, tmp_path / "other.desk", passphrase="another three words")
    desk.close()
    monkeypatch.setenv(keys.PASSPHRASE, "another three words")
    for dry_run in (True, False):
        with pytest.raises(StoreProblem) as refused:
            restore(profile, tmp_path / "other.desk", passphrase="another three words", dry_run=dry_run)
        assert refused.value.code == "restore_other_password"


def test_the_backup_of_the_day_is_made_though_another_was_before_an_import(desk: Desk, profile: Profile) -> None:
    by_itself(profile, desk.key, "before_import")
    assert is_due(profile, desk.key)
    by_itself(profile, desk.key, "daily")
    assert not is_due(profile, desk.key)


def test_who_went_back_and_to_which_day_stands_in_activity_and_is_not_undone(desk: Desk, profile: Profile) -> None:
    """Also after going forth again; and it says in which file is what was there before."""
    desk.set_setting("person_name", "Priya")
    first = by_itself(profile, desk.key, "daily")
    add_member(desk, first_name="Eve", last_name="Later")
    desk.close()
    done = restore(profile, first, passphrase=PASSPHRASE)
    assert done.replaced is not None
    at = datetime.fromisoformat(read_head(first)[0]["made_at"]).astimezone()
    when = f"{at.day} {at:%B %Y, %H:%M}"
    with open_desk(profile) as back:
        [deed, *_rest] = deeds(back)
        assert (deed.what, deed.who, deed.undoable, deed.kept) == (f"Went back to the backup of {when}", "Priya", False, done.replaced.name)
        assert deed.reason == "What was there is among the backups"
        with pytest.raises(Refused, match="go back to the backup that was made before it"):
            undo(back, deed.id)
        assert deed.id not in {one.id for one in deeds(back) if one.undoable} and verify(back).ok
    restore(profile, done.replaced, passphrase=PASSPHRASE)
    with open_desk(profile) as forth:
        assert count_members(forth, "later") == 1
        assert deeds(forth)[0].event == "backup_restored" and deed.what in {one.what for one in deeds(forth)}
        with pytest.raises(Refused, match="going back to a backup, which Undo does not take back") as refused:
            undo(forth)
        assert undo(forth, passing={str(refused.value.facts["action"])}).event == "member_added", "the next Ctrl+Z passes it by"
        add_member(forth, first_name="Bo")
        assert undo(forth).event == "member_added", "what was done since comes first"


@pytest.mark.parametrize("begun", [False, True])
def test_where_nothing_was_the_first_undo_after_a_restore_stops_too(backup: Path, tmp_path: Path, begun: bool) -> None:
    other = Profile(tmp_path / "other computer")
    if begun:  # its window was opened once
        open_desk(other).close()
    restore(other, backup, passphrase="another three words", own=PASSPHRASE)
    with open_desk(other) as desk:
        with pytest.raises(Refused, match=r"What came last was restoring a backup, which Undo does not take back\.$") as refused:
            undo(desk)
        assert refused.value.code == "went_back" and count_members(desk) == 1
        assert undo(desk, passing={str(refused.value.facts["action"])}).event == "member_added", "whoever has read it goes on"


def test_a_trial_says_what_is_in_it(backup: Path, profile: Profile, desk: Desk) -> None:
    add_member(desk, first_name="Bo")
    desk.close()
    assert restore(profile, backup, passphrase="another three words", dry_run=True).held.members == 1
    with open_desk(profile) as opened:
        assert count_members(opened) == 2


def test_a_search_index_that_went_wrong_is_found_and_mended(desk: Desk) -> None:
    ada = add_member(desk, first_name="Ada").id
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("UPDATE search_person SET names = 'wrong'")
    assert not verify(desk).ok
    rebuild_search(desk)
    assert verify(desk).ok and [row.id for row in member_rows(desk, "ada")] == [ada]


def test_made_while_somebody_writes_it_holds_one_moment(desk: Desk, tmp_path: Path) -> None:
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}"} for n in range(5_000)])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            add_member(desk, first_name="Busy")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts = [back_up(desk, tmp_path / f"{n}.desk", passphrase="another three words").members for n in range(3)]
    finally:
        stop.set()
        writer.join()
    assert 5_000 <= counts[0] <= counts[1] <= counts[2] < count_members(desk)
    assert restore(Profile(tmp_path / "other"), tmp_path / "2.desk", passphrase="another three words").held.members == counts[2]


def test_one_is_made_before_the_form_of_the_database_changes(profile: Profile) -> None:
    from alembic import command
    from alembic.config import Config

    profile.create()
    key = keys.database_key(profile.path, "desk")
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    engine = sa.create_engine("sqlite://", creator=lambda: connect(profile.database, key), module=sqlcipher, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    assert not backups(profile, key)
    with open_desk(profile) as desk:
        [made] = backups(profile, desk.key)
    assert made.why == "before_update" and not made.damaged
    assert restore(profile, made.file).held.members == 0
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")


def test_where_only_the_keyring_keeps_the_key_it_says_so_and_opens_here(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_member(desk, first_name="Ada")
    monkeypatch.setattr(keys, "boxes", lambda folder, name: {"kept": "keyring", "key": None, "recovery": None})
    made = by_itself(desk.profile, desk.key, "daily")
    header, _start = read_head(made)
    assert (header["kept"], header["key"]) == ("keyring", None)
    desk.close()
    assert restore(desk.profile, made, desk_key=desk.key).held.members == 1
    with pytest.raises(StoreProblem) as refused:
        restore(Profile(tmp_path / "other"), made, passphrase="anything")
    assert refused.value.code == "backup_elsewhere"


def test_a_cancelled_one_leaves_nothing(desk: Desk, tmp_path: Path) -> None:
    add_member(desk, first_name="Ada")
    with pytest.raises(Refused) as refused:
        by_itself(desk.profile, desk.key, "daily", cancelled=lambda: True)
    assert refused.value.code == "backup_cancelled"
    assert not list(folder_in_use(desk.profile).iterdir())


def test_under_a_wrong_clock_too_the_outbox_keeps_what_two_backups_do_not(desk: Desk) -> None:
    def kept() -> list[str]:
        return [json.loads(one["fields"])["first_name"] for one in desk.outbox.read().operations if one["table_name"] == "person"]

    now = datetime.now().astimezone().replace(hour=12)  # two of one day: the first of them goes
    for days in (400, 500):  # of a clock that was ahead
        by_itself(desk.profile, desk.key, "daily", now=now + timedelta(days=days))
    add_member(desk, first_name="Ada")
    trim_outbox(desk)
    assert kept() == ["Ada"]
    for hours in (2, 1):
        by_itself(desk.profile, desk.key, "daily", now=now - timedelta(hours=hours))
    desk.clock.correct(-60 * 86_400_000)
    add_member(desk, first_name="Bo")  # by a clock that is behind, and after both
    trim_outbox(desk)
    assert kept() == ["Ada", "Bo"]


def test_an_evening_before_summer_time_is_no_part_of_the_next_day(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        evening, noon = datetime(2026, 3, 28, 22, 40, tzinfo=UTC), datetime(2026, 3, 29, 10, 0, tzinfo=UTC)  # 23:40 there, and 12:00
        by_itself(desk.profile, desk.key, "daily", now=evening)
        assert is_due(desk.profile, desk.key, noon)
        by_itself(desk.profile, desk.key, "daily", now=noon)
        assert not is_due(desk.profile, desk.key, noon)
        assert [one.rule for one in backups(desk.profile, desk.key, now=noon)] == ["daily", "daily"]
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_the_outbox_of_a_desk_alone_keeps_what_two_backups_do_not(desk: Desk) -> None:
    def kept() -> list[str]:
        return [json.loads(one["fields"])["first_name"] for one in desk.outbox.read().operations if one["table_name"] == "person"]

    for name in ("Ada", "Bo", "Cy"):
        add_member(desk, first_name=name)
        by_itself(desk.profile, desk.key, "before_import")
        trim_outbox(desk)
        assert kept() == {"Ada": ["Ada"], "Bo": ["Bo"], "Cy": ["Cy"]}[name]
    newest = backups(desk.profile, desk.key)[0].file
    newest.write_bytes(newest.read_bytes()[:-1])  # one may be damaged
    trim_outbox(desk)
    assert kept() == ["Bo", "Cy"]


def test_while_the_stick_with_the_newest_backups_is_away_the_next_is_newer_all_the_same(desk: Desk, tmp_path: Path) -> None:
    stick, pocket = tmp_path / "stick", tmp_path / "pocket"
    stick.mkdir()
    add_member(desk, first_name="Ada")
    choose_folder(desk.profile, stick)
    for _time in range(3):
        by_itself(desk.profile, desk.key, "daily")
    stick.rename(pocket)
    add_member(desk, first_name="Bo")
    newer = by_itself(desk.profile, desk.key, "daily")
    pocket.rename(stick)
    assert everywhere(desk.profile, desk.key)[0].file == newer


@pytest.mark.parametrize("name", ["restoring", "Restoring", "compare-mine", "snapshots", "restoring/below"])
def test_no_folder_is_taken_that_the_program_itself_deletes(desk: Desk, name: str) -> None:
    folder = desk.profile.path / name
    folder.mkdir(parents=True)
    with pytest.raises(BadInput, match="Choose another folder") as refused:
        choose_folder(desk.profile, folder)
    assert refused.value.code == "folder_cleared" and chosen_folder(desk.profile) == own_folder(desk.profile)


def test_a_large_action_is_copied_when_there_is_time(desk: Desk) -> None:
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}"} for n in range(3_000)])
    assert desk.unkept and len(desk.outbox.read().operations) < 3_000
    catch_up(desk)
    assert not desk.unkept and len(desk.outbox.read().operations) == 3_001  # and the founding
    assert b"Name 7" not in desk.outbox.file.read_bytes()


def test_a_large_action_that_nobody_had_time_to_copy_is_copied_after_the_next_opening(profile: Profile) -> None:
    with open_desk(profile) as desk, desk.writing("import", queue="load") as writing:
        writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}"} for n in range(300)])
    for _opening in range(2):
        with open_desk(profile) as desk:
            catch_up(desk)
            assert len(desk.outbox.read().operations) == 301 and not desk.unkept


def test_a_waiting_change_that_is_not_shown_is_found(desk: Desk) -> None:
    ada = add_member(desk, first_name="Ada").id
    assert verify(desk).ok
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("UPDATE person SET first_name = 'Bo' WHERE id = ?", (ada,))
    assert verify(desk).views == 1 and not verify(desk).ok


def test_nothing_is_restored_under_somebody_who_works(backup: Path, profile: Profile, desk: Desk) -> None:
    file = by_itself(profile, desk.key, "daily")
    folder = folder_in_use(profile)
    with pytest.raises(Refused) as refused:
        restore(profile, folder / file.name, desk_key=desk.key)
    assert refused.value.code == "desk_open"
    added = add_member(desk, first_name="Bo", last_name="Berg")
    desk.close()
    with open_desk(profile) as again:
        assert added.id in {row.id for row in member_rows(again)} and verify(again).ok
    assert restore(profile, folder / file.name, desk_key=desk.key).held.members == 1


def test_of_those_of_one_second_the_latest_stays_though_the_name_of_the_first_is_free_again(desk: Desk) -> None:
    add_member(desk, first_name="Ada", last_name="Lovelace")
    now = datetime(2026, 11, 25, 12, 0, 0)
    for _turn in range(3):
        latest = by_itself(desk.profile, desk.key, "daily", now=now)
        assert latest.exists() and [one.file for one in backups(desk.profile, desk.key, now=now)] == [latest]


@pytest.mark.parametrize("given", [None, "another three words"])
@pytest.mark.parametrize("recovery", [False, True])
@pytest.mark.parametrize("keepers", [{"passphrase"}, {"passphrase", "keyring"}, {"keyring"}])
def test_what_is_said_to_open_a_backup_opens_it_and_nothing_else(desk: Desk, tmp_path: Path, keepers: set[str], recovery: bool, given: str | None,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    paper = recovery_key(desk) if recovery else new_recovery_key()
    file = desk.profile.path / "desk.key"
    content = {**json.loads(file.read_text()), "keyring": {"id": "nobody knows it"}}
    file.write_text(json.dumps({one: entry for one, entry in content.items() if one in keepers or one == "recovery"}))
    if "passphrase" not in keepers and not recovery and given is None:
        with pytest.raises(StoreProblem, match="needs a password"):
            back_up(desk, tmp_path / "out")
        return
    back_up(desk, tmp_path / "out", passphrase=given)
    said = opens_words(given=given is not None, password="passphrase" in keepers, recovery=recovery)
    monkeypatch.delenv(keys.PASSPHRASE)
    for n, (typed, named) in enumerate((("another three words", "just given" in said), (PASSPHRASE, "password of this desk" in said),
                                        (paper, "recovery key" in said))):  # fmt: skip
        try:
            restore(Profile(tmp_path / f"{n}"), tmp_path / "out", passphrase=typed, dry_run=True)
            opened = True
        except StoreProblem:
            opened = False
        assert opened == named, said
    with pytest.raises(StoreProblem) as raised:
        restore(Profile(tmp_path / "none"), tmp_path / "out", dry_run=True)
    asked = str(raised.value)
    assert raised.value.code == "passphrase_needed"
    assert ("recovery key" in asked) == recovery and ("ALUMNI_DESK_PASSPHRASE" in asked) == ("password" in said)


def test_what_is_typed_wrong_for_a_backup_is_told_of_the_backup(desk: Desk, tmp_path: Path) -> None:
    paper = recovery_key(desk)
    back_up(desk, tmp_path / "out")
    other = Profile(tmp_path / "other")
    for typed, words in (("four words of another day", "password of this backup"), (new_recovery_key(), "paper of then"),
                         (paper.replace("-", "")[:-1].lower(), "Group 8 has a typing error")):
        with pytest.raises(StoreProblem, match=words):
            restore(other, tmp_path / "out", passphrase=typed)


@pytest.mark.parametrize(("name", "content"), [
    ("numbers 12345678-999999", b"nothing that we know"),
    ("former", FORMER + b'{"made_at": "2026-13-45T00:00:00Z"}\n'),
    ("counts", FORMER + b'{"made_at": "2026-01-05T00:00:00Z", "members": null}\n')])
def test_a_file_that_is_no_backup_hinders_none(desk: Desk, name: str, content: bytes) -> None:
    """It lies among them, whatever its name or its head says: the list tells that it is damaged, and the next backup is made."""
    folder = own_folder(desk.profile)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}{ENDING}").write_bytes(content)
    made = by_itself(desk.profile, desk.key, "daily")
    found = backups(desk.profile, desk.key)
    assert all(one.at for one in found) and {one.file.stem: one.damaged for one in found} == {name: True, made.stem: False}


def test_a_look_into_a_backup_that_ends_in_that_very_moment_hinders_no_erasure(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = desk.profile.path / "compare-1"
    looked.mkdir()
    real = store.backup.if_free

    def once_it_ended(path: Path) -> AbstractContextManager[bool]:
        if looked.exists():
            looked.rmdir()
        return real(path)

    monkeypatch.setattr("alumni_desk.store.backup.if_free", once_it_ended)
    store.backup.remove_stage(desk.profile)
    assert not looked.exists()
