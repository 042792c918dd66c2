"""What became of each operation: it waits from the moment it is made until the server has taken or refused it.

An operation stands in one of three tables, by its rowid, and is never written again for that: a page of operations is long, and encrypted. ``operation_now``
shows each with what became of it; what is asked often asks these tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alumni_desk.store import driver

if TYPE_CHECKING:
    import sqlalchemy as sa

VIEW = "operation_now"
"""Each operation with its fate (waiting | accepted | refused), the server's sequence, the reason it gave, and when it was resolved."""

TRIGGERS = {
    "operation_waits": "CREATE TRIGGER operation_waits AFTER INSERT ON operation BEGIN"
                       " INSERT INTO waiting (operation, queue) VALUES (NEW.rowid, NEW.queue); END",
    "operation_gone": "CREATE TRIGGER operation_gone AFTER DELETE ON operation BEGIN DELETE FROM waiting WHERE operation = OLD.rowid;"
                      " DELETE FROM accepted WHERE operation = OLD.rowid; DELETE FROM refused WHERE operation = OLD.rowid; END",
}
"""None can be made that does not wait, and none leaves anything behind."""

FROM_WAITING = "FROM waiting AS w CROSS JOIN operation AS o ON o.rowid = w.operation"
"""CROSS: from what waits, which is mostly little, else SQLite may go through all that was ever written here."""

WAITS = "+o.rowid IN (SELECT operation FROM waiting)"
ACCEPTED = "+o.rowid IN (SELECT operation FROM accepted)"
NOT_REFUSED = "+o.rowid NOT IN (SELECT operation FROM refused)"
"""Conditions on an operation ``o`` that was found by something else; the plus sign keeps SQLite from finding it by this one."""


def accept(connection: sa.Connection, which: str, parameters: Sequence[Any] = (), *, sequence: str = "sequence", at: str | None = None) -> None:
    """Operations are part of the base now. ``which``: a condition on the view, of such as wait or are accepted; ``sequence``: what theirs is, of the view's."""
    rows = connection.exec_driver_sql(f"SELECT rowid, {sequence}, coalesce(?, resolved_at) FROM {VIEW} AS operation WHERE {which}", (at, *parameters)).all()
    driver.run_many(connection, "DELETE FROM waiting WHERE operation = ?", [(row[0],) for row in rows])
    driver.run_many(connection, "INSERT OR REPLACE INTO accepted (operation, sequence, at) VALUES (?, ?, ?)", [tuple(row) for row in rows])


def wait_again(connection: sa.Connection, which: str, parameters: Sequence[Any] = ()) -> None:
    """Operations wait as if they had never been sent. ``which``: a condition on the view, of such as wait or are accepted."""
    connection.exec_driver_sql(f"INSERT INTO waiting (operation, queue) SELECT rowid, queue FROM {VIEW} AS operation WHERE {which}"
                               " ON CONFLICT (operation) DO UPDATE SET sequence = NULL", tuple(parameters))
    connection.exec_driver_sql("DELETE FROM accepted WHERE operation IN (SELECT operation FROM waiting)")
