"""Sync without a window: join, sync, status."""

from __future__ import annotations

import argparse
import queue
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from alumni_desk.cli.arguments import an_address, whole_number
from alumni_desk.cli.output import add_json, local_moment, opened, show
from alumni_desk.errors import BadInput, KnownError, NetworkProblem, NotFound
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.store.desk import Desk
    from alumni_desk.sync.engine import SyncResult


def add_commands(commands: Any) -> None:
    """Declare the sync commands."""
    join = commands.add_parser(
        "join", help=_("join a server with an invitation"),
        description=_("Join the server at URL with an invitation’s CODE, or with an invitation’s file alone. "
                      "JSON: scope, chapter, role. An address that carries "
                      "#sha256=… pins the server’s own certificate. A desk that has joined takes a new invitation of the same chapter when its server "
                      "moved, has another certificate, or removed this laptop; what waits to be sent stays."))
    join.add_argument("url", metavar="URL|FILE", help=_("the server’s address, as the invitation says it; or the invitation’s file"))
    join.add_argument("code", metavar="CODE", nargs="*", help=_("the invitation’s code: four groups of four"))
    join.add_argument("--merge", action="store_true", help=_("carry the people and gatherings that are here over into the chapter’s list"))
    join.add_argument("--device-name", metavar="NAME", help=_("what the others call this laptop"))
    add_json(join)
    join.set_defaults(run=run_join)

    keep = commands.add_parser(
        "keep", help=_("this laptop keeps the chapter for the others"),
        description=_("Keep the chapter for its other laptops, without an office’s server: makes a server on this laptop the first time, joins it with "
                      "everything that is here, sends what waits, and serves until ended. “alumni-desk invite” invites the others. JSON, once it serves: url."))
    keep.add_argument("--host", type=an_address, default="0.0.0.0", metavar="ADDRESS", help=_("address to listen on; default every one of this computer"))
    keep.add_argument("--chapter", metavar="NAME", help=_("the chapter’s name, where nobody has given it one yet"))
    keep.add_argument("--anyway", action="store_true", help=_("take the place of a server, or of a laptop that kept the chapter, that is gone for good: what "
                                                              "this laptop has not got of it is lost, and the others follow with an invitation each"))
    keep.add_argument("--port", type=whole_number(1, 65_535), metavar="N", help=_(
        "the port to serve at, from now on; without it the one given last, the first time 8413 or a free one; another one the others find by themselves in "
        "the same network"))
    add_json(keep)
    keep.set_defaults(run=run_keep)

    move = commands.add_parser(
        "move", help=_("move the chapter to another server"),
        description=_("Leave this desk’s server for the one at URL, or of an invitation’s FILE, with everything: what waits goes to the present server first, "
                      "then all that is here is offered to the new one, each value under the clock that it has. "
                      "Each laptop moves with an invitation of its own, in any order. "
                      "Where the chapter there has people already who are none of this one’s, it says so and moves nothing without --merge. "
                      "A laptop at a door takes an invitation to the same door: what was done on it goes along. "
                      "Where this laptop keeps the chapter, let keep run beside it, and afterwards until the others have synced: it tells them. "
                      "JSON: scope, chapter, role, others_told (whether keep, or the window, tells the others; null where the chapter was not kept here)."))
    move.add_argument("url", metavar="URL|FILE", help=_("the new server’s address, as the invitation says it; or the invitation’s file"))
    move.add_argument("code", metavar="CODE", nargs="*", help=_("an invitation of the new server: a leader’s, or at a door one to the same door"))
    move.add_argument("--anyway", action="store_true", help=_("though the present server cannot be reached"))
    move.add_argument("--merge", action="store_true", help=_("though the chapter there has people already, none of whom is of this one: put these beside them"))
    add_json(move)
    move.set_defaults(run=run_move)

    sync = commands.add_parser("sync", help=_("send what waits and take what is new"),
                               description=_("Sync now. JSON: pushed, pulled, waiting, conflicts (fields that two people changed at once, "
                                             "still to be decided on; leaders are told), refused, quarantined (changes of removed laptops set aside in this "
                                             "chapter; leaders are told), identical (true: all that is "
                                             "here is all that the server has for this laptop; null: not compared since something changed), "
                                             "mended (records that this comparison found missing or different here, and put right), "
                                             "dropped (changes that were not sent yet, of somebody whom others erased: they went with them)."))
    sync.add_argument("--check", action="store_true", help=_("compare everything with the server, not once a day alone"))
    add_json(sync)
    sync.set_defaults(run=run_sync)

    refused = commands.add_parser("refused", help=_("changes that the server did not take"),
                                  description=_("Changes that the server did not take and that were taken back here, newest first. "
                                                "JSON: a list of id, at, what, reason."))
    refused.add_argument("--limit", metavar="N", type=whole_number(1), default=200, help=_("how many at most (200)"))
    add_json(refused)
    refused.set_defaults(run=run_refused)

    status = commands.add_parser("status", help=_("where the data stands"),
                                 description=_("Where the data stands. JSON: state (alone, waiting, synced, trouble, ended, removed; "
                                               "invitation: restored from another computer’s backup, so it needs one), waiting, last_sync, "
                                               "clock_ahead_seconds (this laptop’s clock against the server’s, or without one against the newest "
                                               "changes here; negative: behind), role (admin, leader, door), "
                                               "gathering (of a laptop at the door), until (how long it may see what it sees), "
                                               "checked (when all was last compared with the server, UTC, or null), identical (as of sync: true: all that is "
                                               "here is all that the server has for this laptop; null: not compared since something changed), "
                                               "mended (how many records were put right when it was last compared)."))
    add_json(status)
    status.set_defaults(run=run_status)


