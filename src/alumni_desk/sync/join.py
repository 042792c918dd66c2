"""Joining a server with an invitation; whoever the chapter has here already is carried over.

A desk that has joined takes another invitation of the same chapter when its way to the server ended: the address moved, the
certificate was renewed, its access was removed. What waits to be sent stays. Where the chapter itself moved to another server, a laptop at a door
follows it, see ``following``, and a leader's moves, see ``moving``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.errors import BadInput, NetworkProblem, Refused
from alumni_desk.protocol.codes import read_invitation, short_invitation, wrong_group
from alumni_desk.protocol.messages import ChallengeReply, ChallengeRequest, EnrolReply, EnrolRequest, Grant, HelloReply, HelloRequest, Offer
from alumni_desk.protocol.proofs import enrol_proof
from alumni_desk.store.desk import Desk
from alumni_desk.sync import following, others_there, session, state
from alumni_desk.sync.address import Address, read_address
from alumni_desk.sync.door import DOOR, begin_anew
from alumni_desk.sync.hello import reach_of
from alumni_desk.sync.operations import count_waiting
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.venue import credentials
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _, ngettext, number

CARRIED = "chapter_carried"
NEEDLESS = "sync_joined_already"


def join(desk: Desk, url: str, code: str, *, merge: bool = False, device_name: str | None = None, wire: Wire | None = None) -> state.Membership:
    """Make this desk a laptop of the chapter that the invitation is for. ``merge``: yes, carry over the members that are here.

    Killed anywhere, the same call finishes: the same key shows the same code, and the server repeats its answer.
    """
    address = read_address(url)
    invitation = _code(code)
    with desk.reading() as connection:
        former = state.read(connection, state.Joining)
    joining, there = _prepare(desk, address, invitation, merge)
    if there is not None and joining.key == there.key:
        if device_name:
            desk.set_setting("device_name", device_name)  # the next hello says it
        return there
    begun = former is not None and former.key == joining.key and not former.looked  # then the server may have said yes already
    key = SigningKey(joining.key)
    try:
        with _line(address, wire) as line:
            met = _ask_first(desk, line, there, address, begun=begun)
            reply, grant = enrol(line, key, invitation, device_name or desk.device_name or "",
                                 lambda grant: _may_become(desk, there, grant, met), None if met.other else _former(desk, there))
    except Refused as refusal:
        if refusal.code == NEEDLESS and former is not None:
            with desk.applying() as applying:
                state.keep(applying.connection, former)  # this one was never begun
        raise
    membership = state.Membership(url=address.url, fingerprint=address.fingerprint, server=reply.server, device=reply.device, key=joining.key,
                                  scope=grant.scope, scope_name=grant.scope_name, role=grant.role, gathering=grant.gathering,
                                  until=grant.until)
    reach = reach_of(grant.scope, reply.grants, kept=reply.kept)
    if there is not None and met.other:
        following.follow(desk, membership)
    elif there is not None and (there.role, there.gathering) != (membership.role, membership.gathering):
        begin_anew(desk, membership)
    else:
        with desk.applying() as applying:
            if there is None:
                move_in(applying.connection, membership)
            else:
                _come_back(applying.connection, membership)
            state.keep(applying.connection, reach)  # a laptop that keeps the chapter may have another address before the first sync
    if there is not None:
        with desk.applying() as applying:
            state.drop(applying.connection, state.Elsewhere)  # this laptop is one of its own now
            state.keep(applying.connection, reach)
    credentials.keep(desk, membership.scope, reply.server_key, reply.certificates, reply.grants)
    take_name(desk, reply)
    if device_name:
        desk.set_setting("device_name", device_name)  # every hello says it again
    return membership


@contextmanager
def _line(address: Address, wire: Wire | None) -> Iterator[Wire]:
    """A line to a server that may not be there. ``wire``: one that is open already, and stays so."""
    line = wire or Wire(address)
    try:
        yield line
    except NetworkProblem as problem:
        if problem.code in ("sync_unreachable", "sync_slow"):
            raise NetworkProblem(problem.code, _("Nothing answers at {address}. Check the address and the network, then join again. Nothing was changed."),
                                 address=address.url.partition("://")[2]) from None
        raise
    finally:
        if wire is None:
            line.close()


class _Met(NamedTuple):
    """Who answers there. ``other``: not the server that this desk has joined; ``needless``: to join it as the same again would change nothing."""

    other: bool = False
    needless: bool = False


def _ask_first(desk: Desk, line: Wire, there: state.Membership | None, address: Address, *, begun: bool) -> _Met:
    """Before an invitation is used up: see of which server it is."""
    if there is None:
        return _Met()
    if line.call("challenge", ChallengeRequest(device=there.device), ChallengeReply).server != there.server:
        return _Met(other=True)
    return _Met(needless=not begun and _is_well(desk, line, there, address))


@dataclass(frozen=True)
class Shown:
    """What an invitation is for. ``by``: who invites; ``gathering``: the name of the door's, with ``guests``; ``until``: when access to it ends, ``expires``:
    until when the invitation can be used (both ISO 8601 UTC); ``confirmed``: the server's certificate was proven; ``moves``: it is of another server,
    and this leader's laptop takes everything of its chapter there: ``here`` in words. ``people``: how many that chapter has (None: the server does not
    say); ``others``: none of them is of this laptop, as far as the server tells."""

    chapter: str
    role: str
    server: str
    by: str
    gathering: str
    guests: int
    until: str | None
    expires: str | None
    confirmed: bool
    moves: bool = False
    here: str = ""
    people: int | None = None
    others: bool = False


def look(desk: Desk, url: str, code: str, *, wire: Wire | None = None) -> Shown:
    """See what an invitation is for, and that this desk can become that, before it is used. Raises as ``join`` does."""
    address = read_address(url)
    invitation = _code(code)
    with desk.applying() as applying:
        there = state.read(applying.connection, state.Membership)
        joining = state.read(applying.connection, state.Joining)
        if joining is None or short_invitation(joining.code) != short_invitation(invitation):
            # Kept, because a server that does not know how to look yet would use it.
            joining = state.Joining(url=address.url, code=invitation, key=bytes(SigningKey.generate()), looked=True)
            state.keep(applying.connection, joining)
    key = SigningKey(joining.key)
    request = EnrolRequest(code=invitation, public_key=bytes(key.verify_key), name=desk.device_name or "", proof=enrol_proof(key, invitation), look=True)
    with _line(address, wire) as line:
        met = _ask_first(desk, line, there, address, begun=not joining.looked)
        reply = line.call("enrol", request, EnrolReply)
    grant, offer = _meant(reply), reply.offer or Offer(by="", expires=0)
    moves = there is not None and met.other and _moves(there, grant)
    if not moves:
        _may_become(desk, there, grant, met)
    with desk.reading() as connection:
        taken = here(connection) if moves else ""
        others = bool(taken) and reply.offer is not None and others_there.are_others(connection, offer, invitation)
    expires = datetime.fromtimestamp(offer.expires / 1000, UTC).isoformat() if offer.expires else None
    return Shown(chapter=grant.scope_name, role=grant.role, server=address.url.partition("://")[2], by=offer.by, gathering=offer.gathering,
                 guests=offer.guests, until=grant.until, expires=expires, confirmed=address.url.startswith("https://"), moves=moves,
                 here=taken, people=offer.people, others=others)


def _moves(there: state.Membership, wanted: Grant) -> bool:
    """Whether a leader's laptop can go to another server with this, as ``moving`` does it."""
    return there.role != DOOR and wanted.role != DOOR


