"""Until when a grant lasts: worked out anew each time it is asked for, so that it follows the gathering and the laptop's contacts.

Door: until 24 hours after the gathering's end. Leader: 60 days from the last contact, and never ending in the week around one of the chapter's
gatherings. Admin: without an end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import Grant

AFTER_THE_END = timedelta(hours=24)
WITHOUT_CONTACT = timedelta(days=60)
AROUND = timedelta(days=7)

_AN_EVENING = timedelta(hours=12)
"""How long a gathering of which nobody said when it ends may last."""
_STARTS = 16  # YYYY-MM-DDTHH:MM
_LONGEST = timedelta(days=31)


def lasting(connection: sa.Connection, tables: sa.MetaData, grant: Grant, now: int) -> Grant:
    """The grant with its end as it is at this contact."""
    if grant.role == "leader" and grant.until is None:
        return msgspec.structs.replace(grant, until=_said(_leaders_end(connection, tables, grant.scope, _moment(now))))
    return grant


def end_of(connection: sa.Connection, tables: sa.MetaData, grant: Any, scope: str, seen: int) -> int | None:
    """When the access of a row of ``grant`` ends, in milliseconds since 1970, for a laptop that was last seen then; None: without an end."""
    if grant.role != "door" and (grant.until is not None or grant.role == "admin"):
        return None if grant.until is None else int(grant.until)
    if grant.role == "leader":
        return round(_leaders_end(connection, tables, scope, _moment(seen)).timestamp() * 1000)
    table = tables.tables["gathering"]
    found = connection.execute(sa.select(table.c.starts, table.c.ends, table.c.time_zone).where(table.c.scope == scope, table.c.id == grant.gathering)).first()
    return grant.until if found is None else end_of_door(found, grant.until)


def end_of_door(gathering: Any, until: int | None = None) -> int | None:
    """When a door grant ends, in milliseconds since 1970, by the gathering's times; None while nobody has said when it is. ``until``: at the latest."""
    ends = _end(gathering)
    return min((at for at in (None if ends is None else round((ends + AFTER_THE_END).timestamp() * 1000), until) if at is not None), default=None)


def end_of_invitation(gathering: Any, wanted: int, now: int) -> int:
    """When an invitation to a door ends (milliseconds since 1970): with the gathering, with the access to its door where it has ended, or as wanted."""
    ends = _end(gathering)
    ahead = [] if ends is None else [at for end in (ends, ends + AFTER_THE_END) if (at := round(end.timestamp() * 1000)) > now]
    return min([wanted, *ahead[:1]])


def is_to_come(gathering: Mapping[str, Any], now: int) -> bool:
    """Whether a gathering has not ended, as far as is known."""
    ends = _end(SimpleNamespace(**{name: gathering[name] for name in ("starts", "ends", "time_zone")}))
    return ends is None or ends > _moment(now)


def is_over(grant: Grant, now: int) -> bool:
    """Whether a grant has ended."""
    return grant.until is not None and datetime.fromisoformat(grant.until).timestamp() * 1000 <= now


def _leaders_end(connection: sa.Connection, tables: sa.MetaData, scope: str, now: datetime) -> datetime:
    table = tables.tables["gathering"]
    until = (now + WITHOUT_CONTACT).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)  # so that it moves once a day
    early = (until - AROUND - _LONGEST).strftime("%Y-%m-%dT%H:%M")
    query = (sa.select(table.c.starts, table.c.ends, table.c.time_zone)
             .where(table.c.scope == scope, ~table.c.gone, table.c.starts >= early, sa.or_(table.c.status.is_(None), table.c.status != "cancelled"))
             .order_by(table.c.starts))
    for row in connection.execute(query):
        starts, ends = _local(row.starts, row.time_zone), _end(row)
        if starts is None or ends is None:
            continue
        if starts - AROUND > until:
            break
        if until < ends + AROUND:
            until = ends + AROUND
    return until


def _end(row: Any) -> datetime | None:
    ends, starts = _local(row.ends, row.time_zone), _local(row.starts, row.time_zone)
    if ends is not None and (starts is None or ends >= starts):
        return ends
    return None if starts is None else starts + _AN_EVENING


def _local(text: str | None, zone: str | None) -> datetime | None:
    """A wall time as gatherings keep it, in its time zone."""
    try:
        there = datetime.fromisoformat((text or "")[:_STARTS])
        return there.replace(tzinfo=_zone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _moment(now: int) -> datetime:
    return datetime.fromtimestamp(now / 1000, UTC)


def _said(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
