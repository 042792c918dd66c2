"""Pull: rows come down a page at a time; each page, what it resolves and the cursor are one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.clocks import replaced, unpack
from alumni_desk.protocol.messages import Block, Cursor, Page, PullReply, PullRequest
from alumni_desk.store import driver, fates, history
from alumni_desk.store.at_door import is_at_door
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import EMPTIED
from alumni_desk.sync import conflicts_before, erasing, moved_away, operations, session, state
from alumni_desk.sync.carried_clocks import carries, own_replicas
from alumni_desk.sync.carried_clocks import seen as clocks_seen
from alumni_desk.sync.door import forget_rows
from alumni_desk.sync.removing import forget_removed
from alumni_desk.sync.shapes import Shape, shapes
from alumni_desk.sync.state import Membership
from alumni_desk.sync.views import Base, bases_of, drop_shadows, keep_shadows, no_base, put_over, rows_here, settle, write_views
from alumni_desk.sync.wire import Wire


def pull(desk: Desk, wire: Wire, membership: Membership, progress: Callable[[int], None] | None = None, *, wait: float = 0,
         by_file: Callable[[], int] | None = None, beside: Callable[[], AbstractContextManager[None]] = nullcontext) -> int:
    """Take pages until there are no more; returns how many rows came. Safe to repeat at any point: the cursor tells.

    ``wait``: seconds that the server may wait for something new, if there is nothing. ``by_file``: fetches a snapshot, where all has to come anew.
    ``beside``: what is done while the last page is applied, so that the server has something to do meanwhile.
    """
    scope, count = membership.scope, 0
    seen: set[tuple[str, str]] = set()
    came: Cursor | None = None
    while True:
        with desk.reading() as connection:
            cursor = cursor_of(connection, scope)
            rebuilding = state.read(connection, state.Rebuilding) is not None
        if rebuilding and cursor != came:  # ended in the middle of it, or another program of this desk pulled a part: what came is not known
            seen, came = set(), Cursor()
            with desk.applying() as applying:
                state.keep(applying.connection, state.Rebuilding(reached(applying.connection, scope)))
                _to_zero(applying.connection, scope)
            continue
        message = PullRequest(cursors={scope: cursor}, wait=wait, anew=rebuilding, passes=wait > 0)
        page = session.call(desk, wire, membership, "pull", message, PullReply).pages[scope]
        since = page.since or cursor
        if wait and page.cursor == since and not _is_unsettled(desk, scope):
            return count  # nothing has moved: nothing is written
        with nullcontext() if page.more or page.reset else beside(), desk.applying() as applying:
            session.refuse_another(applying.connection, membership)
            if cursor_of(applying.connection, scope) != since:
                continue  # another program of this desk pulled meanwhile, or a push passed over what it sent: ask again from where it is now
            count += apply_page(applying.connection, scope, page, seen if rebuilding else None)
        wait = 0
        if page.left or page.moved or rebuilding:
            erasing.finish(desk)
        if page.reset and by_file is not None:
            count += by_file()
        came = page.cursor
        if progress is not None:
            progress(count)
        if not page.more:
            return count


def _is_unsettled(desk: Desk, scope: str) -> bool:
    with desk.reading() as connection:
        return operations.is_unsettled(connection, scope)


def cursor_of(connection: sa.Connection, scope: str) -> Cursor:
    """How far this desk has pulled."""
    row = driver.row(connection, "SELECT cursor, chain FROM scope WHERE id = ?", (scope,))
    return Cursor(sequence=row[0] or 0, chain=row[1] or "") if row else Cursor()


def reached(connection: sa.Connection, scope: str) -> int:
    """Up to where the server's rows are here, though they are being pulled anew."""
    begun = state.read(connection, state.Rebuilding)
    return max(cursor_of(connection, scope).sequence, begun.reached if begun is not None else 0)


def follow_timeline(desk: Desk, membership: Membership, name: str, *, known: bool) -> None:
    """See whether the server was restored since; then begin again from zero and offer again what is held here.

    ``name``: of the server's timeline, new where it was restored as it should be. ``known``: whether the server knows everywhere that we have been.
    """
    with desk.reading() as connection:
        before = state.read(connection, state.Timeline)
        places = state.read(connection, state.Places) or state.Places([])
    same = not name or before == state.Timeline(name)
    if same and known and len(places.places) < 2:
        return
    with desk.applying() as applying:
        session.refuse_another(applying.connection, membership)
        if not known or not (same or before is None):
            begin_again(applying.connection, membership.scope)
        else:
            state.keep(applying.connection, state.Places(places.places[-1:]))
        if name:
            state.keep(applying.connection, state.Timeline(name))


