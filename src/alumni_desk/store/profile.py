"""The folder that holds one person's desk: database, key file, settings of the window."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from alumni_desk.errors import StoreProblem
from alumni_desk.store import disk
from alumni_desk.words import _

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True)
class Profile:
    """A folder of its own for one desk."""

    path: Path

    def __post_init__(self) -> None:
        if sys.platform == "win32":
            object.__setattr__(self, "path", Path(disk.reachable(str(self.path.absolute()))))

    @property
    def database(self) -> Path:
        """The encrypted database."""
        return self.path / "desk.db"

    @property
    def exists(self) -> bool:
        """Whether a desk was ever opened here."""
        return self.database.exists()

    def create(self) -> None:
        """Make the folder, for this user alone.

        Raises StoreProblem if it cannot be made or written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe = self.path / ".writable"
            probe.touch(mode=0o600)
            probe.unlink(missing_ok=True)
        except OSError as error:
            if error.errno in disk.FULL:
                raise disk.disk_full() from None
            if error.errno == errno.EROFS and disk.can_only_be_read(self.path) and self.exists:
                raise StoreProblem("profile_folder", _(
                    "The disk with {folder} can only be read now, so nothing can be saved there. “alumni-desk backup FILE” still writes all that is on it to "
                    "another disk, to be restored in another folder with --profile."), folder=self.path) from None
            raise StoreProblem("profile_folder", _(
                "The folder {folder} cannot be written ({reason}). Choose another with --profile, or ask for the right to write there."),
                folder=self.path, reason=error.strerror or type(error).__name__) from None


def default_profile() -> Profile:
    """The profile used when none is named: the system's place for a program's data."""
    from platformdirs import user_data_path

    return Profile(user_data_path("alumni-desk", appauthor=False) / "desk")


def private(path: str, flags: int) -> int:
    """An opener of ``open``: what is made is for this user alone."""
    return os.open(path, flags, 0o600)


def _lock_file(path: Path) -> BinaryIO:
    try:
        return open(path, "a+b", opener=private)
    except OSError:
        if path.is_dir():
            raise StoreProblem("lock_is_folder", _("{path} is a folder, and the program needs a file of that name. Move the folder away, then try again."),
                               path=path) from None
        raise


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One program at a time inside, by a lock on a file; waits for the other."""
    with _lock_file(path) as handle:
        _lock(handle.fileno())
        yield  # closing the file ends the lock


@contextmanager
def if_free(path: Path) -> Iterator[bool]:
    """The same without waiting: whether no other program is inside, and then none comes in meanwhile."""
    with _lock_file(path) as handle:
        yield locked(handle.fileno())


class Turns:
    """The same again and again, by a file that stays open. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._one = threading.Lock()
        self._handle: BinaryIO | None = None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One thread of one program at a time inside."""
        with self._one:
            if self._handle is None:
                self._handle = _lock_file(self._path)
            _lock(self._handle.fileno())
            try:
                yield
            finally:
                _unlock(self._handle.fileno())

    def close(self) -> None:
        """Close the file; the next turn opens it again."""
        with self._one:
            if self._handle is not None:
                self._handle.close()
                self._handle = None


if sys.platform == "win32":
    def _lock(file: int) -> None:
        import msvcrt

        os.lseek(file, 0, os.SEEK_SET)
        while True:
            try:
                msvcrt.locking(file, msvcrt.LK_LOCK, 1)
                return
            except OSError:  # LK_LOCK gives up after ten seconds; the other program still works
                continue

    def locked(file: int) -> bool:
        """Lock an open file, if no other program has; it stays so until the file is closed."""
        import msvcrt

        os.lseek(file, 0, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: int) -> None:
        import msvcrt

        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)
else:
    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)

    def locked(file: int) -> bool:
        """Lock an open file, if no other program has; it stays so until the file is closed."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks; opening refuses it
        return True

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


def computer_name() -> str:
    """What this computer is called; empty if nobody has named it."""
    if sys.platform == "win32":
        import socket

        return socket.gethostname()
    return os.uname().nodename
