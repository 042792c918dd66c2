"""Whether a leader's laptop may show the chapter: not once it was without contact for so long that its access has passed; the next contact opens it.

Asked at every start and by every command, so it needs nothing but one question to the database. (At a door the list itself goes: see ``door``.)
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from alumni_desk.errors import Refused
from alumni_desk.protocol.clock import wall_ms
from alumni_desk.words import _

_LEADING = ("leader", "admin")

_QUESTION = """SELECT json_extract(value, '$.role') AS role, json_extract(value, '$.until') AS until,
    (SELECT json_extract(value, '$.server_ms') + coalesce(json_extract(value, '$.ran_ms'), 0) FROM sync_state WHERE key = 'contact') AS known,
    (SELECT json_extract(value, '$.ahead_ms') FROM sync_state WHERE key = 'skew') AS ahead FROM sync_state WHERE key = 'membership'"""


def is_locked(connection: sa.Connection) -> bool:
    """Whether it is over: by this laptop's clock, less what that was wrong by at the last contact, or by the time that has run since then, which no clock
    can be set back behind.
    """
    row = connection.exec_driver_sql(_QUESTION).first()
    if row is None or row.role not in _LEADING or row.until is None:
        return False
    until = datetime.fromisoformat(row.until).timestamp() * 1000
    return max(wall_ms() - (row.ahead or 0), row.known or 0) >= until


def locked_words() -> str:
    """What to say then."""
    return _("This laptop was without contact with the server for so long that the chapter is locked on it. Nothing is lost: sync, and it goes on.")


def refuse_locked(connection: sa.Connection) -> None:
    """Raise Refused ``access_locked`` where it is over."""
    if is_locked(connection):
        raise Refused("access_locked", locked_words())
