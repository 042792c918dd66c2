"""Erasing people for good at the server: the whole merge group, every field about a person, wherever the server keeps values. Ids stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.clocks import pack, unpack
from alumni_desk.server import feed, set_aside
from alumni_desk.server.asking import ask
from alumni_desk.server.audiences import CHAPTER, Entry, Name, Touched, concerned_by, moves
from alumni_desk.server.bulk import chunks, put_rows, rows_by_id
from alumni_desk.server.clamping import stamp
from alumni_desk.server.lasting import is_to_come
from alumni_desk.store.synced import clock_key

Journal = Callable[..., None]
"""Writes a line of the journal: ``journal("erase", at=…, scope=…, …)``."""

GONE = frozenset({"person", "education"})
"""Rows that are nothing without what was about the person; a registration stays, so that whoever came is still counted."""

SHARED = frozenset({"household"})
"""Rows that are about others too: what they say is taken out, and they may be written anew."""

_ONE = "e.scope = f.scope AND e.table_name = f.table_name AND e.row_id = f.row_id AND (e.kept IS NULL OR e.moved_to IS NOT NULL)"
_PART = "f.scope = ? AND f.audience = ? AND f.sequence > ? AND f.sequence <= ?"
_MARKED = {
    "postgresql": "SELECT e.table_name, e.row_id, e.moved_to FROM feed AS f,"
                  f" LATERAL (SELECT e.table_name, e.row_id, e.moved_to FROM erased AS e WHERE {_ONE} OFFSET 0) AS e WHERE {_PART}",
    "sqlite": f"SELECT e.table_name, e.row_id, e.moved_to FROM feed AS f CROSS JOIN erased AS e ON {_ONE} WHERE {_PART}"}
"""A look-up for each row of the part: left to itself PostgreSQL reads the whole feed, as it does not know how few were ever erased."""

_ALL_MARKED = {
    "postgresql": f"SELECT e.table_name, e.row_id, e.moved_to FROM erased AS e, LATERAL (SELECT 1 FROM feed AS f WHERE {_ONE} AND {_PART} OFFSET 0) AS there"
                  " WHERE e.scope = ?",
    "sqlite": f"SELECT e.table_name, e.row_id, e.moved_to FROM erased AS e CROSS JOIN feed AS f ON {_ONE} WHERE {_PART} AND e.scope = ?"}
"""The same from the first row on: a look-up for each that was erased."""


def erase(connection: sa.Connection, tables: sa.MetaData, locked: feed.LockedHead, people: Iterable[str], now: int,
          journal: Journal | None) -> dict[tuple[str, str], int]:
    """Erase these people and whoever was merged with them; gives the sequences of the rows that changed by it. The caller commits."""
    scope = locked.scope
    rows = _rows_about(connection, tables, scope, merge_group(connection, tables, scope, people))
    there = {name: _there(connection, tables.tables[name], scope, ids) for name, ids in rows.items()}
    for name, ids in rows.items():
        for row in sorted(ids):
            if journal is not None:
                journal("erase", at=now, scope=scope, table=name, row=row)
    for name, held in there.items():
        clear(connection, tables, scope, name, held, now)
    ended = _end_places(connection, tables, scope, there.get("registration", ()), now)
    note(connection, tables, scope, {(name, row) for name, ids in rows.items() for row in ids}, now)
    forget(connection, tables, scope, {(name, row) for name, ids in rows.items() for row in ids})
    return _tell(connection, tables, locked, rows, there, moves(connection, tables, scope, ended, concerned_by(scope, ended, {})) if ended else ())


def tell_again(connection: sa.Connection, tables: sa.MetaData, scope: str, rows: Mapping[str, set[str]]) -> None:
    """Move rows that were erased outside a push to the end of the feeds, so that every laptop hears of it. The caller commits."""
    locked = feed.lock_head(connection, tables, scope)
    if locked is None:
        return
    _tell(connection, tables, locked, rows, {name: _there(connection, tables.tables[name], scope, ids) for name, ids in rows.items()})
    feed.move_head(connection, tables, locked)


def _tell(connection: sa.Connection, tables: sa.MetaData, locked: feed.LockedHead, rows: Mapping[str, set[str]],
          there: Mapping[str, list[str]], moved: Iterable[Entry] = ()) -> dict[tuple[str, str], int]:  # fmt: skip
    """Of a row that is not there, since it was removed long ago or a backup has not got it, laptops may have words still: they hear of it, too.

    ``moved``: what changed besides of who is on whose list.
    """
    told = {name: set(there[name]) if name in SHARED else ids for name, ids in rows.items()}
    return feed.touch(connection, tables, locked, [(name, row, name in GONE or row not in there[name]) for name, ids in told.items() for row in sorted(ids)],
                      list({entry[:3]: entry for entry in (*at_doors(connection, tables, locked.scope, there), *moved)}.values()))


def at_doors(connection: sa.Connection, tables: sa.MetaData, scope: str, rows: Mapping[str, Iterable[str]], *, gone: bool = False) -> list[Entry]:
    """The places of these rows in the feeds of gatherings: they are told there, too. ``gone``: that they leave."""
    entries = tables.tables["feed"]
    found: list[Entry] = []
    for name, ids in rows.items():
        for part in chunks(ids):
            query = sa.select(entries.c.audience, entries.c.row_id).where(
                entries.c.scope == scope, entries.c.table_name == name, entries.c.row_id.in_(part), entries.c.audience != CHAPTER, ~entries.c.gone)
            found.extend(Entry(row.audience, name, row.row_id, gone) for row in connection.execute(query))
    return found


def clear(connection: sa.Connection, tables: sa.MetaData, scope: str, name: str, ids: Iterable[str], now: int) -> None:
    """Take every field about a person out of these rows. A shared one gets a clock for it, so that older values do not come back."""
    table = tables.tables[name]
    about = [column for column in table.columns if column.info.get("about")]
    empty: dict[str, Any] = {column.name: None for column in about}
    if name in GONE:
        empty["gone"] = True
    for part in chunks(ids):
        connection.execute(sa.update(table).where(table.c.scope == scope, table.c.id.in_(part)).values(**empty))
        if name in SHARED:
            clock = stamp(now, scope.replace("-", "")[:16])
            for row in connection.execute(sa.select(table.c.id, table.c.clock, table.c.clocks).where(table.c.scope == scope, table.c.id.in_(part))).all():
                clocks = unpack(row.clocks)
                clocks.update({clock_key(column): max(clock, clocks.get(clock_key(column), "")) for column in about})
                connection.execute(sa.update(table).where(table.c.scope == scope, table.c.id == row.id).values(
                    clocks=pack(clocks), clock=max(row.clock or "", *clocks.values())))


def _end_places(connection: sa.Connection, tables: sa.MetaData, scope: str, ids: Iterable[str], now: int) -> dict[Name, Touched]:
    table, ended = tables.tables["registration"], dict[Name, Touched]()
    for part in chunks(sorted(ids)):
        those = [dict(row) for row in connection.execute(sa.select(table).where(table.c.scope == scope, table.c.id.in_(part))).mappings()]
        over = ended_places(connection, tables, scope, those, stamp(now, scope.replace("-", "")[:16]), now)
        for row in those:
            if row["id"] in over:
                connection.execute(sa.update(table).where(table.c.scope == scope, table.c.id == row["id"]).values(**over[row["id"]]))
                ended["registration", row["id"]] = Touched(row, {**row, **over[row["id"]]})
    return ended


def ended_places(connection: sa.Connection, tables: sa.MetaData, scope: str, those: Sequence[Mapping[str, Any]], clock: str,
                 now: int) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Of these registrations of people who are here no more, those that end with them: nobody came by them, and the gathering is to come. What changes."""
    fact = tables.tables["fact"]
    when = rows_by_id(connection, tables.tables["gathering"], scope, {row["gathering"] for row in those if row["gathering"]})
    came = set(connection.execute(sa.select(fact.c.registration).where(
        fact.c.scope == scope, fact.c.registration.in_([row["id"] for row in those]), fact.c.kind.in_(("in", "out")))).scalars())  # not a badge, or its void
    return {row["id"]: {"status": "cancelled", "clocks": pack({**unpack(row["clocks"]), "status": clock}), "clock": max(row["clock"] or "", clock)}
            for row in those if not row["gone"] and row["status"] != "cancelled" and row["id"] not in came and row["gathering"] in when
            and is_to_come(when[row["gathering"]], now)}


