"""What screens and papers show of people: small frozen rows, never live records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, NotFound
from alumni_desk.members import naming
from alumni_desk.members.fields import FIELDS, listed
from alumni_desk.store import driver
from alumni_desk.store.at_door import as_seen
from alumni_desk.store.desk import Desk
from alumni_desk.store.finding import Found, Question, everybody, find_people, matching_ids, question_of
from alumni_desk.store.search import fold
from alumni_desk.words import _

MEANT = 200
"""Among so many of those who fit best a name that fits as a whole is looked for."""
STEPS = 4_000
"""So many steps the database takes between two questions whether its answer is still wanted."""
EndedBy = Callable[[Callable[[], object]], AbstractContextManager[None]]
"""While it lasts, whoever ends the work calls this."""
Order = Literal["name", "class_year", "city", "best"]


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A line of the member list."""

    id: str
    name: str
    other_script_name: str | None
    disc: str
    class_year: int | None
    class_label: str  # "BMus 1998", "Parent ’28", "1998"
    city: str | None
    email: str | None
    email_fails: bool
    several_emails: bool
    solicit_codes: tuple[str, ...]
    deceased: bool
    standing: str


@dataclass(frozen=True, slots=True)
class Degree:
    """A line of a member's education."""

    id: str
    school: str | None
    degree: str | None
    major: str | None
    class_year: int | None
    is_primary: bool
    name_at_graduation: str | None


@dataclass(frozen=True)
class MemberDetail:
    """Everything the desk knows of a person. ``fields`` has the typed fields; many-valued ones as lists."""

    id: str
    name: str
    full_name: str
    class_tail: str
    disc: str
    standing: str
    fields: dict[str, Any]
    degrees: tuple[Degree, ...]
    household: str | None
    in_household: tuple[tuple[str, str], ...] = field(default=())  # ids and names of the others


def member_rows(desk: Desk, query: str | None = None, limit: int | None = None, order: Order = "name", *, offset: int = 0,
                standing: str | None = "member") -> list[MemberRow]:
    """People, or those who fit a query as it is spelled. ``order='best'``: as they answer the query. Cheap with a limit for any number of members."""
    person = desk.tables["person"]
    if query and query.strip() and order == "best":
        with desk.reading() as connection:
            ids = find_people(connection, query, (limit or 1_000) + offset, standing=standing).ids[offset:]
        return rows_of(desk, ids)
    with desk.reading() as connection:
        chosen = _chosen(person, query, standing)
        rows = list(connection.execute(_ordered(desk, chosen, order).limit(limit).offset(offset)).all())
        degrees = _degrees(connection, desk.tables["education"], [row.id for row in rows] if limit is not None else None)
    return [_row(row, class_label(row, degrees.get(row.id, ()))) for row in rows]


def count_members(desk: Desk, query: str | None = None, *, standing: str | None = "member") -> int:
    """How many people there are, or fit a query as it is spelled."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(_chosen(person, query, standing).subquery())) or 0)


def member_ids(desk: Desk, query: str | None = None, order: Order = "name", *, standing: str | None = "member") -> list[str]:
    """All ids of a list in its order."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        return list(connection.scalars(_ordered(desk, _chosen(person, query, standing).with_only_columns(person.c.id), order)))


def best_members(desk: Desk, query: str, limit: int, *, standing: str | None = "member") -> Found:
    """Whom a query means, best first; typing errors are forgiven where nobody fits as typed. Without a query the first by name."""
    with desk.reading() as connection:
        return best_of(desk, connection, query, limit, standing=standing)


def best_of(desk: Desk, connection: sa.Connection, query: str, limit: int, *, standing: str | None = "member") -> Found:
    """``best_members`` on a connection that goes on to look up more of the same moment."""
    if not query.strip():
        first = next(everybody(connection, None, standing, limit), [])
        return Found(tuple(first), None)
    plain = naming.without_titles(query)
    if plain != query and not find_people(connection, query, 1, standing=standing).ids:  # “Dr. Anna Weber”: nobody is looked up by a title
        query = plain
    return find_people(connection, query, limit, standing=standing, vocabulary=desk.vocabulary)


def all_members(desk: Desk, question: Question | None, *, standing: str | None = "member", unwanted: Callable[[], bool] = lambda: False,
                ended_by: EndedBy = lambda end: nullcontext()) -> Iterator[list[str]]:
    """The ids of all who fit a question (None: of everybody) by name, in portions; some may come twice. Makes ready for forgiving, too.

    ``unwanted`` is asked every millisecond or so; once it says so there is no more to come. ``ended_by`` is told what breaks off a question at once.
    """
    with desk.reading(everybody=True) as connection:
        raw: Any = connection.connection.dbapi_connection
        raw.set_progress_handler(unwanted, STEPS)  # the first portion of many takes the database a while
        try:
            with ended_by(raw.interrupt):
                yield from everybody(connection, question, standing)
                if not unwanted():
                    desk.vocabulary.be_ready(connection)
        except sa.exc.OperationalError:
            if not unwanted():
                raise
        finally:
            raw.set_progress_handler(None, 0)


