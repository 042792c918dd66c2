"""What SQLite and SQLCipher say of disk and file, as sentences."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alumni_desk.errors import BadInput, KnownError, StoreProblem
from alumni_desk.store import disk, driver
from alumni_desk.store.synced import TOO_LARGE
from alumni_desk.words import _, ngettext

log = logging.getLogger(__name__)


def changes_lost(count: int) -> StoreProblem:
    """The database opens, and what was saved last is not in it."""
    return StoreProblem("changes_lost", ngettext(
        "The last thing that was saved is missing from the chapter’s database: its log was damaged or taken away. Nothing was opened. "
        "Restore with what was kept beside it (in the window, or: restore --salvage).",
        "The last {count} things that were saved are missing from the chapter’s database: its log was damaged or taken away. Nothing was opened. "
        "Restore with what was kept beside it (in the window, or: restore --salvage).", count), count=count)


@contextmanager
def translated(folder: Path, *, opened: bool = False) -> Iterator[None]:
    """What SQLite says of disk and file, as a sentence; everything else is a fault of the program and stays one. ``opened``: of a desk that is open."""
    try:
        yield
    except Exception as error:
        said = driver.said(error)
        known = store_problem(said, folder) if said is not None else None
        if known is None:
            raise
        if opened and (gone := emptied(folder)) is not None:
            raise gone from None
        if not isinstance(known, BadInput):
            log.warning("the database said: %s (%s)", known.code, driver.kind_of(error))
        if opened and known.code == "database_damaged":
            raise part_damaged(known.code) from None
        raise known from None


def emptied(folder: Path) -> KnownError | None:
    """That a command beside this program emptied the laptop, if that is why nothing is read or saved: the disk is well."""
    from alumni_desk.store import removal
    from alumni_desk.store.profile import Profile

    found = removal.removed(Profile(folder))
    return None if found is None else found.error


@contextmanager
def disk_said(folder: Path | None = None) -> Iterator[None]:
    """What the disk does while files are copied, as a sentence."""
    import sqlcipher3.dbapi2 as sqlcipher

    try:
        yield
    except OSError as error:
        import errno

        known = store_problem("disk is full") if error.errno in (errno.ENOSPC, errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC) else None
        raise known or StoreProblem("backup_file", _("The file cannot be written ({reason}). Choose another folder."),
                                    reason=error.strerror or type(error).__name__) from None
    except sqlcipher.DatabaseError as error:
        known = store_problem(str(error), folder)
        if known is None:
            raise
        raise known from None


def store_problem(said: str, folder: Path | None = None) -> KnownError | None:
    """The sentence for what SQLite or SQLCipher said of a database in a folder; None if it is not about the world."""
    text = said.lower()
    return next((problem(folder) for words_of_it, problem in _PROBLEMS if any(one in text for one in words_of_it)), None)


def database_damaged(folder: Path | None = None) -> StoreProblem:
    """The sentence for a database that cannot be trusted."""
    return StoreProblem("database_damaged", _(
        "The chapter’s database is damaged or belongs to another key, so it was not opened. Restore a backup; leave the file where it is."))


def database_gone(folder: Path) -> StoreProblem:
    """The sentence for a key, or more, beside which a chapter's database must have been."""
    return StoreProblem("database_gone", _(
        "The chapter’s database (desk.db) is no longer in {folder}, where its key still is. No new chapter was begun there. Put the file back, or restore a "
        "backup (in the window, or: restore FILE; restore --salvage takes the newest that is known here). To begin anew, choose another folder with "
        "--profile."), folder=folder)


def part_damaged(code: str = "part_damaged") -> StoreProblem:
    """The sentence for damage in an open database: that somebody came upon (``database_damaged``), or that was found when all of it was read."""
    return StoreProblem(code, _(
        "A part of the chapter’s database is damaged and cannot be read any more, so something may be missing from what you see. Go back to a backup now: "
        "what was changed since comes back from the copy of what waits. Then look at the disk: it may be failing."))


def part_missing() -> StoreProblem:
    """The sentence where a table is not there: another program took it out, or a repair of the file did."""
    return StoreProblem("database_part_missing", _(
        "A part of the chapter’s database is missing: another program took it out, or a repair of the file lost it. Restore a backup; leave the file where "
        "it is."))


def busy(folder: Path | None = None) -> StoreProblem:
    return StoreProblem("database_busy", _(
        "Another program has been writing to this chapter for a long time, so nothing of this was saved. Wait for it to end, then do it again."))


def _failed(folder: Path | None) -> StoreProblem:
    """Of some calls that find no room SQLite says only that they failed."""
    return disk.disk_full() if folder is not None and disk.is_full(folder) else disk.disk_trouble()


def _too_large(folder: Path | None) -> KnownError:
    return BadInput("row_too_large", _(
        "The texts of one record are longer than 256 KB together, so nothing of this was saved. Shorten the longest, or keep it in a file elsewhere "
        "and write down where."))


_PROBLEMS: Sequence[tuple[tuple[str, ...], Callable[[Path | None], KnownError]]] = (
    ((TOO_LARGE,), _too_large),
    (("locking protocol",), lambda folder: disk.network_drive(folder or Path())),
    (("locked", "busy"), busy),
    (("disk is full",), lambda folder: disk.disk_full()),
    (("readonly", "read-only"), lambda folder: disk.read_only()),
    (("file is not a database", "malformed", "hmac check", "vtable constructor failed"), database_damaged),
    (("disk i/o", "unable to open"), _failed),
    (("no such table",), lambda folder: part_missing()),
)
