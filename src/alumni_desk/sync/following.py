"""A laptop at a door whose chapter moved to another server: it goes there, too, and offers what was done on it, and nothing else.

Its list was only a copy of the chapter's, which whoever leads the chapter takes along. What it did itself may be nowhere else: the former server may
be gone, with what it had said it has. So all of that is offered anew, under the ids and clocks that it has; what the new server has, it knows.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from alumni_desk.errors import Refused
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import Grant
from alumni_desk.store import fates
from alumni_desk.store.desk import Desk
from alumni_desk.sync import erasing, join, state
from alumni_desk.sync.carried_clocks import counts_as, plain
from alumni_desk.sync.door import DOOR, show_what_waits
from alumni_desk.sync.pull import begin_again
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.state import Membership
from alumni_desk.sync.venue import holding
from alumni_desk.words import _

_OF_THE_FORMER = (state.Session, state.LastSync, state.Timeline, state.Places, state.Told, state.Ended, state.Contact, state.Checked, state.Fetching,
                  state.Elsewhere, state.Reach)


def may_follow(there: Membership, wanted: Grant) -> None:
    """Whether an invitation of another server is one that this laptop can follow its chapter with. Raises Refused ``sync_joined``."""
    if there.role == DOOR and (wanted.role, wanted.gathering) == (DOOR, there.gathering):
        return
    if there.role == DOOR:
        raise Refused("sync_joined", _(
            "This laptop stands at a door of {chapter}, and this invitation is of another server and not for the same door. If {chapter} moved there, ask its "
            "leader for an invitation to the door of the same gathering: then everything done here goes along. For anything else use it on another "
            "laptop. Nothing was changed, and the invitation is still good."), chapter=there.scope_name)
    if wanted.role == DOOR:
        raise Refused("sync_joined", _(
            "This invitation is for the door of one gathering, at another server, and this laptop has the whole list of {chapter}. Use it on another laptop. "
            "Nothing was changed, and the invitation is still good."), chapter=there.scope_name)
    raise Refused("sync_joined", _(
        "This invitation is of another server than the one where this laptop has {chapter}. If {chapter} moved there, take everything along: “alumni-desk move "
        "URL CODE”, or in the window Sync, Details, “It has moved”. For another chapter use it on another laptop. Nothing was changed, and the "
        "invitation is still good."), chapter=there.scope_name)


def follow(desk: Desk, membership: Membership) -> None:
    """Become a laptop of this membership at the same door, with everything of this laptop's own making. In one transaction."""
    with desk.applying() as applying:
        connection = applying.connection
        ended = state.read(connection, state.Ended) is not None
        holding.leave(connection)
        join.move_in(connection, membership)
        connection.exec_driver_sql("DELETE FROM setting WHERE key = ?", (join.CARRIED,))  # a chapter is for its leaders to complete
        for kind in _OF_THE_FORMER:
            state.drop(connection, kind)
        past = _past(connection)
        begin_again(connection, membership.scope)
        fates.accept(connection, "rowid IN (SELECT value FROM json_each(?))", (msgspec.json.encode(past).decode(),))
        if ended:
            show_what_waits(connection, membership.scope)
    erasing.finish(desk)


def _past(connection: sa.Connection) -> list[int]:
    """Puts (by rowid) that nothing of the present list comes from any more: somebody has written over them, and saw them. The rest is given the clocks
    that the former server made theirs count as."""
    past: list[int] = []
    for name, shape in shapes().items():
        if shape.kind != "put":
            continue
        rows = connection.exec_driver_sql(
            f'SELECT o.rowid, o.clock, o.fields, t.clocks FROM operation AS o JOIN "{name}" AS t ON t.id = o.row_id'
            f" WHERE o.table_name = ? AND {fates.ACCEPTED} AND o.queue <> 'peer' AND o.kind = 'put'", (name,)).all()
        for row in rows:
            clocks = unpack(row.clocks)
            # What a door may write and not read has no clock here: nobody is known to have written over it.
            now = {clocks.get(shape.clock_keys.get(field, field)) or row.clock for field in msgspec.json.decode(row.fields)}
            counted = next((one for one in sorted(now) if counts_as(one, row.clock)), None)
            if counted is None:
                past.append(row.rowid)
            elif counted != row.clock:
                connection.exec_driver_sql("UPDATE operation SET clock = ? WHERE rowid = ?", (plain(counted), row.rowid))
    return past
