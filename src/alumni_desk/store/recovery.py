"""The recovery key of a desk: made once, kept inside the encrypted database alone, and read back from paper now and then."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from alumni_desk.errors import Refused, StoreProblem
from alumni_desk.protocol import codes
from alumni_desk.store import keys
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.store.desk import Desk

SETTING, READ_BACK, BEGUN = "recovery_key", "recovery_read_back", "recovery_begun"
NEXT = "recovery_next"
"""A new key that takes the place of the one that holds once it was read back from paper, and not before: until then the old paper is the only one."""


class Standing(NamedTuple):
    """Whether there is a recovery key, when it was last read back from paper (ISO 8601 UTC), and whether a new one waits for that."""

    made: bool
    read_back: str | None
    replacing: bool = False


class Begun(NamedTuple):
    """How far somebody came who left before the paper was read back: the groups that are asked, which of them were right, and how the key was kept:
    "printed", "pdf" or "saved" (empty: not yet), when (ISO 8601 UTC) and in which file."""

    asked: tuple[int, int]
    right: tuple[int, ...] = ()
    how: str = ""
    at: str = ""
    file: str = ""


def recovery_key(desk: Desk) -> str:
    """The desk's recovery key; made the first time, the same ever after."""
    kept = desk.setting(SETTING)
    return str(kept) if kept else make_anew(desk)


def next_key(desk: Desk) -> str:
    """A new recovery key, the same until it was read back. Where the present one is on paper, that goes on to open everything until then."""
    if not desk.setting(READ_BACK):
        return make_anew(desk)
    made = str(desk.setting(NEXT) or codes.new_recovery_key())
    desk.set_setting(NEXT, made)
    return made


def make_anew(desk: Desk) -> str:
    """A new recovery key at once. The one before opens nothing any more but older backups."""
    made = codes.new_recovery_key()
    _replace(desk, made)
    return made


def _replace(desk: Desk, made: str) -> None:
    # The database first: should the program end between the two, the next opening makes the box (``keep_in_step``).
    desk.set_setting(SETTING, made)
    desk.set_setting(READ_BACK, None)
    desk.set_setting(BEGUN, None)
    keys.keep_for_recovery(desk.profile.path, "desk", desk.key, made)
    desk.set_setting(NEXT, None)


def standing(desk: Desk) -> Standing:
    """How it stands with the recovery key."""
    return Standing(bool(desk.setting(SETTING)), desk.setting(READ_BACK), bool(desk.setting(NEXT)))


def note_read_back(desk: Desk, key: str | None = None) -> None:
    """Somebody has read two groups back from the paper: it exists. ``key``: which is on it; a new one takes the old one's place now. Raises Refused
    ``recovery_replaced`` where it opens nothing any more."""
    if key is not None and key == desk.setting(NEXT):
        _replace(desk, key)
    elif key is not None and key != desk.setting(SETTING):
        raise Refused("recovery_replaced", _("This paper opens nothing: another key took its place meanwhile. Destroy it, then print the new one in the "
                                             "settings, under Security."))
    desk.set_setting(READ_BACK, datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
    desk.set_setting(BEGUN, None)


def begun(desk: Desk) -> Begun | None:
    """How far the first reading back came; None: not begun, or done. A later check of the paper begins anew."""
    kept = desk.setting(BEGUN)
    if not kept or desk.setting(READ_BACK):
        return None
    first, second = kept["asked"]
    return Begun((first, second), tuple(kept["right"]), kept["how"], kept["at"], kept["file"])


def note_begun(desk: Desk, so_far: Begun) -> None:
    """Go on from here the next time."""
    desk.set_setting(BEGUN, so_far._asdict())


def keep_in_step(desk: Desk) -> None:
    """The key file follows the database, which is what prints the key: after a restore it may hold another one, or none."""
    kept = desk.setting(SETTING)
    if not kept:
        return
    box = keys.recovery_box(desk.profile.path, "desk")
    try:
        good = box is not None and keys.unseal_with_recovery(box, str(kept)) == desk.key
    except StoreProblem:
        good = False
    if good:
        return
    if box is not None:
        desk.set_setting(READ_BACK, None)  # the paper that was read back may be of the other one
        desk.set_setting(BEGUN, None)
    keys.keep_for_recovery(desk.profile.path, "desk", desk.key, str(kept))
