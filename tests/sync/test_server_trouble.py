"""A server whose database fails: the laptop says so in words, and nobody's data gets into a log."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.protocol.messages import Trouble
from alumni_desk.server.database import postgresql_database
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.wire import _in_words, in_its_place


def test_a_failing_database_is_the_servers_trouble_and_quotes_nobody(
    make_server: Any, make_desk: Callable[[str], Desk], postgres_url: str, capfd: pytest.CaptureFixture[str],
) -> None:
    server, desk = make_server(postgres_url), make_desk("one")
    join(desk, server.url, server.invite())
    sync_once(desk)
    database = postgresql_database(postgres_url)
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE person ADD CONSTRAINT nope CHECK (last_name <> 'Quux') NOT VALID")
    with desk.writing("new") as writing:
        writing.add("person", standing="member", last_name="Quux", notes="SECRETNOTE")
    with pytest.raises(KnownError, match="server has trouble") as raised:
        sync_once(desk)
    assert raised.value.code == "sync_server_trouble"
    assert status(desk).waiting == 1
    said = capfd.readouterr()
    assert '"fault"' in said.err and not any(word in said.err + said.out for word in ("SECRETNOTE", "Quux"))
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE person DROP CONSTRAINT nope")
    database.close()
    assert sync_once(desk).pushed == 1


@pytest.mark.parametrize(("status_code", "code", "expected"), [
    (500, "fault", "sync_server_trouble"), (500, "", "sync_server_trouble"), (503, "database", "sync_server_trouble"), (502, "", "sync_server_trouble"),
    (503, "", "sync_busy"), (429, "too_often", "sync_busy"), (404, "", "sync_no_server"),
])
def test_each_failure_has_its_sentence(status_code: int, code: str, expected: str) -> None:
    assert _in_words(status_code, Trouble(code)).code == expected


class Portal(BaseHTTPRequestHandler):
    """A hotel's network that wants its guests to sign in first: it answers in everybody's place."""

    answer = 200, "<html>Welcome! Accept our terms</html>"

    def do_POST(self) -> None:
        """Answer."""
        self.rfile.read(int(self.headers["content-length"]))
        status, page = self.answer
        self.send_response(status)
        if status == 302:
            self.send_header("location", "http://127.0.0.1/login")
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("answer", [(200, "<html>Welcome</html>"), (200, ""), (302, ""), (403, "<html>Sign in</html>"), (401, "<html>Sign in</html>"),
                                    (511, "<html>Sign in</html>")])
def test_a_network_that_wants_its_guests_to_sign_in_is_named(office: Any, make_desk: Callable[[str], Desk], answer: tuple[int, str],
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk("one")
    join(desk, office.url, office.invite())
    sync_once(desk)
    monkeypatch.setattr(Portal, "answer", answer)
    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as portal:
        thread = threading.Thread(target=portal.serve_forever)
        thread.start()
        with desk.applying() as applying:
            membership = state.read(applying.connection, state.Membership)
            assert membership is not None
            state.keep(applying.connection, msgspec.structs.replace(membership, url=f"http://127.0.0.1:{portal.server_port}"))
        with pytest.raises(KnownError, match="open a web browser, sign in or agree there") as raised:
            sync_once(desk)
        portal.shutdown()
        thread.join()
    assert raised.value.code == "sync_sign_in"
    with desk.reading() as connection:
        last = state.read(connection, state.LastSync)
    assert last is not None and last.trouble == "sync_sign_in"


def test_another_certificate_in_the_place_of_a_known_server_may_be_a_hotels() -> None:
    told = in_its_place(NetworkProblem("sync_certificate", "The server’s certificate is not the one that was expected."))
    assert told.code == "sync_certificate" and "open a web browser" in str(told)
    other = NetworkProblem("sync_slow", "The server did not answer in time.")
    assert in_its_place(other) is other


def test_a_desks_own_database_quotes_nobody_either(desk: Desk) -> None:
    with desk.reading() as connection, pytest.raises(sa.exc.DBAPIError) as raised:
        connection.exec_driver_sql("SELECT * FROM nothing WHERE name = ?", ("SECRETNOTE",))
    assert "SECRETNOTE" not in str(raised.value)
