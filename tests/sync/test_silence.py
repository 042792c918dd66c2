"""Whoever synced with a laptop that kept the chapter is told that it moved, or that it may have: not to look at the Wi-Fi for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alumni_desk.errors import KnownError
from alumni_desk.members.actions import add_member
from alumni_desk.store.desk import Desk
from alumni_desk.sync import keeping, moving, state
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.inviting import invite

from .test_keeping import free_port, names

MakeDesk = Callable[[str], Desk]


def trouble_of(desk: Desk) -> KnownError:
    """What a sync says."""
    with pytest.raises(KnownError) as raised:
        sync_once(desk)
    return raised.value


def last_contact(desk: Desk, ago: timedelta) -> None:
    """As if the last sync that went well had been so long ago."""
    with desk.applying() as applying:
        last = state.read(applying.connection, state.LastSync) or state.LastSync()
        state.keep(applying.connection, state.LastSync((datetime.now(UTC) - ago).isoformat(), last.trouble))


def kept(make_desk: MakeDesk) -> tuple[Desk, Desk, keeping.Keeping]:
    """A laptop that keeps a chapter, another one of it, and the process."""
    desk, other = make_desk("keeper"), make_desk("other")
    desk.make_chapter("Great Lakes", "Aldermoor", "America/Chicago")
    add_member(desk, first_name="Ana")
    serving = keeping.begin(desk, port=free_port(), host="127.0.0.1")
    sync_once(desk)
    join(other, serving.url, invite(desk, "leader").code)
    sync_once(other)
    return desk, other, serving


def test_the_others_are_told_that_the_chapter_moved_as_long_as_the_program_runs_and_afterwards(office: Any, make_desk: MakeDesk) -> None:
    desk, other, serving = kept(make_desk)
    try:
        keeping.move_away(desk, serving, office.url, office.invite())
        assert not list(desk.profile.path.glob("serv*")) and serving.running
        add_member(other, first_name="Bo")
        said = trouble_of(other)
        assert said.code == "sync_moved" and "ask its leader for a new invitation" in str(said)
        assert status(other).waiting and status(other).sentence == "Saved here · 1 to send, and the chapter has moved"
    finally:
        serving.stop()
    assert not list(desk.profile.path.glob("serv*")), "nothing is made anew"
    said = trouble_of(other)
    assert said.code == "sync_moved" and "ask its leader" in str(said)
    moving.move(other, office.url, office.invite(), anyway=True)
    sync_once(desk)
    assert sync_once(other).waiting == 0 and names(other) == {"Ana", "Bo"} and "moved" not in status(other).sentence


def test_a_laptop_that_was_not_reached_for_days_may_have_gone_for_good(make_desk: MakeDesk) -> None:
    desk, other, serving = kept(make_desk)
    serving.stop()
    said = trouble_of(other)
    assert said.code == "sync_unreachable" and "check the network" in str(said), "it may be off for the night"
    assert "If the chapter has moved" in str(said) and "“It has moved”" in str(said), "of that it can tell nobody who is late"
    last_contact(other, timedelta(days=3, hours=1))
    said = trouble_of(other)
    assert said.code == "sync_unreachable" and "keeps the chapter has not been reached for 3 days" in str(said) and "may" in str(said)
    assert "Sync, Details, “It has moved”" in str(said)
    last_contact(desk, timedelta(days=3))
    assert "check the network" in str(trouble_of(desk)), "that laptop itself knows better"


def test_of_an_offices_server_that_is_silent_for_days_nothing_else_is_said(make_server: Any, make_desk: MakeDesk) -> None:
    desk, server = make_desk("one"), make_server()
    join(desk, server.url, server.invite())
    sync_once(desk)
    server.kill()
    last_contact(desk, timedelta(days=30))
    assert "check the network" in str(trouble_of(desk))