def run_join(args: argparse.Namespace) -> int:
    """Join a server."""
    from alumni_desk.cli.output import profile_of
    from alumni_desk.store import removal
    from alumni_desk.sync.engine import join

    url, code = _way(args.url, " ".join(args.code))
    profile = profile_of(args)
    removal.start_again(profile)
    fresh = removal.removed(profile) is not None and not profile.exists
    try:
        with opened(args, anew=True) as desk:
            joined = join(desk, url, code, merge=args.merge, device_name=args.device_name)
    except NetworkProblem:
        raise  # the server may have said yes: the same code goes on with the key that was made
    except KnownError:
        if fresh:
            removal.empty_again(profile)
        raise
    removal.begun_again(profile)
    show(args, asdict(joined), _("Joined {chapter}. “alumni-desk sync” brings its list here.").format(chapter=joined.chapter))
    return 0


def run_keep(args: argparse.Namespace) -> int:
    """Keep the chapter until ended."""
    import signal

    from alumni_desk.sync import keeping, moving_mark, state, taking_over

    ended: queue.SimpleQueue[int] = queue.SimpleQueue()  # unlike an Event, what a signal may interrupt at any place and put into
    with opened(args) as desk:
        with desk.reading() as connection:
            keeping.refuse_at_door(state.read(connection, state.Membership))
        if args.chapter:
            keeping.name_chapter(desk, args.chapter)
        elif not args.anyway and not keeping.keeps(desk) and not keeping.has_name(desk):
            raise BadInput("chapter_needed", _("Say what the chapter is called: --chapter NAME."))
        known = keeping.known_port(desk)
        serving = (taking_over.take_over if args.anyway else keeping.begin)(desk, port=args.port, host=args.host)
        try:
            _say_port(known, args.port, announced=args.host == "0.0.0.0")
            _send_what_is_here(desk)
            for kind in (signal.SIGINT, signal.SIGTERM):
                signal.signal(kind, lambda number, _frame: ended.put(number))
            show(args, {"url": serving.url}, _("This laptop keeps the chapter, at {url}. Ctrl+C ends it.").format(url=serving.url))
            sys.stdout.flush()
            moved = False
            while serving.running and not _came(ended, 0.5):
                if moving_mark.stands(desk.profile.path):
                    keeping.look_after(desk)
                if not moved and not keeping.keeps(desk):
                    moved = True
                    serving.part()
                    keeping.forget_former(desk)
                    print(_("The chapter has moved to another server, so this laptop keeps it no more. The other laptops hear so from it as long as this runs; "
                            "Ctrl+C ends it."), file=sys.stderr, flush=True)
            lost = not serving.running
        finally:
            serving.stop()
        if lost and not keeping.keeps(desk):
            keeping.forget_former(desk)
            if not moved:
                print(_("The chapter has moved to another server, so this laptop keeps it no more."), file=sys.stderr, flush=True)
            return 0
    if lost:
        raise NetworkProblem("keeps_ended", _("The server on this laptop has ended by itself. Everything is saved; start “keep” again."))
    return 0


