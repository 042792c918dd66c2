"""Undo of a whole import against the import itself: the same file, the same desk, in turns."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from harness import PASSPHRASE, Row, at_most, in_turns, many_people, median_of, median_ratio, waited

from alumni_desk.exchange.importing import run_import
from alumni_desk.members.lists import count_members
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import undo

ROWS = 100_000
COLUMNS = {"First Name": "first_name", "Last Name": "last_name", "Email": "email", "Class Year": "class_year", "City": "city", "Employer": "employer",
           "Mobile": "mobile"}  # fmt: skip


def measure(folder: Path, rows: int = ROWS) -> list[Row]:
    """The line of undo."""
    folder = folder / "undo"
    folder.mkdir()
    file = folder / "list.csv"
    _write(file, rows)
    empty = Profile(folder / "empty")
    with open_desk(empty, passphrase=PASSPHRASE) as desk:
        desk.make_chapter("Great Lakes")
    numbers = count()
    undone: list[float] = []

    def imported() -> Sequence[float]:
        profile = Profile(folder / str(next(numbers)))
        shutil.copytree(empty.path, profile.path)
        with open_desk(profile, passphrase=PASSPHRASE) as desk:
            taken = waited(lambda: run_import(desk, file))
            undone.append(waited(lambda: undo(desk)))
            assert count_members(desk) == 0
        shutil.rmtree(profile.path)
        return [taken]

    rounds = in_turns({"import": imported})
    rounds["undo"] = [[one] for one in undone]
    return [at_most(f"undo of an import of {rows:,} rows", f"the import: {median_of(rounds['import']) / 1000:.2f} s",
                    median_ratio(rounds, "undo", "import"), 1, "×", f"{median_of(rounds['undo']) / 1000:.2f} s")]


def _write(file: Path, rows: int) -> None:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows([row.get(name) or "" for name in COLUMNS.values()] for row in many_people(rows).persons)
