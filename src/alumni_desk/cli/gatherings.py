"""Gatherings without a window: gatherings, gathering new/show/set/cancel, guests."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alumni_desk.cli.arguments import Once, each_once, field_value, one_of
from alumni_desk.cli.output import add_json, opened, show, table
from alumni_desk.gatherings.fields import FIELDS, crossed_words
from alumni_desk.gatherings.kinds import ANSWERS, KINDS
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    every = commands.add_parser(
        "gatherings", help=_("all gatherings"),
        description=_("All gatherings, the soonest first. JSON: list of id, name, kind, mode, place, city, starts, ends, time_zone, capacity, "
                      "cancelled, coming, maybe, not_answered, not_coming, came, inside (here, came and beside while it goes on, else null), "
                      "listed (whether anybody is on the list)."))
    add_json(every)
    every.set_defaults(run=run_gatherings)

    one = commands.add_parser("gathering", help=_("one gathering: new, show, set, cancel"))
    parts = one.add_subparsers(dest="gathering_command", metavar="COMMAND", required=True)
    new = parts.add_parser("new", help=_("plan a gathering"), description=_("Plan a gathering. JSON: id, name."))
    new.add_argument("name", metavar="NAME")
    _add_fields(new, start_needed=True)
    new.set_defaults(run=run_new)
    look = parts.add_parser("show", help=_("everything about a gathering"),
                            description=_("Everything about a gathering. JSON: as in gatherings, with address, online_link, description, cancelled_reason."))
    change = parts.add_parser("set", help=_("change a gathering"), description=_("Change a gathering; an empty value clears. JSON: id, name."))
    off = parts.add_parser("cancel", help=_("call a gathering off"), description=_("Call a gathering off; its list stays. JSON: id, name, cancelled."))
    for part in (look, change, off):
        part.add_argument("gathering", metavar="G", help=_("id, unique name or “next”"))
    look.set_defaults(run=run_show)
    change.add_argument("--name", metavar="NAME")
    change.add_argument("fields", metavar="FIELD=VALUE", nargs="*", type=field_value(FIELDS), help=_("the same fields, written field=value"))
    _add_fields(change, start_needed=False)
    change.set_defaults(run=run_set)
    off.add_argument("--reason", metavar="R", help=_("why, for those who ask"))
    off.add_argument("--undo", action="store_true", help=_("take the cancellation back"))
    off.set_defaults(run=run_cancel)
    for part in (new, look, change, off):
        add_json(part)

    guests = commands.add_parser(
        "guests", help=_("a gathering’s list; add to it, or note answers"),
        description=_("A gathering’s list. JSON: list of id (of the registration), person, name, class, city, status, host, walk_in, checked_in, code. "
                      "With --add: added, already, deceased. With --guest-of: added, already, id. "
                      "With --import: recognised, rows, added, updated, unchanged, rejected, guests. With --set: id, person, name, status."))
    guests.add_argument("gathering", metavar="GATHERING", help=_("id, unique name or “next”"))
    what = guests.add_mutually_exclusive_group()
    what.add_argument("--add", metavar="QUERY", nargs="+", action="append",
                      help=_("put every member who fits the query on the list; a whole e-mail means whoever has it; may be given again"))
    what.add_argument("--import", dest="file", metavar="FILE", type=Path, help=_("put the people of a file on the list; unknown ones become guests"))
    what.add_argument("--set", nargs=2, metavar=("WHO", "yes|no|maybe"), action=_Answer, help=_("note somebody’s answer"))
    what.add_argument("--guest-of", nargs="+", metavar=("WHO", "NAME"), action=Once, help=_("add a guest whom WHO brings; without a name, “Name to come”"))
    guests.add_argument("--status", choices=("invited", "yes", "maybe", "no"), help=_("the answer of those whom --add puts on the list; yes if not said"))
    guests.add_argument("--rejects", metavar="OUT.csv", type=Path, help=_("write the rows of the file that were not imported, with the reason"))
    add_json(guests)
    guests.set_defaults(run=run_guests)


class _Answer(Once):
    """WHO and their answer, which has to be one that there is."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        who, answer = values
        try:
            super().__call__(parser, namespace, (who, one_of(ANSWERS)(answer)), option_string)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from None


