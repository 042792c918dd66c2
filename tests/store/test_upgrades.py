"""A database of every released version opens with today's program: nothing lost, nothing captured as an edit, everything still to be undone."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import count_members, member, member_rows
from alumni_desk.schema import open_desk
from alumni_desk.store import capture, keys, opening
from alumni_desk.store.backup import back_up
from alumni_desk.store.checking import rebuild_search, verify
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.store.history import history
from alumni_desk.store.opening import REVISION
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import redo, undo
from alumni_desk.sync.restoring import restore

RELEASED = sorted(one for one in (Path(__file__).parents[1] / "upgrades").iterdir() if one.is_dir() and one.name.isdigit())


@pytest.fixture(params=RELEASED, ids=lambda folder: folder.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Profile:
    """A copy of the profile of a released version."""
    profile = Profile(tmp_path / "Zoë’s désk")
    shutil.copytree(request.param, profile.path)
    (profile.path / "revision").write_text(request.param.name, encoding="utf-8")
    return profile


def expected(profile: Profile) -> dict[str, Any]:
    """What the program of that time said was in it."""
    return dict(json.loads((profile.path / "expected.json").read_text(encoding="utf-8")))


def content(desk: Desk, told: dict[str, Any]) -> dict[str, Any]:
    """The same, said by today's program: the fields of that time, in every table of that time."""
    found: dict[str, Any] = {}
    with desk.reading() as connection:
        for name, one in told.items():
            order = "rowid" if name == "operation" else "id"
            table = desk.tables[name] if name != "operation" else sa.table("operation_now", *map(sa.column, ("rowid", *one["fields"])))
            columns = [table.c[field] for field in one["fields"]] or [table.c.id]
            rows = [dict(row) for row in connection.execute(sa.select(*columns).order_by(table.c[order])).mappings()]
            whole = json.dumps(rows, ensure_ascii=False, sort_keys=True).encode()
            found[name] = {**one, "rows": len(rows), "sha256": hashlib.sha256(whole).hexdigest()}
    return found


def waiting(told: dict[str, Any]) -> int:
    """How many operations waited: all, where that program knew of no server."""
    return int(told["operation"].get("waiting", told["operation"]["rows"]))


def revision(desk: Desk) -> str:
    with desk.reading() as connection:
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


