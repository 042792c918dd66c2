"""A laptop at a door gives a guest a badge's code where there is none yet. It changes none, and gives none that somebody has: printed badges hang on it.

What is left out is the code alone: the rest of a walk-in stands, and the laptop shows the code that stands as soon as it pulls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from alumni_desk.server.bulk import chunks
from alumni_desk.server.merging import Row

if TYPE_CHECKING:
    from alumni_desk.protocol.messages import Operation
    from alumni_desk.server.push import Item

CODE = "code"


def named(operation: Operation) -> str | None:
    """The code that an operation gives a guest."""
    said = operation.fields.get(CODE) if operation.table == "registration" and operation.kind == "put" else None
    return said if isinstance(said, str) and said else None


def leave_out(connection: sa.Connection, tables: sa.MetaData, scope: str, items: Sequence[Item], rows: Mapping[tuple[str, str], Row],
              removed: Collection[tuple[str, str]]) -> None:
    """Leave codes out of what a laptop at a door sent, or refuse what says nothing else. ``removed``: rows that were removed long ago, and begin anew."""
    puts = [(item, one) for item in items if item.open and (one := item.operation) is not None and one.kind == "put" and one.table == "registration"
            and CODE in one.fields]
    stand = {one.row: None if (one.table, one.row) in removed else rows[one.table, one.row].values[CODE] or None for _item, one in puts}
    whose = _whose(connection, tables, scope, {code for _item, one in puts if stand[one.row] is None and (code := named(one)) is not None})
    for item, one in puts:
        code = named(one)
        if stand[one.row] is None and (code is None or whose.setdefault(code, one.row) == one.row):
            stand[one.row] = code
        elif code != stand[one.row]:
            item.without = {*item.without, CODE}
            if not one.fields.keys() - item.without:
                item.end("denied", CODE)


def _whose(connection: sa.Connection, tables: sa.MetaData, scope: str, codes: Iterable[str]) -> dict[str, str]:
    """The registrations that have these codes, those that were taken off a list, too: they may come back."""
    table = tables.tables["registration"]
    found: dict[str, str] = {}
    for part in chunks(sorted(codes)):
        query = sa.select(table.c.code, table.c.id).where(table.c.scope == scope, table.c.code.in_(part))
        found.update((row.code, row.id) for row in connection.execute(query))
    return found
