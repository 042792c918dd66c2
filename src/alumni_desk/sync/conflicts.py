"""Fields that two people changed without seeing each other: listed as cards, decided on, opened again. Kept on the desk, so that it can be read offline.

A decision is an action like any other: Undo takes it back, and the card is open again. The server is told at the next sync, before the value goes up: so
whoever has the row and asks hears that the card is gone. Until it has asked, a laptop refuses to decide on what another has written meanwhile. Whoever lost
and then writes another value over the one that won has seen both: that, too, is a decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, BadInput, NotFound, Refused
from alumni_desk.members.naming import set_apart
from alumni_desk.protocol.clock import milliseconds
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import Author, ConflictRow
from alumni_desk.segments.activity import Names, field_word, values_named
from alumni_desk.segments.values import value_words
from alumni_desk.store.desk import Desk
from alumni_desk.store.history import authors_of
from alumni_desk.store.listed import texts
from alumni_desk.store.undo import DECIDED, undo
from alumni_desk.store.writing import Changed
from alumni_desk.sync import state
from alumni_desk.sync.conflicts_kept import GONE, KEPT, Kept, card_id, counts, decisions_of, is_stale, keep_decisions, read_kept, records_of, replica_of
from alumni_desk.sync.conflicts_open import STAYS_MS, Question, open_here
from alumni_desk.sync.hidden_edits import is_of_here
from alumni_desk.sync.shapes import ALONG, shapes
from alumni_desk.sync.state import Membership
from alumni_desk.words import _

Choice = Literal["yours", "theirs", "both"]

BESIDE = {"email": "other_emails"}
"""Fields of one value whose second value has a place of its own."""


@dataclass(frozen=True)
class Side:
    """One of the two values: what it is (lists as lists), who wrote it on which laptop, when (ISO 8601 UTC), and whether the list shows it now;
    ``named``: what the record is called whose id the value is, else empty."""

    value: Any
    who: str | None
    device: str | None
    at: str
    shown: bool
    here: bool
    named: str = ""


@dataclass(frozen=True)
class Conflict:
    """A card. ``id`` names it; ``name``: whose or which record; ``what``: the field in words, with the gathering or the school that it belongs to.
    ``yours``: this laptop's value, or, where it wrote neither, the one that won; ``both``: whether both can be kept; ``until``: when it goes by itself
    (ISO 8601 UTC).

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


def between(card: Conflict) -> Literal["us", "others", "entries"]:
    """Between whom it is: this laptop and another; two others, so that neither value is called this one's; an entry and one that was merged into it."""
    if is_of_here(card.id):
        return "entries"
    return "us" if card.yours.here or card.theirs.here else "others"


def said(card: Conflict, side: Side) -> Any:
    """A side's value as it is shown: an address in one line; of a row that one removed and the other changed, what becomes of it; of an id,
    whose it is."""
    if side.named:
        return side.named
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


def conflicts(desk: Desk) -> list[Conflict]:
    """The cards to decide on, the newest first; without asking the server."""
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
        if membership is None:
            return []
        found, there = open_here(connection, desk, membership)
        names = Names(connection, {"": [(one.rows[0].table, one.rows[0].row, {}) for one in found]}, set())
        return [_card(connection, desk, one, there[one.rows[0].table, one.rows[0].row], names, membership) for one in found]


def count(desk: Desk) -> int:
    """How many cards there are."""
    return len(conflicts(desk))


def decide(desk: Desk, conflict: str, choice: Choice, shown: Conflict | None = None) -> Decided:
    """Decide on a card, by its id or how it begins. The value is written like any change, also where it is shown already: Undo takes that back, too, and
    its clock says that both were seen. ``shown``: the card as it was on the screen. Raises NotFound, BadInput where both cannot be kept, or Refused where
    somebody has decided meanwhile, or may have.
    """
    with desk.writing(DECIDED) as writing:
        card, rows = _to_decide(writing.connection, desk, conflict, shown)
        if choice == "both" and card.field == GONE:
            raise BadInput("conflict_both", _("{name} is on the list or is not, so keep one of the two."), name=card.name)
        if choice == "both" and not card.both:
            raise BadInput("conflict_both", _("{what} holds one value, so keep one of the two."), what=card.what)
        writing.settle(card.table, card.row, **_wanted(writing.connection, desk, card, choice), **_along(writing.connection, desk, card, choice, rows))
        keep_decisions(writing.connection, dict.fromkeys([card_id(row) for row in rows], (writing.action_id, False)))
    return Decided(card.id, choice, writing.changed)


