"""Desk and server about conflicts: the server is told what was decided here, and tells which are open."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import KnownError
from alumni_desk.protocol.messages import ConflictRow, ConflictsReply, DecideRequest, Decision, Head, HelloReply, ScopeRequest
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import rows_erased
from alumni_desk.store.history import Past, keep_shown
from alumni_desk.sync import conflicts_before, session
from alumni_desk.sync.conflicts_kept import KEPT, Kept, card_id, counts, decisions_of, is_stale, keep_decisions, read_kept, records_of, write_kept
from alumni_desk.sync.conflicts_open import the_same, written_over
from alumni_desk.sync.hidden_edits import is_of_here
from alumni_desk.sync.reach import LED
from alumni_desk.sync.state import Membership
from alumni_desk.sync.wire import Wire

log = logging.getLogger(__name__)


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
    def stale(self) -> set[str]:
        """Those into which another laptop wrote since the server was asked."""
        return set() if self.kept is None else {
            card_id(row) for row in self.rows if (row.table, row.row) in self.there and not self.standing.get(card_id(row), False)
            and is_stale(row, self.there[row.table, row.row], self.kept)}


def _here(connection: sa.Connection, desk: Desk, membership: Membership) -> _Here:
    kept, made = read_kept(connection, KEPT, Kept), decisions_of(connection)
    rows = [] if kept is None else [row for row in kept.rows if row.table in desk.tables]
    there = records_of(connection, desk, rows)
    made |= {name: (action, made.get(name, ("", False))[1]) for name, action in written_over(desk, connection, rows, there, membership).items()
             if name not in made or not counts(connection, made[name][0])}
    return _Here(kept, rows, there, made, {name: counts(connection, action) for name, (action, _told) in made.items() if not is_of_here(name)})


def _written(rows: Sequence[ConflictRow], there: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[str, str | None]:
    return {card_id(row): there[row.table, row.row]["written"][row.field] for row in rows if (row.table, row.row) in there}


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
        keep_decisions(applying.connection, {name: (here.made[name][0], True) for name in decided})
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
        _keep_told(applying.connection, desk, membership, here, reply, here.kept.head, here.kept.before)
    return True


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
        lost = conflicts_before.to_tell(connection, desk, membership, here.kept, here.standing)
    made, standing, news, head = here.made, here.standing, here.news, server.heads[scope]
    open_there = server.conflicts.get(scope, 0) - told
    open_here = sum(not standing.get(card_id(row), False) for row in here.rows)
    known = open_here == open_there and (not open_there or (here.kept is not None and here.kept.head == head))
    if known and not news and not lost and not fresh and not here.stale:
        return
    if news:
        reply = _tell(desk, wire, membership, news)
    else:
        reply = session.call(desk, wire, membership, "conflicts", ScopeRequest(scope), ConflictsReply)
    # A restored server has forgotten what it was told; two sides that say the same by now, or of which this laptop took its own back, are no question any more.
    listed_here = [row for row in reply.conflicts if row.table in desk.tables]
    with desk.reading() as connection:
        there = records_of(connection, desk, listed_here)
        same = the_same(desk, listed_here, there)
        meanwhile = {name: action for name, action in written_over(desk, connection, listed_here, there, membership).items()
                     if name not in made and counts(connection, action)}
    settled = {name for name, stands in standing.items() if stands} | same | meanwhile.keys()
    listed = {card_id(row) for row in reply.conflicts}
    if again := [card_id(row) for row in reply.conflicts if card_id(row) in settled and card_id(row) not in news]:
        reply = _tell(desk, wire, membership, dict.fromkeys(again, True))
    for part in conflicts_before.parts([row for row in lost if card_id(row) not in listed]):
        reply = _tell(desk, wire, membership, {name: standing[name] for name in map(card_id, part) if name in standing and name not in here.stale}, part)
    left = conflicts_before.left(desk, here.kept, {*listed, *map(card_id, lost)})
    with desk.applying() as applying:
        for name, stands in news.items():
            keep_decisions(applying.connection, {name: (made[name][0], stands)})
        keep_decisions(applying.connection, {name: (action, True) for name, action in meanwhile.items()})
        _keep_told(applying.connection, desk, membership, here, reply, head, left, [row for row in listed_here if card_id(row) in meanwhile])


def _leads(membership: Membership, server: HelloReply) -> bool:
    return any(grant.scope == membership.scope and grant.role in LED for grant in server.grants)


def _keep_told(connection: sa.Connection, desk: Desk, membership: Membership, here: _Here, reply: ConflictsReply, head: Head,
               before: list[ConflictRow], more: Sequence[ConflictRow] = ()) -> None:
    """Keep what the server told; ``here``: as it was before it was asked. A card that is decided stays, so that an undo shows it again before the next
    contact. ``before``: what it told before it went back to a backup, and is to be asked about yet."""
    session.refuse_another(connection, membership)
    _keep_shown(connection, membership, [row for row in reply.conflicts if row.table in desk.tables])
    listed = {card_id(row) for row in reply.conflicts}
    decided = [row for row in here.rows if here.standing.get(card_id(row), False) and card_id(row) not in listed]
    rows = [*reply.conflicts, *decided, *(row for row in more if card_id(row) not in listed)]
    gone = rows_erased(connection) if rows or before else set()  # by somebody here perhaps, after the server had answered
    rows, before = ([row for row in those if (row.table, row.row) not in gone] for those in (rows, before))
    known = here.written
    new = [row for row in rows if card_id(row) not in known and row.table in desk.tables]
    write_kept(connection, KEPT, Kept(head, rows, {**_written(new, records_of(connection, desk, new)), **known}, before))


def _keep_shown(connection: sa.Connection, membership: Membership, rows: Sequence[ConflictRow]) -> None:
    """History has what others wrote and lost, too: on this laptop it stands on the card alone."""
    erased = rows_erased(connection) if rows else set()
    shown: dict[str, list[Past]] = {}
    for row in rows:
        if row.loser_device != membership.device and (row.table, row.row) not in erased:
            shown.setdefault(row.table, []).append((row.row, row.field, row.value, row.loser_clock))
    for table, values in shown.items():
        keep_shown(connection, table, values)


def _tell(desk: Desk, wire: Wire, membership: Membership, news: Mapping[str, bool], kept: Sequence[ConflictRow] = ()) -> ConflictsReply:
    """Tell the server which rows are decided on, or open again; ``kept``: and which there were before it went back to a backup."""
    named = {name: name.partition(":") for name in news}
    message = DecideRequest(membership.scope, [Decision(named[name][0], named[name][2], stands) for name, stands in news.items()], list(kept))
    return session.call(desk, wire, membership, "conflicts/decide", message, ConflictsReply)
