"""A server whose database fails: the laptop says so in words, and nobody's data gets into a log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.errors import KnownError
from alumni_desk.protocol.messages import Trouble
from alumni_desk.server.database import postgresql_database
from alumni_desk.store.desk import Desk
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.wire import _in_words


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


def test_a_desks_own_database_quotes_nobody_either(desk: Desk) -> None:
    with desk.reading() as connection, pytest.raises(sa.exc.DBAPIError) as raised:
        connection.exec_driver_sql("SELECT * FROM nothing WHERE name = ?", ("SECRETNOTE",))
    assert "SECRETNOTE" not in str(raised.value)
