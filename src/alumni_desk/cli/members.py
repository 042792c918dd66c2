"""Members without a window: members, member show, add, set, remove, move, erase."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

from alumni_desk.cli.arguments import each_once, field_value, whole_number
from alumni_desk.cli.output import add_json, add_yes, opened, show, sure, table
from alumni_desk.members.fields import FIELDS
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.members.lists import MemberRow
    from alumni_desk.store.desk import Desk


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    some = commands.add_parser(
        "members", help=_("the member list, or those who fit a query"),
        description=_("The member list, or those who fit a query, best first. JSON: list of id, name, other_script_name, class_year, class, city, "
                      "email, solicit_codes, deceased, close (nobody fits as it is spelled, these come close)."))
    some.add_argument("query", metavar="QUERY", nargs="*", help=_(
        "names, class year, city, employer, e-mail … in any order, beginnings do; a whole e-mail means whoever has it"))
    some.add_argument("--limit", type=whole_number(0), metavar="N", help=_("at most so many"))
    add_json(some)
    some.set_defaults(run=run_members)

    one = commands.add_parser("member", help=_("one member: show, add, set, remove, merge, unmerge, move, erase"))
    parts = one.add_subparsers(dest="member_command", metavar="COMMAND", required=True)
    look = parts.add_parser("show", help=_("everything about one member"),
                            description=_("Everything about one member. JSON: id, name, standing, fields, degrees, household."))
    look.add_argument("who", metavar="ID", nargs="+", help=_("the id, or words that fit one member only"))
    look.set_defaults(run=run_show)
    add = parts.add_parser("add", help=_("add a member"), description=_("Add a member. JSON: id, name. Fields: {fields}.").format(fields=", ".join(FIELDS)))
    add.add_argument("fields", metavar="FIELD=VALUE", nargs="+", type=field_value(FIELDS))
    add.set_defaults(run=run_add)
    change = parts.add_parser("set", help=_("change a member"),
                              description=_("Change a member; an empty value clears the field. JSON: id, name. Fields: {fields}.").format(
                                  fields=", ".join(FIELDS)))
    change.add_argument("who", metavar="ID", help=_("the id, or words that fit one member only"))
    change.add_argument("fields", metavar="FIELD=VALUE", nargs="+", type=field_value(FIELDS))
    change.set_defaults(run=run_set)
    away = parts.add_parser("remove", help=_("take a member off the list"),
                            description=_("Take a member off the list; what they attended stays. JSON: removed (ids)."))
    away.add_argument("who", metavar="ID", nargs="+", help=_("the id, or words that fit one member only"))
    away.set_defaults(run=run_remove)
    merge = parts.add_parser(
        "merge", help=_("make two entries of one person one"),
        description=_("Make WHO part of INTO. INTO keeps what it says, and its answer to a gathering where it has one; what WHO alone knew comes along: empty "
                      "fields, further addresses, degrees, answers, and every wish to be left alone. What was done under either stays, check-ins too. "
                      "JSON: id, name, merged (the entry that is part of it now), action."))
    merge.add_argument("who", metavar="WHO", help=_("the id, or words that fit one member only"))
    merge.add_argument("into", metavar="INTO", help=_("the id, or words that fit one member only"))
    merge.set_defaults(run=run_merge)
    apart = parts.add_parser(
        "unmerge", help=_("take a merged entry apart again"),
        description=_("Make a merged entry one of its own again; what was changed since stays. JSON: id, name, merged (what it was part of), action."))
    apart.add_argument("who", metavar="ID", help=_("the id of the entry that was merged"))
    apart.set_defaults(run=run_unmerge)
    move = parts.add_parser(
        "move", help=_("move a member to another chapter of the network"),
        description=_("Move a member to another chapter, for the network’s admin or whoever looks after both: what waits is sent first, then the server hands "
                      "them over with all that was merged with them, their degrees, and the household if nobody else of it stays. That they came to gatherings "
                      "stays here, without a name; places at gatherings to come end. No undo: to take it back, switch there and move them back. "
                      "JSON: people (ids), name, chapter, places (that ended), let_go (whether this laptop has let go of them)."))
    move.add_argument("who", metavar="ID", nargs="+", help=_("the id, or words that fit one member only"))
    move.add_argument("--to", metavar="CHAPTER", required=True, help=_("name or id of the chapter; chapters lists them"))
    move.set_defaults(run=run_move)
    erase = parts.add_parser(
        "erase", help=_("erase a person for good, as the law lets them ask for"),
        description=_("Erase everything about a person, and about whoever was merged with them: in the list, its history, what waits to be sent and, by "
                      "making them anew, the backups made by themselves. There is no undo. Backups that you made by hand and files that you exported "
                      "are yours to delete. JSON: erased (ids), backups_deleted, unreached (folders with backups), unfinished (true: the disk, "
                      "or what reads the chapter meanwhile, did not let all traces go yet; the next command or window goes on)."))
    erase.add_argument("who", metavar="ID", help=_("the id"))
    add_yes(erase)
    erase.add_argument("--keep-backups", action="store_true", help=_("leave the backups; whoever was erased is taken out when one is restored"))
    erase.set_defaults(run=run_erase)
    for part in (look, add, change, away, merge, apart, move, erase):
        add_json(part)


def run_members(args: argparse.Namespace) -> int:
    """List members."""
    from alumni_desk.store.at_door import awaits_first_sync, nothing_fetched

    query = " ".join(args.query).strip()
    with opened(args) as desk:
        rows, total, close = _who_fits(desk, query, args.limit)
        with desk.asking() as asking:
            unfetched = not total and awaits_first_sync(asking)
    data = [{"id": row.id, "name": row.name, "other_script_name": row.other_script_name, "class_year": row.class_year, "class": row.class_label,
             "city": row.city, "email": row.email, "solicit_codes": list(row.solicit_codes), "deceased": row.deceased, "close": close} for row in rows]

    def words() -> str:
        lines = table([(row.name, row.class_label, row.city or "", row.id) for row in rows])
        counted = ngettext("{n} member", "{n} members", total).format(n=number(total))
        foot = counted if len(rows) == total else _("{shown} of {counted}").format(shown=number(len(rows)), counted=counted)
        if close:
            said = ngettext("Nobody fits “{query}” as it is spelled; {n} member comes close", "Nobody fits “{query}” as it is spelled; {n} members come close",
                            total).format(query=query, n=number(total))
            foot = said if len(rows) == total else f"{said}\n{foot}"
        if unfetched:
            return nothing_fetched()
        if not total:
            return _("Nobody fits “{query}”.").format(query=query) if query else _("No members yet.")
        return f"{lines}\n{foot}" if lines else foot

    show(args, data, words)
    return 0


def _who_fits(desk: Desk, query: str, limit: int | None) -> tuple[Sequence[MemberRow], int, bool]:
    """Members to be listed, how many there are, and whether nobody fits as it is spelled."""
    from alumni_desk.members.lists import all_members, best_members, count_members, member_rows, reached_at, rows_of

    if not query:
        return member_rows(desk, limit=limit), count_members(desk), False
    if owners := reached_at(desk, query, "member"):
        return rows_of(desk, owners[:limit]), len(owners), False
    # As the window asks: typing errors are forgiven where nobody fits as it is spelled.
    found = best_members(desk, query, limit if limit is not None else 1_000_000)
    total = 0 if found.close else count_members(desk, query)
    if found.ids and not total:
        total = len(set(chain.from_iterable(all_members(desk, found.question))))
    return rows_of(desk, found.ids), total, found.close


def run_show(args: argparse.Namespace) -> int:
    """Show a member."""
    from alumni_desk.members.fields import label
    from alumni_desk.members.lists import find_one, further_emails, member

    with opened(args) as desk:
        one = member(desk, find_one(desk, " ".join(args.who)))
    shown = {**one.fields, "other_emails": further_emails(one.fields["email"], one.fields["other_emails"])}
    data = {"id": one.id, "name": one.name, "standing": one.standing, "fields": one.fields, "degrees": [asdict(degree) for degree in one.degrees],
            "household": one.household}

    def words() -> str:
        lines = [f"{one.full_name} {one.class_tail}".rstrip(), one.id]
        lines += [f"{label(name)}: {'; '.join(value) if isinstance(value, list) else _('yes') if value is True else _('no') if value is False else value}"
                  for name, value in shown.items() if value not in (None, [])]
        lines += [_("Degree: {what}").format(what=" ".join(str(part) for part in (degree.degree, degree.major, degree.school, degree.class_year) if part))
                  for degree in one.degrees]
        return "\n".join(lines)

    show(args, data, words)
    return 0


def run_add(args: argparse.Namespace) -> int:
    """Add a member."""
    from alumni_desk.members.actions import add_member

    values = each_once(args.fields)
    with opened(args) as desk:
        saved = add_member(desk, **values)
    show(args, {"id": saved.id, "name": saved.name}, _("Added {name} ({id}).").format(name=saved.name, id=saved.id))
    return 0


def run_set(args: argparse.Namespace) -> int:
    """Change a member."""
    from alumni_desk.members.actions import change_member
    from alumni_desk.members.lists import find_one

    values = each_once(args.fields)
    with opened(args) as desk:
        saved = change_member(desk, find_one(desk, args.who), **values)
    words = _("Saved with {name} ({id}): the entry is part of theirs.") if saved.merged else _("Saved {name}.")
    show(args, {"id": saved.id, "name": saved.name}, words.format(name=saved.name, id=saved.id))
    return 0


def run_remove(args: argparse.Namespace) -> int:
    """Remove a member."""
    from alumni_desk.members.actions import remove_members
    from alumni_desk.members.lists import find_one

    with opened(args) as desk:
        gone = remove_members(desk, [find_one(desk, " ".join(args.who))])
    show(args, {"removed": list(gone.ids)}, _("Removed {name}. What they attended stays.").format(name=", ".join(gone.names)))
    return 0


def run_move(args: argparse.Namespace) -> int:
    """Move a member to another chapter."""
    from alumni_desk.members.lists import find_one
    from alumni_desk.sync.member_moving import going, move_member, place_called, places

    with opened(args) as desk:
        who = going(desk, find_one(desk, " ".join(args.who)))
        done = move_member(desk, who, place_called(places(desk), args.to))
    show(args, asdict(done), done.sentence)
    return 0


def run_merge(args: argparse.Namespace) -> int:
    """Merge two entries."""
    from alumni_desk.members.lists import find_one
    from alumni_desk.members.merging import merge_people

    with opened(args) as desk:
        done = merge_people(desk, find_one(desk, args.who), find_one(desk, args.into))
    show(args, {"id": done.id, "name": done.name, "merged": done.other, "action": done.changed.action},
         _("Both are {name} now. “alumni-desk undo” takes it back, and so does member unmerge {id}.").format(name=done.name, id=done.other))
    return 0


def run_unmerge(args: argparse.Namespace) -> int:
    """Take a merged entry apart."""
    from alumni_desk.members.merging import unmerge

    with opened(args) as desk:
        done = unmerge(desk, args.who)
    show(args, {"id": done.id, "name": done.name, "merged": done.other, "action": done.changed.action},
         _("{name} is an entry of its own again. “alumni-desk undo” merges them again.").format(name=done.name))
    return 0


def run_erase(args: argparse.Namespace) -> int:
    """Erase a person."""
    from alumni_desk.errors import NotFound
    from alumni_desk.members.lists import member
    from alumni_desk.store.erasing import erase, erased_words

    with opened(args, create=False) as desk:
        try:
            name = member(desk, args.who).full_name
        except NotFound:
            raise NotFound("no_such_person", _("Nobody here has the id “{text}”. Erasing takes the id, so that nobody else is meant: "
                                               "“members NAME --json” says it."), text=args.who) from None
        sure(args, "erase", _("Erase {name} for good? There is no undo.").format(name=name), _("Nobody was erased."))
        done = erase(desk, [args.who], remake_backups=not args.keep_backups)
    show(args, {"erased": list(done.ids), "backups_deleted": done.backups_deleted, "unreached": [str(one) for one in done.unreached],
                "unfinished": done.unfinished is not None},
         erased_words(done))
    return 0
