"""What is to be decided on: the rows that the server told, as people see them, without those that somebody has decided on since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.messages import ConflictRow, Value
from alumni_desk.store.desk import Desk
from alumni_desk.store.synced import clock_key, data_columns
from alumni_desk.sync import state
from alumni_desk.sync.conflicts_kept import GONE, KEPT, Kept, card_id, counts, decisions_of, read_kept, records_of
from alumni_desk.sync.hidden_edits import hidden_edits, is_of_here
from alumni_desk.sync.shapes import ALONG, shapes
from alumni_desk.sync.state import Membership

STAYS_MS = 90 * 24 * 3600 * 1000


@dataclass(frozen=True)
class Question:
    """One thing to decide on. ``rows``: its fields, one, or those of an address; ``twins``: all rows of which that is the answer: two that decided
    apart have asked the same two values once more, and what is decided along with it."""

    rows: list[ConflictRow]
    lost: dict[str, Value]
    now: dict[str, Value]
    twins: list[ConflictRow]

    @property
    def says_one(self) -> bool:
        """Whether both sides say the same."""
        shape = shapes()[self.rows[0].table]
        return all(shape.say_the_same(name, value, self.now[name]) for name, value in self.lost.items())


def questions(desk: Desk, rows: Sequence[ConflictRow], there: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[Question]:
    """Rows as people decide on them, in their order: an address is one, and so are the same two values of one field, however often they met. When somebody
    answered is decided along with the answer; alone it is no question."""
    clashes: dict[tuple[Any, ...], list[ConflictRow]] = {}
    for row in (row for row in rows if (row.table, row.field) not in ALONG):
        key = clock_key(desk.tables[row.table].c[row.field])
        clashes.setdefault((row.table, row.row, key, is_of_here(card_id(row)), row.winner_clock, row.loser_clock), []).append(row)
    found: dict[tuple[Any, ...], Question] = {}
    for (table, row_id, key, here, _winner, _loser), members in clashes.items():
        fields = [column.name for column in data_columns(desk.tables[table]) if clock_key(column) == key]
        members.sort(key=lambda row: fields.index(row.field))
        now = {name: there[table, row_id][name] for name in fields}
        # What a former server did not keep of an address was the same on both sides.
        lost = {**now, **{row.field: row.value for row in members}}
        question = found.setdefault((table, row_id, key, here, tuple(lost.items())), Question(members, lost, now, []))
        question.twins.extend(members)
    alone = []
    for row in (row for row in rows if (row.table, row.field) in ALONG):
        answer = (row.table, row.row, ALONG[row.table, row.field])
        with_it = [one for one in found.values() if (one.rows[0].table, one.rows[0].row, one.rows[0].field) == answer]
        same_moment = [one for one in with_it if any(twin.loser_clock == row.loser_clock for twin in one.twins)]
        now = {row.field: there[row.table, row.row][row.field]}
        for one in (same_moment or with_it)[:1] or [Question([row], now, now, [])]:
            one.twins.append(row)
            alone += [] if with_it else [one]
    return [*found.values(), *alone]


def open_here(connection: sa.Connection, desk: Desk, membership: Membership) -> tuple[list[Question], dict[tuple[str, str], dict[str, Any]]]:
    """What is to be decided on, and the records that it is about. Two sides that say the same are no question any more."""
    kept = read_kept(connection, KEPT, Kept)
    told = kept.rows if kept is not None else []
    return still_open(connection, desk, membership, [*told, *hidden_edits(connection, desk.tables["person"], membership)])


def still_open(connection: sa.Connection, desk: Desk, membership: Membership,
               rows: Sequence[ConflictRow]) -> tuple[list[Question], dict[tuple[str, str], dict[str, Any]]]:
    """The same of these rows."""
    away = {name for name, (action, _told) in decisions_of(connection).items() if counts(connection, action)}
    now = desk.clock.now_ms()
    rows = [row for row in rows if card_id(row) not in away and row.made > now - STAYS_MS and row.table in desk.tables]
    there = records_of(connection, desk, rows)
    away |= written_over(desk, connection, rows, there, membership).keys()
    rows = [row for row in rows if card_id(row) not in away and (row.table, row.row) in there and (row.field == GONE or not there[row.table, row.row][GONE])]
    return [one for one in questions(desk, rows, there) if not one.says_one], there


def open_rows(desk: Desk) -> list[ConflictRow]:
    """What is to be decided on, as the server told it."""
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
        found = [] if membership is None else open_here(connection, desk, membership)[0]
        return [row for one in found for row in one.twins if not is_of_here(card_id(row))]


def the_same(desk: Desk, rows: Sequence[ConflictRow], there: Mapping[tuple[str, str], dict[str, Any]]) -> set[str]:
    """Those whose two sides say the same by now."""
    rows = [row for row in rows if (row.table, row.row) in there]
    return {card_id(row) for one in questions(desk, rows, there) if one.says_one for row in one.twins}


def written_over(desk: Desk, connection: sa.Connection, rows: Sequence[ConflictRow], there: Mapping[tuple[str, str], dict[str, Any]],
                  membership: Membership) -> dict[str, str]:
    """Cards whose losing value is this laptop's own, and which it has replaced since, by another one or by what lost, or taken back: the action that did."""
    found = {}
    same = the_same(desk, rows, there)
    for row in rows:
        if (row.table, row.row) not in there or (row.loser_device != membership.device and card_id(row) not in same):
            continue
        record = there[row.table, row.row]
        clock, written, own = record["stands_for"][row.field], record["written"][row.field], record["own"]
        if clock is None or clock == row.winner_clock:
            continue
        if clock in own and clock > row.loser_clock:
            found[card_id(row)] = str(own[clock][0])
        elif row.loser_device == membership.device and not is_of_here(card_id(row)) and written in own and clock < row.loser_clock < written:
            found[card_id(row)] = str(own[written][0])  # by an undo, which put back what stood there before
    return found
