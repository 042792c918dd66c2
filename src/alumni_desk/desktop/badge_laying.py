"""Badges laid out in memory: whose, in which order, on which labels; and what is marked on the first sheet."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QRectF

from alumni_desk.badges.lists import heading_of
from alumni_desk.badges.people import BadgePerson, badge_people
from alumni_desk.badges.sheets import PrintReport, print_badges
from alumni_desk.badges.stocks import Stock
from alumni_desk.desktop.paper_view import LabelMark
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.store.desk import Desk
from alumni_desk.store.search import fold
from alumni_desk.words import _


@dataclass(frozen=True)
class Wanted:
    """What shall be printed."""

    gathering: str
    stock: Stock
    only_new: bool
    start_at: int
    blanks: int
    order: str = "last"
    chosen: tuple[str, ...] | None = None
    """Registrations, when names were chosen one by one."""
    skip: frozenset[int] = frozenset()
    """Damaged labels on the first sheet, from 1."""


@dataclass(frozen=True)
class Laid:
    """Badges laid out."""

    wanted: Wanted
    people: tuple[BadgePerson, ...]
    everyone: int
    new: int
    unnamed: int
    pdf: bytes
    report: PrintReport


def lay_out(desk: Desk, wanted: Wanted, cancelled: Callable[[], bool] | None = None) -> Laid:
    """Lay them out, in memory."""
    everyone = badge_people(desk, wanted.gathering)
    new = badge_people(desk, wanted.gathering, only_new=True)
    people = new if wanted.only_new else everyone
    if wanted.chosen is not None:
        people = badge_people(desk, wanted.gathering, registrations=wanted.chosen)
    people = in_order(people, wanted.order)
    unnamed = sum(not (row.named or row.gone) and row.status == "yes" for row in guest_rows(desk, wanted.gathering))
    out = io.BytesIO()
    report = print_badges(people, wanted.stock, out, heading=heading_of(desk, wanted.gathering), start_at=wanted.start_at, skip=wanted.skip,
                          blanks=wanted.blanks, cancelled=cancelled)
    return Laid(wanted, tuple(people), len(everyone), len(new), unnamed, out.getvalue(), report)


def in_order(people: list[BadgePerson], order: str) -> list[BadgePerson]:
    """By last name with guests under their host, as they come; else by first name or class year, those without one last."""
    if order == "first":
        return sorted(people, key=lambda one: fold(one.big))
    if order == "year":
        return sorted(people, key=lambda one: one.class_year or 9999)
    return people


def label_marks(wanted: Wanted, page: int) -> list[LabelMark]:
    """The labels of a sheet, as parts of the page; on the first one what is used, damaged, and where it starts."""
    if wanted.stock.roll:
        return []
    marks = []
    width, height = wanted.stock.page
    for place in range(wanted.stock.per_sheet):
        label = wanted.stock.place(place)
        box = QRectF(label.x / width, 1 - (label.y + label.height) / height, label.width / width, label.height / height)
        if page == 0 and place + 1 < wanted.start_at:
            marks.append(LabelMark(box, place + 1, "used", _("Label {n} is used").format(n=place + 1)))
        elif page == 0 and place + 1 in wanted.skip:
            marks.append(LabelMark(box, place + 1, "skipped", _("Label {n} is skipped").format(n=place + 1)))
        elif page == 0 and place + 1 == wanted.start_at:
            marks.append(LabelMark(box, place + 1, "start", _("Start here")))
        else:
            marks.append(LabelMark(box, place + 1))
    return marks
