"""Whether this laptop looks after other chapters, too, so that somebody can be moved there from here: read with every member that is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alumni_desk.sync import state
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.store.driver import Connection

LED = ("admin", "leader")
"""The roles that look after a chapter."""


@dataclass(frozen=True)
class Right:
    """Whether members can be moved from here. ``why`` says why not; where it is empty, too, nothing is to be said of it at all."""

    may: bool
    why: str = ""


def right(connection: Connection) -> Right:
    """As far as the server has told; it has the last word."""
    membership = state.read(connection, state.Membership)
    if membership is None or membership.role not in LED:
        return Right(False)
    reach = state.read(connection, state.Reach)
    if reach is not None and reach.others:
        return Right(True)
    if membership.role == "leader":
        return Right(False, _("Only the network’s admin can, or whoever looks after both chapters."))
    if reach is None:
        return Right(True)  # the server has not been asked yet
    return Right(False, _("There is no other chapter at this server."))
