"""What Today and the window's frame show: small frozen rows, read in one snapshot."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from alumni_desk.members import naming
from alumni_desk.store.desk import Desk

COLUMNS = 8


@dataclass(frozen=True)
class Ahead:
    """A gathering to come. Times are local to it."""

    id: str
    name: str
    starts: datetime
    ends: datetime | None
    place: str
    coming: int
    not_answered: int
    capacity: int | None


@dataclass(frozen=True)
class Held:
    """A gathering that was, and how many people came."""

    id: str
    name: str
    day: date
    came: int


@dataclass(frozen=True)
class Birthday:
    """A member whose birthday is in the next days."""

    member: str
    name: str
    day: date


@dataclass(frozen=True)
class TodayFacts:
    """All that Today shows: what is ahead, soonest first; the last eight held, newest last.

    ``year``: what was held in the last two years, the newest first.
    """

    ahead: tuple[Ahead, ...]
    held: tuple[Held, ...]
    members: int
    year: tuple[Held, ...] = ()


@dataclass(frozen=True)
class WeekFacts:
    """What this week brings among the members; ``fifty``: those of the class of fifty years ago."""

    birthdays: tuple[Birthday, ...] = ()
    fifty: int = 0


@dataclass(frozen=True)
class FrameFacts:
    """What the sidebar says. ``chapter`` is empty before there is one."""

    chapter: str
    university: str
    sample: bool
    members: int
    ahead: int


COUNT_MEMBERS = """
SELECT (SELECT count(*) FROM person WHERE standing = 'member' AND gone = 0)
 - (SELECT count(*) FROM person INDEXED BY person_merged_into WHERE merged_into IS NOT NULL AND standing = 'member' AND gone = 0)
