"""Conflicts without a window: fields that two people changed at once."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from alumni_desk.cli.output import add_json, local_moment, opened, show
from alumni_desk.errors import BadInput
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.sync.conflicts import Choice, Conflict, Side


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    listed = commands.add_parser("conflicts", help=_("fields that two people changed at once"), description=_(
        "Fields that two people changed without seeing each other, kept for 90 days until somebody decides. Before each value stands the word that keeps it: "
        "yours and theirs, or first and second where neither is called this laptop’s. JSON: a list of id, table, row, field, name, what, yours and theirs "
        "(also of first and second: value, who, device, at, shown, here, and named: whose id the value is), between (us, others, or entries: one and the one "
        "that was merged into it), both (whether both can be kept), until. An address is one field, decided as a whole: its value is an object of its lines."))
    add_json(listed)
    listed.set_defaults(run=run_conflicts)
    one = commands.add_parser("conflict", help=_("decide on one of them"), description=_(
        "Keep yours, theirs or both; first, second or both where conflicts lists the values so, for neither is yours; open takes a decision back, and so does "
        "undo. JSON: id, choice, action (what undo takes back)."))
    one.add_argument("id", metavar="ID", help=_("its id, or how it begins"))
    one.add_argument("choice", choices=("yours", "theirs", "first", "second", "both", "open"), help=_("what to keep"))
    add_json(one)
    one.set_defaults(run=run_conflict)


def run_conflicts(args: argparse.Namespace) -> int:
    """List them."""
    from alumni_desk.sync.conflicts import between, conflicts

    with opened(args) as desk:
        found = conflicts(desk)
    return show(args, [{**asdict(one), "between": between(one)} for one in found], "\n".join(_card(one) for one in found) or _("Nothing is to be decided."))


def _card(one: Conflict) -> str:
    from alumni_desk.sync.conflicts import between

    # The words are what is typed, so they are the same in every language.
    titles = {"us": ("yours", "theirs"), "others": ("first", "second"),
              "entries": (f"first, {_('on the merged entry')}", f"second, {_('on this entry')}")}[between(one)]
    lines = [_("{id}  {name}: {what}").format(id=one.id, name=one.name, what=one.what), _side(titles[0], one, one.yours), _side(titles[1], one, one.theirs)]
    if one.both:
        lines.append("  both")
    return "\n".join(lines)


def _side(word: str, card: Conflict, side: Side) -> str:
    from alumni_desk.sync.conflicts import said

    value = said(card, side)
    value = "; ".join(map(str, value)) if isinstance(value, list) else _("(empty)") if value is None else str(value)
    who = ", ".join(filter(None, (side.who, _("this laptop") if side.here else side.device, local_moment(side.at))))
    return f"  {word}: {value} ({who})" + (" · " + _("shown now") if side.shown else "")


def run_conflict(args: argparse.Namespace) -> int:
    """Decide on one."""
    from alumni_desk.sync.conflicts import decide, one_of, reopen

    with opened(args) as desk:
        done = reopen(desk, args.id) if args.choice == "open" else decide(desk, args.id, _kept(one_of(desk, args.id), args.choice))
    words = _("It is open again.") if args.choice == "open" else _("Decided. “alumni-desk undo” takes it back.")
    return show(args, {"id": done.id, "choice": args.choice, "action": done.changed.action}, words)


def _kept(card: Conflict, word: str) -> Choice:
    """Which side a word keeps. Refused where the list does not call the card's values so: “yours” of two others' values is nobody's."""
    from alumni_desk.sync.conflicts import between

    if word == "both":
        return "both"
    words = ("yours", "theirs") if between(card) == "us" else ("first", "second")
    if word not in words:
        why = _("{name}: one value is yours and one is theirs, so keep yours or theirs. See: conflicts.") if between(card) == "us" else _(
            "{name}: neither value is called yours here, so keep first or second. See: conflicts.")
        raise BadInput("conflict_side", why, name=card.name)
    return "yours" if word == words[0] else "theirs"
