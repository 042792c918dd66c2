"""Every value that a record's fields have had, as this laptop has seen them: who, when, on which laptop; each can be put back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from alumni_desk.errors import NotFound, Refused
from alumni_desk.protocol.clock import milliseconds
from alumni_desk.protocol.clocks import unpack
from alumni_desk.store import driver
from alumni_desk.store.at_door import unseen
from alumni_desk.store.desk import Desk
from alumni_desk.store.synced import clock_key, data_columns
from alumni_desk.store.tables import CARRIED
from alumni_desk.store.writing import Changed
from alumni_desk.words import _

if TYPE_CHECKING:
    import sqlalchemy as sa

DEEDS = frozenset({"standing", "gone", "merged_into"})
"""Fields that say what was done with a record as a whole: alone, an older value could leave somebody on no list."""

ONLY_BY_HAND = frozenset({"solicit_codes", "consent"}) | DEEDS
"""Fields whose older values are shown and not put back: what somebody wished changes only where wishes are noted."""

TOGETHER = {"registration": frozenset({"status", "answered_at"})}
"""Fields that one deed writes, each with a clock of its own: an answer comes back with when it was given."""

NAMES = ("first_name", "last_name", "preferred_name", "other_script_name")
"""Fields of a person of which a member keeps one."""

_json = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Version:
    """A value that a field had. ``id`` names it for ``restore``; ``at`` is UTC, ISO 8601; ``who`` and ``device`` None: nobody has said."""

    id: str
    field: str
    value: Any
    at: str
    who: str | None
    device: str | None
    here: bool  # written at this desk
    event: str | None
    now: bool  # the value in force
    refused: bool  # the server said no
    restorable: bool


def history(desk: Desk, table: str, row_id: str) -> list[Version]:
    """Every version of every field of a row that may be seen here, by field as the table has them, newest first. Raises NotFound."""
    import sqlalchemy as sa

    with desk.reading() as connection:
        row = connection.execute(sa.select(desk.tables[table]).where(desk.tables[table].c.id == row_id)).mappings().first()
        if row is None:
            raise NotFound("no_such_row", _("There is nothing here with this id. Look it up again."))
        keys = {column.name: clock_key(column) for column in data_columns(desk.tables[table])}
        found = {(one.field, one.id): one for one in (*_past(connection, table, row_id), *_own(connection, table, row_id))}
        for one in _overwritten(connection, table, row_id, keys, {_clock(one.id) for one in found.values() if one.here}):
            found.setdefault((one.field, one.id), one)
        if table == "person" and driver.row(connection, "SELECT 1 FROM erased WHERE id = ?", (row_id,)) is not None:
            return []  # that there once was somebody is all that is kept
        hidden = unseen(connection, desk.tables[table])
        clocks = unpack(row["clocks"])
        authors = authors_of(connection, {_replica(clock) for clock in (*clocks.values(), *(one.id for one in found.values()))})
    own = {_clock(one.id): one for one in found.values() if one.here}
    written = {one.field for one in found.values()}
    for column in data_columns(desk.tables[table]):
        clock = clocks.get(clock_key(column))
        # A new row has clocks for all its fields; of one that is empty and always was nobody has said anything.
        if clock is None or (column.name, _name(column.name, clock)) in found or (row[column.name] is None and column.name not in written):
            continue
        one = _version(column.name, row[column.name], clock)
        by = own.get(clock)
        found[column.name, one.id] = one if by is None else replace(one, at=by.at, who=by.who, device=by.device, here=True, event=by.event)
    place = {column.name: n for n, column in enumerate(data_columns(desk.tables[table]))}
    in_force = {_name(name, clocks.get(keys[name], "")) for name in place}
    told = (_told(one, in_force, row, authors) for one in found.values() if one.field in place and one.field not in hidden)
    newest_first = sorted(told, key=lambda one: _clock(one.id), reverse=True)
    return sorted(newest_first, key=lambda one: place[one.field])


def restore(desk: Desk, table: str, row_id: str, version: str) -> Changed:
    """Put one older value back (an address as a whole, an answer with its moment); it can be undone like any change. Raises NotFound or Refused."""
    versions = history(desk, table, row_id)
    wanted = next((one for one in versions if one.id == version), None)
    if wanted is None:
        raise NotFound("no_such_version", _("There is no such value in the history. Look at the list again."))
    if wanted.field in DEEDS:
        raise Refused("only_by_hand", _("What was removed, merged or made a member is not put back from history. Undo it in Activity, or do it anew."))
    if wanted.field in ONLY_BY_HAND:
        raise Refused("only_by_hand", _("What somebody wished is not put back from history. Note their wish anew under Contact & consent."))
    group = {column.name for column in desk.tables[table].columns if clock_key(column) == clock_key(desk.tables[table].c[wanted.field])}
    values = dict.fromkeys(group)  # what was not said then was empty
    values |= {one.field: one.value for one in versions if one.field in group and _clock(one.id) == _clock(version)}
    if wanted.field in TOGETHER.get(table, ()):
        values |= {name: _stood(versions, name, _clock(version)) for name in TOGETHER[table] - group}
    if wanted.field == "email" and any(one.field == "email_status" for one in versions):
        values["email_status"] = None  # whether it still fails nobody knows
    with desk.writing("value_restored") as writing:
        writing.change(table, row_id, **values)
        if table == "person" and not group.isdisjoint(NAMES) and driver.row(
                writing.connection, f"SELECT 1 FROM person WHERE id = ? AND standing = 'member' AND coalesce({', '.join(NAMES)}) IS NULL", (row_id,)):
            raise Refused("no_name", _("A member needs a name, and this would leave none, so nothing was put back. Give them their other name first."))
    return writing.changed


def _stood(versions: Sequence[Version], field: str, clock: str) -> Any:
    """What a field said at the time of a clock."""
    before = [one for one in versions if one.field == field and _clock(one.id) <= clock]
    return max(before, key=lambda one: _clock(one.id)).value if before else None


Past = tuple[str, str, Any, str]
"""A value that goes: its row, the name of its clock (a field's, or that of a group as an address is), what ``under`` makes of it, and its clock."""


def under(key: str, values: Mapping[str, Any]) -> Any:
    """What is kept under the name of a clock: a field's value; the values of a group by field, in one, for they come and go together."""
    return values[key] if [*values] == [key] else dict(values)


def fields_of(key: str, value: str | None) -> dict[str, Any]:
    """The same the other way: a kept value, as JSON, by field. No field's own value is an object."""
    kept = None if value is None else msgspec.json.decode(value)
    return kept if isinstance(kept, dict) else {key: kept}


def keep(connection: sa.Connection, table: str, gone: Sequence[Past]) -> None:
    """Keep values that others' newer ones replace."""
    if gone:
        driver.run_many(connection, "INSERT INTO past (table_name, row_id, field, value, clock) VALUES (?, ?, ?, ?, ?)",
                        [(table, row_id, name, msgspec.json.encode(value).decode(), clock) for row_id, name, value, clock in gone])


def keep_shown(connection: sa.Connection, table: str, shown: Sequence[Past]) -> None:
    """Keep, once each, values of others that are shown here beside ours and never stood here."""
    rows = connection.exec_driver_sql("SELECT row_id, field, value, clock FROM past WHERE table_name = ? AND row_id IN (SELECT value FROM json_each(?))",
                                      (table, msgspec.json.encode([one[0] for one in shown]).decode()))
    known = {(row.row_id, name, row.clock) for row in rows for name in fields_of(row.field, row.value)}
    keep(connection, table, [one for one in shown if (one[0], one[1], one[3]) not in known])


def keep_replaced(connection: sa.Connection, table: str, keys: Mapping[str, str], newer: Mapping[str, Mapping[str, str]]) -> None:
    """Before rows of others replace ours: keep the values that go. ``keys``: field -> name of its clock; ``newer``: row -> the clocks that come."""
    if not newer:
        return
    columns = ", ".join(f'"{name}"' for name in keys)
    rows = connection.exec_driver_sql(f'SELECT id, clocks, {columns} FROM "{table}" WHERE id IN (SELECT value FROM json_each(?))',
                                      (msgspec.json.encode(list(newer)).decode(),)).mappings()
    together: dict[str, list[str]] = {}
    for name, key in keys.items():
        together.setdefault(key, []).append(name)
    gone: list[Past] = []
    for row in rows.all():
        clocks = unpack(row["clocks"])
        coming = newer[row["id"]]
        gone += [(row["id"], key, under(key, {name: row[name] for name in names}), clocks[key])
                 for key, names in together.items() if key in clocks and coming.get(key) not in (None, clocks[key])]
    keep(connection, table, gone)


def _own(connection: sa.Connection, table: str, row_id: str) -> Iterator[Version]:
    rows = connection.exec_driver_sql(
        "SELECT o.fields, o.clock, o.rowid IN (SELECT operation FROM refused) AS refused, a.event, a.who, a.device, a.at FROM operation AS o"
        " LEFT JOIN action AS a ON a.id = o.action"
        " WHERE o.table_name = ? AND o.row_id = ? AND o.queue <> 'peer' AND o.event NOT IN (?, ?) ORDER BY o.rowid",
        (table, row_id, *CARRIED))
    for row in rows:
        for name, value in _json.decode(row.fields).items():
            one = _version(name, value, row.clock, who=row.who, device=row.device, here=True, event=row.event, refused=bool(row.refused))
            # As Activity says when it was done: after a change under a clock that was ahead, the clocks of later ones go on from there.
            yield one if row.at is None else replace(one, at=f"{row.at[:19]}Z")


def _overwritten(connection: sa.Connection, table: str, row_id: str, keys: Mapping[str, str], own: Set[str]) -> Iterator[Version]:
    """What this laptop's own changes found and wrote over of others', which stands nowhere else here. ``keys``: field -> name of its clock; ``own``: clocks
    under which this laptop wrote itself, where what its change of an address found empty is nothing that anybody said."""
    rows = connection.exec_driver_sql(
        "SELECT before, values_before, clock FROM operation WHERE table_name = ? AND row_id = ? AND before <> '{}' AND queue <> 'peer'"
        " AND event NOT IN (?, ?) ORDER BY rowid", (table, row_id, *CARRIED)).all()
    own = own | {row.clock for row in rows}  # one that says nothing any more was one's own, too
    for row in rows:
        clocks = _json.decode(row.before)
        for name, value in _json.decode(row.values_before).items():
            clock = clocks.get(keys.get(name, name))
            if clock is not None and clock not in own:
                yield _version(name, value, clock)


def _past(connection: sa.Connection, table: str, row_id: str) -> Iterator[Version]:
    for row in connection.exec_driver_sql("SELECT field, value, clock FROM past WHERE table_name = ? AND row_id = ?", (table, row_id)):
        yield from (_version(name, value, row.clock) for name, value in fields_of(row.field, row.value).items())


def _version(name: str, value: Any, clock: str, *, who: str | None = None, device: str | None = None, here: bool = False, event: str | None = None,
             refused: bool = False) -> Version:
    at = datetime.fromtimestamp(milliseconds(clock) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Version(_name(name, clock), name, value, at, who, device, here, event, False, refused, name not in ONLY_BY_HAND)


def _told(one: Version, in_force: set[str], row: Any, authors: Mapping[str, tuple[str | None, str | None]]) -> Version:
    now = one.id in in_force
    who, device = (one.who, one.device) if one.here else authors.get(_replica(one.id), (None, None))
    return replace(one, who=who, device=device, now=now, restorable=one.restorable and not now and one.value != row[one.field])


def authors_of(connection: sa.Connection, replicas: Iterable[str]) -> dict[str, tuple[str | None, str | None]]:
    """Who writes under these replicas, person and laptop, as the server told us."""
    wanted = msgspec.json.encode([f"replica:{name}" for name in replicas]).decode()
    rows = connection.exec_driver_sql("SELECT key, value FROM sync_state WHERE key IN (SELECT value FROM json_each(?))", (wanted,))
    return {row.key.partition(":")[2]: msgspec.json.decode(row.value, type=tuple[str | None, str | None]) for row in rows}


def _clock(version: str) -> str:
    return version.partition("@")[2]


def _replica(clock: str) -> str:
    return clock.rpartition("-")[2]


def _name(field: str, clock: str) -> str:
    return f"{field}@{clock}"

