"""The check that nothing is missing: the desk's base against what the server shows it, hash by hash; what differs is fetched again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.members.counting import COUNT_MEMBERS
from alumni_desk.protocol.clocks import pack
from alumni_desk.protocol.digest import Sums, differing, part_of, tail_of
from alumni_desk.protocol.messages import Block, Cursor, DigestReply, DigestRequest
from alumni_desk.store import fates
from alumni_desk.store.connecting import READER_CACHE
from alumni_desk.store.desk import Desk
from alumni_desk.sync import erasing, operations, session, state
from alumni_desk.sync.pull import apply_block, cursor_of, pull
from alumni_desk.sync.shapes import Shape, shapes
from alumni_desk.sync.views import Base, base_of, bases_of, no_base, settle
from alumni_desk.sync.wire import Wire

EVERY = timedelta(days=1)
MANY = 4_000
"""Changes at the server from which adding up takes longer than the thread that asks meanwhile."""

_AT_ONCE = 1_000
_TRIES = 3


def is_due(connection: sa.Connection, now: datetime) -> bool:
    """Whether the last check is a day old, found something missing, or was never made."""
    checked = state.read(connection, state.Checked)
    return checked is None or not checked.identical or not timedelta(0) <= now - datetime.fromisoformat(checked.at) < EVERY


def identical(connection: sa.Connection, scope: str) -> bool | None:
    """What the last check found, if nothing has come, gone or been written since; else None."""
    checked = state.read(connection, state.Checked)
    if checked is None or checked.cursor != cursor_of(connection, scope) or operations.count_waiting(connection):
        return None
    return checked.identical


def check(desk: Desk, wire: Wire, membership: state.Membership, anew: bool = False) -> bool | None:
    """Compare with the server, fetch again what differs, and keep what was found. None: the chapter moved on each time, so nobody can say. ``anew``: with its
    rows as they are, not with sums that it has kept."""
    mended, fetched = 0, False
    for _time in range(_TRIES):
        with ThreadPoolExecutor(1, "asking") as aside:
            with desk.reading() as connection:  # one moment: where we stand, and what we have there
                cursor = cursor_of(connection, membership.scope)
                request = DigestRequest(scope=membership.scope, cursor=cursor, columns=_columns(), anew=anew)
                ask = partial(session.call, desk, wire, membership, "digest", request, DigestReply)
                asked = aside.submit(ask) if cursor.sequence >= MANY else None  # both add up at the same time
                connection.exec_driver_sql("PRAGMA shrink_memory")
                connection.exec_driver_sql("PRAGMA cache_size = -2048")  # the whole chapter goes by once: nothing of it need stay
                try:
                    ours = _sums(connection, membership.scope)
                finally:
                    connection.exec_driver_sql(f"PRAGMA cache_size = -{READER_CACHE}")
            theirs = ask() if asked is None else asked.result()
        if theirs.cursor != cursor or not theirs.counts:
            pull(desk, wire, membership)
            continue
        bad = differing(ours.counts, ours.sums, theirs.counts, theirs.sums)
        if not bad:
            return _keep(desk, membership, cursor, True, mended)
        parts, differed = _mend(desk, wire, membership, cursor, bad)
        mended, fetched = mended + differed, fetched or parts > 0
    return _keep(desk, membership, cursor, False, mended) if fetched else None


def _keep(desk: Desk, membership: state.Membership, cursor: Cursor, same: bool, mended: int) -> bool:
    with desk.applying() as applying:
        session.refuse_another(applying.connection, membership)
        at = applying.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        members = int(applying.connection.exec_driver_sql(COUNT_MEMBERS).scalar() or 0)
        state.keep(applying.connection, state.Checked(at=at, identical=same, cursor=cursor, mended=mended, members=members))
    return same


def _columns() -> dict[str, list[str]]:
    return {name: list(shape.columns) for name, shape in shapes().items()}


def _sums(connection: sa.Connection, scope: str) -> Sums:
    """The sums of the base: of the rows as they are, or of their shadows where operations lie over them."""
    found = Sums()
    for shape in shapes().values():
        at = shape.columns.index("clocks")
        names = ", ".join(f't."{name}"' for name in shape.columns)
        rows = connection.exec_driver_sql(
            f'SELECT {names} FROM "{shape.name}" AS t WHERE scope = ?'
            f" AND id NOT IN (SELECT o.row_id {fates.FROM_WAITING} WHERE o.table_name = ?)", (scope, shape.name))
        found.add(shape.name, _plain(rows), at)
        found.add(shape.name, _under(connection, shape), at)
    return found


def _plain(rows: sa.CursorResult[Any]) -> Iterator[tuple[Any, ...]]:
    cursor = rows.cursor
    while cursor is not None and (part := cursor.fetchmany(_AT_ONCE)):
        yield from part
    rows.close()


def _under(connection: sa.Connection, shape: Shape) -> Iterator[tuple[Any, ...]]:
    """The bases of rows over which something lies still."""
    ids = connection.exec_driver_sql(f"SELECT DISTINCT o.row_id {fates.FROM_WAITING} WHERE o.table_name = ?", (shape.name,)).scalars().all()
    for row_id, base in bases_of(connection, shape, operations.lying_over(connection, shape.name, ids)).items():
        if base["clock"] is not None:
            values = {**base, "id": row_id, "clocks": pack(base["clocks"])}
            yield tuple(int(values[name]) if isinstance(values[name], bool) else values[name] for name in shape.columns)


def _mend(desk: Desk, wire: Wire, membership: state.Membership, cursor: Cursor, parts: Sequence[int]) -> tuple[int, int]:
    """Fetch some parts' rows and make them the base. Stops if the chapter moves meanwhile; returns how many parts were fetched, and rows put right."""
    left, mended = list(parts), 0
    while left:
        request = DigestRequest(scope=membership.scope, cursor=cursor, columns=_columns(), want=left)
        reply = session.call(desk, wire, membership, "digest", request, DigestReply)
        if reply.cursor != cursor or not reply.given:
            return len(parts) - len(left), mended
        with desk.applying() as applying:
            if cursor_of(applying.connection, membership.scope) != cursor:
                return len(parts) - len(left), mended
            for shape in shapes().values():
                block = next((one for one in reply.blocks if one.table == shape.name), None)
                mended += _replace(applying.connection, shape, membership.scope, reply.given, block)
            erasing.after_blocks(applying.connection, reply.blocks)
        left = [part for part in left if part not in reply.given]
    return len(parts) - len(left), mended