def _add_fields(parser: argparse.ArgumentParser, *, start_needed: bool) -> None:
    parser.add_argument("--start", action=Once, required=start_needed, metavar="WHEN", help=_("when it starts there, such as 2026-11-12T18:30"))
    parser.add_argument("--end", action=Once, required=start_needed, metavar="WHEN", help=_("when it ends there"))
    parser.add_argument("--time-zone", action=Once, metavar="ZONE", help=_("such as America/New_York; without it the chapter’s"))
    parser.add_argument("--kind", action=Once, metavar="KIND", type=one_of(KINDS), help=", ".join(KINDS))
    parser.add_argument("--mode", action=Once, choices=("in_person", "online", "hybrid"))
    parser.add_argument("--capacity", action=Once, metavar="N", help=_("how many places there are"))
    for name in ("place", "address", "city", "online-link", "description"):
        parser.add_argument(f"--{name}", action=Once, metavar="TEXT")


_OPTIONS = ("name", "start", "end", "time_zone", "kind", "mode", "capacity", "place", "address", "city", "online_link", "description")


def _values(args: argparse.Namespace) -> dict[str, str]:
    return {name: getattr(args, name) for name in _OPTIONS if getattr(args, name, None) is not None}


def run_gatherings(args: argparse.Namespace) -> int:
    """List gatherings."""
    from alumni_desk.gatherings.lists import gathering_rows
    from alumni_desk.store.at_door import awaits_first_sync, nothing_fetched

    with opened(args) as desk:
        rows = gathering_rows(desk)
        with desk.asking() as asking:
            unfetched = not rows and awaits_first_sync(asking)

    def words() -> str:
        return table([(row.starts.replace("T", " "), row.name + (_(" (cancelled)") if row.cancelled else ""), row.place or "",
                       _("{n} coming").format(n=number(row.coming)), row.id) for row in rows]) or (
                           nothing_fetched() if unfetched else _("No gatherings yet."))

    show(args, [_data(row) for row in rows], words)
    return 0


def _data(row: Any) -> dict[str, Any]:
    left_out = ("address", "online_link", "description", "cancelled_reason")
    data = {name: value for name, value in asdict(row).items() if name not in left_out}
    return {**data, "inside": None if row.inside is None else row.inside._asdict()}


def run_new(args: argparse.Namespace) -> int:
    """Plan a gathering."""
    from alumni_desk.gatherings.actions import new_gathering

    with opened(args) as desk:
        made = new_gathering(desk, **_values(args))
    show(args, {"id": made.id, "name": made.name}, _("Planned {name} ({id}).").format(name=made.name, id=made.id))
    return 0


def run_show(args: argparse.Namespace) -> int:
    """Show a gathering."""
    from alumni_desk.gatherings.kinds import kind_word, mode_word
    from alumni_desk.gatherings.lists import gathering, resolve

    with opened(args) as desk:
        row = gathering(desk, resolve(desk, args.gathering))

    def words() -> str:
        lines = [row.name + (_(" (cancelled)") if row.cancelled else ""), row.id, f"{kind_word(row.kind)} · {mode_word(row.mode)}",
                 f"{row.starts.replace('T', ' ')} – {(row.ends or '').replace('T', ' ')} {row.time_zone}",
                 crossed_words() if row.crossed else "",
                 ", ".join(part for part in (row.place, row.address, row.city) if part), row.online_link or "",
                 _("{coming} coming, {maybe} maybe, {not_answered} not answered, {not_coming} not coming, {came} came").format(
                     coming=row.coming, maybe=row.maybe, not_answered=row.not_answered, not_coming=row.not_coming, came=row.came),
                 ngettext("{n} place", "{n} places", row.capacity).format(n=number(row.capacity)) if row.capacity else "",
                 row.description or "", row.cancelled_reason or ""]
        return "\n".join(line for line in lines if line)

    show(args, asdict(row), words)
    return 0


