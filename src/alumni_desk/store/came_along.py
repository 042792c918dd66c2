"""What a merge had brought along of somebody into another entry that they are apart from again: erased with them, though the entry is not theirs.

A merge made here is known by its transaction. Of one that another laptop made the past alone is known: the tie to the other entry has a clock there, and
what came along has clocks of the same replica just before it. Where that entry was merged into a third one later, it brought along there what it had of
them: what stands in the same fields of that one's past goes, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.clock import milliseconds
from alumni_desk.protocol.clocks import unpack
from alumni_desk.store import driver
from alumni_desk.store.synced import clock_key

LAST = "~"
"""After every clock."""

_MAILS = ("email", "other_emails")
"""An address comes along as the first of an entry that has none, and else as one of the others."""

ONE_ACTION_MS = 1_000
"""So close together lie the clocks of one merge: no two things that somebody does by hand do."""


@dataclass
class _Ties:
    """How something came into an entry: the transactions of merges made here, the clocks of those that others made, and the first clock of all."""

    transactions: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)
    first: str = LAST


def forget(connection: sa.Connection, table: sa.Table, people: Sequence[str]) -> tuple[int, list[str]]:
    """Take it out of what is known of those entries' past. Returns out of how much it went, and the entries whose operations say less now."""
    keys = {str(column.name): clock_key(column) for column in table.columns if column.info.get("about")}
    count, less, seen = 0, dict[str, None](), set[tuple[str, ...]]()
    found = [(into, ties, keys) for into, ties in _ties_of(connection, people).items()]
    while found:
        into, ties, those = found.pop()
        way = (into, *those, *sorted(ties.transactions), *sorted(ties.others))
        if into in people or way in seen:
            continue
        seen.add(way)
        wrote = _written(connection, into, those, ties)
        out_of, taken = _forget_written(connection, into, those, ties.transactions, ties.others)
        count += out_of
        less.update({into: None} if taken else {})
        onward = {name: key for name, key in keys.items() if key in wrote or (name in _MAILS and wrote & {keys[one] for one in _MAILS})}
        found += [(after, tie, onward) for after, tie in _ties_of(connection, [into], ties.first).items()]
    return count, list(less)


def _ties_of(connection: sa.Connection, people: Sequence[str], since: str = "") -> dict[str, _Ties]:
    """The entries that these were made part of after a clock."""
    wanted, found = (json.dumps(list(people)), since), dict[str, _Ties]()
    for into, transaction, clock in driver.rows(
            connection, "SELECT fields ->> '$.merged_into', transaction_id, clock FROM operation INDEXED BY operation_row WHERE table_name = 'person'"
                        " AND row_id IN (SELECT value FROM json_each(?)) AND json_type(fields, '$.merged_into') = 'text' AND clock > ?", wanted):
        tie = found.setdefault(into, _Ties())
        tie.transactions.add(transaction)
        tie.first = min(tie.first, clock)
    for into, clock in driver.rows(
            connection, "SELECT value ->> '$', clock FROM past INDEXED BY past_row WHERE table_name = 'person'"
                        " AND row_id IN (SELECT value FROM json_each(?)) AND field = 'merged_into' AND value <> 'null' AND clock > ?", wanted):
        tie = found.setdefault(into, _Ties())
        tie.others.append(clock)
        tie.first = min(tie.first, clock)
    for into, clocks in driver.rows(  # those that stand
            connection, "SELECT merged_into, clocks FROM person WHERE merged_into IS NOT NULL AND id IN (SELECT value FROM json_each(?))", wanted[:1]):
        clock = unpack(clocks).get("merged_into", "")
        if clock > since:
            tie = found.setdefault(into, _Ties())
            tie.others.append(clock)
            tie.first = min(tie.first, clock)
    return found


def _written(connection: sa.Connection, row_id: str, keys: Mapping[str, str], ties: _Ties) -> set[str]:
    """The keys of the fields that these merges wrote into an entry."""
    wrote = {keys[name] for transaction in ties.transactions for (said,) in driver.rows(
        connection, "SELECT fields FROM operation INDEXED BY operation_row WHERE table_name = 'person' AND row_id = ? AND transaction_id = ?",
        (row_id, transaction)) for name in json.loads(said) if name in keys}
    there = driver.row(connection, "SELECT clocks FROM person WHERE id = ?", (row_id,))
    past = driver.rows(connection, "SELECT field, clock FROM past WHERE table_name = 'person' AND row_id = ?", (row_id,))
    for name, clock in [*past, *(unpack(there[0]).items() if there is not None else ())]:
        key = keys.get(name, name)  # what else came along there is the entry's own
        if key in keys.values() and any(_is_of_merge(clock, merged) for merged in ties.others):
            wrote.add(key)
    return wrote


