"""The laptops of the chapter, for those who look after it: listed, and removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from alumni_desk.errors import Ambiguous, NotFound, Refused
from alumni_desk.protocol.messages import HelloReply, HelloRequest, LaptopRow, LaptopsReply, ScopeRequest
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.asking import Line, line_of, moment
from alumni_desk.sync.inviting import gathering_names
from alumni_desk.sync.venue import credentials
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _


@dataclass(frozen=True)
class Laptop:
    """A laptop of the chapter. ``here``: it is this one; ``role``: admin, leader or door, with ``gathering`` (id) and ``gathering_name``;
    ``waiting``: changes it has still to send as far as it has said; moments are ISO 8601 UTC; ``until`` None: no end; ``revoked``: when it was
    removed; ``left``: when it left or handed over; ``set_aside``: its changes that wait for a leader's look;
    ``replaced``: when the same laptop joined anew, under another id; ``over``: its time has ended; ``invitations``: the open ones that it made, or
    of one whose access has ended those that ended with it."""

    id: str
    name: str
    who: str | None
    role: str
    gathering: str | None
    gathering_name: str | None
    last_seen: str | None
    waiting: int | None
    until: str | None
    version: str | None
    revoked: str | None
    left: str | None
    set_aside: int
    here: bool
    replaced: str | None = None
    over: bool = False
    invitations: int = 0

    @property
    def may_see(self) -> str:
        """What it may see, in words."""
        if self.revoked or self.left:
            return _("nothing")
        if self.over:
            return _("nothing") if self.role == "door" else _("nothing until its next contact")
        if self.role == "door":
            return self.gathering_name or _("check-in")
        return _("every chapter") if self.role == "admin" else _("everything")


def laptops(desk: Desk, *, wire: Wire | None = None) -> list[Laptop]:
    """The chapter's laptops, those seen last first. Raises Refused where the desk does not look after the chapter."""
    with line_of(desk, wire) as line:
        return _all(line)


@dataclass(frozen=True)
class Kept:
    """The list as the server last told it. ``at``: when, ISO 8601 UTC."""

    at: str
    laptops: list[Laptop]


def last_told(desk: Desk) -> Kept | None:
    """What the server last told of the chapter's laptops, without asking it; None if it never did. It goes with this laptop's access."""
    with desk.reading() as connection:
        membership, told = state.read(connection, state.Membership), state.read(connection, state.Told)
    if membership is None or told is None or told.scope != membership.scope or membership.role not in ("admin", "leader"):
        return None
    return Kept(told.at, _rows(desk, membership, told.laptops))


def remove(desk: Desk, text: str, *, wire: Wire | None = None) -> Laptop:
    """Remove a laptop, by its id (or how it begins), its name, or who has it: at its next contact it hands over what it had not sent and empties itself.

    The open invitations that it made end with it, and nothing of it that comes by another way is taken here any more.
    """
    with line_of(desk, wire) as line:
        wanted = find(_all(line), text)
        if wanted.left and not wanted.revoked:
            raise Refused("left_already", _("{name} has left already: it gets nothing more, and what it still has to send is taken in. Nothing was changed."),
                          name=wanted.name)
        if wanted.here:
            raise Refused("laptop_here", _("That is this laptop. To end its access, leave the chapter or hand it over."))
        if wanted.role == "admin" and line.membership.role != "admin":
            raise Refused("laptop_admin", _("Only a network admin can remove a network admin’s laptop."))
        said = line.call(f"devices/{wanted.id}/revoke", HelloRequest(), HelloReply)
        credentials.keep(desk, line.scope, said.server_key, said.certificates, said.grants, said.revoked, said.removals)
        return find(_all(line), wanted.id)


