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


class Keeps(msgspec.Struct, frozen=True):
    """Kept in the desk's settings: the port that the other laptops know, and the key of the server's database in hexadecimal."""

    port: int
    key: str


def kept_here(connection: Connection) -> Keeps | None:
    """What it keeps it with; None if it does not."""
    found = driver.row(connection, "SELECT value FROM setting WHERE key = ?", (NAME,))
    if found is None:
        return None
    kept = msgspec.convert(json.loads(found[0]), Keeps)
    membership = state.read(connection, state.Membership)
    if membership is not None and not membership.url.endswith(f"://127.0.0.1:{kept.port}"):
        return None  # it has moved to an office, and was ended before it noted that it keeps the chapter no more
    return kept
