"""A first sync, or one from zero, by a file: fetched piece by piece, copied in one transaction, pulled on from the place that it shows.

The file is encrypted under a key of its own, which lies in the desk's database; a fetch that was cut off goes on where it ended. Where the server
has none to offer, or the line is so slow that the rows alone come sooner, the desk pulls from zero as it always could.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
import sqlalchemy as sa

from alumni_desk.errors import KnownError, NetworkProblem, StoreProblem
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import Head, SnapshotReply, SnapshotRequest
from alumni_desk.schema import SCHEMA_VERSION
from alumni_desk.store import disk, fates, history, search
from alumni_desk.store.at_door import is_at_door
from alumni_desk.store.connecting import WRITER_CACHE, Beside
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import alone
from alumni_desk.sync import erasing, moved_away, operations, session, state
from alumni_desk.sync.door import forget_rows
from alumni_desk.sync.operations import CHUNK
from alumni_desk.sync.pull import cursor_of, settle_passed
from alumni_desk.sync.shapes import Shape, shapes
from alumni_desk.sync.views import Base, base_of, no_base, settle
from alumni_desk.sync.wire import NoSession, Wire, stopped

WORTH = 4_000
"""Changes at the server from which a file comes sooner than a page or two of rows."""

ASKED = 40
"""How often the server is asked whether the file is made, before the desk pulls instead."""

SLOW_AFTER = 5.0
TOO_LONG = 90.0
"""Seconds that a fetch may take still, judged after the first few; rows are a quarter as many bytes."""

_SEARCHED_AT_ONCE = 2_000
_COPY_CACHE = 57_344
"""KB of pages that are kept while a file is copied in and the search index made: with fewer that takes twice as long."""


class _TooSlow(Exception):
    """The rows alone will be here sooner."""


def take(desk: Desk, wire: Wire, membership: state.Membership, head: Head, progress: Callable[[int], None] | None = None) -> int:
    """If this desk begins from zero in a chapter that is worth it, make the server's snapshot its base. Returns how many rows came; 0: pull them."""
    with desk.reading() as connection:
        if not is_worth(connection, membership.scope, head):
            return 0
    with alone(desk.profile.path / "snapshot.lock"):  # another program of this desk may fetch it, too
        return _take(desk, wire, membership, head, progress)


def is_worth(connection: sa.Connection, scope: str, head: Head) -> bool:
    """Whether this desk begins from zero in a chapter that is large enough for a file."""
    fresh = cursor_of(connection, scope).sequence == 0 or state.read(connection, state.Rebuilding) is not None
    return fresh and head.sequence >= WORTH


def _take(desk: Desk, wire: Wire, membership: state.Membership, head: Head, progress: Callable[[int], None] | None) -> int:
    file = desk.profile.path / "snapshot.part"
    for _attempt in range(2):
        with desk.reading() as connection:
            if not is_worth(connection, membership.scope, head):  # the other program has done it
                return 0
            kept = state.read(connection, state.Fetching)
        offer = kept.offer if kept is not None and kept.offer.timeline == head.timeline and file.exists() else _offer(desk, wire, membership, file)
        if offer is None:
            break
        try:
            whole = _fetch(desk, wire, membership, offer, file)
        except _TooSlow:
            break
        if whole:
            try:
                copied = copy_in(desk, membership.scope, offer, file, progress)
            except StoreProblem as problem:
                if problem.code != "database_damaged":  # the file, not the desk: a page of it was changed on the way
                    raise
            else:
                _drop(desk, file)
                return copied
        _drop(desk, file)
    _drop(desk, file)
    return 0


def _drop(desk: Desk, file: Path) -> None:
    file.unlink(missing_ok=True)
    with desk.applying() as applying:
        state.drop(applying.connection, state.Fetching)
        applying.connection.exec_driver_sql(f"PRAGMA main.cache_size = -{WRITER_CACHE}")
        applying.connection.exec_driver_sql("PRAGMA shrink_memory")  # pages of all that was copied


def _offer(desk: Desk, wire: Wire, membership: state.Membership, file: Path) -> SnapshotReply | None:
    """What the server offers, kept; None if it has nothing for us."""
    for _time in range(ASKED):
        try:
            offer = session.call(desk, wire, membership, f"snapshot/{membership.scope}", SnapshotRequest(schema=SCHEMA_VERSION), SnapshotReply)
        except NetworkProblem as problem:
            if problem.code in ("sync_no_server", "sync_server_trouble"):  # a server that does not know the call, or cannot make one
                return None
            raise
        if offer.state == "ready":
            file.unlink(missing_ok=True)
            with desk.applying() as applying:
                session.refuse_another(applying.connection, membership)
                state.keep(applying.connection, state.Fetching(offer))
            return offer
        if offer.state == "none" or wire.pause(0.5):
            return None
    return None