def note(connection: sa.Connection, tables: sa.MetaData, scope: str, rows: Iterable[tuple[str, str]], now: int) -> None:
    """Keep for ever that these rows were erased: later operations on them are answered so."""
    put_rows(connection, tables.tables["erased"], [{"scope": scope, "table_name": name, "row_id": row, "erased_at": now, "kept": None, "moved_to": None}
                                                   for name, row in sorted(rows) if name not in SHARED])


def forget(connection: sa.Connection, tables: sa.MetaData, scope: str, rows: set[tuple[str, str]]) -> None:
    """Take what is about these rows out of conflicts and of what was set aside."""
    conflict = tables.tables["conflict"]
    by_table: dict[str, list[str]] = defaultdict(list)
    for name, row in rows:
        by_table[name].append(row)
    for name, ids in by_table.items():
        for part in chunks(sorted(ids)):
            connection.execute(sa.delete(conflict).where(conflict.c.scope == scope, conflict.c.table_name == name, conflict.c.row_id.in_(part)))
    set_aside.forget(connection, tables, scope, rows)


Marked = tuple[dict[str, list[str]], dict[str, list[str]]]
"""Rows by table: those that were erased, and those that another chapter has now."""


def marked_in(connection: sa.Connection, scope: str, audience: str, after: int, until: int) -> Marked:
    """Of the rows in this part of the feed, by table, those that were erased; and those that another chapter has now, see ``moved``."""
    return asked_marked(connection, scope, audience, after, until)()


