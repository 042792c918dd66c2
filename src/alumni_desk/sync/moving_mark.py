"""The mark beside a kept server's database while its chapter moves away: from then on that server answers nobody but the laptop that keeps it.

It is made before that laptop fetches for the last time, so that whatever the server said to have taken goes along; and it outlives whoever was killed
in the middle: only the desk can say whether the chapter has moved by then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from alumni_desk.store.profile import locked, private

NAME = "server-moving.json"
_LOCK = "server-moving.lock"


class Mark(msgspec.Struct, frozen=True):
    """``device``: who may still ask."""

    device: str


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Hold the lock of whoever moves the chapter; gives False where another program does."""
    with open(folder / _LOCK, "a+b", opener=private) as handle:
        yield locked(handle.fileno())


@contextmanager
def moving(folder: Path, device: str) -> Iterator[bool]:
    """Make the mark, and hold it while the chapter moves; gives False where another program is at that. The caller takes it away again."""
    with alone(folder) as held:
        if not held:
            yield False
            return
        part = folder / f"{NAME}.part"
        with open(part, "wb", opener=private) as stream:
            stream.write(msgspec.json.encode(Mark(device)))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, folder / NAME)
        yield True


def read(folder: Path) -> Mark | None:
    """What stands there; one that cannot be read lets nobody ask."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Mark)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError):
        return Mark("")


def stands(folder: Path) -> bool:
    """Whether there is one."""
    return (folder / NAME).exists()


def take_away(folder: Path) -> None:
    """The chapter stays after all."""
    (folder / NAME).unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Nothing is left of the server, and nothing shall be left of this."""
    take_away(folder)
    with suppress(PermissionError):  # Windows deletes no file that whoever moves still holds: it is empty
        (folder / _LOCK).unlink(missing_ok=True)


def is_left_behind(folder: Path) -> bool:
    """Whether one stands there and whoever made it has ended."""
    return stands(folder) and not is_held(folder)


def is_held(folder: Path) -> bool:
    """Whether a program moves the chapter at this moment."""
    if not (folder / _LOCK).exists():
        return False
    with alone(folder) as free:
        return not free
