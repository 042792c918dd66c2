"""What a screen shows of a row: its base with the waiting operations laid over it; and the shadow that keeps the base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter, ne
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.canonical import json_text
from alumni_desk.protocol.clocks import pack, unpack
from alumni_desk.store import driver
from alumni_desk.sync.circles import open_circles
from alumni_desk.sync.operations import CHUNK, Overlay, typed
from alumni_desk.sync.shapes import Shape

Base = dict[str, Any]
"""A row as the server has it: its fields, ``gone`` and ``clock``, and ``clocks`` as a map. Without a clock there is no row."""


def no_base(shape: Shape) -> Base:
    """The base of a row that the server does not have."""
    return {**dict.fromkeys(shape.types), "gone": False, "clock": None, "clocks": {}}


def base_of(shape: Shape, values: Mapping[str, Any]) -> Base:
    """A base from a row or a shadow as it is kept: flags may be 0 and 1, ``clocks`` text."""
    base = no_base(shape)
    base.update({name: value for name, value in typed(shape, values).items() if name in base})
    clocks = base["clocks"]
    base["clocks"] = dict(clocks) if isinstance(clocks, dict) else unpack(clocks)
    base["gone"] = bool(base["gone"])
    return base


def lay_over(base: Base, shape: Shape, operations: Sequence[Overlay]) -> Base:
    """The view: one's own writes are visible until they are resolved and pulled, whatever their clocks; others' where theirs is the greatest."""
    view = {**base, "clocks": dict(base["clocks"])}
    for operation in operations:
        if operation.peer:
            continue
        view.update({name: value for name, value in operation.fields.items() if name in shape.types})
        if shape.kind == "put":
            for name in operation.fields:
                view["clocks"][shape.clock_keys.get(name, name)] = operation.clock
        view["clock"] = max(view["clock"] or "", operation.clock)
    for operation in sorted((one for one in operations if one.peer), key=lambda one: (one.clock, one.id)):
        _lay_peers(view, shape, operation)
    return view


def _lay_peers(view: Base, shape: Shape, operation: Overlay) -> None:
    """Another laptop's operation, as the server would judge it: the greatest clock wins, and a fact never changes."""
    if shape.kind == "fact":
        if view["clock"] is None:
            view.update({name: value for name, value in operation.fields.items() if name in shape.types}, clock=operation.clock)
        return
    for key in {shape.clock_keys[name] for name in operation.fields if name in shape.types}:
        if (shape.name, key) == ("registration", "code") and view[key]:
            continue  # badges are printed with the one that is here; whether another takes its place is the server's to say
        if operation.clock >= view["clocks"].get(key, ""):  # equal: the chapter's part of an edit whose other part, of the same address, was the door's
            view["clocks"][key] = operation.clock
            view.update({name: value for name, value in operation.fields.items() if shape.clock_keys.get(name) == key})
            view["clock"] = max(view["clock"] or "", operation.clock)


def under(view: Base, shape: Shape, operations: Sequence[Overlay]) -> Base:
    """The base of a row that no pull has touched since the first of these operations: their values before, put back."""
    base = {**view, "clocks": dict(view["clocks"])}
    if not operations:
        return base
    for operation in reversed(operations):
        for name in operation.fields:
            if name in shape.types:
                base[name] = operation.values_before.get(name)
            key = shape.clock_keys.get(name, name)
            before = operation.before.get(key) or operation.before.get(name)
            if before:
                base["clocks"][key] = before
            else:
                base["clocks"].pop(key, None)
    if shape.kind == "fact" or not base["clocks"]:
        return no_base(shape)
    base["gone"] = bool(base["gone"])
    base["clock"] = max(base["clocks"].values())
    return base


def bases_of(connection: sa.Connection, shape: Shape, lying: Mapping[str, Sequence[Overlay]]) -> dict[str, Base]:
    """The bases of rows that operations lie over: from the shadow, or from the operations' values before."""
    found = {row_id: base_of(shape, msgspec.json.decode(text) or {}) for row_id, text in _shadows(connection, shape.name, list(lying)).items()}
    missing = [row_id for row_id in lying if row_id not in found]
    views = _views(connection, shape, missing)
    for row_id in missing:
        found[row_id] = under(views[row_id], shape, lying[row_id]) if row_id in views else no_base(shape)
    return found


def _shadows(connection: sa.Connection, table: str, ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(ids), CHUNK):
        part = msgspec.json.encode(ids[start:start + CHUNK]).decode()
        rows = connection.exec_driver_sql(
            "SELECT row_id, base FROM shadow WHERE table_name = ? AND row_id IN (SELECT value FROM json_each(?))", (table, part))
        found.update((row.row_id, row.base) for row in rows)
    return found


def _views(connection: sa.Connection, shape: Shape, ids: Sequence[str]) -> dict[str, Base]:
    found: dict[str, Base] = {}
    names = ", ".join(f'"{name}"' for name in shape.columns)
    for start in range(0, len(ids), CHUNK):
        part = msgspec.json.encode(ids[start:start + CHUNK]).decode()
        rows = connection.exec_driver_sql(f'SELECT {names} FROM "{shape.name}" WHERE id IN (SELECT value FROM json_each(?))', (part,))
        for row in rows.mappings():
            found[row["id"]] = base_of(shape, dict(row))
    return found


