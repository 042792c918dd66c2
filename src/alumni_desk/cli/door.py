"""The door without a window: check-in, walk-in, undo-check-in, headcount."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from alumni_desk.checkin.actions import WALK_IN_FIELDS, check_in, undo_check_in, walk_in
from alumni_desk.checkin.lists import DoorHit, DoorHits, DoorList, local_time
from alumni_desk.checkin.verdicts import Candidate, Outcome, Reason, Verdict
from alumni_desk.cli.arguments import a_name, each_once, field_value
from alumni_desk.cli.output import add_json, opened, show, table
from alumni_desk.errors import Ambiguous, NotFound
from alumni_desk.gatherings.lists import resolve
from alumni_desk.members.fields import read_fields
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, clock_time, ngettext, number

YES = ("yes", "true", "1")


def add_commands(commands: Any) -> None:
    """Declare the door's commands."""
    door = commands.add_parser(
        "check-in", help=_("let a guest in"),
        description=_("Let a guest in. JSON: verdict (admitted, already_in, choose, refused, not_found, needs_a_word), person "
                      "(id, name, class), at (UTC), station, registration, reason; with choose also candidates, with a badge of "
                      "another gathering also gathering. Exit 0 if the guest may pass."))
    door.add_argument("gathering", metavar="GATHERING", help=_("id, unique name or “next”"))
    door.add_argument("who", metavar="WHO|CODE", nargs="+", help=_("what you would type at the door, a badge code or an id"))
    _add_station(door)
    door.add_argument("--let-in", action="store_true", help=_("let in on purpose although something speaks against it"))
    add_json(door)
    door.set_defaults(run=run_check_in)

    walk = commands.add_parser(
        "walk-in", help=_("add a guest at the door and let them in"),
        description=_("Add somebody who is not on the list and let them in. JSON as check-in. Fields: {fields}, and consent=yes, "
                      "host=WHO (on the list: a name, a badge code or an id), person=ID.").format(fields=", ".join(sorted(WALK_IN_FIELDS))))
    walk.add_argument("gathering", metavar="GATHERING", help=_("id, unique name or “next”"))
    walk.add_argument("name", metavar="NAME", type=a_name, help=_("the name as the guest says it"))
    walk.add_argument("fields", metavar="FIELD=VALUE", nargs="*", type=field_value([*sorted(WALK_IN_FIELDS), "consent", "host", "person"]))
    _add_station(walk)
    add_json(walk)
    walk.set_defaults(run=run_walk_in)

    undo = commands.add_parser(
        "undo-check-in", help=_("take a check-in back"),
        description=_("Take a check-in back; it stays in the history as undone. JSON: person, registration, closed (facts)."))
    undo.add_argument("gathering", metavar="GATHERING", help=_("id, unique name or “next”"))
    undo.add_argument("who", metavar="WHO", nargs="+", help=_("what you would type at the door, a badge code or an id"))
    undo.add_argument("--reason", metavar="R", help=_("why, kept with it"))
    _add_station(undo)
    add_json(undo)
    undo.set_defaults(run=run_undo)

    count = commands.add_parser(
        "headcount", help=_("how many distinct people are here"),
        description=_("Distinct people. JSON: registered, in, out, walk_ins."))
    count.add_argument("gathering", metavar="GATHERING", help=_("id, unique name or “next”"))
    add_json(count)
    count.set_defaults(run=run_headcount)


