"""The window of a laptop at the door of one gathering: check-in, sync and settings, for there is nothing else that it may see. And of a leader's that was
without contact for too long: sync, until the server was heard.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from alumni_desk.store import at_door, driver
from alumni_desk.store.desk import Desk

PAGES = frozenset({"checkin", "sync", "settings"})
"""The pages that somebody at a door has a use for."""


LOCKED = frozenset({"sync"})


class Named(Protocol):
    """A page, or one that is still to be built."""

    @property
    def name(self) -> str: ...


P = TypeVar("P", bound=Named)


def is_at_door(desk: Desk) -> bool:
    """Whether this laptop has the door of one gathering and no more."""
    with desk.asking() as connection:  # and not ``state.read``: the window asks before it knows whether it needs anything of the sync
        return at_door.is_at_door(connection)


def is_locked(desk: Desk) -> bool:
    """Whether this is a leader's laptop that was without contact for too long."""
    with desk.asking() as connection:
        if driver.row(connection, "SELECT 1 FROM sync_state WHERE key = 'membership' AND value ->> 'until' IS NOT NULL") is None:
            return False
        from alumni_desk.sync import access

        return access.is_locked(connection)


def allowed_pages(*, at_door: bool, locked: bool) -> frozenset[str] | None:
    """The pages that are of use here; None: all of them."""
    return LOCKED if locked else PAGES if at_door else None


def for_whom(pages: Iterable[P], *, at_door: bool, locked: bool = False) -> list[P]:
    """Of a window's pages those that are of use here."""
    allowed = allowed_pages(at_door=at_door, locked=locked)
    return [page for page in pages if allowed is None or page.name in allowed]