def write_views(connection: sa.Connection, shape: Shape, scope: str, views: Mapping[str, Base]) -> None:
    """Put rows as they shall be seen; a row without a clock is nowhere, and is taken away."""
    here = _as_kept(connection, shape, scope, list(views))
    put: list[tuple[Any, ...]] = []
    stamped: list[tuple[Any, ...]] = []
    for row_id, view in views.items():
        if view["clock"] is None:
            continue
        values = tuple([view[name] for name in shape.types])
        stamp = (view["clock"], pack(view["clocks"]))
        there = here.get(row_id)
        if there is None or there[2:] != values:
            put.append((row_id, scope, *stamp, *values))
        elif there[:2] != stamp:
            stamped.append((*stamp, row_id))
    put_columns(connection, shape, ("id", "scope", "clock", "clocks", *shape.types), put)
    if stamped:  # one's own words come back from the server: nothing to search anew
        connection.exec_driver_sql(f'UPDATE "{shape.name}" SET clock = ?, clocks = ? WHERE id = ?', stamped)
    away = [(row_id,) for row_id, view in views.items() if view["clock"] is None]
    if away:
        connection.exec_driver_sql(f'DELETE FROM "{shape.name}" WHERE id = ?', away)


def _as_kept(connection: sa.Connection, shape: Shape, scope: str, ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Clock, clocks and fields of rows as the table has them."""
    found: dict[str, tuple[Any, ...]] = {}
    names = ", ".join(f'"{name}"' for name in ("id", "clock", "clocks", *shape.types))
    for start in range(0, len(ids), CHUNK):
        part = msgspec.json.encode(ids[start:start + CHUNK]).decode()
        rows = connection.exec_driver_sql(f'SELECT {names} FROM "{shape.name}" WHERE scope = ? AND id IN (SELECT value FROM json_each(?))', (scope, part))
        cursor = rows.cursor
        if cursor is not None:
            found.update((row[0], tuple(row[1:])) for row in cursor.fetchall())
        rows.close()
    return found


def put_columns(connection: sa.Connection, shape: Shape, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows or replace those that are there, many at once; the names have ``id`` among them."""
    if not rows:
        return
    quoted = [f'"{name}"' for name in names]
    marks = ", ".join("?" * len(names))
    sets = ", ".join(f"{name} = excluded.{name}" for name in quoted if name != '"id"')
    connection.exec_driver_sql(f'INSERT INTO "{shape.name}" ({", ".join(quoted)}) VALUES ({marks}) ON CONFLICT (id) DO UPDATE SET {sets}', list(rows))


def rows_here(connection: sa.Connection, shape: Shape, names: Sequence[str], ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """These columns of those of these rows that are here, by id."""
    columns = ", ".join(f't."{name}"' for name in names)
    found: dict[str, tuple[Any, ...]] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), CHUNK):
        part = msgspec.json.encode(wanted[start:start + CHUNK]).decode()
        rows = driver.rows(connection, f'SELECT t.id, {columns} FROM "{shape.name}" AS t WHERE t.id IN (SELECT value FROM json_each(?))', (part,))
        found.update((row[0], row[1:]) for row in rows)
    return found


def put_over(connection: sa.Connection, shape: Shape, names: Sequence[str], rows: Sequence[tuple[Any, ...]], here: Mapping[str, tuple[Any, ...]]) -> None:
    """The same as ``put_columns``, where it is known what is ``here``: only what is another value now is written, and looked at by indexes and search."""
    at_id = list(names).index("id")
    whole: list[tuple[Any, ...]] = []
    changed: dict[tuple[bool, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        there = here.get(row[at_id])
        if there is None:
            whole.append(row)
        elif there != row:
            changed.setdefault(tuple(map(ne, row, there)), []).append(row)
    for differs, those in changed.items():
        if len(those) < _ALIKE:
            whole += those
            continue
        places = [place for place, other in enumerate(differs) if other]
        sets = ", ".join(f'"{names[place]}" = ?' for place in places)
        pick = itemgetter(*places, at_id)
        those.sort(key=itemgetter(at_id))  # neighbours one after the other: ids rise with time, as places do
        driver.run_many(connection, f'UPDATE "{shape.name}" SET {sets} WHERE id = ?', [pick(row) for row in those])
    put_columns(connection, shape, names, whole)


_ALIKE = 10
"""Rows that change in the same columns from which a statement of their own is worth it."""


def keep_shadows(connection: sa.Connection, table: str, bases: Mapping[str, Base]) -> None:
    """Keep bases while operations lie over their rows."""
    if bases:
        connection.exec_driver_sql(
            "INSERT INTO shadow (table_name, row_id, base) VALUES (?, ?, ?) ON CONFLICT (table_name, row_id) DO UPDATE SET base = excluded.base",
            [(table, row_id, json_text({**base, "clocks": pack(base["clocks"])})) for row_id, base in bases.items()])


def drop_shadows(connection: sa.Connection, table: str, ids: Sequence[str]) -> None:
    """Nothing lies over these rows any more: the row is its base."""
    if ids:
        connection.exec_driver_sql("DELETE FROM shadow WHERE table_name = ? AND row_id = ?", [(table, row_id) for row_id in ids])


def settle(connection: sa.Connection, shape: Shape, scope: str, lying: Mapping[str, Sequence[Overlay]], done: frozenset[int] | set[int],
           newer: Mapping[str, Base] | None = None) -> None:
    """Rebuild rows after some of the operations over them (by rowid) were resolved, or after newer bases came."""
    known = {row_id: operations for row_id, operations in lying.items() if row_id not in (newer or {})}
    bases = {**bases_of(connection, shape, known), **(newer or {})}
    views: dict[str, Base] = {}
    kept: dict[str, Base] = {}
    for row_id, base in bases.items():
        rest = [operation for operation in lying.get(row_id, ()) if operation.rowid not in done]
        views[row_id] = lay_over(base, shape, rest)
        if rest:
            kept[row_id] = base
    write_views(connection, shape, scope, views)
    keep_shadows(connection, shape.name, kept)
    drop_shadows(connection, shape.name, [row_id for row_id in bases if row_id not in kept])
    if shape.name == "person":
        open_circles(connection)
