"""What every command shares: which profile, opening the desk, and saying what came of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from alumni_desk.store.desk import Desk
    from alumni_desk.store.patience import Patience
    from alumni_desk.store.profile import Profile

T = TypeVar("T")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Give a command its ``--json``."""
    from alumni_desk.words import _

    parser.add_argument("--json", action="store_true", help=_("answer in JSON, with stable keys"))


def local_moment(moment: str | int | None) -> str:
    """A moment (ISO, or milliseconds as a server keeps them) by this computer's clock and zone; empty for none."""
    from datetime import UTC, datetime

    if moment is None or moment == "":
        return ""
    at = datetime.fromtimestamp(moment / 1000, UTC) if isinstance(moment, int) else datetime.fromisoformat(moment)
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def profile_of(args: argparse.Namespace) -> Profile:
    """The profile that a command works on."""
    from alumni_desk.store.profile import Profile, default_profile

    return Profile(Path(args.profile).expanduser().absolute()) if args.profile else default_profile()


WHILE_LOCKED = frozenset({"join", "sync", "status", "keep", "move", "leave", "switch", "parcel", "backup", "backups", "verify", "passphrase", "recovery-key"})
"""The commands that show nobody and work also where a laptop's access has passed."""


AFTER_THE_END = WHILE_LOCKED | {"open", "join-laptop", "share", "venue", "refused"}
"""The commands that have something to say or do on a laptop whose time at a door is over: its list is gone, and an empty one would be a lie."""


LEADERS_ALONE = frozenset({
    *((command, None) for command in ("import", "invite", "invitations", "laptops", "set-aside", "hand-over", "conflicts", "conflict", "hand-out",
                                      "chapters")),
    *(("member", part) for part in ("add", "set", "remove", "merge", "unmerge", "erase")), *(("gathering", part) for part in ("new", "set", "cancel")),
    ("guests", "import"),
})
"""The commands, and of some their parts, that a laptop at the door has no use for: the server would refuse what they do, or has nothing to tell."""


ONLY_READ = frozenset({
    *((command, None) for command in ("members", "gatherings", "guests", "headcount", "activity", "history", "status", "backups", "refused")),
    ("member", "show"), ("gathering", "show")})
"""The commands, and of some their parts, that save nothing; ``export`` remembers where its file lies."""

_SAVES = ("add", "file", "set", "guest_of", "restore", "folder", "now")
"""Options with which such a command does."""


def _only_reads(args: argparse.Namespace) -> bool:
    return (getattr(args, "command", None), _part(args)) in ONLY_READ and not any(getattr(args, name, None) for name in _SAVES)


def _part(args: argparse.Namespace) -> str | None:
    found = getattr(args, "member_command", None) or getattr(args, "gathering_command", None)
    if getattr(args, "command", None) == "guests" and args.file:
        return "import"
    return None if found is None else str(found)


@contextmanager
def opened(args: argparse.Namespace, *, create: bool = True, told: Callable[[str | None], None] | None = None,
           of: Profile | None = None, anew: bool = False) -> Iterator[Desk]:  # fmt: skip
    """The open desk of the command's profile; made if it is not there, unless ``create`` is false. Asks for the password at a terminal.

    ``told``: hears the password that was typed, None if none was. ``of``: another profile than the command's. ``anew``: see ``store/opening.open_with``.
    """
    with _where(args, of or profile_of(args)) as profile, open_asking(profile, create=create, told=told, anew=anew) as desk:
        if getattr(args, "command", None) not in WHILE_LOCKED:
            from alumni_desk.sync import access

            with desk.asking() as connection:
                access.refuse_locked(connection)
                over = getattr(args, "command", None) not in AFTER_THE_END and access.has_ended(connection)
                if not over and (getattr(args, "command", None), _part(args)) in LEADERS_ALONE:
                    access.refuse_at_door(connection)
            if over:
                _refuse_ended(desk)
        _finish_erasing(desk)
        try:
            yield desk
        finally:
            if desk.unkept:
                from alumni_desk.store.outbox import catch_up

                catch_up(desk)


@contextmanager
def _where(args: argparse.Namespace, profile: Profile) -> Iterator[Profile]:
    """The profile to open: for a command that only reads, where its disk can only be read, a copy; and that is said."""
    from alumni_desk.store import disk

    if not _only_reads(args) or not disk.can_only_be_read(profile.path):
        yield profile
        return
    from alumni_desk.store.unwritable import to_be_looked_at
    from alumni_desk.words import _

    with to_be_looked_at(profile) as there:
        if there != profile:
            print(_("The disk with {folder} can only be read now: this is what it holds, and nothing can be saved there.").format(folder=profile.path),
                  file=sys.stderr, flush=True)
        yield there


def _refuse_ended(desk: Desk) -> NoReturn:
    """Say of a laptop whose time at a door is over what ``status`` says."""
    from alumni_desk.errors import Refused
    from alumni_desk.sync.engine import status

    raise Refused("access_ended", status(desk).sentence)


def _finish_erasing(desk: Desk) -> None:
    """Go on where a command or the window ended in the middle of erasing somebody. What still does not go is said, and stops nothing else."""
    from alumni_desk.errors import KnownError
    from alumni_desk.store import driver

    with desk.asking() as connection:
        begun = driver.row(connection, "SELECT 1 FROM sync_state WHERE key = 'scrubbing'")
    if begun is None:
        return
    from alumni_desk.store.erasing import finish_begun

    try:
        finish_begun(desk)
    except KnownError as problem:
        print(problem, file=sys.stderr)


