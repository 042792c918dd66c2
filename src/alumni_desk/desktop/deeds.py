"""What can be done, as the palette lists it and Settings offers it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from alumni_desk.desktop.dates import local
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.segments.activity import Deed as Done
    from alumni_desk.store.backup_head import Backup


def _always() -> bool:
    return True


class Deed(NamedTuple):
    """Something that can be done: ``key`` names it for the program. ``can`` tells whether it can be done now; else it is not offered.

    Without a key it is of one line of a list: it is found by its words alone, and not remembered, for there is a name in it.

    ``also``: other words that people type when they mean it. ``asks`` tells the same as ``can`` where the chapter has to be read for it, off the screen.
    ``apart``: it is of no page, though one offers it: it is done where one is, and its keys hold everywhere.
    """

    key: str
    icon: str
    words: str
    act: Callable[[], Any]
    keys: str = ""
    can: Callable[[], bool] = _always
    also: str = ""
    asks: Callable[[], bool] | None = None
    apart: bool = False


class Deeds(NamedTuple):
    """What Settings can do beyond its own fields; wired in ``app``. What cannot be done here is None and left out."""

    back_up: Callable[[], None] | None = None
    restore: Callable[[], None] | None = None
    show_help: Callable[[], None] | None = None
    restore_it: Callable[[Backup], None] | None = None
    erase: Callable[[], None] | None = None


class About(NamedTuple):
    """Facts that Settings shows."""

    version: str
    folder: Path
    log: Path


def second_line(deed: Done) -> str:
    """Who, on which laptop where that is known (what a backup of another laptop brought may be of any), and whether it was undone."""
    who = [deed.who or "", deed.device or ""]
    if deed.state == "undone" and deed.undone_at:
        who.append(_("undone at {time}").format(time=f"{local(deed.undone_at):%H:%M}"))
    return " · ".join(part for part in who if part)