def _replace(connection: sa.Connection, shape: Shape, scope: str, parts: Sequence[int], block: Block | None) -> int:
    """Make a table's rows of some parts what the server gave; what it did not give is not there. What waits here stays on top. Returns how many differed."""
    given: dict[str, dict[str, Any]] = {}
    if block is not None:
        for values in block.rows:
            row = dict(zip(block.columns[1:], values[1:], strict=True))
            given[str(row["id"])] = row
    tails = msgspec.json.encode([tail_of(part) for part in parts]).decode()
    waiting = connection.exec_driver_sql(
        f"SELECT DISTINCT o.row_id {fates.FROM_WAITING} WHERE o.table_name = ? AND substr(o.row_id, 35, 2) IN (SELECT value FROM json_each(?))",
        (shape.name, tails)).scalars().all()
    lying = operations.lying_over(connection, shape.name, waiting)
    newer: dict[str, Base] = {row_id: base_of(shape, given[row_id]) if row_id in given else no_base(shape) for row_id in lying}
    before = bases_of(connection, shape, lying)
    settle(connection, shape, scope, lying, set(), newer)
    compared = [name for name in shape.columns if block is None or name in block.columns]
    there = {row[0]: row[1:] for row in connection.exec_driver_sql(
        f'SELECT id, {", ".join(map(_quoted, compared))} FROM "{shape.name}" WHERE scope = ? AND substr(id, 35, 2) IN (SELECT value FROM json_each(?))',
        (scope, tails))}
    come = {row_id: tuple(int(row[name]) if isinstance(row[name], bool) else row[name] for name in compared) for row_id, row in given.items()}
    differed = sum(there.get(row_id) != come.get(row_id) for row_id in (there.keys() | come.keys()) - lying.keys())
    differed += sum(before[row_id] != newer[row_id] for row_id in lying)
    away = [(row_id,) for row_id in there if row_id not in given and row_id not in lying]
    if away:
        connection.exec_driver_sql(f'DELETE FROM "{shape.name}" WHERE id = ?', away)
    if block is not None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        bare = Block(table=block.table, columns=block.columns, rows=[row for row in block.rows if part_of(str(row[1])) in parts and str(row[1]) not in lying])
        apply_block(connection, shape, scope, bare, at)
    return differed


def _quoted(name: str) -> str:
    return f'"{name}"'
