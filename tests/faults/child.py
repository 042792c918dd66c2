"""The program that the fault tests kill, starve and mislead: it acts on a real desk and says each thing as soon as it is committed.

``child.py acting``: reads one wish (JSON) a line; for each it forks, and the fork acts until it is done or killed. Every line it writes is one
``write`` of less than a page, so what arrives is whole.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from alumni_desk.badges.lists import heading_of
from alumni_desk.badges.people import badge_people
from alumni_desk.badges.rosters import write_roster, write_whole
from alumni_desk.badges.sheets import print_badges
from alumni_desk.badges.stocks import stock
from alumni_desk.checkin.actions import check_in, undo_check_in
from alumni_desk.checkin.lists import fact_of
from alumni_desk.checkin.verdicts import open_ins
from alumni_desk.errors import KnownError, Refused
from alumni_desk.exchange.exporting import export_ndjson, members_csv
from alumni_desk.exchange.importing import run_import
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.schema import open_desk
from alumni_desk.store import keys
from alumni_desk.store.backup import back_up
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.troubles import translated
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


def flows(desk: Desk, wish: dict[str, Any], out: Path) -> dict[str, Callable[[int], object]]:
    """The main flows by name; each takes a number and can be done again and again."""
    people, gathering = wish["people"], wish["gathering"]
    door = cycle(people)
    paper = badge_people(desk, gathering)
    csv = Path(wish["files"]) / "list.csv"

    def checked_in(number: int) -> object:
        person = next(door)
        if open_ins(facts_of(desk).get(person, [])):
            return undo_check_in(desk, gathering, registration_id(gathering, person))
        return check_in(desk, gathering, person_id=person)

    def imported(number: int) -> object:
        rows = "".join(f"Given{n},Imported{number}x{n},i{number}x{n}@example.org\n" for n in range(wish["rows"])) + ",,\nBad,Row,no-at,\n"
        csv.write_text("First Name,Last Name,Email\n" + rows, encoding="utf-8")
        return run_import(desk, csv, rejects=out / "rejects.csv")

    def folded(number: int) -> object:
        with desk._one_writer, translated(desk.profile.path):
            return desk._opened().exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()

    return {
        "check-in": checked_in,
        "edit": lambda number: change_member(desk, people[number % 40], city=f"City {number}"),
        "import": imported,
        "undo": lambda number: undo(desk),
        "redo": lambda number: redo(desk),
        "checkpoint": folded,
        "setting": lambda number: desk.set_setting("station", f"Door {number}"),
        "backup": lambda number: back_up(desk, out / "saved.desk"),
        "export": lambda number: export_ndjson(desk, out / "all.ndjson"),
        "members as csv": lambda number: members_csv(desk, out / "members.csv"),
        "badges": lambda number: write_whole(out / "badges.pdf", badges(paper, heading_of(desk, gathering))),
        "roster": lambda number: write_roster(guest_rows(desk, gathering), out / "roster.xlsx", heading_of(desk, gathering)),
        "password": lambda number: keys.keep_anew(desk.profile.path, "desk", desk.key, os.environ["ALUMNI_DESK_PASSPHRASE"]),
    }


def badges(paper: list[Any], heading: Any) -> bytes:
    """A sheet of badges."""
    pdf = io.BytesIO()
    print_badges(paper, stock("avery-5392"), pdf, heading=heading)
    return pdf.getvalue()


def full() -> None:
    """Each flow with the disk full from its nth write on, until one gets through: says what each came to."""
    wish = json.loads(sys.stdin.readline())
    profile, out, random = Profile(Path(wish["profile"])), Path(wish["out"]), Random(wish["seed"])
    with open_desk(profile) as desk:
        for name, flow in flows(desk, wish, out).items():
            if wish["only"] and name not in wish["only"]:
                continue
            number, nth = 1_000_000, 1
            while True:
                number += 1
                if name in ("undo", "checkpoint"):
                    change_member(desk, wish["people"][0], city=f"City {number}")
                if name == "redo":
                    change_member(desk, wish["people"][0], city=f"City {number}")
                    undo(desk)
                before, files = rows_of(desk), contents(out)
                arm(out.parent, nth, wish["what"])
                try:
                    flow(number)
                    code = ""
                except KnownError as error:
                    code, sentence = error.code, str(error)
                struck = shim().fault_count() >= nth
                arm(out.parent, 0, 0)
                same = rows_of(desk) == before and (contents(out) == files or name == "import")
                say(flow=name, nth=nth, struck=struck, code=code, sentence=sentence if code else "", same=same)
                if not struck:
                    break
                if code:
                    flow(number + 500_000)  # room was made: it goes on
                else:
                    change_member(desk, wish["people"][1], city=f"City {number}")  # only what follows a commit found no room
                nth += random.randrange(1, wish["stride"].get(name, wish["stride"][""]) + 1)
            found = verify(desk)
            say(flow=name, verified=found.ok and not found.missing)
    say(end=0)


def opening_full() -> None:
    """Open a desk, for the first time too, with the disk full from the nth write on; then with room."""
    wish = json.loads(sys.stdin.readline())
    nth = 1
    while True:
        folder = Path(wish["folder"]) / str(nth)
        if wish["profile"]:
            shutil.copytree(wish["profile"], folder)
        arm(folder, nth, FULL)
        try:
            open_desk(Profile(folder)).close()
            code = ""
        except KnownError as error:
            code = error.code
        struck = shim().fault_count() >= nth
        arm(folder, 0, 0)
        with open_desk(Profile(folder)) as desk:
            change_or_found(desk)
            found = verify(desk)
        say(flow="opening", nth=nth, struck=struck, code=code, sentence=".", same=True, verified=found.ok, found=str(found) if not found.ok else "")
        if not struck:
            say(end=0)
            return
        nth += wish["stride"]


def change_or_found(desk: Desk) -> None:
    """That it works."""
    add_member(desk, first_name="Ana", last_name="Lima")


def rows_of(desk: Desk) -> str:
    """Everything that was ever captured or done here, in one hash."""
    with desk.reading() as connection:
        said = [connection.exec_driver_sql(f"SELECT count(*), max(rowid) FROM {name}").one()
                for name in ("operation", "action", "person", "fact", "search_person")]
        said += connection.exec_driver_sql("SELECT id, city, gone, clock FROM person ORDER BY id").all()
        said += connection.exec_driver_sql("SELECT key, value FROM setting ORDER BY key").all()
    return hashlib.sha256(repr(said).encode()).hexdigest()


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {one.name: one.read_bytes() for one in folder.iterdir()}


if __name__ == "__main__":
    {"acting": acting, "full": full, "opening": opening_full}[sys.argv[1]]()
