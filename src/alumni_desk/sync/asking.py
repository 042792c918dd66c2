"""A question to the chapter's server outside a sync: one line, a session, and the membership that it is asked under."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from alumni_desk.errors import Refused
from alumni_desk.store.desk import Desk
from alumni_desk.sync import session, state
from alumni_desk.sync.address import Address
from alumni_desk.sync.state import Membership
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _

T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    """An open line to the server of a desk."""

    desk: Desk
    wire: Wire
    membership: Membership

    @property
    def scope(self) -> str:
        """The chapter asked about."""
        return self.membership.scope

    def call(self, name: str, message: msgspec.Struct, reply: type[T]) -> T:
        """Ask, and wait for the answer. Raises KnownError: where the chapter was handed over, Refused ``handed_over``."""
        try:
            return session.call(self.desk, self.wire, self.membership, name, message, reply)
        except Refused as refused:
            if refused.code == "no_grant" and self._is_handed_over():
                raise Refused("handed_over", _("This chapter was handed over: your successor has joined. Nothing was changed. The next sync sends what this "
                                               "laptop has and empties it.")) from None
            raise

    def _is_handed_over(self) -> bool:
        from alumni_desk.sync.hello import ending, hello

        try:
            return ending(hello(self.desk, self.wire, self.membership).commands) == "handed_over"
        except Refused as refused:
            if refused.code == "no_grant":  # it has none for another reason
                return False
            raise


def membership_of(desk: Desk) -> Membership:
    """The desk's place at its server. Raises Refused ``sync_alone``."""
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
    if membership is None:
        raise Refused("sync_alone", _("This desk works alone. Join a server with an invitation first."))
    return membership


@contextmanager
def line_of(desk: Desk, wire: Wire | None = None) -> Iterator[Line]:
    """A line to the desk's server. ``wire``: one that is open already, and stays so."""
    membership = membership_of(desk)
    line = wire or Wire(Address(membership.url, membership.fingerprint))
    try:
        if wire is None:
            session.resume(desk, line)
        yield Line(desk, line, membership)
    finally:
        if wire is None:
            line.close()


def moment(milliseconds: int | None) -> str | None:
    """A moment of the server as ISO 8601 UTC."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
