"""What the chapter itself is called: its name and university, which stand on badges, rosters and invitations, and its time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alumni_desk.errors import BadInput, about
from alumni_desk.protocol.values import NAME_LETTERS
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk, unnamed
from alumni_desk.store.meanwhile import refuse_unseen
from alumni_desk.store.writing import Changed
from alumni_desk.words import _


@dataclass(frozen=True)
class Chapter:
    """The chapter of a desk; ``time_zone`` by its IANA name."""

    name: str = ""
    university: str = ""
    time_zone: str = ""
    sample: bool = False


@dataclass(frozen=True)
class Saved:
    """The chapter as it is after a change; ``changed`` is empty where it was so already."""

    chapter: Chapter
    changed: Changed


def chapter(desk: Desk) -> Chapter:
    """The desk's chapter; without anything where there is none yet."""
    with desk.asking() as connection:
        row = driver.row(connection, "SELECT name, university, time_zone, sample FROM chapter WHERE NOT gone LIMIT 1")
    return Chapter() if row is None else Chapter(row[0] or "", row[1] or "", row[2] or "", bool(row[3]))


def change_chapter(desk: Desk, *, name: str | None = None, university: str | None = None, time_zone: str | None = None,
                   opened: Mapping[str, Any] | None = None) -> Saved:  # fmt: skip
    """Call the chapter something else; None leaves as it is, an empty university or time zone clears. Where there is none yet it begins with
    that.

    ``opened``: what a form showed of it; raises ChangedMeanwhile where one that is written says something else by now.

    Raises BadInput ``chapter_name``, ``university`` or ``time_zone``.
    """
    values: dict[str, str | None] = {}
    if name is not None:
        with about("name"):
            values["name"] = _line("chapter_name", name)
            if not values["name"]:
                raise BadInput("chapter_name", _("A chapter needs a name. Nothing was saved."))
    if university is not None:
        with about("university"):
            values["university"] = _line("university", university) or None
    if time_zone is not None:
        with about("time_zone"):
            values["time_zone"] = zone(time_zone.strip()) if time_zone.strip() else None
    if desk.scope is None:
        if not any(values.values()):
            return Saved(chapter(desk), Changed())
        begun = desk.make_chapter(values.get("name") or unnamed(), values.get("university"), values.get("time_zone"))
        return Saved(chapter(desk), Changed({"chapter": frozenset({begun})}))
    with desk.writing("chapter_changed") as writing:
        there = writing.connection.exec_driver_sql("SELECT name, university, time_zone FROM chapter WHERE id = ?", (writing.scope,)).mappings().first()
        if there is not None and opened is not None:
            refuse_unseen(writing.connection, writing.tables["chapter"], writing.scope, opened, values)
        if there is None:
            writing.add("chapter", id=writing.scope, **values)
        elif others := {key: value for key, value in values.items() if (there[key] or None) != value}:
            writing.change("chapter", writing.scope, **others)
    return Saved(chapter(desk), writing.changed)


def zone(text: str) -> str:
    """A time zone by its IANA name. Raises BadInput ``time_zone``."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):
        raise BadInput("time_zone", _("“{value}” is not a time zone. Use a name like America/New_York."), value=text) from None


def _line(code: str, text: str) -> str:
    cleaned = " ".join(text.split())
    if len(cleaned) > NAME_LETTERS:
        raise BadInput(code, _("This name has {length} letters; {limit} fit. Nothing was saved."), length=len(cleaned), limit=NAME_LETTERS)
    return cleaned
