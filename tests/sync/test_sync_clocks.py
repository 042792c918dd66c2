"""Laptops whose clocks are years off sync with a server whose clock is right: nothing is lost, the order is kept, and the user is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.carried_clocks import written_as
from alumni_desk.sync.conflicts import conflicts as open_conflicts
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.lately import lately

YEAR = 365 * 24 * 3_600_000


def under(shim: Path, ahead_ms: int, desk: Desk, *words: str) -> str:
    """A command on a desk's profile, by a computer whose clock is so far ahead."""
    done = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(desk.profile.path), *words], capture_output=True, text=True, check=False,
                          env={**os.environ, "LD_PRELOAD": str(shim), "ALUMNI_DESK_FAULT_AHEAD_MS": str(ahead_ms)})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("years", [-10, 10])
def test_a_wrong_clock_loses_nothing_and_is_said(years: int, office: Any, make_desk: Callable[[str], Desk], shim: Path) -> None:
    right, wrong = make_desk("right"), make_desk("wrong")
    for desk in (right, wrong):
        join(desk, office.url, office.invite())
    ana = add_member(right, first_name="Ana", last_name="Lima", city="Boston").id
    sync_once(right)
    said = under(shim, years * YEAR, wrong, "sync")
    assert f"10 years {'ahead' if years > 0 else 'behind'}" in said
    under(shim, years * YEAR, wrong, "member", "set", ana, "city=Porto")
    under(shim, years * YEAR, wrong, "member", "add", "last_name=Berg")
    under(shim, years * YEAR, wrong, "sync")
    standing = json.loads(under(shim, years * YEAR, wrong, "status", "--json"))
    assert abs(standing["clock_ahead_seconds"] * 1000 - years * YEAR) < 60_000 and standing["waiting"] == 0
    sync_once(right)
    assert member(right, ana).fields["city"] == "Porto"
    change_member(right, ana, city="Lisbon")  # later, by the right clock: it stands everywhere
    sync_once(right)
    under(shim, years * YEAR, wrong, "sync")
    assert member(wrong, ana).fields["city"] == "Lisbon" == member(right, ana).fields["city"]
    with wrong.reading() as connection:
        checked = state.read(connection, state.Checked)
        moments = [one.at for one in lately(connection)] + ([checked.at] if checked else [])
    now = datetime.now(UTC)
    assert len(moments) >= 3 and all(timedelta(0) <= now - datetime.fromisoformat(one) < timedelta(minutes=10) for one in moments), "the corrected time"
    under(shim, 0, wrong, "sync")  # the clock was set right
    assert status(wrong).clock == "" and status(right).clock == ""
    assert "10 years behind" in under(shim, -10 * YEAR, wrong, "status")  # set back since, and the server was not asked yet


def test_without_a_server_a_clock_behind_the_newest_change_is_said(make_desk: Callable[[str], Desk], shim: Path) -> None:
    desk = make_desk("alone")
    add_member(desk, last_name="Lima")
    assert status(desk).clock == "" and status(desk).ahead_s == 0
    said = json.loads(under(shim, -10 * YEAR, desk, "status", "--json"))
    assert abs(said["clock_ahead_seconds"] * 1000 + 10 * YEAR) < 600_000
    assert "10 years behind the newest change" in under(shim, -10 * YEAR, desk, "status")
    under(shim, -10 * YEAR, desk, "member", "add", "last_name=Berg")  # now the newest fits, and the clock is as wrong as before
    assert "10 years behind the newest change" in under(shim, -10 * YEAR, desk, "status")
    assert status(desk).clock == ""
    under(shim, YEAR, desk, "member", "add", "last_name=Chen")
    assert "365 days behind" in status(desk).clock
    add_member(desk, last_name="Diaz")  # by the right clock: that one was ahead is past
    assert status(desk).clock == ""


def test_what_is_done_after_a_sync_has_the_servers_time(office: Any, make_desk: Callable[[str], Desk], shim: Path) -> None:
    desk = make_desk("one")
    join(desk, office.url, office.invite())
    code = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.done import actions
from alumni_desk.sync.conflicts import conflicts as open_conflicts
from alumni_desk.sync.engine import sync_once
with open_desk(Profile(Path(sys.argv[1]))) as desk:
    sync_once(desk)
    add_member(desk, last_name="Lima")
    print(actions(desk, 1)[0].at, datetime.now(UTC).year)
"""
    done = subprocess.run([sys.executable, "-c", code, str(desk.profile.path)], capture_output=True, text=True, check=False,
                          env={**os.environ, "LD_PRELOAD": str(shim), "ALUMNI_DESK_FAULT_AHEAD_MS": str(10 * YEAR)})
    assert done.returncode == 0, done.stderr
    at, year = done.stdout.split()
    assert int(year) - int(at[:4]) in (9, 10)


def test_the_next_gathering_is_the_next_one_by_the_time_that_the_server_told(office: Any, make_desk: Callable[[str], Desk], shim: Path) -> None:
    desk = make_desk("door")
    join(desk, office.url, office.invite())
    today = datetime.now(UTC)
    new_gathering(desk, name="Fest", start=f"{today:%Y-%m-%dT%H:%M}", end=f"{today + timedelta(hours=5):%Y-%m-%dT%H:%M}", time_zone="UTC")
    two_days = 2 * 24 * 3_600_000
    under(shim, two_days, desk, "sync")
    assert json.loads(under(shim, two_days, desk, "headcount", "next", "--json"))


def test_what_this_laptop_wrote_while_its_clock_ran_ahead_is_its_own_on_a_card(office: Any, make_desk: Callable[[str], Desk], shim: Path) -> None:
    right, ahead = make_desk("right"), make_desk("ahead")
    for desk in (right, ahead):
        join(desk, office.url, office.invite())
    ana = add_member(right, first_name="Ana", last_name="Lima", employer="Before").id
    sync_once(right)
    sync_once(ahead)
    for value in ("Sooner", "Future"):
        under(shim, 2 * 24 * 3_600_000, ahead, "member", "set", ana, f"employer={value}")
    change_member(right, ana, employer="Now")
    sync_once(right)
    under(shim, 2 * 24 * 3_600_000, ahead, "sync")
    card, = open_conflicts(ahead)
    assert (card.yours.value, card.yours.here, card.theirs.value, card.theirs.here) == ("Future", True, "Now", False)
    sync_once(right)
    card, = open_conflicts(right)
    assert (card.yours.value, card.yours.here, card.theirs.value, card.theirs.here) == ("Now", True, "Future", False)


def test_what_was_never_written_has_no_clock_of_ones_own() -> None:
    assert written_as("") == ""
