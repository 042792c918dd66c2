"""Joining: what is asked first, what is carried over, and who stays outside."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.errors import KnownError
from alumni_desk.protocol.codes import new_invitation
from alumni_desk.protocol.messages import Trouble, pack
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.address import read_address
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.join import look

MakeDesk = Callable[[str], Desk]


def code_of(work: Callable[[], Any]) -> str:
    """The code of the problem that this raises."""
    with pytest.raises(KnownError) as raised:
        work()
    assert str(raised.value)
    return raised.value.code


def with_members(desk: Desk, count: int, **chapter: Any) -> list[str]:
    """A desk that was used alone until now."""
    with desk.writing("chapter_made") as writing:
        writing.add("chapter", name="Ours", **chapter)
    with desk.writing("import", queue="load") as writing:
        return [writing.add("person", standing="member", last_name=f"Name {n}") for n in range(count)]


def people(desk: Desk) -> set[tuple[str, str]]:
    """Scope and name of everybody."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        return {(row.scope, row.last_name) for row in connection.execute(sa.select(person.c.scope, person.c.last_name).where(~person.c.gone))}


def test_members_here_are_asked_about_and_then_carried_over(office: Any, make_desk: MakeDesk) -> None:
    alone, other = make_desk("alone"), make_desk("other")
    with_members(alone, 20)
    invitation = office.invite()
    assert code_of(lambda: join(alone, office.url, invitation)) == "sync_members_here"
    assert status(alone).state == "alone"
    joined = join(alone, office.url, invitation, merge=True)
    assert joined.chapter == office.chapter and alone.scope == joined.scope
    assert status(alone).waiting == 20
    assert people(alone) == {(joined.scope, f"Name {n}") for n in range(20)}
    assert sync_once(alone).pushed == 20
    join(other, office.url, office.invite())
    sync_once(other)
    assert people(other) == people(alone)
    for desk in (alone, other):
        with desk.reading() as connection:
            assert connection.execute(sa.select(desk.tables["chapter"].c.id, desk.tables["chapter"].c.name)).all() == [(joined.scope, office.chapter)]


def test_what_would_be_carried_over_is_asked_about_in_true_numbers(office: Any, make_desk: MakeDesk) -> None:
    desk, invitation = make_desk("one"), office.invite()
    with_members(desk, 0)
    with desk.writing("new") as writing:
        writing.add("gathering", name="Old party", starts="2027-01-01T10:00", status="planned")
    with pytest.raises(KnownError, match=r"already: 1 gathering[.]") as raised:
        join(desk, office.url, invitation)
    assert raised.value.code == "sync_members_here"
    with desk.writing("new") as writing:
        writing.add("person", standing="member", last_name="Only")
    with pytest.raises(KnownError, match=r"already: 1 person and 1 gathering[.]"):
        join(desk, office.url, invitation)
    join(desk, office.url, invitation, merge=True)


def test_something_that_answers_401_to_everything(make_desk: MakeDesk) -> None:
    class NotOurs(BaseHTTPRequestHandler):
        body = b""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(401)
            self.send_header("content-length", str(len(self.body)))
            self.end_headers()
            self.wfile.write(self.body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), NotOurs) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        desk, url = make_desk("one"), f"http://127.0.0.1:{server.server_port}"
        assert code_of(lambda: join(desk, url, new_invitation())) == "sync_no_server"
        NotOurs.body = pack(Trouble("no_session"))
        assert code_of(lambda: join(desk, url, new_invitation())) == "no_session"
        server.shutdown()
        thread.join()


def test_what_the_office_did_not_know_of_the_chapter_is_carried_over(office: Any, make_desk: MakeDesk) -> None:
    one, two = make_desk("one"), make_desk("two")
    one.make_chapter("Ours", "Northgate", "America/New_York")
    for desk in (one, two):
        join(desk, office.url, office.invite())
        sync_once(desk)
        with desk.reading() as connection:
            chapter = connection.exec_driver_sql("SELECT name, university, time_zone FROM chapter").one()
            assert tuple(chapter) == (office.chapter, "Northgate", "America/New_York")
    assert status(one).waiting == 0 and one.setting("chapter_carried") is None