def run_set(args: argparse.Namespace) -> int:
    """Change a gathering."""
    from alumni_desk.gatherings.actions import change_gathering
    from alumni_desk.gatherings.lists import resolve

    values = each_once([*_values(args).items(), *args.fields])
    with opened(args) as desk:
        made = change_gathering(desk, resolve(desk, args.gathering), **values)
    show(args, {"id": made.id, "name": made.name}, _("Saved {name}.").format(name=made.name))
    return 0


def run_cancel(args: argparse.Namespace) -> int:
    """Call a gathering off, or take that back."""
    from alumni_desk.gatherings.actions import cancel_gathering, replan_gathering
    from alumni_desk.gatherings.lists import resolve

    with opened(args) as desk:
        which = resolve(desk, args.gathering)
        made = replan_gathering(desk, which) if args.undo else cancel_gathering(desk, which, args.reason)
    words = _("{name} is planned again.") if args.undo else _("{name} is cancelled. Its list stays; “gathering cancel --undo” takes it back.")
    show(args, {"id": made.id, "name": made.name, "cancelled": not args.undo}, words.format(name=made.name))
    return 0


def run_guests(args: argparse.Namespace) -> int:
    """A gathering's list, and what is done to it."""
    from alumni_desk.errors import BadInput
    from alumni_desk.gatherings.lists import resolve

    if args.status is not None and not args.add:  # left out without a word, it would seem to have listed, or changed, those alone
        raise BadInput("status_alone", _("--status says what those answered whom --add puts on the list. For somebody who is on it: --set WHO ANSWER."))
    if args.rejects is not None and not args.file:
        raise BadInput("rejects_alone", _("--rejects takes the rows that --import leaves out. Give --import, too."))
    with opened(args) as desk:
        which = resolve(desk, args.gathering)
        if args.add:
            return _add(args, desk, which)
        if args.file:
            return _import(args, desk, which)
        if args.set:
            return _set(args, desk, which)
        if args.guest_of:
            return _guest_of(args, desk, which)
        return _list(args, desk, which)


def _list(args: argparse.Namespace, desk: Desk, which: str) -> int:
    from alumni_desk.gatherings.kinds import answer_word
    from alumni_desk.gatherings.lists import guest_rows

    rows = guest_rows(desk, which)
    data = [{"id": row.registration, "person": row.person, "name": row.name, "class": row.class_tail, "city": row.city, "status": row.status,
             "host": row.host, "walk_in": row.walk_in, "checked_in": row.checked_in, "code": row.code} for row in rows]

    def words() -> str:
        lines = [("   " + row.name if row.host else row.name, row.class_tail, answer_word(row.status), _("here") if row.checked_in else "", row.registration)
                 for row in rows]
        return table(lines) or _("Nobody is on this list yet.")

    show(args, data, words)
    return 0


def _members_who_fit(desk: Desk, query: str) -> list[str]:
    from alumni_desk.errors import BadInput, NotFound
    from alumni_desk.members.lists import find_one, member_ids, reached_at

    if not query:
        raise BadInput("nobody_named", _("Nobody is named after --add, and nothing was changed. Say who: a name, an e-mail or a class year."))
    people = reached_at(desk, query, "member") or reached_at(desk, query) or member_ids(desk, query)
    if not people:
        people = [find_one(desk, query)]  # an id; or the sentence that nobody fits
    if not people:
        raise NotFound("member_not_found", _("Nobody here is called “{text}”. Try fewer letters."), text=query)
    return people


