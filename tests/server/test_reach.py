"""Whose laptop it is and what it may do is asked at every call: never by going through all chapters of the server."""

from __future__ import annotations

import sqlalchemy as sa

from alumni_desk.server import accounts
from alumni_desk.server.database import Database
from alumni_desk.server.invitations import make_chapter
from alumni_desk.server.state import open_server

NOW = 1_790_000_000_000


def account_of(connection: sa.Connection, tables: sa.MetaData, name: str, scope: str) -> None:
    """A laptop with one grant; its account has the same name."""
    connection.execute(sa.insert(tables.tables["account"]).values(id=name, created_at=NOW))
    connection.execute(sa.insert(tables.tables["device"]).values(id=name, account=name, public_key=name.encode(), created_at=NOW))
    connection.execute(sa.insert(tables.tables["grant"]).values(scope=scope, account=name, role="admin" if scope == "*" else "leader", created_at=NOW))


def test_a_grant_for_all_reaches_every_chapter_but_those_that_are_closed_and_any_other_its_own(database: Database) -> None:
    server = open_server(database)
    with database.writing() as connection:
        scopes = sorted(make_chapter(connection, server.tables, f"Chapter {n}", NOW) for n in range(12))
        chapter = server.tables.tables["chapter"]
        connection.execute(sa.update(chapter).where(chapter.c.scope == scopes[3]).values(gone=True))
        account_of(connection, server.tables, "network", "*")
        account_of(connection, server.tables, "own", scopes[3])
    with database.reading() as connection:
        assert list(accounts.caller(server, connection, "network", NOW).grants) == [one for one in scopes if one != scopes[3]]
        assert list(accounts.caller(server, connection, "own", NOW).grants) == [scopes[3]]
        assert accounts.chapters_of(connection, server.tables, "network") == scopes
        assert accounts.chapters_of(connection, server.tables, "own") == [scopes[3]]


def test_the_chapters_are_looked_up_by_their_index(database: Database) -> None:
    server = open_server(database)
    question = str(accounts._with_grants(server.tables).compile(dialect=database.engine.dialect, compile_kwargs={"literal_binds": True}))
    with database.reading() as connection:
        if database.postgresql:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {question} WHERE device.id = 'x'"))
            assert "chapter_pkey" in plan and "Index Cond: ((scope >= CASE" in plan, plan
        else:
            plan = "\n".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question} WHERE device.id = 'x'"))
            assert "SEARCH chapter USING" in plan and "scope>?" in plan, plan
