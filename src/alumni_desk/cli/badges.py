"""Paper without a window: badges, roster."""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alumni_desk.badges.stocks import DEFAULT, stocks
from alumni_desk.cli.arguments import one_of, whole_number
from alumni_desk.cli.output import add_json, opened, show
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.badges.sheets import Look


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    names = [one.name for one in stocks()]
    badges = commands.add_parser(
        "badges", help=_("badges as a PDF"),
        description=_("Badges of everybody coming, as a PDF; they count as printed from then on. JSON: file, badges, pages, looks (id, name, reason)."))
    badges.add_argument("gathering", metavar="GATHERING", help=_("id, unique name or “next”"))
    badges.add_argument("-o", "--out", metavar="OUT.pdf", type=Path, required=True, help=_("the file to write"))
    badges.add_argument("--stock", default=DEFAULT, type=one_of(names), metavar="STOCK", help=_("the badge paper: {names}").format(names=", ".join(names)))
    badges.add_argument("--start-at", type=whole_number(1), default=1, metavar="N", help=_("first free label of the first sheet"))
    badges.add_argument("--only-new", action="store_true", help=_("leave out badges that were printed before"))
    badges.add_argument("--blanks", type=whole_number(0), default=0, metavar="N", help=_("so many empty ones for walk-ins"))
    add_json(badges)
    badges.set_defaults(run=run_badges)

    roster = commands.add_parser("roster", help=_("the list at the door, as PDF, CSV or XLSX"),
                                 description=_("The list at the door, as PDF, CSV or XLSX by the file’s ending. JSON: file, rows, looks (id, name, reason)."))
    roster.add_argument("gathering", metavar="GATHERING", help=_("id, unique name or “next”"))
    roster.add_argument("-o", "--out", metavar="OUT", type=Path, required=True, help=_("the file to write: .pdf, .csv or .xlsx"))
    roster.add_argument("--paper", choices=("Letter", "A4"), default="Letter")
    add_json(roster)
    roster.set_defaults(run=run_roster)


def run_badges(args: argparse.Namespace) -> int:
    """Lay out badges, write them, remember that they were printed."""
    from alumni_desk.badges.actions import note_printed
    from alumni_desk.badges.lists import heading_of
    from alumni_desk.badges.people import badge_people
    from alumni_desk.badges.rosters import write_whole
    from alumni_desk.badges.sheets import print_badges
    from alumni_desk.badges.stocks import stock
    from alumni_desk.errors import NotFound
    from alumni_desk.gatherings.lists import resolve
    from alumni_desk.store import exports

    paper = stock(args.stock)
    with opened(args) as desk:
        which = resolve(desk, args.gathering)
        people = badge_people(desk, which, only_new=args.only_new)
        if not people and args.blanks <= 0:
            raise NotFound("no_badges", _("There is nobody to print a badge for: all are printed.") if args.only_new else _(
                "There is nobody to print a badge for. Put guests on the list first."))
        pdf = io.BytesIO()
        report = print_badges(people, paper, pdf, heading=heading_of(desk, which), start_at=args.start_at, blanks=max(0, args.blanks))
        write_whole(args.out, pdf.getvalue())
        note_printed(desk, which, people)
        exports.note(desk, args.out)
    data = {"file": str(args.out), "badges": report.badges, "pages": report.pages, "looks": _looks(report.looks)}
    lines = [ngettext("{n} badge on {sheets}: {file}", "{n} badges on {sheets}: {file}", report.badges).format(
        n=number(report.badges), sheets=ngettext("{n} sheet", "{n} sheets", report.pages).format(n=number(report.pages)), file=args.out)]
    lines += [f"{look.name}: {look.reason}" for look in report.looks]
    show(args, data, "\n".join(lines))
    return 0


def run_roster(args: argparse.Namespace) -> int:
    """Write the roster."""
    from alumni_desk.badges.lists import heading_of
    from alumni_desk.badges.rosters import awaited, write_roster
    from alumni_desk.gatherings.lists import guest_rows, resolve
    from alumni_desk.store import exports

    with opened(args) as desk:
        which = resolve(desk, args.gathering)
        listed = guest_rows(desk, which)
        rows = awaited(listed)
        looks = write_roster(rows, args.out, heading_of(desk, which), paper=args.paper)
        unnoted = exports.note(desk, args.out)
    words = ngettext("{n} guest: {file}", "{n} guests: {file}", len(rows)).format(n=number(len(rows)), file=args.out)
    if away := len(listed) - len(rows):
        words += "\n" + ngettext("{n} who is not coming is left out.", "{n} who are not coming are left out.", away).format(n=number(away))
    words += "".join(f"\n{look.name}: {look.reason}" for look in looks)
    if unnoted:
        words += "\n" + unnoted
    show(args, {"file": str(args.out), "rows": len(rows), "looks": _looks(looks)}, words)
    return 0


def _looks(looks: Sequence[Look]) -> list[dict[str, str]]:
    return [{"id": look.registration, "name": look.name, "reason": look.reason} for look in looks]
