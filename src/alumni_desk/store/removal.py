"""Emptying a desk whose access to the chapter ended: key, database, copies and backups go, and every later start says so.

A small file beside where the database was says when and why, and which backups could not be reached; nothing about anybody. It is written
before anything is deleted, so that a program that was killed meanwhile finishes at its next start.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from alumni_desk.errors import Refused
from alumni_desk.store import backup, backup_folders, backup_head, keys
from alumni_desk.store.profile import Profile, alone
from alumni_desk.words import _, day

if TYPE_CHECKING:
    from alumni_desk.store.desk import Desk

log = logging.getLogger(__name__)

FILE = "removed.json"
CODE = "access_removed"

Why = Literal["revoked", "let_in", "left", "handed_over", "erased"]

# By name: the folder may hold what somebody else put there.
_OURS = ("desk.db", "desk.db-wal", "desk.db-shm", "desk.db-journal", "desk.mark", "desk.outbox", "desk.outbox.part", "outbox-anew.lock", "desk-damaged-*",
         "desk-replaced-*", "erased.json", "erased.json.part", "backups.json", "backups.json.part", "backups.lock", "desk.key.part", "snapshot.part",
         "snapshot.lock", "restore.lock", "compare-*", "compare.lock")


_SERVERS = ("server.db", "server.db-wal", "server.db-shm", "server-journal.jsonl", "server-cert.pem", "server-key.pem", "server.lock", "serving.lock",
            "snapshots", "server-replaced-*")
_MARKS = ("server-moving.json", "server-moving.json.part", "server-moving.lock")
"""Beside them, see ``sync/moving_mark``: the first outlives the database."""


@dataclass(frozen=True)
class Removed:
    """That this laptop's access ended. ``at``: UTC, ISO 8601; ``left``: folders with backups of the chapter that could not be reached."""

    why: Why
    at: str
    left: tuple[Path, ...]
    finished: bool

    @property
    def sentence(self) -> str:
        """What to say at every start."""
        when = day(datetime.fromisoformat(self.at).astimezone().date())
        if self.why == "revoked":
            said = _("This laptop’s access was removed on {day}; what it had not sent was handed to the chapter’s leaders.").format(day=when)
        elif self.why == "let_in":
            said = _("Whoever let this laptop in at the door may not any more, so its access ended on {day}; what it had not sent was handed to the chapter’s "
                     "leaders.").format(day=when)
        elif self.why == "handed_over":
            said = _("This chapter was handed over on {day}: what this laptop had was sent, and it was emptied.").format(day=when)
        elif self.why == "erased":
            said = _("Everything of this chapter was erased from this laptop on {day}.").format(day=when)
        else:
            said = _("This laptop left the chapter on {day}: what it had was sent, and it was emptied.").format(day=when)
        if self.left:
            said += " " + _("Backups in {folder} could not be reached: they are deleted once they can, or delete them yourself.").format(
                folder=", ".join(str(one) for one in self.left))
        return said

    @property
    def error(self) -> Refused:
        """The same as an error, with what to do next."""
        return Refused(CODE, "{said} {next}", said=self.sentence, next=_("To work here again, join with a new invitation.") if self.why != "erased" else
                       _("You can begin anew here."))


class _Place(msgspec.Struct):
    """A folder outside the profile with backups of this desk. ``files``: their names, as far as it was there; ``unseen``: it was not. ``disk``: see
    ``backup_folders.disk_of``."""

    folder: str
    files: list[str] = []
    unseen: bool = False
    disk: str = ""

    @property
    def left(self) -> bool:
        return bool(self.files) or self.unseen


class _Said(msgspec.Struct):
    """The file. ``folder``, ``files`` and ``unseen`` are a place as an earlier program wrote it.

    ``seal``: what opens the heads of this desk's backups, and no backup, so that they are known in a folder that is seen again.
    """

    why: Why
    at: str
    finished: bool = False
    folder: str | None = None
    files: list[str] = []
    unseen: bool = False
    places: list[_Place] = []
    seal: str = ""


def removed(profile: Profile) -> Removed | None:
    """Whether this laptop's access ended; None if not."""
    said = _read(profile)
    return None if said is None else _told(said)


def _told(said: _Said) -> Removed:
    return Removed(said.why, said.at, tuple(Path(one.folder) for one in said.places if one.left), said.finished)


def begin(desk: Desk, why: Why) -> Removed:
    """Say for good that this desk is to be emptied. Everything it had to send must have been handed over."""
    profile = desk.profile
    said = _Said(why=why, at=datetime.now(UTC).isoformat(timespec="seconds"))
    said.places = [_place(folder, backup_folders.disk_of(profile, folder), desk.key)
                   for folder in backup_folders.folders(profile) if folder != backup_folders.own_folder(profile)]
    if any(one.unseen for one in said.places):
        said.seal = backup_head.head_key(desk.key).hex()
    _write(profile, said)
    return _told(said)


