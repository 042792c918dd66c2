"""Saving: one check-in that has to be on the disk, and 100,000 members at once with capture, undo and search."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import count, cycle
from pathlib import Path
from typing import Any

from harness import PASSPHRASE, Row, at_most, in_turns, many_people, median_of, median_ratio, waited

from alumni_desk.checkin.actions import check_in, undo_check_in
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.ids import uuid7
from alumni_desk.schema import open_desk
from alumni_desk.store import fates
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.search import listed

MEMBERS = 100_000
GUESTS = 300
CHECK_INS = 60
COPIED = ("person", "operation", "waiting", "search_person", "search_words", "action")


def measure(folder: Path) -> list[Row]:
    """The lines of writing."""
    return [*durable_check_in(folder / "door"), *on_a_laptops_disk(folder / "laptop"), bulk_insert(folder / "bulk")]


FLUSH = 0.5
"""Milliseconds more that a flush takes on a laptop's disk: 0.5 to 5 were measured there, where a virtual one's takes 0.1 or 0.2."""


def on_a_laptops_disk(folder: Path) -> list[Row]:
    """The check-in once more, in a program under which each flush takes as long as on a laptop at least. Nothing where no such program can be had."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not sys.platform.startswith("linux") or compiler is None:
        return []
    folder.mkdir()
    slow = folder / "shim.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(slow), str(Path(__file__).parent.parent / "faults" / "shim.c"), "-ldl"], check=True)
    said = subprocess.run([sys.executable, __file__, str(folder / "door")], stdout=subprocess.PIPE, check=True,
                          env={**os.environ, "LD_PRELOAD": str(slow), "ALUMNI_DESK_FAULT_FLUSH_US": str(int(FLUSH * 1000))}).stdout
    return [Row(**{**row, "name": f"{row['name']}, a flush of {FLUSH} ms"}) for row in json.loads(said)]


def durable_check_in(folder: Path) -> list[Row]:
    """A check-in as the door does it, against a bare insert of one row into an SQLCipher file of the same setting; both wait for the disk.

    Both logs have gone round once before anything is measured: a log that still grows waits longer for the disk, and the bare one's would grow for
    several rounds more. Beside them the rows of a check-in alone: what the same tables and indexes cost if nothing is asked, decided or copied.
    """
    with open_desk(Profile(folder / "desk"), passphrase=PASSPHRASE) as desk:
        desk.make_chapter("Great Lakes")
        dinner = new_gathering(desk, name="Dinner", start="2030-11-12T18:30", end="2030-11-12T21:00").id
        add_guests(desk, dinner, [row["id"] for row in _guests(desk)])
        with desk.reading() as connection:  # some may be left out: those who died, say
            people = list(connection.exec_driver_sql("SELECT person FROM registration WHERE NOT gone AND status = 'yes' ORDER BY id").scalars())
        bare = connect(folder / "bare.db", desk.key)
        bare.execute("CREATE TABLE fact (id TEXT PRIMARY KEY, scope TEXT, kind TEXT, gathering TEXT, registration TEXT, person TEXT, at TEXT, station TEXT)")
        guests, numbers = cycle(people), count()
        rows = Rows(desk, dinner, people, folder / "rows")

        def ours() -> Sequence[float]:
            here = [next(guests) for _n in range(CHECK_INS)]
            taken = [waited(lambda person=person: check_in(desk, dinner, person_id=person, station="Door 2")) for person in here]
            for person in here:
                undo_check_in(desk, dinner, registration_id(dinner, person))
            return taken

        def floor() -> Sequence[float]:
            return [waited(lambda: bare.execute("INSERT INTO fact VALUES (?, 's', 'in', ?, ?, ?, '2026-11-12T18:42:00.000Z', 'Door 2')",
                                                (f"{next(numbers):036d}", dinner, dinner, dinner))) for _n in range(CHECK_INS)]

        def alone() -> Sequence[float]:
            return [waited(rows.insert) for _n in range(CHECK_INS)]

        for once, database in ((ours, desk.profile.database), (floor, folder / "bare.db"), (alone, rows.profile.database)):
            _go_round(once, database)
        rounds = in_turns({"ours": ours, "floor": floor, "alone": alone})
        bare.close()
        rows.raw.close()
    least = median_of(rounds["floor"], 0.5)
    return [at_most("durable check-in", f"bare SQLCipher insert, WAL FULL: {least:.2f} ms", median_ratio(rounds, "ours", "floor", 0.5), 2, "×",
                    f"{median_of(rounds['ours'], 0.5):.2f} ms at the median, {median_of(rounds['ours'], 0.95):.2f} ms at p95; the rows of a check-in alone, "
                    f"prepared, with their indexes: {median_of(rounds['alone'], 0.5):.2f} ms, {median_ratio(rounds, 'alone', 'floor', 0.5):.2f} ×")]


