"""The desk's database without a window: backup, restore, verify, passphrase."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from alumni_desk.cli.output import add_json, opened, profile_of, show
from alumni_desk.words import _, ngettext, number


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    make = commands.add_parser(
        "backup", help=_("write everything to one encrypted file"),
        description=_("Write everything to one encrypted file that opens in another profile with the same password. "
                      "JSON: file, chapter, members, gatherings, check_ins, made_at."))
    make.add_argument("out", metavar="OUT", help=_("the file to write"))
    add_json(make)
    make.set_defaults(run=run_backup)

    back = commands.add_parser(
        "restore", help=_("put a backup in the place of this profile's desk"),
        description=_("Put a backup in the place of this profile's desk; the desk that is there is kept beside it. Close the window first. "
                      "JSON: restored, chapter, members, gatherings, check_ins, made_at."))
    back.add_argument("file", metavar="FILE", help=_("the backup"))
    back.add_argument("--dry-run", action="store_true", help=_("say what the backup holds and change nothing"))
    add_json(back)
    back.set_defaults(run=run_restore)

    check = commands.add_parser(
        "verify", help=_("check the whole database"),
        description=_("Check every page, every reference, the search index and what waits to be sent. Exit 1 if something is damaged. "
                      "JSON: ok, pages, search, operations, missing, counts."))
    check.add_argument("--rebuild-search", action="store_true", help=_("make the search index anew first"))
    add_json(check)
    check.set_defaults(run=run_verify)

    word = commands.add_parser(
        "passphrase", help=_("choose the password that locks this desk, or let the computer's password store keep the key"),
        description=_("Choose the password that locks this desk. It is asked for twice, or read from the first line of the input. JSON: kept."))
    word.add_argument("--keyring", action="store_true", help=_("no password: this computer's password store keeps the key"))
    add_json(word)
    word.set_defaults(run=run_passphrase)


def run_backup(args: argparse.Namespace) -> int:
    """Back up."""
    from alumni_desk.store.backup import back_up
    from alumni_desk.store.keys import PASSPHRASE

    out = Path(args.out)
    with opened(args) as desk:
        passphrase = None
        if desk.kept_by == "keyring":
            passphrase = os.environ.get(PASSPHRASE) or (_ask_new(_("Password for the backup: ")) if sys.stdin.isatty() else None)
        held = back_up(desk, out, passphrase=passphrase)
    data = {"file": str(out), "chapter": held.chapter, "members": held.members, "gatherings": held.gatherings, "check_ins": held.check_ins,
            "made_at": held.made_at}
    show(args, data, _("Backed up to {file}: {what}. It opens with the password of this desk, or the one that was just given.").format(
        file=out, what=_holds(held.members, held.gatherings)))
    return 0


def run_restore(args: argparse.Namespace) -> int:
    """Restore."""
    from alumni_desk.sync.restoring import restore

    held = restore(profile_of(args), Path(args.file), dry_run=args.dry_run).held
    data = {"restored": not args.dry_run, "chapter": held.chapter, "members": held.members, "gatherings": held.gatherings,
            "check_ins": held.check_ins, "made_at": held.made_at}
    words = _("The backup of {when} holds {what}. Nothing was changed.") if args.dry_run else _("Restored the backup of {when}: {what}.")
    show(args, data, words.format(when=held.made_at, what=_holds(held.members, held.gatherings)))
    return 0


def _holds(members: int, gatherings: int) -> str:
    return _("{members}, {gatherings}").format(
        members=ngettext("{n} member", "{n} members", members).format(n=number(members)),
        gatherings=ngettext("{n} gathering", "{n} gatherings", gatherings).format(n=number(gatherings)))


def run_verify(args: argparse.Namespace) -> int:
    """Check the database."""
    from alumni_desk.store.checking import rebuild_search, verify

    with opened(args) as desk:
        if args.rebuild_search:
            rebuild_search(desk)
        found = verify(desk)
    data = {"ok": found.ok, "pages": found.pages, "search": found.search, "operations": found.operations, "missing": found.missing,
            "counts": found.counts}
    show(args, data, _told(found))
    return 0 if found.ok else 1


def _told(found: Any) -> str:
    members = number(found.counts["person"])
    if found.ok:
        lines = [_("Everything is as it should be: {people} people, {gatherings} gatherings, {facts} facts of the door.").format(
            people=members, gatherings=number(found.counts["gathering"]), facts=number(found.counts["fact"]))]
    else:
        lines = []
        if found.pages:
            lines.append(_("{n} parts of the file are damaged. Restore a backup; leave the file where it is.").format(n=number(found.pages)))
        if found.search:
            lines.append(_("The search would miss {n} people. Mend it with verify --rebuild-search.").format(n=number(found.search)))
        if found.operations:
            lines.append(_("{n} changes fit no row. Back up, and tell whoever runs the server.").format(n=number(found.operations)))
    lines += [_("{n} rows name something in {what} that is not here (yet).").format(n=number(count), what=name)
              for name, count in found.missing.items()]
    return "\n".join(lines)


def run_passphrase(args: argparse.Namespace) -> int:
    """Change what locks the desk."""
    from alumni_desk.store import keys

    with opened(args) as desk:
        typed = None if args.keyring else _ask_new(_("New password: "))
        kept = keys.keep_anew(desk.profile.path, "desk", desk.key, typed)
    words = _("This computer's password store keeps the key now.") if kept == "keyring" else _("The new password locks this desk from now on.")
    show(args, {"kept": kept}, words)
    return 0


def _ask_new(prompt: str) -> str:
    """A new password: typed twice, or the first line of the input."""
    from alumni_desk.errors import BadInput

    if not sys.stdin.isatty():
        typed = sys.stdin.readline().rstrip("\r\n")
    else:
        import getpass

        typed = getpass.getpass(prompt)
        if typed and getpass.getpass(_("The same again: ")) != typed:
            raise BadInput("passphrase_differs", _("The two are not the same, so nothing was changed."))
    if len(typed) < 10:
        raise BadInput("passphrase_short", _("A password needs ten letters or more: three words you will remember do well. Nothing was changed."))
    return typed
