"""Whether a server is ready: asked often, by what looks after it, also while its database says nothing."""

from __future__ import annotations

import os
import signal
import sys
import threading

import pytest
import sqlalchemy as sa
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


def test_a_database_that_can_only_be_read_is_not_ready(migrated_url: str) -> None:
    """As after it became a standby."""
    for setting, answer in (("off", (200, b"ready\n")), ("on", (503, b"the database can only be read: nothing that laptops send is taken\n"))):
        engine = sa.create_engine(migrated_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {engine.url.database} SET default_transaction_read_only = {setting}")
        engine.dispose()
        database = postgresql_database(migrated_url)
        client = Client(app.make_app(open_server(database)))
        assert client.request("GET", "/readyz")[::2] == answer
        client.runner.close()
        database.close()