"""
"""Two indexes tell: to decrypt every row would take a third of a second with 100,000 of them."""


def _members(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql(COUNT_MEMBERS).scalar() or 0)


def _ahead_where(gathering: sa.Table, today: date) -> sa.ColumnElement[bool]:
    """Not over by the end of its last day; the day is compared as text, as it is kept."""
    last_day = sa.func.substr(sa.func.coalesce(gathering.c.ends, gathering.c.starts), 1, 10)
    return sa.and_(~gathering.c.gone, _not_cancelled(gathering), last_day >= today.isoformat())


def _not_cancelled(gathering: sa.Table) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(gathering.c.status, "planned") != "cancelled"


def today_facts(desk: Desk, today: date) -> TodayFacts:
    """The gatherings ahead, the turnout of the last eight, the number of members."""
    gathering = desk.tables["gathering"]
    with desk.reading() as connection:
        rows = connection.execute(
            sa.select(gathering).where(_ahead_where(gathering, today), gathering.c.starts.is_not(None)).order_by(gathering.c.starts)
        ).all()
        answers = _answers(connection, desk.tables["registration"], [row.id for row in rows])
        ahead = tuple(_ahead(row, answers.get(row.id, {})) for row in rows)
        year = _held(connection, desk, today, 100, since=today - timedelta(days=2 * 366))
        return TodayFacts(ahead, _held(connection, desk, today, COLUMNS), _members(connection), tuple(reversed(year)))


def week_facts(desk: Desk, today: date) -> WeekFacts:
    """Whose birthday is in the seven days from today, the soonest first, and how many finished fifty years ago. Reads every member: not for a first page.

    Who was born on 29 February has it on the 28th in most years.
    """
    week = {f"{day:%m-%d}": day for day in (today + timedelta(days=ahead) for ahead in range(7))}
    if "02-28" in week and not isleap(week["02-28"].year):
        week["02-29"] = week["02-28"]
    person, fiftieth = desk.tables["person"], today.year - 50
    alive = sa.select(person).where(person.c.standing == "member", ~person.c.gone, person.c.merged_into.is_(None), ~sa.func.coalesce(person.c.deceased, False))
    wanted = alive.where(sa.or_(sa.func.substr(person.c.birth_date, 6, 5).in_(week), person.c.class_year == fiftieth))
    with desk.reading() as connection:
        rows = connection.execute(wanted).all()
    born = [Birthday(row.id, naming.display_name(row), week[row.birth_date[5:10]]) for row in rows if (row.birth_date or "")[5:10] in week]
    return WeekFacts(tuple(sorted(born, key=lambda one: (one.day, one.name))), sum(row.class_year == fiftieth for row in rows))


def _answers(connection: sa.Connection, registration: sa.Table, gatherings: list[str]) -> dict[str, dict[str, int]]:
    query = (
        sa.select(registration.c.gathering, registration.c.status, sa.func.count())
        .where(registration.c.gathering.in_(gatherings), ~registration.c.gone)
        .group_by(registration.c.gathering, registration.c.status)
    )
    found: dict[str, dict[str, int]] = {}
    for gathering, status, count in connection.execute(query):
        found.setdefault(gathering, {})[status or "invited"] = count
    return found


def _ahead(row: sa.Row[tuple[object, ...]], answers: dict[str, int]) -> Ahead:
    place = ", ".join(part for part in (row.place, row.city) if part)
    return Ahead(
        id=row.id,
        name=row.name or "",
        starts=datetime.fromisoformat(row.starts),
        ends=datetime.fromisoformat(row.ends) if row.ends else None,
        place=place,
        coming=answers.get("yes", 0),
        not_answered=answers.get("invited", 0),
        capacity=row.capacity,
    )


def _held(connection: sa.Connection, desk: Desk, today: date, most: int, since: date = date.min) -> tuple[Held, ...]:
    gathering = desk.tables["gathering"]
    over = sa.func.substr(sa.func.coalesce(gathering.c.ends, gathering.c.starts), 1, 10) < today.isoformat()
    rows = connection.execute(
        sa.select(gathering.c.id, gathering.c.name, gathering.c.starts)
        .where(~gathering.c.gone, _not_cancelled(gathering), gathering.c.starts >= since.isoformat(), over)
        .order_by(gathering.c.starts.desc())
        .limit(most)
    ).all()
    came = _came(connection, desk.tables["fact"], [row.id for row in rows])
    return tuple(Held(row.id, row.name or "", date.fromisoformat(row.starts[:10]), came.get(row.id, 0)) for row in reversed(rows))


def _came(connection: sa.Connection, fact: sa.Table, gatherings: list[str]) -> dict[str, int]:
    """Distinct people with an ``in`` that nobody took back; who left again has come all the same."""
    void = fact.alias("void")
    closed = sa.func.json_each(void.c.closes).table_valued("value", name="closed")
    taken_back = sa.exists().where(
        void.c.gathering == fact.c.gathering, void.c.kind == "void", closed.c.value == fact.c.id
    )
    query = (
        sa.select(fact.c.gathering, sa.func.count(sa.distinct(fact.c.registration)))
        .where(fact.c.gathering.in_(gatherings), fact.c.kind == "in", ~fact.c.gone, ~taken_back)
        .group_by(fact.c.gathering)
    )
    return {gathering: count for gathering, count in connection.execute(query)}


def frame_facts(desk: Desk, today: date) -> FrameFacts:
    """The chapter and the numbers of the sidebar."""
    chapter, gathering = desk.tables["chapter"], desk.tables["gathering"]
    with desk.reading() as connection:
        ours = connection.execute(sa.select(chapter).where(~chapter.c.gone).limit(1)).first()
        count = sa.select(sa.func.count()).select_from(gathering).where(_ahead_where(gathering, today))
        return FrameFacts(
            chapter=(ours.name or "") if ours else "",
            university=(ours.university or "") if ours else "",
            sample=bool(ours.sample) if ours else False,
            members=_members(connection),
            ahead=int(connection.scalar(count) or 0),
        )
