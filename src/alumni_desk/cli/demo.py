"""The sample chapter and the tour: demo, tour."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from alumni_desk.cli.arguments import a_day, whole_number
from alumni_desk.cli.output import add_json, open_asking, profile_of, show
from alumni_desk.words import _, ngettext, number


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    demo = commands.add_parser(
        "demo", help=_("make the sample chapter and open it"),
        description=_("Make the sample chapter on an empty desk (the same for the same seed and day) and open the window. "
                      "JSON: members, gatherings, check_ins, profile, made (false if it was there)."))
    demo.add_argument("--members", type=whole_number(0, 1_000_000), default=2_000, metavar="N", help=_("how many members; 2000 if not said"))
    demo.add_argument("--seed", type=whole_number(0), default=1, metavar="S", help=_("another number makes other people"))
    demo.add_argument("--today", type=a_day, metavar="DATE", help=_("the day round which the gatherings lie, such as 2026-11-10"))
    demo.add_argument("--no-window", action="store_true", help=_("make it and end"))
    add_json(demo)
    demo.set_defaults(run=run_demo)

    tour = commands.add_parser(
        "tour", help=_("the main job without a screen, with pictures of every page and the PDFs"),
        description=_("Do the main job in a window nobody sees: import, plan, invite, check in, print, on a sample chapter of its own. Leaves a picture "
                      "of every page and the PDFs in a folder. JSON: folder, files."))
    tour.add_argument("-o", "--out", metavar="DIR", type=Path, required=True, help=_("the folder to fill"))
    tour.add_argument("--size", default="1280x800", metavar="1280x800", type=_size, help=_("size of the window"))
    tour.add_argument("--theme", default="light", choices=("light", "dark"))
    add_json(tour)
    tour.set_defaults(run=run_tour)


def _size(text: str) -> tuple[int, int]:
    width, _sign, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and 800 <= int(width) <= 8000 and 600 <= int(height) <= 8000):
        raise argparse.ArgumentTypeError(_("“{text}” is not a size such as 1280x800").format(text=text))
    return int(width), int(height)


def run_demo(args: argparse.Namespace) -> int:
    """Make the sample chapter; open it unless told not to."""
    import sqlalchemy as sa

    from alumni_desk.errors import Refused
    from alumni_desk.sample.chapter import make_sample

    profile = profile_of(args)
    with open_asking(profile) as desk:
        with desk.reading() as connection:
            chapter = desk.tables["chapter"]
            there = connection.execute(sa.select(chapter.c.sample).limit(1)).first()
        if there is not None and not there.sample:
            raise Refused("demo_real_chapter", _("There is a real chapter in {folder}, so the sample was not opened. Choose another folder with --profile."),
                          folder=profile.path)
        made = None if there is not None else make_sample(desk, args.members, args.seed, args.today)
        with desk.reading() as connection:
            counts = {name: int(connection.exec_driver_sql(f"SELECT count(*) FROM {question}").scalar() or 0) for name, question in (
                ("members", "person WHERE standing = 'member' AND NOT gone"), ("gatherings", "gathering WHERE NOT gone"),
                ("check_ins", "fact WHERE kind = 'in'"))}
    data = {**counts, "profile": str(profile.path), "made": made is not None}
    words = _("The sample chapter has {members}, {gatherings} and {check_ins}. It is in {folder}.")
    show(args, data, words.format(
        members=ngettext("{n} member", "{n} members", counts["members"]).format(n=number(counts["members"])),
        gatherings=ngettext("{n} gathering", "{n} gatherings", counts["gatherings"]).format(n=number(counts["gatherings"])),
        check_ins=ngettext("{n} check-in", "{n} check-ins", counts["check_ins"]).format(n=number(counts["check_ins"])), folder=profile.path))
    if args.no_window:
        return 0
    from alumni_desk.desktop.wiring import run_window

    return run_window(profile)


def run_tour(args: argparse.Namespace) -> int:
    """Run the tour."""
    from alumni_desk.desktop.tour import take_tour

    files = take_tour(args.out, size=args.size, theme=args.theme)
    data = {"folder": str(args.out), "files": [file.name for file in files]}
    show(args, data, _("{n} pictures and papers are in {folder}.").format(n=number(len(files)), folder=args.out))
    return 0
