"""Does what people do at a door, check in and sync, in forks that are killed. Run as a script: a wish a line comes in, what is done goes out.

Every fork says ``begin`` before an action, ``done`` after its commit, and ``syncing`` and ``synced`` round each sync.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from random import Random
from typing import Any

from alumni_desk.checkin.actions import check_in, undo_check_in, walk_in
from alumni_desk.errors import KnownError
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync.engine import sync_once


def say(**what: Any) -> None:
    """One line to whoever listens, in one write."""
    os.write(1, json.dumps(what).encode() + b"\n")


def act(desk: Desk, wish: dict[str, Any]) -> None:
    """Walk-ins, guests who come and check-ins taken back, and a sync after every few, without end."""
    chance, number = Random(wish["seed"]), wish["first"]
    while True:
        for _n in range(chance.randrange(1, 6)):
            number += 1
            one(desk, wish, number, chance)
        say(syncing=number)
        try:
            sync_once(desk)
        except KnownError as problem:  # the server was killed
            say(problem=problem.code)
        else:
            say(synced=number)


def one(desk: Desk, wish: dict[str, Any], number: int, chance: Random) -> None:
    """One action."""
    kind = chance.choice(("walk", "walk", "in", "void"))
    guest = chance.choice(wish["guests"])
    say(begin=number, kind=kind, guest=guest)
    try:
        if kind == "walk":
            walk_in(desk, wish["gathering"], f"Walk {number}")
        elif kind == "in":
            check_in(desk, wish["gathering"], guest, station=wish["station"], let_in=True)
        else:
            undo_check_in(desk, wish["gathering"], guest, reason="mistake")
    except KnownError as problem:  # nobody to take back
        say(done=number, refused=problem.code)
        return
    say(done=number)


def main() -> None:
    """Fork for each wish, wait for the fork's end, and say that it ended."""
    for line in sys.stdin:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            with open_desk(Profile(Path(wish["profile"]))) as desk:
                act(desk, wish)
            os._exit(0)
        say(pid=pid)
        _pid, status = os.waitpid(pid, 0)
        say(end=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
