"""Laptops that meet where there is no internet: share, join-laptop."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from alumni_desk.cli.output import add_json, opened, show
from alumni_desk.words import _, ngettext, number


def add_commands(commands: Any) -> None:
    """Declare the commands of the venue."""
    share = commands.add_parser(
        "share", help=_("share with laptops here, without internet"),
        description=_("Offer what this laptop holds to others in the same network, until ended with Ctrl+C. Prints at once where and with which code "
                      "the others join. JSON: address, code, gathering. With --gathering a new laptop is let in at that gathering's door."))
    share.add_argument("--port", metavar="P", type=int, help=_("where to listen (7807, or another if that is taken)"))
    share.add_argument("--host", metavar="H", default="", help=_("listen on this address alone"))
    share.add_argument("--gathering", metavar="G", help=_("let new laptops in at this gathering's door: id, unique name or “next”"))
    add_json(share)
    share.set_defaults(run=run_share)

    meet = commands.add_parser(
        "join-laptop", help=_("join a laptop that shares here"),
        description=_("Exchange with a laptop that shares: both then hold the same changes, and each sends them to the server once it has a network. A desk "
                      "of no chapter is let in at the door that the other laptop shares. JSON: given, taken, opened, chapter, role, gathering, joined."))
    meet.add_argument("address", metavar="ADDRESS", help=_("as the other laptop shows it"))
    meet.add_argument("code", metavar="CODE", nargs="+", help=_("ten letters and digits, as the other laptop shows them"))
    meet.add_argument("--stay", action="store_true", help=_("go on exchanging until ended with Ctrl+C"))
    add_json(meet)
    meet.set_defaults(run=run_join_laptop)


def until_ended(wait: Callable[[], None], stop: Callable[[], None]) -> None:
    """Wait; Ctrl+C and the system's request to end both end it well."""
    if threading.current_thread() is threading.main_thread():
        with suppress(ValueError):
            signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
    try:
        with suppress(KeyboardInterrupt):
            wait()
    finally:
        stop()


def run_share(args: argparse.Namespace) -> int:
    """Share until ended."""
    from alumni_desk.gatherings.lists import resolve
    from alumni_desk.sync.venue.sharing import Sharing

    with opened(args, create=False) as desk:
        gathering = resolve(desk, args.gathering) if args.gathering else None
        sharing = Sharing(desk, host=args.host, port=args.port, gathering=gathering)
        ended = threading.Event()

        def wait() -> None:
            show(args, {"address": sharing.address, "code": sharing.code, "gathering": gathering},
                 _("Sharing at {address} with the code {code}. Ctrl+C ends it.").format(address=sharing.address, code=sharing.code))
            sys.stdout.flush()
            ended.wait()

        until_ended(wait, sharing.stop)
    return 0


def run_join_laptop(args: argparse.Namespace) -> int:
    """Exchange with a laptop that shares."""
    from alumni_desk.sync.venue.visiting import Visit

    with opened(args) as desk:
        visit = Visit(desk, args.address, " ".join(args.code))

        def wait() -> None:
            met = visit.once()
            words = [_("{given}, {taken}.").format(given=ngettext("{n} parcel given", "{n} parcels given", met.given).format(n=number(met.given)),
                                                   taken=ngettext("{n} parcel taken", "{n} parcels taken", met.taken).format(n=number(met.taken)))]
            if met.joined:
                words.insert(0, _("Let in at the door of {chapter}.").format(chapter=met.chapter))
            show(args, asdict(met), "\n".join(words))
            sys.stdout.flush()
            if args.stay:
                visit.stay()

        until_ended(wait, visit.close)
    return 0