def _forget_written(connection: sa.Connection, row_id: str, keys: Mapping[str, str], transactions: set[str], others: Sequence[str]) -> tuple[int, bool]:
    """Take out of an entry's past what these merges wrote into it; what still stands there is that entry's own by now. Returns out of how much, and whether
    an operation says less now."""
    there = driver.row(connection, "SELECT clocks FROM person WHERE id = ?", (row_id,))
    in_force = unpack(there[0]) if there is not None else {}
    operations = driver.rows(connection, "SELECT rowid, clock, rowid IN (SELECT operation FROM waiting), fields, before, values_before, transaction_id"
                                         " FROM operation INDEXED BY operation_row WHERE table_name = 'person' AND row_id = ? ORDER BY rowid", (row_id,))
    own = {clock for _rowid, clock, *_said, transaction in operations if transaction in transactions}
    brought = _brought(operations, keys, own)

    def came(clock: str | None) -> bool:
        return clock is not None and (clock in own or any(_is_of_merge(clock, merged) for merged in others))

    def less(said: Mapping[str, Any]) -> dict[str, Any]:
        return {name: rest for name, value in said.items() if name in keys and value is not None and (rest := _without(brought, name, value)) != value}

    count, taken, unsent = 0, False, dict[str, dict[str, str | None]]()
    for rowid, clock, waits, fields, before, values_before, _transaction in operations:
        said, clocks, values = json.loads(fields), json.loads(before), json.loads(values_before)
        superseded = {name: value for name, value in said.items() if name in keys and in_force.get(keys[name]) != clock}
        written = [*superseded] if clock in own else []
        # What stood there once went on into what was written later: by another merge, by hand out of the history, by an undo.
        later = bool(own) and clock > min(own)
        onward = less(superseded) if later and clock not in own else {}
        written += [name for name, rest in onward.items() if rest is None]
        said.update({name: rest for name, rest in onward.items() if rest is not None})
        found = {**(less(values) if later else {}),
                 **{name: None for name, value in values.items() if value is not None and name in keys and came(clocks.get(keys[name]))}}
        if not written and not found and not onward:
            continue
        count, taken = count + 1, taken or bool(written or onward)
        if clocks and len(written) == len(said) and waits:  # nobody ever saw it: what came after it found what it had found
            driver.run(connection, "DELETE FROM operation WHERE rowid = ?", (rowid,))
            unsent[clock] = clocks
            continue
        # What was found stays named, as empty: an operation that names nothing of before is one that made the row.
        driver.run(connection, "UPDATE operation SET fields = ?, before = ?, values_before = ? WHERE rowid = ?", (
            _packed({name: value for name, value in said.items() if name not in written}),
            _packed({key: unsent[seen].get(key) if seen in unsent else seen for key, seen in clocks.items()}),
            _packed({**values, **found}), rowid))
    for rowid, name, clock in driver.rows(connection, "SELECT rowid, field, clock FROM past WHERE table_name = 'person' AND row_id = ?", (row_id,)):
        if (name in keys or name in keys.values()) and came(clock):
            driver.run(connection, "DELETE FROM past WHERE rowid = ?", (rowid,))
            count += 1
    return count, taken


def _brought(operations: Sequence[Any], keys: Mapping[str, str], merged: set[str]) -> dict[str, set[Any]]:
    """What the merges with these clocks wrote into an entry that had not had it, by field; an address, in whichever of the two it stands."""
    found: dict[str, set[Any]] = {}
    for _rowid, clock, _waits, fields, _before, values_before, _transaction in operations:
        had = json.loads(values_before)
        for name, value in json.loads(fields).items() if clock in merged else ():
            if name in keys and value is not None:
                found.setdefault(_MAILS[0] if name in _MAILS else name, set()).update(_parts(name, value) - _parts(name, had.get(name)))
    return found


def _parts(name: str, value: Any) -> set[Any]:
    return set() if value is None else set(json.loads(value)) if name == _MAILS[1] else {value}


def _without(brought: Mapping[str, set[Any]], name: str, value: Any) -> Any:
    """A value without what was brought; None if nothing is left of it."""
    theirs = brought.get(_MAILS[0] if name in _MAILS else name, set())
    if not theirs & _parts(name, value):
        return value
    rest = [one for one in json.loads(value) if one not in theirs] if name == _MAILS[1] else []
    return _packed(rest) if rest else None


def _is_of_merge(clock: str, merged: str) -> bool:
    """Whether what others wrote under a clock is of the merge whose tie has the clock ``merged``: by the same replica, just before."""
    return (clock.rpartition("-")[2] == merged.rpartition("-")[2] and clock < merged
            and milliseconds(merged) - milliseconds(clock) <= ONE_ACTION_MS)


def _packed(said: Mapping[str, Any] | list[Any]) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