def enrol(line: Wire, key: SigningKey, code: str, name: str, may: Callable[[Grant], None],
          former: state.Membership | None = None, *, sees: Callable[[Grant, Offer], None] | None = None) -> tuple[EnrolReply, Grant]:
    """Use an invitation, once ``may`` has seen what it is for and raised nothing. The grant is the one of its chapter.

    ``former``: what this laptop was to the same server, which lists that as replaced. ``sees``: what the invitation says of itself, unless this very
    laptop has used it already; raises where it is not to be used.
    """
    request = EnrolRequest(code=code, public_key=bytes(key.verify_key), name=name, proof=enrol_proof(key, code), look=True)
    if former is not None:
        request = msgspec.structs.replace(request, former=former.device, former_proof=enrol_proof(SigningKey(former.key), code))
    looked = line.call("enrol", request, EnrolReply)
    may(_meant(looked))
    if sees is not None and looked.offer is not None:
        sees(_meant(looked), looked.offer)
    reply = line.call("enrol", msgspec.structs.replace(request, look=False), EnrolReply)
    grant = _meant(reply)
    may(grant)  # of an older server, which does not know how to look, this is the first word
    return reply, grant


def take_name(desk: Desk, reply: EnrolReply) -> None:
    """Whom the invitation names, whoever uses it is called at first, here as at the server, until they say otherwise."""
    if reply.name and not desk.setting("person_name"):
        desk.set_setting("person_name", reply.name)


