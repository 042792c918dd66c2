"""A sync with nothing to do: one small question to the server, as long as nobody wrote here since the last sync and the server says the same as then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from alumni_desk.store.desk import Desk
from alumni_desk.sync import digest, operations, session, state
from alumni_desk.sync.door import DOOR
from alumni_desk.sync.hello import at_rest, says_the_same
from alumni_desk.sync.wire import Wire

SAID_AGAIN = timedelta(seconds=30)
"""That it was synced is written down again once it is so long ago: a write for each time somebody asks would be the most of the work."""

if TYPE_CHECKING:
    from alumni_desk.sync.engine import SyncResult

@dataclass(frozen=True)
class _Still:
    """All is settled at this version of the desk's database. ``check``: when it is to be compared with the server again."""

    version: int
    membership: state.Membership
    same: bytes  # what the server's answer is named by
    result: SyncResult
    check: datetime
    said: datetime


_still: WeakKeyDictionary[Desk, _Still] = WeakKeyDictionary()


def note(desk: Desk, result: SyncResult) -> None:
    """A sync went well and was written down: if nothing waits, the next one need look at nothing here until somebody writes."""
    _still.pop(desk, None)
    version = desk.version()  # before the look: whoever writes after it is seen by the next sync
    with desk.reading() as connection:
        membership, checked = state.read(connection, state.Membership), state.read(connection, state.Checked)
        scrubbing = state.read(connection, state.Scrubbing)
        waiting = operations.count_waiting(connection)
        due = digest.is_due(connection, desk.now())
        settled = membership is not None and not operations.is_unsettled(connection, membership.scope)
        same = b"" if membership is None else at_rest(desk, connection, membership.scope)
    # At a door every contact is written down: no clock here can be set beyond it.
    if membership is not None and checked is not None and settled and same and not waiting and not due and scrubbing is None and membership.role != DOOR:
        _still[desk] = _Still(version, membership, same, result, datetime.fromisoformat(checked.at) + digest.EVERY, datetime.now(UTC))


def membership_of(desk: Desk) -> state.Membership | None:
    """The membership, where nothing needs to be looked at before the server is asked."""
    found = _still.get(desk)
    if found is None or desk.version() != found.version or not timedelta(0) <= found.check - desk.now() <= digest.EVERY:
        return None
    return found.membership


def result(desk: Desk, wire: Wire, membership: state.Membership) -> tuple[SyncResult, bool] | None:
    """What the last sync found, if the server says that nothing is new, and whether that is to be written down again."""
    if wire.token is None:
        session.resume(desk, wire)
    found = _still.get(desk)
    if found is None or not says_the_same(desk, wire, membership, found.same):
        return None
    return found.result, not timedelta(0) <= datetime.now(UTC) - found.said < SAID_AGAIN
