"""Whether a leader's laptop may show the chapter: not once it was without contact for so long that its access has passed; the next contact opens it.

Asked at every start and by every command, so it needs nothing but one question to the database. (At a door the list itself goes: see ``door``.)
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from alumni_desk.errors import Refused
from alumni_desk.protocol.clock import wall_ms
from alumni_desk.store import driver
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.store.driver import Connection

_LEADING = ("leader", "admin")

_QUESTION = """SELECT json_extract(value, '$.role') AS role, json_extract(value, '$.until') AS until,
    (SELECT json_extract(value, '$.server_ms') + coalesce(json_extract(value, '$.ran_ms'), 0) FROM sync_state WHERE key = 'contact') AS known,
    (SELECT json_extract(value, '$.ahead_ms') FROM sync_state WHERE key = 'skew') AS ahead FROM sync_state WHERE key = 'membership'"""


def is_locked(connection: Connection) -> bool:
    """Whether it is over: by this laptop's clock, less what that was wrong by at the last contact, or by the time that has run since then, which no clock
    can be set back behind.
    """
    row = driver.row(connection, _QUESTION)
    if row is None:
        return False
    role, until, known, ahead = row
    if role not in _LEADING or until is None:
        return False
    return bool(max(wall_ms() - (ahead or 0), known or 0) >= datetime.fromisoformat(until).timestamp() * 1000)


def locked_words() -> str:
    """What to say then."""
    return _("This laptop was without contact with the server for so long that the chapter is locked on it. Nothing is lost: sync, and it goes on.")


def refuse_locked(connection: Connection) -> None:
    """Raise Refused ``access_locked`` where it is over."""
    if is_locked(connection):
        raise Refused("access_locked", locked_words())
