"""Whether this laptop keeps its chapter for the others, as it remembers it: the server is then one of its own, on its own disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from alumni_desk.store import driver
from alumni_desk.sync import state

if TYPE_CHECKING:
    from alumni_desk.store.driver import Connection

NAME = "keeps_chapter"
PARTED = "parted"
"""What a laptop says to its own server once the chapter is at another one."""


class Keeps(msgspec.Struct, frozen=True):
    """Kept in the desk's settings: the port that it is served at, and the key of the server's database in hexadecimal. ``instead_of``: the server
    whose place it takes; as long as that is the one joined, it is not done. ``former``: the port that the other laptops were told before, where it is
    another one ``since`` then (UTC, ISO 8601)."""

    port: int
    key: str
    instead_of: str = ""
    former: int = 0
    since: str = ""


def noted(connection: Connection) -> Keeps | None:
    """What is noted, whether it is so, was so or was to be so."""
    found = driver.row(connection, "SELECT value FROM setting WHERE key = ?", (NAME,))
    return None if found is None else msgspec.convert(json.loads(found[0]), Keeps)


def kept_here(connection: Connection) -> Keeps | None:
    """What it keeps it with; None if it does not."""
    kept = noted(connection)
    if kept is None:
        return None
    membership = state.read(connection, state.Membership)
    if membership is not None and not membership.url.endswith(f"://127.0.0.1:{kept.port}"):
        return None  # it has moved to an office, and was ended before it noted that it keeps the chapter no more
    if membership is not None and membership.server == kept.instead_of:
        return None  # it was ended before it had the place of that one
    if state.read(connection, state.Elsewhere) is not None:
        return None  # another computer did, of whose backup this is: its server is not here
    return kept


def kept_elsewhere(connection: Connection) -> bool:
    """Whether this desk comes from the backup of another computer that had the server on it."""
    membership, kept = state.read(connection, state.Membership), noted(connection)
    return (membership is not None and kept is not None and state.read(connection, state.Elsewhere) is not None
            and membership.url.endswith(f"://127.0.0.1:{kept.port}"))