def apply_page(connection: sa.Connection, scope: str, page: Page, seen: set[tuple[str, str]] | None = None) -> int:
    """Make a page's rows the base, settle what it resolves, move the cursor. The caller commits. Returns the number of rows.

    ``seen``: which rows came, while the whole chapter is pulled again; at its end the others go.
    """
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if page.reset:
        begin_again(connection, scope)
        return 0
    count = 0
    erasing.before_rows(connection, page.erased)
    moved_away.before_rows(connection, scope, page.moved)
    for block in page.blocks:
        shape = shapes().get(block.table)
        if shape is not None:  # a table of a newer version; it comes again once this program knows it
            count += apply_block(connection, shape, scope, block, at)
        if seen is not None:
            at_id = block.columns.index("id")
            seen.update((block.table, str(row[at_id])) for row in block.rows)
    erasing.after_blocks(connection, page.blocks)
    count += forget_rows(connection, scope, page.left)
    count += forget_removed(connection, scope, page.removed)
    state.keep_authors(connection, page.replicas)
    if not page.more:
        settle_passed(connection, scope, page.cursor.sequence, at)
        if seen is not None:
            drop_unseen(connection, scope, seen)
    moved_away.after_page(connection, page)
    driver.run(connection, "UPDATE scope SET cursor = ?, chain = ? WHERE id = ?", (page.cursor.sequence, page.cursor.chain, scope))
    return count


def apply_block(connection: sa.Connection, shape: Shape, scope: str, block: Block, at: str) -> int:
    """Make a block's rows the base under what waits here; returns how many there are."""
    names = block.columns[1:]
    at_id = block.columns.index("id")
    ids = [str(row[at_id]) for row in block.rows]
    over = operations.lying_over(connection, shape.name, ids)
    kept = [index + 1 for index, name in enumerate(names) if name in shape.columns]
    unseen = [name for name in shape.types if name not in names]  # not for this laptop's eyes: what it knew of that is not known any more
    columns = ("scope", *(block.columns[index] for index in kept), *unseen)
    here = rows_here(connection, shape, columns, ids)
    _keep_replaced(connection, shape, block, columns, here)
    bare: dict[str, tuple[Any, ...]] = {}
    newer: dict[str, Base] = {}
    settled: list[str] = []
    removed: list[history.Past] = []
    done: set[int] = set()
    pick, nothing = itemgetter(*kept, 0), (None,) * len(unseen)
    for row_id, row in zip(ids, block.rows, strict=True):
        if row_id in over:
            sequence = row[0]
            # Only what this very row includes is settled: its later entries may not have come yet.
            included = [one.rowid for one in over[row_id] if one.sequence is not None and isinstance(sequence, int) and one.sequence <= sequence]
            done.update(included)
            if len(included) < len(over[row_id]):
                base = newer[row_id] = _base(shape, dict(zip(names, row[1:], strict=True)))
                clock = base["clocks"].get("gone")
                if clock is not None and base["gone"] and any(one.fields.get("gone") and one.clock != clock for one in over[row_id]):
                    removed.append((row_id, "gone", 1, clock))  # ours says the same and takes its place: by this a redo here knows of both
                continue
            settled.append(row_id)  # nothing lies over it any more: the row is what came, as everybody's
        bare[row_id] = (scope, *pick(row)[:-1], *nothing)
    if removed:
        history.keep_shown(connection, shape.name, removed)
    put_over(connection, shape, columns, list(bare.values()), here)
    operations.mark_accepted(connection, sorted(done), at)
    drop_shadows(connection, shape.name, settled)
    settle(connection, shape, scope, {row_id: over[row_id] for row_id in newer}, done, newer)
    return len(block.rows)


def _keep_replaced(connection: sa.Connection, shape: Shape, block: Block, columns: Sequence[str], here: Mapping[str, tuple[Any, ...]]) -> None:
    """What a row's fields were goes into its history before it is replaced; a first sync replaces nothing."""
    if shape.kind != "put" or "clocks" not in block.columns or not here:
        return
    at_id, at_clocks, kept_at = block.columns.index("id"), block.columns.index("clocks"), columns.index("clocks")
    under: dict[str, dict[str, int]] = {}  # a clock's key -> fields that it is for, and where they stand
    for name in shape.types:
        under.setdefault(shape.clock_keys.get(name, name), {})[name] = columns.index(name)
    gone: list[history.Past] = []
    for row in block.rows:
        there = here.get(str(row[at_id]))
        if there is None or not row[at_clocks] or there[kept_at] == row[at_clocks]:
            continue  # one's own words come back under the clocks that they have, written in the former form perhaps
        gone += [(str(row[at_id]), key, history.under(key, {name: there[place] for name, place in under[key].items()}), clock)
                 for key, clock in replaced(there[kept_at], str(row[at_clocks])).items() if key in under]
    history.keep(connection, shape.name, gone)


def _base(shape: Shape, row: dict[str, Any]) -> Base:
    base = no_base(shape)
    base.update({name: value for name, value in row.items() if name in base and name != "clocks"})
    base["clocks"] = unpack(row.get("clocks"))
    return base


