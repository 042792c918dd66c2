"""What another program took out of the database, or wrote into it, is found where the rest tells of it, and said in words and in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from alumni_desk.checkin.actions import check_in
from alumni_desk.cli.main import run as main
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.schema import desk_schema, open_desk
from alumni_desk.store import backup
from alumni_desk.store.capture import synced_of
from alumni_desk.store.checking import found_words, verify
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import redo, undo
from alumni_desk.sync import state


@dataclass
class Kept:
    """A closed chapter, and somebody else's program that writes to its database."""

    profile: Profile
    key: bytes
    member: str

    def by_hand(self, *statements: str, triggers: bool = False) -> None:
        """Carry statements out without this program; its triggers are there again afterwards, unless they are ``triggers`` that were meant."""
        with closing(connect(self.profile.database, self.key)) as raw:
            guards = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall() if not triggers else []
            for name, _sql in guards:
                raw.execute(f'DROP TRIGGER "{name}"')
            for statement in statements:
                assert raw.execute(statement).rowcount != 0, statement
            for _name, sql in guards:
                raw.execute(sql)
            raw.commit()

    def checked(self, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
        """What the command says: how it ended, JSON, and words."""
        command = ["--profile", str(self.profile.path), "verify"]
        main([*command, "--json"])
        said = json.loads(capsys.readouterr().out.splitlines()[0])
        code = main(command)
        told = capsys.readouterr()
        return code, said, told.out + told.err


@pytest.fixture
def kept(profile: Profile, desk: Desk) -> Iterator[Kept]:
    """Members, a gathering with a guest who was checked in, a change, what was undone and done again, and a backup."""
    member = add_member(desk, first_name="Ada", last_name="Lima", email="ada@example.org", notes=None).id
    others = [add_member(desk, first_name=name).id for name in ("Bo", "Cy")]
    remove_members(desk, others[1:])
    dinner = new_gathering(desk, name="Dinner", start="2026-11-30 19:00").id
    add_guests(desk, dinner, [member, others[0]])
    check_in(desk, dinner, person_id=member)
    change_member(desk, member, city="Lyon")
    undo(desk)
    redo(desk)
    backup.by_itself(profile, desk.key, "daily")
    change_member(desk, member, employer="Acme")
    key = desk.key
    desk.close()
    with open_desk(profile) as again:
        assert verify(again).ok
    yield Kept(profile, key, member)


NEWEST = "DELETE FROM operation WHERE rowid = (SELECT max(rowid) FROM operation)"
OLD = "DELETE FROM operation WHERE json_extract(fields, '$.email') IS NOT NULL"


@pytest.mark.parametrize("done, named, words", [
    pytest.param([NEWEST], {"lost": 1, "actions": 1}, "1 row holds what was written here", id="the newest operation"),
    pytest.param([OLD], {"lost": 1, "actions": 1}, "1 row holds what was written here", id="an old operation"),
    pytest.param(["DELETE FROM operation WHERE row_id = (SELECT id FROM fact)"], {"lost": 1}, "1 row holds what", id="the operation of a fact"),
    pytest.param(["DELETE FROM action"], {"actions": 12}, "12 things that were done here are not whole in Activity", id="all actions"),
    pytest.param(["DELETE FROM action WHERE rowid = (SELECT max(rowid) FROM action)"], {"actions": 1}, "1 thing that was done", id="the newest action"),
    pytest.param(["DELETE FROM fact"], {"operations": 1}, "1 change fits no row", id="a fact"),
    pytest.param(["DELETE FROM person WHERE first_name = 'Bo'"], {"operations": 1}, "1 change fits no row", id="a member"),
    pytest.param(["UPDATE person SET city = 'Rome' WHERE first_name = 'Ada'"], {"views": 1}, "does not show the last change", id="a value that was set"),
    pytest.param(["UPDATE person SET notes = 'x' WHERE first_name = 'Ada'"], {"changed": 1}, "1 row holds something that nobody", id="one that never was"),
    pytest.param(["UPDATE person SET gone = 1 WHERE first_name = 'Ada'"], {"changed": 1}, "holds something that nobody wrote", id="removed"),
    pytest.param(["UPDATE fact SET kind = 'out'"], {"changed": 1}, "1 row holds something that nobody wrote", id="a fact's value"),
    pytest.param(["DELETE FROM search_person WHERE names LIKE 'ada%'"], {"search": 2}, "The search would miss", id="somebody in the search"),
    pytest.param(["DELETE FROM search_words WHERE rowid = 1"], {"search": 1}, "The search would miss 1 person", id="the words of somebody"),
    pytest.param(["DROP INDEX operation_row"], {"absent": ["operation_row"]}, "missing (operation_row)", id="an index"),
    pytest.param(["DELETE FROM capture"], {"absent": ["capture"]}, "missing (capture)", id="the row of the capture"),
    pytest.param(["DELETE FROM scope"], {"absent": ["scope"]}, "missing (scope)", id="the row of the chapter's scope"),
])
def test_what_was_taken_out_or_written_by_hand_is_said(kept: Kept, done: Sequence[str], named: dict[str, Any], words: str,
                                                       capsys: pytest.CaptureFixture[str]) -> None:
    kept.by_hand(*done)
    code, said, told = kept.checked(capsys)
    assert code == 1 and not said["ok"] and words in told
    assert {name: said[name] for name in named} == named


@pytest.mark.parametrize(("done", "joined", "by_itself"), [
    pytest.param("DELETE FROM person WHERE first_name = 'Bo'", "tell whoever runs the server.", "1 change fits no row. Restore a backup if anything is",
                 id="a member"),
    pytest.param("UPDATE person SET city = 'Rome' WHERE first_name = 'Ada'", "Sync, and check again.", "was made to it here. Restore a backup, or leave it so.",
                 id="a value"),
])
def test_a_desk_without_a_server_is_not_sent_to_one(kept: Kept, done: str, joined: str, by_itself: str) -> None:
    kept.by_hand(done)
    with open_desk(kept.profile) as desk:
        words = found_words(verify(desk))
        assert by_itself in words and joined not in words
        with desk.applying() as applying:
            mine = state.Membership("https://example.org", None, "s" * 32, "d" * 16, b"k" * 32, str(desk.scope), "Boston", "leader")
            state.keep(applying.connection, mine)
        words = found_words(verify(desk))
        assert joined in words and by_itself not in words


def test_a_trigger_that_was_taken_away_is_made_anew_and_said(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    kept.by_hand("DROP TRIGGER capture_person_update", triggers=True)
    command = ["--profile", str(kept.profile.path), "verify", "--json"]
    assert main(command) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["remade"], said["absent"]) == (True, ["capture_person_update"], [])
    kept.by_hand("DROP TRIGGER capture_person_update", triggers=True)
    assert main(command[:-1]) == 0
    assert "1 guard of the database (capture_person_update) was missing and was made anew" in capsys.readouterr().out
    assert kept.checked(capsys)[1]["remade"] == []


@pytest.mark.parametrize("done", ["DROP TRIGGER capture_person_update", "DROP TRIGGER search_person_delete"])
def test_a_trigger_that_is_taken_away_while_the_chapter_is_open_is_said(kept: Kept, done: str) -> None:
    name = done.split()[-1]
    with open_desk(kept.profile) as desk:
        kept.by_hand(done, triggers=True)
        found = verify(desk)
        assert not found.ok and found.absent == (name,) and f"missing ({name})" in found_words(found)
        kept.by_hand(f"CREATE TRIGGER {name} AFTER DELETE ON person BEGIN SELECT 1; END", triggers=True)
        assert verify(desk).absent == (name,), "one of that name that does something else"


def test_an_operation_in_the_copy_of_what_waits_is_missed_also_where_there_was_a_server(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    kept.by_hand("INSERT INTO sync_state (key, value) VALUES ('replica:0123456789abcdef', '[null, null]')")
    assert kept.checked(capsys)[0] == 0
    kept.by_hand(NEWEST)
    code, said, _told = kept.checked(capsys)
    assert code == 1 and said["lost"] == 1


def accepted(kept: Kept) -> None:
    """As after a sync: the server has all of it, and the copy of what waits nothing."""
    kept.by_hand("INSERT INTO accepted (operation, sequence) SELECT operation, operation FROM waiting", "DELETE FROM waiting",
                 "UPDATE scope SET cursor = 1000000")
    with open_desk(kept.profile) as desk:
        desk.outbox.make_anew(desk)


@pytest.mark.parametrize("done, named", [
    pytest.param("DELETE FROM fact", {"operations": 1}, id="a fact"),
    pytest.param("UPDATE person SET city = 'Rome' WHERE first_name = 'Ada'", {"changed": 1}, id="a value"),
    pytest.param("UPDATE fact SET kind = 'out'", {"changed": 1}, id="a fact's value"),
    pytest.param("DELETE FROM action", {"actions": 11}, id="all actions"),
])
def test_so_it_is_with_what_the_server_has(kept: Kept, done: str, named: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    accepted(kept)
    assert kept.checked(capsys)[0] == 0
    kept.by_hand(done)
    code, said, _told = kept.checked(capsys)
    assert code == 1 and {name: said[name] for name in named} == named


@pytest.mark.parametrize("done", ["DELETE FROM waiting WHERE operation = (SELECT max(operation) FROM waiting)",
                                  "INSERT INTO accepted (operation, sequence) VALUES (1000000, 1)", f"{NEWEST}"])
def test_an_operation_of_which_nothing_says_what_became_and_what_became_of_none(kept: Kept, done: str, capsys: pytest.CaptureFixture[str]) -> None:
    with open_desk(kept.profile) as desk:  # else the copy of what waits tells of the last one
        desk.outbox.make_anew(desk)
    kept.by_hand(done)
    code, said, _told = kept.checked(capsys)
    assert code == 1 and said["operations"] == 1


@pytest.mark.parametrize("done", [
    pytest.param(lambda: "DELETE FROM past", id="how it was before"),
    pytest.param(lambda: "DELETE FROM shadow", id="the base under what waits"),
    pytest.param(lambda: f"{NEWEST} AND rowid IN (SELECT operation FROM accepted)", id="an operation that the server has"),
])
def test_what_nothing_else_tells_of_cannot_be_known(kept: Kept, done: Callable[[], str], capsys: pytest.CaptureFixture[str]) -> None:
    """Said at ``verify``: once it can be known, this falls, and so does the sentence."""
    accepted(kept)
    kept.by_hand("INSERT INTO past (table_name, row_id, field, value, clock) VALUES ('person', 'x', 'city', '\"Rome\"', 'c')",
                 "INSERT INTO shadow (table_name, row_id, base) SELECT 'person', row_id, '{}' FROM operation WHERE table_name = 'person' LIMIT 1",
                 "INSERT INTO waiting (operation, queue) SELECT rowid, queue FROM operation WHERE table_name = 'person' ORDER BY rowid LIMIT 1",
                 "DELETE FROM accepted WHERE operation IN (SELECT operation FROM waiting)")
    kept.by_hand(done(), triggers=True)  # as it stands open to other programs
    assert kept.checked(capsys)[0] == 0


def test_every_table_has_fewer_fields_than_there_are_bits() -> None:
    assert all(len(table.columns) <= 63 for table in synced_of(desk_schema()))


@pytest.mark.parametrize("table", ["household", "person", "setting", "sync_state", "registration", "past"])
def test_a_table_that_another_program_took_out_is_called_that(profile: Profile, capsys: pytest.CaptureFixture[str], table: str) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        add_member(desk, first_name="Ana", last_name="Lima")
        key = desk.key
    raw = connect(profile.database, key)
    raw.execute(f'DROP TABLE "{table}"')
    raw.close()
    assert main(["--profile", str(profile.path), "verify"]) == 1
    said = "".join(capsys.readouterr())
    assert "missing" in said
    assert "Restore a backup" in said and "Something went wrong" not in said
