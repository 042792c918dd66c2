"""What disks and file systems do to us, in words: full, read-only, away, on another computer."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from alumni_desk.errors import BadInput, StoreProblem
from alumni_desk.words import _

FULL = frozenset(one for one in (errno.ENOSPC, getattr(errno, "EDQUOT", None)) if one is not None)
READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
NO_LOCKS = frozenset(one for one in (errno.ENOLCK, getattr(errno, "ENOTSUP", None), getattr(errno, "EOPNOTSUPP", None), errno.ENOSYS) if one is not None)
ENOUGH = 1 << 20
"""Free bytes under which a disk counts as full: SQLite says of some calls only that they failed."""

NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "ncpfs", "afs", "webdav", "davfs", "fuse.sshfs", "fuse.davfs2", "fuse.rclone",
                     "fuse.glusterfs", "ceph"})  # fmt: skip
LONGEST = 740 if sys.platform == "win32" else 480
"""Bytes of a path up to which SQLite opens a file (512, on Windows 780, with the endings that it adds)."""
LONG = 230
"""Characters of a folder's path from which Windows needs it written in the long form: files in it would pass 260."""


def is_full(folder: Path) -> bool:
    """Whether there is next to no room left on the disk that this folder is on."""
    there = next((one for one in (folder, *folder.parents) if one.exists()), None)
    try:
        return there is not None and shutil.disk_usage(there).free < ENOUGH
    except OSError:
        return False


def can_only_be_read(folder: Path) -> bool:
    """Whether the disk that this folder is on takes nothing any more, whoever asks (a system that found it failing does so). Windows does not tell."""
    if sys.platform == "win32":
        return False
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def disk_full() -> StoreProblem:
    """No room for what was to be saved."""
    return StoreProblem("disk_full", _(
        "The disk is full, so nothing of this was saved. Make room (a few hundred megabytes) and do it again; what was saved before is safe."))


def too_full_to_open() -> StoreProblem:
    """No room even for reading."""
    return StoreProblem("disk_full", _(
        "The disk is full, so the chapter cannot be opened, not even to look at it. Make room (a few hundred megabytes) and try again; "
        "all that was saved is safe."))


def read_only() -> StoreProblem:
    """The chapter's folder may not be written."""
    return StoreProblem("read_only", _(
        "The chapter’s folder cannot be written, so nothing of this was saved. Check its rights, or whether the drive is read-only."))


def disk_trouble() -> StoreProblem:
    """The disk fails in some other way."""
    return StoreProblem("disk_trouble", _(
        "The disk does not read or write as it should, so nothing of this was saved. Check the drive, then do it again."))


def network_drive(folder: Path) -> StoreProblem:
    """The folder is on a file system that several computers share, or that cannot do what the database needs."""
    return StoreProblem("network_drive", _(
        "The folder {folder} is on a network drive or one like it, where a chapter can be damaged. Choose a folder on this computer with --profile; "
        "backups may well go to the network drive."), folder=folder)


def path_too_long(folder: Path) -> StoreProblem:
    """The name of the folder is longer than the database can open."""
    return StoreProblem("path_too_long", _("The path {folder} is too long for a database. Choose a folder nearer to the top of the drive with --profile."),
                        folder=folder)


def disk_problem(error: OSError) -> StoreProblem:
    """The sentence for an error of the system about a file of the chapter."""
    if error.errno in FULL:
        return disk_full()
    return read_only() if error.errno in READ_ONLY else disk_trouble()


def file_disk_full(file: Path) -> StoreProblem:
    """No room for a file that somebody asked for."""
    return StoreProblem("disk_full", _("The disk is full, so {file} was not written. Make room, or choose another drive, and do it again."), file=file)


def as_file_name(said: str) -> str:
    """What somebody called a thing, as a part of a file's name: without signs that some system takes for a folder or for none, and short enough for any."""
    plain = "".join("-" if letter in '/\\:*?"<>|' or not letter.isprintable() else letter for letter in said)
    return plain.encode()[:150].decode(errors="ignore").strip(" .") or "-"


OWN = ("desk.db", "desk.key", "desk.mark", "server.db", "server.key")
"""Files by which a folder shows that a chapter, or a server, is kept in it."""


def refuse_chapters_folder(file: Path) -> None:
    """Raise BadInput ``chapters_folder`` where a file that somebody asked for would lie among a chapter's own: it might take the place of one of them; and
    ``no_file`` where a device has that name, whose place no file may take."""
    if _is_there(file) and not file.is_file() and not file.is_dir():
        raise BadInput("no_file", _("{file} is a device, so no file can be written there. Choose another name."), file=file)
    itself = file.absolute().parent.resolve() / file.name  # else the way back out of a chapter's folder would count as being in it
    for place in (itself, file.resolve()):  # a link is written through, or replaced itself
        folder = place.parent
        if _keeps_a_chapter(folder) or (_is_there(place) and _keeps_a_chapter(folder.parent)):  # a backup that is there, say
            raise BadInput("chapters_folder", _(
                "In {folder} the program keeps a chapter’s own files, and {file} might take the place of one of them, so it was not written. "
                "Choose another folder."), folder=folder, file=file.name)


