"""A chapter on a disk that can only be read now: what is on it is copied beside where a backup is to go, as it lies, and opened there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from alumni_desk.errors import BadInput
from alumni_desk.store import disk
from alumni_desk.store.profile import Profile
from alumni_desk.words import _

_LEFT = (".lock", "-shm")
"""Ends of files that are for programs that share the folder."""


@contextmanager
def to_be_read(profile: Profile, out: Path) -> Iterator[Profile]:
    """The profile; where its disk can only be read, a copy of it beside ``out`` that goes again, as sealed as it is. Raises BadInput if there is no place."""
    if not profile.exists or not disk.can_only_be_read(profile.path):
        yield profile
        return
    beside = out.absolute().parent
    try:
        folder = TemporaryDirectory(prefix=".alumni-desk-", dir=beside)
    except OSError as error:
        raise BadInput("no_folder", _("{folder} cannot be written ({reason}). Choose a folder on another disk."), folder=beside,
                       reason=error.strerror or type(error).__name__) from None
    with folder as copied:
        with disk.chapters_files(profile.path):
            for one in (*profile.path.glob("desk.*"), profile.path / "erased.json"):
                if one.is_file() and not one.name.endswith(_LEFT):
                    shutil.copyfile(one, Path(copied) / one.name)
        yield Profile(Path(copied))
