"""What to say of a server that does not answer: where it had said that the chapter moves, or is on another laptop, the network is not the first to look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.sync import state
from alumni_desk.sync.kept import kept_here
from alumni_desk.sync.wire import has_moved, in_its_place
from alumni_desk.words import _, ngettext, number

MOVED = frozenset({"sync_moving", "sync_moved"})
"""What a server says of a chapter that goes, or is gone, to another one."""

SILENT = frozenset({"sync_unreachable", "sync_slow"})
PATIENCE = timedelta(days=2)
"""A laptop is off over night, and over a weekend at home; after this it may not come back."""


def explained(connection: sa.Connection, problem: KnownError) -> KnownError:
    """The problem of a sync, in words that fit what is known of this server."""
    last = state.read(connection, state.LastSync) or state.LastSync()
    if problem.code not in SILENT:
        return problem if last.at is None else in_its_place(problem)
    if last.trouble in MOVED:  # it was the last that anybody heard there
        return has_moved()
    reach = state.read(connection, state.Reach)
    if reach is None or not reach.kept or kept_here(connection) is not None:
        return problem
    days = 0 if last.at is None else (datetime.now(UTC) - datetime.fromisoformat(last.at)).days
    if days < PATIENCE.days:
        return NetworkProblem(problem.code, _(
            "The laptop that keeps the chapter cannot be reached. Everything is saved here; check the network, or wait until that laptop is on. If it is on "
            "and in this network, it may have another address: join again with a new invitation of it, and what waits goes along. If the chapter has moved to "
            "a server, its leader has an invitation for you: Sync, Details, “It has moved”."))
    return NetworkProblem(problem.code, ngettext(
        "The laptop that keeps the chapter has not been reached for {n} day. Everything is saved here. It may be off or in another network, or have another "
        "address: then join again with a new invitation of it, and what waits goes along. Or the chapter has moved to a server: ask its leader, who then has "
        "an invitation for you: Sync, Details, “It has moved”.",
        "The laptop that keeps the chapter has not been reached for {n} days. Everything is saved here. It may be off or in another network, or have another "
        "address: then join again with a new invitation of it, and what waits goes along. Or the chapter has moved to a server: ask its leader, who then has "
        "an invitation for you: Sync, Details, “It has moved”.", days), n=number(days))
