"""What was changed of a row while somebody had it open in a form: said before it is written over, never after.

The clocks cannot tell it: what arrived meanwhile is in the row when the form is saved, so the operation would say that it was seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alumni_desk.errors import Refused
from alumni_desk.words import _

if TYPE_CHECKING:
    import sqlalchemy as sa


@dataclass(frozen=True)
class Newer:
    """What a field says now, and who (or which laptop, if that is all that is known) wrote it; ``here``: at this desk.

    ``group``: fields of the same are taken or left together.
    """

    group: str
    value: Any
    who: str | None
    here: bool


class ChangedMeanwhile(Refused):
    """Fields that were changed since they were shown, by name; nothing was saved."""

    def __init__(self, newer: Mapping[str, Newer]) -> None:
        super().__init__("changed_meanwhile", _("Somebody changed this while you were editing. Nothing is saved yet. Look at it again."))
        self.newer = dict(newer)


def refuse_unseen(connection: sa.Connection, table: sa.Table, row_id: str, opened: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Raise ChangedMeanwhile where these values would be written over others than those that a form was opened with; an address is looked at as a whole."""
    from alumni_desk.store.at_door import as_seen
    from alumni_desk.store.synced import clock_key

    keys = {clock_key(table.c[name]) for name in values}
    row = as_seen(connection, table, dict(connection.execute(table.select().where(table.c.id == row_id)).mappings().one()))
    names = [name for name in opened if name in table.c and clock_key(table.c[name]) in keys]
    wanted = {**{name: opened[name] for name in names}, **values}
    found = [name for name in names if _differs(row[name], wanted[name]) and _differs(row[name], opened[name])]
    if found:
        raise ChangedMeanwhile(_by_whom(connection, table, row_id, row, found))


def _differs(there: Any, said: Any) -> bool:
    return bool(_plain(there) != _plain(said))


def _plain(value: Any) -> Any:
    """A value as it compares: a list as its column keeps it, and what is empty as nothing."""
    if isinstance(value, (list, tuple)):
        from alumni_desk.store.writing import as_kept

        value = as_kept(value) if value else None
    return None if value in ("", "[]") else value


def _by_whom(connection: sa.Connection, table: sa.Table, row_id: str, row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Newer]:
    from alumni_desk.protocol.clocks import unpack
    from alumni_desk.store.history import authors_of  # every form knows this module, and the window's first page goes without the tables
    from alumni_desk.store.synced import clock_key
    from alumni_desk.store.tables import CARRIED

    clocks = unpack(row["clocks"])
    found = {}
    for name in names:
        group = str(clock_key(table.c[name]))
        clock = clocks.get(group, "")
        own = connection.exec_driver_sql(
            "SELECT 1 FROM operation WHERE table_name = ? AND row_id = ? AND clock = ? AND queue <> 'peer' AND event NOT IN (?, ?)",
            (table.name, row_id, clock, *CARRIED)).first() is not None
        replica = clock.rpartition("-")[2]
        who, device = authors_of(connection, [replica]).get(replica, (None, None))
        found[name] = Newer(group, row[name], who or device, own)
    return found