def _add_station(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--station", metavar="S", help=_("which door this is; without it this laptop’s name"))


def run_check_in(args: argparse.Namespace) -> int:
    """Let in whom WHO means, or say why not."""
    with opened(args) as desk:
        gathering = resolve(desk, args.gathering)
        door = DoorList(desk, gathering)
        verdict = _check_in(desk, door, gathering, " ".join(args.who), args.station or desk.device_name, args.let_in)
        return _answer(args, verdict, door)


def run_walk_in(args: argparse.Namespace) -> int:
    """Add a guest at the door and let them in."""
    values = _fields(args.fields)
    consent = str(values.pop("consent", "")).lower() in YES
    person, host_text = values.pop("person", None), values.pop("host", None)
    with opened(args) as desk:
        gathering = resolve(desk, args.gathering)
        door = DoorList(desk, gathering)
        host = _on_the_list(door, host_text) if host_text else None
        verdict = walk_in(desk, gathering, args.name, person_id=person, consent=consent, host=host,
                          station=args.station or desk.device_name, **values)  # fmt: skip
        return _answer(args, verdict, door)


def run_undo(args: argparse.Namespace) -> int:
    """Take the check-in of whom WHO means back."""
    text = " ".join(args.who)
    with opened(args) as desk:
        gathering = resolve(desk, args.gathering)
        door = DoorList(desk, gathering)
        hit = _by_id(door, text) or _who_is_in(door, text)
        undone = undo_check_in(desk, gathering, _registration(hit), args.reason, station=args.station or desk.device_name)
        data = {"person": _person(hit.person, hit.name, hit.class_tail), "registration": undone.registration,
                "closed": list(undone.closed)}  # fmt: skip
        show(args, data, _("Undone: {name} is not checked in any more.").format(name=undone.name))
    return 0


def _answer(args: argparse.Namespace, verdict: Verdict, door: DoorList) -> int:
    """Print a verdict: welcome as an answer, anything else as what the world says no to, with those who may be meant below it."""
    if verdict.may_pass:
        return show(args, verdict_data(verdict), verdict_words(verdict, door))
    return show(args, verdict_data(verdict), candidate_lines(verdict), wrong=verdict_words(verdict, door))


def run_headcount(args: argparse.Namespace) -> int:
    """Count the people here."""
    with opened(args) as desk:
        count = DoorList(desk, resolve(desk, args.gathering)).headcount()
        data = {"registered": count.registered, "in": count.present, "out": count.out, "walk_ins": count.walk_ins}
        show(args, data, " · ".join((
            ngettext("{n} person here", "{n} people here", count.present).format(n=number(count.present)),
            _("{come} of {expected} expected").format(come=number(count.come), expected=number(count.expected)),
            ngettext("{n} walk-in", "{n} walk-ins", count.walk_ins).format(n=number(count.walk_ins)),
            _("{n} gone again").format(n=number(count.out)))))
    return 0


def _check_in(desk: Desk, door: DoorList, gathering: str, text: str, station: str, let_in: bool) -> Verdict:
    hits = door.find(text)
    if hits.code is not None:
        return check_in(desk, gathering, code=hits.code, station=station, method="code", let_in=let_in, although_cancelled=let_in)
    hit = _by_id(door, text) or hits.certain
    if hit is None:
        if not hits.hits and (person := _known_id(desk, text)):
            return check_in(desk, gathering, person_id=person, station=station, method="command", let_in=let_in, although_cancelled=let_in)
        if not hits.hits:
            return Verdict(Outcome.NOT_FOUND, reason=Reason.NO_SUCH_NAME)
        return Verdict(Outcome.CHOOSE, reason=Reason.SEVERAL, candidates=tuple(_candidate(h) for h in hits.hits))
    return check_in(desk, gathering, hit.registration, person_id=hit.person, station=station, method="command", let_in=let_in, although_cancelled=let_in)


def _by_id(door: DoorList, text: str) -> DoorHit | None:
    wanted = text.strip()
    return next((hit for hit in door.hits.values() if wanted in (hit.registration, hit.person)), None)


def _known_id(desk: Desk, text: str) -> str | None:
    """Whom a text means who is not on the list, by their id: it is printed where several may be meant."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        found: str | None = connection.scalar(sa.select(person.c.id).where(person.c.id == text.strip(), ~person.c.gone, person.c.standing == "member"))
    return found


def _on_the_list(door: DoorList, text: str) -> str:
    """The registration that a text means: an id, or what one would type at the door."""
    return _registration(_by_id(door, text) or _one(door.find(text), text))


def _registration(hit: DoorHit) -> str:
    if hit.registration is None:
        raise NotFound("not_on_the_list", _("{name} is not on the list of this gathering."), name=hit.name)
    return hit.registration


def _who_is_in(door: DoorList, text: str) -> DoorHit:
    """Whom a text means among those who are in, since only they can be taken back."""
    hits = door.find(text)
    inside = tuple(hit for hit in hits.hits if hit.here)
    certain = hits.certain  # also where they are not in: nobody else is taken back, whose name only begins like theirs
    if certain is None and len(inside) == 1:
        certain = inside[0]
    return _one(replace(hits, hits=inside or hits.hits, certain=certain), text)


def _one(hits: DoorHits, text: str) -> DoorHit:
    if hits.certain is not None:
        return hits.certain
    if not hits.hits:
        raise NotFound("nobody_found", _("Nobody at this gathering is called “{text}”. Try fewer letters."), text=text)
    names = ", ".join(f"{h.name} {h.class_tail}".strip() for h in hits.hits[:5])
    raise Ambiguous("several_found", _("“{text}” may be {names}. Add the class year, or use the id."), text=text, names=names,
                    candidates=[h.key for h in hits.hits])  # fmt: skip


def _fields(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    values = each_once(pairs)
    return {**values, **read_fields({name: value for name, value in values.items() if name in WALK_IN_FIELDS})}


def _person(person: str | None, name: str, tail: str) -> dict[str, Any] | None:
    return {"id": person, "name": name, "class": tail} if person else None


def _candidate(hit: DoorHit) -> Candidate:
    return Candidate(hit.key, hit.person, hit.name, hit.class_tail, hit.host_name, hit.status.value)


def verdict_data(verdict: Verdict) -> dict[str, Any]:
    """A verdict as ``--json`` shows it."""
    data: dict[str, Any] = {
        "verdict": verdict.outcome.value,
        "person": _person(verdict.person, verdict.name, verdict.class_tail),
        "at": verdict.at,
        "station": verdict.station,
        "registration": verdict.registration,
        "reason": verdict.reason.value if verdict.reason else None,
    }
    if verdict.outcome is Outcome.CHOOSE:
        data["candidates"] = [{"id": c.id, "person": c.person, "name": c.name, "class": c.class_tail, "host": c.host_name,
                               "status": c.status} for c in verdict.candidates]  # fmt: skip
    if verdict.other_gathering:
        data["gathering"] = verdict.other_gathering
    return data


def verdict_words(verdict: Verdict, door: DoorList) -> str:
    """A verdict as one says it."""
    name = f"{verdict.name} {verdict.class_tail}".strip()
    at = local_time(verdict.at, door.gathering.zone)
    if verdict.outcome is Outcome.ADMITTED:
        return _("Welcome, {name}.").format(name=name)
    if verdict.outcome is Outcome.ALREADY_IN:
        return _("{name} is already in, since {time}, {station}.").format(
            name=name, time=clock_time(at) if at else "?", station=verdict.station or "?")
    if verdict.outcome is Outcome.CHOOSE:
        return _("Several people may be meant: add the class year, or use an id.")
    return f"{name}: {reason_words(verdict)}" if name else reason_words(verdict)


def candidate_lines(verdict: Verdict) -> str:
    """Those who may be meant, with what tells them apart."""
    return table([(c.id, f"{c.name} {c.class_tail}".rstrip(), _("guest of {host}").format(host=c.host_name) if c.host_name else "")
                  for c in verdict.candidates])


def reason_words(verdict: Verdict) -> str:
    """Why somebody was not simply let in, and what to do next."""
    if verdict.reason is Reason.OTHER_GATHERING:
        return _("this is a badge of another gathering ({gathering}). Not checked in.").format(gathering=verdict.other_gathering or "?")
    sentences = {
        Reason.CANCELLED: _("cancelled their place. Not checked in yet; --let-in lets them in."),
        Reason.DECLINED: _("said no. Not checked in yet; --let-in lets them in."),
        Reason.WAITLISTED: _("is on the waiting list. Not checked in yet; --let-in lets them in."),
        Reason.NOT_ON_THE_LIST: _("is a member and not on the list. Not checked in yet; --let-in adds them as a walk-in."),
        Reason.DECEASED: _("has died, says the member list. Not checked in yet; --let-in lets them in if the list is wrong."),
        Reason.DOOR_NOTE: _("has a note for the door. Not checked in yet; --let-in lets them in."),
        Reason.UNKNOWN_CODE: _("This code belongs to no badge here. Nobody was checked in."),
        Reason.NO_SUCH_NAME: _("Nobody here is called that. Try fewer letters, or add a walk-in."),
    }
    return sentences[verdict.reason] if verdict.reason else ""
