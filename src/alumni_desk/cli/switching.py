"""Chapters without a window: what this one is called, which a network admin may work on, and another in place of the present one."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from alumni_desk.cli.output import add_json, opened, show, table
from alumni_desk.words import _


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    listed = commands.add_parser("chapters", help=_("the chapters that this laptop may work on"), description=_(
        "The chapters that this laptop may work on: a network admin’s every one. JSON: a list of id, name, role, here."))
    add_json(listed)
    listed.set_defaults(run=run_chapters)
    own = commands.add_parser("chapter", help=_("what this chapter is called; call it something else"), description=_(
        "The chapter’s name and university, which stand on badges and invitations, and the time zone of new gatherings. Each can be changed; an empty "
        "university or time zone clears. JSON: name, university, time_zone, sample."))
    own.add_argument("--name", metavar="NAME", help=_("the chapter’s name from now on"))
    own.add_argument("--university", metavar="NAME", help=_("the university’s"))
    own.add_argument("--time-zone", metavar="ZONE", help=_("such as America/New_York"))
    add_json(own)
    own.set_defaults(run=run_chapter)
    switch = commands.add_parser("switch", help=_("work on another chapter"), description=_(
        "Send what waits, empty the desk of the present chapter and fetch another one. Refused while something waits that cannot be sent. "
        "JSON: id, name, role, here."))
    switch.add_argument("chapter", metavar="CHAPTER", nargs="+", help=_("its name or id"))
    add_json(switch)
    switch.set_defaults(run=run_switch)


def run_chapter(args: argparse.Namespace) -> int:
    """Say what the chapter is called, after a change if there is one."""
    from alumni_desk.members.chapter import change_chapter, chapter

    wanted = {name: value for name in ("name", "university", "time_zone") if (value := getattr(args, name)) is not None}
    with opened(args) as desk:
        if wanted:
            from alumni_desk.sync import access

            with desk.asking() as connection:
                access.refuse_at_door(connection)
        now = change_chapter(desk, **wanted).chapter if wanted else chapter(desk)
    lines = ((_("Chapter"), now.name or _("none yet")), (_("University"), now.university), (_("Time zone"), now.time_zone))
    return show(args, asdict(now), table([line for line in lines if line[1]]))


def run_chapters(args: argparse.Namespace) -> int:
    """List the chapters."""
    from alumni_desk.sync.switching import chapters

    with opened(args) as desk:
        found = chapters(desk)
    return show(args, [asdict(one) for one in found], table([(one.name, one.id, _("here") if one.here else "") for one in found]))


def run_switch(args: argparse.Namespace) -> int:
    """Switch."""
    from alumni_desk.sync.switching import switch

    with opened(args) as desk:
        now = switch(desk, " ".join(args.chapter))
    return show(args, asdict(now), _("This desk works on {chapter} now.").format(chapter=now.name))
