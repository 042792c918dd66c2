"""Inviting people to the chapter from a leader's laptop: a code, a text for a QR code, a file; listed, changed and cancelled."""

from __future__ import annotations

import errno
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, BadInput, NotFound, Refused, StoreProblem
from alumni_desk.members.fields import read_fields
from alumni_desk.protocol.codes import read_invitation
from alumni_desk.protocol.messages import InvitationsReply, Invited, InviteReply, InviteRequest, ScopeRequest
from alumni_desk.store.desk import Desk
from alumni_desk.store.disk import is_other_file, refuse_chapters_folder
from alumni_desk.sync.asking import Line, line_of, moment
from alumni_desk.sync.state import Membership
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _

Role = Literal["leader", "door", "admin"]

HOURS = 7 * 24
"""How long an invitation can be used, unless it is said otherwise."""

ENDING = ".alumnidesk"
_SCHEME = "alumnidesk"
_FILE_LIMIT = 16 * 1024


@dataclass(frozen=True)
class Invitation:
    """A new invitation. The code is said this once: it is kept nowhere. ``url`` carries the pin of a server with a certificate of its own;
    ``until``: ISO 8601 UTC; ``gathering``: the id of the door's; ``qr``: the text of its QR code; ``long``: the code in it and in files;
    ``access``: when access to the door ends, None if nobody knows yet."""

    id: str
    code: str
    url: str
    until: str
    chapter: str
    role: str
    gathering: str | None
    name: str | None
    email: str | None
    long: str = ""
    access: str | None = None

    @property
    def pinned(self) -> bool:
        """Whether laptops know the server by its own certificate alone: then a code that is typed finds nothing, for nobody types the whole address."""
        return "#sha256=" in self.url

    @property
    def qr(self) -> str:
        """What the QR code says: address with pin, and code."""
        return qr_text(self.url, self.long or self.code)


def qr_text(url: str, code: str) -> str:
    """What the QR code of an invitation says."""
    return f"{_SCHEME}://join?server={quote(url, safe='')}&code={code}"


@dataclass(frozen=True)
class SentInvitation:
    """An invitation without its code. ``state``: open, used, cancelled or ended; ``by``: who made it; moments are ISO 8601 UTC;
    ``gathering_name``: as this desk has it; ``device``: the laptop that used it."""

    id: str
    role: str
    gathering: str | None
    gathering_name: str | None
    name: str | None
    email: str | None
    by: str | None
    made: str
    until: str
    state: Literal["open", "used", "cancelled", "ended"]
    device: str | None
    hand_over: bool


def invite(desk: Desk, role: Role, *, gathering: str | None = None, name: str = "", email: str = "", hours: int = HOURS, replaces: str | None = None,
           hand_over: bool = False, until: datetime | None = None, chapter: str | None = None, wire: Wire | None = None) -> Invitation:
    """Invite somebody. A leader invites leaders and volunteers at the door, an admin anybody. ``replaces``: the invitation (its id) that ends with it:
    what is to be changed about one makes another code. ``hand_over``: whoever uses it takes over from this laptop. ``until``: access to the door ends
    then, if that is sooner than a day after the gathering. ``chapter``: the one that is meant; raises Refused ``chapter_switched`` where the desk
    shows another one by now."""
    if until is not None and until <= desk.now():
        raise BadInput("invite_until", _("Access would be over already. Choose a later moment."))
    email = read_fields({"email": email})["email"] or ""
    with line_of(desk, wire) as line:
        if chapter not in (None, line.scope):
            raise Refused("chapter_switched", _("Nobody was invited: a command has switched this laptop to {chapter} meanwhile, and this was begun for the "
                                                "chapter before. Close it, or switch back."), chapter=line.membership.scope_name)
        reply = line.call("invite", InviteRequest(scope=line.scope, role=role, gathering=gathering, name=name, email=email, hours=hours, replaces=replaces,
                                                  hand_over=hand_over, until=None if until is None else round(until.timestamp() * 1000)), InviteReply)
        return Invitation(id=reply.id, code=reply.code, url=reply.url or _own_way(line.membership), until=moment(reply.expires) or "",
                          chapter=line.membership.scope_name, role=role, gathering=gathering, name=name or None, email=email or None,
                          long=reply.long, access=moment(reply.access))


def _own_way(membership: Membership) -> str:
    """Where this desk itself reaches the server."""
    return f"{membership.url}#sha256={membership.fingerprint}" if membership.fingerprint else membership.url


def invitations(desk: Desk, *, chapter: str | None = None, wire: Wire | None = None) -> list[SentInvitation]:
    """The chapter's invitations that are open or ended within 30 days, the newest first. ``chapter``: of another one than the desk shows."""
    with line_of(desk, wire) as line:
        return _told(line, line.call("invitations", ScopeRequest(chapter or line.scope), InvitationsReply))


def cancel(desk: Desk, invitation: str, *, chapter: str | None = None, wire: Wire | None = None) -> SentInvitation:
    """End an invitation that nobody has used. ``invitation``: its id, or how it begins; ``chapter`` as above. Raises NotFound or Ambiguous."""
    with line_of(desk, wire) as line:
        scope = ScopeRequest(chapter or line.scope)
        wanted = one_of(_told(line, line.call("invitations", scope, InvitationsReply)), invitation)
        found = _told(line, line.call(f"invitations/{wanted.id}/cancel", scope, InvitationsReply))
        return next(one for one in found if one.id == wanted.id)


def one_of(found: list[SentInvitation], text: str) -> SentInvitation:
    """The invitation whose id is this, or begins so."""
    fits = [one for one in found if len(text) >= 4 and one.id.startswith(text.lower())]
    if not fits:
        raise NotFound("no_such_invitation", _("There is no invitation {id}. See: invitations."), id=text)
    if len(fits) > 1:
        raise Ambiguous("several_invitations", _("{count} invitations begin with {id}. Give more of it."), candidates=[one.id for one in fits],
                        count=len(fits), id=text)
    return fits[0]