def _former(desk: Desk, there: state.Membership | None) -> state.Membership | None:
    """What this laptop was to its server; nothing where it has another computer's desk, which goes on as it was."""
    with desk.reading() as connection:
        return there if state.read(connection, state.Elsewhere) is None else None


def _meant(reply: EnrolReply) -> Grant:
    """What the invitation is for."""
    grant = next((one for one in reply.grants if one.scope == reply.scope or len(reply.grants) == 1), None)
    if grant is None:
        raise Refused("sync_no_chapter", _("The server gave this laptop no chapter to work on. Ask for a new invitation."))
    return grant


def _same_chapter(there: state.Membership, grant: Grant) -> None:
    if grant.scope != there.scope:
        raise Refused("sync_joined", _("This invitation is for {other}, and this laptop belongs to {chapter}. It works for one chapter: use the invitation on "
                                       "another laptop, or in another account of this computer. Nothing was changed, and the invitation is still good."),
                      other=grant.scope_name, chapter=there.scope_name)


def _come_back(connection: sa.Connection, membership: state.Membership) -> None:
    """The same chapter by another address or as another device: the queue and the cursor stay."""
    state.drop(connection, state.Session)  # it was the former device's
    state.keep(connection, membership)


def _may_become(desk: Desk, there: state.Membership | None, wanted: Grant, met: _Met) -> None:
    """One desk, one chapter; and a laptop at the door takes nothing of its own along but what was done at that door.

    Where it is at the server already, to join as the same again would only use the invitation up and list the laptop twice.
    """
    if there is not None and met.other:
        following.may_follow(there, wanted)
        return
    if there is not None:
        _same_chapter(there, wanted)
        if met.needless and (there.role, there.gathering) == (wanted.role, wanted.gathering):
            raise Refused(NEEDLESS, _("This laptop has joined {chapter} already. The invitation was not used: it is still good for another laptop."),
                          chapter=there.scope_name)
    if wanted.role != DOOR or (there is not None and (there.role, there.gathering) == (DOOR, wanted.gathering)):
        return
    with desk.reading() as connection:
        elsewhere = state.read(connection, state.Elsewhere) is not None
        if there is None and here(connection):
            raise Refused("sync_door_profile", _(
                "This invitation is for the door of one gathering, and this desk has members of its own. Ask for another invitation and use it in a new "
                "profile."))
        waiting = count_waiting(connection)
    if there is not None and waiting and elsewhere:
        raise Refused("sync_unsent_first", ngettext(
            "{n} change in this desk has still to be sent, and an invitation to the door does not take it along. Ask for a leader’s invitation and join with "
            "that; then it is sent. This invitation is still good.",
            "{n} changes in this desk have still to be sent, and an invitation to the door does not take them along. Ask for a leader’s invitation and join "
            "with that; then they are sent. This invitation is still good.", waiting), n=number(waiting))
    if there is not None and waiting:
        raise Refused("sync_unsent_first", ngettext(
            "{n} change made here before has still to be sent, and at the door of another gathering it would not be taken. Sync first, then join again.",
            "{n} changes made here before have still to be sent, and at the door of another gathering they would not be taken. Sync first, then join "
            "again.", waiting), n=number(waiting))


def _is_well(desk: Desk, line: Wire, there: state.Membership, address: Address) -> bool:
    """Whether this laptop's place at the server is as good as a new one: reached by this address, and the chapter is open to it."""
    with desk.reading() as connection:
        elsewhere = state.read(connection, state.Elsewhere)
    if elsewhere is not None or (there.url, there.fingerprint) != (address.url, address.fingerprint):
        return False
    try:
        reply = session.call(desk, line, there, "hello", HelloRequest(), HelloReply)
    except Refused:  # it is not known there any more
        return False
    return there.scope in reply.heads and not reply.commands


def _code(text: str) -> str:
    code = read_invitation(text)
    if code is None:
        raise BadInput("sync_code", _("Group {group} of the code is not right. Compare it with the invitation."), group=wrong_group(text) or 4)
    return code


