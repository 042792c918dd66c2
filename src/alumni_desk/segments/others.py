"""What was done on other laptops, as this one has seen it: from the clocks of rows and of replaced values. None of it can be undone here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.clock import milliseconds
from alumni_desk.protocol.clocks import unpack
from alumni_desk.segments.activity import Deed, Names, Written, deeds, field_word
from alumni_desk.segments.in_sentence import in_sentence
from alumni_desk.segments.values import value_words
from alumni_desk.store.desk import Desk
from alumni_desk.store.history import authors_of, fields_of, history
from alumni_desk.store.tables import CARRIED, CHANGED
from alumni_desk.words import _, ngettext, number

TABLES = ("person", "registration", "gathering", "fact", "chapter")
TOGETHER_MS = 60_000
"""What one laptop wrote into one field within so long is one line."""
AT_DOOR_MS = 3_600_000
"""And what it noted at a door, where guests come one by one."""
ROWS = 20
"""So many rows are looked through for each line that is wanted."""

_ANSWER = frozenset({"status", "answered_at"})
"""Fields of a registration that an answer writes together."""

_TURNS = frozenset({"gone", "merged_into"})
"""Fields that say by their value what was done, not that they were changed."""


class _Held(NamedTuple):
    """Of a guest or a fact: the gathering, what the fact says, and whose it is."""

    gathering: str | None
    kind: str
    guest: str


@dataclass
class _Group:
    replica: str
    table: str
    word: str  # empty: new rows
    newest: str  # clock
    turn: tuple[str, bool] | None = None  # of ``_TURNS``, and whether it was set or taken back
    into: str | None = None  # whom the first of them was merged with
    kind: str = ""  # what its facts say
    guests: set[str] = field(default_factory=set)  # whom its facts are about: who came, went and came again is one
    rows: dict[str, tuple[str, str]] = field(default_factory=dict)  # id -> a field of it, its clock


def everyone(desk: Desk, limit: int = 100) -> list[Deed]:
    """What was done here and on other laptops, newest first."""
    return sorted([*deeds(desk, limit, look=True), *others(desk, limit)], key=lambda one: one.at, reverse=True)[:limit]


def has_others(desk: Desk) -> bool:
    """Whether there may be anybody else: this desk knows a server, or who writes on another laptop."""
    with desk.reading() as connection:
        return bool(connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM sync_state WHERE key >= 'replica:' AND key < 'replica;')").scalar())


def others(desk: Desk, limit: int = 100) -> list[Deed]:
    """The newest changes of others, grouped by laptop, table, field and minute."""
    return others_so_far(desk, limit)[0]


def others_so_far(desk: Desk, limit: int, given_up: Callable[[], bool] = lambda: False) -> tuple[list[Deed], bool]:
    """The newest changes of others, and whether that is all there are. ``given_up`` is asked on the way; then there is no answer."""
    with desk.reading() as connection:
        seen = sorted(takewhile(lambda one: not given_up(), _seen(connection, desk, limit * ROWS)), reverse=True)
        if given_up():
            return [], False
        rows = {(table, row_id) for _clock, table, row_id, _field, _new in seen}
        ours = _ours(connection, rows)
        groups = _grouped(connection, (one for one in seen if (one[1], one[2], one[0]) not in ours), limit, _held(connection, rows))
        authors = authors_of(connection, {one.replica for one in groups})
        names = Names(connection, {"": [(one.table, row_id, {"merged_into": one.into}) for one in groups for row_id in list(one.rows)[:2]]}, set())
        whole = len(groups) < limit and not any(
            connection.exec_driver_sql(f'SELECT 1 FROM "{table}" LIMIT 1 OFFSET ?', (limit * ROWS,)).first() for table in (*TABLES, "past", "operation"))
    return [_deed(one, names, *authors.get(one.replica, (None, None))) for one in groups], whole


def others_written(desk: Desk, deed: Deed, most: int) -> list[Written]:
    """The first values of such a change: of whom, which field, what was, what came."""
    found = []
    with desk.reading() as connection:
        names = Names(connection, {"": [(table, row_id, {}) for table, row_id, _field, _clock in deed.rows[:most]]}, set())
    for table, row_id, name, clock in deed.rows[:most]:
        if not name:
            word = {"checked_in": _("Checked in"), "checked_out": _("Left"), "check_in_undone": _("Taken back"), "badges_printed": _("Badge printed")}.get(
                deed.event, _("New"))
            found.append(Written(names.of(table, row_id, {}), word, "", "", new=True))
            continue
        versions = [one for one in history(desk, table, row_id) if one.field == name]
        now = next((n for n, one in enumerate(versions) if one.id == f"{name}@{clock}"), None)
        if now is not None:
            was = value_words(table, name, versions[now + 1].value) if now + 1 < len(versions) else ""
            found.append(Written(names.of(table, row_id, {}), field_word(table, name), was,
                                 value_words(table, name, versions[now].value), row=row_id, stands=now == 0))
    return found


Seen = tuple[str, str, str, str, bool]
"""Clock, table, row, field, and whether the whole row was new then."""


def _seen(connection: sa.Connection, desk: Desk, most: int) -> Iterator[Seen]:
    """The newest values in force, and the newest that were replaced."""
    for table in TABLES:
        rows = _newest(connection, table, most)
        fields = {column.info.get("group") or column.name: column.name for column in reversed(desk.tables[table].columns)}
        for row in rows:
            if desk.tables[table].info["kind"] == "fact":  # written once, under the one clock that it has
                yield row.clock, table, row.id, "", True
                continue
            clocks = unpack(row.clocks)
            by_clock: dict[str, list[str]] = defaultdict(list)
            for key, clock in clocks.items():
                by_clock[clock].append(key)
            for clock, written in by_clock.items():
                # All of a row at once is a new row; what was changed of it since has clocks of its own.
                if len(written) * 2 > len(clocks):
                    if table != "chapter":  # that it was begun nobody did today
                        yield clock, table, row.id, "", True
                else:
                    yield from ((clock, table, row.id, fields[key], False) for key in written if key in fields)
    past = connection.exec_driver_sql("SELECT table_name, row_id, field, value, clock FROM past ORDER BY rowid DESC LIMIT ?", (most,)).all()
    yield from ((row.clock, row.table_name, row.row_id, next(iter(fields_of(row.field, row.value))), False) for row in past if row.table_name in TABLES)
    yield from _overwritten(connection, desk, most)


def _overwritten(connection: sa.Connection, desk: Desk, most: int) -> Iterator[Seen]:
    """What the newest changes made here wrote over; not the values that somebody's row began with, whose line is that of the new row."""
    for table in TABLES:
        if desk.tables[table].info["kind"] != "put":
            continue
        fields = {column.info.get("group") or column.name: column.name for column in reversed(desk.tables[table].columns)}
        newest = "SELECT table_name, row_id, before, queue, event FROM operation ORDER BY rowid DESC LIMIT ?"
        rows = connection.exec_driver_sql(
            f'SELECT o.row_id, o.before, t.clocks FROM ({newest}) AS o JOIN "{table}" AS t ON t.id = o.row_id'
            " WHERE o.table_name = ? AND o.before <> '{}' AND o.queue <> 'peer' AND o.event NOT IN (?, ?)", (most, table, *CARRIED))
        for row in rows:
            began = min(unpack(row.clocks).values(), default="")
            for key, clock in msgspec.json.decode(row.before, type=dict[str, str | None]).items():
                if clock is not None and key in fields and clock > began:
                    yield clock, table, row.row_id, fields[key], False


