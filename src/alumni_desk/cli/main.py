"""The command line: finds the command's module, runs it, and turns what goes wrong into one sentence and an exit code."""

from __future__ import annotations

import argparse
import errno
import gc
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alumni_desk import __version__
from alumni_desk.errors import KnownError
from alumni_desk.words import _

if TYPE_CHECKING:
    from alumni_desk.store.profile import Profile

log = logging.getLogger(__name__)

COMMANDS = {
    "demo": "demo", "tour": "demo",
    "import": "exchange", "export": "exchange",
    "members": "members", "member": "members",
    "gatherings": "gatherings", "gathering": "gatherings", "guests": "gatherings",
    "check-in": "door", "walk-in": "door", "undo-check-in": "door", "headcount": "door",
    "badges": "badges", "roster": "badges",
    "undo": "activity", "redo": "activity", "activity": "activity", "history": "activity",
    "server": "server", "serve": "serving",
    "join": "sync", "keep": "sync", "move": "sync", "sync": "sync", "status": "sync", "refused": "sync",
    "invite": "people", "invitations": "people", "laptops": "people", "set-aside": "people", "hand-over": "people", "leave": "people",
    "conflicts": "deciding", "conflict": "deciding", "chapter": "switching", "chapters": "switching", "switch": "switching",
    "share": "venue", "join-laptop": "venue", "parcel": "venue", "hand-out": "venue", "open": "venue", "venue": "venue",
    "backup": "store", "backups": "store", "restore": "store", "verify": "store", "passphrase": "store", "recovery-key": "store",
}
"""Which module of this package holds a command. Only that one is imported: a command starts in a third of the time."""


def run(argv: list[str]) -> int:
    """Run what the arguments say. Exit code: 0 done, 1 the world says no (one sentence on stderr), 2 wrong usage."""
    from alumni_desk.cli.output import drop_output
    from alumni_desk.logs import note_bug, start_logging

    _speak_unicode()
    if sys.stdin is None:  # closed (<&-): nobody is there to be asked, as with an empty one
        sys.stdin = io.StringIO()
    start_logging()
    with _interruptible() as interrupted:
        try:
            return _run(argv, interrupted)
        except KeyboardInterrupt:
            return _stopped()
        except BrokenPipeError:
            drop_output()  # whoever read our output has gone (| head): nobody to tell
            return 1
        except Exception as error:
            if interrupted.is_set():
                return _stopped()
            if isinstance(error, KnownError):
                return _no(str(error))
            if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
                return _no(_("A file’s name that was given is longer than a name can be. Give a shorter one."))
            if isinstance(error, UnicodeEncodeError) and not all(map(_is_text, argv)):
                return _no(_("What was typed has signs that belong to no script, as from a terminal with another encoding. Type it again."))
            note_bug(log, error, command_of(argv) or "starting")
            if os.environ.get("ALUMNI_DESK_LOG") == "stderr":
                raise
            return _no(_("Something went wrong inside the program. What was saved is safe; the log file (see --version) says where it happened."))


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:  # bytes that are no letters: of a file's name they are taken as they are
        return False
    return True


def _no(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def _stopped() -> int:
    print(_("Stopped."), file=sys.stderr)
    return 130


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Ctrl+C is a KeyboardInterrupt, and remembered.

    If it comes while SQLite calls one of our functions, SQLite swallows it and reports an error of its own: what fails after Ctrl+C was stopped by it.
    """
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield interrupted
        return

    def interrupt(_signal: int, _frame: object) -> None:
        interrupted.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _run(argv: list[str], interrupted: threading.Event) -> int:
    args = parser_for(argv).parse_args(argv)
    args.interrupted = interrupted.is_set  # long work asks it: an interrupt may come where Python can only forget it
    if args.command is None:
        return _window(args)
    return int(args.run(args))


def command_of(argv: Sequence[str]) -> str | None:
    """The command among the arguments, None if there is none that we know.

    >>> command_of(["--profile", "sync", "members"])
    'members'
    """
    words = iter(argv)
    for word in words:
        if len(word) > 2 and "--profile".startswith(word):  # as argparse does, any beginning of it
            next(words, None)
        elif not word.startswith("-"):
            return word if word in COMMANDS else None
    return None


def open_window(profile: Profile, files: Sequence[Path] = (), usable: Callable[[Any], None] | None = None) -> int:
    """Open the window and work until it is closed. Returns the exit code. ``usable`` is called when the first page stands."""
    gc.disable()  # until then, see run_window
    from alumni_desk.store import keys

    keys.get_ready(profile.path, "desk")
    from alumni_desk.desktop.wiring import run_window

    return run_window(profile, files=files, usable=usable)


def _window(args: argparse.Namespace) -> int:
    from alumni_desk.cli.output import profile_of

    return open_window(profile_of(args), [Path(one).absolute() for one in args.files or ()])


def parser_for(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these arguments: all commands for help, else only the module of the command that is there."""
    parser = _Parser(
        prog="alumni-desk", description=_("Alumni Desk: members, gatherings, check-in, badges and sync for an alumni chapter. "
                                          "Without a command the window opens; a list named instead of a command is opened in it. "
                                          "If the window is open already, it comes to the front."))
    parser.add_argument("--profile", metavar="DIR", type=_a_folder, help=_("the folder of the desk to work on; made if it is not there"))
    parser.add_argument("--version", action=_Version, help=_("the version, and where the log file lies"))
    parser.set_defaults(files=None)
    named = command_of(argv)
    if named is None and any(Path(one).is_file() for one in argv):
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.set_defaults(command=None)
        return parser
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    if named is not None:
        modules = [COMMANDS[named]]
    else:
        modules = [] if "--version" in argv else list(dict.fromkeys(COMMANDS.values()))
    for module in modules:
        import_module(f"alumni_desk.cli.{module}").add_commands(commands)
    return parser


def _a_folder(text: str) -> str:
    """Reads a folder's name; an empty one (a variable that is not set) is not the usual folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError(_("no folder is named. Name one, or leave it out for your own desk"))
    return text


class _Parser(argparse.ArgumentParser):
    """Help goes the way of all output: argparse itself is silent when it cannot be written."""

    def print_help(self, file: Any = None) -> None:
        from alumni_desk.cli.output import say

        say(self.format_help().rstrip("\n"))


class _Version(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        from alumni_desk.cli.output import say
        from alumni_desk.logs import log_file

        say(_("Alumni Desk {version}\nLog file: {file}").format(version=__version__, file=log_file()))
        parser.exit()


def _speak_unicode() -> None:
    """Names come in every script; a console that cannot show a letter shows a sign for it, and nothing fails."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8" if not stream.isatty() else None, errors="backslashreplace")
