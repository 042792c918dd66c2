"""Files that somebody exported from a desk: not locked, so the desk remembers where they are, to say so and to help delete them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alumni_desk.errors import StoreProblem
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

NAME = "exports"
_KEPT = 200


@dataclass(frozen=True)
class Export:
    """A file that is still there; ``at``: when it was written, ISO 8601 UTC."""

    file: Path
    at: str


def note(desk: Desk, file: Path) -> str:
    """Remember that a file with people in it was written. Returns what is to be said if there is no room for that: the file itself is written."""
    kept = [one for one in desk.setting(NAME) or [] if one[0] != str(file.absolute())]
    try:
        desk.set_setting(NAME, [*kept, [str(file.absolute()), desk.now().isoformat(timespec="seconds").replace("+00:00", "Z")]][-_KEPT:])
    except StoreProblem as problem:
        if problem.code != "disk_full":
            raise
        return _("The disk of the chapter is full, so where this file lies is not remembered; delete it by hand once nobody needs it.")
    return ""


def exports(desk: Desk) -> list[Export]:
    """Those that are still where they were written, the newest first."""
    found = [Export(Path(file), at) for file, at in reversed(desk.setting(NAME) or [])]
    return [one for one in found if _is_there(one.file)]


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # its folder is closed, or the share away
        return False


def delete(files: list[Path]) -> list[Path]:
    """Delete these; returns those that stay because the system does not let us."""
    stay = []
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError:
            stay.append(file)
    return stay