def test_a_sample_chapter_never_joins(office: Any, make_desk: MakeDesk) -> None:
    desk, invitation = make_desk("sample"), office.invite()
    with_members(desk, 3, sample=True)
    assert code_of(lambda: join(desk, office.url, invitation, merge=True)) == "sync_sample"
    join(make_desk("real"), office.url, invitation)  # the invitation was not used up


def test_a_desk_joins_once(office: Any, make_desk: MakeDesk) -> None:
    desk = make_desk("one")
    invitation = office.invite()
    assert join(desk, office.url, invitation) == join(desk, office.url, invitation)
    assert code_of(lambda: join(desk, office.url, office.server.invite("Another"))) == "sync_joined"
    assert sync_once(desk).waiting == 0


def test_joining_again_as_the_same_uses_no_invitation_up(make_server: Any, make_desk: MakeDesk) -> None:
    server, desk = make_server(), make_desk("one")
    join(desk, server.url, server.invite())
    sync_once(desk)
    code = server.invite()
    for _try in range(2):  # what was kept of the first try does not open the second one
        assert code_of(lambda: join(desk, server.url, code)) == "sync_joined_already"
        assert code_of(lambda: look(desk, server.url, code)) == "sync_joined_already"
    assert len(server.run("server", "devices")) == 1 and sync_once(desk).waiting == 0
    assert join(make_desk("two"), server.url, code).role == "leader"  # it was not used
    other = server.url.replace("127.0.0.1", "localhost")
    assert join(desk, other, server.invite()).role == "leader"  # the server moved
    assert join(desk, other, server.invite(role="admin")).role == "admin"
    assert sync_once(desk).waiting == 0


def test_looking_uses_nothing_and_the_join_afterwards_shows_the_same_key(office: Any, make_desk: MakeDesk) -> None:
    """A server that does not know how to look yet takes the first call for the join: its answer must be repeated."""
    desk, code = make_desk("one"), office.invite()
    for _again in range(2):
        shown = look(desk, office.url, code)
        assert (shown.chapter, shown.role, shown.by, shown.confirmed) == (office.chapter, "leader", "", False) and shown.expires is not None
    with desk.reading() as connection:
        kept, there = state.read(connection, state.Joining), state.read(connection, state.Membership)
    assert there is None and kept is not None and status(desk).state == "alone"
    join(desk, office.url, code)
    with desk.reading() as connection:
        there = state.read(connection, state.Membership)
    assert there is not None and there.key == kept.key
    assert code_of(lambda: look(make_desk("two"), office.url, code)) == "invitation_used"


def test_a_new_invitation_brings_a_laptop_that_was_removed_by_mistake_back_with_its_queue(make_server: Any, make_desk: MakeDesk) -> None:
    server, desk, other = make_server(), make_desk("one"), make_desk("other")
    join(desk, server.url, server.invite(), device_name="Door")
    join(other, server.url, server.invite())
    sync_once(desk)
    assert "Door" in [row["name"] for row in server.run("server", "devices")]
    with desk.writing("new") as writing:
        writing.add("person", standing="member", last_name="Unsent")
    server.stop()
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    server.run("server", "revoke", membership.device)
    server.start()
    assert status(desk).waiting == 1  # it has not heard of it: from a contact on it would be empty
    elsewhere = make_server()
    stranger = elsewhere.invite()
    assert code_of(lambda: join(desk, elsewhere.url, stranger)) == "sync_joined"
    join(make_desk("stranger"), elsewhere.url, stranger)  # that invitation was not used up
    join(desk, server.url, server.invite())
    assert status(desk).waiting == 1
    assert sync_once(desk).pushed == 1 and status(desk).state == "synced"
    sync_once(other)
    assert people(other) == people(desk) and len(people(desk)) == 1


