"""Members whom another chapter has now: nothing of what they were stays on this chapter's laptops, nor in their backups.

What waits here about them is still sent, so that the server answers it (``moved``) and whoever wrote it hears so. Of registrations and
check-ins, which stay this chapter's, only what is about the person goes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import sqlalchemy as sa

from alumni_desk.members import naming
from alumni_desk.protocol.messages import Page
from alumni_desk.schema import synced_tables
from alumni_desk.store import erasing, fates
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.away import away, names_of
from alumni_desk.sync.door import forget_rows

TABLES = ("person", "education", "household")
"""The tables whose rows move; the server's name for the same is in its ``moved``."""


def before_rows(connection: sa.Connection, scope: str, moved: Mapping[str, Sequence[str]]) -> None:
    """Let go of what the rows were that a page or a file says to be moved, before the empty ones come. ``erasing.finish`` has to follow the commit."""
    gone = {table: list(moved[table]) for table in TABLES if moved.get(table)}
    if not gone:
        return
    known = away(connection)
    state.keep(connection, state.Away({table: sorted({*known.get(table, ()), *gone.get(table, ())}) for table in TABLES},
                                      {**names_of(connection), **_called(connection, gone.get("person", ()))}))
    held = {table: here for table, ids in gone.items() if (here := _held(connection, table, ids))}
    if held:
        erasing.forget_parcels(connection, held)
        erasing.forget_conflicts(connection, held)
        forget_rows(connection, scope, held)
    lists = {"registration": list(connection.exec_driver_sql("SELECT id FROM registration WHERE person IN (SELECT value FROM json_each(?))",
                                                             (_json(gone.get("person", ())),)).scalars())}
    tables = {str(table.name): table for table in synced_tables()}
    if erasing.clear_rows(connection, tables, lists) + erasing.forget(connection, tables, lists):
        state.keep(connection, state.Scrubbing())


def after_page(connection: sa.Connection, page: Page) -> None:
    """Who came back is this chapter's again; and what the server has of one's own about those who are away goes, too."""
    known = away(connection)
    if not known:
        return
    for block in page.blocks:
        if known.get(block.table):
            at_id, moved = block.columns.index("id"), set(page.moved.get(block.table, ()))
            _are_back(known, block.table, {str(row[at_id]) for row in block.rows} - moved)
    _keep(connection, known)
    if not page.more:
        after_rows(connection)


def after_file(connection: sa.Connection, moved: Mapping[str, Sequence[str]]) -> None:
    """The same after a whole chapter came. ``moved``: of its rows those that another one has."""
    known = away(connection)
    for table, ids in list(known.items()):
        here = connection.exec_driver_sql(f'SELECT id FROM "{table}" WHERE id IN (SELECT value FROM json_each(?))', (_json(ids),)).scalars()
        _are_back(known, table, set(map(str, here)).difference(moved.get(table, ())))
    if known:
        _keep(connection, known)
    after_rows(connection)


def _are_back(known: dict[str, list[str]], table: str, back: set[str]) -> None:
    known[table] = [one for one in known[table] if one not in back]


def _keep(connection: sa.Connection, known: dict[str, list[str]]) -> None:
    state.keep(connection, state.Away(known, {one: name for one, name in names_of(connection).items() if one in known.get("person", ())}))


def after_rows(connection: sa.Connection) -> None:
    """What the server has of one's own about those who are away goes."""
    for table, ids in away(connection).items():
        for name in ("operation", "past"):
            accepted = f" AND {fates.ACCEPTED}" if name == "operation" else ""
            if connection.exec_driver_sql(f"DELETE FROM {name} AS o WHERE table_name = ? AND row_id IN (SELECT value FROM json_each(?)){accepted}",
                                          (table, _json(ids))).rowcount:
                state.keep(connection, state.Scrubbing())


def forget_names(desk: Desk) -> None:
    """Of whom all was taken that was written here, nobody has to be told anything. ``erasing.finish`` has to follow."""
    with desk.reading() as connection:
        if not names_of(connection):
            return
    with desk.applying() as applying:
        connection = applying.connection
        names = names_of(connection)
        kept = set(connection.exec_driver_sql(f"SELECT p.value FROM json_each(?) AS p WHERE {_written('p.value')}", (_json(list(names)),)).scalars())
        if kept != set(names):
            state.keep(connection, state.Away(away(connection), {one: name for one, name in names.items() if one in kept}))
            state.keep(connection, state.Scrubbing())


def _called(connection: sa.Connection, people: Sequence[str]) -> dict[str, str]:
    """The names of those of whom something was written here that is not at the server: whoever wrote it is told, and of whom it was."""
    rows = connection.exec_driver_sql(
        "SELECT p.id, p.first_name, p.last_name, p.preferred_name, p.other_script_name, p.class_year FROM person AS p"
        f" WHERE p.id IN (SELECT value FROM json_each(?)) AND NOT p.gone AND {_written('p.id')}", (_json(people),))
    return {str(row.id): naming.display_name(row) for row in rows if naming.display_name(row)}


def _written(person: str) -> str:
    """SQL: something was written here about a person that is not at the server."""
    return ("EXISTS (SELECT 1 FROM (SELECT operation FROM waiting UNION ALL SELECT operation FROM refused) AS u"
            " CROSS JOIN operation AS o ON o.rowid = u.operation WHERE o.queue <> 'peer'"
            f" AND (o.row_id = {person} AND o.table_name = 'person' OR json_extract(o.fields, '$.person') = {person}))")


def _held(connection: sa.Connection, table: str, ids: Sequence[str]) -> list[str]:
    """Those of these rows of which anything is here that was before they moved."""
    columns = [str(column.name) for one in synced_tables() if one.name == table for column in one.columns if column.info.get("about")]
    some = " OR ".join(f'"{name}" IS NOT NULL' for name in columns)
    wanted = _json(ids)
    full = f'SELECT id FROM "{table}" WHERE id IN (SELECT value FROM json_each(?)) AND (NOT gone OR {some})'
    found = set(connection.exec_driver_sql(full, (wanted,)).scalars())
    for name in ("past", "shadow", "operation"):
        found.update(connection.exec_driver_sql(f"SELECT row_id FROM {name} WHERE table_name = ? AND row_id IN (SELECT value FROM json_each(?))",
                                                (table, wanted)).scalars())
    return sorted(str(one) for one in found)


def _json(ids: Sequence[str]) -> str:
    return msgspec.json.encode(list(ids)).decode()
