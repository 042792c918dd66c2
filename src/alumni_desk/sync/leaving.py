"""The end of this laptop's access: removed, left or handed over. What it has goes up first, then the desk is emptied."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from alumni_desk.errors import Refused
from alumni_desk.protocol.messages import Done, HelloReply, ScopeRequest
from alumni_desk.store import fates, removal
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import EMPTIED
from alumni_desk.store.removal import Why
from alumni_desk.sync import operations, state
from alumni_desk.sync.asking import line_of
from alumni_desk.sync.inviting import HOURS, Invitation, invite
from alumni_desk.sync.push import Pushed, push
from alumni_desk.sync.state import Membership
from alumni_desk.sync.venue.relaying import relay
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _, clock_time, ngettext, number

PUT_OFF = "term_ended"
"""What a sync says where this laptop's term has ended and it waits for what is being typed."""


def go(desk: Desk, wire: Wire, membership: Membership, why: Why, progress: Callable[[int], None] | None = None, *, server: HelloReply | None = None) -> str:
    """Send everything that waits, then empty the desk, which cannot be used afterwards. Gives the sentence about it.

    Killed anywhere: before everything was sent the next contact goes on, afterwards the next start. ``server``: what it said to this contact's hello.
    """
    _keeps_nothing(desk)
    if server is not None and membership.scope in server.unknown:
        _offer_again(desk, membership.scope, server.backed_up.get(membership.scope, 0))
    count = Pushed()
    while push(desk, wire, membership, count):
        if progress is not None:
            progress(count.sent + count.refused)
    relay(desk, wire, membership)  # what others made is with them still, but perhaps not for long
    return _empty(desk, "let_in" if why == "revoked" and _is_let_in(desk) else why)


def _is_let_in(desk: Desk) -> bool:
    """Whether a leader's laptop gave this one its access, and the server none since: nobody has removed it then, but its leader."""
    with desk.reading() as connection:
        shown = state.read(connection, state.Credentials)
    return shown is not None and len(shown.chain) > 1


def put_off(why: Why, until: datetime) -> Refused | None:
    """What to say instead of going, where that can wait for a form that is open: nobody hurries who has handed over. None: it cannot."""
    if why != "handed_over":
        return None
    return Refused(PUT_OFF, _("Your term has ended: your successor has joined. A form is open here: save or close it, then this laptop sends everything "
                              "and is emptied; at {time} in any case."), time=clock_time(until.astimezone()))


def _offer_again(desk: Desk, scope: str, saved: int) -> None:
    """The server was put back to an older day: what it answered since (after the sequence ``saved``) it may have lost, and soon nobody else has it."""
    with desk.applying() as applying:
        connection = applying.connection
        fates.wait_again(connection, f"scope = ? AND queue <> 'peer' AND fate IN ('accepted', 'waiting') AND sequence > ? AND NOT ({EMPTIED})", (scope, saved))
        connection.exec_driver_sql("UPDATE parcel SET resolved = NULL, sequence = NULL, reason = NULL WHERE scope = ? AND sequence > ?", (scope, saved))
        state.drop(connection, state.Places)


def _empty(desk: Desk, why: Why, *, sent: bool = True) -> str:
    """Nobody saves anything between the look whether all was ``sent`` and the mark, after which every program of this desk refuses to."""
    with desk.checking() as connection:  # it writes nothing, for the disk may be full
        if sent and (left := operations.count_waiting(connection)):
            raise Refused("leave_waiting", ngettext(
                "{n} change of this laptop could not be sent, so it keeps everything for now. Sync again.",
                "{n} changes of this laptop could not be sent, so it keeps everything for now. Sync again.", left), n=number(left))
        begun = removal.begin(desk, why)
    desk.shut(begun.error)
    return (removal.finish(desk.profile) or begun).sentence


def _keeps_nothing(desk: Desk) -> None:
    """Where this laptop keeps the chapter for the others, the server's key lies in this desk: emptying it would take the chapter from all."""
    from alumni_desk.sync import keeping

    if keeping.keeps(desk):
        raise Refused("keeps_chapter", _("This laptop keeps the chapter for the others, so its access does not end before the chapter moves to another "
                                         "server: move. Then hand over or leave."))


def hand_over(desk: Desk, *, name: str = "", email: str = "", hours: int = HOURS, wire: Wire | None = None) -> Invitation:
    """End one's term: invite the successor. When they have joined, this laptop sends everything at its next contact and is emptied."""
    _keeps_nothing(desk)
    return invite(desk, "leader", name=name, email=email, hours=hours, hand_over=True, wire=wire)


def leave(desk: Desk, *, why: Why = "left", wire: Wire | None = None) -> str:
    """Leave the chapter: send everything, end this laptop's access, empty the desk. Gives the sentence about it.

    Raises Refused ``last_leader`` where nobody else looks after the chapter, ``leave_waiting`` where something cannot be sent.
    """
    from alumni_desk.sync.engine import sync_once

    _keeps_nothing(desk)
    with line_of(desk, wire) as line:
        result = sync_once(desk, wire=line.wire)
        if result.waiting:
            raise Refused("leave_waiting", ngettext(
                "{n} change is still to send, so this laptop did not leave. Sync again, then leave.",
                "{n} changes are still to send, so this laptop did not leave. Sync again, then leave.", result.waiting), n=number(result.waiting))
        line.call("leave", ScopeRequest(line.scope), Done)
        return go(desk, line.wire, line.membership, why)


def erase(desk: Desk, *, last: bool = False, wire: Wire | None = None) -> str:
    """Erase everything of the chapter from this laptop; what waits is sent first. Gives the sentence about it.

    Raises Refused ``last_leader`` where nobody else looks after the chapter, unless ``last``: then the server keeps it for whom an admin invites.
    """
    from alumni_desk.sync.engine import sync_once

    with desk.reading() as connection:
        alone = state.read(connection, Membership) is None
    if alone:
        return _empty(desk, "erased", sent=False)
    if not last:
        return leave(desk, why="erased", wire=wire)
    _keeps_nothing(desk)
    with line_of(desk, wire) as line:
        sync_once(desk, wire=line.wire)
        return go(desk, line.wire, line.membership, "erased")

