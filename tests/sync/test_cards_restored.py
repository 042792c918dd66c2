"""A server process that went back to a backup of before a card: what was decided, and opened again, is there again. ``tests/server`` has all its cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import undo
from alumni_desk.sync import conflicts
from alumni_desk.sync.engine import join

from .test_conflicts import card, change, fields, rest, value


@pytest.mark.parametrize("database", ["sqlcipher", "postgresql"])
def test_a_card_that_was_opened_again_comes_back_from_a_backup_of_before_it(
        request: pytest.FixtureRequest, make_server: Any, make_desk: Callable[[str], Desk], tmp_path: Path, database: str) -> None:
    server = make_server(request.getfixturevalue("postgres_url") if database == "postgresql" else None)
    priya, tomas = make_desk("priya"), make_desk("tomas")
    for desk in (priya, tomas):
        join(desk, server.url, server.invite())
    with priya.writing("member_added") as writing:
        selam = writing.add("person", standing="member", last_name="Tesfaye", email="selam@example.com")
    rest(priya, tomas)
    file = str(tmp_path / "yesterday.backup")
    server.run("server", "backup", file)
    change(priya, selam, email="hers@example.org")
    change(tomas, selam, email="his@example.net")
    rest(priya, tomas)
    conflicts.decide(priya, card(priya, "email").id, "yours")
    rest(priya, tomas)
    undo(priya)
    rest(priya, tomas)
    before = conflicts.conflicts(priya), conflicts.conflicts(tomas)
    assert server.stop() == 0
    server.run("server", "restore", file, "--replace")
    server.start()
    rest(priya, tomas)
    assert (conflicts.conflicts(priya), conflicts.conflicts(tomas)) == before and len(before[0]) == 1
    conflicts.decide(tomas, card(tomas, "email").id, "theirs")
    rest(priya, tomas)
    assert fields(priya) == fields(tomas) == [] and value(priya, selam, "email") == "hers@example.org"
