"""Which rows another chapter has now, as far as this laptop has heard."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from alumni_desk.sync import state


def away(connection: sa.Connection) -> dict[str, list[str]]:
    """The rows that another chapter has now, by table, as far as it is known here."""
    found = state.read(connection, state.Away)
    return {} if found is None else {table: list(ids) for table, ids in found.rows.items() if ids}


def names_of(connection: sa.Connection) -> dict[str, str]:
    """What people who are away were called, of whom something was written here too late."""
    found = state.read(connection, state.Away)
    return {} if found is None else found.names


def rows_away(connection: sa.Connection, *, lists: bool = False) -> set[tuple[str, str]]:
    """The same as names of rows; ``lists``: and the places on lists of those who are away."""
    known = away(connection)
    found = {(table, row) for table, ids in known.items() for row in ids}
    if lists and known.get("person"):
        found.update(("registration", str(row)) for row in connection.exec_driver_sql(
            "SELECT id FROM registration WHERE person IN (SELECT value FROM json_each(?))", (msgspec.json.encode(known["person"]).decode(),)).scalars())
    return found
