"""Bugs of known kinds, each planted into the real code: the simulation must find every one. ``test_bugs.py`` does the looking."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import alumni_desk.checkin.actions as door
import alumni_desk.checkin.lists as door_lists
import alumni_desk.protocol.clock as clock
import alumni_desk.server.backups as server_backups
import alumni_desk.server.clamping as clamping
import alumni_desk.server.feed as feed
import alumni_desk.server.moved as server_moved
import alumni_desk.server.moved_erased as moved_erased
import alumni_desk.server.pull as server_pull
import alumni_desk.server.push as server_push
import alumni_desk.server.relaying as relaying
import alumni_desk.server.removing as removing
import alumni_desk.server.tidying as tidying
import alumni_desk.store.capture as capture
import alumni_desk.store.driver as driver
import alumni_desk.store.erasing as store_erasing
import alumni_desk.store.undo as undo
import alumni_desk.sync.engine as engine
import alumni_desk.sync.moved_away as moved_away
import alumni_desk.sync.pull as desk_pull
import alumni_desk.sync.push as desk_push
import alumni_desk.sync.restoring as restoring
import alumni_desk.sync.snapshot as snapshot
import alumni_desk.sync.venue.handouts as handouts
import alumni_desk.sync.venue.visiting as visiting
import alumni_desk.sync.views as views
from alumni_desk.protocol.canonical import body_hash
from alumni_desk.server.bulk import rows_by_id
from alumni_desk.server.database import Database
from alumni_desk.store import fates
from alumni_desk.store import opening as store_opening
from alumni_desk.store import writing as store_writing
from alumni_desk.store.desk import Desk
from simulation.world import the_world

Planting = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Bug:
    """A planted bug: what it is called, the invariants that it breaks, and how it gets into the code."""

    name: str
    breaks: tuple[int, ...]
    plant: Planting


BUGS: list[Bug] = []


def bug(name: str, *breaks: int) -> Callable[[Callable[[], Iterator[None]]], Callable[[], Iterator[None]]]:
    """Puts a planting into the bank."""

    def keep(plant: Callable[[], Iterator[None]]) -> Callable[[], Iterator[None]]:
        BUGS.append(Bug(name, breaks, contextlib.contextmanager(plant)))
        return plant

    return keep


# At the server.

@bug("no dedupe", 3)
def _() -> Iterator[None]:
    with patch.object(server_push, "drop_known", lambda *_arguments: None):
        yield


@bug("dedupe by id alone", 3)
def _() -> Iterator[None]:
    with patch.object(server_push, "body_hash", lambda salt, body: _Anything(body_hash(salt, body))):
        yield


class _Anything(bytes):
    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = bytes.__hash__


@bug("arrival order decides", 4)
def _() -> Iterator[None]:
    right = server_push.lay_put

    def wrong(row: Any, operation: Any, stamp: str, shape: Any, counts: Mapping[str, str], *more: Any) -> Any:
        there = dict(row.clocks)
        row.clocks.clear()
        won = right(row, operation, stamp, shape, counts, *more)
        row.clocks = {**there, **row.clocks}
        return won

    with patch.object(server_push, "lay_put", wrong):
        yield


@bug("the row wins as a whole", 4)
def _() -> Iterator[None]:
    right = server_push.lay_put

    def wrong(row: Any, operation: Any, stamp: str, shape: Any, counts: Mapping[str, str], *more: Any) -> Any:
        if stamp < (row.values["clock"] or ""):
            return False, []
        return right(row, operation, stamp, shape, counts, *more)

    with patch.object(server_push, "lay_put", wrong):
        yield


@bug("an edit brings back what was removed", 4)
def _() -> Iterator[None]:
    right = server_push.lay_put

    def wrong(row: Any, operation: Any, stamp: str, shape: Any, counts: Mapping[str, str], *more: Any) -> Any:
        found = right(row, operation, stamp, shape, counts, *more)
        if found[0] and "gone" not in operation.fields:
            row.values["gone"] = False
        return found

    with patch.object(server_push, "lay_put", wrong):
        yield


@bug("clamped clocks tie", 4)
def _() -> Iterator[None]:
    with patch.object(clamping, "_at", lambda moment, original: f"{moment:012x}-0000-{original[-16:]}"):
        yield


@bug("clamped clocks swap", 4)
def _() -> Iterator[None]:
    def wrong(moment: int, original: str) -> str:
        stamp, counter, who = original.split("-")
        return f"{moment:012x}-{0xffffffffffff - int(stamp, 16):012x}{0xffff - int(counter, 16):04x}-{who}"

    with patch.object(clamping, "_at", wrong):
        yield


@bug("clocks of the future are taken as they are", 14)
def _() -> Iterator[None]:
    with patch.object(clamping, "AHEAD", 100 * 365 * 24 * 3_600_000):
        yield


@bug("the cursor is a plain sequence, handed out before the commit", 1, 8)
def _() -> Iterator[None]:
    """A number is handed out early and committed late: whoever pulled in between never sees it."""
    right, early = feed.touch, dict[int, int]()

    def wrong(connection: Any, tables: Any, locked: Any, changed: Any, *more: Any) -> Any:
        sequences = right(connection, tables, locked, changed, *more)
        key = id(the_world())
        if sequences and key in early and early[key] < locked.sequence:
            name = next(iter(sequences))
            entries = tables.tables["feed"]
            connection.execute(entries.update().where(entries.c.scope == locked.scope, entries.c.audience == "chapter", entries.c.table_name == name[0],
                                                      entries.c.row_id == name[1]).values(sequence=early.pop(key)))
            sequences[name] = locked.sequence
        else:
            locked.sequence += 1
            early[key] = locked.sequence
        return sequences

    with patch.object(server_push.feed, "touch", wrong):
        yield


@bug("a fact is refused before its row", 6, 13)
def _() -> Iterator[None]:
    right = server_push._refuse_circles

    def wrong(connection: Any, tables: Any, scope: str, items: Sequence[Any], rows: dict[Any, Any]) -> None:
        right(connection, tables, scope, items, rows)
        for item in items:
            name = item.operation.fields.get("registration") if item.open and item.operation.kind == "fact" else None
            if name and ("registration", name) not in rows and not rows_by_id(connection, tables.tables["registration"], scope, [name]):
                item.end("invalid", "no_registration")

    with patch.object(server_push, "_refuse_circles", wrong):
        yield


@bug("a restored server uses its sequences again", 1, 2, 8)
def _() -> Iterator[None]:
    def by_number(cursor: Any, head: Any, _chain: Any) -> bool:
        return bool(0 <= cursor.sequence <= head.sequence)

    with patch.object(feed, "is_place", by_number), patch("alumni_desk.server.backups.begin_timeline", lambda *_arguments, **_named: 0):
        yield


@bug("the answer is kept in a transaction of its own", 2, 3, 4, 13)
def _() -> Iterator[None]:
    right = server_push._keep_results

    def wrong(connection: Any, *arguments: Any) -> None:
        right(connection, *arguments)
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        right(connection, *arguments)

    with patch.object(server_push, "_keep_results", wrong):
        yield


@bug("what the policy denies is applied", 9)
def _() -> Iterator[None]:
    with patch("alumni_desk.server.judging._forbidden", lambda *_arguments: None):
        yield


@bug("a denied field leaves the rest of its transaction standing", 9)
def _() -> Iterator[None]:
    with patch.object(server_push, "_refuse_whole_transactions", lambda _items: None):
        yield


@bug("a page passes over its last row", 1, 8)
def _() -> Iterator[None]:
    right = server_pull._block

    def wrong(*arguments: Any) -> Any:
        block = right(*arguments)
        return block if block is None or len(block.rows) < 3 else server_pull.Block(block.table, block.columns, block.rows[:-1])

    with patch.object(server_pull, "_block", wrong):
        yield


@bug("the row that enters an audience is not put into its feed", 8)
def _() -> Iterator[None]:
    right = server_push.moves

    def wrong(connection: Any, tables: Any, scope: str, changed: Any, *more: Any) -> Any:
        return [entry for entry in right(connection, tables, scope, changed, *more) if (entry.table, entry.row) in changed]

    with patch.object(server_push, "moves", wrong):
        yield


@bug("who leaves an audience stays in its feed", 9)
def _() -> Iterator[None]:
    right = server_push.moves
    with patch.object(server_push, "moves", lambda *arguments: [entry for entry in right(*arguments) if not entry.gone]):
        yield


# At the laptop.

@bug("the cursor moves outside the page's transaction", 1, 8)
def _() -> Iterator[None]:
    right = desk_pull.apply_page

    def wrong(connection: Any, scope: str, page: Any, seen: Any = None) -> int:
        if not page.reset:
            connection.exec_driver_sql("UPDATE scope SET cursor = ?, chain = ? WHERE id = ?", (page.cursor.sequence, page.cursor.chain, scope))
            connection.exec_driver_sql("UPDATE capture SET mode = 'rest', rest = 1")
            driver.run(connection, "COMMIT")
            driver.run(connection, "BEGIN IMMEDIATE")
            connection.exec_driver_sql("UPDATE capture SET mode = 'applying', rest = 0")
        return right(connection, scope, page, seen)

    with patch.object(desk_pull, "apply_page", wrong):
        yield


@bug("ids are counted", 2, 3, 4, 13)
def _() -> Iterator[None]:
    """A laptop that goes back to an older disk gives the same ids again."""

    def ids(count: int) -> list[str]:
        laptop = the_world().acting
        found = []
        for _n in range(count):
            laptop.counted += 1
            found.append(f"01900000-0000-7000-8000-{laptop.number:04x}{laptop.counted:08x}")
        return found

    with patch.object(store_writing, "uuid7s", ids), patch.object(capture, "uuid7", lambda: ids(1)[0]):
        yield


@bug("a new clock does not exceed what its editor saw", 4)
def _() -> Iterator[None]:
    right = clock.Clock.tick
    with patch.object(clock.Clock, "tick", lambda self, before=(): right(self)):
        yield


@bug("half an address travels", 4)
def _() -> Iterator[None]:
    with patch.object(capture.Capture, "_whole_groups", staticmethod(lambda *_arguments: None)):
        yield


@bug("a pull writes over what waits", 5)
def _() -> Iterator[None]:
    right = views.lay_over
    with patch.object(views, "lay_over", lambda base, shape, operations: right(base, shape, ())):
        yield


@bug("an answer to a push counts as pulled", 1, 5, 8)
def _() -> Iterator[None]:
    right = desk_push._keep

    def wrong(desk: Any, membership: Any, sent: Any, reply: Any, *rest: Any) -> None:
        right(desk, membership, sent, reply, *rest)
        with desk.applying() as applying:
            applying.connection.exec_driver_sql("UPDATE scope SET cursor = ?, chain = ? WHERE id = ?", (reply.head, reply.chain, membership.scope))

    with patch.object(desk_push, "_keep", wrong):
        yield


@bug("one refused operation blocks the queue", 5, 13)
def _() -> Iterator[None]:
    with patch.object(desk_push.operations, "mark_refused", lambda *_arguments: None):
        yield


@bug("after a restore of the server nothing is offered again", 2, 13)
def _() -> Iterator[None]:
    right = desk_pull.begin_again

    def wrong(connection: Any, scope: str) -> None:
        held = connection.exec_driver_sql("SELECT rowid, sequence FROM operation_now WHERE fate = 'accepted'").all()
        right(connection, scope)
        for row in held:
            fates.accept(connection, "rowid = ?", (row.rowid,), sequence=str(row.sequence))

    with patch.object(desk_pull, "begin_again", wrong):
        yield


@bug("after a restore of the server what it lost stays on the screen", 1)
def _() -> Iterator[None]:
    with patch.object(desk_pull, "drop_unseen", lambda connection, _scope, _seen: desk_pull.state.drop(connection, desk_pull.state.Rebuilding)):
        yield


@bug("a purge takes facts that were not sent", 1, 2, 9)
def _() -> Iterator[None]:
    right = engine._remember

    def wrong(desk: Any, *more: Any) -> None:
        right(desk, *more)
        with desk.applying() as applying:
            applying.connection.exec_driver_sql("DELETE FROM operation WHERE rowid IN"
                                                " (SELECT rowid FROM operation_now WHERE kind = 'fact' AND sequence IS NULL)")

    with patch.object(engine, "_remember", wrong):
        yield


@bug("a migration is captured as edits", 9)
def _() -> Iterator[None]:
    right = capture.set_triggers

    right_engine = store_opening.engine_of

    def engine_with_capture(path: Any, key: Any, metadata: Any, taking: Any, **more: Any) -> Any:
        if metadata is None:
            from alumni_desk.schema import desk_schema
            return right_engine(path, key, desk_schema(), capture.Capture(clock.Clock()), **more)
        return right_engine(path, key, metadata, taking, **more)

    def keep_triggers(connection: Any, wanted: Any) -> bool:
        if not wanted:
            connection.exec_driver_sql("UPDATE capture SET mode = 'action', action = 'm', event = 'migration', transaction_id = 'm', queue = 'live', at = 'm'")
            return False
        connection.exec_driver_sql("UPDATE capture SET mode = 'rest', action = NULL, event = NULL, transaction_id = '0', queue = NULL, at = NULL")
        return right(connection, wanted)

    with patch.object(capture, "set_triggers", keep_triggers), patch.object(store_opening, "engine_of", engine_with_capture):
        yield


@bug("undo writes over a later edit", 5)
def _() -> Iterator[None]:
    def wrong(_connection: Any, _table: str, _row_id: str, row: Any) -> Any:
        return ({"gone": True}, []) if row.inserted else (dict(row.first_values), [])

    with patch.object(undo, "_values_back", wrong):
        yield


@bug("the clock decides who is here", 7)
def _() -> Iterator[None]:
    def wrong(facts: Any) -> Any:
        known = sorted((fact for fact in facts if fact.kind in ("in", "out", "void")), key=lambda fact: (fact.at or "", fact.id))
        return [known[-1]] if known and known[-1].kind == "in" else []

    with patch.object(door, "open_ins", wrong), patch.object(door_lists, "open_ins", wrong):
        yield


# At a venue.

@bug("a peer's acknowledgement deletes what it has", 2, 16)
def _() -> Iterator[None]:
    right = visiting.Visit._give

    def wrong(self: Any, mine: Any, names: set[bytes]) -> int:
        count = right(self, mine, set(names))
        with self._desk.applying() as applying:
            for name in names:
                applying.connection.exec_driver_sql("DELETE FROM operation WHERE id IN (SELECT operation FROM parcel_operation WHERE parcel = ?)", (name,))
                applying.connection.exec_driver_sql("DELETE FROM parcel WHERE name = ?", (name,))
        return count

    with patch.object(visiting.Visit, "_give", wrong):
        yield


@bug("a relayed parcel is judged by who relays it", 9, 13)
def _() -> Iterator[None]:
    right = relaying._judge

    def wrong(server: Any, connection: Any, scope: str, group: Any, who: Any, *more: Any, **named: Any) -> Any:
        def grants_of(*_arguments: Any) -> list[Any]:
            return list(who.grants.values())

        with patch.object(relaying, "grants_of", grants_of):
            return right(server, connection, scope, group, who, *more, **named)

    with patch.object(relaying, "_judge", wrong):
        yield


@bug("a hand-out moves the server's cursor", 8)
def _() -> Iterator[None]:
    right = handouts._work_from

    def wrong(connection: Any, scope: str, inside: Any) -> None:
        right(connection, scope, inside)
        connection.exec_driver_sql("UPDATE scope SET cursor = ? WHERE id = ?", (inside.sequence, scope))

    with patch.object(handouts, "_work_from", wrong):
        yield


@bug("the check against the server counts otherwise than the server", 1)
def _() -> Iterator[None]:
    right = engine.digest._sums

    def wrong(connection: Any, scope: str) -> Any:
        found = right(connection, scope)
        found._sums[0] ^= 1
        return found

    with patch.object(engine.digest, "_sums", wrong):
        yield


# First syncs by file.

@bug("a file's cursor is the head, though the file is older", 1, 8)
def _() -> Iterator[None]:
    right = snapshot._take

    def wrong(desk: Any, wire: Any, membership: Any, head: Any, progress: Any) -> int:
        count = right(desk, wire, membership, head, progress)
        with desk.applying() as applying:
            if count:
                applying.connection.exec_driver_sql("UPDATE scope SET cursor = ?, chain = ? WHERE id = ?", (head.sequence, head.chain, membership.scope))
        return count

    with patch.object(snapshot, "_take", wrong):
        yield


@bug("what waits does not lie over the file", 1, 5, 8)
def _() -> Iterator[None]:
    with patch.object(snapshot, "_lay_under", lambda *_arguments: None):
        yield


@bug("a file does not say who was erased", 11)
def _() -> Iterator[None]:
    with patch.object(snapshot.erasing, "before_rows", _unless_of_a_file(snapshot.erasing.before_rows)):
        yield


def _unless_of_a_file(right: Any) -> Any:
    def wrong(connection: Any, erased: Any) -> None:
        if connection.exec_driver_sql("SELECT 1 FROM pragma_database_list WHERE name = 'snapshot'").first() is None:
            right(connection, erased)

    return wrong


# Disks.

@bug("what was erased on a laptop stays in free pages and the log", 10, 11)
def _() -> Iterator[None]:
    with patch.object(store_erasing, "scrub", lambda _desk: None):
        yield


@bug("what was erased stays in the server's log", 11)
def _() -> Iterator[None]:
    with patch.object(Database, "scrub", lambda _self: None):
        yield


@bug("what was erased stays in a laptop's backups", 11)
def _() -> Iterator[None]:
    with patch.object(store_erasing, "_remake", lambda _desk: 0):
        yield


# What was removed long ago.

@bug("old marks of what has gone stay in the feeds", 15)
def _() -> Iterator[None]:
    with patch.object(tidying, "tidy", lambda *_arguments: 0):
        yield


@bug("what was removed keeps what it says", 15)
def _() -> Iterator[None]:
    with patch.object(removing, "clear", lambda *_arguments: 0):
        yield


@bug("who was away for longer than marks are kept pulls on", 1, 8)
def _() -> Iterator[None]:
    with patch.object(feed, "is_below", lambda *_arguments: False):
        yield


@bug("an edit brings back what was removed long ago", 1, 4, 8, 15)
def _() -> Iterator[None]:
    with patch.object(removing, "answer", lambda *_arguments: None):
        yield


@bug("two merges the opposite ways hide both", 4)
def _() -> Iterator[None]:
    with patch.object(views, "open_circles", lambda _connection: None), patch.object(desk_push, "open_circles", lambda _connection: None):
        yield


@bug("the server takes both of two merges the opposite ways", 1, 4)
def _() -> Iterator[None]:
    with patch.object(server_push, "_refuse_circles", lambda *_arguments: None):
        yield


@bug("tidying throws old facts away", 1, 6)
def _() -> Iterator[None]:
    right = tidying.tidy

    def wrong(connection: Any, tables: Any, scope: str, now: int) -> int:
        connection.exec_driver_sql(f"DELETE FROM fact WHERE scope = '{scope}' AND id = (SELECT min(id) FROM fact WHERE scope = '{scope}')")
        return right(connection, tables, scope, now)

    with patch.object(tidying, "tidy", wrong):
        yield


# Kills.

@bug("a commit is marked as safe before it is", 12)
def _() -> Iterator[None]:
    right = Desk._rest

    def wrong(self: Desk, connection: Any) -> None:
        right(self, connection)
        self._note_commit(self._commit)

    with patch.object(Desk, "_rest", wrong):
        yield


# Who moves to another chapter.

@bug("a late operation on who moved is applied in the old chapter", 1, 4, 9)
def _() -> Iterator[None]:
    with patch.object(server_moved, "refuse", lambda *_arguments: None):
        yield


@bug("the old chapter keeps who moved", 9)
def _() -> Iterator[None]:
    with patch.object(server_moved, "_stub", lambda both, _name, row: {**row, "scope": both.old.scope}):
        yield


@bug("a laptop keeps what it knew of who moved", 9)
def _() -> Iterator[None]:
    with patch.object(moved_away, "before_rows", lambda *_arguments: None):
        yield


@bug("whoever is erased in the new chapter is not in the one before", 4, 9, 11)
def _() -> Iterator[None]:
    with patch.object(moved_erased, "follow", lambda *_arguments: 0):
        yield


@bug("a server that goes back takes moves back", 4, 9)
def _() -> Iterator[None]:
    with patch.object(server_moved, "move_again", lambda *_arguments: None):
        yield


# Backups.

@bug("a restore leaves behind what waits", 2, 16)
def _() -> Iterator[None]:
    with patch.object(restoring, "_carry", lambda *_arguments: 0):
        yield


@bug("a restore brings back who was erased", 11)
def _() -> Iterator[None]:
    with patch.object(restoring.erasing, "apply", lambda *_arguments: None):
        yield


@bug("a restored server does not hear its journal", 11)
def _() -> Iterator[None]:
    with patch.object(server_backups.journal, "replay", lambda *_arguments: 0):
        yield
