"""Sync without a window: join, sync, status."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from alumni_desk.cli.output import add_json, opened, show
from alumni_desk.words import _


def add_commands(commands: Any) -> None:
    """Declare the sync commands."""
    join = commands.add_parser(
        "join", help=_("join a server with an invitation"),
        description=_("Join the server at URL with an invitation's CODE. JSON: scope, chapter, role. An address that carries "
                      "#sha256=… pins the server's own certificate. A desk that has joined takes a new invitation of the same chapter when its server "
                      "moved, has another certificate, or removed this laptop; what waits to be sent stays."))
    join.add_argument("url", metavar="URL", help=_("the server's address, as the invitation says it"))
    join.add_argument("code", metavar="CODE", nargs="+", help=_("the invitation's code: four groups of four"))
    join.add_argument("--merge", action="store_true", help=_("carry the people and gatherings that are here over into the chapter's list"))
    join.add_argument("--device-name", metavar="NAME", help=_("what the others call this laptop"))
    add_json(join)
    join.set_defaults(run=run_join)

    sync = commands.add_parser("sync", help=_("send what waits and take what is new"),
                               description=_("Sync now. JSON: pushed, pulled, waiting, conflicts, refused."))
    add_json(sync)
    sync.set_defaults(run=run_sync)

    status = commands.add_parser("status", help=_("where the data stands"),
                                 description=_("Where the data stands. JSON: state (alone, waiting, synced, trouble), waiting, last_sync."))
    add_json(status)
    status.set_defaults(run=run_status)


def run_join(args: argparse.Namespace) -> int:
    """Join a server."""
    from alumni_desk.sync.engine import join

    with opened(args) as desk:
        joined = join(desk, args.url, " ".join(args.code), merge=args.merge, device_name=args.device_name)
    show(args, asdict(joined), _("Joined {chapter}. “alumni-desk sync” brings its list here.").format(chapter=joined.chapter))
    return 0


def run_sync(args: argparse.Namespace) -> int:
    """Sync once."""
    from alumni_desk.sync.engine import sync_once

    with opened(args) as desk:
        result = sync_once(desk)
    lines = [_("{sent} changes sent, {received} rows received.").format(sent=result.pushed, received=result.pulled)]
    if result.waiting:
        lines.append(_("{count} still to send.").format(count=result.waiting))
    if result.refused:
        lines.append(_("{count} changes were refused by the server and taken back here.").format(count=result.refused))
    if result.conflicts:
        lines.append(_("{count} fields were changed by two people at once; the later change counts.").format(count=result.conflicts))
    show(args, asdict(result), "\n".join(lines))
    return 0


def run_status(args: argparse.Namespace) -> int:
    """Say where the data stands."""
    from alumni_desk.sync.engine import status

    with opened(args) as desk:
        standing = status(desk)
    show(args, {"state": standing.state, "waiting": standing.waiting, "last_sync": standing.last_sync}, standing.sentence)
    return 0