def test_killed_while_coming_back_the_same_call_finishes(make_server: Any, make_desk: MakeDesk) -> None:
    server, desk = make_server(), make_desk("one")
    join(desk, server.url, server.invite())
    with desk.reading() as connection:
        before = state.read(connection, state.Membership)
    code = server.invite()
    with desk.applying() as applying:
        state.keep(applying.connection, state.Joining(url=server.url, code=code, key=bytes(SigningKey.generate())))
    join(desk, server.url, code)
    with desk.reading() as connection:
        after = state.read(connection, state.Membership)
    assert before is not None and after is not None and before.device != after.device
    assert sync_once(desk).waiting == 0


def test_a_certificate_that_was_renewed(make_server: Any, make_desk: MakeDesk, make_certificate: Any) -> None:
    first, second = make_certificate("one"), make_certificate("two")
    server, desk = make_server(None, ["--host", "127.0.0.1", *first]), make_desk("one")
    join(desk, server.url, server.invite())
    with desk.writing("new") as writing:
        writing.add("person", standing="member", last_name="Unsent")
    server.stop()
    server.extra[2:] = second
    server.start()
    assert code_of(lambda: sync_once(desk)) == "sync_certificate"
    join(desk, server.url, server.invite())
    assert sync_once(desk).pushed == 1


@pytest.mark.parametrize("days", [(-3, -1), (2, 4)])
def test_a_certificate_that_is_over_or_has_yet_to_begin_is_no_other_one(make_server: Any, make_desk: MakeDesk, make_certificate: Any, days: tuple[int, int],
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    well, out_of_date = make_certificate("well"), make_certificate("late", days=days)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", well[1])  # as if of an authority that everybody knows
    server, desk = make_server(None, ["--host", "127.0.0.1", *well]), make_desk("one")
    url = server.url.partition("#")[0]
    join(desk, url, server.invite())
    sync_once(desk)
    server.stop()
    server.extra[2:] = out_of_date
    server.start()
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", out_of_date[1])
    for call in (lambda: sync_once(desk), lambda: join(make_desk("new"), url, new_invitation())):
        with pytest.raises(KnownError, match="is not good on") as raised:
            call()
        assert raised.value.code == "sync_certificate_date"


def test_a_certificate_that_an_authority_issued_is_not_pinned(make_certificate: Any) -> None:
    from alumni_desk.server.certificates import fingerprint, pin

    own, issued = Path(make_certificate("own")[1]), Path(make_certificate("issued", issuer="Authority")[1])
    assert pin(own) == fingerprint(own) and pin(issued) is None


def test_wrong_used_and_mistyped_invitations(office: Any, make_desk: MakeDesk) -> None:
    desk = make_desk("one")
    assert code_of(lambda: join(desk, office.url, new_invitation())) == "invitation_wrong"
    with pytest.raises(KnownError, match="Group 2"):
        join(desk, office.url, office.invite()[:5] + "0000" + "-2222-2222")
    used = office.invite()
    join(make_desk("two"), office.url, used)
    assert code_of(lambda: join(desk, office.url, used)) == "invitation_used"
    assert join(desk, office.url, office.invite()).role == "leader"


def test_killed_after_the_server_said_yes_the_same_call_finishes(office: Any, make_desk: MakeDesk) -> None:
    desk, invitation = make_desk("one"), office.invite()
    key = SigningKey.generate()
    with desk.applying() as applying:
        state.keep(applying.connection, state.Joining(url=office.url, code=invitation, key=bytes(key)))
    first = make_desk("witness")
    with first.applying() as applying:
        state.keep(applying.connection, state.Joining(url=office.url, code=invitation, key=bytes(key)))
    join(first, office.url, invitation)  # the same key: as if the answer had been lost on the way
    joined = join(desk, office.url, invitation)
    assert joined == join(desk, office.url, invitation)
    assert sync_once(desk).waiting == 0


def test_nobody_there(make_desk: MakeDesk) -> None:
    assert code_of(lambda: join(make_desk("one"), "http://127.0.0.1:9", new_invitation())) == "sync_unreachable"


@pytest.mark.parametrize(("text", "code"), [
    ("http://desk.example.edu", "sync_not_encrypted"), ("ftp://x", "sync_address"), ("https://", "sync_address"), ("https://a:b", "sync_address"),
    ("https://desk.example.edu#sha256=12", "sync_fingerprint"), ("https://me@desk.example.edu", "sync_address"), ("", "sync_address"),
])
def test_addresses_that_cannot_be(text: str, code: str) -> None:
    assert code_of(lambda: read_address(text)) == code


@pytest.mark.parametrize(("text", "url"), [
    ("desk.example.edu", "https://desk.example.edu"), (" https://desk.example.edu:8413/ ", "https://desk.example.edu:8413"),
    ("http://localhost:8413", "http://localhost:8413"), ("http://[::1]:5", "http://[::1]:5"),
])
def test_addresses_as_people_type_them(text: str, url: str) -> None:
    assert read_address(text).url == url


def test_a_server_with_its_own_certificate_is_pinned(make_server: Any, make_desk: MakeDesk) -> None:
    server = make_server(None, ["--host", "0.0.0.0"])
    local = server.url.replace(server.url.split("//")[1].split(":")[0], "127.0.0.1", 1)
    code = server.invite()
    plain, pin = local.split("#sha256=")
    other = pin[:-4] + ("0000" if pin[-4:] != "0000" else "1111")
    assert code_of(lambda: join(make_desk("a"), plain, code)) == "sync_certificate"
    assert code_of(lambda: join(make_desk("b"), f"{plain}#sha256={other}", code)) == "sync_certificate"
    desk = make_desk("c")
    assert join(desk, local, code).chapter == "Boston"
    assert sync_once(desk).pulled == 1
    assert (Path(server.profile) / "server-key.pem").stat().st_mode & 0o077 == 0
    assert server.stop() == 0


def test_the_commands(office: Any, tmp_path: Path) -> None:
    import json
    import subprocess
    import sys

    def run(*arguments: str) -> Any:
        done = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(tmp_path / "desk"), *arguments, "--json"],
                              capture_output=True, text=True, check=False, timeout=60)
        return json.loads(done.stdout) if done.returncode == 0 else (done.returncode, done.stderr)

    assert run("status") == {"state": "alone", "waiting": 0, "last_sync": None, "clock_ahead_seconds": 0, "role": None, "gathering": None, "until": None,
                             "identical": None, "checked": None, "mended": 0}
    failed = run("join", office.url, new_invitation())
    assert failed[0] == 1 and failed[1].count("\n") == 1 and "Traceback" not in failed[1]
    assert run("join", office.url, office.invite())["chapter"] == office.chapter
    assert run("sync") == {"pushed": 0, "pulled": 1, "waiting": 0, "conflicts": 0, "refused": 0, "quarantined": 0, "identical": True, "dropped": 0,
                           "mended": 0}
    assert run("status")["state"] == "synced"
    devices = office.server.run("server", "devices")
    assert [device["role"] for device in devices if device["chapter"] == office.chapter] == ["leader"]


