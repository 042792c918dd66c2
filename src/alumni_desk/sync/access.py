"""Whether a laptop may show the chapter: not once its access has passed, as far as it can know without the server; the next contact opens it again.

A leader's passes 60 days after the last contact; a door's a day after its gathering. Asked at every start and by every command, so it needs nothing but
one question to the database. (A door whose time the server or this program itself has seen pass keeps no list at all: see ``door``.)
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

_QUESTION = """SELECT json_extract(value, '$.role') AS role, json_extract(value, '$.until') AS until,
    (SELECT json_extract(value, '$.server_ms') + coalesce(json_extract(value, '$.ran_ms'), 0) FROM sync_state WHERE key = 'contact') AS known,
    (SELECT json_extract(value, '$.ahead_ms') FROM sync_state WHERE key = 'skew') AS ahead,
    (SELECT name FROM gathering WHERE id = json_extract(value, '$.gathering')) AS gathering FROM sync_state
    WHERE key = 'membership' AND NOT EXISTS (SELECT 1 FROM sync_state WHERE key = 'ended')"""


_ROLE = """SELECT json_extract(value, '$.role'), (SELECT name FROM gathering WHERE id = json_extract(value, '$.gathering')) FROM sync_state
    WHERE key = 'membership'"""


def is_locked(connection: Connection) -> bool:
    """Whether a leader's is over."""
    over = _over(connection)
    return over is not None and over[0] != "door"


def is_late(connection: Connection) -> bool:
    """Whether a door's is over by this laptop's clock, which may be wrong: then nothing is shown, and nothing goes, until the server was heard."""
    over = _over(connection)
    return over is not None and over[0] == "door"


def _over(connection: Connection) -> tuple[str, str | None] | None:
    """Whose access has passed, by role, and the gathering's name; None while it lasts."""
    row = driver.row(connection, _QUESTION)
    if row is None or row[1] is None:
        return None
    role, until, known, ahead, gathering = row
    return (role, gathering) if _likely_now(wall_ms(), known or 0, ahead or 0) >= datetime.fromisoformat(until).timestamp() * 1000 else None


def _likely_now(wall: int, known: int, ahead: int) -> int:
    """The time, in milliseconds since 1970: never before ``known``, the server's last word and what has run since, which no clock can be set back behind.

    The clock was wrong by ``ahead`` at that word. Somebody may have set it right since, so the earlier of both readings counts that can be true: a clock
    that was mended locks nobody out.
    """
    return min((one for one in (wall, wall - ahead) if one >= known), default=known)


def locked_words() -> str:
    """What to say of a leader's."""
    return _("This laptop was without contact with the server for so long that the chapter is locked on it. Nothing is lost: sync, and it goes on.")


def late_words(gathering: str | None) -> str:
    """What to say of a door's."""
    return _("By this laptop’s clock its time at the door of {gathering} is over. If the clock is wrong, set it right and it goes on; if not, sync: the "
             "server knows.").format(gathering=gathering or _("the gathering"))


def has_ended(connection: Connection) -> bool:
    """Whether its time at a door is over for sure, and with it the list is gone from this laptop."""
    return driver.row(connection, "SELECT 1 FROM sync_state WHERE key = 'ended'") is not None


def refuse_locked(connection: Connection) -> None:
    """Raise Refused ``access_locked`` where it is over."""
    over = _over(connection)
    if over is not None:
        raise Refused("access_locked", late_words(over[1]) if over[0] == "door" else locked_words())


def refuse_at_door(connection: Connection) -> None:
    """Raise Refused ``leaders_alone`` on a laptop that has the door of a gathering and no more."""
    row = driver.row(connection, _ROLE)
    if row is not None and row[0] == "door":
        raise Refused("leaders_alone", _("This laptop has the door of {gathering} and no more. A leader’s laptop does that.").format(
            gathering=row[1] or _("the gathering")))