def asked_marked(connection: sa.Connection, scope: str, audience: str, after: int, until: int) -> Callable[[], Marked]:
    """The same, asked now and answered later."""
    dialect, part = connection.dialect.name, (scope, audience, after, until)
    rows = ask(connection, _MARKED[dialect], *part) if after else ask(connection, _ALL_MARKED[dialect], *part, scope)

    def answer() -> Marked:
        found: dict[bool, dict[str, list[str]]] = {False: defaultdict(list), True: defaultdict(list)}
        for table, row_id, to in rows():
            found[to is not None][table].append(row_id)
        return dict(found[False]), dict(found[True])

    return answer


def people_erased(connection: sa.Connection, tables: sa.MetaData, scope: str, people: Iterable[str]) -> set[str]:
    """Those of these people who were erased."""
    erased = tables.tables["erased"]
    found: set[str] = set()
    for part in chunks(people):
        found.update(connection.execute(sa.select(erased.c.row_id).where(erased.c.scope == scope, erased.c.table_name == "person",
                                                                         erased.c.kept.is_(None), erased.c.row_id.in_(part))).scalars())
    return found


def merge_group(connection: sa.Connection, tables: sa.MetaData, scope: str, people: Iterable[str]) -> set[str]:
    """These people and everybody who was merged with them."""
    person = tables.tables["person"]
    found: set[str] = set()
    news = set(people)
    while news:
        found |= news
        beside: set[str] = set()
        for part in chunks(sorted(news)):
            mine = sa.select(person.c.merged_into).where(person.c.scope == scope, person.c.id.in_(part), person.c.merged_into.is_not(None))
            beside.update(connection.execute(mine).scalars())
            beside.update(connection.execute(sa.select(person.c.id).where(person.c.scope == scope, person.c.merged_into.in_(part))).scalars())
        news = beside - found
    return found


def _rows_about(connection: sa.Connection, tables: sa.MetaData, scope: str, people: set[str]) -> dict[str, set[str]]:
    rows: dict[str, set[str]] = {"person": set(people)}
    person = tables.tables["person"]
    for part in chunks(sorted(people)):
        for name in ("education", "registration"):
            table = tables.tables[name]
            rows.setdefault(name, set()).update(connection.execute(sa.select(table.c.id).where(table.c.scope == scope, table.c.person.in_(part))).scalars())
        homes = sa.select(person.c.household).where(person.c.scope == scope, person.c.id.in_(part), person.c.household.is_not(None))
        rows.setdefault("household", set()).update(connection.execute(homes).scalars())
    return rows


def _there(connection: sa.Connection, table: sa.Table, scope: str, ids: set[str]) -> list[str]:
    found: list[str] = []
    for part in chunks(sorted(ids)):
        found.extend(connection.execute(sa.select(table.c.id).where(table.c.scope == scope, table.c.id.in_(part))).scalars())
    return found
