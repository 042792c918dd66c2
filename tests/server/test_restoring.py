"""Backup and restore: everything comes back, in either kind of database; what must not come back stays away; a new timeline begins."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey
from tests.sync.hosts import soon

from alumni_desk.errors import KnownError, StoreProblem
from alumni_desk.protocol.messages import (
    ChallengeReply,
    ChallengeRequest,
    Cursor,
    EnrolReply,
    EnrolRequest,
    HelloReply,
    HelloRequest,
    PullReply,
    PullRequest,
    SessionRequest,
)
from alumni_desk.protocol.proofs import enrol_proof, session_proof
from alumni_desk.server import audit, backups, journal, tidying
from alumni_desk.server.app import make_app
from alumni_desk.server.backups import back_up, restore, try_to_open
from alumni_desk.server.database import Database, postgresql_database, sqlcipher_database
from alumni_desk.server.state import open_server
from alumni_desk.server.tables import all_tables

WORDS = "three words to remember"


@pytest.fixture
def kept(office: Any, tmp_path: Path) -> Any:
    """A server that keeps a journal."""
    office.server = open_server(office.server.database, tmp_path / journal.FILE)
    office.client.app = make_app(office.server, office.time)
    return office


def everything(database: Database) -> dict[str, list[Any]]:
    """Every row of every table, sorted."""
    with database.reading() as connection:
        return {table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr) for table in all_tables().sorted_tables}


@pytest.mark.parametrize("into", ["sqlcipher", "postgresql"])
def test_a_backup_comes_back_whole_in_either_database(office: Any, into: str, tmp_path: Path, new_database: Callable[[], str]) -> None:
    laptop = office.laptop()
    laptop.push(*(laptop.operation(last_name=f"Ó {n}", class_year=n, deceased=n % 2 == 0) for n in range(1, 600)))
    file = tmp_path / "server.backup"
    held = back_up(office.server.database, file, WORDS)
    assert (held.chapters, held.people, held.server) == (1, 599, office.server.id)
    assert office.call("hello", HelloRequest(), HelloReply, laptop.token).backed_up == {laptop.scope: held.changes}
    assert b"\xc3\x93 1" not in file.read_bytes() and [path.name for path in tmp_path.glob("server.backup*")] == ["server.backup"]
    before = everything(office.server.database)
    laptop.push(laptop.operation(last_name="After the backup"))
    assert office.call("hello", HelloRequest(), HelloReply, laptop.token).backed_up == {laptop.scope: held.changes}

    database = sqlcipher_database(tmp_path / "other.db", secrets.token_bytes(32)) if into == "sqlcipher" else postgresql_database(new_database())
    restore(database, file, WORDS, None, now=office.time() + 1000)
    after = everything(database)
    same = set(before) - {"feed_head", "feed_chain", "audit", "invitation_failure", "feed"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["feed"] == before["feed"] and len(after["person"]) == 599
    with database.reading() as connection:
        assert audit.check(connection, all_tables()).broken == []
    database.close()


def test_two_backups_at_once_of_one_name(office: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop, file, looked = office.laptop(), tmp_path / "server.backup", backups._look
    laptop.push(laptop.operation(last_name="Nair"))

    def another_begins(*words: Any) -> Any:
        monkeypatch.setattr(backups, "_look", looked)
        with pytest.raises(KnownError, match=r"server\.backup is just being written by another program"):
            back_up(office.server.database, file, "another password of three words")
        return looked(*words)

    monkeypatch.setattr(backups, "_look", another_begins)
    back_up(office.server.database, file, WORDS)
    assert [path.name for path in tmp_path.glob("server.backup*")] == ["server.backup"]
    database = sqlcipher_database(tmp_path / "other.db", secrets.token_bytes(32))
    assert restore(database, file, WORDS, None, now=office.time()).people == 1
    database.close()


def test_what_cannot_be_tidied_now_is_tidied_later(kept: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(tidying, "LOOK_SECONDS", 0.05)
    folder = kept.server.journal.parent / "snapshots"
    folder.write_bytes(b"")  # stands for a disk that takes nothing: what is made there for first syncs cannot be looked through
    with tidying.tidying(kept.server):
        soon(lambda: "tidying the feeds" in caplog.text)
        folder.unlink()
        soon(folder.is_dir)


def test_a_restored_server_knows_no_cursor_of_the_lost_time(kept: Any, tmp_path: Path) -> None:
    laptop = kept.laptop()
    laptop.push(laptop.operation(last_name="A"))
    early = kept.call("hello", HelloRequest(), HelloReply, laptop.token).heads[laptop.scope]
    back_up(kept.server.database, tmp_path / "b", WORDS)
    laptop.push(laptop.operation(last_name="Lost"))
    late = kept.call("hello", HelloRequest(), HelloReply, laptop.token).heads[laptop.scope]
    restore(kept.server.database, tmp_path / "b", WORDS, kept.server.journal, now=kept.time())
    head = kept.call("hello", HelloRequest(), HelloReply, laptop.token).heads[laptop.scope]
    assert head.timeline not in ("", early.timeline) and early.timeline == late.timeline
    for n in range(4):
        laptop.push(laptop.operation(last_name=f"New {n}"))
        page = kept.call("pull", PullRequest({laptop.scope: Cursor(late.sequence, late.chain)}), PullReply, laptop.token).pages[laptop.scope]
        assert page.reset
    assert not kept.call("pull", PullRequest({laptop.scope: Cursor(early.sequence, early.chain)}), PullReply, laptop.token).pages[laptop.scope].reset


def test_removals_and_used_invitations_outlive_a_restore_and_open_ones_end(kept: Any, tmp_path: Path) -> None:
    laptop, removed = kept.laptop(), kept.laptop()
    used, open_one = kept.invite(), kept.invite()
    back_up(kept.server.database, tmp_path / "b", WORDS)
    key = SigningKey.generate()
    asked = EnrolRequest(code=used, public_key=bytes(key.verify_key), name="late", proof=enrol_proof(key, used))
    late = kept.call("enrol", asked, EnrolReply)
    kept.ask(f"devices/{removed.device}/revoke", HelloRequest(), laptop.token)
    assert kept.ask("pull", PullRequest({}), removed.token).code == "revoked"
    restore(kept.server.database, tmp_path / "b", WORDS, kept.server.journal, now=kept.time())
    assert kept.ask("pull", PullRequest({}), removed.token).code == "revoked"
    assert kept.call("enrol", asked, EnrolReply).device == late.device  # the same laptop goes on
    thief = SigningKey.generate()
    for code, said in ((used, "invitation_used"), (open_one, "invitation_expired")):
        assert kept.ask("enrol", EnrolRequest(code=code, public_key=bytes(thief.verify_key), name="x", proof=enrol_proof(thief, code))).code == said
    assert kept.ask("hello", HelloRequest(), laptop.token).status == 200
    text = kept.server.journal.read_text()
    assert "late" not in text and used not in text


def test_whoever_joined_at_the_second_try_is_after_a_restore_who_they_were(kept: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                           caplog: pytest.LogCaptureFixture) -> None:
    """The journal has the first try, too, though the database lost its connection before it had committed that."""
    kept.laptop()
    code, key, writing = kept.invite(), SigningKey.generate(), kept.server.database.writing
    back_up(kept.server.database, tmp_path / "b", WORDS)

    @contextmanager
    def cut() -> Iterator[sa.Connection]:
        with writing() as connection:
            yield connection
            raise sa.exc.OperationalError(None, None, Exception("the connection is lost"))

    asked = EnrolRequest(code=code, public_key=bytes(key.verify_key), name="late", proof=enrol_proof(key, code))
    with monkeypatch.context() as patched:
        patched.setattr(kept.server.database, "writing", cut)
        assert kept.ask("enrol", asked).code == "database"
    caplog.clear()
    device = kept.call("enrol", asked, EnrolReply).device
    restore(kept.server.database, tmp_path / "b", WORDS, kept.server.journal, now=kept.time())
    challenge = kept.call("challenge", ChallengeRequest(device), ChallengeReply).challenge
    proof = session_proof(key, server=kept.server.id, device=device, challenge=challenge)
    assert kept.ask("session", SessionRequest(device, challenge, proof)).status == 200
    assert kept.call("enrol", asked, EnrolReply).device == device


def test_a_database_put_back_by_other_means_is_made_true_when_it_opens(kept: Any, tmp_path: Path) -> None:
    laptop = kept.laptop()
    kept.ask(f"devices/{laptop.device}/revoke", HelloRequest(), kept.laptop().token)
    row = laptop.device
    with kept.server.database.writing() as connection:
        device = kept.server.tables.tables["device"]
        connection.execute(sa.update(device).where(device.c.id == row).values(revoked_at=None))
    assert kept.ask("hello", HelloRequest(), laptop.token).status == 200
    open_server(kept.server.database, kept.server.journal)
    assert kept.ask("pull", PullRequest({}), laptop.token).code == "revoked"


def test_an_erased_row_is_erased_again(kept: Any, tmp_path: Path) -> None:
    laptop = kept.laptop()
    operation = laptop.operation(last_name="Forgotten")
    laptop.push(operation)
    back_up(kept.server.database, tmp_path / "b", WORDS)
    journal.write(kept.server.journal, kept.server.id, "erase", at=1, scope=laptop.scope, table="person", row=operation.row)
    restore(kept.server.database, tmp_path / "b", WORDS, kept.server.journal, now=kept.time())
    row = laptop.rows()["person", operation.row]
    assert (row["last_name"], row["gone"]) == (None, True)
    assert laptop.push(laptop.operation(row=operation.row, last_name="Again")).results[0].status == "erased"


def test_who_was_erased_by_a_server_that_ended_before_it_was_done_is_told_to_all(kept: Any) -> None:
    laptop = kept.laptop()
    operation = laptop.operation(last_name="Forgotten")
    head = laptop.push(operation)
    journal.write(kept.server.journal, kept.server.id, "erase", at=1, scope=laptop.scope, table="person", row=operation.row)
    open_server(kept.server.database, kept.server.journal)
    page = kept.call("pull", PullRequest({laptop.scope: Cursor(head.head, head.chain)}), PullReply, laptop.token).pages[laptop.scope]
    assert page.erased == {"person": [operation.row]} and page.cursor.sequence > head.head and not page.more
    open_server(kept.server.database, kept.server.journal)
    assert kept.call("pull", PullRequest({laptop.scope: page.cursor}), PullReply, laptop.token).pages[laptop.scope].cursor == page.cursor


def test_a_damaged_line_of_the_journal_and_one_of_another_server_are_passed_over(kept: Any, tmp_path: Path) -> None:
    laptop = kept.laptop()
    journal.write(kept.server.journal, "another", "revoke", at=1, device=laptop.device)
    with kept.server.journal.open("a") as stream:
        stream.write('{"server": "' + kept.server.id + '", "event": "rev')
    open_server(kept.server.database, kept.server.journal)
    assert kept.ask("hello", HelloRequest(), laptop.token).status == 200
    journal.write(kept.server.journal, kept.server.id, "revoke", at=1, device=laptop.device)
    open_server(kept.server.database, kept.server.journal)
    assert kept.ask("pull", PullRequest({}), laptop.token).code == "revoked"


def test_a_line_of_damaged_bytes_keeps_nobody_from_the_others(kept: Any) -> None:
    laptop = kept.laptop()
    with kept.server.journal.open("ab") as stream:
        stream.write(b'{"server": "\xff\xfe\x80"}\n')
    journal.write(kept.server.journal, kept.server.id, "revoke", at=1, device=laptop.device)
    open_server(kept.server.database, kept.server.journal)
    assert kept.ask("pull", PullRequest({}), laptop.token).code == "revoked"


@pytest.mark.parametrize(("word", "damaged"), [("public_key", "public_kez"), ('"public_key":"', '"public_key":"\ufffd'), ('"event"', '"evens"')])
def test_a_line_that_is_damaged_within_keeps_no_restored_server_from_starting(kept: Any, tmp_path: Path, word: str, damaged: str) -> None:
    kept.laptop()
    back_up(kept.server.database, tmp_path / "b", WORDS)
    before = kept.server.journal.read_text(encoding="utf-8")
    kept.laptop()
    line = kept.server.journal.read_text(encoding="utf-8").removeprefix(before)
    assert word in line
    kept.server.journal.write_text(before + line.replace(word, damaged), encoding="utf-8")
    laptop = kept.laptop()
    restore(kept.server.database, tmp_path / "b", WORDS, kept.server.journal, now=kept.time())
    open_server(kept.server.database, kept.server.journal)
    with kept.server.database.reading() as connection:
        assert laptop.device in set(connection.execute(sa.select(all_tables().tables["device"].c.id)).scalars())


@pytest.mark.skipif(sys.platform == "win32", reason="a limit stands for a disk that fills up in the middle of a line")
def test_a_line_of_which_the_journal_took_a_part_was_not_written(tmp_path: Path) -> None:
    import resource

    file = tmp_path / journal.FILE
    journal.write(file, "ours", "revoke", at=1, device="a")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 20, before[1]))
    try:
        with pytest.raises(OSError):
            journal.write(file, "ours", "revoke", at=2, device="b")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    journal.write(file, "ours", "revoke", at=3, device="c")
    assert [line["device"] for line in journal.lines(file, "ours")] == ["a", "c"]


def test_what_is_no_backup_changes_nothing(kept: Any, tmp_path: Path) -> None:
    kept.laptop()
    back_up(kept.server.database, tmp_path / "b", WORDS)
    whole = (tmp_path / "b").read_bytes()
    before = everything(kept.server.database)
    wrong = {"backup_unknown": b"", "backup_damaged": whole[:-10] + bytes(10), "backup_unreadable": None, "passphrase_wrong": whole}
    for code, content in wrong.items():
        file = tmp_path / f"wrong-{code}"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(KnownError) as raised:
            restore(kept.server.database, file, "another" if code == "passphrase_wrong" else WORDS, None, now=1)
        assert raised.value.code == code
    assert "password of this backup" in str(raised.value)
    with pytest.raises(StoreProblem, match="password of this backup"):
        try_to_open(tmp_path / "wrong-passphrase_wrong", "another")
    cut = tmp_path / "cut"
    for length in (len(whole) // 2, 40, 60):
        cut.write_bytes(whole[:length])
        with pytest.raises(KnownError) as raised:
            restore(kept.server.database, cut, WORDS, None, now=1)
        assert raised.value.code == "backup_damaged"
    assert everything(kept.server.database) == before
    assert not list(tmp_path.glob("*.restoring*"))
