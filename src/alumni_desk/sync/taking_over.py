"""The server is gone for good, an office's or the laptop that kept the chapter: this laptop keeps it in its place, with everything that is here."""

from __future__ import annotations

from alumni_desk.errors import KnownError, Refused
from alumni_desk.members.chapter import chapter
from alumni_desk.protocol.messages import ChallengeReply, ChallengeRequest
from alumni_desk.store.desk import Desk
from alumni_desk.sync import access, keeping, moving, moving_mark, state
from alumni_desk.sync.address import Address
from alumni_desk.sync.kept import kept_elsewhere
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _

SILENT = frozenset({"sync_unreachable", "sync_slow", "sync_certificate", "sync_certificate_date", "sync_not_encrypted", "sync_no_server",
                    "sync_sign_in", "sync_other_server"})
"""Troubles of a sync after which nobody can say that the server is still there."""


def take_over(desk: Desk, *, port: int | None = None, host: str = "0.0.0.0") -> keeping.Keeping:
    """Make a server here, move this desk to it, and serve. What the former one had and this laptop has not is lost; the others follow with invitations.

    Killed anywhere, the same call finishes. Raises Refused ``keeps_leaders_alone``, ``access_locked``, ``keeps_answers``, ``keeps_in_the_way`` or
    ``move_under_way``, and what ``keeping.begin`` and ``moving.move`` raise.
    """
    with desk.reading() as connection:
        there, restored = state.read(connection, state.Membership), kept_elsewhere(connection)
    if there is None or (keeping.keeps(desk) and keeping.has_server(desk)):
        return keeping.begin(desk, port=port, host=host)
    keeping.refuse_at_door(there)
    if not restored:  # its own server would have let it in
        with desk.asking() as asking:
            access.refuse_locked(asking)
    if _answers(there):
        raise Refused("keeps_answers", _("The chapter’s server answers, so this laptop does not take its place. Nothing was changed."))
    with moving_mark.alone(desk.profile.path) as alone:
        if not alone:
            raise Refused("move_under_way", _("This chapter is being moved already, in another window or by another command. Wait until that has ended."))
        return _take_over(desk, there, port, host)


def _take_over(desk: Desk, there: state.Membership, port: int | None, host: str) -> keeping.Keeping:
    keeping.forget_server(desk)  # of a try that was killed
    if keeping.has_server(desk):
        raise Refused("keeps_in_the_way", _("Beside this desk lies another server already, which is not this chapter’s. Restore the backup in a new "
                                            "profile, and keep the chapter there."))
    kept = keeping.new_server(desk, port, instead_of=there.server)
    try:
        code = keeping.first_invitation(desk, kept, chapter(desk).name or there.scope_name)
        serving = keeping.served_first(desk, kept, lambda: keeping.serve(desk, keeping.noted_on(desk), host=host), port=port)
        try:
            moving.move(desk, serving.own_url, code, anyway=True)
        except BaseException:
            serving.stop()
            raise
    except BaseException:
        keeping.forget_server(desk)
        raise
    return serving


def _answers(there: state.Membership) -> bool:
    """Whether the server that this desk has joined is still there."""
    wire = Wire(Address(there.url, there.fingerprint))
    try:
        return wire.call("challenge", ChallengeRequest(device=there.device), ChallengeReply).server == there.server
    except KnownError as problem:
        return problem.code not in SILENT
    finally:
        wire.close()
