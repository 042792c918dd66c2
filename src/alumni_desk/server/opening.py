"""Where a profile's server keeps its data: PostgreSQL if it is told so, else an encrypted file of the profile."""

from __future__ import annotations

from pathlib import Path

from alumni_desk.server.database import Database, postgresql_database, sqlcipher_database

FILE = "server.db"


def open_in_profile(folder: Path, url: str | None) -> Database:
    """The server's database for a profile's folder. The file's key is kept as the desk's own is."""
    if url is not None:
        return postgresql_database(url)
    from alumni_desk.store import keys

    return sqlcipher_database(folder / FILE, keys.database_key(folder, "server"))