def _add(args: argparse.Namespace, desk: Desk, which: str) -> int:
    from alumni_desk.gatherings.actions import add_guests

    people = list(dict.fromkeys(one for words in args.add for one in _members_who_fit(desk, " ".join(words).strip())))
    added = add_guests(desk, which, people, status=args.status or "yes")
    parts = [ngettext("{n} put on the list", "{n} put on the list", len(added.registrations)).format(n=number(len(added.registrations))),
             ngettext("{n} was on it already", "{n} were on it already", added.already).format(n=number(added.already))]
    if added.deceased:
        parts.append(ngettext("{n} has died and was left out", "{n} have died and were left out", added.deceased).format(n=number(added.deceased)))
    return show(args, {"added": len(added.registrations), "already": added.already, "deceased": added.deceased}, "; ".join(parts) + ".")


def _import(args: argparse.Namespace, desk: Desk, which: str) -> int:
    from pathlib import Path

    from alumni_desk.cli.exchange import told
    from alumni_desk.exchange.guests import import_guests
    from alumni_desk.exchange.importing import examined
    from alumni_desk.store.backup import before

    found = examined(args.file)[1]  # first: for a file that is no list there is no backup, which would take the place of an older one
    before(desk, "before_import", Path(args.file).name)
    result = import_guests(desk, which, args.file, recognised=found, rejects=args.rejects, cancelled=args.interrupted)
    data = {"recognised": result.recognised.kind, "rows": result.rows, "added": result.added, "updated": result.updated,
            "unchanged": result.unchanged, "rejected": result.rejected, "guests": result.guests}
    lines = [told(result, args.rejects)]
    if result.guests:
        lines.append(ngettext("{n} was new here and became a guest.", "{n} were new here and became guests.", result.guests).format(n=number(result.guests)))
    return show(args, data, "\n".join(lines))


def _set(args: argparse.Namespace, desk: Desk, which: str) -> int:
    from alumni_desk.gatherings.actions import set_rsvp
    from alumni_desk.gatherings.kinds import answer_word

    who, status = args.set
    guest = _on_the_list(desk, which, who)
    set_rsvp(desk, which, [guest.registration], status)
    show(args, {"id": guest.registration, "person": guest.person, "name": guest.name, "status": status},
         _("{name}: {answer}.").format(name=guest.name, answer=answer_word(status)))
    return 0


def _guest_of(args: argparse.Namespace, desk: Desk, which: str) -> int:
    from alumni_desk.gatherings.actions import add_guest_of

    host, name = _on_the_list(desk, which, args.guest_of[0]), " ".join(args.guest_of[1:])
    added = add_guest_of(desk, which, host.registration, name or None)
    words = _("{name} comes with {host}.").format(name=name or _("A guest, name to come"), host=host.name)
    show(args, {"added": 1, "already": 0, "id": added.registrations[0]}, words)
    return 0


def _on_the_list(desk: Desk, which: str, who: str) -> Any:
    """Whom a text means among those on the list: an id, a whole e-mail, or the one whose name has every word (as a beginning)."""
    from alumni_desk.errors import Ambiguous, NotFound
    from alumni_desk.gatherings.lists import guest_rows
    from alumni_desk.members.lists import reached_at
    from alumni_desk.store.search import words as cut

    rows, asked, owners = guest_rows(desk, which), cut(who), reached_at(desk, who)
    exact = [row for row in rows if who.strip() in (row.registration, row.person) or row.person in owners]
    fits = []
    for row in rows:
        there = cut(f"{row.name} {row.other_script_name or ''} {row.class_year or ''} {row.class_tail}")
        if asked and all(any(word.startswith(one) for word in there) for one in asked):
            fits.append((all(one in there for one in asked), row))
    whole = [row for complete, row in fits if complete]
    found = exact or (whole if len(whole) == 1 else [row for _whole, row in fits])
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound("not_on_the_list", _("Nobody on this list is called “{text}”. Try fewer letters."), text=who)
    names = ", ".join(f"{row.name} {row.class_tail}".strip() for row in found[:5])
    raise Ambiguous("several_found", _("“{text}” may be {names}. Add the class year, or use the id."), text=who, names=names,
                    candidates=[row.registration for row in found])