TRIES = 3
"""How often a password is asked for at a terminal."""


def open_asking(profile: Profile, *, create: bool = True, told: Callable[[str | None], None] | None = None, anew: bool = False) -> Desk:
    """Open a desk; if a password is missing and somebody sits at a terminal, ask for it, or for the recovery key."""
    from alumni_desk.schema import open_desk

    def heard(typed: str | None) -> None:
        _say_enrol(typed)
        if told is not None:
            told(typed)

    patience = patient()
    return with_password(lambda typed: open_desk(profile, passphrase=typed, create=create, patience=patience, anew=anew), heard)


def patient() -> Patience:
    """How long a command waits for the password store, in all; it says so where that takes a while."""
    from alumni_desk.store.patience import Patience

    return Patience(told=_say_waiting)


def _say_waiting(seconds: float, asks: bool) -> None:
    from alumni_desk.words import _

    words = (_("This computer’s password store asks for its password in a window of its own. That is waited for, {n} seconds at most.") if asks else
             _("This computer’s password store has not answered yet. It is waited for, {n} seconds at most."))
    print(words.format(n=round(seconds)), file=sys.stderr, flush=True)


def with_password(work: Callable[[str | None], T], opened: Callable[[str | None], None] | None = None) -> T:
    """Do something; if a password is missing and somebody sits at a terminal, ask for it and do it again with that. ``opened`` is told what opened it."""
    from alumni_desk.errors import StoreProblem

    typed: str | None = None
    for left in range(TRIES, -1, -1):
        try:
            result = work(typed)
        except StoreProblem as problem:
            if problem.code not in _ASKED or not left or not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise
            if problem.code != "passphrase_needed" or typed is not None:
                print(problem, file=sys.stderr)
            typed = _asked(choose=problem.code == "passphrase_wanted")
        else:
            if opened is not None:
                opened(typed)
            return result
    raise AssertionError("the last try opens or raises")


_ASKED = ("passphrase_needed", "passphrase_wanted", "passphrase_wrong", "recovery_needed", "recovery_wrong", "recovery_typo")


def _say_enrol(typed: str | None) -> None:
    from alumni_desk.protocol.codes import read_recovery_key
    from alumni_desk.words import _

    if typed is not None and read_recovery_key(typed) is not None:
        print(_("Opened with the recovery key. Choose a new password next: alumni-desk passphrase"), file=sys.stderr)


def _asked(*, choose: bool) -> str:
    import getpass

    from alumni_desk.errors import BadInput
    from alumni_desk.words import _

    if not choose:
        return getpass.getpass(_("Password of the chapter, or its recovery key: "))
    typed = getpass.getpass(_("Choose a password: "))
    if len(typed) < 10:
        raise BadInput("passphrase_short", _("A password needs ten letters or more: three words you will remember do well."))
    if getpass.getpass(_("The same again: ")) != typed:
        raise BadInput("passphrase_differs", _("The two are not the same."))
    return typed


def add_yes(parser: argparse.ArgumentParser) -> None:
    """Give a command without an undo its ``--yes``."""
    from alumni_desk.words import _

    parser.add_argument("--yes", action="store_true", help=_("do not ask"))


def sure(args: argparse.Namespace, word: str, asked: str, unsaid: str) -> None:
    """Ask before what has no undo: go on with ``--yes``, or when somebody at a terminal types ``word``. Otherwise raises BadInput, which ``unsaid`` begins."""
    from alumni_desk.errors import BadInput
    from alumni_desk.words import _

    if args.yes or (sys.stdin.isatty() and _typed(_("{asked} Type “{word}”: ").format(asked=asked, word=word)) == word):
        return
    raise BadInput(f"{word}_unsaid", _("{unsaid} Say --yes, or type “{word}” when asked."), unsaid=unsaid, word=word)


def _typed(asked: str) -> str:
    print(asked, end="", file=sys.stderr, flush=True)  # the output may go into a file: nobody would read it there
    try:
        return input().strip()
    except EOFError:  # Ctrl+D: no answer is no
        return ""


def show(args: argparse.Namespace, data: Any, human: str | Callable[[], str], *, wrong: str = "") -> int:
    """Say what came of a command: ``data`` with ``--json``, else the words. Gives the exit code.

    ``wrong``: what the world said no to, one sentence. It goes where errors go, with or without ``--json``.
    """
    if args.json:
        say(json.dumps(data, ensure_ascii=False))
    elif words := human() if callable(human) else human:
        say(words)
    if wrong:
        print(wrong, file=sys.stderr, flush=True)
    return 1 if wrong else 0


def say(text: str) -> None:
    """Print to the output. Raises BadInput if it takes nothing more: a full disk, a closed device."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise  # whoever read it had enough, which is no fault
    except OSError as problem:
        from alumni_desk.errors import BadInput
        from alumni_desk.words import _

        drop_output()  # what is left in it would fail once more when the program ends
        raise BadInput("output_lost", _("The output could not be written ({reason}). Make room, or send it elsewhere."),
                       reason=problem.strerror or "?") from problem


def drop_output() -> None:
    """Let the output go nowhere from now on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows in columns that stand under each other, for people who read a terminal."""
    if not rows:
        return ""
    widths = [max(_width(row[n]) for row in rows) for n in range(len(rows[0]))]
    return "\n".join("  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _width(text: str) -> int:
    import unicodedata

    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
