"""The server's commands as an IT person types them: what they print, with which keys, and how they end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey
from tests.conftest import PASSPHRASE

from alumni_desk.cli.main import run
from alumni_desk.protocol.messages import EnrolRequest, HelloRequest
from alumni_desk.protocol.proofs import enrol_proof
from alumni_desk.server.database import REVISION, Database, _postgresql, migrate, postgresql_database, revision
from alumni_desk.server.devices import keep_news, news_in
from alumni_desk.server.invitations import enrol
from alumni_desk.server.opening import held, open_in_profile
from alumni_desk.server.state import now_ms, open_server

Do = Callable[..., Any]
PARTS = ["init", "invite", "accounts", "devices", "revoke", "move-member", "audit", "quarantine", "stats", "migrate", "backup", "restore"]


@pytest.fixture(params=["sqlcipher", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Each kind of database."""
    return None if request.param == "sqlcipher" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def do(tmp_path: Path, url: str | None, capsys: pytest.CaptureFixture[str]) -> Do:
    """Runs a command of the server; gives its JSON, or its one sentence if it ends with ``code``."""

    def doing(*words: str | Path, code: int = 0, text: bool = False) -> Any:
        capsys.readouterr()
        database = ["--database", url] if url else []
        ended = run(["--profile", str(tmp_path / "office"), "server", *map(str, words), *database, *([] if text else ["--json"])])
        said = capsys.readouterr()
        assert ended == code, said.err or said.out
        if code and not said.out:
            assert len(said.err.strip().splitlines()) == 1
            return said.err.strip()
        return said.out if text else json.loads(said.out)

    return doing


