"""Starts the program: without arguments the window, else the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, or open the window if there is none. Returns the exit code."""
    from alumni_desk.cli.main import run

    return run(list(sys.argv[1:] if argv is None else argv))


def window() -> int:
    """Open the window; for the start menu, where there is no console."""
    return main([])


if __name__ == "__main__":
    sys.exit(main())
