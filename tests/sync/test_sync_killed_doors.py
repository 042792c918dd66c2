"""Two laptops at a door and their server, killed again and again while people come in and are synced: nothing acknowledged is lost, nothing doubled.

Every run its own seed, printed; ``packaging/dev.py soak --kills N`` kills as often as it is told.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync.engine import join, sync_once

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

KILLS = int(os.environ.get("ALUMNI_DESK_SOAK_KILLS", "50"))
SEED = int(os.environ.get("ALUMNI_DESK_FAULT_SEED") or int.from_bytes(os.urandom(3), "big"))
SERVER_TOO = 10
"""At every so manieth kill it is the server that is killed."""

MakeDesk = Callable[[str], Desk]


@dataclass
class Tally:
    """What was said to be done, and what was under way when the kills came."""

    done: dict[int, tuple[str, str]] = field(default_factory=dict)
    begun: dict[int, tuple[str, str]] = field(default_factory=dict)
    during: Counter[str] = field(default_factory=Counter)
    kills: int = 0


class Doors:
    """``doors.py`` at work."""

    def __init__(self) -> None:
        self.process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("doors.py"))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **wish: Any) -> Iterator[dict[str, Any]]:
        """Send a wish, and give what is said until the fork has ended."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(wish) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            told = json.loads(line)
            yield told
            if "end" in told:
                return
        raise AssertionError("doors.py is gone")

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(60) == 0
        self.process.stdout.close()


@pytest.fixture
def doors() -> Iterator[Doors]:
    """Ended after the test."""
    found = Doors()
    yield found
    found.close()


def killed_once(told: Iterator[dict[str, Any]], tally: Tally, place: tuple[str, int], delay: float) -> None:
    """Follow a fork until it is killed, so long after it said something for the nth time."""
    word, nth = place
    pid, said, under_way = 0, Counter[str](), "opening"
    for one in told:
        if "pid" in one:
            pid = one["pid"]
        for name in one:
            said[name] += 1
        if "begin" in one:
            under_way = one["kind"]
            tally.begun[one["begin"]] = (one["kind"], one["guest"])
        elif "syncing" in one:
            under_way = "sync"
        elif "done" in one:
            under_way = "between"
            if "refused" not in one:
                tally.done[one["done"]] = tally.begun[one["done"]]
        if word in one and said[word] == nth:
            threading.Timer(delay, os.kill, (pid, signal.SIGKILL)).start()  # the moment of the kill is what is tried
        if "end" in one:
            assert one["end"] == -signal.SIGKILL, one
    tally.during[under_way] += 1
    tally.kills += 1


def names(desk: Desk) -> Counter[str]:
    """Who walked in, and how often that one is on the list."""
    with desk.reading() as connection:
        return Counter(connection.exec_driver_sql("SELECT coalesce(first_name, '') || ' ' || coalesce(last_name, '') FROM person"
                                                  " WHERE NOT gone AND first_name = 'Walk'").scalars())


def facts(desk: Desk) -> list[tuple[Any, ...]]:
    """Every fact."""
    with desk.reading() as connection:
        return sorted(tuple(row) for row in connection.exec_driver_sql("SELECT id, kind, person, registration, at, closes FROM fact"))


def ins_of_walk_ins(desk: Desk) -> Counter[str]:
    """How often each of them was let in."""
    with desk.reading() as connection:
        return Counter(connection.exec_driver_sql("SELECT p.first_name || ' ' || p.last_name FROM fact AS f JOIN person AS p ON p.id = f.person"
                                                  " WHERE f.kind = 'in' AND p.first_name = 'Walk'").scalars())


@pytest.mark.long
@pytest.mark.parametrize("kind", ["postgresql", "sqlcipher"])
def test_killed_while_people_come_in(kind: str, request: pytest.FixtureRequest, make_server: Any, make_desk: MakeDesk, doors: Doors) -> None:
    server = make_server(request.getfixturevalue("postgres_url") if kind == "postgresql" else None)
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, server.url, server.invite())
    dinner = new_gathering(one, name="Dinner", start="2030-11-12T18:30", end="2030-11-12T21:00", time_zone="America/New_York").id
    people = [add_member(one, first_name="Zoë", last_name=f"Guest {n}").id for n in range(20)]
    add_guests(one, dinner, people)
    sync_once(one)
    sync_once(two)
    with one.reading() as connection:
        guests = list(connection.exec_driver_sql("SELECT id FROM registration ORDER BY id").scalars())
    places = [one.profile.path, two.profile.path]
    one.close()
    two.close()
    chance, tally, began = Random(SEED), Tally(), time.monotonic()
    wanted = max(1, KILLS // 2)  # half for each kind of database
    for turn in range(wanted):
        word, nth, within = chance.choice((("begin", chance.randrange(1, 8), 0.02), ("syncing", chance.randrange(1, 4), 0.15), ("pid", 1, 0.5)))
        told = doors.ask(profile=str(places[turn % 2]), seed=SEED + turn, first=turn * 100_000, gathering=dinner, guests=guests, station=f"Door {turn % 2}")
        if turn % SERVER_TOO == SERVER_TOO - 1:
            threading.Timer(chance.uniform(0.2, 0.6), server.process.kill).start()
        killed_once(told, tally, (word, nth), chance.uniform(0, within))
        if turn % SERVER_TOO == SERVER_TOO - 1:
            server.kill()
            server.start()
    desks = [open_desk(Profile(place)) for place in places]
    try:
        _all_is_there(desks, tally)
    finally:
        for desk in desks:
            desk.close()
    print(f"\nseed {SEED}, {kind}: {tally.kills} kills in {time.monotonic() - began:.0f} s, {len(tally.done)} actions acknowledged, killed during"
          f" {dict(tally.during)}\nagain: python3 packaging/dev.py soak --kills {KILLS} --seed {SEED} tests/sync/test_sync_killed_doors.py")


def _all_is_there(desks: list[Desk], tally: Tally) -> None:
    for desk in (*desks, desks[0]):
        assert sync_once(desk, check=True).waiting == 0
    acknowledged = {f"Walk {number}" for number, (kind, _guest) in tally.done.items() if kind == "walk"}
    tried = {f"Walk {number}" for number, (kind, _guest) in tally.begun.items() if kind == "walk"}
    for desk in desks:
        found = names(desk)
        assert acknowledged <= found.keys() <= tried
        assert set(found.values()) <= {1}, "somebody is on the list twice"
        assert ins_of_walk_ins(desk) == found, "somebody came in twice, or not at all"
        check = verify(desk)
        assert check.ok and check.missing == {}, check
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM shadow").scalar() == 0
            assert connection.exec_driver_sql("SELECT count(*) FROM operation_now WHERE fate <> 'accepted'").scalar() == 0
    assert facts(desks[0]) == facts(desks[1])
    counts = Counter(fact[1] for fact in facts(desks[0]))
    for kind, least in (("in", "in"), ("void", "void")):
        assert counts[kind] >= sum(one == least for one, _guest in tally.done.values())
    assert len(tally.done) > tally.kills  # it was working, not starting
