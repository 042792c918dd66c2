"""Whether the chapter to which a move leads has people already who are none of ours: then two chapters would become one, and nothing parts them again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alumni_desk.errors import Refused
from alumni_desk.protocol.people_marks import marks
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.protocol.messages import Offer

CODE = "move_others"


def are_others(connection: sa.Connection, offer: Offer, code: str) -> bool:
    """Whether people are there of whom none is here, as far as the server tells. Whoever is here was there first where another laptop has moved already."""
    if not offer.people:
        return offer.people is None
    ours = connection.exec_driver_sql("SELECT id FROM person").scalars()
    return set(marks(code, ours)).isdisjoint(offer.marked)


def beside(chapter: str, people: int | None, here: str) -> str:
    """What a move would do. ``here``: what goes along, in words."""
    there = _("The server does not say who is in {chapter} already.") if people is None else ngettext(
        "{chapter} has {n} person already.", "{chapter} has {n} people already.", people)
    return _("{there} A move puts what is here beside them ({what}); whoever leads {chapter} sees all of it, and it cannot be taken back.").format(
        there=there.format(chapter=chapter, n=number(people or 0)), what=here, chapter=chapter)


def refusal(chapter: str, people: int | None, here: str) -> Refused:
    """The same, for whoever has not said that it is meant."""
    return Refused(CODE, _("{beside} Nothing was moved, and the invitation is still good; if it is meant, say so with --merge."),
                   beside=beside(chapter, people, here))
