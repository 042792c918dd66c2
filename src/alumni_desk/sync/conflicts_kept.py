"""What a desk keeps of conflicts: the cards as the server told them, what was decided here, and the records that they are about."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import Author, ConflictRow, Head
from alumni_desk.store import history
from alumni_desk.store.desk import Desk
from alumni_desk.store.synced import clock_key
from alumni_desk.store.tables import CARRIED
from alumni_desk.store.undo import origin
from alumni_desk.sync import state
from alumni_desk.sync.carried_clocks import written_as
from alumni_desk.sync.hidden_edits import is_of_here

T = TypeVar("T")

GONE = "gone"

KEPT, DECISIONS = "conflicts", "decisions"


class Kept(msgspec.Struct, frozen=True):
    """The open conflicts as the server told them; ``head``: of its feed then; ``written``: by card, the clock of its field here when it was asked;
    ``before``: what it told before it went back to a backup, until it is known whether it has them, see ``conflicts_before``."""

    head: Head
    rows: list[ConflictRow]
    written: dict[str, str | None] = {}
    before: list[ConflictRow] = []


class Decisions(msgspec.Struct, frozen=True):
    """What was decided here: by card, the action that wrote it (None: of a former version, that wrote nothing) and whether the server was told."""

    made: dict[str, tuple[str | None, bool]]


def keep_moved(connection: sa.Connection, rows: Sequence[ConflictRow]) -> None:
    """The chapter moves: these are to be decided on as before, and what was decided at the former server is the past."""
    made = {name: decision for name, decision in decisions_of(connection).items() if is_of_here(name)}
    connection.exec_driver_sql("DELETE FROM sync_state WHERE key IN (?, ?)", (KEPT, DECISIONS))
    if made:
        write_kept(connection, DECISIONS, Decisions(dict(made)))
    if rows:
        write_kept(connection, KEPT, Kept(Head(0, ""), list(rows)))


def card_id(row: ConflictRow) -> str:
    """What a row is named by."""
    return f"{row.operation}:{row.field}"


def replica_of(clock: str) -> str:
    """Which copy of the database wrote under a clock."""
    return clock.rpartition("-")[2]


def is_stale(row: ConflictRow, record: Mapping[str, Any], kept: Kept) -> bool:
    """Whether another laptop has written the field since the server last said that it is to be decided on."""
    clock = record["written"][row.field]
    return clock is not None and not is_of_here(card_id(row)) and clock != kept.written.get(card_id(row), row.winner_clock) and clock not in record["own"]


def records_of(connection: sa.Connection, desk: Desk, rows: Sequence[ConflictRow]) -> dict[tuple[str, str], dict[str, Any]]:
    """The records that the cards are about, as this desk shows them; those that are gone are left out, unless that is the question."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for table in {row.table for row in rows}:
        target = desk.tables[table]
        ids = sorted({row.row for row in rows if row.table == table})
        removed = sorted({row.row for row in rows if row.table == table and row.field == GONE})
        for one in connection.execute(sa.select(target).where(target.c.id.in_(ids), sa.or_(~target.c.gone, target.c.id.in_(removed)))).mappings():
            clocks = unpack(one["clocks"])
            stands_for, written = {}, {}
            for field in {row.field for row in rows if (row.table, row.row) == (table, one["id"])}:
                key = clock_key(target.c[field])
                written[field] = clocks.get(key)
                stands_for[field] = origin(connection, table, one["id"], key, clocks.get(key)) or clocks.get(key)
            names = [state.REPLICA + replica_of(clock) for clock in (*clocks.values(), *(clock for row in rows if row.row == one["id"]
                                                                                         for clock in (row.winner_clock, row.loser_clock)))]
            told = connection.exec_driver_sql("SELECT key, value FROM sync_state WHERE key IN (SELECT value FROM json_each(?))", (json.dumps(names),))
            authors = {author.key.removeprefix(state.REPLICA): msgspec.json.decode(author.value, type=Author) for author in told}
            own = connection.exec_driver_sql(
                "SELECT o.clock, o.action, a.who FROM operation AS o LEFT JOIN action AS a ON a.id = o.action WHERE o.table_name = ? AND o.row_id = ?"
                " AND o.queue <> 'peer' AND o.event NOT IN (?, ?)", (table, one["id"], *CARRIED))
            mine = {wrote.clock: (wrote.action, wrote.who) for wrote in own}
            # What ran ahead counts as an earlier moment at the server, and is one's own all the same.
            assigned = {*clocks.values(), *filter(None, stands_for.values()), *(clock for row in rows for clock in (row.winner_clock, row.loser_clock))}
            mine |= {clock: mine[written_as(clock)] for clock in assigned if written_as(clock) in mine}
            was = _was(connection, table, one["id"], {row.winner_clock for row in rows if (row.table, row.row) == (table, one["id"])})
            found[table, one["id"]] = {**one, "was": was, "stands_for": stands_for, "written": written, "authors": authors,
                                       "own": mine}
    return found


def _was(connection: sa.Connection, table: str, row_id: str, clocks: Collection[str]) -> dict[str, dict[str, Any]]:
    """What was written into a record under each of these clocks, as far as this laptop did it or has seen it go."""
    found: dict[str, dict[str, Any]] = {}
    wanted = (table, row_id, json.dumps(sorted(clocks)))
    for field, value, clock in connection.exec_driver_sql(
            "SELECT field, value, clock FROM past WHERE table_name = ? AND row_id = ? AND clock IN (SELECT value FROM json_each(?))", wanted):
        found.setdefault(clock, {}).update(history.fields_of(field, value))
    for fields, clock in connection.exec_driver_sql(
            "SELECT fields, clock FROM operation WHERE table_name = ? AND row_id = ? AND clock IN (SELECT value FROM json_each(?)) AND queue <> 'peer'",
            wanted):
        found.setdefault(clock, {}).update(msgspec.json.decode(fields))
    return found


def decisions_of(connection: sa.Connection) -> dict[str, tuple[str, bool]]:
    """What was decided here: by card, the action and whether the server was told."""
    found = read_kept(connection, DECISIONS, Decisions)
    return {} if found is None else {name: (action, told) for name, (action, told) in found.made.items() if action is not None}


def counts(connection: sa.Connection, action: str) -> bool:
    """Whether a decision counts: the action that wrote it was not undone."""
    row = connection.exec_driver_sql("SELECT undone_by FROM action WHERE id = ?", (action,)).first()
    return row is not None and row.undone_by is None


def keep_decisions(connection: sa.Connection, made: Mapping[str, tuple[str, bool]]) -> None:
    """Keep some more."""
    write_kept(connection, DECISIONS, Decisions({**decisions_of(connection), **made}))


def read_kept(connection: sa.Connection, key: str, kind: type[T]) -> T | None:
    """What is kept under a key."""
    text = connection.exec_driver_sql("SELECT value FROM sync_state WHERE key = ?", (key,)).scalar()
    return None if text is None else msgspec.json.decode(text, type=kind)


def write_kept(connection: sa.Connection, key: str, value: msgspec.Struct) -> None:
    """Keep something under a key."""
    connection.exec_driver_sql("INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                               (key, msgspec.json.encode(value).decode()))
