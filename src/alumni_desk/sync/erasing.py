"""Erasures that others asked for, as they come by pull: first taken out of what is here, and kept out of what comes later."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import StoreProblem
from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.messages import Block
from alumni_desk.schema import synced_tables
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.sync import operations, state
from alumni_desk.sync.away import away, names_of

log = logging.getLogger(__name__)


def _tables() -> Mapping[str, sa.Table]:
    return {str(table.name): table for table in synced_tables()}


def before_rows(connection: sa.Connection, erased: Mapping[str, Sequence[str]]) -> None:
    """Take those out whom a page or a file says to be erased (by table), before its rows replace theirs: no history keeps what they were."""
    _forget_rows(connection, {table: erased[table] for table in ("person", "education", "registration") if erased.get(table)})
    _learn(connection, set(erased.get("person", ())))


def _forget_rows(connection: sa.Connection, rows: Mapping[str, Sequence[str]]) -> None:
    """What was written about these rows goes; the rows themselves may not be here any more, or never were."""
    if not rows:
        return
    with _counted(connection):
        held = erasing.forget(connection, _tables(), rows)
    if held:
        state.keep(connection, state.Scrubbing())


def after_blocks(connection: sa.Connection, blocks: Sequence[Block]) -> None:
    """Keep those out who were erased here while the server had not heard of it, or not yet all that others wrote."""
    named: set[str] = set()
    for block in blocks:
        if block.table == "person":
            named.update(str(row[block.columns.index("id")]) for row in block.rows)
        elif block.table in ("education", "registration") and "person" in block.columns:
            named.update(str(row[block.columns.index("person")]) for row in block.rows)
    again = erasing.erased_of(connection, sorted(named)) if named else []
    if again:
        _forget(connection, dict.fromkeys(again, ""))


def after_file(connection: sa.Connection) -> None:
    """The same after a whole chapter came."""
    again = connection.exec_driver_sql("SELECT id FROM erased").scalars().all()
    if again:
        _forget(connection, dict.fromkeys(again, ""))


def after_push(connection: sa.Connection, rows: Sequence[tuple[str, str]]) -> None:
    """The server says of these rows, as table and id, that they were erased, though no page may ever bring it: take out whom they are about."""
    people = {row for table, row in rows if table == "person"}
    by_table: dict[str, list[str]] = defaultdict(list)
    for table, row in rows:
        by_table[table].append(row)
    for table in ("education", "registration"):
        people.update(connection.exec_driver_sql(f'SELECT person FROM "{table}" WHERE id IN (SELECT value FROM json_each(?)) AND person IS NOT NULL',
                                                 (json.dumps(by_table[table]),)).scalars())
    _forget_rows(connection, by_table)
    _learn(connection, people)


def after_list(connection: sa.Connection, people: Sequence[str]) -> None:
    """A leader's list says of these people that the server has erased them: take out whom it holds still."""
    _learn(connection, set(people) - set(erasing.erased_of(connection, people)))


def rows_erased(connection: sa.Connection, gatherings: Collection[str] = ()) -> set[tuple[str, str]]:
    """Every row, as table and id, that is about somebody who was erased, as far as it is known here; also places on the lists of ``gatherings`` that have no
    row."""
    found = erasing.rows_erased(connection)
    people = [row for table, row in found if table == "person"]
    return found | {("registration", registration_id(gathering, one)) for gathering in gatherings for one in people}


def emptied(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what is about somebody."""
    return {**row, **{str(one.name): None for one in _tables()[table].columns if one.info.get("about") and one.name in row}}


def forget_order(connection: sa.Connection, people: Sequence[str]) -> None:
    """The order to erase these people came too late, for another chapter has them: should they come back they are as that chapter left them."""
    connection.exec_driver_sql("DELETE FROM erased WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(people)),))


def _learn(connection: sa.Connection, people: set[str]) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if people and _forget(connection, dict.fromkeys(sorted(people), now)):
        state.keep(connection, state.Scrubbing())
    gone = people & set(away(connection).get("person", ()))
    if gone:  # another chapter had them: of whom something came too late is not known by name any more, either
        rows = {table: [one for one in ids if one not in gone] for table, ids in away(connection).items()}
        state.keep(connection, state.Away(rows, {one: name for one, name in names_of(connection).items() if one not in gone}))
        state.keep(connection, state.Scrubbing())


def _forget(connection: sa.Connection, people: Mapping[str, str]) -> int:
    with _counted(connection):
        return erasing.learn(connection, _tables(), people)


@contextmanager
def _counted(connection: sa.Connection) -> Iterator[None]:
    """Remember how many changes fall that the server has not got: no answer of it will ever tell of them."""
    before = operations.count_waiting(connection)
    yield
    fell = before - operations.count_waiting(connection)
    if fell:
        there = state.read(connection, state.Dropped) or state.Dropped()
        state.keep(connection, state.Dropped(there.count + fell))


def take_dropped(connection: sa.Connection) -> int:
    """How many fell since the last sync that ended; from now on they are told of."""
    found = state.read(connection, state.Dropped)
    if found is None:
        return 0
    state.drop(connection, state.Dropped)
    return found.count


def finish(desk: Desk) -> None:
    """What was taken out goes from pages, copies and backups too; killed meanwhile, or while something reads in them, the next sync or opening does it."""
    try:
        erasing.finish_begun(desk)
    except StoreProblem as problem:
        if problem.code not in erasing.IN_USE:
            raise
        log.info("what was erased is still in pages, copies or backups: %s", problem.code)