def _fetch(desk: Desk, wire: Wire, membership: state.Membership, offer: SnapshotReply, file: Path) -> bool:
    """Bring the rest of the file here; False if the server has it no more."""
    path = f"snapshot/{membership.scope}/{offer.name}"
    with _opened(file) as handle:
        here = min(handle.tell(), offer.size)
        handle.truncate(here)
        if here == offer.size:
            return True
        write = _writer(handle, offer.size - here)
        try:
            status = wire.fetch(path, here, f'"{offer.name}"', write)
        except NoSession:
            session.begin(desk, wire, membership)
            status = wire.fetch(path, here, f'"{offer.name}"', write)
        return status in (200, 206) and handle.tell() == offer.size


def _opened(file: Path) -> BinaryIO:
    try:
        return open(file, "ab")
    except OSError as error:
        raise _disk(error) from None


def _writer(handle: BinaryIO, left: int) -> Callable[[bytes], None]:
    begun, came = time.monotonic(), 0

    def write(part: bytes) -> None:
        nonlocal came
        try:
            handle.write(part)
            handle.flush()  # what came is not fetched again, whatever happens
        except OSError as error:
            raise _disk(error) from None
        came += len(part)
        taken = time.monotonic() - begun
        if taken > SLOW_AFTER and (left - came) * taken / came > TOO_LONG:
            raise _TooSlow

    return write


def _disk(error: OSError) -> KnownError:
    if error.errno in disk.FULL:
        return disk.disk_full()
    return disk.read_only() if error.errno in disk.READ_ONLY else disk.disk_trouble()


