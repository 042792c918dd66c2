"""A leader's laptop that was without contact for too long: locked, here and among peers, until the server was heard."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from alumni_desk.members.actions import add_member
from alumni_desk.store.desk import Desk
from alumni_desk.sync import access, door, state
from alumni_desk.sync.engine import join, status, sync_once

MakeDesk = Callable[[str], Desk]


@pytest.fixture
def leader(office: Any, make_desk: MakeDesk) -> Desk:
    """A leader's laptop that has synced."""
    desk = make_desk("leader")
    join(desk, office.url, office.invite())
    add_member(desk, first_name="Ada", last_name="Lovelace")
    sync_once(desk)
    return desk


def until(desk: Desk, moment: datetime | None = None) -> datetime:
    """Until when its access is; set it to another moment first."""
    with desk.applying() as applying:
        member = state.read(applying.connection, state.Membership)
        assert member is not None and member.until is not None
        if moment is not None:
            state.keep(applying.connection, msgspec.structs.replace(member, until=moment.isoformat()))
        return moment or datetime.fromisoformat(member.until)


def locked(desk: Desk) -> bool:
    """Whether it is."""
    with desk.reading() as connection:
        return access.is_locked(connection)


def command(desk: Desk, *words: str) -> Any:
    """A command of a process of its own: its JSON, or what it says no with."""
    done = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(desk.profile.path), *words, "--json"], capture_output=True, text=True,
                          check=False, timeout=60)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr


def test_a_leader_without_contact_sees_nothing_until_the_server_was_heard(leader: Desk) -> None:
    assert not locked(leader) and until(leader) > datetime.now(UTC) + timedelta(days=59)
    until(leader, datetime.now(UTC) - timedelta(seconds=1))
    assert locked(leader) and status(leader).locked and "locked" in status(leader).sentence and status(leader).short.startswith("Locked")
    for words in (["members"], ["export", "-o", "out.ndjson"], ["member", "add", "first_name=A", "last_name=B"], ["activity"], ["conflicts"], ["refused"]):
        assert "without contact with the server" in command(leader, *words), words
    assert command(leader, "status")["state"] == "ended" and command(leader, "verify")
    assert command(leader, "sync")["waiting"] == 0
    assert not locked(leader) and until(leader) > datetime.now(UTC) + timedelta(days=59)
    assert [one["name"] for one in command(leader, "members")] == ["Ada Lovelace"] and status(leader).state == "synced"


def test_a_clock_that_is_set_back_opens_nothing(leader: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with leader.reading() as connection:
        member, contact = state.read(connection, state.Membership), state.read(connection, state.Contact)
    assert member is not None and contact is not None
    now = time.monotonic()
    door.pass_time(leader, member)
    with monkeypatch.context() as patch:
        patch.setattr(door.time, "monotonic", lambda: now + 61 * 86_400)
        door.pass_time(leader, member)
        patch.setattr(access, "wall_ms", lambda: contact.server_ms - 86_400_000)
        assert locked(leader)
    sync_once(leader)
    assert not locked(leader)


def test_a_clock_that_was_known_to_run_ahead_locks_nothing(leader: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = 100 * 86_400_000
    with monkeypatch.context() as patch:
        patch.setattr(access, "wall_ms", lambda: time.time_ns() // 1_000_000 + ahead)
        assert locked(leader)
        with leader.applying() as applying:
            state.keep(applying.connection, state.Skew(ahead, 0))
        assert not locked(leader)


@pytest.mark.parametrize("ahead_days", [-3, 3])
def test_a_clock_that_was_set_right_since_locks_nothing(leader: Desk, monkeypatch: pytest.MonkeyPatch, ahead_days: int) -> None:
    day = 86_400_000
    with leader.applying() as applying:
        contact = state.read(applying.connection, state.Contact)
        assert contact is not None
        state.keep(applying.connection, state.Skew(ahead_days * day, contact.server_ms))
    until(leader, datetime.fromtimestamp(contact.server_ms / 1000, UTC) + timedelta(days=2))
    for wrong_by, hours, over in ((ahead_days, 1, False), (0, 1, False), (0, 47, False), (0, 49, True)):
        monkeypatch.setattr(access, "wall_ms", lambda wrong_by=wrong_by, hours=hours: contact.server_ms + wrong_by * day + hours * 3_600_000)
        assert locked(leader) is over, (wrong_by, hours)


def test_a_door_whose_time_is_over_shows_nothing_to_a_command_either(leader: Desk) -> None:
    with leader.applying() as applying:
        member = state.read(applying.connection, state.Membership)
        assert member is not None
        state.keep(applying.connection, msgspec.structs.replace(member, role="door", gathering="nowhere"))
    until(leader, datetime.now(UTC) - timedelta(seconds=1))
    for words in (["members"], ["guests", "next"], ["headcount", "next"], ["export", "-o", "out.ndjson"]):
        assert "time at the door of the gathering is over" in command(leader, *words), words
    assert command(leader, "status")["state"] == "ended"