def _came(ended: queue.SimpleQueue[int], seconds: float) -> bool:
    """Whether something came within that time."""
    try:
        ended.get(timeout=seconds)
    except queue.Empty:
        return False
    return True


def _say_port(known: int | None, port: int | None, *, announced: bool) -> None:
    """Say what another port than the others know means for them. ``announced``: it listens at every address, so the network is told where."""
    if known is None or port is None or port == known:
        return
    words = _("The other laptops look for this one at port {known}. In the same network they find it at port {port} by themselves; one that does not needs a "
              "new invitation (“alumni-desk invite”). What they have to send stays with them until then.") if announced else _(
        "The other laptops look for this one at port {known}: each learns of port {port} by a new invitation (“alumni-desk invite”), for what listens at one "
        "address alone is not announced in the network. What they have to send stays with them until then.")
    print(words.format(known=known, port=port), file=sys.stderr, flush=True)


def _send_what_is_here(desk: Desk) -> None:
    """Sync once, so that whoever joins first finds everybody; what stands in its way is said, and it is served all the same."""
    from alumni_desk.sync.engine import sync_once

    try:
        sync_once(desk)
    except KnownError as problem:
        print(problem, file=sys.stderr, flush=True)


def run_move(args: argparse.Namespace) -> int:
    """Move the chapter to another server."""
    from alumni_desk.sync.keeping import is_serving, move_away

    url, code = _way(args.url, " ".join(args.code))
    with opened(args) as desk:
        told = is_serving(desk)
        moved = move_away(desk, None, url, code, anyway=args.anyway, merge=args.merge)
    words = _("This desk belongs to {chapter} at the new server now. “alumni-desk sync” brings everything there.").format(chapter=moved.scope_name)
    if told is False:
        words += "\n" + _(
            "The other laptops of this chapter do not hear that it has moved: nothing answers them here any more. Tell whoever has one, and give each an "
            "invitation to the new server: Sync, Details, “It has moved”, or “alumni-desk move FILE --anyway”.")
    show(args, {"scope": moved.scope, "chapter": moved.scope_name, "role": moved.role, "others_told": told}, words)
    return 0


def _way(text: str, code: str) -> tuple[str, str]:
    """Address and code: as they are given, or out of an invitation's file or the text of its QR code."""
    from pathlib import Path

    from alumni_desk.sync import inviting

    if code:
        return text, code
    file = Path(text).expanduser()
    if file.is_file():
        if inviting.is_picture(file):
            raise BadInput("invitation_picture", _(
                "{file} is a picture, and only the window reads pictures: Sync, “Join with an invitation”, “From a file”. Or give the address and the code "
                "that stand beside the square code."), file=file)
        way = inviting.read(file)
        return way.url, way.code
    said = inviting.read_text(text)
    if said is None and "://" not in text and (file.suffix.lower() == inviting.ENDING or len(file.parts) > 1):
        raise NotFound("no_file", _("There is no file {file}. Look where the invitation was saved."), file=file)
    if said is None and "://" in text:
        raise BadInput("join_code", _("Give the invitation’s code after the address, or the invitation’s file."))
    if said is None:
        raise BadInput("join_code", _("There is no file {name}. If it is an address, give the invitation’s code after it; else give the invitation’s file."),
                       name=text)
    return said.url, said.code


