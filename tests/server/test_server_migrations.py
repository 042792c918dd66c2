"""An empty database, migrated, is the schema: tables, columns, types, defaults, indexes and primary keys."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from alumni_desk.server.database import REVISION, Database, migrate, postgresql_database, sqlcipher_database
from alumni_desk.server.migrations import versions
from alumni_desk.server.tables import all_tables


@pytest.fixture(params=["sqlcipher", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """One that is migrated here and now: elsewhere tests get copies of one that was migrated once."""
    if request.param == "sqlcipher":
        made = sqlcipher_database(tmp_path / "server.db", bytes(32))
    else:
        made = postgresql_database(request.getfixturevalue("postgres_url"))
    yield made
    made.close()


def test_migrations_lead_to_the_schema(database: Database) -> None:
    tables = all_tables()
    with database.writing() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, tables) == []
        inspector = sa.inspect(connection)
        for table in tables.tables.values():
            keys = inspector.get_pk_constraint(table.name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key.columns], table.name
            nullable = {column["name"]: column["nullable"] for column in inspector.get_columns(table.name)}
            assert nullable == {column.name: column.nullable for column in table.columns}, table.name


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate(database)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == [REVISION]


def test_migrations_do_not_lean_on_the_records() -> None:
    for path in Path(next(iter(versions.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith("alumni_desk")], path.name


def test_whatever_an_index_holds_is_compared_byte_by_byte(postgres_url: str) -> None:
    """By a language's rules, as most databases compare, it costs many times as much; and “max” of two clocks would be one thing here and another there."""
    database = postgresql_database(postgres_url)
    try:
        with database.reading() as connection:
            otherwise = connection.exec_driver_sql(
                "SELECT DISTINCT c.relname, a.attname FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
                " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey) JOIN pg_collation AS o ON o.oid = a.attcollation"
                " WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'alembic_version' AND o.collname <> 'C'").all()
    finally:
        database.close()
    assert otherwise == []
