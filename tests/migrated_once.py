"""The first empty database is migrated in earnest; those after it get what came of it, which takes a hundredth of the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def of_desks(right: Callable[[Any], None]) -> Callable[[Any], None]:
    """In the place of ``store.opening._migrate``."""
    made: list[tuple[str, list[Any]]] = []

    def migrate(connection: Any) -> None:
        empty = _is_empty(connection)
        if not (made and empty):
            right(connection)
            if empty:
                made[:] = _all_of(connection)
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        for statement, rows in made:
            connection.exec_driver_sql(statement, rows) if rows else connection.exec_driver_sql(statement)
        connection.exec_driver_sql("COMMIT")

    return migrate


def of_servers(right: Callable[[Any], None]) -> Callable[[Any], None]:
    """In the place of ``server.database.migrate``: of SQLCipher, PostgreSQL copies a database by itself."""
    made: list[tuple[str, list[Any]]] = []

    def migrate(database: Any) -> None:
        empty = False
        if not database.postgresql:
            with database.engine.connect() as connection:
                empty = _is_empty(connection)
        if not (made and empty):
            right(database)
            if empty:
                with database.engine.connect() as connection:
                    made[:] = _all_of(connection)
            return
        with database.writing() as connection:
            for statement, rows in made:
                connection.exec_driver_sql(statement, rows) if rows else connection.exec_driver_sql(statement)

    return migrate


def _is_empty(connection: Any) -> bool:
    return connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first() is None


def _all_of(connection: Any) -> list[tuple[str, list[Any]]]:
    """What makes a database like this one: its tables, what stands in them, and the rest. A full-text index makes its own tables."""
    there = connection.exec_driver_sql("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY rowid").all()
    virtual = {row.name for row in there if row.sql.startswith("CREATE VIRTUAL")}
    own = {row.name for row in there if any(row.name.startswith(f"{name}_") for name in virtual)} - virtual
    made: list[tuple[str, list[Any]]] = [(row.sql, []) for row in there if row.type == "table" and row.name not in own]
    for row in there:
        if row.type != "table" or row.name in virtual:
            continue
        rows = [tuple(one) for one in connection.exec_driver_sql(f'SELECT * FROM "{row.name}"').all()]
        if row.name in own:
            made.append((f'DELETE FROM "{row.name}"', []))
        if rows:
            made.append((f'INSERT INTO "{row.name}" VALUES ({", ".join("?" * len(rows[0]))})', rows))
    return made + [(row.sql, []) for row in there if row.type != "table"]
