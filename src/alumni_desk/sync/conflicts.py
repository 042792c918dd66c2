"""Fields that two people changed without seeing each other: listed as cards, decided on, opened again. Kept on the desk, so that it can be read offline.

A decision is an action like any other: Undo takes it back, and the card is open again. The server is told at the next sync, before the value goes up: so
whoever has the row and asks hears that the card is gone. Until it has asked, a laptop refuses to decide on what another has written meanwhile. Whoever lost
and then writes another value over the one that won has seen both: that, too, is a decision.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import msgspec
import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, BadInput, KnownError, NotFound, Refused
from alumni_desk.protocol.clock import milliseconds
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import Author, ConflictRow, ConflictsReply, DecideRequest, Decision, Head, HelloReply, ScopeRequest, Value
from alumni_desk.segments.activity import Names, field_word
from alumni_desk.segments.values import value_words
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import rows_erased
from alumni_desk.store.history import Past, authors_of, keep_shown
from alumni_desk.store.listed import texts
from alumni_desk.store.synced import clock_key, data_columns
from alumni_desk.store.tables import CARRIED
from alumni_desk.store.undo import DECIDED, origin, undo
from alumni_desk.store.writing import Changed
from alumni_desk.sync import session, state
from alumni_desk.sync.hidden_edits import hidden_edits, is_of_here
from alumni_desk.sync.reach import LED
from alumni_desk.sync.state import Membership
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _

log = logging.getLogger(__name__)

T = TypeVar("T")

Choice = Literal["yours", "theirs", "both"]

GONE = "gone"

BESIDE = {"email": "other_emails"}
"""Fields of one value whose second value has a place of its own."""


@dataclass(frozen=True)
class Side:
    """One of the two values: what it is (lists as lists), who wrote it on which laptop, when (ISO 8601 UTC), and whether the list shows it now."""

    value: Any
    who: str | None
    device: str | None
    at: str
    shown: bool
    here: bool


@dataclass(frozen=True)
class Conflict:
    """A card. ``id`` names it; ``name``: whose or which record; ``what``: the field in words. ``yours``: this laptop's value, or, where it wrote
    neither, the one that won; ``both``: whether both can be kept; ``until``: when it goes by itself (ISO 8601 UTC).

    An address is one field, ``address``, whose value is that of each of its lines, by name.
    """

    id: str
    table: str
    row: str
    field: str
    name: str
    what: str
    yours: Side
    theirs: Side
    both: bool
    until: str


def said(card: Conflict, side: Side) -> Any:
    """A side's value as it is shown: an address in one line; of a row that one removed and the other changed, what becomes of it."""
    if isinstance(side.value, dict):
        return ", ".join(line for value in side.value.values() if value for line in str(value).splitlines()) or None
    if card.field != GONE:
        return [value_words(card.table, card.field, one) for one in side.value] if isinstance(side.value, list) else value_words(
            card.table, card.field, side.value) or None
    return _("removed") if side.value else _("kept, with the change")


@dataclass(frozen=True)
class Decided:
    """What a decision changed; ``changed.action`` is what Undo takes back."""

    id: str
    choice: Choice
    changed: Changed


class Kept(msgspec.Struct, frozen=True):
    """The open conflicts as the server told them; ``head``: of its feed then; ``written``: by card, the clock of its field here when it was asked."""

    head: Head
    rows: list[ConflictRow]
    written: dict[str, str | None] = {}


class Decisions(msgspec.Struct, frozen=True):
    """What was decided here: by card, the action that wrote it (None: of a former version, that wrote nothing) and whether the server was told."""

    made: dict[str, tuple[str | None, bool]]


_KEPT, _DECISIONS = "conflicts", "decisions"
_90_DAYS = 90 * 24 * 3600 * 1000


def conflicts(desk: Desk) -> list[Conflict]:
    """The cards to decide on, the newest first; without asking the server."""
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
        if membership is None:
            return []
        found, there = _open_here(connection, desk, membership)
        names = Names(connection, {"": [(one.rows[0].table, one.rows[0].row, {}) for one in found]}, set())
        return [_card(desk, one, there[one.rows[0].table, one.rows[0].row], names, membership) for one in found]


