"""Invitations: one code, once, for a while; and the chapter they are for."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, BadInput, NotFound, Refused
from alumni_desk.protocol.clocks import pack_one
from alumni_desk.protocol.codes import long_invitation, new_invitation, read_invitation, short_invitation
from alumni_desk.protocol.messages import EnrolReply, EnrolRequest, Grant, Offer
from alumni_desk.protocol.people_marks import MARKED, marks
from alumni_desk.protocol.proofs import is_enrol_proof
from alumni_desk.protocol.values import NAME_LETTERS, fits, is_id
from alumni_desk.server import audit, feed, journal, open_invitations
from alumni_desk.server.accounts import as_name, grants_of, moment_of, new_device
from alumni_desk.server.bulk import put_rows
from alumni_desk.server.clamping import stamp
from alumni_desk.server.lasting import end_of_door, end_of_invitation
from alumni_desk.server.leaving import concerned, end_grant
from alumni_desk.server.merging import row_from
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server
from alumni_desk.server.tables import EVERY
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.wire import gathering_over_words
from alumni_desk.words import _, number

VALID = 7 * 24 * 3600 * 1000
"""How long an invitation can be used, in milliseconds."""

FAILURES_A_MINUTE = 10

INVITING, _TRYING = 7403523, 7403524  # the numbers of locks on PostgreSQL


@dataclass(frozen=True)
class Invitation:
    """A new invitation: its code, shown this once, the longer one for a QR code, and when (milliseconds since 1970) it ends."""

    code: str
    long: str
    expires: int
    scope: str
    new: bool = False  # it made the chapter


def invitation_hash(server: Server, code: str) -> str:
    """How an invitation is kept, and named where its code is not to be said."""
    return hashlib.blake2b(short_invitation(code).encode(), key=server.secret, person=b"invitation", digest_size=32).hexdigest()


def sealed(server: Server, code: str) -> str:
    """An invitation's code with this server's seal: what a QR code and a file carry. Nobody guesses it, so whoever has it is not held up by those who try."""
    return long_invitation(code, hashlib.blake2b(code.encode(), key=server.secret, person=b"invitation seal", digest_size=10).digest())


def invite(server: Server, *, chapter: str | None, role: str, now: int, gathering: str | None = None, name: str = "") -> Invitation:
    """A code that makes one device a member of a chapter's office, or of the door of a gathering. Makes the chapter if there is none of that name or id.

    ``chapter`` None: the first there is, for an admin, who sees every one. ``name``: whom it is for; so the laptop's owner is called until they say
    it themselves. Raises BadInput, NotFound, or Refused ``gathering_over``.
    """
    code = new_invitation()
    if not fits(name, "text"):
        raise BadInput("name", _("That name holds a letter that cannot be kept. Type it again."))
    with server.database.writing() as connection:
        one_at_a_time(connection, INVITING)
        if chapter is None:
            scope = _firstchapter_named(connection, server.tables)
        else:
            chapter = " ".join(chapter.split())
            found = chapter_named(connection, server.tables, chapter)
            if found is None and role == "door":  # a chapter made for it would have no gathering
                raise no_chapter(connection, server.tables, chapter)
            scope = found or make_chapter(connection, server.tables, chapter, now)
        there = check_gathering(connection, server.tables, scope, role, gathering)
        if there is not None and (ends := end_of_door(there)) is not None and ends <= now:
            raise Refused("gathering_over", gathering_over_words())
        expires = now + VALID if there is None else end_of_invitation(there, now + VALID, now)
        feed.lock_head(connection, server.tables, scope)
        connection.execute(sa.insert(server.tables.tables["invitation"]).values(
            code_hash=invitation_hash(server, code), scope=scope, role=role, gathering=gathering, created_at=now, expires_at=expires,
            name=as_name(name) or None))
        audit.note(connection, server.tables, scope, "invite", at=now, details={"role": role, **({"gathering": gathering} if gathering else {})})
        if chapter is not None and found is None:  # last: what is refused makes no chapter, and what stands here is made true at the next start
            journal.write(server.journal, server.id, "chapter", at=now, scope=scope, name=chapter)
    return Invitation(code, sealed(server, code), expires, scope, new=chapter is not None and found is None)


def chapters_like(server: Server, name: str) -> list[str]:
    """Where no chapter is called so: what those are called of whom somebody may have meant one, by a former or a mistyped name."""
    wanted = " ".join(name.split())
    with server.database.reading() as connection:
        if chapter_named(connection, server.tables, wanted) is not None:
            return []
        there = [one for (one,) in connection.execute(sa.select(server.tables.tables["chapter"].c.name).where(
            ~server.tables.tables["chapter"].c.gone)) if one]
    return sorted(one for one in there if _is_like(wanted.casefold(), one.casefold()))


def no_chapter(connection: sa.Connection, tables: sa.MetaData, name: str) -> NotFound:
    """What to say where an invitation can be for a chapter alone that is there: which there are."""
    chapter = tables.tables["chapter"]
    there = sorted((one for one in connection.execute(sa.select(chapter.c.name).where(~chapter.c.gone)).scalars() if one), key=str.casefold)
    if not there:
        return NotFound("no_such_chapter", _("This server has no chapter called “{name}”, and no other one yet. Nobody was invited."), name=name)
    names = ", ".join(there[:_NAMED])
    if len(there) > _NAMED:
        names = _("{names} and {n} more: server stats lists them").format(names=names, n=number(len(there) - _NAMED))
    return NotFound("no_such_chapter", _("This server has no chapter called “{name}”. There are: {names}. Nobody was invited."), name=name, names=names)


_NAMED = 10
"""So many chapters are named."""

_LIKE = 0.85
"""By ``difflib``'s measure: a letter too many or too few in a short name."""


