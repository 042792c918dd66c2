"""A laptop asks to move a member to another chapter: for whoever looks after both, and exactly those entries that it has seen."""

from __future__ import annotations

import sqlalchemy as sa

from alumni_desk.errors import KnownError
from alumni_desk.protocol.messages import MoveMemberReply, MoveMemberRequest
from alumni_desk.protocol.values import is_id
from alumni_desk.server import moved
from alumni_desk.server.accounts import Caller
from alumni_desk.server.inviting import look_after
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server

MOST = 200
"""Entries of one person; more is a program that runs wild."""

_STATUS = {"no_such_person": 404, "no_such_chapter": 404, "moved_already": 409, "group_changed": 409}


def move_member(server: Server, who: Caller, message: MoveMemberRequest, now: int) -> MoveMemberReply:
    """Move them. A laptop that did not hear the answer asks again, and gets it."""
    look_after(who, message.scope)
    if message.to not in who.grants or who.grants[message.to].role not in ("admin", "leader"):
        raise Refusal(403, "no_grant_there")
    if not message.people or not all(is_id(one) for one in message.people):
        raise Refusal(400, "people")
    if len(message.people) > MOST:
        raise Refusal(413, "too_many")
    try:
        done = moved.move(server, message.people[0], message.to, now, scope=message.scope, by=who.device, seen=frozenset(message.people))
    except KnownError as error:
        if error.code == "no_such_person" and _are_there(server, message):
            return MoveMemberReply(sorted(message.people), 0, now)
        if error.code not in _STATUS:
            raise
        raise Refusal(_STATUS[error.code], error.code) from None
    return MoveMemberReply(list(done.people), done.lists, now)


def _are_there(server: Server, message: MoveMemberRequest) -> bool:
    """Whether they have moved just there, and belong there still."""
    marks, person = server.tables.tables["erased"], server.tables.tables["person"]
    wanted = set(message.people)
    left = sa.select(marks.c.row_id).where(marks.c.scope == message.scope, marks.c.table_name == "person", marks.c.moved_to == message.to,
                                           marks.c.row_id.in_(wanted))
    here = sa.select(person.c.id).where(person.c.scope == message.to, ~person.c.gone, person.c.id.in_(wanted))
    with server.database.reading() as connection:
        return all(set(connection.execute(query).scalars()) == wanted for query in (left, here))
