"""The sync of a desk: join, sync once, and where its data stands. No Qt, no thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import sqlalchemy as sa

from alumni_desk.errors import KnownError, NetworkProblem, Refused
from alumni_desk.protocol.clock import AHEAD_MS, wall_ms
from alumni_desk.protocol.messages import PAGE_ROWS, HelloReply
from alumni_desk.store import removal
from alumni_desk.store.desk import Desk
from alumni_desk.sync import (
    access,
    came_anyhow,
    conflicts_told,
    digest,
    door,
    erasing,
    keeper_finding,
    lately,
    leaving,
    moved_away,
    moving_cards,
    operations,
    session,
    silence,
    snapshot,
    state,
    still,
)
from alumni_desk.sync import conflicts as deciding
from alumni_desk.sync import join as joining
from alumni_desk.sync.address import Address
from alumni_desk.sync.hello import ending, hello
from alumni_desk.sync.kept import kept_elsewhere, kept_here
from alumni_desk.sync.listening import Listening
from alumni_desk.sync.pull import cursor_of, follow_timeline, pull
from alumni_desk.sync.push import Pushed, push, pushing
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.relaying import forget_settled_operations, relay
from alumni_desk.sync.wire import Wire
from alumni_desk.words import _, clock_time, day, ngettext, number

log = logging.getLogger(__name__)

_ROUNDS = 3
"""A second is for what was saved meanwhile and for a server that was restored; more would race somebody who types."""

WARNED_DAYS = 10
"""How long before its end an access that ends without contact is warned of."""

Progress = Callable[[Literal["push", "pull"], int], None]
"""Told the step and how many operations went up, or rows came down, so far."""


@dataclass(frozen=True)
class SyncResult:
    """What one sync did: operations sent, rows received, operations still to send, and the refusals that came up.

    ``conflicts``: fields that two people changed at once and nobody has decided on, for leaders and admins; ``clashes``: those that this sync brought up.
    ``identical``: whether all that is here is all that the server has for us, as the last check found it, if nothing has changed since; else None.
    ``dropped``: changes that were not sent yet, of somebody whom others erased: they went with them.
    """

    pushed: int
    pulled: int
    waiting: int
    conflicts: int
    refused: int
    quarantined: int = 0  # changes of removed laptops that wait for a leader's look, of the whole chapter; leaders and admins are told
    identical: bool | None = None
    clashes: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Standing:
    """Where the data stands. ``state``: alone, waiting, synced, trouble, ended, or invitation (restored from
    another computer's backup: this laptop needs an invitation of its own); ``last_sync``: ISO 8601 UTC or None; ``sentence`` for the chip.

    ``clock`` says that this computer's clock is wrong by more than five minutes, else it is empty; ``ahead_s`` by how many seconds (negative: behind).
    Without a server it is compared with the newest changes here: it cannot be before them.
    ``role`` (admin, leader, door) and ``gathering``: what this laptop may see; ``until``: how long; ``access`` says that it is over, or will soon be.
    ``checked``: when all that is here was last compared with the server (ISO 8601 UTC, or None), ``identical`` what was found then;
    ``same_now``: the same as ``identical`` of a sync, None where something came, went or was written since.
    """

    state: Literal["alone", "waiting", "synced", "trouble", "ended", "invitation"]
    waiting: int
    last_sync: str | None
    sentence: str
    clock: str = ""
    ahead_s: int = 0
    checked: str | None = None
    identical: bool | None = None
    same_now: bool | None = None
    mended: int = 0  # rows that this check found to be missing or different here, and put right
    role: str | None = None
    gathering: str | None = None
    until: str | None = None
    access: str = ""
    chip: str = ""  # fewer words than the sentence, where it is too long for the chip
    locked: bool = False  # a leader's laptop without contact for too long: nothing is shown before the next one
    late: bool = False  # and a door's whose time is over by its own clock alone
    carrying: bool = False  # what other laptops did is here, and not at the server as far as this one knows

    @property
    def short(self) -> str:
        """What the chip says."""
        return self.chip or self.sentence

    @property
    def checked_sentence(self) -> str:
        """What the last check against the server found, and when; empty before there was one."""
        if self.checked is None:
            return ""
        found = _("nothing missing") if self.identical else _("something differs; the next sync fetches it again")
        if self.identical and self.mended:
            found = mended_words(self.mended)
        when = datetime.fromisoformat(self.checked).astimezone()
        return _("Checked: {found} ({day}, {time})").format(found=found, day=day(when), time=clock_time(when))


@dataclass(frozen=True)
class Joined:
    """The chapter that the desk belongs to now, as the server names it, and the desk's role there."""

    scope: str
    chapter: str
    role: str


def join(desk: Desk, url: str, code: str, merge: bool = False, device_name: str | None = None, *, wire: Wire | None = None) -> Joined:
    """Join a server with an invitation; raises ``sync_members_here`` where people are here already and ``merge`` was not said."""
    membership = joining.join(desk, url, code, merge=merge, device_name=device_name, wire=wire)
    desk.outbox.make_anew(desk)  # it holds what this laptop is to the server, too
    return Joined(membership.scope, membership.scope_name, membership.role)


def sync_once(desk: Desk, progress: Progress | None = None, *, wire: Wire | None = None, check: bool = False, stays: datetime | None = None,
              listening: Listening | None = None) -> SyncResult:
    """Send what waits, then take what is new. Killed anywhere, the next call finishes the work.

    Once a day, after a first sync and with ``check`` all that is here is compared with the server; what differs is fetched again. ``stays``: somebody
    types, so a term that was handed over may go on until then; Refused ``term_ended`` says so. ``listening``: what this desk listens by in another
    thread: what that brings is waited for, and not fetched twice.
    """
    at_rest = None if check else still.membership_of(desk)
    membership = at_rest or _membership(desk)
    door.pass_time(desk, membership)
    line = wire or Wire(Address(membership.url, membership.fingerprint))
    work = partial(_sync, desk, line, progress=progress, check=check, stays=stays, listening=listening)
    try:
        try:
            if at_rest is not None and (same := still.result(desk, line, membership)) is not None:
                result, old = same
                if not old:
                    return result
            else:
                result = work(membership)
        except NetworkProblem as trouble:
            moved = keeper_finding.follow(desk, line, membership, trouble)
            if moved is None:
                raise
            result = work(moved)
    except KnownError as found:
        if found.code in ("sync_stopped", removal.CODE, leaving.PUT_OFF):
            raise
        with desk.reading() as connection:
            problem = silence.explained(connection, found)
        _remember(desk, problem.code)
        if problem is found:
            raise
        raise problem from None
    finally:
        if wire is None:
            line.close()
    result = replace(result, dropped=_remember(desk, None, result))
    if result.waiting == 0 and (result.pushed or result.refused):
        desk.outbox.make_anew(desk)  # what the server has needs no second copy
    still.note(desk, replace(result, pushed=0, pulled=0, clashes=0, refused=0, dropped=0))
    return result


def wire_of(desk: Desk) -> Wire:
    """A line to the desk's server for one sync, for who may want to ``stop`` it; the caller closes it."""
    membership = _membership(desk)
    return Wire(Address(membership.url, membership.fingerprint))


def _membership(desk: Desk) -> state.Membership:
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
    if membership is None:
        raise Refused("sync_alone", _("This desk works alone. Join a server with an invitation first."))
    return membership


def _sync(desk: Desk, wire: Wire, membership: state.Membership, progress: Progress | None, *, check: bool, stays: datetime | None,
          listening: Listening | None) -> SyncResult:
    session.resume(desk, wire)
    erasing.finish(desk)  # the program ended in the middle of it
    server = hello(desk, wire, membership)
    if (why := ending(server.commands)) is not None:
        if stays is not None and (put_off := leaving.put_off(why, stays)) is not None:
            raise put_off
        leaving.go(desk, wire, membership, why, None if progress is None else partial(progress, "push"), server=server)
        found = removal.removed(desk.profile)
        if found is not None:
            raise found.error
    membership = door.follow_grant(desk, membership, server)
    door.note_contact(desk, membership, server.time)
    if door.has_ended(membership, server):
        return _after_the_end(desk, wire, membership, server, progress)
    head = server.heads[membership.scope]
    follow_timeline(desk, membership, head.timeline, known=membership.scope not in server.unknown)
    told = conflicts_told.tell_decided(desk, wire, membership, server)
    pushed, pulled, trouble, anew, carried = Pushed(), 0, None, check, False
    brought = membership.gathering is not None and _bring_first(desk, wire, membership, server, pushed)
    by_file = partial(snapshot.take, desk, wire, membership, head)
    alone = nullcontext if listening is None else listening.aside

    def fetch(beside: Callable[[], AbstractContextManager[None]] = nullcontext) -> int:
        with alone():
            return pull(desk, wire, membership, None if progress is None else partial(_came, progress, pulled), by_file=by_file, beside=beside)

    for _round in range(_ROUNDS):
        with desk.reading() as connection:
            newest = operations.newest(connection)
            whole = snapshot.is_worth(connection, membership.scope, head)
        more = True
        if not whole and _is_a_little_behind(desk, membership.scope, head.sequence):  # then what goes up need not come down again
            try:
                beside = partial(pushing, desk, wire, membership, pushed, newest)
                if listening is not None and listening.hears:
                    with beside():
                        pulled += _brought(desk, membership, listening, head.sequence, progress, pulled)
                if _is_behind(desk, membership.scope, head.sequence, head.chain):
                    pulled += fetch(beside)
            except KnownError as problem:
                log.info("what is new was not fetched before sending, and is asked for again after it: %s", problem.code)
        while more:  # in turns: what comes down never waits for all that goes up
            try:
                more = push(desk, wire, membership, pushed, newest, None if progress is None else partial(progress, "push"))
            except KnownError as problem:
                trouble = problem  # what is new there comes down all the same
            if progress is not None:
                progress("push", pushed.sent)
            if listening is not None and not whole and not pushed.to_fetch:
                pulled += _brought(desk, membership, listening, max(head.sequence, pushed.head), progress, pulled)
            if _is_behind(desk, membership.scope, head.sequence, head.chain):
                with alone():
                    copied = snapshot.take(desk, wire, membership, head, None if progress is None else partial(_came, progress, pulled))
                pulled, check = pulled + copied, check or copied > 0
                pulled += fetch()
            if trouble is not None:
                raise trouble
        if relay(desk, wire, membership, server.backed_up.get(membership.scope, 0)) or brought:
            pulled, brought, carried = pulled + fetch(), False, True
        forget_settled_operations(desk)
        joining.complete_chapter(desk, membership)
        if membership.gathering is None:
            came_anyhow.put_back(desk)
        with desk.reading() as connection:
            waiting = operations.count_waiting(connection)
        if not waiting and not moving_cards.carry_on(desk, membership):
            break
    moved_away.forget_names(desk)
    erasing.finish(desk)
    conflicts_told.exchange(desk, wire, membership, server, fresh=pushed.conflicts > 0, told=told)
    same = None if waiting else _checked(desk, wire, membership, wanted=check, much=pushed.sent + pulled >= digest.MANY, anew=anew)
    if carried and membership.gathering is None:  # of what others did the server may have set something aside
        with suppress(NetworkProblem):  # all is synced; the next one hears of it
            server = hello(desk, wire, membership)
    return SyncResult(pushed=pushed.sent, pulled=pulled, waiting=waiting, conflicts=deciding.count(desk), refused=pushed.refused,
                      quarantined=server.set_aside.get(membership.scope, 0), identical=same, clashes=pushed.conflicts)


def _bring_first(desk: Desk, wire: Wire, membership: state.Membership, server: HelloReply, pushed: Pushed) -> bool:
    """To the server with what others did and this door heard, in turns with what was done here: of what a door noted of somebody of whom the server has
    not heard yet it would refuse all, whichever of them put that guest on the list. Returns whether anything was brought."""
    brought, backed_up = 0, server.backed_up.get(membership.scope, 0)
    try:
        with desk.reading() as connection:
            turns = holding.turns(connection, membership.scope)
        for place, newest in turns:
            brought += relay(desk, wire, membership, backed_up, place)
            while push(desk, wire, membership, pushed, newest):
                pass
        return bool(brought + relay(desk, wire, membership, backed_up))
    except KnownError as problem:
        log.info("what others did was not brought first, and is brought after what was done here: %s", problem.code)
        return True


def _checked(desk: Desk, wire: Wire, membership: state.Membership, *, wanted: bool, much: bool, anew: bool) -> bool | None:
    """What the check found. One that is merely due waits for the next sync where this one had ``much`` to do: nobody shall wait for both. ``anew``: somebody
    asked for it, see ``digest.check``."""
    with desk.reading() as connection:
        if not wanted and (much or not digest.is_due(connection, desk.now())):
            return digest.identical(connection, membership.scope)
    try:
        return digest.check(desk, wire, membership, anew)
    except NetworkProblem as problem:
        log.info("the check against the server was put off: %s", problem.code)  # all is synced; it is due again at the next
        return None


def _after_the_end(desk: Desk, wire: Wire, membership: state.Membership, server: HelloReply, progress: Progress | None) -> SyncResult:
    """This laptop may read nothing more: what it could read goes, what was done on it is still sent."""
    door.end(desk, membership)
    door.offer_again(desk, membership.scope, server)
    pushed = Pushed()
    _bring_first(desk, wire, membership, server, pushed)
    if pushed.sent or pushed.refused:
        door.end(desk, membership)
    while push(desk, wire, membership, pushed):
        door.end(desk, membership)
        if progress is not None:
            progress("push", pushed.sent)
    relay(desk, wire, membership, server.backed_up.get(membership.scope, 0))
    with desk.reading() as connection:
        waiting = operations.count_waiting(connection)
    return SyncResult(pushed=pushed.sent, pulled=0, waiting=waiting, conflicts=0, refused=pushed.refused, clashes=pushed.conflicts)


def _brought(desk: Desk, membership: state.Membership, listening: Listening, head: int, progress: Progress | None, before: int) -> int:
    """Wait for what the listening brings of what the server had then. Returns how many rows came; they may not be all."""
    def is_here() -> bool:
        with desk.reading() as connection:
            return cursor_of(connection, membership.scope).sequence >= head or state.read(connection, state.Rebuilding) is not None

    return listening.bring(is_here, (lambda _: None) if progress is None else partial(_came, progress, before))


def _came(progress: Progress, before: int, count: int) -> None:
    progress("pull", before + count)


def _is_a_little_behind(desk: Desk, scope: str, head: int) -> bool:
    """Whether something waits here, and what is new at the server is not more than a page."""
    with desk.reading() as connection:
        return (0 < head - cursor_of(connection, scope).sequence <= PAGE_ROWS and operations.is_waiting(connection)
                and state.read(connection, state.Rebuilding) is None)


def _is_behind(desk: Desk, scope: str, head: int, chain: str) -> bool:
    """Whether there is anything to pull: something new there, or something of ours that the server has resolved."""
    with desk.reading() as connection:
        cursor = cursor_of(connection, scope)
        there = cursor.sequence > head or (cursor.sequence, cursor.chain) == (head, chain)
        return not there or operations.is_unsettled(connection, scope) or state.read(connection, state.Rebuilding) is not None


def _remember(desk: Desk, trouble: str | None, result: SyncResult | None = None) -> int:
    """Write down how it went. Returns how many changes went with whom they were about, since one went well."""
    dropped = 0
    with desk.applying() as applying:
        if result is not None:
            dropped = erasing.take_dropped(applying.connection)
            lately.note(applying.connection, applying.now, sent=result.pushed, fetched=result.pulled, refused=result.refused, conflicts=result.clashes,
                        dropped=dropped)
            if not result.waiting:
                state.drop(applying.connection, state.WentBack)
        last = state.read(applying.connection, state.LastSync) or state.LastSync()
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if trouble is None else last.at
        state.keep(applying.connection, state.LastSync(at=at, trouble=trouble))
    return dropped


def status(desk: Desk) -> Standing:
    """Where the data stands: cheap, and without asking the server."""
    with desk.reading() as connection:
        return standing(connection)


def standing(connection: sa.Connection) -> Standing:
    """The same, on a connection that is open already."""
    membership = state.read(connection, state.Membership)
    if membership is None:
        behind = _behind_own(connection)
        return Standing("alone", 0, None, _("Saved here"), clock=_own_clock_sentence(behind), ahead_s=-round(behind / 1000))
    skew = state.read(connection, state.Skew) or state.Skew()
    stands = (_elsewhere(connection) or _over(connection) or _late(connection, membership)
              or replace(_standing(connection), access=ending_sentence(membership, datetime.now(UTC))))
    # What was checked on the computer that a backup came from says nothing of this one.
    checked = None if stands.state == "invitation" else state.read(connection, state.Checked)
    ahead_ms = _ahead_now(connection, skew.ahead_ms)
    return replace(stands, clock=clock_sentence(ahead_ms), ahead_s=round(ahead_ms / 1000), role=membership.role, gathering=membership.gathering,
                   until=membership.until, checked=checked.at if checked else None, identical=checked.identical if checked else None,
                   same_now=digest.identical(connection, membership.scope) if checked else None, mended=checked.mended if checked else 0)


def _elsewhere(connection: sa.Connection) -> Standing | None:
    """How it stands with a laptop that has another computer's desk, and no place of its own at the server yet."""
    if state.read(connection, state.Elsewhere) is None:
        return None
    waiting = operations.count_waiting(connection)
    last = state.read(connection, state.LastSync) or state.LastSync()
    kept = kept_elsewhere(connection)
    sentence = session.elsewhere_words(kept=kept)
    return Standing("invitation", waiting, last.at, sentence, access=sentence, chip=_("Nobody keeps the chapter") if kept else _("Needs an invitation"))


def _over(connection: sa.Connection) -> Standing | None:
    """How it stands with a laptop whose time at a door is over."""
    ended = state.read(connection, state.Ended)
    if ended is None:
        return None
    waiting = operations.count_waiting(connection)
    last = state.read(connection, state.LastSync) or state.LastSync()
    sentence = _ended_sentence(ended, waiting)
    chip = _("Access ended · {count} to send").format(count=number(waiting)) if waiting else _("Access ended")
    return Standing("ended", waiting, last.at, sentence, access=sentence, chip=chip)


def _late(connection: sa.Connection, membership: state.Membership) -> Standing | None:
    """How it stands with a laptop whose time at a door is over by its own clock alone, and with a leader's without contact for too long."""
    if access.is_locked(connection):
        stands = _standing(connection)
        return replace(stands, state="ended", sentence=access.locked_words(), access=access.locked_words(), locked=True,
                       chip=_("Locked · {what}").format(what=stands.sentence))
    if not access.is_late(connection):
        return None
    stands = _standing(connection)
    name = connection.exec_driver_sql("SELECT name FROM gathering WHERE id = ?", (membership.gathering or "",)).scalar()
    sentence = access.late_words(name)
    return replace(stands, state="ended", sentence=sentence, access=sentence, late=True, chip=_("Locked · {what}").format(what=stands.sentence))


def _ended_sentence(ended: state.Ended, waiting: int) -> str:
    if ended.name and ended.until:
        what = _("This laptop’s access to the door of {gathering} ended on {day}").format(gathering=ended.name, day=day_long(ended.until))
    else:
        what = _("This laptop’s access to the door ended")
    if not waiting:
        return _("{what}; nothing is left to send.").format(what=what)
    return ngettext("{what}; {n} change is still to send.", "{what}; {n} changes are still to send.", waiting).format(what=what, n=number(waiting))


def mended_words(count: int) -> str:
    """What to say of a check that found rows missing or different here and put them right: a disk may be failing, or somebody wrote past the program."""
    return ngettext("{n} record was missing or different here and was fetched again; nothing is missing now. If that happens again, this computer’s disk may "
                    "be failing.", "{n} records were missing or different here and were fetched again; nothing is missing now. If that happens again, this "
                    "computer’s disk may be failing.", count).format(n=number(count))


def ending_sentence(membership: state.Membership, now: datetime) -> str:
    """What to say of an access that ends within ten days; nothing of any other, and nothing at a door, where everybody expects it."""
    left = door.days_left(membership.until, now)
    if membership.role == door.DOOR or left is None or left > WARNED_DAYS:
        return ""
    return _("This laptop’s access ends on {day}. Sync before, and it goes on.").format(day=day_long(membership.until or ""))


def day_long(until: str) -> str:
    """A moment's day here, in words."""
    day = datetime.fromisoformat(until).astimezone()
    return f"{day.day} {day:%B %Y}"


def clock_sentence(ahead_ms: int) -> str:
    """What to say of a clock that is wrong by more than five minutes; nothing of one that is not."""
    if abs(ahead_ms) <= AHEAD_MS:
        return ""
    if ahead_ms > 0:
        return _("This laptop’s clock is {much} ahead of the server’s. Nothing is lost and every change keeps its order, but set the clock in the "
                 "system’s settings: days and times shown here may be wrong until then.").format(much=_much(ahead_ms))
    return _("This laptop’s clock is {much} behind the server’s. Nothing is lost and every change keeps its order, but set the clock in the "
             "system’s settings: days and times shown here may be wrong until then.").format(much=_much(-ahead_ms))


def _ahead_now(connection: sa.Connection, ahead_ms: int) -> int:
    """How far the clock is ahead (negative: behind): as the server last found, less what it was set back by since."""
    last = state.read(connection, state.LastSync)
    if last is None or last.at is None:
        return ahead_ms
    back = round(datetime.fromisoformat(last.at).timestamp() * 1000) - wall_ms()  # both by this computer's clock
    return ahead_ms - back if back > AHEAD_MS else ahead_ms


_NEWEST = 10
"""Of so many changes it is looked at whether most lie in the future, after one by the present clock, too: that may be the one that is behind."""


def _behind_own(connection: sa.Connection) -> int:
    """By how many milliseconds this computer's clock is behind the newest change here, or behind most of the newest; 0 if by less than five minutes."""
    now = wall_ms()
    newest_first = [round(datetime.fromisoformat(at).timestamp() * 1000) - now for at in connection.exec_driver_sql(
        "SELECT at FROM action ORDER BY rowid DESC LIMIT ?", (_NEWEST,)).scalars()]
    ahead = [one for one in newest_first if one > AHEAD_MS]
    return ahead[0] if ahead and (newest_first[0] > AHEAD_MS or len(ahead) * 2 > len(newest_first)) else 0


def _own_clock_sentence(behind_ms: int) -> str:
    if not behind_ms:
        return ""
    return _("This laptop’s clock is {much} behind the newest change here, so it is wrong, or it was when that was made. Nothing is lost and every change "
             "keeps its order, but look at the clock in the system’s settings: days and times shown here may be wrong.").format(much=_much(behind_ms))


def _much(ms: int) -> str:
    minutes = round(ms / 60_000)
    if minutes < 120:
        return ngettext("{n} minute", "{n} minutes", minutes).format(n=number(minutes))
    hours = round(minutes / 60)
    if hours < 48:
        return ngettext("{n} hour", "{n} hours", hours).format(n=number(hours))
    days = round(hours / 24)
    if days < 730:
        return ngettext("{n} day", "{n} days", days).format(n=number(days))
    years = round(days / 365.25)
    return ngettext("{n} year", "{n} years", years).format(n=number(years))


def _standing(connection: sa.Connection) -> Standing:
    waiting = operations.count_waiting(connection)
    last = state.read(connection, state.LastSync) or state.LastSync()
    if waiting:
        sentence = ngettext("Saved here · {count} to send", "Saved here · {count} to send", waiting).format(count=number(waiting))
        if last.trouble in silence.MOVED:
            return Standing("trouble", waiting, last.at, _("{sentence}, and the chapter has moved").format(sentence=sentence), chip=sentence)
        return Standing("trouble" if last.trouble not in (None, state.RESTORED) else "waiting", waiting, last.at, sentence)
    keeps = kept_here(connection) is not None  # then the server is on this disk, and a second place for nothing
    if last.trouble == state.RESTORED:
        return Standing("waiting", 0, last.at, _("Saved here · what came since the backup is not fetched yet"), chip=_("Saved here · still to fetch"))
    if last.trouble in silence.MOVED:
        return Standing("trouble", 0, last.at, _("Saved here · the chapter has moved"))
    if last.trouble:
        return Standing("trouble", 0, last.at, _("Saved here · the others cannot sync now") if keeps else _("Saved here · no contact with the server"))
    if last.at is None:
        return Standing("waiting", 0, None, _("Joined · not synced yet"))
    if holding.is_carrying(connection):
        sentence = _("Saved here; carries others’ changes, which all laptops get after its next sync") if keeps else _(
            "Saved here and at the server; carries others’ changes to it")
        return Standing("synced", 0, last.at, sentence, carrying=True,
                        chip=_("Saved here · carries others’ changes"))
    if keeps:
        return Standing("synced", 0, last.at, _("Saved here; the other laptops get it from this one, which they reach while Alumni Desk is open on it"),
                        chip=_("Saved here · ready for others"))
    return Standing("synced", 0, last.at, _("Saved here and at the server"))
