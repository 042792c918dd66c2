"""The program that the fault tests kill, starve and mislead: it acts on a real desk and says each thing as soon as it is committed.

``child.py acting``: reads one wish (JSON) a line; for each it forks, and the fork acts until it is done or killed. Every line it writes is one
``write`` of less than a page, so what arrives is whole.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from alumni_desk.checkin.actions import check_in
from alumni_desk.checkin.lists import fact_of
from alumni_desk.checkin.verdicts import open_ins
from alumni_desk.errors import Refused
from alumni_desk.exchange.importing import run_import
from alumni_desk.members.actions import change_member
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import redo, undo

FULL, KILL, BROKEN = 1, 2, 3
KINDS = ("check-in", "check-in", "check-in", "edit", "edit", "edit", "import", "undo", "undo", "redo")


def say(**what: Any) -> None:
    """One line to whoever listens, in one write."""
    os.write(1, json.dumps(what).encode() + b"\n")


def shim() -> Any:
    """The functions of shim.c, which was loaded before this program."""
    library = ctypes.CDLL(None)
    library.fault_arm.argtypes = (ctypes.c_char_p, ctypes.c_long, ctypes.c_int)
    library.fault_count.restype = ctypes.c_long
    library.fault_clock.argtypes = (ctypes.c_longlong,)
    library.fault_filesystem.argtypes = (ctypes.c_int, ctypes.c_int)
    return library


def arm(under: Path, nth: int, what: int) -> None:
    """From the nth change to a file under this folder on, this happens; ``nth`` 0 ends it."""
    shim().fault_arm(os.fsencode(under), nth, what if nth else 0)


def facts_of(desk: Desk) -> dict[str, list[Any]]:
    """The facts of the door by person."""
    found: dict[str, list[Any]] = {}
    with desk.reading() as connection:
        for row in connection.execute(sa.select(desk.tables["fact"])):
            found.setdefault(row.person, []).append(fact_of(row))
    return found


def wishes(seed: int, first: int) -> Iterator[tuple[int, str, int]]:
    """What to do next, without end: a number, a kind, and which person."""
    random = Random(seed)
    number = first
    while True:
        yield number, random.choice(KINDS), random.randrange(40)
        number += 1


def act(desk: Desk, wish: dict[str, Any]) -> None:
    """Do one thing after another; ``begin`` is said before each, ``done`` after its commit."""
    people, gathering = wish["people"], wish["gathering"]
    for number, kind, whom in wishes(wish["seed"], wish["first"]):
        if number >= wish["first"] + wish["count"]:
            return
        if wish.get("only"):
            kind = wish["only"]
        person = people[whom]
        if kind == "check-in" and open_ins(facts_of(desk).get(person, [])):
            kind = "edit"
        say(begin=number, kind=kind, person=person)
        if wish.get("kill_at"):
            arm(desk.profile.path, wish["kill_at"], KILL)
        try:
            do(desk, kind, number, person, gathering, wish)
        except Refused as refused:  # nothing to undo or redo
            say(done=number, refused=refused.code)
            continue
        say(done=number)
        if wish.get("kill_at"):
            arm(desk.profile.path, 0, 0)


def do(desk: Desk, kind: str, number: int, person: str, gathering: str, wish: dict[str, Any]) -> None:
    """One action of one kind."""
    if kind == "check-in":
        check_in(desk, gathering, person_id=person, station="Door 2")
    elif kind == "edit":
        change_member(desk, person, city=f"City {number}")
    elif kind == "import":
        file = Path(wish["files"]) / f"{number}.csv"
        rows = "".join(f"Given{n},Imported{number}x{n},i{number}x{n}@example.org\n" for n in range(wish["rows"]))
        file.write_text("First Name,Last Name,Email\n" + rows, encoding="utf-8")
        run_import(desk, file)
    elif kind == "undo":
        undo(desk)
    elif kind == "redo":
        redo(desk)


def acting() -> None:
    """Fork for each wish, wait for the fork's end, and say how it ended."""
    for line in sys.stdin:
        wish = json.loads(line)
        pid = os.fork()
        if pid == 0:
            with open_desk(Profile(Path(wish["profile"]))) as desk:
                say(ready=os.getpid())
                act(desk, wish)
            say(closed=True)
            os._exit(0)
        say(pid=pid)
        _pid, status = os.waitpid(pid, 0)
        say(end=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    {"acting": acting}[sys.argv[1]]()
