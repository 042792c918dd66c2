"""Write packaging/server/lock.txt: of packaging/lock.txt what a server needs, and no window, no paper, no tests.

    python3 packaging/server_lock.py
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WHOLE = ROOT / "packaging" / "lock.txt"
SERVER = ROOT / "packaging" / "server" / "lock.txt"


def plain(name: str) -> str:
    """A package's name in the one form that compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


def chosen() -> list[str]:
    """The packages that the groups ``server`` and ``build`` of pyproject.toml name."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return [plain(re.split(r"[<>=!~;\[ ]", one)[0]) for name in ("server", "build") for one in groups[name]]


def entries(lock: str) -> dict[str, tuple[str, set[str]]]:
    """The entries of a lock by package: the text, and which packages want it."""
    found = {}
    for text in re.split(r"\n(?=[A-Za-z0-9])", lock.strip()):
        via = re.search(r"# via(.*)\Z", text, re.S)
        whom = {plain(one) for one in re.findall(r"^[# ]*([\w.-]+)", via[1], re.M)} if via else set()
        found[plain(re.split(r"[=\[ ]", text)[0])] = (text, whom)
    return found


def server_lock() -> str:
    """What the file has to say."""
    there = entries(WHOLE.read_text(encoding="utf-8"))
    missing = [one for one in chosen() if one not in there]
    if missing:
        raise SystemExit(f"packaging/lock.txt has no {', '.join(missing)}: write it anew first")
    wanted = set(chosen())
    while more := {name for name, (_text, via) in there.items() if name not in wanted and via & wanted}:
        wanted |= more
    return "# Of packaging/lock.txt what a server needs, written by packaging/server_lock.py.\n" + "".join(f"{there[name][0]}\n" for name in sorted(wanted))


if __name__ == "__main__":
    SERVER.write_text(server_lock(), encoding="utf-8")
    sys.stdout.write(f"{SERVER.relative_to(ROOT)} is written.\n")