def test_where_there_is_no_server_none_is_made_by_looking(do: Do, tmp_path: Path) -> None:
    for words in (("accounts",), ("devices",), ("stats",), ("audit",), ("quarantine",), ("invite", "--chapter", "Boston", "--role", "leader"),
                  ("revoke", "x"), ("backup", str(tmp_path / "out.backup")), ("migrate",), ("restore",)):
        assert "server init" in do(*words, code=1), words
    assert not (tmp_path / "office" / "server.db").exists()


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf"])
def test_a_rate_that_is_none(tmp_path: Path, rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--profile", str(tmp_path / "office"), "serve", "--rate", rate, "--host", "203.0.113.1", "--port", "0"]) == 1
    assert capsys.readouterr().err.startswith("--rate is a number")


def test_an_invitation_that_is_refused_makes_no_chapter(do: Do) -> None:
    do("init")
    do("invite", "--chapter", "Typo", "--role", "door", code=1)
    assert do("stats")["chapters"] == []


def test_a_chapter_by_its_former_or_a_mistyped_name_is_not_made_unasked(do: Do) -> None:
    do("init")
    assert do("invite", "--chapter", "Salem South", "--role", "leader")["chapter_made"] is True
    assert do("invite", "--chapter", "salem  south", "--role", "leader")["chapter_made"] is False
    for wrong in ("Salem", "Salem Sout", "Salem Suoth"):
        refused = do("invite", "--chapter", wrong, "--role", "leader", code=1)
        assert "“Salem South”" in refused and "--new" in refused
    assert len(do("stats")["chapters"]) == 1
    assert do("invite", "--chapter", "Boston", "--role", "leader")["chapter_made"] is True
    for wrong in ("Bostom", "Bosto", "Bosston", "Botson", "boston."):
        assert "“Boston”" in do("invite", "--chapter", wrong, "--role", "leader", code=1), wrong
    assert "nobody is in it yet" in do("invite", "--chapter", "Salem", "--role", "leader", "--new", text=True)
    assert len(do("stats")["chapters"]) == 3


def test_a_chapter_that_is_not_there_has_no_gathering_to_be_invited_to(do: Do) -> None:
    do("init")
    door = ("invite", "--role", "door", "--gathering", "0b7c2f4e-5d0a-4f3e-9d53-6a1f0a4c1b11", "--chapter")
    assert do(*door, "Boston", code=1) == "This server has no chapter called “Boston”, and no other one yet. Nobody was invited."
    for name in ("Zürich", "Boston", "Łódź"):
        do("invite", "--chapter", name, "--role", "leader")
    for wrong in (["Salem"], ["Bosto"], ["Salem", "--new"]):  # to make one would not help: its list of gatherings would be empty
        assert do(*door, *wrong, code=1) == f"This server has no chapter called “{wrong[0]}”. There are: Boston, Zürich, Łódź. Nobody was invited."
    assert "no gathering with the id" in do(*door, "Boston", code=1)
    for n in range(20):
        do("invite", "--chapter", f"Chapter {n:02} of many", "--role", "leader", "--new")
    assert "Chapter 08 of many and 13 more: server stats lists them." in do(*door, "Salem", code=1)
    assert len(do("stats")["chapters"]) == 23


def joined(folder: Path, url: str | None, code: str, name: str, who: str = "Priya Nair") -> str:
    """A laptop that joined with this code and said hello; gives its id."""
    from alumni_desk.server.journal import FILE

    database = open_in_profile(folder, url)
    server = open_server(database, folder / FILE)
    key = SigningKey.generate()
    device = enrol(server, EnrolRequest(code, bytes(key.verify_key), name, enrol_proof(key, code)), now_ms()).device
    there, account = server.tables.tables["device"], server.tables.tables["account"]
    with database.reading() as connection:
        columns = (there.c.version, there.c.name.label("device_name"), there.c.waiting, there.c.last_seen, account.c.name.label("who"))
        known = connection.execute(sa.select(*columns).join_from(there, account, account.c.id == there.c.account).where(there.c.id == device)).one()
    _all, news = news_in(known, HelloRequest(version="1.2.3", waiting=4, who=who), now_ms())
    assert news is not None
    keep_news(server, device, news)
    database.close()
    return device


def test_an_admins_invitation_says_that_it_is_for_every_chapter(do: Do) -> None:
    do("init")
    assert "every chapter" not in do("invite", "--chapter", "Boston", "--role", "leader", text=True)
    assert "for every chapter of this server; the laptop begins in Boston." in do("invite", "--chapter", "Boston", "--role", "admin", text=True)


def test_who_has_said_no_name_is_told_by_the_laptop(do: Do, tmp_path: Path, url: str | None) -> None:
    do("init")
    joined(tmp_path / "office", url, do("invite", "--chapter", "Boston", "--role", "leader")["code"], "Mo’s laptop", who="")
    [account] = do("accounts")
    assert account["who"] is None and account["id"] not in (told := do("accounts", text=True)) and told.startswith("no name yet, on Mo’s laptop")
    joined(tmp_path / "office", url, do("invite", "--chapter", "Boston", "--role", "leader")["code"], "", who="")
    assert f"no name yet ({do('accounts')[0]['id']})" in do("accounts", text=True)
    assert do("revoke", "Mo’s laptop", text=True).strip() == "Mo’s laptop is removed."
    nameless = next(row["id"] for row in do("devices") if not row["name"])
    assert do("revoke", nameless)["who"] is None and do("revoke", nameless, text=True).startswith(f"{nameless} was removed before.")


def test_from_nothing_to_looking_after_it(do: Do, tmp_path: Path, url: str | None) -> None:
    made = do("init")
    assert made.keys() == {"server", "database"} and made["database"] == ("postgresql" if url else "sqlcipher")
    assert [do(part) for part in ("accounts", "devices", "quarantine", "audit")] == [[], [], [], []]
    assert "No laptop" in do("devices", text=True) and "Nothing" in do("quarantine", text=True)
    code = do("invite", "--chapter", "Łódź", "--role", "leader")["code"]
    device = joined(tmp_path / "office", url, code, "Door laptop")
    [row] = do("devices")
    assert {key: row[key] for key in row if key != "last_seen"} == {
        "id": device, "name": "Door laptop", "who": "Priya Nair", "chapter": "Łódź", "role": "leader", "version": "1.2.3", "waiting": 4, "revoked": False,
        "replaced": False, "left": False}
    assert row["last_seen"].endswith("Z")
    [account] = do("accounts")
    assert (account["who"], account["chapter"], account["role"], account["laptops"]) == ("Priya Nair", "Łódź", "leader", 1)
    assert account.keys() == {"id", "who", "chapter", "role", "gathering", "until", "created", "laptops"}
    assert "Door laptop" in do("devices", text=True) and "Priya Nair" in do("accounts", text=True)
    assert "no name yet" not in do("accounts", text=True)
    stats = do("stats")
    assert stats["revision"] == REVISION and stats["laptops"] == 1 and stats["open_invitations"] == 0
    assert stats["chapters"][0]["name"] == "Łódź" and stats["chapters"][0]["backed_up"] == 0

    assert "No laptop is called" in do("revoke", "nobody", code=1) and "No laptop is called" in do("revoke", device[:7], code=1)
    removed = do("revoke", device[:13].upper())
    assert removed.keys() == {"id", "name", "who", "revoked", "invitations"} and (removed["name"], removed["who"]) == ("Door laptop", "Priya Nair")
    assert do("revoke", "Door laptop")["id"] == device
    assert do("revoke", device, text=True).strip() == "Door laptop of Priya Nair was removed before."
    assert do("devices")[0]["revoked"] and do("stats")["removed"] == 1
    assert [entry["event"] for entry in do("audit")] == ["revoke", "enrol", "invite"]
    assert do("audit", "--limit", 1)[0].keys() == {"chapter", "number", "at", "device", "event", "details"}
    told = do("audit", text=True).splitlines()
    assert told[0].endswith(f"device {device}") and told[2].endswith("role leader")
    checked = do("audit", "--check")
    assert (checked["ok"], checked["entries"], checked["broken"]) == (True, 3, []) and len(checked["last"]) == 1

    database = open_in_profile(tmp_path / "office", url)
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE audit SET event = 'nothing' WHERE number = 2")
    database.close()
    broken = do("audit", "--check", code=1)
    assert not broken["ok"] and [one["number"] for one in broken["broken"]] == [2]
    assert "from entry 2 on" in do("audit", "--check", text=True, code=1)


def test_a_laptop_that_left_is_no_leader_any_more(do: Do, tmp_path: Path, url: str | None) -> None:
    do("init")
    joined(tmp_path / "office", url, do("invite", "--chapter", "Boston", "--role", "leader")["code"], "Dell")
    database = open_in_profile(tmp_path / "office", url)
    with database.writing() as connection:
        connection.exec_driver_sql('UPDATE "grant" SET ended_at = 1')  # as leaving and handing over do
    database.close()
    assert do("devices")[0]["left"] and "left" in do("devices", text=True).split()
    assert "Dell of Priya Nair is removed. It had left before, or handed over; what it still has to send" in do("revoke", "Dell", text=True)
    assert "had left" not in do("revoke", "Dell", text=True)


def test_two_laptops_of_one_name_are_told_apart_by_id(do: Do, tmp_path: Path, url: str | None) -> None:
    do("init")
    ids = [joined(tmp_path / "office", url, do("invite", "--chapter", "Boston", "--role", "leader")["code"], "Dell") for _ in range(2)]
    assert "2 laptops are called" in do("revoke", "Dell", code=1)
    assert do("revoke", ids[0])["id"] == ids[0]


def test_backup_and_restore(do: Do, tmp_path: Path, url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    do("init")
    do("invite", "--chapter", "Boston", "--role", "leader")
    file = tmp_path / "b"
    made = do("backup", file)
    assert made.keys() == {"file", "server", "chapters", "people", "changes", "made_at"} and made["chapters"] == 1
    do("invite", "--chapter", "Zürich", "--role", "leader")
    assert do("stats")["open_invitations"] == 2
    assert "--replace" in do("restore", file, code=1) and len(do("stats")["chapters"]) == 2
    restored = do("restore", file, "--replace")
    assert restored.keys() == {"server", "chapters", "people", "changes", "made_at", "replaced"}
    # A chapter that was made since is there again, empty: its laptops bring the rest.
    assert sorted(one["name"] for one in do("stats")["chapters"]) == ["Boston", "Zürich"] and do("stats")["open_invitations"] == 0
    assert do("audit", "--check")["ok"]
    do("restore", restored["replaced"], "--replace")  # a step back
    assert len(do("stats")["chapters"]) == 2
    assert do("restore")["replaced"] is None
    before = sorted((tmp_path / "office").glob("server-replaced-*"))
    assert "not a backup" in do("restore", __file__, "--replace", code=1)
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "a mistyped password")
    assert "not the password" in do("restore", file, "--replace", code=1)
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", PASSPHRASE)
    assert sorted((tmp_path / "office").glob("server-replaced-*")) == before, "nothing was replaced, so nothing is kept"

    database = open_in_profile(tmp_path / "office", url)
    with held(database, tmp_path / "office", alone=False):
        assert "A server process uses this database" in do("restore", file, "--replace", code=1)
        do("backup", file)
    database.close()
    do("restore", file, "--replace")


def test_what_is_no_backup_leaves_no_empty_server_in_a_new_folder(do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wrong").write_bytes(b"no backup")
    assert "not a backup" in do("restore", tmp_path / "wrong", code=1)
    assert not list((tmp_path / "office").glob("server*"))
    do("init")
    file = tmp_path / "b"
    do("backup", file)
    for left in (tmp_path / "office").glob("server*"):
        left.unlink()
    with monkeypatch.context() as mistyped:
        mistyped.setenv("ALUMNI_DESK_PASSPHRASE", "a mistyped password")
        assert "not the password" in do("restore", file, code=1)
    assert not list((tmp_path / "office").glob("server*"))


def test_every_part_has_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for part in PARTS:
        with pytest.raises(SystemExit) as ended:
            run(["server", part, "--help"])
        said = capsys.readouterr().out
        assert ended.value.code == 0 and "JSON:" in said and "--database" in said and "--json" in said


def test_the_databases_address_may_come_from_the_environment(postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUMNI_DESK_DATABASE", postgres_url)
    assert run(["--profile", str(tmp_path / "office"), "server", "init", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["database"] == "postgresql"
    assert not (tmp_path / "office" / "server.db").exists()


@pytest.mark.parametrize("password", ["p@ss:w/rd", "p@ss", "ss:9/rd@", "one@two/three"])
def test_a_password_that_is_not_encoded_is_told_so_and_not_said(password: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"postgresql+psycopg://alumni_desk:{password}@127.0.0.1:1/alumni_desk"
    for words in (("server", "stats"), ("server", "migrate"), ("serve", "--port", "0")):
        assert run(["--profile", str(tmp_path / "office"), *words, "--database", address]) == 1
        said = capsys.readouterr().err.strip()
        assert "percent-encoded" in said and len(said.splitlines()) == 1
        assert not any(part in said for part in ("p@ss", "w/rd", "9/rd", "two", "three"))


@pytest.mark.parametrize(("password", "hinted"), [("p%41ss", True), ("p%40ss", True), ("pass", False), ("p%25ss", True), ("", False)])
def test_a_percent_sign_that_may_be_the_passwords_own_is_told_of_where_nothing_answers(
        password: str, hinted: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"postgresql+psycopg://alumni_desk{':' + password if password else ''}@127.0.0.1:1/alumni%41desk"
    for words in (("server", "stats"), ("server", "migrate"), ("serve", "--port", "0")):
        assert run(["--profile", str(tmp_path / "office"), *words, "--database", address]) == 1
        said = capsys.readouterr().err.strip()
        assert ("write %25" in said) == hinted and len(said.splitlines()) == 1 and "does not answer" in said
        assert not any(part in said for part in ("p%41", "pAss", "p@ss", "p%25"))


@pytest.mark.parametrize("where", ["", "none/journal.jsonl"])
def test_a_server_whose_journal_cannot_be_written_does_not_serve(where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would answer, and nobody could join, nor be removed."""
    assert run(["--profile", str(tmp_path / "office"), "serve", "--port", "99", "--host", "203.0.113.7", "--journal", str(tmp_path / where)]) == 1
    said = capsys.readouterr().err.strip()
    assert str(tmp_path / where) in said and "ReadWritePaths" in said and len(said.splitlines()) == 1


def by_sql(url: str, *statements: str) -> None:
    """Do what an IT person did to a PostgreSQL database before."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for one in statements:
            connection.exec_driver_sql(one)
    engine.dispose()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_name_is_refused(encoding: str, postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would be found out by the first laptop with such a name, which nothing could be sent from any more."""
    url = sa.make_url(postgres_url)
    name = f"{url.database}_{encoding.lower()}"
    by_sql(postgres_url, f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    address = url.set(database=name).render_as_string(hide_password=False)
    for words in (("server", "init"), ("server", "stats"), ("server", "migrate"), ("serve", "--port", "0")):
        assert run(["--profile", str(tmp_path / "office"), *words, "--database", address]) == 1
        said = capsys.readouterr().err.strip()
        assert "--encoding UTF8" in said and encoding in said and len(said.splitlines()) == 1


def test_a_user_who_may_make_no_tables_is_told_so(postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As of a database that was made without --owner."""
    url = sa.make_url(postgres_url)
    user = f"u{url.database}"
    by_sql(postgres_url, f"CREATE ROLE {user} LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    address = url.set(username=user).render_as_string(hide_password=False)
    for words in (("server", "init"), ("serve", "--port", "0")):
        assert run(["--profile", str(tmp_path / "office"), *words, "--database", address]) == 1
        said = capsys.readouterr().err.strip()
        assert "may make no tables" in said and len(said.splitlines()) == 1


def test_a_database_that_can_only_be_read_is_told_so(postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the address of a standby leads to."""
    by_sql(postgres_url, f"ALTER DATABASE {sa.make_url(postgres_url).database} SET default_transaction_read_only = on")
    for words in (("server", "init"), ("serve", "--port", "0")):
        assert run(["--profile", str(tmp_path / "office"), *words, "--database", postgres_url]) == 1
        said = capsys.readouterr().err.strip()
        assert "can only be read" in said and len(said.splitlines()) == 1


@pytest.mark.parametrize("option", ["ssl=true", "sslmod=require"])
def test_an_option_of_the_address_that_there_is_not_is_told_so(option: str, postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("server", "init"), ("server", "stats"), ("server", "migrate"), ("serve", "--port", "0")):
        assert run(["--profile", str(tmp_path / "office"), *words, "--database", f"{postgres_url}{'&' if '?' in postgres_url else '?'}{option}"]) == 1
        said = capsys.readouterr().err.strip()
        assert "sslmode=require" in said and len(said.splitlines()) == 1


def at_first_revision(database: Database) -> None:
    """Bring an empty database to the oldest revision alone."""
    from alembic import command
    from alembic.config import Config

    import alumni_desk.server.migrations as migrations

    config = Config()
    config.set_main_option("script_location", str(next(iter(migrations.__path__))))
    config.set_main_option("path_separator", "os")
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")


def test_an_older_postgresql_is_refused_until_it_is_migrated_and_keeps_its_audit(postgres_url: str, tmp_path: Path,
                                                                                capsys: pytest.CaptureFixture[str]) -> None:
    from alumni_desk.server import audit
    from alumni_desk.server.tables import all_tables

    database = Database(_postgresql(postgres_url))
    at_first_revision(database)
    digest = audit.entry_hash("", "s", 1, 5, None, "invite", None)
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO feed_head (scope, head, chain, timeline) VALUES ('s', 0, '', 't')")
        connection.exec_driver_sql("INSERT INTO audit (scope, number, made_at, event, hash) VALUES ('s', 1, 5, 'invite', %s)", (digest,))
    words = ["--profile", str(tmp_path / "office"), "--database", postgres_url]
    for command in (["server", "stats"], ["serve", "--port", "0"]):
        assert run([*words[:2], *command, *words[2:]]) == 1
        assert "server migrate" in capsys.readouterr().err
    assert revision(database) == "0001"
    assert run([*words[:2], "server", "migrate", *words[2:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"from": "0001", "to": REVISION}
    with database.writing() as connection:
        assert audit.check(connection, all_tables()).broken == []
        audit.note(connection, all_tables(), "s", "push", at=6)
        assert audit.check(connection, all_tables()).entries == 2
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert run([*words[:2], "server", "migrate", *words[2:]]) == 1
    assert "newer" in capsys.readouterr().err
    database.close()


def test_an_older_file_migrates_itself(tmp_path: Path) -> None:
    from alumni_desk.server.database import _sqlcipher, sqlcipher_database

    path = tmp_path / "server.db"
    path.touch()
    database = Database(_sqlcipher(path, bytes(32)))
    at_first_revision(database)
    database.close()
    opened = sqlcipher_database(path, bytes(32))
    assert revision(opened) == REVISION
    migrate(opened)
    opened.close()


def test_many_may_serve_postgresql_and_one_a_file(postgres_url: str, tmp_path: Path) -> None:
    from alumni_desk.errors import Refused

    database = postgresql_database(postgres_url)
    with held(database, tmp_path, alone=False), held(database, tmp_path, alone=False), pytest.raises(Refused), held(database, tmp_path, alone=True):
        pass
    with held(database, tmp_path, alone=True):
        pass
    database.close()
    file = open_in_profile(tmp_path, None)
    with held(file, tmp_path, alone=False), pytest.raises(Refused), held(file, tmp_path, alone=False):
        pass
    assert sa.inspect(file.engine).has_table("audit")
    file.close()


@pytest.mark.parametrize("url", [None])
def test_a_new_password_locks_the_servers_database_too(do: Do, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import io

    def choose(password: str) -> dict[str, Any]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
        capsys.readouterr()
        assert run(["--profile", str(tmp_path / "office"), "passphrase", "--json"]) == 0
        said: dict[str, Any] = json.loads(capsys.readouterr().out)
        return said

    assert choose("words without server") == {"kept": "passphrase", "server": None}
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "words without server")
    do("init")
    assert choose("words of a second kind") == {"kept": "passphrase", "server": True}
    assert "password" in do("stats", code=1)
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "words of a second kind")
    assert do("stats")["laptops"] == 0

    database = tmp_path / "office" / "server.key"
    former = database.read_bytes()
    assert choose("words of a third kind")["server"] is True
    database.write_bytes(former)  # a server that was locked otherwise
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "words of a third kind")
    assert choose("words of a fourth kind") == {"kept": "passphrase", "server": False}
    assert database.read_bytes() == former


@pytest.mark.parametrize("port", ["99999", "-1", "x", "٣"])
def test_a_port_that_cannot_be_is_wrong_usage(tmp_path: Path, port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run(["--profile", str(tmp_path), "serve", f"--port={port}"])
    assert "argument --port" in capsys.readouterr().err


def test_a_profile_in_the_home_folder_is_the_same_for_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run(["--profile", "~/office", "server", "init", "--json"]) == 0
    assert (tmp_path / "office" / "server.db").exists() and not (tmp_path / "~").exists()
