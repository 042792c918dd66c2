"""Backups that are being made, and what is left of those that were cut off: the lock beside each says which of the two its files are.

A stick was pulled out, or the program was killed: what is left holds the whole chapter, takes as much room and is no backup that anybody sees.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alumni_desk.errors import StoreProblem
from alumni_desk.store.backup_head import ENDING
from alumni_desk.store.disk import gone_after, on_network, with_logs
from alumni_desk.store.profile import locked, private
from alumni_desk.words import _

log = logging.getLogger(__name__)

UNDER_WAY = ".under-way"
"""What the name of a backup's lock ends in: an empty file that is there from before anything else is written until after all of that is gone."""

NETWORK_WAIT = 3_600
"""Seconds without a change after which a file on a network drive counts as left behind: a lock of another computer may not be seen there."""


@contextmanager
def under_way(out: Path) -> Iterator[Path]:
    """Around the making of a backup: where the copy of the database goes. That and its like are gone at the end, whatever happens.

    Raises StoreProblem ``backup_under_way`` where another program is making one of this name.
    """
    lock = _lock_of(out)
    while True:
        with open(lock, "ab", opener=private) as handle:
            if not locked(handle.fileno()):
                raise StoreProblem("backup_under_way", _("{file} is just being written by another program, so this backup was not made. Wait for that one, or "
                                                         "give this one another name."), file=out)
            if not lock.exists():  # taken for left behind between these two lines: once more
                continue
            try:
                with gone_after(*_files_of(out)):
                    yield _copy_of(out)
            finally:
                _unlink_open(lock)
        _unlink_closed(lock)
        return


def clear(folder: Path) -> None:
    """Delete what backups that were cut off left in a folder. One that is being made, by whomever, keeps its own."""
    shared = on_network(folder)
    for out in _outs(folder):
        if shared and _changed_within(out, NETWORK_WAIT):
            continue
        try:
            handle = open(_lock_of(out), "r+b")  # noqa: SIM115  there may be none
        except FileNotFoundError:  # one of before there were locks
            for one in _files_of(out):
                deleted(one)
            continue
        except OSError as error:
            log.info("what a backup left stays: %s", error.strerror)
            continue
        with handle:
            if not locked(handle.fileno()):
                continue
            stay = [one for one in _files_of(out) if not deleted(one)]
            if not stay and sys.platform != "win32":
                deleted(_lock_of(out))
        if not stay:
            _unlink_closed(_lock_of(out))


def is_begun(out: Path) -> bool:
    """Whether a backup of this name is being made, or was cut off."""
    return any(one.exists() for one in (*_files_of(out), _lock_of(out)))


def left_behind(folder: Path) -> list[Path]:
    """What backups that were cut off left in a folder, and what those that are being made have written of the chapter so far."""
    return [one for out in _outs(folder) for one in _files_of(out) if one.exists()]


def deleted(file: Path, *, quietly: bool = False) -> bool:
    """Delete a backup, or what is left of one. Whether it is gone: a file may stay though its folder can be written. ``quietly``: that was said before."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        log.log(logging.DEBUG if quietly else logging.WARNING, "an old backup stays: %s", error.strerror)
        return False
    return True


def _outs(folder: Path) -> list[Path]:
    """The backups that something there was written for. By their locks, whatever they are called; without one, by our own ending."""
    names = [one.name.removesuffix(UNDER_WAY) for one in folder.glob(f"*{UNDER_WAY}")]
    names += [one.name[:one.name.rindex(ENDING) + len(ENDING)] for end in (".part", ".copy*") for one in folder.glob(f"*{ENDING}{end}")]
    return [folder / one for one in dict.fromkeys(names)]


def _files_of(out: Path) -> list[Path]:
    return [out.with_name(out.name + ".part"), *with_logs(_copy_of(out))]


def _copy_of(out: Path) -> Path:
    return out.with_name(out.name + ".copy")


def _lock_of(out: Path) -> Path:
    return out.with_name(out.name + UNDER_WAY)


def _changed_within(out: Path, seconds: int) -> bool:
    try:
        return any(time.time() - one.stat().st_mtime < seconds for one in (*_files_of(out), _lock_of(out)) if one.exists())
    except OSError:  # gone meanwhile: somebody is at it
        return True


# The lock goes while it is held, so that nobody deletes another's; Windows deletes no file that is open, and keeps one that another has open.
def _unlink_open(lock: Path) -> None:
    if sys.platform != "win32":
        lock.unlink(missing_ok=True)


def _unlink_closed(lock: Path) -> None:
    if sys.platform == "win32":
        with suppress(PermissionError):
            lock.unlink(missing_ok=True)
