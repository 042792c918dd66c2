"""What was done, without a window: undo, redo, activity, history."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from alumni_desk.cli.arguments import whole_number
from alumni_desk.cli.output import add_json, opened, show, table
from alumni_desk.errors import Refused
from alumni_desk.words import _, day, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.segments.activity import Deed
    from alumni_desk.store.desk import Desk
    from alumni_desk.store.history import Version
    from alumni_desk.store.undo import Left, Undone

MOST_LEFT = 5
"""So many of those are named whom an undo left, where it left everything."""


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    keys = _("JSON: id, at, who, here, what, count, undoable, reason of the action; and event, state, said, written, left (list of table, row, why, "
             "fields, who, here, name). who is the name in force then, null where none had been given; here: on this laptop. "
             "If nothing could be put back, the JSON of the error names at most five of those as left, too.")
    for name, words, about, run in (
        ("undo", _("take back the newest action, or one by its id"), _(
            "Take back the newest action of this desk, or one by its id. What somebody has changed since is left and named."), run_undo),
        ("redo", _("do again what was undone last, or one by its id"), _("Do again what was undone last, or one action by its id."), run_redo),
    ):
        turn = commands.add_parser(name, help=words, description=f"{about} {keys}")
        turn.add_argument("action", metavar="ID", nargs="?", help=_("an id that activity prints"))
        add_json(turn)
        turn.set_defaults(run=run)

    listing = commands.add_parser("activity", help=_("what was done at this desk, and what can be undone"), description=_(
        "What was done at this desk, newest first. JSON: list of id, at, who (the name in force then, or null where none had been given), here (true: on this "
        "laptop), what, count, undoable, reason; and event, device, state, undone_at, and left: "
        "what an undo left (list of table, row, why, fields, who, here, name)."))
    listing.add_argument("--everyone", action="store_true", help=_("also what others did, as this laptop has seen it; they alone can undo that"))
    listing.add_argument("--limit", type=whole_number(1), default=50, metavar="N", help=_("at most so many (50)"))
    add_json(listing)
    listing.set_defaults(run=run_activity)

    past = commands.add_parser("history", help=_("every value that the fields of a record have had here"), description=_(
        "Every value that the fields of a member, a gathering or a registration have had, as this laptop has seen them. "
        "JSON: list of id (the version), field, value, at, who (the name in force then, or null where none had been given), device, here (true: on this "
        "laptop), now, refused, restorable; several texts are a list. An address is one: field “address”, value its parts."))
    past.add_argument("who", metavar="ID", nargs="+", help=_("the id of a record, or words that fit one member only"))
    past.add_argument("--restore", metavar="VERSION", help=_("put this value back"))
    add_json(past)
    past.set_defaults(run=run_history)


def run_undo(args: argparse.Namespace) -> int:
    """Undo."""
    from alumni_desk.store.undo import undo

    with opened(args) as desk:
        return _turned(args, desk, undo, again=False)


def run_redo(args: argparse.Namespace) -> int:
    """Redo."""
    from alumni_desk.store.undo import redo

    with opened(args) as desk:
        return _turned(args, desk, redo, again=True)


def _turned(args: argparse.Namespace, desk: Desk, turn: Callable[[Desk, str | None], Undone], *, again: bool) -> int:
    from alumni_desk.segments.activity import left_words, told, undone_words
    from alumni_desk.store.done import actions

    try:
        undone = turn(desk, args.action)
    except Refused as problem:
        if problem.code == "went_back":
            raise _past_the_restore(problem) from None
        all_left: tuple[Left, ...] = tuple(cast("tuple[Left, ...]", problem.facts.get("left", ())))
        if not all_left:
            raise
        left = all_left[:MOST_LEFT]
        said_already = problem.code == "erased_since"
        sentence = " ".join([str(problem), *(() if said_already else left_words(desk, all_left, MOST_LEFT))])
        if args.action is None:
            sentence += " " + (_("What was undone besides is in “activity”; “redo ID” does one of that again.") if again else _before_it())
        return show(args, {"error": problem.code, "left": _left(desk, left)}, "", wrong=sentence)
    words = undone_words(desk, undone, again=again)
    [deed] = told(desk, actions(desk, 1, only=undone.of))
    show(args, {**_action(deed), "said": words, "written": undone.count, "left": _left(desk, undone.left)}, words)
    return 0


def _before_it() -> str:
    return _("What was done before it is in “activity”; “undo ID” takes one of that back.")


def _past_the_restore(problem: Refused) -> Refused:
    """Why the newest is not undone after a restore, with the way on that a command has."""
    kept = _("What was here before is among the “backups”, as “{file}”.").format(file=problem.facts["kept"]) if problem.facts["kept"] else ""
    return Refused(problem.code, "{said}", said=" ".join(filter(None, (str(problem), kept, _before_it()))))


def _action(deed: Deed) -> dict[str, Any]:
    return {"id": deed.id, "at": deed.at, "who": deed.who, "here": not deed.rows, "what": deed.what, "count": deed.count, "undoable": deed.undoable,
            "reason": deed.reason, "event": deed.event, "device": deed.device, "state": deed.state, "undone_at": deed.undone_at}


def _left(desk: Desk, left: Sequence[Left]) -> list[dict[str, Any]]:
    from alumni_desk.segments.activity import left_names

    return [{"table": one.table, "row": one.row, "why": one.why, "fields": list(one.fields), "who": one.who, "here": one.here, "name": name}
            for one, name in zip(left, left_names(desk, left), strict=True)]


def run_activity(args: argparse.Namespace) -> int:
    """List what was done."""
    from alumni_desk.segments.activity import deeds
    from alumni_desk.segments.others import everyone
    from alumni_desk.store.undo import left_by_undo

    with opened(args) as desk:
        found = everyone(desk, args.limit) if args.everyone else deeds(desk, args.limit, look=True)
        left = {one.id: _left(desk, left_by_undo(desk, one.id)) for one in found if one.state == "undone"}
    data = [{**_action(one), "left": left.get(one.id, [])} for one in found]

    def words() -> str:
        lines = []
        for one in found:
            undone = _("undone in part") if left.get(one.id) else _("undone")
            state = undone if one.state == "undone" else one.reason or ""
            whose = [one.who or one.device or _("this laptop")] if args.everyone else []
            lines.append((_when(one.at), *whose, one.what, state, "" if one.rows else one.id))
        return table(lines) or _("Nothing was done here yet.")

    show(args, data, words)
    return 0


def run_history(args: argparse.Namespace) -> int:
    """Show the history of a record, or put one value back."""
    from alumni_desk.segments.activity import field_word, named_values
    from alumni_desk.segments.answers import answered_words, answers
    from alumni_desk.store.history import history, restore

    with opened(args) as desk:
        name, row_id = _record(desk, " ".join(args.who))
        if args.restore is not None:
            changed = restore(desk, name, row_id, args.restore)
            show(args, {"restored": args.restore, "changed": bool(changed)}, _("Put back.") if changed else _("It is the value in force already."))
            return 0
        versions = history(desk, name, row_id)
        named = named_values(desk, (one.value for one in versions))
    answered = answers(versions) if name == "registration" else {}
    entries = _entries(name, versions)
    data = [{"id": one.id, "field": field, "value": _listed(name, field, value), "at": one.at, "who": one.who, "device": one.device, "now": one.now,
             "here": one.here, "refused": one.refused, "restorable": one.restorable} for one, field, value in entries]

    def words() -> str:
        lines = [(field_word(name, one.field),
                  answered_words(answered.get(one.id), named.get(str(value)) or _said(name, field, value)) or _("nothing"), _when(one.at),
                  one.who or one.device or (_("this laptop") if one.here else _("another laptop")), _("now") if one.now else "", one.id)
                 for one, field, value in entries]
        if not lines:
            return _("No values are kept: whoever was erased has no history.")
        return table(lines) + "\n" + ngettext("{n} value", "{n} values", len(lines)).format(n=number(len(lines)))

    show(args, data, words)
    return 0


def _entries(table: str, versions: Sequence[Version]) -> list[tuple[Version, str, Any]]:
    """Each version with its field and value; the lines of an address that were written together are one, with its parts as the value."""
    from alumni_desk.members.fields import ADDRESS

    entries: dict[tuple[str, str], tuple[Version, str, Any]] = {}
    for one in versions:
        if table != "person" or one.field not in ADDRESS:
            entries[one.field, one.id] = (one, one.field, one.value)
            continue
        clock = one.id.partition("@")[2]
        first, _field, parts = entries.get(("address", clock), (one, "", {}))
        first = replace(first, now=first.now or one.now, restorable=first.restorable or one.restorable)
        entries["address", clock] = (first, "address", {**parts, one.field: one.value})
    return list(entries.values())


def _listed(table: str, field: str, value: Any) -> Any:
    """A value as a member's fields have it: several texts as a list."""
    from alumni_desk.members.fields import MANY
    from alumni_desk.store.listed import texts

    return texts(value) if table == "person" and field in MANY and value is not None else value


def _said(table: str, field: str, value: Any) -> str:
    from alumni_desk.segments.values import value_words

    parts = value.items() if isinstance(value, dict) else [(field, value)]
    return ", ".join(filter(None, (value_words(table, name, one) for name, one in parts)))


def _record(desk: Desk, text: str) -> tuple[str, str]:
    """The table and id of a record: any id, else words that fit one member."""
    import sqlalchemy as sa

    from alumni_desk.members.lists import find_one

    with desk.reading() as connection:
        for name in ("person", "gathering", "registration", "education", "household"):
            if connection.execute(sa.select(desk.tables[name].c.id).where(desk.tables[name].c.id == text.strip())).first() is not None:
                return name, text.strip()
    return "person", find_one(desk, text)


def _when(at: str) -> str:
    moment = datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone()
    year = "" if moment.year == datetime.now().year else f" {moment.year}"
    return f"{day(moment.date())}{year} {moment:%H:%M}"
