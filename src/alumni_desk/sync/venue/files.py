"""The same parcels by file: on a stick or by mail, sealed; and what a file that somebody brings is, before anything is done with it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from alumni_desk.errors import BadInput, Refused, StoreProblem
from alumni_desk.protocol.codes import read_invitation
from alumni_desk.protocol.handout import SealedHandout
from alumni_desk.protocol.messages import Certificate, Sealed
from alumni_desk.store.backup_head import FORMER, MAGIC
from alumni_desk.store.desk import Desk
from alumni_desk.store.disk import is_other_file, refuse_chapters_folder
from alumni_desk.sync.engine import Joined, join
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.credentials import Me, me
from alumni_desk.sync.venue.handouts import HandedOut, check_handout, make_handout, take_handout
from alumni_desk.sync.venue.holding import TakenIn, seal_own, take_in
from alumni_desk.sync.venue.timing import now_ms
from alumni_desk.words import _

PARCELS, HANDOUT = b"ALUMNI DESK PARCELS 1\n", b"ALUMNI DESK HAND-OUT 1\n"
LARGEST = 512 * 1024 * 1024
AT_ONCE = 50
"""Parcels that are kept in one transaction."""

T = TypeVar("T")


class Bundle(msgspec.Struct, frozen=True):
    """What a transfer file holds. ``made``: milliseconds since 1970."""

    server: str
    scope: str
    device: str
    made: int
    parcels: list[Sealed]
    chains: list[list[Certificate]]


@dataclass(frozen=True)
class Brought:
    """What a file is. ``by``: whose laptop made it; ``parcels`` in it; ``gathering`` (its id) of a hand-out; ``url``, ``code``, ``chapter`` and ``role``
    (empty: it does not say) of an invitation; ``leads``: a hand-out that is looked at with a leader's desk."""

    what: Literal["parcels", "handout", "invitation"]
    by: str = ""
    parcels: int = 0
    number: int = 0
    url: str = ""
    code: str = ""
    chapter: str = ""
    leads: bool = False
    gathering: str = ""
    role: str = ""


@dataclass(frozen=True)
class Written:
    """A transfer file that was written: how many parcels are in it, and how many of them are this laptop's own."""

    file: Path
    parcels: int
    own: int


def write_parcels(desk: Desk, file: Path) -> Written:
    """Everything that this laptop holds for the server, its own and others', into a file that only their audiences can read. It all stays here, too."""
    with desk.reading() as connection:
        mine = me(connection)
    seal_own(desk, mine)
    with desk.reading() as connection:
        held, _place = holding.offered(connection, mine.membership.scope, room=LARGEST)
        chains = holding.chains_for(connection, {one.device for one in held} - {mine.membership.device})
    if not held:
        raise Refused("parcel_nothing", _("There is nothing to carry: the server has everything of this laptop. No file was written."))
    # With one's own certificates though nothing in it may be one's own: who carries it is said.
    bundle = Bundle(mine.membership.server, mine.membership.scope, mine.membership.device, now_ms(desk),
                    [holding.opened_parcel(one.content) for one in held], [mine.credentials.chain, *chains])
    _write(file, PARCELS, msgspec.msgpack.encode(bundle))
    return Written(file, len(held), sum(one.device == mine.membership.device for one in held))


def read_parcels(desk: Desk, file: Path) -> TakenIn:
    """Take what a transfer file holds; the same file again changes nothing. Raises BadInput or Refused."""
    if not _content(file).startswith(PARCELS):
        raise _something_else(file)
    bundle = _decoded(file, PARCELS, Bundle)
    with desk.reading() as connection:
        mine = me(connection)
    if (bundle.server, bundle.scope) != (mine.membership.server, mine.membership.scope):
        raise Refused("parcel_chapter", _("This file is of another chapter or server, so nothing was taken from it."))
    taken = TakenIn()
    for start in range(0, len(bundle.parcels), AT_ONCE):
        taken += take_in(desk, mine, bundle.parcels[start:start + AT_ONCE], bundle.chains)
    if taken.refused and taken.refused == len(bundle.parcels):
        raise _why_nothing(mine, bundle)
    return taken


def _why_nothing(mine: Me, bundle: Bundle) -> Refused:
    """Why no part of a file counts, as far as it is known: by the certificates of the laptops that made them."""
    chains = {chain[0].device: chain for chain in bundle.chains if chain}
    troubles = {mine.trouble(chains[one.device], None) if one.device in chains else "chain" for one in bundle.parcels}
    if "revoked" in troubles:
        return Refused("parcel_removed", _(
            "Nothing was taken from this file: the laptop that wrote it was removed. What it has still to send comes to “Set aside” at its next contact with "
            "the server, where a leader looks at it; let it sync once."))
    if troubles - {None}:
        return Refused("parcel_unknown", _(
            "Nothing was taken from this file: the laptop that wrote it is not known in this chapter. Let it sync once with the chapter’s server, then ask "
            "for the file again; if it is of another chapter, open the file there."))
    return Refused("parcel_forged", _("Nothing was taken from this file: it was damaged on its way. Ask for it again."))


def write_handout(desk: Desk, gathering: str, file: Path) -> HandedOut:
    """A gathering's list as its door may see it, into a file that only its door and the leaders can read."""
    with desk.reading() as connection:
        mine = me(connection)
    made = make_handout(desk, mine, gathering)
    _write(file, HANDOUT, msgspec.msgpack.encode(made))
    return take_handout(desk, mine, made)


