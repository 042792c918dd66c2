"""What the door says to each verdict: word, shape, colours, lines and buttons. Guests read this screen too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import Literal

from alumni_desk.checkin.lists import DoorHit, DoorStatus, Headcount, local_time
from alumni_desk.checkin.verdicts import Outcome, Reason, Verdict
from alumni_desk.desktop.dates import day_short, parse_wall
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.tokens import (
    DOOR_ADMITTED,
    DOOR_ALREADY_IN,
    DOOR_NEEDS_A_WORD,
    DOOR_REFUSED,
    DoorColours,
)
from alumni_desk.errors import KnownError
from alumni_desk.words import _, clock_time, ngettext, number

Shape = Literal["tick", "clock", "cross", "hand"]
Sound = Literal["welcome", "look", "stop"]


class Act(Enum):
    """What a button or key of the door does."""

    LET_PASS = "let_pass"
    SOMEONE_ELSE = "someone_else"
    UNDO = "undo"
    PARTY = "party"
    LET_IN = "let_in"
    ADD = "add"
    WALK_IN = "walk_in"
    NOTE = "note"
    AGAIN = "again"
    OTHER_REGISTRATION = "other_registration"


@dataclass(frozen=True)
class Offer:
    """A button on a verdict. ``key`` is shown in a frame, ``hint`` beside the words; the first one is primary."""

    act: Act
    words: str
    key: str = ""
    hint: str = ""
    icon: str | None = None


@dataclass(frozen=True)
class Showing:
    """A verdict as the panel shows it."""

    colours: DoorColours
    shape: Shape
    word: str
    sound: Sound
    name: str = ""
    details: tuple[str, ...] = ()
    status: str = ""
    status_icon: str = ""
    note: str = ""  # 14 px: unreadable for guests at 2 m
    note_icon: str = ""
    foot: str = ""
    offers: tuple[Offer, ...] = ()
    stays: bool = True  # green alone falls back to idle by itself
    trouble: bool = False  # no answer about a guest: something of the world stood in its way
    locked: tuple[str, ...] = ()  # of what is about nobody: the details while the laptop is locked
    spoken: str = ""


def full_name(name: str, tail: str) -> str:
    """Name and class tail, each set so that scripts do not turn each other around; the tail never stands alone."""
    return f"{isolated(name)}\u00a0{isolated(tail)}" if tail else isolated(name)


def first_name(name: str) -> str:
    """What to call somebody on a button: the first word of the name."""
    return name.split(" ")[0] if name else ""


def short_name(name: str) -> str:
    """The name if it fits on a button, else its first word."""
    return name if len(name) <= 22 else first_name(name)


def undo_words(name: str) -> str:
    """What takes a check-in back. Of whoever was erased no name: it is not the erasing that it takes back."""
    return _("Undo") if name == _("Erased") else _("Undo {name}").format(name=isolated(short_name(name)))


def said_time(at: object) -> str:
    """18:42, or nothing."""
    return clock_time(at) if at is not None else ""  # type: ignore[arg-type]


def detail_line(hit: DoorHit | None) -> str:
    """Other script, host, table, pronunciation: what tells this guest from others."""
    if hit is None:
        return ""
    parts = [isolated(hit.other_script_name or "")]
    if hit.host_name:
        parts.append(_("guest of {host}").format(host=isolated(hit.host_name)))
    if hit.table_name:
        parts.append(table_words(hit.table_name))
    if hit.pronunciation:
        parts.append(_("say “{sound}”").format(sound=hit.pronunciation))
    return " · ".join(part for part in parts if part)


def table_words(table: str) -> str:
    """Table 4; a named table keeps its name."""
    return _("Table {table}").format(table=table) if table.isdecimal() else table


def places_words(count: Headcount | None) -> str:
    """34 places are free; nothing without a capacity."""
    if count is None or count.free is None:
        return ""
    if count.free <= 0:
        return _("no place is free")
    return ngettext("{n} place is free", "{n} places are free", count.free).format(n=number(count.free))


def _with_places(sentence: str, count: Headcount | None) -> str:
    places = places_words(count)
    return f"{sentence} · {places}" if places else sentence


def _day(text: str | None) -> str:
    """25 Dec; with the year if it is not this one."""
    try:
        moment = parse_wall(text[:16]) if text else None
    except ValueError:
        return ""
    if moment is None:
        return ""
    day = day_short(moment.date())
    return day if moment.year == date.today().year else f"{day} {moment.year}"


def guests_words(names: Sequence[str]) -> str:
    """Whom a host brings: names, and those whose name is still to come counted."""
    known = [isolated(name) for name in names if name != _("Name to come")]
    unknown = len(names) - len(known)
    if not unknown:
        return ", ".join(known)
    more = ngettext("{n} without a name yet", "{n} without a name yet", unknown).format(n=unknown)
    return ", ".join([*known, more])


def brings_words(names: Sequence[str]) -> str:
    """Whom somebody brings, for a row of the list; nothing for nobody."""
    if names and all(name == _("Name to come") for name in names):
        return ngettext("brings {n} guest", "brings {n} guests", len(names)).format(n=len(names))
    return _("brings {names}").format(names=guests_words(names)) if names else ""


def showing(verdict: Verdict, hit: DoorHit | None, *, zone: str | None = None, count: Headcount | None = None,
            guests: Sequence[DoorHit] = (), namesakes: Sequence[DoorHit] = (), note_open: bool = False) -> Showing:  # fmt: skip
    """What the panel shows for a verdict, with what the list knows of the guest."""
    say = {
        Outcome.ADMITTED: _admitted, Outcome.ALREADY_IN: _already_in, Outcome.NEEDS_A_WORD: _needs_a_word,
        Outcome.REFUSED: _refused,
    }.get(verdict.outcome, _not_found)  # fmt: skip
    return say(verdict, hit, zone, count, guests, namesakes, note_open)


def _admitted(verdict: Verdict, hit: DoorHit | None, zone: str | None, count: Headcount | None, guests: Sequence[DoorHit],
              namesakes: Sequence[DoorHit], note_open: bool) -> Showing:  # fmt: skip
    coming = [g for g in guests if g.status is DoorStatus.EXPECTED]
    offers = []
    foot = ""
    if coming:
        foot = ngettext("{n} guest still to come", "{n} guests still to come", len(coming)).format(n=len(coming))
        if any(g.name != _("Name to come") for g in coming):
            foot += f": {guests_words([g.name for g in coming[:3]])}"
        unnamed = coming[0].name == _("Name to come")
        too = _("Check in their guest too") if unnamed else _("Check in {name} too").format(name=isolated(first_name(coming[0].name)))
        offers.append(Offer(Act.PARTY, too, "F3"))
    offers.append(Offer(Act.UNDO, undo_words(verdict.name), "Ctrl Z", icon="arrow-counter-clockwise"))
    status = {
        Reason.OVER_CAPACITY: _("More people than places: kept with your name"),
        Reason.CANCELLED: _("Had cancelled, let in on purpose"),
        Reason.DECLINED: _("Had said no, let in on purpose"),
        Reason.WAITLISTED: _("From the waiting list, let in on purpose"),
        Reason.NOT_ON_THE_LIST: _("Walk-in"),
        Reason.DECEASED: _("Deceased in the list, let in on purpose"),
    }.get(verdict.reason, "") if verdict.reason else ""  # fmt: skip
    detail = detail_line(hit)
    return Showing(DOOR_ADMITTED, "tick", _("Welcome"), "welcome", full_name(verdict.name, verdict.class_tail),
                   (detail,) if detail else (), status, "user-plus" if verdict.reason is Reason.NOT_ON_THE_LIST else "info" if status else "",
                   foot=foot, offers=tuple(offers), stays=False, spoken=_("Welcome, {name}").format(name=verdict.name))  # fmt: skip


def _already_in(verdict: Verdict, hit: DoorHit | None, zone: str | None, count: Headcount | None, guests: Sequence[DoorHit],
                namesakes: Sequence[DoorHit], note_open: bool) -> Showing:  # fmt: skip
    where = [said_time(local_time(verdict.at, zone)), isolated(verdict.station or "")]
    if verdict.by:
        where.append(_("checked in by {name}").format(name=isolated(verdict.by)))
    since = _("Since {where}").format(where=", ".join(part for part in where if part))
    detail = detail_line(hit)
    coming = [n for n in namesakes if n.status is DoorStatus.EXPECTED]
    status = ""
    if namesakes:
        status = ngettext("{n} more person is called {name}", "{n} more people are called {name}", len(namesakes)).format(
            n=len(namesakes), name=isolated(verdict.name))
        if coming:
            all_of_them = {1: _("still expected"), 2: _("both still expected")}.get(len(coming), _("all still expected"))
            status += ", " + (all_of_them if len(coming) == len(namesakes) else _("{n} still expected").format(n=len(coming)))
    offers = (Offer(Act.LET_PASS, _("Let them pass"), "Enter"),
              Offer(Act.SOMEONE_ELSE, _("It is someone else"), hint=_("type the name")))  # fmt: skip
    return Showing(DOOR_ALREADY_IN, "clock", _("Already in"), "look", full_name(verdict.name, verdict.class_tail),
                   (since, detail) if detail else (since,), status, "users-three" if status else "",
                   foot=_("Back again, or is it someone else?"), offers=offers,
                   spoken=_("Already in: {name}. {since}").format(name=verdict.name, since=since))  # fmt: skip


def _needs_a_word(verdict: Verdict, hit: DoorHit | None, zone: str | None, count: Headcount | None, guests: Sequence[DoorHit],
                  namesakes: Sequence[DoorHit], note_open: bool) -> Showing:  # fmt: skip
    details, note, note_icon = [detail_line(hit)], "", ""
    offers: tuple[Offer, ...]
    let_in = Offer(Act.LET_IN, _("Let in"), "F5")
    else_ = Offer(Act.SOMEONE_ELSE, _("It is someone else"), hint=_("type the name"))
    if verdict.reason is Reason.DOOR_NOTE:
        if note_open:
            note = _("{note} · closes by itself").format(note=isolated((hit.door_note if hit else None) or ""))
            note_icon, offers = "note-pencil", (let_in,)
        else:
            note, note_icon = _("The note is closed: guests can read this screen"), "lock-simple"
            offers = (Offer(Act.NOTE, _("Open the note"), "F7", icon="lock-simple"),)
    elif verdict.reason is Reason.NOT_ON_THE_LIST:
        details.append(_("Member, not on the list"))
        name = isolated(first_name(verdict.name))
        offers = (Offer(Act.ADD, _("Add {name} as a walk-in").format(name=name), "F2", icon="user-plus"), else_)
    else:
        on = _day(hit.answered_at if hit else None)
        details.append({
            Reason.CANCELLED: _("Cancelled on {day}").format(day=on) if on else _("Cancelled"),
            Reason.DECLINED: _("Said no on {day}").format(day=on) if on else _("Said no"),
            Reason.DECEASED: _("The member list says they have died"),
        }.get(verdict.reason or Reason.WAITLISTED, _("On the waiting list")))  # fmt: skip
        offers = (let_in, else_)
    return Showing(DOOR_NEEDS_A_WORD, "hand", _("One moment, please"), "look", full_name(verdict.name, verdict.class_tail),
                   tuple(d for d in details if d), note=note, note_icon=note_icon,
                   foot=_with_places(_("Not checked in yet"), None if verdict.reason is Reason.DOOR_NOTE else count), offers=offers,
                   spoken=_("One moment: {name}. Not checked in yet.").format(name=verdict.name))  # fmt: skip


def _refused(verdict: Verdict, hit: DoorHit | None, zone: str | None, count: Headcount | None, guests: Sequence[DoorHit],
             namesakes: Sequence[DoorHit], note_open: bool) -> Showing:  # fmt: skip
    on = _day(verdict.other_day)
    what = isolated(verdict.other_gathering or _("another gathering"))
    details = [_("This badge is for {gathering}, {day}.").format(gathering=what, day=on) if on
               else _("This badge is for {gathering}.").format(gathering=what)]  # fmt: skip
    name = isolated(first_name(verdict.name))
    if verdict.registration is not None:
        details.append(_("{name} is on this list too.").format(name=name))
        first = Offer(Act.OTHER_REGISTRATION, _("Check in {name} here").format(name=name), "F3")
    else:
        details.append(_("{name} is not on this list.").format(name=name))
        first = Offer(Act.ADD, _("Add {name} as a walk-in").format(name=name), "F2", icon="user-plus")
    return Showing(DOOR_REFUSED, "cross", _("Badge of another gathering"), "stop", full_name(verdict.name, verdict.class_tail),
                   tuple(details), foot=_with_places(_("Not checked in"), count),
                   offers=(first, Offer(Act.SOMEONE_ELSE, _("Try another name"), hint=_("type it"))),
                   spoken=_("Not checked in: badge of another gathering. {name}").format(name=verdict.name))  # fmt: skip


def _not_found(verdict: Verdict, hit: DoorHit | None, zone: str | None, count: Headcount | None, guests: Sequence[DoorHit],
               namesakes: Sequence[DoorHit], note_open: bool) -> Showing:  # fmt: skip
    if verdict.reason is Reason.SEVERAL:
        return Showing(DOOR_NEEDS_A_WORD, "hand", _("One moment, please"), "look",
                       details=(_("More than one guest here has this code."), _("Ask for the name, and type it.")), foot=_("Not checked in yet"),
                       offers=(Offer(Act.SOMEONE_ELSE, _("Type the name")),), spoken=_("More than one guest has this code. Nobody was checked in."))
    return Showing(DOOR_REFUSED, "cross", _("Unknown code"), "stop",
                   details=(_("This code belongs to no badge known here."), _("The guest may still be on the list: type the name.")),
                   foot=_with_places(_("Not checked in"), count),
                   offers=(Offer(Act.SOMEONE_ELSE, _("Type the name")), Offer(Act.WALK_IN, _("Add a walk-in"), "F2", icon="user-plus")),
                   locked=(_("This code belongs to no badge known here."), _("Scan it once more, or unlock this laptop and type the name.")),
                   spoken=_("Unknown code. Nobody was checked in."))  # fmt: skip


def only_badges() -> Showing:
    """The answer to something typed while the laptop is locked; a slow scanner that misread looks the same."""
    return Showing(DOOR_NEEDS_A_WORD, "hand", _("Only badges are read"), "look", foot=_("Not checked in"),
                   locked=(_("This laptop is locked."), _("Scan a badge, or unlock it and type the name.")))  # fmt: skip


def covered(shown: Showing) -> Showing:
    """The same answer while the laptop is locked: admitted or not, and nothing about whom."""
    if shown.locked:
        return replace(shown, details=shown.locked, foot=_("Not checked in"), offers=(), spoken=shown.spoken or f"{shown.word}. {shown.locked[-1]}")
    kept = shown.foot if shown.trouble else _("Unlock this laptop to see more")
    hidden = () if shown.trouble and not shown.name else (_("The name is hidden while this laptop is locked."),)
    return replace(shown, name="", details=hidden, status="", status_icon="", note="", note_icon="",
                   foot=kept, offers=(), spoken=shown.word)  # fmt: skip


def not_saved(error: KnownError, name: str) -> Showing:
    """The answer when the check-in could not be saved: never green, and it says so."""
    return Showing(DOOR_REFUSED, "cross", _("Not saved"), "stop", isolated(name), (str(error),),
                   foot=_("Not checked in. Nothing was changed."),
                   offers=(Offer(Act.AGAIN, _("Try again"), "F5"), Offer(Act.SOMEONE_ELSE, _("Leave it"))),
                   trouble=True, spoken=_("Not saved. {sentence}").format(sentence=str(error)))  # fmt: skip


def not_taken_back(error: KnownError) -> Showing:
    """The answer when a check-in could not be taken back."""
    return replace(not_saved(error, ""), foot=_("Not taken back. Nothing was changed."), offers=(Offer(Act.SOMEONE_ELSE, _("Leave it")),))


def not_read(error: KnownError) -> Showing:
    """The answer when the list could not be read: nobody was refused and nothing was to be saved."""
    foot = _("Nothing was changed. The backups are in the main window.") if error.code == "database_damaged" else _("Nothing was changed.")
    return Showing(DOOR_NEEDS_A_WORD, "hand", _("The list cannot be read"), "look", details=(str(error),), foot=foot,
                   offers=(Offer(Act.AGAIN, _("Try again"), "F5"), Offer(Act.SOMEONE_ELSE, _("Leave it"))),
                   trouble=True, spoken=_("The list cannot be read. {sentence}").format(sentence=str(error)))  # fmt: skip
