"""The check of a whole database: it keeps nobody from writing, and it finds damage wherever that is met first."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.cli.main import run as main
from alumni_desk.errors import KnownError
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.members.merging import merge_people
from alumni_desk.schema import open_desk
from alumni_desk.store import checking
from alumni_desk.store.checking import found_words, look_at_pages, rebuild_search, verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.mark import Mark
from alumni_desk.store.outbox import Outbox
from alumni_desk.store.profile import Profile


@contextmanager
def somebody_writes(desk: Desk, while_reading: str) -> Iterator[list[bool]]:
    """At the first statement with these words somebody else adds a member; tells whether that was done before the statement went on."""
    done: list[bool] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if while_reading in statement and not done and threading.current_thread() is threading.main_thread():
            done.append(False)
            writer.start()
            writer.join(5)
            done[0] = not writer.is_alive()

    writer = threading.Thread(target=lambda: add_member(desk, first_name="Bo"))
    sa.event.listen(sa.Engine, "before_cursor_execute", look)
    try:
        yield done
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", look)
        writer.join()


def test_somebody_writes_while_everything_is_checked(desk: Desk) -> None:
    add_member(desk, first_name="Ada")
    for words in ("FROM search_person", "FROM shadow", 'FROM "registration" AS t', "SELECT o.row_id, o.fields, o.clock FROM waiting"):
        with somebody_writes(desk, words) as done:
            assert verify(desk).ok
        assert done == [True], words
    assert count_members(desk) == 5


def test_an_index_of_words_that_fits_no_text_is_found(desk: Desk) -> None:
    add_member(desk, first_name="Ada")
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("INSERT INTO search_words (search_words) VALUES ('delete-all')")
    assert verify(desk).search == 1


def test_an_index_a_table_and_a_column_that_are_not_there_are_said(desk: Desk) -> None:
    add_member(desk, first_name="Ada")
    assert verify(desk).absent == ()
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("DROP INDEX operation_row")
    found = verify(desk)
    assert not found.ok and found.absent == ("operation_row",)
    assert found_words(found).startswith("1 part of the database is missing (operation_row), so the rest was not checked. Restore a backup")
    with desk.applying() as applying:
        for name in applying.connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL").scalars().all():
            applying.connection.exec_driver_sql(f'DROP INDEX "{name}"')
        applying.connection.exec_driver_sql("DROP TABLE past")
        applying.connection.exec_driver_sql("ALTER TABLE erased DROP COLUMN at")
    found = verify(desk)
    assert not found.ok and {"past", "erased.at", "operation_action"} < set(found.absent) and "past.clock" not in found.absent
    assert ", …), so the rest" in found_words(found)


@pytest.mark.parametrize("is_there", [False, True])
def test_a_profile_in_which_no_chapter_was_begun_is_whole(profile: Profile, is_there: bool, capsys: pytest.CaptureFixture[str]) -> None:
    if is_there:
        profile.create()
    command = ["--profile", str(profile.path), "verify"]
    for _time in range(2):
        assert main(command) == 0
        assert capsys.readouterr().out.startswith("Everything is as it should be: 0 members")
    with open_desk(profile) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        with desk.applying() as applying:
            applying.connection.exec_driver_sql("DELETE FROM scope")
        assert verify(desk).absent == ("scope",), "a chapter that has lost its own is damaged"


def test_as_many_members_are_told_as_the_list_has(desk: Desk) -> None:
    one, two = (add_member(desk, first_name=name, last_name="Lima").id for name in ("Ana", "Anna"))
    merge_people(desk, two, one)
    found = verify(desk)
    assert found.counts["members"] == count_members(desk) == 1 and "be: 1 member," in found_words(found)


def test_a_first_page_that_cannot_be_read_is_damage_too(desk: Desk) -> None:
    add_member(desk, first_name="Ada")
    assert verify(desk).pages == 0
    raw = desk.raw()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    with open(desk.profile.database, "r+b") as file:
        file.seek(100)
        file.write(b"\xa5" * 64)
    found = verify(desk)
    assert found.pages and not found.ok


def test_a_page_that_changed_on_the_disk_is_found_wherever_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with desk.writing("import") as writing:
        writing.add_many("person", [{"standing": "member", "first_name": f"First {n}", "notes": "x" * n} for n in range(500)])
    with desk.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA freelist_count").scalar() == 0
    raw = desk.raw()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    look_at_pages(desk)
    whole, random = desk.profile.database.read_bytes(), Random(7)
    for page in range(1, len(whole) // 4096):
        worse = bytearray(whole)
        worse[page * 4096 + random.randrange(4096)] ^= 1 << random.randrange(8)
        desk.profile.database.write_bytes(worse)
        with pytest.raises(KnownError) as found:
            look_at_pages(desk)
        assert found.value.code == "part_damaged", page
    monkeypatch.setattr(checking, "_STEPS", 5)
    look_at_pages(desk, cancelled=lambda: True)  # ended before it came so far
    desk.profile.database.write_bytes(whole)
    look_at_pages(desk)


def test_a_check_of_much_that_waits_takes_as_long_as_there_is(desk: Desk) -> None:
    def steps(rows: int) -> int:
        with desk.writing("import", queue="load") as writing:
            writing.add_many("person", [{"standing": "member", "first_name": f"First {n}"} for n in range(rows)])
        count = [0]

        def step() -> int:
            count[0] += 1
            return 0

        with desk.reading() as connection:
            raw = connection.connection.dbapi_connection
            raw.set_progress_handler(step, 1_000)
            checking._hidden(connection, desk.tables["person"])
            raw.set_progress_handler(None, 0)
        return count[0]

    few, more = steps(500), steps(1_500)
    assert more <= few * 6, f"{few} and {more}: four times as much waits"


@pytest.mark.parametrize("harm", ["flipped", "cut", "longer"])
@pytest.mark.parametrize("name", ["mark", "outbox"])
def test_a_damaged_file_beside_the_database_is_said_and_written_anew(profile: Profile, name: str, harm: str, capsys: pytest.CaptureFixture[str]) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        for first in ("Ada", "Bo"):
            add_member(desk, first_name=first)
        key, written = desk.key, {one["id"] for one in desk.outbox.read().operations}
    file = profile.path / f"desk.{name}"
    content = file.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    file.write_bytes({"flipped": bytes(flipped), "cut": content[:-5], "longer": content + b"?" * 9}[harm])
    command = ["--profile", str(profile.path), "verify"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "Everything is as it should be" in said and f"(desk.{name}) was damaged and has been written anew" in said
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["beside"], told["mended"]) == (True, [], True)
    assert Mark(profile.path, key).read() is not None and {one["id"] for one in Outbox(profile.path, key).read().operations} == written
    older = profile.database.read_bytes()
    with open_desk(profile) as desk:
        add_member(desk, first_name="Cy")
    profile.database.write_bytes(older)
    with pytest.raises(KnownError) as raised:
        open_desk(profile)
    assert raised.value.code == "changes_lost", "both know again what was saved last"


@pytest.mark.parametrize("name", ["mark", "outbox"])
def test_a_missing_file_beside_the_database_is_said_and_made_anew(profile: Profile, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with open_desk(profile) as desk:
        assert verify(desk).gone == (), "nothing was saved that they would tell of"
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        add_member(desk, first_name="Ada")
        assert verify(desk).gone == ()
        key, written = desk.key, {one["id"] for one in desk.outbox.read().operations}
    (profile.path / f"desk.{name}").unlink()
    command = ["--profile", str(profile.path), "verify"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "Everything is as it should be" in said and f"(desk.{name}) was missing and has been made anew" in said
    assert Mark(profile.path, key).read() is not None and {one["id"] for one in Outbox(profile.path, key).read().operations} == written
    (profile.path / f"desk.{name}").unlink()
    for gone in ([name], []):
        assert main([*command, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["ok"], told["beside"], told["gone"], told["mended"]) == (True, [], gone, True)


def test_what_is_missing_beside_a_damaged_database_is_said_and_comes_later(profile: Profile) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        add_member(desk, first_name="Ada")
        with desk.applying() as applying:
            applying.connection.exec_driver_sql("INSERT INTO search_words (search_words) VALUES ('delete-all')")
    for name in ("mark", "outbox"):
        (profile.path / f"desk.{name}").unlink()
    with open_desk(profile) as desk:
        found = verify(desk)
        assert not found.ok and found.gone == ("mark", "outbox") and not found.mended
        said = found_words(found)
        assert "(desk.mark) is missing. It is made anew" in said and "(desk.outbox) is missing, and could not be made anew yet" in said
        rebuild_search(desk)
        found = verify(desk)
        assert found.ok and found.mended and found.gone == ("outbox",) and verify(desk).gone == ()


def test_what_cannot_be_written_anew_stays_damaged_and_is_said(desk: Desk) -> None:
    add_member(desk, first_name="Ada")
    with desk.outbox.file.open("ab") as file:
        file.write(b"torn")
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("INSERT INTO search_words (search_words) VALUES ('delete-all')")
    found = verify(desk)
    assert not found.ok and found.beside == ("outbox",) and not found.mended
    assert "(desk.outbox) is damaged, and could not be written anew yet" in found_words(found)
    rebuild_search(desk)
    found = verify(desk)
    assert found.ok and found.beside == ("outbox",) and found.mended and verify(desk).beside == ()
