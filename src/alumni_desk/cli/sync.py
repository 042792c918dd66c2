"""Sync without a window: join, sync, status."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from alumni_desk.cli.output import add_json, opened, show
from alumni_desk.errors import BadInput
from alumni_desk.words import _, ngettext, number


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

    move = commands.add_parser(
        "move", help=_("move the chapter to another server"),
        description=_("Leave this desk's server for the one at URL, with everything: what waits goes to the present server first, then all that is here is "
                      "offered to the new one, each value under the clock that it has. Each laptop moves with an invitation of its own, in any order. "
                      "JSON: scope, chapter, role."))
    move.add_argument("url", metavar="URL", help=_("the new server's address, as the invitation says it"))
    move.add_argument("code", metavar="CODE", nargs="+", help=_("a leader's invitation of the new server"))
    move.add_argument("--anyway", action="store_true", help=_("though the present server cannot be reached"))
    add_json(move)
    move.set_defaults(run=run_move)

    sync = commands.add_parser("sync", help=_("send what waits and take what is new"),
                               description=_("Sync now. JSON: pushed, pulled, waiting, conflicts, refused."))
    add_json(sync)
    sync.set_defaults(run=run_sync)

    refused = commands.add_parser("refused", help=_("changes that the server did not take"),
                                  description=_("Changes that the server did not take and that were taken back here, newest first. "
                                                "JSON: a list of id, at, what, reason."))
    refused.add_argument("--limit", metavar="N", type=int, default=200, help=_("how many at most (200)"))
    add_json(refused)
    refused.set_defaults(run=run_refused)

    status = commands.add_parser("status", help=_("where the data stands"),
                                 description=_("Where the data stands. JSON: state (alone, waiting, synced, trouble), waiting, last_sync, "
                                               "clock_ahead_seconds (this laptop's clock against the server's; negative: behind)."))
    add_json(status)
    status.set_defaults(run=run_status)


def run_join(args: argparse.Namespace) -> int:
    """Join a server."""
    from alumni_desk.sync.engine import join

    with opened(args) as desk:
        joined = join(desk, args.url, " ".join(args.code), merge=args.merge, device_name=args.device_name)
    show(args, asdict(joined), _("Joined {chapter}. “alumni-desk sync” brings its list here.").format(chapter=joined.chapter))
    return 0


def run_move(args: argparse.Namespace) -> int:
    """Move the chapter to another server."""
    from alumni_desk.sync.moving import move

    with opened(args) as desk:
        moved = move(desk, args.url, " ".join(args.code), anyway=args.anyway)
    show(args, {"scope": moved.scope, "chapter": moved.scope_name, "role": moved.role},
         _("This desk belongs to {chapter} at the new server now. “alumni-desk sync” brings everything there.").format(chapter=moved.scope_name))
    return 0


def run_sync(args: argparse.Namespace) -> int:
    """Sync once."""
    from alumni_desk.sync.engine import status, sync_once
    from alumni_desk.sync.refused import refused as list_refused

    with opened(args) as desk:
        result = sync_once(desk)
        clock = status(desk).clock
        gone = list_refused(desk, min(result.refused, 10)) if result.refused else []
    lines = [_("{sent}, {received}.").format(
        sent=ngettext("{n} change sent", "{n} changes sent", result.pushed).format(n=number(result.pushed)),
        received=ngettext("{n} row received", "{n} rows received", result.pulled).format(n=number(result.pulled)))]
    if result.waiting:
        lines.append(_("{count} still to send.").format(count=result.waiting))
    if result.refused:
        lines.append(ngettext("{n} change was not taken by the server and was taken back here:",
                              "{n} changes were not taken by the server and were taken back here:", result.refused).format(n=number(result.refused)))
        lines.extend(f"  {one.what}. {one.why}" for one in gone)
        if result.refused > len(gone):
            lines.append(_("  “alumni-desk refused” lists them all."))
    if result.conflicts:
        lines.append(ngettext("{n} field was changed by two people at once; the later change counts.", "{n} fields were changed by two people at once; "
                              "the later change counts.", result.conflicts).format(n=number(result.conflicts)))
    if clock:
        lines.append(clock)
    show(args, asdict(result), "\n".join(lines))
    return 0


def run_refused(args: argparse.Namespace) -> int:
    """List what the server did not take."""
    from alumni_desk.sync.refused import refused

    if args.limit < 1:
        raise BadInput("limit", _("--limit takes a number from 1."))
    with opened(args) as desk:
        found = refused(desk, args.limit)
    show(args, [{"id": one.id, "at": one.at, "what": one.what, "reason": one.reason} for one in found],
         "\n".join(f"{one.at[:16].replace('T', ' ')}  {one.what}. {one.why}" for one in found) or _("The server took everything."))
    return 0


def run_status(args: argparse.Namespace) -> int:
    """Say where the data stands."""
    from alumni_desk.sync.engine import status

    with opened(args) as desk:
        standing = status(desk)
    data = {"state": standing.state, "waiting": standing.waiting, "last_sync": standing.last_sync, "clock_ahead_seconds": standing.ahead_s}
    show(args, data, "\n".join(filter(None, (standing.sentence, standing.clock))))
    return 0
