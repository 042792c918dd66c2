"""A chapter on a disk that can only be read now: what is on it is copied to another disk, as it lies, and opened there, for a backup or to be looked at."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from alumni_desk.errors import BadInput, StoreProblem
from alumni_desk.store import disk
from alumni_desk.store.profile import Profile
from alumni_desk.store.troubles import busy
from alumni_desk.words import _

_LEFT = (".lock", "-shm")
"""Ends of files that are for programs that share the folder."""
_PREFIX, _TRIES = ".alumni-desk-", 5


@contextmanager
def to_be_read(profile: Profile, out: Path) -> Iterator[Profile]:
    """The profile; where its disk can only be read, a copy of it beside ``out`` that goes again, as sealed as it is. Raises BadInput if there is no place."""
    if not _only_to_be_read(profile):
        yield profile
        return
    beside = out.absolute().parent
    try:
        folder = TemporaryDirectory(prefix=_PREFIX, dir=beside)
    except OSError as error:
        raise BadInput("no_folder", _("{folder} cannot be written ({reason}). Choose a folder on another disk."), folder=beside,
                       reason=error.strerror or type(error).__name__) from None
    with folder as copied:
        yield _copied(profile, Path(copied))


@contextmanager
def to_be_looked_at(profile: Profile) -> Iterator[Profile]:
    """The same for what only reads, with the copy where the system keeps what lasts a moment; the profile itself where there is no room for it."""
    if not _only_to_be_read(profile):
        yield profile
        return
    with ExitStack() as stack:
        try:
            copied = _copied(profile, Path(stack.enter_context(TemporaryDirectory(prefix=_PREFIX))))
        except (OSError, StoreProblem):
            copied = profile  # which says that it cannot be opened
        yield copied


def _only_to_be_read(profile: Profile) -> bool:
    """Whether there is a chapter on a disk that takes nothing any more. Raises Refused where this laptop's access ended: nothing there can be deleted now,
    and nothing is shown."""
    if not profile.exists or not disk.can_only_be_read(profile.path):
        return False
    if (profile.path / "removed.json").exists():
        from alumni_desk.store import removal

        if (ended := removal.removed(profile)) is not None:
            raise ended.error
    return True


def _copied(profile: Profile, to: Path) -> Profile:
    """Copy a chapter's files; anew where they changed meanwhile: what can only be read here may be written by another computer, or out of a container."""
    with disk.chapters_files(profile.path):
        for _try in range(_TRIES):
            before = _as_they_are(profile)
            for one in before:
                shutil.copyfile(one, to / one.name)
            if _as_they_are(profile) == before:
                return Profile(to)
    raise busy()


def _as_they_are(profile: Profile) -> dict[Path, tuple[int, int]]:
    files = [one for one in (*profile.path.glob("desk.*"), profile.path / "erased.json") if one.is_file() and not one.name.endswith(_LEFT)]
    return {one: (there.st_size, there.st_mtime_ns) for one in files for there in (one.stat(),)}
