"""Opening, keys, settings, two programs on one profile, being killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.conftest import PASSPHRASE

from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, backup_folders, driver, keys, recovery
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.store.opening import open_with
from alumni_desk.store.profile import Profile

CANARY = "Zyx-Canary-73"


def test_nothing_on_the_disk_can_be_read_without_the_key(desk: Desk) -> None:
    with desk.writing("member_added") as writing:
        writing.add("person", first_name=CANARY, notes=CANARY)
    desk.set_setting("person_name", CANARY)
    files = list(desk.profile.path.iterdir())
    assert any(one.name == "desk.db-wal" for one in files)
    for one in files:
        content = one.read_bytes()
        assert CANARY.encode() not in content and CANARY.lower().encode() not in content and desk.key not in content and desk.key.hex().encode() not in content


def test_a_wrong_passphrase_opens_nothing(desk: Desk) -> None:
    desk.close()
    with pytest.raises(StoreProblem) as caught:
        open_desk(desk.profile, passphrase="some other words")
    assert caught.value.code == "passphrase_wrong"


def test_without_a_keyring_and_a_passphrase_it_asks_for_one(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    monkeypatch.setattr(keys, "_keyring", lambda: None)
    with pytest.raises(StoreProblem) as caught:
        open_desk(profile)
    assert caught.value.code == "passphrase_wanted" and not profile.database.exists()
    open_desk(profile, passphrase="words of my own").close()
    with pytest.raises(StoreProblem) as caught:
        open_desk(profile)
    assert caught.value.code == "passphrase_needed"


def test_the_passphrase_can_be_changed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.keep_anew(desk.profile.path, "desk", desk.key, "other words by now")
    desk.close()
    with pytest.raises(StoreProblem):
        open_desk(desk.profile)
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "other words by now")
    with open_desk(desk.profile) as again:
        assert again.scope is not None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"kept": "passphrase"}',
                                     '{"kept": "passphrase", "passes": 3, "memory": 99999999999, "salt": "", "box": ""}'])
def test_a_damaged_key_file_is_said_in_words(desk: Desk, content: str) -> None:
    desk.close()
    (desk.profile.path / "desk.key").write_text(content)
    with pytest.raises(StoreProblem) as caught:
        open_desk(desk.profile)
    assert caught.value.code == "key_damaged"


@pytest.mark.parametrize("keeper", ["passphrase", "recovery"])
def test_a_bit_that_the_disk_turned_in_a_sealed_key_is_not_called_a_wrong_password(desk: Desk, keeper: str) -> None:
    paper = recovery.recovery_key(desk)
    file = desk.profile.path / "desk.key"
    desk.close()
    right = {"passphrase": PASSPHRASE, "recovery": paper}
    other = next(one for one in right if one != keeper)
    whole = json.loads(file.read_text())
    for place in range(10, 90, 20):
        box = whole[keeper]["box"]
        turned = box[:place] + ("A" if box[place] != "A" else "B") + box[place + 1:]
        file.write_text(json.dumps({**whole, keeper: {**whole[keeper], "box": turned}}))
        with pytest.raises(StoreProblem, match="was damaged on the disk") as caught:
            keys.database_key(desk.profile.path, "desk", passphrase=right[keeper])
        assert caught.value.code == f"{keeper}_wrong"
        assert keys.database_key(desk.profile.path, "desk", passphrase=right[other]) == desk.key
    file.write_text(json.dumps(whole))
    with pytest.raises(StoreProblem) as caught:
        keys.database_key(desk.profile.path, "desk", passphrase="not the password")
    assert "damaged" not in str(caught.value)
    old = {name: {one: value for one, value in sealed.items() if one != "sum"} for name, sealed in whole.items()}
    file.write_text(json.dumps(old))
    assert keys.database_key(desk.profile.path, "desk", passphrase=right[keeper]) == desk.key, "a file of before there were sums"
    with pytest.raises(StoreProblem) as caught:
        keys.database_key(desk.profile.path, "desk", passphrase="not the password")
    assert "damaged" not in str(caught.value)


def test_a_lost_key_file_never_makes_a_new_key(desk: Desk) -> None:
    desk.close()
    (desk.profile.path / "desk.key").unlink()
    with pytest.raises(StoreProblem) as caught:
        open_desk(desk.profile)
    assert caught.value.code == "key_lost"


def test_a_damaged_database_is_not_opened(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.close()
    with open(desk.profile.database, "r+b") as stream:
        stream.seek(100)
        stream.write(b"x" * 200)
    with pytest.raises(StoreProblem) as caught:
        open_desk(desk.profile)
    assert caught.value.code == "database_damaged"


def test_a_newer_database_is_refused_in_a_sentence(desk: Desk) -> None:
    raw = desk.raw()
    raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    desk.close()
    with pytest.raises(StoreProblem) as caught:
        open_desk(desk.profile)
    assert caught.value.code == "database_newer"


def test_the_migrations_make_what_the_records_say(desk: Desk) -> None:
    with desk._readers.connect() as connection:
        # An index by an expression is not read back by SQLAlchemy: its statement is compared.
        unread = {index.name: index for table in desk.metadata.tables.values() for index in table.indexes
                  if any(not isinstance(one, sa.Column) for one in index.expressions)}
        context = MigrationContext.configure(connection, opts={
            "compare_type": True, "compare_server_default": True,
            "include_object": lambda item, name, kind, *rest: (kind != "table" or not (name.startswith("search_words") or name == "alembic_version"))
            and name not in unread})
        with pytest.warns(Warning, match="expression-based index '?person_birthday"):
            assert compare_metadata(context, desk.metadata) == []
        made = {row.name: row.sql for row in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index'")}
        for name, index in unread.items():
            assert made[name] == str(sa.schema.CreateIndex(index).compile(dialect=connection.dialect)), name
        looked = sa.inspect(connection)
        for table in desk.metadata.tables.values():
            assert looked.get_pk_constraint(table.name)["constrained_columns"] == [column.name for column in table.primary_key], table.name
    source = (Path(open_with.__code__.co_filename).parent / "migrations" / "versions" / "0001_first.py").read_text("utf-8")
    assert "alumni_desk" not in source


def test_settings_are_kept_and_never_synced(desk: Desk) -> None:
    desk.set_setting("idle_minutes", 5)
    desk.set_setting("station", {"name": "Door 2 – côté jardin"})
    assert desk.setting("idle_minutes") == 5 and desk.setting("station") == {"name": "Door 2 – côté jardin"} and desk.setting("none", 7) == 7
    desk.set_setting("station", None)
    assert desk.setting("station") is None
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM operation WHERE table_name <> 'chapter'").scalar() == 0


def test_reading_sees_one_moment_and_cannot_write(desk: Desk) -> None:
    with desk.reading() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM person").scalar()
        with desk.writing("member_added") as writing:
            writing.add("person", first_name="Ana")
        assert connection.exec_driver_sql("SELECT count(*) FROM person").scalar() == before
        with pytest.raises(sa.exc.OperationalError, match="readonly"):
            connection.exec_driver_sql("DELETE FROM setting")


def test_many_threads_write_and_read_at_once(desk: Desk) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for n in range(20):
                with desk.writing("member_added") as writing:
                    writing.add("person", first_name=f"Ana {number} {n}")
                with desk.reading() as connection:
                    connection.exec_driver_sql("SELECT count(*) FROM person").scalar()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not failed
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*), count(DISTINCT clock) FROM person").one() == (120, 120)


def test_the_version_tells_when_another_program_wrote(desk: Desk) -> None:
    before = desk.version()
    assert desk.version() == before
    with desk.writing("member_added") as writing:
        writing.add("person", first_name="Ana")
    assert desk.version() != before


_CHILD = """
import sys
from pathlib import Path
from alumni_desk.schema import open_desk
from alumni_desk.store.erasing import erase
from alumni_desk.store.profile import Profile
desk = open_desk(Profile(Path(sys.argv[1])))
for n in range(int(sys.argv[2])):
    with desk.writing("checked_in", gathering="g") as writing:
        fact = writing.add("fact", kind="in", gathering="g", registration=str(n))
    print(fact, flush=True)