def look_at(file: Path, desk: Desk | None = None) -> Brought:
    """What a file is, without doing anything with it. With a desk of a chapter it is asked whether who made a hand-out may. Raises BadInput or Refused."""
    content = _content(file)
    if content.startswith((MAGIC, FORMER)):
        raise BadInput("open_backup", _("{file} is a backup, so there is nothing from another laptop in it. “alumni-desk restore {file}” puts it back."),
                       file=file.name)
    if content.startswith(PARCELS):
        bundle = _decoded(file, PARCELS, Bundle)
        return Brought("parcels", by=_name(bundle.chains, bundle.device), parcels=len(bundle.parcels))
    if content.startswith(HANDOUT):
        one = _decoded(file, HANDOUT, SealedHandout)
        mine = None if desk is None else _mine_or_none(desk)
        check_handout(one, mine, now_ms(desk) if desk is not None else 0)
        return Brought("handout", by=_name([one.chain], one.device), number=one.number, leads=mine is not None and mine.leads,
                       gathering=one.gathering)
    try:
        said = json.loads(content[:65_536])
        code = read_invitation(str(said["code"]))
        if said["alumni_desk"] != "invitation" or code is None:
            raise _unknown(file)
        pin = said.get("fingerprint")
        return Brought("invitation", url=f"{said['server']}#sha256={pin}" if pin else str(said["server"]), code=code, chapter=str(said.get("chapter") or ""),
                       role=str(said.get("role") or ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _unknown(file) from None


def open_file(desk: Desk, file: Path, *, device_name: str | None = None) -> TakenIn | HandedOut | Joined:
    """Do what a file is for. ``device_name``: what a laptop that joins by it is called. Raises KnownError."""
    brought = look_at(file)
    if brought.what == "parcels":
        return read_parcels(desk, file)
    if brought.what == "invitation":
        return join(desk, brought.url, brought.code, device_name=device_name)
    try:
        mine = _mine(desk)
    except Refused as problem:
        if problem.code != "venue_alone":
            raise
        raise Refused("handout_alone", _(
            "This is a gathering’s list for laptops that are let in at its door already; it lets nobody in by itself. Ask a leader for an invitation to the "
            "door, or join a leader’s laptop that shares there, then open the file again.")) from None
    return take_handout(desk, mine, _decoded(file, HANDOUT, SealedHandout))


def _mine_or_none(desk: Desk) -> Me | None:
    try:
        return _mine(desk)
    except Refused as problem:
        if problem.code != "venue_alone":
            raise
        return None


def _mine(desk: Desk) -> Me:
    with desk.reading() as connection:
        return me(connection)


def _name(chains: list[list[Certificate]], device: str) -> str:
    """Who made a file, as their certificate says; it is not believed before the file is opened."""
    one = next((chain[0] for chain in chains if chain and chain[0].device == device), None)
    return " · ".join(filter(None, (one.who, one.name))) if one else ""


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST:
            raise _unknown(file)
        return file.read_bytes()
    except OSError as error:
        raise BadInput("venue_file", _("{file} cannot be read ({reason})."), file=file, reason=error.strerror or "?") from None


def _decoded(file: Path, magic: bytes, kind: type[T]) -> T:
    content = _content(file)
    if not content.startswith(magic):
        raise _unknown(file)
    try:
        return msgspec.msgpack.decode(memoryview(content)[len(magic):], type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadInput("venue_file_damaged", _("{file} is damaged or of a newer version. Nothing was taken from it; ask for it again."),
                       file=file.name) from None


def _something_else(file: Path) -> BadInput:
    """What a file is that holds no changes, and what to do with it."""
    if _content(file).startswith((MAGIC, FORMER)):
        return BadInput("parcel_backup", _("{file} is a backup, not changes from another laptop, so nothing was taken from it. “alumni-desk restore {file}” "
                                           "puts it back."), file=file.name)
    what = look_at(file)
    if what.what == "handout":
        return BadInput("parcel_handout", _("{file} is a gathering’s list for its door, not changes from another laptop, so nothing was taken from it. Use it "
                                            "with “alumni-desk open {file}”."), file=file.name)
    return BadInput("parcel_invitation", _("{file} is an invitation to {chapter}, not changes from another laptop, so nothing was taken from it. Use it with "
                                           "“alumni-desk join {file}”."), file=file.name, chapter=what.chapter or _("a chapter"))


def _unknown(file: Path) -> BadInput:
    return BadInput("venue_file_unknown", _("{file} is no file of Alumni Desk for another laptop: neither changes, nor a hand-out, nor an invitation."),
                    file=file.name)


def _write(file: Path, begins: bytes, content: bytes) -> None:
    refuse_chapters_folder(file)
    if is_other_file(file, (begins,)):
        raise BadInput("venue_file_other", _("{file} is there already and is something else, so it was left as it is. Give another name, or delete that file "
                                             "first."), file=file)
    part = file.with_name(file.name + ".part")
    try:
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(begins)
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except OSError as error:
        raise StoreProblem("venue_file_write", _("{file} cannot be written ({reason}). Choose another place."), file=file,
                           reason=error.strerror or "?") from None
    finally:
        with suppress(OSError):  # it may not even be a name
            part.unlink(missing_ok=True)
