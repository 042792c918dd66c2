"""The fields of a gathering as people type them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from alumni_desk.errors import BadInput, about
from alumni_desk.gatherings.kinds import KINDS, MODES
from alumni_desk.words import _

TEXTS = ("name", "place", "address", "city", "online_link", "description")
FIELDS = (*TEXTS, "kind", "mode", "start", "end", "time_zone", "capacity")
LINE = 300
FIRST_YEAR, LAST_YEAR = 1900, 2999
"""No other year is meant; the server takes none that is far beyond, see ``protocol.forms``."""
AN_EVENING = timedelta(hours=12)
"""So long after its start a gathering is over whose end is before it."""

_WALL = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{1,2}):(\d{2})(?::00)?")


def wall_time(text: str) -> str:
    """A local wall time as it is kept, ``YYYY-MM-DDTHH:MM``. Raises BadInput."""
    found = _WALL.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        day, hour, minute = found.groups()
        read = datetime.fromisoformat(f"{day}T{int(hour):02d}:{minute}")
    except ValueError:
        raise BadInput("time", _("“{value}” is not a day and time. Type them like 2026-11-12 18:30."), value=text.strip()) from None
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        raise BadInput("time", _("The year {year} cannot be. Type one between {first} and {last}."), year=read.year, first=FIRST_YEAR, last=LAST_YEAR)
    return read.strftime("%Y-%m-%dT%H:%M")


def read_fields(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Typed fields (see ``FIELDS``) as the columns of a gathering; empty text becomes None. Raises BadInput for what cannot be used."""
    values: dict[str, Any] = {}
    for name, value in typed.items():
        if name not in FIELDS:
            raise BadInput("unknown_field", _("There is no field “{field}”. There are: {fields}."), field=name, fields=", ".join(FIELDS))
        with about(name):
            values[{"start": "starts", "end": "ends"}.get(name, name)] = _read(name, value.strip() if isinstance(value, str) else value)
    return values


def _read(name: str, text: Any) -> Any:
    if name == "capacity":
        return _capacity(text)
    if not text:
        return None
    if name in ("start", "end"):
        return wall_time(str(text))
    if name == "time_zone":
        from alumni_desk.members.chapter import zone

        return zone(str(text))
    if name in ("kind", "mode"):
        return _one_of(name, str(text).lower().replace("-", "_").replace(" ", "_"), KINDS if name == "kind" else MODES)
    return _text(name, str(text))


def is_crossed(starts: str | None, ends: str | None) -> bool:
    """Whether a gathering ends before it starts: two laptops that set one hour each, while apart, leave it like that."""
    return bool(starts and ends and ends < starts)


def crossed_words() -> str:
    """What is said of such a gathering where it is shown."""
    return _("It ends before it starts. Two people may have changed its hours apart. Set start and end again.")


def counted_end(starts: str | None, ends: str | None) -> str | None:
    """The end that is counted with; None if none is said."""
    if starts is None or not is_crossed(starts, ends):
        return ends
    try:
        return (datetime.fromisoformat(starts) + AN_EVENING).strftime("%Y-%m-%dT%H:%M")
    except (ValueError, OverflowError):
        return starts


def check_whole(values: Mapping[str, Any], *, hours: bool = True) -> None:
    """What must hold of a gathering as a whole. Raises BadInput. ``hours``: they are what is typed; an end that came to lie before the start hinders
    no other change."""
    if not values.get("name"):
        with about("name"):
            raise BadInput("gathering_name", _("A gathering needs a name. Nothing was saved."))
    starts, ends = values.get("starts"), values.get("ends")
    if not starts:
        with about("start"):
            raise BadInput("gathering_start", _("A gathering needs a day and time at which it starts. Nothing was saved."))
    if hours and ends and ends <= starts:
        with about("end"):
            raise BadInput("gathering_end", _("It would end ({end}) before it starts ({start}). Nothing was saved."), end=ends.replace("T", " "),
                           start=starts.replace("T", " "))


def check_hours(values: Mapping[str, Any]) -> None:
    """Whether the clocks of its zone show the hours at which it starts and ends. Raises BadInput for one that daylight saving leaves out."""
    from zoneinfo import ZoneInfo

    try:
        zone = ZoneInfo(values["time_zone"])
    except (KeyError, ValueError, OSError):
        return  # a zone that another laptop knows and this one does not
    for name, hour in (("start", values.get("starts")), ("end", values.get("ends"))):
        if not hour:
            continue
        if (shown := _on_the_clocks(hour, zone)) != hour:
            with about(name):
                raise BadInput("hour_left_out", _("There is no {hour} in {zone}: the clocks are put forward past it. Choose {next} or another time. Nothing "
                                                  "was saved."), hour=hour.replace("T", " "), zone=zone.key, next=shown.replace("T", " "))


def _on_the_clocks(hour: str, zone: tzinfo) -> str:
    """A wall time, or where the clocks of a zone leave it out, the one they show instead."""
    try:
        return datetime.fromisoformat(hour).replace(tzinfo=zone).astimezone(UTC).astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    except OverflowError:
        return hour  # at the ends of all years


def field_word(name: str) -> str:
    """A column of a gathering as people call it."""
    return {"name": _("Name"), "kind": _("Kind"), "mode": _("In person or online"), "place": _("Place"), "address": _("Address"), "city": _("City"),
            "online_link": _("Link"), "starts": _("Start"), "ends": _("End"), "time_zone": _("Time zone"), "capacity": _("Places"),
            "status": _("Status"), "cancelled_reason": _("Reason"), "description": _("Description")}.get(name, name)


def local_zone() -> str:
    """The time zone of this laptop by its IANA name; UTC if the system does not say."""
    from zoneinfo import ZoneInfo

    import tzlocal

    try:
        name = str(tzlocal.get_localzone_name() or "UTC")
        return ZoneInfo(name).key
    except (LookupError, ValueError, OSError):
        return "UTC"


def _capacity(value: Any) -> int | None:
    if value in (None, ""):
        return None
    text = str(value)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise BadInput("capacity", _("“{value}” is not a number of places. Type a whole number, or nothing if there is no limit."), value=text)
    return int(text)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise BadInput(name, _("“{value}” is not one of {allowed}."), value=value, allowed=", ".join(allowed))
    return value


def _text(name: str, text: str) -> str:
    if name == "description":
        return text
    cleaned = " ".join(text.split())
    if len(cleaned) > LINE:
        raise BadInput("too_long", _("“{field}” holds {limit} letters at most; this has {length}."), field=field_word(name), limit=LINE, length=len(cleaned))
    return cleaned
