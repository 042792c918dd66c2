"""Fields that two people changed without seeing each other: listed as cards, decided on, opened again. Kept on the desk, so that it can be read offline.

A decision is an action like any other: Undo takes it back, and the card is open again. The server is told at the next sync; then the card
vanishes on the other laptops. Whoever lost and then writes another value over the one that won has seen both: that, too, is a decision.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import msgspec
import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, BadInput, NotFound
from alumni_desk.protocol.clock import milliseconds
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import Author, ConflictRow, ConflictsReply, DecideRequest, Decision, Head, HelloReply, ScopeRequest, Value
from alumni_desk.segments.activity import Names, field_word
from alumni_desk.store.desk import Desk
from alumni_desk.store.synced import clock_key
from alumni_desk.store.tables import CARRIED
from alumni_desk.store.undo import DECIDED, origin, undo
from alumni_desk.store.writing import Changed
from alumni_desk.sync import session, state
from alumni_desk.sync.hidden_edits import hidden_edits, is_of_here
from alumni_desk.sync.state import Membership
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _

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
    neither, the one that won; ``both``: whether both can be kept; ``until``: when it goes by itself (ISO 8601 UTC)."""

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
    """A side's value as it is shown: of a row that one removed and the other changed, what becomes of it."""
    if card.field != GONE:
        return side.value
    return _("removed") if side.value else _("kept, with the change")


@dataclass(frozen=True)
class Decided:
    """What a decision changed; ``changed.action`` is what Undo takes back."""

    id: str
    choice: Choice
    changed: Changed


class Kept(msgspec.Struct, frozen=True):
    """The open conflicts as the server told them; ``head``: of its feed then."""

    head: Head
    rows: list[ConflictRow]


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
        rows, there = _open_here(connection, desk, membership)
        names = Names(connection, {"": [(row.table, row.row, {}) for row in rows]}, set())
        return [_card(desk, row, there[row.table, row.row], names, membership) for row in rows]


def _open_here(connection: sa.Connection, desk: Desk, membership: Membership) -> tuple[list[ConflictRow], dict[tuple[str, str], dict[str, Any]]]:
    """What is to be decided on, and the records that it is about."""
    kept = _read(connection, _KEPT, Kept)
    told = kept.rows if kept is not None else []
    away = {name for name, (action, _told) in _decisions(connection).items() if _stands(connection, action)}
    now = desk.clock.now_ms()
    rows = [*told, *hidden_edits(connection, desk.tables["person"], membership)]
    rows = [row for row in rows if _id(row) not in away and row.made > now - _90_DAYS and row.table in desk.tables]
    there = _values(connection, desk, rows)
    away |= _written_over(connection, rows, there, membership).keys()
    return [row for row in rows if _id(row) not in away and (row.table, row.row) in there
            and (row.field == GONE or not there[row.table, row.row][GONE])], there


def open_rows(desk: Desk) -> list[ConflictRow]:
    """What is to be decided on, as the server told it."""
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
        found = [] if membership is None else _open_here(connection, desk, membership)[0]
        return [row for row in found if not is_of_here(_id(row))]


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


def decide(desk: Desk, conflict: str, choice: Choice) -> Decided:
    """Decide on a card, by its id or how it begins. The value is written like any change, also where it is shown already: Undo takes that back, too, and
    its clock says that both were seen. Raises NotFound, or BadInput where both cannot be kept.
    """
    card = one_of(desk, conflict)
    if choice == "both" and card.field == GONE:
        raise BadInput("conflict_both", _("{name} is on the list or is not, so keep yours or theirs."), name=card.name)
    if choice == "both" and not card.both:
        raise BadInput("conflict_both", _("{what} holds one value, so keep yours or theirs."), what=card.what)
    with desk.writing(DECIDED) as writing:
        writing.settle(card.table, card.row, **_wanted(writing.connection, desk, card, choice))
        _keep_decision(writing.connection, card.id, (writing.action_id, False))
    return Decided(card.id, choice, writing.changed)


