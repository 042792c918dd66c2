"""One's own push, when nothing else came between: the rows here are the server's already, so they are not fetched again.

The server says where its feed was when it took the push. If that is where this desk stands, all that lies between there and the feed's new end are
the rows of this push. Each of them is here as the server has it now, if all of its operations were taken just as they were made and nothing else
lies over it. Then the cursor moves over them. In any other case they come down like everybody's, and are settled as they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import PUSH_OPERATIONS, PushReply, Result
from alumni_desk.store import driver, fates
from alumni_desk.sync import operations, state
from alumni_desk.sync.operations import Outgoing
from alumni_desk.sync.pull import cursor_of
from alumni_desk.sync.shapes import shapes

_MANY = PUSH_OPERATIONS + 1
_ONE_CLOCK = "(substr(clocks, 1, 37) = '{\"' || clock || '\"' AND instr(substr(clocks, 38), '-') = 0)"
"""A row of which every field has its clock, as most have, see ``protocol.clocks``: no name of a field has a hyphen."""


def pass_over(connection: sa.Connection, membership: state.Membership, sent: Sequence[Outgoing], reply: PushReply, at: str) -> bool:
    """Make what was sent part of the base and move the cursor over it, if that is all that lies between. The caller commits."""
    if membership.gathering is not None or reply.before is None or not reply.chain or reply.before != cursor_of(connection, membership.scope):
        return False
    if not are_plain(reply.results) or "command" in {one.kind for one in sent}:
        return False
    rows: dict[str, set[str]] = {}
    changed: dict[str, set[str]] = {}  # not made by this very operation: others may have written in it
    for table, those in groupby(sent, attrgetter("table")):
        mine = list(those)
        rows.setdefault(table, set()).update([one.row for one in mine])
        changed.setdefault(table, set()).update([one.row for one in mine if not one.new])
    if not rows.keys() <= shapes().keys() or not _is_all(connection, membership.scope, rows, sent):
        return False
    operations.mark_base(connection, [result.sequence for result in reply.results], [one.rowid for one in sent],
                         None if all(one.load for one in sent) else at)
    for table, ids in changed.items():
        if ids and shapes()[table].kind == "put":
            _greatest_clocks(connection, table, ids)
    state.keep_authors(connection, reply.replicas)
    driver.run(connection, "UPDATE scope SET cursor = ?, chain = ? WHERE id = ?", (reply.head, reply.chain, membership.scope))
    return True


def are_plain(results: Sequence[Result]) -> bool:
    """Whether all were taken just as they were made, and nobody minds."""
    return {(result.status, result.conflicts) for result in results} <= {("ok", 0)}


def _is_all(connection: sa.Connection, scope: str, rows: dict[str, set[str]], sent: Sequence[Outgoing]) -> bool:
    """Whether nothing else is to be settled, and no more than was sent lies over these rows."""
    if state.read(connection, state.Rebuilding) is not None or operations.is_unsettled(connection, scope):
        return False
    if driver.row(connection, "SELECT 1 FROM shadow LIMIT 1") or (operations.others(connection) and driver.row(
            connection, "SELECT 1 FROM waiting WHERE queue = 'peer' LIMIT 1")):
        return False
    if _was_imported(connection, rows, sent):
        return True
    lying = sum(int(driver.row(
        connection, "SELECT count(*) FROM json_each(?) AS j CROSS JOIN operation AS o INDEXED BY operation_row ON o.table_name = ? AND o.row_id = j.value"
        f" WHERE {fates.WAITS}", (_json(ids), table))[0]) for table, ids in rows.items())
    return lying == len(sent)


def _was_imported(connection: sa.Connection, rows: dict[str, set[str]], sent: Sequence[Outgoing]) -> bool:
    """Whether two indexes alone tell that all of it waits, and that it is all that was ever done to any of these rows: they were made one after the other."""
    if not all(one.load for one in sent):
        return False
    waiting = driver.row(connection, "SELECT count(*) FROM waiting WHERE sequence IS NULL AND queue = 'load' AND operation BETWEEN ? AND ?",
                         (sent[0].rowid, sent[-1].rowid))[0]
    return bool(waiting == len(sent) == sum(_between(connection, table, min(ids), max(ids)) for table, ids in rows.items()))


def _between(connection: sa.Connection, table: str, first: str, last: str) -> int:
    """How many operations there are on the rows from one id to another; no more than ``_MANY`` are counted."""
    return int(driver.row(connection, "SELECT count(*) FROM (SELECT 1 FROM operation INDEXED BY operation_row WHERE table_name = ? AND row_id BETWEEN ? AND ?"
                                      f" LIMIT {_MANY})", (table, first, last))[0])


def _greatest_clocks(connection: sa.Connection, table: str, ids: Iterable[str]) -> None:
    """A row's clock is the greatest of its fields', at the server as here: another laptop's, in a field that nobody touched now, may be ahead."""
    found = driver.rows(connection, f'SELECT id, clock, clocks FROM "{table}" WHERE id IN (SELECT value FROM json_each(?)) AND NOT {_ONE_CLOCK}', (_json(ids),))
    wrong = [(greatest, row_id) for row_id, clock, clocks in found if (greatest := max(unpack(clocks).values(), default=clock)) != clock]
    if wrong:
        connection.exec_driver_sql(f'UPDATE "{table}" SET clock = ? WHERE id = ?', wrong)


def _json(ids: Iterable[str]) -> str:
    return msgspec.json.encode(sorted(ids)).decode()
