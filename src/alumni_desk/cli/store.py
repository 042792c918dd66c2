"""The desk's database without a window: backup, restore, verify, passphrase, recovery key."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from alumni_desk.cli.output import add_json, add_yes, opened, patient, profile_of, say, show, sure, table, with_password
from alumni_desk.words import _, clock_time, day, ngettext, number, with_year


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    make = commands.add_parser(
        "backup", help=_("write everything to one encrypted file"),
        description=_("Write everything to one encrypted file that opens in another profile with the same password. "
                      "So does the recovery key, if one was made. JSON: file, chapter, members, gatherings, check_ins, made_at, opens (what opens it on "
                      "another computer: a list of password, the one given for it or else the desk’s own as it is now, and recovery, the recovery key)."))
    make.add_argument("out", metavar="OUT", help=_("the file to write"))
    add_json(make)
    make.set_defaults(run=run_backup)

    back = commands.add_parser(
        "restore", help=_("put a backup in the place of this profile’s desk"),
        description=_("Put a backup in the place of this profile’s desk. What waits to be sent is carried over, whoever was erased stays erased, and what "
                      "was there is kept: as a backup, or as a file if it could not be read. A backup of another chapter asks first. Close the window first. "
                      "A laptop whose access to a chapter was removed restores no backup before it has joined again. "
                      "ALUMNI_DESK_PASSPHRASE or ALUMNI_DESK_RECOVERY opens a backup of another desk; a new profile that no password store can keep is "
                      "locked with ALUMNI_DESK_PASSPHRASE. "
                      "If only the key of what is here is lost and the backup holds it, "
                      "the key is put right and nothing is replaced (reopened). "
                      "JSON: restored, reopened, chapter, members, gatherings, check_ins, made_at, carried, erased, replaced, from_outbox, unread, "
                      "instead_of (the chapter that was here, if it is another one’s backup), leaves (true if this laptop is no longer joined)."))
    back.add_argument("file", metavar="FILE", nargs="?", help=_("the backup"))
    back.add_argument("--dry-run", action="store_true", help=_("say what the backup holds and change nothing"))
    back.add_argument("--salvage", action="store_true", help=_(
        "for a desk that does not open: take what is left of it, or the newest whole backup, and lay what waited to be sent over it"))
    add_yes(back)
    add_json(back)
    back.set_defaults(run=run_restore)

    listed = commands.add_parser(
        "backups", help=_("the backups that were made by themselves, newest first"),
        description=_("The backups in this profile’s folder for them, newest first; each is read and checked. "
                      "JSON: list of id, file, made_at, why, note, kept_as, members, gatherings, check_ins, size, damaged, ours "
                      "(false: of another chapter, or under a former key of this one; null: not known), opens (as “backup” has it; an empty list: only this "
                      "computer’s password store opens it; null: it is damaged). They are listed, with exit 1, also where the "
                      "chapter is damaged and does not open."))
    listed.add_argument("--folder", metavar="DIR", help=_("keep them in this folder from now on; “default” for the profile’s own"))
    listed.add_argument("--now", action="store_true", help=_("make one now"))
    add_json(listed)
    listed.set_defaults(run=run_backups)

    check = commands.add_parser(
        "verify", help=_("check the whole database"),
        description=_("Check every page, every reference, the search index and what waits to be sent, and the files beside the database. Exit 1 if something "
                      "is damaged. A mark of the last commit or a copy of what waits that is damaged or missing is written anew from a whole database, and "
                      "it is said. "
                      "JSON: ok, pages, search, operations, views, missing, counts, beside (of mark and outbox what was damaged), gone (what was missing), "
                      "mended, absent "
                      "(tables, columns, indexes and triggers that are not there), lost (rows whose change was taken out of the database), actions (of which "
                      "Activity lacks a part), changed (rows that another program changed), remade (triggers that were missing when the desk was opened)."))
    check.add_argument("--rebuild-search", action="store_true", help=_("make the search index anew first"))
    add_json(check)
    check.set_defaults(run=run_verify)

    word = commands.add_parser(
        "passphrase", help=_("choose the password that locks this desk, or let the computer’s password store keep the key"),
        description=_("Choose the password that locks this desk. It is asked for twice, or read from the first line of the input. A server’s database in this "
                      "profile follows, if the password of until now opens it. JSON: kept, server (true, false, or null where there is none)."))
    word.add_argument("--keyring", action="store_true", help=_("no password: this computer’s password store keeps the key"))
    add_json(word)
    word.set_defaults(run=run_passphrase)

    paper = commands.add_parser(
        "recovery-key", help=_("print the recovery key, to be kept on paper"),
        description=_("Print the recovery key: eight groups of five that open this desk, or any backup of it on another computer, when the password "
                      "and the password store are lost. It is made the first time and stays the same. Give it back in ALUMNI_DESK_RECOVERY, or "
                      "type it where the password is asked for. JSON: key."))
    add_json(paper)
    paper.set_defaults(run=run_recovery_key)


def run_backup(args: argparse.Namespace) -> int:
    """Back up."""
    from alumni_desk.store import keys
    from alumni_desk.store.backup import back_up
    from alumni_desk.store.backup_head import opened_by, read_head
    from alumni_desk.store.unwritable import to_be_read

    out = Path(args.out)
    with to_be_read(profile_of(args), out) as profile, opened(args, of=profile) as desk:
        passphrase = None
        if "passphrase" not in keys.keepers(desk.profile.path, "desk"):
            asks = sys.stdin.isatty() and keys.recovery_box(desk.profile.path, "desk") is None
            passphrase = os.environ.get(keys.PASSPHRASE) or (_ask_new(_("Password for the backup: ")) if asks else None)
        held = back_up(desk, out, passphrase=passphrase)
        opens = opened_by(read_head(out)[0])
    data = {"file": str(out), "chapter": held.chapter, "members": held.members, "gatherings": held.gatherings, "check_ins": held.check_ins,
            "made_at": held.made_at, "opens": sorted(opens)}
    says = opens_words(given=bool(passphrase), password="password" in opens, recovery="recovery" in opens)
    show(args, data, _("Backed up to {file}: {what}. {opens}").format(file=out, opens=says, what=_holds(held.members, held.gatherings)))
    return 0


def opens_words(*, given: bool, password: bool, recovery: bool) -> str:
    """What opens a backup elsewhere. ``given``: a password for it alone; ``password``, ``recovery``: whether one opens it."""
    if given:
        return _("On another computer it opens with the password that was just given, or with the recovery key of this desk.") if recovery else _(
            "On another computer it opens with the password that was just given.")
    if password:
        return _("On another computer it opens with the password of this desk as it is now, or with its recovery key.") if recovery else _(
            "On another computer it opens with the password of this desk as it is now.")
    return _("On another computer it opens with the recovery key of this desk.")


def run_restore(args: argparse.Namespace) -> int:
    """Restore."""
    from alumni_desk.errors import BadInput
    from alumni_desk.store import removal
    from alumni_desk.sync.restoring import restore, salvage

    if bool(args.file) == args.salvage:
        raise BadInput("restore_what", _("Say which backup, or --salvage for a desk that does not open. See: restore --help."))
    profile, patience = profile_of(args), patient()
    removal.refuse_restore(profile)
    done = with_password(lambda typed: salvage(profile, passphrase=typed, dry_run=args.dry_run, patience=patience) if args.salvage
                         else restore(profile, Path(args.file), passphrase=typed, dry_run=args.dry_run, patience=patience,
                                      another=lambda would: sure(args, "restore", *_another(would))))
    if not args.dry_run:
        removal.begun_again(profile)
    held = done.held
    data = {"restored": not args.dry_run and not done.reopened, "reopened": done.reopened, "chapter": held.chapter, "members": held.members,
            "gatherings": held.gatherings, "check_ins": held.check_ins, "made_at": held.made_at, "carried": done.carried, "erased": done.erased,
            "replaced": str(done.replaced) if done.replaced else None, "from_outbox": done.from_outbox, "unread": done.unread,
            "instead_of": done.instead_of, "leaves": done.leaves}
    show(args, data, _restored(done, args.dry_run))
    return 0


def _restored(done: Any, tried: bool) -> str:
    what = _holds(done.held.members, done.held.gatherings)
    if done.reopened and tried:
        return _("The backup holds the key of the chapter that is here, and that opens with it again, whole: {what}. The key would be put right, "
                 "and nothing would be replaced. Nothing was changed.").format(what=what)
    if done.reopened:
        return _("Nothing was lost and nothing was replaced: the backup holds the key of the chapter that is here, so the key was put right: {what}. "
                 "The chapter opens now with what opens that backup. To go back to the backup all the same, restore it once more.").format(what=what)
    if tried:
        return " ".join(_would(done, what))
    if done.held.made_at:
        lines = [_("Restored the backup of {when}: {what}.").format(when=_moment(done.held.made_at), what=what)]
    else:
        lines = [_("Saved what was left: {what}.").format(what=what)]
    if done.instead_of is not None and done.instead_of == done.held.chapter:
        lines.append(_("It is a backup of another chapter that is called “{name}”, too, in place of the one that was here.").format(name=done.held.chapter))
    elif done.instead_of is not None:
        lines.append(_("It is a backup of another chapter, “{name}”, in place of “{here}”.").format(name=done.held.chapter, here=done.instead_of))
    if done.leaves:
        lines.append(_("This laptop is no longer joined to a server; to come back it needs a new invitation, or the backup of what was here."))
    if done.carried:
        lines.append(ngettext("{n} change that was not sent yet was carried over.", "{n} changes that were not sent yet were carried over.",
                              done.carried).format(n=number(done.carried)))
    if done.unread and not done.from_outbox:
        lines.append(_("The copy of what waited to be sent cannot be read with this key, either; it is kept beside the old file."))
    elif done.unread:
        lines.append(_("Part of the copy of what waited to be sent was damaged too: a few of the last changes may be missing."))
    if done.erased:
        lines.append(ngettext("{n} person erased since stays erased.", "{n} people erased since stay erased.", done.erased).format(n=number(done.erased)))
    if done.replaced:
        lines.append(_("What was there before is in {file}.").format(file=done.replaced))
    return "\n".join(lines)


def _another(would: Any) -> tuple[str, str]:
    """What to ask before something else takes the place of what is here, and what to say where nobody can be asked."""
    says = " ".join(_takes_the_place(would))
    return _("{says} Put it in the place of what is here?").format(says=says), _("{says} Nothing was changed.").format(says=says)


def _would(done: Any, what: str) -> Iterator[str]:
    """What a restore would do, a sentence each."""
    if done.held.made_at:
        yield _("The backup of {when} holds {what}.").format(when=_moment(done.held.made_at), what=what)
    else:
        yield _("What is left holds {what}.").format(what=what)
    if done.carried:
        yield ngettext("{n} change that was not sent yet would be carried over.", "{n} changes that were not sent yet would be carried over.",
                       done.carried).format(n=number(done.carried))
    if done.erased:
        yield ngettext("{n} person erased since would stay erased.", "{n} people erased since would stay erased.", done.erased).format(n=number(done.erased))
    yield from _takes_the_place(done)
    yield _("Nothing was changed.")


def _takes_the_place(done: Any) -> Iterator[str]:
    if done.instead_of is not None and done.instead_of == done.held.chapter:
        yield _("It is a backup of another chapter that is called “{name}”, too, and would take the place of the one that is here.").format(
            name=done.held.chapter)
    elif done.instead_of is not None:
        yield _("It is a backup of another chapter, “{name}”, and would take the place of “{here}”.").format(name=done.held.chapter, here=done.instead_of)
    if done.leaves:
        yield _("This laptop would no longer be joined to a server; to come back it needs a new invitation.")


def _moment(made_at: str) -> str:
    when = datetime.fromisoformat(made_at).astimezone()
    return f"{with_year(day(when.date()), when)} {clock_time(when)}"


SHUT = frozenset({"database_damaged", "database_gone", "changes_lost", "key_gone", "key_damaged", "key_lost"})
"""What keeps a chapter from being opened until a backup was restored."""


def run_backups(args: argparse.Namespace) -> int:
    """List the backups."""
    from alumni_desk.errors import StoreProblem
    from alumni_desk.store import backup, backup_folders, backup_head, erasing, keys

    made, here_only, shut, profile, key = None, False, "", profile_of(args), None
    try:
        with opened(args, create=False) as desk:
            if args.folder:
                wanted = None if args.folder == "default" else Path(args.folder).expanduser().absolute()
                made = wanted if wanted is not None and not wanted.exists() else None
                backup_folders.choose_folder(desk.profile, wanted)
            erasing.catch_up(desk)
            if args.now:
                backup.by_itself(desk.profile, desk.key, "daily")
            key, here_only = desk.key, args.now and backup.opens_here_alone(desk.profile)
    except StoreProblem as problem:
        if args.folder or args.now or problem.code not in SHUT:
            raise
        shut = str(problem)
        if not problem.code.startswith("key_"):
            key = with_password(lambda typed: keys.database_key(profile.path, "desk", passphrase=typed, patience=patient()))
    there = [one if key else replace(one, ours=True) for one in backup_folders.backups(profile, key)]  # without the key nobody knows whose they are
    rows = [(one, one.damaged or not backup.is_whole(one.file)) for one in there]
    folder, troubles = backup_folders.folder_in_use(profile), backup_folders.trouble_words(profile)
    data = [{"id": one.file.stem, "file": str(one.file), "made_at": one.made_at, "why": one.why, "note": one.note, "kept_as": one.rule,
             "members": one.members, "gatherings": one.gatherings, "check_ins": one.check_ins, "size": one.size, "damaged": damaged,
             "ours": one.ours if key else None, "opens": None if damaged else sorted(backup_head.opened_by(one.header))} for one, damaged in rows]

    def words() -> str:
        lines = table([(_moment(one.made_at), why_words(one.why, one.note), _what_is_in(one, damaged), _("{n} KB").format(n=number(one.size // 1024)),
                        one.file.name) for one, damaged in rows])
        found = [one for one, _damaged in rows]
        ours, others = len(backup_folders.counted(found)), backup_folders.others_words(found)
        where = ", ".join(dict.fromkeys(str(one.file.parent) for one, _damaged in rows))  # two, while the chosen one takes none
        if here_only:
            lines += "\n" + _("They open only on this computer, whose password store has the key. “alumni-desk recovery-key” prints a key that opens them "
                              "anywhere, and so does a password: “alumni-desk passphrase”.")
        foot = ngettext("{n} backup in {folder}", "{n} backups in {folder}", ours).format(n=number(ours), folder=where) if ours else _(
            "No backups yet in {folder}. The window makes one every day; so does: backups --now.").format(folder=folder)
        if others:
            foot += f"\n{others}"
        if made is not None:
            foot += "\n" + _("There was no such folder, so it was made.")
        if shut and rows:
            foot += "\n" + _("To go back to one of them: restore FILE.")
        return "\n".join([*([lines] if rows else []), foot, *troubles])

    ended = show(args, data, words, wrong=shut)
    if troubles and args.json:  # the list has no place for it
        print(*troubles, sep="\n", file=sys.stderr)
    return ended


def _what_is_in(one: Any, damaged: bool) -> str:
    if damaged:
        return _("damaged, cannot be used")
    what = _holds(one.members, one.gatherings)
    return what if one.ours else _("made elsewhere: {what}").format(what=what)


def why_words(why: str, note: str) -> str:
    """Why a backup was made, in words."""
    words = {"daily": _("of the day"), "before_import": _("before an import"), "before_update": _("before an update"),
             "before_restore": _("before a restore"), "by_hand": _("by hand")}.get(why, why)
    return f"{words} ({note})" if note else words


def _holds(members: int, gatherings: int) -> str:
    return _("{members}, {gatherings}").format(
        members=ngettext("{n} member", "{n} members", members).format(n=number(members)),
        gatherings=ngettext("{n} gathering", "{n} gatherings", gatherings).format(n=number(gatherings)))


def run_verify(args: argparse.Namespace) -> int:
    """Check the database."""
    from alumni_desk.store.checking import found_words, rebuild_search, verify

    with opened(args) as desk:
        if args.rebuild_search:
            rebuild_search(desk)
        found = verify(desk)
    data = {"ok": found.ok, "pages": found.pages, "search": found.search, "operations": found.operations, "views": found.views,
            "missing": found.missing, "counts": found.counts, "beside": list(found.beside), "gone": list(found.gone), "mended": found.mended,
            "absent": list(found.absent), "lost": found.lost, "actions": found.actions, "changed": found.changed, "remade": list(found.remade)}
    told = found_words(found)
    return show(args, data, told) if found.ok else show(args, data, "", wrong=told.replace("\n", " "))


def run_passphrase(args: argparse.Namespace) -> int:
    """Change what locks the desk."""
    from alumni_desk.store import backup, keys

    present: list[str | None] = []
    left: list[str] = []
    with opened(args, told=present.append) as desk:
        typed = None if args.keyring else _ask_new(_("New password: "))
        kept = keys.keep_anew(desk.profile.path, "desk", desk.key, typed, lambda: left.append(keys.left_words()))
        server = keys.follow(desk.profile.path, "server", present[0], lambda folder, name, key: keys.keep_anew(folder, name, key, typed))
    words = [_("This computer’s password store keeps the key now.") if kept == "keyring" else _("The new password locks this desk from now on.")]
    if server is not None:
        words.append(_("The same is true of the server’s database in this profile.") if server else _(
            "The server’s database in this profile has another password, and keeps it."))
    show(args, {"kept": kept, "server": server}, "\n".join([*words, *left]))
    if not args.json and (former := backup.former_words(desk.profile, desk.key)):  # said by itself: a folder of backups may take long to answer
        say(former)
    return 0


def run_recovery_key(args: argparse.Namespace) -> int:
    """Print the recovery key."""
    from alumni_desk.store.recovery import recovery_key

    with opened(args) as desk:
        key = recovery_key(desk)
    show(args, {"key": key}, _("{key}\nKeep it on paper, away from this laptop: whoever has it can open the members.").format(key=key))
    return 0


def _ask_new(prompt: str) -> str:
    """A new password: typed twice, or the first line of the input."""
    from alumni_desk.errors import BadInput
    from alumni_desk.store import keys

    if not sys.stdin.isatty():
        typed = sys.stdin.readline().rstrip("\r\n")
    else:
        import getpass

        typed = getpass.getpass(prompt)
        if typed and getpass.getpass(_("The same again: ")) != typed:
            raise BadInput("passphrase_differs", _("The two are not the same, so nothing was changed."))
    if len(typed) < keys.SHORTEST:
        raise BadInput("passphrase_short", _("A password needs ten letters or more: three words you will remember do well. Nothing was changed."))
    return typed