def test_behind_a_proxy_an_invitation_says_what_laptops_reach_or_nothing(make_server: Any) -> None:
    server = make_server(None, ["--behind-proxy"])
    made = server.run("server", "invite", "--chapter", "Boston", "--role", "leader")
    assert made["url"] is None and made["fingerprint"] is None
    server.stop()
    server.extra += ["--public-url", "desk.university.example/"]
    server.start()
    server.stop()
    server.extra = ["--behind-proxy"]
    server.start()  # kept until another is given
    assert server.run("server", "invite", "--chapter", "Boston", "--role", "leader")["url"] == "https://desk.university.example"
    server.stop()
    server.extra = ["--behind-proxy", "--public-url", "https://desk.university.example#sha256=" + "ab" * 32]
    server.start()
    made = server.run("server", "invite", "--chapter", "Boston", "--role", "leader")
    assert made["url"].endswith("#sha256=" + "ab" * 32) and made["fingerprint"] == "ab" * 32


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7"])
def test_behind_a_proxy_nothing_is_served_to_the_network_in_the_clear(host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from alumni_desk.cli.main import run

    assert run(["--profile", str(tmp_path / "office"), "serve", "--host", host, "--port", "0", "--behind-proxy"]) == 1
    said = capsys.readouterr().err.strip()
    assert "not encrypted" in said and len(said.splitlines()) == 1


def test_a_name_that_nobody_knows_is_in_no_invitation_and_serve_says_so(tmp_path: Path) -> None:
    import subprocess
    import sys

    named = "import socket, sys; socket.gethostname = lambda: '3f9c1a7be2d4'; from alumni_desk.cli.main import run; sys.exit(run(sys.argv[1:]))"
    command = [sys.executable, "-c", named, "--profile", str(tmp_path / "office")]

    def served(*arguments: str) -> str:
        with subprocess.Popen([*command, "serve", "--host", "0.0.0.0", "--port", "0", *arguments], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = [process.stdout.readline()]
            while "sha256=" not in said[-1]:
                said.append(process.stdout.readline())
            process.terminate()
            said.append(process.stdout.read())
        assert process.returncode == 0
        return "".join(said)

    def invited() -> str:
        made = [*command, "server", "invite", "--chapter", "Boston", "--role", "leader"]
        return subprocess.run(made, capture_output=True, text=True, check=True, timeout=60).stdout

    assert "--public-url" in served()
    said = invited()
    assert "3f9c1a7be2d4" not in said and "QR:" not in said and "--public-url" in said and "#sha256=" in said
    assert "--public-url" not in served("--public-url", "https://desk.university.example:8413")
    assert "Server: https://desk.university.example:8413#sha256=" in invited()
    assert "--public-url" not in served()  # kept
    assert "--public-url" in served("--public-url", "")


@pytest.mark.parametrize(("name", "known"), [
    ("3f9c1a7be2d4", False), ("3f9c1a7be2d4" * 5 + "abcd", False), ("localhost", False), ("localhost.localdomain", False), ("127.0.0.1", False),
    ("a" * 64, False), ("desk.university.example", True), ("192.0.2.7", True)])
def test_which_names_of_a_computer_lead_others_to_it(name: str, known: bool) -> None:
    from alumni_desk.server.hosts import is_known_to_others

    assert is_known_to_others(name) is known


@pytest.mark.parametrize(("url", "write"), [
    ("http://desk.university.example:8413/desk/", " https://desk.university.example:8413/desk "),
    ("HTTP://192.0.2.7#sha256=" + "ab" * 32, " https://192.0.2.7 "),
    ("ftp://x", " https://desk.university.example"), ("https://me@desk.university.example", " https://desk.university.example"),
    ("https://desk.university.example#sha256=12", " openssl x509 ")])
def test_an_address_that_laptops_would_refuse_is_not_kept_and_its_option_is_named(
    url: str, write: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    from alumni_desk.cli.main import run

    assert run(["--profile", str(tmp_path / "office"), "serve", "--port", "0", "--behind-proxy", "--public-url", url]) == 1
    said = capsys.readouterr().err.strip()
    assert len(said.splitlines()) == 1 and said.startswith("--public-url") and write in said and "Ask for" not in said and "invitation." not in said


def test_a_certificate_that_cannot_be_used_is_said_before_anything_is_served(
    tmp_path: Path, make_certificate: Any, capsys: pytest.CaptureFixture[str],
) -> None:
    from cryptography.hazmat.primitives import serialization

    from alumni_desk.cli.main import run

    one, two = make_certificate("one"), make_certificate("two")
    (tmp_path / "bad.pem").write_text("rubbish")
    secret = serialization.load_pem_private_key(Path(one[3]).read_bytes(), None)
    (tmp_path / "locked.key").write_bytes(secret.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"words")))
    for certificate, key in ((tmp_path / "bad.pem", one[3]), (one[1], tmp_path / "bad.pem"), (one[1], two[3]), (one[1], tmp_path / "locked.key")):
        assert run(["--profile", str(tmp_path / "office"), "serve", "--port", "0", "--tls-cert", str(certificate), "--tls-key", str(key)]) == 1
        said = capsys.readouterr()
        assert not said.out and len(said.err.strip().splitlines()) == 1 and "cannot be used together" in said.err


def test_a_server_without_encryption_at_an_https_address(make_server: Any, make_desk: MakeDesk) -> None:
    server = make_server()
    assert code_of(lambda: join(make_desk("a"), server.url.replace("http://", "https://"), server.invite())) == "sync_not_encrypted"
