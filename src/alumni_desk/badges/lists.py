"""What the head of a badge or roster says of its gathering."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from alumni_desk.badges.sheets import Heading
from alumni_desk.gatherings.lists import gathering
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, day


def heading_of(desk: Desk, gathering_id: str) -> Heading:
    """Chapter, university, gathering and day. Raises NotFound."""
    row = gathering(desk, gathering_id)
    table = desk.tables["chapter"]
    with desk.reading() as connection:
        chapter = connection.execute(sa.select(table.c.name, table.c.university).where(~table.c.gone).limit(1)).first()
    when = date.fromisoformat(row.starts[:10]) if row.starts else None
    return Heading(chapter.name or "" if chapter else "", chapter.university or "" if chapter else "", row.name,
                   _("{day} {year}").format(day=day(when), year=when.year) if when else "")