def reopen(desk: Desk, conflict: str) -> Decided:
    """Take a decision back: what it wrote is undone, and the card is open again."""
    with desk.reading() as connection:
        made = decisions_of(connection)
    fits = [name for name in made if len(conflict) >= 4 and name.startswith(conflict)]
    if len({made[name][0] for name in fits}) != 1:  # an address has as many as it has lines
        raise NotFound("no_such_conflict", _("There is no decision {id}. See: conflicts."), id=conflict)
    action, _told = made[fits[0]]
    with desk.reading() as connection:
        stands = counts(connection, action)
    return Decided(fits[0], "yours", undo(desk, action).changed if stands else Changed())


def one_of(desk: Desk, text: str) -> Conflict:
    """The card whose id is this, or begins so."""
    with desk.reading() as connection:
        return _found(connection, desk, text)[0]


def _to_decide(connection: sa.Connection, desk: Desk, text: str, shown: Conflict | None) -> tuple[Conflict, list[ConflictRow]]:
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
    kept, there = read_kept(connection, KEPT, Kept), records_of(connection, desk, rows)
    stale = kept is not None and any(is_stale(row, there[row.table, row.row], kept) for row in rows)
    if stale or (shown is not None and _contents(card) != _contents(shown)):
        raise Refused("conflict_changed", _(
            "{name}: {who} has changed this meanwhile, or decided it. Nothing was changed; after the next sync it is here if it is still to be decided."),
            name=card.name, who=_last_writer(connection, desk, card) or _("somebody"))
    return card, rows


def _contents(card: Conflict) -> list[tuple[Any, str, bool]]:
    return [(side.value, side.at, side.shown) for side in (card.yours, card.theirs)]


def _last_writer(connection: sa.Connection, desk: Desk, card: Conflict) -> str | None:
    """Who, or which laptop, wrote the field last, as far as is known."""
    target = desk.tables[card.table]
    clock = unpack(connection.execute(sa.select(target.c.clocks).where(target.c.id == card.row)).scalar()).get(card.field)
    who, device = authors_of(connection, [] if clock is None else [replica_of(clock)]).get(replica_of(clock or ""), (None, None))
    return who or device


def _found(connection: sa.Connection, desk: Desk, text: str) -> tuple[Conflict, list[ConflictRow]]:
    """A card by the id of any of its rows, or how it begins, and all of them."""
    membership = state.read(connection, state.Membership)
    found, there = ([], {}) if membership is None else open_here(connection, desk, membership)
    fits = [one for one in found if len(text) >= 4 and any(card_id(row).startswith(text) for row in one.twins)]
    if len(fits) == 1 and membership is not None:
        one = fits[0].rows[0]
        names = Names(connection, {"": [(one.table, one.row, {})]}, set())
        return _card(connection, desk, fits[0], there[one.table, one.row], names, membership), fits[0].twins
    if not fits:
        raise NotFound("no_such_conflict", _("There is no conflict {id}: it was decided meanwhile, or here. See: conflicts."), id=text)
    raise Ambiguous("several_conflicts", _("{count} conflicts begin with {id}. Give more of it."), candidates=[card_id(one.rows[0]) for one in fits],
                    count=len(fits), id=text)


