"""A network admin's desk shows one chapter at a time: which there are, and another in place of the present one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, NotFound, Refused
from alumni_desk.protocol.messages import Grant
from alumni_desk.store import search
from alumni_desk.store.desk import Desk
from alumni_desk.sync import erasing, operations, state
from alumni_desk.sync.asking import line_of, membership_of
from alumni_desk.sync.hello import hello
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.state import Membership
from alumni_desk.sync.venue import holding
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _, ngettext, number


@dataclass(frozen=True)
class Chapter:
    """A chapter that this laptop may work on. ``here``: it is the one that the desk shows."""

    id: str
    name: str
    role: str
    here: bool


def chapters(desk: Desk, *, wire: Wire | None = None) -> list[Chapter]:
    """The chapters that this laptop may work on, by name. Raises KnownError where the server cannot be asked."""
    with line_of(desk, wire) as line:
        return _told(hello(desk, line.wire, line.membership).grants, line.membership)


def _told(grants: Sequence[Grant], membership: Membership) -> list[Chapter]:
    found = [Chapter(one.scope, one.scope_name, one.role, one.scope == membership.scope) for one in grants if one.gathering is None]
    return sorted(found, key=lambda one: (one.name.casefold(), one.id))


def switch(desk: Desk, text: str, *, wire: Wire | None = None) -> Chapter:
    """Show another chapter, by its name or id: what waits is sent, the desk is emptied of the former one and begins the other from zero.

    Raises Refused ``switch_waiting`` where something cannot be sent. Killed anywhere, either chapter is here whole; the next sync goes on.
    """
    from alumni_desk.sync.engine import sync_once

    membership = membership_of(desk)
    with line_of(desk, wire) as line:
        wanted = _one_of(_told(hello(desk, line.wire, membership).grants, membership), text)
        if wanted.here:
            return wanted
        sync_once(desk, wire=line.wire)
        with desk.applying() as applying:
            # Asked inside: somebody may have saved something since.
            if waiting := operations.count_waiting(applying.connection):
                raise Refused("switch_waiting", ngettext(
                    "{n} change of {chapter} could not be sent, so the desk stays there. Sync again, then switch.",
                    "{n} changes of {chapter} could not be sent, so the desk stays there. Sync again, then switch.", waiting),
                    n=number(waiting), chapter=membership.scope_name)
            if holding.is_carrying(applying.connection):
                raise Refused("switch_carrying", _("What other laptops of {chapter} did is here and could not be sent, so the desk stays there. Sync again, "
                                                   "then switch."), chapter=membership.scope_name)
            _empty(applying.connection, wanted, membership)
        erasing.finish(desk)
        sync_once(desk, wire=line.wire)
    return Chapter(wanted.id, wanted.name, wanted.role, here=True)


def _one_of(found: list[Chapter], text: str) -> Chapter:
    wanted = " ".join(text.split()).casefold()
    fits = [one for one in found if one.id == wanted or " ".join(one.name.split()).casefold() == wanted]
    if not fits:
        raise NotFound("no_such_chapter", _("This laptop may work on no chapter called “{text}”. See: chapters."), text=text)
    if len(fits) > 1:
        raise Ambiguous("several_chapters", _("{count} chapters are called “{text}”. Give the id of one; chapters lists them."),
                        candidates=[one.id for one in fits], count=len(fits), text=text)
    return fits[0]


def now_here(desk: Desk, before: str) -> tuple[str, bool]:
    """What the server calls the chapter that is here (empty without one), and whether it is the one that had the id ``before`` at a former server."""
    with desk.reading() as connection:
        membership, former = state.read(connection, Membership), state.read(connection, state.Former)
    return membership.scope_name if membership is not None else "", former is not None and before in former.scopes


_OF_THE_CHAPTER = ("operation", "action", "past", "shadow", "erased", "search_stale")


def _empty(connection: sa.Connection, wanted: Chapter, membership: Membership) -> None:
    """Nothing of the former chapter stays; the place of the other is at zero. In one transaction."""
    for name in (*shapes(), *_OF_THE_CHAPTER):
        connection.exec_driver_sql(f'DELETE FROM "{name}"')
    search.empty(connection)
    holding.leave(connection)
    for kind in (state.Timeline, state.Places, state.Rebuilding, state.LastSync, state.Told, state.Checked, state.Fetching, state.Away, state.Reach,
                 state.Former, state.Here):
        state.drop(connection, kind)
    connection.exec_driver_sql("DELETE FROM sync_state WHERE key IN ('conflicts', 'decisions', 'circles', 'lately') OR key LIKE ?", (f"{state.REPLICA}%",))
    connection.exec_driver_sql("DELETE FROM scope")
    connection.exec_driver_sql("INSERT INTO scope (id, cursor, chain) VALUES (?, 0, '')", (wanted.id,))
    state.keep(connection, msgspec.structs.replace(membership, scope=wanted.id, scope_name=wanted.name, role=wanted.role))
    state.keep(connection, state.Scrubbing(backups=False))
