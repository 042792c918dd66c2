"""A laptop at the door of one gathering, and what nobody may read on it though it was typed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alumni_desk.store import driver
from alumni_desk.store.synced import data_columns
from alumni_desk.words import _

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.protocol import policy

ROLE = "door"


def is_at_door(connection: sa.Connection) -> bool:
    """Whether this laptop has the door of one gathering and no more."""
    return driver.row(connection, "SELECT 1 FROM sync_state WHERE key = 'membership' AND value ->> 'role' = 'door'") is not None


def awaits_first_sync(connection: sa.Connection) -> bool:
    """Whether this laptop has joined a server and fetched nothing from it yet."""
    return driver.row(connection, "SELECT 1 FROM sync_state WHERE key = 'membership' AND EXISTS (SELECT 1 FROM scope WHERE id = value ->> 'scope'"
                                  " AND cursor = 0)") is not None


def nothing_fetched() -> str:
    """What a laptop says that has joined a server and not synced yet, instead of that there is nothing."""
    return _("Nothing has been fetched from the server yet. Sync first: “alumni-desk sync”.")


def unseen(connection: sa.Connection, table: sa.Table) -> dict[str, policy.Read]:
    """The fields of a table that are not shown here, or by their tail alone: a walk-in's e-mail and phone go to the chapter. Empty but at a door."""
    if not is_at_door(connection):
        return {}
    from alumni_desk.protocol import policy  # the first page of any other laptop needs none

    rules = {column.name: policy.rule(ROLE, table.name, column.name, door=column.info.get("audience") == ROLE) for column in data_columns(table)}
    return {name: rule.read for name, rule in rules.items() if rule.read != "yes"}


def as_seen(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """A row as it is shown here."""
    return without(unseen(connection, table), row)


def without(hidden: dict[str, policy.Read], row: dict[str, Any]) -> dict[str, Any]:
    """A row without what ``unseen`` tells of its table; for many rows, of which it is asked once."""
    return {name: _part(value, hidden.get(name, "yes")) for name, value in row.items()} if hidden else row


def _part(value: Any, read: policy.Read) -> Any:
    if read == "yes" or value is None:
        return value
    if read == "no":
        return None
    from alumni_desk.protocol import policy

    return value if len(value) <= policy.TAIL else policy.tail(value)  # as it comes from the server it is its tail already
