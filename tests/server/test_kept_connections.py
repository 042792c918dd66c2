"""Connections to PostgreSQL that are kept ready: the same one asks again, none is used that lay idle while the database restarted, none outlives its server."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from alumni_desk.server.asking import ask
from alumni_desk.server.database import IDLE_SECONDS, Database, postgresql_database

PID = "SELECT pg_backend_pid()"
WAYS = ["asking", "reading", "writing", "telling"]


def pid(database: Database, way: str) -> int:
    with getattr(database, way)() as connection:
        return int(ask(connection, PID)()[0][0])


@pytest.fixture
def made(migrated_url: str) -> Database:
    return postgresql_database(migrated_url)


@pytest.mark.parametrize("way", WAYS)
def test_after_the_database_restarted_a_new_connection_is_made(made: Database, way: str) -> None:
    first = pid(made, way)
    assert pid(made, way) == first, "it was kept"
    with made.engine.connect() as other:
        other.exec_driver_sql(f"SELECT pg_terminate_backend({first}, 5000)")
    for ready in (made._asking, made._reading, made._writing):
        for _one in range(len(ready._kept)):  # it lay there for a while
            connection, since = ready._kept.popleft()
            ready._kept.append((connection, since - 2 * IDLE_SECONDS))
    assert pid(made, way) != first
    made.close()


@pytest.mark.parametrize("way", WAYS)
def test_what_went_wrong_is_not_kept(made: Database, way: str) -> None:
    with pytest.raises(sa.exc.DBAPIError), getattr(made, way)() as connection:
        ask(connection, "SELECT nothing FROM nowhere")
    with getattr(made, way)() as connection:
        assert ask(connection, "SELECT 1")()[0][0] == 1
    made.close()


def test_each_use_has_its_own_way_to_the_database(made: Database) -> None:
    """A question that SQLAlchemy asked in between leaves no transaction open in which the next would see an old moment."""
    count = "SELECT count(*) FROM server_state WHERE key = 'new'"
    with made.asking() as connection:
        assert connection.exec_driver_sql(count).scalar() == 0
    with made.writing() as connection:
        connection.exec_driver_sql("INSERT INTO server_state (key, value) VALUES ('new', 'x')")
    with made.asking() as connection:
        assert connection.exec_driver_sql(count).scalar() == 1
    with made.reading() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
    with made.writing() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
    made.close()
    assert made.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