@dataclass(frozen=True)
class _Question:
    """One thing to decide on. ``rows``: its fields, one, or those of an address; ``twins``: all rows of which that is the answer: two that decided
    apart have asked the same two values once more."""

    rows: list[ConflictRow]
    lost: dict[str, Value]
    now: dict[str, Value]
    twins: list[ConflictRow]


def _questions(desk: Desk, rows: Sequence[ConflictRow], there: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[_Question]:
    """Rows as people decide on them, in their order: an address is one, and so are the same two values of one field, however often they met."""
    clashes: dict[tuple[Any, ...], list[ConflictRow]] = {}
    for row in rows:
        key = clock_key(desk.tables[row.table].c[row.field])
        clashes.setdefault((row.table, row.row, key, is_of_here(_id(row)), row.winner_clock, row.loser_clock), []).append(row)
    found: dict[tuple[Any, ...], _Question] = {}
    for (table, row_id, key, here, _winner, _loser), members in clashes.items():
        fields = [column.name for column in data_columns(desk.tables[table]) if clock_key(column) == key]
        members.sort(key=lambda row: fields.index(row.field))
        now = {name: there[table, row_id][name] for name in fields}
        # What a former server did not keep of an address was the same on both sides.
        lost = {**now, **{row.field: row.value for row in members}}
        question = found.setdefault((table, row_id, key, here, tuple(lost.items())), _Question(members, lost, now, []))
        question.twins.extend(members)
    return list(found.values())


def _open_here(connection: sa.Connection, desk: Desk, membership: Membership) -> tuple[list[_Question], dict[tuple[str, str], dict[str, Any]]]:
    """What is to be decided on, and the records that it is about. Two sides that say the same are no question any more."""
    kept = _read(connection, _KEPT, Kept)
    told = kept.rows if kept is not None else []
    away = {name for name, (action, _told) in _decisions(connection).items() if _stands(connection, action)}
    now = desk.clock.now_ms()
    rows = [*told, *hidden_edits(connection, desk.tables["person"], membership)]
    rows = [row for row in rows if _id(row) not in away and row.made > now - _90_DAYS and row.table in desk.tables]
    there = _values(connection, desk, rows)
    away |= _written_over(desk, connection, rows, there, membership).keys()
    rows = [row for row in rows if _id(row) not in away and (row.table, row.row) in there and (row.field == GONE or not there[row.table, row.row][GONE])]
    return [one for one in _questions(desk, rows, there) if one.lost != one.now], there


def open_rows(desk: Desk) -> list[ConflictRow]:
    """What is to be decided on, as the server told it."""
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
        found = [] if membership is None else _open_here(connection, desk, membership)[0]
        return [row for one in found for row in one.twins if not is_of_here(_id(row))]


def keep_moved(connection: sa.Connection, rows: Sequence[ConflictRow]) -> None:
    """The chapter moves: these are to be decided on as before, and what was decided at the former server is the past."""
    made = {name: decision for name, decision in _decisions(connection).items() if is_of_here(name)}
    connection.exec_driver_sql("DELETE FROM sync_state WHERE key IN (?, ?)", (_KEPT, _DECISIONS))
    if made:
        _write(connection, _DECISIONS, Decisions(dict(made)))
    if rows:
        _write(connection, _KEPT, Kept(Head(0, ""), list(rows)))


def count(desk: Desk) -> int:
    """How many cards there are."""
    return len(conflicts(desk))


def decide(desk: Desk, conflict: str, choice: Choice, shown: Conflict | None = None) -> Decided:
    """Decide on a card, by its id or how it begins. The value is written like any change, also where it is shown already: Undo takes that back, too, and
    its clock says that both were seen. ``shown``: the card as it was on the screen. Raises NotFound, BadInput where both cannot be kept, or Refused where
    somebody has decided meanwhile, or may have.
    """
    with desk.writing(DECIDED) as writing:
        card, names = _to_decide(writing.connection, desk, conflict, shown)
        if choice == "both" and card.field == GONE:
            raise BadInput("conflict_both", _("{name} is on the list or is not, so keep yours or theirs."), name=card.name)
        if choice == "both" and not card.both:
            raise BadInput("conflict_both", _("{what} holds one value, so keep yours or theirs."), what=card.what)
        writing.settle(card.table, card.row, **_wanted(writing.connection, desk, card, choice))
        _keep_decisions(writing.connection, dict.fromkeys(names, (writing.action_id, False)))
    return Decided(card.id, choice, writing.changed)


def reopen(desk: Desk, conflict: str) -> Decided:
    """Take a decision back: what it wrote is undone, and the card is open again."""
    with desk.reading() as connection:
        made = _decisions(connection)
    fits = [name for name in made if len(conflict) >= 4 and name.startswith(conflict)]
    if len({made[name][0] for name in fits}) != 1:  # an address has as many as it has lines
        raise NotFound("no_such_conflict", _("There is no decision {id}. See: conflicts."), id=conflict)
    action, _told = made[fits[0]]
    with desk.reading() as connection:
        stands = _stands(connection, action)
    return Decided(fits[0], "yours", undo(desk, action).changed if stands else Changed())


def one_of(desk: Desk, text: str) -> Conflict:
    """The card whose id is this, or begins so."""
    with desk.reading() as connection:
        return _found(connection, desk, text)[0]


def _to_decide(connection: sa.Connection, desk: Desk, text: str, shown: Conflict | None) -> tuple[Conflict, list[str]]:
    """A card and all of its rows, where nobody has written over it since it was shown, or since the server said that it is open."""
    try:
        card, rows = _found(connection, desk, text)
    except NotFound:
        if shown is None:
            raise
        who = _last_writer(connection, desk, shown)
        if who is None:
            raise Refused("conflict_decided", _("{name}: this was decided a moment ago. Nothing was changed."), name=shown.name) from None
        raise Refused("conflict_decided", _("{name}: {who} decided this a moment ago. Nothing was changed."), name=shown.name, who=who) from None
    kept, there = _read(connection, _KEPT, Kept), _values(connection, desk, rows)
    stale = kept is not None and any(_is_stale(row, there[row.table, row.row], kept) for row in rows)
    if stale or (shown is not None and _contents(card) != _contents(shown)):
        raise Refused("conflict_changed", _(
            "{name}: {who} has changed this meanwhile, or decided it. Nothing was changed; after the next sync it is here if it is still to be decided."),
            name=card.name, who=_last_writer(connection, desk, card) or _("somebody"))
    return card, [_id(row) for row in rows]


def _contents(card: Conflict) -> list[tuple[Any, str, bool]]:
    return [(side.value, side.at, side.shown) for side in (card.yours, card.theirs)]


def _last_writer(connection: sa.Connection, desk: Desk, card: Conflict) -> str | None:
    """Who, or which laptop, wrote the field last, as far as is known."""
    target = desk.tables[card.table]
    clock = unpack(connection.execute(sa.select(target.c.clocks).where(target.c.id == card.row)).scalar()).get(card.field)
    who, device = authors_of(connection, [] if clock is None else [_replica(clock)]).get(_replica(clock or ""), (None, None))
    return who or device


def _found(connection: sa.Connection, desk: Desk, text: str) -> tuple[Conflict, list[ConflictRow]]:
    """A card by the id of any of its rows, or how it begins, and all of them."""
    membership = state.read(connection, state.Membership)
    found, there = ([], {}) if membership is None else _open_here(connection, desk, membership)
    fits = [one for one in found if len(text) >= 4 and any(_id(row).startswith(text) for row in one.twins)]
    if len(fits) == 1 and membership is not None:
        one = fits[0].rows[0]
        names = Names(connection, {"": [(one.table, one.row, {})]}, set())
        return _card(desk, fits[0], there[one.table, one.row], names, membership), fits[0].twins
    if not fits:
        raise NotFound("no_such_conflict", _("There is no conflict {id}: it was decided meanwhile, or here. See: conflicts."), id=text)
    raise Ambiguous("several_conflicts", _("{count} conflicts begin with {id}. Give more of it."), candidates=[_id(one.rows[0]) for one in fits],
                    count=len(fits), id=text)


@dataclass(frozen=True)
class _Here:
    """What is kept of the cards here. ``rows``: as told, of tables that this program knows; ``there``: the records they are about; ``made``: what was decided,
    and whether the server was told; ``standing``: whether that counts."""

    kept: Kept | None
    rows: list[ConflictRow]
    there: dict[tuple[str, str], dict[str, Any]]
    made: dict[str, tuple[str, bool]]
    standing: dict[str, bool]

    @property
    def news(self) -> dict[str, bool]:
        """What the server is to be told."""
        return {name: stands for name, stands in self.standing.items() if stands != self.made[name][1]}

    @property
    def written(self) -> dict[str, str | None]:
        """By card, the clock of its field."""
        return _written(self.rows, self.there)

    @property
    def stale(self) -> bool:
        """Whether another laptop wrote into one of them since the server was asked."""
        return self.kept is not None and any(
            _is_stale(row, self.there[row.table, row.row], self.kept) for row in self.rows
            if (row.table, row.row) in self.there and not self.standing.get(_id(row), False))


def _here(connection: sa.Connection, desk: Desk, membership: Membership) -> _Here:
    kept, made = _read(connection, _KEPT, Kept), _decisions(connection)
    rows = [] if kept is None else [row for row in kept.rows if row.table in desk.tables]
    there = _values(connection, desk, rows)
    made |= {name: (action, made.get(name, ("", False))[1]) for name, action in _written_over(desk, connection, rows, there, membership).items()
             if name not in made or not _stands(connection, made[name][0])}
    return _Here(kept, rows, there, made, {name: _stands(connection, action) for name, (action, _told) in made.items() if not is_of_here(name)})


def _written(rows: Sequence[ConflictRow], there: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[str, str | None]:
    return {_id(row): there[row.table, row.row]["written"][row.field] for row in rows if (row.table, row.row) in there}


def _is_stale(row: ConflictRow, record: Mapping[str, Any], kept: Kept) -> bool:
    """Whether another laptop has written the field since the server last said that it is to be decided on."""
    clock = record["written"][row.field]
    return clock is not None and not is_of_here(_id(row)) and clock != kept.written.get(_id(row), row.winner_clock) and clock not in record["own"]


def tell_decided(desk: Desk, wire: Wire, membership: Membership, server: HelloReply) -> int:
    """Tell the server what was decided here before the values go up. Returns how many cards that are; what fails is told at the end of the sync."""
    if not _leads(membership, server):
        return 0
    with desk.reading() as connection:
        here = _here(connection, desk, membership)
    decided = dict.fromkeys([name for name, stands in here.news.items() if stands], True)
    if not decided:
        return 0
    try:
        _tell(desk, wire, membership, decided)
    except KnownError as problem:
        log.info("what was decided is told after sending: %s", problem.code)
        return 0
    with desk.applying() as applying:
        _keep_decisions(applying.connection, {name: (here.made[name][0], True) for name in decided})
    return len(decided)


def look_again(desk: Desk, wire: Wire, membership: Membership) -> bool:
    """Where another laptop wrote into a card, ask which are open still. Returns whether that was so."""
    if membership.role not in LED:
        return False
    with desk.reading() as connection:
        here = _here(connection, desk, membership)
    if here.kept is None or not here.stale:
        return False
    reply = session.call(desk, wire, membership, "conflicts", ScopeRequest(membership.scope), ConflictsReply)
    with desk.applying() as applying:
        _keep_told(applying.connection, desk, membership, here, reply, here.kept.head)
    return True


def _leads(membership: Membership, server: HelloReply) -> bool:
    return any(grant.scope == membership.scope and grant.role in LED for grant in server.grants)


def _keep_told(connection: sa.Connection, desk: Desk, membership: Membership, here: _Here, reply: ConflictsReply, head: Head,
               more: Sequence[ConflictRow] = ()) -> None:
    """Keep what the server told; ``here``: as it was before it was asked. A card that is decided stays, so that an undo shows it again before the next
    contact."""
    _keep_shown(connection, membership, [row for row in reply.conflicts if row.table in desk.tables])
    listed = {_id(row) for row in reply.conflicts}
    decided = [row for row in here.rows if here.standing.get(_id(row), False) and _id(row) not in listed]
    rows = [*reply.conflicts, *decided, *(row for row in more if _id(row) not in listed)]
    known = here.written
    new = [row for row in rows if _id(row) not in known and row.table in desk.tables]
    _write(connection, _KEPT, Kept(head, rows, {**_written(new, _values(connection, desk, new)), **known}))


def exchange(desk: Desk, wire: Wire, membership: Membership, server: HelloReply, *, fresh: bool = False, told: int = 0) -> None:
    """Tell the server what was decided here, and take the conflicts that are open; asks nothing where nothing has changed.

    ``fresh``: this sync brought up some; ``told``: on how many of those that were open the server was told that they are decided. Only those who look after
    the chapter are told of any.
    """
    scope = membership.scope
    if not _leads(membership, server):
        return
    with desk.reading() as connection:
        here = _here(connection, desk, membership)
    made, standing, news, head = here.made, here.standing, here.news, server.heads[scope]
    open_there = server.conflicts.get(scope, 0) - told
    open_here = sum(not standing.get(_id(row), False) for row in here.rows)
    if not news and not fresh and not here.stale and open_here == open_there and (not open_there or (here.kept is not None and here.kept.head == head)):
        return
    if news:
        reply = _tell(desk, wire, membership, news)
    else:
        reply = session.call(desk, wire, membership, "conflicts", ScopeRequest(scope), ConflictsReply)
    # A restored server has forgotten what it was told; two sides that say the same by now, or of which this laptop took its own back, are no question any more.
    listed_here = [row for row in reply.conflicts if row.table in desk.tables]
    with desk.reading() as connection:
        there = _values(connection, desk, listed_here)
        same = _the_same(desk, listed_here, there)
        meanwhile = {name: action for name, action in _written_over(desk, connection, listed_here, there, membership).items()
                     if name not in made and _stands(connection, action)}
    settled = {name for name, stands in standing.items() if stands} | same | meanwhile.keys()
    if again := [_id(row) for row in reply.conflicts if _id(row) in settled and _id(row) not in news]:
        reply = _tell(desk, wire, membership, dict.fromkeys(again, True))
    with desk.applying() as applying:
        for name, stands in news.items():
            _keep_decisions(applying.connection, {name: (made[name][0], stands)})
        _keep_decisions(applying.connection, {name: (action, True) for name, action in meanwhile.items()})
        _keep_told(applying.connection, desk, membership, here, reply, head, [row for row in listed_here if _id(row) in meanwhile])


def _keep_shown(connection: sa.Connection, membership: Membership, rows: Sequence[ConflictRow]) -> None:
    """History has what others wrote and lost, too: on this laptop it stands on the card alone."""
    erased = rows_erased(connection) if rows else set()
    shown: dict[str, list[Past]] = {}
    for row in rows:
        if row.loser_device != membership.device and (row.table, row.row) not in erased:
            shown.setdefault(row.table, []).append((row.row, row.field, row.value, row.loser_clock))
    for table, values in shown.items():
        keep_shown(connection, table, values)


def _tell(desk: Desk, wire: Wire, membership: Membership, news: Mapping[str, bool]) -> ConflictsReply:
    """Tell the server which rows are decided on, or open again."""
    named = {name: name.partition(":") for name in news}
    message = DecideRequest(membership.scope, [Decision(named[name][0], named[name][2], stands) for name, stands in news.items()])
    return session.call(desk, wire, membership, "conflicts/decide", message, ConflictsReply)


def _the_same(desk: Desk, rows: Sequence[ConflictRow], there: Mapping[tuple[str, str], dict[str, Any]]) -> set[str]:
    """Those whose two sides say the same by now."""
    rows = [row for row in rows if (row.table, row.row) in there]
    return {_id(row) for one in _questions(desk, rows, there) if one.lost == one.now for row in one.twins}


def _id(row: ConflictRow) -> str:
    return f"{row.operation}:{row.field}"


def _card(desk: Desk, question: _Question, there: dict[str, Any], names: Names, membership: Membership) -> Conflict:
    row = question.rows[0]
    many, group = (desk.tables[row.table].c[row.field].info.get(name) for name in ("many", "group"))
    now, lost = (said if group else said[row.field] for said in (question.now, question.lost))
    clock, author = there["stands_for"][row.field] or row.winner_clock, row.winner
    here, lost_here = (device == membership.device for device in (row.winner_device, row.loser_device))
    losing = row.loser
    if here and lost_here and (row.winner_clock in there["own"] or row.loser_clock in there["own"]):
        # A disk was copied: what was not written here is the copy's.
        here, lost_here = (clock in there["own"] for clock in (row.winner_clock, row.loser_clock))
        author, losing = (Author(side.who, side.device if own else _("a copy of this laptop")) for side, own in ((author, here), (losing, lost_here)))
    if _replica(clock) == _replica(row.loser_clock) and not is_of_here(_id(row)):
        # An undo: here of another value, and named is who did it; or there of what was written over this card, so that the value that won is back.
        written = there["written"][row.field]
        clock = row.winner_clock if written is None or _replica(written) == _replica(row.loser_clock) else written
    if clock not in there["own"] and there["was"].get(row.winner_clock, {}).items() >= question.now.items():
        clock = row.winner_clock  # it says what won: an undo, of whomever and under whatever replica, has put that back
    if clock != row.winner_clock:  # somebody has written over it since
        here = clock in there["own"]
        author = _author_of(there["authors"], clock)
        if here and author.who is None:  # the server has not told it yet
            author = Author(there["own"][clock][1], author.device)
    winner = _side(clock, author.who, author.device, now, now, bool(many), here)
    loser = _side(row.loser_clock, losing.who, losing.device, lost, now, bool(many), lost_here)
    yours, theirs = (loser, winner) if loser.here and (not winner.here or is_of_here(_id(row))) else (winner, loser)
    return Conflict(id=_id(row), table=row.table, row=row.row, field=group or row.field, name=names.of(row.table, row.row, {}),
                    what=field_word(row.table, row.field),
                    yours=yours, theirs=theirs, both=bool(many) or (row.table == "person" and row.field in BESIDE), until=_moment(row.made + _90_DAYS))


def _written_over(desk: Desk, connection: sa.Connection, rows: Sequence[ConflictRow], there: Mapping[tuple[str, str], dict[str, Any]],
                  membership: Membership) -> dict[str, str]:
    """Cards whose losing value is this laptop's own, and which it has replaced since, by another one or by what lost, or taken back: the action that did."""
    found = {}
    same = _the_same(desk, rows, there)
    for row in rows:
        if (row.table, row.row) not in there or (row.loser_device != membership.device and _id(row) not in same):
            continue
        record = there[row.table, row.row]
        clock, written, own = record["stands_for"][row.field], record["written"][row.field], record["own"]
        if clock is None or clock == row.winner_clock:
            continue
        if clock in own and clock > row.loser_clock:
            found[_id(row)] = str(own[clock][0])
        elif row.loser_device == membership.device and not is_of_here(_id(row)) and written in own and clock < row.loser_clock < written:
            found[_id(row)] = str(own[written][0])  # by an undo, which put back what stood there before
    return found


def _replica(clock: str) -> str:
    return clock.rpartition("-")[2]


def _author_of(authors: dict[str, Author], clock: str) -> Author:
    return authors.get(_replica(clock), Author())


def _side(clock: str, who: str | None, device: str | None, value: Any, now: Any, many: bool, here: bool) -> Side:
    listed = texts(value) if many else value
    return Side(value=listed, who=who, device=device, at=_moment(milliseconds(clock)), shown=value == now, here=here)


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _values(connection: sa.Connection, desk: Desk, rows: Sequence[ConflictRow]) -> dict[tuple[str, str], dict[str, Any]]:
    """The records that the cards are about, as this desk shows them; those that are gone are left out, unless that is the question."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for table in {row.table for row in rows}:
        target = desk.tables[table]
        ids = sorted({row.row for row in rows if row.table == table})
        removed = sorted({row.row for row in rows if row.table == table and row.field == GONE})
        for one in connection.execute(sa.select(target).where(target.c.id.in_(ids), sa.or_(~target.c.gone, target.c.id.in_(removed)))).mappings():
            clocks = unpack(one["clocks"])
            stands_for, written = {}, {}
            for field in {row.field for row in rows if (row.table, row.row) == (table, one["id"])}:
                key = clock_key(target.c[field])
                written[field] = clocks.get(key)
                stands_for[field] = origin(connection, table, one["id"], key, clocks.get(key)) or clocks.get(key)
            names = [state.REPLICA + clock.rpartition("-")[2] for clock in clocks.values()]
            told = connection.exec_driver_sql("SELECT key, value FROM sync_state WHERE key IN (SELECT value FROM json_each(?))", (json.dumps(names),))
            authors = {author.key.removeprefix(state.REPLICA): msgspec.json.decode(author.value, type=Author) for author in told}
            own = connection.exec_driver_sql(
                "SELECT o.clock, o.action, a.who FROM operation AS o LEFT JOIN action AS a ON a.id = o.action WHERE o.table_name = ? AND o.row_id = ?"
                " AND o.queue <> 'peer' AND o.event NOT IN (?, ?)", (table, one["id"], *CARRIED))
            was = _was(connection, table, one["id"], {row.winner_clock for row in rows if (row.table, row.row) == (table, one["id"])})
            found[table, one["id"]] = {**one, "was": was, "stands_for": stands_for, "written": written, "authors": authors,
                                       "own": {wrote.clock: (wrote.action, wrote.who) for wrote in own}}
    return found


def _was(connection: sa.Connection, table: str, row_id: str, clocks: Collection[str]) -> dict[str, dict[str, Any]]:
    """What was written into a record under each of these clocks, as far as this laptop did it or has seen it go."""
    found: dict[str, dict[str, Any]] = {}
    wanted = (table, row_id, json.dumps(sorted(clocks)))
    for field, value, clock in connection.exec_driver_sql(
            "SELECT field, value, clock FROM past WHERE table_name = ? AND row_id = ? AND clock IN (SELECT value FROM json_each(?))", wanted):
        found.setdefault(clock, {})[field] = msgspec.json.decode(value)
    for fields, clock in connection.exec_driver_sql(
            "SELECT fields, clock FROM operation WHERE table_name = ? AND row_id = ? AND clock IN (SELECT value FROM json_each(?)) AND queue <> 'peer'",
            wanted):
        found.setdefault(clock, {}).update(msgspec.json.decode(fields))
    return found


def _wanted(connection: sa.Connection, desk: Desk, card: Conflict, choice: Choice) -> dict[str, Any]:
    """The fields that a decision writes."""
    yours, theirs = card.yours.value, card.theirs.value
    kept = yours if choice in ("yours", "both") else theirs
    if isinstance(kept, dict):
        return kept
    if choice != "both" and card.field not in BESIDE:
        return {card.field: kept}
    if isinstance(yours, list):
        return {card.field: list(dict.fromkeys([*yours, *theirs]))}
    beside = BESIDE[card.field]
    target = desk.tables[card.table]
    there = connection.execute(sa.select(target.c[beside]).where(target.c.id == card.row)).scalar()
    known = texts(there)
    second = [one for one in dict.fromkeys([*known, *([theirs] if theirs and choice == "both" else [])]) if one != kept]
    return {card.field: kept} if second == known else {card.field: kept, beside: second}


def _decisions(connection: sa.Connection) -> dict[str, tuple[str, bool]]:
    found = _read(connection, _DECISIONS, Decisions)
    return {} if found is None else {name: (action, told) for name, (action, told) in found.made.items() if action is not None}


def _stands(connection: sa.Connection, action: str) -> bool:
    """Whether a decision counts: the action that wrote it was not undone."""
    row = connection.exec_driver_sql("SELECT undone_by FROM action WHERE id = ?", (action,)).first()
    return row is not None and row.undone_by is None


def _keep_decisions(connection: sa.Connection, made: Mapping[str, tuple[str, bool]]) -> None:
    _write(connection, _DECISIONS, Decisions({**_decisions(connection), **made}))


def _read(connection: sa.Connection, key: str, kind: type[T]) -> T | None:
    text = connection.exec_driver_sql("SELECT value FROM sync_state WHERE key = ?", (key,)).scalar()
    return None if text is None else msgspec.json.decode(text, type=kind)


def _write(connection: sa.Connection, key: str, value: msgspec.Struct) -> None:
    connection.exec_driver_sql("INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                               (key, msgspec.json.encode(value).decode()))