def _card(connection: sa.Connection, desk: Desk, question: Question, there: dict[str, Any], names: Names, membership: Membership) -> Conflict:
    row = question.rows[0]
    many, group = (desk.tables[row.table].c[row.field].info.get(name) for name in ("many", "group"))
    now, lost = (said if group else said[row.field] for said in (question.now, question.lost))
    clock = there["stands_for"][row.field] or row.winner_clock
    # A server that the chapter has just moved to does not know yet who wrote it; the former one had told it.
    author, losing = (told if told != Author() else _author_of(there["authors"], wrote) for told, wrote in (
        (row.winner, row.winner_clock), (row.loser, row.loser_clock)))
    here, lost_here = (device == membership.device for device in (row.winner_device, row.loser_device))
    if here and lost_here and (row.winner_clock in there["own"] or row.loser_clock in there["own"]):
        # A disk was copied: what was not written here is the copy's.
        here, lost_here = (clock in there["own"] for clock in (row.winner_clock, row.loser_clock))
        author, losing = (Author(side.who, side.device if own else _("a copy of this laptop")) for side, own in ((author, here), (losing, lost_here)))
    if replica_of(clock) == replica_of(row.loser_clock) and not is_of_here(card_id(row)):
        # An undo: here of another value, and named is who did it; or there of what was written over this card, so that the value that won is back.
        written = there["written"][row.field]
        clock = row.winner_clock if written is None or replica_of(written) == replica_of(row.loser_clock) else written
    if clock not in there["own"] and there["was"].get(row.winner_clock, {}).items() >= question.now.items():
        clock = row.winner_clock  # it says what won: an undo, of whomever and under whatever replica, has put that back
    if clock != row.winner_clock:  # somebody has written over it since
        here = clock in there["own"]
        author = _author_of(there["authors"], clock)
        if here and author.who is None:  # the server has not told it yet
            author = Author(there["own"][clock][1], author.device)
    named = values_named(connection, (question.now[row.field], question.lost[row.field]))
    winner = _side(clock, author.who, author.device, now, now, bool(many), here, named)
    loser = _side(row.loser_clock, losing.who, losing.device, lost, now, bool(many), lost_here, named)
    yours, theirs = (loser, winner) if loser.here and (not winner.here or is_of_here(card_id(row))) else (winner, loser)
    return Conflict(id=card_id(row), table=row.table, row=row.row, field=group or row.field, name=names.of(row.table, row.row, {}),
                    what=_what(connection, row, names),
                    yours=yours, theirs=theirs, both=bool(many) or (row.table == "person" and row.field in BESIDE), until=_moment(row.made + STAYS_MS))


def _what(connection: sa.Connection, row: ConflictRow, names: Names) -> str:
    """The field in words; of a guest, who may be on several lists, with the gathering, and of a degree that it is one: both are called as the person is."""
    word = field_word(row.table, row.field)
    if row.table == "registration":
        return _("{field} ({gathering})").format(field=word, gathering=set_apart(names.gathering(names.held(row.table, row.row))))
    if row.table != "education":
        return word
    school = None if row.field == "school" else connection.execute(sa.text("SELECT school FROM education WHERE id = :id"), {"id": row.row}).scalar()
    return _("{field} (degree, {school})").format(field=word, school=set_apart(school)) if school else _("{field} (degree)").format(field=word)


def _author_of(authors: dict[str, Author], clock: str) -> Author:
    return authors.get(replica_of(clock), Author())


def _side(clock: str, who: str | None, device: str | None, value: Any, now: Any, many: bool, here: bool, named: Mapping[str, str]) -> Side:
    listed = texts(value) if many else value
    return Side(value=listed, who=who, device=device, at=_moment(milliseconds(clock)), shown=value == now, here=here,
                named=named.get(value, "") if isinstance(value, str) else "")


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _along(connection: sa.Connection, desk: Desk, card: Conflict, choice: Choice, rows: Sequence[ConflictRow]) -> dict[str, Any]:
    """The fields that a decision writes besides, for they belong to the one that is decided on."""
    kept = card.theirs if choice == "theirs" else card.yours
    found = {}
    along = [row for row in rows if ALONG.get((row.table, row.field)) == card.field]
    written_together = {row.loser_clock for row in rows if row.field == card.field}
    for row in sorted(along, key=lambda row: row.loser_clock in written_together):  # whose deed it was comes last, and counts
        target = desk.tables[row.table]
        now = connection.execute(sa.select(target.c[row.field]).where(target.c.id == row.row)).scalar()
        found[row.field] = now if kept.shown else row.value
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
        return {card.field: _each_once(card, [*yours, *theirs])}
    beside = BESIDE[card.field]
    target = desk.tables[card.table]
    there = connection.execute(sa.select(target.c[beside]).where(target.c.id == card.row)).scalar()
    known = texts(there)
    second = [one for one in _each_once(card, [*known, *([theirs] if theirs and choice == "both" else [])]) if one.casefold() != (kept or "").casefold()]
    return {card.field: kept} if second == known else {card.field: kept, beside: second}


def _each_once(card: Conflict, values: list[str]) -> list[str]:
    """Values in their order; an address that differs in capitals alone is one."""
    caseless = card.field in shapes()[card.table].caseless
    found: dict[str, str] = {}
    for one in values:
        found.setdefault(one.casefold() if caseless else one, one)
    return list(found.values())
