"""Sessions: the device signs the server's challenge and gets a token for an hour, kept for the next sync."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.errors import NetworkProblem, Refused
from alumni_desk.protocol.clock import wall_ms
from alumni_desk.protocol.messages import ChallengeReply, ChallengeRequest, SessionReply, SessionRequest
from alumni_desk.protocol.proofs import session_proof
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.kept import kept_elsewhere
from alumni_desk.sync.wire import ChallengeEnded, NoSession, Wire, stopped
from alumni_desk.words import _

T = TypeVar("T")

_PROMPT_MS = 10_000
"""An answer that took longer (a large page, a server that was busy) does not tell the time."""


_TRIES = 3
"""Challenges that are asked for where a slow line brings the proof too late."""


def elsewhere_words(*, kept: bool = False) -> str:
    """What to say on a laptop that has another computer's desk. ``kept``: that computer had the server, too."""
    if kept:
        return _("This desk was restored from a backup of the computer that kept the chapter, without its server. If that computer is gone for good, "
                 "“Keep it here” (alumni-desk keep --anyway) goes on from what is here; if not, join with a new invitation.")
    return _("This desk was restored from a backup of another computer, so this laptop needs a new invitation of the chapter. What waits stays here; join "
             "with the invitation, and it is sent.")


def refuse_another(connection: sa.Connection, membership: state.Membership) -> None:
    """Raise Refused ``sync_stopped`` where this laptop has another place at a server by now than the one that was asked with: a command beside the window
    may have switched, moved or joined meanwhile. For a transaction that is to keep an answer."""
    now = state.read(connection, state.Membership)
    if now is None or _place(now) != _place(membership):
        raise stopped()


def _place(one: state.Membership) -> tuple[str, str, str, str, str | None]:
    return one.server, one.device, one.scope, one.role, one.gathering


def begin(desk: Desk, wire: Wire, membership: state.Membership) -> None:
    """A new token from the server, kept. Raises Refused ``sync_elsewhere`` where this laptop has still to enrol itself."""
    with desk.reading() as connection:
        if state.read(connection, state.Elsewhere) is not None:
            raise Refused("sync_elsewhere", elsewhere_words(kept=kept_elsewhere(connection)))
    for attempt in range(1, _TRIES + 1):
        try:
            _begin(desk, wire, membership)
            return
        except ChallengeEnded:
            if attempt == _TRIES:
                raise


def _begin(desk: Desk, wire: Wire, membership: state.Membership) -> None:
    challenge = wire.call("challenge", ChallengeRequest(device=membership.device), ChallengeReply)
    if challenge.server != membership.server:
        raise Refused("sync_other_server", _(
            "Another server answers at this address than the one that was joined. Nothing was sent; tell whoever runs the server."))
    signature = session_proof(SigningKey(membership.key), server=membership.server, device=membership.device, challenge=challenge.challenge)
    with desk.reading() as connection:
        known = state.read(connection, state.Credentials)
    chain = known.chain if known is not None and len(known.chain) > 1 else []  # let in at a venue: the server may not have heard of this laptop
    message = SessionRequest(device=membership.device, challenge=challenge.challenge, signature=signature, chain=chain)
    try:
        reply = _timed(desk, wire, "session", message, SessionReply)
    except NetworkProblem as problem:
        if problem.facts.get("code") != "forged":
            raise
        raise Refused("laptop_unknown", _(
            "The server does not know this laptop: it may have been restored to a day before this one joined. Ask the chapter’s leader for a new "
            "invitation and join with that; everything is saved here, and what waits goes along.")) from None
    with desk.applying() as applying:
        refuse_another(applying.connection, membership)  # else the next sync would go on as whom this laptop was before
        state.keep(applying.connection, state.Session(token=reply.token, expires=reply.expires))
    wire.token = reply.token


def resume(desk: Desk, wire: Wire) -> None:
    """Take up the kept token, if there is one; whether it still counts is for the server to say."""
    with desk.reading() as connection:
        session = state.read(connection, state.Session)
    wire.token = session.token if session else None


def call(desk: Desk, wire: Wire, membership: state.Membership, name: str, message: msgspec.Struct, reply: type[T]) -> T:
    """A call inside a session; begins a new one where the old has ended. The time in every answer sets the desk's clock."""
    return _again(lambda: _timed(desk, wire, name, message, reply), lambda: begin(desk, wire, membership), fresh=wire.token is None)


def _timed(desk: Desk, wire: Wire, name: str, message: msgspec.Struct, reply: type[T]) -> T:
    asked = wall_ms()
    answer = wire.call(name, message, reply)
    answered, server_ms = wall_ms(), getattr(answer, "time", None)
    if isinstance(server_ms, int) and 0 <= answered - asked <= _PROMPT_MS:
        desk.clock.calibrate(server_ms, asked, answered)
    return answer


def _again(work: Callable[[], T], renew: Callable[[], None], *, fresh: bool) -> T:
    if fresh:
        renew()
        return work()
    try:
        return work()
    except NoSession:
        renew()
        return work()