def reopen(desk: Desk, conflict: str) -> Decided:
    """Take a decision back: what it wrote is undone, and the card is open again."""
    with desk.reading() as connection:
        made = _decisions(connection)
    fits = [name for name in made if len(conflict) >= 4 and name.startswith(conflict)]
    if len(fits) != 1:
        raise NotFound("no_such_conflict", _("There is no decision {id}. See: conflicts."), id=conflict)
    action, _told = made[fits[0]]
    with desk.reading() as connection:
        stands = _stands(connection, action)
    return Decided(fits[0], "yours", undo(desk, action).changed if stands else Changed())


def one_of(desk: Desk, text: str) -> Conflict:
    """The card whose id is this, or begins so."""
    fits = [one for one in conflicts(desk) if len(text) >= 4 and one.id.startswith(text)]
    if not fits:
        raise NotFound("no_such_conflict", _("There is no conflict {id}: it was decided meanwhile, or here. See: conflicts."), id=text)
    if len(fits) > 1:
        raise Ambiguous("several_conflicts", _("{count} conflicts begin with {id}. Give more of it."), candidates=[one.id for one in fits],
                        count=len(fits), id=text)
    return fits[0]


def exchange(desk: Desk, wire: Wire, membership: Membership, server: HelloReply, *, fresh: bool = False) -> None:
    """Tell the server what was decided here, and take the conflicts that are open; asks nothing where nothing has changed.

    ``fresh``: this sync brought up some. Only those who look after the chapter are told of any.
    """
    scope = membership.scope
    if not any(grant.scope == scope and grant.role in ("admin", "leader") for grant in server.grants):
        return
    with desk.reading() as connection:
        kept, made = _read(connection, _KEPT, Kept), _decisions(connection)
        rows_here = [] if kept is None else [row for row in kept.rows if row.table in desk.tables]
        written = _written_over(connection, rows_here, _values(connection, desk, rows_here), membership)
        made |= {name: (action, made.get(name, ("", False))[1]) for name, action in written.items()
                 if name not in made or not _stands(connection, made[name][0])}
        standing = {name: _stands(connection, action) for name, (action, _told) in made.items() if not is_of_here(name)}
    news = {name: stands for name, stands in standing.items() if stands != made[name][1]}
    head = server.heads[scope]
    open_there = server.conflicts.get(scope, 0)
    open_here = sum(not standing.get(_id(row), False) for row in rows_here)
    if not news and not fresh and open_here == open_there and (not open_there or (kept is not None and kept.head == head)):
        return
    if news:
        named = {name: name.partition(":") for name in news}
        message = DecideRequest(scope, [Decision(named[name][0], named[name][2], stands) for name, stands in news.items()])
        reply = session.call(desk, wire, membership, "conflicts/decide", message, ConflictsReply)
    else:
        reply = session.call(desk, wire, membership, "conflicts", ScopeRequest(scope), ConflictsReply)
    with desk.applying() as applying:
        for name, stands in news.items():
            _keep_decision(applying.connection, name, (made[name][0], stands))
        listed = {_id(row) for row in reply.conflicts}
        # A card that is decided stays, so that an undo shows it again before the next contact.
        decided = [row for row in rows_here if standing.get(_id(row), False) and _id(row) not in listed]
        _write(applying.connection, _KEPT, Kept(head, [*reply.conflicts, *decided]))


def _id(row: ConflictRow) -> str:
    return f"{row.operation}:{row.field}"


def _card(desk: Desk, row: ConflictRow, there: dict[str, Any], names: Names, membership: Membership) -> Conflict:
    many = bool(desk.tables[row.table].c[row.field].info.get("many"))
    now = there[row.field]
    clock, author = there["stands_for"][row.field] or row.winner_clock, row.winner
    here = row.winner_device == membership.device
    if clock != row.winner_clock:  # somebody has written over it since
        author, here = _author_of(there["authors"], clock), clock in there["own"]
    winner = _side(clock, author.who, author.device, now, now, many, here)
    loser = _side(row.loser_clock, row.loser.who, row.loser.device, row.value, now, many, row.loser_device == membership.device)
    yours, theirs = (loser, winner) if loser.here and (not winner.here or is_of_here(_id(row))) else (winner, loser)
    return Conflict(id=_id(row), table=row.table, row=row.row, field=row.field, name=names.of(row.table, row.row, {}), what=field_word(row.table, row.field),
                    yours=yours, theirs=theirs, both=many or (row.table == "person" and row.field in BESIDE), until=_moment(row.made + _90_DAYS))