def _told(line: Line, reply: InvitationsReply) -> list[SentInvitation]:
    names = gathering_names(line.desk)
    return [SentInvitation(id=one.id, role=one.role, gathering=one.gathering, gathering_name=names.get(one.gathering or ""), name=one.name, email=one.email,
                           by=one.by, made=moment(one.created) or "", until=moment(one.expires) or "", state=_state(one, reply.time), device=one.device,
                           hand_over=one.hand_over) for one in reply.invitations]


def _state(one: Invited, now: int) -> Literal["open", "used", "cancelled", "ended"]:
    if one.used is not None:
        return "used"
    if one.cancelled is not None:
        return "cancelled"
    return "open" if one.expires > now else "ended"


def gathering_names(desk: Desk) -> dict[str, str]:
    """What gatherings are called, by id."""
    table = desk.tables["gathering"]
    with desk.reading() as connection:
        return {row.id: row.name or "" for row in connection.execute(sa.select(table.c.id, table.c.name).where(~table.c.gone))}


@dataclass(frozen=True)
class Way:
    """Where to join, and the code: what a file or a QR code says."""

    url: str
    code: str
    chapter: str = ""


def may_save(file: Path) -> None:
    """Whether an invitation could be written there, as far as can be told before there is one. Raises KnownError."""
    refuse_chapters_folder(file)
    if is_other_file(file, (_BEGINS,)):
        raise BadInput("invitation_other_file", _("{file} is there already and is something else, so it was left as it is. Give another name, or delete that "
                                                  "file first."), file=file)
    try:
        with suppress(FileNotFoundError):
            os.lstat(_part_of(file))  # the longer name of the two
        reason = os.strerror(errno.EISDIR) if file.is_dir() else "" if file.parent.is_dir() else os.strerror(errno.ENOENT)
    except OSError as error:
        reason = error.strerror or "?"
    if reason:
        raise _not_saved(file, reason)


def refuse_open(file: Path) -> None:
    """Raise BadInput for a file with an invitation whose time is not over: nobody may have used it yet, and its code stands nowhere else."""
    if not is_invitation(file):
        return
    try:
        with open(file, "rb") as stream:
            until = datetime.fromisoformat(json.loads(stream.read(_FILE_LIMIT))["until"])
        good = until.astimezone(UTC) > datetime.now(UTC)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return  # it invites nobody
    if good:
        raise BadInput("invitation_there", _("{file} holds an invitation whose time is not over, so it was left as it is. Give another name, or delete that "
                                             "file first."), file=file)


def save(invitation: Invitation, file: Path) -> Path:
    """Write an invitation to a file that ``join`` opens. Gives the file."""
    may_save(file)
    out = file
    url, _hash, pin = invitation.url.partition("#sha256=")
    content = {"alumni_desk": "invitation", "server": url, "fingerprint": pin or None, "code": invitation.long or invitation.code,
               "chapter": invitation.chapter, "role": invitation.role, "until": invitation.until}
    part = _part_of(out)
    try:
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
            json.dump(content, stream, ensure_ascii=False)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, out)
    except OSError as error:
        raise _not_saved(out, error.strerror or "?") from None
    finally:
        with suppress(OSError):  # it may not even be a name
            part.unlink(missing_ok=True)
    return out


def _part_of(file: Path) -> Path:
    return file.parent / f"{file.name}.part"


def _not_saved(file: Path, reason: str) -> StoreProblem:
    return StoreProblem("invitation_file", _("{file} cannot be written ({reason}). Choose another place."), file=file, reason=reason)


_BEGINS = b'{"alumni_desk": "invitation"'


def is_invitation(file: Path) -> bool:
    """Whether a file is an invitation, by how it begins. Backups have the same ending."""
    try:
        with open(file, "rb") as stream:
            return stream.read(64).startswith(_BEGINS)
    except OSError:
        return False


_PICTURES = re.compile(rb"\x89PNG|\xff\xd8\xff|GIF8|BM|II\*\x00|MM\x00\*|RIFF....WEBP", re.DOTALL)


def is_picture(file: Path) -> bool:
    """Whether a file is a picture, by how it begins: of a QR code, perhaps."""
    try:
        with open(file, "rb") as stream:
            return _PICTURES.match(stream.read(12)) is not None
    except OSError:  # whoever reads it next says why it cannot be
        return False


def read(file: Path) -> Way:
    """The invitation in a file. Raises BadInput."""
    try:
        with open(file, "rb") as stream:
            said = json.loads(stream.read(_FILE_LIMIT).decode())
        pin, server, code = said.get("fingerprint"), str(said["server"]), read_invitation(str(said["code"]))
        if said["alumni_desk"] != "invitation" or code is None:
            raise ValueError
    except OSError as error:
        raise BadInput("invitation_file", _("{file} cannot be read ({reason})."), file=file, reason=error.strerror or "?") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadInput("invitation_file", _("{file} is not an invitation of Alumni Desk, or it is damaged. Ask for the code instead."), file=file) from None
    return Way(f"{server}#sha256={pin}" if pin else server, code, str(said.get("chapter") or ""))


def read_text(text: str) -> Way | None:
    """The invitation in the text of a QR code; None if it is none."""
    parts = urlsplit(text.strip())
    if parts.scheme.lower() != _SCHEME or parts.netloc != "join":
        return None
    said = parse_qs(parts.query)
    code = read_invitation(said.get("code", [""])[0])
    server = said.get("server", [""])[0]
    return Way(server, code) if code and server else None
