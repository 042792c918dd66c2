"""Hello: what the server speaks, how far the chapter has come there, and the server's time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sa

from alumni_desk import __version__
from alumni_desk.errors import Refused
from alumni_desk.protocol.messages import PROTOCOL, Cursor, Grant, HelloReply, HelloRequest
from alumni_desk.schema import SCHEMA_VERSION
from alumni_desk.store.desk import Desk
from alumni_desk.store.removal import Why
from alumni_desk.sync import session
from alumni_desk.sync.operations import count_waiting
from alumni_desk.sync.pull import cursor_of
from alumni_desk.sync.state import Membership, Places, Reach, Skew, keep, read
from alumni_desk.sync.venue import credentials
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _

SAME_MS = 10_000
"""Differences of the clocks up to which a newer one is not worth a write: the way to the server is never quite as long as the way back."""


@dataclass(frozen=True)
class _Said:
    """A hello and its answer."""

    server: str
    device: str
    message: HelloRequest
    reply: HelloReply
    offset: int  # of this computer's clock


_said: WeakKeyDictionary[Desk, _Said] = WeakKeyDictionary()


def ending(commands: Sequence[str]) -> Why | None:
    """Why this desk is to be emptied, by what the server commands; None mostly."""
    if "wipe" in commands:
        return "revoked"
    return "handed_over" if "leave" in commands else None


def hello(desk: Desk, wire: Wire, membership: Membership) -> HelloReply:
    """Greet the server; refuses to go on where the two cannot understand each other or the chapter is closed to us."""
    with desk.reading() as connection:
        waiting = count_waiting(connection)
        pushed = read(connection, Places) or Places([])
        places = [cursor_of(connection, membership.scope), *pushed.places]
    message = HelloRequest(protocol=PROTOCOL, schema=SCHEMA_VERSION, version=__version__, waiting=waiting, who=str(desk.setting("person_name") or ""),
                           device=desk.device_name, places={membership.scope: places})
    same = _asked_again(desk, wire, membership, message)
    if same is not None:
        return same
    reply = session.call(desk, wire, membership, "hello", message, HelloReply)
    with desk.reading() as connection:
        session.refuse_another(connection, membership)  # what it commands is meant for whom it answered
    _note_skew(desk, reply.time)
    _said.pop(desk, None)
    credentials.keep(desk, membership.scope, reply.server_key, reply.certificates, reply.grants, reply.revoked, reply.removals)
    _note_reach(desk, membership.scope, reply.grants, kept=reply.kept)
    first, last = reply.protocols
    oldest, newest = reply.schemas
    if not first <= PROTOCOL <= last or oldest > SCHEMA_VERSION:
        raise Refused("sync_version", _("This program and the server are of versions too far apart. Update Alumni Desk, then sync again."))
    if newest < SCHEMA_VERSION:
        raise Refused("sync_server_old", _(
            "The server is older than this program and would not understand its changes. They are saved here until the server is updated."))
    if ending(reply.commands) is not None:
        return reply  # nothing of the chapter is told any more; what is here may still be handed over
    if membership.scope not in reply.heads and "ended" not in reply.commands:
        raise Refused("no_grant", _("This laptop may not see this chapter at the server. Ask the chapter’s leader."))
    if reply.same and not reply.commands:
        _said[desk] = _Said(membership.server, membership.device, message, reply, desk.clock.offset)
    return reply


def _asked_again(desk: Desk, wire: Wire, membership: Membership, message: HelloRequest) -> HelloReply | None:
    """The last answer, with the time now, if the server says that it holds; not asked where there is anything else to say than then."""
    said = _said.get(desk)
    if said is None or (said.server, said.device) != (membership.server, membership.device) or membership.scope not in said.reply.heads:
        return None
    head = said.reply.heads[membership.scope]
    known = [Cursor(head.sequence, head.chain), *said.message.places.get(membership.scope, [])]  # the chain says that the server still knows all of these
    if any(place not in known for place in message.places[membership.scope]) or msgspec.structs.replace(said.message, places=message.places) != message:
        return None
    return _same(desk, wire, membership, said)


def at_rest(desk: Desk, connection: sa.Connection, scope: str) -> bytes:
    """What the server's last answer is named by, if the desk stands where the server stood and had nothing to send; else nothing."""
    said = _said.get(desk)
    head = None if said is None else said.reply.heads.get(scope)
    if said is None or head is None or said.message.waiting or cursor_of(connection, scope) != Cursor(head.sequence, head.chain):
        return b""
    return said.reply.same


def says_the_same(desk: Desk, wire: Wire, membership: Membership, same: bytes) -> bool:
    """Whether the server still says what this is the name of, asked for a desk in which nobody has written since."""
    said = _said.get(desk)
    return said is not None and said.reply.same == same and _same(desk, wire, membership, said) is not None


def _same(desk: Desk, wire: Wire, membership: Membership, said: _Said) -> HelloReply | None:
    reply = session.call(desk, wire, membership, "hello", HelloRequest(same=said.reply.same), HelloReply)
    if abs(desk.clock.offset - said.offset) > SAME_MS:
        _note_skew(desk, reply.time)
    return msgspec.structs.replace(said.reply, time=reply.time) if reply.same == said.reply.same else None


def _note_reach(desk: Desk, scope: str, grants: Sequence[Grant], *, kept: bool) -> None:
    """Remember whether this laptop looks after other chapters, too: what can be done between two of them is offered then. And what it means if the
    server falls silent."""
    reach = reach_of(scope, grants, kept=kept)
    with desk.reading() as connection:
        known = read(connection, Reach)
    if known != reach:
        with desk.applying() as applying:
            keep(applying.connection, reach)


def reach_of(scope: str, grants: Sequence[Grant], *, kept: bool) -> Reach:
    """What a server said of this laptop's other chapters, and of itself."""
    return Reach(sum(one.scope != scope and one.role in ("admin", "leader") for one in grants), kept)


def _note_skew(desk: Desk, server_ms: int) -> None:
    """Remember how wrong this computer's clock is, for the next start and so that it can be said."""
    ahead = -desk.clock.offset
    with desk.reading() as connection:
        before = read(connection, Skew) or Skew()
    if abs(ahead - before.ahead_ms) > SAME_MS:
        with desk.applying() as applying:
            keep(applying.connection, Skew(ahead, server_ms))