def _newest(connection: sa.Connection, table: str, most: int) -> Iterable[sa.Row[Any]]:
    """The newest rows of a table; of members, who are many, the newest that were changed, and those that were made or came last."""
    here = " AND standing IS NOT 'moved'" if table == "person" else ""  # what a move leaves of somebody was done by nobody
    question = f'SELECT id, clock, clocks FROM "{table}" WHERE clock IS NOT NULL{here}'
    orders = (f"AND {CHANGED} ORDER BY clock DESC", "AND id < '02' ORDER BY id DESC", "ORDER BY rowid DESC")  # ids that rise with time begin with 01
    found = {row.id: row for order in (orders if table == "person" else ("ORDER BY clock DESC",))
             for row in connection.exec_driver_sql(f"{question} {order} LIMIT ?", (most,))}
    return found.values()


def _ours(connection: sa.Connection, rows: Iterable[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """What of these rows was written at this desk: table, row, clock."""
    by_table: dict[str, list[str]] = defaultdict(list)
    for table, row_id in rows:
        by_table[table].append(row_id)
    found: set[tuple[str, str, str]] = set()
    for table, ids in by_table.items():
        found |= {(table, row.row_id, row.clock) for row in connection.exec_driver_sql(
            "SELECT row_id, clock FROM operation WHERE table_name = ? AND row_id IN (SELECT value FROM json_each(?)) AND queue <> 'peer'"
            " AND event NOT IN (?, ?)", (table, msgspec.json.encode(ids).decode(), *CARRIED))}
    return found


def _held(connection: sa.Connection, rows: Iterable[tuple[str, str]]) -> dict[tuple[str, str], _Held]:
    """What is known of these guests and facts."""
    by_table: dict[str, list[str]] = defaultdict(list)
    for table, row_id in rows:
        by_table[table].append(row_id)
    return {(table, row.id): _Held(row.gathering, row.kind or "", row.guest) for table, kind, guest in (
        ("registration", "''", "id"), ("fact", "kind", "coalesce(registration, person, id)")) for row in connection.exec_driver_sql(
            f'SELECT id, gathering, {kind} AS kind, {guest} AS guest FROM "{table}" WHERE id IN (SELECT value FROM json_each(?))',
            (msgspec.json.encode(by_table[table]).decode(),))}


def _grouped(connection: sa.Connection, seen: Iterable[Seen], limit: int, held: Mapping[tuple[str, str], _Held]) -> list[_Group]:
    groups: list[_Group] = []
    open_ones: dict[tuple[Any, ...], _Group] = {}
    for clock, table, row_id, name, new in seen:
        replica, word = clock.rpartition("-")[2], "" if new else field_word(table, "status" if name in _ANSWER and table == "registration" else name)
        value = _value(connection, table, row_id, name, clock) if name in _TURNS and table in ("person", "registration") else None
        turn = (name, bool(value)) if name in _TURNS and table in ("person", "registration") else None
        there = held.get((table, row_id), _Held(None, "", row_id))
        key = (replica, table, word, turn, there.gathering, there.kind)
        group = open_ones.get(key)
        if group is None or milliseconds(group.newest) - milliseconds(clock) > (AT_DOOR_MS if table == "fact" else TOGETHER_MS):
            if len(groups) >= limit:
                break
            group = open_ones[key] = _Group(replica, table, word, clock, turn, value if name == "merged_into" else None, there.kind)
            groups.append(group)
        group.rows.setdefault(row_id, (name, clock))
        group.guests.add(there.guest)
    return groups


def _value(connection: sa.Connection, table: str, row_id: str, name: str, clock: str) -> Any:
    """What was written under this clock: that it is gone, whom somebody was merged with, or nothing."""
    past = connection.exec_driver_sql("SELECT value FROM past WHERE table_name = ? AND row_id = ? AND field = ? AND clock = ?",
                                      (table, row_id, name, clock)).first()
    if past is not None:
        return msgspec.json.decode(past.value) if past.value is not None else None
    found = connection.exec_driver_sql(  # what was written over here stands with what wrote over it
        "SELECT values_before FROM operation INDEXED BY operation_row WHERE table_name = ? AND row_id = ? AND before ->> ? = ? LIMIT 1",
        (table, row_id, f"$.{name}", clock)).scalar()
    if found is not None:
        return msgspec.json.decode(found).get(name)
    return connection.exec_driver_sql(f'SELECT "{name}" FROM "{table}" WHERE id = ?', (row_id,)).scalar()


def _deed(group: _Group, names: Names, who: str | None, device: str | None) -> Deed:
    first, count = next(iter(group.rows)), len(group.rows) if group.kind in ("", "badge") else len(group.guests)
    event, what, strong = _what(group, first, count, names)
    at = datetime.fromtimestamp(milliseconds(group.newest) / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    reason = _("Only {who} can undo this").format(who=who.split()[0]) if who else _("Only its own laptop can undo this")
    person = names.whose(group.table, first) if count == 1 else None
    gathering = first if group.table == "gathering" else names.held(group.table, first)
    rows = tuple((group.table, row_id, name, clock) for row_id, (name, clock) in group.rows.items())
    return Deed(f"other:{group.newest}:{group.table}:{group.word}", event, at, who, device or _("another laptop"), what, strong, count, "done", None, reason,
                gathering, names.gathering(gathering) if gathering else "", person, rows[0][2], rows)


def _what(group: _Group, first: str, count: int, names: Names) -> tuple[str, str, str]:
    """The event, the sentence, and the part of it that stands out."""
    person = names.person(names.whose(group.table, first))
    gathering = names.gathering(first if group.table == "gathering" else names.held(group.table, first))
    members = ngettext("{n} member", "{n} members", count).format(n=number(count))
    guests = ngettext("{n} guest", "{n} guests", count).format(n=number(count))
    answers = ngettext("{n} answer", "{n} answers", count).format(n=number(count))
    word = in_sentence(group.table, next(iter(group.rows.values()))[0]) if group.word else ""
    several = count > 1
    if group.turn is not None:
        return _turned(group, several, {"person": person, "gathering": gathering, "members": members, "guests": guests if several else person,
                                       "other": names.entry(group.into)})
    if group.table == "person" and not word:
        return ("member_added", _("Added {members}").format(members=members), members) if several else (
            "member_added", _("Added {person}").format(person=person), person)
    if group.table == "person":
        return "member_changed", _("Changed the {field} of {person}").format(field=word, person=members if several else person), members if several else ""
    if group.table == "fact":
        badges = ngettext("{n} badge", "{n} badges", count).format(n=number(count))
        event, sentence = _NOTED.get(group.kind, lambda: ("checked_in", _("Noted at the door of {gathering}: {person}")))()
        strong = badges if group.kind == "badge" else guests if several else ""
        return event, sentence.format(gathering=gathering, person=guests if several else person, badges=badges), strong
    if group.table == "registration" and not word:
        return "guests_added", _("Added {guests} to {gathering}").format(guests=guests if several else person, gathering=gathering), guests if several else ""
    if group.table == "registration" and next(iter(group.rows.values()))[0] not in _ANSWER:
        return "guest_changed", _("Changed the {field} of {guests} at {gathering}").format(field=word, guests=guests if several else person,
                                                                                          gathering=gathering), guests if several else ""
    if group.table == "registration":
        return "answers_noted", _("Noted {answers} for {gathering}").format(answers=answers, gathering=gathering), answers
    if group.table == "chapter":
        return "chapter_changed", _("Changed the {field} of the chapter").format(field=word), ""
    return ("gathering_changed", _("Changed the {field} of {gathering}").format(field=word, gathering=gathering), "") if word else (
        "gathering_planned", _("Planned {gathering}").format(gathering=gathering), gathering)


_NOTED: dict[str, Callable[[], tuple[str, str]]] = {
    "in": lambda: ("checked_in", _("Checked in {person} at {gathering}")),
    "out": lambda: ("checked_out", _("{person} left {gathering}")),
    "void": lambda: ("check_in_undone", _("Took back the check-in of {person} at {gathering}")),
    "badge": lambda: ("badges_printed", _("Printed {badges} for {gathering}")),
}
"""What a fact says, as event and sentence."""


def _turned(group: _Group, several: bool, facts: dict[str, str]) -> tuple[str, str, str]:
    """The same of what was taken off a list or merged, or brought back."""
    name, was_set = group.turn or ("", False)
    if group.table == "registration":
        event, sentence = ("guests_removed", _("Took {guests} off the list of {gathering}")) if was_set else (
            "guests_brought_back", _("Put {guests} back on the list of {gathering}"))
        return event, sentence.format(**facts), facts["guests"] if several else ""
    if name == "merged_into":
        one, more = (_("Merged {person} with {other}"), _("Merged {members} with other entries")) if was_set else (
            _("Took {person} apart from another entry"), _("Took {members} apart from other entries"))
    else:
        one, more = (_("Removed {person}"), _("Removed {members}")) if was_set else (_("Brought back {person}"), _("Brought back {members}"))
    event = {("merged_into", True): "people_merged", ("merged_into", False): "people_unmerged", ("gone", True): "members_removed"}.get(
        (name, was_set), "members_brought_back")
    return event, (more if several else one).format(**facts), facts["members"] if several else ""