def rows_of(desk: Desk, ids: Sequence[str]) -> list[MemberRow]:
    """The rows of some ids, in their order; those gone meanwhile are left out."""
    with desk.reading() as connection:
        return rows_on(connection, ids)


class _Line(NamedTuple):
    """What ``_ROWS`` asks for."""

    id: str
    preferred_name: str | None
    first_name: str | None
    last_name: str | None
    other_script_name: str | None
    class_year: int | None
    badge_tail: str | None
    constituent_codes: str | None
    city: str | None
    email: str | None
    email_status: str | None
    other_emails: str | None
    solicit_codes: str | None
    deceased: int | None
    standing: str | None
    degree: str | None


_ROWS = """SELECT p.id, p.preferred_name, p.first_name, p.last_name, p.other_script_name, p.class_year, p.badge_tail, p.constituent_codes, p.city, p.email,
p.email_status, p.other_emails, p.solicit_codes, p.deceased, p.standing,
(SELECT e.degree FROM education AS e WHERE e.person = p.id AND NOT e.gone AND e.degree <> '' AND e.class_year = p.class_year
 ORDER BY e.is_primary IS NOT 1, e.id LIMIT 1) AS degree
FROM json_each(?) AS wanted JOIN person AS p ON p.id = wanted.value WHERE NOT p.gone"""


def rows_on(connection: sa.Connection, ids: Sequence[str]) -> list[MemberRow]:
    """``rows_of`` on a connection that has looked up the ids. Asked at every key, so in one question and for nothing that a row does not say."""
    found = {row[0]: _Line(*row) for row in driver.rows(connection, _ROWS, (json.dumps(ids),))}
    return [_row(row, class_words(row, row.degree)) for one in ids if (row := found.get(one)) is not None]


