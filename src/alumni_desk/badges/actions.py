"""Remembering which badges came out of the printer."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from alumni_desk.badges.people import BadgePerson
from alumni_desk.errors import BadInput, NotFound
from alumni_desk.gatherings.actions import refuse_left
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed
from alumni_desk.words import _


def note_printed(desk: Desk, gathering_id: str, people: Sequence[BadgePerson], *, station: str | None = None) -> Changed:
    """A fact for each badge that was printed, so that the next print can leave them out. Prints again are facts again."""
    with desk.writing("badges_printed", gathering=gathering_id) as writing:
        at = writing.now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{writing.now.microsecond // 1000:03d}Z"
        # A fact names the entry that is on the list, whoever it has become part of: so it stays theirs, should they be taken apart.
        whose = dict(driver.rows(writing.connection, "SELECT id, person FROM registration WHERE gathering = ?", (gathering_id,)))
        if people:
            writing.add_many("fact", [{"kind": "badge", "gathering": gathering_id, "registration": one.registration,
                                       "person": whose.get(one.registration, one.person), "at": at,
                                       "station": station or desk.device_name, "method": "print"} for one in people])
    return writing.changed


def use_badge_name(desk: Desk, registration: str, name: str) -> Changed:
    """Let somebody's badge for one gathering say another name. Raises BadInput for an empty one, NotFound, or Refused: of who was erased or moved away."""
    name = " ".join(name.split())
    if not name:
        raise BadInput("badge_name_empty", _("A badge needs a name. Type it as the badge should say it."))
    with desk.writing("guest_named") as writing:
        table = writing.tables["registration"]
        row = writing.connection.execute(sa.select(table.c.gathering, table.c.person).where(table.c.id == registration, ~table.c.gone)).first()
        if row is None:
            raise NotFound("registration_not_found", _("This guest is not on the list any more. Look for the name again."))
        refuse_left(writing, row.person)
        writing.change("registration", registration, badge_name=name)
    return writing.changed