def _place(folder: Path, disk: str, key: bytes) -> _Place:
    if not backup_folders.can_be_listed(folder, disk):
        return _Place(str(folder), unseen=True, disk=disk)
    return _Place(str(folder), [one.file.name for one in backup_folders.listed_in(folder, key) if one.ours], disk=disk)


def finish(profile: Profile) -> Removed | None:
    """Delete what is to be deleted, as far as it can be reached; None if nothing was begun. Safe to repeat, and killed anywhere it is done the next time."""
    begun = _read(profile)
    if begun is None:
        return None
    if not begun.finished:
        keys.destroy(profile.path, "desk")  # first: whatever of the rest outlives it cannot be read
    with alone(profile.path / "desk.lock"):
        said = _read(profile)
        if said is None:
            return None
        if not said.finished:
            gone = [_delete(file) for file in _files(profile)]
            said.finished = all(gone)
        for place in said.places:
            _delete_backups(place, said.seal)
        if not any(one.unseen for one in said.places):
            said.seal = ""
        _write(profile, said)
    return _told(said)


def start_again(profile: Profile) -> None:
    """Somebody wants to begin anew in this folder: with a new invitation, or a chapter of their own. Raises Refused where it cannot be emptied yet."""
    found = finish(profile)
    if found is not None and not found.finished:
        raise found.error


def begun_again(profile: Profile) -> None:
    """Somebody has begun anew in this folder: only now it is no longer said that this laptop's access ended."""
    (profile.path / FILE).unlink(missing_ok=True)


def empty_again(profile: Profile) -> None:
    """To begin anew was refused: what was made for it goes, and what is said of this laptop stays."""
    keys.destroy(profile.path, "desk")
    with alone(profile.path / "desk.lock"):
        for file in _files(profile):
            _delete(file)


def refuse_restore(profile: Profile) -> None:
    """A backup does not bring back what a laptop's access was taken for; whoever erased everything themselves may go back to one."""
    found = finish(profile)
    if found is not None and (found.why != "erased" or not found.finished):
        raise Refused(CODE, _("{said} So no backup is restored here: ask a leader for a new invitation, join with it, then restore."), said=found.sentence)


def _files(profile: Profile) -> Iterator[Path]:
    for pattern in _OURS:
        yield from sorted(profile.path.glob(pattern))
    for folder in (backup_folders.own_folder(profile), profile.path / backup.STAGE):
        if folder.is_dir():
            yield folder
    yield from files_of_kept_server(profile)
    for name in _MARKS:
        yield from sorted(profile.path.glob(name))


def files_of_kept_server(profile: Profile) -> list[Path]:
    """Those of the server that this desk keeps, or kept, for the others: its key lies in the desk. A server with a key of its own is nobody's to delete."""
    if (profile.path / "server.key").exists():
        return []
    return [file for pattern in _SERVERS for file in sorted(profile.path.glob(pattern))]


def delete_kept_server(profile: Profile) -> bool:
    """Delete them; whether all are gone."""
    deleted = [_delete(file) for file in files_of_kept_server(profile)]
    return all(deleted)


def _delete(path: Path) -> bool:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("a file of a removed desk stays for now: %s", error.strerror)
        return False
    return True


def _delete_backups(place: _Place, seal: str) -> None:
    """The backups in a folder outside the profile, if it is there."""
    folder = Path(place.folder)
    if not backup_folders.can_be_listed(folder, place.disk):
        return
    if place.unseen and seal:
        place.files = backup_folders.of_head_key(folder, bytes.fromhex(seal))
        place.unseen = False
    place.files = [name for name in place.files if not _delete(folder / Path(name).name)]


def _read(profile: Profile) -> _Said | None:
    try:
        said = msgspec.json.decode((profile.path / FILE).read_bytes(), type=_Said)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.DecodeError, OSError):
        # It is written in one step, so it was damaged afterwards: what it is there for is known all the same.
        return _Said(why="revoked", at=datetime.now(UTC).isoformat(timespec="seconds"))
    if said.folder is not None:
        said.places = [_Place(said.folder, said.files, said.unseen), *said.places]
        said.folder, said.files, said.unseen = None, [], False
    return said


def _write(profile: Profile, said: _Said) -> None:
    part = profile.path / f"{FILE}.part"
    with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(json.dumps(msgspec.to_builtins(said)).encode())
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, profile.path / FILE)
