"""Opening a desk that is up to date, and asking it, without SQLAlchemy and without a look at the schema; everything else looks closely."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alumni_desk import schema
from alumni_desk.errors import Refused, StoreProblem
from alumni_desk.store import capture, driver, keys, search
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.opening import open_with
from alumni_desk.store.profile import Profile
from alumni_desk.store.synced import fingerprint

OPENED_AND_ASKED = """
import sys
from pathlib import Path
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
with open_desk(Profile(Path(sys.argv[1])), passphrase="sea otter kelp") as desk:
    print(desk.scope, desk.setting("person_name"), desk.version(), "sqlalchemy" in sys.modules)
    desk.set_setting("person_name", "Ana")
    print(desk.setting("person_name"), "sqlalchemy" in sys.modules)
"""


@pytest.fixture
def made(tmp_path: Path) -> Profile:
    """A profile with a chapter, closed."""
    profile = Profile(tmp_path / "made")
    with schema.open_desk(profile, passphrase="sea otter kelp") as desk:
        desk.make_chapter("Boston", chapter_id="the-chapter")
    return profile


def raw(profile: Profile) -> Any:
    return connect(profile.database, keys.database_key(profile.path, "desk", passphrase="sea otter kelp"))


def unseen() -> Any:
    raise AssertionError("it looked at the schema")


def test_the_fingerprint_is_that_of_the_schemas_triggers() -> None:
    """After a change of the tables: put the new one into ``schema.TRIGGERS``."""
    wanted = capture.triggers(schema.desk_schema(), schema.SCHEMA_VERSION, search.SEARCHED)
    assert fingerprint(wanted) == schema.TRIGGERS
    name = next(iter(wanted))
    assert fingerprint({**wanted, name: wanted[name] + " "}) != fingerprint(wanted)


def test_a_desk_that_is_up_to_date_opens_and_answers_without_sqlalchemy(made: Profile) -> None:
    told = subprocess.run([sys.executable, "-c", OPENED_AND_ASKED, str(made.path)], capture_output=True, text=True, check=True).stdout.splitlines()
    first, second = told
    scope, person, _version, imported = first.split()
    assert (scope, person, imported) == ("the-chapter", "None", "False")
    assert second == "Ana True"


def test_it_looks_at_the_schema_only_where_something_is_not_as_it_should_be(made: Profile) -> None:
    open_with(made, unseen, schema.SCHEMA_VERSION, passphrase="sea otter kelp", known=schema.TRIGGERS).close()
    connection = raw(made)
    connection.execute("DROP TRIGGER capture_person_update")
    connection.close()
    with pytest.raises(AssertionError, match="looked at the schema"):
        open_with(made, unseen, schema.SCHEMA_VERSION, passphrase="sea otter kelp", known=schema.TRIGGERS)
    with schema.open_desk(made, passphrase="sea otter kelp") as desk, desk.asking() as connection:
        assert driver.row(connection, "SELECT 1 FROM sqlite_master WHERE name = 'capture_person_update'") == (1,)


def test_a_commit_that_is_missing_is_noticed_all_the_same(made: Profile) -> None:
    with schema.open_desk(made, passphrase="sea otter kelp") as desk:
        desk.set_setting("person_name", "Ana")
    connection = raw(made)
    connection.execute("UPDATE capture SET transaction_id = '1'")
    connection.close()
    with pytest.raises(StoreProblem) as caught:
        schema.open_desk(made, passphrase="sea otter kelp")
    assert caught.value.code == "changes_lost"


def test_nothing_is_written_where_the_fingerprint_lags_behind_the_tables(made: Profile) -> None:
    with open_with(made, schema.desk_schema, schema.SCHEMA_VERSION + 1, passphrase="sea otter kelp", known=schema.TRIGGERS) as desk:
        assert desk.scope == "the-chapter"
        with pytest.raises(RuntimeError, match="TRIGGERS"), desk.writing("member_added") as writing:
            writing.add("person", first_name="Ana")


def test_who_asks_sees_one_moment_and_cannot_write(made: Profile) -> None:
    with schema.open_desk(made, passphrase="sea otter kelp") as desk:
        with desk.asking() as connection:
            before = driver.rows(connection, "SELECT key FROM setting ORDER BY key")
            desk.set_setting("person_name", "Ana")
            assert driver.rows(connection, "SELECT key FROM setting ORDER BY key") == before
            with pytest.raises(driver.sqlcipher().OperationalError, match="readonly"):
                driver.run(connection, "DELETE FROM setting")
        with desk.asking() as connection:
            assert ("person_name",) in driver.rows(connection, "SELECT key FROM setting")


def test_one_connection_is_enough_for_whoever_asks_one_after_the_other(made: Profile) -> None:
    with schema.open_desk(made, passphrase="sea otter kelp") as desk:
        for _turn in range(3):
            with desk.asking() as connection:
                driver.row(connection, "SELECT 1")
            assert len(desk._idle) == 1
        with desk.asking(), desk.reading():
            pass
        assert desk._idle == []  # SQLAlchemy's pool keeps them from here on


def test_a_desk_that_was_shut_tells_whoever_asks_why(made: Profile) -> None:
    desk = schema.open_desk(made, passphrase="sea otter kelp")
    assert desk.version() and desk.scope
    desk.shut(Refused("gone", "It is gone."))
    for ask in (lambda: desk.scope, desk.version, lambda: desk.set_setting("a", 1)):
        with pytest.raises(Refused, match="gone"):
            ask()


def test_what_the_disk_does_is_said_in_words_to_whoever_asks(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StoreProblem) as caught, desk.asking():
        raise driver.sqlcipher().OperationalError("disk I/O error")
    assert caught.value.code == "disk_trouble" and "disk_trouble" in caplog.text
    with pytest.raises(driver.sqlcipher().OperationalError), desk.asking() as connection:
        driver.row(connection, "SELECT nothing FROM nowhere")