def _is_like(one: str, other: str) -> bool:
    words, more = sorted((one.split(), other.split()), key=len)
    if words == more[:len(words)]:
        return True
    digits = [[part for part in name if part.isdigit()] for name in (one, other)]
    return digits[0] == digits[1] and (_one_slip(one, other) or SequenceMatcher(None, one, other).ratio() >= _LIKE)


def _one_slip(one: str, other: str) -> bool:
    """Whether one letter is another one, or two neighbours have changed places: of six letters ``difflib`` calls that less alike than one left out."""
    if len(one) != len(other):
        return False
    places = [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    return len(places) == 1 or (len(places) == 2 and places[1] - places[0] == 1 and one[places[0]] == other[places[1]] and one[places[1]] == other[places[0]])


def check_gathering(connection: sa.Connection, tables: sa.MetaData, scope: str, role: str, gathering: str | None) -> sa.Row[Any] | None:
    """See that an invitation to the door says of which gathering, that it is one of the chapter's, and that no other role says one. Returns the row."""
    if role != "door":
        if gathering is not None:
            raise BadInput("gathering_not_meant", _("Only an invitation to the door is for one gathering. Leave --gathering out, or say --role door."))
        return None
    if gathering is None:
        raise BadInput("gathering_needed", _("An invitation to the door is for one gathering. Say which with --gathering."))
    table = tables.tables["gathering"]
    there = connection.execute(sa.select(table).where(table.c.scope == scope, table.c.id == gathering)).first() if is_id(gathering) else None
    if there is None or there.gone:
        raise NotFound("no_such_gathering", _(
            "The chapter has no gathering with the id {id} at this server. Sync the laptop that planned it first, then look the id up with “gatherings”."),
            id=gathering[:80])
    return there


def one_at_a_time(connection: sa.Connection, what: int) -> None:
    """Until this transaction ends nobody else does the same: invites, and makes one chapter twice; or tries a code."""
    if connection.dialect.name == "postgresql":  # on SQLite whoever writes is alone anyway
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({what})")


def chapter_named(connection: sa.Connection, tables: sa.MetaData, text: str) -> str | None:
    """The chapter of this id or name, None if there is none of the name. Raises BadInput, NotFound, Refused or Ambiguous."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_LETTERS or not fits(name, "text"):
        raise BadInput("chapter_name", _("A chapter’s name has 1 to {count} letters."), count=NAME_LETTERS)
    chapter = tables.tables["chapter"]
    rows = connection.execute(sa.select(chapter.c.id, chapter.c.name, chapter.c.gone).order_by(chapter.c.id)).all()
    if is_id(name):
        gone = next((row.gone for row in rows if row.id == name), None)
        if gone is None:
            raise NotFound("no_such_chapter", _("This server has no chapter with the id {id}. Give its name; server stats lists them."), id=name)
        if gone:
            raise Refused("chapter_gone", _("The chapter with the id {id} was removed, so nobody can be invited to it."), id=name)
        return name
    found = [str(row.id) for row in rows if not row.gone and " ".join((row.name or "").split()).casefold() == name.casefold()]
    if len(found) > 1:
        raise Ambiguous("several_chapters", _("{count} chapters are called “{name}”. Give the id of one: {ids}."), candidates=found,
                        count=len(found), name=name, ids=", ".join(found))
    return found[0] if found else None


def _firstchapter_named(connection: sa.Connection, tables: sa.MetaData) -> str:
    chapter = tables.tables["chapter"]
    found = connection.execute(sa.select(chapter.c.id).where(~chapter.c.gone).order_by(sa.func.lower(chapter.c.name), chapter.c.id).limit(1)).scalar()
    if found is None:
        raise BadInput("chapter_needed", _("This server has no chapter yet. Name the first one with --chapter."))
    return str(found)


def make_chapter(connection: sa.Connection, tables: sa.MetaData, name: str, now: int, scope: str | None = None) -> str:
    """A new chapter with its empty feed and its row; returns its id, which is the scope: a new one, unless it is given."""
    scope = scope or str(uuid.uuid4())
    feed.begin_feed(connection, tables, scope)
    locked = feed.lock_head(connection, tables, scope)
    if locked is None:
        raise LookupError("scope without a feed")
    clock = stamp(now, scope.replace("-", "")[:16])
    row = row_from(None, shape=shapes()["chapter"], scope=scope, row_id=scope).values
    row.update(name=" ".join(name.split()), clock=clock, clocks=pack_one(["name"], clock))
    put_rows(connection, tables.tables["chapter"], [row])
    feed.touch(connection, tables, locked, [("chapter", scope, False)])
    locked.chain = hashlib.blake2b(scope.encode(), digest_size=32).hexdigest()
    feed.move_head(connection, tables, locked)
    return scope


def enrol(server: Server, request: EnrolRequest, now: int) -> EnrolReply:
    """Turn an invitation into a device, or say what it is for. The same code with the same key repeats its answer."""
    with server.database.writing() as connection:
        one_at_a_time(connection, _TRYING)  # else all that come at once would be counted before any of them has failed
        guessed = _may_be_guessed(server, request.code)
        if guessed:
            _not_too_often(connection, server.tables, now)
        try:
            return _use(server, connection, _code(server, request), request, now)
        except Refusal as refusal:  # nothing was written yet
            if guessed:
                _failed(connection, server.tables, now)
            refused = refusal
    raise refused


def _may_be_guessed(server: Server, text: str) -> bool:
    """Whether somebody may have made this code up: it is one to be typed, or its seal is not ours."""
    code = read_invitation(text)
    return code is None or not hmac.compare_digest(code, sealed(server, short_invitation(code)))


def _code(server: Server, request: EnrolRequest) -> str:
    code = read_invitation(request.code)
    if code is None or (code != short_invitation(code) and _may_be_guessed(server, code)):
        raise Refusal(403, "invitation_wrong")
    if len(request.public_key) != 32 or not is_enrol_proof(request.proof, request.public_key, request.code):
        raise Refusal(403, "forged")
    return code


def _use(server: Server, connection: sa.Connection, code: str, request: EnrolRequest, now: int) -> EnrolReply:
    tables = server.tables
    invitation, device = tables.tables["invitation"], tables.tables["device"]
    shown = invitation.c.code_hash == invitation_hash(server, code)
    there = connection.execute(sa.select(invitation.c.scope, invitation.c.succeeds).where(shown)).first()
    if there is None:
        return _used_before_the_restore(server, connection, code, request, now)
    if not request.look:
        for one in concerned(connection, tables, there.scope, there.succeeds):
            feed.lock_head(connection, tables, one)  # before its row, as whoever removes the laptop that made it
    found = connection.execute(sa.select(invitation).where(shown).with_for_update()).one()
    known = connection.execute(sa.select(device).where(device.c.public_key == request.public_key)).first()
    if known is not None and known.revoked_at is not None:
        raise Refusal(403, "revoked")
    if found.used_at is not None:
        if known is None or known.id != found.device:
            raise Refusal(403, "invitation_used", at=found.used_at)
        return EnrolReply(server=server.id, device=known.id, grants=grants_of(connection, tables, known.account), time=now, scope=found.scope,
                           name=found.name or "")
    if found.cancelled_at is not None:
        raise Refusal(403, "invitation_cancelled")
    if found.expires_at < now:
        raise Refusal(403, "invitation_expired")
    if found.created_by is not None and not open_invitations.may_invite(connection, tables, found.scope, found.created_by):
        raise Refusal(403, "invitation_cancelled")  # made before an older server removed the laptop, which ended nothing with it
    if request.look:
        return _shown(server, connection, found, code, now)
    device_id, account = (known.id, known.account) if known else new_device(connection, tables, request, now)
    grant, scope = tables.tables["grant"], EVERY if found.role == "admin" else found.scope
    if found.name:  # until hello says who
        owner = tables.tables["account"]
        connection.execute(sa.update(owner).where(owner.c.id == account, owner.c.name.is_(None)).values(name=found.name))
    connection.execute(sa.delete(grant).where(grant.c.scope == scope, grant.c.account == account))
    connection.execute(sa.insert(grant).values(scope=scope, account=account, role=found.role, gathering=found.gathering, created_at=now, until=found.until))
    journal.write(server.journal, server.id, "enrol", at=now, code_hash=found.code_hash, device=device_id, account=account,
                  public_key=request.public_key.hex(), scope=scope, role=found.role, gathering=found.gathering, until=found.until)
    connection.execute(sa.update(invitation).where(invitation.c.code_hash == found.code_hash).values(used_at=now, device=device_id))
    _replace(connection, tables, request, device_id, now)
    ended = [] if found.role in open_invitations.INVITERS else open_invitations.end_made_by(connection, tables, found.scope, device_id, now)
    audit.note(connection, tables, found.scope, "enrol", at=now, device=device_id, details={"role": found.role, **({"invitations": ended} if ended else {})})
    if found.succeeds is not None and found.succeeds != device_id:
        end_grant(server, connection, found.succeeds, found.scope, now, event="handed_over", by=device_id)
    return EnrolReply(server=server.id, device=device_id, grants=grants_of(connection, tables, account), time=now, scope=found.scope,
                       name=found.name or "")


def _used_before_the_restore(server: Server, connection: sa.Connection, code: str, request: EnrolRequest, now: int) -> EnrolReply:
    """Of an invitation that is not here the journal may know that it was used: the server went back to a day before it was made."""
    device, named = server.tables.tables["device"], invitation_hash(server, code)
    line = journal.enrolments(journal.lines(server.journal, server.id)).get(named)
    if line is None:
        raise Refusal(403, "invitation_wrong")
    known = connection.execute(sa.select(device).where(device.c.public_key == request.public_key)).first()
    if known is not None and known.revoked_at is not None:
        raise Refusal(403, "revoked")
    if known is None or known.id != line["device"]:
        raise Refusal(403, "invitation_used", at=line["at"])
    grants = grants_of(connection, server.tables, known.account)
    scope = next((one.scope for one in grants if line["scope"] in (EVERY, one.scope)), "")
    return EnrolReply(server=server.id, device=known.id, grants=grants, time=now, scope=scope)


def _replace(connection: sa.Connection, tables: sa.MetaData, request: EnrolRequest, device_id: str, now: int) -> None:
    """The device that the same laptop was before is listed as such: it keeps its access, for an older copy of its disk may come back as it."""
    device = tables.tables["device"]
    former = connection.execute(sa.select(device.c.public_key).where(device.c.id == request.former)).scalar() if is_id(request.former) else None
    if former is not None and request.former != device_id and is_enrol_proof(request.former_proof, bytes(former), request.code):
        connection.execute(sa.update(device).where(device.c.id == request.former).values(replaced_at=now))
        open_invitations.hand_to(connection, tables, request.former, device_id, now)


def _shown(server: Server, connection: sa.Connection, found: sa.Row[Any], code: str, now: int) -> EnrolReply:
    """What an invitation is for, to whoever only looks at it."""
    chapter, gathering, registration, device, account = (server.tables.tables[name] for name in ("chapter", "gathering", "registration", "device", "account"))
    name = connection.execute(sa.select(chapter.c.name).where(chapter.c.id == found.scope)).scalar()
    by = connection.execute(sa.select(account.c.name).join_from(device, account, account.c.id == device.c.account)
                            .where(device.c.id == found.created_by)).scalar() if found.created_by else None
    offer, until = Offer(by=by or "", expires=found.expires_at), None
    if found.gathering is not None:
        there = connection.execute(sa.select(gathering).where(gathering.c.scope == found.scope, gathering.c.id == found.gathering)).first()
        guests = connection.execute(sa.select(sa.func.count()).select_from(registration).where(
            registration.c.scope == found.scope, registration.c.gathering == found.gathering, ~registration.c.gone,
            sa.func.coalesce(registration.c.status, "") != "cancelled")).scalar()
        until = found.until if there is None else end_of_door(there, found.until)
        offer = msgspec.structs.replace(offer, gathering=there.name or "" if there is not None else "", guests=int(guests or 0))
    else:
        offer = _with_people(server, connection, offer, found.scope, code)
    grant = Grant(scope=found.scope, scope_name=name or "", role=found.role, gathering=found.gathering, until=moment_of(until))
    return EnrolReply(server=server.id, device="", grants=[grant], time=now, scope=found.scope, offer=offer)


def _with_people(server: Server, connection: sa.Connection, offer: Offer, scope: str, code: str) -> Offer:
    """Say how many people there are, so that nobody brings another chapter's among them unawares."""
    person = server.tables.tables["person"]
    there = (person.c.scope == scope, ~person.c.gone, person.c.merged_into.is_(None))
    count = connection.execute(sa.select(sa.func.count()).select_from(person).where(*there)).scalar()
    some = connection.execute(sa.select(person.c.id).where(*there).order_by(sa.func.substr(person.c.id, 25)).limit(MARKED)).scalars()  # by chance, not by age
    return msgspec.structs.replace(offer, people=int(count or 0), marked=marks(code, some))


def _not_too_often(connection: sa.Connection, tables: sa.MetaData, now: int) -> None:
    failure = tables.tables["invitation_failure"]
    count = connection.execute(sa.select(sa.func.count()).select_from(failure).where(failure.c.at > now - 60_000)).scalar() or 0
    if count >= FAILURES_A_MINUTE:
        raise Refusal(429, "too_many_tries", retry_after=60)


def _failed(connection: sa.Connection, tables: sa.MetaData, now: int) -> None:
    failure = tables.tables["invitation_failure"]
    connection.execute(sa.delete(failure).where(failure.c.at < now - 60_000))
    connection.execute(sa.insert(failure).values(id=str(uuid.uuid4()), at=now))
