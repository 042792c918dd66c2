"""A chapter to do harm to, and the shim that does it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile

HERE = Path(__file__).parent
LONG_AGO = "2001-01-01T00:00:00.000Z"


def pytest_report_header() -> str:
    """The seed of this run, to repeat it with ALUMNI_DESK_FAULT_SEED."""
    return f"fault seed {seed_of_run()}, kills {os.environ.get('ALUMNI_DESK_SOAK_KILLS', 'as in every run')}"


def seed_of_run() -> int:
    """Every run its own, unless it is asked for."""
    os.environ.setdefault("ALUMNI_DESK_FAULT_SEED", str(int.from_bytes(os.urandom(3), "big")))
    return int(os.environ["ALUMNI_DESK_FAULT_SEED"])


@pytest.fixture
def seed() -> int:
    """The seed of this run."""
    return seed_of_run()


@dataclass(frozen=True)
class Base:
    """A chapter of forty members who are all invited to a dinner; what was done to make it is too long ago to be undone."""

    folder: Path
    people: tuple[str, ...]
    gathering: str


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Made once, copied for each test."""
    folder = tmp_path_factory.mktemp("base") / "désk"
    os.environ.setdefault("ALUMNI_DESK_PASSPHRASE", "three words to remember")
    with open_desk(Profile(folder)) as desk:
        desk.make_chapter("Boston", "Northgate", "America/New_York")
        people = tuple(add_member(desk, first_name=f"Zoë {n}", last_name="Müller", city="Boston", email=f"zoe{n}@example.org").id for n in range(40))
        dinner = new_gathering(desk, name="Dinner", start="2030-11-12T18:30", end="2030-11-12T21:00").id
        add_guests(desk, dinner, people)
        with desk.applying() as applying:
            applying.connection.exec_driver_sql("UPDATE action SET at = ?", (LONG_AGO,))
    return Base(folder, people, dinner)


@pytest.fixture
def fresh(base: Base, tmp_path: Path) -> Callable[[str], Profile]:
    """A copy of the chapter by a name."""

    def make(name: str) -> Profile:
        shutil.copytree(base.folder, tmp_path / name)
        return Profile(tmp_path / name)

    return make


class Child:
    """child.py at work: wishes go in, lines come out."""

    def __init__(self, words: Sequence[str], preload: Path | None) -> None:
        environment = dict(os.environ)
        if preload is not None:
            environment["LD_PRELOAD"] = str(preload)
        self.process = subprocess.Popen([sys.executable, str(HERE / "child.py"), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        encoding="utf-8", env=environment)

    def ask(self, **wish: Any) -> None:
        """Send a wish."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()

    def lines(self) -> Iterator[dict[str, Any]]:
        """What it says, until it says how it ended."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told = json.loads(line)
            yield told
            if "end" in told:
                return
        raise AssertionError("the child is gone")

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(60) == 0
        self.process.stdout.close()


@pytest.fixture
def child_of() -> Iterator[Callable[..., Child]]:
    """Starts children, and ends them after the test."""
    started: list[Child] = []

    def start(*words: str, preload: Path | None = None) -> Child:
        started.append(Child(words, preload))
        return started[-1]

    yield start
    for one in started:
        one.close()
