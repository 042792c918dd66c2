"""Who is meant by a name on the command line of a server, and which chapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import Ambiguous, NotFound
from alumni_desk.members import naming
from alumni_desk.protocol.values import is_id
from alumni_desk.server.invitations import chapter_named
from alumni_desk.words import _, number

_NAMED = 10
"""So many of those who fit are named."""


@dataclass(frozen=True)
class Found:
    """Somebody in a chapter, or (then both ids are the same) a chapter."""

    id: str
    scope: str
    name: str


def chapter_that_is(connection: sa.Connection, tables: sa.MetaData, text: str) -> Found:
    """The chapter of this id or name. Raises KnownError."""
    scope = chapter_named(connection, tables, text)
    if scope is None:
        raise NotFound("no_such_chapter", _("This server has no chapter called “{text}”. server stats lists them."), text=text)
    chapter = tables.tables["chapter"]
    return Found(scope, scope, str(connection.execute(sa.select(chapter.c.name).where(chapter.c.scope == scope)).scalar() or scope))


def find_member(connection: sa.Connection, tables: sa.MetaData, text: str, scope: str | None) -> Found:
    """The member of this id, of this name, or else the one whose names have these words, in one chapter or in any. Raises NotFound or Ambiguous."""
    person = tables.tables["person"]
    wanted = _plain(text)
    query = sa.select(person.c.id, person.c.scope, *(person.c[name] for name in naming.Called._fields[1:])).where(~person.c.gone)
    if scope is not None:
        query = query.where(person.c.scope == scope)
    query = query.where(person.c.id == wanted) if is_id(wanted) else query.where(person.c.merged_into.is_(None)).order_by(person.c.id)
    called: list[Found] = []
    like: list[Found] = []
    for row in connection.execution_options(yield_per=1_000).execute(query) if wanted else ():
        names = _names(row)
        if row.id == wanted or wanted in names:
            called.append(Found(row.id, row.scope, naming.display_name(row) or row.id))
        elif set(wanted.split()) <= set(" ".join(names).split()):
            like.append(Found(row.id, row.scope, naming.display_name(row) or row.id))
    found = called or like
    if not found:
        raise NotFound("no_such_person", _("There is no member called “{text}” in any of these chapters. Give the name as the chapter writes it, or the id."),
                       text=text)
    if len(found) > 1:
        raise Ambiguous("several_members", _("{count} members fit “{text}”: {names}. Give the id of one."), candidates=[one.id for one in found],
                        count=number(len(found)), text=text, names=", ".join(f"{one.name} ({one.id})" for one in found[:_NAMED]))
    return found[0]


def _names(person: sa.Row[Any]) -> list[str]:
    """Every name that somebody has, as they are compared."""
    given = " ".join(part for part in (person.first_name, person.last_name) if part)
    return [_plain(name) for name in (naming.display_name(person), given, person.preferred_name, person.other_script_name) if name]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
