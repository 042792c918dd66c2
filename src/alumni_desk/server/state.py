"""What a server knows of itself: its name and its secret, made at first use, and where it was last served."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from alumni_desk.server import journal
from alumni_desk.server.bulk import put_rows
from alumni_desk.server.database import Database
from alumni_desk.server.tables import all_tables


@dataclass(frozen=True)
class Server:
    """An open server: its database, its tables, its id and the secret that seals tokens and codes."""

    database: Database
    tables: sa.MetaData
    id: str
    secret: bytes
    journal: Path | None = None  # outside the database: see ``journal``


def now_ms() -> int:
    """The time here, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def open_server(database: Database, journal_file: Path | None = None) -> Server:
    """The server in this database; gives a new one its id and secret, and makes true again what its journal says."""
    tables = all_tables()
    with database.reading() as connection:
        known = read_state(connection, tables)
    if "id" not in known or "secret" not in known:
        with database.writing() as connection:
            for key, value in (("id", str(uuid.uuid4())), ("secret", secrets.token_hex(32))):
                connection.exec_driver_sql(
                    f"INSERT INTO server_state (key, value) VALUES ({_mark(database)}, {_mark(database)}) ON CONFLICT DO NOTHING", (key, value))
            known = read_state(connection, tables)
    server = Server(database=database, tables=tables, id=known["id"], secret=bytes.fromhex(known["secret"]), journal=journal_file)
    if journal_file is not None and journal_file.exists():
        with database.writing() as connection:
            journal.replay(connection, tables, journal_file, server.id)
    return server


def _mark(database: Database) -> str:
    return "%s" if database.postgresql else "?"


def read_state(connection: sa.Connection, tables: sa.MetaData) -> dict[str, str]:
    """Everything the server keeps about itself."""
    state = tables.tables["server_state"]
    return {row.key: row.value for row in connection.execute(sa.select(state.c.key, state.c.value))}


def keep_address(server: Server, url: str | None, fingerprint: str | None, *, public: str | None = None) -> None:
    """Remember where the server is reached, for the invitations to come.

    ``url``: where it listens, None if laptops cannot use that; ``public``: where they reach it instead, kept until another is given.
    """
    rows = {"url": url or "", "fingerprint": fingerprint or ""}
    if public is not None:
        rows["public_url"] = public
    with server.database.writing() as connection:
        put_rows(connection, server.tables.tables["server_state"], [{"key": key, "value": value} for key, value in rows.items()])


def keep_public(server: Server, url: str) -> None:
    """Remember where laptops reach the server now."""
    with server.database.writing() as connection:
        put_rows(connection, server.tables.tables["server_state"], [{"key": "public_url", "value": url}])


def address_for_laptops(known: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The address that an invitation says, its pin with it, and that pin alone. ``known``: what the server keeps about itself."""
    url, _hash, pin = (known.get("public_url") or known.get("url") or "").partition("#sha256=")
    pin = pin or known.get("fingerprint") or ""
    if not url:
        return None, pin or None
    return (f"{url}#sha256={pin}", pin) if pin else (url, None)