class Rows:
    """The rows that one check-in leaves, inserted again and again under new ids into a copy of the desk without capture."""

    def __init__(self, desk: Desk, gathering: str, people: Sequence[str], copy: Path) -> None:
        self._fact = check_in(desk, gathering, person_id=people[0], station="Door 2").fact
        self._rows = []
        with desk.reading() as connection:
            action = connection.exec_driver_sql("SELECT action FROM operation WHERE row_id = ?", (self._fact,)).scalar()
            for table, column, key in (("operation", "action", action), ("fact", "id", self._fact), ("action", "id", action)):
                row = dict(connection.exec_driver_sql(f"SELECT * FROM {table} WHERE {column} = ?", (key,)).mappings().one())
                row.pop("rowid", None)
                self._rows.append((f"INSERT INTO {table} ({', '.join(f'[{name}]' for name in row)}) VALUES ({', '.join('?' * len(row))})", row))
        undo_check_in(desk, gathering, registration_id(gathering, people[0]))
        shutil.copytree(desk.profile.path, copy)
        self.profile, self._action, self._people, self._count = Profile(copy), action, cycle(people), count()
        self.raw = connect(self.profile.database, desk.key)
        for (name,) in self.raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            if name not in fates.TRIGGERS:  # that an operation waits is a row, too
                self.raw.execute(f'DROP TRIGGER "{name}"')

    def insert(self) -> None:
        """One check-in's rows, durably."""
        new = {self._fact: uuid7(), self._action: uuid7()}
        person = next(self._people)
        self.raw.execute("BEGIN IMMEDIATE")
        for statement, row in self._rows:
            self.raw.execute(statement, [person if name == "person" else new.get(value, value) for name, value in row.items()])
        self.raw.execute("UPDATE capture SET transaction_id = ?", (str(next(self._count)),))
        self.raw.execute("COMMIT")


def _go_round(once: Callable[[], object], database: Path) -> None:
    """Do something until the write-ahead log has been folded back, so that it is written over from then on and grows no more."""
    log = database.with_name(database.name + "-wal")
    before = -1
    while (size := log.stat().st_size) > before:
        before = size
        once()


def _guests(desk: Desk) -> list[dict[str, Any]]:
    rows = many_people(GUESTS).persons
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", rows)
    return rows


def bulk_insert(folder: Path, members: int = MEMBERS) -> Row:
    """Members saved as an import saves them, against the same rows of all tables, prepared, by ``executemany``; both on an empty chapter of the same form."""
    empty = Profile(folder / "empty")
    with open_desk(empty, passphrase=PASSPHRASE) as desk:
        desk.make_chapter("Great Lakes")
        key = desk.key
    people = many_people(members).persons
    numbers = count()

    def copy() -> Profile:
        to = folder / str(next(numbers))
        shutil.copytree(empty.path, to)
        return Profile(to)

    def saved(desk: Desk) -> None:
        with desk.writing("import", queue="load") as writing:
            writing.add_many("person", people)

    def ours() -> Sequence[float]:
        profile = copy()
        with open_desk(profile, passphrase=PASSPHRASE) as desk:
            taken = waited(lambda: saved(desk))
        shutil.rmtree(profile.path)
        return [taken]

    prepared = _prepared(copy(), saved)

    def floor() -> Sequence[float]:
        profile = copy()
        raw = connect(profile.database, key)
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f'DROP TRIGGER "{name}"')
        taken = waited(lambda: _insert(raw, prepared))
        raw.close()
        shutil.rmtree(profile.path)
        return [taken]

    rounds = in_turns({"ours": ours, "floor": floor})
    return at_most(f"{members:,} members with capture, undo and search", f"the same rows by executemany: {median_of(rounds['floor']) / 1000:.2f} s",
                   median_ratio(rounds, "ours", "floor"), 1.3, "×", f"{median_of(rounds['ours']) / 1000:.2f} s")


Prepared = list[tuple[str, list[tuple[Any, ...]]]]


def _prepared(profile: Profile, saved: Callable[[Desk], None]) -> Prepared:
    """Every row that saving the members leaves in any table, as parameters for ``executemany``."""
    found = []
    with open_desk(profile, passphrase=PASSPHRASE) as desk:
        before = {name: _last(desk, name) for name in COPIED}
        saved(desk)
        with desk.reading() as connection:
            for name in COPIED:
                named = ", ".join(row.name for row in connection.exec_driver_sql(f"PRAGMA table_info({name})"))
                rows = [tuple(row) for row in connection.exec_driver_sql(f"SELECT {named} FROM {name} WHERE rowid > ? ORDER BY rowid", (before[name],))]
                if name == "search_words":  # which gives nothing back of what was put in
                    named, texts = "rowid, words", {one: f"{names} {other}" for one, _standing, _sort, names, other in listed(connection)}
                    rows = [(row.rowid, texts[row.id]) for row in connection.exec_driver_sql("SELECT rowid, id FROM search_person ORDER BY rowid")
                            if row.rowid > before[name]]
                found.append((f"INSERT INTO {name} ({named}) VALUES ({', '.join('?' * len(rows[0]))})", rows))
    return found


def _last(desk: Desk, name: str) -> int:
    with desk.reading() as connection:
        return int(connection.exec_driver_sql(f"SELECT coalesce(max(rowid), 0) FROM {name}").scalar() or 0)


def _insert(raw: Any, prepared: Prepared) -> None:
    raw.execute("BEGIN IMMEDIATE")
    for statement, rows in prepared:
        raw.executemany(statement, rows)
    raw.execute("COMMIT")


if __name__ == "__main__":
    print(json.dumps([asdict(row) for row in durable_check_in(Path(sys.argv[1]))]))
