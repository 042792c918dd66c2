"""Laptops that meet where there is no internet: share, join-laptop, venue find, parcel, hand-out, open."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alumni_desk.cli.arguments import whole_number
from alumni_desk.cli.output import add_json, opened, show
from alumni_desk.errors import BadInput, KnownError, NetworkProblem
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.store.desk import Desk
    from alumni_desk.sync.state import Membership
    from alumni_desk.sync.venue.holding import TakenIn
    from alumni_desk.sync.venue.visiting import Met

LOOK_SECONDS = 0.5
"""How often a wait looks up: a signal that comes just before a wait begins is heard by Python only once that wait has ended."""


def add_commands(commands: Any) -> None:
    """Declare the commands of the venue."""
    share = commands.add_parser(
        "share", help=_("share with laptops here, without internet"),
        description=_("Offer what this laptop holds to others in the same network, until ended with Ctrl+C. Prints at once where and with which code "
                      "the others join; the code stays the same when it is shared again, within a week. JSON: address, code, gathering. With --gathering a new "
                      "laptop is let in at that gathering’s door."))
    share.add_argument("--port", metavar="P", type=whole_number(0, 65_535), help=_("where to listen (7807, or another if that is taken)"))
    share.add_argument("--host", metavar="H", default="", help=_("listen on this address alone"))
    share.add_argument("--gathering", metavar="G", help=_("let new laptops in at this gathering’s door: id, unique name or “next”"))
    share.add_argument("--new-code", action="store_true", help=_("with another code than the last time: whoever has that one types the new one"))
    add_json(share)
    share.set_defaults(run=run_share)

    meet = commands.add_parser(
        "join-laptop", help=_("join a laptop that shares here"),
        description=_("Exchange with a laptop that shares: both then hold the same changes, and each sends them to the server once it has a network. A desk "
                      "of no chapter is let in at the door that the other laptop shares. JSON: given, taken, opened, chapter, role, gathering, joined."))
    meet.add_argument("words", metavar="[ADDRESS] CODE", nargs="+",
                      help=_("both as the other laptop shows them; without the address the network is searched"))
    meet.add_argument("--stay", action="store_true", help=_(
        "go on exchanging until ended with Ctrl+C; a line on the error output says when the other laptop goes away and when it is back"))
    add_json(meet)
    meet.set_defaults(run=run_join_laptop)

    venue = commands.add_parser("venue", help=_("find laptops that share here"),
                                description=_("Look for laptops that share in this network. JSON: laptops (address, reachable, same_chapter), why "
                                              "(no_network, nobody, other_network, closed; null if one can be joined), sentence."))
    venue.add_argument("what", choices=["find"], help=_("look for them"))
    venue.add_argument("--seconds", metavar="N", type=float, default=3.0, help=_("how long (3)"))
    add_json(venue)
    venue.set_defaults(run=run_find)

    parcel = commands.add_parser("parcel", help=_("carry changes to another laptop in a file"),
                                 description=_("Write what this laptop holds for the server into a sealed file, or take what such a file "
                                               "holds. Everything also stays here until the server has it. JSON: write: file, "
                                               "parcels, own; read: new, opened, refused."))
    parcel.add_argument("what", choices=["write", "read"], help=_("write or read"))
    parcel.add_argument("file", metavar="FILE")
    add_json(parcel)
    parcel.set_defaults(run=run_parcel)

    hand_out = commands.add_parser("hand-out", help=_("a gathering’s list for its door, as a file"),
                                   description=_("Write a gathering’s list as its door may see it into a sealed file. JSON: file, gathering, guests, number."))
    hand_out.add_argument("gathering", metavar="GATHERING", help=_("id, unique name or “next”"))
    hand_out.add_argument("-o", "--output", metavar="FILE", required=True, help=_("where to"))
    add_json(hand_out)
    hand_out.set_defaults(run=run_hand_out)

    brought = commands.add_parser("open", help=_("open a file that another laptop made"),
                                  description=_("Say what a file is (a hand-out, changes, an invitation) and then do what it is for. JSON: what, done, and of "
                                                "a hand-out by, gathering, guests, number, of changes by, new, opened, refused, of an invitation chapter, "
                                                "role (null where an older file does not say). With --look of a hand-out no guests, of changes by, parcels."))
    brought.add_argument("file", metavar="FILE")
    brought.add_argument("--look", action="store_true", help=_("only say what it is"))
    brought.add_argument("--device-name", metavar="NAME", help=_("of an invitation: what the others call this laptop"))
    add_json(brought)
    brought.set_defaults(run=run_open)


def until_ended(wait: Callable[[], None], stop: Callable[[], None]) -> None:
    """Wait; Ctrl+C and the system's request to end both end it well."""
    if threading.current_thread() is threading.main_thread():
        with suppress(ValueError):
            interrupt = signal.getsignal(signal.SIGINT)  # ignored where a shell started it in the background; the request to end is not
            signal.signal(signal.SIGTERM, interrupt if callable(interrupt) else signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            wait()
    finally:
        stop()


def run_share(args: argparse.Namespace) -> int:
    """Share until ended."""
    from alumni_desk.gatherings.lists import resolve
    from alumni_desk.sync.venue.places import interfaces
    from alumni_desk.sync.venue.sharing import Sharing

    with opened(args, create=False) as desk:
        gathering = resolve(desk, args.gathering) if args.gathering else None
        sharing = Sharing(desk, host=args.host, port=args.port, gathering=gathering, new_code=args.new_code)
        ended = threading.Event()

        def wait() -> None:
            said = _("Sharing at {address} with the code {code}. Ctrl+C ends it.").format(address=sharing.address, code=sharing.code)
            if not args.host and not interfaces():
                said = _("{sharing}\nThis laptop is in no network, so nobody can reach it: join the Wi-Fi that the others are in, or open a phone’s hotspot "
                         "for all, then share again.").format(sharing=said)
            show(args, {"address": sharing.address, "code": sharing.code, "gathering": gathering}, said)
            sys.stdout.flush()
            while not ended.wait(LOOK_SECONDS):
                if sharing.over is not None:
                    raise sharing.over

        until_ended(wait, sharing.stop)
    return 0


def run_join_laptop(args: argparse.Namespace) -> int:
    """Exchange with a laptop that shares."""
    from alumni_desk.sync.venue.visiting import Visit

    with opened(args) as desk:
        address, code = _where(desk, args.words)
        visit = Visit(desk, address, code, told=_Telling(lambda: visit.address))

        def wait() -> None:
            met = visit.once()
            given = ngettext("{n} bundle of changes given", "{n} bundles of changes given", met.given).format(n=number(met.given))
            words = [_("{given}, {taken}.").format(given=given, taken=ngettext("{n} taken", "{n} taken", met.taken).format(n=number(met.taken)))]
            if met.joined:
                words.insert(0, _let_in_words(desk, met))
            show(args, asdict(met), "\n".join(words))
            sys.stdout.flush()
            if args.stay:
                visit.stay()

        until_ended(wait, visit.close)
    return 0


def _let_in_words(desk: Desk, met: Met) -> str:
    """At whose door this laptop was let in; its list may be still to come, and the gathering's name with it."""
    from alumni_desk.store import driver

    with desk.asking() as connection:
        row = driver.row(connection, "SELECT name FROM gathering WHERE id = ?", (met.gathering or "",))
    if row is None or not row[0]:
        return _("Let in at a door of {chapter}.").format(chapter=met.chapter)
    return _("Let in at the door of {gathering}.").format(gathering=row[0])


class _Telling:
    """Says on the error output when the laptop that shares goes away, and when it is back; each once, whichever thread hears it first."""

    def __init__(self, address: Callable[[], str]) -> None:
        self._address, self._said = address, ""
        self._one = threading.Lock()

    def __call__(self, stations: object, problem: KnownError | None) -> None:
        with self._one:
            said = self._words(problem) if problem is not None else ""
            if said != self._said:
                print(said or _("The laptop at {address} answers again.").format(address=self._address()), file=sys.stderr, flush=True)
                self._said = said

    def _words(self, problem: KnownError) -> str:
        if problem.code in ("venue_not_sharing", "venue_closed", "venue_other_network", "venue_no_such_name"):  # it was met: nothing was mistyped
            return _("The laptop at {address} does not answer any more; this one keeps trying, and keeps for it what is done here.").format(
                address=self._address())
        return str(problem)


def _where(desk: Desk, words: list[str]) -> tuple[str, str]:
    """The address and the code; without an address whoever is found."""
    from alumni_desk.protocol.codes import read_venue_code
    from alumni_desk.sync.venue.finding import find
    from alumni_desk.sync.venue.places import read_qr

    scanned = read_qr(words[0])
    if scanned is not None:
        return scanned
    if read_venue_code(" ".join(words)) is None:
        if len(words) < 2:
            raise BadInput("venue_code_form", _("That is not a whole code: it has ten letters and digits, as the other laptop shows them."))
        return words[0], " ".join(words[1:])
    search = find(_membership(desk))
    if search.why is not None:
        raise NetworkProblem(f"venue_{search.why}", search.sentence)
    first = next(one for one in search.found if one.reachable and one.ours is not False)
    return str(first.place), " ".join(words)


def _membership(desk: Desk) -> Membership | None:
    from alumni_desk.sync import state

    with desk.reading() as connection:
        return state.read(connection, state.Membership)


def run_find(args: argparse.Namespace) -> int:
    """List the laptops that share here."""
    from alumni_desk.sync.venue.finding import find

    with opened(args) as desk:
        search = find(_membership(desk), seconds=max(0.1, min(args.seconds, 60)))
    data = {"laptops": [{"address": str(one.place), "reachable": one.reachable, "same_chapter": one.ours} for one in search.found],
            "why": search.why, "sentence": search.sentence}
    lines = [str(one.place) if one.reachable else _("{address}  does not answer").format(address=one.place) for one in search.found]
    return show(args, data, "\n".join([*lines, *filter(None, [search.sentence])]))


def run_parcel(args: argparse.Namespace) -> int:
    """Write a transfer file, or read one."""
    from alumni_desk.sync.venue.files import read_parcels, write_parcels

    file = Path(args.file).expanduser()
    with opened(args) as desk:
        if args.what == "write":
            written = write_parcels(desk, file)
            return show(args, {"file": str(file), "parcels": written.parcels, "own": written.own},
                        ngettext("{n} bundle of changes is in {file}. It stays here, too, until the server has it.",
                                 "{n} bundles of changes are in {file}. They stay here, too, until the server has them.", written.parcels).format(
                                     n=number(written.parcels), file=file))
        return _taken(args, read_parcels(desk, file), {})


def _taken(args: argparse.Namespace, taken: TakenIn, more: dict[str, Any]) -> int:
    said = [ngettext("{n} new bundle of changes, {opened} opened here.", "{n} new bundles of changes, {opened} opened here.", taken.new).format(
        n=number(taken.new), opened=number(taken.opened))]
    if taken.refused:
        said.append(ngettext("{n} was left: its laptop is removed or not known, or it is damaged.",
                             "{n} were left: their laptops are removed or not known, or they are damaged.", taken.refused).format(n=number(taken.refused)))
    return show(args, {**more, "new": taken.new, "opened": taken.opened, "refused": taken.refused}, " ".join(said))


def run_hand_out(args: argparse.Namespace) -> int:
    """Write a gathering's hand-out."""
    from alumni_desk.gatherings.lists import resolve
    from alumni_desk.sync.venue.files import write_handout

    file = Path(args.output).expanduser()
    with opened(args) as desk:
        made = write_handout(desk, resolve(desk, args.gathering), file)
    return show(args, {"file": str(file), "gathering": made.gathering, "guests": made.guests, "number": made.number},
                ngettext("The list of {gathering} with {n} guest is in {file}.", "The list of {gathering} with {n} guests is in {file}.", made.guests).format(
                    gathering=made.name, n=number(made.guests), file=file))


def run_open(args: argparse.Namespace) -> int:
    """Say what a file is, and do what it is for."""
    from alumni_desk.sync.engine import Joined
    from alumni_desk.sync.venue.files import look_at, open_file
    from alumni_desk.sync.venue.handouts import leads_words
    from alumni_desk.sync.venue.holding import TakenIn

    file = Path(args.file).expanduser()
    brought = look_at(file)
    by = brought.by or brought.chapter or (_("a chapter") if brought.what == "invitation" else _("somebody of the chapter"))
    said = {"handout": _("A hand-out: a gathering’s list for its door, made by {by}."), "parcels": _("Changes that {by} carries to the server."),
            "invitation": _("An invitation to {by}.")}[brought.what].format(by=by)
    made = {} if brought.what == "invitation" else {"by": brought.by}
    data: dict[str, Any] = {"what": brought.what, **made, "done": not args.look}
    if args.look:
        told: dict[str, dict[str, Any]] = {
            "handout": {"gathering": brought.gathering, "number": brought.number}, "parcels": {"parcels": brought.parcels},
            "invitation": {"chapter": brought.chapter, "role": brought.role or None}}
        return show(args, {**data, **told[brought.what]}, said)
    if not args.json and brought.what == "invitation":
        print(said, flush=True)
    with opened(args) as desk:
        result = open_file(desk, file, device_name=args.device_name)
    if not args.json and brought.what != "invitation":  # who made it is said once that was checked
        print(said, flush=True)
    if isinstance(result, TakenIn):
        return _taken(args, result, data)
    if isinstance(result, Joined):
        return show(args, {**data, "chapter": result.chapter, "role": result.role},
                    _("Joined {chapter}. “alumni-desk sync” brings its list here.").format(chapter=result.chapter))
    words = ngettext("{gathering}: {n} guest.", "{gathering}: {n} guests.", result.guests).format(gathering=result.name, n=number(result.guests))
    if result.leads:
        words = f"{words} {leads_words()}"
    elif not result.taken:
        words = f"{words} {_('A list that is as new or newer is here already; nothing was changed.')}"
    data["done"] = result.taken and not result.leads
    return show(args, {**data, "gathering": result.gathering, "guests": result.guests, "number": result.number}, words)
