"""Two entries that are one person: the one becomes part of the other. Nothing that was done under either is rewritten, and it can be taken apart again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import BadInput, Refused
from alumni_desk.members.actions import listed_as, row_of
from alumni_desk.members.naming import display_name
from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import texts
from alumni_desk.store.synced import clock_key, data_columns
from alumni_desk.store.undo import put_back
from alumni_desk.store.writing import Changed, Writing
from alumni_desk.words import _

MERGED, UNMERGED = "people_merged", "people_unmerged"

_OWN = frozenset({"gone", "standing", "merged_into", "email", "email_status", "other_emails", "network_person_id", "deceased"})
"""Fields of which an empty one is not simply filled from the other entry."""


@dataclass(frozen=True)
class Merged:
    """Who stands in the list for both (``id``, ``name``), and whose entry became part of it (``other``)."""

    id: str
    name: str
    other: str
    changed: Changed


def merge_people(desk: Desk, other: str, into: str) -> Merged:
    """Make one entry part of another. What the other one alone knew comes along: empty fields, further addresses, degrees, and every wish to be left alone.

    Raises NotFound, BadInput ``merge_same``, or Refused ``merged_already``.
    """
    with desk.writing(MERGED) as writing:
        part, whole = row_of(writing, other), row_of(writing, listed_as(writing, into))
        if part.id == whole.id:
            raise BadInput("merge_same", _("Both are one entry already, so there is nothing to merge. Name two different ones."))
        if part.merged_into is not None:
            raise Refused("merged_already", _("This entry is part of another one already. Take it apart first: member unmerge."))
        news = _comes_along(writing.tables["person"], part._asdict(), whole._asdict())
        if news:
            writing.change("person", whole.id, **news)
        _degrees(writing, part.id, whole.id)
        writing.change("person", part.id, merged_into=whole.id)
        return Merged(whole.id, display_name(row_of(writing, whole.id)), part.id, writing.changed)


def unmerge(desk: Desk, person: str) -> Merged:
    """Make an entry that was merged one of its own again, and take back what came along with it, but for what was changed since; of one made elsewhere the
    tie alone. An action of its own, so that undo merges them again.

    Raises Refused ``not_merged``.
    """
    with desk.reading() as connection:
        row = connection.execute(sa.select(desk.tables["person"]).where(desk.tables["person"].c.id == person)).first()
        if row is None or row.merged_into is None:
            raise Refused("not_merged", _("This entry is part of no other, so there is nothing to take apart."))
        action = connection.exec_driver_sql(
            "SELECT a.id FROM operation AS o JOIN action AS a ON a.id = o.action WHERE o.table_name = 'person' AND o.row_id = ? AND a.event = ?"
            " AND a.undone_by IS NULL AND json_extract(o.fields, '$.merged_into') = ? ORDER BY o.rowid DESC LIMIT 1",
            (person, MERGED, row.merged_into)).scalar()
    with desk.writing(UNMERGED) as writing:
        writing.change("person", person, merged_into=None)  # first: the list of what was done names whom the first row is about
        if action is not None:
            put_back(writing, str(action))
    return Merged(person, display_name(row), row.merged_into, writing.changed)


def _comes_along(table: sa.Table, part: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """What the entry that stays gets: nothing that it says already is written over."""
    news: dict[str, Any] = {}
    groups: dict[str, list[str]] = {}
    for column in data_columns(table):
        if column.name in _OWN:
            continue
        if column.info.get("many"):
            both = _both(whole[column.name], part[column.name])
            if both != _both(whole[column.name], None):
                news[column.name] = both
        else:
            groups.setdefault(str(clock_key(column)), []).append(str(column.name))
    for names in groups.values():  # an address comes as a whole, or not at all
        if all(_empty(whole[name]) for name in names):
            news.update({name: part[name] for name in names if not _empty(part[name])})
    if part["standing"] == "member" and whole["standing"] != "member":
        news["standing"] = "member"
    if part["deceased"] and not whole["deceased"]:
        news["deceased"] = True
    others = [*_both(whole["other_emails"], part["other_emails"]), *([part["email"]] if part["email"] and whole["email"] else [])]
    if part["email"] and not whole["email"]:
        news |= {name: part[name] for name in ("email", "email_status") if part[name] != whole[name]}
    mine = str(whole["email"] or part["email"] or "").casefold()
    kept = [one for one in dict.fromkeys(others) if one.casefold() != mine]
    if kept != _both(whole["other_emails"], None):
        news["other_emails"] = kept
    return news


def _empty(value: Any) -> bool:
    return value is None or value == ""


def _both(first: str | None, second: str | None) -> list[str]:
    """What two lists hold, each once."""
    return list(dict.fromkeys(one for text in (first, second) for one in texts(text)))


def _degrees(writing: Writing, part: str, whole: str) -> None:
    """Degrees come along, but for those that the other entry has, too."""
    table = writing.tables["education"]
    rows = writing.connection.execute(sa.select(table).where(table.c.person.in_((part, whole)), ~table.c.gone)).all()
    known = {(row.school, row.degree, row.major, row.class_year) for row in rows if row.person == whole}
    for row in rows:
        if row.person == part and (row.school, row.degree, row.major, row.class_year) not in known:
            writing.change("education", row.id, person=whole, **({"is_primary": False} if known and row.is_primary else {}))
