"""Chapters without a window: which a network admin may work on, and another in place of the present one."""

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
    switch = commands.add_parser("switch", help=_("work on another chapter"), description=_(
        "Send what waits, empty the desk of the present chapter and fetch another one. Refused while something waits that cannot be sent. "
        "JSON: id, name, role, here."))
    switch.add_argument("chapter", metavar="CHAPTER", nargs="+", help=_("its name or id"))
    add_json(switch)
    switch.set_defaults(run=run_switch)


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