def test_there_is_one_of_every_revision_before_this() -> None:
    revisions = sorted(file.name[:4] for file in (Path(opening.__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
    assert revisions[-1] == REVISION
    assert [folder.name for folder in RELEASED] == [one for one in revisions if one in {folder.name for folder in RELEASED}]
    assert "0001" in {folder.name for folder in RELEASED}


def test_it_opens_and_all_is_there(old: Profile) -> None:
    with open_desk(old) as desk:
        assert revision(desk) == REVISION
        assert content(desk, expected(old)) == expected(old)
        found = verify(desk)
        assert found.ok and found.missing == {} and found.counts["waiting"] == waiting(expected(old))
        assert desk.setting("person_name") == "Priya"
        assert [row.name for row in member_rows(desk, "lukasz zolc")] == ["Łukasz Żółć"] and count_members(desk) == 7


def test_what_was_done_then_is_listed_and_can_be_undone(old: Profile) -> None:
    with open_desk(old) as desk:
        done = actions(desk)
        assert [one.event for one in done[:3]] == ["member_changed", "walked_in", "check_in_undone"] and done[-1].state == "never"
        with desk.reading() as connection:
            named = set(connection.exec_driver_sql("SELECT DISTINCT action FROM operation").scalars())
        assert {one.id for one in done} == named
        ada = member_rows(desk, "lovelace")[0].id
        assert [(one.value, one.now) for one in history(desk, "person", ada) if one.field == "city"] == [("Ockham", True), ("London", False)]
        today = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        with desk.applying() as applying:  # as if it had been done today: what is older than 30 days stands
            applying.connection.exec_driver_sql("UPDATE action SET at = ?", (today,))
        assert undo(desk).left == () and member(desk, ada).fields["city"] == "London"
        assert redo(desk).left == () and member(desk, ada).fields["city"] == "Ockham"
        assert undo(desk, done[1].id).left == () and verify(desk).ok  # the walk-in with all that came with it


OPERATIONS_OF_BEFORE = (
    "DROP TRIGGER operation_waits", "DROP TRIGGER operation_gone", "DROP VIEW operation_now", "DROP TABLE waiting", "DROP TABLE accepted", "DROP TABLE refused",
    "ALTER TABLE operation ADD COLUMN fate TEXT NOT NULL DEFAULT 'waiting'", "ALTER TABLE operation ADD COLUMN sequence BIGINT",
    "ALTER TABLE operation ADD COLUMN reason TEXT", "ALTER TABLE operation ADD COLUMN resolved_at TEXT",
    "CREATE INDEX operation_fate ON operation (fate, sequence)")


def index_of_before(raw: Any, *, lengths: bool = False) -> None:
    """Make the search index as it was until 0012, and the operations as they were until 0013: its texts lie beside it, and of them nobody's but their
    names."""
    more = "" if lengths else "columnsize=0, "
    for statement in (*OPERATIONS_OF_BEFORE,
                      "DROP TABLE search_words_places", "DROP TABLE search_words_terms", "DROP TABLE search_words",
                      "ALTER TABLE search_person ADD COLUMN other TEXT NOT NULL DEFAULT ''",
                      "CREATE VIRTUAL TABLE search_words USING fts5(names, other, content='search_person', content_rowid='rowid', prefix='1 2 3', detail=none, "
                      f"{more}tokenize='unicode61 remove_diacritics 0')",
                      "CREATE VIRTUAL TABLE search_words_terms USING fts5vocab(search_words, row)",
                      "INSERT INTO search_words (search_words) VALUES ('rebuild')"):
        raw.execute(statement)


def test_an_index_of_before_is_made_anew_once(profile: Profile) -> None:
    """Until 0003 the index had of a phone number its digits and the last four of them."""
    with open_desk(profile) as desk:
        ada = add_member(desk, first_name="Ada", last_name="Obi", mobile="+48 601 555 1234").id
        raw = desk.raw()
        index_of_before(raw)
        raw.execute("INSERT INTO search_words (search_words) VALUES ('delete-all')")
        raw.execute("UPDATE search_person SET other = 'ª486015551234 ª1234'")
        raw.execute("INSERT INTO search_words (search_words) VALUES ('rebuild')")
        for statement in ("CREATE INDEX fact_registration ON fact (registration)", "CREATE INDEX fact_person ON fact (person)",
                          "DROP INDEX person_changed", "DROP INDEX person_birthday",
                          "UPDATE alembic_version SET version_num = '0003'"):
            raw.execute(statement)
        raw.close()
        assert member_rows(desk, "5551234") == []
    with open_desk(profile) as desk:
        assert [row.id for row in member_rows(desk, "555 1234")] == [ada] and revision(desk) == REVISION and verify(desk).ok


def test_names_with_a_hyphen_are_found_as_one_word_after_the_update(profile: Profile) -> None:
    """Until 0008 the index had their parts only."""
    with open_desk(profile) as desk:
        kate = add_member(desk, first_name="Mary-Kate", last_name="Obi").id
        add_member(desk, first_name="Ada", last_name="Obi")
        raw = desk.raw()
        index_of_before(raw)
        raw.execute("INSERT INTO search_words (search_words) VALUES ('delete-all')")
        raw.execute("UPDATE search_person SET names = replace(names, ' marykate', '')")
        raw.execute("INSERT INTO search_words (search_words) VALUES ('rebuild')")
        raw.execute("UPDATE alembic_version SET version_num = '0008'")
        raw.close()
        assert member_rows(desk, "marykate") == []
    with open_desk(profile) as desk:
        assert [row.id for row in member_rows(desk, "marykate")] == [kate] and revision(desk) == REVISION and verify(desk).ok


@pytest.mark.parametrize(("first", "last", "joined"), [("Mary Ann", "Obi", "maryann"), ("Ana", "de la Cruz", "delacruz"), ("小明", "王", "王小明")])
def test_names_of_several_words_are_found_as_one_after_the_update(profile: Profile, first: str, last: str, joined: str) -> None:
    """Until 0009 the index had their words only."""
    with open_desk(profile) as desk:
        one = add_member(desk, first_name=first, last_name=last).id
        add_member(desk, first_name="Ada", last_name="Obi")
        raw = desk.raw()
        index_of_before(raw)
        raw.execute("INSERT INTO search_words (search_words) VALUES ('delete-all')")
        raw.execute("UPDATE search_person SET names = replace(names, ?, '')", (f" {joined}",))
        raw.execute("INSERT INTO search_words (search_words) VALUES ('rebuild')")
        raw.execute("UPDATE alembic_version SET version_num = '0009'")
        raw.close()
        assert member_rows(desk, joined) == []
    with open_desk(profile) as desk:
        assert [row.id for row in member_rows(desk, joined)] == [one] and revision(desk) == REVISION and verify(desk).ok


def test_a_name_without_spaces_is_found_as_one_after_the_update_whatever_somebody_is_called(profile: Profile) -> None:
    """Until 0010 the index had last and preferred name as one only."""
    with open_desk(profile) as desk:
        one = add_member(desk, first_name="伟", last_name="张", preferred_name="Will").id
        add_member(desk, first_name="Ada", last_name="Obi", preferred_name="Addie")
        raw = desk.raw()
        index_of_before(raw)
        raw.execute("INSERT INTO search_words (search_words) VALUES ('delete-all')")
        raw.execute("UPDATE search_person SET names = replace(names, ' º张伟', '')")
        raw.execute("INSERT INTO search_words (search_words) VALUES ('rebuild')")
        raw.execute("UPDATE alembic_version SET version_num = '0010'")
        raw.close()
        assert member_rows(desk, "张伟") == []
    with open_desk(profile) as desk:
        assert [row.id for row in member_rows(desk, "张伟")] == [one] and revision(desk) == REVISION and verify(desk).ok


def test_the_index_of_words_keeps_no_lengths_after_the_update(profile: Profile) -> None:
    """Until 0011 it did; nobody asked for them."""
    with open_desk(profile) as desk:
        ada = add_member(desk, first_name="Ada", last_name="Obi").id
        raw = desk.raw()
        index_of_before(raw, lengths=True)
        raw.execute("UPDATE alembic_version SET version_num = '0011'")
        assert raw.execute("SELECT count(*) FROM search_words_docsize").fetchone() == (1,)
        raw.close()
    with open_desk(profile) as desk:
        assert [row.id for row in member_rows(desk, "obi")] == [ada] and revision(desk) == REVISION and verify(desk).ok
        change_member(desk, ada, last_name="Okafor")
        assert [row.id for row in member_rows(desk, "okafor")] == [ada] and not member_rows(desk, "obi") and verify(desk).ok


def test_what_people_are_found_by_lies_in_the_index_alone_after_the_update(profile: Profile) -> None:
    """Until 0012 it lay beside it once more."""
    with open_desk(profile) as desk:
        people = [add_member(desk, first_name=first, last_name=last, city="Ockham").id for first, last in (("Ada", "Obi"), ("Bo", "Vega"), ("伟", "张"))]
        raw = desk.raw()
        index_of_before(raw)
        raw.execute("UPDATE search_person SET names = 'ada obi', other = 'ªockham' WHERE id = ?", (people[0],))
        raw.execute("INSERT INTO search_words (search_words) VALUES ('rebuild')")
        raw.execute("UPDATE alembic_version SET version_num = '0012'")
        raw.close()
    with open_desk(profile) as desk:
        assert {row.id for row in member_rows(desk, "ockham")} == {people[0]}, "as the texts were that lay there"
        with desk.reading() as connection:
            assert [row.name for row in connection.exec_driver_sql("PRAGMA table_info(search_person)")] == ["rowid", "id", "standing", "sort", "names"]
        assert verify(desk).search == 2 and rebuild_search(desk) == 3 and verify(desk).ok
        assert {row.id for row in member_rows(desk, "ockham")} == {*people}
        change_member(desk, people[0], last_name="Okafor")
        assert [row.id for row in member_rows(desk, "okafor")] == [people[0]] and not member_rows(desk, "obi") and verify(desk).ok


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_backup_takes_the_place_of_one_that_nobody_opened_since_the_update(old: Profile, tmp_path: Path, dry_run: bool) -> None:
    with open_desk(Profile(tmp_path / "new")) as desk:
        add_member(desk, first_name="Ada", last_name="Obi")
        back_up(desk, tmp_path / "chapter.alumnidesk", passphrase="of the backup")
    assert restore(old, tmp_path / "chapter.alumnidesk", passphrase="of the backup", dry_run=dry_run).held.members == 1
    with open_desk(old) as desk:
        assert count_members(desk) == (7 if dry_run else 1) and verify(desk).ok


def test_opened_twice_it_is_changed_once(old: Profile) -> None:
    open_desk(old).close()
    with open_desk(old) as desk:
        told = content(desk, expected(old))
        assert told == expected(old) and len(actions(desk, 1_000)) == len({one.id for one in actions(desk, 1_000)})


def test_a_migration_that_fails_half_way_changes_nothing(old: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form, its record and the triggers are one transaction: after a failure in the last step the old program could go on."""
    real = capture.set_triggers

    def fails_at_the_end(connection: sa.Connection, wanted: Any) -> bool:
        done = real(connection, wanted)
        # Everything is migrated when the wanted triggers come; here, still inside the migration, all of them go away.
        connection.exec_driver_sql("CREATE TRIGGER trap AFTER UPDATE ON alembic_version BEGIN SELECT RAISE(ABORT, 'trap'); END")
        return done

    monkeypatch.setattr(capture, "set_triggers", fails_at_the_end)
    with pytest.raises(DBAPIError):
        open_desk(old)
    monkeypatch.setattr(capture, "set_triggers", real)
    raw = connect(old.database, keys.database_key(old.path, "desk"))
    found = raw.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    there = {name for (name,) in raw.execute("SELECT name FROM sqlite_master")}
    raw.close()
    assert found == old.path.joinpath("revision").read_text("utf-8") and "trap" not in there and "capture_person_insert" in there
    with open_desk(old) as desk:
        assert revision(desk) == REVISION and content(desk, expected(old)) == expected(old) and verify(desk).ok


@pytest.mark.parametrize("found", [f"{int(REVISION) + 1:04d}", "9999"])
def test_a_newer_one_is_left_as_it_is(old: Profile, found: str) -> None:
    with open_desk(old) as desk:
        raw = desk.raw()
        raw.execute("UPDATE alembic_version SET version_num = ?", (found,))
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
    before = old.database.read_bytes()
    with pytest.raises(StoreProblem) as refused:
        open_desk(old)
    assert refused.value.code == "database_newer" and "newest version" in str(refused.value)
    assert old.database.read_bytes() == before
