"""What people do with members: add, change, remove, take a removal back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import BadInput, NotFound, Refused, about
from alumni_desk.members.fields import read_fields
from alumni_desk.members.naming import display_name
from alumni_desk.store.desk import Desk
from alumni_desk.store.meanwhile import refuse_unseen
from alumni_desk.store.writing import Changed, Writing
from alumni_desk.words import _

_NAMES = ("first_name", "last_name", "preferred_name", "other_script_name")


@dataclass(frozen=True)
class Saved:
    """A member that was added or changed; ``merged``: what was written to is the entry that another one, which was meant, is part of; ``back``: they had
    been removed, and are on the list again."""

    id: str
    name: str
    changed: Changed
    merged: bool = False
    back: bool = False


@dataclass(frozen=True)
class Removed:
    """Members that were removed; ``ids`` brings them back with ``bring_back``."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    changed: Changed


def add_member(desk: Desk, **typed: Any) -> Saved:
    """A new member from typed fields (see ``members.fields``). Raises BadInput: a field that cannot be used, ``no_name``."""
    values = {name: value for name, value in read_fields(typed).items() if value is not None}
    need_name(values)
    values.setdefault("constituent_codes", '["alumnus"]')
    with desk.writing("member_added") as writing:
        person = writing.add("person", standing="member", **values)
        name = display_name(row_of(writing, person))
    return Saved(person, name, writing.changed)


def change_member(desk: Desk, person_id: str, opened: Mapping[str, Any] | None = None, *, back: bool = False, **typed: Any) -> Saved:
    """Change fields of a person. Raises NotFound, or BadInput if a field cannot be used or no name would be left.

    What is about an entry that was merged goes to the one that stands in the list for both.

    ``opened``: the fields as a form was opened with them; raises ChangedMeanwhile where one that is written says something else by now, and Refused
    ``member_removed`` for somebody who was removed since. ``back``: bring them back with it.
    """
    values = read_fields(typed)
    with desk.writing("member_changed") as writing:
        meant, person_id = person_id, listed_as(writing, person_id)
        came_back = back and _bring_back(writing, person_id)
        if opened is not None and not back:
            _refuse_removed(writing, person_id)
        before = row_of(writing, person_id)
        need_name({**{name: getattr(before, name) for name in _NAMES}, **values})
        if opened is not None:
            refuse_unseen(writing.connection, writing.tables["person"], person_id, opened, values)
        if before.email_status and values.get("email", before.email) != before.email:
            values["email_status"] = None  # of the new address nobody knows
        writing.change("person", person_id, **values)
        name = display_name(row_of(writing, person_id))
    return Saved(person_id, name, writing.changed, merged=person_id != meant, back=came_back)


def remove_members(desk: Desk, ids: Iterable[str]) -> Removed:
    """Take people off the list. What they attended stays; ``bring_back`` undoes it. Raises NotFound if one is not there."""
    wanted = tuple(dict.fromkeys(ids))
    with desk.writing("members_removed") as writing:
        there = _rows(writing, wanted)
        if len(there) < len(wanted):
            raise _gone()
        names = tuple(display_name(there[person]) for person in wanted)
        writing.change_many("person", ("gone",), [(True, person) for person in wanted])
    return Removed(wanted, names, writing.changed)


def bring_back(desk: Desk, ids: Iterable[str]) -> Changed:
    """Undo a removal. Nobody brings back who was erased meanwhile."""
    with desk.writing("members_brought_back") as writing:
        for person in ids:
            if writing.connection.exec_driver_sql("SELECT 1 FROM erased WHERE id = ?", (person,)).first() is None:
                writing.change("person", person, gone=False)
    return writing.changed


def _removed(writing: Writing, person_id: str) -> sa.Row[Any] | None:
    """The row of somebody who was removed, and not erased."""
    table = writing.tables["person"]
    row = writing.connection.execute(sa.select(table).where(table.c.id == person_id, table.c.gone)).first()
    erased = row is not None and writing.connection.exec_driver_sql("SELECT 1 FROM erased WHERE id = ?", (person_id,)).first() is not None
    return None if erased else row


def _refuse_removed(writing: Writing, person_id: str) -> None:
    row = _removed(writing, person_id)
    if row is not None:
        raise Refused("member_removed", _("{name} was removed meanwhile, so nothing is saved yet. To save again brings them back, with what was typed."),
                      name=display_name(row))


def _bring_back(writing: Writing, person_id: str) -> bool:
    """Put somebody who was removed on the list again; whether they had been."""
    if _removed(writing, person_id) is None:
        return False
    writing.change("person", person_id, gone=False)
    return True


def row_of(writing: Writing, person_id: str) -> sa.Row[Any]:
    """The row of a person who is here. Raises NotFound."""
    row = _rows(writing, (person_id,)).get(person_id)
    if row is None:
        raise _gone()
    return row


def listed_as(writing: Writing, person: str) -> str:
    """The entry that stands in the list for this one."""
    table = writing.tables["person"]
    seen = [person]
    while (after := writing.connection.scalar(sa.select(table.c.merged_into).where(table.c.id == seen[-1]))) is not None and after not in seen:
        seen.append(str(after))
    return seen[-1]


def _rows(writing: Writing, ids: Sequence[str]) -> dict[str, sa.Row[Any]]:
    """Those of the people who are here."""
    table, found = writing.tables["person"], {}
    for start in range(0, len(ids), 5_000):
        for row in writing.connection.execute(sa.select(table).where(table.c.id.in_(ids[start:start + 5_000]), ~table.c.gone)):
            found[row.id] = row
    return found


def _gone() -> NotFound:
    return NotFound("member_not_found", _("There is no such person here. They may have been removed meanwhile; look for the name again."))


def need_name(values: Mapping[str, Any]) -> None:
    """Raises BadInput ``no_name`` where these fields of a member name nobody."""
    if not any(values.get(name) for name in _NAMES):
        with about("first_name"):
            raise BadInput("no_name", _("A member needs a name: a first, last or preferred name, or one in another script. Nothing was saved."))