def find(found: list[Laptop], text: str) -> Laptop:
    """The one laptop that is meant. Raises NotFound or Ambiguous."""
    wanted = text.strip().casefold()
    some = found if wanted else []  # a variable that is not set means nobody, not whoever has said no name
    fits = [one for one in some if one.id == wanted or one.name.casefold() == wanted] or [one for one in some if len(wanted) >= 4
                                                                                            and one.id.startswith(wanted)]
    whose = [] if fits else [one for one in some if (one.who or "").casefold() == wanted] or [
        one for one in some if wanted in (one.who or "").casefold().split()]
    there = [one for one in whose if one.revoked is None and one.left is None and one.replaced is None]
    fits = fits or there or whose
    if not fits:
        raise NotFound("no_such_laptop", _("No laptop of this chapter is called “{text}”. See: laptops."), text=text)
    if whose and len(fits) > 1:
        names = ", ".join(f"{one.name} ({one.id[:8]})" for one in fits[:5])
        raise Ambiguous("several_laptops", _("“{text}” has several laptops: {names}. Say which one, by its name or id."),
                        candidates=[one.id for one in fits], text=text, names=names)
    if len(fits) > 1:
        raise Ambiguous("several_laptops", _("{count} laptops are called “{text}”. Give the id of one; laptops lists them."),
                        candidates=[one.id for one in fits], count=len(fits), text=text)
    return fits[0]


def _all(line: Line) -> list[Laptop]:
    reply = line.call("laptops", ScopeRequest(line.scope), LaptopsReply)
    with line.desk.reading() as connection:
        told = state.read(connection, state.Told)
    if told is not None and told.scope == line.scope:
        reply = msgspec.structs.replace(reply, laptops=_named_before(told, reply.laptops))
    if told is None or told.scope != line.scope or _is_news(told, reply):
        with line.desk.applying() as applying:
            if state.read(applying.connection, state.Membership) == line.membership:  # else its access ended, or changed, meanwhile
                state.keep(applying.connection, state.Told(at=moment(reply.time) or "", scope=line.scope, laptops=reply.laptops))
    return _rows(line.desk, line.membership, reply.laptops)


def _named_before(told: state.Told, rows: Sequence[LaptopRow]) -> list[LaptopRow]:
    """A restored server knows who joined after its backup by id alone until they come again: they are called what it called them before."""
    known = {one.device: one for one in told.laptops}
    return [msgspec.structs.replace(one, name=one.name or before.name, who=one.who or before.who) if (before := known.get(one.device)) else one
            for one in rows]


def _is_news(told: state.Told, reply: LaptopsReply) -> bool:
    """Whether the list is another one, or what is kept is a minute old: every write has each open window look again, and a window that looks asks for the
    list, by which it is seen itself."""
    old = datetime.fromisoformat(told.at).timestamp() * 1000 if told.at else 0
    return reply.time - old > _OLD_MS or _unmoved(told.laptops) != _unmoved(reply.laptops)


def _unmoved(rows: Sequence[LaptopRow]) -> list[LaptopRow]:
    return sorted((msgspec.structs.replace(one, last_seen=None, until=None) for one in rows), key=lambda one: one.device)


_OLD_MS = 60_000


def _rows(desk: Desk, membership: state.Membership, told: list[LaptopRow]) -> list[Laptop]:
    names, now = gathering_names(desk), desk.now().timestamp() * 1000
    return [Laptop(id=one.device, name=_called(one), who=one.who, role=one.role, gathering=one.gathering,
                   gathering_name=names.get(one.gathering or ""), last_seen=moment(one.last_seen), waiting=one.waiting, until=moment(one.until),
                   version=one.version, revoked=moment(one.revoked), left=moment(one.ended), set_aside=one.set_aside,
                   here=one.device == membership.device, replaced=moment(one.replaced),
                   over=one.until is not None and one.until <= now, invitations=one.invitations) for one in told]


def _called(row: LaptopRow) -> str:
    """What a laptop is called; one of which a restored server knows no more than that it joined has not said yet."""
    if row.name:
        return row.name
    return _("A laptop that has not come since the restore") if row.last_seen is None else row.device[:8]