def _written_over(connection: sa.Connection, rows: Sequence[ConflictRow], there: Mapping[tuple[str, str], dict[str, Any]],
                  membership: Membership) -> dict[str, str]:
    """Cards whose losing value is this laptop's own, and which it has replaced since by another one: the action that did."""
    found = {}
    for row in rows:
        if row.loser_device != membership.device or (row.table, row.row) not in there:
            continue
        clock = there[row.table, row.row]["stands_for"][row.field]
        if clock != row.winner_clock and clock in there[row.table, row.row]["own"] and clock > row.loser_clock:
            found[_id(row)] = str(there[row.table, row.row]["own"][clock])
    return found


def _author_of(authors: dict[str, Author], clock: str) -> Author:
    return authors.get(clock.rpartition("-")[2], Author())


def _side(clock: str, who: str | None, device: str | None, value: Value, now: Value, many: bool, here: bool) -> Side:
    listed = json.loads(value) if many and isinstance(value, str) else [] if many else value
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
            stands_for = {}
            for field in {row.field for row in rows if (row.table, row.row) == (table, one["id"])}:
                key = clock_key(target.c[field])
                stands_for[field] = origin(connection, table, one["id"], key, clocks.get(key)) or clocks.get(key)
            names = [state.REPLICA + clock.rpartition("-")[2] for clock in clocks.values()]
            told = connection.exec_driver_sql("SELECT key, value FROM sync_state WHERE key IN (SELECT value FROM json_each(?))", (json.dumps(names),))
            authors = {author.key.removeprefix(state.REPLICA): msgspec.json.decode(author.value, type=Author) for author in told}
            own = connection.exec_driver_sql("SELECT clock, action FROM operation WHERE table_name = ? AND row_id = ? AND queue <> 'peer'"
                                             " AND event NOT IN (?, ?)", (table, one["id"], *CARRIED))
            found[table, one["id"]] = {**one, "stands_for": stands_for, "authors": authors, "own": {wrote.clock: wrote.action for wrote in own}}
    return found


def _wanted(connection: sa.Connection, desk: Desk, card: Conflict, choice: Choice) -> dict[str, Any]:
    """The fields that a decision writes."""
    yours, theirs = card.yours.value, card.theirs.value
    if choice != "both":
        return {card.field: yours if choice == "yours" else theirs}
    if isinstance(yours, list):
        return {card.field: list(dict.fromkeys([*yours, *theirs]))}
    beside = BESIDE[card.field]
    target = desk.tables[card.table]
    there = connection.execute(sa.select(target.c[beside]).where(target.c.id == card.row)).scalar()
    return {card.field: yours, beside: list(dict.fromkeys([*(json.loads(there) if there else []), *([theirs] if theirs else [])]))}


def _decisions(connection: sa.Connection) -> dict[str, tuple[str, bool]]:
    found = _read(connection, _DECISIONS, Decisions)
    return {} if found is None else {name: (action, told) for name, (action, told) in found.made.items() if action is not None}


def _stands(connection: sa.Connection, action: str) -> bool:
    """Whether a decision counts: the action that wrote it was not undone."""
    row = connection.exec_driver_sql("SELECT undone_by FROM action WHERE id = ?", (action,)).first()
    return row is not None and row.undone_by is None


def _keep_decision(connection: sa.Connection, name: str, made: tuple[str, bool]) -> None:
    _write(connection, _DECISIONS, Decisions({**_decisions(connection), name: made}))


def _read(connection: sa.Connection, key: str, kind: type[T]) -> T | None:
    text = connection.exec_driver_sql("SELECT value FROM sync_state WHERE key = ?", (key,)).scalar()
    return None if text is None else msgspec.json.decode(text, type=kind)


def _write(connection: sa.Connection, key: str, value: msgspec.Struct) -> None:
    connection.exec_driver_sql("INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                               (key, msgspec.json.encode(value).decode()))
