"""Whether a server is ready: asked often, by what looks after it, also while its database says nothing."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest
from tests.server.conftest import Client

from alumni_desk.server import app
from alumni_desk.server.database import postgresql_database
from alumni_desk.server.state import open_server


@pytest.mark.skipif(sys.platform == "win32", reason="no process can be held there")
def test_a_database_that_says_nothing_is_told_and_holds_one_thread(migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "READY_SECONDS", 0.2, raising=False)
    database = postgresql_database(migrated_url)
    client = Client(app.make_app(open_server(database)))
    assert client.request("GET", "/readyz")[0] == 200
    with database.reading() as connection:
        held = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())  # the one that is asked next
    os.kill(held, signal.SIGSTOP)
    at_last = threading.Timer(20, os.kill, (held, signal.SIGCONT))
    at_last.start()
    try:
        said = [client.request("GET", path) for path in ("/readyz", "/metrics", "/readyz", "/readyz")]
        asking = [thread.name for thread in threading.enumerate()].count("aside")
    finally:
        at_last.cancel()
        os.kill(held, signal.SIGCONT)
    assert [status for status, _headers, _body in said] == [503, 200, 503, 503]
    assert said[0][2] == b"the database does not answer\n"
    assert b"alumni_desk_laptops" not in said[1][2] and b"alumni_desk_build_info" in said[1][2]
    assert asking == 1
    while client.request("GET", "/readyz")[0] != 200:
        pass
    client.runner.close()
    database.close()
