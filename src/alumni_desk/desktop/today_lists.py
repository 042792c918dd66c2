"""What Today and the window's frame show: small frozen rows, read in one snapshot."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from alumni_desk.members import naming
from alumni_desk.members.counting import COUNT_MEMBERS
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import each

if TYPE_CHECKING:
    from alumni_desk.gatherings.counts import Inside
    from alumni_desk.store.driver import Connection

COLUMNS = 8


class Ahead(NamedTuple):
    """A gathering to come. Times are local to it."""

    id: str
    name: str
    starts: datetime
    ends: datetime | None
    place: str
    coming: int
    not_answered: int
    capacity: int | None
    inside: Inside | None = None  # while it goes on and anybody has come
    listed: bool = False  # somebody is on the list, whatever they answered


class Held(NamedTuple):
    """A gathering that was, and how many people came."""

    id: str
    name: str
    day: date
    came: int


class Birthday(NamedTuple):
    """A member whose birthday is in the next days."""

    member: str
    name: str
    day: date


class TodayFacts(NamedTuple):
    """All that Today shows: what is ahead, soonest first; the last eight held, newest last.

    ``only_members``: there are members and no gathering. ``year``: what was held in the last two years, the newest first.
    """

    ahead: tuple[Ahead, ...]
    held: tuple[Held, ...]
    only_members: bool
    year: tuple[Held, ...] = ()


class WeekFacts(NamedTuple):
    """What this week brings among the members; ``fifty``: those of the class of fifty years ago."""

    birthdays: tuple[Birthday, ...] = ()
    fifty: int = 0


class FrameFacts(NamedTuple):
    """What the sidebar says. ``chapter`` is empty before there is one."""

    chapter: str
    university: str
    sample: bool
    members: int
    ahead: int
    scope: str | None


def _members(connection: Connection) -> int:
    return int(driver.row(connection, COUNT_MEMBERS)[0])


_LAST_DAY = "substr(max(coalesce(ends, starts), coalesce(starts, ends)), 1, 10)"
"""The day is compared as text, as it is kept: a gathering is ahead until the end of its last day."""
_STANDS = "NOT gone AND coalesce(status, 'planned') <> 'cancelled'"


def today_facts(desk: Desk, today: date) -> TodayFacts:
    """The gatherings ahead and the turnout of the last eight."""
    with desk.asking() as connection:
        rows = driver.rows(connection, "SELECT id, name, starts, ends, place, city, capacity, time_zone FROM gathering "
                           f"WHERE {_STANDS} AND {_LAST_DAY} >= ? AND starts IS NOT NULL ORDER BY starts", (today.isoformat(),))
        answers = _answers(connection, [row[0] for row in rows])
        begun = [row for row in rows if row[2][:10] <= today.isoformat()]  # on most days none
        within = _inside(connection, begun, desk.now()) if begun else {}
        ahead = tuple(_ahead(answers.get(row[0], {}), within.get(row[0]), *row[:7]) for row in rows)
        year = _held(connection, today, 100, since=today - timedelta(days=2 * 366))
        held = _held(connection, today, COLUMNS)
        return TodayFacts(ahead, held, not (ahead or held) and _members(connection) > 0, tuple(reversed(year)))


def week_facts(desk: Desk, today: date) -> WeekFacts:
    """Whose birthday is in the seven days from today, the soonest first, and how many finished fifty years ago.

    Who was born on 29 February has it on the 28th in most years.
    """
    week = {f"{day:%m-%d}": day for day in (today + timedelta(days=ahead) for ahead in range(7))}
    if "02-28" in week and (week["02-28"] + timedelta(days=1)).day == 1:
        week["02-29"] = week["02-28"]
    fiftieth = today.year - 50
    from alumni_desk.store.search import THE_REST  # not for the first page

    with desk.asking() as connection:
        born = [(birth_date, naming.Called(*row)) for birth_date, *row in driver.rows(connection, _BORN, (json.dumps(list(week)),))]
        [fifty] = driver.row(connection, _OF_CLASS, (f'"{THE_REST}{fiftieth}"', fiftieth))
    birthdays = [Birthday(one.id, naming.display_name(one), week[birth_date[5:10]]) for birth_date, one in born]
    return WeekFacts(tuple(sorted(birthdays, key=lambda one: (one.day, one.name))), fifty)


_ALIVE = "p.standing = 'member' AND NOT p.gone AND p.merged_into IS NULL AND NOT coalesce(p.deceased, 0)"
_BORN = (f"SELECT p.birth_date, {', '.join(f'p.{name}' for name in naming.Called._fields)} FROM json_each(?) AS day"
         " CROSS JOIN person AS p INDEXED BY person_birthday"
         f" ON substr(p.birth_date, 6, 5) = day.value AND p.birth_date IS NOT NULL WHERE {_ALIVE}")
_OF_CLASS = ("SELECT count(*) FROM search_words AS w CROSS JOIN search_person AS s ON s.rowid = w.rowid CROSS JOIN person AS p ON p.id = s.id"
             f" WHERE w.search_words MATCH ? AND p.class_year = ? AND {_ALIVE}")
"""The search knows class years; to look at every member would take a fifth of a second with 100,000 of them."""


def _any_merged(connection: Connection) -> bool:
    """Whether any entries were merged: else nobody needs to be counted once, and the first page goes without what does that."""
    return driver.row(connection, "SELECT 1 FROM person WHERE merged_into IS NOT NULL LIMIT 1") is not None


def _answers(connection: Connection, gatherings: list[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for gathering, status, count in driver.rows(
            connection, "SELECT gathering, status, count(*) FROM registration WHERE NOT gone AND gathering IN (SELECT value FROM json_each(?)) "
            "GROUP BY gathering, status", (json.dumps(gatherings),)):  # fmt: skip
        found.setdefault(gathering, {})[status or "invited"] = count
    if _any_merged(connection):
        from alumni_desk.gatherings.counts import answers_once

        answers_once(connection, found)
    return found


def _inside(connection: Connection, begun: list[Any], now: datetime) -> dict[str, Inside]:
    """How full those are that go on, of gatherings whose day has come."""
    from alumni_desk.gatherings.counts import inside
    from alumni_desk.gatherings.fields import counted_end
    from alumni_desk.protocol.wall_times import local_now

    return inside(connection, [id for id, _name, starts, ends, _place, _city, _capacity, zone in begun
                               if (counted_end(starts, ends) or f"{starts[:10]}T23:59") >= local_now(now, zone)])


def _ahead(answers: dict[str, int], inside: Inside | None, id: str, name: str | None, starts: str, ends: str | None, place: str | None, city: str | None,
           capacity: int | None) -> Ahead:  # fmt: skip
    return Ahead(
        id=id,
        name=name or "",
        starts=datetime.fromisoformat(starts),
        ends=datetime.fromisoformat(ends) if ends else None,
        place=", ".join(part for part in (place, city) if part),
        coming=answers.get("yes", 0),
        not_answered=answers.get("invited", 0),
        capacity=capacity,
        inside=inside,
        listed=any(answers.values()),
    )


def _held(connection: Connection, today: date, most: int, since: date = date.min) -> tuple[Held, ...]:
    rows = driver.rows(connection, f"SELECT id, name, starts FROM gathering WHERE {_STANDS} AND starts >= ? AND {_LAST_DAY} < ? "
                       "ORDER BY starts DESC LIMIT ?", (since.isoformat(), today.isoformat(), most))
    came = _came(connection, [gathering for gathering, _name, _starts in rows])
    return tuple(Held(gathering, name or "", date.fromisoformat(starts[:10]), came.get(gathering, 0)) for gathering, name, starts in reversed(rows))


def _came(connection: Connection, gatherings: list[str]) -> dict[str, int]:
    """Distinct people with an ``in`` that nobody took back; who left again has come all the same."""
    found: dict[str, int] = dict(driver.rows(
        connection, "SELECT gathering, count(DISTINCT registration) FROM fact WHERE gathering IN (SELECT value FROM json_each(?)) AND kind = 'in' AND NOT gone "
        f"AND NOT EXISTS (SELECT 1 FROM fact AS void, {each('void.closes')} AS closed WHERE void.gathering = fact.gathering AND void.kind = 'void' "
        "AND closed.value = fact.id) GROUP BY gathering", (json.dumps(gatherings),)))
    if _any_merged(connection):
        from alumni_desk.gatherings.counts import came_once

        came_once(connection, found)
    return found


def frame_facts(desk: Desk, today: date) -> FrameFacts:
    """The chapter and the numbers of the sidebar."""
    with desk.asking() as connection:
        name, university, sample = driver.row(connection, "SELECT name, university, sample FROM chapter WHERE NOT gone LIMIT 1") or ("", "", False)
        [ahead] = driver.row(connection, f"SELECT count(*) FROM gathering WHERE {_STANDS} AND {_LAST_DAY} >= ?", (today.isoformat(),))
        [scope] = driver.row(connection, "SELECT (SELECT id FROM scope ORDER BY rowid LIMIT 1)")
        return FrameFacts(chapter=name or "", university=university or "", sample=bool(sample), members=_members(connection), ahead=int(ahead), scope=scope)