def member(desk: Desk, person_id: str, *, removed: bool = False) -> MemberDetail:
    """Everything about one person; ``removed``: also of somebody who was. Raises NotFound."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        row = connection.execute(sa.select(person).where(person.c.id == person_id)).mappings().first()
        if row is None or (row["gone"] and not removed):
            raise NotFound("member_not_found", _("There is no such person here. They may have been removed meanwhile; look for the name again."))
        degrees = _degrees(connection, desk.tables["education"], [person_id]).get(person_id, ())
        household, others = _household(connection, desk, row["household"], person_id)
        values = as_seen(connection, person, dict(row))
    it = _Row(values)
    fields = {name: listed(values[name]) if name in _MANY else values[name] for name in FIELDS}
    return MemberDetail(person_id, naming.display_name(it) or _("Name to come"), naming.full_name(it), naming.class_tail(it), naming.face(it),
                        values["standing"] or "member", fields, tuple(degrees), household, others)


def find_one(desk: Desk, text: str) -> str:
    """The id of the one person that a text means: an id, words that fit one member only, or a name or an e-mail that one member has, no more and no less.

    Raises NotFound or Ambiguous.
    """
    person = desk.tables["person"]
    with desk.reading() as connection:
        if connection.execute(sa.select(person.c.id).where(person.c.id == text.strip(), ~person.c.gone)).first() is not None:
            return text.strip()
    if len(ids := reached_at(desk, text)) == 1:
        return ids[0]
    rows = member_rows(desk, text, MEANT, "best", standing=None) if text.strip() else []  # nothing typed means nobody, not whoever is here alone
    rows = rows_of(desk, ids) or _called_just_so(desk, rows, text) or rows
    if len(rows) == 1:
        return rows[0].id
    if not rows and (plain := naming.without_titles(text)) != text:
        return find_one(desk, plain)
    if not rows:
        raise NotFound("member_not_found", _("Nobody here is called “{text}”. Try fewer letters."), text=text)
    names = ", ".join(f"{row.name}{f' {row.class_label}' if row.class_label else ''} ({row.id})" for row in rows[:5])
    raise Ambiguous("several_found", _("“{text}” may be {names}. Add the class year, or use the id."), text=text, names=names, candidates=rows[:20])


def reached_at(desk: Desk, text: str, standing: str | None = None) -> list[str]:
    """Those of whom what was typed is a whole e-mail, the first one or another; however many have addresses that begin like it."""
    wanted, person = text.strip().casefold(), desk.tables["person"]
    if "@" not in wanted or len(wanted.split()) != 1:
        return []
    with desk.reading() as connection:
        likely = connection.execute(_chosen(person, wanted, standing).with_only_columns(person.c.id, person.c.email, person.c.other_emails))
        return [row.id for row in likely if wanted in {one.casefold() for one in (row.email or "", *listed(row.other_emails))}]


def _called_just_so(desk: Desk, rows: Sequence[MemberRow], text: str) -> list[MemberRow]:
    """Those whose whole name is what was typed, with or without the class as a list says it."""
    wanted, person = _plain(text), desk.tables["person"]
    with desk.reading() as connection:
        people = {one.id: one for one in connection.execute(sa.select(person).where(person.c.id.in_([row.id for row in rows])))}
    found = []
    for row in rows:
        one = people.get(row.id)
        if one is None:  # removed in this moment
            continue
        names = {row.name, naming.full_name(one), row.other_script_name or "", f"{one.first_name or ''} {one.last_name or ''}",
                 f"{one.first_name or ''} {one.middle_name or ''} {one.last_name or ''}"}
        if wanted in {_plain(f"{name} {tail}") for name in names for tail in ("", row.class_label, row.class_year or "")}:
            found.append(row)
    return found


def _plain(text: str) -> str:
    return " ".join(fold(text).split())


_MANY = ("constituent_codes", "former_names", "other_emails", "solicit_codes", "external_ids")


class _Row:
    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def _chosen(person: sa.Table, query: str | None, standing: str | None) -> sa.Select[Any]:
    chosen = sa.select(person).where(~person.c.gone, person.c.merged_into.is_(None))
    if standing is not None:
        chosen = chosen.where(person.c.standing == standing)
    if query and query.strip():
        question = question_of(query)
        chosen = chosen.where(person.c.id.in_(matching_ids(question)) if question is not None else sa.false())
    return chosen


def _ordered(desk: Desk, chosen: sa.Select[Any], order: Order) -> sa.Select[Any]:
    person, index = desk.tables["person"], desk.tables["search_person"]
    by: tuple[sa.ColumnElement[Any], ...] = (index.c.sort, index.c.standing, index.c.id)
    if order == "class_year":
        by = (person.c.class_year.is_(None), person.c.class_year, *by)
    elif order == "city":
        by = (person.c.city.is_(None), person.c.city.collate("NOCASE"), *by)
    return chosen.join(index, index.c.id == person.c.id).order_by(*by)


def _degrees(connection: sa.Connection, education: sa.Table, people: Sequence[str] | None) -> dict[str, list[Degree]]:
    chosen = sa.select(education).where(~education.c.gone).order_by(education.c.is_primary.is_not(True), education.c.class_year, education.c.id)
    if people is not None:
        chosen = chosen.where(education.c.person.in_(people))
    found: dict[str, list[Degree]] = {}
    for row in connection.execute(chosen):
        found.setdefault(row.person, []).append(
            Degree(row.id, row.school, row.degree, row.major, row.class_year, bool(row.is_primary), row.name_at_graduation))
    return found


def _household(connection: sa.Connection, desk: Desk, household: str | None, person_id: str) -> tuple[str | None, tuple[tuple[str, str], ...]]:
    if household is None:
        return None, ()
    table, person = desk.tables["household"], desk.tables["person"]
    name = connection.scalar(sa.select(table.c.name).where(table.c.id == household, ~table.c.gone))
    others = connection.execute(sa.select(person).where(  # an entry that is part of another is nobody else
        person.c.household == household, person.c.id != person_id, ~person.c.gone, person.c.merged_into.is_(None))).all()
    return name, tuple((one.id, naming.display_name(one)) for one in others)


def further_emails(email: str | None, others: Sequence[str]) -> list[str]:
    """The other addresses as they are shown: where two laptops' changes met, the first may stand among them until somebody decides."""
    return [one for one in others if one.casefold() != (email or "").casefold()]


def _row(row: Any, label: str) -> MemberRow:
    several = bool(row.other_emails and further_emails(row.email, listed(row.other_emails)))
    return MemberRow(
        id=row.id, name=naming.display_name(row) or _("Name to come"), other_script_name=row.other_script_name, disc=naming.face(row),
        class_year=row.class_year, class_label=label, city=row.city, email=row.email, email_fails=row.email_status == "bounced",
        several_emails=several, solicit_codes=tuple(listed(row.solicit_codes)), deceased=bool(row.deceased),
        standing=row.standing or "member")


def class_label(person: Any, degrees: Sequence[Degree]) -> str:
    """What a list says of somebody's class: ``BMus 1998``, ``1998``, ``Parent ’28``; empty if nothing is known."""
    return class_words(person, next((one.degree for one in degrees if one.degree and one.class_year == person.class_year), None))


def class_words(person: Any, degree: str | None) -> str:
    """``class_label`` for whom the degree of their class year is known."""
    if person.class_year:
        return f"{degree} {person.class_year}" if degree else str(person.class_year)
    codes = listed(person.constituent_codes)
    words = {"parent": _("Parent"), "friend": _("Friend"), "student": _("Student"), "faculty": _("Faculty"), "trustee": _("Trustee")}
    tie = next((words[code] for code in codes if code in words), "")
    return " ".join(part for part in (tie, (person.badge_tail or "").removeprefix("P").replace("'", "’")) if part)