"""


def _child(profile: Profile, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _CHILD, str(profile.path), str(count)], stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def test_killed_in_the_middle_no_acknowledged_check_in_is_lost(desk: Desk) -> None:
    said: list[str] = []
    for after in (1, 3, 7, 20):
        process = _child(desk.profile, 10_000)
        assert process.stdout is not None
        for _ in range(after):
            said.append(process.stdout.readline().strip())
        process.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        said += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.wait()
        process.stdout.close()
    with desk.reading() as connection:
        facts = connection.exec_driver_sql("SELECT id FROM fact").scalars().all()
        captured = connection.exec_driver_sql("SELECT row_id FROM operation WHERE table_name = 'fact'").scalars().all()
    assert set(said) <= set(facts) and sorted(facts) == sorted(captured)


def test_two_programs_take_turns(desk: Desk) -> None:
    other = _child(desk.profile, 60)
    for n in range(60):
        with desk.writing("member_added") as writing:
            writing.add("person", first_name=f"Ana {n}")
    assert other.stdout is not None
    assert len(other.stdout.read().split()) == 60 and other.wait() == 0
    other.stdout.close()
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT (SELECT count(*) FROM person), (SELECT count(*) FROM fact)").one() == (60, 60)


def test_the_same_first_opening_by_two_programs_makes_one_key(profile: Profile) -> None:
    children = [_child(profile, 3) for _ in range(3)]
    for one in children:
        assert one.stdout is not None
        assert len(one.stdout.read().split()) == 3 and one.wait() == 0
        one.stdout.close()
    with open_desk(profile) as desk, desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM fact").scalar() == 9
        assert connection.exec_driver_sql("SELECT count(*) FROM scope").scalar() == 1
    assert list(json.loads((profile.path / "desk.key").read_text())) == ["passphrase"]


def test_nothing_and_flags_are_told_to_the_driver_which_would_look_for_them_in_vain_at_each(desk: Desk) -> None:
    module = driver.sqlcipher()
    assert {(kind, module.PrepareProtocol) for kind in (type(None), bool)} <= module.adapters.keys()
    with desk.reading() as connection:
        assert driver.row(connection, "SELECT ?, ?, ?", (None, True, False)) == (None, 1, 0)


@pytest.mark.skipif(os.name != "posix", reason="a system without modes")
def test_what_is_made_is_for_this_user_alone(profile: Profile) -> None:
    before = os.umask(0o022)
    try:
        with open_desk(profile) as desk:
            ada = add_member(desk, first_name="Ada").id
            backup_folders.choose_folder(profile, profile.path / "stick")
            backup.by_itself(profile, desk.key, "daily")
            erase(desk, [ada])
            modes = {file.relative_to(profile.path).as_posix(): file.stat().st_mode & 0o777 for file in profile.path.rglob("*") if file.is_file()}
    finally:
        os.umask(before)
    assert {"desk.db", "desk.db-wal", "desk.key", "desk.outbox", "desk.lock", "backups.json", "erased.json"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode != 0o600} == {}


def test_a_short_password_makes_no_desk_and_opens_one_that_has_it(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "short")
    with pytest.raises(StoreProblem, match="ten letters") as refused:
        open_desk(profile)
    assert refused.value.code == "passphrase_short" and not profile.exists and not (profile.path / "desk.key").exists()
    monkeypatch.setattr(keys, "SHORTEST", 3)  # as it was before
    open_desk(profile).close()
    monkeypatch.undo()
    open_desk(profile, passphrase="short").close()