def run_sync(args: argparse.Namespace) -> int:
    """Sync once."""
    from alumni_desk.sync.engine import mended_words, status, sync_once
    from alumni_desk.sync.refused import refused as list_refused

    with opened(args) as desk:
        result = sync_once(desk, check=args.check)
        if result.identical is None and not result.waiting and status(desk).checked is None:
            result = _checked_at_once(desk, result)
        if desk.setting("keeps_chapter") is not None:
            from alumni_desk.sync.keeping import look_after

            look_after(desk)
        standing = status(desk)
        gone = list_refused(desk, min(result.refused, 10)) if result.refused else []
    lines = [_("{sent}, {received}.").format(
        sent=ngettext("{n} change sent", "{n} changes sent", result.pushed).format(n=number(result.pushed)),
        received=ngettext("{n} change fetched", "{n} changes fetched", result.pulled).format(n=number(result.pulled)))]
    if result.waiting:
        lines.append(_("{count} still to send.").format(count=result.waiting))
    if result.refused:
        lines.append(ngettext("{n} change was not taken by the server and was taken back here:",
                              "{n} changes were not taken by the server and were taken back here:", result.refused).format(n=number(result.refused)))
        lines.extend(f"  {one.what}. {one.why}" for one in gone)
        if result.refused > len(gone):
            lines.append(_("  “alumni-desk refused” lists them all."))
    if result.dropped:
        lines.append(ngettext("{n} change that was not sent yet was of somebody whom others erased, and went with them.",
                              "{n} changes that were not sent yet were of people whom others erased, and went with them.", result.dropped).format(
                                  n=number(result.dropped)))
    if result.identical is not None:
        nothing = _("Checked: {found}").format(found=mended_words(standing.mended)) if standing.mended else _("Checked: nothing missing.")
        lines.append(nothing if result.identical else _("Checked: something differs from the server; the next sync fetches it again."))
    if result.conflicts:
        lines.append(ngettext("{n} field that two people changed at once is to be decided on; until then what is shown counts: see conflicts.",
                              "{n} fields that two people changed at once are to be decided on; until then what is shown counts: see conflicts.",
                              result.conflicts).format(n=number(result.conflicts)))
    if result.quarantined:
        lines.append(ngettext("{n} change of a removed laptop is set aside: see set-aside.",
                              "{n} changes of removed laptops are set aside: see set-aside.", result.quarantined).format(n=number(result.quarantined)))
    if standing.clock:
        lines.append(standing.clock)
    data = {**asdict(result), "mended": standing.mended if result.identical is not None else 0}
    del data["clashes"]
    show(args, data, "\n".join(lines))
    return 0


def _checked_at_once(desk: Desk, result: SyncResult) -> SyncResult:
    """After a first sync that brought much: whoever asks whether all of it is there does not wait for the next one to hear it."""
    from dataclasses import replace

    from alumni_desk.sync.engine import sync_once

    try:
        again = sync_once(desk, check=True)
    except NetworkProblem:  # all is synced, and the check is due at the next; that there is no contact any more the next says, too
        return result
    return replace(again, pushed=result.pushed + again.pushed, pulled=result.pulled + again.pulled, refused=result.refused + again.refused,
                   dropped=result.dropped + again.dropped)


def run_refused(args: argparse.Namespace) -> int:
    """List what the server did not take."""
    from alumni_desk.sync.refused import refused

    with opened(args) as desk:
        found = refused(desk, args.limit)
    show(args, [{"id": one.id, "at": one.at, "what": one.what, "reason": one.reason} for one in found],
         "\n".join(f"{local_moment(one.at)}  {one.what}. {one.why}" for one in found) or _("The server took everything."))
    return 0


def run_status(args: argparse.Namespace) -> int:
    """Say where the data stands."""
    from alumni_desk.cli.output import profile_of
    from alumni_desk.store import disk, removal
    from alumni_desk.sync.engine import status

    profile = profile_of(args)
    ended = removal.removed(profile) if disk.can_only_be_read(profile.path) else removal.finish(profile)
    if ended is not None:
        gone = {"state": "removed", "waiting": 0, "last_sync": None, "clock_ahead_seconds": 0, "role": None, "gathering": None, "until": None,
                "checked": None, "identical": None, "mended": 0}
        show(args, gone, ended.sentence)
        return 0
    with opened(args) as desk:
        standing = status(desk)
    data = {"state": standing.state, "waiting": standing.waiting, "last_sync": standing.last_sync, "clock_ahead_seconds": standing.ahead_s,
            "role": standing.role, "gathering": standing.gathering, "until": standing.until,
            "checked": standing.checked, "identical": standing.same_now, "mended": standing.mended}
    show(args, data, "\n".join(filter(None, dict.fromkeys((standing.sentence, standing.access, standing.checked_sentence, standing.clock)))))
    return 0