def _prepare(desk: Desk, address: Address, code: str, merge: bool) -> tuple[state.Joining, state.Membership | None]:
    """Everything that can be refused before the invitation is used; the key, kept before the call; and the membership there is."""
    with desk.applying() as applying:
        connection = applying.connection
        there = state.read(connection, state.Membership)
        joining = state.read(connection, state.Joining)
        if there is None:
            _may_begin(connection, merge)
        if joining is None or short_invitation(joining.code) != short_invitation(code):  # scanned or typed, it is one
            joining = state.Joining(url=address.url, code=code, key=bytes(SigningKey.generate()))
            state.keep(connection, joining)
        elif joining.looked:
            joining = state.Joining(url=address.url, code=code, key=joining.key)
            state.keep(connection, joining)
        return joining, there


def _may_begin(connection: sa.Connection, merge: bool) -> None:
    if connection.exec_driver_sql("SELECT 1 FROM chapter WHERE sample LIMIT 1").first():
        raise Refused("sync_sample", _(
            "The sample chapter never joins a server, so that made-up people stay out of the real list. Start with a new profile."))
    there = here(connection)
    if there and not merge:
        raise Refused("sync_members_here", _(
            "In this desk already: {what}. All can be carried over into the chapter’s list at the server; "
            "say so with --merge, or use a new profile."), what=there)


def here(connection: sa.Connection) -> str:
    """What a join would carry over, in words: “3 people and 1 gathering”; empty where there is nothing."""
    people, gatherings = (int(connection.exec_driver_sql(f"SELECT count(*) FROM {rows} WHERE NOT gone").scalar() or 0) for rows in (
        "(SELECT gone FROM person WHERE merged_into IS NULL)", "gathering"))
    parts = []
    if people:
        parts.append(ngettext("{n} person", "{n} people", people).format(n=number(people)))
    if gatherings:
        parts.append(ngettext("{n} gathering", "{n} gatherings", gatherings).format(n=number(gatherings)))
    return _("{one} and {other}").format(one=parts[0], other=parts[1]) if len(parts) == 2 else "".join(parts)


def complete_chapter(desk: Desk, membership: state.Membership) -> None:
    """Once the server's chapter is here: what ours knew and the server's does not (university, time zone) is added to it."""
    ours = desk.setting(CARRIED)
    if ours is None or membership.role == DOOR:
        return
    chapter = desk.tables["chapter"]
    with desk.reading() as connection:
        there = connection.execute(sa.select(chapter).where(chapter.c.id == membership.scope)).mappings().first()
    if there is None:
        return
    lacking = {name: value for name, value in ours.items() if value and not there[name]}
    if lacking:
        with desk.writing("chapter_completed") as writing:
            writing.change("chapter", membership.scope, **lacking)
    desk.set_setting(CARRIED, None)


def move_in(connection: sa.Connection, membership: state.Membership) -> None:
    """The chapter's id becomes the server's: rows and waiting operations move to its scope, our own chapter row gives way."""
    scope = membership.scope
    former = [str(row.id) for row in connection.exec_driver_sql("SELECT id FROM scope")]
    ours = connection.exec_driver_sql("SELECT university, time_zone FROM chapter WHERE id <> ? LIMIT 1", (scope,)).first()
    if ours is not None:
        connection.exec_driver_sql("INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                                   (CARRIED, json.dumps(dict(ours._mapping), ensure_ascii=False)))
    for name in shapes():
        connection.exec_driver_sql(f'UPDATE "{name}" SET scope = ? WHERE scope <> ?', (scope, scope))
    connection.exec_driver_sql("DELETE FROM chapter WHERE id <> ?", (scope,))
    connection.exec_driver_sql("DELETE FROM operation WHERE table_name = 'chapter' AND row_id <> ?", (scope,))
    connection.exec_driver_sql("DELETE FROM shadow WHERE table_name = 'chapter'")
    connection.exec_driver_sql("UPDATE operation SET scope = ? WHERE scope <> ?", (scope, scope))
    for old in former:
        if old != scope:
            connection.exec_driver_sql("DELETE FROM scope WHERE id = ?", (old,))
    connection.exec_driver_sql("INSERT INTO scope (id, cursor, chain) VALUES (?, 0, '') ON CONFLICT (id) DO NOTHING", (scope,))
    state.keep(connection, membership)