def _is_there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # a name that is too long: whoever writes there will say so
        return False


def is_other_file(out: Path, begins: Collection[bytes]) -> bool:
    """Whether there is a file that begins otherwise: somebody mistyped a name, and it must not go. An empty one is nothing."""
    if not _is_there(out) or not out.is_file():
        return False
    with chapters_files(out.parent), open(out, "rb") as stream:
        there = stream.read(max(map(len, begins)))
    return bool(there) and not there.startswith(tuple(begins))


def refuse_other_file(out: Path, begins: Collection[bytes]) -> None:
    """Raise BadInput ``backup_is_other_file`` where a backup would take the place of something else; ``begins``: how backups do."""
    if is_other_file(out, begins):
        raise BadInput("backup_is_other_file", _("{file} is there already and is no backup of Alumni Desk, so it was left as it is. Give the backup another "
                                                 "name, or delete that file first."), file=out)


def _keeps_a_chapter(folder: Path) -> bool:
    return any(_is_there(folder / name) for name in OWN)


@contextmanager
def chapters_files(folder: Path) -> Iterator[None]:
    """Around what is done to the files of a profile by hand: an error of the system becomes a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_LOCKS:
            raise network_drive(folder) from None
        raise disk_problem(error) from None


def with_logs(file: Path) -> list[Path]:
    """A database's file, and what SQLite keeps beside it."""
    return [file.with_name(file.name + end) for end in ("", "-wal", "-shm", "-journal")]


@contextmanager
def gone_after(*files: Path) -> Iterator[None]:
    """Around the use of files that go, whatever happens."""
    try:
        yield
    finally:
        for one in files:
            one.unlink(missing_ok=True)


def refuse_bad_places(folder: Path) -> None:
    """Raise StoreProblem ``network_drive`` or ``path_too_long`` where a database would come to harm."""
    if len(str(folder / "desk.db-journal").encode()) > LONGEST:
        raise path_too_long(folder)
    if on_network(folder):
        raise network_drive(folder)


def on_network(folder: Path, mounts: str | None = None) -> bool:
    """Whether a folder is on a network drive, as far as the system says. ``mounts``: the text of /proc/self/mountinfo."""
    if sys.platform == "win32":
        return _on_network_windows(str(folder))
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return False  # not Linux: the check for shared memory at the opening has to do
    return _file_system(folder.resolve(), mounts) in NETWORK


def _file_system(folder: Path, mounts: str) -> str:
    """The kind of the innermost mount that holds a folder."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _dash, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = Path(fields[4].encode("latin-1", "surrogateescape").decode("unicode_escape").encode("latin-1", "surrogateescape").decode("utf-8", "replace"))
        if (folder == point or point in folder.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split(" ")[0]
    return kind


def _on_network_windows(path: str) -> bool:
    plain = plain_path(path)
    if plain.startswith("\\\\"):
        return True
    import ctypes

    remote = 4
    return bool(ctypes.windll.kernel32.GetDriveTypeW(plain[:3]) == remote)  # type: ignore[attr-defined,unused-ignore]


def can_share(folder: Path) -> bool:
    """Whether a folder's file system can do what several programs on one database need: lock a file, and map it for all of them."""
    import mmap
    import sqlite3

    probe = folder / ".shared"
    try:
        with open(probe, "w+b") as file:
            file.write(bytes(mmap.PAGESIZE))
            file.flush()
            mmap.mmap(file.fileno(), mmap.PAGESIZE).close()
        connection = sqlite3.connect(probe.with_suffix(".db"))
        try:
            connection.execute("BEGIN EXCLUSIVE")
        finally:
            connection.close()
        return True
    except (OSError, ValueError, sqlite3.Error):
        return False
    finally:
        for one in (probe, probe.with_suffix(".db")):
            one.unlink(missing_ok=True)


def reachable(path: str) -> str:
    """A full Windows path, in the long form where it has to be."""
    return path if len(path) < LONG else long_path(path)


def long_path(path: str) -> str:
    """A full Windows path in the form that may be longer than 260 characters."""
    if path.startswith("\\\\?\\"):
        return path
    return "\\\\?\\UNC\\" + path[2:] if path.startswith("\\\\") else "\\\\?\\" + path


def plain_path(path: str) -> str:
    """The same path as people write it."""
    if path.startswith("\\\\?\\UNC\\"):
        return "\\\\" + path[8:]
    return path.removeprefix("\\\\?\\")
