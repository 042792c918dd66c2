"""People and laptops without a window: invite, laptops, set-aside, hand-over, leave."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alumni_desk.cli.arguments import whole_number
from alumni_desk.cli.output import add_json, add_yes, local_moment, opened, show, sure, table
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.sync.inviting import Invitation, SentInvitation
    from alumni_desk.sync.laptops import Kept, Laptop
    from alumni_desk.sync.set_aside import SetAside

_LAPTOP = "id, name, who, role, gathering, gathering_name, last_seen, waiting, until, version, revoked, left, set_aside, here, replaced, over, invitations"


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    _add_inviting(commands)
    _add_laptops(commands)
    _add_set_aside(commands)
    _add_leaving(commands)


def _add_inviting(commands: Any) -> None:
    invite = commands.add_parser("invite", help=_("invite somebody to this chapter"), description=_(
        "Invite a leader, or a volunteer to the door of one gathering. The code is said this once. JSON: id, code, url, until, chapter, role, gathering, "
        "name, email, qr, file, access (when access to the door ends, or null)."))
    invite.add_argument("--role", choices=("leader", "door", "admin"), default="leader", help=_("what the laptop may do; default leader"))
    invite.add_argument("--gathering", metavar="NAME", help=_("for the door: name or id of the gathering"))
    invite.add_argument("--until", metavar="WHEN", help=_("for the door: when access ends, if sooner than a day after the gathering (2026-11-13T21:00)"))
    invite.add_argument("--replaces", metavar="ID", help=_("the invitation that ends with this one"))
    _add_invited(invite)
    invite.set_defaults(run=run_invite)

    sent = commands.add_parser("invitations", help=_("this chapter’s invitations"), description=_(
        "The invitations that are open or ended within 30 days. JSON: a list of id, role, gathering, gathering_name, name, email, by, made, until, state "
        "(open, used, cancelled, ended), device, hand_over; with cancel: that one."))
    add_json(sent)
    sent.set_defaults(run=run_invitations)
    parts = sent.add_subparsers(dest="part", metavar="COMMAND")
    cancel = parts.add_parser("cancel", help=_("end one that nobody has used"))
    cancel.add_argument("id", metavar="ID", help=_("its id, or how it begins"))
    add_json(cancel)
    cancel.set_defaults(run=run_cancel)


def _add_invited(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="", help=_("whom it is for"))
    parser.add_argument("--email", default="", help=_("their e-mail address"))
    parser.add_argument("--hours", type=whole_number(1, 1440), default=168, metavar="N", help=_("how long it can be used; default 168, a week"))
    parser.add_argument("--save", metavar="FILE", help=_("write it to a file that join opens"))
    add_json(parser)


def _add_laptops(commands: Any) -> None:
    laptops = commands.add_parser("laptops", help=_("this chapter’s laptops"), description=_("The laptops of this chapter. JSON: a list of {keys}.").format(
        keys=_LAPTOP))
    laptops.add_argument("--kept", action="store_true", help=_("as the server last told, without asking it. JSON: {keys}").format(keys="at, laptops"))
    add_json(laptops)
    laptops.set_defaults(run=run_laptops)
    parts = laptops.add_subparsers(dest="part", metavar="COMMAND")
    remove = parts.add_parser("remove", help=_("remove one"), description=_(
        "Remove a laptop: it gets nothing more; at its next contact it hands over what it had not sent and empties itself. The open invitations that it made "
        "end with it (invitations: how many). JSON: {keys}.").format(keys=_LAPTOP))
    remove.add_argument("id", metavar="LAPTOP", nargs="+", help=_("its id, its name, or who has it where that is one"))
    add_json(remove)
    remove.set_defaults(run=run_remove)


def _add_set_aside(commands: Any) -> None:
    aside = commands.add_parser("set-aside", help=_("what removed laptops had not sent"), description=_(
        "Changes of removed or unknown laptops, set aside until a leader has looked. JSON: a list of id, laptop, who, received, reason (revoked, unknown), "
        "count, erases (so many people, if it is released), what (the first changes), more (so many others)."))
    add_json(aside)
    aside.set_defaults(run=run_set_aside)
    parts = aside.add_subparsers(dest="part", metavar="COMMAND")
    one = parts.add_parser("show", help=_("everything that is in one"), description=_("Every change of one. JSON: as set-aside, that one alone."))
    one.add_argument("id", metavar="ID", help=_("its id, or how it begins"))
    add_json(one)
    one.set_defaults(run=run_show_aside)
    for name, help, run in (("release", _("have it judged as of now, by the role that the laptop had"), run_release),
                            ("discard", _("throw it away for good"), run_discard)):
        part = parts.add_parser(name, help=help, description=_("{what}. JSON: taken, refused.").format(what=help[:1].upper() + help[1:]))
        part.add_argument("id", metavar="ID", help=_("its id, or how it begins"))
        add_yes(part)
        add_json(part)
        part.set_defaults(run=run)


def _add_leaving(commands: Any) -> None:
    over = commands.add_parser("hand-over", help=_("end your term: invite your successor"), description=_(
        "Invite your successor. When they have joined, this laptop sends everything at its next contact and then empties itself; its other open invitations "
        "end. JSON: as invite."))
    _add_invited(over)
    over.set_defaults(run=run_hand_over)
    leave = commands.add_parser("leave", help=_("leave the chapter with this laptop"), description=_(
        "Send everything, end this laptop’s access and empty it: the chapter’s database, its key and its backups. The open invitations that it made end. "
        "JSON: left, sentence."))
    add_yes(leave)
    add_json(leave)
    leave.set_defaults(run=run_leave)


def run_invite(args: argparse.Namespace) -> int:
    """Invite somebody."""
    from alumni_desk.errors import BadInput
    from alumni_desk.gatherings.lists import resolve
    from alumni_desk.sync.inviting import invite

    if (args.role == "door") != bool(args.gathering):
        raise BadInput("invite_gathering", _("A volunteer at the door is invited to one gathering: --role door --gathering NAME."))
    if args.until and args.role != "door":
        raise BadInput("invite_until", _("--until is for a volunteer at the door: --role door --gathering NAME."))
    until = _moment_of(args.until) if args.until else None
    _may_save(args)
    with opened(args) as desk:
        gathering = resolve(desk, args.gathering) if args.gathering else None
        made = invite(desk, args.role, gathering=gathering, name=args.name, email=args.email, hours=args.hours, replaces=args.replaces, until=until)
    return _show_invitation(args, made, _access(made, until))


def _access(made: Invitation, wanted: datetime | None) -> str:
    """Until when access to the door is; a moment later than that was asked for in vain. Empty where nobody knows, or for others."""
    if made.access is None:
        return ""
    ends = datetime.fromisoformat(made.access)
    words = _("Access to the door ends {until}.") if wanted is None or wanted.replace(microsecond=0) <= ends else _(
        "Access to the door ends {until}: --until was later than a day after the gathering.")
    return words.format(until=local_moment(made.access))


def _moment_of(text: str) -> datetime:
    from alumni_desk.errors import BadInput

    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise BadInput("invite_until", _("“{text}” is no moment. It looks like 2026-11-13T21:00."), text=text[:40]) from None


def _may_save(args: argparse.Namespace) -> None:
    """Before there is an invitation: once made it is open, and its code is told once."""
    from alumni_desk.sync.inviting import may_save, refuse_open

    if args.save:
        may_save(Path(args.save).expanduser())
        refuse_open(Path(args.save).expanduser())


def _show_invitation(args: argparse.Namespace, made: Invitation, then: str = "") -> int:
    from alumni_desk.errors import KnownError
    from alumni_desk.sync.inviting import save

    file, trouble = None, None
    try:
        file = save(made, Path(args.save).expanduser()) if args.save else None
    except KnownError as problem:  # what is printed lets somebody join all the same
        trouble = problem
    lines = [_("Code: {code}").format(code=made.code), _("Server: {url}").format(url=made.url),
             _("Valid until {until}, once.").format(until=local_moment(made.until)), _("QR: {text}").format(text=made.qr)]
    if file is not None:
        lines.append(_("Saved as {file}: whoever has it can join.").format(file=file))
    if then:
        lines.append(then)
    said = {name: value for name, value in asdict(made).items() if name != "long"}
    shown = show(args, {**said, "qr": made.qr, "file": str(file) if file else None}, "\n".join(lines))
    if trouble is not None:
        raise trouble
    return shown


def run_invitations(args: argparse.Namespace) -> int:
    """List the invitations."""
    from alumni_desk.sync.inviting import invitations

    with opened(args) as desk:
        found = invitations(desk)
    return show(args, [asdict(one) for one in found], table([_invited(one) for one in found]) or _("Nobody has been invited."))


def _invited(one: SentInvitation) -> tuple[str, ...]:
    states = {"open": _("not used yet"), "used": _("used"), "cancelled": _("cancelled"), "ended": _("ended")}
    return (one.id[:8], one.name or one.email or "", _role(one.role, one.gathering_name), _("until {moment}").format(moment=local_moment(one.until)),
            states[one.state], one.by or "")


def _role(role: str, gathering: str | None) -> str:
    words = {"admin": _("admin"), "leader": _("leader"), "door": _("door")}
    return _("door of {gathering}").format(gathering=gathering) if role == "door" and gathering else words.get(role, role)


def run_cancel(args: argparse.Namespace) -> int:
    """Cancel an invitation."""
    from alumni_desk.sync.inviting import cancel

    with opened(args) as desk:
        one = cancel(desk, args.id)
    return show(args, asdict(one), _("The invitation is cancelled: its code opens nothing any more."))


def run_laptops(args: argparse.Namespace) -> int:
    """List the laptops."""
    from alumni_desk.sync.laptops import laptops, last_told

    with opened(args) as desk:
        if args.kept:
            return _show_kept(args, last_told(desk))
        found = laptops(desk)
    return show(args, [asdict(one) for one in found], table([_laptop(one) for one in found]))


def _show_kept(args: argparse.Namespace, kept: Kept | None) -> int:
    if kept is None:
        return show(args, {"at": None, "laptops": []}, _("The server has not told this laptop of any yet: laptops asks it."))
    words = _("As of {moment}:").format(moment=local_moment(kept.at)) + "\n" + table([_laptop(one) for one in kept.laptops])
    return show(args, {"at": kept.at, "laptops": [asdict(one) for one in kept.laptops]}, words)


def _laptop(one: Laptop) -> tuple[str, ...]:
    here = _("{name} (this laptop)").format(name=one.name) if one.here else one.name
    until = _("until {moment}, over") if one.over else _("until {moment}")
    ends = ((_("removed {moment}"), one.revoked), (_("left {moment}"), one.left), (_("joined anew {moment}"), one.replaced), (until, one.until))
    end = next((words.format(moment=local_moment(at)) for words, at in ends if at), "")
    return (one.id[:8], here, one.who or "", one.may_see, local_moment(one.last_seen), _("{n} to send").format(n=number(one.waiting)) if one.waiting else "",
            _("{n} set aside").format(n=number(one.set_aside)) if one.set_aside else "", end, one.version or "")


def run_remove(args: argparse.Namespace) -> int:
    """Remove a laptop."""
    from alumni_desk.sync.laptops import remove

    with opened(args) as desk:
        one = remove(desk, " ".join(args.id))
    words = [_("{name} is removed. At its next contact it hands over what it had not sent and empties itself.").format(name=one.name), *_ended(one.invitations)]
    return show(args, asdict(one), " ".join(words))


def _ended(invitations: int) -> list[str]:
    return [ngettext("{n} open invitation that it had made ended with it.", "{n} open invitations that it had made ended with it.", invitations).format(
        n=number(invitations))] if invitations else []


def run_set_aside(args: argparse.Namespace) -> int:
    """List what is set aside."""
    from alumni_desk.sync.set_aside import set_aside

    with opened(args) as desk:
        found = set_aside(desk)
    return show(args, [_aside_data(one) for one in found], "\n".join(_aside(one) for one in found) or _("Nothing is set aside."))


def run_show_aside(args: argparse.Namespace) -> int:
    """Show everything of one."""
    from alumni_desk.sync.set_aside import whole

    with opened(args) as desk:
        one = whole(desk, args.id)
    return show(args, _aside_data(one), _aside(one, all_there_is=True))


def _aside_data(one: SetAside) -> dict[str, Any]:
    return {"id": one.id, "laptop": one.laptop, "who": one.who, "received": one.received, "reason": one.reason, "count": one.count, "erases": one.erases,
            "what": list(one.what), "more": one.more}


def _aside(one: SetAside, *, all_there_is: bool = False) -> str:
    """One in words. ``all_there_is``: it was asked for whole, and what very long changes leave no room for is not had by asking again."""
    who = _("{who}, {laptop}").format(who=one.who, laptop=one.laptop) if one.who else one.laptop
    count = ngettext("{n} change", "{n} changes", one.count).format(n=number(one.count))
    more = (ngettext("and {n} more", "and {n} more", one.more) if all_there_is else
            ngettext("and {n} more: set-aside show {id}", "and {n} more: set-aside show {id}", one.more))
    rest = [f"  {more.format(n=number(one.more), id=one.id[:8])}"] if one.more else []
    return "\n".join([f"{one.id[:8]}  {local_moment(one.received)}  {who}  {count}. {one.why}", *(f"  {line}" for line in one.what), *rest])


def run_release(args: argparse.Namespace) -> int:
    """Release what is set aside."""
    from alumni_desk.sync.set_aside import erases_words, find, release

    with opened(args) as desk:
        one = find(desk, args.id)
        if asked := erases_words(one):
            sure(args, "release", asked, _("Nothing was released."))
        done = release(desk, one.id)
    words = _("{taken} count now, {refused} could not be taken. The next sync brings them here.")
    return show(args, asdict(done), words.format(taken=number(done.taken), refused=number(done.refused)))


def run_discard(args: argparse.Namespace) -> int:
    """Throw away what is set aside."""
    from alumni_desk.sync.set_aside import discard, find

    with opened(args) as desk:
        one = find(desk, args.id)
        asked = ngettext("Throw {n} change of {laptop} away for good? There is no undo.", "Throw {n} changes of {laptop} away for good? There is no undo.",
                         one.count)
        sure(args, "discard", asked.format(n=number(one.count), laptop=one.laptop), _("Nothing was thrown away."))
        done = discard(desk, one.id)
    return show(args, asdict(done), _("Thrown away: {refused}.").format(refused=number(done.refused)))


def run_hand_over(args: argparse.Namespace) -> int:
    """Invite the successor."""
    from alumni_desk.sync.leaving import hand_over

    _may_save(args)
    with opened(args) as desk:
        made = hand_over(desk, name=args.name, email=args.email, hours=args.hours)
    return _show_invitation(args, made, _(
        "When your successor has joined, this laptop sends everything at its next contact and then empties itself, and its other open invitations end. Until "
        "then nothing changes."))


def run_leave(args: argparse.Namespace) -> int:
    """Leave the chapter."""
    from alumni_desk.sync.leaving import leave

    with opened(args, create=False) as desk:
        sure(args, "leave", _("Leave the chapter? This laptop sends everything and then empties itself, and the open invitations that it made end; there "
                              "is no undo."), _("Nothing was changed."))
        sentence = leave(desk)
    return show(args, {"left": True, "sentence": sentence}, sentence)
