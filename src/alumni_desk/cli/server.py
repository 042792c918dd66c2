"""The server without a window: set up, invite, look after, back up. One function for each ``server …`` command."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alumni_desk.cli.arguments import whole_number
from alumni_desk.cli.output import add_json, local_moment, show, table
from alumni_desk.cli.serving import add_database, folder_of, journal_of, moment, refuse_absent, the_database, the_server
from alumni_desk.errors import BadInput
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.server.backups import Held
    from alumni_desk.server.devices import AccountRow


def add_commands(commands: Any) -> None:
    """Declare the server's commands."""
    server = commands.add_parser("server", help=_("the chapter’s server: set up, invite, look after, back up"))
    parts = server.add_subparsers(dest="server_command", metavar="COMMAND", required=True)

    def part(name: str, run: Any, help: str, more: str, keys: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = parts.add_parser(name, help=help, description=_("{more} JSON: {keys}.").format(more=more, keys=keys))
        made.set_defaults(run=run)
        add_database(made)
        add_json(made)
        return made

    part("init", run_init, _("make the server’s database"), _("Make the server’s database."), "server, database")
    invite = part("invite", run_invite, _("an invitation for one laptop"), _(
        "Make an invitation for one laptop, valid for seven days, once. Makes the chapter if there is none of that name, or one like it, and says so."),
        "code, chapter_made (true: there was none of that name), expires, url (null until it is known how laptops reach the server: see serve --public-url), "
        "fingerprint, qr (the text of a QR code, or null)")
    invite.add_argument("--chapter", metavar="NAME", help=_("name or id of the chapter; an admin, who sees every chapter, begins in the first without it"))
    invite.add_argument("--new", action="store_true", help=_("make the chapter although another is called much the same"))
    invite.add_argument("--role", required=True, choices=("admin", "leader", "door"), help=_("what the laptop may do; door: check guests in at one gathering"))
    invite.add_argument("--gathering", metavar="ID", help=_("the gathering’s id, for --role door"))
    invite.add_argument("--name", default="", help=_("whom it is for: so they are called until they say it themselves"))
    part("accounts", run_accounts, _("who joined"), _("Who joined, by chapter."), _("list of id, who, chapter, role, gathering, until, created, laptops"))
    part("devices", run_devices, _("the laptops that joined"), _("The laptops that joined, by chapter; waiting: changes that a laptop has still to send."),
         _("list of id, name, who, chapter, role, last_seen, version, waiting, revoked, replaced (it joined anew), left (its chapter)"))
    revoke = part("revoke", run_revoke, _("remove a laptop"), _(
        "Remove a laptop: from its next call on it gets nothing more, and the open invitations that it made end. What it had not sent is set aside, also of "
        "one that left or handed over before, where it would have counted."),
        _("id, name, who (or null), revoked, invitations (how many ended with it)"))
    revoke.add_argument("device", metavar="DEVICE", help=_("its id, or the beginning of it (eight letters or more), or its name if no other has it"))
    moving = part("move-member", run_move_member, _("hand a member over to another chapter"), _(
        "Hand a member over to another chapter, with whoever was merged with them, their degrees, and the household if nobody else of it stays. The former "
        "chapter keeps that somebody came to its gatherings, and nothing of who it was; what its laptops send of them later is not taken, and they say so. "
        "A restore of the server does not undo it; the same command moves them back."), _("people, from, to, lists (places on lists of gatherings to come)"))
    moving.add_argument("member", metavar="MEMBER", help=_("their id, or their name or a word of it if no other has it"))
    moving.add_argument("--to", required=True, metavar="CHAPTER", help=_("name or id of the chapter they belong to from now on"))
    moving.add_argument("--chapter", metavar="NAME", help=_("name or id of the chapter they are in, where names alone do not tell"))
    looked = part("audit", run_audit, _("who did what, and whether that record is whole"), _(
        "The newest entries of the audit: ids and field names, in JSON hashes, too; never values. --check goes through every entry and its hash; it ends with "
        "1 if one was changed, removed or moved. Note the last hashes elsewhere: they also show whether the whole record was written anew."),
        _("list of chapter, number, at, device, event, details; with --check: ok, entries, last, broken"))
    looked.add_argument("--check", action="store_true", help=_("check the chain of hashes"))
    looked.add_argument("--limit", type=whole_number(1, 1_000_000), default=100, metavar="N", help=_("how many entries; default 100"))
    part("quarantine", run_quarantine, _("bundles of changes that were set aside"),
         _("Bundles of changes of removed laptops, set aside until a leader looks at them."),
         _("list of id, chapter, device, name, reason, operations, received"))
    part("stats", run_stats, _("what the server holds, in numbers"), _("What the server holds, in numbers."),
         _("server, database, revision, accounts, laptops, removed, open_invitations, set_aside, chapters"))
    part("migrate", run_migrate, _("bring the database to this version"), _("Bring an older database to this version’s form. Make a backup first."), "from, to")
    backup = part("backup", run_backup, _("everything in one encrypted file"), _(
        "Write everything to one encrypted file, while the server serves. The password is read from ALUMNI_DESK_PASSPHRASE, else asked for."),
        _("file, server, chapters, people, changes, made_at"))
    backup.add_argument("file", metavar="FILE", help=_("the file to write"))
    restore = part("restore", run_restore, _("put a backup back"), _(
        "Put a backup back, into either kind of database, while no process serves. Removals, moves and used invitations since the backup are kept (see "
        "--journal), open invitations end, and the laptops offer again what they hold. Without FILE: the database itself was put back by other means."),
        _("server, chapters, people, changes, made_at, replaced"))
    restore.add_argument("file", metavar="FILE", nargs="?", help=_("the backup"))
    restore.add_argument("--replace", action="store_true", help=_("there is a server in this database already: put the backup in its place"))


def run_init(args: argparse.Namespace) -> int:
    """Make the database."""
    with the_server(args, make=True) as server:
        kind = "postgresql" if server.database.postgresql else "sqlcipher"
        show(args, {"server": server.id, "database": kind}, _("The server’s database is ready."))
    return 0


def run_invite(args: argparse.Namespace) -> int:
    """Make an invitation."""
    from alumni_desk.server.invitations import chapters_like, invite
    from alumni_desk.server.state import address_for_laptops, now_ms, read_state
    from alumni_desk.sync.inviting import qr_text

    if args.chapter is None and args.role != "admin":
        raise BadInput("chapter_needed", _("Say for which chapter: --chapter NAME."))
    with the_server(args) as server:
        if args.chapter is not None and not args.new and args.role != "door" and (like := chapters_like(server, args.chapter)):
            raise BadInput("chapter_like", _("There is no chapter “{name}” on this server, but {others}: it may have been renamed. Nobody was invited. Give "
                                             "its name as it is now, or say --new to make a chapter of that name."),
                           name=args.chapter, others=", ".join(f"“{one}”" for one in like[:5]))
        made = invite(server, chapter=args.chapter, role=args.role, gathering=args.gathering, now=now_ms(), name=args.name)
        with server.database.reading() as connection:
            url, fingerprint = address_for_laptops(read_state(connection, server.tables))
    qr = qr_text(url, made.long) if url else None
    data = {"code": made.code, "chapter_made": made.new, "expires": moment(made.expires), "url": url, "fingerprint": fingerprint, "qr": qr}
    human = _("Code: {code}\nValid until {expires}, once.").format(code=made.code, expires=local_moment(made.expires))
    if url:
        where = _("Server: {url}\nQR: {qr}").format(url=url, qr=qr)
    elif fingerprint:
        where = _("Send the server’s address with it, #sha256={fingerprint} at its end; serve --public-url URL makes it stand here.").format(
            fingerprint=fingerprint)
    else:
        where = _("Send the server’s address with it; serve --public-url URL makes it stand here.")
    if made.new:
        human = _("The chapter {chapter} was made; nobody is in it yet.").format(chapter=" ".join(args.chapter.split())) + "\n" + human
    if args.role == "admin" and args.chapter:
        human += "\n" + _("It is for every chapter of this server; the laptop begins in {chapter}.").format(chapter=args.chapter)
    show(args, data, f"{human}\n{where}")
    return 0


def run_accounts(args: argparse.Namespace) -> int:
    """List who joined."""
    from alumni_desk.server.devices import account_rows

    with the_server(args) as server:
        rows = account_rows(server)
    data = [{"id": row.id, "who": row.who, "chapter": row.chapter, "role": row.role, "gathering": row.gathering, "until": moment(row.until),
             "created": moment(row.created_at), "laptops": row.laptops} for row in rows]
    lines = [(row.who or _unnamed(row), row.chapter or "", row.role, ngettext("{n} laptop", "{n} laptops", row.laptops).format(n=number(row.laptops)))
             for row in rows]
    show(args, data, table(lines) or _("Nobody has joined yet."))
    return 0


def _unnamed(row: AccountRow) -> str:
    """Who has said no name yet, and whose invitation had none."""
    return _("no name yet, on {laptop}").format(laptop=row.laptop) if row.laptop else _("no name yet ({id})").format(id=row.id)


def run_devices(args: argparse.Namespace) -> int:
    """List the laptops."""
    from alumni_desk.server.devices import device_rows

    with the_server(args) as server:
        rows = device_rows(server)
    data = [{"id": row.id, "name": row.name, "who": row.who, "chapter": row.chapter, "role": row.role, "last_seen": moment(row.last_seen),
             "version": row.version, "waiting": row.waiting, "revoked": row.revoked, "replaced": row.replaced, "left": row.left} for row in rows]
    end = {(row.id, row.chapter): _("removed") if row.revoked else _("joined anew") if row.replaced else _("left") if row.left else "" for row in rows}
    lines = [(row.id, row.name or "", row.who or "", row.chapter or "", row.role, local_moment(row.last_seen), row.version or "",
              _("{n} to send").format(n=number(row.waiting)) if row.waiting else "", end[row.id, row.chapter]) for row in rows]
    show(args, data, table(lines) or _("No laptop has joined yet."))
    return 0


def run_revoke(args: argparse.Namespace) -> int:
    """Remove a laptop."""
    from alumni_desk.server.accounts import remove
    from alumni_desk.server.devices import find_device, has_left, owner_of
    from alumni_desk.server.state import now_ms

    now, ended = now_ms(), 0
    with the_server(args) as server, server.database.writing() as connection:
        device = find_device(connection, server.tables, args.device)
        who = owner_of(connection, server.tables, device.account)
        late = device.revoked_at is None and has_left(connection, server.tables, device.id)
        if device.revoked_at is None:
            ended = remove(server, connection, device.id, now, by=None)
    called = device.name or device.id
    laptop = _("{laptop} of {who}").format(laptop=called, who=who) if who else called
    words = [(_("{name} is removed.") if device.revoked_at is None else _("{name} was removed before.")).format(name=laptop)]
    if late:
        words.append(_("It had left before, or handed over; what it still has to send would have counted, and waits for a leader’s look now (set-aside)."))
    if ended:
        words.append(ngettext("{n} open invitation that it had made ended with it.", "{n} open invitations that it had made ended with it.", ended).format(
            n=number(ended)))
    show(args, {"id": device.id, "name": device.name, "who": who, "revoked": moment(device.revoked_at or now), "invitations": ended}, " ".join(words))
    return 0


def run_move_member(args: argparse.Namespace) -> int:
    """Move a member."""
    from alumni_desk.server import moved
    from alumni_desk.server.moved_finding import chapter_that_is, find_member
    from alumni_desk.server.snapshot import Snapshots
    from alumni_desk.server.state import now_ms

    with the_server(args) as server:
        with server.database.reading() as connection:
            to = chapter_that_is(connection, server.tables, args.to)
            scope = chapter_that_is(connection, server.tables, args.chapter) if args.chapter else None
            found = find_member(connection, server.tables, args.member, scope.id if scope else None)
        done = moved.move(server, found.id, to.id, now_ms(), scope=found.scope)
        Snapshots(server).forget(done.scope)
    words = _("{name} belongs to {chapter} now.").format(name=found.name, chapter=to.name)
    if done.lists:
        words += " " + ngettext("One place on a list of a gathering to come ended.", "{n} places on lists of gatherings to come ended.", done.lists).format(
            n=number(done.lists))
    show(args, {"people": list(done.people), "from": done.scope, "to": done.to, "lists": done.lists}, words)
    return 0


def run_audit(args: argparse.Namespace) -> int:
    """List or check the audit."""
    import json

    from alumni_desk.server import audit

    with the_server(args) as server, server.database.reading() as connection:
        if args.check:
            return _check(args, audit.check(connection, server.tables))
        rows = audit.newest(connection, server.tables, None, max(0, args.limit))
    said = [json.loads(row.details) if row.details else None for row in rows]
    data = [{"chapter": row.scope, "number": row.number, "at": moment(row.made_at), "device": row.device, "event": row.event,
             "details": details} for row, details in zip(rows, said, strict=True)]
    lines = [(local_moment(row.made_at), row.scope, number(row.number), row.event, row.device or "", audit.in_short(details or {}))
             for row, details in zip(rows, said, strict=True)]
    show(args, data, table(lines) or _("Nothing has been done yet."))
    return 0


def _check(args: argparse.Namespace, found: Any) -> int:
    data = {"ok": not found.broken, "entries": found.entries, "last": found.last,
            "broken": [{"chapter": one.scope, "number": one.number} for one in found.broken]}
    whole = ngettext("The audit is whole: {n} entry.", "The audit is whole: {n} entries.", found.entries).format(n=number(found.entries))
    words = [whole] if not found.broken else [
        _("The audit of chapter {chapter} is not what was written, from entry {number} on. Keep the database as it is and compare it with a backup.").format(
            chapter=one.scope, number=number(one.number)) for one in found.broken]
    show(args, data, "\n".join([*words, *(f"{scope}  {digest}" for scope, digest in found.last.items())]))
    return 1 if found.broken else 0


def run_quarantine(args: argparse.Namespace) -> int:
    """List what was set aside."""
    from alumni_desk.server.figures import set_aside

    with the_server(args) as server:
        rows = set_aside(server)
    data = [{"id": row.id, "chapter": row.chapter, "device": row.device, "name": row.name, "reason": row.reason, "operations": row.operations,
             "received": moment(row.received_at)} for row in rows]
    lines = [(row.id, local_moment(row.received_at), row.chapter or "", row.name or row.device, row.reason, number(row.operations)) for row in rows]
    show(args, data, table(lines) or _("Nothing is set aside."))
    return 0


def run_stats(args: argparse.Namespace) -> int:
    """Count."""
    from dataclasses import asdict

    from alumni_desk.server.figures import figures
    from alumni_desk.server.state import now_ms

    with the_server(args) as server:
        found = figures(server, now_ms())
    lines = [(one.name or one.id, ngettext("{n} person", "{n} people", one.people).format(n=number(one.people)),
              ngettext("{n} laptop", "{n} laptops", one.laptops).format(n=number(one.laptops)),
              ngettext("{n} change, {saved} backed up", "{n} changes, {saved} backed up", one.head).format(n=number(one.head), saved=number(one.backed_up)))
             for one in found.chapters]
    show(args, asdict(found), table(lines) or _("No chapter yet."))
    return 0


def run_migrate(args: argparse.Namespace) -> int:
    """Migrate."""
    from alumni_desk.server.database import REVISION, postgresql_revision

    refuse_absent(args)
    before = postgresql_revision(args.database) if args.database else None
    with the_database(args, upgrade=True):
        show(args, {"from": before, "to": REVISION}, _("The database has the form of this version ({revision}).").format(revision=REVISION))
    return 0


def run_backup(args: argparse.Namespace) -> int:
    """Back up."""
    from alumni_desk.server.backups import back_up

    file = Path(args.file).expanduser()
    with the_server(args) as server:
        held = back_up(server.database, file, _passphrase(new=True))
    show(args, {"file": str(file), **_said(held)}, _("Backed up to {file}: {what}.").format(file=file, what=_holds(held)))
    return 0


def run_restore(args: argparse.Namespace) -> int:
    """Restore."""
    from alumni_desk.server import backups
    from alumni_desk.server.opening import held as alone_with
    from alumni_desk.server.state import now_ms, open_server

    passphrase = ""
    if args.file is None:
        refuse_absent(args)
    else:  # what is no backup, or a wrong password, leaves no empty server in a new folder
        passphrase = _passphrase(new=False)
        backups.try_to_open(Path(args.file).expanduser(), passphrase)
    with the_database(args) as database, alone_with(database, folder_of(args), alone=True):
        if args.file is None:
            with database.writing() as connection:
                backups.begin_timeline(connection, journal_of(args), now=now_ms())
            show(args, {"server": open_server(database).id, "replaced": None}, _(
                "A new timeline has begun: open invitations have ended, and the laptops offer again what they hold."))
            return 0
        replaced = None
        if not backups.is_empty(database):
            if not args.replace:
                raise backups.refuse_to_replace()
            replaced = folder_of(args) / f"server-replaced-{now_ms()}.backup"
            backups.back_up(database, replaced, passphrase, own=True)
        held = backups.restore(database, Path(args.file).expanduser(), passphrase, journal_of(args), now=now_ms())
    words = _("Restored the backup of {when}: {what}.").format(when=held.made_at, what=_holds(held))
    if replaced is not None:
        words += "\n" + _("What was there is kept as {file}, under the same password.").format(file=replaced)
    show(args, {**_said(held), "replaced": str(replaced) if replaced else None}, words)
    return 0


def _said(held: Held) -> dict[str, Any]:
    return {"server": held.server, "chapters": held.chapters, "people": held.people, "changes": held.changes, "made_at": held.made_at}


def _holds(held: Held) -> str:
    return _("{chapters}, {people}").format(
        chapters=ngettext("{n} chapter", "{n} chapters", held.chapters).format(n=number(held.chapters)),
        people=ngettext("{n} person", "{n} people", held.people).format(n=number(held.people)))


def _passphrase(*, new: bool) -> str:
    """The password that locks a backup: from the environment, else asked for at a terminal."""
    import getpass

    from alumni_desk.errors import StoreProblem
    from alumni_desk.store.keys import PASSPHRASE

    typed = os.environ.get(PASSPHRASE) or ""
    if not typed and sys.stdin.isatty():
        typed = getpass.getpass(_("Password of the backup: "))
        if new and getpass.getpass(_("The same again: ")) != typed:
            raise BadInput("passphrase_differs", _("The two are not the same."))
    if not typed:
        raise StoreProblem("backup_passphrase", _("A backup is locked with a password. Set ALUMNI_DESK_PASSPHRASE before the command."))
    return typed
