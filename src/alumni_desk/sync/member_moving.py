"""Moving a member to another chapter from a laptop: what goes along and what stays, and the move itself, which the server does. See also ``reach``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import msgspec

from alumni_desk.errors import Ambiguous, KnownError, NotFound, Refused
from alumni_desk.members.lists import member
from alumni_desk.protocol.messages import MoveMemberReply, MoveMemberRequest
from alumni_desk.segments.lists import visits
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk
from alumni_desk.sync import operations
from alumni_desk.sync.asking import line_of, membership_of
from alumni_desk.sync.conflicts import conflicts
from alumni_desk.sync.reach import LED
from alumni_desk.sync.switching import Chapter, chapters
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.store.driver import Connection

SENDING, MOVING, LETTING_GO = 1, 2, 3
"""The steps of a move."""


@dataclass(frozen=True)
class Going:
    """A member who may move, as the laptop has them. ``entries``: their own and all that was merged with it; ``household``: its name, and whether it
    goes along (nobody else of it stays); ``came``: gatherings that they came to; ``ahead``: places on lists of gatherings to come, which end;
    ``undecided``: fields that two people changed, and nobody has decided on; ``waiting``: changes that this laptop has still to send."""

    id: str
    name: str
    chapter: str
    entries: tuple[str, ...]
    degrees: int
    household: str
    household_goes: bool
    came: int
    ahead: int
    undecided: int
    waiting: int


def going(desk: Desk, person: str, *, today: date | None = None) -> Going:
    """Read it; without asking the server. Raises NotFound, or Refused ``sync_alone``."""
    membership = membership_of(desk)
    found, today = member(desk, person), today or date.today()
    with desk.reading() as connection:
        entries = _group(connection, person)
        those = msgspec.json.encode(entries).decode()
        degrees = connection.exec_driver_sql("SELECT id FROM education WHERE NOT gone AND person IN (SELECT value FROM json_each(?))", (those,)).scalars().all()
        home = connection.exec_driver_sql("SELECT h.id, h.name FROM household AS h JOIN person AS p ON p.household = h.id WHERE p.id = ? AND NOT h.gone",
                                          (person,)).first()
        others = "SELECT 1 FROM person WHERE household = ? AND NOT gone AND id NOT IN (SELECT value FROM json_each(?)) LIMIT 1"
        stay = home is not None and connection.exec_driver_sql(others, (home.id, those)).first() is not None
        waiting = operations.count_waiting(connection)
    met = visits(desk, person)
    theirs = {("person", one) for one in entries} | {("education", str(one)) for one in degrees}
    return Going(id=person, name=found.name, chapter=membership.scope_name, entries=tuple(entries), degrees=len(degrees),
                 household=(home.name or _("without a name")) if home is not None else "", household_goes=not stay,
                 came=sum(one.came for one in met), ahead=sum(not one.came and one.day >= today and one.status != "cancelled" for one in met),
                 undecided=sum((one.table, one.row) in theirs for one in conflicts(desk)), waiting=waiting)


def _group(connection: Connection, person: str) -> list[str]:
    """This entry and all that was merged with it, that of the list first."""
    rows = driver.rows(connection, "WITH RECURSIVE one (id) AS (SELECT ? UNION SELECT p.id FROM one JOIN person AS p ON p.merged_into = one.id"
                                   " UNION SELECT p.merged_into FROM one JOIN person AS p ON p.id = one.id WHERE p.merged_into IS NOT NULL)"
                                   " SELECT p.id FROM one JOIN person AS p ON p.id = one.id WHERE NOT p.gone", (person,))
    return sorted((str(row) for (row,) in rows), key=lambda one: (one != person, one))


def places(desk: Desk, *, wire: Wire | None = None) -> list[Chapter]:
    """The chapters that a member may be moved to, by name, as the server says now. Raises KnownError."""
    return [one for one in chapters(desk, wire=wire) if not one.here and one.role in LED]


def place_called(found: Sequence[Chapter], text: str) -> Chapter:
    """The one that is meant by its name or id. Raises NotFound or Ambiguous."""
    wanted = " ".join(text.split()).casefold()
    fits = [one for one in found if one.id == wanted or " ".join(one.name.split()).casefold() == wanted]
    if not fits:
        raise NotFound("no_such_chapter", _("Members cannot be moved from here to a chapter called “{text}”. Those they can: {names}."), text=text,
                       names=", ".join(one.name for one in found) or _("none"))
    if len(fits) > 1:
        raise Ambiguous("several_chapters", _("{count} chapters are called “{text}”. Give the id of one; chapters lists them."),
                        candidates=[one.id for one in fits], count=len(fits), text=text)
    return fits[0]


@dataclass(frozen=True)
class MovedAway:
    """Who belongs to which chapter now; how many places on lists of gatherings to come ended; and whether this laptop has let go of them already."""

    people: tuple[str, ...]
    name: str
    chapter: str
    places: int
    let_go: bool

    @property
    def sentence(self) -> str:
        """What became of it, in words."""
        said = [_("{name} belongs to {chapter} now.").format(name=self.name, chapter=self.chapter)]
        if self.places:
            said.append(ngettext("{n} place at a gathering to come ended.", "{n} places at gatherings to come ended.", self.places).format(
                n=number(self.places)))
        if not self.let_go:
            said.append(_("This laptop lets go of them at its next sync."))
        return " ".join(said)


def move_member(desk: Desk, who: Going, to: Chapter, *, wire: Wire | None = None, step: Callable[[int], None] | None = None) -> MovedAway:
    """Send what waits, have the server move them, and let go of them here.

    Raises Refused ``move_member_waiting`` where something cannot be sent, ``group_changed`` where they are one with others by now, ``no_grant``, and
    NetworkProblem: then nobody was moved, or the same call once more says that they were. Killed anywhere, the next sync finishes it.
    """
    from alumni_desk.sync.engine import sync_once

    tell = step or _say_nothing
    membership = membership_of(desk)
    with line_of(desk, wire) as line:
        tell(SENDING)
        sync_once(desk, wire=line.wire)
        with desk.reading() as connection:
            waiting, now = operations.count_waiting(connection), set(_group(connection, who.id))
        if waiting:
            raise Refused("move_member_waiting", ngettext(
                "{n} change of this laptop could not be sent yet, so {name} stays. Sync, then move them.",
                "{n} changes of this laptop could not be sent yet, so {name} stays. Sync, then move them.", waiting), n=number(waiting), name=who.name)
        if now and now != set(who.entries):
            raise Refused("group_changed", _("Meanwhile this entry was merged with another one, or taken apart, so nobody was moved. Look at it again, then "
                                             "move it."))
        tell(MOVING)
        reply = line.call("move-member", MoveMemberRequest(membership.scope, to.id, list(who.entries)), MoveMemberReply)
        tell(LETTING_GO)
        try:
            sync_once(desk, wire=line.wire)
            let_go = True
        except KnownError:  # they have moved; whatever is wrong here, the next sync says so, and lets go of them
            let_go = False
    return MovedAway(tuple(reply.people), who.name, to.name, reply.places, let_go)


def _say_nothing(step: int) -> None:
    """Nobody is told."""
