"""A clock that is wrong by years, or jumps in the middle of an action: order is kept, nothing is lost; and it is said.

The clock is the whole process's, turned by the shim under a real program; nothing in the program is replaced.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.store.profile import Profile
from alumni_desk.sync.engine import clock_sentence

SOAK = "ALUMNI_DESK_SOAK" in os.environ
MINUTE = 60_000
YEARS = 10 * 365 * 24 * 60 * MINUTE

JUMPING = """
import ctypes, json, sys
from pathlib import Path
from random import Random
import sqlalchemy as sa
from alumni_desk.checkin.actions import check_in, undo_check_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.errors import Refused
from alumni_desk.gatherings.records import registration_id
from alumni_desk.schema import open_desk
from alumni_desk.store.checking import verify
from alumni_desk.protocol.clocks import unpack
from alumni_desk.store.history import history
from alumni_desk.store.profile import Profile
from alumni_desk.store.done import actions
from alumni_desk.store.undo import redo, undo

wish = json.loads(sys.argv[1])
library = ctypes.CDLL(None)
library.fault_clock.argtypes = (ctypes.c_longlong,)
random, profile = Random(wish["seed"]), Profile(Path(wish["profile"]))
people, gathering = wish["people"], wish["gathering"]
cities = dict.fromkeys(people, "Boston")
said, inside = [], set()


def jump():
    library.fault_clock(random.choice([0, 1, -1]) * random.randrange(wish["years"]))


for restart in range(wish["restarts"]):
    jump()
    with open_desk(profile) as desk:
        for step in range(wish["steps"]):
            jump()
            whom = random.choice(people)
            kind = random.choice(["edit", "edit", "edit", "door", "undo"])
            if kind == "edit":
                # A thousand milliseconds or ten years pass between two rows of one action.
                with desk.writing("member_changed") as writing:
                    for person in (whom, random.choice(people)):
                        jump()
                        cities[person] = f"City {restart}.{step}"
                        writing.change("person", person, city=cities[person])
                        jump()
                        writing.change("person", person, employer=f"Firm {step}")
                said.append(writing.action_id)
            elif kind == "door" and whom in inside:
                undo_check_in(desk, gathering, registration_id(gathering, whom))
                inside.discard(whom)
            elif kind == "door":
                check_in(desk, gathering, person_id=whom)
                inside.add(whom)
            elif said:
                # The newest edit of this list goes and comes back, whatever year it was.
                [target] = actions(desk, 1)
                try:
                    undo(desk, target.id)
                except Refused as refused:  # by this clock it was more than 30 days ago
                    assert refused.code == "too_old", refused.code
                else:
                    redo(desk, target.id)
        library.fault_clock(0)
        found = verify(desk)
        assert found.ok and found.missing == {}, found
        with desk.reading() as connection:
            now = {row.id: row.city for row in connection.exec_driver_sql("SELECT id, city FROM person")}
            assert now == cities, [(one, now[one], cities[one]) for one in now if now[one] != cities[one]]
            # Of each field of each row, later writes have the greater clocks, and the row's is the last one's.
            last = {}
            for row in connection.exec_driver_sql("SELECT row_id, fields, clock FROM operation WHERE table_name = 'person' ORDER BY rowid"):
                for name in json.loads(row.fields):
                    assert last.get((row.row_id, name), "") < row.clock, (row.row_id, name)
                    last[row.row_id, name] = row.clock
            kept = {(row.id, name): clock for row in connection.exec_driver_sql("SELECT id, clocks FROM person")
                    for name, clock in unpack(row.clocks).items()}
            for (row_id, name), clock in last.items():
                if name in ("city", "employer"):
                    assert kept[row_id, {"city": "address"}.get(name, name)] == clock, (row_id, name)
            # The list of what was done is in the order in which it was done.
            order = [row.id for row in connection.exec_driver_sql("SELECT id FROM action ORDER BY rowid") if row.id in set(said)]
            assert order == said, (order, said)
        assert headcount(desk, gathering).present == len(inside)
        for person in people[:3]:
            versions = [one for one in history(desk, "person", person) if one.field == "city"]
            assert versions[0].value == cities[person] and versions[0].now, (cities[person], versions)
print(json.dumps([len(said), len(inside)]))
"""


SAVED = """
import ctypes, json, sys
from pathlib import Path
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store import backup
from alumni_desk.store.disk import with_logs
from alumni_desk.store.profile import Profile
from alumni_desk.sync.restoring import salvage

library = ctypes.CDLL(None)
library.fault_clock.argtypes = (ctypes.c_longlong,)
DAY = 86_400_000
profile, once, then = Profile(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])


def at(milliseconds, day=None):
    library.fault_clock(milliseconds)
    with open_desk(profile) as desk:
        if day is not None:
            add_member(desk, first_name="Saved", last_name=f"Day{day}")
        if day != 6:
            backup.by_itself(desk.profile, desk.key, "daily")
            backup.trim_outbox(desk)


at(0, 0)
at(once)
for day in range(1, 7):
    at(then + day * DAY, day)
for file in with_logs(profile.database):
    file.unlink(missing_ok=True)
salvage(profile)
with open_desk(profile) as desk, desk.reading() as connection:
    print(json.dumps(sorted(connection.exec_driver_sql("SELECT last_name FROM person WHERE first_name = 'Saved'").scalars())))
"""


def turned(code: str, shim: Path, *words: str, **environment: str) -> str:
    """Run Python under the shim."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, env={**os.environ, "LD_PRELOAD": str(shim), **environment},
                          check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


