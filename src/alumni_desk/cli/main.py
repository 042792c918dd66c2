"""The command line: finds the command's module, runs it, and turns what goes wrong into one sentence and an exit code."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from alumni_desk import __version__
from alumni_desk.errors import KnownError

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
    "join": "sync", "sync": "sync", "status": "sync", "refused": "sync",
    "backup": "store", "backups": "store", "restore": "store", "verify": "store", "passphrase": "store", "recovery-key": "store",
}
"""Which module of this package holds a command. Only that one is imported: a command starts in a third of the time."""


def run(argv: list[str]) -> int:
    """Run what the arguments say. Exit code: 0 done, 1 the world says no (one sentence on stderr), 2 wrong usage."""
    from alumni_desk.logs import note_bug, start_logging
    from alumni_desk.words import _

    _speak_unicode()
    start_logging()
    try:
        return _run(argv)
    except KnownError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output has gone (| head): nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print(_("Stopped."), file=sys.stderr)
        return 130
    except Exception as error:
        note_bug(log, error, argv[0] if argv and argv[0] in COMMANDS else "starting")
        if os.environ.get("ALUMNI_DESK_LOG") == "stderr":
            raise
        print(_("Something went wrong inside the program. What was saved is safe; the log file (see --version) says where it happened."), file=sys.stderr)
        return 1


def _run(argv: list[str]) -> int:
    args = parser_for(argv).parse_args(argv)
    if args.command is None:
        return _window(args)
    return int(args.run(args))


def _window(args: argparse.Namespace) -> int:
    import sqlalchemy  # noqa: F401  before PySide6, whose import hook would slow it down

    from alumni_desk.cli.output import profile_of
    from alumni_desk.desktop.wiring import run_window

    return run_window(profile_of(args))


def parser_for(argv: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for these arguments: all commands for help, else only the module of the command that is there."""
    from alumni_desk.words import _

    parser = argparse.ArgumentParser(
        prog="alumni-desk", description=_("Alumni Desk: members, gatherings, check-in, badges and sync for an alumni chapter. "
                                          "Without a command the window opens."))
    parser.add_argument("--profile", metavar="DIR", help=_("the folder of the desk to work on; made if it is not there"))
    parser.add_argument("--version", action=_Version, help=_("the version, and where the log file lies"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    named = next((one for one in argv if one in COMMANDS), None)
    if named is not None:
        modules = [COMMANDS[named]]
    else:
        modules = [] if "--version" in argv else list(dict.fromkeys(COMMANDS.values()))
    for module in modules:
        import_module(f"alumni_desk.cli.{module}").add_commands(commands)
    return parser


class _Version(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *rest: object) -> None:
        from alumni_desk.logs import log_file
        from alumni_desk.words import _

        print(_("Alumni Desk {version}\nLog file: {file}").format(version=__version__, file=log_file()))
        parser.exit()


def _speak_unicode() -> None:
    """Names come in every script; a console that cannot show a letter shows a sign for it, and nothing fails."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8" if not stream.isatty() else None, errors="backslashreplace")