def settle_passed(connection: sa.Connection, scope: str, cursor: int, at: str) -> None:
    """Caught up: whatever was resolved up to here is in the base, or lost against what is."""
    rows: dict[str, set[str]] = {}
    done: set[int] = set()
    for rowid, table, row_id in operations.passed(connection, scope, cursor):
        rows.setdefault(table, set()).add(row_id)
        done.add(rowid)
    lying = {table: operations.lying_over(connection, table, ids) for table, ids in rows.items()}
    operations.mark_accepted(connection, sorted(done), at)
    for table, over in lying.items():
        shape = shapes().get(table)
        if shape is not None:
            settle(connection, shape, scope, over, done)


_OF_THIS_SERVER = f"(sequence IS NULL OR sequence <> {operations.BEFORE_THE_MOVE})"


def begin_again(connection: sa.Connection, scope: str) -> None:
    """The server does not know our cursor: it was restored. Pull from zero, and offer again everything that we still hold."""
    # What says nothing any more, because somebody was erased here, is not offered: see store/erasing.py.
    connection.exec_driver_sql(f"DELETE FROM operation WHERE scope = ? AND rowid IN (SELECT operation FROM accepted) AND {EMPTIED}", (scope,))
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT table_name, row_id FROM operation_now AS o WHERE scope = ? AND fate = 'accepted' AND kind <> 'command'"  # an order lies over no row
        f" AND {_OF_THIS_SERVER}"
        " AND NOT EXISTS (SELECT 1 FROM shadow AS s WHERE s.table_name = o.table_name AND s.row_id = o.row_id)", (scope,)).all()
    by_table: dict[str, list[str]] = {}
    for row in rows:
        by_table.setdefault(row.table_name, []).append(row.row_id)
    for table, ids in by_table.items():
        shape = shapes().get(table)
        if shape is not None:
            over = operations.lying_over(connection, table, ids)
            keep_shadows(connection, table, bases_of(connection, shape, {row_id: over.get(row_id, []) for row_id in ids}))
    fates.wait_again(connection, f"scope = ? AND fate IN ('accepted', 'waiting') AND {_OF_THIS_SERVER}", (scope,))
    connection.exec_driver_sql("UPDATE parcel SET resolved = NULL, sequence = NULL, reason = NULL WHERE scope = ?", (scope,))
    _drop_without_parcels(connection, scope)
    conflicts_before.keep(connection)
    if carries(connection):  # what the server was told then, of whose it is and what had been judged, may have gone with the rest
        there = state.read(connection, state.Carrying)
        state.keep(connection, state.Carrying(own_replicas(connection), there.cards if there is not None else [], clocks_seen(connection)))
    state.keep(connection, state.Rebuilding())
    state.drop(connection, state.Places)
    _to_zero(connection, scope)


def _drop_without_parcels(connection: sa.Connection, scope: str) -> None:
    """Others' operations whose parcels went when somebody was erased cannot be offered again by this laptop: whoever made them does."""
    rows = connection.exec_driver_sql(
        f"SELECT o.rowid, o.table_name, o.row_id {fates.FROM_WAITING} WHERE o.scope = ? AND w.queue = 'peer'"
        " AND o.id NOT IN (SELECT operation FROM parcel_operation)", (scope,)).all()
    by_table: dict[str, set[str]] = {}
    for row in rows:
        by_table.setdefault(row.table_name, set()).add(row.row_id)
    lying = {table: operations.lying_over(connection, table, ids) for table, ids in by_table.items()}
    gone = {row.rowid for row in rows}
    connection.exec_driver_sql("DELETE FROM operation WHERE rowid IN (SELECT value FROM json_each(?))", (json.dumps(sorted(gone)),))
    for table, over in lying.items():
        shape = shapes().get(table)
        if shape is not None:
            settle(connection, shape, scope, over, gone)


def _to_zero(connection: sa.Connection, scope: str) -> None:
    connection.exec_driver_sql("UPDATE scope SET cursor = 0, chain = '' WHERE id = ?", (scope,))


def drop_unseen(connection: sa.Connection, scope: str, seen: set[tuple[str, str]]) -> None:
    """What the whole list does not have is not there, or not for this laptop: the row goes, where something waits over it once that is resolved. At a door
    it goes for good: ``erasing.finish`` has to follow the commit."""
    door = is_at_door(connection)
    for name, shape in shapes().items():
        # An order lies over no row: nothing would ever rebuild it.
        waits = (f"EXISTS (SELECT 1 FROM operation AS o INDEXED BY operation_row WHERE o.table_name = ? AND o.row_id = t.id AND {fates.WAITS}"
                 " AND o.kind <> 'command')")
        here = connection.exec_driver_sql(f'SELECT id, {waits} AS waits FROM "{name}" AS t WHERE scope = ?', (name, scope)).all()
        unseen = [row for row in here if (name, row.id) not in seen]
        gone = [str(row.id) for row in unseen if not row.waits]
        if gone and door and shape.kind == "put":
            forget_rows(connection, scope, {name: gone})
        else:
            write_views(connection, shape, scope, {row_id: no_base(shape) for row_id in gone})
        keep_shadows(connection, name, {row.id: no_base(shape) for row in unseen if row.waits})
    state.drop(connection, state.Rebuilding)