def test_ten_years_there_and_back_in_the_middle_of_actions(base: Any, fresh: Callable[[str], Profile], shim: Path, seed: int) -> None:
    wish = {"profile": str(fresh("désk").path), "people": base.people, "gathering": base.gathering, "seed": seed, "years": YEARS,
            "restarts": 60 if SOAK else 5, "steps": 60 if SOAK else 30}
    edits, _inside = json.loads(turned(JUMPING, shim, json.dumps(wish)))
    assert edits > 20
    print(f"\nseed {seed}: {edits} edits under a jumping clock")


@pytest.mark.parametrize("ahead", [-YEARS, -60 * MINUTE, 60 * MINUTE, YEARS], ids=["ten years behind", "an hour behind", "an hour ahead", "ten years ahead"])
def test_after_the_clock_is_set_right_the_newer_change_still_counts(ahead: int, base: Any, fresh: Callable[[str], Profile], shim: Path) -> None:
    """An edit under the wrong clock, an edit under the right one by a program started anew: the second stands, and both are in the history."""
    profile = fresh("désk")
    code = """
import sys
from pathlib import Path
from alumni_desk.members.actions import change_member
from alumni_desk.members.lists import member
from alumni_desk.schema import open_desk
from alumni_desk.store.history import history
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import undo
folder, person, city, before = sys.argv[1:]
with open_desk(Profile(Path(folder))) as desk:
    assert member(desk, person).fields["city"] == before
    change_member(desk, person, city=city)
    undo(desk)
    assert member(desk, person).fields["city"] == before
    change_member(desk, person, city=city)
    newest = [one for one in history(desk, "person", person) if one.field == "city"][0]
    assert newest.value == city and newest.now
"""
    where, person = str(profile.path), base.people[0]
    turned(code, shim, where, person, "Porto", "Boston", ALUMNI_DESK_FAULT_AHEAD_MS=str(ahead))
    turned(code, shim, where, person, "Lisbon", "Porto")
    turned(code, shim, where, person, "Faro", "Lisbon", ALUMNI_DESK_FAULT_AHEAD_MS=str(-ahead))


DAYLIGHT = """
import ctypes, json, sys, time
from datetime import UTC, datetime
from pathlib import Path
from alumni_desk.checkin.actions import check_in
from alumni_desk.checkin.lists import arrivals, headcount, last_in
from alumni_desk.gatherings.actions import replan_gathering
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.done import actions
from alumni_desk.store.undo import undo
wish = json.loads(sys.argv[1])
library = ctypes.CDLL(None)
library.fault_clock.argtypes = (ctypes.c_longlong,)
begin = datetime.fromisoformat(wish["begin"]).timestamp()
library.fault_clock(0)
away = begin - time.time()
with open_desk(Profile(Path(wish["profile"]))) as desk:
    for minutes, person in zip(range(0, 180, 20), wish["people"]):
        library.fault_clock(int((away + minutes * 60) * 1000))
        check_in(desk, wish["gathering"], person_id=person)
    with desk.reading() as connection:
        at = connection.exec_driver_sql("SELECT at FROM fact ORDER BY rowid").scalars().all()
    assert at == sorted(at) and len(at) == 9, at
    gaps = [(datetime.fromisoformat(b) - datetime.fromisoformat(a)).total_seconds() for a, b in zip(at, at[1:])]
    assert all(1190 < gap < 1215 for gap in gaps), gaps
    assert headcount(desk, wish["gathering"]).present == 9
    latest = [one.person for one in last_in(desk, wish["gathering"], 9)] if hasattr(last_in(desk, wish["gathering"], 1)[0], "person") else None
    assert latest is None or latest == wish["people"][:9][::-1], latest
    assert sum(count for _at, count in arrivals(desk, wish["gathering"])) == 9
    assert [one.at for one in actions(desk, 9)] == sorted((one.at for one in actions(desk, 9)), reverse=True)
    undo(desk)
    assert headcount(desk, wish["gathering"]).present == 8
print("kept")
"""


@pytest.mark.parametrize(("zone", "begin"), [
    ("Europe/Berlin", "2026-10-25T00:10:00+00:00"), ("Europe/Berlin", "2026-03-29T00:10:00+00:00"), ("America/New_York", "2026-11-01T05:10:00+00:00"),
    ("Australia/Lord_Howe", "2026-04-04T14:10:00+00:00")])
def test_an_evening_on_which_the_hour_changes(zone: str, begin: str, base: Any, fresh: Callable[[str], Profile], shim: Path) -> None:
    wish = {"profile": str(fresh("désk").path), "people": base.people, "gathering": base.gathering, "begin": begin}
    assert turned(DAYLIGHT, shim, json.dumps(wish), TZ=zone).strip() == "kept"


@pytest.mark.parametrize(("ahead_ms", "words"), [
    (0, ""), (5 * MINUTE, ""), (-5 * MINUTE, ""), (6 * MINUTE, "6 minutes ahead"), (-6 * MINUTE, "6 minutes behind"), (180 * MINUTE, "3 hours ahead"),
    (-3 * 24 * 60 * MINUTE, "3 days behind"), (YEARS, "10 years ahead"), (-YEARS, "10 years behind")])
def test_it_is_said_from_five_minutes_on(ahead_ms: int, words: str) -> None:
    said = clock_sentence(ahead_ms)
    assert (words in said and said.endswith(".")) if words else said == ""


@pytest.mark.parametrize(("once", "then"), [(YEARS, 0), (0, -YEARS), (-YEARS, 0)], ids=["it was once ahead", "it is behind now", "it was once behind"])
def test_whatever_the_clock_said_of_backups_nothing_is_lost_with_the_database(fresh: Callable[[str], Profile], shim: Path, once: int, then: int) -> None:
    """The newest backup is the one that was made last, and the outbox holds what was done since the one before it."""
    found = json.loads(turned(SAVED, shim, str(fresh("désk").path), str(once), str(then)))
    assert found == [f"Day{day}" for day in range(7)]