def copy_in(desk: Desk, scope: str, offer: SnapshotReply, file: Path, progress: Callable[[int], None] | None = None) -> int:
    """Make a snapshot's rows the base of a scope, under what waits here; settle what it resolves; stand at its cursor. One transaction. Raises Refused
    ``sync_stopped`` where it is not what this laptop is fetching any more."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with desk.applying(Beside("snapshot", file, offer.key)) as applying:
        connection = applying.connection
        if state.read(connection, state.Fetching) != state.Fetching(offer):  # this laptop may have another chapter meanwhile, or a part of it alone
            raise stopped()
        connection.exec_driver_sql("PRAGMA snapshot.cache_size = -2048")  # each of its pages is read once
        connection.exec_driver_sql(f"PRAGMA main.cache_size = -{_COPY_CACHE}")
        there = {str(name) for name in connection.exec_driver_sql("SELECT name FROM snapshot.sqlite_master WHERE type = 'table'").scalars()}
        known = [shape for name, shape in shapes().items() if name in there]
        first = connection.exec_driver_sql("SELECT 1 FROM person LIMIT 1").first() is None
        erasing.before_rows(connection, offer.erased)
        moved_away.before_rows(connection, scope, offer.moved)
        for shape in known:
            _copy_table(connection, shape, scope, offer.cursor.sequence, at)
        erasing.after_file(connection)
        state.keep_authors(connection, offer.replicas)
        settle_passed(connection, scope, offer.cursor.sequence, at)
        moved_away.after_file(connection, offer.moved)
        connection.exec_driver_sql("UPDATE scope SET cursor = ?, chain = ? WHERE id = ?", (offer.cursor.sequence, offer.cursor.chain, scope))
        state.drop(connection, state.Rebuilding)
        if progress is not None:
            progress(offer.rows)
        _search(connection, everybody=first)
    return offer.rows


def _copy_table(connection: sa.Connection, shape: Shape, scope: str, reached: int, at: str) -> None:
    ours, theirs = _columns(connection, "main", shape.name), _columns(connection, "snapshot", shape.name)
    lying = sorted(connection.exec_driver_sql(_LYING.replace("SELECT", "SELECT DISTINCT", 1), (shape.name,)).scalars())
    empty = connection.exec_driver_sql(f'SELECT 1 FROM main."{shape.name}" LIMIT 1').first() is None
    if empty and not lying and ours == theirs:
        with _without_triggers(connection, shape.name):
            connection.exec_driver_sql(f'INSERT INTO main."{shape.name}" SELECT * FROM snapshot."{shape.name}"')  # whole pages: same form, same indexes
        return
    names = [name for name in ours if name in theirs and name != "scope"]
    if shape.kind == "put" and is_at_door(connection):
        gone = connection.exec_driver_sql(f'SELECT id FROM main."{shape.name}" WHERE {_GONE.format(table=shape.name)}', (scope, shape.name)).scalars().all()
        forget_rows(connection, scope, {shape.name: gone} if gone else {})
    _keep_replaced(connection, shape)
    _lay_bare(connection, shape, scope, names)
    for start in range(0, len(lying), CHUNK):
        _lay_under(connection, shape, scope, names, lying[start:start + CHUNK], reached, at)


class _without_triggers:
    """Nothing looks at the rows that are copied: no edit of anybody's is among them, and the search index is refreshed once, at the end."""

    def __init__(self, connection: sa.Connection, table: str) -> None:
        self._connection = connection
        self._those = connection.exec_driver_sql("SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)).all()

    def __enter__(self) -> None:
        for row in self._those:
            self._connection.exec_driver_sql(f'DROP TRIGGER main."{row.name}"')

    def __exit__(self, kind: object, *_more: object) -> None:
        if kind is None:  # else all of it is rolled back
            for row in self._those:
                self._connection.exec_driver_sql(row.sql)


def _columns(connection: sa.Connection, schema: str, table: str) -> list[str]:
    return [str(row.name) for row in connection.exec_driver_sql(f'PRAGMA {schema}.table_info("{table}")')]


_LYING = f"SELECT o.row_id {fates.FROM_WAITING} WHERE o.table_name = ? AND o.kind <> 'command'"  # an order lies over no row


_GONE = f'scope = ? AND id NOT IN (SELECT id FROM snapshot."{{table}}") AND id NOT IN ({_LYING})'


def _lay_bare(connection: sa.Connection, shape: Shape, scope: str, names: Sequence[str]) -> None:
    """The rows over which nothing lies become as the snapshot has them; what it does not have goes."""
    connection.exec_driver_sql(f'DELETE FROM main."{shape.name}" WHERE {_GONE.format(table=shape.name)}', (scope, shape.name))
    quoted = ["scope", *(f'"{name}"' for name in names)]
    sets = ", ".join(f"{name} = excluded.{name}" for name in quoted if name != '"id"')
    same = " AND ".join(f"m.{name} IS s.{name}" for name in quoted)
    connection.exec_driver_sql(
        f'INSERT INTO main."{shape.name}" ({", ".join(quoted)}) SELECT {", ".join(f"s.{name}" for name in quoted)} FROM snapshot."{shape.name}" AS s'
        f' WHERE s.id NOT IN ({_LYING}) AND NOT EXISTS (SELECT 1 FROM main."{shape.name}" AS m WHERE m.id = s.id AND {same})'
        f" ON CONFLICT (id) DO UPDATE SET {sets}", (shape.name,))


def _lay_under(connection: sa.Connection, shape: Shape, scope: str, names: Sequence[str], ids: Sequence[str], reached: int, at: str) -> None:
    """What waits here lies over the snapshot's rows; what it resolved is in them."""
    over = operations.lying_over(connection, shape.name, ids)
    wanted = msgspec.json.encode(list(ids)).decode()
    quoted = ", ".join(f'"{name}"' for name in names)
    newer: dict[str, Base] = {row_id: no_base(shape) for row_id in over}
    for row in connection.exec_driver_sql(f'SELECT {quoted} FROM snapshot."{shape.name}" WHERE id IN (SELECT value FROM json_each(?))', (wanted,)).mappings():
        newer[row["id"]] = base_of(shape, dict(row))
    done = {one.rowid for those in over.values() for one in those if one.sequence is not None and one.sequence <= reached}
    operations.mark_accepted(connection, sorted(done), at)
    settle(connection, shape, scope, over, done, newer)


def _keep_replaced(connection: sa.Connection, shape: Shape) -> None:
    """What a row's fields were goes into its history before it is replaced."""
    if shape.kind != "put":
        return
    keys = {name: shape.clock_keys.get(name, name) for name in shape.types}
    rows = connection.exec_driver_sql(f'SELECT s.id, s.clocks FROM snapshot."{shape.name}" AS s JOIN main."{shape.name}" AS m ON m.id = s.id'
                                      " WHERE s.clocks IS NOT m.clocks AND s.clocks IS NOT NULL")
    while part := rows.fetchmany(CHUNK):
        history.keep_replaced(connection, shape.name, keys, {row.id: unpack(row.clocks) for row in part})


def _search(connection: sa.Connection, *, everybody: bool) -> None:
    """Refresh the search index for whoever changed, some thousand at a time: all of them at once would take memory for each."""
    if not everybody:
        connection.exec_driver_sql("CREATE TEMP TABLE to_search AS SELECT id FROM search_stale")
    source = "person" if everybody else "to_search"
    connection.exec_driver_sql("DELETE FROM search_stale")
    last = int(connection.exec_driver_sql(f"SELECT coalesce(max(rowid), 0) FROM {source}").scalar() or 0)
    for start in range(0, last, _SEARCHED_AT_ONCE):
        connection.exec_driver_sql(f"INSERT INTO search_stale (id) SELECT id FROM {source} WHERE rowid > ? AND rowid <= ?", (start, start + _SEARCHED_AT_ONCE))
        search.refresh(connection)
    if not everybody:
        connection.exec_driver_sql("DROP TABLE to_search")
